//! A host: network, process, mount, host name and IPC namespaces of its own, with its own `/proc`, `/run`, `/tmp` and a
//! private copy of `/etc`. It knows no wires; those are the network's.

use std::fs::{DirBuilder, File, Permissions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};

use super::init;
use super::process::{Finished, Process, read_log};
use super::worker::Worker;

/// Where a host finds the programs built here: its own `/tmp` may hide the place where they lie.
pub(crate) const PROGRAMS: &str = "/run/programs";
const PATH: &str = "/run/programs:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const COMMAND_BOUND: Duration = Duration::from_secs(20);

/// A host of a lab. Cheap to clone; it ends with the lab and the last clone.
#[derive(Clone, Debug)]
pub struct Host(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    /// Before `init`: the worker's children are reaped while the host still is.
    worker: Worker,
    network: OwnedFd,
    init: Mutex<Init>,
    scratch: PathBuf,
    /// Numbers the log files.
    next: AtomicU32,
    logs: Mutex<Vec<(String, PathBuf)>>,
}

#[derive(Debug)]
struct Init {
    child: Child,
}

/// An address on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// Prefix length.
    pub prefix: u32,
}

impl Host {
    pub(crate) fn start(name: &str, scratch: &Path) -> Self {
        let programs = programs();
        let helper = programs.join("xtask");
        assert!(
            helper.exists(),
            "{} is missing; build it with `cargo build --workspace`",
            helper.display()
        );
        let scratch = scratch.join(name);
        std::fs::create_dir_all(&scratch)
            .unwrap_or_else(|error| panic!("cannot make {}: {error}", scratch.display()));
        let host_name = name.to_owned();
        let worker = Worker::start(name, move || enter(&host_name, &programs));
        let network = worker.run(|| {
            File::open("/proc/thread-self/ns/net").expect("every thread has a network namespace")
        });
        let errors = scratch.join("init.log");
        let init = Init::start(&worker, &helper, &errors);
        let host = Self(Arc::new(Inner {
            name: name.to_owned(),
            worker,
            network: network.into(),
            init: Mutex::new(init),
            scratch,
            next: AtomicU32::new(0),
            logs: Mutex::default(),
        }));
        host.set("net/ipv6/conf/default/accept_dad", "0");
        host.set("net/ipv6/conf/all/accept_ra", "0");
        host.set("net/ipv6/conf/default/accept_ra", "0");
        host.ip("link set lo up");
        host
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Process id of its first process, by which `ip` names its network namespace.
    pub(crate) fn first_process(&self) -> u32 {
        lock(&self.0.init).child.id()
    }

    /// Its files as this process can reach them, for as long as the host lives.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.first_process()))
    }

    /// Runs a program to its end, and insists on success.
    ///
    /// # Panics
    /// When it fails.
    pub fn must(&self, command: &str) {
        let arguments: Vec<&str> = command.split(' ').collect();
        let finished = self.run(&arguments);
        assert!(
            finished.code == 0,
            "{}: {command}: {}",
            self.name(),
            finished.output
        );
    }

    /// Lets `nft` carry out these lines on the host, and insists on success.
    ///
    /// # Panics
    /// When `nft` refuses.
    pub fn nft(&self, rules: &str) {
        let file = format!(
            "/run/lab-{}.nft",
            self.0.next.fetch_add(1, Ordering::Relaxed)
        );
        self.write(&file, rules, 0o600);
        self.must(&format!("nft -f {file}"));
    }

    /// Starts a program; its output is shown when the test fails.
    #[must_use]
    pub fn spawn(&self, arguments: &[&str]) -> Process {
        let program = arguments.first().copied().unwrap_or_default();
        let base = program.rsplit('/').next().unwrap_or(program);
        let log = self.new_log(base);
        lock(&self.0.logs).push((arguments.join(" "), log.clone()));
        Process::start(&self.0.worker, PATH, arguments, log)
    }

    /// Runs a program to its end.
    ///
    /// # Panics
    /// When it is still running after 20 s.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Finished {
        let program = arguments.first().copied().unwrap_or_default();
        let base = program.rsplit('/').next().unwrap_or(program);
        let log = self.new_log(base);
        let finished =
            Process::start(&self.0.worker, PATH, arguments, log.clone()).wait(COMMAND_BOUND);
        let _ = std::fs::remove_file(log);
        finished
    }

    /// Runs `ip` with these words, and insists on success.
    ///
    /// # Panics
    /// When `ip` refuses.
    pub fn ip(&self, words: &str) {
        let arguments: Vec<&str> = std::iter::once("ip").chain(words.split(' ')).collect();
        let finished = self.run(&arguments);
        assert!(
            finished.code == 0,
            "{}: ip {words}: {}",
            self.name(),
            finished.output
        );
    }

    /// Sets a kernel variable of the host's network, named as below `/proc/sys`.
    ///
    /// # Panics
    /// When the kernel refuses.
    pub fn set(&self, variable: &str, value: &str) {
        self.write(&format!("/proc/sys/{variable}"), value, 0o644);
    }

    /// Writes a file as the host sees it, with its directories.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, path: &str, content: &str, mode: u32) {
        let (path, content) = (PathBuf::from(path), content.to_owned());
        self.0
            .worker
            .run(move || write(&path, &content, mode).map_err(|error| (path, error)))
            .unwrap_or_else(|(path, error)| {
                panic!("{}: cannot write {}: {error}", self.name(), path.display())
            });
    }

    /// Reads a file as the host sees it; `None` where there is none.
    #[must_use]
    pub fn read(&self, path: &str) -> Option<String> {
        let path = path.to_owned();
        self.0
            .worker
            .run(move || std::fs::read(path))
            .ok()
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The addresses on an interface.
    #[must_use]
    pub fn addresses(&self, interface: &str) -> Vec<Address> {
        let interface = interface.to_owned();
        let mut addresses: Vec<Address> = self.0.worker.run(move || {
            nix::ifaddrs::getifaddrs()
                .expect("the kernel lists its addresses")
                .filter(|entry| entry.interface_name == interface)
                .filter_map(|entry| {
                    let ip = ip_of(&entry.address?)?;
                    let prefix = entry.netmask.as_ref().and_then(ip_of).map_or(0, ones);
                    Some(Address { ip, prefix })
                })
                .collect()
        });
        addresses.sort_unstable();
        addresses
    }

    /// Whether `ip` is on `interface`.
    #[must_use]
    pub fn has(&self, interface: &str, ip: IpAddr) -> bool {
        self.addresses(interface)
            .iter()
            .any(|address| address.ip == ip)
    }

    /// Carries out `work` within the host's namespaces, on a thread that has other work to do too: no waiting there.
    pub fn within<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        self.0.worker.run(work)
    }

    /// A thread in the host's network, for work that takes its time. It sees the machine's own files.
    pub(crate) fn thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> std::thread::JoinHandle<T> {
        let network = self
            .0
            .network
            .try_clone()
            .expect("the process has a descriptor left");
        std::thread::Builder::new()
            .name(format!("on {}", self.name()))
            .spawn(move || {
                setns(network, CloneFlags::CLONE_NEWNET).expect("the network is still there");
                work()
            })
            .expect("the machine has room for a thread")
    }

    /// What every program started by [`spawn`](Self::spawn) wrote, for the report of a failure.
    #[must_use]
    pub fn logs(&self) -> Vec<(String, String)> {
        lock(&self.0.logs)
            .iter()
            .map(|(command, log)| (command.clone(), read_log(log)))
            .collect()
    }

    fn new_log(&self, base: &str) -> PathBuf {
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        self.0.scratch.join(format!("{number}-{base}.log"))
    }
}

impl Init {
    fn start(worker: &Worker, helper: &Path, errors: &Path) -> Self {
        let log = File::create(errors)
            .unwrap_or_else(|error| panic!("cannot make {}: {error}", errors.display()));
        let mut command = Command::new(Path::new(PROGRAMS).join("xtask"));
        command
            .arg(init::ARGUMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log);
        let mut child = worker
            .run(move || command.spawn())
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", helper.display()));
        let mut line = String::new();
        let output = child.stdout.take().expect("its output was asked for");
        let _ = BufReader::new(output).read_line(&mut line);
        assert!(
            line == init::READY,
            "a host does not come up: {}",
            read_log(errors)
        );
        Self { child }
    }
}

impl Drop for Init {
    fn drop(&mut self) {
        // The end of its input ends the host.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Takes the calling thread into new namespaces and furnishes them.
fn enter(name: &str, programs: &Path) {
    unshare(
        CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWNET
            | CloneFlags::CLONE_NEWPID
            | CloneFlags::CLONE_NEWUTS
            | CloneFlags::CLONE_NEWIPC,
    )
    .unwrap_or_else(|error| {
        panic!("cannot make the namespaces of a host: {error}; this needs root")
    });
    nix::unistd::sethostname(name).expect("the host name is the host's own");
    furnish(programs).unwrap_or_else(|error| panic!("cannot furnish a host's files: {error}"));
}

fn furnish(programs: &Path) -> std::io::Result<()> {
    const NONE: Option<&str> = None;
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)?;
    mount(
        Some("lab"),
        "/run",
        Some("tmpfs"),
        MsFlags::empty(),
        Some("mode=755"),
    )?;
    for directory in ["/run/etc/upper", "/run/etc/work", PROGRAMS] {
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(directory)?;
    }
    mount(Some(programs), PROGRAMS, NONE, MsFlags::MS_BIND, NONE)?;
    mount(
        Some("lab"),
        "/etc",
        Some("overlay"),
        MsFlags::empty(),
        Some("lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work"),
    )?;
    mount(
        Some("lab"),
        "/tmp",
        Some("tmpfs"),
        MsFlags::empty(),
        Some("mode=1777"),
    )?;
    // The new /sys shows the interfaces of the new network namespace and hides the cgroups mounted in the old one; they
    // are the machine's, so they are shown again.
    let groups = "/run/cgroup";
    std::fs::create_dir(groups)?;
    let recursive = MsFlags::MS_BIND | MsFlags::MS_REC;
    mount(Some("/sys/fs/cgroup"), groups, NONE, recursive, NONE)?;
    mount(Some("sysfs"), "/sys", Some("sysfs"), MsFlags::empty(), NONE)?;
    mount(Some(groups), "/sys/fs/cgroup", NONE, recursive, NONE)?;
    umount2(groups, MntFlags::MNT_DETACH)?;
    std::fs::remove_dir(groups)?;
    Ok(())
}

fn write(path: &Path, content: &str, mode: u32) -> std::io::Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let mut file = File::create(path)?;
    file.write_all(content.as_bytes())?;
    if !path.starts_with("/proc") {
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// Where cargo puts this workspace's programs: beside this one, or one above where this is a test.
fn programs() -> PathBuf {
    let own = std::env::current_exe().expect("the kernel knows what it runs");
    let directory = own.parent().expect("a program lies in a directory");
    if directory.ends_with("deps") {
        directory.parent().unwrap_or(directory).to_owned()
    } else {
        directory.to_owned()
    }
}

fn ip_of(address: &nix::sys::socket::SockaddrStorage) -> Option<IpAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(IpAddr::V4(v4.ip()));
    }
    address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip()))
}

const fn ones(mask: IpAddr) -> u32 {
    match mask {
        IpAddr::V4(mask) => mask.to_bits().count_ones(),
        IpAddr::V6(mask) => mask.to_bits().count_ones(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
