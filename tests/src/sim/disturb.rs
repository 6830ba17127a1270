//! What a scenario does to its hosts and its network, and how it leaves them alone again.

use std::time::Duration;

use vrrp_proto::router::{FaultSet, Standing, State, StopKind};
use vrrp_proto::track::Reading;
use vrrp_proto::units::Version;

use super::plan::priority_of;
use super::world::{Input, World};

impl World {
    /// One disturbance.
    pub(super) fn disturb(&mut self) {
        let hosts = u64::try_from(self.hosts.len()).unwrap_or(1);
        let host = usize::try_from(self.prng.below(hosts)).unwrap_or(0);
        let other = usize::try_from(self.prng.below(hosts)).unwrap_or(0);
        match self.prng.below(22) {
            0 => self.cut(host, other, true),
            1 | 2 => self.cut(host, other, false),
            3 => self.heal(),
            4 => self.split(),
            5 | 6 => self.weather(),
            7..=9 => {
                let span = self.span(10, 800);
                let frozen = self.prng.chance(50);
                self.pause(host, span, frozen);
            }
            10 => self.crash(host),
            11 => self.stop(host, StopKind::Planned),
            12 => self.stop(host, StopKind::Immediate),
            13 | 14 => self.reload(host),
            15 => self.toggle_fault(host),
            16 => self.flip_tracker(host),
            17 => {
                self.hosts[host].hung = !self.hosts[host].hung;
                let hung = self.hosts[host].hung;
                self.note(|| format!("host {host} other world hangs: {hung}"));
            }
            18 => {
                self.hosts[host].refusing = !self.hosts[host].refusing;
                let refusing = self.hosts[host].refusing;
                self.note(|| format!("host {host} kernel refuses addresses: {refusing}"));
            }
            19 => self.take_addresses(host),
            _ => self.stand(host),
        }
    }

    /// Everything works again; hosts hear each other, or in two halves.
    pub(super) fn calm_down(&mut self) {
        self.end_pauses();
        let halves = self.prng.chance(30);
        for host in 0..self.hosts.len() {
            self.sides[host] = if halves {
                usize::from(self.prng.chance(50))
            } else {
                0
            };
            self.hosts[host].hung = false;
            self.hosts[host].refusing = false;
            if self.hosts[host].subject.is_none() && self.prng.chance(70) {
                self.restart(host);
            } else if self.hosts[host].stopped && self.prng.chance(50) {
                self.input(host, Duration::ZERO, Input::Start);
            }
            self.input(host, Duration::ZERO, Input::Stand(Standing::Normal));
            if self.hosts[host].faults != FaultSet::NONE && self.prng.chance(70) {
                self.input(host, Duration::ZERO, Input::Faults(FaultSet::NONE));
            }
        }
        let sides = self.sides.clone();
        self.lan.partition(&|host| sides[host]);
        self.lan.calm(self.plan.base.as_duration() / 10);
        self.note(|| format!("calm, sides {sides:?}"));
    }

    fn cut(&mut self, host: usize, other: usize, both: bool) {
        if host != other {
            self.lan.set(host, other, false);
            if both {
                self.lan.set(other, host, false);
            }
            self.note(|| format!("cut {host} -> {other}, both ways {both}"));
        }
    }

    fn heal(&mut self) {
        self.lan.partition(&|_| 0);
        self.note(|| "all links heal".to_owned());
    }

    fn split(&mut self) {
        let bits = self.prng.next();
        self.lan
            .partition(&|host| usize::from(bits >> host & 1 == 1));
        self.note(|| format!("split by {:b}", bits & 0x1f));
    }

    fn weather(&mut self) {
        self.lan.loss = self.prng.pick(&[0, 5, 20, 60]);
        self.lan.doubled = self.prng.pick(&[0, 10, 50]);
        let longest = self.span(1, 150);
        self.lan.longest = longest.max(self.lan.shortest);
        let (loss, doubled) = (self.lan.loss, self.lan.doubled);
        self.note(|| format!("loss {loss} %, doubled {doubled} %, delay to {longest:?}"));
    }

    fn stop(&mut self, host: usize, kind: StopKind) {
        if self.hosts[host].subject.is_some() {
            self.input(host, Duration::ZERO, Input::Stop(kind));
            let back = self.span(20, 1_500);
            self.input(host, back, Input::Start);
        }
    }

    /// An operator lets the host give way, or takes it into maintenance, and back later.
    fn stand(&mut self, host: usize) {
        let standing = self.prng.pick(&[
            Standing::Yielded,
            Standing::Yielded,
            Standing::Reserve,
            Standing::Out,
            Standing::Normal,
        ]);
        self.note(|| format!("host {host} is asked for {standing:?}"));
        self.input(host, Duration::ZERO, Input::Stand(standing));
        if self.prng.chance(50) {
            let back = self.span(20, 3_000);
            self.input(host, back, Input::Stand(Standing::Normal));
        }
    }

    /// New priorities, Preempt_Mode or intervals, as a reload brings them.
    fn reload(&mut self, host: usize) {
        if self.hosts[host].subject.is_none() || self.hosts[host].paused_until.is_some() {
            return;
        }
        let priority = priority_of(if self.prng.chance(8) {
            255
        } else {
            self.prng.between(1, 254)
        });
        let (preempt, faster) = (self.prng.chance(70), self.prng.chance(20));
        let grouped = self.hosts[host].plan.grouped;
        let chosen = usize::try_from(self.prng.below(3)).unwrap_or(0);
        for (router, config) in self.hosts[host].plan.routers.iter_mut().enumerate() {
            if grouped || router == chosen {
                config.priority = priority;
                config.preempt = preempt;
                if faster && config.version == Version::V3 {
                    config.interval = self.plan.base;
                }
            }
        }
        for watcher in &mut self.hosts[host].watchers {
            watcher.disturbed();
        }
        self.note(|| format!("host {host} reloads, priority {priority}, preempt {preempt}"));
        self.changed();
        let node = self.hosts[host].plan.node();
        self.step(host, None, &mut |subject, now, sink| {
            subject.reload(now, node.clone(), sink);
        });
        for watcher in &mut self.hosts[host].watchers {
            watcher.disturbed();
        }
        self.serve_after_reload(host);
    }

    fn toggle_fault(&mut self, host: usize) {
        let down = FaultSet::INTERFACE_DOWN;
        let faults = self.hosts[host].faults;
        let next = faults.with(down, !faults.contains(down));
        self.hosts[host].faults = next;
        self.input(host, Duration::ZERO, Input::Faults(next));
        self.note(|| format!("host {host} faults {next:?}"));
    }

    fn flip_tracker(&mut self, host: usize) {
        let count = u64::try_from(self.hosts[host].readings.len()).unwrap_or(0);
        if count == 0 {
            return;
        }
        let number = usize::try_from(self.prng.below(count)).unwrap_or(0);
        let reading = match self.hosts[host].readings[number] {
            Reading::Good => Reading::Bad,
            Reading::Bad | Reading::Pending => Reading::Good,
        };
        self.hosts[host].readings[number] = reading;
        self.note(|| {
            format!("host {host} tracker {number} is {reading:?} from the next result on")
        });
    }

    /// Another process removes addresses: put back after a moment, or given up.
    fn take_addresses(&mut self, host: usize) {
        for router in 0..self.hosts[host].watchers.len() {
            if self.state(host, router) != State::Active
                || !self.hosts[host].threads[router].present
                || self.hosts[host].paused_until.is_some()
            {
                continue;
            }
            self.note(|| format!("host {host} router {router} somebody takes its addresses"));
            if self.prng.chance(50) {
                self.input(host, Duration::ZERO, Input::AddressesLost(router));
            } else {
                self.take_and_restore(host, router);
            }
        }
    }
}
