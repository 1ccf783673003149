//! The pages of one call, drawn before it begins.
//!
//! In: a claim or a drawn sheet, the time of the call. Out: one page for either resolution, with its tag line; or
//! why there is none.
//! Not here: how a sheet is drawn (`render`), how it is coded (`coded.rs`).

use sha2::{Digest, Sha256};

use super::coded::{self, Coder};
use super::tag_line::TagLine;
use crate::queue::Claim;
use crate::render::{Proof, ProofError, RenderError, Renderer};
use crate::settle::Stop;

/// The sheet as either kind of far machine takes it. Both are drawn before dialling: a machine that has
/// said CFR waits 6 s for its page (T2, T.30 5.4.3.1), and nothing that can hang belongs there.
pub struct Sheets {
    pub fine: t4::Page,
    pub standard: t4::Page,
    pub proof: Proof,
}

impl Sheets {
    /// The sheet of a claim, as the copy that it is.
    pub fn draw(renderer: &Renderer, claim: &Claim) -> Result<Self, RenderError> {
        let (drawn, proof) = renderer.draw_to_send(claim.id, &claim.job, claim.standing.copy())?;
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

    /// Whether the far machine can print the credentials from these octets. Some ms; the far machine waits
    /// seconds for its page.
    pub fn holds(&self, octets: &[u8], contract: &t30::Contract) -> Result<(), ProofError> {
        let fineness = match contract.resolution {
            t30::Resolution::Fine => sheet::Fineness::Fine,
            t30::Resolution::Standard => sheet::Fineness::Standard,
        };
        let sent = self.of(contract.resolution);
        match coded::decoded(octets, sent, contract) {
            Some(page) if page == *sent => self.proof.holds_on(&page, fineness),
            Some(_) | None => Err(ProofError::Octets),
        }
    }

    pub fn length_mm(&self) -> u16 {
        u16::try_from(self.fine.length_mm()).unwrap_or(u16::MAX)
    }

    /// Codes it as [`Coder::prepare`] does.
    pub fn prepare(&self, coder: &mut Coder) {
        coder.prepare(&self.fine, t30::Resolution::Fine);
        coder.prepare(&self.standard, t30::Resolution::Standard);
    }

    pub fn of(&self, resolution: t30::Resolution) -> &t4::Page {
        match resolution {
            t30::Resolution::Fine => &self.fine,
            t30::Resolution::Standard => &self.standard,
        }
    }
}

/// Why a call has no page to send.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoSheet {
    #[error(transparent)]
    Drawing(#[from] RenderError),
    #[error(transparent)]
    TagLine(#[from] tagline::StampError),
}

impl NoSheet {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Drawing(error) => error.code(),
            Self::TagLine(error) => error.code(),
        }
    }

    pub fn stop(&self) -> Stop {
        match self {
            Self::Drawing(RenderError::Proof(_)) => Stop::SheetProofFailed,
            Self::Drawing(RenderError::Sheet(_)) | Self::TagLine(_) => Stop::SheetFailed,
        }
    }
}

/// Names the pels of a page as it was sent, tag line and all, so that a received one can be compared.
pub fn sheet_sha256(page: &t4::Page) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(page.width_pels().to_be_bytes());
    hash.update(page.bits());
    hash.finalize().into()
}
