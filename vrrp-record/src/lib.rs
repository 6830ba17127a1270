//! What vrrpd records and how it is explained: shared by the daemon and the tool, on any operating system.
#![forbid(unsafe_code)]
