//! What surrounds the daemon: log, service manager, signals, orphans, directories of its own, privileges, other speakers, background.

pub mod background;
pub mod locked;
pub mod logging;
pub(crate) mod orphans;
pub mod privileges;
pub mod signals;
pub mod speaker;
pub mod systemd;
pub mod watchdog;
