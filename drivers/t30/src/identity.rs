//! The twenty characters by which machines tell each other who they are: TSI ours, CSI theirs; and
//! what is kept of the maker's own, NSF.
//!
//! In: text of ours, octets of theirs. Out: octets of a FIF, printable text.
//! Source: ITU-T T.30 (09/2005) 5.3.6.2.4 to 5.3.6.2.6 and table 3: digits, `+` and space, the last
//! character first.
//! Not here: whether an identity is the right one (`src/office`); subaddress and password, which
//! are written in the same way (`subaddress`).

use alloc::{string::String, vec::Vec};

/// Characters of an identity (5.3.6.2.4).
pub(crate) const CHARACTERS: usize = 20;

/// Our identity for TSI, as it goes into the FIF.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity([u8; CHARACTERS]);

/// Why a text cannot be an identity.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum IdentityError {
    /// A TSI has room for 20 characters.
    #[error("an identity has at most 20 characters, not {characters}")]
    Long { characters: usize },
    /// T.30 table 3 has digits, `+` and space only.
    #[error("an identity has digits, + and spaces only, not {character:?}")]
    Character { character: char },
}

impl Identity {
    /// Takes at most 20 of `0-9`, `+` and space.
    ///
    /// # Errors
    /// [`IdentityError::Character`] for the first other character, else [`IdentityError::Long`].
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        if let Some(character) = text.chars().find(|c| !matches!(c, '0'..='9' | '+' | ' ')) {
            return Err(IdentityError::Character { character });
        }
        let long = IdentityError::Long { characters: text.len() };
        last_character_first(text).map(Self).ok_or(long)
    }

    pub(crate) fn fif(&self) -> &[u8] {
        &self.0
    }
}

/// The FIF of a text, filled up with spaces; `None` if it is longer than [`CHARACTERS`].
pub(crate) fn last_character_first(text: &str) -> Option<[u8; CHARACTERS]> {
    let mut octets = [b' '; CHARACTERS];
    for (place, character) in octets.iter_mut().zip(text.bytes().rev()) {
        *place = character;
    }
    (text.len() <= CHARACTERS).then_some(octets)
}

/// Octets of an NSF that are kept; what makers put there is told apart by the first few.
const NSF_KEPT_OCTETS: usize = 64;

pub(crate) fn kept_of_nsf(mut fif: Vec<u8>) -> Vec<u8> {
    fif.truncate(NSF_KEPT_OCTETS);
    fif
}

/// Text of a CSI: printable ASCII, outer spaces gone, `None` if nothing is left.
///
/// Machines in the field send letters too. An octet that is not printable shows as `?` rather than
/// vanishing, so that no damaged number reads like a shorter good one. Octets past 20 are dropped.
pub(crate) fn decode_csi(fif: &[u8]) -> Option<String> {
    let text: String = fif
        .iter()
        .take(CHARACTERS)
        .rev()
        .map(|&octet| match octet {
            b' '..=b'~' => char::from(octet),
            _ => '?', // an open set: every other octet
        })
        .collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_goes_last_character_first() {
        let identity = Identity::parse("020 7063 8601").unwrap();
        // The TSI of a published trace of spandsp as the sender, from the fourth octet on.
        assert_eq!(identity.fif(), b"1068 3607 020       ");
    }

    #[test]
    fn identity_refuses_letters_and_length() {
        assert_eq!(Identity::parse("03-1"), Err(IdentityError::Character { character: '-' }));
        assert_eq!(
            Identity::parse("123456789012345678901"),
            Err(IdentityError::Long { characters: 21 })
        );
    }

    #[test]
    fn csi_of_spaces_or_nothing_is_none() {
        assert_eq!(decode_csi(b"                    "), None);
        assert_eq!(decode_csi(b""), None);
    }

    #[test]
    fn csi_control_characters_show_and_do_not_vanish() {
        assert_eq!(decode_csi(b"2\x1b1  ").as_deref(), Some("1?2"));
        assert_eq!(decode_csi(&[b'7'; 200]).map(|s| s.len()), Some(CHARACTERS));
    }
}
