//! The sending session against far ends, in counted time.
//!
//! In: calls as scripts, or chance. Out: the whole call as lines of text.
//! `golden` plays the scripts of `tests/golden/calls` (read by `script`), `random` lets the far end say
//! anything, `driving` breaks the contract of the caller, `known_octets` compares with what others put
//! on a line. `line` is the line between the two ends; `block`, `hdlc` and `frames` read what
//! goes over it.
//! Not here: what a private function does; those tests stand beside it.
#![expect(clippy::unwrap_used, reason = "also the helpers of tests may fail the test so")]

mod block;
mod driving;
mod frames;
mod golden;
mod hdlc;
mod known_octets;
mod line;
mod random;

mod script;
