//! Multicast or unicast.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use toml::Spanned;
use vrrp_proto::units::Family;

use super::Context;
use crate::plan::{PeerPlan, Transport};
use crate::toml::schema::{Router, Unicast};
use crate::toml::value::TextOr;

/// How a router's adverts travel.
pub(super) fn lower(router: &Router, family: Family, context: &mut Context<'_, '_>) -> Transport {
    if let Some(source) = &router.source
        && Family::of(source.get_ref()) != family
    {
        context.refuse(
            source.span(),
            "the source is of the other family than the addresses",
            "use one family in a router",
        );
    }
    match (&router.unicast, &router.multicast_group) {
        (Some(unicast), group) => {
            if let Some(group) = group {
                context.refuse(
                    group.span(),
                    "a unicast router has no multicast_group",
                    "remove one of the two",
                );
            }
            peers(unicast, family, context)
        }
        (None, group) => {
            let usual = match family {
                Family::V4 => IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18)),
                Family::V6 => IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12)),
            };
            if let Some(group) = group
                && (!group.get_ref().is_multicast() || Family::of(group.get_ref()) != family)
            {
                let message = format!(
                    "{} is no multicast address of this router's family",
                    group.get_ref()
                );
                context.refuse(
                    group.span(),
                    message,
                    format!("remove the line for {usual}"),
                );
            }
            Transport::Multicast {
                group: group.as_ref().map_or(usual, |group| *group.get_ref()),
            }
        }
    }
}

fn peers(unicast: &Spanned<Unicast>, family: Family, context: &mut Context<'_, '_>) -> Transport {
    let table = unicast.get_ref();
    let rfc = context.is_rfc();
    let mut peers: Vec<PeerPlan> = Vec::new();
    for entry in &table.peers {
        let (text, limits) = match entry.get_ref() {
            TextOr::Text(text) => (text, None),
            TextOr::More(more) => (&more.address, Some(more)),
        };
        let Ok(address) = text.parse::<IpAddr>() else {
            context.refuse(
                entry.span(),
                format!("peer '{text}' is not an address"),
                "write an address such as \"192.0.2.2\"",
            );
            continue;
        };
        if Family::of(&address) != family {
            context.refuse(
                entry.span(),
                format!("peer {address} is of the other family"),
                "use one family in a router",
            );
        }
        if peers.iter().any(|peer| peer.address == address) {
            context.refuse(
                entry.span(),
                format!("peer {address} is listed twice"),
                "keep one of the two",
            );
        }
        // U-11: a TTL below 255 shows that the packet crossed a router.
        let least = if rfc { 255 } else { 0 };
        let min_ttl = context.number(
            limits.and_then(|more| more.min_ttl.as_ref()),
            "min_ttl",
            0..=255,
            least,
        );
        let max_ttl = context.number(
            limits.and_then(|more| more.max_ttl.as_ref()),
            "max_ttl",
            0..=255,
            255,
        );
        if min_ttl > max_ttl {
            context.refuse(
                entry.span(),
                format!("no TTL is both {min_ttl} or more and {max_ttl} or less"),
                "swap or remove the limits",
            );
        }
        peers.push(PeerPlan {
            address,
            min_ttl,
            max_ttl,
        });
    }
    if table.peers.is_empty() && !table.fault_without_peer {
        context.refuse(
            unicast.span(),
            "a unicast router needs a peer",
            "list the peers, or remove [router.unicast] for multicast",
        );
    }
    let ttl = if rfc || family == Family::V4 { 255 } else { 64 };
    Transport::Unicast {
        peers,
        ttl: context.number(table.ttl.as_ref(), "ttl", 1..=255, ttl),
        check_source: table.check_source.unwrap_or(rfc),
        fault_without_peer: table.fault_without_peer,
    }
}
