//! The ways out: a stop that was asked for, and a resignation (safety rule 1). Both are bounded by the clock.

use std::io::Write;
use std::sync::mpsc;
use std::time::Duration;

use vrrp_proto::node::NodeEvent;
use vrrp_proto::router::{State, StopKind};
use vrrp_proto::time::Instant;

use super::clock;
use super::run::Engine;
use crate::address::{self, AddressCommand};
use crate::core::{OnResign, Report, ResignReason};
use crate::exit::Exit;
use crate::sys;

/// Longest hold of a planned stop (safety rule 2), and a little more for the address thread to see the end of it.
const HOLD: Duration = Duration::from_millis(2500);
/// Looks at the address thread on the way out of a broken loop.
const LOOK: Duration = Duration::from_millis(10);

/// How long the last words may take.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// How far the way out is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stopping {
    /// Not begun.
    No,
    /// Routers leave, and hold their addresses perhaps.
    Leaving {
        until: Instant,
        reason: Option<ResignReason>,
    },
    /// The address thread takes everything off and ends.
    Removing {
        until: Instant,
        reason: Option<ResignReason>,
        left: Option<u16>,
    },
}

impl Stopping {
    pub(super) const fn has_begun(&self) -> bool {
        !matches!(self, Self::No)
    }

    pub(super) const fn deadline(&self) -> Option<Instant> {
        match self {
            Self::No => None,
            Self::Leaving { until, .. } | Self::Removing { until, .. } => Some(*until),
        }
    }

    /// The address thread's last word.
    pub(super) const fn address_thread_stopped(&mut self, still_there: u16) {
        if let Self::Removing { left, .. } = self {
            *left = Some(still_there);
        }
    }
}

impl Engine {
    /// The other world asks for the end.
    pub(super) fn stop(&mut self, kind: StopKind) {
        if matches!(self.stopping, Stopping::Removing { .. }) {
            return;
        }
        let bound = match kind {
            StopKind::Planned => HOLD,
            StopKind::Immediate => Duration::ZERO,
        };
        let reason = self.resigned();
        self.stopping = Stopping::Leaving {
            until: clock::now().saturating_add(bound),
            reason,
        };
        self.tell(NodeEvent::Stop(kind));
        self.touch_all();
    }

    /// Gives every router up because something that promises rest on is gone.
    pub(super) fn resign(&mut self, reason: ResignReason) {
        if self.resigned().is_some() || matches!(self.stopping, Stopping::Removing { .. }) {
            return;
        }
        let at = clock::now();
        self.stopping = Stopping::Leaving {
            until: at,
            reason: Some(reason),
        };
        self.tell(NodeEvent::Stop(StopKind::Immediate));
        self.hands.report(Report::Resigned { reason, at });
        self.touch_all();
    }

    fn resigned(&self) -> Option<ResignReason> {
        match self.stopping {
            Stopping::No => None,
            Stopping::Leaving { reason, .. } | Stopping::Removing { reason, .. } => reason,
        }
    }

    /// Takes the next step of the way out when it is time. Gives the reason of a resignation at the very end.
    #[expect(
        clippy::option_option,
        reason = "the outer one says whether it is the end"
    )]
    pub(super) fn look_at_end(&mut self) -> Option<Option<ResignReason>> {
        let now = clock::now();
        match self.stopping {
            Stopping::No => None,
            Stopping::Leaving { until, reason } => {
                let left = self.everyone_left();
                if left || now >= until {
                    if !left {
                        self.stop_now();
                    }
                    self.hands.ask(AddressCommand::Stop);
                    let until = now.saturating_add(self.options.stop_bound);
                    self.stopping = Stopping::Removing {
                        until,
                        reason,
                        left: None,
                    };
                }
                None
            }
            Stopping::Removing {
                until,
                reason,
                left,
            } => {
                let gone = self.hands.address_thread_is_gone();
                if left.is_none() && !gone && now < until {
                    return None;
                }
                // A thread that is gone said its last word before it went.
                self.take_address_reports();
                self.end(reason);
                Some(reason)
            }
        }
    }

    fn everyone_left(&self) -> bool {
        let mut routers = self.setup.node.routers();
        routers.all(|(_, router)| router.state() == State::Initialize)
    }

    /// The loop cannot go on: leaves without it.
    pub(super) fn give_up(&mut self, reason: ResignReason) -> ResignReason {
        self.resign(reason);
        let end = clock::now().saturating_add(self.options.stop_bound);
        while self.look_at_end().is_none() {
            self.take_address_reports();
            self.hands.flush();
            if clock::now() > end {
                break;
            }
            std::thread::sleep(LOOK);
        }
        reason
    }

    /// The last thing that the engine does.
    fn end(&mut self, reason: Option<ResignReason>) {
        let confirmed = matches!(self.stopping, Stopping::Removing { left: Some(0), .. });
        let removed = confirmed || self.clean_up_alone();
        if let Some(flight) = self.setup.io.flight.as_mut().filter(|_| reason.is_none()) {
            flight.end(clock::now());
        }
        self.hands.report(Report::Stopped {
            addresses_removed: removed,
            at: clock::now(),
        });
        self.running = false;
        self.touch_all();
        self.publish();
        if let (Some(reason), OnResign::ExitProcess(code)) = (reason, self.options.on_resign) {
            last_words(reason, removed);
            sys::thread::end_process(exit_code(reason, code));
        }
    }

    /// Without an address thread the engine takes the addresses off itself: no advert is left that could wait for it.
    fn clean_up_alone(&self) -> bool {
        self.hands.address_thread_is_gone() && address::cleanup(&self.setup.addresses).is_ok()
    }
}

/// A world that hangs ends the process with `hung`; what broke in the core itself is a part that ended untold.
fn exit_code(reason: ResignReason, hung: i32) -> i32 {
    match reason {
        ResignReason::HeartbeatLost(_) => hung,
        ResignReason::AddressThreadLost | ResignReason::LoopBroken(_) | ResignReason::Panicked => {
            Exit::Internal.code().into()
        }
    }
}

/// Says on standard error why the process ends, since the world that logs does not. From a thread of its own and with a
/// bound: whoever reads that pipe may be what hangs.
fn last_words(reason: ResignReason, removed: bool) {
    let addresses = if removed {
        "removed"
    } else {
        "perhaps still there"
    };
    let words = format!(
        "vrrpd: the engine gives up its routers and ends the process: {reason}; addresses {addresses}\n"
    );
    let (said, is_said) = mpsc::channel();
    let spawned = std::thread::Builder::new().spawn(move || {
        let _ = std::io::stderr().write_all(words.as_bytes());
        let _ = said.send(());
    });
    if spawned.is_ok() {
        let _ = is_said.recv_timeout(LAST_WORDS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_tells_a_world_that_hung_from_a_part_of_ours_that_broke() {
        assert_eq!(exit_code(ResignReason::HeartbeatLost(LOOK), 7), 7);
        assert_eq!(exit_code(ResignReason::AddressThreadLost, 7), 70);
        assert_eq!(exit_code(ResignReason::LoopBroken(9), 7), 70);
    }
}
