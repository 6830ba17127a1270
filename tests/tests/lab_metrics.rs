//! The metrics page before a real scraper's parser: Prometheus' own one for OpenMetrics, which refuses what is not in the
//! format.

use std::time::Duration;

use vrrp_tests::lab::{
    CONFIGURATION, Daemon, Host, Lab, Peer, State, is_permitted, status, wait_until,
};

const SOON: Duration = Duration::from_secs(10);
/// Fetches the page as a scraper does, and prints each family as `TYPE NAME SAMPLES`.
const SCRAPE: &str = "\
import urllib.request
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
accept = {'Accept': 'application/openmetrics-text; version=1.0.0'}
page = urllib.request.urlopen(urllib.request.Request('http://127.0.0.1:9650/metrics', headers=accept), timeout=5)
assert page.headers['Content-Type'].startswith('application/openmetrics-text; version=1.0.0'), page.headers
for family in parse(page.read().decode('utf-8')):
    assert family.documentation, family.name
    print(family.type, family.name, len(family.samples))
";

fn configuration() -> String {
    String::from(
        "vrrp_script chk {\n script /bin/true\n interval 1\n}\nvrrp_instance \"VI \\\\1\" {\n state BACKUP\n interface eth0\n \
         virtual_router_id 51\n priority 150\n advert_int 0.2\n version 3\n virtual_ipaddress {\n 10.0.0.100/24\n }\n \
         track_script {\n chk\n }\n}\n",
    )
}

/// Families by name, with type and number of samples.
fn scraped(host: &Host) -> Vec<(String, String, usize)> {
    host.write("/run/scrape.py", SCRAPE, 0o644);
    // Debian's own, which has the package.
    let finished = host.run(&["/usr/bin/python3", "/run/scrape.py"]);
    assert_eq!(finished.code, 0, "{}", finished.output);
    let families = finished.output.lines().map(|line| {
        let mut words = line.split(' ').map(str::to_owned);
        let (kind, name) = (words.next(), words.next());
        let samples = words.next().and_then(|samples| samples.parse().ok());
        match (kind, name, samples) {
            (Some(kind), Some(name), Some(samples)) => (name, kind, samples),
            _ => panic!("{line}"),
        }
    });
    families.collect()
}

fn assert_families(families: &[(String, String, usize)], expected: &[(&str, &str)]) {
    for (name, kind) in expected {
        let found = families.iter().find(|family| family.0 == *name);
        assert!(
            found.is_some_and(|(_, found, samples)| found == kind && *samples > 0),
            "{name} is no {kind} with samples: {found:?} of {families:?}"
        );
    }
}

fn host(lab: &mut Lab) -> Host {
    lab.segment("lan");
    let host = lab.host("a");
    lab.link(&host, "eth0", "lan", &["10.0.0.1/24"]);
    host
}

#[test]
fn prometheus_parses_the_page_of_a_daemon_and_finds_its_families() {
    if !is_permitted() {
        return;
    }
    let mut lab = Lab::new();
    let host = host(&mut lab);
    host.write(CONFIGURATION, &configuration(), 0o644);
    let _daemon = host.spawn(&[
        "vrrpd",
        "-n",
        "-l",
        "-f",
        CONFIGURATION,
        "--journal-dir=/run/vrrpd-journal",
        "--metrics=127.0.0.1:9650",
    ]);
    wait_until("a MASTER that has sent adverts", SOON, || {
        let router = status(&host)?.routers.into_iter().next()?;
        (router.state == State::Master && router.sent.left? >= 3).then_some(())
    });
    let families = scraped(&host);
    assert_families(
        &families,
        &[
            ("vrrpd_build", "info"),
            ("vrrpd_state", "gauge"),
            ("vrrpd_transitions", "counter"),
            ("vrrpd_adverts_due", "counter"),
            ("vrrpd_adverts_confirmed", "counter"),
            ("vrrpd_advert_lateness_seconds", "histogram"),
            ("vrrpd_advert_queue_wait_seconds", "histogram"),
            ("vrrpd_master_down_margin_seconds", "gauge"),
            ("vrrpd_evidence_available", "gauge"),
        ],
    );
}

#[test]
fn prometheus_parses_the_page_of_an_observer() {
    if !is_permitted() {
        return;
    }
    let mut lab = Lab::new();
    let host = host(&mut lab);
    let _leader = Peer::start(&host, Daemon::Keepalived, &configuration());
    let _observer = host.spawn(&[
        "vrrpd",
        "--observe",
        "-n",
        "-l",
        "-f",
        CONFIGURATION,
        "--journal-dir=/run/vrrpd-journal",
        "--metrics=127.0.0.1:9650",
    ]);
    wait_until("a MASTER is seen", SOON, || {
        let router = status(&host)?.routers.into_iter().next()?;
        (router.state == State::Master && router.sent.left? >= 3).then_some(())
    });
    assert_families(
        &scraped(&host),
        &[
            ("vrrpd_state", "gauge"),
            ("vrrpd_advert_lateness_seconds", "histogram"),
        ],
    );
}
