//! The VRRP sockets of an interface: what is opened, joined and switched on, and in which order.
//!
//! Opening takes the kernel's network lock (joining a group does), so it is the address thread's work; the finished
//! bundle is handed to the engine as a box, and an old one is handed back to be dropped where waiting is allowed.
//! Sending and receiving on these sockets is the engine's.

pub(crate) mod control;
mod open;
mod stamps;

pub use open::{
    InterfaceSockets, OpenError, ReceiveSocket, ReceiveSpec, ReceiveTransport, SocketSpec,
    TransmitSocket, open,
};
pub(crate) use stamps::{ErrorReport, StampPoint, arrival, enable_receive, error_report};
