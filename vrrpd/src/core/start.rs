//! Starting the threads: everything that can fail, fails here.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc;
use std::thread::JoinHandle;

use nix::sys::signal::{SigSet, Signal as UnixSignal};
use vrrp_config::plan::{Plan, Realtime};
use vrrp_record::ring::Description;

use super::names::{InterfaceNames, TrackerNames};
use super::places::Places;
use super::{Core, CoreError, CoreOptions, CoreView, Published, Reports, build};
use crate::address::{self, AddressEnds, AddressSetup};
use crate::engine::{self, Alive, Beat, Command, Ends, Engine, Flight, Outs, Setup, Shared, clock};
use crate::publish;
use crate::queue::{self, Receiver, Sender, Signal};
use crate::recorder::EnginePart;

/// Commands on their way to the engine.
const COMMANDS: usize = 1024;
/// Reports on their way to the other world: a flood's worth, since it may be slow.
const REPORTS: usize = 8192;
/// Messages between engine and address thread.
const ADDRESS: usize = 4096;
/// Stack of the engine thread; all of it is locked.
const STACK: usize = 256 * 1024;

/// The flight recorder as far as the core writes it.
#[derive(Debug)]
pub(crate) struct Recording {
    /// Goes to the engine.
    pub(crate) engine: EnginePart,
    /// Stays in the other world.
    pub(crate) descriptions: Vec<Description<'static>>,
}

impl Recording {
    fn parts(self) -> (Box<Flight>, Vec<Description<'static>>) {
        (Box::new(Flight::new(self.engine)), self.descriptions)
    }
}

/// Starts the engine and address threads for `plan`. Call it within a tokio context.
///
/// # Errors
/// When the plan cannot be built or a thread cannot start. Refused privileges are no error: they show in the snapshot.
pub(crate) fn start(
    plan: &Plan,
    options: CoreOptions,
    recording: Option<Recording>,
) -> Result<(Core, Reports), CoreError> {
    start_with(plan, options, recording, address::spawn)
}

/// The same with another address thread.
pub(crate) fn start_with(
    plan: &Plan,
    options: CoreOptions,
    recording: Option<Recording>,
    spawn: impl FnOnce(AddressSetup, AddressEnds, Option<u8>) -> io::Result<JoinHandle<()>>,
) -> Result<(Core, Reports), CoreError> {
    let (mut interfaces, mut trackers) = (InterfaceNames::default(), TrackerNames::default());
    let (flight, descriptions) = recording.map(Recording::parts).unzip();
    let mut places = Places::new(descriptions.unwrap_or_default());
    let mut built = build::build(plan, &mut interfaces, &mut trackers, &mut places)?;
    built.setup.io.flight = flight;
    built.setup.stand(options.standing);

    let Channels {
        ends,
        outs,
        address,
        commands,
        returned,
        reports,
        shared,
    } = Channels::open()?;
    let fifo = below(plan.global.realtime);
    // Without the limit the engine still keeps its own budget.
    let _ = engine::install_limit();
    let address_thread = without_signals(|| spawn(*built.address, address, fifo))
        .map_err(thread_failed("address"))?;
    let engine_thread =
        start_engine(built.setup, ends, outs, options).map_err(thread_failed("engine"))?;

    let current = Published {
        board: built.board,
        routers: built.routers,
    };
    let view = CoreView::new(Arc::clone(&shared), current.clone());
    let core = Core {
        commands,
        waiting: VecDeque::new(),
        returned,
        shared,
        interfaces,
        trackers,
        places,
        current,
        previous: None,
        view,
        threads: vec![engine_thread, address_thread],
    };
    Ok((core, reports))
}

/// The ends of everything that connects engine, address thread and the other world.
struct Channels {
    /// The engine's.
    ends: Ends,
    outs: Outs,
    /// The address thread's.
    address: AddressEnds,
    /// The other world's.
    commands: Sender<Command>,
    returned: Receiver<Box<Setup>>,
    reports: Reports,
    shared: Arc<Shared>,
}

impl Channels {
    fn open() -> Result<Self, CoreError> {
        let signal = || Signal::new().map_err(CoreError::Signal);
        let (engine_signal, world_signal) = (signal()?, signal()?);
        let (commands, engine_commands) = queue::bounded(COMMANDS, engine_signal.clone());
        let (address_reports, engine_address_reports) =
            queue::bounded(ADDRESS, engine_signal.clone());
        let (address_commands, address_inbox) = queue::bounded(ADDRESS, signal()?);
        let (engine_reports, world_engine) = queue::bounded(REPORTS, world_signal.clone());
        let (address_world, world_address) = queue::bounded(REPORTS, world_signal.clone());
        let (engine_returned, returned) = queue::bounded(COMMANDS, signal()?);
        let shared = Arc::new(Shared {
            beat: Beat::new(clock::now()),
            engine: publish::Published::new(),
            alive: AtomicBool::new(false),
        });
        let reports =
            Reports::new(world_signal, world_engine, world_address).map_err(CoreError::Signal)?;
        Ok(Self {
            ends: Ends {
                signal: engine_signal,
                commands: engine_commands,
                address_reports: engine_address_reports,
                returned: engine_returned,
                shared: Arc::clone(&shared),
            },
            outs: Outs {
                address: address_commands,
                reports: engine_reports,
            },
            address: AddressEnds {
                commands: address_inbox,
                reports: address_reports,
                world: address_world,
            },
            commands,
            returned,
            reports,
            shared,
        })
    }
}

/// Starts the engine's thread and waits until its loop begins.
fn start_engine(
    setup: Box<Setup>,
    ends: Ends,
    outs: Outs,
    options: CoreOptions,
) -> io::Result<JoinHandle<()>> {
    let (ready, is_ready) = mpsc::channel();
    let alive = Alive::begin(Arc::clone(&ends.shared));
    let thread = without_signals(|| {
        std::thread::Builder::new()
            .name("engine".to_owned())
            .stack_size(STACK)
            .spawn(move || {
                let _alive = alive;
                match Engine::new(setup, ends, outs, options) {
                    Ok(engine) => {
                        let _ = ready.send(Ok(()));
                        drop(ready);
                        let _ = engine.run();
                    }
                    Err(error) => {
                        let _ = ready.send(Err(error));
                    }
                }
                engine::Realtime::leave();
            })
    })?;
    is_ready
        .recv()
        .unwrap_or_else(|_| Err(io::Error::other("it ended at once")))?;
    Ok(thread)
}

fn thread_failed(thread: &'static str) -> impl FnOnce(io::Error) -> CoreError {
    move |error| CoreError::Thread { thread, error }
}

/// The address thread's priority: below the engine where there is room below it.
fn below(realtime: Realtime) -> Option<u8> {
    match realtime {
        Realtime::Off => None,
        Realtime::Fifo(priority) => Some(priority.saturating_sub(1).max(1)),
    }
}

/// Starts a thread that takes no signals but the kernel's warning about its running time: a handler of the other world
/// has no place on it.
fn without_signals<T>(start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let mut blocked = SigSet::all();
    blocked.remove(UnixSignal::SIGXCPU);
    for fault in [
        UnixSignal::SIGSEGV,
        UnixSignal::SIGBUS,
        UnixSignal::SIGILL,
        UnixSignal::SIGFPE,
    ] {
        blocked.remove(fault);
    }
    let before = blocked.thread_swap_mask(nix::sys::signal::SigmaskHow::SIG_SETMASK)?;
    let result = start();
    before.thread_set_mask()?;
    result
}
