//! Where the explaining thread gets its records from.
//!
//! The flight recorder's ring holds every advert. Where there is none, the core's snapshots show the last advert of each
//! router; what happened between two looks is then unknown, and is never taken for a gap.

use std::collections::{HashMap, HashSet};

use vrrp_record::history::{Received, Rejected, Sample, Sent, Sequence, Stall, Time};

use super::live::Axis;
use crate::core::{AdvertSnapshot, CoreSnapshot, RouterSnapshot};

/// What came since the last look. Positions of routers are those of the snapshot that was looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct Fresh {
    /// Adverts that were due.
    pub(super) due: Vec<Sent>,
    /// The same or earlier ones, as nothing more is expected of them.
    pub(super) settled: Vec<Sent>,
    /// Adverts that were settled, of which more became known.
    pub(super) amended: Vec<Sent>,
    /// Valid adverts heard.
    pub(super) heard: Vec<Received>,
    /// Adverts that a check refused.
    pub(super) rejected: Vec<Rejected>,
    /// Late wake-ups.
    pub(super) stalls: Vec<Stall>,
    /// Counters.
    pub(super) samples: Vec<Sample>,
    /// Routers of which adverts went by unseen: what follows is not the next one.
    pub(super) unseen_sent: Vec<u16>,
    /// The same for adverts heard.
    pub(super) unseen_heard: Vec<u16>,
    /// Changes of state among the records.
    pub(super) transitions: u32,
    /// Records that were overwritten before they were read.
    pub(super) lost: u64,
}

/// An advert without a driver stamp is not waited for any longer than this.
const SETTLED: i64 = 5_000_000_000;

/// Looks at snapshots.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    routers: HashMap<String, Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    due: u64,
    accepted: u64,
    missing: u64,
    waiting: Option<(Sent, AdvertSnapshot)>,
}

impl Snapshots {
    /// What the snapshot shows that the one before did not.
    pub(super) fn look(&mut self, core: &CoreSnapshot, axis: Axis) -> Fresh {
        let mut fresh = Fresh::default();
        let named: HashSet<&str> = core.routers.iter().map(|router| &*router.name).collect();
        self.routers.retain(|name, _| named.contains(name.as_str()));
        for (position, router) in core.routers.iter().enumerate() {
            let Ok(position) = u16::try_from(position) else {
                break;
            };
            let (known, seen) = match self.routers.get_mut(&*router.name) {
                Some(seen) => (true, seen),
                None => (
                    false,
                    self.routers.entry(router.name.to_string()).or_default(),
                ),
            };
            if known {
                seen.sent(position, router, axis, axis.time(core.taken), &mut fresh);
                seen.heard(position, router, axis, &mut fresh);
            }
            seen.due = router.adverts.due;
            seen.accepted = router.received.accepted;
            seen.missing = router.received.missing;
        }
        fresh
    }
}

impl Seen {
    fn sent(
        &mut self,
        position: u16,
        router: &RouterSnapshot,
        axis: Axis,
        now: Time,
        fresh: &mut Fresh,
    ) {
        let new = router.adverts.due.wrapping_sub(self.due);
        let last = router
            .last_advert
            .map(|advert| sent(position, &advert, axis));
        if let (Some((before, told)), Some(last)) = (&self.waiting, &last) {
            if before.due != last.due {
                // It is as settled as it will be seen.
                fresh.settled.push(*before);
                self.waiting = None;
            } else if router.last_advert != Some(*told)
                && let Some(advert) = router.last_advert
            {
                self.waiting = Some((*last, advert));
            }
        }
        if new > 1 {
            fresh.unseen_sent.push(position);
        }
        if new > 0
            && let (Some(last), Some(advert)) = (last, router.last_advert)
        {
            fresh.due.push(last);
            self.waiting = Some((last, advert));
        }
        if let Some((waiting, _)) = self.waiting
            && (waiting.left.is_some() || now.since(waiting.due) > SETTLED)
        {
            fresh.settled.push(waiting);
            self.waiting = None;
        }
    }

    fn heard(&self, position: u16, router: &RouterSnapshot, axis: Axis, fresh: &mut Fresh) {
        let new = router.received.accepted.wrapping_sub(self.accepted);
        if new > 1 {
            fresh.unseen_heard.push(position);
        }
        let (true, Some(peer)) = (new > 0, router.router.peer) else {
            return;
        };
        let missing = router.received.missing.saturating_sub(self.missing);
        let read = axis.time(peer.heard);
        fresh.heard.push(Received {
            router: position,
            from: peer.address,
            id: None,
            priority: peer.priority.as_u8(),
            interval: nanos(peer.interval.as_duration()),
            arrived: None,
            read,
            sequence: match u16::try_from(missing) {
                Ok(0) | Err(_) => Sequence::Untrusted,
                Ok(missing) => Sequence::Missing(missing),
            },
            mac: None,
            dropped: 0,
            foreign: None,
        });
    }
}

fn sent(position: u16, advert: &AdvertSnapshot, axis: Axis) -> Sent {
    let time = |at| axis.time(at);
    Sent {
        router: position,
        id: advert.sequence,
        priority: advert.priority.as_u8(),
        // The last error of one copy is all that a snapshot tells.
        copies: 1,
        copies_accepted: u8::from(advert.errno.is_none()),
        due: time(advert.due),
        woke: Some(time(advert.woke)),
        submitted: Some(time(advert.submitted)),
        accepted: Some(time(advert.accepted)),
        queued: advert.queued.map(time),
        left: advert.left.map(time),
        taken: None,
        held_bytes: 0,
        errno: advert.errno,
        skipped: 0,
        ambiguous: advert.ambiguous,
        settled: advert.left.is_some(),
    }
}

/// Nanoseconds of a duration.
pub(super) fn nanos(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
