//! Unicast: hop limits and senders, as profiles and peers have them.

use super::*;

fn unicast(min_ttl: u8, check_source: bool) -> (ReceiveConfig, Sent) {
    let mut config = config(Version::V2, &["198.51.100.1"]);
    let peer = Peer {
        address: V4_SOURCE.parse().unwrap(),
        min_ttl,
        max_ttl: 255,
    };
    let local = "192.0.2.9".parse().unwrap();
    config.transport = ReceiveTransport::Unicast {
        local: Some(local),
        peers: [peer].into(),
        check_source,
    };
    let mut sent = Sent::to(&config);
    sent.envelope.destination = local;
    (config, sent)
}

/// U-11: profile rfc9568 has a minimum of 255, profile keepalived of 0.
#[test]
fn unicast_ttl_minimum_is_the_peers() {
    for (min_ttl, ttl, accepted) in [
        (255, 255, true),
        (255, 254, false),
        (0, 64, true),
        (0, 0, true),
        (60, 59, false),
    ] {
        let (config, mut sent) = unicast(min_ttl, true);
        sent.envelope.ttl = ttl;
        let outcome = receive(&config, &sent.packet(1)).map(|_| ());
        assert_eq!(
            outcome,
            if accepted { Ok(()) } else { Err(Discard::Ttl) },
            "minimum {min_ttl}, ttl {ttl}"
        );
    }
}

/// U-11: keepalived's `max_ttl`.
#[test]
fn unicast_ttl_maximum_is_the_peers() {
    let (mut config, sent) = unicast(0, true);
    let peer = Peer {
        address: sent.envelope.source,
        min_ttl: 0,
        max_ttl: 100,
    };
    let local = Some(sent.envelope.destination);
    config.transport = ReceiveTransport::Unicast {
        local,
        peers: [peer].into(),
        check_source: true,
    };
    assert_eq!(receive(&config, &sent.packet(1)).unwrap_err(), Discard::Ttl);
}

/// U-12: profile rfc9568 checks the sender, profile keepalived only with `check_unicast_src`.
#[test]
fn unicast_source_check_is_a_profile_point() {
    for (check_source, expected) in [(true, Err(Discard::Source)), (false, Ok(()))] {
        let (config, mut sent) = unicast(255, check_source);
        sent.envelope.source = "203.0.113.77".parse().unwrap();
        assert_eq!(receive(&config, &sent.packet(1)).map(|_| ()), expected);
    }
}

/// U-14, where no local address is known.
#[test]
fn unicast_router_without_a_local_address_still_ignores_the_group() {
    let (mut config, mut sent) = unicast(255, true);
    let peer = Peer {
        address: sent.envelope.source,
        min_ttl: 255,
        max_ttl: 255,
    };
    config.transport = ReceiveTransport::Unicast {
        local: None,
        peers: [peer].into(),
        check_source: true,
    };
    assert!(receive(&config, &sent.packet(1)).is_ok());
    sent.envelope.destination = IpAddr::V4(GROUP_V4);
    assert_eq!(
        receive(&config, &sent.packet(1)).unwrap_err(),
        Discard::Destination
    );
}
