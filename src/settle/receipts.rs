//! What a receipt means for the notification that it is about, and what it means that none came.
//!
//! In: a [`Report`] about one attempt, or the end of its watch; the notification as it stands. Out: a [`Change`], which
//! the store makes in the transaction that keeps the receipt. Pure.
//! A receipt is about an attempt because it bears its token: 16 octets drawn by lot and their HMAC, in the envelope and
//! the ids of the mail. So nobody makes one up who has not seen the mail. Whoever has can: the hosts on its way, and its
//! reader. At worst they say that it failed, and a sheet more is printed; or that it arrived, which by itself ends
//! nothing while a FAX can still follow. A provider's word, which is final, bears the token as well and comes from its
//! own domain; but that a header names.
//! Source: RFC 3464 2.3.3 (actions), RFC 3463 2 (classes), RFC 8098 3.2.6 (dispositions); RFC 5321 4.5.4.1 (how long a
//! host tries).
//! Not here: reading the mail (`drivers/mail`), what a relay says at once (`mailing.rs`), what the exchange saw
//! (`signs.rs`).

use std::time::Duration;

use mail::report::{Action, Content, Delivery, Disposition, DispositionKind, RecipientReport};
use serde_json::json;

use super::bounce::Bounce;
use super::verdict::{Remedy, Verdict};
use super::words::{host, masked};
use super::{AtEnd, Next, Reach, Standing, Watch, carry_out};
use crate::job::{Channel, Evidence, FaxBecause, JobState, UnixMillis};
use crate::schedule::backoff::{self, Cause, Turn};
use crate::schedule::windows::Windows;

/// For so long a host may go on trying and then report that it failed: as Postfix, Exim and Sendmail are shipped.
pub const LATEST_BOUNCE: Duration = Duration::from_secs(5 * 24 * 60 * 60);
/// Calling time that is left for a FAX that follows a mail. Chosen: room for four calls to a busy number.
pub(super) const TIME_FOR_FAX: Duration = Duration::from_secs(60 * 60);

/// One receipt. It names the attempt that it is about by the token that the attempt was sent with.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    pub token: mail::Subject,
    pub report: Report,
    /// Status code, host, words: no whole address, at most 1 KiB.
    pub detail: serde_json::Value,
}

/// What it says.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Report {
    /// The mail lies in the mailbox.
    Delivered,
    /// It was handed to a host, or a list, that does not report.
    Relayed,
    /// Not yet; the host goes on trying.
    Delayed,
    /// It is given up, at once or after it was tried for days: nobody tries again.
    Bounced(Bounce),
    /// A reader's program showed it.
    Displayed,
    /// The relay's own copy of it: the relay has it.
    SentCopy,
    /// The provider says that the sheet was received, and of how many pages it speaks.
    FaxSent { pages: Option<u16> },
    /// The provider says that it was not.
    FaxFailed(FaxFailure),
}

/// Why a provider could not send a sheet.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum FaxFailure {
    Busy,
    NoAnswer,
    /// Something answered that is no fax machine.
    NoFax,
    /// For a reason that it does not tell, or that no name stands for: a part of the page may have gone.
    Failed,
}

impl Report {
    /// The rung that it is.
    pub fn rung(self) -> &'static str {
        match self {
            Self::Delivered => "mail_delivered",
            Self::Relayed => "mail_relayed",
            Self::Delayed => "mail_delayed",
            Self::Bounced(_) => "mail_bounced",
            Self::Displayed => "mail_displayed",
            Self::SentCopy => "sent_copy",
            Self::FaxSent { .. } => "fax_sent",
            Self::FaxFailed(_) => "fax_failed",
        }
    }

    /// Something answered the provider's call: for the redial rule it is no repetition any more.
    pub fn was_answered(self) -> bool {
        match self {
            Self::FaxSent { .. } | Self::FaxFailed(FaxFailure::NoFax) => true,
            Self::FaxFailed(FaxFailure::Busy | FaxFailure::NoAnswer | FaxFailure::Failed)
            | Self::Delivered
            | Self::Relayed
            | Self::Delayed
            | Self::Bounced(_)
            | Self::Displayed
            | Self::SentCopy => false,
        }
    }
}

/// What a mail of the receipt box says about one of ours; `None` if it is about none, or says nothing about delivery.
pub fn receipt_of(reading: &mail::Reading) -> Option<Receipt> {
    let token = reading.about?;
    let (report, detail) = match &reading.content {
        Content::Delivery(delivery) => of_delivery(delivery)?,
        Content::Disposition(disposition) => of_disposition(disposition)?,
        Content::Automatic | Content::Unstructured | Content::Unusable(_) | Content::Other => {
            return None;
        }
    };
    Some(Receipt { token, report, detail })
}

/// A mail of ours has one recipient. If his host made several of it, the worst is what counts.
fn of_delivery(delivery: &Delivery) -> Option<(Report, serde_json::Value)> {
    let worst = delivery.recipients.iter().max_by_key(|recipient| badness(recipient.action))?;
    let RecipientReport { action, status, remote_mta, diagnostic } = worst;
    let report = match action {
        // Given up after days (4.x.x) is given up as well.
        Action::Failed => Report::Bounced(Bounce::of(*status)),
        Action::Delayed => Report::Delayed,
        Action::Delivered => Report::Delivered,
        Action::Relayed | Action::Expanded => Report::Relayed,
    };
    let detail = json!({
        "status": status.to_string(),
        "host": delivery.reporting_mta.as_deref().map(host),
        "far_host": remote_mta.as_deref().map(host),
        "words": diagnostic.as_deref().map(masked),
    });
    Some((report, detail))
}

fn badness(action: Action) -> u8 {
    match action {
        Action::Failed => 4,
        Action::Delayed => 3,
        Action::Expanded => 2,
        Action::Relayed => 1,
        Action::Delivered => 0,
    }
}

/// Only that it was shown says something; a mail that was deleted may have been read before.
fn of_disposition(disposition: &Disposition) -> Option<(Report, serde_json::Value)> {
    match disposition.kind {
        DispositionKind::Displayed => {
            Some((Report::Displayed, json!({ "by_hand": disposition.by_hand })))
        }
        DispositionKind::Deleted | DispositionKind::Dispatched | DispositionKind::Processed => None,
    }
}

/// A notification and one of its attempts, when something comes in about it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Watched {
    pub state: JobState,
    /// How that attempt went: by mail to the office, or by FAX, through a provider who answers by mail.
    pub channel: Channel,
    /// No attempt came after it, and the notification is still on the way on which it went.
    pub is_latest: bool,
    /// What is waited for, if anything is.
    pub watch: Option<Watch>,
    /// A delivery of that attempt was reported.
    pub delivered: bool,
    /// The client does not want it any more: nothing is sent that is not out yet.
    pub withdrawn: bool,
    /// As when that attempt ended: without it.
    pub standing: Standing,
}

/// What follows.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It is kept, and changes nothing.
    RungOnly,
    /// The attempt is not over for us yet: the reports of a quick host can overtake our own COMMIT. To be asked again
    /// when it is.
    NotYet,
    /// The notification goes there, for the reason of this code.
    Move { next: Next, code: &'static str },
}

/// What a receipt changes.
pub fn on_receipt(job: &Watched, report: Report, now: UnixMillis, windows: &Windows) -> Change {
    match (job.state, job.is_latest) {
        (JobState::Sending, true) if says_how_it_ended(report) => Change::NotYet,
        (JobState::HandedOff, true) => match job.channel {
            Channel::Mail => of_a_letter(job, report, now, windows),
            Channel::Fax => of_an_order(job, report, now, windows),
        },
        (JobState::Uncertain, true) => match (job.watch, job.channel) {
            (Some(watch), _) if shows_that_the_relay_has_it(report) => {
                let next = Next::Watch { state: JobState::HandedOff, watch };
                Change::Move { next, code: "mail-accepted" }
            }
            (Some(_), Channel::Mail) => of_a_letter(job, report, now, windows),
            (Some(_), Channel::Fax) => of_an_order(job, report, now, windows),
            (None, Channel::Mail) => of_a_lost_letter(job, report, now, windows),
            (None, Channel::Fax) => of_a_lost_order(report),
        },
        // It has moved on; what is final stays.
        (JobState::Sending | JobState::HandedOff | JobState::Uncertain, _)
        | (
            JobState::Waiting
            | JobState::Hold
            | JobState::Confirmed
            | JobState::Failed
            | JobState::Expired
            | JobState::Cancelled
            | JobState::ResolvedDelivered
            | JobState::ResolvedNotDelivered,
            _,
        ) => Change::RungOnly,
    }
}

fn says_how_it_ended(report: Report) -> bool {
    match report {
        Report::Bounced(_) | Report::FaxSent { .. } | Report::FaxFailed(_) => true,
        Report::Delivered
        | Report::Relayed
        | Report::Delayed
        | Report::Displayed
        | Report::SentCopy => false,
    }
}

/// Whoever reports on a mail had it from the relay.
fn shows_that_the_relay_has_it(report: Report) -> bool {
    match report {
        Report::Delivered
        | Report::Relayed
        | Report::Delayed
        | Report::Displayed
        | Report::SentCopy => true,
        Report::Bounced(_) | Report::FaxSent { .. } | Report::FaxFailed(_) => false,
    }
}

/// A notice that is waited for: only that it came back changes anything. That it lies in a mailbox is no sign that
/// anybody looks there.
fn of_a_letter(job: &Watched, report: Report, now: UnixMillis, windows: &Windows) -> Change {
    match report {
        Report::Bounced(bounce) => came_back(job, bounce, now, windows),
        Report::Delivered
        | Report::Relayed
        | Report::Delayed
        | Report::Displayed
        | Report::SentCopy
        | Report::FaxSent { .. }
        | Report::FaxFailed(_) => Change::RungOnly,
    }
}

/// A notice that nobody waits for any more, and of which nobody knows whether it arrived.
fn of_a_lost_letter(job: &Watched, report: Report, now: UnixMillis, windows: &Windows) -> Change {
    match report {
        Report::Delivered => {
            Change::Move { next: Next::Rest(JobState::ResolvedDelivered), code: "mail-delivered" }
        }
        Report::Bounced(bounce) => came_back(job, bounce, now, windows),
        Report::Relayed
        | Report::Delayed
        | Report::Displayed
        | Report::SentCopy
        | Report::FaxSent { .. }
        | Report::FaxFailed(_) => Change::RungOnly,
    }
}

fn came_back(job: &Watched, bounce: Bounce, now: UnixMillis, windows: &Windows) -> Change {
    let next = if job.withdrawn {
        Next::Rest(of_nothing_arrived(job.state, JobState::Cancelled))
    } else if let Some(due) = fax_at(now, job.standing.not_after, windows) {
        Next::ByFax { due, because: bounce.because() }
    } else {
        Next::Rest(of_nothing_arrived(job.state, JobState::Failed))
    };
    Change::Move { next, code: bounce.as_str() }
}

/// Once it is certain that nothing arrived and nothing will be sent.
fn of_nothing_arrived(from: JobState, state: JobState) -> JobState {
    match from {
        JobState::Uncertain => JobState::ResolvedNotDelivered,
        JobState::Waiting
        | JobState::Sending
        | JobState::HandedOff
        | JobState::Hold
        | JobState::Confirmed
        | JobState::Failed
        | JobState::Expired
        | JobState::Cancelled
        | JobState::ResolvedDelivered
        | JobState::ResolvedNotDelivered => state,
    }
}

/// A sheet that a provider has, whose answer is waited for: it counts as the same ending of a call.
fn of_an_order(job: &Watched, report: Report, now: UnixMillis, windows: &Windows) -> Change {
    let not_sent =
        |code, reach, remedy| Verdict { evidence: Evidence::NotSent, code, reach, remedy };
    let called = Reach::NoAnswer;
    let verdict = match report {
        Report::FaxSent { pages: None | Some(1) } => {
            let state = match job.state {
                JobState::Uncertain => JobState::ResolvedDelivered,
                JobState::Waiting
                | JobState::Sending
                | JobState::HandedOff
                | JobState::Hold
                | JobState::Confirmed
                | JobState::Failed
                | JobState::Expired
                | JobState::Cancelled
                | JobState::ResolvedDelivered
                | JobState::ResolvedNotDelivered => JobState::Confirmed,
            };
            return Change::Move { next: Next::Rest(state), code: "provider-sent" };
        }
        Report::FaxSent { pages: Some(_another_number) } => unsure("provider-page-count"),
        Report::FaxFailed(FaxFailure::Busy) => {
            not_sent("provider-busy", called, Remedy::Retry(Cause::Busy))
        }
        Report::FaxFailed(FaxFailure::NoAnswer) => {
            not_sent("provider-no-answer", called, Remedy::Retry(Cause::NoAnswer))
        }
        Report::FaxFailed(FaxFailure::NoFax) => {
            not_sent("provider-no-fax", Reach::Answered, Remedy::Retry(Cause::NoFaxTone))
        }
        Report::FaxFailed(FaxFailure::Failed) => unsure("provider-failed"),
        // Each is a call in our books, so that an account that was closed does not get one after the other for ever.
        Report::Bounced(_) => not_sent("provider-bounced", called, Remedy::Retry(Cause::NoAnswer)),
        Report::Delivered
        | Report::Relayed
        | Report::Delayed
        | Report::Displayed
        | Report::SentCopy => return Change::RungOnly,
    };
    let code = verdict.code;
    Change::Move { next: after_order(job, verdict, now, windows), code }
}

/// A sheet of which people were asked to decide: what is certain still counts, and nothing is sent anew behind their backs.
fn of_a_lost_order(report: Report) -> Change {
    let rest = |state, code| Change::Move { next: Next::Rest(state), code };
    let not_delivered = JobState::ResolvedNotDelivered;
    match report {
        Report::FaxSent { pages: None | Some(1) } => {
            rest(JobState::ResolvedDelivered, "provider-sent")
        }
        Report::FaxFailed(FaxFailure::Busy) => rest(not_delivered, "provider-busy"),
        Report::FaxFailed(FaxFailure::NoAnswer) => rest(not_delivered, "provider-no-answer"),
        Report::FaxFailed(FaxFailure::NoFax) => rest(not_delivered, "provider-no-fax"),
        Report::Bounced(_) => rest(not_delivered, "provider-bounced"),
        Report::FaxSent { pages: Some(_) }
        | Report::FaxFailed(FaxFailure::Failed)
        | Report::Delivered
        | Report::Relayed
        | Report::Delayed
        | Report::Displayed
        | Report::SentCopy => Change::RungOnly,
    }
}

/// Something may be on paper.
fn unsure(code: &'static str) -> Verdict {
    Verdict { evidence: Evidence::Uncertain, code, reach: Reach::NoAnswer, remedy: Remedy::Decide }
}

/// As after a call with this verdict; if nobody wants the notification any more, nothing follows.
fn after_order(job: &Watched, verdict: Verdict, now: UnixMillis, windows: &Windows) -> Next {
    let evidence = verdict.evidence;
    let receipt = serde_json::Value::Null;
    match carry_out(verdict, job.standing, now, windows, receipt).next {
        Next::Again { .. } if job.withdrawn && evidence == Evidence::Uncertain => {
            Next::Rest(JobState::Uncertain)
        }
        Next::Again { .. } if job.withdrawn => {
            let may_be_out = job.standing.unconfirmed > 0 || job.standing.mailed;
            Next::Rest(super::at_rest(JobState::Cancelled, may_be_out))
        }
        next @ (Next::Again { .. } | Next::Rest(_) | Next::Watch { .. } | Next::ByFax { .. }) => {
            next
        }
    }
}

/// Where it goes, and the code of why, when the watch is over and nobody has said how it ended.
pub fn at_end(job: &Watched, now: UnixMillis, windows: &Windows) -> (Next, &'static str) {
    match job.channel {
        Channel::Mail => end_of_a_letter(job, now, windows),
        Channel::Fax => {
            let code = "provider-silent";
            (after_order(job, unsure(code), now, windows), code)
        }
    }
}

fn end_of_a_letter(job: &Watched, now: UnixMillis, windows: &Windows) -> (Next, &'static str) {
    let is_unsure = job.state == JobState::Uncertain;
    let fax = match job.watch.map(|watch| watch.then) {
        Some(AtEnd::Fax) if !job.withdrawn => fax_at(now, job.standing.not_after, windows),
        Some(AtEnd::Fax | AtEnd::Decide) | None => None,
    };
    let because = if is_unsure { FaxBecause::MailUnsure } else { FaxBecause::MailUnread };
    match (fax, job.delivered) {
        (Some(due), _) => (Next::ByFax { due, because }, because.as_str()),
        (None, true) if is_unsure => (Next::Rest(JobState::ResolvedDelivered), "mail-delivered"),
        (None, true) => (Next::Rest(JobState::Confirmed), "mail-delivered"),
        (None, false) => (Next::Rest(JobState::Uncertain), "receipt-overdue"),
    }
}

/// When the FAX begins that takes over from a mail: at the first calling time from then on; `None` if that is too late.
pub fn fax_at(from: UnixMillis, not_after: UnixMillis, windows: &Windows) -> Option<UnixMillis> {
    match backoff::in_time(windows.next_open(from)?, not_after) {
        Turn::At(due) => Some(due),
        Turn::Spent | Turn::NoTimeLeft => None,
    }
}

/// The last time at which a FAX can take over from a mail and still have calling time; `None` if no calling hours are
/// left within a year.
pub fn fax_by(not_after: UnixMillis, windows: &Windows) -> Option<UnixMillis> {
    windows.open_before(not_after.before(backoff::LAST_CALL), TIME_FOR_FAX)
}

impl Watch {
    /// The wait for a sign that a mail handed over now was read: so many calling hours, then FAX. Without them, for as
    /// long as it can still come back.
    pub fn for_mail(now: UnixMillis, fax_after: Option<Duration>, windows: &Windows) -> Self {
        let until = fax_after.and_then(|span| windows.open_for(now, span));
        match until {
            Some(until) => Self { until, then: AtEnd::Fax },
            None => Self { until: now.after(LATEST_BOUNCE), then: AtEnd::Decide },
        }
    }

    /// The same wait for a notification that must have arrived by then: it ends early enough for the FAX. If there is no
    /// time for one, reports are all that can come.
    #[must_use]
    pub fn in_time(self, now: UnixMillis, not_after: UnixMillis, windows: &Windows) -> Self {
        let reports_only = Self { until: now.after(LATEST_BOUNCE), then: AtEnd::Decide };
        match self.then {
            AtEnd::Decide => self,
            AtEnd::Fax => match fax_by(not_after, windows) {
                Some(last) if last > now => Self { until: self.until.min(last), ..self },
                Some(_) | None => reports_only,
            },
        }
    }
}

#[cfg(test)]
mod tests;
