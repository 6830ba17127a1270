//! A pair that nobody disturbs, looked at for a while: whatever is said of it, the canary must confirm.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use vrrp_proto::units::Family;
use vrrp_record::verdict::{Code, Verdict};

use super::watch::Watch;
use super::{Way, asked};
use crate::drill::cause::Variant;
use crate::drill::judge::Records;
use crate::drill::scene::{Node, Scene};
use crate::drill::setup::{Pairing, Setup};
use crate::lab::{Canary, Capture, Lateness};
use crate::sim::Prng;

/// Between adverts, in milliseconds.
const INTERVAL: u64 = 250;
/// The canary confirms a lateness where it was so late itself: half of what counts as late for this interval.
const CONFIRMS: Duration = Duration::from_millis(12);
/// It may have been late a little before or after what is told.
const AROUND: Duration = Duration::from_secs(1);

/// No lateness lasts longer.
const LONGEST: Duration = Duration::from_secs(30);

/// What was said in that time.
#[derive(Clone, Debug)]
pub struct Quiet {
    time: Duration,
    /// Adverts that the two leaders sent.
    adverts: usize,
    said: Vec<Said>,
    /// The canary's own worst lateness.
    canary: Duration,
}

#[derive(Clone, Debug)]
struct Said {
    way: Way,
    node: String,
    text: String,
    /// How late the canary was then; none where the verdict is no lateness but a fact of the machine.
    canary: Option<Duration>,
}

impl Said {
    fn is_confirmed(&self) -> bool {
        self.canary.is_none_or(|late| late >= CONFIRMS)
    }
}

impl Quiet {
    /// Nothing was said that the canary does not confirm.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.said.iter().all(Said::is_confirmed)
    }

    /// Adverts that the two leaders sent in that time.
    #[must_use]
    pub const fn adverts(&self) -> usize {
        self.adverts
    }
}

/// Lets a pair of vrrpd, and a pair of keepalived with observers and captures, alone for a time.
///
/// # Errors
/// When they do not come up, or their records cannot be read.
pub fn quiet(
    time: Duration,
    xtask: &Path,
    vrrpctl: &Path,
    directory: &Path,
) -> Result<Quiet, String> {
    let settled = |pairing| {
        let variant = Variant {
            pairing,
            family: Some(Family::V4),
        };
        let mut prng = Prng::new(1);
        let mut setup = Setup::new(variant, &mut prng);
        setup.interval = INTERVAL;
        let mut scene = Scene::build(setup, prng, xtask);
        scene.settle().map(|()| scene)
    };
    let native = settled(Pairing::Ours)?;
    let mut theirs = settled(Pairing::Theirs)?;
    let watches = [
        Watch::start(&theirs.leader, false)?,
        Watch::start(&theirs.follower, false)?,
    ];
    theirs.settle_again()?;
    let canary = Canary::start(xtask);
    let since = Capture::now();
    std::thread::sleep(time);
    let adverts = [&native, &theirs]
        .iter()
        .map(|scene| scene.adverts_of("lb1", since).len())
        .sum();
    let copy = |node: &Node, name: &str| {
        let records = node.records().ok_or("vrrpd leaves no records")?;
        Records::copy(&records, &directory.join(name))
    };
    let ours = [
        copy(&native.leader, "native-leader")?,
        copy(&native.follower, "native-follower")?,
    ];
    let [leader, follower] = watches;
    let beside = [
        leader.end(&theirs.leader, &directory.join("leader"))?,
        follower.end(&theirs.follower, &directory.join("follower"))?,
    ];
    drop((native, theirs));
    let canary = canary.finish();
    let mut said = Vec::new();
    let mut take = |way, verdicts: Vec<Verdict>| {
        said.extend(verdicts.iter().map(|verdict| judged(way, verdict, &canary)));
    };
    for records in &ours {
        take(Way::Native, records.explain(vrrpctl, None, since)?);
    }
    for evidence in &beside {
        take(
            Way::Observed,
            evidence.records.explain(vrrpctl, None, since)?,
        );
        take(Way::Captured, asked(evidence, None, vrrpctl, since)?);
    }
    Ok(Quiet {
        time,
        adverts,
        said,
        canary: canary.between(since, since + time),
    })
}

fn judged(way: Way, verdict: &Verdict, canary: &Lateness) -> Said {
    let incident = &verdict.incident;
    let at = |nanos: i64| Duration::from_nanos(u64::try_from(nanos).unwrap_or_default());
    let from = at(incident.from.0.min(incident.at.0)).saturating_sub(AROUND);
    let until = at(incident.until.0.max(incident.at.0)) + AROUND;
    // The disk of the machine, and its clock, are no matter of the canary.
    let of_the_machine = verdict
        .codes()
        .iter()
        .all(|code| matches!(code, Code::HostIoStallHarmless | Code::OpsClockStep));
    // What is told of a long time the canary confirms by chance: it is no lateness.
    let short = until.saturating_sub(from) <= LONGEST;
    let late = canary.between(from, until);
    Said {
        way,
        node: verdict.node.clone(),
        text: format!("{}: {}", verdict.headline, verdict.summary),
        canary: (!of_the_machine).then_some(if short { late } else { Duration::ZERO }),
    }
}

impl fmt::Display for Quiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for said in &self.said {
            let canary = match said.canary {
                None => String::from("of the machine"),
                Some(late) if said.is_confirmed() => {
                    format!("confirmed: the canary was {late:.1?} late")
                }
                Some(late) => format!("NOT CONFIRMED: the canary was {late:.1?} late"),
            };
            writeln!(
                f,
                "{}, {}: {} ({canary})",
                super::report::name(said.way),
                said.node,
                said.text
            )?;
        }
        let open = self.said.iter().filter(|said| !said.is_confirmed()).count();
        write!(
            f,
            "{} s, {} adverts of two leaders: {} incidents, {open} that the canary does not confirm; its own worst lateness {:.1?}",
            self.time.as_secs(),
            self.adverts,
            self.said.len(),
            self.canary
        )
    }
}
