//! Events as sentences, for the status and for the log.
//!
//! A sentence names its router or object first and stands alone; no full stop.

use std::fmt;
use std::time::Duration;

use crate::event::{Asked, AskedPhase, DownReason, InterfaceChange, Kind};
use crate::outcome::Sent;
use crate::quantity::{Errno, Plural, Span};
use crate::words::{Faults, Objects};

impl fmt::Display for Kind {
    #[expect(
        clippy::too_many_lines,
        reason = "one flat table with an arm for each event"
    )]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { pid } => write!(f, "vrrpd started (pid {pid})"),
            Self::PreviousRun {
                pid,
                clean: true,
                ended_unix_ms,
                ..
            } => {
                write!(f, "the run before (pid {pid}) ended in order")?;
                ended(f, *ended_unix_ms, "at")
            }
            Self::PreviousRun {
                pid,
                clean: false,
                ended_unix_ms,
                addresses_left,
            } => {
                write!(f, "the run before (pid {pid}) ended without a goodbye")?;
                ended(f, *ended_unix_ms, "after")?;
                match addresses_left {
                    0 => Ok(()),
                    left => write!(f, ", leaving {}", Plural(u64::from(*left), "address")),
                }
            }
            Self::Stopping { reason } => write!(f, "vrrpd stops: {reason}"),
            Self::Stopped => f.write_str("vrrpd stopped"),
            Self::Found { router, state } => write!(f, "{router}: found {state}"),
            Self::Ready { router, faults } if faults.0.is_empty() => write!(f, "{router}: ready"),
            Self::Ready { router, faults } => {
                write!(f, "{router}: {}", Listed(*faults, &Objects::default()))
            }
            Self::Transition {
                router,
                from,
                to,
                releasing,
                cause,
                priority,
                number: _,
            } => match (from == to, releasing) {
                (true, true) => {
                    write!(
                        f,
                        "{router}: leaves, and keeps its addresses until the successor has them: {cause}"
                    )
                }
                (true, false) => write!(f, "{router}: still {to}: {cause}"),
                (false, _) => write!(f, "{router}: {from} -> {to}, priority {priority}: {cause}"),
            },
            Self::NearFailover {
                router,
                number: _,
                from,
                gap_ms,
                limit_ms,
            } => {
                match from {
                    Some(from) => write!(f, "{router}: no advert from {from} for ")?,
                    None => write!(f, "{router}: no advert of ours for ")?,
                }
                write!(
                    f,
                    "{} of the {} that lead to a failover",
                    millis(*gap_ms),
                    millis(*limit_ms)
                )
            }
            Self::Anomaly {
                router,
                number: _,
                what,
                count,
                worst_us,
            } => {
                if let Some(router) = router {
                    write!(f, "{router}: ")?;
                }
                write!(f, "{what}")?;
                match (count, worst_us) {
                    (_, 0) => write!(f, " ({count})"),
                    (1, worst) => write!(f, " ({})", Span(Duration::from_micros(*worst))),
                    (_, worst) => write!(
                        f,
                        " ({count}, worst {})",
                        Span(Duration::from_micros(*worst))
                    ),
                }
            }
            Self::GroupTransition { group, to } => write!(f, "group {group}: all members are {to}"),
            Self::Faults { router, faults, .. } if faults.0.is_empty() => {
                write!(f, "{router}: no fault any more")
            }
            Self::Faults {
                router,
                faults,
                objects,
            } => {
                write!(f, "{router}: {}", Listed(*faults, objects))
            }
            Self::Priority { router, from, to } => {
                write!(f, "{router}: effective priority {from} -> {to}")
            }
            Self::Tracker {
                kind,
                name,
                state,
                outcome: Some(outcome),
            } => {
                write!(f, "{kind} {name}: {state} ({outcome})")
            }
            Self::Tracker {
                kind,
                name,
                state,
                outcome: None,
            } => {
                write!(f, "{kind} {name}: {state}")
            }
            Self::ScriptRun {
                script,
                outcome,
                took_ms,
            } => {
                write!(f, "script {script}: {outcome} after {}", millis(*took_ms))
            }
            Self::Notify {
                name,
                word,
                outcome,
            } => write!(f, "{name}: notify command for {word}: {outcome}"),
            Self::LowerHeard {
                router,
                from,
                priority,
            } => {
                write!(
                    f,
                    "{router}: {from} advertises the lower priority {priority} while we are MASTER"
                )
            }
            Self::PreemptDelay { router, delay_ms } => {
                write!(
                    f,
                    "{router}: waits {} before it preempts a lower MASTER",
                    millis(*delay_ms)
                )
            }
            Self::Addresses {
                router,
                present: 0,
                wanted: 0,
            } => {
                write!(f, "{router}: the addresses are gone from here")
            }
            Self::Addresses {
                router,
                present,
                wanted: 0,
            } => {
                write!(
                    f,
                    "{router}: {} still here",
                    Plural((*present).into(), "address")
                )
            }
            Self::Addresses {
                router,
                present,
                wanted,
            } => {
                write!(
                    f,
                    "{router}: {present} of {} present",
                    Plural((*wanted).into(), "address")
                )
            }
            Self::SocketsRefused { interface, errno } => {
                write!(
                    f,
                    "interface {interface}: cannot open the sockets: {}",
                    Errno(*errno)
                )
            }
            Self::OwnAddressHeard { router, from } => write!(
                f,
                "{router}: an advert came from our own address {from}: another host uses it, or frames come back"
            ),
            Self::TakeoverDeferred { router, late_us } => write!(
                f,
                "{router}: waits one more interval for the MASTER, because this machine was {} late itself",
                Span(Duration::from_micros(*late_us))
            ),
            Self::AddressRemoved {
                router,
                address,
                by,
            } => {
                write!(f, "{router}: {address} was removed by {by}")
            }
            Self::AddressRestored { router, address } => {
                write!(f, "{router}: {address} was put back")
            }
            Self::AddressRefused {
                router,
                address: Some(address),
                errno,
            } => {
                write!(
                    f,
                    "{router}: the kernel refused {address}: {}",
                    Errno(*errno)
                )
            }
            Self::AddressRefused {
                router,
                address: None,
                errno,
            } => {
                write!(
                    f,
                    "{router}: the kernel refused a change of addresses: {}",
                    Errno(*errno)
                )
            }
            Self::AddressesLost { router } => {
                write!(
                    f,
                    "{router}: another process removed the addresses too often, so it leaves MASTER"
                )
            }
            Self::AddressLeftOver { interface, address } => {
                write!(
                    f,
                    "{address} was left on {interface} by an earlier run and is removed"
                )
            }
            Self::AddressAdded {
                router,
                address,
                by,
            } => {
                write!(f, "{router}: {address} is there though it is not MASTER")?;
                if by.is_unknown() {
                    Ok(())
                } else {
                    write!(f, "; added by {by}")
                }
            }
            Self::Announced {
                router,
                frames,
                refused,
                ..
            } => {
                write!(
                    f,
                    "{router}: addresses announced with {}",
                    Plural(u64::from(*frames), "frame")
                )?;
                if *refused > 0 {
                    write!(f, ", refused {}", Plural(u64::from(*refused), "time"))?;
                }
                Ok(())
            }
            Self::NewsLost {
                took_ms,
                differences,
            } => write!(
                f,
                "netlink receive buffer overran; full re-read took {}, {}",
                Span(Duration::from_millis(*took_ms)),
                Plural(u64::from(*differences), "difference")
            ),
            Self::ScriptOverran {
                script,
                took_ms,
                interval_ms,
            } => write!(
                f,
                "script {script} was still running when its next run was due: it took {}, its interval is {}",
                Span(Duration::from_millis(*took_ms)),
                Span(Duration::from_millis(*interval_ms))
            ),
            Self::Interface {
                interface,
                change,
                reason,
                by,
            } => {
                match (change, reason) {
                    (InterfaceChange::Down, DownReason::SetDown) => {
                        write!(f, "interface {interface} was set down")?;
                    }
                    (InterfaceChange::Down, DownReason::NoCarrier) => {
                        write!(f, "interface {interface} has no carrier")?;
                    }
                    _ => write!(f, "interface {interface} {change}")?,
                }
                if by.is_unknown() {
                    Ok(())
                } else {
                    write!(f, ", by {by}")
                }
            }
            Self::Discards {
                router: Some(router),
                count,
            } => {
                write!(f, "{router}: {} rejected", Plural(*count, "advert"))
            }
            Self::Discards {
                router: None,
                count,
            } => {
                write!(
                    f,
                    "{} for no router here, ignored",
                    Plural(*count, "packet")
                )
            }
            Self::Reload { outcome } => write!(f, "{outcome}"),
            Self::Scheduling { thread, change } => write!(f, "{thread} thread {change}"),
            Self::Stalled { late_us } => {
                write!(
                    f,
                    "this machine woke the engine {} late",
                    Span(Duration::from_micros(*late_us))
                )
            }
            Self::Heartbeat { late: true, age_ms } => {
                write!(
                    f,
                    "the daemon's outer part has not answered its engine for {}",
                    millis(*age_ms)
                )
            }
            Self::Heartbeat {
                late: false,
                age_ms,
            } => {
                write!(
                    f,
                    "the daemon's outer part answers again, after {}",
                    millis(*age_ms)
                )
            }
            Self::Resigned { reason } => write!(f, "the engine resigned: {reason}"),
            Self::Command {
                command,
                uid,
                pid,
                comm,
                granted,
            } => {
                let verdict = if *granted { "asked for" } else { "was refused" };
                match comm {
                    Some(comm) => {
                        write!(f, "uid {uid} ({comm}, pid {pid}) {verdict} {command}")
                    }
                    None => write!(f, "uid {uid} (pid {pid}) {verdict} {command}"),
                }
            }
            Self::Asked {
                what,
                phase,
                age_ms,
                left_ms,
            } => asked(f, *what, *phase, *age_ms, *left_ms),
            Self::Signal {
                number,
                pid,
                uid,
                comm,
            } => Sent {
                number: *number,
                pid: *pid,
                uid: *uid,
                comm: *comm,
            }
            .fmt(f),
            Self::ReportsLost { count } => {
                write!(f, "{} lost in a full queue", Plural(*count, "event"))
            }
            Self::Other => f.write_str("an event that this version does not know"),
        }
    }
}

const fn millis(millis: u64) -> Span {
    Span(Duration::from_millis(millis))
}

/// Faults in one sentence.
struct Listed<'a>(Faults, &'a Objects);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.sentences(self.1).join("; "))
    }
}

/// When a run ended, in UTC: its records may be read anywhere.
fn ended(f: &mut fmt::Formatter<'_>, unix_ms: Option<i64>, word: &str) -> fmt::Result {
    let Some(unix_ms) = unix_ms else {
        return Ok(());
    };
    let (day, time) = (
        unix_ms.div_euclid(86_400_000),
        unix_ms.rem_euclid(86_400_000) / 1000,
    );
    let (year, month, day) = civil(day);
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    write!(
        f,
        " {word} {year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC"
    )
}

/// Year, month and day of a day since 1970-01-01, in the Gregorian calendar.
const fn civil(day: i64) -> (i64, i64, i64) {
    // Days since 0000-03-01: a year that begins in March has its leap day at its end.
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (year + era * 400 + later, month, day)
}

/// An operator's word and what becomes of it.
fn asked(
    f: &mut fmt::Formatter<'_>,
    what: Asked,
    phase: AskedPhase,
    age_ms: u64,
    left_ms: Option<u64>,
) -> fmt::Result {
    let (age, meaning) = (millis(age_ms), what.meaning());
    match phase {
        AskedPhase::Began => write!(f, "{what}: {meaning}")?,
        AskedPhase::Kept => write!(f, "{what} outlasts the restart, for {age} now: {meaning}")?,
        AskedPhase::GoesOn => write!(f, "{what} for {age}: {meaning}")?,
        AskedPhase::Ended => return write!(f, "{what} ended after {age}"),
        AskedPhase::TimeUp => return write!(f, "{what} ended after {age}: its time is up"),
        AskedPhase::Needed => return write!(f, "{what} ended after {age}: this node is needed"),
        AskedPhase::Other => return write!(f, "{what}"),
    }
    match left_ms {
        Some(left) => write!(f, "; {} left", millis(left)),
        None => write!(f, "; {} ends it", what.ended_by()),
    }
}

#[cfg(test)]
mod tests;
