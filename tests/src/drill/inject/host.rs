//! B: the virtual machine's host, as far as namespaces can stand in for it.

use std::time::Duration;

use crate::drill::cause::{
    BELOW_THE_SENDER, Cause, FROM_LEADER, ON_LEADER, ON_THE_SENDER, OURS, Truth, View,
};
use crate::drill::scene::Scene;

pub(super) const CAUSES: &[Cause] = &[
    Cause::new(
        "B5",
        "the forwarder behind the leader's tap stands still",
        FROM_LEADER,
        backend,
        Truth {
            leader: View::is(&["B5"]).or_undetermined(BELOW_THE_SENDER),
            follower: View::is(&["D2", "B5"]).or_undetermined(
                "without numbers a burst does not tell whether adverts are missing",
            ),
            both: View::is(&["B5", "D2"]),
        },
    )
    .prepare(|setup, _| setup.leader_behind = true),
    Cause::new(
        "B6",
        "a disk stands still and everything else goes on",
        OURS,
        disk,
        Truth {
            leader: View::is(&["B6"]).or_nothing(),
            follower: View::is(&["B6"]).or_nothing(),
            both: View::is(&["B6"]).or_nothing(),
        },
    )
    .prepare(|setup, _| setup.leader_disk = true)
    .alone(),
    Cause::new(
        "B7",
        "a timer slack of 50 ms; real time off",
        ON_LEADER,
        slack,
        Truth {
            leader: View::is(&["B7"]).or_nothing(),
            follower: View::unknown(ON_THE_SENDER).or_nothing(),
            both: View::is(&["B7"]).or_nothing(),
        },
    )
    .prepare(|setup, _| setup.leader.ordinary = true),
];

pub(super) fn backend(scene: &mut Scene) -> Result<(), String> {
    let time = scene.outage();
    let forwarder = scene
        .forwarder
        .as_ref()
        .expect("the setup asked for a forwarder");
    forwarder.stall(time);
    let stood = crate::lab::wait_for(Duration::from_secs(2), || {
        let stood = scene.forwarder.as_ref()?.stops();
        (!stood.is_empty()).then_some(stood)
    })
    .unwrap_or_default();
    scene.prove(
        stood
            .iter()
            .any(|stood| Duration::from_millis(*stood) + Duration::from_millis(50) >= time),
        &format!("the forwarder stood {stood:?} ms, not {time:?}"),
    )
}

fn disk(scene: &mut Scene) -> Result<(), String> {
    let time = Duration::from_millis(scene.prng.between(3000, 5000));
    let forwarder = scene
        .forwarder
        .as_ref()
        .expect("the setup asked for a forwarder");
    let before = std::time::Instant::now();
    forwarder.load_disk(time);
    let took = before.elapsed();
    scene.prove(
        took >= time / 2,
        &format!("the disk was busy for {took:?}, not {time:?}"),
    )
}

fn slack(scene: &mut Scene) -> Result<(), String> {
    let file = format!("/proc/{}/timerslack_ns", scene.leader.speaker());
    std::fs::write(&file, "50000000").map_err(|error| format!("not injected: {file}: {error}"))?;
    scene.calm(24)?;
    let set = std::fs::read_to_string(&file).unwrap_or_default();
    let _ = std::fs::write(&file, "0");
    scene.prove(set.trim() == "50000000", &format!("timer slack of {set}"))
}
