//! What a receipt means for the notification that it is about: a report of a mail host, a reader's program or a fax provider.
//!
//! In: a [`Report`], and the notification as it stands. Out: a [`Change`], which the store makes in the transaction that
//! keeps the receipt. Pure.
//! Not here: whether a mail is a receipt of ours (`drivers/mail`), what the exchange saw (`signs.rs`).

use super::{AtEnd, Next, Standing, Watch};
use crate::job::{Channel, FaxBecause, JobState, UnixMillis};

/// One receipt. It names the attempt that it is about by the token that the attempt was sent with.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    pub token: mail::Subject,
    pub report: Report,
    /// Status code, host, words: no whole address, at most 1 KiB.
    pub detail: serde_json::Value,
}

/// What it says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Report {
    /// The mail lies in the mailbox.
    Delivered,
    /// It was handed to a host that does not report.
    Relayed,
    /// Not yet; the host goes on trying.
    Delayed,
    /// It came back.
    Bounced { permanent: bool },
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
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FaxFailure {
    Busy,
    NoAnswer,
    /// Something answered that is no fax machine.
    NoFax,
    /// For a reason that it does not tell, or that no name stands for.
    Failed,
}

impl Report {
    /// The rung that it is.
    pub fn rung(self) -> &'static str {
        match self {
            Self::Delivered => "mail_delivered",
            Self::Relayed => "mail_relayed",
            Self::Delayed => "mail_delayed",
            Self::Bounced { .. } => "mail_bounced",
            Self::Displayed => "mail_displayed",
            Self::SentCopy => "sent_copy",
            Self::FaxSent { .. } => "fax_sent",
            Self::FaxFailed(_) => "fax_failed",
        }
    }
}

/// A notification and one of its attempts, when something comes in about it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Watched {
    pub state: JobState,
    /// How that attempt went.
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
    /// The notification goes there, for the reason of this code.
    Move { next: Next, code: &'static str },
}

/// What a receipt changes.
pub fn on_receipt(job: &Watched, report: Report, now: UnixMillis) -> Change {
    let waits = match job.state {
        JobState::HandedOff => true,
        JobState::Uncertain => job.watch.is_some(),
        JobState::Waiting
        | JobState::Sending
        | JobState::Hold
        | JobState::Confirmed
        | JobState::Failed
        | JobState::Expired
        | JobState::Cancelled
        | JobState::ResolvedDelivered
        | JobState::ResolvedNotDelivered => false,
    };
    let Some(watch) = job.watch.filter(|_| waits && job.is_latest) else { return Change::RungOnly };
    match report {
        Report::Delivered | Report::SentCopy | Report::Relayed
            if job.state == JobState::Uncertain =>
        {
            Change::Move {
                next: Next::Watch { state: JobState::HandedOff, watch },
                code: report.code(),
            }
        }
        Report::Bounced { .. } if job.channel == Channel::Mail && job.withdrawn => {
            Change::Move { next: Next::Rest(JobState::Cancelled), code: report.code() }
        }
        Report::Bounced { .. } if job.channel == Channel::Mail => {
            let because = FaxBecause::MailBounced;
            Change::Move { next: Next::ByFax { due: now, because }, code: because.as_str() }
        }
        Report::FaxSent { .. } if job.channel == Channel::Fax => {
            Change::Move { next: Next::Rest(JobState::Confirmed), code: report.code() }
        }
        Report::FaxFailed(_) if job.channel == Channel::Fax => {
            Change::Move { next: Next::Rest(JobState::Failed), code: report.code() }
        }
        Report::Delivered
        | Report::Relayed
        | Report::Delayed
        | Report::Bounced { .. }
        | Report::Displayed
        | Report::SentCopy
        | Report::FaxSent { .. }
        | Report::FaxFailed(_) => Change::RungOnly,
    }
}

/// Where it goes, and the code of why, when the watch is over and nobody has said anything.
pub fn at_end(job: &Watched, now: UnixMillis) -> (Next, &'static str) {
    match job.watch.map(|watch| watch.then) {
        Some(AtEnd::Fax) if !job.withdrawn => {
            let because = FaxBecause::MailUnread;
            (Next::ByFax { due: now, because }, because.as_str())
        }
        Some(AtEnd::Fax | AtEnd::Decide) | None if job.delivered => {
            (Next::Rest(JobState::Confirmed), "mail-delivered")
        }
        Some(AtEnd::Fax | AtEnd::Decide) | None => {
            (Next::Rest(JobState::Uncertain), "receipt-overdue")
        }
    }
}

impl Report {
    /// The code of what it moves.
    fn code(self) -> &'static str {
        match self {
            Self::Delivered => "mail-delivered",
            Self::Relayed => "mail-relayed",
            Self::Delayed => "mail-delayed",
            Self::Bounced { .. } => "mail-bounced",
            Self::Displayed => "mail-displayed",
            Self::SentCopy => "mail-accepted",
            Self::FaxSent { .. } => "provider-sent",
            Self::FaxFailed(_) => "provider-failed",
        }
    }
}
