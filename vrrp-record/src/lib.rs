//! What vrrpd records and how it is explained: shared by the daemon and the tool, on any operating system.
//!
//! Types of events, of the status and of the control socket, and the words for them. No I/O but reading and writing
//! frames on a stream that the caller owns, no clock, nothing of Linux but numbers that came from it.
#![forbid(unsafe_code)]

pub mod bundle;
pub mod capture;
pub mod cause;
pub mod control;
pub mod event;
pub mod health;
pub mod histogram;
pub mod history;
pub mod infer;
pub mod join;
pub mod journal;
pub mod measure;
pub mod moment;
mod outcome;
pub mod quantity;
pub mod ring;
mod sentence;
pub mod sequence;
pub mod status;
pub mod step;
pub mod text;
pub mod verdict;
pub mod words;
