//! What surrounds the daemon: log, service manager, signals, run directory, privileges, other speakers, background.

pub mod background;
pub mod logging;
pub mod privileges;
pub mod rundir;
pub mod signals;
pub mod speaker;
pub mod systemd;
