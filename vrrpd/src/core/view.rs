//! A second pair of eyes on the core: snapshots for the control socket and metrics, wherever the core itself is held.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{CoreSnapshot, EngineSnapshot, Published};
use crate::engine::{Shared, clock};
use crate::publish::EngineFacts;

/// Takes snapshots of a core that somebody else holds. Only the outer world shares its lock; the engine never meets it.
#[derive(Clone, Debug)]
pub struct CoreView {
    shared: Arc<Shared>,
    shown: Arc<Mutex<Shown>>,
}

/// What is published now.
#[derive(Debug)]
struct Shown {
    current: Published,
    /// Shown until the engine has taken the current setup over.
    previous: Option<Published>,
}

impl CoreView {
    pub(super) fn new(shared: Arc<Shared>, current: Published) -> Self {
        let shown = Shown {
            current,
            previous: None,
        };
        Self {
            shared,
            shown: Arc::new(Mutex::new(shown)),
        }
    }

    /// The state of the engine and of all routers. Never makes the engine wait.
    #[must_use]
    pub fn snapshot(&self) -> CoreSnapshot {
        let taken = clock::now();
        let facts = self.engine();
        let heartbeat_age = taken.saturating_since(self.shared.beat.last());
        let shown = self.lock();
        let published = shown
            .previous
            .as_ref()
            .filter(|_| !shown.current.is_taken_over())
            .unwrap_or(&shown.current);
        CoreSnapshot {
            taken,
            engine: EngineSnapshot::of(facts, heartbeat_age),
            routers: published.snapshots(),
        }
    }

    /// Whether the engine runs: all that is asked for several times a second, whatever the number of routers.
    #[must_use]
    pub fn engine_runs(&self) -> bool {
        self.engine().is_some_and(|facts| facts.running)
    }

    fn engine(&self) -> Option<EngineFacts> {
        let facts = self
            .shared
            .engine
            .read()
            .and_then(|words| EngineFacts::from_words(&words));
        facts.map(|facts| EngineFacts {
            running: facts.running && self.shared.alive.load(Ordering::Acquire),
            ..facts
        })
    }

    pub(super) fn replace(&self, current: Published, previous: Option<Published>) {
        *self.lock() = Shown { current, previous };
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        // Replacing is one assignment: a panic leaves the old or the new value.
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
