//! The address thread's loop: commands, the kernel's news, a portion of work, a portion of announcements, reports.
//!
//! Portions are small, so that a removal never waits for a thousand additions. What each of them means is decided in the
//! pure modules beside this one.

use std::collections::HashSet;
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::thread::JoinHandle;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use vrrp_proto::router::RouterId;
use vrrp_proto::time::Instant;

use super::doors::Door;
use super::holder::{Holder, Mode};
use super::links::Interfaces;
use super::netlink::{Heard, Monitor, Requests};
use super::outbox::{Engine, World};
use super::pace::{Pacer, Progress};
use super::quiet::Quiet;
use super::successor::Listeners;
use super::{AddressCommand, AddressEnds, AddressSetup};
use crate::core::{Report, SchedulingClass};
use crate::engine::clock;
use crate::queue::Receiver;
use crate::sys;

/// Datagrams of the kernel taken in one turn.
const NEWS: usize = 64;
/// The engine's end is looked at this often, in case it ended without a word.
const LOOK: Duration = Duration::from_secs(1);
/// How soon reports that found no room are tried again.
const FULL: Duration = Duration::from_millis(5);
/// Longest time that a stop spends on taking addresses off.
const STOP: Duration = Duration::from_secs(3);
/// Pause between two portions of work.
const BREATH: Duration = Duration::from_micros(20);
/// Announcements that find no room for so long are told.
const REFUSED: Duration = Duration::from_secs(1);
/// How soon a look at everything is repeated that failed.
const RESYNC: Duration = Duration::from_secs(1);

/// Opens what can fail, then starts the thread.
pub(super) fn spawn(
    setup: AddressSetup,
    ends: AddressEnds,
    fifo: Option<u8>,
) -> io::Result<JoinHandle<()>> {
    // The monitor first: what changes after it was opened is heard, what was there before is asked for.
    let monitor = Monitor::open()?;
    let requests = Requests::open()?;
    let thread = AddressThread::new(setup, ends, monitor, requests);
    std::thread::Builder::new()
        .name("address".to_owned())
        .spawn(move || {
            let scheduling = enter(fifo);
            thread.run(scheduling);
            sys::thread::forget_limit(sys::thread::current());
        })
}

/// Puts the calling thread into its scheduling class.
fn enter(fifo: Option<u8>) -> SchedulingClass {
    sys::thread::watch_limit(sys::thread::current());
    let Some(priority) = fifo else {
        return SchedulingClass::Ordinary;
    };
    match sys::thread::set_fifo(priority) {
        Ok(()) => SchedulingClass::Fifo(priority),
        Err(error) => SchedulingClass::Refused(error.raw_os_error().unwrap_or_default()),
    }
}

/// Everything the thread has.
pub(super) struct AddressThread {
    commands: Receiver<AddressCommand>,
    pub(super) engine: Engine,
    pub(super) world: World,
    monitor: Monitor,
    pub(super) requests: Requests,
    pub(super) interfaces: Interfaces,
    /// In the order of the interfaces.
    pub(super) doors: Vec<Door>,
    pub(super) holders: Vec<Holder>,
    /// Every virtual address of the plan in force.
    pub(super) virtuals: HashSet<IpAddr>,
    pacer: Pacer,
    listeners: Listeners,
    quiet: Quiet,
    /// Whose additions come first in the next portion of work.
    pub(super) first: usize,
    /// Everything has to be asked for at this time.
    resync_at: Option<Instant>,
    /// When news were lost last.
    lost_at: Option<Instant>,
    /// News were lost since everything was asked for.
    pub(super) news_lost: bool,
    /// Everything was asked for since the plan in force came; before, nothing is told.
    pub(super) is_known: bool,
    /// Left-over addresses are looked for with the next look at everything.
    pub(super) looks_for_left_overs: bool,
    pub(super) started_untold: Option<SchedulingClass>,
    pub(super) settled_untold: bool,
    /// Since when addresses are taken off for good.
    stopping: Option<Instant>,
}

impl AddressThread {
    pub(super) fn new(
        setup: AddressSetup,
        ends: AddressEnds,
        monitor: Monitor,
        requests: Requests,
    ) -> Self {
        let mut thread = Self {
            commands: ends.commands,
            engine: Engine::new(ends.reports),
            world: World::new(ends.world),
            monitor,
            requests,
            interfaces: Interfaces::default(),
            doors: Vec::new(),
            holders: Vec::new(),
            virtuals: HashSet::new(),
            pacer: Pacer::new(),
            listeners: Listeners::default(),
            quiet: Quiet::default(),
            first: 0,
            resync_at: None,
            lost_at: None,
            news_lost: false,
            is_known: false,
            looks_for_left_overs: false,
            started_untold: None,
            settled_untold: false,
            stopping: None,
        };
        thread.take_setup(clock::now(), setup);
        thread
    }

    /// Works until told to stop, or until the engine is gone.
    fn run(mut self, scheduling: SchedulingClass) {
        self.started_untold = Some(scheduling);
        while let Some(wait) = self.turn() {
            if wait.is_zero() {
                // The engine may have the same priority and wait for this CPU; and a real-time thread that never sleeps
                // makes the kernel's limit demote them both.
                std::thread::sleep(BREATH);
            } else {
                self.sleep(wait);
            }
        }
    }

    /// One turn of the loop. How long nothing has to be done; none when everything is done.
    pub(super) fn turn(&mut self) -> Option<Duration> {
        let now = clock::now();
        self.take_commands(now);
        if self.resync_at.is_some_and(|at| at <= now) {
            self.resync_at = None;
            match self.resync(now) {
                Ok(()) => self.is_known = true,
                Err(_) => self.resync_at = Some(now.saturating_add(RESYNC)),
            }
        }
        let mut more = self.hear(now);
        self.retry_doors(now);
        more |= self.work(now);
        let frames = self.pacer.run(now, &mut self.holders, &self.interfaces);
        self.tell_announced(now);
        self.watch_for_successors();
        let told = self.tell(now);
        if self.has_ended(now) {
            return None;
        }
        Some(match frames {
            Progress::More => Duration::ZERO,
            Progress::Idle(_) if more => Duration::ZERO,
            Progress::Idle(next) => self.wait(clock::now(), next, told),
        })
    }

    /// A new plan; the first one as well.
    fn take_setup(&mut self, now: Instant, setup: AddressSetup) {
        self.interfaces = Interfaces::new(&setup.interfaces, std::mem::take(&mut self.interfaces));
        let mut old_doors = std::mem::take(&mut self.doors);
        for interface in &self.interfaces.list {
            let key = interface.setup.key;
            let place = old_doors.iter().position(|door| door.key == key);
            let mut door = place.map_or_else(|| Door::new(key), |at| old_doors.swap_remove(at));
            door.tell_all();
            self.doors.push(door);
        }
        let mut old = std::mem::take(&mut self.holders);
        for router in setup.routers {
            let mut holder = Holder::new(router);
            let same = |o: &Holder| o.setup.id == holder.setup.id && !o.retired;
            if let Some(before) = old.iter_mut().find(|o| same(o)) {
                holder.adopt(now, before);
                // What is left in it is wanted by nobody.
                before.mode = Mode::Idle;
            }
            holder.untold.source = true;
            self.holders.push(holder);
        }
        self.virtuals = self
            .holders
            .iter()
            .flat_map(|holder| &holder.entries)
            .map(|entry| entry.plan.address)
            .collect();
        for mut holder in old {
            holder.retire();
            if !holder.is_empty() {
                self.holders.push(holder);
            }
        }
        self.looks_for_left_overs = true;
        self.settled_untold = true;
        self.is_known = false;
        self.resync_at = Some(now);
    }

    fn take_commands(&mut self, now: Instant) {
        self.commands.signal().clear();
        while let Some(command) = self.commands.try_next() {
            match command {
                AddressCommand::Add { router } if self.stopping.is_none() => {
                    self.with(router, Holder::add);
                }
                AddressCommand::Remove { router } => self.with(router, Holder::remove),
                AddressCommand::Hold { router } => self.with(router, Holder::hold),
                AddressCommand::Announce { router, reason } => {
                    self.with(router, |holder| holder.announce(now, reason));
                }
                AddressCommand::AnnounceSource { router } => {
                    self.with(router, |holder| {
                        holder.source_rounds = holder.setup.announce.repeat;
                    });
                }
                AddressCommand::Replace(setup) if self.stopping.is_none() => {
                    self.take_setup(now, *setup);
                }
                AddressCommand::Retire(sockets) => drop(sockets),
                AddressCommand::Stop => self.stop(now),
                // Too late for anything new.
                AddressCommand::Add { .. } | AddressCommand::Replace(_) => {}
            }
        }
        if self.commands.is_abandoned() {
            self.stop(now);
        }
    }

    /// The router of the plan in force, else one that left it and is still being looked after.
    fn with(&mut self, router: RouterId, change: impl FnOnce(&mut Holder)) {
        let same = |holder: &&mut Holder| holder.setup.id == router;
        // Routers of the plan come before those that left it.
        if let Some(holder) = self.holders.iter_mut().find(same) {
            change(holder);
        }
    }

    fn stop(&mut self, now: Instant) {
        if self.stopping.is_none() {
            self.stopping = Some(now);
            for holder in &mut self.holders {
                holder.remove();
                holder.source_rounds = 0;
            }
        }
    }

    /// Takes what the kernel tells. Whether there is more.
    fn hear(&mut self, now: Instant) -> bool {
        let mut news = Vec::new();
        for _ in 0..NEWS {
            let heard = self
                .monitor
                .read(&mut |from, message| news.push((from, message)));
            match heard {
                Heard::Some => {}
                Heard::Nothing => {
                    self.take_news(now, news);
                    return false;
                }
                Heard::Lost => {
                    self.monitor.discard();
                    self.news_lost = true;
                    // At once, but not more than once a second, however fast the kernel talks.
                    let earliest = self.lost_at.map_or(now, |at| at.saturating_add(RESYNC));
                    let at = earliest.max(now);
                    self.lost_at = Some(at);
                    self.resync_at = Some(self.resync_at.map_or(at, |asked| asked.min(at)));
                    return true;
                }
            }
        }
        self.take_news(now, news);
        true
    }

    /// Tells what was announced, as soon as the frames of a command are sent.
    fn tell_announced(&mut self, now: Instant) {
        for holder in &mut self.holders {
            // Where the kernel has no room for long, that is what there is to tell.
            if let Some(announced) = holder.announced
                && let Some((first, last)) = announced.tried
                && (holder.burst.rounds == 0 || last.saturating_since(first) >= REFUSED)
            {
                holder.announced = None;
                self.world.tell(
                    now,
                    Report::Announced {
                        router: holder.setup.id,
                        frames: announced.frames,
                        refused: announced.refused,
                        took: last.saturating_since(first),
                        at: last,
                    },
                );
            }
        }
    }

    fn retry_doors(&mut self, now: Instant) {
        for place in 0..self.doors.len() {
            let due = |door: &Door| door.next_retry().is_some_and(|at| at <= now);
            if self.doors.get(place).is_some_and(due) {
                self.open_door(now, place);
            }
        }
    }

    /// Listens where something is held, and keeps the kernel quiet there.
    fn watch_for_successors(&mut self) {
        let (mut indexes, mut quiet) = (Vec::new(), Vec::new());
        for holder in self.holders.iter().filter(|h| h.mode == Mode::Holding) {
            for entry in &holder.entries {
                let Some(index) = entry.present_on else {
                    continue;
                };
                if !indexes.contains(&index) {
                    indexes.push(index);
                }
                if entry.plan.address.is_ipv4()
                    && let Some(interface) = self.interfaces.get(entry.key)
                    && !quiet.contains(&interface.setup.name.as_str())
                {
                    quiet.push(interface.setup.name.as_str());
                }
            }
        }
        self.listeners.listen_on(&indexes);
        self.quiet.keep(&quiet);
        let (interfaces, holders) = (&mut self.interfaces, &mut self.holders);
        self.listeners.hear(&mut |claim| {
            let own = interfaces
                .by_index(claim.index)
                .and_then(|interface| interface.link.as_ref())
                .and_then(|link| link.mac());
            if own != Some(claim.sender) {
                for holder in &mut *holders {
                    holder.released(claim.index, claim.address);
                }
            }
        });
    }

    /// Whether everything is done after a stop; tells it.
    fn has_ended(&mut self, now: Instant) -> bool {
        let Some(since) = self.stopping else {
            return false;
        };
        let left = self.left();
        if left > 0 && now.saturating_since(since) < STOP {
            return false;
        }
        self.quiet.keep(&[]);
        self.commands.is_abandoned() || self.engine.tell_stopped(left)
    }

    /// How long nothing has to be done.
    fn wait(&self, now: Instant, frames: Option<Instant>, told: bool) -> Duration {
        let retries = self.holders.iter().filter_map(Holder::next_retry);
        let doors = self.doors.iter().filter_map(Door::next_retry);
        let next = retries
            .chain(doors)
            .chain(frames)
            .chain(self.resync_at)
            .min();
        let wait = next.map_or(LOOK, |at| at.saturating_since(now).min(LOOK));
        if told { wait } else { wait.min(FULL) }
    }

    /// Sleeps until something happens.
    fn sleep(&self, wait: Duration) {
        let mut fds = vec![
            PollFd::new(self.commands.signal().as_fd(), PollFlags::POLLIN),
            PollFd::new(self.monitor.as_fd(), PollFlags::POLLIN),
        ];
        let listeners = self.listeners.fds();
        fds.extend(listeners.map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
        // An interruption is a wake-up like any other.
        let _ = ppoll(&mut fds, Some(TimeSpec::from_duration(wait)), None);
    }
}
