//! Which transitions of a log are those of the capture, and which instance is which router.

use super::line::{About, Said};
use super::{APART, Entry};
use crate::cause::Cause;
use crate::event::Kind;
use crate::history::{History, Time};
use crate::text::Name;
use crate::words::Word;

/// Finds the transition among those of the capture, and gives it the log's reason and state where they say more.
pub(super) fn confirm(
    history: &mut History,
    router: Name,
    at: Time,
    grain: i64,
    word: Word,
    cause: Option<Cause>,
) -> bool {
    let near = history.events.iter_mut().filter_map(|event| {
        // The line was written after the fact, and its stamp is cut to its grain.
        let late = at.since(event.at);
        let within = late >= -grain && late <= APART;
        let Kind::Transition {
            router: name,
            to,
            cause,
            ..
        } = &mut event.event.kind
        else {
            return None;
        };
        (within && *name == router).then_some((late.abs(), to, cause))
    });
    let same = |to: Word| to == word || (to == Word::Backup && word == Word::Fault);
    let found = near
        .filter(|(_, to, seen)| same(**to) && (**to == word || **seen == Cause::Unseen))
        .min_by_key(|(late, ..)| *late);
    let Some((_, to, seen)) = found else {
        return false;
    };
    *to = word;
    if let (Cause::Unseen, Some(cause)) = (*seen, cause) {
        *seen = cause;
    }
    true
}

/// The state that the history had before.
pub(super) fn before(history: &History, router: Name, at: Time) -> Option<Word> {
    history
        .events
        .iter()
        .filter(|event| event.at <= at)
        .filter_map(|event| {
            let (Kind::Transition {
                router: name,
                to: state,
                ..
            }
            | Kind::Found {
                router: name,
                state,
            }) = event.event.kind
            else {
                return None;
            };
            (name == router).then_some(state)
        })
        .next_back()
}

/// Gives routers the names of the instances whose transitions meet theirs; where one of each is left, they meet.
pub(super) fn name_routers(entries: &[Entry], history: &mut History) {
    let mut names: Vec<&str> = Vec::new();
    for entry in entries {
        if let Said::Instance { name, .. } = &entry.said
            && !names.contains(&name.as_str())
        {
            names.push(name);
        }
    }
    let mut pairs: Vec<(usize, usize, usize)> = Vec::new();
    for (n, name) in names.iter().enumerate() {
        for (r, router) in history.routers.iter().enumerate() {
            let hits = entries
                .iter()
                .filter(|entry| meets(entry, name, &router.name, history))
                .count();
            pairs.push((hits, n, r));
        }
    }
    pairs.sort_by_key(|(hits, n, r)| (std::cmp::Reverse(*hits), *n, *r));
    let mut given: Vec<(usize, usize)> = Vec::new();
    let alone = names.len() == 1 && history.routers.len() == 1;
    for (hits, n, r) in pairs {
        let free = given
            .iter()
            .all(|(name, router)| *name != n && *router != r);
        let last = given.len() + 1 == names.len() && names.len() == history.routers.len();
        if free && (hits > 0 || alone || last) {
            given.push((n, r));
        }
    }
    for (n, r) in given {
        let (Some(name), Some(router)) = (names.get(n), history.routers.get_mut(r)) else {
            continue;
        };
        let old = Name::new(&std::mem::replace(&mut router.name, (*name).to_owned()));
        let new = Name::new(name);
        for event in &mut history.events {
            if let Kind::Transition { router, .. }
            | Kind::Found { router, .. }
            | Kind::LowerHeard { router, .. } = &mut event.event.kind
                && *router == old
            {
                *router = new;
            }
        }
    }
}

fn meets(entry: &Entry, instance: &str, router: &str, history: &History) -> bool {
    let Said::Instance {
        name,
        what: About::Entering { word, .. },
    } = &entry.said
    else {
        return false;
    };
    name == instance
        && history.events.iter().any(|event| {
            let Kind::Transition {
                router: name, to, ..
            } = &event.event.kind
            else {
                return false;
            };
            name.as_str() == router && to == word && entry.at.since(event.at).abs() <= APART
        })
}
