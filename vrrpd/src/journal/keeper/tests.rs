use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use vrrp_record::cause::Cause;
use vrrp_record::event::Anomaly;
use vrrp_record::history::Want;
use vrrp_record::journal::{Reading, read};
use vrrp_record::words::Word;

use super::*;
use crate::journal::disk::Disk;
use crate::journal::fixture;
use crate::journal::minutes::Minutes;
use crate::journal::records::Fresh;

/// A daemon with one router that sends once a second, under virtual time.
struct Bench {
    path: PathBuf,
    keeper: Option<Keeper>,
    past: Past,
    minutes: Minutes,
    second: i64,
}

fn bounds() -> Bounds {
    Bounds {
        bytes: 50_000_000,
        age: Duration::from_secs(86_400 * 365 * 100),
        free_percent: 0,
    }
}

impl Bench {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("vrrpd-keeper-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        let (writer, begun) = Writer::start(path.clone(), bounds(), Arc::default(), None).unwrap();
        begun.recv().unwrap();
        let keeper = Keeper::new(RunHeader::default(), writer);
        assert!(keeper.describe(&[fixture::router()], &[]));
        Self {
            path,
            keeper: Some(keeper),
            past: Past::default(),
            minutes: Minutes::default(),
            second: 0,
        }
    }

    /// So many quiet seconds.
    fn run(&mut self, seconds: i64) {
        let keeper = self.keeper.as_mut().unwrap();
        for _ in 0..seconds {
            self.second += 1;
            let due = Time(self.second * SECOND);
            let sent = fixture::sent(due);
            let fresh = Fresh {
                due: vec![sent],
                settled: vec![sent],
                ..Fresh::default()
            };
            self.past.add(&fresh, due);
            keeper.minutes(&self.minutes.add(&fresh, due));
            keeper.turn(&self.past, due);
        }
    }

    fn happens(&mut self, kind: Kind) {
        let at = Time(self.second * SECOND);
        let event = Event {
            seq: 1,
            unix_ms: 0,
            monotonic_ns: u64::try_from(at.0).unwrap(),
            kind,
        };
        self.past.event(at, event);
        self.keeper.as_mut().unwrap().event(&event, at);
    }

    /// Ends it, cleanly or by kill, and reads what is on disk.
    fn read(mut self, clean: bool) -> Reading {
        let mut keeper = self.keeper.take().unwrap();
        if clean {
            let minutes = self.minutes.end();
            keeper.end(&self.past, &minutes, Time(self.second * SECOND), true);
        }
        drop(keeper);
        let disk = Disk::open(&self.path, bounds()).unwrap();
        let files = disk.files().map(|file| {
            let open = File::open(&file);
            (file.display().to_string(), open)
        });
        let reading = read(files, &Want::all());
        fs::remove_dir_all(&self.path).unwrap();
        assert_eq!(reading.history.damage, Vec::<String>::new());
        reading
    }
}

/// The seconds whose adverts are there in full.
fn seconds(reading: &Reading) -> Vec<i64> {
    let sent = reading.history.sent.iter();
    sent.map(|sent| sent.due.0 / SECOND).collect()
}

fn takeover(number: u32) -> Kind {
    Kind::Transition {
        router: Name::new("vi_1"),
        from: Word::Backup,
        to: Word::Master,
        releasing: false,
        cause: Cause::Started,
        priority: 100,
        number,
    }
}

fn anomaly(number: u32) -> Kind {
    Kind::Anomaly {
        router: Some(Name::new("vi_1")),
        number,
        what: Anomaly::SentLate,
        count: 1,
        worst_us: 1,
    }
}

#[test]
fn a_transition_is_kept_with_a_minute_before_and_half_a_minute_after() {
    let mut bench = Bench::new("window");
    bench.run(300);
    bench.happens(takeover(17));
    bench.run(300);
    let reading = bench.read(true);
    assert_eq!(seconds(&reading), (241..=330).collect::<Vec<i64>>());
    assert_eq!(reading.history.events.len(), 1);
    assert_eq!(
        reading.history.detailed,
        [(Time(240 * SECOND), Time(330 * SECOND))]
    );
    let counted: u64 = reading
        .history
        .minutes
        .iter()
        .filter(|minute| minute.stage == vrrp_record::history::Stage::Wake)
        .map(|minute| minute.histogram.count())
        .sum();
    assert_eq!(counted, 600);
    assert!(reading.history.runs[0].clean);
}

#[test]
fn quiet_times_leave_minutes_only() {
    let mut bench = Bench::new("quiet");
    bench.run(600);
    let reading = bench.read(true);
    assert_eq!(reading.history.sent.len(), 0);
    assert!(reading.history.minutes.len() >= 10);
}

#[test]
fn windows_that_touch_are_one_and_no_record_is_written_twice() {
    let mut bench = Bench::new("touch");
    bench.run(100);
    bench.happens(anomaly(1));
    bench.run(20);
    bench.happens(takeover(2));
    bench.run(50);
    bench.happens(takeover(3));
    bench.run(100);
    let reading = bench.read(true);
    assert_eq!(seconds(&reading), (41..=200).collect::<Vec<i64>>());
}

#[test]
fn anomalies_get_so_many_windows_an_hour_and_transitions_get_theirs_all_the_same() {
    let mut bench = Bench::new("limit");
    for number in 0..20 {
        bench.run(120);
        bench.happens(anomaly(number + 1));
    }
    bench.run(120);
    bench.happens(takeover(100));
    bench.run(60);
    let reading = bench.read(true);
    let windows = reading.history.detailed.len();
    assert_eq!(windows, usize::try_from(WINDOWS).unwrap() + 1);
    // What has no window is told all the same.
    assert_eq!(reading.history.events.len(), 21);
}

#[test]
fn a_daemon_that_is_killed_loses_nothing_of_what_was_handed_over() {
    let mut bench = Bench::new("killed");
    bench.run(100);
    bench.happens(takeover(1));
    bench.run(20);
    let reading = bench.read(false);
    let last = reading.history.sent.last().unwrap().due.0 / SECOND;
    assert!(
        (120 - SETTLED / SECOND - BATCH / SECOND..=120).contains(&last),
        "{last}"
    );
    assert_eq!(
        reading.history.sent.len(),
        usize::try_from(last - 40).unwrap()
    );
    assert_eq!(reading.history.events.len(), 1);
    assert!(!reading.history.runs[0].clean);
}

#[test]
fn a_description_that_the_mailbox_has_no_room_for_is_not_taken_for_told() {
    let (writer, _mailbox) = Writer::stuck();
    let keeper = Keeper::new(RunHeader::default(), writer);
    assert!(!keeper.describe(&[fixture::router()], &[]));
}
