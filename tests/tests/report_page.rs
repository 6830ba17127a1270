//! `vrrpctl report` from files to a page: its bounds, and how long it takes.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]
#![expect(
    clippy::print_stdout,
    reason = "where pages are, and what was measured, is to be seen"
)]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Instant;

use vrrp_tests::site::Site;

/// Largest page that is promised.
const LIMIT: u64 = 5_000_000;

/// A directory below the build's own: pages stay there to be looked at.
fn place(name: &str) -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("report")
        .join(name);
    let _ = std::fs::remove_dir_all(&place);
    std::fs::create_dir_all(&place).unwrap();
    place
}

/// Makes the page of a site, and says how large it is.
fn page(name: &str, site: &Site) -> u64 {
    let place = place(name);
    let [first, second] = site.write(&place).unwrap();
    let page = place.join("page.html");
    let begun = Instant::now();
    let words: [OsString; 8] = [
        "vrrpctl".into(),
        "report".into(),
        "--html".into(),
        page.clone().into(),
        "--from".into(),
        first.into(),
        "--peer".into(),
        second.into(),
    ];
    let exit = vrrpctl::run(words, &mut vrrpctl::Output::standard());
    assert_eq!(exit, vrrpctl::Exit::Healthy);
    let bytes = std::fs::metadata(&page).unwrap().len();
    println!(
        "{name}: {bytes} bytes in {:.1} s: {}",
        begun.elapsed().as_secs_f64(),
        page.display()
    );
    bytes
}

#[test]
fn an_hour_of_one_router_is_a_small_page() {
    let bytes = page("hour", &Site::hour());
    assert!((50_000..1_000_000).contains(&bytes), "{bytes}");
}

#[test]
fn a_week_of_fifty_routers_stays_within_five_megabytes() {
    let bytes = page("week", &Site::week(50));
    assert!((500_000..=LIMIT).contains(&bytes), "{bytes}");
}
