//! The hosts under the adverts: pressures, waits, drops and probes over time, and late wake-ups of the engine.

use std::collections::BTreeMap;

use vrrp_record::history::{NO_ANSWER, ProbeTarget, Sample, Time, Unit};

use super::clocks::Clocks;
use super::model::{Series, Stall};
use crate::commands::journal::stall_words;
use crate::source::Node;

/// Samples further apart than this say nothing about the time between them: recorders repeat themselves every five seconds.
const APART: i64 = 6_000_000_000;

/// How the samples of a unit are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drawn {
    /// Nanoseconds that passed: percent of the time.
    Share,
    /// The same of several at once, so that there may be more than all of the time.
    Sum,
    /// A count: how many a second.
    Rate,
    /// A level in nanoseconds.
    Millis,
    /// A level in bytes.
    Bytes,
}

/// What is drawn of a unit, and its name; none where it says nothing about pressure.
fn drawn(unit: Unit, object: u32) -> Option<(Drawn, String)> {
    let own = |name: &str| match object {
        1 => format!("{name}, own control group"),
        _ => name.to_owned(),
    };
    let interface = |name: &str| format!("{name}, interface {object}");
    Some(match unit {
        Unit::PressureCpu => (Drawn::Share, own("some wait for a CPU")),
        Unit::PressureIo => (Drawn::Share, own("all wait for I/O")),
        Unit::PressureMemory => (Drawn::Share, own("all wait for memory")),
        Unit::RunDelay => (Drawn::Share, String::from("engine waits for a CPU")),
        Unit::Steal => (
            Drawn::Sum,
            String::from("stolen by the hypervisor, all CPUs"),
        ),
        Unit::DeviceBusy => {
            let (major, minor) = (object >> 20, object & 0xF_FFFF);
            (Drawn::Share, format!("disk {major}:{minor} busy"))
        }
        Unit::InterfaceReceived => (Drawn::Rate, interface("packets in")),
        Unit::InterfaceSent => (Drawn::Rate, interface("packets out")),
        Unit::InterfaceReceiveDropped => (Drawn::Rate, interface("dropped on receipt")),
        Unit::InterfaceSendDropped => (Drawn::Rate, interface("dropped on sending")),
        Unit::CarrierChanges => (Drawn::Rate, interface("carrier changes")),
        Unit::QdiscDropped => (Drawn::Rate, interface("dropped by the queue discipline")),
        Unit::QdiscBacklog => (Drawn::Bytes, interface("waiting in the queue discipline")),
        Unit::QueueStalls => (Drawn::Rate, interface("stalls of the transmit queues")),
        Unit::SoftirqDropped => (Drawn::Rate, String::from("dropped before the sockets")),
        Unit::SoftirqSqueezed => (Drawn::Rate, String::from("receive budget used up")),
        Unit::SocketDropped => (Drawn::Rate, String::from("dropped by our sockets")),
        Unit::OutOfMemoryKills => (Drawn::Rate, String::from("killed for lack of memory")),
        Unit::ProbeRoundTrip => {
            let target = ProbeTarget::of_object(object);
            let whom = if target.is_gateway() {
                String::from("gateway")
            } else {
                format!("peer {}", target.number - ProbeTarget::FIRST_PEER + 1)
            };
            (
                Drawn::Millis,
                format!("probe of the {whom}, interface {}", target.interface),
            )
        }
        Unit::DeviceWait
        | Unit::DeviceRequests
        | Unit::AdvertsAtInterface
        | Unit::Membership
        | Unit::WallClock
        | Unit::InterfaceMaster
        | Unit::ForeignSockets
        | Unit::MulticastAtInterface
        | Unit::Claimant
        | Unit::Claimed => return None,
    })
}

/// A stretch of time and a value in tenths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    from: Time,
    until: Time,
    value: i64,
}

/// Every series that moved, at most `most` pieces in all; times by the first node's clock, milliseconds since `base`.
pub(crate) fn series(
    nodes: &[Node],
    clocks: &Clocks,
    within: (Time, Time),
    base: Time,
    most: usize,
) -> Vec<Series> {
    let mut found: Vec<(usize, String, Drawn, Vec<Piece>)> = Vec::new();
    for (place, node) in nodes.iter().enumerate() {
        let mut samples: BTreeMap<(Unit, u32), Vec<&Sample>> = BTreeMap::new();
        for sample in &node.history.samples {
            samples
                .entry((sample.unit, sample.object))
                .or_default()
                .push(sample);
        }
        for ((unit, object), samples) in samples {
            let Some((drawn, name)) = drawn(unit, object) else {
                continue;
            };
            let mut pieces = pieces(&samples, drawn);
            for piece in &mut pieces {
                let shift = clocks.by_first(place, piece.from).since(piece.from);
                (piece.from, piece.until) = (piece.from.plus(shift), piece.until.plus(shift));
            }
            pieces.retain(|piece| piece.until >= within.0 && piece.from <= within.1);
            if pieces.iter().any(|piece| piece.value != 0) {
                found.push((place, name, drawn, pieces));
            }
        }
    }
    let each = most / found.len().max(1);
    found
        .into_iter()
        .map(|(node, name, drawn, pieces)| {
            let pieces = bounded(pieces, each.max(1));
            let mut before = 0;
            let largest = pieces.iter().map(|piece| piece.value).max();
            let told = pieces.iter().map(|piece| {
                let from = piece.from.since(base).div_euclid(1_000_000);
                let length = piece.until.since(piece.from) / 1_000_000;
                let since = from - before;
                before = from;
                (since, length, piece.value)
            });
            Series {
                node,
                name,
                unit: match drawn {
                    Drawn::Share | Drawn::Sum => "%",
                    Drawn::Rate => "/s",
                    Drawn::Millis => "ms",
                    Drawn::Bytes => "B",
                },
                pieces: told.collect(),
                largest: largest.unwrap_or_default(),
            }
        })
        .collect()
}

/// What a unit did between each sample and the next; equal neighbours are one piece.
fn pieces(samples: &[&Sample], drawn: Drawn) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for pair in samples.windows(2) {
        let (one, next) = (pair[0], pair[1]);
        let length = next.at.since(one.at);
        if length <= 0 || length > APART {
            continue;
        }
        let moved = i64::try_from(next.value.saturating_sub(one.value)).unwrap_or(i64::MAX);
        let level = i64::try_from(one.value).unwrap_or(i64::MAX);
        let value = match drawn {
            // The two clocks of a share are not read in the same moment.
            Drawn::Share => (moved.saturating_mul(1_000) / length).min(1_000),
            Drawn::Sum => moved.saturating_mul(1_000) / length,
            Drawn::Rate => {
                moved.saturating_mul(10).saturating_mul(1_000) / (length / 1_000_000).max(1)
            }
            Drawn::Millis if one.value == NO_ANSWER => -1,
            Drawn::Millis => level / 100_000,
            Drawn::Bytes => level.saturating_mul(10),
        };
        // A counter that began anew says nothing.
        if next.value < one.value && matches!(drawn, Drawn::Share | Drawn::Sum | Drawn::Rate) {
            continue;
        }
        match pieces.last_mut() {
            Some(last) if last.until == one.at && last.value == value => last.until = next.at,
            _ => pieces.push(Piece {
                from: one.at,
                until: next.at,
                value,
            }),
        }
    }
    pieces
}

/// At most `most` pieces: those beside each other become one with the larger value, the shortest first.
fn bounded(mut pieces: Vec<Piece>, most: usize) -> Vec<Piece> {
    let mut width = 400_000_000;
    while pieces.len() > most && width < i64::MAX / 4 {
        let mut joined: Vec<Piece> = Vec::new();
        for piece in pieces {
            match joined.last_mut() {
                Some(last)
                    if piece.until.since(last.from) <= width
                        && piece.from.since(last.until) < APART.max(width / 2) =>
                {
                    last.until = piece.until;
                    // Without an answer is the worst that a probe can tell.
                    last.value = if last.value < 0 || piece.value < 0 {
                        -1
                    } else {
                        last.value.max(piece.value)
                    };
                }
                _ => joined.push(piece),
            }
        }
        pieces = joined;
        width *= 2;
    }
    pieces.truncate(most);
    pieces
}

/// Late wake-ups, the longest `most` of them.
pub(crate) fn stalls(
    nodes: &[Node],
    clocks: &Clocks,
    within: (Time, Time),
    micros: impl Fn(Time) -> i64,
    most: usize,
) -> Vec<Stall> {
    let mut found = Vec::new();
    for (place, node) in nodes.iter().enumerate() {
        for stall in &node.history.stalls {
            let at = clocks.by_first(place, stall.at);
            if at < within.0 || at > within.1 {
                continue;
            }
            let at = micros(at);
            let late = stall.at.since(stall.due) / 1_000;
            found.push(Stall {
                node: place,
                due: at - late,
                at,
                text: stall_words(stall),
            });
        }
    }
    found.sort_by_key(|stall| std::cmp::Reverse(stall.at - stall.due));
    found.truncate(most);
    found.sort_by_key(|stall| stall.due);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: i64 = 1_000_000;

    fn sample(millis: i64, value: u64) -> Sample {
        Sample {
            at: Time(millis * MILLI),
            unit: Unit::PressureIo,
            object: 0,
            value,
        }
    }

    #[test]
    fn a_share_is_what_moved_and_a_pause_is_not_measured() {
        let samples = [
            sample(0, 0),
            sample(100, 50_000_000),
            sample(200, 100_000_000),
            sample(300, 100_000_000),
            sample(60_000, 900_000_000),
        ];
        let samples: Vec<&Sample> = samples.iter().collect();
        let pieces = pieces(&samples, Drawn::Share);
        let told: Vec<(i64, i64, i64)> = pieces
            .iter()
            .map(|piece| (piece.from.0 / MILLI, piece.until.0 / MILLI, piece.value))
            .collect();
        assert_eq!(told, [(0, 200, 500), (200, 300, 0)]);
    }

    #[test]
    fn many_pieces_keep_their_peaks() {
        let pieces: Vec<Piece> = (0..10_000)
            .map(|at| Piece {
                from: Time(at * 100 * MILLI),
                until: Time((at + 1) * 100 * MILLI),
                value: if at == 7_777 { 900 } else { at % 7 },
            })
            .collect();
        let bounded = bounded(pieces, 100);
        assert!(bounded.len() <= 100);
        assert_eq!(bounded.iter().map(|piece| piece.value).max(), Some(900));
        assert_eq!(
            bounded.last().map(|piece| piece.until),
            Some(Time(1_000_000 * MILLI))
        );
    }

    #[test]
    fn a_probe_without_answer_is_no_number() {
        let samples = [
            sample(0, 49_000),
            sample(1_000, NO_ANSWER),
            sample(2_000, 60_000),
        ];
        let samples: Vec<&Sample> = samples.iter().collect();
        let values: Vec<i64> = pieces(&samples, Drawn::Millis)
            .iter()
            .map(|piece| piece.value)
            .collect();
        assert_eq!(values, [0, -1]);
    }
}
