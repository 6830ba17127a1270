//! `cargo xtask drill`: the fault drill, with everything that it needs.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::cargo;
use super::packages;
use crate::drill::{Options, Report, catalogue, run as drill};

const USAGE: &str = "\
cargo xtask drill [--seed N] [--seeds N] [--only CODE]... [--json] [--inject-only] [--keep DIR] [--list]";

struct Words {
    options: Options,
    seeds: u64,
    json: bool,
    list: bool,
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
        for cause in catalogue() {
            println!("{:<7} {}", cause.code, cause.what);
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
        let report = play(&options);
        if words.json {
            println!("{}", report.json());
        } else {
            println!("{report}");
        }
        passed &= report.passed();
    }
    if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn play(options: &Options) -> Report {
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
            other => return Err(format!("unknown option {other}")),
        }
    }
    let known = |code: &String| catalogue().any(|cause| cause.code == code);
    match parsed.options.only.iter().find(|code| !known(code)) {
        Some(code) => Err(format!(
            "the drill cannot inject {code}; --list shows what it can"
        )),
        None => Ok(parsed),
    }
}
