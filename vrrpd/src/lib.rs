//! The daemon: engine, address thread, everything else, and the runner.
#![deny(unsafe_code)]

pub mod address;
pub mod cli;
pub mod control;
pub mod core;
mod engine;
pub mod exit;
pub mod net;
pub mod notify;
pub mod observe;
mod publish;
pub mod queue;
pub mod runner;
pub mod service;
mod sys;
pub mod track;

use std::ffi::OsString;

use exit::Exit;

/// Runs the daemon, or what the command line asks for instead.
#[must_use]
pub fn run(args: impl IntoIterator<Item = OsString>) -> Exit {
    let mut args = args.into_iter().peekable();
    let _program = args.next();
    if args.peek().is_some_and(|first| first == runner::ARGUMENT) {
        return runner::main();
    }
    Exit::Failure
}
