//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand};
use vrrp_record::words::Word;

mod acting;
mod reading;

pub(crate) use acting::{
    CheckArgs, ConfigCommand, ConvertArgs, DiffArgs, LanguageName, TestArgs, WaitArgs,
};
pub(crate) use reading::{
    Between, BundleArgs, CompareArgs, ExplainArgs, JournalArgs, KindName, LatencyArgs, PeersArgs,
    Reading, ReportArgs, StageName, TimelineArgs, TopArgs, WhyNotArgs,
};

/// Asks a vrrpd what it does and why.
#[derive(Debug, Parser)]
#[command(name = "vrrpctl", version, about, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// Run directory of the daemon; several daemons have /run/vrrpd/NAME.
    #[arg(long, value_name = "DIR", default_value = "/run/vrrpd", global = true)]
    pub(crate) run_dir: PathBuf,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The table of commands and options that help, man page and completions are made from.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

const EXIT_CODES: &str = "\
Exit codes:
  0  healthy (BACKUP is healthy too), or the asserted state holds, or the command was carried out
  1  not healthy, or another state than asserted, or the command failed
  2  wrong usage
  3  the daemon does not run, or there are no records where they should be
  4  no permission";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show whether the daemon is healthy, in which state, since when and why.
    Status(StatusArgs),
    /// Say why something happened: cause, evidence, what was ruled out, and what to do next.
    Explain(ExplainArgs),
    /// Show how long each stage of an advert took: percentiles, worst, histograms.
    Latency(LatencyArgs),
    /// Show the states of each router and what happened, in order.
    Timeline(TimelineArgs),
    /// Show who else speaks, and how regularly.
    Peers(PeersArgs),
    /// Print records: adverts with all their stages, refusals, stalls, events.
    Journal(JournalArgs),
    /// Say why this node is not MASTER, and what would make it so.
    WhyNot(WhyNotArgs),
    /// Lay two nodes' records side by side: what left one and when it reached the other.
    Compare(CompareArgs),
    /// Draw one page for the browser: every advert, each node's states, the hosts, and why each transition happened.
    Report(ReportArgs),
    /// Put everything that a colleague needs into one file, secrets removed; with or without a running daemon.
    Bundle(BundleArgs),
    /// Show the status again and again.
    Top(TopArgs),
    /// Answer as a monitoring plugin: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, with performance data.
    Check(CheckArgs),
    /// Wait until every router has a state.
    Wait(WaitArgs),
    /// Check, compare or convert configuration files; no daemon is needed.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Let the daemon read its configuration again (root only).
    Reload,
    /// Give the addresses to the other node, which keeps them until it falls silent (root only).
    ///
    /// The addresses answer here until the other node has them. Where nobody takes over this node stays MASTER, and the
    /// command exits with 1. A node that is BACKUP already stays BACKUP, whatever its priority.
    Yield(YieldArgs),
    /// Keep this node away from the addresses, also after a restart and a reload (root only).
    #[command(subcommand)]
    Maintenance(MaintenanceCommand),
}

/// Options of `yield`.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct YieldArgs {
    /// Take part as configured again after this time: 90s, 10min, 2h.
    #[arg(long = "for", value_name = "TIME", value_parser = parse_term)]
    pub(crate) term: Option<Duration>,
    /// Take part as configured again now.
    #[arg(long, conflicts_with = "term")]
    pub(crate) cancel: bool,
}

/// What to do about maintenance.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum MaintenanceCommand {
    /// Give way, and then be MASTER only while nobody else is there.
    ///
    /// Where nobody takes over this node stays MASTER, nothing changes, and the command exits with 1.
    On {
        /// End it by itself after this time: 90s, 10min, 2h.
        #[arg(long = "for", value_name = "TIME", value_parser = parse_term)]
        term: Option<Duration>,
        /// Leave whether somebody takes over or not, and take no part until it ends.
        #[arg(long)]
        force: bool,
    },
    /// Take part as configured again.
    Off,
}

/// The longest time that an order may be limited to.
const LONGEST_TERM: Duration = Duration::from_secs(366 * 86_400);

fn parse_term(text: &str) -> Result<Duration, String> {
    let nanos = crate::when::span(text).and_then(|nanos| u64::try_from(nanos).ok());
    match nanos.map(Duration::from_nanos) {
        Some(term) if term < Duration::from_secs(1) => Err("at least one second".to_owned()),
        Some(term) if term > LONGEST_TERM => Err("at most 366 days".to_owned()),
        Some(term) => Ok(term),
        None => Err("a length of time is like 90s, 10min or 2h".to_owned()),
    }
}

/// Options of `status`.
#[derive(Args, Debug)]
pub(crate) struct StatusArgs {
    /// Only these routers.
    #[arg(value_name = "ROUTER")]
    pub(crate) routers: Vec<String>,
    /// Print the versioned JSON instead.
    #[arg(long)]
    pub(crate) json: bool,
    /// Exit with 0 if every router has this state, else with 1: MASTER, BACKUP, FAULT (or Active, Backup).
    #[arg(long, value_name = "STATE", value_parser = parse_state)]
    pub(crate) assert: Option<Word>,
}

fn parse_state(text: &str) -> Result<Word, String> {
    Word::parse(text).ok_or_else(|| "states are MASTER, BACKUP, FAULT and INIT".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn terms_are_times_between_a_second_and_a_year() {
        assert_eq!(parse_term("10min"), Ok(Duration::from_secs(600)));
        for wrong in ["", "10", "-5s", "10ms", "400d", "soon"] {
            parse_term(wrong).unwrap_err();
        }
        Cli::try_parse_from(["vrrpctl", "yield", "--cancel", "--for", "2s"]).unwrap_err();
        Cli::try_parse_from(["vrrpctl", "maintenance"]).unwrap_err();
    }

    #[test]
    fn the_run_directory_may_stand_before_or_after_the_command() {
        for words in [
            ["vrrpctl", "--run-dir", "/x", "status"],
            ["vrrpctl", "status", "--run-dir", "/x"],
        ] {
            assert_eq!(
                Cli::try_parse_from(words).unwrap().run_dir,
                PathBuf::from("/x")
            );
        }
    }
}
