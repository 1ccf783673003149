//! The store after SIGKILL, at each point of a call.
//!
//! The parent starts this test program again as a child that drives a store to one point, says so, and
//! stands still; the parent kills it and opens the store. Durability against a power cut is another
//! matter: SIGKILL leaves the kernel's buffers whole.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::tests::{key, open, place};
use super::*;
use crate::job::examples::TUESDAY_10_00 as NOW;
use crate::job::{AttemptState, Channel, JobState};
use crate::queue::contract::{
    accept, after_min, claim, client, confirmed, dial, request, show, start_page,
};

const STORE: &str = "SHIRASE_TEST_CRASH_STORE";
const POINT: &str = "SHIRASE_TEST_CRASH_POINT";
const REACHED: &str = "point reached";

/// Drives a store to `point`. Its lock, threads and unwritten state die with the process.
fn drive(store: &Sqlite, point: &str) {
    let id = accept(store, request("crash", |_| {}));
    if point == "accepted" {
        return;
    }
    let attempt = claim(store, NOW, "line1").expect("due").attempt;
    if point == "claimed" {
        return;
    }
    if point == "stop_wanted" {
        assert_eq!(store.cancel(client(), id, NOW).wait(), Ok(Cancelled::Stopping));
        return;
    }
    dial(store, attempt, NOW);
    if point == "dialing" {
        return;
    }
    start_page(store, attempt);
    if point == "page_started" {
        return;
    }
    if point == "page_acked" {
        let step = Step::PageAcked { now: NOW, page: 0 };
        assert_eq!(store.step(attempt, step).wait(), Ok(()));
        return;
    }
    assert_eq!(point, "confirmed");
    assert_eq!(store.settle(attempt, confirmed(NOW)).wait(), Ok(()));
}

/// The child's part; does nothing unless a parent asks for it.
#[test]
fn child_of_the_crash_tests() {
    let (Ok(path), Ok(point)) = (std::env::var(STORE), std::env::var(POINT)) else { return };
    let (store, _) = Sqlite::open(Path::new(&path), &key(), NOW).expect("opens");
    drive(&store, &point);
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{REACHED}").and_then(|()| out.flush()).expect("the parent listens");
    loop {
        std::thread::park(); // until killed
    }
}

/// Never outlives its test, whatever happens.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Has a child drive the store to `point` and kills it there.
fn kill_at(path: &Path, point: &str) {
    let program = std::env::current_exe().expect("this test program");
    let child = Command::new(program)
        .args(["--exact", "queue::sqlite::crash_tests::child_of_the_crash_tests", "--nocapture"])
        .env(STORE, path)
        .env(POINT, point)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let mut child = Killed(child);
    let out = child.0.stdout.take().expect("piped");
    let reached = BufReader::new(out).lines().map_while(Result::ok).any(|line| line == REACHED);
    assert!(reached, "the child never reached {point}");
    // It still holds the store.
    assert_eq!(Sqlite::open(path, &key(), NOW).err(), Some(QueueError::InUse));
    child.0.kill().expect("SIGKILL");
    child.0.wait().expect("reaped");
}

struct Expected {
    recovered: Recovered,
    job: JobState,
    reason: &'static str,
    attempt: Option<(AttemptState, &'static str)>,
}

fn after_kill_at(point: &str) -> Expected {
    let none = Recovered::default();
    match point {
        "accepted" => Expected {
            recovered: none,
            job: JobState::Waiting,
            reason: "first-turn",
            attempt: None,
        },
        "claimed" => Expected {
            recovered: Recovered { before_dial: 1, ..none },
            job: JobState::Waiting,
            reason: "interrupted",
            attempt: Some((AttemptState::NotSent, "crash-before-dial")),
        },
        "stop_wanted" => Expected {
            recovered: Recovered { before_dial: 1, ..none },
            job: JobState::Cancelled,
            reason: "crash-before-dial",
            attempt: Some((AttemptState::NotSent, "crash-before-dial")),
        },
        "dialing" => Expected {
            recovered: Recovered { in_call: 1, ..none },
            job: JobState::Waiting,
            reason: "interrupted",
            attempt: Some((AttemptState::NotSent, "crash-in-call")),
        },
        "page_started" | "page_acked" => Expected {
            recovered: Recovered { after_page: 1, ..none },
            job: JobState::Uncertain,
            reason: "crash-after-page",
            attempt: Some((AttemptState::Uncertain, "crash-after-page")),
        },
        "confirmed" => Expected {
            recovered: none,
            job: JobState::Confirmed,
            reason: "delivered",
            attempt: Some((AttemptState::Confirmed, "delivered")),
        },
        other => panic!("no such point: {other}"),
    }
}

#[test]
fn killed_at_each_point_says_what_was_durable() {
    let points = [
        "accepted",
        "claimed",
        "stop_wanted",
        "dialing",
        "page_started",
        "page_acked",
        "confirmed",
    ];
    for point in points {
        let (_folder, path) = place();
        kill_at(&path, point);
        let expected = after_kill_at(point);
        let (store, recovered) = open(&path);
        assert_eq!(recovered, expected.recovered, "{point}");
        let listed = store.list(client(), Filter { limit: 10, ..Filter::default() }).wait();
        let [view] = &listed.expect("answers")[..] else { panic!("{point}: one job") };
        assert_eq!(view.state, expected.job, "{point}");
        assert_eq!(view.reason.as_deref(), Some(expected.reason), "{point}");
        let attempt = view.attempts.first().map(|a| (a.state, a.code.as_deref()));
        assert_eq!(attempt, expected.attempt.map(|(state, code)| (state, Some(code))), "{point}");
        // The end of the attempt is in the feed, exactly once.
        let events = store.events(client(), 0, 100).wait().expect("answers");
        let last = events.last().expect("at least the acceptance");
        assert_eq!(last.detail["state"], expected.job.as_str(), "{point}");
        let ends = events.iter().filter(|event| event.detail.get("evidence").is_some()).count();
        assert_eq!(ends, usize::from(expected.attempt.is_some()), "{point}");
        // Nothing is stuck: the number is free again, and the same key finds the same job.
        let replay = store.accept(request("crash", |_| {})).wait();
        assert_eq!(replay, Ok(Accepted::Replay { id: view.id, channel: Channel::Fax }), "{point}");
        let next = claim(&store, after_min(5), "line1");
        assert_eq!(next.is_some(), expected.job == JobState::Waiting, "{point}");
        if let Some(next) = next {
            let counted = u32::from(point == "dialing");
            assert_eq!(next.standing.dials, counted, "{point}: a broken call is a call");
        }
    }
}

#[test]
fn recovery_is_done_once() {
    let (_folder, path) = place();
    kill_at(&path, "dialing");
    let (store, first) = open(&path);
    drop(store);
    let (store, second) = open(&path);
    assert_eq!((first.in_call, second), (1, Recovered::default()));
    let id = match store.accept(request("crash", |_| {})).wait() {
        Ok(Accepted::Replay { id, .. }) => id,
        other => panic!("not a replay: {other:?}"),
    };
    assert_eq!(show(&store, id).attempts.len(), 1);
    assert_eq!(show(&store, id).due_at, Some(NOW.after(Duration::from_secs(60))));
}
