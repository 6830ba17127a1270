//! The main event: haproxy dies, and clients wait.

use std::time::{Duration, Instant};

use super::field::{BOUND, Options};
use super::figures::percentile;
use super::report::{Figure, Row, Table};
use super::subject::Subject;
use super::usage::Before;
use crate::lab::{Haproxy, Host, Lab, Peer, Probe, State, wait_until};
use crate::motivating::{ADDRESS, FIRST, INTERFACE, ROUTER, second};
use crate::sim::Prng;

/// haproxy is killed at some moment of a check's interval.
const CHECK_INTERVAL_MS: u64 = 2000;

pub(super) fn run(options: &Options) -> Table {
    let before = Before::now();
    let runs = options.runs(30);
    let mut random = Prng::new(options.seed);
    let mut lab = Lab::new();
    let mut pairs: Vec<Pair> = options
        .daemons()
        .into_iter()
        .map(|subject| Pair::start(&mut lab, subject))
        .collect();
    for pair in &pairs {
        pair.wait_first();
    }
    let mut waits = vec![Vec::new(); pairs.len()];
    for _ in 0..runs {
        std::thread::sleep(Duration::from_millis(random.below(CHECK_INTERVAL_MS)));
        let killed = Instant::now();
        for pair in &pairs {
            pair.haproxy.kill();
        }
        for (pair, waits) in pairs.iter().zip(&mut waits) {
            pair.wait_answer("2", killed);
            waits.push(pair.probe.longest_gap(killed));
        }
        for pair in &mut pairs {
            pair.haproxy = Haproxy::start(&pair.first);
        }
        for pair in &pairs {
            pair.wait_first();
        }
    }
    let mut row = Row::new("longest time without an answer", "s");
    for (pair, waits) in pairs.iter().zip(&waits) {
        row.add(pair.subject, summary(waits));
    }
    let other = row.value(Subject::Keepalived);
    Table {
        name: "haproxy",
        title: format!(
            "The configuration of README on a pair of each, a real haproxy on each host and a client that asks every 10 ms; \
             haproxy of the MASTER is killed at a random moment, {runs} times, on all pairs at once; p50 (smallest to \
             largest). Up to 2 s pass until the check runs. The goal is for the p50; each pair's check has a phase of its own, for which a tenth is allowed."
        ),
        rows: vec![row.at_most("keepalived + 10 %", other.map(|other| other * 1.1))],
        machine: Some(before.since(None)),
    }
}

struct Pair {
    subject: Subject,
    probe: Probe,
    peers: [Peer; 2],
    haproxy: Haproxy,
    _other: Haproxy,
    first: Host,
}

impl Pair {
    fn start(lab: &mut Lab, subject: Subject) -> Self {
        let short = subject.short();
        let segment = format!("lan{short}");
        lab.segment(&segment);
        let mut host = |number: &str, address: &str| {
            let host = lab.host(&format!("{short}{number}"));
            lab.link(&host, INTERFACE, &segment, &[address]);
            host
        };
        let first = host("1", "192.168.205.11/24");
        let other = host("2", "192.168.205.12/24");
        let client = host("c", "192.168.205.99/24");
        let daemon = subject
            .daemon()
            .expect("only daemons are asked to move an address");
        let haproxy = Haproxy::start(&first);
        let second_haproxy = Haproxy::start(&other);
        Self {
            subject,
            peers: [
                Peer::start(&first, daemon, FIRST),
                Peer::start(&other, daemon, &second()),
            ],
            probe: Probe::start(&client, ADDRESS),
            haproxy,
            _other: second_haproxy,
            first,
        }
    }

    /// Everything is as it was in the beginning.
    fn wait_first(&self) {
        let [first, second] = &self.peers;
        first.wait_state(ROUTER, State::Master, BOUND);
        second.wait_state(ROUTER, State::Backup, BOUND);
        self.wait_answer("1", Instant::now());
    }

    fn wait_answer(&self, number: &str, since: Instant) {
        let name = format!("{}{number}", self.subject.short());
        wait_until(&format!("{name} answers"), BOUND, || {
            let last = self.probe.last()?;
            (last.from == name && last.at >= since).then_some(())
        });
    }
}

fn summary(waits: &[Duration]) -> Option<Figure> {
    let at = |percent| Some(percentile(waits, percent)?.as_secs_f64());
    let (least, middle, most) = (at(0)?, at(50)?, at(100)?);
    Some(Figure::shown(
        middle,
        format!("{middle:.2} ({least:.2} to {most:.2})"),
    ))
}
