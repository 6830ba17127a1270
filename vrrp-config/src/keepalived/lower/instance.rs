//! `vrrp_instance`: what its words say, before defaults and contradictions are settled in `complete`.

use std::net::IpAddr;

use vrrp_proto::units::{Family, Priority, Version, Vrid};

use super::address::{self, Vip};
use super::announce::AnnounceDraft;
use super::script::ScriptDraft;
use super::track::{self, Track};
use super::transport::TransportDraft;
use super::value::{Set, integer, narrow, quoted};
use super::{Context, notify};
use crate::keepalived::tree::Node;
use crate::keepalived::words::Scope;
use crate::plan::{NotifyPlan, RestoreAddresses};
use crate::source::Span;

/// What an instance's block says.
#[derive(Debug)]
pub(super) struct InstanceDraft {
    pub(super) name: String,
    pub(super) span: Span,
    pub(super) master: Option<Span>,
    pub(super) interface: Option<Set<String>>,
    pub(super) vrid: Option<Set<Vrid>>,
    /// What is wrong with VRIDs that were written.
    pub(super) bad_vrids: Vec<Set<String>>,
    pub(super) priority: Option<Set<Priority>>,
    /// Microseconds.
    pub(super) interval: Option<Set<u64>>,
    pub(super) version: Option<Set<Version>>,
    /// Decided by the first address that shows one.
    pub(super) family: Option<Family>,
    pub(super) nopreempt: Option<Span>,
    /// Microseconds.
    pub(super) preempt_delay: Option<Set<u64>>,
    pub(super) down_adverts: Option<Set<u8>>,
    pub(super) skip_address_check: Option<bool>,
    pub(super) strict: Option<bool>,
    pub(super) accept: Option<Span>,
    pub(super) lower_no_advert: Option<Set<bool>>,
    pub(super) higher_send_advert: Option<Set<bool>>,
    pub(super) auth: AuthDraft,
    pub(super) transport: TransportDraft,
    pub(super) checksum_as_v2: Option<bool>,
    pub(super) addresses: Vec<Vip>,
    pub(super) excluded: Vec<Vip>,
    pub(super) no_addresses: bool,
    pub(super) announce: AnnounceDraft,
    pub(super) announce_lower: Option<Span>,
    pub(super) dont_track_primary: bool,
    pub(super) track_interfaces: Vec<Track>,
    pub(super) track_scripts: Vec<Track>,
    pub(super) notify: NotifyPlan,
    pub(super) smtp_alert: Option<bool>,
    pub(super) priority_changes: Option<bool>,
    pub(super) restore_addresses: RestoreAddresses,
}

/// `auth_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AuthType {
    Pass,
    Ah,
}

/// `authentication`.
#[derive(Default)]
pub(super) struct AuthDraft {
    pub(super) kind: Option<Set<AuthType>>,
    pub(super) key: Option<[u8; 8]>,
}

impl std::fmt::Debug for AuthDraft {
    /// Never shows the key (safety rule 11).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthDraft")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// Reads a `vrrp_instance` block.
pub(super) fn read(
    node: &Node,
    scripts: &[ScriptDraft],
    instances: &mut Vec<InstanceDraft>,
    context: &mut Context<'_>,
) {
    let Some(name) = node.arguments.first() else {
        let message = "this vrrp_instance has no name and is skipped";
        context.complain(node.keyword.span, message, "write 'vrrp_instance NAME {'");
        return;
    };
    if instances.iter().any(|instance| instance.name == name.text) {
        let message = format!(
            "instance {} is defined already; this one is skipped",
            quoted(&name.text)
        );
        context.complain(name.span, message, "give it another name");
        return;
    }
    context.surplus(node, 1);
    let mut draft = InstanceDraft::new(name.text.clone(), name.span);
    for child in context.block(node) {
        draft.read(child, scripts, context);
    }
    instances.push(draft);
}

impl InstanceDraft {
    fn new(name: String, span: Span) -> Self {
        Self {
            name,
            span,
            master: None,
            interface: None,
            vrid: None,
            bad_vrids: Vec::new(),
            priority: None,
            interval: None,
            version: None,
            family: None,
            nopreempt: None,
            preempt_delay: None,
            down_adverts: None,
            skip_address_check: None,
            strict: None,
            accept: None,
            lower_no_advert: None,
            higher_send_advert: None,
            auth: AuthDraft::default(),
            transport: TransportDraft::default(),
            checksum_as_v2: None,
            addresses: Vec::new(),
            excluded: Vec::new(),
            no_addresses: false,
            announce: AnnounceDraft::default(),
            announce_lower: None,
            dont_track_primary: false,
            track_interfaces: Vec::new(),
            track_scripts: Vec::new(),
            notify: NotifyPlan::default(),
            smtp_alert: None,
            priority_changes: None,
            restore_addresses: RestoreAddresses::On,
        }
    }

    fn read(&mut self, node: &Node, scripts: &[ScriptDraft], context: &mut Context<'_>) {
        let script_user = context.script_user.clone();
        if notify::read(node, &mut self.notify, false, script_user.as_ref(), context)
            || self.identity(node, context)
            || self.timing(node, context)
            || self.switches(node, context)
            || self.blocks(node, scripts, context)
        {
            return;
        }
        let mut transport = std::mem::take(&mut self.transport);
        let taken = transport.read(node, &mut self.family, context);
        self.transport = transport;
        if taken {
            return;
        }
        if let Some(suffix) = node.keyword.text.strip_prefix("garp_")
            && self.announce.read(suffix, node, context)
        {
            if suffix == "lower_prio_delay" {
                self.announce_lower = Some(node.keyword.span);
            }
            return;
        }
        context.other(Scope::Instance, node);
    }

    /// Words that say what the router is.
    fn identity(&mut self, node: &Node, context: &mut Context<'_>) -> bool {
        match node.keyword.text.as_str() {
            "state" => self.state(node, context),
            "interface" => {
                if let Some(word) = context.argument(node, "INTERFACE") {
                    context.surplus(node, 1);
                    if word.text == "lo" {
                        let message = "the loopback interface cannot carry VRRP; it is ignored";
                        context.complain(
                            word.span,
                            message,
                            "name the interface that reaches the peer",
                        );
                    } else if let Some(value) = context.interface(word) {
                        self.interface = Some(Set {
                            value,
                            span: word.span,
                        });
                    }
                }
            }
            "virtual_router_id" => self.vrid(node, context),
            "priority" => {
                if let Some(word) = context.argument(node, "1...255") {
                    let number = context.number_of("priority", word, &(1..=255), "100 is used");
                    let value = number
                        .and_then(|number| narrow(number.value))
                        .and_then(Priority::new);
                    context.surplus(node, 1);
                    self.priority = Some(Set {
                        value: value.unwrap_or(Priority::DEFAULT),
                        span: word.span,
                    });
                }
            }
            "version" => self.version(node, context),
            _ => return false,
        }
        true
    }

    /// A number that cannot be is told when it is known whether another line has a good one.
    fn vrid(&mut self, node: &Node, context: &mut Context<'_>) {
        let Some(word) = context.argument(node, "1...255") else {
            return;
        };
        context.surplus(node, 1);
        let span = word.span;
        match integer(&word.text, &(1..=255)) {
            Ok(number) => {
                let vrid = narrow(number).and_then(Vrid::new);
                self.vrid = vrid.map(|value| Set { value, span });
            }
            Err(reason) => {
                let value = format!("virtual_router_id {} {reason}", quoted(&word.text));
                self.bad_vrids.push(Set { value, span });
            }
        }
    }

    fn state(&mut self, node: &Node, context: &mut Context<'_>) {
        let Some(word) = context.argument(node, "BACKUP") else {
            return;
        };
        context.surplus(node, 1);
        match word.text.as_str() {
            "MASTER" => self.master = Some(word.span),
            "BACKUP" if self.master.is_some() => {
                context.complain(
                    word.span,
                    "state MASTER was set above; BACKUP is ignored",
                    "keep one of the two lines",
                );
            }
            "BACKUP" => {}
            other => {
                let message = format!("state {} is unknown; BACKUP is used", quoted(other));
                context.complain(
                    word.span,
                    message,
                    "write 'state MASTER' or 'state BACKUP'; the priority decides who leads",
                );
            }
        }
    }

    fn version(&mut self, node: &Node, context: &mut Context<'_>) {
        let Some(number) = context.number(node, 2..=3, "it is ignored") else {
            return;
        };
        let value = if number.value == 2 {
            Version::V2
        } else {
            Version::V3
        };
        let conflict = self.version.as_ref().is_some_and(|set| set.value != value)
            || (value == Version::V2 && self.family == Some(Family::V6));
        if conflict {
            let message = format!(
                "version {} contradicts what stands above; it is ignored",
                number.value
            );
            context.complain(
                number.span,
                message,
                "write the version once; IPv6 has version 3 only",
            );
        } else {
            self.version = Some(Set {
                value,
                span: number.span,
            });
        }
    }

    /// Words with times and counts.
    fn timing(&mut self, node: &Node, context: &mut Context<'_>) -> bool {
        match node.keyword.text.as_str() {
            "advert_int" => {
                if let Some(value) = context.seconds(node, 10_000..=255_000_000, "1 second is used")
                {
                    self.interval = Some(value);
                    context.surplus(node, 1);
                }
            }
            "preempt_delay" => {
                if let Some(value) = context.seconds(node, 0..=1_000_000_000, "there is no delay") {
                    self.preempt_delay = Some(value);
                    context.surplus(node, 1);
                }
            }
            "down_timer_adverts" => {
                if let Some(number) = context.number(node, 1..=100, "it is ignored")
                    && let Some(value) = narrow(number.value)
                {
                    self.down_adverts = Some(Set {
                        value,
                        span: number.span,
                    });
                }
            }
            _ => return false,
        }
        true
    }

    /// Words that turn something on or off.
    fn switches(&mut self, node: &Node, context: &mut Context<'_>) -> bool {
        let span = node.keyword.span;
        match node.keyword.text.as_str() {
            "nopreempt" => {
                context.flag(node);
                self.nopreempt = Some(span);
            }
            "preempt" => {
                context.flag(node);
                self.nopreempt = None;
            }
            "accept" => {
                context.flag(node);
                self.accept = Some(span);
            }
            "skip_check_adv_addr" => {
                if let Some(value) = context.boolean(node) {
                    self.skip_address_check = Some(value);
                    if !value {
                        let message = "skip_check_adv_addr is off here, but every keepalived turns it on with this line";
                        context.remark(
                            span,
                            message,
                            "remove the line where a keepalived reads the same file",
                        );
                    }
                }
            }
            "strict_mode" => self.strict = context.boolean(node).or(self.strict),
            "lower_prio_no_advert" => {
                if let Some(value) = context.boolean(node) {
                    self.lower_no_advert = Some(Set { value, span });
                }
            }
            "higher_prio_send_advert" => {
                if let Some(value) = context.boolean(node) {
                    self.higher_send_advert = Some(Set { value, span });
                }
            }
            "v3_checksum_as_v2" => {
                self.checksum_as_v2 = context.boolean(node).or(self.checksum_as_v2)
            }
            "native_ipv6" => {
                context.flag(node);
                if self.family == Some(Family::V4) {
                    let message = "native_ipv6 contradicts the IPv4 addresses above; it is ignored";
                    context.complain(span, message, "remove native_ipv6, or the IPv4 addresses");
                } else {
                    self.family = Some(Family::V6);
                }
            }
            "no_virtual_ipaddress" => self.no_addresses = context.flag(node),
            "dont_track_primary" => self.dont_track_primary = context.flag(node),
            "smtp_alert" => {
                self.smtp_alert = context.boolean(node).or(self.smtp_alert);
            }
            "notify_priority_changes" => {
                self.priority_changes = context.boolean(node).or(self.priority_changes);
            }
            "restore_addresses" => self.restore_addresses(node, context),
            _ => return false,
        }
        true
    }

    /// vrrpd's own word.
    fn restore_addresses(&mut self, node: &Node, context: &mut Context<'_>) {
        let Some(word) = context.argument(node, "on|bounce|off") else {
            return;
        };
        self.restore_addresses = match word.text.as_str() {
            "on" => RestoreAddresses::On,
            "bounce" => RestoreAddresses::Bounce,
            "off" => RestoreAddresses::Off,
            other => {
                let message = format!(
                    "restore_addresses {} is unknown and is ignored",
                    quoted(other)
                );
                context.complain(word.span, message, "write on, bounce or off");
                return;
            }
        };
    }

    /// Words with a block.
    fn blocks(&mut self, node: &Node, scripts: &[ScriptDraft], context: &mut Context<'_>) -> bool {
        match node.keyword.text.as_str() {
            "authentication" => self.authentication(node, context),
            "virtual_ipaddress" => {
                for entry in context.block(node) {
                    if let Some(vip) = address::read(entry, context)
                        && self.fits(vip.plan.address, vip.span, context)
                        && self.is_new(vip.plan.address, vip.span, context)
                    {
                        self.addresses.push(vip);
                    }
                }
            }
            "virtual_ipaddress_excluded" => {
                for entry in context.block(node) {
                    self.excluded.extend(address::read(entry, context));
                }
            }
            "track_script" => track::scripts(node, scripts, &mut self.track_scripts, context),
            "track_interface" => track::interfaces(node, &mut self.track_interfaces, context),
            _ => return false,
        }
        true
    }

    /// The first address decides the family; the others have to agree.
    fn fits(&mut self, address: IpAddr, span: Span, context: &mut Context<'_>) -> bool {
        let family = Family::of(&address);
        if *self.family.get_or_insert(family) == family {
            return true;
        }
        let message =
            format!("{address} is of the other family than this instance and is NOT used");
        let help = "put it into virtual_ipaddress_excluded, or into an instance of its own (which may have the same virtual_router_id)";
        context.complain(span, message, help);
        false
    }

    /// keepalived sends an address as often as it is listed; here a list has each address once.
    fn is_new(&self, address: IpAddr, span: Span, context: &mut Context<'_>) -> bool {
        let new = !self.addresses.iter().any(|vip| vip.plan.address == address);
        if !new {
            let message = format!("{address} is listed already; it is advertised once");
            context.remark(
                span,
                message,
                "remove one of the two, here and on the peers: keepalived counts both",
            );
        }
        new
    }

    fn authentication(&mut self, node: &Node, context: &mut Context<'_>) {
        for child in context.block(node) {
            match child.keyword.text.as_str() {
                "auth_type" => {
                    let Some(word) = context.argument(child, "PASS") else {
                        continue;
                    };
                    context.surplus(child, 1);
                    let kind = match word.text.as_str() {
                        "PASS" => AuthType::Pass,
                        "AH" => AuthType::Ah,
                        other => {
                            let message = format!(
                                "auth_type {} is unknown: there is no authentication",
                                quoted(other)
                            );
                            context.complain(
                                word.span,
                                message,
                                "write PASS or AH, in capitals and with nothing behind it",
                            );
                            continue;
                        }
                    };
                    self.auth.kind = Some(Set {
                        value: kind,
                        span: word.span,
                    });
                }
                "auth_pass" => {
                    let Some(word) = context.argument(child, "PASSWORD") else {
                        continue;
                    };
                    let bytes = context.bytes(word);
                    if bytes.len() > 8 {
                        let message = format!(
                            "the password has {} bytes; its first 8 are used",
                            bytes.len()
                        );
                        context.complain(word.span, message, "keep only the first 8: no more go on the wire, and the peer must have the same");
                    }
                    let mut key = [0; 8];
                    for (slot, byte) in key.iter_mut().zip(&bytes) {
                        *slot = *byte;
                    }
                    self.auth.key = Some(key).filter(|key| key[0] != 0);
                    if let Some(other) = child.arguments.get(1) {
                        let message = "what follows the password is ignored";
                        context.remark(
                            other.span,
                            message,
                            "quote a password that has blanks in it",
                        );
                    }
                }
                _ => context.other(Scope::Authentication, child),
            }
        }
    }
}
