//! When to announce the addresses by gratuitous ARP or neighbour advertisement: bursts, second bursts, refresh.
//!
//! Deadlines and numbers of rounds only. A round is one frame for each address; building, pacing and sending the
//! frames is the daemon's. Nothing is announced after [`Announcer::stop`], whatever was pending.

use core::time::Duration;

use crate::router::AnnounceReason;
use crate::time::Instant;

/// Bursts because another Active was heard start at most this often.
const LOWER_SPACING: Duration = Duration::from_secs(1);

/// Counts and times, as keepalived's `garp_*` name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnnounceSettings {
    /// Rounds in a burst, at least 1.
    pub repeat: u32,
    /// Delay of the second burst after becoming Active; zero for none.
    pub delay: Duration,
    /// Period of the refresh while Active; zero for none.
    pub refresh: Duration,
    /// Rounds of a refresh, at least 1.
    pub refresh_repeat: u32,
    /// Rounds after another Active was heard; zero for none.
    pub lower_repeat: u32,
    /// Delay of the second burst after another Active was heard; zero for none.
    pub lower_delay: Duration,
    /// From one round of a burst to the next; zero sends them back to back, as keepalived does.
    pub round_gap: Duration,
}

impl AnnounceSettings {
    /// These settings within RFC 4861 §7.2.6: at most three unsolicited advertisements in a row, a second apart.
    #[must_use]
    pub fn within_rfc4861(self) -> Self {
        Self {
            repeat: self.repeat.min(3),
            refresh_repeat: self.refresh_repeat.min(3),
            lower_repeat: self.lower_repeat.min(3),
            round_gap: self.round_gap.max(Duration::from_secs(1)),
            ..self
        }
    }
}

/// A burst that has rounds left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Burst {
    at: Instant,
    rounds: u32,
}

/// The announcements of one virtual router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcer {
    settings: AnnounceSettings,
    /// First burst after becoming Active, or after addresses changed.
    first: Option<Burst>,
    /// Second burst after becoming Active.
    second: Option<Burst>,
    /// Burst after another Active was heard.
    lower: Option<Burst>,
    /// Second burst after another Active was heard.
    lower_second: Option<Burst>,
    /// Next refresh.
    refresh: Option<Burst>,
    /// When the last burst about another Active started.
    last_lower: Option<Instant>,
}

impl Announcer {
    /// Nothing pending.
    #[must_use]
    pub const fn new(settings: AnnounceSettings) -> Self {
        Self {
            settings,
            first: None,
            second: None,
            lower: None,
            lower_second: None,
            refresh: None,
            last_lower: None,
        }
    }

    /// Takes over other settings; bursts that are under way keep their rounds, the refresh gets its new period.
    pub fn reconfigure(&mut self, now: Instant, settings: AnnounceSettings) {
        if self.settings.refresh != settings.refresh && self.refresh.is_some() {
            self.refresh = later(now, settings.refresh, settings.refresh_repeat);
        }
        self.settings = settings;
    }

    /// The router asked for an announcement.
    pub fn start(&mut self, now: Instant, reason: AnnounceReason) {
        let settings = self.settings;
        match reason {
            AnnounceReason::BecameActive => {
                self.stop();
                self.first = burst(now, settings.repeat.max(1));
                self.second = later(now, settings.delay, settings.repeat);
                self.refresh = later(now, settings.refresh, settings.refresh_repeat);
            }
            AnnounceReason::AddressesChanged => {
                self.first = burst(now, settings.repeat.max(1));
                if self.refresh.is_none() {
                    self.refresh = later(now, settings.refresh, settings.refresh_repeat);
                }
            }
            AnnounceReason::PredecessorGone => {
                if self.first.is_none() {
                    self.first = burst(now, 1);
                }
            }
            AnnounceReason::OtherActive => self.start_lower(now),
        }
    }

    /// The router is not Active any more: nothing is repeated.
    pub fn stop(&mut self) {
        *self = Self::new(self.settings);
    }

    /// When rounds are due next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.bursts()
            .into_iter()
            .flatten()
            .map(|burst| burst.at)
            .min()
    }

    /// How many rounds to send now; bursts that meet are sent as the longer one.
    #[must_use]
    pub fn take(&mut self, now: Instant) -> u32 {
        let gap = self.settings.round_gap;
        let mut rounds = 0;
        for lane in [
            &mut self.first,
            &mut self.second,
            &mut self.lower,
            &mut self.lower_second,
        ] {
            rounds = rounds.max(take_rounds(lane, now, gap));
        }
        if let Some(refresh) = self.refresh.filter(|refresh| refresh.at <= now) {
            rounds = rounds.max(refresh.rounds);
            self.refresh = later(now, self.settings.refresh, self.settings.refresh_repeat);
        }
        rounds
    }

    /// A burst now and one later, both at a bounded rate however many adverts come.
    fn start_lower(&mut self, now: Instant) {
        let settings = self.settings;
        if settings.lower_repeat == 0 || self.lower.is_some() {
            return;
        }
        let earliest = self
            .last_lower
            .map_or(now, |last| last.saturating_add(LOWER_SPACING).max(now));
        self.last_lower = Some(earliest);
        self.lower = burst(earliest, settings.lower_repeat);
        self.lower_second = later(earliest, settings.lower_delay, settings.lower_repeat);
    }

    const fn bursts(&self) -> [Option<Burst>; 5] {
        [
            self.first,
            self.second,
            self.lower,
            self.lower_second,
            self.refresh,
        ]
    }
}

/// A burst at this moment.
fn burst(at: Instant, rounds: u32) -> Option<Burst> {
    (rounds > 0).then_some(Burst { at, rounds })
}

/// A burst after a delay, where zero means none.
fn later(now: Instant, delay: Duration, rounds: u32) -> Option<Burst> {
    (!delay.is_zero()).then(|| Burst {
        at: now.saturating_add(delay),
        rounds: rounds.max(1),
    })
}

/// Rounds of one burst that are due: all of them back to back, or one of each `gap`.
fn take_rounds(lane: &mut Option<Burst>, now: Instant, gap: Duration) -> u32 {
    let Some(burst) = lane.filter(|burst| burst.at <= now) else {
        return 0;
    };
    if gap.is_zero() {
        *lane = None;
        return burst.rounds;
    }
    let left = burst.rounds.saturating_sub(1);
    *lane = (left > 0).then(|| Burst {
        at: now.saturating_add(gap),
        rounds: left,
    });
    1
}

#[cfg(test)]
mod tests;
