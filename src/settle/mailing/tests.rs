//! Ends of a hand-over and what becomes of the notification, as tables.

use std::time::Duration;

use mail::smtp::Mechanism;

use super::*;
use crate::job::IfUncertain;
use crate::job::Kind;
use crate::job::examples::TUESDAY_10_00 as NOW;
use crate::schedule::windows::Hours;
use crate::settle::AtEnd;
use crate::settle::endings;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

const STEPS: [Step; 6] =
    [Step::Connect, Step::Tls, Step::Login, Step::Sender, Step::Recipient, Step::Content];

fn hours() -> Windows {
    Windows::Hours(Hours::default())
}

/// Until tomorrow evening, to be read within nine calling hours.
fn fresh() -> MailStanding {
    let not_after = NOW.after(32 * HOUR);
    MailStanding { not_after, tries: 0, watch: Watch::for_mail(NOW, Some(9 * HOUR), &hours()) }
}

fn order() -> Standing {
    Standing {
        kind: Kind::Document,
        if_uncertain: IfUncertain::Ask,
        dials: 0,
        not_after: NOW.after(32 * HOUR),
        toneless_calls: 0,
        unconfirmed: 0,
        in_vain: 0,
        mailed: false,
    }
}

fn accepted() -> Outcome {
    let reply = Reply { code: 250, text: "2.0.0 Ok: queued as 4F2A81C9".into() };
    Outcome::Accepted { reply, dsn: true }
}

fn refused(step: Step, code: u16, text: &str) -> Outcome {
    Outcome::Refused { step, reply: Reply { code, text: text.into() } }
}

fn troubles() -> Vec<(Trouble, &'static str)> {
    let words = || String::from("whatever");
    vec![
        (Trouble::Connect(words()), "smtp-connect"),
        (Trouble::Late(MINUTE), "smtp-late"),
        (Trouble::Broken(words()), "smtp-broken"),
        (Trouble::Nonsense(words()), "smtp-nonsense"),
        (Trouble::NoTls, "smtp-no-tls"),
        (Trouble::Certificate(words()), "smtp-certificate"),
        (Trouble::NoMechanism(Mechanism::Plain), "smtp-no-mechanism"),
    ]
}

fn settled(outcome: &Outcome, standing: MailStanding) -> Settlement {
    settle(Ended::of(outcome, None), standing, NOW, &hours())
}

fn in_minutes(minutes: u64, reason: &'static str) -> Next {
    Next::Again { due: NOW.after(Duration::from_secs(60 * minutes)), reason }
}

fn fax_now(because: FaxBecause) -> Next {
    Next::ByFax { due: NOW, because }
}

#[test]
fn refusals_by_what_the_relay_was_asked() {
    let down = || in_minutes(1, "relay-down");
    let deferred = || in_minutes(5, "mail-deferred");
    let fax = || fax_now(FaxBecause::MailBounced);
    let not_its_address = || fax_now(FaxBecause::MailNotSent);
    let (relay, domain, none) = (Fault::Relay, Fault::Domain, Fault::None);
    let cases = [
        // About us.
        (Step::Connect, 421, "4.7.0 too many", "smtp-refused", relay, down()),
        (Step::Connect, 554, "no", "smtp-refused", relay, down()),
        (Step::Tls, 454, "4.7.0 no TLS", "smtp-refused", relay, down()),
        (Step::Login, 535, "5.7.8 wrong", "smtp-login-refused", relay, down()),
        (Step::Login, 454, "4.7.0 later", "smtp-login-refused", relay, down()),
        (Step::Sender, 530, "5.7.0 log in", "smtp-login-refused", relay, down()),
        (Step::Sender, 553, "5.7.1 not yours", "smtp-sender-refused", relay, down()),
        (Step::Sender, 451, "4.3.0 sick", "smtp-sender-refused", relay, down()),
        (Step::Recipient, 421, "4.3.2 closing", "smtp-refused", relay, down()),
        (Step::Recipient, 530, "5.7.0 log in", "smtp-login-refused", relay, down()),
        (Step::Recipient, 452, "4.3.1 disk full", "smtp-refused", relay, down()),
        (Step::Content, 421, "4.3.2 closing", "smtp-refused", relay, down()),
        (Step::Content, 451, "4.3.0 queue file", "smtp-refused", relay, down()),
        // About the recipient.
        (Step::Recipient, 550, "5.1.1 unknown", "mail-no-such-user", none, fax()),
        (Step::Recipient, 550, "unknown", "mail-no-such-user", none, fax()),
        (Step::Recipient, 550, "5.1.2 bad", "mail-no-such-domain", none, fax()),
        (Step::Recipient, 550, "5.2.1 shut", "mail-mailbox-closed", none, fax()),
        (Step::Recipient, 552, "5.2.2 full", "mail-mailbox-full", none, fax()),
        (Step::Recipient, 554, "nothing", "mail-bounced", none, not_its_address()),
        (Step::Recipient, 554, "5.7.1 Relay access denied", "mail-policy", domain, deferred()),
        (Step::Recipient, 450, "4.7.1 greylisted", "mail-deferred", domain, deferred()),
        (Step::Recipient, 450, "4.2.0 greylisted", "mail-deferred", domain, deferred()),
        (Step::Recipient, 450, "later", "mail-deferred", domain, deferred()),
        (Step::Recipient, 452, "4.2.2 full", "mail-mailbox-full", domain, deferred()),
        // About the mail.
        (Step::Content, 554, "5.7.1 spam", "mail-policy", none, not_its_address()),
        (Step::Content, 552, "5.3.4 too large", "mail-content", none, not_its_address()),
        (Step::Content, 554, "no", "mail-bounced", none, not_its_address()),
        (Step::Content, 451, "later", "mail-deferred", domain, deferred()),
        (Step::Content, 450, "4.7.1 later", "mail-deferred", domain, deferred()),
    ];
    for (step, code, text, name, fault, next) in cases {
        let outcome = refused(step, code, text);
        let ended = Ended::of(&outcome, None);
        let settled = settle(ended, fresh(), NOW, &hours());
        let case = format!("{step:?} {code} {text}");
        assert_eq!((settled.code, ended.fault()), (name, fault), "{case}");
        assert_eq!((settled.evidence, settled.next), (Evidence::NotSent, next), "{case}");
        assert!(endings::find(settled.code).is_some(), "{case}");
    }
}

#[test]
fn connection_that_fails_is_the_relays_fault_until_it_is_asked_about_the_recipient_and_either_ones_after_it()
 {
    for step in STEPS {
        for (trouble, code) in troubles() {
            let outcome = Outcome::NotHanded { step, trouble };
            let ended = Ended::of(&outcome, None);
            let settled = settle(ended, fresh(), NOW, &hours());
            let (code, fault, next) = match step {
                Step::Connect | Step::Tls | Step::Login | Step::Sender => {
                    (code, Fault::Relay, in_minutes(1, "relay-down"))
                }
                Step::Recipient | Step::Content => {
                    ("mail-broke-off", Fault::Either, in_minutes(5, "mail-deferred"))
                }
            };
            assert_eq!((settled.code, ended.fault()), (code, fault), "{outcome:?}");
            assert_eq!((settled.evidence, settled.next), (Evidence::NotSent, next), "{outcome:?}");
            assert!(endings::find(code).is_some(), "{code}");
        }
    }
}

#[test]
fn mail_that_was_taken_is_handed_off_until_the_watch_is_over_and_never_confirmed() {
    let settled = settled(&accepted(), fresh());
    assert_eq!((settled.code, settled.evidence), ("mail-accepted", Evidence::HandedOff));
    let watch = fresh().watch;
    assert_eq!(settled.next, Next::Watch { state: JobState::HandedOff, watch });
    assert_eq!(settled.reach, Reach::NoCall, "no telephone rang");
    let expected = json!({
        "code": "mail-accepted", "reply_code": 250, "reply": "2.0.0 Ok: queued as 4F2A81C9",
        "reports_promised": true,
    });
    assert_eq!(settled.receipt, expected);
}

#[test]
fn no_reply_to_the_dot_is_uncertain_and_never_mailed_again() {
    for (trouble, _) in troubles() {
        let outcome = Outcome::Unknown { trouble };
        let settled = settled(&outcome, fresh());
        assert_eq!((settled.code, settled.evidence), ("mail-no-reply", Evidence::Uncertain));
        assert_eq!(Ended::of(&outcome, None).fault(), Fault::Either);
        let watch = fresh().watch;
        assert_eq!(settled.next, Next::Watch { state: JobState::Uncertain, watch });
    }
}

#[test]
fn our_own_stops_are_named_after_their_reason() {
    let cases = [
        (Stop::Cancelled, "cancelled", Next::Rest(JobState::Cancelled)),
        (Stop::Held, "held-back", in_minutes(1, "interrupted")),
        (Stop::ShuttingDown, "shutting-down", in_minutes(1, "interrupted")),
        (Stop::NotStored, "not-stored-in-time", in_minutes(1, "interrupted")),
        (Stop::LetterFailed, "letter-failed", in_minutes(10, "sheet-unavailable")),
    ];
    for (stop, code, next) in cases {
        let settled = settle(Ended::of(&Outcome::Stopped, Some(stop)), fresh(), NOW, &hours());
        let got = (settled.code, settled.evidence, settled.next);
        assert_eq!(got, (code, Evidence::NotSent, next), "{stop:?}");
    }
    // A wish to stop that came too late does not hide what happened.
    let settled = settle(Ended::of(&accepted(), Some(Stop::Cancelled)), fresh(), NOW, &hours());
    assert_eq!(settled.evidence, Evidence::HandedOff);
}

/// Every way of not handing it over, at every hour of its life: it waits, goes by FAX, or its time is over.
#[test]
fn notice_is_never_given_up_while_a_fax_could_still_go() {
    let mut outcomes: Vec<Outcome> = Vec::new();
    for step in STEPS {
        outcomes.extend([421, 450, 452, 530, 550, 552, 554].map(|code| refused(step, code, "no")));
        outcomes.extend(
            troubles().into_iter().map(|(trouble, _)| Outcome::NotHanded { step, trouble }),
        );
    }
    for outcome in &outcomes {
        for left_min in (0..32 * 60).step_by(7) {
            let not_after = NOW.after(left_min * MINUTE);
            let settled = settled(outcome, MailStanding { not_after, ..fresh() });
            let case = format!("{outcome:?}, {left_min} min left: {:?}", settled.next);
            let fax_fits = left_min >= 15;
            match settled.next {
                Next::Again { due, .. } => assert!(due < not_after, "{case}"),
                Next::ByFax { due, .. } => {
                    assert!(fax_fits && due <= not_after.before(15 * MINUTE), "{case}");
                }
                Next::Rest(JobState::Failed | JobState::Expired) => assert!(!fax_fits, "{case}"),
                Next::Rest(_) | Next::Watch { .. } => panic!("{case}"),
            }
            assert_eq!(settled.evidence, Evidence::NotSent, "{case}");
        }
    }
}

#[test]
fn tries_end_in_time_for_a_fax() {
    let later = refused(Step::Recipient, 450, "later");
    let next = |left: Duration, tries| {
        let standing = MailStanding { not_after: NOW.after(left), tries, ..fresh() };
        settled(&later, standing).next
    };
    let fax = fax_now(FaxBecause::MailNotSent);
    // An hour of calls and 15 minutes for the last one.
    assert_eq!(next(80 * MINUTE, 0), in_minutes(5, "mail-deferred"));
    assert_eq!(next(79 * MINUTE, 0), fax);
    assert_eq!(next(5 * HOUR, 4), in_minutes(120, "mail-deferred"));
    assert_eq!(next(3 * HOUR, 4), fax);
    // Too late for a call: what is left is to try on.
    assert_eq!(next(10 * MINUTE, 0), in_minutes(5, "mail-deferred"));
    assert_eq!(next(4 * MINUTE, 0), Next::Rest(JobState::Expired));
}

#[test]
fn bounce_at_night_goes_by_fax_in_the_morning() {
    let night = NOW.after(12 * HOUR);
    let unknown = refused(Step::Recipient, 550, "5.1.1 unknown");
    let settled = settle(Ended::of(&unknown, None), fresh(), night, &hours());
    let morning = NOW.after(22 * HOUR + 30 * MINUTE); // Wednesday 8:30
    assert_eq!(settled.next, Next::ByFax { due: morning, because: FaxBecause::MailBounced });
    let only_tonight = MailStanding { not_after: night.after(6 * HOUR), ..fresh() };
    let settled = settle(Ended::of(&unknown, None), only_tonight, night, &hours());
    assert_eq!(settled.next, Next::Rest(JobState::Failed));
}

#[test]
fn pauses_grow_with_tries_that_count_and_not_while_the_relay_is_down() {
    let pause =
        |outcome: &Outcome, tries| match settled(outcome, MailStanding { tries, ..fresh() }).next {
            Next::Again { due, .. } => (due.0 - NOW.0) / 60_000,
            other => panic!("{other:?}"),
        };
    let later = refused(Step::Recipient, 450, "later");
    assert_eq!([0, 1, 2, 3, 4, 9].map(|tries| pause(&later, tries)), [5, 15, 30, 60, 120, 120]);
    let down = Outcome::NotHanded { step: Step::Connect, trouble: Trouble::Late(MINUTE) };
    assert_eq!([0, 1, 9].map(|tries| pause(&down, tries)), [1, 1, 1]);
}

/// The store counts by these codes what makes pauses longer.
#[test]
fn counted_codes_are_those_of_a_host_that_put_the_mail_off() {
    for (outcome, counts) in [
        (refused(Step::Recipient, 450, "later"), true),
        (refused(Step::Content, 451, "later"), true),
        (refused(Step::Recipient, 452, "4.2.2 full"), true),
        (refused(Step::Recipient, 554, "5.7.1 no"), true),
        (refused(Step::Sender, 451, "later"), false),
        (refused(Step::Recipient, 421, "bye"), false),
        (Outcome::NotHanded { step: Step::Tls, trouble: Trouble::NoTls }, false),
        (Outcome::NotHanded { step: Step::Sender, trouble: Trouble::Late(MINUTE) }, false),
        (Outcome::NotHanded { step: Step::Recipient, trouble: Trouble::Late(MINUTE) }, true),
    ] {
        assert_eq!(COUNTED.contains(&settled(&outcome, fresh()).code), counts, "{outcome:?}");
    }
    assert!(COUNTED.iter().all(|code| endings::find(code).is_some()));
}

#[test]
fn receipt_repeats_the_relay_without_addresses_or_numbers() {
    let outcome = refused(Step::Recipient, 550, "5.1.1 <tanaka@example.jp> 03-1234-5678: gone");
    let receipt = settled(&outcome, fresh()).receipt;
    let expected = json!({
        "code": "mail-no-such-user", "step": "recipient", "reply_code": 550,
        "reply": "5.1.1 <***@example.jp> **-****-5678: gone",
    });
    assert_eq!(receipt, expected);
    let trouble = Trouble::Connect("no route for tanaka@example.jp".into());
    let receipt = settled(&Outcome::NotHanded { step: Step::Connect, trouble }, fresh()).receipt;
    assert_eq!(receipt["trouble"], "cannot connect: no route for ***@example.jp");
}

#[test]
fn crash_before_the_content_is_a_try_more_and_after_it_uncertain() {
    for state in AttemptState::ALL {
        let settled = after_crash(*state, fresh(), NOW, &hours());
        let expected = if state.past_no_return() {
            let next = Next::Watch { state: JobState::Uncertain, watch: fresh().watch };
            ("crash-after-dot", Evidence::Uncertain, next)
        } else {
            ("crash-before-dot", Evidence::NotSent, in_minutes(1, "interrupted"))
        };
        assert_eq!((settled.code, settled.evidence, settled.next), expected, "{state}");
        assert!(endings::find(settled.code).is_some());
    }
}

#[test]
fn notices_that_no_relay_takes_are_overdue_after_the_calling_time_of_a_reader_or_early_enough_for_a_fax()
 {
    let overdue = Overdue::at(NOW, Some(9 * HOUR), false, &hours());
    // Tuesday 10:00: nine calling hours ago it was Monday 10:30.
    assert_eq!(overdue.since, NOW.before(23 * HOUR + HOUR / 2));
    assert_eq!(overdue.not_after, NOW.after(75 * MINUTE));
    let standing = |left: Duration| MailStanding { not_after: NOW.after(left), ..fresh() };
    // The same line as where tries end.
    let down = Outcome::NotHanded { step: Step::Connect, trouble: Trouble::Late(MINUTE) };
    assert_eq!(settled(&down, standing(76 * MINUTE)).next, in_minutes(1, "relay-down"));
    assert_eq!(settled(&down, standing(75 * MINUTE)).next, fax_now(FaxBecause::MailNotSent));
    let evening = NOW.after(8 * HOUR);
    let overdue = Overdue::at(evening, None, false, &hours());
    // Of what must arrive by 9:45 tomorrow the FAX waits for 8:30.
    let tomorrow = NOW.after(23 * HOUR + 45 * MINUTE);
    assert_eq!(overdue.not_after, tomorrow);
    // Who never wants a FAX for an unread mail wants one for a mail that no relay took as long as hosts try.
    assert_eq!(overdue.since, evening.before(5 * 24 * HOUR));
    // One that waits for its first try for a few minutes only is left to a relay that is well.
    let untried_since = |is_faulty| Overdue::at(NOW, None, is_faulty, &hours()).untried_since;
    assert_eq!((untried_since(false), untried_since(true)), (NOW.before(15 * MINUTE), EVER));
}

#[test]
fn what_follows_a_mail_in_the_evening_waits_for_the_morning_or_is_no_fax() {
    let evening = NOW.after(9 * HOUR); // Tuesday 19:00
    let ends = |at: UnixMillis| MailStanding { not_after: at, ..fresh() };
    let before_opening = ends(NOW.after(21 * HOUR)); // Wednesday 7:00
    let morning = NOW.after(22 * HOUR + HOUR / 2); // 8:30
    let settled = |standing| {
        let refused = refused(Step::Recipient, 550, "5.1.1 no such user");
        settle(Ended::of(&refused, None), standing, evening, &hours()).next
    };
    assert_eq!(settled(before_opening), Next::Rest(JobState::Failed));
    let because = FaxBecause::MailBounced;
    assert_eq!(settled(fresh()), Next::ByFax { due: morning, because });
    // After a crash as well: what cannot be followed by a FAX is waited for as long as reports come.
    let watch =
        |standing| match after_crash(AttemptState::DotSent, standing, evening, &hours()).next {
            Next::Watch { watch, .. } => watch.then,
            other => panic!("{other:?}"),
        };
    assert_eq!(watch(before_opening), AtEnd::Decide);
    assert_eq!(watch(fresh()), AtEnd::Fax);
}

// ---- orders to a fax provider ----

#[test]
fn order_is_handed_off_refused_or_tried_again_as_a_call_would_be() {
    let watch = Watch { until: NOW.after(4 * HOUR), then: AtEnd::Decide };
    let watched = |state| Next::Watch { state, watch };
    let unknown = Outcome::Unknown { trouble: Trouble::Late(MINUTE) };
    let down = Outcome::NotHanded { step: Step::Connect, trouble: Trouble::Late(MINUTE) };
    let cases = [
        (accepted(), Evidence::HandedOff, Reach::NoAnswer, watched(JobState::HandedOff)),
        (unknown, Evidence::Uncertain, Reach::NoAnswer, watched(JobState::Uncertain)),
        (down, Evidence::NotSent, Reach::NoCall, in_minutes(1, "relay-down")),
        (
            refused(Step::Recipient, 450, "later"),
            Evidence::NotSent,
            Reach::NoCall,
            in_minutes(5, "mail-deferred"),
        ),
        (
            refused(Step::Recipient, 550, "5.1.1 no such gateway"),
            Evidence::NotSent,
            Reach::NoCall,
            in_minutes(3, "service-refused"),
        ),
    ];
    for (outcome, evidence, reach, next) in cases {
        let settled = settle_order(Ended::of(&outcome, None), order(), watch, NOW, &hours());
        let got = (settled.evidence, settled.reach, settled.next);
        assert_eq!(got, (evidence, reach, next), "{outcome:?}");
    }
    let stopped = Ended::Stopped(Stop::Cancelled);
    let settled = settle_order(stopped, order(), watch, NOW, &hours());
    assert_eq!(settled.next, Next::Rest(JobState::Cancelled));
}

/// What is wrong with the account or the gateway is wrong for every order: another line takes it, and none fails for it
/// before somebody had a day.
#[test]
fn order_that_is_refused_for_good_is_the_lines_fault_and_its_own_end_only_after_six_tries() {
    let watch = Watch { until: NOW.after(4 * HOUR), then: AtEnd::Decide };
    let letter = Outcome::Stopped;
    for (outcome, stop, code, reason) in [
        (
            refused(Step::Recipient, 550, "5.1.1 unknown"),
            None,
            "service-refused",
            "service-refused",
        ),
        (refused(Step::Content, 554, "5.7.1 no"), None, "service-refused", "service-refused"),
        (letter, Some(Stop::LetterFailed), "letter-failed", "sheet-unavailable"),
    ] {
        let ended = Ended::of(&outcome, stop);
        assert!(ended.is_fault_of_the_line(), "{outcome:?}");
        assert!(verdict::IN_VAIN.contains(&code) && endings::find(code).is_some());
        for in_vain in 0..6 {
            let standing = Standing { in_vain, dials: 5, ..order() };
            let settled = settle_order(ended, standing, watch, NOW, &hours());
            assert_eq!((settled.code, &settled.receipt["code"]), (code, &json!(code)));
            match settled.next {
                Next::Again { reason: why, .. } if in_vain < 5 => assert_eq!(why, reason),
                Next::Rest(JobState::Failed) if in_vain == 5 => {}
                next => panic!("{outcome:?}, {in_vain}: {next:?}"),
            }
        }
    }
    let cancelled = Ended::Stopped(Stop::Cancelled);
    assert!(!cancelled.is_fault_of_the_line() && !Ended::Relay(&accepted()).is_fault_of_the_line());
}

#[test]
fn order_that_a_crash_cut_off_waits_for_the_answer_once_its_content_had_begun() {
    let watch = Watch { until: NOW.after(4 * HOUR), then: AtEnd::Decide };
    for state in AttemptState::ALL.iter().filter(|state| !state.is_final()) {
        let settled = order_after_crash(*state, order(), watch, NOW);
        if state.past_no_return() {
            let next = Next::Watch { state: JobState::Uncertain, watch };
            assert_eq!((settled.code, settled.next), ("crash-after-dot", next), "{state}");
            assert_eq!(settled.evidence, Evidence::Uncertain);
        } else {
            assert_eq!(settled.evidence, Evidence::NotSent, "{state}");
            assert_eq!(settled.next, in_minutes(1, "interrupted"), "{state}");
        }
    }
}
