//! Holding addresses for a successor (safety rule 2).

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use vrrp_proto::router::{AnnounceReason, RouterId};
use vrrp_proto::units::{Family, MacAddr};
use vrrp_proto::wire::arp::GratuitousArp;
use vrrp_proto::wire::ndisc::NeighborAdvertisement;

use super::super::{AddressCommand, AddressReport};
use super::bench::{Bench, has, id, in_namespace, ip, router, setup, until};
use super::wire::{Capture, link};

const SUCCESSOR: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x55]);
const ANNOUNCE: &str = "/proc/sys/net/ipv4/conf/eth0/arp_announce";

fn hold(bench: &mut Bench, router: RouterId, count: u16) {
    bench.add(router);
    bench.expect_state(router, count, count);
    bench.ask(AddressCommand::Hold { router });
}

fn arp(sender: MacAddr, address: &str) -> [u8; 42] {
    let address = address.parse().unwrap();
    let target = MacAddr::BROADCAST;
    GratuitousArp {
        sender,
        address,
        target,
    }
    .to_frame()
}

fn has_successor(bench: &mut Bench) -> bool {
    bench.has_come(|report| matches!(report, AddressReport::SuccessorAnnounced { .. }))
}

/// Safety rule 2: an address is removed when the successor's announcement for it is seen.
#[test]
fn each_address_goes_when_the_successor_announces_it() {
    in_namespace(|| {
        let seven = id(Family::V4, 7);
        let mut bench = Bench::start(setup(vec![router(7, &["10.9.0.100", "10.9.0.101"])]));
        let peer = Capture::on("peer0");
        hold(&mut bench, seven, 2);
        until("quiet", || {
            std::fs::read_to_string(ANNOUNCE).unwrap().trim() == "2"
        });
        let (_, own) = link("eth0");
        // Neither our own frame that comes back, nor a claim of something else, is a successor.
        peer.send(&arp(own, "10.9.0.100"));
        peer.send(&arp(SUCCESSOR, "10.9.0.7"));
        peer.send(&arp(SUCCESSOR, "10.9.0.101"));
        until("the second to go", || !has("eth0", "10.9.0.101/32"));
        assert!(has("eth0", "10.9.0.100/32"));
        assert!(!has_successor(&mut bench));
        peer.send(&arp(SUCCESSOR, "10.9.0.100"));
        bench.expect("the successor", |report| {
            matches!(report, AddressReport::SuccessorAnnounced { router } if *router == seven)
                .then_some(())
        });
        assert!(!has("eth0", "10.9.0.100/32"));
        bench.remove(seven);
        bench.expect_state(seven, 0, 0);
        until("as before", || {
            std::fs::read_to_string(ANNOUNCE).unwrap().trim() == "0"
        });
        bench.stop();
    });
}

#[test]
fn ipv6_addresses_are_deprecated_at_once_and_go_with_the_successors_advertisement() {
    in_namespace(|| {
        let address = "2001:db8::100/64";
        let seven = id(Family::V6, 7);
        let mut bench = Bench::start(setup(vec![router(7, &[address])]));
        let peer = Capture::on("peer0");
        let deprecated = || {
            let all = ip("-6 addr show dev eth0");
            all.lines()
                .any(|l| l.contains("2001:db8::100") && l.contains("deprecated"))
        };
        hold(&mut bench, seven, 1);
        until("deprecation", deprecated);
        // Active again after all: as before.
        bench.add(seven);
        until("the end of it", || !deprecated());
        bench.ask(AddressCommand::Hold { router: seven });
        until("deprecation", deprecated);
        let ip: std::net::Ipv6Addr = "2001:db8::100".parse().unwrap();
        let na = NeighborAdvertisement {
            sender: SUCCESSOR,
            source: ip,
            address: ip,
            router: false,
        };
        peer.send(&na.to_frame());
        bench.expect("the successor", |report| {
            matches!(report, AddressReport::SuccessorAnnounced { .. }).then_some(())
        });
        assert!(!has("eth0", address));
        bench.stop();
    });
}

/// Safety rule 2: during the hold the address answers, but nobody announces it or asks with it as sender.
#[test]
fn a_held_address_answers_but_is_neither_announced_nor_asked_with() {
    in_namespace(|| {
        ip("addr add 10.9.0.1/24 dev eth0");
        let mut plan = router(7, &["10.9.0.100"]);
        plan.announce.delay = Duration::from_millis(50);
        plan.announce.refresh = Duration::from_millis(50);
        let seven = id(Family::V4, 7);
        let mut bench = Bench::start(setup(vec![plan]));
        let mut capture = Capture::on("peer0");
        let held: IpAddr = "10.9.0.100".parse().unwrap();
        // An ARP request of the kernel: operation 1, sender address at byte 28, target address at byte 38.
        let asked_with = |capture: &Capture, target: [u8; 4]| -> Option<[u8; 4]> {
            capture.frames.iter().rev().find_map(|frame| {
                let b = &frame.bytes;
                let request = b.get(12..14) == Some(&[8, 6]) && b.get(20..22) == Some(&[0, 1]);
                let sender = b.get(28..32)?.try_into().ok()?;
                (request && b.get(38..42) == Some(&target[..])).then_some(sender)
            })
        };
        let talk = |to: &str| {
            let socket = UdpSocket::bind(SocketAddr::new(held, 0)).unwrap();
            socket.send_to(b"x", (to, 9)).unwrap();
        };
        bench.add(seven);
        bench.expect_state(seven, 1, 1);
        bench.announce(seven, AnnounceReason::BecameActive);
        // The kernel's habit, without which this test could not fail: it asks with the sender of the packet.
        talk("10.9.0.50");
        until("a question", || {
            capture.take();
            asked_with(&capture, [10, 9, 0, 50]).is_some()
        });
        assert_eq!(asked_with(&capture, [10, 9, 0, 50]), Some([10, 9, 0, 100]));
        bench.ask(AddressCommand::Hold { router: seven });
        until("quiet", || {
            std::fs::read_to_string(ANNOUNCE).unwrap().trim() == "2"
        });
        capture.take();
        capture.frames.clear();
        talk("10.9.0.51");
        until("a question", || {
            capture.take();
            asked_with(&capture, [10, 9, 0, 51]).is_some()
        });
        assert_eq!(asked_with(&capture, [10, 9, 0, 51]), Some([10, 9, 0, 1]));
        // It answers: a request from somebody else.
        let mut question = arp(SUCCESSOR, "10.9.0.77");
        question[38..42].copy_from_slice(&[10, 9, 0, 100]);
        capture.send(&question);
        until("an answer", || {
            capture.take();
            capture.frames.iter().any(|frame| {
                frame.bytes.get(20..22) == Some(&[0, 2])
                    && frame.bytes.get(28..32) == Some(&[10, 9, 0, 100])
            })
        });
        capture.listen(Duration::from_millis(200));
        assert_eq!(capture.claims(), [] as [IpAddr; 0]);
        assert!(!has_successor(&mut bench));
        bench.stop();
        assert_eq!(std::fs::read_to_string(ANNOUNCE).unwrap().trim(), "0");
    });
}

#[test]
fn a_stop_ends_a_hold_and_takes_the_addresses() {
    in_namespace(|| {
        let seven = id(Family::V4, 7);
        let mut bench = Bench::start(setup(vec![router(7, &["10.9.0.100"])]));
        hold(&mut bench, seven, 1);
        until("quiet", || {
            std::fs::read_to_string(ANNOUNCE).unwrap().trim() == "2"
        });
        assert_eq!(bench.stop(), 0);
        assert!(!has("eth0", "10.9.0.100/32"));
        assert_eq!(std::fs::read_to_string(ANNOUNCE).unwrap().trim(), "0");
    });
}

#[test]
fn a_router_that_left_the_plan_is_held_until_the_engine_or_the_successor_ends_it() {
    in_namespace(|| {
        let (one, two) = (id(Family::V4, 1), id(Family::V4, 2));
        let plan = vec![router(1, &["10.9.0.101"]), router(2, &["10.9.0.102"])];
        let mut bench = Bench::start(setup(plan));
        for router in [one, two] {
            hold(&mut bench, router, 1);
        }
        bench.ask(AddressCommand::Replace(Box::new(setup(Vec::new()))));
        bench.expect("the new plan", |report| {
            matches!(report, AddressReport::Settled).then_some(())
        });
        assert!(has("eth0", "10.9.0.101/32") && has("eth0", "10.9.0.102/32"));
        bench.remove(one);
        until("the engine's word", || !has("eth0", "10.9.0.101/32"));
        Capture::on("peer0").send(&arp(SUCCESSOR, "10.9.0.102"));
        until("the successor", || !has("eth0", "10.9.0.102/32"));
        bench.stop();
    });
}
