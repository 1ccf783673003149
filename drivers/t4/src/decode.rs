//! MH, MR and MMR to pages, from a file or a line that may have spoiled them.
//!
//! In: coded octets, and what they should hold. Out: a page, and which of its rows are guesses.
//! Source: ITU-T T.4 (07/2003) 4.1 and 4.2, T.6 (11/1988) 2.2 and 2.4.
//! Not here: whether a page with bad rows is good enough.

use alloc::vec::Vec;
use core::mem;

use crate::bits::BitReader;
use crate::changes::{self, Reference};
use crate::codes::{BLACK, EOL_ZEROS, MODE_BITS, Mode, RUN_CODE_BITS, RunCodes, WHITE};
use crate::{CodecError, Coding, Encoding, Page, Resolution};

/// EOLs in a row that are an RTC (T.4 4.1.4).
const RTC_EOLS: u32 = 6;
/// EOFB as the reader sees it (T.6 2.4.1.1).
const EOFB: u32 = 0x00_1001;
const EOFB_BITS: u32 = 24;
/// Its first EOL, if the octets end within the second.
const CUT_EOFB: u32 = 0x00_1000;

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
    let page = Page::new(width_pels, resolution);
    page.check_width()?;
    let mut reading = Reading {
        bits,
        width_pels,
        page,
        row: Vec::new(),
        above: Vec::new(),
        bad_rows: Vec::new(),
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
    /// Changes of the row being read, and of the last one that went into the page.
    row: Vec<u16>,
    above: Vec<u16>,
    bad_rows: Vec<u32>,
}

impl Reading<'_> {
    /// MH and MR. True if RTC was there.
    fn rows_with_eols(&mut self, tagged: bool, most_rows: u32) -> Result<bool, CodecError> {
        let mut above_is_good = true;
        while self.page.rows() < most_rows {
            let read = match self.row_start(tagged) {
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
                self.bad_rows.push(self.page.rows());
                self.page.push_changes(&self.above)?;
            }
        }
        Ok(false)
    }

    /// T.6. True if EOFB was there.
    fn rows_of_mmr(&mut self, most_rows: u32) -> Result<bool, CodecError> {
        while self.page.rows() < most_rows {
            let next = self.bits.peek(EOFB_BITS);
            if next == EOFB {
                return Ok(true);
            }
            // Padding (T.6 2.4.1.2), or an EOFB that was cut.
            let is_short = self.bits.left() < u64::from(EOFB_BITS);
            if is_short && (next == 0 || next == CUT_EOFB) {
                return Ok(false);
            }
            let row = self.page.rows();
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
        self.page.push_changes(&self.row)?;
        mem::swap(&mut self.row, &mut self.above);
        Ok(())
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
        self.row.clear();
        let mut colours = [&WHITE, &BLACK].into_iter().cycle();
        let mut at_pel = 0;
        while at_pel < self.width_pels {
            let codes = colours.next().ok_or(RowFault::Code)?;
            at_pel = self.run(codes, at_pel)?;
        }
        Ok(())
    }

    /// T.4 4.2.1.3, T.6 2.2: one row against the one above.
    fn row_2d(&mut self) -> Result<(), RowFault> {
        self.row.clear();
        let above = mem::take(&mut self.above);
        let read = self.row_2d_below(&mut Reference::new(&above, self.width_pels));
        self.above = above;
        read
    }

    fn row_2d_below(&mut self, above: &mut Reference<'_>) -> Result<(), RowFault> {
        let width = i32::from(self.width_pels);
        let mut a0 = -1;
        let mut a0_is_black = false;
        while a0 < width {
            let (mode, len) = Mode::find(self.bits.peek(MODE_BITS)).ok_or(RowFault::Code)?;
            self.bits.skip(len);
            let (b1, b2) = above.b1_b2(a0, a0_is_black);
            match mode {
                Mode::Pass => a0 = i32::from(b2),
                Mode::Horizontal => {
                    let (first, second) =
                        if a0_is_black { (&BLACK, &WHITE) } else { (&WHITE, &BLACK) };
                    // Before the row a0 is at −1, but its run counts from 0 (T.4 4.2.1.3.4).
                    let a1 = self.run(first, u16::try_from(a0).unwrap_or(0))?;
                    a0 = i32::from(self.run(second, a1)?);
                }
                Mode::Vertical(right) => {
                    let a1 = i32::from(b1) + i32::from(right);
                    if a1 <= a0 || a1 > width {
                        return Err(RowFault::Outside);
                    }
                    self.change(u16::try_from(a1).map_err(|_| RowFault::Outside)?);
                    a0 = a1;
                    a0_is_black = !a0_is_black;
                }
            }
        }
        Ok(())
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
                self.change(to_pel);
                return Ok(to_pel);
            }
        }
    }

    fn change(&mut self, at_pel: u16) {
        if at_pel < self.width_pels {
            changes::add(&mut self.row, at_pel);
        }
    }
}
