//! The engine against real sockets: two network namespaces joined by a veth pair, and a stand-in for the address thread
//! that says yes to everything. Needs root; says so loudly where it is missing.

use std::net::IpAddr;
use std::process::Command as Program;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use vrrp_config::plan::{
    AnnouncePlan, AuthPlan, CommandPlan, Global, MailPlan, NotifyPlan, Plan, Profile, Realtime,
    RestoreAddresses, RouterPlan, ScriptPlan, TrackPlan, Transport, VipPlan,
};
use vrrp_proto::router::{AddressState, Cause, State, StopKind};
use vrrp_proto::track::Reading;
use vrrp_proto::units::{AdvertInterval, Family, Priority, Version, Vrid};
use vrrp_proto::wire::{ChecksumAccept, ChecksumForm, GROUP_V4, GROUP_V6};

use crate::address::{AddressCommand, AddressEnds, AddressReport, AddressSetup};
use crate::core::start::start_with;
use crate::core::{
    Core, CoreOptions, OnResign, Report, Reports, ResignReason, RouterSnapshot, SchedulingClass,
    now,
};
use crate::net;
use crate::sys::allocation::Watch;

/// Runs `test` on a thread of its own network namespace; not without root.
fn in_namespace(test: impl FnOnce() + Send + 'static) {
    if !nix::unistd::geteuid().is_root() {
        eprintln!(
            "SKIPPED: {:?} needs root for a network namespace",
            std::thread::current().name()
        );
        return;
    }
    std::thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        ip("link set lo up");
        test();
    })
    .join()
    .unwrap();
}

/// Runs `ip`; it inherits the calling thread's namespace.
fn ip(arguments: &str) {
    let status = Program::new("ip")
        .args(arguments.split(' '))
        .status()
        .unwrap();
    assert!(status.success(), "ip {arguments}");
}

/// The other host: a thread in a second namespace that carries out what it is given.
struct Other {
    work: Option<mpsc::Sender<Box<dyn FnOnce() + Send>>>,
    thread: Option<JoinHandle<()>>,
}

impl Other {
    /// Joins the calling thread's namespace with a new one: `va` with 10.9.0.1 here, `vb` with 10.9.0.2 there.
    fn join() -> Self {
        let (work, orders) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
        let (tell, told) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            tell.send(nix::unistd::gettid()).unwrap();
            for order in orders {
                order();
            }
        });
        let there = told.recv().unwrap();
        ip(&format!("link add va type veth peer name vb netns {there}"));
        ip("addr add 10.9.0.1/24 dev va");
        ip("link set va up");
        let other = Self {
            work: Some(work),
            thread: Some(thread),
        };
        other.run(|| {
            ip("addr add 10.9.0.2/24 dev vb");
            ip("link set vb up");
        });
        other
    }

    fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let (result, results) = mpsc::channel();
        let order = Box::new(move || result.send(work()).unwrap());
        self.work.as_ref().unwrap().send(order).unwrap();
        results.recv().unwrap()
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        drop(self.work.take());
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// An address thread that says yes to everything: the interface is up, every address is there at once.
fn stand_in(
    setup: AddressSetup,
    ends: AddressEnds,
    _fifo: Option<u8>,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("stand-in".to_owned())
        .spawn(move || {
            let AddressEnds {
                mut commands,
                mut reports,
                world: _world,
            } = ends;
            let mut send = |report| {
                let mut report = Some(report);
                while let Some(again) = report.take().and_then(|report| reports.send(report).err())
                {
                    report = Some(again);
                    std::thread::sleep(Duration::from_millis(1));
                }
            };
            send(AddressReport::Started {
                scheduling: SchedulingClass::Ordinary,
            });
            let mut setup = setup;
            let mut opened = Vec::new();
            tell_everything(&setup, &mut opened, &mut send);
            loop {
                let mut fds = [nix::poll::PollFd::new(
                    std::os::fd::AsFd::as_fd(commands.signal()),
                    nix::poll::PollFlags::POLLIN,
                )];
                nix::poll::poll(&mut fds, 100_u16).unwrap();
                commands.signal().clear();
                while let Some(command) = commands.try_next() {
                    let wanted = |router| {
                        let found = setup.routers.iter().find(|known| known.id == router);
                        u16::try_from(found.unwrap().addresses.len()).unwrap()
                    };
                    match command {
                        AddressCommand::Add { router } => {
                            let count = wanted(router);
                            let state = AddressState {
                                present: count,
                                wanted: count,
                                errno: None,
                            };
                            send(AddressReport::Addresses { router, state });
                        }
                        AddressCommand::Remove { router } => {
                            let state = AddressState {
                                present: 0,
                                wanted: 0,
                                errno: None,
                            };
                            send(AddressReport::Addresses { router, state });
                        }
                        AddressCommand::Replace(next) => {
                            setup = *next;
                            tell_everything(&setup, &mut opened, &mut send);
                        }
                        AddressCommand::Hold { .. }
                        | AddressCommand::Announce { .. }
                        | AddressCommand::AnnounceSource { .. }
                        | AddressCommand::Retire(_) => {}
                        AddressCommand::Stop => {
                            send(AddressReport::Stopped { left: 0 });
                            return;
                        }
                    }
                }
                if commands.is_abandoned() {
                    return;
                }
            }
        })
}

fn tell_everything(
    setup: &AddressSetup,
    opened: &mut Vec<(String, net::SocketSpec)>,
    send: &mut dyn FnMut(AddressReport),
) {
    // Sockets of interfaces that a plan leaves out come back to be closed.
    opened.retain(|(name, _)| {
        setup
            .interfaces
            .iter()
            .any(|interface| interface.name == *name)
    });
    for interface in &setup.interfaces {
        let index = nix::net::if_::if_nametoindex(interface.name.as_str()).unwrap();
        send(AddressReport::Interface {
            interface: interface.key,
            exists: true,
            up: true,
        });
        let Some(spec) = interface.sockets.clone() else {
            continue;
        };
        let known = (interface.name.clone(), spec);
        if opened.contains(&known) {
            continue;
        }
        let sockets = net::open(&interface.name, index, &known.1).unwrap();
        opened.push(known);
        send(AddressReport::Sockets {
            interface: interface.key,
            sockets: Ok(Box::new(sockets)),
        });
    }
    for router in &setup.routers {
        let name = &setup
            .interfaces
            .iter()
            .find(|interface| interface.key == router.id.interface)
            .unwrap()
            .name;
        let address = own_address(name, router.id.family);
        send(AddressReport::Source {
            router: router.id,
            address: Some(address),
        });
    }
    send(AddressReport::Settled);
}

/// The address of an interface of these tests: IPv6 is link-local.
fn own_address(interface: &str, family: Family) -> IpAddr {
    let addresses = nix::ifaddrs::getifaddrs().unwrap();
    addresses
        .filter(|entry| entry.interface_name == interface)
        .filter_map(|entry| {
            let storage = entry.address?;
            let v4 = storage
                .as_sockaddr_in()
                .map(|address| IpAddr::V4(address.ip()));
            v4.or_else(|| {
                storage
                    .as_sockaddr_in6()
                    .map(|address| IpAddr::V6(address.ip()))
            })
        })
        .find(|address| Family::of(address) == family)
        .unwrap()
}

/// A plan with one IPv4 router: VRID 7, version 3, multicast.
fn plan(interface: &str, priority: u8, centis: u16) -> Plan {
    let vip = VipPlan {
        address: "10.9.0.77".parse().unwrap(),
        prefix: 32,
        interface: None,
        broadcast: None,
        scope: 0,
        label: None,
        peer: None,
        dad: false,
        home: false,
        manage_temporary: false,
        autojoin: false,
        no_prefix_route: false,
        preferred_lifetime: u32::MAX,
        track: true,
    };
    let router = RouterPlan {
        name: "VI_1".to_owned(),
        interface: interface.to_owned(),
        vrid: Vrid::new(7).unwrap(),
        family: Family::V4,
        version: Version::V3,
        interoperate: false,
        wanted_master: false,
        priority: Priority::new(priority).unwrap(),
        interval: AdvertInterval::from_centis(centis).unwrap(),
        preempt: true,
        preempt_delay: Duration::ZERO,
        down_adverts: 3,
        answer_lower: true,
        advert_before_yield: false,
        auth: AuthPlan::None,
        transport: Transport::Multicast {
            group: GROUP_V4.into(),
        },
        source: None,
        track_source: true,
        addresses: vec![vip],
        excluded: Vec::new(),
        check_addresses: true,
        checksum_send: ChecksumForm::PseudoHeader,
        checksum_accept: ChecksumAccept::Both,
        require_link_local_first: false,
        require_link_local_source: false,
        owner_discards_v2: false,
        announce: AnnouncePlan {
            delay: Duration::ZERO,
            repeat: 1,
            refresh: Duration::ZERO,
            refresh_repeat: 1,
            lower_delay: Duration::ZERO,
            lower_repeat: 0,
            arp_interval: Duration::ZERO,
            na_interval: Duration::ZERO,
            arp_target_broadcast: true,
            na_router_flag: false,
        },
        dont_track_primary: false,
        track_interfaces: Vec::new(),
        track_scripts: Vec::new(),
        notify: NotifyPlan::default(),
        smtp_alert: false,
        restore_addresses: RestoreAddresses::On,
    };
    Plan {
        global: Global {
            profile: Profile::Keepalived,
            router_id: None,
            mail: MailPlan::default(),
            script_user: None,
            script_security: false,
            dynamic_interfaces: true,
            startup_delay: Duration::ZERO,
            log_unknown_vrids: false,
            realtime: Realtime::Fifo(1),
        },
        scripts: Vec::new(),
        routers: vec![router],
        groups: Vec::new(),
    }
}

/// The same router over IPv6.
fn over_ipv6(mut plan: Plan) -> Plan {
    let router = &mut plan.routers[0];
    router.family = Family::V6;
    router.transport = Transport::Multicast {
        group: GROUP_V6.into(),
    };
    router.addresses[0].address = "fe80::77".parse().unwrap();
    router.addresses[0].prefix = 128;
    plan
}

/// A core with a runtime to take its reports in.
struct Running {
    core: Core,
    reports: Reports,
    runtime: tokio::runtime::Runtime,
}

impl Running {
    fn start(plan: &Plan, options: CoreOptions) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let context = runtime.enter();
        let (core, reports) = start_with(plan, options, stand_in).unwrap();
        drop(context);
        Self {
            core,
            reports,
            runtime,
        }
    }

    /// Takes reports, beating, until one is what is waited for; at most 20 s.
    fn wait_for(&mut self, what: &str, wanted: impl Fn(&Report) -> bool) -> Report {
        self.wait(what, true, wanted)
    }

    fn wait(&mut self, what: &str, beating: bool, wanted: impl Fn(&Report) -> bool) -> Report {
        let end = std::time::Instant::now() + Duration::from_secs(20);
        let (core, reports) = (&mut self.core, &mut self.reports);
        self.runtime.block_on(async {
            let mut seen = Vec::new();
            while std::time::Instant::now() < end {
                if beating {
                    core.beat();
                }
                let Ok(report) =
                    tokio::time::timeout(Duration::from_millis(100), reports.next()).await
                else {
                    continue;
                };
                if wanted(&report) {
                    return report;
                }
                seen.push(report);
            }
            panic!(
                "{what} did not come; instead: {seen:#?}\n{:#?}",
                core.snapshot()
            );
        })
    }

    fn wait_for_state(&mut self, state: State) -> Report {
        self.wait_for(&format!("{state:?}"), |report| {
            matches!(report, Report::Transition { transition, .. } if transition.to == state)
        })
    }

    fn router(&self) -> RouterSnapshot {
        self.core.snapshot().routers.remove(0)
    }

    /// Beats until the router's snapshot is as wanted; at most 20 s.
    fn wait_until(
        &mut self,
        what: &str,
        wanted: impl Fn(&RouterSnapshot) -> bool,
    ) -> RouterSnapshot {
        let end = std::time::Instant::now() + Duration::from_secs(20);
        loop {
            self.core.beat();
            let router = self.router();
            if wanted(&router) {
                return router;
            }
            assert!(std::time::Instant::now() < end, "{what}: {router:#?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn stop(mut self, kind: StopKind) {
        self.core.stop(kind);
        let stopped = self.wait_for("the end", |report| matches!(report, Report::Stopped { .. }));
        assert!(
            matches!(
                stopped,
                Report::Stopped {
                    addresses_removed: true,
                    ..
                }
            ),
            "{stopped:?}"
        );
        assert!(!self.core.snapshot().engine.running);
        self.core.join();
    }
}

fn end_threads() -> CoreOptions {
    CoreOptions {
        on_resign: OnResign::EndThreads,
        ..CoreOptions::default()
    }
}

/// Two engines: the higher one leads, its adverts are heard and stamped, and its farewell hands over at once.
fn lead_and_follow(change: fn(Plan) -> Plan) {
    in_namespace(move || {
        let other = Other::join();
        if change(plan("va", 1, 10)).routers[0].family == Family::V6 {
            // Link-local addresses are tentative for a moment after the link came up.
            std::thread::sleep(Duration::from_secs(3));
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
            let peer = |address: &&str| vrrp_config::plan::PeerPlan {
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

/// The engine threads of the calling thread's network namespace.
fn engine_threads() -> Vec<i32> {
    let own = std::fs::read_link("/proc/thread-self/ns/net").unwrap();
    let tasks = std::fs::read_dir("/proc/self/task")
        .unwrap()
        .map(|task| task.unwrap().path());
    tasks
        .filter(|task| {
            std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == "engine")
        })
        .filter(|task| {
            std::fs::read_link(task.join("ns/net")).is_ok_and(|namespace| namespace == own)
        })
        .map(|task| task.file_name().unwrap().to_str().unwrap().parse().unwrap())
        .collect()
}

/// A tracked script that adds two to the priority while it is good.
fn with_script(mut plan: Plan) -> Plan {
    let command = CommandPlan {
        argv: vec!["/bin/true".to_owned()],
        shell: false,
        user: None,
    };
    let second = Duration::from_secs(1);
    plan.scripts.push(ScriptPlan {
        name: "check".to_owned(),
        command,
        interval: second,
        timeout: second,
        rise: 1,
        fall: 1,
        weight: 2,
        reverse: false,
        init_fail: false,
    });
    let track = TrackPlan {
        name: "check".to_owned(),
        weight: 2,
        reverse: false,
    };
    plan.routers[0].track_scripts.push(track);
    plan
}

#[test]
fn nothing_is_allocated_over_two_hundred_adverts_sent_and_heard() {
    in_namespace(|| {
        let other = Other::join();
        let mut high = Running::start(&with_script(plan("va", 200, 3)), end_threads());
        let mut low = other.run(|| Running::start(&plan("vb", 100, 3), end_threads()));
        high.wait_for_state(State::Active);
        let sent = high
            .wait_until("is on its way", |router| router.adverts.left >= 10)
            .adverts
            .left;
        let heard = low
            .wait_until("hears it", |router| router.received.accepted >= 10)
            .received
            .accepted;
        let mut watched = engine_threads();
        watched.extend(other.run(engine_threads));
        assert_eq!(watched.len(), 2);
        let watches = [Watch::begin(watched[0]), Watch::begin(watched[1])];
        high.core.reading(
            "check",
            Reading::Good,
            now().saturating_add(Duration::from_secs(9)),
        );
        high.wait_for(
            "the weight",
            |report| matches!(report, Report::Priority { to, .. } if to.as_u8() == 202),
        );
        high.wait_until("two hundred more", |router| {
            router.adverts.left >= sent + 200
        });
        low.wait_until("two hundred more", |router| {
            router.received.accepted >= heard + 200
        });
        assert_eq!((watches[0].calls(), watches[1].calls()), (0, 0));

        // A farewell and a takeover are no less of a promise.
        high.core.stop(StopKind::Immediate);
        low.wait_for_state(State::Active);
        let leads = low.router().adverts.left;
        low.wait_until("leads", |router| router.adverts.left >= leads + 20);
        assert_eq!(watches[1].calls(), 0, "a takeover allocates nothing");
        drop(watches);
        high.wait_for("the end", |report| matches!(report, Report::Stopped { .. }));
        low.stop(StopKind::Immediate);
    });
}

/// System calls of a thread while `adverts` reaches a number, by name, as strace sees them.
fn calls_of(thread: i32, mut until: impl FnMut()) -> Vec<String> {
    let log = std::env::temp_dir().join(format!("vrrpd-engine-{}-{thread}", std::process::id()));
    let mut strace = Program::new("strace")
        .args(["-qq", "-p", &thread.to_string(), "-o"])
        .arg(&log)
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(500));
    until();
    let pid = nix::unistd::Pid::from_raw(i32::try_from(strace.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    strace.wait().unwrap();
    let text = std::fs::read_to_string(&log).unwrap();
    std::fs::remove_file(&log).unwrap();
    let names = text
        .lines()
        .filter_map(|line| line.split_once('(').map(|(name, _)| name.to_owned()));
    names
        .filter(|name| {
            name.chars()
                .all(|letter| letter.is_ascii_lowercase() || letter == '_')
        })
        .collect()
}

#[test]
fn an_advert_takes_at_most_four_system_calls_with_stamps_on() {
    if Program::new("strace").arg("-V").output().is_err() {
        eprintln!("SKIPPED: strace is not installed");
        return;
    }
    in_namespace(|| {
        let other = Other::join();
        let mut high = Running::start(&plan("va", 200, 5), end_threads());
        let mut low = other.run(|| Running::start(&plan("vb", 100, 5), end_threads()));
        high.wait_for_state(State::Active);
        low.wait_until("hears it", |router| router.received.accepted >= 3);

        let (mut first, mut last) = (0, 0);
        let calls = calls_of(engine_threads()[0], || {
            first = high.router().adverts.left;
            last = high
                .wait_until("a hundred more", |router| {
                    router.adverts.left >= first + 100
                })
                .adverts
                .left;
        });
        let adverts = usize::try_from(last - first).unwrap();
        let count =
            |calls: &[String], name: &str| calls.iter().filter(|call| *call == name).count();
        let mut names = calls.clone();
        names.sort_unstable();
        names.dedup();
        for name in &names {
            eprintln!(
                "sending: {name} {} in {adverts} adverts and the half second before them",
                count(&calls, name)
            );
        }
        assert_eq!(
            names,
            ["epoll_wait", "recvmmsg", "sendmsg", "timerfd_settime"]
        );
        let sent = count(&calls, "sendmsg");
        assert!(sent >= adverts);
        // The heartbeat's deadline wakes the loop once in a while without an advert.
        assert!(
            calls.len() <= 4 * sent + 8,
            "{} calls for {sent} adverts",
            calls.len()
        );

        let (mut first, mut last) = (0, 0);
        let thread = other.run(engine_threads)[0];
        let calls = calls_of(thread, || {
            first = low.router().received.accepted;
            last = low
                .wait_until("a hundred more", |router| {
                    router.received.accepted >= first + 100
                })
                .received
                .accepted;
        });
        eprintln!(
            "hearing: {} calls in {} adverts and the half second before them",
            calls.len(),
            last - first
        );
        let heard = count(&calls, "recvmmsg");
        assert!(
            calls.len() <= 3 * heard + 8,
            "{} calls for {heard} reads",
            calls.len()
        );
        high.stop(StopKind::Immediate);
        low.stop(StopKind::Immediate);
    });
}
