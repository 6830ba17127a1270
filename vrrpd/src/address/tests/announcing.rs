//! Gratuitous ARP and unsolicited NA: bytes, counts, order, gaps.

use std::net::IpAddr;
use std::time::Duration;

use vrrp_proto::router::AnnounceReason;
use vrrp_proto::units::{Family, MacAddr};
use vrrp_proto::wire::arp::GratuitousArp;
use vrrp_proto::wire::ndisc::NeighborAdvertisement;

use super::super::{AddressCommand, SourceChoice};
use super::bench::{Bench, id, in_namespace, ip, router, setup, until};
use super::wire::{Capture, link};

const THREE: [&str; 3] = ["10.9.0.100", "10.9.0.101", "10.9.0.102"];

fn parsed(list: &[&str]) -> Vec<IpAddr> {
    list.iter()
        .map(|address| address.parse().unwrap())
        .collect()
}

/// Adds the addresses of a router and announces it.
fn become_active(bench: &mut Bench, vrid: u8, family: Family, count: u16) {
    let router = id(family, vrid);
    bench.add(router);
    bench.expect_state(router, count, count);
    bench.announce(router, AnnounceReason::BecameActive);
}

/// five rounds now and five after the delay, each round every address in order, the excluded ones at its end; A-01
/// and A-02 byte by byte.
#[test]
fn five_rounds_of_every_address_now_and_five_after_the_delay() {
    in_namespace(|| {
        let mut plan = router(7, &THREE);
        plan.announce.delay = Duration::from_millis(400);
        let mut bench = Bench::start(setup(vec![plan]));
        let mut capture = Capture::on("peer0");
        become_active(&mut bench, 7, Family::V4, 3);
        until("both bursts", || capture.claims().len() >= 30);
        capture.listen(Duration::from_millis(200));
        assert_eq!(capture.claims(), parsed(&THREE).repeat(10));
        let arp: Vec<_> = capture
            .frames
            .iter()
            .filter(|frame| GratuitousArp::parse(&frame.bytes).is_some())
            .collect();
        let gap = arp[15].at.duration_since(arp[14].at);
        assert!(
            gap >= Duration::from_millis(300),
            "the second burst came after {gap:?}"
        );
        let (_, mac) = link("eth0");
        for (frame, address) in arp.iter().zip(parsed(&THREE).repeat(10)) {
            let IpAddr::V4(address) = address else {
                unreachable!()
            };
            let expected = GratuitousArp {
                sender: mac,
                address,
                target: MacAddr::BROADCAST,
            };
            assert_eq!(frame.bytes, expected.to_frame());
        }
        bench.stop();
    });
}

/// A-01 in profile rfc9568.
#[test]
fn the_other_profile_names_the_sender_as_target() {
    in_namespace(|| {
        let mut plan = router(7, &THREE[..1]);
        plan.arp_target_broadcast = false;
        let mut bench = Bench::start(setup(vec![plan]));
        let mut capture = Capture::on("peer0");
        become_active(&mut bench, 7, Family::V4, 1);
        until("a burst", || capture.claims().len() >= 5);
        let (_, mac) = link("eth0");
        let mut arp = capture
            .frames
            .iter()
            .filter_map(|f| GratuitousArp::parse(&f.bytes));
        assert!(arp.all(|arp| arp.sender == mac && arp.target == mac));
        bench.stop();
    });
}

/// override, no solicited, the router flag where the interface forwards or the profile says so, the link-layer
/// option, to all nodes, hop limit 255.
#[test]
fn neighbour_advertisements_have_the_router_flag_where_the_interface_forwards() {
    for (forwards, always) in [(false, false), (true, false), (false, true)] {
        in_namespace(move || {
            let file = "/proc/sys/net/ipv6/conf/eth0/forwarding";
            std::fs::write(file, if forwards { "1" } else { "0" }).unwrap();
            let address = "2001:db8::100";
            let mut plan = router(7, &[address]);
            plan.na_router_flag = always;
            let mut bench = Bench::start(setup(vec![plan]));
            let mut capture = Capture::on("peer0");
            become_active(&mut bench, 7, Family::V6, 1);
            until("a burst", || capture.claims().len() >= 5);
            let (_, mac) = link("eth0");
            let expected = NeighborAdvertisement {
                sender: mac,
                source: address.parse().unwrap(),
                address: address.parse().unwrap(),
                router: forwards || always,
            };
            let sent: Vec<_> = capture
                .frames
                .iter()
                .filter(|frame| NeighborAdvertisement::parse(&frame.bytes).is_some())
                .collect();
            assert_eq!(sent.len(), 5);
            for frame in sent {
                assert_eq!(frame.bytes, expected.to_frame());
            }
            bench.stop();
        });
    }
}

/// the kernel joins the solicited-node group with the address, before the advertisement, and leaves it with it.
#[test]
fn the_solicited_node_group_is_joined_before_the_advertisement_and_left_with_the_address() {
    in_namespace(|| {
        let group = "ff02::1:ff12:3456";
        let member = || ip("-6 maddr show dev eth0").contains(group);
        let mut bench = Bench::start(setup(vec![router(7, &["2001:db8::12:3456"])]));
        assert!(!member());
        let seven = id(Family::V6, 7);
        bench.add(seven);
        bench.expect_state(seven, 1, 1);
        assert!(member(), "confirmed, and nothing announced yet");
        bench.remove(seven);
        bench.expect_state(seven, 0, 0);
        assert!(!member());
        bench.stop();
    });
}

/// nothing before the kernel confirmed an address, nothing for one it refused, nothing from a Backup.
#[test]
fn only_confirmed_addresses_of_an_active_router_are_announced() {
    in_namespace(|| {
        let mut plan = router(7, &["10.9.0.100/24", "10.9.0.101/24"]);
        plan.addresses[1].1.scope = 253;
        let seven = id(Family::V4, 7);
        let mut bench = Bench::start(setup(vec![plan]));
        let mut capture = Capture::on("peer0");
        bench.announce(seven, AnnounceReason::BecameActive);
        capture.listen(Duration::from_millis(50));
        assert!(capture.claims().is_empty());
        bench.add(seven);
        bench.expect_state(seven, 1, 2);
        capture.listen(Duration::from_millis(50));
        assert!(capture.claims().is_empty(), "the engine did not ask yet");
        bench.announce(seven, AnnounceReason::BecameActive);
        until("a burst", || capture.claims().len() >= 5);
        capture.listen(Duration::from_millis(50));
        assert_eq!(capture.claims(), parsed(&["10.9.0.100"]).repeat(5));
        bench.stop();
    });
}

/// no repeat once the router is not Active.
#[test]
fn leaving_active_ends_a_burst_at_once_and_nothing_is_repeated() {
    in_namespace(|| {
        let mut plan = router(7, &THREE);
        plan.arp_interval = Duration::from_millis(30);
        plan.announce.delay = Duration::from_millis(100);
        plan.announce.refresh = Duration::from_millis(100);
        let seven = id(Family::V4, 7);
        let mut bench = Bench::start(setup(vec![plan]));
        let mut capture = Capture::on("peer0");
        become_active(&mut bench, 7, Family::V4, 3);
        until("the beginning", || capture.claims().len() >= 3);
        bench.remove(seven);
        bench.expect_state(seven, 0, 0);
        let sent = capture.claims().len();
        assert!(
            sent < 15,
            "the burst was over before it could be ended: {sent}"
        );
        capture.listen(Duration::from_millis(400));
        assert_eq!(capture.claims().len(), sent);
        bench.stop();
    });
}

#[test]
fn frames_keep_their_gap_and_the_refresh_comes_round_by_round() {
    in_namespace(|| {
        let mut plan = router(7, &THREE);
        plan.arp_interval = Duration::from_millis(20);
        plan.announce.repeat = 2;
        plan.announce.refresh = Duration::from_millis(300);
        let mut bench = Bench::start(setup(vec![plan]));
        let mut capture = Capture::on("peer0");
        become_active(&mut bench, 7, Family::V4, 3);
        until("burst and refresh", || capture.claims().len() >= 9);
        assert_eq!(capture.claims()[..9], parsed(&THREE).repeat(3));
        let arp: Vec<_> = capture
            .frames
            .iter()
            .filter(|frame| GratuitousArp::parse(&frame.bytes).is_some())
            .collect();
        // Gaps only grow when the machine is busy, and the reader may be late for one and on time for the next: the sum
        // of a burst is what cannot shrink.
        let burst = arp[5].at.duration_since(arp[0].at);
        assert!(
            burst >= Duration::from_millis(90),
            "six frames within {burst:?}"
        );
        bench.stop();
    });
}

///
#[test]
fn another_active_heard_is_answered_by_one_burst_in_a_second() {
    in_namespace(|| {
        let seven = id(Family::V4, 7);
        let mut bench = Bench::start(setup(vec![router(7, &THREE[..1])]));
        let mut capture = Capture::on("peer0");
        bench.add(seven);
        bench.expect_state(seven, 1, 1);
        for _ in 0..50 {
            bench.announce(seven, AnnounceReason::OtherActive);
        }
        until("a burst", || capture.claims().len() >= 5);
        capture.listen(Duration::from_millis(300));
        assert_eq!(capture.claims().len(), 5);
        bench.stop();
    });
}

#[test]
fn a_unicast_router_announces_its_own_source_when_asked() {
    in_namespace(|| {
        ip("addr add 10.9.0.1/24 dev eth0");
        let mut plan = router(7, &THREE[..1]);
        plan.source = SourceChoice::Tracked("10.9.0.1".parse().unwrap());
        let seven = id(Family::V4, 7);
        let mut bench = Bench::start(setup(vec![plan]));
        let mut capture = Capture::on("peer0");
        bench.ask(AddressCommand::AnnounceSource { router: seven });
        until("a burst", || capture.claims().len() >= 5);
        assert_eq!(capture.claims(), parsed(&["10.9.0.1"]).repeat(5));
        bench.stop();
    });
}

#[test]
fn a_link_without_arp_announces_nothing() {
    in_namespace(|| {
        ip("link set eth0 arp off");
        let mut bench = Bench::start(setup(vec![router(7, &THREE[..1])]));
        let mut capture = Capture::on("peer0");
        become_active(&mut bench, 7, Family::V4, 1);
        capture.listen(Duration::from_millis(100));
        assert!(capture.claims().is_empty());
        bench.stop();
    });
}

#[test]
fn a_changed_mac_address_is_the_next_announcements_sender() {
    in_namespace(|| {
        let mut bench = Bench::start(setup(vec![router(7, &THREE[..1])]));
        become_active(&mut bench, 7, Family::V4, 1);
        ip("link set eth0 address 02:00:00:00:00:77");
        let mut capture = Capture::on("peer0");
        let new = MacAddr([2, 0, 0, 0, 0, 0x77]);
        until("the new sender", || {
            bench.announce(id(Family::V4, 7), AnnounceReason::AddressesChanged);
            capture.take();
            let mut arp = capture
                .frames
                .iter()
                .filter_map(|f| GratuitousArp::parse(&f.bytes));
            arp.any(|arp| arp.sender == new)
        });
        bench.stop();
    });
}

#[test]
fn a_long_burst_of_one_router_does_not_keep_a_removal_of_another_waiting() {
    in_namespace(|| {
        let many: Vec<String> = (0..255).map(|n| format!("10.8.0.{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let mut plan = router(1, &many);
        plan.announce.repeat = 400;
        let (one, two) = (id(Family::V4, 1), id(Family::V4, 2));
        let mut bench = Bench::start(setup(vec![plan, router(2, &THREE[..1])]));
        bench.add(two);
        bench.expect_state(two, 1, 1);
        become_active(&mut bench, 1, Family::V4, 255);
        bench.remove(two);
        bench.expect_state(two, 0, 0);
        let mut capture = Capture::on("peer0");
        until("more of the burst", || {
            // A hundred thousand frames take longer than the removal did.
            !capture.claims().is_empty()
        });
        bench.remove(one);
        bench.expect_state(one, 0, 0);
        assert_eq!(bench.stop(), 0);
    });
}

/// nobody answers for the addresses of a Backup; the question to an Active shows that the test would see it.
#[test]
fn a_backup_does_not_answer_for_its_addresses() {
    in_namespace(|| {
        let seven = id(Family::V4, 7);
        let mut bench = Bench::start(setup(vec![router(7, &THREE[..1])]));
        let mut capture = Capture::on("peer0");
        let address = "10.9.0.77".parse().unwrap();
        let mut question = GratuitousArp {
            sender: MacAddr([2, 0, 0, 0, 0, 0x55]),
            address,
            target: MacAddr::BROADCAST,
        }
        .to_frame();
        question[38..42].copy_from_slice(&[10, 9, 0, 100]);
        let answered = |capture: &mut Capture| {
            capture.send(&question);
            capture.listen(Duration::from_millis(100));
            let reply = |b: &[u8]| {
                b.get(20..22) == Some(&[0, 2]) && b.get(28..32) == Some(&[10, 9, 0, 100])
            };
            let found = capture.frames.iter().any(|frame| reply(&frame.bytes));
            capture.frames.clear();
            found
        };
        assert!(!answered(&mut capture), "never Active");
        bench.add(seven);
        bench.expect_state(seven, 1, 1);
        until("an answer", || answered(&mut capture));
        bench.remove(seven);
        bench.expect_state(seven, 0, 0);
        assert!(!answered(&mut capture), "Backup again");
        bench.stop();
    });
}
