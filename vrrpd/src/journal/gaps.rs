//! Near failovers and the anomalies that belong to them: what one gap shows has one number. Pure.

use std::collections::HashMap;

use vrrp_record::history::Time;
use vrrp_record::text::Name;

use super::measure::Near;

/// What was told of each router last.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    /// The last near failover: from its beginning to as long behind its end.
    near: HashMap<Name, (Time, Time)>,
    /// The last anomaly, with its number.
    anomaly: HashMap<Name, (Time, u32)>,
}

impl Gaps {
    /// The number of a near failover: that of an anomaly within its gap, which turns out to be it, or the next one.
    pub(super) fn number(&mut self, router: Name, near: &Near, next: impl FnOnce() -> u32) -> u32 {
        let gap = i64::try_from(near.gap).unwrap_or(i64::MAX);
        let window = (near.at.plus(-gap), near.at.plus(gap));
        self.near.insert(router, window);
        let told = self.anomaly.remove(&router);
        told.filter(|(at, _)| (window.0..=near.at).contains(at))
            .map_or_else(next, |(_, number)| number)
    }

    /// Whether an anomaly belongs to a near failover that was told.
    pub(super) fn explain(&self, router: Name, at: Time) -> bool {
        let near = self.near.get(&router);
        near.is_some_and(|(from, until)| *from <= at && at <= *until)
    }

    /// An anomaly was told.
    pub(super) fn anomaly(&mut self, router: Name, at: Time, number: u32) {
        self.anomaly.insert(router, (at, number));
    }

    /// Forgets routers that are no more.
    pub(super) fn retain(&mut self, there: impl Fn(&Name) -> bool) {
        self.near.retain(|name, _| there(name));
        self.anomaly.retain(|name, _| there(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn near(at: i64) -> Near {
        Near {
            from: None,
            at: Time(at * SECOND),
            gap: 2_000_000_000,
            limit: 3_600_000_000,
        }
    }

    #[test]
    fn one_gap_has_one_number_whichever_sign_of_it_comes_first() {
        let (mut gaps, one, two) = (Gaps::default(), Name::new("one"), Name::new("two"));
        gaps.anomaly(one, Time(99 * SECOND), 7);
        gaps.anomaly(two, Time(50 * SECOND), 8);
        assert_eq!(gaps.number(one, &near(100), || 9), 7);
        assert_eq!(gaps.number(two, &near(100), || 9), 9, "long before the gap");
        for (at, belongs) in [
            (97, false),
            (98, true),
            (100, true),
            (102, true),
            (103, false),
        ] {
            assert_eq!(gaps.explain(one, Time(at * SECOND)), belongs, "{at}");
        }
        assert_eq!(
            gaps.number(one, &near(101), || 10),
            10,
            "a number is used once"
        );
        gaps.retain(|name| *name == one);
        assert!(!gaps.explain(two, Time(100 * SECOND)));
    }
}
