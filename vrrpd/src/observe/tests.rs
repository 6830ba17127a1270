//! From reports and snapshots made by hand to events and a status.

mod events;
mod explaining;
mod fixture;
mod status;
mod volume;
