//! D: on the way.

use std::time::Duration;

use super::host::backend;
use crate::drill::cause::{
    BELOW_THE_SENDER, Cause, FROM_LEADER, FROM_LEADER_V4, NOTHING_HEARD, ON_FOLLOWER, QUIET, Truth,
    View,
};
use crate::drill::scene::Scene;
use crate::drill::setup::INTERFACE;
use crate::drill::speaker::Chatter;
use crate::lab::{State, wait_for};

/// The leader hears the follower and may conclude that it is not heard.
const UNHEARD: View = View::is(&["D5"])
    .or_undetermined(BELOW_THE_SENDER)
    .or_nothing();

pub(super) const CAUSES: &[Cause] = &[
    Cause::new(
        "D1",
        "a switch drops a few adverts in a row, then most of them",
        FROM_LEADER,
        lost,
        Truth {
            leader: UNHEARD,
            follower: View::is(&["D1"]).or_undetermined(NOTHING_HEARD),
            both: View::is(&["D1"]).also(&["D5"]),
        },
    ),
    Cause::new(
        "D2",
        "something before the follower holds everything back",
        FROM_LEADER,
        backend,
        Truth {
            leader: UNHEARD,
            follower: View::is(&["D2", "B5"]).or_undetermined(
                "without numbers a burst does not tell whether adverts are missing",
            ),
            both: View::is(&["D2", "B5"]),
        },
    )
    .prepare(|setup, _| setup.follower_behind = true),
    Cause::new(
        "D3",
        "the switch no longer delivers multicast",
        FROM_LEADER_V4,
        multicast,
        Truth {
            // Nothing of the follower is heard but its announcement of the address, which is no multicast.
            leader: UNHEARD.also(&["G4"]),
            follower: View::is(&["D3"]).or_undetermined(NOTHING_HEARD),
            both: View::is(&["D3"]).also(&["D5", "G4"]),
        },
    ),
    Cause::new(
        "D4",
        "the switch blocks the follower's port after its cable was plugged in",
        ON_FOLLOWER,
        blocked,
        Truth {
            leader: UNHEARD,
            follower: View::is(&["D4"]).also(&["C5", "F9"]).or_undetermined(QUIET),
            both: View::is(&["D4"])
                .also(&["C5", "F9", "D5"])
                .or_undetermined(QUIET),
        },
    ),
    Cause::new(
        "D5",
        "one direction is cut",
        FROM_LEADER,
        one_way,
        Truth {
            leader: View::is(&["D5"]),
            follower: View::is(&["D1", "D5"]).or_undetermined(NOTHING_HEARD),
            both: View::is(&["D5", "D1"]),
        },
    ),
    Cause::new(
        "D6",
        "both directions are cut before the follower starts",
        ON_FOLLOWER,
        never_heard,
        Truth {
            // Announcements of the address come through where adverts do not: it is answered twice.
            leader: View::is(&["D6"])
                .also(&["G4"])
                .or_undetermined(BELOW_THE_SENDER)
                .or_nothing(),
            follower: View::is(&["D6"])
                .also(&["G4"])
                .or_undetermined(NOTHING_HEARD),
            both: View::is(&["D6"]).also(&["D1", "D5", "G4"]),
        },
    )
    .prepare(|setup, _| setup.late_follower = true),
    Cause::new(
        "D7",
        "every frame of the leader comes twice",
        FROM_LEADER_V4,
        twice,
        Truth {
            leader: View::is(&["D7"]).or_nothing(),
            follower: View::is(&["D7"]),
            both: View::is(&["D7"]),
        },
    )
    .prepare(|setup, _| {
        setup.leader_behind = true;
        setup.twice = true;
    }),
];

fn lost(scene: &mut Scene) -> Result<(), String> {
    let adverts = scene.adverts();
    let interval = scene.setup.interval();
    let ends = |scene: &Scene, rule: &str| {
        scene.lab.filter(
            (&scene.leader.host, INTERFACE),
            (&scene.follower.host, INTERFACE),
            rule,
        );
    };
    ends(scene, &format!("{adverts} counter drop"));
    scene.pause(interval * 2);
    let first = scene.lab.filtered().iter().sum::<u64>();
    scene.lab.heal();
    scene.pause(interval * 4);
    let share = scene.prng.between(40, 80);
    ends(
        scene,
        &format!("{adverts} numgen random mod 100 < {share} counter drop"),
    );
    let time = scene.outage() * 2;
    scene.pause(time);
    let second = scene.lab.filtered().iter().sum::<u64>();
    scene.lab.heal();
    scene.prove(
        first > 0 && second > 0,
        &format!("{first} and {second} adverts were dropped"),
    )
}

fn multicast(scene: &mut Scene) -> Result<(), String> {
    let (leader, follower) = (&scene.leader.host, &scene.follower.host);
    let chatter = Chatter::start(&scene.other);
    // What is usual has to be known first.
    std::thread::sleep(Duration::from_secs(8));
    // The others' packets first: adverts stop last.
    for from in [&scene.other, leader] {
        scene.lab.filter(
            (from, INTERFACE),
            (follower, INTERFACE),
            "ip daddr 224.0.0.0/4 counter drop",
        );
    }
    scene.lab.filter(
        (follower, INTERFACE),
        (leader, INTERFACE),
        "ip daddr 224.0.0.0/4 counter drop",
    );
    let time = scene.outage();
    scene.pause(time + Duration::from_secs(1));
    let dropped = scene.lab.filtered();
    scene.lab.heal();
    drop(chatter);
    scene.prove(
        dropped.iter().filter(|dropped| **dropped > 0).count() >= 2,
        &format!("{dropped:?} packets to groups were dropped"),
    )
}

fn blocked(scene: &mut Scene) -> Result<(), String> {
    let delay = Duration::from_secs(2);
    scene.lab.spanning_tree("lan", delay);
    scene.pause(delay * 2 + Duration::from_millis(500));
    scene.calm(8)?;
    let host = &scene.follower.host;
    scene.lab.unplug(host, INTERFACE);
    scene.pause(scene.setup.interval());
    let before = scene.delivered("lb2");
    scene.lab.plug_at_once(host, INTERFACE);
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

pub(super) fn one_way(scene: &mut Scene) -> Result<(), String> {
    let adverts = scene.adverts();
    scene.lab.filter(
        (&scene.leader.host, INTERFACE),
        (&scene.follower.host, INTERFACE),
        &format!("{adverts} counter drop"),
    );
    let time = scene.outage() + scene.setup.interval() * 3;
    scene.pause(time);
    let dropped = scene.lab.filtered().iter().sum::<u64>();
    scene.lab.heal();
    scene.prove(dropped > 1, &format!("{dropped} adverts were dropped"))
}

fn never_heard(scene: &mut Scene) -> Result<(), String> {
    let adverts = scene.adverts();
    let (leader, follower) = (&scene.leader.host, &scene.follower.host);
    for (from, to) in [(leader, follower), (follower, leader)] {
        scene.lab.filter(
            (from, INTERFACE),
            (to, INTERFACE),
            &format!("{adverts} counter drop"),
        );
    }
    scene.start_follower();
    scene.follower.reach(State::Master)?;
    scene.pause(scene.setup.down() * 4);
    let dropped = scene.lab.filtered();
    scene.prove(
        dropped.len() == 2 && dropped.iter().all(|dropped| *dropped > 0),
        &format!("{dropped:?} adverts were dropped"),
    )
}

fn twice(scene: &mut Scene) -> Result<(), String> {
    scene.calm(24)?;
    let seen = wait_for(Duration::from_secs(1), || {
        let adverts = scene.adverts_of("lb1", scene.since);
        adverts
            .windows(2)
            .any(|pair| pair[0].1.sequence == pair[1].1.sequence)
            .then_some(())
    });
    scene.prove(seen.is_some(), "no advert came twice")
}
