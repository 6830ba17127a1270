//! The bench: what keepalived and vrrpd do in the same run, on the same machine, under the same load.
//!
//! Not a test: it prints figures beside what they ought to be, with the load of the machine, and judges only ratios of one
//! run. Each table is a module of its own; [`TABLES`] lists them.

mod cost;
mod death;
mod field;
mod figures;
mod haproxy;
mod load;
mod many;
mod on_time;
mod report;
mod sender;
mod subject;
mod usage;

pub use field::Options;
pub use report::{Figure, Report, Row, Table};
pub use sender::sender_main;
pub use subject::Subject;
pub use usage::Machine;

/// The words on the command line of a [`sender_main`].
pub(crate) use sender::ARGUMENT as SENDER;

/// One table of the bench.
#[derive(Clone, Copy, Debug)]
pub struct Bench {
    /// What is typed.
    pub name: &'static str,
    /// What it measures.
    pub what: &'static str,
    run: fn(&Options) -> Table,
}

impl Bench {
    /// Measures. The options name who takes part.
    #[must_use]
    pub fn run(&self, options: &Options) -> Table {
        (self.run)(options)
    }
}

/// Every table, in the order in which they run.
pub const TABLES: &[Bench] = &[
    Bench {
        name: "on-time",
        what: "lateness of adverts at a 10 ms interval, by load and scheduling class",
        run: on_time::lateness,
    },
    Bench {
        name: "drift",
        what: "how far the schedule moves with each advert, over 10,000 adverts at 10 ms",
        run: on_time::drift,
    },
    Bench {
        name: "cost",
        what: "CPU and system calls per advert at 10 ms, sending and hearing, and memory",
        run: cost::run,
    },
    Bench {
        name: "death",
        what: "takeover after a link that was cut, beyond what the RFC makes a BACKUP wait",
        run: death::run,
    },
    Bench {
        name: "haproxy",
        what: "time without an answer after haproxy was killed, with the configuration of README",
        run: haproxy::run,
    },
    Bench {
        name: "many",
        what: "1000 routers on four interfaces: CPU, takeover, bursts, memory",
        run: many::run,
    },
];
