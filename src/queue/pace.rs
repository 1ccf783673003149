//! How the store keeps pace: how long COMMITs take, and how many changes share one.
//!
//! In: each group of the writer. Out: histograms, for `/metrics`.

use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;

/// Measured since the start. Clones share it.
#[derive(Clone, Debug)]
pub struct Pace {
    /// Seconds of a COMMIT, its fsync included.
    pub commit: Histogram,
    /// Changes in one group.
    pub group: Histogram,
}

impl Default for Pace {
    fn default() -> Self {
        // An SSD takes one millisecond or less, a disk 10, one that is about to die seconds.
        let commit = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];
        let group = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
        Self { commit: Histogram::new(commit), group: Histogram::new(group) }
    }
}

impl Pace {
    /// A group is on disk.
    pub fn committed(&self, took: Duration, changes: usize) {
        self.commit.observe(took.as_secs_f64());
        // At most 256.
        self.group.observe(u32::try_from(changes).unwrap_or(u32::MAX).into());
    }
}
