//! A notification as the gateway knows it: parsed once, trusted afterwards.
//!
//! In: raw fields from `hook`. Out: [`NewJob`], and the states that a job and its attempts go through.
//! Not here: whether it may be sent and how (`office`), where it is kept (`queue`).

pub mod fields;
pub mod id;
pub mod number;
pub mod secret;
pub mod state;

pub use fields::{Credentials, Document, Kind, NewJob, Party, Recipient, SheetText, Urgency};
pub use id::{AttemptId, ClientId, IdempotencyKey, JobId};
pub use number::FaxNumber;
pub use secret::Secret;
pub use state::{AttemptState, Evidence, JobState};

/// Wall-clock time in milliseconds since 1970-01-01 UTC, as `app/clock.rs` read it.
#[derive(
    Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, serde::Serialize, serde::Deserialize,
)]
pub struct UnixMillis(pub i64);
