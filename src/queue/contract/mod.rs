//! What every store keeps to, as stories about one `&dyn Queue`.
//!
//! A store's tests call [`contract!`] with a way to make an empty one; each story is then a test of its own.
//!
//! | file | tells of |
//! |---|---|
//! | `accepting` | what is taken on, once |
//! | `turns` | whose turn it is, and whose not |
//! | `endings` | steps, results, cancellations |
//! | `meanwhile` | what comes in while a call is on |
//! | `mails` | lanes, and what a mail has in common with a call |
//! | `receipts` | what comes in later |
//! | `decisions` | what is decided when nobody knows |
//! | `numbers` | what is remembered of a number |
//! | `looking` | feed, lists, traces |
//! | `holding` | what is held back |
//!
//! Not here: files, crashes, what stands on the disk (the tests of each store).

mod accepting;
mod decisions;
mod endings;
mod holding;
mod looking;
mod mails;
mod meanwhile;
mod numbers;
mod receipts;
mod turns;

pub(crate) use accepting::*;
pub(crate) use decisions::*;
pub(crate) use endings::*;
pub(crate) use holding::*;
pub(crate) use looking::*;
pub(crate) use mails::*;
pub(crate) use meanwhile::*;
pub(crate) use numbers::*;
pub(crate) use receipts::*;
pub(crate) use turns::*;

use std::time::Duration;

use super::*;
use crate::job::examples::{self, TUESDAY_10_00 as NOW, first_contact};
use crate::job::{Evidence, FaxNumber, Kind, Language, Urgency};
use crate::office::identity::Said;
use crate::office::known::{Heard, Lesson, Taught};
use crate::settle::{Next, Reach, Settlement, TIME_TO_DECIDE};

/// Makes a test of each story for one store; `$new` gives an empty store and what must outlive it. `STORIES` are all of
/// them, for a test that looks at something else meanwhile.
macro_rules! contract {
    ($new:expr; $($story:ident),+ $(,)?) => {
        $(
            #[test]
            fn $story() {
                let (queue, _kept) = $new;
                $crate::queue::contract::$story(&queue);
            }
        )+
        pub(super) const STORIES: &[fn(&dyn Queue)] = &[$($crate::queue::contract::$story),+];
    };
}
pub(crate) use contract;

pub(crate) fn client() -> ClientId {
    ClientId("exchange".into())
}

pub(crate) fn after_min(minutes: u64) -> UnixMillis {
    NOW.after(Duration::from_secs(60 * minutes))
}

/// A first contact, changed as the story needs it.
pub(crate) fn request(key: &str, change: impl FnOnce(&mut NewJob)) -> Acceptance {
    let mut job = first_contact();
    change(&mut job);
    Acceptance {
        client: client(),
        key: IdempotencyKey::parse(key).expect("valid"),
        fingerprint: [1; 32],
        now: NOW,
        route: Route::Fax { number: job.recipient.fax.clone() },
        job,
    }
}

pub(crate) fn to_number(digits: &str) -> impl FnOnce(&mut NewJob) + use<> {
    let fax = FaxNumber::parse(digits).expect("valid");
    |job| job.recipient.fax = fax
}

/// Makes it a notice that says nothing.
fn message(job: &mut NewJob) {
    job.content = examples::of(Kind::Message).content;
}

pub(crate) fn accept(queue: &dyn Queue, request: Acceptance) -> JobId {
    match queue.accept(request).wait() {
        Ok(Accepted::New { id, .. }) => id,
        other => panic!("not new: {other:?}"),
    }
}

/// The next job, claimed at `now` by `line`.
pub(crate) fn claim(queue: &dyn Queue, now: UnixMillis, line: &str) -> Option<Claim> {
    queue.claim(now, ask(line)).wait().expect("the store answers")
}

/// A line with a modem of its own.
pub(crate) fn ask(line: &str) -> LineAsk {
    LineAsk { line: line.into(), secrets: true, watch: None }
}

pub(crate) fn dial(queue: &dyn Queue, attempt: AttemptId, now: UnixMillis) {
    let step = Step::Dialing { now, sheet_mark: [3; 32] };
    assert_eq!(queue.step(attempt, step).wait(), Ok(()));
}

pub(crate) fn start_page(queue: &dyn Queue, attempt: AttemptId) {
    assert_eq!(queue.step(attempt, Step::PageStarted { now: NOW, page: 0 }).wait(), Ok(()));
}

pub(crate) fn not_sent(now: UnixMillis, reach: Reach, next: Next) -> Settlement {
    let receipt = serde_json::json!({ "code": "busy" });
    Settlement {
        now,
        evidence: Evidence::NotSent,
        code: "busy",
        reach,
        next,
        receipt,
        lesson: None,
    }
}

pub(crate) fn confirmed(now: UnixMillis) -> Settlement {
    Settlement {
        now,
        evidence: Evidence::Confirmed,
        code: "delivered",
        reach: Reach::Answered,
        next: Next::Rest(JobState::Confirmed),
        receipt: serde_json::json!({ "code": "delivered" }),
        lesson: None,
    }
}

pub(crate) fn uncertain(now: UnixMillis) -> Settlement {
    Settlement {
        now,
        evidence: Evidence::Uncertain,
        code: "no-reply-after-page",
        reach: Reach::Answered,
        next: Next::Rest(JobState::Uncertain),
        receipt: serde_json::json!({ "code": "no-reply-after-page" }),
        lesson: None,
    }
}

pub(crate) fn show(queue: &dyn Queue, id: JobId) -> View {
    queue.show(client(), id).wait().expect("the store answers").expect("the job is there")
}

/// The settlement, and what the call taught.
fn teaching(settlement: Settlement, lesson: Lesson) -> Settlement {
    Settlement { lesson: Some(lesson), ..settlement }
}

fn taught(result: Taught) -> Lesson {
    Lesson { result: Some(result), ..Lesson::default() }
}

fn known(queue: &dyn Queue, digits: &str) -> Option<Known> {
    let number = FaxNumber::parse(digits).expect("valid");
    let known = queue.known(number).wait().expect("the store answers");
    known.map(|known| known.expect("readable"))
}

/// What the client reads behind a cursor.
pub(crate) fn feed(queue: &dyn Queue, after: i64, limit: u16) -> Vec<EventRow> {
    match queue.events(client(), after, limit).wait() {
        Ok(Feed::Rows(rows)) => rows,
        other => panic!("no piece of the feed: {other:?}"),
    }
}

fn event_names(queue: &dyn Queue) -> Vec<String> {
    feed(queue, 0, 500).into_iter().map(|event| event.name).collect()
}

fn refused<T>(answer: Result<T, QueueError>) -> bool {
    matches!(answer, Err(QueueError::NotAllowed { .. }))
}
