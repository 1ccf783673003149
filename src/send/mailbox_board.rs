//! What is known of the receipt box, for those who look at it.
//!
//! In: what its thread does and finds. Out: a [`MailboxStatus`] at any time.
//! It is in memory: what came before a start is in the store and in the journal.
//! Not here: what the thread does (`receipt_box.rs`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::job::UnixMillis;
use crate::job::names::stable_names;

/// What the receipt box is at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MailboxState {
    /// Not tried yet.
    Starting,
    /// It is open; mails are taken in as they come.
    Reading,
    /// It cannot be read: receipts are late until it can.
    Faulty {
        /// Stable code, e.g. `imap-login`.
        code: &'static str,
        /// What happened and what to do.
        message: String,
    },
    Stopped,
}

impl MailboxState {
    /// Stable name.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Reading => "reading",
            Self::Faulty { .. } => "faulty",
            Self::Stopped => "stopped",
        }
    }
}

/// What became of a mail of the receipt box.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Fate {
    /// A receipt, kept with its notification, and put away.
    Taken,
    /// A receipt that was taken before, and put away.
    TakenBefore,
    /// A receipt of ours, but of no attempt that is known here: of another store, or of one from before a restore. It
    /// stays.
    UnknownAttempt,
    /// A program answered: on holiday, moved, ticket opened. It stays.
    Automatic,
    /// A report that cannot be used, or says nothing about an attempt of ours: of a mail of somebody else, or forged. It
    /// stays.
    ForeignReport,
    /// Any other mail, from a person for instance. It stays.
    Other,
    /// The server did not give it, again and again. It stays.
    Unreadable,
}

stable_names!(Fate {
    Taken => "taken",
    TakenBefore => "taken-before",
    UnknownAttempt => "unknown-attempt",
    Automatic => "automatic",
    ForeignReport => "foreign-report",
    Other => "other",
    Unreadable => "unreadable",
});

/// All that is known of it.
#[derive(Clone, Debug)]
pub struct MailboxStatus {
    pub state: MailboxState,
    pub since: UnixMillis,
    /// When the box was last looked through to its end.
    pub last_look: Option<UnixMillis>,
    /// When the last mail was looked at.
    pub last_mail: Option<UnixMillis>,
    /// Looks since the start that came to no end.
    pub failed_looks: u64,
    /// Mails since the start.
    pub mails: BTreeMap<Fate, u64>,
}

/// The board. Clones share it.
#[derive(Clone, Debug)]
pub struct MailboxBoard(Arc<Mutex<MailboxStatus>>);

impl MailboxBoard {
    /// Of a box that was not tried yet.
    pub fn new(now: UnixMillis) -> Self {
        Self(Arc::new(Mutex::new(MailboxStatus {
            state: MailboxState::Starting,
            since: now,
            last_look: None,
            last_mail: None,
            failed_looks: 0,
            mails: BTreeMap::new(),
        })))
    }

    /// As it is now.
    pub fn status(&self) -> MailboxStatus {
        self.lock().clone()
    }

    pub(super) fn show(&self, state: MailboxState, now: UnixMillis) {
        let mut status = self.lock();
        if status.state != state {
            (status.state, status.since) = (state, now);
        }
    }

    /// It was looked through.
    pub(crate) fn looked(&self, now: UnixMillis) {
        self.lock().last_look = Some(now);
    }

    /// A look came to no end.
    pub(crate) fn failed(&self) {
        let mut status = self.lock();
        status.failed_looks = status.failed_looks.saturating_add(1);
    }

    /// One more mail; how many there are now of its fate.
    pub(super) fn count(&self, fate: Fate, now: UnixMillis) -> u64 {
        let mut status = self.lock();
        status.last_mail = Some(now);
        let count = status.mails.entry(fate).or_default();
        *count += 1;
        *count
    }

    fn lock(&self) -> MutexGuard<'_, MailboxStatus> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
