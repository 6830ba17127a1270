//! Called by keepalived's name: its lines in the log, its files in /run.

use std::fmt::Write as _;

use vrrp_tests::lab::{CONFIGURATION, Daemon, Host, Lab, Process, wait_until};

use crate::bench::{BOUND, Config, INTERFACE, ip, subjects};

subjects!(
    monitoring_finds_keepalived_s_lines_byte_for_byte,
    process_ids_stand_where_keepalived_s_users_look,
);

/// Starts a daemon as `keepalived`, without options that an ordinary unit does not have, but for a console to read.
fn start(lab: &mut Lab, daemon: Daemon, text: &str) -> (Host, Process) {
    let host = lab.host("host");
    lab.segment("lan");
    lab.link(&host, INTERFACE, "lan", &["10.0.0.1/24"]);
    host.write(CONFIGURATION, text, 0o644);
    let process = match daemon {
        Daemon::Keepalived => host.spawn(&["keepalived", "-n", "-l", "-G", "-P"]),
        Daemon::Ours => {
            host.write("/run/ours/here", "", 0o644);
            host.must("ln -s /run/programs/vrrpd /run/ours/keepalived");
            let journal = ["--journal-dir", "/run/vrrpd-journal"];
            let words = ["/run/ours/keepalived", "-n", "-l", "-G", "-P"];
            host.spawn(&[&words[..], &journal].concat())
        }
    };
    (host, process)
}

/// The lines without their times.
fn said(process: &Process) -> Vec<String> {
    let log = process.log();
    let lines = log.lines().filter_map(|line| line.get(26..));
    lines.map(str::to_owned).collect()
}

fn wait_said(process: &Process, line: &str, times: usize) {
    wait_until(&format!("{times} times '{line}'"), BOUND, || {
        let said = said(process);
        let found = said.iter().filter(|known| *known == line);
        (found.count() >= times).then_some(())
    });
}

fn monitoring_finds_keepalived_s_lines_byte_for_byte(daemon: Daemon) {
    let mut lab = Lab::new();
    let mut text = String::from(
        "vrrp_script chk {\n    script \"/usr/bin/test -e /run/good\"\n    interval 1\n    weight -20\n}\n",
    );
    let config = Config::v3(150).line("track_script {\n chk\n }");
    let _ = write!(text, "{}", config.text());
    let text = text.replace("    notify /etc/keepalived/notify.sh\n", "");
    let (host, process) = start(&mut lab, daemon, &text);
    wait_said(&process, "(VI) Entering BACKUP STATE (init)", 1);
    wait_said(&process, "(VI) Entering MASTER STATE", 1);
    wait_said(&process, "Startup complete", 1);
    wait_said(&process, "Script `chk` now returning 1", 1);
    wait_said(
        &process,
        "VRRP_Script(chk) failed (exited with status 1)",
        1,
    );
    wait_said(
        &process,
        "(VI) Changing effective priority from 150 to 130",
        1,
    );
    host.write("/run/good", "", 0o644);
    wait_said(&process, "Script `chk` now returning 0", 1);
    wait_said(&process, "VRRP_Script(chk) succeeded", 1);
    wait_said(
        &process,
        "(VI) Changing effective priority from 130 to 150",
        1,
    );
    lab.unplug(&host, INTERFACE);
    wait_said(&process, "Netlink reports eth0 down", 1);
    wait_said(&process, "(VI) Entering FAULT STATE", 1);
    lab.plug(&host, INTERFACE);
    wait_said(&process, "Netlink reports eth0 up", 1);
    wait_said(&process, "(VI) Entering BACKUP STATE", 1);
    wait_said(&process, "(VI) Entering MASTER STATE", 2);
    host.must("sh -c kill$IFS-HUP$IFS$(cat$IFS/run/keepalived.pid)");
    wait_said(&process, "Reloading ...", 1);
    host.must("sh -c kill$IFS-TERM$IFS$(cat$IFS/run/keepalived.pid)");
    let _ = process.wait(BOUND);
    wait_said(&process, "Stopping", 1);
}

fn process_ids_stand_where_keepalived_s_users_look(daemon: Daemon) {
    let mut lab = Lab::new();
    let text = Config::v3(150).text();
    let text = text.replace("    notify /etc/keepalived/notify.sh\n", "");
    let (host, process) = start(&mut lab, daemon, &text);
    for file in ["/run/keepalived.pid", "/run/vrrp.pid"] {
        let pid = wait_until(file, BOUND, || {
            host.read(file).filter(|text| text.ends_with('\n'))
        });
        host.must(&format!("kill -0 {}", pid.trim()));
        let shown = host.run(&["stat", "-c", "%a %U", file]);
        assert_eq!(shown.output, "644 root\n", "{file}");
    }
    wait_until("its address", BOUND, || {
        host.has(INTERFACE, ip("10.0.0.7")).then_some(())
    });
    host.must("sh -c kill$IFS-TERM$IFS$(cat$IFS/run/keepalived.pid)");
    assert_eq!(process.wait(BOUND).code, 0);
    for file in ["/run/keepalived.pid", "/run/vrrp.pid"] {
        assert_eq!(host.read(file), None, "{file}");
    }
}
