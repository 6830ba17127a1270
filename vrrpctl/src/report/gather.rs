//! What is read for a page: full records as far as memory allows, every minute, and the verdicts of the engine that
//! `explain` uses.

use std::borrow::Cow;

use vrrp_record::history::{History, Received, Time, Want};
use vrrp_record::verdict::{Happening, Incident, Verdict, incidents, judge};

use super::cells::Cells;
use super::clocks::Clocks;
use crate::commands::explain::{self, AFTER, BEFORE, CLOCKS};
use crate::source::{Node, Opened, Records, SourceError, tell_apart};

/// Records of this many bytes are read whole; of longer ones what surrounds incidents, and the latest hour in full.
const WHOLE: u64 = 64 * 1024 * 1024;
/// How much of longer records is read in full without an incident: the latest of what is there in full.
const LAST: i64 = 3_600_000_000_000;
/// Most incidents that are judged: the weightiest and latest.
const JUDGED: usize = 1_000;
/// Histories of at most so many records are judged whole, as `explain` does.
const SHORT: usize = 50_000;
/// Stories of two nodes whose ends are this close are the same one, seen from both sides.
const TOGETHER: i64 = 60_000_000_000;

const MINUTE: i64 = 60_000_000_000;

/// A stretch of time.
type Stretch = (Time, Time);

/// Everything that a page is made from.
#[derive(Debug)]
pub(crate) struct Gathered {
    /// The nodes, those of the peer last.
    pub(crate) nodes: Vec<Node>,
    pub(crate) clocks: Clocks,
    /// Minutes and stages of each node.
    pub(crate) cells: Vec<Cells>,
    /// What is shown, by the first node's clock.
    pub(crate) within: Stretch,
    /// Verdicts by time.
    pub(crate) judged: Vec<Judged>,
    /// The one that answers first: where the last story begins.
    pub(crate) story: Option<usize>,
    /// Incidents that were too many to be judged.
    pub(crate) unjudged: usize,
}

/// A verdict and where it belongs.
#[derive(Debug)]
pub(crate) struct Judged {
    /// Position of the node that it happened on.
    pub(crate) node: usize,
    /// When, by the first node's clock.
    pub(crate) at: Time,
    pub(crate) verdict: Verdict,
}

/// How much an incident matters: 0 a transition, 1 what came near one, 2 everything else.
pub(crate) const fn weight(what: &Happening) -> u8 {
    match what {
        Happening::Transition { .. } => 0,
        Happening::NearFailover { .. } | Happening::TwoActive { .. } => 1,
        Happening::Anomaly { .. }
        | Happening::NobodyHeard
        | Happening::Addresses
        | Happening::Health
        | Happening::Link
        | Happening::StorageStall
        | Happening::LateFloor
        | Happening::ThinMargin
        | Happening::Duplicates
        | Happening::OwnAddressHeard
        | Happening::Claimed
        | Happening::Unannounced
        | Happening::NewsLost
        | Happening::ClockStep
        | Happening::Restart
        | Happening::Reload => 2,
    }
}

/// Reads and judges.
///
/// # Errors
/// Where a file cannot be read at all.
pub(crate) fn gather(
    mut own: Opened,
    peer: Option<Opened>,
    names: &[String],
    between: Option<Stretch>,
) -> Result<Gathered, SourceError> {
    // The other node's clock may be far off.
    let wide = |(from, until): Stretch| (from.plus(-CLOCKS), until.plus(CLOCKS));
    let mut sources = Vec::from_iter(peer);
    let (ours, theirs) = match sources.first() {
        // What happened to one is explained by what the other recorded at that time.
        Some(peer) if own.bytes().max(peer.bytes()) > WHOLE => {
            let ours = windows(&own, between)?;
            let theirs = windows(peer, between.map(wide))?;
            let beside = |own: &[Stretch], other: &[Stretch]| {
                let other = other.iter().copied().map(wide);
                own.iter().copied().chain(other).collect::<Vec<_>>()
            };
            (beside(&ours, &theirs), beside(&theirs, &ours))
        }
        None if own.bytes() > WHOLE => (windows(&own, between)?, Vec::new()),
        _ => (Vec::new(), Vec::new()),
    };
    let mut nodes = full(&own, between, ours)?;
    let mut peers = Vec::new();
    for peer in &sources {
        peers = full(peer, between.map(wide), theirs.clone())?;
    }
    // A node given twice is one node.
    peers.retain(|peer| !nodes.iter().any(|node| node.is(&peer.history)));
    nodes.append(&mut peers);
    tell_apart(&mut nodes);
    let clocks = Clocks::of(&nodes);

    let mut cells: Vec<Cells> = nodes.iter().map(|_| Cells::default()).collect();
    let asked = between.unwrap_or((Time(i64::MIN), Time(i64::MAX)));
    for source in std::iter::once(&mut own).chain(&mut sources) {
        source.rewind();
        while let Some(parts) = source.next_piece(&Want::outline().minutes(true))? {
            for part in parts {
                add_minutes(&nodes, &clocks, &mut cells, &part, asked);
            }
        }
    }
    for (place, node) in nodes.iter().enumerate() {
        cells[place].records(&node.history, by_node(&clocks, place, asked));
    }

    let known = nodes.iter().enumerate().filter_map(|(place, node)| {
        let (from, until) = told(node.history.extent(), cells[place].extent())?;
        Some((clocks.by_first(place, from), clocks.by_first(place, until)))
    });
    let known = known.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
    let known = known.unwrap_or_default();
    let within = (
        asked.0.max(known.0),
        asked.1.min(known.1).max(asked.0.max(known.0)),
    );

    let (judged, unjudged) = judged(&nodes, &clocks, names, asked);
    let story = story(&judged);
    Ok(Gathered {
        nodes,
        clocks,
        cells,
        within,
        judged,
        story,
        unjudged,
    })
}

/// From when to when a node tells anything: a minute's histogram does not tell where in its minute it began or ended.
fn told(records: Option<Stretch>, minutes: Option<Stretch>) -> Option<Stretch> {
    let (Some(records), Some(minutes)) = (records, minutes) else {
        return records.or(minutes);
    };
    let from = if minutes.0.plus(MINUTE) > records.0 {
        records.0
    } else {
        minutes.0
    };
    let until = if minutes.1.plus(-MINUTE) < records.1 {
        records.1
    } else {
        minutes.1
    };
    Some((from, until))
}

/// A stretch of the first node's time by the clock of another.
fn by_node(clocks: &Clocks, node: usize, stretch: Stretch) -> Stretch {
    let own = |at: Time| {
        if at.0 == i64::MIN || at.0 == i64::MAX {
            return at;
        }
        at.plus(clocks.by_first(node, at).since(at).saturating_neg())
    };
    (own(stretch.0), own(stretch.1))
}

/// Full records: all of them, or of long ones those within `wanted`.
fn full(
    opened: &Opened,
    between: Option<Stretch>,
    wanted: Vec<Stretch>,
) -> Result<Vec<Node>, SourceError> {
    let all = Want::all().minutes(false);
    if opened.bytes() <= WHOLE {
        return opened.read(&match between.map(padded) {
            Some(stretch) => all.within(vec![stretch]),
            None => all,
        });
    }
    opened.read(&all.within(wanted))
}

/// What is needed to judge what happened between two times.
fn padded((from, until): Stretch) -> Stretch {
    (from.plus(-BEFORE), until.plus(AFTER))
}

/// What surrounds the incidents that a node's events tell of, and the latest hour of full records.
fn windows(opened: &Opened, between: Option<Stretch>) -> Result<Vec<Stretch>, SourceError> {
    let padded = between.map(padded);
    let mut wanted = Vec::new();
    for node in opened.read(&Want::outline())? {
        let inside = |one: &Incident| {
            padded.is_none_or(|(from, until)| one.until.max(one.at) >= from && one.from <= until)
        };
        let mut found = incidents(&node.history);
        found.retain(inside);
        weightiest(&mut found, JUDGED);
        wanted.extend(explain::windows(&found));
        let mut left = LAST;
        for (from, until) in node.history.detailed.iter().rev() {
            let (from, until) = padded.map_or((*from, *until), |(begin, end)| {
                ((*from).max(begin), (*until).min(end))
            });
            if from < until && left > 0 {
                wanted.push((from.max(until.plus(-left)), until));
                left -= until.since(from);
            }
        }
    }
    Ok(wanted)
}

/// Leaves the weightiest and latest incidents, and says how many others there were.
fn weightiest(found: &mut Vec<Incident>, most: usize) -> usize {
    let others = found.len().saturating_sub(most);
    found.sort_by_key(|one| (weight(&one.what), std::cmp::Reverse(one.at)));
    found.truncate(most);
    others
}

/// Adds the minutes of a piece to the node whose piece it is.
fn add_minutes(nodes: &[Node], clocks: &Clocks, cells: &mut [Cells], part: &Node, asked: Stretch) {
    let known = |node: &Node| -> bool {
        let alone = nodes
            .iter()
            .filter(|other| other.history.node.host == part.history.node.host)
            .count()
            == 1;
        let same = node.history.node.host == part.history.node.host;
        same && (alone || node.is(&part.history))
    };
    let Some(place) = nodes.iter().position(known) else {
        return;
    };
    let routers = &nodes[place].history.routers;
    let position = |router: u16| {
        let router = part.history.routers.get(usize::from(router))?;
        let same = routers.iter().position(|known| {
            (&known.interface, known.ipv6, known.vrid)
                == (&router.interface, router.ipv6, router.vrid)
        });
        same.and_then(|position| u16::try_from(position).ok())
    };
    let within = by_node(clocks, place, asked);
    cells[place].minutes(&part.history, within, position);
}

/// Judges every node's incidents beside another node's records, and says how many were too many.
fn judged(
    nodes: &[Node],
    clocks: &Clocks,
    names: &[String],
    asked: Stretch,
) -> (Vec<Judged>, usize) {
    let mut judged = Vec::new();
    let mut unjudged = 0;
    for (place, node) in nodes.iter().enumerate() {
        let history = &node.history;
        let mut found = explain::named(history, incidents(history), names);
        found.retain(|one| {
            let (first, last) = (one.from.min(one.at), one.until.max(one.at));
            clocks.by_first(place, last) >= asked.0 && clocks.by_first(place, first) <= asked.1
        });
        unjudged += weightiest(&mut found, JUDGED / nodes.len().max(1));
        let other = nodes
            .iter()
            .enumerate()
            .find(|(other, peer)| *other != place && shares(history, &peer.history));
        let as_of = history.extent().map_or(Time(0), |(_, until)| until);
        for one in found {
            let (from, until) = explain::windows(&[one])[0];
            let here = cut(history, (from, until));
            let there = other.map(|(other, peer)| {
                let by_first = (clocks.by_first(place, from), clocks.by_first(place, until));
                let (from, until) = by_node(clocks, other, by_first);
                let room = if clocks.known(place) && clocks.known(other) {
                    TOGETHER
                } else {
                    CLOCKS
                };
                cut(&peer.history, (from.plus(-room), until.plus(room)))
            });
            judged.push(Judged {
                node: place,
                at: clocks.by_first(place, one.at),
                verdict: judge(&here, there.as_deref(), &one, as_of),
            });
        }
    }
    judged.sort_by_key(|one| (one.at, one.node));
    (judged, unjudged)
}

/// What of a long history surrounds an incident: judging looks at all of it again and again.
fn cut(history: &History, (from, until): Stretch) -> Cow<'_, History> {
    if history.sent.len() + history.received.len() + history.samples.len() <= SHORT {
        return Cow::Borrowed(history);
    }
    fn inside<T: Clone>(list: &[T], at: impl Fn(&T) -> Time, (from, until): Stretch) -> Vec<T> {
        let first = list.partition_point(|one| at(one) < from);
        let last = list.partition_point(|one| at(one) <= until).max(first);
        list[first..last].to_vec()
    }
    let within = (from, until);
    let mut clipped: Vec<Stretch> = history
        .detailed
        .iter()
        .map(|(begin, end)| ((*begin).max(from), (*end).min(until)))
        .filter(|(begin, end)| begin < end)
        .collect();
    if clipped.is_empty() && !history.detailed.is_empty() {
        // A history that names no stretch has everything everywhere, which is not true here.
        clipped.push((from, from));
    }
    Cow::Owned(History {
        node: history.node.clone(),
        runs: history.runs.clone(),
        routers: history.routers.clone(),
        sent: inside(&history.sent, |one| one.due, within),
        received: inside(&history.received, Received::at, within),
        rejected: inside(&history.rejected, |one| one.at, within),
        stalls: inside(&history.stalls, |one| one.at, within),
        samples: inside(&history.samples, |one| one.at, within),
        events: history.events.clone(),
        minutes: Vec::new(),
        unavailable: history.unavailable.clone(),
        detailed: clipped,
        damage: Vec::new(),
    })
}

/// Whether two nodes have a virtual router in common.
fn shares(one: &History, other: &History) -> bool {
    !vrrp_record::join::routers(one, other).is_empty()
}

/// Where the last story begins, as `explain --last` tells it: of two sides of one story that of the address that moved.
fn story(judged: &[Judged]) -> Option<usize> {
    let places = judged.iter().map(|one| one.node).max()? + 1;
    let mut stories: Vec<(bool, Time, usize)> = Vec::new();
    for place in 0..places {
        let own: Vec<usize> = (0..judged.len())
            .filter(|index| judged[*index].node == place)
            .collect();
        let mut found: Vec<Incident> = own
            .iter()
            .map(|index| judged[*index].verdict.incident)
            .collect();
        found.sort_by_key(|one| one.at);
        let chain = explain::last(&found);
        let (Some(first), Some(last)) = (chain.first(), chain.last()) else {
            continue;
        };
        let place_of = |one: &Incident| {
            own.iter()
                .copied()
                .find(|index| judged[*index].verdict.incident == *one)
        };
        if let (Some(begin), Some(end)) = (place_of(first), place_of(last)) {
            stories.push((weight(&first.what) == 0, judged[end].at, begin));
        }
    }
    let latest = stories.iter().map(|story| story.1).max()?;
    let near = stories
        .into_iter()
        .filter(|story| latest.since(story.1) <= TOGETHER);
    near.max_by_key(|story| (story.0, story.1))
        .map(|story| story.2)
}
