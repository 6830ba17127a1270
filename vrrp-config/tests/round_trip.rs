//! From either language to the other and back: generated plans, and the configurations that people published.

#![expect(
    clippy::unwrap_used,
    reason = "a failure in a test's helper is a failed test"
)]

mod common;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;
use vrrp_config::plan::{
    AnnouncePlan, AuthPlan, ChecksumAccept, ChecksumForm, CommandPlan, DumpPlan, FifoPlan, Global,
    GroupPlan, JournalPlan, MailPlan, NotifyPlan, PeerPlan, Plan, Profile, Realtime,
    RestoreAddresses, RouterPlan, ScriptPlan, TrackPlan, Transport, UserSpec, VipPlan,
};
use vrrp_config::{Language, write};
use vrrp_proto::router::FastFail;
use vrrp_proto::units::{AdvertInterval, Family, Priority, Version, Vrid};

use common::{Host, load_file};

/// Numbers from a seed.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    fn roll(&mut self, sides: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from((self.0 >> 16) % u64::from(sides)).unwrap()
    }

    fn byte(&mut self, sides: u32) -> u8 {
        u8::try_from(self.roll(sides)).unwrap()
    }

    /// True once in `times`.
    fn once_in(&mut self, times: u32) -> bool {
        self.roll(times) == 0
    }

    fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.roll(u32::try_from(choices.len()).unwrap()) as usize].clone()
    }

    fn seconds(&mut self, most: u32) -> Duration {
        Duration::from_secs(u64::from(self.roll(most + 1)))
    }

    fn micros(&mut self, most: u32) -> Duration {
        Duration::from_micros(u64::from(self.roll(most + 1)))
    }
}

const NAMES: &[&str] = &[
    "VI_1",
    "web front",
    "a#b",
    "x!",
    "{y}",
    "ümläut",
    "db",
    "back\\slash",
];
const WORDS: &[&str] = &[
    "/bin/true",
    "-0",
    "haproxy",
    "",
    "a b",
    "it's",
    "\"q\"",
    "$A",
    "<x",
    "#",
    "!",
    "{",
    "}",
    "\\",
    "\t",
    "é",
    "~SEQ(a,1,2)",
];

fn command(dice: &mut Dice) -> CommandPlan {
    let mut argv = vec![
        dice.pick(&["/usr/bin/check", "killall", "<odd", "/opt/a b/run"])
            .to_owned(),
    ];
    for _ in 0..dice.roll(4) {
        argv.push(dice.pick(WORDS).to_owned());
    }
    let shell = dice.once_in(6);
    if shell {
        argv = vec![
            dice.pick(&["ss -ltn | grep -q :80", "test -e /run/x && exit 1"])
                .to_owned(),
        ];
    }
    CommandPlan {
        argv,
        shell,
        user: dice.once_in(3).then(|| user(dice)),
    }
}

fn user(dice: &mut Dice) -> UserSpec {
    UserSpec {
        user: dice.pick(&["root", "haproxy", "1000"]).to_owned(),
        group: dice
            .once_in(2)
            .then(|| dice.pick(&["adm", "33"]).to_owned()),
    }
}

fn script(name: &str, dice: &mut Dice) -> ScriptPlan {
    let interval = Duration::from_secs(u64::from(1 + dice.roll(60)));
    ScriptPlan {
        name: name.to_owned(),
        command: command(dice),
        interval,
        timeout: if dice.once_in(2) {
            interval
        } else {
            Duration::from_secs(u64::from(1 + dice.roll(90)))
        },
        rise: 1 + dice.roll(5),
        fall: 1 + dice.roll(5),
        weight: weight(dice),
        reverse: dice.once_in(4),
        init_fail: dice.once_in(4),
    }
}

fn weight(dice: &mut Dice) -> i16 {
    if dice.once_in(3) {
        0
    } else {
        i16::try_from(dice.roll(507)).unwrap() - 253
    }
}

fn vip(family: Family, number: u8, dice: &mut Dice) -> VipPlan {
    let address = match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::new(192, 0, 2, number)),
        Family::V6 if number == 1 => IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1)),
        Family::V6 => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number.into())),
    };
    let longest = if family == Family::V4 { 32 } else { 128 };
    let prefix = if dice.once_in(2) {
        longest
    } else {
        dice.byte(u32::from(longest) + 1)
    };
    let mut vip = VipPlan::plain(address, Some(prefix));
    if dice.once_in(4) {
        vip.interface = Some(dice.pick(&["eth1", "bond0.7"]).to_owned());
    }
    if family == Family::V4 && dice.once_in(5) {
        vip.broadcast = Some(Ipv4Addr::new(192, 0, 2, 255));
        vip.label = Some("eth0:1".to_owned());
    }
    if dice.once_in(5) {
        vip.scope = dice.pick(&[0, 200, 253, 254, 255, 17]);
    }
    if family == Family::V4 && dice.once_in(6) {
        vip.peer = Some((Ipv4Addr::new(203, 0, 113, 1).into(), 24));
    }
    if family == Family::V6 && dice.once_in(4) {
        vip.preferred_lifetime = dice.pick(&[0, 300, u32::MAX]);
    }
    vip.dad = dice.once_in(6);
    vip.home = dice.once_in(9);
    vip.manage_temporary = dice.once_in(9);
    vip.autojoin = dice.once_in(9);
    vip.no_prefix_route = dice.once_in(6);
    vip.track = !dice.once_in(6);
    vip
}

fn notify(in_group: bool, dice: &mut Dice) -> NotifyPlan {
    let some = |allowed: bool, dice: &mut Dice| (allowed && dice.once_in(4)).then(|| command(dice));
    NotifyPlan {
        master: some(true, dice),
        backup: some(true, dice),
        fault: some(true, dice),
        stop: some(true, dice),
        deleted: some(!in_group, dice),
        any: some(true, dice),
        lower_heard: some(!in_group, dice),
        priority_changes: dice.once_in(4),
    }
}

fn announce(gaps: (Duration, Duration), profile: Profile, dice: &mut Dice) -> AnnouncePlan {
    let keepalived = profile == Profile::Keepalived;
    AnnouncePlan {
        delay: dice.seconds(20),
        repeat: 1 + dice.roll(9),
        refresh: dice.seconds(100),
        refresh_repeat: 1 + dice.roll(4),
        lower_delay: dice.seconds(20),
        lower_repeat: dice.roll(9),
        arp_interval: gaps.0,
        na_interval: gaps.1,
        arp_target_broadcast: keepalived || dice.once_in(2),
        na_router_flag: !keepalived && dice.once_in(2),
    }
}

fn transport(
    family: Family,
    profile: Profile,
    dice: &mut Dice,
) -> (Transport, Option<IpAddr>, bool) {
    let host = |number: u8| match family {
        Family::V4 => IpAddr::from([198, 51, 100, number]),
        Family::V6 => IpAddr::from([0xfe80, 0, 0, 0, 0, 0, 0, 0x100 + u16::from(number)]),
    };
    let source = dice.once_in(2).then(|| host(1));
    if dice.once_in(2) {
        let usual = match family {
            Family::V4 => IpAddr::from([224, 0, 0, 18]),
            Family::V6 => IpAddr::from([0xff02, 0, 0, 0, 0, 0, 0, 0x12]),
        };
        let other = match family {
            Family::V4 => IpAddr::from([224, 0, 0, 50]),
            Family::V6 => IpAddr::from([0xff02, 0, 0, 0, 0, 0, 0, 0x50]),
        };
        let group = if dice.once_in(3) { other } else { usual };
        let tracked = source.is_some() && dice.once_in(2);
        return (Transport::Multicast { group }, source, tracked);
    }
    let limits = dice.once_in(3);
    let peers: Vec<PeerPlan> = (2..3 + dice.byte(3))
        .map(|number| PeerPlan {
            address: host(number),
            min_ttl: if limits {
                dice.byte(200)
            } else if profile == Profile::Rfc9568 {
                255
            } else {
                0
            },
            max_ttl: if limits { 200 + dice.byte(56) } else { 255 },
        })
        .collect();
    // Limits of a TTL are judged by source, so keepalived checks sources with them.
    let limited = peers
        .iter()
        .any(|peer| peer.min_ttl != 0 || peer.max_ttl != 255);
    let transport = Transport::Unicast {
        peers,
        ttl: 1 + dice.byte(255),
        check_source: limited || dice.once_in(3),
        fault_without_peer: dice.once_in(5),
    };
    (transport, source, source.is_some())
}

/// A router whose settings do not contradict each other.
#[expect(clippy::too_many_lines, reason = "every field of a router, in order")]
fn router(
    (number, plan): (u8, &Plan),
    gaps: (Duration, Duration),
    grouped: bool,
    dice: &mut Dice,
) -> RouterPlan {
    let profile = plan.global.profile;
    let keepalived = profile == Profile::Keepalived;
    let family = if dice.once_in(3) {
        Family::V6
    } else {
        Family::V4
    };
    let version = if family == Family::V6 || dice.once_in(2) {
        Version::V3
    } else {
        Version::V2
    };
    let owner = dice.once_in(8);
    let priority = if owner {
        Priority::OWNER
    } else {
        Priority::new(1 + dice.byte(254)).unwrap()
    };
    let auth = match (version, dice.roll(3)) {
        (Version::V2, 1) => AuthPlan::Pass(*b"a b#c\0\0\0"),
        (Version::V2, 2) => AuthPlan::Ah(*b"12345678"),
        _ => AuthPlan::None,
    };
    let wanted_master = owner || (!matches!(auth, AuthPlan::Ah(_)) && dice.once_in(3));
    let preempt = wanted_master || dice.once_in(2);
    let preempt_delay = if !wanted_master && preempt {
        dice.micros(9_000_000)
    } else {
        Duration::ZERO
    };
    let interval = match version {
        Version::V2 => AdvertInterval::from_centis(100 * (1 + u16::from(dice.byte(255)))),
        Version::V3 => AdvertInterval::from_centis(u16::try_from(1 + dice.roll(4095)).unwrap()),
    };
    let (transport, source, track_source) = transport(family, profile, dice);
    let count = if keepalived && version == Version::V2 && dice.once_in(8) {
        0
    } else {
        1 + dice.byte(4)
    };
    let idle = owner || grouped;
    let tracks = |names: &[&str], dice: &mut Dice| -> Vec<TrackPlan> {
        let mut tracks = Vec::new();
        for name in names {
            if dice.once_in(2) {
                let weight = if idle { 0 } else { weight(dice) };
                tracks.push(TrackPlan {
                    name: (*name).to_owned(),
                    weight,
                    reverse: dice.once_in(4),
                });
            }
        }
        tracks
    };
    let names: Vec<&str> = plan
        .scripts
        .iter()
        .map(|script| script.name.as_str())
        .collect();
    RouterPlan {
        name: format!("{} {number}", dice.pick(NAMES)),
        interface: "eth0".to_owned(),
        vrid: Vrid::new(number).unwrap(),
        family,
        version,
        interoperate: !keepalived
            && version == Version::V3
            && family == Family::V4
            && dice.once_in(4),
        wanted_master,
        priority,
        interval: interval.unwrap(),
        preempt,
        preempt_delay,
        down_adverts: 1 + dice.byte(100),
        answer_lower: dice.once_in(2),
        advert_before_yield: dice.once_in(3),
        auth,
        transport,
        source,
        track_source: if keepalived {
            track_source
        } else {
            source.is_some() && dice.once_in(2)
        },
        addresses: (1..=count)
            .map(|number| vip(family, number, dice))
            .collect(),
        excluded: (0..dice.byte(3))
            .map(|number| {
                let family = if dice.once_in(2) {
                    Family::V4
                } else {
                    Family::V6
                };
                vip(family, 100 + number, dice)
            })
            .collect(),
        check_addresses: !dice.once_in(4),
        checksum_send: if dice.once_in(2) {
            ChecksumForm::Message
        } else {
            ChecksumForm::PseudoHeader
        },
        checksum_accept: if !keepalived && dice.once_in(3) {
            ChecksumAccept::Only(ChecksumForm::Message)
        } else {
            ChecksumAccept::Both
        },
        require_link_local_first: !keepalived && dice.once_in(2),
        require_link_local_source: !keepalived && dice.once_in(2),
        owner_discards_v2: !keepalived && dice.once_in(2),
        announce: announce(gaps, profile, dice),
        dont_track_primary: dice.once_in(4),
        track_interfaces: tracks(&["eth1", "eth2"], dice),
        track_scripts: tracks(&names, dice),
        notify: notify(false, dice),
        smtp_alert: dice.once_in(4),
        restore_addresses: dice.pick(&[
            RestoreAddresses::On,
            RestoreAddresses::Bounce,
            RestoreAddresses::Off,
        ]),
    }
}

/// What a file of the profile's language can say of the whole.
fn generated_global(profile: Profile, dice: &mut Dice) -> Global {
    let keepalived = profile == Profile::Keepalived;
    Global {
        profile,
        router_id: dice.once_in(2).then(|| dice.pick(NAMES).to_owned()),
        mail: MailPlan {
            to: (0..dice.roll(3))
                .map(|number| format!("admin{number}@example.org"))
                .collect(),
            from: dice.once_in(3).then(|| "lb@example.org".to_owned()),
            server: dice.once_in(3).then(|| "192.0.2.25 587".to_owned()),
            timeout: dice.once_in(3).then(|| Duration::from_secs(30)),
            helo: dice.once_in(3).then(|| "lb.example.org".to_owned()),
            no_faults: dice.once_in(3),
        },
        script_user: dice.once_in(3).then(|| user(dice)),
        script_security: dice.once_in(2),
        dynamic_interfaces: dice.once_in(2),
        startup_delay: if dice.once_in(3) {
            Duration::from_micros(1_500_000)
        } else {
            Duration::ZERO
        },
        log_unknown_vrids: dice.once_in(3),
        probe: !dice.once_in(3),
        realtime: dice.pick(&[Realtime::Off, Realtime::Fifo(1), Realtime::Fifo(50)]),
        ring_bytes: (!keepalived && dice.once_in(2)).then_some(16 << 20),
        journal: if keepalived || dice.once_in(2) {
            JournalPlan::default()
        } else {
            JournalPlan {
                bytes: 50_000_000,
                age: Duration::from_secs(7 * 86_400),
                free_percent: 5,
            }
        },
        fast_fail: (!keepalived && dice.once_in(2)).then(|| FastFail {
            peer_priority: dice.once_in(2).then_some(Priority::DEFAULT),
        }),
        metrics: (!keepalived && dice.once_in(2)).then(|| ([127, 0, 0, 1], 9650).into()),
        dump: DumpPlan {
            data: dice.once_in(4).then(|| "/run/dumps/".to_owned()),
            stats: dice.once_in(4).then(|| "/run/my stats".to_owned()),
            json: dice.once_in(4).then(|| "/run/state.json".to_owned()),
            json_version: if dice.once_in(3) { 2 } else { 1 },
        },
        fifos: (0..dice.roll(3))
            .map(|number| FifoPlan {
                path: format!("/run/events {number}"),
                owner: dice.once_in(2).then(|| user(dice)),
                script: dice.once_in(2).then(|| command(dice)),
            })
            .collect(),
        fifo_states_on_reload: dice.once_in(3),
    }
}

/// A plan that a file of the profile's language can make.
fn generated(seed: u64, profile: Profile) -> Plan {
    let dice = &mut Dice::new(seed);
    let mut plan = Plan {
        global: generated_global(profile, dice),
        scripts: Vec::new(),
        routers: Vec::new(),
        groups: Vec::new(),
    };
    for name in ["chk", "chk two", "x#"].iter().take(dice.roll(4) as usize) {
        plan.scripts.push(script(name, dice));
    }
    let gaps = if dice.once_in(3) {
        (dice.micros(900_000), dice.micros(900_000))
    } else {
        Default::default()
    };
    let grouped = dice.once_in(2);
    for number in 1..3 + dice.byte(3) {
        let router = router((number, &plan), gaps, grouped, dice);
        plan.routers.push(router);
    }
    if grouped {
        // What an owner's group tracks has no weight.
        let owned = plan.routers.iter().any(|router| router.priority.is_owner());
        let group = GroupPlan {
            name: "all of them".to_owned(),
            members: plan
                .routers
                .iter()
                .map(|router| router.name.clone())
                .collect(),
            track_scripts: plan
                .scripts
                .iter()
                .map(|script| TrackPlan {
                    name: script.name.clone(),
                    weight: if owned { 0 } else { weight(dice) },
                    reverse: dice.once_in(3),
                })
                .collect(),
            track_interfaces: vec![TrackPlan {
                name: "eth9".to_owned(),
                weight: if owned { 0 } else { 5 },
                reverse: false,
            }],
            tracking_weight: dice.once_in(2),
            notify: notify(true, dice),
            smtp_alert: dice.once_in(2),
        };
        plan.groups.push(group);
    }
    plan
}

fn comes_back(plan: &Plan, language: Language) -> Result<(), TestCaseError> {
    let written = write(plan, language);
    prop_assert_eq!(&written.lost, &Vec::<String>::new(), "{}", written.text);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// `write` reads its own text and compares: nothing lost is the same plan.
    #[test]
    fn a_plan_of_keepalived_s_language_comes_back_from_both(seed: u64) {
        let plan = generated(seed, Profile::Keepalived);
        comes_back(&plan, Language::Keepalived)?;
        comes_back(&plan, Language::Toml)?;
    }

    #[test]
    fn a_plan_of_the_rfc_profile_comes_back_from_toml(seed: u64) {
        comes_back(&generated(seed, Profile::Rfc9568), Language::Toml)?;
    }
}

#[test]
fn published_configurations_come_back_from_both_languages() {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let corpus = std::env::var_os("VRRP_CORPUS").map_or(beside, PathBuf::from);
    let Ok(index) = std::fs::read_to_string(corpus.join("corpus.jsonl")) else {
        println!("NOT RUN: there is no corpus in ../shared/corpus or VRRP_CORPUS");
        return;
    };
    let mut wrong = Vec::new();
    let mut written = 0;
    for (number, line) in index.lines().enumerate() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let names: Vec<&str> = row["interfaces"]
            .as_object()
            .map(|map| map.keys().map(String::as_str).collect())
            .unwrap_or_default();
        let path = corpus.join(row["file"].as_str().unwrap());
        let Some(plan) = load_file(&path, &Host::with_interfaces(&names)).plan else {
            continue;
        };
        for language in [Language::Keepalived, Language::Toml] {
            let lost = write(&plan, language).lost;
            if !lost.is_empty() {
                wrong.push(format!("{number} in {language:?}: {lost:?}"));
            }
            written += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(written > 80, "only {written} were written");
}
