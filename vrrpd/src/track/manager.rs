//! All tracked scripts of the daemon, over reloads: unchanged ones do not notice, changed ones keep what is known.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use vrrp_proto::track::{Reading, RiseFall};

use super::script::{Launch, Settings, Verdict, watch};

/// Verdicts that may wait for the main loop; scripts wait when it is full.
const BACKLOG: usize = 64;

/// Every tracked script.
#[derive(Debug)]
pub struct Trackers<L> {
    launcher: L,
    scripts: HashMap<Arc<str>, Tracked>,
    sender: mpsc::Sender<Verdict>,
    verdicts: mpsc::Receiver<Verdict>,
}

#[derive(Debug)]
struct Tracked {
    settings: Settings,
    counter: RiseFall,
    /// Ends the task, and with it a copy that runs.
    task: AbortOnDrop,
}

#[derive(Debug)]
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<L: Launch> Trackers<L> {
    /// No script yet.
    #[must_use]
    pub fn new(launcher: L) -> Self {
        let (sender, verdicts) = mpsc::channel(BACKLOG);
        Self {
            launcher,
            scripts: HashMap::new(),
            sender,
            verdicts,
        }
    }

    /// Makes these the scripts that are run. Must be called within a tokio runtime.
    pub fn replace(&mut self, wanted: Vec<Settings>) {
        let mut old = std::mem::take(&mut self.scripts);
        for settings in wanted {
            let name = Arc::clone(&settings.name);
            let tracked = match old.remove(&name) {
                Some(tracked) if tracked.settings == settings => tracked,
                Some(tracked) => {
                    let counter = tracked.counter.reconfigured(settings.rise, settings.fall);
                    drop(tracked);
                    match counter.reading() {
                        Reading::Good => {
                            tracing::info!("VRRP_Script({name}) considered successful on reload")
                        }
                        Reading::Bad => {
                            tracing::info!("VRRP_Script({name}) considered unsuccessful on reload")
                        }
                        Reading::Pending => {}
                    }
                    self.start(settings, counter)
                }
                None => {
                    let counter = RiseFall::new(settings.rise, settings.fall, settings.init_fail);
                    self.start(settings, counter)
                }
            };
            self.scripts.insert(name, tracked);
        }
    }

    fn start(&self, settings: Settings, counter: RiseFall) -> Tracked {
        let task = tokio::spawn(watch(
            settings.clone(),
            counter,
            self.launcher.clone(),
            self.sender.clone(),
        ));
        Tracked {
            settings,
            counter,
            task: AbortOnDrop(task),
        }
    }

    /// The next verdict on a script that is still tracked. Cancel safe. Never ends.
    pub async fn next(&mut self) -> Verdict {
        loop {
            // `self.sender` keeps the channel open.
            let Some(verdict) = self.verdicts.recv().await else {
                return std::future::pending().await;
            };
            if let Some(tracked) = self.scripts.get_mut(&verdict.script) {
                tracked.counter = verdict.counter;
                return verdict;
            }
        }
    }

    /// Ends every script.
    pub fn stop(&mut self) {
        self.scripts.clear();
    }

    /// Whether a script's task has ended by itself, which only the end of the runner does.
    #[must_use]
    pub fn has_lost_one(&self) -> bool {
        self.scripts
            .values()
            .any(|tracked| tracked.task.0.is_finished())
    }
}
