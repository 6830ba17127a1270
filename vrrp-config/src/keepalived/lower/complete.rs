//! From what an instance's words say to what holds: defaults, contradictions, strict mode, version and family.
//!
//! The order of the steps is keepalived's, since one contradiction may hide another.

use std::net::IpAddr;

use vrrp_proto::units::{AdvertInterval, Family, Priority, Version};

use super::Context;
use super::address::Vip;
use super::global::GlobalDraft;
use super::instance::{AuthType, InstanceDraft};
use super::value::{micros, quoted};
use crate::plan::{
    AuthPlan, ChecksumAccept, ChecksumForm, RouterPlan, TrackPlan, Transport, VipPlan,
};
use crate::source::Span;

/// The most addresses of an advert, and of one over IPv6 in an MTU of 1500 bytes.
const MOST_V4: usize = 255;
const MOST_V6: usize = 90;

/// A router with the places that later checks speak of.
#[derive(Debug)]
pub(super) struct RouterDraft {
    pub(super) plan: RouterPlan,
    pub(super) span: Span,
    pub(super) vrid_span: Span,
}

/// Settles an instance; `None` where the daemon cannot run with it, which was said.
pub(super) fn complete(
    mut draft: InstanceDraft,
    global: &GlobalDraft,
    context: &mut Context<'_>,
) -> Option<RouterDraft> {
    let name = draft.name.clone();
    let (interface, vrid) = identity(&draft, context);
    let family = draft.family.unwrap_or(Family::V4);
    let strict = draft.strict.unwrap_or(global.strict);
    let version = version(&draft, family, strict, global, context)?;
    let (priority, master) = priority(&draft, strict, context);
    let auth = auth(&draft, version, strict, context);
    let wanted_master = wanted(master, priority, auth, &draft, strict, context);
    let (preempt, preempt_delay) = preempt(&draft, priority, wanted_master, strict, context);
    let down_adverts = match (&draft.down_adverts, strict) {
        (Some(set), true) if set.value != 3 => {
            forced(set.span, "down_timer_adverts 3", context);
            3
        }
        (_, true) => 3,
        (set, false) => set.as_ref().map_or(global.down_adverts, |set| set.value),
    };
    let interval = interval(&draft, version, context);
    addresses(&mut draft, family, version, strict, context)?;
    accept(&draft, version, strict, priority, context);
    let announce = announce(&draft, global, strict, context);
    let (answer_lower, advert_before_yield) = adverts(&draft, global, strict, context);
    let source = draft.transport.source.as_ref().map(|set| set.value);
    let track_source =
        source.is_some() && (draft.transport.track_source || !draft.transport.peers.is_empty());
    let transport = transport(&draft, family, global, strict, context);
    let (interface, vrid) = (interface?, vrid?);
    let track_interfaces = track_interfaces(&draft, &interface.0, context);
    let track_scripts = track_scripts(&draft, priority, context);
    let message_only = draft.checksum_as_v2.unwrap_or(global.checksum_as_v2);
    let plans = |vips: Vec<Vip>| -> Vec<VipPlan> { vips.into_iter().map(|vip| vip.plan).collect() };
    let plan = RouterPlan {
        name,
        interface: interface.0,
        vrid: vrid.0,
        family,
        version,
        interoperate: false,
        wanted_master,
        priority,
        interval,
        preempt,
        preempt_delay,
        down_adverts,
        answer_lower,
        advert_before_yield,
        auth,
        transport,
        source,
        track_source,
        addresses: plans(draft.addresses),
        excluded: plans(draft.excluded),
        check_addresses: !draft
            .skip_address_check
            .unwrap_or(global.skip_address_check),
        checksum_send: if message_only {
            ChecksumForm::Message
        } else {
            ChecksumForm::PseudoHeader
        },
        checksum_accept: ChecksumAccept::Both,
        require_link_local_first: false,
        require_link_local_source: false,
        owner_discards_v2: false,
        announce,
        dont_track_primary: draft.dont_track_primary,
        track_interfaces,
        track_scripts,
        notify: draft.notify,
        smtp_alert: draft.smtp_alert.unwrap_or(global.smtp_alert),
        restore_addresses: draft.restore_addresses,
    };
    Some(RouterDraft {
        plan,
        span: draft.span,
        vrid_span: vrid.1,
    })
}

type Placed<T> = Option<(T, Span)>;

fn identity(
    draft: &InstanceDraft,
    context: &mut Context<'_>,
) -> (Placed<String>, Placed<vrrp_proto::units::Vrid>) {
    let shown = quoted(&draft.name);
    if draft.vrid.is_none() {
        let message = format!("instance {shown} has no valid virtual_router_id");
        context.refuse(
            draft.span,
            message,
            "write 'virtual_router_id N' with the number from 1 to 255 that its peers have",
        );
    }
    if draft.interface.is_none() {
        let message = format!("instance {shown} has no usable interface");
        context.refuse(
            draft.span,
            message,
            "write 'interface NAME' with the interface that reaches its peers; see 'ip link'",
        );
    }
    (
        draft
            .interface
            .as_ref()
            .map(|set| (set.value.clone(), set.span)),
        draft.vrid.as_ref().map(|set| (set.value, set.span)),
    )
}

fn version(
    draft: &InstanceDraft,
    family: Family,
    strict: bool,
    global: &GlobalDraft,
    context: &mut Context<'_>,
) -> Option<Version> {
    let written = draft.version.as_ref();
    if family == Family::V6 {
        let Some(set) = written.filter(|set| set.value == Version::V2) else {
            return Some(Version::V3);
        };
        let message = format!(
            "instance {} has IPv6 addresses, and version 2 is IPv4 only",
            quoted(&draft.name)
        );
        if strict {
            context.complain(
                set.span,
                format!("{message}; version 3 is used"),
                "remove the version",
            );
            return Some(Version::V3);
        }
        context.refuse(
            set.span,
            message,
            "remove the line: IPv6 is version 3; or use IPv4 addresses",
        );
        return None;
    }
    Some(written.map_or(global.version, |set| set.value))
}

/// The priority, and where `state MASTER` was written.
fn priority(
    draft: &InstanceDraft,
    strict: bool,
    context: &mut Context<'_>,
) -> (Priority, Option<Span>) {
    let priority = match (&draft.priority, draft.master) {
        (Some(set), _) => set.value,
        (None, Some(span)) => {
            context.remark(
                span,
                "state MASTER without a priority makes this router the address owner: priority 255, never yields",
                "write a priority, such as 'priority 100'",
            );
            Priority::OWNER
        }
        (None, None) => Priority::DEFAULT,
    };
    let mut master = draft.master;
    if strict
        && !priority.is_owner()
        && let Some(span) = master.take()
    {
        context.complain(
            span,
            "strict mode has state MASTER only for priority 255; BACKUP is used",
            "write 'state BACKUP'",
        );
    }
    (priority, master)
}

/// The state shown as wanted: AH and MASTER exclude each other, the owner always wants to be MASTER.
fn wanted(
    master: Option<Span>,
    priority: Priority,
    auth: AuthPlan,
    draft: &InstanceDraft,
    strict: bool,
    context: &mut Context<'_>,
) -> bool {
    if priority.is_owner() {
        return true;
    }
    let Some(span) = master else { return false };
    if matches!(auth, AuthPlan::Ah(_)) && !strict {
        let message = "state MASTER does not go with AH authentication; BACKUP is used";
        context.complain(
            span,
            message,
            "write 'state BACKUP'; the priority decides who leads",
        );
        return false;
    }
    if let Some(span) = draft.nopreempt {
        let message =
            "nopreempt has no effect with state MASTER and is dropped: this router WILL preempt";
        context.complain(
            span,
            message,
            "write 'state BACKUP' on all routers that shall not preempt",
        );
    }
    true
}

fn preempt(
    draft: &InstanceDraft,
    priority: Priority,
    master: bool,
    strict: bool,
    context: &mut Context<'_>,
) -> (bool, std::time::Duration) {
    let mut nopreempt = draft.nopreempt;
    if priority.is_owner()
        && let Some(span) = nopreempt.take()
    {
        let message =
            "nopreempt has no effect with priority 255 and is dropped: the owner always preempts";
        context.complain(span, message, "use a priority up to 254");
    }
    if master {
        nopreempt = None;
    }
    let delay = draft.preempt_delay.as_ref().filter(|set| set.value > 0);
    let Some(delay) = delay else {
        return (nopreempt.is_none(), std::time::Duration::ZERO);
    };
    let contradiction = if strict {
        Some("strict mode")
    } else if nopreempt.is_some() {
        Some("nopreempt")
    } else if master {
        Some("state MASTER")
    } else {
        None
    };
    match contradiction {
        None => (nopreempt.is_none(), micros(delay.value)),
        Some(reason) => {
            let message = format!("preempt_delay does not go with {reason} and is dropped");
            context.complain(
                delay.span,
                message,
                "remove one of the two; a delay needs 'state BACKUP'",
            );
            (nopreempt.is_none(), std::time::Duration::ZERO)
        }
    }
}

fn auth(
    draft: &InstanceDraft,
    version: Version,
    strict: bool,
    context: &mut Context<'_>,
) -> AuthPlan {
    let Some(kind) = &draft.auth.kind else {
        if draft.auth.key.is_some() {
            let message = format!(
                "instance {} has a password and no valid auth_type: there is NO authentication",
                quoted(&draft.name)
            );
            context.remark(
                draft.span,
                message,
                "write 'auth_type PASS' on a line of its own",
            );
        }
        return AuthPlan::None;
    };
    let ignored = if version == Version::V3 {
        Some("version 3 has no authentication")
    } else if strict {
        Some("strict mode has no authentication")
    } else {
        None
    };
    if let Some(reason) = ignored {
        context.complain(
            kind.span,
            format!("{reason}; it is ignored"),
            "remove the authentication block",
        );
        return AuthPlan::None;
    }
    let Some(key) = draft.auth.key else {
        let message = "there is no password: there is NO authentication";
        context.complain(
            kind.span,
            message,
            "write 'auth_pass PASSWORD' on a line of its own",
        );
        return AuthPlan::None;
    };
    match kind.value {
        AuthType::Pass => AuthPlan::Pass(key),
        AuthType::Ah => AuthPlan::Ah(key),
    }
}

/// keepalived's rounding: version 2 to whole seconds, half up and at least one; version 3 to centiseconds, up to 40.95 s.
fn interval(draft: &InstanceDraft, version: Version, context: &mut Context<'_>) -> AdvertInterval {
    let Some(set) = &draft.interval else {
        return AdvertInterval::DEFAULT;
    };
    let (unit, centis_of_unit, help) = match version {
        Version::V2 => (
            1_000_000,
            100,
            "version 2 has whole seconds; write 'version 3' for shorter intervals",
        ),
        Version::V3 => (10_000, 1, "write a multiple of 0.01 up to 40.95"),
    };
    let rounded = ((set.value + unit / 2) / unit).max(1) * unit;
    let limit = if version == Version::V3 {
        40_950_000
    } else {
        255_000_000
    };
    let used = rounded.min(limit);
    let centis = u16::try_from(used / unit * centis_of_unit).unwrap_or(u16::MAX);
    let interval = AdvertInterval::from_centis(centis).unwrap_or(AdvertInterval::DEFAULT);
    if used != set.value {
        let message = format!(
            "this advert_int does not go on the wire; {} s is used",
            Seconds(interval)
        );
        context.complain(set.span, message, help);
    }
    interval
}

struct Seconds(AdvertInterval);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let centis = self.0.as_centis();
        if centis.is_multiple_of(100) {
            write!(f, "{}", centis / 100)
        } else {
            write!(f, "{}.{:02}", centis / 100, centis % 100)
        }
    }
}

/// Checks the number of addresses, and what strict mode asks of the first.
fn addresses(
    draft: &mut InstanceDraft,
    family: Family,
    version: Version,
    strict: bool,
    context: &mut Context<'_>,
) -> Option<()> {
    if draft.addresses.is_empty() && !draft.no_addresses {
        let message = format!("instance {} has no virtual address", quoted(&draft.name));
        let help = "write at least one address into virtual_ipaddress";
        if version == Version::V3 || strict {
            context.refuse(draft.span, message, help);
            return None;
        }
        context.complain(draft.span, message, help);
    }
    let most = if family == Family::V4 {
        MOST_V4
    } else {
        MOST_V6
    };
    if draft.addresses.len() > most {
        let surplus = draft.addresses.split_off(most);
        if let Some(first) = surplus.first() {
            let message = format!(
                "an advert holds {most} addresses; this one and the {} after it are set but not advertised",
                surplus.len() - 1
            );
            context.complain(
                first.span,
                message,
                "move them to virtual_ipaddress_excluded or to another instance",
            );
        }
        draft.excluded.splice(0..0, surplus);
    }
    if strict
        && family == Family::V6
        && let Some(first) = draft.addresses.first()
        && !matches!(first.plan.address, IpAddr::V6(address) if address.is_unicast_link_local())
    {
        let message = "strict mode wants a link-local address first";
        context.complain(
            first.span,
            message,
            "write an fe80:: address as the first of the block",
        );
    }
    Some(())
}

/// Without accept mode keepalived drops traffic to the addresses by firewall rules, which vrrpd does not write yet.
fn accept(
    draft: &InstanceDraft,
    version: Version,
    strict: bool,
    priority: Priority,
    context: &mut Context<'_>,
) {
    if !strict || priority.is_owner() {
        return;
    }
    match (draft.accept, version) {
        (Some(span), Version::V2) => context.complain(
            span,
            "strict mode has no accept mode in version 2; keepalived would make the addresses unreachable, vrrpd does not yet",
            "remove vrrp_strict if the addresses are to answer",
        ),
        (None, _) => context.remark(
            draft.span,
            "strict mode makes keepalived drop all traffic to the virtual addresses; vrrpd does not do that yet",
            "remove vrrp_strict if the addresses are to answer",
        ),
        (Some(_), Version::V3) => {}
    }
}

fn announce(
    draft: &InstanceDraft,
    global: &GlobalDraft,
    strict: bool,
    context: &mut Context<'_>,
) -> crate::plan::AnnouncePlan {
    let mut plan = global.announce.resolve(&draft.announce);
    if strict {
        if let Some(span) = draft.announce_lower {
            forced(span, "garp_lower_prio_delay 0", context);
        }
        plan.lower_delay = std::time::Duration::ZERO;
        plan.lower_repeat = 0;
    }
    plan
}

/// `answer_lower` and `advert_before_yield`.
fn adverts(
    draft: &InstanceDraft,
    global: &GlobalDraft,
    strict: bool,
    context: &mut Context<'_>,
) -> (bool, bool) {
    let no_answer = draft
        .lower_no_advert
        .as_ref()
        .map_or(global.lower_no_advert, |set| set.value);
    let before_yield = draft
        .higher_send_advert
        .as_ref()
        .map_or(global.higher_send_advert, |set| set.value);
    if !strict {
        return (!no_answer, before_yield);
    }
    if let Some(set) = draft.lower_no_advert.as_ref().filter(|set| !set.value) {
        forced(set.span, "lower_prio_no_advert on", context);
    }
    if let Some(set) = draft.higher_send_advert.as_ref().filter(|set| set.value) {
        forced(set.span, "higher_prio_send_advert off", context);
    }
    (false, false)
}

fn forced(span: Span, setting: &str, context: &mut Context<'_>) {
    context.complain(
        span,
        format!("strict mode forces {setting}"),
        "remove the line, or strict mode",
    );
}

fn transport(
    draft: &InstanceDraft,
    family: Family,
    global: &GlobalDraft,
    strict: bool,
    context: &mut Context<'_>,
) -> Transport {
    let words = &draft.transport;
    if words.peers.is_empty() && !words.fault_without_peer {
        if let Some(span) = words.unicast_word {
            let message = "there are no unicast peers: adverts go by multicast";
            context.complain(span, message, "list the peers in 'unicast_peer { }', or write mcast_src_ip for a multicast source");
        }
        if let Some(ttl) = &words.ttl {
            context.complain(
                ttl.span,
                "unicast_ttl has no effect without unicast peers",
                "remove the line, or list the peers",
            );
        }
        let group = match family {
            Family::V4 => IpAddr::V4(global.group4),
            Family::V6 => IpAddr::V6(global.group6),
        };
        let group = words
            .group
            .filter(|own| own.is_ipv4() == group.is_ipv4())
            .unwrap_or(group);
        return Transport::Multicast { group };
    }
    if strict {
        let message = format!(
            "instance {} is unicast, which strict mode of keepalived 2.4 refuses",
            quoted(&draft.name)
        );
        context.remark(draft.span, message, "remove vrrp_strict or strict_mode");
    }
    Transport::Unicast {
        peers: words.peers.clone(),
        ttl: words
            .ttl
            .as_ref()
            .map_or(if family == Family::V4 { 255 } else { 64 }, |set| set.value),
        check_source: words.check_source || global.check_unicast_source,
        fault_without_peer: words.fault_without_peer,
    }
}

/// The router's own interface is watched in any case.
fn track_interfaces(draft: &InstanceDraft, own: &str, context: &mut Context<'_>) -> Vec<TrackPlan> {
    let mut tracks = Vec::new();
    for track in &draft.track_interfaces {
        if track.plan.name == own {
            let message = format!(
                "{} is the instance's own interface, which is watched in any case",
                quoted(own)
            );
            context.complain(track.span, message, "remove the entry");
        } else {
            tracks.push(track.plan.clone());
        }
    }
    tracks
}

/// Weights cannot move the owner's priority.
fn track_scripts(
    draft: &InstanceDraft,
    priority: Priority,
    context: &mut Context<'_>,
) -> Vec<TrackPlan> {
    let mut tracks = Vec::new();
    for track in &draft.track_scripts {
        if priority.is_owner() && track.plan.weight != 0 {
            let message = format!(
                "{} has a weight and the priority is 255, which never changes; it is NOT tracked",
                quoted(&track.plan.name)
            );
            context.complain(
                track.span,
                message,
                "use a priority up to 254, or weight 0 to go to FAULT instead",
            );
        } else {
            tracks.push(track.plan.clone());
        }
    }
    tracks
}
