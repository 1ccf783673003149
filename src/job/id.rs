//! Names of things: never derived from content, safe in logs and URLs.

use std::fmt;
use std::str::FromStr;

/// A notification, e.g. `01JD3Z9Q6M4W1V8X2C5T7R0BNE`; sorts by time of acceptance.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct JobId(pub ulid::Ulid);

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
pub struct IdempotencyKey(pub(super) String);
