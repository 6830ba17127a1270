//! A lab: hosts, and a switch in a namespace of its own whose bridges join them.

use std::collections::HashMap;
use std::io::Write as _;
use std::net::IpAddr;
use std::process::{Command, Stdio};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};

use super::capture::{Capture, Ports};
use super::host::Host;
use super::scratch::Scratch;
use super::wait::wait_until;
use super::worker::Worker;

const LINK_BOUND: Duration = Duration::from_secs(10);
/// Lines of each program's output that a failure shows.
const SHOWN_LINES: usize = 60;
/// Frames that a failure shows.
const SHOWN_FRAMES: usize = 40;

/// Hosts and their wires. When it is dropped in a panic it prints what the hosts' programs wrote.
#[derive(Debug)]
pub struct Lab {
    capture: Capture,
    hosts: Vec<Host>,
    links: u8,
    ports: Ports,
    switch: Worker,
    /// After everything that writes there.
    scratch: Scratch,
}

impl Lab {
    /// An empty lab.
    ///
    /// # Panics
    /// Without root.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it makes namespaces")]
    pub fn new() -> Self {
        let scratch = Scratch::new();
        let switch = Worker::start("switch", || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap_or_else(|error| {
                panic!("cannot make a network namespace: {error}; this needs root")
            });
            // The switch itself has no address and sends nothing.
            for family in ["all", "default"] {
                let path = format!("/proc/sys/net/ipv6/conf/{family}/disable_ipv6");
                let _ = std::fs::write(path, "1");
            }
        });
        let ports: Ports = Arc::default();
        let capture = Capture::start(switch.run(Capture::open), Arc::clone(&ports));
        Self {
            capture,
            hosts: Vec::new(),
            links: 0,
            ports,
            switch,
            scratch,
        }
    }

    /// Adds a host without wires.
    pub fn host(&mut self, name: &str) -> Host {
        let host = Host::start(name, self.scratch.path());
        self.hosts.push(host.clone());
        host
    }

    /// Adds a segment: a bridge that floods multicast and forwards at once.
    pub fn segment(&self, name: &str) {
        self.batch(&format!(
            "link add {name} type bridge stp_state 0 forward_delay 0 mcast_snooping 0\nlink set {name} up\n"
        ));
    }

    /// Wires `interface` of a host to a segment and gives it addresses (`10.0.0.1/24`). MAC addresses rise with each
    /// link made, so later hosts have the higher link-local address.
    pub fn link(&mut self, host: &Host, interface: &str, segment: &str, addresses: &[&str]) {
        self.links += 1;
        let port = port(host, interface);
        self.batch(&format!(
            "link add {port} type veth peer name {interface} address 02:00:00:00:01:{:02x} netns {}\n\
             link set {port} master {segment}\n",
            self.links,
            host.first_process(),
        ));
        let index = self
            .switch
            .run({
                let port = port.clone();
                move || nix::net::if_::if_nametoindex(port.as_str())
            })
            .expect("the port was just made");
        self.ports
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(
                usize::try_from(index).expect("interface indices are small"),
                host.name().to_owned(),
            );
        self.batch(&format!("link set {port} up\n"));
        for address in addresses {
            let flags = if address.contains(':') { " nodad" } else { "" };
            host.ip(&format!("addr add {address} dev {interface}{flags}"));
        }
        host.ip(&format!("link set {interface} up"));
        self.wait_forwarding(&port);
    }

    /// Joins an interface of a host to one of another without a switch between them.
    pub(crate) fn wire(
        &mut self,
        host: &Host,
        interface: &str,
        other: &Host,
        end: &str,
        addresses: &[&str],
    ) {
        self.links += 1;
        self.batch(&format!(
            "link add name {interface} address 02:00:00:00:01:{:02x} netns {} type veth peer name {end} netns {}\n",
            self.links,
            host.first_process(),
            other.first_process(),
        ));
        other.ip(&format!("link set {end} up"));
        for address in addresses {
            let flags = if address.contains(':') { " nodad" } else { "" };
            host.ip(&format!("addr add {address} dev {interface}{flags}"));
        }
        host.ip(&format!("link set {interface} up"));
    }

    /// Takes the cable out: the host's interface loses its carrier.
    pub fn unplug(&self, host: &Host, interface: &str) {
        self.batch(&format!("link set {} down\n", port(host, interface)));
    }

    /// Puts the cable back.
    pub fn plug(&self, host: &Host, interface: &str) {
        let port = port(host, interface);
        self.batch(&format!("link set {port} up\n"));
        self.wait_forwarding(&port);
    }

    /// The kernel tells the bridge of a carrier with a delay, and frames before that are lost.
    fn wait_forwarding(&self, port: &str) {
        wait_until(&format!("{port} forwards"), LINK_BOUND, || {
            let port = port.to_owned();
            let shown = self.switch.run(move || {
                Command::new("ip")
                    .args(["-d", "-o", "link", "show", "dev", &port])
                    .output()
            });
            let text = String::from_utf8_lossy(&shown.ok()?.stdout).into_owned();
            text.contains("state forwarding").then_some(())
        });
    }

    /// Lets nothing through from one interface to another, without either noticing; the other direction is its own.
    pub fn cut(&self, from: (&Host, &str), to: (&Host, &str)) {
        self.nft(&format!(
            "add table bridge lab\n\
             add chain bridge lab wires {{ type filter hook forward priority 0; }}\n\
             add rule bridge lab wires iifname \"{}\" oifname \"{}\" drop\n",
            port(from.0, from.1),
            port(to.0, to.1),
        ));
    }

    /// Undoes every cut.
    pub fn heal(&self) {
        self.nft("add table bridge lab\ndelete table bridge lab\n");
    }

    /// What crosses the switch, from the lab's first moment on.
    #[must_use]
    pub const fn capture(&self) -> &Capture {
        &self.capture
    }

    /// Which of the hosts has `ip` on `interface`.
    #[must_use]
    pub fn holders(&self, interface: &str, ip: IpAddr) -> Vec<&str> {
        self.hosts
            .iter()
            .filter(|host| host.has(interface, ip))
            .map(Host::name)
            .collect()
    }

    /// Carries out rules of the bridges' firewall, in a table `bridge lab` of its own that [`heal`](Self::heal) removes.
    /// `FROM` and `TO` stand for the ports of two hosts' interfaces.
    pub fn filter(&self, from: (&Host, &str), to: (&Host, &str), rule: &str) {
        self.nft(&format!(
            "add table bridge lab\n\
             add chain bridge lab wires {{ type filter hook forward priority 0; }}\n\
             add rule bridge lab wires iifname \"{}\" oifname \"{}\" {rule}\n",
            port(from.0, from.1),
            port(to.0, to.1),
        ));
    }

    /// What the rules of [`filter`](Self::filter) have counted, rule after rule, in packets.
    #[must_use]
    pub fn filtered(&self) -> Vec<u64> {
        let output = self.switch.run(|| {
            Command::new("nft")
                .args(["list", "table", "bridge", "lab"])
                .output()
        });
        let text = output
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
            .unwrap_or_default();
        text.lines()
            .filter_map(|line| line.split_once("counter packets "))
            .filter_map(|(_, rest)| rest.split(' ').next()?.parse().ok())
            .collect()
    }

    /// Makes a segment block each port for a time after it was plugged in, as a spanning tree does: twice `delay`.
    pub fn spanning_tree(&self, segment: &str, delay: Duration) {
        self.batch(&format!(
            "link set {segment} type bridge stp_state 1 forward_delay {}\n",
            delay.as_millis() / 10
        ));
    }

    /// Puts the cable back without waiting until anything is forwarded.
    pub fn plug_at_once(&self, host: &Host, interface: &str) {
        self.batch(&format!("link set {} up\n", port(host, interface)));
    }

    fn batch(&self, commands: &str) {
        self.feed("ip", &["-batch", "-"], commands);
    }

    fn nft(&self, commands: &str) {
        self.feed("nft", &["-f", "-"], commands);
    }

    /// Runs a program of the switch with `input`.
    fn feed(&self, program: &'static str, arguments: &'static [&'static str], input: &str) {
        let text = input.to_owned();
        let output = self
            .switch
            .run(move || {
                let mut child = Command::new(program)
                    .args(arguments)
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()?;
                if let Some(mut stdin) = child.stdin.take() {
                    stdin.write_all(text.as_bytes())?;
                }
                child.wait_with_output()
            })
            .unwrap_or_else(|error| panic!("cannot run {program}: {error}"));
        assert!(
            output.status.success(),
            "{program} refused\n{input}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking() {
            report(&self.hosts, &self.capture);
        }
    }
}

fn port(host: &Host, interface: &str) -> String {
    let port = format!("{}-{interface}", host.name());
    assert!(
        port.len() < 16,
        "{port} is too long for the name of an interface: shorten the host's name"
    );
    port
}

/// What helps to understand a failure.
#[expect(clippy::print_stderr, reason = "libtest shows it with the failure")]
fn report(hosts: &[Host], capture: &Capture) {
    for host in hosts {
        for (command, log) in host.logs() {
            let lines: Vec<&str> = log.lines().collect();
            let from = lines.len().saturating_sub(SHOWN_LINES);
            eprintln!("--- {}: {command}", host.name());
            for line in lines.get(from..).unwrap_or_default() {
                eprintln!("    {line}");
            }
        }
    }
    let mut counts: HashMap<(&str, &str), usize> = HashMap::new();
    let seen = capture.since(Duration::ZERO);
    for one in &seen {
        let kind = match one.frame {
            super::Frame::Advert(_) => "adverts",
            super::Frame::Claim(_) => "claims",
        };
        if one.sent {
            *counts.entry((one.host.as_str(), kind)).or_default() += 1;
        }
    }
    eprintln!("--- sent: {counts:?}; last frames, oldest first:");
    let first = seen.first().map_or(Duration::ZERO, |one| one.at);
    let sent: Vec<_> = seen.iter().filter(|one| one.sent).collect();
    for one in sent
        .get(sent.len().saturating_sub(SHOWN_FRAMES)..)
        .unwrap_or_default()
    {
        eprintln!(
            "    {:>12.6?} {} {:?}",
            one.at.saturating_sub(first),
            one.host,
            one.frame
        );
    }
}
