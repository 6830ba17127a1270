//! `cargo xtask drill`: the fault drill, with everything that it needs.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use super::cargo::{self, Outcome};
use super::options::Rest;
use super::packages;
use crate::drill::{Options, beside, catalogue, run as drill};

const USAGE: &str = "\
cargo xtask drill [--seed N] [--seeds N] [--only CODE]... [--json] [--inject-only] [--keep DIR] [--list]
cargo xtask drill --observe [--seed N] [--seeds N] [--only CODE]... [--json] [--keep DIR] [--list]
cargo xtask drill --quiet TIME [--keep DIR]        such as 90s or 10m";

struct Words {
    options: Options,
    seeds: u64,
    json: bool,
    list: bool,
    observe: bool,
    quiet: Option<Duration>,
}

pub(super) fn run(words: &[&str]) -> ExitCode {
    let words = match parse(words) {
        Ok(words) => words,
        Err(reason) => {
            eprintln!("{reason}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    if words.list {
        for (code, what) in known(words.observe) {
            println!("{code:<7} {what}");
        }
        return ExitCode::SUCCESS;
    }
    if !nix::unistd::geteuid().is_root() {
        eprintln!("cargo xtask drill needs root: it makes network namespaces");
        return ExitCode::FAILURE;
    }
    if let Err(reason) = packages::install_missing() {
        eprintln!("{reason}");
        return ExitCode::FAILURE;
    }
    if !build() {
        return ExitCode::FAILURE;
    }
    if let Some(time) = words.quiet {
        let played = play(&words.options, |_, xtask, vrrpctl, records| {
            beside::quiet(time, xtask, vrrpctl, records)
        });
        return match played {
            Ok(quiet) => {
                println!("{quiet}");
                ExitCode::from(u8::from(!quiet.passed()))
            }
            Err(reason) => {
                eprintln!("{reason}");
                ExitCode::FAILURE
            }
        };
    }
    let first = words.options.seed;
    let mut passed = true;
    for seed in first..first.saturating_add(words.seeds) {
        let options = Options {
            seed,
            ..words.options.clone()
        };
        passed &= if words.observe {
            let report = play(&options, beside::run);
            show(words.json, &report, &report.json());
            report.passed()
        } else {
            let report = play(&options, drill);
            show(words.json, &report, &report.json());
            report.passed()
        };
    }
    if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// One seed as a stage of the tests: a wrong verdict fails it, and so does one that is missing where the evidence is there,
/// or a scene that could not be injected although this machine has the means.
pub(super) fn stage(seed: u64) -> Outcome {
    let options = Options {
        seed,
        ..Options::default()
    };
    let report = play(&options, drill);
    println!("{report}");
    let count = |scenes: usize| u32::try_from(scenes).unwrap_or(u32::MAX);
    Outcome {
        success: report.passed(),
        passed: count(report.good()),
        failed: count(report.failed()),
    }
}

/// Every cause, or those that the drill beside keepalived has.
fn known(observe: bool) -> Vec<(&'static str, &'static str)> {
    if observe {
        beside::codes().collect()
    } else {
        catalogue().map(|cause| (cause.code, cause.what)).collect()
    }
}

fn show(json: bool, report: &dyn std::fmt::Display, object: &serde_json::Value) {
    if json {
        println!("{object}");
    } else {
        println!("{report}");
    }
}

fn play<T>(options: &Options, drill: impl Fn(&Options, &Path, &Path, &Path) -> T) -> T {
    let programs = programs();
    let records = options.keep.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!("vrrpd-drill-{}", std::process::id()))
    });
    let report = drill(
        options,
        &programs.join("xtask"),
        &programs.join("vrrpctl"),
        &records,
    );
    // Records of scenes that passed are gone already; the rest is what a look is for.
    let _ = std::fs::remove_dir(&records);
    if records.exists() {
        eprintln!("records of the scenes above: {}", records.display());
    }
    report
}

fn build() -> bool {
    cargo::run(&["build", "--quiet", "--workspace", "--bins"], &[]).success
}

fn programs() -> PathBuf {
    let own = std::env::current_exe().expect("the kernel knows what it runs");
    own.parent().map(Path::to_owned).unwrap_or_default()
}

/// A length of time in minutes or seconds.
fn length(text: &str) -> Result<Duration, String> {
    let seconds = match text.strip_suffix('m') {
        Some(minutes) => minutes
            .parse::<u64>()
            .ok()
            .and_then(|one| one.checked_mul(60)),
        None => text
            .strip_suffix('s')
            .and_then(|seconds| seconds.parse().ok()),
    };
    match seconds {
        // The canary has room for so many.
        Some(seconds @ 1..=1_500) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!(
            "{text} is no length of time up to 25m, such as 90s or 10m"
        )),
    }
}

fn parse(words: &[&str]) -> Result<Words, String> {
    let mut parsed = Words {
        options: Options {
            seed: 1,
            ..Options::default()
        },
        seeds: 1,
        json: false,
        list: false,
        observe: false,
        quiet: None,
    };
    let mut words = Rest::of(words);
    while let Some(word) = words.next() {
        match word {
            "--seed" => parsed.options.seed = words.number(word)?,
            "--seeds" => parsed.seeds = words.number(word)?,
            "--only" => parsed
                .options
                .only
                .extend(words.value(word)?.split(',').map(str::to_owned)),
            "--keep" => parsed.options.keep = Some(words.value(word)?.into()),
            "--json" => parsed.json = true,
            "--inject-only" => parsed.options.inject_only = true,
            "--list" => parsed.list = true,
            "--observe" => parsed.observe = true,
            "--quiet" => parsed.quiet = Some(length(words.value(word)?)?),
            other => return Err(format!("unknown option {other}")),
        }
    }
    if parsed.observe && parsed.options.inject_only {
        return Err("--inject-only has nothing to do with --observe".to_owned());
    }
    let known = known(parsed.observe);
    let is_known = |code: &String| known.iter().any(|(known, _)| known == code);
    match parsed.options.only.iter().find(|code| !is_known(code)) {
        Some(code) => Err(format!(
            "the drill cannot inject {code}; --list shows what it can"
        )),
        None => Ok(parsed),
    }
}
