use std::sync::atomic::{AtomicU64, Ordering};

use vrrp_record::cause::Cause;
use vrrp_record::ring::{Layout, Ring, RunHeader, append_event};
use vrrp_record::text::Name;
use vrrp_record::words::Word;

use super::super::fixture::{router, sent};
use super::*;

const SECOND: i64 = 1_000_000_000;

fn run() -> RunHeader {
    RunHeader {
        host: "lb1".to_owned(),
        pid: 4711,
        started: Time(1_000 * SECOND),
        ..RunHeader::default()
    }
}

fn at(second: i64) -> Time {
    run().started.plus(second * SECOND)
}

fn transition(seq: u64, second: i64) -> Event {
    Event {
        seq,
        unix_ms: at(second).unix_ms(),
        monotonic_ns: u64::try_from(second * SECOND).unwrap(),
        kind: Kind::Transition {
            router: Name::new("vi_1"),
            number: u32::try_from(seq).unwrap(),
            from: Word::Backup,
            to: Word::Master,
            releasing: false,
            cause: Cause::Started,
            priority: 100,
        },
    }
}

/// A run of 200 s that took over at 30 s and at 170 s and was killed: an advert a second, from 1 s on.
struct Killed {
    directory: PathBuf,
    ring: PathBuf,
}

impl Killed {
    fn new(name: &str) -> Self {
        let directory =
            std::env::temp_dir().join(format!("vrrpd-inherit-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        let layout = Layout::new(1 << 20, 4).unwrap();
        let words: Vec<AtomicU64> = (0..layout.bytes() / 8).map(|_| AtomicU64::new(0)).collect();
        let mut ring = Ring::format(&layout, &words, &run()).unwrap();
        ring.descriptions[0].write(&router());
        for second in 1..=200 {
            ring.adverts.append(Record::Sent(advert(second)).encode());
        }
        append_event(&mut ring.events, &transition(1, 30));
        append_event(&mut ring.events, &transition(2, 170));
        ring.life.beat(at(201));
        let bytes: Vec<u8> = words
            .iter()
            .flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes())
            .collect();
        let path = directory.join("flight.ring.previous");
        fs::write(&path, bytes).unwrap();
        Self {
            directory,
            ring: path,
        }
    }

    /// What the run brought to the journal itself: its first window whole, of the second what was older than six seconds.
    fn journal(&self) -> PathBuf {
        let mut frames = Frames::new(run());
        let mut bytes = Vec::new();
        frames.head(&[(0, router())], &[], &mut bytes);
        frames.event(&transition(1, 30), &mut bytes);
        let first: Vec<Record> = (1..=60).map(advert).map(Record::Sent).collect();
        frames.records(&first, &mut bytes);
        frames.detailed(at(0), at(60), &mut bytes);
        frames.event(&transition(2, 170), &mut bytes);
        let second: Vec<Record> = (110..=190).map(advert).map(Record::Sent).collect();
        frames.records(&second, &mut bytes);
        let path = self.directory.join("000000000000001.vrj");
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Everything that is on disk once the run's end is kept.
    fn kept(&self, files: &[PathBuf]) -> (journal::Reading, Vec<Piece>) {
        let pieces = inherit(&self.ring, files.iter().cloned());
        let bytes: Vec<u8> = pieces
            .iter()
            .flat_map(|piece| piece.bytes.clone())
            .collect();
        let own = self.directory.join("000000000000002.vrj");
        fs::write(&own, bytes).unwrap();
        let files = files.iter().chain([&own]);
        let opened = files.map(|file| (file.display(), File::open(file)));
        (journal::read(opened, &Want::all()), pieces)
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn advert(second: i64) -> vrrp_record::history::Sent {
    vrrp_record::history::Sent {
        id: u16::try_from(second).unwrap(),
        ..sent(at(second))
    }
}

fn seconds(reading: &journal::Reading) -> Vec<i64> {
    let sent = reading.history.sent.iter();
    sent.map(|sent| sent.due.since(run().started) / SECOND)
        .collect()
}

#[test]
fn what_a_killed_run_had_not_brought_to_the_journal_is_kept_and_the_rest_not_twice() {
    let killed = Killed::new("rest");
    let own = killed.journal();
    let (reading, pieces) = killed.kept(&[own]);
    assert_eq!(reading.history.damage, Vec::<String>::new());
    let expected: Vec<i64> = (1..=60).chain(110..=200).collect();
    assert_eq!(seconds(&reading), expected);
    let stretches: Vec<(i64, i64)> = reading
        .history
        .detailed
        .iter()
        .map(|(from, until)| (from.since(at(0)) / SECOND, until.since(at(0)) / SECOND))
        .collect();
    assert_eq!(stretches, [(0, 60), (110, 201)]);
    assert_eq!(reading.history.events.len(), 2);
    let run = &reading.history.runs[0];
    assert_eq!((run.ended, run.clean), (Some(at(201)), false));
    let records: u32 = pieces.iter().map(|piece| piece.records).sum();
    assert!(records < 100, "{records}");
    // Once more brings nothing new but the end.
    let files = [
        killed.directory.join("000000000000001.vrj"),
        killed.directory.join("000000000000002.vrj"),
    ];
    let again = inherit(&killed.ring, files.into_iter());
    assert!(again.iter().all(|piece| piece.records <= 1), "{again:?}");
}

#[test]
fn a_journal_that_could_not_be_written_gets_everything_that_the_recorder_has() {
    let killed = Killed::new("all");
    let (reading, pieces) = killed.kept(&[]);
    assert_eq!(reading.history.damage, Vec::<String>::new());
    let expected: Vec<i64> = (1..=60).chain(110..=200).collect();
    assert_eq!(seconds(&reading), expected);
    assert_eq!(reading.history.events.len(), 2);
    assert_eq!(reading.history.routers[0].name, "vi_1");
    assert!(pieces.iter().any(|piece| piece.transition));
}

/// A claim of the run names frames by their numbers: nothing that comes later may stand in for one that was lost.
#[test]
fn frames_of_the_recorder_stand_in_for_no_lost_frame_of_the_journal() {
    let killed = Killed::new("numbers");
    let own = killed.journal();
    let mut bytes = fs::read(&own).unwrap();
    // The adverts of the first window.
    let frame = bytes
        .windows(5)
        .position(|five| five == [0xF7, b'V', b'R', b'J', 3])
        .unwrap();
    bytes[frame + 60] ^= 1;
    fs::write(&own, bytes).unwrap();
    let (reading, _) = killed.kept(&[own]);
    let whole = reading.history.detailed.iter();
    // The recorder still had them, and says so itself.
    assert!(
        whole
            .clone()
            .any(|(from, until)| *from <= at(1) && at(60) <= *until)
    );
    let expected: Vec<i64> = (1..=60).chain(110..=200).collect();
    assert_eq!(seconds(&reading), expected);
}

#[test]
fn a_recorder_that_is_gone_or_damaged_costs_nothing() {
    let killed = Killed::new("gone");
    fs::write(&killed.ring, "no recorder").unwrap();
    assert!(inherit(&killed.ring, std::iter::empty()).is_empty());
    fs::remove_file(&killed.ring).unwrap();
    assert!(inherit(&killed.ring, std::iter::empty()).is_empty());
}
