//! Portions of work for the kernel, and what is told about them.

use std::net::IpAddr;

use nix::libc;
use vrrp_proto::time::Instant;
use vrrp_proto::track::Reading;

use super::AddressReport;
use super::holder::{Fact, Holder, Mode, Step};
use super::links::Interface;
use super::netlink::{Change, prefix};
use super::thread::AddressThread;
use crate::core::{Remover, Report};

/// Requests in one portion.
const PORTION: usize = 32;

/// One request of a portion.
#[derive(Clone, Copy, Debug)]
struct Job {
    holder: usize,
    entry: usize,
    step: Step,
    index: u32,
}

impl AddressThread {
    /// Carries out a portion: removals first, then routers in turn. Whether there is more.
    pub(super) fn work(&mut self, now: Instant) -> bool {
        self.let_go_of_claimed();
        let mut jobs = Vec::new();
        let more = self.collect(now, &mut jobs, &|step| matches!(step, Step::Remove(_)))
            || self.collect(now, &mut jobs, &|step| !matches!(step, Step::Remove(_)));
        if jobs.is_empty() {
            return false;
        }
        self.first = self.first.wrapping_add(1);
        let mut answers: Vec<Option<i32>> = vec![Some(libc::ETIMEDOUT); jobs.len()];
        let changes: Vec<_> = jobs
            .iter()
            .filter_map(|job| {
                let plan = &self.holders.get(job.holder)?.entries.get(job.entry)?.plan;
                let change = match job.step {
                    Step::Add => Change::Add(plan),
                    Step::Remove(_) => Change::Remove(plan),
                    Step::Deprecate(_, on) => Change::Deprecate(plan, on),
                };
                Some((job.index, change))
            })
            .collect();
        // A batch that fails as a whole leaves its requests unanswered, and they are repeated after a while.
        let _ = self.requests.change(&changes, &mut |place, errno| {
            if let Some(answer) = answers.get_mut(place) {
                *answer = errno;
            }
        });
        for (job, errno) in jobs.into_iter().zip(answers) {
            let Some(holder) = self.holders.get_mut(job.holder) else {
                continue;
            };
            let fact = holder.answered(now, job.entry, job.step, job.index, errno);
            let address = holder
                .entries
                .get(job.entry)
                .map(|entry| entry.plan.address);
            if let (Some(fact), Some(address)) = (fact, address) {
                self.tell_fact(now, job.holder, address, fact, Remover::Unknown);
            }
        }
        self.holders
            .retain(|holder| !(holder.retired && holder.is_empty()));
        more
    }

    /// Adds requests of a kind to a portion. Whether some found no room.
    fn collect(&self, now: Instant, jobs: &mut Vec<Job>, wanted: &dyn Fn(&Step) -> bool) -> bool {
        let count = self.holders.len();
        for offset in 0..count {
            let place = self.first.wrapping_add(offset) % count;
            let Some(holder) = self.holders.get(place) else {
                continue;
            };
            for (number, entry) in holder.entries.iter().enumerate() {
                let index = self.interfaces.get(entry.key).and_then(Interface::index);
                let Some(step) = holder
                    .step(number, now, index.is_some())
                    .filter(|step| wanted(step))
                else {
                    continue;
                };
                let index = match step {
                    Step::Add => index.unwrap_or_default(),
                    Step::Remove(index) | Step::Deprecate(index, _) => index,
                };
                if jobs.len() >= PORTION {
                    return true;
                }
                jobs.push(Job {
                    holder: place,
                    entry: number,
                    step,
                    index,
                });
            }
        }
        false
    }

    /// An address that moved to another router with a new plan is the other one's now.
    fn let_go_of_claimed(&mut self) {
        if !self.holders.iter().any(|holder| holder.retired) {
            return;
        }
        let mut wanted = Vec::new();
        for holder in self.holders.iter().filter(|holder| !holder.retired) {
            if holder.mode != Mode::Idle {
                let entry = holder.entries.iter();
                wanted.extend(entry.map(|e| (e.key, e.plan.address, prefix(&e.plan))));
            }
        }
        for holder in self.holders.iter_mut().filter(|holder| holder.retired) {
            for entry in &mut holder.entries {
                if wanted.contains(&(entry.key, entry.plan.address, prefix(&entry.plan))) {
                    entry.present_on = None;
                }
            }
        }
        self.holders
            .retain(|holder| !(holder.retired && holder.is_empty()));
    }

    /// Tells the world a fact about an address.
    pub(super) fn tell_fact(
        &mut self,
        at: Instant,
        holder: usize,
        address: IpAddr,
        fact: Fact,
        by: Remover,
    ) {
        let Some(holder) = self.holders.get(holder) else {
            return;
        };
        let router = holder.setup.id;
        let report = match fact {
            Fact::Removed => Report::AddressRemoved {
                router,
                address,
                by,
                at,
            },
            Fact::Restored => Report::AddressRestored {
                router,
                address,
                at,
            },
            Fact::Refused(errno) => Report::AddressRefused {
                router,
                address,
                errno,
                at,
            },
            Fact::Lost => Report::AddressesLost { router, at },
        };
        self.world.tell(at, report);
    }

    /// Tells the engine what it does not know yet. Whether everything found room.
    pub(super) fn tell(&mut self, now: Instant) -> bool {
        if !self.is_known {
            return true;
        }
        let engine = &mut self.engine;
        if let Some(scheduling) = self.started_untold {
            let mut untold = true;
            engine.tell(&mut untold, || AddressReport::Started { scheduling });
            if untold {
                return false;
            }
            self.started_untold = None;
        }
        let mut told = true;
        for (door, interface) in self.doors.iter_mut().zip(&self.interfaces.list) {
            let (exists, up) = (interface.link.is_some(), interface.is_up());
            told &= engine.tell(&mut door.state_untold, || AddressReport::Interface {
                interface: door.key,
                exists,
                up,
            });
            match interface.setup.tracker {
                Some(id) => {
                    let reading = if up { Reading::Good } else { Reading::Bad };
                    told &= engine.tell(&mut door.tracker_untold, || AddressReport::Tracker {
                        id,
                        reading,
                    });
                }
                None => door.tracker_untold = false,
            }
            if engine.has_room()
                && let Some(sockets) = door.ready.take()
            {
                let interface = door.key;
                let mut untold = true;
                engine.tell(&mut untold, || AddressReport::Sockets {
                    interface,
                    sockets,
                });
            }
            told &= door.ready.is_none();
        }
        for holder in self.holders.iter_mut().filter(|holder| !holder.retired) {
            let (router, address) = (holder.setup.id, holder.source);
            told &= engine.tell(&mut holder.untold.source, || AddressReport::Source {
                router,
                address,
            });
        }
        if told {
            told &= engine.tell(&mut self.settled_untold, || AddressReport::Settled);
        }
        told && self.tell_addresses(now)
    }

    /// The part of [`Self::tell`] that is about virtual addresses.
    fn tell_addresses(&mut self, now: Instant) -> bool {
        let mut told = true;
        let interfaces = &self.interfaces;
        let exists = |key| interfaces.get(key).is_some_and(|i| i.link.is_some());
        for holder in self.holders.iter_mut().filter(|holder| !holder.retired) {
            let router = holder.setup.id;
            if holder.untold.addresses && !is_busy(holder, now, &exists) {
                let state = holder.state(&exists);
                let report = || AddressReport::Addresses { router, state };
                if self.engine.tell(&mut holder.untold.addresses, report) {
                    let at = now;
                    self.world.tell(at, Report::Addresses { router, state, at });
                } else {
                    told = false;
                }
            }
            told &= self
                .engine
                .tell(&mut holder.untold.lost, || AddressReport::AddressesLost {
                    router,
                });
            told &= self.engine.tell(&mut holder.untold.successor, || {
                AddressReport::SuccessorAnnounced { router }
            });
        }
        told
    }

    /// How many addresses are still on.
    pub(super) fn left(&self) -> u16 {
        let entries = self.holders.iter().flat_map(|holder| &holder.entries);
        let left = entries.filter(|entry| entry.present_on.is_some()).count();
        u16::try_from(left).unwrap_or(u16::MAX)
    }
}

/// Whether requests for a router are due: what can be told will have changed in a moment.
fn is_busy(
    holder: &Holder,
    now: Instant,
    exists: &dyn Fn(vrrp_proto::router::InterfaceKey) -> bool,
) -> bool {
    let mut entries = holder.entries.iter().enumerate();
    holder.is_joining(now)
        || entries.any(|(number, entry)| holder.step(number, now, exists(entry.key)).is_some())
}
