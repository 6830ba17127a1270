//! A log reader, a track script, a notify script and control clients all hang at once, and adverts go out on time.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use nix::libc;
use nix::sys::signal::Signal;
use vrrp_tests::lab::{
    CONFIGURATION, Canary, Capture, Host, Lab, State, is_permitted, status, wait_until,
};

const BOUND: Duration = Duration::from_secs(20);
const INTERVAL: Duration = Duration::from_millis(100);
/// What a gap may exceed the interval by, beyond what this machine does to the most urgent thread.
const ALLOWED: Duration = Duration::from_millis(5);
/// Adverts measured: five seconds.
const ADVERTS: usize = 50;
const LOG: &str = "/run/log";
const HANG: &str = "/run/hang";

const CONFIG: &str = "\
vrrp_script check {
    script /etc/keepalived/check.sh
    interval 1
    timeout 30
    weight 2
}
vrrp_instance VI {
    interface eth0
    version 3
    virtual_router_id 51
    priority 100
    advert_int 0.1
    notify /etc/keepalived/notify.sh
    track_script {
        check
    }
    virtual_ipaddress {
        10.0.0.7
    }
}
";

#[test]
fn adverts_are_on_time_while_log_scripts_and_control_clients_hang_together() {
    if !is_permitted() {
        return;
    }
    let mut lab = Lab::new();
    lab.segment("lan");
    let host = lab.host("lb1");
    lab.link(&host, "eth0", "lan", &["10.0.0.1/24"]);
    host.write(CONFIGURATION, CONFIG, 0o644);
    host.write(
        "/etc/keepalived/check.sh",
        &format!("#!/bin/sh\n[ -e {HANG} ] && touch {HANG}.check && exec sleep 600\nexit 0\n"),
        0o755,
    );
    host.write(
        "/etc/keepalived/notify.sh",
        &format!("#!/bin/sh\ntouch {HANG}.notify\nexec sleep 600\n"),
        0o755,
    );
    assert_eq!(host.run(&["mkfifo", LOG]).code, 0);
    let reader = host.spawn(&["cat", LOG]);
    let daemon = host.spawn(&[
        "sh",
        "-c",
        &format!("exec vrrpd -n -l -D -f {CONFIGURATION} --run-dir /run/vrrpd --journal-dir /run/journal > {LOG} 2>&1"),
    ]);
    wait_until("the router is MASTER", BOUND, || {
        (state(&host) == Some(State::Master)).then_some(())
    });
    wait_until("the script has passed", BOUND, || {
        let since = Capture::now();
        lab.capture()
            .wait_advert("lb1", since, BOUND, "an advert", |_| true);
        lab.capture()
            .adverts("lb1", since)
            .iter()
            .any(|(_, advert)| advert.priority == 102)
            .then_some(())
    });

    reader.signal(Signal::SIGSTOP);
    host.within(fill_log);
    host.write(HANG, "", 0o644);
    for hung in ["check", "notify"] {
        wait_until(&format!("the {hung} script hangs"), BOUND, || {
            host.read(&format!("{HANG}.{hung}"))
        });
    }
    let clients = host.within(|| (0..64).map(|_| hung_client()).collect::<Vec<_>>());
    // Something to log, which nobody reads.
    daemon.signal(Signal::SIGHUP);

    let canary = Canary::start(Path::new(env!("CARGO_BIN_EXE_xtask")));
    let since = Capture::now();
    let adverts = wait_until("adverts for five seconds", BOUND, || {
        let adverts = lab.capture().adverts("lb1", since);
        (adverts.len() >= ADVERTS).then_some(adverts)
    });
    let lateness = canary.finish();
    let (mut longest, mut excess) = (Duration::ZERO, Duration::ZERO);
    for pair in adverts.windows(2) {
        let (from, to) = (pair[0].0, pair[1].0);
        let machine = lateness.between(from, to);
        longest = longest.max(to - from);
        excess = excess.max((to - from).saturating_sub(INTERVAL + machine));
        assert!(
            to - from <= INTERVAL + ALLOWED + machine,
            "{:?} between two adverts, while the canary was at most {machine:?} late",
            to - from
        );
        assert_eq!(
            pair[1].1.priority, 102,
            "nothing that hangs changes the priority"
        );
    }

    println!(
        "{} adverts: longest gap {longest:?}, at most {excess:?} over the interval beyond the canary's lateness",
        adverts.len()
    );

    drop(clients);
    reader.signal(Signal::SIGCONT);
    wait_until("the daemon answers again", BOUND, || {
        (state(&host) == Some(State::Master)).then_some(())
    });
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait(BOUND).code, 0);
}

fn state(host: &Host) -> Option<State> {
    status(host)?.routers.first().map(|router| router.state)
}

/// Leaves no room in the pipe that the daemon logs to.
fn fill_log() {
    let mut pipe = OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(LOG)
        .expect("the reader holds the pipe open");
    for size in [4096, 1] {
        loop {
            match pipe.write(&vec![b'\n'; size]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("cannot fill the log: {error}"),
            }
        }
    }
}

/// A client that begins a request and never ends it, nor reads.
fn hung_client() -> Option<UnixStream> {
    let mut stream = UnixStream::connect("/run/vrrpd/control.sock").ok()?;
    stream.write_all(&[0, 0, 0]).ok()?;
    Some(stream)
}
