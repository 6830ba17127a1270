//! How an instance's adverts travel: source address, multicast group or unicast peers.

use std::net::IpAddr;

use vrrp_proto::units::Family;

use super::Context;
use super::value::{Set, narrow, quoted};
use crate::keepalived::token::Word;
use crate::keepalived::tree::Node;
use crate::plan::PeerPlan;
use crate::source::Span;

/// What the words about transport say.
#[derive(Debug, Default)]
pub(super) struct TransportDraft {
    pub(super) source: Option<Set<IpAddr>>,
    pub(super) track_source: bool,
    pub(super) group: Option<Set<IpAddr>>,
    pub(super) peers: Vec<PeerPlan>,
    pub(super) ttl: Option<Set<u8>>,
    pub(super) check_source: bool,
    pub(super) fault_without_peer: bool,
    /// The first word that makes sense with peers only.
    pub(super) unicast_word: Option<Span>,
}

impl TransportDraft {
    /// Takes a keyword; false where it is none of these.
    pub(super) fn read(
        &mut self,
        node: &Node,
        family: &mut Option<Family>,
        context: &mut Context<'_>,
    ) -> bool {
        match node.keyword.text.as_str() {
            "mcast_src_ip" => self.source(node, family, context),
            "unicast_src_ip" => {
                self.source(node, family, context);
                self.unicast(node);
            }
            "mcast_dst_ip" => self.group(node, family, context),
            "track_src_ip" => self.track_source = context.flag(node),
            "unicast_peer" => {
                self.unicast(node);
                for entry in context.block(node) {
                    self.peer(entry, family, context);
                }
            }
            "unicast_ttl" => {
                if let Some(number) = context.number(node, 0..=255, "it is ignored")
                    && let Some(value) = narrow(number.value)
                {
                    self.ttl = Some(Set {
                        value,
                        span: node.keyword.span,
                    });
                }
            }
            "check_unicast_src" => {
                self.check_source = context.flag(node);
                self.unicast(node);
            }
            "unicast_fault_no_peer" => self.fault_without_peer = context.flag(node),
            _ => return false,
        }
        true
    }

    fn unicast(&mut self, node: &Node) {
        self.unicast_word.get_or_insert(node.keyword.span);
    }

    fn source(&mut self, node: &Node, family: &mut Option<Family>, context: &mut Context<'_>) {
        let Some(word) = context.argument(node, "ADDRESS") else {
            return;
        };
        context.surplus(node, 1);
        if let Some(address) = context.address(word, "source address")
            && agrees(address, word, family, "source address", context)
        {
            self.source = Some(Set {
                value: address,
                span: word.span,
            });
        }
    }

    fn group(&mut self, node: &Node, family: &mut Option<Family>, context: &mut Context<'_>) {
        let Some(word) = context.argument(node, "ADDRESS") else {
            return;
        };
        let group = word
            .text
            .parse::<IpAddr>()
            .ok()
            .filter(IpAddr::is_multicast);
        if group.is_none() {
            let message = format!(
                "{} is no multicast address; the usual group is used",
                quoted(&word.text)
            );
            context.complain(
                word.span,
                message,
                "remove the line for 224.0.0.18 and ff02::12",
            );
        }
        if let Some(group) = group
            && agrees(group, word, family, "multicast address", context)
        {
            self.group = Some(Set {
                value: group,
                span: node.keyword.span,
            });
        }
    }

    fn peer(&mut self, entry: &Node, family: &mut Option<Family>, context: &mut Context<'_>) {
        context.no_block(entry);
        let Some(address) = context.address(&entry.keyword, "peer") else {
            return;
        };
        if !agrees(address, &entry.keyword, family, "peer", context) {
            return;
        }
        let mut peer = PeerPlan {
            address,
            min_ttl: 0,
            max_ttl: 255,
        };
        let mut words = entry.arguments.iter();
        while let Some(word) = words.next() {
            let limit = match word.text.as_str() {
                "min_ttl" => &mut peer.min_ttl,
                "max_ttl" => &mut peer.max_ttl,
                other => {
                    let message =
                        format!("{} is no option of a peer and is ignored", quoted(other));
                    let help = if other.parse::<IpAddr>().is_ok() {
                        "write one peer a line"
                    } else {
                        "only min_ttl and max_ttl may follow a peer's address"
                    };
                    context.complain(word.span, message, help);
                    continue;
                }
            };
            let Some(number) = words.next() else {
                context.complain(
                    word.span,
                    format!("{} has no value", quoted(&word.text)),
                    "write a number from 0 to 255",
                );
                break;
            };
            if let Some(value) = context.number_of("TTL", number, &(0..=255), "it is ignored") {
                *limit = narrow(value.value).unwrap_or(*limit);
                self.check_source = true;
            }
        }
        if self.peers.iter().any(|known| known.address == peer.address) {
            let message = format!(
                "{address} is a peer already: keepalived 2.2 sends it everything twice; it is taken once"
            );
            context.remark(entry.keyword.span, message, "remove one of the two lines");
            return;
        }
        self.peers.push(peer);
    }
}

/// Whether an address has the instance's family, which the first one decides.
fn agrees(
    address: IpAddr,
    word: &Word,
    family: &mut Option<Family>,
    what: &str,
    context: &mut Context<'_>,
) -> bool {
    let own = Family::of(&address);
    let agrees = *family.get_or_insert(own) == own;
    if !agrees {
        let message =
            format!("{what} {address} is of the other family than this instance and is skipped");
        context.complain(
            word.span,
            message,
            "use addresses of one family in an instance",
        );
    }
    agrees
}
