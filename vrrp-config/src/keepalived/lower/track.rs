//! `track_script` and `track_interface`, of instances and of sync groups.

use super::Context;
use super::script::ScriptDraft;
use super::value::{integer, quoted};
use crate::keepalived::tree::Node;
use crate::plan::TrackPlan;
use crate::source::Span;

/// One tracked thing and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Track {
    pub(super) plan: TrackPlan,
    pub(super) span: Span,
}

/// What an entry says beside its name.
#[derive(Clone, Copy, Debug, Default)]
struct Weight {
    value: Option<i16>,
    reverse: Option<bool>,
    /// keepalived drops the entry of a script with an unknown option and keeps that of an interface.
    unknown_option: bool,
    /// `weight` without a value drops the entry of either.
    no_value: bool,
}

/// Reads `track_script`: only scripts that were defined above are found.
pub(super) fn scripts(
    node: &Node,
    known: &[ScriptDraft],
    tracks: &mut Vec<Track>,
    context: &mut Context<'_>,
) {
    for entry in context.block(node) {
        context.no_block(entry);
        let name = &entry.keyword;
        let Some(script) = known.iter().find(|script| script.plan.name == name.text) else {
            let message = format!(
                "no vrrp_script {} is defined above; it is NOT tracked",
                quoted(&name.text)
            );
            context.complain(
                name.span,
                message,
                "correct the name, or move its vrrp_script block above this instance",
            );
            continue;
        };
        let weight = weight(entry, context);
        if weight.no_value || weight.unknown_option {
            let message = format!(
                "script {} is NOT tracked because of its options",
                quoted(&name.text)
            );
            context.complain(
                name.span,
                message,
                "write NAME or NAME weight NUMBER [reverse], one script a line",
            );
        } else if tracks.iter().any(|track| track.plan.name == name.text) {
            duplicate(name.text.as_str(), name.span, context);
        } else {
            tracks.push(Track {
                plan: TrackPlan {
                    name: name.text.clone(),
                    weight: weight.value.unwrap_or(script.plan.weight),
                    reverse: weight.reverse.unwrap_or(script.plan.reverse),
                },
                span: name.span,
            });
        }
    }
}

/// Reads `track_interface`.
pub(super) fn interfaces(node: &Node, tracks: &mut Vec<Track>, context: &mut Context<'_>) {
    for entry in context.block(node) {
        context.no_block(entry);
        let Some(name) = context.interface(&entry.keyword) else {
            continue;
        };
        let weight = weight(entry, context);
        if weight.no_value {
            let message = format!(
                "interface {} is NOT tracked because of its options",
                quoted(&name)
            );
            context.complain(
                entry.keyword.span,
                message,
                "write NAME or NAME weight NUMBER [reverse]",
            );
        } else if tracks.iter().any(|track| track.plan.name == name) {
            duplicate(&name, entry.keyword.span, context);
        } else {
            let plan = TrackPlan {
                name,
                weight: weight.value.unwrap_or(0),
                reverse: weight.reverse.unwrap_or(false),
            };
            tracks.push(Track {
                plan,
                span: entry.keyword.span,
            });
        }
    }
}

fn duplicate(name: &str, span: Span, context: &mut Context<'_>) {
    context.complain(
        span,
        format!("{} is tracked already; this entry is ignored", quoted(name)),
        "remove one of the two",
    );
}

fn weight(entry: &Node, context: &mut Context<'_>) -> Weight {
    let mut result = Weight::default();
    let mut words = entry.arguments.iter();
    while let Some(word) = words.next() {
        match word.text.as_str() {
            "weight" => match words.next() {
                None => result.no_value = true,
                Some(number) => result.value = value(number, context).or(result.value),
            },
            "reverse" => result.reverse = Some(true),
            "noreverse" => result.reverse = Some(false),
            other => {
                let message = format!(
                    "{} is no option of a tracked entry and is ignored",
                    quoted(other)
                );
                context.complain(
                    word.span,
                    message,
                    "one entry a line: NAME weight NUMBER [reverse]",
                );
                result.unknown_option = true;
            }
        }
    }
    result
}

/// −253…253; ±254 is clipped, anything else ignored, both with a complaint.
fn value(word: &crate::keepalived::token::Word, context: &mut Context<'_>) -> Option<i16> {
    if matches!(integer(&word.text, &(-254..=254)), Ok(-254 | 254)) {
        let clipped = if word.text.starts_with('-') {
            -253
        } else {
            253
        };
        let message = format!(
            "weight {} is out of range; {clipped} is used",
            quoted(&word.text)
        );
        context.complain(word.span, message, "write a whole number from -253 to 253");
        return Some(clipped);
    }
    let value = context.number_of("weight", word, &(-253..=253), "it is ignored")?;
    i16::try_from(value.value).ok()
}
