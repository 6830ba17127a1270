//! A client that asks through a virtual address all the time and remembers who answered when.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::host::Host;

pub(crate) const START_BOUND: Duration = Duration::from_secs(10);
/// Time between one answer and the next question.
const PAUSE: Duration = Duration::from_millis(10);
/// Time after which a question is given up.
const PATIENCE: Duration = Duration::from_millis(200);
const PORT: u16 = 80;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// When the whole of it was there.
    pub at: Instant,
    /// Who gave it.
    pub from: String,
}

/// The client; it asks until it is dropped.
#[derive(Debug)]
pub struct Probe {
    answers: Arc<Mutex<Vec<Answer>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Probe {
    /// Begins to ask `address` from `host`.
    #[must_use]
    pub fn start(host: &Host, address: IpAddr) -> Self {
        let answers: Arc<Mutex<Vec<Answer>>> = Arc::default();
        let stop = Arc::new(AtomicBool::new(false));
        let thread = host.thread({
            let (answers, stop) = (Arc::clone(&answers), Arc::clone(&stop));
            let to = SocketAddr::new(address, PORT);
            move || {
                while !stop.load(Ordering::Relaxed) {
                    if let Ok(from) = ask(to) {
                        let at = Instant::now();
                        lock(&answers).push(Answer { at, from });
                    }
                    std::thread::sleep(PAUSE);
                }
            }
        });
        Self {
            answers,
            stop,
            thread: Some(thread),
        }
    }

    /// Answers from `since` on.
    #[must_use]
    pub fn answers(&self, since: Instant) -> Vec<Answer> {
        lock(&self.answers)
            .iter()
            .filter(|answer| answer.at >= since)
            .cloned()
            .collect()
    }

    /// Who answered last.
    #[must_use]
    pub fn last(&self) -> Option<Answer> {
        lock(&self.answers).last().cloned()
    }

    /// The longest time without an answer between `since` and now.
    #[must_use]
    pub fn longest_gap(&self, since: Instant) -> Duration {
        let mut last = since;
        let mut longest = Duration::ZERO;
        let answers = self.answers(since);
        for at in answers
            .iter()
            .map(|answer| answer.at)
            .chain([Instant::now()])
        {
            longest = longest.max(at.saturating_duration_since(last));
            last = at;
        }
        longest
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn ask(to: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut response = String::new();
    stream.take(4096).read_to_string(&mut response)?;
    response
        .strip_prefix("HTTP/1.0 200")
        .or_else(|| response.strip_prefix("HTTP/1.1 200"))
        .and_then(|rest| rest.split_once("\r\n\r\n"))
        .map(|(_, body)| body.trim().to_owned())
        .ok_or_else(|| std::io::Error::other("not a whole answer"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
