//! From a set page to pels: 215 mm are 1728 pels, 297 mm are 2287 or 1143 rows.
//!
//! In: a page, and the frame of what cannot be painted in whole pels. Out: how many pels a point is,
//! and that frame as pels. The renderer knows one scale for both directions, so the frame is squeezed
//! in height by a group around it; shapes are then drawn in the shape of the pels instead of being
//! resampled. It costs ten times what the rest of a sheet does, and the templates of ours never need it.
//! Source: T.4 2.1 and 2.2.
//! Not here: letters and rules (`ink.rs`), QR codes (`qr.rs`).

use sheet::{Fineness, PelBox};
use t4::WIDTH_A4_PELS;
use typst::layout::{Abs, Frame, FrameItem, GroupItem, Point, Ratio, Size, Transform};
use typst::utils::Scalar;
use typst_layout::Page;
use typst_render::RenderOptions;

const WIDTH_MM: f64 = 215.0;
const MAX_HEIGHT_MM: f64 = 297.0;
/// Sizes are given in millimetres and kept in points; this much is rounding.
const TOLERANCE_MM: f64 = 0.01;
/// A pel is black if less than this of 255 is left of the light. Above the middle, so that thin
/// strokes close rather than break.
const BLACK_BELOW: u32 = 144;

/// How many pels a point is, in each direction.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    pub x: f64,
    pub y: f64,
    pub rows: u32,
    /// Thinnest rule, in rows: 2 at fine, 1 at standard, a quarter of a millimetre both.
    pub min_rule_rows: usize,
}

impl Scale {
    pub fn of(page: &Page, fineness: Fineness) -> Result<Self, String> {
        let size = page.frame.size();
        let (width_mm, height_mm) = (size.x.to_mm(), size.y.to_mm());
        if (width_mm - WIDTH_MM).abs() > TOLERANCE_MM {
            return Err(format!("the page is {width_mm:.1} mm wide, not {WIDTH_MM}"));
        }
        if !(1.0..=MAX_HEIGHT_MM + TOLERANCE_MM).contains(&height_mm) {
            return Err(format!("the page is {height_mm:.1} mm high, not up to {MAX_HEIGHT_MM}"));
        }
        let (rows_per_mm, min_rule_rows) = match fineness {
            Fineness::Standard => (3.85, 1),
            Fineness::Fine => (7.7, 2),
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 2287")]
        let rows = (height_mm * rows_per_mm).round() as u32;
        let x = f64::from(WIDTH_A4_PELS) / size.x.to_pt();
        Ok(Self { x, y: f64::from(rows) / size.y.to_pt(), rows, min_rule_rows })
    }

    /// The nearest whole-pel box, at least one pel in each direction.
    pub fn pel_box(self, from: Point, to: Point) -> PelBox {
        let (left, top) = (whole(from.x.to_pt() * self.x), whole(from.y.to_pt() * self.y));
        let (right, bottom) = (whole(to.x.to_pt() * self.x), whole(to.y.to_pt() * self.y));
        PelBox { left, top, right: right.max(left + 1), bottom: bottom.max(top + 1) }
    }
}

/// Rounds to whole pels; what lies left of or above the page is put on its edge.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, as wanted")]
pub fn whole(pels: f64) -> usize {
    pels.round() as usize
}

/// Draws `frame` in place of the page's own, and decides for each pel: rows of 216 octets.
pub fn rasterise(page: &Page, frame: Frame, scale: Scale) -> Result<Vec<u8>, String> {
    let size = frame.size();
    let squeeze = Transform::scale(Ratio::one(), Ratio::new(scale.y / scale.x));
    let squeezed = Size::new(size.x, Abs::pt(f64::from(scale.rows) / scale.x));
    let mut outer = Frame::hard(squeezed);
    let group = GroupItem { transform: squeeze, ..GroupItem::new(frame) };
    outer.push(Point::zero(), FrameItem::Group(group));

    let page = Page { frame: outer, ..page.clone() };
    let options = RenderOptions { pixel_per_pt: Scalar::new(scale.x), render_bleed: false };
    let pixmap = typst_render::render(&page, &options);
    if (pixmap.width(), pixmap.height()) != (u32::from(WIDTH_A4_PELS), scale.rows) {
        return Err(format!("drawn with {} by {} pels", pixmap.width(), pixmap.height()));
    }
    let octet = |pixels: &[u8]| {
        pixels.chunks_exact(4).fold(0, |octet, pixel| octet << 1 | u8::from(is_black(pixel)))
    };
    Ok(pixmap.data().chunks_exact(8 * 4).map(octet).collect())
}

/// `pixel` is red, green, blue and an opacity that is full, since paper lies under everything.
fn is_black(pixel: &[u8]) -> bool {
    match pixel {
        [red, green, blue, _] => {
            let light = 299 * u32::from(*red) + 587 * u32::from(*green) + 114 * u32::from(*blue);
            light < BLACK_BELOW * 1000
        }
        _ => false,
    }
}
