//! Simulation, namespace lab and suites of vrrpd.

pub mod allocation;
pub mod bench;
pub mod browser;
pub mod drill;
pub mod lab;
pub mod manual;
pub mod model;
pub mod motivating;
pub mod sim;
pub mod site;
pub mod vectors;
pub mod xtask;
