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
    PLACE, accept, after_min, by_mail, claim, claim_mail, client, confirmed, dial, dot, feed,
    handed_off, received, request, show, start_page, then_fax,
};
use crate::settle::bounce::Bounce;
use crate::settle::receipts::Report;

const STORE: &str = "SHIRASE_TEST_CRASH_STORE";
const POINT: &str = "SHIRASE_TEST_CRASH_POINT";
const REACHED: &str = "point reached";

/// Drives a store to `point`. Its lock, threads and unwritten state die with the process.
fn drive(store: &Sqlite, point: &str) {
    match point {
        "mail_claimed" | "dot_sent" | "mail_handed_off" | "receiving" | "receipt_taken" => {
            drive_mail(store, point);
        }
        _of_a_call => drive_call(store, point),
    }
}

/// A report that the mail with this token came back.
fn bounce(token: mail::Subject) -> ReceivedMail {
    received(1, token, Report::Bounced(Bounce::NoSuchUser))
}

fn drive_mail(store: &Sqlite, point: &str) {
    accept(store, by_mail("crash", "care@example.jp"));
    let got = claim_mail(store, NOW, "mail-1").expect("due");
    if point == "mail_claimed" {
        return;
    }
    dot(store, got.attempt);
    if point == "dot_sent" {
        return;
    }
    assert_eq!(store.settle(got.attempt, handed_off(then_fax())).wait(), Ok(()));
    let mail = bounce(got.token);
    match point {
        "mail_handed_off" => {}
        "receiving" => {
            let (reached, is_reached) = channel();
            let sealer = store.sealer.clone();
            let _never_answered = store.writer.submit(move |conn, effects| -> Result<(), Fault> {
                super::receipts::receive(conn, &sealer, &Windows::Always, &mail, effects)?;
                let _told = reached.send(());
                loop {
                    std::thread::park(); // before COMMIT
                }
            });
            is_reached.recv().expect("it is taken in");
        }
        _taken => assert!(store.receive(mail).wait().is_ok()),
    }
}

fn drive_call(store: &Sqlite, point: &str) {
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
    let path = Path::new(&path);
    let _held = match point.as_str() {
        "migrating" => Held::HalfMigrated(half_migrated(path)),
        _of_a_store => {
            let (store, _) = Sqlite::open(path, &key(), Windows::Always, NOW).expect("opens");
            drive(&store, &point);
            Held::Store(store)
        }
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{REACHED}").and_then(|()| out.flush()).expect("the parent listens");
    loop {
        std::thread::park(); // until killed
    }
}

/// What the child does not let go.
#[expect(dead_code, reason = "held until it is killed")]
enum Held {
    Store(Sqlite),
    HalfMigrated((file::Lock, Connection)),
}

/// A store of version 4 in the middle of becoming one of version 5.
fn half_migrated(path: &Path) -> (file::Lock, Connection) {
    let lock = file::lock(path).expect("nobody has it");
    let conn = Connection::open(path).expect("opens");
    let [_, _, _, _, fifth, ..] = file::MIGRATIONS;
    conn.execute_batch("PRAGMA journal_mode=WAL; PRAGMA foreign_keys=OFF; BEGIN IMMEDIATE")
        .and_then(|()| conn.execute_batch(fifth))
        .expect("migrates");
    // As much of it on the disk as there can be.
    conn.cache_flush().expect("writes");
    (lock, conn)
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
    assert_eq!(Sqlite::open(path, &key(), Windows::Always, NOW).err(), Some(QueueError::InUse));
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
        let [view] = &listed.expect("answers").expect("few")[..] else {
            panic!("{point}: one job")
        };
        assert_eq!(view.state, expected.job, "{point}");
        assert_eq!(view.reason.as_deref(), Some(expected.reason), "{point}");
        let attempt = view.attempts.first().map(|a| (a.state, a.code.as_deref()));
        assert_eq!(attempt, expected.attempt.map(|(state, code)| (state, Some(code))), "{point}");
        // The end of the attempt is in the feed, exactly once.
        let events = feed(&store, 0, 100);
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

#[test]
fn mail_killed_before_its_dot_waits_and_after_it_is_uncertain_and_watched() {
    let killed_at = |point: &str| {
        let (folder, path) = place();
        kill_at(&path, point);
        let (store, recovered) = open(&path);
        let listed = store.list(client(), Filter { limit: 10, ..Filter::default() }).wait();
        let [view] = &listed.expect("answers").expect("few")[..] else {
            panic!("{point}: one job")
        };
        (folder, store, recovered, view.clone())
    };
    let (_folder, store, recovered, view) = killed_at("mail_claimed");
    assert_eq!(recovered, Recovered { before_dial: 1, ..Recovered::default() });
    assert_eq!((view.state, view.channel), (JobState::Waiting, Channel::Mail));
    let again = claim_mail(&store, view.due_at.expect("waits"), "mail-1").expect("due");
    assert_eq!((again.attempt_number, again.standing.tries), (2, 0), "it costs no try");

    let (_folder, store, recovered, view) = killed_at("dot_sent");
    assert_eq!(recovered, Recovered { after_dot: 1, ..Recovered::default() });
    assert_eq!((view.state, view.channel), (JobState::Uncertain, Channel::Mail));
    assert_eq!(view.reason.as_deref(), Some("crash-after-dot"));
    assert_eq!(view.watch, Some(then_fax()));
    let attempt = view.attempts.first().map(|attempt| attempt.state);
    assert_eq!(attempt, Some(AttemptState::Uncertain));
    assert!(claim_mail(&store, after_min(5), "mail-1").is_none(), "never mailed twice");
    let tokens = store.unsure_mails().wait().expect("answers");
    let [token] = tokens[..] else { panic!("one is looked for: {tokens:?}") };
    let copy = store.receive(received(1, token, Report::SentCopy)).wait();
    assert_eq!(copy, Ok(Received::Taken { job: view.id, state: JobState::HandedOff }));

    let (_folder, store, recovered, view) = killed_at("mail_handed_off");
    assert_eq!((recovered, view.state), (Recovered::default(), JobState::HandedOff));
    assert!(claim_mail(&store, after_min(5), "mail-1").is_none());
}

/// The token of the only attempt.
fn token(path: &Path) -> mail::Subject {
    let conn = Connection::open(path).expect("opens");
    conn.query_row("SELECT token FROM attempt", [], |row| row.get(0)).expect("one attempt")
}

#[test]
fn receipt_killed_before_its_commit_is_taken_in_anew_and_after_it_is_known() {
    let (_folder, path) = place();
    kill_at(&path, "receiving");
    let (store, _) = open(&path);
    let token = token(&path);
    assert_eq!(store.inbox_place().wait(), Ok(None), "the box is read again from where it was");
    let receive = || store.receive(bounce(token)).wait();
    let Ok(Received::Taken { job, state }) = receive() else { panic!("nothing of it was kept") };
    assert_eq!(state, JobState::Waiting);
    assert_eq!((receive(), store.inbox_place().wait()), (Ok(Received::Known), Ok(Some(PLACE))));
    let bounces = show(&store, job).attempts.into_iter().flat_map(|attempt| attempt.rungs);
    assert_eq!(bounces.filter(|(name, _, _)| name == "mail_bounced").count(), 1);

    let (_folder, path) = place();
    kill_at(&path, "receipt_taken");
    let token = self::token(&path);
    let (store, _) = open(&path);
    assert_eq!(store.receive(bounce(token)).wait(), Ok(Received::Known));
    assert_eq!(claim(&store, after_min(5), "line1").map(|got| got.attempt_number), Some(2));
}

#[test]
fn migration_killed_in_the_middle_is_done_again() {
    let (_folder, path) = place();
    file::create_version(&path, &Sealer::new(&key()), 4).expect("makes it");
    let jobs = super::tests::jobs_of_an_older_store(&path);
    kill_at(&path, "migrating");
    let version = || {
        let conn = Connection::open(&path).expect("opens");
        let version: i64 =
            conn.query_row("PRAGMA user_version", [], |row| row.get(0)).expect("reads");
        version
    };
    assert_eq!(version(), 4);
    let (store, _) = open(&path);
    assert_eq!(usize::try_from(version()), Ok(file::MIGRATIONS.len()));
    for (id, state) in jobs {
        let is_now = if state == JobState::Sending { JobState::Waiting } else { state };
        assert_eq!(show(&store, id).state, is_now);
    }
}
