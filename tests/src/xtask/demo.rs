//! `cargo xtask demo`: two load balancers, one address, a client that never stops asking, and what happens when haproxy
//! dies. For someone who has never seen VRRP.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::staging::{Balancer, Narrator, perform, reach};
use crate::lab::{Haproxy, Lab, Probe, RUN_DIR, State, wait_for};
use crate::motivating::{ADDRESS, FIRST, INTERFACE, second};

/// Longest time that any step may take: a check of haproxy every 2 s and a few adverts of 1 s lie in between.
const STEP: Duration = Duration::from_secs(20);
/// How long the client asks in peace, before and between the events.
const PEACE: Duration = Duration::from_secs(3);

pub(super) fn run() -> ExitCode {
    perform("cargo xtask demo", || Demo::set_up()?.play())
}

struct Demo {
    narrator: Narrator,
    probe: Probe,
    first: Balancer,
    second: Balancer,
    _lab: Lab,
}

impl Demo {
    fn set_up() -> Result<Self, String> {
        let narrator = Narrator::new();
        println!(
            "\n\
             Two load balancers, lb1 and lb2, run haproxy. Clients know only one address, {ADDRESS}. At any time one of\n\
             the two has it: the MASTER. The other, the BACKUP, listens to the MASTER's sign of life, once a second,\n\
             and takes the address over when it stops or when the MASTER says that it is worth less. That protocol is\n\
             VRRP, and vrrpd speaks it. All of this runs in network namespaces of this machine and leaves nothing behind."
        );
        let mut lab = Lab::new();
        lab.segment("lan");
        let (one, two, client) = (lab.host("lb1"), lab.host("lb2"), lab.host("client"));
        lab.link(&one, INTERFACE, "lan", &["192.168.205.11/24"]);
        lab.link(&two, INTERFACE, "lan", &["192.168.205.12/24"]);
        lab.link(&client, INTERFACE, "lan", &["192.168.205.99/24"]);
        let first = Balancer::start(&one, "lb1", FIRST);
        let second = Balancer::start(&two, "lb2", &second());
        let demo = Self {
            narrator,
            probe: Probe::start(&client, ADDRESS),
            first,
            second,
            _lab: lab,
        };
        demo.narrator
            .step("haproxy and vrrpd start on both; vrrpd reads an ordinary keepalived.conf");
        // The first start may have the second balancer in front until the first has reported its haproxy.
        demo.reach("lb1 becomes MASTER", || {
            demo.first.is(State::Master) && demo.second.is(State::Backup) && demo.answers("lb1")
        })?;
        demo.narrator.say("lb1 is MASTER: its priority of 101 is higher than lb2's 100, and both get 2 more while haproxy runs");
        Ok(demo)
    }

    fn play(&self) -> Result<(), String> {
        self.show(&self.first, Detail::Everything);
        self.show(&self.second, Detail::Answer);
        let calm = Instant::now();
        self.peace();
        self.narrator.say(&format!(
            "the client asked {} times in {} s; its longest wait for an answer was {} ms",
            self.probe.answers(calm).len(),
            PEACE.as_secs(),
            self.probe.longest_gap(calm).as_millis()
        ));

        self.narrator.step("now haproxy on lb1 is killed");
        let killed = Instant::now();
        self.first.haproxy.kill();
        self.reach("the address moves to lb2", || {
            self.second.is(State::Master) && self.first.is(State::Backup) && self.answers("lb2")
        })?;
        self.narrator.say(&format!(
            "lb2 has the address and answers; the client's longest time without an answer was {} ms",
            self.probe.longest_gap(killed).as_millis()
        ));
        self.narrator.say(
            "(up to 2 s until the check `killall -0 haproxy` runs, which is the configuration's interval, and then up to\n          \
             3.6 s in which lb2 listens before it takes over, which is VRRP's with one sign of life a second)",
        );
        self.show(&self.second, Detail::Answer);
        self.show(&self.first, Detail::Answer);

        self.narrator.step("haproxy on lb1 is started again");
        let back = Instant::now();
        let _haproxy = Haproxy::start(&self.first.host);
        self.reach("the address comes back to lb1", || {
            self.first.is(State::Master) && self.second.is(State::Backup) && self.answers("lb1")
        })?;
        self.peace();
        self.narrator.say(&format!(
            "lb1 is MASTER again; on the way back the client's longest time without an answer was {} ms",
            self.probe.longest_gap(back).as_millis()
        ));
        self.show(&self.first, Detail::Answer);

        self.narrator.step("both daemons are stopped");
        self.finish()
    }

    fn finish(&self) -> Result<(), String> {
        for balancer in [&self.second, &self.first] {
            let code = balancer.peer.stop().code;
            if code != 0 {
                return Err(format!(
                    "vrrpd on {} ended with exit code {code}:\n{}",
                    balancer.name,
                    balancer.peer.log()
                ));
            }
            if balancer.host.has(INTERFACE, ADDRESS) {
                return Err(format!("{} still has {ADDRESS}", balancer.name));
            }
        }
        self.narrator
            .say("both ended with exit code 0 and took the address away; nothing is left behind");
        Ok(())
    }

    /// Who answered the client last, and lately.
    fn answers(&self, name: &str) -> bool {
        self.probe.last().is_some_and(|answer| {
            answer.from == name && answer.at.elapsed() < Duration::from_secs(1)
        })
    }

    fn reach(&self, what: &str, condition: impl Fn() -> bool) -> Result<(), String> {
        reach(what, STEP, [&self.first, &self.second], condition)
    }

    /// Lets the client ask in peace.
    fn peace(&self) {
        let until = Instant::now() + PEACE;
        let _ = wait_for(STEP, || (Instant::now() >= until).then_some(()));
    }

    fn show(&self, balancer: &Balancer, detail: Detail) {
        let status = balancer
            .host
            .run(&["vrrpctl", "--run-dir", RUN_DIR, "status"])
            .output;
        let shown = match detail {
            Detail::Everything => status.as_str(),
            Detail::Answer => answer(&status),
        };
        self.narrator.quote(balancer, "vrrpctl status", shown);
        if shown.len() < status.len() {
            println!("          | (and the details as above)");
        }
    }
}

/// How much of a status to show.
#[derive(Clone, Copy, Debug)]
enum Detail {
    Everything,
    /// State, since when, why, and what is wrong.
    Answer,
}

/// The first line, the reasons below it, and why the router is in its state: up to its priority.
fn answer(status: &str) -> &str {
    status
        .find("\n  priority")
        .and_then(|end| status.get(..end))
        .unwrap_or(status)
}
