//! What every store keeps to, as stories about one `&dyn Queue`.
//!
//! A store's tests call [`contract!`] with a way to make an empty one; each story is then a test of its own.
//! Not here: files, crashes, what stands on the disk (the tests of each store).

use std::collections::HashSet;
use std::time::Duration;

use super::*;
use crate::job::examples::{self, TUESDAY_10_00 as NOW, first_contact};
use crate::job::{Evidence, FaxNumber, Kind, Language, Urgency};
use crate::office::identity::Said;
use crate::office::known::{Heard, Lesson, Taught};
use crate::settle::{Next, Reach, Settlement, TIME_TO_DECIDE};

/// Makes a test of each story for one store; `$new` gives an empty store and what must outlive it.
macro_rules! contract {
    ($new:expr; $($story:ident),+ $(,)?) => {
        $(
            #[test]
            fn $story() {
                let (queue, _kept) = $new;
                $crate::queue::contract::$story(&queue);
            }
        )+
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
    let step = Step::Dialing { now, sheet_sha256: [3; 32] };
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

fn event_names(queue: &dyn Queue) -> Vec<String> {
    let events = queue.events(client(), 0, 500).wait().expect("the store answers");
    events.into_iter().map(|event| event.name).collect()
}

fn refused<T>(answer: Result<T, QueueError>) -> bool {
    matches!(answer, Err(QueueError::NotAllowed { .. }))
}

pub(crate) fn every_kind_in_either_language_comes_back_as_it_was_handed_in(queue: &dyn Queue) {
    for (kind, language) in
        Kind::ALL.iter().flat_map(|kind| Language::ALL.iter().map(|language| (*kind, *language)))
    {
        let job = NewJob { language, ..examples::of(kind) };
        let id = accept(queue, request(&format!("{kind}-{language}"), |new| *new = job.clone()));
        let got = claim(queue, NOW, "line1").expect("due");
        assert_eq!((got.id, got.standing.kind), (id, kind));
        assert_eq!(show(queue, id).kind, kind.as_str());
        assert_eq!(format!("{:?}", got.job), format!("{job:?}"), "but for what is never shown");
        let secrets = |job: &NewJob| {
            let credentials = job.content.credentials()?;
            let parts = [&credentials.login_id, &credentials.password, &credentials.first_time_key];
            Some(parts.map(|part| part.expose().to_owned()))
        };
        assert_eq!(secrets(&got.job), secrets(&job));
        dial(queue, got.attempt, NOW);
        start_page(queue, got.attempt);
        assert_eq!(queue.settle(got.attempt, confirmed(NOW)).wait(), Ok(()));
    }
}

pub(crate) fn confirmed_call_leaves_every_rung(queue: &dyn Queue) {
    let id = accept(queue, request("a", |_| {}));
    let got = claim(queue, NOW, "line1").expect("due");
    assert_eq!((got.id, got.attempt_number, got.line.as_str()), (id, 1, "line1"));
    assert_eq!(got.standing.dials, 0);
    assert_eq!(got.job.recipient.office_name.as_str(), "さくらデイサービス");
    let secrets = got.job.content.credentials().expect("has some");
    assert_eq!(secrets.first_time_key.expose(), crate::job::examples::CANARIES[2]);
    assert_eq!(show(queue, id).state, JobState::Sending);

    dial(queue, got.attempt, after_min(1));
    let seen = serde_json::json!({ "identity": "exact" });
    let rung = Step::Rung { now: after_min(1), name: "identity", detail: seen.clone() };
    assert_eq!(queue.step(got.attempt, rung).wait(), Ok(()));
    start_page(queue, got.attempt);
    assert_eq!(queue.settle(got.attempt, confirmed(after_min(2))).wait(), Ok(()));
    let hung_up = Step::Rung { now: after_min(3), name: "hung_up", detail: serde_json::json!({}) };
    assert_eq!(queue.step(got.attempt, hung_up).wait(), Ok(()), "it comes after the result");

    let view = show(queue, id);
    assert_eq!((view.state, view.reason.as_deref()), (JobState::Confirmed, Some("delivered")));
    assert_eq!((view.due_at, view.fax_masked.as_str()), (None, "******5678"));
    let [attempt] = &view.attempts[..] else { panic!("one attempt: {view:?}") };
    assert_eq!(attempt.state, AttemptState::Confirmed);
    assert_eq!(attempt.receipt, Some(serde_json::json!({ "code": "delivered" })));
    let rungs: Vec<&str> = attempt.rungs.iter().map(|(name, _, _)| name.as_str()).collect();
    assert_eq!(rungs, ["sending", "dialing", "identity", "page_started", "confirmed", "hung_up"]);
    assert_eq!(attempt.rungs[2].2["seen"], seen);

    let names = event_names(queue);
    assert_eq!(names[0], "accepted");
    assert_eq!(names[1..], rungs);
}

pub(crate) fn same_key_64_times_at_once_is_one_job(queue: &dyn Queue) {
    let answers: Vec<Accepted> = std::thread::scope(|scope| {
        let posts: Vec<_> = (0..64)
            .map(|_| scope.spawn(|| queue.accept(request("same", |_| {})).wait().expect("answers")))
            .collect();
        posts.into_iter().map(|post| post.join().expect("no panic")).collect()
    });
    let new = answers.iter().filter(|answer| matches!(answer, Accepted::New { .. })).count();
    let ids: HashSet<JobId> = answers
        .iter()
        .map(|answer| match answer {
            Accepted::New { id, .. } | Accepted::Replay { id, .. } => *id,
            Accepted::OtherBody => panic!("the body was the same"),
        })
        .collect();
    assert_eq!((new, ids.len(), answers.len()), (1, 1, 64));
    assert_eq!(event_names(queue), ["accepted"]);
}

pub(crate) fn same_key_other_body_is_told_apart_and_stores_nothing(queue: &dyn Queue) {
    let id = accept(queue, request("a", |_| {}));
    let mut other = request("a", to_number("0612345678"));
    other.fingerprint = [2; 32];
    assert_eq!(queue.accept(other).wait(), Ok(Accepted::OtherBody));
    assert_eq!(
        queue.accept(request("a", |_| {})).wait(),
        Ok(Accepted::Replay { id, channel: Channel::Fax })
    );
    assert_eq!(event_names(queue).len(), 1);
}

pub(crate) fn earlier_request_is_known_by_client_key_and_body(queue: &dyn Queue) {
    let earlier = |client: ClientId, key: &str, fingerprint: u8| {
        let key = IdempotencyKey::parse(key).expect("valid");
        queue.earlier(client, key, [fingerprint; 32]).wait()
    };
    assert_eq!(earlier(client(), "a", 1), Ok(None));
    let id = accept(queue, request("a", |_| {}));
    assert_eq!(earlier(client(), "a", 1), Ok(Some(Accepted::Replay { id, channel: Channel::Fax })));
    assert_eq!(earlier(client(), "a", 2), Ok(Some(Accepted::OtherBody)));
    assert_eq!(earlier(client(), "b", 1), Ok(None));
    assert_eq!(earlier(ClientId("other".into()), "a", 1), Ok(None));
}

pub(crate) fn same_key_of_another_client_is_another_job(queue: &dyn Queue) {
    let ours = accept(queue, request("a", |_| {}));
    let mut theirs = request("a", |_| {});
    theirs.client = ClientId("other".into());
    let theirs = accept(queue, theirs);
    assert_ne!(ours, theirs);
    // And neither sees the other's.
    assert!(queue.show(client(), theirs).wait().expect("answers").is_none());
    let cancelled = queue.cancel(client(), theirs, NOW).wait();
    assert_eq!(cancelled, Ok(Cancelled::NotFound));
    let listed = queue.list(client(), Filter { limit: 10, ..Filter::default() }).wait();
    let listed: Vec<JobId> = listed.expect("answers").into_iter().map(|view| view.id).collect();
    assert_eq!(listed, [ours]);
    let events = queue.events(client(), 0, 10).wait().expect("answers");
    assert!(events.iter().all(|event| event.job == ours));
}

pub(crate) fn urgent_goes_first_then_the_longest_due(queue: &dyn Queue) {
    let at = |minute| move |request: &mut Acceptance| request.now = after_min(minute);
    let accept_at = |key: &str, minute, urgency, number: &str| {
        let mut request = request(key, |job| {
            to_number(number)(job);
            job.urgency = urgency;
        });
        at(minute)(&mut request);
        accept(queue, request)
    };
    let first = accept_at("a", 1, Urgency::Normal, "0311111111");
    let second = accept_at("b", 2, Urgency::Normal, "0322222222");
    let urgent = accept_at("c", 3, Urgency::Urgent, "0333333333");
    let next = |line: &str| claim(queue, after_min(4), line).map(|claim| claim.id);
    assert_eq!(
        [next("1"), next("2"), next("3"), next("4")],
        [Some(urgent), Some(first), Some(second), None]
    );
}

pub(crate) fn one_call_at_a_time_to_a_number_and_on_a_line(queue: &dyn Queue) {
    accept(queue, request("a", |_| {}));
    let waiting = accept(queue, request("b", |_| {}));
    let first = claim(queue, NOW, "line1").expect("due");
    assert!(claim(queue, NOW, "line2").is_none(), "the number is in use");
    assert!(refused(queue.claim(NOW, ask("line1")).wait()), "the line is in use");
    dial(queue, first.attempt, NOW);
    start_page(queue, first.attempt);
    assert_eq!(queue.settle(first.attempt, confirmed(NOW)).wait(), Ok(()));
    assert_eq!(claim(queue, NOW, "line2").map(|claim| claim.id), Some(waiting));
}

pub(crate) fn job_waits_for_not_before_and_expires_at_not_after(queue: &dyn Queue) {
    let id = accept(
        queue,
        request("a", |job| {
            job.not_before = Some(after_min(10));
            job.not_after = after_min(20);
        }),
    );
    assert!(claim(queue, after_min(9), "line1").is_none());
    let swept = queue.sweep(after_min(9)).wait();
    assert_eq!(swept, Ok(Swept { ended: 0, next_due: Some(after_min(10)), next_mail: None }));
    assert_eq!(show(queue, id).due_at, Some(after_min(10)));

    assert!(claim(queue, after_min(20), "line1").is_none(), "its time is over");
    assert_eq!(show(queue, id).state, JobState::Expired);
    assert_eq!(event_names(queue), ["accepted", "expired"]);
    assert_eq!(queue.sweep(after_min(21)).wait(), Ok(Swept::default()));
}

pub(crate) fn no_job_is_claimed_past_its_end_however_many_ran_out(queue: &dyn Queue) {
    // More than one claim moves out of the way.
    for key in 0..300 {
        accept(queue, request(&key.to_string(), |job| job.not_after = after_min(20)));
    }
    assert!(claim(queue, after_min(20), "line1").is_none());
    assert!(claim(queue, after_min(20), "line1").is_none());
    let expired = Filter { state: Some(JobState::Expired), limit: 500, ..Filter::default() };
    let expired = queue.list(client(), expired).wait().expect("the store answers");
    assert_eq!(expired.len(), 300);
}

pub(crate) fn uncertain_key_that_nobody_decides_is_closed_as_not_delivered_when_it_runs_out(
    queue: &dyn Queue,
) {
    let id = accept(queue, request("a", |job| job.not_after = after_min(20)));
    let got = claim(queue, NOW, "line1").expect("due");
    dial(queue, got.attempt, NOW);
    start_page(queue, got.attempt);
    assert_eq!(queue.settle(got.attempt, uncertain(NOW)).wait(), Ok(()));
    assert!(claim(queue, after_min(5), "line1").is_none(), "it is never sent again by itself");
    assert_eq!(queue.cancel(client(), id, NOW).wait(), Ok(Cancelled::TooLate));
    assert_eq!(queue.sweep(after_min(20)).wait().map(|swept| swept.ended), Ok(1));
    let view = show(queue, id);
    assert_eq!(view.state, JobState::ResolvedNotDelivered);
    assert_eq!(view.reason.as_deref(), Some("key-expired-unresolved"));
}

pub(crate) fn busy_job_comes_back_when_due_and_counts_its_calls(queue: &dyn Queue) {
    let id = accept(queue, request("a", |_| {}));
    for (number, dials) in [(1, 0), (2, 1), (3, 2)] {
        let now = after_min(10 * u64::from(number));
        let got = claim(queue, now, "line1").expect("due");
        assert_eq!((got.attempt_number, got.standing.dials), (number, dials));
        dial(queue, got.attempt, now);
        let due = now.after(Duration::from_secs(300));
        let again = Next::Again { due, reason: "busy" };
        let settled = queue.settle(got.attempt, not_sent(now, Reach::NoAnswer, again)).wait();
        assert_eq!(settled, Ok(()));
        let view = show(queue, id);
        assert_eq!((view.state, view.due_at), (JobState::Waiting, Some(due)));
        assert_eq!(view.reason.as_deref(), Some("busy"));
    }
}

pub(crate) fn call_that_never_left_the_modem_does_not_count(queue: &dyn Queue) {
    accept(queue, request("a", |_| {}));
    for _ in 0..5 {
        let got = claim(queue, NOW, "line1").expect("no rule holds it back");
        assert_eq!(got.standing.dials, 0);
        dial(queue, got.attempt, NOW);
        let again = Next::Again { due: NOW, reason: "line-down" };
        let settled = queue.settle(got.attempt, not_sent(NOW, Reach::NoCall, again)).wait();
        assert_eq!(settled, Ok(()));
    }
}

pub(crate) fn fourth_unanswered_call_in_three_minutes_rests_over_all_jobs(queue: &dyn Queue) {
    let now = |seconds| NOW.after(Duration::from_secs(seconds));
    for (line, seconds) in [("line1", 0), ("line2", 30), ("line3", 60)] {
        accept(queue, request(line, |_| {}));
        let got = claim(queue, now(seconds), line).expect("allowed");
        dial(queue, got.attempt, now(seconds));
        let failed = Next::Rest(JobState::Failed);
        let settled =
            queue.settle(got.attempt, not_sent(now(seconds), Reach::NoAnswer, failed)).wait();
        assert_eq!(settled, Ok(()));
    }
    let fourth = accept(queue, request("line4", |_| {}));
    assert!(claim(queue, now(90), "line4").is_none());
    let rests = show(queue, fourth);
    assert_eq!((rests.state, rests.due_at), (JobState::Waiting, Some(now(180))));
    assert_eq!(rests.reason.as_deref(), Some("redial-rule"));
    // Another number is not held up, and this one only for its time.
    accept(queue, request("e", to_number("0612345678")));
    assert!(claim(queue, now(91), "line5").is_some());
    assert_eq!(claim(queue, now(180), "line4").map(|claim| claim.id), Some(fourth));
}

pub(crate) fn calls_to_a_number_are_told_to_whoever_else_would_call_it(queue: &dyn Queue) {
    let number = first_contact().recipient.fax;
    let dialled = |now| queue.dialled(number.clone(), now).wait().expect("an answer");
    assert_eq!(dialled(NOW), Dialled::default());
    call(queue, "a", NOW, Reach::NoAnswer);
    accept(queue, request("b", |_| {}));
    let later = after_min(5);
    let got = claim(queue, later, "line1").expect("allowed");
    dial(queue, got.attempt, later);
    let unanswered = vec![later, NOW];
    assert_eq!(dialled(later), Dialled { is_on_call: true, unanswered });
    assert_eq!(dialled(NOW).unanswered, [NOW, NOW], "the clock was set back");
    let other = FaxNumber::parse("0612345678").expect("valid");
    let elsewhere = queue.dialled(other, later).wait();
    assert_eq!(elsewhere, Ok(Dialled::default()));
    let failed = Next::Rest(JobState::Failed);
    let settled = queue.settle(got.attempt, not_sent(later, Reach::Answered, failed)).wait();
    assert_eq!((settled, dialled(later)), (Ok(()), Dialled::default()));
}

pub(crate) fn answered_call_ends_the_count_of_the_redial_rule(queue: &dyn Queue) {
    for key in ["a", "b", "c", "d", "e"] {
        accept(queue, request(key, |_| {}));
        let got = claim(queue, NOW, "line1").expect("allowed");
        dial(queue, got.attempt, NOW);
        let failed = Next::Rest(JobState::Failed);
        let settled = queue.settle(got.attempt, not_sent(NOW, Reach::Answered, failed)).wait();
        assert_eq!(settled, Ok(()));
    }
}

/// Calls the number of `request` at `now`, and ends the call so.
fn call(queue: &dyn Queue, key: &str, now: UnixMillis, reach: Reach) {
    accept(queue, request(key, |_| {}));
    let got = claim(queue, now, "line1").expect("allowed");
    dial(queue, got.attempt, now);
    let failed = Next::Rest(JobState::Failed);
    assert_eq!(queue.settle(got.attempt, not_sent(now, reach, failed)).wait(), Ok(()));
}

pub(crate) fn clock_set_back_holds_a_number_back_for_three_minutes_only(queue: &dyn Queue) {
    for key in ["a", "b", "c"] {
        call(queue, key, after_min(600), Reach::NoAnswer);
    }
    // Ten hours back.
    let waits = accept(queue, request("d", |_| {}));
    assert!(claim(queue, NOW, "line1").is_none());
    assert_eq!(show(queue, waits).due_at, Some(after_min(3)));
    assert_eq!(claim(queue, after_min(3), "line1").map(|claim| claim.id), Some(waits));
}

pub(crate) fn answer_before_the_clock_was_set_back_does_not_hide_later_calls(queue: &dyn Queue) {
    call(queue, "a", after_min(600), Reach::Answered);
    for key in ["b", "c", "d"] {
        call(queue, key, NOW, Reach::NoAnswer);
    }
    accept(queue, request("e", |_| {}));
    assert!(claim(queue, after_min(1), "line1").is_none());
}

pub(crate) fn cancel_by_state(queue: &dyn Queue) {
    let cancel = |id| queue.cancel(client(), id, NOW).wait();
    // Waiting.
    let id = accept(queue, request("a", |_| {}));
    assert_eq!(cancel(id), Ok(Cancelled::Done));
    assert_eq!(cancel(id), Ok(Cancelled::Final(JobState::Cancelled)));
    assert!(claim(queue, NOW, "line1").is_none());
    // After the page began.
    let id = accept(queue, request("b", |_| {}));
    let got = claim(queue, NOW, "line1").expect("due");
    dial(queue, got.attempt, NOW);
    start_page(queue, got.attempt);
    assert_eq!(cancel(id), Ok(Cancelled::TooLate));
    assert!(!queue.stop_wanted(got.attempt));
    assert_eq!(queue.settle(got.attempt, confirmed(NOW)).wait(), Ok(()));
    assert_eq!(cancel(id), Ok(Cancelled::Final(JobState::Confirmed)));
    // Never heard of.
    assert_eq!(cancel(JobId::new(NOW, 1)), Ok(Cancelled::NotFound));
}

pub(crate) fn cancel_in_the_call_wins_against_the_page_that_has_not_begun(queue: &dyn Queue) {
    let id = accept(queue, request("a", |_| {}));
    let got = claim(queue, NOW, "line1").expect("due");
    dial(queue, got.attempt, NOW);
    assert!(!queue.stop_wanted(got.attempt));
    assert_eq!(queue.cancel(client(), id, NOW).wait(), Ok(Cancelled::Stopping));
    assert_eq!(queue.cancel(client(), id, NOW).wait(), Ok(Cancelled::Stopping));
    assert!(queue.stop_wanted(got.attempt));
    assert!(refused(queue.step(got.attempt, Step::PageStarted { now: NOW, page: 0 }).wait()));
    // Whatever the call then ended with, it is not tried again.
    let again = Next::Again { due: NOW, reason: "busy" };
    let settled = queue.settle(got.attempt, not_sent(NOW, Reach::Answered, again)).wait();
    assert_eq!(settled, Ok(()));
    assert_eq!(show(queue, id).state, JobState::Cancelled);
    assert!(!queue.stop_wanted(got.attempt));
    let stops = event_names(queue).iter().filter(|name| *name == "stop_wanted").count();
    assert_eq!(stops, 1, "asked twice, told once");
}

pub(crate) fn steps_out_of_order_are_refused(queue: &dyn Queue) {
    accept(queue, request("a", |_| {}));
    let got = claim(queue, NOW, "line1").expect("due");
    let page_started = |page| Step::PageStarted { now: NOW, page };
    let page_acked = |page| Step::PageAcked { now: NOW, page };
    let dialing = || Step::Dialing { now: NOW, sheet_sha256: [3; 32] };
    let step = |step| queue.step(got.attempt, step).wait();

    assert!(refused(step(page_started(0))), "not dialled");
    assert!(refused(queue.settle(got.attempt, confirmed(NOW)).wait()), "not dialled");
    assert!(refused(queue.settle(got.attempt, uncertain(NOW)).wait()), "not dialled");
    assert_eq!(step(dialing()), Ok(()));
    assert!(refused(step(dialing())), "dialled already");
    assert!(refused(queue.settle(got.attempt, confirmed(NOW)).wait()), "no page began");
    assert!(refused(step(page_acked(0))), "no page began");
    assert!(refused(step(page_started(1))), "page 0 comes first");
    assert_eq!(step(page_started(0)), Ok(()));
    assert_eq!(step(page_started(0)), Ok(()), "the same page once more on this call");
    assert!(refused(step(page_started(1))), "page 0 is not confirmed");
    assert_eq!(step(page_acked(0)), Ok(()));
    let failed = || not_sent(NOW, Reach::Answered, Next::Rest(JobState::Failed));
    assert!(refused(queue.settle(got.attempt, failed()).wait()), "a page is there");
    assert_eq!(step(page_started(1)), Ok(()));
    assert!(refused(queue.settle(got.attempt, failed()).wait()), "a page is there");
    assert_eq!(queue.settle(got.attempt, uncertain(NOW)).wait(), Ok(()));
    assert!(refused(queue.settle(got.attempt, confirmed(NOW)).wait()), "it has ended");
    assert!(refused(step(dialing())), "it has ended");
    assert!(refused(queue.step(AttemptId(99), dialing()).wait()), "no such attempt");
}

pub(crate) fn key_that_may_be_on_paper_is_never_sent_again(queue: &dyn Queue) {
    let id = accept(queue, request("a", |_| {}));
    let got = claim(queue, NOW, "line1").expect("due");
    dial(queue, got.attempt, NOW);
    start_page(queue, got.attempt);
    let mut again = uncertain(NOW);
    again.next = Next::Again { due: NOW, reason: "busy" };
    assert!(refused(queue.settle(got.attempt, again).wait()));
    let mut claimed_too_much = uncertain(NOW);
    claimed_too_much.next = Next::Rest(JobState::Confirmed);
    assert!(refused(queue.settle(got.attempt, claimed_too_much).wait()));
    assert_eq!(show(queue, id).state, JobState::Sending, "a refused settlement changes nothing");
}

fn message(job: &mut NewJob) {
    job.content = examples::of(Kind::Message).content;
}

/// One call for a message whose page left and was not confirmed; another copy is due at `due`.
fn unconfirmed_call(queue: &dyn Queue, now: UnixMillis, due: UnixMillis) {
    let got = claim(queue, now, "line1").expect("due");
    dial(queue, got.attempt, now);
    start_page(queue, got.attempt);
    let again = Settlement { next: Next::Again { due, reason: "unconfirmed" }, ..uncertain(now) };
    assert_eq!(queue.settle(got.attempt, again).wait(), Ok(()));
}

pub(crate) fn notice_that_may_be_on_paper_is_sent_again_and_counted(queue: &dyn Queue) {
    let id = accept(queue, request("a", message));
    unconfirmed_call(queue, NOW, after_min(10));
    let view = show(queue, id);
    assert_eq!((view.state, view.reason.as_deref()), (JobState::Waiting, Some("unconfirmed")));
    let got = claim(queue, after_min(10), "line1").expect("due");
    assert_eq!((got.standing.unconfirmed, got.standing.dials), (1, 1));
    dial(queue, got.attempt, after_min(10));
    let lost = not_sent(after_min(10), Reach::Answered, Next::Rest(JobState::Failed));
    assert!(refused(queue.settle(got.attempt, lost.clone()).wait()), "a sheet may be out");
    let honest = Settlement { next: Next::Rest(JobState::Uncertain), ..lost };
    assert_eq!(queue.settle(got.attempt, honest).wait(), Ok(()));
    let view = show(queue, id);
    assert_eq!(view.state, JobState::Uncertain);
    assert_eq!(view.reason.as_deref(), Some("copy-not-sent"), "`busy` says nothing of the sheet");
}

pub(crate) fn notice_withdrawn_after_a_sheet_that_may_be_out_is_not_said_to_be_cancelled(
    queue: &dyn Queue,
) {
    let id = accept(queue, request("a", message));
    unconfirmed_call(queue, NOW, after_min(10));
    assert_eq!(queue.cancel(client(), id, after_min(1)).wait(), Ok(Cancelled::TooLate));
    let view = show(queue, id);
    assert_eq!(view.state, JobState::Uncertain);
    assert_eq!(view.reason.as_deref(), Some("by-client-unconfirmed"));
    assert!(claim(queue, after_min(10), "line1").is_none(), "and no other copy follows");

    // The same while the call of the copy is on.
    let id = accept(queue, request("b", message));
    unconfirmed_call(queue, after_min(11), after_min(20));
    let got = claim(queue, after_min(20), "line1").expect("due");
    dial(queue, got.attempt, after_min(20));
    assert_eq!(queue.cancel(client(), id, after_min(20)).wait(), Ok(Cancelled::Stopping));
    let again = Next::Again { due: after_min(30), reason: "busy" };
    let settled = queue.settle(got.attempt, not_sent(after_min(21), Reach::NoAnswer, again)).wait();
    assert_eq!(settled, Ok(()));
    let view = show(queue, id);
    assert_eq!(view.state, JobState::Uncertain);
    assert_eq!(view.reason.as_deref(), Some("by-client-unconfirmed"));

    // The same, and the call was stopped because of it.
    let id = accept(queue, request("c", message));
    unconfirmed_call(queue, after_min(31), after_min(40));
    let got = claim(queue, after_min(40), "line1").expect("due");
    dial(queue, got.attempt, after_min(40));
    assert_eq!(queue.cancel(client(), id, after_min(40)).wait(), Ok(Cancelled::Stopping));
    let stopped = not_sent(after_min(41), Reach::NoAnswer, Next::Rest(JobState::Uncertain));
    let stopped = Settlement { code: "cancelled", ..stopped };
    assert_eq!(queue.settle(got.attempt, stopped).wait(), Ok(()));
    assert_eq!(show(queue, id).reason.as_deref(), Some("by-client-unconfirmed"));
}

pub(crate) fn notice_withdrawn_during_its_page_is_not_sent_again(queue: &dyn Queue) {
    let id = accept(queue, request("a", message));
    let got = claim(queue, NOW, "line1").expect("due");
    dial(queue, got.attempt, NOW);
    start_page(queue, got.attempt);
    assert_eq!(queue.cancel(client(), id, NOW).wait(), Ok(Cancelled::TooLate));
    assert_eq!(queue.cancel(client(), id, NOW).wait(), Ok(Cancelled::TooLate));
    assert!(!queue.stop_wanted(got.attempt), "a page is not cut in two");
    let stops = event_names(queue).iter().filter(|name| *name == "stop_wanted").count();
    assert_eq!(stops, 1, "asked twice, told once");
    // The far machine rejects the page and gets it once more on this call.
    start_page(queue, got.attempt);
    let again = Next::Again { due: after_min(10), reason: "unconfirmed" };
    let unconfirmed = Settlement { next: again, ..uncertain(NOW) };
    assert_eq!(queue.settle(got.attempt, unconfirmed).wait(), Ok(()));
    let view = show(queue, id);
    assert_eq!((view.state, view.due_at), (JobState::Uncertain, None));
    assert_eq!(view.reason.as_deref(), Some("no-reply-after-page"));
    assert!(claim(queue, after_min(10), "line1").is_none());
}

pub(crate) fn key_withdrawn_at_a_page_that_never_left_is_cancelled_and_not_sent(queue: &dyn Queue) {
    let id = accept(queue, request("a", |_| {}));
    let got = claim(queue, NOW, "line1").expect("due");
    dial(queue, got.attempt, NOW);
    start_page(queue, got.attempt);
    assert_eq!(queue.cancel(client(), id, NOW).wait(), Ok(Cancelled::TooLate));
    let again = Next::Again { due: after_min(1), reason: "interrupted" };
    let settled = queue.settle(got.attempt, not_sent(NOW, Reach::Answered, again)).wait();
    assert_eq!(settled, Ok(()));
    assert_eq!(show(queue, id).state, JobState::Cancelled);
    assert!(claim(queue, after_min(1), "line1").is_none());
}

pub(crate) fn notice_whose_number_is_a_telephone_by_now_is_left_uncertain(queue: &dyn Queue) {
    let id = accept(queue, request("a", message));
    unconfirmed_call(queue, NOW, after_min(10));
    for key in ["b", "c"] {
        accept(queue, request(key, |_| {}));
        let got = claim(queue, after_min(1), "line1").expect("due");
        dial(queue, got.attempt, after_min(1));
        let failed = not_sent(after_min(1), Reach::Answered, Next::Rest(JobState::Failed));
        let met_a_person = teaching(failed, taught(Taught::Voice));
        assert_eq!(queue.settle(got.attempt, met_a_person).wait(), Ok(()));
    }
    assert!(claim(queue, after_min(10), "line1").is_none());
    let view = show(queue, id);
    assert_eq!(view.state, JobState::Uncertain, "a sheet may be out all the same");
    assert_eq!(view.reason.as_deref(), Some("number-is-a-telephone"));
}

pub(crate) fn notice_whose_time_ends_before_the_copy_is_uncertain_and_closed_a_week_later(
    queue: &dyn Queue,
) {
    let id = accept(
        queue,
        request("a", |job| {
            message(job);
            job.not_after = after_min(20);
        }),
    );
    unconfirmed_call(queue, NOW, after_min(30));
    let ended = |now| queue.sweep(now).wait().map(|swept| swept.ended);
    assert_eq!(ended(after_min(20)), Ok(1));
    let state_and_reason = || {
        let view = show(queue, id);
        (view.state, view.reason)
    };
    let reason = Some("not-after-unconfirmed".to_owned());
    assert_eq!(state_and_reason(), (JobState::Uncertain, reason.clone()), "it may be on paper");
    assert!(claim(queue, after_min(30), "line1").is_none());
    let over = after_min(20).after(TIME_TO_DECIDE);
    assert_eq!(ended(UnixMillis(over.0 - 1)), Ok(0));
    assert_eq!(ended(over), Ok(1));
    assert_eq!(state_and_reason(), (JobState::ResolvedNotDelivered, reason));
}

pub(crate) fn uncertain_notice_can_be_decided_for_a_week_after_its_end(queue: &dyn Queue) {
    let id = accept(
        queue,
        request("a", |job| {
            message(job);
            job.not_after = after_min(20);
        }),
    );
    let got = claim(queue, NOW, "line1").expect("due");
    dial(queue, got.attempt, NOW);
    start_page(queue, got.attempt);
    assert_eq!(queue.settle(got.attempt, uncertain(NOW)).wait(), Ok(()));
    assert!(queue.sweep(after_min(20)).wait().is_ok());
    let view = show(queue, id);
    assert_eq!(view.state, JobState::Uncertain);
    assert_eq!(view.reason.as_deref(), Some("no-reply-after-page"));
    assert!(queue.sweep(after_min(20).after(TIME_TO_DECIDE)).wait().is_ok());
    assert_eq!(show(queue, id).state, JobState::ResolvedNotDelivered);
}

pub(crate) fn page_that_never_left_after_all_may_be_tried_again(queue: &dyn Queue) {
    let id = accept(queue, request("a", |_| {}));
    let got = claim(queue, NOW, "line1").expect("due");
    dial(queue, got.attempt, NOW);
    start_page(queue, got.attempt);
    let again = Next::Again { due: after_min(1), reason: "interrupted" };
    let settled = queue.settle(got.attempt, not_sent(NOW, Reach::Answered, again)).wait();
    assert_eq!(settled, Ok(()));
    assert_eq!(show(queue, id).state, JobState::Waiting);
}

pub(crate) fn feed_goes_on_after_its_cursor(queue: &dyn Queue) {
    for key in ["a", "b", "c"] {
        accept(queue, request(key, |_| {}));
    }
    let page = |after, limit| queue.events(client(), after, limit).wait().expect("answers");
    let first = page(0, 2);
    assert_eq!(first.len(), 2);
    let rest = page(first[1].cursor, 2);
    assert_eq!(rest.len(), 1);
    assert!(first[0].cursor < first[1].cursor && first[1].cursor < rest[0].cursor);
    assert!(page(rest[0].cursor, 2).is_empty());
    assert_eq!(rest[0].detail["state"], "waiting");
}

pub(crate) fn list_filters_and_pages_newest_first(queue: &dyn Queue) {
    let ids: Vec<JobId> = (0..4)
        .map(|minute| {
            let mut request = request(&minute.to_string(), |_| {});
            request.now = after_min(minute);
            accept(queue, request)
        })
        .collect();
    assert_eq!(queue.cancel(client(), ids[1], NOW).wait(), Ok(Cancelled::Done));
    let list = |filter| {
        let views = queue.list(client(), filter).wait().expect("answers");
        views.into_iter().map(|view| view.id).collect::<Vec<_>>()
    };
    let all = || Filter { limit: 10, ..Filter::default() };
    assert_eq!(list(all()), [ids[3], ids[2], ids[1], ids[0]]);
    assert_eq!(list(Filter { after: Some(ids[2]), ..all() }), [ids[1], ids[0]]);
    assert_eq!(list(Filter { limit: 1, ..all() }), [ids[3]]);
    assert_eq!(list(Filter { state: Some(JobState::Cancelled), ..all() }), [ids[1]]);
    let here = Some("1179900012".to_owned());
    assert_eq!(list(Filter { office_number: here, ..all() }).len(), 4);
    let elsewhere = Some("1379900028".to_owned());
    assert!(list(Filter { office_number: elsewhere, ..all() }).is_empty());
}

/// The number of [`first_contact`].
const NUMBER: &str = "0312345678";

pub(crate) fn lesson_of_a_call_is_there_for_the_next_claim_of_its_number(queue: &dyn Queue) {
    accept(queue, request("a", |_| {}));
    let got = claim(queue, NOW, "line1").expect("due");
    assert_eq!(got.known, Known::default());
    dial(queue, got.attempt, NOW);
    let heard = Heard { said: Said::read("CARE CENTER"), dis: vec![0, 0xEE, 0xF8] };
    let lesson = Lesson { heard: Some(heard), ..taught(Taught::Training) };
    let again = Next::Again { due: after_min(3), reason: "handshake" };
    let settlement = teaching(not_sent(after_min(1), Reach::Answered, again), lesson);
    assert_eq!(queue.settle(got.attempt, settlement).wait(), Ok(()));

    let got = claim(queue, after_min(3), "line1").expect("due");
    assert_eq!(got.known.troubles.training.as_ref().map(|trouble| trouble.times), Some(1));
    assert_eq!(got.known.last_seen, Some(after_min(1)));
    assert_eq!(known(queue, NUMBER), Some(got.known));
    // Another number knows nothing of it.
    accept(queue, request("b", to_number("0612345678")));
    let other = claim(queue, after_min(3), "line2").expect("due");
    assert_eq!((other.known, known(queue, "0612345678")), (Known::default(), None));
}

pub(crate) fn lesson_of_a_refused_settlement_is_not_learnt(queue: &dyn Queue) {
    accept(queue, request("a", |_| {}));
    let got = claim(queue, NOW, "line1").expect("due");
    let lesson = taught(Taught::Training);
    assert!(refused(queue.settle(got.attempt, teaching(confirmed(NOW), lesson)).wait()));
    assert_eq!(known(queue, NUMBER), None);
}

/// A hundred notifications to one number ring it as often as the policy says, and no more. Gives those that were
/// not called.
fn hundred_notifications(queue: &dyn Queue, result: &Taught) -> Vec<JobId> {
    let mut not_called = Vec::new();
    for minute in 0..100 {
        let key = minute.to_string();
        let id = accept(queue, request(&key, |job| job.not_after = after_min(48 * 60)));
        let now = after_min(5 * minute);
        let Some(got) = claim(queue, now, "line1") else {
            not_called.push(id);
            continue;
        };
        dial(queue, got.attempt, now);
        let failed = not_sent(now, Reach::Answered, Next::Rest(JobState::Failed));
        let settlement = teaching(failed, taught(result.clone()));
        assert_eq!(queue.settle(got.attempt, settlement).wait(), Ok(()));
    }
    not_called
}

pub(crate) fn hundred_notifications_to_a_person_are_two_calls(queue: &dyn Queue) {
    let not_called = hundred_notifications(queue, &Taught::Voice);
    assert_eq!(not_called.len(), 98);
    for id in not_called {
        let view = show(queue, id);
        assert_eq!(view.reason.as_deref(), Some("number-is-a-telephone"));
        assert_eq!((view.state, view.attempts.len()), (JobState::Failed, 0));
    }
    // Whoever has mended the number may say so.
    let number = FaxNumber::parse(NUMBER).expect("valid");
    assert_eq!(queue.forget(number, NOW).wait(), Ok(true));
    accept(queue, request("mended", |_| {}));
    assert!(claim(queue, after_min(501), "line1").is_some());
}

pub(crate) fn hundred_notifications_without_a_fax_tone_are_three_calls_a_day_and_none_is_lost(
    queue: &dyn Queue,
) {
    let not_called = hundred_notifications(queue, &Taught::Toneless);
    assert_eq!(not_called.len(), 97);
    // The last of the three calls was in minute 10.
    let next_day = after_min(24 * 60 + 10);
    for id in &not_called {
        let view = show(queue, *id);
        assert_eq!(view.reason.as_deref(), Some("no-fax-tone"));
        assert_eq!((view.state, view.due_at), (JobState::Waiting, Some(next_day)));
    }
    // A machine that was off yesterday has another chance today.
    assert!(claim(queue, UnixMillis(next_day.0 - 1), "line1").is_none());
    let got = claim(queue, next_day, "line1").expect("the day is over");
    assert_eq!((got.id, got.standing.toneless_calls), (not_called[0], 0));
}

pub(crate) fn job_that_waits_for_a_fax_tone_is_due_when_a_technician_has_seen_to_it(
    queue: &dyn Queue,
) {
    let not_called = hundred_notifications(queue, &Taught::Toneless);
    let number = || FaxNumber::parse(NUMBER).expect("valid");
    let (now, later) = (after_min(600), after_min(601));
    assert!(claim(queue, now, "line1").is_none());
    let lock = Lock { fastest: None, no_ecm: false, no_t85: false, identity: None, at: now };
    assert_eq!(queue.lock(number(), Some(lock), now).wait(), Ok(true));
    let got = claim(queue, now, "line1").expect("a fax machine is there");
    assert_eq!(got.id, not_called[0]);
    let failed = not_sent(now, Reach::NoCall, Next::Rest(JobState::Failed));
    assert_eq!(queue.settle(got.attempt, failed).wait(), Ok(()));
    assert_eq!(queue.forget(number(), later).wait(), Ok(true));
    assert_eq!(claim(queue, later, "line1").map(|got| got.id), Some(not_called[1]));
}

pub(crate) fn locks_stay_until_they_are_lifted_and_forgetting_takes_all(queue: &dyn Queue) {
    let number = || FaxNumber::parse(NUMBER).expect("valid");
    let lock =
        Lock { fastest: None, no_ecm: true, no_t85: false, identity: Said::read("CARE"), at: NOW };
    assert_eq!(queue.lock(number(), None, NOW).wait(), Ok(false), "there was none");
    assert_eq!(queue.lock(number(), Some(lock.clone()), NOW).wait(), Ok(true));
    // A year without a call.
    let next_year = after_min(366 * 24 * 60);
    assert!(queue.sweep(next_year).wait().is_ok());
    assert_eq!(known(queue, NUMBER).and_then(|known| known.lock), Some(lock));
    assert_eq!(queue.lock(number(), None, NOW).wait(), Ok(true));
    assert_eq!(known(queue, NUMBER), Some(Known::default()));
    assert!(queue.sweep(next_year).wait().is_ok());
    assert_eq!(known(queue, NUMBER), None, "nobody would believe it any more");
    assert_eq!(queue.forget(number(), NOW).wait(), Ok(false));
}

pub(crate) fn numbers_are_listed_newest_first_without_saying_one(queue: &dyn Queue) {
    let digits = ["0311111111", "0322222222", "0333333333"];
    for digits in digits {
        let lock = Lock { fastest: None, no_ecm: false, no_t85: false, identity: None, at: NOW };
        let number = FaxNumber::parse(digits).expect("valid");
        assert_eq!(queue.lock(number, Some(lock), NOW).wait(), Ok(true));
    }
    let page = |after, limit| {
        let rows = queue.numbers(after, limit).wait().expect("the store answers");
        let last = rows.last().map(|row| row.id);
        (rows.iter().map(|row| row.number.digits().to_owned()).collect::<Vec<_>>(), last)
    };
    let (first, last) = page(None, 2);
    assert_eq!(first, [digits[2], digits[1]]);
    assert_eq!(page(last, 2).0, [digits[0]]);
}

/// A call that is over, with nothing on its trace.
pub(crate) fn call_record(attempt: Option<AttemptId>, line: &str, at: UnixMillis) -> CallRecord {
    CallRecord {
        attempt,
        line: line.into(),
        number_masked: "******5678".into(),
        began_at: at,
        line_ms: 41_300,
        code: "delivered",
        rate_bps: Some(14_400),
        trace: r#"{"entries":[]}"#.into(),
    }
}

fn calls(queue: &dyn Queue, filter: CallFilter) -> Vec<CallRow> {
    queue.calls(client(), filter).wait().expect("answers")
}

pub(crate) fn calls_of_all_lines_are_listed_newest_first_and_name_only_own_jobs(queue: &dyn Queue) {
    let own = accept(queue, request("a", |_| {}));
    let got = claim(queue, NOW, "line1").expect("due");
    let record = |record| queue.record_call(record).wait().expect("kept");
    let first = record(call_record(Some(got.attempt), "line1", NOW));
    let tried = record(call_record(None, "line2", after_min(1)));
    let all = || CallFilter { limit: 10, ..CallFilter::default() };
    let seen: Vec<_> = calls(queue, all()).into_iter().map(|row| (row.id, row.job)).collect();
    assert_eq!(seen, [(tried, None), (first, Some(own))]);
    let of_line = CallFilter { line: Some("line1".into()), ..all() };
    assert_eq!(calls(queue, of_line).len(), 1);
    assert_eq!(calls(queue, CallFilter { before: Some(tried), ..all() }).len(), 1);
    let of_own = calls(queue, CallFilter { job: Some(own), ..all() });
    assert_eq!(of_own.iter().map(|row| row.id).collect::<Vec<_>>(), [first]);
    assert_eq!(calls(queue, CallFilter { limit: 1, ..all() })[0].id, tried);

    let ask = |client: &str, id| queue.call(ClientId(client.into()), id).wait().expect("answers");
    let (row, trace) = ask("exchange", first).expect("is there");
    assert_eq!((row.line_ms, row.rate_bps, row.job), (41_300, Some(14_400), Some(own)));
    assert_eq!(trace, serde_json::json!({ "entries": [] }));
    assert_eq!(ask("other", first).map(|(row, _)| row.job), Some(None), "not theirs to know");
    assert!(ask("exchange", CallId(99)).is_none());
}

pub(crate) fn calls_are_forgotten_when_they_are_old_and_their_ids_never_come_back(
    queue: &dyn Queue,
) {
    let record = |at| queue.record_call(call_record(None, "line1", at)).wait().expect("kept");
    let (old, new) = (record(NOW), record(after_min(1)));
    assert_eq!(queue.forget_calls(NOW).wait(), Ok(0));
    assert_eq!(queue.forget_calls(after_min(1)).wait(), Ok(1));
    let left = calls(queue, CallFilter { limit: 10, ..CallFilter::default() });
    assert_eq!(left.iter().map(|row| row.id).collect::<Vec<_>>(), [new]);
    assert_eq!(queue.forget_calls(after_min(2)).wait(), Ok(1));
    let next = record(after_min(3));
    assert!(old < new && new < next, "{old:?} {new:?} {next:?}");
}

pub(crate) fn whole_number_or_broken_trace_of_a_call_is_refused(queue: &dyn Queue) {
    let whole = CallRecord { number_masked: "0312345678".into(), ..call_record(None, "l", NOW) };
    assert!(queue.record_call(whole).wait().is_err());
    let broken = CallRecord { trace: "{".into(), ..call_record(None, "l", NOW) };
    assert!(queue.record_call(broken).wait().is_err());
}
