//! What the daemon survives, and what ends it in order: stuck readers, hung programs, a dead runner, a hung world.

use std::fs;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::host::{Host, eventually, fast};
use crate::journal::{assert_adverts_go_on, start};
use crate::life::ask;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use vrrp_record::control;

#[test]
fn a_log_reader_that_is_stuck_stops_nothing() {
    let Some(host) = Host::new() else { return };
    let config = host.write("keepalived.conf", &fast("", ""));
    let (mut reader, writer) = std::io::pipe().unwrap();
    nix::fcntl::fcntl(writer.as_fd(), nix::fcntl::FcntlArg::F_SETPIPE_SZ(4_096)).unwrap();
    let mut daemon = host.daemon_with(&config, "run", |command| {
        command.stdout(writer);
    });
    eventually("the virtual address", || host.has("10.9.0.7").then_some(()));
    // Several times what the pipe and the queue hold.
    for _ in 0..4_000 {
        daemon.signal(Signal::SIGHUP);
        std::thread::sleep(Duration::from_micros(200));
    }
    assert!(host.has("10.9.0.7"));
    // It answers and stops in order while nobody reads.
    daemon.signal(Signal::SIGHUP);
    assert_eq!(daemon.stop(), 0);
    assert!(!host.has("10.9.0.7"));
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert!(text.contains("Entering MASTER STATE"), "{text}");
}

/// Whoever writes files hangs: dumps wait, and nothing else does.
#[test]
fn dumps_that_hang_hold_up_nothing_and_come_when_the_disk_is_back() {
    let Some(host) = Host::new() else { return };
    let config = host.write("keepalived.conf", &fast("", ""));
    let mut daemon = host.daemon(&config);
    daemon.says("Entering MASTER STATE");
    let status = || {
        let control::Answer::Status { status } = ask(&host, control::Command::Status) else {
            panic!("no status");
        };
        (
            status.routers[0].sent.accepted,
            status.daemon.heartbeat_age_ms,
        )
    };
    kill(daemon.runner(), Signal::SIGSTOP).unwrap();
    let (before, _) = status();
    for signal in [Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGUSR1] {
        daemon.signal(signal);
    }
    eventually("ten more adverts", || {
        let (sent, heartbeat_ms) = status();
        assert!(
            heartbeat_ms < 2_000,
            "the loop has not beaten for {heartbeat_ms} ms"
        );
        (sent >= before + 10).then_some(())
    });
    assert!(!host.path("keepalived.data").exists());
    kill(daemon.runner(), Signal::SIGCONT).unwrap();
    for file in ["keepalived.data", "keepalived.stats"] {
        eventually(file, || host.path(file).exists().then_some(()));
    }
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn hung_notify_programs_delay_the_exit_by_their_bound_and_are_ended() {
    let Some(host) = Host::new() else { return };
    let hang = host.script(
        "hang.sh",
        &format!(
            "#!/bin/sh\ntrap '' TERM\necho $$ >> {}\nsleep 1000\n",
            host.path("pids").display()
        ),
    );
    let config = fast(
        "",
        &format!("notify {}\n notify_stop {}", hang.display(), hang.display()),
    );
    let config = host.write("keepalived.conf", &config);
    let mut daemon = host.daemon(&config);
    daemon.says("Entering MASTER STATE");
    daemon.signal(Signal::SIGTERM);
    eventually("no address", || (!host.has("10.9.0.7")).then_some(()));
    let begin = Instant::now();
    assert_eq!(daemon.ends(), 0);
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "{:?}",
        begin.elapsed()
    );
    let pids = fs::read_to_string(host.path("pids")).unwrap();
    assert!(pids.lines().count() >= 3, "{pids}");
    for pid in pids.lines() {
        eventually("the end of a hung program", || {
            (!Path::new(&format!("/proc/{pid}")).exists()).then_some(())
        });
    }
}

/// Safety rule 1: a result that stops coming counts as a failure, though nobody says so.
#[test]
fn a_runner_that_hangs_makes_tracked_scripts_expire() {
    let Some(host) = Host::new() else { return };
    let script = "vrrp_script chk {\n script /bin/true\n interval 1\n timeout 1\n}\n";
    let config = host.write("keepalived.conf", &fast(script, "track_script {\n chk\n }"));
    let daemon = host.daemon(&config);
    daemon.says("Entering MASTER STATE");
    let runner = daemon.runner();
    kill(runner, Signal::SIGSTOP).unwrap();
    daemon.says("Entering FAULT STATE");
    eventually("no address", || (!host.has("10.9.0.7")).then_some(()));
    kill(runner, Signal::SIGCONT).unwrap();
    daemon.says_times("Entering MASTER STATE", 2);
}

/// Safety rule 1: when the world around the engine hangs, adverts go on for a while, and then the engine gives up its
/// routers rather than speak for a host that nobody watches.
#[test]
fn a_world_that_hangs_makes_the_engine_resign_and_end_the_process() {
    let Some(host) = Host::new() else { return };
    let config = host.write("keepalived.conf", &fast("", ""));
    let mut daemon = host.daemon(&config);
    daemon.says("Entering MASTER STATE");
    eventually("the virtual address", || host.has("10.9.0.7").then_some(()));
    // The main thread is the world's loop; the others run on.
    ptrace::seize(daemon.pid(), ptrace::Options::empty()).unwrap();
    ptrace::interrupt(daemon.pid()).unwrap();
    let begin = Instant::now();
    let stopped = waitpid(daemon.pid(), None).unwrap();
    assert!(
        matches!(stopped, WaitStatus::PtraceEvent(..)),
        "{stopped:?}"
    );
    std::thread::sleep(Duration::from_secs(5));
    assert!(host.has("10.9.0.7"), "it gave up after 5 s");
    assert_eq!(daemon.ends(), 1);
    let took = begin.elapsed();
    assert!(took > Duration::from_secs(9), "it gave up after {took:?}");
    assert!(!host.has("10.9.0.7"));
}

/// A store behind the end of a mapped file would end the process: root emptied the flight recorder.
#[test]
fn a_flight_recorder_that_is_emptied_costs_its_records_and_no_advert() {
    // On tmpfs, or there is no recorder.
    let Some(host) = Host::with("mkdir run; mount -t tmpfs -o mode=0755 tmpfs run") else {
        return;
    };
    let config = host.write("keepalived.conf", &fast("", ""));
    let mut daemon = start(&host, &config, "journal");
    daemon.says("Entering MASTER STATE");
    eventually("the virtual address", || host.has("10.9.0.7").then_some(()));
    let ring = host.path("run/flight.ring").display().to_string();
    let emptied = host.output("truncate", &["-s", "0", &ring]);
    assert!(emptied.status.success(), "{emptied:?}");
    daemon.says("flight.ring was shortened");
    assert_adverts_go_on(&host);
    assert!(host.has("10.9.0.7"));
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn the_death_of_the_runner_ends_the_daemon_without_addresses_left() {
    let Some(host) = Host::new() else { return };
    let config = host.write("keepalived.conf", &fast("", ""));
    let mut daemon = host.daemon(&config);
    daemon.says("Entering MASTER STATE");
    kill(daemon.runner(), Signal::SIGKILL).unwrap();
    assert_eq!(daemon.ends(), 70, "{}", daemon.log());
    assert!(daemon.log().contains("the runner process has ended"));
    assert!(!host.has("10.9.0.7"));
}

#[test]
fn with_a_user_of_its_own_the_daemon_keeps_four_capabilities_only() {
    let user = "cp /etc/passwd p; echo vrrpd:x:4711:4711::/nonexistent:/bin/false >> p; mount --bind p /etc/passwd\n\
                cp /etc/group g; echo vrrpd:x:4711: >> g; mount --bind g /etc/group";
    let Some(host) = Host::with(user) else { return };
    let out = host.path("uid");
    let id = host.script("id.sh", &format!("#!/bin/sh\nid -u > {}\n", out.display()));
    let config = fast("", &format!("notify_master {}", id.display()));
    let config = host.write("keepalived.conf", &config);
    let mut daemon = host.daemon(&config);
    daemon.says("runs as user vrrpd (uid 4711)");
    daemon.says("Entering MASTER STATE");
    eventually("the virtual address", || host.has("10.9.0.7").then_some(()));
    let tasks = fs::read_dir(format!("/proc/{}/task", daemon.pid())).unwrap();
    for task in tasks {
        let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        let line = |name: &str| {
            let found = status.lines().find(|line| line.starts_with(name));
            found
                .unwrap_or_default()
                .split_whitespace()
                .last()
                .unwrap_or_default()
                .to_owned()
        };
        // NET_ADMIN 12, NET_RAW 13, IPC_LOCK 14, SYS_NICE 23.
        for set in ["CapEff:", "CapPrm:"] {
            assert_eq!(line(set), "0000000000807000", "{status}");
        }
        assert_eq!(line("Uid:"), "4711");
        assert_eq!(line("NoNewPrivs:"), "1", "{status}");
    }
    // Programs still run as keepalived would have run them.
    let uid = eventually("the program's user", || {
        fs::read_to_string(&out)
            .ok()
            .filter(|text| text.ends_with('\n'))
    });
    assert_eq!(uid, "0\n");
    assert_eq!(daemon.stop(), 0);
    assert!(!host.has("10.9.0.7"));
}
