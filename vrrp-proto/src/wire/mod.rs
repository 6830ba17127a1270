//! Packets: what goes on the wire and what is taken from it.
//!
//! Everything is encoded into a caller's buffer and decoded in place; nothing here allocates, panics on bytes from the
//! network, or knows a socket. [`Datagram`] is an IP packet, [`Advert`] a message that cannot be invalid,
//! [`ReceiveConfig::receive`] the only way from the first to the second.

mod accepted;
mod advert;
mod ah;
pub mod arp;
mod auth;
mod check;
mod checksum;
mod discard;
mod encode;
mod ip;
pub mod ndisc;
mod packet;
mod receive;

pub use accepted::{Accepted, Warning, Warnings};
pub use advert::{Advert, AdvertError, Trailer};
pub use ah::{AhFields, AhSequence};
pub use auth::{Auth, IcvForm, Password, TrailerKind};
pub use checksum::{ChecksumAccept, ChecksumForm, Sum};
pub use discard::Discard;
pub use encode::{EncodeError, Envelope, SendConfig};
pub use ip::Datagram;
pub use packet::Message;
pub use receive::{Peer, ReceiveConfig, ReceivePolicy, ReceiveTransport, Versions};

/// The largest packet this module builds: IPv6 header, version 3 header and 255 addresses.
pub const MAX_PACKET: usize = 40 + 8 + 255 * 16;
/// IP protocol and IPv6 next header of VRRP (RFC 9568 §5.1.1.4).
pub const PROTOCOL_VRRP: u8 = 112;
/// IP protocol of the Authentication Header (RFC 2402).
pub const PROTOCOL_AH: u8 = 51;
/// TTL and hop limit of adverts on a link (RFC 9568 §5.1.1.3, §5.1.2.3).
pub const TTL: u8 = 255;
/// TOS and traffic class of sent adverts: CS6, internetwork control; never checked on receipt.
pub const TRAFFIC_CLASS: u8 = 0xc0;
/// IPv4 group of VRRP routers (RFC 9568 §5.1.1.2).
pub const GROUP_V4: core::net::Ipv4Addr = core::net::Ipv4Addr::new(224, 0, 0, 18);
/// IPv6 group of VRRP routers (RFC 9568 §5.1.2.2).
pub const GROUP_V6: core::net::Ipv6Addr = core::net::Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);
