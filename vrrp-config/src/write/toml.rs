//! TOML. What the profile decides anyway is left out, so that a file says what is special about it.

use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::time::Duration;

use ::toml::Value;
use vrrp_proto::units::{AdvertInterval, Family, Priority, Version};

use super::quote::seconds;
use crate::plan::{
    AnnouncePlan, AuthPlan, ChecksumAccept, ChecksumForm, CommandPlan, Global, GroupPlan,
    JournalPlan, NotifyPlan, Plan, Profile, Realtime, RestoreAddresses, RouterPlan, ScriptPlan,
    TrackPlan, Transport, UserSpec, VipPlan,
};

/// The whole file.
pub(super) fn write(plan: &Plan) -> String {
    let mut text = Text::default();
    let rfc = plan.global.profile == Profile::Rfc9568;
    global(&plan.global, &mut text);
    for entry in &plan.scripts {
        script(entry, &mut text);
    }
    for entry in &plan.routers {
        router(entry, plan, rfc, &mut text);
    }
    for entry in &plan.groups {
        group(entry, plan, &mut text);
    }
    text.0
}

/// Fields and tables.
#[derive(Default)]
struct Text(String);

impl Text {
    fn field(&mut self, name: &str, value: impl fmt::Display) {
        // Writing into a string cannot fail.
        let _ = writeln!(self.0, "{name} = {value}");
    }

    /// A field whose usual value says nothing.
    fn unless<T: PartialEq + fmt::Display>(&mut self, name: &str, value: T, usual: T) {
        if value != usual {
            self.field(name, value);
        }
    }

    fn time(&mut self, name: &str, value: Duration, usual: Duration) {
        if value != usual {
            self.field(name, seconds(value));
        }
    }

    fn table(&mut self, head: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        let _ = writeln!(self.0, "{head}");
    }

    /// A table that is left out where nothing stands in it.
    fn optional_table(&mut self, head: &str, inside: Self) {
        if !inside.0.is_empty() {
            self.table(head);
            self.0.push_str(&inside.0);
        }
    }
}

fn string(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

fn list(entries: impl Iterator<Item = String>) -> String {
    let entries: Vec<String> = entries.collect();
    let width: usize = entries.iter().map(|entry| entry.len() + 2).sum();
    if width <= 90 {
        return format!("[{}]", entries.join(", "));
    }
    format!("[\n    {},\n]", entries.join(",\n    "))
}

fn user(user: &UserSpec) -> String {
    match &user.group {
        Some(group) => string(&format!("{}:{group}", user.user)),
        None => string(&user.user),
    }
}

fn global(global: &Global, text: &mut Text) {
    if global.profile == Profile::Keepalived {
        text.field("profile", "\"keepalived\"");
    }
    if let Some(id) = &global.router_id {
        text.field("router_id", string(id));
    }
    if let Some(spec) = &global.script_user {
        text.field("script_user", user(spec));
    }
    text.unless("script_security", global.script_security, true);
    text.unless("dynamic_interfaces", global.dynamic_interfaces, false);
    text.time("startup_delay", global.startup_delay, Duration::ZERO);
    text.unless("log_unknown_vrids", global.log_unknown_vrids, false);
    match global.realtime {
        Realtime::Off => text.field("realtime", "\"off\""),
        Realtime::Fifo(priority) => text.unless("realtime", priority, 1),
    }
    text.unless("probe", global.probe, true);
    text.unless("fifo_states_on_reload", global.fifo_states_on_reload, false);
    text.unless("fast_fail", global.fast_fail.is_some(), false);
    if let Some(priority) = global.fast_fail.and_then(|fast| fast.peer_priority) {
        text.field("peer_priority", priority.as_u8());
    }
    let mut mail = Text::default();
    if !global.mail.to.is_empty() {
        mail.field("to", list(global.mail.to.iter().map(|to| string(to))));
    }
    for (name, value) in [("from", &global.mail.from), ("server", &global.mail.server)] {
        if let Some(value) = value {
            mail.field(name, string(value));
        }
    }
    if let Some(timeout) = global.mail.timeout {
        mail.field("timeout", seconds(timeout));
    }
    if let Some(helo) = &global.mail.helo {
        mail.field("helo", string(helo));
    }
    mail.unless("no_faults", global.mail.no_faults, false);
    text.optional_table("[mail]", mail);
    surroundings(global, text);
    if let Some(bytes) = global.ring_bytes {
        text.table("[recorder]");
        text.field("megabytes", bytes >> 20);
    }
    let (own, usual) = (global.journal, JournalPlan::default());
    let mut journal = Text::default();
    journal.unless("megabytes", own.bytes / 1_000_000, usual.bytes / 1_000_000);
    journal.unless(
        "days",
        own.age.as_secs() / 86_400,
        usual.age.as_secs() / 86_400,
    );
    journal.unless("free_percent", own.free_percent, usual.free_percent);
    text.optional_table("[journal]", journal);
    if let Some(address) = global.metrics {
        text.table("[metrics]");
        text.field("listen", string(&address.to_string()));
    }
}

/// Dumps and FIFOs.
fn surroundings(global: &Global, text: &mut Text) {
    let files = &global.dump;
    let mut dump = Text::default();
    for (name, path) in [
        ("data", &files.data),
        ("stats", &files.stats),
        ("json", &files.json),
    ] {
        if let Some(path) = path {
            dump.field(name, string(path));
        }
    }
    dump.unless("json_version", files.json_version, 1);
    text.optional_table("[dump]", dump);
    for fifo in &global.fifos {
        text.table("[[fifo]]");
        text.field("path", string(&fifo.path));
        if let Some(owner) = &fifo.owner {
            text.field("owner", user(owner));
        }
        if let Some(script) = &fifo.script {
            text.field("script", notify_command(script));
        }
    }
}

/// A command as a list of words, which nobody splits or unquotes; one for a shell as its text.
fn command(command: &CommandPlan) -> String {
    if command.shell {
        return string(&command.argv.concat());
    }
    let plain = |word: &String| {
        !word.is_empty()
            && word
                .chars()
                .all(|c| c.is_ascii_graphic() && !matches!(c, '\'' | '"' | '\\'))
    };
    if command.argv.iter().all(plain) {
        return string(&command.argv.join(" "));
    }
    list(command.argv.iter().map(|word| string(word)))
}

fn script(script: &ScriptPlan, text: &mut Text) {
    text.table("[[script]]");
    text.field("name", string(&script.name));
    text.field("command", command(&script.command));
    text.unless("shell", script.command.shell, false);
    if let Some(spec) = &script.command.user {
        text.field("user", user(spec));
    }
    text.time("interval", script.interval, Duration::from_secs(1));
    text.time("timeout", script.timeout, script.interval);
    text.unless("rise", script.rise, 1);
    text.unless("fall", script.fall, 1);
    text.unless("weight", script.weight, 0);
    text.unless("reverse", script.reverse, false);
    text.unless("init_fail", script.init_fail, false);
}

fn router(router: &RouterPlan, plan: &Plan, rfc: bool, text: &mut Text) {
    text.table("[[router]]");
    text.field("name", string(&router.name));
    text.field("interface", string(&router.interface));
    text.field("vrid", router.vrid);
    if router.addresses.is_empty() && router.family == Family::V6 {
        text.field("family", "\"ipv6\"");
    }
    let version = match router.version {
        Version::V2 => 2,
        Version::V3 => 3,
    };
    let usual = if rfc || router.family == Family::V6 {
        3
    } else {
        2
    };
    text.unless("version", version, usual);
    text.unless("interoperate", router.interoperate, false);
    let owner = router.priority.is_owner();
    text.unless("wanted_master", router.wanted_master, owner);
    let priority = router.priority.as_u8();
    text.unless("priority", priority, Priority::DEFAULT.as_u8());
    let usual = AdvertInterval::DEFAULT.as_duration();
    text.time("interval", router.interval.as_duration(), usual);
    text.unless("preempt", router.preempt, true);
    text.time("preempt_delay", router.preempt_delay, Duration::ZERO);
    text.unless("down_adverts", router.down_adverts, 3);
    let answers = !rfc || router.version == Version::V3;
    text.unless("answer_lower", router.answer_lower, answers);
    text.unless("advert_before_yield", router.advert_before_yield, false);
    text.field("addresses", list(router.addresses.iter().map(address)));
    if !router.excluded.is_empty() {
        text.field("excluded", list(router.excluded.iter().map(address)));
    }
    if let Some(source) = router.source {
        text.field("source", string(&source.to_string()));
        text.unless("track_source", router.track_source, true);
    }
    strictness(router, rfc, text);
    text.unless("dont_track_primary", router.dont_track_primary, false);
    tracks(
        &router.track_scripts,
        &router.track_interfaces,
        &plan.scripts,
        text,
    );
    text.unless("smtp_alert", router.smtp_alert, false);
    match router.restore_addresses {
        RestoreAddresses::On => {}
        RestoreAddresses::Bounce => text.field("restore_addresses", "\"bounce\""),
        RestoreAddresses::Off => text.field("restore_addresses", "\"off\""),
    }
    multicast(router, text);
    authentication(&router.auth, text);
    unicast(router, rfc, text);
    text.optional_table("[router.announce]", announce(&router.announce, rfc));
    text.optional_table("[router.notify]", notify(&router.notify));
}

/// What is compared and insisted on.
fn strictness(router: &RouterPlan, rfc: bool, text: &mut Text) {
    text.unless("check_addresses", router.check_addresses, true);
    let form = |form: ChecksumForm| match form {
        ChecksumForm::Message => "\"message\"",
        ChecksumForm::PseudoHeader => "\"pseudo_header\"",
    };
    let usual = if rfc {
        ChecksumForm::Message
    } else {
        ChecksumForm::PseudoHeader
    };
    text.unless("checksum_send", form(router.checksum_send), form(usual));
    if let ChecksumAccept::Only(only) = router.checksum_accept {
        text.field("checksum_accept", form(only));
    }
    for (name, value) in [
        ("require_link_local_first", router.require_link_local_first),
        (
            "require_link_local_source",
            router.require_link_local_source,
        ),
        ("owner_discards_v2", router.owner_discards_v2),
    ] {
        text.unless(name, value, rfc);
    }
}

fn authentication(auth: &AuthPlan, text: &mut Text) {
    let (method, key) = match auth {
        AuthPlan::None => return,
        AuthPlan::Pass(key) => ("pass", key),
        AuthPlan::Ah(key) => ("ah", key),
    };
    let password = String::from_utf8_lossy(key);
    text.table("[router.auth]");
    text.field("method", string(method));
    text.field("password", string(password.trim_end_matches('\0')));
}

fn multicast(router: &RouterPlan, text: &mut Text) {
    let Transport::Multicast { group } = router.transport else {
        return;
    };
    let usual = match router.family {
        Family::V4 => IpAddr::from([224, 0, 0, 18]),
        Family::V6 => IpAddr::from([0xff02, 0, 0, 0, 0, 0, 0, 0x12]),
    };
    if group != usual {
        text.field("multicast_group", string(&group.to_string()));
    }
}

fn unicast(router: &RouterPlan, rfc: bool, text: &mut Text) {
    let Transport::Unicast {
        peers,
        ttl,
        check_source,
        fault_without_peer,
    } = &router.transport
    else {
        return;
    };
    text.table("[router.unicast]");
    let least = if rfc { 255 } else { 0 };
    let peers = peers.iter().map(|peer| {
        let mut entry = string(&peer.address.to_string());
        if peer.min_ttl == least && peer.max_ttl == 255 {
            return entry;
        }
        entry.insert_str(0, "{ address = ");
        if peer.min_ttl != least {
            let _ = write!(entry, ", min_ttl = {}", peer.min_ttl);
        }
        if peer.max_ttl != 255 {
            let _ = write!(entry, ", max_ttl = {}", peer.max_ttl);
        }
        entry + " }"
    });
    text.field("peers", list(peers));
    let usual = if rfc || router.family == Family::V4 {
        255
    } else {
        64
    };
    text.unless("ttl", *ttl, usual);
    text.unless("check_source", *check_source, rfc);
    text.unless("fault_without_peer", *fault_without_peer, false);
}

fn address(vip: &VipPlan) -> String {
    let plain = VipPlan::plain(vip.address, Some(vip.prefix));
    let longest = if vip.address.is_ipv4() { 32 } else { 128 };
    let mut text = vip.address.to_string();
    if vip.prefix != longest {
        let _ = write!(text, "/{}", vip.prefix);
    }
    let text = string(&text);
    if *vip == plain {
        return text;
    }
    let mut fields = vec![format!("address = {text}")];
    let texts = [
        ("interface", vip.interface.clone()),
        (
            "broadcast",
            vip.broadcast.map(|broadcast| broadcast.to_string()),
        ),
        ("label", vip.label.clone()),
        (
            "peer",
            vip.peer.map(|(peer, prefix)| format!("{peer}/{prefix}")),
        ),
    ];
    for (name, value) in texts {
        fields.extend(value.map(|value| format!("{name} = {}", string(&value))));
    }
    if vip.scope != plain.scope {
        fields.push(format!("scope = {}", vip.scope));
    }
    if vip.preferred_lifetime != plain.preferred_lifetime {
        fields.push(format!("preferred_lifetime = {}", vip.preferred_lifetime));
    }
    for (name, value, usual) in [
        ("dad", vip.dad, false),
        ("home", vip.home, false),
        ("manage_temporary", vip.manage_temporary, false),
        ("autojoin", vip.autojoin, false),
        ("no_prefix_route", vip.no_prefix_route, false),
        ("track", vip.track, true),
    ] {
        if value != usual {
            fields.push(format!("{name} = {value}"));
        }
    }
    format!("{{ {} }}", fields.join(", "))
}

fn announce(plan: &AnnouncePlan, rfc: bool) -> Text {
    let mut text = Text::default();
    let (delay, repeat, lower_delay) = if rfc { (2, 1, 0) } else { (5, 5, 5) };
    text.time("delay", plan.delay, Duration::from_secs(delay));
    text.unless("repeat", plan.repeat, repeat);
    text.time("refresh", plan.refresh, Duration::ZERO);
    text.unless("refresh_repeat", plan.refresh_repeat, 1);
    text.time(
        "lower_delay",
        plan.lower_delay,
        Duration::from_secs(lower_delay),
    );
    text.unless("lower_repeat", plan.lower_repeat, repeat);
    text.time("arp_interval", plan.arp_interval, Duration::ZERO);
    text.time("na_interval", plan.na_interval, Duration::ZERO);
    text.unless("arp_target_broadcast", plan.arp_target_broadcast, !rfc);
    text.unless("na_router_flag", plan.na_router_flag, rfc);
    text
}

fn tracks(scripts: &[TrackPlan], interfaces: &[TrackPlan], known: &[ScriptPlan], text: &mut Text) {
    let own = |name: &str| {
        let script = known.iter().find(|script| script.name == name);
        script.map_or((0, false), |script| (script.weight, script.reverse))
    };
    if !scripts.is_empty() {
        let entries = scripts.iter().map(|track| entry(track, own(&track.name)));
        text.field("track_scripts", list(entries));
    }
    if !interfaces.is_empty() {
        let entries = interfaces.iter().map(|track| entry(track, (0, false)));
        text.field("track_interfaces", list(entries));
    }
}

fn entry(track: &TrackPlan, (weight, reverse): (i16, bool)) -> String {
    let mut fields = vec![format!("name = {}", string(&track.name))];
    if track.weight != weight {
        fields.push(format!("weight = {}", track.weight));
    }
    if track.reverse != reverse {
        fields.push(format!("reverse = {}", track.reverse));
    }
    if fields.len() == 1 {
        return string(&track.name);
    }
    format!("{{ {} }}", fields.join(", "))
}

fn notify(notify: &NotifyPlan) -> Text {
    let mut text = Text::default();
    for (name, plan) in [
        ("master", &notify.master),
        ("backup", &notify.backup),
        ("fault", &notify.fault),
        ("stop", &notify.stop),
        ("deleted", &notify.deleted),
        ("any", &notify.any),
        ("lower_heard", &notify.lower_heard),
    ] {
        if let Some(plan) = plan {
            text.field(name, notify_command(plan));
        }
    }
    text.unless("priority_changes", notify.priority_changes, false);
    text
}

fn notify_command(plan: &CommandPlan) -> String {
    let written = command(plan);
    if plan.user.is_none() && !plan.shell && written.starts_with('"') {
        return written;
    }
    let mut fields = vec![format!("command = {written}")];
    if plan.shell {
        fields.push(String::from("shell = true"));
    }
    let user = plan.user.as_ref();
    fields.extend(user.map(|spec| format!("user = {}", self::user(spec))));
    format!("{{ {} }}", fields.join(", "))
}

fn group(group: &GroupPlan, plan: &Plan, text: &mut Text) {
    text.table("[[group]]");
    text.field("name", string(&group.name));
    text.field(
        "members",
        list(group.members.iter().map(|member| string(member))),
    );
    tracks(
        &group.track_scripts,
        &group.track_interfaces,
        &plan.scripts,
        text,
    );
    text.unless("tracking_weight", group.tracking_weight, false);
    text.unless("smtp_alert", group.smtp_alert, false);
    text.optional_table("[group.notify]", notify(&group.notify));
}
