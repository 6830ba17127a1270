//! Starts and ends of the daemon as its log tells them.

use crate::history::{History, Run, Time};

/// A daemon starts: the run that the numbers showed began here, or a new one does.
pub(super) fn begin_run(history: &mut History, at: Time, pid: u32) {
    const SOON: i64 = 15_000_000_000;
    // Adverts may come some seconds after the start.
    let after = history
        .runs
        .iter()
        .skip(1)
        .position(|run| run.started >= at && run.started.since(at) <= SOON);
    if let Some(run) = after.and_then(|place| history.runs.get_mut(place + 1)) {
        (run.started, run.pid) = (at, pid);
        return;
    }
    let place = history.runs.iter().rposition(|run| run.started <= at);
    let Some(place) = place else {
        // Before the capture began: it is the run of the capture's beginning, unless another starts before that.
        if let Some(first) = history.runs.first_mut() {
            (first.started, first.pid) = (at, pid);
        }
        return;
    };
    let sent = history
        .sent
        .iter()
        .filter_map(|sent| sent.left)
        .filter(|left| *left < at)
        .max();
    let Some(run) = history.runs.get_mut(place) else {
        return;
    };
    let next = Run {
        started: at,
        pid,
        ..run.clone()
    };
    if run.ended.is_none() {
        run.ended = Some(sent.filter(|sent| *sent >= run.started).unwrap_or(at));
    }
    if sent.is_none_or(|sent| sent < run.started) && place == 0 {
        // Nothing of the node was seen before: the watch began before the daemon.
        if let Some(run) = history.runs.get_mut(place) {
            *run = next;
        }
        return;
    }
    history.runs.insert(place + 1, next);
}

pub(super) fn end_run(history: &mut History, at: Time) {
    let run = history.runs.iter_mut().rev().find(|run| run.started <= at);
    if let Some(run) = run {
        (run.ended, run.clean) = (Some(at), true);
    }
}
