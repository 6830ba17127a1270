//! The vendored receive vectors, against the crate and against its encoder.
#![expect(
    clippy::unwrap_used,
    reason = "a failure in a test's helper is a failed test"
)]

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::path::Path;

use vrrp_proto::wire::{
    Accepted, AhSequence, Auth, ChecksumForm, Datagram, Envelope, ReceiveConfig, SendConfig,
};
use vrrp_tests::vectors::{Vector, run};

fn path(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("vectors")
        .join(name)
}

#[test]
fn all_466_vectors_pass() {
    let summary = run(&path("vrrp-vectors.jsonl")).unwrap();
    assert!(summary.is_success(), "{summary}");
    assert_eq!(summary.to_string(), "466 passed, 0 failed");
}

/// Settings of a sender whose adverts look like this one.
fn sender(config: &ReceiveConfig, accepted: &Accepted<'_>) -> SendConfig {
    SendConfig {
        vrid: config.vrid,
        interval: accepted.advert.interval(),
        addresses: vrrp_proto::addr::AddressList::new(
            accepted.advert.addresses().family(),
            accepted.advert.addresses().iter(),
        )
        .unwrap(),
        auth: config.auth,
        checksum: accepted.checksum_form.unwrap_or(ChecksumForm::Message),
    }
}

/// P-01, P-12 to P-14, P-20, P-24, P-26, U-05, U-06: what keepalived 2.2.7 sent, byte by byte from the IP header on, out
/// of nothing but the settings. Flow labels and the kernel's own IPv6 unicast hop limit are copied.
#[test]
fn packets_captured_from_keepalived_are_built_again_byte_by_byte() {
    let text = std::fs::read_to_string(path("vrrp-vectors.jsonl")).unwrap();
    let vectors = text
        .lines()
        .map(|line| serde_json::from_str::<Vector>(line).unwrap());
    let mut compared = 0;
    for vector in vectors.filter(|vector| vector.name.starts_with("ka-")) {
        let bytes = vector.bytes().unwrap();
        let datagram = Datagram::parse(vector.family().unwrap(), &bytes).unwrap();
        let config = vector.ctx.receive_config(vector.family().unwrap()).unwrap();
        let accepted = config
            .receive(&datagram, &mut vector.ctx.sequence())
            .unwrap();
        let send = sender(&config, &accepted);
        let advert = send
            .advert(accepted.advert.version(), false, accepted.advert.priority())
            .unwrap();
        let sequence = datagram
            .sequence
            .and_then(|id| NonZeroU16::new(u16::try_from(id & 0xffff).unwrap()));
        let envelope = Envelope {
            source: datagram.source,
            destination: datagram.destination,
            ttl: datagram.ttl,
            sequence: sequence.unwrap_or(NonZeroU16::MIN),
        };
        let mut buffer = [0; vrrp_proto::wire::MAX_PACKET];
        let mut ah = AhSequence::resumed(accepted.ah.map_or(0, |fields| fields.sequence - 1));
        let length = send
            .encode_packet(&advert, &envelope, &mut ah, &mut buffer)
            .unwrap();
        // An IPv6 flow label is the sender's own affair.
        if matches!(datagram.source, IpAddr::V6(_)) {
            buffer[1..4].copy_from_slice(&bytes[1..4]);
        }
        assert_eq!(buffer[..length], bytes, "{}", vector.name);
        assert_eq!(
            ah.last(),
            accepted.ah.map_or(0, |fields| fields.sequence),
            "{}",
            vector.name
        );
        assert!(accepted.ah.is_some() == matches!(config.auth, Auth::Ah { .. }));
        compared += 1;
    }
    assert!(
        compared >= 20,
        "only {compared} captured packets were compared"
    );
}
