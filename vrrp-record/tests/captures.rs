//! Captures of a real keepalived pair, whole, cut and damaged: what is read from them, alone and with keepalived's log.

use std::net::IpAddr;
use std::path::Path;

use vrrp_record::capture::{self, Options};
use vrrp_record::cause::Cause;
use vrrp_record::event::Kind;
use vrrp_record::history::{History, Sequence, Source, Time};
use vrrp_record::words::Word;

const SECOND: i64 = 1_000_000_000;
const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));
/// 2026-11-24 15:20:00 UTC.
const BASE: i64 = 1_795_533_600;

fn bytes(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/captures")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn text(name: &str) -> String {
    String::from_utf8(bytes(name)).expect("logs are text")
}

fn parse(bytes: &[u8], node: &[IpAddr]) -> Result<History, capture::Error> {
    let options = Options {
        name: String::from("test"),
        node: node.to_vec(),
    };
    capture::read(&mut &*bytes, &options)
}

fn read(name: &str, node: &[IpAddr]) -> History {
    parse(&bytes(name), node).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Time within the minute of [`BASE`], in milliseconds.
fn ms(at: Time) -> i64 {
    (at.0 - BASE * SECOND).div_euclid(1_000_000)
}

fn transitions(history: &History) -> Vec<(i64, Word, Word, Cause)> {
    history
        .events
        .iter()
        .filter_map(|event| {
            let Kind::Transition {
                from, to, cause, ..
            } = event.event.kind
            else {
                return None;
            };
            Some((ms(event.at), from, to, cause))
        })
        .collect()
}

/// What host b went through, as its own adverts and those of a show.
fn changes_of_b() -> Vec<(i64, Word, Word, Cause)> {
    let (backup, master) = (Word::Backup, Word::Master);
    let silent = |silence_ms| Cause::SilentActive {
        last: Some(A),
        silence_ms: Some(silence_ms),
    };
    let higher = Cause::HigherPriority {
        from: A,
        priority: 150,
        ours: 100,
    };
    vec![
        (16_607, master, backup, higher),
        (42_223, backup, master, silent(3_609)),
        (44_889, master, backup, higher),
        (54_500, backup, master, silent(3_609)),
        (61_645, master, backup, higher),
        (82_526, backup, master, Cause::Released { by: A }),
    ]
}

#[test]
fn a_cooked_capture_says_which_adverts_are_the_nodes_own() {
    let history = read("b-cooked2.pcap", &[]);
    assert_eq!(history.node.source, Source::Capture);
    assert_eq!(history.node.addresses, [B]);
    assert_eq!(transitions(&history), changes_of_b());
    let router = &history.routers[0];
    assert_eq!((router.vrid, router.version, router.priority), (51, 2, 100));
    assert_eq!(router.source, Some(B));
    assert_eq!(router.addresses, [IpAddr::from([10, 0, 0, 100])]);
    assert!(history.damage.is_empty(), "{:?}", history.damage);
    assert!(history.rejected.is_empty());
}

#[test]
fn all_formats_of_one_node_tell_the_same() {
    let cooked = read("b-cooked2.pcap", &[]);
    for name in [
        "b-ethernet-micro.pcap",
        "b-ethernet-nano.pcap",
        "b-snap48.pcap",
    ] {
        let other = read(name, &[B]);
        assert_eq!(transitions(&other), transitions(&cooked), "{name}");
        let ids = |history: &History| {
            let sent: Vec<u16> = history.sent.iter().map(|sent| sent.id).collect();
            let received: Vec<Option<u16>> = history.received.iter().map(|one| one.id).collect();
            (sent, received)
        };
        assert_eq!(ids(&other), ids(&cooked), "{name}");
    }
    let (cooked, ng) = (read("a-cooked.pcap", &[]), read("a.pcapng", &[A]));
    assert_eq!(transitions(&cooked), transitions(&ng));
    assert_eq!(cooked.sent.len(), ng.sent.len());
    assert_eq!(ng.routers[0].interface, "eth0");
}

#[test]
fn without_direction_the_node_is_unknown_and_the_remedy_names_the_senders() {
    let history = read("b-ethernet-micro.pcap", &[]);
    assert!(history.node.addresses.is_empty());
    assert!(history.sent.is_empty());
    let all = read("b-ethernet-micro.pcap", &[B]);
    assert_eq!(history.received.len(), all.received.len() + all.sent.len());
    let missing = history
        .unavailable
        .iter()
        .find(|one| one.what.contains("which node"));
    let remedy = missing
        .and_then(|one| one.remedy.clone())
        .expect("a remedy");
    assert!(
        remedy.contains("10.0.0.1") && remedy.contains("10.0.0.2"),
        "{remedy}"
    );
}

#[test]
fn a_stopped_sender_is_late_and_stays_master() {
    let history = read("a-cooked.pcap", &[]);
    let late: Vec<_> = history
        .sent
        .iter()
        .filter(|sent| {
            sent.left
                .is_some_and(|left| left.since(sent.due) > SECOND / 2)
        })
        .collect();
    let [late] = late.as_slice() else {
        panic!("{late:?}");
    };
    let lateness = late.left.expect("it left").since(late.due) / 1_000_000;
    // keepalived's own line says 5.275731 s.
    assert!((5_270..5_280).contains(&lateness), "{lateness}");
    assert_eq!(late.skipped, 5);
    let within = |at: i64| (38_000..50_000).contains(&at);
    assert!(!transitions(&history).iter().any(|change| within(change.0)));
}

#[test]
fn a_killed_daemon_ends_its_run_and_a_new_one_begins() {
    let history = read("a-cooked.pcap", &[]);
    let runs: Vec<_> = history
        .runs
        .iter()
        .map(|run| (ms(run.started), run.ended.map(ms), run.clean))
        .collect();
    assert_eq!(runs.len(), 2, "{runs:?}");
    assert_eq!((runs[0].1, runs[0].2), (Some(50_890), false));
    assert_eq!(runs[1].0, 61_645);
    let again = transitions(&history).into_iter().find(|one| one.0 > 50_000);
    assert_eq!(
        again.map(|one| (one.0, one.2)),
        Some((61_645, Word::Master))
    );
}

#[test]
fn numbers_of_keepalived_earn_trust_and_a_goodbye_is_a_release() {
    let history = read("b-cooked2.pcap", &[]);
    let before_kill = history.received.iter().rfind(|one| ms(one.at()) < 52_000);
    assert_eq!(before_kill.map(|one| one.sequence), Some(Sequence::Next));
    let restarted = history.received.iter().find(|one| ms(one.at()) > 60_000);
    assert_eq!(restarted.map(|one| one.sequence), Some(Sequence::Broken));
    let last = history.received.last().expect("adverts of a");
    assert_eq!((last.priority, last.from), (0, A));
}

#[test]
fn the_other_byte_order_is_read_alike() {
    let original = bytes("b-ethernet-micro.pcap");
    let mut swapped = Vec::with_capacity(original.len());
    let mut swap = |bytes: &[u8], sizes: &[usize]| {
        let mut at = 0;
        for size in sizes {
            swapped.extend(bytes[at..at + size].iter().rev());
            at += size;
        }
        swapped.extend(&bytes[at..]);
    };
    swap(&original[..24], &[4, 2, 2, 4, 4, 4, 4]);
    let mut at = 24;
    while at < original.len() {
        let kept = u32::from_le_bytes(original[at + 8..at + 12].try_into().expect("four bytes"));
        let end = at + 16 + usize::try_from(kept).expect("small");
        swap(&original[at..end], &[4, 4, 4, 4]);
        at = end;
    }
    let (read, other) = (
        read("b-ethernet-micro.pcap", &[B]),
        parse(&swapped, &[B]).expect("a capture"),
    );
    assert_eq!(read.received, other.received);
    assert_eq!(read.sent, other.sent);
}

#[test]
fn a_capture_cut_anywhere_gives_what_is_before_the_cut() {
    for name in ["b-ethernet-micro.pcap", "a.pcapng"] {
        let whole = bytes(name);
        let mut before = 0;
        for end in (0..whole.len()).step_by(7) {
            let Ok(history) = parse(&whole[..end], &[A]) else {
                continue;
            };
            let count = history.sent.len() + history.received.len();
            assert!(count >= before, "{name} cut at {end}");
            before = count;
        }
        assert!(before > 60, "{name}: {before}");
    }
}

/// A small generator with a fixed seed: the same damage in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 20).expect("64 bits") % bound
    }
}

#[test]
fn damage_anywhere_never_panics_and_hides_little() {
    let mut random = Random(0x5eed);
    for name in [
        "b-ethernet-nano.pcap",
        "a-cooked.pcap",
        "b-cooked2.pcap",
        "a.pcapng",
    ] {
        let whole = bytes(name);
        let all = read(name, &[A]);
        let all = all.sent.len() + all.received.len();
        let (mut kept, mut rounds) = (0, 0);
        for _ in 0..500 {
            let mut damaged = whole.clone();
            for _ in 0..=random.below(3) {
                let at = 24 + random.below(damaged.len() - 24);
                damaged[at] ^= 1 << random.below(8);
            }
            if let Ok(history) = parse(&damaged, &[A]) {
                kept += history.sent.len() + history.received.len();
                rounds += 1;
            }
        }
        if name.ends_with(".pcap") {
            assert!(
                kept > rounds * all * 8 / 10,
                "{name}: {kept} of {}",
                rounds * all
            );
        }
    }
}

#[test]
fn what_is_no_capture_says_so() {
    let error = |bytes: &[u8]| parse(bytes, &[]).expect_err("no capture").to_string();
    assert!(error(b"#!/bin/sh\n").starts_with("neither pcap nor pcapng"));
    assert!(error(&[0x1f, 0x8b, 8, 0]).starts_with("compressed"));
    let header = &bytes("a-cooked.pcap")[..24];
    assert!(error(header).starts_with("no VRRP packet among 0 packets"));
    assert!(!capture::is_capture(b""));
    assert!(capture::is_capture(&bytes("a.pcapng")));
}

#[test]
fn the_log_names_the_instance_and_meets_the_captures_transitions() {
    let mut history = read("b-cooked2.pcap", &[]);
    let summary = capture::log::merge(
        &text("b.rfc3339.log"),
        &capture::log::Options::default(),
        &mut history,
    );
    assert_eq!(summary.utc_offset, None);
    assert_eq!(summary.matched, 6);
    assert_eq!(history.routers[0].name, "VI_1");
    let expected = changes_of_b();
    let told = transitions(&history);
    for change in &expected {
        assert!(told.contains(change), "{change:?} is missing in {told:?}");
    }
}

#[test]
fn a_log_in_local_time_is_fitted_to_the_capture() {
    for (from, to, offset) in [(" 15:2", " 15:2", 0), (" 15:2", " 17:2", 7200)] {
        let mut history = read("a-cooked.pcap", &[]);
        let text = text("a.log").replace(from, to);
        let summary = capture::log::merge(&text, &capture::log::Options::default(), &mut history);
        assert_eq!(summary.utc_offset, Some(offset));
        assert!(summary.matched >= 1, "{summary:?}");
        let stalled = history.events.iter().find_map(|event| {
            let Kind::Stalled { late_us } = event.event.kind else {
                return None;
            };
            Some((ms(event.at), late_us))
        });
        assert_eq!(stalled, Some((44_000, 5_275_731)));
        let runs: Vec<_> = history
            .runs
            .iter()
            .map(|run| (ms(run.started), run.pid, run.clean))
            .collect();
        assert_eq!(runs.len(), 2, "{runs:?}");
        assert_eq!(runs[1], (58_000, 7680, true));
    }
}

/// A start in the log without a stop before it: the daemon was killed, though packets alone do not tell.
#[test]
fn a_second_start_in_the_log_without_a_stop_tells_of_a_crash() {
    let crashed = |log: &str| {
        let mut history = read("a-cooked.pcap", &[]);
        capture::log::merge(log, &capture::log::Options::default(), &mut history);
        history.events.iter().find_map(|event| {
            let Kind::PreviousRun { clean, pid, .. } = event.event.kind else {
                return None;
            };
            Some((ms(event.at), pid, clean))
        })
    };
    // Its first daemon was killed.
    let log = text("a.log");
    assert_eq!(crashed(&log), Some((58_000, 7589, false)));
    let second = "Nov 24 15:20:58 lb1 Keepalived[7680]: Starting Keepalived";
    let stopped = "Nov 24 15:20:57 lb1 Keepalived[7589]: Stopped Keepalived v2.2.7 (01/16,2022)\n";
    assert_eq!(
        crashed(&log.replace(second, &format!("{stopped}{second}"))),
        None
    );
}
