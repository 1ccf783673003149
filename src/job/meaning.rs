//! What a stable code says to people: what happened, who acts, and what to do, in both languages.
//!
//! Not here: the codes. Each table stands where its codes are decided; `app/catalogue.rs` leads to all of them.

use serde::Serialize;
use utoipa::ToSchema;

use super::Mender;

/// The catalogue entry of a code.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ToSchema)]
pub struct Meaning {
    /// Stable name, as in a receipt.
    pub code: &'static str,
    /// The short Japanese term that technicians of fax services know.
    pub label_ja: &'static str,
    /// What happened, one English sentence.
    pub text: &'static str,
    /// The same sentence in Japanese.
    pub text_ja: &'static str,
    /// Who acts, if repeating the call does not help; nobody if there is nothing to do.
    pub acts: Option<Mender>,
    /// What to do.
    pub next: &'static str,
    /// The same in Japanese.
    pub next_ja: &'static str,
}

/// An entry of a table: the code and its label, who acts, what happened, what to do.
pub(crate) const fn entry(
    code: &'static str,
    label_ja: &'static str,
    acts: Option<Mender>,
    text: &'static str,
    text_ja: &'static str,
    next: &'static str,
    next_ja: &'static str,
) -> Meaning {
    Meaning { code, label_ja, text, text_ja, acts, next, next_ja }
}
