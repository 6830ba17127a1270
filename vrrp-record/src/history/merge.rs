//! Several readings of one node as one history: flight recorder, previous flight recorder and journal hold some records
//! twice, and each counts once.

use super::{History, Numbered, Received, Sent, Time};

impl History {
    /// Adds what another reading of the same node knows.
    ///
    /// A record that both have is kept once, in its more complete form: stamps come after an advert was first recorded.
    /// Names, runs and routers of both are matched; positions of `other` are translated.
    pub fn absorb(&mut self, mut other: Self) {
        if self.node.host.is_empty() {
            self.node = std::mem::take(&mut other.node);
        }
        for address in other.node.addresses.drain(..) {
            if !self.node.addresses.contains(&address) {
                self.node.addresses.push(address);
            }
        }
        self.translate(&mut other);
        self.sent.append(&mut other.sent);
        self.received.append(&mut other.received);
        self.rejected.append(&mut other.rejected);
        self.stalls.append(&mut other.stalls);
        self.samples.append(&mut other.samples);
        self.events.append(&mut other.events);
        self.minutes.append(&mut other.minutes);
        self.detailed.append(&mut other.detailed);
        for missing in other.unavailable {
            if !self.unavailable.contains(&missing) {
                self.unavailable.push(missing);
            }
        }
        self.damage.append(&mut other.damage);
        self.settle();
    }

    /// Brings every list into its order and leaves each record once.
    pub fn settle(&mut self) {
        self.sent
            .sort_by_key(|sent| (sent.due, sent.router, sent.id));
        dedup(&mut self.sent, |kept, next| {
            let same = (kept.due, kept.router, kept.id) == (next.due, next.router, next.id);
            if same && completeness(next) > completeness(kept) {
                *kept = *next;
            }
            same
        });
        self.received.sort_by_key(|one| (one.at(), key(one)));
        dedup(&mut self.received, |kept, next| key(kept) == key(next));
        self.rejected
            .sort_by_key(|one| (one.at, one.router, one.from, one.reason));
        dedup(&mut self.rejected, |kept, next| {
            let same = (kept.at, kept.router, kept.from, kept.reason)
                == (next.at, next.router, next.from, next.reason);
            if same {
                kept.more = kept.more.max(next.more);
            }
            same
        });
        self.stalls.sort_by_key(|stall| (stall.at, stall.due));
        dedup(&mut self.stalls, |kept, next| {
            (kept.at, kept.due) == (next.at, next.due)
        });
        self.samples
            .sort_by_key(|sample| (sample.at, sample.unit, sample.object));
        dedup(&mut self.samples, |kept, next| {
            (kept.at, kept.unit, kept.object) == (next.at, next.unit, next.object)
        });
        // The same event has the same number in its run, and may stand at slightly different places in two readings.
        self.events
            .sort_by_key(|event| (event.run, event.event.seq));
        dedup(&mut self.events, same_event);
        self.events
            .sort_by_key(|event| (event.at, event.run, event.event.seq));
        self.minutes
            .sort_by_key(|minute| (minute.at, minute.router, minute.stage));
        dedup(&mut self.minutes, |kept, next| {
            let same = (kept.at, kept.router, kept.stage) == (next.at, next.router, next.stage);
            if same && next.histogram.count() > kept.histogram.count() {
                std::mem::swap(kept, next);
            }
            same
        });
        unite(&mut self.detailed);
        let mut told = std::collections::HashSet::new();
        self.damage.retain(|text| told.insert(text.clone()));
    }

    /// Gives `other` the positions that its runs and routers have here, adding the ones that are new.
    fn translate(&mut self, other: &mut Self) {
        let started = |history: &Self| history.runs.last().map(|run| run.started);
        let newer = started(other) >= started(self);
        let routers: Vec<u16> = other
            .routers
            .drain(..)
            .map(|mut router| {
                let known = self.routers.iter_mut().position(|known| {
                    (&known.interface, known.ipv6, known.vrid)
                        == (&router.interface, router.ipv6, router.vrid)
                });
                match known {
                    Some(position) => {
                        let known = &mut self.routers[position];
                        // A router is described as it was configured last.
                        if newer {
                            std::mem::swap(known, &mut router);
                        }
                        known.source = known.source.or(router.source);
                        position
                    }
                    None => {
                        self.routers.push(router);
                        self.routers.len() - 1
                    }
                }
            })
            .map(index)
            .collect();
        let router = |position: u16| routers.get(usize::from(position)).copied();
        other
            .sent
            .retain_mut(|sent| router(sent.router).map(|new| sent.router = new).is_some());
        other
            .received
            .retain_mut(|one| router(one.router).map(|new| one.router = new).is_some());
        other
            .rejected
            .retain_mut(|one| router(one.router).map(|new| one.router = new).is_some());
        other
            .minutes
            .retain_mut(|one| router(one.router).map(|new| one.router = new).is_some());

        let before = self.runs.len();
        let mut theirs = Vec::with_capacity(other.runs.len());
        for run in other.runs.drain(..) {
            let known = self.runs.iter_mut().position(|known| {
                (&known.boot_id, known.pid, known.started) == (&run.boot_id, run.pid, run.started)
            });
            match known {
                Some(position) => {
                    let known = &mut self.runs[position];
                    known.clean |= run.clean;
                    known.ended = known.ended.max(run.ended);
                    theirs.push(position);
                }
                None => {
                    self.runs.push(run);
                    theirs.push(self.runs.len() - 1);
                }
            }
        }
        // Runs stand oldest first, whichever reading brought them.
        let mut order: Vec<usize> = (0..self.runs.len()).collect();
        order.sort_by_key(|position| self.runs[*position].started);
        let mut place = vec![0; order.len()];
        for (new, old) in order.iter().enumerate() {
            place[*old] = new;
        }
        self.runs.sort_by_key(|run| run.started);
        for event in &mut self.events {
            if let Some(new) = place[..before].get(usize::from(event.run)) {
                event.run = index(*new);
            }
        }
        other.events.retain_mut(|event| {
            let new = theirs.get(usize::from(event.run)).map(|old| place[*old]);
            new.map(|new| event.run = index(new)).is_some()
        });
    }
}

/// Makes stretches of time ascending and apart.
pub(super) fn unite(stretches: &mut Vec<(Time, Time)>) {
    stretches.sort_unstable();
    dedup(stretches, |kept, next| {
        let touch = next.0 <= kept.1;
        if touch {
            kept.1 = kept.1.max(next.1);
        }
        touch
    });
}

/// Takes a stretch of time, ends included, out of ascending ones.
pub fn cut_out(stretches: &mut Vec<(Time, Time)>, (from, until): (Time, Time)) {
    let pieces = stretches.iter().flat_map(|stretch| {
        let before = (stretch.0, stretch.1.min(from.plus(-1)));
        let after = (stretch.0.max(until.plus(1)), stretch.1);
        [before, after]
    });
    let mut pieces: Vec<_> = pieces.filter(|(from, until)| from < until).collect();
    pieces.sort_unstable();
    *stretches = pieces;
}

fn same_event(kept: &mut Numbered, next: &mut Numbered) -> bool {
    (kept.run, kept.event.seq) == (next.run, next.event.seq) && kept.event.kind == next.event.kind
}

/// `Vec::dedup_by` with the kept record first: it hands out the later one first.
fn dedup<T>(list: &mut Vec<T>, mut same: impl FnMut(&mut T, &mut T) -> bool) {
    list.dedup_by(|next, kept| same(kept, next));
}

/// How much is known about an advert.
fn completeness(sent: &Sent) -> usize {
    let stages = [
        sent.woke,
        sent.submitted,
        sent.accepted,
        sent.queued,
        sent.left,
        sent.taken,
    ];
    stages.iter().flatten().count() * 2 + usize::from(sent.settled)
}

/// What makes an advert heard the same one.
fn key(one: &Received) -> impl Ord + use<> {
    // Copies of one advert may be read at once, and arrive one after the other.
    (
        one.read,
        one.arrived,
        one.router,
        one.from,
        one.id,
        one.priority,
    )
}

fn index(position: usize) -> u16 {
    // A history names at most as many routers and runs as its positions can: 65 535 of each fill a journal many times.
    u16::try_from(position).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests;
