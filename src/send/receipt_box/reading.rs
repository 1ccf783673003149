//! What the thread of the receipt box does, connection after connection.
//!
//! In: an open box, the store. Out: receipts in the store; mails put away; the box's state on its board.
//! Each connection has to show that it gives mails at all before one that it did not give is taken for a bad one: while
//! it gives none, the box is at fault, and everything waits.
//! Not here: what a mail says (`reader.rs`), when one that waits has its turn (`later.rs`).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use mail::Token;
use mail::mailbox::{Interrupt, MailboxError};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::copies::Looks;
use super::later::{Later, MOST_FAILURES, Why};
use super::{BoxFault, LOOK_EVERY, Moves, OpenBox, Parts, ReceiptStore};
use crate::app::crash::{self, Point};
use crate::queue::{Pending, Place, QueueError, Received, ReceivedMail};
use crate::send::mailbox_board::{Fate, MailboxBoard, MailboxState};
use crate::settle::receipts::{Receipt, Report};

/// First and longest pause after a failure; each is twice the one before.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5 * 60));
/// First pause after a login that was refused: servers lock out who tries faster.
const PAUSE_AFTER_LOGIN: Duration = Duration::from_secs(60);
/// Between two tries of a store that failed.
const STORE_TICK: Duration = Duration::from_secs(5);

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
    early: bool,
}

/// A mail of the box that was read.
#[derive(Clone, Debug)]
pub(super) struct ReadMail {
    pub(super) sha256: [u8; 32],
    pub(super) receipt: Option<Receipt>,
    /// What it is if the store takes nothing of it.
    pub(super) otherwise: Fate,
}

pub(super) struct ReadingThread {
    parts: Parts,
    board: MailboxBoard,
    moves: Arc<Moves>,
    interrupt: Interrupt,
    /// In a row.
    failures: u32,
    /// The mails' UIDVALIDITY, once it is known.
    numbering: Option<u32>,
    /// Every mail up to this UID was looked at, or waits in `later`.
    read_to: u32,
    later: Later,
    /// This connection has given a mail.
    has_given: bool,
    looks: Looks,
    told: Told,
}

impl ReadingThread {
    pub(super) fn new(
        parts: Parts,
        board: MailboxBoard,
        moves: Arc<Moves>,
        interrupt: Interrupt,
    ) -> Self {
        Self {
            parts,
            board,
            moves,
            interrupt,
            failures: 0,
            numbering: None,
            read_to: 0,
            later: Later::default(),
            has_given: false,
            looks: Looks::default(),
            told: Told::default(),
        }
    }

    pub(super) fn run(&mut self) {
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
        self.moves.ends();
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
        self.has_given = false;
        loop {
            self.number(mailbox.uid_validity())?;
            // Before the mails: it makes the server tell of mails that are not new, and of numbers that are.
            moves.away(|| self.find_copies(mailbox))?;
            self.number(mailbox.uid_validity())?;
            self.take_new(mailbox)?;
            self.prove(mailbox)?;
            self.come_back(mailbox)?;
            self.is_well();
            let longest = self.later.pause(self.parts.clock.now()).unwrap_or(LOOK_EVERY);
            if self.later.is_full() {
                self.rest(longest);
            } else {
                moves.away(|| mailbox.wait(longest.min(LOOK_EVERY)))?;
            }
        }
    }

    /// Where to go on, by the store or from the beginning.
    fn number(&mut self, uid_validity: u32) -> Result<(), Ended> {
        if self.numbering.is_none()
            && let Some(place) = self.stored(|store| store.place())?
        {
            (self.numbering, self.read_to) = (Some(place.uid_validity), place.uid);
        }
        if self.numbering != Some(uid_validity) {
            if self.numbering.is_some() {
                tracing::warn!("mail.inbox.numbered_anew");
            }
            (self.numbering, self.read_to) = (Some(uid_validity), 0);
            self.later.clear();
        }
        Ok(())
    }

    /// What the store is to keep as read.
    fn place(&self, mailbox: &dyn OpenBox) -> Place {
        let uid = self.later.done_up_to(self.read_to);
        Place { uid_validity: mailbox.uid_validity(), uid }
    }

    /// All that were not looked at yet.
    fn take_new(&mut self, mailbox: &mut dyn OpenBox) -> Result<(), Ended> {
        let moves = Arc::clone(&self.moves);
        loop {
            let new = moves.away(|| mailbox.after(self.read_to))?;
            if new.is_empty() {
                return Ok(());
            }
            for uid in new {
                if self.later.is_full() {
                    return Ok(());
                }
                self.read_to = uid;
                self.fetch(mailbox, uid, 0)?;
            }
        }
    }

    /// If there is a mail that was not given, this connection has to give another one, or that one, before all is well.
    fn prove(&mut self, mailbox: &mut dyn OpenBox) -> Result<(), Ended> {
        if self.has_given || !self.later.has_not_given() {
            return Ok(());
        }
        let moves = Arc::clone(&self.moves);
        let others = moves.away(|| mailbox.after(0))?;
        if let Some(other) = others.into_iter().find(|uid| !self.later.has(*uid)) {
            self.has_given = moves.away(|| mailbox.fetch(other))?.is_some();
        }
        while !self.has_given
            && let Some((uid, why)) = self.later.take_not_given()
        {
            self.again(mailbox, uid, why)?;
        }
        Ok(())
    }

    /// Those that have waited long enough.
    fn come_back(&mut self, mailbox: &mut dyn OpenBox) -> Result<(), Ended> {
        let now = self.parts.clock.now();
        while let Some((uid, why)) = self.later.take_due(now) {
            self.again(mailbox, uid, why)?;
        }
        self.told.early &= self.later.has_early();
        Ok(())
    }

    fn again(&mut self, mailbox: &mut dyn OpenBox, uid: u32, why: Why) -> Result<(), Ended> {
        match why {
            Why::Early { mail, asked } => self.take_in(mailbox, uid, mail, asked),
            Why::NotGiven { failures } => self.fetch(mailbox, uid, failures),
        }
    }

    /// One mail, which was not given so often: read, kept, put away.
    fn fetch(&mut self, mailbox: &mut dyn OpenBox, uid: u32, failures: u32) -> Result<(), Ended> {
        let moves = Arc::clone(&self.moves);
        let octets = match moves.away(|| mailbox.fetch(uid)) {
            Ok(Some(mail)) => mail.octets,
            Ok(None) => return Ok(()),
            Err(MailboxError::Stopped) => return Err(Ended::Stopped),
            Err(error) => {
                self.not_given(mailbox, uid, failures, &error)?;
                return Err(error.into());
            }
        };
        self.has_given = true;
        self.is_well();
        let sha256 = Sha256::digest(&octets).into();
        let (receipt, otherwise) = match self.parts.reader.read(&octets) {
            Ok(receipt) => (Some(receipt), Fate::UnknownAttempt),
            Err(fate) => (None, fate),
        };
        self.take_in(mailbox, uid, ReadMail { sha256, receipt, otherwise }, 0)
    }

    /// What a mail says that was handed in so often before.
    fn take_in(
        &mut self,
        mailbox: &mut dyn OpenBox,
        uid: u32,
        mail: ReadMail,
        asked: u32,
    ) -> Result<(), Ended> {
        let now = self.parts.clock.now();
        let ReadMail { sha256, receipt, otherwise } = mail.clone();
        let received = ReceivedMail {
            now: self.parts.clock.surely(),
            place: self.place(mailbox),
            sha256,
            receipt,
        };
        crash::here(Point::ReceiptRead);
        let fate = match self.stored(|store| store.receive(received.clone()))? {
            Received::Taken { job, state } => {
                crash::here(Point::ReceiptCommitted);
                let rung = received.receipt.map(|receipt| receipt.report.rung());
                tracing::info!(%job, %state, rung, uid, "mail.receipt.taken");
                Fate::Taken
            }
            Received::Known => Fate::TakenBefore,
            Received::UnknownAttempt | Received::Nothing => otherwise,
            Received::NotYet => {
                if !std::mem::replace(&mut self.told.early, true) {
                    tracing::info!(uid, "mail.receipt.early");
                }
                self.later.put(uid, Why::Early { mail, asked: asked.saturating_add(1) }, now);
                return Ok(());
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
    fn not_given(
        &mut self,
        mailbox: &dyn OpenBox,
        uid: u32,
        failures: u32,
        error: &MailboxError,
    ) -> Result<(), Ended> {
        let now = self.parts.clock.now();
        let failures = failures.saturating_add(self.has_given.into());
        let code = error.code();
        if failures < MOST_FAILURES {
            // Otherwise it is the box that is at fault, and told of.
            if self.has_given {
                tracing::warn!(uid, code, %error, failures, "mail.inbox.not_given");
            }
            self.later.put(uid, Why::NotGiven { failures }, now);
            return Ok(());
        }
        let received = ReceivedMail {
            now: self.parts.clock.surely(),
            place: self.place(mailbox),
            sha256: [0; 32],
            receipt: None,
        };
        self.stored(|store| store.receive(received.clone()))?;
        self.board.count(Fate::Unreadable, now);
        tracing::error!(uid, code, %error, failures, "mail.inbox.unreadable");
        Ok(())
    }

    /// Copies of mails to which the relay gave no answer: where one lies, the relay took it.
    fn find_copies(&mut self, mailbox: &mut dyn OpenBox) -> Result<(), Ended> {
        let Some(folder) = self.parts.sent_folder.clone() else { return Ok(()) };
        let unsure = self.stored(|store| store.unsure())?;
        let subjects = self.looks.turn(&unsure, self.parts.clock.now());
        if subjects.is_empty() {
            return Ok(());
        }
        // Looking makes the server number the mails anew, if it does.
        let place = self.place(mailbox);
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
                now: self.parts.clock.surely(),
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
                    | QueueError::Held
                    | QueueError::Failing { .. }
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

    /// The box gives mails, or has none to give.
    fn is_well(&mut self) {
        self.failures = 0;
        self.board.looked(self.parts.clock.now());
        self.show_reading();
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
        self.board.failed();
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
