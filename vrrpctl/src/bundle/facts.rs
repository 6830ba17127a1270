//! What a colleague wants to know about the machine: its kernel, clock, interfaces, groups, pressure. Read from files, so that
//! on a machine without them nothing breaks and nothing is told.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

/// The most that is taken of one file.
const LIMIT: u64 = 64 * 1024;

/// Files that are taken whole.
const FILES: [&str; 31] = [
    "/etc/os-release",
    "/proc/version",
    "/proc/uptime",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/pressure/cpu",
    "/proc/pressure/io",
    "/proc/pressure/memory",
    "/proc/net/dev",
    "/proc/net/raw",
    "/proc/net/raw6",
    "/proc/net/igmp",
    "/proc/net/igmp6",
    "/proc/net/snmp",
    "/proc/net/softnet_stat",
    "/proc/net/arp",
    "/proc/net/route",
    "/proc/net/vlan/config",
    "/proc/diskstats",
    "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/sched_rt_runtime_us",
    "/proc/sys/kernel/task_delayacct",
    "/proc/sys/net/core/rmem_default",
    "/proc/sys/net/unix/max_dgram_qlen",
    "/sys/devices/system/clocksource/clocksource0/current_clocksource",
    "/sys/devices/system/clocksource/clocksource0/available_clocksource",
    "/sys/class/dmi/id/sys_vendor",
    "/sys/class/dmi/id/product_name",
    "/sys/hypervisor/type",
];

/// Taken of each interface in /sys/class/net.
const INTERFACE: [&str; 12] = [
    "operstate",
    "carrier",
    "carrier_changes",
    "mtu",
    "speed",
    "tx_queue_len",
    "ifindex",
    "queues/tx-0/byte_queue_limits/stall_cnt",
    "queues/tx-0/byte_queue_limits/stall_max",
    "queues/tx-0/byte_queue_limits/inflight",
    "statistics/rx_dropped",
    "statistics/tx_dropped",
];

/// Taken of each interface in /proc/sys/net/ipv4/conf.
const SETTINGS: [&str; 4] = ["arp_ignore", "arp_announce", "arp_filter", "rp_filter"];

/// Path and content of everything that can be read.
pub(crate) fn facts() -> Map<String, Value> {
    let mut paths: Vec<PathBuf> = FILES.iter().map(PathBuf::from).collect();
    for (directory, names) in [
        ("/sys/class/net", &INTERFACE[..]),
        ("/proc/sys/net/ipv4/conf", &SETTINGS[..]),
    ] {
        let entries = fs::read_dir(directory)
            .into_iter()
            .flatten()
            .flatten()
            .take(256);
        for entry in entries {
            paths.extend(names.iter().map(|name| entry.path().join(name)));
        }
    }
    let mut facts = Map::new();
    for path in paths {
        if let Some(content) = content(&path) {
            facts.insert(path.display().to_string(), content.into());
        }
    }
    if let Some(cpu) = content(Path::new("/proc/cpuinfo")) {
        // One processor tells for all.
        let first: Vec<&str> = cpu.lines().take_while(|line| !line.is_empty()).collect();
        facts.insert(String::from("/proc/cpuinfo"), first.join("\n").into());
    }
    facts
}

fn content(path: &Path) -> Option<String> {
    let file = fs::File::open(path).ok()?;
    let mut bytes = Vec::new();
    file.take(LIMIT).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
