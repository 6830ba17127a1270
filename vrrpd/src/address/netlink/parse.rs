//! From a netlink datagram to the few facts that matter here.
//!
//! Attributes that are not needed are not looked at, so a kernel that learns new ones cannot make a message unreadable;
//! lengths that do not fit do.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_core::{NetlinkBuffer, NlasIterator};
use nix::libc;
use vrrp_proto::units::MacAddr;

/// A link, as the kernel tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LinkSeen {
    /// Its number.
    pub(crate) index: u32,
    /// Its name.
    pub(crate) name: String,
    /// `IFF_*`.
    pub(crate) flags: u32,
    /// `ARPHRD_*`.
    pub(crate) kind: u16,
    /// Its address, where that is six bytes.
    pub(crate) mac: Option<MacAddr>,
    /// Largest packet.
    pub(crate) mtu: u32,
    /// How often its carrier came or went, where the kernel counts (Linux 3.15 and later).
    pub(crate) carrier_changes: Option<u32>,
    /// Number of the bridge, bond or VRF that it is a port of; 0 without one.
    pub(crate) master: u32,
}

/// The root queue discipline of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueSeen {
    /// Packets that it and those below it dropped.
    pub(crate) dropped: u32,
    /// Bytes that wait in it.
    pub(crate) backlog: u32,
}

/// An address of an interface, as the kernel tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AddressSeen {
    /// Number of its interface.
    pub(crate) index: u32,
    /// The address itself.
    pub(crate) local: IpAddr,
    /// The other end of a point-to-point address, else the address itself.
    pub(crate) peer: IpAddr,
    /// Prefix length, of the peer where there is one.
    pub(crate) prefix: u8,
    /// `IFA_F_*`.
    pub(crate) flags: u32,
    /// `IFA_PROTO`: who added it, where the kernel keeps that (Linux 5.18 and later).
    pub(crate) origin: Option<u8>,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// A link is there, or changed.
    Link(LinkSeen),
    /// A link is gone.
    LinkGone {
        /// Its number.
        index: u32,
    },
    /// An address is there, or changed.
    Address(AddressSeen),
    /// An address is gone.
    AddressGone(AddressSeen),
    /// A queue discipline.
    Queue(QueueSeen),
    /// A route, by its gateway.
    Route(Option<IpAddr>),
    /// The answer to a request: no errno is success.
    Answer(Option<i32>),
    /// The end of a dump.
    Done,
    /// Something else.
    Other,
}

/// The header's part of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct From {
    /// The netlink port whose request caused it; 0 is the kernel's own doing.
    pub(crate) port: u32,
    /// The request's number.
    pub(crate) sequence: u32,
    /// The dump was interrupted by a change and has to be repeated.
    pub(crate) interrupted: bool,
}

/// A datagram whose lengths do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Bytes of a message's header.
const HEADER: usize = 16;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_DUMP_INTR: u16 = 0x10;
// Numbers of linux/if_link.h and linux/if_addr.h.
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_MASTER: u16 = 10;
const IFLA_CARRIER_CHANGES: u16 = 35;
// Numbers of linux/rtnetlink.h and linux/gen_stats.h.
const TCA_STATS2: u16 = 7;
const TCA_STATS_QUEUE: u16 = 3;
const RTA_GATEWAY: u16 = 5;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_FLAGS: u16 = 8;
const IFA_PROTO: u16 = 11;
/// The longest interface name, without its end.
const NAME: usize = libc::IF_NAMESIZE - 1;

/// Hands every message of a datagram to `sink`, in order.
pub(crate) fn parse(
    mut datagram: &[u8],
    sink: &mut dyn FnMut(From, Message),
) -> Result<(), Malformed> {
    while !datagram.is_empty() {
        let buffer = NetlinkBuffer::new_checked(datagram).map_err(|_| Malformed)?;
        let length = usize::try_from(buffer.length()).map_err(|_| Malformed)?;
        let from = From {
            port: buffer.port_number(),
            sequence: buffer.sequence_number(),
            interrupted: buffer.flags() & NLM_F_DUMP_INTR != 0,
        };
        let payload = datagram.get(HEADER..length).ok_or(Malformed)?;
        sink(from, message(buffer.message_type(), payload)?);
        datagram = datagram
            .get(length.next_multiple_of(4)..)
            .unwrap_or_default();
    }
    Ok(())
}

fn message(kind: u16, payload: &[u8]) -> Result<Message, Malformed> {
    Ok(match kind {
        libc::RTM_NEWLINK => link(payload)?.map_or(Message::Other, Message::Link),
        libc::RTM_DELLINK => link(payload)?.map_or(Message::Other, |link| Message::LinkGone {
            index: link.index,
        }),
        libc::RTM_NEWADDR => address(payload)?.map_or(Message::Other, Message::Address),
        libc::RTM_DELADDR => address(payload)?.map_or(Message::Other, Message::AddressGone),
        libc::RTM_NEWQDISC => queue(payload)?.map_or(Message::Other, Message::Queue),
        libc::RTM_NEWROUTE => Message::Route(gateway(payload)?),
        NLMSG_ERROR => {
            let code = payload.first_chunk::<4>().ok_or(Malformed)?;
            let code = i32::from_ne_bytes(*code);
            Message::Answer((code != 0).then(|| code.saturating_neg()))
        }
        NLMSG_DONE => Message::Done,
        _ => Message::Other,
    })
}

/// `None` for what bridges and other families tell about their side of a link: removing a port from a bridge is not the
/// end of the port.
fn link(payload: &[u8]) -> Result<Option<LinkSeen>, Malformed> {
    let (
        &[
            family,
            _,
            k0,
            k1,
            i0,
            i1,
            i2,
            i3,
            f0,
            f1,
            f2,
            f3,
            _,
            _,
            _,
            _,
        ],
        attributes,
    ) = payload.split_first_chunk::<16>().ok_or(Malformed)?;
    if i32::from(family) != libc::AF_UNSPEC {
        return Ok(None);
    }
    let mut seen = LinkSeen {
        index: u32::from_ne_bytes([i0, i1, i2, i3]),
        name: String::new(),
        flags: u32::from_ne_bytes([f0, f1, f2, f3]),
        kind: u16::from_ne_bytes([k0, k1]),
        mac: None,
        mtu: 0,
        carrier_changes: None,
        master: 0,
    };
    for attribute in NlasIterator::new(attributes) {
        let attribute = attribute.map_err(|_| Malformed)?;
        let value = attribute.value();
        match attribute.kind() {
            IFLA_IFNAME => {
                let name = value.strip_suffix(&[0]).unwrap_or(value);
                // Names are bytes to the kernel; one that is no text is none that a configuration can name.
                let name = std::str::from_utf8(name).unwrap_or_default();
                if name.len() <= NAME {
                    name.clone_into(&mut seen.name);
                }
            }
            IFLA_ADDRESS => seen.mac = value.try_into().ok().map(MacAddr),
            IFLA_MTU => {
                seen.mtu = u32::from_ne_bytes(value.try_into().map_err(|_| Malformed)?);
            }
            IFLA_CARRIER_CHANGES => {
                seen.carrier_changes = value.try_into().ok().map(u32::from_ne_bytes);
            }
            IFLA_MASTER => {
                seen.master = u32::from_ne_bytes(value.try_into().map_err(|_| Malformed)?);
            }
            _ => {}
        }
    }
    Ok(Some(seen))
}

/// `None` for one that does not count.
fn queue(payload: &[u8]) -> Result<Option<QueueSeen>, Malformed> {
    let attributes = payload.get(20..).ok_or(Malformed)?;
    for attribute in NlasIterator::new(attributes) {
        let attribute = attribute.map_err(|_| Malformed)?;
        if attribute.kind() != TCA_STATS2 {
            continue;
        }
        for statistics in NlasIterator::new(attribute.value()) {
            let statistics = statistics.map_err(|_| Malformed)?;
            let words = statistics.value();
            if statistics.kind() == TCA_STATS_QUEUE {
                // Packets, bytes, drops.
                let word = |at: usize| words.get(at..)?.first_chunk().copied();
                let (Some(backlog), Some(dropped)) = (word(4), word(8)) else {
                    return Err(Malformed);
                };
                return Ok(Some(QueueSeen {
                    dropped: u32::from_ne_bytes(dropped),
                    backlog: u32::from_ne_bytes(backlog),
                }));
            }
        }
    }
    Ok(None)
}

/// The gateway of a route; none for one without.
fn gateway(payload: &[u8]) -> Result<Option<IpAddr>, Malformed> {
    let attributes = payload.get(12..).ok_or(Malformed)?;
    for attribute in NlasIterator::new(attributes) {
        let attribute = attribute.map_err(|_| Malformed)?;
        if attribute.kind() == RTA_GATEWAY {
            let value = attribute.value();
            let v4 = <[u8; 4]>::try_from(value).map(|octets| IpAddr::from(Ipv4Addr::from(octets)));
            let v6 = <[u8; 16]>::try_from(value).map(|octets| IpAddr::from(Ipv6Addr::from(octets)));
            return Ok(v4.or(v6).ok());
        }
    }
    Ok(None)
}

/// `None` for families other than IPv4 and IPv6, and for a message without an address.
fn address(payload: &[u8]) -> Result<Option<AddressSeen>, Malformed> {
    let (&[family, prefix, flags, _, i0, i1, i2, i3], attributes) =
        payload.split_first_chunk::<8>().ok_or(Malformed)?;
    let family = i32::from(family);
    if family != libc::AF_INET && family != libc::AF_INET6 {
        return Ok(None);
    }
    let ip = |value: &[u8]| -> Result<IpAddr, Malformed> {
        if family == libc::AF_INET {
            let octets: [u8; 4] = value.try_into().map_err(|_| Malformed)?;
            Ok(Ipv4Addr::from(octets).into())
        } else {
            let octets: [u8; 16] = value.try_into().map_err(|_| Malformed)?;
            Ok(Ipv6Addr::from(octets).into())
        }
    };
    let (mut local, mut peer) = (None, None);
    let mut all_flags = u32::from(flags);
    let mut origin = None;
    for attribute in NlasIterator::new(attributes) {
        let attribute = attribute.map_err(|_| Malformed)?;
        let value = attribute.value();
        match attribute.kind() {
            IFA_LOCAL => local = Some(ip(value)?),
            IFA_ADDRESS => peer = Some(ip(value)?),
            IFA_FLAGS => {
                all_flags = u32::from_ne_bytes(value.try_into().map_err(|_| Malformed)?);
            }
            IFA_PROTO => origin = value.first().copied(),
            _ => {}
        }
    }
    let Some(local) = local.or(peer) else {
        return Ok(None);
    };
    Ok(Some(AddressSeen {
        index: u32::from_ne_bytes([i0, i1, i2, i3]),
        local,
        peer: peer.unwrap_or(local),
        prefix,
        flags: all_flags,
        origin,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len() + 4).unwrap();
        let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend_from_slice(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn datagram(kind: u16, port: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len() + HEADER).unwrap();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(0_u16.to_ne_bytes());
        bytes.extend(9_u32.to_ne_bytes());
        bytes.extend(port.to_ne_bytes());
        bytes.extend_from_slice(payload);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn all(bytes: &[u8]) -> Result<Vec<(From, Message)>, Malformed> {
        let mut found = Vec::new();
        parse(bytes, &mut |from, message| found.push((from, message)))?;
        Ok(found)
    }

    fn link_payload(family: u8) -> Vec<u8> {
        let mut payload = vec![family, 0];
        payload.extend(1_u16.to_ne_bytes());
        payload.extend(7_u32.to_ne_bytes());
        payload.extend(0x1_0043_u32.to_ne_bytes());
        payload.extend([0xff; 4]);
        payload.extend(attribute(IFLA_IFNAME, b"eth0\0"));
        payload.extend(attribute(IFLA_MTU, &1500_u32.to_ne_bytes()));
        payload.extend(attribute(IFLA_ADDRESS, &[2, 0, 0, 0, 0, 1]));
        payload.extend(attribute(IFLA_CARRIER_CHANGES, &3_u32.to_ne_bytes()));
        payload.extend(attribute(IFLA_MASTER, &9_u32.to_ne_bytes()));
        payload.extend(attribute(999, &[1, 2, 3]));
        payload
    }

    #[test]
    fn a_queue_discipline_gives_its_drops_and_backlog() {
        let words: Vec<u8> = [7_u32, 900, 4, 0, 0]
            .iter()
            .flat_map(|word| word.to_ne_bytes())
            .collect();
        let mut payload = vec![0; 20];
        payload.extend(attribute(1, b"tbf\0"));
        payload.extend(attribute(TCA_STATS2, &attribute(TCA_STATS_QUEUE, &words)));
        let seen = QueueSeen {
            dropped: 4,
            backlog: 900,
        };
        assert_eq!(queue(&payload), Ok(Some(seen)));
        assert_eq!(queue(&payload[..20]), Ok(None));
        assert_eq!(queue(&payload[..19]), Err(Malformed));
        let mut short = vec![0; 20];
        short.extend(attribute(
            TCA_STATS2,
            &attribute(TCA_STATS_QUEUE, &words[..8]),
        ));
        assert_eq!(queue(&short), Err(Malformed));
    }

    #[test]
    fn a_route_gives_its_gateway_of_either_family() {
        let mut payload = vec![0; 12];
        assert_eq!(gateway(&payload), Ok(None));
        payload.extend(attribute(RTA_GATEWAY, &[10, 0, 0, 254]));
        assert_eq!(gateway(&payload), Ok(Some("10.0.0.254".parse().unwrap())));
        let mut payload = vec![0; 12];
        payload.extend(attribute(RTA_GATEWAY, &Ipv6Addr::LOCALHOST.octets()));
        assert_eq!(gateway(&payload), Ok(Some("::1".parse().unwrap())));
    }

    fn address_payload() -> Vec<u8> {
        let mut payload = vec![2, 24, 0x80, 0];
        payload.extend(7_u32.to_ne_bytes());
        payload.extend(attribute(IFA_ADDRESS, &[10, 0, 0, 9]));
        payload.extend(attribute(IFA_LOCAL, &[10, 0, 0, 1]));
        payload.extend(attribute(3, b"eth0:1\0"));
        payload.extend(attribute(IFA_FLAGS, &0x281_u32.to_ne_bytes()));
        payload.extend(attribute(IFA_PROTO, &[18]));
        payload
    }

    #[test]
    fn a_link_keeps_what_matters_and_ignores_what_it_does_not_know() {
        let mut bytes = datagram(libc::RTM_NEWLINK, 0, &link_payload(0));
        bytes.extend(datagram(libc::RTM_DELLINK, 0, &link_payload(0)));
        let found = all(&bytes).unwrap();
        let expected = LinkSeen {
            index: 7,
            name: "eth0".into(),
            flags: 0x1_0043,
            kind: 1,
            mac: Some(MacAddr([2, 0, 0, 0, 0, 1])),
            mtu: 1500,
            carrier_changes: Some(3),
            master: 9,
        };
        assert_eq!(found[0].1, Message::Link(expected));
        assert_eq!(found[1].1, Message::LinkGone { index: 7 });
    }

    #[test]
    fn a_port_that_leaves_its_bridge_is_not_gone() {
        let bridge = u8::try_from(libc::AF_BRIDGE).unwrap();
        let bytes = datagram(libc::RTM_DELLINK, 0, &link_payload(bridge));
        assert_eq!(all(&bytes).unwrap()[0].1, Message::Other);
    }

    #[test]
    fn an_address_tells_both_ends_flags_origin_and_whose_request_it_was() {
        let found = all(&datagram(libc::RTM_DELADDR, 4711, &address_payload())).unwrap();
        assert_eq!((found[0].0.port, found[0].0.sequence), (4711, 9));
        let expected = AddressSeen {
            index: 7,
            local: Ipv4Addr::new(10, 0, 0, 1).into(),
            peer: Ipv4Addr::new(10, 0, 0, 9).into(),
            prefix: 24,
            flags: 0x281,
            origin: Some(18),
        };
        assert_eq!(found[0].1, Message::AddressGone(expected));
    }

    #[test]
    fn answers_carry_the_errno() {
        let refused = datagram(NLMSG_ERROR, 1, &(-22_i32).to_ne_bytes());
        assert_eq!(all(&refused).unwrap()[0].1, Message::Answer(Some(22)));
        let fine = datagram(NLMSG_ERROR, 1, &0_i32.to_ne_bytes());
        assert_eq!(all(&fine).unwrap()[0].1, Message::Answer(None));
    }

    #[test]
    fn no_cut_and_no_flipped_byte_makes_the_parser_panic_or_loop() {
        for whole in [
            datagram(libc::RTM_NEWLINK, 0, &link_payload(0)),
            datagram(libc::RTM_NEWADDR, 0, &address_payload()),
            datagram(NLMSG_ERROR, 0, &[0; 4]),
        ] {
            for cut in 1..whole.len() {
                let _ = all(&whole[..cut]);
                assert_eq!(all(&whole[..cut.min(HEADER - 1)]), Err(Malformed));
            }
            for place in 0..whole.len() {
                for value in [0, 1, 3, 4, 5, 0x7f, 0xff] {
                    let mut damaged = whole.clone();
                    damaged[place] = value;
                    let _ = all(&damaged);
                }
            }
        }
        let mut short = datagram(libc::RTM_NEWADDR, 0, &address_payload());
        short[HEADER + 8] = 5;
        assert_eq!(
            all(&short),
            Err(Malformed),
            "an attribute with an odd address"
        );
    }
}
