//! The tool's entry point.

use std::process::ExitCode;

use vrrpctl::{Output, run};

fn main() -> ExitCode {
    run(std::env::args_os(), &mut Output::standard()).into()
}
