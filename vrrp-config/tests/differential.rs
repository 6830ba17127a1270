//! Generated configurations, read by `keepalived -t` and by us: the same verdict, and complaints about the same lines.
//!
//! Runs where keepalived 2.2.7 is installed and network namespaces can be made, and says so where not.
//! `VRRP_DIFFERENTIAL_CASES` sets how many configurations are tried, `VRRP_DIFFERENTIAL_SEED` which ones.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails where its tools do not do as described"
)]

mod common;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use vrrp_config::Class;

use common::{Host, load_file};

/// A few numbers from a seed; the same ones in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides).unwrap()).unwrap()
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.roll(choices.len())]
    }
}

const GLOBALS: &[&str] = &[
    "router_id lb1",
    "router_id",
    "vrrp_version 3",
    "vrrp_version 4",
    "vrrp_strict",
    "vrrp_garp_master_delay 3",
    "vrrp_garp_master_delay -1",
    "vrrp_garp_master_repeat 0",
    "vrrp_garp_interval 0",
    "vrrp_gna_interval 0.5",
    "vrrp_min_garp",
    "vrrp_min_garp maybe",
    "vrrp_down_timer_adverts 101",
    "vrrp_mcast_group4 10.0.0.1",
    "vrrp_startup_delay 0",
    "dynamic_interfaces",
    "dynamic_interfaces foo",
    "nonsense 5",
    "smtp_alert",
    "smtp_connect_timeout 0",
    "notification_email {\n a@b.c\n }",
    "notification_email {\n }",
    "vrrp_skip_check_adv_addr",
    "vrrp_lower_prio_no_advert off",
    "smtp_server 10.0.0.1 99999",
    "max_auto_priority 10",
];

const LINES: &[&str] = &[
    "state MASTER",
    "state BACKUP",
    "state SLAVE",
    "state master",
    "priority 100",
    "priority 0",
    "priority 255",
    "priority 256",
    "priority 100abc",
    "priority",
    "advert_int 1",
    "advert_int 1.5",
    "advert_int 0.004",
    "advert_int 300",
    "advert_int 1s",
    "version 2",
    "version 3",
    "version 5",
    "nopreempt",
    "nopreempt off",
    "preempt",
    "preempt_delay 5",
    "preempt_delay 1001",
    "authentication {\n auth_type PASS\n auth_pass secret\n }",
    "authentication {\n auth_type PASS\n auth_pass much_too_long\n }",
    "authentication {\n auth_type AH\n auth_pass secret\n }",
    "authentication {\n auth_type PASS auth_pass x\n }",
    "authentication {\n auth_type md5\n auth_pass x\n }",
    "authentication {\n }",
    "virtual_ipaddress {\n 10.0.0.9/24 dev eth1\n }",
    "virtual_ipaddress { 10.0.0.10 }",
    "virtual_ipaddress {\n 10.0.0.11/33\n }",
    "virtual_ipaddress {\n x.x.x.x\n }",
    "virtual_ipaddress {\n 10.0.0.12 10.0.0.13\n }",
    "virtual_ipaddress {\n 2001:db8::1\n }",
    "virtual_ipaddress {\n 10.0.0.14/24 brd + label eth0:1 scope site\n }",
    "virtual_ipaddress {\n 10.0.0.15/24 scope nowhere2\n }",
    "virtual_ipaddress_excluded {\n 2001:db8::2\n 10.0.0.16\n }",
    "virtual_ipaddress {\n 10.0.0.17 dev nope\n }",
    "unicast_src_ip 192.0.2.10",
    "unicast_src_ip nobody",
    "unicast_peer {\n 192.0.2.20\n }",
    "unicast_peer {\n 192.0.2.20 min_ttl 5\n }",
    "unicast_peer {\n }",
    "unicast_peer {\n 2001:db8::9\n }",
    "unicast_ttl 300",
    "unicast_ttl 20",
    "mcast_src_ip 192.0.2.10",
    "mcast_src_ip fe80::1",
    "mcast_src_ip",
    "mcast_dst_ip 224.0.0.50",
    "mcast_dst_ip 10.0.0.1",
    "track_script {\n chk\n }",
    "track_script {\n chk weight 5 reverse\n }",
    "track_script {\n chk weight 254\n }",
    "track_script {\n chk weight 300\n }",
    "track_script {\n chk foo\n }",
    "track_script {\n chk\n chk\n }",
    "track_script {\n missing\n }",
    "track_script { chk }",
    "track_interface {\n eth1\n }",
    "track_interface {\n eth0\n }",
    "track_interface {\n eth1 weight 10\n eth1\n }",
    "track_interface {\n nope\n }",
    "garp_master_delay 0",
    "garp_master_delay 1.5",
    "garp_master_repeat 0",
    "garp_master_refresh 14400",
    "garp_lower_prio_repeat 0",
    "down_timer_adverts 0",
    "down_timer_adverts 5",
    "skip_check_adv_addr",
    "skip_check_adv_addr maybe",
    "dont_track_primary",
    "native_ipv6",
    "strict_mode",
    "strict_mode off",
    "lower_prio_no_advert off",
    "higher_prio_send_advert",
    "accept",
    "notify_master \"/bin/true a b\"",
    "notify_master /bin/true root",
    "notify /bin/true",
    "notify",
    "notify_master '/bin/true a",
    "smtp_alert",
    "smtp_alert perhaps",
    "advert_in 1",
    "nat_mask 255.255.255.0",
    "lvs_sync_daemon_interface eth0",
    "linkbeat_use_polling",
    "debug 2",
    "promote_secondaries",
    "virtual_router_id 0",
    "virtual_router_id 7",
    "interface lo",
    "interface eth1",
    "check_unicast_src",
    "# a comment",
    "priority 50 # a comment",
    "priority 60!more",
    "\"priority\" 70",
    "priority \"80\"",
];

const SCRIPT_LINES: &[&str] = &[
    "script \"/bin/true a\"",
    "script /bin/false",
    "script /no/such/file",
    "script \"\"",
    "interval 2",
    "interval 0",
    "interval .2",
    "timeout 0",
    "timeout 5",
    "weight 5",
    "weight -253",
    "weight 5 reverse",
    "weight 5 backwards",
    "rise 0",
    "fall 3",
    "init_fail",
    "user root",
    "user no_such_user",
    "intervall 3",
];

const GROUP_LINES: &[&str] = &[
    "group {\n A\n B\n }",
    "group { A B }",
    "group {\n A\n C\n }",
    "group {\n A\n }",
    "group {\n }",
    "track_script {\n chk\n }",
    "track_interface {\n eth1 weight 5\n }",
    "sync_group_tracking_weight",
    "global_tracking",
    "notify_deleted /bin/true",
    "notify_fault /bin/true",
    "smtp_alert",
    "nonsense",
];

fn block(head: &str, least: &[&str], choices: &[&str], most: usize, dice: &mut Dice) -> String {
    let mut text = format!("{head} {{\n");
    let mut lines: Vec<&str> = least
        .iter()
        .copied()
        .filter(|_| dice.roll(30) > 0)
        .collect();
    for _ in 0..dice.roll(most + 1) {
        lines.push(dice.pick(choices));
    }
    for line in lines {
        text += &format!("  {line}\n");
    }
    text + "}\n"
}

fn configuration(dice: &mut Dice) -> String {
    let mut text = String::new();
    if dice.roll(3) > 0 {
        let security = ["enable_script_security", "script_user root"];
        text += &block("global_defs", &security, GLOBALS, 2, dice);
    }
    if dice.roll(2) > 0 {
        text += &block(
            "vrrp_script chk",
            &["script \"/bin/true\""],
            SCRIPT_LINES,
            2,
            dice,
        );
    }
    let identity = [
        "interface eth0",
        "virtual_router_id 5",
        "virtual_ipaddress {\n 10.0.0.1\n }",
    ];
    text += &block("vrrp_instance A", &identity, LINES, 4, dice);
    if dice.roll(3) == 0 {
        let identity = [
            "interface eth0",
            "virtual_router_id 6",
            "virtual_ipaddress {\n 10.0.0.2\n }",
        ];
        text += &block("vrrp_instance B", &identity, LINES, 2, dice);
    }
    if dice.roll(5) == 0 {
        text += &block(
            "vrrp_sync_group G",
            &["group {\n A\n B\n }"],
            GROUP_LINES,
            2,
            dice,
        );
    }
    text
}

/// What keepalived said about each file: its exit status and its messages.
fn keepalived(directory: &std::path::Path, count: usize) -> Option<Vec<(u8, String)>> {
    let script = "set -e\nip link set lo up\n\
        for i in eth0 eth1; do ip link add $i type veth peer name p$i; ip link set $i up; ip link set p$i up; done\n\
        ip addr add 192.0.2.10/24 dev eth0; ip addr add 192.0.2.11/24 dev eth1; set +e\n\
        for f in *.conf; do timeout 10 keepalived -t -f $f 2>$f.said; echo $? >$f.status; done";
    let run = Command::new("unshare")
        .args(["-n", "sh", "-c", script])
        .current_dir(directory)
        .status();
    if !run.ok()?.success() {
        return None;
    }
    let read = |number: usize, what: &str| {
        std::fs::read(directory.join(format!("{number:05}.conf.{what}"))).ok()
    };
    (0..count)
        .map(|number| {
            let status = String::from_utf8(read(number, "status")?)
                .ok()?
                .trim()
                .parse()
                .ok()?;
            Some((
                status,
                String::from_utf8_lossy(&read(number, "said")?).into_owned(),
            ))
        })
        .collect()
}

fn is_installed() -> bool {
    let Ok(output) = Command::new("keepalived").arg("--version").output() else {
        return false;
    };
    String::from_utf8_lossy(&output.stderr).contains("v2.2.7")
}

/// Complaints that keepalived makes at the end of a block, with the line where it noticed.
const LATE: &[&str] = &[
    "empty notification_email",
    "empty group block",
    "No script set",
    "Cannot use unicast_ttl",
    "Unable to set default user",
    "Unable to set uid/gid",
];

/// Lines that keepalived named in a complaint.
fn named_lines(said: &str) -> BTreeSet<u32> {
    said.lines()
        .filter(|line| !LATE.iter().any(|late| line.contains(late)))
        .filter_map(|line| {
            let rest = line.split_once("Line ")?.1;
            rest.split_once(')')?.0.parse().ok()
        })
        .collect()
}

/// Where we differ on purpose; each has its reason in docs/keepalived.md.
fn differs_on_purpose(text: &str, said: &str) -> bool {
    // An instance whose version and family contradict each other is refused rather than started.
    (text.contains("version 2\n") && text.contains("2001:db8"))
        // An unclosed quote is told once, and its keyword is not taken for one without a value.
        || said.contains("missing terminating")
        // An unwanted block is skipped whole, instead of reading its lines as keywords.
        || said.contains("Group list already")
}

#[test]
fn generated_configurations_get_keepalived_s_verdict() {
    let cases = std::env::var("VRRP_DIFFERENTIAL_CASES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(150);
    if !is_installed() {
        println!("NOT RUN: keepalived 2.2.7 is not installed");
        return;
    }
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("differential-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let seed: u64 = std::env::var("VRRP_DIFFERENTIAL_SEED")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    // Never zero, from which these dice do not get away.
    let mut dice = Dice(0x1234_5678_9abc_def1 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c14));
    let texts: Vec<String> = (0..cases).map(|_| configuration(&mut dice)).collect();
    for (number, text) in texts.iter().enumerate() {
        std::fs::write(directory.join(format!("{number:05}.conf")), text).unwrap();
    }
    let verdicts = keepalived(&directory, cases);
    let mut host = Host::with_interfaces(&["eth0", "eth1", "lo"]);
    host.users = |name| name == "root";
    host.commands = |command| {
        if command.argv[0].starts_with("/bin/") {
            vrrp_config::CommandFinding::Fine
        } else {
            vrrp_config::CommandFinding::Missing
        }
    };
    let mut wrong = Vec::new();
    for (number, (status, said)) in verdicts.iter().flatten().enumerate() {
        let loaded = load_file(&directory.join(format!("{number:05}.conf")), &host);
        let complaints = loaded
            .diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.class != Class::Silent);
        let ours: BTreeSet<u32> = complaints
            .filter_map(|diagnostic| Some(diagnostic.span?.line))
            .collect();
        let theirs = named_lines(said);
        let same = loaded.check_exit() == *status && (*status == 2 || theirs.is_subset(&ours));
        if !same && !differs_on_purpose(&texts[number], said) {
            wrong.push(format!(
                "----\n{}\nkeepalived {status} {theirs:?}: {said}\nvrrpd {} {ours:?}:\n{}",
                texts[number],
                loaded.check_exit(),
                loaded.render()
            ));
        }
    }
    let _ = std::fs::remove_dir_all(&directory);
    if verdicts.is_none() {
        println!("NOT RUN: no network namespace can be made here");
        return;
    }
    assert!(
        wrong.is_empty(),
        "{} of {cases} differ with seed {seed}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
