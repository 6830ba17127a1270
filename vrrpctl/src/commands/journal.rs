//! `journal`: records one by one, filtered, each once.

use std::collections::HashSet;
use std::net::IpAddr;

use vrrp_record::event::Kind;
use vrrp_record::history::{
    History, Numbered, Received, Rejected, Sample, Sent, Stall, Time, Unit,
};

use crate::cli::{JournalArgs, KindName};
use crate::source::Node;

mod gaps;
mod people;
mod programs;

pub(crate) use gaps::Gaps;
pub(crate) use people::{stall_words, text};
pub(crate) use programs::{header, json_lines, lines};

/// One record and what stands around it.
pub(crate) struct Item<'a> {
    node: &'a Node,
    at: Time,
    record: Record<'a>,
    /// Since the advert before of the same sender and router.
    gap: Option<u64>,
}

/// A record of any kind.
#[derive(Clone, Copy)]
enum Record<'a> {
    Sent(&'a Sent),
    Heard(&'a Received),
    Rejected(&'a Rejected),
    Stall(&'a Stall),
    Event(&'a Numbered),
    Sample(&'a Sample),
}

/// What is wanted, from the command line.
pub(crate) struct Filter<'a> {
    arguments: &'a JournalArgs,
    between: Option<(Time, Time)>,
    kinds: Vec<KindName>,
}

impl<'a> Filter<'a> {
    /// Filters of a command line.
    pub(crate) fn new(arguments: &'a JournalArgs, between: Option<(Time, Time)>) -> Self {
        let mut kinds = arguments.kind.clone();
        if kinds.is_empty() {
            // Who asks about adverts wants adverts; else ordinary ones would drown the rest.
            kinds = if arguments.ids.is_some() || arguments.apart.is_some() {
                vec![KindName::Adverts]
            } else {
                vec![KindName::Rejected, KindName::Stalls, KindName::Events]
            };
        }
        Self {
            arguments,
            between,
            kinds,
        }
    }

    /// Whether adverts are wanted at all.
    pub(crate) fn adverts(&self) -> bool {
        let without = [KindName::Events, KindName::Transitions, KindName::Samples];
        self.kinds.iter().any(|kind| !without.contains(kind))
    }

    /// Whether samples are wanted.
    pub(crate) fn samples(&self) -> bool {
        self.kinds
            .iter()
            .any(|kind| matches!(kind, KindName::Samples | KindName::All))
    }

    fn kind(&self, record: Record<'_>) -> bool {
        self.kinds.iter().any(|kind| match kind {
            KindName::All => true,
            KindName::Sent => matches!(record, Record::Sent(_)),
            KindName::Heard => matches!(record, Record::Heard(_)),
            KindName::Adverts => matches!(record, Record::Sent(_) | Record::Heard(_)),
            KindName::Rejected => matches!(record, Record::Rejected(_)),
            KindName::Stalls => matches!(record, Record::Stall(_)),
            KindName::Events => matches!(record, Record::Event(_)),
            KindName::Transitions => {
                matches!(record, Record::Event(event) if matches!(event.event.kind, Kind::Transition { .. }))
            }
            KindName::Samples => matches!(record, Record::Sample(_)),
        })
    }

    fn router(&self, history: &History, record: Record<'_>) -> bool {
        let wanted = &self.arguments.reading.router;
        if wanted.is_empty() {
            return true;
        }
        match name(history, record) {
            Some(name) => wanted.contains(&name),
            None => matches!(
                record,
                Record::Event(_) | Record::Stall(_) | Record::Sample(_)
            ),
        }
    }

    fn takes(&self, item: &Item<'_>) -> bool {
        let inside = self
            .between
            .is_none_or(|(from, until)| (from..=until).contains(&item.at));
        let numbered = self
            .arguments
            .ids
            .as_ref()
            .is_none_or(|ids| match item.record {
                Record::Sent(sent) => ids.contain(sent.id),
                Record::Heard(one) => one.id.is_some_and(|id| ids.contain(id)),
                Record::Rejected(_) | Record::Stall(_) | Record::Event(_) | Record::Sample(_) => {
                    false
                }
            });
        let apart = self.arguments.apart.is_none_or(|apart| {
            item.gap
                .is_some_and(|gap| i64::try_from(gap).unwrap_or(i64::MAX) > apart)
        });
        inside
            && numbered
            && apart
            && self.kind(item.record)
            && self.router(&item.node.history, item.record)
    }
}

fn name(history: &History, record: Record<'_>) -> Option<String> {
    let position = match record {
        Record::Sent(sent) => sent.router,
        Record::Heard(one) => one.router,
        Record::Rejected(one) => one.router,
        Record::Event(event) => return event.event.kind.router().map(ToString::to_string),
        Record::Stall(_) | Record::Sample(_) => return None,
    };
    history
        .routers
        .get(usize::from(position))
        .map(|router| router.name.clone())
}

/// The records that pass, by time. `gaps` remembers the adverts of pieces before this one.
pub(crate) fn gather<'a>(nodes: &'a [Node], filter: &Filter<'_>, gaps: &mut Gaps) -> Vec<Item<'a>> {
    let mut items = Vec::new();
    for node in nodes {
        let (name, history) = (node.name(), &node.history);
        let known = (name.as_str(), history);
        let mut add = |at: Time, record: Record<'a>, gap: Option<u64>| {
            let item = Item {
                node,
                at,
                record,
                gap,
            };
            if filter.takes(&item) {
                items.push(item);
            }
        };
        for sent in &history.sent {
            let left = sent.left.or(sent.submitted);
            let gap = left.and_then(|left| gaps.since_last(known, (sent.router, None), left));
            add(sent.due, Record::Sent(sent), gap);
        }
        for one in &history.received {
            let gap = gaps.since_last(known, (one.router, Some(one.from)), one.at());
            add(one.at(), Record::Heard(one), gap);
        }
        history
            .rejected
            .iter()
            .for_each(|one| add(one.at, Record::Rejected(one), None));
        history
            .stalls
            .iter()
            .for_each(|stall| add(stall.at, Record::Stall(stall), None));
        history
            .events
            .iter()
            .for_each(|event| add(event.at, Record::Event(event), None));
        history
            .samples
            .iter()
            .for_each(|sample| add(sample.at, Record::Sample(sample), None));
    }
    gaps.piece_ends();
    items.sort_by_key(|item| item.at);
    items
}

/// What makes a record the same one in another reading.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    node: String,
    at: Time,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum What {
    Sent(u16, u16),
    Heard(u16, IpAddr, Option<u16>),
    Rejected(u16, IpAddr, u8),
    Stall(Time),
    Event(u64),
    Sample(Unit, u32),
}

impl Key {
    fn of(item: &Item<'_>) -> Self {
        let what = match item.record {
            Record::Sent(sent) => What::Sent(sent.router, sent.id),
            Record::Heard(one) => What::Heard(one.router, one.from, one.id),
            Record::Rejected(one) => What::Rejected(one.router, one.from, one.reason),
            Record::Stall(stall) => What::Stall(stall.due),
            Record::Event(event) => What::Event(event.event.seq),
            Record::Sample(sample) => What::Sample(sample.unit, sample.object),
        };
        Self {
            node: item.node.name(),
            at: item.at,
            what,
        }
    }
}

/// Leaves each record once of a long record in pieces, or of one that still grows.
#[derive(Default)]
pub(crate) struct Printed {
    /// What was handed out last, and whatever of it comes again.
    keys: HashSet<Key>,
    /// What a later piece holds too.
    again: HashSet<Key>,
}

impl Printed {
    /// Remembers these when they come, until they have come again.
    pub(crate) fn expect_again(&mut self, items: &[Item<'_>]) {
        self.again.extend(items.iter().map(Key::of));
    }

    /// Leaves what did not come before. Forgets all but what came just now and what is expected again.
    pub(crate) fn fresh<'a>(&mut self, items: Vec<Item<'a>>) -> Vec<Item<'a>> {
        let mut here = HashSet::with_capacity(items.len());
        let mut fresh = items;
        fresh.retain(|item| {
            let key = Key::of(item);
            let known = self.keys.contains(&key);
            here.insert(key) && !known
        });
        self.keys.retain(|key| self.again.contains(key));
        self.keys.extend(here);
        fresh
    }
}
