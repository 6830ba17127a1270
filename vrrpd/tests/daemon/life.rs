//! The life of the daemon: start, tracking, notify, reload, signals, stop.

use std::fs;
use std::io::Write;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::time::Instant;

use crate::host::{Host, PATIENCE, VRRPD, eventually, fast};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::process::Command;
use vrrp_record::control;
use vrrp_record::words::Word;

/// The configuration of the motivating case, unchanged.
const MOTIVATING: &str = r#"global_defs {
        notification_email {
                some-e-mail-address@veryimportant.people
        }
        notification_email_from loadbalancer01@protecting.the.innocent.local
        smtp_server 10.10.9.8
        smtp_connect_timeout 30
        router_id loadbalancer01
}

vrrp_script chk_haproxy {
        script "killall -0 haproxy"
        interval 2
        weight 2
}

vrrp_instance loadbalancer {
        state MASTER
        interface eth0
        virtual_router_id 205
        priority 101
        smtp_alert
        advert_int 1
        authentication {
                auth_type PASS
                auth_pass totally_secret
        }
        virtual_ipaddress {
                192.168.205.7
        }
        track_script {
                chk_haproxy
        }
}
"#;

#[test]
fn the_motivating_configuration_becomes_master_and_leaves_cleanly() {
    let Some(host) = Host::new() else { return };
    let config = host.write("keepalived.conf", MOTIVATING);
    let mut daemon = host.daemon(&config);
    daemon.says("(loadbalancer) Entering BACKUP STATE (init)");
    assert!(!host.has("192.168.205.7"));
    daemon.says("(loadbalancer) Entering MASTER STATE");
    eventually("the virtual address", || {
        host.has("192.168.205.7").then_some(())
    });
    assert_eq!(daemon.stop(), 0, "{}", daemon.log());
    assert!(!host.has("192.168.205.7"));
    let log = daemon.log();
    assert!(log.contains("Stopping"), "{log}");
    assert!(
        !log.contains("totally_secret"),
        "the password is in the log"
    );
    assert!(!host.path("run/control.sock").exists());
}

#[test]
fn notify_programs_run_in_order_with_keepalived_s_words() {
    let Some(host) = Host::new() else { return };
    let record = host.script(
        "record.sh",
        &format!(
            "#!/bin/sh\nip -o address show dev eth0 | grep -q 10.9.0.7 && has=with || has=without\n\
             echo \"$*\" $has >> {}\n",
            host.path("calls").display()
        ),
    );
    let record = record.display();
    let config = fast(
        "",
        &format!(
            "notify_master \"{record} master\"\n notify_backup \"{record} backup\"\n notify_stop \"{record} stop\"\n \
             notify \"{record} any\""
        ),
    );
    let config = host.write("keepalived.conf", &config);
    let mut daemon = host.daemon(&config);
    let calls = || fs::read_to_string(host.path("calls")).unwrap_or_default();
    eventually("both MASTER programs", || {
        calls().contains("MASTER").then_some(())
    });
    eventually("four calls", || {
        (calls().lines().count() >= 4).then_some(())
    });
    assert_eq!(daemon.stop(), 0);
    let mut calls: Vec<_> = calls().lines().map(str::to_owned).collect();
    // Programs of one change run side by side; only the order of changes is certain.
    for pair in calls.chunks_mut(2) {
        pair.sort();
    }
    assert_eq!(
        calls,
        [
            "any INSTANCE VI_1 BACKUP 100 without",
            "backup without",
            "any INSTANCE VI_1 MASTER 100 with",
            "master with",
            "any INSTANCE VI_1 STOP 100 without",
            "stop without",
        ]
    );
}

#[test]
fn a_failing_track_script_is_a_fault_and_its_success_the_end_of_it() {
    let Some(host) = Host::new() else { return };
    let flag = host.write("good", "");
    let script = format!(
        "vrrp_script chk {{\n script \"/usr/bin/test -e {}\"\n interval 1\n}}\n",
        flag.display()
    );
    let config = host.write(
        "keepalived.conf",
        &fast(&script, "track_script {\n chk\n }"),
    );
    let mut daemon = host.daemon(&config);
    daemon.says("VRRP_Script(chk) succeeded");
    daemon.says("Entering MASTER STATE");
    fs::remove_file(&flag).unwrap();
    daemon.says("VRRP_Script(chk) failed (exited with status 1)");
    daemon.says("Entering FAULT STATE");
    eventually("no address", || (!host.has("10.9.0.7")).then_some(()));
    fs::write(&flag, "").unwrap();
    daemon.says_times("Entering MASTER STATE", 2);
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_unicast_router_that_waits_for_a_peer_is_a_fault_until_a_reload_brings_one() {
    let Some(host) = Host::new() else { return };
    let with = |peers: &str| {
        fast(
            "",
            &format!("unicast_fault_no_peer\n unicast_peer {{\n {peers}\n }}"),
        )
    };
    let config = host.write("keepalived.conf", &with(""));
    let mut daemon = host.daemon(&config);
    daemon.says("Entering FAULT STATE");
    daemon.says("no unicast peer is configured");
    host.write("keepalived.conf", &with("10.9.0.2"));
    daemon.signal(Signal::SIGHUP);
    daemon.says("Entering MASTER STATE");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_reload_is_applied_by_difference_and_a_bad_one_is_refused() {
    let Some(host) = Host::new() else { return };
    let second = "vrrp_instance VI_2 {\n version 3\n interface eth0\n virtual_router_id 52\n priority 90\n \
                  advert_int 0.1\n virtual_ipaddress {\n 10.9.0.8/24\n }\n}\n";
    let config = host.write("keepalived.conf", &fast("", ""));
    let mut daemon = host.daemon(&config);
    daemon.says("(VI_1) Entering MASTER STATE");
    host.write(
        "keepalived.conf",
        "vrrp_instance VI_1 {\n interface eth0\n}\n",
    );
    daemon.signal(Signal::SIGHUP);
    daemon.says("the new configuration is refused, and the old one goes on");
    assert!(host.has("10.9.0.7"));
    host.write("keepalived.conf", "");
    daemon.signal(Signal::SIGHUP);
    daemon.says("it has no virtual router");
    assert!(host.has("10.9.0.7"));
    host.write("keepalived.conf", &fast(second, ""));
    daemon.signal(Signal::SIGHUP);
    daemon.says("Reload complete");
    daemon.says("(VI_2) Entering MASTER STATE");
    eventually("the second address", || host.has("10.9.0.8").then_some(()));
    host.write("keepalived.conf", &fast("", ""));
    daemon.signal(Signal::SIGHUP);
    eventually("the second address gone", || {
        (!host.has("10.9.0.8")).then_some(())
    });
    assert!(host.has("10.9.0.7"));
    let log = daemon.log();
    let transitions = log.matches("(VI_1) Entering").count();
    assert_eq!(transitions, 2, "VI_1 noticed a reload:\n{log}");
    assert_eq!(daemon.stop(), 0);
}

/// One request to the control socket.
pub(crate) fn ask(host: &Host, command: control::Command) -> control::Answer {
    let mut socket = UnixStream::connect(host.path("run").join(control::SOCKET_NAME)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = control::Request::new(command);
    let frame = control::encode_frame(&request, control::MAX_REQUEST).unwrap();
    socket.write_all(&frame).unwrap();
    let response: control::Response =
        control::decode_frame(&control::read_frame(&mut socket, control::MAX_RESPONSE).unwrap())
            .unwrap();
    response.answer
}

#[test]
fn a_client_gets_the_status_and_may_ask_for_a_reload() {
    let Some(host) = Host::new() else { return };
    let config = host.write("keepalived.conf", &fast("", ""));
    let mut daemon = host.daemon(&config);
    daemon.says("(VI_1) Entering MASTER STATE");
    let control::Answer::Status { status } = ask(&host, control::Command::Status) else {
        panic!("no status");
    };
    assert_eq!(status.routers[0].name, "VI_1");
    assert_eq!(status.routers[0].state, Word::Master);
    assert!(status.daemon.engine_running);
    assert_eq!(
        status.daemon.pid,
        u32::try_from(daemon.pid().as_raw()).unwrap()
    );
    let reload = ask(&host, control::Command::Reload);
    assert!(matches!(reload, control::Answer::Done { .. }), "{reload:?}");
    host.write(
        "keepalived.conf",
        "vrrp_instance VI_1 {\n interface eth0\n}\n",
    );
    let refused = ask(&host, control::Command::Reload);
    assert!(
        matches!(
            refused,
            control::Answer::Error {
                code: control::ErrorCode::Failed,
                ..
            }
        ),
        "{refused:?}"
    );
    assert!(host.has("10.9.0.7"));
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn the_service_manager_hears_of_start_reload_and_stop() {
    let Some(host) = Host::new() else { return };
    let path = host.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let hears = |text: &str| {
        let mut buffer = [0; 1024];
        loop {
            let length = socket.recv(&mut buffer).unwrap();
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if message.contains(text) {
                return message;
            }
        }
    };
    let config = host.write("keepalived.conf", &fast("", ""));
    let mut daemon = host.daemon_with(&config, "run", |command| {
        command.env("NOTIFY_SOCKET", &path);
    });
    let ready = hears("READY=1");
    assert!(
        ready.contains(&format!("MAINPID={}", daemon.pid())),
        "{ready}"
    );
    assert!(ready.contains("STATUS=VI_1 "), "{ready}");
    daemon.signal(Signal::SIGHUP);
    hears("RELOADING=1");
    hears("READY=1");
    daemon.signal(Signal::SIGTERM);
    hears("STOPPING=1");
    assert_eq!(daemon.ends(), 0);
}

#[test]
fn each_signal_makes_its_dump_where_the_configuration_says() {
    let Some(host) = Host::new() else { return };
    let directory = host.path("dumps");
    fs::create_dir(&directory).unwrap();
    let global = format!(
        "global_defs {{\n state_dump_file {0}/\n stats_dump_file {0}/numbers\n json_dump_file {0}/\n \
         json_version 2\n}}\n",
        directory.display()
    );
    let config = host.write("keepalived.conf", &fast(&global, ""));
    let mut daemon = host.daemon(&config);
    daemon.says("Entering MASTER STATE");
    for (signal, file, begin) in [
        ("USR1", "keepalived.data", "------< Global definitions >"),
        ("USR2", "numbers", "VRRP Instance: VI_1\n"),
        ("36", "keepalived.json", "{\"vrrp\":[{\"data\":{\"iname\":"),
        ("63", "numbers", "VRRP Instance: VI_1\n"),
    ] {
        let path = directory.join(file);
        let _ = fs::remove_file(&path);
        let status = Command::new("kill")
            .args(["-s", signal, &daemon.pid().to_string()])
            .status();
        assert!(status.unwrap().success());
        let text = eventually(file, || fs::read_to_string(&path).ok());
        assert!(text.starts_with(begin), "{text}");
    }
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn without_n_the_command_returns_when_the_daemon_is_up_or_says_why_not() {
    let Some(host) = Host::new() else { return };
    let config = host.write("keepalived.conf", &fast("", ""));
    let start = |config: &Path| {
        let mut command = host.command(VRRPD);
        command
            .args(["-G", "-f"])
            .arg(config)
            .arg("-p")
            .arg(host.path("vrrpd.pid"))
            .arg("--run-dir")
            .arg(host.path("run"))
            .arg("--journal-dir")
            .arg(host.path("journal"));
        command.output().unwrap()
    };
    let missing = start(&host.path("none.conf"));
    assert_eq!(missing.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("none.conf"));
    let begin = Instant::now();
    let started = start(&config);
    assert!(begin.elapsed() < PATIENCE);
    assert_eq!(
        started.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&started.stderr)
    );
    let pid = fs::read_to_string(host.path("vrrpd.pid")).unwrap();
    let pid = Pid::from_raw(pid.trim().parse().unwrap());
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
    let session = nix::unistd::getsid(Some(pid)).unwrap();
    kill(pid, Signal::SIGTERM).unwrap();
    eventually("its end", || kill(pid, None).is_err().then_some(()));
    assert_eq!(name.trim(), "vrrpd");
    assert_eq!(session, pid, "it is in the caller's session");
    assert!(!host.path("vrrpd.pid").exists());
}
