//! Which file a configured command means, which user it runs as, and whether that is safe: keepalived's rules.
//!
//! Decides from the file system and the user database; starts nothing.

use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use nix::unistd::{Gid, Group, Uid, User};
use serde::{Deserialize, Serialize};

/// keepalived's user for scripts, where the system has it.
pub const DEFAULT_USER: &str = "keepalived_script";

/// Searched for bare command names when the environment has no PATH.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Links followed before a path counts as a loop, as many as the kernel follows.
const LINK_LIMIT: usize = 40;

/// A user and a group by name or number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// User name or number.
    pub user: String,
    /// Group name or number; the user's primary group where absent.
    pub group: Option<String>,
}

/// A configured command, before anything is known about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Words as configured; the first may be a bare name.
    pub argv: Vec<String>,
    /// keepalived's `<` form: the words are text for a shell.
    pub shell: bool,
    /// The user written beside the command, else `script_user`.
    pub account: Option<Account>,
    /// `enable_script_security`.
    pub security: bool,
}

/// A command that can be started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The file, by an absolute path.
    pub path: PathBuf,
    /// Words as configured.
    pub argv: Vec<String>,
    /// The words are text for a shell.
    pub shell: bool,
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// A command that can be started, and what is to be said about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// The command.
    pub program: Program,
    /// It would run as root, and somebody else could change it.
    pub insecure: Option<Insecure>,
    /// No user was configured and keepalived's default user does not exist: it runs as the daemon's own user.
    pub without_default_user: bool,
}

/// Why somebody else could change a program that runs as root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Insecure {
    /// Not root's.
    #[error("{} belongs to user {uid}, not to root: chown root {}", path.display(), path.display())]
    Owner {
        /// Which part of the path.
        path: PathBuf,
        /// Its owner.
        uid: u32,
    },
    /// Writable by everybody.
    #[error("{} is writable by everybody: chmod o-w {}", path.display(), path.display())]
    Others {
        /// Which part of the path.
        path: PathBuf,
    },
    /// Writable by a group that is not root's.
    #[error("{} is writable by group {gid}: chmod g-w {}", path.display(), path.display())]
    Group {
        /// Which part of the path.
        path: PathBuf,
        /// Its group.
        gid: u32,
    },
}

/// Why a command cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Unusable {
    /// No such file, or not in PATH.
    #[error("script '{0}' not found/accessible")]
    NotFound(String),
    /// A directory or the like.
    #[error("script '{0}' is not a regular file")]
    NotAFile(String),
    /// The user may not execute it.
    #[error("script '{path}' is not executable for uid:gid {uid}:{gid}")]
    NotExecutable {
        /// The file.
        path: String,
        /// User.
        uid: u32,
        /// Group.
        gid: u32,
    },
    /// The user does not exist.
    #[error("user '{0}' of the script does not exist")]
    NoUser(String),
    /// The group does not exist.
    #[error("group '{0}' of the script does not exist")]
    NoGroup(String),
    /// `enable_script_security` without a user to run it as.
    #[error(
        "no user for the script: enable_script_security needs script_user or the user {DEFAULT_USER}"
    )]
    NoDefaultUser,
    /// `enable_script_security`, and somebody else could change it.
    #[error("script '{path}' would run as root and is not secure: {why}")]
    Insecure {
        /// The file.
        path: String,
        /// Why.
        why: Insecure,
    },
    /// There are no words, or one holds a zero byte.
    #[error("the script's command line is empty or holds a zero byte")]
    NoCommand,
}

/// Finds the file and the user of a command and judges both.
///
/// # Errors
/// See [`Unusable`].
pub fn resolve(candidate: &Candidate) -> Result<Resolved, Unusable> {
    let first = candidate.argv.first().ok_or(Unusable::NoCommand)?;
    if first.is_empty() || candidate.argv.iter().any(|word| word.contains('\0')) {
        return Err(Unusable::NoCommand);
    }
    let (uid, gid, without_default_user) = identity(candidate)?;
    let written = if candidate.shell {
        // The file to judge is the first word of the text, where it names one.
        first.split_whitespace().next().unwrap_or_default()
    } else {
        first
    };
    let found = find(written).ok_or_else(|| Unusable::NotFound(written.to_owned()))?;
    let path = fs::canonicalize(&found).map_err(|_| Unusable::NotFound(written.to_owned()))?;
    let metadata = fs::metadata(&path).map_err(|_| Unusable::NotFound(written.to_owned()))?;
    if !metadata.is_file() {
        return Err(Unusable::NotAFile(written.to_owned()));
    }
    if !may_execute(&metadata, uid, gid) {
        return Err(Unusable::NotExecutable {
            path: written.to_owned(),
            uid,
            gid,
        });
    }
    let set_id_root = metadata.mode() & 0o4000 != 0 && metadata.uid() == 0;
    let insecure = if uid == 0 || set_id_root {
        insecurity(&found)
    } else {
        None
    };
    if candidate.security
        && let Some(why) = insecure
    {
        return Err(Unusable::Insecure {
            path: written.to_owned(),
            why,
        });
    }
    Ok(Resolved {
        program: Program {
            path,
            argv: candidate.argv.clone(),
            shell: candidate.shell,
            uid,
            gid,
        },
        insecure,
        without_default_user,
    })
}

/// User and group of a command, and whether that is only the daemon's own for lack of another.
fn identity(candidate: &Candidate) -> Result<(u32, u32, bool), Unusable> {
    if let Some(account) = &candidate.account {
        let (uid, gid) = numbers(account)?;
        return Ok((uid, gid, false));
    }
    match User::from_name(DEFAULT_USER) {
        Ok(Some(user)) => Ok((user.uid.as_raw(), user.gid.as_raw(), false)),
        Ok(None) | Err(_) if candidate.security => Err(Unusable::NoDefaultUser),
        Ok(None) | Err(_) => Ok((Uid::effective().as_raw(), Gid::effective().as_raw(), true)),
    }
}

/// User and group of an account by number.
pub(super) fn numbers(account: &Account) -> Result<(u32, u32), Unusable> {
    let (uid, primary) = user(&account.user)?;
    let group = account.group.as_deref().map(group).transpose()?;
    Ok((uid, group.unwrap_or(primary)))
}

fn user(written: &str) -> Result<(u32, u32), Unusable> {
    let found = match written.parse() {
        Ok(number) => User::from_uid(Uid::from_raw(number)),
        Err(_) => User::from_name(written),
    };
    match found {
        Ok(Some(user)) => Ok((user.uid.as_raw(), user.gid.as_raw())),
        Ok(None) | Err(_) => Err(Unusable::NoUser(written.to_owned())),
    }
}

fn group(written: &str) -> Result<u32, Unusable> {
    if let Ok(number) = written.parse() {
        return Ok(number);
    }
    match Group::from_name(written) {
        Ok(Some(group)) => Ok(group.gid.as_raw()),
        Ok(None) | Err(_) => Err(Unusable::NoGroup(written.to_owned())),
    }
}

/// The file that a written command means: itself where it holds a slash, else the first executable one in PATH.
fn find(written: &str) -> Option<PathBuf> {
    if written.contains('/') {
        let path = Path::new("/").join(written);
        return fs::metadata(&path).is_ok().then_some(path);
    }
    let path = std::env::var("PATH").unwrap_or_else(|_| DEFAULT_PATH.to_owned());
    path.split(':')
        .filter(|directory| directory.starts_with('/'))
        .map(|directory| Path::new(directory).join(written))
        .find(|file| {
            fs::metadata(file)
                .is_ok_and(|metadata| metadata.is_file() && metadata.mode() & 0o111 != 0)
        })
}

/// Whether the mode bits let this user execute the file; supplementary groups are cleared before a script runs.
fn may_execute(metadata: &Metadata, uid: u32, gid: u32) -> bool {
    let mode = metadata.permissions().mode();
    if uid == 0 {
        mode & 0o111 != 0
    } else if uid == metadata.uid() {
        mode & 0o100 != 0
    } else if gid == metadata.gid() {
        mode & 0o010 != 0
    } else {
        mode & 0o001 != 0
    }
}

/// The first part of the path, links and their targets included, that somebody else than root could change.
///
/// A sticky directory keeps others from replacing what is in it, and counts as safe.
fn insecurity(path: &Path) -> Option<Insecure> {
    let mut links = 0;
    let mut rest: Vec<PathBuf> = components_reversed(path);
    let mut reached = PathBuf::from("/");
    loop {
        let metadata = fs::symlink_metadata(&reached).ok()?;
        if let Some(found) = judge(&reached, &metadata) {
            return Some(found);
        }
        if metadata.is_symlink() {
            links += 1;
            if links > LINK_LIMIT {
                return None;
            }
            let target = fs::read_link(&reached).ok()?;
            reached.pop();
            if target.is_absolute() {
                reached = PathBuf::from("/");
            }
            rest.extend(components_reversed(&target));
        }
        let next = rest.pop()?;
        if next == Path::new("..") {
            reached.pop();
        } else {
            reached.push(next);
        }
    }
}

fn components_reversed(path: &Path) -> Vec<PathBuf> {
    let mut parts: Vec<PathBuf> = path
        .components()
        .filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir))
        .map(|part| PathBuf::from(part.as_os_str()))
        .collect();
    parts.reverse();
    parts
}

fn judge(path: &Path, metadata: &Metadata) -> Option<Insecure> {
    const STICKY: u32 = 0o1000;
    let path = || path.to_owned();
    if metadata.uid() != 0 {
        return Some(Insecure::Owner {
            path: path(),
            uid: metadata.uid(),
        });
    }
    // A link's own mode means nothing.
    let sticky = metadata.is_dir() && metadata.mode() & STICKY != 0;
    if metadata.is_symlink() || sticky {
        return None;
    }
    if metadata.mode() & 0o002 != 0 {
        return Some(Insecure::Others { path: path() });
    }
    if metadata.mode() & 0o020 != 0 && metadata.gid() != 0 {
        return Some(Insecure::Group {
            path: path(),
            gid: metadata.gid(),
        });
    }
    None
}
