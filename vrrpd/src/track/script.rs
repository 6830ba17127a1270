//! One tracked script: started on a steady beat, one copy at a time, judged by how it ends.
//!
//! What its ends say to people, and how often, is the observer's.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use vrrp_proto::track::{Reading, RiseFall};

use super::exits::{Exits, Watched};
use crate::runner::{Outcome, Program, Run, RunEvent, Runner, RunnerError};

/// Starts programs: the runner, or a test's stand-in.
pub trait Launch: Clone + Send + 'static {
    /// Starts `program` and kills it with its process group when `timeout` is over. Does not wait.
    ///
    /// # Errors
    /// When nobody can be asked to start it.
    fn launch(&self, program: &Program, timeout: Option<Duration>) -> Result<Run, RunnerError>;
}

impl Launch for Runner {
    fn launch(&self, program: &Program, timeout: Option<Duration>) -> Result<Run, RunnerError> {
        Self::launch(self, program, timeout)
    }
}

/// Settings of a tracked script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// What is started.
    pub program: Program,
    /// Start to start.
    pub interval: Duration,
    /// A run that takes longer is killed and has failed.
    pub timeout: Duration,
    /// Successes in a row that turn it good.
    pub rise: u32,
    /// Failures in a row that turn it bad.
    pub fall: u32,
    /// Starts as failed rather than unknown.
    pub init_fail: bool,
    /// Processes whose end is checked at once (fast_fail).
    pub watches: Option<Watched>,
}

/// What a run of a script made of its reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The script.
    pub script: Arc<str>,
    /// What is known of it now.
    pub reading: Reading,
    /// Rise and fall so far, for a reload that changes the settings.
    pub counter: RiseFall,
    /// From now on.
    pub valid_for: Duration,
    /// How the run ended; none for one that was killed for taking too long.
    pub outcome: Option<Outcome>,
    /// How long it ran.
    pub took: Duration,
    /// From the start of one run to that of the next, by the configuration.
    pub interval: Duration,
    /// It was still running when the next run was due.
    pub overran: bool,
}

/// How long a result counts: the script could fail as often as it takes to turn bad, the last time by running into its
/// timeout, and one second is for the machine (safety rule 1).
#[must_use]
pub fn validity(settings: &Settings) -> Duration {
    settings
        .interval
        .saturating_mul(settings.fall.max(1))
        .saturating_add(settings.timeout)
        .saturating_add(Duration::from_secs(1))
}

/// Runs a script on its beat until the future is dropped or nobody takes verdicts. A copy that runs then is killed.
pub async fn watch(
    settings: Settings,
    counter: RiseFall,
    launcher: impl Launch,
    verdicts: mpsc::Sender<Verdict>,
) {
    let mut beat = beat(settings.interval);
    let mut exits = Exits::new(settings.watches.clone());
    // A process ended: one run at once, and so many more as turn the reading.
    let (mut hurry, mut ended) = (false, false);
    let mut watch = Watch {
        settings,
        counter,
        verdicts,
        complained: false,
        overran: false,
    };
    let mut running: Option<Running> = None;
    loop {
        let event = match &mut running {
            None => {
                if !std::mem::take(&mut hurry) {
                    tokio::select! {
                        _ = beat.tick() => {}
                        () = exits.next() => ended = true,
                    }
                }
                match launcher.launch(&watch.settings.program, Some(watch.settings.timeout)) {
                    Ok(run) => {
                        running = Some(Running {
                            run,
                            started: Instant::now(),
                            timed_out: false,
                        });
                        continue;
                    }
                    Err(error) => {
                        // Nothing was learned: the last result runs out by itself.
                        if watch.complain() {
                            let name = &watch.settings.name;
                            tracing::error!("Track script {name} cannot be run: {error}");
                        }
                        continue;
                    }
                }
            }
            Some(running) => tokio::select! {
                event = running.run.next() => event,
                // It may have looked before that.
                () = exits.next() => {
                    (hurry, ended) = (true, true);
                    continue;
                }
                _ = beat.tick() => {
                    watch.overran = true;
                    if watch.complain() {
                        let name = &watch.settings.name;
                        tracing::info!("Track script {name} is still running: not started again");
                    }
                    continue;
                }
            },
        };
        let Some(current) = &mut running else {
            continue;
        };
        let took = current.started.elapsed();
        let going_on = match event {
            Some(RunEvent::TimedOut) => {
                current.timed_out = true;
                watch.judge(None, took).await
            }
            Some(RunEvent::Ended { .. }) if current.timed_out => {
                running = None;
                watch.overran = false;
                true
            }
            Some(RunEvent::Ended { outcome, .. }) => {
                running = None;
                watch.complained = false;
                if outcome == Outcome::Exited(0) {
                    ended = false;
                    exits.look();
                } else {
                    hurry |= ended && watch.wants_more();
                }
                watch.judge(Some(outcome), took).await
            }
            // The runner is gone, and the daemon ends for that.
            None => false,
        };
        if !going_on {
            return;
        }
    }
}

/// Start to start, on a grid; starts that were missed are not made up.
fn beat(period: Duration) -> Interval {
    let mut beat = interval(period.max(Duration::from_millis(1)));
    beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
    beat
}

struct Running {
    run: Run,
    started: Instant,
    timed_out: bool,
}

struct Watch {
    settings: Settings,
    counter: RiseFall,
    verdicts: mpsc::Sender<Verdict>,
    /// The log has heard that it does not run on its beat.
    complained: bool,
    /// The run that goes on has seen the next one's time.
    overran: bool,
}

impl Watch {
    /// Whether to tell that it does not run on its beat: once, until a run ends in time (safety rule 12).
    const fn complain(&mut self) -> bool {
        !std::mem::replace(&mut self.complained, true)
    }

    /// Whether a failure now leaves the reading good, so that another run is wanted.
    fn wants_more(&self) -> bool {
        let mut counter = self.counter;
        counter.record(false) == Reading::Good
    }

    /// Counts a run's end and tells the verdict; false when nobody takes it any more.
    async fn judge(&mut self, outcome: Option<Outcome>, took: Duration) -> bool {
        let reading = self.counter.record(outcome == Some(Outcome::Exited(0)));
        let verdict = Verdict {
            script: Arc::clone(&self.settings.name),
            reading,
            counter: self.counter,
            valid_for: validity(&self.settings),
            outcome,
            took,
            interval: self.settings.interval,
            overran: std::mem::take(&mut self.overran),
        };
        self.verdicts.send(verdict).await.is_ok()
    }
}
