//! The client's end of the control socket.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use vrrp_record::control::{
    Answer, Command, ErrorCode, FrameError, Response, SOCKET_NAME, VERSION, decode_frame,
};

/// How long the daemon may be silent for a question.
const PATIENCE: Duration = Duration::from_secs(6);
/// How long a change may take.
const PATIENCE_FOR_CHANGES: Duration = Duration::from_secs(65);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// Nobody listens.
    #[error(
        "vrrpd does not run: nothing answers at {}\n  start it (systemctl start vrrpd), or name its run directory \
         with --run-dir", .0.display()
    )]
    NotRunning(PathBuf),
    /// The file system refused.
    #[error(
        "no permission to open {}\n  run as root, or join the group vrrpd (usermod -aG vrrpd USER) and log in again",
        .0.display()
    )]
    NoPermission(PathBuf),
    /// The daemon refused.
    #[error("{0}")]
    Refused(String),
    /// The daemon took too long.
    #[error("the daemon does not answer: it took the connection at {} and was silent for {} s", .0.display(), .1)]
    Silent(PathBuf, u64),
    /// The daemon said why it cannot.
    #[error("{0}")]
    Failed(String),
    /// The daemon speaks another language.
    #[error(
        "the answer at {} is none that this vrrpctl ({}) understands: use the vrrpctl of the daemon's own version",
        .0.display(), env!("CARGO_PKG_VERSION")
    )]
    NotUnderstood(PathBuf),
    /// The connection broke.
    #[error("the connection to {} broke: {}", .0.display(), .1)]
    Broken(PathBuf, FrameError),
    /// Anything else about the socket.
    #[error("cannot connect to {}: {}", .0.display(), .1)]
    Connect(PathBuf, io::Error),
}

/// Asks the daemon of `run_dir` once.
///
/// # Errors
/// See [`ClientError`]; an answer that is an error is one of them.
pub(crate) fn ask(run_dir: &Path, command: Command) -> Result<Answer, ClientError> {
    let path = run_dir.join(SOCKET_NAME);
    let patience = if command.changes() {
        PATIENCE_FOR_CHANGES
    } else {
        PATIENCE
    };
    let exchanged = match socket::connect(&path) {
        Ok(mut stream) => socket::exchange(&mut stream, command, patience),
        Err(error) => return Err(refusal(path, error)),
    };
    let content = exchanged.map_err(|error| {
        if is_timeout(&error) {
            ClientError::Silent(path.clone(), patience.as_secs())
        } else {
            ClientError::Broken(path.clone(), error)
        }
    })?;
    let response: Response =
        decode_frame(&content).map_err(|_| ClientError::NotUnderstood(path.clone()))?;
    match response.answer {
        Answer::Error {
            code: ErrorCode::NotPermitted,
            message,
        } => Err(ClientError::Refused(message)),
        Answer::Error { message, .. } => Err(ClientError::Failed(message)),
        Answer::Status { .. } | Answer::Done { .. } if response.version != VERSION => {
            Err(ClientError::NotUnderstood(path))
        }
        answer @ (Answer::Status { .. } | Answer::Done { .. }) => Ok(answer),
    }
}

/// The socket itself, where there are such sockets.
#[cfg(unix)]
mod socket {
    use std::io;
    use std::os::unix::net::UnixStream;
    use std::path::Path;
    use std::time::Duration;

    use vrrp_record::control::{
        Command, FrameError, MAX_REQUEST, MAX_RESPONSE, Request, read_frame, write_frame,
    };

    pub(super) fn connect(path: &Path) -> io::Result<UnixStream> {
        UnixStream::connect(path)
    }

    pub(super) fn exchange(
        stream: &mut UnixStream,
        command: Command,
        patience: Duration,
    ) -> Result<Vec<u8>, FrameError> {
        stream
            .set_read_timeout(Some(patience))
            .map_err(FrameError::Io)?;
        stream
            .set_write_timeout(Some(patience))
            .map_err(FrameError::Io)?;
        match write_frame(stream, &Request::new(command), MAX_REQUEST) {
            Ok(()) => {}
            // A daemon that is full says so without reading the request; its words may still be there.
            Err(FrameError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(error) => return Err(error),
        }
        read_frame(stream, MAX_RESPONSE)
    }
}

/// Daemons run on Linux; elsewhere only records are read.
#[cfg(not(unix))]
mod socket {
    use std::io;
    use std::path::Path;
    use std::time::Duration;

    use vrrp_record::control::{Command, FrameError};

    pub(super) fn connect(_: &Path) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }

    pub(super) fn exchange((): &mut (), _: Command, _: Duration) -> Result<Vec<u8>, FrameError> {
        Err(FrameError::Io(io::ErrorKind::Unsupported.into()))
    }
}

fn is_timeout(error: &FrameError) -> bool {
    matches!(
        error,
        FrameError::Io(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
    )
}

fn refusal(path: PathBuf, error: io::Error) -> ClientError {
    let kind = error.kind();
    if matches!(
        kind,
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
    ) {
        ClientError::NotRunning(path)
    } else if kind == io::ErrorKind::PermissionDenied {
        ClientError::NoPermission(path)
    } else {
        ClientError::Connect(path, error)
    }
}
