//! Makes the journal's directory for the daemon's user.
//!
//! This needs root and may wait for a disk that hangs, so a process of its own does it and is not waited for long.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::unistd::{Gid, Uid};

use crate::service::locked::{self, Purpose};
use crate::service::orphans;

/// The first argument of the process that makes a directory.
pub(crate) const ARGUMENT: &str = "--make-journal-directory";
/// How long a start waits for the directory.
const PATIENCE: Duration = Duration::from_secs(2);

/// Makes the directory where it is missing and gives it to a user, without waiting for long. What fails shows when it is
/// used.
pub(crate) fn make(path: &Path, uid: Uid, gid: Gid) {
    let mut command = Command::new("/proc/self/exe");
    command
        .arg(ARGUMENT)
        .arg(path)
        .arg(uid.to_string())
        .arg(gid.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let Ok(mut child) = orphans::start_own(&mut command) else {
        return;
    };
    let begin = Instant::now();
    while matches!(child.try_wait(), Ok(None)) && begin.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(2));
    }
    orphans::let_go(&child);
}

/// The process that makes it. True where it is there and given away.
pub(crate) fn make_main(args: &[OsString]) -> bool {
    let [path, uid, gid] = args else {
        return false;
    };
    let number = |text: &OsString| text.to_str().and_then(|text| text.parse().ok());
    let (Some(uid), Some(gid)) = (number(uid), number(gid)) else {
        return false;
    };
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    locked::make_for(Path::new(path), Purpose::Journal, uid, gid).is_ok()
}
