//! The commands that read records. Each gathers what it tells as data, and prints that as text for people, as tab separated
//! lines, or as JSON.

pub(crate) mod compare;
pub(crate) mod explain;
pub(crate) mod frame;
pub(crate) mod journal;
pub(crate) mod latency;
pub(crate) mod peers;
pub(crate) mod timeline;

#[cfg(test)]
mod tests;
