//! What requirements ask of packets on a real link: interfaces told apart, both versions at once, authentication, the
//! shortest interval.

use vrrp_config::plan::AuthPlan;
use vrrp_proto::units::{AdvertInterval, Version};
use vrrp_proto::wire::Discard;

use super::host::{Other, in_namespace, ip};
use super::plans::plan;
use super::running::{Running, end_threads};
use super::{Plan, State, StopKind};

fn changed(mut plan: Plan, change: impl Fn(&mut vrrp_config::plan::RouterPlan)) -> Plan {
    change(&mut plan.routers[0]);
    plan
}

/// two routers with one VRID on two interfaces; only the one on whose link the adverts are hears them.
#[test]
fn adverts_reach_the_router_of_their_own_interface_only() {
    in_namespace(|| {
        let other = Other::join();
        let mut high = Running::start(&plan("va", 200, 10), end_threads());
        let mut two = other.run(|| {
            ip("link add vc type veth peer name vd");
            ip("link set vd up");
            ip("addr add 10.8.0.2/24 dev vc");
            ip("link set vc up");
            let mut both = plan("vb", 100, 10);
            let mut second = plan("vc", 100, 10).routers.remove(0);
            second.name = "VI_2".to_owned();
            both.routers.push(second);
            Running::start(&both, end_threads())
        });
        high.wait_for_state(State::Active);
        two.wait_until("hears ten", |router| router.received.accepted >= 10);
        two.wait_for_state(State::Active);
        let routers = two.core.snapshot().routers;
        assert_eq!(routers[0].router.state, State::Backup);
        assert_eq!(routers[1].router.state, State::Active);
        assert_eq!(routers[1].received.accepted, 0);
        assert_eq!(routers[1].received.discards.iter().sum::<u64>(), 0);
        high.stop(StopKind::Immediate);
        two.stop(StopKind::Immediate);
    });
}

/// I-04, I-01: an interoperating Active sends both versions at its sub-second rate, and version 2 says one second. I-02:
/// the router that speaks version 2 alone discards the other half and nothing else.
#[test]
fn interoperating_active_sends_both_versions_below_a_second() {
    in_namespace(|| {
        let other = Other::join();
        let both = changed(plan("va", 200, 50), |router| router.interoperate = true);
        let mut high = Running::start(&both, end_threads());
        let second = AdvertInterval::DEFAULT.as_centis();
        let mut low = other.run(move || {
            let old = changed(plan("vb", 100, second), |router| {
                router.version = Version::V2
            });
            Running::start(&old, end_threads())
        });
        high.wait_for_state(State::Active);
        let heard = low.wait_until("hears eight", |router| router.received.accepted >= 8);
        let peer = heard.router.peer.unwrap();
        assert_eq!(
            (peer.interval, peer.priority.as_u8()),
            (AdvertInterval::DEFAULT, 200)
        );
        assert_eq!(heard.router.state, State::Backup);
        let discards = &heard.received.discards;
        assert!(discards[Discard::Version.index()] >= 7, "{discards:?}");
        assert_eq!(
            discards.iter().sum::<u64>(),
            discards[Discard::Version.index()]
        );
        let sent = high.router().adverts;
        assert!(
            heard.received.accepted <= sent.built,
            "one version 2 advert for each due: {sent:?}"
        );
        high.stop(StopKind::Immediate);
        low.wait_for_state(State::Active);
        low.stop(StopKind::Immediate);
    });
}

/// U-03, U-05, U-08 between two engines: adverts are accepted, a takeover and a return go through with AH's sequence, and
/// a wrong secret is discarded as such.
///
/// States are waited for, not reports of transitions: on a machine that stops for seconds the lower one leads for a moment
/// too, and its report of that would be taken for the takeover. Two leaders that meet may have used one AH number, which
/// is no wrong secret.
fn authenticated(auth: AuthPlan, wrong: AuthPlan) {
    in_namespace(move || {
        let other = Other::join();
        let make = move |interface: &str, priority: u8, auth: AuthPlan| {
            changed(plan(interface, priority, 100), |router| {
                router.version = Version::V2;
                router.auth = auth;
            })
        };
        let mut high = Running::start(&make("va", 250, auth), end_threads());
        let mut low = other.run(move || Running::start(&make("vb", 100, auth), end_threads()));
        high.reaches(State::Active);
        let heard = low.wait_until("hears three", |router| {
            router.received.accepted >= 3 && router.router.state == State::Backup
        });
        let discards = heard.received.discards;
        let replays = discards[Discard::AuthReplay.index()];
        assert_eq!(discards.iter().sum::<u64>(), replays, "{discards:?}");
        high.stop(StopKind::Immediate);
        low.reaches(State::Active);
        let mut again = Running::start(&make("va", 250, auth), end_threads());
        again.reaches(State::Active);
        low.reaches(State::Backup);
        again.stop(StopKind::Immediate);
        low.reaches(State::Active);

        let mut stranger = Running::start(&make("va", 250, wrong), end_threads());
        let refused = stranger.wait_until("refuses", |router| {
            router.received.discards[Discard::AuthFailed.index()] >= 2
        });
        assert_eq!(refused.received.accepted, 0);
        stranger.stop(StopKind::Immediate);
        low.stop(StopKind::Immediate);
    });
}

#[test]
fn password_is_accepted_over_takeover_and_return_and_a_wrong_one_refused() {
    authenticated(
        AuthPlan::Pass(*b"secret\0\0"),
        AuthPlan::Pass(*b"Secret\0\0"),
    );
}

#[test]
fn ah_is_accepted_over_takeover_and_return_and_a_wrong_key_refused() {
    authenticated(AuthPlan::Ah(*b"secret\0\0"), AuthPlan::Ah(*b"Secret\0\0"));
}

/// T-18, T-14 against the real clock: due times are whole centiseconds apart, and adverts are built for most of them even
/// on a busy machine.
#[test]
fn interval_of_one_centisecond_keeps_its_grid() {
    in_namespace(|| {
        let _other = Other::join();
        let mut router = Running::start(&plan("va", 200, 1), end_threads());
        router.wait_for_state(State::Active);
        let first = router.wait_until("begins", |router| router.adverts.built >= 10);
        let last = router.wait_until("goes on", |router| router.adverts.built >= 310);
        let passed = last
            .last_advert
            .unwrap()
            .due
            .saturating_since(first.last_advert.unwrap().due);
        let built = last.adverts.built - first.adverts.built;
        let skipped = last.router.counters.skipped - first.router.counters.skipped;
        assert_eq!(passed.as_nanos(), u128::from(built + skipped) * 10_000_000);
        assert!(
            skipped < built / 2,
            "{skipped} of {} were passed over",
            built + skipped
        );
        router.stop(StopKind::Immediate);
    });
}
