//! `explain`: verdicts, made from the records by the engine that the daemon uses too.

use serde_json::{Value, json};
use vrrp_record::history::{History, Time, Want};
use vrrp_record::quantity::Plural;
use vrrp_record::verdict::{Code, Happening, Incident, Verdict, incidents, judge};
use vrrp_record::words::Word;

use super::frame;
use crate::Output;
use crate::cli::Reading;
use crate::render::table::hanging;
use crate::render::{Paint, time};
use crate::source::{Node, Records, SourceError, tell_apart};

/// How long before an incident records still count: a minute of quiet is the baseline.
pub(crate) const BEFORE: i64 = 70_000_000_000;
/// And after it, when adverts that were held come in.
pub(crate) const AFTER: i64 = 35_000_000_000;
/// The other node's clock may be wrong by this much where its records are too long to read whole.
pub(crate) const CLOCKS: i64 = 600_000_000_000;
/// Records of this many bytes are read whole; of longer ones only what surrounds the incidents.
const WHOLE: u64 = 32 * 1024 * 1024;

/// Transitions of a router that are this close belong to one story.
const TOGETHER: i64 = 60_000_000_000;
/// Most transitions of one story.
const CHAIN: usize = 4;

/// Stretches of time.
type Stretches = Vec<(Time, Time)>;

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// The event of that number.
    Number(u32),
    /// The last transition or the last other MASTER beside this one, else the last of anything.
    Last,
    /// Everything since a time.
    Since(Time),
}

/// Explanations.
pub(crate) struct Explained {
    /// The nodes whose records were read; the peer's last.
    nodes: Vec<Node>,
    /// So many of them are not the peer's.
    own: usize,
    verdicts: Vec<Verdict>,
    /// Numbers that could have been asked for.
    known: Vec<u32>,
    question: Question,
}

impl Explained {
    /// The nodes whose records were read; the peer's last.
    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }
}

/// Reads what is needed and judges it.
pub(crate) fn gather(
    opened: &dyn Records,
    peer: Option<&dyn Records>,
    question: Question,
    reading: &Reading,
) -> Result<Explained, SourceError> {
    let (mut nodes, windows) = read(opened, question, reading)?;
    let mut peers = match peer {
        Some(peer) => read_peer(peer, &windows)?,
        None => Vec::new(),
    };
    let (mut verdicts, mut known) = (Vec::new(), Vec::new());
    for node in &nodes {
        let history = &node.history;
        let all = named(history, incidents(history), &reading.router);
        known.extend(all.iter().filter_map(|incident| incident.number));
        // A node given twice explains nothing about itself.
        let other = peers.iter().find(|peer| !node.is(&peer.history));
        let as_of = history.extent().map_or(Time(0), |(_, until)| until);
        for incident in selected(&all, question) {
            verdicts.push(judge(
                history,
                other.map(|peer| &peer.history),
                &incident,
                as_of,
            ));
        }
    }
    known.sort_unstable();
    known.dedup();
    verdicts.sort_by_key(|verdict| verdict.incident.at);
    if question == Question::Last {
        // Of several nodes, the last story of any.
        let last = verdicts
            .last()
            .map(|verdict| (verdict.node.clone(), verdict.router.clone()));
        verdicts.retain(|verdict| Some((verdict.node.clone(), verdict.router.clone())) == last);
    }
    let own = nodes.len();
    nodes.append(&mut peers);
    tell_apart(&mut nodes);
    Ok(Explained {
        nodes,
        own,
        verdicts,
        known,
        question,
    })
}

fn read(
    opened: &dyn Records,
    question: Question,
    reading: &Reading,
) -> Result<(Vec<Node>, Stretches), SourceError> {
    if opened.bytes() <= WHOLE {
        let nodes = opened.read(&Want::all().minutes(false))?;
        let all = nodes
            .iter()
            .flat_map(|node| named(&node.history, incidents(&node.history), &reading.router))
            .collect::<Vec<_>>();
        return Ok((nodes, windows(&selected(&all, question))));
    }
    let outline = opened.read(&Want::outline())?;
    let mut wanted = Vec::new();
    for node in &outline {
        let all = named(&node.history, incidents(&node.history), &reading.router);
        wanted.extend(windows(&selected(&all, question)));
    }
    drop(outline);
    let want = Want::all().minutes(false).within(wanted.clone());
    Ok((opened.read(&want)?, wanted))
}

fn read_peer(opened: &dyn Records, windows: &[(Time, Time)]) -> Result<Vec<Node>, SourceError> {
    let want = Want::all().minutes(false);
    if opened.bytes() <= WHOLE {
        return opened.read(&want);
    }
    let wide = windows
        .iter()
        .map(|(from, until)| (from.plus(-CLOCKS), until.plus(CLOCKS)));
    opened.read(&want.within(wide.collect()))
}

/// Incidents of the routers that were asked for; what concerns the whole node always counts.
pub(crate) fn named(history: &History, mut all: Vec<Incident>, names: &[String]) -> Vec<Incident> {
    if !names.is_empty() {
        all.retain(|incident| {
            incident.router.is_none_or(|position| {
                let router = history.routers.get(usize::from(position));
                router.is_some_and(|router| names.contains(&router.name))
            })
        });
    }
    all
}

/// The stretches of time that incidents need.
pub(crate) fn windows(incidents: &[Incident]) -> Vec<(Time, Time)> {
    incidents
        .iter()
        .map(|one| {
            (
                one.from.min(one.at).plus(-BEFORE),
                one.until.max(one.at).plus(AFTER),
            )
        })
        .collect()
}

/// Incidents that a question is about.
fn selected(all: &[Incident], question: Question) -> Vec<Incident> {
    match question {
        Question::Number(number) => all
            .iter()
            .filter(|one| one.number == Some(number))
            .copied()
            .collect(),
        // What began before and still went on counts, too.
        Question::Since(since) => all
            .iter()
            .filter(|one| one.until.max(one.at) >= since)
            .copied()
            .collect(),
        Question::Last => last(all),
    }
}

/// The last transition with those that led to it: an address that comes back a moment later is explained by why it left.
/// Another MASTER beside a router that stays MASTER is its side of the other's transition, and counts like one.
/// Without either the last near failover, else the last of anything.
pub(crate) fn last(all: &[Incident]) -> Vec<Incident> {
    let changes =
        |one: &&Incident| matches!(one.what, Happening::Transition { old, new } if old != new);
    let moves = |one: &&Incident| changes(one) || matches!(one.what, Happening::TwoActive { .. });
    let Some(last) = all.iter().rev().find(moves) else {
        let near = |one: &&Incident| matches!(one.what, Happening::NearFailover { .. });
        let near = all.iter().rev().find(near).or_else(|| all.last());
        return near.copied().into_iter().collect();
    };
    if !changes(&last) {
        return vec![*last];
    }
    let mut chain = vec![*last];
    let before = all
        .iter()
        .rev()
        .filter(|one| one.router == last.router && one.at < last.at);
    for one in before.filter(changes) {
        let next = chain.last().unwrap_or(last);
        // Why a router became MASTER or failed is where a story begins.
        let begun = matches!(
            next.what,
            Happening::Transition {
                new: Word::Master | Word::Fault,
                ..
            }
        );
        if begun || chain.len() == CHAIN || next.at.since(one.at) > TOGETHER {
            break;
        }
        chain.push(*one);
    }
    chain.reverse();
    chain
}

/// Text for people.
pub(crate) fn text(explained: &Explained, output: &Output) -> String {
    let mut out = String::new();
    match (explained.verdicts.as_slice(), explained.question) {
        ([], Question::Last) => out.push_str(
            "nothing to explain: no transition, near failover or anomaly in the records\n",
        ),
        ([], Question::Since(since)) => {
            let since = time::moment(since, &output.zone);
            hanging(
                &mut out,
                "",
                2,
                &format!(
                    "nothing to explain: no transition, near failover or anomaly since {since}"
                ),
            );
        }
        ([], Question::Number(_)) => {}
        ([one], Question::Last | Question::Number(_)) => verdict(&mut out, one, explained, output),
        (several, _) => {
            let undetermined = several
                .iter()
                .filter(|verdict| verdict.code() == Code::Undetermined)
                .count();
            let undetermined = match undetermined {
                0 => String::from("all explained"),
                count => output
                    .style
                    .paint(Paint::Look, format_args!("{count} undetermined")),
            };
            out.push_str(&format!(
                "{}, {undetermined}\n",
                Plural(several.len() as u64, "incident")
            ));
            for one in several {
                out.push('\n');
                verdict(&mut out, one, explained, output);
            }
        }
    }
    frame::foot(&mut out, &explained.nodes, output);
    out
}

/// What the daemon said of the same event while it ran, where that was something else.
pub(crate) fn said_before<'a>(verdict: &Verdict, nodes: &'a [Node]) -> Vec<(Time, &'a str)> {
    let Some(number) = verdict.incident.number else {
        return Vec::new();
    };
    let nodes = nodes
        .iter()
        .filter(|node| node.history.node.host == verdict.node);
    let mut said: Vec<(Time, &str)> = Vec::new();
    for told in nodes
        .flat_map(|node| &node.verdicts)
        .filter(|told| told.number == number && told.at >= verdict.incident.at)
    {
        let summary = told.verdict.get("summary").and_then(Value::as_str);
        let new = |summary: &&str| {
            *summary != verdict.summary && said.last().is_none_or(|(_, last)| last != summary)
        };
        if let Some(summary) = summary.filter(new) {
            said.push((told.at, summary));
        }
    }
    said
}

fn verdict(out: &mut String, verdict: &Verdict, explained: &Explained, output: &Output) {
    let at = verdict.incident.at;
    let mut when = format!(
        "{} ({})",
        time::moment(at, &output.zone),
        time::ago(at, output.now())
    );
    if explained.nodes.len() > 1 {
        when.push_str(&format!("  {}", verdict.node));
    }
    for (position, text) in verdict.render(&when).lines().enumerate() {
        if position == 0 {
            hanging(out, "", 5, &output.style.paint(Paint::Strong, text));
            continue;
        }
        // Labels stand in eleven columns behind two spaces.
        let (label, rest) = text.split_at_checked(13).unwrap_or((text, ""));
        let paint = match label.trim() {
            "verdict" if verdict.code() == Code::Undetermined => Paint::Look,
            "verdict" => Paint::Strong,
            _ => Paint::Plain,
        };
        hanging(out, label, 13, &output.style.paint(paint, rest));
    }
    // The peer may be a clone of the same name that counts its own events.
    for (at, summary) in said_before(verdict, &explained.nodes[..explained.own]) {
        // As wide as the column of labels: the space behind it is its own.
        hanging(
            out,
            "  said before ",
            13,
            &format!("{}: {summary}", time::stamp(at, &output.zone)),
        );
    }
}

/// Why there is no answer to a number.
pub(crate) fn unknown_number(explained: &Explained) -> Option<String> {
    let Question::Number(number) = explained.question else {
        return None;
    };
    if !explained.verdicts.is_empty() {
        return None;
    }
    let text = match (explained.known.first(), explained.known.last()) {
        (Some(first), Some(last)) if first == last => format!("the records have #{first} only"),
        (Some(first), Some(last)) => format!("the records have #{first} to #{last}"),
        _ => String::from("the records have no numbered event"),
    };
    Some(format!("nothing has the number #{number}: {text}"))
}

/// Lines for programs.
pub(crate) fn plain(explained: &Explained) -> String {
    let mut out = String::from("unix_ms\thost\trouter\tnumber\twhat\tcodes\tconfidence\ttext\n");
    for verdict in &explained.verdicts {
        let codes: Vec<&str> = verdict.codes().into_iter().map(Code::as_str).collect();
        let fields = [
            verdict.incident.at.unix_ms().to_string(),
            verdict.node.clone(),
            verdict.router.clone().unwrap_or_default(),
            verdict
                .incident
                .number
                .map_or_else(String::new, |number| number.to_string()),
            verdict.headline.clone(),
            codes.join(","),
            verdict.confidence.as_str().to_owned(),
            verdict.to_string(),
        ];
        out.push_str(&fields.join("\t"));
        out.push('\n');
    }
    out
}

/// The same as JSON.
pub(crate) fn json(explained: &Explained, now: Time) -> String {
    let verdicts: Vec<Value> = explained
        .verdicts
        .iter()
        .map(|verdict| {
            let mut value = json!(verdict);
            if let Value::Object(fields) = &mut value {
                let at = verdict.incident.at.unix_ms();
                fields.insert(String::from("unix_ms"), at.into());
                fields.insert(String::from("codes"), json!(verdict.codes()));
            }
            value
        })
        .collect();
    frame::json(
        "explain",
        &explained.nodes,
        now,
        json!({ "verdicts": verdicts }),
    )
}
