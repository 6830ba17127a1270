//! One virtual router of the watched daemon: its adverts and those that it hears, the schedule that its departures show,
//! and the state that follows.

use std::net::IpAddr;
use std::time::Duration;

use vrrp_config::plan::RouterPlan;
use vrrp_proto::router::{
    AddressState, Cause as ProtoCause, FaultSet, InterfaceKey, Peer, RouterId, Snapshot, State,
    StepCounters, Transition,
};
use vrrp_proto::time::Instant;
use vrrp_proto::units::{AdvertInterval, Priority, WirePriority};
use vrrp_proto::wire::{
    AhSequence, Datagram, Message, PROTOCOL_AH, ReceiveConfig, ReceiveTransport,
};
use vrrp_record::history::{Received, Rejected, Sent};
use vrrp_record::infer::{Role, Spoken, Told};
use vrrp_record::ring::Record;
use vrrp_record::sequence::SequenceWatch;
use vrrp_record::words::Word;

use super::tap::Packet;
use crate::core::{AdvertCounts, AdvertSnapshot, ReceiveCounts, RouterSnapshot};
use crate::journal::Axis;

/// Copies of one unicast advert leave within this time.
const COPIES: Duration = Duration::from_millis(50);

/// An own advert: what the next one is measured by.
#[derive(Clone, Copy, Debug)]
struct Own {
    left: Instant,
    interval: u64,
    priority: u8,
    id: u16,
}

/// A router.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) plan: RouterPlan,
    position: u16,
    /// Index of its interface now.
    pub(super) index: Option<u32>,
    pub(super) receive: ReceiveConfig,
    pub(super) role: Role,
    sequence: AhSequence,
    watch: SequenceWatch,
    own: Option<Own>,
    source: Option<IpAddr>,
    counts: AdvertCounts,
    heard: ReceiveCounts,
    last: Option<AdvertSnapshot>,
    worst: Duration,
    since: Instant,
    last_transition: Option<Transition>,
    peer: Option<Peer>,
    pub(super) up: bool,
    pub(super) present: u16,
}

/// What a packet, or time, led to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) records: Vec<Record>,
    pub(super) told: Vec<Told>,
    /// An own advert left this late.
    pub(super) late: Option<(Instant, Instant)>,
}

impl Watched {
    pub(super) fn new(
        plan: RouterPlan,
        position: u16,
        receive: ReceiveConfig,
        now: Instant,
        axis: Axis,
    ) -> Self {
        Self {
            source: plan.source,
            plan,
            position,
            index: None,
            receive,
            role: Role::new(axis.time(now)),
            sequence: AhSequence::default(),
            watch: SequenceWatch::default(),
            own: None,
            counts: AdvertCounts::default(),
            heard: ReceiveCounts::default(),
            last: None,
            worst: Duration::ZERO,
            since: now,
            last_transition: None,
            peer: None,
            up: true,
            present: 0,
        }
    }

    /// Whether a packet belongs to this router.
    pub(super) fn is_for(&self, packet: &Packet<'_>, datagram: &Datagram<'_>) -> bool {
        self.index == Some(packet.index)
            && self.plan.family == packet.family
            && datagram.peek_vrid() == Some(self.plan.vrid.as_u8())
    }

    /// Takes one of its packets.
    pub(super) fn take(
        &mut self,
        packet: &Packet<'_>,
        datagram: &Datagram<'_>,
        axis: Axis,
    ) -> Outcome {
        let mut out = Outcome::default();
        if packet.outgoing {
            self.spoke(packet, datagram, axis, &mut out);
        } else {
            self.hear(packet, datagram, axis, &mut out);
        }
        self.follow(&out.told, axis);
        out
    }

    /// Time went by.
    pub(super) fn pass(&mut self, now: Instant, axis: Axis) -> Vec<Told> {
        let mut told = Vec::new();
        self.role.pass(axis.time(now), &mut told);
        self.follow(&told, axis);
        told
    }

    /// Something beside adverts told the state.
    pub(super) fn learn(
        &mut self,
        at: Instant,
        to: Word,
        cause: vrrp_record::cause::Cause,
        axis: Axis,
    ) -> Vec<Told> {
        let mut told = Vec::new();
        self.role.learn(axis.time(at), to, cause, &mut told);
        self.follow(&told, axis);
        told
    }

    fn spoke(
        &mut self,
        packet: &Packet<'_>,
        datagram: &Datagram<'_>,
        axis: Axis,
        out: &mut Outcome,
    ) {
        let message = match datagram.protocol {
            PROTOCOL_AH => datagram.payload.get(24..).unwrap_or_default(),
            _ => datagram.payload,
        };
        let Some(message) = Message::new(packet.family, message).filter(|one| one.kind() == 1)
        else {
            return;
        };
        let interval = if message.version() == 2 {
            u64::from(message.seconds()) * 1_000_000_000
        } else {
            u64::from(message.centis()) * 10_000_000
        };
        let id = datagram
            .sequence
            .and_then(|id| u16::try_from(id).ok())
            .unwrap_or_default();
        let own = Own {
            left: packet.at,
            interval,
            priority: message.priority(),
            id,
        };
        if self.is_copy(&own, datagram.destination) {
            return;
        }
        self.source = Some(datagram.source);
        let before = self.role.state();
        let spoken = Spoken {
            at: axis.time(packet.at),
            from: datagram.source,
            priority: own.priority,
            interval,
        };
        self.role.spoke(spoken, &mut out.told);
        let goes_on = before == Some(Word::Master) && self.role.state() == Some(Word::Master);
        let (due, skipped) = self.due(&own, goes_on);
        let late = packet.at.saturating_since(due);
        if late > self.lateness_of_note() {
            out.late = Some((due, packet.at));
        }
        self.worst = self.worst.max(late);
        self.own = Some(own);
        self.count(own.priority);
        self.last = Some(AdvertSnapshot {
            sequence: id,
            priority: WirePriority::from_wire(own.priority),
            due,
            woke: packet.at,
            submitted: packet.at,
            accepted: packet.at,
            queued: None,
            left: Some(packet.at),
            ambiguous: false,
            errno: None,
        });
        out.records.push(Record::Sent(Sent {
            router: self.position,
            id,
            priority: own.priority,
            copies: 1,
            copies_accepted: 1,
            due: axis.time(due),
            woke: None,
            submitted: None,
            accepted: None,
            queued: None,
            left: Some(axis.time(packet.at)),
            taken: None,
            held_bytes: 0,
            errno: None,
            skipped,
            ambiguous: false,
            settled: true,
        }));
    }

    fn count(&mut self, priority: u8) {
        self.counts.due += 1;
        self.counts.built += 1;
        self.counts.accepted += 1;
        self.counts.left += 1;
        self.counts.released += u64::from(priority == 0);
    }

    fn is_copy(&self, own: &Own, destination: IpAddr) -> bool {
        !destination.is_multicast()
            && self.own.is_some_and(|last| {
                own.left.saturating_since(last.left) < COPIES
                    && last.priority == own.priority
                    && (last.id == own.id || last.id.wrapping_add(1) == own.id)
                    && u128::from(own.interval) > 2 * COPIES.as_nanos()
            })
    }

    /// An advert of an Active is due one interval after the one before: keepalived plans from the advert that left.
    fn due(&self, own: &Own, goes_on: bool) -> (Instant, u16) {
        let before = self.own.filter(|before| {
            let restarted = own.id == 1 && before.id > 1;
            goes_on && before.priority != 0 && own.priority != 0 && !restarted
        });
        let Some(before) = before else {
            return (own.left, 0);
        };
        let interval = Duration::from_nanos(before.interval.max(1));
        let planned = before.left.saturating_add(interval);
        let late = own.left.saturating_since(planned);
        let skipped = late.as_nanos() / interval.as_nanos();
        (
            planned.min(own.left),
            u16::try_from(skipped).unwrap_or(u16::MAX),
        )
    }

    /// As late as an engine's wake-up must be for a record of its own.
    fn lateness_of_note(&self) -> Duration {
        (self.plan.interval.as_duration() / 2)
            .clamp(Duration::from_millis(1), Duration::from_millis(20))
    }

    fn hear(
        &mut self,
        packet: &Packet<'_>,
        datagram: &Datagram<'_>,
        axis: Axis,
        out: &mut Outcome,
    ) {
        // A node hears its peers' copies for others on a shared segment only in a capture.
        if !datagram.destination.is_multicast()
            && matches!(self.receive.transport, ReceiveTransport::Unicast { .. })
            && self
                .source
                .is_some_and(|source| source != datagram.destination)
        {
            return;
        }
        let accepted = match self.receive.receive(datagram, &mut self.sequence) {
            Ok(accepted) => accepted,
            Err(reason) => {
                if let Some(count) = self.heard.discards.get_mut(reason.index()) {
                    *count += 1;
                }
                out.records.push(Record::Rejected(Rejected {
                    router: self.position,
                    from: datagram.source,
                    reason: u8::try_from(reason.index()).unwrap_or(u8::MAX),
                    priority: Message::new(packet.family, datagram.payload)
                        .map(|message| message.priority()),
                    value: 0,
                    expected: 0,
                    at: axis.time(packet.at),
                    more: 0,
                }));
                return;
            }
        };
        let interval = accepted.advert.interval();
        let priority = accepted.advert.priority();
        let nanos = u64::try_from(interval.as_duration().as_nanos()).unwrap_or(u64::MAX);
        self.heard.accepted += 1;
        self.heard.releases += u64::from(priority.is_release());
        let verdict = self.watch.note(datagram.source, datagram.sequence);
        self.heard.sequence_trusted = self.watch.is_trusted();
        self.heard.missing = self.watch.missing;
        self.heard.breaks = self.watch.breaks;
        self.peer = Some(Peer {
            address: datagram.source,
            priority,
            interval,
            heard: packet.at,
        });
        let spoken = Spoken {
            at: axis.time(packet.at),
            from: datagram.source,
            priority: priority.as_u8(),
            interval: nanos,
        };
        self.role.heard(spoken, &mut out.told);
        out.records.push(Record::Received(Received {
            router: self.position,
            from: datagram.source,
            id: datagram.sequence.and_then(|id| u16::try_from(id).ok()),
            priority: priority.as_u8(),
            interval: nanos,
            arrived: Some(axis.time(packet.at)),
            // Of the observer's own reading, which says nothing about the daemon's: none.
            read: axis.time(packet.at),
            sequence: verdict,
            mac: packet.mac,
            dropped: 0,
            foreign: None,
        }));
    }

    /// Keeps the last transition for the status.
    fn follow(&mut self, told: &[Told], axis: Axis) {
        for one in told {
            match *one {
                Told::Changed { at, from, to, .. } => {
                    let at = axis.instant(at);
                    self.since = at;
                    self.last_transition = Some(Transition {
                        from: state(from),
                        to: state(to),
                        // The observer remembers the whole cause by its time.
                        cause: ProtoCause::Started,
                        at,
                    });
                }
                Told::Found { at, state: word } => {
                    let at = axis.instant(at);
                    self.since = at;
                    self.last_transition = Some(Transition {
                        from: state(word),
                        to: state(word),
                        cause: ProtoCause::Started,
                        at,
                    });
                }
                Told::Lower { .. } => {}
            }
        }
    }

    /// The router as status and metrics see it.
    pub(super) fn snapshot(&self) -> RouterSnapshot {
        let plan = &self.plan;
        let word = self.role.state().unwrap_or(Word::Init);
        let own = self.role.own().map(|own| own.priority);
        let priority = own.and_then(Priority::new).unwrap_or(plan.priority);
        let active_interval = self
            .peer
            .filter(|_| word != Word::Master && plan.version == vrrp_proto::units::Version::V3)
            .map_or(plan.interval, |peer| peer.interval);
        let (skew, down_interval) = down(plan, active_interval, priority);
        let faults = match word {
            Word::Fault => FaultSet::INTERFACE_DOWN,
            Word::Init | Word::Backup | Word::Master => FaultSet::NONE,
        };
        let wanted = u16::try_from(plan.addresses.len() + plan.excluded.len()).unwrap_or(u16::MAX);
        RouterSnapshot {
            name: plan.name.as_str().into(),
            interface: plan.interface.as_str().into(),
            router: Snapshot {
                id: RouterId {
                    interface: InterfaceKey(0),
                    family: plan.family,
                    vrid: plan.vrid,
                },
                version: plan.version,
                state: state(word),
                since: self.since,
                running: word != Word::Init,
                faults,
                refusal: None,
                base_priority: plan.priority,
                priority,
                interval: plan.interval,
                active_interval,
                skew,
                down_interval,
                down_at: None,
                advert_at: None,
                preempt_at: None,
                hold_until: None,
                retry_at: None,
                source: self.source,
                peer: self.peer,
                addresses: AddressState {
                    present: self.present,
                    wanted: if word == Word::Master { wanted } else { 0 },
                    errno: None,
                },
                healthy: true,
                wants_active: false,
                standing: vrrp_proto::router::Standing::Normal,
                last_transition: self.last_transition,
                counters: StepCounters::default(),
            },
            adverts: self.counts,
            last_advert: self.last,
            worst_lateness: self.worst,
            received: self.heard,
        }
    }
}

/// A keepalived word as the state machine's state.
pub(super) const fn state(word: Word) -> State {
    match word {
        Word::Master => State::Active,
        Word::Backup => State::Backup,
        Word::Init | Word::Fault => State::Initialize,
    }
}

/// Skew and down interval (RFC 9568 §6.1; RFC 3768 reckons the skew of version 2 with one second).
fn down(plan: &RouterPlan, interval: AdvertInterval, priority: Priority) -> (Duration, Duration) {
    let steps = 256 - u32::from(priority.as_u8());
    let base = match plan.version {
        vrrp_proto::units::Version::V2 => Duration::from_secs(1),
        vrrp_proto::units::Version::V3 => interval.as_duration(),
    };
    let skew = base.saturating_mul(steps) / 256;
    let silence = interval
        .as_duration()
        .saturating_mul(u32::from(plan.down_adverts));
    (skew, silence.saturating_add(skew))
}
