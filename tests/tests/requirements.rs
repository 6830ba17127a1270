//! The list of requirements is complete, and everything that it names exists.

#![expect(
    clippy::unwrap_used,
    reason = "a failure in a test's helper is a failed test"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Ids and levels of the requirements, in the order of the document.
const IDS: &str = include_str!("../requirements/ids.txt");
const VECTORS: &str = include_str!("../vectors/vrrp-vectors.jsonl");

/// One row of `docs/requirements.md`.
#[derive(Debug)]
struct Row {
    id: String,
    level: String,
    text: String,
    places: String,
    tests: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn rows() -> Vec<Row> {
    let document = std::fs::read_to_string(root().join("docs/requirements.md")).unwrap();
    parse(&document)
}

fn parse(document: &str) -> Vec<Row> {
    let is_row = |line: &&str| {
        let mut characters = line.chars();
        line.starts_with("| ")
            && characters.nth(2).is_some_and(|c| c.is_ascii_uppercase())
            && characters.next() == Some('-')
    };
    document
        .lines()
        .filter(is_row)
        .map(|line| {
            let cells: Vec<&str> = line
                .trim()
                .trim_matches('|')
                .split('|')
                .map(str::trim)
                .collect();
            let [id, level, text, places, tests] = cells[..] else {
                panic!("a row does not have five cells: {line}");
            };
            Row {
                id: id.to_owned(),
                level: level.to_owned(),
                text: text.to_owned(),
                places: places.to_owned(),
                tests: tests.to_owned(),
            }
        })
        .collect()
}

/// The texts in backquotes.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

impl Row {
    /// Why it is not implemented, where it is not.
    fn excuse(&self) -> Option<&str> {
        self.places.strip_prefix("Not implemented: ")
    }

    fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        if self.text.len() < 10 {
            complaints.push("says nothing".to_owned());
        }
        if let Some(reason) = self.excuse() {
            if reason.len() < 20 {
                complaints.push("gives no reason for not being implemented".to_owned());
            }
            return complaints;
        }
        let places = quoted(&self.places);
        if places.is_empty() && self.level != "info" {
            complaints.push("names no place and no reason".to_owned());
        }
        for place in places {
            if !root().join(place).is_file() {
                complaints.push(format!("names a file that does not exist: {place}"));
            }
        }
        let tests = quoted(&self.tests);
        let untested = self.tests.strip_prefix("Not tested: ");
        if untested.is_some_and(|reason| reason.len() < 20) {
            complaints.push("gives no reason for not being tested".to_owned());
        }
        if matches!(self.level.as_str(), "MUST" | "policy")
            && tests.is_empty()
            && untested.is_none()
        {
            complaints.push("names no test and no reason".to_owned());
        }
        complaints.extend(tests.into_iter().filter_map(missing_test));
        complaints
    }
}

/// What is wrong with a reference to a test, if anything.
fn missing_test(reference: &str) -> Option<String> {
    if let Some(pattern) = reference.strip_prefix("vectors: ") {
        let found = VECTORS.lines().any(|line| {
            let name = line
                .strip_prefix("{\"name\":\"")
                .and_then(|rest| rest.split('"').next());
            name.is_some_and(|name| matches(pattern, name))
        });
        return (!found).then(|| format!("names vectors that do not exist: {pattern}"));
    }
    let Some((path, name)) = reference.split_once("::") else {
        return Some(format!("names a test without a path: {reference}"));
    };
    let Ok(source) = std::fs::read_to_string(root().join(path)) else {
        return Some(format!(
            "names a test in a file that does not exist: {path}"
        ));
    };
    (!has_test(&source, name)).then(|| format!("names a test that does not exist: {reference}"))
}

/// Whether a source has a function of this name in one block of lines with a test attribute above it.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let declares = |line: &str| {
        let line = line.strip_prefix("async ").unwrap_or(line);
        line.strip_prefix("fn ")
            .and_then(|rest| rest.strip_prefix(name))
            .is_some_and(|rest| rest.starts_with(['(', '<']))
    };
    lines.iter().enumerate().any(|(number, line)| {
        declares(line)
            && lines[..number]
                .iter()
                .rev()
                .take_while(|line| !line.is_empty() && **line != "}")
                .any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
    })
}

/// A pattern with `*` for any text.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, rest)) => name.strip_prefix(head).is_some_and(|name| {
            (0..=name.len()).any(|from| name.get(from..).is_some_and(|name| matches(rest, name)))
        }),
    }
}

#[test]
fn every_requirement_has_one_row_with_its_level() {
    let rows = rows();
    let wanted: Vec<(String, String)> = IDS
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(id, level)| (id.to_owned(), level.to_owned()))
        .collect();
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for row in &rows {
        *counts.entry(&row.id).or_default() += 1;
    }
    let repeated: Vec<_> = counts.iter().filter(|(_, count)| **count != 1).collect();
    assert!(
        repeated.is_empty(),
        "rows that stand there twice: {repeated:?}"
    );
    let mut listed: Vec<(String, String)> =
        rows.into_iter().map(|row| (row.id, row.level)).collect();
    let mut wanted_sorted = wanted;
    listed.sort();
    wanted_sorted.sort();
    assert_eq!(listed, wanted_sorted);
}

#[test]
fn every_row_names_places_and_tests_that_exist() {
    let complaints: Vec<String> = rows()
        .iter()
        .flat_map(|row| {
            row.complaints()
                .into_iter()
                .map(|complaint| format!("{} {complaint}", row.id))
        })
        .collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// The check itself can say no.
#[test]
fn a_row_that_names_what_is_not_there_is_refused() {
    let complaints = |places: &str, tests: &str| {
        let line = format!("| P-01 | MUST | a requirement in words | {places} | {tests} |");
        parse(&line)[0].complaints().len()
    };
    let this = "`tests/tests/requirements.rs`";
    let test = "`tests/tests/requirements.rs::a_row_that_names_what_is_not_there_is_refused`";
    assert_eq!(complaints(this, test), 0);
    assert_eq!(complaints(this, "`vectors: ok-v2-*`"), 0);
    assert_eq!(
        complaints("Not implemented: because of a long reason", ""),
        0
    );
    assert_eq!(complaints("Not implemented: no", ""), 1);
    assert_eq!(complaints("`tests/tests/nowhere.rs`", test), 1);
    assert_eq!(complaints(this, "`vectors: ok-v9-*`"), 1);
    assert_eq!(
        complaints(this, "`tests/tests/requirements.rs::parse`"),
        1,
        "not a test"
    );
    assert_eq!(
        complaints(this, "`tests/tests/requirements.rs::nothing`"),
        1
    );
    assert_eq!(complaints(this, "PENDING"), 1);
    assert_eq!(complaints("", test), 1);
}
