//! Reload by difference rests on these.

use std::net::IpAddr;
use std::time::Duration;

use vrrp_proto::units::{AdvertInterval, Family, Priority, Version, Vrid};

use super::{NamedChange, diff};
use crate::plan::{
    AnnouncePlan, AuthPlan, ChecksumAccept, ChecksumForm, CommandPlan, DumpPlan, Global, GroupPlan,
    JournalPlan, MailPlan, NotifyPlan, Plan, Profile, Realtime, RestoreAddresses, RouterPlan,
    ScriptPlan, TrackPlan, Transport,
};

fn router(name: &str, interface: &str, vrid: u8) -> RouterPlan {
    RouterPlan {
        name: name.to_owned(),
        interface: interface.to_owned(),
        vrid: Vrid::new(vrid).unwrap(),
        family: Family::V4,
        version: Version::V2,
        interoperate: false,
        wanted_master: false,
        priority: Priority::DEFAULT,
        interval: AdvertInterval::DEFAULT,
        preempt: true,
        preempt_delay: Duration::ZERO,
        down_adverts: 3,
        answer_lower: true,
        advert_before_yield: false,
        auth: AuthPlan::None,
        transport: Transport::Multicast {
            group: IpAddr::from([224, 0, 0, 18]),
        },
        source: None,
        track_source: false,
        addresses: Vec::new(),
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
        track_interfaces: Vec::new(),
        track_scripts: Vec::new(),
        notify: NotifyPlan::default(),
        smtp_alert: false,
        restore_addresses: RestoreAddresses::On,
    }
}

fn script(name: &str) -> ScriptPlan {
    ScriptPlan {
        name: name.to_owned(),
        command: CommandPlan {
            argv: vec!["true".to_owned()],
            shell: false,
            user: None,
        },
        interval: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        rise: 1,
        fall: 1,
        weight: 0,
        reverse: false,
        init_fail: false,
    }
}

fn plan(routers: Vec<RouterPlan>) -> Plan {
    Plan {
        global: Global {
            profile: Profile::Keepalived,
            router_id: None,
            mail: MailPlan::default(),
            script_user: None,
            script_security: false,
            dynamic_interfaces: false,
            startup_delay: Duration::ZERO,
            log_unknown_vrids: false,
            probe: true,
            realtime: Realtime::Fifo(1),
            ring_bytes: None,
            journal: JournalPlan::default(),
            fast_fail: None,
            metrics: None,
            dump: DumpPlan::default(),
            fifos: Vec::new(),
            fifo_states_on_reload: false,
        },
        scripts: vec![script("chk")],
        routers,
        groups: vec![GroupPlan {
            name: "both".to_owned(),
            members: vec!["one".to_owned(), "two".to_owned()],
            track_scripts: Vec::new(),
            track_interfaces: Vec::new(),
            tracking_weight: false,
            notify: NotifyPlan::default(),
            smtp_alert: false,
        }],
    }
}

#[test]
fn a_plan_does_not_differ_from_itself() {
    let plan = plan(vec![router("one", "eth0", 1), router("two", "eth1", 1)]);
    let diff = diff(&plan, &plan.clone());
    assert!(diff.is_empty());
    assert_eq!(diff.to_string(), "");
}

#[test]
fn another_interface_family_or_vrid_is_another_router() {
    let old = plan(vec![router("one", "eth0", 1)]);
    let changes: [fn(&mut RouterPlan); 3] = [
        |router| router.interface = "eth1".to_owned(),
        |router| router.family = Family::V6,
        |router| router.vrid = Vrid::new(2).unwrap(),
    ];
    for change in changes {
        let mut new = old.clone();
        change(&mut new.routers[0]);
        let diff = diff(&old, &new);
        assert_eq!(
            (diff.removed.len(), diff.added.len(), diff.changed.len()),
            (1, 1, 0)
        );
        assert!(!diff.reordered);
    }
}

/// Trap 36: renaming an instance is not a delete and an add.
#[test]
fn a_new_name_is_the_same_router() {
    let old = plan(vec![router("one", "eth0", 1)]);
    let new = plan(vec![router("uno", "eth0", 1)]);
    let diff = diff(&old, &new);
    assert!(diff.added.is_empty() && diff.removed.is_empty());
    assert_eq!(diff.changed.len(), 1);
    assert!(diff.changed[0].is_renamed());
    assert_eq!(diff.changed[0].fields, [""; 0]);
    assert_eq!(
        diff.to_string(),
        "renamed: router one to uno (eth0 IPv4 VRID 1)\n"
    );
}

#[test]
fn two_names_that_change_places_are_two_renamed_routers() {
    let old = plan(vec![router("one", "eth0", 1), router("two", "eth0", 2)]);
    let new = plan(vec![router("two", "eth0", 1), router("one", "eth0", 2)]);
    let diff = diff(&old, &new);
    assert!(diff.added.is_empty() && diff.removed.is_empty() && !diff.reordered);
    assert!(
        diff.changed
            .iter()
            .all(|change| change.is_renamed() && change.fields.is_empty())
    );
    assert_eq!(diff.changed.len(), 2);
}

#[test]
fn changed_fields_are_named_and_untouched_routers_are_not() {
    let old = plan(vec![router("one", "eth0", 1), router("two", "eth0", 2)]);
    let mut new = old.clone();
    new.routers[1].priority = Priority::new(101).unwrap();
    new.routers[1].track_scripts.push(TrackPlan {
        name: "chk".to_owned(),
        weight: 0,
        reverse: false,
    });
    let diff = diff(&old, &new);
    assert_eq!(diff.changed.len(), 1);
    assert_eq!(diff.changed[0].new_name, "two");
    assert_eq!(diff.changed[0].fields, ["priority", "track_scripts"]);
}

/// Safety rule 11.
#[test]
fn a_changed_password_is_named_but_not_shown() {
    let mut old = plan(vec![router("one", "eth0", 1)]);
    old.routers[0].auth = AuthPlan::Pass(*b"tulips\0\0");
    let mut new = old.clone();
    new.routers[0].auth = AuthPlan::Pass(*b"daisies\0");
    let diff = diff(&old, &new);
    assert_eq!(diff.changed[0].fields, ["auth"]);
    let shown = format!("{diff} {diff:?}");
    assert!(
        !shown.contains("tulips") && !shown.contains("daisies"),
        "{shown}"
    );
}

#[test]
fn scripts_groups_and_global_settings_are_compared_by_name() {
    let old = plan(Vec::new());
    let mut new = old.clone();
    new.scripts[0].weight = 2;
    new.scripts.push(script("other"));
    new.groups.clear();
    new.global.script_security = true;
    let diff = diff(&old, &new);
    assert_eq!(
        diff.scripts,
        [
            NamedChange::Changed("chk".to_owned(), vec!["weight"]),
            NamedChange::Added("other".to_owned())
        ]
    );
    assert_eq!(diff.groups, [NamedChange::Removed("both".to_owned())]);
    assert_eq!(diff.global, ["script_security"]);
    assert_eq!(
        diff.to_string(),
        "changed: script chk: weight\nadded: script other\nremoved: sync group both\n\
         changed: global settings: script_security\n"
    );
}

#[test]
fn another_order_is_told_and_touches_no_router() {
    let old = plan(vec![router("one", "eth0", 1), router("two", "eth0", 2)]);
    let mut new = old.clone();
    new.routers.reverse();
    let diff = diff(&old, &new);
    assert!(diff.reordered && diff.changed.is_empty() && !diff.is_empty());
}

#[test]
fn a_router_between_two_others_reorders_nothing() {
    let old = plan(vec![router("one", "eth0", 1), router("two", "eth0", 2)]);
    let mut new = old.clone();
    new.routers.insert(1, router("three", "eth0", 3));
    let diff = diff(&old, &new);
    assert_eq!(diff.added.len(), 1);
    assert!(!diff.reordered);
}
