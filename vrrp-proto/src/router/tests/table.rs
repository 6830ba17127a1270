//! S-01: the transition table of RFC 9568 §6.4 and RFC 3768 §6.4, every state against every event, both versions, both
//! settings of Preempt_Mode, written down independently of the code.

use super::*;

/// What the table says of the timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    /// Nothing happens at all.
    Nothing,
    /// State, adverts sent, and the time to the next deadline in milliseconds (none: no deadline).
    Change(State, &'static [u8], Option<u64>),
}

/// Events of the table, from the view of a router with priority 128 (skews that are whole milliseconds) and address
/// 192.0.2.100.
const EVENTS: [(&str, Trigger); 17] = [
    ("startup", Trigger::Start),
    ("shutdown", Trigger::Stop),
    ("timer fires", Trigger::Timer),
    ("early timer", Trigger::Early),
    ("p = 0, s < L", Trigger::Advert(1, 0)),
    ("p = 0, s > L", Trigger::Advert(200, 0)),
    ("p < P, s < L", Trigger::Advert(1, 127)),
    ("p < P, s > L", Trigger::Advert(200, 1)),
    ("p = P, s < L", Trigger::Advert(99, 128)),
    ("p = P, s > L", Trigger::Advert(101, 128)),
    ("p > P, s < L", Trigger::Advert(1, 129)),
    ("p > P, s > L", Trigger::Advert(200, 255)),
    ("fault", Trigger::Fault),
    ("fault over", Trigger::NoFault),
    ("addresses lost", Trigger::Lost),
    ("successor announced", Trigger::Successor),
    ("short stall", Trigger::Stall),
];

#[derive(Clone, Copy, Debug)]
enum Trigger {
    Start,
    Stop,
    Timer,
    Early,
    Advert(u8, u8),
    Fault,
    NoFault,
    Lost,
    Successor,
    Stall,
}

/// The table. Times: interval 1 s, skew 500 ms, down interval 3,500 ms; the neighbour's interval is 2 s, which version
/// 3 learns: skew 1,000 ms, down interval 7,000 ms. Every event comes 400 ms after the state was entered.
fn expected(state: State, event: Trigger, version: Version, preempt: bool) -> Expect {
    use State::{Active, Backup, Initialize, Releasing};
    let v3 = version == Version::V3;
    let learned = Some(if v3 { 7_000 } else { 3_500 });
    let accepted = Expect::Change(Backup, &[], learned);
    match (state, event) {
        (Initialize, Trigger::Start) => Expect::Change(Backup, &[], Some(3_500)),
        (Initialize, Trigger::Fault) => Expect::Change(Initialize, &[], None),
        (
            Initialize,
            Trigger::Stop
            | Trigger::Timer
            | Trigger::Early
            | Trigger::Advert(..)
            | Trigger::NoFault
            | Trigger::Lost
            | Trigger::Successor
            | Trigger::Stall,
        ) => Expect::Nothing,
        (Backup, Trigger::Stop | Trigger::Fault) => Expect::Change(Initialize, &[], None),
        (Backup, Trigger::Timer) => Expect::Change(Active, &[128], Some(1_000)),
        (Backup, Trigger::Advert(_, 0)) => Expect::Change(Backup, &[], Some(500)),
        (Backup, Trigger::Advert(_, 1..=127)) => {
            if preempt {
                Expect::Change(Backup, &[], Some(3_100))
            } else {
                accepted
            }
        }
        (Backup, Trigger::Advert(..)) => accepted,
        (
            Backup,
            Trigger::Start
            | Trigger::Early
            | Trigger::NoFault
            | Trigger::Lost
            | Trigger::Successor
            | Trigger::Stall,
        ) => Expect::Nothing,
        (Active, Trigger::Stop) => Expect::Change(Initialize, &[0], None),
        (Active, Trigger::Fault) => Expect::Change(Initialize, &[0, 0], None),
        (Active, Trigger::Timer) => Expect::Change(Active, &[128], Some(1_000)),
        (Active, Trigger::Advert(_, 0)) => Expect::Change(Active, &[128], Some(1_000)),
        (Active, Trigger::Advert(_, 1..=127) | Trigger::Advert(99, 128)) => {
            Expect::Change(Active, if v3 { &[128] } else { &[] }, Some(600))
        }
        (Active, Trigger::Advert(..)) => accepted,
        (Active, Trigger::Lost) => Expect::Change(Backup, &[0], Some(500)),
        (
            Active,
            Trigger::Start
            | Trigger::Early
            | Trigger::NoFault
            | Trigger::Successor
            | Trigger::Stall,
        ) => Expect::Nothing,
        // Stopped and holding; RFC 9568 would be in Initialize already.
        (Releasing, Trigger::Start) => Expect::Change(Releasing, &[], Some(1_092)),
        (Releasing, Trigger::Timer | Trigger::Fault | Trigger::Lost | Trigger::Successor) => {
            Expect::Change(Initialize, &[], None)
        }
        (Releasing, Trigger::Advert(_, 1..)) => Expect::Change(Releasing, &[], Some(50)),
        (
            Releasing,
            Trigger::Stop
            | Trigger::Early
            | Trigger::Advert(_, 0)
            | Trigger::NoFault
            | Trigger::Stall,
        ) => Expect::Nothing,
    }
}

fn in_state(state: State, version: Version, preempt: bool) -> Bench {
    let base = match version {
        Version::V2 => config_v2(),
        Version::V3 => config(),
    };
    let config = Config {
        priority: priority(128),
        preempt,
        release_hold: if state == State::Releasing {
            ms(1_492)
        } else {
            Duration::ZERO
        },
        ..base
    };
    let mut bench = match state {
        State::Initialize => {
            let mut bench = Bench::new(config);
            // Told to run, but the first Startup is the table's event: stop once, so that nothing is pending.
            bench.tell(Event::Stop(StopKind::Immediate));
            bench
        }
        State::Backup => Bench::backup(config),
        State::Active => Bench::active(config),
        State::Releasing => {
            let mut bench = Bench::active(config);
            bench.tell(Event::Stop(StopKind::Planned));
            bench
        }
    };
    bench.advance(ms(400));
    bench
}

fn fire(bench: &mut Bench, event: Trigger) -> Vec<Action> {
    match event {
        Trigger::Start => bench.tell(Event::Start),
        Trigger::Stop => bench.tell(Event::Stop(StopKind::Planned)),
        Trigger::Timer => match bench.router.next_deadline() {
            Some(_) => bench.run_to_deadline(),
            None => bench.tell(Event::Deadline),
        },
        Trigger::Early => bench.tell(Event::Deadline),
        Trigger::Advert(from, priority) => bench.hear_at(peer(from), priority, centis(200)),
        Trigger::Fault => {
            // A fault is told of by a running router only.
            if bench.state() == State::Initialize {
                bench.tell(Event::Faults(FaultSet::TRACKER));
                bench.tell(Event::Start)
            } else {
                bench.tell(Event::Faults(FaultSet::TRACKER))
            }
        }
        Trigger::NoFault => bench.tell(Event::Faults(FaultSet::NONE)),
        Trigger::Lost => bench.tell(Event::AddressesLost),
        Trigger::Successor => bench.tell(Event::SuccessorAnnounced),
        Trigger::Stall => bench.tell(Event::Stalled(ms(400))),
    }
}

#[test]
fn s01_the_transition_table_holds_for_every_state_and_event() {
    let mut checked = 0;
    for state in [
        State::Initialize,
        State::Backup,
        State::Active,
        State::Releasing,
    ] {
        for version in [Version::V2, Version::V3] {
            for preempt in [false, true] {
                for (name, event) in EVENTS {
                    let row = std::format!("{state:?}, {name}, {version:?}, preempt {preempt}");
                    let mut bench = in_state(state, version, preempt);
                    let before = bench.router.snapshot();
                    let actions = fire(&mut bench, event);
                    match expected(state, event, version, preempt) {
                        Expect::Nothing => {
                            assert_eq!(actions, [], "{row}");
                            let after = bench.router.snapshot();
                            assert_eq!(
                                (
                                    after.state,
                                    after.down_at,
                                    after.advert_at,
                                    after.hold_until
                                ),
                                (
                                    before.state,
                                    before.down_at,
                                    before.advert_at,
                                    before.hold_until
                                ),
                                "{row}"
                            );
                        }
                        Expect::Change(to, sent, next) => {
                            assert_eq!(bench.state(), to, "{row}");
                            assert_eq!(adverts(&actions), sent, "{row}");
                            let left = bench
                                .router
                                .next_deadline()
                                .filter(|(_, timer)| *timer != Timer::Confirm)
                                .map(|(at, _)| at.saturating_since(bench.now));
                            assert_eq!(left, next.map(ms), "{row}");
                            check_report(&actions, state, to, &row);
                        }
                    }
                    checked += 1;
                }
            }
        }
    }
    assert_eq!(checked, 4 * 2 * 2 * 17);
}

/// A change of state is reported once, last, and says from where to where; the addresses follow it.
fn check_report(actions: &[Action], from: State, to: State, row: &str) {
    let holds = |state| matches!(state, State::Active | State::Releasing);
    assert_eq!(
        actions.contains(&Action::RemoveAddresses),
        holds(from) && !holds(to),
        "{row}"
    );
    assert_eq!(
        actions.contains(&Action::AddAddresses),
        from != State::Active && to == State::Active,
        "{row}"
    );
    match transition(actions) {
        Some(report) => {
            assert_eq!((report.from, report.to), (from, to), "{row}");
            assert_eq!(actions.last(), Some(&Action::Report(report)), "{row}");
        }
        None => assert_eq!(from, to, "{row}"),
    }
}
