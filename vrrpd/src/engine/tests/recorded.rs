//! What the flight recorder holds after the engine ran: every advert with its stages, on both sides.

use vrrp_proto::router::{State, StopKind};
use vrrp_record::history::{Sent, Sequence};
use vrrp_record::ring::{Ended, read};
use vrrp_record::step::Step;

use super::host::{Other, in_namespace, ip};
use super::plans::{over_ipv6, plan};
use super::running::{Running, end_threads};
use crate::core::Report;
use crate::recorder::bytes_of;

fn in_order(sent: &Sent) -> bool {
    let stages = [
        Some(sent.due),
        sent.woke,
        sent.submitted,
        sent.queued,
        sent.left,
        sent.accepted,
    ];
    stages.iter().all(Option::is_some) && stages.is_sorted()
}

fn both_sides(ipv6: bool) {
    in_namespace(move || {
        let change = move |plan| if ipv6 { over_ipv6(plan) } else { plan };
        let other = Other::join();
        if ipv6 {
            other.wait_ipv6();
        }
        let mut high = Running::start(&change(plan("va", 200, 3)), end_threads());
        let mut low = other.run(move || Running::start(&change(plan("vb", 100, 3)), end_threads()));
        high.wait_for_state(State::Active);
        low.wait_until("hears forty", |router| router.received.accepted >= 40);
        let ring = high.ring();
        high.stop(StopKind::Immediate);
        low.wait_for_state(State::Active);
        let (sender, hearer) = (read(&bytes_of(ring)).unwrap(), low.records());
        assert_eq!((sender.damaged, hearer.damaged), (0, 0));
        assert!(
            matches!(sender.ended, Ended::Clean(_)),
            "{:?}",
            sender.ended
        );
        assert!(
            matches!(hearer.ended, Ended::Unknown(Some(_))),
            "{:?}",
            hearer.ended
        );
        assert_eq!(sender.history.routers[0].name, "VI_1");
        let sent = &sender.history.sent;
        assert!(sent.len() >= 40, "{}", sent.len());
        for (number, advert) in (1..).zip(sent) {
            assert_eq!(advert.id, number, "one record each, none missing");
            assert!(advert.settled && in_order(advert), "{advert:?}");
        }
        let goodbye = sent.last().unwrap();
        assert_eq!((goodbye.priority, goodbye.copies_accepted), (0, 1));
        assert!(
            sent.iter().any(|advert| advert.taken.is_some()),
            "one look a second"
        );
        assert!(sent.iter().all(|advert| advert.held_bytes == 0));

        let heard = &hearer.history.received;
        assert!(heard.len() >= 40);
        for pair in heard.windows(2) {
            assert_eq!(pair[1].id.unwrap(), pair[0].id.unwrap() + 1);
        }
        for advert in heard {
            assert!(advert.arrived.unwrap() <= advert.read, "{advert:?}");
            assert_eq!(advert.interval, 30_000_000);
        }
        assert!(heard.iter().any(|advert| advert.sequence == Sequence::Next));
        assert!(
            hearer
                .history
                .stalls
                .iter()
                .all(|stall| stall.due <= stall.at)
        );
        let took_over = hearer.transitions.last().unwrap();
        assert_eq!(
            (took_over.from, took_over.to, took_over.priority),
            (State::Backup, State::Active, 100)
        );
        assert_eq!(took_over.peer, Some(heard[0].from));
        let resume = hearer.resumes[0];
        assert_eq!((resume.state, resume.leaving), (State::Active, false));
        assert!(resume.id > 0 && resume.last_advert.is_some());
        assert!(sender.resumes[0].leaving);
        low.stop(StopKind::Planned);
    });
}

#[test]
fn every_advert_is_recorded_with_its_stages_by_sender_and_hearer() {
    both_sides(false);
}

#[test]
fn every_advert_is_recorded_over_ipv6_where_the_flow_label_is_its_number() {
    both_sides(true);
}

#[test]
fn an_interface_that_goes_down_leaves_adverts_that_were_refused_or_never_left() {
    in_namespace(|| {
        let other = Other::join();
        let mut high = Running::start(&plan("va", 200, 5), end_threads());
        high.wait_for_state(State::Active);
        high.wait_until("three left", |router| router.adverts.left >= 3);
        // The stand-in tells nothing of links: the engine goes on sending into a device that is down.
        ip("link set va down");
        let before = high.router().adverts;
        high.wait_until("five refused", |router| {
            router.adverts.refused >= before.refused + 5
        });
        let sent = high.records().history.sent;
        let refused: Vec<_> = sent
            .iter()
            .filter(|advert| advert.errno.is_some())
            .collect();
        assert!(refused.len() >= 5);
        for advert in refused {
            assert_eq!(
                (advert.copies, advert.copies_accepted),
                (1, 0),
                "{advert:?}"
            );
            assert!(advert.settled && advert.queued.is_none() && advert.left.is_none());
        }
        drop(other);
        high.stop(StopKind::Immediate);
    });
}

#[test]
fn refused_packets_are_folded_with_what_was_compared() {
    in_namespace(|| {
        let other = Other::join();
        let mut high = Running::start(&plan("va", 200, 10), end_threads());
        high.wait_for_state(State::Active);
        other.run(|| {
            let protocol = Some(socket2::Protocol::from(112));
            let socket =
                socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::RAW, protocol).unwrap();
            socket.bind_device(Some(b"vb")).unwrap();
            socket.set_multicast_ttl_v4(64).unwrap();
            let group = std::net::SocketAddr::from((vrrp_proto::wire::GROUP_V4, 0));
            for _ in 0..50 {
                let packet = [0x31, 7, 100, 1, 0, 10, 0, 0, 10, 9, 0, 77];
                socket.send_to(&packet, &group.into()).unwrap();
            }
        });
        high.wait_until("fifty discards", |router| {
            router.received.discards.iter().sum::<u64>() >= 50
        });
        let rejected = high.records().history.rejected;
        assert_eq!(rejected.len(), 1, "{rejected:?}");
        let first = rejected[0];
        assert_eq!((first.value, first.expected), (64, 255));
        assert_eq!(first.priority, Some(100));
        high.stop(StopKind::Immediate);
    });
}

#[test]
fn a_stopped_process_is_told_by_its_stall() {
    if std::process::Command::new("strace")
        .arg("-V")
        .output()
        .is_err()
    {
        eprintln!("SKIPPED: strace is not installed");
        return;
    }
    in_namespace(|| {
        let other = Other::join();
        let mut high = Running::start(&plan("va", 200, 10), end_threads());
        high.wait_for_state(State::Active);
        let thread = super::running::engine_threads()[0];
        let mut strace = std::process::Command::new("strace")
            .args(["-qq", "-p", &thread.to_string(), "-o", "/dev/null"])
            .args(["-e", "inject=epoll_wait:delay_exit=700000:when=6"])
            .spawn()
            .unwrap();
        high.wait_for("the stall", |report| {
            matches!(report, Report::Stalled { .. })
        });
        high.wait_until("ten more", |router| router.adverts.left >= 20);
        let pid = nix::unistd::Pid::from_raw(i32::try_from(strace.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
        strace.wait().unwrap();
        let history = high.records().history;
        let longest = history
            .stalls
            .iter()
            .max_by_key(|stall| stall.at.since(stall.due));
        let stall = longest.unwrap();
        assert!(stall.at.since(stall.due) > 500_000_000, "{stall:?}");
        assert!(stall.from <= stall.due, "{stall:?}");
        assert_eq!(Step::from_u8(stall.step), Some(Step::Waiting));
        assert!(stall.step_time >= 600_000_000, "{stall:?}");
        // It did not want a CPU meanwhile: traced, not starved.
        if let Some(cpu) = stall.cpu {
            assert!(cpu < 300_000_000, "{stall:?}");
        }
        let late = history.sent.iter().find(|advert| advert.skipped > 0);
        assert!(late.is_some_and(|advert| advert.skipped >= 4), "{late:?}");
        drop(other);
        high.stop(StopKind::Immediate);
    });
}
