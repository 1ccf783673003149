//! An identity that comes back: who reports about a mail proves with it that he had the mail.
//!
//! In: a key and the 16 octets that name an attempt. Out: 52 letters and digits, and from them the 16 octets
//! again if the key made them. Forging one needs the key; keeping the key secret is the caller's.
//! Source: RFC 2104 (HMAC), FIPS 180-4 (SHA-256), RFC 4648 6 (base32); a local part of 64 octets, RFC 5321 4.5.3.1.1.
//! Not here: where the token stands in a mail (`address.rs`, `report/`).

use std::fmt;

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// What a token names: 16 octets of the caller's, such as a ULID.
pub type Subject = [u8; 16];

/// Letters and digits of a token: 32 octets, five bits each.
pub(crate) const TOKEN_CHARS: usize = 52;
/// Half of a SHA-256: 2^128 tries to forge one. Chosen, so that a token fits a local part.
const MAC_OCTETS: usize = 16;
/// RFC 2104 2: a shorter key is padded with zeros to a block of the hash.
const HMAC_BLOCK_OCTETS: usize = 64;
/// Keeps these codes apart from whatever else the key is used for.
const PURPOSE: &[u8] = b"return path of a mail, 1";

/// The key behind tokens. `Debug` shows nothing of it; it is wiped when dropped.
pub struct TokenKey(Zeroizing<[u8; HMAC_BLOCK_OCTETS]>);

impl TokenKey {
    /// Takes a key of random octets.
    #[must_use]
    pub fn new(octets: [u8; 32]) -> Self {
        let mut block = Zeroizing::new([0; HMAC_BLOCK_OCTETS]);
        block.iter_mut().zip(octets).for_each(|(to, octet)| *to = octet);
        Self(block)
    }

    /// The token of `subject`: the same one each time.
    #[must_use]
    pub fn mint(&self, subject: Subject) -> Token {
        let code = self.code(subject).finalize().into_bytes();
        let octets: Vec<u8> =
            subject.into_iter().chain(code.into_iter().take(MAC_OCTETS)).collect();
        // Small letters: a capital would be the one that a careless host changes.
        Token(BASE32_NOPAD.encode(&octets).to_ascii_lowercase())
    }

    /// What `text` names, if this key made it; letters may have changed their case on the way.
    #[must_use]
    pub fn open(&self, text: &str) -> Option<Subject> {
        let octets = BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).ok()?;
        let (subject, code) = octets.split_first_chunk::<{ size_of::<Subject>() }>()?;
        if code.len() != MAC_OCTETS {
            return None;
        }
        self.code(*subject).verify_truncated_left(code).ok()?; // in constant time
        Some(*subject)
    }

    /// The one subject that `text` names with tokens of this key, however they are embedded; `None` without
    /// one, and if there are two: such a mail was put together by somebody.
    #[must_use]
    pub fn find<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> Option<Subject> {
        let mut found = None;
        let runs = texts.into_iter().flat_map(|text| text.split(|c: char| !is_token_char(c)));
        for subject in runs.filter(|run| run.len() == TOKEN_CHARS).filter_map(|run| self.open(run))
        {
            match found {
                None => found = Some(subject),
                Some(known) if known == subject => {}
                Some(_other) => return None,
            }
        }
        found
    }

    fn code(&self, subject: Subject) -> Hmac<Sha256> {
        Hmac::<Sha256>::new((&*self.0).into()).chain_update(PURPOSE).chain_update(subject)
    }
}

fn is_token_char(c: char) -> bool {
    c.is_ascii_alphabetic() || ('2'..='7').contains(&c)
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(..)")
    }
}

/// 52 small letters and digits 2 to 7. No secret: every host on the way reads it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Token(String);

impl Token {
    /// As it stands in an address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBJECT: Subject = *b"0123456789abcdef";

    fn key(octet: u8) -> TokenKey {
        TokenKey::new([octet; 32])
    }

    #[test]
    fn token_opens_with_its_key_in_either_case() {
        let token = key(1).mint(SUBJECT);
        assert_eq!(token.as_str().len(), TOKEN_CHARS);
        assert_eq!(key(1).open(token.as_str()), Some(SUBJECT));
        assert_eq!(key(1).open(&token.as_str().to_ascii_uppercase()), Some(SUBJECT));
    }

    #[test]
    fn token_of_another_key_or_with_one_letter_changed_is_nothing() {
        let token = key(1).mint(SUBJECT);
        assert_eq!(key(2).open(token.as_str()), None);
        for at in 0..TOKEN_CHARS {
            let mut letters: Vec<u8> = token.as_str().bytes().collect();
            letters[at] = if letters[at] == b'a' { b'b' } else { b'a' };
            let changed = String::from_utf8(letters).unwrap();
            assert_eq!(key(1).open(&changed), None, "letter {at}");
        }
    }

    #[test]
    fn token_is_found_inside_an_address_and_twice_is_still_one() {
        let token = key(1).mint(SUBJECT);
        let path = format!("<bounce+{}@example.jp>", token.as_str());
        assert_eq!(key(1).find(["nothing", &path, &path]), Some(SUBJECT));
    }

    #[test]
    fn tokens_of_two_attempts_in_one_mail_name_neither() {
        let (one, other) = (key(1).mint(SUBJECT), key(1).mint([7; 16]));
        let text = format!("{} {}", one.as_str(), other.as_str());
        assert_eq!(key(1).find([text.as_str()]), None);
    }

    #[test]
    fn token_cut_short_or_grown_is_nothing() {
        let token = key(1).mint(SUBJECT);
        assert_eq!(key(1).find([&token.as_str()[1..]]), None);
        assert_eq!(key(1).find([format!("a{}", token.as_str()).as_str()]), None);
    }

    #[test]
    fn debug_shows_nothing_of_the_key() {
        assert_eq!(format!("{:?}", key(0x41)), "TokenKey(..)");
    }
}
