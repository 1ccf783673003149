//! One folder of a mailbox over IMAP: which mails are new, what is in them, and putting away those that are done.
//!
//! In: [`MailboxSettings`]; octets of a server, which are taken for those of a stranger. Out: octets of mails by their
//! UID. Blocking: a mailbox belongs to a thread of its own, and an [`Interrupt`] ends whatever it waits for.
//! Limits: a deadline for each step, [`FETCH_OCTETS`] of one mail, and `gate.rs` has those of a reply. Never panics.
//! Source: RFC 3501, RFC 2177 (IDLE), RFC 4315 (UID EXPUNGE), RFC 6851 (MOVE), RFC 8314 (TLS).
//! Not here: what a mail says (`report/`), which mails were taken already (the caller knows UIDVALIDITY and UID).
//!
//! | file | holds |
//! |---|---|
//! | `session.rs` | commands, by the IMAP client library |
//! | `gate.rs` | what the library is shown of the server's replies |
//! | `reply.rs` | the replies that mean something to us |
//! | `wire.rs` | TCP, TLS, deadlines, the interrupt |

mod gate;
mod reply;
mod session;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use pki::{Trust, TrustError};

pub use self::gate::FETCH_OCTETS;
pub use self::session::{Fetched, Mailbox, MailboxOffers};
pub use self::wire::{NetWire, Wire, WireError};
use crate::smtp::{Login, Mechanism, Tls};

/// How a mailbox is reached.
#[derive(Debug)]
pub struct MailboxSettings {
    /// The server's name, which its certificate must bear, or an address.
    pub host: String,
    /// 993 for [`Tls::Implicit`], 143 for the others.
    pub port: u16,
    /// Whether the connection is encrypted. [`Tls::Never`] is for a server on this machine; no other is believed.
    pub tls: Tls,
    /// Who may have signed its certificate.
    pub trust: Trust,
    /// As whom to log in.
    pub login: Login,
    /// The folder that is read, as the server spells it: 1 to 200 printable ASCII characters.
    pub folder: String,
    /// Where mails go that are done; made if it is not there. Spelled as `folder`.
    pub done_folder: String,
    /// How long each step may take.
    pub patience: Patience,
}

/// How long the steps may take. Chosen: servers that are well answer within a second.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Finding the address, connecting, TLS.
    pub connect: Duration,
    /// Each command, with the whole of its reply.
    pub reply: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(30), reply: Duration::from_secs(60) }
    }
}

/// Ends whatever mailboxes wait for; clones are one. It cannot be taken back.
#[derive(Clone, Debug)]
pub struct Interrupt(Arc<tokio::sync::watch::Sender<bool>>);

impl Default for Interrupt {
    fn default() -> Self {
        Self(Arc::new(tokio::sync::watch::Sender::new(false)))
    }
}

impl Interrupt {
    /// From now on every wait ends with [`MailboxError::Stopped`].
    pub fn raise(&self) {
        self.0.send_replace(true);
    }

    /// Whether it was raised.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        *self.0.borrow()
    }

    async fn raised(&self) {
        // The sender lives as long as `self`, so this cannot fail.
        let _ = self.0.subscribe().wait_for(|raised| *raised).await;
    }
}

/// Why there is no answer. After any of these but [`MailboxError::Refused`] the connection is of no more use.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum MailboxError {
    /// It is not there, or does not let us in.
    #[error(
        "cannot connect to the mailbox's server: {0}; look at [mail.inbox] host and port, at the network, and at IPAddressAllow= (systemctl edit shirase)"
    )]
    Connect(String),
    /// A step took longer than it may.
    #[error("the mailbox's server gave no answer in time ({0})")]
    Late(&'static str),
    /// The connection ended.
    #[error("the connection to the mailbox ended: {0}")]
    Broken(String),
    /// The server ended it and says why.
    #[error("the mailbox's server ended the connection: {0}")]
    Bye(String),
    /// It has no STARTTLS, and nothing is sent in the clear.
    #[error(
        "the mailbox's server does not offer STARTTLS; set tls = \"implicit\" and port 993 if it has that"
    )]
    NoTls,
    /// The certificate is not that of the server.
    #[error(
        "TLS with the mailbox's server: {0}; look at host, and at ca_file if its authority is a private one"
    )]
    Certificate(String),
    /// An unencrypted connection to another machine was asked for.
    #[error(
        "a mailbox on another machine is read over TLS only; set tls = \"implicit\" or \"starttls\""
    )]
    Unencrypted,
    /// It takes no login of this kind.
    #[error("the mailbox's server does not offer {0:?} as login; set another mechanism")]
    NoMechanism(Mechanism),
    /// It refused the login.
    #[error("the mailbox's server refused the login: {0}; look at user and password_file")]
    Login(String),
    /// It has no such folder for us.
    #[error("the mailbox has no such folder, or does not open it: {0}; look at folder")]
    Folder(String),
    /// It refused another command. The connection goes on.
    #[error("the mailbox's server refused {asked}: {said}")]
    Refused {
        /// The command.
        asked: &'static str,
        /// Its words as one line of printable text without addresses.
        said: String,
    },
    /// What it says is no IMAP, or nothing that it may say here.
    #[error("what the mailbox's server says makes no sense: {0}")]
    Nonsense(&'static str),
    /// A reply was longer than one can be.
    #[error("a reply of the mailbox's server has no end")]
    TooLong,
    /// There are no certificates to check against.
    #[error("whom to believe at the mailbox: {0}")]
    Trust(#[from] TrustError),
    /// The operating system gives no means to wait for the network.
    #[error("cannot wait for the network: {0}")]
    System(String),
    /// The interrupt was raised.
    #[error("stopped")]
    Stopped,
}

impl MailboxError {
    /// A name for the reason that never changes its meaning.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Connect(_) => "imap-connect",
            Self::Late(_) => "imap-late",
            Self::Broken(_) => "imap-broken",
            Self::Bye(_) => "imap-bye",
            Self::NoTls => "imap-no-tls",
            Self::Certificate(_) => "imap-certificate",
            Self::Unencrypted => "imap-unencrypted",
            Self::NoMechanism(_) => "imap-no-mechanism",
            Self::Login(_) => "imap-login",
            Self::Folder(_) => "imap-folder",
            Self::Refused { .. } => "imap-refused",
            Self::Nonsense(_) => "imap-nonsense",
            Self::TooLong => "imap-too-long",
            Self::Trust(_) => "imap-trust",
            Self::System(_) => "imap-system",
            Self::Stopped => "imap-stopped",
        }
    }
}
