//! Options of the commands that watch a daemon for somebody, or look at configuration files.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use vrrp_record::words::Word;

use super::parse_state;

/// Options of `check`.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct CheckArgs {
    /// Only these routers.
    #[arg(value_name = "ROUTER")]
    pub(crate) routers: Vec<String>,
    /// CRITICAL unless every router has this state: MASTER, BACKUP.
    #[arg(long, value_name = "STATE", value_parser = parse_state)]
    pub(crate) expect: Option<Word>,
    /// WARNING where the margin of the last hour is below this many milliseconds.
    #[arg(long, value_name = "MS")]
    pub(crate) warning_margin: Option<u64>,
    /// CRITICAL where the margin of the last hour is below this many milliseconds.
    #[arg(long, value_name = "MS")]
    pub(crate) critical_margin: Option<u64>,
    /// WARNING where an advert of the last 24 hours was more than this many milliseconds late.
    #[arg(long, value_name = "MS")]
    pub(crate) warning_lateness: Option<u64>,
    /// CRITICAL where an advert of the last 24 hours was more than this many milliseconds late.
    #[arg(long, value_name = "MS")]
    pub(crate) critical_lateness: Option<u64>,
}

/// Options of `wait`.
#[derive(Args, Clone, Debug)]
pub(crate) struct WaitArgs {
    /// MASTER, BACKUP, FAULT or INIT.
    #[arg(value_name = "STATE", value_parser = parse_state)]
    pub(crate) state: Word,
    /// Only these routers; all where none is named.
    #[arg(value_name = "ROUTER")]
    pub(crate) routers: Vec<String>,
    /// How long: 30s, 2m, 500ms.
    #[arg(long, value_name = "TIME", default_value = "60s")]
    pub(crate) timeout: String,
}

/// What to do with configuration files. No daemon is asked, and nothing of this host is looked at but the files.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check a file as `vrrpd -t` does, but for the interfaces, users and programs of a host.
    Test(TestArgs),
    /// Say what would make the nodes with these two files disagree.
    Diff(DiffArgs),
    /// Write a file in the other language: keepalived's, or TOML.
    Convert(ConvertArgs),
}

/// Options of `config test`.
#[derive(Args, Clone, Debug)]
pub(crate) struct TestArgs {
    /// The file; keepalived's or vrrpd's usual one where none is named.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The name that conditional lines (@NAME) of keepalived's language are for; this host's where none is given.
    #[arg(long, value_name = "NAME")]
    pub(crate) config_id: Option<String>,
}

/// Options of `config diff`.
#[derive(Args, Clone, Debug)]
pub(crate) struct DiffArgs {
    /// The first node's file.
    #[arg(value_name = "A")]
    pub(crate) first: PathBuf,
    /// The second node's file.
    #[arg(value_name = "B")]
    pub(crate) second: PathBuf,
    /// The name that conditional lines (@NAME) are for on the first node.
    #[arg(long, value_name = "NAME")]
    pub(crate) id_a: Option<String>,
    /// The same on the second node.
    #[arg(long, value_name = "NAME")]
    pub(crate) id_b: Option<String>,
    /// Print versioned JSON instead.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Options of `config convert`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ConvertArgs {
    /// The file to convert.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The language to write; the one that the file is not in.
    #[arg(long, value_name = "LANGUAGE")]
    pub(crate) to: Option<LanguageName>,
    /// Write it to this new file, which only its owner may read, instead of standard output.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Write what can be said where the other language has no words for all of it.
    #[arg(long)]
    pub(crate) closest: bool,
    /// The name that conditional lines (@NAME) of keepalived's language are for; this host's where none is given.
    #[arg(long, value_name = "NAME")]
    pub(crate) config_id: Option<String>,
}

/// The languages by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LanguageName {
    /// vrrpd.toml.
    Toml,
    /// keepalived.conf.
    Keepalived,
}
