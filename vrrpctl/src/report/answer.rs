//! The answer first: what the page is called, what it says before anything is drawn, and over what.

use vrrp_record::history::Time;
use vrrp_record::quantity::{Plural, Span};
use vrrp_record::verdict::{Confidence, Happening};

use super::gather::{Gathered, weight};
use super::model::Model;

/// The sentences at the head of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// For the browser's window.
    pub(crate) title: String,
    /// The router of the story that answers; empty where there is none.
    pub(crate) router: String,
    /// The verdict, or that there is nothing to explain.
    pub(crate) says: String,
    pub(crate) story: Option<Story>,
    /// How much happened, on which nodes, in which time.
    pub(crate) scope: String,
    /// How the clocks stand to each other.
    pub(crate) clocks: Vec<String>,
    /// When the page was made.
    pub(crate) made: Time,
}

/// What the answer is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Story {
    /// `#16 BACKUP -> MASTER`.
    pub(crate) headline: String,
    pub(crate) node: String,
    pub(crate) at: Time,
    /// Microseconds since the base of the page.
    pub(crate) micros: i64,
    /// By how much, against which limit.
    pub(crate) measure: Option<String>,
    /// What it is worth; none where nothing is proven.
    pub(crate) confidence: Option<&'static str>,
    /// What to do.
    pub(crate) next: Vec<String>,
}

/// The sentences of what was gathered.
pub(crate) fn answer(gathered: &Gathered, model: &Model, now: Time) -> Answer {
    let names: Vec<String> = gathered
        .nodes
        .iter()
        .map(crate::source::Node::name)
        .collect();
    let names = listed(&names);
    let length = Span(gathered.within.1.after(gathered.within.0));
    let told = gathered.story.and_then(|story| {
        let one = gathered.judged.get(story)?;
        let verdict = &one.verdict;
        let number = verdict
            .incident
            .number
            .map(|number| format!("#{number} "))
            .unwrap_or_default();
        let incident = model.incidents.iter().find(|known| known.verdict == story);
        let confidence = verdict.confidence;
        let story = Story {
            headline: format!("{number}{}", verdict.headline),
            node: gathered.nodes[one.node].name(),
            at: one.at,
            micros: incident.map(|incident| incident.at).unwrap_or_default(),
            measure: verdict.measure.clone(),
            confidence: (confidence != Confidence::None).then(|| confidence.as_str()),
            next: verdict.next.clone(),
        };
        Some((
            verdict.router.clone().unwrap_or_default(),
            verdict.summary.clone(),
            story,
        ))
    });
    let (router, says, story) = match told {
        Some((router, summary, story)) => (router, summary, Some(story)),
        None => (
            String::new(),
            format!("no transition, near failover or anomaly on {names} in {length}"),
            None,
        ),
    };
    let routers = match model.routers.as_slice() {
        [only] => only.name.clone(),
        several => Plural(several.len() as u64, "router").to_string(),
    };
    let day = crate::render::time::date(gathered.within.0, &jiff::tz::TimeZone::UTC);
    Answer {
        title: format!("{routers} on {names}, {day} \u{b7} vrrpctl report"),
        router,
        says,
        story,
        scope: format!(
            "{} of {routers} on {names} in {length}, {} to {}",
            counts(gathered),
            utc(gathered.within.0),
            utc(gathered.within.1)
        ),
        clocks: gathered.clocks.told.clone(),
        made: now,
    }
}

/// `3 transitions, 1 near failover and 2 other incidents; 1 undetermined`.
fn counts(gathered: &Gathered) -> String {
    let of = |is: &dyn Fn(&Happening) -> bool| {
        let all = gathered.judged.iter();
        all.filter(|one| is(&one.verdict.incident.what)).count() as u64
    };
    let two = |what: &Happening| matches!(what, Happening::TwoActive { .. });
    let (near, two) = (of(&|what| weight(what) == 1 && !two(what)), of(&two));
    let parts: Vec<String> = [
        (of(&|what| weight(what) == 0), "transition"),
        (near, "near failover"),
        (two, "time of two MASTERs"),
        (of(&|what| weight(what) == 2), "other incident"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| match what.split_once(" of ") {
        Some((first, rest)) => format!("{} of {rest}", Plural(count, first)),
        None => Plural(count, what).to_string(),
    })
    .collect();
    if parts.is_empty() {
        return String::from("no incident");
    }
    let unknown = gathered
        .judged
        .iter()
        .filter(|one| one.verdict.summary.starts_with("undetermined"))
        .count() as u64;
    let unknown = match unknown {
        0 => String::new(),
        count => format!(" ({count} undetermined)"),
    };
    format!("{}{unknown}", listed(&parts))
}

/// `a, b and c`.
fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::from("nobody"),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// `2026-11-24 18:06:02.699 UTC`.
pub(crate) fn utc(at: Time) -> String {
    let stamp = crate::render::time::stamp(at, &jiff::tz::TimeZone::UTC);
    format!("{stamp} UTC")
}
