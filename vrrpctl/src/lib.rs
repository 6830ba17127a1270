//! The tool that asks a vrrpd what it does and why.
#![forbid(unsafe_code)]
