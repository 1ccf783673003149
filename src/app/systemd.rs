//! What the service manager hears: ready, alive, stopping.
//!
//! In: heartbeats of our loops. Out: `READY=1`, `WATCHDOG=1`, `STOPPING=1`.
//! A loop that hangs stops the watchdog's messages: they are never sent by a timer alone.
//! Source: sd_notify(3), sd_watchdog_enabled(3).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sd_notify::NotifyState;

/// A loop is stalled when it did not move for this many checks in a row, four of them per watchdog time.
const CHECKS_WITHOUT_MOVE: u32 = 2;

/// Heart of one loop; the loop beats at least every quarter of `WatchdogSec`, also when idle.
#[derive(Clone)]
pub struct Pulse(Arc<AtomicU64>);

impl Pulse {
    /// One more turn.
    pub fn beat(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The loops that must move. Clones share them.
#[derive(Clone, Default)]
pub struct Heartbeats(Arc<Mutex<Vec<Heart>>>);

struct Heart {
    name: String,
    pulse: Pulse,
    seen: u64,
    still: u32,
}

impl Heartbeats {
    /// Registers a loop. From here on it must beat.
    pub fn watch(&self, name: impl Into<String>) -> Pulse {
        let pulse = Pulse(Arc::default());
        let heart = Heart { name: name.into(), pulse: pulse.clone(), seen: 0, still: 0 };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(heart);
        pulse
    }

    /// Names of the loops that have not moved for too long. To be asked once per quarter of the watchdog time.
    fn stalled(&self) -> Vec<String> {
        let mut hearts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for heart in hearts.iter_mut() {
            let now = heart.pulse.0.load(Ordering::Relaxed);
            heart.still = if now == heart.seen { heart.still + 1 } else { 0 };
            heart.seen = now;
        }
        hearts
            .iter()
            .filter(|heart| heart.still >= CHECKS_WITHOUT_MOVE)
            .map(|heart| heart.name.clone())
            .collect()
    }

    /// Tells the watchdog that we live, as long as every loop moves. Returns at once if nobody asked.
    pub async fn keep_watchdog(self) {
        let Some(watchdog) = sd_notify::watchdog_enabled() else { return };
        let mut ticks = tokio::time::interval((watchdog / 4).max(Duration::from_millis(10)));
        loop {
            ticks.tick().await;
            let stalled = self.stalled();
            if stalled.is_empty() {
                tell(&[NotifyState::Watchdog]);
            } else {
                tracing::error!(loops = stalled.join(","), "app.watchdog.stalled");
            }
        }
    }
}

/// Start is over: requests are answered.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The stop has begun.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Without a service manager this does nothing.
fn tell(words: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(words) {
        tracing::warn!(%error, "app.systemd.not_told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loop_that_beats_is_never_stalled() {
        let hearts = Heartbeats::default();
        let pulse = hearts.watch("line-1");
        for _ in 0..10 {
            pulse.beat();
            assert_eq!(hearts.stalled(), Vec::<String>::new());
        }
    }

    #[test]
    fn one_loop_that_hangs_is_named_after_two_checks_and_forgiven_when_it_moves() {
        let hearts = Heartbeats::default();
        let (lively, hanging) = (hearts.watch("store"), hearts.watch("line-1"));
        let check = || {
            lively.beat();
            hearts.stalled()
        };
        assert_eq!(check(), Vec::<String>::new());
        assert_eq!(check(), ["line-1"]);
        hanging.beat();
        assert_eq!(check(), Vec::<String>::new());
    }
}
