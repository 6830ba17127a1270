//! A host behind a hypervisor: its wire ends in a tap, and a program in user space carries each frame between that tap and
//! the switch, as QEMU's main loop does without vhost. Whatever stops the program stops the host's network, and nothing
//! in the host's kernel notices.
//!
//! Taps are macvtaps, which a program opens as a file. Run as `xtask lab-forwarder …`; not a command for people.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, SFlag, makedev, mknod};

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

/// A disk that the forwarder writes to in its loop: one block, waited for, about every `every`.
#[derive(Clone, Debug)]
pub struct Disk {
    /// The file, as this process sees it.
    pub file: PathBuf,
    /// Time between writes.
    pub every: Duration,
}

/// A running forwarder, on a machine of its own.
#[derive(Debug)]
pub struct Forwarder {
    process: Process,
    machine: Host,
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
        disk: Option<&Disk>,
        duplicate: bool,
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
        if duplicate {
            words.push("--twice".to_owned());
        }
        if let Some(disk) = disk {
            // The machine's own /tmp hides this one's.
            machine.within({
                let directory = disk
                    .file
                    .parent()
                    .expect("a file lies somewhere")
                    .to_owned();
                move || reveal(&directory)
            });
            words.push(format!(
                "--disk={}",
                Path::new(REVEALED)
                    .join(disk.file.file_name().expect("a file has a name"))
                    .display()
            ));
            words.push(format!("--every={}", disk.every.as_millis()));
        }
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
        Self { process, machine }
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

const REVEALED: &str = "/run/disk";

fn reveal(directory: &Path) {
    let _ = std::fs::create_dir(REVEALED);
    let mine = PathBuf::from(format!("/proc/{}/root", std::process::id()))
        .join(directory.strip_prefix("/").unwrap_or(directory));
    nix::mount::mount(
        Some(&mine),
        REVEALED,
        None::<&str>,
        nix::mount::MsFlags::MS_BIND,
        None::<&str>,
    )
    .unwrap_or_else(|error| panic!("cannot show {} to the forwarder: {error}", mine.display()));
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
    let value = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
    let twice = words.contains(&"--twice");
    let every = Duration::from_millis(
        value("--every=")
            .and_then(|every| every.parse().ok())
            .unwrap_or(100),
    );
    let mut disk = value("--disk=")
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
            && written.elapsed() >= every
        {
            use std::io::Seek as _;
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
