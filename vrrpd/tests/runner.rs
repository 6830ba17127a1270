//! The runner as the daemon uses it: the real process, real programs.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};
use vrrpd::runner::{
    Account, Candidate, FileError, Link, Outcome, Program, RunEvent, Runner, RunnerError, Unusable,
};

/// Everything here must be over by then, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(20);

/// Says that a test does not test here.
#[expect(clippy::print_stderr, reason = "the test runner shows it")]
fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("vrrpd-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn runner() -> Runner {
    Link::spawn_from(Path::new(env!("CARGO_BIN_EXE_vrrpd")))
        .unwrap()
        .attach()
        .unwrap()
}

fn candidate(words: &[&str]) -> Candidate {
    Candidate {
        argv: words.iter().map(|word| String::from(*word)).collect(),
        shell: false,
        account: None,
        security: false,
    }
}

fn program(path: &Path, arguments: &[&str]) -> Program {
    let mut argv = vec![path.to_string_lossy().into_owned()];
    argv.extend(arguments.iter().map(|word| String::from(*word)));
    Program {
        path: path.to_owned(),
        argv,
        shell: false,
        uid: Uid::effective().as_raw(),
        gid: nix::unistd::Gid::effective().as_raw(),
    }
}

async fn ended(runner: &Runner, program: &Program, timeout: Option<Duration>) -> Vec<RunEvent> {
    let mut run = runner.launch(program, timeout).unwrap();
    let mut events = Vec::new();
    tokio::time::timeout(PATIENCE, async {
        while let Some(event) = run.next().await {
            events.push(event);
        }
    })
    .await
    .unwrap();
    events
}

fn outcome(events: &[RunEvent]) -> Outcome {
    match events.last() {
        Some(RunEvent::Ended { outcome, .. }) => *outcome,
        other => panic!("no end, but {other:?}"),
    }
}

async fn wait_for(path: &Path) -> String {
    let start = Instant::now();
    loop {
        if let Ok(text) = fs::read_to_string(path)
            && text.ends_with('\n')
        {
            return text;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "{} was not written",
            path.display()
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn lives(pid: i32) -> bool {
    // A zombie that waits for its parent counts as gone.
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = state.rsplit(')').next().unwrap_or_default().trim_start();
    kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH) && !state.starts_with('Z')
}

async fn dies(pid: i32) {
    let start = Instant::now();
    while lives(pid) {
        assert!(start.elapsed() < PATIENCE, "process {pid} lives on");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_script_sees_what_keepalived_s_scripts_see() {
    let scratch = Scratch::new("sees");
    let out = scratch.path("out");
    // The shell reads its status itself: while it starts another program, it blocks every signal for a moment.
    let script = scratch.script(
        "see.sh",
        "#!/bin/sh\n\
         exec 3>\"$1\"\n\
         echo \"args=$0|$1|$2|$#\" >&3\n\
         echo \"cwd=$(pwd) umask=$(umask)\" >&3\n\
         for fd in 0 1 2; do echo \"fd$fd=$(readlink /proc/$$/fd/$fd)\" >&3; done\n\
         echo \"group=$(cut -d' ' -f5 /proc/$$/stat) self=$$\" >&3\n\
         while read -r line; do case $line in Sig[BI]*|Groups*) echo \"$line\" >&3;; esac; done </proc/$$/status\n\
         echo \"policy=$(cut -d' ' -f41 /proc/$$/stat)\" >&3\n\
         echo \"ifs=${LD_LIBRARY_PATH-none}${LD_PRELOAD-none} kept=$VRRPD_TEST_KEPT\" >&3\n\
         ls /proc/$$/fd >&3\n",
    );
    let executable = env!("CARGO_BIN_EXE_vrrpd");
    // The environment of the runner is the daemon's, so it is set before the runner starts, in a process of its own.
    let run = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "helper_runs_one_script", "--ignored"])
        .env("VRRPD_TEST_SCRIPT", &script)
        .env("VRRPD_TEST_OUT", &out)
        .env("VRRPD_TEST_EXE", executable)
        .env("VRRPD_TEST_KEPT", "yes")
        .env("LD_LIBRARY_PATH", "/nonexistent")
        .env("IFS", "x")
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{}",
        String::from_utf8_lossy(&run.stdout)
    );
    let text = fs::read_to_string(&out).unwrap();
    let line = |start: &str| {
        let found = text.lines().find(|line| line.starts_with(start));
        found.unwrap_or_else(|| panic!("no {start} in {text}"))
    };
    assert_eq!(
        line("args="),
        format!("args={}|{}|two words|2", script.display(), out.display())
    );
    assert_eq!(line("cwd="), "cwd=/ umask=0177");
    for fd in 0..3 {
        assert_eq!(line(&format!("fd{fd}=")), format!("fd{fd}=/dev/null"));
    }
    // 3 is the script's own file, 10 and 11 are the shell's.
    let (_, descriptors) = text.rsplit_once("kept=yes\n").unwrap();
    for descriptor in descriptors.lines() {
        let known = ["0", "1", "2", "3", "10", "11"].contains(&descriptor);
        assert!(known, "descriptor {descriptor} was inherited");
    }
    let group = line("group=");
    let (group, own) = group.split_once(" self=").unwrap();
    assert_eq!(group.trim_start_matches("group="), own);
    assert_eq!(line("SigBlk:"), "SigBlk:\t0000000000000000");
    // 32 and 33 are the C library's own, which it lets nobody set; they are as this test was started with.
    let ignored = line("SigIgn:").trim_start_matches("SigIgn:").trim();
    let ignored = u64::from_str_radix(ignored, 16).unwrap() & !(0b11 << 31);
    assert_eq!(ignored, 0);
    assert_eq!(line("Groups:").trim_end(), "Groups:");
    assert_eq!(line("policy="), "policy=0");
    assert_eq!(line("ifs="), "ifs=nonenone kept=yes");
}

#[test]
#[ignore = "not a test of its own: the body of the one above, run with another environment"]
fn helper_runs_one_script() {
    let variable = |name| std::env::var(name).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let runner = Link::spawn_from(Path::new(&variable("VRRPD_TEST_EXE")))
            .unwrap()
            .attach()
            .unwrap();
        let script = PathBuf::from(variable("VRRPD_TEST_SCRIPT"));
        let program = program(&script, &[&variable("VRRPD_TEST_OUT"), "two words"]);
        let events = ended(&runner, &program, None).await;
        assert_eq!(outcome(&events), Outcome::Exited(0));
    });
}

#[tokio::test]
async fn a_script_that_takes_too_long_is_killed_with_everything_in_its_group() {
    let scratch = Scratch::new("timeout");
    let pids = scratch.path("pids");
    let script = scratch.script(
        "hang.sh",
        "#!/bin/sh\ntrap '' TERM\nsleep 1000 &\necho $$ $! > \"$1\"\nwait\nsleep 1000\n",
    );
    let runner = runner();
    let start = Instant::now();
    let program = program(&script, &[pids.to_str().unwrap()]);
    let events = ended(&runner, &program, Some(Duration::from_millis(300))).await;
    assert_eq!(events[0], RunEvent::TimedOut);
    assert_eq!(outcome(&events), Outcome::Killed(Signal::SIGKILL as i32));
    let took = start.elapsed();
    assert!(
        took >= Duration::from_millis(2_300),
        "SIGKILL came after {took:?}"
    );
    for pid in wait_for(&pids).await.split_whitespace() {
        dies(pid.parse().unwrap()).await;
    }
}

#[tokio::test]
async fn a_script_that_obeys_sigterm_is_gone_at_once_with_its_children() {
    let scratch = Scratch::new("obeys");
    let pids = scratch.path("pids");
    // The child ignores SIGTERM; the script does not.
    let script = scratch.script(
        "obey.sh",
        "#!/bin/sh\nsh -c 'trap \"\" TERM; echo $$ > \"$0\"; sleep 1000' \"$1\" &\nwait\n",
    );
    let runner = runner();
    let program = program(&script, &[pids.to_str().unwrap()]);
    let run = runner.launch(&program, None).unwrap();
    let child = wait_for(&pids).await.trim().parse().unwrap();
    assert!(lives(child));
    drop(run);
    dies(child).await;
}

#[tokio::test]
async fn the_ends_of_programs_are_told_apart() {
    let scratch = Scratch::new("ends");
    let runner = runner();
    let fails = scratch.script("fails.sh", "#!/bin/sh\nexit 7\n");
    let killed = scratch.script("killed.sh", "#!/bin/sh\nkill -9 $$\n");
    let plain = scratch.script("plain.sh", "test \"$1\" = word && exit 3\n");
    for (program, expected) in [
        (program(&fails, &[]), Outcome::Exited(7)),
        (program(&killed, &[]), Outcome::Killed(9)),
        (program(&plain, &["word"]), Outcome::Exited(3)),
        (
            program(&scratch.path("none"), &[]),
            Outcome::NotStarted(Errno::ENOENT as i32),
        ),
    ] {
        let events = ended(&runner, &program, None).await;
        assert_eq!(outcome(&events), expected, "{program:?}");
    }
}

#[tokio::test]
async fn the_shell_form_is_the_only_one_with_a_shell() {
    let scratch = Scratch::new("shell");
    let runner = runner();
    let out = scratch.path("out");
    let shell = Candidate {
        shell: true,
        ..candidate(&[&format!("/bin/echo $((20+1)) > {}", out.display())])
    };
    let resolved = runner.resolve(&shell).unwrap().unwrap();
    let events = ended(&runner, &resolved.program, None).await;
    assert_eq!(outcome(&events), Outcome::Exited(0));
    assert_eq!(wait_for(&out).await, "21\n");
    let bare = runner.resolve(&candidate(&["test", "$((20+1))", "=", "21"]));
    let events = ended(&runner, &bare.unwrap().unwrap().program, None).await;
    assert_eq!(outcome(&events), Outcome::Exited(1));
}

#[tokio::test]
async fn a_program_runs_as_its_user_and_not_as_root() {
    if !Uid::effective().is_root() {
        skipped("switching users needs root");
        return;
    }
    let scratch = Scratch::new("user");
    let runner = runner();
    let script = scratch.script("id.sh", "#!/bin/sh\nid -u > \"$1\"\nid -G >> \"$1\"\n");
    let out = scratch.path("out");
    let nobody = Account {
        user: String::from("nobody"),
        group: None,
    };
    let chosen = Candidate {
        account: Some(nobody),
        ..candidate(&[script.to_str().unwrap(), out.to_str().unwrap()])
    };
    let resolved = runner.resolve(&chosen).unwrap().unwrap();
    assert!(!resolved.without_default_user);
    let events = ended(&runner, &resolved.program, None).await;
    assert_eq!(outcome(&events), Outcome::Exited(0));
    let user = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    let text = wait_for(&out).await;
    assert_eq!(text, format!("{}\n{}\n", user.uid, user.gid));
    assert_eq!(fs::metadata(&out).unwrap().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn commands_are_found_in_path_and_judged() {
    let scratch = Scratch::new("judged");
    let runner = runner();
    let found = runner.resolve(&candidate(&["sh", "-c", "true"])).unwrap();
    let program = found.unwrap().program;
    assert!(program.path.is_absolute());
    assert_eq!(program.argv, ["sh", "-c", "true"]);
    let missing = candidate(&["/no/such/file"]);
    assert_eq!(
        runner.resolve(&missing).unwrap().unwrap_err(),
        Unusable::NotFound(String::from("/no/such/file"))
    );
    let directory = candidate(&["/etc"]);
    assert!(matches!(
        runner.resolve(&directory).unwrap(),
        Err(Unusable::NotAFile(_))
    ));
    let plain = scratch.path("plain");
    fs::write(&plain, "").unwrap();
    assert!(matches!(
        runner
            .resolve(&candidate(&[plain.to_str().unwrap()]))
            .unwrap(),
        Err(Unusable::NotExecutable { .. })
    ));
    let nobody = Candidate {
        account: Some(Account {
            user: String::from("no-such-user"),
            group: None,
        }),
        ..candidate(&["true"])
    };
    assert!(matches!(
        runner.resolve(&nobody).unwrap(),
        Err(Unusable::NoUser(_))
    ));
}

#[tokio::test]
async fn what_somebody_else_can_change_does_not_run_as_root_under_script_security() {
    if !Uid::effective().is_root() {
        skipped("only root's scripts are judged");
        return;
    }
    // The scratch directory is writable by everybody and not sticky.
    let scratch = Scratch::new("security");
    let runner = runner();
    let script = scratch.script("open.sh", "#!/bin/sh\n");
    let root = Some(Account {
        user: String::from("root"),
        group: None,
    });
    let relaxed = Candidate {
        account: root.clone(),
        ..candidate(&[script.to_str().unwrap()])
    };
    let strict = Candidate {
        security: true,
        ..relaxed.clone()
    };
    let resolved = runner.resolve(&relaxed).unwrap().unwrap();
    assert!(resolved.insecure.is_some());
    assert!(matches!(
        runner.resolve(&strict).unwrap(),
        Err(Unusable::Insecure { .. })
    ));
    fs::set_permissions(&scratch.0, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(runner.resolve(&strict).unwrap().unwrap().insecure.is_none());
    // A link's target counts as much as the link.
    let other = Scratch::new("security-other");
    let target = other.script("target.sh", "#!/bin/sh\n");
    let link = scratch.path("link.sh");
    symlink(&target, &link).unwrap();
    let linked = Candidate {
        argv: vec![link.to_str().unwrap().to_owned()],
        ..strict.clone()
    };
    assert!(matches!(
        runner.resolve(&linked).unwrap(),
        Err(Unusable::Insecure { .. })
    ));
    let nobody = Candidate {
        account: Some(Account {
            user: String::from("nobody"),
            group: None,
        }),
        ..strict
    };
    fs::set_permissions(&scratch.0, fs::Permissions::from_mode(0o777)).unwrap();
    assert!(
        runner.resolve(&nobody).unwrap().is_ok(),
        "not root's: not judged"
    );
}

#[tokio::test]
async fn files_are_read_whole_or_refused_with_the_reason() {
    let scratch = Scratch::new("files");
    let runner = runner();
    let file = scratch.path("big.conf");
    let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    fs::write(&file, &content).unwrap();
    assert_eq!(runner.read(&file, 16 << 20).unwrap(), content);
    assert_eq!(
        runner.read(&file, 1_000),
        Err(FileError::TooLarge { limit: 1_000 })
    );
    assert_eq!(
        runner.read(&scratch.path("none"), 10),
        Err(FileError::NotFound)
    );
    assert_eq!(runner.read(&scratch.0, 10), Err(FileError::NotRegular));
    nix::unistd::mkfifo(&scratch.path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(
        runner.read(&scratch.path("pipe"), 10),
        Err(FileError::NotRegular),
        "a pipe must not hold the reader"
    );
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(runner.read(&file, 16 << 20), Err(FileError::Executable));
    let pattern = format!("{}/*.conf", scratch.0.display());
    assert_eq!(runner.glob(&pattern).unwrap(), [file]);
}

#[tokio::test]
async fn process_id_files_are_whole_readable_and_removed_only_while_ours() {
    let scratch = Scratch::new("pid");
    let runner = runner();
    let file = scratch.path("vrrpd.pid");
    runner.write_pid(&file, 4_711).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "4711\n");
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o644);
    runner.remove_pid(&file, 1).unwrap();
    assert!(file.exists(), "another's file must stay");
    runner.remove_pid(&file, 4_711).unwrap();
    assert!(!file.exists());
}

#[tokio::test]
async fn the_end_of_the_daemon_ends_the_runner_and_its_programs() {
    let scratch = Scratch::new("end");
    let pids = scratch.path("pids");
    let script = scratch.script("long.sh", "#!/bin/sh\necho $$ > \"$1\"\nsleep 1000\n");
    let runner = runner();
    let program = program(&script, &[pids.to_str().unwrap()]);
    let mut run = runner.launch(&program, None).unwrap();
    run.let_go();
    let script_pid: i32 = wait_for(&pids).await.trim().parse().unwrap();
    assert!(runner.finish(PATIENCE).await);
    dies(script_pid).await;
    assert!(!Path::new(&format!("/proc/{}", runner.pid().unwrap())).exists());
    assert!(matches!(
        runner.launch(&program, None),
        Err(RunnerError::Gone)
    ));
}

#[tokio::test]
async fn the_death_of_the_runner_is_seen_and_takes_its_programs_along() {
    let scratch = Scratch::new("death");
    let pids = scratch.path("pids");
    let script = scratch.script("long.sh", "#!/bin/sh\necho $$ > \"$1\"\nexec sleep 1000\n");
    let runner = runner();
    let program = program(&script, &[pids.to_str().unwrap()]);
    let mut run = runner.launch(&program, None).unwrap();
    let script_pid: i32 = wait_for(&pids).await.trim().parse().unwrap();
    let pid = i32::try_from(runner.pid().unwrap()).unwrap();
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    tokio::time::timeout(PATIENCE, runner.gone()).await.unwrap();
    assert_eq!(run.next().await, None);
    dies(script_pid).await;
}

#[tokio::test]
async fn the_runner_outlives_the_signals_that_stop_the_daemon() {
    let runner = runner();
    let pid = Pid::from_raw(i32::try_from(runner.pid().unwrap()).unwrap());
    let program = runner
        .resolve(&candidate(&["true"]))
        .unwrap()
        .unwrap()
        .program;
    for signal in [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGUSR1,
    ] {
        kill(pid, signal).unwrap();
    }
    let events = ended(&runner, &program, None).await;
    assert_eq!(outcome(&events), Outcome::Exited(0));
}
