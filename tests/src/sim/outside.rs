//! What surrounds the simulated engine: frames on their way, the address thread, the other world's results.

use std::time::Duration;

use vrrp_proto::router::{AddressState, Received};
use vrrp_proto::track::TrackerId;
use vrrp_proto::units::WirePriority;

use super::world::{Input, What, World};

impl World {
    pub(super) fn send(&mut self, host: usize, router: usize, priority: WirePriority) {
        let config = self.hosts[host].plan.routers[router];
        let advert = Received {
            version: config.version,
            priority,
            interval: config.interval,
            source: self.hosts[host].plan.source,
            arrived: None,
        };
        self.statistics.adverts += 1;
        for to in 0..self.hosts.len() {
            if to == host || !self.lan.hears(host, to) {
                continue;
            }
            for after in self.lan.carry(&mut self.prng).into_iter().flatten() {
                let input = Input::Advert {
                    router,
                    advert,
                    sent: self.now,
                };
                self.input(to, after, input);
            }
        }
    }

    /// Gratuitous ARP reaches those who hold the same addresses.
    pub(super) fn announce(&mut self, host: usize, router: usize) {
        for to in 0..self.hosts.len() {
            if to == host || !self.lan.hears(host, to) {
                continue;
            }
            if let [Some(after), _] = self.lan.carry(&mut self.prng) {
                self.input(to, after, Input::SuccessorAnnounced(router));
            }
        }
    }

    /// The address thread gets a command; it works in order and takes its time.
    pub(super) fn command(&mut self, host: usize, router: usize, add: bool) {
        let takes = self.span(0, 20);
        self.hosts[host].threads[router].wanted = add;
        self.enqueue_command(host, router, add, takes);
    }

    pub(super) fn enqueue_command(
        &mut self,
        host: usize,
        router: usize,
        add: bool,
        takes: Duration,
    ) {
        let now = self.now;
        let thread = &mut self.hosts[host].threads[router];
        thread.busy_until = thread.busy_until.max(now).saturating_add(takes);
        let after = thread.busy_until.saturating_since(now);
        let epoch = self.hosts[host].epoch;
        self.push(
            after,
            What::AddressDone {
                host,
                epoch,
                router,
                add,
            },
        );
    }

    pub(super) fn address_done(&mut self, host: usize, router: usize, add: bool) {
        let refused = add && self.hosts[host].refusing;
        let thread = &mut self.hosts[host].threads[router];
        if !refused {
            thread.present = add;
        }
        let wanted = thread.wanted;
        if refused && wanted {
            // Tried again, as a thread that wants the address does.
            let again = self.span(30, 60);
            self.enqueue_command(host, router, true, again);
        }
        self.report_addresses(host, router, refused.then_some(13));
    }

    pub(super) fn report_addresses(&mut self, host: usize, router: usize, errno: Option<i32>) {
        let state = AddressState {
            present: u16::from(self.hosts[host].threads[router].present),
            wanted: 1,
            errno,
        };
        self.arrive(host, Input::Addresses(router, state));
    }

    /// Another process removes the addresses, and the thread puts them back a moment later (safety rule 6).
    pub(super) fn take_and_restore(&mut self, host: usize, router: usize) {
        self.hosts[host].threads[router].present = false;
        self.report_addresses(host, router, None);
        let takes = self.span(1, 30);
        self.enqueue_command(host, router, true, takes);
    }

    /// A reload ends with a look at the new deadlines.
    pub(super) fn serve_after_reload(&mut self, host: usize) {
        self.deadline(host);
    }

    /// The other world's results, with their expiry.
    pub(super) fn results(&mut self, host: usize) {
        let longest = self.longest_interval();
        let period = longest * 2;
        if !self.hosts[host].hung && self.hosts[host].subject.is_some() {
            let expires = self.now.saturating_add(period * 3);
            for number in 0..self.hosts[host].readings.len() {
                let reading = self.hosts[host].readings[number];
                let id = TrackerId(u64::try_from(number).unwrap_or(u64::MAX));
                self.arrive(host, Input::Reading(id, reading, expires));
            }
        }
        let epoch = self.hosts[host].epoch;
        self.push(period, What::Results { host, epoch });
    }

    pub(super) fn longest_interval(&self) -> Duration {
        self.hosts
            .iter()
            .flat_map(|host| &host.plan.routers)
            .map(|config| config.interval.as_duration())
            .max()
            .unwrap_or(Duration::ZERO)
    }
}
