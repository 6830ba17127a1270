//! The whole daemon in network namespaces of its own.
//!
//! Needs root; without it each test says so and does nothing.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod host;
mod journal;
mod life;
mod service;
mod speakers;
mod survival;
mod who;
