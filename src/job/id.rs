//! Names of things: never derived from content, safe in logs and URLs.
//!
//! In: time and random bits, or text from a URL or the store. Out: ids of a type each.
//! Source: the ULID specification (26 characters of Crockford's base 32; the first ten are the time).
//! Not here: what a person calls a sheet (`render/reference.rs`).

use std::fmt;
use std::str::FromStr;

use super::UnixMillis;

/// A notification, e.g. `01JD3Z9Q6M4W1V8X2C5T7R0BNE`; sorts by time of acceptance.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct JobId(pub ulid::Ulid);

impl JobId {
    /// From the time of acceptance and at least 80 random bits; more of them are ignored.
    pub fn new(now: UnixMillis, random: u128) -> Self {
        Self(ulid::Ulid::from_parts(u64::try_from(now.0).unwrap_or(0), random))
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for JobId {
    type Err = ulid::DecodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// One attempt of a notification; rises over all of them.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AttemptId(pub i64);

/// Who calls the hook: the part of a token before the dot.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ClientId(pub String);

/// The caller's own name of a request: 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Takes the header's value as it came.
    ///
    /// # Errors
    /// [`KeyError`] for an empty or long value, or any character outside `!` to `~`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        match text.len() {
            0 => Err(KeyError::Empty),
            1..=255 if text.bytes().all(|b| b.is_ascii_graphic()) => Ok(Self(text.to_owned())),
            1..=255 => Err(KeyError::Character),
            length => Err(KeyError::Long { length }),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a value is no idempotency key. The caller's fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyError {
    #[error("an idempotency key must not be empty")]
    Empty,
    #[error("an idempotency key has at most 255 characters, this one has {length}")]
    Long { length: usize },
    #[error("an idempotency key is made of visible ASCII characters")]
    Character,
}

impl KeyError {
    pub fn code(self) -> &'static str {
        "invalid-idempotency-key"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_later_jobs_sort_later_and_parse_back() {
        let early = JobId::new(UnixMillis(1_700_000_000_000), u128::MAX);
        let late = JobId::new(UnixMillis(1_700_000_000_001), 0);
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(early.to_string().parse(), Ok(early));
        assert_eq!(early.to_string().len(), 26);
    }

    #[test]
    fn idempotency_key_is_visible_ascii_of_1_to_255() {
        assert_eq!(IdempotencyKey::parse("a-1~!").map(|k| k.0), Ok("a-1~!".into()));
        assert!(IdempotencyKey::parse(&"x".repeat(255)).is_ok());
        assert_eq!(IdempotencyKey::parse(&"x".repeat(256)), Err(KeyError::Long { length: 256 }));
        assert_eq!(IdempotencyKey::parse(""), Err(KeyError::Empty));
        for bad in ["a b", "a\n", "鍵", "a\u{7f}"] {
            assert_eq!(IdempotencyKey::parse(bad), Err(KeyError::Character), "{bad:?}");
        }
    }
}
