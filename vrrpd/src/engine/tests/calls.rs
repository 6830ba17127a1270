//! What a turn of the loop asks of the allocator and of the kernel: nothing, and very little.

use std::process::Command as Program;
use std::time::Duration;

use vrrp_proto::router::{State, StopKind};
use vrrp_proto::track::Reading;

use super::host::{Other, in_namespace};
use super::plans::{plan, with_script};
use super::running::{Running, end_threads, engine_threads};
use crate::core::{Report, now};
use crate::sys::allocation::Watch;

#[test]
fn nothing_is_allocated_over_two_hundred_adverts_sent_and_heard() {
    in_namespace(|| {
        let other = Other::join();
        let mut high = Running::start(&with_script(plan("va", 200, 3)), end_threads());
        let mut low = other.run(|| Running::start(&plan("vb", 100, 3), end_threads()));
        high.wait_for_state(State::Active);
        let sent = high
            .wait_until("is on its way", |router| router.adverts.left >= 10)
            .adverts
            .left;
        let heard = low
            .wait_until("hears it", |router| router.received.accepted >= 10)
            .received
            .accepted;
        let mut watched = engine_threads();
        watched.extend(other.run(engine_threads));
        assert_eq!(watched.len(), 2);
        let watches = [Watch::begin(watched[0]), Watch::begin(watched[1])];
        high.core.reading(
            "check",
            Reading::Good,
            now().saturating_add(Duration::from_secs(9)),
        );
        high.wait_for(
            "the weight",
            |report| matches!(report, Report::Priority { to, .. } if to.as_u8() == 202),
        );
        high.wait_until("two hundred more", |router| {
            router.adverts.left >= sent + 200
        });
        low.wait_until("two hundred more", |router| {
            router.received.accepted >= heard + 200
        });
        assert_eq!((watches[0].calls(), watches[1].calls()), (0, 0));

        // A farewell and a takeover are no less of a promise.
        high.core.stop(StopKind::Immediate);
        low.wait_for_state(State::Active);
        let leads = low.router().adverts.left;
        low.wait_until("leads", |router| router.adverts.left >= leads + 20);
        assert_eq!(watches[1].calls(), 0, "a takeover allocates nothing");
        drop(watches);
        high.wait_for("the end", |report| matches!(report, Report::Stopped { .. }));
        low.stop(StopKind::Immediate);
    });
}

/// System calls of a thread while `adverts` reaches a number, by name, as strace sees them.
fn calls_of(thread: i32, mut until: impl FnMut()) -> Vec<String> {
    let log = std::env::temp_dir().join(format!("vrrpd-engine-{}-{thread}", std::process::id()));
    let mut strace = Program::new("strace")
        .args(["-qq", "-p", &thread.to_string(), "-o"])
        .arg(&log)
        .spawn()
        .unwrap();
    let status = format!("/proc/self/task/{thread}/status");
    let bound = std::time::Instant::now() + Duration::from_secs(20);
    while std::fs::read_to_string(&status)
        .unwrap()
        .contains("TracerPid:\t0\n")
    {
        assert!(std::time::Instant::now() < bound, "strace does not attach");
        std::thread::sleep(Duration::from_millis(5));
    }
    until();
    let pid = nix::unistd::Pid::from_raw(i32::try_from(strace.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    strace.wait().unwrap();
    let text = std::fs::read_to_string(&log).unwrap();
    std::fs::remove_file(&log).unwrap();
    let names = text
        .lines()
        .filter_map(|line| line.split_once('(').map(|(name, _)| name.to_owned()));
    names
        .filter(|name| {
            name.chars().all(|letter| {
                letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_'
            })
        })
        .collect()
}

#[test]
fn an_advert_takes_at_most_four_system_calls_with_stamps_on() {
    if Program::new("strace").arg("-V").output().is_err() {
        eprintln!("SKIPPED: strace is not installed");
        return;
    }
    in_namespace(|| {
        let other = Other::join();
        let mut high = Running::start(&plan("va", 200, 5), end_threads());
        let mut low = other.run(|| Running::start(&plan("vb", 100, 5), end_threads()));
        high.wait_for_state(State::Active);
        low.wait_until("hears it", |router| router.received.accepted >= 3);

        let (mut first, mut last) = (0, 0);
        let stalls = high.records().history.stalls.len();
        let began = std::time::Instant::now();
        let calls = calls_of(engine_threads()[0], || {
            first = high.router().adverts.left;
            last = high
                .wait_until("a hundred more", |router| {
                    router.adverts.left >= first + 100
                })
                .adverts
                .left;
        });
        let adverts = usize::try_from(last - first).unwrap();
        let count =
            |calls: &[String], name: &str| calls.iter().filter(|call| *call == name).count();
        let mut names = calls.clone();
        names.sort_unstable();
        names.dedup();
        for name in &names {
            eprintln!(
                "sending: {name} {} in {adverts} adverts and the moment before them",
                count(&calls, name)
            );
        }
        let steady = ["epoll_wait", "recvmmsg", "sendmsg", "timerfd_settime"];
        // Once a second, and after a late wake-up, the recorder reads counters and looks at the send memory.
        let evidence = ["getrusage", "pread64", "read", "ioctl", "getcpu"];
        // A machine that holds the engine up gives it something to report, which raises the other world's signal.
        let other_calls: Vec<_> = names
            .iter()
            .filter(|name| !steady.contains(&name.as_str()) && !evidence.contains(&name.as_str()))
            .collect();
        assert!(
            other_calls.iter().all(|name| *name == "write"),
            "{other_calls:?}"
        );
        let rounds = count(&calls, "getrusage");
        let late = high.records().history.stalls.len() - stalls;
        let seconds = usize::try_from(began.elapsed().as_secs()).unwrap();
        assert!(
            rounds <= late + seconds + 2,
            "{rounds} rounds of evidence in {seconds} s with {late} late wake-ups"
        );
        assert!(count(&calls, "write") <= 5, "a report at most each second");
        let sent = count(&calls, "sendmsg");
        assert!(sent >= adverts);
        // The heartbeat's deadline wakes the loop once in a while without an advert.
        let steady_calls: usize = steady.iter().map(|name| count(&calls, name)).sum();
        assert!(
            steady_calls <= 4 * sent + 8,
            "{steady_calls} calls for {sent} adverts"
        );

        let (mut first, mut last) = (0, 0);
        let thread = other.run(engine_threads)[0];
        let calls = calls_of(thread, || {
            first = low.router().received.accepted;
            last = low
                .wait_until("a hundred more", |router| {
                    router.received.accepted >= first + 100
                })
                .received
                .accepted;
        });
        eprintln!(
            "hearing: {} calls, {} of them rounds of evidence, in {} adverts and the moment before them",
            calls.len(),
            count(&calls, "getrusage"),
            last - first
        );
        let heard = count(&calls, "recvmmsg");
        let steady_calls: usize = steady.iter().map(|name| count(&calls, name)).sum();
        assert!(
            steady_calls <= 3 * heard + 8,
            "{steady_calls} calls for {heard} reads"
        );
        high.stop(StopKind::Immediate);
        low.stop(StopKind::Immediate);
    });
}
