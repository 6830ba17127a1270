//! The drill beside keepalived: the same causes injected into a pair of keepaliveds, and explained by those who only look
//! on. On each node `vrrpd --observe` records and `tcpdump` captures; the captures are explained with keepalived's log, and
//! with nothing else of the hosts. A native run of the same causes, with vrrpd on both nodes, stands beside.

mod cases;
mod quiet;
mod report;
mod watch;

use std::ffi::OsStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use vrrp_record::verdict::Verdict;

pub use quiet::{Quiet, quiet};
pub use report::Report;

use self::cases::{CASES, Case};
use self::report::Row;
use self::watch::{Evidence, Watch};
use super::cause::{Cause, Variant};
use super::inject::catalogue;
use super::judge::{Grade, Records, Seen, explain, questions};
use super::scene::Scene;
use super::schedule::{AFTERMATH, Options, message, run_all, seed};
use super::setup::{Pairing, Setup};
use crate::sim::Prng;

/// How a scene is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// vrrpd runs on both nodes.
    Native,
    /// vrrpd observes keepalived on both nodes.
    Observed,
    /// Captures and keepalived's log.
    Captured,
}

/// The codes of its causes, in the order of the catalogue.
pub fn codes() -> impl Iterator<Item = (&'static str, &'static str)> {
    causes().map(|(_, cause)| (cause.code, cause.what))
}

fn causes() -> impl Iterator<Item = (&'static Case, &'static Cause)> {
    CASES.iter().filter_map(|case| {
        // Of several causes with one code the first is meant.
        let cause = catalogue().find(|cause| cause.code == case.code)?;
        Some((case, cause))
    })
}

struct Job {
    case: &'static Case,
    cause: &'static Cause,
    native: bool,
}

/// Runs every cause twice: with vrrpd on both nodes, and with keepalived on both and somebody beside.
///
/// # Panics
/// When a thread cannot be made.
pub fn run(options: &Options, xtask: &Path, vrrpctl: &Path, records: &Path) -> Report {
    let started = Instant::now();
    let wanted =
        |code: &str| options.only.is_empty() || options.only.iter().any(|only| only == code);
    let jobs = causes()
        .filter(|(case, _)| wanted(case.code))
        .flat_map(|(case, cause)| {
            [true, false].map(|native| Job {
                case,
                cause,
                native,
            })
        })
        .collect();
    let rows = run_all(
        jobs,
        |job: &Job| job.cause.alone,
        |job| one(job, options, xtask, vrrpctl, records),
    );
    let rows = rows.into_iter().flatten().collect();
    Report::new(options.seed, rows, started.elapsed())
}

fn one(job: &Job, options: &Options, xtask: &Path, vrrpctl: &Path, records: &Path) -> Vec<Row> {
    // Both runs of a cause have the same sizes, lengths and intervals.
    let mut prng = Prng::new(seed(options.seed, job.case.code, 0));
    let variant = Variant {
        pairing: if job.native {
            Pairing::Ours
        } else {
            Pairing::Theirs
        },
        family: job
            .cause
            .variants
            .first()
            .and_then(|variant| variant.family),
    };
    let mut setup = Setup::new(variant, &mut prng);
    (job.cause.prepare)(&mut setup, &mut prng);
    let row = |way, seen: Result<_, String>| Row {
        code: job.case.code,
        what: job.cause.what,
        way,
        family: setup.family,
        interval: setup.interval,
        seen,
    };
    let directory = records.join(format!(
        "{}-{}-{}",
        options.seed,
        job.case.code,
        if job.native { "native" } else { "beside" }
    ));
    let played = catch_unwind(AssertUnwindSafe(|| {
        play(job, setup.clone(), prng, xtask, vrrpctl, &directory)
    }))
    .unwrap_or_else(|panic| Err(message(&*panic)));
    let ways: &[Way] = if job.native {
        &[Way::Native]
    } else {
        &[Way::Observed, Way::Captured]
    };
    match played {
        Ok(seen) => {
            let passed = seen.iter().all(|(_, seen)| {
                seen.iter()
                    .all(|(_, seen)| matches!(seen.grade, Grade::Right | Grade::Allowed))
            });
            if passed && options.keep.is_none() {
                let _ = std::fs::remove_dir_all(&directory);
            }
            seen.into_iter()
                .map(|(way, seen)| row(way, Ok(seen)))
                .collect()
        }
        Err(trouble) => ways
            .iter()
            .map(|way| row(*way, Err(trouble.clone())))
            .collect(),
    }
}

type Answers = Vec<(&'static str, Seen)>;

fn play(
    job: &Job,
    setup: Setup,
    prng: Prng,
    xtask: &Path,
    vrrpctl: &Path,
    directory: &Path,
) -> Result<Vec<(Way, Answers)>, String> {
    let numbered = setup.numbered();
    let mut scene = Scene::build(setup, prng, xtask);
    for node in [&scene.leader, &scene.follower] {
        node.host
            .write("/etc/keepalived/check.sh", super::inject::CHECK, 0o755);
    }
    scene.settle()?;
    let watches = if job.native {
        None
    } else {
        let watches = [
            Watch::start(&scene.leader, scene.group.is_some())?,
            Watch::start(&scene.follower, false)?,
        ];
        scene.settle_again()?;
        Some(watches)
    };
    (job.cause.inject)(&mut scene)?;
    std::thread::sleep(AFTERMATH + scene.setup.interval() * 3);
    let since = scene.since;
    let Some(watches) = watches else {
        let copy = |node: &super::scene::Node, name: &str| {
            let records = node.records().ok_or("vrrpd leaves no records")?;
            Records::copy(&records, &directory.join(name))
        };
        let (leader, follower) = (
            copy(&scene.leader, "leader")?,
            copy(&scene.follower, "follower")?,
        );
        drop(scene);
        let seen = recorded(&job.cause.truth, [&leader, &follower], vrrpctl, since)?;
        return Ok(vec![(Way::Native, seen)]);
    };
    let [leader, follower] = watches;
    let leader = leader.end(&scene.leader, &directory.join("leader"))?;
    let follower = follower.end(&scene.follower, &directory.join("follower"))?;
    drop(scene);
    let records = [&leader.records, &follower.records];
    let truth = job.case.observed(job.cause, numbered);
    let observed = recorded(&truth, records, vrrpctl, since)?;
    // The log's stamps are whole seconds.
    let since = Duration::from_secs(since.as_secs());
    let truth = job.case.captured(job.cause, numbered);
    let captured = captured(&truth, [&leader, &follower], vrrpctl, since)?;
    Ok(vec![(Way::Observed, observed), (Way::Captured, captured)])
}

fn recorded(
    truth: &super::cause::Truth,
    [leader, follower]: [&Records; 2],
    vrrpctl: &Path,
    since: Duration,
) -> Result<Answers, String> {
    questions(truth, &|question| {
        let (one, other) = if question.leader {
            (leader, follower)
        } else {
            (follower, leader)
        };
        one.explain(vrrpctl, Some(other).filter(|_| question.both), since)
            .map(Some)
    })
}

fn captured(
    truth: &super::cause::Truth,
    [leader, follower]: [&Evidence; 2],
    vrrpctl: &Path,
    since: Duration,
) -> Result<Answers, String> {
    questions(truth, &|question| {
        let (one, other) = if question.leader {
            (leader, follower)
        } else {
            (follower, leader)
        };
        let peer = Some(other).filter(|_| question.both);
        asked(one, peer, vrrpctl, since).map(Some)
    })
}

/// What a capture, with keepalived's log beside it, tells.
fn asked(
    one: &Evidence,
    peer: Option<&Evidence>,
    vrrpctl: &Path,
    since: Duration,
) -> Result<Vec<Verdict>, String> {
    let mut words: Vec<&OsStr> = vec![
        "--from".as_ref(),
        one.capture.as_os_str(),
        "--log".as_ref(),
        one.log.as_os_str(),
    ];
    if let Some(peer) = peer {
        words.extend([OsStr::new("--peer"), peer.capture.as_os_str()]);
    }
    explain(vrrpctl, &words, since)
}
