//! The only unsafe code of the daemon: system calls that neither nix nor socket2 offers in the form needed, as small
//! safe functions. Nothing here decides anything.
#![expect(
    unsafe_code,
    reason = "system calls without a safe interface in nix or socket2 end here"
)]

#[cfg(test)]
pub(crate) mod allocation;
pub(crate) mod descriptor;
pub(crate) mod mapping;
pub(crate) mod memory;
pub(crate) mod message;
pub(crate) mod packet;
pub(crate) mod pipe;
pub(crate) mod process;
pub(crate) mod readiness;
pub(crate) mod signals;
pub(crate) mod socket;
pub(crate) mod thread;
pub(crate) mod time;
