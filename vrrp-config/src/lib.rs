//! From a configuration file to a validated plan, for keepalived's language and for TOML.
//!
//! No I/O but a file-provider trait: the daemon's runner reads files as root, tests read them from memory.
#![forbid(unsafe_code)]

pub mod plan;
