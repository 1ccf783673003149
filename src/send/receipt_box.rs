//! One thread reads the receipt box: each mail of it is read, what it says is on disk, and only then it is put away.
//!
//! In: mails, from anybody. Out: receipts in the store, each once; what is known of the box on its [`MailboxBoard`].
//! Mails are taken in the order of their numbers, from the one behind the last that the store knows; if the server numbers
//! them anew, all are looked at again, and the store knows a mail by its octets. Receipts go to the folder for those that
//! are done. Everything else stays where it is, for somebody to look at: it is counted, and the journal tells the first
//! of each kind. A gateway that ends between the COMMIT and the move leaves a receipt lying; nothing reads it again.
//! A mail that the server does not give is left behind after [`STUCK_TRIES`], so that those behind it come.
//! Not here: IMAP (`drivers/mail`), what a receipt changes (`settle/receipts.rs`).

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use mail::mailbox::{Fetched, Interrupt, Mailbox, MailboxError};
use mail::provider::{Answer, Provider, Said, read_answer};
use mail::report::Content;
use mail::{Subject, Token, TokenKey};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::mailbox_board::{Fate, MailboxBoard, MailboxState};
use crate::app::clock::Clock;
use crate::app::secrets::SecretError;
use crate::app::settings::Inbox;
use crate::queue::{Alarm, Pending, Place, Queue, QueueError, Received, ReceivedMail};
use crate::settle::receipts::{self, FaxFailure, Receipt, Report};

/// A server is asked at least so often, whatever it promised to tell; so often is looked for copies of mails of which
/// nobody knows whether the relay has them. Chosen: nobody waits for a bounce by the minute.
const LOOK_EVERY: Duration = Duration::from_secs(5 * 60);
/// Until a report is handed in again that overtook its attempt. Chosen: mostly a COMMIT is all that is missing.
const NOT_YET_TICK: Duration = Duration::from_millis(100);
/// First and longest pause after a failure; each is twice the one before.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5 * 60));
/// First pause after a login that was refused: servers lock out who tries faster.
const PAUSE_AFTER_LOGIN: Duration = Duration::from_secs(60);
/// Between two tries of a store that failed.
const STORE_TICK: Duration = Duration::from_secs(5);
/// Tries of a mail that the server does not give, each after a pause and on a new connection.
const STUCK_TRIES: u32 = 5;
/// Copies that are looked for at a time: each is a search.
const MOST_COPIES: usize = 50;

/// What the box needs of the store.
pub trait ReceiptStore: Send {
    /// How far the box was read.
    fn place(&self) -> Pending<Option<Place>>;
    /// Takes one mail in.
    fn receive(&self, mail: ReceivedMail) -> Pending<Received>;
    /// Mails of which nobody knows whether the relay has them.
    fn unsure(&self) -> Pending<Vec<Subject>>;
}

impl ReceiptStore for Arc<dyn Queue> {
    fn place(&self) -> Pending<Option<Place>> {
        self.inbox_place()
    }

    fn receive(&self, mail: ReceivedMail) -> Pending<Received> {
        (**self).receive(mail)
    }

    fn unsure(&self) -> Pending<Vec<Subject>> {
        self.unsure_mails()
    }
}

/// A mailbox that is open. See [`Mailbox`].
pub trait OpenBox {
    fn uid_validity(&self) -> u32;
    fn after(&mut self, uid: u32) -> Result<Vec<u32>, MailboxError>;
    fn fetch(&mut self, uid: u32) -> Result<Option<Fetched>, MailboxError>;
    fn done(&mut self, uid: u32) -> Result<(), MailboxError>;
    fn sent(&mut self, folder: &str, tokens: &[Token]) -> Result<Vec<bool>, MailboxError>;
    fn wait(&mut self, longest: Duration) -> Result<(), MailboxError>;
}

impl OpenBox for Mailbox {
    fn uid_validity(&self) -> u32 {
        self.uid_validity()
    }

    fn after(&mut self, uid: u32) -> Result<Vec<u32>, MailboxError> {
        self.after(uid)
    }

    fn fetch(&mut self, uid: u32) -> Result<Option<Fetched>, MailboxError> {
        self.fetch(uid)
    }

    fn done(&mut self, uid: u32) -> Result<(), MailboxError> {
        self.done(uid)
    }

    fn sent(&mut self, folder: &str, tokens: &[Token]) -> Result<Vec<bool>, MailboxError> {
        self.sent(folder, tokens)
    }

    fn wait(&mut self, longest: Duration) -> Result<(), MailboxError> {
        self.wait(longest)
    }
}

/// Opens the box; asked for each connection.
pub type Opener = Box<dyn FnMut(&Interrupt) -> Result<Box<dyn OpenBox>, BoxFault> + Send>;

/// Opens the box that the settings name. Password and certificates are read anew each time.
pub fn opener(inbox: Inbox) -> Opener {
    Box::new(move |interrupt| {
        let settings = inbox.mailbox()?;
        Ok(Box::new(Mailbox::open(&settings, interrupt)?))
    })
}

/// Why the box cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BoxFault {
    #[error(transparent)]
    Mailbox(#[from] MailboxError),
    /// The password or the certificates.
    #[error(transparent)]
    File(#[from] SecretError),
}

impl BoxFault {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Mailbox(error) => error.code(),
            Self::File(_) => "imap-file",
        }
    }
}

/// What a mail of the box says.
pub struct Reader {
    pub key: TokenKey,
    /// Services that send a fax for a mail, and answer by mail.
    pub providers: Vec<Arc<Provider>>,
}

impl Reader {
    /// A receipt, or what else the mail is.
    pub(super) fn read(&self, octets: &[u8]) -> Result<Receipt, Fate> {
        let mut providers = self.providers.iter();
        if let Some(answer) =
            providers.find_map(|provider| read_answer(octets, provider, &self.key))
        {
            return Ok(of_answer(&answer));
        }
        let reading = mail::read(octets, &self.key);
        receipts::receipt_of(&reading).ok_or(match reading.content {
            Content::Automatic => Fate::Automatic,
            Content::Delivery(_) | Content::Disposition(_) | Content::Unusable(_) => {
                Fate::ForeignReport
            }
            Content::Unstructured | Content::Other => Fate::Other,
        })
    }
}

fn of_answer(answer: &Answer) -> Receipt {
    let report = match answer.said {
        Said::Sent => Report::FaxSent { pages: answer.pages },
        Said::Busy => Report::FaxFailed(FaxFailure::Busy),
        Said::NoAnswer => Report::FaxFailed(FaxFailure::NoAnswer),
        Said::NoFax => Report::FaxFailed(FaxFailure::NoFax),
        Said::Failed => Report::FaxFailed(FaxFailure::Failed),
        // It has it, and tells no more as yet.
        Said::Accepted => Report::Relayed,
    };
    let detail = json!({ "pages": answer.pages, "number_ends": answer.number_ends });
    Receipt { token: answer.about, report, detail }
}

/// What the box is made of.
pub struct Parts {
    pub store: Box<dyn ReceiptStore>,
    pub open: Opener,
    pub reader: Reader,
    /// Where the relay keeps copies of what it took.
    pub sent_folder: Option<String>,
    pub clock: Arc<dyn Clock>,
    pub alarm: Alarm,
}

/// The thread that reads the box.
pub struct ReceiptBox {
    board: MailboxBoard,
    moves: Arc<Moves>,
    interrupt: Interrupt,
    thread: Option<JoinHandle<()>>,
}

impl ReceiptBox {
    /// Starts it; a server that is not there is waited for.
    ///
    /// # Errors
    /// The OS gives no thread.
    pub fn start(parts: Parts) -> std::io::Result<Self> {
        let board = MailboxBoard::new(parts.clock.now());
        let (moves, interrupt) = (Arc::<Moves>::default(), Interrupt::default());
        let mut reading = ReadingThread {
            parts,
            board: board.clone(),
            moves: Arc::clone(&moves),
            interrupt: interrupt.clone(),
            failures: 0,
            stuck: None,
            told: Told::default(),
        };
        let thread = Builder::new().name(String::from("mailbox")).spawn(move || reading.run())?;
        Ok(Self { board, moves, interrupt, thread: Some(thread) })
    }

    /// What is known of it.
    pub fn board(&self) -> &MailboxBoard {
        &self.board
    }

    /// Rises whenever the loop moves; `None` while it waits for the server or for the time of its next try, which end by
    /// themselves.
    pub fn turns(&self) -> impl Fn() -> Option<u64> + Send + use<> {
        let moves = Arc::clone(&self.moves);
        move || (!moves.away.load(Ordering::Acquire)).then(|| moves.count.load(Ordering::Relaxed))
    }

    /// Ends it. A mail that is being taken in is taken in.
    pub fn stop(&mut self) {
        self.interrupt.raise();
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

/// What the watchdog sees.
#[derive(Default)]
struct Moves {
    count: AtomicU64,
    away: AtomicBool,
}

impl Moves {
    /// Something that ends by itself, but not at once.
    fn away<T>(&self, work: impl FnOnce() -> T) -> T {
        let was_away = self.away.swap(true, Ordering::AcqRel);
        let done = work();
        self.count.fetch_add(1, Ordering::Relaxed);
        self.away.store(was_away, Ordering::Release);
        done
    }
}

/// Why reading ended.
enum Ended {
    Stopped,
    /// The box.
    Box(BoxFault),
    /// The store cannot be believed any more.
    Store(QueueError),
}

impl From<MailboxError> for Ended {
    fn from(error: MailboxError) -> Self {
        BoxFault::Mailbox(error).into()
    }
}

impl From<BoxFault> for Ended {
    fn from(fault: BoxFault) -> Self {
        match fault {
            BoxFault::Mailbox(MailboxError::Stopped) => Self::Stopped,
            fault => Self::Box(fault),
        }
    }
}

/// What was told of the box and is not told again until it changes.
#[derive(Default)]
struct Told {
    not_put_away: bool,
    no_sent_folder: bool,
}

struct ReadingThread {
    parts: Parts,
    board: MailboxBoard,
    moves: Arc<Moves>,
    interrupt: Interrupt,
    /// In a row.
    failures: u32,
    /// The mail that the server did not give, and how often.
    stuck: Option<(Place, u32)>,
    told: Told,
}

impl ReadingThread {
    fn run(&mut self) {
        while !self.interrupt.is_raised() {
            match self.read() {
                Err(Ended::Stopped) => break,
                Err(Ended::Store(error)) => {
                    tracing::error!(%error, "mail.inbox.store_failed");
                    self.parts.alarm.raise();
                    break;
                }
                Err(Ended::Box(fault)) => {
                    self.failed(&fault);
                    self.rest(pause(&fault, self.failures));
                }
            }
        }
        self.board.show(MailboxState::Stopped, self.parts.clock.now());
        tracing::info!("mail.inbox.stopped");
    }

    /// Over one connection, until it or we end.
    fn read(&mut self) -> Result<Infallible, Ended> {
        let moves = Arc::clone(&self.moves);
        let mut mailbox = match moves.away(|| (self.parts.open)(&self.interrupt)) {
            Ok(mailbox) => mailbox,
            Err(fault) => {
                let ended = fault.into();
                if let Ended::Box(fault) = &ended {
                    self.show_fault(fault);
                }
                return Err(ended);
            }
        };
        let mailbox = mailbox.as_mut();
        loop {
            let stored = self.stored(|store| store.place())?;
            // Before the mails: it makes the server tell of mails that are not new.
            moves.away(|| self.find_copies(mailbox, stored))?;
            let uid_validity = mailbox.uid_validity();
            let mut uid = match stored {
                Some(place) if place.uid_validity == uid_validity => place.uid,
                Some(_) => {
                    tracing::warn!("mail.inbox.numbered_anew");
                    0
                }
                None => 0,
            };
            loop {
                let waiting = moves.away(|| mailbox.after(uid))?;
                let Some(last) = waiting.last().copied() else { break };
                for uid in waiting {
                    self.take(mailbox, Place { uid_validity, uid })?;
                }
                uid = last;
            }
            self.failures = 0;
            self.show_reading();
            moves.away(|| mailbox.wait(LOOK_EVERY))?;
        }
    }

    /// One mail: read, kept, put away.
    fn take(&mut self, mailbox: &mut dyn OpenBox, place: Place) -> Result<(), Ended> {
        let moves = Arc::clone(&self.moves);
        let octets = match moves.away(|| mailbox.fetch(place.uid)) {
            Ok(Some(mail)) => mail.octets,
            Ok(None) => return Ok(()),
            Err(MailboxError::Stopped) => return Err(Ended::Stopped),
            Err(error) => return self.not_given(place, error),
        };
        let read = self.parts.reader.read(&octets);
        let now = self.parts.clock.now();
        let received = ReceivedMail {
            now,
            place,
            sha256: Sha256::digest(&octets).into(),
            receipt: read.as_ref().ok().cloned(),
        };
        let received = self.taken_in(&received)?;
        let uid = place.uid;
        let fate = match (read, received) {
            (Err(fate), _) => fate,
            (Ok(receipt), Received::Taken { job, state }) => {
                let rung = receipt.report.rung();
                tracing::info!(%job, %state, rung, uid, "mail.receipt.taken");
                Fate::Taken
            }
            (Ok(_), Received::Known) => Fate::TakenBefore,
            (Ok(_), Received::UnknownAttempt | Received::Nothing | Received::NotYet) => {
                Fate::UnknownAttempt
            }
        };
        let mails = self.board.count(fate, now);
        match fate {
            Fate::Taken | Fate::TakenBefore => return self.put_away(mailbox, uid),
            Fate::UnknownAttempt if is_worth_telling(mails) => {
                tracing::warn!(uid, mails, "mail.receipt.unknown_attempt");
            }
            Fate::Automatic | Fate::ForeignReport | Fate::Other | Fate::Unreadable
                if is_worth_telling(mails) =>
            {
                tracing::info!(%fate, uid, mails, "mail.inbox.left");
            }
            Fate::UnknownAttempt
            | Fate::Automatic
            | Fate::ForeignReport
            | Fate::Other
            | Fate::Unreadable => {}
        }
        Ok(())
    }

    /// Waits for an attempt that is not over for us yet: the mails behind it wait, too, for as long as a relay may take for
    /// its last reply.
    fn taken_in(&self, mail: &ReceivedMail) -> Result<Received, Ended> {
        loop {
            match self.stored(|store| store.receive(mail.clone()))? {
                Received::NotYet if self.interrupt.is_raised() => return Err(Ended::Stopped),
                Received::NotYet => self.rest(NOT_YET_TICK),
                received @ (Received::Taken { .. }
                | Received::Known
                | Received::UnknownAttempt
                | Received::Nothing) => return Ok(received),
            }
        }
    }

    fn put_away(&mut self, mailbox: &mut dyn OpenBox, uid: u32) -> Result<(), Ended> {
        match self.moves.away(|| mailbox.done(uid)) {
            Ok(()) => self.told.not_put_away = false,
            Err(error @ MailboxError::Refused { .. }) => {
                // It is kept all the same, and not read again.
                if !std::mem::replace(&mut self.told.not_put_away, true) {
                    tracing::warn!(code = error.code(), %error, uid, "mail.inbox.not_put_away");
                }
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// The server gave no mail where it says that one is.
    fn not_given(&mut self, place: Place, error: MailboxError) -> Result<(), Ended> {
        let tries = match self.stuck {
            Some((stuck, tries)) if stuck == place => tries + 1,
            Some(_) | None => 1,
        };
        self.stuck = Some((place, tries));
        if tries < STUCK_TRIES {
            return Err(error.into());
        }
        let now = self.parts.clock.now();
        let named = format!("not given: {} {}", place.uid_validity, place.uid);
        let sha256 = Sha256::digest(named.as_bytes()).into();
        let received = ReceivedMail { now, place, sha256, receipt: None };
        self.stored(|store| store.receive(received.clone()))?;
        self.board.count(Fate::Unreadable, now);
        tracing::warn!(uid = place.uid, code = error.code(), %error, "mail.inbox.unreadable");
        match error {
            MailboxError::Refused { .. } => Ok(()),
            error => Err(error.into()),
        }
    }

    /// Copies of mails to which the relay gave no answer: where one lies, the relay took it.
    fn find_copies(
        &mut self,
        mailbox: &mut dyn OpenBox,
        stored: Option<Place>,
    ) -> Result<(), Ended> {
        let Some(folder) = self.parts.sent_folder.clone() else { return Ok(()) };
        let mut subjects = self.stored(|store| store.unsure())?;
        subjects.truncate(MOST_COPIES);
        if subjects.is_empty() {
            return Ok(());
        }
        let place = stored.unwrap_or(Place { uid_validity: mailbox.uid_validity(), uid: 0 });
        let tokens: Vec<Token> =
            subjects.iter().map(|subject| self.parts.reader.key.mint(*subject)).collect();
        let found = match mailbox.sent(&folder, &tokens) {
            Ok(found) => found,
            Err(error @ MailboxError::Refused { .. }) => {
                if !std::mem::replace(&mut self.told.no_sent_folder, true) {
                    tracing::warn!(code = error.code(), %error, "mail.inbox.no_sent_folder");
                }
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let copies = subjects.into_iter().zip(found).filter(|(_, is_there)| *is_there);
        for (token, _) in copies {
            let mut sha256 = Sha256::new_with_prefix(b"sent copy");
            sha256.update(token);
            let detail = json!({ "folder": folder });
            let receipt = Receipt { token, report: Report::SentCopy, detail };
            let received = ReceivedMail {
                now: self.parts.clock.now(),
                place,
                sha256: sha256.finalize().into(),
                receipt: Some(receipt),
            };
            if let Received::Taken { job, state } =
                self.stored(|store| store.receive(received.clone()))?
            {
                tracing::info!(%job, %state, rung = Report::SentCopy.rung(), "mail.receipt.taken");
            }
        }
        Ok(())
    }

    /// An answer of the store; what a full disk holds back is asked for again until there is room.
    fn stored<T>(&self, ask: impl Fn(&dyn ReceiptStore) -> Pending<T>) -> Result<T, Ended> {
        let mut is_told = false;
        loop {
            match ask(self.parts.store.as_ref()).wait() {
                Ok(answer) => return Ok(answer),
                Err(error @ (QueueError::Stopped | QueueError::Ambiguous)) => {
                    return Err(Ended::Store(error));
                }
                Err(
                    error @ (QueueError::Full
                    | QueueError::InUse
                    | QueueError::NotAllowed { .. }
                    | QueueError::Broken { .. }),
                ) => {
                    if !std::mem::replace(&mut is_told, true) {
                        tracing::error!(%error, "mail.inbox.store_failed");
                    }
                    self.rest(STORE_TICK);
                    if self.interrupt.is_raised() {
                        return Err(Ended::Stopped);
                    }
                }
            }
        }
    }

    fn show_reading(&self) {
        match self.board.status().state {
            MailboxState::Starting => tracing::info!("mail.inbox.open"),
            MailboxState::Faulty { .. } => tracing::info!("mail.inbox.mended"),
            MailboxState::Reading | MailboxState::Stopped => {}
        }
        self.board.show(MailboxState::Reading, self.parts.clock.now());
    }

    /// A connection that ends once is what servers do by night; one that does so again is a fault.
    fn failed(&mut self, fault: &BoxFault) {
        self.failures = self.failures.saturating_add(1);
        if self.failures == 1 {
            tracing::debug!(code = fault.code(), %fault, "mail.inbox.lost");
        } else {
            self.show_fault(fault);
        }
    }

    /// Tells it once.
    fn show_fault(&self, fault: &BoxFault) {
        let is_known = match self.board.status().state {
            MailboxState::Faulty { code, .. } => code == fault.code(),
            MailboxState::Starting | MailboxState::Reading | MailboxState::Stopped => false,
        };
        if !is_known {
            tracing::error!(code = fault.code(), %fault, "mail.inbox.faulty");
            let state = MailboxState::Faulty { code: fault.code(), message: fault.to_string() };
            self.board.show(state, self.parts.clock.now());
        }
    }

    /// Sleeps, unless it is to stop. A wake for no reason makes the next try earlier and does no harm.
    fn rest(&self, longest: Duration) {
        if !self.interrupt.is_raised() {
            self.moves.away(|| std::thread::park_timeout(longest));
        }
    }
}

/// Before the next try, after so many failures in a row.
fn pause(fault: &BoxFault, failures: u32) -> Duration {
    let (first, longest) = PAUSES;
    let doubled = |first: Duration| {
        first.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX))
    };
    match fault {
        BoxFault::Mailbox(MailboxError::Login(_)) => doubled(PAUSE_AFTER_LOGIN).min(longest),
        BoxFault::Mailbox(_) | BoxFault::File(_) => doubled(first).min(longest),
    }
}

/// The first, the tenth, the hundredth: a flood of mails is no flood of the journal.
fn is_worth_telling(count: u64) -> bool {
    count.checked_ilog10().is_some_and(|digits| count == 10_u64.pow(digits))
}

#[cfg(test)]
mod tests;
