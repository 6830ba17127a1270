//! The one table of options: parsing and help are both made from it.

use std::fmt::Write as _;

/// One option.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// `-x`.
    pub short: Option<char>,
    /// `--name`.
    pub long: Option<&'static str>,
    /// What follows it.
    pub takes: Takes,
    /// What it means to us.
    pub id: Id,
    /// For `--help`.
    pub help: &'static str,
}

/// What follows an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// No value.
    Nothing,
    /// A value, attached or as the next word.
    Value(&'static str),
    /// A value that must be attached: `-tFILE`, `--config-test=FILE`.
    Optional(&'static str),
}

/// What an option means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table below says what each one means")]
pub enum Id {
    Config,
    ConfigId,
    AllIncludes,
    Foreground,
    Console,
    Detail,
    NoSyslog,
    Facility,
    DumpConfiguration,
    VrrpOnly,
    CheckersOnly,
    PidFile,
    VrrpPidFile,
    IgnoreInterrupt,
    RunDir,
    JournalDir,
    RingSize,
    JournalSize,
    JournalDays,
    FastFail,
    PeerPriority,
    Metrics,
    Runner,
    Release,
    Observe,
    Check,
    Version,
    Help,
    SignalNumber,
    WithoutEffect,
}

const fn flag(
    short: Option<char>,
    long: Option<&'static str>,
    takes: Takes,
    id: Id,
    help: &'static str,
) -> Flag {
    Flag {
        short,
        long,
        takes,
        id,
        help,
    }
}

use Takes::{Nothing, Optional, Value};

/// Every option, in the order of the help text.
pub const FLAGS: &[Flag] = &[
    flag(
        Some('f'),
        Some("use-file"),
        Value("FILE"),
        Id::Config,
        "configuration file; TOML by the suffix .toml, else keepalived's language",
    ),
    flag(
        Some('t'),
        Some("config-test"),
        Optional("FILE"),
        Id::Check,
        "check the configuration and exit; complaints go to stderr or are appended to FILE",
    ),
    flag(
        Some('n'),
        Some("dont-fork"),
        Nothing,
        Id::Foreground,
        "stay in the foreground",
    ),
    flag(
        Some('l'),
        Some("log-console"),
        Nothing,
        Id::Console,
        "log to standard output as well",
    ),
    flag(
        Some('D'),
        Some("log-detail"),
        Nothing,
        Id::Detail,
        "log in detail; twice for more",
    ),
    flag(
        Some('S'),
        Some("log-facility"),
        Value("N"),
        Id::Facility,
        "syslog facility: 0 to 7, local0 to local7, user or daemon",
    ),
    flag(
        Some('G'),
        Some("no-syslog"),
        Nothing,
        Id::NoSyslog,
        "do not log to syslog or the journal",
    ),
    flag(
        Some('d'),
        Some("dump-conf"),
        Nothing,
        Id::DumpConfiguration,
        "log the configuration after reading it",
    ),
    flag(
        Some('e'),
        Some("all-config"),
        Nothing,
        Id::AllIncludes,
        "every include must match a readable file",
    ),
    flag(
        Some('i'),
        Some("config-id"),
        Value("ID"),
        Id::ConfigId,
        "the id of @ID lines; the short host name unless given",
    ),
    flag(
        None,
        Some("run-dir"),
        Value("DIR"),
        Id::RunDir,
        "directory of the control socket and lock; /run/vrrpd unless given",
    ),
    flag(
        None,
        Some("journal-dir"),
        Value("DIR"),
        Id::JournalDir,
        "directory of the journal; /var/log/vrrpd unless given",
    ),
    flag(
        None,
        Some("ring-size"),
        Value("BYTES"),
        Id::RingSize,
        "memory of the flight recorder in bytes, or as 512K or 4M; 2M for one router and 8M for more unless given here or in the configuration",
    ),
    flag(
        None,
        Some("journal-size"),
        Value("MEGABYTES"),
        Id::JournalSize,
        "most that the journal may hold, 4 or more; 200 unless given here or in the configuration",
    ),
    flag(
        None,
        Some("journal-days"),
        Value("DAYS"),
        Id::JournalDays,
        "how long the journal keeps what happened; 30 unless given here or in the configuration",
    ),
    flag(
        None,
        Some("fast-fail"),
        Nothing,
        Id::FastFail,
        "leave at once when a tracked process ends and a peer is better then",
    ),
    flag(
        None,
        Some("peer-priority"),
        Value("PRIORITY"),
        Id::PeerPriority,
        "with --fast-fail: the best priority of the peers, before one was heard",
    ),
    flag(
        None,
        Some("metrics"),
        Value("ADDRESS:PORT"),
        Id::Metrics,
        "serve metrics in the OpenMetrics format there; nowhere unless given here or in the configuration",
    ),
    flag(
        None,
        Some("runner"),
        Value("SOCKET"),
        Id::Runner,
        "use the runner that the service manager starts behind SOCKET, instead of starting one",
    ),
    flag(
        None,
        Some("release"),
        Nothing,
        Id::Release,
        "remove the virtual addresses that a dead daemon left, unless another one speaks for them, and exit",
    ),
    flag(
        None,
        Some("observe"),
        Nothing,
        Id::Observe,
        "watch another VRRP daemon without sending anything",
    ),
    flag(
        Some('p'),
        Some("pid"),
        Value("FILE"),
        Id::PidFile,
        "write the process id to FILE",
    ),
    flag(
        Some('r'),
        Some("vrrp_pid"),
        Value("FILE"),
        Id::VrrpPidFile,
        "write the process id of the VRRP part, which is the same, to FILE",
    ),
    flag(
        None,
        Some("ignore-sigint"),
        Nothing,
        Id::IgnoreInterrupt,
        "do not stop on SIGINT",
    ),
    flag(
        Some('P'),
        Some("vrrp"),
        Nothing,
        Id::VrrpOnly,
        "VRRP only, which is all there is",
    ),
    flag(
        None,
        Some("signum"),
        Value("NAME"),
        Id::SignalNumber,
        "print the number of the signal RELOAD, STOP, DATA, STATS, STATS_CLEAR or JSON",
    ),
    flag(
        Some('v'),
        Some("version"),
        Nothing,
        Id::Version,
        "print the version",
    ),
    flag(Some('h'), Some("help"), Nothing, Id::Help, "print this"),
    flag(
        Some('C'),
        Some("check"),
        Nothing,
        Id::CheckersOnly,
        "keepalived's checkers",
    ),
    flag(
        Some('B'),
        Some("no_bfd"),
        Nothing,
        Id::VrrpOnly,
        "no BFD, which there is none of",
    ),
    without_effect(None, Some("all"), Nothing),
    without_effect(Some('g'), Some("log-file"), Optional("FILE")),
    without_effect(None, Some("flush-log-file"), Nothing),
    without_effect(Some('c'), Some("checkers_pid"), Value("FILE")),
    without_effect(Some('b'), Some("bfd_pid"), Value("FILE")),
    without_effect(Some('V'), Some("dont-release-vrrp"), Nothing),
    without_effect(Some('I'), Some("dont-release-ipvs"), Nothing),
    without_effect(Some('X'), Some("release-vips"), Nothing),
    without_effect(Some('R'), Some("dont-respawn"), Nothing),
    without_effect(Some('u'), Some("umask"), Value("MASK")),
    without_effect(Some('a'), Some("address-monitoring"), Nothing),
    without_effect(Some('s'), Some("namespace"), Value("NAME")),
    without_effect(Some('x'), Some("snmp"), Nothing),
    without_effect(Some('A'), Some("snmp-agent-socket"), Value("SOCKET")),
    without_effect(Some('m'), Some("core-dump"), Nothing),
    without_effect(Some('M'), Some("core-dump-pattern"), Optional("PATTERN")),
    without_effect(Some('T'), Some("genhash"), Nothing),
    without_effect(None, Some("config-fd"), Value("N")),
    without_effect(None, Some("perf"), Optional("WHAT")),
    without_effect(None, Some("debug"), Optional("WHAT")),
];

/// An option of keepalived that is accepted, named in a warning, and does nothing yet.
const fn without_effect(short: Option<char>, long: Option<&'static str>, takes: Takes) -> Flag {
    flag(short, long, takes, Id::WithoutEffect, "")
}

/// The help text.
#[must_use]
pub fn help(program: &str) -> String {
    let mut text = format!("Usage: {program} [OPTION...]\n\n");
    let mut ignored = Vec::new();
    for flag in FLAGS {
        if flag.id == Id::WithoutEffect {
            ignored.extend(
                flag.short
                    .map(|short| format!("-{short}"))
                    .or_else(|| flag.long.map(|long| format!("--{long}"))),
            );
            continue;
        }
        let short = flag
            .short
            .map_or_else(|| String::from("    "), |short| format!("-{short}, "));
        let value = match flag.takes {
            Nothing => String::new(),
            Value(name) => format!("={name}"),
            Optional(name) => format!("[={name}]"),
        };
        let option = format!("  {short}--{}{value}", flag.long.unwrap_or_default());
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{option:<28}  {}", flag.help);
    }
    let _ = writeln!(
        text,
        "\nAccepted for keepalived's sake, without effect yet: {}",
        ignored.join(" ")
    );
    text
}
