//! Every receipt in every state, as grids; watches in simulated time; reports of mail hosts as they write them.

use mail::report::{Flaw, Status};

use super::*;
use crate::job::IfUncertain;
use crate::job::Kind;
use crate::job::examples::TUESDAY_10_00 as NOW;
use crate::schedule::windows::Hours;
use crate::settle::endings;

const HOUR: Duration = Duration::from_secs(60 * 60);

fn hours() -> Windows {
    Windows::Hours(Hours::default())
}

fn standing() -> Standing {
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

const THEN_FAX: Watch = Watch { until: UnixMillis(NOW.0 + 9 * 3_600_000), then: AtEnd::Fax };
const THEN_DECIDE: Watch = Watch { until: UnixMillis(NOW.0 + 9 * 3_600_000), then: AtEnd::Decide };

fn letter(state: JobState) -> Watched {
    Watched {
        state,
        channel: Channel::Mail,
        is_latest: true,
        watch: Some(THEN_FAX),
        delivered: false,
        withdrawn: false,
        standing: standing(),
    }
}

fn order(state: JobState) -> Watched {
    Watched { channel: Channel::Fax, watch: Some(THEN_DECIDE), ..letter(state) }
}

/// The columns of the grids.
const REPORTS: [Report; 13] = [
    Report::Delivered,
    Report::Relayed,
    Report::Delayed,
    Report::Displayed,
    Report::SentCopy,
    Report::Bounced(Bounce::NoSuchUser),
    Report::FaxSent { pages: None },
    Report::FaxSent { pages: Some(1) },
    Report::FaxSent { pages: Some(2) },
    Report::FaxFailed(FaxFailure::Busy),
    Report::FaxFailed(FaxFailure::NoAnswer),
    Report::FaxFailed(FaxFailure::NoFax),
    Report::FaxFailed(FaxFailure::Failed),
];

/// A letter for each change.
fn sign(change: &Change) -> char {
    let next = match change {
        Change::RungOnly => return '.',
        Change::NotYet => return '?',
        Change::Move { next, code } => {
            assert!(endings::find(code).is_some(), "`{code}` is not in the catalogue");
            next
        }
    };
    match next {
        Next::Watch { state: JobState::HandedOff, .. } => 'H',
        Next::ByFax { .. } => 'F',
        Next::Again { .. } => 'A',
        Next::Rest(JobState::Confirmed) => 'C',
        Next::Rest(JobState::ResolvedDelivered) => 'D',
        Next::Rest(JobState::ResolvedNotDelivered) => 'N',
        Next::Rest(JobState::Uncertain) => 'U',
        Next::Rest(JobState::Failed) => 'X',
        Next::Rest(JobState::Cancelled) => 'W',
        other => panic!("{other:?}"),
    }
}

fn row(job: &Watched) -> String {
    REPORTS.map(|report| sign(&on_receipt(job, report, NOW, &hours()))).into_iter().collect()
}

/// States in which no receipt changes anything, whatever it says.
const AT_REST: [JobState; 8] = [
    JobState::Waiting,
    JobState::Hold,
    JobState::Confirmed,
    JobState::Failed,
    JobState::Expired,
    JobState::Cancelled,
    JobState::ResolvedDelivered,
    JobState::ResolvedNotDelivered,
];

const NOTHING: &str = ".............";

#[test]
fn every_receipt_of_a_letter_in_every_state() {
    // Delivered Relayed Delayed Displayed SentCopy | Bounced | Sent Sent(1) Sent(2) | Busy NoAnswer NoFax Failed
    assert_eq!(row(&letter(JobState::HandedOff)), ".....F.......");
    assert_eq!(row(&letter(JobState::Uncertain)), "HHHHHF.......");
    assert_eq!(row(&Watched { watch: None, ..letter(JobState::Uncertain) }), "D....F.......");
    assert_eq!(row(&letter(JobState::Sending)), ".....????????");
    for state in AT_REST {
        assert_eq!(row(&letter(state)), NOTHING, "{state}");
    }
}

#[test]
fn every_receipt_of_an_order_in_every_state() {
    assert_eq!(row(&order(JobState::HandedOff)), ".....ACCAAAAA");
    assert_eq!(row(&order(JobState::Uncertain)), "HHHHHADDAAAAA");
    assert_eq!(row(&Watched { watch: None, ..order(JobState::Uncertain) }), ".....NDD.NNN.");
    assert_eq!(row(&order(JobState::Sending)), ".....????????");
    for state in AT_REST {
        assert_eq!(row(&order(state)), NOTHING, "{state}");
    }
}

#[test]
fn key_that_a_provider_may_have_printed_is_not_sent_again_and_one_that_it_did_not_is() {
    let secret = Standing { kind: Kind::FirstContact, ..standing() };
    let job = Watched { standing: secret, ..order(JobState::HandedOff) };
    assert_eq!(row(&job), ".....ACCUAAAU");
    assert_eq!(at_end(&job, NOW, &hours()), (Next::Rest(JobState::Uncertain), "provider-silent"));
}

#[test]
fn receipt_for_an_attempt_that_was_followed_by_another_changes_nothing() {
    for state in JobState::ALL {
        for job in [letter(*state), order(*state)] {
            assert_eq!(row(&Watched { is_latest: false, ..job }), NOTHING, "{state}");
        }
    }
}

#[test]
fn bounce_after_a_delivery_was_reported_still_brings_the_fax() {
    let job = Watched { delivered: true, ..letter(JobState::HandedOff) };
    let bounced = Report::Bounced(Bounce::MailboxFull);
    let expected = Change::Move {
        next: Next::ByFax { due: NOW, because: FaxBecause::MailBounced },
        code: "mail-mailbox-full",
    };
    assert_eq!(on_receipt(&job, bounced, NOW, &hours()), expected);
}

/// The office is asked to look at its address, or is not: for a block list it can do nothing.
#[test]
fn sheet_after_a_bounce_blames_the_address_only_if_it_is_to_blame() {
    for (bounce, because) in [
        (Bounce::NoSuchUser, FaxBecause::MailBounced),
        (Bounce::MailboxClosed, FaxBecause::MailBounced),
        (Bounce::MailboxFull, FaxBecause::MailBounced),
        (Bounce::NoSuchDomain, FaxBecause::MailBounced),
        (Bounce::Unreachable, FaxBecause::MailNotSent),
        (Bounce::Policy, FaxBecause::MailNotSent),
        (Bounce::Content, FaxBecause::MailNotSent),
        (Bounce::Other, FaxBecause::MailNotSent),
    ] {
        let expected =
            Change::Move { next: Next::ByFax { due: NOW, because }, code: bounce.as_str() };
        for state in [JobState::HandedOff, JobState::Uncertain] {
            assert_eq!(
                on_receipt(&letter(state), Report::Bounced(bounce), NOW, &hours()),
                expected
            );
        }
    }
}

#[test]
fn bounce_without_time_for_a_fax_ends_as_not_delivered() {
    let late = Standing { not_after: NOW.after(Duration::from_secs(60)), ..standing() };
    let left_over = Watched { watch: None, ..letter(JobState::Uncertain) };
    for (job, expected) in
        [(letter(JobState::HandedOff), 'X'), (letter(JobState::Uncertain), 'N'), (left_over, 'N')]
    {
        let job = Watched { standing: late, ..job };
        let change = on_receipt(&job, Report::Bounced(Bounce::Other), NOW, &hours());
        assert_eq!(sign(&change), expected, "{job:?}");
    }
}

#[test]
fn nothing_is_sent_that_its_client_does_not_want_any_more() {
    let gone = |job: Watched| Watched { withdrawn: true, ..job };
    assert_eq!(row(&gone(letter(JobState::HandedOff))), ".....W.......");
    assert_eq!(row(&gone(letter(JobState::Uncertain))), "HHHHHN.......");
    assert_eq!(row(&gone(order(JobState::HandedOff))), ".....WCCUWWWU");
    assert_eq!(
        at_end(&gone(letter(JobState::HandedOff)), NOW, &hours()).0,
        Next::Rest(JobState::Uncertain)
    );
    let delivered = Watched { delivered: true, ..letter(JobState::HandedOff) };
    assert_eq!(at_end(&gone(delivered), NOW, &hours()).0, Next::Rest(JobState::Confirmed));
    assert_eq!(
        at_end(&gone(order(JobState::HandedOff)), NOW, &hours()).0,
        Next::Rest(JobState::Uncertain)
    );
}

#[test]
fn failures_of_a_provider_pause_as_the_same_endings_of_a_call() {
    let reason = |report| match on_receipt(&order(JobState::HandedOff), report, NOW, &hours()) {
        Change::Move { next: Next::Again { due, reason }, code } => {
            (code, reason, (due.0 - NOW.0) / 60_000)
        }
        other => panic!("{other:?}"),
    };
    let failed = |failure| reason(Report::FaxFailed(failure));
    assert_eq!(failed(FaxFailure::Busy), ("provider-busy", "busy", 3));
    assert_eq!(failed(FaxFailure::NoAnswer), ("provider-no-answer", "no-answer", 5));
    assert_eq!(failed(FaxFailure::NoFax), ("provider-no-fax", "no-fax-tone", 15));
    assert_eq!(failed(FaxFailure::Failed), ("provider-failed", "unconfirmed", 10));
    let bounced = Report::Bounced(Bounce::NoSuchUser);
    assert_eq!(reason(bounced), ("provider-bounced", "no-answer", 5));
    // And they end as those do.
    let spent =
        Watched { standing: Standing { dials: 5, ..standing() }, ..order(JobState::HandedOff) };
    assert_eq!(row(&spent), ".....XCCUXXXU");
}

// ---- the end of a watch ----

#[test]
fn end_of_a_watch_by_what_is_known() {
    let fax = |because| (Next::ByFax { due: NOW, because }, because.as_str());
    let rest = |state, code| (Next::Rest(state), code);
    let cases = [
        (JobState::HandedOff, AtEnd::Fax, false, fax(FaxBecause::MailUnread)),
        (JobState::HandedOff, AtEnd::Fax, true, fax(FaxBecause::MailUnread)),
        (JobState::HandedOff, AtEnd::Decide, true, rest(JobState::Confirmed, "mail-delivered")),
        (JobState::HandedOff, AtEnd::Decide, false, rest(JobState::Uncertain, "receipt-overdue")),
        (JobState::Uncertain, AtEnd::Fax, false, fax(FaxBecause::MailUnsure)),
        (
            JobState::Uncertain,
            AtEnd::Decide,
            true,
            rest(JobState::ResolvedDelivered, "mail-delivered"),
        ),
        (JobState::Uncertain, AtEnd::Decide, false, rest(JobState::Uncertain, "receipt-overdue")),
    ];
    for (state, then, delivered, expected) in cases {
        let watch = Some(Watch { then, ..THEN_FAX });
        let job = Watched { watch, delivered, ..letter(state) };
        assert_eq!(at_end(&job, NOW, &hours()), expected, "{state} {then} {delivered}");
        assert!(endings::find(expected.1).is_some());
    }
}

#[test]
fn unread_mail_without_time_for_a_fax_is_left_to_people_unless_it_was_delivered() {
    let standing = Standing { not_after: NOW.after(Duration::from_secs(60)), ..standing() };
    let job = Watched { standing, ..letter(JobState::HandedOff) };
    assert_eq!(at_end(&job, NOW, &hours()).0, Next::Rest(JobState::Uncertain));
    let delivered = Watched { delivered: true, ..job };
    assert_eq!(at_end(&delivered, NOW, &hours()).0, Next::Rest(JobState::Confirmed));
}

#[test]
fn fax_that_follows_a_mail_keeps_the_calling_hours_or_does_not_follow() {
    let evening = NOW.after(9 * HOUR); // Tuesday 19:00
    let morning = NOW.after(22 * HOUR + HOUR / 2); // 8:30
    let job = letter(JobState::HandedOff);
    let bounced = Report::Bounced(Bounce::NoSuchUser);
    let came_back = |job: &Watched| match on_receipt(job, bounced, evening, &hours()) {
        Change::Move { next, .. } => next,
        other @ (Change::RungOnly | Change::NotYet) => panic!("{other:?}"),
    };
    let by_fax = |because| Next::ByFax { due: morning, because };
    assert_eq!(came_back(&job), by_fax(FaxBecause::MailBounced));
    assert_eq!(at_end(&job, evening, &hours()).0, by_fax(FaxBecause::MailUnread));
    // Until 7:00 nobody is called.
    let late =
        Watched { standing: Standing { not_after: NOW.after(21 * HOUR), ..standing() }, ..job };
    assert_eq!(came_back(&late), Next::Rest(JobState::Failed));
    assert_eq!(at_end(&late, evening, &hours()).0, Next::Rest(JobState::Uncertain));
    let delivered = Watched { delivered: true, ..late };
    assert_eq!(at_end(&delivered, evening, &hours()).0, Next::Rest(JobState::Confirmed));
}

#[test]
fn silent_provider_leaves_a_notice_to_another_copy_and_the_last_to_people() {
    let job = order(JobState::HandedOff);
    let (next, code) = at_end(&job, NOW, &hours());
    let due = NOW.after(Duration::from_secs(600));
    assert_eq!((next, code), (Next::Again { due, reason: "unconfirmed" }, "provider-silent"));
    let third = Standing { unconfirmed: 2, dials: 2, ..standing() };
    let (next, _) = at_end(&Watched { standing: third, ..job }, NOW, &hours());
    assert_eq!(next, Next::Rest(JobState::Uncertain));
    // A report that the provider has the mail is no report about the sheet.
    let (next, _) = at_end(&Watched { delivered: true, standing: third, ..job }, NOW, &hours());
    assert_eq!(next, Next::Rest(JobState::Uncertain));
}

#[test]
fn watch_ends_after_calling_hours_and_early_enough_for_a_fax() {
    let watch = Watch::for_mail(NOW, Some(9 * HOUR), &hours());
    let tomorrow = NOW.after(23 * HOUR + HOUR / 2); // Wednesday 9:30
    assert_eq!(watch, Watch { until: tomorrow, then: AtEnd::Fax });
    assert_eq!(watch.in_time(NOW, NOW.after(48 * HOUR), &hours()), watch);
    // It must arrive by 15:00: at 13:45 the FAX takes over.
    let today = watch.in_time(NOW, NOW.after(5 * HOUR), &hours());
    assert_eq!(today, Watch { until: NOW.after(3 * HOUR + 3 * HOUR / 4), then: AtEnd::Fax });
    // By 22:00: the calling hours end at 18:00.
    let tonight = watch.in_time(NOW, NOW.after(12 * HOUR), &hours());
    assert_eq!(tonight, Watch { until: NOW.after(7 * HOUR), then: AtEnd::Fax });
    // Within the hour: no time for a FAX, so reports are waited for.
    let at_once = watch.in_time(NOW, NOW.after(HOUR), &hours());
    assert_eq!(at_once, Watch { until: NOW.after(LATEST_BOUNCE), then: AtEnd::Decide });
}

#[test]
fn mail_that_never_becomes_a_fax_is_watched_for_as_long_as_it_can_come_back() {
    let watch = Watch::for_mail(NOW, None, &hours());
    assert_eq!(watch, Watch { until: NOW.after(5 * 24 * HOUR), then: AtEnd::Decide });
    assert_eq!(watch.in_time(NOW, NOW.after(HOUR), &hours()), watch);
}

// ---- what a mail of the receipt box says ----

const TOKEN: mail::Subject = [7; 16];

fn said(action: Action, status: &str) -> RecipientReport {
    RecipientReport {
        action,
        status: status.parse::<Status>().expect("a status"),
        remote_mta: Some("mx.example.jp".into()),
        diagnostic: Some("550 5.1.1 <tanaka@example.jp>: unknown".into()),
    }
}

fn reading(recipients: Vec<RecipientReport>) -> mail::Reading {
    let reporting_mta = Some("relay.example.jp".into());
    let delivery = Delivery { reporting_mta, envelope_id: None, recipients };
    mail::Reading { about: Some(TOKEN), content: Content::Delivery(delivery) }
}

#[test]
fn every_action_of_a_mail_host_is_a_report() {
    for (action, status, report) in [
        (Action::Failed, "5.1.1", Report::Bounced(Bounce::NoSuchUser)),
        (Action::Failed, "4.4.7", Report::Bounced(Bounce::Unreachable)),
        (Action::Failed, "4.2.2", Report::Bounced(Bounce::MailboxFull)),
        (Action::Delayed, "4.4.1", Report::Delayed),
        (Action::Delivered, "2.0.0", Report::Delivered),
        (Action::Relayed, "2.0.0", Report::Relayed),
        (Action::Expanded, "2.0.0", Report::Relayed),
    ] {
        let receipt = receipt_of(&reading(vec![said(action, status)])).expect("a receipt");
        assert_eq!((receipt.report, receipt.token), (report, TOKEN), "{action:?} {status}");
    }
}

#[test]
fn of_two_recipients_the_worse_counts_in_either_order() {
    let actions = [
        (Action::Delivered, "2.0.0"),
        (Action::Relayed, "2.0.0"),
        (Action::Delayed, "4.0.0"),
        (Action::Failed, "5.0.0"),
    ];
    for (better, (of_better, status_of_better)) in actions.into_iter().enumerate() {
        for (of_worse, status_of_worse) in actions.into_iter().skip(better + 1) {
            let two = [said(of_better, status_of_better), said(of_worse, status_of_worse)];
            let alone = receipt_of(&reading(vec![two[1].clone()])).expect("a receipt").report;
            let turned = vec![two[1].clone(), two[0].clone()];
            for recipients in [two.to_vec(), turned] {
                let report = receipt_of(&reading(recipients)).expect("a receipt").report;
                assert_eq!(report, alone, "{of_better:?} {of_worse:?}");
            }
        }
    }
}

#[test]
fn only_a_mail_that_was_shown_is_a_receipt_of_its_reader() {
    let receipt = |kind| {
        let disposition = Disposition { kind, by_hand: true, original_message_id: None };
        let content = Content::Disposition(disposition);
        receipt_of(&mail::Reading { about: Some(TOKEN), content }).map(|receipt| receipt.report)
    };
    assert_eq!(receipt(DispositionKind::Displayed), Some(Report::Displayed));
    assert_eq!(receipt(DispositionKind::Deleted), None);
    assert_eq!(receipt(DispositionKind::Dispatched), None);
    assert_eq!(receipt(DispositionKind::Processed), None);
}

#[test]
fn what_is_about_no_mail_of_ours_or_says_nothing_is_no_receipt() {
    let forged = mail::Reading { about: None, ..reading(vec![said(Action::Failed, "5.1.1")]) };
    assert_eq!(receipt_of(&forged), None);
    for content in [
        Content::Automatic,
        Content::Unstructured,
        Content::Unusable(Flaw::Contradiction),
        Content::Other,
    ] {
        let reading = mail::Reading { about: Some(TOKEN), content };
        assert_eq!(receipt_of(&reading), None, "{reading:?}");
    }
    assert_eq!(receipt_of(&reading(Vec::new())), None);
}

#[test]
fn detail_of_a_receipt_is_short_and_has_no_whole_address() {
    let mut recipient = said(Action::Failed, "5.1.1");
    let receipt = receipt_of(&reading(vec![recipient.clone()])).expect("a receipt");
    let expected = json!({
        "status": "5.1.1", "host": "relay.example.jp", "far_host": "mx.example.jp",
        "words": "550 5.1.1 <***@example.jp>: unknown",
    });
    assert_eq!(receipt.detail, expected);
    recipient.remote_mta = Some("\"".repeat(500));
    recipient.diagnostic = Some("\\".repeat(500));
    let mut worst = reading(vec![recipient]);
    if let Content::Delivery(delivery) = &mut worst.content {
        delivery.reporting_mta = Some("\"".repeat(500));
    }
    let octets = receipt_of(&worst).expect("a receipt").detail.to_string().len();
    assert!(octets <= 1024, "{octets}");
}
