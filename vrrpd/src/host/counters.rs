//! Reads every source once, into samples.
//!
//! Sources that need no lock and little time are read each turn; the others once a second. One that fails gives nothing
//! and is tried again at the next turn.

use std::collections::HashMap;

use nix::libc;
use vrrp_record::history::Unit;

use super::adverts::Adverts;
use super::available::Sources;
use super::links::Links;
use super::text;
use super::watch::Watch;

/// Hands over a reading: unit, object, value.
pub(super) type Tell<'a> = dyn FnMut(Unit, u32, u64) + 'a;

/// Nanoseconds of a millisecond.
const MILLI: u64 = 1_000_000;

/// Everything that reads.
pub(super) struct Counters {
    pub(super) sources: Sources,
    buffer: Vec<u8>,
    /// By number of the interface.
    adverts: HashMap<u32, Adverts>,
    /// The kernel's refusal of a counting socket.
    pub(super) adverts_refused: Option<i32>,
    /// Our own raw sockets, by inode, and others that are none of ours.
    sockets: HashMap<u64, bool>,
    /// Interfaces whose queue discipline holds something.
    backlogged: Vec<u32>,
    /// Nanoseconds of a tick of /proc/stat.
    tick: u64,
}

impl Counters {
    pub(super) fn new(sources: Sources) -> Self {
        let rate = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK);
        let rate = rate
            .ok()
            .flatten()
            .and_then(|rate| u64::try_from(rate).ok());
        Self {
            sources,
            buffer: Vec::new(),
            adverts: HashMap::new(),
            adverts_refused: None,
            sockets: HashMap::new(),
            backlogged: Vec::new(),
            tick: 1_000_000_000 / rate.filter(|rate| *rate > 0).unwrap_or(100),
        }
    }

    /// Opens and closes what depends on interfaces.
    pub(super) fn follow(&mut self, watch: &Watch, links: &Links) {
        self.adverts
            .retain(|index, _| links.list.iter().any(|link| link.index == *index));
        self.adverts_refused = None;
        for link in &links.list {
            let watched = watch.interfaces.iter().find(|one| one.name == link.name);
            let Some(vrids) = watched
                .map(|one| &one.vrids)
                .filter(|vrids| !vrids.is_empty())
            else {
                continue;
            };
            if self.adverts.contains_key(&link.index) {
                continue;
            }
            match Adverts::open(link.index, vrids) {
                Ok(adverts) => {
                    self.adverts.insert(link.index, adverts);
                }
                Err(error) => self.adverts_refused = error.raw_os_error(),
            }
        }
    }

    /// Forgets counting sockets whose VRIDs are no longer right.
    pub(super) fn recount(&mut self) {
        self.adverts.clear();
    }

    /// The sources of every turn.
    pub(super) fn read(&mut self, links: &mut Links, tell: &mut Tell<'_>) {
        let (sources, buffer) = (&self.sources, &mut self.buffer);
        if let Some(text) = sources.interfaces.read(buffer) {
            text::interfaces(text, &mut |name, counters| {
                let Some(link) = links.list.iter().find(|link| link.name == name) else {
                    return;
                };
                tell(Unit::InterfaceReceived, link.index, counters.received);
                tell(Unit::InterfaceSent, link.index, counters.sent);
                tell(
                    Unit::InterfaceReceiveDropped,
                    link.index,
                    counters.received_dropped,
                );
                tell(
                    Unit::InterfaceSendDropped,
                    link.index,
                    counters.sent_dropped,
                );
            });
        }
        if let Some(delay) = sources.engine.read(buffer).and_then(text::run_delay) {
            tell(Unit::RunDelay, 0, delay);
        }
        if let Some(steal) = sources.stat.read(buffer).and_then(text::steal) {
            tell(Unit::Steal, 0, steal.saturating_mul(self.tick));
        }
        for (object, pressure) in (0..).zip(&sources.pressure) {
            for (unit, kept, kind) in [
                (Unit::PressureCpu, &pressure.cpu, "some"),
                (Unit::PressureIo, &pressure.io, "full"),
                (Unit::PressureMemory, &pressure.memory, "full"),
            ] {
                let text = kept.read(buffer);
                if let Some(total) = text.and_then(|text| text::pressure(text, kind)) {
                    tell(unit, object, total);
                }
            }
        }
        if let Some(text) = sources.disks.read(buffer) {
            text::disks(text, &mut |disk| {
                let object = disk.major << 20 | disk.minor;
                tell(Unit::DeviceBusy, object, disk.busy_ms.saturating_mul(MILLI));
                tell(Unit::DeviceWait, object, disk.wait_ms.saturating_mul(MILLI));
                tell(Unit::DeviceRequests, object, disk.requests);
            });
        }
        if let Some((dropped, squeezed)) = sources.softirq.read(buffer).and_then(text::softirq) {
            tell(Unit::SoftirqDropped, 0, dropped);
            tell(Unit::SoftirqSqueezed, 0, squeezed);
        }
        for (index, adverts) in &mut self.adverts {
            if let Ok(total) = adverts.total() {
                tell(Unit::AdvertsAtInterface, *index, total);
            }
            for (object, others) in [*index, *index | 1 << 31].into_iter().zip(adverts.others()) {
                if let Ok(total) = others {
                    tell(Unit::MulticastAtInterface, object, total);
                }
            }
        }
        for link in &links.list {
            if let Some(changes) = link.carrier_changes {
                tell(Unit::CarrierChanges, link.index, changes.into());
            }
            tell(Unit::InterfaceMaster, link.index, link.master.into());
        }
        for index in std::mem::take(&mut self.backlogged) {
            self.read_queue(index, links, tell);
        }
    }

    /// The sources of once a second.
    pub(super) fn read_slow(&mut self, watch: &Watch, links: &mut Links, tell: &mut Tell<'_>) {
        let indexes: Vec<u32> = links.list.iter().map(|link| link.index).collect();
        for index in indexes {
            if !self.backlogged.contains(&index) {
                self.read_queue(index, links, tell);
            }
        }
        for link in &links.list {
            if let Some(stalls) = self.sources.queue_stalls(&link.name, &mut self.buffer) {
                tell(Unit::QueueStalls, link.index, stalls);
            }
        }
        self.read_sockets(tell);
        self.read_groups(watch, links, tell);
        if let Some(kills) = self
            .sources
            .memory
            .read(&mut self.buffer)
            .and_then(text::oom_kills)
        {
            tell(Unit::OutOfMemoryKills, 0, kills);
        }
    }

    fn read_queue(&mut self, index: u32, links: &mut Links, tell: &mut Tell<'_>) {
        let Ok(Some(queue)) = links.requests.queue(index) else {
            return;
        };
        tell(Unit::QdiscDropped, index, queue.dropped.into());
        tell(Unit::QdiscBacklog, index, queue.backlog.into());
        if queue.backlog > 0 {
            // Worth a look at every turn until it is empty.
            self.backlogged.push(index);
        }
    }

    fn read_sockets(&mut self, tell: &mut Tell<'_>) {
        const VRRP: u32 = 112;
        let ah = libc::IPPROTO_AH.cast_unsigned();
        let mut seen = Vec::new();
        for kept in &self.sources.raw {
            if let Some(text) = kept.read(&mut self.buffer) {
                text::raw_sockets(text, &mut |socket| {
                    if socket.protocol == VRRP || socket.protocol == ah {
                        seen.push(socket);
                    }
                });
            }
        }
        self.sockets
            .retain(|inode, _| seen.iter().any(|socket| socket.inode == *inode));
        if seen
            .iter()
            .any(|one| !self.sockets.contains_key(&one.inode))
        {
            let own = own_sockets();
            self.sockets = seen
                .iter()
                .map(|one| (one.inode, own.contains(&one.inode)))
                .collect();
        }
        let foreign = seen
            .iter()
            .filter(|socket| self.sockets.get(&socket.inode) == Some(&false));
        tell(
            Unit::ForeignSockets,
            0,
            u64::try_from(foreign.count()).unwrap_or(u64::MAX),
        );
        let own = |inode| self.sockets.get(&inode) == Some(&true);
        if seen.iter().any(|socket| own(socket.inode)) {
            let drops = seen.iter().filter(|socket| own(socket.inode));
            tell(
                Unit::SocketDropped,
                0,
                drops.map(|socket| socket.drops).sum(),
            );
        }
    }

    fn read_groups(&mut self, watch: &Watch, links: &Links, tell: &mut Tell<'_>) {
        let wanted = |index: u32| {
            let link = links.list.iter().find(|link| link.index == index)?;
            watch.interfaces.iter().find(|one| one.name == link.name)
        };
        let mut joined: HashMap<u32, u64> = links
            .list
            .iter()
            .filter(|link| wanted(link.index).is_some_and(|one| !one.groups.is_empty()))
            .map(|link| (link.index, 0))
            .collect();
        let mut count = |index, group: std::net::IpAddr| {
            if wanted(index).is_some_and(|one| one.groups.contains(&group))
                && let Some(count) = joined.get_mut(&index)
            {
                *count += 1;
            }
        };
        let [v4, v6] = &self.sources.groups;
        let mut known = false;
        if let Some(text) = v4.read(&mut self.buffer) {
            text::groups_v4(text, &mut |index, group| count(index, group.into()));
            known = true;
        }
        if let Some(text) = v6.read(&mut self.buffer) {
            text::groups_v6(text, &mut |index, group| count(index, group.into()));
            known = true;
        }
        if known {
            for (index, count) in joined {
                tell(Unit::Membership, index, count);
            }
        }
    }
}

/// Inodes of this process's sockets.
fn own_sockets() -> Vec<u64> {
    let entries = std::fs::read_dir("/proc/self/fd");
    let entries = entries.into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let to = std::fs::read_link(entry.path()).ok()?;
            let inode = to.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            inode.parse().ok()
        })
        .collect()
}
