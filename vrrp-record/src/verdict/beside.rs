//! What happens beside adverts and transitions: health, links, storage, timers, clocks and reloads.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each question looks for a few kinds of event; all others say nothing to it"
)]

use std::net::IpAddr;

use super::decided::before;
use super::faults::{script, tracker};
use super::own::own_lateness;
use super::view::{Draft, View, against, seen, signed, span};
use super::{Code, Confidence};
use crate::event::{InterfaceChange, Kind, ReloadOutcome, RunOutcome, TrackerState};
use crate::history::{Sequence, Time, Unit};
use crate::quantity::Plural;

pub(super) fn health(view: &View<'_>, at: Time, draft: &mut Draft) {
    let mut overran = None;
    let found = before(view, at, 100_000_000).find_map(|event| match &event.event.kind {
        Kind::Tracker {
            name,
            state: TrackerState::Bad | TrackerState::Expired,
            ..
        } => Some((Some(*name), None)),
        Kind::ScriptOverran { script, .. } => {
            overran = Some((*script, event.event.kind));
            None
        }
        Kind::ScriptRun {
            script, outcome, ..
        } if !matches!(
            outcome,
            RunOutcome::Exited { status: 0 } | RunOutcome::Started
        ) =>
        {
            Some((None, Some((*script, *outcome))))
        }
        _ => None,
    });
    match found {
        Some((Some(name), _)) => tracker(view, at, Some(name), draft),
        Some((None, Some((name, outcome)))) => script(name, Some(outcome), draft),
        _ => {}
    }
    if let Some((name, kind)) = overran {
        draft.find(
            Code::HealthScriptOverlap,
            Confidence::High,
            None,
            kind.to_string(),
            vec![seen(format!(
                "{name} ran past the time at which its next run was due"
            ))],
        );
    }
}

pub(super) fn link(view: &View<'_>, at: Time, draft: &mut Draft) {
    let gone = before(view, at, 60_000_000_000).find_map(|event| match &event.event.kind {
        Kind::Interface {
            interface,
            change: InterfaceChange::Vanished,
            ..
        } => Some((*interface, event.at)),
        _ => None,
    });
    if let Some((interface, vanished)) = gone {
        draft.find(
            Code::OpsNamespaceReplaced,
            Confidence::High,
            None,
            format!(
                "{interface} was deleted and made again {} later",
                span(at.since(vanished))
            ),
            vec![seen(
                "the kernel told of a new interface with the same name",
            )],
        );
    }
}

/// News of the kernel that came faster than they were read.
pub(super) fn news(view: &View<'_>, at: Time, draft: &mut Draft) {
    for event in before(view, at, 0) {
        if let Kind::NewsLost {
            took_ms,
            differences,
        } = &event.event.kind
        {
            draft.find(
                Code::HealthNetlinkOverrun,
                Confidence::High,
                None,
                event.event.kind.to_string(),
                vec![seen(format!(
                    "the kernel reported ENOBUFS; asking again for everything took {took_ms} ms and showed {}",
                    Plural(u64::from(*differences), "difference")
                ))],
            );
        }
    }
}

pub(super) fn storage(view: &View<'_>, (from, until): (Time, Time), draft: &mut Draft) {
    let stalled = view.moved(Unit::PressureIo, 0, from, until);
    let busy = view.moved_any(Unit::DeviceBusy, from, until);
    let worst = view
        .sent(from, until)
        .filter_map(|sent| sent.left.or(sent.woke).map(|at| at.since(sent.due)))
        .max();
    let (Some(stalled), Some(worst)) = (stalled, worst) else {
        draft.lacks("adverts or I/O pressure of that time");
        return;
    };
    if !stalled.stands_out() || worst >= view.late() {
        own_lateness(view, from, until, draft);
        return;
    }
    let mut evidence = vec![against(
        format!(
            "all tasks waited for I/O for {} of {}",
            span(signed(stalled.by)),
            span(until.since(from))
        ),
        stalled.usual.map(|usual| span(signed(usual)).to_string()),
    )];
    if let Some(busy) = busy {
        evidence.push(seen(format!(
            "block devices were busy for {}",
            span(signed(busy.by))
        )));
    }
    draft.find(
        Code::HostIoStallHarmless,
        Confidence::High,
        None,
        format!(
            "io stalled {}, adverts unaffected (worst {})",
            span(signed(stalled.by)),
            span(worst)
        ),
        evidence,
    );
}

pub(super) fn floor(view: &View<'_>, (from, until): (Time, Time), draft: &mut Draft) {
    let mut late: Vec<i64> = view
        .sent(from, until)
        .filter_map(|sent| sent.woke.map(|woke| woke.since(sent.due)))
        .collect();
    late.sort_unstable();
    let (Some(least), Some(middle)) = (late.first(), late.get(late.len() / 2)) else {
        return;
    };
    let slack = view
        .stalls(from, until)
        .filter_map(|stall| stall.timer_slack)
        .max()
        .map(signed);
    let text = format!(
        "{} adverts were all at least {} late, half of them {} or more",
        late.len(),
        span(*least),
        span(*middle)
    );
    match slack.filter(|slack| *slack * 2 >= *least && *slack >= 1_000_000) {
        Some(slack) => draft.find(
            Code::HostCoarseTimer,
            Confidence::High,
            None,
            format!(
                "wake floor {}: timer slack of this thread is {}",
                span(*least),
                span(slack)
            ),
            vec![seen(text)],
        ),
        None => {
            draft.saw(text);
            draft.unknown = Some(format!("every wake-up is at least {} late", span(*least)));
            draft.lacks("timer slack and clock source at these wake-ups");
        }
    }
}

pub(super) fn thin(view: &View<'_>, (from, until): (Time, Time), draft: &mut Draft) {
    let heard: Vec<_> = view.received(from, until).collect();
    let gaps: Vec<i64> = heard
        .windows(2)
        .filter(|pair| pair[0].from == pair[1].from)
        .map(|pair| pair[1].at().since(pair[0].at()))
        .collect();
    let (Some(last), Some(longest)) = (heard.last(), gaps.iter().max()) else {
        return;
    };
    let Some(router) = view.settings() else {
        return;
    };
    let learned = router.down_interval(Some(last.interval), router.priority);
    let advertised = signed(last.interval);
    let expected = signed(router.interval);
    let margin = signed(learned) - longest;
    if advertised != expected || router.version == 2 {
        draft.find(
            Code::IngressTimerShort,
            Confidence::Medium,
            None,
            format!(
                "margin shrinks to {} each cycle: {} advertises {} and sends every {}, we expect {}",
                span(margin.max(0)),
                last.from,
                span(advertised),
                span(*longest),
                span(expected)
            ),
            vec![seen(format!("{} gaps of up to {}", gaps.len(), span(*longest)))],
        );
    } else {
        draft.unknown = Some(format!(
            "{} sends every {} and says {}",
            last.from,
            span(*longest),
            span(advertised)
        ));
    }
}

pub(super) fn duplicates(view: &View<'_>, (from, until): (Time, Time), draft: &mut Draft) {
    let mut senders: Vec<(IpAddr, u64)> = Vec::new();
    let mut last: Option<&crate::history::Received> = None;
    for one in view.received(from, until) {
        if repeats(view, last.replace(one), one) {
            match senders.iter_mut().find(|known| known.0 == one.from) {
                Some(known) => known.1 += 1,
                None => senders.push((one.from, 1)),
            }
        }
    }
    for (sender, count) in senders {
        draft.find(
            Code::PathDuplicated,
            Confidence::High,
            None,
            format!("{count} duplicates or stragglers from {sender} (two paths?)"),
            vec![against(
                format!("{count} numbers not above the last"),
                Some(String::from("none")),
            )],
        );
    }
}

/// Whether an advert repeats another: behind in a trusted sequence, or the same number at once.
pub(super) fn repeats(
    view: &View<'_>,
    before_it: Option<&crate::history::Received>,
    one: &crate::history::Received,
) -> bool {
    one.sequence == Sequence::Repeated
        || before_it.is_some_and(|last| {
            (last.from, last.id, last.priority) == (one.from, one.id, one.priority)
                && one.id.is_some_and(|id| id != 0)
                && one.at().since(last.at()) < view.interval() / 4
        })
}

pub(super) fn clock(view: &View<'_>, at: Time, draft: &mut Draft) {
    let (Some(old), Some(new)) = (
        view.value(Unit::WallClock, 0, at.plus(-1)),
        view.value(Unit::WallClock, 0, at),
    ) else {
        return;
    };
    let step = new.wrapping_sub(old).cast_signed();
    let sign = if step < 0 { '-' } else { '+' };
    draft.find(
        Code::OpsClockStep,
        Confidence::High,
        None,
        format!(
            "wall clock stepped {sign}{}; no timer affected",
            span(step.saturating_abs())
        ),
        vec![against(
            format!(
                "CLOCK_REALTIME - CLOCK_MONOTONIC changed by {sign}{}",
                span(step.saturating_abs())
            ),
            Some(String::from("unchanged")),
        )],
    );
}

pub(super) fn reload(view: &View<'_>, at: Time, draft: &mut Draft) {
    let outcome = before(view, at, 1_000_000_000).find_map(|event| match &event.event.kind {
        Kind::Reload {
            outcome: outcome @ ReloadOutcome::Applied { .. },
        } => Some(*outcome),
        _ => None,
    });
    if let Some(outcome) = outcome {
        draft.find(
            Code::OpsReload,
            Confidence::High,
            None,
            outcome.to_string(),
            vec![seen("the configuration was applied")],
        );
    }
}
