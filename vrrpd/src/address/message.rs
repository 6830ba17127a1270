//! What the engine and the address thread say to each other.

use std::net::IpAddr;

use vrrp_proto::router::{AddressState, AnnounceReason, InterfaceKey, RouterId};
use vrrp_proto::track::{Reading, TrackerId};

use super::AddressSetup;
use crate::core::{Report, SchedulingClass};
use crate::net::InterfaceSockets;
use crate::queue::{Receiver, Sender};

/// What the engine asks for. Carried out in order; a removal is never kept waiting by somebody else's additions.
#[derive(Debug)]
pub enum AddressCommand {
    /// The router is Active: put its addresses on. Answered by [`AddressReport::Addresses`].
    Add {
        /// Which router.
        router: RouterId,
    },
    /// The router left Active, or its hold is over: stop announcing and take its addresses off. Answered by
    /// [`AddressReport::Addresses`] with nothing present and nothing wanted.
    Remove {
        /// Which router.
        router: RouterId,
    },
    /// The router releases: keep the addresses, stop announcing, listen for the successor (safety rule 2).
    Hold {
        /// Which router.
        router: RouterId,
    },
    /// Announce the addresses that the kernel confirmed; nothing happens unless they were added.
    Announce {
        /// Which router.
        router: RouterId,
        /// Decides about counts and times.
        reason: AnnounceReason,
    },
    /// Announce the router's own source address: a unicast router left FAULT, and its peers may have forgotten it.
    AnnounceSource {
        /// Which router.
        router: RouterId,
    },
    /// A new plan. Routers with the same identity keep their addresses as far as both plans have them; the addresses of
    /// vanished routers are taken off unless they are held. Answered by [`AddressReport::Settled`].
    Replace(Box<AddressSetup>),
    /// Old sockets: closing them leaves multicast groups, which may wait.
    Retire(Box<InterfaceSockets>),
    /// Take every address off and end. Answered by [`AddressReport::Stopped`].
    Stop,
}

/// What the address thread tells the engine.
///
/// Reports about one thing come in order. When the engine is slow, older reports about the same thing are left out: what
/// arrives is the present state.
#[derive(Debug)]
pub enum AddressReport {
    /// The thread runs; left-over addresses are gone.
    Started {
        /// How the thread is scheduled.
        scheduling: SchedulingClass,
    },
    /// Everything that is known about the interfaces and sources of the setup in force has been reported. Once after the
    /// start and once for each [`AddressCommand::Replace`].
    Settled,
    /// The state of an interface.
    Interface {
        /// Which interface.
        interface: InterfaceKey,
        /// Whether there is one of that name.
        exists: bool,
        /// Whether it is up and has a carrier; false where it does not exist.
        up: bool,
    },
    /// A tracked interface passes or fails. Such readings do not expire: the kernel tells of every change.
    Tracker {
        /// Which tracker.
        id: TrackerId,
        /// Good while up.
        reading: Reading,
    },
    /// Sockets for this incarnation of an interface, or the errno for which there are none. Old ones go back by
    /// [`AddressCommand::Retire`].
    Sockets {
        /// Which interface.
        interface: InterfaceKey,
        /// The sockets; their members joined the groups.
        sockets: Result<Box<InterfaceSockets>, i32>,
    },
    /// The address that a router's adverts leave from; none where there is no usable one.
    Source {
        /// Which router.
        router: RouterId,
        /// The address.
        address: Option<IpAddr>,
    },
    /// How far the kernel has the router's addresses: when all of them were tried after an
    /// [`AddressCommand::Add`] or [`AddressCommand::Remove`], and at every change.
    Addresses {
        /// Which router.
        router: RouterId,
        /// Present, wanted, last refusal.
        state: AddressState,
    },
    /// The addresses cannot be kept against another process (safety rule 6).
    AddressesLost {
        /// Which router.
        router: RouterId,
    },
    /// A successor has announced every address of a router that holds them, and they were taken off one by one.
    SuccessorAnnounced {
        /// Which router.
        router: RouterId,
    },
    /// Every address that could be taken off is off. The last report.
    Stopped {
        /// Addresses that are still there.
        left: u16,
    },
}

/// The address thread's ends of its queues.
#[derive(Debug)]
pub struct AddressEnds {
    /// From the engine.
    pub commands: Receiver<AddressCommand>,
    /// To the engine.
    pub reports: Sender<AddressReport>,
    /// To the rest of the daemon: `AddressRemoved`, `AddressRestored`, `AddressRefused`, `AddressesLost`, `Addresses`,
    /// `LeftOverRemoved`, `Interface`, `SocketsRefused` and `Lost` come from here, and from nowhere else.
    pub world: Sender<Report>,
}
