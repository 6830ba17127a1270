//! Runs that ended: cleanly, with a crash, or with the machine.

use super::view::{Draft, View, seen, span};
use super::{Code, Confidence};
use crate::event::Kind;
use crate::history::{Run, Time, Unit};

/// Runs that ended without goodbye in a window.
pub(super) fn ends(view: &View<'_>, from: Time, until: Time, draft: &mut Draft) {
    for (position, run) in view.history.runs.iter().enumerate() {
        let Some(ended) = run.ended.filter(|_| !run.clean) else {
            continue;
        };
        if ended >= from.plus(-view.interval() * 2) && ended <= until {
            end(view, run, ended, view.history.runs.get(position + 1), draft);
        }
    }
}

/// What came before the run that began at a time.
pub(super) fn beginning(view: &View<'_>, started: Time, draft: &mut Draft) {
    let runs = &view.history.runs;
    let Some(position) = runs
        .iter()
        .position(|run| run.started.since(started).abs() < 5_000_000_000)
        .filter(|position| *position > 0)
    else {
        draft.unknown = Some(String::from(
            "how the run before ended is not in the records",
        ));
        return;
    };
    let (before, now) = (&runs[position - 1], &runs[position]);
    let ended = before.ended.unwrap_or(before.started);
    if before.clean {
        draft.find(
            Code::SenderStoppedCleanly,
            Confidence::High,
            None,
            format!("the run before (pid {}) ended with its goodbye", before.pid),
            vec![seen("its records are complete to the end")],
        );
        return;
    }
    end(view, before, ended, Some(now), draft);
    for event in &view.history.events {
        if event.at.since(started).abs() <= 10_000_000_000
            && let Kind::AddressLeftOver { interface, address } = &event.event.kind
        {
            draft.saw(format!(
                "{address} was left on {interface} and is removed now"
            ));
        }
    }
}

fn end(view: &View<'_>, run: &Run, ended: Time, next: Option<&Run>, draft: &mut Draft) {
    if let Some(next) = next
        && !next.boot_id.is_empty()
        && !run.boot_id.is_empty()
        && next.boot_id != run.boot_id
    {
        draft.find(
            Code::OpsRebooted,
            Confidence::High,
            None,
            format!(
                "node rebooted, {} between the runs",
                span(next.started.since(ended))
            ),
            vec![seen("the boot id changed between the two runs")],
        );
        return;
    }
    let killed = view
        .moved_any(Unit::OutOfMemoryKills, ended.plus(-5_000_000_000), ended)
        .filter(|moved| moved.stands_out());
    let back = next.map_or_else(
        || String::from("not started again yet"),
        |next| format!("started again {} later", span(next.started.since(ended))),
    );
    // A log on a console names no process.
    let who = match run.pid {
        0 => String::from("the daemon"),
        pid => format!("the daemon (pid {pid})"),
    };
    let mut evidence = vec![seen(format!("the last record of {who} is no goodbye"))];
    let why = killed.map_or("", |_| " (killed for lack of memory)");
    if let Some(moved) = killed {
        evidence.push(seen(format!(
            "out-of-memory kills in its control group +{}",
            moved.by
        )));
    }
    draft.find(
        Code::SenderCrashed,
        Confidence::High,
        None,
        format!("{who} ended without goodbye{why}, {back}"),
        evidence,
    );
}
