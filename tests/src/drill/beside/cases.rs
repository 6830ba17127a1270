//! Which causes, and what somebody beside may say of them. The truth is that of the drill; where somebody beside cannot know
//! it, the reason stands here, and undetermined is right, too.

use crate::drill::cause::{Cause, Truth, View};

/// A cause for somebody beside.
#[derive(Debug)]
pub(super) struct Case {
    /// Its place in the catalogue.
    pub(super) code: &'static str,
    /// What an observer cannot know, where it cannot.
    unseen: Limit,
    /// The same for captures.
    uncaptured: Limit,
}

/// Why somebody beside does not know more.
#[derive(Clone, Copy, Debug, Default)]
struct Limit {
    /// Of the leader.
    leader: Option<&'static str>,
    /// Of the follower.
    follower: Option<&'static str>,
    /// Nothing has to be said of it at all.
    silent: bool,
    /// The leader's own goodbye is all that is seen of its end.
    goodbye: bool,
}

const NOTHING: Limit = Limit {
    leader: None,
    follower: None,
    silent: false,
    goodbye: false,
};

const fn of_leader(why: &'static str) -> Limit {
    Limit {
        leader: Some(why),
        ..NOTHING
    }
}

const fn of_follower(why: &'static str) -> Limit {
    Limit {
        follower: Some(why),
        ..NOTHING
    }
}

impl Limit {
    const fn or_silent(mut self) -> Self {
        self.silent = true;
        self
    }

    const fn goodbye(mut self) -> Self {
        self.goodbye = true;
        self
    }
}

/// What stands in neither packets nor keepalived's log.
const NOT_IN_PACKETS: &str = "packets and keepalived's log do not tell what its process waited for";
/// What lies between building an advert and the place where it is seen.
const BEFORE_THE_TAP: &str =
    "an advert is seen when it leaves the queue; how long it waited there is not";
/// What lies behind the place where an advert is seen.
const BEHIND_THE_TAP: &str =
    "an advert is seen before the firewall; whether the daemon got and read it is not";
/// What the log says of a link.
const LINK_IN_LOG: &str = "keepalived's log says that a link is down, not whether its carrier is";
/// Why adverts of two captures or observers are not always matched.
const NUMBERLESS: &str =
    "IPv6 adverts of keepalived have no number to find them by in the other node's records";

pub(super) const CASES: &[Case] = &[
    case("A2").captured_less(of_leader(NOT_IN_PACKETS)),
    case("A4").captured_less(of_leader(NOT_IN_PACKETS)),
    case("A5").captured_less(of_leader(NOT_IN_PACKETS)),
    case("A10"),
    case("A11")
        .observed_less(NOTHING.goodbye())
        .captured_less(NOTHING.goodbye()),
    case("B5"),
    case("C1")
        .observed_less(of_leader(BEFORE_THE_TAP))
        .captured_less(of_leader(BEFORE_THE_TAP)),
    case("C5").captured_less(of_leader(LINK_IN_LOG)),
    case("C6").captured_less(of_leader(LINK_IN_LOG)),
    case("D1"),
    case("D2"),
    case("D5"),
    case("E1")
        .observed_less(of_follower(BEHIND_THE_TAP).or_silent())
        .captured_less(of_follower(BEHIND_THE_TAP).or_silent()),
    case("E3")
        .observed_less(of_follower(BEHIND_THE_TAP))
        .captured_less(of_follower(BEHIND_THE_TAP)),
    case("F1"),
    case("F4"),
];

const fn case(code: &'static str) -> Case {
    Case {
        code,
        unseen: NOTHING,
        uncaptured: NOTHING,
    }
}

impl Case {
    const fn observed_less(mut self, limit: Limit) -> Self {
        self.unseen = limit;
        self
    }

    const fn captured_less(mut self, limit: Limit) -> Self {
        self.uncaptured = limit;
        self
    }

    /// What the observers of both nodes may say.
    pub(super) fn observed(&self, cause: &Cause, numbered: bool) -> Truth {
        softened(cause.truth, self.unseen, numbered)
    }

    /// What the captures of both nodes may say.
    pub(super) fn captured(&self, cause: &Cause, numbered: bool) -> Truth {
        softened(cause.truth, self.uncaptured, numbered)
    }
}

fn softened(truth: Truth, limit: Limit, numbered: bool) -> Truth {
    let either = limit.leader.or(limit.follower);
    let both = either.or_else(|| (!numbered).then_some(NUMBERLESS));
    let mut softer = Truth {
        leader: soften(truth.leader, limit.leader),
        follower: soften(truth.follower, limit.follower),
        both: soften(truth.both, both),
    };
    if limit.silent {
        softer.follower.quiet = true;
        softer.both.quiet = true;
    }
    if limit.goodbye {
        softer.leader.right = &["A11", "F3"];
    }
    softer
}

fn soften(view: View, why: Option<&'static str>) -> View {
    View {
        undetermined: view.undetermined.or(why),
        ..view
    }
}
