//! The way out: routers leave and addresses go first, programs follow, and every step has its bound.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use vrrp_proto::router::StopKind;
use vrrp_record::event::{Kind, StopReason};

use super::Running;
use super::events::STOP_PROGRAMS;
use crate::exit::Exit;

/// The core's own bounds end a stop in 7 s: 2 s for the hold, 5 s for the address thread. One that takes longer hangs.
const OVERDUE: Duration = Duration::from_secs(10);
/// From telling the runner to end to leaving it behind: its programs get SIGTERM, and SIGKILL 2 s later.
const RUNNER_END: Duration = Duration::from_millis(2_500);

/// How long the end waits for the core's threads at most: the address thread's own bound is 3 s.
const THREADS_END: Duration = Duration::from_millis(3_500);

/// A stop that is under way.
#[derive(Debug)]
pub(super) struct Stopping {
    exit: Exit,
    until: Instant,
    immediate: bool,
}

/// Waits until a stop has taken too long.
pub(super) async fn overdue(stopping: Option<&Stopping>) {
    match stopping {
        Some(stopping) => sleep_until(stopping.until).await,
        None => std::future::pending().await,
    }
}

impl Running {
    /// Begins the stop. Being told again ends the hold of addresses for a successor.
    pub(super) fn stop(&mut self, reason: StopReason, exit: Exit) -> Option<Exit> {
        let kind = match reason {
            StopReason::Signal { .. } => StopKind::Planned,
            // Without a runner no tracker reports, so nothing proves that holding is safe.
            StopReason::Internal => StopKind::Immediate,
        };
        match &mut self.stopping {
            None => {
                self.observer.record(Kind::Stopping { reason });
                self.parts.manager.stopping("stopping");
                self.core.stop(kind);
                self.stopping = Some(Stopping {
                    exit,
                    until: Instant::now() + OVERDUE,
                    immediate: kind == StopKind::Immediate,
                });
            }
            Some(stopping) if !stopping.immediate => {
                stopping.immediate = true;
                self.core.stop(StopKind::Immediate);
            }
            Some(_) => {}
        }
        None
    }

    /// Every router is out and the addresses are gone, or the core gave up waiting for that.
    pub(super) fn handle_stopped(&self, addresses_removed: bool) -> Exit {
        if !addresses_removed {
            tracing::error!("not every virtual address is known to be removed");
        }
        match &self.stopping {
            Some(stopping) => stopping.exit,
            None => Exit::Internal,
        }
    }

    pub(super) fn handle_overdue() -> Exit {
        tracing::error!("the engine did not stop within {} s", OVERDUE.as_secs());
        Exit::Internal
    }

    /// What follows when the routers are out: stop programs, files, the runner.
    pub(super) async fn finish(&mut self, exit: Exit) -> Exit {
        self.trackers.stop();
        self.notifier.stopped();
        self.notifier.idle(STOP_PROGRAMS).await;
        self.remove_pid_files().await;
        if let Some(control) = self.control.take() {
            control.abort();
            // Its file goes with it.
            let _ = control.await;
        }
        self.metrics.stop();
        if !self.parts.runner.finish(RUNNER_END).await {
            tracing::warn!("the runner process still ends programs that do not obey");
        }
        // Addresses that a lost engine left behind are the address thread's to take off, and it ends with the process.
        let until = Instant::now() + THREADS_END;
        while !self.core.has_ended() && Instant::now() < until {
            sleep(Duration::from_millis(5)).await;
        }
        self.observer.record(Kind::Stopped);
        drop(self.explain.take());
        exit
    }

    async fn remove_pid_files(&self) {
        let (runner, files) = (self.parts.runner.clone(), self.parts.pid_files.clone());
        let pid = i32::try_from(std::process::id()).unwrap_or_default();
        let remove = move || {
            for file in files {
                // A file that is gone, or another's by now, is as it should be.
                let _ = runner.remove_pid(&file, pid);
            }
        };
        let removal = tokio::task::spawn_blocking(remove);
        // A file system that hangs must not hold the exit.
        let _ = tokio::time::timeout(Duration::from_secs(1), removal).await;
    }
}
