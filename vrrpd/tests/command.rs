//! The command line of the real program: exit codes and messages that scripts rely on. Nothing here starts a daemon.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Output};

const VRRPD: &str = env!("CARGO_BIN_EXE_vrrpd");

fn run(words: &[&str]) -> Output {
    Command::new(VRRPD).args(words).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn file(name: &str, content: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("vrrpd-{}-{name}", std::process::id()));
    fs::write(&path, content).unwrap();
    path
}

/// `-t` on this content: exit code and messages.
fn check(name: &str, content: &[u8]) -> (i32, String) {
    let path = file(name, content);
    let output = run(&["-t", "-f", path.to_str().unwrap()]);
    fs::remove_file(&path).unwrap();
    (code(&output), errors(&output))
}

/// Says that a test does not test here.
#[expect(clippy::print_stderr, reason = "the test runner shows it")]
fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

/// A router on an interface that this machine has; `None` on one that has but the loopback.
fn router() -> Option<String> {
    let interfaces = nix::net::if_::if_nameindex().unwrap();
    let names = interfaces
        .iter()
        .map(|interface| interface.name().to_string_lossy().into_owned());
    let Some(interface) = names.into_iter().find(|name| name != "lo") else {
        skipped("there is no interface but the loopback");
        return None;
    };
    Some(format!(
        "vrrp_instance VI_1 {{\n interface {interface}\n virtual_router_id 51\n priority 100\n \
         virtual_ipaddress {{\n 192.0.2.7\n }}\n}}\n"
    ))
}

#[test]
fn version_help_and_signal_numbers() {
    let version = run(&["--version"]);
    assert_eq!(code(&version), 0);
    assert!(
        errors(&version).starts_with("vrrpd 0."),
        "{}",
        errors(&version)
    );
    let help = run(&["-h"]);
    assert_eq!(code(&help), 0);
    assert!(errors(&help).contains("--run-dir=DIR"));
    let number = run(&["--signum=RELOAD"]);
    assert_eq!((code(&number), &*number.stdout), (0, &b"1\n"[..]));
    let unknown = run(&["--signum=HUP"]);
    assert_eq!(code(&unknown), 1);
    assert_eq!(errors(&unknown), "Unknown sigfunc HUP\n");
}

#[test]
fn an_unknown_option_ends_with_1_and_is_named() {
    let output = run(&["-Z"]);
    assert_eq!(code(&output), 1);
    assert!(errors(&output).contains("unknown option '-Z'"));
}

#[test]
fn observing_needs_a_configuration_too() {
    let output = run(&["--observe", "-n", "-f", "/nonexistent/keepalived.conf"]);
    assert_eq!(code(&output), 6);
    assert!(errors(&output).contains("/nonexistent/keepalived.conf"));
}

#[test]
fn a_good_file_is_passed_in_silence() {
    let Some(router) = router() else { return };
    assert_eq!(check("good.conf", router.as_bytes()), (0, String::new()));
}

#[test]
fn messages_of_a_check_are_appended_to_a_file_where_one_is_named() {
    let bad = file("log.conf", b"vrrp_instance A {\n frobnicate 1\n}\n");
    let log = file("log.txt", b"before\n");
    let option = format!("-t{}", log.display());
    let output = run(&[&option, "-f", bad.to_str().unwrap()]);
    let text = fs::read_to_string(&log).unwrap();
    fs::remove_file(&bad).unwrap();
    fs::remove_file(&log).unwrap();
    assert_ne!(code(&output), 0);
    assert_eq!(errors(&output), "");
    assert!(
        text.starts_with("before\n") && text.contains("frobnicate"),
        "{text}"
    );
}

#[test]
fn a_file_that_is_missing_or_no_configuration_file_ends_with_6_in_both_modes() {
    let executable = file("x.conf", b"");
    fs::set_permissions(&executable, fs::Permissions::from_mode(0o755)).unwrap();
    let scratch = std::env::temp_dir().join(format!("vrrpd-{}-missing-run", std::process::id()));
    for path in ["/no/such/file.conf", "/tmp", executable.to_str().unwrap()] {
        let checked = run(&["-t", "-f", path]);
        assert_eq!(code(&checked), 6, "{path}");
        assert!(errors(&checked).contains(path), "{}", errors(&checked));
        let ran = Command::new("unshare")
            .args(["-n", VRRPD, "-n", "-l", "-f", path, "--run-dir"])
            .arg(&scratch)
            .output()
            .unwrap();
        if nix::unistd::geteuid().is_root() {
            assert_eq!(
                code(&ran),
                6,
                "{path}: {}",
                String::from_utf8_lossy(&ran.stdout)
            );
            assert!(String::from_utf8_lossy(&ran.stdout).contains(path));
        }
    }
    fs::remove_file(&executable).unwrap();
    let _ = fs::remove_dir_all(&scratch);
}

#[test]
fn started_by_keepalived_s_name_it_reads_keepalived_s_file() {
    let output = Command::new(VRRPD)
        .arg0("keepalived")
        .arg("-v")
        .output()
        .unwrap();
    assert!(errors(&output).starts_with("keepalived "));
}

/// Issue "A pair of HAProxy hosts keeps its address", shown by 5.
#[test]
fn bad_input_gives_one_clear_message_with_its_place_and_keepalived_s_code() {
    let Some(router) = router() else { return };
    let edited = |from: &str, to: &str| {
        assert!(router.contains(from));
        router.replace(from, to).into_bytes()
    };
    let twice = format!("{router}{}", router.replace("VI_1", "VI_2")).into_bytes();
    let unterminated = router.trim_end().trim_end_matches('}').as_bytes().to_vec();
    let nested = format!("{}{}", "group {\n".repeat(100_000), "}\n".repeat(100_000)).into_bytes();
    let binary: Vec<u8> = (0..100_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let cases: [(&str, Vec<u8>, &[i32], &str); 11] = [
        (
            "include.conf",
            b"includea /no/such/part.conf\n".to_vec(),
            &[6],
            "/no/such/part.conf",
        ),
        (
            "interface.conf",
            edited(" interface ", " interface nope7 #"),
            &[4, 5],
            "nope7",
        ),
        (
            "vrid0.conf",
            edited("id 51", "id 0"),
            &[5],
            "virtual_router_id",
        ),
        ("vrid256.conf", edited("id 51", "id 256"), &[5], "256"),
        (
            "priority0.conf",
            edited("priority 100", "priority 0"),
            &[5],
            "priority",
        ),
        (
            "priority256.conf",
            edited("priority 100", "priority 256"),
            &[5],
            "256",
        ),
        ("twice.conf", twice, &[2, 4, 5], "51"),
        (
            "family.conf",
            edited("192.0.2.7", "192.0.2.7\n 2001:db8::7"),
            &[5],
            "2001:db8::7",
        ),
        ("block.conf", unterminated, &[5], "}"),
        ("nested.conf", nested, &[5, 6], "nested.conf"),
        ("binary.conf", binary, &[5, 6], "binary.conf"),
    ];
    for (name, content, codes, word) in cases {
        let (code, text) = check(name, &content);
        assert!(codes.contains(&code), "{name}: exit {code}\n{text:.500}");
        assert!(
            text.contains(word),
            "{name}: nothing about {word} in\n{text:.500}"
        );
        assert!(text.contains(name), "{name}: no place in\n{text:.500}");
        assert!(!text.contains("panicked"), "{name}:\n{text:.500}");
    }
}

#[test]
fn a_file_of_100_mb_is_refused_without_being_read() {
    let path = file("huge.conf", b"# ");
    // Sparse: it takes no room on the disk.
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(100 << 20)
        .unwrap();
    let begin = std::time::Instant::now();
    let output = run(&["-t", "-f", path.to_str().unwrap()]);
    fs::remove_file(&path).unwrap();
    assert_eq!(code(&output), 6, "{:.500}", errors(&output));
    assert!(
        errors(&output).contains("huge.conf"),
        "{:.500}",
        errors(&output)
    );
    assert!(begin.elapsed() < std::time::Duration::from_secs(10));
}
