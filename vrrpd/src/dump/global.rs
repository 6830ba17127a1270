//! The section of keepalived.data about everything that belongs to no instance, which is also keepalived_parent.data.

use std::time::Duration;

use vrrp_config::plan::{Realtime, Transport};

use super::Inputs;
use super::data::{Text, line};

pub(super) fn section(inputs: &Inputs) -> String {
    let global = &inputs.plan.global;
    let mut text = Text(String::new());
    line!(text, "------< Global definitions >------");
    line!(text, " Network namespace = (default)");
    let host = inputs.host.as_str();
    line!(
        text,
        " Router ID = {}",
        global.router_id.as_deref().unwrap_or(host)
    );
    let mail = &global.mail;
    if let Some(server) = &mail.server {
        let (name, port) = server.split_once(' ').unwrap_or((server, "25"));
        line!(text, " Smtp server = {name}");
        line!(text, " Smtp server port = {port}");
    }
    let helo = mail.helo.as_deref().unwrap_or(host);
    line!(text, " Smtp HELO name = {helo}");
    let timeout = mail.timeout.unwrap_or(Duration::from_secs(30));
    line!(
        text,
        " Smtp server connection timeout = {}",
        timeout.as_secs()
    );
    if let Some(from) = &mail.from {
        line!(text, " Email notification from = {from}");
    }
    if !mail.to.is_empty() {
        line!(text, " Email notification to:");
        for address in &mail.to {
            line!(text, "   {address}");
        }
    }
    line!(text, " Dynamic interfaces = {}", global.dynamic_interfaces);
    for router in &inputs.plan.routers {
        if let Transport::Multicast { group } = router.transport {
            let family = if group.is_ipv4() { "IPv4" } else { "IPv6" };
            let shown = format!(" VRRP {family} mcast group = {group}\n");
            if !text.0.contains(&shown) {
                text.0.push_str(&shown);
            }
        }
    }
    let priority = match global.realtime {
        Realtime::Off => 0,
        Realtime::Fifo(priority) => priority,
    };
    line!(text, " VRRP realtime priority = {priority}");
    let security = if global.script_security {
        "enabled"
    } else {
        "disabled"
    };
    line!(text, " Script security {security}");
    if let Some(user) = &global.script_user {
        let group = user.group.as_deref().unwrap_or(&user.user);
        line!(text, " Default script user:group {}:{group}", user.user);
    }
    text.0
}
