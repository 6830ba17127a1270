//! Without `-n`: the daemon goes on in a process of its own, and the command returns when it is up, or says why not.
//!
//! As with the runner, this program is executed again with a hidden first argument, so that nothing is forked that has
//! threads. keepalived returns at once and leaves failures to the log; here the exit code tells them.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::unistd;

use crate::exit::Exit;

/// The hidden first argument of the process in the background.
pub const ARGUMENT: &str = "@background";

/// Starts the daemon in the background and waits until it is up or has failed.
///
/// # Errors
/// When it cannot be started.
pub fn start(program: &str, arguments: &[OsString]) -> io::Result<Exit> {
    let (mut reader, writer) = io::pipe()?;
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0(program)
        .arg(ARGUMENT)
        .args(arguments)
        .stdin(Stdio::from(OwnedFd::from(writer)))
        .stdout(Stdio::null());
    let mut child = command.spawn()?;
    // The writing end must be the child's alone, or its end would not be seen.
    drop(command);
    let mut code = [0];
    match reader.read(&mut code)? {
        1 if code[0] == 0 => Ok(Exit::Success),
        1 => Ok(Exit::Class(code[0])),
        _ => {
            let status = child.wait()?;
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            Ok(code.map_or(Exit::Internal, |code| match code {
                0 => Exit::Success,
                code => Exit::Class(code),
            }))
        }
    }
}

/// The parent in the foreground, which waits for word.
#[derive(Debug)]
pub struct Parent(File);

impl Parent {
    /// Leaves the terminal and its session. Standard input is the way to the parent.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn detach() -> io::Result<Self> {
        let parent = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        let null = File::open("/dev/null")?;
        unistd::dup2_stdin(&null)?;
        // Fails only where we lead a session already.
        let _ = unistd::setsid();
        unistd::chdir("/")?;
        Ok(Self(parent))
    }

    /// Tells the parent that the daemon is up, and lets go of the terminal's standard error.
    pub fn release(mut self) {
        // A parent that was interrupted does not wait any more.
        let _ = self.0.write_all(&[Exit::Success.code()]);
        if let Ok(null) = File::options().write(true).open("/dev/null") {
            let _ = unistd::dup2_stderr(&null);
        }
    }
}
