//! A real haproxy on a host, answering every request with the host's name.

use super::host::Host;
use super::process::Process;
use super::wait::wait_until;

const CONFIGURATION: &str = "/etc/haproxy/haproxy.cfg";

/// A running haproxy.
#[derive(Debug)]
pub struct Haproxy {
    process: Process,
}

impl Haproxy {
    /// Starts it and waits until it listens.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(host: &Host) -> Self {
        host.write(
            CONFIGURATION,
            &format!(
                "global\n    maxconn 100\n\
                 defaults\n    mode http\n    timeout client 2s\n    timeout server 2s\n    timeout connect 2s\n\
                 frontend web\n    bind :80\n    http-request return status 200 content-type text/plain string {}\n",
                host.name()
            ),
            0o644,
        );
        let process = host.spawn(&["haproxy", "-db", "-f", CONFIGURATION]);
        wait_until(
            "haproxy listens on port 80",
            super::probe::START_BOUND,
            || {
                assert!(
                    process.ended().is_none(),
                    "haproxy does not start: {}",
                    process.log()
                );
                host.within(|| std::net::TcpStream::connect(("127.0.0.1", 80)).ok())
            },
        );
        Self { process }
    }

    /// Its process.
    #[must_use]
    pub const fn process(&self) -> &Process {
        &self.process
    }

    /// Kills it.
    pub fn kill(&self) {
        self.process.kill_family();
    }
}
