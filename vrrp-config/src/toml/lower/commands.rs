//! Commands, the users they run as, and track scripts.

use std::ops::Range;

use toml::Spanned;

use super::Context;
use crate::facts::CommandFinding;
use crate::keepalived::split_command;
use crate::plan::{CommandPlan, FifoPlan, NotifyPlan, ScriptPlan, UserSpec};
use crate::toml::schema::{Fifo, Notify, NotifyCommand, Script};
use crate::toml::value::{Command, TextOr};

/// The longest interval and timeout, in microseconds.
const LONGEST: u64 = 4_294_000_000;

/// A track script.
pub(super) fn script(
    script: &Script,
    all: &[Script],
    context: &mut Context<'_, '_>,
) -> Option<ScriptPlan> {
    context.unique(&script.name, all.iter().map(|other| &other.name), "script");
    let interval = context.time(
        script.interval.as_ref(),
        "interval",
        1_000..=LONGEST,
        1_000_000,
    );
    let default = u64::try_from(interval.as_micros()).unwrap_or(LONGEST);
    let user = script
        .user
        .as_ref()
        .and_then(|user| context.user(user.get_ref(), user.span()));
    let timeout = context.time(script.timeout.as_ref(), "timeout", 1_000..=LONGEST, default);
    let rise = context.number(script.rise.as_ref(), "rise", 1..=i64::from(i32::MAX), 1);
    let fall = context.number(script.fall.as_ref(), "fall", 1..=i64::from(i32::MAX), 1);
    let weight = context.number(script.weight.as_ref(), "weight", -253..=253, 0);
    Some(ScriptPlan {
        name: script.name.get_ref().clone(),
        command: context.command(
            script.command.get_ref(),
            script.shell,
            user,
            script.command.span(),
        )?,
        interval,
        timeout,
        rise,
        fall,
        weight,
        reverse: script.reverse,
        init_fail: script.init_fail,
    })
}

/// Notify commands; a group has fewer.
pub(super) fn notify(notify: &Notify, in_group: bool, context: &mut Context<'_, '_>) -> NotifyPlan {
    if in_group {
        for (field, word) in [
            (&notify.deleted, "deleted"),
            (&notify.lower_heard, "lower_heard"),
        ] {
            if let Some(command) = field {
                context.refuse(
                    command.span(),
                    format!("a group has no notify.{word}"),
                    "set it on its routers",
                );
            }
        }
    }
    let mut take = |field: &Option<Spanned<TextOr<NotifyCommand>>>| -> Option<CommandPlan> {
        notify_command(field.as_ref()?, context)
    };
    NotifyPlan {
        master: take(&notify.master),
        backup: take(&notify.backup),
        fault: take(&notify.fault),
        stop: take(&notify.stop),
        deleted: take(&notify.deleted),
        any: take(&notify.any),
        lower_heard: take(&notify.lower_heard),
        priority_changes: notify.priority_changes,
    }
}

fn notify_command(
    field: &Spanned<TextOr<NotifyCommand>>,
    context: &mut Context<'_, '_>,
) -> Option<CommandPlan> {
    match field.get_ref() {
        TextOr::Text(text) => {
            context.command(&Command::Text(text.clone()), false, None, field.span())
        }
        TextOr::More(more) => {
            let user = more
                .user
                .as_ref()
                .and_then(|user| context.user(user, field.span()));
            context.command(&more.command, more.shell, user, field.span())
        }
    }
}

/// FIFOs, with their owners and readers.
pub(super) fn fifos(fifos: &[Fifo], context: &mut Context<'_, '_>) -> Vec<FifoPlan> {
    let mut plans = Vec::new();
    for fifo in fifos {
        let Some(path) = context.absolute(&fifo.path) else {
            continue;
        };
        let owner = fifo.owner.as_ref();
        plans.push(FifoPlan {
            path,
            owner: owner.and_then(|owner| context.user(owner.get_ref(), owner.span())),
            script: fifo
                .script
                .as_ref()
                .and_then(|script| notify_command(script, context)),
        });
    }
    plans
}

impl Context<'_, '_> {
    /// A name that is not empty and that no other entry of the kind has.
    pub(super) fn unique<'s>(
        &mut self,
        name: &Spanned<String>,
        all: impl Iterator<Item = &'s Spanned<String>>,
        kind: &str,
    ) {
        let own = name.get_ref();
        if own.is_empty() {
            self.refuse(
                name.span(),
                format!("a {kind} needs a name"),
                "write a name that logs and status can show",
            );
        }
        let earlier = |other: &&Spanned<String>| {
            other.get_ref() == own && other.span().start < name.span().start
        };
        if all.into_iter().any(|other| earlier(&other)) {
            self.refuse(
                name.span(),
                format!("{kind} '{own}' is defined already"),
                "give it another name",
            );
        }
    }

    /// `USER` or `USER:GROUP`.
    pub(super) fn user(&mut self, text: &str, at: Range<usize>) -> Option<UserSpec> {
        let (user, group) = text
            .split_once(':')
            .map_or((text, None), |(user, group)| (user, Some(group)));
        let spec = UserSpec {
            user: user.to_owned(),
            group: group.map(str::to_owned),
        };
        if user.is_empty() || group == Some("") {
            self.refuse(
                at,
                format!("'{text}' names no user"),
                "write \"USER\" or \"USER:GROUP\"",
            );
            return None;
        }
        if self.facts.user_exists(&spec) == Some(false) {
            self.refuse(
                at,
                format!("user '{text}' does not exist"),
                "create the user, or name an existing one",
            );
            return None;
        }
        Some(spec)
    }

    /// A command that, as far as the host is known, can be run. The text for a shell is handed to it as it is.
    fn command(
        &mut self,
        command: &Command,
        shell: bool,
        user: Option<UserSpec>,
        at: Range<usize>,
    ) -> Option<CommandPlan> {
        let argv = match command {
            Command::Words(_) if shell => {
                self.refuse(
                    at,
                    "a shell takes one text, and this command is a list of words",
                    "write the command as one string, or remove 'shell'",
                );
                return None;
            }
            Command::Words(words) => words.clone(),
            Command::Text(text) if shell => vec![text.clone()],
            Command::Text(text) => match split_command(text) {
                Ok(words) => words,
                Err(quote) => {
                    self.refuse(
                        at,
                        format!("a {quote} in this command is never closed"),
                        "close it, or write the command as a list of words",
                    );
                    return None;
                }
            },
        };
        let Some(program) = argv.first().filter(|program| !program.is_empty()).cloned() else {
            self.refuse(at, "this command is empty", "name the program to run");
            return None;
        };
        let plan = CommandPlan { argv, shell, user };
        let user = plan.user.as_ref().or(self.script_user.as_ref());
        let problem = match self.facts.command(&plan, user) {
            None | Some(CommandFinding::Fine) => None,
            Some(CommandFinding::Missing) => Some("does not exist"),
            Some(CommandFinding::NotExecutable) => {
                Some("may not be executed by the user it would run as")
            }
            Some(CommandFinding::Insecure) => self
                .script_security
                .then_some("could be changed by somebody other than root"),
        };
        if let Some(problem) = problem {
            self.refuse(
                at,
                format!("'{program}' {problem}"),
                "check the path and its owner and mode with 'namei -l'",
            );
            return None;
        }
        Some(plan)
    }
}
