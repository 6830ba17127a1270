//! The tool that asks a vrrpd what it does and why.
//!
//! Reads the command line, asks over the control socket, and renders the answer for people or programs. Decides nothing
//! that the daemon has not said.
#![forbid(unsafe_code)]

mod bundle;
mod cli;
mod client;
mod commands;
#[cfg(test)]
mod example;
mod output;
pub mod render;
mod report;
mod run;
mod source;
mod when;
mod why_not;

pub use cli::command;
pub use output::Output;
pub use run::{Exit, run};
