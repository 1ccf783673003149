//! A call in Class 2, 2.0 or 2.1: the modem speaks T.30, we hand it pages and believe what it says of
//! them only where it says it in so many words.
//!
//! The files in the order of a call, which `session` drives: `agree` (who answered, terms, training), `page`,
//! `status` (what became of it). Below them: `dialect` (which commands this class has), `terms` (what is
//! asked for and agreed), `words` (what the modem says), `codes` (why it hung up).
//! Source: SP-2388-A (Class 2), TIA-592 (2.0), T.32 (2.1); makers' manuals where they differ.
//! Not here: frames and timers of T.30, which the modem keeps to itself; dialling (`call.rs`).

pub(crate) mod agree;
pub(crate) mod codes;
pub(crate) mod dialect;
mod page;
pub(crate) mod session;
mod status;
pub(crate) mod terms;
mod words;

pub(crate) use dialect::Dialect;
pub(crate) use status::Taken;
pub(crate) use terms::Means;
pub(crate) use words::Word;
pub use words::{Said, explain};
