//! When a notification has its turn.
//!
//! `backoff` spaces the tries of one job, `windows` keeps the calling hours, `lines` is a thread per line
//! that takes what is due; `line_health` says whether it may, `line_board` what is known of it, `self_test`
//! when it is tested. `mail_lanes` does for mails what `lines` does for calls; `mail_traffic` says which may go,
//! `mail_board` what is known of the relay. `horizon` says when one that is taken on now would go out.
//! Not here: how often a number may be called at all (`office/redial.rs`).

pub mod backoff;
pub mod horizon;
pub mod line_board;
pub mod line_health;
pub mod lines;
pub mod mail_board;
pub mod mail_lanes;
pub mod mail_traffic;
pub mod self_test;
pub mod windows;
