//! The sampler against a real kernel, in network namespaces of the tests' own.

use std::collections::HashSet;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use socket2::{Domain, Protocol, Socket, Type};
use vrrp_record::history::{NO_ANSWER, ProbeTarget, Sample, Unit};
use vrrp_record::ring::{Layout, RegionReader, Ring, RunHeader, Tail, samples_of};

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);
/// The group of VRRP over IPv4.
const GROUP: &str = "224.0.0.18";

/// Another namespace behind `eth0`, which ends with the value.
struct Neighbour(Child);

impl Neighbour {
    fn pid(&self) -> String {
        self.0.id().to_string()
    }

    fn run(&self, words: &str) {
        let pid = self.pid();
        let output = Command::new("nsenter")
            .args(["-t", &pid, "-n"])
            .args(words.split_whitespace())
            .output()
            .unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words}: {complaint}");
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ip(words: &str) {
    let output = Command::new("ip")
        .args(words.split_whitespace())
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {words}: {complaint}");
}

fn index(name: &str) -> u32 {
    nix::net::if_::if_nametoindex(name).unwrap()
}

/// A thread with a namespace of its own: `eth0` with 10.0.0.1 and a neighbour behind it with 10.0.0.2 and 10.0.0.3.
fn in_lab(test: impl FnOnce(&Neighbour) + Send + 'static) {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: namespaces need root");
        return;
    }
    let run = std::thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        ip("link set lo up");
        ip("link add eth0 type veth peer name peer0");
        let child = Command::new("unshare")
            .args(["--net", "sleep", "120"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let neighbour = Neighbour(child);
        let other = format!("/proc/{}/ns/net", neighbour.pid());
        until("the neighbour's namespace", || {
            let own = std::fs::read_link("/proc/thread-self/ns/net").unwrap();
            let host = std::fs::read_link("/proc/self/ns/net").unwrap();
            std::fs::read_link(&other).is_ok_and(|other| other != own && other != host)
        });
        ip(&format!("link set peer0 netns {}", neighbour.pid()));
        ip("addr add 10.0.0.1/24 dev eth0");
        ip("link set eth0 up");
        neighbour.run("ip link set peer0 up");
        neighbour.run("ip addr add 10.0.0.2/24 dev peer0");
        neighbour.run("ip addr add 10.0.0.3/24 dev peer0");
        test(&neighbour);
    });
    if let Err(panic) = run.join() {
        std::panic::resume_unwind(panic);
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn watch(peers: &[&str], probe: bool) -> Watch {
    Watch {
        interfaces: vec![watch::Interface {
            name: "eth0".to_owned(),
            vrids: vec![51],
            groups: vec![GROUP.parse().unwrap()],
            peers: peers.iter().map(|peer| peer.parse().unwrap()).collect(),
            families: [true, false],
        }],
        virtuals: HashSet::from(["10.0.0.100".parse().unwrap()]),
        probe,
    }
}

/// A sampler with a ring, and the reader's end of that.
struct Sampled {
    sampler: Sampler,
    reader: Mutex<(RegionReader<'static, ADVERT>, Vec<Sample>)>,
}

fn start(watch: Watch) -> Sampled {
    let layout = Layout::new(2 << 20, 1).unwrap();
    let words = layout.bytes() / 8;
    let words: Vec<AtomicU64> = std::iter::repeat_with(AtomicU64::default)
        .take(words)
        .collect();
    let ring = Ring::format(&layout, Vec::leak(words), &RunHeader::default()).unwrap();
    let reader = ring.samples.reader();
    let sampler = Sampler::start(Setup {
        watch,
        axis: Axis::new(clock::now(), 1_000_000_000_000),
        heard: Box::new(Vec::new),
        missing: Vec::new(),
        ring: Some(ring.samples),
    });
    Sampled {
        sampler: sampler.unwrap(),
        reader: Mutex::new((reader, Vec::new())),
    }
}

impl Sampled {
    fn evidence(&self) -> Evidence {
        self.sampler.evidence()
    }

    fn samples(&self) -> Vec<Sample> {
        let (reader, all) = &mut *self.reader.lock().unwrap();
        let mut slot = [0; ADVERT];
        while let Tail::Record(_) | Tail::Lost(_) = reader.next(&mut slot) {
            all.extend(samples_of(&slot));
        }
        all.clone()
    }

    fn all(&self, unit: Unit, object: u32) -> Vec<u64> {
        let samples = self.samples().into_iter();
        samples
            .filter(|sample| (sample.unit, sample.object) == (unit, object))
            .map(|sample| sample.value)
            .collect()
    }

    fn last(&self, unit: Unit, object: u32) -> Option<u64> {
        self.all(unit, object).last().copied()
    }

    fn until(&self, unit: Unit, object: u32, holds: impl Fn(u64) -> bool) {
        until(&format!("{unit:?}"), || {
            self.last(unit, object).is_some_and(&holds)
        });
    }
}

/// The frames of a peer: VRRP version 3 with this VRID, `count` times.
fn advertise(neighbour: &Neighbour, vrid: u8, count: usize) {
    let namespace = std::fs::File::open(format!("/proc/{}/ns/net", neighbour.pid())).unwrap();
    let send = std::thread::spawn(move || {
        nix::sched::setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(112))).unwrap();
        socket
            .set_multicast_if_v4(&"10.0.0.2".parse().unwrap())
            .unwrap();
        let to: std::net::SocketAddr = format!("{GROUP}:0").parse().unwrap();
        for _ in 0..count {
            let packet = [0x31, vrid, 100, 1, 0, 100, 0, 0, 10, 0, 0, 100];
            socket.send_to(&packet, &to.into()).unwrap();
        }
    });
    send.join().unwrap();
}

#[test]
fn counters_of_an_interface_move_with_its_traffic_and_adverts_are_counted_before_a_firewall() {
    in_lab(|neighbour| {
        let sampler = start(watch(&[], false));
        let eth0 = index("eth0");
        sampler.until(Unit::AdvertsAtInterface, eth0, |count| count == 0);
        let before = sampler.last(Unit::InterfaceReceived, eth0).unwrap();
        // A filter that drops the protocol before any socket: the count does not mind.
        let rules = "table netdev t { chain c { type filter hook ingress device eth0 priority 0; ip protocol 112 drop; }\n}";
        let filtered = Command::new("nft").arg(rules).output().unwrap();
        assert!(filtered.status.success(), "{filtered:?}");
        advertise(neighbour, 51, 7);
        advertise(neighbour, 52, 5);
        sampler.until(Unit::AdvertsAtInterface, eth0, |count| count == 7);
        sampler.until(Unit::InterfaceReceived, eth0, |count| count >= before + 12);
        // Our own adverts are none that arrive.
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(112))).unwrap();
        socket
            .set_multicast_if_v4(&"10.0.0.1".parse().unwrap())
            .unwrap();
        let to: std::net::SocketAddr = format!("{GROUP}:0").parse().unwrap();
        let sent = sampler.last(Unit::InterfaceSent, eth0).unwrap();
        for _ in 0..3 {
            let packet = [0x31, 51, 100, 1, 0, 100, 0, 0, 10, 0, 0, 100];
            socket.send_to(&packet, &to.into()).unwrap();
        }
        sampler.until(Unit::InterfaceSent, eth0, |count| count >= sent + 3);
        assert_eq!(sampler.last(Unit::AdvertsAtInterface, eth0), Some(7));
    });
}

#[test]
fn a_membership_and_a_queue_s_drops_and_a_carrier_are_followed() {
    in_lab(|neighbour| {
        let sampler = start(watch(&[], false));
        let eth0 = index("eth0");
        sampler.until(Unit::Membership, eth0, |count| count == 0);
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(112))).unwrap();
        let group = GROUP.parse().unwrap();
        socket
            .join_multicast_v4_n(&group, &socket2::InterfaceIndexOrAddress::Index(eth0))
            .unwrap();
        sampler.until(Unit::Membership, eth0, |count| count == 1);
        sampler.until(Unit::SocketDropped, 0, |drops| drops == 0);
        drop(socket);
        sampler.until(Unit::Membership, eth0, |count| count == 0);

        let changes = sampler.last(Unit::CarrierChanges, eth0).unwrap();
        neighbour.run("ip link set peer0 down");
        sampler.until(Unit::CarrierChanges, eth0, |now| now > changes);
        neighbour.run("ip link set peer0 up");

        sampler.until(Unit::InterfaceMaster, eth0, |master| master == 0);
        for words in ["link add br0 type bridge", "link set eth0 master br0"] {
            let output = Command::new("ip").args(words.split_whitespace()).output();
            assert!(output.unwrap().status.success(), "{words}");
        }
        let bridge = u64::from(index("br0"));
        sampler.until(Unit::InterfaceMaster, eth0, |master| master == bridge);
        let output = Command::new("ip").args(["link", "del", "br0"]).output();
        assert!(output.unwrap().status.success());
        sampler.until(Unit::InterfaceMaster, eth0, |master| master == 0);

        let slow = "qdisc add dev eth0 root tbf rate 20kbit burst 200 limit 300";
        let output = Command::new("tc").args(slow.split_whitespace()).output();
        assert!(output.unwrap().status.success());
        sampler.until(Unit::QdiscDropped, eth0, |drops| drops == 0);
        let socket = std::net::UdpSocket::bind("10.0.0.1:0").unwrap();
        let end = Instant::now() + PATIENCE;
        while sampler.last(Unit::QdiscDropped, eth0) == Some(0) && Instant::now() < end {
            for _ in 0..50 {
                let _ = socket.send_to(&[0; 100], "10.0.0.2:9");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        sampler.until(Unit::QdiscDropped, eth0, |drops| drops > 0);
        assert!(
            sampler
                .all(Unit::QdiscBacklog, eth0)
                .iter()
                .any(|bytes| *bytes > 0)
        );
    });
}

#[test]
fn the_machine_s_own_counters_are_there() {
    in_lab(|_| {
        let sampler = start(watch(&[], false));
        for unit in [
            Unit::Steal,
            Unit::SoftirqDropped,
            Unit::SoftirqSqueezed,
            Unit::WallClock,
        ] {
            sampler.until(unit, 0, |_| true);
        }
        // What is not there is told.
        let unavailable = sampler.evidence().unavailable(clock::now());
        let told = |what: &str| {
            unavailable
                .iter()
                .any(|missing| missing.what.contains(what))
        };
        assert!(told("PSI") || sampler.last(Unit::PressureCpu, 0).is_some());
        assert!(told("run-queue wait") || sampler.last(Unit::RunDelay, 0).is_some());
        assert!(told("queue stalls on eth0"), "{unavailable:?}");
        let late = clock::now().saturating_add(Duration::from_secs(60));
        let silent = sampler.evidence().unavailable(late);
        assert!(silent.iter().any(|missing| missing.what == "host counters"));
    });
}

#[test]
fn a_probe_sees_neighbour_and_gateway_answer_and_the_neighbour_fall_silent() {
    in_lab(|neighbour| {
        ip("route add default via 10.0.0.3");
        let sampler = start(watch(&["10.0.0.2", "192.0.2.77"], true));
        let interface = index("eth0");
        let target = |number| ProbeTarget { interface, number }.object();
        let peer = target(ProbeTarget::FIRST_PEER);
        sampler.until(Unit::ProbeRoundTrip, peer, |nanos| nanos < 900_000_000);
        sampler.until(Unit::ProbeRoundTrip, target(0), |nanos| nanos < 900_000_000);
        // Nobody beyond the link can answer on it.
        assert_eq!(sampler.last(Unit::ProbeRoundTrip, peer + 1), None);
        neighbour.run("ip link set peer0 arp off");
        neighbour.run("ip addr del 10.0.0.2/24 dev peer0");
        sampler.until(Unit::ProbeRoundTrip, peer, |nanos| nanos == NO_ANSWER);
    });
}

#[test]
fn a_probe_never_has_a_virtual_address_as_its_sender() {
    in_lab(|neighbour| {
        ip("addr flush dev eth0");
        ip("addr add 10.0.0.100/24 dev eth0");
        ip("addr add 10.0.0.1/24 dev eth0");
        let namespace = std::fs::File::open(format!("/proc/{}/ns/net", neighbour.pid())).unwrap();
        let sniff = std::thread::spawn(move || {
            nix::sched::setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
            let socket = Socket::new(Domain::PACKET, Type::RAW, None).unwrap();
            socket
                .bind(&crate::sys::packet::address(index("peer0"), 0x0806).unwrap())
                .unwrap();
            socket
                .set_read_timeout(Some(Duration::from_millis(100)))
                .unwrap();
            let (mut senders, mut frame) = (Vec::new(), [0; 64]);
            let end = Instant::now() + Duration::from_secs(3);
            while Instant::now() < end {
                let mut reader: &Socket = &socket;
                if io::Read::read(&mut reader, &mut frame).is_ok_and(|length| length >= 42)
                    && frame[21] == 1
                {
                    senders.push((frame[28..32].to_vec(), frame[38..42].to_vec()));
                }
            }
            senders
        });
        let _sampler = start(watch(&["10.0.0.2"], true));
        let senders = sniff.join().unwrap();
        let asked = senders
            .iter()
            .filter(|(_, target)| target == &[10, 0, 0, 2]);
        assert!(asked.clone().count() >= 1, "{senders:?}");
        assert!(
            asked.clone().all(|(sender, _)| sender == &[10, 0, 0, 1]),
            "{senders:?}"
        );
    });
}

/// Prints what the sampler costs, for docs/evidence.md.
#[test]
#[ignore = "a measurement, not a test: takes ten seconds"]
fn measure_the_cost() {
    in_lab(|_| {
        let sampler = start(watch(&["10.0.0.2"], true));
        let task = || {
            let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
            let sampler = { tasks }
                .find(|task| {
                    std::fs::read_to_string(task.path().join("comm"))
                        .is_ok_and(|comm| comm.trim() == "sampler")
                })
                .unwrap();
            let text = std::fs::read_to_string(sampler.path().join("schedstat")).unwrap();
            text.split(' ').next().unwrap().parse::<u64>().unwrap()
        };
        std::thread::sleep(Duration::from_secs(2));
        let (before, samples) = (task(), sampler.samples().len());
        std::thread::sleep(Duration::from_secs(10));
        let (after, now) = (task(), sampler.samples().len());
        eprintln!(
            "CPU: {} us a second; samples: {} a second",
            (after - before) / 10_000,
            (now - samples) / 10
        );
    });
}
