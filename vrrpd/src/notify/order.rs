//! Which calls may be made now: each router's in the order of its changes, a group's after its members', and none before
//! the kernel work that it tells of.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;
use vrrp_proto::router::{AddressState, RouterId};

use crate::mail::Letter;
use crate::runner::Program;

/// What a change calls for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A program with all its words.
    Program(Program),
    /// A line in every FIFO.
    Line(String),
    /// A letter.
    Letter(Letter),
}

/// Something to start, write or send, and what it tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) what: What,
    /// Router or group.
    pub(super) name: String,
    /// Of which state or event.
    pub(super) word: &'static str,
}

/// How long a change waits for the kernel's confirmation; by then safety rule 5 has given an Active without addresses up,
/// and the longest hold of a release is over.
const KERNEL_BOUND: Duration = Duration::from_millis(2_500);

/// What the kernel must have done first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kernel {
    /// Every address is there.
    Present,
    /// No address is there.
    Absent,
}

/// Whom a change is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Router(RouterId),
    Group(String),
}

#[derive(Debug)]
struct Entry {
    subject: Subject,
    /// Routers whose earlier changes come first, beside the subject's own.
    after: Vec<RouterId>,
    calls: Vec<Call>,
    gate: Option<(Kernel, Instant)>,
}

/// Changes in the order in which they happened, minus those whose calls were made.
#[derive(Debug, Default)]
pub(super) struct Order {
    entries: Vec<Entry>,
    addresses: HashMap<RouterId, AddressState>,
}

impl Order {
    pub(super) fn add(
        &mut self,
        subject: Subject,
        after: Vec<RouterId>,
        calls: Vec<Call>,
        kernel: Option<Kernel>,
    ) {
        if calls.is_empty() {
            return;
        }
        let until = Instant::now() + KERNEL_BOUND;
        self.entries.push(Entry {
            subject,
            after,
            calls,
            gate: kernel.map(|kernel| (kernel, until)),
        });
    }

    pub(super) fn addresses(&mut self, id: RouterId, state: AddressState) {
        self.addresses.insert(id, state);
    }

    /// Nothing waits for the kernel any more.
    pub(super) fn open_all(&mut self) {
        for entry in &mut self.entries {
            entry.gate = None;
        }
    }

    /// When the next change has waited long enough.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let waiting = self.entries.iter().filter_map(|entry| entry.gate);
        waiting.map(|(_, until)| until).min()
    }

    /// The calls that may be made now, in order.
    pub(super) fn take_ready(&mut self, now: Instant) -> Vec<Call> {
        let mut ready = Vec::new();
        let mut waiting: HashSet<RouterId> = HashSet::new();
        let mut waiting_groups: HashSet<String> = HashSet::new();
        let addresses = &self.addresses;
        self.entries.retain_mut(|entry| {
            let blocked = match &entry.subject {
                Subject::Router(id) => waiting.contains(id),
                Subject::Group(name) => waiting_groups.contains(name),
            };
            let held = blocked
                || entry.after.iter().any(|id| waiting.contains(id))
                || entry.gate.is_some_and(|(kernel, until)| {
                    now < until && !has_done(addresses, &entry.subject, kernel)
                });
            if held {
                match &entry.subject {
                    Subject::Router(id) => waiting.insert(*id),
                    Subject::Group(name) => waiting_groups.insert(name.clone()),
                };
            } else {
                ready.append(&mut entry.calls);
            }
            held
        });
        ready
    }
}

/// Whether the kernel has done what a change waits for, as far as it has told.
fn has_done(
    addresses: &HashMap<RouterId, AddressState>,
    subject: &Subject,
    kernel: Kernel,
) -> bool {
    let Subject::Router(id) = subject else {
        return true;
    };
    match (addresses.get(id), kernel) {
        (Some(state), Kernel::Present) => state.present >= state.wanted,
        (None, Kernel::Present) => false,
        (Some(state), Kernel::Absent) => state.present == 0,
        (None, Kernel::Absent) => true,
    }
}
