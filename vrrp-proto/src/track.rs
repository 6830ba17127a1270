//! Tracked objects: from results to readings, and from readings to effective priority, faults and health.

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
