//! Files that were cut off, or in which bits turned: the readers go on, and show nothing that was not written.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;

use vrrp_record::history::{History, Want};
use vrrp_record::{journal, ring};

mod recording;

use recording::{complete, journal_file, records, ring_file, written};

const ROUNDS: u64 = 1_000;

/// SplitMix64: the same damage in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        (mixed % limit as u64) as usize
    }
}

/// One of: cut off, a few bits turned, a stretch overwritten by zeros, by another stretch, or removed.
fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    let length = bytes.len();
    let stretch = |random: &mut Random| {
        let from = random.below(length);
        from..length.min(from + 1 + random.below(2_000))
    };
    match random.below(8) {
        0 | 1 => bytes.truncate(random.below(length)),
        2..=4 => {
            for _ in 0..=random.below(16) {
                let bit = random.below(8 * length);
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
        }
        5 => bytes[stretch(random)].fill(0),
        6 => {
            let from = stretch(random);
            let to = random.below(length - from.len() + 1);
            bytes.copy_within(from, to);
        }
        _ => drop(bytes.drain(stretch(random))),
    }
}

fn nothing_else(seed: u64, history: &History, written: &BTreeSet<String>) {
    for record in records(history) {
        assert!(written.contains(&record), "seed {seed}: {record}");
    }
    if let Err(text) = complete(history) {
        panic!("seed {seed}: {text}; {:?}", history.damage);
    }
}

#[test]
fn the_undamaged_files_hold_what_was_written() {
    let written = written();
    let reading = ring::read(&ring_file()).unwrap();
    assert!(
        reading.history.damage.is_empty(),
        "{:?}",
        reading.history.damage
    );
    nothing_else(0, &reading.history, &written);
    assert!(!reading.history.detailed.is_empty());
    let counts = |history: &History| {
        [
            history.sent.len(),
            history.received.len(),
            history.rejected.len(),
            history.stalls.len(),
            history.samples.len(),
            history.minutes.len(),
            history.events.len(),
            history.routers.len(),
        ]
    };
    assert!(counts(&reading.history).iter().all(|count| *count > 2));
    assert!(!reading.transitions.is_empty() && reading.resumes.len() == 1);
    let bytes = journal_file();
    let reading = journal::read([("1", Ok(&bytes[..]))], &Want::all());
    nothing_else(0, &reading.history, &written);
    assert!(counts(&reading.history).iter().all(|count| *count > 2));
    assert!(!reading.history.detailed.is_empty());
}

#[test]
fn a_damaged_ring_shows_nothing_that_was_not_written() {
    let (whole, written) = (ring_file(), written());
    let (mut read, mut told) = (0, 0);
    for seed in 0..ROUNDS {
        let (mut bytes, mut random) = (whole.clone(), Random(seed));
        damage(&mut bytes, &mut random);
        let Ok(reading) = ring::read(&bytes) else {
            continue;
        };
        read += 1;
        told += u32::from(!reading.history.damage.is_empty());
        nothing_else(seed, &reading.history, &written);
        for one in &reading.transitions {
            assert!(written.contains(&format!("{one:?}")), "seed {seed}");
        }
        for one in &reading.resumes {
            // Not merely something that was written once: the last.
            assert_eq!(one.id, 399, "seed {seed}");
            assert!(written.contains(&format!("{one:?}")), "seed {seed}");
        }
    }
    assert!(read > ROUNDS / 2 && told > 0, "{read} read, {told} told");
}

#[test]
fn a_damaged_journal_shows_nothing_that_was_not_written_and_tells_that_it_is_damaged() {
    let (whole, written) = (journal_file(), written());
    let undamaged = journal::read([("1", Ok(&whole[..]))], &Want::all());
    for seed in 0..ROUNDS {
        let (mut bytes, mut random) = (whole.clone(), Random(seed));
        damage(&mut bytes, &mut random);
        let reading = journal::read([("1", Ok(&bytes[..]))], &Want::all());
        nothing_else(seed, &reading.history, &written);
        for one in &reading.transitions {
            assert!(written.contains(&format!("{one:?}")), "seed {seed}");
        }
        let fewer = records(&reading.history).len() < records(&undamaged.history).len();
        let ended_early = whole.starts_with(&bytes);
        assert!(
            !fewer || ended_early || !reading.history.damage.is_empty(),
            "seed {seed}: records are gone without a word"
        );
    }
}

#[test]
fn bytes_that_never_were_a_file_are_refused() {
    let mut random = Random(1);
    for length in [0, 1, 7, 8, 4_095, 4_096, 100_000] {
        let bytes: Vec<u8> = (0..length).map(|_| random.below(256) as u8).collect();
        assert!(ring::read(&bytes).is_err());
        let reading = journal::read([("1", Ok(&bytes[..]))], &Want::all());
        assert!(records(&reading.history).is_empty());
        assert_eq!(reading.history.damage.len(), usize::from(length > 0));
    }
}

/// Begins the corpus of the fuzz targets: `VRRP_FUZZ_CORPUS=fuzz/corpus cargo test -p vrrp-record --test damage corpus`.
#[test]
fn corpus_of_the_fuzz_targets() {
    let Some(place) = std::env::var_os("VRRP_FUZZ_CORPUS") else {
        return;
    };
    let place = std::path::PathBuf::from(place);
    for (name, bytes) in [("ring", ring_file()), ("journal", journal_file())] {
        std::fs::create_dir_all(place.join(name)).unwrap();
        std::fs::write(place.join(name).join("whole"), bytes).unwrap();
    }
}
