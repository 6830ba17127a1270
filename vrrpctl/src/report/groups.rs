//! Which routers of several nodes are the same virtual router, and who speaks and listens for each: the rails of the page.

use std::net::IpAddr;

use vrrp_record::history::{Router, Time};
use vrrp_record::words::Word;

use super::clocks::Clocks;
use super::model;
use crate::commands::{frame, timeline};
use crate::source::Node;

/// Most senders of one router that get a rail without being one of the nodes.
const FOREIGN: usize = 6;

/// A virtual router on all nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// Its position on each node.
    pub(crate) positions: Vec<Option<u16>>,
}

impl Group {
    /// The virtual routers of all nodes that have one of these names; all of them where no name is given.
    pub(crate) fn all(nodes: &[Node], names: &[String]) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        for (place, node) in nodes.iter().enumerate() {
            for (position, router) in (0_u16..).zip(&node.history.routers) {
                let free = |group: &&mut Self| {
                    group.positions.get(place).copied().flatten().is_none()
                        && group.settings(nodes).any(|(_, known)| same(known, router))
                };
                let mut found: Vec<&mut Self> = groups.iter_mut().filter(free).collect();
                // The same VRID may be used on two interfaces of one node: then the name decides.
                let best = found.iter().position(|group| {
                    group
                        .settings(nodes)
                        .any(|(_, known)| known.name == router.name)
                });
                if let Some(group) = found.get_mut(best.unwrap_or_default()) {
                    group.positions[place] = Some(position);
                    continue;
                }
                let mut positions = vec![None; nodes.len()];
                positions[place] = Some(position);
                groups.push(Self { positions });
            }
        }
        groups.retain(|group| {
            names.is_empty()
                || group
                    .settings(nodes)
                    .any(|(_, router)| names.contains(&router.name))
        });
        groups
    }

    /// The nodes that have it, with their settings.
    pub(crate) fn settings<'a>(
        &'a self,
        nodes: &'a [Node],
    ) -> impl Iterator<Item = (usize, &'a Router)> {
        self.positions
            .iter()
            .enumerate()
            .filter_map(|(place, position)| {
                let router = nodes[place]
                    .history
                    .routers
                    .get(usize::from((*position)?))?;
                Some((place, router))
            })
    }

    /// Its name and what identifies it, as the first node that has it says.
    pub(crate) fn title(&self, nodes: &[Node]) -> (String, String) {
        self.settings(nodes)
            .next()
            .map(|(_, router)| (router.name.clone(), frame::identity(router)))
            .unwrap_or_default()
    }

    /// Interval, and the lateness at which the first BACKUP takes over; microseconds.
    pub(crate) fn limits(&self, nodes: &[Node]) -> (i64, i64) {
        let (mut interval, mut limit) = (0, i64::MAX);
        for (place, router) in self.settings(nodes) {
            let position = self.positions[place];
            let heard = nodes[place].history.received.iter().rev();
            let learned = heard
                .clone()
                .find(|one| Some(one.router) == position && one.priority != 0)
                .map(|one| one.interval);
            let each = learned.unwrap_or(router.interval);
            let late = router
                .down_interval(learned, router.priority)
                .saturating_sub(each);
            interval = interval.max(i64::try_from(each / 1_000).unwrap_or_default());
            limit = limit.min(i64::try_from(late / 1_000).unwrap_or(i64::MAX));
        }
        (interval, if interval == 0 { 0 } else { limit })
    }
}

fn same(one: &Router, other: &Router) -> bool {
    (one.vrid, one.ipv6) == (other.vrid, other.ipv6)
}

/// A state's stretch: from, until, position in [`model::STATES`].
type Stretch = (Time, Time, u8);

/// A rail before it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rail {
    pub(crate) label: String,
    pub(crate) node: Option<usize>,
    /// Addresses of a sender that is none of the nodes.
    pub(crate) address: Option<IpAddr>,
    /// By the first node's clock.
    pub(crate) phases: Vec<Stretch>,
}

/// Positions in [`model::STATES`].
const fn state(word: Word) -> u8 {
    match word {
        Word::Init => 0,
        Word::Backup => 1,
        Word::Master => 2,
        Word::Fault => 3,
    }
}
const ADVERTISES: u8 = 4;
pub(crate) const SEVERAL: u8 = 5;

/// Whose address it is, among the nodes that have the router.
pub(crate) fn owner(group: &Group, nodes: &[Node], address: IpAddr) -> Option<usize> {
    group
        .settings(nodes)
        .find(|(place, router)| {
            router.source == Some(address)
                || nodes[*place].history.node.addresses.contains(&address)
        })
        .map(|(place, _)| place)
}

/// Who speaks and listens, nodes first, in the order of what was read.
pub(crate) fn rails(group: &Group, nodes: &[Node], clocks: &Clocks) -> Vec<Rail> {
    let mut rails = Vec::new();
    let mut foreign: Vec<(IpAddr, Vec<Stretch>)> = Vec::new();
    for (place, router) in group.settings(nodes) {
        let node = &nodes[place];
        let position = group.positions[place].unwrap_or_default();
        let by_first = |at| clocks.by_first(place, at);
        let phases: Vec<Stretch> = node
            .history
            .phases(position)
            .iter()
            .filter_map(|phase| {
                Some((
                    by_first(phase.from),
                    by_first(phase.until),
                    state(phase.state?),
                ))
            })
            .collect();
        let watched = phases.is_empty();
        let mut own = phases;
        for (address, spoke) in timeline::speakers(node, position) {
            // Only a capture has all of its adverts one by one, so only there silence is silence.
            let spoke: Vec<Stretch> = spoke
                .iter()
                .filter(|_| watched)
                .map(|phase| (by_first(phase.from), by_first(phase.until), ADVERTISES))
                .collect();
            if watched && router.source == Some(address) {
                own = spoke;
            } else if owner(group, nodes, address).is_none()
                && !foreign.iter().any(|(known, _)| *known == address)
            {
                foreign.push((address, spoke));
            }
        }
        if !watched || router.source.is_some() {
            rails.push(Rail {
                label: match router.source.filter(|_| watched) {
                    Some(source) => format!("{} ({source})", node.name()),
                    None => node.name(),
                },
                node: Some(place),
                address: None,
                phases: own,
            });
        }
    }
    for (address, phases) in foreign.into_iter().take(FOREIGN) {
        rails.push(Rail {
            label: address.to_string(),
            node: None,
            address: Some(address),
            phases,
        });
    }
    rails
}

/// At most `most` phases: the shortest ones that stand beside each other become one of several states.
pub(crate) fn bounded(mut phases: Vec<Stretch>, most: usize) -> Vec<Stretch> {
    let mut shortest = 1_000_000_000;
    while phases.len() > most.max(1) {
        let mut joined: Vec<Stretch> = Vec::new();
        for phase in phases {
            let short = phase.1.since(phase.0) < shortest;
            match joined.last_mut() {
                Some(last)
                    if short
                        && phase.0.since(last.1) < shortest
                        && (last.2 == SEVERAL || last.1.since(last.0) < shortest) =>
                {
                    (last.1, last.2) = (phase.1, SEVERAL);
                }
                _ => joined.push(phase),
            }
        }
        phases = joined;
        let longer = shortest * 4;
        if longer <= shortest || shortest > i64::MAX / 8 {
            phases.truncate(most.max(1));
            break;
        }
        shortest = longer;
    }
    phases
}

impl Rail {
    /// As it is drawn.
    pub(crate) fn drawn(self, most: usize, micros: impl Fn(Time) -> i64) -> model::Rail {
        let phases = bounded(self.phases, most);
        model::Rail {
            label: self.label,
            node: self.node,
            phases: phases
                .into_iter()
                .map(|(from, until, state)| (micros(from), micros(until), state))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_router_that_flaps_for_days_stays_small() {
        let second = 1_000_000_000;
        let flaps = (0..100_000)
            .map(|at| {
                (
                    Time(at * second),
                    Time((at + 1) * second),
                    u8::try_from(at % 2 + 1).unwrap(),
                )
            })
            .chain([(Time(100_000 * second), Time(900_000 * second), 2)])
            .collect();
        let phases = bounded(flaps, 50);
        assert_eq!(
            phases,
            [
                (Time(0), Time(100_000 * second), SEVERAL),
                (Time(100_000 * second), Time(900_000 * second), 2)
            ]
        );
    }
}
