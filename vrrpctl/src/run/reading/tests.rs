//! The reading commands as they are called: files in, text and exit code out.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::tz::TimeZone;
use serde_json::Value;

use crate::example;
use crate::render::Style;
use crate::run::tests::Pipe;
use crate::{Output, run};

/// Every reading command in the form that reads any file.
const COMMANDS: [&[&str]; 9] = [
    &["explain", "--last"],
    &["explain", "--since", "2026-11-24"],
    &["explain", "16"],
    &["latency"],
    &["timeline"],
    &["peers"],
    &["journal", "--kind", "all"],
    &["journal", "--csv", "--kind", "all"],
    &["timeline", "--plain"],
];

/// A directory of its own for one test.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("vrrpctl-read-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.0.join(name);
        fs::write(&path, content).unwrap();
        path.display().to_string()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Exit code, answer and messages.
pub(crate) fn call(words: &[&str]) -> (u8, String, String) {
    let (answers, messages) = (Pipe::default(), Pipe::default());
    let mut output = Output {
        answers: Box::new(answers.clone()),
        messages: Box::new(messages.clone()),
        style: Style::default(),
        zone: TimeZone::UTC,
        clock: || example::NOW,
        closed: false,
    };
    let arguments = std::iter::once("vrrpctl").chain(words.iter().copied());
    let exit = run(arguments.map(std::ffi::OsString::from), &mut output);
    (exit.code(), answers.text(), messages.text())
}

#[test]
fn a_flight_recorder_of_a_dead_daemon_answers_every_command() {
    let directory = Directory::new();
    directory.file("flight.ring", &example::ring(&example::backup()));
    let run_dir = directory.0.display().to_string();
    for command in COMMANDS {
        let mut words = vec!["--run-dir", &run_dir];
        words.extend(command);
        words.extend(["--journal-dir", "/nonexistent"]);
        let (exit, answer, message) = call(&words);
        assert_eq!(exit, 0, "{command:?}\n{message}");
        assert!(!answer.is_empty(), "{command:?}");
        assert!(message.is_empty(), "{command:?}\n{message}");
    }
    let words = [
        "--run-dir",
        &run_dir,
        "explain",
        "16",
        "--journal-dir",
        "/nonexistent",
    ];
    let (_, answer, _) = call(&words);
    assert!(
        answer.starts_with("#16  2026-11-24 12:03:41.220 +00:00 (1 min 18 s ago)"),
        "{answer}"
    );
}

#[test]
fn what_is_read_from_a_file_is_what_the_records_say() {
    let directory = Directory::new();
    let file = directory.file("copy", &example::ring(&example::backup()));
    let (_, answer, _) = call(&["latency", "--from", &file]);
    assert!(
        answer.starts_with("loadbalancer on lb2 (BACKUP): longest gap"),
        "{answer}"
    );
    let (_, answer, _) = call(&["journal", "--ids", "381-384", "--from", &file]);
    assert_eq!(answer.matches("id 38").count(), 4, "{answer}");
    let (_, answer, _) = call(&["journal", "--ids", "381-384", "--from", &file, "--csv"]);
    assert_eq!(answer.lines().count(), 5, "{answer}");
    assert!(
        answer.lines().all(|line| line.split(',').count() >= 20),
        "{answer}"
    );
    let (_, answer, _) = call(&["journal", "--ids", "381", "--from", &file, "--json"]);
    let value: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(
        (&value["schema"], &value["record"]["id"]),
        (&1.into(), &381.into())
    );
    let (exit, _, message) = call(&["explain", "99", "--from", &file]);
    assert_eq!(exit, 1);
    assert!(
        message.contains("nothing has the number #99: the records have #15 to #17"),
        "{message}"
    );
}

/// Standard output whose reader does something after each answer, and goes away after the last.
struct Looks {
    printed: Pipe,
    after: std::vec::IntoIter<Box<dyn Fn()>>,
}

impl std::io::Write for Looks {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.printed.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let next = self.after.next().ok_or(std::io::ErrorKind::BrokenPipe)?;
        next();
        Ok(())
    }
}

#[test]
fn a_flight_recorder_is_followed_while_it_grows_and_past_a_restart() {
    let directory = Arc::new(Directory::new());
    let whole = example::backup();
    let mut young = whole.clone();
    young.events.retain(|event| event.at < example::TAKEOVER);
    young.received.retain(|one| one.at() < example::TAKEOVER);
    young.sent.clear();
    let mut later = example::master(0);
    later.node = whole.node.clone();
    (later.runs[0].pid, later.runs[0].started) = (4712, example::NOW);
    later.events.truncate(1);
    later.received.clear();
    later.sent.clear();
    directory.file("flight.ring", &example::ring(&young));
    let grow = Arc::clone(&directory);
    let restart = Arc::clone(&directory);
    let after: Vec<Box<dyn Fn()>> = vec![
        Box::new(move || drop(grow.file("flight.ring", &example::ring(&whole)))),
        Box::new(|| ()),
        Box::new(move || {
            let path = |name| restart.0.join(name);
            fs::rename(path("flight.ring"), path("flight.ring.previous")).unwrap();
            restart.file("flight.ring", &example::ring(&later));
        }),
        Box::new(|| ()),
    ];
    let printed = Pipe::default();
    let mut output = Output {
        answers: Box::new(Looks {
            printed: printed.clone(),
            after: after.into_iter(),
        }),
        messages: Box::new(std::io::sink()),
        style: Style::default(),
        zone: TimeZone::UTC,
        clock: || example::NOW,
        closed: false,
    };
    let run_dir = directory.0.display().to_string();
    let words = [
        "vrrpctl",
        "--run-dir",
        &run_dir,
        "journal",
        "-f",
        "-n",
        "1",
        "--kind",
        "all",
        "--plain",
    ];
    let exit = run(words.map(std::ffi::OsString::from), &mut output);
    assert_eq!(exit.code(), 0);
    let printed = printed.text();
    let lines: Vec<&str> = printed.lines().skip(1).collect();
    let unique: std::collections::HashSet<&str> = lines.iter().copied().collect();
    assert_eq!(unique.len(), lines.len(), "each record once: {printed}");
    // One of those that were there, everything that came in one burst, and what the next run wrote.
    let told: Vec<String> = lines
        .iter()
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .map(|fields| format!("{} {}", fields[2], fields[4]).trim().to_owned())
        .collect();
    assert_eq!(told[0], "heard 380", "{printed}");
    for new in [
        "event 16",
        "event 17",
        "heard 381",
        "heard 382",
        "heard 390",
    ] {
        assert_eq!(
            told.iter().filter(|one| *one == new).count(),
            1,
            "{new}: {printed}"
        );
    }
    assert!(
        lines.iter().any(|line| line.contains("(pid 812)")),
        "{printed}"
    );
}

#[test]
fn who_follows_nothing_is_told_so() {
    let directory = Directory::new();
    let run_dir = directory.0.display().to_string();
    let (exit, _, message) = call(&["--run-dir", &run_dir, "journal", "-f"]);
    assert_eq!(exit, 3, "{message}");
    assert!(message.contains("no flight recorder in"), "{message}");
}

#[test]
fn every_answer_is_also_json_with_a_schema() {
    let directory = Directory::new();
    let file = directory.file("ring", &example::ring(&example::backup()));
    for command in [
        &["explain", "16"][..],
        &["latency"],
        &["timeline"],
        &["peers"],
    ] {
        let mut words = command.to_vec();
        words.extend(["--json", "--from", &file]);
        let (exit, answer, _) = call(&words);
        let value: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!((exit, &value["schema"]), (0, &1.into()), "{command:?}");
        assert_eq!(value["command"], command[0]);
        assert_eq!(value["nodes"][0]["host"], "lb2", "{command:?}");
        assert_eq!(value["nodes"][0]["unavailable"][0]["what"], "PSI");
    }
}

#[test]
fn two_nodes_are_compared() {
    let directory = Directory::new();
    let first = directory.file("a", &example::ring(&example::master(0)));
    let second = directory.file("b", &example::ring(&example::backup()));
    let (exit, answer, message) = call(&["compare", &first, &second]);
    assert_eq!(exit, 0, "{message}");
    assert!(
        answer.starts_with("lb1 and lb2: 456 adverts in both records, none lost, 3 held"),
        "{answer}"
    );
    let (_, answer, _) = call(&["compare", &first, &second, "--json"]);
    let value: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(value["ways"][0]["held"][0]["sent"]["id"], 381);
    let (_, answer, _) = call(&["compare", &first, &second, "--plain"]);
    assert_eq!(
        answer
            .lines()
            .filter(|line| line.starts_with("held\t"))
            .count(),
        3,
        "{answer}"
    );
    assert!(
        answer.lines().all(|line| line.split('\t').count() == 10),
        "{answer}"
    );
}

#[test]
fn files_that_are_no_records_are_refused_with_the_reason() {
    let directory = Directory::new();
    let empty = directory.file("empty", b"");
    let text = directory.file("text", b"a text that is no record at all\n");
    let short = directory.file("short", b"VRRP");
    let cut = directory.file("cut", &example::ring(&example::backup())[..200]);
    let nothing = directory.0.join("nothing").display().to_string();
    let hollow = Directory::new();
    let hollow = hollow.0.display().to_string();
    for command in COMMANDS {
        let with = |file: &str| {
            let mut words = command.to_vec();
            words.extend(["--from", file]);
            call(&words)
        };
        for file in [&empty, &text, &short, &cut, &hollow] {
            let (exit, answer, message) = with(file);
            assert_eq!(exit, 1, "{command:?} {file}: {message}");
            assert!(
                answer.is_empty() && message.contains(file.as_str()),
                "{message}"
            );
        }
        let (exit, _, message) = with(&nothing);
        assert_eq!(exit, 2, "{message}");
        assert!(message.contains("does not exist"), "{message}");
    }
}

#[test]
fn damage_inside_is_told_and_the_rest_is_read() {
    let directory = Directory::new();
    let mut bytes = example::ring(&example::backup());
    // In the middle of the adverts.
    let at = bytes
        .windows(4)
        .position(|four| four == [10, 0, 0, 2])
        .unwrap();
    for byte in &mut bytes[at + 1_000..at + 1_400] {
        *byte ^= 0x55;
    }
    let file = directory.file("damaged", &bytes);
    for command in COMMANDS {
        let mut words = command.to_vec();
        words.extend(["--from", &file]);
        let (exit, answer, _) = call(&words);
        assert_eq!(exit, 0, "{command:?}\n{answer}");
    }
    let (_, answer, _) = call(&["latency", "--from", &file]);
    assert!(answer.contains("  damage     "), "{answer}");
}

#[test]
fn run_and_journal_directory_collected_in_one_are_one_node() {
    let directory = Directory::new();
    for name in ["run", "journal"] {
        fs::create_dir(directory.0.join(name)).unwrap();
    }
    let history = example::backup();
    directory.file("run/flight.ring", &example::ring(&history));
    directory.file("journal/000001795521000.vrj", &example::segment(&history));
    let place = directory.0.display().to_string();
    let (exit, answer, message) = call(&[
        "explain",
        "--json",
        "--from",
        &place,
        "--since",
        "@1795521800",
    ]);
    assert_eq!(exit, 0, "{message}");
    let value: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(value["nodes"].as_array().unwrap().len(), 1);
    assert_eq!(value["nodes"][0]["read"].as_array().unwrap().len(), 2);
    assert!(value["verdicts"].as_array().unwrap().len() >= 2, "{answer}");
    let (_, answer, _) = call(&["journal", "--ids", "381-384", "--from", &place]);
    assert_eq!(
        answer.matches("heard").count(),
        4,
        "each advert once: {answer}"
    );
}

#[test]
fn a_flight_recorder_that_is_missing_beside_a_journal_is_told() {
    let directory = Directory::new();
    directory.file("000001795521000.vrj", &example::segment(&example::backup()));
    let (run_dir, journal) = ("/nonexistent", directory.0.display().to_string());
    let words = ["--run-dir", run_dir, "latency", "--journal-dir", &journal];
    let (exit, answer, message) = call(&words);
    assert_eq!(exit, 0, "{message}");
    let told = "damage     no flight recorder in /nonexistent: only what the journal kept is known";
    assert!(answer.contains(told), "{answer}");
    let file = directory.file("flight.ring", &example::ring(&example::backup()));
    let words = ["--run-dir", &journal, "latency", "--journal-dir", &journal];
    for words in [&words[..], &["latency", "--from", &file]] {
        let (_, answer, _) = call(words);
        assert!(!answer.contains("no flight recorder"), "{answer}");
    }
}

#[test]
fn two_machines_of_the_same_name_stay_two() {
    let directory = Directory::new();
    let mut other = example::master(0);
    other.node.host = String::from("lb2");
    let first = directory.file("a", &example::ring(&other));
    fs::create_dir(directory.0.join("b")).unwrap();
    let second = directory.file("b/b", &example::ring(&example::backup()));
    let (_, answer, _) = call(&["compare", &first, &second]);
    assert!(
        answer.starts_with("lb2(10.0.0.2) and lb2(10.0.0.3): 456 adverts"),
        "{answer}"
    );
    let (_, answer, _) = call(&[
        "explain", "16", "--from", &second, "--peer", &first, "--json",
    ]);
    let value: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(value["nodes"].as_array().unwrap().len(), 2);
    assert_eq!(value["verdicts"][0]["peer"], "lb2", "{answer}");
    let (_, answer, _) = call(&["timeline", "--from", &first, "--from", &second]);
    assert!(
        answer.contains(" on lb2(10.0.0.2) and lb2(10.0.0.3) in "),
        "{answer}"
    );
}

#[test]
fn without_records_the_tool_says_where_it_looked() {
    let directory = Directory::new();
    let run_dir = directory.0.display().to_string();
    let (exit, _, message) = call(&[
        "--run-dir",
        &run_dir,
        "latency",
        "--journal-dir",
        "/nonexistent",
    ]);
    assert_eq!(exit, 3, "{message}");
    assert!(
        message.contains(&run_dir) && message.contains("--from"),
        "{message}"
    );
}

#[test]
fn wrong_usage_names_what_is_understood() {
    let directory = Directory::new();
    let file = directory.file("ring", &example::ring(&example::backup()));
    for (words, said) in [
        (&["timeline", "--since", "soon"][..], "soon is no time"),
        (
            &["timeline", "--since", "1h", "--until", "2h"],
            "--until is before --since",
        ),
        (
            &["peers", "--router", "vi_9"],
            "no router is named vi_9; there are: loadbalancer",
        ),
        (&["explain", "x"], "the number of an event is like 17"),
        (&["journal", "--apart", "3"], "a length of time is like"),
    ] {
        let mut words = words.to_vec();
        words.extend(["--from", &file]);
        let (exit, _, message) = call(&words);
        assert_eq!(exit, 2, "{message}");
        assert!(message.contains(said), "{message}");
    }
}

#[test]
fn a_capture_and_the_log_beside_it_answer_too() {
    let captures = concat!(env!("CARGO_MANIFEST_DIR"), "/../vrrp-record/tests/captures");
    let capture = format!("{captures}/a.pcapng");
    let log = format!("{captures}/a.log");
    for command in COMMANDS {
        let mut words = command.to_vec();
        words.extend(["--from", &capture, "--node", "10.0.0.1", "--log", &log]);
        let (exit, answer, message) = call(&words);
        let numbered = command.contains(&"16");
        assert_eq!(exit, u8::from(numbered), "{command:?} {message}");
        assert!(numbered || !answer.is_empty());
    }
    let other = format!("{captures}/b-ethernet-micro.pcap");
    let words = [
        "compare", &capture, &other, "--node", "10.0.0.1", "--node", "10.0.0.2",
    ];
    let (_, answer, _) = call(&words);
    assert!(
        answer.contains("72 adverts in both records, none lost, none held"),
        "{answer}"
    );
}

/// A capture of everything is mostly somebody else's traffic: however long it is, each of its adverts is read.
#[test]
fn a_long_capture_answers_as_a_short_one_does() {
    let short = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../vrrp-record/tests/captures/b-ethernet-micro.pcap"
    );
    let content = fs::read(short).unwrap();
    let (head, adverts) = content.split_at(24);
    // A packet of another protocol at the time of the first one.
    let mut other = adverts[..8].to_vec();
    let mut frame = vec![0_u8; 60_000];
    frame[12..14].copy_from_slice(&0x88b5_u16.to_be_bytes());
    let length = u32::try_from(frame.len()).unwrap();
    other.extend(length.to_le_bytes().repeat(2));
    other.extend(frame);
    let mut long = head.to_vec();
    while u64::try_from(long.len()).unwrap() <= super::PIECES {
        long.extend_from_slice(&other);
    }
    long.extend_from_slice(adverts);
    let directory = Directory::new();
    // Of one length: where a line ends depends on it.
    let (long, short) = (
        directory.file("noisy.pcap", &long),
        directory.file("quiet.pcap", &content),
    );
    for command in COMMANDS {
        let answer = |file: &str| {
            let mut words = command.to_vec();
            words.extend(["--from", file, "--node", "10.0.0.2"]);
            let (exit, answer, message) = call(&words);
            let hide = |text: String| text.replace("noisy.pcap", "quiet.pcap");
            (exit, hide(answer), hide(message))
        };
        assert_eq!(answer(&long), answer(&short), "{command:?}");
    }
}
