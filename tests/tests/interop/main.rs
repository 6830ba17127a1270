//! Beside Debian's keepalived: every scenario runs with two keepalived first, then with ours leading, following, and
//! alone. What is asserted is what a user or a peer can see: packets, addresses, and what notify scripts were told.

mod addresses;
mod bench;
mod dumps;
mod election;
mod fifo;
mod links;
mod loadbalancer;
mod mail;
mod notify;
mod reload;
mod surroundings;
mod versions;
