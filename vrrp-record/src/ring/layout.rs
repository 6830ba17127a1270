//! What stands where in a ring of a given size.

use std::fmt;

use super::header::{DESCRIPTION, HEADER, ROUTER};
use super::slot::{ADVERT, EVENT, MINUTE};

/// A region; the numbers never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum RegionId {
    /// Ordinary adverts sent and heard. Writer: the engine.
    Adverts = 1,
    /// Anomalous adverts, refused ones, stalls, transitions. Writer: the engine.
    Kept = 2,
    /// Histograms of minutes. Writer: the engine.
    Minutes = 3,
    /// Counters of the host. Writer: the sampler.
    Samples = 4,
    /// Events. Writer: the world outside the engine.
    Events = 5,
}

impl RegionId {
    /// All of them, in the order in which they stand in the file.
    pub const ALL: [Self; 5] = [
        Self::Adverts,
        Self::Kept,
        Self::Minutes,
        Self::Samples,
        Self::Events,
    ];

    /// Its number in files.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Adverts => 1,
            Self::Kept => 2,
            Self::Minutes => 3,
            Self::Samples => 4,
            Self::Events => 5,
        }
    }

    /// The region of a number.
    #[must_use]
    pub fn of(code: u32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|region| u32::from(region.code()) == code)
    }

    /// Bytes of its slots.
    #[must_use]
    pub const fn slot(self) -> usize {
        match self {
            Self::Adverts | Self::Kept | Self::Samples => ADVERT,
            Self::Minutes => MINUTE,
            Self::Events => EVENT,
        }
    }

    /// Its name, for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Adverts => "adverts",
            Self::Kept => "kept",
            Self::Minutes => "minutes",
            Self::Samples => "samples",
            Self::Events => "events",
        }
    }

    /// Its share of what the header leaves, in hundredths. Adverts and the host's counters must reach back two minutes
    /// before they are folded, at a hundred adverts a second and two hundred counters; what is kept is seldom written.
    const fn share(self) -> usize {
        match self {
            Self::Adverts => 35,
            Self::Samples => 25,
            Self::Kept | Self::Minutes => 15,
            Self::Events => 10,
        }
    }
}

/// How many slots of which size, from where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    /// First byte.
    pub offset: usize,
    /// Bytes of a slot.
    pub size: usize,
    /// Number of slots.
    pub count: usize,
}

/// A region and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Which.
    pub id: RegionId,
    /// Where.
    pub slots: Slots,
}

/// The places in a ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    bytes: usize,
    routers: u16,
    regions: [Region; 5],
}

/// The size asked for does not hold a useful ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooSmall {
    /// Bytes asked for.
    pub bytes: usize,
    /// The least that would do.
    pub least: usize,
}

impl fmt::Display for TooSmall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a flight recorder of {} bytes is too small for its routers: give it at least {}",
            self.bytes, self.least
        )
    }
}

impl std::error::Error for TooSmall {}

impl Layout {
    /// The least that the regions need.
    const LEAST: usize = 64 * 1024;

    /// Divides `bytes` for so many routers (slots for routers that a reload adds included).
    ///
    /// # Errors
    ///
    /// Where less than 64 KiB would be left for records.
    pub fn new(bytes: usize, routers: u16) -> Result<Self, TooSmall> {
        let start = HEADER + usize::from(routers) * ROUTER;
        let least = start + Self::LEAST;
        if bytes < least {
            return Err(TooSmall { bytes, least });
        }
        let room = bytes - start;
        let mut offset = start;
        let regions = RegionId::ALL.map(|id| {
            // The largest slot's size keeps every region aligned.
            let share = room / 100 * id.share() / EVENT * EVENT;
            let slots = Slots {
                offset,
                size: id.slot(),
                count: share / id.slot(),
            };
            offset += share;
            Region { id, slots }
        });
        Ok(Self {
            bytes,
            routers,
            regions,
        })
    }

    /// Bytes of the whole file.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Places for routers.
    #[must_use]
    pub const fn routers(&self) -> u16 {
        self.routers
    }

    /// All regions, in the order of the file.
    #[must_use]
    pub const fn regions(&self) -> &[Region; 5] {
        &self.regions
    }

    /// The place of a region.
    #[must_use]
    pub const fn region(&self, id: RegionId) -> Slots {
        let [adverts, kept, minutes, samples, events] = &self.regions;
        match id {
            RegionId::Adverts => adverts.slots,
            RegionId::Kept => kept.slots,
            RegionId::Minutes => minutes.slots,
            RegionId::Samples => samples.slots,
            RegionId::Events => events.slots,
        }
    }

    /// Where a router's description stands.
    pub(super) const fn description(router: u16) -> Slots {
        Slots {
            offset: HEADER + router as usize * ROUTER,
            size: DESCRIPTION,
            count: 1,
        }
    }

    /// Where the two copies of what a router's resume needs stand.
    pub(super) const fn resume(router: u16) -> Slots {
        Slots {
            offset: HEADER + router as usize * ROUTER + DESCRIPTION,
            size: ADVERT,
            count: 2,
        }
    }
}
