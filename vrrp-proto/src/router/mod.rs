//! One virtual router: what it is told, what it decides, what it asks its driver to do.

mod action;
mod config;
mod event;

pub use action::{Action, AnnounceReason, Cause, State, Transition};
pub use config::{Config, InterfaceKey, RouterId};
pub use event::{AddressState, Event, FaultSet, Received, StopKind};
