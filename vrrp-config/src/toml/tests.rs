//! Both ends of every range are accepted, one below and one above are refused with their place.

mod file;
mod profiles;

use std::path::Path;
use std::time::Duration;

use vrrp_proto::units::{AdvertInterval, Family, Version};

use crate::diagnostic::Severity;
use crate::facts::NoFacts;
use crate::files::MemoryFiles;
use crate::load::{LoadOptions, Loaded, load};
use crate::plan::{AuthPlan, ChecksumForm, Plan, Profile, Realtime, RouterPlan, Transport};

const LEAST: &str =
    "[[router]]\nname = \"one\"\ninterface = \"eth0\"\nvrid = 1\naddresses = [\"192.0.2.1\"]\n";
const V6: &str = "[[router]]\nname = \"one\"\ninterface = \"eth0\"\nvrid = 1\naddresses = [\"fe80::1\", \"2001:db8::1\"]\n";

fn read(text: &str) -> Loaded {
    let path = Path::new("/etc/vrrpd/vrrpd.toml");
    load(
        path,
        &MemoryFiles::single(path, text),
        &NoFacts,
        &LoadOptions::default(),
    )
}

fn plan(text: &str) -> Plan {
    let loaded = read(text);
    assert!(loaded.diagnostics.is_empty(), "{text}\n{}", loaded.render());
    assert_eq!(loaded.check_exit(), 0);
    loaded.plan.unwrap()
}

fn router(text: &str) -> RouterPlan {
    plan(text).routers.remove(0)
}

/// Refused with one message that shows `place` and says `words`.
fn refused(text: &str, place: &str, words: &str) {
    let loaded = read(text);
    assert!(loaded.plan.is_none(), "accepted: {text}");
    assert_eq!(loaded.check_exit(), 5, "{text}");
    let rendered = loaded.render();
    assert_eq!(loaded.diagnostics.len(), 1, "{text}\n{rendered}");
    let diagnostic = &loaded.diagnostics[0];
    assert_eq!(diagnostic.severity, Severity::Error);
    assert!(diagnostic.help.is_some(), "{rendered}");
    assert!(diagnostic.message.contains(words), "{rendered}");
    let span = diagnostic.span.unwrap();
    let line = loaded.sources.line(span).unwrap();
    let shown: String = line
        .chars()
        .skip(span.column as usize - 1)
        .take(span.length as usize)
        .collect();
    assert_eq!(shown, place, "{rendered}");
}

/// `field = VALUE` of a router: the good ones pass, the bad ones are refused at the value.
fn range(start: &str, field: &str, good: &[&str], bad: &[&str]) {
    for value in good {
        router(&format!("{start}{field} = {value}\n"));
    }
    for value in bad {
        refused(&format!("{start}{field} = {value}\n"), value, "");
    }
}

#[test]
fn c01_vrid_is_1_to_255() {
    for good in [1, 255] {
        assert_eq!(
            router(&LEAST.replace("vrid = 1", &format!("vrid = {good}")))
                .vrid
                .as_u8(),
            good
        );
    }
    for bad in ["0", "256", "-1"] {
        refused(
            &LEAST.replace("vrid = 1", &format!("vrid = {bad}")),
            bad,
            "vrid",
        );
    }
    let without = read(&LEAST.replace("vrid = 1\n", ""));
    assert!(
        without.plan.is_none() && without.render().contains("vrid"),
        "{}",
        without.render()
    );
}

#[test]
fn c01_one_vrid_belongs_to_one_router_of_an_interface_and_family() {
    let second = LEAST
        .replace("one", "two")
        .replace("192.0.2.1", "192.0.2.2");
    refused(
        &format!("{LEAST}{second}"),
        "1",
        "both are eth0 IPv4 VRID 1",
    );
    plan(&format!("{LEAST}{}", V6.replace("one", "two")));
    plan(&format!("{LEAST}{}", second.replace("eth0", "eth1")));
}

/// C-12: they share a MAC address.
#[test]
fn c12_version_2_and_version_3_of_one_vrid_are_refused() {
    let second = LEAST
        .replace("one", "two")
        .replace("192.0.2.1", "192.0.2.2");
    refused(
        &format!("{LEAST}version = 2\n{second}version = 3\n"),
        "1",
        "both are",
    );
}

#[test]
fn c02_priority_is_1_to_255_and_100_by_default() {
    assert_eq!(router(LEAST).priority.as_u8(), 100);
    range(LEAST, "priority", &["1", "254", "255"], &["0", "256"]);
}

#[test]
fn c03_a_version_3_interval_is_1_to_4095_centiseconds_and_not_rounded() {
    assert_eq!(router(LEAST).interval, AdvertInterval::DEFAULT);
    range(
        LEAST,
        "interval",
        &["0.01", "1", "1.5", "40.95", "40"],
        &["0", "0.009", "0.015", "40.951", "40.96", "41"],
    );
    let interval = router(&format!("{LEAST}interval = 40.95\n")).interval;
    assert_eq!(interval, AdvertInterval::MAX_V3);
}

#[test]
fn c04_a_version_2_interval_is_1_to_255_whole_seconds() {
    let v2 = format!("{LEAST}version = 2\n");
    range(
        &v2,
        "interval",
        &["1", "255", "2.0"],
        &["0", "0.99", "1.5", "255.5", "256"],
    );
}

#[test]
fn times_are_numbers_of_seconds() {
    for (value, words) in [
        ("-1", "negative"),
        ("\"1s\"", "seconds"),
        ("0.0000001", "six decimals"),
        ("nan", "seconds"),
        ("inf", "seconds"),
    ] {
        let loaded = read(&format!("{LEAST}interval = {value}\n"));
        assert!(loaded.plan.is_none());
        assert!(loaded.render().contains(words), "{}", loaded.render());
        assert!(
            loaded.render().contains(":6:12: error"),
            "{}",
            loaded.render()
        );
    }
}

#[test]
fn c05_preempt_is_on_unless_turned_off() {
    assert!(router(LEAST).preempt);
    assert!(!router(&format!("{LEAST}preempt = false\n")).preempt);
    refused(
        &format!("{LEAST}priority = 255\npreempt = false\n"),
        "false",
        "always preempts",
    );
}

#[test]
fn preempt_delay_is_up_to_1000_seconds_and_needs_preempt() {
    range(LEAST, "preempt_delay", &["0", "0.5", "1000"], &["1000.1"]);
    refused(
        &format!("{LEAST}preempt = false\npreempt_delay = 5\n"),
        "5",
        "no effect",
    );
    refused(
        &format!("{LEAST}priority = 255\npreempt_delay = 5\n"),
        "5",
        "does not wait",
    );
}

#[test]
fn c07_there_are_1_to_255_addresses_of_one_family_none_twice() {
    let with = |addresses: &str| LEAST.replace("[\"192.0.2.1\"]", addresses);
    let many = |count: usize| -> String {
        let list: Vec<String> = (0..count)
            .map(|n| format!("\"10.0.{}.{}\"", n / 250, n % 250 + 1))
            .collect();
        format!("[{}]", list.join(", "))
    };
    assert_eq!(router(&with(&many(255))).addresses.len(), 255);
    refused(&with(&many(256)), &many(256), "1 to 255 addresses, not 256");
    refused(&with("[]"), "[]", "1 to 255 addresses, not 0");
    refused(
        &with("[\"192.0.2.1\", \"192.0.2.1/24\"]"),
        "\"192.0.2.1/24\"",
        "twice",
    );
    refused(
        &with("[\"192.0.2.1\", \"fe80::1\"]"),
        "\"fe80::1\"",
        "other family",
    );
    refused(
        &with("[\"192.0.2.300\"]"),
        "\"192.0.2.300\"",
        "not an address",
    );
    refused(
        &with("[\"192.0.2.1/33\"]"),
        "\"192.0.2.1/33\"",
        "not an address",
    );
}

/// C-08; a keepalived peer may have another order.
#[test]
fn c08_the_first_ipv6_address_is_link_local_unless_said_otherwise() {
    assert_eq!(router(V6).family, Family::V6);
    let swapped = V6.replace(
        "\"fe80::1\", \"2001:db8::1\"",
        "\"2001:db8::1\", \"fe80::1\"",
    );
    refused(&swapped, "[\"2001:db8::1\", \"fe80::1\"]", "link-local");
    assert!(
        !router(&format!("{swapped}require_link_local_first = false\n")).require_link_local_first
    );
    assert!(!router(&format!("profile = \"keepalived\"\n{swapped}")).require_link_local_first);
}

/// U-03: keepalived cuts them.
#[test]
fn u03_passwords_have_1_to_8_bytes() {
    let auth = |password: &str| {
        format!("{LEAST}version = 2\n[router.auth]\nmethod = \"pass\"\npassword = \"{password}\"\n")
    };
    assert_eq!(router(&auth("a")).auth, AuthPlan::Pass(*b"a\0\0\0\0\0\0\0"));
    assert_eq!(router(&auth("12345678")).auth, AuthPlan::Pass(*b"12345678"));
    for bad in ["", "123456789", "1234567\u{e9}"] {
        let loaded = read(&auth(bad));
        assert!(loaded.plan.is_none());
        assert!(
            loaded.diagnostics[0].message.contains("1 to 8 bytes"),
            "{}",
            loaded.render()
        );
        assert!(
            bad.is_empty() || !loaded.render().contains(bad),
            "the password is shown: {}",
            loaded.render()
        );
    }
    let ah = auth("secret").replace("\"pass\"", "\"ah\"");
    assert_eq!(router(&ah).auth, AuthPlan::Ah(*b"secret\0\0"));
}

#[test]
fn u04_version_3_has_no_authentication() {
    let text = format!("{LEAST}[router.auth]\nmethod = \"pass\"\npassword = \"secret\"\n");
    let loaded = read(&text);
    assert!(loaded.plan.is_none());
    assert!(
        loaded.diagnostics[0]
            .message
            .contains("version 3 has no authentication"),
        "{}",
        loaded.render()
    );
}

#[test]
fn version_is_2_or_3_and_ipv6_has_version_3_only() {
    range(LEAST, "version", &["2", "3"], &["1", "4"]);
    assert_eq!(router(LEAST).version, Version::V3);
    assert_eq!(
        router(&format!("profile = \"keepalived\"\n{LEAST}")).version,
        Version::V2
    );
    refused(&format!("{V6}version = 2\n"), "2", "IPv4 only");
}

#[test]
fn interoperation_is_for_version_3_over_ipv4() {
    assert!(router(&format!("{LEAST}interoperate = true\n")).interoperate);
    refused(
        &format!("{LEAST}version = 2\ninteroperate = true\n"),
        "true",
        "version 3 over IPv4",
    );
    refused(
        &format!("{V6}interoperate = true\n"),
        "true",
        "version 3 over IPv4",
    );
}

#[test]
fn other_numbers_have_their_ranges() {
    range(LEAST, "down_adverts", &["1", "100"], &["0", "101"]);
    for (field, good, bad) in [
        ("interval", ["0.001", "4294"], ["0", "4294.1"]),
        ("timeout", ["0.001", "4294"], ["0", "4294.1"]),
        ("rise", ["1", "2147483647"], ["0", "2147483648"]),
        ("fall", ["1", "2147483647"], ["0", "2147483648"]),
        ("weight", ["-253", "253"], ["-254", "254"]),
    ] {
        let script = |value: &str| {
            format!("{LEAST}[[script]]\nname = \"chk\"\ncommand = \"true\"\n{field} = {value}\n")
        };
        for value in good {
            plan(&script(value));
        }
        for value in bad {
            refused(&script(value), value, field);
        }
    }
    for (value, expected) in [
        ("1", Realtime::Fifo(1)),
        ("99", Realtime::Fifo(99)),
        ("\"off\"", Realtime::Off),
    ] {
        assert_eq!(
            plan(&format!("realtime = {value}\n{LEAST}"))
                .global
                .realtime,
            expected
        );
    }
    for value in ["0", "100"] {
        refused(&format!("realtime = {value}\n{LEAST}"), value, "realtime");
    }
}

#[test]
fn contradictions_of_transport_are_refused() {
    let unicast = |line: &str| format!("{LEAST}[router.unicast]\n{line}\n");
    refused(
        &unicast("peers = [\"192.0.2.20\", \"fe80::1\"]"),
        "\"fe80::1\"",
        "other family",
    );
    refused(
        &unicast("peers = [\"192.0.2.20\", \"192.0.2.20\"]"),
        "\"192.0.2.20\"",
        "twice",
    );
    refused(
        &unicast("peers = [\"nobody\"]"),
        "\"nobody\"",
        "not an address",
    );
    refused(&unicast("peers = [\"192.0.2.20\"]\nttl = 0"), "0", "ttl");
    assert!(
        read(&unicast("peers = []"))
            .render()
            .contains("needs a peer")
    );
    refused(
        &format!("{LEAST}multicast_group = \"192.0.2.1\"\n"),
        "\"192.0.2.1\"",
        "no multicast address",
    );
    refused(
        &format!("{LEAST}source = \"fe80::1\"\n"),
        "\"fe80::1\"",
        "other family",
    );
}

#[test]
fn references_have_to_lead_somewhere() {
    refused(
        &format!("{LEAST}track_scripts = [\"chk\"]\n"),
        "\"chk\"",
        "no usable script",
    );
    refused(
        &format!("{LEAST}track_interfaces = [\"eth0\"]\n"),
        "\"eth0\"",
        "own interface",
    );
    let group = |members: &str| {
        format!(
            "{LEAST}{}[[group]]\nname = \"g\"\nmembers = {members}\n",
            LEAST.replace("one", "two").replace("vrid = 1", "vrid = 2")
        )
    };
    assert_eq!(
        plan(&group("[\"one\", \"two\"]")).groups[0].members,
        ["one", "two"]
    );
    refused(
        &group("[\"one\", \"two\", \"three\"]"),
        "\"three\"",
        "no router",
    );
    refused(&group("[\"one\", \"two\", \"one\"]"), "\"one\"", "already");
    refused(&group("[\"one\"]"), "[\"one\"]", "two routers");
}

#[test]
fn a_script_may_be_defined_below_its_user_and_weights_are_inherited() {
    let text = format!(
        "{LEAST}track_scripts = [\"a\", {{ name = \"b\", weight = -5 }}]\n\
         [[script]]\nname = \"a\"\ncommand = \"killall -0 haproxy\"\nweight = 2\nreverse = true\n\
         [[script]]\nname = \"b\"\ncommand = [\"/bin/check me\", \"it's\"]\n"
    );
    let plan = plan(&text);
    let tracks = &plan.routers[0].track_scripts;
    assert_eq!(
        (tracks[0].weight, tracks[0].reverse, tracks[1].weight),
        (2, true, -5)
    );
    assert_eq!(plan.scripts[0].command.argv, ["killall", "-0", "haproxy"]);
    assert_eq!(plan.scripts[1].command.argv, ["/bin/check me", "it's"]);
    assert_eq!(plan.scripts[0].timeout, plan.scripts[0].interval);
}

#[test]
fn weights_of_an_owner_and_of_group_members_are_refused() {
    let script = "[[script]]\nname = \"a\"\ncommand = \"true\"\nweight = 2\n";
    refused(
        &format!("{LEAST}priority = 255\ntrack_scripts = [\"a\"]\n{script}"),
        "255",
        "never changes",
    );
    let two = LEAST.replace("one", "two").replace("vrid = 1", "vrid = 2");
    let group = "[[group]]\nname = \"g\"\nmembers = [\"one\", \"two\"]\n";
    let text = format!("{LEAST}track_scripts = [\"a\"]\n{two}{script}{group}");
    refused(&text, "\"one\"", "weight");
    plan(&format!("{text}tracking_weight = true\n"));
}

#[test]
fn fast_fail_may_know_its_peers_priority() {
    let fast = |head: &str| plan(&format!("{head}{LEAST}")).global.fast_fail;
    assert_eq!(fast(""), None);
    assert_eq!(fast("fast_fail = false\n"), None);
    assert_eq!(fast("fast_fail = true\n").unwrap().peer_priority, None);
    let known = fast("fast_fail = true\npeer_priority = 102\n").unwrap();
    assert_eq!(
        known.peer_priority.map(vrrp_proto::units::Priority::as_u8),
        Some(102)
    );
    for (head, words) in [
        ("peer_priority = 102\n", "without fast_fail"),
        ("fast_fail = true\npeer_priority = 255\n", "out of range"),
    ] {
        let loaded = read(&format!("{head}{LEAST}"));
        assert!(loaded.plan.is_none());
        assert!(
            loaded.diagnostics[0].message.contains(words),
            "{}",
            loaded.render()
        );
    }
}
