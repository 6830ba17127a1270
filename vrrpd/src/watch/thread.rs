//! The watching thread: packets, links and addresses as the kernel tells of them, the process ten times a second. It writes
//! the records and tells the observer what they mean; it sends nothing and changes nothing.

use std::collections::HashSet;
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use vrrp_proto::time::Instant;
use vrrp_proto::wire::Datagram;
use vrrp_record::cause::Cause;
use vrrp_record::event::{DownReason, Event, InterfaceChange, Kind, Remover};
use vrrp_record::infer::Told;
use vrrp_record::ring::{EVENT, Record, RegionWriter, append_event, append_unavailable};
use vrrp_record::text::Name;
use vrrp_record::words::{FaultSet, Faults, Objects, Word};

use super::links::Links;
use super::process::Process;
use super::router::{Outcome, Watched};
use super::tap::Tap;
use crate::address::netlink::{Heard, Monitor};
use crate::core::{self, RouterSnapshot};
use crate::journal::Axis;
use crate::observe::{Now, Observer};
use crate::recorder::{EnginePart, RingFile};

/// How often the process is looked at.
const PERIOD: Duration = Duration::from_millis(100);
/// How often a process is looked for where there is none.
const SEARCH: Duration = Duration::from_secs(1);
/// How often the recorder is looked after.
const CARE: Duration = Duration::from_secs(1);
/// Packets of one turn; more are taken in the next.
const A_TURN: usize = 256;

/// What the status is made of.
pub(super) type Board = Arc<Mutex<Vec<RouterSnapshot>>>;

/// The parts of the flight recorder that the thread writes.
pub(super) struct Records {
    pub(super) engine: EnginePart,
    pub(super) events: RegionWriter<'static, EVENT>,
    /// Looked at now and then, until it is lost.
    pub(super) file: Option<RingFile>,
    /// It has what this machine cannot give.
    pub(super) complete: bool,
}

/// What the thread works with.
pub(super) struct Work {
    pub(super) tap: Tap,
    pub(super) monitor: Monitor,
    pub(super) links: Links,
    pub(super) routers: Vec<Watched>,
    pub(super) observer: Arc<Observer>,
    pub(super) axis: Axis,
    pub(super) recorder: Option<Records>,
    /// Events of the observer, for the ring and whoever follows it.
    pub(super) events: Receiver<Event>,
    pub(super) follower: SyncSender<Event>,
    pub(super) board: Board,
    pub(super) process: Option<Process>,
    pub(super) searched: Instant,
    /// When the recorder was looked after.
    pub(super) cared: Instant,
    /// Late adverts whose evidence is not there yet: due, left.
    pub(super) late: Vec<(Instant, Instant)>,
    pub(super) stop: Arc<AtomicBool>,
}

impl Work {
    pub(super) fn run(mut self) {
        self.relink(true);
        self.publish();
        while !self.stop.load(Ordering::Relaxed) {
            if let Err(error) = self.turn() {
                tracing::error!("nothing is seen any more: {error}");
                break;
            }
        }
        // What came last wants a sample behind it.
        if self.process.as_mut().is_some_and(Process::sample) {
            self.explain_late();
        }
        self.take_events();
        let now = self.axis.time(core::now());
        if let Some(recorder) = &mut self.recorder {
            recorder.engine.life.end(now);
        }
    }

    fn turn(&mut self) -> io::Result<()> {
        let mut ready = [
            PollFd::new(self.tap.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.monitor.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut ready, PollTimeout::from(50_u8)) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        self.take_news();
        self.take_packets()?;
        let now = core::now();
        for place in 0..self.routers.len() {
            let told = self
                .routers
                .get_mut(place)
                .map(|router| router.pass(now, self.axis))
                .unwrap_or_default();
            self.tell(place, told);
        }
        self.look_at_process(now);
        self.explain_late();
        self.take_events();
        if let Some(recorder) = &mut self.recorder {
            recorder.engine.life.beat(self.axis.time(now));
        }
        if now.saturating_since(self.cared) >= CARE {
            self.cared = now;
            self.look_after_recorder();
        }
        self.publish();
        Ok(())
    }

    /// Tells when its file is lost, and puts into it what this machine cannot give, once that is known.
    fn look_after_recorder(&mut self) {
        let Some(recorder) = &mut self.recorder else {
            return;
        };
        if !recorder.complete
            && let Some(missing) = self.observer.known_unavailable()
        {
            recorder.complete = true;
            for missing in &missing {
                append_unavailable(&mut recorder.events, missing);
            }
        }
        if let Some(file) = &recorder.file
            && let Some(trouble) = self.observer.recorder_lost(file)
        {
            tracing::warn!("{trouble}");
            recorder.file = None;
        }
    }

    fn take_packets(&mut self) -> io::Result<()> {
        for _ in 0..A_TURN {
            let now = Now::read();
            let (axis, routers) = (self.axis, &mut self.routers);
            let mut outcome: Option<(usize, Outcome)> = None;
            let more = self.tap.next(now, &mut |packet| {
                let Ok(datagram) = Datagram::parse(packet.family, packet.bytes) else {
                    return;
                };
                let found = routers
                    .iter_mut()
                    .enumerate()
                    .find(|(_, router)| router.is_for(packet, &datagram));
                if let Some((place, router)) = found {
                    outcome = Some((place, router.take(packet, &datagram, axis)));
                }
            })?;
            if !more {
                break;
            }
            if let Some((place, outcome)) = outcome {
                for record in &outcome.records {
                    self.write(record);
                }
                self.late.extend(outcome.late);
                self.tell(place, outcome.told);
            }
        }
        Ok(())
    }

    fn write(&mut self, record: &Record) {
        let Some(recorder) = &mut self.recorder else {
            return;
        };
        let engine = &mut recorder.engine;
        match record {
            Record::Sent(_) | Record::Received(_) => engine.adverts.append(record.encode()),
            Record::Rejected(_) | Record::Stall(_) | Record::Transition(_) => {
                engine.kept.append(record.encode())
            }
        };
    }

    /// Tells the observer what was inferred about a router.
    fn tell(&self, place: usize, told: Vec<Told>) {
        let Some(router) = self.routers.get(place) else {
            return;
        };
        // The observer asks for the routers' state while it takes an event.
        if !told.is_empty() {
            self.publish();
        }
        let name = Name::new(&router.plan.name);
        for one in told {
            match one {
                Told::Found { at, state } => {
                    self.observer
                        .found(&router.plan.name, state, self.axis.instant(at));
                }
                Told::Changed {
                    at,
                    from,
                    to,
                    cause,
                    priority,
                } => {
                    let at = self.axis.instant(at);
                    self.observer
                        .seen(&router.plan.name, (from, to), cause, priority, at);
                }
                Told::Lower { advert } => {
                    let kind = Kind::LowerHeard {
                        router: name,
                        from: advert.from,
                        priority: advert.priority,
                    };
                    self.observer.record_at(kind, self.axis.instant(advert.at));
                }
            }
        }
    }

    fn take_news(&mut self) {
        let mut changed = false;
        loop {
            let links = &mut self.links;
            match self.monitor.read(&mut |_, message| links.take(message)) {
                Heard::Nothing => break,
                Heard::Some => changed = true,
                Heard::Lost => {
                    self.monitor.discard();
                    if self.links.ask().is_err() {
                        break;
                    }
                    changed = true;
                }
            }
        }
        if changed {
            self.relink(false);
        }
    }

    /// Interfaces and addresses of every router from what the kernel told.
    fn relink(&mut self, first: bool) {
        let now = core::now();
        let mut told_of: HashSet<String> = HashSet::new();
        for place in 0..self.routers.len() {
            let Some(router) = self.routers.get_mut(place) else {
                continue;
            };
            let name = router.plan.interface.clone();
            let link = self.links.named(&name);
            router.index = link.map(|link| link.index);
            let up = link.is_some_and(|link| link.up);
            let vips: Vec<IpAddr> = router
                .plan
                .addresses
                .iter()
                .chain(&router.plan.excluded)
                .map(|vip| vip.address)
                .collect();
            let present = vips.iter().filter(|vip| self.links.has(**vip)).count();
            router.present = u16::try_from(present).unwrap_or(u16::MAX);
            if std::mem::replace(&mut router.up, up) == up && !first {
                continue;
            }
            if first && up {
                continue;
            }
            let reason = match link {
                Some(link) if !link.set_up => DownReason::SetDown,
                Some(_) => DownReason::NoCarrier,
                None => DownReason::Unknown,
            };
            let change = match (link, up) {
                (None, _) => InterfaceChange::Vanished,
                (_, true) => InterfaceChange::Up,
                (_, false) => InterfaceChange::Down,
            };
            let interface = Name::new(&name);
            let (state, cause) = if up {
                (Word::Backup, Cause::FaultCleared)
            } else {
                let objects = Objects {
                    interface: Some(interface),
                    ..Objects::default()
                };
                let faults = Faults(FaultSet::INTERFACE_DOWN);
                (Word::Fault, Cause::Fault { faults, objects })
            };
            // Without a process there is nobody who could have a fault.
            let told = if self.process.is_some() || first {
                router.learn(now, state, cause, self.axis)
            } else {
                Vec::new()
            };
            if told_of.insert(name) {
                let kind = Kind::Interface {
                    interface,
                    change,
                    reason: if up { DownReason::Unknown } else { reason },
                    by: Remover::Unknown,
                };
                self.observer.record_at(kind, now);
            }
            self.tell(place, told);
        }
    }

    fn look_at_process(&mut self, now: Instant) {
        let due = |last: Option<Instant>, period| {
            last.is_none_or(|last| now.saturating_since(last) >= period)
        };
        let gone = self.process.as_mut().and_then(|process| {
            let alive = !due(process.sampled(), PERIOD) || process.sample();
            (!alive).then_some(process.pid)
        });
        if let Some(pid) = gone {
            self.process = None;
            self.searched = now;
            tracing::info!("the watched process {pid} has ended");
            self.all_learn(now, Word::Init, Cause::Stopped);
        } else if self.process.is_none() && due(Some(self.searched), SEARCH) {
            self.searched = now;
            self.process = Process::find();
            if let Some(process) = &self.process {
                tracing::info!("watches process {}", process.pid);
                self.restarted(now);
            }
        }
    }

    /// Whoever is there now and was not before has started; a router whose adverts were seen meanwhile is past that.
    fn restarted(&mut self, now: Instant) {
        for place in 0..self.routers.len() {
            let Some(router) = self.routers.get_mut(place) else {
                continue;
            };
            if router.role.state() == Some(Word::Init) && router.up {
                let told = router.learn(now, Word::Backup, Cause::Started, self.axis);
                self.tell(place, told);
            }
        }
    }

    fn all_learn(&mut self, now: Instant, word: Word, cause: Cause) {
        for place in 0..self.routers.len() {
            let told = self
                .routers
                .get_mut(place)
                .map(|router| router.learn(now, word, cause, self.axis))
                .unwrap_or_default();
            self.tell(place, told);
        }
    }

    /// Writes the evidence of late adverts, once a sample was taken behind them.
    fn explain_late(&mut self) {
        let late = std::mem::take(&mut self.late);
        for (due, left) in late {
            let Some(process) = &self.process else {
                continue;
            };
            if process.sampled().is_none_or(|last| last < left) {
                self.late.push((due, left));
            } else if let Some(stall) = process.stall(due, left, self.axis) {
                self.write(&Record::Stall(stall));
            }
        }
    }

    fn take_events(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            if let Some(recorder) = &mut self.recorder {
                append_event(&mut recorder.events, &event);
            }
            // It counts what it misses.
            let _ = self.follower.try_send(event);
        }
    }

    fn publish(&self) {
        let routers = self.routers.iter().map(Watched::snapshot).collect();
        *self.board.lock().unwrap_or_else(PoisonError::into_inner) = routers;
    }
}
