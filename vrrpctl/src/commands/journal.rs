//! `journal`: records one by one, filtered, for people and for programs.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use serde_json::{Value, json};
use vrrp_record::event::Kind;
use vrrp_record::history::{
    History, Numbered, Received, Rejected, Sample, Sent, Sequence, Stall, Time,
};
use vrrp_record::quantity::Errno;

use super::frame;
use super::peers::reason;
use crate::Output;
use crate::cli::{JournalArgs, KindName};
use crate::render::table::hanging;
use crate::render::{Paint, time};
use crate::source::Node;

/// One record and what stands around it.
pub(crate) struct Item<'a> {
    node: &'a Node,
    at: Time,
    record: Record<'a>,
    /// Since the advert before of the same sender and router.
    gap: Option<u64>,
}

/// A record of any kind.
#[derive(Clone, Copy)]
enum Record<'a> {
    Sent(&'a Sent),
    Heard(&'a Received),
    Rejected(&'a Rejected),
    Stall(&'a Stall),
    Event(&'a Numbered),
    Sample(&'a Sample),
}

/// What is wanted, from the command line.
pub(crate) struct Filter<'a> {
    arguments: &'a JournalArgs,
    between: Option<(Time, Time)>,
    kinds: Vec<KindName>,
}

impl<'a> Filter<'a> {
    /// Filters of a command line.
    pub(crate) fn new(arguments: &'a JournalArgs, between: Option<(Time, Time)>) -> Self {
        let mut kinds = arguments.kind.clone();
        if kinds.is_empty() {
            // Who asks about adverts wants adverts; else ordinary ones would drown the rest.
            kinds = if arguments.ids.is_some() || arguments.apart.is_some() {
                vec![KindName::Adverts]
            } else {
                vec![KindName::Rejected, KindName::Stalls, KindName::Events]
            };
        }
        Self {
            arguments,
            between,
            kinds,
        }
    }

    /// Whether adverts are wanted at all.
    pub(crate) fn adverts(&self) -> bool {
        let without = [KindName::Events, KindName::Transitions, KindName::Samples];
        self.kinds.iter().any(|kind| !without.contains(kind))
    }

    /// Whether samples are wanted.
    pub(crate) fn samples(&self) -> bool {
        self.kinds
            .iter()
            .any(|kind| matches!(kind, KindName::Samples | KindName::All))
    }

    fn kind(&self, record: Record<'_>) -> bool {
        self.kinds.iter().any(|kind| match kind {
            KindName::All => true,
            KindName::Sent => matches!(record, Record::Sent(_)),
            KindName::Heard => matches!(record, Record::Heard(_)),
            KindName::Adverts => matches!(record, Record::Sent(_) | Record::Heard(_)),
            KindName::Rejected => matches!(record, Record::Rejected(_)),
            KindName::Stalls => matches!(record, Record::Stall(_)),
            KindName::Events => matches!(record, Record::Event(_)),
            KindName::Transitions => {
                matches!(record, Record::Event(event) if matches!(event.event.kind, Kind::Transition { .. }))
            }
            KindName::Samples => matches!(record, Record::Sample(_)),
        })
    }

    fn router(&self, history: &History, record: Record<'_>) -> bool {
        let wanted = &self.arguments.reading.router;
        if wanted.is_empty() {
            return true;
        }
        match name(history, record) {
            Some(name) => wanted.contains(&name),
            None => matches!(
                record,
                Record::Event(_) | Record::Stall(_) | Record::Sample(_)
            ),
        }
    }

    fn takes(&self, item: &Item<'_>) -> bool {
        let inside = self
            .between
            .is_none_or(|(from, until)| (from..=until).contains(&item.at));
        let numbered = self
            .arguments
            .ids
            .as_ref()
            .is_none_or(|ids| match item.record {
                Record::Sent(sent) => ids.contain(sent.id),
                Record::Heard(one) => one.id.is_some_and(|id| ids.contain(id)),
                Record::Rejected(_) | Record::Stall(_) | Record::Event(_) | Record::Sample(_) => {
                    false
                }
            });
        let apart = self.arguments.apart.is_none_or(|apart| {
            item.gap
                .is_some_and(|gap| i64::try_from(gap).unwrap_or(i64::MAX) > apart)
        });
        inside
            && numbered
            && apart
            && self.kind(item.record)
            && self.router(&item.node.history, item.record)
    }
}

fn name(history: &History, record: Record<'_>) -> Option<String> {
    let position = match record {
        Record::Sent(sent) => sent.router,
        Record::Heard(one) => one.router,
        Record::Rejected(one) => one.router,
        Record::Event(event) => return event.event.kind.router().map(ToString::to_string),
        Record::Stall(_) | Record::Sample(_) => return None,
    };
    history
        .routers
        .get(usize::from(position))
        .map(|router| router.name.clone())
}

/// The records that pass, by time.
pub(crate) fn gather<'a>(nodes: &'a [Node], filter: &Filter<'_>) -> Vec<Item<'a>> {
    let mut items = Vec::new();
    for node in nodes {
        let history = &node.history;
        let mut add = |at: Time, record: Record<'a>, gap: Option<u64>| {
            let item = Item {
                node,
                at,
                record,
                gap,
            };
            if filter.takes(&item) {
                items.push(item);
            }
        };
        // Gaps are between departures of ours and between arrivals of each sender.
        let mut last: BTreeMap<u16, Time> = BTreeMap::new();
        for sent in &history.sent {
            let left = sent.left.or(sent.submitted);
            let gap = left.and_then(|left| {
                let before = last.insert(sent.router, left)?;
                u64::try_from(left.since(before)).ok()
            });
            add(sent.due, Record::Sent(sent), gap);
        }
        let mut last: BTreeMap<(u16, IpAddr), Time> = BTreeMap::new();
        for one in &history.received {
            let before = last.insert((one.router, one.from), one.at());
            let gap = before.and_then(|before| u64::try_from(one.at().since(before)).ok());
            add(one.at(), Record::Heard(one), gap);
        }
        history
            .rejected
            .iter()
            .for_each(|one| add(one.at, Record::Rejected(one), None));
        history
            .stalls
            .iter()
            .for_each(|stall| add(stall.at, Record::Stall(stall), None));
        history
            .events
            .iter()
            .for_each(|event| add(event.at, Record::Event(event), None));
        history
            .samples
            .iter()
            .for_each(|sample| add(sample.at, Record::Sample(sample), None));
    }
    items.sort_by_key(|item| item.at);
    if let Some(lines) = filter.arguments.lines {
        items.drain(..items.len().saturating_sub(lines));
    }
    items
}

/// A long record in pieces, or one that still grows: remembers what was printed.
#[derive(Default)]
pub(crate) struct Printed {
    keys: HashSet<(String, i64, u8, u64)>,
}

impl Printed {
    /// Leaves what was not printed before, and remembers it.
    pub(crate) fn fresh<'a>(&mut self, items: Vec<Item<'a>>) -> Vec<Item<'a>> {
        let mut keys = HashSet::with_capacity(items.len());
        let mut fresh = Vec::new();
        for item in items {
            let key = key(&item);
            if !self.keys.contains(&key) && keys.insert(key.clone()) {
                fresh.push(item);
            } else {
                keys.insert(key);
            }
        }
        self.keys = keys;
        fresh
    }
}

/// What makes a record the same one.
fn key(item: &Item<'_>) -> (String, i64, u8, u64) {
    let (kind, detail) = match item.record {
        Record::Sent(sent) => (0, u64::from(sent.router) << 16 | u64::from(sent.id)),
        Record::Heard(one) => (
            1,
            u64::from(one.router) << 16 | u64::from(one.id.unwrap_or_default()),
        ),
        Record::Rejected(one) => (2, u64::from(one.router) << 8 | u64::from(one.reason)),
        Record::Stall(_) => (3, 0),
        Record::Event(event) => (4, event.event.seq),
        Record::Sample(sample) => (5, u64::from(sample.object)),
    };
    (item.node.name(), item.at.0, kind, detail)
}

/// How long after `due` a stage was, where it is known.
fn after(stage: Option<Time>, before: Time) -> Option<String> {
    stage.map(|stage| {
        time::nanos(u64::try_from(stage.since(before)).unwrap_or_default()).to_string()
    })
}

/// One record as words, and how it should look.
fn words(item: &Item<'_>) -> (&'static str, String, Paint) {
    let router = name(&item.node.history, item.record)
        .map(|name| format!("{name} "))
        .unwrap_or_default();
    match item.record {
        Record::Sent(sent) => {
            let (text, paint) = sent_words(sent, item.gap);
            ("sent", format!("{router}{text}"), paint)
        }
        Record::Heard(one) => {
            let (text, paint) = heard_words(one, item.gap);
            ("heard", format!("{router}{text}"), paint)
        }
        Record::Rejected(one) => {
            let more = if one.more > 0 {
                format!(" ({} more of the kind)", one.more)
            } else {
                String::new()
            };
            (
                "rejected",
                format!("{router}from {}: {}{more}", one.from, reason(one.reason)),
                Paint::Bad,
            )
        }
        Record::Stall(stall) => ("stall", stall_words(stall), Paint::Look),
        Record::Event(event) => {
            let number = event
                .event
                .kind
                .number()
                .map(|number| format!("#{number} "))
                .unwrap_or_default();
            let paint = frame::paint(&event.event.kind);
            ("event", format!("{number}{}", event.event.kind), paint)
        }
        Record::Sample(sample) => (
            "sample",
            format!("{:?} of {}: {}", sample.unit, sample.object, sample.value),
            Paint::Plain,
        ),
    }
}

fn sent_words(sent: &Sent, gap: Option<u64>) -> (String, Paint) {
    let mut text = format!("id {} priority {}", sent.id, sent.priority);
    let mut paint = Paint::Plain;
    let mut parts = Vec::new();
    if let Some(late) = after(sent.woke, sent.due) {
        parts.push(format!("woke {late} late"));
    }
    match (sent.submitted, sent.errno) {
        // A capture holds the departure only.
        (None, _) if sent.left.is_some() => {}
        (None, _) => {
            parts.push(String::from("not built"));
            paint = Paint::Bad;
        }
        (Some(_), Some(errno)) => {
            parts.push(format!("refused: {}", Errno(errno)));
            paint = Paint::Bad;
        }
        (Some(submitted), None) => {
            if let Some(took) = after(sent.accepted, submitted) {
                parts.push(format!("accepted in {took}"));
            }
        }
    }
    match (sent.queued, sent.left) {
        (Some(queued), Some(left)) => parts.push(format!(
            "left after {} in the queue, {} after due",
            after(Some(left), queued).unwrap_or_default(),
            after(Some(left), sent.due).unwrap_or_default()
        )),
        (None, Some(left)) => parts.push(format!(
            "left {} after due",
            after(Some(left), sent.due).unwrap_or_default()
        )),
        (Some(_), None) if sent.settled => {
            parts.push(String::from("queued and never left this kernel"));
            paint = Paint::Bad;
        }
        (None, None) if sent.settled && sent.submitted.is_some() && sent.errno.is_none() => {
            parts.push(String::from("no stamp of its departure"));
        }
        _ => {}
    }
    if let Some(left) = sent.left.filter(|_| sent.taken.is_some()) {
        parts.push(format!(
            "taken {} later",
            after(sent.taken, left).unwrap_or_default()
        ));
    }
    if sent.held_bytes > 0 {
        parts.push(format!(
            "{} bytes still held below when the next was due",
            sent.held_bytes
        ));
        paint = Paint::Look;
    }
    if sent.skipped > 0 {
        parts.push(format!("{} before it skipped", sent.skipped));
        paint = Paint::Look;
    }
    if let Some(gap) = gap {
        parts.push(format!("{} after the one before", time::nanos(gap)));
    }
    text.push_str(&format!(": {}", parts.join(", ")));
    (text, paint)
}

fn heard_words(one: &Received, gap: Option<u64>) -> (String, Paint) {
    let id = one.id.map(|id| format!("id {id} ")).unwrap_or_default();
    let mut text = format!("from {} {id}priority {}", one.from, one.priority);
    let mut paint = Paint::Plain;
    let mut parts = Vec::new();
    if let Some(gap) = gap {
        parts.push(format!("{} after the one before", time::nanos(gap)));
    }
    if let Some(read) = one
        .arrived
        .and_then(|arrived| after(Some(one.read), arrived))
    {
        parts.push(format!("read after {read}"));
    }
    match one.sequence {
        Sequence::Missing(count) => {
            parts.push(format!("{count} missing before it"));
            paint = Paint::Look;
        }
        Sequence::Repeated => parts.push(String::from("twice or out of order")),
        Sequence::Broken => parts.push(String::from("numbers began anew")),
        Sequence::Next | Sequence::Untrusted => {}
    }
    if one.dropped > 0 {
        parts.push(format!(
            "{} dropped by our receive queue before it",
            one.dropped
        ));
        paint = Paint::Bad;
    }
    if !parts.is_empty() {
        text.push_str(&format!(": {}", parts.join(", ")));
    }
    (text, paint)
}

fn stall_words(stall: &Stall) -> String {
    let late = after(Some(stall.at), stall.due).unwrap_or_default();
    let mut parts = Vec::new();
    let mut part = |value: Option<u64>, words: &str| {
        if let Some(value) = value.filter(|value| *value > 0) {
            parts.push(format!("{} {words}", time::nanos(value)));
        }
    };
    part(stall.run_delay, "waiting for a CPU");
    part(stall.cpu, "on a CPU");
    part(stall.throttled, "throttled by a cgroup");
    part(stall.frozen, "frozen");
    part(stall.steal, "stolen by the hypervisor (all CPUs)");
    part(stall.io_pressure, "of I/O pressure");
    part(stall.suspended, "suspended");
    if let Some(faults) = stall.major_faults.filter(|faults| *faults > 0) {
        parts.push(format!("{faults} major page faults"));
    }
    if let Some(pid) = stall.sigcont {
        parts.push(if pid == 0 {
            String::from("SIGCONT")
        } else {
            format!("SIGCONT from pid {pid}")
        });
    }
    let parts = if parts.is_empty() {
        String::from("nothing measured moved")
    } else {
        parts.join(", ")
    };
    format!(
        "the engine ran {late} late on CPU {}: {parts}",
        stall.cpu_number
    )
}

/// Text for people; `day` is the date that was printed last.
pub(crate) fn text(items: &[Item<'_>], several: bool, day: &mut String, output: &Output) -> String {
    let (zone, style) = (&output.zone, output.style);
    let mut out = String::new();
    for item in items {
        let date = time::date(item.at, zone);
        if *day != date {
            let offset = time::offset(item.at.unix_ms(), zone);
            out.push_str(&format!(
                "{} (times {offset})\n",
                style.paint(Paint::Strong, &date)
            ));
            *day = date;
        }
        let (kind, text, paint) = words(item);
        let host = if several {
            format!("{}  ", item.node.name())
        } else {
            String::new()
        };
        let head = format!("  {}  {host}{kind:<8}  ", time::clock(item.at, zone));
        let indent = head.chars().count() + 2;
        hanging(&mut out, &head, indent, &style.paint(paint, text));
    }
    out
}

/// Names of the fields of plain and CSV lines.
const FIELDS: [&str; 20] = [
    "unix_ns",
    "host",
    "kind",
    "router",
    "number",
    "from",
    "priority",
    "due_ns",
    "woke_ns",
    "submitted_ns",
    "accepted_ns",
    "queued_ns",
    "left_ns",
    "taken_ns",
    "arrived_ns",
    "read_ns",
    "gap_ns",
    "missing",
    "errno",
    "text",
];

/// The line of names.
pub(crate) fn header(separator: char) -> String {
    format!("{}\n", FIELDS.join(&separator.to_string()))
}

/// Lines for programs.
pub(crate) fn lines(items: &[Item<'_>], separator: char) -> String {
    let mut out = String::new();
    for item in items {
        let fields = fields(item).map(|field| quoted(&field, separator));
        out.push_str(&fields.join(&separator.to_string()));
        out.push('\n');
    }
    out
}

fn fields(item: &Item<'_>) -> [String; 20] {
    let time = |at: Option<Time>| at.map_or_else(String::new, |at| at.0.to_string());
    let (kind, text, _) = words(item);
    let empty = String::new;
    let mut fields: [String; 20] = std::array::from_fn(|_| empty());
    fields[0] = item.at.0.to_string();
    fields[1] = item.node.name();
    kind.clone_into(&mut fields[2]);
    fields[3] = name(&item.node.history, item.record).unwrap_or_default();
    fields[16] = item.gap.map_or_else(empty, |gap| gap.to_string());
    match item.record {
        Record::Sent(sent) => {
            fields[4] = sent.id.to_string();
            fields[6] = sent.priority.to_string();
            let stages = [
                Some(sent.due),
                sent.woke,
                sent.submitted,
                sent.accepted,
                sent.queued,
                sent.left,
                sent.taken,
            ];
            for (field, stage) in fields[7..14].iter_mut().zip(stages) {
                *field = time(stage);
            }
            fields[18] = sent.errno.map_or_else(empty, |errno| errno.to_string());
        }
        Record::Heard(one) => {
            fields[4] = one.id.map_or_else(empty, |id| id.to_string());
            fields[5] = one.from.to_string();
            fields[6] = one.priority.to_string();
            fields[14] = time(one.arrived);
            fields[15] = time(Some(one.read));
            if let Sequence::Missing(count) = one.sequence {
                fields[17] = count.to_string();
            }
        }
        Record::Rejected(one) => {
            fields[5] = one.from.to_string();
            fields[6] = one
                .priority
                .map_or_else(empty, |priority| priority.to_string());
        }
        Record::Event(event) => {
            fields[4] = event
                .event
                .kind
                .number()
                .map_or_else(empty, |number| number.to_string())
        }
        Record::Stall(stall) => {
            fields[7] = time(Some(stall.due));
            fields[8] = time(Some(stall.at));
        }
        Record::Sample(_) => {}
    }
    fields[19] = text;
    fields
}

/// A field that may hold anything (RFC 4180); tabs are replaced where they separate.
fn quoted(field: &str, separator: char) -> String {
    if separator == '\t' {
        return field.replace(['\t', '\n'], " ");
    }
    if field.contains([separator, '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// One JSON object a line.
pub(crate) fn json_lines(items: &[Item<'_>]) -> String {
    let mut out = String::new();
    for item in items {
        let (kind, text, _) = words(item);
        let record: Value = match item.record {
            Record::Sent(sent) => json!(sent),
            Record::Heard(one) => json!(one),
            Record::Rejected(one) => json!(one),
            Record::Stall(stall) => json!(stall),
            Record::Event(event) => json!(event.event),
            Record::Sample(sample) => json!(sample),
        };
        let line = json!({
            "schema": frame::SCHEMA,
            "host": item.node.history.node.host,
            "unix_ns": item.at.0,
            "kind": kind,
            "router": name(&item.node.history, item.record),
            "gap_ns": item.gap,
            "text": text,
            "record": record,
        });
        out.push_str(&line.to_string());
        out.push('\n');
    }
    out
}
