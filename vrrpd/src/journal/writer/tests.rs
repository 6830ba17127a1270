use std::fs;

use super::*;

fn scratch(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("vrrpd-writer-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    path
}

fn bounds() -> Bounds {
    Bounds {
        bytes: 4_000_000,
        age: Duration::from_secs(86_400),
        free_percent: 0,
    }
}

fn piece(bytes: usize) -> Piece {
    Piece {
        bytes: vec![7; bytes],
        records: 1,
        transition: false,
        goes_on: false,
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(30), "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_was_handed_over_is_on_disk_when_the_writer_ends() {
    let path = scratch("end");
    let (writer, begun) = Writer::start(path.clone(), bounds(), Arc::default(), None).unwrap();
    assert!(matches!(begun.recv().unwrap(), Begun::Ready(None)));
    assert!(writer.head(b"HEAD".to_vec()));
    writer.write(Piece {
        transition: true,
        ..piece(100)
    });
    drop(writer);
    let disk = Disk::open(&path, bounds()).unwrap();
    let files: Vec<PathBuf> = disk.files().collect();
    assert_eq!(files.len(), 1);
    assert!(files[0].to_str().unwrap().ends_with("-transition.vrj"));
    assert_eq!(fs::read(&files[0]).unwrap().len(), 104);
    fs::remove_dir_all(&path).unwrap();
}

#[test]
fn a_directory_in_use_is_refused_with_the_other_daemons_pid() {
    let path = scratch("in-use");
    let (first, begun) = Writer::start(path.clone(), bounds(), Arc::default(), None).unwrap();
    begun.recv().unwrap();
    let (_second, begun) = Writer::start(path.clone(), bounds(), Arc::default(), None).unwrap();
    let Begun::InUse(error) = begun.recv().unwrap() else {
        panic!("not refused");
    };
    assert!(
        error
            .to_string()
            .contains(&format!("pid {}", std::process::id()))
    );
    drop(first);
    fs::remove_dir_all(&path).unwrap();
}

#[test]
fn a_directory_that_cannot_be_made_is_shown_and_costs_records_only() {
    let live = Arc::new(Live::default());
    let path = PathBuf::from("/proc/nowhere");
    let (writer, begun) = Writer::start(path, bounds(), Arc::clone(&live), None).unwrap();
    assert!(matches!(begun.recv().unwrap(), Begun::Trouble));
    for _ in 0..3 {
        writer.write(piece(10));
    }
    until("counted", || writer.lost() == 3);
    until("shown", || {
        let facts = live.journal().unwrap();
        facts.lost == 3
            && facts
                .trouble
                .is_some_and(|why| why.contains("/proc/nowhere"))
    });
}

#[test]
fn a_deleted_directory_is_made_again() {
    let path = scratch("deleted");
    let live = Arc::new(Live::default());
    let (writer, begun) = Writer::start(path.clone(), bounds(), Arc::clone(&live), None).unwrap();
    begun.recv().unwrap();
    writer.write(piece(10));
    until("the first piece", || live.journal().unwrap().bytes == 10);
    fs::remove_dir_all(&path).unwrap();
    writer.write(piece(20));
    until("the second piece", || live.journal().unwrap().bytes == 20);
    assert_eq!(writer.lost(), 0);
    drop(writer);
    fs::remove_dir_all(&path).unwrap();
}

/// The thread is held where it tells the status, as a disk that hangs would hold it.
#[test]
fn a_disk_that_hangs_holds_nobody_and_what_it_costs_is_counted() {
    let path = scratch("hang");
    let live = Arc::new(Live::default());
    let (writer, begun) = Writer::start(path.clone(), bounds(), Arc::clone(&live), None).unwrap();
    begun.recv().unwrap();
    let held = live.lock();
    let begin = Instant::now();
    for _ in 0..10_000 {
        writer.write(piece(10_000));
    }
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "{:?}",
        begin.elapsed()
    );
    assert!(writer.lost() > 9_000, "{}", writer.lost());
    assert!(writer.waiting.load(Ordering::Relaxed) <= BYTES);
    drop(held);
    until("it goes on", || writer.waiting.load(Ordering::Relaxed) == 0);
    drop(writer);
    fs::remove_dir_all(&path).unwrap();
}
