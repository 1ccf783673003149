//! The time of the line: samples counted, let through at `speed` times the pace of the wall clock.
//!
//! In: the wall clock, read here only. Out: how long until the next frame may run.
//! The line never catches up: when the machine stalls, line time waits, and the wait is kept as slip.
//! Not here: what happens in a frame (`exchange`).

use std::time::{Duration, Instant};

/// Samples in a second of line time.
pub(crate) const SAMPLE_RATE: u64 = 8000;

/// An instant of line time: samples since the line was switched on.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct LineTime(pub u64);

impl LineTime {
    pub(crate) fn after_ms(self, ms: u64) -> Self {
        Self(self.0 + ms * SAMPLE_RATE / 1000)
    }

    pub(crate) fn after_samples(self, samples: usize) -> Self {
        Self(self.0 + samples as u64)
    }

    /// Seconds from `earlier` to here, to the tenth of a millisecond; 0 if `earlier` is later.
    pub(crate) fn seconds_since(self, earlier: Self) -> f64 {
        let samples = self.0.saturating_sub(earlier.0);
        (samples as f64 / SAMPLE_RATE as f64 * 10_000.0).round() / 10_000.0
    }
}

/// Lets one frame through each `frame / speed` of wall time.
pub(crate) struct LineClock {
    period: Duration,
    due: Instant,
    slipped: Duration,
}

impl LineClock {
    pub(crate) fn new(frame_samples: usize, speed: f64) -> Self {
        let frame = Duration::from_secs_f64(frame_samples as f64 / SAMPLE_RATE as f64);
        let period = frame.div_f64(speed);
        Self { period, due: wall() + period, slipped: Duration::ZERO }
    }

    /// Wall time until the next frame is due; zero when it is.
    pub(crate) fn wait(&self) -> Duration {
        self.due.saturating_duration_since(wall())
    }

    /// Counts a frame that was due. Up to one frame of lateness is only the jitter of waking up
    /// and is made good; what is beyond has stopped the line.
    pub(crate) fn frame_ran(&mut self) {
        self.due += self.period;
        let latest = wall();
        if self.due < latest {
            self.slipped += latest - self.due;
            self.due = latest;
        }
    }

    /// Wall time that the line stood still, since the start.
    pub(crate) fn slipped(&self) -> Duration {
        self.slipped
    }
}

fn wall() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "this file is where softline reads the clock")]
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_time_counts_in_samples() {
        let start = LineTime(8000);
        assert_eq!(start.after_ms(20), LineTime(8160));
        assert_eq!(start.after_ms(1500).seconds_since(start), 1.5);
        assert_eq!(start.seconds_since(start.after_ms(1)), 0.0);
    }

    #[test]
    fn stalled_line_waits_instead_of_catching_up() {
        let mut clock = LineClock::new(160, 1.0);
        clock.due -= Duration::from_secs(3); // as if the machine had stood still
        clock.frame_ran();
        assert!(clock.slipped() >= Duration::from_millis(2900));
        assert!(clock.wait() <= clock.period);
        clock.frame_ran();
        assert!(clock.wait() > Duration::ZERO, "the second frame is due a whole period later");
    }
}
