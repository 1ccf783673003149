//! One connection to a relay: opened, encrypted, logged in, then mail after mail.
//!
//! In: settings, mails. Out: [`Outcome`]s.
//! STARTTLS is done here and not by the SMTP client, for the client keeps what came with the reply to it: octets that
//! somebody put there in the clear would be read as if they had come encrypted (RFC 3207 6).
//! Source: RFC 5321 3.1 to 3.3, RFC 3207, RFC 3461 4.1 to 4.4.
//! Not here: how many at a time (`mod.rs`).

use std::error::Error as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lettre::transport::smtp;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Ehlo, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, MailParameter, RcptParameter};
use lettre::transport::smtp::response::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::stream::{Guarded, MAX_REPLY_OCTETS};
use super::tls::{TlsTrouble, begin_tls};
use super::{
    Go, Login, Mechanism, Offers, Outcome, Outgoing, RelaySettings, Reply, Step, Tls, Trouble,
};
use crate::Address;

/// Mails on one connection. Chosen: often enough anew that no relay minds, and a new one costs a few round trips.
const MAILS_PER_CONNECTION: u32 = 100;
/// Kept of a reply's words: what somebody reads in the log. Chosen.
const REPLY_CHARS: usize = 500;

/// An open connection.
pub(super) struct Connection {
    smtp: AsyncSmtpConnection,
    offers: Offers,
    mails: u32,
    usable: bool,
}

impl Connection {
    /// Connects, encrypts, logs in.
    pub(super) async fn open(
        settings: &RelaySettings,
        config: Arc<rustls::ClientConfig>,
    ) -> Result<Self, Outcome> {
        let Deadlines { connect, reply } = Deadlines::of(settings);
        let not_handed = |step| move |trouble| Outcome::NotHanded { step, trouble };
        let address = (settings.host.as_str(), settings.port);
        let tcp = within(connect, TcpStream::connect(address))
            .await
            .map_err(not_handed(Step::Connect))?
            .map_err(|error| not_handed(Step::Connect)(Trouble::Connect(error.to_string())))?;
        let peer = tcp
            .peer_addr()
            .map_err(|error| not_handed(Step::Connect)(Trouble::Connect(error.to_string())))?;
        // The client writes a command at once; waiting for more would cost 40 ms each.
        let _ = tcp.set_nodelay(true);
        let (stream, certificate) = match settings.tls {
            Tls::Never => (Guarded::new(tcp, peer, b""), None),
            Tls::Implicit => within(connect, encrypt(tcp, peer, settings, config, b""))
                .await
                .flatten()
                .map_err(not_handed(Step::Tls))?,
            Tls::StartTls => {
                let tcp = within(reply, start_tls(tcp, &settings.hello))
                    .await
                    .flatten()
                    .map_err(|trouble| not_handed(step_of(&trouble))(trouble))?;
                within(connect, encrypt(tcp, peer, settings, config, b"220 TLS\r\n"))
                    .await
                    .flatten()
                    .map_err(not_handed(Step::Tls))?
            }
        };
        let hello = ClientId::Domain(settings.hello.clone());
        let greet = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello);
        let smtp = within(reply, greet).await.map_err(not_handed(Step::Connect))?;
        let smtp = smtp.map_err(|error| failed(Step::Connect, &error, None))?;
        let offers = Offers { peer, certificate, dsn: false, size_octets: None };
        let mut connection = Self { smtp, offers, mails: 0, usable: true };
        connection.log_in(settings).await?;
        // The client keeps of the reply only what it uses itself.
        let said = connection.ask(Step::Connect, Ehlo::new(hello), settings).await?;
        connection.offers.dsn = said.message().any(|line| line.eq_ignore_ascii_case("DSN"));
        connection.offers.size_octets = said.message().find_map(size_octets);
        Ok(connection)
    }

    pub(super) fn offers(&self) -> &Offers {
        &self.offers
    }

    /// Whether another mail may go over it.
    pub(super) fn is_usable(&self) -> bool {
        self.usable && !self.smtp.has_broken() && self.mails < MAILS_PER_CONNECTION
    }

    /// Whether the relay still answers.
    pub(super) async fn still_there(&mut self, deadline: Duration) -> bool {
        within(deadline, self.smtp.test_connected()).await == Ok(true)
    }

    pub(super) async fn quit(&mut self, deadline: Duration) {
        // Whatever it says, we are done.
        let _ = within(deadline, self.smtp.quit()).await;
    }

    /// Hands one mail over.
    pub(super) async fn deliver(
        &mut self,
        mail: &Outgoing,
        settings: &RelaySettings,
        content_starts: impl AsyncFnOnce() -> Go,
    ) -> Outcome {
        self.mails += 1;
        // Only what ends as it should leaves a connection whose state is known.
        self.usable = false;
        match self.envelope(mail, settings).await {
            Ok(()) => {}
            Err(outcome) => return outcome,
        }
        match content_starts().await {
            Go::On => {}
            Go::Stop => {
                // After DATA there is no way back but to hang up; without a dot the mail is nobody's (RFC 5321 4.1.1.4).
                return Outcome::Stopped;
            }
        }
        self.content(mail, settings).await
    }

    /// Whether a mail would be taken; the connection is good for QUIT only, then.
    pub(super) async fn would_take(
        &mut self,
        from: &Address,
        to: &Address,
        settings: &RelaySettings,
    ) -> Result<(), Outcome> {
        self.usable = false;
        let (from, to) =
            (lettre_address(from, Step::Sender)?, lettre_address(to, Step::Recipient)?);
        self.ask(Step::Sender, Mail::new(Some(from), Vec::new()), settings).await?;
        self.ask(Step::Recipient, Rcpt::new(to, Vec::new()), settings).await?;
        Ok(())
    }

    async fn envelope(&mut self, mail: &Outgoing, settings: &RelaySettings) -> Result<(), Outcome> {
        let other = |keyword: &str, value: String| (keyword.to_owned(), Some(value));
        let (of_mail, of_recipient) = if self.offers.dsn {
            let path = format!("rfc822;{}", mail.to.as_str());
            (
                vec![other("RET", "HDRS".into()), other("ENVID", mail.envelope_id.clone())],
                vec![other("NOTIFY", "SUCCESS,FAILURE,DELAY".into()), other("ORCPT", path)],
            )
        } else {
            (Vec::new(), Vec::new())
        };
        let of_mail = of_mail
            .into_iter()
            .map(|(keyword, value)| MailParameter::Other { keyword, value })
            .collect();
        let of_recipient = of_recipient
            .into_iter()
            .map(|(keyword, value)| RcptParameter::Other { keyword, value })
            .collect();
        let from = lettre_address(&mail.from, Step::Sender)?;
        let to = lettre_address(&mail.to, Step::Recipient)?;
        self.ask(Step::Sender, Mail::new(Some(from), of_mail), settings).await?;
        self.ask(Step::Recipient, Rcpt::new(to, of_recipient), settings).await?;
        self.ask(Step::Content, Data, settings).await?;
        Ok(())
    }

    async fn content(&mut self, mail: &Outgoing, settings: &RelaySettings) -> Outcome {
        let dot_is_next = AtomicBool::new(false); // shared so that whoever awaits this may move to another thread
        // The client asks for more until there is none; what it writes then is the dot.
        let content = std::iter::once(&mail.octets).chain(std::iter::from_fn(|| {
            dot_is_next.store(true, Ordering::Relaxed);
            None
        }));
        let said = within(settings.deadlines.content, self.smtp.message_iter(content)).await;
        let without_reply = |trouble| match dot_is_next.load(Ordering::Relaxed) {
            true => Outcome::Unknown { trouble },
            false => Outcome::NotHanded { step: Step::Content, trouble },
        };
        match said {
            Ok(Ok(response)) => {
                self.usable = true;
                let reply = reply_of(&response, settings.login.as_ref());
                Outcome::Accepted { reply, dsn: self.offers.dsn }
            }
            Ok(Err(error)) => match failed(Step::Content, &error, settings.login.as_ref()) {
                Outcome::NotHanded { trouble, .. } => without_reply(trouble),
                refused => refused,
            },
            Err(trouble) => without_reply(trouble),
        }
    }

    async fn log_in(&mut self, settings: &RelaySettings) -> Result<(), Outcome> {
        let Some(login) = &settings.login else { return Ok(()) };
        let mechanism = match login.mechanism {
            Mechanism::Plain => smtp::authentication::Mechanism::Plain,
            Mechanism::Login => smtp::authentication::Mechanism::Login,
            Mechanism::Xoauth2 => smtp::authentication::Mechanism::Xoauth2,
        };
        let offered = self.smtp.server_info().supports_auth_mechanism(mechanism);
        if settings.tls == Tls::Never || !offered {
            let trouble = Trouble::NoMechanism(login.mechanism);
            return Err(Outcome::NotHanded { step: Step::Login, trouble });
        }
        let credentials = Credentials::new(login.user.clone(), login.secret.to_string());
        let said =
            within(settings.deadlines.reply, self.smtp.auth(&[mechanism], &credentials)).await;
        match said {
            Ok(Ok(_welcome)) => Ok(()),
            Ok(Err(error)) => Err(failed(Step::Login, &error, Some(login))),
            Err(trouble) => Err(Outcome::NotHanded { step: Step::Login, trouble }),
        }
    }

    /// One command, one reply.
    async fn ask(
        &mut self,
        step: Step,
        command: impl std::fmt::Display,
        settings: &RelaySettings,
    ) -> Result<Response, Outcome> {
        match within(settings.deadlines.reply, self.smtp.command(command)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(failed(step, &error, settings.login.as_ref())),
            Err(trouble) => Err(Outcome::NotHanded { step, trouble }),
        }
    }
}

/// Those that a connection needs until it is open.
struct Deadlines {
    connect: Duration,
    reply: Duration,
}

impl Deadlines {
    fn of(settings: &RelaySettings) -> Self {
        Self { connect: settings.deadlines.connect, reply: settings.deadlines.reply }
    }
}

async fn within<T>(deadline: Duration, future: impl Future<Output = T>) -> Result<T, Trouble> {
    tokio::time::timeout(deadline, future).await.map_err(|_| Trouble::Late(deadline))
}

fn step_of(trouble: &Trouble) -> Step {
    match trouble {
        Trouble::NoTls | Trouble::Certificate(_) => Step::Tls,
        Trouble::Connect(_)
        | Trouble::Late(_)
        | Trouble::Broken(_)
        | Trouble::Nonsense(_)
        | Trouble::NoMechanism(_) => Step::Connect,
    }
}

/// Greeting, EHLO and STARTTLS in the clear. What the relay offers here is not believed, for anybody between can write
/// it; only that it lets TLS begin is needed.
async fn start_tls(mut tcp: TcpStream, hello: &str) -> Result<TcpStream, Trouble> {
    expect(&mut tcp, "220").await?;
    tell(&mut tcp, &format!("EHLO {hello}\r\n")).await?;
    let offers = expect(&mut tcp, "250").await?;
    let offered = offers.lines().filter_map(|line| line.get(4..));
    if !offered.into_iter().any(|word| word.trim().eq_ignore_ascii_case("STARTTLS")) {
        return Err(Trouble::NoTls);
    }
    tell(&mut tcp, "STARTTLS\r\n").await?;
    expect(&mut tcp, "220").await?;
    Ok(tcp)
}

async fn tell(tcp: &mut TcpStream, line: &str) -> Result<(), Trouble> {
    tcp.write_all(line.as_bytes()).await.map_err(|error| Trouble::Broken(error.to_string()))
}

/// Reads one reply, octet by octet so that nothing behind it is taken along, and wants it to begin with `code`.
async fn expect(tcp: &mut TcpStream, code: &str) -> Result<String, Trouble> {
    let mut reply = Vec::new();
    let mut line_start = 0;
    loop {
        let octet = tcp.read_u8().await.map_err(|error| Trouble::Broken(error.to_string()))?;
        reply.push(octet);
        if reply.len() > MAX_REPLY_OCTETS {
            return Err(Trouble::Nonsense(String::from("a reply without end")));
        }
        if octet == b'\n' {
            let line = reply.get(line_start..).unwrap_or_default();
            if line.get(3) != Some(&b'-') {
                break;
            }
            line_start = reply.len();
        }
    }
    let reply = String::from_utf8_lossy(&reply).into_owned();
    let starts = |line: &str| line.starts_with(code);
    if reply.lines().all(starts) { Ok(reply) } else { Err(Trouble::Nonsense(printable(&reply))) }
}

async fn encrypt(
    tcp: TcpStream,
    peer: SocketAddr,
    settings: &RelaySettings,
    config: Arc<rustls::ClientConfig>,
    greeting: &'static [u8],
) -> Result<(Guarded, Option<pki::Validity>), Trouble> {
    let begun = begin_tls(&settings.host, tcp, config).await;
    let stream = begun.map_err(|trouble| match trouble {
        TlsTrouble::Certificate(why) => Trouble::Certificate(why),
        TlsTrouble::Broken(why) => Trouble::Broken(why),
    })?;
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let valid = certificates.first().and_then(|own| pki::validity(own));
    Ok((Guarded::new(stream, peer, greeting), valid))
}

/// `SIZE 35882577`; zero is no limit (RFC 1870 4).
fn size_octets(line: &str) -> Option<u64> {
    let (keyword, number) = line.split_once(' ')?;
    let size = keyword.eq_ignore_ascii_case("SIZE").then(|| number.trim().parse().ok())??;
    (size > 0).then_some(size)
}

/// What an error of the client says about the mail.
fn failed(step: Step, error: &smtp::Error, login: Option<&Login>) -> Outcome {
    let words = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    let words = struck(&words, login);
    match error.status() {
        Some(code) => {
            Outcome::Refused { step, reply: Reply { code: u16::from(code), text: words } }
        }
        None if error.is_response() || error.is_client() => {
            Outcome::NotHanded { step, trouble: Trouble::Nonsense(words) }
        }
        None => Outcome::NotHanded { step, trouble: Trouble::Broken(words) },
    }
}

fn reply_of(response: &Response, login: Option<&Login>) -> Reply {
    let words: Vec<&str> = response.message().collect();
    Reply { code: u16::from(response.code()), text: struck(&words.join(" "), login) }
}

/// One printable line without the login: some relays repeat what they were told, as it stood or in base64.
fn struck(words: &str, login: Option<&Login>) -> String {
    // Before it is cut: half a password is one too many.
    printable(&without(words, login.map_or("", |login| login.secret.as_str())))
}

/// `words` without `secret`, as it stands or in base64.
pub(crate) fn without(words: &str, secret: &str) -> String {
    const STRUCK: &str = "***";
    if secret.is_empty() {
        return words.to_owned();
    }
    let holds_secret = |word: &str| {
        let decoded = data_encoding::BASE64.decode(word.as_bytes()).unwrap_or_default();
        decoded.windows(secret.len()).any(|run| run == secret.as_bytes())
    };
    let words = words.replace(secret, STRUCK);
    let parts = words.split(' ').map(|word| if holds_secret(word.trim()) { STRUCK } else { word });
    parts.collect::<Vec<_>>().join(" ")
}

fn printable(words: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    words.trim().chars().take(REPLY_CHARS).map(plain).collect()
}

fn lettre_address(address: &Address, step: Step) -> Result<lettre::Address, Outcome> {
    address.as_str().parse().map_err(|_| Outcome::NotHanded {
        step,
        trouble: Trouble::Nonsense(String::from("an address that the SMTP client refuses")),
    })
}
