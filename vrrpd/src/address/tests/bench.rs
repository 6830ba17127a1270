//! A network namespace of its own for each test, an address thread in it, and ways to look and to interfere.

use std::net::IpAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use vrrp_config::plan::{RestoreAddresses, VipPlan};
use vrrp_proto::announce::AnnounceSettings;
use vrrp_proto::router::{AddressState, AnnounceReason, InterfaceKey, RouterId};
use vrrp_proto::units::{Family, Vrid};

use super::super::netlink::{Monitor, Requests};
use super::super::thread::AddressThread;
use super::super::{
    AddressCommand, AddressEnds, AddressReport, AddressSetup, InterfaceSetup, RouterAddresses,
    SourceChoice,
};
use crate::core::Report;
use crate::net::SocketSpec;
use crate::queue::{self, Receiver, Sender, Signal};

/// Nothing that a test waits for takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(20);

/// The interface that most tests use, one end of a pair; `peer0` is the other, in the same namespace.
pub(in crate::address) const ETH0: InterfaceKey = InterfaceKey(0);

/// Runs a test on a thread with a network namespace of its own, which ends with the thread.
pub(in crate::address) fn in_namespace(test: impl FnOnce() + Send + 'static) {
    if !nix::unistd::geteuid().is_root() {
        let name = std::thread::current().name().map(str::to_owned);
        eprintln!("SKIPPED: {name:?} needs root for a network namespace");
        return;
    }
    let run = std::thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        ip("link set lo up");
        ip("link add eth0 type veth peer name peer0");
        ip("link set eth0 up");
        ip("link set peer0 up");
        test();
    });
    if let Err(panic) = run.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Runs `ip` with these words, and insists that it works.
pub(in crate::address) fn ip(words: &str) -> String {
    let output = Command::new("ip").args(words.split_whitespace()).output();
    let output = output.expect("iproute2 is installed");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {words}: {complaint}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Whether an interface has this line of `ip -o address`.
pub(super) fn has(device: &str, words: &str) -> bool {
    let all = ip(&format!("-o addr show dev {device}"));
    let wanted: Vec<&str> = words.split_whitespace().collect();
    all.lines().any(|line| {
        let line: Vec<&str> = line.split_whitespace().collect();
        line.windows(wanted.len()).any(|window| window == wanted)
    })
}

/// The addresses of `eth0` of one family, in the kernel's order.
pub(super) fn addresses(family: u8) -> Vec<String> {
    let all = ip(&format!("-o -{family} addr show dev eth0"));
    let third = |line: &str| line.split_whitespace().nth(3).map(str::to_owned);
    all.lines().filter_map(third).collect()
}

/// Waits until something holds.
pub(in crate::address) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A virtual address as an entry without further words gives it.
pub(super) fn vip(address: &str) -> VipPlan {
    let (address, prefix) = match address.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix.parse().unwrap())),
        None => (address, None),
    };
    let address: IpAddr = address.parse().unwrap();
    let whole = if address.is_ipv4() { 32 } else { 128 };
    VipPlan {
        address,
        prefix: prefix.unwrap_or(whole),
        interface: None,
        broadcast: None,
        scope: 0,
        label: None,
        peer: None,
        dad: false,
        home: false,
        manage_temporary: false,
        autojoin: false,
        no_prefix_route: false,
        preferred_lifetime: if prefix.is_some() { u32::MAX } else { 0 },
        track: true,
    }
}

/// The identity of the router with this VRID on `eth0`.
pub(super) fn id(family: Family, vrid: u8) -> RouterId {
    RouterId {
        interface: ETH0,
        family,
        vrid: Vrid::new(vrid).unwrap(),
    }
}

/// A router on `eth0` with keepalived's settings but the second burst.
pub(in crate::address) fn router(vrid: u8, addresses: &[&str]) -> RouterAddresses {
    let addresses: Vec<_> = addresses.iter().map(|a| (ETH0, vip(a))).collect();
    let family = addresses
        .first()
        .map_or(Family::V4, |(_, vip)| Family::of(&vip.address));
    RouterAddresses {
        id: id(family, vrid),
        source: match family {
            Family::V4 => SourceChoice::Primary,
            Family::V6 => SourceChoice::LinkLocal,
        },
        addresses,
        restore: RestoreAddresses::On,
        announce: AnnounceSettings {
            repeat: 5,
            delay: Duration::ZERO,
            refresh: Duration::ZERO,
            refresh_repeat: 1,
            lower_repeat: 5,
            lower_delay: Duration::ZERO,
            round_gap: Duration::ZERO,
        },
        arp_interval: Duration::ZERO,
        na_interval: Duration::ZERO,
        arp_target_broadcast: true,
        na_router_flag: false,
    }
}

/// Routers on `eth0`, without sockets.
pub(super) fn setup(routers: Vec<RouterAddresses>) -> AddressSetup {
    AddressSetup {
        interfaces: vec![InterfaceSetup {
            key: ETH0,
            name: "eth0".to_owned(),
            sockets: None,
            tracker: None,
        }],
        routers,
    }
}

/// The same with these sockets on `eth0`.
pub(super) fn with_sockets(mut setup: AddressSetup, sockets: SocketSpec) -> AddressSetup {
    setup.interfaces[0].sockets = Some(sockets);
    setup
}

/// An address thread, seen by the engine and by the world.
pub(super) struct Bench {
    pub(super) commands: Sender<AddressCommand>,
    reports: Receiver<AddressReport>,
    world: Receiver<Report>,
    /// What the world was told so far.
    pub(super) told: Vec<Report>,
    /// What the engine was told and no test asked for yet.
    waiting: Vec<AddressReport>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Bench {
    /// Starts the thread and waits until it knows everything.
    pub(super) fn start(setup: AddressSetup) -> Self {
        let mut bench = Self::start_without_waiting(setup);
        bench.expect("everything to be known", |report| {
            matches!(report, AddressReport::Settled).then_some(())
        });
        bench
    }

    /// Starts the thread.
    pub(super) fn start_without_waiting(setup: AddressSetup) -> Self {
        let (mut bench, ends) = Self::queues();
        bench.thread = Some(super::super::spawn(setup, ends, None).unwrap());
        bench
    }

    /// No thread: the test itself takes each turn of the loop.
    pub(super) fn by_hand(setup: AddressSetup) -> (Self, AddressThread) {
        let (bench, ends) = Self::queues();
        let (monitor, requests) = (Monitor::open().unwrap(), Requests::open().unwrap());
        (bench, AddressThread::new(setup, ends, monitor, requests))
    }

    fn queues() -> (Self, AddressEnds) {
        let (commands, inbox) = queue::bounded(256, Signal::new().unwrap());
        let (outbox, reports) = queue::bounded(256, Signal::new().unwrap());
        let (facts, world) = queue::bounded(8192, Signal::new().unwrap());
        let ends = AddressEnds {
            commands: inbox,
            reports: outbox,
            world: facts,
        };
        let bench = Self {
            commands,
            reports,
            world,
            told: Vec::new(),
            waiting: Vec::new(),
            thread: None,
        };
        (bench, ends)
    }

    pub(super) fn ask(&mut self, command: AddressCommand) {
        self.commands.send(command).unwrap();
    }

    pub(super) fn add(&mut self, router: RouterId) {
        self.ask(AddressCommand::Add { router });
    }

    pub(super) fn remove(&mut self, router: RouterId) {
        self.ask(AddressCommand::Remove { router });
    }

    pub(super) fn announce(&mut self, router: RouterId, reason: AnnounceReason) {
        self.ask(AddressCommand::Announce { router, reason });
    }

    /// Takes what the engine was told, oldest first.
    fn take(&mut self) {
        while let Some(report) = self.reports.try_next() {
            self.waiting.push(report);
        }
        while let Some(report) = self.world.try_next() {
            self.told.push(report);
        }
    }

    /// The first report that `pick` takes, and forgets those before it.
    pub(super) fn expect<T>(
        &mut self,
        what: &str,
        mut pick: impl FnMut(&AddressReport) -> Option<T>,
    ) -> T {
        self.expect_owned(what, |report| pick(&report).ok_or(report))
    }

    /// The same for what a report owns.
    pub(super) fn expect_owned<T>(
        &mut self,
        what: &str,
        mut pick: impl FnMut(AddressReport) -> Result<T, AddressReport>,
    ) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            self.take();
            while !self.waiting.is_empty() {
                if let Ok(found) = pick(self.waiting.remove(0)) {
                    return found;
                }
            }
            assert!(
                Instant::now() < end,
                "waited in vain for {what}; told {:?}",
                self.told
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Whether a report that `pick` takes has come so far; keeps everything.
    pub(super) fn has_come(&mut self, pick: impl Fn(&AddressReport) -> bool) -> bool {
        self.take();
        self.waiting.iter().any(pick)
    }

    /// Waits until a router's addresses are in this state.
    pub(super) fn expect_state(
        &mut self,
        router: RouterId,
        present: u16,
        wanted: u16,
    ) -> AddressState {
        let what = format!("{present} of {wanted} addresses of {router:?}");
        self.expect(&what, |report| match report {
            AddressReport::Addresses { router: r, state }
                if *r == router && state.present == present && state.wanted == wanted =>
            {
                Some(*state)
            }
            _ => None,
        })
    }

    /// Waits for a fact that the world is told.
    pub(super) fn expect_fact<T>(&mut self, what: &str, pick: impl Fn(&Report) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            self.take();
            if let Some(found) = self.told.iter().find_map(&pick) {
                return found;
            }
            assert!(
                Instant::now() < end,
                "waited in vain for {what}; told {:?}",
                self.told
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// A fact that the world was told so far.
    pub(super) fn find_fact<T>(&mut self, pick: impl Fn(&Report) -> Option<T>) -> Option<T> {
        self.take();
        self.told.iter().find_map(pick)
    }

    /// How many facts that `pick` takes the world was told so far.
    pub(super) fn count(&mut self, pick: impl Fn(&Report) -> bool) -> usize {
        self.take();
        self.told.iter().filter(|report| pick(report)).count()
    }

    /// Waits for the next source address of a router.
    pub(super) fn expect_source(&mut self, router: RouterId) -> Option<IpAddr> {
        self.expect("a source address", |report| match report {
            AddressReport::Source { router: r, address } if *r == router => Some(*address),
            _ => None,
        })
    }

    /// Stops the thread; how many addresses it left.
    pub(super) fn stop(mut self) -> u16 {
        self.ask(AddressCommand::Stop);
        let left = self.expect("the end", |report| match report {
            AddressReport::Stopped { left } => Some(*left),
            _ => None,
        });
        self.thread.take().unwrap().join().unwrap();
        left
    }

    /// The engine is gone without a word.
    pub(super) fn abandon(mut self) {
        let thread = self.thread.take().unwrap();
        drop(self);
        thread.join().unwrap();
    }
}
