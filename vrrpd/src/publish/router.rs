//! The published words of one virtual router.

use std::net::IpAddr;
use std::time::Duration;

use vrrp_proto::router::{
    AddressState, Cause, InterfaceKey, Peer, RouterId, Snapshot, State, StepCounters, Transition,
};
use vrrp_proto::time::Instant;
use vrrp_proto::units::{AdvertInterval, Family, Version, Vrid, WirePriority};

use super::values::{NO_ADDRESS, Value, fields, put_option, take_option};
use super::{Decoder, Encoder};
use crate::core::{AdvertCounts, AdvertSnapshot, ReceiveCounts};

/// Words of a router; a test keeps it exact.
pub(crate) const ROUTER_WORDS: usize = 118;

/// What is published of a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RouterFacts {
    pub(crate) router: Snapshot,
    pub(crate) adverts: AdvertCounts,
    pub(crate) last_advert: Option<AdvertSnapshot>,
    pub(crate) worst_lateness: Duration,
    pub(crate) received: ReceiveCounts,
}

impl RouterFacts {
    pub(crate) fn to_words(self) -> [u64; ROUTER_WORDS] {
        let mut words = [0; ROUTER_WORDS];
        self.put(&mut Encoder::new(&mut words));
        words
    }

    /// `None` for words that were never written.
    pub(crate) fn from_words(words: &[u64; ROUTER_WORDS]) -> Option<Self> {
        Self::take(&mut Decoder::new(words))
    }
}

/// Options need something to fill their words with when absent.
macro_rules! optional {
    ($($kind:ty => $filler:expr),* $(,)?) => {$(
        impl Value for Option<$kind> {
            fn put(&self, to: &mut Encoder<'_>) {
                put_option(*self, $filler, to);
            }

            fn take(from: &mut Decoder<'_>) -> Option<Self> {
                take_option(from)
            }
        }
    )*};
}

optional! {
    i32 => 0,
    Instant => Instant::ZERO,
    IpAddr => NO_ADDRESS,
    Peer => Peer {
        address: NO_ADDRESS,
        priority: WirePriority::RELEASE,
        interval: AdvertInterval::DEFAULT,
        heard: Instant::ZERO,
    },
    Transition => Transition {
        from: State::Initialize,
        to: State::Initialize,
        cause: Cause::Started,
        at: Instant::ZERO,
    },
    AdvertSnapshot => AdvertSnapshot {
        sequence: 0,
        priority: WirePriority::RELEASE,
        due: Instant::ZERO,
        woke: Instant::ZERO,
        submitted: Instant::ZERO,
        accepted: Instant::ZERO,
        queued: None,
        left: None,
        ambiguous: false,
        errno: None,
    },
}

impl<const N: usize> Value for [u64; N] {
    fn put(&self, to: &mut Encoder<'_>) {
        for word in self {
            to.put(*word);
        }
    }

    fn take(from: &mut Decoder<'_>) -> Option<Self> {
        Some(std::array::from_fn(|_| from.take()))
    }
}

impl Value for Version {
    fn put(&self, to: &mut Encoder<'_>) {
        to.put(match self {
            Self::V2 => 2,
            Self::V3 => 3,
        });
    }

    fn take(from: &mut Decoder<'_>) -> Option<Self> {
        match from.take() {
            2 => Some(Self::V2),
            3 => Some(Self::V3),
            _ => None,
        }
    }
}

impl Value for RouterId {
    fn put(&self, to: &mut Encoder<'_>) {
        let family = match self.family {
            Family::V4 => 4,
            Family::V6 => 6,
        };
        to.put(u64::from(self.interface.0) << 16 | family << 8 | u64::from(self.vrid.as_u8()));
    }

    fn take(from: &mut Decoder<'_>) -> Option<Self> {
        let [.., i0, i1, family, vrid] = from.take().to_be_bytes();
        let family = match family {
            4 => Family::V4,
            6 => Family::V6,
            _ => return None,
        };
        Some(Self {
            interface: InterfaceKey(u16::from_be_bytes([i0, i1])),
            family,
            vrid: Vrid::new(vrid)?,
        })
    }
}

fields!(Peer {
    address,
    priority,
    interval,
    heard
});
fields!(AddressState {
    present,
    wanted,
    errno
});
fields!(StepCounters {
    adverts,
    skipped,
    unanswered,
    became_active,
    left_active,
    lower_heard,
    releases_heard,
    own_heard,
    deferred,
});
fields!(Snapshot {
    id,
    version,
    state,
    since,
    running,
    faults,
    refusal,
    base_priority,
    priority,
    interval,
    active_interval,
    skew,
    down_interval,
    down_at,
    advert_at,
    preempt_at,
    hold_until,
    retry_at,
    source,
    peer,
    addresses,
    healthy,
    wants_active,
    standing,
    last_transition,
    counters,
});
fields!(AdvertCounts {
    due,
    built,
    accepted,
    left,
    unstamped,
    refused,
    released,
    unsendable
});
fields!(AdvertSnapshot {
    sequence,
    priority,
    due,
    woke,
    submitted,
    accepted,
    queued,
    left,
    ambiguous,
    errno,
});
fields!(ReceiveCounts {
    accepted,
    releases,
    discards,
    warnings,
    worst_read_delay,
    sequence_trusted,
    missing,
    breaks
});
fields!(RouterFacts {
    router,
    adverts,
    last_advert,
    worst_lateness,
    received
});

#[cfg(test)]
mod tests {
    use vrrp_proto::router::FaultSet;
    use vrrp_proto::units::Priority;

    use super::*;

    /// Every number distinct, every option present.
    fn full() -> RouterFacts {
        let at = Instant::from_nanos;
        let address: IpAddr = "2001:db8::7".parse().unwrap();
        RouterFacts {
            router: Snapshot {
                id: RouterId {
                    interface: InterfaceKey(0xabcd),
                    family: Family::V6,
                    vrid: Vrid::new(255).unwrap(),
                },
                version: Version::V3,
                state: State::Releasing,
                since: at(1),
                running: true,
                faults: FaultSet::from_bits(0x155),
                refusal: Some(17),
                base_priority: Priority::new(101).unwrap(),
                priority: Priority::new(99).unwrap(),
                interval: AdvertInterval::from_centis(2).unwrap(),
                active_interval: AdvertInterval::from_centis(3).unwrap(),
                skew: Duration::from_nanos(4),
                down_interval: Duration::from_nanos(5),
                down_at: Some(at(6)),
                advert_at: Some(at(7)),
                preempt_at: Some(at(8)),
                hold_until: Some(at(9)),
                retry_at: Some(at(10)),
                source: Some(address),
                peer: Some(Peer {
                    address,
                    priority: WirePriority::from_wire(11),
                    interval: AdvertInterval::from_centis(12).unwrap(),
                    heard: at(13),
                }),
                addresses: AddressState {
                    present: 14,
                    wanted: 15,
                    errno: Some(16),
                },
                healthy: true,
                wants_active: true,
                standing: vrrp_proto::router::Standing::Out,
                last_transition: Some(Transition {
                    from: State::Active,
                    to: State::Releasing,
                    cause: Cause::HigherPriority {
                        from: address,
                        priority: WirePriority::from_wire(18),
                    },
                    at: at(19),
                }),
                counters: StepCounters {
                    adverts: 20,
                    skipped: 21,
                    unanswered: 22,
                    became_active: 23,
                    left_active: 24,
                    lower_heard: 25,
                    releases_heard: 26,
                    own_heard: 27,
                    deferred: 28,
                },
            },
            adverts: AdvertCounts {
                due: 29,
                built: 30,
                accepted: 31,
                left: 32,
                unstamped: 33,
                refused: 34,
                released: 35,
                unsendable: 36,
            },
            last_advert: Some(AdvertSnapshot {
                sequence: 37,
                priority: WirePriority::from_wire(38),
                due: at(39),
                woke: at(40),
                submitted: at(41),
                accepted: at(42),
                queued: Some(at(43)),
                left: Some(at(44)),
                ambiguous: true,
                errno: Some(45),
            }),
            worst_lateness: Duration::from_nanos(46),
            received: ReceiveCounts {
                accepted: 47,
                releases: 48,
                discards: std::array::from_fn(|n| 100 + u64::try_from(n).unwrap()),
                warnings: [200, 201, 202, 203],
                worst_read_delay: Duration::from_nanos(49),
                sequence_trusted: true,
                missing: 50,
                breaks: 51,
            },
        }
    }

    #[test]
    fn a_router_survives_with_every_option_present() {
        assert_eq!(RouterFacts::from_words(&full().to_words()), Some(full()));
    }

    #[test]
    fn a_router_survives_with_every_option_absent() {
        let mut facts = full();
        facts.last_advert = None;
        facts.router.refusal = None;
        facts.router.down_at = None;
        facts.router.advert_at = None;
        facts.router.preempt_at = None;
        facts.router.hold_until = None;
        facts.router.retry_at = None;
        facts.router.source = None;
        facts.router.peer = None;
        facts.router.addresses.errno = None;
        facts.router.last_transition = None;
        assert_eq!(RouterFacts::from_words(&facts.to_words()), Some(facts));
    }

    #[test]
    fn the_layout_fills_its_words_exactly() {
        let mut words = [0; 512];
        let mut encoder = Encoder::new(&mut words);
        full().put(&mut encoder);
        assert_eq!(encoder.filled(), ROUTER_WORDS);
    }

    #[test]
    fn words_that_were_never_written_are_no_router() {
        assert_eq!(RouterFacts::from_words(&[0; ROUTER_WORDS]), None);
    }
}
