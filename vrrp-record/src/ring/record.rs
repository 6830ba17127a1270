//! Records of 128 bytes: adverts, stalls, and transitions as the engine saw them.

use std::net::IpAddr;

use vrrp_proto::router::{Cause, State};

use super::bytes::{Put, Take};
use super::codes::{state, state_of};
use super::slot::{ADVERT, Open, Slot, kind};
use crate::history::{Received, Rejected, Sent, Sequence, Stall, Time};

/// A record of the regions `adverts` and `kept`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// An advert that was due.
    Sent(Sent),
    /// A valid advert heard.
    Received(Received),
    /// A refused one.
    Rejected(Rejected),
    /// A late wake-up.
    Stall(Stall),
    /// A change of state.
    Transition(Transition),
}

/// A change of state, written by the engine in the moment it happens. The event of the same change, which knows more, is
/// written by another thread and may be missing where the daemon died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Position of the router.
    pub router: u16,
    /// When it was decided.
    pub at: Time,
    /// The state left.
    pub from: State,
    /// The state entered.
    pub to: State,
    /// Why: see [`Transition::cause_code`].
    pub cause: u8,
    /// Effective priority.
    pub priority: u8,
    /// The other router of the cause, where it names one.
    pub peer: Option<IpAddr>,
}

impl Transition {
    /// The number of a cause in a record, and the other router that it names.
    #[must_use]
    pub const fn cause_code(cause: &Cause) -> (u8, Option<IpAddr>) {
        match *cause {
            Cause::Started => (1, None),
            Cause::OwnerStarted => (2, None),
            Cause::SilentActive { last } => (3, last),
            Cause::Released { by } => (4, Some(by)),
            Cause::Preempting { over, .. } => (5, Some(over)),
            Cause::HigherPriority { from, .. } => (6, Some(from)),
            Cause::TieLost { from } => (7, Some(from)),
            Cause::Fault(_) => (8, None),
            Cause::FaultCleared => (9, None),
            Cause::Group => (10, None),
            Cause::Stopped => (11, None),
            Cause::AddressesLost => (12, None),
            Cause::AddressesRefused { .. } => (13, None),
            Cause::Reconfigured => (14, None),
            Cause::SuccessorReady => (15, None),
            Cause::HoldExpired => (16, None),
            Cause::HoldUnhealthy => (17, None),
            Cause::Yielded => (18, None),
            Cause::NoSuccessor => (19, None),
            Cause::TakenOut => (20, None),
            Cause::BackIn => (21, None),
            Cause::Outweighed { .. } => (22, None),
        }
    }
}

impl Record {
    /// The record as a slot.
    #[must_use]
    pub fn encode(&self) -> Slot<ADVERT> {
        match self {
            Self::Sent(sent) => encode_sent(sent),
            Self::Received(received) => encode_received(received),
            Self::Rejected(rejected) => encode_rejected(rejected),
            Self::Stall(stall) => encode_stall(stall),
            Self::Transition(transition) => encode_transition(transition),
        }
    }

    /// The record of a sealed slot of 128 bytes; None where it is damaged, unfinished, or of another kind.
    #[must_use]
    pub fn decode(slot: &[u8]) -> Option<Self> {
        match super::slot::open(slot) {
            super::slot::Found::Good(open) => Self::of(&open),
            super::slot::Found::Empty
            | super::slot::Found::Unfinished
            | super::slot::Found::Damaged
            | super::slot::Found::Newer => None,
        }
    }

    pub(crate) fn of(open: &Open<'_>) -> Option<Self> {
        let mut take = Take::new(open.body);
        Some(match open.kind {
            kind::SENT => Self::Sent(decode_sent(open.tag, &mut take)),
            kind::RECEIVED => Self::Received(decode_received(open.tag, &mut take)?),
            kind::REJECTED => Self::Rejected(decode_rejected(open.tag, &mut take)?),
            kind::STALL => Self::Stall(decode_stall(&mut take)),
            kind::TRANSITION => Self::Transition(decode_transition(open.tag, &mut take)?),
            _ => return None,
        })
    }

    /// A time not before which it was written. What was written before it may tell of times up to this one.
    pub(super) fn written(&self) -> Time {
        match self {
            Self::Sent(sent) => sent.due.max(sent.woke.unwrap_or(sent.due)),
            Self::Received(received) => received.read.max(received.at()),
            Self::Rejected(_) | Self::Stall(_) | Self::Transition(_) => self.at(),
        }
    }

    /// The time that the record is sorted by.
    #[must_use]
    pub fn at(&self) -> Time {
        match self {
            Self::Sent(sent) => sent.due,
            Self::Received(received) => received.at(),
            Self::Rejected(rejected) => rejected.at,
            Self::Stall(stall) => stall.at,
            Self::Transition(transition) => transition.at,
        }
    }
}

const AMBIGUOUS: u8 = 1;
const SETTLED: u8 = 1 << 1;
const ERRNO: u8 = 1 << 2;

fn encode_sent(sent: &Sent) -> Slot<ADVERT> {
    let mut slot = Slot::new(kind::SENT, sent.router);
    let mut put = Put::new(slot.body_mut());
    put.u16(sent.id);
    put.u8(sent.priority);
    put.u8(sent.copies);
    put.u8(sent.copies_accepted);
    put.u8(flag(sent.ambiguous, AMBIGUOUS)
        | flag(sent.settled, SETTLED)
        | flag(sent.errno.is_some(), ERRNO));
    put.u16(sent.skipped);
    put.time(sent.due);
    for stage in [
        sent.woke,
        sent.submitted,
        sent.accepted,
        sent.queued,
        sent.left,
        sent.taken,
    ] {
        put.maybe_time(stage);
    }
    put.u32(sent.held_bytes);
    put.raw(&sent.errno.unwrap_or_default().to_le_bytes());
    slot
}

fn decode_sent(router: u16, take: &mut Take<'_>) -> Sent {
    let (id, priority, copies, copies_accepted) = (take.u16(), take.u8(), take.u8(), take.u8());
    let flags = take.u8();
    let (skipped, due) = (take.u16(), take.time());
    let mut stage = || take.maybe_time();
    let (woke, submitted, accepted) = (stage(), stage(), stage());
    let (queued, left, taken) = (stage(), stage(), stage());
    let held_bytes = take.u32();
    let errno = i32::from_le_bytes(take.raw());
    Sent {
        router,
        id,
        priority,
        copies,
        copies_accepted,
        due,
        woke,
        submitted,
        accepted,
        queued,
        left,
        taken,
        held_bytes,
        errno: (flags & ERRNO != 0).then_some(errno),
        skipped,
        ambiguous: flags & AMBIGUOUS != 0,
        settled: flags & SETTLED != 0,
    }
}

const HAS_ID: u8 = 1;
const HAS_MAC: u8 = 1 << 1;

fn encode_received(received: &Received) -> Slot<ADVERT> {
    let mut slot = Slot::new(kind::RECEIVED, received.router);
    let mut put = Put::new(slot.body_mut());
    put.maybe_time(received.arrived);
    put.time(received.read);
    put.u64(received.interval);
    put.u32(received.dropped);
    put.u16(received.id.unwrap_or_default());
    put.u8(received.priority);
    put.u8(flag(received.id.is_some(), HAS_ID) | flag(received.mac.is_some(), HAS_MAC));
    let (code, missing) = match received.sequence {
        Sequence::Untrusted => (0, 0),
        Sequence::Next => (1, 0),
        Sequence::Missing(missing) => (2, missing),
        Sequence::Repeated => (3, 0),
        Sequence::Broken => (4, 0),
    };
    put.u8(code);
    put.u16(missing);
    put.raw(&received.mac.unwrap_or_default());
    put.address(Some(received.from));
    put.address(received.foreign);
    slot
}

fn decode_received(router: u16, take: &mut Take<'_>) -> Option<Received> {
    let (arrived, read) = (take.maybe_time(), take.time());
    let (interval, dropped, id, priority) = (take.u64(), take.u32(), take.u16(), take.u8());
    let flags = take.u8();
    let (code, missing) = (take.u8(), take.u16());
    let mac = take.raw();
    let from = take.address()?;
    Some(Received {
        router,
        from,
        id: (flags & HAS_ID != 0).then_some(id),
        priority,
        interval,
        arrived,
        read,
        sequence: match code {
            0 => Sequence::Untrusted,
            1 => Sequence::Next,
            2 => Sequence::Missing(missing),
            3 => Sequence::Repeated,
            4 => Sequence::Broken,
            _ => return None,
        },
        mac: (flags & HAS_MAC != 0).then_some(mac),
        dropped,
        // A zero, as records from before this field have it, is none.
        foreign: take.address(),
    })
}

fn encode_rejected(rejected: &Rejected) -> Slot<ADVERT> {
    let mut slot = Slot::new(kind::REJECTED, rejected.router);
    let mut put = Put::new(slot.body_mut());
    put.time(rejected.at);
    put.u32(rejected.value);
    put.u32(rejected.expected);
    put.u32(rejected.more);
    put.u8(rejected.reason);
    put.u8(rejected.priority.is_some().into());
    put.u8(rejected.priority.unwrap_or_default());
    put.address(Some(rejected.from));
    slot
}

fn decode_rejected(router: u16, take: &mut Take<'_>) -> Option<Rejected> {
    let (at, value, expected, more) = (take.time(), take.u32(), take.u32(), take.u32());
    let (reason, known, priority) = (take.u8(), take.u8(), take.u8());
    Some(Rejected {
        router,
        from: take.address()?,
        reason,
        priority: (known != 0).then_some(priority),
        value,
        expected,
        at,
        more,
    })
}

/// Which of a stall's readings exist, a bit each in this order; then whether memory was locked.
const STALL_LOCKED: u16 = 1 << 15;

fn encode_stall(stall: &Stall) -> Slot<ADVERT> {
    let mut slot = Slot::new(kind::STALL, 0);
    let mut put = Put::new(slot.body_mut());
    let long = [
        stall.run_delay,
        stall.cpu,
        stall.throttled,
        stall.frozen,
        stall.io_pressure,
        stall.steal,
        stall.suspended,
        stall.timer_slack,
    ];
    let short = [
        stall.throttled_times,
        stall.sigcont,
        stall.major_faults,
        stall.minor_faults,
        stall.voluntary,
        stall.involuntary,
    ];
    let known = long.map(|value| value.is_some()).into_iter();
    let known = known.chain(short.map(|value| value.is_some()));
    let mut bits = if stall.locked { STALL_LOCKED } else { 0 };
    for (bit, known) in known.enumerate() {
        bits |= u16::from(known) << bit;
    }
    put.time(stall.at);
    put.i48(stall.at.since(stall.due));
    put.i48(stall.at.since(stall.from));
    put.u16(bits);
    long.iter()
        .for_each(|value| put.u48(value.unwrap_or_default()));
    short
        .iter()
        .for_each(|value| put.u32(value.unwrap_or_default()));
    put.u8(stall.fifo);
    put.u16(stall.cpu_number);
    put.u8(stall.step);
    put.u48(stall.step_time);
    slot
}

fn decode_stall(take: &mut Take<'_>) -> Stall {
    let at = take.time();
    let (due, from) = (at.plus(-take.i48()), at.plus(-take.i48()));
    let bits = take.u16();
    let long: [Option<u64>; 8] = std::array::from_fn(|bit| {
        let value = take.u48();
        (bits >> bit & 1 != 0).then_some(value)
    });
    let short: [Option<u32>; 6] = std::array::from_fn(|bit| {
        let value = take.u32();
        (bits >> (bit + 8) & 1 != 0).then_some(value)
    });
    let [
        run_delay,
        cpu,
        throttled,
        frozen,
        io_pressure,
        steal,
        suspended,
        timer_slack,
    ] = long;
    let [
        throttled_times,
        sigcont,
        major_faults,
        minor_faults,
        voluntary,
        involuntary,
    ] = short;
    Stall {
        due,
        at,
        from,
        run_delay,
        cpu,
        throttled,
        throttled_times,
        frozen,
        sigcont,
        major_faults,
        minor_faults,
        voluntary,
        involuntary,
        io_pressure,
        steal,
        suspended,
        timer_slack,
        locked: bits & STALL_LOCKED != 0,
        fifo: take.u8(),
        cpu_number: take.u16(),
        step: take.u8(),
        step_time: take.u48(),
    }
}

fn encode_transition(transition: &Transition) -> Slot<ADVERT> {
    let mut slot = Slot::new(kind::TRANSITION, transition.router);
    let mut put = Put::new(slot.body_mut());
    put.time(transition.at);
    put.u8(state(transition.from));
    put.u8(state(transition.to));
    put.u8(transition.cause);
    put.u8(transition.priority);
    put.address(transition.peer);
    slot
}

fn decode_transition(router: u16, take: &mut Take<'_>) -> Option<Transition> {
    Some(Transition {
        router,
        at: take.time(),
        from: state_of(take.u8())?,
        to: state_of(take.u8())?,
        cause: take.u8(),
        priority: take.u8(),
        peer: take.address(),
    })
}

const fn flag(set: bool, bit: u8) -> u8 {
    if set { bit } else { 0 }
}
