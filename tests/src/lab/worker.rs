//! A thread that lives in namespaces of its own and carries out work there.
//!
//! Sockets that it opens stay in its network namespace wherever they go; programs that it starts inherit all of its
//! namespaces.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc;
use std::thread::JoinHandle;

type Order = Box<dyn FnOnce() + Send>;

/// The thread; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Worker {
    orders: Option<mpsc::Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts the thread; `enter` takes it into its namespaces.
    pub(crate) fn start(name: &str, enter: impl FnOnce() + Send + 'static) -> Self {
        let (orders, incoming) = mpsc::channel::<Order>();
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                for order in incoming {
                    order();
                }
            })
            .expect("the machine has room for a thread");
        let worker = Self {
            orders: Some(orders),
            thread: Some(thread),
        };
        worker.run(enter);
        worker
    }

    /// Carries out `work` in the thread's namespaces and returns its result, or its panic.
    pub(crate) fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let (result, results) = mpsc::channel();
        let order: Order = Box::new(move || {
            // The caller may have gone in a panic of its own; then nobody misses the result.
            let _ = result.send(catch_unwind(AssertUnwindSafe(work)));
        });
        self.orders
            .as_ref()
            .expect("orders are taken away by drop only")
            .send(order)
            .expect("the thread ends with its orders only");
        match results.recv().expect("each order sends its result") {
            Ok(value) => value,
            Err(panic) => resume_unwind(panic),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
