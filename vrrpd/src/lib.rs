//! The daemon: engine, address thread, everything else, and the runner.
#![deny(unsafe_code)]

pub mod address;
pub mod control;
pub mod core;
pub mod net;
mod publish;
pub mod queue;
mod sys;
