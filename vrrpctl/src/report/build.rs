//! From everything that was gathered to what is drawn, within bounds. Pure.

use vrrp_record::event::Kind;
use vrrp_record::history::Time;
use vrrp_record::quantity::{Count, Plural};

use super::adverts::{Adverts, Chosen, Joins};
use super::cells::Cells;
use super::gather::{Gathered, weight};
use super::groups::{Group, Rail, rails};
use super::host;
use super::model::{self, Bounds, Model};
use crate::commands::{frame, timeline};

const MINUTE: i64 = 60_000_000_000;
/// Minutes that a cell may stand for.
const BINS: [i64; 9] = [1, 2, 5, 10, 30, 60, 180, 720, 1_440];
/// What is shown before and after the story that answers.
const BEFORE: i64 = 12_000_000_000;
const AFTER: i64 = 8_000_000_000;
/// A longer story is shown from its beginning.
const LONGEST: i64 = 120_000_000_000;
/// Longest name that is drawn.
const NAME: usize = 64;

/// Makes the model. `names` are the routers asked for; empty means all.
pub(crate) fn build(gathered: &Gathered, names: &[String], bounds: Bounds) -> Model {
    let (nodes, clocks) = (&gathered.nodes, &gathered.clocks);
    let within = gathered.within;
    let base = Time(within.0.0.div_euclid(MINUTE).saturating_mul(MINUTE));
    let micros = |at: Time| at.since(base).div_euclid(1_000);
    let mut left_out = Vec::new();

    let groups = groups(gathered, names, bounds.routers, &mut left_out);
    let incidents = incidents(gathered, &groups, micros, bounds.verdicts);

    let all_rails: Vec<Vec<Rail>> = groups
        .iter()
        .map(|group| rails(group, nodes, clocks))
        .collect();
    let joins = Joins::of(nodes);
    let adverts: Vec<Adverts> = groups
        .iter()
        .zip(&all_rails)
        .map(|(group, rails)| Adverts::of(group, rails, nodes, clocks, &joins, within))
        .collect();
    let chosen = Chosen::of(&adverts, &incidents, base, bounds.adverts);
    if chosen.drawn < chosen.all {
        left_out.push(format!(
            "{} of {} recorded adverts are drawn one by one, those around incidents and the latest; the others by the minute",
            Count(chosen.drawn as u64),
            Count(chosen.all as u64)
        ));
    }
    let strangers: u64 = adverts.iter().map(|adverts| adverts.without_rail).sum();
    if strangers > 0 {
        left_out.push(format!(
            "{} of further senders are not drawn: see vrrpctl peers",
            Plural(strangers, "advert")
        ));
    }

    let bin = bin(gathered, bounds.cells, &mut left_out);
    let rail_count = all_rails.iter().map(Vec::len).sum::<usize>().max(1);
    let phases = (bounds.phases / rail_count).max(1);
    let mut routers = Vec::new();
    for (position, ((group, rails), adverts)) in
        groups.iter().zip(all_rails).zip(adverts).enumerate()
    {
        let (name, what) = group.title(nodes);
        let (interval, limit) = group.limits(nodes);
        let places = group
            .positions
            .iter()
            .enumerate()
            .filter_map(|(place, router)| Some((place, (*router)?)));
        let bands = places.clone().filter_map(|(place, router)| {
            gathered.cells[place].bands(place, router, bin, base, |at| clocks.by_first(place, at))
        });
        routers.push(model::Router {
            name: short(&name),
            what,
            interval,
            limit,
            rails: rails
                .into_iter()
                .map(|rail| rail.drawn(phases, micros))
                .collect(),
            tracks: adverts.tracks(|at| chosen.has(position, at, base), base),
            bands: bands.collect(),
            stages: places
                .flat_map(|(place, router)| gathered.cells[place].stages(place, router))
                .collect(),
        });
    }

    let events = events(gathered, &groups, micros, bounds.events, &mut left_out);
    if gathered.unjudged > 0 {
        let more = Plural(gathered.unjudged as u64, "incident");
        left_out.push(format!(
            "{more} of less weight are not judged: choose a time with --since and --until"
        ));
    }
    Model {
        schema: model::SCHEMA,
        states: model::STATES,
        base_unix_ms: base.unix_ms(),
        from: micros(within.0),
        until: micros(within.1),
        focus: focus(gathered).map(|(from, until)| (micros(from), micros(until))),
        focus_router: incidents
            .iter()
            .find(|incident| Some(incident.verdict) == gathered.story)
            .and_then(|incident| incident.router),
        bin,
        nodes: drawn_nodes(gathered, bounds.phases, micros),
        routers,
        host: host::series(nodes, clocks, within, base, bounds.points),
        stalls: host::stalls(nodes, clocks, within, micros, bounds.points / 20 + 1),
        events,
        incidents,
        left_out,
    }
}

/// The virtual routers that are drawn, those with most trouble first.
fn groups(
    gathered: &Gathered,
    names: &[String],
    most: usize,
    left_out: &mut Vec<String>,
) -> Vec<Group> {
    let mut groups = Group::all(&gathered.nodes, names);
    let trouble = |group: &Group| {
        let own = gathered.judged.iter().filter(|one| {
            let incident = &one.verdict.incident;
            weight(&incident.what) < 2
                && incident.router.is_some()
                && group.positions[one.node] == incident.router
        });
        std::cmp::Reverse(own.count())
    };
    groups.sort_by_cached_key(trouble);
    if groups.len() > most {
        left_out.push(format!(
            "{} with less trouble are not drawn: choose with --router",
            Plural((groups.len() - most) as u64, "router")
        ));
        groups.truncate(most);
    }
    groups
}

/// Minutes of a band's cell, so that no more than `most` are drawn.
fn bin(gathered: &Gathered, most: usize, left_out: &mut Vec<String>) -> i64 {
    let count: usize = gathered.cells.iter().map(Cells::count).sum();
    let fits = |bin: &i64| count / usize::try_from(*bin).unwrap_or(1) <= most;
    let bin = BINS.into_iter().find(fits).unwrap_or(BINS[BINS.len() - 1]);
    if bin > 1 {
        left_out.push(format!("a band's cell stands for {bin} minutes"));
    }
    bin
}

fn drawn_nodes(gathered: &Gathered, most: usize, micros: impl Fn(Time) -> i64) -> Vec<model::Node> {
    let drawn = gathered.nodes.iter().enumerate().map(|(place, node)| {
        let by_first = |at| micros(gathered.clocks.by_first(place, at));
        let detailed = &node.history.detailed;
        // Stretches are few, unless damage cut them.
        let skip = detailed.len().saturating_sub(most);
        model::Node {
            name: short(&node.name()),
            detailed: detailed
                .iter()
                .skip(skip)
                .map(|(from, until)| (by_first(*from), by_first(*until)))
                .collect(),
        }
    });
    drawn.collect()
}

/// A name that does not burst the page.
fn short(name: &str) -> String {
    if name.chars().count() <= NAME {
        return name.to_owned();
    }
    let begin: String = name.chars().take(NAME - 1).collect();
    format!("{begin}\u{2026}")
}

/// The position of the virtual router that a node has at a place.
fn group_of(groups: &[Group], node: usize, router: Option<u16>) -> Option<usize> {
    router?;
    groups
        .iter()
        .position(|group| group.positions.get(node).copied().flatten() == router)
}

fn incidents(
    gathered: &Gathered,
    groups: &[Group],
    micros: impl Fn(Time) -> i64,
    most: usize,
) -> Vec<model::Incident> {
    let mut shown: Vec<usize> = (0..gathered.judged.len()).collect();
    // The story that answers is never left out.
    shown.sort_by_key(|position| {
        let one = &gathered.judged[*position];
        let first = gathered.story == Some(*position);
        (
            !first,
            weight(&one.verdict.incident.what),
            std::cmp::Reverse(one.at),
        )
    });
    shown.truncate(most);
    shown.sort_unstable();
    shown
        .into_iter()
        .map(|position| {
            let one = &gathered.judged[position];
            let verdict = &one.verdict;
            let incident = &verdict.incident;
            let by_first = |at| micros(gathered.clocks.by_first(one.node, at));
            model::Incident {
                from: by_first(incident.from),
                at: micros(one.at),
                until: by_first(incident.until),
                node: one.node,
                router: group_of(groups, one.node, incident.router),
                number: incident
                    .number
                    .map(|number| format!("#{number}"))
                    .unwrap_or_default(),
                weight: weight(&incident.what),
                headline: verdict.headline.clone(),
                summary: verdict.summary.clone(),
                verdict: position,
            }
        })
        .collect()
}

/// The latest events that belong to the story.
fn events(
    gathered: &Gathered,
    groups: &[Group],
    micros: impl Fn(Time) -> i64,
    most: usize,
    left_out: &mut Vec<String>,
) -> Vec<model::Event> {
    let mut events = Vec::new();
    for (place, node) in gathered.nodes.iter().enumerate() {
        for event in &node.history.events {
            let at = gathered.clocks.by_first(place, event.at);
            let kind = &event.event.kind;
            let inside = gathered.within.0 <= at && at <= gathered.within.1;
            if !inside || !timeline::matters(kind) {
                continue;
            }
            let position = kind.router().and_then(|name| {
                let mut routers = node.history.routers.iter();
                routers.position(|router| router.name == name.as_str())
            });
            let position = position.and_then(|position| u16::try_from(position).ok());
            let router = group_of(groups, place, position);
            // Of a router that was not asked for.
            if kind.router().is_some() && router.is_none() {
                continue;
            }
            let number = kind.number().map(|number| format!("#{number} "));
            let text = frame::sentence(node, kind);
            events.push(model::Event {
                at: micros(at),
                node: place,
                router,
                text: format!("{}{text}", number.unwrap_or_default()),
                transition: matches!(kind, Kind::Transition { from, to, .. } if from != to),
            });
        }
    }
    events.sort_by_key(|event| event.at);
    let more = events.len().saturating_sub(most);
    if more > 0 {
        left_out.push(format!(
            "{} are not marked: see vrrpctl timeline",
            Plural(more as u64, "earlier event")
        ));
        events.drain(..more);
    }
    events
}

/// What the page shows first: the story that answers.
fn focus(gathered: &Gathered) -> Option<(Time, Time)> {
    let one = gathered.judged.get(gathered.story?)?;
    let incident = &one.verdict.incident;
    let by_first = |at| gathered.clocks.by_first(one.node, at);
    let from = by_first(incident.from.min(incident.at)).plus(-BEFORE);
    let until = by_first(incident.until.max(incident.at));
    let until = until.min(from.plus(LONGEST)).plus(AFTER);
    let (first, last) = gathered.within;
    // As long as before, also at the ends of the records.
    let length = until.since(from);
    let until = until.min(last);
    let from = from.min(until.plus(-length)).max(first);
    Some((from, until.max(from.plus(length).min(last))))
}
