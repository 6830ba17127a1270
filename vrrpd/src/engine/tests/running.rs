//! A running core with a runtime to take its reports in.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use vrrp_config::plan::Plan;
use vrrp_proto::router::{State, StopKind};
use vrrp_record::history::Time;
use vrrp_record::ring::{Reading, RunHeader, read};

use super::stand_in::stand_in;
use crate::core::start::start_with;
use crate::core::{Core, CoreOptions, OnResign, Report, Reports, RouterSnapshot, now};
use crate::recorder::{bytes_of, in_memory};

/// A core with a runtime to take its reports in.
pub(super) struct Running {
    pub(super) core: Core,
    reports: Reports,
    runtime: tokio::runtime::Runtime,
    ring: &'static [AtomicU64],
}

impl Running {
    pub(super) fn start(plan: &Plan, options: CoreOptions) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let context = runtime.enter();
        let run = RunHeader {
            started: Time(1_700_000_000_000_000_000),
            monotonic_ns: now().as_nanos(),
            ..RunHeader::default()
        };
        let (recording, ring) = in_memory(1 << 20, &run);
        let (core, reports) = start_with(plan, options, Some(recording), stand_in).unwrap();
        drop(context);
        Self {
            core,
            reports,
            runtime,
            ring,
        }
    }

    /// The flight recorder's memory, which outlives the core.
    pub(super) const fn ring(&self) -> &'static [AtomicU64] {
        self.ring
    }

    /// What the flight recorder holds.
    pub(super) fn records(&self) -> Reading {
        read(&bytes_of(self.ring)).unwrap()
    }

    /// Takes reports, beating, until one is what is waited for; at most 20 s.
    pub(super) fn wait_for(&mut self, what: &str, wanted: impl Fn(&Report) -> bool) -> Report {
        self.wait(what, true, wanted)
    }

    pub(super) fn wait(
        &mut self,
        what: &str,
        beating: bool,
        wanted: impl Fn(&Report) -> bool,
    ) -> Report {
        let end = std::time::Instant::now() + Duration::from_secs(20);
        let (core, reports) = (&mut self.core, &mut self.reports);
        self.runtime.block_on(async {
            let mut seen = Vec::new();
            while std::time::Instant::now() < end {
                if beating {
                    core.beat();
                }
                let Ok(report) =
                    tokio::time::timeout(Duration::from_millis(100), reports.next()).await
                else {
                    continue;
                };
                if wanted(&report) {
                    return report;
                }
                seen.push(report);
            }
            panic!(
                "{what} did not come; instead: {seen:#?}\n{:#?}",
                core.snapshot()
            );
        })
    }

    pub(super) fn wait_for_state(&mut self, state: State) -> Report {
        self.wait_for(&format!("{state:?}"), |report| {
            matches!(report, Report::Transition { transition, .. } if transition.to == state)
        })
    }

    pub(super) fn router(&self) -> RouterSnapshot {
        self.core.snapshot().routers.remove(0)
    }

    /// Beats until the router's snapshot is as wanted; at most 20 s.
    pub(super) fn wait_until(
        &mut self,
        what: &str,
        wanted: impl Fn(&RouterSnapshot) -> bool,
    ) -> RouterSnapshot {
        let end = std::time::Instant::now() + Duration::from_secs(20);
        loop {
            self.core.beat();
            let router = self.router();
            if wanted(&router) {
                return router;
            }
            assert!(std::time::Instant::now() < end, "{what}: {router:#?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until the router is in a state, whatever it was in before.
    pub(super) fn reaches(&mut self, state: State) {
        self.wait_until(&format!("{state:?}"), |router| router.router.state == state);
    }

    pub(super) fn stop(mut self, kind: StopKind) {
        self.core.stop(kind);
        let stopped = self.wait_for("the end", |report| matches!(report, Report::Stopped { .. }));
        assert!(
            matches!(
                stopped,
                Report::Stopped {
                    addresses_removed: true,
                    ..
                }
            ),
            "{stopped:?}"
        );
        // The report is sent before the engine's last snapshot is published.
        let bound = std::time::Instant::now() + Duration::from_secs(5);
        while self.core.snapshot().engine.running {
            assert!(std::time::Instant::now() < bound, "the engine still runs");
            std::thread::sleep(Duration::from_millis(1));
        }
        self.core.join();
    }
}

/// A test waits for one core at a time, and the others get no beat meanwhile: they are not to resign for that on a busy
/// machine. Tests of resigning say themselves when.
pub(super) fn end_threads() -> CoreOptions {
    CoreOptions {
        heartbeat_resign: Duration::from_secs(120),
        on_resign: OnResign::EndThreads,
        ..CoreOptions::default()
    }
}

/// The engine threads of the calling thread's network namespace.
pub(super) fn engine_threads() -> Vec<i32> {
    let own = std::fs::read_link("/proc/thread-self/ns/net").unwrap();
    let tasks = std::fs::read_dir("/proc/self/task")
        .unwrap()
        .map(|task| task.unwrap().path());
    tasks
        .filter(|task| {
            std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == "engine")
        })
        .filter(|task| {
            std::fs::read_link(task.join("ns/net")).is_ok_and(|namespace| namespace == own)
        })
        .map(|task| task.file_name().unwrap().to_str().unwrap().parse().unwrap())
        .collect()
}
