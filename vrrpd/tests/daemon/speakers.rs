//! One speaker for a router (safety rule 10).

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::host::{Host, VRRPD, eventually, fast};
use nix::sys::signal::Signal;

#[test]
fn a_second_daemon_for_a_router_is_refused_and_told_who_the_first_is() {
    let Some(host) = Host::new() else { return };
    let config = host.write("keepalived.conf", &fast("", ""));
    let first = host.daemon(&config);
    first.says("Startup complete");
    let pid = format!("pid {}", first.pid());
    // With the same run directory by its lock, with another one by the router's claim.
    for run_dir in ["run", "other"] {
        let output = host
            .command(VRRPD)
            .args(["-n", "-l", "-G", "-f"])
            .arg(&config)
            .arg("--run-dir")
            .arg(host.path(run_dir))
            .arg("--journal-dir")
            .arg(host.path(&format!("journal-of-{run_dir}")))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(3), "{text}");
        assert!(text.contains(&pid), "{text}");
    }
    first.says("Entering MASTER STATE");
}

#[test]
fn another_user_cannot_keep_the_daemon_from_starting_by_taking_a_router_s_name() {
    let Some(host) = Host::new() else { return };
    let taken = host.path("taken");
    fs::set_permissions(&host.scratch, fs::Permissions::from_mode(0o777)).unwrap();
    let script = format!(
        "socket(S, PF_UNIX, SOCK_STREAM, 0) or die; \
         bind(S, pack_sockaddr_un(\"\\0vrrpd/eth0/ipv4/51\")) or die; listen(S, 1) or die; \
         open(F, '>', '{}') or die; print F \"ok\\n\"; close F; sleep 600",
        taken.display()
    );
    let mut squatter = host
        .command("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .args(["perl", "-MSocket", "-e", &script])
        .spawn()
        .unwrap();
    eventually("the name taken", || taken.exists().then_some(()));
    let config = host.write("keepalived.conf", &fast("", ""));
    let mut daemon = host.daemon(&config);
    daemon.says("cannot be claimed against a second vrrpd: user 65534 has its name");
    daemon.says("Entering MASTER STATE");
    assert_eq!(daemon.stop(), 0);
    squatter.kill().unwrap();
    squatter.wait().unwrap();
}

#[test]
fn a_daemon_beside_a_keepalived_is_refused_but_not_beside_its_checkers() {
    let Some(host) = Host::new() else { return };
    let keepalived = host.script("keepalived", "#!/bin/sh\nsleep 100\n");
    let config = host.write("keepalived.conf", &fast("", ""));
    for (words, code) in [(&["-n", "-P"][..], 3), (&["-nC"][..], 0)] {
        let mut other = host
            .command(keepalived.to_str().unwrap())
            .args(words)
            .spawn()
            .unwrap();
        eventually("a process named keepalived", || {
            let name = fs::read_to_string(format!("/proc/{}/comm", other.id())).unwrap_or_default();
            (name.trim() == "keepalived").then_some(())
        });
        let mut daemon = host.daemon(&config);
        if code == 0 {
            daemon.says("Startup complete");
            daemon.signal(Signal::SIGTERM);
        }
        let ended = daemon.ends();
        let log = daemon.log();
        let pid = other.id();
        other.kill().unwrap();
        other.wait().unwrap();
        assert_eq!(ended, code, "{log}");
        if code == 3 {
            assert!(log.contains(&format!("keepalived (pid {pid})")), "{log}");
        }
    }
}
