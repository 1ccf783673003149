//! One mail to a relay, and how far it came.
//!
//! In: an [`Outgoing`]. Out: an [`Outcome`], which knows whether anybody can have the mail: a relay that took it, nobody,
//! or, if the final dot went out and no reply came back, nobody can say.
//! Limits: [`Deadlines`] for each step, [`RelaySettings::connections`] at a time; a reply has at most 16 KiB (`stream.rs`).
//! Source: RFC 5321 (4.2.1 replies, 4.5.3.2 times, 6.1 responsibility), RFC 3461 4 (DSN), RFC 4954 (AUTH), RFC 8314 (TLS).
//! Not here: signing (the relay does it), trying again (`src/settle`), how many at a time for one domain (`src/schedule`).

mod connection;
mod stream;
mod tls;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pki::{Trust, TrustError, Validity};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use self::connection::Connection;
pub(crate) use self::connection::without;
pub(crate) use self::tls::{TlsTrouble, begin_tls};
use crate::{Address, Token};

/// How a relay is reached.
#[derive(Debug)]
pub struct RelaySettings {
    /// Its name, which its certificate must bear, or an address.
    pub host: String,
    /// 465 for [`Tls::Implicit`], 587 for [`Tls::StartTls`], 25 for a relay on this machine.
    pub port: u16,
    /// Whether the connection is encrypted. There is no "if possible": somebody between could say that it is not.
    pub tls: Tls,
    /// Who may have signed its certificate.
    pub trust: Trust,
    /// As whom to log in.
    pub login: Option<Login>,
    /// What we call ourselves in EHLO.
    pub hello: String,
    /// Connections at a time; also the most that are kept open.
    pub connections: usize,
    /// How long each step may take.
    pub deadlines: Deadlines,
}

/// Encryption of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tls {
    /// From the first octet (RFC 8314).
    Implicit,
    /// After STARTTLS; a relay that does not offer it gets nothing.
    StartTls,
    /// None: for a relay on this machine. No login is sent over it.
    Never,
}

/// A login. `Debug` shows the mechanism only.
pub struct Login {
    /// How it is shown to the relay.
    pub mechanism: Mechanism,
    /// The account.
    pub user: String,
    /// Its password, or a bearer token for [`Mechanism::Xoauth2`].
    pub secret: Zeroizing<String>,
}

/// How a login is shown (RFC 4616; the others by custom).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mechanism {
    /// In one line.
    Plain,
    /// In two lines, for old relays.
    Login,
    /// With a bearer token.
    Xoauth2,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}

/// How long the steps may take. RFC 5321 4.5.3.2 asks for minutes; relays that are well answer in seconds, and a line
/// of others waits behind.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// Connecting, and TLS.
    pub connect: Duration,
    /// Each reply, but for the last.
    pub reply: Duration,
    /// Sending the content and waiting for the reply to the final dot (RFC 5321 4.5.3.2.6).
    pub content: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { connect: seconds(30), reply: seconds(60), content: seconds(600) }
    }
}

/// A mail with its envelope. `Debug` shows the domains only.
pub struct Outgoing {
    from: Address,
    to: Address,
    envelope_id: String,
    octets: Vec<u8>,
}

impl Outgoing {
    /// `octets` are header and body, every line ended by CR LF.
    ///
    /// # Errors
    /// [`LooseLineEnd`]: relays disagree about a CR or LF alone, so it could end a mail and begin another.
    pub fn new(
        from: Address,
        to: Address,
        token: &Token,
        octets: Vec<u8>,
    ) -> Result<Self, LooseLineEnd> {
        let loose = |pair: &[u8]| {
            matches!(pair, [b'\r', other] if *other != b'\n')
                || matches!(pair, [other, b'\n'] if *other != b'\r')
        };
        if octets.windows(2).any(loose)
            || octets.first() == Some(&b'\n')
            || octets.last() == Some(&b'\r')
        {
            return Err(LooseLineEnd);
        }
        Ok(Self { from, to, envelope_id: token.as_str().to_owned(), octets })
    }

    /// Where reports go.
    #[must_use]
    pub fn from(&self) -> &Address {
        &self.from
    }

    /// Who gets it.
    #[must_use]
    pub fn to(&self) -> &Address {
        &self.to
    }

    /// Header and body.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }
}

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { from, to, .. } = self;
        f.debug_struct("Outgoing").field("from", from).field("to", to).finish_non_exhaustive()
    }
}

/// A CR without LF, or an LF without CR. Our own fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a line of the mail does not end with CR LF")]
pub struct LooseLineEnd;

/// What became of a mail.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The relay said 250 to the final dot: it answers for the mail now.
    Accepted {
        /// What it said; most name their queue's id here.
        reply: Reply,
        /// It promised to report on delivery.
        dsn: bool,
    },
    /// The relay said no. Nobody has the mail.
    Refused {
        /// To what.
        step: Step,
        /// What it said.
        reply: Reply,
    },
    /// It did not come to the final dot. Nobody has the mail.
    NotHanded {
        /// Where it broke off.
        step: Step,
        /// Why.
        trouble: Trouble,
    },
    /// The final dot went out and no reply came back. The relay may have the mail.
    Unknown {
        /// Why there is no reply.
        trouble: Trouble,
    },
    /// The caller stopped it before any content went out. Nobody has the mail.
    Stopped,
}

/// What the relay was asked last.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Step {
    /// Connection, greeting, EHLO.
    Connect,
    /// STARTTLS, handshake, certificate.
    Tls,
    /// AUTH.
    Login,
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient,
    /// DATA, the content and the final dot.
    Content,
}

/// What a relay said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    /// 200 to 599.
    pub code: u16,
    /// Its words as one line of printable text, the login struck out. They may hold an address.
    pub text: String,
}

impl Reply {
    /// The relay will say the same next time (RFC 5321 4.2.1).
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        self.code >= 500
    }
}

/// What a relay would do with a mail.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Look {
    /// What it says of itself.
    pub offers: Offers,
    /// It would take it, or the step at which it says no.
    pub envelope: Result<(), Outcome>,
}

/// What a relay says of itself once it knows who we are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Offers {
    /// Where it is.
    pub peer: std::net::SocketAddr,
    /// When its certificate is valid; nothing without TLS.
    pub certificate: Option<Validity>,
    /// It reports on delivery if asked to (RFC 3461).
    pub dsn: bool,
    /// The longest mail it takes, in octets, if it says so (RFC 1870).
    pub size_octets: Option<u64>,
}

/// Why there is no reply.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Trouble {
    /// It is not there, or does not let us in.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// It took longer than its deadline.
    #[error("no answer within {} s", .0.as_secs())]
    Late(Duration),
    /// The connection ended.
    #[error("the connection ended: {0}")]
    Broken(String),
    /// What it says is no SMTP.
    #[error("the relay does not speak SMTP: {0}")]
    Nonsense(String),
    /// It does not offer STARTTLS, and nothing is sent in the clear.
    #[error("the relay does not offer STARTTLS, and mail is not sent in the clear")]
    NoTls,
    /// The certificate is not that of the relay.
    #[error("TLS: {0}")]
    Certificate(String),
    /// It takes no login of our kind, or only in the clear.
    #[error("the relay does not offer {0:?} on this connection")]
    NoMechanism(Mechanism),
}

impl Trouble {
    /// A name for the reason that never changes its meaning.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Connect(_) => "smtp-connect",
            Self::Late(_) => "smtp-late",
            Self::Broken(_) => "smtp-broken",
            Self::Nonsense(_) => "smtp-nonsense",
            Self::NoTls => "smtp-no-tls",
            Self::Certificate(_) => "smtp-certificate",
            Self::NoMechanism(_) => "smtp-no-mechanism",
        }
    }
}

/// What a caller says when content is about to go out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Go {
    /// It is written down; go on.
    On,
    /// Break off.
    Stop,
}

/// A relay and the connections that are open to it.
pub struct Relay {
    settings: RelaySettings,
    config: Arc<rustls::ClientConfig>,
    slots: Semaphore,
    idle: Mutex<Vec<Connection>>,
}

impl Relay {
    /// Reads the certificates; connects with the first mail.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn new(settings: RelaySettings) -> Result<Self, TrustError> {
        let config = Arc::new(settings.trust.config()?);
        let slots = Semaphore::new(settings.connections.max(1));
        Ok(Self { settings, config, slots, idle: Mutex::default() })
    }

    /// Hands one mail to the relay; waits for a free connection first. `content_starts` is called after the relay said
    /// that it wants the content and before the first octet of it goes out: write down there that the mail may from now
    /// on be with the relay. It may block for some milliseconds.
    ///
    /// A caller that drops the future after `content_starts` must take the outcome for [`Outcome::Unknown`].
    pub async fn deliver(
        &self,
        mail: &Outgoing,
        content_starts: impl AsyncFnOnce() -> Go,
    ) -> Outcome {
        // Never closed, so this waits and cannot fail.
        let _slot = self.slots.acquire().await;
        let mut connection = match self.connection().await {
            Ok(connection) => connection,
            Err(outcome) => return outcome,
        };
        let outcome = connection.deliver(mail, &self.settings, content_starts).await;
        if connection.is_usable() {
            self.lock().push(connection);
        }
        outcome
    }

    /// Connects, encrypts and logs in, unless a connection is open, and keeps it for the next mail.
    ///
    /// # Errors
    /// The step that failed and why, as for a mail.
    pub async fn make_ready(&self) -> Result<(), Outcome> {
        let _slot = self.slots.acquire().await;
        let connection = self.connection().await?;
        self.lock().push(connection);
        Ok(())
    }

    /// Connects, encrypts and logs in as for a mail, asks whether one from `from` to `to` would be taken, and hands none
    /// over.
    ///
    /// # Errors
    /// The step that failed and why, as for a mail.
    pub async fn look(&self, from: &Address, to: &Address) -> Result<Look, Outcome> {
        let _slot = self.slots.acquire().await;
        let mut connection = Connection::open(&self.settings, Arc::clone(&self.config)).await?;
        let envelope = connection.would_take(from, to, &self.settings).await;
        let offers = connection.offers().clone();
        connection.quit(self.settings.deadlines.reply).await;
        Ok(Look { offers, envelope })
    }

    /// Says QUIT on the connections that nobody uses.
    pub async fn close_idle(&self) {
        let idle = std::mem::take(&mut *self.lock());
        for mut connection in idle {
            connection.quit(self.settings.deadlines.reply).await;
        }
    }

    async fn connection(&self) -> Result<Connection, Outcome> {
        loop {
            let kept = self.lock().pop();
            let Some(mut connection) = kept else {
                return Connection::open(&self.settings, Arc::clone(&self.config)).await;
            };
            if connection.still_there(self.settings.deadlines.reply).await {
                return Ok(connection);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        // Nothing can break half-way through a push or a pop.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
