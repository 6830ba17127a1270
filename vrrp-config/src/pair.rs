//! What the files of two nodes disagree about: the basis of `vrrpctl config diff`.
//!
//! Only what one router does to the other counts here; how a node looks after itself is its own matter. Values are shown,
//! but for passwords, which are told to differ (safety rule 11).

use std::fmt::{self, Display};
use std::net::IpAddr;

use vrrp_proto::units::{Family, Version};

use crate::diff::RouterKey;
use crate::plan::{
    AuthPlan, ChecksumAccept, ChecksumForm, PeerPlan, Plan, RouterPlan, TrackPlan, Transport,
    VipPlan,
};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// It works, and may not be what was meant.
    Note,
    /// Adverts are refused, or an address is served by nobody or by both.
    Trouble,
}

/// One point on which two nodes disagree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// How bad it is.
    pub weight: Weight,
    /// The router, by its name in the first file that has it, with its identity there.
    pub router: String,
    /// What differs, in one word of the configuration: `vrid`, `interval`, `auth` …
    pub about: &'static str,
    /// Both values, and what comes of it.
    pub text: String,
}

/// A node: what it is called in sentences, and its plan.
pub type Node<'a> = (&'a str, &'a Plan);

/// Compares the plans of two nodes that are meant to protect the same addresses. In the order of the first file; what
/// only the second has comes last.
#[must_use]
pub fn compare_nodes(a: Node<'_>, b: Node<'_>) -> Vec<Disagreement> {
    let mut found = Vec::new();
    let mut taken: Vec<&RouterPlan> = Vec::new();
    for router in &a.1.routers {
        match partner(router, b.1) {
            Some(other) => {
                taken.push(other);
                Pair {
                    names: [a.0, b.0],
                    routers: [router, other],
                    found: &mut found,
                }
                .compare();
                groups(router, other, a, b, &mut found);
            }
            None => found.push(alone(router, a.0, b.0)),
        }
    }
    for router in &b.1.routers {
        if !taken.iter().any(|known| std::ptr::eq(*known, router)) {
            found.push(alone(router, b.0, a.0));
        }
    }
    found
}

/// The router that is meant to be the same: by identity, else by its name, else by an address that both protect.
fn partner<'a>(router: &RouterPlan, plan: &'a Plan) -> Option<&'a RouterPlan> {
    let key = RouterKey::of(router);
    let find = |same: &dyn Fn(&RouterPlan) -> bool| plan.routers.iter().find(|other| same(other));
    let shares = |other: &RouterPlan| {
        let addresses = || router.addresses.iter().map(|vip| vip.address);
        let mut theirs = other.addresses.iter();
        theirs.any(|vip| addresses().any(|own| own == vip.address))
    };
    find(&|other| RouterKey::of(other) == key)
        .or_else(|| find(&|other| other.name == router.name))
        .or_else(|| find(&shares))
        .or_else(|| find(&|other| other.vrid == router.vrid && other.family == router.family))
}

fn title(router: &RouterPlan) -> String {
    format!("{} ({})", router.name, RouterKey::of(router))
}

fn alone(router: &RouterPlan, here: &str, there: &str) -> Disagreement {
    Disagreement {
        weight: Weight::Trouble,
        router: title(router),
        about: "router",
        text: format!("only {here} has it: {there} takes nothing over"),
    }
}

fn groups(
    router: &RouterPlan,
    other: &RouterPlan,
    a: Node<'_>,
    b: Node<'_>,
    found: &mut Vec<Disagreement>,
) {
    let grouped =
        |plan: &Plan, name: &String| plan.groups.iter().any(|group| group.members.contains(name));
    let (here, there) = (grouped(a.1, &router.name), grouped(b.1, &other.name));
    if here != there {
        let in_one = if here { a.0 } else { b.0 };
        found.push(Disagreement {
            weight: Weight::Note,
            router: title(router),
            about: "sync group",
            text: format!("a member of a sync group on {in_one} only: it moves with the others there, and alone on the other node"),
        });
    }
}

struct Pair<'a, 'f> {
    names: [&'a str; 2],
    routers: [&'a RouterPlan; 2],
    found: &'f mut Vec<Disagreement>,
}

impl Pair<'_, '_> {
    fn say(&mut self, weight: Weight, about: &'static str, text: impl Into<String>) {
        self.found.push(Disagreement {
            weight,
            router: title(self.routers[0]),
            about,
            text: text.into(),
        });
    }

    /// A value that has to be the same on both sides.
    fn same<T: PartialEq + Display>(
        &mut self,
        about: &'static str,
        values: [T; 2],
        weight: Weight,
        consequence: &str,
    ) -> bool {
        let [a, b] = values;
        if a == b {
            return true;
        }
        let [first, second] = self.names;
        self.say(
            weight,
            about,
            format!("{a} on {first}, {b} on {second}: {consequence}"),
        );
        false
    }

    fn compare(&mut self) {
        const DEAF: &str = "neither hears the other, and both become MASTER";
        let [a, b] = self.routers;
        self.same(
            "interface",
            [a.interface.as_str(), b.interface.as_str()],
            Weight::Note,
            "well if both are on the same link",
        );
        let one_link = self.same("vrid", [a.vrid, b.vrid], Weight::Trouble, DEAF)
            & self.same(
                "family",
                [family(a.family), family(b.family)],
                Weight::Trouble,
                DEAF,
            );
        if one_link {
            self.version_and_interval();
            self.authentication();
            self.transport();
            self.checksum();
            self.first_address();
        }
        self.addresses(
            "address list",
            a.addresses.as_slice(),
            b.addresses.as_slice(),
        );
        self.addresses(
            "excluded addresses",
            a.excluded.as_slice(),
            b.excluded.as_slice(),
        );
        self.priorities();
        self.same(
            "preempt",
            [a.preempt, b.preempt],
            Weight::Note,
            "who comes back takes over again on one node only",
        );
        self.same(
            "down_timer_adverts",
            [a.down_adverts, b.down_adverts],
            Weight::Note,
            "one of them takes over sooner than the other",
        );
    }

    fn version_and_interval(&mut self) {
        let [a, b] = self.routers;
        let number = |router: &RouterPlan| match router.version {
            Version::V2 => 2,
            Version::V3 => 3,
        };
        if a.version != b.version {
            let bridged = a.interoperate || b.interoperate;
            let (weight, consequence) = if bridged {
                (
                    Weight::Note,
                    "interoperation speaks both; change the older one soon",
                )
            } else {
                (
                    Weight::Trouble,
                    "each refuses the other's adverts, and both become MASTER",
                )
            };
            self.same("version", [number(a), number(b)], weight, consequence);
            return;
        }
        let (weight, consequence) = match a.version {
            Version::V2 => (
                Weight::Trouble,
                "version 2 refuses adverts with another interval, and both become MASTER",
            ),
            Version::V3 => (
                Weight::Note,
                "the BACKUP follows the MASTER's, so a failover takes another time in each direction",
            ),
        };
        let seconds = |router: &RouterPlan| Seconds(router.interval.as_centis());
        self.same("interval", [seconds(a), seconds(b)], weight, consequence);
    }

    fn authentication(&mut self) {
        let [a, b] = self.routers;
        let method = |auth: &AuthPlan| match auth {
            AuthPlan::None => "none",
            AuthPlan::Pass(_) => "PASS",
            AuthPlan::Ah(_) => "AH",
        };
        const REFUSED: &str = "each refuses the other's adverts, and both become MASTER";
        if self.same(
            "auth",
            [method(&a.auth), method(&b.auth)],
            Weight::Trouble,
            REFUSED,
        ) && a.auth != b.auth
        {
            self.say(
                Weight::Trouble,
                "auth",
                format!("the passwords differ in their first 8 bytes: {REFUSED}"),
            );
        }
    }

    fn transport(&mut self) {
        let [a, b] = self.routers;
        match (&a.transport, &b.transport) {
            (Transport::Multicast { group: one }, Transport::Multicast { group: other }) => {
                self.same(
                    "multicast group",
                    [one, other],
                    Weight::Trouble,
                    "neither hears the other, and both become MASTER",
                );
            }
            (Transport::Unicast { .. }, Transport::Unicast { .. }) => {
                self.unicast(0, 1);
                self.unicast(1, 0);
            }
            (Transport::Multicast { .. }, Transport::Unicast { .. })
            | (Transport::Unicast { .. }, Transport::Multicast { .. }) => {
                let word = |router: &RouterPlan| match router.transport {
                    Transport::Multicast { .. } => "multicast",
                    Transport::Unicast { .. } => "unicast",
                };
                self.same(
                    "transport",
                    [word(a), word(b)],
                    Weight::Trouble,
                    "neither hears the other, and both become MASTER",
                );
            }
        }
    }

    /// What the adverts of one are at the other.
    fn unicast(&mut self, from: usize, to: usize) {
        let (sender, receiver) = (self.routers[from], self.routers[to]);
        let (from, to) = (self.names[from], self.names[to]);
        let (
            Transport::Unicast { peers, ttl, .. },
            Transport::Unicast {
                peers: known,
                check_source,
                ..
            },
        ) = (&sender.transport, &receiver.transport)
        else {
            return;
        };
        let lists = |peers: &[PeerPlan], address: IpAddr| {
            peers.iter().find(|peer| peer.address == address).copied()
        };
        if let Some(target) = receiver.source
            && lists(peers, target).is_none()
        {
            let text = format!(
                "{from} does not list {target}, the source of {to}: {to} hears nothing and becomes MASTER"
            );
            self.say(Weight::Trouble, "unicast peers", text);
        }
        let Some(source) = sender.source else { return };
        match lists(known, source) {
            None if *check_source => {
                let text = format!(
                    "{to} accepts listed peers only and does not list {source}, the source of {from}"
                );
                self.say(Weight::Trouble, "unicast peers", text);
            }
            Some(peer) if *check_source && (*ttl < peer.min_ttl || *ttl > peer.max_ttl) => {
                let text = format!(
                    "{from} sends TTL {ttl}, and {to} accepts {} to {} from it",
                    peer.min_ttl, peer.max_ttl
                );
                self.say(Weight::Trouble, "unicast TTL", text);
            }
            None | Some(_) => {}
        }
    }

    /// Matters in version 3 over IPv4 only (D-1).
    fn checksum(&mut self) {
        let [a, b] = self.routers;
        if a.family != Family::V4 || a.version != Version::V3 || b.version != Version::V3 {
            return;
        }
        let mut refused = false;
        for (from, to) in [(0, 1), (1, 0)] {
            let (sent, accepted) = (
                self.routers[from].checksum_send,
                self.routers[to].checksum_accept,
            );
            if let ChecksumAccept::Only(only) = accepted
                && only != sent
            {
                refused = true;
                let text = format!(
                    "{} sends the form {}, and {} accepts {} only",
                    self.names[from],
                    form(sent),
                    self.names[to],
                    form(only)
                );
                self.say(Weight::Trouble, "checksum form", text);
            }
        }
        if !refused {
            self.same(
                "checksum form",
                [form(a.checksum_send), form(b.checksum_send)],
                Weight::Note,
                "vrrpd accepts both; a keepalived accepts the form with a pseudo-header only",
            );
        }
    }

    /// an IPv6 router may insist on a link-local address in front.
    fn first_address(&mut self) {
        for (from, to) in [(0, 1), (1, 0)] {
            let (sender, receiver) = (self.routers[from], self.routers[to]);
            let is_link_local = |vip: &VipPlan| matches!(vip.address, IpAddr::V6(address) if address.is_unicast_link_local());
            let first = if sender.require_link_local_first {
                sender.addresses.iter().find(|vip| is_link_local(vip))
            } else {
                sender.addresses.first()
            };
            if sender.family == Family::V6
                && receiver.require_link_local_first
                && !first.is_some_and(is_link_local)
            {
                let text = format!(
                    "{} wants a link-local one first, and {} sends another",
                    self.names[to], self.names[from]
                );
                self.say(Weight::Trouble, "first address", text);
            }
        }
    }

    fn addresses(&mut self, about: &'static str, a: &[VipPlan], b: &[VipPlan]) {
        let missing = |from: &[VipPlan], of: &[VipPlan]| -> Vec<String> {
            let not_there = of
                .iter()
                .filter(|vip| !from.iter().any(|other| other.address == vip.address));
            not_there.map(|vip| vip.address.to_string()).collect()
        };
        for (index, only) in [missing(b, a), missing(a, b)].into_iter().enumerate() {
            if only.is_empty() {
                continue;
            }
            let (here, there) = (self.names[index], self.names[1 - index]);
            let advertised = about == "address list";
            let refuses = advertised
                && self.routers[0].version == Version::V2
                && self.routers.iter().any(|router| router.check_addresses);
            let consequence = if refuses {
                format!(
                    "version 2 refuses adverts with another list, and both become MASTER; {there} would not serve it"
                )
            } else if advertised {
                format!("{there} would not serve it, and a keepalived 2.2 refuses such adverts")
            } else {
                format!("{there} would not serve it")
            };
            self.say(
                Weight::Trouble,
                about,
                format!("{} on {here} only: {consequence}", only.join(", ")),
            );
        }
    }

    fn priorities(&mut self) {
        let [a, b] = self.routers;
        if a.priority == b.priority {
            let text = if a.priority.is_owner() {
                String::from("255 on both: there can be one owner of the addresses")
            } else {
                format!(
                    "{} on both: who leads is decided by the greater source address, not by the files",
                    a.priority.as_u8()
                )
            };
            self.say(Weight::Trouble, "priority", text);
            return;
        }
        let best = |router: &RouterPlan| {
            i32::from(router.priority.as_u8()) + weights(router).filter(|w| *w > 0).sum::<i32>()
        };
        let (high, low) = if best(a) > best(b) { (0, 1) } else { (1, 0) };
        let (leader, follower) = (self.routers[high], self.routers[low]);
        if leader.priority.is_owner() {
            return;
        }
        let tracked = leader.track_scripts.iter().chain(&leader.track_interfaces);
        let weak: Vec<&TrackPlan> = tracked
            .filter(|track| track.weight != 0 && !track.reverse)
            .filter(|track| best(leader) - i32::from(track.weight).abs() > best(follower))
            .collect();
        for track in weak {
            let text = format!(
                "when {} fails on {}, its priority falls from {} to {}, still above the {} of {}: the address stays",
                track.name,
                self.names[high],
                best(leader),
                best(leader) - i32::from(track.weight).abs(),
                best(follower),
                self.names[low]
            );
            self.say(Weight::Note, "priority", text);
        }
    }
}

/// Weights that count while all is well.
fn weights(router: &RouterPlan) -> impl Iterator<Item = i32> {
    let tracked = router.track_scripts.iter().chain(&router.track_interfaces);
    tracked
        .filter(|track| !track.reverse)
        .map(|track| i32::from(track.weight))
}

const fn family(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}

const fn form(form: ChecksumForm) -> &'static str {
    match form {
        ChecksumForm::Message => "without a pseudo-header",
        ChecksumForm::PseudoHeader => "with a pseudo-header",
    }
}

/// Centiseconds, shown as seconds.
#[derive(PartialEq)]
struct Seconds(u16);

impl Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(100) {
            write!(f, "{} s", self.0 / 100)
        } else {
            write!(f, "{}.{:02} s", self.0 / 100, self.0 % 100)
        }
    }
}

#[cfg(test)]
mod tests;
