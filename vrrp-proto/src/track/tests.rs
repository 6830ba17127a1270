use super::*;

fn link(weight: i16, reverse: bool) -> TrackLink {
    TrackLink {
        tracker: TrackerId(1),
        weight,
        reverse,
    }
}

fn weigh(base: u8, links: &[(i16, bool, Reading)]) -> (u8, FaultSet, bool) {
    let got = assess(
        Priority::new(base).unwrap(),
        true,
        links.iter().map(|&(w, r, reading)| (link(w, r), reading)),
    );
    (got.priority.as_u8(), got.faults, got.healthy)
}

#[test]
fn positive_weight_counts_only_after_the_first_success() {
    assert_eq!(
        weigh(100, &[(20, false, Reading::Pending)]),
        (100, FaultSet::NONE, false)
    );
    assert_eq!(
        weigh(100, &[(20, false, Reading::Good)]),
        (120, FaultSet::NONE, true)
    );
    assert_eq!(
        weigh(100, &[(20, false, Reading::Bad)]),
        (100, FaultSet::NONE, false)
    );
}

#[test]
fn negative_weight_counts_while_bad() {
    assert_eq!(
        weigh(100, &[(-20, false, Reading::Pending)]),
        (100, FaultSet::NONE, false)
    );
    assert_eq!(
        weigh(100, &[(-20, false, Reading::Good)]),
        (100, FaultSet::NONE, true)
    );
    assert_eq!(
        weigh(100, &[(-20, false, Reading::Bad)]),
        (80, FaultSet::NONE, false)
    );
}

#[test]
fn weight_zero_makes_a_bad_object_a_fault_and_a_pending_one_a_wait() {
    assert_eq!(
        weigh(100, &[(0, false, Reading::Bad)]),
        (100, FaultSet::TRACKER, false)
    );
    assert_eq!(
        weigh(100, &[(0, false, Reading::Pending)]),
        (100, FaultSet::TRACKER_PENDING, false)
    );
    assert_eq!(
        weigh(100, &[(0, false, Reading::Good)]),
        (100, FaultSet::NONE, true)
    );
}

#[test]
fn reverse_swaps_good_and_bad_but_not_pending() {
    assert_eq!(
        weigh(100, &[(20, true, Reading::Bad)]),
        (120, FaultSet::NONE, true)
    );
    assert_eq!(
        weigh(100, &[(-20, true, Reading::Good)]),
        (80, FaultSet::NONE, false)
    );
    assert_eq!(
        weigh(100, &[(0, true, Reading::Good)]),
        (100, FaultSet::TRACKER, false)
    );
    assert_eq!(
        weigh(100, &[(20, true, Reading::Pending)]),
        (100, FaultSet::NONE, false)
    );
}

#[test]
fn the_sum_is_clipped_once_at_the_end_and_an_owner_never_changes() {
    let up = (253, false, Reading::Good);
    let down = (-253, false, Reading::Bad);
    assert_eq!(weigh(100, &[up]).0, 254);
    assert_eq!(weigh(100, &[down]).0, 1);
    assert_eq!(
        weigh(100, &[up, down]).0,
        100,
        "clipping in between would give 1"
    );
    assert_eq!(weigh(255, &[down]).0, 255);
    assert_eq!(
        weigh(255, &[(0, false, Reading::Bad)]),
        (255, FaultSet::TRACKER, false)
    );
}

#[test]
fn without_weights_only_faults_and_health_count() {
    let links = [
        (link(20, false), Reading::Good),
        (link(0, false), Reading::Bad),
    ];
    let got = assess(Priority::DEFAULT, false, links.into_iter());
    assert_eq!(got.priority, Priority::DEFAULT);
    assert_eq!(got.faults, FaultSet::TRACKER);
    assert!(!got.healthy);
}

#[test]
fn first_result_decides_in_one_go() {
    let mut counter = RiseFall::new(3, 3, false);
    assert_eq!(counter.reading(), Reading::Pending);
    assert_eq!(counter.record(true), Reading::Good);
    let mut counter = RiseFall::new(3, 3, false);
    assert_eq!(counter.record(false), Reading::Bad);
}

#[test]
fn rise_and_fall_count_in_a_row_and_a_contrary_result_resets() {
    let mut counter = RiseFall::new(2, 3, false);
    counter.record(true);
    let results = [
        (false, Reading::Good),
        (false, Reading::Good),
        (true, Reading::Good),
        (false, Reading::Good),
        (false, Reading::Good),
        (false, Reading::Bad),
        (true, Reading::Bad),
        (false, Reading::Bad),
        (true, Reading::Bad),
        (true, Reading::Good),
    ];
    for (step, (success, expected)) in results.into_iter().enumerate() {
        assert_eq!(counter.record(success), expected, "step {step}");
    }
}

#[test]
fn init_fail_starts_bad_and_needs_rise_successes() {
    let mut counter = RiseFall::new(2, 1, true);
    assert_eq!(counter.reading(), Reading::Bad);
    assert_eq!(counter.record(true), Reading::Bad);
    assert_eq!(counter.record(true), Reading::Good);
}

#[test]
fn a_reload_keeps_the_reading_and_zero_means_one() {
    let mut counter = RiseFall::new(1, 1, false);
    counter.record(true);
    let mut counter = counter.reconfigured(1, 0);
    assert_eq!(counter.reading(), Reading::Good);
    assert_eq!(counter.record(false), Reading::Bad);
}
