//! Entries of `virtual_ipaddress` and `virtual_ipaddress_excluded`: an address and the words beside it.

use std::net::{IpAddr, Ipv4Addr};

use super::Context;
use super::value::quoted;
use crate::keepalived::token::Word;
use crate::keepalived::tree::Node;
use crate::plan::VipPlan;
use crate::source::Span;

/// An entry and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Vip {
    pub(super) plan: VipPlan,
    pub(super) span: Span,
}

/// One entry; `None` where it is dropped, which was said.
pub(super) fn read(entry: &Node, context: &mut Context<'_>) -> Option<Vip> {
    context.no_block(entry);
    let word = &entry.keyword;
    let (address, length) = word
        .text
        .split_once('/')
        .map_or((word.text.as_str(), None), |(a, l)| (a, Some(l)));
    let Ok(address) = address.parse::<IpAddr>() else {
        let message = format!(
            "{} is not an IP address; the entry is skipped",
            quoted(&word.text)
        );
        context.complain(
            word.span,
            message,
            "write an address such as 192.0.2.1/24, one a line",
        );
        return None;
    };
    let prefix = prefix(address, length, word, context);
    let mut vip = Vip {
        plan: VipPlan::plain(address, Some(prefix)),
        span: word.span,
    };
    let mut lifetime = None;
    let mut broadcast = None;
    let mut words = entry.arguments.iter();
    while let Some(word) = words.next() {
        let plan = &mut vip.plan;
        match word.text.as_str() {
            "dev" => {
                let device = value(word, &mut words, "DEVICE", context)?;
                plan.interface = Some(context.interface(device)?);
            }
            "brd" | "broadcast" => {
                broadcast = Some(value(word, &mut words, "ADDRESS, + or -", context)?)
            }
            "scope" => {
                let scope_word = value(word, &mut words, "NAME", context)?;
                plan.scope = scope(scope_word, context).unwrap_or(plan.scope);
            }
            "label" => {
                plan.label = Some(label(value(word, &mut words, "LABEL", context)?, context)?)
            }
            "peer" => {
                let peer_word = value(word, &mut words, "ADDRESS", context)?;
                plan.peer = peer(peer_word, address, context);
            }
            "preferred_lft" => {
                lifetime = Some(preferred(
                    value(word, &mut words, "SECONDS", context)?,
                    context,
                )?)
            }
            "home" => plan.home = true,
            "-nodad" => plan.dad = true,
            "mngtmpaddr" => plan.manage_temporary = true,
            "autojoin" => plan.autojoin = true,
            "noprefixroute" => plan.no_prefix_route = true,
            "no_track" => plan.track = false,
            "use_vmac" => context.remark(
                word.span,
                "'use_vmac' of an address is not yet honoured by vrrpd",
                "the word may stay; the address goes on the interface itself",
            ),
            other => {
                let message = format!(
                    "{} is no word of an address entry and is ignored",
                    quoted(other)
                );
                let help = if other.parse::<IpAddr>().is_ok() {
                    "write one address a line"
                } else {
                    "see keepalived.conf(5) for the words that may follow an address"
                };
                context.complain(word.span, message, help);
            }
        }
    }
    if let Some(lifetime) = lifetime {
        vip.plan.preferred_lifetime = lifetime;
    }
    if let Some(word) = broadcast {
        vip.plan.broadcast = broadcast_of(word, address, prefix, context)?;
    }
    Some(vip)
}

const fn longest(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn prefix(address: IpAddr, length: Option<&str>, word: &Word, context: &mut Context<'_>) -> u8 {
    let longest = longest(address);
    let Some(length) = length else { return longest };
    length
        .parse()
        .ok()
        .filter(|length| *length <= longest)
        .unwrap_or_else(|| {
            let message = format!(
                "prefix length {} is out of range; /{longest} is used",
                quoted(length)
            );
            context.complain(
                word.span,
                message,
                format!("write a length from 0 to {longest}, or none for /{longest}"),
            );
            longest
        })
}

/// The word that an option needs; the whole entry is dropped where it is missing.
fn value<'n>(
    option: &Word,
    words: &mut std::slice::Iter<'n, Word>,
    expected: &str,
    context: &mut Context<'_>,
) -> Option<&'n Word> {
    let next = words.next();
    if next.is_none() {
        let message = format!(
            "{} has no value; the address is skipped",
            quoted(&option.text)
        );
        context.complain(
            option.span,
            message,
            format!("write '{} {expected}', or remove the word", option.text),
        );
    }
    next
}

fn scope(word: &Word, context: &mut Context<'_>) -> Option<u8> {
    match word.text.as_str() {
        "global" => Some(0),
        "site" => Some(200),
        "link" => Some(253),
        "host" => Some(254),
        "nowhere" => Some(255),
        other => {
            let number = other.parse().ok();
            if number.is_none() {
                let message = format!("scope {} is unknown and is ignored", quoted(other));
                context.complain(
                    word.span,
                    message,
                    "write global, site, link, host, nowhere or a number up to 255",
                );
            }
            number
        }
    }
}

fn label(word: &Word, context: &mut Context<'_>) -> Option<String> {
    if word.text.len() > 15 || word.text.is_empty() {
        let message = format!(
            "label {} has more than 15 bytes; the address is skipped",
            quoted(&word.text)
        );
        context.complain(
            word.span,
            message,
            "shorten it, by convention to INTERFACE:NUMBER",
        );
        return None;
    }
    Some(word.text.clone())
}

fn peer(word: &Word, address: IpAddr, context: &mut Context<'_>) -> Option<(IpAddr, u8)> {
    let (text, length) = word
        .text
        .split_once('/')
        .map_or((word.text.as_str(), None), |(a, l)| (a, Some(l)));
    let peer = text
        .parse::<IpAddr>()
        .ok()
        .filter(|peer| peer.is_ipv4() == address.is_ipv4());
    let Some(peer) = peer else {
        let message = format!(
            "peer {} is no address of the same family and is ignored",
            quoted(&word.text)
        );
        context.complain(word.span, message, "write the address of the other end");
        return None;
    };
    Some((peer, prefix(peer, length, word, context)))
}

fn preferred(word: &Word, context: &mut Context<'_>) -> Option<u32> {
    if word.text == "forever" {
        return Some(u32::MAX);
    }
    let lifetime = word.text.parse().ok();
    if lifetime.is_none() {
        let message = format!(
            "lifetime {} is no number of seconds; the address is skipped",
            quoted(&word.text)
        );
        context.complain(word.span, message, "write seconds or 'forever'");
    }
    lifetime
}

/// The broadcast address of an entry; `None` drops the entry.
fn broadcast_of(
    word: &Word,
    address: IpAddr,
    prefix: u8,
    context: &mut Context<'_>,
) -> Option<Option<Ipv4Addr>> {
    let IpAddr::V4(address) = address else {
        context.complain(
            word.span,
            "IPv6 has no broadcast; the address is skipped",
            "remove 'brd' and its value",
        );
        return None;
    };
    let host = u32::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
    let computed = match word.text.as_str() {
        "+" => address.to_bits() | host,
        "-" => address.to_bits() & !host,
        other => {
            let parsed = other.parse().ok();
            if parsed.is_none() {
                let message = format!(
                    "broadcast {} is no IPv4 address; the address is skipped",
                    quoted(other)
                );
                context.complain(word.span, message, "write an address, '+' or '-'");
                return None;
            }
            return Some(parsed);
        }
    };
    if prefix >= 31 {
        let message = format!("a /{prefix} has no broadcast address; none is set");
        context.complain(
            word.span,
            message,
            "write the subnet's prefix length behind the address, or remove 'brd'",
        );
        return Some(None);
    }
    Some(Some(Ipv4Addr::from_bits(computed)))
}
