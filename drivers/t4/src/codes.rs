//! The code tables of T.4 and T.6, written as the Recommendations print them.
//!
//! In: a run and its colour, or bits of the line. Out: the code, or the run.
//! Source: ITU-T T.4 (07/2003) tables 2 (terminating codes), 3a and 3b (make-up codes), 4 (two
//! dimensions), 4.1.2 (EOL); T.6 (11/1988) table 1 has the same codes in two dimensions.
//! Not here: the uncompressed mode of T.4 table 5, which no DIS of ours offers.

/// A code word: `len` bits, right-aligned in `bits`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Code {
    pub bits: u16,
    pub len: u8,
}

/// End of line (T.4 4.1.2): eleven 0 and a 1, which no other codes contain.
pub(crate) const EOL: Code = Code::parse("000000000001");
/// Zeros in front of the 1 of an EOL; more of them are fill (T.4 4.1.3).
pub(crate) const EOL_ZEROS: u32 = 11;

/// The longest run that has a make-up code of its own (T.4 table 3b).
const LONGEST_MAKE_UP_PELS: u16 = 2560;
/// A make-up code and a terminating code.
pub(crate) const WHOLE_RUN_BITS: u32 = RUN_CODE_BITS + 12;
/// Runs from here on begin with make-up codes for 2560 (T.4 4.1.1).
const TWO_MAKE_UPS_PELS: u16 = LONGEST_MAKE_UP_PELS + 64;

/// T.4 table 2, white: runs of 0 to 63 pels.
#[rustfmt::skip]
const WHITE_TERMINATING: [&str; 64] = [
    "00110101", "000111", "0111", "1000", "1011", "1100", "1110", "1111", // 0
    "10011", "10100", "00111", "01000", "001000", "000011", "110100", "110101", // 8
    "101010", "101011", "0100111", "0001100", "0001000", "0010111", "0000011", "0000100", // 16
    "0101000", "0101011", "0010011", "0100100", "0011000", "00000010", "00000011", "00011010", // 24
    "00011011", "00010010", "00010011", "00010100", "00010101", "00010110", "00010111", "00101000", // 32
    "00101001", "00101010", "00101011", "00101100", "00101101", "00000100", "00000101", "00001010", // 40
    "00001011", "01010010", "01010011", "01010100", "01010101", "00100100", "00100101", "01011000", // 48
    "01011001", "01011010", "01011011", "01001010", "01001011", "00110010", "00110011", "00110100", // 56
];

/// T.4 table 2, black: runs of 0 to 63 pels.
#[rustfmt::skip]
const BLACK_TERMINATING: [&str; 64] = [
    "0000110111", "010", "11", "10", "011", "0011", "0010", "00011", // 0
    "000101", "000100", "0000100", "0000101", "0000111", "00000100", "00000111", "000011000", // 8
    "0000010111", "0000011000", "0000001000", "00001100111", "00001101000", "00001101100", "00000110111", "00000101000", // 16
    "00000010111", "00000011000", "000011001010", "000011001011", "000011001100", "000011001101", "000001101000", "000001101001", // 24
    "000001101010", "000001101011", "000011010010", "000011010011", "000011010100", "000011010101", "000011010110", "000011010111", // 32
    "000001101100", "000001101101", "000011011010", "000011011011", "000001010100", "000001010101", "000001010110", "000001010111", // 40
    "000001100100", "000001100101", "000001010010", "000001010011", "000000100100", "000000110111", "000000111000", "000000100111", // 48
    "000000101000", "000001011000", "000001011001", "000000101011", "000000101100", "000001011010", "000001100110", "000001100111", // 56
];

/// T.4 table 3a, white: runs of 64, 128 … 1728 pels.
#[rustfmt::skip]
const WHITE_MAKE_UP: [&str; 27] = [
    "11011", "10010", "010111", "0110111", "00110110", "00110111", "01100100", "01100101", // 64
    "01101000", "01100111", "011001100", "011001101", "011010010", "011010011", "011010100", "011010101", // 576
    "011010110", "011010111", "011011000", "011011001", "011011010", "011011011", "010011000", "010011001", // 1088
    "010011010", "011000", "010011011", // 1600
];

/// T.4 table 3a, black: runs of 64, 128 … 1728 pels.
#[rustfmt::skip]
const BLACK_MAKE_UP: [&str; 27] = [
    "0000001111", "000011001000", "000011001001", "000001011011", "000000110011", "000000110100", "000000110101", "0000001101100", // 64
    "0000001101101", "0000001001010", "0000001001011", "0000001001100", "0000001001101", "0000001110010", "0000001110011", "0000001110100", // 576
    "0000001110101", "0000001110110", "0000001110111", "0000001010010", "0000001010011", "0000001010100", "0000001010101", "0000001011010", // 1088
    "0000001011011", "0000001100100", "0000001100101", // 1600
];

/// T.4 table 3b, both colours: runs of 1792, 1856 … 2560 pels.
#[rustfmt::skip]
const LONG_MAKE_UP: [&str; 13] = [
    "00000001000", "00000001100", "00000001101", "000000010010", "000000010011", "000000010100", "000000010101", // 1792
    "000000010110", "000000010111", "000000011100", "000000011101", "000000011110", "000000011111", // 2240
];

/// The codes of white runs.
pub(crate) static WHITE: RunCodes = RunCodes::new(&WHITE_TERMINATING, &WHITE_MAKE_UP);
/// The codes of black runs.
pub(crate) static BLACK: RunCodes = RunCodes::new(&BLACK_TERMINATING, &BLACK_MAKE_UP);

/// Bits that are enough to tell any run code: the longest black one.
pub(crate) const RUN_CODE_BITS: u32 = 13;

/// The codes of one colour, both ways.
pub(crate) struct RunCodes {
    terminating: [Code; 64],
    /// For 64, 128 … 2560 pels.
    make_up: [Code; 40],
    /// By the run: its make-up code if it has one and its terminating code, times 32, plus their length.
    whole: [u32; TWO_MAKE_UPS_PELS as usize],
    /// By the next 13 bits: the run times 16 plus the length of its code, or 0 if there is none.
    by_bits: [u16; 1 << RUN_CODE_BITS],
}

/// A run of each colour at once, of those whose two codes take [`RUN_CODE_BITS`] at most: nearly all
/// in a halftone, most in text.
pub(crate) static WHITE_BLACK: PairCodes = PairCodes::new(&WHITE, &BLACK);
/// The same, black first.
pub(crate) static BLACK_WHITE: PairCodes = PairCodes::new(&BLACK, &WHITE);

/// Pairs of runs, both ways.
pub(crate) struct PairCodes {
    first: &'static RunCodes,
    second: &'static RunCodes,
    /// By the next 13 bits: the runs times 1024 and times 16, plus the length of both codes; 0 if the bits
    /// are no such pair.
    by_bits: [u16; 1 << RUN_CODE_BITS],
}

impl PairCodes {
    #[expect(clippy::indexing_slicing, reason = "runs in the compiler only, which checks it")]
    const fn new(first: &'static RunCodes, second: &'static RunCodes) -> Self {
        let mut by_bits = [0; 1 << RUN_CODE_BITS];
        let mut bits = 0;
        while bits < 1 << RUN_CODE_BITS {
            let (run, len) = (first.by_bits[bits] >> 4, first.by_bits[bits] & 15);
            let rest = (bits << len) & ((1 << RUN_CODE_BITS) - 1);
            let (second_run, second_len) = (second.by_bits[rest] >> 4, second.by_bits[rest] & 15);
            let terminate = 0 < run && run < 64 && 0 < second_run && second_run < 64;
            // Bits that are not there were taken for 0; a code that needs them is longer than what is left.
            if terminate && len + second_len <= RUN_CODE_BITS as u16 {
                by_bits[bits] = run << 10 | second_run << 4 | (len + second_len);
            }
            bits += 1;
        }
        Self { first, second, by_bits }
    }

    /// The codes of two runs in one piece: bits, and how many, at most twice [`WHOLE_RUN_BITS`]. `None` if
    /// one of them is too long for that.
    #[inline]
    pub(crate) fn whole(&self, first_pels: u16, second_pels: u16) -> Option<(u64, u32)> {
        if first_pels.max(second_pels) > LONGEST_MAKE_UP_PELS {
            return None;
        }
        let (first_bits, first_len) = self.first.whole(first_pels, |_| {});
        let (second_bits, second_len) = self.second.whole(second_pels, |_| {});
        Some((first_bits << second_len | second_bits, first_len + second_len))
    }

    /// The codes of the first and of the second run, for runs of any length.
    pub(crate) fn one_by_one(&self) -> [&'static RunCodes; 2] {
        [self.first, self.second]
    }

    /// Two runs, neither of them empty, and the length of their codes.
    #[inline]
    pub(crate) fn find(&self, bits: u32) -> Option<(u16, u16, u32)> {
        let entry = self.by_bits.get(bits as usize).copied().filter(|entry| *entry != 0)?;
        Some((entry >> 10, entry >> 4 & 63, u32::from(entry & 15)))
    }
}

impl RunCodes {
    #[expect(clippy::indexing_slicing, reason = "runs in the compiler only, which checks it")]
    const fn new(terminating: &[&str; 64], make_up: &[&str; 27]) -> Self {
        const NONE: Code = Code { bits: 0, len: 0 };
        let mut codes = Self {
            terminating: [NONE; 64],
            make_up: [NONE; 40],
            whole: [0; TWO_MAKE_UPS_PELS as usize],
            by_bits: [0; 1 << RUN_CODE_BITS],
        };
        let mut index = 0;
        while index < 64 {
            codes.terminating[index] = Code::parse(terminating[index]);
            codes.enter(codes.terminating[index], index as u16);
            index += 1;
        }
        index = 0;
        while index < 40 {
            codes.make_up[index] =
                Code::parse(if index < 27 { make_up[index] } else { LONG_MAKE_UP[index - 27] });
            codes.enter(codes.make_up[index], (index as u16 + 1) * 64);
            index += 1;
        }
        index = 0;
        while index < codes.whole.len() {
            let end = codes.terminating[index % 64];
            let make_up = if index < 64 { NONE } else { codes.make_up[index / 64 - 1] };
            let bits = (make_up.bits as u32) << end.len | end.bits as u32;
            codes.whole[index] = bits << 5 | (make_up.len + end.len) as u32;
            index += 1;
        }
        codes
    }

    #[expect(clippy::indexing_slicing, reason = "runs in the compiler only, which checks it")]
    const fn enter(&mut self, code: Code, run_pels: u16) {
        let free_bits = RUN_CODE_BITS - code.len as u32;
        let first = (code.bits as usize) << free_bits;
        let mut index = first;
        while index < first + (1 << free_bits) {
            self.by_bits[index] = run_pels << 4 | code.len as u16;
            index += 1;
        }
    }

    /// The codes of a run in one: bits, and how many, at most [`WHOLE_RUN_BITS`]. Of a run that begins with
    /// make-up codes for 2560 pels, those go out by `put` before (T.4 4.1.1).
    #[inline]
    pub(crate) fn whole(&self, mut run_pels: u16, mut put: impl FnMut(Code)) -> (u64, u32) {
        while run_pels >= TWO_MAKE_UPS_PELS {
            self.make_up.last().copied().into_iter().for_each(&mut put);
            run_pels -= LONGEST_MAKE_UP_PELS;
        }
        let entry = self.whole.get(usize::from(run_pels)).copied().unwrap_or(0);
        (u64::from(entry >> 5), entry & 31)
    }

    /// The run and the length of the code that the next [`RUN_CODE_BITS`] bits begin with.
    pub(crate) fn find(&self, bits: u32) -> Option<(u16, u32)> {
        let entry = self.by_bits.get(bits as usize).copied().filter(|entry| *entry != 0)?;
        Some((entry >> 4, u32::from(entry & 15)))
    }
}

/// A coding mode in two dimensions (T.4 4.2.1.3.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    Pass,
    Horizontal,
    /// a1 lies so many pels right of b1: −3 to 3.
    Vertical(i8),
}

/// Bits that are enough to tell any mode: VR(3), VL(3).
pub(crate) const MODE_BITS: u32 = 7;

pub(crate) const PASS: Code = Code::parse("0001");
pub(crate) const HORIZONTAL: Code = Code::parse("001");
/// a1 3 pels left of b1, to 3 pels right.
const VERTICAL: [Code; 7] = [
    Code::parse("0000010"), // VL(3)
    Code::parse("000010"),  // VL(2)
    Code::parse("010"),     // VL(1)
    Code::parse("1"),       // V(0)
    Code::parse("011"),     // VR(1)
    Code::parse("000011"),  // VR(2)
    Code::parse("0000011"), // VR(3)
];

/// The code for a1 so many pels right of b1; `None` if that is too far for one.
#[inline]
pub(crate) fn vertical(right: i32) -> Option<Code> {
    VERTICAL.get((right + 3) as usize).copied() // a negative index is a great one
}

/// By the next 7 bits: the length of the code, from 0 bits up, so that it can be shifted by as it stands,
/// and the mode; 0 if there is none.
static MODES: [u16; 1 << MODE_BITS] = modes();

/// The modes as [`MODES`] has them; below are the vertical ones, VL(3) first.
const PASS_ENTRY: u16 = VERTICAL.len() as u16;
const HORIZONTAL_ENTRY: u16 = PASS_ENTRY + 1;

#[expect(clippy::indexing_slicing, reason = "runs in the compiler only, which checks it")]
const fn modes() -> [u16; 1 << MODE_BITS] {
    let mut modes = [0; 1 << MODE_BITS];
    let mut index = 0;
    while index < VERTICAL.len() {
        enter_mode(&mut modes, VERTICAL[index], index as u16);
        index += 1;
    }
    enter_mode(&mut modes, PASS, PASS_ENTRY);
    enter_mode(&mut modes, HORIZONTAL, HORIZONTAL_ENTRY);
    modes // what is left are extensions (T.4 table 4), EOL, and what no mode begins with
}

#[expect(clippy::indexing_slicing, reason = "runs in the compiler only, which checks it")]
const fn enter_mode(modes: &mut [u16; 1 << MODE_BITS], code: Code, mode: u16) {
    let free_bits = MODE_BITS - code.len as u32;
    let mut index = (code.bits as usize) << free_bits;
    let end = index + (1 << free_bits);
    while index < end {
        modes[index] = mode << 6 | code.len as u16;
        index += 1;
    }
}

impl Mode {
    /// The mode and the length of the code that the next [`MODE_BITS`] bits begin with.
    #[inline]
    pub(crate) fn find(bits: u32) -> Option<(Self, u32)> {
        let entry = MODES.get(bits as usize).copied().filter(|entry| *entry != 0)?;
        let mode = match entry >> 6 {
            PASS_ENTRY => Self::Pass,
            HORIZONTAL_ENTRY => Self::Horizontal,
            vertical => Self::Vertical(vertical as i8 - 3),
        };
        Some((mode, u32::from(entry & 63)))
    }
}

impl Code {
    /// Reads a code as the tables print it; the compiler is the only caller.
    #[expect(clippy::indexing_slicing, reason = "runs in the compiler only, which checks it")]
    const fn parse(digits: &str) -> Self {
        let digits = digits.as_bytes();
        let mut bits = 0;
        let mut index = 0;
        while index < digits.len() {
            assert!(digits[index] == b'0' || digits[index] == b'1');
            bits = bits << 1 | (digits[index] - b'0') as u16;
            index += 1;
        }
        Self { bits, len: digits.len() as u8 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// Bits as they are peeked at: the code on the left, the rest as given.
    fn peeked(code: Code, window_bits: u32, rest: u32) -> u32 {
        let free_bits = window_bits - u32::from(code.len);
        (u32::from(code.bits) << free_bits) | (rest & ((1 << free_bits) - 1))
    }

    #[test]
    fn every_run_is_found_by_its_codes_whatever_follows() {
        for codes in [&WHITE, &BLACK] {
            for run_pels in 0..=2 * LONGEST_MAKE_UP_PELS {
                let mut found = 0;
                let mut put = |code: Code| {
                    assert_eq!(code, *codes.make_up.last().unwrap());
                    found += LONGEST_MAKE_UP_PELS;
                };
                let (bits, len) = codes.whole(run_pels, &mut put);
                assert!((1..=WHOLE_RUN_BITS).contains(&len));
                for rest in [0, u64::MAX] {
                    // The codes at the left of 26 bits and more.
                    let free_bits = 40 - len;
                    let window = bits << free_bits | (rest & ((1 << free_bits) - 1));
                    let peeked = |passed: u32| (window >> (40 - RUN_CODE_BITS - passed)) & 0x1fff;
                    let (mut run, mut passed) = codes.find(peeked(0) as u32).unwrap();
                    if run >= 64 {
                        let (more, more_len) = codes.find(peeked(passed) as u32).unwrap();
                        (run, passed) = (run + more, passed + more_len);
                    }
                    assert_eq!((run + found, passed), (run_pels, len));
                }
            }
        }
    }

    #[test]
    fn pairs_are_what_one_run_after_the_other_is() {
        let mut pairs = 0;
        for (both, first, second) in
            [(&WHITE_BLACK, &WHITE, &BLACK), (&BLACK_WHITE, &BLACK, &WHITE)]
        {
            for bits in 0..1 << RUN_CODE_BITS {
                let Some((run, second_run, len)) = both.find(bits) else { continue };
                let (want, first_len) = first.find(bits).unwrap();
                let rest = (bits << first_len) & 0x1fff;
                let (second_want, second_len) = second.find(rest).unwrap();
                assert_eq!((run, second_run, len), (want, second_want, first_len + second_len));
                assert!(run > 0 && second_run > 0 && len <= RUN_CODE_BITS);
                pairs += 1;
            }
        }
        assert!(pairs > 10_000, "of 16384 most bits are a pair: {pairs}");
    }

    #[test]
    fn no_run_code_is_entered_over_another() {
        for codes in [&WHITE, &BLACK] {
            let mut all: Vec<Code> = codes.terminating.to_vec();
            all.extend(codes.make_up);
            let places: usize =
                all.iter().map(|code| 1 << (RUN_CODE_BITS - u32::from(code.len))).sum();
            let filled = codes.by_bits.iter().filter(|entry| **entry != 0).count();
            assert_eq!(filled, places);
        }
    }

    #[test]
    fn no_code_begins_like_an_eol() {
        assert_eq!((WHITE.find(0b11), BLACK.find(0b11), Mode::find(0)), (None, None, None));
    }

    #[test]
    fn every_mode_is_found_by_its_code_whatever_follows() {
        let modes = (-3..=3).map(|right: i8| (Mode::Vertical(right), vertical(right.into())));
        for (mode, code) in
            modes.chain([(Mode::Pass, Some(PASS)), (Mode::Horizontal, Some(HORIZONTAL))])
        {
            let code = code.unwrap();
            for rest in [0, u32::MAX] {
                let found = Mode::find(peeked(code, MODE_BITS, rest));
                assert_eq!(found, Some((mode, u32::from(code.len))));
            }
        }
        assert_eq!((vertical(4), vertical(-4), vertical(i32::MIN)), (None, None, None));
    }
}
