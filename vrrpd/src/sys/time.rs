//! Local time, by the C library's rules and time zone files.

use std::mem::MaybeUninit;

use nix::libc;

/// A point in local time as a calendar shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalTime {
    pub(crate) year: i32,
    /// 0–11.
    month: usize,
    /// 1–31.
    pub(crate) day: i32,
    pub(crate) hour: i32,
    pub(crate) minute: i32,
    pub(crate) second: i32,
    /// 0 is Sunday.
    weekday: usize,
}

impl LocalTime {
    /// `Jan` to `Dec`.
    pub(crate) fn month_name(self) -> &'static str {
        const NAMES: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        NAMES.get(self.month).copied().unwrap_or("???")
    }

    /// `Sun` to `Sat`.
    pub(crate) fn weekday_name(self) -> &'static str {
        const NAMES: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
        NAMES.get(self.weekday).copied().unwrap_or("???")
    }
}

/// Seconds since 1970-01-01 00:00:00 UTC as local time; the epoch where the C library cannot tell.
pub(crate) fn local_time(seconds: i64) -> LocalTime {
    let mut broken = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are valid for the call; localtime_r writes the whole structure or nothing, and the
    // structure is zeroed, which is a valid value of it.
    unsafe { libc::localtime_r(&raw const seconds, broken.as_mut_ptr()) };
    // SAFETY: zeroed above, and all its fields are integers and a pointer that may be null.
    let broken = unsafe { broken.assume_init() };
    LocalTime {
        year: broken.tm_year.saturating_add(1900),
        month: usize::try_from(broken.tm_mon).unwrap_or(usize::MAX),
        day: broken.tm_mday,
        hour: broken.tm_hour,
        minute: broken.tm_min,
        second: broken.tm_sec,
        weekday: usize::try_from(broken.tm_wday).unwrap_or(usize::MAX),
    }
}
