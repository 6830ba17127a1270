//! The page's words as HTML: they are there before the script has run, and without it.

use std::fmt::Write as _;

use vrrp_record::history::Time;
use vrrp_record::verdict::{Confidence, Verdict};

use super::answer::{Answer, utc};
use super::gather::Gathered;
use super::html::Text;
use super::model::{Incident, Model};
use crate::commands::explain::said_before;
use crate::source::Node;

/// Most lines about damage for one node.
const DAMAGE: usize = 20;

/// A time that the script writes anew when another zone is chosen.
fn time(at: Time, micros: i64) -> String {
    format!("<time data-t=\"{micros}\">{}</time>", utc(at))
}

/// The first sentence.
pub(crate) fn headline(answer: &Answer) -> String {
    if answer.router.is_empty() {
        return Text(&capital(&answer.says)).to_string();
    }
    format!(
        "<span class=\"of\">{}:</span> {}",
        Text(&answer.router),
        Text(&answer.says)
    )
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

/// What the answer is about, and what to do.
pub(crate) fn story(answer: &Answer) -> String {
    let Some(story) = &answer.story else {
        return String::new();
    };
    let mut out = format!(
        "<p class=\"story\"><strong>{}</strong> on {} at {}",
        Text(&arrow(&story.headline)),
        Text(&story.node),
        time(story.at, story.micros)
    );
    if let Some(measure) = &story.measure {
        let _ = write!(out, ": {}", Text(measure));
    }
    if let Some(confidence) = story.confidence {
        let _ = write!(out, " (confidence {confidence})");
    }
    out.push_str("</p>");
    if !story.next.is_empty() {
        let _ = write!(
            out,
            "<p class=\"story\">Next: {}</p>",
            Text(&story.next.join("; "))
        );
    }
    out
}

/// As people write it.
fn arrow(text: &str) -> String {
    text.replace("->", "\u{2192}")
}

/// Verdicts, the latest first, each with its evidence.
pub(crate) fn verdicts(gathered: &Gathered, model: &Model) -> String {
    if model.incidents.is_empty() {
        return String::from("<p>No transition, near failover or anomaly in this time.</p>");
    }
    let mut out = String::new();
    for incident in model.incidents.iter().rev() {
        let Some(one) = gathered.judged.get(incident.verdict) else {
            continue;
        };
        let answers = gathered.story == Some(incident.verdict);
        article(&mut out, gathered, incident, one.at, &one.verdict, answers);
    }
    let more = gathered.judged.len() - model.incidents.len() + gathered.unjudged;
    if more > 0 {
        let _ = write!(
            out,
            "<p>{more} more of less weight, or earlier: <code>vrrpctl explain --since</code> tells them.</p>"
        );
    }
    out
}

fn article(
    out: &mut String,
    gathered: &Gathered,
    incident: &Incident,
    at: Time,
    verdict: &Verdict,
    answers: bool,
) {
    let number = incident.verdict;
    let router = incident
        .router
        .map(|router| format!(" data-router=\"{router}\""))
        .unwrap_or_default();
    let class = if answers { " answer" } else { "" };
    let _ = write!(
        out,
        "<article class=\"verdict w{}{class}\" id=\"verdict-{number}\"{router}><h3><span class=\"when\">{}</span> {} {}",
        incident.weight,
        time(at, incident.at),
        Text(&arrow(&format!("{} {}", incident.number, verdict.headline))),
        Text(&place(gathered, incident, verdict)),
    );
    let _ = write!(
        out,
        "<button type=\"button\" data-verdict=\"{number}\">show</button></h3>"
    );
    if let Some(measure) = &verdict.measure {
        let _ = write!(out, "<p class=\"measure\">{}</p>", Text(measure));
    }
    let confidence = match verdict.confidence {
        Confidence::None => String::new(),
        known @ (Confidence::Low | Confidence::Medium | Confidence::High) => {
            format!(
                " <span class=\"confidence\">confidence {}</span>",
                known.as_str()
            )
        }
    };
    let _ = write!(
        out,
        "<p class=\"summary\">{}{confidence}</p>",
        Text(&verdict.summary)
    );
    evidence(out, gathered, verdict, answers);
    out.push_str("</article>\n");
}

/// `loadbalancer on lb2`.
fn place(gathered: &Gathered, incident: &Incident, verdict: &Verdict) -> String {
    let node = gathered.nodes[incident.node].name();
    match &verdict.router {
        Some(router) => format!("\u{b7} {router} on {node}"),
        None => format!("\u{b7} {node}"),
    }
}

/// The same lines as those of `explain`, in its order.
fn evidence(out: &mut String, gathered: &Gathered, verdict: &Verdict, open: bool) {
    let mut lines: Vec<(&str, String)> = Vec::new();
    let seen = verdict
        .findings
        .iter()
        .flat_map(|finding| &finding.evidence)
        .chain(&verdict.evidence);
    lines.extend(seen.map(|entry| ("evidence", entry.to_string())));
    if !verdict.ruled_out.is_empty() {
        lines.push(("ruled out", verdict.ruled_out.join("; ")));
    }
    if !verdict.missing.is_empty() {
        lines.push(("missing", verdict.missing.join("; ")));
    }
    lines.extend(verdict.next.iter().map(|step| ("next", step.clone())));
    for (at, summary) in said_before(verdict, &gathered.nodes) {
        lines.push(("said before", format!("{}: {summary}", utc(at))));
    }
    if lines.is_empty() {
        return;
    }
    let open = if open { " open" } else { "" };
    let _ = write!(out, "<details{open}><summary>evidence</summary><dl>");
    let mut before = "";
    for (name, text) in &lines {
        let shown = if *name == before { "" } else { name };
        let _ = write!(out, "<dt>{shown}</dt><dd>{}</dd>", Text(text));
        before = name;
    }
    out.push_str("</dl></details>");
}

/// What was read, what of it was damaged or could not be had, and what was left out.
pub(crate) fn records(answer: &Answer, model: &Model, nodes: &[Node]) -> String {
    let mut out = String::new();
    for node in nodes {
        let origins: Vec<String> = node.origins.iter().map(ToString::to_string).collect();
        let extent = node.history.extent().map_or_else(
            || String::from("no record"),
            |(from, until)| format!("{} to {}", utc(from), utc(until)),
        );
        let _ = write!(
            out,
            "<dt>{}</dt><dd>{}; {extent}</dd>",
            Text(&node.name()),
            Text(&origins.join(", "))
        );
        let damage = &node.history.damage;
        for text in damage.iter().take(DAMAGE) {
            let text: String = text.chars().take(400).collect();
            let _ = write!(out, "<dd>damage: {}</dd>", Text(&text));
        }
        if damage.len() > DAMAGE {
            let more = damage.len() - DAMAGE;
            let _ = write!(
                out,
                "<dd>and {more} more: vrrpctl timeline --json lists them</dd>"
            );
        }
    }
    let mut unavailable = String::new();
    crate::commands::frame::unavailable(&mut unavailable, nodes);
    if !unavailable.is_empty() {
        let words: Vec<&str> = unavailable.split_whitespace().collect();
        let _ = write!(out, "<dt>Evidence</dt><dd>{}</dd>", Text(&words.join(" ")));
    }
    if !answer.clocks.is_empty() {
        out.push_str("<dt>Clocks</dt>");
    }
    for text in &answer.clocks {
        let _ = write!(out, "<dd>{}</dd>", Text(text));
    }
    if !model.left_out.is_empty() {
        out.push_str("<dt>Left out</dt>");
    }
    for text in &model.left_out {
        let _ = write!(out, "<dd>{}</dd>", Text(text));
    }
    let _ = write!(
        out,
        "<dt>Made</dt><dd>by vrrpctl {}, {}</dd>",
        env!("CARGO_PKG_VERSION"),
        utc(answer.made)
    );
    out
}
