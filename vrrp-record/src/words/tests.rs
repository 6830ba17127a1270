use std::net::IpAddr;

use super::*;
use crate::text::Name;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn states_become_keepalived_words() {
    assert_eq!(word(State::Active, FaultSet::NONE), Word::Master);
    assert_eq!(word(State::Backup, FaultSet::NONE), Word::Backup);
    assert_eq!(word(State::Initialize, FaultSet::NONE), Word::Init);
    assert_eq!(
        word(State::Initialize, FaultSet::INTERFACE_DOWN),
        Word::Fault
    );
}

#[test]
fn a_releasing_router_is_master_until_its_addresses_are_gone() {
    assert_eq!(word(State::Releasing, FaultSet::NONE), Word::Master);
    assert_eq!(word(State::Releasing, FaultSet::TRACKER), Word::Master);
}

#[test]
fn waiting_for_the_first_script_result_is_no_fault_yet() {
    assert_eq!(
        word(State::Initialize, FaultSet::TRACKER_PENDING),
        Word::Init
    );
    assert_eq!(
        word(
            State::Initialize,
            FaultSet::TRACKER_PENDING.with(FaultSet::NO_SOURCE, true)
        ),
        Word::Fault
    );
}

#[test]
fn people_may_type_either_vocabulary_in_any_case() {
    for (text, word) in [
        ("MASTER", Word::Master),
        ("Active", Word::Master),
        ("backup", Word::Backup),
        ("FAULT", Word::Fault),
        ("Initialize", Word::Init),
    ] {
        assert_eq!(Word::parse(text), Some(word), "{text}");
    }
    assert_eq!(Word::parse("primary"), None);
}

#[test]
fn every_fault_has_a_code_that_reads_back() {
    let all = FAULTS
        .iter()
        .fold(FaultSet::NONE, |set, (fault, _)| set.with(*fault, true));
    let json = serde_json::to_string(&Faults(all)).unwrap();
    assert_eq!(serde_json::from_str::<Faults>(&json).unwrap(), Faults(all));
    assert_eq!(
        Faults(all).sentences(&Objects::default()).len(),
        FAULTS.len()
    );
}

#[test]
fn codes_of_a_newer_daemon_are_left_out() {
    let faults: Faults = serde_json::from_str(r#"["tracker","quantum"]"#).unwrap();
    assert_eq!(faults, Faults(FaultSet::TRACKER));
}

#[test]
fn causes_are_sentences_with_their_numbers() {
    let objects = Objects {
        interface: Some(Name::new("eth0")),
        tracker: Some(Name::new("script chk_haproxy")),
        group: Some(Name::new("VG_1")),
        errno: Some(1),
    };
    let fault = |set| Cause::Fault {
        faults: Faults(set),
        objects,
    };
    let peer = address("10.0.0.2");
    for (cause, sentence) in [
        (
            Cause::SilentActive {
                last: Some(peer),
                silence_ms: Some(3_609),
            },
            "no advert from 10.0.0.2 for 3.6 s",
        ),
        (
            Cause::SilentActive {
                last: None,
                silence_ms: Some(3_550),
            },
            "no advert from anybody for 3.55 s",
        ),
        (
            Cause::Released { by: peer },
            "10.0.0.2 released the addresses (priority 0)",
        ),
        (
            Cause::HigherPriority {
                from: peer,
                priority: 103,
                ours: 101,
            },
            "10.0.0.2 advertised priority 103, ours is 101",
        ),
        (
            Cause::TieLost {
                from: peer,
                priority: 100,
            },
            "10.0.0.2 advertised the same priority 100 and has the higher address",
        ),
        (
            fault(FaultSet::TRACKER),
            "tracked script chk_haproxy failed",
        ),
        (
            fault(FaultSet::INTERFACE_DOWN.with(FaultSet::NO_SOURCE, true)),
            "interface eth0 is down or has no carrier; interface eth0 has no address to send adverts from",
        ),
        (
            fault(FaultSet::GROUP),
            "another member of sync group VG_1 has a fault",
        ),
        (
            Cause::AddressesRefused { errno: Some(1) },
            "the kernel refused the virtual addresses: EPERM (operation not permitted)",
        ),
    ] {
        assert_eq!(cause.to_string(), sentence);
    }
}

#[test]
fn spans_have_at_most_two_units() {
    for (duration, text) in [
        (Duration::from_nanos(400), "0 \u{b5}s"),
        (Duration::from_micros(850), "850 \u{b5}s"),
        (Duration::from_micros(1_400), "1.4 ms"),
        (Duration::from_millis(50), "50 ms"),
        (Duration::from_millis(999), "999 ms"),
        (Duration::from_secs(1), "1 s"),
        (Duration::from_millis(3_609), "3.6 s"),
        (Duration::from_millis(3_050), "3.05 s"),
        (Duration::from_secs(59), "59 s"),
        (Duration::from_secs(60), "1 min"),
        (Duration::from_secs(252), "4 min 12 s"),
        (Duration::from_secs(3_600 * 5 + 60 * 7 + 3), "5 h 7 min"),
        (Duration::from_secs(86_400 * 12 + 3_600 * 4), "12 d 4 h"),
    ] {
        assert_eq!(Span(duration).to_string(), text);
    }
}

#[test]
fn unknown_errnos_are_told_by_number() {
    assert_eq!(Errno(4_711).to_string(), "errno 4711");
}
