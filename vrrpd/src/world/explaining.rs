//! The journal and the explaining thread: how they start, and what they are told.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use vrrp_config::plan::Plan;
use vrrp_proto::time::Instant;
use vrrp_record::history::Source;
use vrrp_record::ring::RunHeader;

use super::Parts;
use crate::core::CoreView;
use crate::daemon::Failure;
use crate::exit::Exit;
use crate::journal::{Analyst, Begun, Bounds, Inputs, RingAccess, Writer};
use crate::observe::Observer;
use crate::recorder::Previous;

/// Events that may wait for the explaining thread.
const EVENTS: usize = 1_024;
/// How long the start waits for the journal's disk.
const PATIENCE: Duration = Duration::from_secs(1);

/// This run as records name it.
pub(crate) fn run(observer: &Observer, host: String, started: Instant) -> RunHeader {
    let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    RunHeader {
        host,
        source: Source::Daemon,
        addresses: Vec::new(),
        boot_id: boot_id.trim().to_owned(),
        namespace: namespace(),
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        configuration: observer.digest(),
        started: observer.axis().time(started),
        monotonic_ns: started.as_nanos(),
    }
}

/// Inode of the network namespace; 0 where it is not told.
fn namespace() -> u64 {
    use std::os::unix::fs::MetadataExt;
    let namespace = std::fs::metadata(Path::new("/proc/self/ns/net"));
    namespace.map_or(0, |namespace| namespace.ino())
}

/// The journal. A directory that cannot be used now is a warning and is tried again; one that another daemon uses is not.
pub(super) fn journal(
    parts: &Parts,
    plan: &Plan,
    observer: &Observer,
    previous: Option<&Previous>,
) -> Result<Option<Writer>, Failure> {
    let (directory, bounds) = (&parts.journal_dir, parts.journal_bounds);
    open(directory, bounds, plan, observer, previous)
}

/// The same for whoever has no [`Parts`].
pub(crate) fn open(
    directory: &Path,
    bounds: (Option<u64>, Option<Duration>),
    plan: &Plan,
    observer: &Observer,
    previous: Option<&Previous>,
) -> Result<Option<Writer>, Failure> {
    // What the disk does not tell in time, the flight recorder may.
    if let Some(last) = previous.and_then(|previous| previous.last_number) {
        observer.numbers().continue_behind(last);
    }
    let started = Writer::start(
        directory.to_owned(),
        Bounds::new(plan.global.journal, bounds),
        observer.live(),
        previous.map(|previous| previous.file.clone()),
    );
    let (writer, begun) = match started {
        Ok(started) => started,
        Err(error) => {
            tracing::error!("nothing is kept in the journal: {error}");
            return Ok(None);
        }
    };
    match begun.recv_timeout(PATIENCE) {
        Ok(Begun::Ready(last)) => {
            if let Some(last) = last {
                observer.numbers().continue_behind(last);
            }
        }
        // The thread has told the log.
        Ok(Begun::Trouble) => {}
        Ok(Begun::InUse(error)) => return Err(Failure::new(Exit::OtherSpeaker, &error)),
        Err(_) => tracing::warn!(
            "the disk of the journal directory {} does not answer: the journal begins when it does",
            directory.display()
        ),
    }
    Ok(Some(writer))
}

/// The explaining thread. Without it the daemon goes on, with less to say.
pub(super) fn start(
    observer: &Arc<Observer>,
    writer: Option<Writer>,
    bounds: (Option<u64>, Option<Duration>),
    run: RunHeader,
    view: CoreView,
    ring: Option<RingAccess>,
) -> Option<Analyst> {
    let (sender, events) = sync_channel(EVENTS);
    observer.follow(sender);
    let inputs = Inputs {
        snapshot: Box::new(move || view.snapshot()),
        observer: Arc::clone(observer),
        events,
        ring,
        writer,
        bounds,
        run,
    };
    Analyst::start(inputs)
        .inspect_err(|error| tracing::error!("nothing is explained while it runs: {error}"))
        .ok()
}
