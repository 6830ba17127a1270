//! `cargo xtask demo crime-scene`: the case that vrrpd was built for. Two load balancers flap their address because the
//! hypervisor's network backend of one of them is blocked behind disk writes; nobody inside can see that, and the verdict
//! says it all the same. For someone who has never seen VRRP.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::staging::{Balancer, Narrator, perform, reach};
use crate::lab::{Forwarder, Habits, Lab, Probe, RUN_DIR, State, wait_for};
use crate::motivating::{ADDRESS, FIRST, INTERFACE, ROUTER, second};

/// Longest time that any step may take.
const STEP: Duration = Duration::from_secs(30);
/// Adverts after which the sender's numbers are trusted, one a second.
const TRUST: Duration = Duration::from_secs(19);
/// How long the backup job fills the disk, each time: the address moves when nothing is heard for 3.6 s.
const LOADS: [Duration; 3] = [
    Duration::from_millis(1500),
    Duration::from_millis(3800),
    Duration::from_millis(4200),
];
/// Between them.
const PAUSE: Duration = Duration::from_secs(4);
const JOURNAL_DIR: &str = "/run/vrrpd-journal";
/// What is asked of the one whose address moved, and of the other, whose last transition was its start: since the trouble began.
const LAST: &str = "--last";
const SINCE: &str = "--since=30s";
/// What either verdict may be called.
const RIGHT: [&str; 2] = ["host.backend-stall", "path.held"];

pub(super) fn run() -> ExitCode {
    perform("cargo xtask demo crime-scene", || Scene::set_up()?.play())
}

struct Scene {
    narrator: Narrator,
    probe: Probe,
    first: Balancer,
    second: Balancer,
    forwarder: Forwarder,
    _lab: Lab,
}

impl Scene {
    fn set_up() -> Result<Self, String> {
        let narrator = Narrator::new();
        println!(
            "\n\
             Two load balancers share the address {ADDRESS}. loadbalancer01 has it and says so once a second (an *advert*);\n\
             loadbalancer02 takes the address when it hears nothing for 3.6 s. loadbalancer01 is a virtual machine: its\n\
             network card is a program on the hypervisor that carries each packet from the machine to the switch. Here that\n\
             program also writes to a disk and waits for it, and a backup job fills that disk now and then.\n\
             Nothing inside of loadbalancer01 can see any of this. All of it runs in namespaces of this machine."
        );
        let mut lab = Lab::new();
        lab.segment("lan");
        let (one, two, client) = (lab.host("lb1"), lab.host("lb2"), lab.host("client"));
        let forwarder = Forwarder::start(
            &mut lab,
            &one,
            INTERFACE,
            "lan",
            &["192.168.205.11/24"],
            Habits {
                disk: true,
                writes: true,
                twice: false,
            },
        );
        lab.link(&two, INTERFACE, "lan", &["192.168.205.12/24"]);
        lab.link(&client, INTERFACE, "lan", &["192.168.205.1/24"]);
        for (host, name) in [(&one, "loadbalancer01"), (&two, "loadbalancer02")] {
            host.must(&format!("hostname {name}"));
            // As on any real network there is a gateway.
            host.ip("route add default via 192.168.205.1");
        }
        let first = Balancer::start(&one, "loadbalancer01", FIRST);
        let scene = Self {
            narrator,
            probe: Probe::start(&client, ADDRESS),
            first,
            second: Balancer::start(&two, "loadbalancer02", &second()),
            forwarder,
            _lab: lab,
        };
        scene.narrator.step("vrrpd runs on both");
        scene.reach("loadbalancer01 becomes MASTER", || {
            scene.first.is(State::Master) && scene.second.is(State::Backup)
        })?;
        scene
            .narrator
            .say("loadbalancer01 is MASTER and has the address; 20 quiet seconds pass");
        std::thread::sleep(TRUST);
        Ok(scene)
    }

    fn play(&self) -> Result<(), String> {
        self.narrator.step(
            "on loadbalancer01's hypervisor a backup job begins to fill the disk, again and again",
        );
        let began = Instant::now();
        let first = self.moves();
        let mut moved = first;
        for load in LOADS {
            let before = self.forwarder.stops().len();
            self.forwarder.load_disk(load);
            let stopped = wait_for(Duration::from_secs(2), || {
                self.forwarder.stops().get(before).copied()
            });
            let moves = self.moves();
            self.narrator.say(&format!(
                "the disk was busy for {:.1} s; the network program stood for {:.1} s; {}",
                load.as_secs_f64(),
                Duration::from_millis(stopped.unwrap_or_default()).as_secs_f64(),
                if moves > moved {
                    "THE ADDRESS MOVED to loadbalancer02, and back"
                } else {
                    "nobody noticed"
                }
            ));
            moved = moves;
            std::thread::sleep(PAUSE);
        }
        if moved == first {
            return Err("the address did not move".to_owned());
        }
        self.narrator.say(&format!(
            "the client's longest time without an answer was {:.1} s",
            self.probe.longest_gap(began).as_secs_f64()
        ));

        self.narrator
            .step("why? First loadbalancer02 alone, which took the address");
        self.explain(LAST, &self.second, None)?;
        self.narrator
            .step("then loadbalancer01 alone, which was MASTER all the time and did nothing wrong");
        self.explain(SINCE, &self.first, None)?;
        self.narrator
            .step("and both together: the records of the other one beside one's own");
        self.explain(LAST, &self.second, Some(&self.first))?;
        self.explain(SINCE, &self.first, Some(&self.second))?;
        self.page()?;
        self.narrator.say("so: nobody needs to look at these two machines any longer; look at the host of loadbalancer01");
        Ok(())
    }

    /// How often loadbalancer02 became MASTER after loadbalancer01 led.
    fn moves(&self) -> usize {
        self.second
            .peer
            .log()
            .lines()
            .filter(|line| line.contains(ROUTER) && line.contains("Entering MASTER STATE"))
            .count()
    }

    /// Shows what `vrrpctl explain` says and holds it against the truth.
    fn explain(
        &self,
        question: &str,
        balancer: &Balancer,
        other: Option<&Balancer>,
    ) -> Result<(), String> {
        let mut words = vec![
            "vrrpctl",
            "--run-dir",
            RUN_DIR,
            "explain",
            question,
            "--journal-dir",
            JOURNAL_DIR,
        ];
        let mut shown = format!("vrrpctl explain {question}");
        let file = "/run/other.vrb";
        if let Some(other) = other {
            std::fs::write(inside(balancer, file), bundle(other, file)?)
                .map_err(|error| format!("{file}: {error}"))?;
            words.extend(["--peer", file]);
            shown.push_str(&format!(" --peer {}.bundle", other.name));
        }
        let text = balancer.host.run(&words);
        self.narrator.quote(balancer, &shown, &text.output);
        words.push("--json");
        let json = balancer.host.run(&words).output;
        if RIGHT.iter().any(|right| json.contains(right)) {
            Ok(())
        } else {
            Err(format!(
                "{}: neither of {} is named",
                balancer.name,
                RIGHT.join(", ")
            ))
        }
    }

    /// Writes the page of both nodes, which stays behind to be looked at.
    fn page(&self) -> Result<(), String> {
        let command = "vrrpctl report --html crime-scene.html --peer loadbalancer01.bundle";
        let (second, file, page) = (&self.second, "/run/other.vrb", "/run/crime-scene.html");
        std::fs::write(inside(second, file), bundle(&self.first, file)?)
            .map_err(|error| format!("{file}: {error}"))?;
        let made = second.host.run(&[
            "vrrpctl",
            "--run-dir",
            RUN_DIR,
            "report",
            "--html",
            page,
            "--journal-dir",
            JOURNAL_DIR,
            "--peer",
            file,
        ]);
        let kept = std::env::temp_dir().join("vrrpd-crime-scene.html");
        std::fs::copy(inside(second, page), &kept)
            .map_err(|error| format!("no page: {error}: {}", made.output))?;
        self.narrator.step("and as a picture");
        self.narrator.quote(second, command, &made.output);
        self.narrator.say(&format!(
            "the page is in {}: open it in a browser; the adverts of loadbalancer01 leave on time and arrive late",
            kept.display()
        ));
        Ok(())
    }

    fn reach(&self, what: &str, condition: impl Fn() -> bool) -> Result<(), String> {
        reach(what, STEP, [&self.first, &self.second], condition)
    }
}

/// Packs a balancer's records into one file there, and gives its bytes.
fn bundle(balancer: &Balancer, file: &str) -> Result<Vec<u8>, String> {
    let _ = balancer.host.run(&["rm", "-f", file]);
    let made = balancer.host.run(&[
        "vrrpctl",
        "--run-dir",
        RUN_DIR,
        "bundle",
        "--journal-dir",
        JOURNAL_DIR,
        file,
    ]);
    std::fs::read(inside(balancer, file))
        .map_err(|error| format!("{}: no bundle: {error}: {}", balancer.name, made.output))
}

/// Where a file on a balancer is for this process.
fn inside(balancer: &Balancer, file: &str) -> PathBuf {
    balancer.host.root().join(file.trim_start_matches('/'))
}
