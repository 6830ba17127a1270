//! Building and judging packets allocates nothing: the engine does both after start, where it must not.

use std::hint::black_box;
use std::num::NonZeroU16;
use std::path::Path;

use vrrp_proto::addr::AddressList;
use vrrp_proto::stats::Counters;
use vrrp_proto::wire::{ChecksumForm, Datagram, Envelope, MAX_PACKET, ReceiveConfig, SendConfig};
use vrrp_tests::allocation::{Counting, calls};
use vrrp_tests::vectors::Vector;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A vector with everything that start-up would have built.
struct Prepared {
    name: String,
    bytes: Vec<u8>,
    config: ReceiveConfig,
    vector: Vector,
}

#[test]
fn building_and_judging_packets_does_not_allocate() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/vrrp-vectors.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let prepared: Vec<Prepared> = text
        .lines()
        .map(|line| serde_json::from_str::<Vector>(line).unwrap())
        .map(|vector| Prepared {
            name: vector.name.clone(),
            bytes: vector.bytes().unwrap(),
            config: vector.ctx.receive_config(vector.family().unwrap()).unwrap(),
            vector,
        })
        .collect();
    assert_eq!(prepared.len(), 466);

    let mut counters = Counters::ZERO;
    for case in &prepared {
        let family = case.vector.family().unwrap();
        let mut sequence = case.vector.ctx.sequence();
        let before = calls();
        match Datagram::parse(family, &case.bytes)
            .and_then(|datagram| case.config.receive(&datagram, &mut sequence))
        {
            Ok(accepted) => {
                counters.accept(&accepted);
                black_box(accepted.received(None));
                black_box(accepted.advert.addresses().iter().count());
            }
            Err(discard) => counters.discard(discard),
        }
        assert_eq!(calls(), before, "receiving {}", case.name);
    }
    assert_eq!(counters.accepted + counters.discarded_total(), 466);

    let mut buffer = [0; MAX_PACKET];
    for case in &prepared {
        let family = case.vector.family().unwrap();
        let Ok(datagram) = Datagram::parse(family, &case.bytes) else {
            continue;
        };
        let Ok(accepted) = case
            .config
            .receive(&datagram, &mut case.vector.ctx.sequence())
        else {
            continue;
        };
        let send = SendConfig {
            vrid: case.config.vrid,
            interval: accepted.advert.interval(),
            addresses: AddressList::new(family, accepted.advert.addresses().iter()).unwrap(),
            auth: case.config.auth,
            checksum: ChecksumForm::PseudoHeader,
        };
        let envelope = Envelope {
            source: datagram.source,
            destination: datagram.destination,
            ttl: 255,
            sequence: NonZeroU16::MIN,
        };
        let mut sequence = case.vector.ctx.sequence();
        let before = calls();
        let advert = send
            .advert(accepted.advert.version(), false, accepted.advert.priority())
            .unwrap();
        let length = send
            .encode_packet(&advert, &envelope, &mut sequence, &mut buffer)
            .unwrap();
        black_box(&buffer[..length]);
        assert_eq!(calls(), before, "building {}", case.name);
    }
}
