//! Simulation, namespace lab and suites of vrrpd.
