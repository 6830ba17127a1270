//! Every keyword of keepalived's VRRP side, where it may stand, and what becomes of it here.
//!
//! The list drives the warnings about words that are known and not yet honoured, tells them from typing mistakes, and is
//! held against the table in `docs/keepalived.md` by a test.

/// Where a keyword may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Outside of any block.
    Top,
    /// `global_defs`.
    Global,
    /// `vrrp_instance`.
    Instance,
    /// `authentication` of an instance.
    Authentication,
    /// `vrrp_sync_group`.
    Group,
    /// `vrrp_script`.
    Script,
}

/// What becomes of a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// It does what keepalived does.
    Honoured,
    /// It is read and has no effect yet; each use is warned about.
    NotYet,
    /// It has nothing to act on here: another program's settings, or something that vrrpd does by itself.
    NoEffect,
    /// IPVS: skipped with one warning.
    Lvs,
    /// keepalived complains about it and so do we.
    Deprecated,
    /// vrrpd's own word, which keepalived does not know.
    Own,
}

const TOP_HONOURED: &[&str] = &[
    "global_defs",
    "vrrp_instance",
    "vrrp_sync_group",
    "vrrp_script",
];
const TOP_NOT_YET: &[&str] = &[
    "vrrp_track_process",
    "track_file",
    "vrrp_track_file",
    "static_ipaddress",
    "static_routes",
    "static_rules",
    "track_group",
    "garp_group",
    "linkbeat_interfaces",
    "linkbeat_use_polling",
    "interface_up_down_delays",
    "net_namespace",
    "instance",
    "use_pid_dir",
    "bfd_instance",
];
const TOP_NO_EFFECT: &[&str] = &[
    "child_wait_time",
    "namespace_with_ipsets",
    "net_namespace_ipvs",
];
const TOP_LVS: &[&str] = &[
    "virtual_server",
    "virtual_server_group",
    "real_server",
    "sorry_server",
    "SSL",
];

const GLOBAL_HONOURED: &[&str] = &[
    "router_id",
    "enable_script_security",
    "script_user",
    "dynamic_interfaces",
    "vrrp_version",
    "vrrp_strict",
    "vrrp_skip_check_adv_addr",
    "vrrp_check_unicast_src",
    "vrrp_mcast_group4",
    "vrrp_mcast_group6",
    "vrrp_garp_master_delay",
    "vrrp_garp_master_repeat",
    "vrrp_garp_master_refresh",
    "vrrp_garp_master_refresh_repeat",
    "vrrp_garp_lower_prio_delay",
    "vrrp_garp_lower_prio_repeat",
    "vrrp_garp_interval",
    "vrrp_gna_interval",
    "vrrp_min_garp",
    "vrrp_down_timer_adverts",
    "vrrp_lower_prio_no_advert",
    "vrrp_higher_prio_send_advert",
    "vrrp_startup_delay",
    "log_unknown_vrids",
    "v3_checksum_as_v2",
    "vrrp_rt_priority",
    "state_dump_file",
    "stats_dump_file",
    "json_dump_file",
    "json_version",
    "notification_email",
    "notification_email_from",
    "smtp_server",
    "smtp_connect_timeout",
    "smtp_helo_name",
    "no_email_faults",
    "smtp_alert",
    "smtp_alert_vrrp",
    "notify_fifo",
    "notify_fifo_script",
    "vrrp_notify_fifo",
    "vrrp_notify_fifo_script",
    "fifo_write_vrrp_states_on_reload",
    "vrrp_notify_priority_changes",
];
const GLOBAL_NOT_YET: &[&str] = &[
    "set_supplementary_groups",
    "use_symlink_paths",
    "startup_script",
    "shutdown_script",
    "startup_script_timeout",
    "shutdown_script_timeout",
    "default_interface",
    "vrrp_garp_extra_if",
    "vrrp_vmac_garp_intvl",
    "vrrp_owner_ignore_adverts",
    "vrrp_delay_after_boot",
    "vrrp_iptables",
    "vrrp_ipsets",
    "nftables",
    "nftables_priority",
    "nftables_counters",
    "nftables_ifindex",
    "disable_local_igmp",
    "vrrp_priority",
    "vrrp_no_swap",
    "vrrp_cpu_affinity",
    "vrrp_rlimit_rttime",
    "vrrp_rlimit_rtime",
    "process_names",
    "process_name",
    "vrrp_process_name",
    "umask",
    "vrrp_rx_bufs_policy",
    "vrrp_rx_bufs_multiplier",
    "enable_traps",
    "enable_snmp_vrrp",
    "enable_snmp_keepalived",
    "enable_snmp_rfc",
    "enable_snmp_rfcv2",
    "enable_snmp_rfcv3",
    "snmp_socket",
    "enable_dbus",
    "dbus_service_name",
    "dbus_no_interface_name",
    "vmac_prefix",
    "vmac_addr_prefix",
    "reload_check_config",
    "reload_time_file",
    "reload_repeat",
    "reload_file",
    "config_save_dir",
    "data_use_instance",
    "iproute_usr_dir",
    "iproute_etc_dir",
];
const GLOBAL_NO_EFFECT: &[&str] = &[
    "smtp_alert_checker",
    "lvs_notify_fifo",
    "lvs_notify_fifo_script",
    "nftables_ipvs",
    "nftables_ipvs_start_fwmark",
    "checker_priority",
    "checker_rt_priority",
    "checker_no_swap",
    "checker_cpu_affinity",
    "checker_rlimit_rttime",
    "checker_rlimit_rtime",
    "bfd_priority",
    "bfd_rt_priority",
    "bfd_no_swap",
    "bfd_cpu_affinity",
    "bfd_rlimit_rttime",
    "bfd_rlimit_rtime",
    "max_auto_priority",
    "min_auto_priority_delay",
    "checker_process_name",
    "lvs_process_name",
    "bfd_process_name",
    "vrrp_netlink_cmd_rcv_bufs",
    "vrrp_netlink_cmd_rcv_bufs_force",
    "vrrp_netlink_monitor_rcv_bufs",
    "vrrp_netlink_monitor_rcv_bufs_force",
    "process_monitor_rcv_bufs",
    "process_monitor_rcv_bufs_force",
    "lvs_netlink_cmd_rcv_bufs",
    "lvs_netlink_cmd_rcv_bufs_force",
    "lvs_netlink_monitor_rcv_bufs",
    "lvs_netlink_monitor_rcv_bufs_force",
    "enable_snmp_checker",
    "snmp_vs_stats_update_interval",
    "snmp_rs_stats_update_interval",
    "random_seed",
    "tmp_config_directory",
    "checker_log_all_failures",
    "lvs_timeouts",
    "lvs_flush",
    "lvs_flush_on_stop",
    "lvs_flush_onstop",
    "lvs_sync_daemon",
    "rs_init_notifies",
    "no_checker_emails",
];

const INSTANCE_HONOURED: &[&str] = &[
    "state",
    "interface",
    "virtual_router_id",
    "priority",
    "advert_int",
    "version",
    "nopreempt",
    "preempt",
    "preempt_delay",
    "down_timer_adverts",
    "skip_check_adv_addr",
    "strict_mode",
    "accept",
    "lower_prio_no_advert",
    "higher_prio_send_advert",
    "authentication",
    "unicast_peer",
    "unicast_src_ip",
    "unicast_ttl",
    "unicast_fault_no_peer",
    "check_unicast_src",
    "v3_checksum_as_v2",
    "mcast_src_ip",
    "mcast_dst_ip",
    "track_src_ip",
    "native_ipv6",
    "virtual_ipaddress",
    "virtual_ipaddress_excluded",
    "no_virtual_ipaddress",
    "garp_master_delay",
    "garp_master_repeat",
    "garp_master_refresh",
    "garp_master_refresh_repeat",
    "garp_lower_prio_delay",
    "garp_lower_prio_repeat",
    "track_interface",
    "dont_track_primary",
    "track_script",
    "notify_master",
    "notify_backup",
    "notify_fault",
    "notify_stop",
    "notify_deleted",
    "notify",
    "notify_master_rx_lower_pri",
    "notify_priority_changes",
    "smtp_alert",
];
const INSTANCE_NOT_YET: &[&str] = &[
    "vrf",
    "timer_expired_backup",
    "thread_timer_expired",
    "no_accept",
    "owner_ignore_adverts",
    "kernel_rx_buf_size",
    "old_unicast_checksum",
    "use_vmac",
    "use_vmac_addr",
    "vmac_xmit_base",
    "use_ipvlan",
    "promote_secondaries",
    "virtual_routes",
    "virtual_rules",
    "garp_extra_if",
    "vmac_garp_intvl",
    "track_file",
    "track_process",
    "track_bfd",
];
const INSTANCE_NO_EFFECT: &[&str] = &["debug"];

const INSTANCE_DEPRECATED: &[&str] = &["lvs_sync_daemon_interface", "linkbeat_use_polling"];
const INSTANCE_OWN: &[&str] = &["restore_addresses"];
const GLOBAL_OWN: &[&str] = &["probe", "realtime"];
const INCLUDES: &[&str] = &[
    "include",
    "includer",
    "includem",
    "includew",
    "includeb",
    "includea",
    "include_check",
];

const AUTHENTICATION_HONOURED: &[&str] = &["auth_type", "auth_pass"];

const GROUP_HONOURED: &[&str] = &[
    "group",
    "track_interface",
    "track_script",
    "sync_group_tracking_weight",
    "notify_master",
    "notify_backup",
    "notify_fault",
    "notify_stop",
    "notify",
    "global_tracking",
    "notify_priority_changes",
    "smtp_alert",
];
const GROUP_NOT_YET: &[&str] = &["track_file", "track_process", "track_bfd"];

const SCRIPT_HONOURED: &[&str] = &[
    "script",
    "interval",
    "timeout",
    "weight",
    "rise",
    "fall",
    "user",
    "init_fail",
];

const TABLE: &[(Scope, Support, &[&str])] = &[
    (Scope::Top, Support::Honoured, TOP_HONOURED),
    (Scope::Top, Support::NotYet, TOP_NOT_YET),
    (Scope::Top, Support::NoEffect, TOP_NO_EFFECT),
    (Scope::Top, Support::Lvs, TOP_LVS),
    (Scope::Global, Support::Honoured, GLOBAL_HONOURED),
    (Scope::Global, Support::NotYet, GLOBAL_NOT_YET),
    (Scope::Global, Support::NoEffect, GLOBAL_NO_EFFECT),
    (Scope::Instance, Support::Honoured, INSTANCE_HONOURED),
    (Scope::Instance, Support::NotYet, INSTANCE_NOT_YET),
    (Scope::Instance, Support::NotYet, &["auth_hmac"]),
    (Scope::Instance, Support::NoEffect, INSTANCE_NO_EFFECT),
    (Scope::Instance, Support::Deprecated, INSTANCE_DEPRECATED),
    (Scope::Instance, Support::Own, INSTANCE_OWN),
    (Scope::Global, Support::Own, GLOBAL_OWN),
    (Scope::Top, Support::Honoured, INCLUDES),
    (
        Scope::Authentication,
        Support::Honoured,
        AUTHENTICATION_HONOURED,
    ),
    (Scope::Group, Support::Honoured, GROUP_HONOURED),
    (Scope::Group, Support::NotYet, GROUP_NOT_YET),
    (Scope::Script, Support::Honoured, SCRIPT_HONOURED),
];

/// What becomes of a keyword in a scope; `None` where keepalived does not know it there.
#[must_use]
pub fn support(scope: Scope, keyword: &str) -> Option<Support> {
    TABLE
        .iter()
        .filter(|(at, ..)| *at == scope)
        .find(|(.., words)| words.contains(&keyword))
        .map(|(_, support, _)| *support)
}

impl Scope {
    /// Where it is, for a sentence.
    #[must_use]
    pub const fn place(self) -> &'static str {
        match self {
            Self::Top => "outside of any block",
            Self::Global => "in global_defs",
            Self::Instance => "in vrrp_instance",
            Self::Authentication => "in authentication",
            Self::Group => "in vrrp_sync_group",
            Self::Script => "in vrrp_script",
        }
    }
}

/// The scope where a keyword is known, where there is one.
#[must_use]
pub fn home(keyword: &str) -> Option<Scope> {
    all()
        .find(|(.., word)| *word == keyword)
        .map(|(scope, ..)| scope)
}

/// All keywords in the order of the list.
pub fn all() -> impl Iterator<Item = (Scope, Support, &'static str)> {
    TABLE
        .iter()
        .flat_map(|(scope, support, words)| words.iter().map(move |word| (*scope, *support, *word)))
}

/// The known word of a scope that a mistyped one most resembles.
#[must_use]
pub fn nearest(scope: Scope, typed: &str) -> Option<&'static str> {
    let limit = if typed.len() < 6 { 1 } else { 2 };
    all()
        .filter(|(at, ..)| *at == scope)
        .map(|(.., word)| (distance(typed, word), word))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, word)| word)
}

/// Number of single-character edits between two words, swaps of neighbours counted as one.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 2 {
        return usize::MAX;
    }
    let mut rows = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 {
                j
            } else if j == 0 {
                i
            } else {
                let substitute = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut best = substitute.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best = best.min(rows[i - 2][j - 2] + 1);
                }
                best
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the documentation is this list, in its order and place.
    #[test]
    fn documentation_and_list_are_in_step() {
        let text = include_str!("../../../docs/keepalived.md");
        let mut documented: Vec<(Scope, Support, &str)> = Vec::new();
        let mut support = None;
        for line in text.lines() {
            support = match line {
                line if line.starts_with("| where | honoured") => Some(Support::Honoured),
                line if line.starts_with("| where | not yet") => Some(Support::NotYet),
                line if line.starts_with("| where | without effect") => Some(Support::NoEffect),
                line if line.starts_with("| ") => support,
                "|---|---|" => support,
                _ => None,
            };
            let scope = [
                ("| outside", Scope::Top),
                ("| `global_defs`", Scope::Global),
                ("| `vrrp_instance`", Scope::Instance),
                ("| `authentication`", Scope::Authentication),
                ("| `vrrp_sync_group`", Scope::Group),
                ("| `vrrp_script`", Scope::Script),
            ];
            let scope = scope
                .iter()
                .find(|(start, _)| line.starts_with(start))
                .map(|(_, scope)| *scope);
            if let (Some(scope), Some(support)) = (scope, support) {
                let words = line
                    .split('|')
                    .nth(2)
                    .unwrap()
                    .split('`')
                    .skip(1)
                    .step_by(2);
                documented.extend(words.map(|word| (scope, support, word)));
            } else if let Some(start) = line.strip_prefix("Deprecated") {
                let words = start
                    .split('`')
                    .skip(1)
                    .step_by(2)
                    .filter(|word| *word != "vrrp_instance");
                documented.extend(words.map(|word| (Scope::Instance, Support::Deprecated, word)));
            } else if let Some(start) = line.strip_prefix("IPVS blocks") {
                documented.extend(
                    start
                        .split('`')
                        .skip(1)
                        .step_by(2)
                        .map(|word| (Scope::Top, Support::Lvs, word)),
                );
            }
        }
        let key = |entry: &(Scope, Support, &'static str)| {
            (entry.0, format!("{:?}", entry.1), entry.2.to_owned())
        };
        let mut listed: Vec<_> = all()
            .filter(|(_, support, _)| *support != Support::Own)
            .map(|entry| key(&entry))
            .collect();
        let mut documented: Vec<_> = documented
            .into_iter()
            .map(|(scope, support, word)| (scope, format!("{support:?}"), word.to_owned()))
            .collect();
        listed.sort();
        documented.sort();
        assert_eq!(listed, documented);
    }

    #[test]
    fn no_word_is_listed_twice_in_a_scope() {
        let mut words: Vec<_> = all().map(|(scope, _, word)| (scope, word)).collect();
        words.sort_unstable();
        assert!(words.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn slips_find_the_word_that_was_meant() {
        for (scope, typed, meant) in [
            (Scope::Instance, "priorty", Some("priority")),
            (Scope::Instance, "advert_in", Some("advert_int")),
            (Scope::Instance, "netify_backup", Some("notify_backup")),
            (Scope::Script, "intervael", Some("interval")),
            (Scope::Top, "vvrp_script", Some("vrrp_script")),
            (Scope::Instance, "pr\u{435}empt", Some("preempt")),
            (Scope::Instance, "nat_mask", None),
        ] {
            assert_eq!(nearest(scope, typed), meant, "{typed}");
        }
    }
}
