//! The log: lines of tracing to the console, syslog or the journal, without ever making the writer of a line wait.
//!
//! A line is formatted where it is written and put into a bounded queue; a thread of its own writes it out. A reader
//! that is stuck costs lines, which are counted and reported when it reads again, and nothing else. Until the thread is
//! started lines wait in the queue, because privileges are dropped before there are threads.

mod format;
mod sink;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tracing_subscriber::layer::SubscriberExt;

pub use format::{Line, Speaker};
pub use sink::{Destination, Sink};

/// Target of lines that keepalived's VRRP process has, byte for byte, where we are called by its name.
pub const VRRP: &str = "keepalived::vrrp";
/// Target of lines that keepalived's first process has.
pub const PARENT: &str = "keepalived::parent";
/// Target of lines that only we have.
pub const OWN: &str = "vrrpd::own";

/// Lines that may wait for a slow reader.
const BACKLOG: usize = 2_048;
/// How long the end of the daemon waits for the last lines to be written.
const FLUSH_BOUND: Duration = Duration::from_millis(300);

/// What may be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// What keepalived logs without `-D`.
    Normal,
    /// `-D`.
    Detailed,
}

/// The log. Dropping it writes what is left.
#[derive(Debug)]
pub struct Log {
    queue: Arc<Queue>,
    receiver: Arc<Mutex<Receiver<Line>>>,
    sinks: Arc<Mutex<Vec<Sink>>>,
    started: bool,
}

/// The writing end of the log.
#[derive(Debug)]
struct Queue {
    sender: SyncSender<Line>,
    lost: AtomicU64,
    /// Lines in the queue or being written.
    pending: AtomicU64,
    closing: AtomicBool,
}

impl Queue {
    fn put(&self, line: Line) {
        self.pending.fetch_add(1, Ordering::AcqRel);
        match self.sender.try_send(line) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.pending.fetch_sub(1, Ordering::AcqRel);
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl Log {
    /// A log to these sinks. No thread yet.
    #[must_use]
    pub fn new(sinks: Vec<Sink>) -> Self {
        let (sender, receiver) = sync_channel(BACKLOG);
        Self {
            queue: Arc::new(Queue {
                sender,
                lost: AtomicU64::new(0),
                pending: AtomicU64::new(0),
                closing: AtomicBool::new(false),
            }),
            receiver: Arc::new(Mutex::new(receiver)),
            sinks: Arc::new(Mutex::new(sinks)),
            started: false,
        }
    }

    /// Makes this log the process's, for everything that tracing is told from now on. Once per process.
    pub fn install(&self, detail: Detail) {
        let layer = format::Layer::new(Arc::new({
            let queue = Arc::clone(&self.queue);
            move |line| queue.put(line)
        }));
        let level = match detail {
            Detail::Normal => tracing_subscriber::filter::LevelFilter::INFO,
            Detail::Detailed => tracing_subscriber::filter::LevelFilter::DEBUG,
        };
        let subscriber = tracing_subscriber::registry().with(level).with(layer);
        // A second log in one process (tests) leaves the first in place.
        let _ = tracing::subscriber::set_global_default(subscriber);
    }

    /// Starts the thread that writes.
    ///
    /// # Errors
    /// When the process may not have another thread; lines are then written at the end only.
    pub fn start(&mut self) -> std::io::Result<()> {
        let queue = Arc::clone(&self.queue);
        let receiver = Arc::clone(&self.receiver);
        let sinks = Arc::clone(&self.sinks);
        std::thread::Builder::new()
            .name(String::from("log"))
            .spawn(move || write_lines(&queue, &receiver, &sinks))?;
        self.started = true;
        Ok(())
    }

    /// Lines that were lost and not reported yet.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.queue.lost.load(Ordering::Relaxed)
    }

    /// Writes one line past tracing.
    #[cfg(test)]
    fn put(&self, line: Line) {
        self.queue.put(line);
    }
}

/// The log thread. It ends with the process: a write that hangs cannot be ended.
fn write_lines(queue: &Queue, receiver: &Mutex<Receiver<Line>>, sinks: &Mutex<Vec<Sink>>) {
    let receiver = receiver.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let line = receiver.recv_timeout(Duration::from_millis(500));
        let mut sinks = sinks.lock().unwrap_or_else(PoisonError::into_inner);
        match line {
            Ok(line) => {
                for sink in sinks.iter_mut() {
                    sink.write(&line);
                }
                queue.pending.fetch_sub(1, Ordering::AcqRel);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        report_lost(queue, &mut sinks);
        if queue.closing.load(Ordering::Acquire) && queue.pending.load(Ordering::Acquire) == 0 {
            return;
        }
    }
}

/// One line about lines that were lost, once there is room again.
fn report_lost(queue: &Queue, sinks: &mut [Sink]) {
    let lost = queue.lost.swap(0, Ordering::Relaxed);
    if lost > 0 {
        let text = format!("{lost} log lines were lost: the reader of the log did not keep up");
        let line = Line::new(tracing::Level::WARN, text, SystemTime::now());
        for sink in sinks {
            sink.write(&line);
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.queue.closing.store(true, Ordering::Release);
        if self.started {
            let begin = Instant::now();
            while self.queue.pending.load(Ordering::Acquire) > 0 && begin.elapsed() < FLUSH_BOUND {
                std::thread::sleep(Duration::from_millis(1));
            }
            return;
        }
        let receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sinks = self.sinks.lock().unwrap_or_else(PoisonError::into_inner);
        while let Ok(line) = receiver.try_recv() {
            for sink in sinks.iter_mut() {
                sink.write(&line);
            }
        }
        report_lost(&self.queue, &mut sinks);
    }
}

/// Panics go to the log, which makes nobody wait: standard error could.
pub fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let place = panic.location().map(ToString::to_string);
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        tracing::error!(
            "defect in thread {} at {}: {}; please report it",
            thread.name().unwrap_or("without a name"),
            place.as_deref().unwrap_or("an unknown place"),
            text.unwrap_or("no reason given"),
        );
    }));
}

/// Runs `act` with a subscriber for this thread alone.
///
/// While tracing knows one subscriber only, a line that another thread comes to first is asked for on that thread, where
/// nobody listens, and is left out everywhere from then on. So there are two more all the time.
#[cfg(test)]
pub(crate) fn listened_to<T>(
    subscriber: impl tracing::Subscriber + Send + Sync,
    act: impl FnOnce() -> T,
) -> T {
    static MORE: std::sync::OnceLock<[tracing::Dispatch; 2]> = std::sync::OnceLock::new();
    MORE.get_or_init(|| [(); 2].map(|()| tracing::Dispatch::new(tracing_subscriber::registry())));
    tracing::subscriber::with_default(subscriber, act)
}
