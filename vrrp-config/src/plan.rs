//! The validated plan: everything the daemon needs to know, in types that cannot hold an invalid setting.
//!
//! Both languages end here, and reload compares two of these. Names are keepalived's where its users look.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

pub use vrrp_proto::wire::{ChecksumAccept, ChecksumForm};

use vrrp_proto::router::FastFail;
use vrrp_proto::units::{AdvertInterval, Family, Priority, Version, Vrid};

/// A whole configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Settings that belong to no router.
    pub global: Global,
    /// Scripts that routers may track, in file order.
    pub scripts: Vec<ScriptPlan>,
    /// Virtual routers, in file order.
    pub routers: Vec<RouterPlan>,
    /// Sync groups, in file order.
    pub groups: Vec<GroupPlan>,
}

/// Which side a contradiction between RFC 9568 and keepalived is decided for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Any keepalived.conf.
    Keepalived,
    /// Default of TOML.
    Rfc9568,
}

/// Settings that belong to no router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Global {
    /// Decides every point where the RFC and keepalived differ and nothing more specific was written.
    pub profile: Profile,
    /// `router_id`; the host name where unset. Shown, never sent.
    pub router_id: Option<String>,
    /// Mail settings.
    pub mail: MailPlan,
    /// `script_user`.
    pub script_user: Option<UserSpec>,
    /// `enable_script_security`.
    pub script_security: bool,
    /// `dynamic_interfaces`: an interface missing at start is a fault of its router, not a fatal error.
    pub dynamic_interfaces: bool,
    /// `vrrp_startup_delay`.
    pub startup_delay: Duration,
    /// `log_unknown_vrids`.
    pub log_unknown_vrids: bool,
    /// SCHED_FIFO for the engine and address threads: `realtime off`, or a priority 1–99; `vrrp_rt_priority`.
    pub realtime: Realtime,
    /// Gateway and peers are asked once a second for their link-layer address: `probe off` switches it off.
    pub probe: bool,
    /// Bytes of the flight recorder; chosen by the number of routers where nobody says. Takes effect at the next start.
    pub ring_bytes: Option<u64>,
    /// How much of the past is kept on disk.
    pub journal: JournalPlan,
    /// A tracked process that ends is checked at once, and a failing check that leaves a peer better says goodbye at once.
    /// Off unless asked for; the command line wins.
    pub fast_fail: Option<FastFail>,
    /// Where metrics are served; nowhere unless configured.
    pub metrics: Option<SocketAddr>,
    /// Where the dumps that signals ask for are written.
    pub dump: DumpPlan,
    /// `notify_fifo` and `vrrp_notify_fifo`.
    pub fifos: Vec<FifoPlan>,
    /// `fifo_write_vrrp_states_on_reload`: a reload writes the states of all routers again.
    pub fifo_states_on_reload: bool,
}

/// A FIFO that gets a line for each event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FifoPlan {
    /// Absolute path; made where it is missing.
    pub path: String,
    /// Whose it is where it is made; the daemon's own user where absent.
    pub owner: Option<UserSpec>,
    /// `notify_fifo_script`, which reads it.
    pub script: Option<CommandPlan>,
}

/// keepalived's dump files, `keepalived.data` and its companions. Absolute paths; one that ends with a slash is a
/// directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DumpPlan {
    /// `state_dump_file`.
    pub data: Option<String>,
    /// `stats_dump_file`.
    pub stats: Option<String>,
    /// `json_dump_file`.
    pub json: Option<String>,
    /// `json_version`: 1 is a list of routers, 2 an object that holds that list.
    pub json_version: u8,
}

impl Default for DumpPlan {
    /// In TMPDIR or `/tmp`, in the form that every version of keepalived has.
    fn default() -> Self {
        Self {
            data: None,
            stats: None,
            json: None,
            json_version: 1,
        }
    }
}

/// Bounds of the journal (safety rule 12). Options of the command line win over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalPlan {
    /// Bytes of all its files together; 4 MB at least, which hold the minutes around a transition of a busy node.
    pub bytes: u64,
    /// What is older goes.
    pub age: Duration,
    /// Nothing is written while less than this percentage of the file system is free.
    pub free_percent: u8,
}

impl Default for JournalPlan {
    /// 200 MB and 30 days, and a tenth of the disk left alone.
    fn default() -> Self {
        Self {
            bytes: 200_000_000,
            age: Duration::from_secs(30 * 86_400),
            free_percent: 10,
        }
    }
}

/// Scheduling of the engine thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Realtime {
    /// Ordinary scheduling.
    Off,
    /// SCHED_FIFO with this priority, 1–99; 1 unless configured (safety rule 4).
    Fifo(u8),
}

/// `notification_email` and its companions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailPlan {
    /// Recipients.
    pub to: Vec<String>,
    /// Sender.
    pub from: Option<String>,
    /// Server as written, with port.
    pub server: Option<String>,
    /// `smtp_connect_timeout`.
    pub timeout: Option<Duration>,
    /// `smtp_helo_name`; the host name where absent.
    pub helo: Option<String>,
    /// `no_email_faults`.
    pub no_faults: bool,
}

/// A user and a group as written: names or numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserSpec {
    /// User name or number.
    pub user: String,
    /// Group name or number; the user's primary group where absent.
    pub group: Option<String>,
}

/// A program with its arguments, split as keepalived splits it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CommandPlan {
    /// Program and arguments; never empty. A program without `/` is looked up in PATH.
    pub argv: Vec<String>,
    /// keepalived's `<` form: the text is handed to `sh -c`.
    pub shell: bool,
    /// User written beside the command.
    pub user: Option<UserSpec>,
}

/// `vrrp_script`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptPlan {
    /// Name that `track_script` uses.
    pub name: String,
    /// What to run.
    pub command: CommandPlan,
    /// Start to start.
    pub interval: Duration,
    /// A run that takes longer counts as failed and is killed with its process group; `interval` where not written.
    pub timeout: Duration,
    /// Successes in a row that turn it good, at least 1.
    pub rise: u32,
    /// Failures in a row that turn it bad, at least 1.
    pub fall: u32,
    /// −253…253; 0 makes a failure a fault.
    pub weight: i16,
    /// Swaps good and bad for the weight.
    pub reverse: bool,
    /// Starts as failed rather than unknown.
    pub init_fail: bool,
}

/// One entry of `track_script` or `track_interface`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackPlan {
    /// Script or interface name.
    pub name: String,
    /// −253…253; 0 makes bad a fault.
    pub weight: i16,
    /// Swaps good and bad for the weight.
    pub reverse: bool,
}

/// `authentication`, version 2 only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum AuthPlan {
    /// Nothing.
    None,
    /// Simple text, zero-filled: the eight bytes on the wire.
    Pass([u8; 8]),
    /// HMAC-MD5-96 with this key, zero-filled.
    Ah([u8; 8]),
}

impl std::fmt::Debug for AuthPlan {
    /// Names the method and never the secret (safety rule 11).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Pass(_) => "Pass(redacted)",
            Self::Ah(_) => "Ah(redacted)",
        })
    }
}

/// Multicast or unicast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// To a group.
    Multicast {
        /// 224.0.0.18, ff02::12, or what `vrrp_mcast_group4/6` and `mcast_dst_ip` say.
        group: IpAddr,
    },
    /// To each peer.
    Unicast {
        /// At least one, in configured order.
        peers: Vec<PeerPlan>,
        /// TTL or hop limit sent: `unicast_ttl`; else 255 for IPv4, and for IPv6 64 in profile keepalived, 255 in
        /// profile rfc9568.
        ttl: u8,
        /// Accept only listed peers as sources: `check_unicast_src`; always in profile rfc9568.
        check_source: bool,
        /// `unicast_fault_no_peer`.
        fault_without_peer: bool,
    },
}

/// A unicast peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerPlan {
    /// Its address.
    pub address: IpAddr,
    /// Least TTL accepted from it; 0 in profile keepalived, 255 in profile rfc9568.
    pub min_ttl: u8,
    /// Greatest TTL accepted from it.
    pub max_ttl: u8,
}

/// A virtual address with the words of its entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VipPlan {
    /// The address.
    pub address: IpAddr,
    /// Prefix length; 32 or 128 where none is written.
    pub prefix: u8,
    /// `dev`; the router's interface where absent.
    pub interface: Option<String>,
    /// `brd`, computed where `+` or `-` is written.
    pub broadcast: Option<std::net::Ipv4Addr>,
    /// `scope` as the kernel's number (global 0, site 200, link 253, host 254, nowhere 255).
    pub scope: u8,
    /// `label`.
    pub label: Option<String>,
    /// `peer` with its prefix length.
    pub peer: Option<(IpAddr, u8)>,
    /// Duplicate address detection stays on: `-nodad`.
    pub dad: bool,
    /// `home`.
    pub home: bool,
    /// `mngtmpaddr`.
    pub manage_temporary: bool,
    /// `autojoin`.
    pub autojoin: bool,
    /// `noprefixroute`.
    pub no_prefix_route: bool,
    /// IPv6 preferred lifetime in seconds; `u32::MAX` is forever. Default 0 for /128, else forever.
    pub preferred_lifetime: u32,
    /// React when another process deletes it; off with `no_track`.
    pub track: bool,
}

impl VipPlan {
    /// An address with nothing beside it; /32 or /128 where no prefix length is written.
    #[must_use]
    pub fn plain(address: IpAddr, prefix: Option<u8>) -> Self {
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(longest);
        Self {
            address,
            prefix,
            interface: None,
            broadcast: None,
            scope: 0,
            label: None,
            peer: None,
            dad: false,
            home: false,
            manage_temporary: false,
            autojoin: false,
            no_prefix_route: false,
            // A /128 is deprecated from the start, so that the kernel never picks it as a source.
            preferred_lifetime: if prefix == 128 { 0 } else { u32::MAX },
            track: true,
        }
    }
}

/// Gratuitous ARP and unsolicited NA: counts and times of keepalived's `garp_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnnouncePlan {
    /// Delay of the second burst after becoming Active; zero for none.
    pub delay: Duration,
    /// Rounds in a burst, at least 1.
    pub repeat: u32,
    /// Period of refresh while Active; zero for none.
    pub refresh: Duration,
    /// Rounds of a refresh, at least 1.
    pub refresh_repeat: u32,
    /// Delay of the second burst after a lower advert was heard; zero for none.
    pub lower_delay: Duration,
    /// Rounds of a burst after a lower advert was heard; zero for none.
    pub lower_repeat: u32,
    /// Gap between two ARP frames on one interface.
    pub arp_interval: Duration,
    /// Gap between two NA frames on one interface.
    pub na_interval: Duration,
    /// Gratuitous ARP names ff:ff:ff:ff:ff:ff as target hardware address, as keepalived does, instead of the sender's
    /// . Off in profile rfc9568, on in profile keepalived.
    pub arp_target_broadcast: bool,
    /// Unsolicited NA always has the Router flag, instead of only where the interface forwards. On in profile
    /// rfc9568, off in profile keepalived.
    pub na_router_flag: bool,
}

/// What to do when another process removes a virtual address (safety rule 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreAddresses {
    /// Put it back, five times in a minute; then bounce.
    On,
    /// Bounce through Backup at once, as keepalived does.
    Bounce,
    /// Only report it.
    Off,
}

/// Commands on transitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotifyPlan {
    /// `notify_master`.
    pub master: Option<CommandPlan>,
    /// `notify_backup`.
    pub backup: Option<CommandPlan>,
    /// `notify_fault`.
    pub fault: Option<CommandPlan>,
    /// `notify_stop`.
    pub stop: Option<CommandPlan>,
    /// `notify_deleted`; never in a group.
    pub deleted: Option<CommandPlan>,
    /// `notify`: gets type, name, state and priority as four more words.
    pub any: Option<CommandPlan>,
    /// `notify_master_rx_lower_pri`; never in a group.
    pub lower_heard: Option<CommandPlan>,
    /// `notify_priority_changes`: lines in FIFOs about the priority too.
    pub priority_changes: bool,
}

/// `vrrp_instance`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterPlan {
    /// Name for logs and notify calls; identity is (interface, family, vrid).
    pub name: String,
    /// Base interface.
    pub interface: String,
    /// VRID.
    pub vrid: Vrid,
    /// Family of the advertised addresses and of the adverts.
    pub family: Family,
    /// Version.
    pub version: Version,
    /// Also speak version 2 (RFC 9568 §8.4.2); TOML only.
    pub interoperate: bool,
    /// `state MASTER` was written: the wanted state shown to keepalived users; no shortcut to Active.
    pub wanted_master: bool,
    /// Configured priority.
    pub priority: Priority,
    /// Own interval.
    pub interval: AdvertInterval,
    /// Preempt_Mode.
    pub preempt: bool,
    /// `preempt_delay`.
    pub preempt_delay: Duration,
    /// `down_timer_adverts`.
    pub down_adverts: u8,
    /// Answer losing adverts while Active.
    pub answer_lower: bool,
    /// `higher_prio_send_advert`.
    pub advert_before_yield: bool,
    /// Authentication.
    pub auth: AuthPlan,
    /// Multicast or unicast.
    pub transport: Transport,
    /// `mcast_src_ip` or `unicast_src_ip`.
    pub source: Option<IpAddr>,
    /// `track_src_ip`: fault while `source` is absent. keepalived 2.2.7 behaves so without the word; on there too.
    pub track_source: bool,
    /// Advertised addresses in order, 1–255 (none only in version 2).
    pub addresses: Vec<VipPlan>,
    /// `virtual_ipaddress_excluded`.
    pub excluded: Vec<VipPlan>,
    /// Compare the address lists of adverts with ours: off with `skip_check_adv_addr`.
    pub check_addresses: bool,
    /// Sending form of the version 3 IPv4 checksum.
    pub checksum_send: ChecksumForm,
    /// Accepted forms.
    pub checksum_accept: ChecksumAccept,
    /// Version 3 IPv6: insist that the first address of an advert is link-local, and send ours so (P-09).
    /// On in profile rfc9568, off in profile keepalived.
    pub require_link_local_first: bool,
    /// IPv6 multicast: insist that adverts come from a link-local address. On in profile rfc9568, off in profile
    /// keepalived.
    pub require_link_local_source: bool,
    /// An address owner discards version 2 adverts. On in profile rfc9568, off in profile keepalived.
    pub owner_discards_v2: bool,
    /// Announcements.
    pub announce: AnnouncePlan,
    /// `dont_track_primary`.
    pub dont_track_primary: bool,
    /// `track_interface`.
    pub track_interfaces: Vec<TrackPlan>,
    /// `track_script`.
    pub track_scripts: Vec<TrackPlan>,
    /// Notify commands.
    pub notify: NotifyPlan,
    /// `smtp_alert`.
    pub smtp_alert: bool,
    /// Safety rule 6.
    pub restore_addresses: RestoreAddresses,
}

/// `vrrp_sync_group`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPlan {
    /// Name for logs and notify calls.
    pub name: String,
    /// Names of its routers, all of which exist.
    pub members: Vec<String>,
    /// `track_script` of the group, applied to every member.
    pub track_scripts: Vec<TrackPlan>,
    /// `track_interface` of the group, applied to every member.
    pub track_interfaces: Vec<TrackPlan>,
    /// `sync_group_tracking_weight`: members keep weighted tracking.
    pub tracking_weight: bool,
    /// Notify commands.
    pub notify: NotifyPlan,
    /// `smtp_alert`.
    pub smtp_alert: bool,
}
