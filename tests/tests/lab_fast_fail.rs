//! `--fast-fail`: the tracked process of a MASTER dies, and a keepalived beside it takes over at the protocol's limit.

use std::time::Duration;

use nix::sys::signal::Signal;
use vrrp_tests::lab::{
    CONFIGURATION, Capture, Daemon, Host, Lab, Peer, Process, State, is_permitted, status,
    wait_until,
};

const BOUND: Duration = Duration::from_secs(20);
const SERVICE: &str = "/tmp/service";
/// (256 − 102) / 256 s: what the peer waits after a goodbye.
const SKEW: Duration = Duration::from_micros(601_562);
/// The script would not run again for this long.
const SCRIPT: u64 = 10;

fn config(priority: u8) -> String {
    format!(
        "vrrp_script chk {{\n script \"/usr/bin/killall -0 service\"\n interval {SCRIPT}\n weight 2\n}}\n\
         vrrp_instance VI {{\n interface eth0\n virtual_router_id 51\n priority {priority}\n advert_int 1\n \
         track_script {{\n chk\n }}\n virtual_ipaddress {{\n 10.0.0.7\n }}\n}}\n"
    )
}

fn service(host: &Host) -> Process {
    host.must(&format!("cp /bin/sleep {SERVICE}"));
    host.spawn(&[SERVICE, "600"])
}

#[test]
fn the_end_of_the_tracked_process_moves_the_address_to_keepalived_without_waiting_for_the_script() {
    if !is_permitted() {
        return;
    }
    let mut lab = Lab::new();
    lab.segment("lan");
    let (a, b) = (lab.host("lb1"), lab.host("lb2"));
    lab.link(&a, "eth0", "lan", &["10.0.0.1/24"]);
    lab.link(&b, "eth0", "lan", &["10.0.0.2/24"]);
    let (ours, _theirs) = (service(&a), service(&b));
    a.write(CONFIGURATION, &config(101), 0o644);
    let lead = a.spawn(&[
        "vrrpd",
        "-n",
        "-l",
        "-D",
        "-f",
        CONFIGURATION,
        "--fast-fail",
        "--peer-priority",
        "102",
        "--run-dir",
        "/run/vrrpd",
        "--journal-dir",
        "/run/journal",
    ]);
    wait_until("lb1 is MASTER with the weight of its script", BOUND, || {
        let status = status(&a)?;
        let router = status.routers.first()?;
        (router.state == State::Master && router.priority.effective == 103).then_some(())
    });
    let peer = Peer::start(&b, Daemon::Keepalived, &config(100));
    peer.wait_state("VI", State::Backup, BOUND);

    let killed = Capture::now();
    ours.signal(Signal::SIGKILL);
    let _ = ours.wait(BOUND);
    let (goodbye, _) = lab
        .capture()
        .wait_advert("lb1", killed, BOUND, "priority 0", |advert| {
            advert.priority == 0
        });
    let (taken, advert) = lab
        .capture()
        .wait_advert("lb2", killed, BOUND, "an advert", |_| true);
    assert_eq!(advert.priority, 102);
    println!(
        "goodbye {:?} after the end of the process, taken over after {:?}",
        goodbye - killed,
        taken - killed
    );
    assert!(
        goodbye - killed < Duration::from_secs(1),
        "the script ran {:?} after the end of the process; its next turn is every {SCRIPT} s",
        goodbye - killed
    );
    assert!(
        taken - goodbye >= SKEW - Duration::from_millis(30)
            && taken - goodbye < SKEW + Duration::from_millis(400),
        "{:?} after the goodbye",
        taken - goodbye
    );
    wait_until("the address is on lb2 alone", BOUND, || {
        (lab.holders("eth0", [10, 0, 0, 7].into()) == ["lb2"]).then_some(())
    });
    let text = a.run(&[
        "vrrpctl",
        "explain",
        "--last",
        "--journal-dir",
        "/run/journal",
    ]);
    assert!(text.output.contains("chk"), "{}", text.output);
    lead.signal(Signal::SIGTERM);
    assert_eq!(lead.wait(BOUND).code, 0);
}
