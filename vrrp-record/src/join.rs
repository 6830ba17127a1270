//! Two nodes' histories side by side: which advert of one is which advert of the other, and how far their clocks are apart.
//!
//! Adverts are joined by sender, VRID, family and number; the distance of the clocks is never assumed to be zero, but
//! bounded by what was seen: no advert arrives before it left. Judges nothing.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::history::{History, Received, Sent, Time};

/// How far one clock may run away from the other, in parts of a million: free running crystals and NTP's usual slewing
/// stay below it.
pub const DRIFT_PPM: i64 = 100;

/// The longest difference from the usual way that still counts as the same advert, in nanoseconds. Numbers come again
/// after a restart and after 65 535 adverts; no advert is held for that long.
const REACH: i64 = 30_000_000_000;

/// One advert that both nodes recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Position in the sender's [`History::sent`].
    pub sent: usize,
    /// Position in the listener's [`History::received`].
    pub received: usize,
    /// Arrival at the listener − departure at the sender, each by its own clock, in nanoseconds.
    pub difference: i64,
}

/// The clock of the second node − the clock of the first, in nanoseconds, as an interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offset {
    /// Not less than this; known where the second node's adverts reached the first.
    pub lower: Option<i64>,
    /// Not more than this; known where the first node's adverts reached the second.
    pub upper: Option<i64>,
}

impl Offset {
    /// The bounds contradict each other: one of the clocks was slewed faster than [`DRIFT_PPM`].
    #[must_use]
    pub fn contradicts(self) -> bool {
        matches!((self.lower, self.upper), (Some(lower), Some(upper)) if lower > upper)
    }

    /// Width of the interval, where both ends are known and agree.
    #[must_use]
    pub fn width(self) -> Option<i64> {
        match (self.lower, self.upper) {
            (Some(lower), Some(upper)) if lower <= upper => Some(upper.saturating_sub(lower)),
            _ => None,
        }
    }

    /// The middle of the interval, or the end that is known: the fastest advert's way then counts as no time at all.
    #[must_use]
    pub fn best(self) -> Option<i64> {
        match (self.lower, self.upper) {
            (Some(lower), Some(upper)) => Some(lower.midpoint(upper)),
            (end, None) | (None, end) => end,
        }
    }
}

/// Two histories, joined.
#[derive(Debug)]
pub struct Join {
    there: Vec<Pair>,
    back: Vec<Pair>,
    upper: Bound,
    lower: Bound,
}

impl Join {
    /// Joins two nodes.
    #[must_use]
    pub fn of(first: &History, second: &History) -> Self {
        let there = pairs(first, second);
        let back = pairs(second, first);
        let upper = there.iter().map(|pair| {
            let sent = &first.sent[pair.sent];
            Point {
                at: sent.due,
                value: pair.difference,
                runs: (
                    run_at(first, sent.due),
                    run_at(second, second.received[pair.received].at()),
                ),
            }
        });
        // Mirrored, so that both bounds are the smallest of their values.
        let lower = back.iter().map(|pair| {
            let heard = &first.received[pair.received];
            Point {
                at: heard.at(),
                value: pair.difference,
                runs: (
                    run_at(first, heard.at()),
                    run_at(second, second.sent[pair.sent].due),
                ),
            }
        });
        let (upper, lower) = (Bound::new(upper.collect()), Bound::new(lower.collect()));
        Self {
            there,
            back,
            upper,
            lower,
        }
    }

    /// Adverts of the first node that the second one heard, by departure.
    #[must_use]
    pub fn there(&self) -> &[Pair] {
        &self.there
    }

    /// Adverts of the second node that the first one heard, by departure.
    #[must_use]
    pub fn back(&self) -> &[Pair] {
        &self.back
    }

    /// The distance of the clocks near a time of the first node. What was seen further away counts less, because clocks
    /// drift.
    #[must_use]
    pub fn offset(&self, near: Time) -> Offset {
        Offset {
            lower: self.lower.near(near).map(|value| value.saturating_neg()),
            upper: self.upper.near(near),
        }
    }

    /// When the distance of the clocks is known best: the last time that the first node heard the second, else the last
    /// time that it was heard. None where no advert was recorded by both.
    #[must_use]
    pub fn known_at(&self, first: &History) -> Option<Time> {
        let back = self
            .back
            .iter()
            .map(|pair| first.received[pair.received].at());
        let there = self.there.iter().map(|pair| first.sent[pair.sent].due);
        back.max().or_else(|| there.max())
    }

    /// A time of the second node by the clock of the first; none where nothing is known of their distance.
    #[must_use]
    pub fn by_first(&self, at: Time) -> Option<Time> {
        // The offset that counts is that of the time looked for; it hardly changes within the offset itself.
        let mut found = at;
        for _ in 0..3 {
            found = at.plus(self.offset(found).best()?.saturating_neg());
        }
        Some(found)
    }

    /// How long an advert of the first node was under way to the second: at least, and at most where that is known.
    #[must_use]
    pub fn way_there(&self, pair: &Pair, near: Time) -> (i64, Option<i64>) {
        let offset = self.offset(near);
        let least = offset
            .upper
            .map_or(0, |upper| pair.difference.saturating_sub(upper));
        (
            least.max(0),
            offset
                .lower
                .map(|lower| pair.difference.saturating_sub(lower)),
        )
    }

    /// How long an advert of the second node was under way to the first: at least, and at most where that is known.
    #[must_use]
    pub fn way_back(&self, pair: &Pair, near: Time) -> (i64, Option<i64>) {
        let offset = self.offset(near);
        let least = offset
            .lower
            .map_or(0, |lower| pair.difference.saturating_add(lower));
        (
            least.max(0),
            offset
                .upper
                .map(|upper| pair.difference.saturating_add(upper)),
        )
    }
}

/// When an advert left, or the best time before it that is known: a bound stays true.
#[must_use]
pub fn departure(sent: &Sent) -> Option<Time> {
    let stamp = sent.left.or(sent.queued).filter(|_| !sent.ambiguous);
    stamp.or(sent.submitted)
}

/// Positions in the two nodes' lists of routers that are the same virtual router.
#[must_use]
pub fn routers(first: &History, second: &History) -> Vec<(u16, u16)> {
    let numbered = |history: &History| -> Vec<(u16, u8, bool)> {
        let routers = history.routers.iter().enumerate();
        let named = routers.filter_map(|(position, router)| {
            let position = u16::try_from(position).ok()?;
            Some((position, router.vrid, router.ipv6))
        });
        named.collect()
    };
    let theirs = numbered(second);
    let mut same = Vec::new();
    for (ours, vrid, ipv6) in numbered(first) {
        for (position, ..) in theirs
            .iter()
            .filter(|(_, other, family)| (*other, *family) == (vrid, ipv6))
        {
            same.push((ours, *position));
        }
    }
    same
}

/// Whether an address is one of the sender's: unknown addresses exclude nobody.
fn may_send(sender: &History, router: u16, from: IpAddr) -> bool {
    let source = sender
        .routers
        .get(usize::from(router))
        .and_then(|router| router.source);
    let addresses = &sender.node.addresses;
    match source {
        Some(source) if source == from => true,
        None if addresses.is_empty() => true,
        // An interface gets its link-local address late; one that is not listed may be it.
        None if is_link_local(from) => !addresses
            .iter()
            .any(|own| *own != from && is_link_local(*own)),
        _ => addresses.contains(&from),
    }
}

const fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

/// The run at a time; the first one for earlier times.
fn run_at(history: &History, at: Time) -> usize {
    history
        .runs
        .partition_point(|run| run.started <= at)
        .saturating_sub(1)
}

/// One received advert and one that it may be.
struct Candidate {
    pair: Pair,
    runs: (usize, usize),
}

fn pairs(sender: &History, listener: &History) -> Vec<Pair> {
    let mut by_number: HashMap<(u16, u16), Vec<usize>> = HashMap::new();
    for (position, sent) in sender.sent.iter().enumerate() {
        if departure(sent).is_some() {
            let key = (sent.router, sent.id);
            by_number.entry(key).or_default().push(position);
        }
    }
    let same = routers(sender, listener);
    let candidates_of = |position: usize, heard: &Received| -> Vec<Candidate> {
        let Some(id) = heard.id else {
            return Vec::new();
        };
        let ours = same
            .iter()
            .filter(|(ours, theirs)| *theirs == heard.router && may_send(sender, *ours, heard.from))
            .filter_map(|(ours, _)| by_number.get(&(*ours, id)))
            .flatten();
        let candidates = ours.filter_map(|sent| {
            let left = departure(&sender.sent[*sent])?;
            Some(Candidate {
                pair: Pair {
                    sent: *sent,
                    received: position,
                    difference: heard.at().since(left),
                },
                runs: (
                    run_at(sender, sender.sent[*sent].due),
                    run_at(listener, heard.at()),
                ),
            })
        });
        candidates.collect()
    };

    let usual = usual_differences(listener, &candidates_of);
    let mut near: Vec<(i64, Pair)> = Vec::new();
    for (position, heard) in listener.received.iter().enumerate() {
        near.extend(
            candidates_of(position, heard)
                .into_iter()
                .filter_map(|candidate| {
                    let usual = usual.get(&candidate.runs).copied().unwrap_or_default();
                    let distance = candidate.pair.difference.saturating_sub(usual);
                    let distance = distance.saturating_abs();
                    (distance <= REACH).then_some((distance, candidate.pair))
                }),
        );
    }
    // The nearest first: a number whose own advert is not in the sender's records must not take one that the next run gave
    // the same number from the arrival that belongs to it.
    near.sort_by_key(|(distance, pair)| (*distance, pair.received));
    let mut sent = vec![false; sender.sent.len()];
    let mut received = vec![false; listener.received.len()];
    let mut pairs = Vec::new();
    for (_, pair) in near {
        if !sent[pair.sent] && !received[pair.received] {
            (sent[pair.sent], received[pair.received]) = (true, true);
            pairs.push(pair);
        }
    }
    pairs.sort_by_key(|pair| pair.sent);
    pairs
}

/// The usual difference of arrival and departure for each pair of runs, told by the adverts whose number occurs once;
/// where none does, by the candidates that are nearest.
fn usual_differences(
    listener: &History,
    candidates_of: &dyn Fn(usize, &Received) -> Vec<Candidate>,
) -> HashMap<(usize, usize), i64> {
    let mut unique: HashMap<(usize, usize), Vec<i64>> = HashMap::new();
    let mut nearest: HashMap<(usize, usize), Vec<i64>> = HashMap::new();
    for (position, heard) in listener.received.iter().enumerate() {
        let candidates = candidates_of(position, heard);
        if let [only] = candidates.as_slice() {
            unique
                .entry(only.runs)
                .or_default()
                .push(only.pair.difference);
        }
        let near = candidates
            .iter()
            .min_by_key(|candidate| candidate.pair.difference.saturating_abs());
        if let Some(near) = near {
            nearest
                .entry(near.runs)
                .or_default()
                .push(near.pair.difference);
        }
    }
    for (runs, differences) in nearest {
        unique.entry(runs).or_insert(differences);
    }
    unique
        .into_iter()
        .map(|(runs, mut differences)| {
            let middle = differences.len() / 2;
            let (_, median, _) = differences.select_nth_unstable(middle);
            (runs, *median)
        })
        .collect()
}

/// A bound on the offset, as seen at one time.
#[derive(Clone, Copy, Debug)]
struct Point {
    at: Time,
    value: i64,
    runs: (usize, usize),
}

/// The smallest value at any time, where values seen elsewhere grow with the distance. Each run has an axis of its own.
#[derive(Debug)]
struct Bound {
    points: Vec<Point>,
}

impl Bound {
    fn new(mut points: Vec<Point>) -> Self {
        points.sort_by_key(|point| point.at);
        for next in 1..points.len() {
            points[next] = points[next].bounded_by(points[next - 1]);
        }
        for next in (1..points.len()).rev() {
            points[next - 1] = points[next - 1].bounded_by(points[next]);
        }
        Self { points }
    }

    fn near(&self, at: Time) -> Option<i64> {
        let next = self.points.partition_point(|point| point.at < at);
        let before = next.checked_sub(1).map(|last| self.points[last]);
        let after = self.points.get(next).copied();
        let (closest, other) = match (before, after) {
            (Some(before), Some(after)) if at.since(before.at) <= after.at.since(at) => {
                (before, Some(after))
            }
            (before, Some(after)) => (after, before),
            (Some(before), None) => (before, None),
            (None, None) => return None,
        };
        let here = Point {
            at,
            value: closest.seen_from(at),
            runs: closest.runs,
        };
        Some(other.map_or(here, |other| here.bounded_by(other)).value)
    }
}

impl Point {
    /// Its value at another time.
    fn seen_from(self, at: Time) -> i64 {
        let drift = at.since(self.at).saturating_abs() / (1_000_000 / DRIFT_PPM);
        self.value.saturating_add(drift)
    }

    fn bounded_by(self, other: Self) -> Self {
        let value = if self.runs == other.runs {
            self.value.min(other.seen_from(self.at))
        } else {
            self.value
        };
        Self { value, ..self }
    }
}

#[cfg(test)]
mod tests;
