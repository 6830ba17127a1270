//! The plans of these tests.

use std::time::Duration;

use vrrp_config::plan::{
    AnnouncePlan, AuthPlan, CommandPlan, Global, JournalPlan, MailPlan, NotifyPlan, Plan, Profile,
    Realtime, RestoreAddresses, RouterPlan, ScriptPlan, TrackPlan, Transport, VipPlan,
};
use vrrp_proto::units::{AdvertInterval, Family, Priority, Version, Vrid};
use vrrp_proto::wire::{ChecksumAccept, ChecksumForm, GROUP_V4, GROUP_V6};

/// A plan with one IPv4 router: VRID 7, version 3, multicast.
pub(crate) fn plan(interface: &str, priority: u8, centis: u16) -> Plan {
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
            probe: false,
            realtime: Realtime::Fifo(1),
            ring_bytes: None,
            journal: JournalPlan::default(),
            fast_fail: None,
            metrics: None,
            dump: vrrp_config::plan::DumpPlan::default(),
            fifos: Vec::new(),
            fifo_states_on_reload: false,
        },
        scripts: Vec::new(),
        routers: vec![router],
        groups: Vec::new(),
    }
}

/// The same router over IPv6.
pub(crate) fn over_ipv6(mut plan: Plan) -> Plan {
    let router = &mut plan.routers[0];
    router.family = Family::V6;
    router.transport = Transport::Multicast {
        group: GROUP_V6.into(),
    };
    router.addresses[0].address = "fe80::77".parse().unwrap();
    router.addresses[0].prefix = 128;
    plan
}

/// A tracked script that adds two to the priority while it is good.
pub(crate) fn with_script(mut plan: Plan) -> Plan {
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
