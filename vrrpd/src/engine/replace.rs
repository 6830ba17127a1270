//! Reload: a setup that was built elsewhere takes the place of the present one, by difference.

use vrrp_proto::node::{RouterIndex, Side};

use super::clock;
use super::run::Engine;
use super::setup::{Io, Setup};
use crate::address::{AddressCommand, AddressSetup};

impl Engine {
    /// Takes a new setup in and gives the old one back.
    ///
    /// First the vanished routers leave, through the old sockets; then sockets and routers move over and the address
    /// thread learns of the new plan; then everybody else goes on. So every command names a router that the address
    /// thread knows.
    pub(super) fn replace(&mut self, mut setup: Box<Setup>, address: Box<AddressSetup>) {
        if self.stopping.has_begun() {
            self.give_back(setup);
            return;
        }
        let hands = &mut self.hands;
        let Setup {
            node: old_node,
            io: old_io,
            ..
        } = &mut *self.setup;
        let Setup {
            node: new_node,
            io: new_io,
            ..
        } = &mut *setup;
        for (index, router) in (0..=u16::MAX).map(RouterIndex).zip(&new_io.routers) {
            if old_node.find(router.id).is_none() {
                // It starts when the address thread has told about it.
                new_node.defer_start(index);
            }
        }
        let mut address = Some(address);
        new_node.adopt(
            clock::now(),
            old_node,
            &mut |side, index, router, action| match side {
                Side::Old => hands.act(old_io, index, router, action),
                Side::New => {
                    if let Some(address) = address.take() {
                        move_over(old_io, new_io);
                        hands.ask(AddressCommand::Replace(address));
                    }
                    hands.act(new_io, index, router, action);
                }
            },
        );
        if let Some(address) = address.take() {
            move_over(old_io, new_io);
            hands.ask(AddressCommand::Replace(address));
        }
        for position in 0..self.setup.io.interfaces.len() {
            self.take_sockets_out(position);
        }
        let old = std::mem::replace(&mut self.setup, setup);
        let Setup { node, io, .. } = &mut *self.setup;
        for ((_, router), io) in node.routers().zip(&mut io.routers) {
            io.receive.owner = router.snapshot().priority.is_owner();
        }
        self.renumber_sockets();
        self.heartbeat
            .set_longest_expiry(self.options.heartbeat_resign, self.setup.longest_expiry);
        self.realtime.configure(self.setup.realtime);
        if let Some(memory) = self.setup.memory {
            self.realtime.memory = memory;
        }
        self.touch_all();
        self.give_back(old);
    }

    fn give_back(&mut self, setup: Box<Setup>) {
        if let Err(setup) = self.ends.returned.send(setup) {
            // The queue holds more setups than commands can be waiting, so its other end is gone and so is everyone
            // who could be kept waiting by this.
            drop(setup);
        }
    }

    /// The interfaces have other positions now, and epoll's marks name positions.
    fn renumber_sockets(&mut self) {
        for position in 0..self.setup.io.interfaces.len() {
            if self.setup.io.interfaces[position].sockets.is_none() {
                continue;
            }
            self.generation = self.generation.wrapping_add(1).max(1);
            self.setup.io.interfaces[position].generation = self.generation;
            let interface = &self.setup.io.interfaces[position];
            let sockets = interface
                .sockets
                .as_deref()
                .map_or(&[][..], |sockets| &sockets.receive);
            for (number, receive) in sockets.iter().enumerate() {
                let _ = self.watch_again(
                    &receive.socket,
                    Self::mark(self.generation, position, number),
                );
            }
        }
    }
}

/// Interfaces and routers of both setups take over what is not configuration.
fn move_over(old: &mut Io, new: &mut Io) {
    new.flight = old.flight.take();
    for interface in &mut new.interfaces {
        let Some(before) = old
            .interfaces
            .iter_mut()
            .find(|before| before.key == interface.key)
        else {
            continue;
        };
        interface.inherit(before);
        for ring in &mut interface.stamps {
            ring.renumber(&|index| {
                let id = old.routers.get(usize::from(index.0))?.id;
                let position = new.routers.iter().position(|router| router.id == id)?;
                u16::try_from(position).ok().map(RouterIndex)
            });
        }
    }
    if let Some(flight) = &mut new.flight {
        flight.renumber(&|index| {
            let id = old.routers.get(usize::from(index.0))?.id;
            let position = new.routers.iter().position(|router| router.id == id)?;
            u16::try_from(position).ok().map(RouterIndex)
        });
    }
    for router in &mut new.routers {
        if let Some(before) = old.routers.iter_mut().find(|before| before.id == router.id) {
            router.inherit(before);
        }
    }
}
