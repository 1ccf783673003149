//! The proof that a page was confirmed, whoever read the far end's answer.
//!
//! In: MCF, RTP or PIP read by `drivers/t30`, or a page status read by `class2`. Out: one
//! [`PageConfirmed`] a page. Source: ITU-T T.30 5.3.6.1.7; T.32 and SP-2388, page status 1, 3 and 5.
//! Not here: what a proof is worth (`src/settle`).

/// Proof that the called machine confirmed a page.
#[derive(Debug, Eq, PartialEq)]
pub enum PageConfirmed {
    /// We read the frame ourselves (Class 1).
    Frame(t30::PageConfirmed),
    /// The modem read it and said so (Class 2 to 2.1).
    Status(StatusConfirmed),
}

impl PageConfirmed {
    /// Which page, counted from 0.
    #[must_use]
    pub fn page(&self) -> u16 {
        match self {
            Self::Frame(proof) => proof.page(),
            Self::Status(proof) => proof.page,
        }
    }
}

/// A page status that says the page was taken. Only the reader of page statuses makes one.
#[derive(Debug, Eq, PartialEq)]
pub struct StatusConfirmed {
    page: u16,
}

impl StatusConfirmed {
    /// The status was said in answer to the end of `page`; it is spent on it.
    pub(crate) fn new(page: u16, _spent: crate::class2::Taken) -> Self {
        Self { page }
    }
}
