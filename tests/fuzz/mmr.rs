//! Any octets as a page in MMR.
#![no_main]

mod decode;

libfuzzer_sys::fuzz_target!(|data: &[u8]| decode::check(t4::Coding::Mmr, data));
