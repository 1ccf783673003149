//! Rules that are equally thick everywhere.
//!
//! In: a frame. Out: the frame without its straight black rules, and those rules as boxes of whole
//! pels. Drawn by the renderer, equal rules come out one, two or three pels thick, as they fall.
//! Not here: dashed, coloured, slanted or curved strokes; the renderer draws them.

use sheet::PelBox;
use typst::layout::{Abs, Frame, FrameItem, GroupItem, Point, Transform};
use typst::visualize::{Color, FixedStroke, Geometry, Paint, Shape};

use crate::raster::{Scale, whole};

/// Thinnest vertical rule: a quarter of a millimetre.
const MIN_RULE_PELS: usize = 2;

/// Takes the straight rules out of a frame.
pub fn take_out(frame: &Frame, scale: Scale) -> (Frame, Vec<PelBox>) {
    let mut rules = Vec::new();
    let rest = sift(frame, Transform::identity(), scale, &mut rules);
    (rest, rules)
}

/// `outer` leads from the frame's coordinates to the page's.
fn sift(frame: &Frame, outer: Transform, scale: Scale, rules: &mut Vec<PelBox>) -> Frame {
    let mut rest = Frame::new(frame.size(), frame.kind());
    for (at, item) in frame.items() {
        let here = outer.pre_concat(Transform::translate(at.x, at.y));
        match item {
            FrameItem::Group(group) => {
                let inner = here.pre_concat(group.transform);
                let frame = sift(&group.frame, inner, scale, rules);
                rest.push(*at, FrameItem::Group(GroupItem { frame, ..group.clone() }));
            }
            FrameItem::Shape(shape, _) => match straight_edges(shape, here) {
                Some((edges, thickness)) => {
                    rules.extend(edges.windows(2).filter_map(|edge| match edge {
                        [from, to] => Some(rule(*from, *to, thickness, scale)),
                        _ => None,
                    }));
                }
                None => rest.push(*at, item.clone()),
            },
            FrameItem::Text(..)
            | FrameItem::Image(..)
            | FrameItem::Link(..)
            | FrameItem::Tag(..) => rest.push(*at, item.clone()),
        }
    }
    rest
}

/// The corners, in page coordinates, of a shape that is nothing but level and upright black rules.
fn straight_edges(shape: &Shape, here: Transform) -> Option<(Vec<Point>, Abs)> {
    let upright = here.kx.is_zero() && here.ky.is_zero();
    let stroke = shape.stroke.as_ref().filter(|stroke| upright && is_plain(stroke))?;
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
