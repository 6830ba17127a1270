//! What the loop does with reports, verdicts, signals and the beat.

use std::time::Duration;

use vrrp_proto::router::State;
use vrrp_record::event::{Kind, StopReason};
use vrrp_record::words::{FaultSet, Word, word};

use super::Running;
use crate::core::{self, Core, Report};
use crate::exit::Exit;
use crate::load::Configuration;
use crate::notify::{Group, Member};
use crate::observe::ScriptRun;
use crate::service::orphans;
use crate::service::signals::{Received, Request};
use crate::track::Verdict;

impl Running {
    pub(super) fn handle_report(&mut self, report: Report) -> Option<Exit> {
        let reached = self.observer.report(&report, &self.core);
        match report {
            Report::Transition {
                router,
                transition,
                priority,
            } => {
                // A stop is told once, at the end, when every address is gone.
                let stops = self.stopping.is_some() && transition.to == State::Initialize;
                // To keepalived's users a router that is out for maintenance is one that is not MASTER.
                let reached = reached.map(|word| match (word, transition.from) {
                    (Word::Init, State::Active | State::Releasing | State::Backup) => Word::Backup,
                    (word, _) => word,
                });
                if let Some(word) = reached
                    && !stops
                {
                    self.notifier.transition(router, word, priority.as_u8());
                }
                self.show_states();
                self.look_at_orders();
            }
            Report::GroupTransition { group, to, .. } if self.stopping.is_none() => {
                // A group in Initialize has a fault: a stop is not told this way.
                let word = word(to, FaultSet::GROUP);
                let groups = &self.configuration.plan.groups;
                if let Some(group) = groups.get(usize::from(group.0)) {
                    self.notifier.group_transition(&group.name, word);
                }
            }
            Report::Addresses { router, state, .. } => self.notifier.addresses(router, state),
            Report::Priority { router, to, .. } => self.notifier.priority(router, to.as_u8()),
            Report::LowerHeard { router, .. } => self.notifier.lower_heard(router),
            Report::Ready { router, .. } => {
                self.readiness.reached(router);
                self.tell_when_ready();
            }
            Report::Stopped {
                addresses_removed, ..
            } => return Some(self.handle_stopped(addresses_removed)),
            Report::GroupTransition { .. }
            | Report::Faults { .. }
            | Report::PreemptDelayStarted { .. }
            | Report::OwnAddressHeard { .. }
            | Report::TakeoverDeferred { .. }
            | Report::TrackerExpired { .. }
            | Report::Stalled { .. }
            | Report::AddressRemoved { .. }
            | Report::AddressRestored { .. }
            | Report::AddressRefused { .. }
            | Report::AddressesLost { .. }
            | Report::LeftOverRemoved { .. }
            | Report::AddressAdded { .. }
            | Report::NewsLost { .. }
            | Report::Announced { .. }
            | Report::Interface { .. }
            | Report::SocketsRefused { .. }
            | Report::Discards { .. }
            | Report::HeartbeatLate { .. }
            | Report::HeartbeatBack { .. }
            | Report::Resigned { .. }
            | Report::Demoted { .. }
            | Report::Promoted { .. }
            | Report::Lost { .. } => {}
        }
        None
    }

    /// A script ended: first the record, then the core.
    pub(super) fn handle_verdict(&mut self, verdict: Verdict) -> Option<Exit> {
        let now = core::now();
        let run = ScriptRun::of(&verdict, now);
        self.observer.script_ran(&verdict.script, run);
        let expires = now.saturating_add(verdict.valid_for);
        self.core.reading(&verdict.script, verdict.reading, expires);
        None
    }

    pub(super) fn handle_signal(&mut self, signal: std::io::Result<Received>) -> Option<Exit> {
        let signal = match signal {
            Ok(signal) => signal,
            Err(error) => {
                tracing::error!("signals are not heard any more: {error}");
                return self.stop(StopReason::Internal, Exit::Internal);
            }
        };
        let Received {
            number, pid, uid, ..
        } = signal;
        let comm = signal.comm(|pid, seen| self.parts.runner.name_since(pid, seen));
        match signal.request {
            Request::Stop => {
                let reason = StopReason::Signal {
                    number,
                    pid,
                    uid,
                    comm,
                };
                return self.stop(reason, Exit::Success);
            }
            Request::Reload => {
                self.observer.record(Kind::Signal {
                    number,
                    pid,
                    uid,
                    comm,
                });
                self.reload(None);
            }
            Request::Dump(dump) => self.dump(dump),
        }
        None
    }

    /// The runner died: nothing can be tracked, told or read any more, so a peer does better.
    pub(super) fn handle_runner_gone(&mut self) -> Option<Exit> {
        if self.stopping.is_none() {
            tracing::error!("the runner process has ended, and vrrpd cannot go on without it");
        }
        self.stop(StopReason::Internal, Exit::Internal)
    }

    /// Looks after the engine, which cannot tell of its own death.
    pub(super) fn handle_beat(&mut self) -> Option<Exit> {
        self.parts.claims.answer();
        orphans::take_away();
        self.readiness.looked_at();
        self.look_at_orders();
        #[cfg(feature = "slow-steps")]
        self.give_slow_step();
        if !self.unavailable_kept {
            self.unavailable_kept = self.observer.keep_unavailable();
        }
        if self.recorder.is_lost() {
            let shown = self.recorder.shown.clone();
            tracing::warn!("{}", shown.trouble.as_deref().unwrap_or_default());
            self.observer.show_recorder(shown);
        }
        if self.readiness.has_begun() && !self.core.engine_runs() {
            if self.stopping.is_some() {
                return None;
            }
            tracing::error!("the engine has ended without being told to");
            return Some(Exit::Internal);
        }
        self.feed_watchdog();
        None
    }

    /// This loop goes round, or it would not be here; the engine's wakes say whether its loop does.
    fn feed_watchdog(&mut self) {
        let wakes = self.core.snapshot().engine.wakes;
        let fed = self.watchdog.as_mut();
        if fed.is_some_and(|watchdog| watchdog.deserves(core::now(), wakes)) {
            self.parts.manager.alive();
        }
    }

    /// Takes the slow step that a drill wrote down, and leaves it for the engine.
    #[cfg(feature = "slow-steps")]
    fn give_slow_step(&self) {
        let path = self.parts.run_dir.path().join("slow-step");
        let Ok(text) = std::fs::read_to_string(&path) else {
            return;
        };
        let _ = std::fs::remove_file(&path);
        match crate::engine::SlowStep::parse(&text) {
            Some(step) => step.give(),
            None => tracing::warn!("no slow step: {text}"),
        }
    }

    /// One line for the service manager's status.
    fn show_states(&self) {
        self.parts.manager.status(&self.states());
    }

    /// `VI_1 MASTER, VI_2 BACKUP`.
    pub(super) fn states(&self) -> String {
        const SHOWN: usize = 8;
        let routers = self.core.snapshot().routers;
        let mut words: Vec<String> = routers
            .iter()
            .take(SHOWN)
            .map(|router| {
                let word = word(router.router.state, router.router.faults);
                format!("{} {word}", router.name)
            })
            .collect();
        if routers.len() > SHOWN {
            words.push(format!("{} more", routers.len() - SHOWN));
        }
        words.join(", ")
    }
}

/// Who has notify programs.
pub(super) fn audience(core: &Core, configuration: &Configuration) -> (Vec<Member>, Vec<Group>) {
    let plan = &configuration.plan;
    let routers = plan.routers.iter().zip(&configuration.router_commands);
    let members: Vec<Member> = routers
        .filter_map(|(router, commands)| {
            Some(Member {
                id: core.router_id(router)?,
                name: router.name.clone(),
                priority: router.priority.as_u8(),
                commands: commands.clone(),
            })
        })
        .collect();
    let groups = plan.groups.iter().zip(&configuration.group_commands);
    let groups = groups
        .map(|(group, commands)| Group {
            name: group.name.clone(),
            members: members
                .iter()
                .filter(|member| group.members.contains(&member.name))
                .map(|member| member.id)
                .collect(),
            commands: commands.clone(),
        })
        .collect();
    (members, groups)
}

/// How long the end waits for notify programs, as keepalived does.
pub(super) const STOP_PROGRAMS: Duration = Duration::from_secs(1);
