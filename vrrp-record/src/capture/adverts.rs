//! One router's adverts of a capture, in order of time: which are the node's own, which it heard, which it must refuse;
//! with the due times that the own ones show, and the states that follow.

use std::net::IpAddr;

use vrrp_proto::wire::Discard;

use super::decode::Seen;
use super::node::Node;
use crate::history::{Received, Rejected, Sent, Time};
use crate::infer::{Role, Spoken, Told};
use crate::sequence::SequenceWatch;
use crate::words::Word;

/// Copies of one unicast advert leave within this time.
const COPIES: i64 = 50_000_000;

/// What one router's adverts come to.
#[derive(Debug, Default)]
pub(super) struct Adverts {
    pub(super) sent: Vec<Sent>,
    pub(super) received: Vec<Received>,
    pub(super) rejected: Vec<Rejected>,
    pub(super) told: Vec<Told>,
    /// Own adverts: number, time, interval and priority, for telling restarts.
    pub(super) own: Vec<Own>,
}

/// An own advert as restarts are told from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Own {
    pub(super) at: Time,
    pub(super) id: u16,
    pub(super) interval: u64,
    pub(super) priority: u8,
}

impl Own {
    /// Whether the numbers of an advert behind this one start anew after a goodbye or a silence: a reload does that without
    /// either, and the number behind the largest is 1 too.
    pub(super) fn restarted(&self, at: Time, id: Option<u32>) -> bool {
        let silent = self.silent(at, 5, 2) && self.id != u16::MAX;
        id == Some(1) && (self.priority == 0 || silent)
    }

    /// Nothing for more than `times / per` intervals.
    pub(super) fn silent(&self, at: Time, times: i64, per: i64) -> bool {
        let interval = i64::try_from(self.interval).unwrap_or(i64::MAX);
        at.since(self.at) > interval.saturating_mul(times) / per
    }
}

/// What a receiver with the settings of `own` compares.
struct Settings {
    version: u8,
    interval: u64,
    auth: (u8, [u8; 8]),
    addresses: Vec<IpAddr>,
}

impl Settings {
    fn of(own: &Seen) -> Self {
        let mut addresses = own.addresses.clone();
        addresses.sort_unstable();
        Self {
            version: own.version,
            interval: own.interval,
            auth: own.auth,
            addresses,
        }
    }

    /// The check that refuses an advert, with what it compares.
    fn refuses(&self, seen: &Seen, lists_count: bool) -> Option<(Discard, u32, u32)> {
        if seen.version != self.version {
            let pair = (u32::from(seen.version), u32::from(self.version));
            return Some((Discard::Version, pair.0, pair.1));
        }
        if self.version == 2 {
            if seen.auth.0 != self.auth.0 {
                let pair = (u32::from(seen.auth.0), u32::from(self.auth.0));
                return Some((Discard::AuthTypeMismatch, pair.0, pair.1));
            }
            if seen.auth.0 == 1 && !seen.cut && seen.auth.1 != self.auth.1 {
                return Some((Discard::AuthFailed, 0, 0));
            }
            if seen.interval != self.interval {
                let ms = |interval: u64| u32::try_from(interval / 1_000_000).unwrap_or(u32::MAX);
                let pair = (ms(seen.interval), ms(self.interval));
                return Some((Discard::IntervalMismatch, pair.0, pair.1));
            }
        }
        if lists_count && self.is_other_list(seen) {
            return Some((Discard::AddrList, 0, 0));
        }
        None
    }

    fn is_other_list(&self, seen: &Seen) -> bool {
        if seen.cut || self.addresses.is_empty() {
            return false;
        }
        let mut theirs = seen.addresses.clone();
        theirs.sort_unstable();
        theirs != self.addresses
    }
}

/// Sorts out the adverts of one router.
pub(super) fn sort_out(router: u16, seen: &[&Seen], node: &Node, began: Time) -> Adverts {
    let mut out = Adverts::default();
    let mut settings = seen
        .iter()
        .find(|one| node.sent(one) && !one.cut)
        .map(|one| Settings::of(one));
    let lists_count = settings
        .as_ref()
        .is_some_and(|settings| refuses_other_lists(seen, node, settings));
    let mut role = Role::new(began);
    let mut sequences: Vec<(IpAddr, SequenceWatch)> = Vec::new();
    for one in seen {
        let spoken = Spoken {
            at: one.at,
            from: one.source,
            priority: one.priority,
            interval: one.interval,
        };
        if node.sent(one) {
            if !one.cut {
                settings = Some(Settings::of(one));
            }
            let restarted = |before: &Own| before.restarted(one.at, one.id);
            if out.own.last().is_some_and(restarted) {
                role.restart(one.at, &mut out.told);
            }
            let before = out.told.len();
            role.spoke(spoken, &mut out.told);
            let takes_over = out
                .told
                .iter()
                .skip(before)
                .any(|told| matches!(told, Told::Changed { to, .. } if *to == Word::Master));
            send(router, one, takes_over, &mut out);
            continue;
        }
        if !node.heeds(one) {
            continue;
        }
        let looped = node.addresses().contains(&one.source);
        let refusal = if looped {
            Some((Discard::OwnSource, 0, 0))
        } else {
            one.flaw.or_else(|| {
                settings
                    .as_ref()
                    .and_then(|settings| settings.refuses(one, lists_count))
            })
        };
        if let Some((reason, value, expected)) = refusal {
            reject(router, one, reason, (value, expected), &mut out);
            continue;
        }
        role.heard(spoken, &mut out.told);
        let watch = match sequences.iter_mut().find(|watch| watch.0 == one.source) {
            Some((_, watch)) => watch,
            None => {
                sequences.push((one.source, SequenceWatch::default()));
                let Some((_, watch)) = sequences.last_mut() else {
                    continue;
                };
                watch
            }
        };
        out.received.push(Received {
            router,
            from: one.source,
            id: one.id.and_then(|id| u16::try_from(id).ok()),
            priority: one.priority,
            interval: one.interval,
            arrived: Some(one.at),
            read: one.at,
            sequence: watch.note(one.source, one.id),
            mac: one.mac,
            dropped: 0,
            foreign: None,
        });
    }
    if let Some(last) = seen.last() {
        role.pass(last.at.plus(60_000_000_000), &mut out.told);
    }
    out
}

/// Whether the node's daemon refuses adverts with other addresses: versions differ in it. It does where it speaks on in
/// spite of them.
fn refuses_other_lists(seen: &[&Seen], node: &Node, settings: &Settings) -> bool {
    let (mut spoke_on, mut fell_silent) = (0_u32, 0_u32);
    let mut stronger: Option<&Seen> = None;
    let mut own: Option<&Seen> = None;
    for one in seen {
        if node.sent(one) {
            if stronger.take().is_some() {
                spoke_on += 1;
            }
            own = Some(one);
        } else if settings.is_other_list(one)
            && own.is_some_and(|own| one.priority > own.priority)
            && stronger.replace(one).is_some()
        {
            fell_silent += 1;
        }
    }
    spoke_on > fell_silent
}

fn reject(
    router: u16,
    seen: &Seen,
    reason: Discard,
    (value, expected): (u32, u32),
    out: &mut Adverts,
) {
    let reason = u8::try_from(reason.index()).unwrap_or(u8::MAX);
    out.rejected.push(Rejected {
        router,
        from: seen.source,
        reason,
        priority: Some(seen.priority),
        value,
        expected,
        at: seen.at,
        more: 0,
    });
}

/// An own advert, or one more copy of it.
fn send(router: u16, seen: &Seen, takes_over: bool, out: &mut Adverts) {
    let id = seen
        .id
        .and_then(|id| u16::try_from(id).ok())
        .unwrap_or_default();
    if let (Some(last), Some(own)) = (out.sent.last_mut(), out.own.last()) {
        let soon = last.left.is_some_and(|left| seen.at.since(left) < COPIES);
        let copy = !seen.destination.is_multicast()
            && soon
            && last.priority == seen.priority
            && (own.id == id || own.id.wrapping_add(1) == id)
            && i64::try_from(own.interval).is_ok_and(|interval| interval > 2 * COPIES);
        if copy {
            last.copies = last.copies.saturating_add(1);
            last.copies_accepted = last.copies;
            return;
        }
    }
    let (due, skipped) = due(seen, out.own.last().filter(|_| !takes_over));
    out.own.push(Own {
        at: seen.at,
        id,
        interval: seen.interval,
        priority: seen.priority,
    });
    out.sent.push(Sent {
        router,
        id,
        priority: seen.priority,
        copies: 1,
        copies_accepted: 1,
        due,
        woke: None,
        submitted: None,
        accepted: None,
        queued: None,
        left: Some(seen.at),
        taken: None,
        held_bytes: 0,
        errno: None,
        skipped,
        ambiguous: false,
        settled: true,
    });
}

/// When an own advert was due: one interval after the one before, or when it left, if that was earlier. keepalived plans
/// from the advert that left; a sender with a fixed grid is early after a late one, and then not late.
///
/// A goodbye is never late, nor is the first advert of an Active or of a restarted daemon.
fn due(seen: &Seen, before: Option<&Own>) -> (Time, u16) {
    let Some(before) = before.filter(|before| before.priority != 0 && seen.priority != 0) else {
        return (seen.at, 0);
    };
    let interval = i64::try_from(before.interval).unwrap_or(i64::MAX).max(1);
    let restarted = seen.id == Some(1) && before.id > 1;
    let planned = before.at.plus(interval);
    let late = seen.at.since(planned);
    if restarted || late <= 0 {
        return (seen.at, 0);
    }
    let skipped = u16::try_from(late / interval).unwrap_or(u16::MAX);
    (planned, skipped)
}
