//! Virtual addresses.

use std::ops::Range;

use toml::Spanned;

use super::Context;
use crate::plan::VipPlan;
use crate::toml::schema::Address;
use crate::toml::value::TextOr;

/// One virtual address.
pub(super) fn lower(
    entry: &Spanned<TextOr<Address>>,
    context: &mut Context<'_, '_>,
) -> Option<VipPlan> {
    let at = entry.span();
    match entry.get_ref() {
        TextOr::Text(text) => plain(text, at, context),
        TextOr::More(more) => detailed(more, at, context),
    }
}

fn plain(text: &str, at: Range<usize>, context: &mut Context<'_, '_>) -> Option<VipPlan> {
    let (address, prefix) = context.address(text, at)?;
    Some(VipPlan::plain(address, prefix))
}

fn detailed(more: &Address, at: Range<usize>, context: &mut Context<'_, '_>) -> Option<VipPlan> {
    let mut plan = plain(&more.address, at.clone(), context)?;
    let is_v4 = plan.address.is_ipv4();
    if let Some(interface) = &more.interface {
        context.interface(interface.get_ref(), interface.span());
        plan.interface = Some(interface.get_ref().clone());
    }
    if more.broadcast.is_some() && !is_v4 {
        context.refuse(
            at.clone(),
            "IPv6 has no broadcast address",
            "remove 'broadcast'",
        );
    }
    plan.broadcast = more.broadcast;
    plan.scope = context.number(more.scope.as_ref(), "scope", 0..=255, plan.scope);
    if let Some(label) = &more.label {
        if label.get_ref().is_empty() || label.get_ref().len() > 15 || !is_v4 {
            let message = format!("label '{}' cannot be set", label.get_ref());
            context.refuse(
                label.span(),
                message,
                "IPv4 addresses have labels of 1 to 15 bytes, by convention INTERFACE:NUMBER",
            );
        }
        plan.label = Some(label.get_ref().clone());
    }
    if let Some(peer) = &more.peer
        && let Some((address, prefix)) = context.address(peer.get_ref(), peer.span())
    {
        if address.is_ipv4() != is_v4 {
            context.refuse(
                peer.span(),
                "the peer is of the other family",
                "write the address of the other end",
            );
        }
        plan.peer = Some((address, prefix.unwrap_or(if is_v4 { 32 } else { 128 })));
    }
    let lifetime = more.preferred_lifetime.as_ref();
    plan.preferred_lifetime = context.number(
        lifetime,
        "preferred_lifetime",
        0..=i64::from(u32::MAX),
        plan.preferred_lifetime,
    );
    plan.dad = more.dad;
    plan.home = more.home;
    plan.manage_temporary = more.manage_temporary;
    plan.autojoin = more.autojoin;
    plan.no_prefix_route = more.no_prefix_route;
    plan.track = more.track.unwrap_or(true);
    Some(plan)
}
