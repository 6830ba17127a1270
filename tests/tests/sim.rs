//! The simulation: seeded scenarios without a violation, and proof that violations would be seen.

use vrrp_tests::sim::{self, Mutation};

/// Scenarios of the default run; a longer one is `cargo xtask sim`.
const SCENARIOS: u64 = 10_000;

#[test]
fn ten_thousand_scenarios_hold_every_invariant() {
    let report = sim::run(0..SCENARIOS);
    println!("{report}");
    assert_eq!(report.scenarios, SCENARIOS);
    for (cause, count) in report.statistics.causes() {
        assert!(count > 0, "no scenario saw a transition by {cause}");
    }
    assert!(report.failures.is_empty(), "{report}");
}

#[test]
fn every_wrong_router_is_caught() {
    for mutation in [
        Mutation::IgnoreRelease,
        Mutation::RearmOnLower,
        Mutation::NeverYield,
        Mutation::KeepAddresses,
        Mutation::HideReports,
        Mutation::FastTimer,
        Mutation::LoseAdverts,
    ] {
        let report = sim::hunt(0..500, mutation);
        let caught = report.failures.first();
        println!("{mutation:?}: {caught:?}");
        assert!(caught.is_some(), "{mutation:?} passed as right");
    }
}

#[test]
fn a_seed_gives_the_same_log_every_time_and_a_failure_names_its_command() {
    let (log, result) = sim::replay(7);
    assert_eq!(result, Ok(()));
    assert!(log.len() > 100);
    assert_eq!(sim::replay(7).0, log);
    let report = sim::hunt(0..500, Mutation::NeverYield);
    let failure = report.failures.first().unwrap();
    let command = format!("cargo xtask sim --seed {}", failure.seed);
    assert!(failure.to_string().contains(&command), "{failure}");
}
