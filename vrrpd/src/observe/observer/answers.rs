//! What the observer tells whoever asks: status, metrics, what this machine cannot give.

use vrrp_record::control::Command;
use vrrp_record::event::Kind;
use vrrp_record::ring::append_unavailable;
use vrrp_record::status::{Status, Unavailable};
use vrrp_record::text::Name;

use super::{Inner, Observer};
use crate::control::{Peer, Source};
use crate::metrics::{self, Scrape};
use crate::observe::clock::Now;
use crate::observe::shown::Known;
use crate::observe::status::{self, Inputs};

impl Observer {
    /// What this machine cannot tell at present.
    pub(crate) fn unavailable(&self) -> Vec<Unavailable> {
        let mut list = status::unavailable(&(self.snapshot)());
        list.extend(self.host_lacks(Now::read()));
        list
    }

    /// The sampler's part of it.
    fn host_lacks(&self, now: Now) -> Vec<Unavailable> {
        let evidence = self.evidence.get();
        evidence.map_or_else(Vec::new, |evidence| evidence.unavailable(now.monotonic))
    }

    /// The same once all of it is known: the sampler looks a moment after it was started.
    pub(crate) fn known_unavailable(&self) -> Option<Vec<Unavailable>> {
        let now = Now::read().monotonic;
        let known = self
            .evidence
            .get()
            .is_none_or(|evidence| evidence.is_known(now));
        known.then(|| self.unavailable())
    }

    /// Puts it into the flight recorder, for whoever reads that when the daemon is gone. False where it is not known yet.
    pub(crate) fn keep_unavailable(&self) -> bool {
        let Some(missing) = self.known_unavailable() else {
            return false;
        };
        if let Some(kept) = &mut self.lock().kept {
            for missing in &missing {
                append_unavailable(kept, missing);
            }
        }
        true
    }
}

impl Source for Observer {
    fn status(&self) -> Status {
        let core = (self.snapshot)();
        let now = Now::read();
        let known = Known::take(&self.live, self.axis, now);
        let inner = self.lock();
        let Inner {
            running, memory, ..
        } = &*inner;
        let mut status = status::build(&Inputs {
            now,
            known: &known,
            identity: &self.identity,
            running,
            memory,
            core: &core,
        });
        status.unavailable.extend(self.host_lacks(now));
        status
    }

    fn commanded(&self, command: Command, peer: Peer, granted: bool) {
        let pid = peer
            .pid
            .and_then(|pid| u32::try_from(pid).ok())
            .unwrap_or_default();
        self.record(Kind::Command {
            command: Name::new(command.name()),
            uid: peer.uid,
            pid,
            // It waits for its answer.
            comm: crate::process::name_of_living(pid)
                .map(|name| Name::new(&crate::process::text(&name))),
            granted,
        });
    }
}

impl metrics::Source for Observer {
    fn scrape(&self) -> Scrape {
        let status = self.status();
        let engine = (self.snapshot)().engine;
        let shown = self.live.shown(self.axis.time(Now::read().monotonic));
        Scrape {
            tally: self.lock().memory.tally.clone(),
            shown: shown.into_iter().map(|(shown, _)| shown).collect(),
            host: crate::observe::host::read(&engine, &status, &self.live),
            status,
        }
    }
}
