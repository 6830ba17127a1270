//! keepalived's log beside a capture of the same host: names, reasons and faults that packets do not tell.
//!
//! Lines of syslog, journalctl and a console in any of their forms. Where both tell of the same transition, the capture has
//! the better time and the log the better reason.

mod apply;
mod line;
mod meet;
mod runs;
mod stamp;

use self::line::Said;
use self::stamp::Stamp;
use crate::event::Kind;
use crate::history::{History, Time};
use crate::words::Word;

/// What the log does not say itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Distance of its local time to UTC in seconds, for stamps that do not tell it. None: the distance at which its
    /// transitions meet those of the capture.
    pub utc_offset: Option<i32>,
}

/// What was made of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Lines of keepalived in it.
    pub lines: usize,
    /// Lines that told something.
    pub told: usize,
    /// Transitions that capture and log both tell.
    pub matched: usize,
    /// The distance to UTC that was reckoned with, in seconds; none where every stamp told it.
    pub utc_offset: Option<i32>,
}

/// A line that tells something, with its time.
#[derive(Debug)]
struct Entry {
    at: Time,
    /// What the stamp does not tell.
    grain: i64,
    /// Process of the line, where it names one.
    pid: Option<u32>,
    said: Said,
}

/// How far apart a transition's time may be in log and capture.
const APART: i64 = 1_500_000_000;

/// Adds a log to the history of the host that wrote it.
pub fn merge(text: &str, options: &Options, history: &mut History) -> Summary {
    let lines: Vec<(Stamp, Option<u32>, &str)> = text.lines().filter_map(keepalived).collect();
    let near = history.extent().map_or(0, |extent| extent.0.0);
    let said: Vec<(Stamp, Option<u32>, Said)> = lines
        .iter()
        .filter_map(|(stamp, pid, text)| Said::parse(text).map(|said| (*stamp, *pid, said)))
        .collect();
    let local = said.iter().any(|(stamp, ..)| stamp.is_local());
    let offset = match options.utc_offset {
        Some(offset) => i64::from(offset),
        None if local => fitted(&said, near, history),
        None => 0,
    };
    let told = said.len();
    let entries: Vec<Entry> = said
        .into_iter()
        .map(|(stamp, pid, said)| Entry {
            at: Time(stamp.at(offset, near)),
            grain: stamp.grain,
            pid,
            said,
        })
        .collect();
    let matched = apply::apply(entries, history);
    if local && options.utc_offset.is_none() && matched == 0 && told > 0 {
        history.damage.push(String::from(
            "no transition of the log meets one of the capture: its times are taken for UTC",
        ));
    }
    Summary {
        lines: lines.len(),
        told,
        matched,
        utc_offset: local.then(|| i32::try_from(offset).unwrap_or_default()),
    }
}

/// Stamp, process and text of a line that keepalived wrote.
fn keepalived(line: &str) -> Option<(Stamp, Option<u32>, &str)> {
    let (stamp, rest) = Stamp::parse(line)?;
    // `host Keepalived_vrrp[123]: text`; on a console there is the text only.
    let Some(place) = rest.find("Keepalived") else {
        return Some((stamp, None, rest)).filter(|_| !rest.contains("]: "));
    };
    let (_, program) = rest.split_at_checked(place)?;
    let Some((program, text)) = program.split_once(": ") else {
        return Some((stamp, None, rest));
    };
    if program.contains(' ') {
        // `Starting Keepalived v2.2.7 …` on a console.
        return Some((stamp, None, rest));
    }
    let pid = program
        .split_once('[')
        .and_then(|(_, pid)| pid.trim_end_matches(']').parse().ok());
    Some((stamp, pid, text))
}

/// The distance to UTC, in quarters of an hour, at which most of the log's transitions meet the capture's.
fn fitted(said: &[(Stamp, Option<u32>, Said)], near: i64, history: &History) -> i64 {
    let seen: Vec<(Time, Word)> = history
        .events
        .iter()
        .filter_map(|event| {
            let Kind::Transition { to, .. } = event.event.kind else {
                return None;
            };
            Some((event.at, to))
        })
        .collect();
    let entering: Vec<(&Stamp, Word)> = said
        .iter()
        .filter_map(|(stamp, _, said)| {
            let Said::Instance {
                what: line::About::Entering { word, init: false },
                ..
            } = said
            else {
                return None;
            };
            Some((stamp, *word))
        })
        .collect();
    (-56..=56_i64)
        .map(|quarters| quarters * 900)
        .max_by_key(|offset| {
            let hits = entering.iter().filter(|(stamp, word)| {
                let at = Time(stamp.at(*offset, near));
                seen.iter()
                    .any(|(seen, to)| to == word && seen.since(at).abs() <= APART)
            });
            // Of equal ones the nearest to UTC.
            (hits.count(), -offset.abs())
        })
        .unwrap_or_default()
}
