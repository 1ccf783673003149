//! One thread reads the receipt box: each mail of it is read, what it says is on disk, and only then it is put away.
//!
//! In: mails, from anybody. Out: receipts in the store, each once; what is known of the box on its [`MailboxBoard`].
//! Mails are taken in the order of their numbers, from the one behind the last that the store knows; if the server numbers
//! them anew, all are looked at again, and the store knows a mail by its octets. Receipts go to the folder for those that
//! are done. Everything else stays where it is, for somebody to look at: it is counted, and the journal tells the first
//! of each kind. A gateway that ends between the COMMIT and the move leaves a receipt lying; nothing reads it again.
//! A mail that cannot be taken in yet holds up no other: `later.rs` says when it has its turn again.
//! Not here: IMAP (`drivers/mail`), what a receipt changes (`settle/receipts.rs`).
//!
//! | file | holds |
//! |---|---|
//! | this one | what the box needs, and its thread as others see it |
//! | `reading.rs` | what the thread does |
//! | `reader.rs` | what a mail says |
//! | `later.rs` | mails that wait for another try |
//! | `copies.rs` | which copies of sent mails are looked for |

mod copies;
mod later;
mod reader;
mod reading;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use mail::mailbox::{Fetched, Interrupt, Mailbox, MailboxError};
use mail::{Subject, Token};

pub use self::reader::Reader;
use self::reading::ReadingThread;
use super::mailbox_board::MailboxBoard;
use crate::app::clock::Clock;
use crate::app::secrets::SecretError;
use crate::app::settings::Inbox;
use crate::queue::{Alarm, Pending, Place, Queue, Received, ReceivedMail};

/// A server is asked at least so often, whatever it promised to tell; so often is each copy looked for of a mail of which
/// nobody knows whether the relay has it. Chosen: nobody waits for a bounce by the minute.
const LOOK_EVERY: Duration = Duration::from_secs(5 * 60);

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
        let mut reading =
            ReadingThread::new(parts, board.clone(), Arc::clone(&moves), interrupt.clone());
        let thread = Builder::new().name(String::from("mailbox")).spawn(move || reading.run())?;
        Ok(Self { board, moves, interrupt, thread: Some(thread) })
    }

    /// What is known of it.
    pub fn board(&self) -> &MailboxBoard {
        &self.board
    }

    /// Rises whenever the loop moves; `None` while it waits for the server or for the time of its next try, which end by
    /// themselves, and when it is over.
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
    /// It moves no more, and need not.
    fn ends(&self) {
        self.away.store(true, Ordering::Release);
    }

    /// Something that ends by itself, but not at once.
    fn away<T>(&self, work: impl FnOnce() -> T) -> T {
        let was_away = self.away.swap(true, Ordering::AcqRel);
        let done = work();
        self.count.fetch_add(1, Ordering::Relaxed);
        self.away.store(was_away, Ordering::Release);
        done
    }
}
