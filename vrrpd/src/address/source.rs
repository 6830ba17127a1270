//! Which address a router's adverts leave from.
//!
//! Pure: a choice from the interface's addresses. keepalived's rule: the first one that is nobody's virtual address.

use std::net::IpAddr;

use super::SourceChoice;
use super::links::is_usable;
use super::netlink::AddressSeen;

/// Chooses among the addresses of an interface, in the kernel's order. `is_virtual` knows every router's addresses.
pub(super) fn choose(
    choice: SourceChoice,
    present: &[AddressSeen],
    is_virtual: &dyn Fn(IpAddr) -> bool,
) -> Option<IpAddr> {
    let first = |wanted: &dyn Fn(IpAddr) -> bool| {
        present
            .iter()
            .filter(|seen| is_usable(seen) && !is_virtual(seen.local))
            .map(|seen| seen.local)
            .find(|address| wanted(*address))
    };
    let on_link = |address: IpAddr| matches!(address, IpAddr::V6(a) if a.is_unicast_link_local());
    match choice {
        SourceChoice::Primary => first(&|address| address.is_ipv4()),
        SourceChoice::LinkLocal => first(&on_link),
        SourceChoice::Global => {
            first(&|address| address.is_ipv6() && !on_link(address)).or_else(|| first(&on_link))
        }
        SourceChoice::Tracked(address) => present
            .iter()
            .any(|seen| seen.local == address && is_usable(seen))
            .then_some(address),
        SourceChoice::Fixed(address) => Some(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn present(list: &[(&str, u32)]) -> Vec<AddressSeen> {
        let seen = |(address, flags): &(&str, u32)| {
            let local = address.parse().unwrap();
            AddressSeen {
                index: 3,
                local,
                peer: local,
                prefix: 24,
                flags: *flags,
                origin: None,
            }
        };
        list.iter().map(seen).collect()
    }

    fn chosen(choice: SourceChoice, list: &[(&str, u32)], virtuals: &[&str]) -> Option<String> {
        let virtuals: Vec<IpAddr> = virtuals.iter().map(|v| v.parse().unwrap()).collect();
        choose(choice, &present(list), &|address| {
            virtuals.contains(&address)
        })
        .map(|address| address.to_string())
    }

    #[test]
    fn a_virtual_address_in_front_is_passed_over() {
        let list = [("10.0.0.100", 0x80), ("10.0.0.1", 0x80), ("10.0.0.2", 0x80)];
        let source = chosen(SourceChoice::Primary, &list, &["10.0.0.100"]);
        assert_eq!(source.as_deref(), Some("10.0.0.1"));
        assert_eq!(
            chosen(SourceChoice::Primary, &list[..1], &["10.0.0.100"]),
            None
        );
    }

    #[test]
    fn ipv6_multicast_leaves_from_a_link_local_address_that_passed_detection() {
        let list = [
            ("2001:db8::1", 0x80),
            ("fe80::bad", 0x88),
            ("fe80::99", 0xc0),
            ("fe80::100", 0x80),
            ("fe80::1", 0x80),
        ];
        let source = chosen(SourceChoice::LinkLocal, &list, &["fe80::100"]);
        assert_eq!(source.as_deref(), Some("fe80::1"));
        let source = chosen(SourceChoice::Global, &list, &[]);
        assert_eq!(source.as_deref(), Some("2001:db8::1"));
        let source = chosen(SourceChoice::Global, &list[1..], &["fe80::100"]);
        assert_eq!(source.as_deref(), Some("fe80::1"));
        // Optimistic addresses may be used before detection is over.
        let optimistic = [("fe80::5", 0x44)];
        assert!(chosen(SourceChoice::LinkLocal, &optimistic, &[]).is_some());
    }

    #[test]
    fn a_configured_address_counts_while_it_is_there_or_always() {
        let address: IpAddr = "10.0.0.9".parse().unwrap();
        let list = [("10.0.0.1", 0x80)];
        assert_eq!(chosen(SourceChoice::Tracked(address), &list, &[]), None);
        assert!(chosen(SourceChoice::Fixed(address), &list, &[]).is_some());
        let list = [("10.0.0.1", 0x80), ("10.0.0.9", 0x80)];
        assert!(chosen(SourceChoice::Tracked(address), &list, &[]).is_some());
    }
}
