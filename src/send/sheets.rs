//! The pages of one call, drawn, stamped, coded and read again before it begins.
//!
//! In: a claim or a drawn sheet, the time of the call. Out: one page for either resolution with its tag line, as octets of any
//! contract; or why nobody is called.
//! Not here: how a sheet is drawn and read (`render`), how it is coded (`coded.rs`).

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::coded::{Coder, WrongOctets};
use super::tag_line::TagLine;
use crate::app::secrets::{MASTER_KEY_OCTETS, derived_key, hmac_sha256};
use crate::queue::Claim;
use crate::render::{Issue, Proof, ProofError, RenderError, Renderer};
use crate::settle::Stop;

/// The sheet as either kind of far machine takes it. Both are drawn before dialling: a machine that has
/// said CFR waits 6 s for its page (T2, T.30 5.4.3.1), and nothing that can hang belongs there.
pub struct Sheets {
    pub fine: t4::Page,
    pub standard: t4::Page,
    pub proof: Proof,
}

impl Sheets {
    /// The sheet of a claim, as the issue that it is.
    pub fn draw(renderer: &Renderer, claim: &Claim) -> Result<Self, RenderError> {
        let Claim { version, because, .. } = *claim;
        let issue = Issue { version, copy: claim.standing.copy(), because };
        let (drawn, proof) = renderer.draw_to_send(claim.id, &claim.job, issue)?;
        Ok(Self { fine: drawn.fine.page, standard: drawn.standard.page, proof })
    }

    /// A sheet on which nothing has to be read again.
    pub fn without_secret(drawn: sheet::Drawn) -> Self {
        let (fine, standard) = (drawn.fine.page, drawn.standard.page);
        Self { fine, standard, proof: Proof::of_nothing() }
    }

    /// The sheet of one call: the next one has another time on it.
    pub fn stamped(self, tag_line: &TagLine<'_>) -> Result<Self, tagline::StampError> {
        let stamp = |page: &t4::Page| tag_line.stamp(page, 1, 1);
        Ok(Self { fine: stamp(&self.fine)?, standard: stamp(&self.standard)?, ..self })
    }

    /// Proves it as far as that can be done without a far machine: its credentials are read on the pages as they
    /// are now, and what they are coded in decodes to them.
    ///
    /// # Errors
    /// [`NoSheet`]: nobody is called with it.
    pub fn coded(self) -> Result<Coded, NoSheet> {
        self.proof.holds_on(&self.fine, sheet::Fineness::Fine)?;
        self.proof.holds_on(&self.standard, sheet::Fineness::Standard)?;
        let mut coder = Coder::default();
        coder.prepare(&self.fine, t30::Resolution::Fine)?;
        coder.prepare(&self.standard, t30::Resolution::Standard)?;
        Ok(Coded { fine: self.fine, standard: self.standard, coder })
    }

    /// The fine page alone, its credentials read on it as it is now: for whoever codes it himself.
    ///
    /// # Errors
    /// [`NoSheet`]: it goes to nobody.
    pub fn proven_fine(self) -> Result<t4::Page, NoSheet> {
        self.proof.holds_on(&self.fine, sheet::Fineness::Fine)?;
        Ok(self.fine)
    }
}

/// A proven sheet, ready for a call.
#[cfg_attr(test, derive(Clone))]
pub struct Coded {
    fine: t4::Page,
    standard: t4::Page,
    coder: Coder,
}

impl Coded {
    pub fn length_mm(&self) -> u16 {
        u16::try_from(self.fine.length_mm()).unwrap_or(u16::MAX)
    }

    pub fn page(&self, resolution: t30::Resolution) -> &t4::Page {
        match resolution {
            t30::Resolution::Fine => &self.fine,
            t30::Resolution::Standard => &self.standard,
        }
    }

    /// How many octets it has by each of these contracts.
    pub fn lengths(&mut self, contracts: &[t30::Contract]) -> Vec<usize> {
        let Self { fine, standard, coder } = self;
        let length = |contract: &t30::Contract| match contract.resolution {
            t30::Resolution::Fine => coder.length(fine, contract),
            t30::Resolution::Standard => coder.length(standard, contract),
        };
        contracts.iter().map(length).collect()
    }

    /// Its octets. Fill bits, which machines without error correction ask for, are first coded here: whatever it is,
    /// it is decoded again, and is the page that was proven, pel by pel.
    ///
    /// # Errors
    /// [`WrongOctets`]: they must not go.
    pub fn octets(&mut self, contract: &t30::Contract) -> Result<&[u8], WrongOctets> {
        let Self { fine, standard, coder } = self;
        match contract.resolution {
            t30::Resolution::Fine => coder.octets(fine, contract),
            t30::Resolution::Standard => coder.octets(standard, contract),
        }
    }
}

#[cfg(test)]
impl Coded {
    /// As if the coding had gone wrong.
    pub fn with_octets_of(self, other: Self) -> Self {
        Self { coder: other.coder, ..self }
    }
}

/// Why a call has no page to send.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoSheet {
    #[error(transparent)]
    Drawing(#[from] RenderError),
    #[error(transparent)]
    TagLine(#[from] tagline::StampError),
    /// It does not read any more, now that it is stamped.
    #[error(transparent)]
    Proof(#[from] ProofError),
    #[error(transparent)]
    Octets(#[from] WrongOctets),
}

impl NoSheet {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Drawing(error) => error.code(),
            Self::TagLine(error) => error.code(),
            Self::Proof(error) => error.code(),
            Self::Octets(error) => error.code(),
        }
    }

    pub fn stop(&self) -> Stop {
        match self {
            Self::Drawing(RenderError::Proof(_)) | Self::Proof(_) => Stop::SheetProofFailed,
            Self::Drawing(RenderError::Sheet(_)) | Self::TagLine(_) => Stop::SheetFailed,
            Self::Octets(_) => Stop::SheetOctetsWrong,
        }
    }
}

/// Names the pels of pages as they were sent, tag line and all, so that a received one can be compared by whoever has the
/// master key. Keyed, because all that a sheet says but its key is known: with a plain hash whoever reads receipts could
/// try keys until a sheet has the same. Has no `Debug`, for it holds a key.
#[derive(Clone)]
pub struct SheetMarks(Hmac<Sha256>);

impl SheetMarks {
    const PURPOSE: &[u8] = b"shirase: mark of a sheet, 1";

    /// Derives a key of its own from the master key.
    pub fn new(master_key: &[u8; MASTER_KEY_OCTETS]) -> Self {
        Self(hmac_sha256(&derived_key(master_key, Self::PURPOSE)))
    }

    /// The mark of a page.
    pub fn of(&self, page: &t4::Page) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(&page.width_pels().to_be_bytes());
        mac.update(page.bits());
        mac.finalize().into_bytes().into()
    }
}
