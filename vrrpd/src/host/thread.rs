//! The sampler's loop: ten turns a second, fewer where the machine makes them dear.

use std::net::IpAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};
use vrrp_proto::time::Instant;
use vrrp_proto::units::MacAddr;
use vrrp_record::history::{Sample, Unit};
use vrrp_record::ring::{ADVERT, RegionWriter, SAMPLES, samples};
use vrrp_record::status::Unavailable;

use super::available::{self, Sources};
use super::counters::Counters;
use super::economy::Economy;
use super::links::Links;
use super::probe::Prober;
use super::watch::Watch;
use super::{Command, Heard, Setup, Shared};
use crate::engine::clock;
use crate::journal::Axis;
use crate::queue::Receiver;

/// From turn to turn.
pub(super) const PERIOD: Duration = Duration::from_millis(100);
/// The longest that the period becomes where turns are dear.
const LONGEST: Duration = Duration::from_millis(800);
/// Share of a CPU that the sampler may use: one part in so many.
const SHARE: u32 = 50;
/// Turns over which the use is judged.
const JUDGED: u32 = 20;
/// What is read once a second.
const SLOW: Duration = Duration::from_secs(1);
/// Peers that are remembered, on all interfaces.
const PEERS: usize = 64;
/// A claim is told this long.
const CLAIMED: Duration = Duration::from_secs(1);
/// Gateways are looked for this often.
const GATEWAYS: Duration = Duration::from_secs(10);

pub(super) struct Sampler {
    commands: Receiver<Command>,
    shared: Arc<Shared>,
    axis: Axis,
    heard: Heard,
    missing: Vec<Unavailable>,
    ring: Option<RegionWriter<'static, ADVERT>>,
    /// Samples of this turn.
    fresh: Vec<Sample>,
    watch: Watch,
    links: Links,
    counters: Counters,
    economy: Economy,
    prober: Prober,
    /// Peers heard so far: one that falls silent is still asked.
    peers: Vec<(String, IpAddr)>,
    /// Interfaces on which somebody announced a virtual address, and when last.
    claims: Vec<(u32, Instant)>,
    period: Duration,
    wall_at_start: i128,
    slow_at: Instant,
    gateways_at: Instant,
}

impl Sampler {
    /// On the sampler's own thread, whose network namespace counts.
    pub(super) fn new(
        setup: Setup,
        commands: Receiver<Command>,
        shared: Arc<Shared>,
    ) -> std::io::Result<Self> {
        let now = clock::now();
        Ok(Self {
            commands,
            shared,
            axis: setup.axis,
            heard: setup.heard,
            missing: setup.missing,
            ring: setup.ring,
            fresh: Vec::new(),
            watch: setup.watch,
            links: Links::open()?,
            counters: Counters::new(Sources::open()),
            economy: Economy::default(),
            prober: Prober::new(),
            peers: Vec::new(),
            claims: Vec::new(),
            period: PERIOD,
            wall_at_start: wall_distance(),
            slow_at: now,
            gateways_at: now,
        })
    }

    /// Reads until told to stop.
    pub(super) fn run(mut self) {
        self.follow();
        self.tell_unavailable();
        let mut due = clock::now();
        let (mut turns, mut used) = (0, cpu_time());
        loop {
            if !self.take_commands() {
                return;
            }
            let now = clock::now();
            if now >= due {
                self.turn(now);
                turns += 1;
                if turns == JUDGED {
                    let total = cpu_time();
                    self.judge((total.saturating_sub(used)) / JUDGED);
                    (turns, used) = (0, total);
                }
                self.shared.turned(now, self.period);
                due = due.saturating_add(self.period);
                if due <= now {
                    // What was missed is not made up for.
                    due = now.saturating_add(self.period);
                }
            }
            self.sleep(due.saturating_since(clock::now()));
            let (axis, economy, fresh) = (self.axis, &mut self.economy, &mut self.fresh);
            let sink = &mut |sample| fresh.push(sample);
            let mut announced = Vec::new();
            self.prober.hear(
                &mut |at, target, nanos| {
                    let key = (Unit::ProbeRoundTrip, target.object());
                    economy.read(axis.time(at), key, nanos, sink);
                },
                &mut |index, address, mac| announced.push((index, address, mac)),
            );
            for (index, address, mac) in announced {
                self.hear_announcement(index, address, mac);
            }
            self.write();
        }
    }

    /// Puts what is worth it into the ring: each slot holds samples of one time.
    fn write(&mut self) {
        self.fresh.sort_by_key(|sample| sample.at);
        if let Some(ring) = &mut self.ring {
            for same in self.fresh.chunk_by(|one, next| one.at == next.at) {
                for some in same.chunks(SAMPLES) {
                    ring.append(samples(some[0].at, some));
                }
            }
        }
        self.fresh.clear();
    }

    /// One reading of everything that is due.
    fn turn(&mut self, now: Instant) {
        let slow = now >= self.slow_at;
        if self.links.hear() {
            self.follow();
        }
        if slow {
            self.slow_at = now.saturating_add(SLOW);
            self.hear_of_peers(now);
            self.forget_claims(now);
        }
        let (axis, economy, fresh) = (self.axis, &mut self.economy, &mut self.fresh);
        let sink = &mut |sample| fresh.push(sample);
        // Readings of one turn share its time, and so their slots.
        let at = axis.time(now);
        let mut tell = |unit, object, value| economy.read(at, (unit, object), value, sink);
        self.counters.read(&mut self.links, &mut tell);
        let moved = wall_distance() - self.wall_at_start;
        let moved = i64::try_from(moved).unwrap_or_default();
        // Smaller differences are the reading's own.
        let moved = moved / 10_000 * 10_000;
        tell(Unit::WallClock, 0, moved.cast_unsigned());
        if slow {
            self.counters
                .read_slow(&self.watch, &mut self.links, &mut tell);
            self.prober.ask(&mut |at, target, nanos| {
                let key = (Unit::ProbeRoundTrip, target.object());
                economy.read(axis.time(at), key, nanos, sink);
            });
            self.economy.forget(self.axis.time(now));
        }
    }

    /// Whoever announces a virtual address while this machine has it, and is no peer that was heard, is told for a second.
    fn hear_announcement(&mut self, index: u32, address: IpAddr, mac: MacAddr) {
        let Some(link) = self.links.list.iter().find(|link| link.index == index) else {
            return;
        };
        let here = link.addresses.iter().any(|own| own.local == address);
        let ours = link.mac == Some(mac) || is_virtual(mac);
        if !self.watch.virtuals.contains(&address)
            || !here
            || ours
            || self.prober.is_peer(index, mac)
        {
            return;
        }
        let now = clock::now();
        self.claims.retain(|(known, _)| *known != index);
        self.claims.push((index, now));
        self.tell_claim(now, index, (number_of(mac), low_bytes(address)));
    }

    /// Claims that are over.
    fn forget_claims(&mut self, now: Instant) {
        let indexes: Vec<u32> = self.links.list.iter().map(|link| link.index).collect();
        self.claims
            .retain(|(index, at)| indexes.contains(index) && now.saturating_since(*at) < CLAIMED);
        for index in indexes {
            if !self.claims.iter().any(|(known, _)| *known == index) {
                self.tell_claim(now, index, (0, 0));
            }
        }
    }

    fn tell_claim(&mut self, now: Instant, index: u32, (mac, address): (u64, u64)) {
        let at = self.axis.time(now);
        let fresh = &mut self.fresh;
        let sink = &mut |sample| fresh.push(sample);
        self.economy.read(at, (Unit::Claimant, index), mac, sink);
        self.economy.read(at, (Unit::Claimed, index), address, sink);
    }

    /// Keeps the use of CPU within its share.
    fn judge(&mut self, turn: Duration) {
        let allowed = |period: Duration| period / SHARE;
        if turn > allowed(self.period) && self.period < LONGEST {
            self.period *= 2;
        } else if self.period > PERIOD && turn < allowed(self.period) / 4 {
            self.period /= 2;
        }
    }

    fn hear_of_peers(&mut self, now: Instant) {
        let mut changed = false;
        for peer in (self.heard)() {
            if !self.peers.contains(&peer) && !self.watch.virtuals.contains(&peer.1) {
                if self.peers.len() >= PEERS {
                    self.peers.remove(0);
                }
                self.peers.push(peer);
                changed = true;
            }
        }
        if now >= self.gateways_at {
            self.gateways_at = now.saturating_add(GATEWAYS);
            self.links.find_gateways();
            changed = true;
        }
        if changed {
            self.prober
                .follow(&self.watch, &self.links.list, &self.peers);
        }
    }

    /// The watched interfaces as they are now.
    fn follow(&mut self) {
        let names: Vec<String> = self
            .watch
            .interfaces
            .iter()
            .map(|interface| interface.name.clone())
            .collect();
        // A refused question is asked again at the next turn.
        if self.links.ask(&names).is_ok() {
            self.counters.follow(&self.watch, &self.links);
            self.prober
                .follow(&self.watch, &self.links.list, &self.peers);
        }
    }

    fn take_commands(&mut self) -> bool {
        self.commands.signal().clear();
        while let Some(command) = self.commands.try_next() {
            match command {
                Command::Watch(watch) => {
                    self.watch = *watch;
                    self.links.forget();
                    self.counters.recount();
                    self.follow();
                    self.tell_unavailable();
                }
            }
        }
        !self.commands.is_abandoned()
    }

    fn tell_unavailable(&self) {
        let names: Vec<String> = self
            .links
            .list
            .iter()
            .map(|link| link.name.clone())
            .collect();
        let mut list = self.counters.sources.unavailable(&names);
        if let Some(errno) = self.counters.adverts_refused {
            list.push(available::refused("adverts at the interface", errno));
        }
        if let Some(errno) = self.prober.refused {
            list.push(available::refused("probes of neighbours", errno));
        }
        list.extend(self.missing.iter().cloned());
        self.shared.set_unavailable(list);
    }

    fn sleep(&self, wait: Duration) {
        let mut fds = vec![PollFd::new(
            self.commands.signal().as_fd(),
            PollFlags::POLLIN,
        )];
        let probes = self.prober.fds();
        fds.extend(probes.map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
        // An interruption is a wake-up like any other.
        let _ = ppoll(&mut fds, Some(TimeSpec::from_duration(wait)), None);
    }
}

impl Shared {
    fn turned(&self, now: Instant, period: Duration) {
        self.last.store(now.as_nanos(), Ordering::Release);
        let millis = u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
        self.period_ms.store(millis, Ordering::Relaxed);
    }
}

/// The Ethernet address of a virtual router (RFC 9568 §7.3), which Actives share.
const fn is_virtual(mac: MacAddr) -> bool {
    matches!(mac.0, [0x00, 0x00, 0x5e, 0x00, 0x01 | 0x02, _])
}

/// An Ethernet address as a number, its first byte the highest.
fn number_of(mac: MacAddr) -> u64 {
    mac.0
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The last eight bytes of an address as a number.
fn low_bytes(address: IpAddr) -> u64 {
    let bits = match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    };
    u64::try_from(bits & u128::from(u64::MAX)).unwrap_or_default()
}

/// CPU time of the calling thread.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

/// CLOCK_REALTIME − CLOCK_MONOTONIC, in nanoseconds, from the closest of three pairs of readings.
fn wall_distance() -> i128 {
    let read = |clock| {
        let now = clock_gettime(clock).map_or(Duration::ZERO, Duration::from);
        i128::try_from(now.as_nanos()).unwrap_or_default()
    };
    let pairs = (0..3).map(|_| {
        let before = read(ClockId::CLOCK_MONOTONIC);
        let wall = read(ClockId::CLOCK_REALTIME);
        let after = read(ClockId::CLOCK_MONOTONIC);
        (after - before, wall - i128::midpoint(before, after))
    });
    pairs.min().map_or(0, |(_, distance)| distance)
}
