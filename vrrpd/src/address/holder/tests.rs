use vrrp_config::plan::RestoreAddresses;
use vrrp_proto::units::Family;

use super::super::tests::bench::{ETH0, router};
use super::*;

const NOW: Instant = Instant::ZERO;

fn holder(addresses: &[&str]) -> Holder {
    Holder::new(router(7, addresses))
}

/// Everything that is asked for now, answered with success on interface 3.
fn settle(holder: &mut Holder, now: Instant) -> Vec<(usize, Step)> {
    let mut steps = Vec::new();
    for place in 0..holder.entries.len() {
        while let Some(step) = holder.step(place, now, true) {
            steps.push((place, step));
            assert!(steps.len() < 100, "a step that is never done: {step:?}");
            holder.answered(now, place, step, 3, None);
        }
    }
    steps
}

fn active(addresses: &[&str]) -> Holder {
    let mut holder = holder(addresses);
    holder.add();
    settle(&mut holder, NOW);
    holder
}

fn seen(address: &str, prefix: u8) -> AddressSeen {
    let local = address.parse().unwrap();
    AddressSeen {
        index: 3,
        local,
        peer: local,
        prefix,
        flags: 0x80,
        origin: None,
    }
}

fn facts(
    holder: &mut Holder,
    now: Instant,
    gone: &AddressSeen,
    by_kernel: bool,
    up: bool,
) -> Vec<Fact> {
    let mut facts = Vec::new();
    holder.gone(now, gone, by_kernel, up, &mut |_, fact| facts.push(fact));
    facts
}

#[test]
fn nothing_is_asked_for_before_the_engine_says_so_and_everything_once_after() {
    let mut holder = holder(&["10.0.0.1", "10.0.0.2"]);
    assert_eq!(settle(&mut holder, NOW), []);
    holder.add();
    assert_eq!(settle(&mut holder, NOW), [(0, Step::Add), (1, Step::Add)]);
    assert_eq!(settle(&mut holder, NOW), []);
    holder.remove();
    assert_eq!(
        settle(&mut holder, NOW),
        [(0, Step::Remove(3)), (1, Step::Remove(3))]
    );
    assert_eq!(
        holder.state(&|_| true),
        AddressState {
            present: 0,
            wanted: 0,
            errno: None
        }
    );
}

#[test]
fn an_interface_that_is_not_there_is_waited_for_and_is_the_reason() {
    let mut holder = holder(&["10.0.0.1"]);
    holder.add();
    assert_eq!(holder.step(0, NOW, false), None);
    let state = holder.state(&|_| false);
    assert_eq!(
        (state.present, state.wanted, state.errno),
        (0, 1, Some(libc::ENODEV))
    );
    holder.link_back(ETH0);
    assert_eq!(holder.step(0, NOW, true), Some(Step::Add));
}

/// Rule 5 needs the errno; a refusal that cannot pass is not repeated until the engine or the link gives a reason.
#[test]
fn a_refusal_is_news_once_and_repeated_only_if_it_may_pass() {
    let mut holder = holder(&["10.0.0.1"]);
    holder.add();
    let fact = holder.answered(NOW, 0, Step::Add, 3, Some(libc::EINVAL));
    assert_eq!(fact, Some(Fact::Refused(libc::EINVAL)));
    let much_later = NOW.saturating_add(Duration::from_secs(3600));
    assert_eq!(holder.step(0, much_later, true), None);
    assert_eq!(holder.next_retry(), None);
    holder.link_back(ETH0);
    assert_eq!(holder.step(0, NOW, true), Some(Step::Add));
    let fact = holder.answered(NOW, 0, Step::Add, 3, Some(libc::ENOBUFS));
    assert_eq!(fact, Some(Fact::Refused(libc::ENOBUFS)));
    assert_eq!(holder.step(0, NOW, true), None);
    let again = holder.next_retry().unwrap();
    assert_eq!(holder.step(0, again, true), Some(Step::Add));
    assert_eq!(
        holder.answered(again, 0, Step::Add, 3, Some(libc::ENOBUFS)),
        None
    );
}

#[test]
fn a_removal_that_is_refused_is_repeated_and_one_of_nothing_is_done() {
    let mut holder = active(&["10.0.0.1", "10.0.0.2"]);
    holder.remove();
    let fact = holder.answered(NOW, 0, Step::Remove(3), 3, Some(libc::EPERM));
    assert_eq!(fact, Some(Fact::Refused(libc::EPERM)));
    assert_eq!(holder.step(0, NOW, true), None);
    let again = holder.next_retry().unwrap();
    assert_eq!(holder.step(0, again, true), Some(Step::Remove(3)));
    assert_eq!(
        holder.answered(NOW, 1, Step::Remove(3), 3, Some(libc::EADDRNOTAVAIL)),
        None
    );
    assert_eq!(holder.state(&|_| true).present, 1);
}

/// Safety rule 6.
#[test]
fn what_somebody_removed_is_put_back_after_its_delay() {
    let mut holder = active(&["10.0.0.1"]);
    let gone = seen("10.0.0.1", 32);
    assert_eq!(facts(&mut holder, NOW, &gone, false, true), [Fact::Removed]);
    assert_eq!(holder.step(0, NOW, true), Some(Step::Add));
    let fact = holder.answered(NOW, 0, Step::Add, 3, None);
    assert_eq!(fact, Some(Fact::Restored));
    assert_eq!(facts(&mut holder, NOW, &gone, false, true), [Fact::Removed]);
    assert_eq!(holder.step(0, NOW, true), None, "the second time waits");
    let again = holder.next_retry().unwrap();
    assert_eq!(holder.step(0, again, true), Some(Step::Add));
}

#[test]
fn several_addresses_that_cannot_be_kept_bounce_the_router_once() {
    let mut setup = router(7, &["10.0.0.1", "10.0.0.1/24"]);
    setup.restore = RestoreAddresses::Bounce;
    let mut holder = Holder::new(setup);
    holder.add();
    settle(&mut holder, NOW);
    let all = facts(&mut holder, NOW, &seen("10.0.0.1", 32), false, true);
    assert_eq!(all, [Fact::Removed, Fact::Lost]);
    assert!(holder.untold.lost);
    assert_eq!(
        holder.state(&|_| true).present,
        1,
        "another prefix is another address"
    );
}

#[test]
fn removals_of_the_kernel_with_the_link_are_no_fight() {
    let mut holder = active(&["2001:db8::1"]);
    assert_eq!(
        facts(&mut holder, NOW, &seen("2001:db8::1", 128), true, false),
        []
    );
    assert_eq!(holder.step(0, NOW, true), None, "the link is down");
    holder.link_back(ETH0);
    assert_eq!(holder.step(0, NOW, true), Some(Step::Add));
    // With the link up it is one, whoever's name the kernel acts in.
    holder.answered(NOW, 0, Step::Add, 3, None);
    assert_eq!(
        facts(&mut holder, NOW, &seen("2001:db8::1", 128), true, true),
        [Fact::Removed]
    );
}

#[test]
fn a_deleted_interface_takes_its_addresses_along_without_a_fight() {
    let mut holder = active(&["10.0.0.1"]);
    holder.untold = Untold::default();
    holder.link_gone(ETH0, 3);
    assert!(holder.untold.addresses);
    assert_eq!(holder.step(0, NOW, false), None);
    assert_eq!(holder.step(0, NOW, true), Some(Step::Add));
}

/// Safety rule 2.
#[test]
fn a_hold_gives_up_each_address_to_its_successor_and_then_says_so() {
    let mut holder = active(&["10.0.0.1", "10.0.0.2"]);
    holder.announce(NOW, AnnounceReason::BecameActive);
    assert!(holder.announcer.next_deadline().is_some());
    holder.hold();
    assert_eq!(
        holder.announcer.next_deadline(),
        None,
        "no announcement during a hold"
    );
    holder.announce(NOW, AnnounceReason::OtherActive);
    assert_eq!(holder.announcer.next_deadline(), None);
    assert_eq!(settle(&mut holder, NOW), []);
    holder.released(9, "10.0.0.1".parse().unwrap());
    assert_eq!(settle(&mut holder, NOW), [], "heard on another interface");
    holder.released(3, "10.0.0.1".parse().unwrap());
    assert_eq!(settle(&mut holder, NOW), [(0, Step::Remove(3))]);
    assert!(!holder.untold.successor);
    holder.released(3, "10.0.0.2".parse().unwrap());
    assert_eq!(settle(&mut holder, NOW), [(1, Step::Remove(3))]);
    assert!(holder.untold.successor);
}

#[test]
fn a_hold_of_a_router_that_is_not_active_is_nothing() {
    let mut holder = holder(&["10.0.0.1"]);
    holder.hold();
    assert_eq!(holder.mode, Mode::Idle);
    holder.announce(NOW, AnnounceReason::BecameActive);
    assert_eq!(holder.announcer.next_deadline(), None);
}

/// the kernel joins the group on the side; its news end the wait, or the time does.
#[test]
fn an_ipv6_address_counts_when_its_group_is_joined() {
    let mut holder = active(&["2001:db8::1"]);
    assert!(holder.is_joining(NOW));
    holder.joined(&seen("2001:db8::1", 128));
    assert!(!holder.is_joining(NOW));
    let holder = active(&["2001:db8::1"]);
    assert!(holder.is_joining(NOW));
    let end = holder.next_retry().unwrap();
    assert!(!holder.is_joining(end));
    assert!(!active(&["10.0.0.1"]).is_joining(NOW));
}

#[test]
fn a_new_plan_keeps_what_both_have_and_leaves_the_rest_to_be_removed() {
    let mut old = active(&["10.0.0.1", "10.0.0.2"]);
    let mut new = Holder::new(router(7, &["10.0.0.2", "10.0.0.3"]));
    new.adopt(NOW, &mut old);
    assert_eq!(new.setup.id.family, Family::V4);
    assert_eq!(settle(&mut new, NOW), [(1, Step::Add)]);
    old.mode = Mode::Idle;
    old.retire();
    assert!(!old.is_empty());
    assert_eq!(settle(&mut old, NOW), [(0, Step::Remove(3))]);
    assert!(old.is_empty());
}

#[test]
fn bursts_that_meet_are_sent_as_the_longer_one() {
    let mut burst = Burst::default();
    burst.extend(2);
    burst.advance(3);
    burst.extend(5);
    assert_eq!((burst.rounds, burst.next), (5, 1));
    burst.extend(1);
    for _ in 0..14 {
        burst.advance(3);
    }
    assert_eq!(burst, Burst::default());
}
