//! Interfaces that appear, vanish, go down and up, and change their names; sources and sockets with them.

use std::net::IpAddr;

use vrrp_proto::track::{Reading, TrackerId};
use vrrp_proto::units::Family;

use super::super::{AddressReport, SourceChoice};
use super::bench::{
    Bench, ETH0, addresses, has, id, in_namespace, ip, router, setup, until, with_sockets,
};
use crate::core::{Remover, Report};
use crate::net::{InterfaceSockets, ReceiveSpec, ReceiveTransport, SocketSpec};

const A: &str = "10.9.0.100";

fn spec() -> SocketSpec {
    let receive = |family, group: &str| ReceiveSpec {
        family,
        transport: ReceiveTransport::Multicast(vec![group.parse().unwrap()]),
        authenticated: false,
        buffer: 0,
    };
    SocketSpec {
        receive: vec![
            receive(Family::V4, "224.0.0.18"),
            receive(Family::V6, "ff02::12"),
        ],
        transmit: vec![Family::V4, Family::V6],
    }
}

/// Waits for sockets of `eth0`.
fn sockets(bench: &mut Bench) -> u32 {
    bench.expect("sockets", |report| match report {
        AddressReport::Sockets {
            interface: ETH0,
            sockets: Ok(sockets),
        } => Some(sockets.index),
        _ => None,
    })
}

/// Waits until `eth0` is told to be in this state.
fn interface(bench: &mut Bench, exists: bool, up: bool) {
    bench.expect("the state of the interface", |report| match report {
        AddressReport::Interface {
            interface: ETH0,
            exists: e,
            up: u,
        } if (*e, *u) == (exists, up) => Some(()),
        _ => None,
    });
}

/// Whether a socket of this namespace is a member of VRRP's groups on `eth0`.
fn is_member() -> bool {
    let four = ip("-4 maddr show dev eth0").contains("224.0.0.18");
    let six = ip("-6 maddr show dev eth0").contains("ff02::12");
    assert_eq!(four, six);
    four
}

fn create() {
    ip("link add eth0 type veth peer name peer0");
    ip("link set peer0 up");
    ip("link set eth0 up");
    ip("addr add 10.9.0.1/24 dev eth0");
}

/// The box of a socket report is dropped with the report, so memberships are looked at while it is kept.
fn keep_sockets(bench: &mut Bench) -> (u32, Box<InterfaceSockets>) {
    let mut kept = None;
    let index = bench.expect_owned("sockets", |report| match report {
        AddressReport::Sockets {
            sockets: Ok(sockets),
            ..
        } => {
            let index = sockets.index;
            kept = Some(sockets);
            Ok(index)
        }
        other => Err(other),
    });
    (index, kept.unwrap())
}

#[test]
fn an_interface_that_is_deleted_and_made_anew_gets_sockets_membership_and_addresses_back() {
    in_namespace(|| {
        ip("addr add 10.9.0.1/24 dev eth0");
        let seven = id(Family::V4, 7);
        let setup = with_sockets(setup(vec![router(7, &[A, "10.9.0.101"])]), spec());
        let mut bench = Bench::start_without_waiting(setup);
        let (first, kept) = keep_sockets(&mut bench);
        assert!(is_member());
        bench.add(seven);
        bench.expect_state(seven, 2, 2);
        ip("link del eth0");
        interface(&mut bench, false, false);
        drop(kept);
        create();
        let (second, _kept) = keep_sockets(&mut bench);
        assert_ne!(first, second);
        until("the addresses", || {
            has("eth0", "10.9.0.100/32") && has("eth0", "10.9.0.101/32")
        });
        assert!(is_member());
        // The kernel took the addresses with the interface: nobody fought.
        assert_eq!(
            bench.count(|r| matches!(r, Report::AddressRemoved { .. })),
            0
        );
        bench.stop();
    });
}

#[test]
fn an_interface_that_is_missing_at_the_start_is_told_and_served_when_it_appears() {
    in_namespace(|| {
        ip("link del eth0");
        let seven = id(Family::V4, 7);
        let mut bench =
            Bench::start_without_waiting(with_sockets(setup(vec![router(7, &[A])]), spec()));
        interface(&mut bench, false, false);
        assert_eq!(bench.expect_source(seven), None);
        bench.add(seven);
        let state = bench.expect_state(seven, 0, 1);
        assert_eq!(state.errno, Some(nix::libc::ENODEV));
        create();
        sockets(&mut bench);
        bench.expect_state(seven, 1, 1);
        bench.stop();
    });
}

#[test]
fn a_rename_is_a_deletion_and_the_way_back_a_creation() {
    in_namespace(|| {
        ip("addr add 10.9.0.1/24 dev eth0");
        let seven = id(Family::V4, 7);
        let mut bench =
            Bench::start_without_waiting(with_sockets(setup(vec![router(7, &[A])]), spec()));
        interface(&mut bench, true, true);
        let (first, kept) = keep_sockets(&mut bench);
        assert_eq!(
            bench.expect_source(seven),
            Some("10.9.0.1".parse().unwrap())
        );
        ip("link set eth0 down");
        interface(&mut bench, true, false);
        ip("link set eth0 name away");
        interface(&mut bench, false, false);
        assert_eq!(bench.expect_source(seven), None);
        drop(kept);
        ip("link set away name eth0");
        ip("link set eth0 up");
        let (second, _kept) = keep_sockets(&mut bench);
        assert_eq!(first, second, "the same interface under the same name");
        assert!(is_member());
        interface(&mut bench, true, true);
        bench.stop();
    });
}

#[test]
fn down_and_up_and_a_lost_carrier_are_told_to_routers_and_trackers() {
    in_namespace(|| {
        let mut plan = setup(vec![router(7, &[A])]);
        plan.interfaces[0].tracker = Some(TrackerId(42));
        let mut bench = Bench::start(plan);
        let tracker = |bench: &mut Bench, wanted: Reading| {
            bench.expect("a reading", |report| match report {
                AddressReport::Tracker {
                    id: TrackerId(42),
                    reading,
                } => (*reading == wanted).then_some(()),
                _ => None,
            });
        };
        ip("link set eth0 down");
        tracker(&mut bench, Reading::Bad);
        ip("link set eth0 up");
        tracker(&mut bench, Reading::Good);
        // The other end takes the carrier along.
        ip("link set peer0 down");
        interface(&mut bench, true, false);
        tracker(&mut bench, Reading::Bad);
        ip("link set peer0 up");
        interface(&mut bench, true, true);
        tracker(&mut bench, Reading::Good);
        bench.stop();
    });
}

/// IPv6 addresses go with the link; where the router stays Active (`dont_track_primary`), they come back with it.
#[test]
fn addresses_that_the_kernel_took_with_a_link_that_went_down_are_back_with_it() {
    in_namespace(|| {
        let seven = id(Family::V6, 7);
        let mut bench = Bench::start(setup(vec![router(7, &["2001:db8::100"])]));
        bench.add(seven);
        bench.expect_state(seven, 1, 1);
        ip("link set eth0 down");
        bench.expect_state(seven, 0, 1);
        ip("link set eth0 up");
        bench.expect_state(seven, 1, 1);
        assert_eq!(
            bench.count(|r| matches!(r, Report::AddressRemoved { .. })),
            0
        );
        bench.stop();
    });
}

#[test]
fn the_source_is_the_first_address_that_is_nobodys_virtual_one_and_follows_changes() {
    in_namespace(|| {
        let (seven, eight) = (id(Family::V4, 7), id(Family::V4, 8));
        // Router 8's address stands first on the interface; it is left over, so it goes, and comes back as somebody's.
        ip("addr add 10.9.0.101/24 dev eth0");
        ip("addr add 10.9.0.1/24 dev eth0");
        ip("addr add 10.9.0.2/24 dev eth0");
        let plan = vec![router(7, &[A]), router(8, &["10.9.0.101/24"])];
        let mut bench = Bench::start_without_waiting(setup(plan));
        let address = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        // The kernel takes secondary addresses of a subnet along with its first: what is left is nothing.
        assert!(matches!(bench.expect_source(seven), None | Some(_)));
        bench.expect("everything to be known", |r| {
            matches!(r, AddressReport::Settled).then_some(())
        });
        for line in addresses(4) {
            ip(&format!("addr del {line} dev eth0"));
        }
        bench.add(eight);
        bench.expect_state(eight, 1, 1);
        ip("addr add 10.9.0.1/24 dev eth0");
        assert_eq!(bench.expect_source(eight), address("10.9.0.1"));
        assert_eq!(addresses(4), ["10.9.0.101/24", "10.9.0.1/24"]);
        ip("addr add 10.9.0.2/24 dev eth0");
        ip("addr del 10.9.0.1/24 dev eth0");
        assert_eq!(bench.expect_source(eight), address("10.9.0.2"));
        ip("addr del 10.9.0.2/24 dev eth0");
        assert_eq!(bench.expect_source(eight), None);
        bench.stop();
    });
}

#[test]
fn a_configured_source_is_told_when_it_comes_and_goes() {
    in_namespace(|| {
        ip("addr add 10.9.0.1/24 dev eth0");
        let wanted: IpAddr = "10.9.0.9".parse().unwrap();
        let mut plan = router(7, &[A]);
        plan.source = SourceChoice::Tracked(wanted);
        let seven = id(Family::V4, 7);
        let mut bench = Bench::start_without_waiting(setup(vec![plan]));
        assert_eq!(bench.expect_source(seven), None);
        ip("addr add 10.9.0.9/32 dev eth0");
        assert_eq!(bench.expect_source(seven), Some(wanted));
        ip("addr del 10.9.0.9/32 dev eth0");
        assert_eq!(bench.expect_source(seven), None);
        bench.stop();
    });
}

#[test]
fn ipv6_waits_for_the_link_local_address_to_pass_detection() {
    in_namespace(|| {
        ip("link set eth0 down");
        ip("link set eth0 up");
        let seven = id(Family::V6, 7);
        let mut bench = Bench::start_without_waiting(setup(vec![router(7, &["2001:db8::100"])]));
        until("a link-local source", || {
            bench
                .expect_source(seven)
                .is_some_and(|a| matches!(a, IpAddr::V6(a) if a.is_unicast_link_local()))
        });
        assert!(!ip("-6 addr show dev eth0 scope link").contains("tentative"));
        bench.stop();
    });
}

#[test]
fn sockets_that_are_refused_are_told_once_and_tried_again() {
    in_namespace(|| {
        let mut sockets = spec();
        // No such group: the kernel refuses to join it, and nothing else is wanted.
        sockets.receive.truncate(1);
        sockets.receive[0].transport =
            ReceiveTransport::Multicast(vec!["10.9.0.1".parse().unwrap()]);
        let mut bench =
            Bench::start_without_waiting(with_sockets(setup(vec![router(7, &[A])]), sockets));
        let errno = bench.expect("the refusal", |report| match report {
            AddressReport::Sockets {
                sockets: Err(errno),
                ..
            } => Some(*errno),
            _ => None,
        });
        assert_eq!(errno, nix::libc::EINVAL);
        std::thread::sleep(std::time::Duration::from_millis(1200));
        let refused = |r: &Report| matches!(r, Report::SocketsRefused { .. });
        assert_eq!(bench.count(refused), 1);
        bench.stop();
    });
}

/// An interface without IPv6 serves IPv4 routers; when IPv6 comes, it is served as well.
#[test]
fn where_some_sockets_are_refused_the_others_serve_and_the_rest_follows() {
    in_namespace(|| {
        let disable = |value: &str| {
            std::fs::write("/proc/sys/net/ipv6/conf/eth0/disable_ipv6", value).unwrap();
        };
        disable("1");
        ip("link set eth0 mtu 1200");
        let mut bench =
            Bench::start_without_waiting(with_sockets(setup(vec![router(7, &[A])]), spec()));
        let (_, some) = keep_sockets(&mut bench);
        assert!(some.serve(Family::V4, true));
        if some.serve(Family::V6, true) {
            eprintln!("SKIPPED: this kernel joins IPv6 groups where IPv6 is off");
            bench.stop();
            return;
        }
        bench.expect_fact("the refusal", |report| {
            matches!(report, Report::SocketsRefused { .. }).then_some(())
        });
        ip("link set eth0 mtu 1500");
        disable("0");
        let (_, all) = keep_sockets(&mut bench);
        assert!(all.serve(Family::V4, true) && all.serve(Family::V6, true));
        bench.stop();
    });
}

/// ENOBUFS: the kernel drops news when they come faster than they are read; everything is asked for again.
#[test]
fn an_overrun_of_the_kernels_news_is_noticed_and_made_good() {
    in_namespace(|| {
        ip("addr add 10.9.0.1/24 dev eth0");
        let seven = id(Family::V4, 7);
        let (mut bench, mut thread) = Bench::by_hand(setup(vec![router(7, &[A])]));
        bench.add(seven);
        until("the address", || {
            thread.turn();
            has("eth0", "10.9.0.100/32")
        });
        // Far more news than the buffer holds, and nobody reads: the removal is the last of them, and is lost. One address
        // comes and goes, because the kernel looks through all of an interface's addresses at each change.
        let mut batch =
            "addr add 10.64.0.1/32 dev peer0\naddr del 10.64.0.1/32 dev peer0\n".repeat(10_000);
        batch.push_str("addr del 10.9.0.100/32 dev eth0\n");
        let file = std::env::temp_dir().join(format!("vrrpd-batch-{}", std::process::id()));
        std::fs::write(&file, batch).unwrap();
        ip(&format!("-batch {}", file.display()));
        std::fs::remove_file(&file).unwrap();
        let by = |bench: &mut Bench| {
            bench.find_fact(|report| match report {
                Report::AddressRemoved { by, .. } => Some(*by),
                _ => None,
            })
        };
        until("the removal is noticed", || {
            thread.turn();
            by(&mut bench).is_some()
        });
        assert_eq!(
            by(&mut bench),
            Some(Remover::Unknown),
            "the news itself were lost"
        );
        until("put back", || {
            thread.turn();
            has("eth0", "10.9.0.100/32")
        });
    });
}
