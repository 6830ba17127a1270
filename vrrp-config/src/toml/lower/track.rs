//! Tracked scripts and interfaces.

use super::Context;
use crate::plan::{ScriptPlan, TrackPlan};
use crate::toml::schema::Tracks;
use crate::toml::value::TextOr;

/// Tracked scripts, all of which are defined in the file.
pub(super) fn scripts(
    tracks: &Tracks,
    known: &[ScriptPlan],
    context: &mut Context<'_, '_>,
) -> Vec<TrackPlan> {
    let mut plans = Vec::new();
    for entry in tracks {
        let name = name(entry.get_ref());
        let Some(script) = known.iter().find(|script| script.name == name) else {
            let message = format!("there is no usable script '{name}'");
            context.refuse(
                entry.span(),
                message,
                "correct the name, or define it in a [[script]] table",
            );
            continue;
        };
        push(entry, script.weight, script.reverse, &mut plans, context);
    }
    plans
}

/// Tracked interfaces; the router's own one is watched in any case.
pub(super) fn interfaces(
    tracks: &Tracks,
    own: Option<&str>,
    context: &mut Context<'_, '_>,
) -> Vec<TrackPlan> {
    let mut plans = Vec::new();
    for entry in tracks {
        let name = name(entry.get_ref());
        context.interface(name, entry.span());
        if own == Some(name) {
            let message =
                format!("'{name}' is the router's own interface, which is watched in any case");
            context.refuse(entry.span(), message, "remove it from track_interfaces");
        }
        push(entry, 0, false, &mut plans, context);
    }
    plans
}

type Entry = toml::Spanned<TextOr<crate::toml::schema::Track>>;

fn name(entry: &TextOr<crate::toml::schema::Track>) -> &str {
    match entry {
        TextOr::Text(name) => name,
        TextOr::More(more) => &more.name,
    }
}

fn push(
    entry: &Entry,
    weight: i16,
    reverse: bool,
    plans: &mut Vec<TrackPlan>,
    context: &mut Context<'_, '_>,
) {
    let name = name(entry.get_ref()).to_owned();
    if plans.iter().any(|plan| plan.name == name) {
        context.refuse(
            entry.span(),
            format!("'{name}' is tracked twice"),
            "keep one of the two",
        );
    }
    let (weight, reverse) = match entry.get_ref() {
        TextOr::Text(_) => (weight, reverse),
        TextOr::More(more) => (
            context.number(more.weight.as_ref(), "weight", -253..=253, weight),
            more.reverse.unwrap_or(reverse),
        ),
    };
    plans.push(TrackPlan {
        name,
        weight,
        reverse,
    });
}
