//! What a log line may show of a number.
//!
//! Numbers of our own keep themselves masked ([`crate::job::FaxNumber`]); this is for text that came from
//! outside, such as the identity that a far machine claims.

use std::fmt;

/// Shows the last four characters; every other digit or letter becomes `*`, and nothing that could
/// move a terminal's cursor remains.
pub struct Redacted<'a>(pub &'a str);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let masked = self.0.chars().count().saturating_sub(4);
        for (place, character) in self.0.chars().enumerate() {
            let shown = match character {
                _ if place < masked && character.is_alphanumeric() => '*',
                _ if character.is_ascii_graphic() || character == ' ' => character,
                _ => '?',
            };
            write!(f, "{shown}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_identity_keeps_its_last_four_and_its_shape() {
        assert_eq!(Redacted("+81 3 5550 0123").to_string(), "+** * **** 0123");
    }

    #[test]
    fn escape_sequence_loses_its_escape() {
        assert_eq!(Redacted("\u{1b}[2J").to_string(), "?[2J");
    }
}
