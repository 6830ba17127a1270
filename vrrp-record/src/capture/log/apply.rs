//! From what a log says to events of the history, beside those that were inferred from packets.

use std::collections::BTreeMap;

use super::Entry;
use super::line::{About, Said, ScriptResult};
use super::meet::{before, confirm, name_routers};
use super::runs::{begin_run, end_run};
use crate::capture::build::{number, numbered};
use crate::cause::Cause;
use crate::event::{
    DownReason, InterfaceChange, Kind, ReloadOutcome, Remover, RunOutcome, StopReason, TrackerKind,
    TrackerState,
};
use crate::history::{History, Time};
use crate::text::Name;
use crate::words::{FaultSet, Faults, Objects, Word};

/// A reason counts for a transition within this time.
const REASON: i64 = 2_000_000_000;

/// What the lines before a transition said about an instance.
#[derive(Default)]
struct Instance {
    reason: Option<(Time, Cause)>,
    word: Option<Word>,
    priority: Option<u8>,
}

/// The work on a log.
struct Work<'a> {
    history: &'a mut History,
    instances: BTreeMap<String, Instance>,
    /// What a script or an interface did last: the reason of a fault that follows.
    suspect: Option<(Time, FaultSet, Objects)>,
    added: Vec<(Time, Kind)>,
    matched: usize,
    /// The process of the daemon that has started and not stopped, 0 where it is not named.
    running: Option<u32>,
}

/// Adds the entries. Returns how many transitions the capture had seen as well.
pub(super) fn apply(entries: Vec<Entry>, history: &mut History) -> usize {
    name_routers(&entries, history);
    let mut work = Work {
        history,
        instances: BTreeMap::new(),
        suspect: None,
        added: Vec::new(),
        matched: 0,
        running: None,
    };
    for entry in entries {
        work.take(entry);
    }
    let Work {
        history,
        added,
        matched,
        ..
    } = work;
    history
        .events
        .extend(added.into_iter().map(|(at, kind)| numbered(at, kind)));
    number(history);
    matched
}

impl Work<'_> {
    fn take(&mut self, entry: Entry) {
        let at = entry.at;
        let kind = match entry.said {
            Said::Starting => {
                let pid = entry.pid.unwrap_or_default();
                if let Some(crashed) = self.crashed(at) {
                    self.added.push((at, crashed));
                }
                self.running = Some(pid);
                begin_run(self.history, at, pid);
                Kind::Started { pid }
            }
            Said::Stopping => Kind::Stopping {
                reason: StopReason::Signal {
                    number: 15,
                    pid: None,
                    uid: None,
                    comm: None,
                },
            },
            Said::Stopped => {
                self.running = None;
                end_run(self.history, at);
                Kind::Stopped
            }
            Said::Reloaded => Kind::Reload {
                outcome: ReloadOutcome::Applied {
                    added: 0,
                    changed: 0,
                    removed: 0,
                    untouched: 0,
                },
            },
            Said::Late { seconds } => Kind::Stalled {
                late_us: micros(seconds),
            },
            Said::Script { name, result } => {
                let objects = Objects {
                    tracker: Some(Name::new(&format!("script {name}"))),
                    ..Objects::default()
                };
                if result != ScriptResult::Succeeded {
                    self.suspect = Some((at, FaultSet::TRACKER, objects));
                }
                tracker(&name, result)
            }
            Said::Link { interface, up } => {
                let interface = Name::new(&interface);
                let objects = Objects {
                    interface: Some(interface),
                    ..Objects::default()
                };
                if !up {
                    self.suspect = Some((at, FaultSet::INTERFACE_DOWN, objects));
                }
                let change = if up {
                    InterfaceChange::Up
                } else {
                    InterfaceChange::Down
                };
                Kind::Interface {
                    interface,
                    change,
                    reason: DownReason::default(),
                    by: Remover::Unknown,
                }
            }
            Said::Instance { name, what } => {
                self.instance(&name, what, at, entry.grain);
                return;
            }
        };
        self.added.push((at, kind));
    }

    /// What a start tells of a run before it that has not stopped: unless its adverts said goodbye, it was killed or crashed.
    fn crashed(&self, at: Time) -> Option<Kind> {
        let pid = self.running?;
        let sent = self.history.sent.iter();
        let last = sent
            .filter(|sent| sent.due < at)
            .max_by_key(|sent| sent.due);
        if last.is_some_and(|last| last.priority == 0) {
            return None;
        }
        Some(Kind::PreviousRun {
            pid,
            clean: false,
            ended_unix_ms: last.map(|last| last.left.unwrap_or(last.due).unix_ms()),
            addresses_left: 0,
        })
    }

    fn instance(&mut self, name: &str, what: About, at: Time, grain: i64) {
        let instance = self.instances.entry(name.to_owned()).or_default();
        let router = Name::new(name);
        let kind = match what {
            About::Entering { word, init } => {
                self.entering(name, (word, init), at, grain);
                return;
            }
            About::Priority { from, to } => {
                instance.priority = Some(to);
                Kind::Priority { router, from, to }
            }
            About::Refused => Kind::Discards {
                router: Some(router),
                count: 1,
            },
            About::Lower { from, priority } => Kind::LowerHeard {
                router,
                from,
                priority,
            },
            // The capture knows whose adverts ended, and how.
            About::Timeout | About::Goodbye => return,
            About::Higher {
                from,
                priority,
                ours,
            } => {
                instance.priority = ours.or(instance.priority);
                let ours = instance.priority.unwrap_or_default();
                let cause = Cause::HigherPriority {
                    from,
                    priority,
                    ours,
                };
                instance.reason = Some((at, cause));
                return;
            }
            About::Tie { from, priority } => {
                instance.priority = Some(priority);
                instance.reason = Some((at, Cause::TieLost { from, priority }));
                return;
            }
            About::FaultLink { interface } => {
                let objects = Objects {
                    interface: Some(Name::new(&interface)),
                    ..Objects::default()
                };
                let faults = Faults(FaultSet::INTERFACE_DOWN);
                instance.reason = Some((at, Cause::Fault { faults, objects }));
                return;
            }
        };
        self.added.push((at, kind));
    }

    fn entering(&mut self, name: &str, (word, init): (Word, bool), at: Time, grain: i64) {
        let instance = self.instances.entry(name.to_owned()).or_default();
        let cause = reason(instance, word, init, at, self.suspect.as_ref());
        let from = instance.word.replace(word);
        let router = Name::new(name);
        if confirm(self.history, router, at, grain, word, cause) {
            self.matched += 1;
            return;
        }
        let from = match from.or_else(|| before(self.history, router, at)) {
            _ if init => Word::Init,
            Some(from) => from,
            None if word == Word::Backup => Word::Master,
            None => Word::Backup,
        };
        if from != word {
            let kind = Kind::Transition {
                router,
                from,
                to: word,
                releasing: false,
                cause: cause.unwrap_or(Cause::Unseen),
                priority: instance.priority.unwrap_or_default(),
                number: 0,
            };
            self.added.push((at, kind));
        }
    }
}

/// Why a state is entered, as far as the lines before say.
fn reason(
    instance: &mut Instance,
    word: Word,
    init: bool,
    at: Time,
    suspect: Option<&(Time, FaultSet, Objects)>,
) -> Option<Cause> {
    if init {
        return Some(Cause::Started);
    }
    let told = instance
        .reason
        .take()
        .filter(|(when, _)| at.since(*when) <= REASON)
        .map(|(_, cause)| cause);
    let fits = |cause: &Cause| matches!(cause, Cause::Fault { .. }) == (word == Word::Fault);
    if let Some(cause) = told.filter(fits) {
        return Some(cause);
    }
    if word == Word::Fault {
        let (_, fault, objects) = suspect.filter(|(when, ..)| at.since(*when) <= REASON)?;
        return Some(Cause::Fault {
            faults: Faults(*fault),
            objects: *objects,
        });
    }
    (instance.word == Some(Word::Fault) && word == Word::Backup).then_some(Cause::FaultCleared)
}

fn tracker(name: &str, result: ScriptResult) -> Kind {
    let (state, outcome) = match result {
        ScriptResult::Succeeded => (TrackerState::Good, Some(RunOutcome::Exited { status: 0 })),
        ScriptResult::Failed(status) => (
            TrackerState::Bad,
            status.map(|status| RunOutcome::Exited { status }),
        ),
        ScriptResult::TimedOut => (TrackerState::Bad, Some(RunOutcome::TimedOut)),
    };
    Kind::Tracker {
        kind: TrackerKind::Script,
        name: Name::new(name),
        state,
        outcome,
    }
}

fn micros(seconds: f64) -> u64 {
    let duration = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default();
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
