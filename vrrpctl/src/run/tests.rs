//! Exit codes and messages against a daemon made by hand.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use jiff::tz::TimeZone;
use vrrp_record::control::{
    ErrorCode, MAX_REQUEST, MAX_RESPONSE, Request, Response, decode_frame, encode_frame, read_frame,
};
use vrrp_record::words::Word;

use super::*;
use crate::render::Style;

const EXAMPLE: &str = include_str!("../../../vrrp-record/schema/status-1.json");

/// A run directory of its own for one test.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("vrrpctl-run-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Answers one connection with these bytes, after its request.
    pub(crate) fn answer_bytes(&self, bytes: Vec<u8>) -> JoinHandle<Request> {
        let listener = UnixListener::bind(self.0.join("control.sock")).unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let content = read_frame(&mut stream, MAX_REQUEST).unwrap();
            stream.write_all(&bytes).unwrap();
            decode_frame(&content).unwrap()
        })
    }

    pub(crate) fn answer(&self, answer: Answer) -> JoinHandle<Request> {
        self.answer_bytes(encode_frame(&Response::new(answer), MAX_RESPONSE).unwrap())
    }

    pub(crate) fn answer_status(&self, status: Status) -> JoinHandle<Request> {
        self.answer(Answer::Status {
            status: Box::new(status),
        })
    }

    pub(crate) fn run(&self, words: &[&str]) -> (Exit, String, String) {
        let mut arguments = vec![
            "vrrpctl".into(),
            "--run-dir".into(),
            self.0.clone().into_os_string(),
        ];
        arguments.extend(words.iter().map(OsString::from));
        let (answers, messages) = (Pipe::default(), Pipe::default());
        let mut output = Output {
            answers: Box::new(answers.clone()),
            messages: Box::new(messages.clone()),
            style: Style::default(),
            zone: TimeZone::UTC,
            clock: || crate::example::NOW,
            closed: false,
        };
        let exit = run(arguments, &mut output);
        (exit, answers.text(), messages.text())
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Keeps what is written.
#[derive(Clone, Default)]
pub(crate) struct Pipe(Arc<Mutex<Vec<u8>>>);

impl Pipe {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The example, healthy, in this state.
pub(crate) fn status_in(state: Word) -> Status {
    let mut status: Status = serde_json::from_str(EXAMPLE).unwrap();
    status.daemon.configuration.refused = None;
    status.routers[0].state = state;
    status.routers[0].priority.entries.clear();
    status.health = health::judge(&status);
    status
}

#[test]
fn healthy_is_zero_for_master_and_for_backup() {
    for state in [Word::Master, Word::Backup] {
        let directory = Directory::new();
        let daemon = directory.answer_status(status_in(state));
        let (exit, answer, message) = directory.run(&["status"]);
        assert_eq!((exit.code(), message.as_str()), (0, ""));
        assert!(
            answer.starts_with(&format!("loadbalancer {state} for 14 s, healthy\n")),
            "{answer}"
        );
        assert_eq!(daemon.join().unwrap(), Request::new(Command::Status));
    }
}

#[test]
fn not_healthy_is_one() {
    for state in [Word::Fault, Word::Init] {
        let directory = Directory::new();
        let _daemon = directory.answer_status(status_in(state));
        assert_eq!(directory.run(&["status"]).0.code(), 1);
    }
}

#[test]
fn an_asserted_state_decides_alone() {
    for (state, asserted, code) in [
        (Word::Master, "MASTER", 0),
        (Word::Master, "active", 0),
        (Word::Master, "BACKUP", 1),
        (Word::Backup, "Backup", 0),
        (Word::Fault, "FAULT", 0),
    ] {
        let directory = Directory::new();
        let _daemon = directory.answer_status(status_in(state));
        let (exit, answer, _) = directory.run(&["status", "--assert", asserted]);
        assert_eq!(exit.code(), code, "{state} asserted {asserted}");
        assert!(
            answer.starts_with(&format!("loadbalancer {state} for ")),
            "{answer}"
        );
    }
}

#[test]
fn wrong_usage_is_two() {
    let directory = Directory::new();
    for words in [
        &["status", "--assert", "primary"][..],
        &["stauts"],
        &["status", "--nonsense"],
        &[],
    ] {
        let (exit, answer, message) = directory.run(words);
        assert_eq!((exit.code(), answer.as_str()), (2, ""), "{words:?}");
        assert!(!message.is_empty());
    }
}

#[test]
fn help_is_an_answer() {
    let directory = Directory::new();
    let (exit, answer, message) = directory.run(&["--help"]);
    assert_eq!((exit.code(), message.as_str()), (0, ""));
    assert!(answer.contains("3  the daemon does not run"), "{answer}");
}

#[test]
fn no_daemon_is_three_and_says_what_to_do() {
    let directory = Directory::new();
    let (exit, _, message) = directory.run(&["status"]);
    assert_eq!(exit.code(), 3);
    assert!(
        message.contains("vrrpd does not run") && message.contains("--run-dir"),
        "{message}"
    );
    // As a killed daemon leaves it.
    drop(UnixListener::bind(directory.0.join("control.sock")).unwrap());
    assert_eq!(directory.run(&["status"]).0.code(), 3);
}

#[test]
fn a_refused_command_is_four() {
    let directory = Directory::new();
    let message = "reload changes the daemon and is for root only: use sudo".to_owned();
    let daemon = directory.answer(Answer::Error {
        code: ErrorCode::NotPermitted,
        message,
    });
    let (exit, _, message) = directory.run(&["reload"]);
    assert_eq!(
        (exit.code(), message.contains("root")),
        (4, true),
        "{message}"
    );
    assert_eq!(daemon.join().unwrap(), Request::new(Command::Reload));
}

/// Permissions do not stop root, so this one shows itself only to other users.
#[test]
fn a_socket_that_may_not_be_opened_is_four() {
    let directory = Directory::new();
    let socket = directory.0.join("control.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::os::unix::net::UnixStream::connect(&socket).is_ok() {
        return;
    }
    let (exit, _, message) = directory.run(&["status"]);
    assert_eq!(exit.code(), 4);
    assert!(
        message.contains("no permission") && message.contains("group vrrpd"),
        "{message}"
    );
}

#[test]
fn a_carried_out_command_is_zero_and_says_what_was_done() {
    let directory = Directory::new();
    let _daemon = directory.answer(Answer::Done {
        message: "reloaded 1 router".to_owned(),
    });
    assert_eq!(
        directory.run(&["reload"]),
        (
            Exit::Healthy,
            "reloaded 1 router\n".to_owned(),
            String::new()
        )
    );
}

#[test]
fn a_failed_command_is_one() {
    let directory = Directory::new();
    let message = "the new configuration has 2 errors".to_owned();
    let _daemon = directory.answer(Answer::Error {
        code: ErrorCode::Failed,
        message,
    });
    assert_eq!(directory.run(&["reload"]).0.code(), 1);
}

#[test]
fn an_answer_that_is_none_is_one_and_does_not_panic() {
    for bytes in [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        vec![0, 0, 0, 2, b'{', b'}'],
        vec![0, 0],
        Vec::new(),
    ] {
        let directory = Directory::new();
        let _daemon = directory.answer_bytes(bytes);
        let (exit, answer, message) = directory.run(&["status"]);
        assert_eq!((exit.code(), answer.as_str()), (1, ""));
        assert!(message.starts_with("vrrpctl: "), "{message}");
    }
}

#[test]
fn json_is_the_status_itself() {
    let directory = Directory::new();
    let status = status_in(Word::Master);
    let _daemon = directory.answer_status(status.clone());
    let (exit, answer, _) = directory.run(&["status", "--json"]);
    assert_eq!(exit.code(), 0);
    assert_eq!(serde_json::from_str::<Status>(&answer).unwrap(), status);
}

#[test]
fn a_named_router_is_judged_alone() {
    let mut status = status_in(Word::Backup);
    let mut broken = status.routers[0].clone();
    broken.name = "other".to_owned();
    broken.state = Word::Fault;
    status.routers.push(broken);
    status.health = health::judge(&status);
    for (words, code) in [
        (&["status"][..], 1),
        (&["status", "other"], 1),
        (&["status", "loadbalancer"], 0),
        (&["status", "third"], 2),
    ] {
        let directory = Directory::new();
        let _daemon = directory.answer_status(status.clone());
        assert_eq!(directory.run(words).0.code(), code, "{words:?}");
    }
}

#[test]
fn a_newer_schema_is_shown_with_a_warning() {
    let directory = Directory::new();
    let mut status = status_in(Word::Master);
    status.schema = 2;
    let _daemon = directory.answer_status(status);
    let (exit, answer, message) = directory.run(&["status"]);
    assert_eq!(exit.code(), 0);
    assert!(answer.starts_with("loadbalancer MASTER"), "{answer}");
    assert!(message.contains("schema 2"), "{message}");
}

#[test]
fn a_reader_that_goes_away_changes_no_exit_code() {
    /// A pipe whose other end is closed.
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
    }
    let directory = Directory::new();
    let _daemon = directory.answer_status(status_in(Word::Master));
    let mut output = Output {
        answers: Box::new(Closed),
        messages: Box::new(Closed),
        style: Style::default(),
        zone: TimeZone::UTC,
        clock: || crate::example::NOW,
        closed: false,
    };
    let arguments = [
        "vrrpctl".into(),
        "--run-dir".into(),
        directory.0.clone().into_os_string(),
        "status".into(),
    ];
    assert_eq!(run(arguments, &mut output), Exit::Healthy);
}

#[test]
fn a_daemon_that_is_full_is_heard_although_it_reads_nothing() {
    let directory = Directory::new();
    let listener = UnixListener::bind(directory.0.join("control.sock")).unwrap();
    let daemon = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let message = "too many connections to the control socket: try again".to_owned();
        let answer = Answer::Error {
            code: ErrorCode::Busy,
            message,
        };
        stream
            .write_all(&encode_frame(&Response::new(answer), MAX_RESPONSE).unwrap())
            .unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut rest = Vec::new();
        let _ends_when_the_client_leaves = stream.read_to_end(&mut rest);
    });
    let (exit, _, message) = directory.run(&["status"]);
    assert_eq!(exit.code(), 1);
    assert!(message.contains("try again"), "{message}");
    daemon.join().unwrap();
}
