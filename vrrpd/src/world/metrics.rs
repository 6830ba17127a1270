//! The metrics endpoint over reloads: one task, and another one where the address changes.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::metrics::{self, Limits};
use crate::observe::Observer;

/// The endpoint, if there is one.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    address: Option<SocketAddr>,
    task: Option<JoinHandle<()>>,
}

impl Metrics {
    /// Serves there from now on; an endpoint that is there already does not notice.
    pub(super) fn listen(&mut self, address: Option<SocketAddr>, observer: &Arc<Observer>) {
        if self.address == address {
            return;
        }
        self.stop();
        self.address = address;
        self.task = address.map(|address| {
            let source: Arc<dyn metrics::Source> = observer.clone();
            tracing::info!("metrics on http://{address}/metrics");
            tokio::spawn(metrics::serve(address, source, Limits::default()))
        });
    }

    /// Ends it with its connections.
    pub(super) fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}
