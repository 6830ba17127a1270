//! What is measured of one router while it runs, from its records as they come: lateness, gaps against the down
//! interval, stages, counters. Finds near failovers and anomalies on the way. Pure: no clock, no I/O.

use std::collections::BTreeMap;
use std::net::IpAddr;

use vrrp_record::event::Anomaly;
use vrrp_record::histogram::Histogram;
use vrrp_record::history::{Received, Rejected, Sent, Sequence, Time};

use super::buckets::Buckets;
use super::slots::Slots;

const SECOND: i64 = 1_000_000_000;
/// What is late for any router, whatever its interval: ordinary scheduling on a busy machine stays below.
const LATE_AT_LEAST: u64 = 20_000_000;
/// Peers that are remembered; a stranger with many addresses must not make us grow.
const PEERS: usize = 16;
/// Adverts after a gap that make a burst.
const BURST: u32 = 3;

/// How a router stands while its records are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Situation {
    /// It is Active; else it listens, if it runs at all.
    pub(crate) active: bool,
    /// It is Backup.
    pub(crate) backup: bool,
    /// Since when.
    pub(crate) since: Time,
    /// Interval in force, in nanoseconds.
    pub(crate) interval: u64,
    /// Silence after which this node takes over, in nanoseconds.
    pub(crate) limit: u64,
    /// Silence after which the most impatient peer that is known takes over, in nanoseconds.
    pub(crate) peers_limit: u64,
    /// Adverts with less than this priority do not hold a takeover off.
    pub(crate) least_priority: u8,
}

impl Situation {
    /// From here on something is late, in nanoseconds.
    pub(crate) fn late(&self) -> u64 {
        (self.interval / 10).max(LATE_AT_LEAST)
    }
}

/// What a record showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A gap of more than half of the limit that ended in time.
    NearFailover(Near),
    /// Something else out of the ordinary.
    Anomaly {
        /// What.
        what: Anomaly,
        /// When.
        at: Time,
        /// How long or how many; 0 where there is no amount.
        amount: u64,
    },
}

/// A gap that came near a failover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Near {
    /// Whose adverts kept away; none for our own.
    pub(crate) from: Option<IpAddr>,
    /// When it ended.
    pub(crate) at: Time,
    /// Its length in nanoseconds.
    pub(crate) gap: u64,
    /// The limit in nanoseconds.
    pub(crate) limit: u64,
}

/// What was counted of one router since start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    /// woke − due.
    pub(crate) lateness: Buckets,
    /// left − queued.
    pub(crate) queue_wait: Buckets,
    /// taken − left.
    pub(crate) device_wait: Buckets,
    /// From advert to advert of the Active.
    pub(crate) interarrival: Buckets,
    /// read − arrived.
    pub(crate) read_delay: Buckets,
    /// The worst lateness with its due time.
    pub(crate) worst: Option<(Time, u64)>,
    /// Adverts that left this kernel.
    pub(crate) confirmed: u64,
    /// Adverts that were accepted and never left.
    pub(crate) dropped: u64,
    /// Adverts with a copy that the kernel refused, by errno.
    pub(crate) refused: BTreeMap<i32, u64>,
    /// Adverts that the sender numbered and that never came.
    pub(crate) lost: u64,
    /// Adverts that came at once after a gap.
    pub(crate) held: u64,
    /// Near failovers.
    pub(crate) near_failovers: u64,
    /// The last one.
    pub(crate) last_near: Option<Near>,
    /// Who was heard, and when last.
    pub(crate) peers: BTreeMap<IpAddr, Time>,
    /// Time as Active in which another Active was heard, in nanoseconds.
    pub(crate) double: u64,
}

/// What is measured of one router.
#[derive(Debug)]
pub(crate) struct Measures {
    pub(crate) totals: Totals,
    late_day: Slots<Histogram>,
    device_day: Slots<Histogram>,
    gaps: [Slots<u64>; 3],
    last_sent: Option<Time>,
    last_heard: Option<Time>,
    last_double: Option<Time>,
    /// An advert of this router left with a stamp, so one that has none did not leave.
    stamped: bool,
    burst: u32,
    after_gap: bool,
}

/// What is shown of one router at one time.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// Its name.
    pub(crate) router: String,
    /// Since start.
    pub(crate) totals: Totals,
    /// Lateness of the last 24 hours.
    pub(crate) lateness: Histogram,
    /// How long the device took in the last 24 hours.
    pub(crate) device: Histogram,
    /// What was left of the limit at the worst, in [`WINDOWS`], in nanoseconds.
    pub(crate) margins: [Option<u64>; 3],
    /// Silence after which somebody takes over, in nanoseconds.
    pub(crate) limit: u64,
}

impl Default for Measures {
    fn default() -> Self {
        Self {
            totals: Totals::default(),
            late_day: Slots::new(600 * SECOND, 144),
            device_day: Slots::new(600 * SECOND, 144),
            gaps: [
                Slots::new(SECOND, 60),
                Slots::new(60 * SECOND, 60),
                Slots::new(600 * SECOND, 144),
            ],
            last_sent: None,
            last_heard: None,
            last_double: None,
            stamped: false,
            burst: 0,
            after_gap: false,
        }
    }
}

/// The windows over which the margin is shown, as metrics name them.
pub(crate) const WINDOWS: [&str; 3] = ["1m", "1h", "24h"];

impl Measures {
    /// An advert that was due, when it is seen first.
    pub(crate) fn due(&mut self, sent: &Sent, at: &Situation) -> Vec<Found> {
        let mut found = Vec::new();
        // Of another daemon only the departure is seen, which bounds its lateness.
        let seen = sent
            .woke
            .or_else(|| sent.left.filter(|_| sent.submitted.is_none()));
        if let Some(woke) = seen {
            let late = nanos(woke, sent.due);
            self.totals.lateness.record(late);
            self.late_day.at(sent.due).record(late);
            if self.totals.worst.is_none_or(|(_, worst)| worst < late) {
                self.totals.worst = Some((sent.due, late));
            }
            // Own work and the system call delay an advert as much as a late wake-up does.
            let all = sent
                .accepted
                .map_or(late, |to| late.max(nanos(to, sent.due)));
            if all > at.late() {
                found.push(odd(Anomaly::SentLate, sent.due, all));
            }
        }
        if let Some(errno) = sent.errno {
            *self.totals.refused.entry(errno).or_default() += 1;
        }
        if sent.submitted.or(sent.left).is_none() || sent.copies_accepted < sent.copies {
            found.push(odd(Anomaly::NotSent, sent.due, 0));
        }
        if sent.held_bytes > 0 {
            found.push(odd(Anomaly::Held, sent.due, 0));
        }
        found
    }

    /// The same advert, once nothing more is expected of it.
    pub(crate) fn settled(&mut self, sent: &Sent, at: &Situation) -> Vec<Found> {
        let mut found = Vec::new();
        match (sent.accepted, sent.left) {
            (Some(_), Some(left)) => {
                self.stamped = true;
                self.totals.confirmed += 1;
                if let Some(queued) = sent.queued {
                    let wait = nanos(left, queued);
                    self.totals.queue_wait.record(wait);
                    if wait > at.late() && !sent.ambiguous {
                        found.push(odd(Anomaly::Queued, left, wait));
                    }
                }
                if let Some(taken) = sent.taken {
                    let wait = nanos(taken, left);
                    self.totals.device_wait.record(wait);
                    self.device_day.at(left).record(wait);
                }
                self.own_gap(left, at, &mut found);
            }
            (Some(accepted), None) if !self.stamped || sent.ambiguous => {
                // Nothing tells whether it left: the last that is known counts.
                self.own_gap(accepted, at, &mut found);
            }
            (Some(accepted), None) => {
                self.totals.dropped += 1;
                found.push(odd(Anomaly::NotLeft, accepted, 0));
            }
            (None, _) => {}
        }
        if sent.priority == 0 {
            self.last_sent = None;
        }
        found
    }

    fn own_gap(&mut self, left: Time, at: &Situation, found: &mut Vec<Found>) {
        let before = self.last_sent.replace(left);
        let Some(before) = before.filter(|before| at.active && *before >= at.since) else {
            return;
        };
        let gap = nanos(left, before);
        self.gap(left, gap);
        if gap > at.peers_limit / 2 {
            self.near(None, left, gap, at.peers_limit, found);
        }
    }

    /// A valid advert that was heard.
    pub(crate) fn heard(&mut self, advert: &Received, at: &Situation) -> Vec<Found> {
        let mut found = Vec::new();
        let when = advert.at();
        if let Some(arrived) = advert.arrived {
            let delay = nanos(advert.read, arrived);
            self.totals.read_delay.record(delay);
            if delay > at.late() {
                found.push(odd(Anomaly::ReadLate, when, delay));
            }
        }
        if let Sequence::Missing(count) = advert.sequence {
            self.totals.lost += u64::from(count);
            found.push(odd(Anomaly::Missing, when, 0));
        }
        if advert.dropped > 0 {
            found.push(odd(Anomaly::Overflowed, when, 0));
        }
        self.remember_peer(advert.from, when);
        if advert.priority == 0 {
            // Whoever follows is waited for by the skew time, not by the down interval.
            self.last_heard = None;
            return found;
        }
        if at.active {
            // Each advert of the other one stands for the time since the one before, as long as they are regular.
            let before = self.last_double.replace(when);
            let since = before.map_or(0, |before| nanos(when, before));
            if since <= 2 * at.interval {
                self.totals.double += since;
            }
        }
        if advert.priority < at.least_priority || !at.backup {
            return found;
        }
        let before = self.last_heard.replace(when);
        let Some(before) = before.filter(|before| *before >= at.since) else {
            (self.burst, self.after_gap) = (0, false);
            return found;
        };
        let gap = nanos(when, before);
        self.totals.interarrival.record(gap);
        self.gap(when, gap);
        self.count_burst(gap, when, at, &mut found);
        if gap > at.limit / 2 {
            self.near(Some(advert.from), when, gap, at.limit, &mut found);
        }
        found
    }

    /// Remembers who was heard; whoever was heard longest ago makes room.
    fn remember_peer(&mut self, from: IpAddr, when: Time) {
        let peers = &mut self.totals.peers;
        if peers.len() >= PEERS && !peers.contains_key(&from) {
            let oldest = peers.iter().min_by_key(|(_, heard)| **heard);
            if let Some(oldest) = oldest.map(|(address, _)| *address) {
                peers.remove(&oldest);
            }
        }
        peers.insert(from, when);
    }

    /// Counts adverts that came at once after a gap: they were held together.
    fn count_burst(&mut self, gap: u64, when: Time, at: &Situation, found: &mut Vec<Found>) {
        if gap > at.interval + at.interval / 2 {
            (self.burst, self.after_gap) = (1, true);
        } else if self.after_gap && gap < at.interval / 4 {
            self.burst += 1;
            if self.burst == BURST {
                self.totals.held += u64::from(BURST);
                found.push(odd(Anomaly::Burst, when, 0));
            } else if self.burst > BURST {
                self.totals.held += 1;
            }
        } else {
            (self.burst, self.after_gap) = (0, false);
        }
    }

    /// An advert that a check refused.
    pub(crate) fn rejected(advert: &Rejected) -> Found {
        odd(Anomaly::Rejected, advert.at, 0)
    }

    fn near(
        &mut self,
        from: Option<IpAddr>,
        at: Time,
        gap: u64,
        limit: u64,
        found: &mut Vec<Found>,
    ) {
        let near = Near {
            from,
            at,
            gap,
            limit,
        };
        self.totals.near_failovers += 1;
        self.totals.last_near = Some(near);
        found.push(Found::NearFailover(near));
    }

    /// Adverts of ours went by unseen: the next one is not compared with the last.
    pub(crate) const fn unseen_sent(&mut self) {
        self.last_sent = None;
    }

    /// Adverts went by unheard by us here: the next one is not compared with the last.
    pub(crate) const fn unseen_heard(&mut self) {
        self.last_heard = None;
        self.after_gap = false;
    }

    fn gap(&mut self, at: Time, gap: u64) {
        for slots in &mut self.gaps {
            slots.raise(at, gap);
        }
    }

    /// What is known at a time, the gap that is still open too.
    pub(crate) fn shown(&self, router: &str, now: Time, at: &Situation) -> Shown {
        let limit = if at.active { at.peers_limit } else { at.limit };
        let last = match (at.active, at.backup) {
            (true, _) => self.last_sent,
            (_, true) => self.last_heard,
            _ => None,
        };
        let open = last
            .filter(|last| *last >= at.since)
            .map(|last| nanos(now, last));
        let margin = |slots: &Slots<u64>| {
            let gap = slots.largest(now).max(open);
            gap.map(|gap| limit.saturating_sub(gap))
        };
        Shown {
            router: router.to_owned(),
            totals: self.totals.clone(),
            lateness: sum(&self.late_day, now),
            device: sum(&self.device_day, now),
            margins: self.gaps.each_ref().map(margin),
            limit,
        }
    }
}

fn sum(slots: &Slots<Histogram>, now: Time) -> Histogram {
    let mut all = Histogram::default();
    for slot in slots.recent(now) {
        all.add(slot);
    }
    all
}

const fn odd(what: Anomaly, at: Time, amount: u64) -> Found {
    Found::Anomaly { what, at, amount }
}

/// From one time to a later one; zero where it is not later.
fn nanos(to: Time, from: Time) -> u64 {
    u64::try_from(to.since(from)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
