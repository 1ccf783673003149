//! Where accepted notifications live: nothing is acknowledged before it is on disk.
//!
//! In: jobs, claims, steps of attempts, settlements. Out: a [`Pending`] answer that is given after COMMIT.
//! Every change of a state and its event are one transaction. Events are named, in the feed and among the
//! rungs of an attempt:
//!
//! | event | means |
//! |---|---|
//! | `accepted` | it is on disk |
//! | `sending` | an attempt is open |
//! | `dialing`, `page_started`, `page_acked` | the attempt's next step is durable |
//! | `dot_sent` | the content of its mail may leave from here on |
//! | `stop_wanted` | its client cancelled it during the call or while a receipt is awaited: the call stops if no page has begun, and nothing else follows |
//! | any name of a [`JobState`] | the job went there; with `code` and `receipt` if a call ended so |
//! | `uncertain_open` | nobody has decided about it for so long |
//! | any name of a [`Sign`] | the exchange saw it |
//! | `webhook_given_up`, `webhook_disabled` | an endpoint did not take an event of it for as long as it is posted; wants no posts any more |
//! | `unreadable` | no event, but what the feed says in the place of one that cannot be read any more |
//! | others | rungs that the sender saw, see [`Step::Rung`], and receipts that came later, see [`Report::rung`] |
//!
//! Names of states and events are snake_case, reasons and codes kebab-case; none changes its meaning.
//! Not here: what an ending or a receipt means (`settle`), when to try again (`schedule`).
//!
//! [`Report::rung`]: crate::settle::receipts::Report::rung

mod alarm;
mod appliance;
mod calls;
mod mails;
mod pace;
pub mod resolution;
mod seal;
pub mod sqlite;
mod tally;
mod webhooks;

#[cfg(test)]
pub(crate) mod contract;

pub use alarm::Alarm;
pub use appliance::{Appliance, Held, HoldReason, Note, OneHeld};
pub use calls::{CallFilter, CallId, CallRecord, CallRow};
pub use mails::{MailAsk, MailClaim, MailDomain, Place, Received, ReceivedMail, Signed};
pub use pace::Pace;
pub use resolution::{DecisionView, Fingerprint, Resolution, Resolved};
pub use tally::{Counted, Tally};
pub use webhooks::{
    WebhookBoard, WebhookDue, WebhookEndpoint, WebhookFate, WebhookOpened, WebhookOutcome,
    WebhookWork,
};

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::job::{
    AttemptId, AttemptState, Channel, ClientId, FaxBecause, FaxNumber, IdempotencyKey, IfUncertain,
    JobId, JobState, NewJob, OfficeNumber, Sign, UnixMillis,
};
use crate::office::known::{Known, Lock};
use crate::office::{Office, OfficeChange, Route};
use crate::settle::mailing::Overdue;
use crate::settle::{Settlement, Standing, Watch};

/// The store of one appliance. Methods return at once; the answer comes after COMMIT.
pub trait Queue: Send + Sync {
    /// Stores a job with its idempotency key, in one transaction.
    fn accept(&self, request: Acceptance) -> Pending<Accepted>;
    /// What became of an earlier request with this key; `None` if there was none. To be asked before a
    /// request is judged: a repetition gets its first answer, whatever has changed since.
    fn earlier(
        &self,
        client: ClientId,
        key: IdempotencyKey,
        fingerprint: [u8; 32],
    ) -> Pending<Option<Accepted>>;
    /// The calls that notifications made to a number. To be asked before any other call to it.
    fn dialled(&self, number: FaxNumber, now: UnixMillis) -> Pending<Dialled>;
    /// Takes the next due job for a free line, if any: its attempt is `Claimed`, the job `Sending`.
    /// Not to be asked outside the calling hours. What has run out is expired, what the redial rule or a row
    /// of calls without a fax tone holds back is put off, and what may not be called has failed, on the way.
    fn claim(&self, now: UnixMillis, ask: LineAsk) -> Pending<Option<Claim>>;
    /// Takes the next due mail for a free lane, if any: as [`Queue::claim`] does for a line, at any hour.
    fn claim_mail(&self, now: UnixMillis, ask: MailAsk) -> Pending<Option<MailClaim>>;
    /// Gives over to FAX what no relay took as long as it could wait; how many. What may be in a mailbox is not among it.
    fn give_up_mails(&self, now: UnixMillis, overdue: Overdue) -> Pending<u32>;
    /// Makes an attempt's step durable before its side effect.
    fn step(&self, attempt: AttemptId, step: Step) -> Pending<()>;
    /// Ends an attempt: its result, the job's state, the event, what is remembered of the number, and the
    /// end of the secret.
    fn settle(&self, attempt: AttemptId, settlement: Settlement) -> Pending<()>;
    /// Takes in one mail of the receipt box: its receipt, if it is one, what follows from that, and how far the box was
    /// read, all or nothing.
    fn receive(&self, mail: ReceivedMail) -> Pending<Received>;
    /// How far the receipt box was read.
    fn inbox_place(&self) -> Pending<Option<Place>>;
    /// The tokens of mails of which nobody knows whether the relay has them, the newest first. Whoever finds its copy of one says so with
    /// [`Queue::receive`].
    fn unsure_mails(&self) -> Pending<Vec<mail::Subject>>;
    /// Keeps what the exchange has seen, and what follows from it. To be told twice changes nothing.
    fn sign(&self, client: ClientId, id: JobId, sign: Sign, now: UnixMillis) -> Pending<Signed>;
    /// What the client has reported of an office.
    fn office(&self, client: ClientId, number: OfficeNumber) -> Pending<Option<Office>>;
    /// Offices of which the client has reported something, by their numbers, beginning behind `after`.
    fn offices(
        &self,
        client: ClientId,
        after: Option<OfficeNumber>,
        limit: u16,
    ) -> Pending<Vec<Office>>;
    /// Takes in a report about an office, and gives it as it stands then. What was accepted before goes where it was
    /// to go.
    fn change_office(
        &self,
        client: ClientId,
        number: OfficeNumber,
        change: OfficeChange,
        now: UnixMillis,
    ) -> Pending<Office>;
    /// What became of the client's mails to each domain that were begun since then, the domain with the most first.
    fn mail_domains(&self, client: ClientId, since: UnixMillis) -> Pending<Vec<MailDomain>>;
    /// Ends what has run out, whether lines may be used or not, and says when to look again.
    fn sweep(&self, now: UnixMillis) -> Pending<Swept>;
    /// Withdraws a job: cancelled if no page data is out yet, and in any case not called for again.
    fn cancel(&self, client: ClientId, id: JobId, now: UnixMillis) -> Pending<Cancelled>;
    /// The appliance itself.
    fn appliance(&self) -> Pending<Appliance>;
    /// Holds everything back: nothing is claimed from then on, and what is claimed does not begin. False if it was held already; its first reason stays.
    fn hold_all(&self, reason: HoldReason, note: Option<Note>, now: UnixMillis) -> Pending<bool>;
    /// Lets everything go on; what it was held for.
    fn release_all(&self) -> Pending<Option<Held>>;
    /// Holds one job that waits. Its end comes all the same.
    fn hold(
        &self,
        client: ClientId,
        id: JobId,
        note: Option<Note>,
        now: UnixMillis,
    ) -> Pending<OneHeld>;
    /// Lets a job that is held go on, with the turn that it had.
    fn release(&self, client: ClientId, id: JobId, now: UnixMillis) -> Pending<OneHeld>;
    /// Carries out what somebody has decided about an uncertain job, once: the same fingerprint again changes nothing.
    fn resolve(
        &self,
        client: ClientId,
        id: JobId,
        resolution: Resolution,
        fingerprint: Fingerprint,
        now: UnixMillis,
    ) -> Pending<Resolved>;
    /// Somebody wants this attempt to stop: its next step would be refused. Known at once after the
    /// cancellation's COMMIT; never blocks on the disk.
    fn stop_wanted(&self, attempt: AttemptId) -> bool;
    /// One job as its client may see it.
    fn show(&self, client: ClientId, id: JobId) -> Pending<Option<View>>;
    /// Jobs of a client, newest first. `None` if too many would have to be looked through for a sender.
    fn list(&self, client: ClientId, filter: Filter) -> Pending<Option<Vec<View>>>;
    /// The ordered feed of changes after a cursor; after 0 from the oldest that there is.
    fn events(&self, client: ClientId, after: i64, limit: u16) -> Pending<Feed>;
    /// The cursor of the newest event, of whatever client. It changes after COMMIT: whoever waits for it finds the rows.
    fn news(&self) -> tokio::sync::watch::Receiver<i64>;
    /// What there is, counted; as cheap with a million notifications as with ten.
    fn tally(&self) -> Pending<Tally>;
    /// Forgets up to so many final notifications of which nothing was heard since then, with their events and keys; how
    /// many. Never one that can still change.
    fn forget_old(&self, before: UnixMillis, most: u32) -> Pending<u32>;
    /// Looks at the next events of the feed, and at all of them anew each day: the cursor of the first that somebody else
    /// has changed, put in or taken out, once.
    fn look_back(&self, now: UnixMillis) -> Pending<Option<i64>>;
    /// Takes an endpoint on. A new one is told what happens from now on, one that was known goes on where it was.
    fn webhook_open(&self, endpoint: WebhookEndpoint, now: UnixMillis) -> Pending<WebhookOpened>;
    /// What is to be told to an endpoint now, `most` at once: what waits and is due, then what is new; something that never
    /// failed is always among it. Those of one notification one after the other.
    fn webhook_work(&self, endpoint: String, now: UnixMillis, most: u16) -> Pending<WebhookWork>;
    /// Keeps what became of posts.
    fn webhook_done(
        &self,
        endpoint: String,
        outcomes: Vec<WebhookOutcome>,
        now: UnixMillis,
    ) -> Pending<()>;
    /// Makes everything that failed due now, for as long as anew, and lifts the end that an endpoint asked for; how many. `None` if there is no
    /// such endpoint.
    fn webhook_retry(&self, endpoint: String, now: UnixMillis) -> Pending<Option<u32>>;
    /// An endpoint takes posts again, and took the last one before that at `told_at`: makes due now what may have failed by
    /// the endpoint; how many.
    fn webhook_back(
        &self,
        endpoint: String,
        told_at: Option<UnixMillis>,
        now: UnixMillis,
    ) -> Pending<u32>;
    /// How every endpoint stands that was ever taken on.
    fn webhook_boards(&self) -> Pending<Vec<WebhookBoard>>;
    /// Numbers of which something is remembered, the newest first, beginning behind `after`.
    fn numbers(&self, after: Option<NumberId>, limit: u16) -> Pending<Vec<NumberRow>>;
    /// What is remembered of one number.
    fn known(&self, number: FaxNumber) -> Pending<Option<Result<Known, Unreadable>>>;
    /// Sets what a technician has decided for a number, or with `None` lifts it. False if there was
    /// nothing to lift.
    fn lock(&self, number: FaxNumber, lock: Option<Lock>, now: UnixMillis) -> Pending<bool>;
    /// Forgets everything about a number. False if nothing was remembered. As after a lock is set, a job that waits
    /// because no fax tone was heard there is due at once.
    fn forget(&self, number: FaxNumber, now: UnixMillis) -> Pending<bool>;
    /// Keeps what passed on a call. Traces are of no use to the call: nothing waits for them, and the oldest
    /// go when they are too much.
    fn record_call(&self, call: CallRecord) -> Pending<CallId>;
    /// Forgets the traces of calls that began before this; how many.
    fn forget_calls(&self, before: UnixMillis) -> Pending<u32>;
    /// Calls of all lines, the newest first; the client's own notifications are named.
    fn calls(&self, client: ClientId, filter: CallFilter) -> Pending<Vec<CallRow>>;
    /// One call with its trace.
    fn call(&self, client: ClientId, id: CallId) -> Pending<Option<(CallRow, serde_json::Value)>>;
}

/// An answer that comes after COMMIT: awaited in async code, [`Pending::wait`]ed for on a thread.
pub struct Pending<T>(tokio::sync::oneshot::Receiver<Result<T, QueueError>>);

impl<T> Pending<T> {
    /// A pending answer and the end that gives it.
    pub fn channel() -> (tokio::sync::oneshot::Sender<Result<T, QueueError>>, Self) {
        let (give, take) = tokio::sync::oneshot::channel();
        (give, Self(take))
    }

    /// An answer that is there already.
    pub fn ready(answer: Result<T, QueueError>) -> Self {
        let (give, pending) = Self::channel();
        // The other end is in our hand.
        let _kept = give.send(answer);
        pending
    }

    /// Blocks this thread until the answer is there. Not for async code.
    pub fn wait(self) -> Result<T, QueueError> {
        self.0.blocking_recv().unwrap_or(Err(QueueError::Stopped))
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T, QueueError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|got| got.unwrap_or(Err(QueueError::Stopped)))
    }
}

/// A request to accept.
pub struct Acceptance {
    pub client: ClientId,
    pub key: IdempotencyKey,
    /// Keyed hash of the request body: tells same key, other body.
    pub fingerprint: [u8; 32],
    pub now: UnixMillis,
    pub job: NewJob,
    pub route: Route,
}

/// What became of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Accepted {
    New {
        id: JobId,
        channel: Channel,
    },
    /// The same key and body were accepted before, to go on that channel then.
    Replay {
        id: JobId,
        channel: Channel,
    },
    /// The same key came with another body.
    OtherBody,
}

/// A line that is free, and what it can carry.
#[derive(Clone, Debug)]
pub struct LineAsk {
    pub line: String,
    /// It may carry a sheet with a key.
    pub secrets: bool,
    /// It hands sheets to somebody who tells later what became of them: how long that is waited for.
    pub watch: Option<Watch>,
}

/// One job leased to one line.
pub struct Claim {
    pub attempt: AttemptId,
    /// Counted from 1.
    pub attempt_number: u32,
    pub id: JobId,
    pub line: String,
    /// It goes to the number in here.
    pub job: NewJob,
    /// What `settle` has to know of the job.
    pub standing: Standing,
    /// What is remembered of the number.
    pub known: Known,
    /// Of its credentials: of two sheets only the one with the higher works.
    pub version: u32,
    /// Why it comes by FAX although there is a mail address.
    pub because: Option<FaxBecause>,
    /// Names this attempt in what comes back, on a line that asked with a watch.
    pub token: Option<mail::Subject>,
    /// As the line asked.
    pub watch: Option<Watch>,
}

/// What stands against another call to one number: above all, the calls that notifications made to it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Dialled {
    /// Everything is held back: nobody is to be called at all.
    pub is_held: bool,
    /// An attempt to it is open on some line.
    pub is_on_call: bool,
    /// When each call went out since something last answered, newest first, none later than the time of
    /// asking; as far back as the redial rule looks.
    pub unanswered: Vec<UnixMillis>,
}

/// Names a number in a list without saying it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NumberId(pub i64);

/// A number and what is remembered of it.
#[derive(Clone, Debug)]
pub struct NumberRow {
    pub id: NumberId,
    pub number: FaxNumber,
    pub known: Result<Known, Unreadable>,
}

/// Something is remembered of a number, and it does not open or is no such thing: the file is damaged, or a
/// newer program wrote it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unreadable {
    /// A technician's lock is among it. Without knowing it the number is not called.
    pub locked: bool,
}

/// What a sweep did and found.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Swept {
    /// Jobs that ended because their time was over, or became uncertain.
    pub ended: u32,
    /// When the next job that waits for a line is due; may lie in the past.
    pub next_due: Option<UnixMillis>,
    /// The same of mails.
    pub next_mail: Option<UnixMillis>,
}

/// A step of an attempt, durable before what follows it.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Written before `ATD`; counts in the redial ledger.
    Dialing { now: UnixMillis, sheet_mark: [u8; 32] },
    /// Written before the first octet of phase C.
    PageStarted { now: UnixMillis, page: u16 },
    /// A page was confirmed, more follow.
    PageAcked { now: UnixMillis, page: u16 },
    /// Written before the first octet of a mail's content.
    DotSent { now: UnixMillis },
    /// A rung for people: identity seen, contract agreed. Never a secret, never a whole number.
    Rung { now: UnixMillis, name: &'static str, detail: serde_json::Value },
}

/// Answer to a cancellation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cancelled {
    /// It was waiting: now it is `Cancelled`.
    Done,
    /// A call is on but no page data has left: the call is being stopped.
    Stopping,
    /// Page data or a mail has left: it is not taken back, but no other copy follows, and no FAX after a mail.
    TooLate,
    /// It is final already, in this state.
    Final(JobState),
    NotFound,
}

/// A job as its client may see it: no secret, number masked, of an address the domain only.
#[derive(Clone, Debug)]
pub struct View {
    pub id: JobId,
    pub state: JobState,
    pub reason: Option<String>,
    pub kind: &'static str,
    /// The way that it takes now.
    pub channel: Channel,
    pub office_number: String,
    /// `None` if the row cannot be read. For whoever decides, not for whoever looks.
    pub fax: Option<FaxNumber>,
    pub fax_masked: String,
    /// Of the address, if it was accepted to go by mail.
    pub mail_domain: Option<String>,
    /// Why it goes by FAX, if it was.
    pub because: Option<FaxBecause>,
    pub accepted_at: UnixMillis,
    pub due_at: Option<UnixMillis>,
    /// How long a receipt is waited for, and what then.
    pub watch: Option<Watch>,
    pub not_after: UnixMillis,
    /// As it was accepted; `None` of kinds without a key.
    pub if_uncertain: Option<IfUncertain>,
    /// Of its credentials; 1 of one that has none.
    pub version: u32,
    pub attempts: Vec<AttemptView>,
    /// What was decided about it, in order.
    pub decisions: Vec<DecisionView>,
}

/// An attempt in a [`View`].
#[derive(Clone, Debug)]
pub struct AttemptView {
    pub number: u32,
    pub channel: Channel,
    /// Of a mail its lane.
    pub line: String,
    /// Of the credentials on its sheet.
    pub version: u32,
    pub state: AttemptState,
    pub code: Option<String>,
    /// Facts of the call, once it is over; see `settle/receipt.rs`.
    pub receipt: Option<serde_json::Value>,
    /// Name, time and details of each rung, in order.
    pub rungs: Vec<(String, UnixMillis, serde_json::Value)>,
}

/// Which jobs to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub state: Option<JobState>,
    pub office_number: Option<String>,
    /// Office number of the sender.
    pub sender: Option<String>,
    pub after: Option<JobId>,
    pub limit: u16,
}

/// A piece of the feed.
#[derive(Clone, Debug)]
pub enum Feed {
    Rows(Vec<EventRow>),
    /// Something behind that cursor is forgotten: there is no reading on without a gap but from here.
    Forgotten {
        through: i64,
    },
}

/// What the feed says in the place of an event that cannot be read any more. Its notification is named if that can be read,
/// or by zeros.
pub const UNREADABLE: &str = "unreadable";

/// One change, as clients read it.
#[derive(Clone, Debug)]
pub struct EventRow {
    pub cursor: i64,
    pub at: UnixMillis,
    pub job: JobId,
    pub name: String,
    pub detail: serde_json::Value,
}

/// Why the store did not answer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum QueueError {
    /// The writer has stopped; it is unknown whether the change is on disk. The process must end.
    #[error("the store has stopped")]
    Stopped,
    /// Another process holds the store.
    #[error("another process uses the store")]
    InUse,
    /// No room on the disk; nothing was stored.
    #[error("the disk is full")]
    Full,
    /// COMMIT failed: it is unknown whether the change is on disk. The process must end.
    #[error("the store could not say whether the change is on disk")]
    Ambiguous,
    /// A step that the states do not allow; nothing was changed.
    #[error("{what} is not allowed from {from}")]
    NotAllowed { what: &'static str, from: String },
    /// A call or a mail that has not begun, while everything is held back; nothing was changed.
    #[error("everything is held back")]
    Held,
    /// The disk or the system failed, as it may not do the next time; nothing was found wrong with the file.
    #[error("store: {detail}")]
    Failing { detail: String },
    /// The file is not what this program can use.
    #[error("store: {detail}")]
    Broken { detail: String },
}
