//! keepalived's language. Defaults of keepalived are left out; what it has no word for is left out too, and told by the
//! comparison in the parent.

use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::time::Duration;

use vrrp_proto::units::{AdvertInterval, Family, Version};

use super::quote::{command, seconds, word};
use crate::plan::{
    AuthPlan, ChecksumForm, CommandPlan, Global, GroupPlan, NotifyPlan, Plan, Realtime,
    RestoreAddresses, RouterPlan, ScriptPlan, TrackPlan, Transport, UserSpec, VipPlan,
};

/// The whole file.
pub(super) fn write(plan: &Plan) -> String {
    let mut text = Text::default();
    global(&plan.global, plan, &mut text);
    for entry in &plan.scripts {
        script(entry, &mut text);
    }
    for entry in &plan.routers {
        router(entry, plan, &mut text);
    }
    for entry in &plan.groups {
        group(entry, plan, &mut text);
    }
    text.0
}

/// Lines and blocks.
#[derive(Default)]
struct Text(String, usize);

impl Text {
    fn line(&mut self, line: impl fmt::Display) {
        // Writing into a string cannot fail.
        let _ = writeln!(self.0, "{:indent$}{line}", "", indent = 4 * self.1);
    }

    fn block(&mut self, head: impl fmt::Display, inside: impl FnOnce(&mut Self)) {
        if self.1 == 0 && !self.0.is_empty() {
            self.0.push('\n');
        }
        self.line(format_args!("{head} {{"));
        self.1 += 1;
        inside(self);
        self.1 -= 1;
        self.line("}");
    }

    fn flag(&mut self, set: bool, line: &str) {
        if set {
            self.line(line);
        }
    }
}

fn global(global: &Global, plan: &Plan, text: &mut Text) {
    let mut inside = Text(String::new(), 1);
    if let Some(id) = &global.router_id {
        inside.line(format_args!("router_id {}", word(id)));
    }
    let mail = &global.mail;
    if !mail.to.is_empty() {
        inside.block("notification_email", |inside| {
            for address in &mail.to {
                inside.line(word(address));
            }
        });
    }
    if let Some(from) = &mail.from {
        inside.line(format_args!("notification_email_from {}", word(from)));
    }
    if let Some(server) = &mail.server {
        inside.line(format_args!("smtp_server {server}"));
    }
    if let Some(timeout) = mail.timeout {
        inside.line(format_args!("smtp_connect_timeout {}", seconds(timeout)));
    }
    if let Some(helo) = &mail.helo {
        inside.line(format_args!("smtp_helo_name {}", word(helo)));
    }
    inside.flag(mail.no_faults, "no_email_faults");
    if let Some(user) = &global.script_user {
        inside.line(format_args!("script_user {}", user_words(user)));
    }
    inside.flag(global.script_security, "enable_script_security");
    inside.flag(global.dynamic_interfaces, "dynamic_interfaces");
    if !global.startup_delay.is_zero() {
        let delay = seconds(global.startup_delay);
        inside.line(format_args!("vrrp_startup_delay {delay}"));
    }
    inside.flag(global.log_unknown_vrids, "log_unknown_vrids");
    match global.realtime {
        Realtime::Off => inside.line("realtime off"),
        Realtime::Fifo(1) => {}
        Realtime::Fifo(priority) => inside.line(format_args!("vrrp_rt_priority {priority}")),
    }
    inside.flag(!global.probe, "probe off");
    surroundings(global, &mut inside);
    // keepalived has these for all routers together.
    if let Some(first) = plan.routers.first() {
        let gaps = [
            ("vrrp_garp_interval", first.announce.arp_interval),
            ("vrrp_gna_interval", first.announce.na_interval),
        ];
        for (keyword, gap) in gaps {
            if !gap.is_zero() {
                inside.line(format_args!("{keyword} {}", seconds(gap)));
            }
        }
    }
    if !inside.0.is_empty() {
        text.block("global_defs", |text| text.0.push_str(&inside.0));
    }
}

/// Dumps and FIFOs; keepalived has two FIFOs at most.
fn surroundings(global: &Global, text: &mut Text) {
    let dump = &global.dump;
    for (keyword, path) in [
        ("state_dump_file", &dump.data),
        ("stats_dump_file", &dump.stats),
        ("json_dump_file", &dump.json),
    ] {
        if let Some(path) = path {
            text.line(format_args!("{keyword} {}", word(path)));
        }
    }
    if dump.json_version != 1 {
        text.line(format_args!("json_version {}", dump.json_version));
    }
    for (prefix, fifo) in ["", "vrrp_"].into_iter().zip(&global.fifos) {
        let path = word(&fifo.path);
        let owner = fifo.owner.as_ref().map(user_words);
        let owner = owner.map_or_else(String::new, |owner| format!(" {owner}"));
        text.line(format_args!("{prefix}notify_fifo {path}{owner}"));
        if let Some(script) = &fifo.script {
            let keyword = format!("{prefix}notify_fifo_script");
            notify_command(&keyword, script, text);
        }
    }
    text.flag(
        global.fifo_states_on_reload,
        "fifo_write_vrrp_states_on_reload",
    );
}

fn user_words(user: &UserSpec) -> String {
    let words = [Some(&user.user), user.group.as_ref()];
    let words: Vec<String> = words.into_iter().flatten().map(|text| word(text)).collect();
    words.join(" ")
}

fn script(script: &ScriptPlan, text: &mut Text) {
    text.block(format_args!("vrrp_script {}", word(&script.name)), |text| {
        text.line(format_args!("script {}", command(&script.command)));
        if let Some(user) = &script.command.user {
            text.line(format_args!("user {}", user_words(user)));
        }
        if script.interval != Duration::from_secs(1) {
            text.line(format_args!("interval {}", seconds(script.interval)));
        }
        if script.timeout != script.interval {
            text.line(format_args!("timeout {}", seconds(script.timeout)));
        }
        for (keyword, count) in [("rise", script.rise), ("fall", script.fall)] {
            if count != 1 {
                text.line(format_args!("{keyword} {count}"));
            }
        }
        if script.weight != 0 || script.reverse {
            let reverse = if script.reverse { " reverse" } else { "" };
            text.line(format_args!("weight {}{reverse}", script.weight));
        }
        text.flag(script.init_fail, "init_fail");
    });
}

fn router(router: &RouterPlan, plan: &Plan, text: &mut Text) {
    text.block(
        format_args!("vrrp_instance {}", word(&router.name)),
        |text| {
            let state = if router.wanted_master {
                "MASTER"
            } else {
                "BACKUP"
            };
            text.line(format_args!("state {state}"));
            text.line(format_args!("interface {}", word(&router.interface)));
            text.line(format_args!("virtual_router_id {}", router.vrid));
            text.line(format_args!("priority {}", router.priority.as_u8()));
            if router.family == Family::V4 && router.version == Version::V3 {
                text.line("version 3");
            }
            if router.interval != AdvertInterval::DEFAULT {
                let interval = seconds(router.interval.as_duration());
                text.line(format_args!("advert_int {interval}"));
            }
            election(router, text);
            authentication(&router.auth, text);
            transport(router, text);
            addresses("virtual_ipaddress", &router.addresses, text);
            addresses("virtual_ipaddress_excluded", &router.excluded, text);
            announcements(router, text);
            text.flag(router.dont_track_primary, "dont_track_primary");
            tracks(
                &router.track_scripts,
                &router.track_interfaces,
                &plan.scripts,
                text,
            );
            notify(&router.notify, text);
            text.flag(router.smtp_alert, "smtp_alert");
            match router.restore_addresses {
                RestoreAddresses::On => {}
                RestoreAddresses::Bounce => text.line("restore_addresses bounce"),
                RestoreAddresses::Off => text.line("restore_addresses off"),
            }
        },
    );
}

fn election(router: &RouterPlan, text: &mut Text) {
    text.flag(!router.preempt, "nopreempt");
    if !router.preempt_delay.is_zero() {
        let delay = seconds(router.preempt_delay);
        text.line(format_args!("preempt_delay {delay}"));
    }
    if router.down_adverts != 3 {
        text.line(format_args!("down_timer_adverts {}", router.down_adverts));
    }
    text.flag(!router.answer_lower, "lower_prio_no_advert");
    text.flag(router.advert_before_yield, "higher_prio_send_advert");
    text.flag(!router.check_addresses, "skip_check_adv_addr");
    text.flag(
        router.checksum_send == ChecksumForm::Message,
        "v3_checksum_as_v2",
    );
}

fn authentication(auth: &AuthPlan, text: &mut Text) {
    let (method, key) = match auth {
        AuthPlan::None => return,
        AuthPlan::Pass(key) => ("PASS", key),
        AuthPlan::Ah(key) => ("AH", key),
    };
    let password = String::from_utf8_lossy(key);
    text.block("authentication", |text| {
        text.line(format_args!("auth_type {method}"));
        text.line(format_args!(
            "auth_pass {}",
            word(password.trim_end_matches('\0'))
        ));
    });
}

fn transport(router: &RouterPlan, text: &mut Text) {
    match &router.transport {
        Transport::Multicast { group } => {
            let usual = match router.family {
                Family::V4 => IpAddr::from([224, 0, 0, 18]),
                Family::V6 => IpAddr::from([0xff02, 0, 0, 0, 0, 0, 0, 0x12]),
            };
            if *group != usual {
                text.line(format_args!("mcast_dst_ip {group}"));
            }
            if let Some(source) = router.source {
                text.line(format_args!("mcast_src_ip {source}"));
                text.flag(router.track_source, "track_src_ip");
            }
        }
        Transport::Unicast {
            peers,
            ttl,
            check_source,
            fault_without_peer,
        } => {
            if let Some(source) = router.source {
                text.line(format_args!("unicast_src_ip {source}"));
                // Tracked in any case where there are peers.
                text.flag(router.track_source && peers.is_empty(), "track_src_ip");
            }
            if !peers.is_empty() {
                text.block("unicast_peer", |text| {
                    for peer in peers {
                        let mut line = peer.address.to_string();
                        if peer.min_ttl != 0 {
                            let _ = write!(line, " min_ttl {}", peer.min_ttl);
                        }
                        if peer.max_ttl != 255 {
                            let _ = write!(line, " max_ttl {}", peer.max_ttl);
                        }
                        text.line(line);
                    }
                });
            }
            let usual = if router.family == Family::V4 { 255 } else { 64 };
            if *ttl != usual {
                text.line(format_args!("unicast_ttl {ttl}"));
            }
            text.flag(*check_source, "check_unicast_src");
            text.flag(*fault_without_peer, "unicast_fault_no_peer");
        }
    }
}

fn addresses(keyword: &str, addresses: &[VipPlan], text: &mut Text) {
    if addresses.is_empty() {
        return;
    }
    text.block(keyword, |text| {
        for vip in addresses {
            text.line(address(vip));
        }
    });
}

fn address(vip: &VipPlan) -> String {
    let plain = VipPlan::plain(vip.address, Some(vip.prefix));
    let longest = if vip.address.is_ipv4() { 32 } else { 128 };
    let mut line = vip.address.to_string();
    if vip.prefix != longest {
        let _ = write!(line, "/{}", vip.prefix);
    }
    let mut add = |words: fmt::Arguments<'_>| {
        let _ = write!(line, " {words}");
    };
    if let Some(interface) = &vip.interface {
        add(format_args!("dev {}", word(interface)));
    }
    if let Some(broadcast) = vip.broadcast {
        add(format_args!("brd {broadcast}"));
    }
    match vip.scope {
        0 => {}
        200 => add(format_args!("scope site")),
        253 => add(format_args!("scope link")),
        254 => add(format_args!("scope host")),
        255 => add(format_args!("scope nowhere")),
        other => add(format_args!("scope {other}")),
    }
    if let Some(label) = &vip.label {
        add(format_args!("label {}", word(label)));
    }
    if let Some((peer, prefix)) = vip.peer {
        add(format_args!("peer {peer}/{prefix}"));
    }
    if vip.preferred_lifetime == u32::MAX && plain.preferred_lifetime != u32::MAX {
        add(format_args!("preferred_lft forever"));
    } else if vip.preferred_lifetime != plain.preferred_lifetime {
        add(format_args!("preferred_lft {}", vip.preferred_lifetime));
    }
    for (set, flag) in [
        (vip.dad, "-nodad"),
        (vip.home, "home"),
        (vip.manage_temporary, "mngtmpaddr"),
        (vip.autojoin, "autojoin"),
        (vip.no_prefix_route, "noprefixroute"),
        (!vip.track, "no_track"),
    ] {
        if set {
            add(format_args!("{flag}"));
        }
    }
    line
}

fn announcements(router: &RouterPlan, text: &mut Text) {
    let plan = &router.announce;
    let whole = |time: Duration| seconds(time);
    let values = [
        ("garp_master_delay", whole(plan.delay), "5"),
        ("garp_master_repeat", plan.repeat.to_string(), "5"),
        ("garp_master_refresh", whole(plan.refresh), "0"),
        (
            "garp_master_refresh_repeat",
            plan.refresh_repeat.to_string(),
            "1",
        ),
        ("garp_lower_prio_delay", whole(plan.lower_delay), "5"),
        ("garp_lower_prio_repeat", plan.lower_repeat.to_string(), "5"),
    ];
    for (keyword, value, usual) in values {
        if value != usual {
            text.line(format_args!("{keyword} {value}"));
        }
    }
}

fn tracks(scripts: &[TrackPlan], interfaces: &[TrackPlan], known: &[ScriptPlan], text: &mut Text) {
    let own = |name: &str| {
        let script = known.iter().find(|script| script.name == name);
        script.map_or((0, false), |script| (script.weight, script.reverse))
    };
    if !scripts.is_empty() {
        text.block("track_script", |text| {
            for track in scripts {
                text.line(track_line(track, own(&track.name)));
            }
        });
    }
    if !interfaces.is_empty() {
        text.block("track_interface", |text| {
            for track in interfaces {
                text.line(track_line(track, (0, false)));
            }
        });
    }
}

/// An entry with what differs from the tracked object's own weight.
fn track_line(track: &TrackPlan, (weight, reverse): (i16, bool)) -> String {
    let mut line = word(&track.name);
    if track.weight != weight {
        let _ = write!(line, " weight {}", track.weight);
    }
    if track.reverse != reverse {
        line.push_str(if track.reverse {
            " reverse"
        } else {
            " noreverse"
        });
    }
    line
}

fn notify(notify: &NotifyPlan, text: &mut Text) {
    let commands: [(&str, &Option<CommandPlan>); 7] = [
        ("notify_master", &notify.master),
        ("notify_backup", &notify.backup),
        ("notify_fault", &notify.fault),
        ("notify_stop", &notify.stop),
        ("notify_deleted", &notify.deleted),
        ("notify", &notify.any),
        ("notify_master_rx_lower_pri", &notify.lower_heard),
    ];
    for (keyword, plan) in commands {
        if let Some(plan) = plan {
            notify_command(keyword, plan, text);
        }
    }
    text.flag(notify.priority_changes, "notify_priority_changes");
}

fn notify_command(keyword: &str, plan: &CommandPlan, text: &mut Text) {
    let user = plan.user.as_ref().map(user_words);
    let behind = user.map_or_else(String::new, |user| format!(" {user}"));
    text.line(format_args!("{keyword} {}{behind}", command(plan)));
}

fn group(group: &GroupPlan, plan: &Plan, text: &mut Text) {
    text.block(
        format_args!("vrrp_sync_group {}", word(&group.name)),
        |text| {
            text.block("group", |text| {
                for member in &group.members {
                    text.line(word(member));
                }
            });
            tracks(
                &group.track_scripts,
                &group.track_interfaces,
                &plan.scripts,
                text,
            );
            text.flag(group.tracking_weight, "sync_group_tracking_weight");
            notify(&group.notify, text);
            text.flag(group.smtp_alert, "smtp_alert");
        },
    );
}
