//! The engine's side of the flight recorder: what becomes of each advert, each late wake-up and each transition, put into
//! the mapped ring.
//!
//! Everything is made at the start; recording is arithmetic and stores, without a system call, an allocation or a lock. What
//! the bytes look like is said in `vrrp_record::ring`; what the records mean together is the verdict's business.

mod limits;
mod open;
mod outq;
mod tally;
mod track;

use std::time::Duration;

use vrrp_proto::node::RouterIndex;
use vrrp_proto::time::Instant;
use vrrp_proto::units::{Priority, WirePriority};
use vrrp_record::history::{Received, Rejected, Sent, Stage, Stall, Time};
use vrrp_record::ring::{MINUTE_BUCKETS, Record, Resume, Transition, minute};

use super::evidence::Moved;
use super::steps::Timed;
use crate::journal::Axis;
use crate::net::StampPoint;
use crate::recorder::EnginePart;
use open::{Open, OpenAdverts};
pub(crate) use outq::OutQueue;
pub(super) use outq::Seen;
pub(crate) use track::Track;

/// Stamps of an advert are waited for this long; they are amended even later while the advert is remembered.
const PATIENCE: i64 = 10_000_000_000;
/// Routers whose minute is put away in one turn of the loop.
const MINUTES_A_TURN: usize = 8;

/// The recorder of one engine.
#[derive(Debug)]
pub(crate) struct Flight {
    axis: Axis,
    ring: EnginePart,
    open: OpenAdverts,
    /// Adverts from this number on may have to be written again.
    dirty_from: u64,
    /// Records that were not written, because too many came.
    lost: u64,
}

/// What is known of an advert when it is due.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub(super) router: RouterIndex,
    pub(super) socket: (usize, usize),
    pub(super) priority: WirePriority,
    pub(super) due: Instant,
    pub(super) woke: Instant,
    /// Due times that passed in silence since the engine's start.
    pub(super) skipped: u64,
}

/// A late wake-up or a long step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lateness {
    pub(super) due: Instant,
    pub(super) at: Instant,
    /// Beginning of the span in which the counters moved.
    pub(super) from: Instant,
    pub(super) step: Timed,
    pub(super) timer_slack: Option<u64>,
    pub(super) locked: bool,
    pub(super) fifo: u8,
    pub(super) cpu_number: u16,
}

impl Flight {
    /// A recorder into a ring.
    pub(crate) fn new(ring: EnginePart) -> Self {
        Self {
            axis: ring.axis,
            ring,
            open: OpenAdverts::new(),
            dirty_from: u64::MAX,
            lost: 0,
        }
    }

    /// An advert is due. Returns its number, which is one for all routers.
    pub(super) fn due(&mut self, track: &mut Track, due: Due) -> u64 {
        if let Some(oldest) = self.open.oldest()
            && !oldest.sent.settled
        {
            oldest.sent.settled = true;
            Self::write(&mut self.ring, oldest);
        }
        let skipped = due.skipped.saturating_sub(track.skipped);
        track.skipped = due.skipped;
        self.open.begin(Open {
            number: 0,
            router: due.router,
            socket: due.socket,
            interval: track.interval,
            sent: Sent {
                router: track.position,
                id: 0,
                priority: due.priority.as_u8(),
                copies: 0,
                copies_accepted: 0,
                due: self.axis.time(due.due),
                woke: Some(self.axis.time(due.woke)),
                submitted: None,
                accepted: None,
                queued: None,
                left: None,
                taken: None,
                held_bytes: 0,
                errno: None,
                skipped: u16::try_from(skipped).unwrap_or(u16::MAX),
                ambiguous: false,
                settled: false,
            },
            copies_left: 0,
            ordinary: None,
            kept: None,
            dirty: false,
        })
    }

    /// It could not be built: no source address, or no socket.
    pub(super) fn unsendable(&mut self, number: u64) {
        if let Some(open) = self.open.get(number) {
            open.sent.settled = true;
            Self::write(&mut self.ring, open);
        }
    }

    /// It is built; its copies go to the kernel next.
    pub(super) fn submitted(&mut self, number: u64, id: u16, now: Instant) {
        if let Some(open) = self.open.get(number) {
            open.sent.id = id;
            open.sent.submitted = Some(self.axis.time(now));
        }
    }

    /// A copy was handed to the kernel: its refusal as an errno.
    pub(super) fn copy(&mut self, number: u64, result: Result<(), i32>) {
        let Some(open) = self.open.get(number) else {
            return;
        };
        open.sent.copies = open.sent.copies.saturating_add(1);
        match result {
            Ok(()) => open.sent.copies_accepted = open.sent.copies_accepted.saturating_add(1),
            Err(errno) => open.sent.errno = Some(errno),
        }
    }

    /// All copies were handed to the kernel. `stamped` is whether the socket asks for stamps.
    pub(super) fn accepted(&mut self, track: &mut Track, number: u64, now: Instant, stamped: bool) {
        let Some(open) = self.open.get(number) else {
            return;
        };
        let now = self.axis.time(now);
        open.sent.accepted = Some(now);
        // Nothing that was refused leaves, and nobody tells of what leaves an interface without stamps.
        open.sent.settled = open.sent.copies_accepted == 0 || !stamped;
        Self::write(&mut self.ring, open);
        let (due, woke) = (open.sent.due, open.sent.woke.unwrap_or(now));
        self.tally(
            track,
            now,
            &[
                (Stage::Wake, woke.since(due)),
                (Stage::Send, now.since(woke)),
            ],
        );
    }

    /// A copy's stamp.
    pub(super) fn stamped(
        &mut self,
        track: Option<&mut Track>,
        number: u64,
        point: StampPoint,
        at: Instant,
        ambiguous: bool,
    ) {
        let at = self.axis.time(at);
        let Some(open) = self.open.get(number) else {
            return;
        };
        open.sent.ambiguous |= ambiguous;
        open.dirty = true;
        self.dirty_from = self.dirty_from.min(number);
        match point {
            StampPoint::Queued => {
                open.sent.queued.get_or_insert(at);
            }
            StampPoint::Left => {
                let left = open.sent.left.map_or(at, |before| before.max(at));
                open.sent.left = Some(left);
                open.copies_left = open.copies_left.saturating_add(1);
                if open.copies_left != open.sent.copies_accepted {
                    return;
                }
                open.sent.settled = true;
                let due = open.sent.due;
                let queued = open.sent.queued.map_or(0, |queued| left.since(queued));
                if let Some(track) = track {
                    let stages = [(Stage::Queue, queued), (Stage::Departure, left.since(due))];
                    self.tally(track, left, &stages);
                }
            }
        }
    }

    /// Bytes that the socket's adverts still occupied below it when the next advert was due, or at a look in between.
    pub(super) fn held(&mut self, number: u64, bytes: u32) {
        if let Some(open) = self.open.get(number) {
            open.sent.held_bytes = open.sent.held_bytes.max(bytes);
            open.dirty = true;
            self.dirty_from = self.dirty_from.min(number);
        }
    }

    /// The device had taken every advert of the socket, from number `from` on, at this look.
    pub(super) fn taken(&mut self, socket: (usize, usize), from: u64, at: Instant) {
        let at = self.axis.time(at);
        let mut first = u64::MAX;
        self.open.since(from, |open| {
            if open.socket == socket && open.sent.left.is_some() && open.sent.taken.is_none() {
                open.sent.taken = Some(at);
                open.dirty = true;
                first = first.min(open.number);
            }
        });
        self.dirty_from = self.dirty_from.min(first);
    }

    /// Writes again what stamps changed.
    pub(super) fn flush(&mut self) {
        let from = std::mem::replace(&mut self.dirty_from, u64::MAX);
        if from == u64::MAX {
            return;
        }
        let ring = &mut self.ring;
        self.open.since(from, |open| {
            if std::mem::take(&mut open.dirty) {
                Self::write(ring, open);
            }
        });
    }

    /// A valid advert was heard.
    pub(super) fn heard(&mut self, track: &mut Track, mut received: Received) {
        received.router = track.position;
        let at = received.at();
        let before = track.heard.replace((received.from, at));
        let gap = before
            .filter(|(from, _)| *from == received.from)
            .map(|(_, before)| at.after(before));
        if limits::is_odd_received(&received, gap) {
            self.ring.kept.append(Record::Received(received).encode());
        } else {
            self.ring
                .adverts
                .append(Record::Received(received).encode());
        }
        if let Some(gap) = gap {
            let gap = i64::try_from(gap.as_nanos()).unwrap_or(i64::MAX);
            self.tally(track, at, &[(Stage::Gap, gap)]);
        }
        if let Some(arrived) = received.arrived {
            self.tally(track, at, &[(Stage::Read, received.read.since(arrived))]);
        }
    }

    /// An advert for one of our routers was refused. A flood is folded into one record and written now and then.
    pub(super) fn rejected(&mut self, track: &mut Track, mut rejected: Rejected) {
        rejected.router = track.position;
        match track.fold(&rejected) {
            track::Fold::New => {
                let slot = self.ring.kept.append(Record::Rejected(rejected).encode());
                track.folded(rejected, slot);
            }
            track::Fold::Again(folded, slot) => self.write_folded(track, folded, slot),
            track::Fold::Counted => {}
            track::Fold::TooMany => self.lost += 1,
        }
    }

    fn write_folded(&mut self, track: &mut Track, folded: Rejected, slot: u64) {
        let again = Record::Rejected(folded).encode();
        if !self.ring.kept.rewrite(slot, again) {
            let slot = self.ring.kept.append(again);
            track.folded(folded, slot);
        }
    }

    /// Writes what floods that have paused came to since they were written.
    pub(super) fn write_floods<'a>(
        &mut self,
        now: Instant,
        tracks: impl Iterator<Item = &'a mut Track>,
    ) {
        let now = self.axis.time(now);
        for track in tracks {
            if let Some((folded, slot)) = track.unwritten(now) {
                self.write_folded(track, folded, slot);
            }
        }
    }

    /// A router changed its state.
    pub(super) fn transition(
        &mut self,
        track: &Track,
        transition: &vrrp_proto::router::Transition,
        priority: Priority,
    ) {
        let (cause, peer) = Transition::cause_code(&transition.cause);
        let record = Record::Transition(Transition {
            router: track.position,
            at: self.axis.time(transition.at),
            from: transition.from,
            to: transition.to,
            cause,
            priority: priority.as_u8(),
            peer,
        });
        self.ring.kept.append(record.encode());
    }

    /// The engine was late, and this is what moved meanwhile.
    pub(super) fn stalled(&mut self, late: &Lateness, moved: &Moved) {
        let few = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let record = Record::Stall(Stall {
            due: self.axis.time(late.due),
            at: self.axis.time(late.at),
            from: self.axis.time(late.from),
            run_delay: moved.run_delay,
            cpu: moved.cpu,
            throttled: moved.throttled.map(|throttled| throttled.time),
            throttled_times: moved.throttled.map(|throttled| few(throttled.times)),
            frozen: moved.frozen,
            sigcont: moved.continued,
            major_faults: moved.major_faults.map(few),
            minor_faults: moved.minor_faults.map(few),
            voluntary: moved.voluntary.map(few),
            involuntary: moved.involuntary.map(few),
            io_pressure: moved.io_pressure,
            steal: moved.steal,
            suspended: moved.asleep,
            timer_slack: late.timer_slack,
            locked: late.locked,
            fifo: late.fifo,
            cpu_number: late.cpu_number,
            step: late.step.step.as_u8(),
            step_time: nanos(late.step.length),
        });
        self.ring.kept.append(record.encode());
    }

    /// Settles what has waited long enough. Cheap when there is nothing.
    pub(super) fn settle(&mut self, now: Instant) {
        let now = self.axis.time(now);
        while let Some(open) = self.open.first_unsettled() {
            if now.since(open.sent.due) < PATIENCE {
                return;
            }
            open.sent.settled = true;
            Self::write(&mut self.ring, open);
        }
    }

    /// Puts minutes away that are over, of a few routers at a time.
    pub(super) fn put_minutes_away<'a>(
        &mut self,
        now: Instant,
        tracks: impl Iterator<Item = &'a mut Track>,
    ) {
        let now = self.axis.time(now);
        let over = tracks.filter(|track| track.tally.is_over(now));
        for track in over.take(MINUTES_A_TURN) {
            self.turn(track, now);
        }
    }

    /// What a later run may resume from, where the ring has a place for the router.
    pub(super) fn remember(&mut self, resume: &Resume) {
        if let Some(place) = self.ring.resumes.get_mut(usize::from(resume.router)) {
            place.write(resume);
        }
    }

    /// The engine lives.
    pub(super) fn beat(&mut self, now: Instant) {
        self.ring.life.beat(self.axis.time(now));
    }

    /// An instant on the axis of the records.
    pub(super) fn time(&self, at: Instant) -> Time {
        self.axis.time(at)
    }

    /// Records that were not written, because too many came.
    pub(super) const fn lost_records(&self) -> u64 {
        self.lost
    }

    /// The run ends in order.
    pub(super) fn end(&mut self, now: Instant) {
        self.ring.life.end(self.axis.time(now));
    }

    /// Routers have other positions in the engine now; those in the records stay.
    pub(super) fn renumber(&mut self, position: &dyn Fn(RouterIndex) -> Option<RouterIndex>) {
        self.open.renumber(position);
    }

    /// Where the memory is, for locking it.
    pub(super) fn memory(&self) -> (usize, usize) {
        self.open.memory()
    }

    fn tally(&mut self, track: &mut Track, at: Time, stages: &[(Stage, i64)]) {
        if track.tally.is_over(at) {
            self.turn(track, at);
        }
        for (stage, nanos) in stages {
            track.tally.count(*stage, *nanos);
        }
    }

    fn turn(&mut self, track: &mut Track, now: Time) {
        let (router, minutes) = (track.position, &mut self.ring.minutes);
        track.tally.turn(now, |over| {
            let mut part = [(0, 0); MINUTE_BUCKETS];
            let mut filled = 0;
            let counts = (0_u16..).zip(over.counts).filter(|(_, count)| **count > 0);
            for (bucket, count) in counts {
                part[filled] = (bucket, *count);
                filled += 1;
                if filled == part.len() {
                    minutes.append(minute(
                        router,
                        over.minute,
                        over.stage,
                        over.largest,
                        over.total,
                        &part,
                    ));
                    filled = 0;
                }
            }
            if filled > 0 {
                let part = &part[..filled];
                minutes.append(minute(
                    router,
                    over.minute,
                    over.stage,
                    over.largest,
                    over.total,
                    part,
                ));
            }
        });
    }

    /// Writes an advert, or writes it again in its place. What turned out to be odd goes to the kept records as well.
    fn write(ring: &mut EnginePart, open: &mut Open) {
        let record = Record::Sent(open.sent).encode();
        let odd = limits::is_odd_sent(&open.sent, open.interval);
        if let Some(slot) = open.ordinary {
            ring.adverts.rewrite(slot, record);
        } else if open.kept.is_none() && !odd {
            open.ordinary = Some(ring.adverts.append(record));
        }
        if let Some(slot) = open.kept {
            ring.kept.rewrite(slot, record);
        } else if odd {
            open.kept = Some(ring.kept.append(record));
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
