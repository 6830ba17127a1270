//! The engine thread's scheduling class and its locked memory: what was asked for, what the kernel gave.

use std::io;

use vrrp_config::plan;

use crate::core::{MemoryLock, SchedulingClass};
use crate::sys;

/// How long a real-time thread may run without sleeping before the kernel's signal demotes it, in microseconds.
const LIMIT: u64 = 200_000;

/// Makes the kernel's signal demote real-time threads that run too long; once for the process.
pub(crate) fn install_limit() -> io::Result<()> {
    sys::thread::install_limit(LIMIT)
}

/// The scheduling class of the engine thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Realtime {
    wanted: plan::Realtime,
    pub(super) class: SchedulingClass,
    pub(super) memory: MemoryLock,
    pub(super) demotions: u64,
}

impl Realtime {
    /// Puts the calling thread into the class that the configuration asks for. A refusal is recorded, never fatal.
    pub(crate) fn enter(wanted: plan::Realtime) -> Self {
        sys::thread::watch_limit(sys::thread::current());
        let mut realtime = Self {
            wanted,
            class: SchedulingClass::Ordinary,
            memory: MemoryLock::Off,
            demotions: 0,
        };
        realtime.promote();
        realtime
    }

    /// The configuration asks for something else now.
    pub(super) fn configure(&mut self, wanted: plan::Realtime) {
        if wanted == self.wanted {
            return;
        }
        self.wanted = wanted;
        if self.class != SchedulingClass::Demoted {
            self.promote();
        }
    }

    /// Into the class that was asked for, at start and after a demotion.
    pub(super) fn promote(&mut self) {
        self.class = match self.wanted {
            plan::Realtime::Off => match sys::thread::set_ordinary() {
                Ok(()) => SchedulingClass::Ordinary,
                Err(error) => SchedulingClass::Refused(error.raw_os_error().unwrap_or_default()),
            },
            plan::Realtime::Fifo(priority) => match sys::thread::set_fifo(priority) {
                Ok(()) => {
                    // Each signal raised the limit by a second.
                    let _ = sys::thread::install_limit(LIMIT);
                    SchedulingClass::Fifo(priority)
                }
                Err(error) => SchedulingClass::Refused(error.raw_os_error().unwrap_or_default()),
            },
        };
    }

    /// Into the ordinary class for a while. Says whether that changed anything.
    pub(super) fn demote(&mut self) -> bool {
        if !matches!(self.class, SchedulingClass::Fifo(_)) {
            return false;
        }
        let _ = sys::thread::set_ordinary();
        self.class = SchedulingClass::Demoted;
        self.demotions += 1;
        true
    }

    /// Whether the configuration asks for real time, and so for locked memory.
    pub(super) const fn is_wanted(&self) -> bool {
        matches!(self.wanted, plan::Realtime::Fifo(_))
    }

    /// Whether the kernel's limit was reached since the last question.
    pub(super) fn take_limit_reached() -> bool {
        sys::thread::take_limit_reached()
    }

    /// The calling thread ends.
    pub(crate) fn leave() {
        sys::thread::forget_limit(sys::thread::current());
    }
}

#[cfg(test)]
mod tests {
    use nix::libc;

    use super::*;

    /// Real-time classes need a privilege; without it the refusal must be recorded with its reason.
    #[test]
    fn the_class_is_the_kernels_or_its_refusal_is_recorded() {
        std::thread::spawn(|| {
            let mut realtime = Realtime::enter(plan::Realtime::Fifo(1));
            match realtime.class {
                SchedulingClass::Fifo(priority) => {
                    assert_eq!(priority, 1);
                    assert_eq!(sys::thread::class(), (libc::SCHED_FIFO, 1));
                    assert!(realtime.demote());
                    assert_eq!(sys::thread::class().0, libc::SCHED_OTHER);
                    assert_eq!(
                        (realtime.class, realtime.demotions),
                        (SchedulingClass::Demoted, 1)
                    );
                    assert!(!realtime.demote(), "once is enough");
                    realtime.promote();
                    assert_eq!(sys::thread::class(), (libc::SCHED_FIFO, 1));
                    realtime.configure(plan::Realtime::Off);
                    assert_eq!(sys::thread::class().0, libc::SCHED_OTHER);
                    assert_eq!(realtime.class, SchedulingClass::Ordinary);
                }
                SchedulingClass::Refused(errno) => {
                    assert!(
                        errno == libc::EPERM || errno == libc::EINVAL,
                        "refused with {errno}"
                    );
                    assert_eq!(sys::thread::class().0, libc::SCHED_OTHER);
                }
                SchedulingClass::Ordinary | SchedulingClass::Demoted => {
                    panic!("{:?}", realtime.class)
                }
            }
            Realtime::leave();
        })
        .join()
        .unwrap();
    }
}
