//! E: arriving at the follower.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::egress::counted;
use super::process::stop;
use crate::drill::cause::{
    BELOW_THE_SENDER, Cause, FROM_LEADER_V4, ON_FOLLOWER, OURS, OURS_V4, Truth, View,
};
use crate::drill::scene::Scene;
use crate::drill::setup::{INTERFACE, VRID};
use crate::drill::speaker::{Speaker, Speech};
use crate::lab::State;

pub(super) const CAUSES: &[Cause] = &[
    Cause::new(
        "E1",
        "the follower is stopped",
        ON_FOLLOWER,
        read_late,
        Truth {
            leader: View::nothing(),
            follower: View::is(&["E1"]).also(&["A4"]),
            both: View::is(&["E1"]).also(&["A4"]),
        },
    ),
    Cause::new(
        "E2",
        "the follower is stopped, and a flood fills its receive buffer",
        FROM_LEADER_V4,
        overflow,
        Truth {
            leader: View::nothing().also(&["F6"]),
            follower: View::is(&["E2"]).also(&["E1", "A4", "F6"]),
            both: View::is(&["E2"]).also(&["E1", "A4", "F6"]),
        },
    ),
    Cause::new(
        "E3",
        "the follower's firewall drops adverts",
        ON_FOLLOWER,
        firewall,
        Truth::receiver(&["E3"]),
    ),
    Cause::new(
        "E4",
        "the follower's interface is deleted and made again under the same name",
        OURS,
        replaced,
        Truth {
            leader: View::nothing().also(&["D5"]),
            follower: View::is(&["E4", "I4", "C6"]).also(&["G3"]),
            both: View::is(&["E4", "I4", "C6"]),
        },
    ),
    Cause::new(
        "E5",
        "the leader's adverts lose their TTL of 255",
        ON_FOLLOWER,
        rejected,
        Truth::receiver(&["E5"]),
    ),
    Cause::new(
        "E7",
        "a speaker keeps a longer interval than it claims",
        OURS_V4,
        short_timer,
        Truth {
            leader: View::unknown(BELOW_THE_SENDER).or_nothing(),
            follower: View::is(&["E7"])
                .or_undetermined("a late advert of an unknown speaker looks the same"),
            both: View::is(&["E7"])
                .or_nothing()
                .or_undetermined("nobody records the speaker's side"),
        },
    )
    .prepare(|setup, _| setup.without_leader = true),
];

fn read_late(scene: &mut Scene) -> Result<(), String> {
    let time = scene.outage();
    stop(&scene.follower, time)?;
    scene.calm(4)
}

fn overflow(scene: &mut Scene) -> Result<(), String> {
    let time = scene.outage();
    let other = scene.other.clone();
    let drops = |scene: &Scene| {
        scene
            .follower
            .host
            .run(&["cat", "/proc/net/raw"])
            .output
            .lines()
            .skip(1)
            .filter_map(|line| line.split_ascii_whitespace().last()?.parse::<u64>().ok())
            .sum::<u64>()
    };
    let before = drops(scene);
    let flood = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        Speaker::flood(
            &other,
            Speech {
                source: Ipv4Addr::new(10, 0, 0, 9),
                vrid: VRID + 1,
                priority: 100,
                claims: Duration::from_secs(1),
                every: Duration::from_secs(1),
                address: Ipv4Addr::new(10, 0, 0, 99),
                ttl: 255,
            },
            4000,
        );
    });
    let stopped = stop(&scene.follower, time);
    let _ = flood.join();
    stopped?;
    scene.calm(4)?;
    let dropped = drops(scene) - before;
    scene.prove(dropped > 0, "no socket dropped anything")
}

pub(super) fn firewall(scene: &mut Scene) -> Result<(), String> {
    let time = scene.outage();
    let adverts = scene.adverts();
    let host = &scene.follower.host;
    host.nft(&format!(
        "add table inet drill\nadd chain inet drill in {{ type filter hook input priority 0; }}\n\
         add rule inet drill in {adverts} counter drop\n"
    ));
    std::thread::sleep(time + scene.setup.interval());
    let shown = host.run(&["nft", "list", "ruleset"]).output;
    host.nft("delete table inet drill\n");
    scene.prove(
        counted(&shown) > 0,
        &format!("nothing was dropped: {shown}"),
    )
}

fn replaced(scene: &mut Scene) -> Result<(), String> {
    let host = scene.follower.host.clone();
    let index = |host: &crate::lab::Host| host.run(&["cat", "/sys/class/net/eth0/ifindex"]).output;
    let before = index(&host);
    host.ip("link del eth0");
    let time = scene.setup.interval() * u32::try_from(scene.prng.between(1, 6)).unwrap_or(2);
    scene.pause(time);
    scene
        .lab
        .link(&host, INTERFACE, "lan", &["10.0.0.2/24", "fd00::2/64"]);
    scene.follower.reach(State::Backup)?;
    scene.calm(4)?;
    let after = index(&host);
    scene.prove(before != after, &format!("interface index {before} stays"))
}

fn rejected(scene: &mut Scene) -> Result<(), String> {
    let time = scene.outage();
    let adverts = scene.adverts();
    let ttl = scene.prng.between(1, 254);
    let field = match scene.setup.family {
        vrrp_proto::units::Family::V4 => "ip ttl",
        vrrp_proto::units::Family::V6 => "ip6 hoplimit",
    };
    let host = &scene.leader.host;
    host.nft(&format!(
        "add table netdev drill\n\
         add chain netdev drill out {{ type filter hook egress device {INTERFACE} priority 0; }}\n\
         add rule netdev drill out {adverts} counter {field} set {ttl}\n"
    ));
    std::thread::sleep(time + scene.setup.interval());
    let low = scene
        .lab
        .capture()
        .adverts("lb1", scene.since)
        .iter()
        .filter(|(_, advert)| u64::from(advert.ttl) == ttl)
        .count();
    host.nft("delete table netdev drill\n");
    scene.prove(low > 0, &format!("no advert has a TTL of {ttl}"))
}

fn short_timer(scene: &mut Scene) -> Result<(), String> {
    let interval = scene.setup.interval();
    let every = scene.setup.down() * u32::try_from(scene.prng.between(80, 90)).unwrap_or(85) / 100;
    let _speaker = Speaker::start(
        &scene.other,
        Speech {
            source: Ipv4Addr::new(10, 0, 0, 9),
            vrid: VRID,
            priority: 150,
            claims: interval,
            every,
            address: Ipv4Addr::new(10, 0, 0, 7),
            ttl: 255,
        },
    );
    scene.follower.reach(State::Backup)?;
    scene.pause(every * 24);
    let sent = scene.lab.capture().adverts("other", scene.since).len();
    scene.prove(sent >= 20, &format!("{sent} adverts of the speaker"))
}
