//! What the address thread tells, and what routers are told of it.

use vrrp_proto::node::{NodeEvent, RouterIndex};
use vrrp_proto::router::{Event, FaultSet, InterfaceKey, RouterId};

use super::clock;
use super::run::Engine;
use super::setup::{InterfaceIo, RouterIo};
use crate::address::{AddressCommand, AddressReport};
use crate::core::Report;
use crate::net::InterfaceSockets;

impl Engine {
    /// Reports of the address thread.
    pub(super) fn take_address_reports(&mut self) {
        while let Some(report) = self.ends.address_reports.try_next() {
            self.take_address_report(report);
        }
    }

    fn take_address_report(&mut self, report: AddressReport) {
        match report {
            AddressReport::Started { scheduling } => self.address_scheduling = Some(scheduling),
            AddressReport::Settled => self.settled(),
            AddressReport::Interface {
                interface,
                exists,
                up,
            } => self.interface_changed(interface, exists, up),
            AddressReport::Tracker { id, reading } => {
                self.tell(NodeEvent::Tracker {
                    id,
                    reading,
                    expires: None,
                });
                self.touch_all();
            }
            AddressReport::Sockets { interface, sockets } => self.sockets_came(interface, sockets),
            AddressReport::Source { router, address } => {
                let Some(index) = self.setup.node.find(router) else {
                    return;
                };
                let Some(io) = self.setup.io.routers.get_mut(usize::from(index.0)) else {
                    return;
                };
                io.source = Some(address);
                io.receive.own_source = address;
                self.tell_router(index, Event::Source(address));
                self.tell_faults(index);
            }
            AddressReport::Addresses { router, state } => {
                self.tell_of(router, Event::Addresses(state))
            }
            AddressReport::AddressesLost { router } => self.tell_of(router, Event::AddressesLost),
            AddressReport::SuccessorAnnounced { router } => {
                self.tell_of(router, Event::SuccessorAnnounced)
            }
            AddressReport::Stopped { left } => self.stopping.address_thread_stopped(left),
        }
    }

    fn tell_of(&mut self, router: RouterId, event: Event<'_>) {
        // A router that a reload took away has nothing to be told.
        if let Some(index) = self.setup.node.find(router) {
            self.tell_router(index, event);
        }
    }

    /// Everything about the interfaces of this setup is known: routers that wait for it start.
    fn settled(&mut self) {
        for index in (0..=u16::MAX)
            .map(RouterIndex)
            .take(self.setup.io.routers.len())
        {
            let Some(router) = self.setup.io.routers.get_mut(usize::from(index.0)) else {
                return;
            };
            if std::mem::replace(&mut router.started, true) {
                continue;
            }
            let id = router.id;
            self.tell_faults(index);
            if !self.stopping.has_begun() {
                self.tell_router(index, Event::Start);
            }
            let faults = self
                .setup
                .io
                .routers
                .get(usize::from(index.0))
                .map_or(FaultSet::NONE, |router| router.faults);
            self.hands.report(Report::Ready {
                router: id,
                faults,
                at: clock::now(),
            });
        }
    }

    fn interface_changed(&mut self, key: InterfaceKey, exists: bool, up: bool) {
        let Some(position) = self.interface_position(key) else {
            return;
        };
        let interface = &mut self.setup.io.interfaces[position];
        interface.known = true;
        interface.exists = exists;
        interface.up = up;
        if !exists {
            interface.refused = None;
            self.take_sockets_out(position);
        }
        self.tell_faults_on(position);
    }

    fn sockets_came(&mut self, key: InterfaceKey, sockets: Result<Box<InterfaceSockets>, i32>) {
        let Some(position) = self.interface_position(key) else {
            // A reload took the interface away while they were on their way.
            if let Ok(sockets) = sockets {
                self.hands.ask(AddressCommand::Retire(sockets));
            }
            return;
        };
        self.take_sockets_out(position);
        match sockets {
            Ok(sockets) => self.put_sockets_in(position, sockets),
            Err(errno) => self.setup.io.interfaces[position].refused = Some(errno),
        }
        self.tell_faults_on(position);
    }

    fn put_sockets_in(&mut self, position: usize, sockets: Box<InterfaceSockets>) {
        self.generation = self.generation.wrapping_add(1).max(1);
        for (number, receive) in sockets.receive.iter().enumerate() {
            let mark = Self::mark(self.generation, position, number);
            if let Err(errno) = self.watch(&receive.socket, mark) {
                self.setup.io.interfaces[position].refused = Some(errno as i32);
                self.hands.ask(AddressCommand::Retire(sockets));
                return;
            }
        }
        let interface = &mut self.setup.io.interfaces[position];
        interface.generation = self.generation;
        interface.refused = None;
        interface.drops = [0; 8];
        interface.sockets = Some(sockets);
        for ring in &mut interface.stamps {
            ring.reset();
        }
        for queue in &mut interface.outq {
            queue.reset();
        }
    }

    /// Takes an interface's sockets out of use and sends them back to be closed.
    pub(super) fn take_sockets_out(&mut self, position: usize) {
        let Some(interface) = self.setup.io.interfaces.get_mut(position) else {
            return;
        };
        interface.generation = 0;
        let Some(sockets) = interface.sockets.take() else {
            return;
        };
        for receive in &sockets.receive {
            // Closing does the same; but it comes later, on the other thread.
            let _ = self.epoll.delete(&receive.socket);
        }
        self.hands.ask(AddressCommand::Retire(sockets));
    }

    fn interface_position(&self, key: InterfaceKey) -> Option<usize> {
        self.setup
            .io
            .interfaces
            .iter()
            .position(|interface| interface.key == key)
    }

    fn tell_faults_on(&mut self, interface: usize) {
        for index in (0..=u16::MAX)
            .map(RouterIndex)
            .take(self.setup.io.routers.len())
        {
            if self
                .setup
                .io
                .routers
                .get(usize::from(index.0))
                .is_some_and(|router| router.interface == interface)
            {
                self.tell_faults(index);
            }
        }
    }

    /// Tells a router's own faults where they changed.
    fn tell_faults(&mut self, index: RouterIndex) {
        let io = &mut self.setup.io;
        let Some(router) = io.routers.get_mut(usize::from(index.0)) else {
            return;
        };
        let Some(interface) = io.interfaces.get(router.interface) else {
            return;
        };
        let faults = driver_faults(interface, router);
        if faults == router.faults {
            return;
        }
        router.faults = faults;
        let (id, started) = (router.id, router.started);
        self.tell_router(index, Event::Faults(faults));
        if started {
            self.hands.report(Report::Faults {
                router: id,
                faults,
                at: clock::now(),
            });
        }
    }
}

/// What keeps a router out that only the driver can see.
fn driver_faults(interface: &InterfaceIo, router: &RouterIo) -> FaultSet {
    if !interface.exists {
        return FaultSet::INTERFACE_GONE;
    }
    let sockets = interface.sockets.as_deref();
    let served = sockets.is_some_and(|sockets| sockets.serve(router.id.family, router.multicast));
    FaultSet::NONE
        .with(FaultSet::INTERFACE_DOWN, !interface.up)
        .with(FaultSet::NO_SOCKET, !served)
        .with(FaultSet::NO_SOURCE, router.source.flatten().is_none())
        .with(FaultSet::NO_PEER, router.destinations.is_empty())
}
