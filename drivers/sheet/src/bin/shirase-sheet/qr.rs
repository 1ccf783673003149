//! QR codes of whole pels, stamped where the template keeps a place.
//!
//! In: a frame with links `stamp:qr:<text>` around empty boxes. Out: modules in the bitmap, as many
//! pels each as the place allows, with four modules of white around.
//! Source: ISO/IEC 18004 5.3.8 (quiet zone), 6.5 (error correction, level M: 15 %).
//! Not here: what the text is (`templates/`).

use qrcode::{Color, EcLevel, QrCode};
use t4::Resolution;
use typst::layout::{Frame, FrameItem, Transform};
use typst::model::Destination;

use crate::bitmap::{Bitmap, PelBox};
use crate::raster::Scale;

const PREFIX: &str = "stamp:qr:";
const QUIET_MODULES: usize = 4;
/// Smallest module, in pels: half a millimetre, which a telephone's camera reads from fax paper.
const MIN_MODULE_PELS: usize = 4;

/// A place that the template keeps for a code.
pub struct Place {
    text: String,
    area: PelBox,
}

/// All places, in the order of setting.
pub fn places(frame: &Frame, scale: Scale) -> Vec<Place> {
    let mut places = Vec::new();
    collect(frame, Transform::identity(), scale, &mut places);
    places
}

/// `outer` leads from the frame's coordinates to the page's.
fn collect(frame: &Frame, outer: Transform, scale: Scale, places: &mut Vec<Place>) {
    for (at, item) in frame.items() {
        let here = outer.pre_concat(Transform::translate(at.x, at.y));
        match item {
            FrameItem::Group(group) => {
                collect(&group.frame, here.pre_concat(group.transform), scale, places);
            }
            FrameItem::Link(Destination::Url(url), size) => {
                if let Some(text) = url.as_str().strip_prefix(PREFIX) {
                    let area = scale.pel_box(at.transform(outer), size.to_point().transform(here));
                    places.push(Place { text: text.to_owned(), area });
                }
            }
            FrameItem::Link(..)
            | FrameItem::Text(..)
            | FrameItem::Shape(..)
            | FrameItem::Image(..)
            | FrameItem::Tag(..) => {}
        }
    }
}

/// Clears the place and paints the code in its middle.
pub fn stamp(bitmap: &mut Bitmap, place: &Place, resolution: Resolution) -> Result<(), String> {
    let code = QrCode::with_error_correction_level(&place.text, EcLevel::M)
        .map_err(|error| format!("no QR code can hold the text: {error}"))?;
    let side = code.width() + 2 * QUIET_MODULES;
    let area = place.area;
    let (pels, rows) = module(area, side, resolution);
    if pels < MIN_MODULE_PELS {
        return Err(format!(
            "the place for the QR code is {} pels wide, the code needs {}",
            area.right - area.left,
            side * MIN_MODULE_PELS
        ));
    }
    bitmap.fill(area, false);
    let left = area.left + (area.right - area.left - side * pels) / 2 + QUIET_MODULES * pels;
    let top = area.top + (area.bottom - area.top - side * rows) / 2 + QUIET_MODULES * rows;
    for (number, color) in code.to_colors().into_iter().enumerate() {
        let (column, row) = (number % code.width(), number / code.width());
        let (left, top) = (left + column * pels, top + row * rows);
        let area = PelBox { left, top, right: left + pels, bottom: top + rows };
        bitmap.fill(area, color == Color::Dark);
    }
    Ok(())
}

/// Width in pels and height in rows of the largest module that fits and is nearly square: 8.04 pels
/// are as long as 7.7 rows at fine, or 3.85 at standard.
fn module(area: PelBox, side: usize, resolution: Resolution) -> (usize, usize) {
    let (width, height) = ((area.right - area.left) / side, (area.bottom - area.top) / side);
    match resolution {
        Resolution::Fine => (width.min(height), width.min(height)),
        Resolution::Standard => {
            let rows = (width / 2).min(height);
            (rows * 2, rows)
        }
    }
}
