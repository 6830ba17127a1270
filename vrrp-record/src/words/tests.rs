use super::*;

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
