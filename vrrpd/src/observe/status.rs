//! Puts a status together from the plan, the core's snapshot, and what was remembered of reports. Pure.

use vrrp_config::plan::{Plan, Realtime, RouterPlan, Transport as TransportPlan};
use vrrp_proto::router::{Standing, State};
use vrrp_proto::units::{Family, Version};
use vrrp_proto::wire::Discard;
use vrrp_record::cause::{Cause, Context};
use vrrp_record::event::Asked;
use vrrp_record::health;
use vrrp_record::moment::{Moment, millis};
use vrrp_record::quantity::Errno;
use vrrp_record::status::{
    ActivePeer, Configuration, Daemon, Discarded, Group, Health, Interval, OnRequest, Received,
    Router, SCHEMA, Scheduling, Sent, Status, Thread, Transport, Unavailable,
};
use vrrp_record::words::{Faults, Word, word};

use super::clock::Now;
use super::convert::{self, micros};
use super::ledger::Trackers;
use super::observer::{Identity, Memory, Running};
use super::shown::Known;
use crate::core::{CoreSnapshot, EngineSnapshot, MemoryLock, RouterSnapshot, SchedulingClass};

/// Everything that a status is made of.
#[derive(Debug)]
pub(super) struct Inputs<'a> {
    pub(super) now: Now,
    pub(super) identity: &'a Identity,
    pub(super) running: &'a Running,
    pub(super) memory: &'a Memory,
    pub(super) core: &'a CoreSnapshot,
    pub(super) known: &'a Known,
}

/// The status.
pub(super) fn build(inputs: &Inputs<'_>) -> Status {
    let Inputs {
        now,
        running,
        memory,
        core,
        ..
    } = *inputs;
    let plan = &running.plan;
    let routers: Vec<Router> = plan
        .routers
        .iter()
        .filter_map(|router| {
            let snapshot = core
                .routers
                .iter()
                .find(|snapshot| *snapshot.name == *router.name)?;
            Some(build_router(inputs, router, snapshot))
        })
        .collect();
    let scripts = plan.scripts.iter().filter_map(|script| {
        let tracked = memory.scripts.get(&script.name)?;
        Some(tracked.status(script, now))
    });
    let mut status = Status {
        schema: SCHEMA,
        health: Health::default(),
        taken_unix_ms: now.unix_ms(),
        taken_monotonic_ns: now.monotonic.as_nanos(),
        daemon: daemon(inputs),
        asked: memory.order.map(|order| OnRequest {
            what: order.what,
            since: Moment {
                unix_ms: order.since_unix_ms,
                age_ms: order.age_ms(now.unix_ms()),
            },
            left_ms: order.left_ms(now.unix_ms()),
            uid: order.uid,
            pid: order.pid,
        }),
        groups: groups(plan, &routers),
        scripts: scripts.collect(),
        scheduling: scheduling(plan, &core.engine),
        recorder: inputs
            .known
            .recorder(memory.recorder.as_ref(), &core.engine, now),
        journal: inputs.known.journal(now),
        unavailable: unavailable(core),
        last_events: memory.history.events(),
        routers,
    };
    status.health = health::judge(&status);
    status
}

fn daemon(inputs: &Inputs<'_>) -> Daemon {
    let Inputs {
        now,
        identity,
        running,
        core,
        ..
    } = inputs;
    Daemon {
        version: identity.version.clone(),
        pid: identity.pid,
        host: identity.host.clone(),
        router_id: running.plan.global.router_id.clone(),
        started: now.look_back(identity.started),
        run_dir: identity.run_dir.display().to_string(),
        root: identity.root,
        configuration: Configuration {
            file: running.file.display().to_string(),
            digest: running.digest.clone(),
            loaded: now.look_back(running.loaded),
            warnings: running.warnings,
            refused: running.refused.map(|refused| now.look_back(refused)),
        },
        heartbeat_age_ms: millis(core.engine.heartbeat_age),
        engine_running: core.engine.running,
        reports_lost: core.engine.reports_lost,
    }
}

fn build_router(inputs: &Inputs<'_>, plan: &RouterPlan, snapshot: &RouterSnapshot) -> Router {
    let Inputs {
        now,
        running,
        memory,
        ..
    } = *inputs;
    let router = &snapshot.router;
    let trackers = Trackers {
        scripts: &memory.scripts,
        links: &memory.links,
    };
    let errno = router.refusal.or(router.addresses.errno);
    let failing = trackers.failing(&running.plan, plan, now);
    let objects = convert::objects(&running.plan, plan, failing, errno);
    let faults = Faults(router.faults);
    let fault_sentences = faults.sentences(&objects);
    let state = word(router.state, router.faults);
    let remembered = memory.routers.get(&plan.name);
    let cause = router.last_transition.map(|last| {
        let known = remembered
            .and_then(|router| router.cause)
            .filter(|(at, _)| *at == last.at);
        known.map_or_else(
            || {
                let context = Context {
                    priority: router.priority.as_u8(),
                    silence: None,
                    objects,
                };
                Cause::new(last.cause, &context)
            },
            |(_, cause)| cause,
        )
    });
    let why = match (cause, state) {
        // Faults come and go without a transition; what is wrong now says more than what was wrong first.
        (_, Word::Fault | Word::Init) if !fault_sentences.is_empty() => fault_sentences.join("; "),
        (Some(cause), _) => cause.to_string(),
        (None, _) => "not started yet".to_owned(),
    };
    let learned = plan.version == Version::V3 && router.active_interval != router.interval;
    let missing = remembered
        .map(|router| router.missing.clone())
        .unwrap_or_default();
    Router {
        name: plan.name.clone(),
        interface: plan.interface.clone(),
        family: match plan.family {
            Family::V4 => 4,
            Family::V6 => 6,
        },
        vrid: plan.vrid.as_u8(),
        version: match plan.version {
            Version::V2 => 2,
            Version::V3 => 3,
        },
        state,
        releasing: router.state == State::Releasing,
        since: now.look_back(router.since),
        why,
        cause,
        faults,
        fault_sentences,
        priority: trackers.ledger(&running.plan, plan, router.priority.as_u8(), now),
        wanted_master: plan.wanted_master,
        asked: match router.standing {
            Standing::Normal => None,
            Standing::Yielded => Some(Asked::Yield),
            Standing::Reserve => Some(Asked::Maintenance),
            Standing::Out => Some(Asked::MaintenanceForced),
        },
        preempt: plan.preempt,
        preempt_delay_ms: millis(plan.preempt_delay),
        interval: Interval {
            own_ms: millis(router.interval.as_duration()),
            learned_ms: learned.then(|| millis(router.active_interval.as_duration())),
        },
        down_interval_ms: millis(router.down_interval),
        transport: transport(plan),
        source: router.source,
        active: router.peer.map(|peer| ActivePeer {
            address: peer.address,
            priority: peer.priority.as_u8(),
            heard: now.look_back(peer.heard),
        }),
        addresses: missing.status(plan, router.addresses),
        address_errno: errno,
        sent: Sent {
            dropped: inputs.known.dropped(&plan.name),
            ..sent(snapshot)
        },
        received: received(snapshot),
        lateness: inputs.known.lateness(&plan.name, now),
        margin: inputs.known.margin(&plan.name),
        near_failovers: inputs.known.near_failovers(&plan.name, now),
    }
}

fn transport(plan: &RouterPlan) -> Transport {
    match &plan.transport {
        TransportPlan::Multicast { group } => Transport::Multicast { group: *group },
        TransportPlan::Unicast { peers, .. } => Transport::Unicast {
            peers: peers.iter().map(|peer| peer.address).collect(),
        },
    }
}

fn sent(snapshot: &RouterSnapshot) -> Sent {
    let counts = snapshot.adverts;
    // A driver that stamps nothing leaves every advert without a stamp once its record was given up.
    let stamps = counts.left > 0 || counts.unstamped == 0;
    Sent {
        due: counts.due,
        built: counts.built,
        accepted: counts.accepted,
        left: stamps.then_some(counts.left),
        dropped: 0,
        errors: counts.refused,
        last_errno: snapshot.last_advert.and_then(|advert| advert.errno),
        worst_lateness_us: micros(snapshot.worst_lateness),
    }
}

fn received(snapshot: &RouterSnapshot) -> Received {
    let mut discarded: Vec<Discarded> = Vec::new();
    for reason in Discard::ALL {
        let count = snapshot
            .received
            .discards
            .get(reason.index())
            .copied()
            .unwrap_or_default();
        if count == 0 {
            continue;
        }
        match discarded
            .iter_mut()
            .find(|known| known.reason == reason.class())
        {
            Some(known) => known.count = known.count.saturating_add(count),
            None => discarded.push(Discarded {
                reason: reason.class().to_owned(),
                meaning: reason.to_string(),
                count,
            }),
        }
    }
    let missing = snapshot
        .received
        .sequence_trusted
        .then_some(snapshot.received.missing);
    Received {
        accepted: snapshot.received.accepted,
        missing,
        discarded,
    }
}

fn groups(plan: &Plan, routers: &[Router]) -> Vec<Group> {
    let state_of = |member: &String| {
        routers
            .iter()
            .find(|router| router.name == *member)
            .map(|router| router.state)
    };
    plan.groups
        .iter()
        .map(|group| {
            let first = group.members.first().and_then(state_of);
            let same = group.members.iter().all(|member| state_of(member) == first);
            Group {
                name: group.name.clone(),
                state: first.filter(|_| same),
                members: group.members.clone(),
            }
        })
        .collect()
}

fn scheduling(plan: &Plan, engine: &EngineSnapshot) -> Scheduling {
    let wanted = plan.global.realtime != Realtime::Off;
    let mut threads = vec![thread("engine", engine.scheduling, wanted)];
    threads.extend(
        engine
            .address_scheduling
            .map(|class| thread("address", class, wanted)),
    );
    let memory_why_not = match engine.memory {
        MemoryLock::Locked | MemoryLock::Off => None,
        MemoryLock::Refused(errno) => Some(format!(
            "{}; needs CAP_IPC_LOCK or a higher limit (LimitMEMLOCK=)",
            Errno(errno)
        )),
    };
    Scheduling {
        threads,
        memory_locked: engine.memory == MemoryLock::Locked,
        memory_why_not,
    }
}

fn thread(name: &str, class: SchedulingClass, wanted: bool) -> Thread {
    let (priority, why_not) = match class {
        SchedulingClass::Fifo(priority) => (Some(priority), None),
        SchedulingClass::Ordinary => (None, None),
        SchedulingClass::Refused(errno) => {
            let remedy =
                "needs CAP_SYS_NICE or a real-time limit (LimitRTPRIO=), or 'realtime off'";
            (None, Some(format!("{}; {remedy}", Errno(errno))))
        }
        SchedulingClass::Demoted => (
            None,
            Some("it used too much CPU, and is back within 10 s".to_owned()),
        ),
    };
    let real_time = priority.is_some();
    Thread {
        name: name.to_owned(),
        real_time,
        priority,
        why_not: why_not.filter(|_| wanted),
    }
}

/// What this machine has shown that it cannot tell.
pub(super) fn unavailable(core: &CoreSnapshot) -> Vec<Unavailable> {
    let mut missing = Vec::new();
    let unstamped = core
        .routers
        .iter()
        .find(|router| router.adverts.unstamped > 0 && router.adverts.left == 0);
    if let Some(router) = unstamped {
        missing.push(Unavailable {
            what: format!("transmit stamps on {}", router.interface),
            why: "its driver gives none, so nobody can tell whether an advert left this kernel"
                .to_owned(),
            remedy: None,
        });
    }
    if core.engine.evidence_given_up {
        missing.push(Unavailable {
            what: "all counters of the engine's thread".to_owned(),
            why: "the kernel took more than 1 ms to give some of them, three times in a row, so they are not asked for any more"
                .to_owned(),
            remedy: None,
        });
    }
    missing
}
