//! The page of `vrrpctl report` in a browser: it loads, says nothing on the console, asks the network for nothing, shows the
//! record under the pointer and the keyboard, and zooms. Pages and pictures stay in the build's `tmp/report-browser`, to be
//! looked at.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]
#![expect(
    clippy::print_stdout,
    reason = "where pages are, and what was measured, is to be seen"
)]

use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde_json::{Value, json};
use vrrp_tests::browser::{self, Browser};
use vrrp_tests::site::Site;

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("report-browser")
        .join(name)
}

fn keep(browser: &mut Browser, place: &Path, name: &str) {
    let picture = browser.picture().unwrap();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(picture)
        .unwrap();
    assert!(bytes.len() > 20_000, "an empty picture");
    let path = place.join(name);
    std::fs::write(&path, bytes).unwrap();
    println!("{}", path.display());
}

fn assert_quiet(browser: &Browser, page: &Path) {
    let heard = browser.heard();
    assert_eq!(heard.troubles, Vec::<String>::new());
    assert_eq!(heard.requests, [format!("file://{}", page.display())]);
}

/// The stretch of time that is shown, in microseconds.
fn shown(browser: &mut Browser) -> f64 {
    let length = "Number(document.documentElement.dataset.until) - Number(document.documentElement.dataset.from)";
    browser.value(length).unwrap().as_f64().unwrap()
}

const RECORD: &str =
    "document.getElementById('record').hidden ? null : document.getElementById('record').innerText";

#[test]
fn the_page_shows_records_zooms_and_asks_for_nothing() {
    if !browser::is_here() {
        return;
    }
    let place = place("hour");
    let page = Site::hour().page(&place).unwrap();
    let mut browser = Browser::start(&place).unwrap();
    browser.open(&page, (1280, 2600), false).unwrap();
    assert_quiet(&browser, &page);
    keep(&mut browser, &place, "light.png");

    // The keyboard goes from advert to advert.
    browser
        .value("document.getElementById('lanes').focus()")
        .unwrap();
    for _ in 0..3 {
        browser.key("ArrowRight").unwrap();
    }
    let by_key = browser.value(RECORD).unwrap();
    let text = by_key.as_str().expect("the record under the cursor");
    for word in [
        "advert",
        "of lb1",
        "priority 103",
        "due",
        "woke",
        "left",
        "arrived",
        "under way",
    ] {
        assert!(text.contains(word), "{word} in {text}");
    }
    keep(&mut browser, &place, "record.png");
    // The pointer finds the same one.
    let at = "(() => { const box = document.getElementById('lanes').getBoundingClientRect(); const of = document.getElementById('record').dataset; \
              return [box.left + Number(of.x), box.top + Number(of.y)]; })()";
    let at = browser.value(at).unwrap();
    let (x, y) = (at[0].as_f64().unwrap(), at[1].as_f64().unwrap());
    browser.key("Escape").unwrap();
    assert_eq!(browser.value(RECORD).unwrap(), Value::Null);
    browser.point(x, y).unwrap();
    browser
        .reach("!document.getElementById('record').hidden")
        .unwrap();
    assert_eq!(browser.value(RECORD).unwrap(), by_key);

    // Keys and wheel zoom; 0 shows everything.
    let before = shown(&mut browser);
    browser.key("+").unwrap();
    let half = format!(
        "Math.abs((document.documentElement.dataset.until - document.documentElement.dataset.from) * 2 / {before} - 1) < 0.01"
    );
    browser.reach(&half).unwrap();
    browser.wheel(x, y, 300.0).unwrap();
    let wider = format!(
        "document.documentElement.dataset.until - document.documentElement.dataset.from > {before} * 0.7"
    );
    browser.reach(&wider).unwrap();
    browser.key("0").unwrap();
    browser
        .reach("document.documentElement.dataset.until - document.documentElement.dataset.from > 3600e6")
        .unwrap();
    keep(&mut browser, &place, "whole.png");
    assert_quiet(&browser, &page);

    // Whatever would ask the network is stopped by the page itself.
    let stopped = "new Promise((done) => { document.addEventListener('securitypolicyviolation', (event) => done(event.effectiveDirective)); \
                   fetch('http://127.0.0.1:9/').catch(() => {}); })";
    assert_eq!(browser.value(stopped).unwrap(), json!("connect-src"));
}

#[test]
fn it_is_readable_in_the_dark_and_in_a_narrow_window() {
    if !browser::is_here() {
        return;
    }
    let place = place("narrow");
    let page = Site::hour().page(&place).unwrap();
    let mut browser = Browser::start(&place).unwrap();
    browser.open(&page, (360, 3600), true).unwrap();
    let wide = "document.documentElement.scrollWidth <= window.innerWidth";
    assert_eq!(browser.value(wide).unwrap(), json!(true));
    let paper = "getComputedStyle(document.body).backgroundColor";
    let dark = browser.value(paper).unwrap();
    // The switch wins over the system.
    let light = "(() => { const theme = document.getElementById('theme'); theme.value = 'light'; theme.dispatchEvent(new Event('change')); })()";
    browser.value(light).unwrap();
    let light = browser.value(paper).unwrap();
    assert_eq!(light, json!("rgb(255, 255, 255)"));
    assert_ne!(dark, light);
    let local = "(() => { const zone = document.getElementById('zone'); zone.value = 'local'; zone.dispatchEvent(new Event('change')); \
                 return document.querySelector('time').textContent; })()";
    let local = browser.value(local).unwrap();
    assert!(!local.as_str().unwrap().contains("UTC"), "{local}");
    assert_quiet(&browser, &page);
    browser.open(&page, (360, 3600), true).unwrap();
    keep(&mut browser, &place, "dark.png");
}

#[test]
fn names_of_routers_are_text_whatever_they_say() {
    if !browser::is_here() {
        return;
    }
    let place = place("hostile");
    let mut site = Site::hour();
    site.name = "</script><img src=x onerror=alert(1)>{{data}}";
    site.minutes = 45;
    let page = site.page(&place).unwrap();
    let mut browser = Browser::start(&place).unwrap();
    browser.open(&page, (1280, 2600), true).unwrap();
    assert_quiet(&browser, &page);
    let images = "document.images.length + document.querySelectorAll('[onerror]').length";
    assert_eq!(browser.value(images).unwrap(), json!(0));
    let title = browser.value("document.title").unwrap();
    assert!(title.as_str().unwrap().contains("<img src=x"), "{title}");
    keep(&mut browser, &place, "dark.png");
}

#[test]
fn many_routers_over_days_scroll_and_zoom_at_once() {
    if !browser::is_here() {
        return;
    }
    let place = place("many");
    let mut site = Site::week(50);
    site.minutes = 24 * 60;
    site.held.retain(|held| held.second < 24 * 3_600 - 60);
    let page = site.page(&place).unwrap();
    let mut browser = Browser::start(&place).unwrap();
    browser.open(&page, (1400, 2000), false).unwrap();
    assert_quiet(&browser, &page);
    // From the whole day to a minute and back, one frame after the other.
    let steps = "(async () => { const lanes = document.getElementById('lanes'); let worst = 0; const begun = performance.now(); \
                 for (const key of ['0', ...'+'.repeat(10), ...'-'.repeat(10)]) { const one = performance.now(); \
                 lanes.dispatchEvent(new KeyboardEvent('keydown', { key, cancelable: true })); \
                 await new Promise(requestAnimationFrame); worst = Math.max(worst, performance.now() - one); } \
                 return { worst, mean: (performance.now() - begun) / 21 }; })()";
    let took = browser.value(steps).unwrap();
    println!("a frame takes {took} ms");
    assert!(took["mean"].as_f64().unwrap() < 500.0, "{took}");
    keep(&mut browser, &place, "light.png");
    let rows = "document.getElementById('router').options.length";
    assert_eq!(browser.value(rows).unwrap(), json!(50));
    assert_quiet(&browser, &page);
}
