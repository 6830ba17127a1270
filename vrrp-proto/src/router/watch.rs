//! The Active_Down_Timer of a Backup, and of a preempted router that still releases: RFC 9568 §6.4.2.
//!
//! Decides what an advert does to the timer, and whether its end may be believed. What then happens is the state's.

use core::net::IpAddr;
use core::time::Duration;

use super::phase::{Wait, Watch};
use super::{Action, Cause, Peer, Received, Standing, Step, VirtualRouter};
use crate::time::Instant;
use crate::timers;
use crate::units::{Priority, Version, WirePriority};

/// What became of a deadline call.
pub(super) enum Judged {
    /// The timer runs on, or was set anew.
    Waiting,
    /// The timer fired: take over.
    TakeOver,
}

impl VirtualRouter {
    /// A watch that starts now, with the own interval (S-03, T-10).
    pub(super) fn new_watch(&self, now: Instant) -> Watch {
        let mut watch = Watch {
            active_interval: self.config.interval,
            learned: false,
            down_at: now,
            adverts: self.config.down_adverts,
            wait: Wait::Advert,
            lower: None,
            tolerate_until: None,
            deferred: false,
            wants_active: false,
        };
        self.rearm(&mut watch, now);
        watch
    }

    /// ADT := ADI.
    pub(super) fn rearm(&self, watch: &mut Watch, now: Instant) {
        watch.adverts = self.config.down_adverts;
        watch.down_at = now.saturating_add(self.span(watch.active_interval, watch.adverts));
    }

    /// ADT := Skew_Time (S-07, T-11).
    pub(super) fn arm_skew(&self, watch: &mut Watch, now: Instant, wait: Wait) {
        watch.wait = wait;
        watch.adverts = 0;
        watch.down_at = now.saturating_add(self.span(watch.active_interval, 0));
    }

    /// A := the advert's interval, in version 3 only (T-08, T-09).
    pub(super) fn learn(&self, watch: &mut Watch, advert: &Received) {
        match self.config.version {
            Version::V2 => {}
            Version::V3 => {
                watch.active_interval = advert.interval;
                watch.learned = true;
            }
        }
    }

    /// Remembers who was heard.
    pub(super) fn note_peer(&mut self, now: Instant, advert: &Received) {
        if advert.priority.is_release() {
            self.counters.releases_heard = self.counters.releases_heard.saturating_add(1);
        }
        self.peer = Some(Peer {
            address: advert.source,
            priority: advert.priority,
            interval: advert.interval,
            heard: now,
        });
    }

    /// Remembers how strong the others are (fast_fail).
    pub(super) fn note_rival(&mut self, advert: &Received) {
        if !advert.priority.is_release() && self.source != Some(advert.source) {
            self.rival = Some(advert.priority);
        }
    }

    /// The priority of a peer that would preempt this Active after a change from `before`, where it does not wait for that
    /// (fast_fail).
    pub(super) fn outweighed(&self, before: Priority) -> Option<u8> {
        let fast_fail = self.config.fast_fail?;
        let (own, before) = (self.priority().as_u8(), before.as_u8());
        let heard = self.rival.map(WirePriority::as_u8);
        let best = fast_fail.peer_priority.map(Priority::as_u8).max(heard)?;
        (own < before && own < best).then_some(best)
    }

    /// Whether the state machine takes notice of an advert of this version. The receive checks drop another version
    /// before; in interoperation, version 2 of a sender that also sends version 3 is ignored (RFC 9568 §8.4.2; I-05).
    pub(super) fn is_for_us(&mut self, now: Instant, advert: &Received) -> bool {
        if advert.version == Version::V3 {
            self.heard_v3 = Some((advert.source, now));
        }
        if advert.version == self.config.version {
            return true;
        }
        if !self.config.interoperate || advert.version == Version::V3 {
            return false;
        }
        match self.heard_v3 {
            Some((source, heard)) if source == advert.source => {
                let span = self.span(advert.interval, self.config.down_adverts);
                now.saturating_since(heard) > span
            }
            Some(_) | None => true,
        }
    }

    /// An advert reaches a watching router (RFC 9568 §6.4.2, RFC 3768 §6.4.2).
    pub(super) fn watch_hears(&mut self, step: &mut Step, watch: &mut Watch, advert: &Received) {
        let now = step.now;
        if !self.is_for_us(now, advert) {
            return;
        }
        self.note_peer(now, advert);
        if advert.priority.is_release() {
            // S-07: the interval in a priority 0 advert is not learned.
            self.arm_skew(watch, now, Wait::Release { by: advert.source });
            return;
        }
        let lower = advert.priority.as_u8() < self.priority().as_u8();
        if lower && self.preempts_now(step, watch) {
            // S-08: discarded, and the timer keeps its remaining time.
            watch.lower = Some((advert.source, advert.priority));
            return;
        }
        // S-09, S-10: accepted, whatever the addresses are.
        if !lower {
            watch.tolerate_until = None;
        }
        self.learn(watch, advert);
        self.rearm(watch, now);
        watch.wait = Wait::Advert;
        watch.lower = None;
        watch.deferred = false;
        watch.wants_active = false;
    }

    /// Whether a lower Active is preempted: not with Preempt_Mode off (S-09), and not before the preempt delay is over
    /// (U-16), and nobody by a router that gave way; an owner always preempts (S-12), also one that a second owner lowered to 254.
    fn preempts_now(&self, step: &mut Step, watch: &mut Watch) -> bool {
        if self.standing != Standing::Normal {
            return false;
        }
        if self.priority.is_owner() {
            return true;
        }
        if !self.config.preempt {
            return false;
        }
        if self.config.preempt_delay.is_zero() {
            return true;
        }
        match watch.tolerate_until {
            Some(until) => step.now >= until,
            None => {
                watch.tolerate_until = Some(step.now.saturating_add(self.config.preempt_delay));
                step.actions.push(Action::PreemptDelayStarted);
                false
            }
        }
    }

    /// Whether the timer fired and silence may be believed. After an own stall one more interval is waited, once.
    pub(super) fn watch_deadline(&mut self, step: &mut Step, watch: &mut Watch) -> Judged {
        if step.now < watch.down_at {
            return Judged::Waiting;
        }
        self.watch_stalled(step, watch, step.now.saturating_since(watch.down_at));
        if step.now < watch.down_at {
            return Judged::Waiting;
        }
        Judged::TakeOver
    }

    /// The driver woke late. A takeover that is due now waits for one more interval, since frames may still lie below
    /// the socket; not twice without an advert in between.
    pub(super) fn watch_stalled(&mut self, step: &mut Step, watch: &mut Watch, late: Duration) {
        let stalled = late > timers::stall_threshold(watch.active_interval);
        if !stalled || watch.deferred || watch.wants_active || step.now < watch.down_at {
            return;
        }
        watch.deferred = true;
        watch.down_at = step.now.saturating_add(watch.active_interval.as_duration());
        self.counters.deferred = self.counters.deferred.saturating_add(1);
        step.actions.push(Action::TakeoverDeferred { late });
    }

    /// Settings or the effective priority changed: the running timer moves by the change in its length (S-23), and
    /// never into the past.
    pub(super) fn watch_moved(&self, watch: &mut Watch, now: Instant, before: Duration) {
        if !watch.learned {
            watch.active_interval = self.config.interval;
        }
        if watch.adverts != 0 {
            watch.adverts = self.config.down_adverts;
        }
        let after = self.span(watch.active_interval, watch.adverts);
        if before != after {
            watch.down_at = watch
                .down_at
                .saturating_add(after)
                .saturating_sub(before)
                .max(now);
        }
    }

    /// Why the timer of this watch fired.
    pub(super) fn takeover_cause(&self, watch: &Watch) -> Cause {
        match (watch.wait, watch.lower) {
            (Wait::Release { by }, _) => Cause::Released { by },
            (Wait::Advert, Some((over, priority))) => Cause::Preempting { over, priority },
            (Wait::Advert, None) => Cause::SilentActive {
                last: self.peer.map(|peer| peer.address),
            },
            (Wait::Bounce, _) => Cause::SilentActive { last: None },
            (Wait::Successor, _) => Cause::NoSuccessor,
        }
    }

    /// Whether `from` wins against our own address at equal priority: whole addresses as unsigned numbers, first byte
    /// first (S-13). Without a source address of our own, everybody wins.
    pub(super) fn loses_tie_to(&self, from: IpAddr) -> bool {
        self.source.is_none_or(|own| from > own)
    }

    /// Whether `other` would make an owner of a router that is none, or the reverse (S-23).
    pub(super) fn ownership_changes(&self, other: Priority) -> bool {
        self.priority.is_owner() != other.is_owner()
    }
}
