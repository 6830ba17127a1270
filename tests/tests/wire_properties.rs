//! Properties of the packet code over all inputs: what is encoded decodes to the same, nothing from the network panics,
//! and a discarded packet changes nothing.
#![expect(
    clippy::unwrap_used,
    reason = "a failure in a test's helper is a failed test"
)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU16;

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use vrrp_proto::addr::AddressList;
use vrrp_proto::units::{AdvertInterval, Family, MacAddr, Version, Vrid, WirePriority};
use vrrp_proto::wire::arp::GratuitousArp;
use vrrp_proto::wire::ndisc::NeighborAdvertisement;
use vrrp_proto::wire::{
    AhSequence, Auth, ChecksumAccept, ChecksumForm, Datagram, Envelope, GROUP_V4, GROUP_V6,
    IcvForm, MAX_PACKET, Password, Peer, ReceiveConfig, ReceivePolicy, ReceiveTransport,
    SendConfig, Sum, Versions,
};

/// A sender, and a receiver that fits it.
#[derive(Clone, Debug)]
struct Pair {
    version: Version,
    priority: u8,
    send: SendConfig,
    envelope: Envelope,
    receive: ReceiveConfig,
    last: u32,
}

impl Pair {
    fn packet(&self) -> Vec<u8> {
        let mut buffer = [0; MAX_PACKET];
        let advert = self
            .send
            .advert(self.version, false, WirePriority::from_wire(self.priority))
            .unwrap();
        let mut sequence = AhSequence::resumed(self.last);
        let length = self
            .send
            .encode_packet(&advert, &self.envelope, &mut sequence, &mut buffer)
            .unwrap();
        buffer[..length].to_vec()
    }

    fn family(&self) -> Family {
        self.send.addresses.family()
    }
}

fn unicast_v4() -> impl Strategy<Value = Ipv4Addr> {
    (1u8..=223, any::<[u8; 3]>()).prop_map(|(a, [b, c, d])| Ipv4Addr::new(a, b, c, d))
}

fn link_local() -> impl Strategy<Value = Ipv6Addr> {
    any::<u64>().prop_map(|low| Ipv6Addr::from((0xfe80_u128 << 112) | u128::from(low)))
}

fn lists(family: Family) -> BoxedStrategy<AddressList> {
    match family {
        Family::V4 => vec_of(unicast_v4().prop_map(IpAddr::V4).boxed(), None),
        Family::V6 => {
            let rest = any::<u128>()
                .prop_map(|bits| IpAddr::V6(Ipv6Addr::from(bits)))
                .boxed();
            (link_local(), 0..1usize)
                .prop_flat_map(move |(first, _)| vec_of(rest.clone(), Some(IpAddr::V6(first))))
                .boxed()
        }
    }
}

fn vec_of(address: BoxedStrategy<IpAddr>, first: Option<IpAddr>) -> BoxedStrategy<AddressList> {
    let counts = prop_oneof![4 => 1..6usize, 1 => 1..=255usize];
    counts
        .prop_flat_map(move |count| btree_set(address.clone(), count))
        .prop_map(move |set| {
            let rest = set.into_iter().filter(|address| Some(*address) != first);
            let all: Vec<IpAddr> = first.into_iter().chain(rest).take(255).collect();
            AddressList::new(Family::of(&all[0]), all).unwrap()
        })
        .boxed()
}

fn auths() -> impl Strategy<Value = Auth> {
    let key = any::<[u8; 8]>().prop_map(Password::from_wire);
    let icv = prop_oneof![Just(IcvForm::TtlKept), Just(IcvForm::TtlZeroed)];
    prop_oneof![
        Just(Auth::None),
        key.clone().prop_map(Auth::Pass),
        (key, icv).prop_map(|(key, icv)| Auth::Ah { key, icv })
    ]
}

fn pairs() -> impl Strategy<Value = Pair> {
    let kinds = prop_oneof![
        Just((Version::V2, Family::V4)),
        Just((Version::V3, Family::V4)),
        Just((Version::V3, Family::V6))
    ];
    kinds.prop_flat_map(|(version, family)| {
        let (auth, interval) = match version {
            Version::V2 => (
                auths().boxed(),
                (1..=255u16).prop_map(|seconds| seconds * 100).boxed(),
            ),
            Version::V3 => (Just(Auth::None).boxed(), (1..=4095u16).boxed()),
        };
        let source = match family {
            Family::V4 => unicast_v4().prop_map(IpAddr::V4).boxed(),
            Family::V6 => link_local().prop_map(IpAddr::V6).boxed(),
        };
        let form = prop_oneof![
            Just(ChecksumForm::Message),
            Just(ChecksumForm::PseudoHeader)
        ];
        let numbers = (
            1..=255u8,
            any::<u8>(),
            interval,
            1..=u16::MAX,
            0..u32::MAX,
            any::<bool>(),
        );
        (lists(family), auth, source, form, numbers).prop_map(
            move |(addresses, auth, source, checksum, numbers)| {
                let (vrid, priority, centis, sequence, last, unicast) = numbers;
                let vrid = Vrid::new(vrid).unwrap();
                let interval = AdvertInterval::from_centis(centis).unwrap();
                let group = match family {
                    Family::V4 => IpAddr::V4(GROUP_V4),
                    Family::V6 => IpAddr::V6(GROUP_V6),
                };
                let local = match family {
                    Family::V4 => IpAddr::from([198, 51, 100, 200]),
                    Family::V6 => "2001:db8::200".parse().unwrap(),
                };
                let destination = if unicast { local } else { group };
                let peer = Peer {
                    address: source,
                    min_ttl: 255,
                    max_ttl: 255,
                };
                let transport = if unicast {
                    ReceiveTransport::Unicast {
                        local: Some(local),
                        peers: [peer].into(),
                        check_source: true,
                    }
                } else {
                    ReceiveTransport::Multicast { group }
                };
                Pair {
                    version,
                    priority,
                    send: SendConfig {
                        vrid,
                        interval,
                        addresses: addresses.clone(),
                        auth,
                        checksum,
                    },
                    envelope: Envelope {
                        source,
                        destination,
                        ttl: 255,
                        sequence: NonZeroU16::new(sequence).unwrap(),
                    },
                    receive: ReceiveConfig {
                        vrid,
                        versions: Versions::Only(version),
                        owner: false,
                        interval,
                        addresses,
                        auth,
                        transport,
                        own_source: None,
                        policy: ReceivePolicy {
                            checksum: ChecksumAccept::Only(checksum),
                            ..ReceivePolicy::RFC9568
                        },
                    },
                    last,
                }
            },
        )
    })
}

/// The definition of RFC 1071, with no cleverness: add with end-around carry, one word at a time.
fn naive_checksum(bytes: &[u8]) -> u16 {
    let mut sum = 0u16;
    for pair in bytes.chunks(2) {
        let word = u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]);
        let (total, carry) = sum.overflowing_add(word);
        sum = total + u16::from(carry);
    }
    !sum
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// P-01, P-20: decode(encode(x)) = x, for every version, family, transport, authentication and checksum form.
    #[test]
    fn what_is_encoded_decodes_to_the_same(pair in pairs()) {
        let packet = pair.packet();
        let datagram = Datagram::parse(pair.family(), &packet).unwrap();
        let mut sequence = AhSequence::resumed(pair.last);
        let accepted = pair.receive.receive(&datagram, &mut sequence);
        prop_assert!(accepted.is_ok(), "{:?}", accepted);
        let accepted = accepted.unwrap();
        let sent = pair.send.advert(pair.version, false, WirePriority::from_wire(pair.priority)).unwrap();
        prop_assert_eq!(accepted.advert, sent);
        prop_assert!(accepted.warnings.is_empty());
        prop_assert_eq!(accepted.source, pair.envelope.source);
        prop_assert_eq!(accepted.sequence, Some(u32::from(pair.envelope.sequence.get())));
        prop_assert_eq!(datagram.peek_vrid(), Some(pair.send.vrid.as_u8()));
        let sealed = matches!(pair.send.auth, Auth::Ah { .. });
        prop_assert_eq!(sequence.last(), if sealed { pair.last + 1 } else { pair.last });
        let received = accepted.received(None);
        prop_assert_eq!(received.interval, pair.send.interval);
        prop_assert_eq!(received.priority.as_u8(), pair.priority);
    }

    /// The same message by the way of an IPv6 socket, which has no header.
    #[test]
    fn ipv6_socket_and_whole_packet_agree(pair in pairs()) {
        let packet = pair.packet();
        let whole = Datagram::parse(pair.family(), &packet).unwrap();
        if let (IpAddr::V6(source), IpAddr::V6(destination)) = (whole.source, whole.destination) {
            let parts = Datagram::from_ipv6_socket(source, destination, whole.ttl, &packet[40..]);
            let mut sequence = AhSequence::default();
            let by_parts = pair.receive.receive(&parts, &mut sequence).map(|accepted| accepted.advert);
            let by_whole = pair.receive.receive(&whole, &mut sequence).map(|accepted| accepted.advert);
            prop_assert_eq!(by_parts, by_whole);
            let mut buffer = [0; MAX_PACKET];
            let sent = pair.send.advert(pair.version, false, WirePriority::from_wire(pair.priority)).unwrap();
            let form = ChecksumForm::Message;
            let length = sent.encode_message(whole.source, whole.destination, form, &mut buffer).unwrap();
            prop_assert_eq!(&buffer[..length], &packet[40..]);
        }
    }

    /// P-10: every sum, odd lengths and carries included.
    #[test]
    fn checksum_equals_the_naive_one(bytes in vec(any::<u8>(), 0..2000)) {
        prop_assert_eq!(Sum::default().bytes(&bytes).checksum(), naive_checksum(&bytes));
    }

    /// P-10: bytes with their checksum in place verify, and with any other checksum do not.
    #[test]
    fn only_the_right_checksum_verifies(mut bytes in vec(any::<u8>(), 4..200), other in 1..u16::MAX) {
        bytes[2..4].fill(0);
        let right = naive_checksum(&bytes);
        bytes[2..4].copy_from_slice(&right.to_be_bytes());
        prop_assert!(Sum::default().bytes(&bytes).verifies());
        let wrong = right.wrapping_add(other);
        // 0x0000 and 0xffff are the same number.
        prop_assume!(!matches!((right, wrong), (0, u16::MAX) | (u16::MAX, 0)));
        bytes[2..4].copy_from_slice(&wrong.to_be_bytes());
        prop_assert!(!Sum::default().bytes(&bytes).verifies());
    }

    /// P-27: arbitrary bytes, by every way in.
    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..200), v6 in any::<bool>(), pair in pairs()) {
        let family = if v6 { Family::V6 } else { Family::V4 };
        let mut sequence = AhSequence::resumed(pair.last);
        if let Ok(datagram) = Datagram::parse(family, &bytes) {
            let _ = (datagram.peek_vrid(), datagram.unaddressed());
            let _ = pair.receive.receive(&datagram, &mut sequence);
        }
        let socket = Datagram::from_ipv6_socket("fe80::1".parse().unwrap(), GROUP_V6, 255, &bytes);
        let _ = (socket.peek_vrid(), socket.unaddressed());
        prop_assert!(pair.receive.receive(&socket, &mut sequence).is_err() || pair.family() == Family::V6);
        let _ = GratuitousArp::parse(&bytes);
        let _ = NeighborAdvertisement::parse(&bytes);
    }

    /// P-27, R-23: damage to a good packet, past the IP header checksum and VRRP checksum into the later checks.
    #[test]
    fn damaged_packets_never_panic_and_discards_change_nothing(
        pair in pairs(),
        hits in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
        repair in any::<bool>(),
    ) {
        let mut packet = pair.packet();
        for (place, value) in &hits {
            let place = place.index(packet.len());
            packet[place] = *value;
        }
        if let Some(cut) = cut {
            packet.truncate(cut.index(packet.len()));
        }
        if repair && pair.family() == Family::V4 && packet.len() >= 28 {
            let length = u16::try_from(packet.len()).unwrap();
            packet[0] = 0x45;
            packet[2..4].copy_from_slice(&length.to_be_bytes());
            packet[10..12].fill(0);
            let sum = naive_checksum(&packet[..20]);
            packet[10..12].copy_from_slice(&sum.to_be_bytes());
            packet[26..28].fill(0);
            let sum = naive_checksum(&packet[20..]);
            packet[26..28].copy_from_slice(&sum.to_be_bytes());
        }
        let before = AhSequence::resumed(pair.last);
        let mut sequence = before;
        let config = pair.receive.clone();
        if let Ok(datagram) = Datagram::parse(pair.family(), &packet)
            && config.receive(&datagram, &mut sequence).is_err()
        {
            prop_assert_eq!(sequence, before);
            prop_assert_eq!(config, pair.receive);
        }
    }

    /// one flipped bit anywhere in the message is never accepted as another message.
    #[test]
    fn one_flipped_bit_is_never_another_advert(pair in pairs(), place in any::<prop::sample::Index>(), bit in 0..8u8) {
        let mut packet = pair.packet();
        let start = if pair.family() == Family::V4 { 20 } else { 40 };
        let place = start + place.index(packet.len() - start);
        packet[place] ^= 1 << bit;
        let datagram = Datagram::parse(pair.family(), &packet).unwrap();
        prop_assert!(pair.receive.receive(&datagram, &mut AhSequence::resumed(pair.last)).is_err());
    }

    /// what is announced is read back by a router that waits for its successor.
    #[test]
    fn announcements_decode_to_the_same(
        sender in any::<[u8; 6]>(),
        target in any::<[u8; 6]>(),
        v4 in any::<u32>(),
        v6 in any::<(u128, u128)>(),
        router in any::<bool>(),
    ) {
        let arp = GratuitousArp { sender: MacAddr(sender), address: v4.into(), target: MacAddr(target) };
        prop_assert_eq!(GratuitousArp::parse(&arp.to_frame()), Some(arp));
        let (source, address) = (v6.0.into(), v6.1.into());
        let advertisement = NeighborAdvertisement { sender: MacAddr(sender), source, address, router };
        prop_assert_eq!(NeighborAdvertisement::parse(&advertisement.to_frame()), Some(advertisement));
    }
}
