//! A value that is never shown: no Display, no Serialize, wiped on drop.
//!
//! In: what a caller or the opened seal gives. Out: [`Secret`], which only drawing and sealing may open.
//! Not here: how it lies in the store (`queue/seal.rs`).

use zeroize::Zeroizing;

/// A password, key or login ID.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Shorter ones can be guessed. Chosen.
    pub const MIN_CHARS: usize = 4;

    /// Takes the value over: [`Secret::MIN_CHARS`] to `limit` printable ASCII characters, no space,
    /// so that a reader can copy each of them from paper.
    ///
    /// # Errors
    /// [`SecretError`]; it never holds any of the value, and the value is wiped.
    pub fn parse(value: String, limit: usize) -> Result<Self, SecretError> {
        let value = Zeroizing::new(value);
        if let Some(at) = value.chars().position(|c| !c.is_ascii_graphic()) {
            return Err(SecretError::Character { at });
        }
        match value.len() {
            short if short < Self::MIN_CHARS => Err(SecretError::Short { least: Self::MIN_CHARS }),
            long if long > limit => Err(SecretError::Long { limit }),
            _fits => Ok(Self(value)),
        }
    }

    /// The value, for drawing and sealing only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Why a value cannot be printed as a secret. The caller's fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SecretError {
    /// `at` counts characters from 0; which one it is stays unsaid.
    #[error("must be printable ASCII characters without spaces; character {at} (from 0) is not")]
    Character { at: usize },
    #[error("must have at least {least} characters")]
    Short { least: usize },
    #[error("must have at most {limit} characters")]
    Long { limit: usize },
}

impl SecretError {
    pub fn code(self) -> &'static str {
        "invalid-credential"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_takes_4_to_limit_printable_ascii() {
        assert_eq!(
            Secret::parse("Ab3~".into(), 4).map(|s| s.expose().to_owned()),
            Ok("Ab3~".into())
        );
        let refused = [
            ("abc", SecretError::Short { least: 4 }),
            ("abcde", SecretError::Long { limit: 4 }),
            ("a bc", SecretError::Character { at: 1 }),
            ("ab\u{0}c", SecretError::Character { at: 2 }),
            ("1パスワ", SecretError::Character { at: 1 }),
        ];
        for (text, error) in refused {
            assert_eq!(Secret::parse(text.into(), 4).err(), Some(error), "{text:?}");
        }
    }

    #[test]
    fn debug_shows_nothing_of_the_value() {
        let secret = Secret::parse("canary-9431".into(), 32).expect("parses");
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }
}
