//! What must hold at every step of one router, told from the outside: what was delivered to it, what it asked for.
//!
//! Knows nothing of the state machine's inside. What must hold between routers is in `settled.rs`.

use std::net::IpAddr;
use std::time::Duration;

use vrrp_proto::router::{Action, Cause, Config, FaultSet, Received, Standing, State, Transition};
use vrrp_proto::time::Instant;
use vrrp_proto::timers;
use vrrp_proto::units::{AdvertInterval, Priority, Version};

/// What an observer knows of a router.
#[derive(Clone, Debug)]
pub(super) struct Watcher {
    /// The state that its reports add up to.
    pub(super) state: State,
    /// Whether the driver was told to have the addresses.
    pub(super) commanded: bool,
    /// The last advert that every Backup accepts: when, with which interval.
    accepted: Option<(Instant, AdvertInterval)>,
    /// The last advert delivered, in this very step.
    delivered: Option<Received>,
    /// Who released since the last accepted advert.
    released: Option<IpAddr>,
    /// A lower advert since the last accepted one.
    lower: Option<IpAddr>,
    /// By when it has to be Active after a release that nothing followed.
    due_active: Option<Instant>,
    /// It left Active with its addresses lost, so the next takeover waits for the skew only.
    bounced: bool,
    /// When its last advert was sent.
    sent: Option<Instant>,
    /// An operator told it to stand back: it preempts nobody, so a lower advert counts like any other.
    stands_back: bool,
}

/// Why a step is wrong.
pub(super) type Wrong = String;

impl Watcher {
    pub(super) fn new() -> Self {
        Self {
            state: State::Initialize,
            commanded: false,
            accepted: None,
            delivered: None,
            released: None,
            lower: None,
            due_active: None,
            bounced: false,
            sent: None,
            stands_back: false,
        }
    }

    /// An operator told it where to stand.
    pub(super) fn stands(&mut self, standing: Standing) {
        self.stands_back = standing != Standing::Normal;
        self.disturbed();
    }

    /// An advert is about to be handed over.
    pub(super) fn delivers(
        &mut self,
        now: Instant,
        advert: &Received,
        own: Priority,
        config: &Config,
        grouped: bool,
        late: Duration,
    ) {
        self.delivered = Some(*advert);
        self.due_active = None;
        let watching = matches!(self.state, State::Backup | State::Releasing);
        if advert.priority.is_release() {
            self.released = Some(advert.source);
            if self.state == State::Backup && !grouped {
                let learned = match (config.version, self.accepted) {
                    (Version::V3, Some((_, interval))) => Some(interval),
                    (Version::V3, None) => None,
                    (Version::V2, _) => Some(config.interval),
                };
                self.due_active = learned.map(|interval| {
                    now.saturating_add(timers::skew(config.version, own, interval))
                        .saturating_add(late)
                });
            }
        } else if advert.priority.as_u8() >= own.as_u8() {
            if watching || self.state == State::Active {
                self.accepted = Some((now, advert.interval));
                self.released = None;
                self.lower = None;
                self.bounced = false;
            }
        } else {
            self.lower = Some(advert.source);
            if !config.preempt || !config.preempt_delay.is_zero() || self.stands_back {
                // It may have been accepted, with its interval.
                self.accepted = None;
            }
        }
    }

    /// Settings, priority, faults or the clock of the host changed: what was computed before says nothing any more.
    pub(super) fn disturbed(&mut self) {
        self.due_active = None;
        self.accepted = None;
        self.sent = None;
    }

    /// One action of a step.
    pub(super) fn acts(
        &mut self,
        now: Instant,
        action: &Action,
        own: Priority,
        config: &Config,
        late: Duration,
    ) -> Result<(), Wrong> {
        match action {
            Action::Advertise { priority, .. } => {
                if !priority.is_release() {
                    let gap = self.sent.map(|sent| now.saturating_since(sent));
                    let bound = config.interval.as_duration() + late;
                    if gap.is_some_and(|gap| gap > bound) {
                        return Err(format!("{gap:?} between two adverts of an Active"));
                    }
                    self.sent = Some(now);
                }
            }
            Action::AddAddresses | Action::HoldAddresses => self.commanded = true,
            Action::RemoveAddresses => self.commanded = false,
            Action::Announce(reason) => {
                if !matches!(self.state, State::Active) && !self.commanded {
                    return Err(format!("announces ({reason:?}) in {:?}", self.state));
                }
            }
            Action::Report(report) => {
                self.check_report(now, report, own, config)?;
                self.state = report.to;
                if report.to != State::Active {
                    self.sent = None;
                }
                self.bounced = matches!(report.cause, Cause::AddressesLost | Cause::Group)
                    && report.from == State::Active;
                self.due_active = None;
                let learned = matches!(
                    report.cause,
                    Cause::HigherPriority { .. } | Cause::TieLost { .. }
                );
                if report.from == State::Initialize || (report.from == State::Active && !learned) {
                    // T-10: what was heard before a Startup, or before Active, counts for nothing.
                    self.accepted = None;
                    self.released = None;
                    self.lower = None;
                }
            }
            Action::LowerHeard { .. }
            | Action::PreemptDelayStarted
            | Action::OwnAddressHeard { .. }
            | Action::TakeoverDeferred { .. }
            | Action::PriorityChanged { .. }
            | Action::TrackerExpired(_)
            | Action::GroupReached { .. } => {}
        }
        Ok(())
    }

    /// After all actions of a step.
    pub(super) fn after(&mut self, now: Instant, state: State) -> Result<(), Wrong> {
        self.delivered = None;
        if self.state != state {
            return Err(format!(
                "is {state:?}, but its reports say {:?}",
                self.state
            ));
        }
        let present = matches!(state, State::Active | State::Releasing);
        if self.commanded != present {
            return Err(format!("{state:?} with addresses {}", self.commanded));
        }
        if self.due_active.is_some_and(|due| now > due) && state == State::Backup {
            return Err("still Backup after priority 0 and the skew".to_owned());
        }
        Ok(())
    }

    /// No transition without a cause that the outside saw.
    fn check_report(
        &self,
        now: Instant,
        report: &Transition,
        own: Priority,
        config: &Config,
    ) -> Result<(), Wrong> {
        use State::{Active, Backup, Initialize, Releasing};
        let wrong = |what: &str| Err(format!("{report:?}: {what}"));
        if report.from != self.state {
            return wrong("comes from a state that it was not in");
        }
        if self.delivered.is_some_and(|_| report.at != now) {
            return wrong("was decided at another time");
        }
        let path = (report.from, report.to);
        let legal = match report.cause {
            Cause::Started | Cause::FaultCleared => {
                matches!(path, (Initialize, Backup | Active))
            }
            Cause::OwnerStarted => matches!(path, (Initialize | Backup, Active)),
            Cause::SilentActive { .. } | Cause::Released { .. } | Cause::Preempting { .. } => {
                matches!(path, (Backup | Releasing, Active))
            }
            Cause::HigherPriority { .. } | Cause::TieLost { .. } => {
                matches!(path, (Active, Backup | Releasing))
            }
            Cause::Fault(_) => matches!(path, (Initialize | Backup | Active, Initialize)),
            Cause::Group => matches!(path, (Active, Backup | Releasing)),
            Cause::Stopped => matches!(
                path,
                (Backup | Active | Releasing, Initialize) | (Active, Releasing)
            ),
            Cause::AddressesLost => matches!(path, (Active | Releasing, Backup | Initialize)),
            Cause::AddressesRefused { .. } => path == (Active, Initialize),
            Cause::Reconfigured => matches!(
                path,
                (Backup | Active | Releasing, Initialize) | (Initialize, Backup | Active)
            ),
            Cause::Yielded => matches!(path, (Active, Backup | Releasing)),
            Cause::Outweighed { .. } => path == (Active, Backup),
            Cause::NoSuccessor => matches!(path, (Backup | Releasing, Active)),
            Cause::TakenOut => matches!(path, (Backup | Active, Initialize) | (Active, Releasing)),
            Cause::BackIn => matches!(path, (Initialize, Backup)),
            Cause::SuccessorReady | Cause::HoldExpired | Cause::HoldUnhealthy => {
                matches!(path, (Releasing, Backup | Initialize))
            }
        };
        if !legal {
            return wrong("is no transition of the diagram");
        }
        match report.cause {
            Cause::HigherPriority { from, priority } => {
                let told = self
                    .delivered
                    .map(|advert| (advert.source, advert.priority));
                if told != Some((from, priority)) || priority.as_u8() <= own.as_u8() {
                    return wrong("no such advert was delivered");
                }
            }
            Cause::TieLost { from } => {
                if self.delivered.map(|advert| advert.source) != Some(from) {
                    return wrong("no such advert was delivered");
                }
            }
            Cause::Released { by } => {
                if self.released != Some(by) {
                    return wrong("nobody released");
                }
            }
            Cause::Preempting { over, .. } => {
                if self.lower != Some(over) {
                    return wrong("nobody lower was heard");
                }
                return self.not_early(now, report, config);
            }
            Cause::SilentActive { .. } => {
                if !self.bounced {
                    return self.not_early(now, report, config);
                }
            }
            Cause::Fault(faults) => {
                if faults == FaultSet::NONE {
                    return wrong("without a fault");
                }
            }
            Cause::Started
            | Cause::OwnerStarted
            | Cause::FaultCleared
            | Cause::Group
            | Cause::Stopped
            | Cause::AddressesLost
            | Cause::AddressesRefused { .. }
            | Cause::Reconfigured
            | Cause::SuccessorReady
            | Cause::HoldExpired
            | Cause::HoldUnhealthy
            | Cause::Outweighed { .. }
            | Cause::Yielded
            | Cause::NoSuccessor
            | Cause::TakenOut
            | Cause::BackIn => {}
        }
        Ok(())
    }

    /// Silence is three intervals long at least, counted from the last advert that everybody accepts.
    fn not_early(&self, now: Instant, report: &Transition, config: &Config) -> Result<(), Wrong> {
        let Some((at, interval)) = self.accepted else {
            return Ok(());
        };
        let interval = match config.version {
            Version::V2 => config.interval,
            Version::V3 => interval,
        };
        let silence = now.saturating_since(at);
        if silence < interval.as_duration() * u32::from(config.down_adverts) {
            return Err(format!("{report:?}: after {silence:?} only"));
        }
        Ok(())
    }
}
