//! The socket file: made with its owner and mode before anybody can connect, and removed at the end.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Group, chown};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::UnixListener;
use vrrp_record::control::SOCKET_NAME;

/// The group whose members may ask.
pub(crate) const GROUP: &str = "vrrpd";

/// Connections that wait to be accepted; more are refused by the kernel.
const BACKLOG: i32 = 64;

/// Why the control socket cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Another daemon answers there.
    #[error("another daemon answers at {}: stop it, or choose another run directory with --run-dir", .0.display())]
    InUse(PathBuf),
    /// Something that is no socket has its name.
    #[error("{} exists and is no socket: move it away, or choose another run directory with --run-dir", .0.display())]
    NotASocket(PathBuf),
    /// A step failed.
    #[error("cannot {step} the control socket {}", .path.display())]
    Io {
        /// What was tried.
        step: &'static str,
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The bound socket; its file goes when this does.
#[derive(Debug)]
pub struct Listener {
    pub(super) socket: UnixListener,
    file: SocketFile,
}

/// The file behind the socket.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Listener {
    /// Makes `run_dir/control.sock`: for the group `vrrpd` where it exists, else for the daemon's own user (and root).
    ///
    /// A stale socket file of a daemon that was killed is replaced. Needs a tokio runtime.
    ///
    /// # Errors
    /// See [`ControlError`].
    pub fn bind(run_dir: &Path) -> Result<Self, ControlError> {
        let group = Group::from_name(GROUP)
            .ok()
            .flatten()
            .map(|group| group.gid);
        Self::bind_for(run_dir, group)
    }

    /// [`Listener::bind`] for a group that the caller looked up.
    pub(super) fn bind_for(run_dir: &Path, group: Option<Gid>) -> Result<Self, ControlError> {
        let path = run_dir.join(SOCKET_NAME);
        let failed = |step| {
            let path = path.clone();
            move |source| ControlError::Io { step, path, source }
        };
        remove_stale(&path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(failed("create"))?;
        socket.set_nonblocking(true).map_err(failed("create"))?;
        let address = SockAddr::unix(&path).map_err(failed("name"))?;
        socket.bind(&address).map_err(failed("bind"))?;
        let metadata = fs::symlink_metadata(&path).map_err(failed("look at"))?;
        let file = SocketFile {
            path: path.clone(),
            device: metadata.dev(),
            inode: metadata.ino(),
        };
        // Nobody can connect before listen(), so there is no moment with the wrong mode.
        // Under its unit the daemon has that group already, and a sandbox that lets nobody change owners.
        let give = |group: Gid| {
            if metadata.gid() == group.as_raw() {
                Ok(())
            } else {
                chown(&path, None, Some(group))
            }
        };
        let mode = match group.map(give) {
            Some(Ok(())) => 0o660,
            Some(Err(error)) => {
                tracing::warn!(
                    "cannot give the control socket to group {GROUP}: {}; only root can use vrrpctl",
                    error.desc()
                );
                0o600
            }
            None => 0o600,
        };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))
            .map_err(failed("change the mode of"))?;
        socket.listen(BACKLOG).map_err(failed("listen at"))?;
        let socket = UnixListener::from_std(socket.into()).map_err(failed("register"))?;
        Ok(Self { socket, file })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.file.path
    }
}

impl Drop for SocketFile {
    /// Removes the file, unless another one took its name in the meantime.
    fn drop(&mut self) {
        let same = fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| metadata.dev() == self.device && metadata.ino() == self.inode);
        if same && let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "cannot remove the control socket");
        }
    }
}

/// Removes a socket file that nobody listens at.
fn remove_stale(path: &Path) -> Result<(), ControlError> {
    let failed = |step, source| ControlError::Io {
        step,
        path: path.to_owned(),
        source,
    };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("look at", error)),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(ControlError::NotASocket(path.to_owned()));
        }
        Ok(_) => {}
    }
    match connect_without_waiting(path) {
        Ok(()) => Err(ControlError::InUse(path.to_owned())),
        // A full backlog is a daemon too busy to accept, not a dead one.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(ControlError::InUse(path.to_owned()))
        }
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|error| failed("replace", error))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed("try", error)),
    }
}

/// Connects without waiting for a listener whose backlog is full.
fn connect_without_waiting(path: &Path) -> io::Result<()> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)?;
    drop(UnixStream::from(socket));
    Ok(())
}
