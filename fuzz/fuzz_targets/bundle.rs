//! A bundle of any bytes is read without a panic.
#![no_main]

use vrrp_record::bundle::Bundle;
use vrrp_record::history::Want;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(bundle) = Bundle::read(bytes) {
        let _ = bundle.history(&Want::all());
    }
});
