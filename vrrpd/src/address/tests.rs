//! The address thread against a real kernel, each test in a network namespace of its own.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test looks for one report among all there are and will be"
)]

mod announcing;
pub(super) mod bench;
mod holding;
mod interfaces;
mod keeping;
mod wire;
