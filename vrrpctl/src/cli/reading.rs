//! Options that the reading commands share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Where to read, what of it, and how to print it.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Reading {
    /// Read this instead of the records on this machine: a bundle, a flight recorder, a journal directory or segment, or a
    /// packet capture. May be repeated.
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) from: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) here: Here,
    /// An address of the node that took a capture, where it cannot be told. May be repeated.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) node: Vec<std::net::IpAddr>,
    /// keepalived's log beside a capture.
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// Only routers of this name. May be repeated.
    #[arg(long, value_name = "ROUTER")]
    pub(crate) router: Vec<String>,
    #[command(flatten)]
    pub(crate) form: Form,
}

/// How to print the answer; for people unless something else is asked for.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct Form {
    /// Print versioned JSON instead.
    #[arg(long, conflicts_with = "plain")]
    pub(crate) json: bool,
    /// Print lines for programs instead: fields separated by tabs.
    #[arg(long)]
    pub(crate) plain: bool,
}

/// This machine's own records, beside the run directory.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Here {
    /// Directory of the journal on this machine.
    #[arg(long, value_name = "DIR", default_value = "/var/log/vrrpd")]
    pub(crate) journal_dir: PathBuf,
}

/// From when to when.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Between {
    /// Nothing before this time: 2h, 12:03, 2026-11-24, "2026-11-24 12:03:41 +01:00", today, yesterday.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Nothing after this time.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
}

/// Options of `explain`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ExplainArgs {
    /// The number of an event, as status and log print it (#17).
    #[arg(value_name = "N", conflicts_with_all = ["last", "since"], value_parser = parse_number)]
    pub(crate) number: Option<u32>,
    /// The last transition, with those just before it that led to it; without one the last near failover or anomaly. This is
    /// what happens without any option.
    #[arg(long)]
    pub(crate) last: bool,
    /// Everything since this time.
    #[arg(long, value_name = "TIME", conflicts_with = "last")]
    pub(crate) since: Option<String>,
    /// The other node's records: its bundle, flight recorder, journal or capture.
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) peer: Option<PathBuf>,
    /// An address of the node that took the peer's capture, where it cannot be told. May be repeated.
    #[arg(long, value_name = "ADDRESS", requires = "peer")]
    pub(crate) peer_node: Vec<std::net::IpAddr>,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

fn parse_number(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix('#').unwrap_or(text);
    digits
        .parse()
        .map_err(|_| "the number of an event is like 17 or #17".to_owned())
}

/// Options of `latency`.
#[derive(Args, Clone, Debug)]
pub(crate) struct LatencyArgs {
    /// Only this stage, with its histogram.
    #[arg(long, value_name = "STAGE")]
    pub(crate) stage: Option<StageName>,
    #[command(flatten)]
    pub(crate) between: Between,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// A stage by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StageName {
    /// From due to woke.
    Wake,
    /// From woke to accepted.
    Send,
    /// From queued to left.
    Queue,
    /// From left to taken.
    Device,
    /// From due to left.
    Departure,
    /// Between two arrivals.
    Gap,
    /// From arrived to read.
    Read,
}

/// Options of `timeline`.
#[derive(Args, Clone, Debug)]
pub(crate) struct TimelineArgs {
    /// Every event, also those that hardly ever matter.
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) between: Between,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// Options of `peers`.
#[derive(Args, Clone, Debug)]
pub(crate) struct PeersArgs {
    #[command(flatten)]
    pub(crate) between: Between,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// Options of `journal`.
#[derive(Args, Clone, Debug)]
pub(crate) struct JournalArgs {
    /// Only records of these kinds; without it everything but ordinary adverts and samples.
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub(crate) kind: Vec<KindName>,
    /// Only adverts with these numbers: 381, 381-384, or several with commas.
    #[arg(long, value_name = "IDS", value_parser = parse_ids)]
    pub(crate) ids: Option<Ids>,
    /// Only adverts further apart than this from the one before of the same sender: 1.5s.
    #[arg(long, value_name = "TIME", value_parser = parse_span)]
    pub(crate) apart: Option<i64>,
    /// Only the last so many records.
    #[arg(short = 'n', long, value_name = "COUNT")]
    pub(crate) lines: Option<usize>,
    /// Print new records as they come, until interrupted.
    #[arg(short, long, conflicts_with_all = ["from", "until"])]
    pub(crate) follow: bool,
    /// Print comma separated values instead, with a line of names.
    #[arg(long, conflicts_with_all = ["json", "plain"])]
    pub(crate) csv: bool,
    #[command(flatten)]
    pub(crate) between: Between,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// Ranges of numbers, ends included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ids(Vec<(u16, u16)>);

impl Ids {
    /// Whether a number is one of them.
    pub(crate) fn contain(&self, id: u16) -> bool {
        self.0
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&id))
    }
}

fn parse_ids(text: &str) -> Result<Ids, String> {
    let range = |part: &str| -> Option<(u16, u16)> {
        let (first, last) = part
            .split_once("..")
            .or_else(|| part.split_once('-'))
            .unwrap_or((part, part));
        let last = last.trim_start_matches('.');
        let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (first <= last).then_some((first, last))
    };
    let ranges: Option<Vec<(u16, u16)>> = text.split(',').map(range).collect();
    ranges
        .map(Ids)
        .ok_or_else(|| "numbers are like 381, 381-384 or 7,381-384, up to 65535".to_owned())
}

fn parse_span(text: &str) -> Result<i64, String> {
    crate::when::span(text).ok_or_else(|| "a length of time is like 1.5s, 250ms or 2min".to_owned())
}

/// A kind of record by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KindName {
    /// Adverts of this node.
    Sent,
    /// Adverts of others.
    Heard,
    /// Adverts of both.
    Adverts,
    /// Adverts that a check refused.
    Rejected,
    /// Late wake-ups of the engine.
    Stalls,
    /// Transitions, faults, commands and everything else that is told once.
    Events,
    /// Only transitions.
    Transitions,
    /// Counters of the host.
    Samples,
    /// Everything.
    All,
}

/// Options of `why-not`.
#[derive(Args, Clone, Debug)]
pub(crate) struct WhyNotArgs {
    /// Only these routers.
    #[arg(value_name = "ROUTER")]
    pub(crate) routers: Vec<String>,
    /// Ask a bundle instead of the daemon.
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) form: Form,
}

/// Options of `compare`.
#[derive(Args, Clone, Debug)]
pub(crate) struct CompareArgs {
    /// One node's records: bundle, flight recorder, journal or capture. `here` means those on this machine.
    #[arg(value_name = "A")]
    pub(crate) first: PathBuf,
    /// The other node's.
    #[arg(value_name = "B")]
    pub(crate) second: PathBuf,
    #[command(flatten)]
    pub(crate) between: Between,
    #[command(flatten)]
    pub(crate) here: Here,
    /// An address of the node that took a capture, where it cannot be told: once for A, once more for B.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) node: Vec<std::net::IpAddr>,
    /// Only routers of this name. May be repeated.
    #[arg(long, value_name = "ROUTER")]
    pub(crate) router: Vec<String>,
    #[command(flatten)]
    pub(crate) form: Form,
}

/// Options of `report`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReportArgs {
    /// The page to write; an earlier one is replaced. `-` is standard output.
    #[arg(long, value_name = "FILE", required_unless_present = "json", conflicts_with_all = ["json", "plain"])]
    pub(crate) html: Option<PathBuf>,
    /// The other node's records: its bundle, flight recorder, journal or capture.
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) peer: Option<PathBuf>,
    /// An address of the node that took the peer's capture, where it cannot be told. May be repeated.
    #[arg(long, value_name = "ADDRESS", requires = "peer")]
    pub(crate) peer_node: Vec<std::net::IpAddr>,
    #[command(flatten)]
    pub(crate) between: Between,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// Options of `bundle`.
#[derive(Args, Clone, Debug)]
pub(crate) struct BundleArgs {
    /// The file to write; without it vrrpd-HOST-TIME.vrb here. `-` is standard output.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) here: Here,
    /// The configuration, where no daemon runs that could name it.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Options of `top`.
#[derive(Args, Clone, Debug)]
pub(crate) struct TopArgs {
    /// Seconds between two looks.
    #[arg(short = 'd', long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub(crate) delay: u32,
    /// End after so many looks.
    #[arg(short = 'n', long, value_name = "COUNT")]
    pub(crate) count: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_adverts_are_ranges() {
        let ids = parse_ids("7,381-384, 400..402").unwrap();
        let inside: Vec<u16> = (0..500).filter(|id| ids.contain(*id)).collect();
        assert_eq!(inside, [7, 381, 382, 383, 384, 400, 401, 402]);
        for wrong in ["", "x", "5-", "9-3", "70000", "1,,2"] {
            assert!(parse_ids(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_number_of_an_event_may_have_its_sign() {
        assert_eq!(parse_number("#17"), Ok(17));
        assert_eq!(parse_number("17"), Ok(17));
        assert!(parse_number("x").is_err());
    }
}
