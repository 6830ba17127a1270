//! `vrrp_script`: what to run, how often, and what its results weigh.

use std::time::Duration;

use super::Context;
use super::command::{Behind, NO_USER, unusable};
use super::global::GlobalDraft;
use super::value::quoted;
use crate::keepalived::tree::Node;
use crate::keepalived::words::Scope;
use crate::plan::{CommandPlan, ScriptPlan, UserSpec};
use crate::source::Span;

/// The longest interval and timeout of keepalived 2.2, in seconds.
const LONGEST: i64 = 4294;

/// A script that was defined.
#[derive(Debug)]
pub(super) struct ScriptDraft {
    pub(super) plan: ScriptPlan,
    pub(super) span: Span,
    /// The host cannot run it: routers go untracked.
    pub(super) disabled: bool,
}

/// Reads a `vrrp_script` block.
pub(super) fn read(node: &Node, scripts: &mut Vec<ScriptDraft>, context: &mut Context<'_>) {
    let Some(name) = node.arguments.first() else {
        context.missing(&node.keyword, "NAME {");
        return;
    };
    context.surplus(node, 1);
    let mut fields = Fields::default();
    for child in context.block(node) {
        fields.read(child, context);
    }
    if scripts.iter().any(|script| script.plan.name == name.text) {
        let message = format!(
            "script {} is defined already; this definition is ignored",
            quoted(&name.text)
        );
        context.remark(name.span, message, "give it another name, or remove it");
        return;
    }
    let Some(mut command) = fields.command else {
        let message = format!(
            "script {} has no usable command and is dropped",
            quoted(&name.text)
        );
        context.complain(
            name.span,
            message,
            "write script \"/path/to/program argument\"",
        );
        return;
    };
    if let Some((user, span)) = fields.user {
        if context.facts.user_exists(&user) == Some(false) {
            let message = format!(
                "script {} is dropped: its user or group does not exist",
                quoted(&name.text)
            );
            context.complain(span, message, "create the user, or name an existing one");
            return;
        }
        command.user = Some(user);
    } else if !context.default_user_is_usable() {
        let message = format!(
            "script {} is dropped: there is no user that it could run as",
            quoted(&name.text)
        );
        context.complain(name.span, message, NO_USER);
        return;
    }
    let interval = fields.interval.unwrap_or(1);
    scripts.push(ScriptDraft {
        plan: ScriptPlan {
            name: name.text.clone(),
            command,
            interval: Duration::from_secs(interval),
            timeout: Duration::from_secs(fields.timeout.unwrap_or(interval)),
            rise: fields.rise.unwrap_or(1),
            fall: fields.fall.unwrap_or(1),
            weight: fields.weight,
            reverse: fields.reverse,
            init_fail: fields.init_fail,
        },
        span: name.span,
        disabled: false,
    });
}

#[derive(Default)]
struct Fields {
    command: Option<CommandPlan>,
    user: Option<(UserSpec, Span)>,
    interval: Option<u64>,
    timeout: Option<u64>,
    rise: Option<u32>,
    fall: Option<u32>,
    weight: i16,
    reverse: bool,
    init_fail: bool,
}

impl Fields {
    fn read(&mut self, node: &Node, context: &mut Context<'_>) {
        match node.keyword.text.as_str() {
            "script" => {
                self.command = context
                    .command(node, Behind::Nothing)
                    .or_else(|| self.command.take());
            }
            "interval" => {
                self.interval = seconds(node, context, "1 second is used").or(self.interval)
            }
            "timeout" => {
                self.timeout = seconds(node, context, "the interval is used").or(self.timeout)
            }
            "rise" => self.rise = count(node, context).or(self.rise),
            "fall" => self.fall = count(node, context).or(self.fall),
            "weight" => self.weight(node, context),
            "user" => self.user(node, context),
            "init_fail" => self.init_fail = context.flag(node),
            _ => context.other(Scope::Script, node),
        }
    }

    fn weight(&mut self, node: &Node, context: &mut Context<'_>) {
        if let Some(weight) = context.number(node, -253..=253, "the weight stays as it was") {
            self.weight = i16::try_from(weight.value).unwrap_or(0);
        }
        match node
            .arguments
            .get(1)
            .map(|word| (word.text.as_str(), word.span))
        {
            Some(("reverse", _)) => self.reverse = true,
            Some((other, span)) => {
                let message = format!("{} is no weight option and is ignored", quoted(other));
                context.complain(span, message, "only 'reverse' may follow a weight");
            }
            None => {}
        }
    }

    fn user(&mut self, node: &Node, context: &mut Context<'_>) {
        if let Some(user) = context.argument(node, "USER [GROUP]") {
            let group = node.arguments.get(1).map(|group| group.text.clone());
            self.user = Some((
                UserSpec {
                    user: user.text.clone(),
                    group,
                },
                user.span,
            ));
            context.surplus(node, 2);
        }
    }
}

/// Whole seconds; 0 counts as 1, with a complaint.
fn seconds(node: &Node, context: &mut Context<'_>, instead: &str) -> Option<u64> {
    let value = context.number(node, 0..=LONGEST, instead)?;
    context.surplus(node, 1);
    if value.value == 0 {
        let message = format!("{} 0 is not possible; 1 second is used", node.keyword.text);
        context.complain(value.span, message, "write 1 or more");
    }
    u64::try_from(value.value.max(1)).ok()
}

fn count(node: &Node, context: &mut Context<'_>) -> Option<u32> {
    let value = context.number(node, 1..=i64::from(i32::MAX), "1 is used")?;
    context.surplus(node, 1);
    u32::try_from(value.value).ok()
}

/// Asks the host about each command: what cannot run is not tracked, as keepalived does.
pub(super) fn check_commands(
    scripts: &mut [ScriptDraft],
    global: &GlobalDraft,
    context: &mut Context<'_>,
) {
    for script in scripts.iter_mut() {
        let command = &script.plan.command;
        let user = command.user.as_ref().or(global.script_user.as_ref());
        if let Some(reason) = unusable(context.facts.command(command, user), global.script_security)
        {
            let program = command.argv.first().map_or("", String::as_str);
            let message = format!(
                "script {} is disabled: {} {reason}; routers that track it run untracked",
                quoted(&script.plan.name),
                quoted(program)
            );
            context.complain(
                script.span,
                message,
                "check the path and its owner and mode with 'namei -l'",
            );
            script.disabled = true;
        } else {
            context.first_command.get_or_insert(script.span);
        }
    }
}
