//! The sockets of interfaces: opened when an interface appears, handed to the engine, tried again when refused.
//!
//! How a socket is opened is the net module's; what is received on it is the engine's.

use std::time::Duration;

use vrrp_proto::router::InterfaceKey;
use vrrp_proto::time::Instant;

use super::links::Interface;
use crate::net::{self, InterfaceSockets, SocketSpec};

/// How long to wait before sockets that were refused are tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// The same where some are open, which works for the routers that need no others.
const AGAIN_FOR_SOME: Duration = Duration::from_secs(5);

/// What one interface's sockets are like, and what the engine does not know about it yet.
#[derive(Debug)]
pub(super) struct Door {
    /// Which interface.
    pub(super) key: InterfaceKey,
    /// The state of the interface has to be told.
    pub(super) state_untold: bool,
    /// The tracker's reading has to be told.
    pub(super) tracker_untold: bool,
    /// Sockets, or their refusal, on their way to the engine.
    pub(super) ready: Option<Result<Box<InterfaceSockets>, i32>>,
    /// What was opened, on the interface with which number.
    opened: Option<(u32, SocketSpec)>,
    /// How many sockets of those the kernel refused.
    missing: usize,
    refused: Option<i32>,
    retry_at: Option<Instant>,
}

impl Door {
    pub(super) const fn new(key: InterfaceKey) -> Self {
        Self {
            key,
            state_untold: true,
            tracker_untold: true,
            ready: None,
            opened: None,
            missing: 0,
            refused: None,
            retry_at: None,
        }
    }

    /// Everything has to be told.
    pub(super) const fn tell_all(&mut self) {
        self.state_untold = true;
        self.tracker_untold = true;
    }

    /// The interface is gone, and its sockets are worthless.
    pub(super) fn close(&mut self) {
        self.ready = None;
        self.opened = None;
        self.missing = 0;
        self.refused = None;
        self.retry_at = None;
    }

    /// When to try again.
    pub(super) const fn next_retry(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Opens what is wanted and not open. An errno that is news.
    ///
    /// Where the kernel refuses some, the engine gets the others, and a whole new set as soon as more of them can be had.
    pub(super) fn open(&mut self, now: Instant, interface: &Interface) -> Option<i32> {
        let Some(wanted) = &interface.setup.sockets else {
            self.close();
            return None;
        };
        let index = interface.index()?;
        let same = |(at, spec): &(u32, SocketSpec)| *at == index && spec == wanted;
        let is_open = self.opened.as_ref().is_some_and(same);
        if is_open && self.missing == 0 {
            return None;
        }
        match net::open(&interface.setup.name, index, wanted) {
            Ok(sockets) => {
                let missing = sockets.refused.len();
                let errno = sockets.refused.first().map(net::OpenError::errno);
                if !is_open || missing < self.missing {
                    self.ready = Some(Ok(Box::new(sockets)));
                    self.opened = Some((index, wanted.clone()));
                    self.missing = missing;
                }
                self.retry_at = errno.map(|_| now.saturating_add(AGAIN_FOR_SOME));
                self.note(errno)
            }
            // What is open stays open.
            Err(error) if is_open => {
                self.retry_at = Some(now.saturating_add(AGAIN_FOR_SOME));
                self.note(Some(error.errno()))
            }
            Err(error) => {
                let errno = error.errno();
                self.opened = None;
                self.retry_at = Some(now.saturating_add(AGAIN));
                let news = self.note(Some(errno));
                if news.is_some() {
                    self.ready = Some(Err(errno));
                }
                news
            }
        }
    }

    /// Remembers a refusal, and says whether it is another one.
    fn note(&mut self, errno: Option<i32>) -> Option<i32> {
        let before = std::mem::replace(&mut self.refused, errno);
        errno.filter(|_| errno != before)
    }
}
