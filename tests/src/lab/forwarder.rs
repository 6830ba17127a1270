//! A host behind a hypervisor: its wire ends in a tap, and a program in user space carries each frame between that tap and
//! the switch, as QEMU's main loop does without vhost. Whatever stops the program stops the host's network, and nothing
//! in the host's kernel notices.
//!
//! Taps are macvtaps, which a program opens as a file. Run as `xtask lab-forwarder …`; not a command for people.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, SFlag, makedev, mknod};

use super::cgroup::Cgroup;
use super::host::Host;
use super::network::Lab;
use super::process::Process;
use super::wait::wait_until;

/// The word on the command line.
pub(crate) const ARGUMENT: &str = "lab-forwarder";
/// The tap towards the host, and the one towards the switch.
const TAPS: [&str; 2] = ["vm", "lan"];
const READY: &str = "forwarding";
const START_BOUND: Duration = Duration::from_secs(10);
/// Frames of the lab are small; larger ones come with segmentation offload.
const FRAME: usize = 70_000;
/// The longest life of the program.
const LONGEST: Duration = Duration::from_secs(600);

/// What a forwarder does besides forwarding.
#[derive(Clone, Copy, Debug, Default)]
pub struct Habits {
    /// It sends each frame twice.
    pub twice: bool,
    /// Its machine has a disk that is slow.
    pub disk: bool,
    /// It writes to that disk in its loop, one block after the other that it waits for.
    pub writes: bool,
}

/// The time between two blocks.
const WRITE_EVERY: Duration = Duration::from_millis(100);
/// Bytes a second that the forwarder's disk takes.
const DISK_SPEED: u64 = 1 << 20;
const STORE: &str = "/run/store";
const GATE: &str = "/run/gate";
const OPEN_GATE: &str = "/run/open-gate";

/// A running forwarder, on a machine of its own.
#[derive(Debug)]
pub struct Forwarder {
    /// Before its cgroup, which could not be removed.
    process: Process,
    machine: Host,
    throttle: Option<Cgroup>,
}

impl Forwarder {
    /// Wires `interface` of a host to a segment through a forwarder, and gives it addresses.
    ///
    /// # Panics
    /// When the kernel has no macvtap.
    #[must_use]
    pub fn start(
        lab: &mut Lab,
        host: &Host,
        interface: &str,
        segment: &str,
        addresses: &[&str],
        habits: Habits,
    ) -> Self {
        let machine = lab.host(&format!("hv-{}", host.name()));
        lab.wire(host, interface, &machine, "vm0", addresses);
        lab.link(&machine, "lan0", segment, &[]);
        for (tap, lower) in TAPS.into_iter().zip(["vm0", "lan0"]) {
            machine.set(&format!("net/ipv6/conf/{lower}/disable_ipv6"), "1");
            machine.ip(&format!(
                "link add link {lower} name {tap} type macvtap mode passthru"
            ));
            machine.set(&format!("net/ipv6/conf/{tap}/disable_ipv6"), "1");
            // Without this it takes no multicast but what it joined itself.
            machine.ip(&format!("link set {tap} promisc on up"));
        }
        let mut words = vec!["xtask".to_owned(), ARGUMENT.to_owned()];
        if habits.twice {
            words.push("--twice".to_owned());
        }
        let throttle = habits.disk.then(|| {
            if habits.writes {
                words.push(format!("--disk={STORE}/image"));
            }
            disk(&machine)
        });
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let process = machine.spawn(&words);
        wait_until("the forwarder forwards", START_BOUND, || {
            assert!(
                process.ended().is_none(),
                "the forwarder does not start: {}",
                process.log()
            );
            process.log().contains(READY).then_some(())
        });
        if let Some(throttle) = &throttle {
            throttle
                .add(&[process.pid()])
                .unwrap_or_else(|error| panic!("cannot throttle the forwarder's disk: {error}"));
        }
        Self {
            process,
            machine,
            throttle,
        }
    }

    /// Its process.
    #[must_use]
    pub const fn process(&self) -> &Process {
        &self.process
    }

    /// The machine that it runs on: the hypervisor.
    #[must_use]
    pub const fn machine(&self) -> &Host {
        &self.machine
    }

    /// Stops it for `time`.
    pub fn stall(&self, time: Duration) {
        self.process.signal(Signal::SIGSTOP);
        std::thread::sleep(time);
        self.process.signal(Signal::SIGCONT);
    }

    /// Something else writes to the forwarder's disk, as much as that takes in `time`; returns when it is done.
    ///
    /// # Panics
    /// Where the forwarder has no disk.
    pub fn load_disk(&self, time: Duration) {
        let throttle = self.throttle.as_ref().expect("the forwarder has a disk");
        let kilobytes = u128::from(DISK_SPEED / 1024) * time.as_millis() / 1000;
        // Waits on the pipe until it is in the group, and then writes everything at once.
        let _ = self.machine.run(&["rm", "-f", GATE]);
        self.machine.must(&format!("mkfifo {GATE}"));
        let writer = self.machine.spawn(&[
            "sh",
            "-c",
            &format!(
                "cat {GATE}; exec dd if=/dev/zero of={STORE}/backup bs={kilobytes}k count=1 oflag=direct conv=notrunc status=none"
            ),
        ]);
        throttle
            .add(&[writer.pid()])
            .unwrap_or_else(|error| panic!("cannot throttle the writer: {error}"));
        self.machine.must(&format!("sh {OPEN_GATE}"));
        let _ = writer.wait(time * 3 + START_BOUND);
    }

    /// The stops that it noticed itself: turns of its loop that took longer than half a second, in milliseconds.
    #[must_use]
    pub fn stops(&self) -> Vec<u64> {
        self.process
            .log()
            .lines()
            .filter_map(|line| {
                line.strip_prefix("stood ")?
                    .strip_suffix(" ms")?
                    .parse()
                    .ok()
            })
            .collect()
    }
}

/// A disk in the machine's memory, and the group whose processes share its speed.
fn disk(machine: &Host) -> Cgroup {
    machine.must("truncate -s 64M /run/disk.img");
    machine.must("mkfs.ext4 -q -F /run/disk.img");
    machine.must(&format!("mkdir {STORE}"));
    machine.must(&format!("mount -o loop /run/disk.img {STORE}"));
    // Written once, so that writing it again changes nothing but its content.
    for (file, megabytes) in [("image", 1), ("backup", 16)] {
        machine.must(&format!(
            "dd if=/dev/zero of={STORE}/{file} bs=1M count={megabytes} oflag=direct status=none"
        ));
    }
    machine.write(OPEN_GATE, &format!(": > {GATE}\n"), 0o700);
    let device = machine
        .run(&["stat", "-c", "%Hd:%Ld", STORE])
        .output
        .trim()
        .to_owned();
    let fail = |error| panic!("cannot throttle the disk {device}: {error}");
    if let Some(group) = Cgroup::new("blkio") {
        group
            .set(
                "blkio.throttle.write_bps_device",
                &format!("{device} {DISK_SPEED}"),
            )
            .unwrap_or_else(fail);
        return group;
    }
    let group = Cgroup::new("").unwrap_or_else(|| panic!("no cgroup of this machine limits disks"));
    group
        .set("io.max", &format!("{device} wbps={DISK_SPEED}"))
        .unwrap_or_else(fail);
    group
}

/// The forwarder itself.
#[must_use]
#[expect(clippy::print_stderr, reason = "the lab shows it when a test fails")]
pub fn forwarder_main(words: &[&str]) -> ExitCode {
    match run(words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("forwarder: {error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the lab reads it")]
fn run(words: &[&str]) -> std::io::Result<()> {
    let twice = words.contains(&"--twice");
    let mut disk = words
        .iter()
        .find_map(|word| word.strip_prefix("--disk="))
        .map(|path| {
            OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .custom_flags(libc::O_DSYNC)
                .open(path)
        })
        .transpose()?;
    let mut taps = [open(TAPS[0])?, open(TAPS[1])?];
    println!("{READY}");
    let mut buffer = vec![0; FRAME];
    let end = Instant::now() + LONGEST;
    let mut written = Instant::now();
    while Instant::now() < end {
        let turn = Instant::now();
        let ready: Vec<bool> = {
            let mut set = [
                PollFd::new(taps[0].as_fd(), PollFlags::POLLIN),
                PollFd::new(taps[1].as_fd(), PollFlags::POLLIN),
            ];
            poll(&mut set, PollTimeout::from(20_u8))?;
            set.iter().map(|one| one.any() == Some(true)).collect()
        };
        for (from, ready) in ready.into_iter().enumerate() {
            if ready {
                let length = taps[from].read(&mut buffer)?;
                let frame = buffer.get(..length).unwrap_or_default();
                for _ in 0..=usize::from(twice) {
                    // A port that is down loses the frame, as a switch would.
                    let _ = taps[1 - from].write(frame);
                }
            }
        }
        if let Some(disk) = &mut disk
            && written.elapsed() >= WRITE_EVERY
        {
            disk.rewind()?;
            disk.write_all(&[b'x'; 4096])?;
            written = Instant::now();
        }
        let took = turn.elapsed();
        if took >= Duration::from_millis(500) {
            println!("stood {} ms", took.as_millis());
        }
    }
    Ok(())
}

/// Opens a macvtap by its device number: its node in /dev may be another network's of the same index.
fn open(tap: &str) -> std::io::Result<File> {
    let sysfs = PathBuf::from(format!("/sys/class/net/{tap}/macvtap"));
    let entry = std::fs::read_dir(&sysfs)?
        .next()
        .ok_or_else(|| std::io::Error::other(format!("{tap} has no device")))??;
    let number = std::fs::read_to_string(entry.path().join("dev"))?;
    let mut parts = number.trim().split(':').map(str::parse::<u64>);
    let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else {
        return Err(std::io::Error::other(format!(
            "{tap}: device number {number}"
        )));
    };
    let node = PathBuf::from(format!("/dev/vrrpd-lab-{}-{tap}", std::process::id()));
    mknod(
        &node,
        SFlag::S_IFCHR,
        Mode::S_IRUSR | Mode::S_IWUSR,
        makedev(major, minor),
    )?;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(&node);
    std::fs::remove_file(&node)?;
    file
}
