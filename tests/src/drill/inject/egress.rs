//! C: leaving the sender's kernel.

use std::net::IpAddr;
use std::time::Duration;

use crate::drill::cause::{Cause, NOTHING_HEARD, ON_LEADER, ON_THE_SENDER, OURS_V4, Truth, View};
use crate::drill::scene::Scene;
use crate::drill::setup::INTERFACE;
use crate::lab::wait_for;

/// Adverts numbered and not arrived: the other node sees that some are missing, not where they stayed.
const fn dropped(right: &'static [&'static str]) -> Truth {
    Truth {
        leader: View::is(right).also(&["D5"]),
        follower: View::is(&["D1"]).or_undetermined(NOTHING_HEARD),
        both: View::is(right).also(&["D1", "D5"]),
    }
}

/// The leader goes into FAULT and says nothing.
const fn silent(right: &'static [&'static str]) -> Truth {
    Truth {
        leader: View::is(right),
        follower: View::is(&["F3"])
            .also(&["D1"])
            .or_undetermined(ON_THE_SENDER),
        both: View::is(right).also(&["F3"]),
    }
}

pub(super) const CAUSES: &[Cause] = &[
    Cause::new(
        "C1",
        "a queue discipline lets hardly anything out, then everything",
        ON_LEADER,
        queued,
        Truth {
            leader: View::is(&["C1"]),
            follower: View::is(&["D2", "C1"]).or_undetermined(ON_THE_SENDER),
            both: View::is(&["C1"]).also(&["D2"]),
        },
    )
    .prepare(|setup, _| setup.leader.queue = true),
    Cause::new(
        "C2",
        "a queue discipline with hardly any room drops",
        ON_LEADER,
        queue_drop,
        Truth {
            leader: View::is(&["C2"]).also(&["C1", "D5"]),
            follower: View::is(&["D1"])
                .also(&["D2"])
                .or_undetermined(NOTHING_HEARD),
            both: View::is(&["C2"]).also(&["C1", "D1", "D5"]),
        },
    )
    .prepare(|setup, _| setup.leader.queue = true),
    Cause::new(
        "C3",
        "the leader's firewall refuses adverts",
        ON_LEADER,
        |scene| firewall(scene, Hook::Output),
        dropped(&["C3"]),
    ),
    Cause::new(
        "C4",
        "an egress hook drops adverts without a word",
        ON_LEADER,
        |scene| firewall(scene, Hook::Egress),
        dropped(&["C4"]),
    )
    .prepare(|setup, _| setup.leader.queue = true),
    Cause::new(
        "C5",
        "the leader's cable is pulled",
        ON_LEADER,
        unplugged,
        silent(&["C5"]),
    ),
    Cause::new(
        "C6",
        "somebody sets the leader's interface down",
        ON_LEADER,
        set_down,
        silent(&["C6"]),
    ),
    Cause::new(
        "C7",
        "somebody removes the leader's own address",
        OURS_V4,
        source_gone,
        silent(&["C7"]),
    ),
    Cause::new(
        "C8",
        "the unicast peer does not answer ARP any more",
        OURS_V4,
        unresolved,
        Truth {
            leader: View::is(&["C8"]).also(&["D5"]),
            // The kernel keeps some adverts until the peer answers again: held between the sender's socket and here.
            follower: View::is(&["D1", "D2"]).or_undetermined(NOTHING_HEARD),
            both: View::is(&["C8"]).also(&["D1", "D2", "D5"]),
        },
    )
    .prepare(|setup, _| {
        for (side, own, peer) in [
            (&mut setup.leader, "10.0.0.1", "10.0.0.2"),
            (&mut setup.follower, "10.0.0.2", "10.0.0.1"),
        ] {
            side.lines.push(format!("unicast_src_ip {own}"));
            side.lines
                .push(format!("unicast_peer {{\n        {peer}\n    }}"));
        }
    }),
    Cause::new(
        "C10",
        "the advert grows larger than the interface's MTU",
        OURS_V4,
        too_big,
        dropped(&["C10"]),
    )
    .prepare(|setup, prng| {
        let addresses = prng.between(140, 200);
        for side in [&mut setup.leader, &mut setup.follower] {
            side.addresses = (0..addresses)
                .map(|number| format!("10.0.1.{number}"))
                .collect();
        }
    }),
];

/// Holds one frame longer than the follower waits.
pub(super) fn queued(scene: &mut Scene) -> Result<(), String> {
    let time = scene.outage();
    let rate = 74 * 8 * 1000 / scene.setup.down().as_millis().max(1);
    let host = &scene.leader.host;
    host.must(&format!(
        "tc qdisc change dev {INTERFACE} root tbf rate {rate}bit burst 80 latency 60s"
    ));
    std::thread::sleep(time);
    let shown = host
        .run(&["tc", "-s", "qdisc", "show", "dev", INTERFACE])
        .output;
    host.must(&format!(
        "tc qdisc change dev {INTERFACE} root tbf rate 100mbit burst 10000 latency 60s"
    ));
    scene.prove(
        !shown.contains("backlog 0b") && shown.contains("backlog"),
        &format!("nothing waited: {shown}"),
    )
}

fn queue_drop(scene: &mut Scene) -> Result<(), String> {
    let time = scene.outage();
    let rate = 74 * 8 * 1000 / 4 / scene.setup.down().as_millis().max(1);
    let host = &scene.leader.host;
    host.must(&format!(
        "tc qdisc change dev {INTERFACE} root tbf rate {rate}bit burst 80 limit 90"
    ));
    std::thread::sleep(time);
    let shown = host
        .run(&["tc", "-s", "qdisc", "show", "dev", INTERFACE])
        .output;
    host.must(&format!(
        "tc qdisc change dev {INTERFACE} root tbf rate 100mbit burst 10000 limit 100000"
    ));
    let dropped = shown
        .split_once("(dropped ")
        .and_then(|(_, rest)| rest.split(',').next()?.trim().parse::<u64>().ok())
        .unwrap_or(0);
    scene.prove(dropped > 0, &format!("nothing was dropped: {shown}"))
}

#[derive(Clone, Copy, Debug)]
enum Hook {
    Output,
    Egress,
}

fn firewall(scene: &mut Scene, hook: Hook) -> Result<(), String> {
    let time = scene.outage();
    let adverts = scene.adverts();
    let (table, chain) = match hook {
        Hook::Output => (
            "inet drill",
            "type filter hook output priority 0;".to_owned(),
        ),
        Hook::Egress => (
            "netdev drill",
            format!("type filter hook egress device {INTERFACE} priority 0;"),
        ),
    };
    let host = &scene.leader.host;
    host.nft(&format!(
        "add table {table}\nadd chain {table} out {{ {chain} }}\nadd rule {table} out {adverts} counter drop\n"
    ));
    std::thread::sleep(time);
    let shown = host.run(&["nft", "list", "ruleset"]).output;
    host.nft(&format!("delete table {table}\n"));
    scene.prove(
        counted(&shown) > 0,
        &format!("nothing was dropped: {shown}"),
    )
}

/// The first counter of a listing.
pub(super) fn counted(listing: &str) -> u64 {
    listing
        .split_once("counter packets ")
        .and_then(|(_, rest)| rest.split(' ').next()?.parse().ok())
        .unwrap_or(0)
}

pub(super) fn unplugged(scene: &mut Scene) -> Result<(), String> {
    let time = scene.outage();
    scene.lab.unplug(&scene.leader.host, INTERFACE);
    std::thread::sleep(time);
    let carrier = scene.leader.host.read("/sys/class/net/eth0/carrier");
    scene.lab.plug(&scene.leader.host, INTERFACE);
    scene.prove(
        carrier.as_deref().map(str::trim) == Some("0"),
        &format!("carrier {carrier:?}"),
    )
}

fn set_down(scene: &mut Scene) -> Result<(), String> {
    let time = scene.outage();
    scene.leader.host.ip("link set eth0 down");
    std::thread::sleep(time);
    scene.leader.host.ip("link set eth0 up");
    Ok(())
}

fn source_gone(scene: &mut Scene) -> Result<(), String> {
    let time = scene.outage();
    let host = &scene.leader.host;
    host.ip("addr del 10.0.0.1/24 dev eth0");
    let gone = !host.has(INTERFACE, IpAddr::from([10, 0, 0, 1]));
    std::thread::sleep(time);
    host.ip("addr add 10.0.0.1/24 dev eth0");
    scene.prove(gone, "the address is still there")
}

fn unresolved(scene: &mut Scene) -> Result<(), String> {
    let (leader, follower) = (&scene.leader.host, &scene.follower.host);
    for (from, to) in [(leader, follower), (follower, leader)] {
        scene.lab.filter(
            (from, INTERFACE),
            (to, INTERFACE),
            "ether type arp counter drop",
        );
    }
    leader.ip("neigh flush dev eth0");
    let missing = wait_for(Duration::from_secs(8), || {
        let shown = leader.run(&["ip", "neigh", "show", "10.0.0.2"]).output;
        (shown.contains("FAILED") || shown.contains("INCOMPLETE")).then_some(())
    });
    let time = scene.outage();
    scene.pause(time + Duration::from_secs(1));
    scene.lab.heal();
    scene.prove(missing.is_some(), "the neighbour still resolves")
}

fn too_big(scene: &mut Scene) -> Result<(), String> {
    let time = scene.outage();
    let host = &scene.leader.host;
    host.ip("link set eth0 mtu 500");
    std::thread::sleep(time);
    let gap = scene.gap("lb1");
    scene.leader.host.ip("link set eth0 mtu 1500");
    scene.prove(gap >= time / 2, &format!("adverts went on; gap of {gap:?}"))
}
