//! The first process of a host: gives it its own `/proc`, takes in orphans, and ends when the lab lets go of its input,
//! whereupon the kernel ends every process of the host.
//!
//! Run as `xtask lab-init`; not a command for people.

use std::fs::File;
use std::io::{Read as _, Write as _, stdin, stdout};
use std::os::fd::AsFd as _;
use std::process::ExitCode;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::SignalFd;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

/// The word on the command line.
pub(crate) const ARGUMENT: &str = "lab-init";
/// What is written once the host is ready.
pub(crate) const READY: &str = "ready\n";

/// Runs until the input ends.
#[must_use]
#[expect(
    clippy::print_stderr,
    reason = "the lab shows the error output of a host that does not come up"
)]
pub fn init_main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the first process of a lab host: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> std::io::Result<()> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGCHLD);
    signals.thread_block()?;
    let children = SignalFd::new(&signals)?;
    mount(
        Some("proc"),
        "/proc",
        Some("proc"),
        MsFlags::empty(),
        None::<&str>,
    )?;
    stdout().write_all(READY.as_bytes())?;
    stdout().flush()?;
    let input = stdin().lock();
    loop {
        let mut ready = [
            PollFd::new(input.as_fd(), PollFlags::POLLIN),
            PollFd::new(children.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut ready, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        if ready[0].any() == Some(true) {
            let mut byte = [0];
            if File::from(input.as_fd().try_clone_to_owned()?).read(&mut byte)? == 0 {
                return Ok(());
            }
        }
        if ready[1].any() == Some(true) {
            let _ = children.read_signal()?;
            while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                if status == WaitStatus::StillAlive {
                    break;
                }
            }
        }
    }
}
