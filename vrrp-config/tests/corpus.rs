//! Sixty configurations that people published: what keepalived 2.2.7 said and did with each, and what we make of it.
//!
//! The files are not part of the repository. They are looked for in `shared/corpus` beside the workspace or in
//! `VRRP_CORPUS`; without them the test says that it did not run.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails where its data is not as described"
)]

mod common;

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;
use vrrp_config::plan::{AuthPlan, CommandPlan, Plan, RouterPlan, TrackPlan, Transport, VipPlan};
use vrrp_config::{CommandFinding, Loaded};
use vrrp_proto::units::{AdvertInterval, Family, Version};

use common::{Host, load_file};

/// Files whose check ends with another status than keepalived's, by their line in the corpus's index, and why.
const OTHER_STATUS: &[(usize, u8, &str)] = &[
    (
        1,
        0,
        "the complaint is about check scripts of IPVS, whose blocks are skipped",
    ),
    (
        4,
        0,
        "the complaint is about a rule without preference; routes and rules are not yet honoured",
    ),
    (
        44,
        0,
        "the complaint is about a BFD instance; BFD is not yet honoured",
    ),
    (46, 0, "the complaint is about a virtual server of IPVS"),
    (48, 0, "the complaint is about virtual servers of IPVS"),
    (54, 0, "the complaint is about a virtual server of IPVS"),
];

/// Files with which keepalived ends and we run, and why.
const RUNS_HERE: &[(usize, &str)] = &[(
    44,
    "keepalived ends for a BFD instance without neighbour; BFD is not yet honoured",
)];

/// Values in effect that differ, by line and field, and why.
const OTHER_VALUE: &[(usize, &str, &str)] = &[];

fn corpus() -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let path = std::env::var_os("VRRP_CORPUS").map_or(beside, PathBuf::from);
    path.join("corpus.jsonl").is_file().then_some(path)
}

#[test]
fn published_configurations_mean_what_keepalived_makes_of_them() {
    let Some(corpus) = corpus() else {
        println!("NOT RUN: there is no corpus in ../shared/corpus or VRRP_CORPUS");
        return;
    };
    let index = std::fs::read_to_string(corpus.join("corpus.jsonl")).unwrap();
    let mut wrong = Vec::new();
    let mut excused = BTreeSet::new();
    for (number, line) in index.lines().enumerate() {
        let row: Value = serde_json::from_str(line).unwrap();
        let path = corpus.join(row["file"].as_str().unwrap());
        let names: Vec<&str> = row["interfaces"]
            .as_object()
            .map(|map| map.keys().map(String::as_str).collect())
            .unwrap_or_default();
        let mut host = Host::with_interfaces(&names);
        host.users = |name| name != "keepalived_script";
        let loaded = load_file(&path, &host);
        let mut check = |what: &str, theirs: &Value, ours: u8| {
            if theirs.as_u64() == Some(u64::from(ours)) {
                return;
            }
            let known = OTHER_STATUS
                .iter()
                .position(|(line, status, _)| (*line, *status) == (number, ours));
            match known {
                Some(known) => {
                    excused.insert(known);
                }
                None => wrong.push(format!(
                    "{number}: {what}: keepalived {theirs}, vrrpd {ours}\n{}",
                    loaded.render()
                )),
            }
        };
        let as_root = row.get("check_as_root").unwrap_or_else(|| &row["check"]);
        check("status", &as_root["exit"], loaded.check_exit());
        let mut bare = Host::with_interfaces(&names);
        bare.commands = on_a_bare_debian;
        bare.users = |name| ["root", "nobody", "daemon", "www-data"].contains(&name);
        let without = load_file(&path, &bare);
        check(
            "status without the file's scripts",
            &row["check_scripts_missing"]["exit"],
            without.check_exit(),
        );
        let runs = row["run"]["stays_up"] == true;
        let excused_run = RUNS_HERE.iter().any(|(line, _)| *line == number);
        if runs != loaded.plan.is_some() && !excused_run {
            wrong.push(format!(
                "{number}: keepalived runs: {runs}\n{}",
                loaded.render()
            ));
        }
        if let Some(plan) = &loaded.plan {
            compare(number, &row["effective"], plan, &mut wrong);
        }
    }
    for (known, entry) in OTHER_STATUS.iter().enumerate() {
        assert!(
            excused.contains(&known),
            "this difference is no more: {entry:?}"
        );
    }
    assert!(
        wrong.is_empty(),
        "{} differences:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// The host of the corpus's second check: usual programs only.
fn on_a_bare_debian(command: &CommandPlan) -> CommandFinding {
    let program = command.argv[0].as_str();
    let usual = ["/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/"]
        .iter()
        .any(|start| program.starts_with(start));
    if usual || !program.contains('/') {
        CommandFinding::Fine
    } else {
        CommandFinding::Missing
    }
}

/// Compares what keepalived had in effect with the plan.
fn compare(number: usize, effective: &Value, plan: &Plan, wrong: &mut Vec<String>) {
    let none = Vec::new();
    let theirs = effective["instances"].as_array().unwrap_or(&none);
    if theirs.len() != plan.routers.len() {
        wrong.push(format!(
            "{number}: {} instances, {} routers",
            theirs.len(),
            plan.routers.len()
        ));
        return;
    }
    for (theirs, router) in theirs.iter().zip(&plan.routers) {
        let ours = values(router, plan);
        for (field, ours) in ours.as_object().unwrap() {
            let theirs = expected(field, theirs);
            let excused = OTHER_VALUE
                .iter()
                .any(|(line, name, _)| (*line, *name) == (number, field.as_str()));
            if theirs != *ours && !excused {
                wrong.push(format!(
                    "{number} {}: {field}: keepalived {theirs}, vrrpd {ours}",
                    router.name
                ));
            }
        }
    }
}

/// A field of keepalived's dump in the form of [`values`].
fn expected(field: &str, theirs: &Value) -> Value {
    let value = theirs.get(field).cloned();
    let present = |value: Option<Value>, default: Value| value.unwrap_or(default);
    match field {
        "interface" => theirs["vmac"]["on"]
            .as_str()
            .map_or_else(|| theirs[field].clone(), Value::from),
        "vips" | "vips_excluded" | "notify" | "unicast_peers" | "track_scripts"
        | "track_interfaces" => {
            let mut list = present(value, Value::Array(Vec::new()));
            for entry in list.as_array_mut().unwrap() {
                if let Some(text) = entry.as_str() {
                    *entry = Value::from(plain(text, theirs));
                }
            }
            list
        }
        "sync_group" | "multicast" => value.map_or(Value::Null, |value| match value.as_str() {
            Some(text) => Value::from(text.trim_end_matches(',')),
            None => value,
        }),
        "auth_pass_length" => present(value, Value::from(0)),
        "auth_type" => match value {
            Some(value) => value,
            None => Value::from("none"),
        },
        "preempt_delay_s" => present(value, Value::from(0)),
        "strict" | "skip_check_adv_addr" | "native_ipv6" | "dont_track_primary" => {
            present(value, Value::from(false))
        }
        _ => value.unwrap_or(Value::Null),
    }
}

/// An address of the dump without what only a running daemon knows.
fn plain(text: &str, theirs: &Value) -> String {
    let text = text
        .trim_end_matches(" set")
        .trim_end_matches(" deprecated");
    let interface = theirs["interface"].as_str().unwrap_or_default();
    let base = theirs["vmac"]["on"].as_str().unwrap_or(interface);
    text.replace(&format!("dev {interface}@{base}"), &format!("dev {base}"))
}

/// What the plan says, in the words of keepalived's dump.
fn values(router: &RouterPlan, plan: &Plan) -> Value {
    let tracks = |tracks: &[TrackPlan]| -> Value {
        tracks
            .iter()
            .map(|track| serde_json::json!({"name": track.name, "weight": track.weight}))
            .collect()
    };
    let vips =
        |vips: &[VipPlan]| -> Value { vips.iter().map(|vip| vip_text(vip, router)).collect() };
    let (auth, length) = match router.auth {
        AuthPlan::None => ("none", 0),
        AuthPlan::Pass(key) => ("PASS", key.iter().take_while(|byte| **byte != 0).count()),
        AuthPlan::Ah(_) => ("AH", 0),
    };
    let (group, peers) = match &router.transport {
        Transport::Multicast { group } => (Value::from(group.to_string()), Vec::new()),
        Transport::Unicast { peers, .. } => (
            Value::Null,
            peers.iter().map(|peer| peer.address.to_string()).collect(),
        ),
    };
    let sync_group = plan
        .groups
        .iter()
        .find(|group| group.members.contains(&router.name));
    serde_json::json!({
        "name": router.name,
        "version": if router.version == Version::V2 { 2 } else { 3 },
        "vrid": router.vrid.as_u8(),
        "interface": router.interface,
        "priority": router.priority.as_u8(),
        "advert_interval_s": seconds(router.interval),
        "preempt": router.preempt,
        "preempt_delay_s": router.preempt_delay.as_secs(),
        "auth_type": auth,
        "auth_pass_length": length,
        "multicast": group,
        "unicast_peers": peers,
        "vips": vips(&router.addresses),
        "vips_excluded": vips(&router.excluded),
        "track_scripts": tracks(&router.track_scripts),
        "track_interfaces": tracks(&router.track_interfaces),
        "sync_group": sync_group.map(|group| group.name.clone()),
        "garp_delay": router.announce.delay.as_secs(),
        "garp_repeat": router.announce.repeat,
        "garp_refresh": router.announce.refresh.as_secs(),
        "garp_lower_prio_delay": router.announce.lower_delay.as_secs(),
        "garp_lower_prio_repeat": router.announce.lower_repeat,
        "down_timer_adverts": router.down_adverts,
        "lower_prio_no_advert": !router.answer_lower,
        "higher_prio_send_advert": router.advert_before_yield,
        "skip_check_adv_addr": !router.check_addresses,
        "native_ipv6": router.family == Family::V6,
        "dont_track_primary": router.dont_track_primary,
        "notify": notify(router),
    })
}

fn seconds(interval: AdvertInterval) -> Value {
    let centis = interval.as_centis();
    if centis.is_multiple_of(100) {
        Value::from(centis / 100)
    } else {
        Value::from(f64::from(centis) / 100.0)
    }
}

fn notify(router: &RouterPlan) -> Vec<&'static str> {
    let slots: [(&str, &Option<CommandPlan>); 5] = [
        ("backup", &router.notify.backup),
        ("master", &router.notify.master),
        ("fault", &router.notify.fault),
        ("stop", &router.notify.stop),
        ("generic", &router.notify.any),
    ];
    slots
        .into_iter()
        .filter(|(_, command)| command.is_some())
        .map(|(name, _)| name)
        .collect()
}

fn vip_text(vip: &VipPlan, router: &RouterPlan) -> String {
    let longest = if vip.address.is_ipv4() { 32 } else { 128 };
    let mut text = vip.address.to_string();
    if vip.prefix != longest {
        text += &format!("/{}", vip.prefix);
    }
    if let Some(broadcast) = vip.broadcast {
        text += &format!(" brd {broadcast}");
    }
    let scope = match vip.scope {
        0 => "global",
        200 => "site",
        253 => "link",
        254 => "host",
        _ => "nowhere",
    };
    text += &format!(
        " dev {} scope {scope}",
        vip.interface.as_ref().unwrap_or(&router.interface)
    );
    if vip.address.is_ipv6() && vip.preferred_lifetime != 0 {
        text += &match vip.preferred_lifetime {
            u32::MAX => " preferred_lft forever".to_owned(),
            seconds => format!(" preferred_lft {seconds}"),
        };
    }
    if let Some(label) = &vip.label {
        text += &format!(" label {label}");
    }
    text
}

/// Nothing may panic, and every place has to be inside its file.
#[test]
fn every_published_file_is_read_with_places_that_exist() {
    let Some(corpus) = corpus() else {
        println!("NOT RUN: there is no corpus in ../shared/corpus or VRRP_CORPUS");
        return;
    };
    for folder in ["files", "templates"] {
        for entry in std::fs::read_dir(corpus.join(folder)).unwrap() {
            let loaded = load_file(&entry.unwrap().path(), &vrrp_config::NoFacts);
            spans_exist(&loaded);
        }
    }
}

fn spans_exist(loaded: &Loaded) {
    for span in loaded
        .diagnostics
        .iter()
        .filter_map(|diagnostic| diagnostic.span)
    {
        let line = loaded.sources.line(span).expect("the line exists");
        let end = span.column + span.length - 1;
        assert!(
            usize::try_from(end).unwrap() <= line.chars().count().max(1),
            "{span:?} in {line:?}"
        );
    }
}
