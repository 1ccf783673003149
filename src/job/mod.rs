//! A notification as the gateway knows it: parsed once, trusted afterwards.
//!
//! In: raw fields from `hook` and from the store. Out: [`NewJob`], and the states that a job and its
//! attempts go through.
//! Not here: whether it may be sent and how (`office`), where it is kept (`queue`).

pub mod because;
pub mod channel;
pub mod content;
#[cfg(test)]
pub(crate) mod examples;
pub mod fields;
mod hash;
pub mod id;
pub mod mail_hint;
pub mod meaning;
mod mender;
pub(crate) mod names;
pub mod number;
pub mod office_number;
pub mod progress;
pub mod secret;
pub mod sign;
pub mod state;
pub mod text;

pub use because::FaxBecause;
pub use channel::Channel;
pub use content::{Content, Keys, Kind, Notice, Occasion};
pub use fields::{Credentials, Document, IfUncertain, Language, NewJob, Party, Recipient, Urgency};
pub use hash::hex;
pub use id::{AttemptId, ClientId, IdempotencyKey, JobId, KeyError};
pub use mail_hint::{MailHint, MailHintError};
pub use mender::Mender;
pub use names::UnknownName;
pub use number::{Denied, FaxNumber, NumberError};
pub use office_number::{OfficeClass, OfficeNumber, OfficeNumberError};
pub use progress::{Live, ProgressBoard};
pub use secret::{Secret, SecretError};
pub use sign::Sign;
pub use state::{AttemptState, Evidence, JobState};
pub use text::{Flaw, SheetText, TextError};

/// Japan has kept UTC+9 without summer time since 1952: no time zone data is needed, and none can be out of date.
pub const JAPAN: jiff::tz::Offset = jiff::tz::offset(9);

/// Wall-clock time in milliseconds since 1970-01-01 UTC, as `app/clock.rs` read it.
#[derive(
    Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// This much later; stays at the end of time instead of overflowing.
    pub fn after(self, span: std::time::Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long ago `earlier` was; nothing if it is yet to come.
    pub fn since(self, earlier: Self) -> std::time::Duration {
        let passed = u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0);
        std::time::Duration::from_millis(passed)
    }

    /// As people and callers read it: `2026-11-24T00:00:00.123Z`.
    pub fn rfc3339(self) -> String {
        let (first, last) = (jiff::Timestamp::MIN, jiff::Timestamp::MAX);
        let clamped = self.0.clamp(first.as_millisecond(), last.as_millisecond());
        jiff::Timestamp::from_millisecond(clamped).unwrap_or_default().to_string()
    }

    /// As clocks in Japan show it; `None` outside the calendar.
    pub fn in_japan(self) -> Option<jiff::civil::DateTime> {
        jiff::Timestamp::from_millisecond(self.0).ok().map(|at| JAPAN.to_datetime(at))
    }

    /// This much earlier; stays at the beginning of time instead of overflowing.
    pub fn before(self, span: std::time::Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }
}
