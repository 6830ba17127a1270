//! Mail about changes of state, with keepalived's subjects and texts.
//!
//! A thread of its own sends letters, one after the other, from a bounded queue: a mail server that is slow or away costs
//! letters and nothing else. A letter is tried again while the server may still take it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use lettre::message::Mailbox;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Message, SmtpTransport, Transport};
use vrrp_config::plan::MailPlan;

/// Letters that may wait.
const BACKLOG: usize = 64;
/// After each failure the next try waits this long; then the letter is given up.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(120),
    Duration::from_secs(600),
];
/// `smtp_connect_timeout` where nobody wrote it.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A letter without its addresses, which are those of the configuration at the time of sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Letter {
    /// Subject, behind the router id.
    pub(crate) subject: String,
    /// One line.
    pub(crate) text: String,
    /// When it was written.
    pub(crate) at: SystemTime,
}

/// From whom, to whom, and through which server.
#[derive(Clone, Debug)]
struct Settings {
    router_id: String,
    from: Mailbox,
    to: Vec<Mailbox>,
    host: String,
    port: u16,
    helo: String,
    timeout: Duration,
}

/// Takes letters. Cheap; nothing runs before the first configuration with a mail server.
#[derive(Debug)]
pub(crate) struct Mailer {
    settings: Arc<Mutex<Option<Settings>>>,
    sender: Option<SyncSender<Letter>>,
    /// Letters in the queue or under way.
    waiting: Arc<AtomicUsize>,
    host: String,
}

impl Mailer {
    /// A mailer that sends nothing yet. `host` is this host's name.
    #[must_use]
    pub(crate) fn new(host: String) -> Self {
        Self {
            settings: Arc::default(),
            sender: None,
            waiting: Arc::default(),
            host,
        }
    }

    /// Sends by these settings from now on; letters that wait too. Without a server or recipients nothing is sent.
    pub(crate) fn configure(&mut self, plan: &MailPlan, router_id: Option<&str>) {
        let settings = self.settings_of(plan, router_id);
        let wanted = settings.is_some();
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = settings;
        if !wanted || self.sender.is_some() {
            return;
        }
        let (sender, letters) = sync_channel(BACKLOG);
        let (settings, waiting) = (Arc::clone(&self.settings), Arc::clone(&self.waiting));
        let thread = std::thread::Builder::new()
            .name(String::from("mail"))
            .spawn(move || deliver(&letters, &settings, &waiting));
        match thread {
            Ok(_) => self.sender = Some(sender),
            Err(error) => tracing::error!("no mail is sent: {error}"),
        }
    }

    fn settings_of(&self, plan: &MailPlan, router_id: Option<&str>) -> Option<Settings> {
        let server = plan.server.as_ref()?;
        let to: Vec<Mailbox> = plan.to.iter().filter_map(|to| mailbox(to)).collect();
        if to.is_empty() {
            return None;
        }
        let default = format!("keepalived@{}", self.host);
        let from = mailbox(plan.from.as_deref().unwrap_or(&default))?;
        let (host, port) = server.split_once(' ').unwrap_or((server, "25"));
        Some(Settings {
            router_id: router_id.unwrap_or(&self.host).to_owned(),
            from,
            to,
            host: host.to_owned(),
            port: port.parse().unwrap_or(25),
            helo: plan.helo.clone().unwrap_or_else(|| self.host.clone()),
            timeout: plan.timeout.unwrap_or(TIMEOUT),
        })
    }

    /// Whether letters go anywhere.
    #[must_use]
    pub(crate) fn is_configured(&self) -> bool {
        let settings = self.settings.lock();
        settings.unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Queues a letter. Never waits; with a full queue the letter is lost, and the log says so.
    pub(crate) fn send(&self, letter: Letter) {
        let Some(sender) = self.sender.as_ref().filter(|_| self.is_configured()) else {
            return;
        };
        self.waiting.fetch_add(1, Ordering::AcqRel);
        if let Err(TrySendError::Full(letter) | TrySendError::Disconnected(letter)) =
            sender.try_send(letter)
        {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            let subject = letter.subject;
            tracing::warn!("mail '{subject}' is lost: {BACKLOG} others wait for the mail server");
        }
    }

    /// Letters that were not delivered or given up yet.
    #[must_use]
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }
}

/// An address as configured; one that is none is told and left out.
fn mailbox(text: &str) -> Option<Mailbox> {
    match text.parse() {
        Ok(mailbox) => Some(mailbox),
        Err(error) => {
            tracing::error!("'{text}' is no mail address and gets no mail: {error}");
            None
        }
    }
}

/// The thread. It ends with the mailer; the process does not wait for it.
fn deliver(letters: &Receiver<Letter>, settings: &Mutex<Option<Settings>>, waiting: &AtomicUsize) {
    while let Ok(letter) = letters.recv() {
        let mut pauses = PAUSES.into_iter();
        loop {
            let current = settings
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            let Some(current) = current else { break };
            let Err(failure) = send(&letter, &current) else {
                break;
            };
            let pause = pauses.next().filter(|_| failure.may_pass);
            let what = format!("mail '{}' to {}", letter.subject, current.host);
            match pause {
                Some(pause) => {
                    let seconds = pause.as_secs();
                    tracing::warn!("{what}: {}; tried again in {seconds} s", failure.text);
                    std::thread::sleep(pause);
                }
                None => {
                    tracing::error!("{what} is given up: {}", failure.text);
                    break;
                }
            }
        }
        waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Why a letter was not taken.
struct Failure {
    /// Another try may succeed.
    may_pass: bool,
    text: String,
}

/// Filters of users know mail about VRRP by this header.
#[derive(Clone, Debug)]
struct Mailed;

impl Header for Mailed {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("X-Mailer")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), String::from("Keepalived"))
    }
}

fn send(letter: &Letter, settings: &Settings) -> Result<(), Failure> {
    let mut message = Message::builder()
        .date(letter.at)
        .from(settings.from.clone())
        .subject(format!("[{}] {}", settings.router_id, letter.subject))
        .header(Mailed);
    for to in &settings.to {
        message = message.to(to.clone());
    }
    let message = message
        .header(ContentType::TEXT_PLAIN)
        .body(format!("=> {} <=\r\n", letter.text))
        .map_err(|error| Failure {
            may_pass: false,
            text: error.to_string(),
        })?;
    let server = SmtpTransport::builder_dangerous(&settings.host)
        .port(settings.port)
        .hello_name(ClientId::Domain(settings.helo.clone()))
        .timeout(Some(settings.timeout))
        .build();
    server.send(&message).map(drop).map_err(|error| {
        let mut text = error.to_string();
        if let Some(cause) = std::error::Error::source(&error) {
            text = format!("{text}: {cause}");
        }
        Failure {
            may_pass: !error.is_permanent(),
            text,
        }
    })
}
