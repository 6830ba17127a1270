//! What the sampler watches, by name: made from a plan.

use std::collections::HashSet;
use std::net::IpAddr;

use vrrp_config::plan::{Plan, Transport};

/// What the sampler watches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Watch {
    /// Every interface that the plan names, once.
    pub(crate) interfaces: Vec<Interface>,
    /// Virtual addresses: never a probe's sender.
    pub(crate) virtuals: HashSet<IpAddr>,
    /// Peers and gateways are probed.
    pub(crate) probe: bool,
}

/// One interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Interface {
    /// Its name.
    pub(crate) name: String,
    /// VRIDs of the routers there; none where it is only tracked.
    pub(crate) vrids: Vec<u8>,
    /// VRRP groups that we join there.
    pub(crate) groups: Vec<IpAddr>,
    /// Unicast peers.
    pub(crate) peers: Vec<IpAddr>,
    /// Families of the routers there: IPv4, IPv6.
    pub(crate) families: [bool; 2],
}

impl Watch {
    /// What a plan needs watched.
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut watch = Self {
            probe: plan.global.probe,
            ..Self::default()
        };
        for router in &plan.routers {
            let interface = watch.interface(&router.interface);
            add(&mut interface.vrids, router.vrid.as_u8());
            match &router.transport {
                Transport::Multicast { group } => {
                    interface.families[usize::from(group.is_ipv6())] = true;
                    add(&mut interface.groups, *group);
                }
                Transport::Unicast { peers, .. } => {
                    for peer in peers {
                        interface.families[usize::from(peer.address.is_ipv6())] = true;
                        add(&mut interface.peers, peer.address);
                    }
                }
            }
            let addresses = router.addresses.iter().chain(&router.excluded);
            watch
                .virtuals
                .extend(addresses.clone().map(|vip| vip.address));
            for name in addresses.filter_map(|vip| vip.interface.as_ref()) {
                watch.interface(name);
            }
            for track in &router.track_interfaces {
                watch.interface(&track.name);
            }
        }
        watch
    }

    fn interface(&mut self, name: &str) -> &mut Interface {
        let known = self.interfaces.iter().position(|known| known.name == name);
        let place = known.unwrap_or_else(|| {
            self.interfaces.push(Interface {
                name: name.to_owned(),
                ..Interface::default()
            });
            self.interfaces.len() - 1
        });
        &mut self.interfaces[place]
    }
}

fn add<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}
