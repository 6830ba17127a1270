//! The motivating configuration, a core that runs it, and an observer of both.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use vrrp_config::plan::*;
use vrrp_proto::router::{
    AddressState, Cause as ProtoCause, FaultSet, InterfaceKey, Peer, RouterId, Snapshot, State,
    StepCounters, Transition,
};
use vrrp_proto::time::Instant;
use vrrp_proto::track::{Reading, TrackerId};
use vrrp_proto::units::{AdvertInterval, Family, Priority, Version, Vrid, WirePriority};
use vrrp_record::event::RunOutcome;
use vrrp_record::status::Status;

use super::super::*;
use crate::control::Source;
use crate::core::{
    AdvertCounts, CoreSnapshot, EngineSnapshot, MemoryLock, ReceiveCounts, Report, RouterSnapshot,
    SchedulingClass,
};

pub(super) const VRID: Vrid = Vrid::new(205).unwrap();
pub(super) const ID: RouterId = RouterId {
    interface: InterfaceKey(0),
    family: Family::V4,
    vrid: VRID,
};
pub(super) const PEER: &str = "10.0.0.2";

pub(super) fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(super) fn priority(value: u8) -> Priority {
    Priority::new(value).unwrap()
}

fn command() -> CommandPlan {
    CommandPlan {
        argv: vec!["killall".to_owned(), "-0".to_owned(), "haproxy".to_owned()],
        shell: false,
        user: None,
    }
}

fn virtual_address(text: &str, interface: Option<&str>) -> VipPlan {
    VipPlan {
        address: address(text),
        prefix: 32,
        interface: interface.map(str::to_owned),
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
    }
}

fn track(name: &str, weight: i16) -> TrackPlan {
    TrackPlan {
        name: name.to_owned(),
        weight,
        reverse: false,
    }
}

/// The motivating configuration of the first host, with a second address, a tracked interface and a group.
pub(super) fn plan() -> Plan {
    Plan {
        global: global(),
        scripts: vec![script()],
        routers: vec![router()],
        groups: vec![group()],
    }
}

fn global() -> Global {
    Global {
        profile: Profile::Keepalived,
        router_id: Some("loadbalancer01".to_owned()),
        mail: MailPlan::default(),
        script_user: None,
        script_security: false,
        dynamic_interfaces: false,
        startup_delay: Duration::ZERO,
        log_unknown_vrids: false,
        probe: false,
        realtime: Realtime::Fifo(1),
        ring_bytes: None,
        journal: JournalPlan::default(),
        fast_fail: None,
        metrics: None,
        dump: DumpPlan::default(),
        fifos: Vec::new(),
        fifo_states_on_reload: false,
    }
}

fn script() -> ScriptPlan {
    ScriptPlan {
        name: "chk_haproxy".to_owned(),
        command: command(),
        interval: Duration::from_secs(2),
        timeout: Duration::from_secs(2),
        rise: 1,
        fall: 1,
        weight: 2,
        reverse: false,
        init_fail: false,
    }
}

fn group() -> GroupPlan {
    GroupPlan {
        name: "VG_1".to_owned(),
        members: vec!["loadbalancer".to_owned()],
        track_scripts: Vec::new(),
        track_interfaces: Vec::new(),
        tracking_weight: true,
        notify: NotifyPlan::default(),
        smtp_alert: false,
    }
}

fn router() -> RouterPlan {
    RouterPlan {
        name: "loadbalancer".to_owned(),
        interface: "eth0".to_owned(),
        vrid: VRID,
        family: Family::V4,
        version: Version::V2,
        interoperate: false,
        wanted_master: true,
        priority: priority(101),
        interval: AdvertInterval::DEFAULT,
        preempt: true,
        preempt_delay: Duration::ZERO,
        down_adverts: 3,
        answer_lower: true,
        advert_before_yield: false,
        auth: AuthPlan::Pass(*b"totally_"),
        transport: Transport::Multicast {
            group: address("224.0.0.18"),
        },
        source: None,
        track_source: false,
        addresses: vec![
            virtual_address("192.168.205.7", None),
            virtual_address("192.168.205.8", Some("eth1")),
        ],
        excluded: Vec::new(),
        check_addresses: true,
        checksum_send: ChecksumForm::PseudoHeader,
        checksum_accept: ChecksumAccept::Both,
        require_link_local_first: false,
        require_link_local_source: false,
        owner_discards_v2: false,
        announce: AnnouncePlan {
            delay: Duration::from_secs(5),
            repeat: 5,
            refresh: Duration::ZERO,
            refresh_repeat: 1,
            lower_delay: Duration::from_secs(5),
            lower_repeat: 5,
            arp_interval: Duration::ZERO,
            na_interval: Duration::ZERO,
            arp_target_broadcast: true,
            na_router_flag: false,
        },
        dont_track_primary: false,
        track_interfaces: vec![track("eth1", 0)],
        track_scripts: vec![track("chk_haproxy", 2)],
        notify: NotifyPlan::default(),
        smtp_alert: true,
        restore_addresses: RestoreAddresses::On,
    }
}

/// The instant so many milliseconds before now.
pub(super) fn ago(millis: u64) -> Instant {
    Now::read()
        .monotonic
        .saturating_sub(Duration::from_millis(millis))
}

/// A Backup that heard its Active 3.6 s ago.
fn backup() -> Snapshot {
    Snapshot {
        id: ID,
        version: Version::V2,
        state: State::Backup,
        since: ago(10_000),
        running: true,
        faults: FaultSet::NONE,
        refusal: None,
        base_priority: priority(101),
        priority: priority(103),
        interval: AdvertInterval::DEFAULT,
        active_interval: AdvertInterval::DEFAULT,
        skew: Duration::from_micros(597_656),
        down_interval: Duration::from_micros(3_597_656),
        down_at: None,
        advert_at: None,
        preempt_at: None,
        hold_until: None,
        retry_at: None,
        source: Some(address("10.0.0.1")),
        peer: Some(Peer {
            address: address(PEER),
            priority: WirePriority::from_wire(100),
            interval: AdvertInterval::DEFAULT,
            heard: ago(3_600),
        }),
        addresses: AddressState {
            present: 0,
            wanted: 0,
            errno: None,
        },
        healthy: true,
        wants_active: false,
        standing: vrrp_proto::router::Standing::Normal,
        last_transition: None,
        counters: StepCounters::default(),
    }
}

fn snapshot() -> CoreSnapshot {
    CoreSnapshot {
        taken: Now::read().monotonic,
        engine: EngineSnapshot {
            scheduling: SchedulingClass::Fifo(1),
            address_scheduling: Some(SchedulingClass::Fifo(1)),
            memory: MemoryLock::Locked,
            demotions: 0,
            heartbeat_age: Duration::from_millis(200),
            worst_lateness: Duration::from_micros(90),
            longest_step: Duration::from_micros(40),
            longest_step_name: "drain",
            last_advert_step: Duration::from_micros(30),
            last_advert_step_name: "drain",
            wakes: 100,
            unknown: 0,
            reports_lost: 0,
            receive_drops: 0,
            undelivered: 0,
            stamps_numbered: false,
            evidence_given_up: false,
            records_lost: 0,
            running: true,
        },
        routers: vec![RouterSnapshot {
            name: "loadbalancer".into(),
            interface: "eth0".into(),
            router: backup(),
            adverts: AdvertCounts::default(),
            last_advert: None,
            worst_lateness: Duration::ZERO,
            received: ReceiveCounts::default(),
        }],
    }
}

/// The names of the plan above.
pub(super) struct Table;

impl Names for Table {
    fn router(&self, id: RouterId) -> Option<&str> {
        (id == ID).then_some("loadbalancer")
    }

    fn interface(&self, key: InterfaceKey) -> Option<&str> {
        ["eth0", "eth1"].get(usize::from(key.0)).copied()
    }

    fn tracker(&self, id: TrackerId) -> Option<&str> {
        ["chk_haproxy", "eth1"]
            .get(usize::try_from(id.0).ok()?)
            .copied()
    }
}

/// An observer, and the snapshot that it will see.
pub(super) struct Bench {
    pub(super) observer: Observer,
    pub(super) core: Arc<Mutex<CoreSnapshot>>,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::of(plan())
    }

    pub(super) fn of(plan: Plan) -> Self {
        let identity = Identity {
            version: "0.1.0".to_owned(),
            pid: 7,
            host: "lb1".to_owned(),
            run_dir: PathBuf::from("/run/vrrpd"),
            root: false,
            started: ago(60_000),
        };
        let core = Arc::new(Mutex::new(snapshot()));
        let seen = Arc::clone(&core);
        let file = PathBuf::from("/etc/keepalived/keepalived.conf");
        let take = Box::new(move || seen.lock().unwrap().clone());
        Self {
            observer: Observer::new(identity, Arc::new(plan), file, 1, take),
            core,
        }
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut RouterSnapshot)) {
        change(&mut self.core.lock().unwrap().routers[0]);
    }

    pub(super) fn script_ran(&self, outcome: RunOutcome, reading: Reading) {
        let (ended, took) = (ago(0), Duration::from_millis(11));
        let valid_for = Duration::from_secs(5);
        let run = ScriptRun {
            outcome,
            ended,
            took,
            reading,
            valid_for,
            overran: None,
        };
        self.observer.script_ran("chk_haproxy", run);
    }

    pub(super) fn link(&self, key: u16, up: bool) {
        let interface = InterfaceKey(key);
        self.observer.report(
            &Report::Interface {
                interface,
                exists: true,
                up,
                set_up: true,
                by: crate::core::Remover::Unknown,
                at: ago(0),
            },
            &Table,
        );
    }

    pub(super) fn transition(&self, from: State, to: State, cause: ProtoCause) {
        let transition = Transition {
            from,
            to,
            cause,
            at: ago(0),
        };
        self.change(|router| {
            router.router.state = to;
            router.router.since = transition.at;
            router.router.last_transition = Some(transition);
        });
        let report = Report::Transition {
            router: ID,
            transition,
            priority: priority(103),
        };
        self.observer.report(&report, &Table);
    }

    /// All is well here: the script passes and both interfaces are up.
    pub(super) fn well(&self) {
        self.script_ran(RunOutcome::Exited { status: 0 }, Reading::Good);
        self.link(0, true);
        self.link(1, true);
    }

    pub(super) fn status(&self) -> Status {
        self.observer.status()
    }

    pub(super) fn sentences(&self) -> Vec<String> {
        self.status()
            .last_events
            .iter()
            .map(|event| event.kind.to_string())
            .collect()
    }
}
