//! The page as bits while it is painted.
//!
//! In: letters, boxes and whole pages of ink. Out: bits that keep the margins.
//! Source: T.4 2.1 (1728 pels); the margins are ours, see [`Bitmap::check_margins`].

use sheet::{Fineness, PelBox};
use t4::WIDTH_A4_PELS;

use crate::letters::Letter;

const ROW_OCTETS: usize = WIDTH_A4_PELS as usize / 8;
/// 5 mm at 8.04 pel/mm. A receiver prints 215 mm on paper of 210 mm; the rest is its grippers'.
const SIDE_MARGIN_PELS: usize = 40;

/// 1728 pels a row, 1 is black, bit 7 of an octet is the left pel.
pub struct Bitmap {
    bits: Vec<u8>,
}

impl Bitmap {
    /// A white page.
    pub fn white(rows: u32) -> Self {
        Self { bits: vec![0; ROW_OCTETS * rows as usize] }
    }

    pub fn into_bits(self) -> Vec<u8> {
        self.bits
    }

    /// Makes every pel of the box black or white; what lies outside the page is cut off.
    pub fn fill(&mut self, area: PelBox, black: bool) {
        let right = area.right.min(usize::from(WIDTH_A4_PELS));
        for row in self.bits.chunks_exact_mut(ROW_OCTETS).take(area.bottom).skip(area.top) {
            for pel in area.left..right {
                let mask = 0x80 >> (pel % 8);
                match black {
                    true => row[pel / 8] |= mask,
                    false => row[pel / 8] &= !mask,
                }
            }
        }
    }

    /// Adds a letter, its pen on this pel and its baseline above this row; what lies outside the page
    /// is cut off.
    pub fn add_letter(&mut self, letter: &Letter, pen: i32, baseline: i32) {
        letter.paint(&mut self.bits, ROW_OCTETS, pen, baseline);
    }

    /// Adds the ink of a page as large.
    pub fn add(&mut self, ink: &[u8]) {
        for (octet, ink) in self.bits.iter_mut().zip(ink) {
            *octet |= ink;
        }
    }

    /// Refuses ink in the top 5 mm, where the tag line is stamped at dial time, and in the outer
    /// 5 mm of either side. Text that is too long for its place runs into the margin, so this also
    /// finds a line that would be cut off. (At the foot it would have made a second page.)
    pub fn check_margins(&self, fineness: Fineness) -> Result<(), String> {
        let tag_line_rows = match fineness {
            Fineness::Standard => 19,
            Fineness::Fine => 38,
        };
        let side = SIDE_MARGIN_PELS / 8;
        for (number, row) in self.bits.chunks_exact(ROW_OCTETS).enumerate() {
            let inked = |octets: &[u8]| octets.iter().any(|octet| *octet != 0);
            if number < tag_line_rows && inked(row) {
                return Err(String::from("ink in the top 5 mm, where the tag line goes"));
            }
            if inked(&row[..side]) || inked(&row[ROW_OCTETS - side..]) {
                return Err(format!(
                    "ink in the outer 5 mm of a side, {} mm from the top: a field is too long there",
                    number * 5 / tag_line_rows
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_black(area: PelBox) -> Bitmap {
        let mut bitmap = Bitmap::white(100);
        bitmap.fill(area, true);
        bitmap
    }

    #[test]
    fn fill_black_then_white_inside_leaves_the_ring() {
        let mut bitmap = with_black(PelBox { left: 7, top: 2, right: 17, bottom: 5 });
        bitmap.fill(PelBox { left: 8, top: 3, right: 16, bottom: 4 }, false);
        let rows: Vec<&[u8]> = bitmap.bits.chunks(ROW_OCTETS).map(|row| &row[..3]).collect();
        assert_eq!(rows[1], [0, 0, 0]);
        assert_eq!(rows[2], [0x01, 0xFF, 0x80]);
        assert_eq!(rows[3], [0x01, 0x00, 0x80]);
        assert_eq!(rows[4], [0x01, 0xFF, 0x80]);
        assert_eq!(rows[5], [0, 0, 0]);
    }

    #[test]
    fn fill_beyond_the_page_is_cut_off() {
        let bitmap = with_black(PelBox { left: 1720, top: 99, right: 9999, bottom: 9999 });
        assert_eq!(bitmap.bits.iter().filter(|octet| **octet != 0).count(), 1);
    }

    #[test]
    fn margins_ink_just_inside_is_allowed() {
        let inside = PelBox { left: 40, top: 38, right: 1728 - 40, bottom: 100 };
        assert_eq!(with_black(inside).check_margins(Fineness::Fine), Ok(()));
    }

    #[test]
    fn margins_ink_one_pel_over_is_refused_on_each_side() {
        for area in [
            PelBox { left: 39, top: 38, right: 1688, bottom: 100 },
            PelBox { left: 40, top: 37, right: 1688, bottom: 100 },
            PelBox { left: 40, top: 38, right: 1689, bottom: 100 },
        ] {
            assert!(with_black(area).check_margins(Fineness::Fine).is_err(), "{area:?}");
        }
    }
}
