//! Which sockets the routers of one interface need.

use std::net::IpAddr;
use std::time::Duration;

use vrrp_config::plan::{AuthPlan, Plan, RouterPlan};
use vrrp_proto::units::Family;

use crate::engine::RouterIo;
use crate::net::{ReceiveSpec, ReceiveTransport, SocketSpec};

/// What a socket's buffer has to bridge.
const STALL: Duration = Duration::from_secs(4);
/// What one advert may cost of a receive buffer, with the drivers that charge most.
const ADVERT_COST: u64 = 4096;

/// The sockets that the routers of one interface need: one to receive for each family and transport, one to send for
/// each family.
pub(super) fn socket_spec(plan: &Plan, interface: usize, io: &[RouterIo]) -> SocketSpec {
    let mut spec = SocketSpec::default();
    for family in [Family::V4, Family::V6] {
        for multicast in [true, false] {
            let members: Vec<(&RouterPlan, &RouterIo)> = plan
                .routers
                .iter()
                .zip(io)
                .filter(|(_, io)| {
                    (io.interface, io.id.family, io.multicast) == (interface, family, multicast)
                })
                .collect();
            if members.is_empty() {
                continue;
            }
            spec.receive.push(ReceiveSpec {
                family,
                transport: if multicast {
                    groups(&members)
                } else {
                    local(&members)
                },
                authenticated: members
                    .iter()
                    .any(|(router, _)| matches!(router.auth, AuthPlan::Ah(_))),
                buffer: members.iter().map(|(router, io)| buffer(router, io)).sum(),
            });
            if !spec.transmit.contains(&family) {
                spec.transmit.push(family);
            }
        }
    }
    spec
}

fn groups(members: &[(&RouterPlan, &RouterIo)]) -> ReceiveTransport {
    let mut groups: Vec<IpAddr> = members
        .iter()
        .flat_map(|(_, io)| io.destinations.iter().copied())
        .collect();
    groups.sort_unstable();
    groups.dedup();
    ReceiveTransport::Multicast(groups)
}

/// The address that all of them share, if they do: each router's checks look at the destination anyway.
fn local(members: &[(&RouterPlan, &RouterIo)]) -> ReceiveTransport {
    let mut sources = members.iter().map(|(router, _)| router.source);
    let first = sources.next().flatten();
    ReceiveTransport::Unicast(first.filter(|_| sources.all(|source| source == first)))
}

fn buffer(router: &RouterPlan, io: &RouterIo) -> usize {
    let interval = router.interval.as_duration().as_millis().max(1);
    let adverts = u64::try_from(STALL.as_millis().div_ceil(interval)).unwrap_or(u64::MAX);
    let senders = u64::try_from(io.destinations.len()).unwrap_or(1).max(2);
    usize::try_from(adverts.saturating_mul(senders).saturating_mul(ADVERT_COST))
        .unwrap_or(usize::MAX)
}
