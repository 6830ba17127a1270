//! The data that exists in one state only. Nothing here acts.

use core::net::IpAddr;
use core::time::Duration;

use super::{AddressState, State};
use crate::time::Instant;
use crate::units::{AdvertInterval, WirePriority};

/// Adverts answered out of turn in one own interval; more than one per neighbour in a split, far less than a flood
/// (S-20).
const ANSWERS_PER_INTERVAL: u8 = 8;
/// How much longer a hold lasts than the watch for a successor: the sync group decides in that time.
const OUTLAST: Duration = Duration::from_millis(50);

/// A state with its data.
#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    Initialize(Idle),
    Backup(Watch),
    Active(Duty),
    Releasing(Hold),
}

impl Phase {
    pub(super) const fn state(&self) -> State {
        match self {
            Self::Initialize(_) => State::Initialize,
            Self::Backup(_) => State::Backup,
            Self::Active(_) => State::Active,
            Self::Releasing(_) => State::Releasing,
        }
    }
}

/// Initialize: not taking part.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Idle {
    /// End of the start-up delay.
    pub(super) startup: Option<Instant>,
    /// The kernel refused the addresses (safety rule 5).
    pub(super) refused: Option<Refused>,
    /// A fault was reported for this stay, so leaving is [`super::Cause::FaultCleared`].
    pub(super) faulted: bool,
}

/// The fault that a router gives itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused {
    pub(super) errno: Option<i32>,
    pub(super) retry_at: Instant,
}

/// Backup: watching the Active.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    /// Active_Adver_Interval.
    pub(super) active_interval: AdvertInterval,
    /// Whether it came from an advert (T-08).
    pub(super) learned: bool,
    /// Active_Down_Timer.
    pub(super) down_at: Instant,
    /// How many intervals the running timer was set to, beside the skew.
    pub(super) adverts: u8,
    /// What the running timer waits for.
    pub(super) wait: Wait,
    /// A lower advert that was discarded since the timer was set.
    pub(super) lower: Option<(IpAddr, WirePriority)>,
    /// End of the preempt delay, from the first lower advert on (U-16).
    pub(super) tolerate_until: Option<Instant>,
    /// The takeover was deferred after an own stall, and nothing was accepted since.
    pub(super) deferred: bool,
    /// The timer fired, and the sync group decides.
    pub(super) wants_active: bool,
}

/// What the Active_Down_Timer waits for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wait {
    /// The next advert.
    Advert,
    /// The skew after a priority 0 advert.
    Release { by: IpAddr },
    /// The skew after the addresses were lost (keepalived's bounce).
    Bounce,
    /// Somebody who takes over, after giving way.
    Successor,
}

/// Active: forwarding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Duty {
    /// The next advert on the grid.
    pub(super) due: Instant,
    /// By when an address has to be confirmed; none while one is present or none is wanted.
    pub(super) confirm_by: Option<Instant>,
    /// Whether the addresses were announced.
    pub(super) announced: bool,
    /// How many addresses were present at the last report.
    pub(super) present: u16,
    /// The predecessor handed over alive.
    pub(super) predecessor: bool,
    /// When to announce once more for that reason.
    pub(super) predecessor_at: Option<Instant>,
    /// Answers given out of turn.
    pub(super) answers: Answers,
}

/// Bounds answers by a count for each own interval.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answers {
    window_ends: Instant,
    used: u8,
}

impl Answers {
    pub(super) const fn new() -> Self {
        Self {
            window_ends: Instant::ZERO,
            used: 0,
        }
    }

    /// Whether one more answer may be sent; counts it.
    pub(super) fn take(&mut self, now: Instant, interval: Duration) -> bool {
        if now >= self.window_ends {
            self.window_ends = now.saturating_add(interval);
            self.used = 0;
        }
        if self.used >= ANSWERS_PER_INTERVAL {
            return false;
        }
        self.used = self.used.saturating_add(1);
        true
    }
}

/// Releasing: addresses stay until the successor has them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hold {
    /// The bound, or 50 ms after the successor's first advert.
    pub(super) until: Instant,
    /// The successor's first advert was heard.
    pub(super) successor: bool,
    /// What the router is when the hold ends, and as a protocol matter is already.
    pub(super) then: Then,
}

impl Hold {
    /// A router that gave way lets go when it hears of a successor, or takes the addresses back when its own watch ends:
    /// the hold lasts a little longer than that.
    pub(super) fn outlast_watch(&mut self) {
        if let Then::Backup(watch) = &self.then
            && matches!(watch.wait, Wait::Successor)
            && !self.successor
            && !watch.wants_active
        {
            self.until = self.until.max(watch.down_at.saturating_add(OUTLAST));
        }
    }
}

/// What follows a hold.
#[derive(Clone, Copy, Debug)]
pub(super) enum Then {
    /// Initialize: told to stop.
    Stopped,
    /// Backup: preempted. The watch runs during the hold.
    Backup(Watch),
}

/// Nothing present and nothing wanted.
pub(super) const NO_ADDRESSES: AddressState = AddressState {
    present: 0,
    wanted: 0,
    errno: None,
};
