//! The flight recorder's beginning and end: what the run before left, the file of this run, and whether it stays.

use std::net::IpAddr;

use vrrp_config::plan::Plan;
use vrrp_record::history::{Source, Time};
use vrrp_record::ring::{ADVERT, EVENT, RegionWriter, RunHeader};

use super::Parts;
use crate::core::Recording;
use crate::journal::RingAccess;
use crate::observe::{Now, RecorderShown, plan_digest};
use crate::recorder::{self, Previous, Recorder, RingFile};

/// The recorder's parts for their owners, and what the run before left.
pub(super) struct Begun {
    pub(super) recording: Option<Recording>,
    pub(super) samples: Option<RegionWriter<'static, ADVERT>>,
    pub(super) events: Option<RegionWriter<'static, EVENT>>,
    pub(super) access: Option<RingAccess>,
    pub(super) watched: Watched,
    pub(super) previous: Option<Previous>,
}

/// The file, looked at now and then.
pub(super) struct Watched {
    file: Option<RingFile>,
    pub(super) shown: RecorderShown,
}

impl Watched {
    /// Whether the file is gone since the last look: nobody will find its records after this run.
    pub(super) fn is_lost(&mut self) -> bool {
        let trouble = self
            .file
            .as_ref()
            .and_then(|file| file.fate().trouble(&self.shown.file));
        let lost = trouble.is_some();
        if lost {
            self.file = None;
            self.shown.trouble = trouble;
        }
        lost
    }
}

/// This run, as records describe it.
pub(super) fn header(plan: &Plan) -> RunHeader {
    let Now { monotonic, unix_ns } = Now::read();
    let host = nix::unistd::gethostname().unwrap_or_default();
    let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let namespace = std::fs::metadata("/proc/self/ns/net");
    RunHeader {
        host: host.to_string_lossy().into_owned(),
        source: Source::Daemon,
        addresses: addresses(),
        boot_id: boot_id.trim().to_owned(),
        namespace: namespace.map_or(0, |file| std::os::unix::fs::MetadataExt::ino(&file)),
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        configuration: plan_digest(plan),
        started: Time(unix_ns),
        monotonic_ns: monotonic.as_nanos(),
    }
}

/// Addresses of this host: which adverts of a capture are its own.
fn addresses() -> Vec<IpAddr> {
    let Ok(interfaces) = nix::ifaddrs::getifaddrs() else {
        return Vec::new();
    };
    let address = |storage: nix::sys::socket::SockaddrStorage| {
        let v4 = storage.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        v4.or_else(|| storage.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
    };
    let mut addresses: Vec<IpAddr> = interfaces
        .filter_map(|interface| address(interface.address?))
        .filter(|address| !address.is_loopback())
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// Reads what the run before left, and begins this run's recorder.
pub(super) fn begin(parts: &Parts, plan: &Plan, run: &RunHeader) -> Begun {
    let run_dir = parts.run_dir.path();
    let previous = recorder::find_previous(run_dir).unwrap_or_else(|text| {
        tracing::warn!("{text}");
        None
    });
    let bytes = parts
        .ring_bytes
        .or(plan.global.ring_bytes)
        .and_then(|bytes| usize::try_from(bytes).ok())
        .unwrap_or_else(|| recorder::default_bytes(plan.routers.len()));
    let mut begun = Begun {
        recording: None,
        samples: None,
        events: None,
        access: None,
        watched: Watched {
            file: None,
            shown: RecorderShown {
                file: run_dir.join(recorder::FILE).display().to_string(),
                ..RecorderShown::default()
            },
        },
        previous,
    };
    match Recorder::open(run_dir, bytes, plan.routers.len(), run) {
        Ok(recorder) => {
            begun.watched.shown.show(&recorder.facts, &plan.routers);
            begun.watched.file = Some(recorder.file);
            begun.recording = Some(Recording {
                engine: recorder.engine,
                descriptions: recorder.descriptions,
            });
            begun.samples = Some(recorder.samples);
            begun.events = Some(recorder.events);
            begun.access = Some(recorder.access);
        }
        Err(text) => {
            tracing::warn!("no flight recorder: {text}");
            begun.watched.shown.trouble = Some(text);
        }
    }
    begun
}
