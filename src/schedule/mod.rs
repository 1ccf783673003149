//! When a notification has its turn.
//!
//! `backoff` spaces the tries of one job, `windows` keeps the calling hours.
//! Not here: how often a number may be called at all (`office/redial.rs`).

pub mod backoff;
pub mod windows;
