//! What one virtual router accepts: identity, version, secrets and transport, and the points on which standards and
//! deployed practice differ. The judging is in `check`.

use alloc::boxed::Box;
use core::net::IpAddr;

use super::auth::Auth;
use super::checksum::ChecksumAccept;
use crate::addr::AddressList;
use crate::units::{AdvertInterval, Version, Vrid};

/// Which versions a router hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Versions {
    /// The router's own.
    Only(Version),
    /// Interoperation mode (RFC 9568 §8.4.2): a version 3 router that hears version 2 too, over IPv4.
    Both,
}

/// What one virtual router accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiveConfig {
    /// VRID.
    pub vrid: Vrid,
    /// Versions.
    pub versions: Versions,
    /// Whether the router's effective priority is 255.
    pub owner: bool,
    /// Own Advertisement_Interval.
    pub interval: AdvertInterval,
    /// Configured addresses; their family is the router's.
    pub addresses: AddressList,
    /// Version 2 authentication.
    pub auth: Auth,
    /// Multicast or unicast.
    pub transport: ReceiveTransport,
    /// The address that own adverts leave from: its appearance as a source is a loop or a clash.
    pub own_source: Option<IpAddr>,
    /// Where the profiles differ.
    pub policy: ReceivePolicy,
}

impl ReceiveConfig {
    /// Where the memory is that [`receive`](Self::receive) reads beside this value, as address and bytes: for a driver
    /// that locks it.
    pub fn for_each_memory(&self, visit: &mut dyn FnMut(usize, usize)) {
        self.addresses.for_each_memory(visit);
        match &self.transport {
            ReceiveTransport::Multicast { .. } => {}
            ReceiveTransport::Unicast { peers, .. } => {
                visit(peers.as_ptr().addr(), size_of_val(&**peers));
            }
        }
    }
}

/// The points of receiving that standards and deployed practice decide differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceivePolicy {
    /// Compare address lists: a difference discards a version 2 advert of a non-owner and is a warning everywhere else,
    /// never a discard in version 3. On in both profiles; keepalived's `skip_check_adv_addr` turns it off.
    pub check_addresses: bool,
    /// Version 3 over IPv6: the first address must be link-local. On in rfc9568, off in keepalived.
    pub require_link_local_first: bool,
    /// Multicast over IPv6: the source must be link-local. On in rfc9568, off in keepalived.
    pub require_link_local_source: bool,
    /// An address owner discards version 2 adverts. On in rfc9568, off in keepalived, which processes them.
    pub owner_discards_v2: bool,
    /// Version 3 over IPv4: accepted checksum forms (P-15). Both forms in both profiles.
    pub checksum: ChecksumAccept,
}

impl ReceivePolicy {
    /// What RFC 9568 and RFC 3768 say.
    pub const RFC9568: Self = Self {
        check_addresses: true,
        require_link_local_first: true,
        require_link_local_source: true,
        owner_discards_v2: true,
        checksum: ChecksumAccept::Both,
    };
    /// What keepalived does, where it can be done without losing a peer.
    pub const KEEPALIVED: Self = Self {
        check_addresses: true,
        require_link_local_first: false,
        require_link_local_source: false,
        owner_discards_v2: false,
        checksum: ChecksumAccept::Both,
    };
}

/// Where adverts come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiveTransport {
    /// The group; TTL 255.
    Multicast {
        /// 224.0.0.18, ff02::12, or another configured group.
        group: IpAddr,
    },
    /// Peers; group packets are not for this router (U-14).
    Unicast {
        /// The only destination accepted; any unicast address where `None`.
        local: Option<IpAddr>,
        /// The configured peers.
        peers: Box<[Peer]>,
        /// Accept listed peers only (U-12). On in rfc9568; keepalived: `check_unicast_src`, off by default.
        check_source: bool,
    },
}

/// A unicast peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// Least TTL or hop limit accepted from it (U-11): 255 in rfc9568; 0 in keepalived, whose own IPv6 unicast adverts
    /// leave with 64.
    pub min_ttl: u8,
    /// Greatest TTL or hop limit accepted from it: 255, unless keepalived's `max_ttl` says less.
    pub max_ttl: u8,
}
