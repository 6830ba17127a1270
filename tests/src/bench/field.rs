//! The field on which subjects meet: a segment for each of them, all in one lab, so that all of them run at the same time.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use nix::unistd::Pid;

use super::subject::Subject;
use crate::lab::{Capture, Host, Lab, Peer, Process, State, wait_until};

/// Router of the fields' configurations.
pub(super) const ROUTER: &str = "VI";
/// Nothing that a bench waits for takes longer.
pub(super) const BOUND: Duration = Duration::from_secs(30);

/// What was asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who takes part; the bare sender takes part wherever it can.
    pub subjects: Vec<Subject>,
    /// Length of each measurement, where the table's own is not wanted.
    pub seconds: Option<u64>,
    /// Repetitions, where the table's own number is not wanted.
    pub runs: Option<usize>,
    /// Decides the phases of what happens.
    pub seed: u64,
    /// The developer commands' program, which is canary and sender too.
    pub xtask: PathBuf,
}

impl Options {
    pub(super) fn time(&self, usual: u64) -> Duration {
        Duration::from_secs(self.seconds.unwrap_or(usual).max(1))
    }

    pub(super) fn runs(&self, usual: usize) -> usize {
        self.runs.unwrap_or(usual).max(1)
    }

    /// Those that are daemons.
    pub(super) fn daemons(&self) -> Vec<Subject> {
        let all = self.subjects.iter().copied();
        all.filter(|subject| subject.daemon().is_some()).collect()
    }

    pub(super) fn with_bare(&self) -> Vec<Subject> {
        let mut all = self.daemons();
        all.push(Subject::Bare);
        all
    }
}

/// How the kernel is asked to schedule a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// As it comes: vrrpd in real time, keepalived not.
    Default,
    /// Both in real time.
    RealTime,
    /// Both in the normal class, as in a container.
    Normal,
}

impl Class {
    pub(super) const ALL: [Self; 3] = [Self::Default, Self::RealTime, Self::Normal];
    const PRIORITY: &str = "50";

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Default => "default settings",
            Self::RealTime => "real time",
            Self::Normal => "normal class",
        }
    }

    /// Lines of `global_defs`.
    fn globals(self, subject: Subject) -> String {
        match (self, subject) {
            (Self::RealTime, Subject::Keepalived) => {
                format!(
                    "    vrrp_rt_priority {}\n    vrrp_no_swap\n",
                    Self::PRIORITY
                )
            }
            (Self::RealTime, Subject::Vrrpd) => {
                format!("    vrrp_rt_priority {}\n", Self::PRIORITY)
            }
            (Self::Normal, Subject::Vrrpd) => String::from("    realtime off\n"),
            _ => String::new(),
        }
    }

    fn sender(self, address: &str, interval: Duration) -> Vec<String> {
        let micros = interval.as_micros().to_string();
        let own = ["xtask", super::SENDER, address, &micros];
        let class: &[&str] = match self {
            Self::Default => &["chrt", "-f", "1"],
            Self::RealTime => &["chrt", "-f", Self::PRIORITY],
            Self::Normal => &[],
        };
        class
            .iter()
            .chain(&own)
            .map(|word| (*word).to_owned())
            .collect()
    }
}

/// A configuration of one version 3 router.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) class: Class,
    pub(super) interval: Duration,
}

impl Settings {
    pub(super) fn configuration(&self, subject: Subject, priority: u8) -> String {
        let mut text = format!(
            "global_defs {{\n    vrrp_garp_master_refresh 0\n{}}}\n",
            self.class.globals(subject)
        );
        let _ = write!(
            text,
            "vrrp_instance {ROUTER} {{\n    interface eth0\n    version 3\n    virtual_router_id 51\n    \
             priority {priority}\n    advert_int {}\n    virtual_ipaddress {{\n        10.0.0.100\n    }}\n}}\n",
            self.interval.as_secs_f64()
        );
        text
    }
}

/// What runs on a host.
#[derive(Debug)]
pub(super) enum Runner {
    Daemon(Peer),
    Bare(Process),
}

impl Runner {
    pub(super) fn family(&self) -> Vec<Pid> {
        match self {
            Self::Daemon(peer) => peer.process().family(),
            Self::Bare(process) => process.family(),
        }
    }
}

/// A host with its subject.
#[derive(Debug)]
pub(super) struct Player {
    pub(super) subject: Subject,
    pub(super) runner: Runner,
    pub(super) host: Host,
}

impl Player {
    pub(super) fn wait(&self, state: State) {
        if let Runner::Daemon(peer) = &self.runner {
            peer.wait_state(ROUTER, state, BOUND);
        }
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) players: Vec<Player>,
    pub(super) lab: Lab,
}

impl Field {
    /// One sender per subject, each alone on its segment and MASTER.
    pub(super) fn senders(subjects: &[Subject], settings: Settings) -> Self {
        let mut field = Self {
            players: Vec::new(),
            lab: Lab::new(),
        };
        for subject in subjects {
            field.segment(*subject);
            field.add(*subject, 1, 200, settings);
        }
        for player in &field.players {
            player.wait(State::Master);
            field.wait_adverts(player.host.name());
        }
        field
    }

    /// A MASTER of priority 200 and a BACKUP of priority 100 per daemon, in this order; a bare sender alone.
    pub(super) fn pairs(subjects: &[Subject], settings: Settings) -> Self {
        let mut field = Self::senders(subjects, settings);
        let daemons = subjects.iter().filter(|subject| subject.daemon().is_some());
        for subject in daemons {
            field.add(*subject, 2, 100, settings);
        }
        for player in field.players.iter().skip(subjects.len()) {
            player.wait(State::Backup);
        }
        field
    }

    /// A subject's two hosts: MASTER first.
    pub(super) fn pair(&self, subject: Subject) -> Option<(&Player, &Player)> {
        let mut both = self
            .players
            .iter()
            .filter(|player| player.subject == subject);
        Some((both.next()?, both.next()?))
    }

    fn segment(&self, subject: Subject) {
        self.lab.segment(&format!("lan{}", subject.short()));
    }

    fn add(&mut self, subject: Subject, number: u8, priority: u8, settings: Settings) {
        let name = format!("{}{number}", subject.short());
        let host = self.lab.host(&name);
        let address = format!("10.0.0.{number}");
        let segment = format!("lan{}", subject.short());
        self.lab
            .link(&host, "eth0", &segment, &[&format!("{address}/24")]);
        let runner = match subject.daemon() {
            Some(daemon) => {
                let configuration = settings.configuration(subject, priority);
                Runner::Daemon(Peer::start(&host, daemon, &configuration))
            }
            None => {
                let words = settings.class.sender(&address, settings.interval);
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                Runner::Bare(host.spawn(&words))
            }
        };
        self.players.push(Player {
            subject,
            runner,
            host,
        });
    }

    fn wait_adverts(&self, host: &str) {
        let since = Capture::now();
        wait_until(&format!("{host} sends"), BOUND, || {
            (self.lab.capture().adverts(host, since).len() > 1).then_some(())
        });
    }

    /// When adverts left a host in a time.
    pub(super) fn departures(&self, host: &str, from: Duration, to: Duration) -> Vec<Duration> {
        let adverts = self.lab.capture().adverts(host, from);
        let times = adverts.into_iter().map(|(at, _)| at);
        times.filter(|at| *at <= to).collect()
    }
}
