//! What a history says about stages of adverts in a stretch of time: counts, percentiles, the worst and when it was.
//!
//! A minute's histogram counts all of its adverts, so full records are taken only where no histogram is, or where they
//! cover the whole stretch. Judges nothing.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use crate::histogram::Histogram;
use crate::history::{History, Source, Stage, Time};

/// Nanoseconds of a minute.
const MINUTE: i64 = 60_000_000_000;

/// The largest value and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worst {
    /// Nanoseconds.
    pub value: u64,
    /// Of a full record, the time it tells about; of a histogram, the beginning of its minute.
    pub at: Time,
    /// The time is that of a full record.
    pub exact: bool,
}

/// Durations of one stage in a stretch of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// How often each came.
    pub histogram: Histogram,
    /// The worst.
    pub worst: Option<Worst>,
}

impl Measured {
    fn record(&mut self, value: Value) {
        self.histogram.record(value.nanos);
        self.worse(value.nanos, value.at, true);
    }

    fn worse(&mut self, value: u64, at: Time, exact: bool) {
        if self.worst.is_none_or(|worst| worst.value < value) {
            self.worst = Some(Worst { value, at, exact });
        }
    }
}

/// One measured duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// When it began: due, left, or the arrival before.
    pub at: Time,
    /// Its length in nanoseconds.
    pub nanos: u64,
}

/// Every stage, in the order of an advert's life.
pub const STAGES: [Stage; 7] = [
    Stage::Wake,
    Stage::Send,
    Stage::Queue,
    Stage::Device,
    Stage::Departure,
    Stage::Gap,
    Stage::Read,
];

/// What one stage of one router took between two times, each included, for several stretches at once.
#[must_use]
pub fn measure(
    history: &History,
    router: u16,
    stage: Stage,
    stretches: &[(Time, Time)],
) -> Vec<Measured> {
    let values = values(history, router, stage);
    let minutes = || {
        history
            .minutes
            .iter()
            .filter(|minute| (minute.router, minute.stage) == (router, stage))
    };
    let folded: HashSet<i64> = minutes()
        .map(|minute| minute.at.0.div_euclid(MINUTE))
        .collect();
    let stretch = |&(from, until): &(Time, Time)| {
        let mut measured = Measured::default();
        let whole = covered(history, from, until);
        let inside = |at: Time| from <= at && at <= until;
        let full = values.iter().filter(|value| {
            let minute = value.at.0.div_euclid(MINUTE);
            inside(value.at) && (whole || !folded.contains(&minute))
        });
        for value in full {
            measured.record(*value);
        }
        if !whole {
            for minute in minutes().filter(|minute| inside(minute.at.plus(MINUTE / 2))) {
                measured.histogram.add(&minute.histogram);
                if minute.histogram.count() > 0 {
                    measured.worse(minute.histogram.largest(), minute.at, false);
                }
            }
        }
        // A worst that has a full record as well is told with its exact time.
        if let Some(worst) = measured.worst.filter(|worst| !worst.exact) {
            let exact = values
                .iter()
                .find(|value| inside(value.at) && value.nanos >= worst.value);
            if let Some(exact) = exact {
                measured.worst = Some(Worst {
                    value: worst.value,
                    at: exact.at,
                    exact: true,
                });
            }
        }
        measured
    };
    stretches.iter().map(stretch).collect()
}

/// Every duration of a stage that full records tell, by time.
#[must_use]
pub fn values(history: &History, router: u16, stage: Stage) -> Vec<Value> {
    match stage {
        Stage::Gap => gaps(history, router)
            .into_iter()
            .map(|gap| gap.value)
            .collect(),
        // A capture is its own reader.
        // Whoever watches from outside does not see them read.
        Stage::Read if history.node.source != Source::Daemon => Vec::new(),
        Stage::Read => {
            let heard = history.received.iter().filter(|one| one.router == router);
            let values = heard.filter_map(|one| span(one.arrived, Some(one.read)));
            values.collect()
        }
        Stage::Wake | Stage::Send | Stage::Queue | Stage::Device | Stage::Departure => {
            let sent = history.sent.iter().filter(|sent| sent.router == router);
            let values = sent.filter_map(|sent| {
                let stamps = match stage {
                    Stage::Wake => (Some(sent.due), sent.woke),
                    Stage::Send => (sent.woke, sent.accepted),
                    Stage::Queue => (sent.queued, sent.left),
                    Stage::Device => (sent.left, sent.taken),
                    Stage::Departure => (Some(sent.due), sent.left),
                    Stage::Gap | Stage::Read => (None, None),
                };
                // A stepped clock spoils the kernel's stamps, and only those.
                let spoilt = sent.ambiguous && !matches!(stage, Stage::Wake | Stage::Send);
                if spoilt {
                    return None;
                }
                span(stamps.0, stamps.1).map(|value| Value {
                    at: sent.due,
                    ..value
                })
            });
            values.collect()
        }
    }
}

/// A time without adverts of a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Whose.
    pub from: IpAddr,
    /// From its last advert to its next one, or until somebody took over.
    pub value: Value,
    /// Position in [`History::received`] of the advert that ended it: the sender's next one, or the first one of another
    /// sender that took over. None where this node's takeover did.
    pub ended_by: Option<usize>,
}

/// Times between adverts of the same sender while it was the Active: a goodbye ends its time, and so does a takeover, ours
/// or that of another sender. A stretch without full records is no gap.
#[must_use]
pub fn gaps(history: &History, router: u16) -> Vec<Gap> {
    // Each sender's last advert and its interval.
    let mut last: HashMap<IpAddr, (Time, u64)> = HashMap::new();
    let mut sent = history
        .sent
        .iter()
        .filter(|sent| sent.router == router && sent.submitted.or(sent.left).is_some())
        .peekable();
    let mut found = Vec::new();
    let heard = history.received.iter().enumerate();
    for (position, one) in heard.filter(|(_, one)| one.router == router) {
        while let Some(own) = sent.next_if(|own| own.due < one.at()) {
            // Silence that nobody ended is as long as this node waited.
            let ended = own.submitted.or(own.left).unwrap_or(own.due);
            for (from, (before, _)) in last.drain() {
                push(history, &mut found, from, before, ended, None);
            }
        }
        last.retain(|from, (before, interval)| {
            // Two that speak at the same time are not each other's successor.
            let overdue =
                one.at().since(*before) > i64::try_from(*interval / 2 * 3).unwrap_or(i64::MAX);
            let replaced = *from != one.from && overdue;
            if replaced {
                push(
                    history,
                    &mut found,
                    *from,
                    *before,
                    one.at(),
                    Some(position),
                );
            }
            !replaced
        });
        if let Some((before, _)) = last.remove(&one.from) {
            push(
                history,
                &mut found,
                one.from,
                before,
                one.at(),
                Some(position),
            );
        }
        if one.priority != 0 {
            last.insert(one.from, (one.at(), one.interval));
        }
    }
    if let Some(own) = sent.next() {
        let ended = own.submitted.or(own.left).unwrap_or(own.due);
        for (from, (before, _)) in last.drain() {
            push(history, &mut found, from, before, ended, None);
        }
    }
    found.sort_by_key(|gap| (gap.value.at, gap.from));
    found
}

fn push(
    history: &History,
    found: &mut Vec<Gap>,
    from: IpAddr,
    before: Time,
    until: Time,
    ended_by: Option<usize>,
) {
    if !covered(history, before, until) {
        return;
    }
    found.push(Gap {
        from,
        value: Value {
            at: before,
            nanos: u64::try_from(until.since(before)).unwrap_or_default(),
        },
        ended_by,
    });
}

/// Whether full records cover a stretch; a history that does not say where it has them has them everywhere.
fn covered(history: &History, from: Time, until: Time) -> bool {
    let detailed = &history.detailed;
    if detailed.is_empty() {
        return true;
    }
    let next = detailed.partition_point(|(_, end)| *end < until);
    detailed.get(next).is_some_and(|(start, _)| *start <= from)
}

fn span(from: Option<Time>, until: Option<Time>) -> Option<Value> {
    let (from, until) = (from?, until?);
    Some(Value {
        at: from,
        // Stamps of two clocks may cross by the error of their conversion.
        nanos: u64::try_from(until.since(from)).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests;
