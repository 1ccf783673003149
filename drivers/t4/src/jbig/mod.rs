//! T.85: one-bit pages in the arithmetic coding of JBIG, for machines with error correction.
//!
//! In: a [`Page`](crate::Page), or coded octets from a line. Out: coded octets, or a page.
//! Source: ITU-T T.82 (03/1993) for coder, templates and markers; T.85 (08/1995) for what of it a fax
//! machine has: one resolution layer, one plane, stripes from top to bottom, no deterministic prediction.
//! Not here: resolution layers, planes of grey; offering it in DIS (`drivers/t30`).
//!
//! | file | holds |
//! |---|---|
//! | `header.rs` | the twenty octets in front (BIH), and markers |
//! | `coder.rs` | the arithmetic coder: decisions to octets and back |
//! | `template.rs` | which pels around a pel predict it |
//! | `encode.rs`, `decode.rs` | pages |

mod coder;
mod decode;
mod encode;
mod error;
mod header;
mod template;

pub use decode::decode;
pub use encode::encode;
pub use error::JbigError;

/// Rows of a stripe in the basic mode of T.85; others only after both machines agreed.
pub const BASIC_STRIPE_ROWS: u32 = 128;
/// Farthest that the adaptive pel may lie left of the pel that it predicts (T.85: MX at most 127).
pub const MAX_MOVE_PELS: u8 = 127;

/// What of T.85 an encoder uses. A decoder reads all of it from the octets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct JbigSettings {
    /// Predict from the row above only, not from two (T.82 LRLTWO).
    pub two_rows: bool,
    /// A row like the one above costs one decision (T.82 TPBON).
    pub typical: bool,
    /// Rows of a stripe (T.82 L0), at least 1; 0 counts as 1.
    pub stripe_rows: u32,
    /// How far left the adaptive pel may be looked for (T.82 MX), up to [`MAX_MOVE_PELS`]; 0 leaves it
    /// where it is. Halftones of an even pitch gain, text does not.
    pub move_pels: u8,
}

impl JbigSettings {
    /// The basic mode of T.85, which every machine with T.85 reads.
    #[must_use]
    pub fn basic() -> Self {
        Self {
            two_rows: false,
            typical: true,
            stripe_rows: BASIC_STRIPE_ROWS,
            move_pels: MAX_MOVE_PELS,
        }
    }
}
