//! Journals made by hand: two load balancers over any time and with any number of routers, whose adverts are held on the way
//! now and then. For tests of what reads records, where waiting for a week of real ones is no option.
//!
//! lb1 (10.0.0.2) is MASTER of all routers. Where its adverts are held for longer than the down interval, lb2 (10.0.0.3)
//! takes over, gets them all at once, and gives way. lb2's clock is 1.7 s behind.

use std::ffi::OsString;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use vrrp_record::cause::Cause;
use vrrp_record::event::{Event, Kind};
use vrrp_record::histogram::Histogram;
use vrrp_record::history::{Minute, Received, Router, Sample, Sent, Sequence, Stage, Time, Unit};
use vrrp_record::journal::Frames;
use vrrp_record::ring::{Record, RunHeader};
use vrrp_record::text::Name;
use vrrp_record::words::Word;

const MICRO: i64 = 1_000;
const MILLI: i64 = 1_000_000;
const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;

/// When the records begin: 2026-11-17 12:00:00 UTC.
pub const START: Time = Time(1_794_916_800 * SECOND);
/// lb2's clock less lb1's.
const AHEAD: i64 = -1_700 * MILLI;
const LB1: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));
const LB2: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 3));
/// Around an incident records are full, as the journal keeps them.
const BEFORE: i64 = 60;
const AFTER: i64 = 30;

/// Adverts of one router that are held on the way.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// Position of the router.
    pub router: u16,
    /// The second since the start in which the first of them is due.
    pub second: i64,
    /// How many; with four the peer takes over.
    pub adverts: i64,
}

/// What is recorded.
#[derive(Clone, Debug)]
pub struct Site {
    /// Number of routers.
    pub routers: u16,
    /// Their names; `{}` becomes the number.
    pub name: &'static str,
    /// Length of the records.
    pub minutes: i64,
    /// Every advert is recorded, not only those around what was held.
    pub full: bool,
    /// What happens.
    pub held: Vec<Held>,
}

impl Site {
    /// One router for one hour, recorded in full, with one failover and one near one.
    #[must_use]
    pub fn hour() -> Self {
        let held = |second, adverts| Held {
            router: 0,
            second,
            adverts,
        };
        Self {
            routers: 1,
            name: "loadbalancer",
            minutes: 60,
            full: true,
            held: vec![held(1_210, 2), held(2_405, 4)],
        }
    }

    /// Many routers for a week, as a journal keeps it: every few hours some of them lose their MASTER for a moment.
    #[must_use]
    pub fn week(routers: u16) -> Self {
        let incidents = 7 * 24 / 3;
        let held = (1..incidents).flat_map(|incident: i64| {
            let second = incident * 3 * 3_600 + incident * 37 % 600;
            let adverts = if incident % 3 == 0 { 4 } else { 2 };
            (0..incident % 4 + 1).map(move |nth| Held {
                router: u16::try_from((incident * 7 + nth * 11) % i64::from(routers))
                    .unwrap_or_default(),
                second: second + nth,
                adverts,
            })
        });
        Self {
            routers,
            name: "customer-{}",
            minutes: 7 * 24 * 60,
            full: false,
            held: held.collect(),
        }
    }

    /// Writes both nodes' journals into directories, and names them.
    ///
    /// # Errors
    /// Of the file system.
    pub fn write(&self, directory: &Path) -> io::Result<[PathBuf; 2]> {
        let nodes = [directory.join("lb1"), directory.join("lb2")];
        for (node, first) in nodes.iter().zip([true, false]) {
            std::fs::create_dir_all(node)?;
            std::fs::write(node.join("000000000000001.vrj"), self.journal(first))?;
        }
        Ok(nodes)
    }

    /// Writes both nodes' journals and the page about them into a directory that is emptied first, and names the page.
    ///
    /// # Errors
    /// Of the file system; what the tool says is on standard error.
    pub fn page(&self, directory: &Path) -> io::Result<PathBuf> {
        match std::fs::remove_dir_all(directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => std::fs::create_dir_all(directory)?,
        }
        let [first, second] = self.write(directory)?;
        let page = directory.join("page.html");
        let words: [OsString; 8] = [
            "vrrpctl".into(),
            "report".into(),
            "--html".into(),
            page.clone().into(),
            "--from".into(),
            first.into(),
            "--peer".into(),
            second.into(),
        ];
        let exit = vrrpctl::run(words, &mut vrrpctl::Output::standard());
        if exit == vrrpctl::Exit::Healthy {
            return Ok(page);
        }
        Err(io::Error::other(format!("vrrpctl report: {exit:?}")))
    }

    fn router(&self, number: u16, first: bool) -> Router {
        Router {
            name: self.name.replace("{}", &format!("{:02}", number + 1)),
            interface: String::from("eth0"),
            vrid: u8::try_from(number % 254 + 1).unwrap_or(1),
            ipv6: number >= 254,
            version: 3,
            source: Some(if first { LB1 } else { LB2 }),
            interval: 1_000_000_000,
            priority: if first { 103 } else { 100 },
            preempt: true,
            down_adverts: 3,
            addresses: vec![IpAddr::from([192, 168, 205, 7])],
        }
    }

    fn journal(&self, first: bool) -> Vec<u8> {
        let clock = if first { 0 } else { AHEAD };
        let mut frames = Frames::new(RunHeader {
            host: String::from(if first { "lb1" } else { "lb2" }),
            addresses: vec![if first { LB1 } else { LB2 }],
            boot_id: String::from(if first { "one" } else { "two" }),
            pid: 812,
            version: String::from("0.1.0"),
            started: START.plus(clock),
            monotonic_ns: 5_000_000_000,
            ..RunHeader::default()
        });
        let mut bytes = Vec::new();
        let routers: Vec<(u16, Router)> = (0..self.routers)
            .map(|number| (number, self.router(number, first)))
            .collect();
        frames.head(&routers, &[], &mut bytes);
        let mut records = self.adverts(first);
        records.sort_by_key(Record::at);
        for some in records.chunks(64) {
            frames.records(some, &mut bytes);
        }
        for (seq, (at, kind)) in (1..).zip(self.events(first)) {
            frames.event(
                &Event {
                    seq,
                    unix_ms: at.unix_ms(),
                    monotonic_ns: 5_000_000_000
                        + u64::try_from(at.since(START.plus(clock))).unwrap_or_default(),
                    kind,
                },
                &mut bytes,
            );
        }
        let samples = self.samples(clock);
        for some in samples.chunks(256) {
            frames.samples(some, &mut bytes);
        }
        let mut minutes = Vec::new();
        for minute in 0..self.minutes {
            for router in 0..self.routers {
                self.histograms(first, router, minute, &mut minutes);
            }
            if minutes.len() > 4_000 {
                frames.minutes(&minutes, &mut bytes);
                minutes.clear();
            }
        }
        frames.minutes(&minutes, &mut bytes);
        for (from, until) in self.stretches() {
            let at = |second: i64| START.plus(second * SECOND + clock);
            frames.detailed(at(from), at(until), &mut bytes);
        }
        bytes
    }

    /// Seconds whose records are full, ascending and apart.
    fn stretches(&self) -> Vec<(i64, i64)> {
        let last = self.minutes * 60;
        if self.full {
            return vec![(0, last)];
        }
        let mut stretches: Vec<(i64, i64)> = Vec::new();
        let mut held = self.held.clone();
        held.sort_by_key(|held| held.second);
        for held in held {
            let (from, until) = (held.second - BEFORE, held.second + held.adverts + AFTER);
            match stretches.last_mut() {
                Some(known) if from <= known.1 => known.1 = known.1.max(until),
                _ => stretches.push((from.max(0), until.min(last))),
            }
        }
        stretches
    }

    /// When lb1's advert of a second is due, by its own clock.
    fn due(router: u16, second: i64) -> Time {
        START.plus(second * SECOND + 100 * MILLI + i64::from(router) * 2 * MILLI)
    }

    /// When it arrives, by lb1's clock.
    fn arrival(&self, router: u16, second: i64) -> Time {
        let on_time = Self::due(router, second).plus(late(second) + 200 * MICRO);
        let held = self.held.iter().find(|held| {
            held.router == router && (held.second..held.second + held.adverts).contains(&second)
        });
        match held {
            Some(held) => released(held).plus((second - held.second) * 600 * MICRO),
            None => on_time,
        }
    }

    fn adverts(&self, first: bool) -> Vec<Record> {
        let mut records = Vec::new();
        for (from, until) in self.stretches() {
            for second in from..until {
                for router in 0..self.routers {
                    records.push(if first {
                        Record::Sent(sent(router, second))
                    } else {
                        Record::Received(heard(
                            router,
                            second,
                            LB1,
                            103,
                            self.arrival(router, second).plus(AHEAD),
                        ))
                    });
                }
            }
        }
        for held in self.held.iter().filter(|held| held.adverts >= 4) {
            let takeover = takeover(held);
            records.push(if first {
                Record::Received(heard(held.router, 7, LB2, 100, takeover.plus(200 * MICRO)))
            } else {
                let mut own = sent(held.router, 7);
                let shift = takeover.plus(AHEAD).since(own.due);
                own.due = own.due.plus(shift);
                for stage in [
                    &mut own.woke,
                    &mut own.submitted,
                    &mut own.accepted,
                    &mut own.queued,
                    &mut own.left,
                ] {
                    *stage = stage.map(|at| at.plus(shift));
                }
                own.priority = 100;
                Record::Sent(own)
            });
        }
        records
    }

    fn events(&self, first: bool) -> Vec<(Time, Kind)> {
        let clock = if first { 0 } else { AHEAD };
        let mut events = vec![(START.plus(clock), Kind::Started { pid: 812 })];
        let mut number = 0;
        let mut change = |router: u16, from, to, cause, priority| {
            number += 1;
            Kind::Transition {
                router: Name::new(&self.router(router, first).name),
                from,
                to,
                releasing: false,
                cause,
                priority,
                number,
            }
        };
        let priority = if first { 103 } else { 100 };
        for router in 0..self.routers {
            let begun = START.plus(clock + 2 * MILLI);
            let to = if first { Word::Master } else { Word::Backup };
            events.push((
                begun,
                change(router, Word::Init, to, Cause::Started, priority),
            ));
        }
        for held in &self.held {
            let name = Name::new(&self.router(held.router, first).name);
            if held.adverts < 4 {
                if !first {
                    number_near(&mut events, name, held);
                }
            } else if first {
                let lower = Kind::LowerHeard {
                    router: name,
                    from: LB2,
                    priority: 100,
                };
                events.push((takeover(held).plus(220 * MICRO), lower));
            } else {
                let silent = Cause::SilentActive {
                    last: Some(LB1),
                    silence_ms: Some(3_610),
                };
                let higher = Cause::HigherPriority {
                    from: LB1,
                    priority: 103,
                    ours: 100,
                };
                let (taken, given) = (
                    takeover(held).plus(AHEAD),
                    released(held).plus(AHEAD + 40 * MICRO),
                );
                events.push((
                    taken,
                    change(held.router, Word::Backup, Word::Master, silent, 100),
                ));
                events.push((
                    given,
                    change(held.router, Word::Master, Word::Backup, higher, 100),
                ));
            }
        }
        events.sort_by_key(|event| event.0);
        events
    }

    /// Storage and CPU pressure, ten a second where records are full: it rises while adverts are held.
    fn samples(&self, clock: i64) -> Vec<Sample> {
        let mut samples = Vec::new();
        let (mut io, mut cpu, mut packets) = (0_u64, 0_u64, 0_u64);
        for (from, until) in self.stretches() {
            for tick in from * 10..until * 10 {
                let second = tick / 10;
                let busy = self
                    .held
                    .iter()
                    .any(|held| (held.second..held.second + held.adverts).contains(&second));
                io += if busy {
                    82_000_000
                } else {
                    u64::from(tick % 70 == 0) * 3_000_000
                };
                cpu += if tick % 31 == 0 { 9_000_000 } else { 400_000 };
                packets += if busy {
                    0
                } else {
                    120 + (tick as u64 * 7) % 90
                };
                let at = START.plus(tick * 100 * MILLI + clock);
                for (unit, object, value) in [
                    (Unit::PressureIo, 0, io),
                    (Unit::PressureCpu, 0, cpu),
                    (Unit::InterfaceReceived, 2, packets),
                ] {
                    samples.push(Sample {
                        at,
                        unit,
                        object,
                        value,
                    });
                }
            }
        }
        samples
    }

    fn histograms(&self, first: bool, router: u16, minute: i64, into: &mut Vec<Minute>) {
        let clock = if first { 0 } else { AHEAD };
        let stages: &[Stage] = if first {
            &[Stage::Wake, Stage::Send, Stage::Queue, Stage::Departure]
        } else {
            &[Stage::Gap, Stage::Read]
        };
        for stage in stages {
            let mut histogram = Histogram::default();
            for second in minute * 60..(minute + 1) * 60 {
                let nanos = match stage {
                    Stage::Gap => self
                        .arrival(router, second)
                        .since(self.arrival(router, second - 1)),
                    Stage::Wake => late(second + i64::from(router)),
                    Stage::Departure => late(second + i64::from(router)) + 19 * MICRO,
                    Stage::Send => 31 * MICRO + second % 5 * MICRO,
                    Stage::Queue => 7 * MICRO,
                    Stage::Read | Stage::Device => 24 * MICRO + second % 11 * MICRO,
                };
                histogram.record(u64::try_from(nanos).unwrap_or_default());
            }
            into.push(Minute {
                at: START.plus(minute * MINUTE + clock),
                router,
                stage: *stage,
                histogram,
            });
        }
    }
}

/// Lateness that looks like a measured one and is the same in every run: mostly tens of microseconds, now and then more.
fn late(second: i64) -> i64 {
    let base = 40 * MICRO + second.wrapping_mul(7_919).rem_euclid(97) * MICRO;
    match second.rem_euclid(5_003) {
        0 => base + 9 * MILLI,
        1..4 => base + 800 * MICRO,
        _ => base,
    }
}

/// When held adverts come through, by lb1's clock.
fn released(held: &Held) -> Time {
    Site::due(held.router, held.second + held.adverts - 1).plus(22 * MILLI)
}

/// When lb2 takes over, by lb1's clock: its down interval after the last advert that came in time.
fn takeover(held: &Held) -> Time {
    Site::due(held.router, held.second - 1).plus(3_610 * MILLI)
}

fn number_near(events: &mut Vec<(Time, Kind)>, router: Name, held: &Held) {
    let near = Kind::NearFailover {
        router,
        number: 10_000 + u32::try_from(events.len()).unwrap_or_default(),
        from: Some(LB1),
        gap_ms: u64::try_from(held.adverts * 1_000 + 20).unwrap_or_default(),
        limit_ms: 3_609,
    };
    events.push((released(held).plus(AHEAD), near));
}

fn number(second: i64) -> u16 {
    u16::try_from(second.rem_euclid(65_535) + 1).unwrap_or(1)
}

fn sent(router: u16, second: i64) -> Sent {
    let due = Site::due(router, second);
    let woke = late(second + i64::from(router));
    let after = |nanos| Some(due.plus(woke + nanos));
    Sent {
        copies_accepted: 1,
        woke: after(0),
        submitted: after(4 * MICRO),
        accepted: after(31 * MICRO),
        queued: after(12 * MICRO),
        left: after(19 * MICRO),
        ..Sent::scheduled(router, number(second), 103, due)
    }
}

fn heard(router: u16, second: i64, from: IpAddr, priority: u8, arrived: Time) -> Received {
    Received {
        router,
        from,
        id: Some(number(second)),
        priority,
        interval: 1_000_000_000,
        arrived: Some(arrived),
        read: arrived.plus(24 * MICRO),
        sequence: Sequence::Next,
        mac: None,
        dropped: 0,
        foreign: None,
    }
}
