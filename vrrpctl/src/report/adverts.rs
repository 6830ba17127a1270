//! Single adverts: each with its stages at the sender and its arrival at the listener, as far as either recorded it, and
//! which of them a page of bounded size draws one by one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use vrrp_record::history::{History, Received, Rejected, Sent, Sequence, Time};
use vrrp_record::join::{Join, departure};
use vrrp_record::quantity::{Errno, Plural};

use super::clocks::Clocks;
use super::groups::{Group, Rail, owner};
use super::model::{Incident, Track, flag};
use crate::commands::compare::listens;
use crate::commands::peers::reason;
use crate::source::Node;

/// One advert; all times by the first node's clock.
#[derive(Clone, Debug)]
pub(crate) struct Advert {
    /// Due, or when it should have come.
    pub(crate) at: Time,
    id: Option<u16>,
    priority: u8,
    /// woke, accepted, queued, left, taken.
    sent: [Option<Time>; 5],
    arrived: Option<Time>,
    read: Option<Time>,
    flags: u8,
    note: Option<String>,
}

/// The rails of sender and listener.
type Way = (usize, Option<usize>);

/// Adverts of one router by their way.
#[derive(Debug, Default)]
pub(crate) struct Adverts {
    ways: BTreeMap<Way, Vec<Advert>>,
    /// Of senders that have no rail.
    pub(crate) without_rail: u64,
}

/// Joins of two nodes each, made once for all routers.
#[derive(Debug, Default)]
pub(crate) struct Joins(HashMap<(usize, usize), Join>);

impl Joins {
    /// Joins every node with every other.
    pub(crate) fn of(nodes: &[Node]) -> Self {
        let mut joins = HashMap::new();
        for (first, one) in nodes.iter().enumerate() {
            for (second, other) in nodes.iter().enumerate().skip(first + 1) {
                joins.insert((first, second), Join::of(&one.history, &other.history));
            }
        }
        Self(joins)
    }

    /// Sent and received positions of what `sender` sent and `listener` heard, and the distance of the listener's clock
    /// near a time of the sender, as far as it is known.
    fn pairs(&self, sender: usize, listener: usize) -> HashMap<usize, usize> {
        let pairs = match self.0.get(&(sender, listener)) {
            Some(join) => join.there(),
            None => self
                .0
                .get(&(listener, sender))
                .map_or(&[][..], |join| join.back()),
        };
        pairs
            .iter()
            .map(|pair| (pair.sent, pair.received))
            .collect()
    }

    /// A time of the sender by the listener's clock.
    fn at_listener(&self, sender: usize, listener: usize, at: Time) -> Time {
        if let Some(join) = self.0.get(&(sender, listener)) {
            return at.plus(join.offset(at).best().unwrap_or_default());
        }
        self.0
            .get(&(listener, sender))
            .and_then(|join| join.by_first(at))
            .unwrap_or(at)
    }
}

impl Adverts {
    /// Everything that the nodes recorded of one router between two times of the first node's clock.
    pub(crate) fn of(
        group: &Group,
        rails: &[Rail],
        nodes: &[Node],
        clocks: &Clocks,
        joins: &Joins,
        within: (Time, Time),
    ) -> Self {
        let mut adverts = Self::default();
        let rail_of = |node: usize| rails.iter().position(|rail| rail.node == Some(node));
        let rail_of_address = |address: IpAddr| match owner(group, nodes, address) {
            Some(node) => rail_of(node),
            None => rails.iter().position(|rail| rail.address == Some(address)),
        };
        let places: Vec<(usize, u16)> = group
            .positions
            .iter()
            .enumerate()
            .filter_map(|(place, position)| Some((place, (*position)?)))
            .collect();
        let mut joined: HashSet<(usize, usize)> = HashSet::new();
        for (sender, position) in &places {
            let Some(from) = rail_of(*sender) else {
                continue;
            };
            let others = places.iter().filter(|(place, _)| place != sender);
            let mut listeners: Vec<Option<(usize, u16)>> = others.copied().map(Some).collect();
            if listeners.is_empty() {
                listeners.push(None);
            }
            for listener in listeners {
                let other = listener.map(|(place, router)| Listener {
                    place,
                    node: &nodes[place],
                    pairs: joins.pairs(*sender, place),
                    numbered: numbered(&nodes[place], router),
                });
                let to = listener.and_then(|(place, _)| rail_of(place));
                let list = adverts.ways.entry((from, to)).or_default();
                let sent = nodes[*sender].history.sent.iter().enumerate();
                for (index, sent) in sent.filter(|(_, sent)| sent.router == *position) {
                    let mut advert = of_sent(*sender, sent, clocks);
                    if let Some(other) = &other {
                        match other.pairs.get(&index) {
                            Some(heard) => {
                                let one = &other.node.history.received[*heard];
                                advert.heard(other.place, one, clocks);
                                joined.insert((other.place, *heard));
                            }
                            None => other.missed(*sender, sent, joins, &mut advert),
                        }
                    }
                    if inside(advert.at, within) {
                        list.push(advert);
                    }
                }
            }
        }
        for (listener, position) in &places {
            let node = &nodes[*listener];
            let to = rail_of(*listener);
            let mut spacing: HashMap<IpAddr, Spacing> = HashMap::new();
            let heard = node.history.received.iter().enumerate();
            for (index, one) in heard.filter(|(_, one)| one.router == *position) {
                let at = clocks.by_first(*listener, one.at());
                let own = spacing.entry(one.from).or_default();
                let due = own.due(at, one, &node.history);
                if joined.contains(&(*listener, index)) {
                    continue;
                }
                let Some(from) = rail_of_address(one.from) else {
                    adverts.without_rail += 1;
                    continue;
                };
                let mut advert = Advert::at(due);
                (advert.id, advert.priority) = (one.id, one.priority);
                advert.heard(*listener, one, clocks);
                if inside(at, within) {
                    // Who hears itself in a capture is drawn on its own rail.
                    let to = to.filter(|to| *to != from);
                    adverts.ways.entry((from, to)).or_default().push(advert);
                }
            }
            for one in node
                .history
                .rejected
                .iter()
                .filter(|one| one.router == *position)
            {
                match rail_of_address(one.from) {
                    Some(from) => {
                        let advert = of_rejected(*listener, one, clocks);
                        if inside(advert.at, within) {
                            let to = to.filter(|to| *to != from);
                            adverts.ways.entry((from, to)).or_default().push(advert);
                        }
                    }
                    None => adverts.without_rail += 1,
                }
            }
        }
        adverts.ways.retain(|_, list| !list.is_empty());
        for list in adverts.ways.values_mut() {
            list.sort_by_key(|advert| advert.at);
        }
        adverts
    }

    /// When each advert is due.
    pub(crate) fn times(&self) -> impl Iterator<Item = Time> + '_ {
        self.ways.values().flatten().map(|advert| advert.at)
    }

    /// The columns of those that are drawn one by one.
    pub(crate) fn tracks(self, keep: impl Fn(Time) -> bool, base: Time) -> Vec<Track> {
        let mut tracks = Vec::new();
        for ((from, to), list) in self.ways {
            let mut track = Track {
                from,
                to,
                ..Track::default()
            };
            let mut before = 0;
            for advert in list.into_iter().filter(|advert| keep(advert.at)) {
                let at = advert.at.since(base).div_euclid(1_000);
                let after = |time: Option<Time>| Some(time?.since(advert.at).div_euclid(1_000));
                track.at.push(at - before);
                before = at;
                track.id.push(advert.id);
                track.priority.push(advert.priority);
                let [woke, accepted, queued, left, taken] = advert.sent.map(after);
                track.woke.push(woke);
                track.accepted.push(accepted);
                track.queued.push(queued);
                track.left.push(left);
                track.taken.push(taken);
                track.arrived.push(after(advert.arrived));
                track.read.push(after(advert.read));
                track.flags.push(advert.flags);
                if let Some(note) = advert.note {
                    track.notes.push((track.at.len() - 1, note));
                }
            }
            if track.at.is_empty() {
                continue;
            }
            let columns = [
                &mut track.woke,
                &mut track.accepted,
                &mut track.queued,
                &mut track.left,
                &mut track.taken,
                &mut track.arrived,
                &mut track.read,
            ];
            for column in columns {
                if column.iter().all(Option::is_none) {
                    column.clear();
                }
            }
            tracks.push(track);
        }
        tracks
    }
}

fn inside(at: Time, within: (Time, Time)) -> bool {
    within.0 <= at && at <= within.1
}

/// Whether all that a node heard for a router is numbered: of others nobody can say that one is missing.
fn numbered(node: &Node, router: u16) -> bool {
    let mut heard = node.history.received.iter();
    heard.all(|one| one.router != router || one.id.is_some())
}

/// The other end of a way.
struct Listener<'a> {
    place: usize,
    node: &'a Node,
    pairs: HashMap<usize, usize>,
    numbered: bool,
}

impl Listener<'_> {
    /// Says of an advert that never arrived whether it was lost, or whether nobody can know.
    fn missed(&self, sender: usize, sent: &Sent, joins: &Joins, advert: &mut Advert) {
        let Some(left) = departure(sent).filter(|_| advert.flags & flag::NEVER_LEFT == 0) else {
            return;
        };
        let there = joins.at_listener(sender, self.place, left);
        if self.numbered && listens(&self.node.history, there) {
            advert.flags |= flag::LOST;
        }
    }
}

impl Advert {
    const fn at(at: Time) -> Self {
        Self {
            at,
            id: None,
            priority: 0,
            sent: [None; 5],
            arrived: None,
            read: None,
            flags: 0,
            note: None,
        }
    }

    fn heard(&mut self, listener: usize, one: &Received, clocks: &Clocks) {
        let shift = clocks.by_first(listener, one.at()).since(one.at());
        self.arrived = Some(one.at().plus(shift));
        self.read = one.arrived.map(|_| one.read.plus(shift));
        if one.priority == 0 {
            self.flags |= flag::GOODBYE;
        }
        let told = match one.sequence {
            Sequence::Missing(count) => Some(format!("{count} missing before it")),
            Sequence::Repeated => Some(String::from("twice or out of order")),
            Sequence::Broken => Some(String::from("numbers began anew")),
            Sequence::Next | Sequence::Untrusted => None,
        };
        self.tell(told);
        if one.dropped > 0 {
            let text = Plural(one.dropped.into(), "packet");
            self.tell(Some(format!(
                "the receive queue had dropped {text} before it"
            )));
        }
    }

    fn tell(&mut self, told: Option<String>) {
        match (&mut self.note, told) {
            (Some(note), Some(told)) => {
                note.push_str("; ");
                note.push_str(&told);
            }
            (note @ None, told) => *note = told,
            (Some(_), None) => {}
        }
    }
}

fn of_sent(sender: usize, sent: &Sent, clocks: &Clocks) -> Advert {
    let due = clocks.by_first(sender, sent.due);
    let shift = due.since(sent.due);
    let by_first = |stage: Option<Time>| stage.map(|at| at.plus(shift));
    let mut advert = Advert::at(due);
    advert.id = (sent.id != 0).then_some(sent.id);
    advert.priority = sent.priority;
    advert.flags = flag::SENT;
    // A stepped clock spoils the kernel's stamps.
    let stamp = |stage: Option<Time>| stage.filter(|_| !sent.ambiguous);
    advert.sent = [
        sent.woke,
        sent.accepted,
        stamp(sent.queued),
        stamp(sent.left),
        stamp(sent.taken),
    ]
    .map(by_first);
    if sent.priority == 0 {
        advert.flags |= flag::GOODBYE;
    }
    if sent.submitted.is_none() && sent.left.is_none() {
        advert.flags |= flag::NEVER_LEFT;
        advert.tell(Some(String::from(
            "not built: no socket or no source address",
        )));
    }
    if let Some(errno) = sent.errno {
        if sent.copies_accepted == 0 {
            advert.flags |= flag::NEVER_LEFT;
        }
        advert.tell(Some(format!("the kernel refused it: {}", Errno(errno))));
    }
    if sent.settled && sent.queued.is_some() && sent.left.is_none() && !sent.ambiguous {
        advert.flags |= flag::NEVER_LEFT;
        advert.tell(Some(String::from("queued and never left this kernel")));
    }
    if sent.ambiguous {
        advert.tell(Some(String::from(
            "the wall clock was stepped around it: no stamps",
        )));
    }
    if sent.held_bytes > 0 {
        let held = format!(
            "{} B still held below when the next was due",
            sent.held_bytes
        );
        advert.tell(Some(held));
    }
    if sent.skipped > 0 {
        let skipped = Plural(sent.skipped.into(), "due time");
        advert.tell(Some(format!("{skipped} before it skipped")));
    }
    advert
}

fn of_rejected(listener: usize, one: &Rejected, clocks: &Clocks) -> Advert {
    let at = clocks.by_first(listener, one.at);
    let mut advert = Advert::at(at);
    advert.arrived = Some(at);
    advert.priority = one.priority.unwrap_or_default();
    advert.flags = flag::REFUSED;
    let more = if one.more > 0 {
        format!(" ({} more of the kind)", one.more)
    } else {
        String::new()
    };
    advert.tell(Some(format!("refused: {}{more}", reason(one.reason))));
    advert
}

/// Whether one stretch of full records holds both times: across minutes without them no spacing is known.
fn covered(history: &History, from: Time, until: Time) -> bool {
    let mut stretches = history.detailed.iter();
    history.detailed.is_empty() || stretches.any(|(begin, end)| *begin <= from && until <= *end)
}

/// A silence longer than this, in nanoseconds, is not the lateness of one advert.
const AWAY: i64 = 30_000_000_000;

/// When adverts of a sender should come, by the spacing of those before: what a listener alone can know.
#[derive(Debug, Default)]
struct Spacing {
    /// When the last one came, by the listener's clock.
    came: Option<Time>,
    /// When the last one came and when it should have.
    last: Option<(Time, Time)>,
}

impl Spacing {
    /// When an advert that came at that time, by the first node's clock, was due.
    fn due(&mut self, at: Time, one: &Received, history: &History) -> Time {
        let before = self.came.replace(one.at());
        if before.is_some_and(|before| !covered(history, before, one.at())) {
            self.last = None;
        }
        let interval = i64::try_from(one.interval).unwrap_or(i64::MAX);
        let due = match self.last {
            // One that comes about an interval after the one before tells when the sender speaks now.
            Some((came, _)) if at.since(came).abs_diff(interval) <= one.interval / 5 => {
                came.plus(interval).min(at)
            }
            // No advert is held for that long: its sender was away.
            Some((came, _)) if at.since(came) > AWAY => at,
            Some((_, due)) => due.plus(interval).min(at),
            None => at,
        };
        let regular = self
            .last
            .is_none_or(|(came, _)| at.since(came).abs_diff(interval) <= one.interval / 5);
        self.last = (one.priority != 0).then_some((at, if regular { at } else { due }));
        due
    }
}

/// Minutes of routers whose adverts are drawn one by one.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    /// None: all of them.
    minutes: Option<HashSet<(usize, i64)>>,
    /// How many there are and how many are drawn.
    pub(crate) all: usize,
    pub(crate) drawn: usize,
}

const MINUTE: i64 = 60_000_000_000;
/// Around an incident, in microseconds.
const AROUND: i64 = 20_000_000;

impl Chosen {
    /// Chooses at most `most` adverts: what surrounds incidents first, the weightiest and latest of them first, then the
    /// latest minutes.
    pub(crate) fn of(routers: &[Adverts], incidents: &[Incident], base: Time, most: usize) -> Self {
        let mut counts: BTreeMap<(i64, usize), usize> = BTreeMap::new();
        for (router, adverts) in routers.iter().enumerate() {
            for at in adverts.times() {
                *counts.entry((minute(at, base), router)).or_default() += 1;
            }
        }
        let all = counts.values().sum();
        if all <= most {
            return Self {
                minutes: None,
                all,
                drawn: all,
            };
        }
        let mut left = most;
        let mut chosen = HashSet::new();
        let mut take = |router: usize, minute: i64, left: &mut usize| {
            let count = counts.get(&(minute, router)).copied().unwrap_or_default();
            if count > 0 && count <= *left && chosen.insert((router, minute)) {
                *left -= count;
            }
            count <= *left
        };
        let mut order: Vec<&Incident> = incidents.iter().collect();
        order.sort_by_key(|incident| (incident.weight, std::cmp::Reverse(incident.at)));
        for incident in order {
            let first = (incident.from - AROUND).div_euclid(MINUTE / 1_000);
            let last = (incident.until + AROUND).div_euclid(MINUTE / 1_000);
            // An incident that lasts for days has no minute that tells more than another.
            for minute in (first..=last).rev().take(10) {
                match incident.router {
                    Some(router) => {
                        take(router, minute, &mut left);
                    }
                    None => {
                        for router in 0..routers.len() {
                            take(router, minute, &mut left);
                        }
                    }
                }
            }
        }
        for (minute, router) in counts.keys().rev() {
            if !take(*router, *minute, &mut left) {
                break;
            }
        }
        Self {
            minutes: Some(chosen),
            all,
            drawn: most - left,
        }
    }

    /// Whether an advert of a router is drawn.
    pub(crate) fn has(&self, router: usize, at: Time, base: Time) -> bool {
        self.minutes
            .as_ref()
            .is_none_or(|minutes| minutes.contains(&(router, minute(at, base))))
    }
}

fn minute(at: Time, base: Time) -> i64 {
    at.since(base).div_euclid(MINUTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(id: u16, millis: i64) -> Received {
        let at = Time(millis * 1_000_000);
        Received {
            router: 0,
            from: IpAddr::from([10, 0, 0, 2]),
            id: Some(id),
            priority: 100,
            interval: 1_000_000_000,
            arrived: Some(at),
            read: at,
            sequence: Sequence::Next,
            mac: None,
            dropped: 0,
            foreign: None,
        }
    }

    /// Lateness in milliseconds by the spacing alone.
    fn late(arrivals: &[i64]) -> Vec<i64> {
        let (mut spacing, history) = (Spacing::default(), History::default());
        arrivals
            .iter()
            .map(|at| {
                let one = heard(1, *at);
                one.at().since(spacing.due(one.at(), &one, &history)) / 1_000_000
            })
            .collect()
    }

    #[test]
    fn a_listener_alone_sees_the_stairs_of_a_burst() {
        assert_eq!(
            late(&[0, 1_000, 2_001, 6_020, 6_020, 6_021, 6_021, 7_001]),
            [0, 0, 1, 3_019, 2_019, 1_020, 20, 0]
        );
    }

    #[test]
    fn a_sender_that_pauses_is_late_once() {
        assert_eq!(late(&[0, 1_000, 4_000, 5_000, 6_000]), [0, 0, 2_000, 0, 0]);
        assert_eq!(late(&[0, 1_000, 3_600_000, 3_601_000]), [0, 0, 0, 0]);
    }
}
