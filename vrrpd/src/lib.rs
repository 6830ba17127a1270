//! The daemon: engine, address thread, everything else, and the runner.
#![deny(unsafe_code)]
