use super::*;

const DAY: i64 = 86_400_000;

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("vrrpd-disk-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn disk(&self, bytes: u64) -> Disk {
        let bounds = Bounds {
            bytes,
            age: Duration::from_secs(30 * 86_400),
            free_percent: 0,
        };
        Disk::open(&self.0, bounds).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn every_file_begins_with_the_head_and_is_found_again() {
    let scratch = Scratch::new("head");
    let mut disk = scratch.disk(8_000_000);
    for number in 0..4 {
        disk.append(b"HEAD", &[number; 200_000], 1_000, true)
            .unwrap();
    }
    let files: Vec<PathBuf> = disk.files().collect();
    assert_eq!(files.len(), 2);
    for file in &files {
        let content = fs::read(file).unwrap();
        assert_eq!(&content[..4], b"HEAD");
        assert_eq!(content.len(), 400_004);
    }
    let again = scratch.disk(8_000_000);
    assert_eq!((again.bytes(), again.oldest()), (800_008, Some(1_000)));
    let mode = fs::metadata(&files[0]).unwrap().mode();
    assert_eq!(mode & 0o777 & !0o640, 0);
}

#[test]
fn a_file_does_not_end_within_a_window() {
    let scratch = Scratch::new("window");
    let mut disk = scratch.disk(8_000_000);
    for _ in 0..3 {
        disk.append(b"", &[1; 200_000], 1_000, false).unwrap();
    }
    assert_eq!(scratch.names().len(), 1);
    // Not for ever, though.
    for _ in 0..5 {
        disk.append(b"", &[1; 200_000], 1_000, false).unwrap();
    }
    assert_eq!(scratch.names().len(), 2);
}

#[test]
fn the_oldest_goes_and_the_whole_stays_below_its_bound() {
    let scratch = Scratch::new("bound");
    let mut disk = scratch.disk(4_000_000);
    for number in 0..100 {
        disk.append(b"H", &[1; 100_000], number, true).unwrap();
        let there: u64 = disk
            .files()
            .map(|file| fs::metadata(file).unwrap().len())
            .sum();
        assert_eq!(there, disk.bytes());
        assert!(there <= 4_000_001, "{there}");
    }
    assert!(disk.oldest().unwrap() > 50);
    // An old directory that is larger than a new bound shrinks.
    let mut smaller = scratch.disk(1_000_000);
    smaller.append(b"H", b"x", 1_000, true).unwrap();
    assert!(smaller.bytes() <= 1_000_000);
}

#[test]
fn anomalies_do_not_push_transitions_out_but_transitions_do_not_take_all() {
    let scratch = Scratch::new("kept");
    let mut disk = scratch.disk(4_000_000);
    disk.append(b"H", &[1; 300_000], 1, true).unwrap();
    assert_eq!(scratch.names().len(), 1);
    disk.append(b"H", &[1; 100_000], 2, false).unwrap();
    disk.keep().unwrap();
    disk.append(b"H", &[1; 300_000], 2, true).unwrap();
    for number in 10..200 {
        disk.append(b"H", &[1; 100_000], number, true).unwrap();
    }
    let transitions = |names: &[String]| {
        names
            .iter()
            .filter(|name| name.contains("-transition"))
            .count()
    };
    assert_eq!(transitions(&scratch.names()), 1);
    for number in 200..400 {
        disk.append(b"H", &[1; 300_000], number, false).unwrap();
        disk.keep().unwrap();
        disk.append(b"H", b"end", number, true).unwrap();
        assert!(disk.bytes() <= 4_300_000);
    }
    assert!(transitions(&scratch.names()) > 5);
    assert!(!scratch.names()[0].starts_with("000000000000002"));
}

#[test]
fn what_is_older_than_the_age_goes_although_there_is_room() {
    let scratch = Scratch::new("age");
    let mut disk = scratch.disk(32_000_000);
    for day in 0..40 {
        disk.append(b"H", &[1; 1_000_000], day * DAY, true).unwrap();
    }
    assert!(disk.oldest().unwrap() >= 8 * DAY, "{:?}", disk.oldest());
    assert!(disk.oldest().unwrap() <= 10 * DAY, "{:?}", disk.oldest());
}

#[test]
fn a_file_that_somebody_removed_is_begun_anew() {
    let scratch = Scratch::new("removed");
    let mut disk = scratch.disk(4_000_000);
    disk.append(b"H", b"one", 1, false).unwrap();
    fs::remove_file(disk.files().next().unwrap()).unwrap();
    disk.append(b"H", b"two", 2, false).unwrap();
    assert_eq!(
        fs::read(disk.files().next_back().unwrap()).unwrap(),
        b"Htwo"
    );
}

#[test]
fn too_little_free_disk_stops_it_and_says_so() {
    let scratch = Scratch::new("free");
    let mut disk = scratch.disk(4_000_000);
    disk.bound(Bounds {
        // More than any file system can have.
        free_percent: 101,
        ..disk.bounds
    });
    let error = disk.append(b"H", b"one", 1, true).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert!(
        error.to_string().contains("% of the file system are free"),
        "{error}"
    );
    assert!(scratch.names().is_empty());
}

#[test]
fn names_that_are_not_ours_are_left_alone() {
    let scratch = Scratch::new("names");
    for name in ["vrrpd.lock", "notes.vrj", "5x.vrj", "7.vrj.gz"] {
        fs::write(scratch.0.join(name), b"x").unwrap();
    }
    let disk = scratch.disk(4_000_000);
    assert_eq!((disk.bytes(), disk.oldest()), (0, None));
}

/// A file system without room left takes the head of a file and no piece: each try would leave another such file.
#[test]
fn a_file_whose_first_piece_does_not_fit_is_taken_away_and_one_with_pieces_stays() {
    let scratch = Scratch::new("bare");
    let mut disk = scratch.disk(4_000_000);
    let refuse = |disk: &mut Disk| {
        // A descriptor that takes nothing stands for a full disk.
        let file = disk.files().next_back().unwrap();
        disk.open = Some(File::open(file).unwrap());
    };
    disk.begin(b"HEAD", 1_000).unwrap();
    refuse(&mut disk);
    disk.append(b"HEAD", b"piece", 1_000, true).unwrap_err();
    assert_eq!(scratch.names(), Vec::<String>::new());
    assert_eq!((disk.bytes(), disk.oldest()), (0, None));
    disk.append(b"HEAD", b"piece", 2_000, true).unwrap();
    refuse(&mut disk);
    disk.append(b"HEAD", b"piece", 2_000, true).unwrap_err();
    assert_eq!(scratch.names().len(), 1);
    assert_eq!(disk.bytes(), 9);
}
