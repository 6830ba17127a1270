//! Planned hand-overs (safety rules 2 and 9): a client that asks once a millisecond through the address, while it moves
//! because somebody means it. Also what `vrrpctl yield` and `maintenance` promise where nobody takes over.

#![expect(clippy::print_stdout, reason = "a measurement has to be seen")]

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use vrrp_tests::lab::Daemon::{self, Keepalived, Ours};
use vrrp_tests::lab::{
    Canary, Capture, Echo, Finished, Host, Lab, Peer, Pinger, State, is_permitted, status,
    wait_until,
};

const BOUND: Duration = Duration::from_secs(20);
/// What a client may miss when an address moves as planned, beyond what this machine does to the most urgent thread.
const ALLOWED: Duration = Duration::from_millis(3);

fn config(priority: u8, interval: &str) -> String {
    format!(
        "vrrp_instance VI {{\n interface eth0\n version 3\n virtual_router_id 51\n priority {priority}\n \
         advert_int {interval}\n virtual_ipaddress {{\n 10.0.0.7/24\n }}\n}}\n"
    )
}

fn vip() -> IpAddr {
    IpAddr::from([10, 0, 0, 7])
}

/// Two load balancers and a client.
struct Pair {
    lead: Peer,
    other: Peer,
    client: Host,
    _echoes: [Echo; 2],
    lab: Lab,
}

impl Pair {
    /// Ours leads; the other one is of this kind.
    fn start(other: Daemon, interval: &str) -> Self {
        let mut lab = Lab::new();
        lab.segment("lan");
        let hosts = [
            ("lb1", "10.0.0.1/24"),
            ("lb2", "10.0.0.2/24"),
            ("client", "10.0.0.9/24"),
        ]
        .map(|(name, address)| {
            let host = lab.host(name);
            lab.link(&host, "eth0", "lan", &[address]);
            host
        });
        let [a, b, client] = hosts;
        let echoes = [Echo::start(&a), Echo::start(&b)];
        let lead = Peer::start(&a, Ours, &config(200, interval));
        lead.wait_state("VI", State::Master, BOUND);
        let other = Peer::start(&b, other, &config(100, interval));
        other.wait_state("VI", State::Backup, BOUND);
        let pair = Self {
            lead,
            other,
            client,
            _echoes: echoes,
            lab,
        };
        pair.wait_on("lb1");
        pair
    }

    fn wait_on(&self, host: &str) {
        wait_until(&format!("the address is on {host} alone"), BOUND, || {
            (self.lab.holders("eth0", vip()) == [host]).then_some(())
        });
    }

    /// Moves the address by `act` to `to` while the client asks; returns the longest time without an answer.
    fn moved(&self, act: impl FnOnce(), to: &str) -> Duration {
        let canary = Canary::start(Path::new(env!("CARGO_BIN_EXE_xtask")));
        let pinger = Pinger::start(&self.client, vip());
        let begin = Capture::now();
        act();
        self.wait_on(to);
        // The address answers on its new host before the client stops.
        std::thread::sleep(Duration::from_millis(100));
        let pinged = pinger.finish();
        let machine = canary.finish().between(begin, Capture::now());
        assert!(pinged.moved(), "two hosts answer, one after the other");
        let gap = pinged.longest_gap();
        println!(
            "to {to}: {} questions, {} unanswered, longest gap {gap:?}; canary {machine:?}",
            pinged.questions(),
            pinged.unanswered()
        );
        gap.saturating_sub(machine)
    }
}

fn ctl(host: &Host, words: &str) -> Finished {
    let mut arguments = vec!["vrrpctl"];
    arguments.extend(words.split(' '));
    host.run(&arguments)
}

fn must(host: &Host, words: &str) -> String {
    let finished = ctl(host, words);
    assert_eq!(finished.code, 0, "vrrpctl {words}: {}", finished.output);
    finished.output
}

/// There and back as planned, in every way that there is.
fn hand_overs(other: Daemon, interval: &str) {
    if !is_permitted() {
        return;
    }
    let pair = Pair::start(other, interval);
    let lead = pair.lead.host().clone();
    let mut gaps = Vec::new();
    let mut note = |what: &str, gap: Duration| gaps.push((what.to_owned(), gap));

    note("yield", pair.moved(|| drop(must(&lead, "yield")), "lb2"));
    let text = ctl(&lead, "why-not").output;
    assert!(
        text.contains("given way") && text.contains("yield --cancel"),
        "{text}"
    );
    // keepalived, preempted, takes the address away before the other one has it: that gap is not ours.
    let gap = pair.moved(|| drop(must(&lead, "yield --cancel")), "lb1");
    if other == Ours {
        note("preempted", gap);
    }

    note(
        "maintenance",
        pair.moved(|| drop(must(&lead, "maintenance on")), "lb2"),
    );
    let seen = status(&lead).expect("the daemon answers");
    assert_eq!(seen.routers[0].priority.effective, 1);
    let gap = pair.moved(|| drop(must(&lead, "maintenance off")), "lb1");
    if other == Ours {
        note("preempted", gap);
    }

    note(
        "forced",
        pair.moved(|| drop(must(&lead, "maintenance on --force")), "lb2"),
    );
    let gap = pair.moved(|| drop(must(&lead, "maintenance off")), "lb1");
    if other == Ours {
        note("preempted", gap);
    }

    note(
        "SIGTERM",
        pair.moved(|| assert_eq!(pair.lead.stop().code, 0), "lb2"),
    );
    for (what, gap) in &gaps {
        assert!(
            *gap <= ALLOWED,
            "{what} at {interval} s to {other:?}: no answer for {gap:?} beyond the canary's lateness; all: {gaps:?}"
        );
    }
}

#[test]
fn planned_hand_overs_to_keepalived_at_1_s_are_not_noticed() {
    hand_overs(Keepalived, "1");
}

#[test]
fn planned_hand_overs_to_keepalived_at_100_ms_are_not_noticed() {
    hand_overs(Keepalived, "0.1");
}

#[test]
fn planned_hand_overs_to_vrrpd_at_1_s_are_not_noticed() {
    hand_overs(Ours, "1");
}

#[test]
fn planned_hand_overs_to_vrrpd_at_100_ms_are_not_noticed() {
    hand_overs(Ours, "0.1");
}

/// What the client would see if nothing held the addresses: without it the tests above would show nothing.
#[test]
fn a_planned_stop_of_keepalived_is_noticed() {
    if !is_permitted() {
        return;
    }
    let mut pair = Pair::start(Keepalived, "1");
    let lead = pair.lead.host().clone();
    assert_eq!(pair.lead.stop().code, 0);
    pair.wait_on("lb2");
    pair.lead = Peer::start(&lead, Keepalived, &config(200, "1"));
    pair.wait_on("lb1");
    let gap = pair.moved(|| assert_eq!(pair.lead.stop().code, 0), "lb2");
    assert!(gap > Duration::from_millis(300), "{gap:?}");
}

/// A vrrpd alone on its segment, and a client.
fn alone(interval: &str) -> Option<(Lab, Host, Host, Peer, Echo)> {
    if !is_permitted() {
        return None;
    }
    let mut lab = Lab::new();
    lab.segment("lan");
    let host = lab.host("lb1");
    lab.link(&host, "eth0", "lan", &["10.0.0.1/24"]);
    let client = lab.host("client");
    lab.link(&client, "eth0", "lan", &["10.0.0.9/24"]);
    let echo = Echo::start(&host);
    let peer = Peer::start(&host, Ours, &config(200, interval));
    peer.wait_state("VI", State::Master, BOUND);
    wait_until("the address is there", BOUND, || {
        host.has("eth0", vip()).then_some(())
    });
    Some((lab, host, client, peer, echo))
}

#[test]
fn without_a_successor_the_address_never_leaves_and_the_command_says_so() {
    let Some((_lab, host, client, peer, _echo)) = alone("0.1") else {
        return;
    };
    let canary = Canary::start(Path::new(env!("CARGO_BIN_EXE_xtask")));
    let pinger = Pinger::start(&client, vip());
    let begin = Capture::now();
    for words in ["yield", "maintenance on"] {
        let finished = ctl(&host, words);
        assert_eq!(finished.code, 1, "{words}: {}", finished.output);
        assert!(
            finished.output.contains("nobody took over")
                && finished.output.contains("VI stays MASTER"),
            "{words}: {}",
            finished.output
        );
    }
    assert_eq!(peer.state("VI"), Some(State::Master));
    assert_eq!(status(&host).expect("the daemon answers").asked, None);
    let pinged = pinger.finish();
    let machine = canary.finish().between(begin, Capture::now());
    let gap = pinged.longest_gap();
    assert!(
        gap <= ALLOWED + machine,
        "no answer for {gap:?}, canary {machine:?}"
    );

    // Forced it leaves all the same, and stays out.
    must(&host, "maintenance on --force");
    wait_until("the address is gone", BOUND, || {
        (!host.has("eth0", vip())).then_some(())
    });
    let finished = ctl(&host, "status");
    assert_eq!(finished.code, 1, "{}", finished.output);
    assert!(
        finished.output.starts_with("MAINTENANCE BY FORCE"),
        "the first line: {}",
        finished.output
    );
    must(&host, "maintenance off");
    peer.wait_state("VI", State::Master, BOUND);
}

#[test]
fn maintenance_survives_restart_and_reload_and_is_the_last_resort_meanwhile() {
    if !is_permitted() {
        return;
    }
    let mut pair = Pair::start(Keepalived, "0.1");
    let lead = pair.lead.host().clone();
    must(&lead, "maintenance on");
    pair.wait_on("lb2");
    pair.lead.hup();
    // Restarted after kill -9: still there, and the first line.
    pair.lead.kill();
    pair.lead = Peer::start(&lead, Ours, &config(200, "0.1"));
    pair.lead.wait_state("VI", State::Backup, BOUND);
    let text = must(&lead, "status");
    assert!(text.starts_with("MAINTENANCE for"), "{text}");
    assert!(
        pair.lead.log().contains("maintenance outlasts the restart"),
        "{}",
        pair.lead.log()
    );
    let since = Capture::now();
    std::thread::sleep(Duration::from_secs(1));
    assert!(
        pair.lab.capture().adverts("lb1", since).is_empty(),
        "it preempts nobody"
    );
    // The last one there takes over, and says with its priority that anybody else is better.
    pair.other.kill();
    drop(ctl(pair.other.host(), "status"));
    pair.lead.wait_state("VI", State::Master, BOUND);
    let (_, advert) = pair
        .lab
        .capture()
        .wait_advert("lb1", since, BOUND, "an advert", |_| true);
    assert_eq!(advert.priority, 1);
    let back = pair.other.host().clone();
    back.must("ip address flush dev eth0 to 10.0.0.7");
    pair.other = Peer::start(&back, Keepalived, &config(100, "0.1"));
    pair.wait_on("lb2");
    must(&lead, "maintenance off");
    pair.wait_on("lb1");
    assert_eq!(status(&lead).expect("the daemon answers").asked, None);
    assert_eq!(pair.lead.stop().code, 0);
}

#[test]
fn giving_way_for_a_time_ends_by_itself_and_ends_when_the_peer_dies() {
    if !is_permitted() {
        return;
    }
    let pair = Pair::start(Keepalived, "0.1");
    let lead = pair.lead.host().clone();
    must(&lead, "yield --for 2s");
    pair.wait_on("lb2");
    pair.wait_on("lb1");
    assert!(
        pair.lead.log().contains("its time is up"),
        "{}",
        pair.lead.log()
    );
    must(&lead, "yield");
    pair.wait_on("lb2");
    wait_until("the log says on whose word", BOUND, || {
        pair.lead
            .log()
            .contains("explained: yield by uid 0")
            .then_some(())
    });
    pair.other.kill();
    pair.lead.wait_state("VI", State::Master, BOUND);
    wait_until("giving way is over", BOUND, || {
        status(&lead)?.asked.is_none().then_some(())
    });
}
