//! keepalived's dumps: a signal makes a file, and exporters and scripts find in it what they look for.

use vrrp_tests::lab::{Daemon, Host, Lab, Peer, State, is_permitted, wait_until};

use crate::bench::{BOUND, INTERFACE, subjects};

subjects!(
    data_has_what_monitoring_reads,
    statistics_are_counted_and_cleared,
    json_is_one_line_with_keys_in_order,
);

const CONFIGURATION: &str = r#"global_defs {
    router_id lb01
    notification_email {
        a@example.org
    }
    notification_email_from ka@example.org
    smtp_server 10.99.0.9 2525
    smtp_connect_timeout 7
    enable_script_security
    script_user root
}
vrrp_script chk {
    script "/bin/true x 'y z'"
    interval 1
    timeout 1
    weight -20
    rise 2
    fall 3
}
vrrp_instance VI {
    state MASTER
    interface eth0
    virtual_router_id 51
    priority 150
    smtp_alert
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass s3cret
    }
    virtual_ipaddress {
        10.0.0.7/24
        10.0.0.8
        10.0.0.9/24 brd + label eth0:vip
    }
    virtual_ipaddress_excluded {
        fd00::110/64
        fd00::111
    }
    track_script {
        chk
    }
    track_interface {
        eth1 weight 10
    }
    notify_master "/usr/bin/true m 'a b'"
    notify_fault "/usr/bin/true f" nobody
    notify "/usr/bin/true any"
    notify_deleted "/usr/bin/true d"
}
vrrp_instance VI_6 {
    interface eth0
    virtual_router_id 52
    priority 100
    advert_int 0.2
    preempt_delay 2.5
    virtual_ipaddress {
        fe80::77
        fd00::100/64
    }
}
vrrp_instance VI_U {
    interface eth1
    virtual_router_id 53
    version 3
    priority 90
    nopreempt
    advert_int 0.2
    unicast_src_ip 10.1.0.1
    unicast_peer {
        10.1.0.2
        10.1.0.3
    }
    virtual_ipaddress {
        10.1.0.100
    }
    garp_master_refresh 30
}
vrrp_sync_group G1 {
    group {
        VI_6
        VI_U
    }
    notify_master "/usr/bin/true gm"
    smtp_alert
}
"#;

struct Bench {
    peer: Peer,
    host: Host,
    daemon: Daemon,
    _lab: Lab,
}

impl Bench {
    /// Starts a daemon alone and waits until it has every address.
    fn new(daemon: Daemon) -> Self {
        let mut lab = Lab::new();
        let host = lab.host("host");
        for (segment, interface, address) in [
            ("lan", INTERFACE, "10.0.0.1/24"),
            ("other", "eth1", "10.1.0.1/24"),
        ] {
            lab.segment(segment);
            lab.link(&host, interface, segment, &[address]);
        }
        let peer = Peer::start(&host, daemon, CONFIGURATION);
        for router in ["VI", "VI_6", "VI_U"] {
            peer.wait_state(router, State::Master, BOUND);
        }
        for (interface, address) in [(INTERFACE, "10.0.0.8"), ("eth1", "10.1.0.100")] {
            let address = address.parse().expect("an address");
            wait_until("the last address", BOUND, || {
                host.has(interface, address).then_some(())
            });
        }
        Self {
            peer,
            host,
            daemon,
            _lab: lab,
        }
    }

    /// Asks as an exporter does: the number from `--signum`, the process from the pid file.
    fn ask(&self, signal: &str) {
        let program = match self.daemon {
            Daemon::Keepalived => "keepalived",
            Daemon::Ours => "vrrpd",
        };
        let number = self.host.run(&[program, &format!("--signum={signal}")]);
        assert_eq!(number.code, 0, "{}", number.output);
        let pid = self
            .host
            .read("/run/keepalived.pid")
            .expect("there is a pid file");
        self.host
            .must(&format!("kill -{} {}", number.output.trim(), pid.trim()));
    }

    /// Asks for a dump that is not there yet, and reads it once it has all of its lines.
    fn dump(&self, signal: &str, file: &str, whole: impl Fn(&str) -> bool) -> String {
        let path = format!("/tmp/{file}");
        // So that an old one is not taken for the new one.
        self.host.must(&format!("rm -f {path}"));
        self.ask(signal);
        wait_until(&path, BOUND, || {
            self.host.read(&path).filter(|text| whole(text))
        })
    }
}

/// Without what no two runs have in common: times, descriptors and addresses that come from a hardware address.
fn comparable(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| !line.contains("fd_in"))
        .map(|line| {
            for key in ["Last transition = ", "Read timeout = "] {
                if let Some((before, value)) = line.split_once(key) {
                    assert!(is_time(value), "{line}");
                    return format!("{before}{key}TIME");
                }
            }
            let own = line.find("Using src_ip = fe80::").map(|at| at + 15);
            match own {
                Some(end) => format!("{}LINK-LOCAL", &line[..end]),
                // keepalived 2.4 and ours do not tell passwords.
                None => line.replace("s3cret", "********"),
            }
        })
        .collect()
}

/// `1795549334.572179 (Tue Nov 24 19:42:14.572179 2026)`.
fn is_time(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = text.split(&['.', ' ', '(', ')', ':']).collect();
    match parts.as_slice() {
        [seconds, micros, "", day, month, rest @ ..] => {
            digits(seconds)
                && micros.len() == 6
                && digits(micros)
                && day.len() == 3
                && month.len() == 3
                && rest.contains(micros)
        }
        _ => false,
    }
}

/// The lines from one to another.
fn part<'a>(lines: &'a [String], from: &str, to: &str) -> &'a [String] {
    let place = |wanted: &str| {
        let found = lines.iter().position(|line| line.starts_with(wanted));
        found.unwrap_or_else(|| panic!("no line begins with {wanted:?}: {lines:#?}"))
    };
    &lines[place(from)..place(to)]
}

const TOPOLOGY: &str = "------< VRRP Topology >------
 VRRP Instance = VI
   VRRP Version = 2
   State = MASTER
   Flags: none
   Wantstate = MASTER
   Number of config faults = 0
   Number of interface and track script faults = 0
   Number of track scripts init = 0
   Last transition = TIME
   Read timeout = TIME
   Master down timer = 3375000 usecs
   Interface = eth0
   Using src_ip = 10.0.0.1
   Multicast address 224.0.0.18
   Gratuitous ARP delay = 5
   Gratuitous ARP repeat = 5
   Gratuitous ARP refresh = 0
   Gratuitous ARP refresh repeat = 1
   Gratuitous ARP lower priority delay = 5
   Gratuitous ARP lower priority repeat = 5
   Down timer adverts = 3
   Send advert after receive lower priority advert = true
   Send advert after receive higher priority advert = false
   Virtual Router ID = 51
   Priority = 150
   Effective priority = 160
   Total priority = 160
   Advert interval = 1 sec
   Accept = enabled
   Preempt = enabled
   Promote_secondaries = disabled
   Authentication type = SIMPLE_PASSWORD
   Password = ********
   Virtual IP (3):
     10.0.0.7/24 dev eth0 scope global set
     10.0.0.8 dev eth0 scope global set
     10.0.0.9/24 brd 10.0.0.255 dev eth0 scope global label eth0:vip set
   Virtual IP Excluded :
     fd00::110/64 dev eth0 scope global preferred_lft forever set
     fd00::111 dev eth0 scope global deprecated set
   Tracked interfaces :
     eth1 weight 10
   Tracked scripts :
     chk weight -20
   Using smtp notification = yes
   Notify deleted = Deleted
   Master state transition script = '/usr/bin/true' 'm' 'a b', uid:gid 0:0
   Fault state transition script = '/usr/bin/true' 'f', uid:gid 65534:65534
   Deleted state transition script = '/usr/bin/true' 'd', uid:gid 0:0
   Generic state transition script = '/usr/bin/true' 'any', uid:gid 0:0
   Notify priority changes = false
 VRRP Instance = VI_6
   VRRP Version = 3
   Sync group = G1
   Using Native IPv6
   State = MASTER
   Flags: none
   Wantstate = MASTER
   Number of config faults = 0
   Number of interface and track script faults = 0
   Number of track scripts init = 0
   Last transition = TIME
   Read timeout = TIME
   Master down timer = 721875 usecs
   Interface = eth0
   Using src_ip = LINK-LOCAL
   Multicast address ff02::12, ifindex INDEX
   Gratuitous ARP delay = 5
   Gratuitous ARP repeat = 5
   Gratuitous ARP refresh = 0
   Gratuitous ARP refresh repeat = 1
   Gratuitous ARP lower priority delay = 5
   Gratuitous ARP lower priority repeat = 5
   Down timer adverts = 3
   Send advert after receive lower priority advert = true
   Send advert after receive higher priority advert = false
   Virtual Router ID = 52
   Priority = 100
   Effective priority = 100
   Total priority = 100
   Advert interval = 200 milli-sec
   Accept = enabled
   Preempt = enabled
   Preempt delay = 2.5 secs
   Promote_secondaries = disabled
   Virtual IP (2):
     fe80::77 dev eth0 scope global deprecated set
     fd00::100/64 dev eth0 scope global preferred_lft forever set
   Using smtp notification = no
   Notify deleted = Fault
   Notify priority changes = false
 VRRP Instance = VI_U
   VRRP Version = 3
   Sync group = G1
   State = MASTER
   Flags:
     Using unicast
   Wantstate = MASTER
   Number of config faults = 0
   Number of interface and track script faults = 0
   Number of track scripts init = 0
   Last transition = TIME
   Read timeout = TIME
   Master down timer = 729687 usecs
   Interface = eth1
   Using src_ip = 10.1.0.1 (from configuration)
   Gratuitous ARP delay = 5
   Gratuitous ARP repeat = 5
   Gratuitous ARP refresh = 30
   Gratuitous ARP refresh repeat = 1
   Gratuitous ARP lower priority delay = 5
   Gratuitous ARP lower priority repeat = 5
   Down timer adverts = 3
   Send advert after receive lower priority advert = true
   Send advert after receive higher priority advert = false
   Virtual Router ID = 53
   Priority = 90
   Effective priority = 90
   Total priority = 90
   Advert interval = 200 milli-sec
   Accept = enabled
   Preempt = disabled
   Promote_secondaries = disabled
   Virtual IP (1):
     10.1.0.100 dev eth1 scope global set
   Unicast TTL = 255
   Check unicast src : no
   Unicast Peer :
     10.1.0.2 min_ttl 0 max_ttl 255
     10.1.0.3 min_ttl 0 max_ttl 255
   Unicast checksum compatibility = no
   Using smtp notification = no
   Notify deleted = Fault
   Notify priority changes = false";

const GROUPS_AND_SCRIPTS: &str = "------< VRRP Sync groups >------
 VRRP Sync Group = G1, MASTER
   Num member fault 0, num member init 0
   VRRP member instances :
     VI_6
     VI_U
   Using smtp notification = yes
   Master state transition script = '/usr/bin/true' 'gm', uid:gid 0:0
------< VRRP Scripts >------
 VRRP Script = chk
   Command = '/usr/bin/true' 'x' 'y z'
   Interval = 1 sec
   Timeout = 1 sec
   Weight = -20
   Rise = 2
   Fall = 3
   Result = 4
   Insecure = no
   Init state = unknown
   Status = GOOD
   Script uid:gid = 0:0
   VRRP instances :
   Tracking instances :
     VI, weight -20
   State = idle";

fn data_has_what_monitoring_reads(daemon: Daemon) {
    let bench = Bench::new(daemon);
    // Each run of the script, and the copy that runs just now, would show as other lines.
    let text = wait_until("a dump between two runs of the script", BOUND, || {
        let text = bench.dump("DATA", "keepalived.data", |text| {
            text.contains("------< Interfaces >------")
                && text.contains("VI_U, weight 0")
                && text.ends_with('\n')
        });
        (text.contains("Result = 4") && text.contains("State = idle")).then_some(text)
    });
    let lines = comparable(&text);
    for line in [
        " Router ID = lb01",
        " Smtp server = 10.99.0.9",
        " Smtp server port = 2525",
        " Smtp server connection timeout = 7",
        " Email notification from = ka@example.org",
        "   a@example.org",
        " VRRP IPv4 mcast group = 224.0.0.18",
        " VRRP IPv6 mcast group = ff02::12",
        " Script security enabled",
    ] {
        assert!(lines.iter().any(|known| known == line), "{line}: {text}");
    }
    let index = lines
        .iter()
        .find_map(|line| line.split_once("ifindex "))
        .map(|(_, index)| index.to_owned())
        .expect("the IPv6 instance tells the number of its interface");
    // keepalived's descriptors are its own affair; the section that lists them comes before the groups.
    let end = if daemon == Daemon::Keepalived {
        "------< VRRP Sockpool"
    } else {
        "------< VRRP Sync groups"
    };
    let topology = part(&lines, "------< VRRP Topology", end).join("\n");
    assert_eq!(
        topology.replace(&format!("ifindex {index}"), "ifindex INDEX"),
        TOPOLOGY
    );
    let rest = part(&lines, "------< VRRP Sync groups", "------< Interfaces");
    assert_eq!(rest.join("\n"), GROUPS_AND_SCRIPTS);
    let eth0 = part(&lines, " Name = eth0", " Name = eth1");
    for line in [
        format!("   index = {index}"),
        "   IPv4 address = 10.0.0.1".to_owned(),
        "   MAC broadcast = ff:ff:ff:ff:ff:ff".to_owned(),
        "   State = UP, RUNNING".to_owned(),
        "   MTU = 1500".to_owned(),
        "   HW Type = ETHERNET".to_owned(),
        "   Tracking VRRP instances :".to_owned(),
        "     VI, weight 0".to_owned(),
        "     VI_6, weight 0".to_owned(),
    ] {
        assert!(eth0.contains(&line), "{line}: {eth0:#?}");
    }
    let parent = bench
        .host
        .read("/tmp/keepalived_parent.data")
        .expect("the parent's dump");
    assert!(parent.starts_with("------< Global definitions >------\n"));
    let modes = bench.host.run(&[
        "stat",
        "-c",
        "%a %U",
        "/tmp/keepalived.data",
        "/tmp/keepalived_parent.data",
    ]);
    assert_eq!(modes.output, "600 root\n600 root\n");
}

/// The value of a line of an instance's statistics.
fn counter(text: &str, instance: &str, name: &str) -> u64 {
    let own = text
        .split("VRRP Instance: ")
        .find(|part| part.lines().next() == Some(instance))
        .unwrap_or_else(|| panic!("no {instance}: {text}"));
    let line = own
        .lines()
        .find_map(|line| line.trim_start().strip_prefix(name))
        .unwrap_or_else(|| panic!("no {name}: {own}"));
    line.trim_start_matches(": ").parse().expect("a number")
}

fn statistics_are_counted_and_cleared(daemon: Daemon) {
    let bench = Bench::new(daemon);
    let whole = |text: &str| {
        text.matches("Priority Zero:\n    Received: 0\n    Sent: 0\n")
            .count()
            == 3
    };
    let text = bench.dump("STATS", "keepalived.stats", whole);
    let shape: Vec<&str> = text
        .lines()
        .take(19)
        .map(|line| line.split_once(':').map_or(line, |(name, _)| name))
        .collect();
    assert_eq!(
        shape.join("\n"),
        "VRRP Instance\n  Advertisements\n    Received\n    Sent\n  Became master\n  Released master\n  \
         Packet Errors\n    Length\n    TTL\n    Invalid Type\n    Advertisement Interval\n    Address List\n  \
         Authentication Errors\n    Invalid Type\n    Type Mismatch\n    Failure\n  Priority Zero\n    Received\n    Sent"
    );
    assert_eq!(counter(&text, "VI", "Became master"), 1);
    let sent = counter(&text, "VI_6", "Sent");
    assert!(sent > 0, "{text}");
    let cleared = bench.dump("STATS_CLEAR", "keepalived.stats", whole);
    assert!(counter(&cleared, "VI_6", "Sent") >= sent, "{cleared}");
    assert_eq!(counter(&cleared, "VI", "Became master"), 1);
    let after = bench.dump("STATS", "keepalived.stats", whole);
    assert_eq!(counter(&after, "VI", "Became master"), 0, "{after}");
    assert!(counter(&after, "VI_6", "Sent") < sent.max(10), "{after}");
}

fn json_is_one_line_with_keys_in_order(daemon: Daemon) {
    let bench = Bench::new(daemon);
    let text = bench.dump("JSON", "keepalived.json", |text| text.ends_with("]\n"));
    assert_eq!(text.lines().count(), 1, "{text}");
    let first = text
        .split("}},{")
        .next()
        .expect("there is an instance")
        .replace("s3cret", "********");
    let (before, rest) = first
        .split_once("\"last_transition\":")
        .expect("it tells its last transition");
    let (at, after) = rest.split_once(',').expect("more follows");
    let (seconds, micros) = at.split_once('.').expect("a fraction");
    assert!(seconds.len() == 10 && micros.len() == 6, "{at}");
    let (data, stats) = after
        .split_once("},\"stats\":{")
        .expect("statistics follow");
    assert_eq!(
        before,
        "[{\"data\":{\"iname\":\"VI\",\"dont_track_primary\":0,\"skip_check_adv_addr\":0,\"strict_mode\":0,\
         \"vmac_ifname\":\"\",\"ifp_ifname\":\"eth0\",\"master_priority\":0,"
    );
    assert_eq!(
        data,
        "\"garp_delay\":5,\"garp_refresh\":0,\"garp_rep\":5,\"garp_refresh_rep\":1,\"garp_lower_prio_delay\":5,\
         \"garp_lower_prio_rep\":5,\"lower_prio_no_advert\":0,\"higher_prio_send_advert\":0,\"vrid\":51,\
         \"base_priority\":150,\"effective_priority\":160,\"vipset\":true,\"promote_secondaries\":false,\
         \"adver_int\":1,\"master_adver_int\":1,\"accept\":1,\"nopreempt\":false,\"preempt_delay\":0,\"state\":2,\
         \"wantstate\":2,\"version\":2,\"smtp_alert\":true,\"notify_deleted\":true,\
         \"script_master\":\"'\\/usr\\/bin\\/true' 'm' 'a b'\",\"script_fault\":\"'\\/usr\\/bin\\/true' 'f'\",\
         \"script_deleted\":\"'\\/usr\\/bin\\/true' 'd'\",\"script\":\"'\\/usr\\/bin\\/true' 'any'\",\
         \"vips\":[\"10.0.0.7\\/24 dev eth0 scope global set\",\"10.0.0.8 dev eth0 scope global set\",\
         \"10.0.0.9\\/24 brd 10.0.0.255 dev eth0 scope global label eth0:vip set\"],\
         \"evips\":[\"fd00::110\\/64 dev eth0 scope global preferred_lft forever set\",\
         \"fd00::111 dev eth0 scope global deprecated set\"],\"track_ifp\":[\"eth1\"],\
         \"track_script\":[\"'\\/usr\\/bin\\/true' 'x' 'y z'\"],\"auth_type\":1,\"auth_data\":\"********\""
    );
    let keys: Vec<&str> = stats.split('"').skip(1).step_by(2).collect();
    assert_eq!(
        keys,
        [
            "advert_rcvd",
            "advert_sent",
            "become_master",
            "release_master",
            "packet_len_err",
            "advert_interval_err",
            "ip_ttl_err",
            "invalid_type_rcvd",
            "addr_list_err",
            "invalid_authtype",
            "authtype_mismatch",
            "auth_failure",
            "pri_zero_rcvd",
            "pri_zero_sent",
        ]
    );
    let parsed: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(parsed[1]["data"]["adver_int"], 0.2);
    assert_eq!(parsed[1]["data"]["preempt_delay"], 2);
    assert_eq!(parsed[2]["data"]["nopreempt"], true);
}

/// keepalived renames before it writes, so this is asked of ours alone.
#[test]
fn a_dump_of_ours_is_whole_whenever_it_is_read() {
    if !is_permitted() {
        return;
    }
    let bench = Bench::new(Daemon::Ours);
    bench.dump("JSON", "keepalived.json", |_| true);
    let mut files = std::collections::BTreeSet::new();
    for _ in 0..20 {
        bench.ask("JSON");
        let path = "/tmp/keepalived.json";
        let text = bench.host.read(path).expect("there is always one");
        assert!(text.starts_with('[') && text.ends_with("]\n"), "{text}");
        files.insert(text);
    }
    assert!(files.len() > 1, "it was never written anew");
    assert_eq!(
        bench.host.run(&["ls", "-A", "/tmp"]).output,
        "keepalived.json\n"
    );
    drop(bench.peer);
}
