//! The command line.

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};
use vrrp_record::words::Word;

mod reading;

pub(crate) use reading::{
    Between, BundleArgs, CompareArgs, ExplainArgs, JournalArgs, KindName, LatencyArgs, PeersArgs,
    Reading, StageName, TimelineArgs, TopArgs, WhyNotArgs,
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
    /// Put everything that a colleague needs into one file, secrets removed; with or without a running daemon.
    Bundle(BundleArgs),
    /// Show the status again and again.
    Top(TopArgs),
    /// Let the daemon read its configuration again (root only).
    Reload,
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
