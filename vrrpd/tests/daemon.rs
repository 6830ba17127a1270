//! The whole daemon in network namespaces of its own: start, tracking, notify, reload, stop, and what it survives.
//!
//! Needs root; without it each test says so and does nothing. Each host has its own network, mounts and /run, and goes
//! with the test.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use vrrp_record::control;
use vrrp_record::words::Word;

const VRRPD: &str = env!("CARGO_BIN_EXE_vrrpd");
/// Everything that is waited for is there by then, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(30);

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

/// Waits until `condition` holds.
fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(
            begin.elapsed() < PATIENCE,
            "not within {PATIENCE:?}: {what}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Says that a test does not test here.
#[expect(clippy::print_stderr, reason = "the test runner shows it")]
fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

/// A host: a process that holds its namespaces, and a directory.
struct Host {
    holder: Child,
    scratch: PathBuf,
}

impl Host {
    /// `None` without root.
    fn new() -> Option<Self> {
        Self::with("")
    }

    /// A host on which `commands` ran while its namespaces were made.
    fn with(commands: &str) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        if !nix::unistd::geteuid().is_root() {
            skipped("namespaces need root");
            return None;
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let scratch =
            std::env::temp_dir().join(format!("vrrpd-host-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&scratch);
        fs::create_dir(&scratch).unwrap();
        let script = format!(
            "set -e; cd {scratch}\n\
             mount -t tmpfs tmpfs /run\n\
             ip link set lo up\n\
             ip link add eth0 type veth peer name peer0\n\
             ip link set eth0 up; ip link set peer0 up\n\
             ip address add 10.9.0.1/24 dev eth0\n\
             {commands}\n\
             touch ready; exec sleep 600",
            scratch = scratch.display()
        );
        let holder = Command::new("unshare")
            .args(["--net", "--mount", "sh", "-c", &script])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let host = Self { holder, scratch };
        eventually("a host with its link", || {
            host.path("ready").exists().then_some(())
        });
        Some(host)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.write(name, text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// A command on this host. It is executed in place, so its process id is the program's.
    fn command(&self, program: &str) -> Command {
        let pid = self.holder.id();
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net=/proc/{pid}/ns/net"))
            .arg(format!("--mount=/proc/{pid}/ns/mnt"))
            .arg(program)
            .stdin(Stdio::null());
        command
    }

    fn output(&self, program: &str, words: &[&str]) -> Output {
        self.command(program).args(words).output().unwrap()
    }

    fn addresses(&self) -> String {
        let output = self.output("ip", &["-oneline", "address", "show", "dev", "eth0"]);
        String::from_utf8(output.stdout).unwrap()
    }

    fn has(&self, address: &str) -> bool {
        self.addresses().contains(&format!(" {address}/"))
    }

    /// Starts a daemon in the foreground whose console is a file.
    fn daemon(&self, config: &Path) -> Daemon<'_> {
        self.daemon_with(config, "run", |_| {})
    }

    fn daemon_with(
        &self,
        config: &Path,
        run_dir: &str,
        change: impl FnOnce(&mut Command),
    ) -> Daemon<'_> {
        let log = self.path(&format!("log-{run_dir}"));
        let mut command = self.command(VRRPD);
        command
            .args(["-n", "-l", "-D", "-P", "-G", "-f"])
            .arg(config)
            .arg("--run-dir")
            .arg(self.path(run_dir))
            .env_remove("NOTIFY_SOCKET")
            .stdout(File::create(&log).unwrap())
            .stderr(
                File::options()
                    .append(true)
                    .create(true)
                    .open(self.path("stderr"))
                    .unwrap(),
            );
        change(&mut command);
        Daemon {
            process: Some(command.spawn().unwrap()),
            log,
            host: self,
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
        let _ = fs::remove_dir_all(&self.scratch);
    }
}

/// A daemon in the foreground of a host. It is killed with the test.
struct Daemon<'a> {
    process: Option<Child>,
    log: PathBuf,
    host: &'a Host,
}

impl Daemon<'_> {
    fn pid(&self) -> Pid {
        let id = self.process.as_ref().unwrap().id();
        Pid::from_raw(i32::try_from(id).unwrap())
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Waits for a line of the log; shows the log where it does not come.
    fn says(&self, text: &str) {
        self.says_times(text, 1);
    }

    fn says_times(&self, text: &str, times: usize) {
        let begin = Instant::now();
        while self.log().matches(text).count() < times {
            let errors = fs::read_to_string(self.host.path("stderr")).unwrap_or_default();
            assert!(
                begin.elapsed() < PATIENCE,
                "no line with '{text}' in\n{}\n{errors}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for the end; its exit code.
    fn ends(&mut self) -> i32 {
        let mut process = self.process.take().unwrap();
        let begin = Instant::now();
        loop {
            if let Some(status) = process.try_wait().unwrap() {
                return status.code().unwrap_or(-1);
            }
            if begin.elapsed() > PATIENCE {
                let _ = process.kill();
                let _ = process.wait();
                panic!("it did not end:\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn stop(&mut self) -> i32 {
        self.signal(Signal::SIGTERM);
        self.ends()
    }

    /// The runner's process.
    fn runner(&self) -> Pid {
        eventually("a runner", || {
            let path = format!("/proc/{0}/task/{0}/children", self.pid());
            let children = fs::read_to_string(path).unwrap_or_default();
            children.split_whitespace().find_map(|child| {
                let name = fs::read_to_string(format!("/proc/{child}/comm")).unwrap_or_default();
                (name.trim() == "vrrpd-runner").then(|| Pid::from_raw(child.parse().unwrap()))
            })
        })
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// A fast router, with more lines in its block and before it.
fn fast(before: &str, lines: &str) -> String {
    format!(
        "{before}\nvrrp_instance VI_1 {{\n version 3\n state BACKUP\n interface eth0\n virtual_router_id 51\n \
         priority 100\n advert_int 0.1\n {lines}\n virtual_ipaddress {{\n  10.9.0.7/24\n }}\n}}\n"
    )
}

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
fn ask(host: &Host, command: control::Command) -> control::Answer {
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
fn signals_that_are_not_built_yet_are_said_so_and_do_not_kill() {
    let Some(host) = Host::new() else { return };
    let config = host.write("keepalived.conf", &fast("", ""));
    let mut daemon = host.daemon(&config);
    daemon.says("Startup complete");
    for (signal, name) in [
        ("USR1", "DATA"),
        ("USR2", "STATS"),
        ("36", "JSON"),
        ("63", "STATS_CLEAR"),
    ] {
        let status = Command::new("kill")
            .args(["-s", signal, &daemon.pid().to_string()])
            .status();
        assert!(status.unwrap().success());
        daemon.says(&format!("asks for {name}, which is not built yet"));
    }
    assert_eq!(daemon.stop(), 0);
}

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
        daemon.signal(Signal::SIGUSR1);
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
            .arg(host.path("run"));
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
