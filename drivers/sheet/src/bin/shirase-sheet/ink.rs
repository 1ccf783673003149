//! What is painted in whole pels: black letters, and rules that are equally thick everywhere.
//!
//! In: a frame. Out: ink in the bitmap, and the frame of what is left for the renderer: colours,
//! pictures, curves, slanted or clipped things. A letter stands on the nearest whole pel and is
//! rasterised once, so the same letter has the same pels wherever it stands: even to look at, short
//! to code, quick to paint.
//! Not here: the shape of a letter (`letters.rs`), links, which have no ink (`links.rs`).

use typst::layout::{Abs, Frame, FrameItem, GroupItem, Point, Transform};
use typst::text::TextItem;
use typst::visualize::{Color, FixedStroke, Geometry, Paint, Shape};

use sheet::PelBox;

use crate::bitmap::Bitmap;
use crate::letters::{Em, Letters};
use crate::raster::{Scale, whole};

/// Thinnest vertical rule: a quarter of a millimetre.
const MIN_RULE_PELS: usize = 2;

/// A bitmap, and what is needed to put ink on it.
pub struct Painter<'a> {
    pub bitmap: &'a mut Bitmap,
    pub letters: &'a mut Letters,
    pub scale: Scale,
}

impl Painter<'_> {
    /// Paints what can be painted in whole pels, and gives back the rest; `None` if nothing is left
    /// that could have ink.
    pub fn paint(&mut self, frame: &Frame) -> Option<Frame> {
        self.sift(frame, Transform::identity())
    }

    /// `outer` leads from the frame's coordinates to the page's.
    fn sift(&mut self, frame: &Frame, outer: Transform) -> Option<Frame> {
        let mut rest = Frame::new(frame.size(), frame.kind());
        for (at, item) in frame.items() {
            let here = outer.pre_concat(Transform::translate(at.x, at.y));
            let painted = match item {
                FrameItem::Group(group) if group.clip.is_none() => {
                    if let Some(frame) = self.sift(&group.frame, here.pre_concat(group.transform)) {
                        rest.push(*at, FrameItem::Group(GroupItem { frame, ..group.clone() }));
                    }
                    true
                }
                FrameItem::Shape(shape, _) => self.shape(shape, here),
                FrameItem::Text(text) => self.text(text, here),
                FrameItem::Group(_) | FrameItem::Image(..) => false,
                FrameItem::Link(..) | FrameItem::Tag(..) => true,
            };
            if !painted {
                rest.push(*at, item.clone());
            }
        }
        (!rest.is_empty()).then_some(rest)
    }

    /// Paints black upright text; `false` if it is none.
    fn text(&mut self, text: &TextItem, here: Transform) -> bool {
        if !is_upright(here) || text.fill != Paint::Solid(Color::BLACK) || text.stroke.is_some() {
            return false;
        }
        let size = text.size.to_pt();
        let em = Em {
            pels: size * here.sx.get() * self.scale.x,
            rows: size * here.sy.get() * self.scale.y,
        };
        let Some(mut letters) = self.letters.of(text, em) else {
            return false;
        };
        let (left, baseline) = (here.tx.to_pt() * self.scale.x, here.ty.to_pt() * self.scale.y);
        let (mut x, mut y) = (0.0, 0.0); // in ems; y is upwards
        for glyph in &text.glyphs {
            let pen = left + (x + glyph.x_offset.get()) * em.pels;
            let line = baseline - (y + glyph.y_offset.get()) * em.rows;
            self.bitmap.add_letter(letters.get(glyph.id), nearest(pen), nearest(line));
            x += glyph.x_advance.get();
            y += glyph.y_advance.get();
        }
        true
    }

    /// Paints a shape that is nothing but level and upright black rules; `false` if it is another.
    fn shape(&mut self, shape: &Shape, here: Transform) -> bool {
        let Some((corners, thickness)) = straight_edges(shape, here) else {
            return false;
        };
        for edge in corners.windows(2) {
            if let [from, to] = edge {
                self.bitmap.fill(rule(*from, *to, thickness, self.scale), true);
            }
        }
        true
    }
}

/// Neither turned nor slanted nor mirrored.
fn is_upright(here: Transform) -> bool {
    here.kx.is_zero() && here.ky.is_zero() && here.sx.get() > 0.0 && here.sy.get() > 0.0
}

#[expect(clippy::cast_possible_truncation, reason = "saturates, and lies then outside the page")]
fn nearest(pels: f64) -> i32 {
    // Far enough from the ends of i32 that a letter can be added to it.
    pels.round().clamp(-1e6, 1e6) as i32
}

/// The corners, in page coordinates, of a shape that is nothing but level and upright black rules.
fn straight_edges(shape: &Shape, here: Transform) -> Option<(Vec<Point>, Abs)> {
    let straight = here.kx.is_zero() && here.ky.is_zero();
    let stroke = shape.stroke.as_ref().filter(|stroke| straight && is_plain(stroke))?;
    if shape.fill.is_some() {
        return None;
    }
    let corners = match &shape.geometry {
        Geometry::Line(to) if to.x == Abs::zero() || to.y == Abs::zero() => {
            vec![Point::zero(), *to]
        }
        Geometry::Rect(size) => vec![
            Point::zero(),
            Point::with_x(size.x),
            size.to_point(),
            Point::with_y(size.y),
            Point::zero(),
        ],
        Geometry::Line(_) | Geometry::Curve(_) => return None,
    };
    let corners = corners.into_iter().map(|corner| corner.transform(here)).collect();
    Some((corners, stroke.thickness))
}

fn is_plain(stroke: &FixedStroke) -> bool {
    stroke.paint == Paint::Solid(Color::BLACK) && stroke.dash.is_none()
}

/// A rule of whole thickness, centred on its edge as nearly as whole pels allow. Thick ends, so that
/// the corners of a frame close.
fn rule(from: Point, to: Point, thickness: Abs, scale: Scale) -> PelBox {
    let pels = whole(thickness.to_pt() * scale.x).max(MIN_RULE_PELS);
    let rows = whole(thickness.to_pt() * scale.y).max(scale.min_rule_rows);
    let (left, right) = (from.x.min(to.x).to_pt() * scale.x, from.x.max(to.x).to_pt() * scale.x);
    let (top, bottom) = (from.y.min(to.y).to_pt() * scale.y, from.y.max(to.y).to_pt() * scale.y);
    let (half_pels, half_rows) = (half(pels), half(rows));
    let (left, top) = (whole(left - half_pels), whole(top - half_rows));
    PelBox {
        left,
        top,
        right: whole(right - half_pels).max(left) + pels,
        bottom: whole(bottom - half_rows).max(top) + rows,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rule is thinner than 2^52 pels")]
fn half(pels: usize) -> f64 {
    pels as f64 / 2.0
}
