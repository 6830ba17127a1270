//! The flight recorder of a whole daemon: what is left of it after kill -9, and after its directory was removed.

use std::path::Path;
use std::time::Duration;

use vrrp_record::history::Sent;
use vrrp_record::ring::{Ended, Reading, read};
use vrrp_tests::lab::{Capture, Daemon, Host, Lab, Peer, State, is_permitted, wait_until};

const BOUND: Duration = Duration::from_secs(20);
/// What a peer tolerates at least: three intervals. By the kernel's stamps.
const PATIENCE: Duration = Duration::from_millis(300);

fn config(priority: u8) -> String {
    format!(
        "vrrp_instance VI {{\n interface eth0\n version 3\n virtual_router_id 51\n priority {priority}\n advert_int 0.1\n \
         virtual_ipaddress {{\n 10.0.0.7\n }}\n}}\n"
    )
}

/// What the recorder of a host holds now.
fn recorder(host: &Host, name: &str) -> Reading {
    let path = Path::new("run/vrrpd").join(name);
    let bytes = std::fs::read(host.root().join(path)).expect("a flight recorder");
    read(&bytes).expect("a readable flight recorder")
}

fn is_whole(sent: &Sent) -> bool {
    sent.settled && sent.queued.is_some() && sent.left.is_some()
}

#[test]
fn after_kill_9_every_advert_of_both_sides_is_there_and_the_next_run_tells() {
    if !is_permitted() {
        return;
    }
    let mut lab = Lab::new();
    lab.segment("lan");
    let (a, b) = (lab.host("lb1"), lab.host("lb2"));
    lab.link(&a, "eth0", "lan", &["10.0.0.1/24"]);
    lab.link(&b, "eth0", "lan", &["10.0.0.2/24"]);
    let high = Peer::start(&a, Daemon::Ours, &config(200));
    let low = Peer::start(&b, Daemon::Ours, &config(100));
    high.wait_state("VI", State::Master, BOUND);
    low.wait_state("VI", State::Backup, BOUND);
    wait_until("forty adverts", BOUND, || {
        (recorder(&a, "flight.ring").history.sent.len() >= 40).then_some(())
    });
    high.kill();
    low.wait_state("VI", State::Master, BOUND);

    let dead = recorder(&a, "flight.ring");
    assert_eq!(dead.damaged, 0);
    assert!(
        matches!(dead.ended, Ended::Unknown(Some(_))),
        "{:?}",
        dead.ended
    );
    let sent = &dead.history.sent;
    assert!(
        sent.windows(2).all(|pair| pair[1].id == pair[0].id + 1),
        "numbers are contiguous"
    );
    assert!(
        !dead.history.samples.is_empty(),
        "counters of the host are there, too"
    );
    let events = &dead.history.events;
    assert!(
        events
            .iter()
            .any(|one| one.event.kind.name() == "transition")
    );
    // The very last one may have been on its way.
    let whole = sent.iter().filter(|advert| is_whole(advert)).count();
    assert!(whole + 1 >= sent.len(), "{whole} of {}", sent.len());
    let heard = recorder(&b, "flight.ring").history.received;
    let last = heard.last().and_then(|advert| advert.id).expect("a number");
    assert_eq!(
        sent.iter()
            .rfind(|advert| advert.left.is_some())
            .unwrap()
            .id,
        last
    );
    for advert in &heard {
        assert!(advert.arrived.is_some_and(|arrived| arrived <= advert.read));
    }

    let again = Peer::start(&a, Daemon::Ours, &config(200));
    again.wait_state("VI", State::Master, BOUND);
    assert!(
        again.log().contains("ended without a goodbye"),
        "{}",
        again.log()
    );
    assert_eq!(
        recorder(&a, "flight.ring.previous").history.sent.len(),
        sent.len()
    );
    again.stop();
    assert!(matches!(recorder(&a, "flight.ring").ended, Ended::Clean(_)));
}

#[test]
fn a_removed_run_directory_is_told_and_adverts_go_on() {
    if !is_permitted() {
        return;
    }
    let mut lab = Lab::new();
    lab.segment("lan");
    let a = lab.host("lb1");
    lab.link(&a, "eth0", "lan", &["10.0.0.1/24"]);
    let daemon = Peer::start(&a, Daemon::Ours, &config(200));
    daemon.wait_state("VI", State::Master, BOUND);
    let since = Capture::now();
    assert_eq!(a.run(&["rm", "-rf", "/run/vrrpd"]).code, 0);
    wait_until("the warning", BOUND, || {
        daemon
            .log()
            .contains("flight.ring was removed")
            .then_some(())
    });
    let adverts = wait_until("twenty adverts", BOUND, || {
        let adverts = lab.capture().adverts("lb1", since);
        (adverts.len() >= 20).then_some(adverts)
    });
    for pair in adverts.windows(2) {
        let gap = pair[1].0.saturating_sub(pair[0].0);
        assert!(gap < PATIENCE, "{gap:?}");
    }
    assert_eq!(daemon.stop().code, 0);
}
