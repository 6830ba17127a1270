//! The control socket's language: a request, a response, each one frame of JSON behind its length.
//!
//! A frame is a 32-bit big-endian length and that many bytes. One request and one response may follow another on a
//! connection. Both sides refuse a frame above their cap before they take memory for it.

use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::status::Status;

/// The version of requests and responses.
pub const VERSION: u32 = 1;
/// Largest request in bytes.
pub const MAX_REQUEST: u32 = 64 * 1024;
/// Largest response in bytes.
pub const MAX_RESPONSE: u32 = 16 * 1024 * 1024;
/// The socket's name in the run directory.
pub const SOCKET_NAME: &str = "control.sock";

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// [`VERSION`] of the client.
    pub version: u32,
    /// What it wants.
    #[serde(flatten)]
    pub command: Command,
}

impl Request {
    /// A request of this version.
    #[must_use]
    pub const fn new(command: Command) -> Self {
        Self {
            version: VERSION,
            command,
        }
    }
}

/// What a client can want.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// The status.
    Status,
    /// Read the configuration again. Root only.
    Reload,
    /// Let every router give way to whoever is there (safety rule 9). Root only.
    Yield {
        /// For so many milliseconds; without, until the other one falls silent or [`Self::YieldCancel`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        for_ms: Option<u64>,
    },
    /// End [`Self::Yield`]. Root only.
    YieldCancel,
    /// Give way and stay the last to take over, also after a restart. Root only.
    Maintenance {
        /// For so many milliseconds; without, until [`Self::MaintenanceEnd`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        for_ms: Option<u64>,
        /// Take no part at all, whether somebody takes over or not.
        #[serde(default)]
        force: bool,
    },
    /// End [`Self::Maintenance`]. Root only.
    MaintenanceEnd,
    /// Anything that a newer client knows.
    #[serde(other)]
    Unknown,
}

impl Command {
    /// Whether only root may ask for it, because it changes something.
    #[must_use]
    pub const fn changes(self) -> bool {
        match self {
            Self::Status | Self::Unknown => false,
            Self::Reload
            | Self::Yield { .. }
            | Self::YieldCancel
            | Self::Maintenance { .. }
            | Self::MaintenanceEnd => true,
        }
    }

    /// Its name, for records and people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Reload => "reload",
            Self::Yield { .. } => "yield",
            Self::YieldCancel => "yield --cancel",
            Self::Maintenance { force: false, .. } => "maintenance on",
            Self::Maintenance { force: true, .. } => "maintenance on --force",
            Self::MaintenanceEnd => "maintenance off",
            Self::Unknown => "unknown",
        }
    }
}

/// What the daemon answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// [`VERSION`] of the daemon.
    pub version: u32,
    /// The answer.
    #[serde(flatten)]
    pub answer: Answer,
}

impl Response {
    /// A response of this version.
    #[must_use]
    pub const fn new(answer: Answer) -> Self {
        Self {
            version: VERSION,
            answer,
        }
    }
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// The status.
    Status {
        /// It.
        status: Box<Status>,
    },
    /// The command was carried out.
    Done {
        /// What was done, as a sentence.
        message: String,
    },
    /// The command was not carried out.
    Error {
        /// Why, for programs.
        code: ErrorCode,
        /// Why, for people.
        message: String,
    },
}

/// Why a command was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The client may not.
    NotPermitted,
    /// The request is no request.
    BadRequest,
    /// The daemon does not know this command or this version.
    Unsupported,
    /// The daemon is too busy: too many connections.
    Busy,
    /// The command was tried and failed.
    Failed,
    /// Anything that a newer daemon tells.
    #[serde(other)]
    Other,
}

/// Why a frame could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The stream ended at a frame boundary.
    #[error("the connection was closed")]
    Closed,
    /// The stream ended within a frame.
    #[error("the connection was closed within a message")]
    Truncated,
    /// The frame is larger than allowed.
    #[error("a message of {length} bytes is larger than the {limit} bytes allowed")]
    TooLarge {
        /// Its length.
        length: u64,
        /// The cap.
        limit: u32,
    },
    /// The content is not what was expected.
    #[error("the message is not valid: {0}")]
    Invalid(#[source] serde_json::Error),
    /// The stream failed.
    #[error("{0}")]
    Io(#[source] io::Error),
}

/// The length that a frame's first four bytes announce, if it is within the cap.
///
/// # Errors
/// [`FrameError::TooLarge`].
pub fn frame_length(header: [u8; 4], limit: u32) -> Result<u32, FrameError> {
    let length = u32::from_be_bytes(header);
    if length > limit {
        return Err(FrameError::TooLarge {
            length: length.into(),
            limit,
        });
    }
    Ok(length)
}

/// A value as a frame: length and JSON.
///
/// # Errors
/// [`FrameError::TooLarge`] above `limit`, [`FrameError::Invalid`] for a value that JSON cannot hold.
pub fn encode_frame<T: Serialize>(value: &T, limit: u32) -> Result<Vec<u8>, FrameError> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, value).map_err(FrameError::Invalid)?;
    let length = frame.len() - 4;
    match u32::try_from(length) {
        Ok(length) if length <= limit => frame[..4].copy_from_slice(&length.to_be_bytes()),
        _ => {
            return Err(FrameError::TooLarge {
                length: u64::try_from(length).unwrap_or(u64::MAX),
                limit,
            });
        }
    }
    Ok(frame)
}

/// The value in a frame's content.
///
/// # Errors
/// [`FrameError::Invalid`].
pub fn decode_frame<T: DeserializeOwned>(content: &[u8]) -> Result<T, FrameError> {
    serde_json::from_slice(content).map_err(FrameError::Invalid)
}

/// Writes a value as one frame.
///
/// # Errors
/// See [`encode_frame`]; and [`FrameError::Io`].
pub fn write_frame<T: Serialize>(
    stream: &mut impl Write,
    value: &T,
    limit: u32,
) -> Result<(), FrameError> {
    let frame = encode_frame(value, limit)?;
    stream
        .write_all(&frame)
        .and_then(|()| stream.flush())
        .map_err(FrameError::Io)
}

/// Reads one frame's content. Memory grows with what arrives, not with what is announced.
///
/// # Errors
/// [`FrameError::Closed`] at the end of the stream, and every other reading error.
pub fn read_frame(stream: &mut impl Read, limit: u32) -> Result<Vec<u8>, FrameError> {
    let mut header = [0; 4];
    let mut filled = 0;
    while filled < header.len() {
        match stream.read(&mut header[filled..]) {
            Ok(0) if filled == 0 => return Err(FrameError::Closed),
            Ok(0) => return Err(FrameError::Truncated),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(FrameError::Io(error)),
        }
    }
    let length = frame_length(header, limit)?;
    let mut content = Vec::new();
    let count = stream
        .take(length.into())
        .read_to_end(&mut content)
        .map_err(FrameError::Io)?;
    if u32::try_from(count) == Ok(length) {
        Ok(content)
    } else {
        Err(FrameError::Truncated)
    }
}

#[cfg(test)]
mod tests;
