//! Traps of the surface: what a naive reader gets wrong about instances, groups and globals.

use std::time::Duration;

use vrrp_proto::units::{Family, Version};

use super::{instance, plan, plan_of, read, refused, router, says, silent};
use crate::diagnostic::Severity;
use crate::keepalived::words::{self, Support};
use crate::plan::{AuthPlan, ChecksumForm, Profile, Realtime, RestoreAddresses, Transport};

/// The configuration of the motivating case: all of it is honoured but mail, which says so.
#[test]
fn the_motivating_case_runs_unchanged() {
    let text = include_str!("../../../../docs/keepalived.md");
    let example = text.split("```\n").nth(1).unwrap();
    let loaded = read(example);
    let plan = plan_of(&loaded);
    let router = &plan.routers[0];
    assert_eq!(
        (router.name.as_str(), router.interface.as_str()),
        ("loadbalancer", "eth0")
    );
    assert_eq!(
        (router.vrid.as_u8(), router.priority.as_u8(), router.version),
        (205, 101, Version::V2)
    );
    assert_eq!(router.auth, AuthPlan::Pass(*b"totally_"));
    assert_eq!(
        (
            router.addresses[0].address.to_string().as_str(),
            router.addresses[0].prefix
        ),
        ("192.168.205.7", 32)
    );
    assert_eq!(
        (
            router.track_scripts[0].name.as_str(),
            router.track_scripts[0].weight
        ),
        ("chk_haproxy", 2)
    );
    assert_eq!(plan.scripts[0].command.argv, ["killall", "-0", "haproxy"]);
    assert!(router.smtp_alert && router.preempt && router.wanted_master);
    assert_eq!(plan.global.router_id.as_deref(), Some("loadbalancer01"));
    assert_eq!(plan.global.mail.to.len(), 1);
    assert!(
        !loaded.diagnostics.iter().any(silent),
        "{:?}",
        loaded.diagnostics
    );
    assert_eq!(
        loaded.check_exit(),
        6,
        "scripts without enable_script_security"
    );
}

#[test]
fn an_instance_has_keepaliveds_defaults() {
    let router = router("", 0, "");
    assert_eq!(
        (router.version, router.family, router.priority.as_u8()),
        (Version::V2, Family::V4, 100)
    );
    assert_eq!(router.interval.as_centis(), 100);
    assert!(
        router.preempt && router.answer_lower && router.check_addresses && !router.wanted_master
    );
    assert_eq!(
        (router.announce.repeat, router.announce.delay),
        (5, Duration::from_secs(5))
    );
    assert_eq!(
        (router.announce.lower_repeat, router.announce.lower_delay),
        (5, Duration::from_secs(5))
    );
    assert_eq!(
        router.transport,
        Transport::Multicast {
            group: "224.0.0.18".parse().unwrap()
        }
    );
    assert_eq!(
        (router.checksum_send, router.down_adverts),
        (ChecksumForm::PseudoHeader, 3)
    );
    assert_eq!(plan(&instance(""), 0).global.profile, Profile::Keepalived);
}

/// Trap 2.
#[test]
fn state_master_without_priority_is_the_address_owner() {
    let owner = router("state MASTER", 0, "address owner");
    assert!(owner.priority.is_owner());
    assert_eq!(
        router("state MASTER\npriority 0", 5, "out of range")
            .priority
            .as_u8(),
        100
    );
}

#[test]
fn state_words_other_than_two_are_backup() {
    for word in ["SLAVE", "master", "BACKUP|MASTER"] {
        assert!(!router(&format!("state {word}"), 5, "is unknown; BACKUP is used").wanted_master);
    }
    assert!(
        router(
            "state MASTER\npriority 9\nstate BACKUP",
            5,
            "BACKUP is ignored"
        )
        .wanted_master
    );
    assert!(router("state BACKUP\nstate MASTER\npriority 9", 0, "").wanted_master);
}

/// Trap 8.
#[test]
fn nopreempt_with_state_master_or_priority_255_is_dropped() {
    assert!(router("state MASTER\npriority 100\nnopreempt", 5, "WILL preempt").preempt);
    assert!(router("priority 255\nnopreempt", 5, "owner always preempts").preempt);
    assert!(!router("nopreempt", 0, "").preempt);
    assert!(router("nopreempt\npreempt", 0, "").preempt);
}

#[test]
fn preempt_delay_does_not_go_with_master_nopreempt_or_strict_mode() {
    assert_eq!(
        router("preempt_delay 1.5", 0, "").preempt_delay,
        Duration::from_millis(1500)
    );
    assert_eq!(
        router("preempt_delay 1000", 0, "").preempt_delay,
        Duration::from_secs(1000)
    );
    for lines in [
        "preempt_delay 1001",
        "preempt_delay 5\nstate MASTER\npriority 9",
        "preempt_delay 5\nnopreempt",
        "preempt_delay 5\nstrict_mode",
        "preempt_delay 5\npriority 255",
    ] {
        assert!(
            router(lines, 5, "preempt_delay").preempt_delay.is_zero(),
            "{lines}"
        );
    }
}

/// Trap 25.
#[test]
fn fractional_intervals_of_version_2_are_rounded_half_up_to_at_least_one() {
    for (written, centis) in [
        ("0.4", 100),
        ("1.5", 200),
        ("2.5", 300),
        ("2.4", 200),
        ("0.01", 100),
    ] {
        assert_eq!(
            router(
                &format!("advert_int {written}"),
                5,
                "does not go on the wire"
            )
            .interval
            .as_centis(),
            centis
        );
    }
    for (written, centis) in [("1", 100), ("255", 25_500)] {
        assert_eq!(
            router(&format!("advert_int {written}"), 0, "")
                .interval
                .as_centis(),
            centis
        );
    }
    for written in ["0", "0.009", "256", "1s", "-1"] {
        assert_eq!(
            router(&format!("advert_int {written}"), 5, "advert_int")
                .interval
                .as_centis(),
            100
        );
    }
}

#[test]
fn version_3_intervals_are_rounded_to_centiseconds_and_clamped() {
    for (written, centis) in [
        ("0.015", 2),
        ("0.014", 1),
        ("1.005", 101),
        ("41", 4095),
        ("40.954", 4095),
    ] {
        let router = router(
            &format!("version 3\nadvert_int {written}"),
            5,
            "on the wire",
        );
        assert_eq!(router.interval.as_centis(), centis, "{written}");
    }
    assert_eq!(
        router("version 3\nadvert_int 40.95", 0, "")
            .interval
            .as_centis(),
        4095
    );
    assert_eq!(
        router("version 3\nadvert_int 0.01", 0, "")
            .interval
            .as_centis(),
        1
    );
}

/// Trap 4.
#[test]
fn authentication_needs_type_and_password_and_version_2() {
    let auth = |lines: &str| format!("authentication {{\n{lines}\n}}");
    assert_eq!(
        router(&auth("auth_type PASS"), 5, "NO authentication").auth,
        AuthPlan::None
    );
    assert_eq!(
        router(&auth("auth_pass x"), 0, "NO authentication").auth,
        AuthPlan::None
    );
    assert_eq!(
        router(&auth("auth_type PASS auth_pass x"), 5, "NO authentication").auth,
        AuthPlan::None
    );
    let v3 = format!("version 3\n{}", auth("auth_type PASS\nauth_pass x"));
    assert_eq!(
        router(&v3, 5, "version 3 has no authentication").auth,
        AuthPlan::None
    );
    let strict = format!("strict_mode\n{}", auth("auth_type PASS\nauth_pass x"));
    assert_eq!(
        router(&strict, 5, "strict mode has no authentication").auth,
        AuthPlan::None
    );
    let ah = router(
        &format!(
            "state MASTER\npriority 9\n{}",
            auth("auth_type AH\nauth_pass x")
        ),
        5,
        "does not go with AH",
    );
    assert!(!ah.wanted_master);
    assert_eq!(ah.auth, AuthPlan::Ah(*b"x\0\0\0\0\0\0\0"));
}

/// Trap 9: the effect stays, with a warning.
#[test]
fn flags_are_on_whatever_follows_them() {
    assert!(!router("nopreempt off", 0, "nopreempt is on wherever it stands").preempt);
    assert!(router("dont_track_primary no", 0, "is on wherever it stands").dont_track_primary);
    router("accept maybe", 0, "is on wherever it stands");
}

/// A known defect that is not copied.
#[test]
fn skip_check_adv_addr_off_is_off() {
    assert!(!router("skip_check_adv_addr", 0, "").check_addresses);
    assert!(router("skip_check_adv_addr off", 0, "every keepalived turns it on").check_addresses);
    let strict = plan(
        &format!("global_defs {{\nvrrp_strict off\n}}\n{}", instance("")),
        0,
    );
    assert!(strict.routers[0].answer_lower);
}

/// Trap 10.
#[test]
fn strict_mode_forces_settings() {
    let strict = router(
        "strict_mode\nstate MASTER\npriority 100\ndown_timer_adverts 7\nhigher_prio_send_advert\nlower_prio_no_advert off\ngarp_lower_prio_delay 4",
        5,
        "strict mode",
    );
    assert!(!strict.wanted_master && !strict.answer_lower && !strict.advert_before_yield);
    assert_eq!((strict.down_adverts, strict.announce.lower_repeat), (3, 0));
    assert!(strict.announce.lower_delay.is_zero());
    says(
        &read(&instance("strict_mode")),
        "drop all traffic to the virtual addresses",
    );
}

#[test]
fn announcement_settings_are_inherited_field_by_field() {
    let text = |global: &str, own: &str| format!("global_defs {{\n{global}\n}}\n{}", instance(own));
    let announce = |global: &str, own: &str| plan(&text(global, own), 0).routers[0].announce;
    let seconds = Duration::from_secs;
    let global = announce("vrrp_garp_master_delay 7\nvrrp_garp_master_repeat 2", "");
    assert_eq!(
        (
            global.delay,
            global.repeat,
            global.lower_delay,
            global.lower_repeat
        ),
        (seconds(7), 2, seconds(7), 2)
    );
    let own = announce(
        "vrrp_garp_lower_prio_delay 7",
        "garp_master_delay 3\ngarp_master_repeat 9",
    );
    assert_eq!(
        (own.delay, own.repeat, own.lower_delay, own.lower_repeat),
        (seconds(3), 9, seconds(7), 5)
    );
    let minimal = announce("vrrp_min_garp", "garp_master_repeat 4");
    assert_eq!(
        (minimal.delay, minimal.repeat, minimal.lower_repeat),
        (seconds(0), 4, 1)
    );
    assert_eq!(
        announce("vrrp_garp_master_refresh 14400", "").refresh,
        seconds(14_400)
    );
}

/// Trap 17.
#[test]
fn a_gap_of_zero_from_sample_files_is_a_complaint_and_no_more() {
    let text = format!(
        "global_defs {{\nvrrp_garp_interval 0\nvrrp_gna_interval 0\n}}\n{}",
        instance("")
    );
    assert!(plan(&text, 5).routers[0].announce.arp_interval.is_zero());
}

#[test]
fn global_defs_count_wherever_they_stand() {
    let text = format!(
        "{}global_defs {{\nvrrp_version 3\nrouter_id x\n}}\n",
        instance("")
    );
    let plan = plan(&text, 0);
    assert_eq!(plan.routers[0].version, Version::V3);
    assert_eq!(plan.global.router_id.as_deref(), Some("x"));
}

#[test]
fn a_duplicate_name_is_skipped_and_a_duplicate_vrid_is_fatal() {
    assert_eq!(plan(&format!("{0}{0}", instance("")), 5).routers.len(), 1);
    let second = instance("").replace('V', "W");
    refused(
        &format!("{}{second}", instance("")),
        5,
        "both have virtual_router_id 5 for IPv4 on eth0",
    );
    let v6 = second.replace("10.0.0.1", "fe80::1");
    assert_eq!(plan(&format!("{}{v6}", instance("")), 0).routers.len(), 2);
}

/// Trap 6: one instance without VRID stops all.
#[test]
fn an_instance_that_cannot_run_stops_the_daemon() {
    let good = instance("").replace('V', "W");
    for bad in ["virtual_router_id 5\n", "interface eth0\n"] {
        let text = format!("{good}{}", instance("").replace(bad, ""));
        let loaded = read(&text);
        assert_eq!((loaded.check_exit(), loaded.run_exit), (5, 2));
        assert!(loaded.plan.is_none());
    }
    refused(
        &instance("interface lo").replace("interface eth0\n", ""),
        5,
        "no usable interface",
    );
}

/// Trap 7: keepalived reads the lines of an unknown block as words of the instance around it.
#[test]
fn an_unknown_block_is_skipped_whole_and_the_instance_kept() {
    let router = router(
        "mystery {\npriority 7\nnested {\npriority 8\n}\n}\nadvert_int 3",
        5,
        "its whole block is skipped",
    );
    assert_eq!(
        (router.priority.as_u8(), router.interval.as_centis()),
        (100, 300)
    );
}

/// Trap 18.
#[test]
fn ipvs_blocks_are_skipped_with_one_message_each() {
    let text = format!(
        "virtual_server 10.0.0.1 80 {{\nreal_server 10.0.0.2 80 {{\nweight 1\n}}\n}}\n{}",
        instance("")
    );
    let loaded = read(&text);
    assert_eq!(loaded.check_exit(), 0);
    assert_eq!(loaded.diagnostics.len(), 1, "{}", loaded.render());
    says(&loaded, "IPVS");
}

/// Every word of the list does what it says there.
#[test]
fn known_words_that_are_not_honoured_say_so() {
    for (scope, support, word) in words::all() {
        let line = if scope == words::Scope::Top {
            format!("{word} x {{\n}}")
        } else {
            format!("{word} 1")
        };
        let text = match scope {
            words::Scope::Top => format!("{line}\n{}", instance("")),
            words::Scope::Global => format!("global_defs {{\n{line}\n}}\n{}", instance("")),
            words::Scope::Instance => instance(&line),
            words::Scope::Authentication => instance(&format!("authentication {{\n{line}\n}}")),
            words::Scope::Group => format!("{}vrrp_sync_group G {{\n{line}\n}}\n", instance("")),
            words::Scope::Script => format!("vrrp_script chk {{\n{line}\n}}\n{}", instance("")),
        };
        let loaded = read(&text);
        let unknown = format!("unknown keyword '{word}'");
        assert!(
            !loaded.render().contains(&unknown),
            "{scope:?} {word}: {}",
            loaded.render()
        );
        let expected = match support {
            Support::NotYet => "not yet honoured",
            Support::NoEffect => "has no effect in vrrpd",
            Support::Lvs => "IPVS",
            Support::Deprecated => "deprecated",
            Support::Honoured | Support::Own => continue,
        };
        if word.starts_with("smtp_alert") && scope != words::Scope::Global {
            continue;
        }
        says(&loaded, expected);
    }
}

#[test]
fn an_empty_configuration_is_no_error() {
    let loaded = read("");
    assert_eq!(loaded.check_exit(), 0);
    assert!(plan_of(&loaded).routers.is_empty());
    assert_eq!(says(&loaded, "nothing to run").severity, Severity::Warning);
}

#[test]
fn own_words_of_vrrpd_are_read() {
    let text = format!(
        "global_defs {{\nrealtime off\n}}\n{}",
        instance("restore_addresses bounce")
    );
    let plan = plan(&text, 0);
    assert_eq!(plan.global.realtime, Realtime::Off);
    assert_eq!(plan.routers[0].restore_addresses, RestoreAddresses::Bounce);
    for (line, status, probe) in [
        ("", 0, true),
        ("probe on", 0, true),
        ("probe off", 0, false),
        ("probe sometimes", 5, true),
    ] {
        let loaded = read(&format!("global_defs {{\n{line}\n}}\n{}", instance("")));
        assert_eq!(
            (plan_of(&loaded).global.probe, loaded.check_exit()),
            (probe, status),
            "{line}"
        );
    }
    for (line, priority) in [
        ("vrrp_rt_priority 50", 50),
        ("vrrp_rt_priority 0", 1),
        ("vrrp_rt_priority 100", 99),
    ] {
        let loaded = read(&format!("global_defs {{\n{line}\n}}\n{}", instance("")));
        assert_eq!(
            plan_of(&loaded).global.realtime,
            Realtime::Fifo(priority),
            "{line}"
        );
    }
}
