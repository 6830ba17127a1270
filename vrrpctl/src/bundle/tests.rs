//! A bundle of a daemon that is gone, and what can be read from it elsewhere.

use jiff::tz::TimeZone;
use vrrp_record::bundle::Bundle;
use vrrp_record::history::History;

use super::*;
use crate::render::Style;
use crate::run::tests::Pipe;
use crate::{example, run};

fn call(words: &[&str]) -> (u8, String, String) {
    let (answers, messages) = (Pipe::default(), Pipe::default());
    let mut output = Output {
        answers: Box::new(answers.clone()),
        messages: Box::new(messages.clone()),
        style: Style::default(),
        zone: TimeZone::UTC,
        clock: || example::NOW,
        closed: false,
    };
    let arguments = std::iter::once("vrrpctl").chain(words.iter().copied());
    let exit = run(arguments.map(std::ffi::OsString::from), &mut output);
    (exit.code(), answers.text(), messages.text())
}

struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("vrrpctl-bundle-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Run directory, journal and configuration of a daemon that has died.
fn dead(directory: &Directory, history: &History) {
    fs::write(directory.path("flight.ring"), example::ring(history)).unwrap();
    fs::write(
        directory.path("000001795521000.vrj"),
        example::segment(history),
    )
    .unwrap();
    let configuration = "vrrp_instance loadbalancer {\n  authentication {\n    auth_type PASS\n    auth_pass hunter22\n  }\n}\n";
    fs::write(directory.path("keepalived.conf"), configuration).unwrap();
}

fn make(directory: &Directory, file: &str) -> (u8, String, String) {
    let (run_dir, config) = (directory.path(""), directory.path("keepalived.conf"));
    call(&[
        "--run-dir",
        &run_dir,
        "bundle",
        file,
        "--journal-dir",
        &run_dir,
        "--config",
        &config,
    ])
}

#[test]
fn a_dead_daemon_leaves_a_bundle_that_every_command_reads() {
    let directory = Directory::new("dead");
    dead(&directory, &example::backup());
    let file = directory.path("lb2.vrb");
    let (exit, answer, message) = make(&directory, &file);
    assert_eq!(exit, 0, "{message}");
    assert!(answer.is_empty(), "{answer}");
    assert!(
        message.contains("of lb2, ") && message.contains("not in it: the status"),
        "{message}"
    );
    for words in [
        &["explain", "16"][..],
        &["latency"],
        &["timeline"],
        &["peers"],
        &["journal", "--ids", "381-384"],
    ] {
        let mut words = words.to_vec();
        words.extend(["--from", &file]);
        let (exit, answer, message) = call(&words);
        assert_eq!(exit, 0, "{words:?}: {message}");
        assert!(
            answer.contains("lb2") || answer.contains("id 38"),
            "{words:?}: {answer}"
        );
    }
    // Ring and journal hold the same adverts, and each counts once.
    let (_, answer, _) = call(&["journal", "--ids", "381-384", "--from", &file]);
    assert_eq!(answer.matches("heard").count(), 4, "{answer}");
    let (exit, _, message) = call(&["why-not", "--from", &file]);
    assert_eq!(exit, 1);
    assert!(message.contains("it holds no status"), "{message}");
    let (exit, _, message) = make(&directory, &file);
    assert_eq!(exit, 2);
    assert!(message.contains("exists: name another file"), "{message}");
}

#[test]
fn no_secret_is_in_a_bundle_and_the_configuration_is() {
    let directory = Directory::new("secret");
    dead(&directory, &example::backup());
    let file = directory.path("x.vrb");
    make(&directory, &file);
    let bundle = Bundle::read(File::open(&file).unwrap()).unwrap();
    for (name, bytes) in &bundle.parts {
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains("hunter22"), "{name}");
    }
    let configuration =
        String::from_utf8_lossy(bundle.part(part::CONFIGURATION).unwrap()).into_owned();
    assert!(
        configuration.contains("auth_pass [removed]"),
        "{configuration}"
    );
    assert_eq!(bundle.manifest.host, "lb2");
    assert!(
        bundle
            .manifest
            .missing
            .iter()
            .any(|one| one.what == "the status")
    );
}

#[cfg(unix)]
#[test]
fn a_bundle_is_for_its_owner_only_and_half_of_one_is_never_left() {
    use std::os::unix::fs::PermissionsExt;
    let directory = Directory::new("mode");
    dead(&directory, &example::backup());
    let file = directory.path("x.vrb");
    make(&directory, &file);
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let (exit, _, message) = make(&directory, &directory.path("nowhere/x.vrb"));
    assert_eq!(exit, 1);
    assert!(message.contains("cannot write"), "{message}");
    let left = fs::read_dir(&directory.0).unwrap().flatten();
    assert!(
        left.map(|entry| entry.path())
            .all(|path| !path.ends_with("x.vrb.part"))
    );
}

#[test]
fn without_any_records_there_is_no_bundle() {
    let directory = Directory::new("empty");
    let (exit, _, message) = make(&directory, &directory.path("x.vrb"));
    assert_eq!(exit, 3, "{message}");
}

#[test]
fn the_name_tells_host_and_time() {
    let mut output = Output::standard();
    output.zone = TimeZone::UTC;
    assert_eq!(
        name("lb 2", example::NOW, &output),
        PathBuf::from("vrrpd-lb_2-20261124-120500.vrb")
    );
}

#[test]
fn a_bundle_that_was_cut_off_is_read_as_far_as_it_goes() {
    let directory = Directory::new("cut");
    dead(&directory, &example::backup());
    let file = directory.path("x.vrb");
    make(&directory, &file);
    let bytes = fs::read(&file).unwrap();
    for part in [3, 5, 8] {
        let cut = directory.path(&format!("cut{part}"));
        fs::write(&cut, &bytes[..bytes.len() * part / 10]).unwrap();
        let (exit, answer, message) = call(&["timeline", "--from", &cut]);
        assert!(exit <= 1, "{message}");
        assert!(exit == 1 || answer.contains("  damage     "), "{answer}");
    }
}
