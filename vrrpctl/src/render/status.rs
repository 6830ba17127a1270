//! A status as text for people: the first line answers, everything below explains.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::tz::TimeZone;
use vrrp_record::event::TrackerState;
use vrrp_record::quantity::{Count, Errno, Plural, Span};
use vrrp_record::status::{Address, LedgerEntry, Router, Scheduling, Script, Status, Transport};
use vrrp_record::words::Word;

use super::style::{Paint, Style};
use super::table::{hanging, line};
use super::time;

/// Events shown; the JSON has more.
const EVENTS: usize = 10;

/// The whole text.
#[must_use]
pub fn whole(status: &Status, style: Style, zone: &TimeZone) -> String {
    let mut out = headline(status, style);
    for router in &status.routers {
        out.push('\n');
        router_section(&mut out, router, style, zone);
    }
    for section in [groups, scripts, daemon] {
        section(&mut out, status, style);
    }
    events(&mut out, status, zone);
    out
}

/// The answer: which state since when, healthy or not, and why not.
#[must_use]
pub fn headline(status: &Status, style: Style) -> String {
    let mut out = String::new();
    let verdict = if status.health.healthy {
        style.paint(Paint::Good, "healthy")
    } else {
        style.paint(Paint::Bad, "not healthy")
    };
    let answer = match status.routers.as_slice() {
        [] => format!("no router, {verdict}"),
        [router] => {
            let phase = if router.releasing { " (leaving)" } else { "" };
            format!(
                "{} {}{phase} for {}, {verdict}",
                router.name,
                style.word(router.state),
                Span(router.since.age())
            )
        }
        routers => {
            let states = [Word::Master, Word::Backup, Word::Init, Word::Fault]
                .into_iter()
                .filter_map(|word| {
                    let count = routers.iter().filter(|router| router.state == word).count();
                    (count > 0).then(|| format!("{count} {}", style.word(word)))
                });
            let states: Vec<String> = states.collect();
            format!(
                "{} routers: {}, {verdict}",
                routers.len(),
                states.join(", ")
            )
        }
    };
    hanging(&mut out, "", 2, &answer);
    for reason in &status.health.reasons {
        hanging(
            &mut out,
            &format!("  {} ", style.paint(Paint::Bad, "!")),
            4,
            reason,
        );
    }
    out
}

fn router_section(out: &mut String, router: &Router, style: Style, zone: &TimeZone) {
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
    line(out, "peers", &peers(router));
    line(out, "interval", &interval(router));
    addresses(out, router, style);
    counters(out, router, style);
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

fn peers(router: &Router) -> String {
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
    let heard = match (&router.active, router.state) {
        (Some(active), Word::Backup) => {
            let (address, priority, age) =
                (active.address, active.priority, Span(active.heard.age()));
            format!("MASTER is {address}, priority {priority}, heard {age} ago")
        }
        (Some(active), Word::Master | Word::Init | Word::Fault) => {
            let (address, priority, age) =
                (active.address, active.priority, Span(active.heard.age()));
            format!("{address} last heard {age} ago, priority {priority}")
        }
        (None, _) => "nobody heard yet".to_owned(),
    };
    format!("{to}{from}; {heard}")
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

fn priority(out: &mut String, router: &Router, style: Style) {
    let ledger = &router.priority;
    let clipped = if ledger.clipped {
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

fn groups(out: &mut String, status: &Status, style: Style) {
    if status.groups.is_empty() {
        return;
    }
    let _infallible = writeln!(out, "\n{}", style.paint(Paint::Strong, "sync groups"));
    for group in &status.groups {
        let state = group.state.map_or_else(
            || style.paint(Paint::Look, "members differ"),
            |state| style.word(state),
        );
        let text = format!("{}: {state} ({})", group.name, group.members.join(", "));
        hanging(out, "  ", 4, &text);
    }
}

fn scripts(out: &mut String, status: &Status, style: Style) {
    if status.scripts.is_empty() {
        return;
    }
    let _infallible = writeln!(out, "\n{}", style.paint(Paint::Strong, "scripts"));
    for script in &status.scripts {
        hanging(out, "  ", 4, &script_text(script, style));
    }
}

fn script_text(script: &Script, style: Style) -> String {
    let paint = match script.state {
        TrackerState::Good => Paint::Good,
        TrackerState::Unknown => Paint::Look,
        TrackerState::Bad | TrackerState::Expired => Paint::Bad,
    };
    let since = script
        .since
        .map(|since| format!(" for {}", Span(since.age())))
        .unwrap_or_default();
    let mut text = format!(
        "{}: {}",
        script.name,
        style.paint(paint, format_args!("{}{since}", script.state))
    );
    match script.last {
        Some(last) => {
            let (took, age) = (millis(last.took_ms), Span(last.ended.age()));
            let _infallible = write!(text, "; last run: {} after {took}, {age} ago", last.outcome);
        }
        None => text.push_str("; no run has ended yet"),
    }
    if script.running {
        text.push_str("; running");
    } else if let Some(next) = script.next_in_ms {
        let _infallible = write!(text, "; next in {}", millis(next));
    }
    let (interval, timeout) = (millis(script.interval_ms), millis(script.timeout_ms));
    let (rise, fall) = (script.rise, script.fall);
    let _infallible = write!(
        text,
        "; every {interval}, timeout {timeout}, rise {rise}, fall {fall}"
    );
    text
}

fn daemon(out: &mut String, status: &Status, style: Style) {
    let daemon = &status.daemon;
    let _infallible = writeln!(out, "\n{}", style.paint(Paint::Strong, "daemon"));
    let router_id = match &daemon.router_id {
        Some(id) if *id != daemon.host => format!(" (router_id {id})"),
        _ => String::new(),
    };
    let up = Span(daemon.started.age());
    line(
        out,
        "running",
        &format!(
            "vrrpd {} on {}{router_id}, pid {}, for {up}",
            daemon.version, daemon.host, daemon.pid
        ),
    );
    let configuration = &daemon.configuration;
    let warnings = match configuration.warnings {
        0 => String::new(),
        count => format!(", {}", Plural(count.into(), "warning")),
    };
    let age = Span(configuration.loaded.age());
    line(
        out,
        "config",
        &format!("{}, in force for {age}{warnings}", configuration.file),
    );
    if let Some(refused) = configuration.refused {
        let text = format!(
            "a newer content of the file was refused {} ago: see the log",
            Span(refused.age())
        );
        line(out, "", &style.paint(Paint::Bad, text));
    }
    line(out, "run dir", &daemon.run_dir);
    line(out, "real time", &scheduling(&status.scheduling));
    for note in &status.health.notes {
        line(out, "note", &style.paint(Paint::Look, note));
    }
    for missing in &status.unavailable {
        let remedy = missing
            .remedy
            .as_deref()
            .map(|remedy| format!(" ({remedy})"))
            .unwrap_or_default();
        line(
            out,
            "evidence",
            &format!("no {}: {}{remedy}", missing.what, missing.why),
        );
    }
}

fn scheduling(scheduling: &Scheduling) -> String {
    let threads =
        scheduling
            .threads
            .iter()
            .map(|thread| match (thread.real_time, thread.priority) {
                (true, Some(priority)) => format!("{} yes (FIFO {priority})", thread.name),
                (true, None) => format!("{} yes", thread.name),
                (false, _) => format!("{} no", thread.name),
            });
    let mut parts: Vec<String> = threads.collect();
    parts.push(
        if scheduling.memory_locked {
            "memory locked"
        } else {
            "memory not locked"
        }
        .to_owned(),
    );
    parts.join(", ")
}

fn events(out: &mut String, status: &Status, zone: &TimeZone) {
    if status.last_events.is_empty() {
        return;
    }
    let _infallible = writeln!(
        out,
        "\nlast events (times {})",
        time::offset(status.taken_unix_ms, zone)
    );
    let skipped = status.last_events.len().saturating_sub(EVENTS);
    for event in status.last_events.iter().skip(skipped) {
        let age =
            Duration::from_nanos(status.taken_monotonic_ns.saturating_sub(event.monotonic_ns));
        let head = format!(
            "  {} {:>11} ago  ",
            time::precise(event.unix_ms, zone),
            Span(age)
        );
        hanging(out, &head, 43, &event.kind.to_string());
    }
}

const fn millis(millis: u64) -> Span {
    Span(Duration::from_millis(millis))
}

#[cfg(test)]
mod tests;
