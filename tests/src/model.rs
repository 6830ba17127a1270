//! A second, independent statement of how one virtual router behaves, for property tests to hold the crate against.
//!
//! Written from RFC 9568 §6.4, RFC 3768 §6.4 and the rules of safety, in another shape than the crate's: a role and a
//! hold beside it instead of four states, times as plain nanoseconds, one flat set of variables. Says what is sent, when
//! the next thing is due and where the addresses belong; says nothing of reports and announcements.

const SECOND: u128 = 1_000_000_000;
const CENTISECOND: u128 = SECOND / 100;

/// What the router is to the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Initialize.
    Out,
    /// Backup.
    Watch,
    /// Active.
    Lead,
}

/// Settings.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Version 3, else 2.
    pub v3: bool,
    /// Preempt_Mode.
    pub preempt: bool,
    /// Preempt delay in nanoseconds.
    pub preempt_delay: u128,
    /// Start-up delay in nanoseconds.
    pub startup_delay: u128,
    /// Own interval in centiseconds.
    pub interval: u128,
    /// Priority at the start.
    pub priority: u128,
    /// Answer losing adverts.
    pub answer: bool,
    /// Last advert before yielding.
    pub last_word: bool,
    /// Priority 0 adverts on a fault.
    pub releases: usize,
    /// Longest hold in nanoseconds.
    pub hold: u128,
    /// Own address, as a number.
    pub address: u32,
}

/// An event, as the model takes it.
#[derive(Clone, Copy, Debug)]
pub enum Happens {
    /// Startup.
    Start,
    /// Shutdown, as planned or at once.
    Stop {
        /// Addresses may stay a little.
        planned: bool,
    },
    /// An advert.
    Advert {
        /// Its priority.
        priority: u128,
        /// Its sender's address.
        from: u32,
        /// Its interval in centiseconds.
        interval: u128,
    },
    /// The clock is looked at.
    Clock,
    /// A fault comes or goes.
    Fault(bool),
    /// Trackers pass, or one does not.
    Healthy(bool),
    /// Effective priority, below 255.
    Priority(u128),
    /// Addresses the kernel has, of two.
    Present(u128),
    /// Somebody keeps removing them.
    Lost,
    /// The successor announced.
    Successor,
    /// The driver woke late by this many nanoseconds.
    Late(u128),
}

/// One router.
#[derive(Clone, Debug)]
pub struct Model {
    set: Settings,
    priority: u128,
    /// Told to run.
    running: bool,
    fault: bool,
    healthy: bool,
    present: u128,
    /// Role now.
    pub role: Role,
    /// Addresses are kept for a successor until then.
    pub hold: Option<u128>,
    hold_heard: bool,
    learned: u128,
    /// Active_Down_Timer.
    pub down: u128,
    down_intervals: u128,
    tolerate: Option<u128>,
    deferred: bool,
    /// Adver_Timer.
    pub due: u128,
    confirm: Option<u128>,
    refusals: u32,
    /// When refused addresses are tried again.
    pub retry: Option<u128>,
    startup: Option<u128>,
    answers: (u128, u32),
    /// Priorities sent in the last step.
    pub sent: Vec<u128>,
}

impl Model {
    /// Not started.
    #[must_use]
    pub const fn new(set: Settings) -> Self {
        Self {
            set,
            priority: set.priority,
            running: false,
            fault: false,
            healthy: true,
            present: 0,
            role: Role::Out,
            hold: None,
            hold_heard: false,
            learned: set.interval,
            down: 0,
            down_intervals: 3,
            tolerate: None,
            deferred: false,
            due: 0,
            confirm: None,
            refusals: 0,
            retry: None,
            startup: None,
            answers: (0, 0),
            sent: Vec::new(),
        }
    }

    /// Whether the addresses belong on this host.
    #[must_use]
    pub fn has_addresses(&self) -> bool {
        self.role == Role::Lead || self.hold.is_some()
    }

    /// One event at `now`.
    pub fn happens(&mut self, now: u128, what: Happens) {
        self.sent.clear();
        match what {
            Happens::Start => {
                if !self.running {
                    self.running = true;
                    if self.hold.is_some() {
                        self.watch(now);
                    } else {
                        let delay = self.set.startup_delay;
                        self.startup = (delay > 0).then_some(now + delay);
                        self.try_start(now);
                    }
                }
            }
            Happens::Stop { planned } => self.stop(now, planned),
            Happens::Advert {
                priority,
                from,
                interval,
            } => match self.role {
                Role::Out => self.successor_heard(now, priority, from),
                Role::Watch => {
                    self.watch_hears(now, priority, from, interval);
                    self.successor_heard(now, priority, from);
                }
                Role::Lead => self.lead_hears(now, priority, from, interval),
            },
            Happens::Clock => self.clock(now),
            Happens::Fault(fault) => {
                self.fault = fault;
                if fault {
                    self.fall(now);
                } else if self.role == Role::Out && self.hold.is_none() {
                    self.try_start(now);
                }
            }
            Happens::Healthy(healthy) => {
                self.healthy = healthy;
                if !healthy {
                    self.hold = None;
                }
            }
            Happens::Priority(priority) => {
                let before = self.wait();
                self.priority = priority;
                let after = self.wait();
                if self.role == Role::Watch && before != after {
                    self.down = (self.down + after - before).max(now);
                }
            }
            Happens::Present(present) => {
                self.present = present;
                if self.role == Role::Lead {
                    if present > 0 {
                        self.confirm = None;
                        self.refusals = 0;
                    } else if self.confirm.is_none() {
                        self.confirm = Some(now + self.own().max(SECOND));
                    }
                }
            }
            Happens::Lost => {
                if self.role == Role::Lead {
                    self.sent.push(0);
                    self.watch(now);
                    self.down_intervals = 0;
                    self.down = now + self.skew();
                }
                self.hold = None;
            }
            Happens::Successor => self.hold = None,
            Happens::Late(late) => self.late(now, late),
        }
    }

    fn own(&self) -> u128 {
        self.set.interval * CENTISECOND
    }

    /// RFC 9568 §6.1, RFC 3768 §6.1.
    fn skew(&self) -> u128 {
        let of = if self.set.v3 {
            self.learned * CENTISECOND
        } else {
            SECOND
        };
        (256 - self.priority) * of / 256
    }

    /// What the running timer was set to.
    fn wait(&self) -> u128 {
        self.down_intervals * self.learned * CENTISECOND + self.skew()
    }

    fn listen_again(&mut self, now: u128) {
        self.down_intervals = 3;
        self.down = now + self.wait();
    }

    /// Backup from now on, with the own interval.
    fn watch(&mut self, now: u128) {
        self.role = Role::Watch;
        self.learned = self.set.interval;
        self.tolerate = None;
        self.deferred = false;
        self.listen_again(now);
    }

    fn lead(&mut self, now: u128) {
        let kept = self.hold.take().is_some() && self.present > 0;
        self.role = Role::Lead;
        self.sent.push(self.priority);
        self.due = now + self.own();
        self.confirm = (!kept).then(|| now + self.own().max(SECOND));
        self.answers = (0, 0);
    }

    fn try_start(&mut self, now: u128) {
        if !self.running || self.fault || self.retry.is_some() || self.startup.is_some() {
            return;
        }
        if self.priority == 255 {
            self.lead(now);
        } else {
            self.watch(now);
        }
    }

    /// Until when a hold that begins now may last; none if there may be none.
    fn may_hold(&self, now: u128) -> Option<u128> {
        let slowest = if self.set.v3 {
            255 * self.own() / 256
        } else {
            255 * SECOND / 256
        };
        let bound = (slowest + self.own()).min(2 * SECOND).min(self.set.hold);
        let may = bound > 0 && self.healthy && !self.fault && self.present > 0;
        may.then_some(now + bound)
    }

    fn stop(&mut self, now: u128, planned: bool) {
        self.running = false;
        self.startup = None;
        self.retry = None;
        if self.role == Role::Lead {
            self.sent.push(0);
            self.hold = self.may_hold(now);
            self.hold_heard = false;
        }
        self.role = Role::Out;
        if !planned {
            self.hold = None;
        }
    }

    /// Out of the election by a fault.
    fn fall(&mut self, _now: u128) {
        if self.role == Role::Lead {
            for _ in 0..self.set.releases {
                self.sent.push(0);
            }
        }
        self.role = Role::Out;
        self.hold = None;
    }

    fn successor_heard(&mut self, now: u128, priority: u128, from: u32) {
        if let Some(until) = self.hold
            && priority > 0
            && from != self.set.address
            && !self.hold_heard
        {
            self.hold_heard = true;
            self.hold = Some(until.min(now + SECOND / 20));
        }
    }

    fn watch_hears(&mut self, now: u128, priority: u128, _from: u32, interval: u128) {
        if priority == 0 {
            self.down_intervals = 0;
            self.down = now + self.skew();
            return;
        }
        if priority < self.priority {
            let discards = if self.priority == 255 {
                true
            } else if !self.set.preempt {
                false
            } else if self.set.preempt_delay == 0 {
                true
            } else {
                now >= *self.tolerate.get_or_insert(now + self.set.preempt_delay)
            };
            if discards {
                return;
            }
        } else {
            self.tolerate = None;
        }
        if self.set.v3 {
            self.learned = interval;
        }
        self.deferred = false;
        self.listen_again(now);
    }

    fn lead_hears(&mut self, now: u128, priority: u128, from: u32, interval: u128) {
        if from == self.set.address {
            return;
        }
        let wins =
            priority > self.priority || (priority == self.priority && from > self.set.address);
        if wins {
            if self.set.last_word {
                self.sent.push(self.priority);
            }
            self.hold = self.may_hold(now).map(|until| until.min(now + SECOND / 20));
            self.hold_heard = true;
            self.watch(now);
            if self.set.v3 {
                self.learned = interval;
                self.listen_again(now);
            }
            return;
        }
        if now >= self.answers.0 {
            self.answers = (now + self.own(), 0);
        }
        if self.answers.1 == 8 {
            return;
        }
        self.answers.1 += 1;
        if priority == 0 {
            self.sent.push(self.priority);
            self.due = now + self.own();
        } else if self.set.answer {
            self.sent.push(self.priority);
        }
    }

    fn late(&mut self, now: u128, late: u128) {
        let bound = (self.learned * CENTISECOND / 2).max(SECOND / 50);
        if self.role == Role::Watch && late > bound && !self.deferred && now >= self.down {
            self.deferred = true;
            self.down = now + self.learned * CENTISECOND;
        }
    }

    fn clock(&mut self, now: u128) {
        match self.role {
            Role::Out => {
                if self.startup.is_some_and(|at| now >= at) {
                    self.startup = None;
                }
                if self.retry.is_some_and(|at| now >= at) {
                    self.retry = None;
                }
                if self.hold.is_none() {
                    self.try_start(now);
                }
            }
            Role::Watch => {
                if now >= self.down {
                    self.late(now, now - self.down);
                }
                if now >= self.down {
                    self.lead(now);
                }
            }
            Role::Lead => self.lead_clock(now),
        }
        if self.hold.is_some_and(|until| now >= until) {
            self.hold = None;
        }
    }

    fn lead_clock(&mut self, now: u128) {
        if self.confirm.is_some_and(|by| now >= by) {
            self.sent.push(0);
            self.role = Role::Out;
            let wait = (10 * SECOND * 2_u128.pow(self.refusals.min(9))).min(300 * SECOND);
            self.refusals += 1;
            self.retry = Some(now + wait);
            return;
        }
        if now >= self.due {
            self.sent.push(self.priority);
            while self.due <= now {
                self.due += self.own();
            }
        }
    }
}
