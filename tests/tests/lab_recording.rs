//! Whatever happens to the recorder and its disk, adverts go out on time, the trouble is reported, and nothing that was
//! kept is lost.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::Pid;
use vrrp_record::status::Journal;
use vrrp_tests::lab::{
    CONFIGURATION, Canary, Capture, Cgroup, Host, Lab, Process, State, is_permitted, status,
    wait_for, wait_until,
};

const BOUND: Duration = Duration::from_secs(20);
const INTERVAL: Duration = Duration::from_millis(100);
/// What a gap may exceed the interval by, beyond what this machine does to the most urgent thread.
const ALLOWED: Duration = Duration::from_millis(10);
/// How long adverts are measured during a trouble: the journal notices a hung disk after a few seconds.
const TROUBLE: Duration = Duration::from_secs(6);
const JOURNAL_DIR: &str = "/run/journal";
const RUN_DIR: &str = "/run/vrrpd";

const CONFIG: &str = "\
vrrp_instance VI {
    interface eth0
    version 3
    virtual_router_id 51
    priority 100
    advert_int 0.1
    virtual_ipaddress {
        10.0.0.7
    }
}
";

/// A host with a running daemon. The daemon goes first, then what its journal lies on.
struct Bench {
    daemon: Process,
    host: Host,
    lab: Lab,
}

impl Bench {
    /// `prepare` makes what the journal's directory lies on.
    fn start(prepare: impl FnOnce(&Host)) -> Self {
        let mut lab = Lab::new();
        lab.segment("lan");
        let host = lab.host("lb1");
        lab.link(&host, "eth0", "lan", &["10.0.0.1/24"]);
        host.write(CONFIGURATION, CONFIG, 0o644);
        prepare(&host);
        let daemon = start(&host);
        let bench = Self { daemon, host, lab };
        bench.wait_master();
        wait_until("the journal has a file", BOUND, || {
            (!bench.segments().is_empty()).then_some(())
        });
        bench
    }

    fn wait_master(&self) {
        wait_until("the router is MASTER", BOUND, || {
            (status(&self.host)?.routers.first()?.state == State::Master).then_some(())
        });
    }

    fn journal(&self) -> Option<Journal> {
        status(&self.host)?.journal
    }

    /// The files of the journal with their sizes.
    fn segments(&self) -> Vec<(PathBuf, u64)> {
        let directory = self.host.root().join(JOURNAL_DIR.trim_start_matches('/'));
        std::fs::read_dir(directory)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|end| end == "vrj"))
            .map(|entry| {
                let size = entry.metadata().map_or(0, |metadata| metadata.len());
                (entry.path(), size)
            })
            .collect()
    }

    /// What a reading command says about the records on the host, whether a daemon lives or not.
    fn reading(&self, words: &[&str]) -> String {
        let mut command = vec!["vrrpctl", "--run-dir", RUN_DIR];
        command.extend(words);
        command.extend(["--journal-dir", JOURNAL_DIR, "--json"]);
        let answer = self.host.run(&command);
        assert_eq!(answer.code, 0, "{}", answer.output);
        answer.output
    }

    /// What the journal and the flight recorder tell, but ordinary adverts.
    fn events(&self) -> String {
        self.reading(&["journal"])
    }

    /// How many of this node's adverts are recorded.
    fn recorded(&self) -> usize {
        self.reading(&["journal", "--kind", "sent"])
            .matches("\"due\"")
            .count()
    }

    /// Measures adverts while `trouble` lasts; each is on time.
    fn on_time(&self, trouble: impl FnOnce()) {
        let canary = Canary::start(Path::new(env!("CARGO_BIN_EXE_xtask")));
        let since = Capture::now();
        trouble();
        let adverts = wait_until("adverts during the trouble", BOUND, || {
            let adverts = self.lab.capture().adverts("lb1", since);
            let last = adverts.last()?.0;
            (last >= since + TROUBLE).then_some(adverts)
        });
        let lateness = canary.finish();
        for pair in adverts.windows(2) {
            let (from, to) = (pair[0].0, pair[1].0);
            let machine = lateness.between(from, to);
            assert!(
                to - from <= INTERVAL + ALLOWED + machine,
                "{:?} between two adverts, while the canary was at most {machine:?} late",
                to - from
            );
        }
    }

    fn thread(&self, name: &str) -> Pid {
        wait_until(&format!("the daemon has a thread {name}"), BOUND, || {
            self.daemon
                .family()
                .into_iter()
                .flat_map(|pid| {
                    std::fs::read_dir(format!("/proc/{pid}/task"))
                        .into_iter()
                        .flatten()
                })
                .filter_map(|entry| Some(entry.ok()?.path()))
                .find(|task| {
                    std::fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim() == name)
                })
                .and_then(|task| task.file_name()?.to_str()?.parse().ok())
                .map(Pid::from_raw)
        })
    }

    /// What is wrong with the journal, in words.
    fn trouble(&self) -> String {
        wait_until("the journal's trouble is reported", BOUND, || {
            self.journal()?.trouble
        })
    }
}

fn start(host: &Host) -> Process {
    host.spawn(&[
        "vrrpd",
        "-n",
        "-l",
        "-D",
        "-f",
        CONFIGURATION,
        "--run-dir",
        RUN_DIR,
        "--journal-dir",
        JOURNAL_DIR,
    ])
}

/// A file system in a file that goes with the host.
fn disk(host: &Host, megabytes: u32) {
    host.must(&format!("truncate -s {megabytes}M /run/disk.img"));
    host.must("mkfs.ext4 -q -F -m 0 /run/disk.img");
    host.must(&format!("mkdir {JOURNAL_DIR}"));
    host.must(&format!("mount -o loop /run/disk.img {JOURNAL_DIR}"));
    host.must(&format!("chmod 777 {JOURNAL_DIR}"));
}

/// A frozen file system: everything that writes to it hangs until this goes.
struct Hung(Host);

impl Hung {
    fn new(host: &Host) -> Self {
        host.must(&format!("fsfreeze --freeze {JOURNAL_DIR}"));
        Self(host.clone())
    }
}

impl Drop for Hung {
    fn drop(&mut self) {
        let _ = self.0.run(&["fsfreeze", "--unfreeze", JOURNAL_DIR]);
    }
}

#[test]
fn what_was_recorded_outlives_a_kill() {
    if !is_permitted() {
        return;
    }
    let mut bench = Bench::start(|_| {});
    wait_until("twenty adverts", BOUND, || {
        (bench.lab.capture().adverts("lb1", Duration::ZERO).len() >= 20).then_some(())
    });
    bench.daemon.kill_family();
    let sent = bench.lab.capture().adverts("lb1", Duration::ZERO).len();
    let ring = bench.host.root().join("run/vrrpd/flight.ring");
    let killed = std::fs::metadata(&ring).expect("the ring outlives its process");
    assert!(killed.len() > 0);
    // The dead daemon's records are read as a living one's.
    bench.reading(&["latency"]);
    let dead = bench.recorded();
    assert!(
        dead >= sent,
        "{dead} adverts are recorded, {sent} were on the wire before the kill"
    );
    bench.daemon = start(&bench.host);
    bench.wait_master();
    wait_until("the new run says how the last one ended", BOUND, || {
        bench
            .daemon
            .log()
            .contains("ended without a goodbye")
            .then_some(())
    });
    // The next run's adverts are recorded beside those of the dead one, not instead of them.
    let again = bench.lab.capture().adverts("lb1", Duration::ZERO).len();
    let recorded = wait_for(BOUND, || {
        let recorded = bench.recorded();
        (recorded >= again).then_some(recorded)
    });
    assert!(
        recorded.is_some(),
        "{} adverts are recorded, {again} were on the wire",
        bench.recorded()
    );
}

#[test]
fn a_frozen_journal_thread_delays_no_advert_and_loses_nothing() {
    if !is_permitted() {
        return;
    }
    let bench = Bench::start(|_| {});
    let Some(group) = Cgroup::new("freezer") else {
        println!("SKIPPED: no control groups of version 1 that freeze single threads");
        return;
    };
    let before = bench.events();
    assert!(before.contains("transition"), "{before}");
    bench.on_time(|| {
        group.add_thread(bench.thread("journal")).expect("it lives");
        group.freeze().expect("one thread can be frozen");
    });
    let trouble = bench.trouble();
    println!("reported: {trouble}");
    drop(group);
    wait_until("the trouble is over", BOUND, || {
        bench.journal()?.trouble.is_none().then_some(())
    });
    assert_eq!(bench.journal().map(|journal| journal.lost), Some(0));
    assert!(bench.events().contains("transition"));
}

#[test]
fn a_hung_disk_delays_no_advert_and_is_reported() {
    if !is_permitted() {
        return;
    }
    let bench = Bench::start(|host| disk(host, 64));
    let kept = bench.segments();
    let mut hung = None;
    bench.on_time(|| {
        hung = Some(Hung::new(&bench.host));
        // Something to write down.
        bench.daemon.signal(nix::sys::signal::Signal::SIGHUP);
    });
    let trouble = bench.trouble();
    println!("reported: {trouble}");
    drop(hung);
    wait_until("the trouble is over", BOUND, || {
        bench.journal()?.trouble.is_none().then_some(())
    });
    for (path, size) in kept {
        let now = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
        assert!(now >= size, "{} shrank to {now} bytes", path.display());
    }
    assert!(bench.events().contains("reload"));
}

#[test]
fn a_full_disk_delays_no_advert_and_is_reported() {
    if !is_permitted() {
        return;
    }
    let bench = Bench::start(|host| disk(host, 32));
    let kept = bench.segments();
    bench.on_time(|| {
        let _ = bench.host.run(&[
            "dd",
            "if=/dev/zero",
            &format!("of={JOURNAL_DIR}/fill"),
            "bs=64k",
            "status=none",
        ]);
        bench.daemon.signal(nix::sys::signal::Signal::SIGHUP);
    });
    let trouble = bench.trouble();
    println!("reported: {trouble}");
    for (path, size) in kept {
        let now = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
        assert!(now >= size, "{} shrank to {now} bytes", path.display());
    }
    bench.host.must(&format!("rm {JOURNAL_DIR}/fill"));
    bench.daemon.signal(nix::sys::signal::Signal::SIGHUP);
    wait_until("the trouble is over", BOUND * 3, || {
        bench.journal()?.trouble.is_none().then_some(())
    });
}

#[test]
fn a_deleted_run_directory_delays_no_advert_and_is_reported() {
    if !is_permitted() {
        return;
    }
    let bench = Bench::start(|_| {});
    let kept = bench.segments();
    bench.on_time(|| bench.host.must(&format!("rm -rf {RUN_DIR}")));
    let reported = wait_for(BOUND, || {
        bench.daemon.log().contains("flight.ring").then_some(())
    });
    assert!(
        reported.is_some(),
        "nothing is said about the ring:\n{}",
        bench.daemon.log()
    );
    for (path, size) in kept {
        let now = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
        assert!(now >= size, "{} shrank to {now} bytes", path.display());
    }
    bench.daemon.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(bench.daemon.wait(BOUND).code, 0);
}
