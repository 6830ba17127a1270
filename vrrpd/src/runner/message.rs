//! What daemon and runner say to each other: one JSON value per datagram, bounded, with at most one descriptor.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::files::FileError;
use super::program::{Account, Candidate, Program, Resolved, Unusable};
use crate::address::Owner;
use crate::sys::descriptor::receive_with_descriptor;

/// Largest message in bytes; what may be larger travels in a memory file behind a descriptor.
pub(super) const MESSAGE_LIMIT: usize = 64 * 1024;

/// What the daemon asks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// Read a file of at most `limit` bytes.
    Read { id: u64, path: PathBuf, limit: u64 },
    /// Names that match a pattern.
    Glob { id: u64, pattern: String },
    /// Find a program and the user it runs as, and judge its security.
    Resolve { id: u64, candidate: Candidate },
    /// Write a process id to a file.
    WritePid { id: u64, path: PathBuf, pid: i32 },
    /// Replace a file by one with the content that is behind the descriptor.
    Replace { id: u64, path: PathBuf, mode: u32 },
    /// Open a FIFO for reading and writing, and make it first where it is missing.
    Fifo {
        id: u64,
        path: PathBuf,
        owner: Option<Account>,
    },
    /// Remove a FIFO that the runner made.
    RemoveFifo { path: PathBuf },
    /// Remove a file that holds this process id.
    RemovePid { id: u64, path: PathBuf, pid: i32 },
    /// Which process holds a netlink port and was there at that time since boot.
    Owner { id: u64, port: u32, seen: Duration },
    /// Remember programs that end, for questions of `Owner`.
    Watch { id: u64 },
    /// The name of a process that was there at that time since boot.
    Name { id: u64, pid: u32, seen: Duration },
    /// Whether a keepalived speaks VRRP in this network namespace.
    Speaker { id: u64 },
    /// Start a program; kill it with its process group after `timeout_ms`.
    Start {
        run: u64,
        program: Program,
        timeout_ms: Option<u64>,
    },
    /// Terminate a program with its process group.
    Kill { run: u64 },
    /// Terminate everything and exit.
    Finish,
}

/// What the runner answers and reports.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    /// The content, or the FIFO, is behind the descriptor.
    Read {
        id: u64,
        result: Result<(), FileError>,
    },
    /// The names, each ended by a zero byte, are behind the descriptor.
    Glob {
        id: u64,
        result: Result<(), FileError>,
    },
    /// The program, or why it cannot be used.
    Resolve {
        id: u64,
        result: Result<Resolved, Unusable>,
    },
    /// A file was written or removed.
    Done {
        id: u64,
        result: Result<(), FileError>,
    },
    /// The process, if there is one for sure.
    Owner { id: u64, owner: Option<Owner> },
    /// The process's name, if it is its for sure.
    Name { id: u64, name: Option<String> },
    /// A keepalived's process, if there is one.
    Speaker { id: u64, keepalived: Option<i32> },
    /// A program did something.
    Run { run: u64, event: RunEvent },
}

/// What a program that was started did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunEvent {
    /// It ran longer than allowed and is being killed with its process group. Its end follows.
    TimedOut,
    /// It ended. The last event.
    Ended {
        /// How.
        outcome: Outcome,
        /// Milliseconds from its start.
        took_ms: u64,
    },
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It exited with this status.
    Exited(i32),
    /// This signal ended it.
    Killed(i32),
    /// It could not be started, with this errno.
    NotStarted(i32),
}

/// Sends one message, with a descriptor where there is one. Never waits where `flags` say so.
pub(super) fn send<T: Serialize>(
    socket: impl AsFd,
    message: &T,
    descriptor: Option<&OwnedFd>,
    flags: MsgFlags,
) -> io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    send_bytes(socket, &bytes, descriptor, flags)
}

/// [`send`] for a message that is encoded already.
pub(super) fn send_bytes(
    socket: impl AsFd,
    bytes: &[u8],
    descriptor: Option<&OwnedFd>,
    flags: MsgFlags,
) -> io::Result<()> {
    if bytes.len() > MESSAGE_LIMIT {
        let text = format!("a message of {} bytes is too long", bytes.len());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    let descriptors: Vec<RawFd> = descriptor.iter().map(|fd| fd.as_raw_fd()).collect();
    let rights = [ControlMessage::ScmRights(&descriptors)];
    let control = if descriptors.is_empty() {
        &[]
    } else {
        &rights[..]
    };
    let content = [IoSlice::new(bytes)];
    let flags = flags | MsgFlags::MSG_NOSIGNAL;
    sendmsg::<()>(socket.as_fd().as_raw_fd(), &content, control, flags, None)?;
    Ok(())
}

/// Takes one message; `None` when the other side is gone.
pub(super) fn receive<T: DeserializeOwned>(
    socket: impl AsFd,
    buffer: &mut [u8],
    flags: MsgFlags,
) -> io::Result<Option<(T, Option<OwnedFd>)>> {
    let (length, descriptor) = receive_with_descriptor(socket, buffer, flags)?;
    if length == 0 {
        return Ok(None);
    }
    let message = serde_json::from_slice(&buffer[..length])?;
    Ok(Some((message, descriptor)))
}
