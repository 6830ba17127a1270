//! keepalived's dumps: what `kill -USR1`, `-USR2` and the JSON signal make it write, in its layout, for exporters and
//! scripts that read those files.
//!
//! Texts are made here from a status, a snapshot of the core and the plan, all taken at one moment; pure but for the list
//! of interfaces. When they are written, and by whom, is the world's.

mod counts;
mod data;
mod global;
mod interfaces;
mod json;
mod stats;
mod text;

use std::path::PathBuf;
use std::sync::Arc;

use vrrp_config::plan::{Plan, RouterPlan};
use vrrp_proto::time::Instant;
use vrrp_record::status::{Router, Status};

use crate::core::{CoreSnapshot, RouterSnapshot};
use crate::notify::Commands;
use crate::observe::Now;
use crate::track::Settings;

pub(crate) use counts::Counts;

/// Which dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dump {
    /// keepalived.data.
    Data,
    /// keepalived.stats.
    Stats,
    /// keepalived.stats, whose counters begin anew then.
    StatsClear,
    /// keepalived.json.
    Json,
}

/// Who may read a dump: as keepalived's, which holds command lines.
pub(crate) const MODE: u32 = 0o600;

/// A file and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    /// Where.
    pub(crate) path: PathBuf,
    /// What.
    pub(crate) text: String,
}

/// Everything that a dump is made of, taken at one moment.
#[derive(Debug)]
pub(crate) struct Inputs {
    pub(crate) plan: Arc<Plan>,
    /// Of each router, in the plan's order.
    pub(crate) commands: Vec<Commands>,
    /// Of each group, in the plan's order.
    pub(crate) group_commands: Vec<Commands>,
    pub(crate) scripts: Vec<Settings>,
    pub(crate) status: Status,
    pub(crate) core: CoreSnapshot,
    /// Counted until the counters were cleared last, of each router of the snapshot.
    pub(crate) cleared: Vec<Counts>,
    /// Both clocks at that moment.
    pub(crate) now: Now,
    /// The host's name.
    pub(crate) host: String,
    /// TMPDIR or `/tmp`.
    pub(crate) directory: PathBuf,
}

impl Inputs {
    /// The files of a dump. Lists the interfaces of the host, which may wait for the kernel's lock.
    pub(crate) fn files(&self, dump: Dump) -> Vec<File> {
        let places = &self.plan.global.dump;
        match dump {
            Dump::Data => {
                let parent = File {
                    path: self.place(None, "keepalived_parent.data"),
                    text: global::section(self),
                };
                let data = File {
                    path: self.place(places.data.as_deref(), "keepalived.data"),
                    text: data::text(self, &interfaces::list()),
                };
                vec![parent, data]
            }
            Dump::Stats | Dump::StatsClear => vec![File {
                path: self.place(places.stats.as_deref(), "keepalived.stats"),
                text: stats::text(self),
            }],
            // keepalived writes none without an instance.
            Dump::Json if self.routers().next().is_none() => Vec::new(),
            Dump::Json => vec![File {
                path: self.place(places.json.as_deref(), "keepalived.json"),
                text: json::text(self),
            }],
        }
    }

    fn place(&self, configured: Option<&str>, name: &str) -> PathBuf {
        match configured {
            Some(directory) if directory.ends_with('/') => PathBuf::from(directory).join(name),
            Some(file) => PathBuf::from(file),
            None => self.directory.join(name),
        }
    }

    /// Every router of the plan that the engine runs, in the plan's order.
    fn routers(&self) -> impl Iterator<Item = Subject<'_>> {
        let plans = self.plan.routers.iter().enumerate();
        plans.filter_map(|(place, plan)| {
            let find = |router: &&RouterSnapshot| *router.name == *plan.name;
            let position = self.core.routers.iter().position(|router| find(&router))?;
            let core = self.core.routers.get(position)?;
            let counts = Counts::of(core);
            Some(Subject {
                plan,
                commands: self.commands.get(place)?,
                core,
                status: self.status.routers.iter().find(|r| r.name == plan.name)?,
                counts: match self.cleared.get(position) {
                    Some(cleared) => counts.since(*cleared),
                    None => counts,
                },
            })
        })
    }

    /// Microseconds since 1970 of an instant, also of one to come.
    fn unix_micros(&self, at: Instant) -> i64 {
        let now = self.now.unix_ns;
        let ahead = i64::try_from(at.saturating_since(self.now.monotonic).as_nanos());
        let age = i64::try_from(self.now.monotonic.saturating_since(at).as_nanos());
        now.saturating_add(ahead.unwrap_or(i64::MAX))
            .saturating_sub(age.unwrap_or(i64::MAX))
            .div_euclid(1_000)
    }
}

/// One router, seen from everywhere.
struct Subject<'a> {
    plan: &'a RouterPlan,
    commands: &'a Commands,
    core: &'a RouterSnapshot,
    status: &'a Router,
    counts: Counts,
}
