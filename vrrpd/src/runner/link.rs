//! Starting the runner, and what can go wrong with it.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::libc;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

use super::client::Runner;
use super::files::FileError;
use crate::service::orphans;

/// The hidden first argument that makes a vrrpd the runner.
pub const ARGUMENT: &str = "@runner";
/// Why the runner did not do something.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// It could not be started.
    #[error("cannot start the runner process")]
    Spawn(#[source] io::Error),
    /// None starts behind the socket that `--runner` names.
    #[error(
        "cannot reach a runner at {}: is vrrpd-runner.socket started? Without --runner vrrpd starts a runner of its own",
        .0.display()
    )]
    Connect(PathBuf, #[source] io::Error),
    /// It ended.
    #[error("the runner process has ended")]
    Gone,
    /// It does not take requests now.
    #[error("the runner process does not take requests")]
    Busy,
    /// It did not answer.
    #[error("the runner process did not answer within {} s", .0.as_secs())]
    Silent(Duration),
    /// The request cannot be sent.
    #[error("cannot ask the runner process")]
    Send(#[source] io::Error),
}

impl From<RunnerError> for FileError {
    fn from(error: RunnerError) -> Self {
        let errno = match &error {
            RunnerError::Silent(_) => libc::ETIMEDOUT,
            RunnerError::Busy => libc::EAGAIN,
            RunnerError::Spawn(_)
            | RunnerError::Connect(..)
            | RunnerError::Gone
            | RunnerError::Send(_) => libc::EIO,
        };
        let message = error.to_string();
        Self::Refused { errno, message }
    }
}

/// A runner that was started and not yet spoken to: no thread exists on its behalf.
#[derive(Debug)]
pub struct Link {
    socket: OwnedFd,
    /// Where it is a child of ours, and no service manager's.
    process: Option<std::process::Child>,
}

impl Link {
    /// Starts the runner from this program's own file.
    ///
    /// # Errors
    /// [`RunnerError::Spawn`].
    pub fn spawn() -> Result<Self, RunnerError> {
        // Not the file's path: an upgrade may have put another program there.
        Self::spawn_from(Path::new("/proc/self/exe"))
    }

    /// Starts the runner from a vrrpd at `executable`.
    ///
    /// # Errors
    /// [`RunnerError::Spawn`].
    pub fn spawn_from(executable: &Path) -> Result<Self, RunnerError> {
        let pair = socketpair(
            AddressFamily::Unix,
            SockType::SeqPacket,
            None,
            SockFlag::SOCK_CLOEXEC,
        );
        let (socket, theirs) = pair.map_err(|errno| RunnerError::Spawn(errno.into()))?;
        let mut command = Command::new(executable);
        command
            .arg0("vrrpd-runner")
            .arg(ARGUMENT)
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = orphans::start_own(&mut command).map_err(RunnerError::Spawn)?;
        Ok(Self {
            socket,
            process: Some(process),
        })
    }

    /// Connects to a socket behind which the service manager starts a runner for each connection: it is then outside of
    /// the daemon's sandbox, and the daemon needs no root to begin with.
    ///
    /// # Errors
    /// [`RunnerError::Connect`].
    pub fn connect(path: &Path) -> Result<Self, RunnerError> {
        let failed = |error: io::Error| RunnerError::Connect(path.to_owned(), error);
        let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::SEQPACKET, None)
            .map_err(failed)?;
        let address = socket2::SockAddr::unix(path).map_err(failed)?;
        socket.connect(&address).map_err(failed)?;
        Ok(Self {
            socket: socket.into(),
            process: None,
        })
    }

    /// Starts the thread that takes the runner's replies.
    ///
    /// # Errors
    /// [`RunnerError::Spawn`].
    pub fn attach(self) -> Result<Runner, RunnerError> {
        Runner::attach(self.socket, self.process)
    }
}
