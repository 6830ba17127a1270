//! The page as it is called: files in, a file out.

use std::fs;

use serde_json::Value;

use crate::example;
use crate::run::reading::tests::{Directory, call};

/// Both nodes of the example as flight recorders.
fn pair(directory: &Directory, ahead: i64) -> (String, String) {
    (
        directory.file("lb2.ring", &example::ring(&example::backup())),
        directory.file("lb1.ring", &example::ring(&example::master(ahead))),
    )
}

fn model(words: &[&str]) -> Value {
    let mut all = vec!["report", "--json"];
    all.extend(words);
    let (exit, answer, messages) = call(&all);
    assert_eq!(exit, 0, "{messages}");
    serde_json::from_str(&answer).unwrap()
}

/// The track from one rail to another, by their labels.
fn track<'a>(router: &'a Value, from: &str, to: &str) -> &'a Value {
    let rails: Vec<&str> = router["rails"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rail| rail["label"].as_str().unwrap())
        .collect();
    let place = |label: &str| rails.iter().position(|rail| *rail == label).unwrap();
    router["tracks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|track| track["from"] == place(from) && track["to"] == place(to))
        .unwrap()
}

fn number(column: &Value, position: usize) -> i64 {
    column[position].as_i64().unwrap()
}

#[test]
fn adverts_that_were_held_left_on_time_and_arrived_late() {
    let directory = Directory::new();
    // A clock that is set wrong moves nothing.
    for ahead in [0, 90 * example::SECOND] {
        let (backup, master) = pair(&directory, ahead);
        let model = model(&["--from", &backup, "--peer", &master]);
        let router = &model["routers"][0];
        let track = track(router, "lb1", "lb2");
        let ids = track["id"].as_array().unwrap();
        for (id, least) in [(381, 3_000_000), (382, 2_000_000), (383, 1_000_000)] {
            let position = ids.iter().position(|one| *one == id).unwrap();
            let (left, arrived) = (
                number(&track["left"], position),
                number(&track["arrived"], position),
            );
            assert!((0..1_000).contains(&left), "{id} left after {left}");
            assert!(
                (least..least + 50_000).contains(&arrived),
                "{id} arrived after {arrived}"
            );
            assert_eq!(
                track["flags"][position], 1,
                "recorded by its sender, not lost"
            );
        }
        assert_eq!(
            router["limit"], 2_597_656,
            "0.598 s of skew at priority 103"
        );
        let focus = &model["focus"];
        let taken = model["incidents"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["number"] == "#16" && one["node"] == 0)
            .unwrap();
        let at = taken["at"].as_i64().unwrap();
        assert!(number(focus, 0) < at && at < number(focus, 1), "{focus}");
    }
}

#[test]
fn verdicts_are_those_of_explain() {
    let directory = Directory::new();
    let (backup, master) = pair(&directory, 0);
    let (_, explained, _) = call(&[
        "explain", "16", "--json", "--from", &backup, "--peer", &master,
    ]);
    let explained: Value = serde_json::from_str(&explained).unwrap();
    let summary = explained["verdicts"][0]["summary"].as_str().unwrap();
    let page = directory.0.join("page.html").display().to_string();
    let words = [
        "report", "--html", &page, "--from", &backup, "--peer", &master,
    ];
    let (exit, answer, message) = call(&words);
    assert_eq!((exit, answer.as_str()), (0, ""), "{message}");
    assert!(message.contains("open it in a browser"), "{message}");
    let html = fs::read_to_string(&page).unwrap();
    let shown = summary.replace('\'', "&#39;");
    let heading = html
        .split("<h1>")
        .nth(1)
        .unwrap()
        .split("</h1>")
        .next()
        .unwrap();
    assert!(heading.contains(&shown), "{heading}");
    assert!(html.contains(&format!("<p class=\"summary\">{shown}")));
    for line in explained["verdicts"][0]["ruled_out"].as_array().unwrap() {
        let line = line.as_str().unwrap().replace('\'', "&#39;");
        assert!(html.contains(&line), "{line}");
    }
    // Made again, it replaces the page before.
    assert_eq!(call(&words).0, 0);
}

#[test]
fn a_listener_alone_says_when_adverts_should_have_come() {
    let directory = Directory::new();
    let (backup, _) = pair(&directory, 0);
    let model = model(&["--from", &backup]);
    let router = &model["routers"][0];
    let track = track(router, "10.0.0.2", "lb2");
    let ids = track["id"].as_array().unwrap();
    let position = ids.iter().position(|one| *one == 381).unwrap();
    assert_eq!(
        track["flags"][position], 0,
        "its sender's record is not here"
    );
    let arrived = number(&track["arrived"], position);
    assert!((3_000_000..3_050_000).contains(&arrived), "{arrived}");
    assert_eq!(
        track["left"],
        serde_json::json!([]),
        "a column without values"
    );
}

#[test]
fn minutes_of_the_day_before_are_bands() {
    let directory = Directory::new();
    let (backup, master) = pair(&directory, 0);
    let model = model(&["--from", &backup, "--peer", &master]);
    assert_eq!(model["bin"], 1);
    let bands = model["routers"][0]["bands"].as_array().unwrap();
    let of = |node: i64| bands.iter().find(|one| one["node"] == node).unwrap();
    let cells = |runs: &Value| -> usize {
        let runs = runs.as_array().unwrap().iter();
        runs.map(|run| run["worst"].as_array().unwrap().len()).sum()
    };
    assert!(cells(&of(0)["gap"]) > 300, "lb2 listens");
    assert!(cells(&of(1)["departure"]) > 300, "lb1 sends");
    assert_eq!(of(0)["gap"][0]["typical"], serde_json::json!([]));
}

#[test]
fn what_is_asked_for_bounds_what_is_drawn() {
    let directory = Directory::new();
    let (backup, master) = pair(&directory, 0);
    let pair = ["--from", &backup, "--peer", &master];
    let mut words = vec!["--since", "12:03:40", "--until", "12:03:43"];
    words.extend(pair);
    let model = model(&words);
    let length = model["until"].as_i64().unwrap() - model["from"].as_i64().unwrap();
    assert_eq!(length, 3_000_000);
    let drawn = model["routers"][0]["tracks"][0]["at"].as_array().unwrap();
    assert!(drawn.len() <= 4, "{drawn:?}");
    let mut words = vec!["report", "--json", "--router", "other"];
    words.extend(pair);
    let (exit, _, message) = call(&words);
    assert_eq!(exit, 2, "{message}");
    assert!(message.contains("no router is named other"), "{message}");
}

#[test]
fn a_file_that_is_no_page_is_left_as_it_is() {
    let directory = Directory::new();
    let (backup, _) = pair(&directory, 0);
    let before = fs::read(&backup).unwrap();
    let (exit, _, message) = call(&["report", "--html", &backup, "--from", &backup]);
    assert_eq!(exit, 1);
    assert!(message.contains("left as it is"), "{message}");
    assert_eq!(fs::read(&backup).unwrap(), before);
    let (exit, _, message) = call(&["report", "--html", "/nonexistent/x.html", "--from", &backup]);
    assert_eq!(exit, 1, "{message}");
    let (exit, _, message) = call(&["report", "--from", &backup]);
    assert_eq!(exit, 2);
    assert!(message.contains("--html"), "{message}");
    let (exit, answer, _) = call(&["report", "--html", "-", "--from", &backup]);
    assert_eq!(exit, 0);
    assert!(answer.starts_with("<!doctype html>"), "{answer}");
}

#[test]
fn nothing_to_explain_is_an_answer_too() {
    let directory = Directory::new();
    let mut quiet = example::master(0);
    quiet.events.clear();
    quiet.received.clear();
    let file = directory.file("quiet", &example::ring(&quiet));
    let (exit, html, message) = call(&["report", "--html", "-", "--from", &file]);
    assert_eq!(exit, 0, "{message}");
    assert!(
        html.contains("<h1>No transition, near failover or anomaly on lb1 in "),
        "{html}"
    );
}
