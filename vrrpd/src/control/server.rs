//! Accepts connections within the limits, and keeps what they share: permits and the cached status.

use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Instant;

use tokio::net::UnixStream;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use vrrp_record::control::{
    Answer, Command, ErrorCode, FrameError, MAX_RESPONSE, Response, encode_frame,
};
use vrrp_record::status::Status;

use super::connection;
use super::limits::Limits;
use super::listener::Listener;

/// Who is at the other end, as the kernel says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Process, where the kernel tells.
    pub pid: Option<i32>,
}

impl Peer {
    /// Whether this client may ask for `command`: anybody who may connect can read, only root can change.
    #[must_use]
    pub const fn may(self, command: Command) -> bool {
        self.uid == 0 || !command.changes()
    }
}

/// What the control socket answers from and reports to.
pub trait Source: Send + Sync + 'static {
    /// The status now, from snapshots: must not wait.
    fn status(&self) -> Status;

    /// A client asked for a change, and was `granted` it or not. Called before the change is made.
    fn commanded(&self, command: Command, peer: Peer, granted: bool);
}

/// A change that a client was granted.
#[derive(Debug)]
pub struct Change {
    /// What to change.
    pub command: Command,
    /// Who asked.
    pub peer: Peer,
    /// Takes a sentence about what was done, or why not. A client that has gone does not matter.
    pub reply: oneshot::Sender<Result<String, String>>,
}

/// What all connections share.
pub(super) struct Shared {
    pub(super) limits: Limits,
    pub(super) source: Arc<dyn Source>,
    pub(super) changes: mpsc::Sender<Change>,
    /// KiB of responses that may wait for their readers.
    pub(super) pending: Arc<Semaphore>,
    cached: Mutex<Option<(Instant, Arc<[u8]>)>>,
}

impl Shared {
    pub(super) fn new(
        limits: Limits,
        source: Arc<dyn Source>,
        changes: mpsc::Sender<Change>,
    ) -> Self {
        let pending = Arc::new(Semaphore::new(
            usize::try_from(limits.pending_kib).unwrap_or(usize::MAX),
        ));
        Self {
            limits,
            source,
            changes,
            pending,
            cached: Mutex::new(None),
        }
    }

    /// The status as a frame; requests that come together share one.
    pub(super) async fn status_frame(&self) -> Result<Arc<[u8]>, FrameError> {
        let mut cached = self.cached.lock().await;
        if let Some((made, frame)) = &*cached
            && made.elapsed() < self.limits.status_age
        {
            return Ok(Arc::clone(frame));
        }
        let response = Response::new(Answer::Status {
            status: Box::new(self.source.status()),
        });
        let frame: Arc<[u8]> = encode_frame(&response, MAX_RESPONSE)?.into();
        *cached = Some((Instant::now(), Arc::clone(&frame)));
        Ok(frame)
    }
}

/// Serves the control socket until the future is dropped; connections end with it.
///
/// `changes` takes what clients were granted to change; when it is full, they are told to come back.
pub async fn serve(
    listener: Listener,
    limits: Limits,
    source: Arc<dyn Source>,
    changes: mpsc::Sender<Change>,
) {
    let everybody = limits.connections.saturating_sub(limits.kept_for_root);
    let for_all = Arc::new(Semaphore::new(everybody));
    let for_root = Arc::new(Semaphore::new(limits.kept_for_root));
    let shared = Arc::new(Shared::new(limits, source, changes));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let stream = match listener.socket.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors or memory: the kernel keeps the connection, so wait for better times.
                tracing::debug!(%error, "cannot accept a control connection");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(credentials) = stream.peer_cred() else {
            continue;
        };
        let peer = Peer {
            uid: credentials.uid(),
            gid: credentials.gid(),
            pid: credentials.pid(),
        };
        tracing::trace!(
            fd = stream.as_raw_fd(),
            uid = peer.uid,
            pid = peer.pid,
            "control connection"
        );
        match permit(peer, &for_all, &for_root) {
            Some(permit) => {
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    connection::run(&stream, peer, &shared).await;
                    drop(permit);
                });
            }
            None => refuse(&stream),
        }
    }
}

/// A place for one more connection, if there is one for this client.
pub(super) fn permit(
    peer: Peer,
    for_all: &Arc<Semaphore>,
    for_root: &Arc<Semaphore>,
) -> Option<OwnedSemaphorePermit> {
    let place = Arc::clone(for_all).try_acquire_owned().ok();
    match place {
        None if peer.uid == 0 => Arc::clone(for_root).try_acquire_owned().ok(),
        place => place,
    }
}

/// Tells a client that there is no place, as far as its socket takes that without waiting.
fn refuse(stream: &UnixStream) {
    let message = "too many connections to the control socket: try again".to_owned();
    let response = Response::new(Answer::Error {
        code: ErrorCode::Busy,
        message,
    });
    if let Ok(frame) = encode_frame(&response, MAX_RESPONSE)
        && let Err(error) = stream.try_write(&frame)
    {
        tracing::trace!(%error, "cannot refuse a control connection");
    }
}
