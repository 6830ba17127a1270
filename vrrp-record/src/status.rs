//! The status of a daemon: what `vrrpctl status` shows and `--json` prints, schema 1.
//!
//! Fields are only ever added within a schema number, and each added one has a default, so that a tool and a daemon of
//! neighbouring versions understand each other. Times are integers whose unit ends their name. No secrets (rule 11).

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::cause::Cause;
use crate::event::{Asked, Event, RunOutcome, TrackerKind, TrackerState};
use crate::moment::Moment;
use crate::words::{Faults, Word};

/// The schema that this crate writes and reads.
pub const SCHEMA: u32 = 1;

/// Most events that a status carries.
pub const LAST_EVENTS: usize = 32;

/// Everything that a daemon says about itself at one time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// [`SCHEMA`] of the writer.
    pub schema: u32,
    /// Whether all is well, and what is not.
    pub health: Health,
    /// Wall clock when this status was made, in milliseconds since 1970-01-01 00:00:00 UTC.
    pub taken_unix_ms: i64,
    /// CLOCK_MONOTONIC at the same time, in nanoseconds: for the age of events.
    pub taken_monotonic_ns: u64,
    /// The daemon itself.
    pub daemon: Daemon,
    /// What an operator asked of the node and is in force: maintenance, or giving way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<OnRequest>,
    /// Virtual routers, in file order.
    pub routers: Vec<Router>,
    /// Sync groups, in file order.
    #[serde(default)]
    pub groups: Vec<Group>,
    /// Track scripts, in file order.
    #[serde(default)]
    pub scripts: Vec<Script>,
    /// How the daemon is scheduled.
    pub scheduling: Scheduling,
    /// The flight recorder, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorder: Option<Recorder>,
    /// The journal, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<Journal>,
    /// Evidence that this machine cannot give.
    #[serde(default)]
    pub unavailable: Vec<Unavailable>,
    /// The last events, oldest first, at most [`LAST_EVENTS`].
    #[serde(default)]
    pub last_events: Vec<Event>,
}

/// The answer in one word, with its reasons.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// No reason against it.
    pub healthy: bool,
    /// Why not; a sentence each.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// What is worth knowing and no reason to worry by itself.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// An operator's word that is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnRequest {
    /// What was asked.
    pub what: Asked,
    /// Since when.
    pub since: Moment,
    /// How much of its time is left, in milliseconds, where it has an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_ms: Option<u64>,
    /// The user who asked.
    pub uid: u32,
    /// The process that asked.
    pub pid: u32,
}

/// The daemon itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Daemon {
    /// Version of the program.
    pub version: String,
    /// Process id of the engine's process.
    pub pid: u32,
    /// Host name.
    pub host: String,
    /// `router_id`, where it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub router_id: Option<String>,
    /// Start of this run.
    pub started: Moment,
    /// The run directory.
    pub run_dir: String,
    /// It runs with all of root's rights, because the user that it would become does not exist.
    #[serde(default)]
    pub root: bool,
    /// What it runs on.
    pub configuration: Configuration,
    /// Milliseconds since the rest of the daemon last told the engine that it is alive (safety rule 1).
    pub heartbeat_age_ms: u64,
    /// The engine runs: false before it has begun and after it has ended.
    #[serde(default = "yes")]
    pub engine_running: bool,
    /// Reports of the engine that a full queue lost.
    #[serde(default)]
    pub reports_lost: u64,
}

const fn yes() -> bool {
    true
}

/// The configuration in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// The file that was named, or found.
    pub file: String,
    /// Digest of the plan that was made of it, in hexadecimal.
    pub digest: String,
    /// When it came into force.
    pub loaded: Moment,
    /// Warnings that it gave.
    #[serde(default)]
    pub warnings: u32,
    /// A newer content of the file was refused, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Moment>,
}

/// One virtual router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Router {
    /// Its name in the configuration.
    pub name: String,
    /// The interface it protects addresses on.
    pub interface: String,
    /// 4 or 6.
    pub family: u8,
    /// Virtual router id, 1–255.
    pub vrid: u8,
    /// VRRP version, 2 or 3.
    pub version: u8,
    /// State in keepalived's words.
    pub state: Word,
    /// MASTER that leaves on purpose and keeps its addresses until the successor has them.
    #[serde(default)]
    pub releasing: bool,
    /// Since when.
    pub since: Moment,
    /// Why, as a sentence.
    pub why: String,
    /// Why, as a value.
    pub cause: Option<Cause>,
    /// Faults as codes.
    pub faults: Faults,
    /// Faults as sentences.
    pub fault_sentences: Vec<String>,
    /// How the priority comes about.
    pub priority: PriorityLedger,
    /// `state MASTER` was written in the configuration.
    #[serde(default)]
    pub wanted_master: bool,
    /// What an operator asked of it, as its state machine has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// Takes over from a lower Active.
    pub preempt: bool,
    /// How long it tolerates a lower Active first, in milliseconds.
    #[serde(default)]
    pub preempt_delay_ms: u64,
    /// Time between adverts.
    pub interval: Interval,
    /// Silence after which a Backup takes over, in milliseconds.
    pub down_interval_ms: u64,
    /// Where adverts go and come from.
    pub transport: Transport,
    /// The address that adverts leave from.
    pub source: Option<IpAddr>,
    /// The Active that was heard last, where it is another one.
    pub active: Option<ActivePeer>,
    /// Virtual addresses, excluded ones too.
    pub addresses: Vec<Address>,
    /// The kernel's last refusal of an address, as Linux numbers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_errno: Option<i32>,
    /// Adverts sent.
    pub sent: Sent,
    /// Adverts received.
    pub received: Received,
    /// How late its adverts were, where it sent any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lateness: Option<Lateness>,
    /// How near the address was to moving, where adverts are regular.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<Margin>,
    /// Near failovers since start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub near_failovers: Option<NearFailovers>,
}

/// Lateness of adverts (woke − due), in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lateness {
    /// Half of the last 24 hours' adverts were no later.
    pub p50_us: u64,
    /// 99 of 100 were no later.
    pub p99_us: u64,
    /// The latest of the last 24 hours.
    pub worst_us: u64,
    /// The latest since start.
    pub ever_us: u64,
    /// When that one was due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ever: Option<Moment>,
    /// The longest time that the device took for one in the last 24 hours, where it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_worst_us: Option<u64>,
    /// The time within which it took 99 of 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_p99_us: Option<u64>,
}

/// The down interval minus the longest gap, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Margin {
    /// Silence after which somebody takes over: this node, or its most impatient known peer.
    pub limit_ms: u64,
    /// The worst of the last minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minute_ms: Option<u64>,
    /// The worst of the last hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hour_ms: Option<u64>,
    /// The worst of the last 24 hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_ms: Option<u64>,
}

/// Near failovers of a router.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NearFailovers {
    /// Since start.
    pub count: u64,
    /// The last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<NearFailover>,
}

/// A gap that came near a failover.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NearFailover {
    /// When it ended.
    pub at: Moment,
    /// Number under which it is explained; 0 where it has none yet.
    #[serde(default)]
    pub number: u32,
    /// Whose adverts kept away; absent for our own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<IpAddr>,
    /// Its length in milliseconds.
    pub gap_ms: u64,
    /// The limit in milliseconds.
    pub limit_ms: u64,
    /// Its verdict in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// The flight recorder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorder {
    /// Its file.
    pub file: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The kernel refused to keep it in memory, for this reason as Linux numbers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_errno: Option<i32>,
    /// Records that it did not take because too many came, since start.
    #[serde(default)]
    pub lost: u64,
    /// How far back its size lets it hold every advert of the configured routers, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_s: Option<u64>,
    /// How far back it holds every advert, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_s: Option<u64>,
    /// What is wrong with it, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// The journal on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// Its directory.
    pub directory: String,
    /// Bytes of its files.
    pub bytes: u64,
    /// Bytes that it may hold.
    #[serde(default)]
    pub limit_bytes: u64,
    /// Begin of its oldest file, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Moment>,
    /// Records that could not be kept, since start.
    #[serde(default)]
    pub lost: u64,
    /// What is wrong with it, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// How a priority comes about: base, contributions, result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriorityLedger {
    /// As configured, 1–255.
    pub base: u8,
    /// As it counts now, 1–255.
    pub effective: u8,
    /// The sum left the range 1–254 and was cut.
    #[serde(default)]
    pub clipped: bool,
    /// Tracked objects, in file order.
    #[serde(default)]
    pub entries: Vec<LedgerEntry>,
}

/// What one tracked object does to a priority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Script or interface.
    pub kind: TrackerKind,
    /// Its name.
    pub name: String,
    /// What it says.
    pub state: TrackerState,
    /// Since when, where it ever said anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Moment>,
    /// −253…253; 0 makes bad a fault.
    pub weight: i16,
    /// Good and bad are swapped for this router.
    #[serde(default)]
    pub reverse: bool,
    /// What it adds to the priority now; 0 for one without weight.
    pub contribution: i16,
    /// It keeps the router in FAULT now.
    #[serde(default)]
    pub fault: bool,
    /// Inherited from the sync group.
    #[serde(default)]
    pub from_group: bool,
}

/// Time between adverts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// As configured, in milliseconds.
    pub own_ms: u64,
    /// Learned from the Active (version 3), in milliseconds, where it counts now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned_ms: Option<u64>,
}

/// Where adverts go and come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Transport {
    /// To a group.
    Multicast {
        /// The group.
        group: IpAddr,
    },
    /// To each peer.
    Unicast {
        /// In configured order.
        peers: Vec<IpAddr>,
    },
    /// Anything that a newer daemon uses.
    #[serde(other)]
    Other,
}

/// The Active as a Backup hears it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivePeer {
    /// Its address.
    pub address: IpAddr,
    /// Its priority, 0 while it releases.
    pub priority: u8,
    /// When it was heard last.
    pub heard: Moment,
}

/// A virtual address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// With its prefix length: `192.168.205.7/32`.
    pub address: String,
    /// The interface that it is put on.
    pub interface: String,
    /// Whether the kernel has it, where that is known for this single address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub present: Option<bool>,
    /// It goes with the router and is not advertised.
    #[serde(default)]
    pub excluded: bool,
}

/// Adverts sent since start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Due by the schedule.
    pub due: u64,
    /// Built and handed to the kernel.
    pub built: u64,
    /// Accepted by the kernel.
    pub accepted: u64,
    /// Left this kernel, by its transmit stamps; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<u64>,
    /// Accepted by the kernel and never left it, where its stamps tell.
    #[serde(default)]
    pub dropped: u64,
    /// Refused by the kernel.
    #[serde(default)]
    pub errors: u64,
    /// The last refusal, as Linux numbers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_errno: Option<i32>,
    /// Worst time between due and woke, in microseconds.
    #[serde(default)]
    pub worst_lateness_us: u64,
}

/// Adverts received since start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// That passed every check.
    pub accepted: u64,
    /// That the sender numbered and that never came; absent where its numbers are not known to be a sequence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<u64>,
    /// Rejected, by reason; reasons that never occurred are left out.
    #[serde(default)]
    pub discarded: Vec<Discarded>,
}

/// Adverts rejected for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discarded {
    /// The reason as a short code.
    pub reason: String,
    /// The reason as a phrase.
    #[serde(default)]
    pub meaning: String,
    /// How many.
    pub count: u64,
}

/// A sync group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// The state that all members share; absent while they differ.
    pub state: Option<Word>,
    /// Names of its routers.
    pub members: Vec<String>,
}

/// A track script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// Its name.
    pub name: String,
    /// What it says.
    pub state: TrackerState,
    /// Since when, where it ever said anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Moment>,
    /// Start to start, in milliseconds.
    pub interval_ms: u64,
    /// The longest that a run may take, in milliseconds.
    pub timeout_ms: u64,
    /// Successes in a row that turn it good.
    pub rise: u32,
    /// Failures in a row that turn it bad.
    pub fall: u32,
    /// Results in a row against the present state.
    #[serde(default)]
    pub contrary: u32,
    /// A run is going on.
    #[serde(default)]
    pub running: bool,
    /// The last run that ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastRun>,
    /// Milliseconds until the next run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_in_ms: Option<u64>,
    /// Milliseconds until the last result no longer counts (safety rule 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_ms: Option<u64>,
}

/// The last run of a script that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// How it ended.
    #[serde(flatten)]
    pub outcome: RunOutcome,
    /// When it ended.
    pub ended: Moment,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// How the daemon is scheduled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduling {
    /// The engine and the address thread.
    pub threads: Vec<Thread>,
    /// The engine's memory is locked.
    pub memory_locked: bool,
    /// Why it is not, where it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_why_not: Option<String>,
}

/// One thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// Its name.
    pub name: String,
    /// It runs in real time (SCHED_FIFO).
    pub real_time: bool,
    /// The priority there, 1–99.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// Why it does not run in real time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
}

/// Evidence that this machine cannot give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unavailable {
    /// What is missing.
    pub what: String,
    /// Why.
    pub why: String,
    /// What would help, where anything does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

#[cfg(test)]
mod tests;
