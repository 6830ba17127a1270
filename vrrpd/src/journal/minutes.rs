//! One histogram for each stage, router and minute: what is kept of adverts that nothing happened to.

use std::collections::BTreeMap;

use vrrp_record::histogram::Histogram;
use vrrp_record::history::{Minute, Sent, Stage, Time};

use super::records::Fresh;

/// Nanoseconds of a minute.
const MINUTE: i64 = 60_000_000_000;
/// What comes so late still counts in its minute.
const PATIENCE: i64 = 10_000_000_000;

/// Minutes that are not over yet.
#[derive(Debug, Default)]
pub(super) struct Minutes {
    open: BTreeMap<(i64, u16, Stage), Histogram>,
    /// The last advert heard of each router.
    heard: BTreeMap<u16, Time>,
}

impl Minutes {
    /// Counts what came, and gives the minutes that are over.
    pub(super) fn add(&mut self, fresh: &Fresh, now: Time) -> Vec<Minute> {
        for sent in &fresh.settled {
            self.sent(sent);
        }
        for router in &fresh.unseen_heard {
            self.heard.remove(router);
        }
        for heard in &fresh.heard {
            let at = heard.at();
            if let Some(before) = self.heard.insert(heard.router, at) {
                self.count(heard.router, Stage::Gap, at, at, before);
            }
            if let Some(arrived) = heard.arrived {
                self.count(heard.router, Stage::Read, at, heard.read, arrived);
            }
        }
        self.turn((now.0 - PATIENCE).div_euclid(MINUTE))
    }

    /// Gives everything: the run ends.
    pub(super) fn end(&mut self) -> Vec<Minute> {
        self.turn(i64::MAX)
    }

    fn turn(&mut self, present: i64) -> Vec<Minute> {
        let rest = self.open.split_off(&(present, 0, Stage::Wake));
        std::mem::replace(&mut self.open, rest)
            .into_iter()
            .map(|((minute, router, stage), histogram)| Minute {
                at: Time(minute.saturating_mul(MINUTE)),
                router,
                stage,
                histogram,
            })
            .collect()
    }

    fn sent(&mut self, sent: &Sent) {
        let mut count = |stage, to: Option<Time>, from: Option<Time>| {
            if let (Some(to), Some(from)) = (to, from) {
                self.count(sent.router, stage, sent.due, to, from);
            }
        };
        count(Stage::Wake, sent.woke, Some(sent.due));
        count(Stage::Send, sent.accepted, sent.woke);
        if !sent.ambiguous {
            count(Stage::Queue, sent.left, sent.queued);
            count(Stage::Device, sent.taken, sent.left);
            count(Stage::Departure, sent.left, Some(sent.due));
        }
    }

    fn count(&mut self, router: u16, stage: Stage, at: Time, to: Time, from: Time) {
        let nanos = u64::try_from(to.since(from)).unwrap_or_default();
        self.open
            .entry((at.0.div_euclid(MINUTE), router, stage))
            .or_default()
            .record(nanos);
    }
}
