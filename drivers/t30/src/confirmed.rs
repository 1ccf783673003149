//! The proof that a page was confirmed.
//!
//! In: a [`Positive`], which only the reader of MCF, RTP and PIP makes. Out: a [`PageConfirmed`].
//! Source: ITU-T T.30 (09/2005) 5.3.6.1.7.
//! Not here: what a proof is worth (`src/settle`).

use crate::frame::Positive;

/// Proof that the called machine confirmed a page. Only the reader of MCF, RTP or PIP makes one.
#[derive(Debug, Eq, PartialEq)]
pub struct PageConfirmed {
    page: u16,
}

impl PageConfirmed {
    /// The positive reply answered the command that ended `page`; it is spent on it.
    pub(crate) fn new(page: u16, _spent: Positive) -> Self {
        Self { page }
    }

    /// Which page, counted from 0.
    #[must_use]
    pub fn page(&self) -> u16 {
        self.page
    }
}
