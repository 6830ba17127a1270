//! Notify programs, FIFOs and mail: what a change calls for, in which order, and with which words.
//!
//! Programs are started in order and never waited for, as with keepalived; they run side by side. What a transition calls for
//! is done after its kernel work. `calls` says what that is, `order` decides what may be done now, this does it.

mod calls;
mod fifo;
mod order;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use vrrp_config::plan::MailPlan;
use vrrp_proto::router::{AddressState, RouterId};
use vrrp_record::event::{Kind, RunOutcome};
use vrrp_record::text::Name;
use vrrp_record::words::Word;

use crate::mail::Mailer;
use crate::runner::{Outcome, Program, RunEvent};
use crate::track::Launch;
use calls::{About, Told};
pub use fifo::Fifo;
use fifo::Fifos;
use order::{Call, Kernel, Order, Subject, What};

/// The state words that only notify programs see.
const STOP: &str = "STOP";
const DELETED: &str = "DELETED";
const LOWER_HEARD: &str = "MASTER_RX_LOWER_PRI";

/// The programs of one router or group, and what else is told of it.
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
    /// `smtp_alert`.
    pub mail: bool,
    /// `notify_priority_changes`.
    pub priority_changes: bool,
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
    told_groups: HashMap<String, Word>,
    fifos: Fifos,
    mailer: Mailer,
    /// `no_email_faults`.
    no_mail_about_faults: bool,
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
            told_groups: HashMap::new(),
            fifos: Fifos::default(),
            mailer: Mailer::new(host_name()),
            no_mail_about_faults: false,
            priorities: HashMap::new(),
            running: JoinSet::new(),
            lower_running: HashMap::new(),
        }
    }

    /// Makes these the FIFOs, and sends mail by these settings, from now on. Must be called within a tokio runtime.
    pub fn configure(&mut self, fifos: Vec<Fifo>, mail: &MailPlan, router_id: Option<&str>) {
        self.fifos.replace(fifos, &self.launcher);
        self.mailer.configure(mail, router_id);
        self.no_mail_about_faults = mail.no_faults;
    }

    /// Makes these the routers and groups. What is told of routers that vanish is told once their addresses are gone:
    /// `notify_deleted` and `notify` with DELETED where the former is configured, else as for FAULT.
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
            let about = self.about(&gone);
            let told = self.told(&about, word, special);
            let calls = about.calls(told);
            let subject = Subject::Router(gone.id);
            let kernel = Some(Kernel::Absent);
            self.order.add(subject, Vec::new(), calls, kernel);
            self.told.remove(&gone.id);
            self.priorities.remove(&gone.id);
            self.lower_running.remove(&gone.id);
        }
        let groups = &self.groups;
        self.told_groups
            .retain(|name, _| groups.iter().any(|group| group.name == *name));
        self.start_ready();
    }

    /// A router is in another state. It is told when the kernel has, or no longer has, its addresses.
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
        let about = self.about(router);
        let told = self.told(&about, word.as_str(), special);
        let calls = about.calls(told);
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
        let word = match self.told.get(&id) {
            Some(Word::Master) => "MASTER_PRIORITY",
            Some(Word::Backup) => "BACKUP_PRIORITY",
            Some(Word::Fault | Word::Init) | None => return,
        };
        let router = self.routers.iter().find(|router| router.id == id);
        let Some(router) = router.filter(|router| router.commands.priority_changes) else {
            return;
        };
        if self.fifos.is_empty() {
            return;
        }
        let about = self.about(router);
        let line = about.call(What::Line(about.line(word)), word);
        self.order
            .add(Subject::Router(id), Vec::new(), vec![line], None);
        self.start_ready();
    }

    /// Writes the state of every router and group into the FIFOs again: `fifo_write_vrrp_states_on_reload`.
    pub fn states_again(&mut self) {
        let routers = self.routers.iter().filter_map(|router| {
            let word = self.told.get(&router.id)?;
            Some(self.about(router).line(word.as_str()))
        });
        let groups = self.groups.iter().filter_map(|group| {
            let word = self.told_groups.get(&group.name)?;
            Some(about_group(group).line(word.as_str()))
        });
        let lines: String = routers.chain(groups).collect();
        for line in lines.split_inclusive('\n') {
            self.fifos.write(line);
        }
    }

    fn about<'a>(&self, router: &'a Member) -> About<'a> {
        let known = self.priorities.get(&router.id);
        About {
            kind: "INSTANCE",
            name: &router.name,
            commands: &router.commands,
            priority: known.copied().unwrap_or(router.priority),
        }
    }

    fn told<'a>(
        &self,
        about: &About<'_>,
        word: &'static str,
        special: Option<&'a Program>,
    ) -> Told<'a> {
        let faults = word == Word::Fault.as_str() && self.no_mail_about_faults;
        Told {
            word,
            special,
            lines: !self.fifos.is_empty(),
            letter: about.commands.mail && !faults && self.mailer.is_configured(),
        }
    }

    /// All members of a group are in this state; follows their own transitions.
    pub fn group_transition(&mut self, name: &str, word: Word) {
        let Some(group) = self.groups.iter().find(|group| group.name == name) else {
            return;
        };
        self.told_groups.insert(name.to_owned(), word);
        let Some(special) = special(&group.commands, word) else {
            return;
        };
        let about = about_group(group);
        let told = self.told(&about, word.as_str(), special);
        let (calls, members) = (about.calls(told), group.members.clone());
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
        let Some(router) = self.routers.iter().find(|router| router.id == id) else {
            return;
        };
        let about = self.about(router);
        let line = about.line(LOWER_HEARD);
        let program = router.commands.lower_heard.clone();
        let call = program.map(|program| about.call(What::Program(program), LOWER_HEARD));
        self.fifos.write(&line);
        let running = self.lower_running.get(&id);
        if running.is_some_and(|last| !last.is_finished()) {
            return;
        }
        if let Some(handle) = call.and_then(|call| self.start(call)) {
            self.lower_running.insert(id, handle);
        }
    }

    /// Everything has stopped: STOP is told, of routers in order and then of groups.
    pub fn stopped(&mut self) {
        self.order.open_all();
        self.start_ready();
        let routers = self.routers.iter().map(|router| self.about(router));
        let all = routers.chain(self.groups.iter().map(about_group));
        let all: Vec<Call> = all
            .flat_map(|about| {
                let special = about.commands.stop.as_ref();
                about.calls(self.told(&about, STOP, special))
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

    /// Waits until every program that was started has ended, every line is read and every letter is delivered, at most for
    /// `bound`.
    pub async fn idle(&mut self, bound: Duration) {
        const STEP: Duration = Duration::from_millis(10);
        let (fifos, mailer, running) = (&self.fifos, &self.mailer, &mut self.running);
        let all = async {
            while running.join_next().await.is_some() {}
            fifos.read_out(bound).await;
            while mailer.waiting() > 0 {
                tokio::time::sleep(STEP).await;
            }
        };
        if tokio::time::timeout(bound, all).await.is_err() {
            let (programs, letters) = (self.running.len(), self.mailer.waiting());
            tracing::warn!(
                "{programs} notify programs still run, {letters} letters are not delivered"
            );
        }
    }

    fn start_ready(&mut self) {
        for call in self.order.take_ready(Instant::now()) {
            self.start(call);
        }
    }

    /// Does what was called for. A program is only watched for whether it could be started.
    fn start(&mut self, call: Call) -> Option<tokio::task::AbortHandle> {
        let program = match call.what {
            What::Program(program) => program,
            What::Line(line) => {
                self.fifos.write(&line);
                return None;
            }
            What::Letter(letter) => {
                self.mailer.send(letter);
                return None;
            }
        };
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
        let mut run = match self.launcher.launch(&program, None) {
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

fn about_group(group: &Group) -> About<'_> {
    About {
        kind: "GROUP",
        name: &group.name,
        commands: &group.commands,
        priority: 0,
    }
}

fn host_name() -> String {
    let name = nix::unistd::gethostname().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
