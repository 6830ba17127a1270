//! What a reader of records is asked for: a long journal is read in less memory when what nobody needs is skipped.
//!
//! Runs, routers, events, verdicts and damage are always read; they are small and everything else hangs on them.

use super::Time;

/// Which records to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// Adverts sent, received and refused, and stalls.
    pub adverts: bool,
    /// Counters of the host.
    pub samples: bool,
    /// Histograms of minutes.
    pub minutes: bool,
    /// Stretches of time, ends included, outside of which adverts, stalls and samples are skipped; empty means none is.
    /// Ascending and apart: see [`Want::within`].
    windows: Vec<(Time, Time)>,
}

impl Want {
    /// Everything.
    #[must_use]
    pub const fn all() -> Self {
        Self {
            adverts: true,
            samples: true,
            minutes: true,
            windows: Vec::new(),
        }
    }

    /// Nothing but what is always read.
    #[must_use]
    pub const fn outline() -> Self {
        Self {
            adverts: false,
            samples: false,
            minutes: false,
            windows: Vec::new(),
        }
    }

    /// The same, with or without adverts and stalls.
    #[must_use]
    pub const fn adverts(mut self, wanted: bool) -> Self {
        self.adverts = wanted;
        self
    }

    /// The same, with or without samples.
    #[must_use]
    pub const fn samples(mut self, wanted: bool) -> Self {
        self.samples = wanted;
        self
    }

    /// The same, with or without minutes.
    #[must_use]
    pub const fn minutes(mut self, wanted: bool) -> Self {
        self.minutes = wanted;
        self
    }

    /// The same, with adverts, stalls and samples only within these stretches; none at all where there is no stretch.
    #[must_use]
    pub fn within(mut self, mut windows: Vec<(Time, Time)>) -> Self {
        windows.retain(|(from, until)| from <= until);
        if windows.is_empty() {
            self.adverts = false;
            self.samples = false;
        }
        windows.sort_unstable();
        self.windows.clear();
        for (from, until) in windows {
            match self.windows.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(until),
                _ => self.windows.push((from, until)),
            }
        }
        self
    }

    /// Whether an advert or stall of that time is wanted.
    #[must_use]
    pub fn advert_at(&self, at: Time) -> bool {
        self.adverts && self.inside(at)
    }

    /// Whether a sample of that time is wanted.
    #[must_use]
    pub fn sample_at(&self, at: Time) -> bool {
        self.samples && self.inside(at)
    }

    /// Whether any advert, stall or sample between these times, ends included, may be wanted.
    #[must_use]
    pub fn touches(&self, from: Time, until: Time) -> bool {
        if !self.adverts && !self.samples {
            return false;
        }
        let next = self.windows.partition_point(|(_, end)| *end < from);
        self.windows.is_empty()
            || self
                .windows
                .get(next)
                .is_some_and(|(begin, _)| *begin <= until)
    }

    /// The stretches, ascending and apart; empty means all of time.
    #[must_use]
    pub fn windows(&self) -> &[(Time, Time)] {
        &self.windows
    }

    fn inside(&self, at: Time) -> bool {
        if self.windows.is_empty() {
            return true;
        }
        let next = self.windows.partition_point(|(_, until)| *until < at);
        self.windows.get(next).is_some_and(|(from, _)| *from <= at)
    }
}

impl Default for Want {
    fn default() -> Self {
        Self::all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_that_touch_become_one() {
        let want = Want::all().within(vec![
            (Time(50), Time(60)),
            (Time(10), Time(20)),
            (Time(20), Time(30)),
            (Time(9), Time(8)),
        ]);
        assert_eq!(want.windows(), [(Time(10), Time(30)), (Time(50), Time(60))]);
        let inside: Vec<i64> = (0..80)
            .step_by(5)
            .filter(|at| want.advert_at(Time(*at)))
            .collect();
        assert_eq!(inside, [10, 15, 20, 25, 30, 50, 55, 60]);
        let touched = [
            (0, 9),
            (0, 10),
            (12, 13),
            (31, 49),
            (31, 50),
            (60, 70),
            (61, 70),
        ];
        let touched = touched.map(|(from, until)| want.touches(Time(from), Time(until)));
        assert_eq!(touched, [false, true, true, false, true, true, false]);
        assert!(!Want::outline().touches(Time(0), Time(1)));
    }

    #[test]
    fn no_stretch_asked_for_is_no_advert_wanted() {
        let want = Want::all().within(Vec::new());
        assert!(!want.advert_at(Time(1)) && !want.sample_at(Time(1)));
        assert!(Want::all().advert_at(Time(1)));
        assert!(!Want::outline().advert_at(Time(1)));
    }
}
