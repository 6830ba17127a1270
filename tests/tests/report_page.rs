//! `vrrpctl report` from files to a page: its bounds, and how long it takes.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]
#![expect(
    clippy::print_stdout,
    reason = "where pages are, and what was measured, is to be seen"
)]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use vrrp_tests::site::Site;

/// Largest page that is promised.
const LIMIT: u64 = 5_000_000;

/// A directory below the build's own: pages stay there to be looked at.
fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("report")
        .join(name)
}

/// Makes the page of a site, and says how large it is.
fn page(name: &str, site: &Site) -> u64 {
    let begun = Instant::now();
    let page = site.page(&place(name)).unwrap();
    let bytes = std::fs::metadata(&page).unwrap().len();
    println!(
        "{name}: {bytes} bytes in {:.1} s: {}",
        begun.elapsed().as_secs_f64(),
        page.display()
    );
    bytes
}

/// What is drawn of two nodes' records.
fn model(first: &Path, second: &Path) -> serde_json::Value {
    let answers = Shared::default();
    let mut output = vrrpctl::Output::standard();
    output.answers = Box::new(answers.clone());
    let words: [OsString; 7] = [
        "vrrpctl".into(),
        "report".into(),
        "--json".into(),
        "--from".into(),
        first.into(),
        "--peer".into(),
        second.into(),
    ];
    assert_eq!(vrrpctl::run(words, &mut output), vrrpctl::Exit::Healthy);
    let answer = answers.0.lock().unwrap();
    serde_json::from_slice(&answer).unwrap()
}

/// What was written, to be read afterwards.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
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
    // Minutes without full records lie between those around incidents: nobody was late for as long as that.
    let place = place("week");
    let model = model(&place.join("lb1"), &place.join("lb2"));
    let tracks = || {
        let routers = model["routers"].as_array().unwrap().iter();
        routers.flat_map(|router| router["tracks"].as_array().unwrap())
    };
    let latest = tracks()
        .flat_map(|track| track["arrived"].as_array().unwrap())
        .filter_map(serde_json::Value::as_i64)
        .max();
    assert!(latest.unwrap() < 4_000_000, "{latest:?}");
    let recorded = tracks().flat_map(|track| track["flags"].as_array().unwrap());
    assert!(
        recorded.clone().all(|flags| flags == 1),
        "the other node's records of the same time were read, and nothing was lost"
    );
}
