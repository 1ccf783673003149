//! ITU-T T.4 and T.6: one-bit fax pages and the MH, MR and MMR codings of them.
//!
//! In: a [`Page`], or coded bytes from a line or a file. Out: coded bytes, or a page and its bad rows.
//! Source: ITU-T T.4 (07/2003) 4.1, 4.2, tables 2 to 4; T.6 (11/1988) 2.2; TIFF-F as RFC 2306.
//! Not here: frames and page commands (`drivers/t30`), drawing (`drivers/sheet`).
#![cfg_attr(not(feature = "tiff"), no_std)]
extern crate alloc;

use alloc::vec::Vec;

/// Pels on a scan line of 215 mm at R8 (T.4 2.2).
pub const WIDTH_A4_PELS: u16 = 1728;

/// How close scan lines lie (T.4 2.2): R8 × 3.85 or R8 × 7.7 line/mm.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Resolution {
    /// 204 × 98 dpi, 3.85 line/mm.
    Standard,
    /// 204 × 196 dpi, 7.7 line/mm.
    Fine,
}

/// The coding of scan lines on the line or in a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Coding {
    /// Modified Huffman, one-dimensional (T.4 4.1).
    Mh,
    /// Modified READ, two-dimensional with a one-dimensional row every K rows (T.4 4.2).
    Mr,
    /// Modified modified READ (T.6).
    Mmr,
}

/// Which bit of an octet goes first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BitOrder {
    /// Bit 7 first: TIFF FillOrder 1.
    MsbFirst,
    /// Bit 0 first: what a Class 1 modem puts on the line (T.31 8.2).
    LsbFirst,
}

/// One page of pels: 1 is black, bit 7 of an octet is the left pel, each row begins on an octet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page {
    width_pels: u16,
    resolution: Resolution,
    bits: Vec<u8>,
}
