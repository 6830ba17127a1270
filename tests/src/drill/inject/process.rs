//! A: the sender's own process.

use std::time::Duration;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::drill::cause::{Cause, FROM_LEADER, LACKS, ON_LEADER, ON_THE_SENDER, OURS, Truth, View};
use crate::drill::scene::{Node, Scene};
use crate::lab::{Cgroup, Hog, State};

/// The programs take the CPU from the follower's hosts, too, where it happens to run there.
const fn on_one_cpu(right: &'static [&'static str]) -> Truth {
    let mut truth = Truth::sender(right);
    truth.follower = truth.follower.also(&["E1"]);
    truth
}

/// Why page faults are counted and do not prove lateness: the memory group of the injection is of version 1.
const FAULTS_TAKE: &str =
    "how long faults took is told by the pressure of the own control group of version 2 only";

pub(super) const CAUSES: &[Cause] = &[
    // Ordinary programs hardly delay one that sleeps most of the time, so both come from real-time ones; which of the two
    // it was the records tell only where the program was seen.
    Cause::new(
        "A1",
        "two real-time programs take the engine's CPU in turn; real time off",
        OURS,
        |scene| compete(scene, 2, 1),
        on_one_cpu(&["A1", "A2"]),
    )
    .prepare(|setup, _| setup.leader.ordinary = true)
    .alone(),
    Cause::new(
        "A2",
        "a real-time program of high priority takes the engine's CPU; real time off",
        ON_LEADER,
        |scene| compete(scene, 1, 50),
        on_one_cpu(&["A2", "A1"]),
    )
    .prepare(|setup, _| setup.leader.ordinary = true)
    .alone(),
    Cause::new(
        "A3",
        "a CPU quota throttles the daemon; real time off",
        ON_LEADER,
        throttled,
        Truth::sender(&["A3"]),
    )
    .prepare(|setup, _| {
        setup.leader.ordinary = true;
        setup.leader.group = Some("cpu");
    }),
    Cause::new(
        "A4",
        "SIGSTOP, later SIGCONT",
        FROM_LEADER,
        stopped,
        Truth::sender(&["A4"]),
    ),
    Cause::new(
        "A5",
        "frozen by a cgroup",
        FROM_LEADER,
        frozen,
        Truth::sender(&["A5"]),
    )
    .prepare(|setup, _| setup.leader.group = Some("unified")),
    Cause::new(
        "A5",
        "frozen by a cgroup of version 1, which counts no time",
        ON_LEADER,
        frozen,
        Truth::sender(&["A5"]).or_undetermined("the freezer of cgroup version 1 leaves no trace"),
    )
    .prepare(|setup, _| setup.leader.group = Some("freezer")),
    Cause::new(
        "A8",
        "the daemon's code is taken out of memory, and its disk is slow; memory not locked",
        OURS,
        paged_out,
        Truth::sender(&["A8"]).or_undetermined(FAULTS_TAKE),
    )
    .prepare(|setup, _| {
        setup.leader.ordinary = true;
        setup.leader.from_slow_disk = true;
        setup.leader.group = Some("memory");
    }),
    Cause::new(
        "A10",
        "kill -9, and a new start",
        FROM_LEADER,
        crashed,
        Truth {
            leader: View::is(&["A10"]).also(&["G2"]),
            follower: View::is(&["A10"]).or_undetermined(ON_THE_SENDER),
            both: View::is(&["A10"]).also(&["G2"]),
        },
    ),
    Cause::new(
        "A11",
        "SIGTERM",
        FROM_LEADER,
        stopped_cleanly,
        Truth {
            leader: View::is(&["A11", "F11"]),
            follower: View::is(&["F3", "A11"]),
            both: View::is(&["A11", "F3", "F11"]),
        },
    ),
];

/// Hogs on the last CPU, and the leader's daemon pinned to it, as long as the follower needs to take over.
fn compete(scene: &mut Scene, hogs: usize, priority: u8) -> Result<(), String> {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if cpus < 2 {
        return Err(format!("{LACKS}a second CPU, which is needed to watch"));
    }
    let cpu = cpus - 1;
    pin(&scene.leader, Some(cpu))?;
    let before = scene.leader.run_delay();
    let time = scene.outage();
    let running: Vec<Hog> = (0..hogs)
        .filter_map(|_| Hog::start(scene.xtask(), cpu, time, priority).ok())
        .collect();
    for hog in running {
        hog.wait();
    }
    pin(&scene.leader, None)?;
    let waited = scene.leader.run_delay().saturating_sub(before);
    scene.prove(
        waited > time / 3,
        &format!("the engine waited {waited:?} of {time:?} for its CPU"),
    )
}

fn pin(node: &Node, cpu: Option<usize>) -> Result<(), String> {
    let mut set = CpuSet::new();
    for one in 0..CpuSet::count() {
        if cpu.is_none_or(|cpu| cpu == one) {
            let _ = set.set(one);
        }
    }
    node.threads()
        .into_iter()
        .try_for_each(|thread: Pid| sched_setaffinity(thread, &set))
        .map_err(|error| format!("not injected: cannot pin the daemon: {error}"))
}

fn throttled(scene: &mut Scene) -> Result<(), String> {
    let time = scene.outage() + Duration::from_secs(2);
    let group = scene
        .group
        .as_ref()
        .ok_or_else(|| format!("{LACKS}cpu cgroups"))?;
    let fail = |error| format!("not injected: {error}");
    let times = || group.number("cpu.stat", "nr_throttled ").unwrap_or(0);
    let before = times();
    group.set("cpu.cfs_period_us", "1000000").map_err(fail)?;
    group.set("cpu.cfs_quota_us", "1000").map_err(fail)?;
    std::thread::sleep(time);
    group.set("cpu.cfs_quota_us", "-1").map_err(fail)?;
    scene.prove(times() > before, "the kernel throttled nothing")
}

pub(super) fn stopped(scene: &mut Scene) -> Result<(), String> {
    let time = scene.outage();
    stop(&scene.leader, time)?;
    let gap = scene.gap("lb1");
    scene.prove(
        gap >= time,
        &format!("longest gap of {gap:?}, not {time:?}"),
    )
}

/// Stops a daemon with all of its processes for a time.
pub(super) fn stop(node: &Node, time: Duration) -> Result<(), String> {
    let pids = node.pids();
    let tell = |signal| {
        for pid in &pids {
            let _ = nix::sys::signal::kill(*pid, signal);
        }
    };
    tell(Signal::SIGSTOP);
    let all = pids.iter().all(|pid| {
        crate::lab::wait_for(Duration::from_secs(1), || {
            std::fs::read_to_string(format!("/proc/{pid}/stat"))
                .is_ok_and(|stat| stat.contains(") T "))
                .then_some(())
        })
        .is_some()
    });
    std::thread::sleep(time);
    tell(Signal::SIGCONT);
    if all {
        Ok(())
    } else {
        Err("not injected: a process did not stop".to_owned())
    }
}

fn frozen(scene: &mut Scene) -> Result<(), String> {
    let time = scene.outage();
    let group = scene
        .group
        .as_ref()
        .ok_or_else(|| format!("{LACKS}a freezer"))?;
    group.freeze().map_err(|error| error.to_string())?;
    scene.pause(time);
    group.thaw();
    let gap = scene.gap("lb1");
    scene.prove(
        gap >= time,
        &format!("longest gap of {gap:?}, not {time:?}"),
    )
}

fn crashed(scene: &mut Scene) -> Result<(), String> {
    scene.leader.peer().kill();
    let time = scene.outage();
    scene.pause(time);
    scene.follower.reach(State::Master)?;
    scene.start_leader();
    scene.leader.reach(State::Master)?;
    scene.calm(4)
}

fn stopped_cleanly(scene: &mut Scene) -> Result<(), String> {
    let finished = scene.leader.peer().stop();
    scene.prove(finished.code == 0, &finished.output)?;
    scene.follower.reach(State::Master)
}

fn paged_out(scene: &mut Scene) -> Result<(), String> {
    let fail = |error: std::io::Error| format!("not injected: {error}");
    let slow = Cgroup::new("blkio").ok_or_else(|| format!("{LACKS}blkio cgroups"))?;
    let device = scene
        .leader
        .host
        .run(&["stat", "-c", "%Hd:%Ld", "/run/slow"])
        .output;
    slow.set(
        "blkio.throttle.read_iops_device",
        &format!("{} 6", device.trim()),
    )
    .map_err(fail)?;
    slow.add(&scene.leader.pids()).map_err(fail)?;
    let faults = |scene: &Scene| {
        std::fs::read_to_string(format!("/proc/{}/stat", scene.leader.speaker()))
            .ok()
            .and_then(|stat| {
                let (_, rest) = stat.rsplit_once(") ")?;
                rest.split(' ').nth(9)?.parse::<u64>().ok()
            })
            .unwrap_or(0)
    };
    let before = faults(scene);
    let memory = scene
        .group
        .as_ref()
        .ok_or_else(|| format!("{LACKS}memory cgroups"))?;
    let end = std::time::Instant::now() + scene.setup.down() * 3;
    while std::time::Instant::now() < end {
        let _ = memory.set("memory.force_empty", "0");
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(slow);
    let faults = faults(scene) - before;
    scene.prove(faults > 2, &format!("{faults} major faults"))
}
