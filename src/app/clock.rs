//! The wall clock: the only place that reads it. Everything else is handed the time.
//!
//! Not here: waiting, which is relative and uses tokio's timers.

use crate::job::UnixMillis;

/// Somebody who knows the time.
pub trait Clock: Send + Sync {
    /// Wall-clock time now. It may jump in both directions: the operator, NTP, a machine without a battery.
    fn now(&self) -> UnixMillis;
}

/// The machine's own clock.
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where wall time comes from")]
    fn now(&self) -> UnixMillis {
        // A clock before 1970 is a clock that was never set; 0 is as good as any of its values.
        let since_1970 =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        UnixMillis(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
    }
}
