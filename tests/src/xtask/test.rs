//! `cargo xtask test`: what CI runs, in stages. The last line is the sum that CI reads.

use std::process::ExitCode;

use super::cargo::{Outcome, Target, test_targets};
use super::drill;
use super::packages;
use super::stages::{Stages, as_check};

/// Namespace tests wait more than they compute, so more of them run than there are CPUs.
pub(super) const LAB_THREADS: &str = "--test-threads=6";

/// The seed of the fault drill that runs with every change; `cargo xtask drill --seeds 10` runs ten.
const DRILL_SEED: u64 = 1;

/// What a test target needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Nothing; some tests leave themselves out without root.
    Unit,
    /// Time.
    Simulation,
    /// Root and namespaces.
    Lab,
}

pub(super) fn run() -> ExitCode {
    let root = nix::unistd::geteuid().is_root();
    let mut stages = Stages::new();
    let equipped = stages.run("packages", || match packages::install_missing() {
        Ok(()) => as_check(true),
        Err(reason) => {
            println!("{reason}");
            // Without root the tests that need the packages do not run either, which the end says.
            if root {
                as_check(false)
            } else {
                Outcome {
                    success: true,
                    ..Outcome::default()
                }
            }
        }
    });
    stages.check("format", &["fmt", "--all", "--check"], &[]);
    stages.check(
        "lints",
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
        &[],
    );
    stages.check(
        "documentation",
        &[
            "doc",
            "--workspace",
            "--no-deps",
            "--document-private-items",
        ],
        &[("RUSTDOCFLAGS", "-D warnings")],
    );
    let built = stages.check("build", &["build", "--workspace", "--all-targets"], &[]);
    let mut complete = root && equipped;
    if built {
        match test_targets() {
            Ok(targets) => {
                stages.tests("unit and property tests", &unit(&targets));
                stages.tests("simulation", &[select(&targets, Kind::Simulation)]);
                if complete {
                    let mut lab = select(&targets, Kind::Lab);
                    lab.extend(["--", LAB_THREADS]);
                    stages.tests("namespace tests", &[lab]);
                    stages.run("fault drill", || drill::stage(DRILL_SEED));
                }
            }
            Err(reason) => {
                eprintln!("{reason}");
                complete = false;
            }
        }
    } else {
        complete = false;
    }
    let (passed, failed) = stages.finish();
    if !root {
        println!(
            "\nNOT COMPLETE: the namespace tests, and those unit tests that say SKIPPED, need root and did not run."
        );
        println!("incomplete without root: {passed} of what ran passed, {failed} failed");
        return ExitCode::FAILURE;
    }
    if !complete {
        println!("\nNOT COMPLETE: some stages could not run; see above.");
    }
    println!("\n{passed} passed, {failed} failed");
    if failed == 0 && complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn unit(targets: &[Target]) -> Vec<Vec<&str>> {
    let mut all = select(targets, Kind::Unit);
    all.extend(["--lib", "--bins"]);
    vec![all, vec!["test", "--workspace", "--doc"]]
}

/// `cargo test` of the targets of a kind; always of the whole workspace, so that one set of features is built.
fn select(targets: &[Target], kind: Kind) -> Vec<&str> {
    let mut words = vec!["test", "--workspace", "--no-fail-fast"];
    for target in targets.iter().filter(|target| kind_of(target) == kind) {
        words.extend(["--test", &target.name]);
    }
    words
}

fn kind_of(target: &Target) -> Kind {
    if target.package != "vrrp-tests" {
        Kind::Unit
    } else if target.name.starts_with("sim") {
        Kind::Simulation
    } else if target.name.starts_with("lab") || target.name.starts_with("interop") {
        Kind::Lab
    } else {
        Kind::Unit
    }
}
