//! Defects of the daemon itself: whichever part panics, the routers say goodbye and the peer takes over at once.

use std::panic::{AssertUnwindSafe, catch_unwind};

use vrrp_proto::router::{Cause, State, StopKind};

use super::host::{Other, in_namespace};
use super::plans::plan;
use super::running::{Running, end_threads};
use crate::core::{Report, ResignReason};

/// A leader that `breaks`, and a follower that takes over because of its farewell.
fn hands_over(breaks: fn(Running)) {
    in_namespace(move || {
        let other = Other::join();
        let mut high = Running::start(&plan("va", 200, 50), end_threads());
        high.wait_for_state(State::Active);
        let mut low = other.run(|| Running::start(&plan("vb", 100, 50), end_threads()));
        low.wait_until("hears it", |router| router.received.accepted >= 1);
        breaks(high);
        let took_over = low.wait_for_state(State::Active);
        let Report::Transition { transition, .. } = took_over else {
            panic!("{took_over:?}")
        };
        assert!(
            matches!(transition.cause, Cause::Released { .. }),
            "{transition:?}"
        );
        low.stop(StopKind::Immediate);
    });
}

#[test]
fn an_engine_that_panics_resigns() {
    hands_over(|mut high| {
        high.core.panic_engine();
        let resigned = high.wait_for("the resignation", |report| {
            matches!(report, Report::Resigned { .. })
        });
        assert!(
            matches!(
                resigned,
                Report::Resigned {
                    reason: ResignReason::Panicked,
                    ..
                }
            ),
            "{resigned:?}"
        );
        high.wait_for("the end", |report| {
            matches!(
                report,
                Report::Stopped {
                    addresses_removed: true,
                    ..
                }
            )
        });
        high.core.join();
    });
}

#[test]
fn a_world_that_panics_stops_the_routers_on_its_way_out() {
    hands_over(|high| {
        let view = high.core.view();
        let unwound = catch_unwind(AssertUnwindSafe(move || {
            let _world = high;
            panic!("a test asked for it");
        }));
        assert!(unwound.is_err());
        assert!(!view.snapshot().engine.running, "nothing is left behind");
    });
}
