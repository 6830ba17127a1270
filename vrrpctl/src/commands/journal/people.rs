//! Records as sentences.

use vrrp_record::history::{Received, Sent, Sequence, Stall, Time};
use vrrp_record::quantity::Errno;

use super::{Item, Record, name};
use crate::Output;
use crate::commands::frame;
use crate::commands::peers::reason;
use crate::render::table::hanging;
use crate::render::{Paint, time};

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

/// How long after `due` a stage was, where it is known.
fn after(stage: Option<Time>, before: Time) -> Option<String> {
    stage.map(|stage| {
        time::nanos(u64::try_from(stage.since(before)).unwrap_or_default()).to_string()
    })
}

/// One record as words, and how it should look.
pub(super) fn words(item: &Item<'_>) -> (&'static str, String, Paint) {
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

pub(crate) fn stall_words(stall: &Stall) -> String {
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
