//! The twenty octets in front of a page (BIH), and markers behind an escape.
//!
//! In and out: octets. Out: [`Header`]. Source: ITU-T T.82 (03/1993) 6.2; T.85 (08/1995).

use alloc::vec::Vec;

use super::error::JbigError;
use super::{JbigSettings, MAX_MOVE_PELS};
use crate::page::{MAX_ROWS, MAX_WIDTH_PELS};

/// Begins every marker; within a stripe's data a [`STUFF`] follows it.
pub(super) const ESC: u8 = 0xff;
pub(super) const STUFF: u8 = 0x00;
pub(super) const SDNORM: u8 = 0x02;
pub(super) const SDRST: u8 = 0x03;
pub(super) const ABORT: u8 = 0x04;
pub(super) const NEWLEN: u8 = 0x05;
pub(super) const ATMOVE: u8 = 0x06;
pub(super) const COMMENT: u8 = 0x07;

/// Octets of a BIH.
pub(super) const HEADER_OCTETS: usize = 20;

// Bits of the last octet of a BIH.
const LRLTWO: u8 = 1 << 6;
const VLENGTH: u8 = 1 << 5;
const TPBON: u8 = 1 << 3;

/// A BIH as T.85 allows it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Header {
    /// XD, 1 to [`MAX_WIDTH_PELS`].
    pub width_pels: u16,
    /// YD; with `length_follows` an upper bound, and possibly `u32::MAX` for "not known yet".
    pub rows: u32,
    /// L0, MX, LRLTWO, TPBON.
    pub settings: JbigSettings,
    /// VLENGTH: a NEWLEN may come.
    pub length_follows: bool,
}

impl Header {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let Self { width_pels, rows, settings, length_follows } = *self;
        let option = |on, bit| if on { bit } else { 0 };
        out.extend([0, 0, 1, 0]); // DL, D, P, fill: one layer, one plane
        out.extend(u32::from(width_pels).to_be_bytes());
        out.extend(rows.to_be_bytes());
        out.extend(settings.stripe_rows.to_be_bytes());
        out.extend([settings.move_pels, 0, 0]); // MX, MY, order
        out.push(
            option(settings.two_rows, LRLTWO)
                | option(length_follows, VLENGTH)
                | option(settings.typical, TPBON),
        );
    }

    /// # Errors
    /// [`JbigError::Truncated`], [`JbigError::NotT85`], [`JbigError::Size`].
    pub(super) fn read(octets: &[u8; HEADER_OCTETS]) -> Result<Self, JbigError> {
        let [dl, d, p, _fill, size @ .., mx, my, order, options] = *octets;
        let (quads, _) = size.as_chunks::<4>();
        let [width, rows, stripe_rows] = quads else { return Err(JbigError::Truncated { row: 0 }) };
        let [width, rows, stripe_rows] =
            [width, rows, stripe_rows].map(|quad| u32::from_be_bytes(*quad));
        for (field, value, want) in
            [("DL", dl, 0), ("D", d, 0), ("P", p, 1), ("MY", my, 0), ("order", order, 0)]
        {
            if value != want {
                return Err(JbigError::NotT85 { field, value: value.into() });
            }
        }
        let other_options = options & !(LRLTWO | VLENGTH | TPBON);
        if other_options != 0 {
            return Err(JbigError::NotT85 { field: "options", value: options.into() });
        }
        if mx > MAX_MOVE_PELS {
            return Err(JbigError::NotT85 { field: "MX", value: mx.into() });
        }
        if stripe_rows == 0 {
            return Err(JbigError::NotT85 { field: "L0", value: 0 });
        }
        let length_follows = options & VLENGTH != 0;
        let width_pels = match u16::try_from(width) {
            Ok(width_pels @ 1..=MAX_WIDTH_PELS) if rows > 0 => width_pels,
            _ => return Err(JbigError::Size { width_pels: width, rows }),
        };
        if rows > MAX_ROWS && !length_follows {
            return Err(JbigError::Size { width_pels: width, rows });
        }
        let settings = JbigSettings {
            two_rows: options & LRLTWO != 0,
            typical: options & TPBON != 0,
            stripe_rows,
            move_pels: mx,
        };
        Ok(Self { width_pels, rows, settings, length_follows })
    }
}
