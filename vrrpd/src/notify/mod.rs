//! Notify programs: which ones a change calls for, in which order, and with which words.
//!
//! Programs are started in order and never waited for, as with keepalived; they run side by side. A transition's programs
//! are started after its kernel work. `order` decides what may be started now, this starts it.

mod order;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use vrrp_proto::router::{AddressState, RouterId};
use vrrp_record::event::{Kind, RunOutcome};
use vrrp_record::text::Name;
use vrrp_record::words::Word;

use crate::runner::{Outcome, Program, RunEvent};
use crate::track::Launch;
use order::{Call, Kernel, Order, Subject};

/// The state words that only notify programs see.
const STOP: &str = "STOP";
const DELETED: &str = "DELETED";
const LOWER_HEARD: &str = "MASTER_RX_LOWER_PRI";

/// The programs of one router or group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commands {
    /// `notify_master`.
    pub master: Option<Program>,
    /// `notify_backup`.
    pub backup: Option<Program>,
    /// `notify_fault`.
    pub fault: Option<Program>,
    /// `notify_stop`.
    pub stop: Option<Program>,
    /// `notify_deleted`.
    pub deleted: Option<Program>,
    /// `notify`.
    pub any: Option<Program>,
    /// `notify_master_rx_lower_pri`.
    pub lower_heard: Option<Program>,
}

/// A router as notify programs know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Identity: a router that only changed its name is the same.
    pub id: RouterId,
    /// Its name in the configuration.
    pub name: String,
    /// Its configured priority, until another one is told.
    pub priority: u8,
    /// Its programs.
    pub commands: Commands,
}

/// A sync group as notify programs know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name in the configuration.
    pub name: String,
    /// Its routers.
    pub members: Vec<RouterId>,
    /// Its programs.
    pub commands: Commands,
}

/// Takes what is to be recorded of notify programs.
pub type Record = Arc<dyn Fn(Kind) + Send + Sync>;

/// Starts notify programs.
pub struct Notifier<L> {
    launcher: L,
    record: Record,
    routers: Vec<Member>,
    groups: Vec<Group>,
    order: Order,
    told: HashMap<RouterId, Word>,
    /// Effective priorities, where they differ from the configured ones or did.
    priorities: HashMap<RouterId, u8>,
    running: JoinSet<()>,
    /// Whether the last `notify_master_rx_lower_pri` of a router still runs.
    lower_running: HashMap<RouterId, tokio::task::AbortHandle>,
}

impl<L> fmt::Debug for Notifier<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier")
            .field("routers", &self.routers)
            .field("groups", &self.groups)
            .field("order", &self.order)
            .finish_non_exhaustive()
    }
}

impl<L: Launch> Notifier<L> {
    /// Nothing to notify about.
    #[must_use]
    pub fn new(launcher: L, record: Record) -> Self {
        Self {
            launcher,
            record,
            routers: Vec::new(),
            groups: Vec::new(),
            order: Order::default(),
            told: HashMap::new(),
            priorities: HashMap::new(),
            running: JoinSet::new(),
            lower_running: HashMap::new(),
        }
    }

    /// Makes these the routers and groups. The programs of routers that vanish are started once their addresses are
    /// gone: `notify_deleted` and `notify` with DELETED where the former is configured, else those for FAULT.
    pub fn replace(&mut self, routers: Vec<Member>, groups: Vec<Group>) {
        let old = std::mem::replace(&mut self.routers, routers);
        self.groups = groups;
        for gone in old {
            if self.routers.iter().any(|router| router.id == gone.id) {
                continue;
            }
            let (special, word) = match &gone.commands.deleted {
                Some(program) => (Some(program), DELETED),
                None => (gone.commands.fault.as_ref(), Word::Fault.as_str()),
            };
            let priority = self.priority_of(&gone);
            let calls = calls(
                "INSTANCE",
                &gone.name,
                word,
                &priority,
                special,
                gone.commands.any.as_ref(),
            );
            self.order.add(
                Subject::Router(gone.id),
                Vec::new(),
                calls,
                Some(Kernel::Absent),
            );
            self.told.remove(&gone.id);
            self.priorities.remove(&gone.id);
            self.lower_running.remove(&gone.id);
        }
        self.start_ready();
    }

    /// A router is in another state. Its programs are started when the kernel has, or no longer has, its addresses.
    pub fn transition(&mut self, id: RouterId, word: Word, priority: u8) {
        self.priorities.insert(id, priority);
        let before = self.told.insert(id, word);
        if before == Some(word) {
            return;
        }
        let Some(router) = self.routers.iter().find(|router| router.id == id) else {
            return;
        };
        let Some(special) = special(&router.commands, word) else {
            return;
        };
        let priority = priority.to_string();
        let any = router.commands.any.as_ref();
        let calls = calls(
            "INSTANCE",
            &router.name,
            word.as_str(),
            &priority,
            special,
            any,
        );
        let kernel = if word == Word::Master {
            Some(Kernel::Present)
        } else if before == Some(Word::Master) {
            Some(Kernel::Absent)
        } else {
            None
        };
        self.order
            .add(Subject::Router(id), Vec::new(), calls, kernel);
        self.start_ready();
    }

    /// A router's effective priority changed.
    pub fn priority(&mut self, id: RouterId, priority: u8) {
        self.priorities.insert(id, priority);
    }

    fn priority_of(&self, router: &Member) -> String {
        let told = self.priorities.get(&router.id);
        told.copied().unwrap_or(router.priority).to_string()
    }

    /// All members of a group are in this state; follows their own transitions.
    pub fn group_transition(&mut self, name: &str, word: Word) {
        let Some(group) = self.groups.iter().find(|group| group.name == name) else {
            return;
        };
        let Some(special) = special(&group.commands, word) else {
            return;
        };
        let any = group.commands.any.as_ref();
        let calls = calls("GROUP", name, word.as_str(), "0", special, any);
        let members = group.members.clone();
        self.order
            .add(Subject::Group(name.to_owned()), members, calls, None);
        self.start_ready();
    }

    /// The kernel's view of a router's addresses changed.
    pub fn addresses(&mut self, id: RouterId, state: AddressState) {
        self.order.addresses(id, state);
        self.start_ready();
    }

    /// An Active router heard a lower advert. While the program of the last one runs it is not started again, so that a
    /// flood of adverts is not a flood of programs.
    pub fn lower_heard(&mut self, id: RouterId) {
        if self
            .lower_running
            .get(&id)
            .is_some_and(|last| !last.is_finished())
        {
            return;
        }
        let router = self.routers.iter().find(|router| router.id == id);
        let Some((name, Some(program))) =
            router.map(|router| (&router.name, router.commands.lower_heard.clone()))
        else {
            return;
        };
        let call = Call {
            program,
            name: name.clone(),
            word: LOWER_HEARD,
        };
        if let Some(handle) = self.start(call) {
            self.lower_running.insert(id, handle);
        }
    }

    /// Everything has stopped: the programs for STOP, routers in order and then groups.
    pub fn stopped(&mut self) {
        self.order.open_all();
        self.start_ready();
        let routers = self.routers.iter().map(|router| {
            let priority = self.priority_of(router);
            ("INSTANCE", &router.name, priority, &router.commands)
        });
        let groups = self
            .groups
            .iter()
            .map(|group| ("GROUP", &group.name, String::from("0"), &group.commands));
        let all: Vec<Call> = routers
            .chain(groups)
            .flat_map(|(kind, name, priority, commands)| {
                calls(
                    kind,
                    name,
                    STOP,
                    &priority,
                    commands.stop.as_ref(),
                    commands.any.as_ref(),
                )
            })
            .collect();
        for call in all {
            self.start(call);
        }
    }

    /// Waits for a change that has waited long enough for the kernel. Cancel safe.
    pub async fn due(&mut self) {
        match self.order.next_deadline() {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
        self.start_ready();
    }

    /// Waits until every program that was started has ended, at most for `bound`.
    pub async fn idle(&mut self, bound: Duration) {
        let all = async { while self.running.join_next().await.is_some() {} };
        if tokio::time::timeout(bound, all).await.is_err() {
            tracing::warn!("{} notify programs still run", self.running.len());
        }
    }

    fn start_ready(&mut self) {
        for call in self.order.take_ready(Instant::now()) {
            self.start(call);
        }
    }

    /// Starts a program and watches only for whether it could be started.
    fn start(&mut self, call: Call) -> Option<tokio::task::AbortHandle> {
        while self.running.try_join_next().is_some() {}
        let record = Arc::clone(&self.record);
        let (name, word) = (Name::new(&call.name), Name::new(call.word));
        let tell = move |outcome| {
            record(Kind::Notify {
                name,
                word,
                outcome,
            });
        };
        let mut run = match self.launcher.launch(&call.program, None) {
            Ok(run) => run,
            Err(error) => {
                tracing::error!("{error}");
                tell(RunOutcome::Failed {
                    errno: nix::libc::EAGAIN,
                });
                return None;
            }
        };
        tell(RunOutcome::Started);
        Some(self.running.spawn(async move {
            run.let_go();
            while let Some(event) = run.next().await {
                if let RunEvent::Ended {
                    outcome: Outcome::NotStarted(errno),
                    ..
                } = event
                {
                    tell(RunOutcome::Failed { errno });
                }
            }
        }))
    }
}

/// The program that belongs to a state alone; none at all for a state that nobody is notified of.
fn special(commands: &Commands, word: Word) -> Option<Option<&Program>> {
    match word {
        Word::Master => Some(commands.master.as_ref()),
        Word::Backup => Some(commands.backup.as_ref()),
        Word::Fault => Some(commands.fault.as_ref()),
        Word::Init => None,
    }
}

/// keepalived's order: the state's own program, then `notify` with four more words.
fn calls(
    kind: &str,
    name: &str,
    word: &'static str,
    priority: &str,
    special: Option<&Program>,
    any: Option<&Program>,
) -> Vec<Call> {
    let any = any.map(|program| {
        let mut program = program.clone();
        program
            .argv
            .extend([kind, name, word, priority].map(String::from));
        program
    });
    let programs = special.cloned().into_iter().chain(any);
    programs
        .map(|program| Call {
            program,
            name: name.to_owned(),
            word,
        })
        .collect()
}
