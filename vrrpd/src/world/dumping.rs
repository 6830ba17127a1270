//! keepalived's dumps: made and written beside the loop, one at a time, so that a disk that hangs costs dumps and nothing
//! else.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use tokio::task::JoinHandle;
use vrrp_proto::router::RouterId;

use super::Running;
use crate::control::Source as _;
use crate::dump::{Counts, Dump, Inputs, MODE};
use crate::observe::Now;

/// Dumps that are written or wait for that, and where counting began.
#[derive(Debug)]
pub(super) struct Dumping {
    writing: Option<JoinHandle<()>>,
    /// Asked for while another one is written; each kind once, as the next one tells all.
    wanted: BTreeSet<Dump>,
    cleared: HashMap<RouterId, Counts>,
    directory: PathBuf,
}

impl Dumping {
    pub(super) fn new() -> Self {
        let directory = std::env::var_os("TMPDIR").map(PathBuf::from);
        let absolute = directory.filter(|directory| directory.is_absolute());
        Self {
            writing: None,
            wanted: BTreeSet::new(),
            cleared: HashMap::new(),
            directory: absolute.unwrap_or_else(|| PathBuf::from("/tmp")),
        }
    }

    /// Waits for the end of the dump that is being written. Cancel safe; waits for ever while there is none.
    pub(super) async fn written(&mut self) {
        let Some(writing) = &mut self.writing else {
            return std::future::pending().await;
        };
        // A writer that panicked has said so, and what it did not write is asked for again.
        let _ = writing.await;
        self.writing = None;
    }
}

impl Running {
    /// A dump was asked for: it is written now, or when the one before it is written.
    pub(super) fn dump(&mut self, dump: Dump) {
        self.dumping.wanted.insert(dump);
        self.write_next_dump();
    }

    pub(super) fn write_next_dump(&mut self) {
        if self.dumping.writing.is_some() {
            return;
        }
        let Some(dump) = self.dumping.wanted.pop_first() else {
            return;
        };
        let (inputs, runner) = (self.dump_inputs(), self.parts.runner.clone());
        if dump == Dump::StatsClear {
            let routers = inputs.core.routers.iter();
            self.dumping.cleared = routers
                .map(|router| (router.router.id, Counts::of(router)))
                .collect();
        }
        let write = move || {
            for file in inputs.files(dump) {
                if let Err(error) = runner.replace(&file.path, MODE, file.text.as_bytes()) {
                    tracing::error!("cannot write {}: {error}", file.path.display());
                }
            }
        };
        self.dumping.writing = Some(tokio::task::spawn_blocking(write));
    }

    fn dump_inputs(&self) -> Inputs {
        let (core, now) = (self.core.snapshot(), Now::read());
        let cleared = |id: &RouterId| self.dumping.cleared.get(id).copied().unwrap_or_default();
        let host = nix::unistd::gethostname().unwrap_or_default();
        Inputs {
            plan: self.configuration.plan.clone(),
            commands: self.configuration.router_commands.clone(),
            group_commands: self.configuration.group_commands.clone(),
            scripts: self.configuration.scripts.clone(),
            status: self.observer.status(),
            cleared: core.routers.iter().map(|r| cleared(&r.router.id)).collect(),
            core,
            now,
            host: host.to_string_lossy().into_owned(),
            directory: self.dumping.directory.clone(),
        }
    }
}
