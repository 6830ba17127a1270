//! `cargo xtask interop [FILTER] [--repeat N]`: the tests beside keepalived, as often as wanted.

use std::process::ExitCode;

use super::packages;
use super::stages::{Stages, as_check};
use super::test::LAB_THREADS;

pub(super) fn run(words: &[&str]) -> ExitCode {
    let Some((filter, times)) = parse(words) else {
        eprintln!("usage: cargo xtask interop [FILTER] [--repeat N]");
        return ExitCode::from(2);
    };
    if !nix::unistd::geteuid().is_root() {
        eprintln!("cargo xtask interop needs root for its namespaces");
        return ExitCode::FAILURE;
    }
    let mut stages = Stages::new();
    let equipped = stages.run("packages", || {
        as_check(match packages::install_missing() {
            Ok(()) => true,
            Err(reason) => {
                eprintln!("{reason}");
                false
            }
        })
    });
    if equipped && stages.check("build", &["build", "--workspace", "--bins"], &[]) {
        for time in 1..=times {
            let mut test = vec!["test", "--workspace", "--test", "interop", "--"];
            test.extend([LAB_THREADS]);
            test.extend(filter);
            stages.tests(&format!("interop, {time} of {times}"), &[test]);
        }
    }
    let (passed, failed) = stages.finish();
    println!("\n{passed} passed, {failed} failed");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn parse<'a>(words: &[&'a str]) -> Option<(Option<&'a str>, u32)> {
    match *words {
        [] => Some((None, 1)),
        ["--repeat", times] => Some((None, times.parse().ok()?)),
        [filter] if !filter.starts_with('-') => Some((Some(filter), 1)),
        [filter, "--repeat", times] => Some((Some(filter), times.parse().ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filter_and_number_of_runs_are_both_optional() {
        assert_eq!(parse(&[]), Some((None, 1)));
        assert_eq!(parse(&["v3"]), Some((Some("v3"), 1)));
        assert_eq!(parse(&["v3", "--repeat", "10"]), Some((Some("v3"), 10)));
        assert_eq!(parse(&["--repeat", "3"]), Some((None, 3)));
        assert_eq!(parse(&["--repeat"]), None);
        assert_eq!(parse(&["v3", "--repeat", "many"]), None);
    }
}
