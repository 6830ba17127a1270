//! Integers, times and addresses in a record: little endian, at fixed places, written and read in one order.
//!
//! Running past the end writes nothing and reads zero; records have fixed sizes and tests that fill them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::history::Time;

/// The time that stands for "none".
const NEVER: i64 = i64::MIN;
/// Largest number of 48 bits.
const U48: u64 = (1 << 48) - 1;
/// Largest signed number of 48 bits.
const I48: i64 = (1 << 47) - 1;

/// Writes one field after the other.
pub(super) struct Put<'a> {
    bytes: &'a mut [u8],
    at: usize,
}

impl<'a> Put<'a> {
    pub(super) const fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn raw(&mut self, field: &[u8]) {
        let end = self.at.saturating_add(field.len());
        debug_assert!(end <= self.bytes.len(), "a record fits its slot");
        if let Some(place) = self.bytes.get_mut(self.at..end) {
            place.copy_from_slice(field);
        }
        self.at = end;
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.raw(&[value]);
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.raw(&value.to_le_bytes());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.raw(&value.to_le_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.raw(&value.to_le_bytes());
    }

    /// At most 78 hours of nanoseconds; more is written as that.
    pub(super) fn u48(&mut self, value: u64) {
        self.raw(&value.min(U48).to_le_bytes()[..6]);
    }

    /// At most 39 hours of nanoseconds either way.
    pub(super) fn i48(&mut self, value: i64) {
        self.raw(&value.clamp(-I48, I48).to_le_bytes()[..6]);
    }

    pub(super) fn time(&mut self, value: Time) {
        self.raw(&value.0.to_le_bytes());
    }

    pub(super) fn maybe_time(&mut self, value: Option<Time>) {
        self.time(value.unwrap_or(Time(NEVER)));
    }

    /// One byte 0, 4 or 6, and sixteen of address.
    pub(super) fn address(&mut self, value: Option<IpAddr>) {
        let mut bytes = [0; 17];
        match value {
            None => {}
            Some(IpAddr::V4(address)) => {
                bytes[0] = 4;
                bytes[1..5].copy_from_slice(&address.octets());
            }
            Some(IpAddr::V6(address)) => {
                bytes[0] = 6;
                bytes[1..].copy_from_slice(&address.octets());
            }
        }
        self.raw(&bytes);
    }
}

/// Reads one field after the other.
pub(super) struct Take<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Take<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn raw<const N: usize>(&mut self) -> [u8; N] {
        let end = self.at.saturating_add(N);
        let field = self
            .bytes
            .get(self.at..end)
            .and_then(|field| field.try_into().ok())
            .unwrap_or([0; N]);
        self.at = end;
        field
    }

    pub(super) fn u8(&mut self) -> u8 {
        self.raw::<1>()[0]
    }

    pub(super) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.raw())
    }

    pub(super) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.raw())
    }

    pub(super) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.raw())
    }

    pub(super) fn u48(&mut self) -> u64 {
        let mut wide = [0; 8];
        wide[..6].copy_from_slice(&self.raw::<6>());
        u64::from_le_bytes(wide)
    }

    pub(super) fn i48(&mut self) -> i64 {
        let mut wide = [0; 8];
        wide[2..].copy_from_slice(&self.raw::<6>());
        i64::from_le_bytes(wide) >> 16
    }

    pub(super) fn time(&mut self) -> Time {
        Time(i64::from_le_bytes(self.raw()))
    }

    pub(super) fn maybe_time(&mut self) -> Option<Time> {
        Some(self.time()).filter(|time| time.0 != NEVER)
    }

    pub(super) fn address(&mut self) -> Option<IpAddr> {
        let bytes: [u8; 17] = self.raw();
        match bytes {
            [4, a, b, c, d, ..] => Some(Ipv4Addr::new(a, b, c, d).into()),
            [6, rest @ ..] => Some(Ipv6Addr::from(rest).into()),
            _ => None,
        }
    }
}
