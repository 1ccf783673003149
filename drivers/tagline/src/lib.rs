//! The tag line: one line of text, Japanese included, within the top 3 mm of a fax page.
//!
//! In: a page whose top is white, a text. Out: the same page with the text stamped on it, at every resolution.
//! Source: T.4 (07/2003) 2.2 for the pels of a millimetre; the 3 mm are ours.
//! Not here: what the line says (`src/send`), what else is on the page (`drivers/sheet`).
//!
//! Nothing is asked of anybody: the font is in the program, so that a page can be stamped between taking up the line
//! and dialling. Its dots are 1/4 mm both ways: 2 × 1 pels at 3.85 line/mm, 2 × 2 at 7.7.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable
    )
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod font;

use alloc::string::String;
use alloc::vec::Vec;

use font::Glyph;
use t4::{CodecError, Page, Resolution};

/// Dots of a column: a half-width character.
const COLUMN_DOTS: u16 = 5;
/// Dots left free at either side: 5 mm, where a receiver that prints 215 mm on paper of 210 mm cuts.
const MARGIN_DOTS: u16 = 20;

/// Why a page was not stamped.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum StampError {
    /// Something is drawn where the line goes: it is not overprinted.
    #[error("ink in row {row}, within the top 3 mm, where the tag line goes")]
    Ink {
        /// The first such row, counted from 0.
        row: u32,
    },
    /// The stamped page would be none.
    #[error(transparent)]
    Page(#[from] CodecError),
}

impl StampError {
    /// Stable name for logs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Ink { .. } => "tag-line-ink",
            Self::Page(error) => error.code(),
        }
    }
}

/// Rows of the top 3 mm: all that a stamp may change, and what must be white before.
#[must_use]
pub fn rows(resolution: Resolution) -> u32 {
    Dot::of(resolution).band_rows.into()
}

/// How many columns a line on this page has. A half-width character takes one, others two.
#[must_use]
pub fn columns(page: &Page) -> u16 {
    let dots = page.width_pels() / Dot::of(page.resolution()).width_pels;
    dots.saturating_sub(2 * MARGIN_DOTS) / COLUMN_DOTS
}

/// How many columns a text takes; as many as a number can say if it is longer.
#[must_use]
pub fn columns_of(text: &str) -> u16 {
    text.chars().map(columns_of_character).fold(0, u16::saturating_add)
}

/// The text, or as much of its beginning as fits with `…` behind it. Nothing if not even that fits.
#[must_use]
pub fn shortened(text: &str, columns: u16) -> String {
    const CUT: char = '…';
    if columns_of(text) <= columns {
        return text.into();
    }
    let Some(mut left) = columns.checked_sub(columns_of_character(CUT)) else {
        return String::new();
    };
    let mut fits = |character: &char| {
        let rest = left.checked_sub(columns_of_character(*character));
        left = rest.unwrap_or(0);
        rest.is_some()
    };
    let mut short: String = text.chars().take_while(&mut fits).collect();
    short.push(CUT);
    short
}

/// Draws the text across the top, from the left margin to the right one; characters beyond that are left out. A page
/// shorter than the line gets white rows below.
///
/// # Errors
/// [`StampError::Ink`] if a pel of the top 3 mm is black; [`StampError::Page`] for a page of a width that none has.
pub fn stamp(page: &Page, text: &str) -> Result<Page, StampError> {
    let dot = Dot::of(page.resolution());
    let inked = |row: &u32| page.row(*row).is_some_and(|row| row.iter().any(|octet| *octet != 0));
    if let Some(row) = (0..rows(page.resolution())).find(inked) {
        return Err(StampError::Ink { row });
    }
    let row_octets = page.row_octets().max(1);
    let mut bits = page.bits().to_vec();
    bits.resize(bits.len().max(row_octets * usize::from(dot.band_rows)), 0);
    // The last dots end with the band.
    let free_rows = usize::from(dot.band_rows) - font::ROWS * usize::from(dot.height_rows);
    let mut lines = bits.chunks_exact_mut(row_octets).skip(free_rows);
    let glyphs = set(text, columns(page));
    for index in 0..font::ROWS {
        for row in lines.by_ref().take(dot.height_rows.into()) {
            for (left, glyph) in &glyphs {
                if let Some(dots) = glyph.rows.get(index) {
                    draw(row, *left, *dots, dot);
                }
            }
        }
    }
    Ok(Page::from_bits(page.width_pels(), page.resolution(), bits)?)
}

/// The glyphs of a text, each with the distance of its left edge from that of the page, in dots.
fn set(text: &str, columns: u16) -> Vec<(u16, Glyph)> {
    let mut left = MARGIN_DOTS;
    let right = MARGIN_DOTS + columns * COLUMN_DOTS;
    let mut glyphs = Vec::new();
    for glyph in text.chars().map(Glyph::of) {
        if left + glyph.width_dots > right {
            break;
        }
        glyphs.push((left, glyph));
        left += glyph.width_dots;
    }
    glyphs
}

/// Blackens the pels of a row of dots; bit 11 of `dots` is the left one.
fn draw(row: &mut [u8], left_dots: u16, dots: u16, dot: Dot) {
    for at in (0..12).filter(|at| dots & 0x800 >> at != 0) {
        let first = (left_dots + at) * dot.width_pels;
        for pel in first..first + dot.width_pels {
            if let Some(octet) = row.get_mut(usize::from(pel / 8)) {
                *octet |= 0x80 >> (pel % 8);
            }
        }
    }
}

fn columns_of_character(character: char) -> u16 {
    Glyph::of(character).width_dots / COLUMN_DOTS
}

/// A dot of the font in pels.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Dot {
    width_pels: u16,
    height_rows: u16,
    /// Rows of the top 3 mm.
    band_rows: u16,
}

impl Dot {
    fn of(resolution: Resolution) -> Self {
        Self::at(resolution.pels_in_10_cm(), resolution.rows_in_10_cm())
    }

    /// As near to 1/4 mm across as pels allow, and as high as lets a glyph stay within the band.
    const fn at(pels_in_10_cm: u16, rows_in_10_cm: u16) -> Self {
        let band_rows = rows_in_10_cm * 3 / 100;
        #[expect(clippy::cast_possible_truncation, reason = "eleven")]
        let height_rows = band_rows / font::ROWS as u16;
        Self { width_pels: (pels_in_10_cm + 200) / 400, height_rows, band_rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{vec, vec::Vec};
    use t4::WIDTH_A4_PELS;

    const TEXT: &str =
        "2026/11/25 19:17  書類交換サイト 03-0000-0000 → あおば居宅介護支援事業所  P.1/1";
    const RESOLUTIONS: [Resolution; 2] = [Resolution::Standard, Resolution::Fine];

    fn white(resolution: Resolution, rows: usize) -> Page {
        Page::from_bits(WIDTH_A4_PELS, resolution, vec![0; 216 * rows]).unwrap()
    }

    fn rows_per_mm(resolution: Resolution) -> f64 {
        f64::from(resolution.rows_in_10_cm()) / 100.0
    }

    #[test]
    fn stamped_line_ends_within_3_mm_and_keeps_5_mm_at_either_side() {
        for resolution in RESOLUTIONS {
            let page = stamp(&white(resolution, 300), &"書龘鬱".repeat(60)).unwrap();
            let inked: Vec<u32> = (0..page.rows())
                .filter(|row| page.row(*row).unwrap().iter().any(|octet| *octet != 0))
                .collect();
            let (first, last) = (inked[0], *inked.last().unwrap());
            assert!(f64::from(last + 1) / rows_per_mm(resolution) <= 3.0, "{resolution:?}: {last}");
            assert!(
                f64::from(last + 1 - first) / rows_per_mm(resolution) > 2.5,
                "a legible height"
            );
            let pels = (0..WIDTH_A4_PELS).filter(|pel| {
                let octet = usize::from(pel / 8);
                inked.iter().any(|row| page.row(*row).unwrap()[octet] << (pel % 8) & 0x80 != 0)
            });
            let pels: Vec<u16> = pels.collect();
            assert_eq!(pels[0], 40, "5 mm of 8.04 pel/mm, and 書 begins with a dot");
            assert!((1660..1728 - 40).contains(pels.last().unwrap()), "{:?}", pels.last());
        }
    }

    /// T.4 2.2 and T.30 table 2: all that two fax machines can agree on.
    #[test]
    fn line_is_about_as_high_and_as_wide_at_every_resolution_of_t_30() {
        let at = |pels_in_10_cm, rows_in_10_cm| {
            let Dot { width_pels, height_rows, band_rows } = Dot::at(pels_in_10_cm, rows_in_10_cm);
            (width_pels, height_rows, band_rows)
        };
        assert_eq!(at(804, 385), (2, 1, 11), "R8, 3.85 line/mm");
        assert_eq!(at(804, 770), (2, 2, 23), "R8, 7.7 line/mm");
        assert_eq!(at(804, 1540), (2, 4, 46), "R8, 15.4 line/mm");
        assert_eq!(at(1608, 1540), (4, 4, 46), "R16, 15.4 line/mm");
        assert_eq!(at(787, 787), (2, 2, 23), "200 per inch");
        assert_eq!(at(1181, 1181), (3, 3, 35), "300 per inch");
        assert_eq!(at(1575, 1575), (4, 4, 47), "400 per inch");
    }

    #[test]
    fn ink_in_the_top_3_mm_is_refused_and_the_row_below_is_not() {
        for (resolution, below) in [(Resolution::Standard, 11), (Resolution::Fine, 23)] {
            for row in 0..=below {
                let mut bits = vec![0; 216 * 100];
                bits[216 * row + 215] = 1;
                let page = Page::from_bits(WIDTH_A4_PELS, resolution, bits).unwrap();
                match stamp(&page, TEXT) {
                    Ok(_) => assert_eq!(row, below),
                    Err(error) => {
                        assert_eq!(error, StampError::Ink { row: u32::try_from(row).unwrap() });
                        assert_ne!(row, below);
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_is_stamped_no_pel_below_the_band_changes(
            text in ".{0,120}",
            rows in 0_usize..60,
            ink in any::<[u8; 32]>(),
            fine in any::<bool>(),
        ) {
            let (resolution, band) =
                if fine { (Resolution::Fine, 23) } else { (Resolution::Standard, 11) };
            let mut bits = vec![0; 216 * rows];
            for (octet, ink) in bits.iter_mut().skip(216 * band).zip(ink.into_iter().cycle()) {
                *octet = ink;
            }
            let page = Page::from_bits(WIDTH_A4_PELS, resolution, bits).unwrap();
            let stamped = stamp(&page, &text).unwrap();
            prop_assert_eq!(stamped.rows() as usize, rows.max(band));
            let below = |page: &Page| page.bits().get(216 * band..).map_or(vec![], <[u8]>::to_vec);
            prop_assert_eq!(below(&stamped), below(&page));
        }

        #[test]
        fn shortened_text_fits_and_is_the_beginning(text in ".{0,60}", columns in 0_u16..60) {
            let short = shortened(&text, columns);
            prop_assert!(columns_of(&short) <= columns);
            let whole = short == text;
            prop_assert!(whole || short.is_empty() || text.starts_with(short.strip_suffix('…').unwrap()));
            prop_assert!(whole || columns_of(&text) > columns);
        }
    }

    #[test]
    fn both_resolutions_show_the_same_dots() {
        let fine = stamp(&white(Resolution::Fine, 30), TEXT).unwrap();
        let standard = stamp(&white(Resolution::Standard, 30), TEXT).unwrap();
        for row in 0..11 {
            assert_eq!(standard.row(row), fine.row(1 + 2 * row));
            assert_eq!(standard.row(row), fine.row(2 + 2 * row));
        }
    }

    /// What it looks like; `GOLDEN=rewrite` writes it anew.
    #[test]
    fn line_looks_as_it_was_read_by_eye() {
        let page = stamp(&white(Resolution::Standard, 11), TEXT).unwrap();
        let mut seen = std::string::String::new();
        for row in 0..page.rows() {
            let octets = page.row(row).unwrap();
            let dot = |dot: u16| octets[usize::from(dot / 4)] >> (7 - dot % 4 * 2) & 1 == 1;
            let dots = (MARGIN_DOTS..MARGIN_DOTS + columns_of(TEXT) * COLUMN_DOTS).map(dot);
            seen.extend(dots.map(|black| if black { '#' } else { ' ' }));
            seen.truncate(seen.trim_end().len());
            seen.push('\n');
        }
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/line.txt");
        if std::env::var("GOLDEN").as_deref() == Ok("rewrite") {
            std::fs::write(&file, &seen).unwrap();
        }
        assert_eq!(seen, std::fs::read_to_string(&file).unwrap());
    }

    #[test]
    fn usual_line_costs_half_a_second_at_14400_bit_a_second_in_mmr() {
        let coded = |page: &Page| {
            let encoding = t4::Encoding::line(t4::Coding::Mmr, t4::BitOrder::LsbFirst, 0);
            t4::encode(page, &encoding).len()
        };
        for (resolution, most) in [(Resolution::Standard, 700), (Resolution::Fine, 900)] {
            let plain = white(resolution, 300);
            let octets = coded(&stamp(&plain, TEXT).unwrap()) - coded(&plain);
            std::println!("{resolution:?}: {octets} octets for {} columns", columns_of(TEXT));
            assert!(octets <= most, "{resolution:?}: {octets} octets");
        }
    }

    #[test]
    fn page_of_no_width_is_refused() {
        let page = Page::new(0, Resolution::Fine);
        assert_eq!(stamp(&page, TEXT).unwrap_err().code(), "t4-width");
        assert_eq!(columns(&page), 0);
    }
}
