//! Keeps the log's volume bounded (safety rule 12): at most 10 lines for a transition, and 100 an hour under any flood.
//!
//! What is left out is counted, and told in one line when the hour is over. What root does is never left out, and the
//! first transitions of each router in an hour never are, however many routers there are.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use vrrp_proto::time::Instant;
use vrrp_record::text::Name;

/// The length of a window.
const HOUR: Duration = Duration::from_secs(3_600);
/// Lines in a window.
const LINES: u32 = 100;
/// Lines of those that only transitions may use, and one for the count of what was left out.
const KEPT_FOR_TRANSITIONS: u32 = 30;
/// Lines in a window for events that a stranger can cause.
const STRANGERS: u32 = 40;
/// Lines in a window about one thing that a stranger can cause.
const ONE_STRANGER: u32 = 10;
/// Transitions of one router in a window that are always told.
const ALWAYS: u32 = 3;
/// Lines that follow one transition.
const FOLLOWING: u32 = 9;
/// How long after a transition a line belongs to it.
const FOLLOWS: Duration = Duration::from_secs(5);

/// What kind of line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Class {
    /// Start, stop, reload, commands: what root does.
    Operator,
    /// A transition.
    Transition,
    /// What this machine tells of itself.
    Local,
    /// What another machine can cause.
    Stranger,
}

/// What was left out in a window that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LeftOut {
    /// Lines, by name of event.
    pub(super) lines: Vec<(&'static str, u64)>,
}

/// The limiter of one log.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    window: Option<Instant>,
    written: u32,
    strangers: u32,
    transitions: HashMap<Name, u32>,
    things: HashMap<(Name, &'static str), u32>,
    following: HashMap<Name, (Instant, u32)>,
    left_out: BTreeMap<&'static str, u64>,
}

impl Limiter {
    /// Whether a line about `event` of `name` (empty for the daemon itself) may be written.
    pub(super) fn admit(
        &mut self,
        now: Instant,
        class: Class,
        name: Name,
        event: &'static str,
    ) -> bool {
        self.turn(now);
        let admitted = match class {
            Class::Operator => return true,
            Class::Transition => {
                self.following.insert(name, (now, 0));
                let count = self.transitions.entry(name).or_default();
                *count += 1;
                *count <= ALWAYS || self.written + 1 < LINES
            }
            Class::Local => {
                self.has_room_after_transition(now, name)
                    && self.written < LINES - KEPT_FOR_TRANSITIONS
            }
            Class::Stranger => {
                let about = self.things.get(&(name, event)).copied().unwrap_or_default();
                self.has_room_after_transition(now, name)
                    && self.written < LINES - KEPT_FOR_TRANSITIONS
                    && self.strangers < STRANGERS
                    && about < ONE_STRANGER
            }
        };
        if admitted {
            self.count(class, name, event);
        } else {
            *self.left_out.entry(event).or_default() += 1;
        }
        admitted
    }

    /// What was left out, once its hour is over. Call it from time to time.
    pub(super) fn left_out(&mut self, now: Instant) -> Option<LeftOut> {
        let over = self
            .window
            .is_some_and(|begin| now.saturating_since(begin) >= HOUR);
        if !over || self.left_out.is_empty() {
            return None;
        }
        let lines = std::mem::take(&mut self.left_out).into_iter().collect();
        self.turn(now);
        self.written += 1;
        Some(LeftOut { lines })
    }

    /// Begins a new window where the last one is over and everything of it was told.
    fn turn(&mut self, now: Instant) {
        match self.window {
            Some(begin) if now.saturating_since(begin) < HOUR => {}
            _ => {
                let left_out = std::mem::take(&mut self.left_out);
                *self = Self {
                    window: Some(now),
                    left_out,
                    ..Self::default()
                };
            }
        }
    }

    fn has_room_after_transition(&self, now: Instant, name: Name) -> bool {
        match self.following.get(&name) {
            Some((at, count)) if now.saturating_since(*at) < FOLLOWS => *count < FOLLOWING,
            _ => true,
        }
    }

    fn count(&mut self, class: Class, name: Name, event: &'static str) {
        self.written += 1;
        if let (false, Some((_, count))) =
            (class == Class::Transition, self.following.get_mut(&name))
        {
            *count += 1;
        }
        if class == Class::Stranger {
            self.strangers += 1;
            *self.things.entry((name, event)).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: [&str; 4] = [
        "lower_heard",
        "discards",
        "preempt_delay",
        "own_address_heard",
    ];

    fn at(millis: u64) -> Instant {
        Instant::ZERO.saturating_add(Duration::from_millis(millis))
    }

    /// Offers lines for `hours`, one each `step` ms, and counts what is written in each hour.
    fn written(
        hours: u64,
        step: u64,
        mut offer: impl FnMut(&mut Limiter, Instant, u64) -> bool,
    ) -> Vec<u32> {
        let mut limiter = Limiter::default();
        let mut counts = vec![0; usize::try_from(hours).unwrap()];
        for (number, millis) in
            (0..).zip((0..hours * 3_600_000).step_by(usize::try_from(step).unwrap()))
        {
            let hour = usize::try_from(millis / 3_600_000).unwrap();
            if limiter.left_out(at(millis)).is_some() {
                counts[hour] += 1;
            }
            counts[hour] += u32::from(offer(&mut limiter, at(millis), number));
        }
        counts
    }

    #[test]
    fn a_flood_from_strangers_stays_under_a_hundred_lines_an_hour() {
        let router = Name::new("vi_1");
        let counts = written(3, 50, |limiter, now, number| {
            let event = EVENTS[usize::try_from(number % 4).unwrap()];
            limiter.admit(now, Class::Stranger, router, event)
        });
        assert!(
            counts.iter().all(|count| *count > 0 && *count <= LINES),
            "{counts:?}"
        );
    }

    #[test]
    fn a_flood_on_many_routers_at_once_is_bounded_as_a_whole() {
        let counts = written(2, 50, |limiter, now, number| {
            limiter.admit(
                now,
                Class::Stranger,
                Name::new(&format!("vi_{}", number % 255)),
                "lower_heard",
            )
        });
        assert!(counts.iter().all(|count| *count <= LINES), "{counts:?}");
    }

    #[test]
    fn everything_of_one_router_at_once_stays_under_a_hundred_lines_an_hour() {
        let router = Name::new("vi_1");
        let counts = written(2, 500, |limiter, now, number| {
            let class = [Class::Transition, Class::Local, Class::Stranger]
                [usize::try_from(number % 3).unwrap()];
            limiter.admit(now, class, router, "anything")
        });
        assert!(counts.iter().all(|count| *count <= LINES), "{counts:?}");
    }

    #[test]
    fn at_most_ten_lines_for_one_transition() {
        let mut limiter = Limiter::default();
        let router = Name::new("vi_1");
        let mut lines = u32::from(limiter.admit(at(0), Class::Transition, router, "transition"));
        for millis in 1..100 {
            let class = if millis % 2 == 0 {
                Class::Local
            } else {
                Class::Stranger
            };
            let event = EVENTS[usize::try_from(millis % 4).unwrap()];
            lines += u32::from(limiter.admit(at(millis), class, router, event));
        }
        assert_eq!(lines, 10);
    }

    #[test]
    fn a_flood_does_not_hide_a_transition() {
        let mut limiter = Limiter::default();
        for millis in 0..100_000 {
            limiter.admit(
                at(millis),
                Class::Stranger,
                Name::new("vi_1"),
                "lower_heard",
            );
        }
        assert!(limiter.admit(
            at(100_000),
            Class::Transition,
            Name::new("vi_1"),
            "transition"
        ));
    }

    #[test]
    fn every_router_of_many_tells_its_first_transitions() {
        let mut limiter = Limiter::default();
        let told = (0..255)
            .filter(|number| {
                let name = Name::new(&format!("vi_{number}"));
                limiter.admit(at(*number), Class::Transition, name, "transition")
            })
            .count();
        assert_eq!(told, 255);
    }

    #[test]
    fn what_root_does_is_always_told() {
        let mut limiter = Limiter::default();
        assert!((0..1_000).all(|millis| limiter.admit(
            at(millis),
            Class::Operator,
            Name::new(""),
            "reload"
        )));
    }

    #[test]
    fn what_was_left_out_is_told_with_its_count_when_the_hour_is_over() {
        let mut limiter = Limiter::default();
        for millis in 0..1_010 {
            limiter.admit(
                at(millis),
                Class::Stranger,
                Name::new("vi_1"),
                "lower_heard",
            );
        }
        assert_eq!(limiter.left_out(at(3_599_999)), None);
        let told = limiter.left_out(at(3_600_000)).unwrap();
        assert_eq!(told.lines, [("lower_heard", 1_000)]);
        assert_eq!(limiter.left_out(at(3_600_001)), None);
        assert!(limiter.admit(
            at(3_600_002),
            Class::Stranger,
            Name::new("vi_1"),
            "lower_heard"
        ));
    }

    #[test]
    fn the_limiter_itself_does_not_grow_under_a_flood() {
        let mut limiter = Limiter::default();
        for millis in 0..10_000 {
            let router = Name::new(&format!("vi_{}", millis % 3));
            limiter.admit(
                at(millis),
                Class::Stranger,
                router,
                EVENTS[usize::try_from(millis % 4).unwrap()],
            );
        }
        assert!(limiter.things.len() <= 12 && limiter.left_out.len() <= 4);
    }
}
