//! A run in named stages, each with its duration, and the sum at its end.

use std::time::{Duration, Instant};

use super::cargo::{self, Outcome};

/// What happened until now.
#[derive(Debug)]
pub(super) struct Stages {
    started: Instant,
    done: Vec<(String, Duration, Outcome)>,
}

impl Stages {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            done: Vec::new(),
        }
    }

    /// Runs one stage and says how it went.
    pub(super) fn run(&mut self, name: &str, work: impl FnOnce() -> Outcome) -> bool {
        println!("\n=== {name}");
        let started = Instant::now();
        let outcome = work();
        let took = started.elapsed();
        println!(
            "--- {name}: {} in {:.1} s",
            verdict(&outcome),
            took.as_secs_f64()
        );
        self.done.push((name.to_owned(), took, outcome));
        outcome.success
    }

    /// A stage of one run of cargo whose success is all that counts.
    pub(super) fn check(
        &mut self,
        name: &str,
        words: &[&str],
        environment: &[(&str, &str)],
    ) -> bool {
        self.run(name, || as_check(cargo::run(words, environment).success))
    }

    /// A stage of runs of `cargo test`.
    pub(super) fn tests(&mut self, name: &str, runs: &[Vec<&str>]) -> bool {
        self.run(name, || {
            let outcomes: Vec<Outcome> = runs.iter().map(|words| cargo::run(words, &[])).collect();
            as_tests(sum(&outcomes))
        })
    }

    /// Tests and checks that passed and failed; prints the table of stages.
    pub(super) fn finish(&self) -> (u32, u32) {
        println!("\n=== stages");
        for (name, took, outcome) in &self.done {
            println!(
                "{:>7.1} s  {name}: {}, {} passed, {} failed",
                took.as_secs_f64(),
                verdict(outcome),
                outcome.passed,
                outcome.failed,
            );
        }
        println!(
            "{:>7.1} s  altogether",
            self.started.elapsed().as_secs_f64()
        );
        let total = sum(&self.done.iter().map(|stage| stage.2).collect::<Vec<_>>());
        (total.passed, total.failed)
    }
}

/// A check counts as one test.
pub(super) fn as_check(success: bool) -> Outcome {
    Outcome {
        success,
        passed: u32::from(success),
        failed: u32::from(!success),
    }
}

/// A stage of tests in which none ran has shown nothing.
fn as_tests(outcome: Outcome) -> Outcome {
    if outcome.passed + outcome.failed > 0 {
        return outcome;
    }
    println!("no test ran");
    as_check(false)
}

fn sum(outcomes: &[Outcome]) -> Outcome {
    let success = outcomes.iter().all(|outcome| outcome.success);
    let passed = outcomes.iter().map(|outcome| outcome.passed).sum();
    // A run may fail without a failed test, by not compiling or by a crash.
    let failed = outcomes
        .iter()
        .map(|outcome| outcome.failed.max(u32::from(!outcome.success)))
        .sum();
    Outcome {
        success,
        passed,
        failed,
    }
}

fn verdict(outcome: &Outcome) -> &'static str {
    if outcome.success { "passed" } else { "FAILED" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_fails_without_a_failed_test_counts_as_one() {
        let crashed = Outcome {
            success: false,
            passed: 3,
            failed: 0,
        };
        let total = sum(&[crashed, as_check(true)]);
        assert_eq!((total.success, total.passed, total.failed), (false, 4, 1));
    }

    #[test]
    fn a_stage_without_a_test_fails() {
        let nothing = Outcome {
            success: true,
            ..Outcome::default()
        };
        assert!(!as_tests(nothing).success);
        assert!(as_tests(as_check(true)).success);
    }
}
