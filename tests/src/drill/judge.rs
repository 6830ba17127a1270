//! Asks `vrrpctl explain` what happened and compares the answer with the truth.
//!
//! The records are copied first: what a daemon writes while it is judged would be another question.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;
use vrrp_record::verdict::{Code, Verdict};

use super::cause::{Truth, View};

/// Always true where it is said, and never why an address moved here: all scenes share one machine with one disk.
const OF_THE_MACHINE: &[&str] = &["B6", "I1"];
/// What follows from every double mastership, and every return.
const CONSEQUENCES: &[&str] = &["F1"];
/// How long `vrrpctl` may take.
const PATIENCE: &str = "20";

/// What a verdict is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// The truth.
    Right,
    /// Undetermined, where nothing else can be known.
    Allowed,
    /// Undetermined, or nothing at all, where the evidence is there.
    Missing,
    /// Something that was not so.
    Wrong,
}

/// What was said on one side.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its worth.
    pub grade: Grade,
    /// The causes named, incident by incident.
    pub said: Vec<String>,
}

/// Where copied records lie.
#[derive(Clone, Debug)]
pub(super) struct Records(PathBuf);

/// `vrrpctl explain --json`: one object with its verdicts.
#[derive(Deserialize)]
struct Answer {
    verdicts: Vec<Verdict>,
}

impl Records {
    /// Copies run and journal directory of a node.
    pub(super) fn copy(directories: &[PathBuf; 2], to: &Path) -> Result<Self, String> {
        std::fs::create_dir_all(to).map_err(|error| error.to_string())?;
        for from in directories {
            // A daemon that has kept nothing yet has no journal.
            for entry in std::fs::read_dir(from).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                    std::fs::copy(entry.path(), to.join(entry.file_name()))
                        .map_err(|error| format!("{}: {error}", entry.path().display()))?;
                }
            }
        }
        Ok(Self(to.to_owned()))
    }

    /// Verdicts about everything since `since`, a time since 1970.
    pub(super) fn explain(
        &self,
        vrrpctl: &Path,
        peer: Option<&Self>,
        since: Duration,
    ) -> Result<Vec<Verdict>, String> {
        let mut words: Vec<&OsStr> = vec!["--from".as_ref(), self.0.as_os_str()];
        if let Some(peer) = peer {
            words.extend([OsStr::new("--peer"), peer.0.as_os_str()]);
        }
        explain(vrrpctl, &words, since)
    }
}

/// What `vrrpctl explain` says with these words about everything since `since`, a time since 1970.
pub(super) fn explain(
    vrrpctl: &Path,
    words: &[&OsStr],
    since: Duration,
) -> Result<Vec<Verdict>, String> {
    let output = Command::new("timeout")
        .arg(PATIENCE)
        .arg(vrrpctl)
        .args(["explain", "--json"])
        .args(words)
        .args(["--since", &format!("@{}", since.as_secs())])
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let answer: Answer = serde_json::from_str(&text).map_err(|error| {
        format!(
            "vrrpctl explain: {error}: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        )
    })?;
    let from = i64::try_from(since.as_nanos()).unwrap_or(i64::MAX);
    Ok(answer
        .verdicts
        .into_iter()
        .filter(|verdict| verdict.incident.until.0 >= from)
        .collect())
}

/// What is asked: one of two nodes, with its own records alone or with the other's beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) leader: bool,
    pub(super) both: bool,
}

/// Asks all four questions and grades the answers. A question that nobody has records for has no answer.
pub(super) fn questions(
    truth: &Truth,
    ask: &dyn Fn(Question) -> Result<Option<Vec<Verdict>>, String>,
) -> Result<Vec<(&'static str, Seen)>, String> {
    let mut seen = Vec::new();
    for (name, leader, both) in [
        ("leader", true, false),
        ("follower", false, false),
        ("leader+peer", true, true),
        ("follower+peer", false, true),
    ] {
        let Some(verdicts) = ask(Question { leader, both })? else {
            continue;
        };
        let own = if leader {
            &truth.leader
        } else {
            &truth.follower
        };
        if !both {
            seen.push((name, grade(own, &verdicts)));
            continue;
        }
        // Both nodes see the same records, but each is asked about its own incidents: what is right on neither side
        // alone is wrong here too, and what one side may leave out it may leave out here.
        let mut view = truth.both;
        view.quiet |= own.quiet;
        let mut one = grade(&view, &verdicts);
        if one.grade == Grade::Wrong {
            one.grade = grade(own, &verdicts).grade;
        }
        seen.push((name, one));
    }
    Ok(seen)
}

/// Grades what was said.
pub(super) fn grade(view: &View, verdicts: &[Verdict]) -> Seen {
    let codes: Vec<Vec<Code>> = verdicts.iter().map(Verdict::codes).collect();
    Seen {
        grade: grade_codes(view, &codes),
        said: verdicts
            .iter()
            .map(|verdict| {
                let codes: Vec<&str> = verdict.codes().iter().map(|code| code.letter()).collect();
                format!("{}: {}", verdict.headline, codes.join("+"))
            })
            .collect(),
    }
}

fn grade_codes(view: &View, incidents: &[Vec<Code>]) -> Grade {
    let named: BTreeSet<Code> = incidents
        .iter()
        .flatten()
        .copied()
        .filter(|code| *code != Code::Undetermined)
        .collect();
    let listed = |code: &Code, list: &[&str]| list.contains(&code.letter());
    let allowed = |code: &Code| {
        [view.right, view.also, OF_THE_MACHINE, CONSEQUENCES]
            .iter()
            .any(|list| listed(code, list))
    };
    if !named.iter().all(allowed) {
        return Grade::Wrong;
    }
    let hits = view
        .right
        .iter()
        .filter(|right| named.iter().any(|code| code.letter() == **right))
        .count();
    let complete = if view.all {
        hits == view.right.len()
    } else {
        hits > 0
    };
    let nothing_said = named.iter().all(|code| listed(code, OF_THE_MACHINE))
        && incidents
            .iter()
            .all(|codes| codes.iter().all(|code| *code != Code::Undetermined));
    if complete && !view.right.is_empty() || view.quiet && nothing_said {
        Grade::Right
    } else if view.undetermined.is_some() {
        Grade::Allowed
    } else {
        Grade::Missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(incidents: &[&[&str]]) -> Vec<Vec<Code>> {
        incidents
            .iter()
            .map(|codes| {
                codes
                    .iter()
                    .map(|code| Code::parse(code).unwrap())
                    .collect()
            })
            .collect()
    }

    #[test]
    fn one_wrong_cause_spoils_a_right_one() {
        let view = View::is(&["A4"]).also(&["D5"]);
        assert_eq!(
            grade_codes(&view, &codes(&[&["A4"], &["D5"]])),
            Grade::Right
        );
        assert_eq!(
            grade_codes(&view, &codes(&[&["A4"], &["A5"]])),
            Grade::Wrong
        );
        assert_eq!(grade_codes(&view, &codes(&[&["F1"]])), Grade::Missing);
    }

    #[test]
    fn two_causes_have_to_be_named_both() {
        let view = View::all(&["A4", "C1"]);
        assert_eq!(
            grade_codes(&view, &codes(&[&["A4"], &["C1"]])),
            Grade::Right
        );
        assert_eq!(grade_codes(&view, &codes(&[&["A4"]])), Grade::Missing);
    }

    #[test]
    fn undetermined_counts_only_where_nothing_can_be_known() {
        let undetermined = codes(&[&["undetermined"]]);
        assert_eq!(
            grade_codes(&View::unknown("it cannot"), &undetermined),
            Grade::Allowed
        );
        assert_eq!(
            grade_codes(&View::is(&["A4"]), &undetermined),
            Grade::Missing
        );
        assert_eq!(grade_codes(&View::nothing(), &undetermined), Grade::Missing);
        assert_eq!(
            grade_codes(&View::nothing(), &codes(&[&["B6"]])),
            Grade::Right
        );
        assert_eq!(grade_codes(&View::nothing(), &[]), Grade::Right);
        assert_eq!(grade_codes(&View::is(&["A4"]), &[]), Grade::Missing);
    }
}
