//! Steps that take as long as a drill says: causes of lateness that this daemon does not have, put in to see that they
//! would be named. Only with the feature `slow-steps`, which no release has.
//!
//! A drill writes `work 2000`, `service 2000` or `file 2000 PATH` into the file `slow-step` of the run directory; the
//! world outside the engine takes it at its next beat, and the engine carries it out in its next turn.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use vrrp_record::step::Step;

use super::clock;
use super::run::Engine;

/// What is to be done, until the engine takes it.
static ORDER: Mutex<Option<Order>> = Mutex::new(None);

/// A slow step.
#[derive(Debug)]
pub(crate) struct Order {
    step: Step,
    length: Duration,
    file: PathBuf,
}

impl Order {
    /// An order as a drill writes it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let step = match words.next()? {
            "work" => Step::SlowWork,
            "file" => Step::SlowFile,
            "service" => Step::SlowService,
            _ => return None,
        };
        Some(Self {
            step,
            length: Duration::from_millis(words.next()?.parse().ok()?),
            file: words.next().map(PathBuf::from).unwrap_or_default(),
        })
    }

    /// Leaves it for the engine.
    pub(crate) fn give(self) {
        if let Ok(mut order) = ORDER.lock() {
            *order = Some(self);
        }
    }

    fn carry_out(&self) {
        let end = clock::now().saturating_add(self.length);
        match self.step {
            Step::SlowFile => {
                let Ok(mut file) = File::create(&self.file) else {
                    return;
                };
                while clock::now() < end {
                    if file.write_all(&[7; 1 << 16]).is_err() || file.sync_all().is_err() {
                        return;
                    }
                }
            }
            Step::SlowService => std::thread::sleep(self.length),
            Step::SlowWork
            | Step::Waiting
            | Step::Commands
            | Step::Receiving
            | Step::Deadlines
            | Step::Stamps
            | Step::Publishing
            | Step::Arming
            | Step::Reload
            | Step::Recording => while clock::now() < end {},
        }
    }
}

impl Engine {
    /// Carries out what a drill asked for.
    pub(super) fn take_slow_step(&mut self) {
        let order = ORDER.try_lock().ok().and_then(|mut order| order.take());
        if let Some(order) = order {
            let before = self.steps.enter(order.step, clock::now());
            order.carry_out();
            self.steps.enter(before, clock::now());
        }
    }
}
