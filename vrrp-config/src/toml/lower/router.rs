//! Virtual routers: the checks of RFC 9568 §6.1 and of the requirements C-01 to C-12.

use std::net::IpAddr;
use std::time::Duration;

use vrrp_proto::units::{AdvertInterval, Family, Priority, Version, Vrid};

use super::{Context, address, announce, commands, track, transport};
use crate::diff::RouterKey;
use crate::plan::{
    AuthPlan, ChecksumAccept, ChecksumForm, RestoreAddresses, RouterPlan, ScriptPlan, VipPlan,
};
use crate::toml::schema::{
    AuthWord, ChecksumAcceptWord, ChecksumWord, FamilyWord, RestoreWord, Router,
};

/// The most addresses that an advert over IPv6 holds in an MTU of 1500 bytes; over IPv4 the count's byte is the limit.
const MOST_V6: usize = 90;
const MOST_V4: usize = 255;

/// One router; `None` where it is too incomplete to check further.
pub(super) fn lower(
    router: &Router,
    scripts: &[ScriptPlan],
    context: &mut Context<'_, '_>,
) -> Option<RouterPlan> {
    let rfc = context.is_rfc();
    context.interface(router.interface.get_ref(), router.interface.span());
    let vrid = context
        .whole(*router.vrid.get_ref(), router.vrid.span(), "vrid", 1..=255)
        .and_then(Vrid::new);
    let addresses: Vec<VipPlan> = router
        .addresses
        .get_ref()
        .iter()
        .filter_map(|entry| address::lower(entry, context))
        .collect();
    let excluded = router
        .excluded
        .iter()
        .filter_map(|entry| address::lower(entry, context))
        .collect();
    let family = family(router, &addresses, context);
    let version = version(router, family, context);
    let interoperate = interoperate(router, family, version, context);
    let number = context.number(
        router.priority.as_ref(),
        "priority",
        1..=255,
        Priority::DEFAULT.as_u8(),
    );
    let priority = Priority::new(number).unwrap_or(Priority::DEFAULT);
    let require_link_local_first = router.require_link_local_first.unwrap_or(rfc);
    check_addresses(
        router,
        family,
        version,
        &addresses,
        require_link_local_first,
        context,
    );
    let (preempt, preempt_delay) = preempt(router, priority, context);
    let track_scripts = track::scripts(&router.track_scripts, scripts, context);
    if priority.is_owner() && track_scripts.iter().any(|track| track.weight != 0) {
        let at = router
            .priority
            .as_ref()
            .map_or_else(|| router.name.span(), toml::Spanned::span);
        let message = "the priority of an owner never changes, and a tracked script has a weight";
        context.refuse(
            at,
            message,
            "use a priority up to 254, or weight 0 to go to FAULT instead",
        );
    }
    let plan = RouterPlan {
        name: router.name.get_ref().clone(),
        interface: router.interface.get_ref().clone(),
        vrid: vrid?,
        family,
        version,
        interoperate,
        wanted_master: router.wanted_master || priority.is_owner(),
        priority,
        interval: interval(router, version, context),
        preempt,
        preempt_delay,
        down_adverts: context.number(router.down_adverts.as_ref(), "down_adverts", 1..=100, 3),
        answer_lower: router
            .answer_lower
            .unwrap_or(!rfc || version == Version::V3),
        advert_before_yield: router.advert_before_yield,
        auth: auth(router, version, context),
        transport: transport::lower(router, family, context),
        source: router.source.as_ref().map(|source| *source.get_ref()),
        track_source: router.source.is_some() && router.track_source.unwrap_or(true),
        addresses,
        excluded,
        check_addresses: router.check_addresses.unwrap_or(true),
        checksum_send: checksum_send(router, rfc),
        checksum_accept: checksum_accept(router),
        require_link_local_first,
        require_link_local_source: router.require_link_local_source.unwrap_or(rfc),
        owner_discards_v2: router.owner_discards_v2.unwrap_or(rfc),
        announce: announce::lower(&router.announce, context),
        dont_track_primary: router.dont_track_primary,
        track_interfaces: track::interfaces(
            &router.track_interfaces,
            Some(router.interface.get_ref()),
            context,
        ),
        track_scripts,
        notify: commands::notify(&router.notify, false, context),
        smtp_alert: router.smtp_alert,
        restore_addresses: restore(router),
    };
    Some(plan)
}

/// D-1: the RFC's form in profile rfc9568, keepalived's in profile keepalived.
const fn checksum_send(router: &Router, rfc: bool) -> ChecksumForm {
    match router.checksum_send {
        Some(ChecksumWord::Message) => ChecksumForm::Message,
        Some(ChecksumWord::PseudoHeader) => ChecksumForm::PseudoHeader,
        None if rfc => ChecksumForm::Message,
        None => ChecksumForm::PseudoHeader,
    }
}

/// P-15: either form unless one is asked for.
const fn checksum_accept(router: &Router) -> ChecksumAccept {
    match router.checksum_accept {
        Some(ChecksumAcceptWord::Both) | None => ChecksumAccept::Both,
        Some(ChecksumAcceptWord::Message) => ChecksumAccept::Only(ChecksumForm::Message),
        Some(ChecksumAcceptWord::PseudoHeader) => ChecksumAccept::Only(ChecksumForm::PseudoHeader),
    }
}

/// Safety rule 6.
const fn restore(router: &Router) -> RestoreAddresses {
    match router.restore_addresses {
        Some(RestoreWord::On) | None => RestoreAddresses::On,
        Some(RestoreWord::Bounce) => RestoreAddresses::Bounce,
        Some(RestoreWord::Off) => RestoreAddresses::Off,
    }
}

/// What is written, else what the first address shows.
fn family(router: &Router, addresses: &[VipPlan], context: &mut Context<'_, '_>) -> Family {
    let shown = addresses.first().map(|vip| Family::of(&vip.address));
    let Some(word) = &router.family else {
        return shown.unwrap_or(Family::V4);
    };
    let family = if *word.get_ref() == FamilyWord::Ipv4 {
        Family::V4
    } else {
        Family::V6
    };
    if shown.is_some_and(|shown| shown != family) {
        context.refuse(
            word.span(),
            "the addresses are of the other family",
            "remove the line: the addresses tell the family",
        );
    }
    family
}

/// C-12 and the profile's default: rfc9568 has version 3, keepalived 2 for IPv4.
fn version(router: &Router, family: Family, context: &mut Context<'_, '_>) -> Version {
    let default = if context.is_rfc() || family == Family::V6 {
        3
    } else {
        2
    };
    let number: i64 = context.number(router.version.as_ref(), "version", 2..=3, default);
    if number == 2 && family == Family::V6 {
        let at = router
            .version
            .as_ref()
            .map_or_else(|| router.name.span(), toml::Spanned::span);
        context.refuse(
            at,
            "version 2 is IPv4 only, and the addresses are IPv6",
            "write version = 3, or use IPv4 addresses",
        );
    }
    if number == 2 {
        Version::V2
    } else {
        Version::V3
    }
}

/// RFC 9568 §8.4.2: version 3 that also speaks version 2, which is IPv4 only.
fn interoperate(
    router: &Router,
    family: Family,
    version: Version,
    context: &mut Context<'_, '_>,
) -> bool {
    let Some(word) = router.interoperate.as_ref().filter(|word| *word.get_ref()) else {
        return false;
    };
    if version == Version::V2 || family == Family::V6 {
        let message = "interoperate is for version 3 over IPv4";
        context.refuse(
            word.span(),
            message,
            "remove the line: a version 2 router speaks version 2 anyway",
        );
    }
    true
}

/// C-07 and C-08.
fn check_addresses(
    router: &Router,
    family: Family,
    version: Version,
    addresses: &[VipPlan],
    link_local_first: bool,
    context: &mut Context<'_, '_>,
) {
    let list = &router.addresses;
    let most = if family == Family::V4 {
        MOST_V4
    } else {
        MOST_V6
    };
    // P-06: keepalived runs version 2 routers without addresses.
    let may_be_empty = version == Version::V2 && !context.is_rfc();
    let empty = list.get_ref().is_empty() && !may_be_empty;
    if empty || list.get_ref().len() > most {
        let message = format!(
            "a router advertises 1 to {most} addresses, not {}",
            list.get_ref().len()
        );
        context.refuse(
            list.span(),
            message,
            "put further ones into 'excluded', or into another router",
        );
    }
    let mut seen: Vec<IpAddr> = Vec::new();
    for (vip, entry) in addresses.iter().zip(list.get_ref()) {
        if Family::of(&vip.address) != family {
            let message = format!("{} is of the other family than this router", vip.address);
            context.refuse(
                entry.span(),
                message,
                "put it into 'excluded', or into a router of its own, which may have the same vrid",
            );
        }
        if seen.contains(&vip.address) {
            context.refuse(
                entry.span(),
                format!("{} is listed twice", vip.address),
                "keep one of the two",
            );
        }
        seen.push(vip.address);
    }
    if let Some(IpAddr::V6(first)) = seen.first()
        && link_local_first
        && version == Version::V3
        && !first.is_unicast_link_local()
    {
        let message = format!("{first} is first, and an IPv6 router's first address is link-local");
        let help = "write an fe80:: address first, or require_link_local_first = false for peers such as keepalived";
        context.refuse(list.span(), message, help);
    }
}

fn preempt(router: &Router, priority: Priority, context: &mut Context<'_, '_>) -> (bool, Duration) {
    let preempt = router.preempt.as_ref().is_none_or(|word| *word.get_ref());
    let delay = context.time(
        router.preempt_delay.as_ref(),
        "preempt_delay",
        0..=1_000_000_000,
        0,
    );
    if let Some(word) = router
        .preempt
        .as_ref()
        .filter(|_| !preempt && priority.is_owner())
    {
        context.refuse(
            word.span(),
            "the owner, priority 255, always preempts",
            "use a priority up to 254",
        );
    }
    if let Some(word) = router.preempt_delay.as_ref().filter(|_| !delay.is_zero()) {
        if !preempt {
            context.refuse(
                word.span(),
                "preempt_delay without preempt has no effect",
                "remove one of the two",
            );
        } else if priority.is_owner() {
            context.refuse(
                word.span(),
                "the owner, priority 255, does not wait",
                "use a priority up to 254",
            );
        }
    }
    (preempt, delay)
}

/// C-03 and C-04: what does not go on the wire is refused, not rounded.
fn interval(router: &Router, version: Version, context: &mut Context<'_, '_>) -> AdvertInterval {
    let Some(field) = &router.interval else {
        return AdvertInterval::DEFAULT;
    };
    let micros = field.get_ref().0;
    let (unit, most, help) = match version {
        Version::V2 => (
            1_000_000,
            255_000_000,
            "version 2 has whole seconds from 1 to 255",
        ),
        Version::V3 => (
            10_000,
            40_950_000,
            "version 3 has multiples of 0.01 from 0.01 to 40.95 seconds",
        ),
    };
    let centis = u16::try_from(micros / 10_000)
        .ok()
        .and_then(AdvertInterval::from_centis);
    match centis.filter(|_| micros % unit == 0 && micros <= most) {
        Some(interval) => interval,
        None => {
            let seconds = Duration::from_micros(micros).as_secs_f64();
            context.refuse(
                field.span(),
                format!("an interval of {seconds} s does not go on the wire"),
                help,
            );
            AdvertInterval::DEFAULT
        }
    }
}

/// U-03 and U-04.
fn auth(router: &Router, version: Version, context: &mut Context<'_, '_>) -> AuthPlan {
    let Some(auth) = &router.auth else {
        return AuthPlan::None;
    };
    if version == Version::V3 {
        let message = "version 3 has no authentication";
        context.refuse(
            auth.span(),
            message,
            "remove it, or write version = 2; it never kept an attacker out",
        );
    }
    let password = &auth.get_ref().password;
    let bytes = password.get_ref().as_bytes();
    if bytes.is_empty() || bytes.len() > 8 || bytes.contains(&0) {
        let message = format!(
            "a password has 1 to 8 bytes, none of them zero; this one has {}",
            bytes.len()
        );
        context.refuse(
            password.span(),
            message,
            "a keepalived peer uses the first 8 bytes of a longer one: write those",
        );
    }
    let mut key = [0; 8];
    for (slot, byte) in key.iter_mut().zip(bytes) {
        *slot = *byte;
    }
    match auth.get_ref().method {
        AuthWord::Pass => AuthPlan::Pass(key),
        AuthWord::Ah => AuthPlan::Ah(key),
    }
}

/// C-01 and C-12: one router for a VRID, family and interface; names differ.
pub(super) fn check_identities(
    written: &[Router],
    routers: &[RouterPlan],
    context: &mut Context<'_, '_>,
) {
    for router in written {
        context.unique(
            &router.name,
            written.iter().map(|other| &other.name),
            "router",
        );
    }
    for (index, router) in routers.iter().enumerate() {
        let key = RouterKey::of(router);
        let Some(other) = routers
            .iter()
            .take(index)
            .find(|other| RouterKey::of(other) == key)
        else {
            continue;
        };
        let place = written
            .iter()
            .rev()
            .find(|written| *written.name.get_ref() == router.name);
        if let Some(place) = place {
            let message = format!(
                "routers '{}' and '{}' both are {key}",
                other.name, router.name
            );
            context.refuse(
                place.vrid.span(),
                message,
                "give one of them another vrid, here and on its peers",
            );
        }
    }
}
