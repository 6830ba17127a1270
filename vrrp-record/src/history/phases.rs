//! Stretches of a history: from when to when it tells anything, and which state a router was in.

use super::{History, Received, Time};
use crate::event::Kind;
use crate::words::Word;

/// A stretch of time in which a router kept its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// Its beginning.
    pub from: Time,
    /// Its end: the next transition, the end of the run, or the last record.
    pub until: Time,
    /// The state; none where it cannot be told, as between two runs and where the daemon does not run.
    pub state: Option<Word>,
}

const MINUTE: i64 = 60_000_000_000;

/// The times of the first and the last of a list in order of time.
fn ends<T>(list: &[T], at: impl Fn(&T) -> Time) -> Option<(Time, Time)> {
    Some((at(list.first()?), at(list.last()?)))
}

impl History {
    /// The first and the last time that any record tells.
    #[must_use]
    pub fn extent(&self) -> Option<(Time, Time)> {
        let minutes = ends(&self.minutes, |minute| minute.at);
        let lists = [
            ends(&self.sent, |sent| sent.due),
            ends(&self.received, Received::at),
            ends(&self.rejected, |one| one.at),
            ends(&self.stalls, |stall| stall.at),
            ends(&self.samples, |sample| sample.at),
            ends(&self.events, |event| event.at),
        ];
        let runs = self
            .runs
            .iter()
            .map(|run| (run.started, run.ended.unwrap_or(run.started)));
        let all = lists.into_iter().flatten().chain(runs).chain(minutes);
        let (first, last) =
            all.reduce(|(first, last), (from, until)| (first.min(from), last.max(until)))?;
        // The last minute may not have been a whole one: what else was recorded in it, or after it, tells until when.
        let alone = minutes.is_some_and(|(_, minute)| minute == last);
        Some((first, if alone { last.plus(MINUTE) } else { last }))
    }

    /// The states of a router, without gaps from the first to the last time of the history.
    #[must_use]
    pub fn phases(&self, router: u16) -> Vec<Phase> {
        let Some(name) = self
            .routers
            .get(usize::from(router))
            .map(|router| &router.name)
        else {
            return Vec::new();
        };
        let Some((first, last)) = self.extent() else {
            return Vec::new();
        };
        // Changes in order of time: into a state, or out of what is known.
        let mut changes: Vec<(Time, Option<Word>)> = Vec::new();
        let mut known_before = None;
        for event in &self.events {
            if let Kind::Transition {
                router, from, to, ..
            } = &event.event.kind
            {
                if router.as_str() != name {
                    continue;
                }
                if changes.is_empty() {
                    known_before = Some(*from);
                }
                changes.push((event.at, Some(*to)));
            } else if let Kind::Found { router, state } = &event.event.kind {
                if router.as_str() == name {
                    changes.push((event.at, Some(*state)));
                }
            } else if matches!(event.event.kind, Kind::Stopped) {
                changes.push((event.at, None));
            }
        }
        for run in &self.runs {
            if let Some(ended) = run.ended {
                changes.push((ended, None));
            }
        }
        changes.sort_by_key(|change| change.0);
        let start = self
            .runs
            .first()
            .map_or(first, |run| run.started.max(first));
        let mut phases: Vec<Phase> = Vec::new();
        let mut push = |from: Time, until: Time, state: Option<Word>| {
            if until <= from {
                return;
            }
            match phases.last_mut() {
                Some(last) if last.state == state => last.until = until,
                _ => phases.push(Phase { from, until, state }),
            }
        };
        push(first, start, None);
        let (mut from, mut state) = (start.max(first), known_before);
        for (at, next) in changes {
            let at = at.clamp(from, last);
            push(from, at, state);
            (from, state) = (at, next);
        }
        push(from, last, state);
        phases
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::Cause;
    use crate::event::Event;
    use crate::histogram::Histogram;
    use crate::history::{Minute, Numbered, Router, Run, Stage};
    use crate::text::Name;

    fn event(at: i64, kind: Kind) -> Numbered {
        Numbered {
            at: Time(at),
            run: 0,
            event: Event {
                seq: 1,
                unix_ms: 0,
                monotonic_ns: 0,
                kind,
            },
        }
    }

    fn change(at: i64, from: Word, to: Word) -> Numbered {
        let kind = Kind::Transition {
            router: Name::new("vi_1"),
            from,
            to,
            releasing: false,
            cause: Cause::Started,
            priority: 100,
            number: 1,
        };
        event(at, kind)
    }

    fn found(at: i64, state: Word) -> Numbered {
        let router = Name::new("vi_1");
        event(at, Kind::Found { router, state })
    }

    fn run(started: i64, ended: Option<i64>) -> Run {
        Run {
            boot_id: String::new(),
            pid: 1,
            version: String::new(),
            started: Time(started),
            ended: ended.map(Time),
            clean: false,
        }
    }

    #[test]
    fn states_follow_transitions_and_are_unknown_where_no_daemon_ran() {
        let history = History {
            runs: vec![run(10, Some(60)), run(70, None)],
            routers: vec![Router {
                name: String::from("vi_1"),
                interface: String::from("eth0"),
                vrid: 1,
                ipv6: false,
                version: 3,
                source: None,
                interval: 1,
                priority: 100,
                preempt: true,
                down_adverts: 3,
                addresses: Vec::new(),
            }],
            events: vec![
                change(20, Word::Init, Word::Backup),
                change(40, Word::Backup, Word::Master),
                found(72, Word::Init),
                change(75, Word::Init, Word::Backup),
                event(90, Kind::Started { pid: 1 }),
            ],
            ..History::default()
        };
        let phases: Vec<(i64, i64, Option<Word>)> = history
            .phases(0)
            .iter()
            .map(|phase| (phase.from.0, phase.until.0, phase.state))
            .collect();
        assert_eq!(
            phases,
            [
                (10, 20, Some(Word::Init)),
                (20, 40, Some(Word::Backup)),
                (40, 60, Some(Word::Master)),
                (60, 72, None),
                (72, 75, Some(Word::Init)),
                (75, 90, Some(Word::Backup)),
            ]
        );
        assert!(history.phases(1).is_empty());
        let mut history = history;
        let minute = |at| Minute {
            at: Time(at),
            router: 0,
            stage: Stage::Gap,
            histogram: Histogram::default(),
        };
        history.minutes = vec![minute(80)];
        assert_eq!(history.extent(), Some((Time(10), Time(90))));
        history.minutes = vec![minute(80), minute(100)];
        assert_eq!(history.extent(), Some((Time(10), Time(100 + MINUTE))));
        assert!(History::default().phases(0).is_empty());
        assert_eq!(History::default().extent(), None);
    }
}
