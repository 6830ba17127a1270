//! Every record that can be written is read as it was.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::option;
use proptest::prelude::*;
use vrrp_proto::router::State;
use vrrp_record::histogram::{BUCKETS, Histogram};
use vrrp_record::history::{
    Minute, Received, Rejected, Sample, Sent, Sequence, Stage, Stall, Time, Unit, Want,
};
use vrrp_record::journal::{self, Frames};
use vrrp_record::ring::{
    self, Layout, MINUTE_BUCKETS, Record, Resume, Ring, RunHeader, SAMPLES, Transition, minute,
    samples,
};

fn time() -> impl Strategy<Value = Time> {
    (i64::MIN + 1..=i64::MAX).prop_map(Time)
}

fn stage_time() -> impl Strategy<Value = Option<Time>> {
    option::of(time())
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any::<[u8; 16]>().prop_map(IpAddr::from),
    ]
}

fn sent() -> impl Strategy<Value = Record> {
    let what = (any::<[u16; 3]>(), any::<[u8; 3]>(), any::<[bool; 2]>());
    let stages = [(); 6].map(|()| stage_time());
    let rest = (time(), any::<u32>(), option::of(any::<i32>()));
    (what, stages, rest).prop_map(|((numbers, bytes, flags), stages, rest)| {
        let [woke, submitted, accepted, queued, left, taken] = stages;
        Record::Sent(Sent {
            router: numbers[0],
            id: numbers[1],
            skipped: numbers[2],
            priority: bytes[0],
            copies: bytes[1],
            copies_accepted: bytes[2],
            due: rest.0,
            woke,
            submitted,
            accepted,
            queued,
            left,
            taken,
            held_bytes: rest.1,
            errno: rest.2,
            ambiguous: flags[0],
            settled: flags[1],
        })
    })
}

fn received() -> impl Strategy<Value = Record> {
    let sequence = prop_oneof![
        Just(Sequence::Untrusted),
        Just(Sequence::Next),
        any::<u16>().prop_map(Sequence::Missing),
        Just(Sequence::Repeated),
        Just(Sequence::Broken),
    ];
    let what = (
        any::<u16>(),
        address(),
        option::of(any::<u16>()),
        any::<u8>(),
    );
    let rest = (
        any::<u64>(),
        stage_time(),
        time(),
        option::of(any::<[u8; 6]>()),
        any::<u32>(),
        option::of(address()),
    );
    (what, sequence, rest).prop_map(|((router, from, id, priority), sequence, rest)| {
        Record::Received(Received {
            router,
            from,
            id,
            priority,
            interval: rest.0,
            arrived: rest.1,
            read: rest.2,
            sequence,
            mac: rest.3,
            dropped: rest.4,
            foreign: rest.5,
        })
    })
}

fn rejected() -> impl Strategy<Value = Record> {
    let what = (
        any::<u16>(),
        address(),
        any::<u8>(),
        option::of(any::<u8>()),
    );
    (what, any::<[u32; 3]>(), time()).prop_map(|((router, from, reason, priority), numbers, at)| {
        Record::Rejected(Rejected {
            router,
            from,
            reason,
            priority,
            value: numbers[0],
            expected: numbers[1],
            more: numbers[2],
            at,
        })
    })
}

/// Durations up to what 48 bits hold; around `at` within 39 hours.
fn stall() -> impl Strategy<Value = Record> {
    let at = -1_i64 << 60..1 << 60;
    let near = (-1_i64 << 47) + 1..1 << 47;
    let long = [(); 8].map(|()| option::of(0_u64..1 << 48));
    let short = [(); 6].map(|()| option::of(any::<u32>()));
    let rest = (
        any::<bool>(),
        any::<u8>(),
        any::<u16>(),
        any::<u8>(),
        0_u64..1 << 48,
    );
    (at, [near.clone(), near], long, short, rest).prop_map(|(at, near, long, short, rest)| {
        Record::Stall(Stall {
            due: Time(at - near[0]),
            at: Time(at),
            from: Time(at - near[1]),
            run_delay: long[0],
            cpu: long[1],
            throttled: long[2],
            frozen: long[3],
            io_pressure: long[4],
            steal: long[5],
            suspended: long[6],
            timer_slack: long[7],
            throttled_times: short[0],
            sigcont: short[1],
            major_faults: short[2],
            minor_faults: short[3],
            voluntary: short[4],
            involuntary: short[5],
            locked: rest.0,
            fifo: rest.1,
            cpu_number: rest.2,
            step: rest.3,
            step_time: rest.4,
        })
    })
}

fn state() -> impl Strategy<Value = State> {
    prop_oneof![
        Just(State::Initialize),
        Just(State::Backup),
        Just(State::Active),
        Just(State::Releasing),
    ]
}

fn transition() -> impl Strategy<Value = Record> {
    let what = (any::<u16>(), time(), [state(), state()]);
    (what, any::<[u8; 2]>(), option::of(address())).prop_map(|(what, bytes, peer)| {
        Record::Transition(Transition {
            router: what.0,
            at: what.1,
            from: what.2[0],
            to: what.2[1],
            cause: bytes[0],
            priority: bytes[1],
            peer,
        })
    })
}

fn resume() -> impl Strategy<Value = Resume> {
    let flags = (state(), any::<[bool; 2]>(), any::<u8>());
    let numbers = (any::<[u16; 3]>(), any::<[u32; 2]>(), any::<[u64; 2]>());
    let times = ([stage_time(), stage_time(), stage_time()], time());
    (flags, numbers, times, option::of(address())).prop_map(|(flags, numbers, times, source)| {
        Resume {
            router: 0,
            state: flags.0,
            leaving: flags.1[0],
            healthy: flags.1[1],
            healthy_until: times.0[0],
            priority: flags.2,
            ifindex: numbers.1[0],
            plan: numbers.2[0],
            source,
            interval: numbers.2[1],
            id: numbers.0[0],
            ah_sequence: numbers.1[1],
            last_advert: times.0[1],
            next: times.0[2],
            since: times.1,
            present: numbers.0[1],
            wanted: numbers.0[2],
        }
    })
}

const STAGES: [Stage; 7] = [
    Stage::Wake,
    Stage::Send,
    Stage::Queue,
    Stage::Device,
    Stage::Departure,
    Stage::Gap,
    Stage::Read,
];

const UNITS: [Unit; 29] = [
    Unit::InterfaceReceived,
    Unit::InterfaceSent,
    Unit::InterfaceReceiveDropped,
    Unit::InterfaceSendDropped,
    Unit::CarrierChanges,
    Unit::QdiscDropped,
    Unit::QdiscBacklog,
    Unit::QueueStalls,
    Unit::RunDelay,
    Unit::Steal,
    Unit::PressureCpu,
    Unit::PressureIo,
    Unit::PressureMemory,
    Unit::DeviceBusy,
    Unit::DeviceWait,
    Unit::DeviceRequests,
    Unit::SoftirqDropped,
    Unit::SoftirqSqueezed,
    Unit::SocketDropped,
    Unit::AdvertsAtInterface,
    Unit::Membership,
    Unit::ProbeRoundTrip,
    Unit::WallClock,
    Unit::OutOfMemoryKills,
    Unit::InterfaceMaster,
    Unit::ForeignSockets,
    Unit::MulticastAtInterface,
    Unit::Claimant,
    Unit::Claimed,
];

fn sample() -> impl Strategy<Value = Sample> {
    let unit = proptest::sample::select(&UNITS[..]);
    (unit, any::<u32>(), any::<u64>()).prop_map(|(unit, object, value)| Sample {
        at: Time(1_000),
        unit,
        object,
        value,
    })
}

fn histogram() -> impl Strategy<Value = Vec<(u16, u32)>> {
    proptest::collection::btree_map(0..BUCKETS, 1_u32..100_000, 1..200)
        .prop_map(|buckets| buckets.into_iter().collect())
}

fn a_minute() -> impl Strategy<Value = (Minute, Vec<(u16, u32)>)> {
    let stage = proptest::sample::select(&STAGES[..]);
    (stage, any::<u16>(), any::<u32>(), histogram(), any::<u64>()).prop_map(
        |(stage, router, at, buckets, largest)| {
            let mut histogram = Histogram::default();
            for (bucket, count) in &buckets {
                histogram.add_bucket(*bucket, *count, largest);
            }
            let minute = Minute {
                at: Time(i64::from(at >> 8) * 60_000_000_000),
                router: router % 100,
                stage,
                histogram,
            };
            (minute, buckets)
        },
    )
}

struct Memory(Vec<AtomicU64>, Layout);

impl Memory {
    fn new() -> Self {
        let layout = Layout::new(128 * 1024, 2).unwrap();
        let words = (0..layout.bytes() / 8).map(|_| AtomicU64::new(0)).collect();
        Self(words, layout)
    }

    fn ring(&self) -> Ring<'_> {
        Ring::format(&self.1, &self.0, &RunHeader::default()).unwrap()
    }

    fn read(&self) -> ring::Reading {
        let words = self.0.iter().map(|word| word.load(Ordering::Relaxed));
        let bytes: Vec<u8> = words.flat_map(u64::to_ne_bytes).collect();
        ring::read(&bytes).unwrap()
    }
}

proptest! {
    #[test]
    fn a_record_is_read_as_it_was_written(
        record in prop_oneof![sent(), received(), rejected(), stall(), transition()],
        seq in 1_u64..,
    ) {
        let bytes = record.encode().seal(seq);
        prop_assert_eq!(Record::decode(&bytes), Some(record));
    }

    #[test]
    fn no_single_bit_of_a_record_can_turn_without_notice(
        record in prop_oneof![sent(), received(), rejected(), stall(), transition()],
        seq in 1_u64..,
        bit in 0_usize..1024,
    ) {
        let mut bytes = record.encode().seal(seq);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(Record::decode(&bytes), None);
    }

    #[test]
    fn what_a_resume_needs_is_read_as_it_was_written(first in resume(), last in resume()) {
        let memory = Memory::new();
        let mut ring = memory.ring();
        ring.resumes[0].write(&first);
        ring.resumes[0].write(&first);
        ring.resumes[0].write(&last);
        prop_assert_eq!(memory.read().resumes, vec![last]);
    }

    #[test]
    fn samples_are_read_as_they_were_written(all in proptest::collection::vec(sample(), 0..=SAMPLES)) {
        let memory = Memory::new();
        // Each of another object: two values of one counter at one time would be one sample.
        let mut all = all;
        for (object, one) in (0..).zip(&mut all) {
            one.object = object;
        }
        memory.ring().samples.append(samples(Time(1_000), &all));
        all.sort_by_key(|one| (one.unit, one.object));
        prop_assert_eq!(memory.read().history.samples, all);
    }

    #[test]
    fn a_minute_of_any_shape_is_read_as_it_was_written((minute_of, buckets) in a_minute()) {
        let memory = Memory::new();
        let mut ring = memory.ring();
        let total = u32::try_from(minute_of.histogram.count()).unwrap();
        for part in buckets.chunks(MINUTE_BUCKETS) {
            let largest = minute_of.histogram.largest();
            ring.minutes.append(minute(minute_of.router, minute_of.at, minute_of.stage, largest, total, part));
        }
        prop_assert_eq!(&memory.read().history.minutes, &vec![minute_of.clone()]);

        let mut bytes = Vec::new();
        Frames::new(RunHeader::default()).minutes(std::slice::from_ref(&minute_of), &mut bytes);
        let read = journal::read([("1", Ok(&bytes[..]))], &Want::all()).history.minutes;
        prop_assert_eq!(read.len(), 1);
        prop_assert_eq!(&read[0].histogram, &minute_of.histogram);
        prop_assert_eq!((read[0].at, read[0].stage), (minute_of.at, minute_of.stage));
    }
}
