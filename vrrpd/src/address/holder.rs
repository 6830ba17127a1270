//! The addresses of one router: which should be there, which are, and what to ask the kernel for next.
//!
//! Pure: commands, answers and the kernel's news in, requests and facts out. When to be Active is not decided here.

mod entry;

use std::net::IpAddr;
use std::time::Duration;

use nix::libc;
use vrrp_proto::announce::Announcer;
use vrrp_proto::router::{AddressState, AnnounceReason, InterfaceKey};
use vrrp_proto::time::Instant;

use super::RouterAddresses;
use super::netlink::AddressSeen;
use super::restore::Answer;

pub(super) use entry::Entry;

/// How long the kernel may take from adding an IPv6 address to joining its solicited-node group, which it does on the
/// side and announces as news; then its answer has to do.
const JOINING: Duration = Duration::from_millis(200);
/// How long to wait before a request that failed for lack of something that may come back is repeated.
const AGAIN: Duration = Duration::from_secs(1);

/// What the engine last said about a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Not Active: no address.
    Idle,
    /// Active: every address.
    Active,
    /// Releasing: the addresses that no successor has announced.
    Holding,
}

/// What to ask the kernel about one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Put it on.
    Add,
    /// Take it off the interface with this number.
    Remove(u32),
    /// Let nobody begin to use it, or allow it again, on the interface with this number.
    Deprecate(u32, bool),
}

/// A fact about one address that others want to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    /// Another process, or the kernel of its own, removed it.
    Removed,
    /// It is back.
    Restored,
    /// The kernel refused it.
    Refused(i32),
    /// It cannot be kept.
    Lost,
}

/// What the engine has to be told about a router.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Untold {
    /// The source address.
    pub(super) source: bool,
    /// How far the addresses are.
    pub(super) addresses: bool,
    /// The addresses cannot be kept.
    pub(super) lost: bool,
    /// The successor announced all of them.
    pub(super) successor: bool,
}

/// Frames that are still to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Burst {
    /// Rounds left, the present one included.
    pub(super) rounds: u32,
    /// The next address of the present round.
    pub(super) next: usize,
}

impl Burst {
    /// More rounds are due; bursts that meet are sent as the longer one.
    pub(super) fn extend(&mut self, rounds: u32) {
        self.rounds = self.rounds.max(rounds);
    }

    /// One address is done.
    pub(super) const fn advance(&mut self, addresses: usize) {
        self.next += 1;
        if self.next >= addresses {
            self.next = 0;
            self.rounds = self.rounds.saturating_sub(1);
        }
    }
}

/// What came of one order to announce.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Announced {
    /// Frames that the kernel took.
    pub(super) frames: u32,
    /// Times that it took none for want of room.
    pub(super) refused: u32,
    /// When the first and the last were tried.
    pub(super) tried: Option<(Instant, Instant)>,
}

impl Announced {
    /// The kernel took a frame, or had no room for it.
    pub(super) fn count(&mut self, now: Instant, taken: bool) {
        let count = if taken {
            &mut self.frames
        } else {
            &mut self.refused
        };
        *count = count.saturating_add(1);
        let first = self.tried.map_or(now, |(first, _)| first);
        self.tried = Some((first, now));
    }
}

/// The addresses of one router.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    /// The router.
    pub(super) setup: RouterAddresses,
    /// What the engine last said.
    pub(super) mode: Mode,
    /// Its addresses, in order.
    pub(super) entries: Vec<Entry>,
    /// When to announce.
    pub(super) announcer: Announcer,
    /// What is being announced.
    pub(super) burst: Burst,
    /// What was sent of what the engine asked to announce; none once it was told. What is only repeated is not counted.
    pub(super) announced: Option<Announced>,
    /// Rounds left for the router's own source address.
    pub(super) source_rounds: u32,
    /// The address that adverts leave from.
    pub(super) source: Option<IpAddr>,
    /// What the engine does not know yet.
    pub(super) untold: Untold,
    /// The plan in force does not have it any more; forgotten when its addresses are gone.
    pub(super) retired: bool,
}

impl Holder {
    /// A router that was never Active.
    pub(super) fn new(setup: RouterAddresses) -> Self {
        Self {
            mode: Mode::Idle,
            entries: setup
                .addresses
                .iter()
                .map(|(key, plan)| Entry::new(*key, plan.clone()))
                .collect(),
            announcer: Announcer::new(setup.announce),
            burst: Burst::default(),
            announced: None,
            source_rounds: 0,
            source: None,
            untold: Untold::default(),
            retired: false,
            setup,
        }
    }

    /// Takes over what `old` has of the same addresses; the rest stays in `old`.
    pub(super) fn adopt(&mut self, now: Instant, old: &mut Self) {
        self.mode = old.mode;
        self.source = old.source;
        self.announcer = old.announcer;
        self.announcer.reconfigure(now, self.setup.announce);
        self.untold = old.untold;
        self.untold.addresses |= self.mode == Mode::Active;
        for entry in &mut self.entries {
            let same = |o: &Entry| o.key == entry.key && o.plan == entry.plan;
            if let Some(place) = old.entries.iter().position(same) {
                *entry = old.entries.swap_remove(place);
            }
        }
    }

    /// The router left the plan. Addresses that are not being held go.
    pub(super) fn retire(&mut self) {
        self.retired = true;
        if self.mode == Mode::Active {
            self.stand_down(Mode::Idle);
        }
    }

    /// Whether nothing of it is left to take off.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.iter().all(|entry| entry.present_on.is_none())
    }

    /// The router became Active.
    pub(super) fn add(&mut self) {
        self.mode = Mode::Active;
        self.untold = Untold {
            source: self.untold.source,
            addresses: true,
            ..Untold::default()
        };
        for entry in &mut self.entries {
            entry.start_over();
        }
    }

    /// The router left Active, or its hold is over.
    pub(super) fn remove(&mut self) {
        self.stand_down(Mode::Idle);
        self.untold.addresses = true;
        self.untold.lost = false;
        self.untold.successor = false;
    }

    /// The router releases.
    pub(super) fn hold(&mut self) {
        if self.mode == Mode::Active {
            self.stand_down(Mode::Holding);
        }
    }

    /// Nothing is announced from now on.
    fn stand_down(&mut self, mode: Mode) {
        self.mode = mode;
        self.announcer.stop();
        self.announced = None;
        self.burst = Burst::default();
        for entry in &mut self.entries {
            entry.start_over();
        }
    }

    /// Announce, if there is anything to announce.
    pub(super) fn announce(&mut self, now: Instant, reason: AnnounceReason) {
        if self.mode == Mode::Active {
            self.announcer.start(now, reason);
            self.announced = Some(Announced::default());
        }
    }

    /// What to ask the kernel next about an address; `exists` tells whether its interface is there.
    pub(super) fn step(&self, place: usize, now: Instant, exists: bool) -> Option<Step> {
        let entry = self.entries.get(place)?;
        if entry.again_at.is_some_and(|at| at > now) {
            return None;
        }
        match (self.mode, entry.present_on) {
            (Mode::Active, None) => {
                (exists && !entry.tried && !entry.waits_for_link).then_some(Step::Add)
            }
            (Mode::Active, Some(index)) if entry.deprecated => Some(Step::Deprecate(index, false)),
            (Mode::Holding, Some(index)) if entry.released => Some(Step::Remove(index)),
            (Mode::Holding, Some(index)) => {
                let lives = entry.plan.address.is_ipv6() && entry.plan.preferred_lifetime != 0;
                (lives && !entry.deprecated).then_some(Step::Deprecate(index, true))
            }
            (Mode::Idle, Some(index)) => Some(Step::Remove(index)),
            (Mode::Active, Some(_)) | (Mode::Holding | Mode::Idle, None) => None,
        }
    }

    /// The kernel's answer to a step; `index` is the interface's number for an addition.
    pub(super) fn answered(
        &mut self,
        now: Instant,
        place: usize,
        step: Step,
        index: u32,
        errno: Option<i32>,
    ) -> Option<Fact> {
        let entry = self.entries.get_mut(place)?;
        match (step, errno) {
            (Step::Add, None | Some(libc::EEXIST)) => {
                entry.present_on = Some(index);
                entry.tried = true;
                entry.errno = None;
                entry.again_at = None;
                entry.duplicate = false;
                let joins = errno.is_none() && entry.plan.address.is_ipv6() && !entry.plan.dad;
                entry.joining_until = joins.then(|| now.saturating_add(JOINING));
                self.untold.addresses = true;
                std::mem::take(&mut entry.restoring).then_some(Fact::Restored)
            }
            (Step::Add, Some(errno)) => {
                entry.tried = true;
                if is_passing(errno) {
                    entry.tried = false;
                    entry.again_at = Some(now.saturating_add(AGAIN));
                }
                self.untold.addresses = true;
                let news = entry.errno.replace(errno) != Some(errno);
                news.then_some(Fact::Refused(errno))
            }
            (Step::Remove(_), None | Some(libc::EADDRNOTAVAIL | libc::ENODEV | libc::ENXIO)) => {
                entry.present_on = None;
                entry.deprecated = false;
                entry.duplicate = false;
                entry.errno = None;
                self.untold.addresses = true;
                if self.mode == Mode::Holding && self.is_empty() {
                    self.untold.successor = true;
                }
                None
            }
            (Step::Remove(_), Some(errno)) => {
                entry.again_at = Some(now.saturating_add(AGAIN));
                self.untold.addresses = true;
                let news = entry.errno.replace(errno) != Some(errno);
                news.then_some(Fact::Refused(errno))
            }
            (Step::Deprecate(_, on), _) => {
                // A refusal leaves an address that somebody may begin to use: worth no second try.
                entry.deprecated = on;
                None
            }
        }
    }

    /// The kernel says that an address is gone. `link_up` tells about its interface; `fact` hears what follows.
    pub(super) fn gone(
        &mut self,
        now: Instant,
        seen: &AddressSeen,
        by_kernel: bool,
        link_up: bool,
        fact: &mut dyn FnMut(IpAddr, Fact),
    ) {
        let policy = self.setup.restore;
        let mode = self.mode;
        let mut lost = false;
        for entry in &mut self.entries {
            if entry.present_on != Some(seen.index) || !entry.is(seen) {
                continue;
            }
            entry.present_on = None;
            entry.deprecated = false;
            entry.duplicate = false;
            if mode == Mode::Idle {
                continue;
            }
            self.untold.addresses = true;
            if by_kernel && !link_up {
                entry.tried = false;
                entry.waits_for_link = true;
                continue;
            }
            let address = entry.plan.address;
            fact(address, Fact::Removed);
            if mode == Mode::Holding {
                continue;
            }
            match entry.history.removed(now, policy, entry.plan.track) {
                Answer::Restore(after) => {
                    entry.tried = false;
                    entry.restoring = true;
                    entry.again_at = Some(now.saturating_add(after));
                }
                Answer::Bounce => {
                    entry.tried = true;
                    if !std::mem::replace(&mut lost, true) {
                        fact(address, Fact::Lost);
                    }
                }
                Answer::Leave => entry.tried = true,
            }
        }
        self.untold.lost |= lost;
        if mode == Mode::Holding && self.untold.addresses && self.is_empty() {
            self.untold.successor |= self.entries.iter().all(|entry| entry.released);
        }
    }

    /// An interface is gone, and what was on it.
    pub(super) fn link_gone(&mut self, key: InterfaceKey, index: u32) {
        for entry in &mut self.entries {
            if entry.present_on == Some(index) {
                entry.present_on = None;
                entry.deprecated = false;
                entry.duplicate = false;
                self.untold.addresses |= self.mode != Mode::Idle;
            }
            if entry.key == key {
                entry.tried = false;
                entry.again_at = None;
                entry.errno = None;
                entry.waits_for_link = false;
            }
        }
    }

    /// An interface is back, or up again: what it should have is asked for.
    pub(super) fn link_back(&mut self, key: InterfaceKey) {
        for entry in &mut self.entries {
            if entry.key == key && entry.present_on.is_none() {
                let waited = std::mem::take(&mut entry.waits_for_link);
                if waited || entry.errno.is_some() {
                    entry.tried = false;
                    entry.again_at = None;
                }
            }
        }
    }

    /// The kernel told that an address can be used: its group is joined.
    pub(super) fn joined(&mut self, seen: &AddressSeen) {
        for entry in &mut self.entries {
            if entry.present_on == Some(seen.index) && entry.is(seen) {
                entry.joining_until = None;
            }
        }
    }

    /// Whether the kernel is still joining groups, so that what can be told is not yet the whole truth.
    pub(super) fn is_joining(&self, now: Instant) -> bool {
        let joining = |entry: &Entry| {
            entry.is_present() && entry.joining_until.is_some_and(|until| until > now)
        };
        self.mode == Mode::Active && self.entries.iter().any(joining)
    }

    /// Duplicate address detection ended for an address that it was left on for.
    pub(super) fn detected(
        &mut self,
        now: Instant,
        seen: &AddressSeen,
        failed: bool,
    ) -> Option<Fact> {
        if self.mode != Mode::Active {
            return None;
        }
        let entry = self
            .entries
            .iter_mut()
            .find(|e| e.plan.dad && e.present_on == Some(seen.index) && e.is(seen))?;
        if failed {
            if std::mem::replace(&mut entry.duplicate, true) {
                return None;
            }
            entry.errno = Some(libc::EADDRINUSE);
            self.untold.addresses = true;
            return Some(Fact::Refused(libc::EADDRINUSE));
        }
        self.announcer.start(now, AnnounceReason::AddressesChanged);
        self.announced = Some(Announced::default());
        None
    }

    /// A successor announced an address on the interface with this number.
    pub(super) fn released(&mut self, index: u32, address: IpAddr) {
        if self.mode != Mode::Holding {
            return;
        }
        for entry in &mut self.entries {
            if entry.present_on == Some(index) && entry.plan.address == address {
                entry.released = true;
            }
        }
    }

    /// How far the addresses are. `exists` tells whether an interface is there.
    pub(super) fn state(&self, exists: &dyn Fn(InterfaceKey) -> bool) -> AddressState {
        let count = |wanted: &dyn Fn(&Entry) -> bool| {
            let count = self.entries.iter().filter(|entry| wanted(entry)).count();
            u16::try_from(count).unwrap_or(u16::MAX)
        };
        let wanted = match self.mode {
            Mode::Idle => 0,
            Mode::Active => count(&|_| true),
            Mode::Holding => count(&|entry| !entry.released),
        };
        let missing = |entry: &&Entry| {
            self.mode == Mode::Active && entry.present_on.is_none() && !exists(entry.key)
        };
        let errno = self.entries.iter().rev().find_map(|entry| entry.errno);
        AddressState {
            present: count(&Entry::is_present),
            wanted,
            errno: errno.or_else(|| self.entries.iter().find(missing).map(|_| libc::ENODEV)),
        }
    }

    /// When something delayed is to be asked for.
    pub(super) fn next_retry(&self) -> Option<Instant> {
        let waiting = |entry: &&Entry| match self.mode {
            Mode::Active => entry.present_on.is_none() && !entry.tried,
            Mode::Idle | Mode::Holding => entry.present_on.is_some(),
        };
        let retries = self.entries.iter().filter(waiting);
        let joining = self.untold.addresses && self.mode == Mode::Active;
        let joins = self.entries.iter().filter(|_| joining);
        let joins = joins.filter_map(|entry| entry.joining_until);
        retries
            .filter_map(|entry| entry.again_at)
            .chain(joins)
            .min()
    }
}

/// Whether a refusal may be over in a moment.
const fn is_passing(errno: i32) -> bool {
    matches!(
        errno,
        libc::ENOBUFS
            | libc::ENOMEM
            | libc::EAGAIN
            | libc::EINTR
            | libc::ETIMEDOUT
            | libc::EBADMSG
            | libc::ENODEV
    )
}

#[cfg(test)]
mod tests;
