//! An advert that passed every check, and what is odd about it all the same.

use core::fmt;
use core::net::IpAddr;

use super::advert::Advert;
use super::ah::AhFields;
use super::checksum::ChecksumForm;
use crate::router::Received;
use crate::time::Instant;

/// Something odd about an advert that is accepted all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Warning {
    /// The checksum has the historic pseudo-header form, and either would do.
    ChecksumForm,
    /// The interval differs from ours.
    Interval,
    /// The address list differs from ours.
    AddrList,
    /// We own the addresses, so nobody else should be advertising them.
    LocalOwner,
}

impl Warning {
    /// Every warning; a warning's place here is its [`index`](Self::index).
    pub const ALL: [Self; 4] = [
        Self::ChecksumForm,
        Self::Interval,
        Self::AddrList,
        Self::LocalOwner,
    ];
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// This warning's place in [`ALL`](Self::ALL).
    #[must_use]
    #[expect(
        clippy::as_conversions,
        reason = "the discriminant of a fieldless enum; `ALL` is checked against it"
    )]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Its name in vectors, status, metrics and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ChecksumForm => "checksum-form",
            Self::Interval => "interval",
            Self::AddrList => "addr-list",
            Self::LocalOwner => "local-owner",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::ChecksumForm => 1,
            Self::Interval => 2,
            Self::AddrList => 4,
            Self::LocalOwner => 8,
        }
    }
}

/// A set of warnings.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Warnings(u8);

impl Warnings {
    /// Whether nothing is odd.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether this one is among them.
    #[must_use]
    pub const fn contains(self, warning: Warning) -> bool {
        self.0 & warning.bit() != 0
    }

    /// The warnings.
    pub fn iter(self) -> impl Iterator<Item = Warning> {
        Warning::ALL
            .into_iter()
            .filter(move |warning| self.contains(*warning))
    }

    pub(super) fn raise(&mut self, warning: Warning, when: bool) {
        if when {
            self.0 |= warning.bit();
        }
    }
}

impl fmt::Debug for Warnings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.iter().map(Warning::name))
            .finish()
    }
}

/// An advert that passed every check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted<'a> {
    /// The advert.
    pub advert: Advert<'a>,
    /// IP source.
    pub source: IpAddr,
    /// The sender's sequence number (IPv4 identification or IPv6 flow label), where the packet shows one.
    pub sequence: Option<u32>,
    /// The checksum field.
    pub checksum: u16,
    /// Version 3 over IPv4: the form that matched.
    pub checksum_form: Option<ChecksumForm>,
    /// What the Authentication Header said.
    pub ah: Option<AhFields>,
    /// What is odd about it.
    pub warnings: Warnings,
}

impl Accepted<'_> {
    /// The facts that the state machine decides on.
    #[must_use]
    pub fn received(&self, arrived: Option<Instant>) -> Received {
        Received {
            version: self.advert.version(),
            priority: self.advert.priority(),
            interval: self.advert.interval(),
            source: self.source,
            arrived,
        }
    }
}
