//! The runner: a small process that stays what the daemon was started as, root, and does for it what needs that.
//!
//! It reads configuration files, starts track and notify programs as the user that keepalived would choose, and writes
//! process id files. It is started before anything is locked or threaded, by executing this program again with a hidden
//! first argument, and lives exactly as long as its socket to the daemon. It runs on ordinary scheduling and decides
//! nothing about VRRP.
//!
//! The daemon tells it what to start, so it does not protect root from the daemon; it keeps user programs, their file
//! systems and their user databases away from the daemon.

mod children;
mod client;
mod fifo;
mod files;
mod glob;
mod link;
mod message;
mod program;
mod run;
mod serve;

pub use client::Runner;
pub use files::{FileError, read};
pub use glob::glob;
pub use link::{ARGUMENT, Link, RunnerError};
pub use message::{Outcome, RunEvent};
pub use program::{
    Account, Candidate, DEFAULT_USER, Insecure, Program, Resolved, Unusable, resolve,
};
pub use run::Run;
pub use serve::main;
