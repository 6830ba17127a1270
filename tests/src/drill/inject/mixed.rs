//! Two causes at once, and causes that the catalogue does not have: both named, or undetermined; never a wrong one.

use std::time::Duration;

use super::ingress::firewall;
use super::process::{stop, stopped};
use crate::drill::cause::{
    BELOW_THE_SENDER, Cause, NOTHING_HEARD, ON_LEADER, ON_THE_SENDER, OURS, OURS_V4, Truth, View,
};
use crate::drill::scene::Scene;
use crate::drill::setup::INTERFACE;
use crate::lab::wait_for;

const BOTH_OR_NONE: &str = "two causes at once may hide each other";
const NOT_IN_THE_CATALOGUE: &str = "the catalogue does not have this cause";

pub(super) const CAUSES: &[Cause] = &[
    Cause::new(
        "A4+C1",
        "the leader is stopped, and its queue discipline holds what it sends then",
        ON_LEADER,
        stopped_and_queued,
        Truth {
            leader: View::all(&["A4", "C1"]),
            follower: View::is(&["D2", "C1", "A4"]).or_undetermined(ON_THE_SENDER),
            both: View::all(&["A4", "C1"]).also(&["D2"]),
        },
    ),
    Cause::new(
        "A4+E3",
        "the leader is stopped, and later the follower's firewall drops adverts",
        OURS,
        stopped_and_filtered,
        Truth {
            leader: View::is(&["A4"]).also(&["D5"]),
            follower: View::is(&["E3"]).also(&["A4"]),
            both: View::all(&["A4", "E3"]).also(&["D5"]),
        },
    ),
    Cause::new(
        "D5+E1",
        "the path drops adverts while the follower is stopped",
        OURS,
        lost_and_late,
        Truth {
            leader: View::is(&["D5"]).or_undetermined(BELOW_THE_SENDER).or_nothing(),
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
        "a routing rule of the leader refuses the group",
        OURS_V4,
        prohibited,
        Truth {
            leader: View::unknown(NOT_IN_THE_CATALOGUE),
            follower: View::is(&["D1"]).or_undetermined(NOTHING_HEARD),
            both: View::unknown(NOT_IN_THE_CATALOGUE).also(&["D1"]),
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
            both: View::is(&["E3"]).also(&["D5"]).or_undetermined(NOT_IN_THE_CATALOGUE),
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
        late.join().unwrap_or_else(|_| Err("the stop panicked".to_owned()))?;
        scene.prove(dropped > 0, "nothing was dropped")
    })
}

fn prohibited(scene: &mut Scene) -> Result<(), String> {
    let host = &scene.leader.host;
    host.ip("rule add to 224.0.0.18 priority 5 prohibit");
    let time = scene.outage();
    scene.pause(time);
    let gap = scene.gap("lb1");
    scene
        .leader
        .host
        .ip("rule del to 224.0.0.18 priority 5 prohibit");
    scene.prove(gap >= time / 2, &format!("adverts went on; gap of {gap:?}"))
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
        let text = scene.follower.host.read("/proc/net/netstat")?;
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
