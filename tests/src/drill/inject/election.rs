//! F: election and configuration.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::drill::cause::{
    Cause, ON_FOLLOWER, ON_LEADER, ON_THE_SENDER, OURS, OURS_V4, QUIET, Truth, View,
};
use crate::drill::scene::Scene;
use crate::drill::setup::{INTERFACE, VRID};
use crate::drill::speaker::{Speaker, Speech};
use crate::lab::State;

pub(super) const CAUSES: &[Cause] = &[
    Cause::new(
        "F1",
        "a speaker of higher priority comes and goes",
        OURS_V4,
        |scene| speak(scene, |speech| speech.priority = 200),
        Truth {
            leader: View::is(&["F1"]),
            follower: View::is(&["F1"]).or_undetermined(ON_THE_SENDER).or_nothing(),
            both: View::is(&["F1"]).or_undetermined(ON_THE_SENDER),
        },
    ),
    Cause::new(
        "F2",
        "a speaker of the same priority has the higher address",
        OURS_V4,
        |scene| speak(scene, |_| {}),
        Truth {
            leader: View::is(&["F2"]),
            follower: View::is(&["F2"]).or_undetermined(ON_THE_SENDER).or_nothing(),
            both: View::is(&["F2"]).or_undetermined(ON_THE_SENDER),
        },
    ),
    Cause::new(
        "F4",
        "a script fails and takes the leader's priority below the follower's",
        ON_LEADER,
        priority_fell,
        Truth {
            leader: View::is(&["F4", "H1"]),
            follower: View::is(&["F1", "F4"]),
            both: View::is(&["F4", "H1", "F1"]),
        },
    )
    .prepare(|setup, prng| {
        let weight = prng.between(60, 100);
        setup.leader.blocks.push(
            "vrrp_script check {\n    script /etc/keepalived/check.sh\n    interval 1\n    fall 1\n    rise 1\n}".to_owned(),
        );
        setup
            .leader
            .lines
            .push(format!("track_script {{\n        check weight -{weight}\n    }}"));
    }),
    Cause::new(
        "F5",
        "a speaker also claims to own the address",
        OURS_V4,
        |scene| speak(scene, |speech| speech.priority = 255),
        Truth {
            leader: View::is(&["F5"]),
            follower: View::is(&["F5"]).or_undetermined(ON_THE_SENDER).or_nothing(),
            both: View::is(&["F5"]).or_undetermined(ON_THE_SENDER),
        },
    )
    .prepare(|setup, _| setup.leader.priority = 255),
    Cause::new(
        "F6",
        "somebody else uses our VRID for another address",
        OURS_V4,
        |scene| {
            speak(scene, |speech| {
                speech.priority = 200;
                speech.address = Ipv4Addr::new(10, 0, 0, 99);
            })
        },
        Truth {
            leader: View::is(&["F6"]),
            follower: View::is(&["F6"]).or_undetermined(ON_THE_SENDER).or_nothing(),
            both: View::is(&["F6"]).or_undetermined(ON_THE_SENDER),
        },
    ),
    Cause::new(
        "F7",
        "the follower is configured for another interval (version 2)",
        ON_FOLLOWER,
        mismatch,
        Truth {
            leader: View::is(&["F7", "D5"]).also(&["E5"]).or_undetermined(ON_THE_SENDER).or_nothing(),
            follower: View::is(&["F7"]).also(&["E5"]),
            both: View::is(&["F7"]).also(&["E5", "D5"]),
        },
    )
    .prepare(|setup, _| {
        version_2(setup);
        setup.late_follower = true;
        setup.follower.lines.push("advert_int 2".to_owned());
    }),
    Cause::new(
        "F8",
        "the follower is configured for another password (version 2)",
        ON_FOLLOWER,
        mismatch,
        Truth {
            leader: View::is(&["F8", "D5"]).also(&["E5"]).or_undetermined(ON_THE_SENDER).or_nothing(),
            follower: View::is(&["F8"]).also(&["E5"]),
            both: View::is(&["F8"]).also(&["E5", "D5"]),
        },
    )
    .prepare(|setup, _| {
        version_2(setup);
        setup.late_follower = true;
        for (side, password) in [(&mut setup.leader, "first"), (&mut setup.follower, "second")] {
            side.lines.push(format!(
                "authentication {{\n        auth_type PASS\n        auth_pass {password}\n    }}"
            ));
        }
    }),
    Cause::new(
        "F9",
        "the follower starts behind a blocked port; nopreempt cannot help",
        ON_FOLLOWER,
        blind_start,
        Truth {
            leader: View::is(&["F1"]).or_nothing(),
            // It may start before the link that was pulled is up again.
            follower: View::is(&["F9", "D4"]).also(&["C5"]).or_undetermined(QUIET),
            // The leader's own transition is told by the priority that it heard.
            both: View::is(&["F9", "D4", "F1"]).also(&["C5"]).or_undetermined(QUIET),
        },
    )
    .prepare(|setup, _| {
        setup.late_follower = true;
        setup.follower.priority = 200;
        setup.follower.lines.push("nopreempt".to_owned());
    }),
    Cause::new(
        "F10",
        "another member of the leader's sync group loses its link",
        ON_LEADER,
        sync_group,
        Truth {
            leader: View::is(&["F10", "C5"]),
            follower: View::is(&["F3", "F10"]).or_undetermined(ON_THE_SENDER),
            both: View::is(&["F10", "C5", "F3"]),
        },
    )
    .prepare(|setup, _| {
        setup.second_segment = true;
        for (side, priority) in [(&mut setup.leader, 150), (&mut setup.follower, 100)] {
            side.blocks.push("vrrp_sync_group G {\n    group {\n        VI\n        VI_2\n    }\n}".to_owned());
            side.blocks.push(format!(
                "vrrp_instance VI_2 {{\n    interface eth1\n    version 3\n    virtual_router_id 52\n    priority {priority}\n    advert_int 0.3\n    virtual_ipaddress {{\n        10.1.0.7\n    }}\n}}"
            ));
        }
    }),
    Cause::new(
        "F11",
        "an operator has the configuration read again, with a lower priority",
        OURS,
        operator,
        Truth {
            leader: View::is(&["F11", "I2"]).also(&["F4"]),
            follower: View::is(&["F1", "F4"]),
            both: View::is(&["F11", "I2", "F1", "F4"]),
        },
    ),
];

fn version_2(setup: &mut crate::drill::setup::Setup) {
    setup.version = 2;
    setup.interval = 1000;
    setup.family = vrrp_proto::units::Family::V4;
    for side in [&mut setup.leader, &mut setup.follower] {
        side.addresses = vec!["10.0.0.7".to_owned()];
    }
}

/// Somebody speaks until the leader follows, and a while longer.
fn speak(scene: &mut Scene, change: fn(&mut Speech)) -> Result<(), String> {
    let interval = scene.setup.interval();
    let mut speech = Speech {
        source: Ipv4Addr::new(10, 0, 0, 9),
        vrid: VRID,
        priority: scene.setup.leader.priority,
        claims: interval,
        every: interval,
        address: Ipv4Addr::new(10, 0, 0, 7),
        ttl: 255,
    };
    change(&mut speech);
    let speaker = Speaker::start(&scene.other, speech);
    scene.leader.reach(State::Backup)?;
    let time = scene.outage();
    scene.pause(time);
    drop(speaker);
    scene.leader.reach(State::Master)?;
    scene.calm(4)
}

fn priority_fell(scene: &mut Scene) -> Result<(), String> {
    fail_check(scene);
    scene.follower.reach(State::Master)?;
    scene.pause(scene.setup.interval() * 3);
    Ok(())
}

/// The tracked script of the leader passes while a file is absent.
pub(in crate::drill) const CHECK: &str =
    "#!/bin/sh\n[ ! -e /run/broken ] || { echo connect refused >&2; exit 1; }\n";

pub(super) fn fail_check(scene: &Scene) {
    scene.leader.host.write("/run/broken", "", 0o644);
}

fn mismatch(scene: &mut Scene) -> Result<(), String> {
    scene.start_follower();
    scene.follower.reach(State::Master)?;
    scene.pause(Duration::from_secs(4));
    Ok(())
}

fn blind_start(scene: &mut Scene) -> Result<(), String> {
    let delay = Duration::from_secs(2);
    scene.lab.spanning_tree("lan", delay);
    scene.pause(delay * 2 + Duration::from_millis(500));
    let host = scene.follower.host.clone();
    scene.lab.unplug(&host, INTERFACE);
    scene.pause(Duration::from_millis(100));
    let before = scene.delivered("lb2");
    scene.lab.plug_at_once(&host, INTERFACE);
    scene.start_follower();
    let taken = scene
        .follower
        .reach_within(State::Master, delay * 2 + Duration::from_secs(1));
    let meanwhile = scene.delivered("lb2") - before;
    scene.pause(delay * 2);
    taken.map_err(|error| format!("not injected: {error}"))?;
    scene.prove(
        meanwhile == 0,
        &format!("{meanwhile} adverts came through the blocked port"),
    )
}

fn sync_group(scene: &mut Scene) -> Result<(), String> {
    let time = scene.outage();
    scene.lab.unplug(&scene.leader.host, "eth1");
    scene.follower.reach(State::Master)?;
    scene.pause(time);
    scene.lab.plug(&scene.leader.host, "eth1");
    Ok(())
}

fn operator(scene: &mut Scene) -> Result<(), String> {
    let mut side = scene.setup.leader.clone();
    side.priority = u8::try_from(scene.prng.between(10, 80)).unwrap_or(50);
    let text = scene.setup.text(&side, crate::lab::Daemon::Ours);
    let host = &scene.leader.host;
    host.write(crate::lab::CONFIGURATION, &text, 0o644);
    let asked = host.run(&["vrrpctl", "--run-dir", crate::lab::RUN_DIR, "reload"]);
    scene.prove(asked.code == 0, &asked.output)?;
    scene.follower.reach(State::Master)?;
    scene.pause(scene.setup.interval() * 3);
    Ok(())
}
