//! What somebody decides about an uncertain notification, and who is reminded to.

use super::endings::unconfirmed_call;
use super::mails::{dot, no_reply};
use super::receipts::sign;
use super::*;
use crate::job::{Credentials, IfUncertain, Secret};
use crate::queue::resolution::{Decided, Fingerprint, Way};
use crate::settle::resolution::{Choice, Refusal};

pub(crate) fn decision(way: Way) -> Resolution {
    Resolution { way, not_after: None, by: None, reason: None }
}

pub(crate) fn rotate(key: &str) -> Resolution {
    let secret = |text: &str| Secret::parse(text.into(), Credentials::MAX_CHARS).expect("valid");
    decision(Way::Rotate(Credentials {
        login_id: secret("newLOGIN111"),
        password: secret("newPASS222"),
        first_time_key: secret(key),
        valid_until: None,
    }))
}

/// Decides as the request of that fingerprint.
pub(crate) fn resolve(
    queue: &dyn Queue,
    id: JobId,
    request: u8,
    now: UnixMillis,
    resolution: Resolution,
) -> Resolved {
    queue
        .resolve(client(), id, resolution, Fingerprint::Named([request; 32]), now)
        .wait()
        .expect("the store answers")
}

/// A sheet of which nobody knows whether it came out.
pub(crate) fn uncertain_sheet(queue: &dyn Queue, change: impl FnOnce(&mut NewJob)) -> JobId {
    let id = accept(queue, request("a", change));
    print_unseen(queue, NOW);
    id
}

/// The next call leaves a page and hears nothing of it.
fn print_unseen(queue: &dyn Queue, now: UnixMillis) {
    let got = claim(queue, now, "line1").expect("due");
    dial(queue, got.attempt, now);
    start_page(queue, got.attempt);
    assert_eq!(queue.settle(got.attempt, uncertain(now)).wait(), Ok(()));
}

fn waits(version: u32) -> Decided {
    Decided { state: JobState::Waiting, version }
}

pub(crate) fn rotated_key_goes_as_the_next_version_and_starts_anew(queue: &dyn Queue) {
    let id = uncertain_sheet(queue, |_| {});
    let rotated = resolve(queue, id, 1, after_min(60), rotate("newKEY333"));
    assert_eq!(rotated, Resolved::Done(waits(2)));
    let view = show(queue, id);
    assert_eq!((view.state, view.version), (JobState::Waiting, 2));
    assert_eq!(view.reason.as_deref(), Some("credentials-rotated"));
    assert_eq!((view.decisions.len(), view.decisions[0].choice), (1, Choice::Rotate));

    let got = claim(queue, after_min(60), "line1").expect("due");
    let key = got.job.content.credentials().expect("has some").first_time_key.clone();
    assert_eq!((got.version, key.expose()), (2, "newKEY333"));
    assert_eq!((got.standing.copy(), got.standing.dials), (1, 0), "as if it were the first");
    dial(queue, got.attempt, after_min(60));
    let spent = not_sent(after_min(61), Reach::NoAnswer, Next::Rest(JobState::Failed));
    assert_eq!(queue.settle(got.attempt, spent).wait(), Ok(()));
    let view = show(queue, id);
    assert_eq!(view.state, JobState::Failed, "of the version that counts nothing is on paper");
    let versions: Vec<u32> = view.attempts.iter().map(|attempt| attempt.version).collect();
    assert_eq!(versions, [1, 2]);
}

pub(crate) fn key_sent_again_by_decision_is_a_copy_and_needs_another_decision_for_the_next(
    queue: &dyn Queue,
) {
    let id = uncertain_sheet(queue, |_| {});
    for (request, copy) in [(1, 2), (2, 3)] {
        let resent = resolve(queue, id, request, NOW, decision(Way::Resend));
        assert_eq!(resent, Resolved::Done(waits(1)));
        // Until it is on its way it can be withdrawn no more than the first: that one may be on paper.
        let got = claim(queue, NOW, "line1").expect("due");
        assert_eq!((got.version, got.standing.copy()), (1, copy));
        dial(queue, got.attempt, NOW);
        start_page(queue, got.attempt);
        let again = Next::Again { due: after_min(10), reason: "unconfirmed" };
        let by_itself = Settlement { next: again, ..uncertain(NOW) };
        assert!(refused(queue.settle(got.attempt, by_itself).wait()));
        assert_eq!(queue.settle(got.attempt, uncertain(NOW)).wait(), Ok(()));
        assert!(claim(queue, after_min(60), "line1").is_none());
    }
    // A copy that could not go leaves in doubt what went before.
    assert_eq!(resolve(queue, id, 3, NOW, decision(Way::Resend)), Resolved::Done(waits(1)));
    let got = claim(queue, NOW, "line1").expect("due");
    let spent = not_sent(NOW, Reach::NoCall, Next::Rest(JobState::Uncertain));
    assert_eq!(queue.settle(got.attempt, spent).wait(), Ok(()));
    assert_eq!(show(queue, id).state, JobState::Uncertain);
}

pub(crate) fn key_accepted_to_go_once_more_is_a_copy_and_then_somebody_decides(queue: &dyn Queue) {
    let id =
        accept(queue, request("a", |job| *job = examples::first_contact_that_may_go_once_more()));
    assert_eq!(show(queue, id).if_uncertain, Some(IfUncertain::SendOnceMore));
    unconfirmed_call(queue, NOW, after_min(10));
    let got = claim(queue, after_min(10), "line1").expect("due");
    assert_eq!((got.version, got.standing.copy()), (1, 2), "the same key, marked as a copy");
    dial(queue, got.attempt, after_min(10));
    start_page(queue, got.attempt);
    let again = Next::Again { due: after_min(20), reason: "unconfirmed" };
    let third = Settlement { next: again.clone(), ..uncertain(after_min(10)) };
    assert!(refused(queue.settle(got.attempt, third).wait()), "not a third");
    assert_eq!(queue.settle(got.attempt, uncertain(after_min(10))).wait(), Ok(()));
    assert_eq!(show(queue, id).state, JobState::Uncertain);

    // Once somebody has decided something, he is asked again.
    let resent = resolve(queue, id, 1, after_min(30), decision(Way::Resend));
    assert!(matches!(resent, Resolved::Done(_)), "{resent:?}");
    let got = claim(queue, after_min(30), "line1").expect("due");
    assert_eq!(got.standing.if_uncertain, IfUncertain::Ask);
    dial(queue, got.attempt, after_min(30));
    start_page(queue, got.attempt);
    let by_itself = Settlement { next: again, ..uncertain(after_min(30)) };
    assert!(refused(queue.settle(got.attempt, by_itself).wait()));
}

pub(crate) fn same_words_without_a_name_decide_anew_once_it_is_uncertain_anew(queue: &dyn Queue) {
    let id = uncertain_sheet(queue, |_| {});
    let resend = |known| {
        let resolved = queue.resolve(client(), id, decision(Way::Resend), known, NOW).wait();
        resolved.expect("the store answers")
    };
    let (nameless, named) = (Fingerprint::Nameless([1; 32]), Fingerprint::Named([2; 32]));
    assert_eq!(resend(nameless), Resolved::Done(waits(1)));
    assert_eq!(resend(nameless), Resolved::Replay(waits(1)), "it lost the answer");
    print_unseen(queue, NOW);
    assert_eq!(resend(nameless), Resolved::Done(waits(1)), "it means the sheet that came since");
    assert_eq!(resend(nameless), Resolved::Replay(waits(1)));
    print_unseen(queue, NOW);
    assert_eq!(resend(named), Resolved::Done(waits(1)));
    print_unseen(queue, NOW);
    assert_eq!(resend(named), Resolved::Replay(waits(1)), "a name decides once");
    assert_eq!(show(queue, id).decisions.len(), 3);
}

pub(crate) fn same_decision_again_has_the_same_answer_and_any_other_comes_too_late(
    queue: &dyn Queue,
) {
    let id = uncertain_sheet(queue, |_| {});
    let resend = |request| resolve(queue, id, request, NOW, decision(Way::Resend));
    assert_eq!(resend(1), Resolved::Done(waits(1)));
    assert_eq!(resend(1), Resolved::Replay(waits(1)));
    let late = Resolved::Refused(Refusal::NotUncertain(JobState::Waiting));
    assert_eq!(resend(2), late);
    print_unseen(queue, NOW);
    assert_eq!(resend(1), Resolved::Replay(waits(1)), "a request that was on its way for long");
    assert_eq!(show(queue, id).state, JobState::Uncertain, "sends no third sheet");
    let close = || decision(Way::Close { delivered: false });
    let closed = Decided { state: JobState::ResolvedNotDelivered, version: 1 };
    assert_eq!(resolve(queue, id, 3, NOW, close()), Resolved::Done(closed));
    assert_eq!(resolve(queue, id, 3, NOW, close()), Resolved::Replay(closed));
    assert_eq!(resend(1), Resolved::Replay(waits(1)));
    let over = Resolved::Refused(Refusal::NotUncertain(JobState::ResolvedNotDelivered));
    assert_eq!(resend(4), over);
    let states: Vec<String> = event_names(queue);
    assert_eq!(states.iter().filter(|name| *name == "resolved_not_delivered").count(), 1);

    let others =
        queue.resolve(ClientId("other".into()), id, close(), Fingerprint::Named([9; 32]), NOW);
    assert_eq!(others.wait(), Ok(Resolved::NotFound));
}

pub(crate) fn closed_one_is_final_with_the_word_of_whoever_closed_it(queue: &dyn Queue) {
    let id = uncertain_sheet(queue, |_| {});
    let words = |text: &str| crate::job::SheetText::parse(text, 100).ok();
    let by = Resolution {
        by: words("佐藤"),
        reason: words("電話で確認"),
        ..decision(Way::Close { delivered: true })
    };
    let closed = Decided { state: JobState::ResolvedDelivered, version: 1 };
    assert_eq!(resolve(queue, id, 1, NOW, by), Resolved::Done(closed));
    let view = show(queue, id);
    assert_eq!(view.reason.as_deref(), Some("closed-delivered"));
    let [told] = &view.decisions[..] else { panic!("one decision: {view:?}") };
    assert_eq!((told.by.as_deref(), told.reason.as_deref()), (Some("佐藤"), Some("電話で確認")));
}

pub(crate) fn decisions_are_forgotten_with_their_notification(queue: &dyn Queue) {
    let id = uncertain_sheet(queue, |_| {});
    let close = decision(Way::Close { delivered: true });
    assert!(matches!(resolve(queue, id, 1, NOW, close), Resolved::Done(_)));
    assert_eq!(queue.forget_old(after_min(1), 10).wait(), Ok(1));
    assert_eq!(queue.show(client(), id).wait().map(|view| view.is_none()), Ok(true));
}

pub(crate) fn withdrawn_one_can_still_be_sent_by_decision(queue: &dyn Queue) {
    let id = uncertain_sheet(queue, |_| {});
    assert_eq!(queue.cancel(client(), id, NOW).wait(), Ok(Cancelled::TooLate));
    assert_eq!(resolve(queue, id, 1, NOW, rotate("newKEY333")), Resolved::Done(waits(2)));
    let got = claim(queue, NOW, "line1").expect("due");
    dial(queue, got.attempt, NOW);
    start_page(queue, got.attempt);
    assert_eq!(queue.settle(got.attempt, confirmed(NOW)).wait(), Ok(()));
    assert_eq!(show(queue, id).state, JobState::Confirmed);
}

pub(crate) fn login_with_a_sheet_that_is_void_by_now_gives_up_the_next(queue: &dyn Queue) {
    let id = uncertain_sheet(queue, |_| {});
    assert_eq!(resolve(queue, id, 1, NOW, rotate("newKEY333")), Resolved::Done(waits(2)));
    let state = JobState::ResolvedDelivered;
    assert_eq!(sign(queue, id, Sign::FirstLogin), Signed::Taken { state });
    assert!(claim(queue, NOW, "line1").is_none());
}

/// Its watch is open: whoever decides does not have to wait for its end.
pub(crate) fn mail_that_may_have_arrived_goes_by_fax_by_decision(queue: &dyn Queue) {
    let id = accept(queue, by_mail("a", "office@example.jp"));
    let mail = claim_mail(queue, NOW, "mail-1").expect("due");
    dot(queue, mail.attempt);
    assert_eq!(queue.settle(mail.attempt, no_reply(then_fax())).wait(), Ok(()));
    assert!(show(queue, id).watch.is_some());
    let rotated = resolve(queue, id, 1, NOW, rotate("newKEY333"));
    assert!(matches!(rotated, Resolved::Refused(Refusal::NoKeyOfKind(_))), "{rotated:?}");
    assert_eq!(resolve(queue, id, 2, NOW, decision(Way::Resend)), Resolved::Done(waits(1)));
    let view = show(queue, id);
    assert_eq!((view.channel, view.because), (Channel::Fax, Some(FaxBecause::MailUnsure)));
    assert_eq!((view.state, view.watch), (JobState::Waiting, None));
    assert!(claim_mail(queue, NOW, "mail-1").is_none());
    assert_eq!(claim(queue, NOW, "line1").map(|got| got.id), Some(id));
}

pub(crate) fn notice_whose_time_is_over_is_sent_again_with_a_new_end_only(queue: &dyn Queue) {
    let id = uncertain_sheet(queue, |job| {
        message(job);
        job.not_after = after_min(20);
    });
    assert!(queue.sweep(after_min(20)).wait().is_ok());
    assert_eq!(show(queue, id).state, JobState::Uncertain);
    let resend = |request, not_after| {
        let resolution = Resolution { not_after, ..decision(Way::Resend) };
        resolve(queue, id, request, after_min(60), resolution)
    };
    assert_eq!(resend(1, None), Resolved::Refused(Refusal::NoTime));
    assert_eq!(resend(2, Some(after_min(120))), Resolved::Done(waits(1)));
    assert_eq!(show(queue, id).not_after, after_min(120));
    let got = claim(queue, after_min(60), "line1").expect("due");
    assert_eq!(got.job.not_after, after_min(120));
}

pub(crate) fn those_who_have_to_decide_are_reminded_after_an_hour_and_after_eight(
    queue: &dyn Queue,
) {
    let id = uncertain_sheet(queue, |job| job.not_after = after_min(10_000));
    let reminders = || event_names(queue).iter().filter(|name| *name == "uncertain_open").count();
    let sweep = |minutes| assert!(queue.sweep(after_min(minutes)).wait().is_ok());
    for (minutes, expected) in [(59, 0), (60, 1), (61, 1), (479, 1), (480, 2), (2000, 2)] {
        sweep(minutes);
        assert_eq!(reminders(), expected, "after {minutes} min");
    }
    // In doubt once more, it begins anew.
    let resend = resolve(queue, id, 1, after_min(2000), decision(Way::Resend));
    assert_eq!(resend, Resolved::Done(waits(1)));
    sweep(2100);
    assert_eq!(reminders(), 2, "nobody has to decide while it waits");
    print_unseen(queue, after_min(2100));
    sweep(2159);
    assert_eq!(reminders(), 2);
    sweep(2160);
    assert_eq!(reminders(), 3);
}

pub(crate) fn nobody_is_reminded_of_what_a_receipt_may_yet_decide(queue: &dyn Queue) {
    accept(queue, by_mail("a", "office@example.jp"));
    let mail = claim_mail(queue, NOW, "mail-1").expect("due");
    dot(queue, mail.attempt);
    assert_eq!(queue.settle(mail.attempt, no_reply(then_fax())).wait(), Ok(()));
    assert!(queue.sweep(after_min(61)).wait().is_ok());
    assert!(!event_names(queue).iter().any(|name| name == "uncertain_open"));
}
