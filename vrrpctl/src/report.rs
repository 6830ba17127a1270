//! `report`: one page to look at, that needs nothing but a browser. What is drawn is a model, made without input or output;
//! the page around it is files of its own.

use vrrp_record::history::Time;

mod adverts;
mod answer;
mod build;
mod cells;
mod clocks;
mod gather;
mod groups;
mod host;
mod html;
mod model;
mod words;

pub(crate) use gather::{Gathered, gather};

use model::{Bounds, Model};

/// Largest page in bytes.
pub(crate) const LIMIT: usize = 5_000_000;
/// How often the bounds are halved at most: then little more than the page itself is left.
const TRIES: usize = 16;

/// A page of at most [`LIMIT`] bytes: as much of everything as fits. None where not even the smallest does.
pub(crate) fn page(gathered: &Gathered, names: &[String], now: Time) -> Option<String> {
    within(gathered, names, now, LIMIT)
}

fn within(gathered: &Gathered, names: &[String], now: Time, limit: usize) -> Option<String> {
    let mut bounds = Bounds::USUAL;
    for _ in 0..TRIES {
        let model = build::build(gathered, names, bounds);
        let answer = answer::answer(gathered, &model, now);
        let verdicts = words::verdicts(gathered, &model);
        let page = html::page(&model, &answer, &gathered.nodes, &verdicts);
        if page.len() <= limit {
            return Some(page);
        }
        bounds = bounds.halved();
    }
    None
}

/// The model alone, for other programs.
pub(crate) fn model(gathered: &Gathered, names: &[String]) -> Model {
    build::build(gathered, names, Bounds::USUAL)
}

#[cfg(test)]
mod tests;
