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

/// Counts the turns of one loop; the loop beats at least every quarter of `WatchdogSec`, also when idle.
#[derive(Clone, Default)]
pub struct Pulse(Arc<AtomicU64>);

impl Pulse {
    /// One more turn.
    pub fn beat(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How many there were.
    pub fn turns(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The loops that must move. Clones share them.
#[derive(Clone, Default)]
pub struct Heartbeats(Arc<Mutex<Vec<Heart>>>);

struct Heart {
    name: String,
    turns: Box<dyn Fn() -> Option<u64> + Send>,
    seen: Option<u64>,
    still: u32,
}

impl Heartbeats {
    /// Registers a loop by a number that every turn of it changes; `None` while it has leave to rest.
    pub fn watch(&self, name: impl Into<String>, turns: impl Fn() -> Option<u64> + Send + 'static) {
        let heart = Heart { name: name.into(), turns: Box::new(turns), seen: None, still: 0 };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(heart);
    }

    /// Names of the loops that have not moved for too long. To be asked once per quarter of the watchdog time.
    fn stalled(&self) -> Vec<String> {
        let mut hearts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for heart in hearts.iter_mut() {
            let now = (heart.turns)();
            let moved = now.is_none() || now != heart.seen;
            heart.still = if moved { 0 } else { heart.still + 1 };
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
        // After a stall, two looks at once would find nothing moved between them.
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
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

/// What is to be seen in `systemctl status`.
pub fn status(status: &str) {
    tell(&[NotifyState::Status(status)]);
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
    fn loop_that_beats_or_rests_by_leave_is_never_stalled() {
        let hearts = Heartbeats::default();
        let pulse = Pulse::default();
        let watched = pulse.clone();
        hearts.watch("store", move || Some(watched.turns()));
        hearts.watch("line-1", || None);
        for _ in 0..10 {
            pulse.beat();
            assert_eq!(hearts.stalled(), Vec::<String>::new());
        }
    }

    #[test]
    fn one_loop_that_hangs_is_named_after_two_still_checks_and_forgiven_when_it_moves() {
        let hearts = Heartbeats::default();
        let (lively, hanging) = (Pulse::default(), Pulse::default());
        for (name, pulse) in [("store", &lively), ("line-1", &hanging)] {
            let pulse = pulse.clone();
            hearts.watch(name, move || Some(pulse.turns()));
        }
        let check = || {
            lively.beat();
            hearts.stalled()
        };
        assert_eq!(check(), Vec::<String>::new(), "seen for the first time");
        assert_eq!(check(), Vec::<String>::new());
        assert_eq!(check(), ["line-1"]);
        hanging.beat();
        assert_eq!(check(), Vec::<String>::new());
    }
}
