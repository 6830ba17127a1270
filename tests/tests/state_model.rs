//! Random sequences of events: the router does what the independent model says, and keeps its invariants.
#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers fail where a number is out of range"
)]

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use proptest::prelude::*;
use vrrp_proto::router::{
    Action, AddressState, Config, Event, FaultSet, InterfaceKey, Received, RouterId, State,
    StopKind, VirtualRouter,
};
use vrrp_proto::time::Instant;
use vrrp_proto::units::{AdvertInterval, Family, Priority, Version, Vrid, WirePriority};
use vrrp_tests::model::{Happens, Model, Role, Settings};

const OWN: u32 = 0xc000_0264;

/// When an event comes.
#[derive(Clone, Copy, Debug)]
enum When {
    /// After this many nanoseconds.
    After(u64),
    /// At the next deadline, this many nanoseconds late.
    Deadline(u64),
    /// This many nanoseconds before the next deadline.
    Before(u64),
}

fn when() -> impl Strategy<Value = When> {
    prop_oneof![
        2 => (0..3_000_000_000_u64).prop_map(When::After),
        1 => (0..20_000_000_u64).prop_map(When::After),
        3 => Just(When::After(0)),
        4 => Just(When::Deadline(0)),
        2 => (0..2_000_000_000_u64).prop_map(When::Deadline),
        2 => (19_000_000..22_000_000_u64).prop_map(When::Deadline),
        1 => (1..50_000_000_u64).prop_map(When::Before),
    ]
}

fn happens() -> impl Strategy<Value = Happens> {
    let address = prop_oneof![Just(OWN), Just(OWN - 1), Just(OWN + 1), Just(OWN + 256)];
    let interval = prop_oneof![2 => Just(100_u128), 2 => 1..=4_u128, 1 => 1..=4095_u128];
    let priority = prop_oneof![Just(0_u128), Just(100), Just(150), 1..=255_u128];
    prop_oneof![
        2 => Just(Happens::Start),
        1 => any::<bool>().prop_map(|planned| Happens::Stop { planned }),
        8 => (priority, address, interval).prop_map(|(priority, from, interval)| {
            Happens::Advert { priority, from, interval }
        }),
        10 => Just(Happens::Clock),
        1 => any::<bool>().prop_map(Happens::Fault),
        1 => any::<bool>().prop_map(Happens::Healthy),
        1 => prop_oneof![Just(100_u128), 1..=254_u128].prop_map(Happens::Priority),
        4 => (0..=2_u128).prop_map(Happens::Present),
        1 => Just(Happens::Lost),
        1 => Just(Happens::Successor),
        1 => (0..5_000_000_000_u128).prop_map(Happens::Late),
    ]
}

fn settings() -> impl Strategy<Value = Settings> {
    let delay = prop_oneof![3 => Just(0_u128), 1 => 0..8_000_000_000_u128];
    let startup = prop_oneof![5 => Just(0_u128), 1 => 0..3_000_000_000_u128];
    let interval = prop_oneof![2 => Just(100_u128), 2 => 1..=4_u128, 1 => 1..=4095_u128];
    let priority = prop_oneof![3 => Just(100_u128), 3 => 1..=254_u128, 1 => Just(255)];
    let hold = prop_oneof![Just(0_u128), Just(60_000_000_000), 1..500_000_000_u128];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let numbers = (delay, startup, interval, priority, hold, 0..4_usize);
    (flags, numbers).prop_map(|((v3, preempt, answer, last_word), numbers)| {
        let (preempt_delay, startup_delay, interval, priority, hold, releases) = numbers;
        Settings {
            v3,
            preempt,
            preempt_delay,
            startup_delay,
            interval,
            priority,
            answer,
            last_word,
            releases,
            hold,
            address: OWN,
        }
    })
}

fn nanos(value: u128) -> u64 {
    u64::try_from(value).unwrap()
}

fn address(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(number))
}

fn interval(centis: u128) -> AdvertInterval {
    AdvertInterval::from_centis(u16::try_from(centis).unwrap()).unwrap()
}

fn priority(value: u128) -> Priority {
    Priority::new(u8::try_from(value).unwrap()).unwrap()
}

fn config(settings: &Settings) -> Config {
    Config {
        id: RouterId {
            interface: InterfaceKey(1),
            family: Family::V4,
            vrid: Vrid::new(7).unwrap(),
        },
        version: if settings.v3 {
            Version::V3
        } else {
            Version::V2
        },
        interoperate: false,
        priority: priority(settings.priority),
        interval: interval(settings.interval),
        preempt: settings.preempt,
        preempt_delay: Duration::from_nanos(nanos(settings.preempt_delay)),
        startup_delay: Duration::from_nanos(nanos(settings.startup_delay)),
        down_adverts: 3,
        answer_lower: settings.answer,
        advert_before_yield: settings.last_word,
        owner_clash_lowers: false,
        fault_releases: u8::try_from(settings.releases).unwrap(),
        release_hold: Duration::from_nanos(nanos(settings.hold)),
        phase: None,
        fast_fail: None,
    }
}

/// Tells the router what the model is told.
fn tell(router: &mut VirtualRouter, now: Instant, what: Happens, v3: bool) -> Vec<Action> {
    let received;
    let event = match what {
        Happens::Start => Event::Start,
        Happens::Stop { planned: true } => Event::Stop(StopKind::Planned),
        Happens::Stop { planned: false } => Event::Stop(StopKind::Immediate),
        Happens::Advert {
            priority,
            from,
            interval: centis,
        } => {
            received = Received {
                version: if v3 { Version::V3 } else { Version::V2 },
                priority: WirePriority::from_wire(u8::try_from(priority).unwrap()),
                interval: interval(centis),
                source: address(from),
                arrived: None,
            };
            Event::Advert(&received)
        }
        Happens::Clock => Event::Deadline,
        Happens::Fault(true) => Event::Faults(FaultSet::INTERFACE_DOWN),
        Happens::Fault(false) => Event::Faults(FaultSet::NONE),
        Happens::Healthy(healthy) => Event::Healthy(healthy),
        Happens::Priority(value) => Event::Priority(priority(value)),
        Happens::Present(present) => Event::Addresses(AddressState {
            present: u16::try_from(present).unwrap(),
            wanted: 2,
            errno: None,
        }),
        Happens::Lost => Event::AddressesLost,
        Happens::Successor => Event::SuccessorAnnounced,
        Happens::Late(late) => Event::Stalled(Duration::from_nanos(nanos(late))),
    };
    router.handle(now, event).into_iter().collect()
}

/// What the actions of one step have to satisfy by themselves.
fn follow(state: &mut State, holds: &mut bool, actions: &[Action]) {
    for action in actions {
        match action {
            Action::AddAddresses | Action::HoldAddresses => *holds = true,
            Action::RemoveAddresses => *holds = false,
            Action::Report(report) => {
                assert_eq!(report.from, *state, "a transition from another state");
                *state = report.to;
            }
            Action::Advertise { .. }
            | Action::Announce(_)
            | Action::LowerHeard { .. }
            | Action::PreemptDelayStarted
            | Action::OwnAddressHeard { .. }
            | Action::TakeoverDeferred { .. }
            | Action::PriorityChanged { .. }
            | Action::TrackerExpired(_)
            | Action::GroupReached { .. } => {}
        }
    }
}

fn run(settings: Settings, steps: &[(When, Happens)]) {
    let mut router = VirtualRouter::new(config(&settings));
    let mut model = Model::new(settings);
    let mut now = Instant::from_nanos(1_000_000_000_000);
    let _ = router.handle(now, Event::Source(Some(address(OWN))));
    let (mut state, mut holds) = (State::Initialize, false);
    for (number, (when, what)) in steps.iter().enumerate() {
        if settings.priority == 255 && matches!(what, Happens::Priority(_)) {
            continue;
        }
        let deadline = router.next_deadline().map(|(at, _)| at);
        let next = match (*when, deadline) {
            (When::After(nanos), _) => now.saturating_add(Duration::from_nanos(nanos)),
            (When::Deadline(late), Some(at)) => at.saturating_add(Duration::from_nanos(late)),
            (When::Before(early), Some(at)) => at.saturating_sub(Duration::from_nanos(early)),
            (When::Deadline(_) | When::Before(_), None) => now,
        };
        now = now.max(next);
        let actions = tell(&mut router, now, *what, settings.v3);
        model.happens(u128::from(now.as_nanos()), *what);
        let step = format!("step {number}: {what:?} at {now:?}");
        follow(&mut state, &mut holds, &actions);
        compare(&router, &model, &actions, &step);
        assert_eq!(state, router.state(), "{step}: reports");
        assert_eq!(holds, model.has_addresses(), "{step}: addresses");
        let after = router.next_deadline().map(|(at, _)| at);
        let earliest = match what {
            Happens::Clock => now.saturating_add(Duration::from_nanos(1)),
            Happens::Start
            | Happens::Stop { .. }
            | Happens::Advert { .. }
            | Happens::Fault(_)
            | Happens::Healthy(_)
            | Happens::Priority(_)
            | Happens::Present(_)
            | Happens::Lost
            | Happens::Successor
            | Happens::Late(_) => deadline.map_or(now, |before| before.min(now)),
        };
        assert!(
            after.is_none_or(|at| at >= earliest),
            "{step}: past deadline {after:?}"
        );
    }
}

fn compare(router: &VirtualRouter, model: &Model, actions: &[Action], step: &str) {
    let expected = match (model.hold, model.role) {
        (Some(_), _) => State::Releasing,
        (None, Role::Out) => State::Initialize,
        (None, Role::Watch) => State::Backup,
        (None, Role::Lead) => State::Active,
    };
    assert_eq!(router.state(), expected, "{step}: state");
    let sent: Vec<u128> = actions
        .iter()
        .filter_map(|action| {
            let Action::Advertise { priority, .. } = action else {
                return None;
            };
            Some(u128::from(priority.as_u8()))
        })
        .collect();
    assert_eq!(sent, model.sent, "{step}: adverts");
    let snapshot = router.snapshot();
    let plain = |at: Option<Instant>| at.map(|at| u128::from(at.as_nanos()));
    let watches = model.role == Role::Watch;
    assert_eq!(
        plain(snapshot.down_at),
        watches.then_some(model.down),
        "{step}: down timer"
    );
    let leads = model.role == Role::Lead;
    assert_eq!(
        plain(snapshot.advert_at),
        leads.then_some(model.due),
        "{step}: advert timer"
    );
    assert_eq!(plain(snapshot.hold_until), model.hold, "{step}: hold");
    assert_eq!(plain(snapshot.retry_at), model.retry, "{step}: retry");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn router_does_what_the_independent_model_says(
        settings in settings(),
        steps in prop::collection::vec((when(), happens(), prop_oneof![9 => Just(1), 1 => Just(10)]), 1..80),
    ) {
        let mut flat = Vec::new();
        for (when, what, times) in steps {
            flat.push((when, what));
            // A burst of the same event, as floods and doubled frames are.
            flat.extend((1..times).map(|_| (When::After(0), what)));
        }
        run(settings, &flat);
    }
}
