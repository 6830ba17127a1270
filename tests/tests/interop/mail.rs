//! Mail on changes of state: when, to whom, with which subject and text.

use vrrp_tests::lab::{Daemon, Host, Lab, Mailbox, Peer, State, is_permitted, wait_until};

use crate::bench::{BOUND, INTERFACE, subjects};

subjects!(
    changes_of_state_are_mailed_with_keepalived_s_subjects,
    mail_about_faults_can_be_left_out,
);

const PORT: u16 = 2525;

fn host(lab: &mut Lab) -> Host {
    let host = lab.host("host");
    lab.segment("lan");
    lab.link(&host, INTERFACE, "lan", &["10.0.0.1/24"]);
    lab.segment("post");
    lab.link(&host, "eth1", "post", &["10.1.0.1/24"]);
    host
}

fn configuration(global: &str) -> String {
    format!(
        "global_defs {{\n router_id lb01\n notification_email {{\n  a@example.org\n  b@example.org\n }}\n \
         notification_email_from lb01@example.org\n smtp_server 10.1.0.1 {PORT}\n smtp_connect_timeout 5\n{global}\n}}\n\
         vrrp_instance VI {{\n interface eth0\n version 3\n virtual_router_id 51\n priority 150\n advert_int 0.2\n \
         smtp_alert\n virtual_ipaddress {{\n  10.0.0.7\n }}\n}}\n\
         vrrp_instance SILENT {{\n interface eth0\n version 3\n virtual_router_id 52\n priority 150\n \
         advert_int 0.2\n virtual_ipaddress {{\n  10.0.0.8\n }}\n}}\n"
    )
}

fn subjects_of(mailbox: &Mailbox) -> Vec<String> {
    let letters = mailbox.letters();
    letters
        .iter()
        .map(|letter| letter.header("Subject").to_owned())
        .collect()
}

fn wait_subjects(mailbox: &Mailbox, wanted: &[&str]) {
    wait_until(&format!("{wanted:?}"), BOUND, || {
        (subjects_of(mailbox) == wanted).then_some(())
    });
}

fn changes_of_state_are_mailed_with_keepalived_s_subjects(daemon: Daemon) {
    let mut lab = Lab::new();
    let host = host(&mut lab);
    let mailbox = Mailbox::start(&host, PORT, 0);
    let peer = Peer::start(&host, daemon, &configuration(""));
    peer.wait_state("VI", State::Master, BOUND);
    wait_subjects(
        &mailbox,
        &[
            "[lb01] VRRP Instance VI - Entering BACKUP state",
            "[lb01] VRRP Instance VI - Entering MASTER state",
        ],
    );
    lab.unplug(&host, INTERFACE);
    peer.wait_state("VI", State::Fault, BOUND);
    wait_subjects(
        &mailbox,
        &[
            "[lb01] VRRP Instance VI - Entering BACKUP state",
            "[lb01] VRRP Instance VI - Entering MASTER state",
            "[lb01] VRRP Instance VI - Entering FAULT state",
        ],
    );
    let letters = mailbox.letters();
    let texts = ["no longer", "now", "no longer"]
        .map(|how| format!("=> VRRP Instance is {how} owning VRRP VIPs <="));
    for (letter, text) in letters.iter().zip(texts) {
        assert_eq!(letter.from, "lb01@example.org");
        assert_eq!(letter.to, ["a@example.org", "b@example.org"]);
        assert_eq!(letter.header("From"), "lb01@example.org");
        assert_eq!(letter.header("To"), "a@example.org, b@example.org");
        assert_eq!(letter.header("X-Mailer"), "Keepalived");
        assert!(letter.header("Date").contains(" +0000"), "{letter:?}");
        assert_eq!(letter.body, [text]);
    }
    drop(peer);
}

fn mail_about_faults_can_be_left_out(daemon: Daemon) {
    let mut lab = Lab::new();
    let host = host(&mut lab);
    let mailbox = Mailbox::start(&host, PORT, 0);
    let peer = Peer::start(&host, daemon, &configuration(" no_email_faults"));
    peer.wait_state("VI", State::Master, BOUND);
    lab.unplug(&host, INTERFACE);
    peer.wait_state("VI", State::Fault, BOUND);
    lab.plug(&host, INTERFACE);
    wait_subjects(
        &mailbox,
        &[
            "[lb01] VRRP Instance VI - Entering BACKUP state",
            "[lb01] VRRP Instance VI - Entering MASTER state",
            "[lb01] VRRP Instance VI - Entering BACKUP state",
            "[lb01] VRRP Instance VI - Entering MASTER state",
        ],
    );
    drop(peer);
}

/// keepalived tries once and forgets; and what it mails on its way out is not delivered.
#[test]
fn our_mail_is_tried_again_and_the_last_letter_is_delivered() {
    if !is_permitted() {
        return;
    }
    let mut lab = Lab::new();
    let host = host(&mut lab);
    let mailbox = Mailbox::start(&host, PORT, 1);
    let peer = Peer::start(&host, Daemon::Ours, &configuration(""));
    peer.wait_state("VI", State::Master, BOUND);
    wait_subjects(
        &mailbox,
        &[
            "[lb01] VRRP Instance VI - Entering BACKUP state",
            "[lb01] VRRP Instance VI - Entering MASTER state",
        ],
    );
    assert_eq!(peer.stop().code, 0);
    assert_eq!(
        subjects_of(&mailbox).last().map(String::as_str),
        Some("[lb01] VRRP Instance VI - Stopping")
    );
}
