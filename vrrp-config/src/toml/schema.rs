//! The form of the file. Unknown fields are refused; ranges and references are checked in `lower`.

use std::net::{IpAddr, Ipv4Addr};

use serde::Deserialize;
use toml::Spanned;

use super::value::{Command, RealtimeWord, Seconds, TextOr};

type Number = Option<Spanned<i64>>;
type Time = Option<Spanned<Seconds>>;
type Text = Option<Spanned<String>>;

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ProfileWord {
    Keepalived,
    Rfc9568,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) profile: Option<ProfileWord>,
    pub(super) router_id: Option<String>,
    pub(super) script_user: Text,
    pub(super) script_security: Option<bool>,
    pub(super) dynamic_interfaces: Option<bool>,
    pub(super) startup_delay: Time,
    pub(super) log_unknown_vrids: Option<bool>,
    pub(super) realtime: Option<Spanned<RealtimeWord>>,
    pub(super) probe: Option<bool>,
    pub(super) fast_fail: Option<bool>,
    pub(super) peer_priority: Option<Spanned<i64>>,
    pub(super) mail: Option<Mail>,
    pub(super) recorder: Option<Recorder>,
    pub(super) journal: Option<Journal>,
    pub(super) metrics: Option<Metrics>,
    pub(super) dump: Option<Dump>,
    #[serde(default)]
    pub(super) fifo: Vec<Fifo>,
    #[serde(default)]
    pub(super) fifo_states_on_reload: bool,
    #[serde(default)]
    pub(super) script: Vec<Script>,
    #[serde(default)]
    pub(super) router: Vec<Router>,
    #[serde(default)]
    pub(super) group: Vec<Group>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mail {
    #[serde(default)]
    pub(super) to: Vec<String>,
    pub(super) from: Option<String>,
    pub(super) server: Option<String>,
    pub(super) timeout: Time,
    pub(super) helo: Option<String>,
    #[serde(default)]
    pub(super) no_faults: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fifo {
    pub(super) path: Spanned<String>,
    pub(super) owner: Text,
    pub(super) script: Option<Spanned<TextOr<NotifyCommand>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recorder {
    pub(super) megabytes: Number,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Journal {
    pub(super) megabytes: Number,
    pub(super) days: Number,
    pub(super) free_percent: Number,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metrics {
    pub(super) listen: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dump {
    pub(super) data: Text,
    pub(super) stats: Text,
    pub(super) json: Text,
    pub(super) json_version: Number,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    pub(super) name: Spanned<String>,
    pub(super) command: Spanned<Command>,
    #[serde(default)]
    pub(super) shell: bool,
    pub(super) user: Text,
    pub(super) interval: Time,
    pub(super) timeout: Time,
    pub(super) rise: Number,
    pub(super) fall: Number,
    pub(super) weight: Number,
    #[serde(default)]
    pub(super) reverse: bool,
    #[serde(default)]
    pub(super) init_fail: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Track {
    pub(super) name: String,
    pub(super) weight: Number,
    pub(super) reverse: Option<bool>,
}

pub(super) type Tracks = Vec<Spanned<TextOr<Track>>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum FamilyWord {
    Ipv4,
    Ipv6,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ChecksumWord {
    Message,
    PseudoHeader,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ChecksumAcceptWord {
    Both,
    Message,
    PseudoHeader,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RestoreWord {
    On,
    Bounce,
    Off,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Router {
    pub(super) name: Spanned<String>,
    pub(super) interface: Spanned<String>,
    pub(super) vrid: Spanned<i64>,
    pub(super) family: Option<Spanned<FamilyWord>>,
    pub(super) version: Number,
    pub(super) interoperate: Option<Spanned<bool>>,
    #[serde(default)]
    pub(super) wanted_master: bool,
    pub(super) priority: Number,
    pub(super) interval: Time,
    pub(super) preempt: Option<Spanned<bool>>,
    pub(super) preempt_delay: Time,
    pub(super) down_adverts: Number,
    pub(super) answer_lower: Option<bool>,
    #[serde(default)]
    pub(super) advert_before_yield: bool,
    pub(super) auth: Option<Spanned<Auth>>,
    pub(super) multicast_group: Option<Spanned<IpAddr>>,
    pub(super) unicast: Option<Spanned<Unicast>>,
    pub(super) source: Option<Spanned<IpAddr>>,
    pub(super) track_source: Option<bool>,
    pub(super) addresses: Spanned<Vec<Spanned<TextOr<Address>>>>,
    #[serde(default)]
    pub(super) excluded: Vec<Spanned<TextOr<Address>>>,
    pub(super) check_addresses: Option<bool>,
    pub(super) checksum_send: Option<ChecksumWord>,
    pub(super) checksum_accept: Option<ChecksumAcceptWord>,
    pub(super) require_link_local_first: Option<bool>,
    pub(super) require_link_local_source: Option<bool>,
    pub(super) owner_discards_v2: Option<bool>,
    #[serde(default)]
    pub(super) announce: Announce,
    #[serde(default)]
    pub(super) dont_track_primary: bool,
    #[serde(default)]
    pub(super) track_interfaces: Tracks,
    #[serde(default)]
    pub(super) track_scripts: Tracks,
    #[serde(default)]
    pub(super) notify: Notify,
    #[serde(default)]
    pub(super) smtp_alert: bool,
    pub(super) restore_addresses: Option<RestoreWord>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum AuthWord {
    Pass,
    Ah,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Auth {
    pub(super) method: AuthWord,
    pub(super) password: Spanned<String>,
}

impl std::fmt::Debug for Auth {
    /// Never shows the password (safety rule 11).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unicast {
    pub(super) peers: Vec<Spanned<TextOr<Peer>>>,
    pub(super) ttl: Number,
    pub(super) check_source: Option<bool>,
    #[serde(default)]
    pub(super) fault_without_peer: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Peer {
    pub(super) address: String,
    pub(super) min_ttl: Number,
    pub(super) max_ttl: Number,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Address {
    pub(super) address: String,
    pub(super) interface: Text,
    pub(super) broadcast: Option<Ipv4Addr>,
    pub(super) scope: Number,
    pub(super) label: Text,
    pub(super) peer: Text,
    #[serde(default)]
    pub(super) dad: bool,
    #[serde(default)]
    pub(super) home: bool,
    #[serde(default)]
    pub(super) manage_temporary: bool,
    #[serde(default)]
    pub(super) autojoin: bool,
    #[serde(default)]
    pub(super) no_prefix_route: bool,
    pub(super) preferred_lifetime: Number,
    pub(super) track: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Announce {
    pub(super) delay: Time,
    pub(super) repeat: Number,
    pub(super) refresh: Time,
    pub(super) refresh_repeat: Number,
    pub(super) lower_delay: Time,
    pub(super) lower_repeat: Number,
    pub(super) arp_interval: Time,
    pub(super) na_interval: Time,
    pub(super) arp_target_broadcast: Option<bool>,
    pub(super) na_router_flag: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NotifyCommand {
    pub(super) command: Command,
    #[serde(default)]
    pub(super) shell: bool,
    pub(super) user: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Notify {
    pub(super) master: Option<Spanned<TextOr<NotifyCommand>>>,
    pub(super) backup: Option<Spanned<TextOr<NotifyCommand>>>,
    pub(super) fault: Option<Spanned<TextOr<NotifyCommand>>>,
    pub(super) stop: Option<Spanned<TextOr<NotifyCommand>>>,
    pub(super) deleted: Option<Spanned<TextOr<NotifyCommand>>>,
    pub(super) any: Option<Spanned<TextOr<NotifyCommand>>>,
    pub(super) lower_heard: Option<Spanned<TextOr<NotifyCommand>>>,
    #[serde(default)]
    pub(super) priority_changes: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    pub(super) name: Spanned<String>,
    pub(super) members: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    pub(super) track_scripts: Tracks,
    #[serde(default)]
    pub(super) track_interfaces: Tracks,
    #[serde(default)]
    pub(super) tracking_weight: bool,
    #[serde(default)]
    pub(super) notify: Notify,
    #[serde(default)]
    pub(super) smtp_alert: bool,
}
