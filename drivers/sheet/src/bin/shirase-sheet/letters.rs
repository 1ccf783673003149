//! Letters as pels.
//!
//! In: a glyph of a font, and how large an em is in pels and rows. Out: its pels around the pen. The
//! outline is scaled in each direction by itself, so a letter has the shape of the pels it is made of.
//! [`Letters`] keeps what was rasterised: which letters were ever drawn, not in what order.
//! Source: OpenType outlines, through `ttf-parser`; coverage by `tiny-skia`.
//! Not here: where letters stand on a page (`ink.rs`).

use std::collections::HashMap;

use tiny_skia::{FillRule, Mask, Path, PathBuilder, Transform};
use ttf_parser::{Face, GlyphId, OutlineBuilder};
use typst::text::color::should_outline;
use typst::text::{FontInstance, TextItem};

/// A pel is black if at least this of 255 is covered. Below the middle, so that thin strokes close
/// rather than break.
const BLACK_FROM: u8 = 112;
/// Largest em that is kept as pels, in pels and rows: 48 mm. Larger letters are the renderer's.
const MAX_EM: f64 = 384.0;
/// Octets of letters that are kept. A thousand different kanji at 10.5 pt and both resolutions are
/// 0.4 MB. Chosen: many times what the sheets of a day need.
const MAX_KEPT_OCTETS: usize = 2 << 20;
/// What a letter costs beside its pels.
const KEPT_OVERHEAD_OCTETS: usize = 96;

/// How many pels and rows an em has.
#[derive(Clone, Copy, Debug)]
pub struct Em {
    pub pels: f64,
    pub rows: f64,
}

/// Letters that were rasterised. When there are too many, all are forgotten and come anew as they are
/// wanted: what is kept decides how long a sheet takes, never its pels.
#[derive(Default)]
pub struct Letters {
    sizes: HashMap<(FontInstance, [u64; 2]), HashMap<u16, Letter>>,
    octets: usize,
}

impl Letters {
    /// The letters of a text's face in one size; `None` if they have no plain outlines, or are huge.
    pub fn of<'a>(&'a mut self, text: &'a TextItem, em: Em) -> Option<SizedLetters<'a>> {
        let plain = |glyph: &typst::text::Glyph| should_outline(&text.font, GlyphId(glyph.id));
        let fits = |ems: f64| ems > 0.0 && ems <= MAX_EM;
        if !fits(em.pels) || !fits(em.rows) || !text.glyphs.iter().all(plain) {
            return None;
        }
        if self.octets > MAX_KEPT_OCTETS {
            *self = Self::default();
        }
        let key = (text.font.clone(), [em.pels.to_bits(), em.rows.to_bits()]);
        let kept = self.sizes.entry(key).or_insert_with(|| {
            self.octets += KEPT_OVERHEAD_OCTETS;
            HashMap::new()
        });
        Some(SizedLetters { kept, octets: &mut self.octets, face: text.font.ttf(), em })
    }
}

/// Letters of one face in one size.
pub struct SizedLetters<'a> {
    kept: &'a mut HashMap<u16, Letter>,
    octets: &'a mut usize,
    face: &'a Face<'a>,
    em: Em,
}

impl SizedLetters<'_> {
    pub fn get(&mut self, glyph: u16) -> &Letter {
        self.kept.entry(glyph).or_insert_with(|| {
            let letter = letter(self.face, GlyphId(glyph), self.em);
            *self.octets += letter.bits.len() + KEPT_OVERHEAD_OCTETS;
            letter
        })
    }
}

/// The pels of a letter; its first row and column have ink, as have its last.
#[derive(Debug, Default)]
pub struct Letter {
    /// From the pen to the leftmost pel.
    pub left: i32,
    /// From the baseline down to the first row: negative for most letters.
    pub top: i32,
    /// Octets of a row.
    pub row_octets: usize,
    /// Row by row, bit 7 is the left pel, 1 is black.
    pub bits: Vec<u8>,
}

/// Rasterises a glyph. One without ink (a space) or without an outline comes back empty.
pub fn letter(face: &Face<'_>, glyph: GlyphId, em: Em) -> Letter {
    try_letter(face, glyph, em).unwrap_or_default()
}

fn try_letter(face: &Face<'_>, glyph: GlyphId, em: Em) -> Option<Letter> {
    let units = f64::from(face.units_per_em());
    let mut outline = Outline(PathBuilder::new());
    face.outline_glyph(glyph, &mut outline)?;
    // Outlines have y upwards.
    let path = outline.0.finish()?;
    #[expect(clippy::cast_possible_truncation, reason = "what the rasteriser computes with")]
    let scale = Transform::from_scale((em.pels / units) as f32, (-em.rows / units) as f32);
    let path = path.transform(scale)?;
    let (left, top, width, rows) = whole_bounds(&path)?;
    let mut mask = Mask::new(width, rows)?;
    #[expect(clippy::cast_precision_loss, reason = "a letter is nearer to its pen than 2^24 pels")]
    let to_origin = Transform::from_translate(-left as f32, -top as f32);
    mask.fill_path(&path, FillRule::Winding, true, to_origin);
    let octet = |covered: &[u8]| {
        let bit = |covered: Option<&u8>| u8::from(covered.is_some_and(|it| *it >= BLACK_FROM));
        (0..8).fold(0, |octet, pel| octet << 1 | bit(covered.get(pel)))
    };
    let width = usize::try_from(width).ok()?;
    let bits = mask.data().chunks_exact(width).flat_map(|row| row.chunks(8).map(octet)).collect();
    Some(Letter { left, top, row_octets: width.div_ceil(8), bits })
}

/// The smallest box of whole pels around a path: left, top, width and rows.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked for size")]
fn whole_bounds(path: &Path) -> Option<(i32, i32, u32, u32)> {
    /// Pels of a side. An outline has at most 65 535 units; a font of 16 units an em would be broken.
    const MAX_SIDE: f32 = 4096.0;
    let bounds = path.bounds();
    let (left, top) = (bounds.left().floor(), bounds.top().floor());
    let (width, rows) = (bounds.right().ceil() - left, bounds.bottom().ceil() - top);
    let side = 1.0..=MAX_SIDE;
    let fits = side.contains(&width) && side.contains(&rows) && left.abs().max(top.abs()) < 1e6;
    fits.then_some((left as i32, top as i32, width as u32, rows as u32))
}

/// Paths of a font become paths of the rasteriser.
struct Outline(PathBuilder);

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        self.0.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.0.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.0.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.0.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.0.close();
    }
}

impl Letter {
    /// Adds the ink to rows of `row_octets` octets, the pen at this pel and the baseline above this
    /// row; what falls outside is cut off.
    pub fn paint(&self, into: &mut [u8], row_octets: usize, pen: i32, baseline: i32) {
        if self.row_octets == 0 {
            return;
        }
        let (left, top) = (pen + self.left, baseline + self.top);
        let (octet, shift) = (left.div_euclid(8), left.rem_euclid(8));
        for (row, ink) in (top..).zip(self.bits.chunks_exact(self.row_octets)) {
            let Some(start) = usize::try_from(row).ok().and_then(|row| row.checked_mul(row_octets))
            else {
                continue; // above
            };
            let Some(row) = into.get_mut(start..start + row_octets) else {
                return; // below
            };
            for (octet, ink) in (octet..).zip(ink) {
                let [here, next] = (u16::from(*ink) << 8 >> shift).to_be_bytes();
                add(row, octet, here);
                add(row, octet + 1, next);
            }
        }
    }
}

fn add(row: &mut [u8], octet: i32, ink: u8) {
    if let Some(octet) = usize::try_from(octet).ok().and_then(|octet| row.get_mut(octet)) {
        *octet |= ink;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two rows: a pel at each end of 10, and one in the middle.
    fn corners() -> Letter {
        let bits = vec![0b1000_0000, 0b0100_0000, 0b0000_1000, 0];
        Letter { left: -1, top: -2, row_octets: 2, bits }
    }

    fn painted(pen: i32, baseline: i32) -> [[u8; 2]; 3] {
        let mut bits = [0; 6];
        corners().paint(&mut bits, 2, pen, baseline);
        [[bits[0], bits[1]], [bits[2], bits[3]], [bits[4], bits[5]]]
    }

    #[test]
    fn letter_is_painted_around_its_pen() {
        assert_eq!(painted(1, 2), [[0b1000_0000, 0b0100_0000], [0b0000_1000, 0], [0, 0]]);
        assert_eq!(painted(4, 3), [[0, 0], [0b0001_0000, 0b0000_1000], [0b0000_0001, 0]]);
    }

    #[test]
    fn letter_over_each_edge_is_cut_off_there() {
        assert_eq!(painted(0, 2), [[0, 0b1000_0000], [0b0001_0000, 0], [0, 0]]);
        assert_eq!(painted(15, 2), [[0, 0b0000_0010], [0, 0], [0, 0]]);
        assert_eq!(painted(1, 1), [[0b0000_1000, 0], [0, 0], [0, 0]]);
        assert_eq!(painted(1, 4), [[0, 0], [0, 0], [0b1000_0000, 0b0100_0000]]);
        for (pen, baseline) in [(-100, 2), (100, 2), (1, -100), (1, 100)] {
            assert_eq!(painted(pen, baseline), [[0; 2]; 3]);
        }
    }

    #[test]
    fn paint_keeps_the_ink_that_is_there() {
        let mut bits = [0xF0, 0x0F, 0, 0];
        corners().paint(&mut bits, 2, 1, 2);
        assert_eq!(bits, [0xF0, 0x4F, 0b0000_1000, 0]);
    }
}
