//! A thousand routers on four interfaces.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::field::{BOUND, Options};
use super::figures::{fullest, percentile};
use super::report::{Figure, Row, Table};
use super::subject::Subject;
use super::usage::{self, Before};
use crate::lab::{Capture, Host, Lab, Peer, wait_until};

const INTERFACES: u8 = 4;
const ROUTERS_EACH: u8 = 250;
const ROUTERS: usize = INTERFACES as usize * ROUTERS_EACH as usize;
const MASTER: u8 = 200;
const BACKUP: u8 = 100;
/// A thousand routers become MASTER within this.
const START: Duration = Duration::from_secs(60);

pub(super) fn run(options: &Options) -> Table {
    let before = Before::now();
    let time = options.time(20);
    let mut cpu_master = Row::new("CPU of the MASTER of all, per minute", "s");
    let mut cpu_backup = Row::new("CPU of the BACKUP of all, per minute", "s");
    let mut takeover = Row::new("takeover after a stop: p50 (largest); limit 609.4", "ms");
    let mut largest = Row::new("takeover after a stop: largest", "ms");
    let mut burst = Row::new("adverts in the fullest 10 ms", "");
    let mut memory = Row::new("memory (PSS) of the MASTER", "MB");
    // One after the other: two thousand routers at once would measure each other.
    for subject in options.daemons() {
        let thousand = Thousand::start(subject);
        thousand.settle();
        let [master, backup] = &thousand.peers;
        let spent = |peer: &Peer| usage::cpu(&peer.process().family());
        let from = Capture::now();
        let started = [spent(master), spent(backup)];
        std::thread::sleep(time);
        let ended = [spent(master), spent(backup)];
        let to = Capture::now();
        let minute = |index: usize| {
            let spent = ended[index].saturating_sub(started[index]);
            Some(Figure::of(spent.as_secs_f64() * 60.0 / time.as_secs_f64()))
        };
        cpu_master.add(subject, minute(0));
        cpu_backup.add(subject, minute(1));
        let departures: Vec<Duration> = thousand
            .lab
            .capture()
            .adverts(thousand.hosts[0].name(), from)
            .into_iter()
            .map(|(at, _)| at)
            .filter(|at| *at <= to)
            .collect();
        burst.add(
            subject,
            count(fullest(&departures, Duration::from_millis(10))),
        );
        memory.add(
            subject,
            Some(Figure::of(usage::memory(&master.process().family()))),
        );
        let times = thousand.take_over();
        let at = |percent| percentile(&times, percent).map(|time| time.as_secs_f64() * 1e3);
        if let (Some(middle), Some(most)) = (at(50), at(100)) {
            takeover.add(
                subject,
                Some(Figure::shown(middle, format!("{middle:.1} ({most:.1})"))),
            );
            largest.add(subject, Some(Figure::of(most)));
        }
    }
    let part = |row: &Row| row.value(Subject::Keepalived).map(|other| other * 0.7);
    let (master_bound, backup_bound) = (part(&cpu_master), part(&cpu_backup));
    Table {
        name: "many",
        title: format!(
            "{ROUTERS} version 3 routers on {INTERFACES} interfaces at 1 s, MASTERs on one host and BACKUPs on the other, {} s; \
             then the MASTER is stopped (SIGTERM) and each router is taken over: from its advert of priority 0 to the first \
             one of the successor. One subject after the other.",
            time.as_secs()
        ),
        rows: vec![
            cpu_master.at_most("0.7 × keepalived", master_bound),
            cpu_backup.at_most("0.7 × keepalived", backup_bound),
            takeover.at_most("612, the p50", Some(612.0)),
            largest.at_most("625", Some(625.0)),
            burst.at_most("30", Some(30.0)),
            memory.at_most("16 MB", Some(16.0)),
        ],
        machine: Some(before.since(None)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a thousand adverts")]
fn count(number: usize) -> Option<Figure> {
    Some(Figure::of(number as f64))
}

struct Thousand {
    peers: [Peer; 2],
    hosts: [Host; 2],
    lab: Lab,
}

impl Thousand {
    fn start(subject: Subject) -> Self {
        let daemon = subject
            .daemon()
            .expect("only daemons have a thousand routers");
        let mut lab = Lab::new();
        for interface in 0..INTERFACES {
            lab.segment(&format!("lan{interface}"));
        }
        let hosts = ["1", "2"].map(|number| {
            let host = lab.host(&format!("{}{number}", subject.short()));
            for interface in 0..INTERFACES {
                lab.link(
                    &host,
                    &format!("eth{interface}"),
                    &format!("lan{interface}"),
                    &[&format!("10.{interface}.255.{number}/16")],
                );
            }
            host
        });
        let [first, second] = &hosts;
        let peers = [
            Peer::start(first, daemon, &configuration(MASTER)),
            Peer::start(second, daemon, &configuration(BACKUP)),
        ];
        Self { peers, hosts, lab }
    }

    /// Waits until the first host, and only that, advertises every router.
    fn settle(&self) {
        let started = Capture::now();
        wait_until("every router has its MASTER", START, || {
            let now = Capture::now();
            let since = now.saturating_sub(Duration::from_secs(2)).max(started);
            let by = |host: &Host| self.routers(host, since, |priority| priority > 0).len();
            let [first, second] = &self.hosts;
            (by(first) == ROUTERS && by(second) == 0).then_some(())
        });
    }

    /// Stops the first host's daemon; the time that each router was without a MASTER.
    fn take_over(&self) -> Vec<Duration> {
        let since = Capture::now();
        let [first, second] = &self.hosts;
        self.peers[0]
            .process()
            .signal(nix::sys::signal::Signal::SIGTERM);
        wait_until("every router is taken over", BOUND, || {
            (self.routers(second, since, |priority| priority > 0).len() == ROUTERS).then_some(())
        });
        let released = self.routers(first, since, |priority| priority == 0);
        let taken = self.routers(second, since, |priority| priority > 0);
        released
            .iter()
            .filter_map(|(router, at)| Some(taken.get(router)?.saturating_sub(*at)))
            .collect()
    }

    /// When a host first advertised each router, with such a priority.
    fn routers(
        &self,
        host: &Host,
        since: Duration,
        wanted: impl Fn(u8) -> bool,
    ) -> BTreeMap<(std::net::IpAddr, u8), Duration> {
        let mut first = BTreeMap::new();
        let adverts = self.lab.capture().adverts(host.name(), since);
        for (at, advert) in adverts {
            if wanted(advert.priority) {
                // The address, which no two interfaces share, tells routers of the same VRID apart.
                let Some(address) = advert.addresses.first() else {
                    continue;
                };
                first.entry((*address, advert.vrid)).or_insert(at);
            }
        }
        first
    }
}

fn configuration(priority: u8) -> String {
    let mut text = String::new();
    for interface in 0..INTERFACES {
        for vrid in 1..=ROUTERS_EACH {
            let _ = write!(
                text,
                "vrrp_instance VI_{interface}_{vrid} {{\n    interface eth{interface}\n    version 3\n    \
                 virtual_router_id {vrid}\n    priority {priority}\n    advert_int 1\n    virtual_ipaddress {{\n        \
                 10.{interface}.0.{vrid}\n    }}\n}}\n"
            );
        }
    }
    text
}
