//! One claim is carried over one line, and what the far end really said is written down.
//!
//! In: a [`Claim`]. Out: a settled attempt: nothing is handed back that is not on disk.
//! Not here: which claim and when (`schedule`), what an ending means (`settle`).

pub mod fax;

use crate::queue::{Claim, QueueError};

/// One way out of the house: a fax line today. It belongs to one thread.
pub trait Carrier: Send {
    /// The name of the line, as in the settings.
    fn name(&self) -> &str;
    /// Gets the line ready for a claim; does nothing if it is.
    ///
    /// # Errors
    /// What is wrong with the line, in a technician's words. No claim is taken then.
    fn make_ready(&mut self) -> Result<(), LineFault>;
    /// Carries a claim to its end. The attempt is settled when it returns.
    ///
    /// # Errors
    /// The store did not take the result: the attempt is left open for the next start to settle.
    fn carry(&mut self, claim: Claim) -> Result<(), QueueError>;
}

/// Why a line takes no claims.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct LineFault {
    /// Stable code, e.g. `modem-no-device`.
    pub code: &'static str,
    /// What happened and what to do.
    pub message: String,
}
