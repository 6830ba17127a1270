//! The engine's ends of its queues, and what it shares with the other world.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use vrrp_proto::router::{Standing, StopKind};
use vrrp_proto::time::Instant;
use vrrp_proto::track::{Reading, TrackerId};

use super::heartbeat::Beat;
use super::setup::Setup;
use crate::address::{AddressCommand, AddressReport, AddressSetup};
use crate::core::Report;
use crate::publish::{ENGINE_WORDS, Published};
use crate::queue::{Receiver, Sender, Signal};

/// What the other world tells the engine.
#[derive(Debug)]
pub(crate) enum Command {
    /// A new configuration: what the engine runs on, and what goes on to the address thread.
    Replace {
        setup: Box<Setup>,
        address: Box<AddressSetup>,
    },
    /// A tracked object was looked at.
    Reading {
        tracker: TrackerId,
        reading: Reading,
        expires: Instant,
    },
    /// What an operator asks of every router.
    Stand(Standing),
    /// Every router leaves; then the threads end.
    Stop(StopKind),
    /// A defect of the engine.
    #[cfg(test)]
    Panic,
}

/// The engine's ends of its queues. Everything that comes in raises one signal.
#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) signal: Signal,
    pub(crate) commands: Receiver<Command>,
    pub(crate) address_reports: Receiver<AddressReport>,
    /// Setups that were replaced, to be dropped where waiting is allowed.
    pub(crate) returned: Sender<Box<Setup>>,
    pub(crate) shared: Arc<Shared>,
}

/// The engine's ways out.
#[derive(Debug)]
pub(crate) struct Outs {
    pub(crate) address: Sender<AddressCommand>,
    pub(crate) reports: Sender<Report>,
}

/// What both worlds see.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) beat: Beat,
    pub(crate) engine: Published<ENGINE_WORDS>,
    /// Whether the engine's thread is there; a panic ends it without a word.
    pub(crate) alive: AtomicBool,
}

/// Lives as long as the engine's thread.
#[derive(Debug)]
pub(crate) struct Alive(Arc<Shared>);

impl Alive {
    pub(crate) fn begin(shared: Arc<Shared>) -> Self {
        shared.alive.store(true, Ordering::Release);
        Self(shared)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.alive.store(false, Ordering::Release);
    }
}
