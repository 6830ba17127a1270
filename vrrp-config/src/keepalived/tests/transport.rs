//! Unicast and multicast: peers, hop limits and sources.

use super::*;
use crate::plan::Transport;

/// Trap 19.
#[test]
fn unicast_words_without_peers_mean_multicast() {
    for lines in [
        "unicast_src_ip 192.0.2.1",
        "unicast_src_ip 192.0.2.1\nunicast_peer {\n}",
        "check_unicast_src",
    ] {
        let router = router(lines, 5, "adverts go by multicast");
        assert!(
            matches!(router.transport, Transport::Multicast { .. }),
            "{lines}"
        );
    }
}

#[test]
fn unicast_peers_make_a_unicast_router() {
    let router = router(
        "unicast_src_ip 192.0.2.1/24\nunicast_peer {\n192.0.2.2/24\n192.0.2.3 min_ttl 64 max_ttl 64\n}",
        0,
        "",
    );
    assert_eq!(
        (router.source, router.track_source),
        (Some([192, 0, 2, 1].into()), true)
    );
    let Transport::Unicast {
        peers,
        ttl,
        check_source,
        fault_without_peer,
    } = router.transport
    else {
        panic!("multicast")
    };
    assert_eq!(
        (peers.len(), peers[1].min_ttl, peers[1].max_ttl, ttl),
        (2, 64, 64, 255)
    );
    assert!(
        check_source,
        "keepalived checks sources once a peer has TTL limits"
    );
    assert!(!fault_without_peer);
}

/// Trap 32.
#[test]
fn unicast_over_ipv6_has_hop_limit_64_unless_said_otherwise() {
    let text = |ttl: &str| {
        instance(&format!("unicast_peer {{\nfe80::2\n}}\n{ttl}")).replace("10.0.0.1", "fe80::1")
    };
    for (line, expected) in [("", 64), ("unicast_ttl 255", 255), ("unicast_ttl 0", 0)] {
        let Transport::Unicast { ttl, .. } = plan(&text(line), 0).routers[0].transport else {
            panic!("multicast")
        };
        assert_eq!(ttl, expected);
    }
}

#[test]
fn a_source_for_multicast_is_not_tracked_unless_asked() {
    assert!(!router("mcast_src_ip 192.0.2.1", 0, "").track_source);
    assert!(router("mcast_src_ip 192.0.2.1\ntrack_src_ip", 0, "").track_source);
    assert!(
        router("mcast_src_ip fe80::1", 5, "other family")
            .source
            .is_none()
    );
}

/// As keepalived complains.
#[test]
fn a_multicast_destination_beside_unicast_peers_is_told() {
    let router = router(
        "mcast_dst_ip 224.0.0.50\nunicast_peer {\n192.0.2.2\n}",
        5,
        "mcast_dst_ip has no effect with unicast peers",
    );
    assert!(matches!(router.transport, Transport::Unicast { .. }));
}

/// As keepalived does: every line that cannot be is told, and a good one among them counts.
#[test]
fn every_wrong_virtual_router_id_is_told() {
    let loaded = read(&instance("virtual_router_id 0\nvirtual_router_id 256"));
    let told = loaded
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.message.contains("it is ignored"));
    assert_eq!(told.count(), 2, "{}", loaded.render());
    assert_eq!(loaded.check_exit(), 5);
    assert_eq!(plan_of(&loaded).routers.len(), 1);
}
