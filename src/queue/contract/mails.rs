//! Mails: lanes, held domains, the steps of a hand-over, and the way back to FAX.

use std::collections::HashSet;

use super::*;
use crate::job::{FaxBecause, OfficeNumber};
use crate::office::{MailRoute, Office, OfficeChange};
use crate::settle::mailing::Overdue;
use crate::settle::{AtEnd, Watch};

pub(crate) fn address(text: &str) -> mail::Address {
    mail::Address::parse(text).expect("valid")
}

/// A message that goes by mail.
pub(crate) fn by_mail(key: &str, to: &str) -> Acceptance {
    let request = request(key, message);
    let crate::job::Content::Notice(notice) = &request.job.content else {
        panic!("a message is a notice")
    };
    let route = MailRoute::of(notice, address(to)).expect("a message goes by mail");
    Acceptance { route: Route::Mail(route), ..request }
}

/// Nine hours, then FAX.
pub(crate) fn then_fax() -> Watch {
    Watch { until: after_min(540), then: AtEnd::Fax }
}

pub(crate) fn mail_ask(lane: &str) -> MailAsk {
    MailAsk { lane: lane.into(), held: Vec::new(), watch: then_fax() }
}

/// The next mail, claimed at `now` by `lane`.
pub(crate) fn claim_mail(queue: &dyn Queue, now: UnixMillis, lane: &str) -> Option<MailClaim> {
    queue.claim_mail(now, mail_ask(lane)).wait().expect("the store answers")
}

pub(crate) fn dot(queue: &dyn Queue, attempt: AttemptId) {
    assert_eq!(queue.step(attempt, Step::DotSent { now: NOW }).wait(), Ok(()));
}

fn settlement(evidence: Evidence, code: &'static str, next: Next) -> Settlement {
    let receipt = serde_json::json!({ "code": code });
    let reach = Reach::NoCall;
    Settlement { now: NOW, evidence, code, reach, next, receipt, lesson: None }
}

pub(crate) fn handed_off(watch: Watch) -> Settlement {
    let next = Next::Watch { state: JobState::HandedOff, watch };
    settlement(Evidence::HandedOff, "mail-accepted", next)
}

pub(crate) fn no_reply(watch: Watch) -> Settlement {
    let next = Next::Watch { state: JobState::Uncertain, watch };
    settlement(Evidence::Uncertain, "mail-no-reply", next)
}

pub(crate) fn refused_mail(next: Next) -> Settlement {
    settlement(Evidence::NotSent, "mail-deferred", next)
}

/// Accepts a message, hands it over and gives what names it.
pub(crate) fn mailed(queue: &dyn Queue, key: &str) -> (JobId, MailClaim) {
    let id = accept(queue, by_mail(key, "care@example.jp"));
    let got = claim_mail(queue, NOW, "mail-1").expect("due");
    dot(queue, got.attempt);
    assert_eq!(queue.settle(got.attempt, handed_off(then_fax())).wait(), Ok(()));
    (id, got)
}

pub(crate) fn mail_is_claimed_as_it_was_accepted_and_leaves_every_rung(queue: &dyn Queue) {
    let id = accept(queue, by_mail("a", "Care@Example.JP"));
    assert!(claim(queue, NOW, "line1").is_none(), "no line takes it");
    let got = claim_mail(queue, NOW, "mail-1").expect("due");
    assert_eq!((got.id, got.attempt_number, got.lane.as_str()), (id, 1, "mail-1"));
    assert_eq!(got.to.as_str(), "Care@example.jp");
    assert!(matches!(got.notice, crate::job::Notice::Message));
    assert_eq!(got.office_name.as_str(), "さくらデイサービス");
    assert_eq!(got.sender.phone.as_str(), "03-9876-5432");
    let not_after = request("x", message).job.not_after;
    let expected = crate::settle::MailStanding { not_after, tries: 0, watch: then_fax() };
    assert_eq!(got.standing, expected);
    assert_eq!(show(queue, id).state, JobState::Sending);
    dot(queue, got.attempt);
    assert_eq!(queue.settle(got.attempt, handed_off(then_fax())).wait(), Ok(()));

    let view = show(queue, id);
    assert_eq!((view.state, view.channel), (JobState::HandedOff, Channel::Mail));
    assert_eq!(view.mail_domain.as_deref(), Some("example.jp"));
    assert_eq!((view.watch, view.due_at, view.because), (Some(then_fax()), None, None));
    let [attempt] = &view.attempts[..] else { panic!("one attempt: {view:?}") };
    assert_eq!((attempt.state, attempt.channel), (AttemptState::HandedOff, Channel::Mail));
    let rungs: Vec<&str> = attempt.rungs.iter().map(|(name, _, _)| name.as_str()).collect();
    assert_eq!(rungs, ["sending", "dot_sent", "handed_off"]);
    let last = &attempt.rungs[2].2;
    assert_eq!(last["watch_until"], then_fax().until.rfc3339());
    assert!(!format!("{view:?} {last}").contains("Care@"), "an address is shown by its domain");
    assert!(claim_mail(queue, after_min(1), "mail-1").is_none(), "once");
}

pub(crate) fn repetition_tells_the_channel_of_the_acceptance_even_after_the_fax(queue: &dyn Queue) {
    let id = accept(queue, by_mail("a", "care@example.jp"));
    let again = || queue.accept(by_mail("a", "care@example.jp")).wait();
    assert_eq!(again(), Ok(Accepted::Replay { id, channel: Channel::Mail }));
    let got = claim_mail(queue, NOW, "mail-1").expect("due");
    let by_fax = Next::ByFax { due: NOW, because: FaxBecause::MailBounced };
    assert_eq!(queue.settle(got.attempt, refused_mail(by_fax)).wait(), Ok(()));
    assert_eq!(show(queue, id).channel, Channel::Fax);
    assert_eq!(again(), Ok(Accepted::Replay { id, channel: Channel::Mail }));
}

pub(crate) fn refused_mail_comes_by_fax_with_the_reason(queue: &dyn Queue) {
    let id = accept(queue, by_mail("a", "nobody@example.jp"));
    let got = claim_mail(queue, NOW, "mail-1").expect("due");
    let by_fax = Next::ByFax { due: after_min(1), because: FaxBecause::MailBounced };
    assert_eq!(queue.settle(got.attempt, refused_mail(by_fax)).wait(), Ok(()));
    let view = show(queue, id);
    assert_eq!((view.state, view.due_at), (JobState::Waiting, Some(after_min(1))));
    assert_eq!((view.channel, view.because), (Channel::Fax, Some(FaxBecause::MailBounced)));
    assert_eq!(view.reason.as_deref(), Some("mail-bounced"));
    assert!(claim_mail(queue, after_min(1), "mail-1").is_none(), "not by mail any more");
    let call = claim(queue, after_min(1), "line1").expect("by FAX");
    assert_eq!((call.id, call.attempt_number), (id, 2));
    assert_eq!(call.because, Some(FaxBecause::MailBounced));
    assert_eq!((call.standing.dials, call.standing.unconfirmed), (0, 0), "no call yet");
    assert!(!call.standing.mailed && call.token.is_none());
    dial(queue, call.attempt, after_min(1));
    let failed = not_sent(after_min(1), Reach::NoAnswer, Next::Rest(JobState::Failed));
    assert_eq!(queue.settle(call.attempt, failed).wait(), Ok(()), "nothing is anywhere");
}

pub(crate) fn deferred_mail_comes_again_and_counts_its_tries(queue: &dyn Queue) {
    let id = accept(queue, by_mail("a", "care@example.jp"));
    for tries in 0..3 {
        let now = after_min(10 * u64::from(tries));
        let got = claim_mail(queue, now, "mail-1").expect("due");
        assert_eq!((got.id, got.standing.tries), (id, tries));
        let due = after_min(10 * u64::from(tries + 1));
        let again = Next::Again { due, reason: "mail-deferred" };
        assert_eq!(queue.settle(got.attempt, refused_mail(again)).wait(), Ok(()));
        assert!(claim_mail(queue, now, "mail-1").is_none(), "not before it is due");
        assert_eq!(queue.sweep(now).wait().map(|swept| swept.next_mail), Ok(Some(due)));
    }
    // A relay that is not there costs no try.
    let got = claim_mail(queue, after_min(30), "mail-1").expect("due");
    let again = Next::Again { due: after_min(40), reason: "relay-down" };
    let down = Settlement { code: "smtp-refused", ..refused_mail(again) };
    assert_eq!(queue.settle(got.attempt, down).wait(), Ok(()));
    let got = claim_mail(queue, after_min(40), "mail-1").expect("due");
    assert_eq!((got.attempt_number, got.standing.tries), (5, 3));
}

pub(crate) fn four_lanes_at_once_take_each_mail_once(queue: &dyn Queue) {
    for key in 0..40 {
        accept(queue, by_mail(&key.to_string(), &format!("care@d{}.example.jp", key % 7)));
    }
    let taken: Vec<(JobId, mail::Subject)> = std::thread::scope(|scope| {
        let work = |lane: String| {
            let mut taken = Vec::new();
            while let Some(got) = claim_mail(queue, NOW, &lane) {
                dot(queue, got.attempt);
                assert_eq!(queue.settle(got.attempt, handed_off(then_fax())).wait(), Ok(()));
                taken.push((got.id, got.token));
            }
            taken
        };
        let lanes: Vec<_> =
            (1..=4).map(|lane| scope.spawn(move || work(format!("mail-{lane}")))).collect();
        lanes.into_iter().flat_map(|lane| lane.join().expect("no panic")).collect()
    });
    let ids: HashSet<JobId> = taken.iter().map(|(id, _)| *id).collect();
    let tokens: HashSet<mail::Subject> = taken.iter().map(|(_, token)| *token).collect();
    assert_eq!((taken.len(), ids.len(), tokens.len()), (40, 40, 40));
}

pub(crate) fn one_mail_at_a_time_in_a_lane(queue: &dyn Queue) {
    accept(queue, by_mail("a", "care@example.jp"));
    accept(queue, by_mail("b", "care@example.jp"));
    claim_mail(queue, NOW, "mail-1").expect("due");
    assert!(refused(queue.claim_mail(NOW, mail_ask("mail-1")).wait()));
    assert!(claim_mail(queue, NOW, "mail-2").is_some(), "one office, one number: no call is made");
}

pub(crate) fn held_domain_is_passed_over_however_much_waits_for_it(queue: &dyn Queue) {
    // More than are passed over one by one.
    for key in 0..300 {
        accept(queue, by_mail(&key.to_string(), "care@held.example.jp"));
    }
    let held = |domains: &[&str]| MailAsk {
        held: domains.iter().map(ToString::to_string).collect(),
        ..mail_ask("mail-1")
    };
    let next = |domains| queue.claim_mail(NOW, held(domains)).wait().expect("answers");
    assert!(next(&["held.example.jp"]).is_none());
    let late = accept(queue, by_mail("late", "care@zz.example.jp"));
    let later = accept(queue, by_mail("later", "care@aa.example.jp"));
    assert!(next(&["held.example.jp", "zz.example.jp", "aa.example.jp"]).is_none());
    let got = next(&["held.example.jp"]).expect("one is not held");
    assert_eq!(got.id, late, "the longest due, not the first by name");
    let again = Next::Again { due: after_min(1), reason: "interrupted" };
    assert_eq!(queue.settle(got.attempt, refused_mail(again)).wait(), Ok(()));
    let got = next(&["held.example.jp"]).expect("one is not held");
    assert_eq!(got.id, later);
    let again = Next::Again { due: after_min(1), reason: "interrupted" };
    assert_eq!(queue.settle(got.attempt, refused_mail(again)).wait(), Ok(()));
    let got = next(&[]).expect("none is held");
    assert_eq!(got.to.domain(), "held.example.jp");
}

pub(crate) fn urgent_mail_goes_first_and_one_past_its_end_never(queue: &dyn Queue) {
    let mut short = by_mail("short", "care@example.jp");
    short.job.not_after = after_min(5);
    let short = accept(queue, short);
    accept(queue, by_mail("a", "care@example.jp"));
    let mut urgent = by_mail("urgent", "care@example.jp");
    urgent.job.urgency = Urgency::Urgent;
    let urgent = accept(queue, urgent);
    assert_eq!(claim_mail(queue, after_min(5), "mail-1").map(|got| got.id), Some(urgent));
    assert_eq!(show(queue, short).state, JobState::Expired);
}

pub(crate) fn steps_of_a_mail_out_of_order_are_refused(queue: &dyn Queue) {
    accept(queue, by_mail("a", "care@example.jp"));
    let got = claim_mail(queue, NOW, "mail-1").expect("due");
    let step = |step| queue.step(got.attempt, step).wait();
    let settle = |settlement| queue.settle(got.attempt, settlement).wait();
    assert!(refused(step(Step::Dialing { now: NOW, sheet_mark: [3; 32] })), "it dials nobody");
    assert!(refused(step(Step::PageStarted { now: NOW, page: 0 })));
    assert!(refused(settle(handed_off(then_fax()))), "no content left");
    assert!(refused(settle(no_reply(then_fax()))), "no content left");
    assert_eq!(step(Step::DotSent { now: NOW }), Ok(()));
    assert!(refused(step(Step::DotSent { now: NOW })), "once");
    assert!(refused(settle(confirmed(NOW))), "no relay can say that somebody read it");
    let again = Next::Again { due: NOW, reason: "mail-deferred" };
    let sent_twice = Settlement { next: again, ..no_reply(then_fax()) };
    assert!(refused(settle(sent_twice)), "it may be in the mailbox");
    let by_fax = Next::ByFax { due: NOW, because: FaxBecause::MailNotSent };
    let hasty = Settlement { next: by_fax, ..no_reply(then_fax()) };
    assert!(refused(settle(hasty)), "a receipt may come yet");
    assert_eq!(settle(no_reply(then_fax())), Ok(()));
    assert!(refused(settle(handed_off(then_fax()))), "it has ended");

    accept(queue, request("b", |_| {}));
    let call = claim(queue, NOW, "line1").expect("due");
    assert!(refused(queue.step(call.attempt, Step::DotSent { now: NOW }).wait()));
    dial(queue, call.attempt, NOW);
    start_page(queue, call.attempt);
    let watched = queue.settle(call.attempt, handed_off(then_fax())).wait();
    assert!(refused(watched), "nobody could report on it");
}

pub(crate) fn mail_withdrawn_before_its_dot_is_cancelled_and_after_it_no_fax_follows(
    queue: &dyn Queue,
) {
    let cancel = |id| queue.cancel(client(), id, NOW).wait();
    let id = accept(queue, by_mail("a", "care@example.jp"));
    let got = claim_mail(queue, NOW, "mail-1").expect("due");
    assert_eq!(cancel(id), Ok(Cancelled::Stopping));
    assert!(queue.stop_wanted(got.attempt));
    assert!(refused(queue.step(got.attempt, Step::DotSent { now: NOW }).wait()));
    let by_fax = Next::ByFax { due: NOW, because: FaxBecause::MailNotSent };
    assert_eq!(queue.settle(got.attempt, refused_mail(by_fax)).wait(), Ok(()));
    assert_eq!(show(queue, id).state, JobState::Cancelled);

    // While the content is on its way.
    let id = accept(queue, by_mail("b", "care@example.jp"));
    let got = claim_mail(queue, NOW, "mail-1").expect("due");
    dot(queue, got.attempt);
    assert_eq!(cancel(id), Ok(Cancelled::TooLate));
    assert!(!queue.stop_wanted(got.attempt), "a content is not cut in two");
    assert_eq!(queue.settle(got.attempt, handed_off(then_fax())).wait(), Ok(()));
    assert_eq!(show(queue, id).state, JobState::HandedOff);
    assert!(queue.sweep(then_fax().until).wait().is_ok());
    let view = show(queue, id);
    assert_eq!((view.state, view.channel), (JobState::Uncertain, Channel::Mail));
    assert!(claim(queue, then_fax().until, "line1").is_none(), "no FAX follows");

    // When the relay has it.
    let (id, _) = mailed(queue, "c");
    assert_eq!((cancel(id), cancel(id)), (Ok(Cancelled::TooLate), Ok(Cancelled::TooLate)));
    assert_eq!(show(queue, id).state, JobState::HandedOff, "it is true what may be in the mailbox");
    let stops = |event: &EventRow| event.job == id && event.name == "stop_wanted";
    let events = feed(queue, 0, 500);
    assert_eq!(events.iter().filter(|event| stops(event)).count(), 1, "asked twice, told once");
    assert!(queue.sweep(then_fax().until).wait().is_ok());
    assert_eq!(show(queue, id).state, JobState::Uncertain);
}

pub(crate) fn office_is_as_each_client_has_reported_it(queue: &dyn Queue) {
    let number = || OfficeNumber::parse("1179900012").expect("valid");
    let find = |client: &str| queue.office(ClientId(client.into()), number()).wait();
    let change =
        |change, now| queue.change_office(client(), number(), change, now).wait().expect("answers");
    assert_eq!(find("exchange"), Ok(None));
    let to = address("care@example.jp");
    let registered = change(OfficeChange::MailRegistered { to: to.clone() }, NOW);
    let expected = Office { mail: Some(to), ..Office::new(number(), NOW) };
    assert_eq!((&registered, find("exchange")), (&expected, Ok(Some(expected.clone()))));
    assert_eq!(find("other"), Ok(None), "not theirs to know");
    change(OfficeChange::Closed, after_min(1));
    let left = change(OfficeChange::ManagerChanged, after_min(2));
    assert_eq!((left.mail, left.closed, left.changed_at), (None, true, after_min(2)));
    let fax = FaxNumber::parse("03-1234-5678").expect("valid");
    change(OfficeChange::FaxChanged { to: fax.clone() }, after_min(3));
    let found = find("exchange").expect("answers").expect("is there");
    assert_eq!((found.fax, found.anew_since), (Some(fax), Some(after_min(3))));
    let second = OfficeNumber::parse("2779900030").expect("valid");
    let closed = queue.change_office(client(), second.clone(), OfficeChange::Closed, NOW).wait();
    let listed = |after| queue.offices(client(), after, 10).wait().expect("answers");
    assert_eq!(listed(Some(number())), [closed.expect("answers")]);
    assert_eq!(listed(None).len(), 2);
    assert!(queue.offices(ClientId("other".into()), None, 10).wait().expect("answers").is_empty());
}

pub(crate) fn mails_that_no_relay_took_go_by_fax_before_it_is_too_late(queue: &dyn Queue) {
    let give_up = |since, not_after, untried_since| {
        queue.give_up_mails(after_min(60), Overdue { since, not_after, untried_since }).wait()
    };
    let never = UnixMillis(0);
    let waiting = |key| accept(queue, by_mail(key, "care@example.jp"));
    let until = |key, not_before: Option<UnixMillis>, not_after| {
        let request = by_mail(key, "care@example.jp");
        let job = NewJob { not_before, not_after, ..request.job };
        accept(queue, Acceptance { job, ..request })
    };
    let way = |id| {
        let view = show(queue, id);
        (view.state, view.channel, view.because, view.due_at)
    };
    let by_fax = |due| (JobState::Waiting, Channel::Fax, Some(FaxBecause::MailNotSent), Some(due));
    let (handed, _) = mailed(queue, "handed");
    let long = waiting("long");
    assert_eq!(give_up(UnixMillis(NOW.0 - 1), NOW, never), Ok(0), "it has not waited so long");
    assert_eq!(give_up(NOW, NOW, never), Ok(1));
    assert_eq!(way(long), by_fax(after_min(60)));

    let soon = until("soon", None, after_min(100));
    let not_yet = until("not-yet", Some(after_min(80)), after_min(110));
    let too_late = until("too-late", None, after_min(70));
    let later = until("later", None, after_min(200));
    assert_eq!(give_up(never, after_min(135), never), Ok(0), "it was not tried yet");
    assert_eq!(give_up(never, after_min(135), NOW), Ok(1));
    assert_eq!(way(soon), by_fax(after_min(60)));
    assert_eq!(way(not_yet).1, Channel::Mail);
    assert_eq!(give_up(never, after_min(135), after_min(80)), Ok(1));
    assert_eq!(way(not_yet), by_fax(after_min(80)));
    for mail in [too_late, later] {
        assert_eq!(way(mail), (JobState::Waiting, Channel::Mail, None, Some(NOW)));
    }
    let tried = claim_mail(queue, after_min(70), "mail-1").map(|mail| (mail.id, mail.attempt));
    let (tried, attempt) = tried.expect("its turn");
    let again = Next::Again { due: after_min(90), reason: "mail-deferred" };
    assert_eq!(queue.settle(attempt, refused_mail(again)).wait(), Ok(()));
    let its_end = show(queue, tried).not_after;
    assert_eq!(tried, later, "the other has run out");
    assert_eq!(give_up(never, its_end, never), Ok(1));
    assert_eq!(way(tried), by_fax(after_min(60)));
    assert_eq!(show(queue, handed).state, JobState::HandedOff, "it may be in the mailbox");
    assert_eq!(claim(queue, after_min(60), "line1").map(|call| call.id), Some(long));
}
