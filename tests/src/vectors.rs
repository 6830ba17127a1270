//! Runs receive-path test vectors (`tests/vectors/README.md`) against `vrrp-proto`: result, class, warnings, and every
//! decoded field.
//!
//! Works for any file of that format, so nothing in a line is trusted: what cannot be read is a failed vector.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use vrrp_proto::stats::Counters;
use vrrp_proto::wire::{Accepted, Datagram, Discard, PROTOCOL_VRRP, ReceiveConfig, Warning};

mod format;

pub use format::{Context, Decoded, Expect, Vector};

/// What became of a file of vectors.
#[derive(Debug, Default)]
pub struct Summary {
    /// Vectors whose outcome is the expected one.
    pub passed: usize,
    /// The others.
    pub failures: Vec<Failure>,
}

/// A vector whose outcome is not the expected one, or that cannot be read.
#[derive(Debug)]
pub struct Failure {
    /// Its name, or its line where it has none.
    pub name: String,
    /// What differs.
    pub reason: String,
}

/// A file that cannot be read at all.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the vectors in {}; give a file of one JSON object a line", path.display())]
pub struct VectorsError {
    path: PathBuf,
    source: io::Error,
}

impl Summary {
    /// Whether every vector passed, and there was one.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.failures.is_empty() && self.passed > 0
    }

    /// 0 or 1.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        if self.is_success() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failure in &self.failures {
            writeln!(f, "{}: {}", failure.name, failure.reason)?;
        }
        write!(f, "{} passed, {} failed", self.passed, self.failures.len())
    }
}

/// Runs every vector of a file. The summary's `Display` names each failure and ends with `N passed, M failed`.
///
/// # Errors
/// When the file cannot be read.
pub fn run(path: &Path) -> Result<Summary, VectorsError> {
    let text = std::fs::read_to_string(path).map_err(|source| VectorsError {
        path: path.to_owned(),
        source,
    })?;
    Ok(run_text(&text))
}

/// Runs every vector of a text, one JSON object a line.
#[must_use]
pub fn run_text(text: &str) -> Summary {
    let mut summary = Summary::default();
    for (number, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        match serde_json::from_str::<Vector>(line) {
            Err(error) => summary.failures.push(Failure {
                name: format!("line {}", number.saturating_add(1)),
                reason: format!("is not a vector: {error}"),
            }),
            Ok(vector) => match vector.judge() {
                Ok(()) => summary.passed = summary.passed.saturating_add(1),
                Err(reason) => summary.failures.push(Failure {
                    name: vector.name,
                    reason,
                }),
            },
        }
    }
    summary
}

impl Vector {
    /// Whether the packet has the expected outcome by every way into the crate.
    fn judge(&self) -> Result<(), String> {
        let bytes = self.bytes()?;
        let family = self.family()?;
        let config = self.ctx.receive_config(family)?;
        let datagram = match Datagram::parse(family, &bytes) {
            Ok(datagram) => datagram,
            Err(discard) => return self.compare(Err(discard)),
        };
        self.judge_datagram(&config, &datagram)?;
        // The way of an IPv6 raw socket, which has no IP header to offer.
        if let (IpAddr::V6(source), IpAddr::V6(destination), PROTOCOL_VRRP) =
            (datagram.source, datagram.destination, datagram.protocol)
        {
            self.judge_ipv6_socket(&config, source, destination, &datagram)?;
        }
        Ok(())
    }

    fn judge_ipv6_socket(
        &self,
        config: &ReceiveConfig,
        source: Ipv6Addr,
        destination: Ipv6Addr,
        whole: &Datagram<'_>,
    ) -> Result<(), String> {
        let datagram = Datagram::from_ipv6_socket(source, destination, whole.ttl, whole.payload);
        self.judge_datagram(config, &datagram)
            .map_err(|reason| format!("as from an IPv6 socket: {reason}"))
    }

    fn judge_datagram(
        &self,
        config: &ReceiveConfig,
        datagram: &Datagram<'_>,
    ) -> Result<(), String> {
        let before = self.ctx.sequence();
        let mut sequence = before;
        let outcome = config.receive(datagram, &mut sequence);
        let expected = match &outcome {
            Ok(Accepted {
                ah: Some(fields), ..
            }) => fields.sequence,
            Ok(_) | Err(_) => before.last(),
        };
        if sequence.last() != expected {
            return Err(format!(
                "the AH sequence is {} instead of {expected} afterwards",
                sequence.last()
            ));
        }
        if outcome.is_ok() && datagram.peek_vrid() != Some(config.vrid.as_u8()) {
            return Err(format!(
                "the early look at the VRID gives {:?}",
                datagram.peek_vrid()
            ));
        }
        check_counters(&outcome)?;
        self.compare(outcome)
    }

    fn compare(&self, outcome: Result<Accepted<'_>, Discard>) -> Result<(), String> {
        match (&self.expect, outcome) {
            (Expect::Discard { error }, Err(discard)) if error == discard.class() => Ok(()),
            (Expect::Discard { error }, Err(discard)) => Err(format!(
                "discarded as {} instead of {error}",
                discard.class()
            )),
            (Expect::Discard { error }, Ok(_)) => {
                Err(format!("accepted instead of discarded as {error}"))
            }
            (Expect::Accept { .. }, Err(discard)) => Err(format!(
                "discarded as {} instead of accepted",
                discard.class()
            )),
            (Expect::Accept { warn, decode }, Ok(accepted)) => {
                let mut expected: Vec<&str> = warn.iter().map(String::as_str).collect();
                let mut warnings: Vec<&str> = accepted.warnings.iter().map(Warning::name).collect();
                expected.sort_unstable();
                warnings.sort_unstable();
                if warnings != expected {
                    return Err(format!("warnings are {warnings:?} instead of {expected:?}"));
                }
                let decoded = Decoded::of(&accepted);
                if decoded != *decode {
                    return Err(format!("decoded as {decoded:?} instead of {decode:?}"));
                }
                Ok(())
            }
        }
    }
}

/// E-05 to E-10 and E-16: a discarded packet moves one counter by one, an accepted one none of the discards'.
fn check_counters(outcome: &Result<Accepted<'_>, Discard>) -> Result<(), String> {
    let mut counters = Counters::ZERO;
    let (discards, accepts) = match outcome {
        Ok(accepted) => {
            counters.accept(accepted);
            (0, 1)
        }
        Err(discard) => {
            counters.discard(*discard);
            (1, 0)
        }
    };
    if (counters.discarded_total(), counters.accepted) == (discards, accepts) {
        Ok(())
    } else {
        Err(format!(
            "counted {} discards and {} accepts",
            counters.discarded_total(),
            counters.accepted
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = include_str!("../vectors/vrrp-vectors.jsonl");

    /// The runner itself can say no: outcome, class, warning and field are each noticed when they differ.
    #[test]
    fn a_changed_expectation_fails_and_is_named() {
        let first = LINE.lines().next().unwrap();
        assert!(run_text(first).is_success());
        for (from, to) in [
            ("\"priority\":145", "\"priority\":146"),
            ("\"warn\":[]", "\"warn\":[\"interval\"]"),
            ("\"auth_data\":\"00", "\"auth_data\":\"01"),
            (
                "\"vrid\":86,\"priority\":100",
                "\"vrid\":87,\"priority\":100",
            ),
        ] {
            assert!(first.contains(from), "{from}");
            let summary = run_text(&first.replacen(from, to, 1));
            assert_eq!((summary.passed, summary.failures.len()), (0, 1), "{from}");
            assert!(
                summary.to_string().starts_with("ok-v2-addrs1: "),
                "{summary}"
            );
            assert!(
                summary.to_string().ends_with("0 passed, 1 failed"),
                "{summary}"
            );
        }
    }

    #[test]
    fn an_unreadable_line_is_a_failure_and_the_rest_goes_on() {
        let first = LINE.lines().next().unwrap();
        let summary = run_text(&format!("{{\"name\":1}}\n\n{first}\n"));
        assert_eq!(summary.passed, 1);
        assert_eq!(summary.failures[0].name, "line 1");
    }

    #[test]
    fn a_missing_file_and_an_empty_one_are_no_success() {
        assert!(run(Path::new("/nonexistent/vectors.jsonl")).is_err());
        assert!(!run_text("").is_success());
    }
}
