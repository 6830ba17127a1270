//! The guest's manners (safety rule 4): how much of a CPU the engine uses, and when it has to leave its real-time class.
//!
//! Arithmetic only. In the usual case it costs no system call: time awake, from clock readings that are taken anyway,
//! bounds CPU time from above, and CPU time itself is read only once that bound is too high.

use std::time::Duration;

use vrrp_proto::time::Instant;

/// Over which time the use is measured.
const WINDOW: Duration = Duration::from_millis(200);
/// What may be used in a window: 20 % of a CPU.
const BUDGET: Duration = Duration::from_millis(40);
/// How long the thread stays in the ordinary class.
const DEMOTION: Duration = Duration::from_secs(10);

/// The use of the CPU in the current window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Duty {
    window_began: Instant,
    awake: Duration,
    /// CPU time at the beginning of the window; known only in a window that follows a busy one.
    cpu_at_begin: Option<Duration>,
    demoted_until: Option<Instant>,
}

/// What a look at the budget says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing changes.
    Stay,
    /// Leave the real-time class: this much was used in one window.
    Demote(Duration),
    /// The demotion is over.
    Promote,
}

impl Duty {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            window_began: now,
            awake: Duration::ZERO,
            cpu_at_begin: None,
            demoted_until: None,
        }
    }

    /// Before each sleep: the thread was awake from `woke` to `now`. `cpu` reads its CPU time.
    pub(super) fn before_sleep(
        &mut self,
        woke: Instant,
        now: Instant,
        cpu: impl FnOnce() -> Duration,
    ) -> Verdict {
        self.awake += now.saturating_since(woke.max(self.window_began));
        if self.demoted_until.is_some_and(|until| now >= until) {
            *self = Self::new(now);
            return Verdict::Promote;
        }
        if now.saturating_since(self.window_began) < WINDOW {
            return Verdict::Stay;
        }
        let busy = self.awake > BUDGET;
        let elapsed = now.saturating_since(self.window_began);
        let before = self.cpu_at_begin;
        self.window_began = now;
        self.awake = Duration::ZERO;
        self.cpu_at_begin = None;
        if !busy || self.demoted_until.is_some() {
            return Verdict::Stay;
        }
        let used_in_total = cpu();
        self.cpu_at_begin = Some(used_in_total);
        let Some(before) = before else {
            return Verdict::Stay;
        };
        // A window that a long sleep stretched allows in proportion.
        let used = used_in_total.saturating_sub(before);
        if used * 5 > elapsed {
            self.demote(now, used)
        } else {
            Verdict::Stay
        }
    }

    /// The kernel's own limit was reached: the class is lost already.
    pub(super) fn limit_reached(&mut self, now: Instant) {
        self.demote(now, Duration::ZERO);
    }

    fn demote(&mut self, now: Instant, used: Duration) -> Verdict {
        self.demoted_until = Some(now.saturating_add(DEMOTION));
        self.cpu_at_begin = None;
        Verdict::Demote(used)
    }

    /// When [`Verdict::Promote`] is due.
    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.demoted_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: u64 = 1_000_000;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * MILLI)
    }

    /// Runs from `from` to `to` ms, awake and using CPU for `awake` and `cpu` of every 10 ms; returns what was said.
    fn run(
        duty: &mut Duty,
        used: &mut Duration,
        from: u64,
        to: u64,
        awake: u64,
        cpu: u64,
    ) -> Vec<(u64, Verdict)> {
        let mut said = Vec::new();
        for begin in (from..to).step_by(10) {
            *used += Duration::from_millis(cpu);
            let end = begin + awake;
            let verdict = duty.before_sleep(at(begin), at(end), || *used);
            if verdict != Verdict::Stay {
                said.push((end, verdict));
            }
        }
        said
    }

    #[test]
    fn an_idle_thread_never_reads_its_cpu_time() {
        let mut duty = Duty::new(at(0));
        for begin in (0..5_000).step_by(10) {
            let verdict = duty.before_sleep(at(begin), at(begin + 1), || {
                panic!("no system call when idle")
            });
            assert_eq!(verdict, Verdict::Stay);
        }
    }

    #[test]
    fn a_busy_thread_is_demoted_within_two_windows_and_back_after_ten_seconds() {
        let (mut duty, mut used) = (Duty::new(at(0)), Duration::ZERO);
        let said = run(&mut duty, &mut used, 0, 1_000, 9, 9);
        let [(when, Verdict::Demote(used_in_window))] = said[..] else {
            panic!("{said:?}")
        };
        assert!(when <= 420, "demoted at {when} ms");
        assert!(used_in_window > Duration::from_millis(150));
        assert_eq!(duty.deadline(), Some(at(when + 10_000)));
        let said = run(&mut duty, &mut used, 1_000, 10_600, 1, 1);
        assert_eq!(said.len(), 1);
        assert_eq!(said[0].1, Verdict::Promote);
        assert!((when + 10_000..when + 10_020).contains(&said[0].0));
    }

    #[test]
    fn a_thread_still_busy_after_its_demotion_is_demoted_again() {
        let (mut duty, mut used) = (Duty::new(at(0)), Duration::ZERO);
        let said = run(&mut duty, &mut used, 0, 22_000, 9, 9);
        let kinds: Vec<_> = said
            .iter()
            .map(|(_, verdict)| matches!(verdict, Verdict::Promote))
            .collect();
        assert_eq!(kinds, [false, true, false, true, false]);
    }

    #[test]
    fn waiting_for_a_cpu_is_not_using_it() {
        let (mut duty, mut used) = (Duty::new(at(0)), Duration::ZERO);
        assert_eq!(
            run(&mut duty, &mut used, 0, 3_000, 9, 1),
            [],
            "awake 90 %, on a CPU 10 %"
        );
    }

    #[test]
    fn exactly_twenty_percent_is_allowed_and_a_little_more_is_not() {
        let (mut duty, mut used) = (Duty::new(at(0)), Duration::ZERO);
        assert_eq!(run(&mut duty, &mut used, 0, 3_000, 9, 2), []);
        let said = run(&mut duty, &mut used, 3_000, 6_000, 9, 3);
        assert!(matches!(said[..], [(_, Verdict::Demote(_))]), "{said:?}");
    }

    #[test]
    fn the_kernels_limit_demotes_for_the_same_time() {
        let mut duty = Duty::new(at(0));
        duty.limit_reached(at(5));
        assert_eq!(duty.deadline(), Some(at(10_005)));
        assert_eq!(
            duty.before_sleep(at(10_005), at(10_006), || Duration::ZERO),
            Verdict::Promote
        );
    }
}
