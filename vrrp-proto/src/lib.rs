//! VRRP version 2 (RFC 3768, RFC 2338) and version 3 (RFC 9568), and nothing else.
//!
//! No I/O, no clock, no thread: every input is an argument, every output a return value. The daemon drives this crate
//! with real sockets and clocks, the simulation with virtual ones, and both run the same decisions.
#![no_std]
#![forbid(unsafe_code)]
#![warn(
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::arithmetic_side_effects
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod addr;
pub mod announce;
pub mod group;
pub mod node;
pub mod router;
pub mod stats;
pub mod time;
pub mod timers;
pub mod track;
pub mod units;
pub mod wire;
