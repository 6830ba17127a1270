//! `cargo xtask drill`: the fault drill, with everything that it needs.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::cargo;
use super::packages;
use crate::drill::{Options, beside, catalogue, run as drill};

const USAGE: &str = "\
cargo xtask drill [--seed N] [--seeds N] [--only CODE]... [--json] [--inject-only] [--keep DIR] [--list]
cargo xtask drill --observe [--seed N] [--seeds N] [--only CODE]... [--json] [--keep DIR] [--list]";

struct Words {
    options: Options,
    seeds: u64,
    json: bool,
    list: bool,
    observe: bool,
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
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || {
            words
                .next()
                .copied()
                .ok_or_else(|| format!("{word} needs a value"))
        };
        let number = |text: &str| {
            text.parse::<u64>()
                .map_err(|_| format!("{text} is no number"))
        };
        match *word {
            "--seed" => parsed.options.seed = number(value()?)?,
            "--seeds" => parsed.seeds = number(value()?)?,
            "--only" => parsed
                .options
                .only
                .extend(value()?.split(',').map(str::to_owned)),
            "--keep" => parsed.options.keep = Some(value()?.into()),
            "--json" => parsed.json = true,
            "--inject-only" => parsed.options.inject_only = true,
            "--list" => parsed.list = true,
            "--observe" => parsed.observe = true,
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
