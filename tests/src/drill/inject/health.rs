//! H: health inputs.

use std::time::Duration;

use super::election::{CHECK, fail_check};
use crate::drill::cause::{Cause, ON_LEADER, ON_THE_SENDER, OURS_V4, Truth, View};
use crate::drill::scene::Scene;
use crate::drill::setup::Setup;

/// The leader goes to FAULT in good order, or lowers its priority; `both` is what may be said of either node's transitions.
const fn health(right: &'static [&'static str], both: &'static [&'static str]) -> Truth {
    Truth {
        leader: View::is(right).also(&["F4"]),
        follower: View::is(&["F3", "F1"])
            .or_undetermined(ON_THE_SENDER)
            .or_nothing(),
        both: View::is(both).also(&["F4"]),
    }
}

pub(super) const CAUSES: &[Cause] = &[
    Cause::new(
        "H1",
        "a tracked script fails",
        ON_LEADER,
        failed,
        health(&["H1"], &["H1", "F3", "F1"]),
    )
    .prepare(|setup, _| track(setup, "interval 1\n    fall 1\n    rise 1")),
    Cause::new(
        "H2",
        "a tracked script hangs",
        ON_LEADER,
        hangs,
        health(&["H2"], &["H2", "F3", "F1"]),
    )
    .prepare(|setup, _| track(setup, "interval 1\n    timeout 1\n    fall 1\n    rise 1")),
    Cause::new(
        "H3",
        "a tracked script takes longer than its interval",
        OURS_V4,
        overlaps,
        Truth {
            leader: View::is(&["H3"]).or_nothing(),
            follower: View::nothing(),
            both: View::is(&["H3"]).or_nothing(),
        },
    )
    .prepare(|setup, _| track(setup, "interval 1\n    timeout 10\n    fall 2\n    rise 1")),
    Cause::new(
        "H5",
        "a tracked interface flaps",
        OURS_V4,
        flaps,
        Truth {
            leader: View::is(&["H5", "C5"]),
            follower: View::is(&["F3", "F1"])
                .or_undetermined(ON_THE_SENDER)
                .or_nothing(),
            both: View::is(&["H5", "C5", "F3"]),
        },
    )
    .prepare(|setup, _| {
        setup.second_segment = true;
        setup
            .leader
            .lines
            .push("track_interface {\n        eth1\n    }".to_owned());
    }),
    Cause::new(
        "H8",
        "a tracked script changes its mind every second",
        OURS_V4,
        oscillates,
        Truth {
            leader: View::is(&["H8", "H1"]).also(&["F4"]),
            follower: View::is(&["F3", "F1"])
                .or_undetermined(ON_THE_SENDER)
                .or_nothing(),
            both: View::is(&["H8", "H1", "F3"]).also(&["F4"]),
        },
    )
    .prepare(|setup, _| track(setup, "interval 1\n    fall 1\n    rise 1")),
];

fn track(setup: &mut Setup, timing: &str) {
    setup.leader.blocks.push(format!(
        "vrrp_script check {{\n    script /etc/keepalived/check.sh\n    {timing}\n}}"
    ));
    setup
        .leader
        .lines
        .push("track_script {\n        check\n    }".to_owned());
}

fn failed(scene: &mut Scene) -> Result<(), String> {
    fail_check(scene);
    scene.follower.reach(crate::lab::State::Master)?;
    let time = scene.outage();
    scene.pause(time);
    Ok(())
}

fn hangs(scene: &mut Scene) -> Result<(), String> {
    replace(scene, "exec sleep 60\n");
    scene.follower.reach(crate::lab::State::Master)?;
    scene.pause(Duration::from_secs(1));
    Ok(())
}

fn overlaps(scene: &mut Scene) -> Result<(), String> {
    replace(scene, "sleep 3\nexit 0\n");
    scene.pause(Duration::from_secs(7));
    Ok(())
}

fn flaps(scene: &mut Scene) -> Result<(), String> {
    let times = scene.prng.between(4, 6);
    for _ in 0..times {
        scene.lab.unplug(&scene.leader.host, "eth1");
        scene.pause(Duration::from_millis(300));
        scene.lab.plug(&scene.leader.host, "eth1");
        scene.pause(Duration::from_millis(300));
    }
    Ok(())
}

fn oscillates(scene: &mut Scene) -> Result<(), String> {
    replace(
        scene,
        "if [ -e /run/turn ]; then rm /run/turn; exit 0; fi\ntouch /run/turn\nexit 1\n",
    );
    scene.pause(Duration::from_secs(12));
    Ok(())
}

fn replace(scene: &Scene, body: &str) {
    scene.leader.host.write(
        "/etc/keepalived/check.sh",
        &CHECK.replacen('\n', &format!("\n{body}"), 1),
        0o755,
    );
}
