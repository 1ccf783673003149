//! What comes in later: reports about mails, answers of a fax provider, signs of the exchange; and when nothing does.

use super::*;
use crate::job::{FaxBecause, Sign};
use crate::settle::bounce::Bounce;
use crate::settle::receipts::{FaxFailure, Receipt, Report};
use crate::settle::{AtEnd, Watch};

pub(crate) const PLACE: Place = Place { uid_validity: 7, uid: 1 };

/// A mail of the receipt box that says this about the attempt with that token; `number` tells it from others.
pub(crate) fn received(number: u8, token: mail::Subject, report: Report) -> ReceivedMail {
    let detail = serde_json::json!({ "status": "2.0.0" });
    let place = Place { uid: number.into(), ..PLACE };
    let receipt = Some(Receipt { token, report, detail });
    ReceivedMail { now: after_min(5), place, sha256: [number; 32], receipt }
}

pub(super) fn receive(queue: &dyn Queue, mail: ReceivedMail) -> Received {
    queue.receive(mail).wait().expect("the store answers")
}

pub(super) fn sign(queue: &dyn Queue, id: JobId, sign: Sign) -> Signed {
    queue.sign(client(), id, sign, after_min(6)).wait().expect("the store answers")
}

fn rungs(queue: &dyn Queue, id: JobId) -> Vec<String> {
    let attempts = show(queue, id).attempts;
    attempts.into_iter().flat_map(|attempt| attempt.rungs).map(|(name, _, _)| name).collect()
}

pub(super) fn bounced() -> Report {
    Report::Bounced(Bounce::NoSuchUser)
}

pub(crate) fn delivery_is_a_rung_and_a_login_the_proof(queue: &dyn Queue) {
    let (id, got) = mailed(queue, "a");
    let taken = receive(queue, received(1, got.token, Report::Delivered));
    assert_eq!(taken, Received::Taken { job: id, state: JobState::HandedOff });
    assert_eq!(rungs(queue, id)[3..], ["mail_delivered"]);
    let read = sign(queue, id, Sign::FirstLogin);
    assert_eq!(read, Signed::Taken { state: JobState::Confirmed });
    let view = show(queue, id);
    assert_eq!((view.state, view.reason.as_deref()), (JobState::Confirmed, Some("first-login")));
    assert_eq!(view.watch, None);
    assert_eq!(rungs(queue, id)[4..], ["first_login", "confirmed"]);
    assert_eq!(sign(queue, id, Sign::FirstLogin), Signed::Known { state: JobState::Confirmed });
    // A later sign is a rung, and nothing more.
    let later = sign(queue, id, Sign::FirstDownload);
    assert_eq!(later, Signed::Taken { state: JobState::Confirmed });
    assert_eq!(rungs(queue, id)[6..], ["first_download"]);
    let other = ClientId("other".into());
    let theirs = queue.sign(other, id, Sign::FirstLogin, NOW).wait();
    assert_eq!(theirs, Ok(Signed::NotFound));
    assert!(queue.sweep(then_fax().until).wait().is_ok());
    assert!(claim(queue, then_fax().until, "line1").is_none(), "no FAX follows");
}

pub(crate) fn mail_that_comes_back_goes_by_fax_at_once_however_late(queue: &dyn Queue) {
    let (id, got) = mailed(queue, "a");
    receive(queue, received(1, got.token, Report::Delivered));
    let taken = receive(queue, received(2, got.token, bounced()));
    assert_eq!(taken, Received::Taken { job: id, state: JobState::Waiting });
    let view = show(queue, id);
    assert_eq!((view.because, view.watch), (Some(FaxBecause::MailBounced), None));
    assert_eq!(rungs(queue, id)[4..], ["mail_bounced", "waiting"]);
    let call = claim(queue, after_min(5), "line1").expect("by FAX");
    assert_eq!((call.id, call.because), (id, Some(FaxBecause::MailBounced)));
    assert!(!call.standing.mailed, "it came back");
    // It moved on: what comes in about the mail changes nothing any more.
    let late = receive(queue, received(3, got.token, bounced()));
    assert_eq!(late, Received::Taken { job: id, state: JobState::Sending });
    dial(queue, call.attempt, after_min(5));
    start_page(queue, call.attempt);
    assert_eq!(queue.settle(call.attempt, confirmed(after_min(6))).wait(), Ok(()));
    let late = receive(queue, received(4, got.token, bounced()));
    assert_eq!(late, Received::Taken { job: id, state: JobState::Confirmed });
    assert_eq!(show(queue, id).reason.as_deref(), Some("delivered"));
}

pub(crate) fn withdrawn_mail_that_comes_back_is_cancelled(queue: &dyn Queue) {
    let (id, got) = mailed(queue, "a");
    assert_eq!(queue.cancel(client(), id, NOW).wait(), Ok(Cancelled::TooLate));
    receive(queue, received(1, got.token, bounced()));
    assert_eq!(show(queue, id).state, JobState::Cancelled);
    assert!(claim(queue, after_min(5), "line1").is_none(), "no FAX follows");
}

pub(crate) fn mail_withdrawn_before_or_after_its_watch_does_not_come_by_fax_when_it_comes_back_late(
    queue: &dyn Queue,
) {
    let handed = |key| {
        let id = accept(queue, by_mail(key, "care@example.jp"));
        let got = claim_mail(queue, NOW, "mail-1").expect("due");
        dot(queue, got.attempt);
        let decide = Watch { until: after_min(2), then: AtEnd::Decide };
        assert_eq!(queue.settle(got.attempt, handed_off(decide)).wait(), Ok(()));
        (id, got.token)
    };
    let (before, after, wanted) = (handed("a"), handed("b"), handed("c"));
    let cancel = |id| queue.cancel(client(), id, NOW).wait();
    assert_eq!(cancel(before.0), Ok(Cancelled::TooLate));
    assert_eq!(queue.sweep(after_min(2)).wait().map(|swept| swept.ended), Ok(3));
    assert_eq!(
        (cancel(after.0), cancel(after.0)),
        (Ok(Cancelled::TooLate), Ok(Cancelled::TooLate))
    );
    let stops = event_names(queue).iter().filter(|name| *name == "stop_wanted").count();
    assert_eq!(stops, 2, "each told once");
    for (number, (id, token)) in [(1, before), (2, after), (3, wanted)] {
        assert_eq!(show(queue, id).state, JobState::Uncertain);
        receive(queue, received(number, token, bounced()));
    }
    for (id, _) in [before, after] {
        assert_eq!(show(queue, id).state, JobState::ResolvedNotDelivered);
    }
    assert_eq!(show(queue, wanted.0).because, Some(FaxBecause::MailBounced));
    assert_eq!(claim(queue, after_min(5), "line1").map(|got| got.id), Some(wanted.0));
}

pub(crate) fn mail_of_the_box_is_taken_in_once_wherever_it_is_moved(queue: &dyn Queue) {
    let (id, got) = mailed(queue, "a");
    assert_eq!(queue.inbox_place().wait(), Ok(None));
    receive(queue, received(1, got.token, Report::Delayed));
    assert_eq!(queue.inbox_place().wait(), Ok(Some(PLACE)));
    let elsewhere = Place { uid_validity: 8, uid: 1 };
    let moved = ReceivedMail { place: elsewhere, ..received(1, got.token, Report::Delayed) };
    assert_eq!(receive(queue, moved), Received::Known);
    assert_eq!(queue.inbox_place().wait(), Ok(Some(elsewhere)), "it is read all the same");
    assert_eq!(rungs(queue, id)[3..], ["mail_delayed"], "told once");
}

pub(crate) fn mail_that_is_no_receipt_of_ours_moves_the_place_and_nothing_else(queue: &dyn Queue) {
    let (id, _) = mailed(queue, "a");
    let before = event_names(queue);
    let nothing = ReceivedMail { receipt: None, ..received(1, [0; 16], Report::Delivered) };
    assert_eq!(receive(queue, nothing), Received::Nothing);
    assert_eq!(receive(queue, received(2, [9; 16], bounced())), Received::UnknownAttempt);
    // The server numbers its mails anew: what was left lying is no receipt of ours by that.
    assert_eq!(receive(queue, received(2, [9; 16], bounced())), Received::UnknownAttempt);
    assert_eq!(queue.inbox_place().wait(), Ok(Some(Place { uid: 2, ..PLACE })));
    // An older one read again does not set it back.
    let again = ReceivedMail { receipt: None, ..received(1, [0; 16], Report::Delivered) };
    receive(queue, again);
    assert_eq!(queue.inbox_place().wait(), Ok(Some(Place { uid: 2, ..PLACE })));
    assert_eq!((event_names(queue), show(queue, id).state), (before, JobState::HandedOff));
}

pub(crate) fn report_that_overtakes_the_result_is_asked_for_again(queue: &dyn Queue) {
    let id = accept(queue, by_mail("a", "care@example.jp"));
    let got = claim_mail(queue, NOW, "mail-1").expect("due");
    dot(queue, got.attempt);
    assert_eq!(receive(queue, received(1, got.token, bounced())), Received::NotYet);
    assert_eq!(queue.inbox_place().wait(), Ok(None), "nothing is kept");
    assert_eq!(queue.settle(got.attempt, handed_off(then_fax())).wait(), Ok(()));
    let taken = receive(queue, received(1, got.token, bounced()));
    assert_eq!(taken, Received::Taken { job: id, state: JobState::Waiting });
}

pub(crate) fn mail_that_nobody_follows_comes_by_fax_when_the_watch_is_over(queue: &dyn Queue) {
    let (id, got) = mailed(queue, "a");
    receive(queue, received(1, got.token, Report::Delivered));
    let before = UnixMillis(then_fax().until.0 - 1);
    assert_eq!(queue.sweep(before).wait().map(|swept| swept.ended), Ok(0));
    assert_eq!(queue.sweep(then_fax().until).wait().map(|swept| swept.ended), Ok(1));
    let view = show(queue, id);
    assert_eq!((view.state, view.because), (JobState::Waiting, Some(FaxBecause::MailUnread)));
    let call = claim(queue, then_fax().until, "line1").expect("by FAX");
    assert_eq!(call.because, Some(FaxBecause::MailUnread));
    assert!(call.standing.mailed);
    // Its mail may be in the mailbox: no ending of the call says that nothing is anywhere.
    dial(queue, call.attempt, then_fax().until);
    let failed = |state| not_sent(then_fax().until, Reach::NoAnswer, Next::Rest(state));
    assert!(refused(queue.settle(call.attempt, failed(JobState::Failed)).wait()));
    assert_eq!(queue.settle(call.attempt, failed(JobState::Uncertain)).wait(), Ok(()));
    let login = sign(queue, id, Sign::FirstLogin);
    assert_eq!(login, Signed::Taken { state: JobState::ResolvedDelivered });
}

pub(crate) fn fax_that_waits_is_given_up_when_somebody_reads_the_mail_after_all(queue: &dyn Queue) {
    let (id, _) = mailed(queue, "a");
    assert!(queue.sweep(then_fax().until).wait().is_ok());
    let login = sign(queue, id, Sign::FirstLogin);
    assert_eq!(login, Signed::Taken { state: JobState::ResolvedDelivered });
    assert!(claim(queue, then_fax().until, "line1").is_none());
}

pub(crate) fn mail_without_a_reply_is_not_mailed_again_and_the_sent_copy_tells(queue: &dyn Queue) {
    let id = accept(queue, by_mail("a", "care@example.jp"));
    let got = claim_mail(queue, NOW, "mail-1").expect("due");
    dot(queue, got.attempt);
    assert_eq!(queue.settle(got.attempt, no_reply(then_fax())).wait(), Ok(()));
    assert_eq!(queue.unsure_mails().wait(), Ok(vec![got.token]));
    assert!(claim_mail(queue, after_min(1), "mail-1").is_none());
    let copy = receive(queue, received(1, got.token, Report::SentCopy));
    assert_eq!(copy, Received::Taken { job: id, state: JobState::HandedOff });
    assert_eq!(show(queue, id).watch, Some(then_fax()), "the wait goes on");
    assert_eq!(queue.unsure_mails().wait(), Ok(vec![]));
    assert!(queue.sweep(then_fax().until).wait().is_ok());
    assert_eq!(show(queue, id).because, Some(FaxBecause::MailUnread));
}

pub(crate) fn mail_without_a_reply_and_without_a_word_comes_by_fax(queue: &dyn Queue) {
    let id = accept(queue, by_mail("a", "care@example.jp"));
    let got = claim_mail(queue, NOW, "mail-1").expect("due");
    dot(queue, got.attempt);
    assert_eq!(queue.settle(got.attempt, no_reply(then_fax())).wait(), Ok(()));
    assert!(queue.sweep(then_fax().until).wait().is_ok());
    let view = show(queue, id);
    assert_eq!((view.state, view.because), (JobState::Waiting, Some(FaxBecause::MailUnsure)));
    assert_eq!(queue.unsure_mails().wait(), Ok(vec![]), "nobody waits for it any more");
}

pub(crate) fn sign_closes_a_call_that_nobody_was_sure_of(queue: &dyn Queue) {
    let id = accept(queue, request("a", |_| {}));
    assert_eq!(sign(queue, id, Sign::TermsAccepted), Signed::Taken { state: JobState::Waiting });
    let got = claim(queue, NOW, "line1").expect("it cannot have come from this sheet");
    dial(queue, got.attempt, NOW);
    start_page(queue, got.attempt);
    assert_eq!(queue.settle(got.attempt, uncertain(NOW)).wait(), Ok(()));
    let login = sign(queue, id, Sign::FirstLogin);
    assert_eq!(login, Signed::Taken { state: JobState::ResolvedDelivered });
    let view = show(queue, id);
    assert_eq!(view.reason.as_deref(), Some("first-login"));
}

pub(crate) fn domains_are_told_apart_by_what_became_of_their_mails(queue: &dyn Queue) {
    let hand_over = |key: &str, to: &str, settlement: Settlement| {
        let id = accept(queue, by_mail(key, to));
        let got = claim_mail(queue, NOW, "mail-1").expect("due");
        dot(queue, got.attempt);
        assert_eq!(queue.settle(got.attempt, settlement).wait(), Ok(()));
        (id, got.token)
    };
    let (_, back) = hand_over("a", "a@one.example.jp", handed_off(then_fax()));
    let (read, there) = hand_over("b", "b@one.example.jp", handed_off(then_fax()));
    hand_over("c", "c@one.example.jp", handed_off(then_fax()));
    hand_over("d", "d@two.example.jp", no_reply(then_fax()));
    receive(queue, received(1, back, bounced()));
    receive(queue, received(2, there, Report::Delivered));
    receive(queue, received(3, there, Report::Delivered));
    sign(queue, read, Sign::FirstLogin);
    let nothing = |domain: &str| MailDomain { domain: domain.into(), ..MailDomain::default() };
    let one =
        MailDomain { handed: 3, delivered: 1, bounced: 1, opened: 1, ..nothing("one.example.jp") };
    let two = MailDomain { handed: 1, uncertain: 1, ..nothing("two.example.jp") };
    assert_eq!(queue.mail_domains(client(), NOW).wait(), Ok(vec![one.clone(), two.clone()]));
    assert_eq!(queue.mail_domains(client(), after_min(1)).wait(), Ok(vec![]), "begun before");
    let other = ClientId("other".into());
    assert_eq!(queue.mail_domains(other, NOW).wait(), Ok(vec![]), "not theirs to know");
    assert!(queue.sweep(then_fax().until).wait().is_ok());
    let one = MailDomain { unread: 1, ..one };
    assert_eq!(queue.mail_domains(client(), NOW).wait(), Ok(vec![one, two]));
}

pub(crate) fn reports_without_end_are_not_kept_without_end(queue: &dyn Queue) {
    let (id, got) = mailed(queue, "a");
    for number in 1..=250 {
        let taken = receive(queue, received(number, got.token, Report::Delayed));
        assert_eq!(taken, Received::Taken { job: id, state: JobState::HandedOff });
    }
    assert_eq!(rungs(queue, id).len(), 200);
    receive(queue, received(251, got.token, bounced()));
    assert_eq!(show(queue, id).state, JobState::Waiting, "what matters is still taken in");
}

/// A line whose provider answers within four hours.
pub(super) fn provider(line: &str, secrets: bool) -> LineAsk {
    let watch = Watch { until: after_min(240), then: AtEnd::Decide };
    LineAsk { line: line.into(), secrets, watch: Some(watch) }
}

/// The next job, handed to a provider.
pub(crate) fn ordered(queue: &dyn Queue, secrets: bool) -> Claim {
    let got = queue.claim(NOW, provider("provider", secrets)).wait().expect("answers");
    let got = got.expect("due");
    dial(queue, got.attempt, NOW);
    start_page(queue, got.attempt);
    let watch = got.watch.expect("as asked");
    let settlement = Settlement { reach: Reach::NoAnswer, ..handed_off(watch) };
    assert_eq!(queue.settle(got.attempt, settlement).wait(), Ok(()));
    got
}

pub(crate) fn line_without_leave_for_keys_gets_the_next_sheet_without_one(queue: &dyn Queue) {
    let key = accept(queue, request("a", |_| {}));
    let notice = accept(queue, request("b", message));
    assert_eq!(ordered(queue, false).id, notice);
    let none = queue.claim(NOW, provider("another", false)).wait().expect("answers");
    assert!(none.is_none());
    assert_eq!(show(queue, key).state, JobState::Waiting);
}

pub(crate) fn number_whose_provider_has_not_answered_is_not_called(queue: &dyn Queue) {
    let id = accept(queue, request("a", message));
    let next = accept(queue, request("b", message));
    let got = ordered(queue, true);
    assert_eq!((got.id, show(queue, id).state), (id, JobState::HandedOff));
    assert!(claim(queue, after_min(1), "line1").is_none(), "it may be ringing there");
    let number = first_contact().recipient.fax;
    let dialled = |min| queue.dialled(number.clone(), after_min(min)).wait().expect("answers");
    assert!(dialled(1).is_on_call && dialled(1).unanswered.len() == 1);
    let token = got.token.expect("a provider's line asked");
    let sent = Report::FaxSent { pages: Some(1) };
    let taken = receive(queue, received(1, token, sent));
    assert_eq!(taken, Received::Taken { job: id, state: JobState::Confirmed });
    assert_eq!(
        dialled(2),
        Dialled::default(),
        "a machine answered: the next call is no repetition"
    );
    assert_eq!(claim(queue, after_min(6), "line1").map(|got| got.id), Some(next));
}

pub(crate) fn key_that_a_provider_could_not_send_is_sent_again_and_one_that_may_be_out_is_not(
    queue: &dyn Queue,
) {
    let id = accept(queue, request("a", |_| {}));
    let token = ordered(queue, true).token.expect("a provider's line asked");
    receive(queue, received(1, token, Report::FaxFailed(FaxFailure::Busy)));
    let view = show(queue, id);
    let Some(due) = view.due_at else { panic!("it waits for another call: {view:?}") };
    let got = queue.claim(due, provider("provider", true)).wait().expect("answers");
    let got = got.expect("due");
    assert_eq!((got.standing.dials, got.standing.unconfirmed), (1, 0));
    dial(queue, got.attempt, due);
    start_page(queue, got.attempt);
    let settlement = Settlement { reach: Reach::NoAnswer, ..handed_off(got.watch.expect("asked")) };
    assert_eq!(queue.settle(got.attempt, settlement).wait(), Ok(()));
    let token = got.token.expect("a provider's line asked");
    receive(queue, received(2, token, Report::FaxFailed(FaxFailure::Failed)));
    assert_eq!(show(queue, id).state, JobState::Uncertain, "a part of it may be on paper");
    assert!(claim(queue, after_min(600), "line1").is_none());
}

pub(crate) fn key_that_ran_out_at_a_provider_is_destroyed_and_its_answer_still_counts(
    queue: &dyn Queue,
) {
    let id = accept(queue, request("a", |job| job.not_after = after_min(20)));
    let token = ordered(queue, true).token.expect("a provider's line asked");
    assert!(queue.sweep(after_min(20)).wait().is_ok());
    assert_eq!(show(queue, id).state, JobState::HandedOff);
    let sent = received(1, token, Report::FaxSent { pages: None });
    let sent = ReceivedMail { now: after_min(30), ..sent };
    assert_eq!(known(queue, "0312345678").and_then(|known| known.proven), None);
    assert_eq!(receive(queue, sent), Received::Taken { job: id, state: JobState::Confirmed });
    let proven = known(queue, "0312345678").and_then(|known| known.proven);
    assert_eq!(proven, Some(after_min(30)), "a service proves a number, too");
}
