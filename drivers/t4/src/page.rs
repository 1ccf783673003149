//! A page of pels in memory, row by row, one bit a pel.
//!
//! In: rows from a renderer or a decoder. Out: rows for an encoder, a file or a picture.
//! Source: ITU-T T.4 (07/2003) 2.1 and 2.2 (widths, resolutions), 4.2.1.1 (K).
//! Not here: any coding; pels that are not black or white.

use alloc::vec::Vec;
use core::fmt;

use crate::{CodecError, changes};

/// Pels on a scan line of 215 mm at R8 (T.4 2.2).
pub const WIDTH_A4_PELS: u16 = 1728;
/// Widest row: A3 at R16, twice the 2432 pels of R8 (T.4 2.2).
pub const MAX_WIDTH_PELS: u16 = 4864;
/// Longest page in rows. Chosen: 1.3 m of paper at 7.7 line/mm, and at most 6 MB from hostile octets.
pub const MAX_ROWS: u32 = 10_000;

/// How close scan lines lie (T.4 2.2): R8 × 3.85 or R8 × 7.7 line/mm.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Resolution {
    /// 204 × 98 dpi, 3.85 line/mm.
    Standard,
    /// 204 × 196 dpi, 7.7 line/mm.
    Fine,
}

impl Resolution {
    /// The K of MR: of so many rows the first is coded in one dimension (T.4 4.2.1.1).
    #[must_use]
    pub fn k_rows(self) -> u32 {
        match self {
            Self::Standard => 2,
            Self::Fine => 4,
        }
    }
}

/// One page of pels: 1 is black, bit 7 of an octet is the left pel, each row begins on an octet.
///
/// Bits right of the last pel are always 0, so two pages are equal when their pels are. A page of a
/// width that no page has (0, or more than [`MAX_WIDTH_PELS`]) refuses every row.
#[derive(Clone, Eq, PartialEq)]
pub struct Page {
    width_pels: u16,
    resolution: Resolution,
    bits: Vec<u8>,
}

impl Page {
    /// A page without rows.
    #[must_use]
    pub fn new(width_pels: u16, resolution: Resolution) -> Self {
        Self { width_pels, resolution, bits: Vec::new() }
    }

    /// Takes a whole bitmap; bits right of the last pel of a row are cleared.
    ///
    /// # Errors
    /// [`CodecError::Width`], [`CodecError::RowOctets`] if the last row is not whole,
    /// [`CodecError::TooManyRows`].
    pub fn from_bits(
        width_pels: u16,
        resolution: Resolution,
        bits: Vec<u8>,
    ) -> Result<Self, CodecError> {
        let mut page = Self { width_pels, resolution, bits };
        page.check_width()?;
        let (octets, row_octets) = (page.bits.len(), page.row_octets());
        if !octets.is_multiple_of(row_octets) {
            return Err(CodecError::RowOctets { octets, row_octets });
        }
        if page.rows() > MAX_ROWS {
            return Err(CodecError::TooManyRows);
        }
        let last_pels = last_octet_mask(width_pels);
        for row in page.bits.chunks_exact_mut(row_octets) {
            if let Some(octet) = row.last_mut() {
                *octet &= last_pels;
            }
        }
        Ok(page)
    }

    /// Pels in a row.
    #[must_use]
    pub fn width_pels(&self) -> u16 {
        self.width_pels
    }

    /// How close the rows lie.
    #[must_use]
    pub fn resolution(&self) -> Resolution {
        self.resolution
    }

    /// Octets in a row.
    #[must_use]
    pub fn row_octets(&self) -> usize {
        usize::from(self.width_pels.div_ceil(8))
    }

    /// Number of rows, at most [`MAX_ROWS`].
    #[must_use]
    pub fn rows(&self) -> u32 {
        let rows = self.bits.len().checked_div(self.row_octets()).unwrap_or(0);
        u32::try_from(rows).unwrap_or(u32::MAX)
    }

    /// Length in mm, rounded down.
    #[must_use]
    pub fn length_mm(&self) -> u32 {
        let rows_in_20_mm = match self.resolution {
            Resolution::Standard => 77,
            Resolution::Fine => 154,
        };
        self.rows() * 20 / rows_in_20_mm
    }

    /// The octets of a row, counted from 0 at the top.
    #[must_use]
    pub fn row(&self, index: u32) -> Option<&[u8]> {
        let first = usize::try_from(index).ok()?.checked_mul(self.row_octets())?;
        self.bits.get(first..first.checked_add(self.row_octets())?).filter(|row| !row.is_empty())
    }

    /// All rows, one after the other.
    #[must_use]
    pub fn bits(&self) -> &[u8] {
        &self.bits
    }

    /// Adds a row at the foot; bits right of the last pel are cleared.
    ///
    /// # Errors
    /// [`CodecError::RowOctets`] if `row` is not exactly one row, [`CodecError::Width`],
    /// [`CodecError::TooManyRows`]. The page is then as before.
    pub fn push_row(&mut self, row: &[u8]) -> Result<(), CodecError> {
        let (octets, row_octets) = (row.len(), self.row_octets());
        if octets != row_octets {
            return Err(CodecError::RowOctets { octets, row_octets });
        }
        self.check_room()?;
        self.bits.extend_from_slice(row);
        if let Some(octet) = self.bits.last_mut() {
            *octet &= last_octet_mask(self.width_pels);
        }
        Ok(())
    }

    /// Cuts white rows from the foot. One row stays even of a white page, because a page without
    /// rows is no page to a receiver.
    pub fn trim_trailing_white(&mut self) {
        let used = self.bits.iter().rposition(|octet| *octet != 0).map_or(1, |last| last + 1);
        if let Some(rows) = used.checked_next_multiple_of(self.row_octets()) {
            self.bits.truncate(rows);
        }
    }

    /// The page at 3.85 line/mm: of two fine rows each pel that is black in either is black, so that
    /// no thin rule is lost. A standard page comes back as it is.
    #[must_use]
    pub fn to_standard(&self) -> Self {
        let row_octets = self.row_octets();
        let bits = match self.resolution {
            Resolution::Standard => self.bits.clone(),
            Resolution::Fine if row_octets == 0 => Vec::new(),
            Resolution::Fine => self
                .bits
                .chunks(row_octets * 2)
                .flat_map(|pair| {
                    let (upper, lower) = pair.split_at_checked(row_octets).unwrap_or((pair, &[]));
                    let lower = lower.iter().copied().chain(core::iter::repeat(0));
                    upper.iter().zip(lower).map(|(upper, lower)| upper | lower)
                })
                .collect(),
        };
        Self { width_pels: self.width_pels, resolution: Resolution::Standard, bits }
    }

    /// Adds a row given as its colour changes. Whether there is room the caller knows, who counts rows.
    pub(crate) fn push_changes(&mut self, row_changes: &[u16]) {
        let start = self.bits.len();
        self.bits.resize(start + self.row_octets(), 0);
        if row_changes.is_empty() {
            return;
        }
        if let Some(row) = self.bits.get_mut(start..) {
            changes::paint(row_changes, row);
            if let Some(octet) = row.last_mut() {
                *octet &= last_octet_mask(self.width_pels);
            }
        }
    }

    /// Adds the last row once more, or a white one if there is none.
    pub(crate) fn push_last_row(&mut self) {
        match self.bits.len().checked_sub(self.row_octets()) {
            Some(last) => self.bits.extend_from_within(last..),
            None => self.push_white_rows(1),
        }
    }

    /// Adds white rows; the caller counts them too.
    pub(crate) fn push_white_rows(&mut self, rows: u32) {
        let octets = self.row_octets() * usize::try_from(rows).unwrap_or(0);
        self.bits.resize(self.bits.len() + octets, 0);
    }

    /// Makes room for rows, so that adding them moves nothing.
    pub(crate) fn reserve_rows(&mut self, rows: u32) {
        self.bits.reserve(self.row_octets() * usize::try_from(rows).unwrap_or(0));
    }

    /// Black becomes white and white black, for files that count the other way round.
    #[cfg(feature = "tiff")]
    pub(crate) fn invert(&mut self) {
        let (row_octets, last_pels) = (self.row_octets().max(1), last_octet_mask(self.width_pels));
        for row in self.bits.chunks_exact_mut(row_octets) {
            row.iter_mut().for_each(|octet| *octet = !*octet);
            if let Some(octet) = row.last_mut() {
                *octet &= last_pels;
            }
        }
    }

    /// A page of this width can hold rows.
    pub(crate) fn check_width(&self) -> Result<(), CodecError> {
        match self.width_pels {
            1..=MAX_WIDTH_PELS => Ok(()),
            width_pels => Err(CodecError::Width { width_pels }),
        }
    }

    fn check_room(&self) -> Result<(), CodecError> {
        self.check_width()?;
        if self.rows() >= MAX_ROWS {
            return Err(CodecError::TooManyRows);
        }
        Ok(())
    }
}

/// Without the pels: a page may hold passwords, and what can be printed ends up in a log.
impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { width_pels, resolution, bits: _ } = self;
        f.debug_struct("Page")
            .field("width_pels", width_pels)
            .field("rows", &self.rows())
            .field("resolution", resolution)
            .finish_non_exhaustive()
    }
}

/// The bits of a row's last octet that are pels.
pub(crate) fn last_octet_mask(width_pels: u16) -> u8 {
    match width_pels % 8 {
        0 => 0xff,
        used => !(0xff >> used),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn from_bits_stray_bits_right_of_the_last_pel_are_cleared() {
        let page = Page::from_bits(9, Resolution::Fine, vec![0xff, 0xff, 0x00, 0x7f]).unwrap();
        assert_eq!(page.bits(), [0xff, 0x80, 0x00, 0x00]);
        assert_eq!((page.rows(), page.row(1), page.row(2)), (2, Some(&[0u8, 0][..]), None));
    }

    #[test]
    fn length_of_a4_is_297_mm_at_either_resolution() {
        let length = |resolution, rows: usize| {
            Page::from_bits(8, resolution, vec![0; rows]).unwrap().length_mm()
        };
        assert_eq!(length(Resolution::Fine, 2_287), 297);
        assert_eq!(length(Resolution::Standard, 1_144), 297);
    }

    #[test]
    fn from_bits_part_of_a_row_is_refused() {
        let got = Page::from_bits(1728, Resolution::Fine, vec![0; 217]);
        assert_eq!(got, Err(CodecError::RowOctets { octets: 217, row_octets: 216 }));
    }

    #[test]
    fn page_impossible_width_refuses_rows() {
        for width_pels in [0, MAX_WIDTH_PELS + 1] {
            let mut page = Page::new(width_pels, Resolution::Fine);
            let row = vec![0; page.row_octets()];
            assert_eq!(page.push_row(&row), Err(CodecError::Width { width_pels }));
            assert_eq!(
                Page::from_bits(width_pels, Resolution::Fine, row),
                Err(CodecError::Width { width_pels })
            );
            assert_eq!((page.rows(), page.row(0)), (0, None));
            page.trim_trailing_white();
            assert_eq!(page.to_standard().rows(), 0);
        }
    }

    #[test]
    fn debug_shows_no_pel() {
        let page = Page::from_bits(16, Resolution::Fine, vec![0xab; 4]).unwrap();
        let shown = alloc::format!("{page:?}");
        assert_eq!(shown, "Page { width_pels: 16, rows: 2, resolution: Fine, .. }");
    }

    #[test]
    fn push_row_wrong_length_leaves_the_page_alone() {
        let mut page = Page::new(16, Resolution::Fine);
        page.push_row(&[1, 2]).unwrap();
        let got = page.push_row(&[3]);
        assert_eq!(got, Err(CodecError::RowOctets { octets: 1, row_octets: 2 }));
        assert_eq!(page.bits(), [1, 2]);
    }

    #[test]
    fn push_row_past_the_longest_page_is_refused() {
        let bits = vec![0; MAX_ROWS as usize];
        let mut page = Page::from_bits(8, Resolution::Fine, bits).unwrap();
        assert_eq!(page.push_row(&[0]), Err(CodecError::TooManyRows));
        let bits = vec![0; MAX_ROWS as usize + 1];
        assert_eq!(Page::from_bits(8, Resolution::Fine, bits), Err(CodecError::TooManyRows));
    }

    #[test]
    fn trim_trailing_white_keeps_inner_white_and_one_row() {
        let mut page =
            Page::from_bits(16, Resolution::Fine, vec![0, 0, 0, 1, 0, 0, 8, 0, 0, 0]).unwrap();
        page.trim_trailing_white();
        assert_eq!(page.bits(), [0, 0, 0, 1, 0, 0, 8, 0]);
        let mut white = Page::from_bits(16, Resolution::Fine, vec![0; 10]).unwrap();
        white.trim_trailing_white();
        assert_eq!(white.rows(), 1);
    }

    #[test]
    fn to_standard_joins_pairs_and_keeps_an_odd_last_row() {
        let fine =
            Page::from_bits(8, Resolution::Fine, vec![0x81, 0x18, 0x00, 0x00, 0x42]).unwrap();
        let standard = fine.to_standard();
        assert_eq!(standard.bits(), [0x99, 0x00, 0x42]);
        assert_eq!(standard.resolution(), Resolution::Standard);
        assert_eq!(standard.to_standard(), standard);
    }
}
