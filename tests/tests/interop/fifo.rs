//! Notify FIFOs: lines, order, who may read them, and the program that does.

use vrrp_tests::lab::{Daemon, Host, Lab, Peer, State, wait_until};

use crate::bench::{BOUND, INTERFACE, ip, subjects};

subjects!(
    each_event_is_a_line_with_the_name_in_quotes,
    a_fifo_belongs_to_whom_the_configuration_says_and_ends_with_the_daemon,
    the_fifo_script_gets_the_path_as_its_last_word,
);

const FIFO: &str = "/run/notify.fifo";

fn host(lab: &mut Lab) -> Host {
    let host = lab.host("host");
    for (segment, interface, address) in [
        ("lan", INTERFACE, "10.0.0.1/24"),
        ("other", "eth1", "10.1.0.1/24"),
    ] {
        lab.segment(segment);
        lab.link(&host, interface, segment, &[address]);
    }
    host
}

fn configuration(global: &str, more: &str) -> String {
    let mut text = format!("global_defs {{\n{global}\n}}\n");
    text.push_str(
        "vrrp_script chk {\n script \"/usr/bin/test -e /run/good\"\n interval 1\n weight 5\n}\n",
    );
    for (name, interface, vrid, address, lines) in [
        ("VI", INTERFACE, 51, "10.0.0.7", more),
        ("VI_2", "eth1", 52, "10.1.0.7", ""),
    ] {
        text.push_str(&format!(
            "vrrp_instance {name} {{\n interface {interface}\n version 3\n virtual_router_id {vrid}\n priority 150\n \
             advert_int 0.2\n{lines}\n virtual_ipaddress {{\n  {address}\n }}\n}}\n"
        ));
    }
    text.push_str(
        "vrrp_sync_group G {\n group {\n  VI\n  VI_2\n }\n sync_group_tracking_weight\n}\n",
    );
    text
}

/// Reads whatever comes into a file, until the writer closes.
fn read_into(host: &Host, file: &str) -> vrrp_tests::lab::Process {
    wait_until("the fifo", BOUND, || {
        (host.run(&["test", "-p", FIFO]).code == 0).then_some(())
    });
    host.spawn(&["sh", "-c", &format!("exec cat {FIFO} > {file}")])
}

fn lines(host: &Host, file: &str) -> Vec<String> {
    let text = host.read(file).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Members and their group in either order, as keepalived's own order differs at the start.
fn sorted(lines: &[String]) -> Vec<&str> {
    let mut sorted: Vec<&str> = lines.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    sorted
}

fn each_event_is_a_line_with_the_name_in_quotes(daemon: Daemon) {
    let mut lab = Lab::new();
    let host = host(&mut lab);
    let global = format!(" notify_fifo {FIFO}\n vrrp_notify_priority_changes");
    let text = configuration(&global, " track_script {\n  chk\n }");
    let peer = Peer::start(&host, daemon, &text);
    let _reader = read_into(&host, "/run/read");
    let wait = |count: usize| {
        wait_until(&format!("{count} lines"), BOUND, || {
            let lines = lines(&host, "/run/read");
            (lines.len() >= count).then_some(lines)
        })
    };
    let start = wait(6);
    assert_eq!(
        sorted(&start[..3]),
        [
            "GROUP \"G\" BACKUP 0",
            "INSTANCE \"VI\" BACKUP 150",
            "INSTANCE \"VI_2\" BACKUP 150"
        ]
    );
    assert_eq!(
        sorted(&start[3..5]),
        ["INSTANCE \"VI\" MASTER 150", "INSTANCE \"VI_2\" MASTER 150"]
    );
    assert_eq!(start[5], "GROUP \"G\" MASTER 0");
    host.write("/run/good", "", 0o644);
    assert_eq!(wait(7)[6], "INSTANCE \"VI\" MASTER_PRIORITY 155");
    lab.unplug(&host, INTERFACE);
    let down = wait(10);
    assert_eq!(
        sorted(&down[7..9]),
        ["INSTANCE \"VI\" FAULT 155", "INSTANCE \"VI_2\" FAULT 150"]
    );
    assert_eq!(down[9], "GROUP \"G\" FAULT 0");
    drop(peer);
}

fn a_fifo_belongs_to_whom_the_configuration_says_and_ends_with_the_daemon(daemon: Daemon) {
    let mut lab = Lab::new();
    let host = host(&mut lab);
    let other = "/run/other.fifo";
    let global = format!(" notify_fifo {FIFO}\n vrrp_notify_fifo {other} nobody");
    let peer = Peer::start(&host, daemon, &configuration(&global, ""));
    peer.wait_state("VI", State::Master, BOUND);
    let shown = host.run(&["stat", "-c", "%F %a %U", FIFO, other]);
    assert_eq!(shown.output, "fifo 600 root\nfifo 600 nobody\n");
    assert_eq!(peer.stop().code, 0);
    for path in [FIFO, other] {
        assert_ne!(
            host.run(&["test", "-e", path]).code,
            0,
            "{path} is left behind"
        );
    }
}

fn the_fifo_script_gets_the_path_as_its_last_word(daemon: Daemon) {
    let mut lab = Lab::new();
    let host = host(&mut lab);
    host.write(
        "/etc/keepalived/reader.sh",
        "#!/bin/sh\necho \"$*\" > /run/words\nexec cat \"$3\" > /run/read\n",
        0o755,
    );
    let global = format!(
        " vrrp_notify_fifo {FIFO}\n vrrp_notify_fifo_script \"/etc/keepalived/reader.sh one two\""
    );
    let peer = Peer::start(&host, daemon, &configuration(&global, ""));
    peer.wait_state("VI", State::Master, BOUND);
    wait_until("its lines", BOUND, || {
        (lines(&host, "/run/read").len() >= 6).then_some(())
    });
    assert_eq!(lines(&host, "/run/words"), [format!("one two {FIFO}")]);
    wait_until("the address", BOUND, || {
        host.has(INTERFACE, ip("10.0.0.7")).then_some(())
    });
    assert_eq!(peer.stop().code, 0);
    if daemon == Daemon::Ours {
        // keepalived ends the reader before it writes these.
        let read = lines(&host, "/run/read");
        assert_eq!(
            read[6..],
            [
                "INSTANCE \"VI\" STOP 150",
                "INSTANCE \"VI_2\" STOP 150",
                "GROUP \"G\" STOP 0"
            ],
            "{read:?}"
        );
    }
}
