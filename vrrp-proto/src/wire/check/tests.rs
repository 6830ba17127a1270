//! Receive checks that single-defect vectors cannot show: their order, both profiles' outcomes, and that a discarded packet
//! changes nothing.

mod authentication;
mod unicast;

use std::vec::Vec;

use super::*;
use crate::addr::AddressList;
use crate::units::Vrid;
use crate::wire::{Envelope, GROUP_V4, GROUP_V6, IcvForm, Peer, ReceivePolicy, SendConfig};

const V4_SOURCE: &str = "192.0.2.2";
const V6_SOURCE: &str = "fe80::2";

fn addresses(text: &[&str]) -> AddressList {
    let family = Family::of(&text[0].parse().unwrap());
    AddressList::new(family, text.iter().map(|text| text.parse().unwrap())).unwrap()
}

fn config(version: Version, list: &[&str]) -> ReceiveConfig {
    let addresses = addresses(list);
    let group = match addresses.family() {
        Family::V4 => GROUP_V4.into(),
        Family::V6 => GROUP_V6.into(),
    };
    ReceiveConfig {
        vrid: Vrid::new(51).unwrap(),
        versions: Versions::Only(version),
        owner: false,
        interval: AdvertInterval::DEFAULT,
        addresses,
        auth: Auth::None,
        transport: ReceiveTransport::Multicast { group },
        own_source: None,
        policy: ReceivePolicy::RFC9568,
    }
}

/// What is sent, as the receiver is configured until a test changes it.
struct Sent {
    version: Version,
    priority: u8,
    send: SendConfig,
    envelope: Envelope,
}

impl Sent {
    fn to(config: &ReceiveConfig) -> Self {
        let (source, destination) = match config.addresses.family() {
            Family::V4 => (V4_SOURCE, IpAddr::V4(GROUP_V4)),
            Family::V6 => (V6_SOURCE, IpAddr::V6(GROUP_V6)),
        };
        let version = match config.versions {
            Versions::Only(version) => version,
            Versions::Both => Version::V3,
        };
        Self {
            version,
            priority: 150,
            send: SendConfig {
                vrid: config.vrid,
                interval: config.interval,
                addresses: config.addresses.clone(),
                auth: config.auth,
                checksum: ChecksumForm::Message,
            },
            envelope: Envelope {
                source: source.parse().unwrap(),
                destination,
                ttl: 255,
                sequence: core::num::NonZeroU16::MIN,
            },
        }
    }

    fn packet(&self, sequence: u32) -> Vec<u8> {
        let mut buffer = [0; crate::wire::MAX_PACKET];
        let advert = self
            .send
            .advert(self.version, true, WirePriority::from_wire(self.priority))
            .unwrap();
        let mut sequence = AhSequence::resumed(sequence.saturating_sub(1));
        let length = self
            .send
            .encode_packet(&advert, &self.envelope, &mut sequence, &mut buffer)
            .unwrap();
        buffer[..length].to_vec()
    }
}

fn receive<'a>(config: &ReceiveConfig, packet: &'a [u8]) -> Result<Accepted<'a>, Discard> {
    let datagram = Datagram::parse(config.addresses.family(), packet)?;
    config.receive(&datagram, &mut AhSequence::default())
}

/// Recomputes both checksums of an IPv4 packet without AH after bytes were changed.
fn repair(packet: &mut [u8]) {
    let total = u16::try_from(packet.len()).unwrap().to_be_bytes();
    packet[2..4].copy_from_slice(&total);
    packet[10..12].fill(0);
    let sum = Sum::default().bytes(&packet[..20]).checksum().to_be_bytes();
    packet[10..12].copy_from_slice(&sum);
    packet[26..28].fill(0);
    let sum = Sum::default().bytes(&packet[20..]).checksum().to_be_bytes();
    packet[26..28].copy_from_slice(&sum);
}

/// One thing wrong with a version 2 packet with a password, made so that each can be combined with each other.
struct Defect {
    discard: Discard,
    packet: fn(&mut Vec<u8>),
    config: fn(&mut ReceiveConfig),
    /// Applied after the checksums were made right.
    damage: fn(&mut Vec<u8>),
}

const fn nothing(_: &mut Vec<u8>) {}
const fn as_is(_: &mut ReceiveConfig) {}

/// In the order of R-24.
const DEFECTS: [Defect; 16] = [
    Defect {
        discard: Discard::IpHeader,
        packet: nothing,
        config: as_is,
        damage: |packet| packet[10] ^= 1,
    },
    Defect {
        discard: Discard::Destination,
        packet: |packet| packet[19] = 5,
        config: as_is,
        damage: nothing,
    },
    Defect {
        discard: Discard::Source,
        packet: |packet| packet[12] = 225,
        config: as_is,
        damage: nothing,
    },
    Defect {
        discard: Discard::Ttl,
        packet: |packet| packet[8] = 254,
        config: as_is,
        damage: nothing,
    },
    Defect {
        discard: Discard::NotVrrp,
        packet: |packet| packet[9] = 2,
        config: as_is,
        damage: nothing,
    },
    Defect {
        discard: Discard::Version,
        packet: |packet| packet[20] = 0x41,
        config: as_is,
        damage: nothing,
    },
    Defect {
        discard: Discard::Type,
        packet: |packet| packet[20] |= 2,
        config: as_is,
        damage: nothing,
    },
    Defect {
        discard: Discard::Vrid,
        packet: |packet| packet[21] = 52,
        config: as_is,
        damage: nothing,
    },
    Defect {
        discard: Discard::CountZero,
        packet: |packet| packet[23] = 0,
        config: as_is,
        damage: nothing,
    },
    Defect {
        discard: Discard::Length,
        packet: |packet| packet.push(0),
        config: as_is,
        damage: nothing,
    },
    Defect {
        discard: Discard::AuthTypeUnknown,
        packet: |packet| packet[24] = 3,
        config: as_is,
        damage: nothing,
    },
    Defect {
        discard: Discard::Checksum,
        packet: nothing,
        config: as_is,
        damage: |packet| packet[26] ^= 0x10,
    },
    Defect {
        discard: Discard::AuthFailed,
        packet: nothing,
        config: |config| config.auth = Auth::Pass(Password::truncated(b"other")),
        damage: nothing,
    },
    Defect {
        discard: Discard::IntervalMismatch,
        packet: nothing,
        config: |config| config.interval = AdvertInterval::MAX_V2,
        damage: nothing,
    },
    Defect {
        discard: Discard::Owner,
        packet: nothing,
        config: |config| config.owner = true,
        damage: nothing,
    },
    Defect {
        discard: Discard::AddrList,
        packet: nothing,
        config: |config| config.addresses = addresses(&["198.51.100.9", "198.51.100.8"]),
        damage: nothing,
    },
];

fn with_defects(priority: u8, defects: &[&Defect]) -> Result<(), Discard> {
    let mut config = config(Version::V2, &["198.51.100.1", "198.51.100.2"]);
    config.auth = Auth::Pass(Password::truncated(b"secret"));
    let mut packet = Sent {
        priority,
        ..Sent::to(&config)
    }
    .packet(1);
    for defect in defects {
        (defect.packet)(&mut packet);
        (defect.config)(&mut config);
    }
    repair(&mut packet);
    for defect in defects {
        (defect.damage)(&mut packet);
    }
    receive(&config, &packet).map(|_| ())
}

#[test]
fn the_earliest_failing_check_names_the_discard() {
    assert_eq!(with_defects(150, &[]), Ok(()));
    for (place, first) in DEFECTS.iter().enumerate() {
        assert_eq!(with_defects(150, &[first]), Err(first.discard), "alone");
        for second in &DEFECTS[place..][1..] {
            let outcome = with_defects(150, &[first, second]);
            assert_eq!(
                outcome,
                Err(first.discard),
                "together with {:?}",
                second.discard
            );
        }
    }
}

///
#[test]
fn release_passes_the_same_checks() {
    assert_eq!(with_defects(0, &[]), Ok(()));
    for defect in &DEFECTS {
        assert_eq!(with_defects(0, &[defect]), Err(defect.discard));
    }
}

/// over IPv6 multicast: profile rfc9568 discards, profile keepalived accepts.
#[test]
fn ipv6_source_and_first_address_are_profile_points() {
    let rfc = config(Version::V3, &["2001:db8::1", "fe80::1"]);
    let keepalived = ReceiveConfig {
        policy: ReceivePolicy::KEEPALIVED,
        ..rfc.clone()
    };
    let global_first = Sent::to(&rfc).packet(1);
    assert_eq!(
        receive(&rfc, &global_first).unwrap_err(),
        Discard::FirstNotLinkLocal
    );
    assert!(
        receive(&keepalived, &global_first)
            .unwrap()
            .warnings
            .is_empty()
    );

    let mut sent = Sent::to(&rfc);
    sent.send.addresses = sent.send.addresses.with_link_local_first();
    assert!(receive(&rfc, &sent.packet(1)).is_ok());
    sent.envelope.source = "2001:db8::2".parse().unwrap();
    assert_eq!(receive(&rfc, &sent.packet(1)).unwrap_err(), Discard::Source);
    assert!(receive(&keepalived, &sent.packet(1)).is_ok());
}

/// an owner's two answers to version 2, and the one to version 3.
#[test]
fn owner_and_version_2_is_a_profile_point() {
    let mut rfc = config(Version::V2, &["198.51.100.1"]);
    rfc.owner = true;
    let keepalived = ReceiveConfig {
        policy: ReceivePolicy::KEEPALIVED,
        ..rfc.clone()
    };
    let packet = Sent::to(&rfc).packet(1);
    assert_eq!(receive(&rfc, &packet).unwrap_err(), Discard::Owner);
    assert!(
        receive(&keepalived, &packet)
            .unwrap()
            .warnings
            .contains(Warning::LocalOwner)
    );

    for policy in [ReceivePolicy::RFC9568, ReceivePolicy::KEEPALIVED] {
        let v3 = ReceiveConfig {
            owner: true,
            policy,
            ..config(Version::V3, &["198.51.100.1"])
        };
        assert!(
            receive(&v3, &Sent::to(&v3).packet(1))
                .unwrap()
                .warnings
                .contains(Warning::LocalOwner)
        );
    }
}

/// R-16, U-20: no profile discards a version 3 advert for its list.
#[test]
fn version_3_address_list_is_never_a_discard() {
    for policy in [ReceivePolicy::RFC9568, ReceivePolicy::KEEPALIVED] {
        let config = ReceiveConfig {
            policy,
            ..config(Version::V3, &["198.51.100.1", "198.51.100.2"])
        };
        let mut sent = Sent::to(&config);
        for other in [&["198.51.100.1"][..], &["198.51.100.1", "198.51.100.3"]] {
            sent.send.addresses = addresses(other);
            assert!(
                receive(&config, &sent.packet(1))
                    .unwrap()
                    .warnings
                    .contains(Warning::AddrList)
            );
        }
    }
}

/// `skip_check_adv_addr`.
#[test]
fn version_2_address_list_goes_unseen_when_the_check_is_off() {
    let mut config = config(Version::V2, &["198.51.100.1"]);
    let mut sent = Sent::to(&config);
    sent.send.addresses = addresses(&["198.51.100.7"]);
    assert_eq!(
        receive(&config, &sent.packet(1)).unwrap_err(),
        Discard::AddrList
    );
    config.policy.check_addresses = false;
    assert!(
        receive(&config, &sent.packet(1))
            .unwrap()
            .warnings
            .is_empty()
    );
}

///
#[test]
fn own_source_address_is_discarded() {
    let mut config = config(Version::V3, &["198.51.100.1"]);
    let packet = Sent::to(&config).packet(1);
    config.own_source = Some(V4_SOURCE.parse().unwrap());
    assert_eq!(receive(&config, &packet).unwrap_err(), Discard::OwnSource);
    config.own_source = Some("192.0.2.3".parse().unwrap());
    assert!(receive(&config, &packet).is_ok());
}

/// `vrrp_mcast_group4`.
#[test]
fn another_group_can_be_configured() {
    let mut config = config(Version::V3, &["198.51.100.1"]);
    let group = IpAddr::from([224, 0, 0, 99]);
    config.transport = ReceiveTransport::Multicast { group };
    let mut sent = Sent::to(&config);
    assert_eq!(
        receive(&config, &sent.packet(1)).unwrap_err(),
        Discard::Destination
    );
    sent.envelope.destination = group;
    assert!(receive(&config, &sent.packet(1)).is_ok());
}

/// I-04, I-07: a sub-second interoperating pair names one second in version 2 and does not call that a difference.
#[test]
fn interoperating_router_hears_a_rounded_version_2_interval() {
    let mut config = config(Version::V3, &["198.51.100.1"]);
    config.versions = Versions::Both;
    config.interval = AdvertInterval::from_centis(50).unwrap();
    let mut sent = Sent {
        version: Version::V2,
        ..Sent::to(&config)
    };
    let packet = sent.packet(1);
    let accepted = receive(&config, &packet).unwrap();
    assert!(accepted.warnings.is_empty());
    assert_eq!(accepted.advert.interval(), AdvertInterval::DEFAULT);

    sent.send.interval = AdvertInterval::from_seconds(7).unwrap();
    let packet = sent.packet(1);
    let accepted = receive(&config, &packet).unwrap();
    assert!(accepted.warnings.contains(Warning::Interval));
    assert_eq!(accepted.advert.interval().as_centis(), 700);

    let mut zero = sent.packet(1);
    zero[25] = 0;
    repair(&mut zero);
    assert_eq!(receive(&config, &zero).unwrap_err(), Discard::IntervalZero);
}

/// E-18, R-10: what can be said about a packet that belongs to no router here.
#[test]
fn packets_of_no_router_are_told_apart() {
    let config = config(Version::V3, &["198.51.100.1"]);
    let packet = Sent::to(&config).packet(1);
    let unaddressed = |change: fn(&mut Vec<u8>)| {
        let mut packet = packet.clone();
        change(&mut packet);
        repair(&mut packet);
        let datagram = Datagram::parse(Family::V4, &packet).unwrap();
        (datagram.peek_vrid(), datagram.unaddressed())
    };
    assert_eq!(unaddressed(|_| ()), (Some(51), Discard::Vrid));
    assert_eq!(
        unaddressed(|packet| packet[20] = 0x11),
        (Some(51), Discard::Version)
    );
    assert_eq!(
        unaddressed(|packet| packet[20] = 0x32),
        (Some(51), Discard::Type)
    );
    assert_eq!(
        unaddressed(|packet| packet[9] = 17),
        (None, Discard::NotVrrp)
    );
    assert_eq!(
        unaddressed(|packet| packet[9] = PROTOCOL_AH),
        (None, Discard::Truncated)
    );
}

/// keepalived runs version 2 instances without addresses, and a pair of them must hear each other.
#[test]
fn a_version_2_router_without_addresses_takes_adverts_without_addresses_from_its_like() {
    let mut receiver = config(Version::V2, &["192.0.2.7"]);
    let other = receiver.clone();
    receiver.addresses = AddressList::new(Family::V4, []).unwrap();
    let sent = Sent::to(&receiver);
    let packet = sent.packet(1);
    assert_eq!(packet.len(), 20 + 16);
    let accepted = receive(&receiver, &packet).unwrap();
    assert_eq!(accepted.advert.addresses().count(), 0);
    assert!(matches!(receive(&other, &packet), Err(Discard::CountZero)));
    receiver.versions = Versions::Both;
    let mut third = packet.clone();
    third[20] = 0x31;
    repair(&mut third);
    assert!(
        matches!(receive(&receiver, &third), Err(Discard::CountZero)),
        "version 3 carries at least one"
    );
    let third = sent
        .send
        .advert(Version::V3, false, WirePriority::from_wire(100));
    assert!(third.is_err());
}
