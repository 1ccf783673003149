//! Subaddress and password: which box of the called machine the pages are for, and what opens it.
//!
//! In: text. Out: octets of the FIFs of SUB and SID.
//! Source: ITU-T T.30 (09/2005) 5.3.6.1.3 and table 2, bits 49 and 50; written as table 3 with `*` and
//! `#`, the last character first. In Japan both together are known as F-code.
//! Not here: PWD and SEP, which are for polling. What people call the password of a transmission
//! travels in SID.

use core::fmt;

use crate::identity::{CHARACTERS, last_character_first};

/// The box at the called machine, for SUB.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Subaddress([u8; CHARACTERS]);

/// What opens the box, for SID. Its `Debug` shows nothing of it.
#[derive(Clone, Eq, PartialEq)]
pub struct Password([u8; CHARACTERS]);

/// Why a text can be neither. It never shows the text, which may be a secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SubaddressError {
    /// Nothing would be asked for.
    #[error("a subaddress or password has at least 1 character")]
    Empty,
    /// SUB and SID have room for 20 characters.
    #[error("a subaddress or password has at most 20 characters, not {characters}")]
    Long { characters: usize },
    /// Digits, `*` and `#` are all that a telephone's keys can type.
    #[error("a subaddress or password has digits, * and # only")]
    Character,
}

impl Subaddress {
    /// Takes 1 to 20 of `0-9`, `*` and `#`.
    ///
    /// # Errors
    /// [`SubaddressError`] says what is wrong with the text, without the text.
    pub fn parse(text: &str) -> Result<Self, SubaddressError> {
        octets(text).map(Self)
    }

    pub(crate) fn fif(&self) -> &[u8] {
        &self.0
    }
}

impl Password {
    /// Takes 1 to 20 of `0-9`, `*` and `#`.
    ///
    /// # Errors
    /// [`SubaddressError`] says what is wrong with the text, without the text.
    pub fn parse(text: &str) -> Result<Self, SubaddressError> {
        octets(text).map(Self)
    }

    pub(crate) fn fif(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

fn octets(text: &str) -> Result<[u8; CHARACTERS], SubaddressError> {
    if text.is_empty() {
        return Err(SubaddressError::Empty);
    }
    if text.chars().any(|c| !matches!(c, '0'..='9' | '*' | '#')) {
        return Err(SubaddressError::Character);
    }
    last_character_first(text).ok_or(SubaddressError::Long { characters: text.len() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn subaddress_goes_last_character_first() {
        assert_eq!(Subaddress::parse("12*34#").unwrap().fif(), b"#43*21              ");
    }

    #[test]
    fn what_no_key_types_is_refused_without_being_shown() {
        assert_eq!(Subaddress::parse(""), Err(SubaddressError::Empty));
        for text in ["1 2", "+81", "a", "\u{661}"] {
            assert_eq!(Password::parse(text), Err(SubaddressError::Character), "{text}");
        }
        let long = SubaddressError::Long { characters: 21 };
        assert_eq!(Password::parse("123456789012345678901"), Err(long));
    }

    #[test]
    fn debug_of_a_password_shows_nothing() {
        assert_eq!(format!("{:?}", Password::parse("4711").unwrap()), "Password(..)");
    }
}
