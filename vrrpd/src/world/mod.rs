//! The world around the engine: one loop over reports, signals, tracked scripts, notify programs, reloads and clients.
//!
//! The loop itself gives the heartbeat, so that the beat stops when the loop does (safety rule 1). Nothing in it waits for
//! a file, a program or a client: those have the runner, threads and tasks of their own.

mod dumping;
mod events;
pub(crate) mod explaining;
mod metrics;
mod order_file;
mod orders;
mod ready;
mod recording;
mod reloading;
mod stopping;

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, interval};
use vrrp_config::LoadOptions;
use vrrp_proto::router::Standing;
use vrrp_record::event::Kind;
use vrrp_record::ring::{ADVERT, RegionWriter};
use vrrp_record::status::Unavailable;

use crate::control::{self, Change, Limits, Listener};
use crate::core::{self, Core, CoreOptions, Reports};
use crate::daemon::Failure;
use crate::exit::Exit;
use crate::host::{self, Sampler};
use crate::journal::Analyst;
use crate::load::{Access, Configuration};
use crate::notify::Notifier;
use crate::observe::{Identity, Observer};
use crate::recorder;
use crate::runner::Runner;
use crate::service::background::Parent;
use crate::service::locked::LockedDirectory;
use crate::service::privileges::Privileges;
use crate::service::signals::{self, Signals};
use crate::service::speaker::Claims;
use crate::service::systemd::Manager;
use crate::service::watchdog::Watchdog;
use crate::track::Trackers;
use dumping::Dumping;
use metrics::Metrics;
pub(crate) use order_file::Order;
use order_file::OrderFile;
use orders::Orders;
use ready::Readiness;
use recording::Watched;
use reloading::Reloading;
use stopping::Stopping;

/// The heartbeat's period; safety rule 1 asks for one a second.
const BEAT: Duration = Duration::from_millis(500);
/// Changes asked for by clients that may wait.
const CHANGES: usize = 16;

/// What stays the same over reloads.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) file: PathBuf,
    pub(crate) options: LoadOptions,
    pub(crate) access: Access,
    pub(crate) runner: Runner,
    pub(crate) run_dir: LockedDirectory,
    pub(crate) privileges: Privileges,
    pub(crate) claims: Claims,
    pub(crate) manager: Manager,
    pub(crate) pid_files: Vec<PathBuf>,
    /// Called by keepalived's name.
    pub(crate) as_keepalived: bool,
    /// `--ring-size`.
    pub(crate) ring_bytes: Option<u64>,
    /// Where the command line wants metrics.
    pub(crate) metrics: Option<SocketAddr>,
    /// The journal's directory.
    pub(crate) journal_dir: PathBuf,
    /// Bytes and age that the command line bounds the journal by.
    pub(crate) journal_bounds: (Option<u64>, Option<Duration>),
}

/// Everything that the start prepared.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) parts: Parts,
    pub(crate) configuration: Configuration,
    pub(crate) signals: Signals,
    pub(crate) parent: Option<Parent>,
}

impl World {
    /// Starts the threads and runs to the end.
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            // Reading a configuration, writing a dump, and no more.
            .max_blocking_threads(4)
            .thread_name("world")
            .build()
            .map_err(|error| Failure::new(Exit::Failure, &error))?;
        let ran = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async {
                let mut running = Running::start(self)?;
                Ok(running.run().await)
            })
        }));
        // The core has stopped its threads on the way.
        let exit = ran.unwrap_or_else(|_| {
            Err(Failure {
                exit: Exit::Internal,
                text: String::from("the daemon ends because of a defect of its own, told above"),
            })
        });
        // A file system that hangs must not hold the exit.
        runtime.shutdown_background();
        exit
    }
}

/// The world while it runs.
struct Running {
    parts: Parts,
    core: Core,
    reports: Reports,
    observer: Arc<Observer>,
    trackers: Trackers<Runner>,
    notifier: Notifier<Runner>,
    configuration: Configuration,
    signals: signals::Listener,
    changes: mpsc::Receiver<Change>,
    control: Option<JoinHandle<()>>,
    explain: Option<Analyst>,
    metrics: Metrics,
    sampler: Option<Sampler>,
    readiness: Readiness,
    reloading: Reloading,
    dumping: Dumping,
    stopping: Option<Stopping>,
    orders: Orders,
    beat: Interval,
    watchdog: Option<Watchdog>,
    recorder: Watched,
    /// The flight recorder has what this machine cannot give.
    unavailable_kept: bool,
}

/// What the loop woke up for.
enum Woken {
    Report(core::Report),
    Signal(std::io::Result<signals::Received>),
    Verdict(crate::track::Verdict),
    Loaded(reloading::Result),
    Change(Change),
    RunnerGone,
    StopOverdue,
    Beat,
    NotifyDue,
    OrderDue,
    DumpWritten,
}

impl Running {
    fn start(world: World) -> Result<Self, Failure> {
        let World {
            parts,
            configuration,
            signals,
            parent,
        } = world;
        let started = core::now();
        // Before there is an engine, as this may wait for a file system.
        write_pid_files(&parts);
        let run = recording::header(&configuration.plan);
        let (orders, standing) = kept_order(&parts);
        let begun = recording::begin(&parts, &configuration.plan, &run);
        let options = CoreOptions {
            standing,
            ..CoreOptions::default()
        };
        let (core, mut reports) = core::start(&configuration.plan, options, begun.recording)
            .map_err(|error| Failure::new(Exit::Configuration, &error))?;
        let missing = ask_owners(&mut reports, &parts);
        let view = core.view();
        let explained = core.view();
        let identity = identity(&parts, started);
        let observer = Observer::new(
            identity,
            Arc::clone(&configuration.plan),
            parts.file.clone(),
            configuration.warnings,
            Box::new(move || view.snapshot()),
        )
        .on_axis(recorder::axis(&run))
        .speaking_as_keepalived(parts.as_keepalived);
        let observer = Arc::new(observer);
        observer.show_recorder(begun.watched.shown.clone());
        let previous = begun.previous.as_ref();
        let journal = explaining::journal(&parts, &configuration.plan, &observer, previous)?;
        let explain = explaining::start(
            &observer,
            journal,
            parts.journal_bounds,
            run,
            explained,
            begun.access,
        );
        if let Some(events) = begun.events {
            observer.keep_in(events);
        }
        observer.record(Kind::Started {
            pid: std::process::id(),
        });
        if let Some(previous) = &begun.previous {
            observer.record(previous.told());
        }
        let (sender, changes) = mpsc::channel(CHANGES);
        let control = serve_control(&parts, &observer, sender);
        let recorder = Arc::clone(&observer);
        let notifier = Notifier::new(
            parts.runner.clone(),
            Arc::new(move |kind| recorder.record(kind)),
        );
        let sampler = start_sampler(&configuration, &core, &observer, missing, begun.samples);
        let mut running = Self {
            core,
            reports,
            observer,
            trackers: Trackers::new(parts.runner.clone()),
            notifier,
            signals: signals
                .listen()
                .map_err(|error| Failure::new(Exit::Failure, &error))?,
            changes,
            control,
            explain,
            metrics: Metrics::default(),
            sampler,
            readiness: Readiness::new(parent),
            reloading: Reloading::default(),
            dumping: Dumping::new(),
            stopping: None,
            orders,
            beat: beat(),
            watchdog: Watchdog::from_environment(core::now()),
            recorder: begun.watched,
            unavailable_kept: false,
            configuration,
            parts,
        };
        running.tell_kept_order();
        running.put_into_force();
        Ok(running)
    }

    async fn run(&mut self) -> Exit {
        loop {
            let woken = tokio::select! {
                report = self.reports.next() => Woken::Report(report),
                signal = self.signals.next() => Woken::Signal(signal),
                verdict = self.trackers.next() => Woken::Verdict(verdict),
                loaded = self.reloading.next() => Woken::Loaded(loaded),
                Some(change) = self.changes.recv() => Woken::Change(change),
                () = self.parts.runner.gone() => Woken::RunnerGone,
                () = stopping::overdue(self.stopping.as_ref()) => Woken::StopOverdue,
                () = self.notifier.due() => Woken::NotifyDue,
                () = self.orders.due() => Woken::OrderDue,
                () = self.dumping.written() => Woken::DumpWritten,
                _ = self.beat.tick() => Woken::Beat,
            };
            self.core.beat();
            let end = match woken {
                Woken::Report(report) => self.handle_report(report),
                Woken::Signal(signal) => self.handle_signal(signal),
                Woken::Verdict(verdict) => self.handle_verdict(verdict),
                Woken::Loaded(loaded) => self.handle_loaded(loaded),
                Woken::Change(change) => self.handle_change(change),
                Woken::RunnerGone => self.handle_runner_gone(),
                Woken::StopOverdue => Some(Self::handle_overdue()),
                Woken::Beat => self.handle_beat(),
                Woken::NotifyDue => None,
                Woken::OrderDue => self.handle_orders_due(),
                Woken::DumpWritten => {
                    self.write_next_dump();
                    None
                }
            };
            if let Some(exit) = end {
                return self.finish(exit).await;
            }
        }
    }

    /// The configuration's scripts and notify programs are the ones that run from now on.
    fn put_into_force(&mut self) {
        if let Some(sampler) = &mut self.sampler {
            sampler.watch(host::Watch::new(&self.configuration.plan));
        }
        self.trackers.replace(self.configuration.scripts.clone());
        let global = &self.configuration.plan.global;
        self.notifier.configure(
            self.configuration.fifos.clone(),
            &global.mail,
            global.router_id.as_deref(),
        );
        let (routers, groups) = events::audience(&self.core, &self.configuration);
        self.notifier.replace(routers, groups);
        self.readiness.expect(&self.core, &self.configuration.plan);
        self.metrics.listen(
            self.parts
                .metrics
                .or(self.configuration.plan.global.metrics),
            &self.observer,
        );
        self.tell_when_ready();
    }
}

/// Maintenance that an earlier run was asked for.
fn kept_order(parts: &Parts) -> (Orders, Standing) {
    let run_dir = parts.run_dir.path();
    let file = OrderFile::new(run_dir, &parts.journal_dir);
    let kept = file.read(!recorder::was_here(run_dir));
    let standing = kept.map_or(Standing::Normal, |order| orders::standing(order.what));
    (Orders::begin(file, kept), standing)
}

/// keepalived's users read process ids from files; without one they are told, and the daemon goes on.
fn write_pid_files(parts: &Parts) {
    let pid = i32::try_from(std::process::id()).unwrap_or_default();
    for file in &parts.pid_files {
        if let Err(error) = parts.runner.write_pid(file, pid) {
            tracing::warn!("cannot write the process id to {}: {error}", file.display());
        }
    }
}

/// Lets the owners of netlink ports be found by the runner, which sees root's processes and those that have ended; what
/// cannot be found here.
fn ask_owners(reports: &mut Reports, parts: &Parts) -> Vec<Unavailable> {
    let missing = match parts.runner.watch_processes() {
        Ok(()) => Vec::new(),
        Err(error) => vec![host::no_process_events(error.errno())],
    };
    let runner = parts.runner.clone();
    reports.ask_owners(Box::new(move |port, seen| runner.owner(port, seen)));
    missing
}

/// Counters of the host. Without them the daemon goes on, and verdicts say what is missing.
fn start_sampler(
    configuration: &Configuration,
    core: &Core,
    observer: &Observer,
    missing: Vec<Unavailable>,
    ring: Option<RegionWriter<'static, ADVERT>>,
) -> Option<Sampler> {
    let view = core.view();
    let heard = move || {
        let routers = view.snapshot().routers.into_iter();
        let heard = |router: core::RouterSnapshot| {
            Some((
                String::from(&*router.interface),
                router.router.peer?.address,
            ))
        };
        routers.filter_map(heard).collect()
    };
    let started = Sampler::start(host::Setup {
        watch: host::Watch::new(&configuration.plan),
        axis: observer.axis(),
        heard: Box::new(heard),
        missing,
        ring,
    });
    match started {
        Ok(sampler) => {
            observer.sampled(sampler.evidence());
            Some(sampler)
        }
        Err(error) => {
            tracing::warn!("counters of this host are not sampled: {error}");
            None
        }
    }
}

fn identity(parts: &Parts, started: vrrp_proto::time::Instant) -> Identity {
    let host = nix::unistd::gethostname().unwrap_or_default();
    Identity {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        host: host.to_string_lossy().into_owned(),
        run_dir: parts.run_dir.path().to_owned(),
        root: parts.privileges == Privileges::Root,
        started,
    }
}

/// The control socket in a task of its own. Without it the daemon goes on: VRRP does not depend on it.
fn serve_control(
    parts: &Parts,
    observer: &Arc<Observer>,
    changes: mpsc::Sender<Change>,
) -> Option<JoinHandle<()>> {
    match Listener::bind(parts.run_dir.path()) {
        Ok(listener) => {
            let source: Arc<dyn control::Source> = observer.clone();
            let serve = control::serve(listener, Limits::default(), source, changes);
            Some(tokio::spawn(serve))
        }
        Err(error) => {
            let failure = Failure::new(Exit::Failure, &error);
            tracing::error!("no control socket, so vrrpctl cannot ask: {}", failure.text);
            None
        }
    }
}

fn beat() -> Interval {
    let mut beat = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat
}
