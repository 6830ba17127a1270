//! A client that asks through a virtual address once a millisecond, and how long it got no answer.
//!
//! Every question is a numbered datagram with its own stamp. What counts is a question without an answer: an answer that
//! came late is one, and time in which the client itself did not run, so that it asked nothing, is taken out.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::host::Host;
use super::wait::wait_until;

/// Between two questions.
const TICK: Duration = Duration::from_millis(1);
/// Answers that are still on their way at the end.
const LATE: Duration = Duration::from_millis(300);
const PORT: u16 = 7;
const START_BOUND: Duration = Duration::from_secs(10);

/// Answers every datagram on all addresses of a host, until it is dropped.
#[derive(Debug)]
pub struct Echo {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Echo {
    /// Begins to answer on `host`.
    ///
    /// # Panics
    /// When the host has no room for its socket.
    #[must_use]
    pub fn start(host: &Host) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = host.thread(move || {
            let socket = UdpSocket::bind(("::", PORT)).expect("nobody else uses the port");
            let _ = socket.set_read_timeout(Some(Duration::from_millis(50)));
            let mut question = [0; 8];
            while !told.load(Ordering::Relaxed) {
                if let Ok((length, from)) = socket.recv_from(&mut question) {
                    let _ = socket.send_to(&question[..length], from);
                }
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One question.
#[derive(Clone, Copy, Debug)]
struct Asked {
    at: Instant,
    by: Option<IpAddr>,
}

/// The client; asks until [`Pinger::finish`].
#[derive(Debug)]
pub struct Pinger {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<Asked>>>,
}

impl Pinger {
    /// Begins to ask `address` from `host`, and waits for the first answer.
    ///
    /// # Panics
    /// When nobody answers.
    #[must_use]
    pub fn start(host: &Host, address: IpAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let answered = Arc::new(AtomicBool::new(false));
        let (told, first) = (Arc::clone(&stop), Arc::clone(&answered));
        let thread = host.thread(move || ask(SocketAddr::new(address, PORT), &told, &first));
        wait_until("a first answer", START_BOUND, || {
            answered.load(Ordering::Relaxed).then_some(())
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }

    /// Ends, and tells what was seen.
    ///
    /// # Panics
    /// When the client did.
    #[must_use]
    pub fn finish(mut self) -> Pinged {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("it is ended once");
        Pinged {
            questions: thread.join().expect("the client asks to the end"),
        }
    }
}

impl Drop for Pinger {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// What a client saw.
#[derive(Debug)]
pub struct Pinged {
    questions: Vec<Asked>,
}

impl Pinged {
    /// How many questions were asked.
    #[must_use]
    pub const fn questions(&self) -> usize {
        self.questions.len()
    }

    /// How many got no answer.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.questions.iter().filter(|one| one.by.is_none()).count()
    }

    /// Whether more than one host answered.
    #[must_use]
    pub fn moved(&self) -> bool {
        let mut who: Vec<IpAddr> = self.questions.iter().filter_map(|one| one.by).collect();
        who.dedup();
        who.len() > 1
    }

    /// The longest time between two questions that were answered with one between them that was not, less the time in
    /// which the client did not ask.
    #[must_use]
    pub fn longest_gap(&self) -> Duration {
        let mut longest = Duration::ZERO;
        let mut gap = None::<Duration>;
        for pair in self.questions.windows(2) {
            let (before, one) = (pair[0], pair[1]);
            let step = (one.at - before.at).min(2 * TICK);
            match (before.by, one.by, gap) {
                (Some(_), None, _) => gap = Some(step),
                (None, None, Some(so_far)) => gap = Some(so_far + step),
                (None, Some(_), Some(so_far)) => {
                    longest = longest.max(so_far + step);
                    gap = None;
                }
                (Some(_), Some(_), _) | (None, _, None) => {}
            }
        }
        longest.max(gap.unwrap_or_default())
    }
}

fn ask(address: SocketAddr, stop: &AtomicBool, first: &AtomicBool) -> Vec<Asked> {
    let any: IpAddr = if address.is_ipv4() {
        [0_u8; 4].into()
    } else {
        [0_u8; 16].into()
    };
    let socket = UdpSocket::bind((any, 0)).expect("the client has room for a socket");
    socket
        .set_nonblocking(true)
        .expect("a socket can be non-blocking");
    let mut questions = Vec::with_capacity(200_000);
    let mut due = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let number = u64::try_from(questions.len()).expect("far fewer than 2^64");
        let at = Instant::now();
        questions.push(Asked { at, by: None });
        let _ = socket.send_to(&number.to_be_bytes(), address);
        due = (due + TICK).max(at);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        take(&socket, &mut questions, first);
    }
    let end = Instant::now() + LATE;
    while Instant::now() < end {
        std::thread::sleep(TICK);
        take(&socket, &mut questions, first);
    }
    questions
}

fn take(socket: &UdpSocket, questions: &mut [Asked], first: &AtomicBool) {
    let mut number = [0; 8];
    loop {
        match socket.recv_from(&mut number) {
            Ok((8, from)) => {
                let number = usize::try_from(u64::from_be_bytes(number)).unwrap_or(usize::MAX);
                if let Some(question) = questions.get_mut(number) {
                    question.by = Some(from.ip());
                    first.store(true, Ordering::Relaxed);
                }
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            // A host that does not have the address says so; that is no answer.
            Err(_) => {}
        }
    }
}
