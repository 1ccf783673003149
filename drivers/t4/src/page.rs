//! A page of pels in memory, row by row, one bit a pel.
//!
//! In: rows from a renderer or a decoder. Out: rows for an encoder, a file or a picture.
//! Source: ITU-T T.4 (07/2003) 2.1 and 2.2 (widths, resolutions), 4.2.1.1 (K); RFC 3949 2.2.2 and 4.2.1
//! (the same in dots per inch, and which stand for each other).
//! Calls have standard and fine pages of R8 width alone (`drivers/t30`); the finer resolutions and wider papers are in
//! files that others made, and who sends such a page through `drivers/modem` scales it with `scaled_to` first.
//! Not here: any coding; pels that are not black or white.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use crate::CodecError;
use crate::changes::Turns;

/// Pels on a scan line of 215 mm at R8 (T.4 2.2).
pub const WIDTH_A4_PELS: u16 = 1728;
/// Widest row: A3 at R16, twice the 2432 pels of R8 (T.4 2.2).
pub const MAX_WIDTH_PELS: u16 = 4864;
/// Longest page in rows. Chosen: 1.3 m of paper at 7.7 line/mm, and at most 6 MB from hostile octets.
pub const MAX_ROWS: u32 = 10_000;

/// How close pels and scan lines lie (T.4 2.2, T.30 table 2 bits 15 and 41 to 45).
///
/// The inch-based resolutions 200 × 100, 200 × 200 and 400 × 400 dpi are 2.0 to 2.3 % off the metric
/// ones (8.04 pel/mm is 204.2 dpi, 3.85 line/mm 97.8), and T.4 lets a machine take the one for the other
/// (RFC 3949 2.2.2 and 4.5.2). So only 400 × 400 has a name of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Resolution {
    /// R8 × 3.85 line/mm, 204 × 98 dpi.
    Standard,
    /// R8 × 7.7 line/mm, 204 × 196 dpi.
    Fine,
    /// R8 × 15.4 line/mm, 204 × 391 dpi.
    Superfine,
    /// 300 × 300 dpi.
    Inch300,
    /// R16 × 15.4 line/mm, 408 × 391 dpi.
    R16,
    /// 400 × 400 dpi.
    Inch400,
}

impl Resolution {
    /// All, the coarsest first.
    pub const ALL: [Self; 6] =
        [Self::Standard, Self::Fine, Self::Superfine, Self::Inch300, Self::R16, Self::Inch400];

    /// Pels on a scan line of A4, B4 and A3 (T.4 2.2).
    #[must_use]
    pub fn widths_pels(self) -> [u16; 3] {
        match self {
            Self::Standard | Self::Fine | Self::Superfine => [WIDTH_A4_PELS, 2048, 2432],
            Self::Inch300 => [2592, 3072, 3648],
            Self::R16 | Self::Inch400 => [3456, 4096, MAX_WIDTH_PELS],
        }
    }

    /// Pels on 10 cm of a scan line: 8.04 pel/mm is R8 (T.4 2.2).
    #[must_use]
    pub const fn pels_in_10_cm(self) -> u16 {
        match self {
            Self::Standard | Self::Fine | Self::Superfine => 804,
            Self::Inch300 => 1181,
            Self::R16 => 1608,
            Self::Inch400 => 1575,
        }
    }

    /// Scan lines on 10 cm of paper.
    #[must_use]
    pub const fn rows_in_10_cm(self) -> u16 {
        match self {
            Self::Standard => 385,
            Self::Fine => 770,
            Self::Superfine | Self::R16 => 1540,
            Self::Inch300 => 1181,
            Self::Inch400 => 1575,
        }
    }

    /// Across and down in dots per inch, as files and people name it (RFC 3949 4.2.1).
    #[must_use]
    pub fn dpi(self) -> (u16, u16) {
        match self {
            Self::Standard => (204, 98),
            Self::Fine => (204, 196),
            Self::Superfine => (204, 391),
            Self::Inch300 => (300, 300),
            Self::R16 => (408, 391),
            Self::Inch400 => (400, 400),
        }
    }

    /// The K of MR: of so many rows the first is coded in one dimension (T.4 4.2.1.1). It bounds how far
    /// an error runs; a reader needs no K, for each row says how it is coded.
    #[must_use]
    pub fn k_rows(self) -> u32 {
        match self {
            Self::Standard => 2,
            Self::Fine => 4,
            Self::Inch300 => 6,
            Self::Superfine | Self::R16 | Self::Inch400 => 8,
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
        self.rows() * 100 / u32::from(self.resolution.rows_in_10_cm())
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

    /// The page for a machine that takes no more than this: the same picture, `width_pels` wide. A narrower
    /// paper makes it lower too, so that a circle stays one.
    ///
    /// A pel is black if any pel is whose place it takes, in part or wholly: no thin stroke is lost or broken. White
    /// between strokes that is thinner than a pel of the target is.
    ///
    /// # Errors
    /// [`CodecError::Width`], [`CodecError::TooManyRows`]. Never panics.
    pub fn scaled_to(&self, width_pels: u16, resolution: Resolution) -> Result<Self, CodecError> {
        let mut to = Self::new(width_pels, resolution);
        to.check_width()?;
        self.check_width()?;
        // Across, the page fills the paper as before; down, it shrinks as the paper does.
        let (from_width, to_width) = (u64::from(self.width_pels), u64::from(width_pels));
        let from_rows = u64::from(self.rows());
        let across = |of: Resolution| u64::from(of.pels_in_10_cm());
        let down = |of: Resolution| u64::from(of.rows_in_10_cm());
        let more = to_width * across(self.resolution) * down(resolution);
        let fewer = from_width * across(resolution) * down(self.resolution);
        let to_rows = (from_rows * more).div_ceil(fewer);
        if to_rows > MAX_ROWS.into() {
            return Err(CodecError::TooManyRows);
        }
        let mut joined = vec![0; self.row_octets()];
        for y in 0..to_rows {
            joined.fill(0);
            for row in (y * fewer / more..((y + 1) * fewer).div_ceil(more)).map(|row| row as u32) {
                let row = self.row(row).unwrap_or_default(); // the last one may reach below the page
                joined.iter_mut().zip(row).for_each(|(to, from)| *to |= from);
            }
            if width_pels == self.width_pels {
                to.push_row(&joined)?;
                continue;
            }
            let mut narrowed = vec![0; to.row_octets()];
            for x in 0..to_width {
                let mut under =
                    x * from_width / to_width..((x + 1) * from_width).div_ceil(to_width);
                let is_black = |x: u64| {
                    joined.get(x as usize / 8).is_some_and(|octet| octet & 0x80 >> (x % 8) != 0)
                };
                if under.any(is_black)
                    && let Some(octet) = narrowed.get_mut(x as usize / 8)
                {
                    *octet |= 0x80 >> (x % 8);
                }
            }
            to.push_row(&narrowed)?;
        }
        Ok(to)
    }

    /// Adds a row given as its turns of colour. Whether there is room the caller knows, who counts rows.
    pub(crate) fn push_turns(&mut self, turns: &Turns) {
        let start = self.bits.len();
        self.bits.resize(start + self.row_octets(), 0);
        if let Some(row) = self.bits.get_mut(start..) {
            turns.paint(row);
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
            let scaled = page.scaled_to(WIDTH_A4_PELS, Resolution::Standard);
            assert_eq!(scaled, Err(CodecError::Width { width_pels }));
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
    fn scaled_to_standard_joins_pairs_and_keeps_an_odd_last_row() {
        let fine =
            Page::from_bits(8, Resolution::Fine, vec![0x81, 0x18, 0x00, 0x00, 0x42]).unwrap();
        let standard = fine.scaled_to(8, Resolution::Standard).unwrap();
        assert_eq!(standard.bits(), [0x99, 0x00, 0x42]);
        assert_eq!(standard.resolution(), Resolution::Standard);
        assert_eq!(standard.scaled_to(8, Resolution::Standard), Ok(standard));
    }

    /// Upright and level lines of one pel, every 24 pels and rows.
    fn lattice(width_pels: u16, resolution: Resolution) -> Page {
        let mut page = Page::new(width_pels, resolution);
        let across = |x: usize| if x.is_multiple_of(3) { 0x80 } else { 0 };
        for y in 0..240_u32 {
            let level = if y.is_multiple_of(24) { 0xff } else { 0 };
            let row: Vec<u8> = (0..page.row_octets()).map(|x| across(x) | level).collect();
            page.push_row(&row).unwrap();
        }
        page
    }

    #[test]
    fn scaled_page_keeps_its_shape_and_every_thin_line() {
        for resolution in Resolution::ALL {
            for width_pels in resolution.widths_pels() {
                let page = lattice(width_pels, resolution);
                for to in [Resolution::Standard, Resolution::Fine] {
                    let scaled = page.scaled_to(WIDTH_A4_PELS, to).unwrap();
                    let case = alloc::format!("{resolution:?} {width_pels} to {to:?}");
                    // As many mm down for each across, to the row.
                    let shape = |page: &Page| {
                        f64::from(page.rows()) * f64::from(page.resolution().pels_in_10_cm())
                            / f64::from(page.resolution().rows_in_10_cm())
                            / f64::from(page.width_pels())
                    };
                    let rows = shape(&page) / shape(&scaled) * f64::from(scaled.rows());
                    assert!((-1.0..=0.0).contains(&(rows - f64::from(scaled.rows()))), "{case}");
                    // Where all lines are 2.5 pels or more apart, none touches the next.
                    let lines = |rows: Vec<bool>| {
                        rows.windows(2).filter(|pair| matches!(pair, [false, true])).count()
                    };
                    let level = scaled.bits().chunks(scaled.row_octets());
                    let level = level.map(|row| row.iter().all(|octet| *octet == 0xff)).collect();
                    assert_eq!(lines(level), 9, "{case}: level lines"); // and one at the top
                    let row = scaled.row(scaled.rows() / 20).unwrap();
                    let upright = row
                        .iter()
                        .flat_map(|octet| (0..8).map(move |bit| octet << bit & 0x80 != 0));
                    let want = usize::from(width_pels).div_ceil(24) - 1;
                    assert_eq!(lines(upright.collect()), want, "{case}: upright lines");
                }
            }
        }
    }

    #[test]
    fn scaled_to_more_rows_than_a_page_has_is_refused() {
        let long = Page::from_bits(8, Resolution::Standard, vec![0; 6000]).unwrap();
        assert_eq!(long.scaled_to(8, Resolution::Fine), Err(CodecError::TooManyRows));
    }
}
