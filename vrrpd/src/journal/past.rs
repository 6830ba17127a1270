//! The last minutes of records in memory: what verdicts are made from while the daemon runs.
//!
//! Bounded in time and in number. The flight recorder holds more; this is what an explanation of the present needs, with
//! enough quiet time before it for a baseline.

use std::collections::VecDeque;

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
    sent: VecDeque<Sent>,
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
            let known = self.sent.iter_mut().rev().find(|sent| {
                (sent.router, sent.id, sent.due) == (settled.router, settled.id, settled.due)
            });
            if let Some(known) = known {
                *known = *settled;
            }
        }
        self.received.extend(&fresh.heard);
        self.rejected.extend(&fresh.rejected);
        self.stalls.extend(&fresh.stalls);
        self.samples.extend(&fresh.samples);
        let old = now.plus(-REACH);
        drop_old(&mut self.sent, |sent| sent.due < old);
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
        let mut records: Vec<Record> = self.sent.iter().copied().map(Record::Sent).collect();
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
            self.sent.front().map(|sent| sent.due),
            self.received.front().map(Received::at),
        ];
        let begin = begin.into_iter().flatten().min();
        History {
            node: about.node.clone(),
            runs: vec![about.run.clone()],
            routers: about.routers.clone(),
            sent: self.sent.iter().copied().collect(),
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
