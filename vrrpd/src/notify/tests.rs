use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use vrrp_proto::router::InterfaceKey;
use vrrp_proto::units::{Family, Vrid};

use super::*;
use crate::runner::{Run, RunnerError};

/// Records what is started; programs end when the test says so.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Recording>>);

#[derive(Default)]
struct Recording {
    lines: Vec<String>,
    open: Vec<mpsc::UnboundedSender<RunEvent>>,
}

impl Recorder {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().lines)
    }

    fn end_all(&self) {
        self.0.lock().unwrap().open.clear();
    }
}

impl Launch for Recorder {
    fn launch(&self, program: &Program, limit: Option<Duration>) -> Result<Run, RunnerError> {
        assert_eq!(limit, None, "notify programs have no timeout");
        let (events, run) = mpsc::unbounded_channel();
        let mut recording = self.0.lock().unwrap();
        recording.lines.push(program.argv.join(" "));
        recording.open.push(events);
        Ok(Run::from_events(run))
    }
}

fn id(vrid: u8) -> RouterId {
    RouterId {
        interface: InterfaceKey(0),
        family: Family::V4,
        vrid: Vrid::new(vrid).unwrap(),
    }
}

fn program(name: &str) -> Option<Program> {
    Some(Program {
        path: PathBuf::from("/x").join(name),
        argv: vec![name.to_owned()],
        shell: false,
        uid: 0,
        gid: 0,
    })
}

fn commands(prefix: &str) -> Commands {
    Commands {
        master: program(&format!("{prefix}-master")),
        backup: program(&format!("{prefix}-backup")),
        fault: program(&format!("{prefix}-fault")),
        stop: program(&format!("{prefix}-stop")),
        deleted: None,
        any: program(&format!("{prefix}-any")),
        lower_heard: program(&format!("{prefix}-lower")),
        ..Commands::default()
    }
}

fn member(vrid: u8) -> Member {
    Member {
        id: id(vrid),
        name: format!("VI_{vrid}"),
        priority: 100,
        commands: commands(&format!("r{vrid}")),
    }
}

fn group(members: &[u8]) -> Group {
    Group {
        name: String::from("G"),
        members: members.iter().map(|vrid| id(*vrid)).collect(),
        commands: commands("g"),
    }
}

fn counted(present: u16, wanted: u16) -> AddressState {
    AddressState {
        present,
        wanted,
        errno: None,
    }
}

fn notifier(routers: &[u8], groups: Vec<Group>) -> (Notifier<Recorder>, Recorder) {
    let recorder = Recorder::default();
    let mut notifier = Notifier::new(recorder.clone(), Arc::new(|_| {}));
    notifier.replace(routers.iter().map(|vrid| member(*vrid)).collect(), groups);
    (notifier, recorder)
}

#[tokio::test(start_paused = true)]
async fn the_state_s_own_program_comes_before_notify_with_its_four_words() {
    let (mut notifier, recorder) = notifier(&[1], Vec::new());
    notifier.transition(id(1), Word::Backup, 100);
    assert_eq!(
        recorder.take(),
        ["r1-backup", "r1-any INSTANCE VI_1 BACKUP 100"]
    );
    notifier.transition(id(1), Word::Fault, 100);
    assert_eq!(
        recorder.take(),
        ["r1-fault", "r1-any INSTANCE VI_1 FAULT 100"]
    );
}

#[tokio::test(start_paused = true)]
async fn master_programs_wait_for_the_addresses() {
    let (mut notifier, recorder) = notifier(&[1], Vec::new());
    notifier.transition(id(1), Word::Backup, 100);
    recorder.take();
    notifier.transition(id(1), Word::Master, 101);
    assert_eq!(recorder.take(), [""; 0]);
    notifier.addresses(id(1), counted(1, 2));
    assert_eq!(recorder.take(), [""; 0]);
    notifier.addresses(id(1), counted(2, 2));
    assert_eq!(
        recorder.take(),
        ["r1-master", "r1-any INSTANCE VI_1 MASTER 101"]
    );
    notifier.transition(id(1), Word::Backup, 101);
    assert_eq!(recorder.take(), [""; 0], "the addresses are still there");
    notifier.addresses(id(1), counted(0, 2));
    assert_eq!(
        recorder.take(),
        ["r1-backup", "r1-any INSTANCE VI_1 BACKUP 101"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_confirmation_that_never_comes_does_not_hold_programs_for_ever() {
    let (mut notifier, recorder) = notifier(&[1], Vec::new());
    let begin = Instant::now();
    notifier.transition(id(1), Word::Master, 100);
    timeout(Duration::from_secs(60), notifier.due())
        .await
        .unwrap();
    assert_eq!(begin.elapsed(), Duration::from_millis(2_500));
    assert_eq!(recorder.take().len(), 2);
    let nothing = timeout(Duration::from_secs(60), notifier.due()).await;
    assert!(nothing.is_err());
}

#[tokio::test(start_paused = true)]
async fn one_router_s_changes_keep_their_order_and_do_not_hold_another_s() {
    let (mut notifier, recorder) = notifier(&[1, 2], Vec::new());
    notifier.transition(id(1), Word::Master, 100);
    notifier.transition(id(1), Word::Fault, 100);
    notifier.transition(id(2), Word::Backup, 90);
    assert_eq!(
        recorder.take(),
        ["r2-backup", "r2-any INSTANCE VI_2 BACKUP 90"]
    );
    notifier.addresses(id(1), counted(3, 3));
    notifier.addresses(id(1), counted(0, 3));
    let order: Vec<_> = recorder.take();
    assert_eq!(
        order,
        [
            "r1-master",
            "r1-any INSTANCE VI_1 MASTER 100",
            "r1-fault",
            "r1-any INSTANCE VI_1 FAULT 100"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_group_speaks_after_all_its_members() {
    let (mut notifier, recorder) = notifier(&[1, 2], vec![group(&[1, 2])]);
    notifier.transition(id(2), Word::Master, 100);
    notifier.transition(id(1), Word::Master, 100);
    notifier.group_transition("G", Word::Master);
    notifier.addresses(id(2), counted(1, 1));
    assert_eq!(
        recorder.take(),
        ["r2-master", "r2-any INSTANCE VI_2 MASTER 100"]
    );
    notifier.addresses(id(1), counted(1, 1));
    assert_eq!(
        recorder.take(),
        [
            "r1-master",
            "r1-any INSTANCE VI_1 MASTER 100",
            "g-master",
            "g-any GROUP G MASTER 0"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_same_state_again_and_initialize_notify_nobody() {
    let (mut notifier, recorder) = notifier(&[1], Vec::new());
    notifier.transition(id(1), Word::Backup, 100);
    recorder.take();
    notifier.transition(id(1), Word::Backup, 90);
    notifier.transition(id(1), Word::Init, 90);
    notifier.transition(id(9), Word::Backup, 90);
    assert_eq!(recorder.take(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn stop_programs_run_for_routers_in_order_and_then_for_groups() {
    let (mut notifier, recorder) = notifier(&[2, 1], vec![group(&[1, 2])]);
    notifier.priority(id(1), 77);
    notifier.stopped();
    assert_eq!(
        recorder.take(),
        [
            "r2-stop",
            "r2-any INSTANCE VI_2 STOP 100",
            "r1-stop",
            "r1-any INSTANCE VI_1 STOP 77",
            "g-stop",
            "g-any GROUP G STOP 0"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn hung_programs_hold_the_stop_for_its_bound_only() {
    let (mut notifier, recorder) = notifier(&[1], Vec::new());
    notifier.stopped();
    let begin = Instant::now();
    notifier.idle(Duration::from_secs(1)).await;
    assert_eq!(begin.elapsed(), Duration::from_secs(1));
    recorder.end_all();
    notifier.idle(Duration::from_secs(1)).await;
    assert_eq!(begin.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_router_that_a_reload_removes_is_deleted_or_at_fault() {
    let (mut notifier, recorder) = notifier(&[1, 2], Vec::new());
    notifier.replace(vec![member(2)], Vec::new());
    assert_eq!(
        recorder.take(),
        ["r1-fault", "r1-any INSTANCE VI_1 FAULT 100"],
        "without notify_deleted the FAULT program plays its part"
    );
    let mut with_deleted = member(2);
    with_deleted.commands.deleted = program("r2-deleted");
    notifier.replace(vec![with_deleted], Vec::new());
    notifier.addresses(id(2), counted(1, 1));
    notifier.replace(Vec::new(), Vec::new());
    assert_eq!(recorder.take(), [""; 0], "its address is still there");
    notifier.addresses(id(2), counted(0, 1));
    assert_eq!(
        recorder.take(),
        ["r2-deleted", "r2-any INSTANCE VI_2 DELETED 100"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_router_that_only_changed_its_name_is_not_deleted() {
    let (mut notifier, recorder) = notifier(&[1], Vec::new());
    let renamed = Member {
        name: String::from("other"),
        ..member(1)
    };
    notifier.replace(vec![renamed], Vec::new());
    assert_eq!(recorder.take(), [""; 0]);
    notifier.transition(id(1), Word::Backup, 7);
    assert_eq!(
        recorder.take(),
        ["r1-backup", "r1-any INSTANCE other BACKUP 7"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_lower_adverts_is_not_a_flood_of_programs() {
    let (mut notifier, recorder) = notifier(&[1], Vec::new());
    for _ in 0..1_000 {
        notifier.lower_heard(id(1));
    }
    assert_eq!(recorder.take(), ["r1-lower"]);
    recorder.end_all();
    tokio::time::sleep(Duration::from_millis(1)).await;
    notifier.lower_heard(id(1));
    assert_eq!(recorder.take(), ["r1-lower"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_started_and_what_could_not_be_is_recorded() {
    let recorder = Recorder::default();
    let events = Arc::new(Mutex::new(Vec::new()));
    let record: Record = {
        let events = Arc::clone(&events);
        Arc::new(move |kind: Kind| events.lock().unwrap().push(kind))
    };
    let mut notifier = Notifier::new(recorder.clone(), record);
    let mut router = member(1);
    router.commands.any = None;
    notifier.replace(vec![router], Vec::new());
    notifier.transition(id(1), Word::Backup, 100);
    let event = |outcome| Kind::Notify {
        name: Name::new("VI_1"),
        word: Name::new("BACKUP"),
        outcome,
    };
    assert_eq!(*events.lock().unwrap(), [event(RunOutcome::Started)]);
    let failed = RunEvent::Ended {
        outcome: Outcome::NotStarted(2),
        took_ms: 0,
    };
    recorder.0.lock().unwrap().open[0].send(failed).unwrap();
    recorder.end_all();
    notifier.idle(Duration::from_secs(1)).await;
    assert_eq!(
        events.lock().unwrap()[1],
        event(RunOutcome::Failed { errno: 2 })
    );
}
