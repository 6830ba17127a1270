use super::*;

/// Linux 6.18.
const NET_DEV: &str = "Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    6386      58    0    0    0     0          0         0     6386      58    0    0    0     0       0          0
  eth0: 1234567890123  9876543    1   17    0     0          0       120 55555 4444    0    3    0     0       0          0
veth1a@b:12 1 0 0 0 0 0 0 34 2 0 0 0 0 0 0
 short: 1 2 3
";

#[test]
fn interfaces_give_packets_and_drops_and_a_cut_line_gives_nothing() {
    let mut found = Vec::new();
    interfaces(NET_DEV, &mut |name, counters| {
        found.push((name.to_owned(), counters));
    });
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    // A long number leaves no space behind the colon.
    assert_eq!(names, ["lo", "eth0", "veth1a@b"]);
    let eth0 = Interface {
        received: 9_876_543,
        received_dropped: 17,
        sent: 4444,
        sent_dropped: 3,
    };
    assert_eq!(found[1].1, eth0);
    assert_eq!(found[2].1.sent, 2);
}

#[test]
fn steal_is_the_eighth_number_and_missing_where_it_was_not_counted() {
    let now = "cpu  566652 190883 162365 1821777 10793 0 5810 342 0 0\ncpu0 1 2 3\n";
    assert_eq!(steal(now), Some(342));
    // Linux 2.6.9.
    assert_eq!(steal("cpu  1 2 3 4 5 6 7\n"), None);
    assert_eq!(steal("intr 1 2 3 4 5 6 7 8 9\n"), None);
    assert_eq!(steal(""), None);
}

#[test]
fn pressure_gives_the_total_of_the_line_asked_for() {
    let text = "some avg10=0.02 avg60=0.60 avg300=0.73 total=2476672578\n\
                full avg10=0.00 avg60=0.00 avg300=0.00 total=12\n";
    assert_eq!(pressure(text, "some"), Some(2_476_672_578_000));
    assert_eq!(pressure(text, "full"), Some(12_000));
    // Before Linux 5.13 the machine's CPU pressure has one line.
    assert_eq!(pressure(text.lines().next().unwrap(), "full"), None);
    assert_eq!(pressure("", "some"), None);
}

/// Linux 6.18, 4.9 (without discards) and 2.6 (short lines for partitions).
const DISKS: &str = " 254       0 vda 1000 5 80000 200 2000 7 90000 900 0 700 1100 10 0 800 5 20 15
 254       1 vda1 900 5 70000 190 1900 7 80000 800 0 600 990 0 0 0 0 0 0
   8       0 sda 10 0 80 20 30 0 240 40 0 50 60
   8       1 sda1 9 80 30 240
 259       0 nvme0n1 4 0 0 1 6 0 0 2 0 3 3 0 0 0 0
 259       1 nvme0n1p1 4 0 0 1 6 0 0 2 0 3 3 0 0 0 0
 252       1 dm-1 1 0 0 1 0 0 0 0 0 1 1
 252      10 dm-10 2 0 0 1 0 0 0 0 0 1 1
   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0
   8      16 sdb 1 2 3
";

#[test]
fn whole_disks_that_were_used_are_found_on_old_and_new_kernels() {
    let mut found = Vec::new();
    disks(DISKS, &mut |disk| found.push(disk));
    let names: Vec<(u32, u32)> = found.iter().map(|disk| (disk.major, disk.minor)).collect();
    assert_eq!(names, [(254, 0), (8, 0), (259, 0), (252, 1), (252, 10)]);
    let vda = Disk {
        major: 254,
        minor: 0,
        requests: 1000 + 2000 + 10 + 20,
        wait_ms: 200 + 900 + 5 + 15,
        busy_ms: 700,
    };
    assert_eq!(found[0], vda);
    let sda = Disk {
        major: 8,
        minor: 0,
        requests: 40,
        wait_ms: 60,
        busy_ms: 50,
    };
    assert_eq!(found[1], sda);
}

#[test]
fn softirq_counts_of_all_cpus_are_added() {
    // Nine columns before Linux 2.6.36, fifteen now.
    let old = "00000010 00000002 00000001 00000000 00000000 00000000 00000000 00000000 00000000\n\
               00000010 000000ff 00000003 00000000 00000000 00000000 00000000 00000000 00000000\n";
    assert_eq!(softirq(old), Some((257, 4)));
    assert_eq!(softirq("01decc62 00000000 00000003 0\n"), Some((0, 3)));
    assert_eq!(softirq(""), None);
    assert_eq!(softirq("nonsense\n"), None);
}

#[test]
fn raw_sockets_of_both_families_are_read() {
    let v4 = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
              112: 00000000:0070 00000000:0000 07 00000000:00000340 00:00000000 00000000     0        0 52871 2 0000000000000000 15\n\
              cut: 00000000:0070\n";
    let v6 = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
              112: 00000000000000000000000000000000:0070 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000   998        0 52872 2 0000000000000000 0\n";
    let mut found = Vec::new();
    raw_sockets(v4, &mut |socket| found.push(socket));
    raw_sockets(v6, &mut |socket| found.push(socket));
    let socket = |inode, drops| RawSocket {
        protocol: 112,
        inode,
        drops,
    };
    assert_eq!(found, [socket(52_871, 15), socket(52_872, 0)]);
}

#[test]
fn memberships_belong_to_the_interface_above_them() {
    let number = u32::from_ne_bytes([224, 0, 0, 18]);
    let text = format!(
        "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n\
         1\tlo        :     1      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0\n\
         4\teth0      :     2      V3\n\t\t\t\t{number:08X}     1 0:00000000\t\t0\n"
    );
    let mut found = Vec::new();
    groups_v4(&text, &mut |index, group| found.push((index, group)));
    assert!(found.contains(&(4, Ipv4Addr::new(224, 0, 0, 18))));
    assert_eq!(found.len(), 2);
    let text =
        "4    eth0            ff020000000000000000000000000012     1 00000004 0\n4 eth0 short 1\n";
    let mut found = Vec::new();
    groups_v6(text, &mut |index, group| found.push((index, group)));
    assert_eq!(found, [(4, "ff02::12".parse().unwrap())]);
}

#[test]
fn run_delay_is_the_second_number() {
    assert_eq!(run_delay("12 36489 1\n"), Some(36_489));
    assert_eq!(run_delay("12\n"), None);
}

#[test]
fn kills_are_found_in_both_versions_of_control_groups() {
    let v2 = "low 0\nhigh 0\nmax 3\noom 1\noom_kill 2\noom_group_kill 0\n";
    let v1 = "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n";
    assert_eq!(oom_kills(v2), Some(2));
    assert_eq!(oom_kills(v1), Some(5));
    // Before Linux 4.13.
    assert_eq!(oom_kills("oom_kill_disable 0\nunder_oom 0\n"), None);
}

const UNIFIED: &str =
    "35 24 0:30 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n";

#[test]
fn the_own_group_is_found_in_the_unified_hierarchy() {
    let group = group("0::/system.slice/vrrpd.service\n", UNIFIED);
    let directory = "/sys/fs/cgroup/system.slice/vrrpd.service";
    assert_eq!(group.unified.as_deref(), Some(directory));
    assert_eq!(group.memory, None);
}

#[test]
fn the_root_group_has_no_counters_of_its_own() {
    assert_eq!(group("0::/\n", UNIFIED), Group::default());
}

#[test]
fn version_1_and_a_container_s_part_of_the_hierarchy_are_understood() {
    let memberships = "5:devices:/\n4:memory,other:/docker/abc/sub\n1:name=systemd:/\n0::/\n";
    let mounts = "40 24 0:34 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
         41 24 0:35 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n";
    let group = group(memberships, mounts);
    assert_eq!(group.memory.as_deref(), Some("/sys/fs/cgroup/memory/sub"));
    assert_eq!(group.unified, None);
}
