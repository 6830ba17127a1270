//! Tests of one router. Each requirement of the state machine (S), the timers (T) and the safety rules has a test that
//! names it.
mod addresses;
mod extensions;
mod releasing;
mod requirements;
mod standing;
mod table;
mod timing;
mod traps;

use std::net::{IpAddr, Ipv4Addr};
use std::vec::Vec;

use core::time::Duration;

use super::*;
use crate::units::{Family, Version, Vrid, WirePriority};

/// Everything at its default: version 3 as RFC 9568 has it, priority 100, one second.
fn config() -> Config {
    Config {
        id: RouterId {
            interface: InterfaceKey(1),
            family: Family::V4,
            vrid: Vrid::new(205).unwrap(),
        },
        version: Version::V3,
        interoperate: false,
        priority: Priority::DEFAULT,
        interval: AdvertInterval::DEFAULT,
        preempt: true,
        preempt_delay: Duration::ZERO,
        startup_delay: Duration::ZERO,
        down_adverts: 3,
        answer_lower: true,
        advert_before_yield: false,
        owner_clash_lowers: false,
        fault_releases: 2,
        release_hold: Duration::ZERO,
        phase: None,
        fast_fail: None,
    }
}

/// The same in version 2 as RFC 3768 has it.
fn config_v2() -> Config {
    Config {
        version: Version::V2,
        answer_lower: false,
        ..config()
    }
}

fn priority(value: u8) -> Priority {
    Priority::new(value).unwrap()
}

fn centis(value: u16) -> AdvertInterval {
    AdvertInterval::from_centis(value).unwrap()
}

const fn ms(value: u64) -> Duration {
    Duration::from_millis(value)
}

fn us(value: u64) -> Duration {
    Duration::from_micros(value)
}

/// Our address; neighbours are `peer(n)`.
const OWN: IpAddr = peer(100);

const fn peer(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
}

/// A router with a clock.
struct Bench {
    router: VirtualRouter,
    now: Instant,
}

impl Bench {
    /// Not started.
    fn new(config: Config) -> Self {
        let mut bench = Self {
            router: VirtualRouter::new(config),
            now: Instant::from_nanos(1_000_000_000_000),
        };
        bench.tell(Event::Source(Some(OWN)));
        bench
    }

    /// Started, in Backup.
    fn backup(config: Config) -> Self {
        let mut bench = Self::new(config);
        bench.tell(Event::Start);
        assert_eq!(bench.router.state(), State::Backup);
        bench
    }

    /// Active with its addresses confirmed.
    fn active(config: Config) -> Self {
        let mut bench = Self::new(config);
        bench.tell(Event::Start);
        if bench.router.state() == State::Backup {
            bench.run_to_deadline();
        }
        assert_eq!(bench.router.state(), State::Active);
        bench.addresses(1, 1);
        bench
    }

    fn tell(&mut self, event: Event<'_>) -> Vec<Action> {
        self.router.handle(self.now, event).into_iter().collect()
    }

    fn advance(&mut self, by: Duration) {
        self.now = self.now.saturating_add(by);
    }

    /// Jumps to the next deadline and serves it.
    fn run_to_deadline(&mut self) -> Vec<Action> {
        let (at, _) = self.router.next_deadline().unwrap();
        assert!(at >= self.now, "a deadline in the past");
        self.now = at;
        self.tell(Event::Deadline)
    }

    /// Serves every deadline within `span` and returns all actions with their time since the call.
    fn run_for(&mut self, span: Duration) -> Vec<(Duration, Action)> {
        let start = self.now;
        let end = start.saturating_add(span);
        let mut seen = Vec::new();
        while let Some((at, _)) = self.router.next_deadline().filter(|(at, _)| *at <= end) {
            self.now = at;
            let since = at.saturating_since(start);
            seen.extend(self.tell(Event::Deadline).into_iter().map(|a| (since, a)));
        }
        self.now = end;
        seen
    }

    fn addresses(&mut self, present: u16, wanted: u16) -> Vec<Action> {
        self.tell(Event::Addresses(AddressState {
            present,
            wanted,
            errno: None,
        }))
    }

    fn hear(&mut self, from: IpAddr, priority: u8) -> Vec<Action> {
        let interval = self.router.config().interval;
        self.hear_at(from, priority, interval)
    }

    fn hear_at(&mut self, from: IpAddr, priority: u8, interval: AdvertInterval) -> Vec<Action> {
        let version = self.router.config().version;
        self.tell(Event::Advert(&Received {
            version,
            priority: WirePriority::from_wire(priority),
            interval,
            source: from,
            arrived: None,
        }))
    }

    fn state(&self) -> State {
        self.router.state()
    }

    /// Time until the Active_Down_Timer fires.
    fn down_in(&self) -> Duration {
        self.router
            .snapshot()
            .down_at
            .unwrap()
            .saturating_since(self.now)
    }
}

/// An advert of ours, sent now.
fn advert(priority: u8, due: Instant) -> Action {
    Action::Advertise {
        priority: WirePriority::from_wire(priority),
        due,
    }
}

/// The report among these actions.
fn transition(actions: &[Action]) -> Option<Transition> {
    actions.iter().find_map(|action| {
        let Action::Report(transition) = action else {
            return None;
        };
        Some(*transition)
    })
}

/// Adverts among these actions, by priority.
fn adverts(actions: &[Action]) -> Vec<u8> {
    actions
        .iter()
        .filter_map(|action| {
            let Action::Advertise { priority, .. } = action else {
                return None;
            };
            Some(priority.as_u8())
        })
        .collect()
}
