//! Time, the timers of T.30, and our value inside each tolerance.
//!
//! In: nothing. Out: constants, and [`Millis`] to add them to.
//! Source: ITU-T T.30 (09/2005) 5.4.3.1, 5.1, 5.3.1; T.4 (07/2003) Annex A.
//! Not here: T2 and T3; a calling machine that sends and never has an operator needs neither.

use core::time::Duration;

/// Time since an origin that the caller chose, counted in milliseconds.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Millis(pub u64);

impl Millis {
    /// This time and `wait` more; stays at the end of time rather than wrapping.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long ago `earlier` was; zero if it was not.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// T1, 35 s ± 5 s: two machines try to identify each other. The nominal value.
pub(crate) const T1: Duration = Duration::from_secs(35);

/// T4, 3.0 s ± 15 % for automatic machines: wait for the response to a command. The nominal value.
pub(crate) const T4: Duration = Duration::from_secs(3);

/// T5, 60 s ± 5 s (A.5.4.1): how long a receiver may stay busy. The nominal value.
pub(crate) const T5: Duration = Duration::from_secs(60);

/// A command goes out three times at most (flow chart 5-2 and its notes).
pub(crate) const TRIES: u8 = 3;

/// Silence before each of our signals, 75 ms ± 20 ms (5.1): the least. What modem and host say to
/// each other between two signals comes on top: 62 ms to 85 ms were measured on a line. A call has five
/// of them.
pub(crate) const GAP: Duration = Duration::from_millis(55);

/// TCF, 1.5 s ± 10 %, so 1.35 s to 1.65 s (5.3.6.1): near its short end, with 10 ms for a modem that
/// cuts off its last symbols. Receivers judge about a second in the middle of it.
pub(crate) const TCF: Duration = Duration::from_millis(1_360);

/// Longest a frame lasts on the line, 3 s + 15 % (5.3.1): the wait for the next frame of a carrier
/// whose last frame said that another follows.
pub(crate) const FRAME: Duration = Duration::from_millis(3_450);

/// Until a machine that was not answered says DIS again: T4 with its tolerance, 3.45 s, the preamble
/// and room for our own reading of the first.
pub(crate) const DIS_AGAIN: Duration = Duration::from_secs(6);

/// Frames heard in one wait before we stop listening. Chosen: an honest answer has at most about
/// ten with all its optional frames.
pub(crate) const FRAMES_PER_WAIT: u8 = 64;

/// A receiver asks this often for frames of one block before the sender must slow down or end it
/// (A.4.1: after the fourth PPR).
pub(crate) const PPR_LIMIT: u8 = 4;

/// Flags before the first frame of a block, 200 ms + 100 ms (T.4 A.3.1): the least.
pub(crate) const BLOCK_FLAGS: Duration = Duration::from_millis(200);

/// How often in a call a page goes out again after RTN. Chosen: the receiver may have printed each.
pub(crate) const RTN_RESENDS: u8 = 2;
