//! The daemon as process 1, as in a container whose only program it is.

use std::time::Duration;

use vrrp_tests::lab::{CONFIGURATION, Host, Lab, State, is_permitted, status, wait_until};

const BOUND: Duration = Duration::from_secs(20);

/// A stand-in for haproxy that runs for four seconds and has no parent: whoever started it has ended.
const START: &str =
    "#!/bin/sh\ninstall -m 755 /bin/sleep /run/haproxy\nsetsid /run/haproxy 4 >/dev/null 2>&1 &\n";

const CONFIG: &str = "global_defs {\n script_user root\n}\n\
    vrrp_script chk_haproxy {\n script \"killall -0 haproxy\"\n interval 1\n}\n\
    vrrp_instance VI {\n interface eth0\n version 3\n virtual_router_id 51\n priority 200\n advert_int 0.1\n \
    virtual_ipaddress {\n 10.0.0.7\n }\n track_script {\n chk_haproxy\n }\n notify_fault /etc/start-haproxy\n}\n";

fn wait_state(host: &Host, wanted: State) {
    wait_until(wanted.as_str(), BOUND, || {
        let status = status(host)?;
        (status.routers.first()?.state == wanted).then_some(())
    });
}

/// A dead process that nobody takes away still has its name, and `killall -0` still finds it.
#[test]
fn a_dead_orphan_does_not_pass_for_a_living_haproxy() {
    if !is_permitted() {
        return;
    }
    let mut lab = Lab::new();
    lab.segment("lan");
    let host = lab.host("container");
    lab.link(&host, "eth0", "lan", &["10.0.0.1/24"]);
    host.write("/etc/start-haproxy", START, 0o755);
    host.write(CONFIGURATION, CONFIG, 0o644);
    let command = "unshare --pid --fork --kill-child --mount-proc vrrpd -n -l -D -f /etc/keepalived/keepalived.conf \
                   --run-dir /run/vrrpd --journal-dir /run/vrrpd-journal";
    let daemon = host.spawn(&command.split_whitespace().collect::<Vec<_>>());
    // There is no haproxy at first, so the router goes to FAULT, whose program starts one.
    wait_state(&host, State::Master);
    // It has no children of that name any more, so it is over as soon as it is dead.
    wait_state(&host, State::Fault);
    assert!(daemon.ended().is_none(), "{}", daemon.log());
}
