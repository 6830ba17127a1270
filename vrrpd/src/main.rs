//! The daemon's entry point: maps the end of [`vrrpd::run`] to an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    vrrpd::run(std::env::args_os()).into()
}
