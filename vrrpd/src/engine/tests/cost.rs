//! What recording costs: adverts sent in a tight loop, with the recorder and without it in turn.

use std::time::Duration;

use vrrp_proto::node::RouterIndex;
use vrrp_proto::units::WirePriority;
use vrrp_record::ring::RunHeader;

use super::super::clock;
use super::super::transmit::Outbox;
use super::host::{Other, in_namespace};
use super::plans::plan;
use crate::core::build::{Built, build};
use crate::core::{InterfaceNames, Places, TrackerNames};
use crate::engine::Flight;
use crate::recorder::in_memory;

const BLOCK: u64 = 500;
const BLOCKS: u64 = 200;

/// Issue 3 allows 5 µs of CPU an advert. Debug builds are several times slower, so they are only run, not held to it.
#[test]
#[ignore = "a measurement: cargo test --release -p vrrpd --lib -- --ignored --nocapture recording_costs"]
fn recording_costs_at_most_five_microseconds_an_advert() {
    in_namespace(|| {
        let _other = Other::join();
        let run = RunHeader::default();
        let (recording, _) = in_memory(2 << 20, &run);
        let mut places = Places::new(recording.descriptions);
        let Built { mut setup, .. } = build(
            &plan("va", 200, 100),
            &mut InterfaceNames::default(),
            &mut TrackerNames::default(),
            &mut places,
        )
        .unwrap();
        let index = nix::net::if_::if_nametoindex("va").unwrap();
        let config = *setup.node.routers().next().unwrap().1.config();
        let io = &mut setup.io;
        let sockets = crate::net::open("va", index, &io.interfaces[0].spec).unwrap();
        io.interfaces[0].sockets = Some(Box::new(sockets));
        io.routers[0].source = Some(Some("10.9.0.1".parse().unwrap()));
        let mut outbox = Outbox::new();
        let mut flight = Some(Box::new(Flight::new(recording.engine)));
        let mut used = [Duration::ZERO; 2];
        for block in 0..2 * BLOCKS {
            let on = block % 2 == 0;
            if on {
                io.flight = flight.take();
            }
            let before = clock::cpu_time();
            for _ in 0..BLOCK {
                let now = clock::now();
                let times = (WirePriority::from_wire(200), now, now);
                outbox.advertise(io, RouterIndex(0), &config, times, 0);
                outbox.collect_stamps(io, 0, 0);
            }
            used[usize::from(on)] += clock::cpu_time() - before;
            if on {
                flight = io.flight.take();
            }
        }
        let adverts = u32::try_from(BLOCK * BLOCKS).unwrap();
        let [off, on] = used.map(|used| used / adverts);
        eprintln!("{adverts} adverts each: {off:?} without recording, {on:?} with it");
        let counts = io.routers[0].record.counts;
        assert_eq!(
            (counts.built, counts.left),
            (2 * BLOCK * BLOCKS, counts.built)
        );
        if !cfg!(debug_assertions) {
            assert!(on.saturating_sub(off) <= Duration::from_micros(5));
        }
    });
}
