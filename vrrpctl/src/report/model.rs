//! What the page draws: plain data with integers, bounded, made without input or output. Its JSON is what the page's own
//! script reads, and what `vrrpctl report --json` prints.
//!
//! Times are microseconds since [`Model::base_unix_ms`] by the first node's clock; lengths are microseconds.

use serde::Serialize;

/// [`Model::schema`]: fields are only added within a number.
pub(crate) const SCHEMA: u32 = 1;

/// Everything that is drawn.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Model {
    /// [`SCHEMA`].
    pub(crate) schema: u32,
    /// [`STATES`].
    pub(crate) states: [&'static str; 6],
    /// Zero of all times.
    pub(crate) base_unix_ms: i64,
    /// First and last time that is shown.
    pub(crate) from: i64,
    pub(crate) until: i64,
    /// What the page shows first, and of which router: the story that answers.
    pub(crate) focus: Option<(i64, i64)>,
    pub(crate) focus_router: Option<usize>,
    /// Minutes that one cell of a band stands for.
    pub(crate) bin: i64,
    pub(crate) nodes: Vec<Node>,
    pub(crate) routers: Vec<Router>,
    pub(crate) host: Vec<Series>,
    pub(crate) stalls: Vec<Stall>,
    pub(crate) events: Vec<Event>,
    pub(crate) incidents: Vec<Incident>,
    /// What was left out so that the page stays small, in words.
    pub(crate) left_out: Vec<String>,
}

/// A node whose records were read.
#[derive(Debug, Serialize)]
pub(crate) struct Node {
    pub(crate) name: String,
    /// Stretches with full records.
    pub(crate) detailed: Vec<(i64, i64)>,
}

/// A virtual router on all nodes.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Router {
    pub(crate) name: String,
    /// Interface, VRID, family.
    pub(crate) what: String,
    /// Configured interval; 0 where it is not known.
    pub(crate) interval: i64,
    /// Lateness of an advert at which the most eager BACKUP takes over: down interval less one interval.
    pub(crate) limit: i64,
    pub(crate) rails: Vec<Rail>,
    pub(crate) tracks: Vec<Track>,
    pub(crate) bands: Vec<Bands>,
    pub(crate) stages: Vec<Stage>,
}

/// One who speaks or listens.
#[derive(Debug, Serialize)]
pub(crate) struct Rail {
    pub(crate) label: String,
    /// Position of its node; none for a sender that is only known from being heard.
    pub(crate) node: Option<usize>,
    /// From, until, position in [`STATES`].
    pub(crate) phases: Vec<(i64, i64, u8)>,
}

/// States of phases, by position.
pub(crate) const STATES: [&str; 6] = [
    "INIT",
    "BACKUP",
    "MASTER",
    "FAULT",
    "advertises",
    "several states",
];

/// Adverts of one sender, and their arrival at one listener where there are records of one. Lists are columns of equal
/// length, in order of `at`; a column that has no value at all is empty.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Track {
    /// Position of the sender's rail.
    pub(crate) from: usize,
    /// Position of the listener's rail.
    pub(crate) to: Option<usize>,
    /// Due, or when it should have come by the spacing of those before; each as the distance to the one before.
    pub(crate) at: Vec<i64>,
    /// Number of the advert.
    pub(crate) id: Vec<Option<u16>>,
    pub(crate) priority: Vec<u8>,
    /// Stages, each as the distance to `at`.
    pub(crate) woke: Vec<Option<i64>>,
    pub(crate) accepted: Vec<Option<i64>>,
    pub(crate) queued: Vec<Option<i64>>,
    pub(crate) left: Vec<Option<i64>>,
    pub(crate) taken: Vec<Option<i64>>,
    pub(crate) arrived: Vec<Option<i64>>,
    pub(crate) read: Vec<Option<i64>>,
    /// See [`flag`].
    pub(crate) flags: Vec<u8>,
    /// What else is to be told of some of them: position and text.
    pub(crate) notes: Vec<(usize, String)>,
}

/// Flags of an advert.
pub(crate) mod flag {
    /// The sender's own record is here; without it `at` is reckoned from the spacing.
    pub(crate) const SENT: u8 = 1;
    /// It left, and the listener that recorded everything at that time never got it.
    pub(crate) const LOST: u8 = 2;
    /// It never left: not built, refused, or stuck in the queue.
    pub(crate) const NEVER_LEFT: u8 = 4;
    /// The goodbye: priority 0.
    pub(crate) const GOODBYE: u8 = 8;
    /// A check of the listener refused it.
    pub(crate) const REFUSED: u8 = 16;
}

/// Histograms of minutes on one node, as far as they are drawn.
#[derive(Debug, Serialize)]
pub(crate) struct Bands {
    pub(crate) node: usize,
    /// Due to left (woke, where departures were not stamped).
    pub(crate) departure: Vec<Run>,
    /// Between two arrivals from the same sender.
    pub(crate) gap: Vec<Run>,
    /// Arrived to read.
    pub(crate) read: Vec<Run>,
}

/// Cells without a gap between them.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Run {
    /// Number of the first cell since the base.
    pub(crate) at: i64,
    /// Median of each cell; of gaps it is too coarse to be shown, and empty.
    pub(crate) typical: Vec<u64>,
    /// The worst of each cell, to three digits.
    pub(crate) worst: Vec<u64>,
    /// How many adverts each cell counts.
    pub(crate) count: Vec<u64>,
}

/// How long a stage took in all of the time shown.
#[derive(Debug, Serialize)]
pub(crate) struct Stage {
    pub(crate) node: usize,
    pub(crate) stage: &'static str,
    pub(crate) count: u64,
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    pub(crate) worst: u64,
    /// Smallest value of a bucket in nanoseconds, and how many fell into it; four buckets an octave.
    pub(crate) buckets: Vec<(u64, u64)>,
}

/// A measure of a host over time.
#[derive(Debug, Serialize)]
pub(crate) struct Series {
    pub(crate) node: usize,
    pub(crate) name: String,
    /// `%`, `/s`, `ms` or `B`.
    pub(crate) unit: &'static str,
    /// Beginning, length in milliseconds since the one before and its own, value in tenths of the unit; -1 is a probe
    /// without answer. Sorted; what lies between was not measured.
    pub(crate) pieces: Vec<(i64, i64, i64)>,
    /// The largest value in tenths.
    pub(crate) largest: i64,
}

/// A late wake-up of a node's engine.
#[derive(Debug, Serialize)]
pub(crate) struct Stall {
    pub(crate) node: usize,
    pub(crate) due: i64,
    pub(crate) at: i64,
    pub(crate) text: String,
}

/// Something that was told once.
#[derive(Debug, Serialize)]
pub(crate) struct Event {
    pub(crate) at: i64,
    pub(crate) node: usize,
    /// Position of the router; none where it concerns the node.
    pub(crate) router: Option<usize>,
    pub(crate) text: String,
    /// A state changed.
    pub(crate) transition: bool,
}

/// What is explained, and where it is on the page.
#[derive(Debug, Serialize)]
pub(crate) struct Incident {
    pub(crate) from: i64,
    pub(crate) at: i64,
    pub(crate) until: i64,
    pub(crate) node: usize,
    pub(crate) router: Option<usize>,
    /// `#17`, or empty.
    pub(crate) number: String,
    /// 0 transition, 1 near failover or two MASTERs, 2 anything else.
    pub(crate) weight: u8,
    pub(crate) headline: String,
    pub(crate) summary: String,
    /// Number of the verdict below the drawing.
    pub(crate) verdict: usize,
}

/// How much of each kind the page may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Cells of all bands.
    pub(crate) cells: usize,
    /// Single adverts.
    pub(crate) adverts: usize,
    /// Pieces of the hosts' series, and late wake-ups.
    pub(crate) points: usize,
    /// Events.
    pub(crate) events: usize,
    /// Verdicts with their evidence.
    pub(crate) verdicts: usize,
    /// Phases of all rails.
    pub(crate) phases: usize,
    /// Routers.
    pub(crate) routers: usize,
}

impl Bounds {
    /// What a page of five megabytes usually holds.
    pub(crate) const USUAL: Self = Self {
        cells: 2_000_000,
        adverts: 80_000,
        points: 60_000,
        events: 4_000,
        verdicts: 400,
        phases: 20_000,
        routers: 512,
    };

    /// Half of everything, and never nothing.
    pub(crate) fn halved(self) -> Self {
        let half = |count: usize| (count / 2).max(1);
        Self {
            cells: half(self.cells),
            adverts: half(self.adverts),
            points: half(self.points),
            events: half(self.events),
            verdicts: half(self.verdicts),
            phases: half(self.phases),
            routers: half(self.routers),
        }
    }
}
