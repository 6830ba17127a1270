//! Which of a router's addresses are there: the core counts them, and reports single ones that were removed or refused.

use std::collections::BTreeSet;
use std::net::IpAddr;

use vrrp_config::plan::RouterPlan;
use vrrp_proto::router::AddressState;
use vrrp_record::status::Address;

use crate::core::Report;

/// Addresses known to be missing while the others are there.
#[derive(Clone, Debug, Default)]
pub(super) struct Missing(BTreeSet<IpAddr>);

impl Missing {
    /// Takes what a report says about single addresses, or all of them. Only configured addresses are reported, so this
    /// cannot grow without bound.
    pub(super) fn reported(&mut self, report: &Report) {
        if let Report::AddressRemoved { address, .. } | Report::AddressRefused { address, .. } =
            report
        {
            self.0.insert(*address);
        } else if let Report::AddressRestored { address, .. } = report {
            self.0.remove(address);
        } else if let Report::Addresses { state, .. } = report
            && (state.present == 0 || state.present >= state.wanted)
        {
            // With all or none there, single reports are history.
            self.0.clear();
        }
    }

    /// As the status shows them; a single address whose presence nobody told is left open.
    pub(super) fn status(&self, plan: &RouterPlan, state: AddressState) -> Vec<Address> {
        let absent = usize::from(state.wanted.saturating_sub(state.present));
        let present = |address: IpAddr| match (absent, state.present) {
            (_, 0) => Some(false),
            (0, _) if state.wanted > 0 => Some(true),
            _ if absent > 0 && absent == self.0.len() => Some(!self.0.contains(&address)),
            _ => self.0.contains(&address).then_some(false),
        };
        let advertised = plan.addresses.iter().map(|address| (address, false));
        let excluded = plan.excluded.iter().map(|address| (address, true));
        advertised
            .chain(excluded)
            .map(|(address, excluded)| Address {
                address: format!("{}/{}", address.address, address.prefix),
                interface: address
                    .interface
                    .clone()
                    .unwrap_or_else(|| plan.interface.clone()),
                present: present(address.address),
                excluded,
            })
            .collect()
    }
}
