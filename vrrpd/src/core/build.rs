//! From a plan to what the engine and the address thread run on. Everything is allocated here, in the other world.

mod phase;
mod sockets;
#[cfg(test)]
mod tests;
mod tracking;

use std::sync::Arc;
use std::time::Duration;

use vrrp_config::plan::{AuthPlan, GroupPlan, Plan, Profile, RouterPlan, Transport};
use vrrp_proto::addr::AddressList;
use vrrp_proto::node::{GroupSetup, Node, NodeConfig, RouterIndex};
use vrrp_proto::router::{Config, FaultSet, InterfaceKey, RouterId};
use vrrp_proto::units::Version;
use vrrp_proto::wire::{
    AhSequence, Auth, IcvForm, Password, Peer, ReceiveConfig, ReceivePolicy, ReceiveTransport,
    SendConfig, TTL, Versions,
};
use vrrp_record::sequence::SequenceWatch;

use sockets::socket_spec;
use tracking::{longest_expiry, router_setup, tracked_interfaces, tracker_setups};

use super::names::{InterfaceNames, TrackerNames};
use super::places::{self, Places};
use super::{CoreError, ReceiveCounts, RouterSnapshot};
use crate::address::AddressSetup;
use crate::engine::{
    AdvertRecord, DiscardReport, InterfaceIo, Io, OutQueue, RouterIo, Setup, StampRing, Track,
    check_sendable,
};
use crate::net::SocketSpec;
use crate::publish::{Board, RouterFacts};

/// Longest hold of a planned release, whatever the interval (safety rule 2).
const LONGEST_HOLD: Duration = Duration::from_secs(2);

/// What a plan gives the threads, and what the core remembers of it.
pub(crate) struct Built {
    pub(crate) setup: Box<Setup>,
    pub(super) address: Box<AddressSetup>,
    pub(super) board: Arc<Board>,
    /// Name and interface of each router, in the plan's order.
    pub(super) routers: Vec<RouterName>,
}

/// How a router is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RouterName {
    pub(super) id: RouterId,
    pub(super) name: Arc<str>,
    pub(super) interface: Arc<str>,
}

impl RouterName {
    /// With what the engine published of the router.
    pub(super) fn snapshot(&self, facts: RouterFacts) -> RouterSnapshot {
        let RouterFacts {
            router,
            adverts,
            last_advert,
            worst_lateness,
            received,
        } = facts;
        RouterSnapshot {
            name: self.name.clone(),
            interface: self.interface.clone(),
            router,
            adverts,
            last_advert,
            worst_lateness,
            received,
        }
    }
}

/// Builds everything for `plan`.
pub(crate) fn build(
    plan: &Plan,
    interfaces: &mut InterfaceNames,
    trackers: &mut TrackerNames,
    places: &mut Places,
) -> Result<Built, CoreError> {
    let mut list = Interfaces {
        names: interfaces,
        list: Vec::new(),
    };
    let routers = build_routers(plan, &mut list, places)?;
    for track in tracked_interfaces(plan) {
        list.position(&track.name)?;
    }
    let Interfaces {
        names: interfaces,
        list: mut io_interfaces,
    } = list;
    for (position, interface) in io_interfaces.iter_mut().enumerate() {
        interface.spec = socket_spec(plan, position, &routers.io);
    }
    let setups = routers.configs.iter().zip(&plan.routers);
    let setups =
        setups.map(|(config, router)| router_setup(plan, router, *config, interfaces, trackers));
    let group = |group: &GroupPlan| GroupSetup {
        tracking_weight: group.tracking_weight,
    };
    let node = Node::new(NodeConfig {
        routers: setups.collect(),
        trackers: tracker_setups(plan, interfaces, trackers),
        groups: plan.groups.iter().map(group).collect(),
    });
    let address = address_setup(plan, interfaces, &io_interfaces);
    let board = Arc::new(Board::new(routers.io.len()));
    let setup = Box::new(Setup {
        node,
        io: Io {
            routers: routers.io,
            interfaces: io_interfaces,
            board: Arc::clone(&board),
            flight: None,
        },
        longest_expiry: plan
            .scripts
            .iter()
            .map(longest_expiry)
            .max()
            .unwrap_or_default(),
        realtime: plan.global.realtime,
        memory: None,
        addresses: address.clone(),
    });
    Ok(Built {
        setup,
        address: Box::new(address),
        board,
        routers: routers.names,
    })
}

/// The routers of a setup, seen three ways, in the plan's order.
struct Routers {
    names: Vec<RouterName>,
    configs: Vec<Config>,
    io: Vec<RouterIo>,
}

fn build_routers(
    plan: &Plan,
    interfaces: &mut Interfaces<'_>,
    places: &mut Places,
) -> Result<Routers, CoreError> {
    let mut routers = Routers {
        names: Vec::new(),
        configs: Vec::new(),
        io: Vec::new(),
    };
    for (index, router) in (0..=u16::MAX).map(RouterIndex).zip(&plan.routers) {
        let position = interfaces.position(&router.interface)?;
        let interface = &mut interfaces.list[position];
        let id = RouterId {
            interface: interface.key,
            family: router.family,
            vrid: router.vrid,
        };
        if interface
            .router(router.family, router.vrid.as_u8())
            .is_some()
        {
            return Err(CoreError::Duplicate {
                router: router.name.clone(),
            });
        }
        interface.insert_router(router.family, router.vrid, index);
        let config = protocol_config(plan, router, id);
        let interval = u64::try_from(router.interval.as_duration().as_nanos()).unwrap_or(u64::MAX);
        let track = Track::new(places.take(id, router), interval, places::digest(router));
        let io = router_io(plan.global.profile, router, id, (position, track))?;
        check_sendable(&io, &config).map_err(|error| CoreError::Unsendable {
            router: router.name.clone(),
            error,
        })?;
        routers.io.push(io);
        routers.configs.push(config);
        routers.names.push(RouterName {
            id,
            name: router.name.as_str().into(),
            interface: router.interface.as_str().into(),
        });
    }
    if routers.io.len() < plan.routers.len() {
        return Err(CoreError::TooMany {
            what: "virtual routers",
            limit: 65_536,
        });
    }
    Ok(routers)
}

fn address_setup(
    plan: &Plan,
    names: &mut InterfaceNames,
    interfaces: &[InterfaceIo],
) -> AddressSetup {
    let known = names.clone();
    let sockets = |name: &str| {
        let key = known.key(name)?;
        let interface = interfaces.iter().find(|interface| interface.key == key)?;
        (!interface.spec.receive.is_empty()).then(|| interface.spec.clone())
    };
    let followed: Vec<&str> = tracked_interfaces(plan)
        .map(|track| track.name.as_str())
        .collect();
    let tracker = |name: &str| {
        let key = known.key(name).filter(|_| followed.contains(&name))?;
        Some(TrackerNames::interface(key))
    };
    AddressSetup::from_plan(plan, names, sockets, tracker)
}

/// The interfaces of a setup, found or added by name.
struct Interfaces<'a> {
    names: &'a mut InterfaceNames,
    list: Vec<InterfaceIo>,
}

impl Interfaces<'_> {
    fn position(&mut self, name: &str) -> Result<usize, CoreError> {
        let key = self.names.intern(name).ok_or(CoreError::TooMany {
            what: "interface names",
            limit: 65_536,
        })?;
        if let Some(position) = self.list.iter().position(|interface| interface.key == key) {
            return Ok(position);
        }
        self.list.push(interface_io(key));
        Ok(self.list.len() - 1)
    }
}

fn interface_io(key: InterfaceKey) -> InterfaceIo {
    InterfaceIo {
        key,
        spec: SocketSpec::default(),
        known: false,
        exists: false,
        up: false,
        refused: None,
        sockets: None,
        generation: 0,
        stamps: [StampRing::new(), StampRing::new()],
        outq: [OutQueue::default(); 2],
        touched: [false; 2],
        drops: [0; 8],
        by_vrid: Box::new([[None; 256]; 2]),
    }
}

/// The settings of the state machine. Where the plan has no word, the profile decides.
fn protocol_config(plan: &Plan, router: &RouterPlan, id: RouterId) -> Config {
    let keepalived = plan.global.profile == Profile::Keepalived;
    Config {
        id,
        version: router.version,
        interoperate: router.interoperate,
        priority: router.priority,
        interval: router.interval,
        preempt: router.preempt,
        preempt_delay: router.preempt_delay,
        startup_delay: plan.global.startup_delay,
        down_adverts: router.down_adverts,
        answer_lower: router.answer_lower,
        advert_before_yield: router.advert_before_yield,
        owner_clash_lowers: keepalived,
        fault_releases: if keepalived { 2 } else { 1 },
        release_hold: release_hold(router),
        phase: phase::of(id, router.interval, plan.routers.len()),
        fast_fail: plan.global.fast_fail,
    }
}

/// Safety rule 2: the skew of the lowest priority plus one interval, at most two seconds.
fn release_hold(router: &RouterPlan) -> Duration {
    let interval = router.interval.as_duration();
    let unit = match router.version {
        Version::V2 => Duration::from_secs(1),
        Version::V3 => interval,
    };
    let skew = unit * (256 - 1) / 256;
    (skew + interval).min(LONGEST_HOLD)
}

/// What a router of a plan accepts, for whoever only listens.
pub(crate) fn receive_config(
    plan: &Plan,
    router: &RouterPlan,
    id: RouterId,
) -> Result<ReceiveConfig, CoreError> {
    let interval = u64::try_from(router.interval.as_duration().as_nanos()).unwrap_or(u64::MAX);
    let track = Track::new(0, interval, places::digest(router));
    router_io(plan.global.profile, router, id, (0, track)).map(|io| io.receive)
}

/// U-06: the check value covers the TTL over multicast, as keepalived has it.
const fn authentication(plan: AuthPlan, multicast: bool) -> Auth {
    match plan {
        AuthPlan::None => Auth::None,
        AuthPlan::Pass(bytes) => Auth::Pass(Password::from_wire(bytes)),
        AuthPlan::Ah(bytes) => Auth::Ah {
            key: Password::from_wire(bytes),
            icv: if multicast {
                IcvForm::TtlKept
            } else {
                IcvForm::TtlZeroed
            },
        },
    }
}

fn router_io(
    profile: Profile,
    router: &RouterPlan,
    id: RouterId,
    (interface, track): (usize, Track),
) -> Result<RouterIo, CoreError> {
    let addresses = router.addresses.iter().map(|vip| vip.address);
    let addresses =
        AddressList::new(router.family, addresses).map_err(|error| CoreError::Addresses {
            router: router.name.clone(),
            error,
        })?;
    let multicast = matches!(router.transport, Transport::Multicast { .. });
    let auth = authentication(router.auth, multicast);
    let (destinations, ttl, transport) = match &router.transport {
        Transport::Multicast { group } => (
            vec![*group],
            TTL,
            ReceiveTransport::Multicast { group: *group },
        ),
        Transport::Unicast {
            peers,
            ttl,
            check_source,
            ..
        } => {
            let peer = |peer: &vrrp_config::plan::PeerPlan| Peer {
                address: peer.address,
                min_ttl: peer.min_ttl,
                max_ttl: peer.max_ttl,
            };
            let transport = ReceiveTransport::Unicast {
                local: router.source,
                peers: peers.iter().map(peer).collect(),
                check_source: *check_source,
            };
            (
                peers.iter().map(|peer| peer.address).collect(),
                *ttl,
                transport,
            )
        }
    };
    let receive = ReceiveConfig {
        vrid: router.vrid,
        versions: if router.interoperate {
            Versions::Both
        } else {
            Versions::Only(router.version)
        },
        owner: router.priority.is_owner(),
        interval: router.interval,
        addresses: addresses.clone(),
        auth,
        transport,
        own_source: None,
        policy: ReceivePolicy {
            check_addresses: router.check_addresses,
            require_link_local_first: router.require_link_local_first,
            require_link_local_source: router.require_link_local_source,
            owner_discards_v2: router.owner_discards_v2,
            checksum: router.checksum_accept,
        },
    };
    let sent = if router.require_link_local_first || profile == Profile::Rfc9568 {
        addresses.with_link_local_first()
    } else {
        addresses
    };
    Ok(RouterIo {
        id,
        interface,
        send: SendConfig {
            vrid: router.vrid,
            interval: router.interval,
            addresses: sent,
            auth,
            checksum: router.checksum_send,
        },
        receive,
        destinations: destinations.into_boxed_slice(),
        multicast,
        ttl,
        source: None,
        sequence: 0,
        ah: AhSequence::default(),
        replayed_by: None,
        faults: FaultSet::NONE,
        started: false,
        record: AdvertRecord::default(),
        received: ReceiveCounts::default(),
        peer_sequence: SequenceWatch::default(),
        track: Box::new(track),
        discards: DiscardReport::default(),
        dirty: true,
    })
}
