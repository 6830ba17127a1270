//! Who did it: signals, commands, addresses and links are laid at the right door or at none.

use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::host::{Daemon, Host, eventually, fast};

/// The line of the log that holds this text.
fn line(daemon: &Daemon<'_>, text: &str) -> String {
    daemon.says(text);
    let log = daemon.log();
    let found = log.lines().find(|line| line.contains(text));
    found.unwrap_or_default().to_owned()
}

#[test]
fn a_signal_s_sender_is_named_when_it_was_there_before_and_is_there_still() {
    let Some(host) = Host::new() else { return };
    let config = host.write("keepalived.conf", &fast("", ""));
    let mut daemon = host.daemon(&config);
    daemon.says("Entering MASTER STATE");
    // The shell's own kill: it waits long enough to be known, and stays for a while.
    let script = format!("sleep 1; kill -TERM {}; sleep 5", daemon.pid());
    let mut shell = Command::new("sh").arg("-c").arg(script).spawn().unwrap();
    let told = line(&daemon, "Stopping: SIGTERM");
    let pid = shell.id();
    let _ = shell.kill();
    let _ = shell.wait();
    assert!(
        told.contains(&format!("SIGTERM from sh (pid {pid}, uid 0)")),
        "{told}"
    );
    assert_eq!(daemon.ends(), 0);
}

#[test]
fn a_sender_that_came_for_the_signal_only_keeps_its_number_and_no_wrong_name() {
    let Some(host) = Host::new() else { return };
    let config = host.write("keepalived.conf", &fast("", ""));
    let mut daemon = host.daemon(&config);
    daemon.says("Entering MASTER STATE");
    let pid = daemon.pid().to_string();
    let mut program = Command::new("/bin/kill")
        .args(["-HUP", &pid])
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let sender = program.id();
    program.wait().unwrap();
    let told = line(&daemon, "SIGHUP from");
    let unnamed = format!("SIGHUP from pid {sender} (uid 0)");
    let named = format!("SIGHUP from kill (pid {sender}, uid 0)");
    assert!(told.contains(&unnamed) || told.contains(&named), "{told}");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn what_sigqueue_says_about_its_sender_is_not_believed() {
    let Some(host) = Host::new() else { return };
    let config = host.write("keepalived.conf", &fast("", ""));
    let mut daemon = host.daemon(&config);
    daemon.says("Entering MASTER STATE");
    let pid = daemon.pid().to_string();
    // util-linux' kill sends a value by sigqueue.
    let sent = Command::new("/bin/kill")
        .args(["--queue", "7", "-HUP", &pid])
        .status();
    if !sent.is_ok_and(|status| status.success()) {
        crate::host::skipped("this kill has no --queue");
        return;
    }
    let told = line(&daemon, "SIGHUP");
    assert!(told.ends_with("SIGHUP"), "{told}");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn an_address_s_remover_is_named_right_or_not_at_all() {
    let Some(host) = Host::new() else { return };
    let config = host.write("keepalived.conf", &fast("", ""));
    let mut daemon = host.daemon(&config);
    daemon.says("Entering MASTER STATE");
    eventually("the address", || host.has("10.9.0.7").then_some(()));
    let mut program = host
        .command("ip")
        .args(["address", "del", "10.9.0.7/24", "dev", "eth0"])
        .spawn()
        .unwrap();
    let pid = program.id();
    assert!(program.wait().unwrap().success());
    let told = line(&daemon, "10.9.0.7 was removed by");
    let named = format!("by ip (pid {pid})");
    let unnamed = format!("netlink port id {pid}, owner unknown");
    assert!(told.contains(&named) || told.contains(&unnamed), "{told}");
    daemon.says("10.9.0.7 was put back");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_link_that_was_set_down_and_one_without_carrier_are_told_apart() {
    let Some(host) = Host::new() else { return };
    let config = host.write("keepalived.conf", &fast("", ""));
    let mut daemon = host.daemon(&config);
    daemon.says("Entering MASTER STATE");
    host.output("ip", &["link", "set", "peer0", "down"]);
    daemon.says("Netlink reports eth0 down: it has no carrier");
    host.output("ip", &["link", "set", "peer0", "up"]);
    daemon.says_times("Entering MASTER STATE", 2);
    host.output("ip", &["link", "set", "eth0", "down"]);
    let told = line(&daemon, "Netlink reports eth0 down: it was set down");
    // The kernel does not tell by whom, so nobody is named.
    assert!(!told.contains("pid"), "{told}");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_command_s_client_is_named() {
    let Some(host) = Host::new() else { return };
    let config = host.write("keepalived.conf", &fast("", ""));
    let mut daemon = host.daemon(&config);
    daemon.says("Entering MASTER STATE");
    crate::life::ask(&host, vrrp_record::control::Command::Reload);
    let own = std::process::id();
    let comm = std::fs::read_to_string("/proc/self/comm").unwrap();
    let named = format!("uid 0 ({}, pid {own}) asked for reload", comm.trim());
    daemon.says(&named);
    assert_eq!(daemon.stop(), 0);
}

/// Somebody who stops the daemon for a while does not make another process the sender.
#[test]
fn a_signal_that_waited_while_the_daemon_was_stopped_names_nobody_younger() {
    let Some(host) = Host::new() else { return };
    let config = host.write("keepalived.conf", &fast("", ""));
    let mut daemon = host.daemon(&config);
    daemon.says("Entering MASTER STATE");
    let pid = daemon.pid();
    kill(pid, Signal::SIGSTOP).unwrap();
    // Younger than the last look of the daemon: it cannot be sure of it.
    let script = format!("kill -HUP {pid}; sleep 3");
    let mut shell = Command::new("sh").arg("-c").arg(script).spawn().unwrap();
    eventually("the signal waits", || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let pending = status
            .lines()
            .find_map(|line| line.strip_prefix("ShdPnd:"))?;
        // SIGHUP is the lowest bit.
        let bits = u64::from_str_radix(pending.trim(), 16).ok()?;
        (bits & 1 == 1).then_some(())
    });
    kill(Pid::from_raw(pid.as_raw()), Signal::SIGCONT).unwrap();
    let told = line(&daemon, "SIGHUP from");
    let unnamed = format!("SIGHUP from pid {} (uid 0)", shell.id());
    let _ = shell.kill();
    let _ = shell.wait();
    assert!(told.contains(&unnamed), "{told}");
    assert_eq!(daemon.stop(), 0);
}

/// The daemon's own user may not look at root's descriptors; its runner may.
#[test]
fn a_living_remover_is_named_although_the_daemon_runs_as_its_own_user() {
    let user = "cp /etc/passwd passwd; echo vrrpd:x:64999:64999::/:/bin/false >> passwd\n\
                cp /etc/group group; echo vrrpd:x:64999: >> group\n\
                mount --bind passwd /etc/passwd; mount --bind group /etc/group";
    let Some(host) = Host::with(user) else { return };
    let config = host.write("keepalived.conf", &fast("", ""));
    let mut daemon = host.daemon(&config);
    daemon.says("runs as user vrrpd (uid 64999)");
    daemon.says("Entering MASTER STATE");
    eventually("the address", || host.has("10.9.0.7").then_some(()));
    // It keeps its socket until its input ends.
    let mut program = host
        .command("ip")
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = program.stdin.take().unwrap();
    // Older than what it does, by more than the kernel's coarse start times.
    std::thread::sleep(std::time::Duration::from_millis(200));
    std::io::Write::write_all(&mut input, b"address del 10.9.0.7/24 dev eth0\n").unwrap();
    let told = line(&daemon, "10.9.0.7 was removed by");
    let pid = program.id();
    drop(input);
    program.wait().unwrap();
    assert!(told.contains(&format!("by ip (pid {pid})")), "{told}");
    assert_eq!(daemon.stop(), 0);
}
