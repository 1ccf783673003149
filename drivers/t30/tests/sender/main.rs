//! The sending session against a far end that follows a script, in counted time.
//!
//! In: scripts, one reply for each time the session listens. Out: the whole call as lines of text.
//! A story is a script and the lines that it must give; `far_end` plays it, `block` reads what goes
//! out under error correction, `random` lets the far end do anything.
//! Not here: what a private function does; those tests stand beside it.
#![expect(clippy::unwrap_used, reason = "also the helpers of tests may fail the test so")]

mod block;
mod driving;
mod far_end;
mod known_octets;
mod phase_a;
mod phase_b;
mod phase_c;
mod phase_d;
mod phase_d_ecm;
mod random;
