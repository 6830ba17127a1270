//! Why the core could not start or take a new plan.

use std::io;

use vrrp_proto::addr::AddressListError;
use vrrp_proto::wire::AdvertError;

/// Why the core could not start or take a new plan.
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    /// A thread could not be started, or lacked what it stands on.
    #[error("cannot start the {thread} thread")]
    Thread {
        /// Which one.
        thread: &'static str,
        /// The kernel's reason.
        #[source]
        error: io::Error,
    },
    /// No event descriptor could be had.
    #[error("cannot create an event descriptor")]
    Signal(#[source] io::Error),
    /// The advertised addresses of a router make no advert.
    #[error("virtual router {router} cannot be advertised")]
    Addresses {
        /// Its name.
        router: String,
        /// What is wrong with them.
        #[source]
        error: AddressListError,
    },
    /// Two routers have one identity.
    #[error(
        "virtual router {router} has the interface, family and VRID of another one; change its virtual_router_id"
    )]
    Duplicate {
        /// The later one's name.
        router: String,
    },
    /// Settings of a router make no advert.
    #[error("virtual router {router} cannot be advertised; {}", remedy(.error))]
    Unsendable {
        /// Its name.
        router: String,
        /// Which setting its version cannot express.
        #[source]
        error: AdvertError,
    },
    /// A limit that is far beyond any use was reached.
    #[error("too many {what}: at most {limit}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The engine does not take commands: it hangs, or it has ended.
    #[error("the engine takes no commands")]
    EngineBusy,
}

/// What the operator can do about settings that make no advert.
const fn remedy(error: &AdvertError) -> &'static str {
    match error {
        AdvertError::V2OverIpv6 => "use version 3 for IPv6",
        AdvertError::IntervalTooLong(_) | AdvertError::NotWholeSeconds(_) => {
            "change its interval or its version"
        }
        AdvertError::NoAddress => "give it an address, or use version 2 over IPv4",
    }
}
