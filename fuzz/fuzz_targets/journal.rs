//! A journal of any bytes is read without a panic, whole and in part, and both agree.
#![no_main]

use vrrp_record::history::{Time, Want};
use vrrp_record::journal;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let read = |want: &Want| journal::read([("fuzz", Ok(bytes))], want).history;
    let whole = read(&Want::all());
    let window = (Time(1_700_000_000_000_000_000), Time(1_700_000_010_000_000_000));
    let part = read(&Want::all().within(vec![window]));
    assert!(part.sent.len() <= whole.sent.len());
    assert_eq!(part.events, whole.events);
    assert_eq!(part.damage, whole.damage);
});
