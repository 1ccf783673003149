//! QR codes of whole pels, stamped where the template keeps a place.
//!
//! In: links `stamp:qr:<text>` around empty boxes. Out: modules in the bitmap, as many
//! pels each as the place allows, with four modules of white around.
//! Source: ISO/IEC 18004 5.3.8 (quiet zone), 6.5 (error correction, level M: 15 %).
//! Not here: what the text is (`templates/`).

use qrcode::{Color, EcLevel, QrCode};
use sheet::{Fineness, PelBox};

use crate::bitmap::Bitmap;
use crate::links::Link;

const PREFIX: &str = "stamp:qr:";
const QUIET_MODULES: usize = 4;
/// Smallest module, in pels: half a millimetre, which a telephone's camera reads from fax paper.
const MIN_MODULE_PELS: usize = 4;

/// What stands after `stamp:qr:` in the address of a link that is a place for a code.
pub fn text(link: &Link) -> Option<&str> {
    link.url.strip_prefix(PREFIX)
}

/// Clears the place and paints the code in its middle.
pub fn stamp(
    bitmap: &mut Bitmap,
    text: &str,
    area: PelBox,
    fineness: Fineness,
) -> Result<(), String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M)
        .map_err(|error| format!("no QR code can hold the text: {error}"))?;
    let side = code.width() + 2 * QUIET_MODULES;
    let (pels, rows) = module(area, side, fineness);
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
fn module(area: PelBox, side: usize, fineness: Fineness) -> (usize, usize) {
    let (width, height) = ((area.right - area.left) / side, (area.bottom - area.top) / side);
    match fineness {
        Fineness::Fine => (width.min(height), width.min(height)),
        Fineness::Standard => {
            let rows = (width / 2).min(height);
            (rows * 2, rows)
        }
    }
}
