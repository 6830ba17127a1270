//! Finding what wants an explanation. Names no cause.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each question looks for a few kinds of event; all others say nothing to it"
)]

use super::adverts::{
    floors, near_failovers, nobody_heard, received, rejected, sent, thin_margins, two_active,
};
use super::plane::{claimed, throttled, unannounced};
use super::view::{View, signed};
use super::{Happening, Incident};
use crate::event::{InterfaceChange, Kind, ReloadOutcome, RunOutcome, TrackerState};
use crate::history::{History, Numbered, Time, Unit};

/// Anomalies closer together than this are one.
pub(super) const TOGETHER: i64 = 10_000_000_000;
/// Numbers of different runs may be the same; of one story they are this close.
const ONE_STORY: i64 = 120_000_000_000;

/// Everything on this node that wants an explanation, by time.
#[must_use]
pub fn incidents(history: &History) -> Vec<Incident> {
    let mut found = from_events(history);
    let mut seen = Vec::new();
    for router in 0..u16::try_from(history.routers.len()).unwrap_or(u16::MAX) {
        let view = View {
            history,
            router: Some(router),
            as_of: Time(i64::MAX),
        };
        near_failovers(&view, &mut seen);
        sent(&view, &mut seen);
        received(&view, &mut seen);
        rejected(&view, &mut seen);
        two_active(&view, &mut seen);
        claimed(&view, &mut seen);
        throttled(&view, &mut seen);
        let two = seen.clone();
        unannounced(&view, &two, &mut seen);
        nobody_heard(&view, &mut seen);
        floors(&view, &mut seen);
        thin_margins(&view, &mut seen);
    }
    storage(history, &mut seen);
    clock_steps(history, &mut seen);
    // What a near failover or a transition explains, and what an event tells, is told once.
    let near: Vec<Incident> = seen
        .iter()
        .filter(|one| matches!(one.what, Happening::NearFailover { .. }))
        .copied()
        .collect();
    seen.retain(|one| {
        !matches!(one.what, Happening::Anomaly { .. })
            || !near.iter().any(|known| {
                known.router == one.router && known.from <= one.until && one.from <= known.until
            })
    });
    match_near(&mut found, &mut seen);
    seen.retain(|one| !found.iter_mut().any(|known| covers(known, one)));
    found.append(&mut seen);
    found.sort_by_key(|incident| (incident.at, incident.router));
    found
}

/// Gives each near failover that was told the measured gap that ended when it was told. Several in a row are several.
fn match_near(found: &mut [Incident], seen: &mut Vec<Incident>) {
    const SLACK: i64 = 2_000_000_000;
    let sender = |one: &Incident| match one.what {
        Happening::NearFailover { sender, .. } => Some(sender),
        _ => None,
    };
    let mut pairs: Vec<(i64, usize, usize)> = Vec::new();
    for (place, known) in found.iter().enumerate() {
        let Some(of) = sender(known) else { continue };
        for (other, gap) in seen.iter().enumerate() {
            let apart = known.at.since(gap.until).abs();
            if sender(gap) == Some(of) && gap.router == known.router && apart <= SLACK {
                pairs.push((apart, place, other));
            }
        }
    }
    pairs.sort_unstable();
    let (mut told, mut taken) = (vec![false; found.len()], vec![false; seen.len()]);
    for (_, place, other) in pairs {
        if !told[place] && !taken[other] {
            (told[place], taken[other]) = (true, true);
            let gap = seen[other];
            let known = &mut found[place];
            (known.what, known.from, known.until) = (gap.what, gap.from, gap.until);
        }
    }
    let mut taken = taken.into_iter();
    seen.retain(|_| !taken.next().unwrap_or_default());
}

/// Whether an incident known from its event is the other one; then the event's number stands for what was measured.
fn covers(known: &mut Incident, other: &Incident) -> bool {
    if known.router.is_some() && other.router.is_some() && known.router != other.router {
        return false;
    }
    let slack = 2_000_000_000;
    let overlap = known.from.plus(-slack) <= other.until && other.from <= known.until.plus(slack);
    if !overlap {
        return false;
    }
    match (known.what, other.what) {
        (
            Happening::Transition { .. },
            Happening::NearFailover { .. }
            | Happening::Anomaly { .. }
            | Happening::TwoActive { .. },
        ) => known.router == other.router,
        (Happening::Anomaly { anomaly: a }, Happening::Anomaly { anomaly: b }) if a == b => {
            known.from = known.from.min(other.from);
            known.until = known.until.max(other.until);
            true
        }
        (a, b) => a == b,
    }
}

fn position(history: &History, name: &str) -> Option<u16> {
    let position = history
        .routers
        .iter()
        .position(|router| router.name == name)?;
    u16::try_from(position).ok()
}

/// The down interval of a router with its own settings.
fn window(history: &History, router: Option<u16>) -> i64 {
    router
        .and_then(|router| history.routers.get(usize::from(router)))
        .map_or(4_000_000_000, |router| {
            signed(router.down_interval(None, router.priority))
        })
}

/// A router's transition at a time, without looking for anything else.
pub(super) fn transition_at(history: &History, router: u16, at: Time) -> Option<Incident> {
    let name = history.routers.get(usize::from(router))?.name.as_str();
    history
        .events
        .iter()
        .find_map(|numbered| match &numbered.event.kind {
            Kind::Transition {
                router: of,
                from,
                to,
                ..
            } if numbered.at == at && of.as_str() == name => {
                let what = Happening::Transition {
                    old: *from,
                    new: *to,
                };
                let router = Some(router);
                Some(told(numbered, what, router, window(history, router)))
            }
            _ => None,
        })
}

fn told(numbered: &Numbered, what: Happening, router: Option<u16>, length: i64) -> Incident {
    Incident {
        what,
        router,
        number: numbered.event.kind.number(),
        from: numbered.at.plus(-length),
        at: numbered.at,
        until: numbered.at,
    }
}

fn from_events(history: &History) -> Vec<Incident> {
    let mut found: Vec<Incident> = Vec::new();
    for numbered in &history.events {
        let kind = &numbered.event.kind;
        let router = kind
            .router()
            .and_then(|name| position(history, name.as_str()));
        let at = numbered.at;
        let length = window(history, router);
        let (what, length) = match kind {
            Kind::Transition { from, to, .. } => (
                Happening::Transition {
                    old: *from,
                    new: *to,
                },
                length,
            ),
            Kind::NearFailover {
                from,
                gap_ms,
                limit_ms,
                ..
            } => {
                let gap = gap_ms.saturating_mul(1_000_000);
                let limit = limit_ms.saturating_mul(1_000_000);
                let sender = *from;
                (Happening::NearFailover { sender, gap, limit }, signed(gap))
            }
            Kind::Anomaly { what, .. } => (Happening::Anomaly { anomaly: *what }, length),
            // What a crash left behind is told with the crash.
            Kind::AddressLeftOver { .. } if after_crash(history, at) => continue,
            Kind::AddressRemoved { .. }
            | Kind::AddressesLost { .. }
            | Kind::AddressLeftOver { .. }
            | Kind::AddressAdded { .. }
            | Kind::AddressRefused { .. } => (Happening::Addresses, 0),
            Kind::NewsLost { .. } => (Happening::NewsLost, 0),
            Kind::ScriptOverran { .. } => (Happening::Health, 0),
            Kind::Tracker {
                state: TrackerState::Bad | TrackerState::Expired,
                ..
            } => (Happening::Health, 0),
            Kind::ScriptRun { outcome, .. }
                if !matches!(
                    outcome,
                    RunOutcome::Exited { status: 0 } | RunOutcome::Started
                ) =>
            {
                (Happening::Health, 0)
            }
            Kind::Interface {
                change: InterfaceChange::Appeared,
                ..
            } if vanished_before(history, kind, at) => (Happening::Link, 0),
            Kind::OwnAddressHeard { .. } => (Happening::OwnAddressHeard, length),
            Kind::Reload {
                outcome: ReloadOutcome::Applied { .. },
            } => (Happening::Reload, 0),
            Kind::PreviousRun { clean: false, .. } => (Happening::Restart, 0),
            _ => continue,
        };
        // The same trouble again and again is one incident.
        let repeats = found.iter_mut().rev().take(8).find(|known| {
            known.what == what
                && known.router == router
                && matches!(
                    what,
                    Happening::Addresses | Happening::Health | Happening::OwnAddressHeard
                )
                && at.since(known.until) <= TOGETHER
        });
        if let Some(known) = repeats {
            known.until = at;
            continue;
        }
        let incident = told(numbered, what, router, length);
        // An anomaly that turned out to be a near failover has one number.
        let anomaly = found.iter_mut().rev().take(8).find(|known| {
            matches!(known.what, Happening::Anomaly { .. })
                && matches!(what, Happening::NearFailover { .. })
                && (known.router, known.number) == (router, incident.number)
                && at.since(known.at) <= ONE_STORY
        });
        match anomaly {
            Some(known) => {
                *known = Incident {
                    from: known.from.min(incident.from),
                    ..incident
                }
            }
            None => found.push(incident),
        }
    }
    found
}

/// Whether the daemon has just started after a run without goodbye.
fn after_crash(history: &History, at: Time) -> bool {
    history.events.iter().any(|event| {
        at.since(event.at).abs() <= TOGETHER
            && matches!(event.event.kind, Kind::PreviousRun { clean: false, .. })
    })
}

fn vanished_before(history: &History, kind: &Kind, at: Time) -> bool {
    let Kind::Interface { interface, .. } = kind else {
        return false;
    };
    history.events.iter().any(|event| {
        event.at < at
            && at.since(event.at) <= 60_000_000_000
            && matches!(&event.event.kind, Kind::Interface { interface: other, change: InterfaceChange::Vanished, .. } if other == interface)
    })
}

/// All tasks waiting for I/O for more than half of ten seconds.
fn storage(history: &History, found: &mut Vec<Incident>) {
    const WINDOW: i64 = 10_000_000_000;
    let mut begin: Option<(Time, u64)> = None;
    let mut open: Option<(Time, Time)> = None;
    let pressure = history
        .samples
        .iter()
        .filter(|sample| sample.unit == Unit::PressureIo && sample.object == 0);
    for sample in pressure {
        let Some((from, value)) = begin else {
            begin = Some((sample.at, sample.value));
            continue;
        };
        if sample.at.since(from) < WINDOW {
            continue;
        }
        let stalled = signed(sample.value.saturating_sub(value));
        if stalled * 2 >= sample.at.since(from) {
            match &mut open {
                Some((_, until)) if *until == from => *until = sample.at,
                _ => {
                    push_storage(open.take(), found);
                    open = Some((from, sample.at));
                }
            }
        }
        begin = Some((sample.at, sample.value));
    }
    push_storage(open, found);
}

fn push_storage(window: Option<(Time, Time)>, found: &mut Vec<Incident>) {
    if let Some((from, until)) = window {
        found.push(Incident {
            what: Happening::StorageStall,
            router: None,
            number: None,
            from,
            at: from,
            until,
        });
    }
}

fn clock_steps(history: &History, found: &mut Vec<Incident>) {
    let mut last: Option<(u64, Time)> = None;
    for sample in history
        .samples
        .iter()
        .filter(|sample| sample.unit == Unit::WallClock)
    {
        if let Some((value, _)) = last {
            let step = sample.value.wrapping_sub(value).cast_signed();
            if step.saturating_abs() >= 100_000_000 {
                found.push(Incident {
                    what: Happening::ClockStep,
                    router: None,
                    number: None,
                    from: sample.at,
                    at: sample.at,
                    until: sample.at,
                });
            }
        }
        last = Some((sample.value, sample.at));
    }
}
