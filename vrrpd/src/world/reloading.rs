//! Reload: the file is read again beside the loop, and what comes of it is put into force in one step, or refused.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use vrrp_record::control::Command;
use vrrp_record::event::{Kind, ReloadOutcome};
use vrrp_record::quantity::Plural;

use super::Running;
use crate::control::Change;
use crate::exit::Exit;
use crate::load::{self, Configuration, Refused};
use crate::reload;
use crate::service::logging::PARENT;

/// What reading gave.
pub(super) type Result = std::result::Result<Configuration, Refused>;

/// Whoever waits for the end of a reload.
type Reply = oneshot::Sender<std::result::Result<String, String>>;

/// A reload that runs, and one that waits for it.
#[derive(Debug, Default)]
pub(super) struct Reloading {
    reading: Option<JoinHandle<Result>>,
    replies: Vec<Reply>,
    again: bool,
    waiting: Vec<Reply>,
}

impl Reloading {
    /// What reading the file gave. Cancel safe; waits for ever while nothing is read.
    pub(super) async fn next(&mut self) -> Result {
        let Some(reading) = &mut self.reading else {
            return std::future::pending().await;
        };
        let result = reading.await;
        self.reading = None;
        // A reader that panicked has said so; its file is as bad as can be.
        result.unwrap_or(Err(Refused {
            exit: Exit::Internal,
            errors: 1,
        }))
    }
}

impl Running {
    /// Begins a reload. One that is asked for while another runs follows it, so that no edit is missed.
    pub(super) fn reload(&mut self, reply: Option<Reply>) {
        if self.stopping.is_some() {
            if let Some(reply) = reply {
                // A client that has gone does not matter.
                let _ = reply.send(Err(String::from("vrrpd is stopping")));
            }
            return;
        }
        if self.reloading.reading.is_some() {
            tracing::info!(target: PARENT, "Reload already in progress, request queued");
            self.reloading.again = true;
            self.reloading.waiting.extend(reply);
            return;
        }
        tracing::info!(target: PARENT, "Reloading ...");
        self.parts.manager.reloading();
        self.reloading.replies.extend(reply);
        let (file, options, access) = (
            self.parts.file.clone(),
            self.parts.options.clone(),
            self.parts.access.clone(),
        );
        let read = move || load::load(&file, &options, &access);
        self.reloading.reading = Some(tokio::task::spawn_blocking(read));
    }

    /// The file was read: puts it into force or refuses it, and tells whoever asked.
    pub(super) fn handle_loaded(&mut self, loaded: Result) -> Option<Exit> {
        if self.stopping.is_some() {
            return None;
        }
        let outcome = match loaded {
            Ok(configuration) => self.apply(configuration),
            Err(refused) => Err((
                refused.errors,
                format!(
                    "{0} has {1}: the log has them, and vrrpd -t -f {0} shows them",
                    self.parts.file.display(),
                    Plural(u64::from(refused.errors), "error"),
                ),
            )),
        };
        let answer = match outcome {
            Ok(message) => Ok(message),
            Err((errors, why)) => {
                tracing::error!("the new configuration is refused, and the old one goes on: {why}");
                self.observer.reload_refused();
                self.observer.record(Kind::Reload {
                    outcome: ReloadOutcome::Refused { errors },
                });
                // The service manager waits for the end of every reload.
                self.parts
                    .manager
                    .ready(&format!("reload refused; {}", self.states()));
                Err(why)
            }
        };
        for reply in self.reloading.replies.drain(..) {
            // A client that has gone does not matter.
            let _ = reply.send(answer.clone());
        }
        if std::mem::take(&mut self.reloading.again) {
            self.reloading.replies = std::mem::take(&mut self.reloading.waiting);
            self.reload(None);
        }
        None
    }

    fn apply(
        &mut self,
        configuration: Configuration,
    ) -> std::result::Result<String, (u32, String)> {
        let plan = Arc::clone(&configuration.plan);
        if plan.routers.is_empty() && !self.configuration.plan.routers.is_empty() {
            // A file that is empty or cut short while it is written must not cost every address.
            let why = "it has no virtual router; stop vrrpd if that is meant";
            return Err((1, format!("{}: {why}", self.parts.file.display())));
        }
        self.parts
            .claims
            .replace(&plan.routers)
            .map_err(|error| (1, error.to_string()))?;
        if let Err(error) = self.core.replace(&plan) {
            // The old routers are ours already, so this cannot meet another speaker.
            let _ = self.parts.claims.replace(&self.configuration.plan.routers);
            return Err((1, error.to_string()));
        }
        let (outcome, difference) = reload::outcome(&self.configuration.plan, &plan);
        for line in difference.to_string().lines() {
            tracing::info!("{line}");
        }
        self.observer.reloaded(plan, configuration.warnings);
        let before = std::mem::replace(&mut self.configuration, configuration);
        self.observer.record(Kind::Reload { outcome });
        self.put_into_force();
        for fifo in before.fifos {
            let mut kept = self.configuration.fifos.iter();
            if !kept.any(|known| known.path == fifo.path) {
                self.parts.runner.remove_fifo(&fifo.path);
            }
        }
        if self.configuration.plan.global.fifo_states_on_reload {
            self.notifier.states_again();
        }
        Ok(outcome.to_string())
    }

    pub(super) fn handle_change(&mut self, change: Change) -> Option<Exit> {
        match change.command {
            Command::Reload => self.reload(Some(change.reply)),
            Command::Yield { .. }
            | Command::YieldCancel
            | Command::Maintenance { .. }
            | Command::MaintenanceEnd
            | Command::Status
            | Command::Unknown => self.take_order(change),
        }
        None
    }
}
