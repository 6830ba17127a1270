//! Each version, authentication and transport: the leader leads, leaves in good order, comes back; the follower follows,
//! takes over, yields. What is on the wire is what keepalived's users know.

use std::time::Duration;

use vrrp_proto::units::MacAddr;
use vrrp_proto::wire::{GROUP_V4, GROUP_V6};
use vrrp_tests::lab::{Advert, Capture, State};

use crate::bench::{BOUND, Bench, Config, Pair, VRID, ip, pairs};

const GROUP_MAC_V4: MacAddr = MacAddr([0x01, 0x00, 0x5e, 0, 0, 0x12]);
const GROUP_MAC_V6: MacAddr = MacAddr([0x33, 0x33, 0, 0, 0, 0x12]);
/// keepalived claims each address that many times on becoming MASTER.
const CLAIMS: usize = 5;

pairs!(
    v2_plain,
    v2_pass,
    v2_ah,
    v2_without_addresses,
    v3_ipv4,
    v3_ipv6,
    unicast_ipv4,
    unicast_ipv6
);

fn v2_plain(pair: Pair) {
    exchange(pair, &Config::v2(150), &Config::v2(100), |advert| {
        on_group_v4(advert);
        assert_eq!(
            (advert.version, advert.centis, advert.auth_type),
            (2, 100, 0)
        );
        assert_eq!(
            advert.trailer, [0; 8],
            "keepalived always sends the authentication data"
        );
    });
}

fn v2_pass(pair: Pair) {
    let with = |config: Config| {
        config.line(
            "authentication {\n        auth_type PASS\n        auth_pass secretly_long\n    }",
        )
    };
    exchange(
        pair,
        &with(Config::v2(150)),
        &with(Config::v2(100)),
        |advert| {
            on_group_v4(advert);
            assert_eq!((advert.version, advert.auth_type, advert.ah), (2, 1, false));
            assert_eq!(
                advert.trailer, b"secretly",
                "eight bytes of a password go on the wire"
            );
        },
    );
}

fn v2_ah(pair: Pair) {
    let with = |config: Config| {
        config.line("authentication {\n        auth_type AH\n        auth_pass hidden\n    }")
    };
    exchange(
        pair,
        &with(Config::v2(150)),
        &with(Config::v2(100)),
        |advert| {
            on_group_v4(advert);
            assert_eq!((advert.version, advert.auth_type, advert.ah), (2, 2, true));
            assert_eq!(advert.trailer, [0; 8]);
        },
    );
}

/// keepalived warns about it and runs it: a pair whose notify scripts do all the work.
fn v2_without_addresses(pair: Pair) {
    let (leader, follower) = (
        Config::v2(150).addresses(&[]),
        Config::v2(100).addresses(&[]),
    );
    let looks = |advert: &Advert| {
        assert_eq!(
            (advert.destination, advert.to_mac),
            (GROUP_V4.into(), GROUP_MAC_V4)
        );
        assert_eq!((advert.version, advert.auth_type), (2, 0));
        assert!(advert.addresses.is_empty(), "the count is 0: {advert:?}");
        assert_eq!(advert.trailer, [0; 8]);
    };
    let mut bench = Bench::new(pair);
    let begun = Capture::now();
    bench.start(&leader, &follower);
    judge(&bench, "lead", begun, leader.priority, &looks);
    bench.undisturbed(&bench.leader, &bench.follower, Capture::now(), 3);

    let killed = Capture::now();
    bench.leader.peer().kill();
    bench.follower.wait(State::Master);
    judge(&bench, "follow", killed, follower.priority, &looks);

    bench.leader.start(&leader);
    bench.leader.wait(State::Master);
    bench.follower.wait(State::Backup);
    bench.undisturbed(&bench.leader, &bench.follower, Capture::now(), 3);

    let stopped = Capture::now();
    bench.leader.stop();
    bench
        .capture()
        .wait_advert("lead", stopped, BOUND, "priority 0", |advert| {
            advert.priority == 0 && advert.addresses.is_empty()
        });
    bench.follower.wait(State::Master);
    for node in [&bench.leader, &bench.follower] {
        let claims = bench.capture().claims(node.host.name(), begun);
        assert!(claims.is_empty(), "there is nothing to claim: {claims:?}");
        let warning = if node.is_ours() {
            "has no virtual address"
        } else {
            "No VIP specified"
        };
        let log = node.peer().log();
        assert!(log.contains(warning), "{}: {log}", node.host.name());
    }
}

fn v3_ipv4(pair: Pair) {
    exchange(pair, &Config::v3(150), &Config::v3(100), |advert| {
        on_group_v4(advert);
        assert_eq!((advert.version, advert.centis), (3, 20));
        assert!(advert.trailer.is_empty());
    });
}

fn v3_ipv6(pair: Pair) {
    let with = |config: Config| config.addresses(&["fe80::7:7", "fd00::7"]);
    exchange(
        pair,
        &with(Config::v3(150)),
        &with(Config::v3(100)),
        |advert| {
            assert_eq!((advert.version, advert.centis, advert.ttl), (3, 20, 255));
            assert_eq!(
                (advert.destination, advert.to_mac),
                (GROUP_V6.into(), GROUP_MAC_V6)
            );
            assert_eq!(advert.addresses, [ip("fe80::7:7"), ip("fd00::7")]);
        },
    );
}

fn unicast_ipv4(pair: Pair) {
    let with = |config: Config, own: &str, other: &str| {
        config
            .line(format!("unicast_src_ip {own}"))
            .line(format!("unicast_peer {{\n        {other}\n    }}"))
    };
    let leader = with(Config::v3(150), "10.0.0.1", "10.0.0.2");
    let follower = with(Config::v3(100), "10.0.0.2", "10.0.0.1");
    exchange(pair, &leader, &follower, |advert| {
        assert!(!advert.destination.is_multicast());
        assert_ne!(advert.source, advert.destination);
        assert_eq!(
            (advert.ttl, advert.version, advert.to_mac.0[0]),
            (255, 3, 0x02)
        );
    });
}

fn unicast_ipv6(pair: Pair) {
    let with = |config: Config, own: &str, other: &str| {
        config
            .addresses(&["fd00::7"])
            .line(format!("unicast_src_ip {own}"))
            .line(format!("unicast_peer {{\n        {other}\n    }}"))
    };
    let leader = with(Config::v3(150), "fd00::1", "fd00::2");
    let follower = with(Config::v3(100), "fd00::2", "fd00::1");
    exchange(pair, &leader, &follower, |advert| {
        assert!(!advert.destination.is_multicast());
        assert_eq!((advert.version, advert.to_mac.0[0]), (3, 0x02));
    });
}

fn on_group_v4(advert: &Advert) {
    assert_eq!(
        (advert.destination, advert.to_mac),
        (GROUP_V4.into(), GROUP_MAC_V4)
    );
    assert_eq!((advert.ttl, advert.class), (255, 0xc0));
    assert_eq!(advert.addresses, [ip("10.0.0.7")]);
}

/// The leader leads, leaves and comes back; `looks` judges an advert of each.
fn exchange(pair: Pair, leader: &Config, follower: &Config, looks: impl Fn(&Advert)) {
    let mut bench = Bench::new(pair);
    let begun = Capture::now();
    let addresses = leader.ips();
    bench.start(leader, follower);
    bench.wait_holder(&bench.leader, &addresses);
    judge(&bench, "lead", begun, leader.priority, &looks);
    bench.undisturbed(&bench.leader, &bench.follower, Capture::now(), 3);
    announced(&bench, "lead", begun, leader);

    let stopped = Capture::now();
    bench.leader.stop();
    bench.follower.wait(State::Master);
    bench.wait_holder(&bench.follower, &addresses);
    judge(&bench, "follow", stopped, follower.priority, &looks);
    announced(&bench, "follow", stopped, follower);

    let back = Capture::now();
    bench.leader.start(leader);
    bench.leader.wait(State::Master);
    bench.follower.wait(State::Backup);
    bench.wait_holder(&bench.leader, &addresses);
    bench.undisturbed(&bench.leader, &bench.follower, Capture::now(), 3);
    announced(&bench, "lead", back, leader);

    let master = format!("INSTANCE VI MASTER {}", follower.priority);
    let backup = format!("INSTANCE VI BACKUP {}", follower.priority);
    bench.follower.wait_notified(&[&backup, &master, &backup]);
}

fn judge(bench: &Bench, host: &str, since: Duration, priority: u8, looks: &impl Fn(&Advert)) {
    let (_, advert) = bench
        .capture()
        .wait_advert(host, since, BOUND, "an advert", |advert| {
            advert.priority != 0
        });
    assert_eq!((advert.vrid, advert.priority), (VRID, priority));
    looks(&advert);
}

/// Every address was claimed for the host's own MAC address, as often as keepalived does.
fn announced(bench: &Bench, host: &str, since: Duration, config: &Config) {
    for address in config.ips() {
        let claims =
            vrrp_tests::lab::wait_until(&format!("{host} claims {address}"), BOUND, || {
                let claims: Vec<_> = bench
                    .capture()
                    .claims(host, since)
                    .into_iter()
                    .filter(|(_, claim)| claim.address == address)
                    .collect();
                (claims.len() >= CLAIMS).then_some(claims)
            });
        for (_, claim) in claims {
            assert_eq!(
                claim.at.0[0], 0x02,
                "{host} claims {address} for itself: {claim:?}"
            );
        }
    }
}
