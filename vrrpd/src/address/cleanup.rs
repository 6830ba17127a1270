//! Taking every virtual address off when no address thread is left to do it.

use std::io;

use super::AddressSetup;
use super::netlink::{AddressSeen, Change, Requests, prefix};
use super::news::is_left_over;

/// Requests at once.
const PORTION: usize = 32;

/// See [`super::cleanup()`].
pub(super) fn run(setup: &AddressSetup) -> io::Result<usize> {
    let mut requests = Requests::open()?;
    let links = requests.links()?;
    let present = requests.addresses()?;
    let mut ours: Vec<&AddressSeen> = Vec::new();
    for (key, vip) in setup.routers.iter().flat_map(|router| &router.addresses) {
        let name = setup.interfaces.iter().find(|i| i.key == *key);
        let link = name.and_then(|name| links.iter().find(|link| link.name == name.name));
        let Some(link) = link else {
            continue;
        };
        let there = present.iter().filter(|seen| {
            seen.index == link.index && is_left_over(vip.address, prefix(vip), seen)
        });
        ours.extend(there);
    }
    let mut removed = 0;
    for portion in ours.chunks(PORTION) {
        let changes: Vec<_> = portion
            .iter()
            .map(|seen| (seen.index, Change::RemoveSeen(seen)))
            .collect();
        requests.change(&changes, &mut |_, errno| {
            removed += usize::from(errno.is_none());
        })?;
    }
    Ok(removed)
}
