//! G: the address plane.

use std::time::Duration;

use crate::drill::cause::{Cause, ON_THE_SENDER, OURS, OURS_V4, OURS_V6, Truth, View};
use crate::drill::scene::Scene;
use crate::drill::setup::INTERFACE;
use crate::lab::wait_for;

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
