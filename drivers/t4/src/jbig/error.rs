//! Why JBIG octets were refused, each with a code that never changes its meaning.
//!
//! In: the refusals of `decode.rs`. Out: [`JbigError`].

use crate::page::{MAX_ROWS, MAX_WIDTH_PELS};

/// Why octets are no page of T.85.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum JbigError {
    /// The octets end before the page does.
    #[error("the octets end before row {row} of the page is whole")]
    Truncated {
        /// First row counted from 0 that is not there.
        row: u32,
    },
    /// The sender ended the page by ABORT.
    #[error("the sender gave the page up within the stripe of row {row}")]
    Aborted {
        /// First row counted from 0 that is not there.
        row: u32,
    },
    /// JBIG, but of a kind that T.85 does not have.
    #[error("{field} is {value}, which T.85 does not allow")]
    NotT85 {
        /// Name that T.82 gives the field.
        field: &'static str,
        /// What stood there.
        value: u32,
    },
    /// Wider or longer than any sheet, or empty, or made to eat memory.
    #[error("{width_pels} pels by {rows} rows, {MAX_WIDTH_PELS} by {MAX_ROWS} are possible")]
    Size {
        /// Pels in a row.
        width_pels: u32,
        /// Rows.
        rows: u32,
    },
    /// An escape that T.82 has not, or not there.
    #[error("octet {at}: marker {marker:#04x} has no place there")]
    Marker {
        /// Octet counted from 0.
        at: usize,
        /// The octet behind the escape.
        marker: u8,
    },
}

impl JbigError {
    /// Stable name for logs and receipts.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Truncated { .. } => "t4-jbig-truncated",
            Self::Aborted { .. } => "t4-jbig-aborted",
            Self::NotT85 { .. } => "t4-jbig-not-t85",
            Self::Size { .. } => "t4-jbig-size",
            Self::Marker { .. } => "t4-jbig-marker",
        }
    }
}
