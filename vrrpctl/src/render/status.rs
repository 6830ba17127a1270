//! A status as text for people: the first line answers, everything below explains.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::tz::TimeZone;
use vrrp_record::event::{Event, Kind, TrackerState};
use vrrp_record::quantity::{Plural, Span};
use vrrp_record::status::{OnRequest, Scheduling, Script, Status, Unavailable};
use vrrp_record::words::Word;

use super::measure;
use super::router;
use super::style::{Paint, Style};
use super::table::{hanging, line};
use super::time::{self, millis};

/// Events shown; the JSON has more.
const EVENTS: usize = 10;

/// The whole text.
#[must_use]
pub fn whole(status: &Status, style: Style, zone: &TimeZone) -> String {
    let mut out = String::new();
    if let Some(asked) = &status.asked {
        on_request(&mut out, asked, style);
    }
    out.push_str(&headline(status, style));
    for router in &status.routers {
        out.push('\n');
        router::section(&mut out, router, style, zone);
    }
    for section in [groups, scripts, daemon] {
        section(&mut out, status, style);
    }
    events(&mut out, status, zone);
    out
}

/// An operator's word that is in force comes before everything else (safety rule 9).
fn on_request(out: &mut String, asked: &OnRequest, style: Style) {
    let name = asked.what.to_string().to_uppercase();
    let left = asked.left_ms.map_or_else(String::new, |left| {
        format!("{} left; ", Span(Duration::from_millis(left)))
    });
    let text = format!(
        "{} for {}, by uid {} (pid {}): {}; {left}{} ends it",
        style.paint(Paint::Look, &name),
        Span(asked.since.age()),
        asked.uid,
        asked.pid,
        asked.what.meaning(),
        asked.what.ended_by(),
    );
    hanging(out, "", 2, &text);
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

/// How a router's priority comes about.
pub(crate) fn priority_lines(out: &mut String, router: &vrrp_record::status::Router, style: Style) {
    router::priority(out, router, style);
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
    measure::keeping(out, status, style);
    for note in &status.health.notes {
        line(out, "note", &style.paint(Paint::Look, note));
    }
    if !status.unavailable.is_empty() {
        line(out, "evidence", &unavailable(&status.unavailable));
    }
}

/// What this machine cannot give, with what would help, or why where nothing does.
fn unavailable(list: &[Unavailable]) -> String {
    let each = list.iter().map(|missing| {
        let help = missing.remedy.as_deref().unwrap_or(&missing.why);
        format!("{} ({help})", missing.what)
    });
    let each: Vec<String> = each.collect();
    format!("not available: {}", each.join(", "))
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
    // Threads tell in turn; people read in order of time.
    let mut all: Vec<&Event> = status.last_events.iter().collect();
    all.sort_by_key(|event| event.monotonic_ns);
    let next = all.iter().skip(1).map(Some).chain([None]);
    let told: Vec<&Event> = all
        .iter()
        .zip(next)
        .filter(|(event, next)| !next.is_some_and(|next| says_more(&event.kind, &next.kind)))
        .map(|(event, _)| *event)
        .collect();
    for event in told.iter().skip(told.len().saturating_sub(EVENTS)) {
        let age =
            Duration::from_nanos(status.taken_monotonic_ns.saturating_sub(event.monotonic_ns));
        let head = format!(
            "  {} {:>11} ago  ",
            time::precise(event.unix_ms, zone),
            Span(age)
        );
        let text = match event.kind.number() {
            Some(number) => format!("#{number} {}", event.kind),
            None => event.kind.to_string(),
        };
        hanging(out, &head, 43, &text);
    }
    let last = told.iter().rev().find_map(|event| event.kind.number());
    if let Some(last) = last {
        hanging(out, "  ", 4, &format!("why: vrrpctl explain {last}"));
    }
}

/// Whether the next event says all of this one: how a script ended, when that turned it good or bad.
fn says_more(event: &Kind, next: &Kind) -> bool {
    matches!(
        (event, next),
        (Kind::ScriptRun { script, .. }, Kind::Tracker { name, outcome: Some(_), .. }) if script == name
    )
}

#[cfg(test)]
mod tests;
