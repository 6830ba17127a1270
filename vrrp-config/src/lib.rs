//! From a configuration file to a validated plan, for keepalived's language and for TOML.
//!
//! No I/O but through [`FileProvider`], no knowledge of the host but through [`HostFacts`]: the daemon's runner reads
//! files as root, tests read them from memory, and a file can be checked on any machine.
#![forbid(unsafe_code)]

mod diagnostic;
mod diff;
mod facts;
mod files;
mod keepalived;
mod load;
mod names;
mod number;
mod pair;
pub mod plan;
mod source;
mod toml;
mod write;

pub use diagnostic::{Class, Diagnostic, Severity};
pub use diff::{NamedChange, PlanDiff, RouterChange, RouterEntry, RouterKey, diff};
pub use facts::{CommandFinding, HostFacts, NoFacts};
pub use files::{FileError, FileProvider, MemoryFiles, SIZE_LIMIT};
pub use keepalived::words;
pub use load::{LoadOptions, Loaded, load};
pub use pair::{Disagreement, Node, Weight, compare_nodes};
pub use source::{SourceFile, SourceMap, Span};
pub use write::{Language, Written, write};
