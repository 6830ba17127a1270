//! Runs scenes side by side where they do not disturb each other, and one by one where they do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::cause::{Cause, Variant};
use super::inject::{CHECK, catalogue};
use super::judge::{Grade, Records, Seen, questions};
use super::noise::{Noise, Start};
use super::report::{Report, Row};
use super::scene::Scene;
use super::setup::Setup;
use crate::lab::{Canary, Capture};
use crate::sim::Prng;

/// Scenes wait much more than they compute.
const SIDE_BY_SIDE: usize = 12;
/// What comes after an injection: later adverts amend a verdict.
pub(super) const AFTERMATH: Duration = Duration::from_millis(1500);

/// What to run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Decides sizes, lengths, intervals, families.
    pub seed: u64,
    /// Only causes of these codes; all where it is empty.
    pub only: Vec<String>,
    /// Where scenes keep copies of records, for a look afterwards; removed where it is none.
    pub keep: Option<PathBuf>,
    /// Only inject and prove; ask nobody for a verdict.
    pub inject_only: bool,
}

struct Job {
    cause: &'static Cause,
    variant: Variant,
    seed: u64,
    /// Tells apart where records of causes with the same code are kept.
    number: usize,
}

/// Runs the drill. `xtask` and `vrrpctl` are the programs built here.
///
/// # Panics
/// When a thread cannot be made.
pub fn run(options: &Options, xtask: &Path, vrrpctl: &Path, records: &Path) -> Report {
    let started = Instant::now();
    let canary = Canary::start(xtask);
    let mut rows = run_all(
        jobs(options),
        |job| job.cause.alone,
        |job| {
            let mut row = one(job, options, xtask, vrrpctl, records);
            if row.may_be_repeated() {
                // Nothing was injected, so nothing was judged: on a busy machine an injection may not come through.
                row = one(job, options, xtask, vrrpctl, records);
            }
            row
        },
    );
    let lateness = canary.finish();
    for row in &mut rows {
        row.confirm(&lateness);
    }
    Report::new(options.seed, rows, started.elapsed())
}

/// What comes of each job: of those that run alone one by one, then of the others side by side.
///
/// # Panics
/// When a thread cannot be made.
pub(super) fn run_all<J: Sync, T: Send>(
    jobs: Vec<J>,
    alone: impl Fn(&J) -> bool,
    work: impl Fn(&J) -> T + Sync,
) -> Vec<T> {
    let (alone, together): (Vec<J>, Vec<J>) = jobs.into_iter().partition(alone);
    let done = Mutex::new(alone.iter().map(&work).collect::<Vec<T>>());
    let queue = Mutex::new(together.iter());
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(job) = next else { break };
                    let result = work(job);
                    done.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(result);
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn jobs(options: &Options) -> Vec<Job> {
    let mut jobs = Vec::new();
    for cause in catalogue() {
        let wanted = options.only.is_empty() || options.only.iter().any(|only| only == cause.code);
        for (number, variant) in cause.variants.iter().enumerate() {
            if wanted {
                jobs.push(Job {
                    cause,
                    variant: *variant,
                    seed: seed(options.seed, cause.code, number),
                    number: jobs.len(),
                });
            }
        }
    }
    jobs
}

/// A run's own numbers, which do not depend on what else runs.
pub(super) fn seed(seed: u64, code: &str, variant: usize) -> u64 {
    code.bytes()
        .chain([u8::try_from(variant).unwrap_or(0)])
        .fold(seed.wrapping_add(0x9e37), |sum, byte| {
            Prng::new(sum ^ u64::from(byte)).next()
        })
}

fn one(job: &Job, options: &Options, xtask: &Path, vrrpctl: &Path, records: &Path) -> Row {
    let mut prng = Prng::new(job.seed);
    let mut setup = Setup::new(job.variant, &mut prng);
    (job.cause.prepare)(&mut setup, &mut prng);
    let mut row = Row {
        code: job.cause.code,
        what: job.cause.what,
        pairing: setup.pairing,
        family: setup.family,
        numbered: setup.numbered(),
        interval: setup.interval,
        trouble: None,
        seen: Vec::new(),
        took: Duration::ZERO,
        window: None,
        canary: Duration::ZERO,
    };
    let started = Instant::now();
    let directory = records.join(format!(
        "{}-{}-{:?}-{:?}-{}",
        options.seed, job.cause.code, setup.pairing, setup.family, job.number
    ));
    let result = catch_unwind(AssertUnwindSafe(|| {
        let window = &mut row.window;
        play(
            job.cause,
            setup,
            prng,
            options,
            (xtask, vrrpctl),
            &directory,
            window,
        )
    }));
    match result {
        Ok(Ok(seen)) => row.seen = seen,
        Ok(Err(trouble)) => row.trouble = Some(trouble),
        Err(panic) => {
            row.trouble = Some(message(&*panic));
        }
    }
    row.took = started.elapsed();
    row
}

/// What a scene said when it panicked.
pub(super) fn message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "the scene panicked".to_owned())
}

fn play(
    cause: &Cause,
    setup: Setup,
    prng: Prng,
    options: &Options,
    (xtask, vrrpctl): (&Path, &Path),
    directory: &Path,
    window: &mut Option<(Duration, Duration)>,
) -> Result<Vec<(&'static str, Seen)>, String> {
    let mut scene = Scene::build(setup, prng, xtask);
    for node in [&scene.leader, &scene.follower] {
        node.host.write("/etc/keepalived/check.sh", CHECK, 0o755);
    }
    scene.settle()?;
    let start = Start::of(&scene);
    (cause.inject)(&mut scene)?;
    std::thread::sleep(AFTERMATH + scene.setup.interval() * 3);
    let noise = Noise::since(&start, &scene);
    if options.inject_only {
        return Ok(Vec::new());
    }
    let copy = |node: &super::scene::Node, name: &str| {
        node.records()
            .map(|paths| Records::copy(&paths, &directory.join(name)))
            .transpose()
    };
    let leader = copy(&scene.leader, "leader")?;
    let follower = copy(&scene.follower, "follower")?;
    let since = scene.since;
    *window = Some((since, Capture::now()));
    drop(scene);
    let seen = questions(&cause.truth, &|question| {
        let (one, other) = if question.leader {
            (&leader, &follower)
        } else {
            (&follower, &leader)
        };
        let peer = other.as_ref().filter(|_| question.both);
        let Some(one) = one.as_ref().filter(|_| !question.both || peer.is_some()) else {
            return Ok(None);
        };
        let verdicts = one.explain(vrrpctl, peer, since)?;
        Ok(Some(noise.set_aside(&cause.truth, verdicts)))
    })?;
    if options.keep.is_none()
        && seen
            .iter()
            .all(|(_, seen)| matches!(seen.grade, Grade::Right | Grade::Allowed))
    {
        let _ = std::fs::remove_dir_all(directory);
    }
    Ok(seen)
}
