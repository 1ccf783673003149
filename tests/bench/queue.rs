//! `make bench-queue`: a gateway behind which a million notifications wait.
//!
//! In: the daemon of a release build; ROWS, how many wait. Out: figures, and exit code 1 if a goal is missed: until it
//! answers after a SIGKILL and after a power cut, acceptances at 50 a second, what it shows, its memory; and, in this
//! process, what is due next.
//! Not here: as many acceptances as go (`accept.rs`).

#![expect(clippy::unwrap_used, reason = "a measurement")]

#[path = "callers.rs"]
mod callers;
#[path = "gateway.rs"]
mod gateway;
#[path = "seed.rs"]
mod seed;

use std::fs::File;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use callers::{Load, post_all};
use gateway::{Gateway, Programs, wall};
use shirase::app::clock::{Clock, SystemClock};
use shirase::queue::sqlite::Sqlite;
use shirase::queue::{LineAsk, Queue};
use shirase::schedule::windows::Windows;

/// A second, for so many seconds.
const RATE: u32 = 50;
const SECONDS: u32 = 20;
const CALLERS: usize = 10;
const LOOKS: usize = 200;

const GOAL_START: Duration = Duration::from_secs(5);
const GOAL_ACCEPT_P99: Duration = Duration::from_millis(50);
const GOAL_NEXT_DUE: Duration = Duration::from_millis(1);
const GOAL_SHOWN_P99: Duration = Duration::from_millis(100);
const GOAL_MEMORY_MIB: u64 = 256;

fn main() -> ExitCode {
    let programs = Programs::from_arguments();
    let rows = std::env::var("ROWS").map_or(1_000_000, |rows| rows.parse().unwrap());
    let mut gateway = Gateway::new(&programs, |_| String::new());
    let began = wall();
    seed::fill(&gateway.store(), &gateway.key(), rows, Duration::ZERO);
    let mib = std::fs::metadata(gateway.store()).unwrap().len() >> 20;
    let load = std::fs::read_to_string("/proc/loadavg").unwrap();
    println!(
        "{rows} notifications wait, {mib} MiB, written in {:.0} s; load {}",
        began.elapsed().as_secs_f64(),
        load.split(' ').next().unwrap()
    );
    let mut goals = Goals { kept: true };
    goals.time("first start", gateway.start(&[]), GOAL_START);
    gateway.kill();
    goals.time("start after SIGKILL", gateway.start(&[]), GOAL_START);
    gateway.kill();
    forget_in_memory(&gateway.store());
    goals.time("start as after a power cut, nothing in memory", gateway.start(&[]), GOAL_START);
    gateway.await_sheets();

    let measured = post_all(Load {
        address: gateway.address().parse().unwrap(),
        token: gateway.token.clone(),
        callers: CALLERS,
        posts: RATE * SECONDS,
        first: 0,
        pace: Some(Duration::from_secs(1) * u32::try_from(CALLERS).unwrap() / RATE),
    });
    goals.time(&format!("accepted at {RATE}/s, p99"), measured.quantile(0.99), GOAL_ACCEPT_P99);
    for path in ["/v1/notifications", "/v1/notifications?state=confirmed", "/v1/events?after=0"] {
        let mut took: Vec<Duration> = (0..LOOKS).map(|_| gateway.look(path)).collect();
        took.sort_unstable();
        goals.time(&format!("GET {path}, p99"), took[LOOKS * 99 / 100], GOAL_SHOWN_P99);
    }
    goals.memory("memory at most", gateway.peak_memory_mib());
    gateway.kill();

    let began = wall();
    let store = Sqlite::open(&gateway.store(), &gateway.key(), Windows::Always, SystemClock.now());
    let store = store.unwrap().0;
    println!(
        "  {:<44} {:>9.1} ms",
        "opened by the bench itself",
        began.elapsed().as_secs_f64() * 1e3
    );
    // Nothing changes, so nothing is synced: it is the look alone.
    let look = || {
        let began = wall();
        store.sweep(SystemClock.now()).wait().unwrap();
        began.elapsed()
    };
    look();
    let mut took: Vec<Duration> = (0..LOOKS).map(|_| look()).collect();
    took.sort_unstable();
    goals.time("what has run out and what is due next", took[LOOKS / 2], GOAL_NEXT_DUE);
    let began = wall();
    let ask = LineAsk { line: "bench".into(), secrets: true, watch: None };
    assert!(store.claim(SystemClock.now(), ask).wait().unwrap().is_some());
    println!(
        "  {:<44} {:>9.1} ms",
        "claimed for a line, on disk",
        began.elapsed().as_secs_f64() * 1e3
    );
    if goals.kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Lets the system forget what it holds of this file: it comes from the disk again.
fn forget_in_memory(file: &Path) {
    let file = File::open(file).unwrap();
    // What is not written yet would stay.
    file.sync_all().unwrap();
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
}

struct Goals {
    kept: bool,
}

impl Goals {
    fn time(&mut self, what: &str, took: Duration, goal: Duration) {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        self.tell(
            what,
            &format!("{:>9.1} ms", ms(took)),
            &format!("{} ms", ms(goal)),
            took <= goal,
        );
    }

    fn memory(&mut self, what: &str, mib: u64) {
        self.tell(
            what,
            &format!("{mib:>8} MiB"),
            &format!("{GOAL_MEMORY_MIB} MiB"),
            mib <= GOAL_MEMORY_MIB,
        );
    }

    fn tell(&mut self, what: &str, found: &str, goal: &str, kept: bool) {
        let missed = if kept { "" } else { "  MISSED" };
        println!("  {what:<44} {found}, goal {goal}{missed}");
        self.kept &= kept;
    }
}
