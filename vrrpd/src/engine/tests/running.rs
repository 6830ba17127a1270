//! A running core with a runtime to take its reports in.

use std::time::Duration;

use vrrp_config::plan::Plan;
use vrrp_proto::router::{State, StopKind};

use super::stand_in::stand_in;
use crate::core::start::start_with;
use crate::core::{Core, CoreOptions, OnResign, Report, Reports, RouterSnapshot};

/// A core with a runtime to take its reports in.
pub(super) struct Running {
    pub(super) core: Core,
    reports: Reports,
    runtime: tokio::runtime::Runtime,
}

impl Running {
    pub(super) fn start(plan: &Plan, options: CoreOptions) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let context = runtime.enter();
        let (core, reports) = start_with(plan, options, None, stand_in).unwrap();
        drop(context);
        Self {
            core,
            reports,
            runtime,
        }
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
        assert!(!self.core.snapshot().engine.running);
        self.core.join();
    }
}

pub(super) fn end_threads() -> CoreOptions {
    CoreOptions {
        on_resign: OnResign::EndThreads,
        ..CoreOptions::default()
    }
}
