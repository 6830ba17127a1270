//! What must hold between routers once the network has been left alone: one Active in each set of compatible routers
//! that hear each other, the right one, with the address, and no movement.

use std::time::Duration;

use vrrp_proto::router::{Config, Snapshot, State};
use vrrp_proto::timers;
use vrrp_proto::units::{AdvertInterval, Priority, Version};

/// One router as the check sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    /// Its host.
    pub(super) host: usize,
    /// Which hosts hear each other: equal numbers.
    pub(super) side: usize,
    /// Position of its virtual router.
    pub(super) router: usize,
    pub(super) config: Config,
    pub(super) snapshot: Snapshot,
    /// The kernel has the address.
    pub(super) present: bool,
}

/// After the last disturbance: 2 × the largest (3 × interval + skew) + one interval + the largest delay.
pub(super) fn settling_time(configs: &[Config], delay: Duration) -> Duration {
    let longest = configs
        .iter()
        .map(|config| config.interval)
        .max()
        .unwrap_or(AdvertInterval::DEFAULT);
    let slowest = configs
        .iter()
        .map(|config| {
            let lowest = Priority::new(1).unwrap_or(Priority::DEFAULT);
            timers::down_interval(config.version, lowest, longest, config.down_adverts)
        })
        .max()
        .unwrap_or(Duration::ZERO);
    slowest * 2 + longest.as_duration() + delay
}

/// What comes on top where routers are told to wait: a preempt delay ends in another down interval, a hold in removal.
pub(super) fn waiting_time(configs: &[Config]) -> Duration {
    let delay = configs.iter().map(|config| config.preempt_delay).max();
    let hold = configs
        .iter()
        .map(|config| timers::release_bound(config.version, config.interval, config.release_hold))
        .max();
    let preempt = match delay {
        Some(delay) if !delay.is_zero() => delay + settling_time(configs, Duration::ZERO),
        Some(_) | None => Duration::ZERO,
    };
    preempt + hold.unwrap_or(Duration::ZERO)
}

/// Whether every set has exactly one Active, which is a right one.
pub(super) fn one_active(members: &[Member]) -> Result<(), String> {
    for (place, member) in members.iter().enumerate() {
        if members[..place].iter().any(|other| same_set(other, member)) {
            continue;
        }
        check_set(members.iter().filter(|other| same_set(other, member)))?;
    }
    Ok(())
}

/// Taking part, on one side, in one virtual router, able to understand each other (I-02, R-15).
fn same_set(a: &Member, b: &Member) -> bool {
    let intervals = a.config.version == Version::V3 || a.config.interval == b.config.interval;
    eligible(a)
        && eligible(b)
        && a.side == b.side
        && a.router == b.router
        && a.config.version == b.config.version
        && intervals
}

fn eligible(member: &Member) -> bool {
    member.snapshot.running && member.snapshot.state != State::Initialize
}

fn check_set<'a>(set: impl Iterator<Item = &'a Member> + Clone) -> Result<(), String> {
    let who = || {
        let list: Vec<String> = set
            .clone()
            .map(|m| {
                format!(
                    "host {} {:?} {} address {}",
                    m.host, m.snapshot.state, m.snapshot.priority, m.present
                )
            })
            .collect();
        list.join(", ")
    };
    if set.clone().next().is_none() {
        return Ok(());
    }
    let mut active = set
        .clone()
        .filter(|member| member.snapshot.state == State::Active);
    let (Some(only), None) = (active.next(), active.next()) else {
        return Err(format!("not exactly one Active: {}", who()));
    };
    for member in set.clone() {
        let preempts = member.config.preempt || member.snapshot.priority.is_owner();
        if preempts && member.snapshot.priority > only.snapshot.priority {
            return Err(format!(
                "host {} should have preempted: {}",
                member.host,
                who()
            ));
        }
        if member.present != (member.host == only.host) {
            return Err(format!("addresses are not where the Active is: {}", who()));
        }
    }
    Ok(())
}
