//! Where lines go: the console in keepalived's form, syslog, or the journal in its own protocol.
//!
//! Each write may wait for its reader; only the log thread writes.

use std::fs;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::linux::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Line, Speaker};
use crate::cli::Options;
use crate::sys::time::local_time;

/// The local syslog's socket.
const SYSLOG: &str = "/dev/log";
/// The journal's socket for structured messages.
const JOURNAL: &str = "/run/systemd/journal/socket";

/// A place for lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Standard output, as keepalived's `-l`.
    Output,
    /// Standard error.
    Error,
    /// A file or pipe of the test that owns it.
    #[cfg(test)]
    File,
    /// The local syslog.
    Syslog,
    /// systemd's journal.
    Journal,
}

impl Destination {
    /// Where the command line and the surroundings want the log.
    ///
    /// `-l` adds standard output, as keepalived's does. The journal is taken where systemd connected our standard error to it, else
    /// syslog where there is one. What has neither, or runs in a terminal without `-l`, logs to standard error.
    #[must_use]
    pub fn choose(options: &Options) -> Vec<Self> {
        let mut chosen = Vec::new();
        if options.console {
            chosen.push(Self::Output);
        }
        if !options.no_syslog {
            if stderr_is_journal() {
                chosen.push(Self::Journal);
            } else if Path::new(SYSLOG).exists() {
                chosen.push(Self::Syslog);
            }
        }
        let terminal = options.foreground && nix::unistd::isatty(io::stderr()).unwrap_or(false);
        if chosen.is_empty() || (terminal && !options.console) {
            chosen.push(Self::Error);
        }
        chosen
    }
}

/// Whether standard error is the stream that systemd connected to the journal: JOURNAL_STREAM names its device and inode.
fn stderr_is_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    let Ok(duplicate) = io::stderr().as_fd().try_clone_to_owned() else {
        return false;
    };
    fs::File::from(duplicate)
        .metadata()
        .is_ok_and(|metadata| stream == format!("{}:{}", metadata.st_dev(), metadata.st_ino()))
}

/// A destination with what writing to it needs.
#[derive(Debug)]
pub struct Sink {
    destination: Destination,
    socket: Option<UnixDatagram>,
    as_keepalived: bool,
    facility: u8,
    #[cfg(test)]
    file: Option<fs::File>,
}

impl Sink {
    /// A sink to a file or pipe.
    #[cfg(test)]
    pub(super) fn to(file: std::os::fd::OwnedFd) -> Self {
        let mut sink = Self::new(Destination::File, false, 3);
        sink.file = Some(fs::File::from(file));
        sink
    }

    /// A sink whose lines are known by our name, or by those of keepalived's processes.
    #[must_use]
    pub const fn new(destination: Destination, as_keepalived: bool, facility: u8) -> Self {
        Self {
            destination,
            socket: None,
            as_keepalived,
            facility,
            #[cfg(test)]
            file: None,
        }
    }

    /// Writes a line. What cannot be written is lost: there is no place left to say so.
    pub(super) fn write(&mut self, line: &Line) {
        let _ = match self.destination {
            Destination::Output => write_console(&mut io::stdout().lock(), line),
            Destination::Error => write_console(&mut io::stderr().lock(), line),
            #[cfg(test)]
            Destination::File => self
                .file
                .as_mut()
                .map_or(Ok(()), |file| write_console(file, line)),
            Destination::Syslog => {
                let message = self.syslog_message(line);
                self.send(SYSLOG, &message)
            }
            Destination::Journal => {
                let message = self.journal_message(line);
                self.send(JOURNAL, &message)
            }
        };
    }

    const fn identity(&self, line: &Line) -> &'static str {
        match (self.as_keepalived, line.speaker) {
            (true, Speaker::Vrrp) => "Keepalived_vrrp",
            (true, Speaker::Parent) => "Keepalived",
            (true, Speaker::Own) | (false, _) => "vrrpd",
        }
    }

    /// RFC 3164 as the C library writes it to a local socket.
    pub(super) fn syslog_message(&self, line: &Line) -> Vec<u8> {
        let priority = u16::from(self.facility) * 8 + u16::from(line.severity());
        let time = local_time(seconds(line.at));
        format!(
            "<{priority}>{} {:>2} {:02}:{:02}:{:02} {}[{}]: {}",
            time.month_name(),
            time.day,
            time.hour,
            time.minute,
            time.second,
            self.identity(line),
            std::process::id(),
            line.text
        )
        .into_bytes()
    }

    /// The journal's protocol: one `NAME=value` a line; texts hold no newline.
    pub(super) fn journal_message(&self, line: &Line) -> Vec<u8> {
        format!(
            "PRIORITY={}\nSYSLOG_FACILITY={}\nSYSLOG_IDENTIFIER={}\nMESSAGE={}\n",
            line.severity(),
            self.facility,
            self.identity(line),
            line.text
        )
        .into_bytes()
    }

    /// Sends a datagram, by a new socket once if the old one's receiver has gone.
    fn send(&mut self, path: &str, message: &[u8]) -> io::Result<()> {
        if let Some(socket) = &self.socket
            && socket.send(message).is_ok()
        {
            return Ok(());
        }
        let socket = UnixDatagram::unbound()?;
        socket.connect(path)?;
        let result = socket.send(message);
        self.socket = Some(socket);
        result.map(|_| ())
    }
}

/// keepalived's console form: `Tue Nov 24 11:29:20 2026: text`.
pub(super) fn write_console(stream: &mut impl Write, line: &Line) -> io::Result<()> {
    let time = local_time(seconds(line.at));
    let text = format!(
        "{} {} {} {:02}:{:02}:{:02} {}: {}\n",
        time.weekday_name(),
        time.month_name(),
        time.day,
        time.hour,
        time.minute,
        time.second,
        time.year,
        line.text
    );
    stream.write_all(text.as_bytes())?;
    stream.flush()
}

fn seconds(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
