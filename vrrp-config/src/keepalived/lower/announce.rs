//! `garp_*` of instances and `vrrp_garp_*` of `global_defs`: counts and times of gratuitous ARP and unsolicited NA.

use std::time::Duration;

use super::Context;
use super::value::micros;
use crate::keepalived::tree::Node;
use crate::plan::AnnouncePlan;

/// The longest time that keepalived takes, in seconds.
const LONGEST: i64 = 4294;
/// The most of what is not a delay.
const MOST: i64 = 4_294_967_295;
const LONGEST_MICROS: u64 = 4_294_967_295;

/// The settings that both levels have; unset ones are inherited.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AnnounceDraft {
    delay: Option<u32>,
    repeat: Option<u32>,
    refresh: Option<u32>,
    refresh_repeat: Option<u32>,
    pub(super) lower_delay: Option<u32>,
    pub(super) lower_repeat: Option<u32>,
}

/// The settings that only `global_defs` has.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct GlobalAnnounce {
    pub(super) common: AnnounceDraft,
    minimal: bool,
    arp_interval: u64,
    na_interval: u64,
}

impl AnnounceDraft {
    /// Takes a keyword without its prefix; false where it is none of these.
    pub(super) fn read(&mut self, suffix: &str, node: &Node, context: &mut Context<'_>) -> bool {
        let instead = "it is ignored";
        let number = |context: &mut Context<'_>, least: u32, most: i64| -> Option<u32> {
            let value = context.number(node, 0..=most, instead)?;
            context.surplus(node, 1);
            let number = u32::try_from(value.value).ok()?;
            if number < least {
                let message = format!(
                    "{} {number} is not possible; {least} is used",
                    node.keyword.text
                );
                context.complain(value.span, message, format!("write {least} or more"));
            }
            Some(number.max(least))
        };
        match suffix {
            "master_delay" => self.delay = number(context, 0, LONGEST).or(self.delay),
            "master_repeat" => self.repeat = number(context, 1, MOST).or(self.repeat),
            "master_refresh" => self.refresh = number(context, 0, MOST).or(self.refresh),
            "master_refresh_repeat" => {
                self.refresh_repeat = number(context, 1, MOST).or(self.refresh_repeat)
            }
            "lower_prio_delay" => {
                self.lower_delay = number(context, 0, LONGEST).or(self.lower_delay)
            }
            "lower_prio_repeat" => {
                self.lower_repeat = number(context, 0, MOST).or(self.lower_repeat)
            }
            _ => return false,
        }
        true
    }
}

impl GlobalAnnounce {
    /// Takes a keyword of `global_defs`; false where it is none of these.
    pub(super) fn read(&mut self, node: &Node, context: &mut Context<'_>) -> bool {
        let least = 1;
        match node.keyword.text.as_str() {
            "vrrp_garp_interval" => {
                self.arp_interval = gap(node, least, context).unwrap_or(self.arp_interval)
            }
            "vrrp_gna_interval" => {
                self.na_interval = gap(node, least, context).unwrap_or(self.na_interval)
            }
            "vrrp_min_garp" => self.minimal = context.boolean(node).unwrap_or(self.minimal),
            other => match other.strip_prefix("vrrp_garp_") {
                Some(suffix) => return self.common.read(suffix, node, context),
                None => return false,
            },
        }
        true
    }

    /// What an instance ends up with.
    pub(super) fn resolve(&self, own: &AnnounceDraft) -> AnnouncePlan {
        let global = &self.common;
        let (delay, repeat, refresh_repeat) = if self.minimal { (0, 1, 0) } else { (5, 5, 1) };
        let global_delay = global.delay.unwrap_or(delay);
        let global_repeat = global.repeat.unwrap_or(repeat);
        let seconds = |value: u32| Duration::from_secs(u64::from(value));
        AnnouncePlan {
            delay: seconds(own.delay.unwrap_or(global_delay)),
            repeat: own.repeat.unwrap_or(global_repeat),
            refresh: seconds(own.refresh.or(global.refresh).unwrap_or(0)),
            refresh_repeat: own
                .refresh_repeat
                .or(global.refresh_repeat)
                .unwrap_or(refresh_repeat)
                .max(1),
            lower_delay: seconds(
                own.lower_delay
                    .or(global.lower_delay)
                    .unwrap_or(global_delay),
            ),
            lower_repeat: own
                .lower_repeat
                .or(global.lower_repeat)
                .unwrap_or(global_repeat),
            arp_interval: micros(self.arp_interval),
            na_interval: micros(self.na_interval),
            arp_target_broadcast: true,
            na_router_flag: false,
        }
    }
}

fn gap(node: &Node, least: u64, context: &mut Context<'_>) -> Option<u64> {
    let value = context.seconds(node, least..=LONGEST_MICROS, "no gap is used")?;
    context.surplus(node, 1);
    Some(value.value)
}
