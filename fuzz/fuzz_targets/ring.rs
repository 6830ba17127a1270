//! A flight recorder of any bytes is read without a panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(reading) = vrrp_record::ring::read(bytes) {
        // Whatever was read can be merged with itself and shown.
        let mut twice = reading.history.clone();
        twice.absorb(reading.history);
        let _ = format!("{twice:?}");
    }
});
