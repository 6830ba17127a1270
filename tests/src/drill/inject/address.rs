//! G: the address plane.

use std::time::Duration;

use crate::drill::cause::{Cause, ON_THE_SENDER, OURS, OURS_V4, OURS_V6, Truth, View};
use crate::drill::scene::Scene;
use crate::drill::setup::INTERFACE;
use crate::lab::{State, wait_for};

pub(super) const CAUSES: &[Cause] = &[
    Cause::new(
        "G1",
        "somebody removes the virtual address",
        OURS,
        removed,
        Truth::leader_only(&["G1"]),
    ),
    Cause::new(
        "G2",
        "the follower has the virtual address",
        OURS_V4,
        left_behind,
        Truth {
            leader: View::nothing().also(&["G4"]),
            follower: View::is(&["G2"]),
            both: View::is(&["G2"]).also(&["G4"]).or_nothing(),
        },
    ),
    Cause::new(
        "G3",
        "another host has the IPv6 address already",
        OURS_V6,
        duplicate,
        Truth {
            leader: View::is(&["G3"]).also(&["G1"]),
            // It takes over from the leader that cannot hold the address, and finds the same.
            follower: View::is(&["G3"]).also(&["F3"]).or_nothing(),
            both: View::is(&["G3"]).also(&["G1", "F3"]),
        },
    )
    .prepare(|setup, _| {
        // Otherwise virtual addresses are not checked, as with keepalived.
        for side in [&mut setup.leader, &mut setup.follower] {
            for address in &mut side.addresses {
                address.push_str(" -nodad");
            }
        }
    }),
    Cause::new(
        "G4",
        "another host answers for the address",
        OURS_V4,
        answered_elsewhere,
        Truth {
            leader: View::is(&["G4"]),
            follower: View::is(&["G4"]).or_nothing(),
            both: View::is(&["G4"]),
        },
    ),
    Cause::new(
        "G5",
        "two are MASTER, and the configuration says to announce nothing after that",
        OURS_V4,
        not_again,
        Truth {
            leader: View::all(&["D5", "G5"]),
            follower: View::is(&["D1", "D5"]),
            both: View::is(&["D5", "D1", "G5"]),
        },
    )
    .prepare(|setup, _| {
        setup
            .leader
            .lines
            .push("garp_lower_prio_repeat 0\n    garp_master_delay 1".to_owned());
    }),
    Cause::new(
        "G6",
        "an egress hook drops the announcements of the follower, who takes over",
        // Over IPv6 the kernel itself sends as many packets when an address comes.
        OURS_V4,
        announcements_dropped,
        Truth {
            leader: View::is(&["A11", "F11"]),
            follower: View::all(&["F3", "G6"]),
            both: View::is(&["G6", "A11", "F3", "F11"]),
        },
    ),
    Cause::new(
        "G7",
        "the kernel refuses one of the addresses",
        OURS_V4,
        refused,
        Truth {
            leader: View::is(&["G7"]).also(&["G1"]),
            follower: View::unknown(ON_THE_SENDER).or_nothing(),
            both: View::is(&["G7"]).also(&["G1"]),
        },
    )
    .prepare(|setup, _| {
        setup
            .leader
            .lines
            .push("virtual_ipaddress_excluded {\n        fd00:1::7/64\n    }".to_owned());
    }),
];

fn prefix(scene: &Scene) -> &'static str {
    match scene.setup.family {
        vrrp_proto::units::Family::V4 => "32",
        vrrp_proto::units::Family::V6 => "128",
    }
}

fn removed(scene: &mut Scene) -> Result<(), String> {
    let address = scene.address();
    let prefix = prefix(scene);
    let times = scene.prng.between(1, 3);
    for _ in 0..times {
        scene
            .leader
            .host
            .ip(&format!("addr del {address}/{prefix} dev {INTERFACE}"));
        let back = wait_for(Duration::from_secs(10), || {
            scene.leader.host.has(INTERFACE, address).then_some(())
        });
        scene.prove(back.is_some(), "the address does not come back")?;
    }
    Ok(())
}

fn left_behind(scene: &mut Scene) -> Result<(), String> {
    let address = scene.address();
    scene
        .follower
        .host
        .ip(&format!("addr add {address}/32 dev {INTERFACE}"));
    let there = scene.follower.host.has(INTERFACE, address);
    scene.pause(Duration::from_secs(3));
    scene.prove(there, "the address was not added")
}

fn duplicate(scene: &mut Scene) -> Result<(), String> {
    let address = scene.address();
    scene
        .other
        .ip(&format!("addr add {address}/64 dev {INTERFACE} nodad"));
    for host in [&scene.leader.host, &scene.follower.host] {
        host.set("net/ipv6/conf/eth0/accept_dad", "1");
        host.set("net/ipv6/conf/eth0/dad_transmits", "1");
    }
    // The leader adds it anew, because somebody removes it.
    scene
        .leader
        .host
        .ip(&format!("addr del {address}/128 dev {INTERFACE}"));
    let failed = wait_for(Duration::from_secs(8), || {
        let shown = scene
            .leader
            .host
            .run(&["ip", "-6", "addr", "show", "dev", INTERFACE])
            .output;
        shown.contains("dadfailed").then_some(())
    });
    scene.pause(Duration::from_secs(1));
    scene.prove(failed.is_some(), "the kernel found no duplicate")
}

fn answered_elsewhere(scene: &mut Scene) -> Result<(), String> {
    let address = scene.address();
    scene
        .other
        .ip(&format!("addr add {address}/32 dev {INTERFACE}"));
    for _ in 0..3 {
        // As any host does that gets the address: it announces it.
        let _ = scene.other.run(&[
            "arping",
            "-c",
            "1",
            "-A",
            "-I",
            INTERFACE,
            &address.to_string(),
        ]);
        scene.pause(Duration::from_millis(300));
    }
    let claims = scene.lab.capture().claims("other", scene.since).len();
    scene.pause(Duration::from_secs(2));
    scene.prove(claims > 0, "no announcement of the other host")
}

fn not_again(scene: &mut Scene) -> Result<(), String> {
    super::path::one_way(scene)?;
    scene.leader.reach(State::Master)?;
    scene.follower.reach(State::Backup)?;
    let healed = crate::lab::Capture::now();
    scene.pause(Duration::from_secs(6));
    let claims = scene.lab.capture().claims("lb1", healed).len();
    scene.prove(
        claims == 0,
        &format!("{claims} announcements of the leader"),
    )
}

fn announcements_dropped(scene: &mut Scene) -> Result<(), String> {
    scene.follower.host.nft(&format!(
        "add table netdev drill\n\
         add chain netdev drill out {{ type filter hook egress device {INTERFACE} priority 0; }}\n\
         add rule netdev drill out ether type arp counter drop\n"
    ));
    let finished = scene.leader.peer().stop();
    scene.prove(finished.code == 0, &finished.output)?;
    scene.follower.reach(State::Master)?;
    scene.pause(Duration::from_secs(1));
    let shown = scene.follower.host.run(&["nft", "list", "ruleset"]).output;
    scene.prove(
        super::egress::counted(&shown) >= 5,
        &format!("announcements went on: {shown}"),
    )
}

fn refused(scene: &mut Scene) -> Result<(), String> {
    // The kernel removes the IPv6 addresses and takes no new ones.
    scene
        .leader
        .host
        .set("net/ipv6/conf/eth0/disable_ipv6", "1");
    scene.pause(Duration::from_secs(4));
    let shown = scene
        .leader
        .host
        .run(&["ip", "-6", "addr", "show", "dev", INTERFACE])
        .output;
    scene.prove(!shown.contains("fd00:1::7"), "the address is still there")
}
