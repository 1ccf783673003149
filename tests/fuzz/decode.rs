//! What must hold of any octets that are read as a page, in each of the codings.

use t4::{BitOrder, Coding, Decoded, Encoding, MAX_ROWS, Page, Resolution, decode, encode};

/// The first two octets choose width and bit order, the rest is the page.
pub fn check(coding: Coding, data: &[u8]) {
    let [width, order, octets @ ..] = data else { return };
    let width_pels = match width {
        0..=127 => u16::from(*width) + 1,
        128..=191 => 1728,
        192..=255 => 2432,
    };
    let order = if order & 1 == 0 { BitOrder::LsbFirst } else { BitOrder::MsbFirst };
    let encoding = Encoding::line(coding, order, 0);
    let Ok(decoded) = decode(octets, width_pels, Resolution::Fine, &encoding) else { return };
    let Decoded { page, bad_rows, ended: _ } = &decoded;
    assert!(page.rows() <= MAX_ROWS);
    assert!(bad_rows.is_sorted_by(|a, b| a < b));
    assert!(bad_rows.last().is_none_or(|last| *last < page.rows()));
    let clean = Page::from_bits(width_pels, Resolution::Fine, page.bits().to_vec());
    assert_eq!(clean.as_ref(), Ok(page), "stray bits right of the last pel");
    // Whatever was read is a page that can be sent on.
    let again = decode(&encode(page, &encoding), width_pels, Resolution::Fine, &encoding);
    let again = again.map(|again| (again.page, again.bad_rows));
    assert_eq!(again, Ok((decoded.page, Vec::new())));
}
