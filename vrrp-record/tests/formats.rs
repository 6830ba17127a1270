//! The worked examples of docs/formats.md are what the code writes, and are read as the text says.
#![expect(clippy::unwrap_used, reason = "a test")]

use vrrp_record::history::{Sent, Time, Want};
use vrrp_record::journal::{self, Frames};
use vrrp_record::ring::{Record, RunHeader};

const TEXT: &str = include_str!("../../docs/formats.md");

/// The bytes of the example of that name: a line is an offset, a colon and hexadecimal bytes.
fn example(name: &str) -> Vec<u8> {
    let start = TEXT.split_once(&format!("```hex {name}\n")).unwrap().1;
    let block = start.split_once("```").unwrap().0;
    let mut bytes = Vec::new();
    for line in block.lines() {
        let (offset, words) = line.split_once(':').unwrap();
        assert_eq!(usize::from_str_radix(offset, 16).unwrap(), bytes.len());
        let words = words.split_whitespace();
        bytes.extend(words.map(|word| u8::from_str_radix(word, 16).unwrap()));
    }
    bytes
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (row, chunk) in bytes.chunks(16).enumerate() {
        let words: Vec<String> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
        text += &format!("{:04x}: {}\n", row * 16, words.join(" "));
    }
    text
}

#[test]
fn the_example_of_an_advert_is_right() {
    let due = Time(1_700_000_001_000_000_000);
    let record = Record::Sent(Sent {
        copies_accepted: 1,
        woke: Some(due.plus(60_000)),
        submitted: Some(due.plus(70_000)),
        accepted: Some(due.plus(90_000)),
        queued: Some(due.plus(95_000)),
        left: Some(due.plus(99_000)),
        ..Sent::scheduled(0, 4660, 101, due)
    });
    let bytes = record.encode().seal(1);
    assert_eq!(example("advert"), bytes, "it should be:\n{}", hex(&bytes));
    assert_eq!(Record::decode(&example("advert")), Some(record));
}

#[test]
fn the_example_of_a_frame_is_right() {
    let started = Time(1_700_000_000_000_000_000);
    let mut frames = Frames::new(RunHeader {
        started,
        ..RunHeader::default()
    });
    let mut before = Vec::new();
    for _ in 0..6 {
        frames.detailed(started, started, &mut before);
    }
    let mut bytes = Vec::new();
    let ended = Time(1_700_000_400_000_000_000);
    frames.ended(ended, true, &mut bytes);
    assert_eq!(example("ended"), bytes, "it should be:\n{}", hex(&bytes));
    let frame = example("ended");
    let read = journal::read([("example", Ok(&frame[..]))], &Want::all());
    let run = &read.history.runs[0];
    assert_eq!(
        (run.started, run.ended, run.clean),
        (started, Some(ended), true)
    );
}
