//! The developer commands behind `cargo xtask`: each does all of its set-up itself.
//!
//! They print for people and for CI, which reads the last line of `test`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "commands talk to the person who typed them"
)]

mod bench;
mod cargo;
mod crime_scene;
mod demo;
mod drill;
mod interop;
mod options;
mod package;
mod packages;
mod stages;
mod staging;
mod test;

use std::path::Path;
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  test                          everything CI runs: format, lints, documentation, unit, property, simulation and
                                namespace tests; installs the Debian packages it misses
  demo                          two load balancers and their address, in namespaces, in under two minutes
  demo crime-scene              the case that vrrpd was built for: an address that flaps because of a disk, and the verdict
  drill [--seed N] [--only CODE] [--json]
                                inject every cause of the catalogue that namespaces can, and compare verdicts with the truth
  drill --observe               the same into a pair of keepaliveds, explained by observers, and by captures alone
  drill --quiet TIME            pairs that nobody disturbs for a time: what is said of them, the canary must confirm
  bench [TABLE]... [--subject S] [--seconds N] [--runs N] [--json FILE]
                                keepalived and vrrpd side by side: lateness, cost, takeover, many routers; not a test
  interop [FILTER] [--repeat N] only the tests beside Debian's keepalived, N times in a row
  package [--quick] [--check] [--target TRIPLE]
                                a .deb and an .rpm below target/package; --check installs, upgrades and removes them beside
                                a running keepalived in namespaces (root), --quick packs unoptimised programs
  manual DIR                    write man pages and shell completions below DIR, as they lie below /usr
  vectors FILE                  run packets with expected outcomes against the protocol crate
  sim --seed N                  replay one simulated scenario with its event log
  sim --count N                 run the scenarios of the seeds below N

test, demo, drill, bench and interop need root for namespaces.";

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["test"] => test::run(),
        ["demo"] => demo::run(),
        ["demo", "crime-scene"] => crime_scene::run(),
        ["drill", rest @ ..] => drill::run(rest),
        ["bench", rest @ ..] => bench::run(rest),
        ["bench-built", rest @ ..] => bench::measure(rest),
        ["interop", rest @ ..] => interop::run(rest),
        ["package", rest @ ..] => package::run(rest),
        ["manual", directory] => manual(Path::new(directory)),
        ["vectors", file] => vectors(Path::new(file)),
        ["sim", "--seed", seed] => replay(seed),
        ["sim", "--count", count] => simulate(count),
        ["lab-init"] => crate::lab::init_main(),
        ["lab-hog", cpu, millis] => crate::lab::hog_main(cpu, millis),
        ["lab-forwarder", rest @ ..] => crate::lab::forwarder_main(rest),
        [crate::bench::SENDER, address, micros] => crate::bench::sender_main(address, micros),
        ["lab-canary", file] => crate::lab::canary_main(Path::new(file)),
        [] | ["help" | "-h" | "--help"] => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!(
                "cargo xtask: no such command: {}\n\n{HELP}",
                words.join(" ")
            );
            ExitCode::from(2)
        }
    }
}

fn manual(directory: &Path) -> ExitCode {
    match crate::manual::write(&repository(), directory) {
        Ok(written) => {
            for path in written {
                println!("{}", path.display());
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("cargo xtask manual: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The root of this repository.
fn repository() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn replay(seed: &str) -> ExitCode {
    let Ok(seed) = seed.parse() else {
        eprintln!("cargo xtask sim: a seed is a number, not {seed}");
        return ExitCode::from(2);
    };
    let (log, result) = crate::sim::replay(seed);
    for line in log {
        println!("{line}");
    }
    match result {
        Ok(()) => {
            println!("seed {seed} holds every invariant");
            ExitCode::SUCCESS
        }
        Err(what) => {
            eprintln!("seed {seed}: {what}");
            ExitCode::FAILURE
        }
    }
}

fn simulate(count: &str) -> ExitCode {
    let Ok(count) = count.parse() else {
        eprintln!("cargo xtask sim: a count is a number, not {count}");
        return ExitCode::from(2);
    };
    let report = crate::sim::run(0..count);
    println!("{report}");
    if report.failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn vectors(file: &Path) -> ExitCode {
    match crate::vectors::run(file) {
        Ok(summary) => {
            println!("{summary}");
            summary.exit_code()
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
