//! The developer commands; `cargo xtask help` lists them.

use std::process::ExitCode;

fn main() -> ExitCode {
    vrrp_tests::xtask::main()
}
