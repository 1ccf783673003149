//! Two lines on which calls take their time; the plug of the first is pulled again and again.
//!
//! In: a folder and a log. Out: their settings, and how often the plug was pulled.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::chance::Chance;
use crate::history::Log;
use crate::line::{Line, Pace};
use crate::sleep_unless;

pub const NAMES: [&str; 2] = ["line1", "line2"];

pub struct Lines {
    lines: [Mutex<Line>; 2],
    pulled: AtomicU64,
}

impl Lines {
    pub fn new(folder: &Path, pace: Pace, log: &Arc<Log>) -> Self {
        let line = |name| Mutex::new(Line::new(name, folder.join(name), pace, Arc::clone(log)));
        Self { lines: NAMES.map(line), pulled: AtomicU64::new(0) }
    }

    pub fn settings(folder: &Path) -> String {
        let table = |name: &str| {
            let device: PathBuf = folder.join(name);
            format!(
                "[[line]]\nname = \"{name}\"\ndevice = \"{}\"\ntsi = \"03 0000 0000\"\nmodem = \"generic\"\n",
                device.display()
            )
        };
        NAMES.map(table).concat()
    }

    pub fn pulled(&self) -> u64 {
        self.pulled.load(Ordering::Relaxed)
    }

    pub fn plug_all(&self) {
        self.lines.iter().for_each(|line| held(line).plug());
    }

    /// Whatever was on them falls on-hook.
    pub fn unplug_all(&self) {
        self.lines.iter().for_each(|line| held(line).unplug());
    }

    /// Until it is over; then the plug is in.
    pub fn pull_the_first(&self, longest: Duration, mut chance: Chance, over: &AtomicBool) {
        let [line, _goes_on] = &self.lines;
        while sleep_unless(over, chance.up_to(longest)) {
            held(line).unplug();
            self.pulled.fetch_add(1, Ordering::Relaxed);
            sleep_unless(over, chance.up_to(longest / 3));
            held(line).plug();
        }
    }
}

fn held(line: &Mutex<Line>) -> MutexGuard<'_, Line> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}
