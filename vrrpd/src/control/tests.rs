//! Clients that behave, and clients that do not.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use vrrp_record::control::{
    Answer, Command, ErrorCode, MAX_REQUEST, MAX_RESPONSE, Request, Response, decode_frame,
    read_frame, write_frame,
};
use vrrp_record::status::Status;

use super::*;

const EXAMPLE: &str = include_str!("../../../vrrp-record/schema/status-1.json");

/// Answers with the example, padded to the wanted size, and counts what it was asked.
struct Fake {
    status: Status,
    asked: AtomicU32,
    commanded: std::sync::Mutex<Vec<(Command, Peer, bool)>>,
}

impl Source for Fake {
    fn status(&self) -> Status {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.status.clone()
    }

    fn commanded(&self, command: Command, peer: Peer, granted: bool) {
        self.commanded
            .lock()
            .unwrap()
            .push((command, peer, granted));
    }
}

/// A directory of its own for one test.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("vrrpd-control-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn socket(&self) -> PathBuf {
        self.0.join("control.sock")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// A server on a thread with its own runtime, as the daemon's outer part is one.
struct Server {
    directory: Directory,
    fake: Arc<Fake>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    fn start(limits: Limits, padding: usize) -> Self {
        let directory = Directory::new();
        let mut status: Status = serde_json::from_str(EXAMPLE).unwrap();
        status.daemon.host = "h".repeat(padding);
        let fake = Arc::new(Fake {
            status,
            asked: AtomicU32::new(0),
            commanded: std::sync::Mutex::new(Vec::new()),
        });
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (bound, is_bound) = std::sync::mpsc::channel();
        let (path, source) = (directory.0.clone(), Arc::clone(&fake));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let listener = Listener::bind(&path).unwrap();
                bound.send(()).unwrap();
                let (changes, mut granted) = mpsc::channel::<Change>(1);
                let make_changes = async {
                    while let Some(change) = granted.recv().await {
                        let done = Ok("1 router changed".to_owned());
                        change.reply.send(done).unwrap();
                    }
                };
                tokio::select! {
                    () = serve(listener, limits, source, changes) => {}
                    () = make_changes => {}
                    _ = stopped => {}
                }
            });
        });
        is_bound.recv().unwrap();
        Self {
            directory,
            fake,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(self.directory.socket()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream
    }

    fn ask(&self, command: Command) -> Answer {
        let mut stream = self.connect();
        write_frame(&mut stream, &Request::new(command), MAX_REQUEST).unwrap();
        answer(&mut stream).unwrap()
    }

    fn stop(mut self) -> Directory {
        self.end();
        std::mem::replace(&mut self.directory, Directory::new())
    }

    fn end(&mut self) {
        if let (Some(stop), Some(thread)) = (self.stop.take(), self.thread.take()) {
            stop.send(()).unwrap();
            thread.join().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

fn answer(stream: &mut UnixStream) -> Option<Answer> {
    let content = read_frame(stream, MAX_RESPONSE).ok()?;
    Some(decode_frame::<Response>(&content).unwrap().answer)
}

fn is_status(answer: &Answer) -> bool {
    matches!(answer, Answer::Status { .. })
}

fn error_code(answer: Option<Answer>) -> Option<ErrorCode> {
    match answer {
        Some(Answer::Error { code, .. }) => Some(code),
        Some(Answer::Status { .. } | Answer::Done { .. }) | None => None,
    }
}

fn short() -> Limits {
    Limits {
        deadline: Duration::from_millis(400),
        ..Limits::default()
    }
}

#[test]
fn a_client_gets_the_status_and_may_ask_again_on_the_same_connection() {
    let server = Server::start(Limits::default(), 1);
    let mut stream = server.connect();
    for _ in 0..3 {
        write_frame(&mut stream, &Request::new(Command::Status), MAX_REQUEST).unwrap();
        assert!(is_status(&answer(&mut stream).unwrap()));
    }
}

#[test]
fn requests_that_come_together_share_one_status() {
    let limits = Limits {
        status_age: Duration::from_secs(60),
        ..Limits::default()
    };
    let server = Server::start(limits, 1);
    for _ in 0..20 {
        assert!(is_status(&server.ask(Command::Status)));
    }
    assert_eq!(server.fake.asked.load(Ordering::Relaxed), 1);
}

#[test]
fn root_may_change_and_is_recorded() {
    if !nix::unistd::getuid().is_root() {
        return;
    }
    let server = Server::start(Limits::default(), 1);
    assert_eq!(
        server.ask(Command::Reload),
        Answer::Done {
            message: "1 router changed".to_owned()
        }
    );
    let commanded = server.fake.commanded.lock().unwrap();
    let (command, peer, granted) = commanded[0];
    assert_eq!((command, peer.uid, granted), (Command::Reload, 0, true));
    assert_eq!(peer.pid, Some(i32::try_from(std::process::id()).unwrap()));
}

#[test]
fn others_may_read_and_not_change() {
    let somebody = Peer {
        uid: 1000,
        gid: 1000,
        pid: None,
    };
    assert!(somebody.may(Command::Status));
    assert!(!somebody.may(Command::Reload));
    assert!(Peer { uid: 0, ..somebody }.may(Command::Reload));
}

#[test]
fn garbage_gets_one_answer_and_no_second_try() {
    let server = Server::start(Limits::default(), 1);
    let mut stream = server.connect();
    stream
        .write_all(&[0, 0, 0, 5, 0xff, b'}', 0, b'[', b'"'])
        .unwrap();
    assert_eq!(error_code(answer(&mut stream)), Some(ErrorCode::BadRequest));
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
    assert!(is_status(&server.ask(Command::Status)));
}

#[test]
fn deeply_nested_json_is_garbage_too() {
    let server = Server::start(Limits::default(), 1);
    let mut stream = server.connect();
    let nested = vec![b'['; 60_000];
    stream.write_all(&60_000_u32.to_be_bytes()).unwrap();
    stream.write_all(&nested).unwrap();
    assert_eq!(error_code(answer(&mut stream)), Some(ErrorCode::BadRequest));
}

#[test]
fn a_huge_length_is_refused_at_once() {
    let server = Server::start(Limits::default(), 1);
    let mut stream = server.connect();
    stream.write_all(&u32::MAX.to_be_bytes()).unwrap();
    assert_eq!(error_code(answer(&mut stream)), Some(ErrorCode::BadRequest));
}

#[test]
fn another_version_is_told_so() {
    let server = Server::start(Limits::default(), 1);
    let mut stream = server.connect();
    write_frame(
        &mut stream,
        &Request {
            version: 99,
            command: Command::Status,
        },
        MAX_REQUEST,
    )
    .unwrap();
    assert_eq!(
        error_code(answer(&mut stream)),
        Some(ErrorCode::Unsupported)
    );
}

#[test]
fn an_unknown_command_leaves_the_connection_usable() {
    let server = Server::start(Limits::default(), 1);
    let mut stream = server.connect();
    write_frame(&mut stream, &Request::new(Command::Unknown), MAX_REQUEST).unwrap();
    assert_eq!(
        error_code(answer(&mut stream)),
        Some(ErrorCode::Unsupported)
    );
    write_frame(&mut stream, &Request::new(Command::Status), MAX_REQUEST).unwrap();
    assert!(is_status(&answer(&mut stream).unwrap()));
}

#[test]
fn a_client_that_writes_too_slowly_is_cut_off_at_its_deadline() {
    let server = Server::start(short(), 1);
    let begin = Instant::now();
    let mut stream = server.connect();
    stream
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    let mut request = MAX_REQUEST
        .to_be_bytes()
        .into_iter()
        .chain(std::iter::repeat(b' '));
    // One byte of a large request every 50 ms: each is progress, and the deadline is for the whole.
    let closed = loop {
        assert!(
            begin.elapsed() < Duration::from_secs(20),
            "the connection is still open"
        );
        if stream.write_all(&[request.next().unwrap()]).is_err() {
            break begin.elapsed();
        }
        if matches!(stream.read(&mut [0; 1]), Ok(0)) {
            break begin.elapsed();
        }
    };
    assert!(
        closed >= Duration::from_millis(350),
        "closed after {closed:?}"
    );
    assert!(is_status(&server.ask(Command::Status)));
}

#[test]
fn a_client_that_reads_too_slowly_is_cut_off_at_its_deadline() {
    let server = Server::start(short(), 4 * 1024 * 1024);
    let mut stream = server.connect();
    write_frame(&mut stream, &Request::new(Command::Status), MAX_REQUEST).unwrap();
    let mut buffer = [0; 512];
    let mut read = stream.read(&mut buffer).unwrap();
    // From the first byte on: on a busy machine the answer itself may take a second.
    let begin = Instant::now();
    loop {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(count) => read += count,
        }
        // 10 kB/s until the deadline has surely passed, then whatever the socket still holds.
        if begin.elapsed() < Duration::from_secs(1) {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    assert!(read < 4 * 1024 * 1024, "a slow reader got all of it");
    assert!(is_status(&server.ask(Command::Status)));
}

#[test]
fn clients_that_never_read_hold_neither_memory_nor_places() {
    let limits = Limits {
        pending_kib: 3 * 1024,
        ..short()
    };
    let server = Server::start(limits, 1024 * 1024);
    let mut silent: Vec<UnixStream> = (0..10).map(|_| server.connect()).collect();
    for stream in &mut silent {
        write_frame(stream, &Request::new(Command::Status), MAX_REQUEST).unwrap();
    }
    std::thread::sleep(Duration::from_millis(1_000));
    let received = silent.iter_mut().map(|stream| {
        let mut rest = Vec::new();
        // Reset or orderly end: both are a closed connection.
        let _closed = stream.read_to_end(&mut rest);
        rest.len()
    });
    let received: Vec<usize> = received.collect();
    // Two responses fit into the budget; the other clients were sent away instead of waiting in memory.
    assert_eq!(
        received.iter().filter(|count| **count > 0).count(),
        2,
        "{received:?}"
    );
    assert!(
        received.iter().all(|count| *count < 1024 * 1024),
        "{received:?}"
    );
    assert!(is_status(&server.ask(Command::Status)));
}

#[test]
fn two_hundred_connections_are_bounded_and_root_still_gets_in() {
    let server = Server::start(
        Limits {
            deadline: Duration::from_secs(3),
            ..Limits::default()
        },
        1,
    );
    let mut open = Vec::new();
    let mut refused = 0;
    for _ in 0..200 {
        let mut stream = server.connect();
        stream
            .set_read_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        match error_code(answer(&mut stream)) {
            Some(ErrorCode::Busy) => refused += 1,
            _ => open.push(stream),
        }
        if open.len() > 32 {
            break;
        }
    }
    let places = if nix::unistd::getuid().is_root() {
        32
    } else {
        24
    };
    assert_eq!((open.len(), refused), (places, 200 - places));
    drop(open);
    std::thread::sleep(Duration::from_millis(200));
    assert!(is_status(&server.ask(Command::Status)));
}

#[tokio::test]
async fn places_for_root_are_not_given_to_others() {
    let (for_all, for_root) = (
        Arc::new(tokio::sync::Semaphore::new(1)),
        Arc::new(tokio::sync::Semaphore::new(1)),
    );
    let somebody = Peer {
        uid: 1000,
        gid: 1000,
        pid: None,
    };
    let root = Peer {
        uid: 0,
        gid: 0,
        pid: None,
    };
    let first = server::permit(somebody, &for_all, &for_root);
    assert!(first.is_some());
    assert!(server::permit(somebody, &for_all, &for_root).is_none());
    assert!(server::permit(root, &for_all, &for_root).is_some());
}

#[test]
fn the_socket_file_goes_when_the_daemon_stops() {
    let server = Server::start(Limits::default(), 1);
    assert!(server.directory.socket().exists());
    let directory = server.stop();
    assert!(!directory.socket().exists());
}

#[test]
fn connections_end_when_the_daemon_stops() {
    let mut server = Server::start(Limits::default(), 1);
    let mut stream = server.connect();
    write_frame(&mut stream, &Request::new(Command::Status), MAX_REQUEST).unwrap();
    assert!(is_status(&answer(&mut stream).unwrap()));
    server.end();
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
}

fn bind(directory: &Path) -> Result<Listener, ControlError> {
    Listener::bind(directory)
}

#[tokio::test]
async fn a_stale_socket_file_is_replaced() {
    let directory = Directory::new();
    // Left behind as a killed daemon leaves it: the file stays, nobody listens.
    drop(std::os::unix::net::UnixListener::bind(directory.socket()).unwrap());
    assert!(directory.socket().exists());
    let listener = bind(&directory.0).unwrap();
    assert_eq!(listener.path(), directory.socket());
}

#[tokio::test]
async fn a_living_daemon_keeps_its_socket() {
    let directory = Directory::new();
    let _first = bind(&directory.0).unwrap();
    let error = bind(&directory.0).unwrap_err();
    assert!(matches!(error, ControlError::InUse(_)), "{error}");
    assert!(directory.socket().exists());
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_left_alone() {
    let directory = Directory::new();
    std::fs::write(directory.socket(), "precious").unwrap();
    let error = bind(&directory.0).unwrap_err();
    assert!(matches!(error, ControlError::NotASocket(_)), "{error}");
    assert_eq!(
        std::fs::read_to_string(directory.socket()).unwrap(),
        "precious"
    );
}

#[tokio::test]
async fn a_socket_that_took_our_place_is_not_removed_at_stop() {
    let directory = Directory::new();
    let first = bind(&directory.0).unwrap();
    std::fs::remove_file(directory.socket()).unwrap();
    let _second = bind(&directory.0).unwrap();
    drop(first);
    assert!(directory.socket().exists());
}

#[tokio::test]
async fn the_socket_is_for_the_group_where_it_exists_and_else_for_nobody_more() {
    let mode = |directory: &Directory| {
        std::fs::metadata(directory.socket())
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    let directory = Directory::new();
    let listener = Listener::bind_for(&directory.0, None).unwrap();
    assert_eq!(mode(&directory), 0o600);
    drop(listener);
    let _listener = Listener::bind_for(&directory.0, Some(nix::unistd::getgid())).unwrap();
    assert_eq!(mode(&directory), 0o660);
}

#[tokio::test]
async fn a_group_that_cannot_be_given_leaves_the_socket_to_root() {
    let directory = Directory::new();
    // Where every group is mapped, root may give it away even so.
    let unmapped = nix::unistd::Gid::from_raw(u32::MAX - 1);
    let listener = Listener::bind_for(&directory.0, Some(unmapped)).unwrap();
    let metadata = std::fs::metadata(listener.path()).unwrap();
    let given = std::os::unix::fs::MetadataExt::gid(&metadata) == unmapped.as_raw();
    let mode = if given { 0o660 } else { 0o600 };
    assert_eq!(metadata.permissions().mode() & 0o777, mode);
}

#[tokio::test]
async fn a_run_directory_that_does_not_exist_is_named() {
    let error = bind(Path::new("/nonexistent/vrrpd")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot bind the control socket /nonexistent/vrrpd/control.sock"
    );
}
