//! Gratuitous ARP and unsolicited NA: counts and times.

use super::Context;
use crate::plan::AnnouncePlan;
use crate::toml::schema::Announce;

/// The longest time and gap, in microseconds.
const LONGEST: u64 = 4_294_967_295;
const MOST: i64 = 1000;
/// keepalived's longest period of refresh, in microseconds: hours are usual.
const LONGEST_REFRESH: u64 = 4_294_967_295_000_000;

/// Announcements; profile rfc9568 has one round at once and one two seconds later, keepalived five and five after 5 s.
pub(super) fn lower(announce: &Announce, context: &mut Context<'_, '_>) -> AnnouncePlan {
    let rfc = context.is_rfc();
    let (delay, repeat, lower_delay) = if rfc {
        (2_000_000, 1, 0)
    } else {
        (5_000_000, 5, 5_000_000)
    };
    AnnouncePlan {
        delay: context.time(announce.delay.as_ref(), "delay", 0..=LONGEST, delay),
        repeat: context.number(announce.repeat.as_ref(), "repeat", 1..=MOST, repeat),
        refresh: context.time(announce.refresh.as_ref(), "refresh", 0..=LONGEST_REFRESH, 0),
        refresh_repeat: context.number(
            announce.refresh_repeat.as_ref(),
            "refresh_repeat",
            1..=MOST,
            1,
        ),
        lower_delay: context.time(
            announce.lower_delay.as_ref(),
            "lower_delay",
            0..=LONGEST,
            lower_delay,
        ),
        lower_repeat: context.number(
            announce.lower_repeat.as_ref(),
            "lower_repeat",
            0..=MOST,
            repeat,
        ),
        arp_interval: context.time(
            announce.arp_interval.as_ref(),
            "arp_interval",
            0..=LONGEST,
            0,
        ),
        na_interval: context.time(announce.na_interval.as_ref(), "na_interval", 0..=LONGEST, 0),
        arp_target_broadcast: announce.arp_target_broadcast.unwrap_or(!rfc),
        na_router_flag: announce.na_router_flag.unwrap_or(rfc),
    }
}
