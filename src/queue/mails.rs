//! What goes between the store and those who hand mails over, read the receipt box, and look at both.
//!
//! Not here: what a receipt means (`settle/receipts.rs`).

use crate::job::{AttemptId, JobId, JobState, Language, Notice, Party, SheetText, UnixMillis};
use crate::settle::receipts::Receipt;
use crate::settle::{MailStanding, Watch};

/// A lane that is free.
#[derive(Clone, Debug)]
pub struct MailAsk {
    pub lane: String,
    /// Domains that get nothing now.
    pub held: Vec<String>,
    /// How long a receipt of a mail handed over now is waited for.
    pub watch: Watch,
}

/// One notice leased to one lane.
#[derive(Debug)]
pub struct MailClaim {
    pub attempt: AttemptId,
    /// Counted from 1, calls included.
    pub attempt_number: u32,
    pub id: JobId,
    pub lane: String,
    pub notice: Notice,
    pub language: Language,
    pub sender: Party,
    pub office_name: SheetText,
    pub to: mail::Address,
    /// Names this attempt in whatever comes back. It is drawn by lot: ids of attempts come again after a restore.
    pub token: mail::Subject,
    /// What `settle` has to know of it.
    pub standing: MailStanding,
}

/// How far the receipt box was read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    pub uid_validity: u32,
    pub uid: u32,
}

/// One mail of the receipt box.
#[derive(Clone, Debug)]
pub struct ReceivedMail {
    pub now: UnixMillis,
    pub place: Place,
    /// Of its octets: the same mail is taken in once, wherever it is moved.
    pub sha256: [u8; 32],
    pub receipt: Option<Receipt>,
}

/// What it came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Received {
    /// It is kept with this job, which is in that state now.
    Taken { job: JobId, state: JobState },
    /// This very mail was taken in before.
    Known,
    /// Its token is ours, and no attempt has it: of another store, or of one from before a restore.
    UnknownAttempt,
    /// The attempt that it is about is not over for us yet: a quick host's report can overtake our own COMMIT. Nothing is
    /// kept, not even the place: it is to be handed in again.
    NotYet,
    /// It is no receipt.
    Nothing,
}

/// Answer to a sign of the exchange.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Signed {
    /// It is kept; the job is in this state now.
    Taken {
        state: JobState,
    },
    /// It was told before.
    Known {
        state: JobState,
    },
    NotFound,
}

/// What became of the mails to one domain.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct MailDomain {
    pub domain: String,
    /// The relay has them, or may have: all that follow are among these.
    pub handed: u32,
    /// Reported to lie in the mailbox.
    pub delivered: u32,
    /// They came back.
    pub bounced: u32,
    /// A FAX went instead, since nobody was seen to read them in time.
    pub unread: u32,
    /// The exchange saw somebody follow them.
    pub opened: u32,
    /// Nobody knows whether the relay has them.
    pub uncertain: u32,
}
