//! Two hosts on a segment, a daemon on each, and the questions that scenarios ask about them.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use vrrp_tests::lab::{Capture, Daemon, Host, Lab, Peer, State, is_permitted, wait_until};

/// The router's name in every scenario.
pub(crate) const NAME: &str = "VI";
pub(crate) const VRID: u8 = 51;
pub(crate) const INTERFACE: &str = "eth0";
/// Nothing here takes that long on a machine that is not stuck.
pub(crate) const BOUND: Duration = Duration::from_secs(20);

const NOTIFY: &str = "/etc/keepalived/notify.sh";
const NOTIFY_LOG: &str = "/run/notify.log";

/// Who runs on which host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) leader: Daemon,
    pub(crate) follower: Daemon,
}

/// Makes four tests of a scenario `fn(Pair)`: theirs first, then ours in either role, then ours alone.
macro_rules! pairs {
    ($($scenario:ident),+ $(,)?) => {$(
        mod $scenario {
            use vrrp_tests::lab::Daemon::{Keepalived, Ours};

            #[test]
            fn two_keepalived() {
                crate::bench::run(Keepalived, Keepalived, super::$scenario);
            }

            #[test]
            fn ours_leads() {
                crate::bench::run(Ours, Keepalived, super::$scenario);
            }

            #[test]
            fn ours_follows() {
                crate::bench::run(Keepalived, Ours, super::$scenario);
            }

            #[test]
            fn two_of_ours() {
                crate::bench::run(Ours, Ours, super::$scenario);
            }
        }
    )+};
}
pub(crate) use pairs;

/// Makes two tests of a scenario `fn(Daemon)` that needs one host: theirs first, then ours.
macro_rules! subjects {
    ($($scenario:ident),+ $(,)?) => {$(
        mod $scenario {
            use vrrp_tests::lab::Daemon::{Keepalived, Ours};

            #[test]
            fn keepalived() {
                crate::bench::run_one(Keepalived, super::$scenario);
            }

            #[test]
            fn ours() {
                crate::bench::run_one(Ours, super::$scenario);
            }
        }
    )+};
}
pub(crate) use subjects;

pub(crate) fn run_one(daemon: Daemon, scenario: fn(Daemon)) {
    if is_permitted() {
        scenario(daemon);
    }
}

pub(crate) fn run(leader: Daemon, follower: Daemon, scenario: fn(Pair)) {
    if is_permitted() {
        scenario(Pair { leader, follower });
    }
}

/// A configuration in keepalived's language; what is not named is keepalived's default.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) version: u8,
    pub(crate) priority: u8,
    /// Seconds, as they are written.
    pub(crate) interval: &'static str,
    pub(crate) addresses: Vec<String>,
    /// More lines of the instance.
    pub(crate) lines: Vec<String>,
}

impl Config {
    /// Version 3, which allows short intervals.
    pub(crate) fn v3(priority: u8) -> Self {
        Self {
            version: 3,
            priority,
            interval: "0.2",
            addresses: vec!["10.0.0.7".to_owned()],
            lines: Vec::new(),
        }
    }

    pub(crate) fn v2(priority: u8) -> Self {
        Self {
            version: 2,
            interval: "1",
            ..Self::v3(priority)
        }
    }

    pub(crate) fn every(mut self, interval: &'static str) -> Self {
        self.interval = interval;
        self
    }

    pub(crate) fn addresses(mut self, addresses: &[&str]) -> Self {
        self.addresses = addresses
            .iter()
            .map(|&address| address.to_owned())
            .collect();
        self
    }

    pub(crate) fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    pub(crate) fn ips(&self) -> Vec<IpAddr> {
        self.addresses.iter().map(|address| ip(address)).collect()
    }

    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "vrrp_instance {NAME} {{\n    interface {INTERFACE}\n    version {}\n    virtual_router_id {VRID}\n    \
             priority {}\n    advert_int {}\n    notify {NOTIFY}\n",
            self.version, self.priority, self.interval
        );
        for line in &self.lines {
            let _ = writeln!(text, "    {line}");
        }
        if !self.addresses.is_empty() {
            text.push_str("    virtual_ipaddress {\n");
            for address in &self.addresses {
                let _ = writeln!(text, "        {address}");
            }
            text.push_str("    }\n");
        }
        text.push_str("}\n");
        text
    }
}

/// One of the two hosts.
#[derive(Debug)]
pub(crate) struct Node {
    /// Before the host: a daemon goes first.
    peer: Option<Peer>,
    pub(crate) host: Host,
    daemon: Daemon,
}

/// The lab with its two hosts; `leader` has the lower addresses.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) leader: Node,
    pub(crate) follower: Node,
    pub(crate) lab: Lab,
}

pub(crate) const LEADER: (&str, &[&str]) = ("lead", &["10.0.0.1/24", "fd00::1/64"]);
pub(crate) const FOLLOWER: (&str, &[&str]) = ("follow", &["10.0.0.2/24", "fd00::2/64"]);

impl Bench {
    pub(crate) fn new(pair: Pair) -> Self {
        let mut lab = Lab::new();
        lab.segment("lan");
        let mut node = |(name, addresses): (&str, &[&str]), daemon| {
            let host = lab.host(name);
            host.write(
                NOTIFY,
                &format!("#!/bin/sh\necho \"$$ $*\" >> {NOTIFY_LOG}\n"),
                0o755,
            );
            lab.link(&host, INTERFACE, "lan", addresses);
            Node {
                peer: None,
                host,
                daemon,
            }
        };
        let leader = node(LEADER, pair.leader);
        let follower = node(FOLLOWER, pair.follower);
        Self {
            leader,
            follower,
            lab,
        }
    }

    /// Starts the leader, and once it leads the follower: nobody changes state twice.
    pub(crate) fn start(&mut self, leader: &Config, follower: &Config) {
        self.leader.start(leader);
        self.leader.wait(State::Master);
        self.follower.start(follower);
        self.follower.wait(State::Backup);
        self.wait_holder(&self.leader, &leader.ips());
    }

    /// Waits until exactly one host has all of `addresses` and the other has none of them.
    pub(crate) fn wait_holder(&self, node: &Node, addresses: &[IpAddr]) {
        let wanted = [node.host.name()];
        for &address in addresses {
            wait_until(
                &format!("{address} is on {} alone", node.host.name()),
                BOUND,
                || (self.lab.holders(INTERFACE, address) == wanted).then_some(()),
            );
        }
    }

    pub(crate) fn capture(&self) -> &Capture {
        self.lab.capture()
    }

    /// Waits for a number of adverts of `node` after `since`, during which the other node must send none.
    pub(crate) fn undisturbed(&self, node: &Node, other: &Node, since: Duration, adverts: usize) {
        wait_until(
            &format!("{adverts} adverts of {}", node.host.name()),
            BOUND,
            || (self.capture().adverts(node.host.name(), since).len() >= adverts).then_some(()),
        );
        let others = self.capture().adverts(other.host.name(), since);
        assert!(
            others.is_empty(),
            "{} sent adverts beside {}: {others:?}",
            other.host.name(),
            node.host.name()
        );
    }
}

impl Node {
    pub(crate) fn start(&mut self, config: &Config) {
        self.start_text(&config.text());
    }

    pub(crate) fn start_text(&mut self, text: &str) {
        drop(self.peer.take());
        self.peer = Some(Peer::start(&self.host, self.daemon, text));
    }

    pub(crate) fn peer(&self) -> &Peer {
        self.peer.as_ref().expect("the scenario has started it")
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.daemon == Daemon::Ours
    }

    pub(crate) fn wait(&self, state: State) {
        self.peer().wait_state(NAME, state, BOUND);
    }

    pub(crate) fn stop(&self) {
        let finished = self.peer().stop();
        assert_eq!(finished.code, 0, "{}", finished.output);
    }

    /// What notify scripts were told, in the order in which they were started: one process id after the other.
    pub(crate) fn notified(&self) -> Vec<String> {
        let log = self.host.read(NOTIFY_LOG).unwrap_or_default();
        let mut lines: Vec<(u32, String)> = log
            .lines()
            .filter_map(|line| {
                let (pid, told) = line.split_once(' ')?;
                Some((pid.parse().ok()?, told.to_owned()))
            })
            .collect();
        lines.sort();
        lines.into_iter().map(|(_, told)| told).collect()
    }

    /// Waits until notify scripts were told exactly this, from the host's first moment on.
    pub(crate) fn wait_notified(&self, wanted: &[&str]) {
        let mut last = Vec::new();
        let reached = vrrp_tests::lab::wait_for(BOUND, || {
            last = self.notified();
            (last == wanted).then_some(())
        });
        assert!(
            reached.is_some(),
            "{}: notify scripts were told {last:?}, not {wanted:?}",
            self.host.name()
        );
    }
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
