//! Script-type keywords: the raw line is split a second time, shell-like, and the command word a third time.

use super::Context;
use super::value::quoted;
use crate::facts::CommandFinding;
use crate::keepalived::token::{SplitError, split_command, split_quoted};
use crate::keepalived::tree::Node;
use crate::plan::{CommandPlan, UserSpec};

/// What to do about commands that no user could run.
pub(super) const NO_USER: &str =
    "write 'script_user USER' in global_defs, or create the user keepalived_script";

/// What may stand behind the command on its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    /// Nothing: `script` ignores further words.
    Nothing,
    /// A user and a group: `notify` and its companions.
    User,
}

impl Context<'_> {
    /// The command of a script-type keyword; `None` where it is dropped, which was said.
    pub(super) fn command(&mut self, node: &Node, behind: Behind) -> Option<CommandPlan> {
        let first = self.argument(node, "\"/path/to/program argument\"")?;
        let words = match split_quoted(&node.raw) {
            Ok(words) => words,
            Err(SplitError::UnclosedQuote(quote)) => {
                let message =
                    format!("a {quote} in this command is never closed; the command is dropped");
                self.complain(first.span, message, "close the quote on the same line");
                return None;
            }
        };
        let mut words = words.into_iter().skip(1);
        let text = words.next().unwrap_or_default();
        let rest: Vec<String> = words.collect();
        let (shell, text) = match text.strip_prefix('<') {
            Some(text) => (true, text.to_owned()),
            None => (false, text),
        };
        let argv = if shell {
            vec![text]
        } else {
            match split_command(&text) {
                Ok(argv) => argv,
                Err(SplitError::UnclosedQuote(quote)) => {
                    let message = format!(
                        "a {quote} inside this command is never closed; the command is dropped"
                    );
                    self.complain(
                        first.span,
                        message,
                        "close the quote, or put a backslash before it",
                    );
                    return None;
                }
            }
        };
        if argv.first().is_none_or(String::is_empty) {
            self.remark(
                first.span,
                "this command is empty and is dropped",
                "name the program to run, or remove the line",
            );
            return None;
        }
        let mut command = CommandPlan {
            argv,
            shell,
            user: None,
        };
        match behind {
            Behind::Nothing if !rest.is_empty() => self.unquoted(node, &command, &rest),
            Behind::User if !rest.is_empty() => {
                if !self.user_behind(node, &mut command, rest) {
                    return None;
                }
            }
            Behind::Nothing | Behind::User => {}
        }
        Some(command)
    }

    /// `script killall -0 haproxy` runs plain `killall`, which always fails: the classic mistake.
    fn unquoted(&mut self, node: &Node, command: &CommandPlan, rest: &[String]) {
        let program = command.argv.first().map_or("", String::as_str);
        let span = node
            .arguments
            .get(1)
            .or_else(|| node.arguments.first())
            .map_or(node.keyword.span, |word| word.span);
        let message = format!(
            "the command is {} alone: the words behind it are ignored",
            quoted(program)
        );
        let help = format!(
            "quote the whole command: {} \"{program} {}\"",
            node.keyword.text,
            rest.join(" ")
        );
        self.remark(span, message, help);
    }

    /// Words behind a notify command name its user and group; the command is dropped where they do not exist.
    fn user_behind(&mut self, node: &Node, command: &mut CommandPlan, rest: Vec<String>) -> bool {
        let mut rest = rest.into_iter();
        let user = UserSpec {
            user: rest.next().unwrap_or_default(),
            group: rest.next(),
        };
        let span = node
            .arguments
            .get(1)
            .map_or(node.keyword.span, |word| word.span);
        if self.facts.user_exists(&user) == Some(false) {
            let message = format!(
                "{} is taken for a user, and no such user exists; the command is dropped",
                quoted(&user.user)
            );
            let help = format!(
                "if it is an argument, quote the whole command: {} \"{} {}\"",
                node.keyword.text,
                command.argv.join(" "),
                user.user
            );
            self.remark(span, message, help);
            return false;
        }
        command.user = Some(user);
        true
    }

    /// Whether commands without a user of their own can run: as `script_user`, as keepalived_script, or without script
    /// security as root.
    pub(super) fn default_user_is_usable(&self) -> bool {
        if self.script_user.is_some() || !self.script_security {
            return !self.bad_script_user || !self.script_security;
        }
        let fallback = UserSpec {
            user: "keepalived_script".to_owned(),
            group: None,
        };
        self.facts.user_exists(&fallback) != Some(false)
    }

    /// A notify command, dropped where the host cannot run it.
    pub(super) fn notify_command(
        &mut self,
        node: &Node,
        script_user: Option<&UserSpec>,
    ) -> Option<CommandPlan> {
        let command = self.command(node, Behind::User)?;
        if command.user.is_none() && !self.default_user_is_usable() {
            let message = "the command is dropped: there is no user that it could run as";
            self.remark(node.keyword.span, message, NO_USER);
            return None;
        }
        let user = command.user.as_ref().or(script_user);
        let finding = self.facts.command(&command, user);
        if let Some(reason) = unusable(finding, self.script_security) {
            let program = command.argv.first().map_or("", String::as_str);
            let message = format!("{} {reason}; the command is dropped", quoted(program));
            let span = node
                .arguments
                .first()
                .map_or(node.keyword.span, |word| word.span);
            self.remark(
                span,
                message,
                "check the path and its owner and mode with 'namei -l'",
            );
            return None;
        }
        self.first_command.get_or_insert(node.keyword.span);
        Some(command)
    }
}

/// Why a command cannot be run, as the host sees it.
pub(super) const fn unusable(
    finding: Option<CommandFinding>,
    security: bool,
) -> Option<&'static str> {
    match finding {
        None | Some(CommandFinding::Fine) => None,
        Some(CommandFinding::Missing) => Some("does not exist"),
        Some(CommandFinding::NotExecutable) => {
            Some("may not be executed by the user it would run as")
        }
        Some(CommandFinding::Insecure) if security => {
            Some("could be changed by somebody other than root, and enable_script_security is on")
        }
        Some(CommandFinding::Insecure) => None,
    }
}
