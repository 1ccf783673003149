//! A fax number: digits only, shown with all but the last four masked.

use std::fmt;

/// Digits of a Japanese number, 10 or 11 of them, normalised. `Display` and `Debug` mask it.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct FaxNumber(pub(super) String);

impl FaxNumber {
    /// All digits, for the dial string, the store and the redial ledger.
    pub fn digits(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FaxNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tail = self.0.len().saturating_sub(4);
        write!(f, "{}{}", "*".repeat(tail), self.0.get(tail..).unwrap_or(""))
    }
}

impl fmt::Debug for FaxNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaxNumber({self})")
    }
}
