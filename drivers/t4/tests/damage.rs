//! What a noisy line does to a page, one story each: which rows are guesses, and where reading stops.
//!
//! In: codes written out as T.4 and T.6 print them, with one thing wrong.

mod common;

use t4::{
    BitOrder, CodecError, Coding, Decoded, Encoding, MAX_ROWS, MAX_WIDTH_PELS, Resolution, decode,
    encode,
};

const EOL: &str = "000000000001";
/// Rows of 16 pels, one-dimensional.
const WHITE_16: &str = "101010";
const WHITE_8_BLACK_8: &str = "10011000101";
const BLACK_16: &str = "001101010000010111"; // after an empty white run
const SHORT: &str = "11110"; // white 7, then nothing that fits before the next EOL
const V0: &str = "1";

const WHITE: [u8; 2] = [0, 0];
const HALF: [u8; 2] = [0, 0xff];
const BLACK: [u8; 2] = [0xff, 0xff];

fn octets(parts: &[&str]) -> Vec<u8> {
    let digits = parts.concat();
    let octet = |digits: &[u8]| {
        let shifted = digits.iter().zip((0..8).rev()).map(|(digit, up)| (digit - b'0') << up);
        shifted.sum::<u8>()
    };
    digits.as_bytes().chunks(8).map(octet).collect()
}

fn read(coding: Coding, parts: &[&str]) -> Result<Decoded, CodecError> {
    let encoding = Encoding::line(coding, BitOrder::MsbFirst, 0);
    decode(&octets(parts), 16, Resolution::Fine, &encoding)
}

#[track_caller]
fn assert_reads(coding: Coding, parts: &[&str], rows: &[[u8; 2]], bad: &[u32], ended: bool) {
    let Decoded { page, bad_rows, ended: got_end } = read(coding, parts).expect("a page");
    assert_eq!((page.bits(), &bad_rows[..], got_end), (&rows.concat()[..], bad, ended));
}

#[test]
fn mh_row_with_a_spoiled_code_is_a_copy_of_the_row_above() {
    let rtc = EOL.repeat(6);
    let parts = [EOL, WHITE_8_BLACK_8, EOL, SHORT, EOL, BLACK_16, EOL, SHORT, EOL, WHITE_16, &rtc];
    assert_reads(Coding::Mh, &parts, &[HALF, HALF, BLACK, BLACK, WHITE], &[1, 3], true);
}

#[test]
fn mh_first_row_bad_is_white() {
    assert_reads(Coding::Mh, &[EOL, SHORT, EOL, BLACK_16], &[WHITE, BLACK], &[0], false);
}

#[test]
fn mh_row_too_long_is_bad() {
    let long = "10011000100"; // white 8, black 9
    assert_reads(Coding::Mh, &[EOL, long, EOL, BLACK_16], &[WHITE, BLACK], &[0], false);
}

#[test]
fn mh_row_full_before_its_eol_is_bad() {
    let parts = [EOL, BLACK_16, EOL, WHITE_8_BLACK_8, "0111", EOL, WHITE_16];
    assert_reads(Coding::Mh, &parts, &[BLACK, BLACK, WHITE], &[1], false);
}

#[test]
fn mh_lost_eol_costs_the_row_behind_it_too() {
    let parts = [EOL, BLACK_16, EOL, WHITE_16, WHITE_8_BLACK_8, EOL, WHITE_16];
    assert_reads(Coding::Mh, &parts, &[BLACK, BLACK, WHITE], &[1], false);
}

#[test]
fn mh_white_row_that_goes_on_is_bad() {
    let parts = [EOL, WHITE_16, "1000", EOL, BLACK_16, EOL, WHITE_16, "0011"];
    assert_reads(Coding::Mh, &parts, &[WHITE, BLACK, BLACK], &[0, 2], false);
}

#[test]
fn mh_bits_before_the_first_eol_are_no_row() {
    assert_reads(Coding::Mh, &["1011100101", EOL, BLACK_16], &[BLACK], &[], false);
}

#[test]
fn mh_row_cut_off_by_the_end_is_bad() {
    let parts = [EOL, BLACK_16, EOL, "0011"];
    assert_reads(Coding::Mh, &parts, &[BLACK, BLACK], &[1], false);
}

#[test]
fn last_code_cut_by_the_end_is_not_guessed() {
    // White 8, black 5, white 3 is 10011 0011 1000; the last 0 is missing.
    assert_reads(Coding::Mh, &[EOL, "10011", "0011", "100"], &[WHITE], &[0], false);
    // Six white rows; horizontal, white 13, black 3 is 001 000011 10; the last 0 is missing.
    let got = read(Coding::Mmr, &[&V0.repeat(6), "001", "000011", "1"]);
    assert_eq!(got, Err(CodecError::Truncated { row: 6 }));
}

#[test]
fn mh_fill_of_any_length_is_no_row() {
    let fill = "0".repeat(1000);
    let parts = [EOL, BLACK_16, &fill, EOL, WHITE_16, "0000000", EOL, BLACK_16, &fill];
    assert_reads(Coding::Mh, &parts, &[BLACK, WHITE, BLACK], &[], false);
}

#[test]
fn mh_five_eols_are_no_end_but_six_are() {
    let (five, six) = (EOL.repeat(5), EOL.repeat(6));
    assert_reads(Coding::Mh, &[EOL, BLACK_16, &five, WHITE_16], &[BLACK, WHITE], &[], false);
    assert_reads(Coding::Mh, &[EOL, BLACK_16, &five], &[BLACK], &[], false);
    assert_reads(Coding::Mh, &[EOL, BLACK_16, &six, WHITE_16], &[BLACK], &[], true);
}

#[test]
fn mr_rows_below_a_bad_one_are_bad_up_to_the_next_one_dimensional_row() {
    let (one, two) = (format!("{EOL}1"), format!("{EOL}0"));
    let parts =
        [&one, BLACK_16, &one, SHORT, &two, V0, &two, "0001", &one, WHITE_8_BLACK_8, &two, "11"];
    assert_reads(Coding::Mr, &parts, &[BLACK, BLACK, BLACK, BLACK, HALF, HALF], &[1, 2, 3], false);
}

#[test]
fn mr_white_row_below_a_bad_one_is_bad_too() {
    let (one, two) = (format!("{EOL}1"), format!("{EOL}0"));
    let parts = [&one, WHITE_16, &one, SHORT, &two, V0, &two, V0, &one, WHITE_16, &two, V0];
    assert_reads(Coding::Mr, &parts, &[WHITE; 6], &[1, 2, 3], false);
}

#[test]
fn mr_six_tagged_eols_are_the_end() {
    let (one, two) = (format!("{EOL}1"), format!("{EOL}0"));
    let rtc = one.repeat(6);
    let parts = [&one, WHITE_8_BLACK_8, &two, "11", &rtc, &one, BLACK_16];
    assert_reads(Coding::Mr, &parts, &[HALF, HALF], &[], true);
}

#[test]
fn mmr_page_without_eofb_is_read_and_not_ended() {
    assert_reads(Coding::Mmr, &[V0, V0, V0], &[WHITE; 3], &[], false);
    assert_reads(Coding::Mmr, &[V0, V0, V0, EOL, EOL, V0], &[WHITE; 3], &[], true);
}

#[test]
fn mmr_bits_of_no_code_name_row_and_bit() {
    assert_eq!(read(Coding::Mmr, &[V0, V0, "00000011"]), Err(CodecError::Code { row: 2, bit: 2 }));
    let no_run = [V0, "001", "000000001111", V0];
    assert_eq!(read(Coding::Mmr, &no_run), Err(CodecError::Code { row: 1, bit: 4 }));
}

#[test]
fn mmr_code_out_of_the_row_names_row_and_bit() {
    let above = ["001", "1110", "010", V0]; // white 6, black 1, white
    for (codes, bit) in [
        (["1", "1", "011"].concat(), 16),        // VR(1) from the right edge
        (["1", "010"].concat(), 15),             // VL(1) from 7, where a0 is 6
        (["001", "11011", "0111"].concat(), 19), // white 64
        (["001", "1100", "0000010111"].concat(), 28), // white 5, black 16
    ] {
        let got = read(Coding::Mmr, &[&above[..], &[codes.as_str()]].concat());
        assert_eq!(got, Err(CodecError::Outside { row: 1, bit }), "{codes}");
    }
}

#[test]
fn mmr_cut_within_a_row_names_the_row() {
    let page = common::text(1728, 100);
    let encoding = Encoding::line(Coding::Mmr, BitOrder::LsbFirst, 0);
    let octets = encode(&page, &encoding);
    let mut cut_within = 0;
    for length in 0..octets.len() {
        match decode(&octets[..length], 1728, Resolution::Fine, &encoding) {
            Ok(decoded) => {
                assert!(!decoded.ended, "cut at {length}");
                let rows = decoded.page.bits();
                assert!(page.bits().starts_with(rows), "cut at {length}");
            }
            Err(CodecError::Truncated { row }) => {
                assert!(row < page.rows());
                cut_within += 1;
            }
            Err(other) => panic!("cut at {length}: {other}"),
        }
    }
    assert!(cut_within > octets.len() / 2);
}

#[test]
fn mmr_endless_rows_stop_at_the_longest_page() {
    let rows_enough = vec![0xff; MAX_ROWS as usize / 8 + 1];
    let encoding = Encoding::line(Coding::Mmr, BitOrder::MsbFirst, 0);
    let got = decode(&rows_enough, MAX_WIDTH_PELS, Resolution::Fine, &encoding);
    assert_eq!(got, Err(CodecError::TooManyRows));
}

#[test]
fn mh_endless_bad_rows_stop_at_the_longest_page() {
    let parts = [EOL, SHORT].repeat(MAX_ROWS as usize + 1);
    assert_eq!(read(Coding::Mh, &parts), Err(CodecError::TooManyRows));
}

#[test]
fn decode_impossible_width_is_refused() {
    for width_pels in [0, MAX_WIDTH_PELS + 1] {
        for coding in [Coding::Mh, Coding::Mr, Coding::Mmr] {
            let got = decode(&[0xff; 9], width_pels, Resolution::Fine, &Encoding::file(coding));
            assert_eq!(got, Err(CodecError::Width { width_pels }));
        }
    }
}

#[test]
fn mh_one_flipped_bit_spoils_two_rows_at_most() {
    for width_pels in [1728, 2592, MAX_WIDTH_PELS] {
        let page = common::text(width_pels, 30);
        let encoding = Encoding::line(Coding::Mh, BitOrder::LsbFirst, 0);
        let good = encode(&page, &encoding);
        let (mut flips, mut seen_bad) = (0, 0);
        // Every seventh bit falls on each place of an octet; RTC is left alone.
        for bit in (0..good.len() * 8 - 6 * 12 - 8).step_by(7) {
            flips += 1;
            let mut octets = good.clone();
            octets[bit / 8] ^= 1 << (bit % 8);
            let decoded = decode(&octets, width_pels, Resolution::Fine, &encoding).expect("a page");
            assert!(decoded.bad_rows.len() <= 2, "bit {bit}: {:?}", decoded.bad_rows);
            seen_bad += decoded.bad_rows.len();
            // A lost EOL costs a row, one made by the flipped bit makes two of one.
            assert!(decoded.page.rows().abs_diff(page.rows()) <= 1, "bit {bit}");
        }
        assert!(seen_bad > flips / 2, "most flips must be noticed, {seen_bad} of {flips} were");
    }
}
