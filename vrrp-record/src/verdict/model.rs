//! What an explanation consists of. Plain data, the same for log, tool, page and JSON; no judgement.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Code;
use crate::event::Anomaly;
use crate::history::Time;
use crate::words::Word;

/// The schema of verdicts in JSON: fields are only added within a number, each with a default.
pub const SCHEMA: u32 = 1;

/// Something that wants an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// What happened.
    #[serde(flatten)]
    pub what: Happening,
    /// Position of the router in [`crate::history::History::routers`]; none where it concerns the whole node.
    pub router: Option<u16>,
    /// Number under which it is explained, across restarts, where it was given one.
    pub number: Option<u32>,
    /// Beginning of the time that explains it.
    pub from: Time,
    /// When it happened. With `what` and `router` this identifies it: it does not change when more becomes known.
    pub at: Time,
    /// Its end, as far as the records tell.
    pub until: Time,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Happening {
    /// A router changed state.
    Transition {
        /// The state left.
        old: Word,
        /// The state entered; the same where a MASTER begins to leave and still has its addresses.
        new: Word,
    },
    /// A gap between adverts of more than half of the down interval.
    NearFailover {
        /// Whose adverts kept away; none for our own.
        sender: Option<IpAddr>,
        /// The gap in nanoseconds.
        gap: u64,
        /// The down interval in nanoseconds.
        limit: u64,
    },
    /// Adverts or wake-ups out of the ordinary.
    Anomaly {
        /// What.
        anomaly: Anomaly,
    },
    /// Two routers advertise the same VRID.
    TwoActive {
        /// The other one.
        other: IpAddr,
    },
    /// Nobody has been heard since this router became MASTER.
    NobodyHeard,
    /// The virtual addresses are not as they should be.
    Addresses,
    /// A tracked object or its check failed.
    Health,
    /// An interface went away, came back or changed.
    Link,
    /// Storage stood still.
    StorageStall,
    /// Adverts have been late by about the same time for long.
    LateFloor,
    /// The margin shrinks with each advert.
    ThinMargin,
    /// Packets came twice or out of order.
    Duplicates,
    /// Someone else here speaks with our address.
    OwnAddressHeard,
    /// Another machine announced an address that this one has.
    Claimed,
    /// Nobody learned that the addresses are here.
    Unannounced,
    /// News of the kernel were lost.
    NewsLost,
    /// The wall clock was stepped.
    ClockStep,
    /// The daemon started after an earlier run.
    Restart,
    /// The configuration was read again.
    Reload,
}

/// How much a verdict is worth.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Nothing is proven.
    #[default]
    None,
    /// The evidence fits and hardly anything contradicts it.
    Low,
    /// The evidence fits and what would be mistaken for it was looked at.
    Medium,
    /// Measured at the place itself.
    High,
}

impl Confidence {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// A number that moved, and what it is in quiet times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What was seen.
    pub text: String,
    /// The same in quiet times, where it is a number that varies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
}

/// One cause with its evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The cause.
    pub code: Code,
    /// Its part of the lateness in nanoseconds, where causes add up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<u64>,
    /// The cause with its numbers, as a sentence without full stop.
    pub say: String,
    /// What it stands on.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// What it is worth.
    pub confidence: Confidence,
}

/// The explanation of one incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// [`SCHEMA`] of the writer.
    pub schema: u32,
    /// What is explained.
    pub incident: Incident,
    /// The node that it happened on.
    pub node: String,
    /// The node whose records were read beside, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// Name of the router.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub router: Option<String>,
    /// What happened, as a headline: `BACKUP -> MASTER`.
    pub headline: String,
    /// By how much, against which limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<String>,
    /// What is explained in nanoseconds, where the findings' shares add up to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lateness: Option<u64>,
    /// The part of it that nothing explains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unexplained: Option<u64>,
    /// Causes in order of weight; empty where it is undetermined.
    pub findings: Vec<Finding>,
    /// What was seen besides.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// What it was not, with the reason.
    #[serde(default)]
    pub ruled_out: Vec<String>,
    /// Evidence that would matter here and that this node could not give, or that is not there yet.
    #[serde(default)]
    pub missing: Vec<String>,
    /// The verdict as one sentence without full stop.
    pub summary: String,
    /// What it is worth.
    pub confidence: Confidence,
    /// What to do next.
    #[serde(default)]
    pub next: Vec<String>,
    /// Records up to here were known.
    pub as_of: Time,
}

impl Verdict {
    /// The causes' codes in order of weight; `undetermined` alone where there is none.
    #[must_use]
    pub fn codes(&self) -> Vec<Code> {
        if self.findings.is_empty() {
            return vec![Code::Undetermined];
        }
        self.findings.iter().map(|finding| finding.code).collect()
    }

    /// The weightiest cause.
    #[must_use]
    pub fn code(&self) -> Code {
        self.findings
            .first()
            .map_or(Code::Undetermined, |finding| finding.code)
    }

    /// Whether it says the same as another one, so that nobody needs to hear it again.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        (&self.findings, &self.summary, self.confidence)
            == (&other.findings, &other.summary, other.confidence)
    }
}
