use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use vrrp_proto::track::Reading;

use super::*;
use crate::runner::{Outcome, Program, Run, RunEvent, RunnerError};

/// How the stand-in's next program behaves.
#[derive(Clone, Copy)]
enum Behaviour {
    /// Ends after this time.
    Ends(Duration, Outcome),
    /// Runs into its timeout, and is gone that long after it.
    Hangs(Duration),
}

/// A stand-in for the runner under virtual time.
#[derive(Clone, Default)]
struct Stage(Arc<Mutex<Scene>>);

#[derive(Default)]
struct Scene {
    next: Option<Behaviour>,
    starts: Vec<Instant>,
    running: usize,
    most: usize,
}

impl Stage {
    fn play(&self, behaviour: Behaviour) {
        self.0.lock().unwrap().next = Some(behaviour);
    }

    fn starts(&self) -> Vec<Instant> {
        self.0.lock().unwrap().starts.clone()
    }
}

impl Launch for Stage {
    fn launch(&self, _: &Program, limit: Option<Duration>) -> Result<Run, RunnerError> {
        let mut scene = self.0.lock().unwrap();
        let behaviour = scene.next.ok_or(RunnerError::Busy)?;
        scene.starts.push(Instant::now());
        scene.running += 1;
        scene.most = scene.most.max(scene.running);
        drop(scene);
        let (events, run) = mpsc::unbounded_channel();
        let stage = self.clone();
        tokio::spawn(async move {
            let outcome = match behaviour {
                Behaviour::Ends(after, outcome) => {
                    sleep(after).await;
                    outcome
                }
                Behaviour::Hangs(after) => {
                    sleep(limit.unwrap()).await;
                    events.send(RunEvent::TimedOut).unwrap();
                    sleep(after).await;
                    Outcome::Killed(15)
                }
            };
            stage.0.lock().unwrap().running -= 1;
            let took_ms = 0;
            let _ = events.send(RunEvent::Ended { outcome, took_ms });
        });
        Ok(Run::from_events(run))
    }
}

fn settings(interval: u64, limit: u64, rise: u32, fall: u32) -> Settings {
    Settings {
        name: "chk".into(),
        program: Program {
            path: PathBuf::from("/bin/true"),
            argv: vec![String::from("true")],
            shell: false,
            uid: 0,
            gid: 0,
        },
        interval: Duration::from_secs(interval),
        timeout: Duration::from_secs(limit),
        rise,
        fall,
        init_fail: false,
        watches: None,
    }
}

const GOOD: Behaviour = Behaviour::Ends(Duration::from_millis(100), Outcome::Exited(0));
const FAILS: Behaviour = Behaviour::Ends(Duration::from_millis(100), Outcome::Exited(1));

async fn readings(trackers: &mut Trackers<Stage>, count: usize) -> Vec<Reading> {
    let mut readings = Vec::new();
    for _ in 0..count {
        readings.push(trackers.next().await.reading);
    }
    readings
}

#[tokio::test(start_paused = true)]
async fn a_script_starts_at_once_and_then_from_start_to_start() {
    let stage = Stage::default();
    stage.play(Behaviour::Ends(
        Duration::from_millis(1_700),
        Outcome::Exited(0),
    ));
    let began = Instant::now();
    let mut trackers = Trackers::new(stage.clone());
    trackers.replace(vec![settings(2, 2, 1, 1)]);
    readings(&mut trackers, 3).await;
    let starts: Vec<_> = stage
        .starts()
        .iter()
        .map(|at| at.duration_since(began))
        .collect();
    assert_eq!(
        starts,
        [0, 2, 4].map(Duration::from_secs),
        "a long run does not move the grid"
    );
}

#[tokio::test(start_paused = true)]
async fn the_first_result_decides_alone_and_later_ones_need_fall_and_rise() {
    let stage = Stage::default();
    let mut trackers = Trackers::new(stage.clone());
    stage.play(FAILS);
    trackers.replace(vec![settings(1, 1, 2, 3)]);
    assert_eq!(readings(&mut trackers, 1).await, [Reading::Bad]);
    stage.play(GOOD);
    assert_eq!(
        readings(&mut trackers, 2).await,
        [Reading::Bad, Reading::Good]
    );
    stage.play(FAILS);
    assert_eq!(
        readings(&mut trackers, 3).await,
        [Reading::Good, Reading::Good, Reading::Bad]
    );
}

#[tokio::test(start_paused = true)]
async fn init_fail_needs_rise_successes_to_turn_good() {
    let stage = Stage::default();
    stage.play(GOOD);
    let mut trackers = Trackers::new(stage);
    trackers.replace(vec![Settings {
        init_fail: true,
        ..settings(1, 1, 2, 1)
    }]);
    assert_eq!(
        readings(&mut trackers, 2).await,
        [Reading::Bad, Reading::Good]
    );
}

#[tokio::test(start_paused = true)]
async fn a_hung_script_fails_at_its_timeout_and_never_runs_twice() {
    let stage = Stage::default();
    stage.play(Behaviour::Hangs(Duration::from_secs(7)));
    let began = Instant::now();
    let mut trackers = Trackers::new(stage.clone());
    trackers.replace(vec![settings(1, 3, 1, 1)]);
    let verdict = trackers.next().await;
    assert_eq!(verdict.reading, Reading::Bad);
    assert_eq!(verdict.outcome, None);
    assert_eq!(began.elapsed(), Duration::from_secs(3));
    trackers.next().await;
    assert_eq!(stage.0.lock().unwrap().most, 1);
    let second = stage.starts()[1].duration_since(began);
    assert!(
        second >= Duration::from_secs(10),
        "the first copy still ran at {second:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_result_holds_for_interval_times_fall_and_timeout_and_a_second() {
    let stage = Stage::default();
    stage.play(GOOD);
    let mut trackers = Trackers::new(stage);
    trackers.replace(vec![settings(5, 4, 1, 3)]);
    assert_eq!(
        trackers.next().await.valid_for,
        Duration::from_secs(5 * 3 + 4 + 1)
    );
}

#[tokio::test(start_paused = true)]
async fn every_result_is_told_so_that_its_expiry_moves_on() {
    let stage = Stage::default();
    stage.play(GOOD);
    let mut trackers = Trackers::new(stage);
    trackers.replace(vec![settings(1, 1, 1, 1)]);
    assert_eq!(readings(&mut trackers, 5).await, [Reading::Good; 5]);
}

#[tokio::test(start_paused = true)]
async fn a_launcher_that_refuses_gives_no_verdict_and_the_beat_goes_on() {
    let stage = Stage::default();
    let mut trackers = Trackers::new(stage.clone());
    trackers.replace(vec![settings(1, 1, 1, 1)]);
    let silent = timeout(Duration::from_secs(10), trackers.next()).await;
    assert!(silent.is_err(), "no result must not look like one");
    stage.play(GOOD);
    assert_eq!(trackers.next().await.reading, Reading::Good);
}

#[tokio::test(start_paused = true)]
async fn a_reload_leaves_an_unchanged_script_on_its_beat() {
    let stage = Stage::default();
    stage.play(GOOD);
    let began = Instant::now();
    let mut trackers = Trackers::new(stage.clone());
    trackers.replace(vec![settings(10, 1, 1, 1)]);
    trackers.next().await;
    sleep(Duration::from_secs(4)).await;
    trackers.replace(vec![settings(10, 1, 1, 1)]);
    trackers.next().await;
    let second = stage.starts()[1].duration_since(began);
    assert_eq!(second, Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn a_reload_keeps_what_is_known_of_a_changed_script() {
    let stage = Stage::default();
    stage.play(GOOD);
    let mut trackers = Trackers::new(stage.clone());
    trackers.replace(vec![settings(10, 1, 1, 1)]);
    trackers.next().await;
    stage.play(FAILS);
    trackers.replace(vec![settings(1, 1, 1, 2)]);
    assert_eq!(
        readings(&mut trackers, 2).await,
        [Reading::Good, Reading::Bad],
        "good until it has failed as often as the new fall says"
    );
}

#[tokio::test(start_paused = true)]
async fn a_removed_script_is_not_run_and_not_heard_any_more() {
    let stage = Stage::default();
    stage.play(GOOD);
    let mut trackers = Trackers::new(stage.clone());
    trackers.replace(vec![settings(1, 1, 1, 1)]);
    trackers.next().await;
    trackers.replace(Vec::new());
    let count = stage.starts().len();
    assert!(
        timeout(Duration::from_secs(30), trackers.next())
            .await
            .is_err()
    );
    assert_eq!(stage.starts().len(), count);
}

#[tokio::test]
async fn the_end_of_a_watched_process_is_checked_at_once_and_as_often_as_fall_asks() {
    let name = format!("vrrpd-{}", std::process::id() % 100_000);
    let directory = std::env::temp_dir().join(format!("vrrpd-exits-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let program = directory.join(&name);
    std::fs::copy("/bin/sleep", &program).unwrap();
    let mut child = std::process::Command::new(&program)
        .arg("600")
        .spawn()
        .unwrap();
    let stage = Stage::default();
    stage.play(Behaviour::Ends(
        Duration::from_millis(10),
        Outcome::Exited(0),
    ));
    let mut trackers = Trackers::new(stage.clone());
    trackers.replace(vec![Settings {
        watches: Watched::by(&["pidof".to_owned(), name]),
        ..settings(600, 600, 1, 3)
    }]);
    assert_eq!(readings(&mut trackers, 1).await, [Reading::Good]);
    // The look for the process is before the verdict.
    stage.play(Behaviour::Ends(
        Duration::from_millis(10),
        Outcome::Exited(1),
    ));
    child.kill().unwrap();
    child.wait().unwrap();
    let seen = timeout(Duration::from_secs(10), readings(&mut trackers, 3))
        .await
        .expect("ten minutes before its next turn");
    assert_eq!(seen, [Reading::Good, Reading::Good, Reading::Bad]);
    assert_eq!(stage.starts().len(), 4);
    std::fs::remove_dir_all(&directory).unwrap();
}
