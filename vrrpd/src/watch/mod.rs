//! `vrrpd --observe`: records and explains what another VRRP daemon on this host does, from outside. It sends nothing and
//! changes nothing, so it may run beside a live keepalived.
//!
//! Needs CAP_NET_RAW, for the packet socket, and CAP_NET_ADMIN, for its queue to hold a burst while this process is not run.

mod links;
mod process;
mod router;
mod tap;
mod thread;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc;
use vrrp_proto::router::{InterfaceKey, RouterId};
use vrrp_record::event::{Kind, StopReason};
use vrrp_record::history::Source;
use vrrp_record::ring::{RunHeader, append_unavailable};
use vrrp_record::status::Unavailable;

use self::links::Links;
use self::process::Process;
use self::router::Watched;
use self::tap::Tap;
use self::thread::{Board, Records, Work};
use crate::address::netlink::Monitor;
use crate::cli::Options;
use crate::control::{self, Change, Limits, Listener};
use crate::core::{self, CoreSnapshot, RouterSnapshot};
use crate::daemon::Failure;
use crate::exit::Exit;
use crate::host::{self, Sampler};
use crate::journal::{Analyst, Inputs};
use crate::load::Configuration;
use crate::metrics;
use crate::observe::{Identity, Observer, RecorderShown};
use crate::recorder::{self, Recorder};
use crate::service::locked::LockedDirectory;
use crate::service::orphans;
use crate::service::signals::{Received, Request, Signals};
use crate::service::systemd::Manager;
use crate::world::explaining;

/// Events that may wait for a thread.
const EVENTS: usize = 1_024;

/// How often orphans are looked for, where they are given to us.
const LOOK: Duration = Duration::from_millis(500);

/// What the start prepared.
pub(crate) struct Prepared {
    pub(crate) configuration: Configuration,
    pub(crate) file: std::path::PathBuf,
    pub(crate) run_dir: LockedDirectory,
    pub(crate) signals: Signals,
    pub(crate) root: bool,
}

/// Watches until it is told to stop.
pub(crate) fn run(options: &Options, prepared: Prepared) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_name("world")
        .build()
        .map_err(|error| Failure::new(Exit::Failure, &error))?;
    let exit = runtime.block_on(watch(options, prepared));
    runtime.shutdown_background();
    exit
}

/// The watching thread, until it is told to stop.
struct Watching {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}

#[expect(
    clippy::too_many_lines,
    reason = "the start of an observer in order, as it can be read from top to bottom"
)]
async fn watch(options: &Options, prepared: Prepared) -> Result<Exit, Failure> {
    let Prepared {
        configuration,
        file,
        run_dir,
        signals,
        root,
    } = prepared;
    let failed = |error: &dyn std::error::Error| Failure::new(Exit::Failure, error);
    let plan = Arc::clone(&configuration.plan);
    let started = core::now();
    let board: Board = Board::default();
    let shown = Arc::clone(&board);
    let identity = Identity {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        host: nix::unistd::gethostname()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        run_dir: run_dir.path().to_owned(),
        root,
        started,
    };
    let host = identity.host.clone();
    let observer = Arc::new(Observer::new(
        identity,
        Arc::clone(&plan),
        file,
        configuration.warnings,
        Box::new(move || snapshot(&shown)),
    ));
    let axis = observer.axis();
    let header = RunHeader {
        source: Source::Observer,
        addresses: plan
            .routers
            .iter()
            .filter_map(|router| router.source)
            .collect(),
        ..explaining::run(&observer, host, started)
    };
    let previous = recorder::find_previous(run_dir.path()).unwrap_or_else(|text| {
        tracing::warn!("{text}");
        None
    });
    let (opened, shown) = open_recorder(&run_dir, &plan, &header);
    observer.show_recorder(shown);
    let (recorder, samples, access) = match opened {
        Some(Recorder {
            file,
            engine,
            samples,
            events,
            access,
            ..
        }) => {
            let records = Records {
                engine,
                events,
                file: Some(file),
                complete: false,
            };
            (Some(records), Some(samples), Some(access))
        }
        None => (None, None, None),
    };
    let (first, events) = sync_channel(EVENTS);
    let (follower, analysed) = sync_channel(EVENTS);
    observer.follow(first);
    let watching = start_thread(&plan, &observer, recorder, (events, follower), &board)?;
    let shown = Arc::clone(&board);
    let bounds = (options.journal_bytes, options.journal_age);
    let writer = explaining::open(
        &options.journal_dir,
        bounds,
        &plan,
        &observer,
        previous.as_ref(),
    )?;
    let explain = Analyst::start(Inputs {
        snapshot: Box::new(move || snapshot(&shown)),
        observer: Arc::clone(&observer),
        events: analysed,
        ring: access,
        writer,
        bounds,
        run: header,
    })
    .map_err(|error| failed(&error))?;
    observer.record(Kind::Started {
        pid: std::process::id(),
    });
    if let Some(previous) = &previous {
        observer.record(previous.told());
    }
    // It probes nobody: an observer sends nothing.
    let mut listens = host::Watch::new(&plan);
    listens.probe = false;
    let sampler = Sampler::start(host::Setup {
        watch: listens,
        axis,
        heard: Box::new(Vec::new),
        missing: Vec::new(),
        ring: samples,
    })
    .inspect(|sampler| observer.sampled(sampler.evidence()))
    .inspect_err(|error| tracing::warn!("counters of this host are not sampled: {error}"))
    .ok();
    let (changes, mut asked) = mpsc::channel::<Change>(4);
    let control = Listener::bind(run_dir.path())
        .inspect_err(|error| tracing::error!("no control socket, so vrrpctl cannot ask: {error}"))
        .ok()
        .map(|listener| {
            let source: Arc<dyn control::Source> = observer.clone();
            tokio::spawn(control::serve(listener, Limits::default(), source, changes))
        });
    if let Some(address) = options.metrics.or(plan.global.metrics) {
        let source: Arc<dyn metrics::Source> = observer.clone();
        tracing::info!("metrics on http://{address}/metrics");
        tokio::spawn(metrics::serve(address, source, metrics::Limits::default()));
    }
    let mut signals = signals.listen().map_err(|error| failed(&error))?;
    Manager::from_environment().ready("observes");
    let mut look = tokio::time::interval(LOOK);
    let exit = loop {
        tokio::select! {
            _ = look.tick() => {
                orphans::take_away();
            }
            signal = signals.next() => match signal {
                Ok(signal) if signal.request == Request::Stop => {
                    observer.record(Kind::Stopping { reason: reason(&signal) });
                    break Exit::Success;
                }
                Ok(signal) => tracing::warn!("signal {} changes nothing for an observer: ignored", signal.number),
                Err(error) => return Err(failed(&error)),
            },
            Some(change) = asked.recv() => {
                let answer = String::from("this vrrpd only observes, and changes nothing");
                let _ = change.reply.send(Err(answer));
            }
        }
    };
    observer.record(Kind::Stopped);
    drop(watching);
    drop(explain);
    drop(sampler);
    if let Some(control) = control {
        control.abort();
    }
    Ok(exit)
}

fn reason(signal: &Received) -> StopReason {
    StopReason::Signal {
        number: signal.number,
        pid: signal.pid,
        uid: signal.uid,
        comm: signal.comm(|_, _| None),
    }
}

/// The flight recorder; without one the observer goes on and says so.
fn open_recorder(
    run_dir: &LockedDirectory,
    plan: &vrrp_config::plan::Plan,
    header: &RunHeader,
) -> (Option<Recorder>, RecorderShown) {
    let mut shown = RecorderShown {
        file: run_dir.path().join(recorder::FILE).display().to_string(),
        ..RecorderShown::default()
    };
    let bytes = recorder::default_bytes(plan.routers.len());
    let mut recorder = match Recorder::open(run_dir.path(), bytes, plan.routers.len(), header) {
        Ok(recorder) => recorder,
        Err(text) => {
            tracing::warn!("no flight recorder: {text}");
            shown.trouble = Some(text);
            return (None, shown);
        }
    };
    shown.show(&recorder.facts, &plan.routers);
    for (place, router) in recorder.descriptions.iter_mut().zip(&plan.routers) {
        place.write(&recorder::describe(router));
    }
    for missing in unavailable() {
        append_unavailable(&mut recorder.events, &missing);
    }
    (Some(recorder), shown)
}

/// What cannot be seen from outside of the daemon.
fn unavailable() -> Vec<Unavailable> {
    let entry = |what: &str, why: &str| Unavailable {
        what: what.to_owned(),
        why: why.to_owned(),
        remedy: Some(String::from("run vrrpd in its place")),
    };
    vec![
        entry(
            "when the daemon woke, built and submitted each advert",
            "an observer sees adverts leave; due times are taken from the advert before",
        ),
        entry(
            "when the daemon read each advert",
            "an observer sees adverts arrive",
        ),
        entry(
            "the step of the daemon's loop",
            "it is not told outside of the daemon",
        ),
    ]
}

fn start_thread(
    plan: &vrrp_config::plan::Plan,
    observer: &Arc<Observer>,
    recorder: Option<Records>,
    (events, follower): (
        std::sync::mpsc::Receiver<vrrp_record::event::Event>,
        std::sync::mpsc::SyncSender<vrrp_record::event::Event>,
    ),
    board: &Board,
) -> Result<Watching, Failure> {
    let failed = |error: &dyn std::error::Error| Failure::new(Exit::Failure, error);
    let denied = |error: std::io::Error| {
        if error.kind() != std::io::ErrorKind::PermissionDenied {
            return Failure::new(Exit::Failure, &error);
        }
        Failure {
            exit: Exit::Permission,
            text: format!("cannot listen: {error}: start as root, or with CAP_NET_RAW"),
        }
    };
    let monitor = Monitor::open().map_err(|error| failed(&error))?;
    let mut links = Links::default();
    links.ask().map_err(|error| failed(&error))?;
    let tap = Tap::open().map_err(denied)?;
    let (axis, now) = (observer.axis(), core::now());
    let mut routers = Vec::new();
    for (position, router) in plan.routers.iter().enumerate() {
        let id = RouterId {
            interface: InterfaceKey(0),
            family: router.family,
            vrid: router.vrid,
        };
        let receive = core::receive_config(plan, router, id)
            .map_err(|error| Failure::new(Exit::Configuration, &error))?;
        let position = u16::try_from(position).unwrap_or(u16::MAX);
        routers.push(Watched::new(router.clone(), position, receive, now, axis));
    }
    let process = Process::find();
    match &process {
        Some(process) => tracing::info!("watches process {}", process.pid),
        None => tracing::warn!("no keepalived runs in this network namespace yet"),
    }
    let stop = Arc::new(AtomicBool::new(false));
    let work = Work {
        tap,
        monitor,
        links,
        routers,
        observer: Arc::clone(observer),
        axis,
        recorder,
        events,
        follower,
        board: Arc::clone(board),
        process,
        searched: now,
        cared: now,
        late: Vec::new(),
        stop: Arc::clone(&stop),
    };
    let thread = std::thread::Builder::new()
        .name("watch".to_owned())
        .spawn(move || work.run())
        .map_err(|error| failed(&error))?;
    Ok(Watching {
        stop,
        thread: Some(thread),
    })
}

fn snapshot(board: &Mutex<Vec<RouterSnapshot>>) -> CoreSnapshot {
    let routers = board.lock().unwrap_or_else(PoisonError::into_inner).clone();
    CoreSnapshot::observed(core::now(), routers)
}
