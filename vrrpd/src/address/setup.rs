//! What the address thread needs to know of a plan.

use std::net::IpAddr;
use std::time::Duration;

use vrrp_config::plan::{Plan, Profile, RestoreAddresses, RouterPlan, Transport, VipPlan};
use vrrp_proto::announce::AnnounceSettings;
use vrrp_proto::router::{InterfaceKey, RouterId};
use vrrp_proto::track::TrackerId;
use vrrp_proto::units::Family;

use crate::core::InterfaceNames;
use crate::net::SocketSpec;

/// Everything the address thread needs to know of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressSetup {
    /// Every interface that a router, an address or a tracker names; each once.
    pub interfaces: Vec<InterfaceSetup>,
    /// Every router, in file order.
    pub routers: Vec<RouterAddresses>,
}

/// An interface, known by name, whether it exists or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceSetup {
    /// Its number.
    pub key: InterfaceKey,
    /// Its name.
    pub name: String,
    /// The sockets to open on it; none where no router speaks there.
    pub sockets: Option<SocketSpec>,
    /// The tracker that follows it, where a router or group tracks it.
    pub tracker: Option<TrackerId>,
}

/// The addresses of one router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterAddresses {
    /// Identity.
    pub id: RouterId,
    /// Where the source address comes from.
    pub source: SourceChoice,
    /// Advertised addresses in order, then the excluded ones, with the interface of each.
    pub addresses: Vec<(InterfaceKey, VipPlan)>,
    /// What to do when another process removes one.
    pub restore: RestoreAddresses,
    /// Counts and times of announcements.
    pub announce: AnnounceSettings,
    /// Gap between two ARP frames on one interface.
    pub arp_interval: Duration,
    /// Gap between two NA frames on one interface.
    pub na_interval: Duration,
    /// Gratuitous ARP names ff:ff:ff:ff:ff:ff as target hardware address instead of the sender's.
    pub arp_target_broadcast: bool,
    /// NA always has the Router flag, instead of only where the interface forwards.
    pub na_router_flag: bool,
}

/// Where a router's source address comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceChoice {
    /// The first IPv4 address of the interface that is nobody's virtual address.
    Primary,
    /// The first link-local IPv6 address of the interface that is nobody's virtual address.
    LinkLocal,
    /// The first other IPv6 address that is nobody's virtual address; a link-local one where there is no other.
    Global,
    /// This address, while the interface has it.
    Tracked(IpAddr),
    /// This address, whether the interface has it or not.
    Fixed(IpAddr),
}

impl SourceChoice {
    /// What a plan asks for.
    #[must_use]
    pub fn of(plan: &RouterPlan) -> Self {
        match (plan.source, plan.family, &plan.transport) {
            (Some(address), _, _) if plan.track_source => Self::Tracked(address),
            (Some(address), _, _) => Self::Fixed(address),
            (None, Family::V4, _) => Self::Primary,
            (None, Family::V6, Transport::Multicast { .. }) => Self::LinkLocal,
            (None, Family::V6, Transport::Unicast { peers, .. }) => {
                let on_link = |address: &IpAddr| matches!(address, IpAddr::V6(a) if a.is_unicast_link_local());
                if peers.iter().all(|peer| on_link(&peer.address)) {
                    Self::LinkLocal
                } else {
                    Self::Global
                }
            }
        }
    }
}

impl AddressSetup {
    /// What the address thread needs to know of `plan`. `sockets` and `tracker` say what an interface of that name
    /// needs. Interfaces beyond the numbers that `names` can give are left out with what is on them.
    pub fn from_plan(
        plan: &Plan,
        names: &mut InterfaceNames,
        mut sockets: impl FnMut(&str) -> Option<SocketSpec>,
        mut tracker: impl FnMut(&str) -> Option<TrackerId>,
    ) -> Self {
        let mut setup = Self::default();
        let mut interface = |setup: &mut Self, name: &str| {
            let key = names.intern(name)?;
            if !setup.interfaces.iter().any(|known| known.key == key) {
                setup.interfaces.push(InterfaceSetup {
                    key,
                    name: name.to_owned(),
                    sockets: sockets(name),
                    tracker: tracker(name),
                });
            }
            Some(key)
        };
        for router in &plan.routers {
            let Some(base) = interface(&mut setup, &router.interface) else {
                continue;
            };
            let mut addresses = Vec::new();
            for vip in router.addresses.iter().chain(&router.excluded) {
                let device = vip.interface.as_deref().unwrap_or(&router.interface);
                if let Some(key) = interface(&mut setup, device) {
                    addresses.push((key, vip.clone()));
                }
            }
            let tracked = &router.track_interfaces;
            for track in tracked {
                interface(&mut setup, &track.name);
            }
            let announced = router.announce;
            let settings = AnnounceSettings {
                repeat: announced.repeat,
                delay: announced.delay,
                refresh: announced.refresh,
                refresh_repeat: announced.refresh_repeat,
                lower_repeat: announced.lower_repeat,
                lower_delay: announced.lower_delay,
                round_gap: Duration::ZERO,
            };
            let strict = plan.global.profile == Profile::Rfc9568 && router.family == Family::V6;
            setup.routers.push(RouterAddresses {
                id: RouterId {
                    interface: base,
                    family: router.family,
                    vrid: router.vrid,
                },
                source: SourceChoice::of(router),
                addresses,
                restore: router.restore_addresses,
                announce: if strict {
                    settings.within_rfc4861()
                } else {
                    settings
                },
                arp_interval: announced.arp_interval,
                na_interval: announced.na_interval,
                arp_target_broadcast: router.announce.arp_target_broadcast,
                na_router_flag: router.announce.na_router_flag,
            });
        }
        for group in &plan.groups {
            for track in &group.track_interfaces {
                interface(&mut setup, &track.name);
            }
        }
        setup
    }
}
