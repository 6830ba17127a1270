//! A cause as the drill knows it: how it is injected, and what may be said about it.

use vrrp_proto::units::Family;

use super::scene::Scene;
use super::setup::{Pairing, Setup};
use crate::sim::Prng;

/// One cause, two at once, or one that the catalogue does not have.
#[derive(Clone, Copy, Debug)]
pub struct Cause {
    /// Its place in the catalogue (`A4`), several joined by `+`, or `U` and a number for what is not in it.
    pub code: &'static str,
    /// What is done, in a few words.
    pub what: &'static str,
    /// Who runs on which node.
    pub variants: &'static [Variant],
    /// It takes away what other scenes need, so it runs alone.
    pub alone: bool,
    /// Changes the scene before it is built.
    pub prepare: fn(&mut Setup, &mut Prng),
    /// Injects it and undoes it; the text says why it did not happen.
    pub inject: fn(&mut Scene) -> Result<(), String>,
    /// What may be said.
    pub truth: Truth,
}

/// Who runs on which node, and over which family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Who.
    pub pairing: Pairing,
    /// None: the seed's choice.
    pub family: Option<Family>,
}

const fn variant(pairing: Pairing, family: Option<Family>) -> Variant {
    Variant { pairing, family }
}

/// Ours on both.
pub(super) const OURS: &[Variant] = &[variant(Pairing::Ours, None)];
/// Ours on both, IPv4.
pub(super) const OURS_V4: &[Variant] = &[variant(Pairing::Ours, Some(Family::V4))];
/// Ours on both, IPv6.
pub(super) const OURS_V6: &[Variant] = &[variant(Pairing::Ours, Some(Family::V6))];
/// Something that the follower sees of the leader, who may number its adverts or not.
pub(super) const FROM_LEADER: &[Variant] = &[
    variant(Pairing::Ours, None),
    variant(Pairing::TheirLeader, Some(Family::V4)),
    variant(Pairing::TheirLeader, Some(Family::V6)),
];
/// The same where only IPv4 has it.
pub(super) const FROM_LEADER_V4: &[Variant] = &[
    variant(Pairing::Ours, Some(Family::V4)),
    variant(Pairing::TheirLeader, Some(Family::V4)),
];
/// Something on the leader that is ours.
pub(super) const ON_LEADER: &[Variant] = &[
    variant(Pairing::Ours, None),
    variant(Pairing::TheirFollower, None),
];
/// Something on the follower that is ours.
pub(super) const ON_FOLLOWER: &[Variant] = &[
    variant(Pairing::Ours, None),
    variant(Pairing::TheirLeader, None),
];

/// What may be said about a cause, by whom.
#[derive(Clone, Copy, Debug)]
pub struct Truth {
    /// By the leader's records alone.
    pub leader: View,
    /// By the follower's records alone.
    pub follower: View,
    /// By either node's records with the other's beside.
    pub both: View,
}

/// What may be said on one side.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// One of these has to be named, or all of them.
    pub right: &'static [&'static str],
    /// Every one of them has to be named.
    pub all: bool,
    /// These may be named besides: consequences, and steps on the way.
    pub also: &'static [&'static str],
    /// Why nothing else can be known here.
    pub undetermined: Option<&'static str>,
    /// Nothing happens on this side that wants an explanation.
    pub quiet: bool,
}

impl View {
    /// One of these causes.
    pub(super) const fn is(right: &'static [&'static str]) -> Self {
        Self {
            right,
            all: false,
            also: &[],
            undetermined: None,
            quiet: false,
        }
    }

    /// All of these causes.
    pub(super) const fn all(right: &'static [&'static str]) -> Self {
        Self {
            all: true,
            ..Self::is(right)
        }
    }

    /// Nothing can be known here.
    pub(super) const fn unknown(why: &'static str) -> Self {
        Self::is(&[]).or_undetermined(why)
    }

    /// Nothing happens here, and nothing may be said.
    pub(super) const fn nothing() -> Self {
        Self::is(&[]).or_nothing()
    }

    pub(super) const fn also(mut self, also: &'static [&'static str]) -> Self {
        self.also = also;
        self
    }

    pub(super) const fn or_undetermined(mut self, why: &'static str) -> Self {
        self.undetermined = Some(why);
        self
    }

    pub(super) const fn or_nothing(mut self) -> Self {
        self.quiet = true;
        self
    }
}

/// How an injection begins its reason where this machine has no means for it: no failure of anybody.
pub(super) const LACKS: &str = "this machine lacks ";

/// Why the other node cannot know what kept the sender from building adverts.
pub(super) const ON_THE_SENDER: &str =
    "what kept the sender from sending is in the sender's records";
/// Why the sender cannot know.
pub(super) const BELOW_THE_SENDER: &str =
    "what happens after the driver is not in the sender's records";
/// Why adverts without numbers do not tell.
pub(super) const NOTHING_HEARD: &str = "silence alone does not tell where adverts stayed";

/// Why a blocked port is not always told from a quiet network.
pub(super) const QUIET: &str = "what speaks through a blocked port, as spanning tree itself does, may come in the short time before a takeover";

impl Truth {
    /// A cause in the leader's own process or host: only its records tell. It reads late, too, what the follower sends
    /// meanwhile.
    pub(super) const fn sender(right: &'static [&'static str]) -> Self {
        Self {
            leader: View::is(right).also(&["E1"]),
            follower: View::is(right).or_undetermined(ON_THE_SENDER),
            both: View::is(right).also(&["E1"]),
        }
    }

    /// The same where the leader's machine does not always keep a trace either.
    pub(super) const fn or_undetermined(mut self, why: &'static str) -> Self {
        self.leader = self.leader.or_undetermined(why);
        self.both = self.both.or_undetermined(why);
        self
    }

    /// A cause on the follower alone, which the leader may notice by the follower's adverts.
    pub(super) const fn receiver(right: &'static [&'static str]) -> Self {
        Self {
            leader: View::is(&["D5"])
                .or_undetermined(BELOW_THE_SENDER)
                .or_nothing(),
            follower: View::is(right),
            both: View::is(right).also(&["D5"]),
        }
    }

    /// A cause that only one node can see at all.
    pub(super) const fn leader_only(right: &'static [&'static str]) -> Self {
        Self {
            leader: View::is(right),
            follower: View::unknown(ON_THE_SENDER).or_nothing(),
            both: View::is(right),
        }
    }
}

impl Cause {
    pub(super) const fn new(
        code: &'static str,
        what: &'static str,
        variants: &'static [Variant],
        inject: fn(&mut Scene) -> Result<(), String>,
        truth: Truth,
    ) -> Self {
        Self {
            code,
            what,
            variants,
            alone: false,
            prepare: |_, _| {},
            inject,
            truth,
        }
    }

    pub(super) const fn prepare(mut self, prepare: fn(&mut Setup, &mut Prng)) -> Self {
        self.prepare = prepare;
        self
    }

    pub(super) const fn alone(mut self) -> Self {
        self.alone = true;
        self
    }
}
