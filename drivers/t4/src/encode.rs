//! Pages to MH, MR and MMR.
//!
//! In: a [`Page`] and an [`Encoding`]. Out: the octets of phase C or of a TIFF strip.
//! Source: ITU-T T.4 (07/2003) 4.1 and 4.2, T.6 (11/1988) 2.2.
//! Not here: choosing a coding; which row time or line rate asks for fill.

use alloc::vec::Vec;
use core::mem;

use crate::bits::{BitWriter, MOST_BITS};
use crate::changes::{self, Changes, Reference};
use crate::codes::{
    self, BLACK_WHITE, Code, EOL, HORIZONTAL, PASS, PairCodes, RunCodes, WHITE, WHITE_BLACK,
    WHOLE_RUN_BITS,
};
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
    let mut out = BitWriter::with_room(page.bits().len() / 8);
    let width_pels = page.width_pels();
    let (mut row, mut above) = (Changes::white(width_pels), Changes::white(width_pels));
    let mut octets_above: &[u8] = &[];
    let mut row_start = 0;
    let most_row_octets = most_row_octets(width_pels) + encoding.min_row_bits as usize / 8;
    for (index, octets) in (0..).zip(page.bits().chunks_exact(page.row_octets().max(1))) {
        out.make_room(most_row_octets);
        let is_like_above = octets == octets_above;
        if !is_like_above {
            mem::swap(&mut row, &mut above);
            row.find(octets, width_pels);
            octets_above = octets;
        }
        // The row above may be the same one; then `above` is the row above that.
        let put_2d = |out: &mut BitWriter| {
            if is_like_above {
                put_like_above(out, row.all());
            } else {
                put_row_2d(out, &above, row.all(), width_pels);
            }
        };
        match encoding.coding {
            Coding::Mh if is_like_above => {
                let row_above_start = mem::replace(&mut row_start, out.position());
                out.put_again(row_above_start);
            }
            Coding::Mh => {
                row_start = out.position();
                out.put_code(EOL);
                let start = out.position();
                put_row_1d(&mut out, row.all(), width_pels);
                put_fill(&mut out, start, encoding.min_row_bits);
            }
            Coding::Mr => {
                let one_dimensional = index % page.resolution().k_rows() == 0;
                put_tagged_eol(&mut out, one_dimensional);
                let start = out.position();
                if one_dimensional {
                    put_row_1d(&mut out, row.all(), width_pels);
                } else {
                    put_2d(&mut out);
                }
                put_fill(&mut out, start, encoding.min_row_bits);
            }
            Coding::Mmr => put_2d(&mut out),
        }
    }
    if encoding.end {
        out.make_room(most_row_octets);
        put_end(&mut out, encoding.coding);
    }
    out.finish(encoding.order)
}

/// No code takes more than 7 bits for a pel that it passes, but for the first of the row; and the codes of an
/// RTC are not longer either.
fn most_row_octets(width_pels: u16) -> usize {
    usize::from(width_pels) + 16
}

fn put_tagged_eol(out: &mut BitWriter, one_dimensional: bool) {
    let tag = u64::from(one_dimensional); // T.4 4.2.2
    out.put(u64::from(EOL.bits) << 1 | tag, u32::from(EOL.len) + 1);
}

fn put_end(out: &mut BitWriter, coding: Coding) {
    match coding {
        Coding::Mh => (0..RTC_EOLS).for_each(|_| out.put_code(EOL)),
        Coding::Mr => (0..RTC_EOLS).for_each(|_| put_tagged_eol(out, true)),
        Coding::Mmr => (0..EOFB_EOLS).for_each(|_| out.put_code(EOL)),
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
    let (pairs, last) = row.as_chunks::<2>();
    let mut from = 0;
    for [to_black, to_white] in pairs {
        put_runs(out, NOTHING, &WHITE_BLACK, [to_black - from, to_white - to_black]);
        from = *to_white;
    }
    match last {
        [to_black, ..] => {
            let runs = [to_black - from, width_pels - to_black];
            put_runs(out, NOTHING, &WHITE_BLACK, runs);
        }
        // A last white run, or a white row; none behind black up to the edge.
        [] => put_run(out, &WHITE, width_pels - from),
    }
}

const NOTHING: Code = Code { bits: 0, len: 0 };

/// Two runs behind a code, in one piece.
#[inline(always)]
fn put_runs(out: &mut BitWriter, code: Code, codes: &PairCodes, [first, second]: [u16; 2]) {
    const { assert!(HORIZONTAL.len as u32 + 2 * WHOLE_RUN_BITS <= MOST_BITS) };
    if let Some((bits, len)) = codes.whole(first, second) {
        out.put(u64::from(code.bits) << len | bits, u32::from(code.len) + len);
        return;
    }
    out.put_code(code);
    let [first_codes, second_codes] = codes.one_by_one();
    put_run(out, first_codes, first);
    put_run(out, second_codes, second);
}

#[inline(always)]
fn put_run(out: &mut BitWriter, codes: &RunCodes, run_pels: u16) {
    let (bits, len) = codes.whole(run_pels, |make_up| out.put_code(make_up));
    out.put(bits, len);
}

/// Each a1 is under its b1, the right edge included: V(0) as often.
fn put_like_above(out: &mut BitWriter, row: &[u16]) {
    out.put_repeated(true, row.len() as u32 + 1); // a row has fewer than 2^16 changes
}

/// T.4 4.2.1.3.3: one row against the row above it.
fn put_row_2d(out: &mut BitWriter, above: &Changes, row: &[u16], width_pels: u16) {
    let mut above = Reference::new(above, width_pels);
    let mut a0 = None; // before the row
    let mut a1_index = 0;
    while a0 != Some(width_pels) {
        // Where a1 is under b1, so are often the next ones: V(0) each.
        let rest = row.get(a1_index..).unwrap_or_default();
        let same = rest.iter().zip(above.rest()).take_while(|(a1, b1)| a1 == b1).count();
        if same > 0 {
            out.put_repeated(true, same as u32); // a row has fewer than 2^16 changes
            above.turn_with(same);
            a1_index += same;
            a0 = row.get(a1_index - 1).copied();
        }
        let a1 = changes::get(row, a1_index, width_pels);
        let (b1, b2) = (above.b1(), above.b2());
        if b2 < a1 {
            out.put_code(PASS);
            above.go_to(b2);
            a0 = Some(b2);
            continue;
        }
        if let Some(code) = codes::vertical(i32::from(a1) - i32::from(b1)) {
            out.put_code(code);
            above.turn::<false>(a1, a1 < b1);
            a1_index += 1;
            a0 = Some(a1);
            continue;
        }
        let a2 = changes::get(row, a1_index + 1, width_pels);
        let codes = if a1_index % 2 == 1 { &BLACK_WHITE } else { &WHITE_BLACK };
        // Before the row a0 is at −1, but its run counts from 0 (T.4 4.2.1.3.4).
        let runs = [a1 - a0.unwrap_or(0), a2 - a1];
        put_runs(out, HORIZONTAL, codes, runs);
        above.go_to(a2);
        a1_index += 2;
        a0 = Some(a2);
    }
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
    fn mr_each_resolution_has_its_k() {
        for (resolution, k) in [
            (Resolution::Standard, 2),
            (Resolution::Fine, 4),
            (Resolution::Superfine, 8),
            (Resolution::Inch300, 6),
            (Resolution::R16, 8),
            (Resolution::Inch400, 8),
        ] {
            let white = Page::from_bits(8, resolution, vec![0; k + 1]).unwrap();
            let got = encode(&white, &Encoding::file(Coding::Mr));
            let first = "000000000001110011";
            let want = [first, &"00000000000101".repeat(k - 1), first].concat();
            assert_eq!(digits(&got).get(..want.len()), Some(want.as_str()), "{resolution:?}");
        }
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
