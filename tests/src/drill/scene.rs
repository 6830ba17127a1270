//! A scene: two nodes with their daemons, a third host, and the questions and steps that injections consist of.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::Pid;
use vrrp_proto::units::Family;

use super::setup::{INTERFACE, ROUTER, Setup, Side};
use crate::lab::{
    Advert, Capture, Cgroup, Daemon, Forwarder, Habits, Host, Lab, Peer, RUN_DIR, State, wait_for,
};
use crate::sim::Prng;

const BOUND: Duration = Duration::from_secs(20);
/// Adverts after which a sender's numbers are trusted (safety rule 8), and some more for a quiet past.
const SETTLED: usize = 20;
/// Our daemon's journal directory on a host.
pub(super) const JOURNAL_DIR: &str = "/run/vrrpd-journal";

/// One node.
#[derive(Debug)]
pub struct Node {
    /// Before the host: a daemon goes first.
    pub(super) peer: Option<Peer>,
    /// Its host.
    pub host: Host,
    /// What runs there.
    pub daemon: Daemon,
    side: Side,
}

/// The scene.
#[derive(Debug)]
pub struct Scene {
    /// The node that leads at first.
    pub leader: Node,
    /// The other one.
    pub follower: Node,
    /// A third host on the same segment.
    pub other: Host,
    /// In front of a node, where the setup wants one.
    pub forwarder: Option<Forwarder>,
    /// The numbers of this run.
    pub prng: Prng,
    /// What it was built from.
    pub setup: Setup,
    /// When the injection began, on the clock of captures.
    pub since: Duration,
    /// What the leader's daemon was started in, where the setup wants that.
    pub(super) group: Option<Cgroup>,
    xtask: PathBuf,
    /// After everything that lives in it.
    pub lab: Lab,
}

impl Scene {
    /// Builds hosts and wires; no daemon runs yet.
    pub(super) fn build(setup: Setup, prng: Prng, xtask: &Path) -> Self {
        let mut lab = Lab::new();
        lab.segment("lan");
        let mut forwarder = None;
        let mut node = |lab: &mut Lab, name, addresses: &[&str], daemon, side: &Side, behind| {
            let host = lab.host(name);
            if behind {
                forwarder = Some(Forwarder::start(
                    lab,
                    &host,
                    INTERFACE,
                    "lan",
                    addresses,
                    Habits {
                        twice: setup.twice,
                        disk: setup.leader_disk,
                        writes: false,
                    },
                ));
            } else {
                lab.link(&host, INTERFACE, "lan", addresses);
            }
            Node {
                peer: None,
                host,
                daemon,
                side: side.clone(),
            }
        };
        let leader = node(
            &mut lab,
            "lb1",
            &["10.0.0.1/24", "fd00::1/64"],
            setup.leads(),
            &setup.leader,
            setup.leader_behind || setup.leader_disk,
        );
        let follower = node(
            &mut lab,
            "lb2",
            &["10.0.0.2/24", "fd00::2/64"],
            setup.follows(),
            &setup.follower,
            setup.follower_behind,
        );
        let other = lab.host("other");
        lab.link(&other, INTERFACE, "lan", &["10.0.0.9/24", "fd00::9/64"]);
        if setup.second_segment {
            lab.segment("lan1");
            for (node, address) in [(&leader, "10.1.0.1/24"), (&follower, "10.1.0.2/24")] {
                lab.link(&node.host, "eth1", "lan1", &[address]);
            }
        }
        if setup.leader.queue {
            leader
                .host
                .must("tc qdisc add dev eth0 root tbf rate 1gbit burst 100000 limit 100000");
        }
        if setup.leader.from_slow_disk {
            slow_disk(&leader.host);
        }
        let group = setup.leader.group.and_then(Cgroup::new);
        if let Some(group) = &group {
            start_inside(&leader.host, group, setup.leader.from_slow_disk);
        }
        Self {
            group,
            leader,
            follower,
            other,
            forwarder,
            prng,
            setup,
            since: Duration::ZERO,
            xtask: xtask.to_owned(),
            lab,
        }
    }

    /// Starts the daemons and waits until the leader leads, the follower follows, and numbers are trusted.
    pub(super) fn settle(&mut self) -> Result<(), String> {
        if !self.setup.without_leader {
            self.start_leader();
            self.leader.reach(State::Master)?;
        }
        if !self.setup.late_follower {
            self.start_follower();
            if !self.setup.without_leader {
                self.follower.reach(State::Backup)?;
                self.calm(SETTLED)?;
            }
        }
        self.since = Capture::now();
        Ok(())
    }

    /// Waits until who looks on trusts numbers, too; the injection begins now.
    pub(super) fn settle_again(&mut self) -> Result<(), String> {
        self.calm(SETTLED)?;
        self.since = Capture::now();
        Ok(())
    }

    pub(super) fn start_leader(&mut self) {
        let text = self.setup.text(&self.leader.side, self.leader.daemon);
        self.leader.start(&text);
    }

    pub(super) fn start_follower(&mut self) {
        let text = self.setup.text(&self.follower.side, self.follower.daemon);
        self.follower.start(&text);
    }

    /// Waits for so many adverts of the leader.
    pub(super) fn calm(&self, adverts: usize) -> Result<(), String> {
        let from = Capture::now();
        let count = u32::try_from(adverts).unwrap_or(u32::MAX);
        let bound = self.setup.interval() * count * 2 + BOUND;
        wait_for(bound, || {
            (self.adverts_of("lb1", from).len() >= adverts).then_some(())
        })
        .ok_or_else(|| format!("the leader does not send {adverts} adverts"))
    }

    /// This program, for helpers.
    #[must_use]
    pub fn xtask(&self) -> &Path {
        &self.xtask
    }

    /// A time after which the follower has taken over, varied.
    pub(super) fn outage(&mut self) -> Duration {
        self.setup.down() * u32::try_from(self.prng.between(130, 220)).unwrap_or(150) / 100
    }

    /// A time after which the follower has nearly taken over, varied.
    pub(super) fn near(&mut self) -> Duration {
        self.setup.down() * u32::try_from(self.prng.between(55, 75)).unwrap_or(60) / 100
    }

    /// Lets time pass.
    #[expect(
        clippy::unused_self,
        reason = "steps of an injection read as sentences about the scene"
    )]
    pub(super) fn pause(&self, time: Duration) {
        std::thread::sleep(time);
    }

    /// The kernel's or the capture's word that it happened.
    #[expect(
        clippy::unused_self,
        reason = "steps of an injection read as sentences about the scene"
    )]
    pub(super) fn prove(&self, happened: bool, what: &str) -> Result<(), String> {
        if happened {
            Ok(())
        } else {
            Err(format!("not injected: {what}"))
        }
    }

    /// At whose port of the switch a host's frames are seen.
    fn port(&self, host: &str) -> String {
        let behind = match host {
            "lb1" => self.setup.leader_behind || self.setup.leader_disk,
            "lb2" => self.setup.follower_behind,
            _ => false,
        };
        if behind {
            format!("hv-{host}")
        } else {
            host.to_owned()
        }
    }

    /// Adverts of a host at the switch from a time on.
    pub(super) fn adverts_of(&self, host: &str, since: Duration) -> Vec<(Duration, Advert)> {
        self.lab.capture().adverts(&self.port(host), since)
    }

    /// The longest time between adverts of a host on the wire since the injection began.
    pub(super) fn gap(&self, host: &str) -> Duration {
        let adverts = self.adverts_of(host, self.since);
        let mut last = self.since;
        let mut longest = Duration::ZERO;
        for (at, _) in &adverts {
            longest = longest.max(at.saturating_sub(last));
            last = *at;
        }
        longest.max(Capture::now().saturating_sub(last))
    }

    /// Adverts that the switch handed to a host since the injection began.
    pub(super) fn delivered(&self, host: &str) -> usize {
        let at = self.port(host);
        self.lab
            .capture()
            .since(self.since)
            .iter()
            .filter(|seen| {
                !seen.sent && seen.host == at && matches!(seen.frame, crate::lab::Frame::Advert(_))
            })
            .count()
    }

    /// The virtual address.
    pub(super) fn address(&self) -> IpAddr {
        self.setup
            .leader
            .addresses
            .first()
            .and_then(|address| address.split(' ').next()?.parse().ok())
            .unwrap_or_else(|| IpAddr::from([10, 0, 0, 7]))
    }

    /// The words of nft that find adverts.
    pub(super) const fn adverts(&self) -> &'static str {
        match self.setup.family {
            Family::V4 => "ip protocol 112",
            Family::V6 => "ip6 nexthdr 112",
        }
    }
}

/// Puts our daemon's program on a disk of its own.
fn slow_disk(host: &Host) {
    host.must("truncate -s 256M /run/slow.img");
    host.must("mkfs.ext4 -q -F /run/slow.img");
    host.must("mkdir /run/slow");
    host.must("mount -o loop /run/slow.img /run/slow");
    host.must("cp /run/programs/vrrpd /run/slow/vrrpd");
    // Nothing of it stays in memory, so that the daemon's own reading is charged to it.
    host.must("umount /run/slow");
    host.must("mount -o loop,ro /run/slow.img /run/slow");
}

/// Lets the daemon start in a cgroup; keepalived, too.
fn start_inside(host: &Host, group: &Cgroup, from_slow_disk: bool) {
    for (name, program) in [
        (
            "vrrpd",
            if from_slow_disk {
                "/run/slow/vrrpd"
            } else {
                "/run/real-vrrpd"
            },
        ),
        ("keepalived", "/usr/sbin/keepalived"),
    ] {
        host.write(
            &format!("/run/start-{name}"),
            &format!(
                "#!/bin/sh\necho $$ > {}/cgroup.procs\nexec {program} \"$@\"\n",
                group.path().display()
            ),
            0o755,
        );
    }
    host.must("touch /run/real-vrrpd");
    host.must("mount --bind /run/programs/vrrpd /run/real-vrrpd");
    host.must("mount --bind /run/start-vrrpd /run/programs/vrrpd");
    // Found first by its name; the programs' own directory cannot hold it.
    host.must("mount -t tmpfs lab /usr/local/sbin");
    host.must("cp /run/start-keepalived /usr/local/sbin/keepalived");
}

impl Node {
    fn start(&mut self, text: &str) {
        drop(self.peer.take());
        self.peer = Some(Peer::start(&self.host, self.daemon, text));
    }

    /// Its daemon.
    pub(super) fn peer(&self) -> &Peer {
        self.peer.as_ref().expect("the scene has started it")
    }

    pub(super) fn reach(&self, state: State) -> Result<(), String> {
        self.reach_within(state, BOUND)
    }

    pub(super) fn reach_within(&self, state: State, bound: Duration) -> Result<(), String> {
        let mut last = None;
        wait_for(bound, || {
            last = self.peer().state(ROUTER);
            (last == Some(state)).then_some(())
        })
        .ok_or_else(|| {
            format!(
                "{} is not {} but {}:\n{}",
                self.host.name(),
                state.as_str(),
                last.map_or("unknown", State::as_str),
                self.peer().log()
            )
        })
    }

    /// Every process of the daemon.
    pub(super) fn pids(&self) -> Vec<Pid> {
        self.peer().process().family()
    }

    /// Every thread of the daemon's processes.
    pub(super) fn threads(&self) -> Vec<Pid> {
        self.pids()
            .iter()
            .flat_map(|pid| {
                std::fs::read_dir(format!("/proc/{pid}/task"))
                    .into_iter()
                    .flatten()
            })
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .map(Pid::from_raw)
            .collect()
    }

    /// The thread that sends adverts: our engine, or keepalived's last process.
    pub(super) fn speaker(&self) -> Pid {
        self.threads()
            .into_iter()
            .find(|thread| {
                std::fs::read_to_string(format!("/proc/{thread}/comm"))
                    .is_ok_and(|name| name.trim() == "engine")
            })
            .or_else(|| self.pids().last().copied())
            .expect("a daemon has at least one thread")
    }

    /// How long its sending thread has waited for a CPU.
    pub(super) fn run_delay(&self) -> Duration {
        std::fs::read_to_string(format!("/proc/{}/schedstat", self.speaker()))
            .ok()
            .and_then(|text| text.split(' ').nth(1)?.parse().ok())
            .map_or(Duration::ZERO, Duration::from_nanos)
    }

    /// The directories that our daemon leaves its records in, as this process reaches them.
    pub(super) fn records(&self) -> Option<[PathBuf; 2]> {
        (self.daemon == Daemon::Ours && self.peer.is_some()).then(|| {
            [RUN_DIR, JOURNAL_DIR].map(|path| self.host.root().join(path.trim_start_matches('/')))
        })
    }
}
