//! The transition table of RFC 9568 §6.4 and RFC 3768 §6.4, written down a second time as data and compared with the
//! state machine over state × advert × version × Preempt_Mode, with the timers that follow.
//!
//! Independent of the state machine's own tests: it uses nothing but its public face.

#![expect(
    clippy::unwrap_used,
    reason = "a failure in a test's helper is a failed test"
)]

#[path = "state_table/timers.rs"]
mod timers;

use std::net::IpAddr;
use std::time::Duration;

use vrrp_proto::router::{
    Action, AddressState, Config, Event, InterfaceKey, Received, RouterId, State, StopKind, Timer,
    VirtualRouter,
};
use vrrp_proto::time::Instant;
use vrrp_proto::units::{AdvertInterval, Family, Priority, Version, Vrid, WirePriority};

const OWN: &str = "192.0.2.50";
const LOWER: &str = "192.0.2.49";
const HIGHER: &str = "192.0.2.51";
const PRIORITY: u8 = 100;

/// Profile rfc9568 with addresses removed at once.
fn config(version: Version, preempt: bool) -> Config {
    Config {
        id: RouterId {
            interface: InterfaceKey(1),
            family: Family::V4,
            vrid: Vrid::new(9).unwrap(),
        },
        version,
        interoperate: false,
        priority: Priority::new(PRIORITY).unwrap(),
        interval: AdvertInterval::DEFAULT,
        preempt,
        preempt_delay: Duration::ZERO,
        startup_delay: Duration::ZERO,
        down_adverts: 3,
        answer_lower: version == Version::V3,
        advert_before_yield: false,
        owner_clash_lowers: false,
        fault_releases: 1,
        release_hold: Duration::ZERO,
        phase: None,
        fast_fail: None,
    }
}

/// A router in this state, and a moment in it that is on no deadline.
fn router_in(state: State, config: Config) -> (VirtualRouter, Instant) {
    let mut router = VirtualRouter::new(config);
    let mut now = Instant::from_nanos(1_000_000_000);
    let _ = router.handle(now, Event::Source(Some(OWN.parse().unwrap())));
    if state != State::Initialize {
        let _ = router.handle(now, Event::Start);
    }
    if state == State::Active {
        if !config.priority.is_owner() {
            now = router.next_deadline().unwrap().0;
            let _ = router.handle(now, Event::Deadline);
        }
        let _ = router.handle(
            now,
            Event::Addresses(AddressState {
                present: 1,
                wanted: 1,
                errno: None,
            }),
        );
    }
    assert_eq!(router.state(), state);
    (router, now.saturating_add(Duration::from_millis(300)))
}

/// What an advert is to a router of priority 100 at address .50.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Heard {
    Release,
    Lower,
    EqualFromLowerAddress,
    EqualFromHigherAddress,
    Higher,
}

const HEARD: [Heard; 5] = [
    Heard::Release,
    Heard::Lower,
    Heard::EqualFromLowerAddress,
    Heard::EqualFromHigherAddress,
    Heard::Higher,
];

impl Heard {
    /// The advert, with an interval of its own where the version can learn one.
    fn advert(self, version: Version) -> Received {
        let (priority, source) = match self {
            Self::Release => (0, HIGHER),
            Self::Lower => (PRIORITY - 1, HIGHER),
            Self::EqualFromLowerAddress => (PRIORITY, LOWER),
            Self::EqualFromHigherAddress => (PRIORITY, HIGHER),
            Self::Higher => (PRIORITY + 1, LOWER),
        };
        Received {
            version,
            priority: WirePriority::from_wire(priority),
            interval: theirs(version),
            source: source.parse().unwrap(),
            arrived: None,
        }
    }
}

/// The interval in the adverts of the others: 3 s, or in version 2 the common one.
fn theirs(version: Version) -> AdvertInterval {
    match version {
        Version::V2 => AdvertInterval::DEFAULT,
        Version::V3 => AdvertInterval::from_centis(300).unwrap(),
    }
}

/// The formulas of §6.1, in floating point and seconds so as to be written differently.
fn skew(version: Version, priority: u8, active: AdvertInterval) -> f64 {
    let share = (256.0 - f64::from(priority)) / 256.0;
    match version {
        Version::V2 => share,
        Version::V3 => share * f64::from(active.as_centis()) / 100.0,
    }
}

fn down(version: Version, priority: u8, active: AdvertInterval) -> f64 {
    3.0 * f64::from(active.as_centis()) / 100.0 + skew(version, priority, active)
}

/// Seconds from `now` to this timer, which has to be the next one.
fn until(router: &VirtualRouter, timer: Timer, now: Instant) -> f64 {
    let (at, next) = router.next_deadline().unwrap();
    assert_eq!(next, timer);
    at.saturating_since(now).as_secs_f64()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-8
}

/// What happens to the running timer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Expected {
    /// Nothing at all.
    Nothing,
    /// Backup: ADT := ADI of the learned interval.
    Accepted,
    /// Backup: ADT := Skew_Time of the interval so far.
    Skew,
    /// Active: an advert at once, and the timer set anew.
    AnswerAndRestart,
    /// Active: an advert at once.
    Answer,
    /// Active: discarded without a word.
    Silence,
    /// Active: Backup, with the learned interval, and no advert.
    Yield,
}

/// The table of the conformance reference, §3.1.
fn expected(state: State, heard: Heard, version: Version, preempt: bool) -> Expected {
    match (state, heard) {
        (State::Backup, Heard::Release) => Expected::Skew,
        (State::Backup, Heard::Lower) if preempt => Expected::Nothing,
        (State::Backup, _) => Expected::Accepted,
        (State::Active, Heard::Release) => Expected::AnswerAndRestart,
        (State::Active, Heard::Lower | Heard::EqualFromLowerAddress) => match version {
            Version::V2 => Expected::Silence,
            Version::V3 => Expected::Answer,
        },
        (State::Active, Heard::EqualFromHigherAddress | Heard::Higher) => Expected::Yield,
        (State::Initialize | State::Releasing, _) => Expected::Nothing,
    }
}

fn adverts(actions: &[Action]) -> Vec<u8> {
    actions
        .iter()
        .filter_map(|action| {
            if let Action::Advertise { priority, .. } = action {
                Some(priority.as_u8())
            } else {
                None
            }
        })
        .collect()
}

fn handle(router: &mut VirtualRouter, now: Instant, event: Event<'_>) -> Vec<Action> {
    router.handle(now, event).into_iter().collect()
}

/// S-01, S-04, S-07 to S-11, S-15, S-16, S-18, S-19, T-08, T-09, T-11.
#[test]
fn every_advert_in_every_state_does_what_the_table_says() {
    for version in [Version::V2, Version::V3] {
        for preempt in [true, false] {
            for state in [State::Initialize, State::Backup, State::Active] {
                for heard in HEARD {
                    let context = format!("{version:?}, preempt {preempt}, {state:?}, {heard:?}");
                    let (mut router, now) = router_in(state, config(version, preempt));
                    let before = router.next_deadline();
                    let actions = handle(&mut router, now, Event::Advert(&heard.advert(version)));
                    let sent = adverts(&actions);
                    let own = AdvertInterval::DEFAULT;
                    match expected(state, heard, version, preempt) {
                        Expected::Nothing => {
                            assert_eq!(
                                (router.state(), actions, router.next_deadline()),
                                (state, vec![], before),
                                "{context}"
                            );
                        }
                        Expected::Accepted => {
                            let wait = until(&router, Timer::Down, now);
                            assert!(
                                close(wait, down(version, PRIORITY, theirs(version))),
                                "{context}: {wait}"
                            );
                            assert_eq!(
                                (router.state(), sent),
                                (State::Backup, vec![]),
                                "{context}"
                            );
                        }
                        Expected::Skew => {
                            let wait = until(&router, Timer::Down, now);
                            assert!(
                                close(wait, skew(version, PRIORITY, own)),
                                "{context}: {wait}"
                            );
                            assert_eq!(
                                (router.state(), sent),
                                (State::Backup, vec![]),
                                "{context}"
                            );
                        }
                        Expected::AnswerAndRestart => {
                            assert!(close(until(&router, Timer::Advert, now), 1.0), "{context}");
                            assert_eq!(
                                (router.state(), sent),
                                (State::Active, vec![PRIORITY]),
                                "{context}"
                            );
                        }
                        Expected::Answer => {
                            assert_eq!(router.next_deadline(), before, "{context}");
                            assert_eq!(
                                (router.state(), sent),
                                (State::Active, vec![PRIORITY]),
                                "{context}"
                            );
                        }
                        Expected::Silence => {
                            assert_eq!(router.next_deadline(), before, "{context}");
                            assert_eq!(
                                (router.state(), sent),
                                (State::Active, vec![]),
                                "{context}"
                            );
                        }
                        Expected::Yield => {
                            let wait = until(&router, Timer::Down, now);
                            assert!(
                                close(wait, down(version, PRIORITY, theirs(version))),
                                "{context}: {wait}"
                            );
                            assert_eq!(
                                (router.state(), sent),
                                (State::Backup, vec![]),
                                "{context}"
                            );
                            assert!(actions.contains(&Action::RemoveAddresses), "{context}");
                        }
                    }
                }
            }
        }
    }
}

/// S-01: Startup, Shutdown and early timers in every state.
#[test]
fn start_stop_and_early_deadlines_do_what_the_table_says() {
    for version in [Version::V2, Version::V3] {
        for state in [State::Initialize, State::Backup, State::Active] {
            let (mut router, now) = router_in(state, config(version, true));
            let before = router.next_deadline();
            assert_eq!(
                handle(&mut router, now, Event::Deadline),
                [],
                "no timer of {state:?} has fired"
            );
            assert_eq!((router.state(), router.next_deadline()), (state, before));
            if state != State::Initialize {
                assert_eq!(
                    handle(&mut router, now, Event::Start),
                    [],
                    "a second Startup in {state:?}"
                );
                assert_eq!((router.state(), router.next_deadline()), (state, before));
            }
            let actions = handle(&mut router, now, Event::Stop(StopKind::Immediate));
            let sent = if state == State::Active {
                vec![0]
            } else {
                vec![]
            };
            assert_eq!(
                (router.state(), adverts(&actions)),
                (State::Initialize, sent),
                "Shutdown in {state:?}"
            );
            assert_eq!(router.next_deadline(), None);
            // T-15: what was cancelled does not fire.
            let later = now.saturating_add(Duration::from_secs(3600));
            assert_eq!(handle(&mut router, later, Event::Deadline), []);
        }
    }
}

fn position(actions: &[Action], wanted: fn(&Action) -> bool) -> usize {
    actions
        .iter()
        .position(wanted)
        .unwrap_or_else(|| panic!("missing among {actions:?}"))
}

/// S-02, S-06, A-11: advert first, then addresses; announcements only once the kernel confirmed them.
#[test]
fn becoming_active_sends_the_advert_first_and_announces_confirmed_addresses_only() {
    for priority in [PRIORITY, 255] {
        let config = Config {
            priority: Priority::new(priority).unwrap(),
            ..config(Version::V3, true)
        };
        let mut router = VirtualRouter::new(config);
        let mut now = Instant::ZERO;
        let _ = router.handle(now, Event::Source(Some(OWN.parse().unwrap())));
        let mut actions = handle(&mut router, now, Event::Start);
        if priority != 255 {
            // S-03: Backup with the own interval.
            assert_eq!((router.state(), adverts(&actions)), (State::Backup, vec![]));
            assert!(close(
                until(&router, Timer::Down, now),
                down(Version::V3, priority, config.interval)
            ));
            now = router.next_deadline().unwrap().0;
            actions = handle(&mut router, now, Event::Deadline);
        }
        assert_eq!(router.state(), State::Active);
        assert_eq!(adverts(&actions), [priority]);
        assert_eq!(
            position(&actions, |action| matches!(
                action,
                Action::Advertise { .. }
            )),
            0
        );
        assert!(position(&actions, |action| *action == Action::AddAddresses) > 0);
        assert!(
            !actions
                .iter()
                .any(|action| matches!(action, Action::Announce(_)))
        );
        assert!(close(until(&router, Timer::Advert, now), 1.0));

        let confirmed = Event::Addresses(AddressState {
            present: 2,
            wanted: 2,
            errno: None,
        });
        let actions = handle(&mut router, now, confirmed);
        assert!(matches!(actions[..], [Action::Announce(_)]), "{actions:?}");
    }
}

/// S-30, S-31: priority 0 leaves before the addresses are asked to go, once.
#[test]
fn shutdown_of_an_active_releases_before_it_removes_addresses() {
    let (mut router, now) = router_in(State::Active, config(Version::V3, true));
    let actions = handle(&mut router, now, Event::Stop(StopKind::Immediate));
    assert_eq!(adverts(&actions), [0]);
    let release = position(&actions, |action| {
        matches!(action, Action::Advertise { .. })
    });
    assert!(release < position(&actions, |action| *action == Action::RemoveAddresses));
}

/// S-12: an owner is Active from Startup on, whatever Preempt_Mode says.
#[test]
fn owner_without_preempt_mode_is_active_at_once() {
    let owner = Config {
        priority: Priority::OWNER,
        ..config(Version::V3, false)
    };
    let (router, _) = router_in(State::Active, owner);
    assert_eq!(router.priority(), Priority::OWNER);
}

/// S-13, S-14: whole addresses as unsigned numbers, against the address in use now.
#[test]
fn ties_are_decided_by_whole_addresses_in_network_order() {
    for (own, other, yields) in [
        ("9.0.0.1", "10.0.0.1", true),
        ("10.0.0.1", "9.0.0.2", false),
        ("127.255.255.255", "128.0.0.1", true),
        ("192.0.2.255", "192.0.3.0", true),
        ("fe80::ff", "fe80::1:0", true),
        ("fe80::1:0", "fe80::ff", false),
    ] {
        let (mut router, now) = router_in(State::Active, config(Version::V3, true));
        let _ = router.handle(now, Event::Source(Some(own.parse().unwrap())));
        let advert = Received {
            source: other.parse().unwrap(),
            ..Heard::EqualFromHigherAddress.advert(Version::V3)
        };
        let _ = router.handle(now, Event::Advert(&advert));
        let after = if yields { State::Backup } else { State::Active };
        assert_eq!(router.state(), after, "{own} against {other}");
    }
}

/// S-20: a flood of losing adverts gets a bounded number of answers.
#[test]
fn flood_of_losing_adverts_is_answered_a_bounded_number_of_times() {
    let (mut router, start) = router_in(State::Active, config(Version::V3, true));
    let mut sent = 0;
    for number in 0..10_000_u64 {
        let now = start.saturating_add(Duration::from_micros(number * 50));
        sent += adverts(&handle(
            &mut router,
            now,
            Event::Advert(&Heard::Lower.advert(Version::V3)),
        ))
        .len();
    }
    assert!(
        (1..=32).contains(&sent),
        "{sent} answers to 10,000 losing adverts in half a second"
    );
}

/// S-24 in profile rfc9568 and profile keepalived: the smaller address yields; keepalived's goes on as 254.
#[test]
fn of_two_owners_the_smaller_address_yields() {
    for (lowers, priority) in [(false, 255), (true, 254)] {
        let owner = Config {
            priority: Priority::OWNER,
            owner_clash_lowers: lowers,
            ..config(Version::V3, true)
        };
        let clash = |source: &str| Received {
            priority: WirePriority::from_wire(255),
            source: source.parse::<IpAddr>().unwrap(),
            ..Heard::Higher.advert(Version::V3)
        };
        let (mut router, now) = router_in(State::Active, owner);
        let _ = router.handle(now, Event::Advert(&clash(LOWER)));
        assert_eq!(router.state(), State::Active);
        let _ = router.handle(now, Event::Advert(&clash(HIGHER)));
        assert_eq!(
            (router.state(), router.priority().as_u8()),
            (State::Backup, priority)
        );
    }
}

/// S-16 and S-19 where keepalived's words decide: `higher_prio_send_advert`, and answering in version 2.
#[test]
fn keepalived_settings_change_two_arms_of_the_table() {
    let keepalived = Config {
        answer_lower: true,
        advert_before_yield: true,
        ..config(Version::V2, true)
    };
    let (mut router, now) = router_in(State::Active, keepalived);
    let actions = handle(
        &mut router,
        now,
        Event::Advert(&Heard::Lower.advert(Version::V2)),
    );
    assert_eq!(adverts(&actions), [PRIORITY]);
    let actions = handle(
        &mut router,
        now,
        Event::Advert(&Heard::Higher.advert(Version::V2)),
    );
    assert_eq!(
        (router.state(), adverts(&actions)),
        (State::Backup, vec![PRIORITY])
    );
}
