//! As a service manager runs it: without root, with a runner of its own unit, and with a watchdog; and what is left to do
//! when it gives up.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::host::{Daemon, Host, PATIENCE, VRRPD, eventually, fast};
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use socket2::{Domain, SockAddr, Socket, Type};

/// Nobody in particular.
const USER: u32 = 65_534;

/// What vrrpd-runner.socket does, for one connection.
fn activate(host: &Host, path: &Path) -> std::thread::JoinHandle<Child> {
    let listener = Socket::new(Domain::UNIX, Type::SEQPACKET, None).unwrap();
    listener.bind(&SockAddr::unix(path).unwrap()).unwrap();
    listener.listen(1).unwrap();
    std::os::unix::fs::chown(path, Some(USER), None).unwrap();
    let mut command = host.command(VRRPD);
    std::thread::spawn(move || {
        let (connection, _) = listener.accept().unwrap();
        command
            .arg("@runner")
            .stdin(Stdio::from(OwnedFd::from(connection)))
            .spawn()
            .unwrap()
    })
}

/// A daemon with the rights that the unit gives it.
fn unprivileged<'a>(host: &'a Host, config: &Path, socket: &Path) -> Daemon<'a> {
    for directory in ["run", "journal-run"] {
        fs::create_dir_all(host.path(directory)).unwrap();
        std::os::unix::fs::chown(host.path(directory), Some(USER), Some(USER)).unwrap();
    }
    let (user, rights) = (USER.to_string(), "-all,+net_admin,+net_raw");
    let mut command = host.command("setpriv");
    command
        .args(["--reuid", &user, "--regid", &user, "--clear-groups"])
        .arg(format!("--inh-caps={rights}"))
        .arg(format!("--ambient-caps={rights}"))
        .arg(format!("--bounding-set={rights}"))
        .arg(VRRPD);
    host.daemon_by(command, config, "run", |command| {
        command.arg("--runner").arg(socket);
    })
}

#[test]
fn a_daemon_that_never_was_root_has_programs_run_by_a_runner_that_is() {
    let Some(host) = Host::new() else { return };
    let (socket, out) = (host.path("runner.socket"), host.path("uid"));
    let runner = activate(&host, &socket);
    let id = host.script("id.sh", &format!("#!/bin/sh\nid -u > {}\n", out.display()));
    let config = fast("", &format!("notify_master {}", id.display()));
    let config = host.write("keepalived.conf", &config);
    // Only root may read it, and the runner is who does.
    fs::set_permissions(&config, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let mut daemon = unprivileged(&host, &config, &socket);
    daemon.says("runs as uid 65534");
    daemon.says("Entering MASTER STATE");
    eventually("the virtual address", || host.has("10.9.0.7").then_some(()));
    let uid = eventually("the notify program's word", || {
        fs::read_to_string(&out)
            .ok()
            .filter(|text| text.ends_with('\n'))
    });
    assert_eq!(uid, "0\n");
    let mut runner = runner.join().unwrap();
    assert_eq!(daemon.stop(), 0, "{}", daemon.log());
    assert!(!host.has("10.9.0.7"));
    assert!(runner.wait().unwrap().success(), "it ends with the daemon");
}

#[test]
fn a_keepalived_of_root_is_seen_by_the_runner_where_the_daemon_cannot_look() {
    let Some(host) = Host::new() else { return };
    let socket = host.path("runner.socket");
    let keepalived = host.path("keepalived");
    fs::copy("/bin/sleep", &keepalived).unwrap();
    let mut keepalived = host
        .command(keepalived.to_str().unwrap())
        .arg("600")
        .spawn()
        .unwrap();
    let pid = keepalived.id();
    eventually("the other program's name", || {
        let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        (comm.trim() == "keepalived").then_some(())
    });
    let runner = activate(&host, &socket);
    let config = host.write("keepalived.conf", &fast("", ""));
    let mut daemon = unprivileged(&host, &config, &socket);
    let code = daemon.ends();
    keepalived.kill().unwrap();
    keepalived.wait().unwrap();
    runner.join().unwrap().wait().unwrap();
    assert_eq!(code, 3, "{}", daemon.log());
    assert!(daemon.log().contains(&format!("keepalived (pid {pid})")));
}

#[test]
fn a_socket_without_a_runner_behind_it_is_told_with_the_remedy() {
    let Some(host) = Host::new() else { return };
    let config = host.write("keepalived.conf", &fast("", ""));
    let mut daemon = unprivileged(&host, &config, &host.path("nobody.socket"));
    assert_eq!(daemon.ends(), 1);
    assert!(daemon.log().contains("is vrrpd-runner.socket started?"));
}

/// The thread of the daemon that has this name.
fn thread(daemon: &Daemon<'_>, name: &str) -> Pid {
    let tasks = fs::read_dir(format!("/proc/{}/task", daemon.pid())).unwrap();
    let mut tasks = tasks.map(|task| task.unwrap().path());
    let task = tasks
        .find(|task| fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim() == name))
        .unwrap();
    Pid::from_raw(task.file_name().unwrap().to_str().unwrap().parse().unwrap())
}

#[test]
fn the_watchdog_is_fed_by_the_engine_s_progress_and_starves_without_it() {
    let Some(host) = Host::new() else { return };
    let path = host.path("manager");
    let manager = UnixDatagram::bind(&path).unwrap();
    let fed_within = |bound: Duration| {
        manager.set_read_timeout(Some(bound)).unwrap();
        let mut buffer = [0; 1024];
        while let Ok(length) = manager.recv(&mut buffer) {
            if buffer[..length] == *b"WATCHDOG=1" {
                return true;
            }
        }
        false
    };
    let config = host.write("keepalived.conf", &fast("", ""));
    let mut daemon = host.daemon_with(&config, "run", |command| {
        command
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "4000000");
    });
    for _ in 0..3 {
        assert!(fed_within(PATIENCE));
    }
    // The engine alone is stopped: the world's loop and its timer go on.
    let engine = thread(&daemon, "engine");
    ptrace::seize(engine, ptrace::Options::empty()).unwrap();
    ptrace::interrupt(engine).unwrap();
    waitpid(engine, Some(WaitPidFlag::__WALL)).unwrap();
    // One that was on its way.
    fed_within(Duration::from_millis(1_200));
    assert!(!fed_within(Duration::from_secs(5)), "fed without progress");
    ptrace::detach(engine, None).unwrap();
    assert!(fed_within(PATIENCE), "the engine goes on");
    assert_eq!(daemon.stop(), 0, "{}", daemon.log());
}

#[test]
fn addresses_of_a_dead_daemon_are_released_and_those_of_a_living_one_are_not() {
    let Some(host) = Host::new() else { return };
    let config = host.write("keepalived.conf", &fast("", ""));
    let release = || -> (Option<i32>, String) {
        let output = host
            .command(VRRPD)
            .args(["--release", "-f"])
            .arg(&config)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), text)
    };
    let mut daemon = host.daemon(&config);
    eventually("the virtual address", || host.has("10.9.0.7").then_some(()));
    let (code, text) = release();
    assert_eq!(code, Some(3), "{text}");
    assert!(host.has("10.9.0.7"), "{text}");
    daemon.signal(Signal::SIGKILL);
    daemon.ends();
    assert!(host.has("10.9.0.7"), "a restart would find it");
    let (code, text) = release();
    assert_eq!(
        (code, text.trim()),
        (Some(0), "virtual addresses removed: 1")
    );
    assert!(!host.has("10.9.0.7") && host.has("10.9.0.1"));
    assert!(release().1.contains("removed: 0"));
}
