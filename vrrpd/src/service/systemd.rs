//! What the service manager is told, over the datagram socket that NOTIFY_SOCKET names (sd_notify(3)).
//!
//! Nothing is said where there is no such socket, and nothing depends on being heard.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use nix::time::{ClockId, clock_gettime};

/// The service manager, if there is one.
#[derive(Debug, Default)]
pub struct Manager {
    socket: Option<UnixDatagram>,
}

impl Manager {
    /// The service manager that started us.
    #[must_use]
    pub fn from_environment() -> Self {
        let Some(name) = std::env::var_os("NOTIFY_SOCKET") else {
            return Self::default();
        };
        match Self::connect(&name) {
            Ok(manager) => manager,
            Err(error) => {
                tracing::warn!(
                    "cannot reach the service manager at {}: {error}",
                    name.display()
                );
                Self::default()
            }
        }
    }

    /// The service manager behind this socket: a path, or `@` and an abstract name.
    ///
    /// # Errors
    /// When it is neither, or nobody listens.
    pub fn connect(name: &OsStr) -> io::Result<Self> {
        let address = match name.as_bytes() {
            [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest)?,
            [b'/', ..] => SocketAddr::from_pathname(name)?,
            _ => return Err(io::Error::from(io::ErrorKind::InvalidInput)),
        };
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address)?;
        // A manager that does not read must not hold us.
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: Some(socket),
        })
    }

    /// The start, or a reload, is complete.
    pub fn ready(&self, status: &str) {
        self.send(&format!(
            "READY=1\nMAINPID={}\nSTATUS={status}",
            std::process::id()
        ));
    }

    /// A reload begins; [`Manager::ready`] ends it.
    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |now| {
            now.tv_sec().saturating_mul(1_000_000) + now.tv_nsec() / 1_000
        });
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={now}"));
    }

    /// The stop begins.
    pub fn stopping(&self, status: &str) {
        self.send(&format!("STOPPING=1\nSTATUS={status}"));
    }

    /// Feeds the watchdog.
    pub fn alive(&self) {
        self.send("WATCHDOG=1");
    }

    /// One line for people.
    pub fn status(&self, status: &str) {
        self.send(&format!("STATUS={status}"));
    }

    fn send(&self, message: &str) {
        if let Some(socket) = &self.socket {
            // Nothing depends on it, and a manager that restarts misses it.
            let _ = socket.send(message.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 512];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn an_abstract_socket_hears_the_whole_story() {
        let name = format!("vrrpd-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(name.as_bytes()).unwrap();
        let socket = UnixDatagram::bind_addr(&address).unwrap();
        let manager = Manager::connect(OsStr::new(&format!("@{name}"))).unwrap();
        manager.ready("1 router");
        let expected = format!("READY=1\nMAINPID={}\nSTATUS=1 router", std::process::id());
        assert_eq!(received(&socket), expected);
        manager.reloading();
        let text = received(&socket);
        let micros = text.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
        assert!(micros.parse::<u64>().unwrap() > 0);
        manager.stopping("told by SIGTERM");
        assert_eq!(received(&socket), "STOPPING=1\nSTATUS=told by SIGTERM");
    }

    #[test]
    fn a_socket_by_path_is_reached_and_a_silent_one_does_not_hold_us() {
        let path = std::env::temp_dir().join(format!("vrrpd-notify-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let socket = UnixDatagram::bind(&path).unwrap();
        let manager = Manager::connect(path.as_os_str()).unwrap();
        std::fs::remove_file(&path).unwrap();
        // More than any queue holds; nobody reads.
        for _ in 0..10_000 {
            manager.status("x");
        }
        assert_eq!(received(&socket), "STATUS=x");
    }

    #[test]
    fn a_name_that_is_no_socket_is_refused() {
        assert!(Manager::connect(OsStr::new("relative")).is_err());
        assert!(Manager::connect(OsStr::new("/no/such/socket")).is_err());
        Manager::default().ready("nobody listens");
    }
}
