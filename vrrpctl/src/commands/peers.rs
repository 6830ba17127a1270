//! `peers`: who else speaks for our routers, how regularly, and what was refused of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::{Value, json};
use vrrp_proto::wire::Discard;
use vrrp_record::history::{Router, Sequence, Time};
use vrrp_record::measure::{Gap, gaps};
use vrrp_record::quantity::{Count, Plural};
use vrrp_record::sequence::EARNED;

use super::frame;
use crate::Output;
use crate::cli::Reading;
use crate::render::table::hanging;
use crate::render::{Paint, time};
use crate::source::Node;

/// Somebody who spoke.
#[derive(Default)]
pub(crate) struct Peer {
    count: u64,
    first: Option<Time>,
    last: Option<Time>,
    priorities: BTreeSet<u8>,
    priority: u8,
    interval: u64,
    mac: Option<[u8; 6]>,
    numbered: u64,
    missing: u64,
    repeated: u64,
    restarted: u64,
    longest: Option<Gap>,
    /// Who ended it, where that was a takeover.
    ended: String,
    /// By reason: how many, when first and last.
    rejected: BTreeMap<u8, (u64, Time, Time)>,
}

/// One router and everybody who spoke for it.
pub(crate) struct Heard<'a> {
    node: &'a Node,
    router: &'a Router,
    peers: BTreeMap<IpAddr, Peer>,
}

/// Gathers what was heard between two times.
pub(crate) fn gather<'a>(
    nodes: &'a [Node],
    names: &'a [String],
    between: Option<(Time, Time)>,
) -> Vec<Heard<'a>> {
    let inside = |at: Time| between.is_none_or(|(from, until)| (from..=until).contains(&at));
    let mut all = Vec::new();
    for node in nodes {
        for (position, router) in frame::chosen(&node.history, names) {
            let mut peers: BTreeMap<IpAddr, Peer> = BTreeMap::new();
            let received = node.history.received.iter();
            for one in received.filter(|one| one.router == position && inside(one.at())) {
                let peer = peers.entry(one.from).or_default();
                peer.count += 1;
                peer.first = peer.first.or_else(|| Some(one.at()));
                peer.last = Some(one.at());
                peer.priorities.insert(one.priority);
                (peer.priority, peer.interval) = (one.priority, one.interval);
                peer.mac = one.mac.or(peer.mac);
                match one.sequence {
                    Sequence::Untrusted => {}
                    Sequence::Next => peer.numbered += 1,
                    Sequence::Missing(count) => {
                        peer.numbered += 1;
                        peer.missing += u64::from(count);
                    }
                    Sequence::Repeated => peer.repeated += 1,
                    Sequence::Broken => peer.restarted += 1,
                }
            }
            for gap in gaps(&node.history, position) {
                if let Some(peer) = peers.get_mut(&gap.from).filter(|_| inside(gap.value.at))
                    && peer
                        .longest
                        .is_none_or(|longest| longest.value.nanos < gap.value.nanos)
                {
                    peer.longest = Some(gap);
                    let ended = gap
                        .ended_by
                        .map(|position| node.history.received[position].from);
                    peer.ended = match ended {
                        None => String::from(", until this node took over"),
                        Some(by) if by != gap.from => format!(", until {by} took over"),
                        Some(_) => String::new(),
                    };
                }
            }
            let rejected = node.history.rejected.iter();
            for one in rejected.filter(|one| one.router == position && inside(one.at)) {
                let reasons = &mut peers.entry(one.from).or_default().rejected;
                let entry = reasons.entry(one.reason).or_insert((0, one.at, one.at));
                entry.0 += 1 + u64::from(one.more);
                entry.1 = entry.1.min(one.at);
                entry.2 = entry.2.max(one.at);
            }
            all.push(Heard {
                node,
                router,
                peers,
            });
        }
    }
    all
}

/// Why packets were refused, as a phrase.
pub(crate) fn reason(index: u8) -> String {
    Discard::ALL.get(usize::from(index)).map_or_else(
        || format!("reason {index}, which this version does not know"),
        ToString::to_string,
    )
}

/// Text for people.
pub(crate) fn text(nodes: &[Node], all: &[Heard<'_>], output: &Output) -> String {
    let mut out = String::new();
    if all.is_empty() {
        out.push_str("nobody was heard: the records name no router\n");
    }
    for heard in all {
        hanging(&mut out, "", 2, &answer(heard, output));
    }
    for heard in all.iter().filter(|heard| !heard.peers.is_empty()) {
        out.push('\n');
        let title = frame::title(heard.router, heard.node, output.style);
        hanging(
            &mut out,
            "",
            2,
            &format!("{title}   {}", frame::identity(heard.router)),
        );
        for (address, peer) in &heard.peers {
            describe(&mut out, *address, peer, output);
        }
    }
    frame::foot(&mut out, nodes, output);
    out
}

fn answer(heard: &Heard<'_>, output: &Output) -> String {
    let title = frame::title(heard.router, heard.node, output.style);
    let speakers: Vec<(&IpAddr, &Peer)> = heard
        .peers
        .iter()
        .filter(|(_, peer)| peer.count > 0)
        .collect();
    let refused = heard.peers.len() - speakers.len();
    let mut text = match speakers.as_slice() {
        [] => format!("{title}: nobody else was heard"),
        [(address, peer)] => {
            let ago = peer
                .last
                .map(|last| time::ago(last, output.now()))
                .unwrap_or_default();
            format!(
                "{title}: {address} with priority {}, last heard {ago}",
                peer.priority
            )
        }
        several => {
            let list: Vec<String> = several
                .iter()
                .map(|(address, peer)| format!("{address} (priority {})", peer.priority))
                .collect();
            format!("{title}: {} others: {}", several.len(), list.join(", "))
        }
    };
    if refused > 0 {
        let refused = output.style.paint(
            Paint::Bad,
            format_args!("{} only refused", Plural(refused as u64, "sender")),
        );
        text.push_str(&format!("; {refused}"));
    }
    text
}

fn describe(out: &mut String, address: IpAddr, peer: &Peer, output: &Output) {
    let (zone, now) = (&output.zone, output.now());
    let head = format!("  {address:<15}  ");
    let indent = head.chars().count();
    let mut lines = Vec::new();
    if let (Some(first), Some(last)) = (peer.first, peer.last) {
        let before: Vec<String> = peer
            .priorities
            .iter()
            .filter(|one| **one != peer.priority)
            .map(ToString::to_string)
            .collect();
        let before = if before.is_empty() {
            String::new()
        } else {
            format!(" (before also {})", before.join(", "))
        };
        lines.push(format!(
            "priority {}{before}, every {}",
            peer.priority,
            time::nanos(peer.interval)
        ));
        lines.push(format!(
            "{} in full, {} to {} ({})",
            Plural(peer.count, "advert"),
            time::stamp(first, zone),
            time::moment(last, zone),
            time::ago(last, now)
        ));
        if let Some(mac) = peer.mac {
            let mac: Vec<String> = mac.iter().map(|byte| format!("{byte:02x}")).collect();
            lines.push(format!("link-layer address {}", mac.join(":")));
        }
        lines.push(if peer.numbered == 0 && peer.count <= u64::from(EARNED) {
            format!("too few adverts to trust its numbers yet: {EARNED} in a row without a break")
        } else if peer.numbered == 0 {
            String::from("does not number its adverts in a way that can be trusted")
        } else {
            let missing = if peer.missing == 0 {
                String::from("none missing")
            } else {
                output.style.paint(
                    Paint::Look,
                    format_args!("{} never came", Count(peer.missing)),
                )
            };
            let mut text = format!("numbers its adverts: {missing}");
            if peer.repeated > 0 {
                text.push_str(&format!(", {} twice or out of order", Count(peer.repeated)));
            }
            if peer.restarted > 0 {
                text.push_str(&format!(", began anew {}", Plural(peer.restarted, "time")));
            }
            text
        });
        if let Some(longest) = peer.longest {
            let until = &peer.ended;
            lines.push(format!(
                "longest gap {} from {}{until}",
                time::nanos(longest.value.nanos),
                time::stamp(longest.value.at, zone)
            ));
        }
    }
    for (index, (count, first, last)) in &peer.rejected {
        let text = format!(
            "{} rejected: {}; first {}, last {}",
            Count(*count),
            reason(*index),
            time::stamp(*first, zone),
            time::stamp(*last, zone)
        );
        lines.push(output.style.paint(Paint::Bad, text));
    }
    for (position, text) in lines.iter().enumerate() {
        let head = if position == 0 {
            head.clone()
        } else {
            " ".repeat(indent)
        };
        hanging(out, &head, indent + 2, text);
    }
}

/// Lines for programs.
pub(crate) fn plain(all: &[Heard<'_>]) -> String {
    let mut out = String::from(
        "host\trouter\tpeer\tpriority\tinterval_ns\tadverts\tfirst_unix_ms\tlast_unix_ms\tmissing\trepeated\tlongest_gap_ns\trejected\n",
    );
    for heard in all {
        for (address, peer) in &heard.peers {
            let number =
                |value: Option<i64>| value.map_or_else(String::new, |value| value.to_string());
            let rejected: u64 = peer.rejected.values().map(|(count, ..)| count).sum();
            let fields = [
                heard.node.name(),
                heard.router.name.clone(),
                address.to_string(),
                peer.priority.to_string(),
                peer.interval.to_string(),
                peer.count.to_string(),
                number(peer.first.map(Time::unix_ms)),
                number(peer.last.map(Time::unix_ms)),
                peer.missing.to_string(),
                peer.repeated.to_string(),
                peer.longest
                    .map_or_else(String::new, |gap| gap.value.nanos.to_string()),
                rejected.to_string(),
            ];
            out.push_str(&fields.join("\t"));
            out.push('\n');
        }
    }
    out
}

/// The same as JSON.
pub(crate) fn json(nodes: &[Node], all: &[Heard<'_>], now: Time) -> String {
    let routers: Vec<Value> = all
        .iter()
        .map(|heard| {
            let peers: Vec<Value> = heard
                .peers
                .iter()
                .map(|(address, peer)| json_peer(*address, peer))
                .collect();
            json!({
                "host": heard.node.history.node.host,
                "router": heard.router.name,
                "vrid": heard.router.vrid,
                "peers": peers,
            })
        })
        .collect();
    frame::json("peers", nodes, now, json!({ "routers": routers }))
}

fn json_peer(address: IpAddr, peer: &Peer) -> Value {
    let rejected: Vec<Value> = peer
        .rejected
        .iter()
        .map(|(index, (count, first, last))| {
            json!({
                "reason": Discard::ALL.get(usize::from(*index)).map(|reason| reason.class()),
                "meaning": reason(*index),
                "count": count,
                "first_unix_ms": first.unix_ms(),
                "last_unix_ms": last.unix_ms(),
            })
        })
        .collect();
    json!({
        "address": address,
        "adverts": peer.count,
        "priority": peer.priority,
        "priorities": peer.priorities,
        "interval_ns": peer.interval,
        "first_unix_ms": peer.first.map(Time::unix_ms),
        "last_unix_ms": peer.last.map(Time::unix_ms),
        "numbers": peer.numbered > 0,
        "missing": peer.missing,
        "repeated": peer.repeated,
        "began_anew": peer.restarted,
        "longest_gap_ns": peer.longest.map(|gap| gap.value.nanos),
        "longest_gap_unix_ms": peer.longest.map(|gap| gap.value.at.unix_ms()),
        "rejected": rejected,
    })
}

/// The answer in the form that was asked for.
pub(crate) fn print(
    nodes: &[Node],
    reading: &Reading,
    between: Option<(Time, Time)>,
    output: &mut Output,
) {
    let all = gather(nodes, &reading.router, between);
    let text = if reading.form.json {
        json(nodes, &all, output.now())
    } else if reading.form.plain {
        plain(&all)
    } else {
        text(nodes, &all, output)
    };
    output.answer(&text);
}
