//! One router's section: its state, why, the ledger of its priority, its peers, addresses and counters.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::tz::TimeZone;
use vrrp_record::event::{Asked, TrackerState};
use vrrp_record::quantity::{Count, Errno, Plural, Span};
use vrrp_record::status::{Address, LedgerEntry, Router, Transport};
use vrrp_record::words::Word;

use super::measure;
use super::style::{Paint, Style};
use super::table::{hanging, line};
use super::time::{self, millis};

pub(super) fn section(out: &mut String, router: &Router, style: Style, zone: &TimeZone) {
    let name = style.paint(Paint::Strong, &router.name);
    let phase = if router.releasing { " (leaving)" } else { "" };
    let since = time::full(router.since.unix_ms, zone);
    let title = format!(
        "{name}  {}{phase} since {since} ({})",
        style.word(router.state),
        Span(router.since.age())
    );
    hanging(out, "", 2, &title);
    line(out, "why", &router.why);
    if router.state == Word::Fault || router.state == Word::Init {
        let untold = |sentence: &&String| !router.why.contains(sentence.as_str());
        for sentence in router.fault_sentences.iter().filter(untold) {
            line(out, "fault", &style.paint(Paint::Bad, sentence));
        }
    }
    priority(out, router, style);
    line(out, "router", &identity(router));
    peers(out, router);
    line(out, "interval", &interval(router));
    addresses(out, router, style);
    counters(out, router, style);
    measure::router(out, router, style, zone);
}

fn identity(router: &Router) -> String {
    let preempt = match (router.preempt, router.preempt_delay_ms) {
        (true, 0) => "preempts a lower MASTER".to_owned(),
        (true, delay) => format!("preempts a lower MASTER after {}", millis(delay)),
        (false, _) => "does not preempt".to_owned(),
    };
    let Router {
        interface,
        vrid,
        family,
        version,
        ..
    } = router;
    format!("{interface}, VRID {vrid}, IPv{family}, VRRP version {version}, {preempt}")
}

fn peers(out: &mut String, router: &Router) {
    let to = match &router.transport {
        Transport::Multicast { group } => format!("multicast {group}"),
        Transport::Unicast { peers } => {
            let peers: Vec<String> = peers.iter().map(ToString::to_string).collect();
            format!("unicast {}", peers.join(", "))
        }
        Transport::Other => "a transport that this version does not know".to_owned(),
    };
    let from = router
        .source
        .map(|source| format!(" from {source}"))
        .unwrap_or_default();
    line(out, "peers", &format!("{to}{from}"));
    line(out, "", &heard(router));
}

fn heard(router: &Router) -> String {
    let Some(active) = &router.active else {
        return match router.state {
            Word::Master => "no other MASTER heard".to_owned(),
            Word::Backup | Word::Init | Word::Fault => "nobody heard yet".to_owned(),
        };
    };
    let (address, age) = (active.address, Span(active.heard.age()));
    match (active.priority, router.state) {
        (0, _) => format!("{address} released the addresses {age} ago"),
        (priority, Word::Backup) => {
            format!("MASTER is {address} with priority {priority}, heard {age} ago")
        }
        (priority, Word::Master | Word::Init | Word::Fault) => {
            format!("last MASTER heard is {address} with priority {priority}, {age} ago")
        }
    }
}

fn interval(router: &Router) -> String {
    let own = millis(router.interval.own_ms);
    let interval = match router.interval.learned_ms {
        Some(learned) if learned != router.interval.own_ms => {
            format!("{} learned from the MASTER (own: {own})", millis(learned))
        }
        _ => format!("{own}"),
    };
    let down = millis(router.down_interval_ms);
    format!("{interval}; a BACKUP takes over after {down} of silence")
}

pub(super) fn priority(out: &mut String, router: &Router, style: Style) {
    let ledger = &router.priority;
    let clipped = if router.asked == Some(Asked::Maintenance) {
        ", lowered by maintenance"
    } else if ledger.clipped {
        ", cut to the range 1 to 254"
    } else {
        ""
    };
    line(
        out,
        "priority",
        &format!("{} (base {}{clipped})", ledger.effective, ledger.base),
    );
    for entry in &ledger.entries {
        line(out, "", &ledger_entry(entry, style));
    }
}

fn ledger_entry(entry: &LedgerEntry, style: Style) -> String {
    let paint = match (entry.state, entry.reverse) {
        (TrackerState::Good, _) | (TrackerState::Bad, true) => Paint::Plain,
        (TrackerState::Unknown, _) => Paint::Look,
        (TrackerState::Bad, false) | (TrackerState::Expired, _) => Paint::Bad,
    };
    let since = entry
        .since
        .map(|since| format!(" for {}", Span(since.age())))
        .unwrap_or_default();
    let state = style.paint(paint, format_args!("{}{since}", entry.state));
    let effect = match (entry.fault, entry.weight) {
        (true, _) => "FAULT".to_owned(),
        (false, 0) => "   -".to_owned(),
        (false, _) => format!("{:>+4}", entry.contribution),
    };
    let weight = match entry.weight {
        0 => "no weight: bad is a fault".to_owned(),
        weight => format!("weight {weight}"),
    };
    let reverse = if entry.reverse { ", reversed" } else { "" };
    let group = if entry.from_group {
        ", of the sync group"
    } else {
        ""
    };
    format!(
        "{effect} {} {}: {state} ({weight}{reverse}{group})",
        entry.kind, entry.name
    )
}

fn addresses(out: &mut String, router: &Router, style: Style) {
    let list = |wanted: fn(&Address) -> bool| -> Vec<String> {
        router
            .addresses
            .iter()
            .filter(|address| wanted(address))
            .map(|address| named(address, router))
            .collect()
    };
    let present = list(|address| address.present == Some(true));
    let absent = list(|address| address.present == Some(false));
    let unknown = list(|address| address.present.is_none());
    let master = router.state == Word::Master;
    let mut parts = Vec::new();
    if !present.is_empty() {
        let text = format!("present: {}", present.join(", "));
        parts.push(if master {
            text
        } else {
            style.paint(Paint::Look, format_args!("still {text}"))
        });
    }
    if !absent.is_empty() {
        let text = absent.join(", ");
        let errno = router
            .address_errno
            .map(|errno| format!(": {}", Errno(errno)))
            .unwrap_or_default();
        parts.push(if master {
            style.paint(Paint::Bad, format_args!("MISSING: {text}{errno}"))
        } else {
            format!("not here: {text}")
        });
    }
    if !unknown.is_empty() {
        parts.push(format!("not known whether present: {}", unknown.join(", ")));
    }
    if parts.is_empty() {
        parts.push("none".to_owned());
    }
    line(out, "addresses", &parts.join("; "));
}

fn named(address: &Address, router: &Router) -> String {
    let mut text = address.address.clone();
    if address.interface != router.interface {
        text.push_str(" on ");
        text.push_str(&address.interface);
    }
    if address.excluded {
        text.push_str(" (not advertised)");
    }
    text
}

fn counters(out: &mut String, router: &Router, style: Style) {
    let sent = &router.sent;
    if sent.due > 0 {
        let left = match sent.left {
            Some(left) => format!("{} left this kernel", Count(left)),
            None => "no transmit stamps here".to_owned(),
        };
        let late = Span(Duration::from_micros(sent.worst_lateness_us));
        let mut text = format!(
            "{} due, {} built, {} accepted, {left}; worst {late} late",
            Count(sent.due),
            Count(sent.built),
            Count(sent.accepted)
        );
        if sent.dropped > 0 {
            let dropped = style.paint(
                Paint::Bad,
                format_args!("{} dropped here", Count(sent.dropped)),
            );
            let _infallible = write!(text, "; {dropped}");
        }
        if sent.errors > 0 {
            let errno = sent
                .last_errno
                .map(|errno| format!(": {}", Errno(errno)))
                .unwrap_or_default();
            let refused = style.paint(
                Paint::Bad,
                format_args!("{} refused by the kernel{errno}", Count(sent.errors)),
            );
            let _infallible = write!(text, "; {refused}");
        }
        line(out, "sent", &text);
    }
    let received = &router.received;
    if received.accepted > 0 || !received.discarded.is_empty() {
        let mut text = Plural(received.accepted, "advert").to_string();
        if let Some(missing) = received.missing.filter(|missing| *missing > 0) {
            let lost = style.paint(Paint::Look, format_args!("{} never came", Count(missing)));
            let _infallible = write!(text, "; {lost}");
        }
        if !received.discarded.is_empty() {
            let reasons = received.discarded.iter().map(|class| {
                let phrase = if class.meaning.is_empty() {
                    &class.reason
                } else {
                    &class.meaning
                };
                format!("{} ({phrase})", Count(class.count))
            });
            let reasons: Vec<String> = reasons.collect();
            let _infallible = write!(text, "; {}", style.paint(Paint::Look, "rejected: "));
            text.push_str(&reasons.join(", "));
        }
        line(out, "received", &text);
    }
}
