//! From root to the daemon's own user, with the four capabilities that it needs.

use std::io;

use caps::{CapSet, Capability, CapsHashSet};
use nix::sys::prctl;
use nix::unistd::{Uid, User, setgroups, setresgid, setresuid};

/// The daemon's own user.
pub const USER: &str = "vrrpd";

/// What the daemon needs: addresses and links; VRRP, ARP and ND sockets; real time; locked memory.
const NEEDED: [Capability; 4] = [
    Capability::CAP_NET_ADMIN,
    Capability::CAP_NET_RAW,
    Capability::CAP_SYS_NICE,
    Capability::CAP_IPC_LOCK,
];

/// What an observer needs: the packet socket, and room for a burst in its queue.
const OBSERVING: [Capability; 2] = [Capability::CAP_NET_ADMIN, Capability::CAP_NET_RAW];

/// What is kept when privileges go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// What the daemon needs.
    Daemon,
    /// What an observer needs.
    Observer,
}

/// What without the daemon cannot speak at all.
const INDISPENSABLE: [Capability; 2] = [Capability::CAP_NET_ADMIN, Capability::CAP_NET_RAW];

/// Why privileges are not as they should be.
#[derive(Debug, thiserror::Error)]
pub enum PrivilegeError {
    /// A capability without which there is no VRRP is missing.
    #[error("{0} is missing: start as root, or with CAP_NET_ADMIN and CAP_NET_RAW")]
    Missing(Capability),
    /// An observer without the capability to listen.
    #[error("CAP_NET_RAW is missing: start as root, or with CAP_NET_RAW and CAP_NET_ADMIN")]
    Deaf,
    /// The kernel does not tell or change capabilities.
    #[error("cannot {0} capabilities: {1}")]
    Capabilities(&'static str, #[source] caps::errors::CapsError),
    /// The kernel refuses the change of user.
    #[error("cannot become user {USER}: {0}")]
    User(#[source] io::Error),
}

/// What became of the privileges, for log and status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Privileges {
    /// Dropped to the daemon's user with the needed capabilities.
    Dropped {
        /// Its number.
        uid: u32,
    },
    /// Still root, as the daemon's user does not exist.
    Root,
    /// Started as another user with capabilities, and left so.
    Given,
}

/// The daemon's user, if the system has it.
#[must_use]
pub fn daemon_user() -> Option<User> {
    User::from_name(USER).ok().flatten()
}

/// Fails when a capability is missing without which the daemon cannot work.
///
/// # Errors
/// [`PrivilegeError::Missing`], or that the kernel does not tell.
pub fn check() -> Result<(), PrivilegeError> {
    for capability in INDISPENSABLE {
        let held = caps::has_cap(None, CapSet::Permitted, capability)
            .map_err(|error| PrivilegeError::Capabilities("read", error))?;
        if !held {
            return Err(PrivilegeError::Missing(capability));
        }
    }
    Ok(())
}

/// Fails when the capability is missing without which nothing can be observed.
///
/// # Errors
/// [`PrivilegeError::Deaf`], or that the kernel does not tell.
pub fn check_observer() -> Result<(), PrivilegeError> {
    let held = caps::has_cap(None, CapSet::Permitted, Capability::CAP_NET_RAW)
        .map_err(|error| PrivilegeError::Capabilities("read", error))?;
    if held {
        Ok(())
    } else {
        Err(PrivilegeError::Deaf)
    }
}

/// Drops everything that is not needed. Capabilities belong to threads, so this comes before there is a second one.
///
/// # Errors
/// See [`PrivilegeError`]; then the process must not go on, as it may be half way.
pub fn drop_to(user: Option<&User>, kept: Kept) -> Result<Privileges, PrivilegeError> {
    let root = Uid::effective().is_root();
    let outcome = match user {
        Some(user) if root => {
            caps::securebits::set_keepcaps(true)
                .map_err(|error| PrivilegeError::Capabilities("keep", error))?;
            let changed = setgroups(&[user.gid])
                .and_then(|()| setresgid(user.gid, user.gid, user.gid))
                .and_then(|()| setresuid(user.uid, user.uid, user.uid));
            changed.map_err(|errno| PrivilegeError::User(errno.into()))?;
            keep_needed(kept)?;
            caps::securebits::set_keepcaps(false)
                .map_err(|error| PrivilegeError::Capabilities("keep", error))?;
            Privileges::Dropped {
                uid: user.uid.as_raw(),
            }
        }
        _ if root => Privileges::Root,
        _ => Privileges::Given,
    };
    prctl::set_no_new_privs().map_err(|errno| PrivilegeError::User(errno.into()))?;
    Ok(outcome)
}

/// Leaves the needed capabilities, as far as they are there, and no others.
fn keep_needed(kept: Kept) -> Result<(), PrivilegeError> {
    let changing = |error| PrivilegeError::Capabilities("change", error);
    let permitted = caps::read(None, CapSet::Permitted)
        .map_err(|error| PrivilegeError::Capabilities("read", error))?;
    let needed: &[Capability] = match kept {
        Kept::Daemon => &NEEDED,
        Kept::Observer => &OBSERVING,
    };
    let kept: CapsHashSet = needed
        .iter()
        .copied()
        .filter(|capability| permitted.contains(capability))
        .collect();
    caps::clear(None, CapSet::Ambient).map_err(changing)?;
    caps::clear(None, CapSet::Inheritable).map_err(changing)?;
    caps::set(None, CapSet::Effective, &kept).map_err(changing)?;
    caps::set(None, CapSet::Permitted, &kept).map_err(changing)
}
