//! The table: each cause by who looked, right, undetermined, missing and wrong.

use std::fmt;
use std::time::Duration;

use serde_json::json;
use vrrp_proto::units::Family;

use super::{Answers, Way};
use crate::drill::judge::Grade;
use crate::drill::report::{Sum, family, word};

/// One scene, looked at in one way.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) code: &'static str,
    pub(super) what: &'static str,
    pub(super) way: Way,
    pub(super) family: Family,
    pub(super) interval: u64,
    /// The answers, or why there are none.
    pub(super) seen: Result<Answers, String>,
}

/// Everything that a run came to.
#[derive(Clone, Debug)]
pub struct Report {
    seed: u64,
    rows: Vec<Row>,
    took: Duration,
}

const WAYS: [Way; 3] = [Way::Native, Way::Observed, Way::Captured];

pub(super) const fn name(way: Way) -> &'static str {
    match way {
        Way::Native => "native",
        Way::Observed => "observed",
        Way::Captured => "captures",
    }
}

impl Report {
    pub(super) fn new(seed: u64, mut rows: Vec<Row>, took: Duration) -> Self {
        let order: Vec<&str> = super::codes().map(|(code, _)| code).collect();
        rows.sort_by_key(|row| (order.iter().position(|code| *code == row.code), row.way));
        Self { seed, rows, took }
    }

    /// No verdict was wrong, none was missing where the evidence is there, and everything was injected.
    #[must_use]
    pub fn passed(&self) -> bool {
        let sum = self.sum(|_| true);
        sum.missing == 0 && sum.wrong == 0 && sum.not_run == 0
    }

    fn sum(&self, which: impl Fn(&Row) -> bool) -> Sum {
        let mut sum = Sum::default();
        for row in self.rows.iter().filter(|row| which(row)) {
            match &row.seen {
                Ok(seen) => seen.iter().for_each(|(_, seen)| sum.count(seen.grade)),
                Err(_) => sum.not_run += 1,
            }
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
                let views = row.seen.iter().flatten().map(|(name, seen)| {
                    json!({ "view": name, "grade": word(seen.grade), "said": seen.said })
                });
                json!({
                    "code": row.code,
                    "what": row.what,
                    "by": name(row.way),
                    "family": family(row.family),
                    "interval_ms": row.interval,
                    "not_run": row.seen.as_ref().err(),
                    "views": views.collect::<Vec<_>>(),
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

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            let head = format!(
                "{} ({}), {}, {}, every {} ms",
                row.code,
                row.what,
                name(row.way),
                family(row.family),
                row.interval
            );
            match &row.seen {
                Err(trouble) => {
                    writeln!(
                        f,
                        "{head}\n    {}",
                        trouble.trim_end().replace('\n', "\n    ")
                    )?;
                }
                Ok(seen) => {
                    let bad = |grade| matches!(grade, Grade::Missing | Grade::Wrong);
                    if !seen.iter().any(|(_, seen)| bad(seen.grade)) {
                        continue;
                    }
                    writeln!(f, "{head}")?;
                    for (name, seen) in seen {
                        writeln!(f, "    {name}: {}", word(seen.grade))?;
                        for said in &seen.said {
                            writeln!(f, "        {said}")?;
                        }
                    }
                }
            }
        }
        writeln!(
            f,
            "\nseed {}; right, undetermined, missing and wrong verdicts of four for each cause\n\
             | cause | {} | {} | {} |\n|---|---|---|---|",
            self.seed,
            name(WAYS[0]),
            name(WAYS[1]),
            name(WAYS[2]),
        )?;
        let mut codes: Vec<&str> = self.rows.iter().map(|row| row.code).collect();
        codes.dedup();
        for code in codes {
            write!(f, "| {code} |")?;
            self.cells(f, |row| row.code == code)?;
        }
        write!(f, "| all |")?;
        self.cells(f, |_| true)?;
        write!(
            f,
            "{} scenes in {:.0} s",
            self.rows.len(),
            self.took.as_secs_f64()
        )
    }
}

impl Report {
    fn cells(&self, f: &mut fmt::Formatter<'_>, which: impl Fn(&Row) -> bool) -> fmt::Result {
        for way in WAYS {
            let sum = self.sum(|row| row.way == way && which(row));
            write!(
                f,
                " {} / {} / {} / {}{} |",
                sum.right,
                sum.allowed,
                sum.missing,
                sum.wrong,
                match sum.not_run {
                    0 => String::new(),
                    count => format!(" ({count} not run)"),
                }
            )?;
        }
        writeln!(f)
    }
}
