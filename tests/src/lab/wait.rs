//! Waiting for a condition with a bound: the only way the lab waits.

use std::time::{Duration, Instant};

/// How often a condition is looked at.
const STEP: Duration = Duration::from_millis(5);

/// Looks until `condition` gives a value; `None` once `bound` is over.
pub fn wait_for<T>(bound: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + bound;
    loop {
        // The look after the end counts: this thread may have slept through all of it.
        let last = Instant::now() >= end;
        if let Some(value) = condition() {
            return Some(value);
        }
        if last {
            return None;
        }
        std::thread::sleep(STEP);
    }
}

/// Looks until `condition` gives a value, and panics with `what` once `bound` is over.
pub fn wait_until<T>(what: &str, bound: Duration, condition: impl FnMut() -> Option<T>) -> T {
    match wait_for(bound, condition) {
        Some(value) => value,
        None => panic!("waited {bound:?} in vain: {what}"),
    }
}
