//! What people and programs see for the two nodes of the example, as golden texts.

use clap::Parser;
use jiff::tz::TimeZone;
use vrrp_record::history::{History, Sample, Unit, Want};

use super::explain::Question;
use super::*;
use crate::Output;
use crate::cli::{Cli, Command, JournalArgs, Reading};
use crate::example::{self, MILLI, TAKEOVER};
use crate::render::Style;
use crate::source::{Kind, Node, Origin, Records, SourceError};

/// Histories in memory.
struct Memory(Vec<Node>);

impl Records for Memory {
    fn bytes(&self) -> u64 {
        0
    }

    fn read(&self, _: &Want) -> Result<Vec<Node>, SourceError> {
        Ok(self.0.clone())
    }
}

fn node(history: History, kind: Kind, path: &str) -> Node {
    Node {
        history,
        alias: None,
        verdicts: Vec::new(),
        origins: vec![Origin {
            kind,
            path: path.into(),
        }],
    }
}

fn lb1() -> Node {
    node(example::master(1_700 * MILLI), Kind::Bundle, "lb1.vrb")
}

fn lb2() -> Node {
    node(example::backup(), Kind::Ring, "/run/vrrpd/flight.ring")
}

fn output() -> Output {
    Output {
        answers: Box::new(std::io::sink()),
        messages: Box::new(std::io::sink()),
        style: Style::default(),
        zone: TimeZone::UTC,
        clock: || example::NOW,
        closed: false,
    }
}

/// Compares with the golden file; `UPDATE_GOLDEN=1` writes it.
fn assert_golden(name: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("golden")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, golden, "\n{text}");
    for line in text.lines() {
        assert!(
            line.chars().count() <= 100 || !line.contains(' '),
            "too wide: {line}"
        );
    }
}

fn journal_arguments(words: &[&str]) -> JournalArgs {
    let arguments = ["vrrpctl", "journal"].iter().chain(words);
    let cli = Cli::try_parse_from(arguments).unwrap();
    let Command::Journal(arguments) = cli.command else {
        unreachable!("the command is journal")
    };
    arguments
}

fn journal_text(nodes: &[Node], words: &[&str]) -> String {
    let arguments = journal_arguments(words);
    let filter = journal::Filter::new(&arguments, None);
    let items = journal::gather(nodes, &filter, &mut journal::Gaps::default());
    journal::text(&items, nodes.len() > 1, &mut String::new(), &output())
}

#[test]
fn latency_of_a_backup_and_a_master() {
    let nodes = [lb2()];
    let tables = latency::gather(&nodes, &[], None, None);
    assert_golden(
        "latency.txt",
        &latency::text(&nodes, &tables, None, &output()),
    );
    let nodes = [lb1()];
    let tables = latency::gather(&nodes, &[], None, None);
    assert_golden(
        "latency-master.txt",
        &latency::text(&nodes, &tables, None, &output()),
    );
}

#[test]
fn timeline_of_both() {
    let nodes = [lb1(), lb2()];
    let reading = Reading::default();
    let timeline = timeline::gather(&nodes, &reading, None, false);
    assert_golden("timeline.txt", &timeline::text(&timeline, &output()));
}

#[test]
fn peers_of_a_backup() {
    let nodes = [lb2()];
    let all = peers::gather(&nodes, &[], None);
    assert_golden("peers.txt", &peers::text(&nodes, &all, &output()));
}

#[test]
fn records_by_number_by_distance_and_by_kind() {
    let nodes = [lb2()];
    assert_golden(
        "journal-ids.txt",
        &journal_text(&nodes, &["--ids", "380-385"]),
    );
    assert_golden(
        "journal-apart.txt",
        &journal_text(&nodes, &["--apart", "1.5s"]),
    );
    assert_golden("journal.txt", &journal_text(&nodes, &[]));
}

#[test]
fn samples_of_one_moment_are_different_records() {
    let mut node = lb2();
    let first = node.history.samples[0];
    node.history.samples = [Unit::InterfaceReceived, Unit::InterfaceSent]
        .map(|unit| Sample { unit, ..first })
        .into();
    let nodes = [node];
    let arguments = journal_arguments(&["--kind", "samples"]);
    let filter = journal::Filter::new(&arguments, None);
    let gather = |nodes| journal::gather(nodes, &filter, &mut journal::Gaps::default());
    let mut printed = journal::Printed::default();
    assert_eq!(printed.fresh(gather(&nodes)).len(), 2);
    assert_eq!(printed.fresh(gather(&nodes)).len(), 0);
}

#[test]
fn what_the_flight_recorder_repeats_of_an_earlier_piece_is_left_out() {
    let (journal, recorder) = ([lb2()], [lb2()]);
    let mut between = lb2();
    between.history.events.clear();
    let between = [between];
    let arguments = journal_arguments(&["--kind", "events"]);
    let filter = journal::Filter::new(&arguments, None);
    let gather = |nodes| journal::gather(nodes, &filter, &mut journal::Gaps::default());
    let mut printed = journal::Printed::default();
    printed.expect_again(&gather(&recorder));
    assert!(!printed.fresh(gather(&journal)).is_empty());
    assert!(printed.fresh(gather(&between)).is_empty());
    assert!(printed.fresh(gather(&recorder)).is_empty());
}

#[test]
fn two_nodes_side_by_side() {
    let nodes = [lb1(), lb2()];
    let comparison = compare::gather(&nodes[0], &nodes[1], &[], None);
    assert_golden(
        "compare.txt",
        &compare::text(&nodes, &comparison, &output()),
    );
}

/// Each example of the documentation is what the tool prints.
#[test]
fn the_documentation_shows_what_is_printed() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = std::fs::read_to_string(root.join("../docs/vrrpctl.md")).unwrap();
    for name in [
        "explain.txt",
        "explain-peer.txt",
        "latency.txt",
        "timeline.txt",
        "peers.txt",
        "journal-ids.txt",
        "journal-apart.txt",
        "journal.txt",
        "compare.txt",
        "why-not.txt",
    ] {
        let golden = std::fs::read_to_string(root.join("golden").join(name)).unwrap();
        let indented: String = golden
            .lines()
            .map(|line| {
                if line.is_empty() {
                    String::from("\n")
                } else {
                    format!("    {line}\n")
                }
            })
            .collect();
        assert!(
            document.contains(&indented),
            "docs/vrrpctl.md lacks the text of {name}"
        );
    }
}

#[test]
fn what_the_daemon_said_at_the_time_is_told_where_it_was_something_else() {
    let mut node = lb2();
    let told = |at, summary: &str| vrrp_record::journal::Explained {
        at,
        number: 16,
        verdict: serde_json::json!({ "summary": summary }),
    };
    node.verdicts = vec![
        told(
            TAKEOVER.plus(-3_600_000 * MILLI),
            "of another run that counted from one",
        ),
        told(TAKEOVER, "nothing heard yet"),
        told(example::BURST, "nothing heard yet"),
    ];
    let mut clone = lb1();
    clone.history.node.host = String::from("lb2");
    clone.verdicts = vec![told(example::BURST, "of the other node")];
    let explained = explain::gather(
        &Memory(vec![node]),
        Some(&Memory(vec![clone])),
        Question::Number(16),
        &Reading::default(),
    )
    .unwrap();
    let text = explain::text(&explained, &output());
    assert_eq!(text.matches("  said before").count(), 1, "{text}");
    assert!(
        text.contains("  said before 2026-11-24 12:03:41.220: nothing heard yet"),
        "{text}"
    );
}

#[test]
fn the_story_of_a_takeover_does_not_begin_with_the_start_of_the_daemon() {
    let mut history = example::backup();
    // The daemon started a moment before.
    for event in &mut history.events[..2] {
        event.at = TAKEOVER.plus(-8_000 * MILLI);
    }
    let records = Memory(vec![node(history, Kind::Ring, "ring")]);
    let last = explain::gather(&records, None, Question::Last, &Reading::default()).unwrap();
    let text = explain::text(&last, &output());
    assert!(
        text.contains("#16 ") && text.contains("#17 ") && !text.contains("#15 "),
        "{text}"
    );
}

#[test]
fn the_last_story_of_a_master_that_stayed_is_the_other_one_beside_it() {
    let one = Memory(vec![lb1()]);
    let last = explain::gather(&one, None, Question::Last, &Reading::default()).unwrap();
    let text = explain::text(&last, &output());
    assert!(text.contains("two MASTERs"), "{text}");
}

#[test]
fn an_explanation_alone_and_with_the_peer() {
    let (one, other) = (Memory(vec![lb2()]), Memory(vec![lb1()]));
    let reading = Reading::default();
    let alone = explain::gather(&one, None, Question::Number(16), &reading).unwrap();
    let text = explain::text(&alone, &output());
    let first =
        "#16  2026-11-24 12:03:41.220 +00:00 (1 min 18 s ago)  loadbalancer  BACKUP -> MASTER";
    assert!(text.starts_with(first), "{text}");
    assert!(
        text.contains("\n  verdict    ") && text.contains("not available: PSI"),
        "{text}"
    );
    assert_golden("explain.txt", &text);
    let both = explain::gather(&one, Some(&other), Question::Number(16), &reading).unwrap();
    let text = explain::text(&both, &output());
    assert!(
        text.contains("  records    lb2: ") && text.contains("  records    lb1: "),
        "{text}"
    );
    assert_golden("explain-peer.txt", &text);
    let last = explain::gather(&one, None, Question::Last, &reading).unwrap();
    let text = explain::text(&last, &output());
    assert!(text.starts_with("2 incidents, "), "{text}");
    let (took_over, gave_way) = (text.find("#16 ").unwrap(), text.find("#17 ").unwrap());
    assert!(
        took_over < gave_way,
        "an address that came back is explained by why it left: {text}"
    );
    let since = Question::Since(TAKEOVER);
    let both = explain::gather(&one, None, since, &reading).unwrap();
    assert!(explain::text(&both, &output()).starts_with("2 incidents, "));
    assert_eq!(explain::plain(&both).lines().count(), 3);
    let none = explain::gather(&one, None, Question::Since(example::NOW), &reading).unwrap();
    assert!(explain::text(&none, &output()).starts_with("nothing to explain"));
}
