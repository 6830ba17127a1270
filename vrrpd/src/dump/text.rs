//! What more than one dump writes the same way: addresses, commands, states, times.

use std::fmt::Write as _;
use std::time::Duration;

use vrrp_config::plan::VipPlan;
use vrrp_record::words::Word;

use super::Subject;
use crate::runner::Program;
use crate::sys::time::local_time;

/// Stands for a password, as in keepalived 2.4; before, it wrote the password itself.
pub(super) const HIDDEN: &str = "********";

/// The state that a router strives for.
pub(super) fn wanted(router: &Subject<'_>) -> Word {
    match router.status.state {
        Word::Master => Word::Master,
        Word::Backup if router.core.router.wants_active => Word::Master,
        Word::Backup => Word::Backup,
        Word::Init | Word::Fault if router.plan.wanted_master => Word::Master,
        Word::Init | Word::Fault => Word::Backup,
    }
}

/// Words of a command, each in single quotes, the file by its whole path.
pub(super) fn words(program: &Program) -> String {
    let mut text = format!("'{}'", program.path.display());
    for word in program.argv.iter().skip(1) {
        let _ = write!(text, " '{word}'");
    }
    text
}

/// The addresses of a router, excluded ones or the others, each as keepalived writes it.
pub(super) fn addresses(router: &Subject<'_>, excluded: bool) -> Vec<String> {
    let plans = if excluded {
        &router.plan.excluded
    } else {
        &router.plan.addresses
    };
    let states = router.status.addresses.iter();
    let states = states.filter(|address| address.excluded == excluded);
    let shown = plans.iter().zip(states);
    shown
        .map(|(vip, state)| address(vip, &router.plan.interface, state.present != Some(false)))
        .collect()
}

fn address(vip: &VipPlan, own: &str, present: bool) -> String {
    let longest = if vip.address.is_ipv4() { 32 } else { 128 };
    let mut text = vip.address.to_string();
    if vip.prefix != longest {
        let _ = write!(text, "/{}", vip.prefix);
    }
    if let Some((peer, prefix)) = vip.peer {
        let _ = write!(text, " peer {peer}/{prefix}");
    }
    if let Some(broadcast) = vip.broadcast {
        let _ = write!(text, " brd {broadcast}");
    }
    let device = vip.interface.as_deref().unwrap_or(own);
    let _ = write!(text, " dev {device} scope {}", scope(vip.scope));
    if let Some(label) = &vip.label {
        let _ = write!(text, " label {label}");
    }
    if vip.address.is_ipv6() {
        match vip.preferred_lifetime {
            0 => text.push_str(" deprecated"),
            u32::MAX => text.push_str(" preferred_lft forever"),
            seconds => {
                let _ = write!(text, " preferred_lft {seconds}sec");
            }
        }
    }
    for (set, word) in [
        (vip.home, " home"),
        (vip.dad, " -nodad"),
        (vip.manage_temporary, " mngtmpaddr"),
        (vip.no_prefix_route, " noprefixroute"),
        (vip.autojoin, " autojoin"),
        (!vip.track, " no_track"),
        (present, " set"),
    ] {
        if set {
            text.push_str(word);
        }
    }
    text
}

fn scope(number: u8) -> String {
    match number {
        0 => String::from("global"),
        200 => String::from("site"),
        253 => String::from("link"),
        254 => String::from("host"),
        255 => String::from("nowhere"),
        other => other.to_string(),
    }
}

/// `1795549334.572179 (Tue Nov 24 19:42:14.572179 2026)`, in local time.
pub(super) fn time(unix_micros: i64) -> String {
    let seconds = unix_micros.div_euclid(1_000_000);
    let micros = unix_micros.rem_euclid(1_000_000);
    let local = local_time(seconds);
    format!(
        "{seconds}.{micros:06} ({} {} {:>2} {:02}:{:02}:{:02}.{micros:06} {})",
        local.weekday_name(),
        local.month_name(),
        local.day,
        local.hour,
        local.minute,
        local.second,
        local.year
    )
}

/// Seconds as keepalived writes those with a fraction: `2.5`, `4`.
pub(super) fn seconds(duration: Duration) -> String {
    let text = format!("{}.{:06}", duration.as_secs(), duration.subsec_micros());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `enabled` or `disabled`.
pub(super) const fn enabled(on: bool) -> &'static str {
    if on { "enabled" } else { "disabled" }
}

/// `yes` or `no`.
pub(super) const fn yes(on: bool) -> &'static str {
    if on { "yes" } else { "no" }
}
