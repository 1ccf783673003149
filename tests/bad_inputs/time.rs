//! B46 and B47: a clock that jumps, and signals at the wrong time.
//!
//! Rules of the clock by simulated time: `src/app/clock.rs`. A migration that is killed: `queue::sqlite::crash_tests`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::house::{Daemon, House, message};

/// A library that, loaded first, shows a program another time. It comes with the packages that are only unpacked.
fn other_clock() -> PathBuf {
    let here = std::env::current_exe().expect("a test has a path"); // target/<profile>/deps/<test>
    let folders = here.ancestors().map(|folder| folder.join("unpacked/mail/usr/lib"));
    let folder = folders.take(4).find(|folder| folder.is_dir());
    let folder = folder.expect("`.ci/unpack target/debug/unpacked` puts libfaketime there");
    let of_machines =
        std::fs::read_dir(folder).expect("lists").map(|entry| entry.expect("one").path());
    let library = |machine: PathBuf| machine.join("faketime/libfaketimeMT.so.1");
    let found = of_machines.map(library).find(|library| library.exists());
    found.expect("libfaketime is one of the unpacked packages")
}

/// A daemon whose clock is in the hand of the test.
struct Clock(PathBuf);

impl Clock {
    /// As `+1y` or `@1970-01-02 00:00:00`; moved in one piece, for it is read at every look at the clock.
    fn set(&self, time: &str) {
        let beside = self.0.with_extension("new");
        std::fs::write(&beside, format!("{time}\n")).expect("written");
        std::fs::rename(&beside, &self.0).expect("moved");
    }
}

fn daemon_with_a_clock(house: &House, time: &str) -> (Daemon, Clock) {
    let clock = Clock(house.path("clock"));
    clock.set(time);
    let mut serve = house.serve(&[]);
    serve
        .env("LD_PRELOAD", other_clock())
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_TIMESTAMP_FILE", Path::new(&clock.0));
    let daemon = house.spawn(serve);
    house.answers();
    (daemon, clock)
}

/// Hands a notification in, as soon as sheets can be drawn; its id.
fn accepted(house: &House, key: &str) -> String {
    house.until("it is accepted", || {
        let answer = house.post(key, &message());
        (answer.status == 202).then(|| answer.json()["id"].as_str().expect("an id").to_owned())
    })
}

fn state(house: &House, id: &str) -> String {
    let view = house.get(&format!("/v1/notifications/{id}")).json();
    view["state"].as_str().expect("a state").to_owned()
}

/// Waits for a word in what was logged since `from`; the sweep that may end notifications comes before it.
fn says(house: &House, from: usize, word: &str) {
    let said = || house.log().get(from..).unwrap_or_default().contains(word).then_some(());
    house.until(word, said);
}

#[test]
fn b46_clock_that_jumps_by_a_year_expires_nothing_and_is_told() {
    let house = House::new();
    let (mut daemon, clock) = daemon_with_a_clock(&house, "+0");
    let id = accepted(&house, "a");
    for jump in ["+1y", "-1d"] {
        let from = house.log().len();
        clock.set(jump);
        says(&house, from, "app.clock.doubtful");
        assert_eq!(state(&house, &id), "waiting", "{jump}");
        let told = house.get("/v1/hold").json();
        let told = told["clock_in_doubt"].as_str().expect("a sentence");
        assert!(told.contains("the clock says") && told.contains("timedatectl"), "{told}");
        clock.set("+0");
        says(&house, from, "app.clock.believed");
        assert!(house.get("/v1/hold").json()["clock_in_doubt"].is_null());
    }
    clock.set("+1s");
    assert!(house.get("/v1/hold").json()["clock_in_doubt"].is_null());
    assert_eq!(state(&house, &id), "waiting");
    house.goes_on(&mut daemon);
}

#[test]
fn b46_start_in_1970_or_a_year_early_or_late_expires_nothing() {
    let house = House::new();
    let mut daemon = house.daemon();
    let id = accepted(&house, "a");
    daemon.signal("TERM");
    assert_eq!(daemon.ended(), Some(0));
    for time in ["@1970-01-01 00:00:10", "-1y", "+1y"] {
        let from = house.log().len();
        let (mut daemon, clock) = daemon_with_a_clock(&house, time);
        says(&house, from, "app.clock.doubtful");
        assert_eq!(state(&house, &id), "waiting", "{time}");
        // Where nobody knows what time it is, nothing is taken on.
        let answer = house.post("early-or-late", &message());
        match time {
            "+1y" => {}
            _early => answer.is_problem(503, "clock-not-set"),
        }
        clock.set("+0");
        says(&house, from, "app.clock.believed");
        assert_eq!(state(&house, &id), "waiting", "{time}");
        house.goes_on(&mut daemon);
    }
}

#[test]
fn b47_second_sigterm_and_a_storm_of_sighup_change_nothing() {
    let house = House::new();
    let mut daemon = house.daemon();
    let id = accepted(&house, "a");
    for _ in 0..50 {
        daemon.signal("HUP");
    }
    house.goes_on(&mut daemon);
    assert_eq!(state(&house, &id), "waiting");
    daemon.signal("TERM");
    daemon.signal_if_alive("TERM");
    assert_eq!(daemon.ended(), Some(0), "{}", house.log());
    house.goes_on(&mut house.daemon());
}

/// proc_pid_stat(5): behind the name in brackets, T is stopped.
fn stands_still(process: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).expect("its threads");
    threads.flatten().all(|thread| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('T'))
    })
}

#[test]
fn b47_daemon_that_was_stopped_for_a_while_goes_on() {
    let house = House::new();
    let mut daemon = house.daemon();
    accepted(&house, "a");
    daemon.signal("STOP");
    // The signal was sent; each thread stops when it comes by.
    house.until("every thread stands still", || stands_still(daemon.id()).then_some(()));
    let mut waits = house.connect();
    std::io::Write::write_all(
        &mut waits,
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    .expect("sent");
    waits.set_read_timeout(Some(Duration::from_secs(1))).expect("a time limit");
    let nothing = std::io::Read::read(&mut waits, &mut [0; 16]);
    assert!(nothing.is_err(), "it stands still: {nothing:?}");
    daemon.signal("CONT");
    house.goes_on(&mut daemon);
}
