//! All places, some at a time, each in houses of its own.
//!
//! In: places and kills for each. Out: a [`Summary`]; where a promise was broken, the house stays and its folder is printed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::house::judged;
use crate::stories::{Place, killed_at};

/// What came of it.
#[derive(Default)]
pub struct Summary {
    pub places: usize,
    pub violations: Vec<String>,
    /// Of all houses.
    pub counted: BTreeMap<String, u64>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} places", self.places)?;
        for (what, count) in &self.counted {
            write!(f, ", {count} {what}")?;
        }
        write!(f, "; {} broken promises", self.violations.len())?;
        self.violations.iter().try_for_each(|violation| write!(f, "\n  {violation}"))
    }
}

/// One place is done.
pub struct Done {
    place: Place,
    kills: u64,
    violations: usize,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, kills, violations } = self;
        write!(f, "{:21} {kills:5} kills, {violations} broken promises", place.as_str())
    }
}

/// Kills gateways `kills` times at each place. `progress` hears of each place that is done.
pub fn kill_at_all(places: &[Place], kills: u32, progress: &(dyn Fn(Done) + Sync)) -> Summary {
    let (next, summary) = (AtomicUsize::new(0), Mutex::new(Summary::default()));
    let work = || {
        while let Some(place) = places.get(next.fetch_add(1, Ordering::Relaxed)) {
            kill_at(*place, kills, &summary, progress);
        }
    };
    // A gateway waits longer than it works.
    let workers = 4 * std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        (0..workers).for_each(|_| drop(scope.spawn(work)));
    });
    summary.into_inner().expect("no panic")
}

fn kill_at(place: Place, kills: u32, summary: &Mutex<Summary>, progress: &(dyn Fn(Done) + Sync)) {
    let mut done = Done { place, kills: 0, violations: 0 };
    for first in (0..kills).step_by(place.kills_per_house() as usize) {
        let last = kills.min(first + place.kills_per_house());
        let house = killed_at(place, first..last);
        let (violations, counted) = judged(house.folder());
        done.violations += violations.len();
        done.kills += counted["kills"].as_u64().unwrap_or(0);
        let kept = (!violations.is_empty()).then(|| house.keep());
        let mut summary = summary.lock().expect("no panic");
        for (what, count) in counted.as_object().into_iter().flatten() {
            *summary.counted.entry(what.clone()).or_default() += count.as_u64().unwrap_or(0);
        }
        summary
            .violations
            .extend(violations.into_iter().map(|it| format!("{}: {it}", place.as_str())));
        if let Some(folder) = kept {
            println!("{}: kept {}", place.as_str(), folder.display());
        }
    }
    summary.lock().expect("no panic").places += 1;
    progress(done);
}
