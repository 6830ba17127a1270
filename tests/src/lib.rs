//! Simulation, namespace lab and suites of vrrpd.

pub mod vectors;
