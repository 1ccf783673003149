//! Pages to MH, MR and MMR.
//!
//! In: a [`Page`] and an [`Encoding`]. Out: the octets of phase C or of a TIFF strip.
//! Source: ITU-T T.4 (07/2003) 4.1 and 4.2, T.6 (11/1988) 2.2.
//! Not here: choosing a coding; which row time or line rate asks for fill.

use alloc::vec::Vec;
use core::mem;

use crate::bits::BitWriter;
use crate::changes::{self, Reference};
use crate::codes::{BLACK, Code, EOL, Mode, WHITE};
use crate::{Coding, Encoding, Page};

/// EOLs of an RTC (T.4 4.1.4) and of an EOFB (T.6 2.4.1.1).
const RTC_EOLS: u32 = 6;
const EOFB_EOLS: u32 = 2;

/// Codes a page. Any page can be coded; the same page and encoding give the same octets always.
///
/// MH and MR begin each row with an EOL, MR with the tag bit after it; the octets end at the end of
/// the last row, or of RTC or EOFB, filled up with 0 bits.
/// Source: T.4 4.1, 4.2; T.6 2.2.
#[must_use]
pub fn encode(page: &Page, encoding: &Encoding) -> Vec<u8> {
    let mut out = BitWriter::with_capacity(page.bits().len() / 8);
    let width_pels = page.width_pels();
    let (mut row, mut reference) = (Vec::new(), Vec::new());
    let mut octets_above: &[u8] = &[];
    for (index, octets) in (0..).zip(page.bits().chunks_exact(page.row_octets().max(1))) {
        mem::swap(&mut row, &mut reference);
        if octets == octets_above {
            row.clone_from(&reference);
        } else {
            changes::find(octets, width_pels, &mut row);
            octets_above = octets;
        }
        match encoding.coding {
            Coding::Mh => {
                out.put(EOL);
                let start = out.position();
                put_row_1d(&mut out, &row, width_pels);
                put_fill(&mut out, start, encoding.min_row_bits);
            }
            Coding::Mr => {
                let one_dimensional = index % page.resolution().k_rows() == 0;
                put_tagged_eol(&mut out, one_dimensional);
                let start = out.position();
                if one_dimensional {
                    put_row_1d(&mut out, &row, width_pels);
                } else {
                    put_row_2d(&mut out, &reference, &row, width_pels);
                }
                put_fill(&mut out, start, encoding.min_row_bits);
            }
            Coding::Mmr => put_row_2d(&mut out, &reference, &row, width_pels),
        }
    }
    if encoding.end {
        put_end(&mut out, encoding.coding);
    }
    out.finish(encoding.order)
}

fn put_tagged_eol(out: &mut BitWriter, one_dimensional: bool) {
    out.put(EOL);
    out.put(Code { bits: u16::from(one_dimensional), len: 1 }); // T.4 4.2.2
}

fn put_end(out: &mut BitWriter, coding: Coding) {
    match coding {
        Coding::Mh => (0..RTC_EOLS).for_each(|_| out.put(EOL)),
        Coding::Mr => (0..RTC_EOLS).for_each(|_| put_tagged_eol(out, true)),
        Coding::Mmr => (0..EOFB_EOLS).for_each(|_| out.put(EOL)),
    }
}

/// Fill between the row and the EOL after it. The row's time counts data, fill and that EOL, without
/// a tag bit: at most one bit more than the receiver needs.
fn put_fill(out: &mut BitWriter, start: u64, min_row_bits: u32) {
    let row_bits = out.position() - start + u64::from(EOL.len);
    let missing = u64::from(min_row_bits).saturating_sub(row_bits);
    out.put_repeated(false, u32::try_from(missing).unwrap_or(0)); // never more than min_row_bits
}

/// T.4 4.1.1: white and black runs in turn, the first white even if it is empty.
fn put_row_1d(out: &mut BitWriter, row: &[u16], width_pels: u16) {
    let mut colours = [&WHITE, &BLACK].into_iter().cycle();
    let mut from = 0;
    for to in row.iter().copied().chain([width_pels]) {
        if let Some(codes) = colours.next() {
            codes.each_code(to - from, |code| out.put(code));
        }
        from = to;
    }
}

/// T.4 4.2.1.3.3: one row against the row above it.
fn put_row_2d(out: &mut BitWriter, reference: &[u16], row: &[u16], width_pels: u16) {
    if reference == row {
        // Each a1 is under its b1, the right edge included: V(0) as often.
        out.put_repeated(true, row.len() as u32 + 1); // a row has fewer than 2^16 changes
        return;
    }
    let mut above = Reference::new(reference, width_pels);
    let mut a0 = -1;
    let mut a1_index = 0;
    while a0 < i32::from(width_pels) {
        let a0_is_black = a1_index % 2 == 1;
        let a1 = changes::get(row, a1_index, width_pels);
        let (b1, b2) = above.b1_b2(a0, a0_is_black);
        if b2 < a1 {
            put_mode(out, Mode::Pass);
            a0 = i32::from(b2);
            continue;
        }
        let right = i8::try_from(i32::from(a1) - i32::from(b1)).ok();
        if let Some(code) = right.and_then(|right| Mode::Vertical(right).code()) {
            out.put(code);
            a0 = i32::from(a1);
            a1_index += 1;
            continue;
        }
        let a2 = changes::get(row, a1_index + 1, width_pels);
        let (first, second) = if a0_is_black { (&BLACK, &WHITE) } else { (&WHITE, &BLACK) };
        put_mode(out, Mode::Horizontal);
        // Before the row a0 is at −1, but its run counts from 0 (T.4 4.2.1.3.4).
        let a0_pel = u16::try_from(a0).unwrap_or(0);
        first.each_code(a1 - a0_pel, |code| out.put(code));
        second.each_code(a2 - a1, |code| out.put(code));
        a0 = i32::from(a2);
        a1_index += 2;
    }
}

fn put_mode(out: &mut BitWriter, mode: Mode) {
    mode.code().into_iter().for_each(|code| out.put(code));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BitOrder, Resolution, WIDTH_A4_PELS};
    use alloc::string::String;
    use alloc::{format, vec};

    /// The octets as digits, for comparing with codes as the Recommendations print them.
    fn digits(octets: &[u8]) -> String {
        octets.iter().map(|octet| format!("{octet:08b}")).collect()
    }

    fn page(width_pels: u16, bits: Vec<u8>) -> Page {
        Page::from_bits(width_pels, Resolution::Fine, bits).unwrap()
    }

    #[test]
    fn mh_white_a4_row_is_eol_make_up_1728_and_white_0() {
        let white = page(WIDTH_A4_PELS, vec![0; 216]);
        let got = encode(&white, &Encoding::file(Coding::Mh));
        assert_eq!(digits(&got), "00000000000101001101100110101000");
    }

    #[test]
    fn mh_row_that_begins_black_begins_with_an_empty_white_run() {
        let got = encode(&page(8, vec![0b1110_0000]), &Encoding::file(Coding::Mh));
        assert_eq!(digits(&got), ["000000000001", "00110101", "10", "1100", "000000"].concat());
    }

    #[test]
    fn mr_rows_take_the_tag_of_their_turn_and_rtc_takes_one() {
        let got = encode(&page(8, vec![0; 5]), &Encoding::line(Coding::Mr, BitOrder::MsbFirst, 0));
        let first = "000000000001110011"; // EOL+1, white 8
        let other = "00000000000101"; // EOL+0, V(0)
        let rtc = "0000000000011".repeat(6);
        let want = [first, other, other, other, first, rtc.as_str()].concat();
        assert_eq!(digits(&got).get(..want.len()), Some(want.as_str()));
        assert_eq!(got.len(), want.len().div_ceil(8));
    }

    #[test]
    fn mr_standard_resolution_has_k_2() {
        let standard = Page::from_bits(8, Resolution::Standard, vec![0; 3]).unwrap();
        let got = encode(&standard, &Encoding::file(Coding::Mr));
        let want = ["000000000001110011", "00000000000101", "000000000001110011"].concat();
        assert_eq!(digits(&got).get(..want.len()), Some(want.as_str()));
    }

    #[test]
    fn mmr_shows_each_mode_once() {
        // Row 1 against white: horizontal 4 white 4 black, V(0). Row 2: VR(2), VL(1), V(0).
        // Row 3: passes row 2's run, V(0).
        let got = encode(
            &page(16, vec![0b0000_1111, 0, 0b0000_0011, 0, 0, 0]),
            &Encoding::file(Coding::Mmr),
        );
        let want = ["001", "1011", "011", "1", "000011", "1", "1", "0001", "1"].concat();
        let eofb = "000000000001000000000001";
        assert_eq!(digits(&got).get(..want.len() + 24), Some([&want, eofb].concat().as_str()));
    }

    #[test]
    fn fill_makes_each_row_as_long_as_asked_and_never_shortens_one() {
        let rows = page(WIDTH_A4_PELS, [vec![0; 216], vec![0b0101_0101; 216]].concat());
        for coding in [Coding::Mh, Coding::Mr] {
            let bits = |min_row_bits| {
                let encoding = Encoding::line(coding, BitOrder::MsbFirst, min_row_bits);
                digits(&encode(&rows, &encoding))
            };
            let eols = |digits: &str| -> Vec<usize> {
                digits.match_indices("000000000001").map(|(at, _)| at).collect()
            };
            let (plain, filled) = (bits(0), bits(288)); // 20 ms at 14 400 bit/s
            let (plain, filled) = (eols(&plain), eols(&filled));
            assert_eq!(plain.len(), filled.len(), "fill must not look like an EOL");
            let tag = usize::from(coding == Coding::Mr);
            assert_eq!(filled[1] - filled[0], 288 + tag, "{coding:?}");
            assert_eq!(filled[2] - filled[1], plain[2] - plain[1], "{coding:?}");
        }
    }

    #[test]
    fn page_without_rows_is_only_its_end() {
        let none = Page::new(WIDTH_A4_PELS, Resolution::Fine);
        let got = encode(&none, &Encoding::line(Coding::Mh, BitOrder::MsbFirst, 0));
        assert_eq!(digits(&got), "000000000001".repeat(6));
        assert!(encode(&none, &Encoding::file(Coding::Mh)).is_empty());
    }
}
