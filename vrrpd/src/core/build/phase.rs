//! Where in its interval each of many routers sends, so that a thousand adverts do not leave in one moment.
//!
//! Each router has a slot that follows from its identity alone: a reload that adds others moves nobody. Routers of one slot
//! share a wake-up.

use std::time::Duration;

use vrrp_proto::router::RouterId;
use vrrp_proto::units::{AdvertInterval, Family};

/// Up to so many routers need no spreading: their adverts take less than a fifth of a millisecond.
const FEW: usize = 16;
/// No slot is shorter.
const SHORTEST: Duration = Duration::from_millis(1);
/// Slots in an interval, where they are not shorter than that.
const SLOTS: u32 = 200;
/// 2^64 divided by the golden ratio: multiples of it, taken as fractions, spread more evenly than random numbers.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The phase of a router among `routers`.
pub(super) fn of(id: RouterId, interval: AdvertInterval, routers: usize) -> Option<Duration> {
    if routers <= FEW {
        return None;
    }
    let interval = interval.as_duration();
    let slot = (interval / SLOTS).max(SHORTEST);
    let slots = u64::try_from(interval.as_nanos() / slot.as_nanos()).unwrap_or(1);
    let family = match id.family {
        Family::V4 => 0,
        Family::V6 => 1,
    };
    let number = u64::from(id.interface.0) * 512 + family * 256 + u64::from(id.vrid.as_u8());
    let fraction = number.wrapping_mul(GOLDEN) >> 32;
    let place = (fraction * slots) >> 32;
    Some(slot * u32::try_from(place).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use vrrp_proto::router::InterfaceKey;
    use vrrp_proto::units::Vrid;

    use super::*;

    fn id(interface: u16, vrid: u8) -> RouterId {
        RouterId {
            interface: InterfaceKey(interface),
            family: Family::V4,
            vrid: Vrid::new(vrid).unwrap(),
        }
    }

    /// How many routers the fullest slot has, of 250 on each interface.
    fn fullest(interfaces: u16, centis: u16) -> usize {
        let interval = AdvertInterval::from_centis(centis).unwrap();
        let mut slots: BTreeMap<Duration, usize> = BTreeMap::new();
        for interface in 0..interfaces {
            for vrid in 1..=250 {
                let phase = of(id(interface, vrid), interval, 1000).unwrap();
                assert!(phase < interval.as_duration());
                *slots.entry(phase).or_default() += 1;
            }
        }
        slots.into_values().max().unwrap()
    }

    #[test]
    fn a_thousand_routers_are_spread_evenly() {
        // On average 5, 20 and 25.
        assert!(fullest(4, 100) <= 8, "{}", fullest(4, 100));
        assert!(fullest(16, 100) <= 26, "{}", fullest(16, 100));
        assert!(fullest(1, 1) <= 30, "{}", fullest(1, 1));
    }

    #[test]
    fn a_few_routers_send_when_they_like() {
        let second = AdvertInterval::from_centis(100).unwrap();
        assert_eq!(of(id(1, 51), second, 16), None);
        assert!(of(id(1, 51), second, 17).is_some());
    }
}
