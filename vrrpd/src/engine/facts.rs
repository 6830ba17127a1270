//! Publishing: what the other world sees of the engine and its routers.

use vrrp_proto::router::VirtualRouter;

use super::run::Engine;
use super::setup::{RouterIo, Setup};
use crate::publish::{EngineFacts, RouterFacts};

impl Engine {
    /// Publishes the engine, and the routers that changed.
    pub(super) fn publish(&mut self) {
        self.remember();
        let Setup { node, io, .. } = &mut *self.setup;
        for (place, ((_, router), io_router)) in node.routers().zip(&mut io.routers).enumerate() {
            if std::mem::take(&mut io_router.dirty) {
                io.board.publish(place, &facts(router, io_router));
            }
        }
        self.ends
            .shared
            .engine
            .write(&self.engine_facts().to_words());
    }

    fn engine_facts(&self) -> EngineFacts {
        let longest = self.steps.longest();
        let rings = self
            .setup
            .io
            .interfaces
            .iter()
            .flat_map(|interface| &interface.stamps);
        EngineFacts {
            running: self.running,
            scheduling: self.realtime.class,
            address_scheduling: self.address_scheduling,
            memory: self.realtime.memory,
            demotions: self.realtime.demotions,
            worst_lateness: self.worst_lateness,
            longest_step: longest.length,
            longest_step_number: longest.step.as_u8(),
            last_advert_step: self.last_advert_step.length,
            last_advert_step_number: self.last_advert_step.step.as_u8(),
            wakes: self.wakes,
            unknown: self.strays.unknown,
            reports_lost: self.hands.reports_lost,
            receive_drops: self.strays.drops,
            undelivered: self.hands.outbox.undelivered,
            evidence_given_up: self.evidence.gave_up(),
            records_lost: self
                .setup
                .io
                .flight
                .as_ref()
                .map_or(0, |flight| flight.lost_records()),
            stamps_numbered: rings.into_iter().all(|ring| ring.numbered),
        }
    }
}

fn facts(router: &VirtualRouter, io: &RouterIo) -> RouterFacts {
    RouterFacts {
        router: router.snapshot(),
        adverts: io.record.counts,
        last_advert: io.record.last,
        worst_lateness: io.record.worst_lateness,
        received: io.received,
    }
}
