//! From everything that was found in a file to the history of one node: routers, runs, events, and what is missing.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::adverts::{Adverts, Own, sort_out};
use super::decode::Seen;
use super::node::{self, Node};
use super::{Collected, Options};
use crate::event::{Event, Kind};
use crate::history::{self, History, Numbered, Router, Run, Source, Time};
use crate::infer::Told;
use crate::status::Unavailable;
use crate::text::Name;

/// A frame seen twice, as on a VLAN and its base, within this time is one.
const TWICE: i64 = 1_000_000;
/// A stamp that lies so far before the one in front of it means that the clock was set.
const STEP: i64 = 10_000_000;

/// What makes a router: place and VLAN, family, VRID.
type Key = (u32, Option<u16>, bool, u8);

pub(super) fn history(
    options: &Options,
    mut collected: Collected,
    mut damage: Vec<String>,
) -> History {
    note_steps(&collected.seen, &mut damage);
    collected.seen.sort_by_key(|seen| seen.at);
    drop_doubles(&mut collected.seen);
    let node = node::find(&options.node, &collected.seen, &collected.ends);
    let (began, ended) = collected.extent.unwrap_or_default();
    let places = places(&collected.seen);
    let mut routers: BTreeMap<Key, Vec<&Seen>> = BTreeMap::new();
    for seen in &collected.seen {
        let key = key(seen, &places);
        // A VRID that only damaged packets have is no router.
        if seen.flaw.is_none() || routers.contains_key(&key) {
            routers.entry(key).or_default().push(seen);
        }
    }
    let mut history = History {
        node: history::Node {
            host: options.name.clone(),
            source: Source::Capture,
            addresses: node.addresses().to_vec(),
        },
        detailed: vec![(began, ended)],
        damage,
        ..History::default()
    };
    let mut own: Vec<(u16, Own)> = Vec::new();
    let several_places = routers
        .keys()
        .any(|key| Some(key.0) != routers.keys().next().map(|k| k.0));
    for (key, seen) in &routers {
        let Ok(position) = u16::try_from(history.routers.len()) else {
            break;
        };
        let interface = interface(key, &collected.names, several_places);
        history
            .routers
            .push(router(key, seen, &node, (interface, several_places)));
        let adverts = sort_out(position, seen, &node, began);
        take(&mut history, adverts, position, &mut own);
    }
    order(&mut history);
    runs(&mut history, &mut own, began, ended);
    number(&mut history);
    if collected.lost > 0 {
        history.damage.push(format!(
            "the capturing program lost {} packets",
            collected.lost
        ));
    }
    history.unavailable = unavailable(&collected.seen, &node, &history);
    history
}

/// Stamps that go back.
fn note_steps(seen: &[Seen], damage: &mut Vec<String>) {
    for (before, after) in seen.iter().zip(seen.iter().skip(1)) {
        let back = before.at.since(after.at);
        if back > STEP {
            damage.push(format!(
                "the clock of the capture was set back by {} ms at {}: times around it cannot be compared",
                back / 1_000_000,
                before.at
            ));
        }
    }
}

/// Leaves one of several sights of a packet: of one that left the last, as nearest to the wire, else the first.
fn drop_doubles(seen: &mut Vec<Seen>) {
    let mut kept: Vec<Seen> = Vec::with_capacity(seen.len());
    for one in seen.drain(..) {
        let double = kept
            .iter_mut()
            .rev()
            .take_while(|before| one.at.since(before.at) < TWICE)
            .find(|before| {
                let same = |seen: &Seen| (seen.source, seen.destination, seen.vrid, seen.priority);
                let numbered = one.id.is_some() && before.id == one.id;
                let elsewhere = before.place != one.place
                    || before.vlan != one.vlan
                    || before.mac != one.mac
                    || one.outgoing == Some(true);
                same(before) == same(&one)
                    && before.checksum == one.checksum
                    && before.outgoing == one.outgoing
                    && numbered
                    && elsewhere
            });
        match double {
            Some(before) if one.outgoing == Some(true) => {
                let (place, vlan) = (before.place.min(one.place), before.vlan);
                *before = one;
                (before.place, before.vlan) = (place, vlan);
            }
            Some(_) => {}
            None => kept.push(one),
        }
    }
    *seen = kept;
}

/// The interface that each sender is on: a virtual MAC interface is made after its base, so the lowest.
fn places(seen: &[Seen]) -> BTreeMap<(IpAddr, u8), u32> {
    let mut places: BTreeMap<(IpAddr, u8), u32> = BTreeMap::new();
    for one in seen {
        let place = places.entry((one.source, one.vrid)).or_insert(one.place);
        *place = (*place).min(one.place);
    }
    places
}

fn key(seen: &Seen, places: &BTreeMap<(IpAddr, u8), u32>) -> Key {
    let place = places.get(&(seen.source, seen.vrid)).copied();
    (
        place.unwrap_or(seen.place),
        seen.vlan,
        seen.source.is_ipv6(),
        seen.vrid,
    )
}

fn interface(key: &Key, names: &[String], several: bool) -> String {
    let base = usize::try_from(key.0)
        .ok()
        .and_then(|place| names.get(place))
        .filter(|name| !name.is_empty())
        .cloned()
        .unwrap_or_else(|| match (several, key.0) {
            (true, place) => format!("interface {place}"),
            (false, 0) => String::from("capture"),
            (false, place) => format!("interface {place}"),
        });
    match key.1 {
        Some(vlan) => format!("{base} VLAN {vlan}"),
        None => base,
    }
}

/// The router as its adverts show it: the node's own where there are any, else everybody's.
fn router(key: &Key, seen: &[&Seen], node: &Node, (interface, several): (String, bool)) -> Router {
    let own = |one: &&&Seen| node.sent(one) && one.priority != 0;
    let model = seen
        .iter()
        .find(own)
        .or_else(|| {
            seen.iter()
                .find(|one| one.flaw.is_none() && one.priority != 0)
        })
        .or_else(|| seen.first());
    let mut priorities = [0_u32; 256];
    for one in seen.iter().filter(own) {
        if let Some(count) = priorities.get_mut(usize::from(one.priority)) {
            *count += 1;
        }
    }
    let priority = (0..=255_u8).max_by_key(|priority| {
        priorities
            .get(usize::from(*priority))
            .copied()
            .unwrap_or_default()
    });
    let spoke = seen.iter().any(|one| own(&one));
    let family = if key.2 { "_ipv6" } else { "" };
    let vlan = key
        .1
        .map_or_else(String::new, |vlan| format!("_vlan{vlan}"));
    let place = if several {
        format!("_if{}", key.0)
    } else {
        String::new()
    };
    Router {
        name: format!("vrid_{}{family}{vlan}{place}", key.3),
        interface,
        vrid: key.3,
        ipv6: key.2,
        version: model.map_or(2, |one| one.version),
        source: seen.iter().find(own).map(|one| one.source),
        interval: model.map_or(1_000_000_000, |one| one.interval),
        // keepalived's default, where the node never spoke.
        priority: priority.filter(|_| spoke).unwrap_or(100),
        preempt: true,
        down_adverts: 3,
        addresses: model.map(|one| one.addresses.clone()).unwrap_or_default(),
    }
}

fn take(history: &mut History, adverts: Adverts, position: u16, own: &mut Vec<(u16, Own)>) {
    let Some(router) = history.routers.get(usize::from(position)) else {
        return;
    };
    let name = Name::new(&router.name);
    history.sent.extend(adverts.sent);
    history.received.extend(adverts.received);
    history.rejected.extend(adverts.rejected);
    own.extend(adverts.own.into_iter().map(|one| (position, one)));
    for told in adverts.told {
        let (at, kind) = event(name, told);
        history.events.push(numbered(at, kind));
    }
}

/// The event that an inference makes.
fn event(router: Name, told: Told) -> (Time, Kind) {
    match told {
        Told::Found { at, state } => (at, Kind::Found { router, state }),
        Told::Changed {
            at,
            from,
            to,
            cause,
            priority,
        } => {
            let kind = Kind::Transition {
                router,
                from,
                to,
                releasing: false,
                cause,
                priority,
                number: 0,
            };
            (at, kind)
        }
        Told::Lower { advert } => {
            let kind = Kind::LowerHeard {
                router,
                from: advert.from,
                priority: advert.priority,
            };
            (advert.at, kind)
        }
    }
}

/// An event whose number and run are given later.
pub(super) fn numbered(at: Time, kind: Kind) -> Numbered {
    Numbered {
        at,
        run: 0,
        event: Event {
            seq: 0,
            unix_ms: at.unix_ms(),
            monotonic_ns: 0,
            kind,
        },
    }
}

fn order(history: &mut History) {
    history.sent.sort_by_key(|sent| sent.due);
    history.received.sort_by_key(history::Received::at);
    history.rejected.sort_by_key(|rejected| rejected.at);
}

/// The runs of the node's daemon: one, unless its numbers start anew after a goodbye or a silence.
fn runs(history: &mut History, own: &mut [(u16, Own)], began: Time, ended: Time) {
    own.sort_by_key(|(_, one)| one.at);
    let mut current = run(began);
    let mut last: BTreeMap<u16, Own> = BTreeMap::new();
    for (router, one) in own.iter() {
        let before = last.values().max_by_key(|one| one.at).copied();
        let restarted = last
            .get(router)
            .is_some_and(|same| same.restarted(one.at, Some(one.id.into())));
        if let (true, Some(before)) = (restarted, before) {
            current.ended = Some(before.at);
            current.clean = before.priority == 0;
            let next = run(one.at);
            history.runs.push(std::mem::replace(&mut current, next));
            last.clear();
        }
        last.insert(*router, *one);
    }
    let before = last.values().max_by_key(|one| one.at).copied();
    let others_go_on = |before: &Own| {
        history
            .received
            .last()
            .is_some_and(|heard| before.silent(heard.at(), 4, 1))
    };
    // A goodbye at the end is a stop or a fault; only silence without one says that the daemon is no more.
    if let Some(before) = before
        && before.priority != 0
        && before.silent(ended, 4, 1)
        && others_go_on(&before)
        && !yielded(history, before.at)
    {
        current.ended = Some(before.at);
    }
    history.runs.push(current);
}

/// Whether the node fell silent by becoming Backup.
fn yielded(history: &History, since: Time) -> bool {
    history
        .events
        .iter()
        .any(|event| event.at >= since && matches!(event.event.kind, Kind::Transition { .. }))
}

fn run(started: Time) -> Run {
    Run {
        boot_id: String::new(),
        pid: 0,
        version: String::from("capture"),
        started,
        ended: None,
        clean: false,
    }
}

/// Puts events in order and gives them their run and number.
pub(super) fn number(history: &mut History) {
    history.events.sort_by_key(|event| event.at);
    let began = history.runs.first().map_or(Time(0), |run| run.started);
    let mut seq = 0;
    for event in &mut history.events {
        seq += 1;
        event.event.seq = seq;
        event.event.monotonic_ns = u64::try_from(event.at.since(began)).unwrap_or_default();
        let run = history
            .runs
            .iter()
            .rposition(|run| run.started <= event.at)
            .unwrap_or_default();
        event.run = u16::try_from(run).unwrap_or(u16::MAX);
    }
}

/// What a capture cannot hold, and what this one does not.
fn unavailable(seen: &[Seen], node: &Node, history: &History) -> Vec<Unavailable> {
    let entry = |what: &str, why: &str, remedy: Option<&str>| Unavailable {
        what: what.to_owned(),
        why: why.to_owned(),
        remedy: remedy.map(str::to_owned),
    };
    let observe = Some("run vrrpd --observe beside the daemon");
    let mut list = vec![
        entry(
            "own schedule of the daemon",
            "a capture holds packets: due times are taken from the advert before",
            observe,
        ),
        entry(
            "run-queue wait, throttling, stops and faults of the daemon",
            "a capture holds packets only",
            observe,
        ),
        entry(
            "steal, pressure and devices of the host",
            "a capture holds packets only",
            observe,
        ),
        entry(
            "when adverts were read",
            "a capture sees them arrive, not read",
            observe,
        ),
        entry(
            "what happened to adverts after they left",
            "the stamp of a capture is taken before the driver",
            Some("a capture of the other node at the same time: --peer FILE"),
        ),
    ];
    if *node == Node::Unknown {
        let mut senders: Vec<String> = Vec::new();
        for one in seen {
            let sender = one.source.to_string();
            if senders.len() < 8 && !senders.contains(&sender) {
                senders.push(sender);
            }
        }
        list.push(Unavailable {
            what: String::from("which node took this capture"),
            why: String::from("its frames do not say which of them left"),
            remedy: Some(format!(
                "--node ADDRESS, one of {}; or capture with tcpdump -i any",
                senders.join(", ")
            )),
        });
    } else if history.sent.is_empty() {
        list.push(entry(
            "the node's own priority and settings",
            "it sent no advert in this capture; priority 100 is assumed",
            Some("a longer capture, or keepalived's log: --log FILE"),
        ));
    }
    if seen.iter().any(|one| one.cut) {
        list.push(entry(
            "checksums and addresses of some adverts",
            "the capture kept only the beginning of each packet",
            Some("tcpdump -s 0"),
        ));
    }
    if seen.iter().any(|one| one.auth.0 == 2) {
        list.push(entry(
            "whether authentication headers verify",
            "the key is not in a capture",
            None,
        ));
    }
    if history.routers.iter().any(|router| router.ipv6) {
        list.push(entry(
            "numbers of keepalived's IPv6 adverts",
            "IPv6 has no identification field",
            None,
        ));
    }
    list
}
