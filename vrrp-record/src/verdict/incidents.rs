//! Finding what wants an explanation. Names no cause.

use super::{Happening, Incident};
use crate::event::Kind;
use crate::history::{History, Time};

/// Everything on this node that wants an explanation, by time.
#[must_use]
pub fn incidents(history: &History) -> Vec<Incident> {
    let mut found = transitions(history);
    found.sort_by_key(|incident| (incident.at, incident.router));
    found
}

/// Position of the router of that name.
pub(super) fn position(history: &History, name: &str) -> Option<u16> {
    let position = history
        .routers
        .iter()
        .position(|router| router.name == name)?;
    u16::try_from(position).ok()
}

/// Silence after which a Backup of this router takes over, in nanoseconds (RFC 9568 §6.1); of version 2 as RFC 3768.
pub(super) fn down_interval(history: &History, router: u16, interval: Option<u64>) -> u64 {
    let Some(router) = history.routers.get(usize::from(router)) else {
        return 3_600_000_000;
    };
    let interval = interval.unwrap_or(router.interval);
    let base = if router.version == 2 {
        1_000_000_000
    } else {
        interval
    };
    let skew = (256 - u64::from(router.priority)) * base / 256;
    u64::from(router.down_adverts) * interval + skew
}

fn transitions(history: &History) -> Vec<Incident> {
    let mut found = Vec::new();
    for numbered in &history.events {
        let Kind::Transition {
            router,
            from,
            to,
            number,
            ..
        } = &numbered.event.kind
        else {
            continue;
        };
        let router = position(history, router.as_str());
        let window = router.map_or(4_000_000_000, |router| down_interval(history, router, None));
        found.push(Incident {
            what: Happening::Transition {
                old: *from,
                new: *to,
            },
            router,
            number: Some(*number).filter(|number| *number != 0),
            from: Time(
                numbered
                    .at
                    .0
                    .saturating_sub(i64::try_from(window).unwrap_or(i64::MAX)),
            ),
            at: numbered.at,
            until: numbered.at,
        });
    }
    found
}
