//! Why a page could not be made or read, each with a code that never changes its meaning.
//!
//! In: the refusals of `page.rs` and `decode.rs`. Out: [`CodecError`].
//! Not here: trouble with a file around the codings (`container.rs`).

use crate::page::{MAX_ROWS, MAX_WIDTH_PELS};

/// Why pels or coded octets were refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CodecError {
    /// The caller asked for a width that no page has.
    #[error("a row of {width_pels} pels, 1 to {MAX_WIDTH_PELS} are possible")]
    Width {
        /// The width asked for.
        width_pels: u16,
    },
    /// The caller's octets do not make whole rows.
    #[error("{octets} octets of pels given where rows are {row_octets} octets long")]
    RowOctets {
        /// What was given.
        octets: usize,
        /// What one row takes.
        row_octets: usize,
    },
    /// The page is longer than any sheet, or the octets were made to eat memory.
    #[error("more than {MAX_ROWS} rows on one page")]
    TooManyRows,
    /// MMR: bits that no table has; T.6 has no way to find the next row after them.
    #[error("row {row}: no code begins like bit {bit} of the page")]
    Code {
        /// Row counted from 0.
        row: u32,
        /// Bit of the coded octets, counted from 0 in the order of the line.
        bit: u64,
    },
    /// MMR: a code that leads out of the row, or backwards.
    #[error("row {row}: the code before bit {bit} of the page leaves the row")]
    Outside {
        /// Row counted from 0.
        row: u32,
        /// Bit after the code, counted from 0 in the order of the line.
        bit: u64,
    },
    /// MMR: the octets end within a row.
    #[error("the page ends within row {row}")]
    Truncated {
        /// Row counted from 0.
        row: u32,
    },
}

impl CodecError {
    /// Stable name for logs and receipts.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Width { .. } => "t4-width",
            Self::RowOctets { .. } => "t4-row-octets",
            Self::TooManyRows => "t4-too-many-rows",
            Self::Code { .. } => "t4-code",
            Self::Outside { .. } => "t4-outside",
            Self::Truncated { .. } => "t4-truncated",
        }
    }
}
