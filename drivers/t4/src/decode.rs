//! MH, MR and MMR to pages, from a file or a line that may have spoiled them.
//!
//! In: coded octets, and what they should hold. Out: a page, and which of its rows are guesses.
//! Source: ITU-T T.4 (07/2003) 4.1 and 4.2, T.6 (11/1988) 2.2 and 2.4.
//! Not here: whether a page with bad rows is good enough.

use alloc::vec::Vec;
use core::mem;

use crate::bits::BitReader;
use crate::changes::{Changes, Reference, Turns, Writer};
use crate::codes::{
    BLACK, BLACK_WHITE, EOL_ZEROS, MODE_BITS, Mode, RUN_CODE_BITS, RunCodes, WHITE, WHITE_BLACK,
};
use crate::{CodecError, Coding, Encoding, MAX_ROWS, Page, Resolution};

/// Rows for which room is made at once: A4 at 7.7 line/mm, and some more. Longer pages make more room.
const USUAL_ROWS: u32 = 2_400;

/// EOLs in a row that are an RTC (T.4 4.1.4).
const RTC_EOLS: u32 = 6;
/// EOFB as the reader sees it (T.6 2.4.1.1).
const EOFB: u32 = 0x00_1001;
const EOFB_BITS: u32 = 24;
/// Its first EOL, if the octets end within the second.
const CUT_EOFB: u32 = 0x00_1000;

/// The next [`MODE_BITS`] bits are at least this if four V(0) come next: worth being taken at once. Measured:
/// fewer slow halftones down.
const CROWD: u32 = 0b111_1000;

/// A page as far as it could be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Decoded {
    /// The page. Each bad row is a copy of the row above it, or white at the top.
    pub page: Page,
    /// Bad rows counted from 0, rising. Always empty for MMR.
    pub bad_rows: Vec<u32>,
    /// RTC or EOFB was there; without it the page may have been longer.
    pub ended: bool,
}

/// Reads a page. Of `encoding` only the coding and the bit order matter.
///
/// A row of MH or MR is bad if no code fits its bits, if it is not exactly `width_pels` long, or if it
/// is two-dimensional and a bad row is above it. After a bad row reading goes on at the next EOL.
/// Source: T.4 4.1, 4.2; T.6 2.2.
///
/// # Errors
/// [`CodecError::Width`], [`CodecError::TooManyRows`]; for MMR, which cannot go on after an error,
/// [`CodecError::Code`], [`CodecError::Outside`], [`CodecError::Truncated`]. Never panics; takes
/// memory for at most [`MAX_ROWS`](crate::MAX_ROWS) rows.
pub fn decode(
    octets: &[u8],
    width_pels: u16,
    resolution: Resolution,
    encoding: &Encoding,
) -> Result<Decoded, CodecError> {
    decode_rows(octets, width_pels, resolution, encoding, u32::MAX)
}

/// [`decode`], but leaves alone what comes after so many rows: a strip of a file says how many it has.
pub(crate) fn decode_rows(
    octets: &[u8],
    width_pels: u16,
    resolution: Resolution,
    encoding: &Encoding,
    most_rows: u32,
) -> Result<Decoded, CodecError> {
    let bits = BitReader::new(octets, encoding.order);
    let mut page = Page::new(width_pels, resolution);
    page.check_width()?;
    page.reserve_rows(most_rows.min(USUAL_ROWS));
    let mut reading = Reading {
        bits,
        width_pels,
        page,
        rows: 0,
        row: Changes::white(width_pels),
        above: Changes::white(width_pels),
        turns: Turns::new(width_pels),
        bad_rows: Vec::new(),
        white_row: white_row(width_pels),
    };
    let ended = match encoding.coding {
        Coding::Mh => reading.rows_with_eols(false, most_rows)?,
        Coding::Mr => reading.rows_with_eols(true, most_rows)?,
        Coding::Mmr => reading.rows_of_mmr(most_rows)?,
    };
    Ok(Decoded { page: reading.page, bad_rows: reading.bad_rows, ended })
}

/// Why a row cannot be read.
enum RowFault {
    /// No code fits the next bits.
    Code,
    /// The last code leads out of the row, or backwards.
    Outside,
}

/// What stands at the beginning of a row of MH or MR.
enum RowStart {
    OneDimensional,
    TwoDimensional,
    /// RTC.
    End,
    /// The octets are used up.
    Nothing,
}

struct Reading<'a> {
    bits: BitReader<'a>,
    width_pels: u16,
    page: Page,
    /// Rows of the page.
    rows: u32,
    /// The row being read, and the last one that went into the page.
    row: Changes,
    above: Changes,
    /// Of the row being read.
    turns: Turns,
    bad_rows: Vec<u32>,
    /// The codes of a white row in one dimension, and how many bits they are.
    white_row: (u64, u32),
}

/// White pels up to the right edge, of any width at most two make-up codes and a terminating one.
fn white_row(width_pels: u16) -> (u64, u32) {
    let (mut first, mut first_len) = (0, 0);
    let (bits, len) = WHITE.whole(width_pels, |make_up| {
        (first, first_len) = (u64::from(make_up.bits), u32::from(make_up.len));
    });
    (first << len | bits, first_len + len)
}

impl Reading<'_> {
    /// MH and MR. True if RTC was there.
    fn rows_with_eols(&mut self, tagged: bool, most_rows: u32) -> Result<bool, CodecError> {
        let mut above_is_good = true;
        while self.rows < most_rows {
            let start = self.row_start(tagged);
            if self.skip_white_row(&start, above_is_good) {
                self.count_row()?;
                self.page.push_white_rows(1);
                above_is_good = true;
                continue;
            }
            let read = match start {
                RowStart::OneDimensional => self.row_1d(),
                RowStart::TwoDimensional if above_is_good => self.row_2d(),
                RowStart::TwoDimensional => Err(RowFault::Code), // nothing to read it against
                RowStart::End => return Ok(true),
                RowStart::Nothing => return Ok(false),
            };
            // After a good row comes an EOL, fill, or the end, where 0 bits are read.
            let at_eol = self.bits.peek(EOL_ZEROS) == 0;
            above_is_good = read.is_ok() && at_eol && !self.bits.overran();
            if above_is_good {
                self.keep_row()?;
            } else {
                self.bad_rows.push(self.rows);
                self.count_row()?;
                self.page.push_last_row();
            }
        }
        Ok(false)
    }

    /// T.6. True if EOFB was there.
    fn rows_of_mmr(&mut self, most_rows: u32) -> Result<bool, CodecError> {
        while self.rows < most_rows {
            let next = self.bits.peek(EOFB_BITS);
            if next == EOFB {
                return Ok(true);
            }
            // Padding (T.6 2.4.1.2), or an EOFB that was cut.
            let is_short = self.bits.left() < u64::from(EOFB_BITS);
            if is_short && (next == 0 || next == CUT_EOFB) {
                return Ok(false);
            }
            // Below a white row each V(0) is a white row.
            if self.above.all().is_empty() {
                let white_rows = self.bits.ones().min(most_rows - self.rows);
                self.bits.skip(white_rows);
                for _ in 0..white_rows {
                    self.count_row()?;
                }
                self.page.push_white_rows(white_rows);
                if white_rows > 0 {
                    continue;
                }
            }
            let row = self.rows;
            let read = self.row_2d();
            let bit = self.bits.position();
            if self.bits.overran() {
                return Err(CodecError::Truncated { row });
            }
            match read {
                Ok(()) => {}
                Err(RowFault::Code) if self.bits.left() < u64::from(RUN_CODE_BITS) => {
                    return Err(CodecError::Truncated { row }); // a code, but not all of it
                }
                Err(RowFault::Code) => return Err(CodecError::Code { row, bit }),
                Err(RowFault::Outside) => return Err(CodecError::Outside { row, bit }),
            }
            self.keep_row()?;
        }
        Ok(false)
    }

    fn keep_row(&mut self) -> Result<(), CodecError> {
        self.count_row()?;
        if self.row.all() == self.above.all() {
            self.page.push_last_row();
        } else {
            self.page.push_turns(&self.turns);
            mem::swap(&mut self.row, &mut self.above);
        }
        Ok(())
    }

    fn count_row(&mut self) -> Result<(), CodecError> {
        if self.rows >= MAX_ROWS {
            return Err(CodecError::TooManyRows);
        }
        self.rows += 1;
        Ok(())
    }

    /// Goes behind a white row that is all there, the most frequent one, at once.
    fn skip_white_row(&mut self, start: &RowStart, above_is_good: bool) -> bool {
        let (bits, len) = match start {
            RowStart::OneDimensional => self.white_row,
            // V(0) below a white row.
            RowStart::TwoDimensional if above_is_good && self.above.all().is_empty() => (1, 1),
            RowStart::TwoDimensional | RowStart::End | RowStart::Nothing => return false,
        };
        let next = self.bits.peek_long(len + EOL_ZEROS);
        let is_white = next == bits << EOL_ZEROS && self.bits.left() >= u64::from(len);
        if is_white {
            self.bits.skip(len);
            self.above.clear();
        }
        is_white
    }

    /// Goes behind the next EOL and its tag bit; what is before it belongs to no good row.
    fn row_start(&mut self, tagged: bool) -> RowStart {
        for _ in 1..RTC_EOLS {
            if !self.skip_eol() {
                return RowStart::Nothing;
            }
            let one_dimensional = !tagged || self.bits.peek(1) == 1;
            self.bits.skip(u32::from(tagged));
            if self.bits.left() == 0 {
                return RowStart::Nothing;
            }
            // No row begins with so many zeros: that is the next EOL of an RTC, or padding.
            if self.bits.peek(EOL_ZEROS) != 0 {
                return if one_dimensional {
                    RowStart::OneDimensional
                } else {
                    RowStart::TwoDimensional
                };
            }
        }
        if self.skip_eol() { RowStart::End } else { RowStart::Nothing }
    }

    /// True if there was an EOL, which is behind us then.
    fn skip_eol(&mut self) -> bool {
        let mut zeros = 0;
        while self.bits.left() > 0 {
            let next = self.bits.peek(32);
            let more = next.leading_zeros(); // 32 if all are
            zeros += more;
            if more == 32 {
                self.bits.skip(32);
                continue;
            }
            self.bits.skip(more + 1);
            if zeros >= EOL_ZEROS {
                return true;
            }
            zeros = 0;
        }
        false
    }

    /// T.4 4.1.1.
    fn row_1d(&mut self) -> Result<(), RowFault> {
        let row = self.row.write(&mut self.turns);
        let mut row = RowReading { bits: self.bits, width_pels: self.width_pels, row };
        let read = row.one_dimensional();
        let used = row.row.used;
        self.bits = row.bits;
        self.row.written(used, self.width_pels);
        read
    }

    /// T.4 4.2.1.3, T.6 2.2: one row against the one above.
    fn row_2d(&mut self) -> Result<(), RowFault> {
        let row = self.row.write(&mut self.turns);
        let mut row = RowReading { bits: self.bits, width_pels: self.width_pels, row };
        let above = Reference::new(&self.above, self.width_pels);
        let read = if repeats(above.count(), self.width_pels) {
            row.two_dimensional::<true>(above)
        } else {
            row.two_dimensional::<false>(above)
        };
        let used = row.row.used;
        self.bits = row.bits;
        self.row.written(used, self.width_pels);
        read
    }
}

/// Whether a row with so many changes is likely to go on as the rows before it did, so that a processor guesses right
/// what comes: the dots of a clustered halftone do, each of some pels. The edges of letters are too few to be learnt, and
/// those of diffused dots follow no pattern. Measured.
fn repeats(changes: usize, width_pels: u16) -> bool {
    let width_pels = usize::from(width_pels);
    (width_pels / 16..width_pels / 3).contains(&changes)
}

/// What changes within a row, apart so that it stays in registers.
struct RowReading<'a, 'b> {
    bits: BitReader<'a>,
    width_pels: u16,
    row: Writer<'b>,
}

impl RowReading<'_, '_> {
    fn one_dimensional(&mut self) -> Result<(), RowFault> {
        let mut at_pel = 0;
        while at_pel < self.width_pels {
            at_pel = match self.pair(at_pel, false) {
                Some(to_pel) => to_pel,
                None => {
                    let to_pel = self.run(&WHITE, at_pel)?;
                    if to_pel < self.width_pels { self.run(&BLACK, to_pel)? } else { to_pel }
                }
            };
        }
        Ok(())
    }

    fn two_dimensional<const REPEATS: bool>(
        &mut self,
        mut above: Reference<'_>,
    ) -> Result<(), RowFault> {
        let width_pels = i32::from(self.width_pels);
        let mut a0 = -1; // before the row
        while a0 != width_pels {
            // In text V(0) comes in crowds: their changes are those above.
            let bits = self.bits.peek(MODE_BITS);
            if bits >= CROWD {
                let ones = self.bits.ones();
                let same = above.rest();
                let same = same.get(..ones as usize).unwrap_or(same);
                if let Some(last) = same.last() {
                    self.row.extend(same);
                    above.turn_with(same.len());
                    self.bits.skip(same.len() as u32); // at most `ones`
                    a0 = (*last).into();
                    continue;
                }
            }
            let (mode, len) = Mode::find(bits).ok_or(RowFault::Code)?;
            self.bits.skip(len);
            match mode {
                Mode::Vertical(right) => {
                    let a1 = i32::from(above.b1()) + i32::from(right);
                    if a1 > width_pels || a1 <= a0 {
                        return Err(RowFault::Outside);
                    }
                    self.row.push(a1 as u16); // 0 to the width
                    above.turn::<REPEATS>(a1 as u16, right < 0);
                    a0 = a1;
                }
                Mode::Horizontal => {
                    let a0_is_black = self.row.is_black();
                    // Before the row a0 is at −1, but its run counts from 0 (T.4 4.2.1.3.4).
                    let from = a0.max(0) as u16;
                    let a2 = match self.pair(from, a0_is_black) {
                        Some(a2) => a2,
                        None => {
                            let (first, second) =
                                if a0_is_black { (&BLACK, &WHITE) } else { (&WHITE, &BLACK) };
                            let a1 = self.run(first, from)?;
                            self.run(second, a1)?
                        }
                    };
                    above.go_to(a2);
                    a0 = a2.into();
                }
                Mode::Pass => {
                    let b2 = above.b2();
                    above.go_to(b2);
                    a0 = b2.into();
                }
            }
        }
        Ok(())
    }

    /// Two short runs at once, and where they end; `None`, and nothing is read, if they are not short or
    /// lead out of the row.
    #[inline]
    fn pair(&mut self, from_pel: u16, black_first: bool) -> Option<u16> {
        let codes = if black_first { &BLACK_WHITE } else { &WHITE_BLACK };
        let (first, second, len) = codes.find(self.bits.peek(RUN_CODE_BITS))?;
        let middle = from_pel + first; // each is below 64, and the row ends far below 2^16
        let to_pel = middle + second;
        if to_pel > self.width_pels {
            return None;
        }
        self.bits.skip(len);
        self.row.push(middle);
        self.row.push(to_pel);
        Some(to_pel)
    }

    /// Reads make-up codes and the terminating code of a run from `from_pel`, and notes where it ends.
    fn run(&mut self, codes: &RunCodes, from_pel: u16) -> Result<u16, RowFault> {
        let mut to_pel = from_pel;
        loop {
            let bits = self.bits.peek(RUN_CODE_BITS);
            let (run_pels, len) = codes.find(bits).ok_or(RowFault::Code)?;
            self.bits.skip(len);
            to_pel = to_pel.saturating_add(run_pels); // MAX_WIDTH_PELS is far below
            if to_pel > self.width_pels {
                return Err(RowFault::Outside);
            }
            if run_pels < 64 {
                self.row.add(to_pel);
                return Ok(to_pel);
            }
        }
    }
}
