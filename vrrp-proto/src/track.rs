//! Tracked objects: from results to readings, and from readings to effective priority, faults and health.
//!
//! Pure arithmetic; running programs and watching interfaces is the daemon's, expiry of readings is the node's.

use crate::router::FaultSet;
use crate::units::Priority;

/// The caller's number for a tracked object; the same object keeps it over a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackerId(pub u64);

/// What is known about a tracked object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reading {
    /// No result yet.
    Pending,
    /// Passes.
    Good,
    /// Fails, or its last result expired.
    Bad,
}

impl Reading {
    /// This reading as a link sees it: `reverse` swaps good and bad.
    #[must_use]
    const fn seen(self, reverse: bool) -> Self {
        match (self, reverse) {
            (Self::Pending, _) => Self::Pending,
            (Self::Good, false) | (Self::Bad, true) => Self::Good,
            (Self::Bad, false) | (Self::Good, true) => Self::Bad,
        }
    }
}

/// How a router uses a tracked object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackLink {
    /// Which object.
    pub tracker: TrackerId,
    /// −254…254: added to the priority while good where positive, while bad where negative; 0 makes bad a fault.
    pub weight: i16,
    /// Swaps good and bad.
    pub reverse: bool,
}

/// What all trackers of a router amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// Effective priority.
    pub priority: Priority,
    /// [`FaultSet::TRACKER`] and [`FaultSet::TRACKER_PENDING`], or nothing.
    pub faults: FaultSet,
    /// Whether every tracked object passes.
    pub healthy: bool,
}

/// Weighs readings as keepalived does: base plus the sum of the weights in force, then clipped to 1–254.
///
/// A positive weight counts while its object is good, so not before its first success; a negative one while it is
/// bad. An owner's 255 never changes. Without `weights` (a sync group whose members must keep equal distances) only
/// faults count. Weight 0 makes a bad object a fault, and one without a result a reason to wait at start.
#[must_use]
pub fn assess(
    base: Priority,
    weights: bool,
    readings: impl Iterator<Item = (TrackLink, Reading)>,
) -> Assessment {
    let mut sum = i32::from(base.as_u8());
    let mut faults = FaultSet::NONE;
    let mut healthy = true;
    for (link, reading) in readings {
        let seen = reading.seen(link.reverse);
        healthy &= seen == Reading::Good;
        let counts = match seen {
            Reading::Pending => {
                if link.weight == 0 {
                    faults = faults.with(FaultSet::TRACKER_PENDING, true);
                }
                false
            }
            Reading::Good => link.weight > 0,
            Reading::Bad => {
                if link.weight == 0 {
                    faults = faults.with(FaultSet::TRACKER, true);
                }
                link.weight < 0
            }
        };
        if counts && weights {
            sum = sum.saturating_add(i32::from(link.weight));
        }
    }
    let clipped = u8::try_from(sum.clamp(1, 254))
        .ok()
        .and_then(Priority::new)
        .unwrap_or(base);
    Assessment {
        priority: if base.is_owner() { base } else { clipped },
        faults,
        healthy,
    }
}

/// Turns single results into a reading: so many successes in a row turn it good, so many failures bad.
///
/// The first result decides alone, unless the object starts as failed (keepalived's `init_fail`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RiseFall {
    rise: u32,
    fall: u32,
    reading: Reading,
    contrary: u32,
}

impl RiseFall {
    /// A counter without a result; 0 is taken as 1.
    #[must_use]
    pub fn new(rise: u32, fall: u32, init_fail: bool) -> Self {
        Self {
            rise: rise.max(1),
            fall: fall.max(1),
            reading: if init_fail {
                Reading::Bad
            } else {
                Reading::Pending
            },
            contrary: 0,
        }
    }

    /// The same object with other settings, as a reload leaves it: its reading stays.
    #[must_use]
    pub fn reconfigured(self, rise: u32, fall: u32) -> Self {
        Self {
            rise: rise.max(1),
            fall: fall.max(1),
            ..self
        }
    }

    /// What is known now.
    #[must_use]
    pub const fn reading(&self) -> Reading {
        self.reading
    }

    /// Takes one result and tells what is known then.
    pub fn record(&mut self, success: bool) -> Reading {
        let result = if success { Reading::Good } else { Reading::Bad };
        let needed = match self.reading {
            Reading::Pending => 1,
            Reading::Good => self.fall,
            Reading::Bad => self.rise,
        };
        if result == self.reading {
            self.contrary = 0;
        } else {
            self.contrary = self.contrary.saturating_add(1);
            if self.contrary >= needed {
                self.reading = result;
                self.contrary = 0;
            }
        }
        self.reading
    }
}

#[cfg(test)]
mod tests;
