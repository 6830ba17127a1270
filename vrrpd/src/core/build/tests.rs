use std::net::IpAddr;

use vrrp_config::plan::{NotifyPlan, PeerPlan, TrackPlan};
use vrrp_proto::node::RouterIndex;
use vrrp_proto::units::{AdvertInterval, Family, Vrid};
use vrrp_proto::wire::{AdvertError, GROUP_V4};

use super::*;
use crate::daemon::Failure;
use crate::engine::tests::plans::{over_ipv6, plan, with_script};
use crate::exit::Exit;
use crate::net::ReceiveTransport as Listens;

fn built(plan: &Plan) -> Result<Built, CoreError> {
    build(
        plan,
        &mut InterfaceNames::default(),
        &mut TrackerNames::default(),
        &mut Places::default(),
    )
}

fn unicast(plan: &mut RouterPlan, source: Option<&str>) {
    let peer = |address: &str| PeerPlan {
        address: address.parse().unwrap(),
        min_ttl: 0,
        max_ttl: 255,
    };
    plan.source = source.map(|source| source.parse().unwrap());
    plan.transport = Transport::Unicast {
        peers: vec![peer("10.9.0.2"), peer("10.9.0.3")],
        ttl: 64,
        check_source: false,
        fault_without_peer: false,
    };
}

/// A second router like the first, with another VRID.
fn second(plan: &mut Plan) -> &mut RouterPlan {
    let mut router = plan.routers[0].clone();
    router.name = "VI_2".to_owned();
    router.vrid = Vrid::new(8).unwrap();
    plan.routers.push(router);
    plan.routers.last_mut().unwrap()
}

#[test]
fn routers_of_one_interface_share_a_socket_for_each_family_and_transport() {
    let mut plan = plan("eth0", 100, 100);
    second(&mut plan);
    let six = over_ipv6(plan.clone()).routers.remove(0);
    plan.routers.push(RouterPlan {
        name: "VI_6".to_owned(),
        ..six
    });
    let third = second(&mut plan);
    third.family = Family::V4;
    third.vrid = Vrid::new(9).unwrap();
    third.addresses[0].address = "10.9.0.78".parse().unwrap();
    unicast(third, Some("10.9.0.1"));
    let built = built(&plan).unwrap();
    let spec = built.address.interfaces[0].sockets.clone().unwrap();
    let kinds: Vec<_> = spec
        .receive
        .iter()
        .map(|socket| (socket.family, socket.transport.clone()))
        .collect();
    let own: IpAddr = "10.9.0.1".parse().unwrap();
    assert_eq!(
        kinds,
        [
            (Family::V4, Listens::Multicast(vec![GROUP_V4.into()])),
            (Family::V4, Listens::Unicast(Some(own))),
            (
                Family::V6,
                Listens::Multicast(vec!["ff02::12".parse().unwrap()])
            ),
        ]
    );
    assert_eq!(spec.transmit, [Family::V4, Family::V6]);
    assert_eq!(built.setup.io.interfaces.len(), 1);
    let interface = &built.setup.io.interfaces[0];
    assert_eq!(interface.router(Family::V4, 7), Some(RouterIndex(0)));
    assert_eq!(interface.router(Family::V4, 8), Some(RouterIndex(1)));
    assert_eq!(interface.router(Family::V6, 7), Some(RouterIndex(2)));
    assert_eq!(interface.router(Family::V6, 8), None);
}

#[test]
fn unicast_routers_with_different_sources_share_a_socket_that_is_not_bound() {
    let mut plan = plan("eth0", 100, 100);
    unicast(&mut plan.routers[0], Some("10.9.0.1"));
    unicast(second(&mut plan), Some("10.9.0.9"));
    let built = built(&plan).unwrap();
    let spec = built.address.interfaces[0].sockets.clone().unwrap();
    assert_eq!(spec.receive.len(), 1);
    assert_eq!(spec.receive[0].transport, Listens::Unicast(None));
    let router = &built.setup.io.routers[0];
    assert_eq!(
        (router.destinations.len(), router.ttl, router.multicast),
        (2, 64, false)
    );
}

#[test]
fn buffers_grow_with_the_routers_and_shrink_with_the_interval() {
    let size = |centis| {
        built(&plan("eth0", 100, centis))
            .unwrap()
            .address
            .interfaces[0]
            .sockets
            .clone()
            .unwrap()
            .receive[0]
            .buffer
    };
    assert_eq!(size(100), 4 * 2 * 4096, "four seconds, two senders");
    assert_eq!(size(10), 10 * size(100));
    let mut two = plan("eth0", 100, 100);
    second(&mut two);
    assert_eq!(
        built(&two).unwrap().address.interfaces[0]
            .sockets
            .clone()
            .unwrap()
            .receive[0]
            .buffer,
        2 * size(100)
    );
}

#[test]
fn authentication_by_header_asks_for_its_own_protocol() {
    let mut plan = plan("eth0", 100, 100);
    plan.routers[0].version = Version::V2;
    plan.routers[0].auth = AuthPlan::Ah(*b"12345678");
    let built = built(&plan).unwrap();
    assert!(built.address.interfaces[0].sockets.clone().unwrap().receive[0].authenticated);
}

#[test]
fn plans_that_make_no_adverts_are_refused_with_the_routers_name() {
    let mut empty = plan("eth0", 100, 100);
    empty.routers[0].addresses.clear();
    assert!(
        matches!(built(&empty), Err(CoreError::Unsendable { router, error: AdvertError::NoAddress }) if router == "VI_1")
    );

    let mut double = plan("eth0", 100, 100);
    let again = double.routers[0].addresses[0].clone();
    double.routers[0].addresses.push(again);
    assert!(matches!(built(&double), Err(CoreError::Addresses { router, .. }) if router == "VI_1"));

    let mut twice = plan("eth0", 100, 100);
    second(&mut twice).vrid = Vrid::new(7).unwrap();
    assert!(matches!(built(&twice), Err(CoreError::Duplicate { router }) if router == "VI_2"));

    let mut fraction = plan("eth0", 100, 150);
    fraction.routers[0].version = Version::V2;
    assert!(matches!(
        built(&fraction),
        Err(CoreError::Unsendable {
            error: AdvertError::NotWholeSeconds(_),
            ..
        })
    ));

    let mut long = plan("eth0", 100, 100);
    long.routers[0].interval = AdvertInterval::MAX_V2;
    let error = built(&long).err().unwrap();
    assert_eq!(
        Failure::new(Exit::Configuration, &error).text,
        "virtual router VI_1 cannot be advertised; change its interval or its version: \
         an interval of 25500 centiseconds is over the 4095 of version 3"
    );
}

#[test]
fn the_hold_is_the_longest_skew_and_one_interval_and_at_most_two_seconds() {
    let hold = |version, centis| {
        let mut plan = plan("eth0", 100, centis);
        plan.routers[0].version = version;
        release_hold(&plan.routers[0])
    };
    assert_eq!(
        hold(Version::V3, 10),
        Duration::from_micros(199_609) + Duration::from_nanos(375)
    );
    assert_eq!(
        hold(Version::V2, 100),
        Duration::from_secs(1) + Duration::from_secs(1) * 255 / 256
    );
    assert_eq!(hold(Version::V3, 300), Duration::from_secs(2));
}

#[test]
fn results_of_scripts_last_as_long_as_their_fall_may_take() {
    let mut plan = with_script(plan("eth0", 100, 100));
    plan.scripts[0].interval = Duration::from_secs(2);
    plan.scripts[0].fall = 3;
    plan.scripts[0].timeout = Duration::from_secs(4);
    assert_eq!(
        built(&plan).unwrap().setup.longest_expiry,
        Duration::from_secs(11)
    );
}

#[test]
fn a_groups_trackers_count_for_every_member_and_once() {
    let mut plan = with_script(plan("eth0", 100, 100));
    second(&mut plan).track_scripts.clear();
    let mut track = plan.routers[0].track_scripts[0].clone();
    track.weight = 0;
    let follow = TrackPlan {
        name: "eth1".to_owned(),
        weight: 0,
        reverse: false,
    };
    plan.groups.push(GroupPlan {
        name: "G".to_owned(),
        members: vec!["VI_1".to_owned(), "VI_2".to_owned()],
        track_scripts: vec![track],
        track_interfaces: vec![follow],
        tracking_weight: true,
        notify: NotifyPlan::default(),
        smtp_alert: false,
    });
    let (mut interfaces, mut trackers) = (InterfaceNames::default(), TrackerNames::default());
    let built = build(
        &plan,
        &mut interfaces,
        &mut trackers,
        &mut Places::default(),
    )
    .unwrap();
    let script = trackers.find("check").unwrap();
    let eth1 = TrackerNames::interface(interfaces.key("eth1").unwrap());
    let setup = |router: &RouterPlan| {
        let config = *built.setup.node.router(RouterIndex(0)).unwrap().config();
        router_setup(&plan, router, config, &interfaces, &mut trackers.clone())
    };
    let weights = |router: usize| -> Vec<_> {
        let links = setup(&plan.routers[router]).trackers;
        links
            .iter()
            .map(|link| (link.tracker, link.weight))
            .collect()
    };
    assert_eq!(
        weights(0),
        [(script, 2), (eth1, 0)],
        "the router's own weight stands"
    );
    assert_eq!(weights(1), [(script, 0), (eth1, 0)]);
    let followed = built
        .address
        .interfaces
        .iter()
        .find(|interface| interface.name == "eth1")
        .unwrap();
    assert_eq!(
        (followed.tracker, followed.sockets.clone()),
        (Some(eth1), None)
    );
}

#[test]
fn ipv6_adverts_put_the_link_local_address_first_where_the_rfc_is_followed() {
    let mut plan = over_ipv6(plan("eth0", 100, 100));
    let mut global = plan.routers[0].addresses[0].clone();
    global.address = "2001:db8::77".parse().unwrap();
    plan.routers[0].addresses.insert(0, global);
    let first = |plan: &Plan| {
        built(plan).unwrap().setup.io.routers[0]
            .send
            .addresses
            .as_addresses()
            .first()
    };
    assert_eq!(first(&plan), "2001:db8::77".parse().ok(), "as configured");
    plan.routers[0].require_link_local_first = true;
    assert_eq!(first(&plan), "fe80::77".parse().ok());
}
