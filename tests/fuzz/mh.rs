//! Any octets as a page in MH.
#![no_main]

mod decode;

libfuzzer_sys::fuzz_target!(|data: &[u8]| decode::check(t4::Coding::Mh, data));
