//! The daemon: engine, address thread, everything else, and the runner.
#![deny(unsafe_code)]

pub mod address;
pub mod check;
pub mod cli;
pub mod control;
pub mod core;
pub mod daemon;
pub mod dump;
mod engine;
pub mod exit;
mod host;
mod journal;
pub mod load;
mod mail;
mod metrics;
pub mod net;
pub mod notify;
pub mod observe;
mod process;
mod publish;
pub mod queue;
mod recorder;
mod release;
pub mod reload;
pub mod runner;
pub mod service;
mod sys;
pub mod track;
mod watch;
mod world;

use std::ffi::OsString;
use std::io::{self, Write};

use cli::{CliError, Options, Task};
use exit::Exit;
use service::background;

/// Runs the daemon, or what the command line asks for instead.
#[must_use]
pub fn run(args: impl IntoIterator<Item = OsString>) -> Exit {
    let mut args: Vec<OsString> = args.into_iter().collect();
    // Started by ourselves: as the runner, or as the daemon in the background.
    if args.get(1).is_some_and(|first| first == runner::ARGUMENT) {
        return runner::main();
    }
    if args.get(1).is_some_and(|first| first == journal::ARGUMENT) {
        let made = journal::make_main(args.get(2..).unwrap_or_default());
        return if made { Exit::Success } else { Exit::Failure };
    }
    let in_background = args
        .get(1)
        .is_some_and(|first| first == background::ARGUMENT);
    if in_background {
        args.remove(1);
    }
    let options = match cli::parse(args.iter().cloned()) {
        Ok(options) => options,
        Err(error) => return usage(&args, &error),
    };
    match &options.task {
        Task::Version => say(&format!(
            "{} {}",
            options.program,
            env!("CARGO_PKG_VERSION")
        )),
        Task::Help => say(cli::flags::help(&options.program).trim_end()),
        Task::SignalNumber(name) => signal_number(name),
        Task::Check { log } => check::check(&options, log.as_deref()),
        Task::Release => release::release(&options),
        Task::Run => daemon::run(&options, &args, in_background),
    }
}

/// A mistake in the command line.
fn usage(args: &[OsString], error: &CliError) -> Exit {
    let program = args.first().cloned().unwrap_or_default();
    say(&format!("{}: {error}", program.display()));
    Exit::Failure
}

/// `--signum`: the number goes to standard output, for `kill -s $(...)`.
fn signal_number(name: &str) -> Exit {
    match cli::signal_number(name) {
        Some(number) => match writeln!(io::stdout(), "{number}") {
            Ok(()) => Exit::Success,
            Err(_) => Exit::Failure,
        },
        None => {
            say(&format!("Unknown sigfunc {name}"));
            Exit::Failure
        }
    }
}

/// A line on standard error, where keepalived writes usage and version too.
fn say(text: &str) -> Exit {
    // It may be closed, and there is nobody else to tell.
    let _ = writeln!(io::stderr(), "{text}");
    Exit::Success
}

/// What the options amount to where somebody has to be told before there is a log.
fn complain(options: &Options, text: &str) {
    say(&format!("{}: {text}", options.program));
}
