//! What an advert costs, sent and heard.

use std::time::Duration;

use nix::unistd::Pid;

use super::field::{Class, Field, Options, Player, Settings};
use super::report::{Figure, Row, Table};
use super::subject::Subject;
use super::usage::{self, Before};
use crate::lab::Capture;

const INTERVAL: Duration = Duration::from_millis(10);
/// How long system calls are counted.
const CALLS: Duration = Duration::from_secs(5);
/// What ours may cost beyond the bare sender, in microseconds an advert.
const BEYOND_BARE: f64 = 20.0;
/// Kernel calls that read evidence, once a second and after a late wake-up; they belong to no advert.
const EVIDENCE: [&str; 3] = ["getrusage", "pread64", "ioctl"];

pub(super) fn run(options: &Options) -> Table {
    let time = options.time(20);
    let before = Before::now();
    let settings = Settings {
        class: Class::Default,
        interval: INTERVAL,
    };
    let field = Field::pairs(&options.with_bare(), settings);
    // What was heard of a start is over after a few of its down intervals.
    std::thread::sleep(Duration::from_secs(2));
    let spent = |player: &Player| usage::cpu(&player.runner.family());
    let started: Vec<Duration> = field.players.iter().map(spent).collect();
    let from = Capture::now();
    std::thread::sleep(time);
    let to = Capture::now();
    let ended: Vec<Duration> = field.players.iter().map(spent).collect();

    let mut sending = Row::new("CPU per advert sent", "µs");
    let mut hearing = Row::new("CPU per advert heard", "µs");
    for (player, (started, ended)) in field.players.iter().zip(started.iter().zip(&ended)) {
        let sender = field
            .players
            .iter()
            .find(|other| other.subject == player.subject);
        let Some(sender) = sender else { continue };
        let adverts = field.departures(sender.host.name(), from, to).len();
        let row = if std::ptr::eq(sender, player) {
            &mut sending
        } else {
            &mut hearing
        };
        row.add(
            player.subject,
            per_advert(ended.saturating_sub(*started), adverts),
        );
    }
    let bare = sending.value(Subject::Bare).map(|bare| bare + BEYOND_BARE);
    let other = sending.value(Subject::Keepalived);
    let bound = bare.map(|bare| other.map_or(bare, |other| other.min(bare)));
    let others_hearing = hearing.value(Subject::Keepalived);

    let mut memory = Row::new("memory (PSS), sending", "MB");
    let mut calls_sending = Row::new("system calls per advert sent", "");
    let mut calls_hearing = Row::new("system calls per advert heard", "");
    for subject in options.daemons() {
        let Some((master, backup)) = field.pair(subject) else {
            continue;
        };
        let pss = usage::memory(&master.runner.family());
        memory.add(subject, Some(Figure::of(pss)));
        for (player, row) in [(master, &mut calls_sending), (backup, &mut calls_hearing)] {
            row.add(subject, calls(&field, player, master));
        }
    }
    Table {
        name: "cost",
        title: format!(
            "One router at 10 ms, everything that vrrpd records switched on, all threads and processes of each subject, {} s. \
             System calls are those of the thread that sends and hears, by strace; reads of evidence (once a second and after \
             a late wake-up) are not counted.",
            time.as_secs()
        ),
        rows: vec![
            sending.at_most("keepalived, and bare sender + 20 µs", bound),
            hearing.at_most("keepalived", others_hearing),
            calls_sending.at_most("4", Some(4.05)),
            calls_hearing.at_most("3", Some(3.05)),
            memory.at_most("6 MB", Some(6.0)),
        ],
        machine: Some(before.since(None)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand adverts")]
fn per_advert(spent: Duration, adverts: usize) -> Option<Figure> {
    (adverts > 0).then(|| Figure::of(spent.as_secs_f64() * 1e6 / adverts as f64))
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand calls")]
fn calls(field: &Field, player: &Player, sender: &Player) -> Option<Figure> {
    let thread = protocol_thread(player)?;
    let from = Capture::now();
    let counted = usage::system_calls(thread, CALLS)?;
    let adverts = field
        .departures(sender.host.name(), from, Capture::now())
        .len();
    let evidence: u64 = counted
        .iter()
        .filter(|(name, _)| EVIDENCE.contains(&name.as_str()))
        .map(|(_, calls)| calls)
        .sum();
    let all: u64 = counted.iter().map(|(_, calls)| calls).sum();
    // Each round of evidence has one getrusage, and one read of the signal descriptor.
    let calls_of = |wanted: &str| -> u64 {
        let found = counted.iter().find(|(name, _)| name == wanted);
        found.map_or(0, |(_, calls)| *calls)
    };
    let reads = calls_of("getrusage").min(calls_of("read"));
    let own = all.saturating_sub(evidence).saturating_sub(reads);
    (adverts > 0).then(|| Figure::of(own as f64 / adverts as f64))
}

/// The thread that speaks the protocol: keepalived's is a process of its own.
fn protocol_thread(player: &Player) -> Option<Pid> {
    let family = player.runner.family();
    match player.subject {
        Subject::Keepalived => family.get(1).copied(),
        Subject::Vrrpd => Some(usage::thread(*family.first()?, "engine")),
        Subject::Bare => family.first().copied(),
    }
}
