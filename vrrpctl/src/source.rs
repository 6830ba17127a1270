//! Where records come from: one loader for every reading command.
//!
//! Finds out what a file or directory is, reads it, joins what belongs to one node, and says what was read and what of it was
//! damaged. Judges nothing.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use vrrp_record::history::{History, Run, Want};
use vrrp_record::journal::Explained;

mod formats;
mod opened;

pub(crate) use formats::status;
pub(crate) use opened::{Opened, Place, RINGS, SEGMENT};

/// One node's records.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// What they say.
    pub(crate) history: History,
    /// Its name in output, where its host name is not its own.
    pub(crate) alias: Option<String>,
    /// Verdicts that the daemon made while it ran, in their order.
    pub(crate) verdicts: Vec<Explained>,
    /// What they were read from.
    pub(crate) origins: Vec<Origin>,
}

impl Node {
    /// How the node is called in output: its host name, else what was read.
    pub(crate) fn name(&self) -> String {
        let host = &self.history.node.host;
        if let Some(alias) = &self.alias {
            return alias.clone();
        }
        if !host.is_empty() {
            return host.clone();
        }
        self.origins.first().map_or_else(
            || String::from("this node"),
            |origin| origin.path.display().to_string(),
        )
    }
}

impl Node {
    /// Addresses that its adverts leave from.
    fn addresses(history: &History) -> impl Iterator<Item = IpAddr> + '_ {
        let sources = history.routers.iter().filter_map(|router| router.source);
        history.node.addresses.iter().copied().chain(sources)
    }

    /// Whether a history is of the same node: its host name alone does not tell, since machines are cloned.
    pub(crate) fn is(&self, other: &History) -> bool {
        let (ours, theirs) = (&self.history, other);
        if ours.node.host != theirs.node.host {
            return false;
        }
        let run = |one: &Run| (one.boot_id.clone(), one.pid, one.started);
        let same_run = ours
            .runs
            .iter()
            .any(|one| theirs.runs.iter().any(|two| run(one) == run(two)));
        let mut addresses = Self::addresses(ours);
        same_run || addresses.any(|address| Self::addresses(theirs).any(|other| other == address))
    }
}

/// Gives nodes of the same name names of their own, by their addresses.
pub(crate) fn tell_apart(nodes: &mut [Node]) {
    let hosts: Vec<String> = nodes
        .iter()
        .map(|node| node.history.node.host.clone())
        .collect();
    for node in nodes.iter_mut() {
        let host = &node.history.node.host;
        if !host.is_empty() && hosts.iter().filter(|other| *other == host).count() > 1 {
            let address = Node::addresses(&node.history)
                .next()
                .map(|address| address.to_string());
            let path = node
                .origins
                .first()
                .map(|origin| origin.path.display().to_string());
            node.alias = address.or(path).map(|what| format!("{host}({what})"));
        }
    }
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Its kind.
    pub(crate) kind: Kind,
    /// Where it is.
    pub(crate) path: PathBuf,
}

/// Kinds of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// The flight recorder of the present or the last run.
    Ring,
    /// The journal on disk.
    Journal,
    /// A bundle.
    Bundle,
    /// A packet capture.
    Capture,
}

impl Kind {
    /// Its name in JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ring => "ring",
            Self::Journal => "journal",
            Self::Bundle => "bundle",
            Self::Capture => "capture",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            Kind::Ring => "flight recorder",
            Kind::Journal => "journal",
            Kind::Bundle => "bundle",
            Kind::Capture => "capture",
        };
        write!(f, "{what} {}", self.path.display())
    }
}

/// Something that records can be read from, more than once.
pub(crate) trait Records {
    /// About how many bytes, of which a part can be left out.
    fn bytes(&self) -> u64;

    /// Reads what is wanted of it.
    ///
    /// # Errors
    /// Where a file cannot be read at all; damage inside is part of the history.
    fn read(&self, want: &Want) -> Result<Vec<Node>, SourceError>;
}

/// Why there is nothing to read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// A file that was named does not exist.
    #[error("{} does not exist", .0.display())]
    Missing(PathBuf),
    /// Neither a daemon's flight recorder nor its journal is here.
    #[error(
        "no records: neither a flight recorder in {} nor a journal in {}\n  start vrrpd, name its directories with --run-dir \
         and --journal-dir, or read a file with --from", .run_dir.display(), .journal_dir.display()
    )]
    Nothing {
        /// The run directory.
        run_dir: PathBuf,
        /// The journal's directory.
        journal_dir: PathBuf,
    },
    /// No flight recorder is where one was to be followed.
    #[error(
        "nothing to follow: no flight recorder in {}\n  start vrrpd, or name its run directory with --run-dir", .0.display()
    )]
    NoRecorder(PathBuf),
    /// The file system refused.
    #[error(
        "no permission to read {}\n  run as root, or join the group vrrpd (usermod -aG vrrpd USER) and log in again", .0.display()
    )]
    NoPermission(PathBuf),
    /// It is something else.
    #[error("{} is neither a bundle, a flight recorder, a journal nor a packet capture: {}", .0.display(), .1)]
    NotOurs(PathBuf, String),
    /// It is a bundle that lacks what was asked for.
    #[error("{}: {}", .0.display(), .1)]
    Lacks(PathBuf, String),
    /// It broke while it was read.
    #[error("cannot read {}: {}", .0.display(), .1)]
    Broken(PathBuf, io::Error),
}

impl SourceError {
    /// The error of the operating system about a file.
    pub(crate) fn of(path: &Path, error: io::Error) -> Self {
        let kind = error.kind();
        if kind == io::ErrorKind::NotFound {
            Self::Missing(path.to_owned())
        } else if kind == io::ErrorKind::PermissionDenied {
            Self::NoPermission(path.to_owned())
        } else {
            Self::Broken(path.to_owned(), error)
        }
    }
}
