//! How far the far end has gone along with T.85.
//!
//! In: the contract, and what the far end answers to it. Out: [`T85`].
//! Source: what there is to be told apart is ours. Machines that offer T.85 and cannot do it are met; T.85 is the
//! only coding whose DCS has ten octets without a box, so DCS too may be what they cannot read.
//! Not here: what is done about it in the call (`phase_b`, `phase_d`), what it teaches (`src/settle`).

use crate::contract::Coding;

/// How far the far end has gone along with T.85.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum T85 {
    /// The contract that stands has another coding, or none stands.
    #[default]
    Unasked,
    /// DCS asks for it, and nothing has shown yet that the far end can read that.
    Asked,
    /// It has answered such a DCS with CFR or FTT.
    Understood,
    /// Data of a page is out in it, and the page is not confirmed.
    Out,
    /// A page in it was confirmed.
    Taken,
    /// It had offered it, and has answered the DCS with the same offer again, or rejected a page. Final: it is not
    /// asked for again in the call.
    Refused,
}

impl T85 {
    /// A contract stands.
    pub(crate) fn agreed(self, coding: Coding) -> Self {
        match (self, coding) {
            (Self::Refused, _) => Self::Refused,
            (_, Coding::Mh | Coding::Mr | Coding::Mmr) => Self::Unasked,
            (Self::Unasked, Coding::T85) => Self::Asked,
            (Self::Asked | Self::Understood | Self::Out | Self::Taken, Coding::T85) => self,
        }
    }

    /// CFR or FTT.
    pub(crate) fn understood(self) -> Self {
        match self {
            Self::Asked => Self::Understood,
            Self::Unasked | Self::Understood | Self::Out | Self::Taken | Self::Refused => self,
        }
    }

    /// A carrier of phase C is about to begin.
    pub(crate) fn page_begins(self) -> Self {
        match self {
            Self::Asked | Self::Understood | Self::Out | Self::Taken => Self::Out,
            Self::Unasked | Self::Refused => self,
        }
    }

    /// The page is confirmed.
    pub(crate) fn confirmed(self) -> Self {
        match self {
            Self::Out => Self::Taken,
            Self::Unasked | Self::Asked | Self::Understood | Self::Taken | Self::Refused => self,
        }
    }
}
