//! The table: right, undetermined and wrong per code; rows whose evidence rests on numbered adverts apart from the rest.

use std::fmt;
use std::time::Duration;

use serde_json::json;
use vrrp_proto::units::Family;

use super::cause::LACKS;
use super::judge::{Grade, Seen};
use super::setup::Pairing;
use crate::lab::Lateness;

/// Less than this is no lateness worth a word to a verdict either.
const LATE: Duration = Duration::from_millis(20);

/// One scene.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) code: &'static str,
    pub(super) what: &'static str,
    pub(super) pairing: Pairing,
    pub(super) family: Family,
    pub(super) numbered: bool,
    pub(super) interval: u64,
    pub(super) trouble: Option<String>,
    pub(super) seen: Vec<(&'static str, Seen)>,
    pub(super) took: Duration,
    /// From the injection to the end, in time since 1970; none where there was none.
    pub(super) window: Option<(Duration, Duration)>,
    /// How late the canary woke at worst in that time.
    pub(super) canary: Duration,
}

impl Row {
    /// Takes what the canary saw. Where it was late itself, so was everybody, and an answer that is missing for that is no
    /// answer that is wrong.
    pub(super) fn confirm(&mut self, lateness: &Lateness) {
        let Some((from, until)) = self.window else {
            return;
        };
        self.canary = lateness.between(from, until);
        if self.canary >= LATE {
            for (_, seen) in &mut self.seen {
                if seen.grade == Grade::Missing {
                    seen.grade = Grade::Allowed;
                }
            }
        }
    }

    /// Whether the injection could not be shown to have happened, which another try may.
    pub(super) fn may_be_repeated(&self) -> bool {
        self.trouble.is_some() && !lacking(self)
    }
}

/// Everything that a run of the drill came to.
#[derive(Clone, Debug)]
pub struct Report {
    seed: u64,
    rows: Vec<Row>,
    took: Duration,
}

/// Verdicts by what they are worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) right: usize,
    pub(super) allowed: usize,
    pub(super) missing: usize,
    pub(super) wrong: usize,
    pub(super) not_run: usize,
}

impl Sum {
    fn add(&mut self, row: &Row) {
        if row.trouble.is_some() {
            self.not_run += 1;
        }
        for (_, seen) in &row.seen {
            self.count(seen.grade);
        }
    }

    pub(super) const fn count(&mut self, grade: Grade) {
        let count = match grade {
            Grade::Right => &mut self.right,
            Grade::Allowed => &mut self.allowed,
            Grade::Missing => &mut self.missing,
            Grade::Wrong => &mut self.wrong,
        };
        *count += 1;
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>6} {:>9} {:>10} {:>6} {:>15}",
            self.right, self.allowed, self.missing, self.wrong, self.not_run
        )
    }
}

impl Report {
    pub(super) fn new(seed: u64, mut rows: Vec<Row>, took: Duration) -> Self {
        let order: Vec<&str> = super::catalogue().map(|cause| cause.code).collect();
        rows.sort_by_key(|row| order.iter().position(|code| *code == row.code));
        Self { seed, rows, took }
    }

    /// No verdict was wrong, none was missing where the evidence is there, and everything was injected that this machine's
    /// kernel lets anybody inject.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failed() == 0
    }

    /// How many scenes were run and came to what was expected.
    #[must_use]
    pub fn good(&self) -> usize {
        self.rows.iter().filter(|row| passed(row)).count()
    }

    /// How many were not, those left out that this machine's kernel has no means for.
    #[must_use]
    pub fn failed(&self) -> usize {
        let bad = |row: &&Row| !passed(row) && !lacking(row);
        self.rows.iter().filter(bad).count()
    }

    fn sum(&self, which: impl Fn(&Row) -> bool) -> Sum {
        let mut sum = Sum::default();
        for row in self.rows.iter().filter(|row| which(row)) {
            sum.add(row);
        }
        sum
    }

    /// The same for programs.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|row| {
                json!({
                    "code": row.code,
                    "what": row.what,
                    "nodes": pairing(row.pairing),
                    "family": family(row.family),
                    "numbered": row.numbered,
                    "interval_ms": row.interval,
                    "not_run": row.trouble,
                    "took_ms": u64::try_from(row.took.as_millis()).unwrap_or(u64::MAX),
                    "canary_late_us": u64::try_from(row.canary.as_micros()).unwrap_or(u64::MAX),
                    "views": row.seen.iter().map(|(name, seen)| json!({
                        "view": name,
                        "grade": word(seen.grade),
                        "said": seen.said,
                    })).collect::<Vec<_>>(),
                })
            })
            .collect();
        json!({
            "schema": 1,
            "seed": self.seed,
            "passed": self.passed(),
            "took_ms": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
            "scenes": rows,
        })
    }
}

/// Whether the scene was not run because this machine has no means for it.
fn lacking(row: &Row) -> bool {
    row.trouble
        .as_ref()
        .is_some_and(|trouble| trouble.starts_with(LACKS))
}

fn passed(row: &Row) -> bool {
    row.trouble.is_none()
        && row
            .seen
            .iter()
            .all(|(_, seen)| matches!(seen.grade, Grade::Right | Grade::Allowed))
}

const fn pairing(pairing: Pairing) -> &'static str {
    match pairing {
        Pairing::Ours => "vrrpd, vrrpd",
        Pairing::TheirLeader => "keepalived, vrrpd",
        Pairing::TheirFollower => "vrrpd, keepalived",
        Pairing::Theirs => "keepalived, keepalived",
    }
}

pub(super) const fn family(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}

pub(super) const fn word(grade: Grade) -> &'static str {
    match grade {
        Grade::Right => "right",
        Grade::Allowed => "undetermined",
        Grade::Missing => "missing",
        Grade::Wrong => "WRONG",
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in self.rows.iter().filter(|row| !passed(row)) {
            writeln!(
                f,
                "{} ({}), {}, {}, every {} ms",
                row.code,
                row.what,
                pairing(row.pairing),
                family(row.family),
                row.interval
            )?;
            if let Some(trouble) = &row.trouble {
                writeln!(f, "    {}", trouble.trim_end().replace('\n', "\n    "))?;
            }
            for (name, seen) in &row.seen {
                writeln!(f, "    {name}: {}", word(seen.grade))?;
                for said in &seen.said {
                    writeln!(f, "        {said}")?;
                }
            }
        }
        // The first four count verdicts, one or two for each node; the last counts scenes, whose reasons stand above.
        let head = "right  undeterm.  missing  wrong   scenes not run";
        writeln!(f, "\nseed {}\n{:<10} {head}", self.seed, "")?;
        let mut codes: Vec<&str> = self.rows.iter().map(|row| row.code).collect();
        codes.dedup();
        for code in codes {
            writeln!(f, "{code:<10}{}", self.sum(|row| row.code == code))?;
        }
        writeln!(
            f,
            "adverts with numbers\n{:<10}{}\nadverts without\n{:<10}{}\nall\n{:<10}{}",
            "",
            self.sum(|row| row.numbered),
            "",
            self.sum(|row| !row.numbered),
            "",
            self.sum(|_| true)
        )?;
        let late = self.rows.iter().filter(|row| row.canary >= LATE).count();
        write!(
            f,
            "{} scenes in {:.0} s; in {late} of them the machine itself was late by {} ms or more, as the canary saw",
            self.rows.len(),
            self.took.as_secs_f64(),
            LATE.as_millis()
        )
    }
}
