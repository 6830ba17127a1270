//! Two hosts of a test: network namespaces joined by a veth pair. Needs root; says so loudly where it is missing.

use std::process::Command as Program;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};

/// The kernel's flag of an address that is not usable yet.
const IFA_F_TENTATIVE: u32 = 0x40;

/// Runs `test` on a thread of its own network namespace; not without root.
pub(super) fn in_namespace(test: impl FnOnce() + Send + 'static) {
    if !nix::unistd::geteuid().is_root() {
        eprintln!(
            "SKIPPED: {:?} needs root for a network namespace",
            std::thread::current().name()
        );
        return;
    }
    std::thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        ip("link set lo up");
        test();
    })
    .join()
    .unwrap();
}

/// Runs `ip`; it inherits the calling thread's namespace.
pub(super) fn ip(arguments: &str) {
    let status = Program::new("ip")
        .args(arguments.split(' '))
        .status()
        .unwrap();
    assert!(status.success(), "ip {arguments}");
}

/// The other host: a thread in a second namespace that carries out what it is given.
pub(super) struct Other {
    work: Option<mpsc::Sender<Box<dyn FnOnce() + Send>>>,
    thread: Option<JoinHandle<()>>,
}

/// Waits until an interface of this thread's namespace has a link-local address that passed the detection of duplicates.
fn wait_link_local(device: &str) {
    // The last words of a line: index, length of the prefix, scope, flags and the name of the interface.
    let is_usable = || {
        let text = std::fs::read_to_string("/proc/thread-self/net/if_inet6").unwrap_or_default();
        text.lines().any(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            matches!(words[..], [_, _, _, "20", flags, name]
                if name == device && u32::from_str_radix(flags, 16).is_ok_and(|flags| flags & IFA_F_TENTATIVE == 0))
        })
    };
    let bound = Instant::now() + Duration::from_secs(10);
    while !is_usable() {
        assert!(Instant::now() < bound, "{device} has no link-local address");
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl Other {
    /// Waits until both ends can send over IPv6: their addresses are tentative for a moment after the link came up.
    pub(super) fn wait_ipv6(&self) {
        wait_link_local("va");
        self.run(|| wait_link_local("vb"));
    }

    /// Joins the calling thread's namespace with a new one: `va` with 10.9.0.1 here, `vb` with 10.9.0.2 there.
    pub(super) fn join() -> Self {
        let (work, orders) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
        let (tell, told) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            tell.send(nix::unistd::gettid()).unwrap();
            for order in orders {
                order();
            }
        });
        let there = told.recv().unwrap();
        ip(&format!("link add va type veth peer name vb netns {there}"));
        ip("addr add 10.9.0.1/24 dev va");
        ip("link set va up");
        let other = Self {
            work: Some(work),
            thread: Some(thread),
        };
        other.run(|| {
            ip("addr add 10.9.0.2/24 dev vb");
            ip("link set vb up");
        });
        other
    }

    pub(super) fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let (result, results) = mpsc::channel();
        let order = Box::new(move || result.send(work()).unwrap());
        self.work.as_ref().unwrap().send(order).unwrap();
        results.recv().unwrap()
    }

    /// Begins work that nobody waits for.
    pub(super) fn begin(&self, work: impl FnOnce() + Send + 'static) {
        self.work.as_ref().unwrap().send(Box::new(work)).unwrap();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        drop(self.work.take());
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
