//! The families of the page. One flat list; a family without a sample is left out.

use std::net::IpAddr;

use vrrp_record::event::{Asked, TrackerState};
use vrrp_record::history::Time;
use vrrp_record::quantity::Errno;
use vrrp_record::status::{Router, Status};
use vrrp_record::words::Word;

use super::text::{Page, Type};
use crate::journal::{Buckets, Shown, WINDOWS};
use crate::observe::Tally;

/// Everything that the page shows.
#[derive(Clone, Debug)]
pub(crate) struct Scrape {
    /// What `vrrpctl status` shows.
    pub(crate) status: Status,
    /// Events since start.
    pub(crate) tally: Tally,
    /// What was measured of each router since start.
    pub(crate) shown: Vec<Shown>,
    /// The host.
    pub(crate) host: Host,
}

/// What is counted of the host; none where this machine does not tell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Host {
    /// Time in which the engine waited for a CPU, in nanoseconds.
    pub(crate) run_queue_wait: Option<u64>,
    /// Time that the hypervisor took from all CPUs, in nanoseconds.
    pub(crate) steal: Option<u64>,
    /// Major page faults of the process.
    pub(crate) major_faults: Option<u64>,
    /// The longest step of the engine's loop since start: its name and its length in nanoseconds.
    pub(crate) longest_step: (&'static str, u64),
    /// Which evidence there is.
    pub(crate) evidence: Vec<(&'static str, bool)>,
}

/// The page.
pub(crate) fn page(scrape: &Scrape) -> String {
    let mut page = Page::default();
    daemon(&mut page, scrape);
    states(&mut page, scrape);
    adverts(&mut page, scrape);
    stages(&mut page, scrape);
    margins(&mut page, scrape);
    host(&mut page, scrape);
    addresses(&mut page, scrape);
    scripts(&mut page, scrape);
    peers(&mut page, scrape);
    page.finish()
}

fn daemon(page: &mut Page, scrape: &Scrape) {
    let daemon = &scrape.status.daemon;
    page.family("vrrpd_build", Type::Info, "The program")
        .count(&[("version", &daemon.version), ("host", &daemon.host)], 1);
    page.family("vrrpd_healthy", Type::Gauge, "No reason against it")
        .count(&[], u64::from(scrape.status.health.healthy));
    let asked = scrape.status.asked.map(|asked| asked.what);
    page.family(
        "vrrpd_maintenance",
        Type::Gauge,
        "1 while an operator keeps the node in maintenance",
    )
    .count(&[], u64::from(asked.is_some_and(Asked::is_maintenance)));
    page.family(
        "vrrpd_yielded",
        Type::Gauge,
        "1 while the node gives way on an operator's word",
    )
    .count(&[], u64::from(asked == Some(Asked::Yield)));
    page.family(
        "vrrpd_start_timestamp_seconds",
        Type::Gauge,
        "When this run started",
    )
    .moment(&[], daemon.started.unix_ms);
}

fn states(page: &mut Page, scrape: &Scrape) {
    let mut family = page.family(
        "vrrpd_state",
        Type::Gauge,
        "1 for the state that the router is in",
    );
    for router in &scrape.status.routers {
        let (vrid, family_number) = (router.vrid.to_string(), router.family.to_string());
        for (name, word) in [
            ("master", Word::Master),
            ("backup", Word::Backup),
            ("fault", Word::Fault),
            ("init", Word::Init),
        ] {
            let labels = [
                ("vi", router.name.as_str()),
                ("interface", &router.interface),
                ("vrid", &vrid),
                ("family", &family_number),
                ("state", name),
            ];
            family.count(&labels, u64::from(router.state == word));
        }
    }
    let mut family = page.family("vrrpd_priority", Type::Gauge, "Effective priority");
    for router in &scrape.status.routers {
        family.count(
            &[("vi", &router.name)],
            u64::from(router.priority.effective),
        );
    }
    let mut family = page.family(
        "vrrpd_transitions",
        Type::Counter,
        "State changes, by state entered and cause",
    );
    for ((router, to, reason), count) in &scrape.tally.transitions {
        let to = to.to_string().to_lowercase();
        let labels = [("vi", router.as_str()), ("to", &to), ("reason", reason)];
        family.count(&labels, *count);
    }
    let mut family = page.family(
        "vrrpd_last_transition_timestamp_seconds",
        Type::Gauge,
        "When the router changed state last",
    );
    for (router, at) in &scrape.tally.last_transition {
        family.moment(&[("vi", router.as_str())], *at);
    }
}

fn adverts(page: &mut Page, scrape: &Scrape) {
    type Count = fn(&Router) -> Option<u64>;
    let counters: [(&str, &str, Count); 5] = [
        (
            "vrrpd_adverts_due",
            "Adverts that the schedule asked for",
            |router| Some(router.sent.due),
        ),
        ("vrrpd_adverts_built", "Adverts that were built", |router| {
            Some(router.sent.built)
        }),
        (
            "vrrpd_adverts_accepted",
            "Adverts that the kernel took",
            |router| Some(router.sent.accepted),
        ),
        (
            "vrrpd_adverts_confirmed",
            "Adverts that left this kernel, by its stamp",
            |router| router.sent.left,
        ),
        (
            "vrrpd_adverts_received",
            "Valid adverts that were heard",
            |router| Some(router.received.accepted),
        ),
    ];
    for (name, help, count) in counters {
        let mut family = page.family(name, Type::Counter, help);
        for router in &scrape.status.routers {
            if let Some(count) = count(router) {
                family.count(&[("vi", &router.name)], count);
            }
        }
    }
    let mut family = page.family(
        "vrrpd_adverts_send_errors",
        Type::Counter,
        "Adverts that the kernel refused to send",
    );
    for shown in &scrape.shown {
        for (errno, count) in &shown.totals.refused {
            let text = Errno(*errno).to_string();
            // Its name alone; the meaning is for people.
            let name = text.split(" (").next().unwrap_or_default();
            family.count(&[("vi", &shown.router), ("errno", name)], *count);
        }
    }
    type Total = fn(&Shown) -> u64;
    let totals: [(&str, &str, Total); 4] = [
        (
            "vrrpd_adverts_dropped_locally",
            "Adverts that the kernel took and that never left it",
            |shown| shown.totals.dropped,
        ),
        (
            "vrrpd_adverts_lost",
            "Adverts that the sender numbered and that never came",
            |shown| shown.totals.lost,
        ),
        (
            "vrrpd_adverts_held",
            "Adverts that came at once after a gap",
            |shown| shown.totals.held,
        ),
        (
            "vrrpd_near_failovers",
            "Gaps of more than half of the down interval that did not become a failover",
            |shown| shown.totals.near_failovers,
        ),
    ];
    for (name, help, count) in totals {
        let mut family = page.family(name, Type::Counter, help);
        for shown in &scrape.shown {
            family.count(&[("vi", &shown.router)], count(shown));
        }
    }
    let mut family = page.family(
        "vrrpd_adverts_rejected",
        Type::Counter,
        "Adverts that a check refused",
    );
    for router in &scrape.status.routers {
        for discarded in &router.received.discarded {
            let labels = [("vi", router.name.as_str()), ("reason", &discarded.reason)];
            family.count(&labels, discarded.count);
        }
    }
}

fn stages(page: &mut Page, scrape: &Scrape) {
    type Stage = fn(&Shown) -> &Buckets;
    let stages: [(&str, &str, Stage); 5] = [
        (
            "vrrpd_advert_lateness_seconds",
            "From the time an advert was due to the engine's waking",
            |shown| &shown.totals.lateness,
        ),
        (
            "vrrpd_advert_queue_wait_seconds",
            "Time of an advert in the queue discipline",
            |shown| &shown.totals.queue_wait,
        ),
        (
            "vrrpd_advert_device_wait_seconds",
            "From the driver to the moment that the device or its host took the advert, where it tells",
            |shown| &shown.totals.device_wait,
        ),
        (
            "vrrpd_advert_interarrival_seconds",
            "From advert to advert of the Active, as a Backup hears them",
            |shown| &shown.totals.interarrival,
        ),
        (
            "vrrpd_receive_read_delay_seconds",
            "From the arrival of an advert in this kernel to its reading",
            |shown| &shown.totals.read_delay,
        ),
    ];
    for (name, help, stage) in stages {
        let mut family = page.family(name, Type::Histogram, help);
        for shown in &scrape.shown {
            let buckets = stage(shown);
            if buckets.total() > 0 {
                family.histogram(&[("vi", &shown.router)], buckets);
            }
        }
    }
}

fn margins(page: &mut Page, scrape: &Scrape) {
    let mut family = page.family(
        "vrrpd_master_down_margin_seconds",
        Type::Gauge,
        "What was left of the down interval at the longest gap of the window",
    );
    for shown in &scrape.shown {
        for (window, margin) in WINDOWS.iter().zip(shown.margins) {
            if let Some(margin) = margin {
                family.seconds(&[("vi", &shown.router), ("window", window)], margin);
            }
        }
    }
    let mut family = page.family(
        "vrrpd_master_down_interval_seconds",
        Type::Gauge,
        "Silence after which somebody takes over",
    );
    for shown in &scrape.shown {
        family.seconds(&[("vi", &shown.router)], shown.limit);
    }
}

fn host(page: &mut Page, scrape: &Scrape) {
    let host = &scrape.host;
    let times = [
        (
            "vrrpd_run_queue_wait_seconds",
            "Time in which the engine waited for a CPU",
            host.run_queue_wait,
        ),
        (
            "vrrpd_steal_seconds",
            "Time that the hypervisor took from all CPUs since boot",
            host.steal,
        ),
    ];
    for (name, help, time) in times {
        let mut family = page.family(name, Type::Counter, help);
        if let Some(time) = time {
            family.seconds(&[], time);
        }
    }
    let mut family = page.family(
        "vrrpd_major_faults",
        Type::Counter,
        "Page faults of the process that needed the disk",
    );
    if let Some(faults) = host.major_faults {
        family.count(&[], faults);
    }
    let (step, length) = host.longest_step;
    page.family(
        "vrrpd_loop_step_seconds",
        Type::Gauge,
        "The longest step of the engine's loop since start",
    )
    .seconds(&[("step", step)], length);
    let mut family = page.family(
        "vrrpd_evidence_available",
        Type::Gauge,
        "Whether this machine gives a kind of evidence",
    );
    for (source, available) in &host.evidence {
        family.count(&[("source", source)], u64::from(*available));
    }
    if let Some(journal) = &scrape.status.journal {
        page.family(
            "vrrpd_journal_bytes",
            Type::Gauge,
            "Bytes of the journal's files",
        )
        .count(&[], journal.bytes);
        page.family(
            "vrrpd_journal_lost",
            Type::Counter,
            "Records that the journal could not keep",
        )
        .count(&[], journal.lost);
        page.family(
            "vrrpd_journal_healthy",
            Type::Gauge,
            "The journal keeps what happens",
        )
        .count(&[], u64::from(journal.trouble.is_none()));
    }
}

fn addresses(page: &mut Page, scrape: &Scrape) {
    let mut family = page.family(
        "vrrpd_vips_configured",
        Type::Gauge,
        "Virtual addresses of the router, excluded ones too",
    );
    for router in &scrape.status.routers {
        let count = u64::try_from(router.addresses.len()).unwrap_or(u64::MAX);
        family.count(&[("vi", &router.name)], count);
    }
    let mut family = page.family(
        "vrrpd_vips_present",
        Type::Gauge,
        "Of those, how many the kernel is known to have",
    );
    for router in &scrape.status.routers {
        let present = router.addresses.iter();
        let count = present
            .filter(|address| address.present == Some(true))
            .count();
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        family.count(&[("vi", &router.name)], count);
    }
    let mut family = page.family(
        "vrrpd_vip_removed_by_others",
        Type::Counter,
        "Virtual addresses that another process removed",
    );
    for router in &scrape.status.routers {
        let removed = scrape
            .tally
            .removed
            .get(&router.name.as_str().into())
            .copied();
        family.count(&[("vi", &router.name)], removed.unwrap_or_default());
    }
}

fn scripts(page: &mut Page, scrape: &Scrape) {
    let mut family = page.family(
        "vrrpd_script_good",
        Type::Gauge,
        "1 while the script's result is good",
    );
    for script in &scrape.status.scripts {
        let good = u64::from(script.state == TrackerState::Good);
        family.count(&[("script", &script.name)], good);
    }
    let mut family = page.family(
        "vrrpd_script_duration_seconds",
        Type::Histogram,
        "How long runs of the script took",
    );
    for (script, tally) in &scrape.tally.scripts {
        family.histogram(&[("script", script.as_str())], &tally.took);
    }
    let mut family = page.family(
        "vrrpd_script_runs",
        Type::Counter,
        "Runs of the script, by their end",
    );
    for (script, tally) in &scrape.tally.scripts {
        for (result, count) in [
            ("ok", tally.ok),
            ("fail", tally.fail),
            ("timeout", tally.timeout),
        ] {
            family.count(&[("script", script.as_str()), ("result", result)], count);
        }
    }
}

fn peers(page: &mut Page, scrape: &Scrape) {
    let mut family = page.family(
        "vrrpd_peers_heard",
        Type::Gauge,
        "Senders of adverts that were heard since start, the last sixteen at most",
    );
    for shown in &scrape.shown {
        let count = u64::try_from(shown.totals.peers.len()).unwrap_or(u64::MAX);
        family.count(&[("vi", &shown.router)], count);
    }
    let mut family = page.family(
        "vrrpd_peer_last_heard_timestamp_seconds",
        Type::Gauge,
        "When a sender was heard last",
    );
    for shown in &scrape.shown {
        let peers: Vec<(&IpAddr, &Time)> = shown.totals.peers.iter().collect();
        for (peer, heard) in peers {
            let labels = [("vi", shown.router.as_str()), ("peer", &peer.to_string())];
            family.moment(&labels, heard.unix_ms());
        }
    }
    let mut family = page.family(
        "vrrpd_double_master_seconds",
        Type::Counter,
        "Time as MASTER in which another MASTER was heard",
    );
    for shown in &scrape.shown {
        family.seconds(&[("vi", &shown.router)], shown.totals.double);
    }
}
