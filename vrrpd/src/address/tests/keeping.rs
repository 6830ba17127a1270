//! Putting addresses on, taking them off, putting them back.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use nix::libc;
use vrrp_config::plan::{RestoreAddresses, VipPlan};
use vrrp_proto::router::InterfaceKey;
use vrrp_proto::units::Family;

use super::super::netlink::{Change, Requests};
use super::super::{AddressCommand, AddressReport, InterfaceSetup, cleanup};
use super::bench::{Bench, ETH0, addresses, has, id, in_namespace, ip, router, setup, until, vip};
use crate::core::{Remover, Report};

const A: &str = "10.9.0.100";

/// S-32.
#[test]
fn addresses_go_on_in_order_with_all_their_words_and_off_again() {
    in_namespace(|| {
        ip("link add eth1 type veth peer name peer1");
        ip("link set eth1 up");
        let mut plan = router(7, &[A, "10.9.0.101/24", "10.9.0.102/24"]);
        plan.addresses[0].1.label = Some("eth0:x".into());
        plan.addresses[1].1.broadcast = Some(Ipv4Addr::new(10, 9, 0, 255));
        plan.addresses[2].1.scope = 253;
        plan.addresses[2].1.no_prefix_route = true;
        let mut with_peer = vip("10.9.1.1");
        with_peer.peer = Some(("10.9.1.2".parse().unwrap(), 32));
        plan.addresses.push((ETH0, with_peer));
        plan.addresses.push((InterfaceKey(1), vip("10.9.2.1")));
        plan.addresses.push((ETH0, vip("2001:db8::100")));
        plan.addresses.push((ETH0, vip("2001:db8::101/64")));
        // In another scope in the same subnet the kernel would refuse it.
        plan.addresses[2].1.address = "10.9.3.102".parse().unwrap();
        let mut setup = setup(vec![plan]);
        setup.interfaces.push(InterfaceSetup {
            key: InterfaceKey(1),
            name: "eth1".into(),
            sockets: None,
            tracker: None,
        });
        let mut bench = Bench::start(setup);
        let seven = id(Family::V4, 7);
        bench.add(seven);
        let state = bench.expect_state(seven, 7, 7);
        assert_eq!(state.errno, None);
        // The kernel itself puts addresses of narrower scope in front.
        assert_eq!(
            addresses(4),
            [
                "10.9.3.102/24",
                "10.9.0.100/32",
                "10.9.0.101/24",
                "10.9.1.1"
            ]
        );
        assert!(has("eth0", "10.9.0.100/32 scope global eth0:x\\"));
        assert!(has("eth0", "10.9.0.101/24 brd 10.9.0.255 scope global"));
        assert!(
            has("eth0", "10.9.3.102/24 scope link")
                && ip("addr show dev eth0").contains("noprefixroute")
        );
        assert!(has("eth0", "10.9.1.1 peer 10.9.1.2/32"));
        assert!(has("eth1", "10.9.2.1/32"));
        // Whole addresses of IPv6 are never chosen as source (deprecated), others are; detection is off for both.
        let six = ip("-6 addr show dev eth0");
        let line = |address: &str| six.lines().find(|l| l.contains(address)).unwrap();
        assert!(
            line("2001:db8::100/128").contains("deprecated")
                && line("2001:db8::100/128").contains("nodad")
        );
        assert!(!line("2001:db8::101/64").contains("deprecated"));
        assert!(
            !six.contains("tentative")
                || six
                    .lines()
                    .any(|l| l.contains("fe80") && l.contains("tentative"))
        );
        bench.remove(seven);
        bench.expect_state(seven, 0, 0);
        assert_eq!(addresses(4), [] as [&str; 0]);
        assert!(!ip("-6 addr show dev eth0").contains("2001:db8") && !has("eth1", "10.9.2.1/32"));
        assert_eq!(bench.stop(), 0);
    });
}

#[test]
fn an_address_that_is_there_already_is_fine() {
    in_namespace(|| {
        let mut bench = Bench::start(setup(vec![router(7, &[A])]));
        ip("addr add 10.9.0.100/32 dev eth0");
        bench.add(id(Family::V4, 7));
        assert_eq!(bench.expect_state(id(Family::V4, 7), 1, 1).errno, None);
        bench.stop();
    });
}

/// Kernel fact 2.6: two addresses of one subnet in different scopes.
#[test]
fn a_refusal_is_told_with_its_errno_and_the_others_are_added() {
    in_namespace(|| {
        let mut plan = router(7, &["10.9.0.100/24", "10.9.0.101/24", "10.9.0.102/24"]);
        plan.addresses[1].1.scope = 253;
        let mut bench = Bench::start(setup(vec![plan]));
        bench.add(id(Family::V4, 7));
        let state = bench.expect_state(id(Family::V4, 7), 2, 3);
        assert_eq!(state.errno, Some(libc::EINVAL));
        let refused = bench.expect_fact("the refusal", |report| match report {
            Report::AddressRefused { address, errno, .. } => Some((*address, *errno)),
            _ => None,
        });
        assert_eq!(refused, ("10.9.0.101".parse().unwrap(), libc::EINVAL));
        assert_eq!(bench.stop(), 0);
    });
}

/// Adds an address as the daemon does.
fn put(device: &str, vip: &VipPlan) {
    let mut requests = Requests::open().unwrap();
    let links = requests.links().unwrap();
    let link = links.iter().find(|link| link.name == device).unwrap();
    let change = [(link.index, Change::Add(vip))];
    let mut answer = None;
    requests
        .change(&change, &mut |_, errno| answer = Some(errno))
        .unwrap();
    assert_eq!(answer, Some(None));
}

/// S-33.
#[test]
fn what_an_earlier_run_left_is_removed_before_anything_else() {
    in_namespace(|| {
        ip("addr add 10.9.0.1/24 dev eth0");
        ip("addr add 10.9.0.100/32 dev eth0");
        ip("addr add 2001:db8::100/128 dev eth0 nodad");
        // With another prefix, but marked as ours: an earlier plan's. Not marked: somebody else's.
        put("eth0", &vip("10.9.0.101/24"));
        ip("addr add 10.9.0.102/24 dev eth0");
        let four = router(7, &[A, "10.9.0.101", "10.9.0.102"]);
        let six = router(7, &["2001:db8::100"]);
        let mut bench = Bench::start_without_waiting(setup(vec![four, six]));
        bench.expect("the start", |report| {
            matches!(report, AddressReport::Started { .. }).then_some(())
        });
        assert_eq!(addresses(4), ["10.9.0.1/24", "10.9.0.102/24"]);
        assert!(!has("eth0", "2001:db8::100/128"));
        let left = |report: &Report| matches!(report, Report::LeftOverRemoved { .. });
        until("three told", || bench.count(left) == 3);
        assert_eq!(
            bench.expect_source(id(Family::V4, 7)),
            Some("10.9.0.1".parse().unwrap())
        );
        bench.stop();
        assert_eq!(addresses(4), ["10.9.0.1/24", "10.9.0.102/24"]);
    });
}

/// Safety rule 6.
#[test]
fn a_removed_address_is_put_back_five_times_then_the_router_bounces() {
    in_namespace(|| {
        let seven = id(Family::V4, 7);
        let mut bench = Bench::start(setup(vec![router(7, &[A, "10.9.0.101"])]));
        bench.add(seven);
        bench.expect_state(seven, 2, 2);
        let restored = |report: &Report| matches!(report, Report::AddressRestored { .. });
        for time in 1..=5 {
            ip("addr del 10.9.0.100/32 dev eth0");
            until("put back", || bench.count(restored) == time);
            assert!(has("eth0", "10.9.0.100/32"), "time {time}");
            assert!(!bench.has_come(|r| matches!(r, AddressReport::AddressesLost { .. })));
        }
        ip("addr del 10.9.0.100/32 dev eth0");
        bench.expect("the bounce", |report| {
            matches!(report, AddressReport::AddressesLost { router } if *router == seven)
                .then_some(())
        });
        let by = bench.expect_fact("who did it", |report| match report {
            Report::AddressRemoved { address, by, .. } => Some((*address, *by)),
            _ => None,
        });
        assert_eq!(by.0, "10.9.0.100".parse::<std::net::IpAddr>().unwrap());
        assert!(matches!(by.1, Remover::Port(port) if port != 0), "{by:?}");
        assert_eq!(
            bench.count(|r| matches!(r, Report::AddressRemoved { .. })),
            6
        );
        assert_eq!(
            bench.count(|r| matches!(r, Report::AddressesLost { .. })),
            1
        );
        assert!(!has("eth0", "10.9.0.100/32"), "not put back a sixth time");
        // What keepalived does: everything off, and on again.
        bench.remove(seven);
        bench.expect_state(seven, 0, 0);
        bench.add(seven);
        bench.expect_state(seven, 2, 2);
        bench.stop();
    });
}

/// Safety rule 6, `restore_addresses bounce` and `off`, and `no_track`.
#[test]
fn bounce_bounces_at_once_and_off_and_untracked_only_report() {
    in_namespace(|| {
        let mut plans = [1, 2, 3].map(|n| router(n, &[&format!("10.9.0.10{n}")]));
        plans[0].restore = RestoreAddresses::Bounce;
        plans[1].restore = RestoreAddresses::Off;
        plans[2].addresses[0].1.track = false;
        let mut bench = Bench::start(setup(plans.to_vec()));
        for n in 1..=3 {
            bench.add(id(Family::V4, n));
            bench.expect_state(id(Family::V4, n), 1, 1);
        }
        for n in [3, 2, 1] {
            ip(&format!("addr del 10.9.0.10{n}/32 dev eth0"));
        }
        let lost = bench.expect("the bounce", |report| match report {
            AddressReport::AddressesLost { router } => Some(*router),
            _ => None,
        });
        assert_eq!(lost, id(Family::V4, 1));
        until("all told", || {
            bench.count(|r| matches!(r, Report::AddressRemoved { .. })) == 3
        });
        assert_eq!(addresses(4), [] as [&str; 0]);
        assert_eq!(
            bench.count(|r| matches!(r, Report::AddressesLost { .. })),
            1
        );
        bench.stop();
    });
}

#[test]
fn an_address_of_a_backup_that_somebody_adds_is_left_alone() {
    in_namespace(|| {
        let mut bench = Bench::start(setup(vec![router(7, &[A]), router(8, &["10.9.0.108"])]));
        ip("addr add 10.9.0.100/32 dev eth0");
        // A full round of the loop, so that the news has been taken.
        bench.add(id(Family::V4, 8));
        bench.expect_state(id(Family::V4, 8), 1, 1);
        assert!(has("eth0", "10.9.0.100/32"));
        bench.stop();
        assert!(has("eth0", "10.9.0.100/32") && !has("eth0", "10.9.0.108/32"));
    });
}

#[test]
fn a_removal_is_served_between_the_additions_of_another_router() {
    in_namespace(|| {
        let many: Vec<String> = (0..1000)
            .map(|n| format!("10.8.{}.{}", n / 250, n % 250 + 1))
            .collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let (one, two) = (id(Family::V4, 1), id(Family::V4, 2));
        let mut bench = Bench::start(setup(vec![router(1, &[A]), router(2, &many)]));
        bench.add(one);
        bench.expect_state(one, 1, 1);
        let began = Instant::now();
        bench.add(two);
        std::thread::sleep(Duration::from_millis(1));
        bench.remove(one);
        // The order of the two reports: a removal that waited would come second.
        let first = bench.expect("either", |report| match report {
            AddressReport::Addresses { router, state } if *router == two || state.wanted == 0 => {
                Some(*router)
            }
            _ => None,
        });
        assert_eq!(first, one, "the removal waited for a thousand additions");
        bench.expect_state(two, 1000, 1000);
        println!("1000 addresses confirmed after {:?}", began.elapsed());
        assert_eq!(addresses(4).len(), 1000);
        let began = Instant::now();
        assert_eq!(bench.stop(), 0);
        println!("1000 addresses removed after {:?}", began.elapsed());
        assert_eq!(addresses(4), [] as [&str; 0]);
    });
}

#[test]
fn two_hundred_and_fifty_five_addresses_come_and_go() {
    in_namespace(|| {
        let many: Vec<String> = (0..255).map(|n| format!("10.8.0.{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let mut bench = Bench::start(setup(vec![router(1, &many)]));
        bench.add(id(Family::V4, 1));
        bench.expect_state(id(Family::V4, 1), 255, 255);
        let order: Vec<String> = many.iter().map(|a| format!("{a}/32")).collect();
        assert_eq!(addresses(4), order);
        bench.remove(id(Family::V4, 1));
        bench.expect_state(id(Family::V4, 1), 0, 0);
        assert_eq!(addresses(4), [] as [&str; 0]);
        bench.stop();
    });
}

#[test]
fn an_engine_that_is_gone_leaves_no_address_behind() {
    in_namespace(|| {
        let mut bench = Bench::start(setup(vec![router(7, &[A])]));
        bench.add(id(Family::V4, 7));
        bench.expect_state(id(Family::V4, 7), 1, 1);
        bench.abandon();
        assert_eq!(addresses(4), [] as [&str; 0]);
    });
}

/// S-33: the way out without an address thread.
#[test]
fn cleanup_takes_the_addresses_of_a_setup_off_and_no_others() {
    in_namespace(|| {
        ip("addr add 10.9.0.1/24 dev eth0");
        ip("addr add 10.9.0.100/32 dev eth0");
        ip("addr add 2001:db8::100/128 dev eth0 nodad");
        let setup = setup(vec![
            router(7, &[A, "10.9.0.101"]),
            router(7, &["2001:db8::100"]),
        ]);
        assert_eq!(cleanup(&setup).unwrap(), 2);
        assert_eq!(addresses(4), ["10.9.0.1/24"]);
        assert_eq!(cleanup(&setup).unwrap(), 0);
    });
}

#[test]
fn a_new_plan_changes_only_the_addresses_that_differ() {
    in_namespace(|| {
        let (one, two) = (id(Family::V4, 1), id(Family::V4, 2));
        let mut bench = Bench::start(setup(vec![
            router(1, &[A, "10.9.0.101"]),
            router(2, &["10.9.0.102", "10.9.0.103"]),
        ]));
        bench.add(one);
        bench.add(two);
        bench.expect_state(two, 2, 2);
        let kept = ip("-o -4 addr show dev eth0");
        assert_eq!(kept.lines().count(), 4);
        // Router 2 is gone, and one of its addresses moved to router 1.
        let next = setup(vec![router(1, &["10.9.0.103", A, "10.9.0.104"])]);
        bench.ask(AddressCommand::Replace(Box::new(next)));
        bench.expect("the new plan", |report| {
            matches!(report, AddressReport::Settled).then_some(())
        });
        until("the addresses of the new plan", || {
            addresses(4) == ["10.9.0.100/32", "10.9.0.103/32", "10.9.0.104/32"]
        });
        assert_eq!(
            bench.count(|r| matches!(r, Report::AddressRemoved { .. })),
            0
        );
        assert_eq!(
            bench.count(|r| matches!(r, Report::LeftOverRemoved { .. })),
            0
        );
        assert_eq!(bench.stop(), 0);
        assert_eq!(addresses(4), [] as [&str; 0]);
    });
}

/// detection is off unless asked for; where it is on and finds somebody, the address does not count.
#[test]
fn a_duplicate_that_detection_finds_is_told_and_does_not_count() {
    in_namespace(|| {
        ip("addr add 2001:db8::100/64 dev peer0 nodad");
        let mut plan = router(7, &["2001:db8::100/64"]);
        plan.addresses[0].1.dad = true;
        let seven = id(Family::V6, 7);
        let mut bench = Bench::start(setup(vec![plan]));
        bench.add(seven);
        bench.expect_state(seven, 1, 1);
        let state = bench.expect_state(seven, 0, 1);
        assert_eq!(state.errno, Some(libc::EADDRINUSE));
        assert_eq!(bench.stop(), 0);
        assert!(!has("eth0", "2001:db8::100/64"));
    });
}
