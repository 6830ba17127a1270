//! When an instance sends and takes over: interval, preemption.

use std::time::Duration;

use vrrp_proto::units::{AdvertInterval, Priority, Version};

use super::Context;
use super::instance::InstanceDraft;
use super::value::micros;

/// Whether the router preempts, and after what delay.
pub(super) fn preempt(
    draft: &InstanceDraft,
    priority: Priority,
    master: bool,
    strict: bool,
    context: &mut Context<'_>,
) -> (bool, Duration) {
    let mut nopreempt = draft.nopreempt;
    if priority.is_owner()
        && let Some(span) = nopreempt.take()
    {
        let message =
            "nopreempt has no effect with priority 255 and is dropped: the owner always preempts";
        context.complain(span, message, "use a priority up to 254");
    }
    if master {
        nopreempt = None;
    }
    let delay = draft.preempt_delay.as_ref().filter(|set| set.value > 0);
    let Some(delay) = delay else {
        return (nopreempt.is_none(), Duration::ZERO);
    };
    let contradiction = if strict {
        Some("strict mode")
    } else if nopreempt.is_some() {
        Some("nopreempt")
    } else if master {
        Some("state MASTER")
    } else {
        None
    };
    match contradiction {
        None => (nopreempt.is_none(), micros(delay.value)),
        Some(reason) => {
            let message = format!("preempt_delay does not go with {reason} and is dropped");
            context.complain(
                delay.span,
                message,
                "remove one of the two; a delay needs 'state BACKUP'",
            );
            (nopreempt.is_none(), Duration::ZERO)
        }
    }
}

/// keepalived's rounding: version 2 to whole seconds, half up and at least one; version 3 to centiseconds, up to 40.95 s.
pub(super) fn interval(
    draft: &InstanceDraft,
    version: Version,
    context: &mut Context<'_>,
) -> AdvertInterval {
    let Some(set) = &draft.interval else {
        return AdvertInterval::DEFAULT;
    };
    let (unit, centis_of_unit, help) = match version {
        Version::V2 => (
            1_000_000,
            100,
            "version 2 has whole seconds; write 'version 3' for shorter intervals",
        ),
        Version::V3 => (10_000, 1, "write a multiple of 0.01 up to 40.95"),
    };
    let rounded = ((set.value + unit / 2) / unit).max(1) * unit;
    let limit = if version == Version::V3 {
        40_950_000
    } else {
        255_000_000
    };
    let used = rounded.min(limit);
    let centis = u16::try_from(used / unit * centis_of_unit).unwrap_or(u16::MAX);
    let interval = AdvertInterval::from_centis(centis).unwrap_or(AdvertInterval::DEFAULT);
    if used != set.value {
        let message = format!(
            "this advert_int does not go on the wire; {} s is used",
            Seconds(interval)
        );
        context.complain(set.span, message, help);
    }
    interval
}

struct Seconds(AdvertInterval);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let centis = self.0.as_centis();
        if centis.is_multiple_of(100) {
            write!(f, "{}", centis / 100)
        } else {
            write!(f, "{}.{:02}", centis / 100, centis % 100)
        }
    }
}
