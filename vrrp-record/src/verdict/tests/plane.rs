//! The address plane, health inputs that no namespace gives, and pauses of a machine that stop its clock.

use super::scene::*;
use crate::cause::Cause;
use crate::event::{InterfaceChange, Kind, Remover, TrackerKind, TrackerState};
use crate::history::{History, NO_ANSWER, ProbeTarget, Received, Sample, Sequence, Time, Unit};
use crate::text::Name;
use crate::verdict::{Code, Verdict};
use crate::words::Word;

const VIP: [u8; 4] = [10, 0, 0, 100];
const STRANGER: u64 = 0x0200_0000_0007;

fn level(node: &mut History, unit: Unit, object: u32, values: &[(Time, u64)]) {
    for (when, value) in values {
        node.samples.push(Sample {
            at: *when,
            unit,
            object,
            value: *value,
        });
    }
    node.samples.sort_by_key(|sample| sample.at);
}

/// The only verdict that is not about a state of the router.
fn told(node: &History) -> Vec<Verdict> {
    judged(node, None)
}

fn codes(node: &History) -> Vec<Code> {
    told(node).iter().flat_map(Verdict::codes).collect()
}

fn announced(frames: u32) -> Kind {
    Kind::Announced {
        router: Name::new("vi_1"),
        frames,
        refused: 0,
        took_ms: 2,
    }
}

/// lb1 gives way to somebody whose adverts carry these addresses.
fn gives_way(to: Option<[u8; 4]>) -> Verdict {
    let mut node = master(120);
    let from = address([10, 0, 0, 77]);
    node.received.push(Received {
        from,
        priority: 200,
        foreign: to.map(address),
        sequence: Sequence::Untrusted,
        ..heard(1, 200, at(119).plus(900 * MILLI))
    });
    push_transition(
        &mut node,
        at(119).plus(901 * MILLI),
        (Word::Master, Word::Backup),
        Cause::HigherPriority {
            from,
            priority: 200,
            ours: 101,
        },
    );
    of_transition(&node, None, end())
}

#[test]
fn a_stranger_on_our_vrid_is_told_by_its_addresses_and_a_peer_by_its_priority() {
    let stranger = gives_way(Some([10, 0, 0, 99]));
    assert_eq!(stranger.codes(), [Code::ElectionForeignVrid], "{stranger}");
    assert!(
        stranger
            .summary
            .contains("VRID 51 is used by 10.0.0.77 for 10.0.0.99")
    );
    assert_eq!(gives_way(None).codes(), [Code::ElectionHigherPriority]);
}

#[test]
fn an_address_that_somebody_adds_beside_a_backup_is_told_with_who_did_it() {
    let mut node = backup(120);
    push_event(
        &mut node,
        arrival(110),
        Kind::AddressAdded {
            router: Name::new("vi_1"),
            address: address(VIP),
            by: Remover::Process {
                pid: 812,
                name: Name::new("ip"),
            },
        },
    );
    let verdicts = told(&node);
    assert_eq!(verdicts.len(), 1);
    assert_eq!(verdicts[0].codes(), [Code::AddressLeftBehind]);
    assert!(verdicts[0].summary.contains("ip"), "{}", verdicts[0]);
}

/// A machine announces an address while lb1 is MASTER.
fn claimed(mac: u64, what: [u8; 4]) -> History {
    let mut node = master(120);
    let (begun, over) = (at(110).plus(300 * MILLI), at(112));
    let number = u64::from(u32::from_be_bytes(what));
    level(
        &mut node,
        Unit::Claimant,
        2,
        &[(at(20), 0), (begun, mac), (over, 0)],
    );
    level(
        &mut node,
        Unit::Claimed,
        2,
        &[(at(20), 0), (begun, number), (over, 0)],
    );
    node
}

#[test]
fn another_machine_that_announces_our_address_is_told_with_its_ethernet_address() {
    let node = claimed(STRANGER, VIP);
    let verdicts = told(&node);
    assert_eq!(verdicts.len(), 1);
    assert_eq!(verdicts[0].codes(), [Code::AddressAnsweredElsewhere]);
    let text = &verdicts[0].summary;
    assert!(
        text.contains("10.0.0.100 also answered by 02:00:00:00:00:07"),
        "{text}"
    );
}

#[test]
fn an_announcement_of_another_master_or_of_something_else_is_no_claim() {
    assert_eq!(codes(&claimed(STRANGER, [10, 0, 0, 44])), []);
    assert_eq!(codes(&claimed(0, VIP)), []);
    // Another MASTER announces what it has; why there are two is told with that.
    let mut node = claimed(STRANGER, VIP);
    for number in 1..4 {
        node.received.push(Received {
            from: address(LB2),
            ..heard(number, 100, at(109 + i64::from(number)).plus(500 * MILLI))
        });
    }
    assert!(!codes(&node).contains(&Code::AddressAnsweredElsewhere));
    // Nor is it one while this node is no MASTER.
    let mut node = backup(120);
    level(
        &mut node,
        Unit::Claimant,
        2,
        &[(arrival(20), 0), (arrival(110), STRANGER)],
    );
    assert_eq!(codes(&node), []);
}

/// lb2 takes over and announces with so many frames; its interface sends that many packets meanwhile.
fn announces(frames: u32, sent: u64) -> History {
    let mut node = backup(100);
    let when = takes_over(&mut node, 99);
    level(
        &mut node,
        Unit::InterfaceSent,
        2,
        &[
            (when.plus(-SECOND), 500),
            (when.plus(-20 * MILLI), 500),
            (when.plus(100 * MILLI), 500 + sent),
            (when.plus(5 * SECOND), 500 + sent),
        ],
    );
    push_event(&mut node, when.plus(10 * MILLI), announced(frames));
    node
}

#[test]
fn announcements_that_did_not_leave_are_told_by_what_the_interface_sent() {
    let kept = codes(&announces(5, 2));
    assert!(kept.contains(&Code::AddressAnnounceThrottled), "{kept:?}");
    let left = codes(&announces(5, 6));
    assert!(!left.contains(&Code::AddressAnnounceThrottled), "{left:?}");
    // A queue that dropped as many, on an interface that sends much else.
    let mut node = announces(5, 900);
    bump(&mut node, Unit::QdiscDropped, arrival(99).plus(LIMIT), 5);
    let dropped = codes(&node);
    assert!(
        dropped.contains(&Code::AddressAnnounceThrottled),
        "{dropped:?}"
    );
}

#[test]
fn announcements_that_the_kernel_refused_are_told_by_its_refusals_and_a_late_look_tells_nothing() {
    let mut node = announces(0, 900);
    for event in &mut node.events {
        if let Kind::Announced { refused, .. } = &mut event.event.kind {
            *refused = 40;
        }
    }
    let refused = codes(&node);
    assert!(
        refused.contains(&Code::AddressAnnounceThrottled),
        "{refused:?}"
    );
    // Nobody read the counters after the announcements: what stood still is only old.
    let mut node = announces(5, 6);
    let when = arrival(99).plus(LIMIT);
    node.samples
        .retain(|sample| sample.at < when || sample.at > when.plus(2 * SECOND));
    let late = codes(&node);
    assert!(!late.contains(&Code::AddressAnnounceThrottled), "{late:?}");
}

/// lb2 is MASTER beside lb1 for three seconds, and stays; `after` is when it announces.
fn both_were_master(after: Option<i64>) -> Vec<Code> {
    let mut node = master(130);
    push_event(&mut node, at(1), announced(5));
    for number in 1..5 {
        node.received.push(Received {
            from: address(LB2),
            sequence: Sequence::Untrusted,
            ..heard(number, 100, at(109 + i64::from(number)).plus(500 * MILLI))
        });
    }
    if let Some(after) = after {
        push_event(&mut node, at(113).plus(500 * MILLI + after), announced(5));
    }
    codes(&node)
}

#[test]
fn a_master_that_stays_and_announces_nothing_after_another_one_is_told() {
    let silent = both_were_master(None);
    assert!(silent.contains(&Code::AddressNotReannounced), "{silent:?}");
    let announced = both_were_master(Some(200 * MILLI));
    assert!(
        !announced.contains(&Code::AddressNotReannounced),
        "{announced:?}"
    );
}

#[test]
fn health_inputs_are_told_by_their_own_events() {
    for (kind, code) in [
        (
            Kind::ScriptOverran {
                script: Name::new("chk"),
                took_ms: 3_010,
                interval_ms: 1_000,
            },
            Code::HealthScriptOverlap,
        ),
        (
            Kind::Tracker {
                kind: TrackerKind::Process,
                name: Name::new("haproxy"),
                state: TrackerState::Bad,
                outcome: None,
            },
            Code::HealthProcessGone,
        ),
        (
            Kind::NewsLost {
                took_ms: 38,
                differences: 0,
            },
            Code::HealthNetlinkOverrun,
        ),
    ] {
        let mut node = master(120);
        push_event(&mut node, at(110), kind);
        let verdicts = told(&node);
        assert_eq!(verdicts.len(), 1, "{kind}");
        assert_eq!(verdicts[0].codes(), [code], "{}", verdicts[0]);
    }
}

#[test]
fn an_address_that_went_when_another_program_began_to_speak_tells_of_a_second_daemon() {
    let mut node = master(120);
    push_event(
        &mut node,
        at(110),
        Kind::AddressRemoved {
            router: Name::new("vi_1"),
            address: address(VIP),
            by: Remover::Port { port: 812 },
        },
    );
    assert_eq!(codes(&node), [Code::AddressRemovedByOther]);
    let opened = at(110).plus(400 * MILLI);
    level(
        &mut node,
        Unit::ForeignSockets,
        0,
        &[(at(103), 0), (at(108), 0), (opened, 2)],
    );
    assert_eq!(codes(&node), [Code::OpsSecondDaemon]);
    // One that has been there all the time removed nothing now.
    for sample in &mut node.samples {
        if sample.unit == Unit::ForeignSockets {
            sample.value = 2;
        }
    }
    assert_eq!(codes(&node), [Code::AddressRemovedByOther]);
}

/// Adverts 100 to 103 of lb1 are lost; its probe is answered or not, and other multicast comes or not.
fn lost_beside(multicast: u64, answer: u64) -> Vec<Code> {
    let mut node = backup(100);
    let when = takes_over(&mut node, 99);
    let mut next = heard(105, 101, when.plus(300 * MILLI));
    next.sequence = Sequence::Missing(4);
    node.received.push(next);
    let peer = ProbeTarget {
        interface: 2,
        number: ProbeTarget::FIRST_PEER,
    };
    let mut total = 0;
    for second in 20..110 {
        let stopped = (100..103).contains(&second);
        total += if stopped { multicast } else { 4 };
        level(
            &mut node,
            Unit::MulticastAtInterface,
            2,
            &[(arrival(second), total)],
        );
        let value = if stopped { answer } else { 300_000 };
        level(
            &mut node,
            Unit::ProbeRoundTrip,
            peer.object(),
            &[(arrival(second), value)],
        );
    }
    of_transition(&node, None, end()).codes()
}

#[test]
fn multicast_that_stopped_is_told_where_no_other_came_either_and_the_peer_answered() {
    assert_eq!(lost_beside(0, 300_000), [Code::PathMulticastStopped]);
    // Other multicast came, so adverts alone were dropped; or the peer itself was not there.
    assert_eq!(lost_beside(4, 300_000), [Code::PathLost]);
    assert_eq!(lost_beside(0, NO_ANSWER), [Code::PathLost]);
}

/// The machine of lb1 stands still with its clocks after second 99, for so long; lb2 takes over meanwhile.
fn paused(length: i64) -> (History, History) {
    let lb1 = master(120);
    let mut lb2 = backup(100);
    takes_over(&mut lb2, 99);
    for second in 100..115 {
        lb2.received
            .push(heard(number(second), 101, arrival(second).plus(length)));
    }
    (lb1, lb2)
}

#[test]
fn a_machine_whose_clock_fell_behind_for_good_was_paused() {
    let (lb1, lb2) = paused(3_900 * MILLI);
    let verdict = of_transition(&lb2, Some(&lb1), end());
    assert_eq!(verdict.codes(), [Code::HostPaused], "{verdict}");
    // Alone, the next number tells that none was built, and not why.
    let alone = of_transition(&lb2, None, end());
    assert_eq!(alone.codes(), [Code::Undetermined], "{alone}");
}

#[test]
fn a_pause_after_which_the_interface_came_up_again_was_a_migration() {
    let (mut lb1, lb2) = paused(3_900 * MILLI);
    push_event(
        &mut lb1,
        at(99).plus(800 * MILLI),
        Kind::Interface {
            interface: Name::new("eth0"),
            change: InterfaceChange::Up,
            reason: crate::event::DownReason::Unknown,
            by: Remover::Unknown,
        },
    );
    let verdict = of_transition(&lb2, Some(&lb1), end());
    assert_eq!(verdict.codes(), [Code::HostMigrated], "{verdict}");
}

#[test]
fn adverts_that_were_held_and_later_come_as_before_are_no_pause() {
    let lb1 = master(120);
    let mut lb2 = backup(100);
    let when = takes_over(&mut lb2, 99);
    for late in 100..104 {
        let at = when.plus(22 * MILLI + (late - 100) * 500_000);
        lb2.received.push(heard(number(late), 101, at));
    }
    for second in 104..115 {
        lb2.received
            .push(heard(number(second), 101, arrival(second)));
    }
    let verdict = of_transition(&lb2, Some(&lb1), end());
    assert!(!verdict.codes().contains(&Code::HostPaused), "{verdict}");
}

/// lb2 took over while lb1 stood still: `waited` adverts of it come together, and it gives way or speaks on for so many
/// seconds. The wall clock is set forward by `step` later.
fn set_forward(waited: u16, on: u16, step: i64) -> Vec<Code> {
    let mut node = master(130);
    let back = at(110).plus(300 * MILLI);
    let together = (1..=waited).map(|number| (number, back.plus(i64::from(number) * MILLI)));
    let later = (1..=on).map(|second| (waited + second, back.plus(i64::from(second) * SECOND)));
    for (number, arrived) in together.chain(later) {
        node.received.push(Received {
            from: address(LB2),
            sequence: Sequence::Untrusted,
            ..heard(number, 100, arrived)
        });
    }
    for sample in &mut node.samples {
        if sample.unit == Unit::WallClock && sample.at >= at(115) {
            sample.value = sample.value.wrapping_add_signed(step);
        }
    }
    codes(&node)
}

#[test]
fn a_wall_clock_set_forward_by_the_length_of_a_pause_tells_of_it() {
    for (waited, step) in [(1, 3_900), (2, 4_200), (6, 9_000)] {
        let set = set_forward(waited, 0, step * MILLI);
        assert!(set.contains(&Code::HostPaused), "{waited} {step}: {set:?}");
    }
}

#[test]
fn a_wall_clock_set_by_anything_else_tells_of_no_pause() {
    for (waited, on, step) in [
        // Shorter than the other's patience: that did not hide a takeover.
        (1, 0, 400),
        // Longer than it takes to take over and send one advert.
        (1, 0, 9_000),
        (1, 0, 3_600_000),
        // Shorter than it takes to send so many.
        (6, 0, 3_900),
        (1, 0, -3_900),
        // It goes on beside adverts that leave on time: it does not hear them.
        (1, 3, 3_900),
    ] {
        let set = set_forward(waited, on, step * MILLI);
        assert!(
            set.contains(&Code::OpsClockStep),
            "{waited} {on} {step}: {set:?}"
        );
        assert!(
            !set.contains(&Code::HostPaused),
            "{waited} {on} {step}: {set:?}"
        );
    }
}
