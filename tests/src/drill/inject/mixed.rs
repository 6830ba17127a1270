//! Two causes at once, and causes that the catalogue does not have: both named, or undetermined; never a wrong one.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::ingress::firewall;
use super::process::{stop, stopped};
use crate::drill::cause::{
    BELOW_THE_SENDER, Cause, ON_LEADER, ON_THE_SENDER, OURS, OURS_V4, Truth, View,
};
use crate::drill::scene::Scene;
use crate::drill::setup::{INTERFACE, VRID};
use crate::drill::speaker::{Speaker, Speech};
use crate::lab::{State, wait_for};

const BOTH_OR_NONE: &str = "two causes at once may hide each other";
const NOT_IN_THE_CATALOGUE: &str = "the catalogue does not have this cause";

pub(super) const CAUSES: &[Cause] = &[
    Cause::new(
        "A4+C1",
        "the leader is stopped, and its queue discipline holds what it sends then",
        ON_LEADER,
        stopped_and_queued,
        Truth {
            leader: View::all(&["A4", "C1"]).also(&["E1"]),
            follower: View::is(&["D2", "C1", "A4"]).or_undetermined(ON_THE_SENDER),
            both: View::all(&["A4", "C1"]).also(&["D2", "E1"]),
        },
    )
    .prepare(|setup, _| setup.leader.queue = true),
    Cause::new(
        "A4+E3",
        "the leader is stopped, and later the follower's firewall drops adverts",
        OURS,
        stopped_and_filtered,
        Truth {
            leader: View::is(&["A4"]).also(&["D5", "E1"]),
            follower: View::is(&["E3"]).also(&["A4"]),
            both: View::all(&["A4", "E3"]).also(&["D5", "E1"]),
        },
    ),
    Cause::new(
        "D5+E1",
        "the path drops adverts while the follower is stopped",
        OURS,
        lost_and_late,
        Truth {
            leader: View::is(&["D5"])
                .or_undetermined(BELOW_THE_SENDER)
                .or_nothing(),
            follower: View::is(&["D1", "E1"])
                .also(&["A4"])
                .or_undetermined(BOTH_OR_NONE),
            both: View::is(&["D1", "D5", "E1"])
                .also(&["A4"])
                .or_undetermined(BOTH_OR_NONE),
        },
    ),
    Cause::new(
        "U1",
        "somebody puts the follower's interface into a bridge, which takes every packet",
        OURS,
        bridged,
        Truth {
            leader: View::unknown(BELOW_THE_SENDER).also(&["D5"]).or_nothing(),
            follower: View::unknown(NOT_IN_THE_CATALOGUE),
            both: View::unknown(NOT_IN_THE_CATALOGUE).also(&["D5"]),
        },
    ),
    Cause::new(
        "U2",
        "the follower's reverse path filter drops adverts",
        OURS_V4,
        reverse_path,
        Truth {
            leader: View::unknown(BELOW_THE_SENDER).also(&["D5"]).or_nothing(),
            // A filter on input it is, if none of the firewall's.
            follower: View::is(&["E3"]).or_undetermined(NOT_IN_THE_CATALOGUE),
            both: View::is(&["E3"])
                .also(&["D5"])
                .or_undetermined(NOT_IN_THE_CATALOGUE),
        },
    ),
    Cause::new(
        "U3",
        "somebody else says goodbye in the leader's name",
        OURS_V4,
        forged,
        Truth {
            leader: View::unknown(NOT_IN_THE_CATALOGUE)
                .also(&["I3"])
                .or_nothing(),
            follower: View::is(&["F3"]).or_undetermined(NOT_IN_THE_CATALOGUE),
            both: View::unknown(NOT_IN_THE_CATALOGUE).also(&["I3"]),
        },
    ),
];

fn stopped_and_queued(scene: &mut Scene) -> Result<(), String> {
    let near = scene.near();
    stop(&scene.leader, near)?;
    scene.pause(scene.setup.interval() * 3);
    super::egress::queued(scene)
}

fn stopped_and_filtered(scene: &mut Scene) -> Result<(), String> {
    stopped(scene)?;
    let quiet = scene.setup.interval() * 8;
    scene.pause(quiet);
    firewall(scene)
}

fn lost_and_late(scene: &mut Scene) -> Result<(), String> {
    let time = scene.outage();
    std::thread::scope(|scope| {
        let node = &scene.follower;
        let late = scope.spawn(move || stop(node, time));
        scene.lab.filter(
            (&scene.leader.host, INTERFACE),
            (&scene.follower.host, INTERFACE),
            &format!("{} counter drop", scene.adverts()),
        );
        std::thread::sleep(time + scene.setup.interval());
        let dropped = scene.lab.filtered().iter().sum::<u64>();
        scene.lab.heal();
        late.join()
            .unwrap_or_else(|_| Err("the stop panicked".to_owned()))?;
        scene.prove(dropped > 0, "nothing was dropped")
    })
}

fn bridged(scene: &mut Scene) -> Result<(), String> {
    let host = &scene.follower.host;
    host.ip("link add br0 type bridge");
    host.ip("link set br0 up");
    host.ip("link set eth0 master br0");
    let time = scene.outage() + scene.setup.interval();
    let before = scene.delivered("lb2");
    scene.pause(time);
    let taken = scene.follower.reach_within(State::Master, time);
    let arrived = scene.delivered("lb2") - before;
    scene.follower.host.ip("link set eth0 nomaster");
    scene.prove(
        taken.is_ok() && arrived > 0,
        &format!("{arrived} adverts arrived; {taken:?}"),
    )
}

/// At a pace of its own, so that sooner or later it comes just after an advert of the leader: then the follower's skew is
/// over before the leader's next one undoes it.
fn forged(scene: &mut Scene) -> Result<(), String> {
    let interval = scene.setup.interval();
    let _speaker = Speaker::start(
        &scene.other,
        Speech {
            source: Ipv4Addr::new(10, 0, 0, 1),
            vrid: VRID,
            priority: 0,
            claims: interval,
            every: interval * 107 / 100,
            address: Ipv4Addr::new(10, 0, 0, 7),
            ttl: 255,
        },
    );
    let taken = wait_for(interval * 30, || {
        (scene.lab.capture().adverts("lb2", scene.since).len() > 1).then_some(())
    });
    scene.prove(taken.is_some(), "the follower did not take over")
}

fn reverse_path(scene: &mut Scene) -> Result<(), String> {
    let host = &scene.follower.host;
    for interface in ["all", "eth0"] {
        host.set(&format!("net/ipv4/conf/{interface}/rp_filter"), "1");
    }
    host.ip("route add 10.0.0.1/32 dev lo");
    let time = scene.outage() + scene.setup.interval();
    scene.pause(time);
    let filtered = wait_for(Duration::from_secs(1), || {
        let text = scene
            .follower
            .host
            .run(&["cat", "/proc/net/netstat"])
            .output;
        let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
        let (names, values) = (lines.next()?, lines.next()?);
        names
            .split(' ')
            .zip(values.split(' '))
            .find(|(name, _)| *name == "IPReversePathFilter")
            .and_then(|(_, value)| value.parse::<u64>().ok())
            .filter(|count| *count > 0)
    });
    scene.follower.host.ip("route del 10.0.0.1/32 dev lo");
    scene.prove(filtered.is_some(), "the filter dropped nothing")
}
