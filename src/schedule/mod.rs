//! When a notification has its turn.
//!
//! `backoff` spaces the tries of one job, `windows` keeps the calling hours, `lines` is a thread per line
//! that takes what is due.
//! Not here: how often a number may be called at all (`office/redial.rs`).

pub mod backoff;
pub mod lines;
pub mod windows;
