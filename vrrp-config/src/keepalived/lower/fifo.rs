//! `notify_fifo` and its companions.

use super::Context;
use super::global::path;
use crate::keepalived::tree::Node;
use crate::plan::{CommandPlan, FifoPlan, UserSpec};

/// What `global_defs` says about FIFOs: one for all processes and one for VRRP, which are alike where there is VRRP only.
#[derive(Debug, Default)]
pub(super) struct FifoDraft {
    all: One,
    vrrp: One,
    pub(super) states_on_reload: bool,
}

#[derive(Debug, Default)]
struct One {
    path: Option<String>,
    owner: Option<UserSpec>,
    script: Option<CommandPlan>,
}

impl FifoDraft {
    /// Takes a keyword; false where it is none of these.
    pub(super) fn read(
        &mut self,
        node: &Node,
        script_user: Option<&UserSpec>,
        context: &mut Context<'_>,
    ) -> bool {
        match node.keyword.text.as_str() {
            "notify_fifo" => self.all.place(node, context),
            "vrrp_notify_fifo" => self.vrrp.place(node, context),
            "notify_fifo_script" => self.all.script = context.notify_command(node, script_user),
            "vrrp_notify_fifo_script" => {
                self.vrrp.script = context.notify_command(node, script_user);
            }
            "fifo_write_vrrp_states_on_reload" => self.states_on_reload = context.flag(node),
            _ => return false,
        }
        true
    }

    pub(super) fn finish(self) -> Vec<FifoPlan> {
        let both = [self.all, self.vrrp].into_iter();
        let fifos = both.filter_map(|one| {
            Some(FifoPlan {
                path: one.path?,
                owner: one.owner,
                script: one.script,
            })
        });
        fifos.collect()
    }
}

impl One {
    /// `PATH [USER [GROUP]]`.
    fn place(&mut self, node: &Node, context: &mut Context<'_>) {
        path(node, 3, &mut self.path, context);
        let word = |place: usize| node.arguments.get(place).map(|word| word.text.clone());
        let Some(user) = word(1) else { return };
        let owner = UserSpec {
            user,
            group: word(2),
        };
        if context.facts.user_exists(&owner) == Some(false) {
            let message = "this user or its group does not exist; the fifo is the daemon's own";
            let help = "create the user, or name an existing one";
            context.complain(node.keyword.span, message, help);
        } else {
            self.owner = Some(owner);
        }
    }
}
