//! What the engine was doing, by name: the steps of its loop, as records and status carry them.
//!
//! The numbers are part of the recorded formats: a step keeps its number for ever, and new ones are added behind.

/// A step of the engine's loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Step {
    /// Asleep in `epoll_wait`, or woken and not yet given a CPU.
    #[default]
    Waiting = 0,
    /// Taking commands of the other world and reports of the address thread.
    Commands = 1,
    /// Taking packets.
    Receiving = 2,
    /// Carrying out deadlines, adverts included.
    Deadlines = 3,
    /// Reading transmit stamps.
    Stamps = 4,
    /// Telling the other world.
    Publishing = 5,
    /// Setting the timer.
    Arming = 6,
    /// Putting a new configuration in the place of the old one.
    Reload = 7,
    /// Reading counters of the host and writing records.
    Recording = 8,
    /// A slow computation that a drill put in; no released build has it.
    SlowWork = 32,
    /// A slow write to a file that a drill put in.
    SlowFile = 33,
    /// A wait for another process that a drill put in.
    SlowService = 34,
}

/// What kind of thing a step waits for, if anything: which cause of lateness a long one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// For the next deadline or packet: the loop had nothing to do.
    Waiting,
    /// For nothing: it computes.
    Work,
    /// For a file, so for a disk.
    File,
    /// For another process: a log, a name service, a bus.
    Service,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 12] = [
        Self::Waiting,
        Self::Commands,
        Self::Receiving,
        Self::Deadlines,
        Self::Stamps,
        Self::Publishing,
        Self::Arming,
        Self::Reload,
        Self::Recording,
        Self::SlowWork,
        Self::SlowFile,
        Self::SlowService,
    ];

    /// The step of a recorded number; `None` for one that a newer daemon wrote.
    #[must_use]
    pub fn from_u8(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_u8() == number)
    }

    /// Its number in records.
    #[must_use]
    pub const fn as_u8(self) -> u8 {
        // A fieldless enum of representation u8 is its number.
        self as u8
    }

    /// Its name in status and verdicts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Commands => "commands",
            Self::Receiving => "receiving",
            Self::Deadlines => "deadlines",
            Self::Stamps => "stamps",
            Self::Publishing => "publishing",
            Self::Arming => "arming",
            Self::Reload => "reload: apply diff",
            Self::Recording => "recording",
            Self::SlowWork => "drill: computation",
            Self::SlowFile => "drill: file write",
            Self::SlowService => "drill: wait for a service",
        }
    }

    /// What it waits for.
    #[must_use]
    pub const fn class(self) -> Class {
        match self {
            Self::Waiting => Class::Waiting,
            Self::Commands
            | Self::Receiving
            | Self::Deadlines
            | Self::Stamps
            | Self::Publishing
            | Self::Arming
            | Self::Reload
            | Self::Recording
            | Self::SlowWork => Class::Work,
            Self::SlowFile => Class::File,
            Self::SlowService => Class::Service,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_found_by_its_number_and_has_a_name_of_its_own() {
        for (place, step) in Step::ALL.into_iter().enumerate() {
            assert_eq!(Step::from_u8(step.as_u8()), Some(step));
            let earlier = &Step::ALL[..place];
            assert!(earlier.iter().all(|other| other.as_str() != step.as_str()));
        }
        assert_eq!(Step::from_u8(99), None);
    }
}
