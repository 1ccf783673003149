//! ITU-T T.4, T.6 and T.85: one-bit fax pages and the MH, MR, MMR and JBIG codings of them.
//!
//! In: a [`Page`], or coded octets from a line or a file. Out: coded octets, or a page and its bad rows.
//! Source: ITU-T T.4 (07/2003) 4.1, 4.2, tables 2 to 4; T.6 (11/1988) 2.2; TIFF-F as RFC 3949.
//! Not here: frames and page commands (`drivers/t30`), drawing (`drivers/sheet`).
//!
//! | file | holds |
//! |---|---|
//! | `page.rs` | the page: rows of pels, resolutions, scaling, trimming |
//! | `changes.rs` | a row as the positions where its colour changes, the form that all codings work on |
//! | `codes.rs` | the code tables of the Recommendations |
//! | `bits.rs` | octets to bits and back, in either bit order |
//! | `encode.rs`, `decode.rs` | the codings |
//! | `jbig/` | T.85, which shares only the page with the others |
//! | `container.rs` | TIFF-F files (feature `tiff`) |
//! | `layout.rs` | what lies where in such a file |
//!
//! Only the container needs `std`: `cargo check -p t4 --no-default-features` proves that the codings
//! do without.
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
#[cfg(any(feature = "tiff", test))]
extern crate std;

mod bits;
mod changes;
mod codes;
#[cfg(feature = "tiff")]
pub mod container;
mod decode;
mod encode;
mod error;
pub mod jbig;
#[cfg(feature = "tiff")]
mod layout;
mod page;

pub use decode::{Decoded, decode};
pub use encode::encode;
pub use error::CodecError;
pub use page::{MAX_ROWS, MAX_WIDTH_PELS, Page, Resolution, WIDTH_A4_PELS};

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
    /// Bit 0 first: what a Class 1 modem puts on the line (T.31 8.2), TIFF FillOrder 2.
    LsbFirst,
}

/// How a page becomes octets. A reader needs only `coding` and `order`; the rest is the writer's.
///
/// The K parameter of MR is not a choice: [`Resolution::k_rows`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Encoding {
    /// The coding.
    pub coding: Coding,
    /// Which bit of an octet goes first.
    pub order: BitOrder,
    /// Least length of a row from EOL to EOL in bits, reached with fill (T.4 4.1.3, 4.2.3): line rate times
    /// the least scan line time that the receiver asks for. 0 is no fill. Only for MH and MR without
    /// error correction; MMR has no fill and ignores it.
    pub min_row_bits: u32,
    /// The page ends with RTC (MH, MR: T.4 4.1.4, 4.2.4) or EOFB (MMR: T.6 2.4.1.1).
    pub end: bool,
}

impl Encoding {
    /// As a TIFF-F strip holds it: no fill, EOFB after MMR, no RTC after MH and MR (RFC 3949 4.5.5
    /// and 4.5.6).
    #[must_use]
    pub fn file(coding: Coding) -> Self {
        Self { coding, order: BitOrder::MsbFirst, min_row_bits: 0, end: coding == Coding::Mmr }
    }

    /// As phase C carries it: with fill up to `min_row_bits` (0 with error correction), ended by RTC
    /// or EOFB.
    #[must_use]
    pub fn line(coding: Coding, order: BitOrder, min_row_bits: u32) -> Self {
        Self { coding, order, min_row_bits, end: true }
    }
}
