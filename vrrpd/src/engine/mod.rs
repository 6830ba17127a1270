//! The engine thread: waits for the wire and the clock, and for nothing else.
//!
//! After its start it does not allocate, log, lock, resolve, fork, open a file or talk to netlink. Routers are built and
//! dropped elsewhere and come and go as boxes.

mod advert;
pub(crate) mod clock;
mod duty;
mod ends;
mod evidence;
mod facts;
mod flight;
mod hands;
mod heartbeat;
mod lock;
mod realtime;
mod receive;
mod recording;
mod replace;
mod reports;
mod run;
mod setup;
#[cfg(feature = "slow-steps")]
mod slow;
mod stamp_ring;
mod steps;
mod stop;
#[cfg(test)]
pub(crate) mod tests;
mod transmit;

pub(crate) use advert::AdvertRecord;
pub(crate) use ends::{Alive, Command, Ends, Outs, Shared};
pub(crate) use flight::{Flight, OutQueue, Track};
pub(crate) use heartbeat::Beat;
pub(crate) use lock::{lock_setup, state as lock_state};
pub(crate) use realtime::{Realtime, install_limit};
pub(crate) use run::Engine;
pub(crate) use setup::{DiscardReport, InterfaceIo, Io, RouterIo, Setup};
#[cfg(feature = "slow-steps")]
pub(crate) use slow::Order as SlowStep;
pub(crate) use stamp_ring::StampRing;
pub(crate) use transmit::check_sendable;
