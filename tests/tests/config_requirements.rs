//! The limits and defaults that requirements of group C, and U where it reads configuration, set for a keepalived.conf:
//! both ends accepted, one below and one above answered by a message that names the parameter.

#![expect(
    clippy::unwrap_used,
    reason = "a failure in a test's helper is a failed test"
)]

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use vrrp_config::plan::{AuthPlan, ChecksumForm, Profile, RouterPlan};
use vrrp_config::{LoadOptions, Loaded, MemoryFiles, NoFacts, load};
use vrrp_proto::units::{AdvertInterval, Family, Priority, Version};

fn read(text: &str) -> Loaded {
    let path = Path::new("/etc/keepalived/keepalived.conf");
    load(
        path,
        &MemoryFiles::single(path, text),
        &NoFacts,
        &LoadOptions::default(),
    )
}

/// One instance with these lines beside the least that it needs; a line for one of those replaces it.
fn instance(lines: &str) -> String {
    block("VI_1", lines)
}

fn block(name: &str, lines: &str) -> String {
    let mut text = format!("vrrp_instance {name} {{\n");
    for least in [
        "interface eth0",
        "virtual_router_id 51",
        "virtual_ipaddress {\n192.0.2.10\n}",
    ] {
        let word = least.split([' ', '\n']).next().unwrap();
        if !lines
            .lines()
            .any(|line| line.split_whitespace().next() == Some(word))
        {
            text.push_str(least);
            text.push('\n');
        }
    }
    text + lines + "\n}\n"
}

/// The router, with none of keepalived's complaints.
fn accepted(lines: &str) -> RouterPlan {
    let loaded = read(&instance(lines));
    assert_eq!(
        loaded.check_exit(),
        0,
        "{lines}
{}",
        loaded.render()
    );
    loaded.plan.unwrap().routers.remove(0)
}

/// The router, with a message that names the parameter.
fn complained(lines: &str, parameter: &str) -> RouterPlan {
    let mut loaded = read(&instance(lines));
    named(&loaded, parameter);
    loaded
        .plan
        .as_mut()
        .unwrap_or_else(|| panic!("{lines}"))
        .routers
        .remove(0)
}

/// No plan, keepalived's exit status 2, and a message that names the parameter.
fn refused(text: &str, parameter: &str) {
    let loaded = read(text);
    assert!(loaded.plan.is_none(), "{text}");
    assert_eq!(loaded.run_exit, 2, "{text}");
    named(&loaded, parameter);
}

fn named(loaded: &Loaded, parameter: &str) {
    let text = loaded.render();
    assert!(
        text.contains(parameter),
        "no message names {parameter}:\n{text}"
    );
    assert!(
        text.contains("keepalived.conf:"),
        "no message names the place:\n{text}"
    );
}

/// C-01.
#[test]
fn vrid_is_1_to_255_without_a_default() {
    assert_eq!(accepted("virtual_router_id 1").vrid.as_u8(), 1);
    assert_eq!(accepted("virtual_router_id 255").vrid.as_u8(), 255);
    refused(&instance("virtual_router_id 0"), "virtual_router_id");
    refused(&instance("virtual_router_id 256"), "virtual_router_id");
    refused(
        "vrrp_instance VI_1 {\ninterface eth0\nvirtual_ipaddress {\n192.0.2.10\n}\n}\n",
        "virtual_router_id",
    );
}

/// C-01, C-12: one router for each interface, family and VRID, whatever the version.
#[test]
fn interface_family_and_vrid_are_taken_once() {
    let twice = |lines: &str| block("VI_1", "") + &block("VI_2", lines);
    refused(&twice("virtual_ipaddress {\n192.0.2.11\n}"), "51");
    refused(
        &twice("version 3\nvirtual_ipaddress {\n192.0.2.11\n}"),
        "51",
    );
    for other in [
        "interface eth1",
        "virtual_router_id 52",
        "virtual_ipaddress {\nfe80::51\n}",
    ] {
        let loaded = read(&twice(other));
        assert_eq!(loaded.plan.unwrap().routers.len(), 2, "{other}");
    }
}

/// C-02.
#[test]
fn priority_is_1_to_255_and_100_by_default() {
    assert_eq!(accepted("").priority, Priority::DEFAULT);
    assert_eq!(accepted("priority 1").priority.as_u8(), 1);
    assert_eq!(accepted("priority 254").priority.as_u8(), 254);
    assert_eq!(accepted("priority 255").priority, Priority::OWNER);
    assert_eq!(
        complained("priority 0", "priority").priority,
        Priority::DEFAULT
    );
    assert_eq!(
        complained("priority 256", "priority").priority,
        Priority::DEFAULT
    );
}

/// C-03: rounded and clamped, with a message.
#[test]
fn version_3_interval_is_1_to_4095_centiseconds() {
    let centis = |router: RouterPlan| router.interval.as_centis();
    assert_eq!(centis(accepted("version 3")), 100);
    assert_eq!(centis(accepted("version 3\nadvert_int 0.01")), 1);
    assert_eq!(centis(accepted("version 3\nadvert_int 40.95")), 4095);
    assert_eq!(
        complained("version 3\nadvert_int 40.96", "advert_int").interval,
        AdvertInterval::MAX_V3
    );
    let _ = complained("version 3\nadvert_int 0", "advert_int");
}

/// C-04: rounded, with a message.
#[test]
fn version_2_interval_is_1_to_255_whole_seconds() {
    assert_eq!(accepted("").interval, AdvertInterval::DEFAULT);
    assert_eq!(accepted("advert_int 1").interval.as_centis(), 100);
    assert_eq!(accepted("advert_int 255").interval, AdvertInterval::MAX_V2);
    assert_eq!(
        complained("advert_int 1.6", "advert_int")
            .interval
            .as_centis(),
        200
    );
    let _ = complained("advert_int 256", "advert_int");
    let _ = complained("advert_int 0", "advert_int");
}

/// C-05, U-17.
#[test]
fn preempt_mode_is_on_unless_nopreempt_is_written() {
    assert!(accepted("").preempt);
    assert!(!accepted("state BACKUP\nnopreempt").preempt);
}

fn many(count: u16) -> String {
    let lines: Vec<String> = (0..count)
        .map(|n| format!("10.0.{}.{}", n / 200, n % 200 + 1))
        .collect();
    format!("virtual_ipaddress {{\n{}\n}}", lines.join("\n"))
}

/// C-07: what does not fit is kept as an address that is not advertised, with a message.
#[test]
fn more_than_255_addresses_go_beyond_the_advert() {
    assert_eq!(accepted(&many(1)).addresses.len(), 1);
    assert_eq!(accepted(&many(255)).addresses.len(), 255);
    let router = complained(&many(256), "255");
    assert_eq!((router.addresses.len(), router.excluded.len()), (255, 1));
}

/// C-07: an address of the other family is left out, with a message.
#[test]
fn addresses_are_of_one_family() {
    let router = complained(
        "virtual_ipaddress {\n192.0.2.10\n2001:db8::1\n}",
        "2001:db8::1",
    );
    assert_eq!(router.addresses.len(), 1);
    assert_eq!(router.family, Family::V4);
}

/// C-08, R-19, R-21, P-09 in profile keepalived: configured order, with a message, and others' adverts are not held to it.
#[test]
fn ipv6_address_list_without_a_link_local_one_in_front_is_kept() {
    let loaded = read(&instance("virtual_ipaddress {\n2001:db8::1\nfe80::51\n}"));
    let plan = loaded.plan.unwrap();
    let router = &plan.routers[0];
    assert_eq!(plan.global.profile, Profile::Keepalived);
    assert_eq!((router.family, router.version), (Family::V6, Version::V3));
    assert_eq!(
        router.addresses[0].address,
        "2001:db8::1".parse::<IpAddr>().unwrap()
    );
    assert!(!router.require_link_local_first && !router.require_link_local_source);
}

/// U-03, U-22.
#[test]
fn password_is_cut_at_eight_bytes_and_at_a_comment() {
    let auth = |word: &str| format!("authentication {{\nauth_type PASS\nauth_pass {word}\n}}");
    assert_eq!(
        accepted(&auth("12345678")).auth,
        AuthPlan::Pass(*b"12345678")
    );
    assert_eq!(
        complained(&auth("totally_secret"), "auth_pass").auth,
        AuthPlan::Pass(*b"totally_")
    );
    assert_eq!(
        accepted(&auth("Zq!7x")).auth,
        AuthPlan::Pass(*b"Zq\0\0\0\0\0\0")
    );
    assert_eq!(
        accepted(&auth("Zq#7x")).auth,
        AuthPlan::Pass(*b"Zq\0\0\0\0\0\0")
    );
    assert_eq!(
        accepted(&auth("\"Zq!7x\"")).auth,
        AuthPlan::Pass(*b"Zq!7x\0\0\0")
    );
}

/// U-04: version 3 has no authentication.
#[test]
fn authentication_of_a_version_3_router_is_dropped_with_a_message() {
    let lines = "version 3\nauthentication {\nauth_type PASS\nauth_pass secret\n}";
    assert_eq!(complained(lines, "authentication").auth, AuthPlan::None);
}

/// U-15: what a keepalived.conf gets when it says nothing.
#[test]
fn defaults_are_keepalived_s() {
    let router = accepted("");
    assert_eq!(router.version, Version::V2);
    assert_eq!(router.checksum_send, ChecksumForm::PseudoHeader);
    assert!(router.answer_lower && !router.owner_discards_v2 && router.check_addresses);
    let announce = router.announce;
    assert_eq!(
        (announce.repeat, announce.delay),
        (5, Duration::from_secs(5))
    );
    assert!(announce.arp_target_broadcast && !announce.na_router_flag);
}

/// U-18.
#[test]
fn excluded_addresses_are_kept_apart_from_the_advertised_ones() {
    let router = accepted("virtual_ipaddress_excluded {\n192.0.2.20\n2001:db8::20\n}");
    assert_eq!((router.addresses.len(), router.excluded.len()), (1, 2));
}

/// I-09, P-21: version 2, and with it interoperation, is IPv4's.
#[test]
fn ipv6_router_speaks_version_3_and_no_other() {
    let addresses = "virtual_ipaddress {\nfe80::51\n}";
    let router = accepted(addresses);
    assert_eq!(
        (router.family, router.version, router.interoperate),
        (Family::V6, Version::V3, false)
    );
    refused(&instance(&format!("version 2\n{addresses}")), "version");
}
