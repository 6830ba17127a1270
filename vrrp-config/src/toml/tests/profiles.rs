//! What the profile decides where nothing is written.

use super::*;

#[test]
fn profiles_set_every_point_where_the_rfc_and_keepalived_differ() {
    let rfc = plan(LEAST);
    let router = &rfc.routers[0];
    assert_eq!(rfc.global.profile, Profile::Rfc9568);
    assert_eq!(router.checksum_send, ChecksumForm::Message);
    assert!(
        router.require_link_local_first
            && router.require_link_local_source
            && router.owner_discards_v2
    );
    assert!(
        !router.announce.arp_target_broadcast
            && router.announce.na_router_flag
            && router.answer_lower
    );
    assert_eq!(
        (router.announce.repeat, router.announce.delay),
        (1, Duration::from_secs(2))
    );

    let keepalived = plan(&format!("profile = \"keepalived\"\n{LEAST}"));
    let router = &keepalived.routers[0];
    assert_eq!(keepalived.global.profile, Profile::Keepalived);
    assert_eq!(router.checksum_send, ChecksumForm::PseudoHeader);
    assert!(
        !router.require_link_local_first
            && !router.require_link_local_source
            && !router.owner_discards_v2
    );
    assert!(
        router.announce.arp_target_broadcast
            && !router.announce.na_router_flag
            && router.answer_lower
    );
    assert_eq!(
        (router.announce.repeat, router.announce.delay),
        (5, Duration::from_secs(5))
    );
}

/// RFC 3768 §6.4.3: a version 2 router is silent where a version 3 one answers.
#[test]
fn a_version_2_router_of_the_rfc_profile_does_not_answer_a_lower_advert() {
    assert!(!router(&format!("{LEAST}version = 2\n")).answer_lower);
}

#[test]
fn unicast_has_strict_ttl_and_source_checks_in_the_rfc_profile() {
    let unicast =
        "[router.unicast]\npeers = [\"192.0.2.20\", { address = \"192.0.2.21\", min_ttl = 64 }]\n";
    let Transport::Unicast {
        peers,
        ttl,
        check_source,
        ..
    } = router(&format!("{LEAST}{unicast}")).transport
    else {
        panic!("multicast");
    };
    assert_eq!(
        (peers[0].min_ttl, peers[1].min_ttl, ttl, check_source),
        (255, 64, 255, true)
    );
    let text = format!("profile = \"keepalived\"\n{LEAST}{unicast}");
    let Transport::Unicast {
        peers,
        check_source,
        ..
    } = router(&text).transport
    else {
        panic!("multicast")
    };
    assert_eq!((peers[0].min_ttl, check_source), (0, false));
}
