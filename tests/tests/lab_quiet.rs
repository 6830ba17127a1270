//! Pairs that nobody disturbs: nothing is said of them that the canary does not confirm. Ten minutes of the same are
//! `cargo xtask drill --quiet 10m`.

use std::time::Duration;

use vrrp_tests::drill::beside::quiet;
use vrrp_tests::lab::is_permitted;

#[test]
fn quiet_pairs_hold_nothing_that_the_canary_does_not_confirm() {
    if !is_permitted() {
        return;
    }
    let own = std::env::current_exe().expect("the kernel knows what it runs");
    let programs = own.ancestors().nth(2).expect("a test lies in deps");
    let records = std::env::temp_dir().join(format!("vrrpd-quiet-{}", std::process::id()));
    let time = Duration::from_secs(20);
    let found = quiet(
        time,
        &programs.join("xtask"),
        &programs.join("vrrpctl"),
        &records,
    );
    let _ = std::fs::remove_dir_all(&records);
    let found = found.expect("the pairs come up");
    // Two leaders, four adverts a second.
    assert!(found.adverts() >= 140, "{found}");
    assert!(found.passed(), "{found}");
}
