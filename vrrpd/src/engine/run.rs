//! The engine's loop: wait, drain, decide, send, publish, set the timer.

use std::io;
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use vrrp_proto::node::{NodeEvent, RouterIndex};
use vrrp_proto::router::{Event, StopKind, Timer};
use vrrp_proto::time::Instant;
use vrrp_record::step::Step;

use super::clock;
use super::duty::{Duty, Verdict};
use super::ends::{Command, Ends, Outs};
use super::evidence::Evidence;
use super::hands::Hands;
use super::heartbeat::{Heartbeat, Pulse};
use super::realtime::Realtime;
use super::receive::{self, Strays};
use super::recording::Owed;
use super::setup::Setup;
use super::steps::{Steps, Timed};
use super::stop::Stopping;
use crate::core::{CoreOptions, DemotionReason, OnResign, Report, ResignReason, SchedulingClass};
use crate::sys::message::Inbox;

/// Packets taken in one wake-up before deadlines are looked at (safety rule 4).
const PACKETS: usize = 64;
/// How long the queues are drained before a takeover at most: a flood must not hold other routers' adverts up.
const DRAIN: Duration = Duration::from_millis(10);
/// Lateness that is no stall for any router: the protocol decides about more, in relation to the interval.
const STALL: Duration = Duration::from_millis(20);
/// Looks for transmit stamps that did not come at once: after this, then four times as long, then again, five times.
const FIRST_LOOK: Duration = Duration::from_millis(2);
/// Extra looks for one advert.
const LOOKS: u32 = 5;
/// Events taken from epoll at once.
const EVENTS: usize = 64;

/// Marks of epoll events that are no receive socket: those have the generation in the upper half, which is never 0.
const TIMER: u64 = 0;
const SIGNAL: u64 = 1;

/// The engine.
pub(crate) struct Engine {
    pub(super) setup: Box<Setup>,
    pub(super) hands: Hands,
    pub(super) ends: Ends,
    pub(super) options: CoreOptions,
    pub(super) epoll: Epoll,
    timer: TimerFd,
    pub(super) armed: Option<Instant>,
    /// The deadline that ended the present turn's wait, and when the wait began.
    pub(super) waited: (Option<Instant>, Instant),
    inbox: Inbox,
    pub(super) strays: Strays,
    pub(super) steps: Steps,
    pub(super) heartbeat: Heartbeat,
    duty: Duty,
    pub(super) realtime: Realtime,
    pub(super) stopping: Stopping,
    /// The generation of the sockets installed last.
    pub(super) generation: u32,
    looks: Option<(Instant, u32)>,
    pub(super) wakes: u64,
    pub(super) worst_lateness: Duration,
    stall_reported: Option<Instant>,
    /// How the address thread is scheduled, once it has told.
    pub(super) address_scheduling: Option<SchedulingClass>,
    pub(super) running: bool,
    pub(super) evidence: Evidence,
    /// A lateness whose evidence waits until nothing is due soon.
    pub(super) owed: Option<Owed>,
    /// The longest step between the last two adverts.
    pub(super) last_advert_step: Timed,
}

impl Engine {
    /// Everything that the loop needs is made here, on the thread that will run it.
    pub(crate) fn new(
        setup: Box<Setup>,
        ends: Ends,
        outs: Outs,
        options: CoreOptions,
    ) -> io::Result<Self> {
        let realtime = Realtime::enter(setup.realtime);
        let now = clock::now();
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let timer = TimerFd::new(
            ClockId::CLOCK_MONOTONIC,
            TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC,
        )?;
        epoll.add(&timer, EpollEvent::new(EpollFlags::EPOLLIN, TIMER))?;
        epoll.add(&ends.signal, EpollEvent::new(EpollFlags::EPOLLIN, SIGNAL))?;
        let mut heartbeat = Heartbeat::new(
            options.heartbeat_warn,
            options.heartbeat_resign,
            ends.shared.beat.last(),
        );
        heartbeat.set_longest_expiry(options.heartbeat_resign, setup.longest_expiry);
        let mut engine = Self {
            setup,
            hands: Hands::new(outs),
            ends,
            options,
            epoll,
            timer,
            armed: None,
            waited: (None, now),
            inbox: Inbox::new(),
            strays: Strays::default(),
            steps: Steps::new(now),
            heartbeat,
            duty: Duty::new(now),
            realtime,
            stopping: Stopping::No,
            generation: 0,
            looks: None,
            wakes: 0,
            worst_lateness: Duration::ZERO,
            stall_reported: None,
            address_scheduling: None,
            running: true,
            evidence: Evidence::open(),
            owed: None,
            last_advert_step: Timed::NONE,
        };
        engine.lock_memory();
        engine.touch_all();
        engine.publish();
        Ok(engine)
    }

    /// Runs until stopped; gives back why, if the engine resigned.
    ///
    /// A panic is a defect of ours, and no reason to leave the addresses here without adverts: the routers say goodbye
    /// as far as the engine still can, and what is left to do the others do when this thread is gone.
    pub(crate) fn run(mut self) -> Option<ResignReason> {
        let ran = catch_unwind(AssertUnwindSafe(|| self.run_loop()));
        ran.unwrap_or_else(|_| {
            // The other world lives and ends the process in order.
            self.options.on_resign = OnResign::EndThreads;
            Some(self.give_up(ResignReason::Panicked))
        })
    }

    fn run_loop(&mut self) -> Option<ResignReason> {
        let mut events = [EpollEvent::empty(); EVENTS];
        if let Err(errno) = self.arm(clock::now()) {
            return Some(self.give_up(ResignReason::LoopBroken(errno as i32)));
        }
        loop {
            let count = match self.epoll.wait(&mut events, EpollTimeout::NONE) {
                Ok(count) => count,
                Err(nix::Error::EINTR) => 0,
                Err(errno) => return Some(self.give_up(ResignReason::LoopBroken(errno as i32))),
            };
            let woke = clock::now();
            self.wake_up(woke, events.get(..count).unwrap_or_default());
            self.keep_records(woke);
            if let Some(end) = self.look_at_end() {
                return end;
            }
            if let Err(errno) = self.arm(woke) {
                return Some(self.give_up(ResignReason::LoopBroken(errno as i32)));
            }
        }
    }

    /// Everything that one wake-up does.
    fn wake_up(&mut self, woke: Instant, events: &[EpollEvent]) {
        self.wakes += 1;
        self.hands.woke = woke;
        self.hands.advertised = false;
        let late = self
            .armed
            .map_or(Duration::ZERO, |armed| woke.saturating_since(armed));
        self.worst_lateness = self.worst_lateness.max(late);

        self.waited = (self.armed, self.steps.began());
        self.steps.enter(Step::Commands, woke);
        #[cfg(feature = "slow-steps")]
        self.take_slow_step();
        if events.iter().any(|event| event.data() == SIGNAL) {
            self.ends.signal.clear();
            self.take_commands();
            self.take_address_reports();
        }
        self.look_at_others(woke, late);

        self.steps.enter(Step::Receiving, clock::now());
        self.receive_ready(events);

        self.steps.enter(Step::Deadlines, clock::now());
        self.carry_out_deadlines(late);

        if self.hands.advertised || self.looks.is_some_and(|(at, _)| at <= woke) {
            self.steps.enter(Step::Stamps, clock::now());
            self.collect_stamps();
        }
        self.steps.enter(Step::Publishing, clock::now());
        self.hands.flush();
        self.report_discards(clock::now());
        self.publish();
        if self.hands.advertised {
            self.last_advert_step = self.steps.advert_sent();
        }
    }

    /// Commands of the other world.
    fn take_commands(&mut self) {
        while let Some(command) = self.ends.commands.try_next() {
            match command {
                Command::Replace { setup, address } => {
                    let before = self.steps.enter(Step::Reload, clock::now());
                    self.replace(setup, address);
                    self.steps.enter(before, clock::now());
                }
                Command::Reading {
                    tracker,
                    reading,
                    expires,
                } => {
                    let event = NodeEvent::Tracker {
                        id: tracker,
                        reading,
                        expires: Some(expires),
                    };
                    let changed = self
                        .setup
                        .node
                        .reading(tracker)
                        .is_none_or(|(before, _)| before != reading);
                    self.tell(event);
                    if changed {
                        self.touch_all();
                    }
                }
                Command::Stand(standing) => {
                    // A stop is on its way already, and takes everybody out.
                    if !self.stopping.has_begun() {
                        self.tell(NodeEvent::Stand(standing));
                        self.touch_all();
                    }
                }
                Command::Stop(kind) => self.stop(kind),
                #[cfg(test)]
                Command::Panic => panic!("a test asked for it"),
            }
        }
    }

    /// The heartbeat and the thread beside us.
    fn look_at_others(&mut self, woke: Instant, late: Duration) {
        if late >= STALL {
            self.heartbeat.excuse(late);
        }
        match self.heartbeat.look(woke, self.ends.shared.beat.last()) {
            Pulse::Steady => {}
            Pulse::Late(age) => self.hands.report(Report::HeartbeatLate { age, at: woke }),
            Pulse::Back(after) => self.hands.report(Report::HeartbeatBack { after, at: woke }),
            Pulse::Lost(age) => self.resign(ResignReason::HeartbeatLost(age)),
        }
        if self.hands.address_thread_is_gone() {
            self.resign(ResignReason::AddressThreadLost);
        }
    }

    /// Tells the node, and carries out what the routers ask for.
    pub(super) fn tell(&mut self, event: NodeEvent<'_>) {
        let Setup { node, io, .. } = &mut *self.setup;
        let hands = &mut self.hands;
        node.handle(clock::now(), event, &mut |index, router, action| {
            hands.act(io, index, router, action)
        });
    }

    /// Tells one router.
    pub(super) fn tell_router(&mut self, index: RouterIndex, event: Event<'_>) {
        if let Some(router) = self.setup.io.routers.get_mut(usize::from(index.0)) {
            router.dirty = true;
        }
        self.tell(NodeEvent::Router(index, event));
    }

    /// Takes packets from the sockets that epoll names; what is left is named again at once.
    fn receive_ready(&mut self, events: &[EpollEvent]) {
        let mut left = PACKETS;
        for event in events {
            let Some(place) = self.place(event.data()) else {
                continue;
            };
            while left > 0 {
                let taken = self.receive(place, left);
                left -= taken.packets;
                if taken.empty {
                    break;
                }
            }
        }
    }

    /// Takes packets of one socket.
    fn receive(&mut self, place: (usize, usize), limit: usize) -> receive::Taken {
        let Setup { node, io, .. } = &mut *self.setup;
        let hands = &mut self.hands;
        receive::receive(
            &mut self.inbox,
            io,
            place,
            limit,
            &mut self.strays,
            &mut |io, now, index, received| {
                let event = NodeEvent::Router(index, Event::Advert(received));
                node.handle(now, event, &mut |index, router, action| {
                    hands.act(io, index, router, action)
                });
            },
        )
    }

    /// The socket that an epoll event is about: interface and position.
    fn place(&self, mark: u64) -> Option<(usize, usize)> {
        let [g0, g1, g2, g3, i0, i1, s0, s1] = mark.to_be_bytes();
        let interface = usize::from(u16::from_be_bytes([i0, i1]));
        let current = self.setup.io.interfaces.get(interface)?.generation;
        let same = current != 0 && current == u32::from_be_bytes([g0, g1, g2, g3]);
        same.then_some((interface, usize::from(u16::from_be_bytes([s0, s1]))))
    }

    /// The mark of a socket's epoll events.
    pub(super) fn mark(generation: u32, interface: usize, socket: usize) -> u64 {
        let half = |number: usize| u64::try_from(number).unwrap_or_default() & 0xffff;
        u64::from(generation) << 32 | half(interface) << 16 | half(socket)
    }

    fn carry_out_deadlines(&mut self, late: Duration) {
        if late >= STALL {
            self.tell(NodeEvent::Stalled(late));
            self.report_stall(late);
        }
        let now = clock::now();
        if self
            .setup
            .node
            .next_deadline()
            .is_none_or(|(at, _)| at > now)
        {
            return;
        }
        if self.takeover_is_due(now) {
            self.drain(now);
        }
        let Setup { node, io, .. } = &mut *self.setup;
        node.for_each_due(now, &mut |index, _| {
            if let Some(router) = io.routers.get_mut(usize::from(index.0)) {
                router.dirty = true;
            }
        });
        self.tell(NodeEvent::Deadline);
    }

    /// Whether a Backup is about to take over.
    fn takeover_is_due(&self, now: Instant) -> bool {
        let mut takeover = false;
        self.setup.node.for_each_due(now, &mut |_, router| {
            takeover |= matches!(router.next_deadline(), Some((_, Timer::Down)));
        });
        takeover
    }

    /// Takes everything that waits in the receive queues: an advert there may cancel the takeover.
    fn drain(&mut self, began: Instant) {
        let end = began.saturating_add(DRAIN);
        for interface in 0..self.setup.io.interfaces.len() {
            let sockets = self.setup.io.interfaces[interface].sockets.as_deref();
            for socket in 0..sockets.map_or(0, |sockets| sockets.receive.len()) {
                while !self.receive((interface, socket), usize::MAX).empty && clock::now() < end {}
            }
        }
    }

    pub(super) fn touch_all(&mut self) {
        for router in &mut self.setup.io.routers {
            router.dirty = true;
        }
    }

    fn report_stall(&mut self, late: Duration) {
        let now = clock::now();
        let recently = |at: Instant| now.saturating_since(at) < Duration::from_secs(1);
        if self.stall_reported.is_some_and(recently) {
            return;
        }
        self.stall_reported = Some(now);
        self.hands.report(Report::Stalled { by: late, at: now });
    }

    /// Reads the error queues of sockets that sent something, and again a little later where a stamp is missing.
    fn collect_stamps(&mut self) {
        let again = self.looks.is_some_and(|(at, _)| at <= self.hands.woke);
        let io = &mut self.setup.io;
        let mut missing = false;
        for interface in 0..io.interfaces.len() {
            for position in 0..2 {
                let touched = std::mem::take(&mut io.interfaces[interface].touched[position]);
                let worth = io.interfaces[interface].is_worth_a_look(position);
                if touched || (again && worth) {
                    self.hands.outbox.collect_stamps(io, interface, position);
                }
                missing |= io.interfaces[interface].is_worth_a_look(position);
            }
        }
        let done = if self.hands.advertised {
            0
        } else {
            self.looks.map_or(0, |(_, done)| done)
        };
        self.looks = (missing && done < LOOKS).then(|| {
            (
                clock::now().saturating_add(FIRST_LOOK * 4_u32.pow(done)),
                done + 1,
            )
        });
    }

    /// Tells of discards, at most one report each ten seconds for a router, and for packets that belong to none.
    fn report_discards(&mut self, now: Instant) {
        let strays = (None, &mut self.strays.discards);
        let routers = self.setup.io.routers.iter_mut();
        let routers = routers.map(|router| (Some(router.id), &mut router.discards));
        for (router, discards) in routers.chain([strays]) {
            if let Some(count) = discards.take(now) {
                self.hands.report(Report::Discards {
                    router,
                    count,
                    at: now,
                });
            }
        }
    }

    /// Looks at the CPU budget, then sets the timer to the earliest deadline, unless it is set to that already.
    fn arm(&mut self, woke: Instant) -> nix::Result<()> {
        self.steps.enter(Step::Arming, clock::now());
        self.keep_manners(woke);
        let wanted = [
            self.setup.node.next_deadline().map(|(at, _)| at),
            Some(self.heartbeat.deadline()),
            self.duty.deadline(),
            self.looks.map(|(at, _)| at),
            self.stopping.deadline(),
        ];
        let earliest = wanted.into_iter().flatten().min();
        if earliest != self.armed || earliest.is_some_and(|at| at <= woke) {
            if let Some(at) = earliest {
                // Zero would disarm the timer. A deadline in the past fires at once.
                let at = Duration::from_nanos(at.as_nanos().max(1));
                let expiration = Expiration::OneShot(TimeSpec::from_duration(at));
                self.timer
                    .set(expiration, TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
            }
            self.armed = earliest;
        }
        self.steps.enter(Step::Waiting, clock::now());
        Ok(())
    }

    /// Safety rule 4.
    fn keep_manners(&mut self, woke: Instant) {
        let now = clock::now();
        if Realtime::take_limit_reached() {
            self.duty.limit_reached(now);
            self.demote(DemotionReason::RealtimeLimit, now);
        }
        match self.duty.before_sleep(woke, now, clock::cpu_time) {
            Verdict::Stay => {}
            Verdict::Demote(used) => self.demote(DemotionReason::Busy { used }, now),
            Verdict::Promote => {
                self.realtime.promote();
                self.publish();
                self.hands.report(Report::Promoted { at: now });
            }
        }
    }

    fn demote(&mut self, reason: DemotionReason, at: Instant) {
        if self.realtime.demote() {
            self.publish();
            self.hands.report(Report::Demoted { reason, at });
        }
    }

    /// Every router leaves without a hold.
    pub(super) fn stop_now(&mut self) {
        self.tell(NodeEvent::Stop(StopKind::Immediate));
    }

    /// Wakes up for packets of a socket.
    pub(super) fn watch(&self, socket: impl AsFd, mark: u64) -> nix::Result<()> {
        self.epoll
            .add(socket, EpollEvent::new(EpollFlags::EPOLLIN, mark))
    }

    /// The same with another mark.
    pub(super) fn watch_again(&self, socket: impl AsFd, mark: u64) -> nix::Result<()> {
        self.epoll
            .modify(socket, &mut EpollEvent::new(EpollFlags::EPOLLIN, mark))
    }

    /// Where the receive buffers are, for locking them.
    pub(super) fn inbox_memory(&self) -> [(usize, usize); 2] {
        self.inbox.memory()
    }
}
