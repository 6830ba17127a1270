//! The command line: keepalived's options and our own, from words to [`Options`].
//!
//! Options are found in the table of [`flags`]; nothing here touches the machine.

pub mod flags;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use vrrp_proto::units::Priority;

use flags::{FLAGS, Flag, Id, Takes};

/// The run directory where `--run-dir` says nothing.
pub const DEFAULT_RUN_DIR: &str = "/run/vrrpd";
/// The journal directory where `--journal-dir` says nothing.
pub const DEFAULT_JOURNAL_DIR: &str = "/var/log/vrrpd";

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The name that the program was called by, without directories.
    pub program: String,
    /// Run, or something shorter.
    pub task: Task,
    /// `-f`.
    pub config: Option<PathBuf>,
    /// `-i`: the id of conditional lines.
    pub config_id: Option<String>,
    /// `-e`: every include must match.
    pub all_includes: bool,
    /// `-n`.
    pub foreground: bool,
    /// `-l`.
    pub console: bool,
    /// How often `-D` was given.
    pub detail: u8,
    /// `-G`.
    pub no_syslog: bool,
    /// `-S`: the syslog facility's number; 3 is daemon.
    pub facility: u8,
    /// `-d`: log the configuration after reading it.
    pub dump_configuration: bool,
    /// `-C`: only keepalived's checkers were asked for, which do not speak VRRP.
    pub checkers_only: bool,
    /// `-p`.
    pub pid_file: Option<PathBuf>,
    /// `-r`.
    pub vrrp_pid_file: Option<PathBuf>,
    /// `--ignore-sigint`.
    pub ignore_interrupt: bool,
    /// `--run-dir`.
    pub run_dir: PathBuf,
    /// `--journal-dir`.
    pub journal_dir: PathBuf,
    /// `--ring-size`, in bytes.
    pub ring_bytes: Option<u64>,
    /// `--journal-size`, in bytes.
    pub journal_bytes: Option<u64>,
    /// `--journal-days`.
    pub journal_age: Option<Duration>,
    /// `--fast-fail`.
    pub fast_fail: bool,
    /// `--peer-priority`.
    pub peer_priority: Option<Priority>,
    /// `--metrics`.
    pub metrics: Option<SocketAddr>,
    /// `--runner`.
    pub runner: Option<PathBuf>,
    /// `--observe`.
    pub observe: bool,
    /// Options that are accepted and have no effect yet, as written.
    pub without_effect: Vec<String>,
    /// Words that belong to no option.
    pub surplus: Vec<String>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Be the daemon.
    Run,
    /// `-t`: check the configuration; complaints go to the file where one is named, else to stderr.
    Check {
        /// The file that complaints are appended to.
        log: Option<PathBuf>,
    },
    /// `--release`: take the addresses off that a dead daemon left.
    Release,
    /// `--version`.
    Version,
    /// `--help`.
    Help,
    /// `--signum`: the number of a signal by keepalived's name.
    SignalNumber(String),
}

/// What is wrong with the command line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CliError {
    /// Not in the table.
    #[error("unknown option '{0}': see --help")]
    Unknown(String),
    /// An option without its value.
    #[error("option '{0}' needs a value: {1}")]
    MissingValue(String, &'static str),
    /// An option with a value that it does not take.
    #[error("option '{0}' takes no value, got '{1}'")]
    SurplusValue(String, String),
    /// A value that the option cannot use.
    #[error("option '{option}' cannot use '{value}': expected {expected}")]
    BadValue {
        /// The option as written.
        option: String,
        /// The value as written.
        value: String,
        /// What would do.
        expected: &'static str,
    },
}

impl Options {
    /// Whether the program was called by keepalived's name.
    #[must_use]
    pub fn as_keepalived(&self) -> bool {
        self.program == "keepalived"
    }

    fn new(program: &Path) -> Self {
        let program = program.file_name().map_or_else(
            || String::from("vrrpd"),
            |name| name.to_string_lossy().into_owned(),
        );
        Self {
            program,
            task: Task::Run,
            config: None,
            config_id: None,
            all_includes: false,
            foreground: false,
            console: false,
            detail: 0,
            no_syslog: false,
            facility: 3,
            dump_configuration: false,
            checkers_only: false,
            pid_file: None,
            vrrp_pid_file: None,
            ignore_interrupt: false,
            run_dir: PathBuf::from(DEFAULT_RUN_DIR),
            journal_dir: PathBuf::from(DEFAULT_JOURNAL_DIR),
            ring_bytes: None,
            journal_bytes: None,
            journal_age: None,
            fast_fail: false,
            peer_priority: None,
            metrics: None,
            runner: None,
            observe: false,
            without_effect: Vec::new(),
            surplus: Vec::new(),
        }
    }
}

/// Reads the command line, the program's name first.
///
/// `--version`, `--help` and `--signum` win over everything after them, as with keepalived.
///
/// # Errors
/// The first option that is unknown or has the wrong value.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Options, CliError> {
    let mut args = args.into_iter();
    let program = PathBuf::from(args.next().unwrap_or_default());
    let mut options = Options::new(&program);
    let mut parser = lexopt::Parser::from_args(args);
    while let Some(argument) = parser.next().map_err(unexpected)? {
        let (flag, written) = match argument {
            lexopt::Arg::Short(short) => {
                let found = FLAGS.iter().find(|flag| flag.short == Some(short));
                (found, format!("-{short}"))
            }
            lexopt::Arg::Long(long) => {
                let found = FLAGS.iter().find(|flag| flag.long == Some(long));
                (found, format!("--{long}"))
            }
            lexopt::Arg::Value(word) => {
                options.surplus.push(word.to_string_lossy().into_owned());
                continue;
            }
        };
        let Some(flag) = flag else {
            return Err(CliError::Unknown(written));
        };
        let value = value_of(&mut parser, flag, &written)?;
        apply(&mut options, flag, &written, value)?;
        if matches!(
            options.task,
            Task::Version | Task::Help | Task::SignalNumber(_)
        ) {
            break;
        }
    }
    Ok(options)
}

/// What remains of lexopt's own errors: a value behind an option that takes none.
fn unexpected(error: lexopt::Error) -> CliError {
    if let lexopt::Error::UnexpectedValue { option, value } = error {
        CliError::SurplusValue(option, value.to_string_lossy().into_owned())
    } else {
        CliError::Unknown(error.to_string())
    }
}

fn value_of(
    parser: &mut lexopt::Parser,
    flag: &Flag,
    written: &str,
) -> Result<Option<OsString>, CliError> {
    match flag.takes {
        Takes::Nothing => Ok(None),
        Takes::Value(name) => match parser.value() {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(CliError::MissingValue(written.to_owned(), name)),
        },
        Takes::Optional(_) => Ok(parser.optional_value()),
    }
}

fn apply(
    options: &mut Options,
    flag: &Flag,
    written: &str,
    value: Option<OsString>,
) -> Result<(), CliError> {
    let path = value.as_ref().map(PathBuf::from);
    let text = value.map(|value| value.to_string_lossy().into_owned());
    match flag.id {
        Id::Config => options.config = path,
        Id::ConfigId => options.config_id = text,
        Id::AllIncludes => options.all_includes = true,
        Id::Foreground => options.foreground = true,
        Id::Console => options.console = true,
        Id::Detail => options.detail = options.detail.saturating_add(1),
        Id::NoSyslog => options.no_syslog = true,
        Id::Facility => options.facility = facility(written, text.unwrap_or_default())?,
        Id::DumpConfiguration => options.dump_configuration = true,
        Id::VrrpOnly => {}
        Id::CheckersOnly => {
            options.checkers_only = true;
            options.without_effect.push(written.to_owned());
        }
        Id::PidFile => options.pid_file = path,
        Id::VrrpPidFile => options.vrrp_pid_file = path,
        Id::IgnoreInterrupt => options.ignore_interrupt = true,
        Id::RunDir => options.run_dir = path.unwrap_or_default(),
        Id::JournalDir => options.journal_dir = path.unwrap_or_default(),
        Id::RingSize => {
            let text = text.unwrap_or_default();
            let bytes = bytes(&text).filter(|bytes| (256 << 10..=1 << 30).contains(bytes));
            options.ring_bytes = Some(bytes.ok_or_else(|| CliError::BadValue {
                option: written.to_owned(),
                value: text,
                expected: "bytes from 256K to 1024M, such as 4M",
            })?);
        }
        Id::JournalSize => {
            let megabytes = number(written, text, 4..=1_000_000, "megabytes from 4 to 1000000")?;
            options.journal_bytes = Some(megabytes * 1_000_000);
        }
        Id::JournalDays => {
            let days = number(written, text, 1..=3_650, "days from 1 to 3650")?;
            options.journal_age = Some(Duration::from_secs(days * 86_400));
        }
        Id::FastFail => options.fast_fail = true,
        Id::PeerPriority => {
            let priority = number(written, text, 1..=254, "a priority from 1 to 254")?;
            options.peer_priority = u8::try_from(priority).ok().and_then(Priority::new);
        }
        Id::Metrics => {
            let text = text.unwrap_or_default();
            let address = text.parse().map_err(|_| CliError::BadValue {
                option: written.to_owned(),
                value: text,
                expected: "an address and a port, such as 127.0.0.1:9650",
            })?;
            options.metrics = Some(address);
        }
        Id::Runner => options.runner = path,
        Id::Observe => options.observe = true,
        Id::Check => options.task = Task::Check { log: path },
        Id::Release => options.task = Task::Release,
        Id::Version => options.task = Task::Version,
        Id::Help => options.task = Task::Help,
        Id::SignalNumber => options.task = Task::SignalNumber(text.unwrap_or_default()),
        Id::WithoutEffect => options.without_effect.push(written.to_owned()),
    }
    Ok(())
}

/// A number of bytes, with K, M or G for powers of 1024.
fn bytes(text: &str) -> Option<u64> {
    let (digits, shift) = match text.as_bytes().last()? {
        b'k' | b'K' => (&text[..text.len() - 1], 10),
        b'm' | b'M' => (&text[..text.len() - 1], 20),
        b'g' | b'G' => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

fn number(
    option: &str,
    value: Option<String>,
    range: RangeInclusive<u64>,
    expected: &'static str,
) -> Result<u64, CliError> {
    let value = value.unwrap_or_default();
    let number = value.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| CliError::BadValue {
        option: option.to_owned(),
        value,
        expected,
    })
}

/// syslog's number of a facility in keepalived's notation: 0–7 for local0–local7, or a name.
fn facility(option: &str, value: String) -> Result<u8, CliError> {
    const LOCAL0: u8 = 16;
    let number = match value.as_str() {
        "user" => Some(1),
        "daemon" => Some(3),
        other => other
            .strip_prefix("local")
            .unwrap_or(other)
            .parse()
            .ok()
            .filter(|number| *number < 8)
            .map(|number: u8| LOCAL0 + number),
    };
    number.ok_or_else(|| CliError::BadValue {
        option: option.to_owned(),
        value,
        expected: "0 to 7, local0 to local7, user or daemon",
    })
}

/// The number behind one of keepalived's `--signum` names, where there is one.
#[must_use]
pub fn signal_number(name: &str) -> Option<i32> {
    use nix::libc;
    match name {
        "RELOAD" => Some(libc::SIGHUP),
        "STOP" => Some(libc::SIGTERM),
        "DATA" => Some(libc::SIGUSR1),
        "STATS" => Some(libc::SIGUSR2),
        "STATS_CLEAR" => Some(libc::SIGRTMAX() - 1),
        "JSON" => Some(libc::SIGRTMIN() + 2),
        _ => None,
    }
}
