//! `vrrpd --observe` beside a pair of Debian's keepalived: it finds out what they do, and neither they nor the network find
//! out about it.

use std::net::IpAddr;
use std::time::Duration;

use nix::sys::signal::Signal;
use vrrp_record::cause::Cause;
use vrrp_record::status::{Router, Status};
use vrrp_tests::lab::{
    Capture, Daemon, Host, Lab, Peer, Process, State, is_permitted, status, wait_for, wait_until,
};

const SOON: Duration = Duration::from_secs(10);
const OBSERVE: [&str; 7] = [
    "vrrpd",
    "--observe",
    "-n",
    "-l",
    "-f",
    "/etc/keepalived/keepalived.conf",
    "--journal-dir=/run/vrrpd-journal",
];

fn configuration(priority: u8) -> String {
    format!(
        "vrrp_instance VI {{\n state BACKUP\n interface eth0\n virtual_router_id 51\n priority {priority}\n advert_int 1\n \
         authentication {{\n auth_type PASS\n auth_pass secret\n }}\n virtual_ipaddress {{\n 10.0.0.100/24\n }}\n}}\n"
    )
}

struct Bench {
    lab: Lab,
    a: Host,
    b: Host,
}

fn bench() -> Bench {
    let mut lab = Lab::new();
    let (a, b) = (lab.host("a"), lab.host("b"));
    lab.segment("lan");
    lab.link(&a, "eth0", "lan", &["10.0.0.1/24"]);
    lab.link(&b, "eth0", "lan", &["10.0.0.2/24"]);
    Bench { lab, a, b }
}

impl Bench {
    /// Starts keepalived on both: MASTER on a, BACKUP on b.
    fn pair(&self) -> (Peer, Peer) {
        let leader = Peer::start(&self.a, Daemon::Keepalived, &configuration(150));
        let follower = Peer::start(&self.b, Daemon::Keepalived, &configuration(100));
        leader.wait_state("VI", State::Master, SOON);
        follower.wait_state("VI", State::Backup, SOON);
        (leader, follower)
    }
}

fn observe(host: &Host) -> Process {
    host.spawn(&OBSERVE)
}

fn router(host: &Host) -> Option<Router> {
    status(host)?.routers.into_iter().next()
}

fn wait_seen(host: &Host, state: State) -> Router {
    wait_until(
        &format!("the observer on {} sees {}", host.name(), state.as_str()),
        SOON,
        || router(host).filter(|router| router.state == state),
    )
}

#[test]
fn states_and_reasons_of_a_pair_are_seen_from_outside() {
    if !is_permitted() {
        return;
    }
    let bench = bench();
    let (leader, _follower) = bench.pair();
    let (_on_a, _on_b) = (observe(&bench.a), observe(&bench.b));
    let seen = wait_seen(&bench.a, State::Master);
    assert_eq!(seen.priority.effective, 150);
    let seen = wait_seen(&bench.b, State::Backup);
    assert_eq!(
        seen.active.map(|active| active.address),
        Some(IpAddr::from([10, 0, 0, 1]))
    );
    // Adverts of both directions are counted.
    wait_until("adverts are counted", SOON, || {
        let (a, b) = (router(&bench.a)?, router(&bench.b)?);
        (a.sent.left.unwrap_or_default() >= 3 && b.received.accepted >= 3).then_some(())
    });
    leader.kill();
    let seen = wait_seen(&bench.b, State::Master);
    assert!(
        matches!(
            seen.cause,
            Some(Cause::SilentActive { last: Some(last), silence_ms: Some(silence) })
                if last == IpAddr::from([10, 0, 0, 1]) && (3_500..5_500).contains(&silence)
        ),
        "{:?}",
        seen.cause
    );
    wait_seen(&bench.a, State::Init);
    let again = Peer::start(&bench.a, Daemon::Keepalived, &configuration(150));
    wait_seen(&bench.a, State::Master);
    let seen = wait_seen(&bench.b, State::Backup);
    assert!(
        matches!(
            seen.cause,
            Some(Cause::HigherPriority {
                priority: 150,
                ours: 100,
                ..
            })
        ),
        "{:?}",
        seen.cause
    );
    again.stop();
    let seen = wait_seen(&bench.b, State::Master);
    assert!(
        matches!(seen.cause, Some(Cause::Released { .. })),
        "{:?}",
        seen.cause
    );
    drop(bench.lab);
}

/// What a host's network consists of, without what counts and ages.
fn network(host: &Host) -> Vec<String> {
    [
        "ip -o link show",
        "ip -o addr show",
        "ip route show table all",
        "ip -6 route show table all",
        "ip rule show",
        "ip maddr show",
        "cat /proc/net/igmp",
        "nft list ruleset",
        "sysctl -a --pattern ^net\\.ipv[46]\\.(conf|neigh)",
    ]
    .iter()
    .map(|command| {
        let words: Vec<&str> = command.split(' ').collect();
        let text = host.run(&words).output;
        let lines = text.lines().map(|line| {
            // Lifetimes run down, and timers of a group.
            let line = line.split(" valid_lft").next().unwrap_or_default();
            line.split(" expires").next().unwrap_or_default().to_owned()
        });
        lines.collect::<Vec<_>>().join("\n")
    })
    .collect()
}

fn sent_packets(host: &Host) -> u64 {
    host.run(&["cat", "/sys/class/net/eth0/statistics/tx_packets"])
        .output
        .trim()
        .parse()
        .expect("a number")
}

/// Packets that the host sent, and adverts among them, between two adverts that are so many apart.
fn traffic(bench: &Bench, host: &Host, adverts: usize) -> (u64, u64) {
    let next = |since| {
        bench
            .lab
            .capture()
            .wait_advert(host.name(), since, SOON, "an advert", |_| true)
            .0
    };
    let first = next(Capture::now());
    let before = sent_packets(host);
    let mut last = first;
    for _ in 0..adverts {
        last = next(last + Duration::from_millis(1));
    }
    let after = sent_packets(host);
    let count = bench
        .lab
        .capture()
        .adverts(host.name(), first + Duration::from_millis(1))
        .len();
    (after - before, u64::try_from(count).expect("few"))
}

#[test]
fn an_observer_sends_nothing_and_changes_nothing() {
    if !is_permitted() {
        return;
    }
    let bench = bench();
    let (leader, follower) = bench.pair();
    // The kernel's own announcements of new addresses and groups take some seconds.
    wait_for(Duration::from_secs(12), || {
        (traffic(&bench, &bench.a, 3) == (3, 3)).then_some(())
    });
    let hosts = [&bench.a, &bench.b];
    let before: Vec<_> = hosts.map(network).into();
    assert_eq!(traffic(&bench, &bench.a, 5), (5, 5), "without an observer");
    let quiet = sent_packets(&bench.b);
    let observers = hosts.map(observe);
    wait_seen(&bench.a, State::Master);
    wait_seen(&bench.b, State::Backup);
    assert_eq!(traffic(&bench, &bench.a, 5), (5, 5), "with an observer");
    assert_eq!(sent_packets(&bench.b), quiet, "a backup sends nothing");
    let during: Vec<_> = hosts.map(network).into();
    assert_eq!(during, before);
    for (host, observer) in hosts.iter().zip(&observers) {
        observer.signal(Signal::SIGTERM);
        let ended = observer.wait(SOON);
        assert_eq!(ended.code, 0, "{}: {}", host.name(), ended.output);
    }
    let after: Vec<_> = hosts.map(network).into();
    assert_eq!(after, before);
    assert_eq!(leader.state("VI"), Some(State::Master));
    assert_eq!(follower.state("VI"), Some(State::Backup));
}

#[test]
fn a_stopped_keepalived_is_late_and_its_stop_is_seen() {
    if !is_permitted() {
        return;
    }
    let bench = bench();
    let leader = Peer::start(&bench.a, Daemon::Keepalived, &configuration(150));
    leader.wait_state("VI", State::Master, SOON);
    let observer = observe(&bench.a);
    wait_seen(&bench.a, State::Master);
    wait_until("an advert is seen", SOON, || {
        (router(&bench.a)?.sent.left? >= 2).then_some(())
    });
    let family = leader.process().family();
    for pid in &family {
        let _ = nix::sys::signal::kill(*pid, Signal::SIGSTOP);
    }
    std::thread::sleep(Duration::from_secs(2));
    for pid in &family {
        let _ = nix::sys::signal::kill(*pid, Signal::SIGCONT);
    }
    let late: Status = wait_until("the lateness is seen", SOON, || {
        let status = status(&bench.a)?;
        (status.routers.first()?.sent.worst_lateness_us >= 900_000).then_some(status)
    });
    assert_eq!(late.routers[0].state, State::Master);
    observer.signal(Signal::SIGTERM);
    assert_eq!(observer.wait(SOON).code, 0);
    let ring = std::fs::read(bench.a.root().join("run/vrrpd/flight.ring"))
        .expect("the flight recorder is in the run directory");
    let reading = vrrp_record::ring::read(&ring).expect("a ring");
    let history = reading.history;
    assert_eq!(history.node.source, vrrp_record::history::Source::Observer);
    let stall = history
        .stalls
        .iter()
        .find(|stall| stall.at.since(stall.due) > 900_000_000)
        .expect("the evidence of the stop");
    assert_eq!(stall.sigcont, Some(0), "{stall:?}");
    assert!(history.sent.len() >= 3);
}

/// Somebody with nothing but the two capabilities that the documentation names.
fn without_rights(capabilities: &str) -> Vec<String> {
    let keep = format!("-all,{capabilities}");
    let mut words: Vec<String> = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--no-new-privs",
        "--bounding-set",
        &keep,
        "--inh-caps",
        &keep,
        "--ambient-caps",
        &keep,
    ]
    .map(str::to_owned)
    .into();
    words.extend(OBSERVE.map(str::to_owned));
    words
}

#[test]
fn an_ordinary_user_with_two_capabilities_observes_as_root_does_and_changes_nothing() {
    if !is_permitted() {
        return;
    }
    let bench = bench();
    let (leader, _follower) = bench.pair();
    wait_for(Duration::from_secs(12), || {
        (traffic(&bench, &bench.a, 3) == (3, 3)).then_some(())
    });
    let before = network(&bench.a);
    for directory in ["/run/vrrpd", "/run/vrrpd-journal"] {
        bench.a.must(&format!("mkdir {directory}"));
        bench.a.must(&format!("chown 65534:65534 {directory}"));
    }
    let words = without_rights("+net_raw,+net_admin");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let observer = bench.a.spawn(&words);
    wait_seen(&bench.a, State::Master);
    let status_of = std::fs::read_to_string(format!("/proc/{}/status", observer.pid()))
        .expect("the observer runs");
    let line = |name: &str| {
        let line = status_of.lines().find(|line| line.starts_with(name));
        line.unwrap_or_default().to_owned()
    };
    assert!(line("Uid:").ends_with("65534\t65534\t65534\t65534"));
    // CAP_NET_ADMIN is bit 12, CAP_NET_RAW bit 13.
    assert_eq!(line("CapEff:"), "CapEff:\t0000000000003000");
    assert_eq!(line("CapBnd:"), "CapBnd:\t0000000000003000");
    assert_eq!(traffic(&bench, &bench.a, 3), (3, 3));
    assert_eq!(network(&bench.a), before);
    // It needs no right over the process that it watches.
    for signal in [Signal::SIGSTOP, Signal::SIGCONT] {
        for pid in leader.process().family() {
            let _ = nix::sys::signal::kill(pid, signal);
        }
        std::thread::sleep(Duration::from_secs(2));
    }
    wait_until("the lateness is seen", SOON, || {
        (router(&bench.a)?.sent.worst_lateness_us >= 900_000).then_some(())
    });
    observer.signal(Signal::SIGTERM);
    let ended = observer.wait(SOON);
    assert_eq!(ended.code, 0, "{}", ended.output);
    assert!(!ended.output.contains("WARN"), "{}", ended.output);
    let ring = std::fs::read(bench.a.root().join("run/vrrpd/flight.ring")).expect("a recorder");
    let history = vrrp_record::ring::read(&ring).expect("a ring").history;
    let stall = history
        .stalls
        .iter()
        .find(|stall| stall.at.since(stall.due) > 900_000_000)
        .expect("the evidence of the stop");
    assert_eq!(stall.sigcont, Some(0), "{stall:?}");
    assert!(
        stall.run_delay.is_some() && stall.cpu.is_some(),
        "{stall:?}"
    );
    assert_eq!(leader.state("VI"), Some(State::Master));
}

#[test]
fn an_observer_without_the_capability_to_listen_says_which_one_it_needs() {
    if !is_permitted() {
        return;
    }
    let bench = bench();
    bench.a.write(
        "/etc/keepalived/keepalived.conf",
        &configuration(150),
        0o644,
    );
    let words = without_rights("+net_admin");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ended = bench.a.run(&words);
    assert_ne!(ended.code, 0);
    assert!(
        ended.output.contains("CAP_NET_RAW is missing"),
        "{}",
        ended.output
    );
}
