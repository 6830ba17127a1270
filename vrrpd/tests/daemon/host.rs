//! Hosts for tests of the whole daemon: a network, mounts and /run of their own, which go with the test.
//!
//! Needs root; without it each test says so and does nothing.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The daemon.
pub(crate) const VRRPD: &str = env!("CARGO_BIN_EXE_vrrpd");
/// Everything that is waited for is there by then, on a busy machine too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `condition` holds.
pub(crate) fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
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
pub(crate) fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

/// A host: a process that holds its namespaces, and a directory.
pub(crate) struct Host {
    holder: Child,
    pub(crate) scratch: PathBuf,
}

impl Host {
    /// `None` without root.
    pub(crate) fn new() -> Option<Self> {
        Self::with("")
    }

    /// A host on which `commands` ran while its namespaces were made.
    pub(crate) fn with(commands: &str) -> Option<Self> {
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

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.scratch.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.write(name, text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// A command on this host. It is executed in place, so its process id is the program's.
    pub(crate) fn command(&self, program: &str) -> Command {
        let pid = self.holder.id();
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net=/proc/{pid}/ns/net"))
            .arg(format!("--mount=/proc/{pid}/ns/mnt"))
            .arg(program)
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn output(&self, program: &str, words: &[&str]) -> Output {
        self.command(program).args(words).output().unwrap()
    }

    pub(crate) fn addresses(&self) -> String {
        let output = self.output("ip", &["-oneline", "address", "show", "dev", "eth0"]);
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn has(&self, address: &str) -> bool {
        self.addresses().contains(&format!(" {address}/"))
    }

    /// Starts a daemon in the foreground whose console is a file.
    pub(crate) fn daemon(&self, config: &Path) -> Daemon<'_> {
        self.daemon_with(config, "run", |_| {})
    }

    pub(crate) fn daemon_with(
        &self,
        config: &Path,
        run_dir: &str,
        change: impl FnOnce(&mut Command),
    ) -> Daemon<'_> {
        self.daemon_by(self.command(VRRPD), config, run_dir, change)
    }

    /// The same by a command that ends with the daemon's name.
    pub(crate) fn daemon_by(
        &self,
        mut command: Command,
        config: &Path,
        run_dir: &str,
        change: impl FnOnce(&mut Command),
    ) -> Daemon<'_> {
        let log = self.path(&format!("log-{run_dir}"));
        command
            .args(["-n", "-l", "-D", "-P", "-G", "-f"])
            .arg(config)
            .arg("--run-dir")
            .arg(self.path(run_dir))
            .arg("--journal-dir")
            .arg(self.path(&format!("journal-{run_dir}")))
            .env_remove("NOTIFY_SOCKET")
            // Where dumps go.
            .env("TMPDIR", &self.scratch)
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
pub(crate) struct Daemon<'a> {
    process: Option<Child>,
    log: PathBuf,
    host: &'a Host,
}

impl Daemon<'_> {
    pub(crate) fn pid(&self) -> Pid {
        let id = self.process.as_ref().unwrap().id();
        Pid::from_raw(i32::try_from(id).unwrap())
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Waits for a line of the log; shows the log where it does not come.
    pub(crate) fn says(&self, text: &str) {
        self.says_times(text, 1);
    }

    pub(crate) fn says_times(&self, text: &str, times: usize) {
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
    pub(crate) fn ends(&mut self) -> i32 {
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

    pub(crate) fn stop(&mut self) -> i32 {
        self.signal(Signal::SIGTERM);
        self.ends()
    }

    /// The runner's process.
    pub(crate) fn runner(&self) -> Pid {
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
pub(crate) fn fast(before: &str, lines: &str) -> String {
    format!(
        "{before}\nvrrp_instance VI_1 {{\n version 3\n state BACKUP\n interface eth0\n virtual_router_id 51\n \
         priority 100\n advert_int 0.1\n {lines}\n virtual_ipaddress {{\n  10.9.0.7/24\n }}\n}}\n"
    )
}
