//! The address thread against a real kernel, each test in a network namespace of its own.

mod announcing;
mod bench;
mod holding;
mod interfaces;
mod keeping;
