//! A program that was started: its events, and its end when nobody wants it any more.

use tokio::sync::mpsc;

use super::client::Runner;
use super::message::RunEvent;

/// A program that was started. Dropping it terminates the program, unless it was let go.
#[derive(Debug)]
pub struct Run {
    events: mpsc::UnboundedReceiver<RunEvent>,
    kill_on_drop: Option<(Runner, u64)>,
}

impl Run {
    pub(super) const fn new(
        events: mpsc::UnboundedReceiver<RunEvent>,
        runner: Runner,
        run: u64,
    ) -> Self {
        Self {
            events,
            kill_on_drop: Some((runner, run)),
        }
    }

    /// A run without a program, for tests of those who start programs.
    #[must_use]
    pub const fn from_events(events: mpsc::UnboundedReceiver<RunEvent>) -> Self {
        Self {
            events,
            kill_on_drop: None,
        }
    }

    /// The next event; `None` after the last, or when the runner is gone. Cancel safe.
    pub async fn next(&mut self) -> Option<RunEvent> {
        let event = self.events.recv().await;
        if matches!(event, None | Some(RunEvent::Ended { .. })) {
            self.kill_on_drop = None;
        }
        event
    }

    /// Lets the program go on when this is dropped.
    pub fn let_go(&mut self) {
        self.kill_on_drop = None;
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some((runner, run)) = self.kill_on_drop.take() {
            runner.kill(run);
        }
    }
}
