//! The state of another program's virtual router, inferred from who speaks.
//!
//! For captures and the observer. Whoever advertises is Active; who falls silent after an advert that wins against its own
//! is Backup; who says goodbye has left. A silence alone ends nothing: a sender that is held up is still Active.

use std::net::IpAddr;

use crate::cause::Cause;
use crate::history::Time;
use crate::words::Word;

/// Least time that a router is given to fall silent.
const LEAST_PATIENCE: i64 = 100_000_000;
/// Lower adverts are told again after so long a pause.
const QUIET: i64 = 60_000_000_000;

/// An advert as far as states follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// When it left or arrived.
    pub at: Time,
    /// Its sender.
    pub from: IpAddr,
    /// Its priority; 0 is the goodbye.
    pub priority: u8,
    /// Its interval in nanoseconds.
    pub interval: u64,
}

/// What was inferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The state at the beginning.
    Found {
        /// When the beginning was.
        at: Time,
        /// The state.
        state: Word,
    },
    /// It changed state.
    Changed {
        /// When: known only later where silence decides.
        at: Time,
        /// The state left.
        from: Word,
        /// The state entered.
        to: Word,
        /// Why.
        cause: Cause,
        /// Its priority at that time, or the last one known.
        priority: u8,
    },
    /// A lower advert came while it was Active, for the first time or after a minute without one.
    Lower {
        /// The advert.
        advert: Spoken,
    },
}

/// One router of the watched node.
#[derive(Clone, Copy, Debug)]
pub struct Role {
    began: Time,
    state: Option<Word>,
    own: Option<Spoken>,
    other: Option<Spoken>,
    /// A winning advert, until the router has fallen silent for it.
    beaten: Option<Spoken>,
    lower: Option<Time>,
}

impl Role {
    /// A router that is watched from now on.
    #[must_use]
    pub const fn new(began: Time) -> Self {
        Self {
            began,
            state: None,
            own: None,
            other: None,
            beaten: None,
            lower: None,
        }
    }

    /// Its state, where it is known.
    #[must_use]
    pub const fn state(&self) -> Option<Word> {
        self.state
    }

    /// The last advert of its own that was no goodbye.
    #[must_use]
    pub const fn own(&self) -> Option<&Spoken> {
        self.own.as_ref()
    }

    /// The last advert of another.
    #[must_use]
    pub const fn other(&self) -> Option<&Spoken> {
        self.other.as_ref()
    }

    /// The router sent an advert.
    pub fn spoke(&mut self, advert: Spoken, told: &mut Vec<Told>) {
        self.pass(advert.at, told);
        self.beaten = None;
        if advert.priority == 0 {
            if self.state.is_none() {
                self.find(Word::Master, told);
            }
            if self.state == Some(Word::Master) {
                let priority = self.own.map_or(0, |own| own.priority);
                self.change(advert.at, Word::Backup, Cause::Unseen, priority, told);
            }
            return;
        }
        match self.state {
            Some(Word::Master) => {}
            None if self.other.is_none() && self.spoke_from_the_first(&advert) => {
                self.find(Word::Master, told);
            }
            None | Some(Word::Init | Word::Backup | Word::Fault) => {
                let cause = self.takeover(&advert);
                if self.state.is_none() {
                    self.find(Word::Backup, told);
                }
                self.change(advert.at, Word::Master, cause, advert.priority, told);
            }
        }
        self.own = Some(advert);
    }

    /// Another router's valid advert came.
    pub fn heard(&mut self, advert: Spoken, told: &mut Vec<Told>) {
        self.pass(advert.at, told);
        match (self.state, self.own) {
            (None, _) => self.find(Word::Backup, told),
            (Some(Word::Master), Some(own)) if advert.priority != 0 => {
                if wins(&advert, &own) {
                    self.beaten.get_or_insert(advert);
                } else {
                    let again = self.lower.is_none_or(|last| advert.at.since(last) > QUIET);
                    self.lower = Some(advert.at);
                    if again {
                        told.push(Told::Lower { advert });
                    }
                }
            }
            _ => {}
        }
        self.other = Some(advert);
    }

    /// Time went by.
    pub fn pass(&mut self, now: Time, told: &mut Vec<Told>) {
        let (Some(beaten), Some(own)) = (self.beaten, self.own) else {
            return;
        };
        if now.since(beaten.at) >= patience(own.interval) {
            self.beaten = None;
            let cause = if beaten.priority > own.priority {
                Cause::HigherPriority {
                    from: beaten.from,
                    priority: beaten.priority,
                    ours: own.priority,
                }
            } else {
                Cause::TieLost {
                    from: beaten.from,
                    priority: own.priority,
                }
            };
            self.change(beaten.at, Word::Backup, cause, own.priority, told);
        }
    }

    /// Something else than adverts told the state: a log, the addresses, the process.
    pub fn learn(&mut self, at: Time, to: Word, cause: Cause, told: &mut Vec<Told>) {
        self.beaten = None;
        match self.state {
            None => {
                self.began = at;
                self.find(to, told);
            }
            Some(state) if state == to => {}
            Some(_) => {
                let priority = self.own.map_or(0, |own| own.priority);
                self.change(at, to, cause, priority, told);
            }
        }
    }

    /// The daemon ended without a word and has begun again: it listens before it speaks.
    pub fn restart(&mut self, at: Time, told: &mut Vec<Told>) {
        self.beaten = None;
        self.own = None;
        self.began = at;
        self.find(Word::Backup, told);
    }

    fn find(&mut self, state: Word, told: &mut Vec<Told>) {
        self.state = Some(state);
        let at = self.began;
        told.push(Told::Found { at, state });
    }

    fn change(&mut self, at: Time, to: Word, cause: Cause, priority: u8, told: &mut Vec<Told>) {
        let from = self.state.replace(to).unwrap_or(Word::Init);
        self.lower = None;
        told.push(Told::Changed {
            at,
            from,
            to,
            cause,
            priority,
        });
    }

    /// An Active sends within one interval of the beginning, with some lateness.
    fn spoke_from_the_first(&self, advert: &Spoken) -> bool {
        advert.at.since(self.began) <= patience(advert.interval)
    }

    /// Why a router that did not speak does so now.
    fn takeover(&self, advert: &Spoken) -> Cause {
        let Some(other) = &self.other else {
            return Cause::SilentActive {
                last: None,
                silence_ms: u64::try_from(advert.at.since(self.began) / 1_000_000).ok(),
            };
        };
        let silence = advert.at.since(other.at);
        if other.priority == 0 && silence <= patience(other.interval.max(advert.interval)) {
            return Cause::Released { by: other.from };
        }
        if silence > patience(other.interval) {
            return Cause::SilentActive {
                last: Some(other.from),
                silence_ms: u64::try_from(silence / 1_000_000).ok(),
            };
        }
        if other.priority != 0 && other.priority < advert.priority {
            return Cause::Preempting {
                over: other.from,
                priority: other.priority,
                ours: advert.priority,
            };
        }
        Cause::Unseen
    }
}

/// RFC 9568 §6.4.3: the higher priority, then the higher address.
fn wins(advert: &Spoken, own: &Spoken) -> bool {
    (advert.priority, advert.from) > (own.priority, own.from)
}

/// One and a half intervals: what an Active sends within, unless it is held up.
fn patience(interval: u64) -> i64 {
    let interval = i64::try_from(interval).unwrap_or(i64::MAX);
    interval.saturating_add(interval / 2).max(LEAST_PATIENCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn by(host: u8, priority: u8, ms: i64) -> Spoken {
        Spoken {
            at: Time(ms * 1_000_000),
            from: IpAddr::from([10, 0, 0, host]),
            priority,
            interval: 1_000_000_000,
        }
    }

    /// Own adverts are those of host 2.
    fn inferred(adverts: &[Spoken]) -> Vec<Told> {
        let mut role = Role::new(Time(0));
        let mut told = Vec::new();
        for advert in adverts {
            if advert.from == IpAddr::from([10, 0, 0, 2]) {
                role.spoke(*advert, &mut told);
            } else {
                role.heard(*advert, &mut told);
            }
        }
        role.pass(Time(1000 * SECOND), &mut told);
        told
    }

    fn changes(adverts: &[Spoken]) -> Vec<(i64, Word, Cause)> {
        inferred(adverts)
            .into_iter()
            .filter_map(|told| match told {
                Told::Changed { at, to, cause, .. } => Some((at.0 / 1_000_000, to, cause)),
                Told::Found { .. } | Told::Lower { .. } => None,
            })
            .collect()
    }

    const fn host(number: u8) -> IpAddr {
        IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, number))
    }

    #[test]
    fn who_speaks_from_the_first_was_found_master_and_who_listens_backup() {
        let found = |adverts: &[Spoken]| inferred(adverts).first().copied();
        let at = Time(0);
        assert_eq!(
            found(&[by(2, 100, 900)]),
            Some(Told::Found {
                at,
                state: Word::Master
            })
        );
        assert_eq!(
            found(&[by(1, 100, 900)]),
            Some(Told::Found {
                at,
                state: Word::Backup
            })
        );
        assert!(inferred(&[]).is_empty());
    }

    #[test]
    fn a_takeover_after_silence_names_who_fell_silent() {
        let cause = Cause::SilentActive {
            last: Some(host(1)),
            silence_ms: Some(3_600),
        };
        assert_eq!(
            changes(&[by(1, 150, 500), by(1, 150, 1500), by(2, 100, 5_100)]),
            [(5_100, Word::Master, cause)]
        );
    }

    #[test]
    fn a_takeover_after_a_goodbye_and_over_a_lower_one_are_told_apart() {
        assert_eq!(
            changes(&[by(1, 150, 500), by(1, 0, 900), by(2, 100, 1_500)]),
            [(1_500, Word::Master, Cause::Released { by: host(1) })]
        );
        let cause = Cause::Preempting {
            over: host(1),
            priority: 90,
            ours: 100,
        };
        assert_eq!(
            changes(&[by(1, 90, 500), by(1, 90, 1_500), by(2, 100, 2_100)]),
            [(2_100, Word::Master, cause)]
        );
    }

    #[test]
    fn who_falls_silent_after_a_winning_advert_was_backup_from_that_advert_on() {
        let cause = Cause::HigherPriority {
            from: host(3),
            priority: 150,
            ours: 100,
        };
        let adverts = [by(2, 100, 500), by(3, 150, 1_200), by(3, 150, 2_200)];
        assert_eq!(changes(&adverts), [(1_200, Word::Backup, cause)]);
        let tie = Cause::TieLost {
            from: host(3),
            priority: 100,
        };
        let adverts = [by(2, 100, 500), by(3, 100, 1_200)];
        assert_eq!(changes(&adverts), [(1_200, Word::Backup, tie)]);
    }

    #[test]
    fn who_speaks_on_against_a_winning_advert_stays_master() {
        let adverts = [
            by(2, 100, 500),
            by(3, 150, 1_200),
            by(2, 100, 1_500),
            by(3, 150, 2_200),
            by(2, 100, 2_500),
        ];
        assert_eq!(changes(&adverts), []);
    }

    #[test]
    fn silence_alone_and_lower_adverts_end_nothing() {
        let adverts = [
            by(2, 150, 500),
            by(1, 100, 4_200),
            by(1, 100, 5_200),
            by(2, 150, 5_300),
        ];
        assert_eq!(changes(&adverts), []);
        let lower = inferred(&adverts)
            .into_iter()
            .filter(|told| matches!(told, Told::Lower { .. }))
            .count();
        assert_eq!(lower, 1, "told once a minute");
    }

    #[test]
    fn who_restarts_becomes_master_anew() {
        let mut role = Role::new(Time(0));
        let mut told = Vec::new();
        role.spoke(by(2, 150, 500), &mut told);
        role.heard(by(1, 100, 4_500), &mut told);
        role.restart(Time(5_000_000_000), &mut told);
        role.spoke(by(2, 150, 5_000), &mut told);
        let last = told.last().copied();
        assert!(
            matches!(
                last,
                Some(Told::Changed {
                    from: Word::Backup,
                    to: Word::Master,
                    cause: Cause::Preempting { .. },
                    ..
                })
            ),
            "{last:?}"
        );
    }

    #[test]
    fn a_goodbye_sent_twice_is_left_once() {
        let adverts = [by(2, 150, 500), by(2, 0, 900), by(2, 0, 901)];
        assert_eq!(changes(&adverts), [(900, Word::Backup, Cause::Unseen)]);
    }
}
