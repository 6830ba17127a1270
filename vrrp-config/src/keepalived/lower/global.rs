//! `global_defs`: settings of the whole daemon and defaults for instances.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use vrrp_proto::units::Version;

use super::Context;
use super::announce::GlobalAnnounce;
use super::fifo::FifoDraft;
use super::mail;
use super::value::{micros, narrow, quoted};
use crate::keepalived::tree::Node;
use crate::keepalived::words::Scope;
use crate::plan::{DumpPlan, Global, JournalPlan, MailPlan, Profile, Realtime, UserSpec};

/// What `global_defs` said.
#[derive(Debug)]
pub(super) struct GlobalDraft {
    router_id: Option<String>,
    mail: MailPlan,
    pub(super) script_user: Option<UserSpec>,
    /// `script_user` names nobody of this host.
    bad_script_user: bool,
    pub(super) script_security: bool,
    dynamic_interfaces: bool,
    startup_delay: Duration,
    log_unknown_vrids: bool,
    realtime: Realtime,
    probe: bool,
    pub(super) version: Version,
    pub(super) strict: bool,
    pub(super) skip_address_check: bool,
    pub(super) check_unicast_source: bool,
    pub(super) group4: Ipv4Addr,
    pub(super) group6: Ipv6Addr,
    pub(super) announce: GlobalAnnounce,
    pub(super) down_adverts: u8,
    pub(super) lower_no_advert: bool,
    pub(super) higher_send_advert: bool,
    pub(super) checksum_as_v2: bool,
    pub(super) smtp_alert: bool,
    dump: DumpPlan,
    fifos: FifoDraft,
    pub(super) priority_changes: bool,
}

impl Default for GlobalDraft {
    fn default() -> Self {
        Self {
            router_id: None,
            mail: MailPlan::default(),
            script_user: None,
            bad_script_user: false,
            script_security: false,
            dynamic_interfaces: false,
            startup_delay: Duration::ZERO,
            log_unknown_vrids: false,
            realtime: Realtime::Fifo(1),
            probe: true,
            version: Version::V2,
            strict: false,
            skip_address_check: false,
            check_unicast_source: false,
            group4: Ipv4Addr::new(224, 0, 0, 18),
            group6: Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12),
            announce: GlobalAnnounce::default(),
            down_adverts: 3,
            lower_no_advert: false,
            higher_send_advert: false,
            checksum_as_v2: false,
            smtp_alert: false,
            dump: DumpPlan::default(),
            fifos: FifoDraft::default(),
            priority_changes: false,
        }
    }
}

impl GlobalDraft {
    /// Reads a `global_defs` block; several add up.
    pub(super) fn read(&mut self, node: &Node, context: &mut Context<'_>) {
        context.surplus(node, 0);
        for child in context.block(node) {
            let taken = self.announce.read(child, context)
                || mail::read(child, &mut self.mail, context)
                || self.fifos.read(child, self.script_user.as_ref(), context);
            if !taken {
                self.word(child, context);
            }
        }
        context.script_security = self.script_security;
        context.script_user.clone_from(&self.script_user);
        context.dynamic_interfaces = self.dynamic_interfaces;
        context.bad_script_user = self.bad_script_user;
    }

    fn word(&mut self, node: &Node, context: &mut Context<'_>) {
        match node.keyword.text.as_str() {
            "router_id" => self.router_id(node, context),
            "enable_script_security" => self.script_security = context.flag(node),
            "script_user" => self.script_user(node, context),
            "dynamic_interfaces" => self.dynamic_interfaces(node, context),
            "log_unknown_vrids" => self.log_unknown_vrids = context.flag(node),
            "vrrp_version" => {
                let word = context.number(node, 2..=3, "version 2 stays the default for IPv4");
                match word.map(|version| version.value) {
                    Some(2) => self.version = Version::V2,
                    Some(3) => self.version = Version::V3,
                    _ => {}
                }
            }
            "vrrp_strict" => self.strict = newer_boolean(node, context).unwrap_or(self.strict),
            "vrrp_skip_check_adv_addr" => {
                self.skip_address_check =
                    newer_boolean(node, context).unwrap_or(self.skip_address_check);
            }
            "vrrp_check_unicast_src" => self.check_unicast_source = context.flag(node),
            "vrrp_mcast_group4" => {
                if let Some(IpAddr::V4(group)) = multicast(node, true, context) {
                    self.group4 = group;
                }
            }
            "vrrp_mcast_group6" => {
                if let Some(IpAddr::V6(group)) = multicast(node, false, context) {
                    self.group6 = group;
                }
            }
            "vrrp_down_timer_adverts" => {
                let value = context.number(node, 1..=100, "it stays as it was");
                self.down_adverts = value
                    .and_then(|value| narrow(value.value))
                    .unwrap_or(self.down_adverts);
            }
            "vrrp_lower_prio_no_advert" => {
                self.lower_no_advert = context.boolean(node).unwrap_or(self.lower_no_advert);
            }
            "vrrp_higher_prio_send_advert" => {
                self.higher_send_advert = context.boolean(node).unwrap_or(self.higher_send_advert);
            }
            "vrrp_startup_delay" => {
                if let Some(value) =
                    context.seconds(node, 1000..=4_294_967_295, "there is no delay")
                {
                    self.startup_delay = micros(value.value);
                }
            }
            "v3_checksum_as_v2" => self.checksum_as_v2 = context.flag(node),
            "vrrp_rt_priority" => self.realtime_priority(node, context),
            "state_dump_file" => path(node, 1, &mut self.dump.data, context),
            "stats_dump_file" => path(node, 1, &mut self.dump.stats, context),
            "json_dump_file" => path(node, 1, &mut self.dump.json, context),
            "json_version" => {
                let value = context.number(node, 1..=2, "it stays as it was");
                self.dump.json_version = value
                    .and_then(|value| narrow(value.value))
                    .unwrap_or(self.dump.json_version);
            }
            "vrrp_notify_priority_changes" => {
                self.priority_changes = context.boolean(node).unwrap_or(self.priority_changes);
            }
            "smtp_alert" | "smtp_alert_vrrp" => {
                self.smtp_alert = context.boolean(node).unwrap_or(self.smtp_alert);
            }
            "realtime" => self.realtime(node, context),
            "probe" => self.probe(node, context),
            _ => context.other(Scope::Global, node),
        }
    }

    fn router_id(&mut self, node: &Node, context: &mut Context<'_>) {
        context.no_block(node);
        match node.arguments.first() {
            Some(word) => {
                self.router_id = Some(word.text.clone());
                context.surplus(node, 1);
            }
            None => context.complain(
                node.keyword.span,
                "'router_id' has no value; the host name is used",
                "write 'router_id NAME', or remove the line",
            ),
        }
    }

    fn script_user(&mut self, node: &Node, context: &mut Context<'_>) {
        let Some(user) = context.argument(node, "USER [GROUP]") else {
            return;
        };
        context.surplus(node, 2);
        let spec = UserSpec {
            user: user.text.clone(),
            group: node.arguments.get(1).map(|group| group.text.clone()),
        };
        if context.facts.user_exists(&spec) == Some(false) {
            let message = format!(
                "script_user {} or its group does not exist",
                quoted(&user.text)
            );
            context.complain(
                user.span,
                message,
                "create the user, or name an existing one",
            );
            self.bad_script_user = true;
        } else {
            self.script_user = Some(spec);
            self.bad_script_user = false;
        }
    }

    fn dynamic_interfaces(&mut self, node: &Node, context: &mut Context<'_>) {
        context.no_block(node);
        self.dynamic_interfaces = true;
        match node.arguments.first().map(|word| (word.text.as_str(), word.span)) {
            None => {}
            Some(("allow_if_changes", span)) => context.remark(
                span,
                "'allow_if_changes' has no effect in vrrpd",
                "an interface that is replaced by one of another type is taken up again in any case",
            ),
            Some((other, span)) => {
                let message = format!("{} is no option of dynamic_interfaces and is ignored", quoted(other));
                context.complain(span, message, "write dynamic_interfaces alone; remove the line to turn it off");
            }
        }
    }

    fn realtime_priority(&mut self, node: &Node, context: &mut Context<'_>) {
        let Some(value) = context.number(node, i64::MIN..=i64::MAX, "priority 1 is used") else {
            return;
        };
        let clipped = value.value.clamp(1, 99);
        if clipped != value.value {
            let message = format!(
                "real-time priority {} is out of range; {clipped} is used",
                value.value
            );
            context.complain(value.span, message, "write a priority from 1 to 99");
        }
        self.realtime = Realtime::Fifo(narrow(clipped).unwrap_or(1));
    }

    /// vrrpd's own word: `realtime off`, or a priority.
    fn realtime(&mut self, node: &Node, context: &mut Context<'_>) {
        let Some(word) = context.argument(node, "off") else {
            return;
        };
        if word.text == "off" {
            self.realtime = Realtime::Off;
        } else if let Some(value) =
            context.number_of("realtime", word, &(1..=99), "priority 1 is used")
        {
            self.realtime = Realtime::Fifo(narrow(value.value).unwrap_or(1));
        }
    }

    /// vrrpd's own word: `probe on` or `probe off`.
    fn probe(&mut self, node: &Node, context: &mut Context<'_>) {
        let Some(word) = context.argument(node, "off") else {
            return;
        };
        match word.text.as_str() {
            "on" => self.probe = true,
            "off" => self.probe = false,
            _ => {
                let message = format!("probe {} is unknown and is ignored", word.text);
                context.complain(word.span, message, "write on or off");
            }
        }
    }

    /// The plan's part.
    pub(super) fn finish(self) -> Global {
        Global {
            profile: Profile::Keepalived,
            router_id: self.router_id,
            mail: self.mail,
            script_user: self.script_user,
            script_security: self.script_security,
            dynamic_interfaces: self.dynamic_interfaces,
            startup_delay: self.startup_delay,
            log_unknown_vrids: self.log_unknown_vrids,
            realtime: self.realtime,
            probe: self.probe,
            // keepalived has neither; the command line sets them.
            ring_bytes: None,
            journal: JournalPlan::default(),
            fast_fail: None,
            metrics: None,
            dump: self.dump,
            fifo_states_on_reload: self.fifos.states_on_reload,
            fifos: self.fifos.finish(),
        }
    }
}

/// An absolute path, as the daemon's directory is not its user's, among so many words.
pub(super) fn path(
    node: &Node,
    words: usize,
    slot: &mut Option<String>,
    context: &mut Context<'_>,
) {
    let Some(word) = context.argument(node, "/PATH") else {
        return;
    };
    context.surplus(node, words);
    if word.text.starts_with('/') {
        *slot = Some(word.text.clone());
    } else {
        let message = format!("{} is no absolute path and is ignored", quoted(&word.text));
        context.complain(word.span, message, "write a path that begins with /");
    }
}

/// A truth value that 2.2 ignores: newer versions mended that, and so is it here.
fn newer_boolean(node: &Node, context: &mut Context<'_>) -> Option<bool> {
    let value = context.boolean(node);
    if value == Some(false) {
        let name = &node.keyword.text;
        context.remark(
            node.keyword.span,
            format!(
                "{name} is off here and in keepalived 2.3 and later, but keepalived 2.2 turns it on"
            ),
            "remove the line where a keepalived 2.2 reads the same file",
        );
    }
    value
}

fn multicast(node: &Node, v4: bool, context: &mut Context<'_>) -> Option<IpAddr> {
    let word = context.argument(node, "ADDRESS")?;
    let group = word
        .text
        .parse::<IpAddr>()
        .ok()
        .filter(|group| group.is_multicast() && group.is_ipv4() == v4);
    if group.is_none() {
        let family = if v4 { "IPv4" } else { "IPv6" };
        let message = format!(
            "{} is no {family} multicast address; the usual group is used",
            quoted(&word.text)
        );
        context.complain(
            word.span,
            message,
            "remove the line for 224.0.0.18 and ff02::12",
        );
    }
    group
}
