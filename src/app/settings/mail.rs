//! Notifications by mail: the relay that takes them, and what they say of us.
//!
//! In: `[mail]`, `[mail.relay]`; `[mail.inbox]` is read in `inbox.rs`. Out: the mail driver's settings; how long a mail may stay unread.
//! Without `[mail]` there is no such channel: everything goes by FAX.
//! Not here: the texts (`templates/mail`), which notification goes by mail (`office`).

use std::fmt;
use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mail::message::Charset;
use mail::smtp::{Deadlines, Mechanism, RelaySettings, Tls};
use mail::{Address, ReturnPath};
use pki::Trust;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use super::inbox::Inbox;
use super::values::{absolute, address, host, maybe_absolute, maybe_host, within};
use crate::app::secrets::{SecretError, SecretFile};
use crate::render::MailFace;

/// No file of certificate authorities is longer: that of a whole machine has about 230 KiB.
const CA_LIMIT_OCTETS: u64 = 1 << 20;

/// Longer is no password and no token that a mail server takes (RFC 4954 4: a line of 12 288 octets in base64).
const PASSWORD_LIMIT_OCTETS: usize = 8 << 10;

/// `[mail]`: what every mail says of us, and what follows if nobody reads it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Whom a mail comes from. Required; its domain should be one for which the relay signs.
    #[serde(deserialize_with = "address")]
    pub from: Address,
    /// The mailbox to which reports about mails go; at most 11 characters before the `@`, for a code of the mail is
    /// put behind them with a `+`. Required: a mail whose bounces nobody sees is a mail lost.
    #[serde(deserialize_with = "return_path")]
    pub receipts: ReturnPath,
    /// Whether the reader's program is asked to say that the mail was shown. false: most people are annoyed by the
    /// question, and only a login proves that it was read.
    #[serde(default)]
    pub ask_displayed: bool,
    /// `"utf-8"`, or `"iso-2022-jp"` for receivers of old. utf-8: all of this century read it.
    #[serde(default, deserialize_with = "charset")]
    pub charset: Charset,
    /// Folder of the texts; a text can read nothing outside it.
    #[serde(default = "default_templates", deserialize_with = "absolute")]
    pub templates: PathBuf,
    /// Calling hours after which a mail that was not followed by a login goes by FAX instead, 1 to 90, or `"never"`.
    /// 9: a working day.
    #[serde(default)]
    pub fax_after_hours: FaxAfter,
    /// Mails that are handed over for one domain at a time, 1 to 16. 2: a domain that is slow or refuses leaves the
    /// other connections to others.
    #[serde(default = "default_per_domain", deserialize_with = "within::<_, _, 1, 16>")]
    pub per_domain: u16,
    /// Who takes the mails.
    pub relay: Relay,
    /// Where reports about them come. Required: a mail whose bounces nobody sees is a mail lost.
    pub inbox: Inbox,
}

/// `[mail.relay]`: the mail server that takes every mail and carries it further.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "RelayTable")]
pub struct Relay {
    /// Its name, which its certificate must bear, or its address.
    pub host: String,
    /// Encryption. `"starttls"`; without any only on this machine, for whoever listens in between reads along.
    pub tls: Tls,
    /// 1 to 65535. 587 for `"starttls"`, 465 for `"implicit"`, 25 for `"none"`: as the standards have it.
    pub port: u16,
    /// Certificates in PEM of who may have signed the relay's. None: whom this machine trusts.
    pub ca_file: Option<PathBuf>,
    /// As whom to log in. None: the relay knows us by our address.
    pub login: Option<Login>,
    /// What we call ourselves in EHLO. None: the domain of `from`.
    pub hello: Option<String>,
    /// Connections at a time, 1 to 16; each line of `kind = "mail-to-fax"` has one more of its own. 4: some 200 mails a
    /// second to a relay nearby.
    pub connections: u16,
    /// Longest wait for a reply, 5 to 300 s, and ten times as long for the reply to a whole mail. 60: a relay that is
    /// well answers within seconds, and others wait behind this one.
    pub answer_wait_s: u16,
}

/// The table as TOML has it: what depends on something else in it is still open.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RelayTable {
    #[serde(deserialize_with = "host")]
    host: String,
    #[serde(default = "default_tls", deserialize_with = "tls")]
    tls: Tls,
    #[serde(default, deserialize_with = "port")]
    port: Option<u16>,
    #[serde(default, deserialize_with = "maybe_absolute")]
    ca_file: Option<PathBuf>,
    #[serde(default)]
    login: Option<Login>,
    #[serde(default, deserialize_with = "maybe_host")]
    hello: Option<String>,
    #[serde(default = "default_connections", deserialize_with = "within::<_, _, 1, 16>")]
    connections: u16,
    #[serde(default = "default_answer_wait_s", deserialize_with = "within::<_, _, 5, 300>")]
    answer_wait_s: u16,
}

impl TryFrom<RelayTable> for Relay {
    type Error = &'static str;

    fn try_from(table: RelayTable) -> Result<Self, Self::Error> {
        let RelayTable { host, tls, port, ca_file, login, hello, connections, answer_wait_s } =
            table;
        if tls == Tls::Never && !is_this_machine(&host) {
            return Err("tls = \"none\" is for a relay on this machine only");
        }
        if tls == Tls::Never && login.is_some() {
            return Err("a login is not sent without TLS");
        }
        let usual = match tls {
            Tls::StartTls => 587,
            Tls::Implicit => 465,
            Tls::Never => 25,
        };
        let port = port.unwrap_or(usual);
        Ok(Self { host, tls, port, ca_file, login, hello, connections, answer_wait_s })
    }
}

/// `[mail.relay.login]`: all required. `Debug` does not show the user, which often is an address.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// How it is shown: `"plain"`, `"login"` or `"xoauth2"`.
    #[serde(deserialize_with = "mechanism")]
    pub mechanism: Mechanism,
    /// The account, 1 to 320 characters.
    #[serde(deserialize_with = "user")]
    pub user: String,
    /// File with its password, or with a bearer token for `"xoauth2"`, up to 8 KiB.
    pub password_file: SecretFile,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mechanism, user: _, password_file } = self;
        f.debug_struct("Login")
            .field("mechanism", mechanism)
            .field("user", &"***")
            .field("password_file", password_file)
            .finish()
    }
}

/// Calling hours until a FAX follows; `None` for never.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FaxAfter(pub Option<Duration>);

impl Default for FaxAfter {
    fn default() -> Self {
        Self::hours(9)
    }
}

impl FaxAfter {
    fn hours(hours: u16) -> Self {
        Self(Some(Duration::from_secs(3600 * u64::from(hours))))
    }
}

impl<'de> Deserialize<'de> for FaxAfter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HoursOrNever)
    }
}

struct HoursOrNever;

impl Visitor<'_> for HoursOrNever {
    type Value = FaxAfter;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hours from 1 to 90, or \"never\"")
    }

    fn visit_i64<E: de::Error>(self, hours: i64) -> Result<FaxAfter, E> {
        let hours = u16::try_from(hours).ok().filter(|hours| (1..=90).contains(hours));
        hours.map(FaxAfter::hours).ok_or_else(|| E::custom("must be from 1 to 90, or \"never\""))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<FaxAfter, E> {
        match text {
            "never" => Ok(FaxAfter(None)),
            _ => Err(E::custom("must be from 1 to 90, or \"never\"")),
        }
    }
}

impl Mail {
    /// What every mail says of us.
    pub fn face(&self) -> MailFace {
        MailFace {
            from: self.from.clone(),
            receipts: self.receipts.clone(),
            ask_displayed: self.ask_displayed,
            charset: self.charset,
        }
    }

    /// As the mail driver wants it; reads the password and the certificates.
    ///
    /// # Errors
    /// [`SecretError`] naming the file.
    pub fn relay(&self) -> Result<RelaySettings, SecretError> {
        let Relay { host, tls, port, ca_file, login, hello, connections, answer_wait_s } =
            &self.relay;
        let seconds = |seconds: u16| Duration::from_secs(seconds.into());
        Ok(RelaySettings {
            host: host.clone(),
            port: *port,
            tls: *tls,
            trust: ca_file.as_deref().map_or(Ok(Trust::System), authorities)?,
            login: login.as_ref().map(Login::read).transpose()?,
            hello: hello.clone().unwrap_or_else(|| self.from.domain().to_owned()),
            connections: usize::from(*connections),
            deadlines: Deadlines {
                connect: seconds(*answer_wait_s).min(Deadlines::default().connect),
                reply: seconds(*answer_wait_s),
                content: seconds(*answer_wait_s) * 10,
            },
        })
    }
}

impl Login {
    /// As the mail driver wants it.
    ///
    /// # Errors
    /// [`SecretError`]: the file cannot be read, is empty, too long or no text of one line.
    pub fn read(&self) -> Result<mail::smtp::Login, SecretError> {
        let secret = self.password_file.read_line("text of at most 8 KiB", |line| {
            line.len() <= PASSWORD_LIMIT_OCTETS && !line.contains(char::is_control)
        })?;
        Ok(mail::smtp::Login { mechanism: self.mechanism, user: self.user.clone(), secret })
    }
}

/// Whether nothing that goes there leaves this machine.
pub(super) fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// The certificates of a file; whether they are some is seen by the driver.
pub(super) fn authorities(path: &Path) -> Result<Trust, SecretError> {
    pem(path).map(Trust::Only)
}

/// What a file of certificates holds.
pub(super) fn pem(path: &Path) -> Result<Vec<u8>, SecretError> {
    let fault = |detail: String| SecretError { path: path.to_owned(), detail };
    let file = std::fs::File::open(path).map_err(|error| fault(error.to_string()))?;
    let mut pem = Vec::new();
    file.take(CA_LIMIT_OCTETS + 1)
        .read_to_end(&mut pem)
        .map_err(|error| fault(error.to_string()))?;
    if pem.len() as u64 > CA_LIMIT_OCTETS {
        return Err(fault(String::from("is longer than 1 MiB")));
    }
    Ok(pem)
}

fn default_templates() -> PathBuf {
    PathBuf::from("/usr/share/shirase/templates/mail")
}

fn default_per_domain() -> u16 {
    2
}

fn default_connections() -> u16 {
    4
}

fn default_answer_wait_s() -> u16 {
    60
}

fn default_tls() -> Tls {
    Tls::StartTls
}

fn return_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ReturnPath, D::Error> {
    ReturnPath::new(address(deserializer)?)
        .map_err(|_| de::Error::custom("must have at most 11 characters before the @"))
}

pub(super) fn port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    within::<_, _, 1, 65_535>(deserializer).map(Some)
}

pub(super) fn tls<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tls, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "starttls" => Ok(Tls::StartTls),
        "implicit" => Ok(Tls::Implicit),
        "none" => Ok(Tls::Never),
        _ => Err(de::Error::custom("must be \"starttls\", \"implicit\" or \"none\"")),
    }
}

fn charset<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Charset, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "utf-8" => Ok(Charset::Utf8),
        "iso-2022-jp" => Ok(Charset::Iso2022Jp),
        _ => Err(de::Error::custom("must be \"utf-8\" or \"iso-2022-jp\"")),
    }
}

fn mechanism<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Mechanism, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "plain" => Ok(Mechanism::Plain),
        "login" => Ok(Mechanism::Login),
        "xoauth2" => Ok(Mechanism::Xoauth2),
        _ => Err(de::Error::custom("must be \"plain\", \"login\" or \"xoauth2\"")),
    }
}

fn user<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if (1..=320).contains(&text.len()) && !text.contains(char::is_control) {
        Ok(text)
    } else {
        Err(de::Error::custom("must be 1 to 320 characters in one line"))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::tests::{LEAST, parse};
    use super::*;

    const MAIL: &str = "[mail]\nfrom = \"notice@renkei.example.jp\"\nreceipts = \"receipts@renkei.example.jp\"\n\
        [mail.relay]\nhost = \"relay.example.jp\"\n";

    const INBOX: &str = "\n[mail.inbox]\nhost = \"mail.example.jp\"\n\
        login = { mechanism = \"plain\", user = \"u\", password_file = \"/p\" }\n";

    fn mail(more: &str) -> Result<Mail, String> {
        let settings = parse(&format!("{LEAST}{MAIL}{more}{INBOX}"))?;
        settings.mail.ok_or_else(|| String::from("no mail"))
    }

    #[test]
    fn file_without_mail_has_no_such_channel() {
        assert!(parse(LEAST).expect("reads").mail.is_none());
    }

    #[test]
    fn relay_without_more_is_reached_by_starttls_on_587_and_told_our_own_domain() {
        let mail = mail("").expect("reads");
        let relay = mail.relay().expect("no file is needed");
        assert_eq!((relay.tls, relay.port, relay.connections), (Tls::StartTls, 587, 4));
        assert_eq!(relay.hello, "renkei.example.jp");
        assert_eq!(relay.trust, Trust::System);
        assert_eq!(mail.fax_after_hours.0, Some(Duration::from_secs(9 * 3600)));
    }

    #[test]
    fn port_follows_the_encryption_unless_it_is_given() {
        for (more, port) in
            [("tls = \"implicit\"", 465), ("tls = \"implicit\"\nport = 10465", 10465)]
        {
            assert_eq!(mail(more).expect("reads").relay.port, port, "{more}");
        }
        let local = MAIL.replace("relay.example.jp", "127.0.0.1") + "tls = \"none\"\n";
        let settings = parse(&format!("{LEAST}{local}{INBOX}")).expect("reads");
        assert_eq!(settings.mail.map(|mail| mail.relay.port), Some(25));
    }

    #[test]
    fn every_slip_in_mail_is_named_with_its_place() {
        let cases = [
            (
                "tls = \"none\"",
                "shirase.toml:14:1: tls = \"none\" is for a relay on this machine only",
            ),
            ("tls = \"off\"", "shirase.toml:16:7: must be \"starttls\""),
            ("port = 0", "shirase.toml:16:8: must be from 1 to 65535, not 0"),
            ("connections = 17", "shirase.toml:16:15: must be from 1 to 16, not 17"),
            ("answer_wait_s = 1", "shirase.toml:16:17: must be from 5 to 300, not 1"),
            ("hello = \"a b\"", "shirase.toml:16:9: must be a host name"),
            ("hallo = \"a\"", "shirase.toml:16:1: unknown field `hallo`"),
            ("ca_file = \"ca.pem\"", "shirase.toml:16:11: must be an absolute path"),
            (
                "[mail.relay.login]\nmechanism = \"cram\"\nuser = \"u\"\npassword_file = \"/p\"",
                "shirase.toml:17:13: must be \"plain\"",
            ),
        ];
        for (more, expected) in cases {
            let message = mail(more).expect_err(more);
            assert!(message.starts_with(expected), "{more}\n  gave   {message}");
        }
        for (right, wrong, expected) in [
            ("receipts@", "fax-receipts@", "13:12: must have at most 11 characters before the @"),
            ("notice@", "a,b@", "12:8: a character before the @"),
        ] {
            let text = format!("{LEAST}{}", MAIL.replace(right, wrong));
            let message = parse(&text).expect_err(wrong);
            assert!(message.starts_with(&format!("shirase.toml:{expected}")), "{message}");
        }
        for hours in ["0", "91", "\"soon\"", "true"] {
            let text =
                MAIL.replace("[mail.relay]", &format!("fax_after_hours = {hours}\n[mail.relay]"));
            let message = parse(&format!("{LEAST}{text}")).expect_err(hours);
            assert!(message.starts_with("shirase.toml:14:19: "), "{hours}\n  gave   {message}");
        }
    }

    #[test]
    fn login_is_not_sent_without_tls() {
        let local = MAIL.replace("relay.example.jp", "::1");
        let login = "tls = \"none\"\n[mail.relay.login]\nmechanism = \"plain\"\nuser = \"u\"\npassword_file = \"/p\"\n";
        let message = parse(&format!("{LEAST}{local}{login}")).expect_err("in the clear");
        assert!(message.ends_with("a login is not sent without TLS"), "{message}");
    }

    #[test]
    fn password_is_the_one_line_of_its_file_and_is_shown_nowhere() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("password");
        let read = |content: &[u8]| {
            std::fs::write(&path, content).expect("a file");
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("a mode");
            let password_file = SecretFile::try_from(path.to_string_lossy().into_owned());
            let login = Login {
                mechanism: Mechanism::Plain,
                user: "gateway@renkei.example.jp".into(),
                password_file: password_file.expect("absolute"),
            };
            assert!(!format!("{login:?}").contains("gateway@"), "{login:?}");
            login.read().map(|login| login.secret.to_string()).map_err(|error| error.detail)
        };
        assert_eq!(read(b"s3cret pass").as_deref(), Ok("s3cret pass"));
        assert_eq!(read(b"s3cret\r\n").as_deref(), Ok("s3cret"));
        for wrong in [&b""[..], b"\n", b"a\nb", b"\xff", &[b'a'; PASSWORD_LIMIT_OCTETS + 1]] {
            assert_eq!(read(wrong), Err("must hold one line of text of at most 8 KiB".into()));
        }
    }
}
