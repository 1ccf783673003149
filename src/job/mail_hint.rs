//! A reminder of a mail address that does not give it away: paper lies open.
//!
//! In: a string from outside. Out: [`MailHint`].
//! Not here: mail addresses; no sheet has one.

use super::{SheetText, TextError};

/// Such as `s***@example.co.jp`, or words: what stands before an `@` is masked by at least one `*`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MailHint(SheetText);

impl MailHint {
    /// Longest hint. Chosen: one line on the sheet.
    pub const MAX_CHARS: usize = 40;

    /// # Errors
    /// [`MailHintError`]; it does not repeat the text.
    pub fn parse(text: &str) -> Result<Self, MailHintError> {
        Self::masked(SheetText::parse(text, Self::MAX_CHARS)?)
    }

    /// Takes a hint that was accepted earlier, see [`SheetText::stored`]; a whole address is refused all the same.
    ///
    /// # Errors
    /// [`MailHintError`]; it does not repeat the text.
    pub fn stored(text: &str) -> Result<Self, MailHintError> {
        Self::masked(SheetText::stored(text, Self::MAX_CHARS)?)
    }

    fn masked(text: SheetText) -> Result<Self, MailHintError> {
        let is_masked = |before: &str| before.contains(['*', '＊']);
        match text.as_str().rsplit_once(['@', '＠']) {
            Some((before, _domain)) if !is_masked(before) => Err(MailHintError::Whole),
            Some(_) | None => Ok(Self(text)),
        }
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Why a text cannot be printed as a hint. The caller's fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum MailHintError {
    #[error(transparent)]
    Text(#[from] TextError),
    #[error("gives the whole address away: put at least one * before the @")]
    Whole,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hint_may_be_masked_or_words_and_never_a_whole_address() {
        for hint in ["s***@example.co.jp", "＊＊＊＠example.co.jp", "登録したアドレス"]
        {
            assert_eq!(MailHint::parse(hint).expect("a hint").as_str(), hint);
        }
        for whole in ["sakura@example.co.jp", "sakura＠example.co.jp", "さくら@さくら.jp *"]
        {
            assert_eq!(MailHint::parse(whole), Err(MailHintError::Whole), "{whole}");
        }
        let empty = MailHint::parse(" ").expect_err("nothing to read");
        assert_eq!(empty, MailHintError::Text(TextError::Empty));
    }
}
