//! The page is held against the grammar of OpenMetrics 1.0 by a checker of our own, and the server against bad clients.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use vrrp_record::event::{Event, Kind, RunOutcome};
use vrrp_record::history::{Sent, Time};

use super::page::page;
use super::{Host, Limits, Scrape, Source, serve};
use crate::journal::{Measures, Situation};
use crate::observe::Tally;

const EXAMPLE: &str = include_str!("../../../vrrp-record/schema/status-1.json");

fn scrape() -> Scrape {
    let status: vrrp_record::status::Status = serde_json::from_str(EXAMPLE).unwrap();
    let mut tally = Tally::default();
    for event in &status.last_events {
        tally.event(event);
    }
    let hostile = Event {
        kind: Kind::AddressRemoved {
            router: "a \"quoted\\ name\nof two lines".into(),
            address: "10.0.0.1".parse().unwrap(),
            by: vrrp_record::event::Remover::Unknown,
        },
        ..status.last_events[0]
    };
    tally.event(&hostile);
    for (status, millis) in [(0, 3), (1, 700)] {
        let outcome = RunOutcome::Exited { status };
        tally.ran("chk", outcome, Duration::from_millis(millis));
    }
    let situation = Situation {
        active: true,
        backup: false,
        since: Time(0),
        interval: 1_000_000_000,
        limit: 3_600_000_000,
        peers_limit: 3_600_000_000,
        least_priority: 0,
    };
    let mut measures = Measures::default();
    for second in 1..=5 {
        let due = Time(second * 1_000_000_000);
        let sent = Sent {
            router: 0,
            id: 1,
            priority: 100,
            copies: 1,
            copies_accepted: 1,
            due,
            woke: Some(due.plus(60_000)),
            submitted: Some(due.plus(70_000)),
            accepted: Some(due.plus(80_000)),
            queued: Some(due.plus(81_000)),
            left: Some(due.plus(90_000)),
            taken: None,
            held_bytes: 0,
            errno: Some(105),
            skipped: 0,
            ambiguous: false,
            settled: true,
        };
        measures.due(&sent, &situation);
        measures.settled(&sent, &situation);
    }
    let name = "a \"quoted\\ name\nof two lines";
    Scrape {
        shown: vec![measures.shown(name, Time(5_500_000_000), &situation)],
        tally,
        status,
        host: Host {
            run_queue_wait: Some(1_500_000_000),
            steal: None,
            major_faults: Some(7),
            longest_step: ("drain", 1_234_567),
            evidence: vec![("psi", true), ("bql", false)],
        },
    }
}

/// A sample's name, labels and value.
type Sample = (String, BTreeMap<String, String>, f64);

/// Reads one sample line, or says what is wrong with it.
fn sample(line: &str) -> Result<Sample, String> {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let end = line.find(['{', ' ']).ok_or("no value")?;
    let (name, mut rest) = line.split_at(end);
    if !is_name(name) {
        return Err(format!("bad name {name}"));
    }
    let mut labels = BTreeMap::new();
    if let Some(mut inside) = rest.strip_prefix('{') {
        loop {
            let (label, after) = inside.split_once("=\"").ok_or("a label has no value")?;
            if !is_name(label) {
                return Err(format!("bad label {label}"));
            }
            let mut value = String::new();
            let mut characters = after.char_indices();
            let end = loop {
                match characters.next().ok_or("an open quote")? {
                    (at, '"') => break at,
                    (_, '\\') => match characters.next() {
                        Some((_, 'n')) => value.push('\n'),
                        Some((_, other @ ('\\' | '"'))) => value.push(other),
                        _ => return Err("a bad escape".to_owned()),
                    },
                    (_, other) => value.push(other),
                }
            };
            if labels.insert(label.to_owned(), value).is_some() {
                return Err(format!("label {label} twice"));
            }
            let after = &after[end + 1..];
            if let Some(next) = after.strip_prefix(',') {
                inside = next;
            } else {
                rest = after.strip_prefix('}').ok_or("labels do not end")?;
                break;
            }
        }
    }
    let value = rest.strip_prefix(' ').ok_or("no space before the value")?;
    let value = value.parse().map_err(|_| format!("bad value {value}"))?;
    Ok((name.to_owned(), labels, value))
}

/// Checks a page against the grammar; returns its samples.
fn check(page: &str) -> Vec<Sample> {
    let body = page.strip_suffix("# EOF\n").expect("ends with # EOF");
    let (mut family, mut kind) = (String::new(), String::new());
    let (mut families, mut series) = (BTreeSet::new(), BTreeSet::new());
    let mut samples = Vec::new();
    let mut told = BTreeSet::new();
    for line in body.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let words: Vec<&str> = comment.splitn(3, ' ').collect();
            let [word, name, text] = words[..] else {
                panic!("bad comment: {line}");
            };
            if word == "TYPE" {
                assert!(families.insert(name.to_owned()), "{name} comes twice");
                (family, kind) = (name.to_owned(), text.to_owned());
                told.clear();
            }
            assert_eq!(name, family, "{line}");
            assert!(told.insert(word.to_owned()), "{word} twice: {line}");
            match word {
                "TYPE" => assert!(["counter", "gauge", "histogram", "info"].contains(&text)),
                "UNIT" => assert!(name.ends_with(&format!("_{text}")), "{line}"),
                "HELP" => assert!(!text.is_empty()),
                _ => panic!("unknown comment: {line}"),
            }
            continue;
        }
        let (name, labels, value) = sample(line).unwrap_or_else(|why| panic!("{why}: {line}"));
        let suffix = name.strip_prefix(&family).expect("belongs to its family");
        let allowed: &[&str] = match kind.as_str() {
            "counter" => &["_total"],
            "info" => &["_info"],
            "histogram" => &["_bucket", "_count", "_sum"],
            _ => &[""],
        };
        assert!(allowed.contains(&suffix), "{line}");
        assert!(kind == "gauge" || value >= 0.0, "{line}");
        assert!(!labels.contains_key("instance") && !labels.contains_key("job"));
        assert!(
            series.insert((name.clone(), labels.clone())),
            "twice: {line}"
        );
        samples.push((name, labels, value));
    }
    histograms(&samples);
    samples
}

/// Buckets ascend, and the last one counts all.
fn histograms(samples: &[Sample]) {
    let mut last: BTreeMap<(String, String), (f64, f64)> = BTreeMap::new();
    let key = |name: &str, labels: &BTreeMap<String, String>| {
        let mut labels = labels.clone();
        labels.remove("le");
        (name.to_owned(), format!("{labels:?}"))
    };
    for (name, labels, value) in samples {
        if let Some(base) = name.strip_suffix("_bucket") {
            let bound = labels["le"].replace("+Inf", "inf").parse::<f64>().unwrap();
            let before = last.insert(key(base, labels), (bound, *value));
            assert!(before.is_none_or(|(le, count)| le < bound && count <= *value));
        } else if let Some(base) = name.strip_suffix("_count")
            && let Some((bound, all)) = last.get(&key(base, labels))
        {
            assert!(bound.is_infinite() && all == value, "{name}");
        }
    }
}

#[test]
fn the_page_holds_the_grammar_and_every_family_of_the_documentation() {
    let text = page(&scrape());
    let samples = check(&text);
    let names: BTreeSet<&str> = samples.iter().map(|(name, ..)| name.as_str()).collect();
    let documentation = include_str!("../../../docs/metrics.md");
    for name in &names {
        let base = ["_bucket", "_count", "_sum"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix))
            .unwrap_or(name);
        assert!(
            documentation.contains(&format!("`{base}`")),
            "{base} is not documented"
        );
    }
    let value = |name: &str, label: (&str, &str)| {
        samples
            .iter()
            .find(|(sample, labels, _)| {
                sample == name && labels.get(label.0).is_some_and(|value| value == label.1)
            })
            .map(|(_, _, value)| *value)
    };
    assert_eq!(value("vrrpd_state", ("state", "master")), Some(1.0));
    assert_eq!(value("vrrpd_state", ("state", "backup")), Some(0.0));
    let margin = value("vrrpd_master_down_margin_seconds", ("window", "1m")).unwrap();
    assert!((margin - 2.6).abs() < 1e-9, "{margin}");
    assert_eq!(
        value("vrrpd_adverts_send_errors_total", ("errno", "ENOBUFS")),
        Some(5.0)
    );
    assert_eq!(
        value("vrrpd_script_runs_total", ("result", "fail")),
        Some(1.0)
    );
    assert_eq!(
        value("vrrpd_transitions_total", ("reason", "silent_active")),
        Some(1.0)
    );
    // What this machine does not tell is not there, rather than zero.
    assert!(!names.contains("vrrpd_steal_seconds_total"));
}

#[test]
fn the_checker_finds_what_is_wrong() {
    for bad in [
        "# TYPE a counter\na_total{x=\"1\"} 1\n",
        "# TYPE a counter\na 1\n# EOF\n",
        "# TYPE a gauge\na{x=\"\\q\"} 1\n# EOF\n",
        "# TYPE a gauge\na 1\na 2\n# EOF\n",
        "# TYPE a histogram\na_bucket{le=\"1.0\"} 2\na_bucket{le=\"+Inf\"} 1\na_count 1\na_sum 1\n# EOF\n",
    ] {
        assert!(std::panic::catch_unwind(|| check(bad)).is_err(), "{bad}");
    }
}

struct Fixed(Scrape);

impl Source for Fixed {
    fn scrape(&self) -> Scrape {
        self.0.clone()
    }
}

/// A server on a free port of the loopback.
async fn server(limits: Limits) -> SocketAddr {
    let probe = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = probe.local_addr().unwrap();
    drop(probe);
    tokio::spawn(serve(address, Arc::new(Fixed(scrape())), limits));
    let begin = std::time::Instant::now();
    while TcpStream::connect(address).await.is_err() {
        assert!(begin.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    address
}

async fn try_ask(address: SocketAddr, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut text = String::new();
    let read = timeout(Duration::from_secs(20), stream.read_to_string(&mut text)).await;
    read.unwrap()?;
    Ok(text)
}

async fn ask(address: SocketAddr, request: &str) -> String {
    try_ask(address, request).await.unwrap()
}

const GET: &str = "GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n";

#[tokio::test]
async fn a_scraper_gets_the_page_and_others_are_told_why_not() {
    let address = server(Limits::default()).await;
    let answer = ask(address, GET).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.0 200 OK\r\n"), "{head}");
    assert!(head.contains("Content-Type: application/openmetrics-text; version=1.0.0"));
    assert!(head.contains(&format!("Content-Length: {}", body.len())));
    check(body);
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "404"),
        ("POST /metrics HTTP/1.1\r\n\r\n", "405"),
        ("hello\r\n\r\n", "400"),
        ("GET /metrics FTP/1.0\r\n\r\n", "400"),
    ] {
        let answer = ask(address, request).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.0 {status} ")),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn clients_that_never_ask_or_never_read_do_not_keep_a_scraper_out() {
    let limits = Limits {
        connections: 2,
        deadline: Duration::from_millis(300),
        ..Limits::default()
    };
    let address = server(limits).await;
    let mut stuck = Vec::new();
    for number in 0..12 {
        let Ok(mut stream) = TcpStream::connect(address).await else {
            continue;
        };
        if number % 2 == 0 {
            // Asks, and never reads.
            let _ = stream.write_all(GET.as_bytes()).await;
        }
        stuck.push(stream);
    }
    let begin = std::time::Instant::now();
    loop {
        // One that is turned away may be reset before it has read why.
        let answer = try_ask(address, GET).await.unwrap_or_default();
        if answer.starts_with("HTTP/1.0 200") {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(10), "kept out");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(stuck.len() > 2);
}

#[tokio::test]
async fn a_request_without_end_is_refused_at_its_limit() {
    let address = server(Limits::default()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let filler = vec![b'a'; 16 * 1024];
    // The server may close while it is written.
    let _ = stream.write_all(&filler).await;
    let mut answer = Vec::new();
    let read = timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    // Closed with the request half read, the answer may not arrive; what matters is the end.
    let _ = read.expect("the server ends it");
}
