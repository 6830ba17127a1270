//! `timeline`: a strip of each router's states, and what happened, in order.

use serde_json::{Value, json};
use vrrp_record::event::Kind;
use vrrp_record::history::{Numbered, Phase, Time};
use vrrp_record::join::Join;
use vrrp_record::quantity::{Plural, Span};
use vrrp_record::words::Word;

use super::frame;
use crate::Output;
use crate::cli::Reading;
use crate::render::table::{columns, hanging};
use crate::render::{Paint, time};
use crate::source::Node;

/// Columns of a strip.
const STRIP: i64 = 72;

/// What is shown.
pub(crate) struct Timeline<'a> {
    nodes: &'a [Node],
    from: Time,
    until: Time,
    strips: Vec<Strip<'a>>,
    /// By the first node's clock.
    events: Vec<(Time, &'a Node, &'a Numbered)>,
    /// What the second node's times were shifted by, where two nodes' clocks could be compared.
    shifted: Option<i64>,
}

struct Strip<'a> {
    node: &'a Node,
    router: &'a str,
    /// For a capture, whose adverts these are.
    speaker: Option<std::net::IpAddr>,
    phases: Vec<Phase>,
}

/// Gathers what happened between two times.
pub(crate) fn gather<'a>(
    nodes: &'a [Node],
    reading: &'a Reading,
    between: Option<(Time, Time)>,
    all: bool,
) -> Timeline<'a> {
    let extents: Vec<(Time, Time)> = nodes.iter().filter_map(told).collect();
    let first = extents
        .iter()
        .map(|extent| extent.0)
        .min()
        .unwrap_or_default();
    let last = extents
        .iter()
        .map(|extent| extent.1)
        .max()
        .unwrap_or_default();
    let (from, until) = between.map_or((first, last), |(from, until)| {
        (from.max(first), until.min(last))
    });
    let shifted = match nodes {
        [first, second] => {
            let join = Join::of(&first.history, &second.history);
            let known = join.known_at(&first.history).map(|at| join.offset(at));
            let offset = known.filter(|offset| !offset.contradicts());
            offset
                .and_then(|offset| offset.best())
                .map(|offset| (join, offset))
        }
        _ => None,
    };
    // By the first node's clock.
    let told_at = |position: usize, at: Time| match &shifted {
        Some((join, _)) if position == 1 => join.by_first(at).unwrap_or(at),
        _ => at,
    };
    let mut strips = Vec::new();
    let mut events = Vec::new();
    for (place, node) in nodes.iter().enumerate() {
        for (position, router) in frame::chosen(&node.history, &reading.router) {
            let mut phases = node.history.phases(position);
            for phase in &mut phases {
                phase.from = told_at(place, phase.from);
                phase.until = told_at(place, phase.until);
            }
            if phases.iter().any(|phase| phase.state.is_some()) {
                strips.push(Strip {
                    node,
                    router: &router.name,
                    speaker: None,
                    phases,
                });
            } else {
                for (speaker, phases) in speakers(node, position) {
                    strips.push(Strip {
                        node,
                        router: &router.name,
                        speaker: Some(speaker),
                        phases,
                    });
                }
            }
        }
        let wanted = node.history.events.iter().filter(|event| {
            let router = event.event.kind.router();
            let named = reading.router.is_empty()
                || router
                    .is_none_or(|router| reading.router.iter().any(|name| name == router.as_str()));
            named
                && (from..=until).contains(&told_at(place, event.at))
                && (all || matters(&event.event.kind))
        });
        events.extend(wanted.map(|event| (told_at(place, event.at), node, event)));
    }
    events.sort_by_key(|event| event.0);
    Timeline {
        nodes,
        from,
        until,
        strips,
        events,
        shifted: shifted.map(|(_, offset)| offset),
    }
}

/// From when to when a node's records tell a story: histograms of minutes begin earlier and hold no events.
fn told(node: &Node) -> Option<(Time, Time)> {
    let (first, last) = node.history.extent()?;
    let history = &node.history;
    let starts = [
        history.runs.first().map(|run| run.started),
        history.events.first().map(|event| event.at),
        history
            .received
            .first()
            .map(vrrp_record::history::Received::at),
        history.sent.first().map(|sent| sent.due),
    ];
    let start = starts.into_iter().flatten().min().unwrap_or(first);
    Some((start.max(first), last))
}

/// Who advertised when, in records that hold no state: a capture.
pub(crate) fn speakers(node: &Node, router: u16) -> Vec<(std::net::IpAddr, Vec<Phase>)> {
    let Some(settings) = node.history.routers.get(usize::from(router)) else {
        return Vec::new();
    };
    let mut adverts: Vec<(std::net::IpAddr, Time, u8, u64)> = node
        .history
        .received
        .iter()
        .filter(|one| one.router == router)
        .map(|one| (one.from, one.at(), one.priority, one.interval))
        .collect();
    if let Some(source) = settings.source {
        let sent = node
            .history
            .sent
            .iter()
            .filter(|sent| sent.router == router);
        adverts.extend(sent.map(|sent| {
            (
                source,
                sent.left.unwrap_or(sent.due),
                sent.priority,
                settings.interval,
            )
        }));
    }
    adverts.sort_by_key(|advert| (advert.0, advert.1));
    let mut found: Vec<(std::net::IpAddr, Vec<Phase>)> = Vec::new();
    for (from, at, priority, interval) in adverts {
        let state = Some(Word::Master);
        let limit = settings.down_interval(Some(interval), 1);
        let until = if priority == 0 {
            at
        } else {
            at.plus(i64::try_from(interval).unwrap_or_default())
        };
        let phase = Phase {
            from: at,
            until,
            state,
        };
        match found.last_mut() {
            Some((speaker, phases)) if *speaker == from => match phases.last_mut() {
                Some(last) if at.after(last.from.max(last.until)).as_nanos() <= limit.into() => {
                    last.until = last.until.max(until)
                }
                _ => phases.push(phase),
            },
            _ => found.push((from, vec![phase])),
        }
    }
    found
}

/// Whether an event belongs to the story without being asked for.
pub(crate) fn matters(kind: &Kind) -> bool {
    !matches!(
        kind,
        Kind::Ready { .. }
            | Kind::Notify { .. }
            | Kind::ScriptRun { .. }
            | Kind::Discards { .. }
            | Kind::Other
    )
}

fn transitions(timeline: &Timeline<'_>) -> usize {
    let changes = timeline.events.iter().filter(
        |(_, _, event)| matches!(event.event.kind, Kind::Transition { from, to, .. } if from != to),
    );
    changes.count()
}

/// Text for people.
pub(crate) fn text(timeline: &Timeline<'_>, output: &Output) -> String {
    let (zone, style, now) = (&output.zone, output.style, output.now());
    let mut out = String::new();
    let length = Span(timeline.until.after(timeline.from));
    let names: Vec<String> = timeline.nodes.iter().map(Node::name).collect();
    let count = transitions(timeline);
    let answer = format!(
        "{} on {} in {length}, from {} to {} ({})",
        if count == 0 {
            String::from("no transition")
        } else {
            Plural(count as u64, "transition").to_string()
        },
        names.join(" and "),
        time::moment(timeline.from, zone),
        time::moment(timeline.until, zone),
        time::ago(timeline.until, now)
    );
    hanging(&mut out, "", 2, &answer);
    if let (Some(shifted), [first, second]) = (timeline.shifted, timeline.nodes) {
        let word = if shifted < 0 { "behind" } else { "ahead of" };
        let text = format!(
            "times by {0}'s clock; {1}'s is about {2} {word} it, see vrrpctl compare",
            first.name(),
            second.name(),
            time::nanos(shifted.unsigned_abs())
        );
        hanging(&mut out, "  ", 4, &text);
    } else if timeline.nodes.len() > 1 {
        hanging(
            &mut out,
            "  ",
            4,
            "each node's times by its own clock: their distance is not known",
        );
    }
    strips(&mut out, timeline, output);
    if timeline.events.is_empty() {
        out.push_str("\nno event in this time\n");
    }
    let mut day = String::new();
    let several = timeline.nodes.len() > 1;
    let width = names
        .iter()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or_default();
    for (at, node, event) in &timeline.events {
        let date = time::date(*at, zone);
        if date != day {
            out.push_str(&format!(
                "\n{} (times {})\n",
                style.paint(Paint::Strong, &date),
                time::offset(at.unix_ms(), zone)
            ));
            day = date;
        }
        let number = event
            .event
            .kind
            .number()
            .map(|number| format!("#{number}"))
            .unwrap_or_default();
        let host = if several {
            format!("{:<width$}  ", node.name())
        } else {
            String::new()
        };
        let head = format!("  {}  {number:>5}  {host}", time::clock(*at, zone));
        let indent = head.chars().count();
        let text = frame::sentence(node, &event.event.kind);
        let paint = frame::paint(&event.event.kind);
        hanging(&mut out, &head, indent, &style.paint(paint, text));
    }
    frame::foot(&mut out, timeline.nodes, output);
    out
}

/// The letter of a state in a strip.
const fn letter(state: Option<Word>) -> char {
    match state {
        Some(Word::Master) => 'M',
        Some(Word::Backup) => 'b',
        Some(Word::Fault) => 'F',
        Some(Word::Init) => 'i',
        None => '.',
    }
}

fn strips(out: &mut String, timeline: &Timeline<'_>, output: &Output) {
    let total = timeline.until.since(timeline.from).max(1);
    let each = (total / STRIP).max(1);
    if timeline.strips.is_empty() {
        return;
    }
    out.push('\n');
    let rows: Vec<Vec<String>> = timeline
        .strips
        .iter()
        .map(|strip| {
            let mut text = String::new();
            for column in 0..STRIP {
                let from = timeline.from.plus(column * each);
                let until = from.plus(each);
                // The rarest state of a column is the one worth seeing.
                let states = strip
                    .phases
                    .iter()
                    .filter(|phase| phase.from < until && phase.until > from);
                let state = states
                    .map(|phase| phase.state)
                    .max_by_key(|state| weight(*state, strip));
                let state = state.unwrap_or_default();
                let letter = letter(state);
                let paint = match state {
                    Some(Word::Master) => Paint::Good,
                    Some(Word::Fault) => Paint::Bad,
                    Some(Word::Init) => Paint::Look,
                    Some(Word::Backup) | None => Paint::Plain,
                };
                text.push_str(&output.style.paint(paint, letter));
            }
            let name = match strip.speaker {
                Some(speaker) => format!("{} {speaker}", strip.router),
                None => format!("{} {}", strip.node.name(), strip.router),
            };
            vec![name, text]
        })
        .collect();
    columns(out, 2, 2, &rows);
    let each = Span(std::time::Duration::from_nanos(
        u64::try_from(each).unwrap_or_default(),
    ));
    let captured = timeline.strips.iter().any(|strip| strip.speaker.is_some());
    let legend = if captured {
        format!("each column {each}; M advertises, . silent")
    } else {
        format!(
            "each column {each}; M MASTER, b BACKUP, F FAULT, i INIT, . not running or not known; of several states in a column the rarest"
        )
    };
    hanging(out, "  ", 4, &legend);
}

/// What a column shows of several states: the one that fills the least of the strip, and no state at all only where there
/// is nothing else.
fn weight(state: Option<Word>, strip: &Strip<'_>) -> (bool, i64) {
    let filled: i64 = strip
        .phases
        .iter()
        .filter(|phase| phase.state == state)
        .map(|phase| phase.until.since(phase.from))
        .fold(0, i64::saturating_add);
    let passing = matches!(state, None | Some(Word::Init));
    (!passing, filled.saturating_neg())
}

/// Lines for programs.
pub(crate) fn plain(timeline: &Timeline<'_>) -> String {
    let mut out = String::from("unix_ms\thost\tnumber\tevent\trouter\ttext\n");
    for (at, node, event) in &timeline.events {
        let kind = &event.event.kind;
        let fields = [
            at.unix_ms().to_string(),
            node.name(),
            kind.number()
                .map_or_else(String::new, |number| number.to_string()),
            kind.name().to_owned(),
            kind.router().map_or_else(String::new, ToString::to_string),
            kind.to_string(),
        ];
        out.push_str(&fields.join("\t"));
        out.push('\n');
    }
    out
}

/// The same as JSON.
pub(crate) fn json(timeline: &Timeline<'_>, now: Time) -> String {
    let strips: Vec<Value> = timeline
        .strips
        .iter()
        .map(|strip| {
            let phases: Vec<Value> = strip
                .phases
                .iter()
                .map(|phase| {
                    json!({
                        "from_unix_ms": phase.from.unix_ms(),
                        "until_unix_ms": phase.until.unix_ms(),
                        "state": phase.state.map(Word::as_str),
                    })
                })
                .collect();
            json!({ "host": strip.node.history.node.host, "router": strip.router, "speaker": strip.speaker, "phases": phases })
        })
        .collect();
    let events: Vec<Value> = timeline
        .events
        .iter()
        .map(|(at, node, event)| {
            json!({
                "host": node.history.node.host,
                "unix_ms": at.unix_ms(),
                "run": event.run,
                "text": event.event.kind.to_string(),
                "event": event.event,
            })
        })
        .collect();
    let body = json!({
        "from_unix_ms": timeline.from.unix_ms(),
        "until_unix_ms": timeline.until.unix_ms(),
        "second_node_shifted_ns": timeline.shifted.map(i64::saturating_neg),
        "states": strips,
        "events": events,
    });
    frame::json("timeline", timeline.nodes, now, body)
}

/// The answer in the form that was asked for.
pub(crate) fn print(
    nodes: &[Node],
    reading: &Reading,
    between: Option<(Time, Time)>,
    all: bool,
    output: &mut Output,
) {
    let timeline = gather(nodes, reading, between, all);
    let text = if reading.form.json {
        json(&timeline, output.now())
    } else if reading.form.plain {
        plain(&timeline)
    } else {
        text(&timeline, output)
    };
    output.answer(&text);
}
