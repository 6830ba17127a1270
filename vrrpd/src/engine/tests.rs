//! The engine against real sockets: two hosts, and a stand-in for the address thread.

mod calls;
mod cost;
mod host;
mod panics;
pub(crate) mod plans;
mod recorded;
mod running;
mod stand_in;
mod wire;

use std::process::Command as Program;
use std::time::Duration;

use vrrp_config::plan::{AuthPlan, PeerPlan, Plan, Transport};
use vrrp_proto::router::{Cause, State, StopKind};
use vrrp_proto::units::Family;

use crate::core::{
    CoreOptions, DemotionReason, MemoryLock, OnResign, Report, ResignReason, SchedulingClass, now,
};
use host::{Other, in_namespace, ip};
use plans::{over_ipv6, plan};
use running::{Running, end_threads, engine_threads};

/// Two engines: the higher one leads, its adverts are heard and stamped, and its farewell hands over at once.
fn lead_and_follow(change: fn(Plan) -> Plan) {
    in_namespace(move || {
        let other = Other::join();
        if change(plan("va", 1, 10)).routers[0].family == Family::V6 {
            other.wait_ipv6();
        }
        let mut high = Running::start(&change(plan("va", 200, 10)), end_threads());
        let mut low =
            other.run(move || Running::start(&change(plan("vb", 100, 10)), end_threads()));
        high.wait_for(
            "ready",
            |report| matches!(report, Report::Ready { faults, .. } if faults.is_empty()),
        );
        high.wait_for_state(State::Active);
        let router = low.wait_until("hears twenty adverts", |router| {
            router.received.accepted >= 20
        });
        assert_eq!(router.router.state, State::Backup);
        assert!(
            router.received.sequence_trusted,
            "identification or flow label is a sequence"
        );
        assert_eq!(router.received.missing, 0);
        let peer = router.router.peer.unwrap();
        assert_eq!(peer.priority.as_u8(), 200);
        assert_eq!(router.received.discards.iter().sum::<u64>(), 0);
        assert!(
            router.received.worst_read_delay > Duration::ZERO,
            "arrivals are stamped"
        );

        let router = high.wait_until("every stage", |router| router.adverts.left >= 20);
        let (counts, last) = (router.adverts, router.last_advert.unwrap());
        assert!(
            counts.due == counts.built && counts.built == counts.accepted,
            "{counts:?}"
        );
        assert!(counts.accepted - counts.left <= 1, "{counts:?}");
        assert_eq!((counts.refused, counts.unsendable), (0, 0));
        assert!(
            last.due <= last.woke && last.woke <= last.submitted && last.submitted <= last.accepted,
            "{last:?}"
        );
        let (queued, left) = (last.queued.unwrap(), last.left.unwrap());
        assert!(
            last.submitted <= queued && queued <= left && left <= last.accepted,
            "{last:?}"
        );
        assert!(!last.ambiguous);
        assert!(u64::from(last.sequence) >= 20);
        assert_eq!(router.router.addresses.present, 1);

        high.stop(StopKind::Immediate);
        let took_over = low.wait_for_state(State::Active);
        let Report::Transition { transition, .. } = took_over else {
            panic!("{took_over:?}")
        };
        assert!(
            matches!(transition.cause, Cause::Released { by } if by == peer.address),
            "{transition:?}"
        );
        low.stop(StopKind::Planned);
    });
}

#[test]
fn two_engines_lead_and_follow_over_ipv4() {
    lead_and_follow(|plan| plan);
}

#[test]
fn two_engines_lead_and_follow_over_ipv6() {
    lead_and_follow(over_ipv6);
}

#[test]
fn a_silent_other_world_makes_the_engine_resign() {
    in_namespace(|| {
        let _other = Other::join();
        let options = CoreOptions {
            heartbeat_warn: Duration::from_millis(300),
            heartbeat_resign: Duration::from_secs(1),
            ..end_threads()
        };
        let mut running = Running::start(&plan("va", 200, 10), options);
        running.wait_for_state(State::Active);
        let alone = running
            .wait_until("adverts", |router| router.adverts.left >= 3)
            .received;
        assert_eq!(
            alone.accepted + alone.discards.iter().sum::<u64>(),
            0,
            "own adverts are not looped back (R-26)"
        );
        let before = now();
        running.wait("the warning", false, |report| {
            matches!(report, Report::HeartbeatLate { .. })
        });
        assert_eq!(
            running.router().router.state,
            State::Active,
            "a warning changes nothing"
        );
        let resigned = running.wait("the resignation", false, |report| {
            matches!(report, Report::Resigned { .. })
        });
        let Report::Resigned {
            reason: ResignReason::HeartbeatLost(age),
            at,
        } = resigned
        else {
            panic!("{resigned:?}")
        };
        assert!(age >= Duration::from_secs(1));
        assert!(at.saturating_since(before) < Duration::from_secs(10));
        running.wait("the end", false, |report| {
            matches!(
                report,
                Report::Stopped {
                    addresses_removed: true,
                    ..
                }
            )
        });
        let router = running.router();
        assert_eq!(router.router.state, State::Initialize);
        assert_eq!(
            router.last_advert.unwrap().priority.as_u8(),
            0,
            "it says goodbye"
        );
        assert!(!running.core.snapshot().engine.running);
        running.core.join();
    });
}

/// The same in a process of its own, which the engine ends although nothing of the other world answers.
#[test]
fn a_resigned_engine_ends_the_process_and_says_why() {
    let program = std::env::current_exe().unwrap();
    let output = Program::new(program)
        .args([
            "--exact",
            "engine::tests::a_world_that_hangs",
            "--ignored",
            "--nocapture",
        ])
        .output()
        .unwrap();
    let (said, wrote) = (
        String::from_utf8_lossy(&output.stderr),
        String::from_utf8_lossy(&output.stdout),
    );
    if said.contains("SKIPPED") {
        return eprintln!("{said}");
    }
    assert_eq!(output.status.code(), Some(7), "{wrote}{said}");
    assert!(
        said.contains("the rest of the daemon has not answered for 1."),
        "{said}"
    );
    assert!(said.contains("addresses removed"), "{said}");
}

#[test]
#[ignore = "ends its process; run by the test above"]
fn a_world_that_hangs() {
    in_namespace(|| {
        let _other = Other::join();
        let options = CoreOptions {
            heartbeat_warn: Duration::from_millis(300),
            heartbeat_resign: Duration::from_secs(1),
            on_resign: OnResign::ExitProcess(7),
            ..CoreOptions::default()
        };
        let mut running = Running::start(&plan("va", 200, 10), options);
        running.wait_for_state(State::Active);
        std::thread::sleep(Duration::from_secs(20));
        panic!("the process goes on");
    });
}

#[test]
fn a_reload_that_changes_nothing_is_not_noticed_and_a_changed_priority_shows_in_the_next_advert() {
    in_namespace(|| {
        let other = Other::join();
        let mut high = Running::start(&plan("va", 200, 10), end_threads());
        let mut low = other.run(|| Running::start(&plan("vb", 100, 10), end_threads()));
        high.wait_for_state(State::Active);
        low.wait_until("hears it", |router| router.received.accepted >= 3);
        let before = high.wait_until("adverts", |router| router.adverts.left >= 5);
        let summary = high.core.replace(&plan("va", 200, 10)).unwrap();
        assert_eq!(
            (
                summary.kept.len(),
                summary.added.len(),
                summary.removed.len()
            ),
            (1, 0, 0)
        );
        let after = high.wait_until("more adverts", |router| {
            router.adverts.left >= before.adverts.left + 5
        });
        assert_eq!(after.router.since, before.router.since);
        assert_eq!(after.router.counters.became_active, 1);
        assert!(
            after.last_advert.unwrap().sequence > before.last_advert.unwrap().sequence,
            "the sequence goes on"
        );

        high.core.replace(&plan("va", 150, 10)).unwrap();
        low.wait_until("the new priority", |router| {
            router
                .router
                .peer
                .is_some_and(|peer| peer.priority.as_u8() == 150)
        });
        assert_eq!(high.router().router.state, State::Active);

        let mut without = plan("va", 150, 10);
        without.routers.clear();
        let summary = high.core.replace(&without).unwrap();
        assert_eq!(summary.removed, ["VI_1"]);
        let took_over = low.wait_for_state(State::Active);
        let Report::Transition { transition, .. } = took_over else {
            panic!("{took_over:?}")
        };
        assert!(
            matches!(transition.cause, Cause::Released { .. }),
            "a removed router says goodbye: {transition:?}"
        );
        high.core.replace(&plan("va", 200, 10)).unwrap();
        high.wait_for(
            "back",
            |report| matches!(report, Report::Ready { faults, .. } if faults.is_empty()),
        );
        high.wait_for_state(State::Active);
        low.wait_for_state(State::Backup);
        high.stop(StopKind::Immediate);
        low.stop(StopKind::Immediate);
    });
}

#[test]
fn unicast_peers_get_a_copy_each_with_one_sequence_number() {
    in_namespace(|| {
        let other = Other::join();
        let unicast = |mut plan: Plan, source: &str, peers: &[&str]| {
            let peer = |address: &&str| PeerPlan {
                address: address.parse().unwrap(),
                min_ttl: 0,
                max_ttl: 255,
            };
            plan.routers[0].source = Some(source.parse().unwrap());
            plan.routers[0].transport = Transport::Unicast {
                peers: peers.iter().map(peer).collect(),
                ttl: 255,
                check_source: true,
                fault_without_peer: false,
            };
            plan
        };
        ip("neigh add 10.9.0.3 lladdr 02:00:00:00:00:03 dev va");
        let mut high = Running::start(
            &unicast(plan("va", 200, 10), "10.9.0.1", &["10.9.0.2", "10.9.0.3"]),
            end_threads(),
        );
        let mut low = other.run(move || {
            Running::start(
                &unicast(plan("vb", 100, 10), "10.9.0.2", &["10.9.0.1"]),
                end_threads(),
            )
        });
        high.wait_for_state(State::Active);
        let heard = low.wait_until("hears ten", |router| router.received.accepted >= 10);
        assert_eq!(heard.router.state, State::Backup);
        let router = high.wait_until("ten left", |router| router.adverts.left >= 10);
        assert!(
            router.adverts.left <= router.adverts.accepted,
            "copies are not counted: {:?}",
            router.adverts
        );
        assert_eq!(
            u64::from(router.last_advert.unwrap().sequence),
            router.adverts.built
        );
        high.stop(StopKind::Immediate);
        low.wait_for_state(State::Active);
        low.stop(StopKind::Immediate);
    });
}

/// Real time and locked memory are there, or the kernel's reason why not.
#[test]
fn scheduling_and_locking_are_shown_as_the_kernel_has_them() {
    in_namespace(|| {
        let _other = Other::join();
        let mut running = Running::start(&plan("va", 200, 10), end_threads());
        running.wait_for_state(State::Active);
        let engine = running.core.snapshot().engine;
        let thread = engine_threads()[0];
        let class = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap();
        // Fields 40 and 41 of proc(5): real-time priority and policy, counted after the name in parentheses.
        let fields: Vec<&str> = class
            .rsplit(')')
            .next()
            .unwrap()
            .split_whitespace()
            .collect();
        let (priority, policy) = (fields[37], fields[38]);
        match engine.scheduling {
            SchedulingClass::Fifo(1) => assert_eq!((priority, policy), ("1", "1")),
            SchedulingClass::Refused(errno) => {
                assert!(errno > 0);
                assert_eq!((priority, policy), ("0", "0"));
            }
            SchedulingClass::Fifo(_) | SchedulingClass::Ordinary | SchedulingClass::Demoted => {
                panic!("{:?}", engine.scheduling)
            }
        }
        assert_eq!(
            engine.address_scheduling,
            Some(SchedulingClass::Ordinary),
            "what the stand-in says"
        );
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let locked = status
            .lines()
            .find_map(|line| line.strip_prefix("VmLck:"))
            .unwrap();
        let locked: u64 = locked.trim().trim_end_matches(" kB").parse().unwrap();
        match engine.memory {
            MemoryLock::Locked => assert!(locked > 256, "{locked} kB"),
            MemoryLock::Refused(errno) => assert!(errno > 0),
            MemoryLock::Off => panic!("it was asked for"),
        }
        running.stop(StopKind::Immediate);
    });
}

/// Safety rule 4: packets that nobody asked for take the engine's class, not its adverts.
#[test]
fn a_flood_demotes_the_engine_and_its_adverts_go_on() {
    in_namespace(|| {
        let other = Other::join();
        let mut high = Running::start(&plan("va", 200, 10), end_threads());
        high.wait_for_state(State::Active);
        if !matches!(
            high.core.snapshot().engine.scheduling,
            SchedulingClass::Fifo(_)
        ) {
            eprintln!("SKIPPED: real time is refused here, so nothing can be demoted");
            return high.stop(StopKind::Immediate);
        }
        let before = high.router().adverts.left;
        other.begin(|| flood(Duration::from_secs(4)));
        let demoted = high.wait_for("the demotion", |report| {
            matches!(report, Report::Demoted { .. })
        });
        let Report::Demoted { reason, .. } = demoted else {
            panic!("{demoted:?}")
        };
        assert!(
            matches!(reason, DemotionReason::Busy { used } if used > Duration::from_millis(40)),
            "{reason:?}"
        );
        let engine = high.core.snapshot().engine;
        assert_eq!(
            (engine.scheduling, engine.demotions),
            (SchedulingClass::Demoted, 1)
        );
        let router = high.wait_until("adverts during the flood", |router| {
            router.adverts.left >= before + 20
        });
        assert_eq!(router.router.state, State::Active);
        assert!(
            router.received.discards.iter().sum::<u64>() > 1000,
            "{:?}",
            router.received
        );
        high.wait_for("the way back", |report| {
            matches!(report, Report::Promoted { .. })
        });
        assert_eq!(
            high.core.snapshot().engine.scheduling,
            SchedulingClass::Fifo(1)
        );
        high.stop(StopKind::Immediate);
    });
}

/// Sends packets that are no adverts, as fast as they go, from the other host.
fn flood(time: Duration) {
    let protocol = Some(socket2::Protocol::from(112));
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::RAW, protocol).unwrap();
    socket.bind_device(Some(b"vb")).unwrap();
    let group = std::net::SocketAddr::from((vrrp_proto::wire::GROUP_V4, 0));
    let end = std::time::Instant::now() + time;
    while std::time::Instant::now() < end {
        for _ in 0..100 {
            let _ = socket.send_to(&[0x31, 7, 100, 1, 0, 10, 0, 0, 10, 9, 0, 77], &group.into());
        }
    }
}

/// An engine that is held up finds the adverts that came meanwhile, and does not take over.
#[test]
fn a_held_up_backup_drains_before_it_decides() {
    if Program::new("strace").arg("-V").output().is_err() {
        eprintln!("SKIPPED: strace is not installed");
        return;
    }
    in_namespace(|| {
        let other = Other::join();
        let mut high = Running::start(&plan("va", 200, 10), end_threads());
        let mut low = other.run(|| Running::start(&plan("vb", 100, 10), end_threads()));
        high.wait_for_state(State::Active);
        low.wait_until("hears it", |router| router.received.accepted >= 5);
        let thread = other.run(engine_threads)[0];
        // After one wait the thread sleeps for a second: more than the down interval of 361 ms.
        let mut strace = Program::new("strace")
            .args(["-qq", "-p", &thread.to_string(), "-o", "/dev/null"])
            .args(["-e", "inject=epoll_wait:delay_exit=1000000:when=10"])
            .spawn()
            .unwrap();
        let stalled = low.wait_for("the stall", |report| {
            matches!(report, Report::Stalled { .. })
        });
        assert!(
            matches!(stalled, Report::Stalled { by, .. } if by > Duration::from_millis(300)),
            "{stalled:?}"
        );
        let before = low.router().received;
        let router = low.wait_until("goes on hearing", |router| {
            router.received.accepted >= before.accepted + 10
        });
        let pid = nix::unistd::Pid::from_raw(i32::try_from(strace.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
        strace.wait().unwrap();
        assert_eq!(
            (router.router.state, router.router.counters.became_active),
            (State::Backup, 0)
        );
        assert!(
            router.received.worst_read_delay > Duration::from_millis(500),
            "{:?}",
            router.received
        );
        assert!(router.received.sequence_trusted || router.received.accepted < 17);
        assert_eq!(router.received.missing, 0, "held, not lost");
        high.stop(StopKind::Immediate);
        low.stop(StopKind::Immediate);
    });
}

/// one VRID on two interfaces is two routers.
#[test]
fn an_advert_is_for_the_router_of_its_interface_only() {
    in_namespace(|| {
        let other = Other::join();
        let mut high = Running::start(&plan("va", 200, 10), end_threads());
        high.wait_for_state(State::Active);
        let mut low = other.run(|| {
            ip("link add vd type veth peer name ve");
            ip("addr add 10.10.0.2/24 dev vd");
            ip("link set vd up");
            ip("link set ve up");
            let mut both = plan("vb", 100, 10);
            let mut second = both.routers[0].clone();
            second.name = "VI_2".to_owned();
            second.interface = "vd".to_owned();
            both.routers.push(second);
            Running::start(&both, end_threads())
        });
        low.wait_until("hears ten", |router| router.received.accepted >= 10);
        let routers = low.core.snapshot().routers;
        assert_eq!(routers[0].router.state, State::Backup);
        assert_eq!(
            (routers[1].router.state, routers[1].received.accepted),
            (State::Active, 0)
        );
        high.stop(StopKind::Immediate);
        low.stop(StopKind::Immediate);
    });
}

/// Authenticated adverts have a protocol, and so a socket, of their own.
#[test]
fn authenticated_adverts_are_sent_and_heard() {
    in_namespace(|| {
        let other = Other::join();
        let authenticated = |interface: &str, priority| {
            let mut plan = plan(interface, priority, 100);
            plan.routers[0].version = vrrp_proto::units::Version::V2;
            plan.routers[0].auth = AuthPlan::Ah(*b"secret\0\0");
            plan
        };
        let mut high = Running::start(&authenticated("va", 200), end_threads());
        let plan = authenticated("vb", 100);
        let mut low = other.run(move || Running::start(&plan, end_threads()));
        high.wait_for_state(State::Active);
        let router = low.wait_until("hears three", |router| router.received.accepted >= 3);
        assert_eq!(router.router.state, State::Backup);
        assert_eq!(
            router.received.discards.iter().sum::<u64>(),
            0,
            "{:?}",
            router.received
        );
        high.stop(StopKind::Immediate);
        low.stop(StopKind::Immediate);
    });
}
