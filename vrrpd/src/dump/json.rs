//! keepalived.json: one line, keys in keepalived's order, `/` escaped.

use std::time::Duration;

use serde_json::{Value, json};
use vrrp_config::plan::AuthPlan;
use vrrp_proto::units::Version;
use vrrp_record::words::Word;

use super::{Inputs, Subject, text};
use crate::runner::Program;

pub(super) fn text(inputs: &Inputs) -> String {
    let routers: Vec<String> = inputs
        .routers()
        .map(|router| instance(inputs, &router))
        .collect();
    let list = format!("[{}]", routers.join(","));
    if inputs.plan.global.dump.json_version == 2 {
        format!("{{\"vrrp\":{list}}}\n")
    } else {
        format!("{list}\n")
    }
}

/// An object whose keys keep their order, which readers of the text see.
#[derive(Debug, Default)]
struct Object(String);

impl Object {
    fn put(&mut self, key: &str, value: impl Into<Value>) {
        self.raw(key, &escaped(&value.into()));
    }

    /// A value that is encoded already.
    fn raw(&mut self, key: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        self.0.push_str(&format!("\"{key}\":{value}"));
    }

    fn list(&mut self, key: &str, entries: Vec<String>) {
        if !entries.is_empty() {
            self.put(key, entries);
        }
    }

    fn finish(self) -> String {
        format!("{{{}}}", self.0)
    }
}

/// As keepalived writes strings; serde_json leaves `/` as it is, and has it nowhere else.
fn escaped(value: &Value) -> String {
    value.to_string().replace('/', "\\/")
}

/// `1`, `0.5`: as short as it can be.
fn seconds(duration: Duration) -> Value {
    if duration.subsec_nanos() == 0 {
        json!(duration.as_secs())
    } else {
        json!(duration.as_secs_f64())
    }
}

/// keepalived's number of a state.
const fn number(word: Word) -> u8 {
    match word {
        Word::Init => 0,
        Word::Backup => 1,
        Word::Master => 2,
        Word::Fault => 3,
    }
}

fn instance(inputs: &Inputs, router: &Subject<'_>) -> String {
    let Subject {
        plan,
        commands,
        core,
        status,
        ..
    } = router;
    let flag = u8::from;
    let announce = &plan.announce;
    let mut data = Object::default();
    data.put("iname", plan.name.as_str());
    data.put("dont_track_primary", flag(plan.dont_track_primary));
    data.put("skip_check_adv_addr", flag(!plan.check_addresses));
    data.put("strict_mode", flag(false));
    data.put("vmac_ifname", "");
    data.put("ifp_ifname", plan.interface.as_str());
    let priority = core.router.peer.map_or(0, |peer| peer.priority.as_u8());
    data.put("master_priority", priority);
    data.raw("last_transition", &last_transition(inputs, router));
    data.put("garp_delay", seconds(announce.delay));
    data.put("garp_refresh", announce.refresh.as_secs());
    data.put("garp_rep", announce.repeat);
    data.put("garp_refresh_rep", announce.refresh_repeat);
    data.put("garp_lower_prio_delay", announce.lower_delay.as_secs());
    data.put("garp_lower_prio_rep", announce.lower_repeat);
    data.put("lower_prio_no_advert", flag(!plan.answer_lower));
    data.put("higher_prio_send_advert", flag(plan.advert_before_yield));
    data.put("vrid", plan.vrid.as_u8());
    data.put("base_priority", plan.priority.as_u8());
    data.put("effective_priority", core.router.priority.as_u8());
    data.put("vipset", core.router.addresses.present > 0);
    data.put("promote_secondaries", false);
    data.put("adver_int", seconds(plan.interval.as_duration()));
    data.put(
        "master_adver_int",
        seconds(core.router.active_interval.as_duration()),
    );
    data.put("accept", 1);
    data.put("nopreempt", !plan.preempt);
    data.put("preempt_delay", plan.preempt_delay.as_secs());
    data.put("state", number(status.state));
    data.put("wantstate", number(text::wanted(router)));
    data.put("version", if plan.version == Version::V2 { 2 } else { 3 });
    data.put("smtp_alert", plan.smtp_alert);
    data.put("notify_deleted", commands.deleted.is_some());
    let mut script = |key: &str, program: &Option<Program>| {
        if let Some(program) = program {
            data.put(key, text::words(program));
        }
    };
    script("script_backup", &commands.backup);
    script("script_master", &commands.master);
    script("script_fault", &commands.fault);
    script("script_stop", &commands.stop);
    script("script_deleted", &commands.deleted);
    script("script", &commands.any);
    script("script_master_rx_lower_pri", &commands.lower_heard);
    data.list("vips", text::addresses(router, false));
    data.list("evips", text::addresses(router, true));
    let followed = plan.track_interfaces.iter();
    data.list(
        "track_ifp",
        followed.map(|track| track.name.clone()).collect(),
    );
    data.list("track_script", tracked_commands(inputs, router));
    data.put(
        "auth_type",
        match plan.auth {
            AuthPlan::None => 0,
            AuthPlan::Pass(_) => 1,
            AuthPlan::Ah(_) => 2,
        },
    );
    if plan.auth != AuthPlan::None {
        data.put("auth_data", text::HIDDEN);
    }
    let mut object = Object::default();
    object.raw("data", &data.finish());
    object.raw("stats", &stats(router));
    object.finish()
}

/// Epoch seconds with six decimals, which a floating-point number would not keep in this form.
fn last_transition(inputs: &Inputs, router: &Subject<'_>) -> String {
    let micros = inputs.unix_micros(router.core.router.since);
    let (seconds, rest) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    format!("{seconds}.{rest:06}")
}

/// keepalived lists commands here, not names.
fn tracked_commands(inputs: &Inputs, router: &Subject<'_>) -> Vec<String> {
    let tracked = router.plan.track_scripts.iter();
    tracked
        .filter_map(|track| {
            let mut scripts = inputs.scripts.iter();
            scripts.find(|script| *script.name == *track.name)
        })
        .map(|script| text::words(&script.program))
        .collect()
}

fn stats(router: &Subject<'_>) -> String {
    let c = router.counts;
    let mut stats = Object::default();
    for (key, count) in [
        ("advert_rcvd", c.received),
        ("advert_sent", c.sent),
        ("become_master", c.became_master),
        ("release_master", c.released_master),
        ("packet_len_err", c.length),
        ("advert_interval_err", c.interval),
        ("ip_ttl_err", c.ttl),
        ("invalid_type_rcvd", c.kind),
        ("addr_list_err", c.address_list),
        ("invalid_authtype", c.auth_unknown),
        ("authtype_mismatch", c.auth_mismatch),
        ("auth_failure", c.auth_failure),
        ("pri_zero_rcvd", c.zero_received),
        ("pri_zero_sent", c.zero_sent),
    ] {
        stats.put(key, count);
    }
    stats.finish()
}
