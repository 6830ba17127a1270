//! The configuration that vrrpd is built for: two load balancers with haproxy and one address.

use std::net::{IpAddr, Ipv4Addr};

/// As it runs on the first load balancer, unchanged.
pub const FIRST: &str = include_str!("../loadbalancer01.conf");
/// The router's name.
pub const ROUTER: &str = "loadbalancer";
/// The address that moves.
pub const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 205, 7));
/// Where it lies on both hosts.
pub const INTERFACE: &str = "eth0";

/// As it runs on the second one.
#[must_use]
pub fn second() -> String {
    FIRST
        .replace("router_id loadbalancer01", "router_id loadbalancer02")
        .replace("priority 101", "priority 100")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_configuration_differs_in_two_lines() {
        let second = second();
        let differing: Vec<(&str, &str)> = FIRST
            .lines()
            .zip(second.lines())
            .filter(|(first, second)| first != second)
            .collect();
        assert_eq!(differing.len(), 2);
        assert!(second.contains("router_id loadbalancer02"));
        assert!(second.contains("priority 100\n"));
    }
}
