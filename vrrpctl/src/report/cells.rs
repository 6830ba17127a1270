//! Minutes and stages: every duration counted once, from the histogram of its minute or, where there is none, from full
//! records. Filled piece by piece, since the minutes of a long journal do not fit into memory at once.

use std::collections::{BTreeMap, HashMap};

use vrrp_record::histogram::Histogram;
use vrrp_record::history::{History, Stage, Time};
use vrrp_record::measure::{STAGES, values};

use super::model;

/// Nanoseconds of a minute.
const MINUTE: i64 = 60_000_000_000;

/// What a minute, or several, showed of one stage; nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) count: u64,
    pub(crate) typical: u64,
    pub(crate) worst: u64,
}

impl Cell {
    /// Of several cells: the median of the busiest stands for all.
    fn join(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            typical: if other.count > self.count {
                other.typical
            } else {
                self.typical
            },
            worst: self.worst.max(other.worst),
        }
    }
}

/// A stage of one router by minutes and in all.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// By the number of the minute since 1970, by the node's own clock.
    pub(crate) minutes: BTreeMap<i64, Cell>,
    pub(crate) sum: Histogram,
}

/// All routers of one node. The positions are those of its history.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    routers: HashMap<(u16, Stage), Measured>,
}

impl Cells {
    /// Adds the minutes of a part of the node's records; `position` translates its routers.
    pub(crate) fn minutes(
        &mut self,
        part: &History,
        within: (Time, Time),
        position: impl Fn(u16) -> Option<u16>,
    ) {
        for minute in &part.minutes {
            let middle = minute.at.plus(MINUTE / 2);
            let Some(router) = position(minute.router) else {
                continue;
            };
            if minute.histogram.count() == 0 || middle < within.0 || middle > within.1 {
                continue;
            }
            let measured = self.routers.entry((router, minute.stage)).or_default();
            let number = minute.at.0.div_euclid(MINUTE);
            // Flight recorder and journal both tell of the same minute.
            measured.minutes.entry(number).or_insert_with(|| {
                measured.sum.add(&minute.histogram);
                Cell {
                    count: minute.histogram.count(),
                    typical: minute.histogram.quantile(0.5).unwrap_or_default(),
                    worst: minute.histogram.largest(),
                }
            });
        }
    }

    /// Adds what full records tell of minutes that have no histogram. To be called once, after all minutes.
    pub(crate) fn records(&mut self, history: &History, within: (Time, Time)) {
        for router in 0..u16::try_from(history.routers.len()).unwrap_or(u16::MAX) {
            for stage in STAGES {
                let mut found: BTreeMap<i64, Vec<u64>> = BTreeMap::new();
                for value in values(history, router, stage) {
                    if value.at >= within.0 && value.at <= within.1 {
                        let number = value.at.0.div_euclid(MINUTE);
                        found.entry(number).or_default().push(value.nanos);
                    }
                }
                if found.is_empty() {
                    continue;
                }
                let measured = self.routers.entry((router, stage)).or_default();
                for (number, mut values) in found {
                    if measured.minutes.contains_key(&number) {
                        continue;
                    }
                    values.sort_unstable();
                    for value in &values {
                        measured.sum.record(*value);
                    }
                    let cell = Cell {
                        count: values.len() as u64,
                        typical: values[values.len() / 2],
                        worst: values.last().copied().unwrap_or_default(),
                    };
                    measured.minutes.insert(number, cell);
                }
            }
        }
    }

    /// A cell made by hand.
    #[cfg(test)]
    pub(crate) fn put(&mut self, router: u16, stage: Stage, minute: i64, cell: Cell) {
        let measured = self.routers.entry((router, stage)).or_default();
        measured.sum.record(cell.worst);
        measured.minutes.insert(minute, cell);
    }

    /// What is known of a stage.
    pub(crate) fn of(&self, router: u16, stage: Stage) -> Option<&Measured> {
        self.routers.get(&(router, stage))
    }

    /// The first and the last minute of any stage, as times.
    pub(crate) fn extent(&self) -> Option<(Time, Time)> {
        let ends = self.routers.values().filter_map(|measured| {
            let first = measured.minutes.first_key_value()?.0;
            let last = measured.minutes.last_key_value()?.0;
            Some((Time(first * MINUTE), Time((last + 1) * MINUTE)))
        });
        ends.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
    }

    /// How many cells the bands of all routers have.
    pub(crate) fn count(&self) -> usize {
        let drawn = self
            .routers
            .iter()
            .filter(|((_, stage), _)| BANDS.contains(stage));
        drawn.map(|(_, measured)| measured.minutes.len()).sum()
    }

    /// The bands of a router, none where nothing was measured. `shift` brings times to the axis of the page, whose zero is
    /// `base`.
    pub(crate) fn bands(
        &self,
        node: usize,
        router: u16,
        bin: i64,
        base: Time,
        shift: impl Fn(Time) -> Time + Copy,
    ) -> Option<model::Bands> {
        let runs = |stage, typical| {
            self.of(router, stage)
                .map(|measured| runs(&measured.minutes, bin, typical, base, shift))
                .unwrap_or_default()
        };
        let mut departure = runs(Stage::Departure, true);
        if departure.is_empty() {
            departure = runs(Stage::Wake, true);
        }
        let bands = model::Bands {
            node,
            departure,
            gap: runs(Stage::Gap, false),
            read: runs(Stage::Read, false),
        };
        let empty = [&bands.departure, &bands.gap, &bands.read]
            .iter()
            .all(|runs| runs.is_empty());
        (!empty).then_some(bands)
    }

    /// How long each stage of a router took.
    pub(crate) fn stages(&self, node: usize, router: u16) -> Vec<model::Stage> {
        let known = STAGES
            .into_iter()
            .filter_map(|stage| Some((stage, &self.of(router, stage)?.sum)));
        known
            .filter(|(_, sum)| sum.count() > 0)
            .map(|(stage, sum)| {
                let quantile = |part| sum.quantile(part).unwrap_or_default() / 1_000;
                model::Stage {
                    node,
                    stage: name(stage),
                    count: sum.count(),
                    p50: quantile(0.5),
                    p99: quantile(0.99),
                    worst: sum.largest() / 1_000,
                    buckets: coarse(sum),
                }
            })
            .collect()
    }
}

/// Stages that bands are made of.
const BANDS: [Stage; 3] = [Stage::Departure, Stage::Gap, Stage::Read];

/// A stage as `vrrpctl latency` calls it.
const fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Wake => "wake",
        Stage::Send => "send",
        Stage::Queue => "queue",
        Stage::Device => "device",
        Stage::Departure => "departure",
        Stage::Gap => "gap",
        Stage::Read => "read",
    }
}

/// Cells of `bin` minutes without a gap between them.
fn runs(
    minutes: &BTreeMap<i64, Cell>,
    bin: i64,
    typical: bool,
    base: Time,
    shift: impl Fn(Time) -> Time,
) -> Vec<model::Run> {
    let mut joined: BTreeMap<i64, Cell> = BTreeMap::new();
    for (number, cell) in minutes {
        // The page's cells begin at its base; a minute by another clock counts where its middle is.
        let middle = shift(Time(number.saturating_mul(MINUTE)).plus(MINUTE / 2));
        let at = middle.since(base).div_euclid(bin * MINUTE);
        let known = joined.entry(at).or_default();
        *known = known.join(*cell);
    }
    let mut runs: Vec<model::Run> = Vec::new();
    let mut next = None;
    for (at, cell) in joined {
        if next != Some(at) {
            runs.push(model::Run {
                at,
                ..model::Run::default()
            });
        }
        if let Some(run) = runs.last_mut() {
            if typical {
                run.typical.push(digits(cell.typical));
            }
            run.worst.push(digits(cell.worst));
            run.count.push(cell.count);
        }
        next = Some(at + 1);
    }
    runs
}

/// Nanoseconds as microseconds of three digits: what nobody sees costs no room.
fn digits(nanos: u64) -> u64 {
    let micros = nanos.div_ceil(1_000);
    let unit = 10_u64.pow(
        micros
            .checked_ilog10()
            .unwrap_or_default()
            .saturating_sub(2),
    );
    // Never less than it was: who is late is late.
    micros.div_ceil(unit) * unit
}

/// Four buckets an octave; the first reaches to two microseconds.
fn coarse(sum: &Histogram) -> Vec<(u64, u64)> {
    const FIRST: u64 = 2_048;
    let mut buckets: BTreeMap<u64, u64> = BTreeMap::new();
    for (bucket, count) in sum.buckets() {
        let lowest = vrrp_record::histogram::lowest(bucket);
        let begin = if lowest < FIRST {
            0
        } else {
            let octave = 1_u64 << lowest.ilog2();
            octave + (lowest - octave) * 4 / octave * (octave / 4)
        };
        *buckets.entry(begin).or_default() += u64::from(count);
    }
    buckets.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use vrrp_record::history::Minute;

    use super::*;

    fn minute(number: i64, nanos: &[u64]) -> Minute {
        let mut histogram = Histogram::default();
        for value in nanos {
            histogram.record(*value);
        }
        Minute {
            at: Time(number * MINUTE),
            router: 0,
            stage: Stage::Departure,
            histogram,
        }
    }

    const ALWAYS: (Time, Time) = (Time(i64::MIN), Time(i64::MAX));

    #[test]
    fn a_minute_counts_once_and_a_hole_ends_a_run() {
        let part = History {
            minutes: vec![
                minute(100, &[50_000, 60_000]),
                minute(101, &[70_000]),
                minute(104, &[3_204_000_000]),
            ],
            ..History::default()
        };
        let mut cells = Cells::default();
        cells.minutes(&part, ALWAYS, Some);
        cells.minutes(&part, ALWAYS, Some);
        let bands = cells
            .bands(0, 0, 1, Time(100 * MINUTE), |at| at)
            .unwrap()
            .departure;
        assert_eq!(bands.len(), 2);
        assert_eq!((bands[0].at, bands[1].at), (0, 4));
        assert_eq!(bands[0].count, [2, 1]);
        assert_eq!(bands[1].worst, [3_210_000], "three digits, never less");
        assert_eq!(cells.stages(0, 0)[0].count, 4);
        let coarse = cells
            .bands(0, 0, 5, Time(100 * MINUTE), |at| at)
            .unwrap()
            .departure;
        assert_eq!(coarse[0].count, [4]);
        assert_eq!(coarse[0].worst, [3_210_000]);
    }

    #[test]
    fn what_was_not_asked_for_is_left_out() {
        let part = History {
            minutes: vec![minute(100, &[50_000]), minute(102, &[50_000])],
            ..History::default()
        };
        let mut cells = Cells::default();
        cells.minutes(&part, (Time(101 * MINUTE), Time(i64::MAX)), Some);
        assert_eq!(cells.count(), 1);
        assert_eq!(
            cells.extent(),
            Some((Time(102 * MINUTE), Time(103 * MINUTE)))
        );
    }

    #[test]
    fn buckets_are_quarters_of_octaves() {
        let mut sum = Histogram::default();
        for nanos in [100, 1_500, 4_096, 5_200, 8_191, 1_000_000_000] {
            sum.record(nanos);
        }
        let buckets = coarse(&sum);
        assert_eq!(buckets[0], (0, 2));
        assert_eq!(buckets.iter().map(|bucket| bucket.1).sum::<u64>(), 6);
        for (begin, _) in &buckets[1..] {
            let octave = 1_u64 << begin.ilog2();
            assert_eq!((begin - octave) % (octave / 4), 0, "{begin}");
        }
    }
}
