//! What all reading commands print alike: which records were read, what of them was damaged, which evidence is missing,
//! and the head of the JSON.

use serde_json::{Value, json};
use vrrp_record::event::Kind;
use vrrp_record::history::{History, Router, Source, Time};

use crate::Output;
use crate::render::table::{hanging, line};
use crate::render::time;
use crate::render::{Paint, Style};
use crate::source::Node;

/// Schema of the reading commands' JSON: fields are only added within a number.
pub(crate) const SCHEMA: u32 = 1;

/// Most lines about damage for people; the JSON of the other commands has all.
const DAMAGE: usize = 5;

/// `loadbalancer on lb1`.
pub(crate) fn title(router: &Router, node: &Node, style: Style) -> String {
    let name = style.paint(Paint::Strong, &router.name);
    format!("{name} on {}", node.name())
}

/// `eth0, VRID 205, IPv4`.
pub(crate) fn identity(router: &Router) -> String {
    let family = if router.ipv6 { 6 } else { 4 };
    let Router {
        interface, vrid, ..
    } = router;
    if interface.is_empty() {
        format!("VRID {vrid}, IPv{family}")
    } else {
        format!("{interface}, VRID {vrid}, IPv{family}")
    }
}

/// Positions and routers that were asked for by name; all where no name was given.
pub(crate) fn chosen<'a>(
    history: &'a History,
    names: &'a [String],
) -> impl Iterator<Item = (u16, &'a Router)> {
    (0_u16..)
        .zip(&history.routers)
        .filter(move |(_, router)| names.is_empty() || names.contains(&router.name))
}

/// What stands below every answer.
pub(crate) fn foot(out: &mut String, nodes: &[Node], output: &Output) {
    let (style, zone, now) = (output.style, &output.zone, output.now());
    out.push('\n');
    for node in nodes {
        let origins: Vec<String> = node.origins.iter().map(ToString::to_string).collect();
        let extent = match node.history.extent() {
            None => String::from("no record"),
            Some((from, until)) => format!(
                "{} to {} ({})",
                time::moment(from, zone),
                time::moment(until, zone),
                time::ago(until, now)
            ),
        };
        line(
            out,
            "records",
            &format!("{}: {}; {extent}", node.name(), origins.join(", ")),
        );
        for text in damage(&node.history.damage) {
            line(out, "damage", &style.paint(Paint::Bad, text));
        }
    }
    unavailable(out, nodes);
}

/// The first lines about damage, and how many more there are.
pub(crate) fn damage(all: &[String]) -> impl Iterator<Item = String> {
    let rest = all.len().saturating_sub(DAMAGE);
    let more = (rest > 0).then(|| format!("and {rest} more: vrrpctl timeline --json lists them"));
    all.iter().take(DAMAGE).cloned().chain(more)
}

/// The evidence that could not be had, each once; the JSON says why.
pub(crate) fn unavailable(out: &mut String, nodes: &[Node]) {
    // What has the same remedy stands before it together.
    let mut told: Vec<(Option<&str>, Vec<&str>)> = Vec::new();
    for missing in nodes.iter().flat_map(|node| &node.history.unavailable) {
        let (what, remedy) = (missing.what.as_str(), missing.remedy.as_deref());
        match told.iter_mut().find(|(known, _)| *known == remedy) {
            Some((_, list)) if list.contains(&what) => {}
            Some((_, list)) => list.push(what),
            None => told.push((remedy, vec![what])),
        }
    }
    let parts: Vec<String> = told
        .iter()
        .map(|(remedy, list)| {
            let remedy = remedy
                .map(|remedy| format!(" ({remedy})"))
                .unwrap_or_default();
            format!("{}{remedy}", list.join(", "))
        })
        .collect();
    if !parts.is_empty() {
        hanging(
            out,
            "  ",
            4,
            &format!("not available: {}", parts.join("; ")),
        );
    }
}

/// An event as a sentence. Who watches another daemon, or reads a capture, does not speak of vrrpd.
pub(crate) fn sentence(node: &Node, event: &Kind) -> String {
    let text = event.to_string();
    match (node.history.node.source, text.strip_prefix("vrrpd ")) {
        (Source::Observer | Source::Capture, Some(rest)) => format!("the daemon {rest}"),
        _ => text,
    }
}

/// The head of a JSON answer; `body` is put behind it.
pub(crate) fn json(command: &str, nodes: &[Node], now: Time, body: Value) -> String {
    let nodes: Vec<Value> = nodes.iter().map(node).collect();
    let mut answer = json!({
        "schema": SCHEMA,
        "command": command,
        "made_unix_ms": now.unix_ms(),
        "nodes": nodes,
    });
    if let (Value::Object(answer), Value::Object(body)) = (&mut answer, body) {
        answer.extend(body);
    }
    let text = serde_json::to_string_pretty(&answer).unwrap_or_default();
    format!("{text}\n")
}

fn node(node: &Node) -> Value {
    let history = &node.history;
    let origins: Vec<Value> = node
        .origins
        .iter()
        .map(
            |origin| json!({"kind": origin.kind.name(), "path": origin.path.display().to_string()}),
        )
        .collect();
    let source = match history.node.source {
        Source::Daemon => "daemon",
        Source::Observer => "observer",
        Source::Capture => "capture",
    };
    let extent = history.extent();
    json!({
        "host": history.node.host,
        "source": source,
        "read": origins,
        "first_unix_ms": extent.map(|(first, _)| first.unix_ms()),
        "last_unix_ms": extent.map(|(_, last)| last.unix_ms()),
        "damage": history.damage,
        "unavailable": history.unavailable,
    })
}

/// How an event should look.
pub(crate) fn paint(event: &Kind) -> Paint {
    if matches!(event, Kind::Transition { .. }) {
        Paint::Strong
    } else if matches!(event, Kind::NearFailover { .. } | Kind::Anomaly { .. }) {
        Paint::Look
    } else if matches!(event, Kind::Faults { faults, .. } if !faults.0.is_empty()) {
        Paint::Bad
    } else {
        Paint::Plain
    }
}
