//! Orphans, where the daemon is process 1 of a container: it is given every process there whose parent has ended, and
//! nobody else can take one away when it ends. A dead haproxy that nobody takes away keeps its number and its name, and
//! `killall -0 haproxy` goes on finding it.
//!
//! Our own children are waited for by those who started them, so they are entered here as they start.

use std::io;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

/// Orphans that one look takes away: more wait for the next look, so that a storm of them holds nothing up.
const PORTION: usize = 256;

/// Children of our own. There are never more than a handful.
static OWN: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// Starts a child that the caller waits for.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn start_own(command: &mut Command) -> io::Result<Child> {
    // Held over the start: a child that ends at once must not look like an orphan.
    let mut own = own();
    let child = command.spawn()?;
    if let Ok(pid) = i32::try_from(child.id()) {
        own.push(Pid::from_raw(pid));
    }
    Ok(child)
}

/// The child was waited for, or nobody waits for it any more: it is taken away like an orphan then.
pub(crate) fn let_go(child: &Child) {
    own().retain(|pid| u32::try_from(pid.as_raw()) != Ok(child.id()));
}

/// Takes away the orphans that have ended, if they are given to us. Never waits; how many there were.
pub(crate) fn take_away() -> usize {
    if std::process::id() != 1 {
        return 0;
    }
    let own = own();
    let mut taken = 0;
    // One of ours at the head of the kernel's list is about to be waited for, and the rest comes with the next look.
    while let Some(pid) = ended().filter(|pid| !own.contains(pid)) {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG;
        if waitid(Id::Pid(pid), flags).is_err() || taken == PORTION {
            break;
        }
        taken += 1;
    }
    taken
}

/// A child that has ended, without taking it away.
fn ended() -> Option<Pid> {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    match waitid(Id::All, flags) {
        Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, _, _)) => Some(pid),
        Ok(_) | Err(_) => None,
    }
}

fn own() -> MutexGuard<'static, Vec<Pid>> {
    // A panic while it was held leaves a list that is complete.
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}
