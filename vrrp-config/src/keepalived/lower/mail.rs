//! Mail: server, addresses, and what is not mailed.

use std::time::Duration;

use super::Context;
use super::value::quoted;
use crate::keepalived::tree::Node;
use crate::plan::MailPlan;

/// Takes a mail keyword of `global_defs`; false where it is none.
pub(super) fn read(node: &Node, mail: &mut MailPlan, context: &mut Context<'_>) -> bool {
    match node.keyword.text.as_str() {
        "notification_email" => recipients(node, mail, context),
        "notification_email_from" => {
            if let Some(word) = context.argument(node, "ADDRESS") {
                mail.from = Some(word.text.clone());
            }
        }
        "smtp_server" => server(node, mail, context),
        "smtp_connect_timeout" => {
            if let Some(value) = context.number(node, 0..=4294, "30 seconds are used") {
                if value.value == 0 {
                    let message = "smtp_connect_timeout 0 is not possible; 1 is used";
                    context.complain(value.span, message, "write 1 or more");
                }
                let seconds = u64::try_from(value.value.max(1)).ok();
                mail.timeout = seconds.map(Duration::from_secs);
            }
        }
        "smtp_helo_name" => {
            if let Some(word) = context.argument(node, "NAME") {
                mail.helo = Some(word.text.clone());
            }
        }
        "no_email_faults" => mail.no_faults = context.flag(node),
        _ => return false,
    }
    true
}

fn recipients(node: &Node, mail: &mut MailPlan, context: &mut Context<'_>) {
    let entries = context.block(node);
    if entries.is_empty() && node.block.is_some() {
        let message = "'notification_email' names nobody";
        let help = "write one address a line, or remove the block";
        context.complain(node.keyword.span, message, help);
    }
    for entry in entries {
        let word = &entry.keyword;
        if !word.text.contains('@') {
            let message = format!("{} is no mail address", quoted(&word.text));
            context.remark(
                word.span,
                message,
                "write an address such as admin@example.org",
            );
        }
        mail.to.push(word.text.clone());
    }
}

fn server(node: &Node, mail: &mut MailPlan, context: &mut Context<'_>) {
    let Some(word) = context.argument(node, "HOST [PORT]") else {
        return;
    };
    let port = node.arguments.get(1);
    let valid = port.is_none_or(|port| {
        let range = 1..=65_535;
        let number = context.number_of("smtp_server port", port, &range, "the server is ignored");
        number.is_some()
    });
    if valid {
        let port = port.map_or("25", |port| port.text.as_str());
        mail.server = Some(format!("{} {port}", word.text));
    }
}
