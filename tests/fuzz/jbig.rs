//! Any octets as a page of T.85.
#![no_main]

use t4::jbig::{self, JbigSettings};
use t4::{MAX_ROWS, Page, Resolution};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(page) = jbig::decode(data, Resolution::Fine) else { return };
    assert!((1..=MAX_ROWS).contains(&page.rows()));
    let clean = Page::from_bits(page.width_pels(), Resolution::Fine, page.bits().to_vec());
    assert_eq!(clean.as_ref(), Ok(&page), "stray bits right of the last pel");
    // Whatever was read is a page that can be sent on; a great one would only be slow.
    if page.bits().len() < 1 << 16 {
        let again = jbig::encode(&page, &JbigSettings::basic());
        assert_eq!(jbig::decode(&again, Resolution::Fine), Ok(page));
    }
});
