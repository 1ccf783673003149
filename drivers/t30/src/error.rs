//! Why a call ended early: one variant, one ending, one code.
//!
//! In: nothing. Out: [`CallError`], with [`CallError::code`] for catalogues and [`CallError::phase`].
//! Source: phases as ITU-T T.30 (09/2005) 3 names them.
//! Not here: whether anything was printed ([`crate::Sender::page_started`],
//! [`crate::Sender::pages_confirmed`]), and whether to call again (`src/settle`).

use crate::{modulation::Modulation, signal::Signal};

/// The phases of a call (T.30 3 and figure 1).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Phase {
    /// Call establishment: no DIS yet.
    A,
    /// Identifying, agreeing, training.
    B,
    /// The page.
    C,
    /// End of the page and its confirmation.
    D,
    /// Leaving.
    E,
}

/// Why a call ended before every page was confirmed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CallError {
    /// T1 ran out and no frame was heard (5.4.3.1).
    #[error("nothing like a fax machine answered within T1")]
    NoDis,
    /// T1 ran out and all that was heard were damaged frames, or frames that were no DIS.
    #[error("no DIS could be read within T1, {frames} damaged or other frames were heard")]
    DisGarbled { frames: u8 },
    /// DTC: it wants to fetch pages from us.
    #[error("the far end wants to receive by polling, which is not offered")]
    Dtc,
    /// DIS bit 10 is 0.
    #[error("the far end cannot receive")]
    CannotReceive,
    /// DIS and our settings share no modulation.
    #[error("the far end shares no modulation with us")]
    Incompatible,
    /// A subaddress is wanted and DIS bit 49 is 0: the sheet would land in the open tray.
    #[error("the far end has no boxes, and the pages are for one")]
    NoSubaddress,
    /// A password is wanted and DIS bit 50 is 0: the sheet would land where anybody reads it.
    #[error("the far end takes no password, and the pages need one")]
    NoPassword,
    /// DIS bits 19 and 20 offer no paper that is long enough.
    #[error("a page of {page_mm} mm is longer than the {limit_mm} mm that the far end takes")]
    PageTooLong { page_mm: u16, limit_mm: u16 },
    /// The caller answered [`crate::Question::FarEnd`] with no.
    #[error("the far end was refused before any page data")]
    RefusedFarEnd,
    /// T4 ran out after each DCS and TCF, or the far end began with DIS again each time.
    #[error("no reply to DCS after {tries} tries")]
    NoReplyToDcs { tries: u8 },
    /// FTT at the slowest modulation that both have.
    #[error("no modulation trains on this line, the last tried had {} bit/s", last.rate_bps())]
    CannotTrain { last: Modulation },
    /// DCN before phase C of this page.
    #[error("the far end disconnected before page {page}")]
    DcnBeforePage { page: u16 },
    /// The caller answered [`crate::Question::PageStart`] with no.
    #[error("page {page} was not allowed to start")]
    PageNotAllowed { page: u16 },
    /// The caller answered [`crate::Question::Page`] with no octets.
    #[error("page {page} has no octets")]
    PageEmpty { page: u16 },
    /// DCN after phase C of this page: nobody can say whether it was printed.
    #[error("the far end disconnected after page {page}")]
    DcnAfterPage { page: u16 },
    /// T4 ran out after each try of the command that follows a page.
    #[error("no reply to {to} after page {page}, {tries} tries")]
    NoReplyAfterPage { page: u16, to: Signal, tries: u8 },
    /// T4 ran out after each CTC.
    #[error("no reply to CTC on page {page}, {tries} tries")]
    NoReplyToCtc { page: u16, tries: u8 },
    /// RTN once more than the page is sent again for it.
    #[error("page {page} was rejected {times} times")]
    Rtn { page: u16, times: u8 },
    /// PIN: the page was rejected and a person is asked for; there is none here.
    #[error("page {page} was rejected and the far end asks for an operator")]
    Pin { page: u16 },
    /// The receiver stayed busy longer than T5.
    #[error("the far end stayed busy after page {page} until T5")]
    RnrTimeout { page: u16 },
    /// Frames are still wrong after the fourth PPR at the slowest modulation.
    #[error("page {page} ended with {frames} frames still wrong")]
    PprExhausted { page: u16, frames: u16 },
    /// Only signals that the state never allows were heard, until the tries were over.
    #[error("{got} was received while waiting for {waiting_for}")]
    Unexpected { waiting_for: &'static str, got: Signal, phase: Phase },
    /// [`crate::Input::Abort`].
    #[error("the call was stopped in phase {phase:?}")]
    Aborted { phase: Phase },
    /// The settings ask for no page.
    #[error("a call needs at least one page")]
    NoPages,
    /// The caller broke the driving contract on [`crate::Sender`].
    #[error("{got} came while waiting for {waiting_for}: the session was driven out of turn")]
    OutOfTurn { waiting_for: &'static str, got: &'static str },
}

impl CallError {
    /// Stable code of this ending; never given another meaning.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoDis => "no-dis",
            Self::DisGarbled { .. } => "dis-garbled",
            Self::Dtc => "dtc",
            Self::CannotReceive => "cannot-receive",
            Self::Incompatible => "incompatible",
            Self::NoSubaddress => "no-subaddress",
            Self::NoPassword => "no-password",
            Self::PageTooLong { .. } => "page-too-long",
            Self::RefusedFarEnd => "refused-far-end",
            Self::NoReplyToDcs { .. } => "no-reply-to-dcs",
            Self::CannotTrain { .. } => "cannot-train",
            Self::DcnBeforePage { .. } => "dcn-before-page",
            Self::PageNotAllowed { .. } => "page-not-allowed",
            Self::PageEmpty { .. } => "page-empty",
            Self::DcnAfterPage { .. } => "dcn-after-page",
            Self::NoReplyAfterPage { .. } => "no-reply-after-page",
            Self::NoReplyToCtc { .. } => "no-reply-to-ctc",
            Self::Rtn { .. } => "rtn",
            Self::Pin { .. } => "pin",
            Self::RnrTimeout { .. } => "rnr-timeout",
            Self::PprExhausted { .. } => "ppr-exhausted",
            Self::Unexpected { .. } => "unexpected",
            Self::Aborted { .. } => "aborted",
            Self::NoPages => "no-pages",
            Self::OutOfTurn { .. } => "out-of-turn",
        }
    }

    /// Where in the call it ended; `None` if the caller was at fault and the line had no part in it.
    #[must_use]
    pub const fn phase(&self) -> Option<Phase> {
        match self {
            Self::NoDis | Self::DisGarbled { .. } => Some(Phase::A),
            Self::Dtc
            | Self::CannotReceive
            | Self::Incompatible
            | Self::NoSubaddress
            | Self::NoPassword
            | Self::PageTooLong { .. }
            | Self::RefusedFarEnd
            | Self::NoReplyToDcs { .. }
            | Self::CannotTrain { .. }
            | Self::DcnBeforePage { .. } => Some(Phase::B),
            Self::PageNotAllowed { .. } | Self::PageEmpty { .. } => Some(Phase::C),
            Self::DcnAfterPage { .. }
            | Self::NoReplyAfterPage { .. }
            | Self::NoReplyToCtc { .. }
            | Self::Rtn { .. }
            | Self::Pin { .. }
            | Self::RnrTimeout { .. }
            | Self::PprExhausted { .. } => Some(Phase::D),
            Self::Unexpected { phase, .. } | Self::Aborted { phase } => Some(*phase),
            Self::NoPages | Self::OutOfTurn { .. } => None,
        }
    }
}
