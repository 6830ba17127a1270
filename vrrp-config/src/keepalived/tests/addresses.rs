//! Address entries: what stands beside an address, which family it makes, how many there may be.

use vrrp_proto::units::{Family, Version};

use super::*;
use crate::plan::Transport;

/// Trap 5.
#[test]
fn an_address_without_prefix_length_is_a_host_address_without_broadcast() {
    let vip = router("", 0, "").addresses[0].clone();
    assert_eq!((vip.prefix, vip.broadcast, vip.scope), (32, None, 0));
}

#[test]
fn words_of_an_address_entry() {
    let lines = "virtual_ipaddress {\n\
        10.0.0.2/24 dev eth1 brd + label eth0:1 scope link\n\
        10.0.0.3/24 brd - no_track noprefixroute\n\
        10.0.0.4/24 broadcast 10.0.0.255 peer 10.9.0.1/30\n}";
    let vips = router(lines, 0, "").addresses;
    assert_eq!(vips[1].interface.as_deref(), Some("eth1"));
    assert_eq!(
        (vips[1].broadcast, vips[1].scope),
        (Some([10, 0, 0, 255].into()), 253)
    );
    assert_eq!(vips[1].label.as_deref(), Some("eth0:1"));
    assert_eq!(
        (vips[2].broadcast, vips[2].track, vips[2].no_prefix_route),
        (Some([10, 0, 0, 0].into()), false, true)
    );
    assert_eq!(vips[3].peer, Some(("10.9.0.1".parse().unwrap(), 30)));
}

#[test]
fn mistakes_in_an_address_entry() {
    for (entry, kept, words) in [
        ("x.x.x.x", false, "not an IP address"),
        ("10.0.0.300", false, "not an IP address"),
        ("10.0.0.2/33", true, "/32 is used"),
        ("10.0.0.2 dev", false, "has no value"),
        ("10.0.0.2/24 scope foo", true, "scope 'foo' is unknown"),
        ("10.0.0.2 label sixteen-letters-x", false, "more than 15"),
        ("10.0.0.2 brd +", true, "no broadcast address"),
        ("10.0.0.2 nonsense", true, "is ignored"),
        ("10.0.0.2 peer fe80::1", true, "same family"),
        ("2001:db8::1", false, "of the other family"),
    ] {
        let router = router(&format!("virtual_ipaddress {{\n{entry}\n}}"), 5, words);
        assert_eq!(router.addresses.len(), if kept { 2 } else { 1 }, "{entry}");
    }
}

#[test]
fn ipv6_addresses_make_a_version_3_router_of_their_own_family() {
    let text = instance("").replace(
        "10.0.0.1",
        "fe80::1/64\n2001:db8::1\n2001:db8::2/64 preferred_lft 10\n10.0.0.1",
    );
    let loaded = read(&text);
    assert_eq!(loaded.check_exit(), 5);
    says(&loaded, "10.0.0.1 is of the other family");
    let router = &plan_of(&loaded).routers[0];
    assert_eq!(
        (router.version, router.family, router.addresses.len()),
        (Version::V3, Family::V6, 3)
    );
    let lifetimes: Vec<u32> = router
        .addresses
        .iter()
        .map(|vip| vip.preferred_lifetime)
        .collect();
    assert_eq!(lifetimes, [u32::MAX, 0, 10]);
    assert_eq!(
        router.transport,
        Transport::Multicast {
            group: "ff02::12".parse().unwrap()
        }
    );
}

/// keepalived starts VRRP version 2 over IPv6, which no RFC describes.
#[test]
fn version_2_with_ipv6_addresses_is_refused_at_the_version() {
    let text = instance("")
        .replace("interface", "version 2\ninterface")
        .replace("10.0.0.1", "fe80::1");
    refused(&text, 5, "version 2 is IPv4 only");
}

/// Trap 20.
#[test]
fn excluded_addresses_may_be_of_either_family() {
    let router = router(
        "virtual_ipaddress_excluded {\n2001:db8::1/64\n10.0.0.9\n}",
        0,
        "",
    );
    assert_eq!((router.addresses.len(), router.excluded.len()), (1, 2));
}

#[test]
fn a_router_without_address_runs_in_version_2_only() {
    let none = |lines: &str| instance(lines).replace("10.0.0.1\n", "");
    assert!(plan(&none(""), 5).routers[0].addresses.is_empty());
    refused(&none("version 3"), 5, "no virtual address");
    refused(&none("strict_mode"), 5, "no virtual address");
    plan(&none("no_virtual_ipaddress"), 0);
    plan(&none("strict_mode\nno_virtual_ipaddress"), 0);
    // The daemon could not build its adverts, so a check has to say so, too.
    let text = none("version 3\nno_virtual_ipaddress");
    refused(&text, 5, "no virtual address");
}

#[test]
fn surplus_addresses_are_set_and_not_advertised() {
    let entries: String = (0..300)
        .map(|n| format!("10.1.{}.{}\n", n / 250, n % 250 + 1))
        .collect();
    let router = router(
        &format!("virtual_ipaddress {{\n{entries}}}"),
        5,
        "set but not advertised",
    );
    assert_eq!((router.addresses.len(), router.excluded.len()), (255, 46));
    assert_eq!(router.excluded[0].address.to_string(), "10.1.1.5");
}
