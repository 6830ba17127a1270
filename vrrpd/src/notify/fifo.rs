//! Notify FIFOs: one line for each event, and the program that reads it.
//!
//! The runner makes and opens a FIFO, as it may belong to a user that we are not. It is held open for reading and writing, so
//! lines wait in it until a reader comes; a write never waits, and a full FIFO costs the line.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::runner::{Program, RunEvent};
use crate::sys::pipe::unread;
use crate::track::Launch;

/// How long a reader that ended is left alone, and the longest such time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A reader that ran this long starts with the first pause again.
const STEADY: Duration = Duration::from_secs(60);

/// A FIFO that is there, and who reads it.
#[derive(Clone, Debug)]
pub struct Fifo {
    /// Where.
    pub path: PathBuf,
    /// Open for reading and writing, without waiting.
    pub pipe: Arc<File>,
    /// `notify_fifo_script`, with the path as its last word.
    pub reader: Option<Program>,
}

/// A FIFO in use.
#[derive(Debug)]
struct Outlet {
    fifo: Fifo,
    /// Keeps the reader running; ends with it.
    reader: Option<AbortOnDrop>,
    /// Lines that did not fit since the last that did.
    lost: u64,
}

#[derive(Debug)]
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// All FIFOs in use.
#[derive(Debug, Default)]
pub(super) struct Fifos(Vec<Outlet>);

impl Fifos {
    /// Makes these the FIFOs. A reader that stays the same is not disturbed.
    pub(super) fn replace<L: Launch>(&mut self, fifos: Vec<Fifo>, launcher: &L) {
        let mut old = std::mem::take(&mut self.0);
        self.0 = fifos
            .into_iter()
            .map(|fifo| {
                let same = |known: &Outlet| {
                    known.fifo.path == fifo.path && known.fifo.reader == fifo.reader
                };
                match old.iter().position(same) {
                    Some(place) => Outlet {
                        fifo,
                        ..old.swap_remove(place)
                    },
                    None => Outlet {
                        reader: fifo.reader.clone().map(|program| {
                            AbortOnDrop(tokio::spawn(keep_reading(program, launcher.clone())))
                        }),
                        fifo,
                        lost: 0,
                    },
                }
            })
            .collect();
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes a line, its newline included, to each.
    pub(super) fn write(&mut self, line: &str) {
        for outlet in &mut self.0 {
            outlet.write(line);
        }
    }

    /// Waits until readers have taken every line, at most for `bound`. What nobody reads is not waited for.
    pub(super) async fn read_out(&self, bound: Duration) {
        const STEP: Duration = Duration::from_millis(10);
        let until = Instant::now() + bound;
        let unread = |outlet: &Outlet| {
            outlet.reader.is_some() && unread(&*outlet.fifo.pipe).is_ok_and(|bytes| bytes > 0)
        };
        while self.0.iter().any(unread) && Instant::now() < until {
            sleep(STEP).await;
        }
    }
}

impl Outlet {
    fn write(&mut self, line: &str) {
        let path = self.fifo.path.display();
        // Shorter than a page, so it is written whole or not at all.
        match (&*self.fifo.pipe).write_all(line.as_bytes()) {
            Ok(()) => {
                let lost = std::mem::take(&mut self.lost);
                if lost > 0 {
                    tracing::warn!("{path} takes lines again; {lost} were lost");
                }
            }
            Err(error) => {
                if self.lost == 0 && error.kind() == ErrorKind::WouldBlock {
                    tracing::warn!("nobody reads {path}, and it is full: lines are lost");
                } else if self.lost == 0 {
                    tracing::warn!("cannot write to {path}: {error}");
                }
                self.lost = self.lost.saturating_add(1);
            }
        }
    }
}

/// Starts a reader, and again when it ends, after a growing pause.
async fn keep_reading(program: Program, launcher: impl Launch) {
    let name = program.argv.first().cloned().unwrap_or_default();
    let mut pause = FIRST_PAUSE;
    loop {
        let begin = Instant::now();
        match launcher.launch(&program, None) {
            Ok(mut run) => {
                while let Some(event) = run.next().await {
                    if let RunEvent::Ended { outcome, .. } = event {
                        tracing::warn!("notify fifo script {name} has ended: {outcome:?}");
                    }
                }
            }
            Err(error) => tracing::error!("notify fifo script {name}: {error}"),
        }
        if begin.elapsed() >= STEADY {
            pause = FIRST_PAUSE;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
