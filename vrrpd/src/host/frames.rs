//! The questions that probe a neighbour, and its answers: ARP requests as RFC 5227 §1.1 has them and neighbour
//! solicitations (RFC 4861 §4.3). Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use vrrp_proto::units::MacAddr;
use vrrp_proto::wire::arp::GratuitousArp;
use vrrp_proto::wire::ndisc::NeighborAdvertisement;

const ICMPV6: u8 = 58;
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;

/// A question to `target`, to be sent from an interface with this address: to `known` where the neighbour's link-layer
/// address is known, else to all. None where the addresses are of two families.
pub(super) fn question(
    sender: MacAddr,
    source: IpAddr,
    target: IpAddr,
    known: Option<MacAddr>,
) -> Option<Vec<u8>> {
    match (source, target) {
        (IpAddr::V4(source), IpAddr::V4(target)) => Some(arp(sender, source, target, known)),
        (IpAddr::V6(source), IpAddr::V6(target)) => {
            Some(solicitation(sender, source, target, known))
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
    }
}

fn arp(sender: MacAddr, source: Ipv4Addr, target: Ipv4Addr, known: Option<MacAddr>) -> Vec<u8> {
    let mut frame = Vec::with_capacity(42);
    frame.extend(known.unwrap_or(MacAddr::BROADCAST).0);
    frame.extend(sender.0);
    frame.extend([0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1]);
    frame.extend(sender.0);
    frame.extend(source.octets());
    frame.extend([0; 6]);
    frame.extend(target.octets());
    frame
}

fn solicitation(
    sender: MacAddr,
    source: Ipv6Addr,
    target: Ipv6Addr,
    known: Option<MacAddr>,
) -> Vec<u8> {
    let [.., a, b, c] = target.octets();
    let group = Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c]);
    let (to, mac) = match known {
        Some(mac) => (target, mac),
        None => (group, MacAddr([0x33, 0x33, 0xff, a, b, c])),
    };
    let mut icmp = vec![SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
    icmp.extend(target.octets());
    icmp.extend([1, 1]);
    icmp.extend(sender.0);
    let sum = checksum(source, to, &icmp);
    icmp[2..4].copy_from_slice(&sum.to_be_bytes());
    let mut frame = Vec::with_capacity(86);
    frame.extend(mac.0);
    frame.extend(sender.0);
    frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
    frame.extend(u16::try_from(icmp.len()).unwrap_or(0).to_be_bytes());
    frame.extend([ICMPV6, 255]);
    frame.extend(source.octets());
    frame.extend(to.octets());
    frame.extend(icmp);
    frame
}

/// Who answers in a received frame, and its link-layer address.
pub(super) fn answer(frame: &[u8]) -> Option<(IpAddr, MacAddr)> {
    let (ethernet, rest) = frame.split_first_chunk::<14>()?;
    let [_, _, _, _, _, _, m0, m1, m2, m3, m4, m5, t0, t1] = *ethernet;
    let sender = MacAddr([m0, m1, m2, m3, m4, m5]);
    match [t0, t1] {
        [0x08, 0x06] => {
            let (fixed, rest) = rest.split_first_chunk::<8>()?;
            let (_, rest) = rest.split_first_chunk::<6>()?;
            let address = rest.first_chunk::<4>()?;
            (*fixed == [0, 1, 0x08, 0, 6, 4, 0, 2])
                .then(|| (Ipv4Addr::from(*address).into(), sender))
        }
        [0x86, 0xdd] => {
            let (ip, icmp) = rest.split_first_chunk::<40>()?;
            let address = icmp.get(8..)?.first_chunk::<16>()?;
            let is_answer =
                ip[6] == ICMPV6 && ip[7] == 255 && icmp.starts_with(&[ADVERTISEMENT, 0]);
            is_answer.then(|| (Ipv6Addr::from(*address).into(), sender))
        }
        _ => None,
    }
}

/// Who announces an address in a received frame: gratuitous ARP (RFC 5227 §3) or an unsolicited neighbour advertisement.
pub(super) fn announcement(frame: &[u8]) -> Option<(IpAddr, MacAddr)> {
    if let Some(arp) = GratuitousArp::parse(frame) {
        return Some((arp.address.into(), arp.sender));
    }
    NeighborAdvertisement::parse(frame).map(|na| (na.address.into(), na.sender))
}

/// ICMPv6's checksum (RFC 4443 §2.3).
fn checksum(source: Ipv6Addr, to: Ipv6Addr, icmp: &[u8]) -> u16 {
    let mut bytes = Vec::with_capacity(40 + icmp.len());
    bytes.extend(source.octets());
    bytes.extend(to.octets());
    bytes.extend(u32::try_from(icmp.len()).unwrap_or(0).to_be_bytes());
    bytes.extend([0, 0, 0, ICMPV6]);
    bytes.extend(icmp);
    let mut sum = 0_u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(u16::from_be_bytes([
            pair[0],
            pair.get(1).copied().unwrap_or(0),
        ]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
    const THEIRS: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

    #[test]
    fn an_arp_question_names_us_as_sender_and_goes_to_all_until_the_neighbour_is_known() {
        let ask = |known| {
            let (ours, theirs) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
            question(OURS, ours, theirs, known).unwrap()
        };
        let frame = ask(None);
        assert_eq!(frame.len(), 42);
        assert_eq!(frame[..6], [0xff; 6]);
        assert_eq!(frame[20..22], [0, 1]);
        assert_eq!(frame[22..32], [2, 0, 0, 0, 0, 1, 10, 0, 0, 1]);
        assert_eq!(frame[32..42], [0, 0, 0, 0, 0, 0, 10, 0, 0, 2]);
        assert_eq!(ask(Some(THEIRS))[..6], THEIRS.0);
    }

    #[test]
    fn a_solicitation_goes_to_the_solicited_node_group_with_a_checksum_that_holds() {
        let (ours, theirs): (Ipv6Addr, Ipv6Addr) =
            ("fe80::1".parse().unwrap(), "fe80::12:3456".parse().unwrap());
        let frame = question(OURS, ours.into(), theirs.into(), None).unwrap();
        assert_eq!(frame.len(), 86);
        assert_eq!(frame[..6], [0x33, 0x33, 0xff, 0x12, 0x34, 0x56]);
        let to = Ipv6Addr::from(*frame[38..].first_chunk::<16>().unwrap());
        assert_eq!(to, "ff02::1:ff12:3456".parse::<Ipv6Addr>().unwrap());
        assert_eq!(checksum(ours, to, &frame[54..]), 0);
    }

    #[test]
    fn families_do_not_mix() {
        let (v4, v6) = ("10.0.0.1".parse().unwrap(), "fe80::1".parse().unwrap());
        assert_eq!(question(OURS, v4, v6, None), None);
    }

    #[test]
    fn answers_are_recognised_and_questions_are_none() {
        let (ours, theirs) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let mut frame = question(THEIRS, theirs, ours, Some(OURS)).unwrap();
        assert_eq!(answer(&frame), None);
        frame[21] = 2;
        assert_eq!(answer(&frame), Some((theirs, THEIRS)));
        let (ours, theirs) = ("fe80::1".parse().unwrap(), "fe80::2".parse().unwrap());
        let mut frame = question(THEIRS, ours, theirs, Some(OURS)).unwrap();
        assert_eq!(answer(&frame), None);
        frame[54] = 136;
        assert_eq!(answer(&frame), Some((theirs, THEIRS)));
        for cut in 0..78 {
            assert_eq!(answer(&frame[..cut]), None);
        }
    }
}
