//! Each point, from files that differ in one line.

use std::path::Path;

use super::{Disagreement, Weight, compare_nodes};
use crate::facts::NoFacts;
use crate::files::MemoryFiles;
use crate::load::{LoadOptions, load};
use crate::plan::Plan;

fn plan(name: &str, text: &str) -> Plan {
    let path = Path::new(name);
    let files = MemoryFiles::single(path, text);
    let loaded = load(path, &files, &NoFacts, &LoadOptions::default());
    loaded
        .plan
        .clone()
        .unwrap_or_else(|| panic!("{}", loaded.render()))
}

const LINES: [&str; 7] = [
    "interface eth0",
    "virtual_router_id 205",
    "priority 101",
    "advert_int 1",
    "authentication {\n auth_type PASS\n auth_pass secret\n }",
    "virtual_ipaddress {\n 10.0.0.7\n 10.0.0.8\n }",
    "mcast_src_ip 10.0.0.1",
];

fn file(lines: &[&str]) -> Plan {
    let text = format!(
        "vrrp_script chk {{\n script /bin/x\n}}\nvrrp_instance VI {{\n{}\n}}\n",
        lines.join("\n")
    );
    plan("x.conf", &text)
}

/// The second node, with one line in place of another one.
fn found(line: usize, instead: &str) -> Vec<Disagreement> {
    let mut other = LINES;
    other[2] = "priority 100";
    other[line] = instead;
    compare_nodes(("lb1", &file(&LINES)), ("lb2", &file(&other)))
}

fn one(line: usize, instead: &str) -> (Weight, &'static str, String) {
    let mut found = found(line, instead);
    assert_eq!(found.len(), 1, "{found:#?}");
    let found = found.remove(0);
    assert_eq!(found.router, "VI (eth0 IPv4 VRID 205)");
    (found.weight, found.about, found.text)
}

#[test]
fn a_pair_that_fits_has_nothing_to_say() {
    assert_eq!(found(6, "mcast_src_ip 10.0.0.2"), []);
    // Version 2 compares the sets, not the order.
    assert_eq!(
        found(5, "virtual_ipaddress {\n 10.0.0.8\n 10.0.0.7\n }"),
        []
    );
}

#[test]
fn every_point_is_named_with_both_values() {
    let (weight, about, text) = one(1, "virtual_router_id 206");
    assert_eq!((weight, about), (Weight::Trouble, "vrid"));
    assert_eq!(
        text,
        "205 on lb1, 206 on lb2: neither hears the other, and both become MASTER"
    );

    let (weight, about, text) = one(3, "advert_int 2");
    assert_eq!((weight, about), (Weight::Trouble, "interval"));
    assert!(
        text.starts_with("1 s on lb1, 2 s on lb2: version 2 refuses"),
        "{text}"
    );

    let (weight, about, text) = one(4, "authentication {\n auth_type AH\n auth_pass secret\n }");
    assert_eq!((weight, about), (Weight::Trouble, "auth"));
    assert!(text.starts_with("PASS on lb1, AH on lb2"), "{text}");

    let (weight, about, text) = one(5, "virtual_ipaddress {\n 10.0.0.7\n }");
    assert_eq!((weight, about), (Weight::Trouble, "address list"));
    assert!(
        text.starts_with("10.0.0.8 on lb1 only: version 2 refuses"),
        "{text}"
    );

    let (weight, about, text) = one(2, "priority 101");
    assert_eq!((weight, about), (Weight::Trouble, "priority"));
    assert!(text.starts_with("101 on both"), "{text}");

    let (weight, about, _) = one(0, "interface eth1");
    assert_eq!((weight, about), (Weight::Note, "interface"));

    let (weight, about, _) = one(6, "mcast_dst_ip 224.0.0.50");
    assert_eq!((weight, about), (Weight::Trouble, "multicast group"));

    let (weight, about, _) = one(6, "unicast_peer {\n 10.0.0.9\n }");
    assert_eq!((weight, about), (Weight::Trouble, "transport"));

    let (weight, about, _) = one(6, "nopreempt");
    assert_eq!((weight, about), (Weight::Note, "preempt"));
}

#[test]
fn passwords_differ_without_being_shown() {
    let (weight, about, text) = one(
        4,
        "authentication {\n auth_type PASS\n auth_pass hidden\n }",
    );
    assert_eq!((weight, about), (Weight::Trouble, "auth"));
    assert!(
        !text.contains("hidden") && !text.contains("secret"),
        "{text}"
    );
    // The rest of a long one goes on no wire.
    let long = |rest: &str| {
        file(
            &[
                &LINES[..4],
                &[
                    &format!("authentication {{\n auth_type PASS\n auth_pass 12345678{rest}\n }}"),
                    LINES[5],
                ],
            ]
            .concat(),
        )
    };
    let (a, b) = (long("a"), long("b"));
    assert!(
        compare_nodes(("a", &a), ("b", &b))
            .iter()
            .all(|found| found.about == "priority")
    );
}

#[test]
fn version_3_follows_intervals_and_version_2_does_not_hear_version_3() {
    let found = found(4, "version 3");
    let about: Vec<_> = found
        .iter()
        .map(|found| (found.weight, found.about))
        .collect();
    assert_eq!(
        about,
        [(Weight::Trouble, "version"), (Weight::Trouble, "auth")]
    );

    let three = |interval: &str, priority: &str| {
        file(&[
            "interface eth0",
            "virtual_router_id 1",
            "version 3",
            interval,
            priority,
            "virtual_ipaddress {\n 10.0.0.7\n }",
        ])
    };
    let found = compare_nodes(
        ("a", &three("advert_int 0.1", "priority 9")),
        ("b", &three("advert_int 1", "priority 8")),
    );
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].weight, found[0].about),
        (Weight::Note, "interval")
    );
    assert!(
        found[0].text.starts_with("0.10 s on a, 1 s on b"),
        "{found:?}"
    );
}

#[test]
fn a_form_of_the_checksum_that_the_other_refuses_is_trouble() {
    let node = |priority: u8, more: &str| {
        plan(
            "x.toml",
            &format!(
                "[[router]]\nname = \"a\"\ninterface = \"eth0\"\nvrid = 1\npriority = {priority}\naddresses = [\"192.0.2.1\"]\n{more}\n"
            ),
        )
    };
    let (strict, old) = (
        node(9, "checksum_accept = \"message\""),
        node(8, "checksum_send = \"pseudo_header\""),
    );
    let found = compare_nodes(("a", &strict), ("b", &old));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (found[0].weight, found[0].about),
        (Weight::Trouble, "checksum form")
    );
    assert!(
        found[0]
            .text
            .starts_with("b sends the form with a pseudo-header, and a accepts"),
        "{found:?}"
    );
    let found = compare_nodes(("a", &node(9, "")), ("b", &old));
    assert_eq!(
        (found[0].weight, found[0].about),
        (Weight::Note, "checksum form")
    );
}

#[test]
fn unicast_peers_have_to_list_each_other() {
    let node = |own: &str, peer: &str, priority: u8| {
        let unicast =
            format!("unicast_src_ip {own}\nunicast_peer {{\n {peer}\n }}\ncheck_unicast_src");
        file(&[
            "interface eth0",
            "virtual_router_id 1",
            &format!("priority {priority}"),
            &unicast,
            "virtual_ipaddress {\n 10.0.0.7\n }",
        ])
    };
    let right = compare_nodes(
        ("a", &node("10.0.0.1", "10.0.0.2", 9)),
        ("b", &node("10.0.0.2", "10.0.0.1", 8)),
    );
    assert_eq!(right, []);
    let wrong = compare_nodes(
        ("a", &node("10.0.0.1", "10.0.0.3", 9)),
        ("b", &node("10.0.0.2", "10.0.0.1", 8)),
    );
    let text: Vec<_> = wrong.iter().map(|found| found.text.as_str()).collect();
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    assert!(
        text[0].starts_with("a does not list 10.0.0.2, the source of b"),
        "{text:?}"
    );
    assert!(
        text[1].starts_with("a accepts listed peers only"),
        "{text:?}"
    );
}

#[test]
fn a_weight_that_cannot_move_the_address_is_noted() {
    let node = |priority: &str, weight: &str| {
        file(&[
            "interface eth0",
            "virtual_router_id 1",
            priority,
            &format!("track_script {{\n chk weight {weight}\n }}"),
            "virtual_ipaddress {\n 10.0.0.7\n }",
        ])
    };
    let found = compare_nodes(
        ("a", &node("priority 150", "2")),
        ("b", &node("priority 100", "2")),
    );
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].weight, Weight::Note);
    assert!(
        found[0]
            .text
            .contains("falls from 152 to 150, still above the 102 of b"),
        "{found:?}"
    );
    assert_eq!(
        compare_nodes(
            ("a", &node("priority 101", "2")),
            ("b", &node("priority 100", "2"))
        ),
        []
    );
    assert_eq!(
        compare_nodes(
            ("a", &node("priority 150", "-60")),
            ("b", &node("priority 100", "-60"))
        ),
        []
    );
}

#[test]
fn a_router_of_one_file_only_is_trouble() {
    let more = format!(
        "vrrp_instance TWO {{\ninterface eth0\nvirtual_router_id 9\nvirtual_ipaddress {{\n 10.0.0.99\n }}\n}}\nvrrp_instance VI {{\n{}\n}}\n",
        LINES.join("\n")
    );
    let mut other = LINES;
    other[2] = "priority 100";
    for (a, b) in [
        (plan("x.conf", &more), file(&other)),
        (file(&other), plan("x.conf", &more)),
    ] {
        let found = compare_nodes(("a", &a), ("b", &b));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            (found[0].weight, found[0].about),
            (Weight::Trouble, "router")
        );
        assert!(found[0].router.starts_with("TWO"), "{found:?}");
    }
}
