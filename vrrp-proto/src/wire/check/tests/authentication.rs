//! The Authentication Header: its two forms, what it covers, and its sequence number.

use super::*;

fn sealed(icv: IcvForm) -> (ReceiveConfig, Sent) {
    let mut config = config(Version::V2, &["198.51.100.1"]);
    config.auth = Auth::Ah {
        key: Password::truncated(b"k3y"),
        icv,
    };
    let sent = Sent::to(&config);
    (config, sent)
}

/// U-05, U-06: each form verifies as itself and not as the other.
#[test]
fn icv_forms_are_told_apart() {
    for (sent_as, read_as) in [
        (IcvForm::TtlKept, IcvForm::TtlKept),
        (IcvForm::TtlZeroed, IcvForm::TtlZeroed),
        (IcvForm::TtlKept, IcvForm::TtlZeroed),
        (IcvForm::TtlZeroed, IcvForm::TtlKept),
    ] {
        let packet = sealed(sent_as).1.packet(9);
        let outcome =
            receive(&sealed(read_as).0, &packet).map(|accepted| accepted.ah.unwrap().sequence);
        assert_eq!(
            outcome,
            if sent_as == read_as {
                Ok(9)
            } else {
                Err(Discard::AuthFailed)
            }
        );
    }
}

/// U-05: the value covers the packet bytes that do not change on the way, and no others.
#[test]
fn icv_covers_what_does_not_change_on_the_way() {
    let (config, sent) = sealed(IcvForm::TtlKept);
    let packet = sent.packet(3);
    let mut other_tos = packet.clone();
    other_tos[1] = 0;
    fix_header(&mut other_tos);
    assert!(receive(&config, &other_tos).is_ok());
    let mut other_id = packet.clone();
    other_id[5] ^= 1;
    fix_header(&mut other_id);
    assert_eq!(
        receive(&config, &other_id).unwrap_err(),
        Discard::AuthFailed
    );
    for position in 20..44 {
        let mut changed = packet.clone();
        changed[position] ^= 1;
        let discard = receive(&config, &changed).unwrap_err();
        let expected = match position {
            20 => Discard::NotVrrp,
            21 => Discard::AhHeader,
            _ => Discard::AuthFailed,
        };
        assert_eq!(discard, expected, "byte {position}");
    }
}

fn fix_header(packet: &mut [u8]) {
    packet[10..12].fill(0);
    let sum = Sum::default().bytes(&packet[..20]).checksum().to_be_bytes();
    packet[10..12].copy_from_slice(&sum);
}

/// an advert with a valid header and a fresh number that fails a later check must not burn the number.
#[test]
fn a_discard_after_the_icv_leaves_the_sequence_alone() {
    let (config, mut sent) = sealed(IcvForm::TtlKept);
    let mut sequence = AhSequence::resumed(10);
    let mut judge = |packet: &[u8]| {
        let datagram = Datagram::parse(Family::V4, packet).unwrap();
        let outcome = config.receive(&datagram, &mut sequence).map(|_| ());
        (outcome, sequence.last())
    };
    sent.send.interval = AdvertInterval::from_seconds(9).unwrap();
    assert_eq!(
        judge(&sent.packet(4000)),
        (Err(Discard::IntervalMismatch), 10)
    );
    sent.send.interval = AdvertInterval::DEFAULT;
    sent.send.addresses = addresses(&["198.51.100.200"]);
    assert_eq!(judge(&sent.packet(4000)), (Err(Discard::AddrList), 10));
    sent.send.addresses = config.addresses.clone();
    assert_eq!(judge(&sent.packet(10)), (Err(Discard::AuthReplay), 10));
    assert_eq!(judge(&sent.packet(11)), (Ok(()), 11));
}

/// U-08: takeover and return. The new Active goes on above the old one's number, and the old one, restarted from zero,
/// takes the number over from the first advert it hears.
#[test]
fn ah_sequence_survives_takeover_and_restart() {
    let (config, sent) = sealed(IcvForm::TtlKept);
    let deliver = |from: &mut AhSequence, to: &mut AhSequence| {
        let number = from.advance().unwrap();
        let packet = sent.packet(number);
        let datagram = Datagram::parse(Family::V4, &packet).unwrap();
        config.receive(&datagram, to).map(|_| ())
    };
    let (mut a, mut b) = (AhSequence::resumed(499), AhSequence::default());
    assert_eq!(deliver(&mut a, &mut b), Ok(()));
    assert_eq!(b.last(), 500);
    assert_eq!(deliver(&mut b, &mut a), Ok(()), "takeover");
    let mut restarted = AhSequence::default();
    assert_eq!(
        deliver(&mut restarted, &mut b),
        Err(Discard::AuthReplay),
        "nothing heard yet"
    );
    assert_eq!(deliver(&mut b, &mut restarted), Ok(()));
    assert_eq!(deliver(&mut restarted, &mut b), Ok(()), "way back in");
}

/// U-08: two Actives that send at the same moment use the same number and refuse each other's advert as replayed, every
/// time. Whoever was refused leaves numbers out, differently many on both sides, and is heard again.
#[test]
fn actives_that_send_at_the_same_moment_hear_each_other_again() {
    let (config, sent) = sealed(IcvForm::TtlKept);
    let at_once = |a: &mut AhSequence, b: &mut AhSequence| {
        let numbers = [a.advance().unwrap(), b.advance().unwrap()];
        let hear = |number: u32, by: &mut AhSequence| {
            let packet = sent.packet(number);
            let datagram = Datagram::parse(Family::V4, &packet).unwrap();
            config.receive(&datagram, by).map(|_| ())
        };
        [hear(numbers[1], a), hear(numbers[0], b)]
    };
    let (mut a, mut b) = (AhSequence::resumed(500), AhSequence::resumed(500));
    for _ in 0..3 {
        let refused = [Err(Discard::AuthReplay); 2];
        assert_eq!(at_once(&mut a, &mut b), refused, "and so on for ever");
    }
    a.leave_out(2);
    b.leave_out(1);
    assert_eq!(at_once(&mut a, &mut b), [Err(Discard::AuthReplay), Ok(())]);
    let answer = sent.packet(b.advance().unwrap());
    let datagram = Datagram::parse(Family::V4, &answer).unwrap();
    assert!(config.receive(&datagram, &mut a).is_ok());

    let mut end = AhSequence::resumed(u32::MAX - 1);
    end.leave_out(2);
    assert_eq!(end.last(), u32::MAX - 1);
}
