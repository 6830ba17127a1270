//! keepalived.data: sections of text that monitoring reads with regular expressions.

use std::fmt::{self, Write as _};

use vrrp_config::plan::{AuthPlan, GroupPlan, TrackPlan, Transport};
use vrrp_proto::units::{Family, Version};
use vrrp_record::event::TrackerState;
use vrrp_record::status::{LedgerEntry, Script};
use vrrp_record::words::{FaultSet, Word};

use super::interfaces::Interface;
use super::text::{self, enabled, yes};
use super::{Inputs, Subject, global};
use crate::notify::Commands;
use crate::runner::Program;
use crate::track::Settings;

/// A text that grows by lines.
pub(super) struct Text(pub(super) String);

impl Text {
    /// Adds a line, with its newline.
    pub(super) fn line(&mut self, line: fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{line}");
    }
}

macro_rules! line {
    ($text:expr, $($argument:tt)*) => {
        $text.line(format_args!($($argument)*))
    };
}
pub(super) use line;

/// The whole dump.
pub(super) fn text(inputs: &Inputs, interfaces: &[Interface]) -> String {
    let mut text = Text(global::section(inputs));
    let routers: Vec<Subject<'_>> = inputs.routers().collect();
    section(
        &mut text,
        "VRRP Topology",
        routers.iter(),
        |text, router| {
            instance(text, inputs, router, interfaces);
        },
    );
    let groups = inputs.plan.groups.iter().zip(&inputs.group_commands);
    section(&mut text, "VRRP Sync groups", groups, |text, group| {
        sync_group(text, &routers, group);
    });
    section(
        &mut text,
        "VRRP Scripts",
        inputs.scripts.iter(),
        |text, script| track_script(text, inputs, script),
    );
    section(
        &mut text,
        "Interfaces",
        interfaces.iter(),
        |text, interface| {
            self::interface(text, &routers, interface);
        },
    );
    text.0
}

/// A section; without entries it is left out.
fn section<T>(
    text: &mut Text,
    name: &str,
    entries: impl Iterator<Item = T>,
    mut write: impl FnMut(&mut Text, T),
) {
    for (number, entry) in entries.enumerate() {
        if number == 0 {
            line!(text, "------< {name} >------");
        }
        write(text, entry);
    }
}

fn instance(text: &mut Text, inputs: &Inputs, router: &Subject<'_>, interfaces: &[Interface]) {
    let Subject {
        plan, core, status, ..
    } = router;
    line!(text, " VRRP Instance = {}", plan.name);
    let version = if plan.version == Version::V2 { 2 } else { 3 };
    line!(text, "   VRRP Version = {version}");
    let groups = &mut inputs.plan.groups.iter();
    if let Some(group) = groups.find(|group| group.members.contains(&plan.name)) {
        line!(text, "   Sync group = {}", group.name);
    }
    if plan.family == Family::V6 {
        line!(text, "   Using Native IPv6");
    }
    line!(text, "   State = {}", status.state);
    if let (Word::Backup, Some(peer)) = (status.state, core.router.peer) {
        line!(text, "   Master router = {}", peer.address);
        line!(text, "   Master priority = {}", peer.priority.as_u8());
    }
    flags(text, router);
    line!(text, "   Wantstate = {}", text::wanted(router));
    let entries = &status.priority.entries;
    let (faults, pending) = (
        faults(router),
        entries.iter().filter(|e| is_pending(e)).count(),
    );
    line!(text, "   Number of config faults = 0");
    line!(
        text,
        "   Number of interface and track script faults = {faults}"
    );
    line!(text, "   Number of track scripts init = {pending}");
    let since = inputs.unix_micros(core.router.since);
    line!(text, "   Last transition = {}", text::time(since));
    if let Some(at) = core.router.advert_at.or(core.router.down_at) {
        line!(
            text,
            "   Read timeout = {}",
            text::time(inputs.unix_micros(at))
        );
    }
    let down = core.router.down_interval.as_micros();
    line!(text, "   Master down timer = {down} usecs");
    line!(text, "   Interface = {}", plan.interface);
    if let Some(source) = core.router.source {
        let configured = if plan.source.is_some() {
            " (from configuration)"
        } else {
            ""
        };
        line!(text, "   Using src_ip = {source}{configured}");
    }
    if let Transport::Multicast { group } = &plan.transport {
        let index = interfaces.iter().find(|i| i.name == plan.interface);
        match (plan.family, index) {
            (Family::V6, Some(interface)) => {
                line!(
                    text,
                    "   Multicast address {group}, ifindex {}",
                    interface.index
                );
            }
            (Family::V4 | Family::V6, _) => line!(text, "   Multicast address {group}"),
        }
    }
    settings(text, router);
    authentication(text, plan.auth);
    let count = plan.addresses.len();
    line!(text, "   Virtual IP ({count}):");
    list(text, text::addresses(router, false));
    titled(text, "Virtual IP Excluded", text::addresses(router, true));
    unicast(text, &plan.transport);
    titled(text, "Tracked interfaces", tracked(&plan.track_interfaces));
    titled(text, "Tracked scripts", tracked(&plan.track_scripts));
    line!(
        text,
        "   Using smtp notification = {}",
        yes(plan.smtp_alert)
    );
    let deleted = if router.commands.deleted.is_some() {
        "Deleted"
    } else {
        "Fault"
    };
    line!(text, "   Notify deleted = {deleted}");
    programs(text, router.commands);
    let told = plan.notify.priority_changes;
    line!(text, "   Notify priority changes = {told}");
}

fn flags(text: &mut Text, router: &Subject<'_>) {
    if matches!(router.plan.transport, Transport::Unicast { .. }) {
        line!(text, "   Flags:");
        line!(text, "     Using unicast");
    } else {
        line!(text, "   Flags: none");
    }
}

/// What keeps the router in FAULT: each failing tracker, and its own interface or source.
fn faults(router: &Subject<'_>) -> usize {
    let trackers = router.status.priority.entries.iter();
    let own = [
        FaultSet::INTERFACE_GONE,
        FaultSet::INTERFACE_DOWN,
        FaultSet::NO_SOURCE,
    ];
    let own = own
        .into_iter()
        .filter(|fault| router.core.router.faults.contains(*fault));
    trackers.filter(|entry| entry.fault).count() + own.count()
}

fn is_pending(entry: &LedgerEntry) -> bool {
    entry.weight == 0 && entry.state == TrackerState::Unknown
}

/// The configured numbers.
fn settings(text: &mut Text, router: &Subject<'_>) {
    let Subject { plan, core, .. } = router;
    let announce = &plan.announce;
    for (name, seconds) in [
        ("delay", announce.delay.as_secs()),
        ("repeat", announce.repeat.into()),
        ("refresh", announce.refresh.as_secs()),
        ("refresh repeat", announce.refresh_repeat.into()),
        ("lower priority delay", announce.lower_delay.as_secs()),
        ("lower priority repeat", announce.lower_repeat.into()),
    ] {
        line!(text, "   Gratuitous ARP {name} = {seconds}");
    }
    line!(text, "   Down timer adverts = {}", plan.down_adverts);
    for (advert, sent) in [
        ("lower", plan.answer_lower),
        ("higher", plan.advert_before_yield),
    ] {
        line!(
            text,
            "   Send advert after receive {advert} priority advert = {sent}"
        );
    }
    line!(text, "   Virtual Router ID = {}", plan.vrid);
    line!(text, "   Priority = {}", plan.priority.as_u8());
    line!(
        text,
        "   Effective priority = {}",
        core.router.priority.as_u8()
    );
    let weights = router.status.priority.entries.iter();
    let total = weights
        .map(|entry| i32::from(entry.contribution))
        .sum::<i32>()
        + i32::from(plan.priority.as_u8());
    line!(text, "   Total priority = {total}");
    let interval = plan.interval.as_duration();
    match plan.version {
        Version::V2 => line!(text, "   Advert interval = {} sec", interval.as_secs()),
        Version::V3 => {
            line!(
                text,
                "   Advert interval = {} milli-sec",
                interval.as_millis()
            );
        }
    }
    line!(text, "   Accept = enabled");
    line!(text, "   Preempt = {}", enabled(plan.preempt));
    if !plan.preempt_delay.is_zero() {
        let delay = text::seconds(plan.preempt_delay);
        line!(text, "   Preempt delay = {delay} secs");
    }
    line!(text, "   Promote_secondaries = disabled");
}

fn authentication(text: &mut Text, auth: AuthPlan) {
    let kind = match auth {
        AuthPlan::None => return,
        AuthPlan::Pass(_) => "SIMPLE_PASSWORD",
        AuthPlan::Ah(_) => "IPSEC_AH",
    };
    line!(text, "   Authentication type = {kind}");
    line!(text, "   Password = {}", text::HIDDEN);
}

fn unicast(text: &mut Text, transport: &Transport) {
    let Transport::Unicast {
        peers,
        ttl,
        check_source,
        ..
    } = transport
    else {
        return;
    };
    line!(text, "   Unicast TTL = {ttl}");
    line!(text, "   Check unicast src : {}", yes(*check_source));
    let peers = peers.iter().map(|peer| {
        let (address, least, most) = (peer.address, peer.min_ttl, peer.max_ttl);
        format!("{address} min_ttl {least} max_ttl {most}")
    });
    titled(text, "Unicast Peer", peers.collect());
    line!(text, "   Unicast checksum compatibility = no");
}

fn tracked(tracks: &[TrackPlan]) -> Vec<String> {
    let shown = tracks.iter().map(|track| {
        let reverse = if track.reverse { " reverse" } else { "" };
        format!("{} weight {}{reverse}", track.name, track.weight)
    });
    shown.collect()
}

/// A list under a title; without entries neither is there.
fn titled(text: &mut Text, title: &str, entries: Vec<String>) {
    if !entries.is_empty() {
        line!(text, "   {title} :");
        list(text, entries);
    }
}

fn list(text: &mut Text, entries: Vec<String>) {
    for entry in entries {
        line!(text, "     {entry}");
    }
}

fn programs(text: &mut Text, commands: &Commands) {
    let mut program = |name: &str, program: &Option<Program>| {
        if let Some(program) = program {
            let (words, uid, gid) = (text::words(program), program.uid, program.gid);
            line!(
                text,
                "   {name} state transition script = {words}, uid:gid {uid}:{gid}"
            );
        }
    };
    program("Backup", &commands.backup);
    program("Master", &commands.master);
    program("Fault", &commands.fault);
    program("Stop", &commands.stop);
    program("Deleted", &commands.deleted);
    program("Generic", &commands.any);
    program("Master rx lower pri", &commands.lower_heard);
}

fn sync_group(
    text: &mut Text,
    routers: &[Subject<'_>],
    (group, commands): (&GroupPlan, &Commands),
) {
    let is_member = |router: &&Subject<'_>| group.members.contains(&router.plan.name);
    let states: Vec<Word> = routers
        .iter()
        .filter(is_member)
        .map(|router| router.status.state)
        .collect();
    let count = |word| states.iter().filter(|state| **state == word).count();
    let (fault, init) = (count(Word::Fault), count(Word::Init));
    let state = if fault > 0 {
        Word::Fault
    } else {
        // Members that differ are on their way to the same state.
        states.iter().copied().min().unwrap_or(Word::Init)
    };
    line!(text, " VRRP Sync Group = {}, {state}", group.name);
    line!(text, "   Num member fault {fault}, num member init {init}");
    line!(text, "   VRRP member instances :");
    list(text, group.members.clone());
    titled(text, "Tracked interfaces", tracked(&group.track_interfaces));
    titled(text, "Tracked scripts", tracked(&group.track_scripts));
    line!(
        text,
        "   Using smtp notification = {}",
        yes(group.smtp_alert)
    );
    programs(text, commands);
}

fn track_script(text: &mut Text, inputs: &Inputs, script: &Settings) {
    let name = &*script.name;
    let plan = inputs.plan.scripts.iter().find(|plan| plan.name == name);
    let status = inputs.status.scripts.iter().find(|s| s.name == name);
    let (Some(plan), Some(status)) = (plan, status) else {
        return;
    };
    line!(text, " VRRP Script = {name}");
    line!(text, "   Command = {}", text::words(&script.program));
    line!(text, "   Interval = {} sec", text::seconds(plan.interval));
    line!(text, "   Timeout = {} sec", text::seconds(plan.timeout));
    let reverse = if plan.reverse { " reverse" } else { "" };
    line!(text, "   Weight = {}{reverse}", plan.weight);
    line!(text, "   Rise = {}", plan.rise);
    line!(text, "   Fall = {}", plan.fall);
    line!(text, "   Result = {}", result(status));
    line!(text, "   Insecure = no");
    let initial = if plan.init_fail { "failed" } else { "unknown" };
    line!(text, "   Init state = {initial}");
    let good = status.state == TrackerState::Good;
    line!(text, "   Status = {}", if good { "GOOD" } else { "BAD" });
    let (uid, gid) = (script.program.uid, script.program.gid);
    line!(text, "   Script uid:gid = {uid}:{gid}");
    line!(text, "   VRRP instances :");
    line!(text, "   Tracking instances :");
    for router in &inputs.plan.routers {
        for track in router.track_scripts.iter().filter(|t| t.name == name) {
            let reverse = if track.reverse { " reverse" } else { "" };
            line!(
                text,
                "     {}, weight {}{reverse}",
                router.name,
                track.weight
            );
        }
    }
    let state = if status.running { "running" } else { "idle" };
    line!(text, "   State = {state}");
}

/// keepalived counts results up to `rise` + `fall` − 1, from `rise` on the script is good.
fn result(script: &Script) -> u32 {
    let best = script.rise.saturating_add(script.fall).saturating_sub(1);
    match script.state {
        TrackerState::Good => best.saturating_sub(script.contrary),
        TrackerState::Unknown | TrackerState::Bad | TrackerState::Expired => script.contrary,
    }
}

fn interface(text: &mut Text, routers: &[Subject<'_>], interface: &Interface) {
    let address = |address: Option<std::net::IpAddr>| match address {
        Some(address) => address.to_string(),
        None => String::from("(none)"),
    };
    line!(text, " Name = {}", interface.name);
    line!(text, "   index = {}", interface.index);
    line!(text, "   IPv4 address = {}", address(interface.v4));
    line!(text, "   IPv6 address = {}", address(interface.v6));
    if let Some(mac) = interface.mac.filter(|mac| *mac != [0; 6]) {
        let bytes: Vec<String> = mac.iter().map(|byte| format!("{byte:02x}")).collect();
        line!(text, "   MAC = {}", bytes.join(":"));
        line!(text, "   MAC broadcast = ff:ff:ff:ff:ff:ff");
    }
    line!(text, "   State = {}", interface.state());
    if let Some(mtu) = interface.mtu {
        line!(text, "   MTU = {mtu}");
    }
    line!(text, "   HW Type = {}", interface.hardware());
    let mut tracking = Vec::new();
    for router in routers {
        let followed = router.plan.track_interfaces.iter();
        let weight = followed
            .filter(|track| track.name == interface.name)
            .map(|track| track.weight)
            .next();
        let own = router.plan.interface == interface.name && !router.plan.dont_track_primary;
        if own || weight.is_some() {
            let weight = weight.unwrap_or(0);
            tracking.push(format!("{}, weight {weight}", router.plan.name));
        }
    }
    titled(text, "Tracking VRRP instances", tracking);
}
