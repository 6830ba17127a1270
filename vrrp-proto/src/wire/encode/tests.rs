//! What encoding refuses, and the header fields that no receive vector shows.

use super::*;
use crate::units::Family;
use crate::wire::{GROUP_V4, GROUP_V6, IcvForm, MAX_PACKET};

fn config(list: &[&str]) -> SendConfig {
    let family = Family::of(&list[0].parse().unwrap());
    SendConfig {
        vrid: Vrid::new(1).unwrap(),
        interval: AdvertInterval::DEFAULT,
        addresses: AddressList::new(family, list.iter().map(|text| text.parse().unwrap())).unwrap(),
        auth: Auth::None,
        checksum: ChecksumForm::Message,
    }
}

fn envelope(source: &str, destination: IpAddr) -> Envelope {
    let sequence = NonZeroU16::new(0x1234).unwrap();
    Envelope {
        source: source.parse().unwrap(),
        destination,
        ttl: 255,
        sequence,
    }
}

fn packet(
    config: &SendConfig,
    version: Version,
    priority: WirePriority,
) -> ([u8; MAX_PACKET], usize) {
    let mut buffer = [0xaa; MAX_PACKET];
    let advert = config.advert(version, false, priority).unwrap();
    let envelope = match config.addresses.family() {
        Family::V4 => envelope("192.0.2.1", GROUP_V4.into()),
        Family::V6 => envelope("fe80::1", GROUP_V6.into()),
    };
    let length = config
        .encode_packet(&advert, &envelope, &mut AhSequence::default(), &mut buffer)
        .unwrap();
    (buffer, length)
}

/// P-16 to P-18, P-26: TOS, own identification, no fragmentation bits, TTL, protocol, group.
#[test]
fn ipv4_header_is_complete() {
    let (buffer, length) = packet(
        &config(&["198.51.100.1"]),
        Version::V2,
        WirePriority::from_wire(100),
    );
    assert_eq!(length, 40);
    assert_eq!(
        buffer[..10],
        [0x45, 0xc0, 0, 40, 0x12, 0x34, 0, 0, 255, 112]
    );
    assert_eq!(buffer[12..20], [192, 0, 2, 1, 224, 0, 0, 18]);
    assert!(Sum::default().bytes(&buffer[..20]).verifies());
    assert_eq!(buffer[length], 0xaa, "nothing is written behind the packet");
}

/// P-16 to P-18, P-26: traffic class, the sequence as flow label, hop limit, next header, group.
#[test]
fn ipv6_header_is_complete() {
    let (buffer, length) = packet(
        &config(&["fe80::9"]),
        Version::V3,
        WirePriority::from_wire(100),
    );
    assert_eq!(length, 64);
    assert_eq!(buffer[..8], [0x6c, 0x00, 0x12, 0x34, 0, 24, 112, 255]);
    assert_eq!(buffer[24..40], GROUP_V6.octets());
}

/// P-02, P-03: version by configuration, type 1 only.
#[test]
fn first_byte_is_0x21_or_0x31() {
    let config = config(&["198.51.100.1"]);
    assert_eq!(
        packet(&config, Version::V2, WirePriority::RELEASE).0[20],
        0x21
    );
    assert_eq!(
        packet(&config, Version::V3, WirePriority::RELEASE).0[20],
        0x31
    );
}

/// P-05: 0 to release, everything else as given.
#[test]
fn priority_byte_is_the_one_asked_for() {
    let config = config(&["198.51.100.1"]);
    for priority in [
        WirePriority::RELEASE,
        WirePriority::from_wire(1),
        WirePriority::from_wire(255),
    ] {
        assert_eq!(
            packet(&config, Version::V3, priority).0[22],
            priority.as_u8()
        );
    }
}

/// P-25, U-02: zeros for types 0 and 2, the password for type 1.
#[test]
fn authentication_data_is_zero_but_for_a_password() {
    let key = Password::truncated(b"secret");
    for (auth, kind, data, offset) in [
        (Auth::None, 0, [0; 8], 20),
        (Auth::Pass(key), 1, *b"secret\0\0", 20),
        (
            Auth::Ah {
                key,
                icv: IcvForm::TtlKept,
            },
            2,
            [0; 8],
            44,
        ),
    ] {
        let config = SendConfig {
            auth,
            ..config(&["198.51.100.1"])
        };
        let (buffer, length) = packet(&config, Version::V2, WirePriority::from_wire(9));
        assert_eq!(buffer[offset + 4], kind);
        assert_eq!(buffer[length - 8..length], data);
    }
}

/// P-08, P-23: each version's own unit and range; rounding in interoperation mode only (I-04).
#[test]
fn intervals_that_a_version_cannot_say_are_refused() {
    let half = AdvertInterval::from_centis(50).unwrap();
    let config = SendConfig {
        interval: half,
        ..config(&["198.51.100.1"])
    };
    let priority = WirePriority::from_wire(1);
    assert_eq!(
        config.advert(Version::V2, false, priority),
        Err(AdvertError::NotWholeSeconds(half))
    );
    let rounded = config.advert(Version::V2, true, priority).unwrap();
    assert_eq!(rounded.interval(), AdvertInterval::DEFAULT);
    assert_eq!(
        config
            .advert(Version::V3, true, priority)
            .unwrap()
            .interval(),
        half
    );
    let long = AdvertInterval::from_centis(4096).unwrap();
    let config = SendConfig {
        interval: long,
        ..config
    };
    assert_eq!(
        config.advert(Version::V3, false, priority),
        Err(AdvertError::IntervalTooLong(long))
    );
}

/// P-21.
#[test]
fn version_2_over_ipv6_is_refused() {
    let config = config(&["fe80::9"]);
    assert_eq!(
        config.advert(Version::V2, false, WirePriority::RELEASE),
        Err(AdvertError::V2OverIpv6)
    );
}

#[test]
fn a_small_buffer_and_a_mixed_envelope_are_refused() {
    let config = config(&["198.51.100.1"]);
    let advert = config
        .advert(Version::V3, false, WirePriority::RELEASE)
        .unwrap();
    let mut sequence = AhSequence::default();
    let good = envelope("192.0.2.1", GROUP_V4.into());
    let mut buffer = [0; 31];
    let too_small = EncodeError::BufferTooSmall {
        needed: 32,
        available: 31,
    };
    assert_eq!(
        config.encode_packet(&advert, &good, &mut sequence, &mut buffer),
        Err(too_small)
    );
    let mut buffer = [0; MAX_PACKET];
    let mixed = envelope("192.0.2.1", GROUP_V6.into());
    assert_eq!(
        config.encode_packet(&advert, &mixed, &mut sequence, &mut buffer),
        Err(EncodeError::Family)
    );
    let other = envelope("fe80::1", GROUP_V6.into());
    assert_eq!(
        config.encode_packet(&advert, &other, &mut sequence, &mut buffer),
        Err(EncodeError::Family)
    );
}

#[test]
fn used_up_ah_sequence_sends_nothing() {
    let auth = Auth::Ah {
        key: Password::truncated(b"k"),
        icv: IcvForm::TtlKept,
    };
    let config = SendConfig {
        auth,
        ..config(&["198.51.100.1"])
    };
    let advert = config
        .advert(Version::V2, false, WirePriority::RELEASE)
        .unwrap();
    let mut sequence = AhSequence::resumed(u32::MAX);
    let envelope = envelope("192.0.2.1", GROUP_V4.into());
    let outcome = config.encode_packet(&advert, &envelope, &mut sequence, &mut [0; MAX_PACKET]);
    assert_eq!(outcome, Err(EncodeError::SequenceUsedUp));
}
