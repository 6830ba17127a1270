//! The last minutes of records in memory: what verdicts are made from while the daemon runs.
//!
//! Bounded in time and in number. The flight recorder holds more; this is what an explanation of the present needs, with
//! enough quiet time before it for a baseline.

use std::collections::{HashMap, VecDeque};

use vrrp_config::plan::{Plan, RouterPlan, VipPlan};
use vrrp_proto::units::{Family, Version};
use vrrp_record::event::Event;
use vrrp_record::history::{
    History, Node, Numbered, Received, Rejected, Router, Run, Sample, Sent, Stall, Time,
};
use vrrp_record::ring::{Record, RunHeader};
use vrrp_record::status::Unavailable;

use super::records::{Fresh, nanos};

/// How far back it reaches, in nanoseconds.
const REACH: i64 = 300_000_000_000;
/// Records of one kind: a thousand adverts a second for five minutes.
const MOST: usize = 300_000;

/// The last minutes.
#[derive(Debug, Default)]
pub(super) struct Past {
    sent: Adverts,
    received: VecDeque<Received>,
    rejected: VecDeque<Rejected>,
    stalls: VecDeque<Stall>,
    samples: VecDeque<Sample>,
    events: VecDeque<Numbered>,
}

impl Past {
    /// Adds what came, and lets go of what is too old.
    pub(super) fn add(&mut self, fresh: &Fresh, now: Time) {
        self.sent.extend(&fresh.due);
        for settled in fresh.settled.iter().chain(&fresh.amended) {
            self.sent.settle(settled);
        }
        self.received.extend(&fresh.heard);
        self.rejected.extend(&fresh.rejected);
        self.stalls.extend(&fresh.stalls);
        self.samples.extend(&fresh.samples);
        let old = now.plus(-REACH);
        self.sent.drop_before(old);
        drop_old(&mut self.received, |received| received.read < old);
        drop_old(&mut self.rejected, |rejected| rejected.at < old);
        drop_old(&mut self.stalls, |stall| stall.at < old);
        drop_old(&mut self.samples, |sample| sample.at < old);
        drop_old(&mut self.events, |event| event.at < old);
    }

    /// Adds an event.
    pub(super) fn event(&mut self, at: Time, event: Event) {
        self.events.push_back(Numbered { at, run: 0, event });
    }

    /// Records and counters after `from` and up to `until`.
    pub(super) fn between(&self, from: Time, until: Time) -> (Vec<Record>, Vec<Sample>) {
        let within = |at: Time| from < at && at <= until;
        let mut records: Vec<Record> = self
            .sent
            .records
            .iter()
            .copied()
            .map(Record::Sent)
            .collect();
        records.extend(self.received.iter().copied().map(Record::Received));
        records.extend(self.rejected.iter().copied().map(Record::Rejected));
        records.extend(self.stalls.iter().copied().map(Record::Stall));
        records.retain(|record| within(record.at()));
        records.sort_by_key(Record::at);
        let samples = self.samples.iter().copied();
        (
            records,
            samples.filter(|sample| within(sample.at)).collect(),
        )
    }

    /// Everything of the routers of a plan.
    pub(super) fn history(&self, about: &About, now: Time) -> History {
        let begin = [
            self.sent.records.front().map(|sent| sent.due),
            self.received.front().map(Received::at),
        ];
        let begin = begin.into_iter().flatten().min();
        History {
            node: about.node.clone(),
            runs: vec![about.run.clone()],
            routers: about.routers.clone(),
            sent: self.sent.records.iter().copied().collect(),
            received: self.received.iter().copied().collect(),
            rejected: self.rejected.iter().copied().collect(),
            stalls: self.stalls.iter().copied().collect(),
            samples: self.samples.iter().copied().collect(),
            events: self.events.iter().copied().collect(),
            unavailable: about.unavailable.clone(),
            detailed: begin.map(|begin| (begin, now)).into_iter().collect(),
            ..History::default()
        }
    }
}

fn drop_old<T>(records: &mut VecDeque<T>, old: impl Fn(&T) -> bool) {
    while records.len() > MOST || records.front().is_some_and(&old) {
        records.pop_front();
    }
}

/// Adverts of the last minutes, of which more becomes known once their stamps have come.
#[derive(Debug, Default)]
struct Adverts {
    records: VecDeque<Sent>,
    /// How many have been let go.
    dropped: u64,
    /// Those that wait, by router and number: how many were added before each.
    waiting: HashMap<(u16, u16), u64>,
}

impl Adverts {
    fn extend(&mut self, due: &[Sent]) {
        for sent in due {
            let before = self.dropped + u64::try_from(self.records.len()).unwrap_or(u64::MAX);
            self.waiting.insert((sent.router, sent.id), before);
            self.records.push_back(*sent);
        }
    }

    fn settle(&mut self, settled: &Sent) {
        let same = |sent: &Sent| {
            (sent.router, sent.id, sent.due) == (settled.router, settled.id, settled.due)
        };
        let before = self.waiting.remove(&(settled.router, settled.id));
        let place = before
            .and_then(|before| usize::try_from(before.checked_sub(self.dropped)?).ok())
            .filter(|place| self.records.get(*place).is_some_and(same))
            // Settled before, and amended now.
            .or_else(|| self.records.iter().rposition(same));
        if let Some(known) = place.and_then(|place| self.records.get_mut(place)) {
            *known = *settled;
        }
    }

    fn drop_before(&mut self, old: Time) {
        while self.records.len() > MOST || self.records.front().is_some_and(|sent| sent.due < old) {
            if let Some(gone) = self.records.pop_front() {
                let key = (gone.router, gone.id);
                if self.waiting.get(&key) == Some(&self.dropped) {
                    self.waiting.remove(&key);
                }
                self.dropped += 1;
            }
        }
    }
}

/// What records are about.
#[derive(Clone, Debug)]
pub(super) struct About {
    pub(super) node: Node,
    pub(super) run: Run,
    pub(super) routers: Vec<Router>,
    pub(super) unavailable: Vec<Unavailable>,
}

impl About {
    /// The routers of a plan on this host.
    pub(super) fn new(plan: &Plan, run: &RunHeader) -> Self {
        let routers: Vec<Router> = plan.routers.iter().map(router).collect();
        Self {
            node: Node {
                addresses: routers.iter().filter_map(|router| router.source).collect(),
                ..run.node()
            },
            run: run.run(None, false),
            routers,
            unavailable: Vec::new(),
        }
    }
}

fn router(plan: &RouterPlan) -> Router {
    let addresses = plan.addresses.iter();
    Router {
        name: plan.name.clone(),
        interface: plan.interface.clone(),
        vrid: plan.vrid.as_u8(),
        ipv6: plan.family == Family::V6,
        version: match plan.version {
            Version::V2 => 2,
            Version::V3 => 3,
        },
        source: plan.source,
        interval: nanos(plan.interval.as_duration()),
        priority: plan.priority.as_u8(),
        preempt: plan.preempt,
        down_adverts: plan.down_adverts,
        addresses: addresses.map(|VipPlan { address, .. }| *address).collect(),
    }
}
