//! Records for programs: one a line, with every stage.

use serde_json::{Value, json};
use vrrp_record::history::{Sequence, Time};

use super::people::words;
use super::{Item, Record, name};
use crate::commands::frame;

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
