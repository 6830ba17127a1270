//! The journal of a whole daemon: what it keeps, and what a disk in trouble costs: journal entries, never an advert.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use vrrp_record::event::Kind;
use vrrp_record::history::Want;
use vrrp_record::journal::{Reading, read};

use crate::host::{Daemon, Host, VRRPD, eventually, fast};

/// Mounts a small tmpfs of its own as the host's journal directory.
const SMALL: &str = "mkdir journal; mount -t tmpfs -o size=400k,mode=0755 tmpfs journal";
/// Room of its own for the journal's directory: how full the machine's disk is has no say in what is kept.
const ROOM: &str = "mkdir disk; mount -t tmpfs -o size=64m,mode=0755 tmpfs disk";
/// The directory there, which the daemon can make again.
const ON_DISK: &str = "disk/journal";

pub(crate) fn start<'a>(host: &'a Host, config: &Path, directory: &str) -> Daemon<'a> {
    let directory = host.path(directory);
    host.daemon_with(config, "run", |command| {
        command.arg("--journal-dir").arg(directory);
        command.args(["--metrics", "127.0.0.1:9650"]);
    })
}

/// A shell command on the host, in its scratch directory.
fn shell(host: &Host, script: &str) -> String {
    let script = format!("cd {} && {script}", host.scratch.display());
    let output = host.output("bash", &["-c", &script]);
    assert!(output.status.success(), "{script}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Whether the host has this file, where it has mounted what.
fn is_there(host: &Host, name: &str) -> bool {
    let path = host.path(name).display().to_string();
    host.output("test", &["-e", &path]).status.success()
}

/// A number of the metrics page, where it is there.
fn metric(host: &Host, name: &str) -> Option<f64> {
    let get =
        "exec 3<>/dev/tcp/127.0.0.1/9650; printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3";
    let output = host.output("bash", &["-c", get]);
    let page = String::from_utf8(output.stdout).unwrap();
    let line = page.lines().find(|line| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with([' ', '{']))
    })?;
    line.rsplit(' ').next()?.parse().ok()
}

/// Adverts go on: so many in so long, and each left this kernel.
pub(crate) fn assert_adverts_go_on(host: &Host) {
    let due = || metric(host, "vrrpd_adverts_due_total").unwrap();
    let first = due();
    eventually("twenty more adverts", || {
        (due() >= first + 20.0).then_some(())
    });
    let built = metric(host, "vrrpd_adverts_built_total").unwrap();
    assert!(built >= first + 20.0, "{built}");
}

/// What the files hold, read where the host has mounted them: nothing while there is no file yet, since the directory
/// and its lock come first.
fn journal(host: &Host, directory: &str) -> Reading {
    let copy = host.path("copy");
    let _ = fs::remove_dir_all(&copy);
    let found = format!("find {directory} -maxdepth 1 -name '*.vrj'");
    shell(
        host,
        &format!("mkdir copy && {found} -exec cp {{}} copy/ ';'"),
    );
    let mut files: Vec<PathBuf> = fs::read_dir(&copy)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let files = files
        .iter()
        .map(|file| (file.display().to_string(), File::open(file)));
    read(files, &Want::all())
}

fn transitions(reading: &Reading) -> Vec<u32> {
    let events = reading.history.events.iter();
    events
        .filter(|event| matches!(event.event.kind, Kind::Transition { .. }))
        .filter_map(|event| event.event.kind.number())
        .collect()
}

/// The link goes away and comes back: a transition to FAULT and two more.
fn flap(host: &Host, daemon: &Daemon<'_>, times: usize) {
    shell(host, "ip link set eth0 down");
    daemon.says_times("Entering FAULT STATE", times);
    shell(
        host,
        "ip link set eth0 up; ip address add 10.9.0.1/24 dev eth0 || true",
    );
    daemon.says_times("Entering MASTER STATE", times + 1);
}

#[test]
fn transitions_are_kept_with_their_verdicts_and_numbers_go_on_after_a_kill() {
    // With a flight recorder, which is on tmpfs only.
    let room = format!("{ROOM}; mkdir run; mount -t tmpfs -o mode=0755 tmpfs run");
    let Some(host) = Host::with(&room) else {
        return;
    };
    let config = host.write("keepalived.conf", &fast("", ""));
    let mut daemon = start(&host, &config, ON_DISK);
    daemon.says("Entering MASTER STATE");
    flap(&host, &daemon, 1);
    daemon.says("explained:");
    let before = eventually("the transitions on disk", || {
        let reading = journal(&host, ON_DISK);
        // A veth has no counter of queue stalls, on any kernel: whoever reads the verdicts has to know.
        let missing = reading.history.unavailable.iter();
        let told = missing.filter(|missing| missing.what == "queue stalls on eth0");
        (transitions(&reading).len() >= 5 && !reading.verdicts.is_empty() && told.count() == 1)
            .then_some(reading)
    });
    let numbers = transitions(&before);
    daemon.signal(Signal::SIGKILL);
    daemon.ends();
    let killed = journal(&host, ON_DISK);
    assert!(transitions(&killed).starts_with(&numbers), "{numbers:?}");
    assert_eq!(killed.history.damage, Vec::<String>::new());
    assert!(!killed.history.runs[0].clean);

    shell(
        &host,
        "ip address flush dev eth0; ip address add 10.9.0.1/24 dev eth0",
    );
    let mut again = start(&host, &config, ON_DISK);
    again.says("Entering MASTER STATE");
    // What the killed run had not brought to the journal stood in its flight recorder.
    let end = killed.history.events.last().unwrap().at;
    eventually("the end of the killed run", || {
        let kept = journal(&host, ON_DISK);
        let whole = kept.history.detailed.iter();
        let whole = whole
            .clone()
            .any(|(from, until)| *from < end && end <= *until);
        whole.then_some(())
    });
    assert_eq!(again.stop(), 0);
    let both = journal(&host, ON_DISK);
    assert_eq!(both.history.damage, Vec::<String>::new());
    let of_killed = |reading: &Reading| {
        let second = reading.history.runs.last().unwrap().started;
        let sent = reading.history.sent.iter();
        sent.filter(|sent| sent.due < second).count()
    };
    assert!(of_killed(&both) > killed.history.sent.len(), "{both:?}");
    let all = transitions(&both);
    assert!(all.starts_with(&transitions(&killed)), "{all:?}");
    assert!(all.is_sorted_by(|one, next| one < next), "{all:?}");
    assert!(both.history.runs.last().unwrap().clean);
}

#[test]
fn a_full_disk_costs_journal_entries_and_never_an_advert() {
    let Some(host) = Host::with(SMALL) else {
        return;
    };
    let config = host.write("keepalived.conf", &fast("", ""));
    let mut daemon = start(&host, &config, "journal");
    daemon.says("Entering MASTER STATE");
    let kept = eventually("something kept", || {
        let numbers = transitions(&journal(&host, "journal"));
        (numbers.len() >= 2).then_some(numbers)
    });
    // One that is full to the last byte, below the tenth that stays free.
    shell(
        &host,
        "dd if=/dev/zero of=journal/filler bs=4k 2>/dev/null || true",
    );
    flap(&host, &daemon, 1);
    daemon.says("the journal keeps nothing now");
    assert_adverts_go_on(&host);
    eventually("the trouble in the metrics", || {
        let healthy = metric(&host, "vrrpd_journal_healthy")?;
        let lost = metric(&host, "vrrpd_journal_lost_total")?;
        (healthy < 0.5 && lost > 0.0).then_some(())
    });
    assert!(transitions(&journal(&host, "journal")).starts_with(&kept));
    // Told once, not for each record.
    assert_eq!(
        daemon
            .log()
            .matches("the journal keeps nothing now")
            .count(),
        1
    );
    shell(&host, "rm journal/filler");
    eventually("it is written again", || {
        flap_once_more(&host);
        daemon.log().contains("is written again").then_some(())
    });
    assert_eq!(daemon.stop(), 0);
    let reading = journal(&host, "journal");
    assert!(transitions(&reading).starts_with(&kept));
    let missing = |text: &String| text.contains("frames are missing");
    assert!(
        reading.history.damage.iter().any(missing),
        "{:?}",
        reading.history.damage
    );
    assert!(
        reading.notes.iter().any(|note| note.lost > 0),
        "{:?}",
        reading.notes
    );
}

/// Something that is told, whatever becomes of it.
fn flap_once_more(host: &Host) {
    shell(host, "ip link set eth0 down");
    std::thread::sleep(Duration::from_millis(300));
    shell(
        host,
        "ip link set eth0 up; ip address add 10.9.0.1/24 dev eth0 || true",
    );
    std::thread::sleep(Duration::from_millis(700));
}

#[test]
fn a_read_only_disk_is_a_warning_and_costs_no_advert() {
    let Some(host) = Host::with(&format!("{SMALL}; mount -o remount,ro journal")) else {
        return;
    };
    let config = host.write("keepalived.conf", &fast("", ""));
    let mut daemon = start(&host, &config, "journal");
    daemon.says("the journal keeps nothing now");
    daemon.says("Entering MASTER STATE");
    flap(&host, &daemon, 1);
    assert_adverts_go_on(&host);
    assert!(metric(&host, "vrrpd_journal_lost_total").is_some_and(|lost| lost > 0.0));
    // The verdicts are the log's all the same.
    daemon.says("explained:");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_journal_directory_that_is_deleted_is_made_again() {
    let Some(host) = Host::with(ROOM) else {
        return;
    };
    let config = host.write("keepalived.conf", &fast("", ""));
    let mut daemon = start(&host, &config, ON_DISK);
    daemon.says("Entering MASTER STATE");
    eventually("a journal", || {
        is_there(&host, &format!("{ON_DISK}/vrrpd.lock")).then_some(())
    });
    shell(&host, &format!("rm -r {ON_DISK}"));
    flap(&host, &daemon, 1);
    eventually("transitions in a new journal", || {
        (is_there(&host, ON_DISK) && transitions(&journal(&host, ON_DISK)).len() >= 3).then_some(())
    });
    assert_adverts_go_on(&host);
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_second_daemon_in_the_same_journal_directory_is_refused_and_told_who_the_first_is() {
    let Some(host) = Host::new() else { return };
    let config = host.write("keepalived.conf", &fast("", ""));
    let first = start(&host, &config, "journal");
    first.says("Entering MASTER STATE");
    let other = fast("", "")
        .replace("51", "52")
        .replace("10.9.0.7", "10.9.0.8");
    let other = host.write("other.conf", &other);
    let output = host
        .command(VRRPD)
        .args(["-n", "-l", "-G", "-f"])
        .arg(&other)
        .arg("--run-dir")
        .arg(host.path("other"))
        .arg("--journal-dir")
        .arg(host.path("journal"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains(&format!("pid {}", first.pid())), "{text}");
    assert!(text.contains("--journal-dir"), "{text}");
}
