//! From what an instance's words say to what holds: defaults, contradictions, strict mode, version and family.
//!
//! The order of the steps is keepalived's, since one contradiction may hide another.

use std::net::IpAddr;

use vrrp_proto::units::{Family, Priority, Version};

use super::address::Vip;
use super::global::GlobalDraft;
use super::instance::{AuthType, InstanceDraft};
use super::value::quoted;
use super::{Context, settings, timing};
use crate::plan::{AuthPlan, ChecksumAccept, ChecksumForm, NotifyPlan, RouterPlan, VipPlan};
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
    let (preempt, preempt_delay) =
        timing::preempt(&draft, priority, wanted_master, strict, context);
    let down_adverts = match (&draft.down_adverts, strict) {
        (Some(set), true) if set.value != 3 => {
            settings::forced(set.span, "down_timer_adverts 3", context);
            3
        }
        (_, true) => 3,
        (set, false) => set.as_ref().map_or(global.down_adverts, |set| set.value),
    };
    let interval = timing::interval(&draft, version, context);
    addresses(&mut draft, family, version, strict, context)?;
    settings::accept(&draft, version, strict, priority, context);
    let announce = settings::announce(&draft, global, strict, context);
    let (answer_lower, advert_before_yield) = settings::adverts(&draft, global, strict, context);
    let source = draft.transport.source.as_ref().map(|set| set.value);
    let track_source =
        source.is_some() && (draft.transport.track_source || !draft.transport.peers.is_empty());
    let transport = settings::transport(&draft, family, global, strict, context);
    let (interface, vrid) = (interface?, vrid?);
    let track_interfaces = settings::track_interfaces(&draft, &interface.0, priority, context);
    let track_scripts = settings::track_scripts(&draft, priority, context);
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
        notify: NotifyPlan {
            priority_changes: draft.priority_changes.unwrap_or(global.priority_changes),
            ..draft.notify
        },
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
    let help = "write 'virtual_router_id N' with the number from 1 to 255 that its peers have";
    // Where none is good, the last one is why the instance cannot be.
    let (refused, ignored) = match (&draft.vrid, draft.bad_vrids.split_last()) {
        (None, Some((last, others))) => (Some(last), others),
        (_, _) => (None, draft.bad_vrids.as_slice()),
    };
    for bad in ignored {
        context.complain(bad.span, format!("{}; it is ignored", bad.value), help);
    }
    if let Some(bad) = refused {
        let message = format!("{}, and instance {shown} has no other", bad.value);
        context.refuse(bad.span, message, help);
    } else if draft.vrid.is_none() {
        let message = format!("instance {shown} has no virtual_router_id");
        context.refuse(draft.span, message, help);
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

/// Checks the number of addresses, and what strict mode asks of the first.
fn addresses(
    draft: &mut InstanceDraft,
    family: Family,
    version: Version,
    strict: bool,
    context: &mut Context<'_>,
) -> Option<()> {
    if draft.addresses.is_empty() {
        let message = format!("instance {} has no virtual address", quoted(&draft.name));
        let help = "write at least one address into virtual_ipaddress";
        if version == Version::V3 {
            // Whatever `no_virtual_ipaddress` says: such an advert cannot be built (RFC 9568 §5.2.5).
            let help = format!("{help}; only version 2 can do without");
            context.refuse(draft.span, message, help);
            return None;
        }
        if strict && !draft.no_addresses {
            context.refuse(draft.span, message, help);
            return None;
        }
        if !draft.no_addresses {
            context.complain(draft.span, message, help);
        }
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
