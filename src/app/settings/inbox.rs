//! The mailbox to which reports about mails and answers of fax providers come.
//!
//! In: `[mail.inbox]`. Out: the mail driver's settings.
//! Not here: what a report means (`settle/receipts.rs`), when the box is read (`send/receipt_box.rs`).

use std::path::PathBuf;

use mail::mailbox::{MailboxSettings, Patience};
use mail::smtp::Tls;
use pki::Trust;
use serde::Deserialize;
use serde::de::{self, Deserializer};

use super::mail::{Login, authorities, is_this_machine, port, tls};
use super::values::{host, maybe_absolute};
use crate::app::secrets::SecretError;

/// `[mail.inbox]`: the mailbox of `receipts`, read by IMAP.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "InboxTable")]
pub struct Inbox {
    /// The server's name, which its certificate must bear, or its address.
    pub host: String,
    /// Encryption. `"implicit"`: the standard since 2018; without any only on this machine.
    pub tls: Tls,
    /// 1 to 65535. 993 for `"implicit"`, 143 for the others: as the standards have it.
    pub port: u16,
    /// Certificates in PEM of who may have signed the server's. None: whom this machine trusts.
    pub ca_file: Option<PathBuf>,
    /// As whom to log in. Required.
    pub login: Login,
    /// The folder that is read, 1 to 100 characters of ASCII, as the server spells it. INBOX: where mail comes.
    pub folder: String,
    /// Where mails go that were taken in, made if it is not there. Done: what stays in `folder` is then what
    /// somebody may want to look at.
    pub done_folder: String,
    /// Where the relay keeps a copy of each mail that it took, if it does: what became of a mail without an answer is
    /// looked up there. None: most relays keep none.
    pub sent_folder: Option<String>,
}

/// The table as TOML has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InboxTable {
    #[serde(deserialize_with = "host")]
    host: String,
    #[serde(default = "default_tls", deserialize_with = "tls")]
    tls: Tls,
    #[serde(default, deserialize_with = "port")]
    port: Option<u16>,
    #[serde(default, deserialize_with = "maybe_absolute")]
    ca_file: Option<PathBuf>,
    login: Login,
    #[serde(default = "default_folder", deserialize_with = "folder")]
    folder: String,
    #[serde(default = "default_done_folder", deserialize_with = "folder")]
    done_folder: String,
    #[serde(default, deserialize_with = "maybe_folder")]
    sent_folder: Option<String>,
}

impl TryFrom<InboxTable> for Inbox {
    type Error = &'static str;

    fn try_from(table: InboxTable) -> Result<Self, Self::Error> {
        let InboxTable { host, tls, port, ca_file, login, folder, done_folder, sent_folder } =
            table;
        if tls == Tls::Never && !is_this_machine(&host) {
            return Err("tls = \"none\" is for a mailbox on this machine only");
        }
        // Some servers tell "done" from "Done", some do not, and none has two inboxes (RFC 3501 5.1).
        let is_read = |other: &str| other.eq_ignore_ascii_case(&folder);
        if is_read(&done_folder) || sent_folder.as_deref().is_some_and(is_read) {
            return Err("folder must be another one than done_folder and sent_folder");
        }
        let usual = match tls {
            Tls::Implicit => 993,
            Tls::StartTls | Tls::Never => 143,
        };
        let port = port.unwrap_or(usual);
        Ok(Self { host, tls, port, ca_file, login, folder, done_folder, sent_folder })
    }
}

impl Inbox {
    /// As the mail driver wants it; reads the password and the certificates. To be asked anew for each connection: a
    /// bearer token lives for an hour, and somebody may mend a password.
    ///
    /// # Errors
    /// [`SecretError`] naming the file.
    pub fn mailbox(&self) -> Result<MailboxSettings, SecretError> {
        Ok(MailboxSettings {
            host: self.host.clone(),
            port: self.port,
            tls: self.tls,
            trust: self.ca_file.as_deref().map_or(Ok(Trust::System), authorities)?,
            login: self.login.read()?,
            folder: self.folder.clone(),
            done_folder: self.done_folder.clone(),
            patience: Patience::default(),
        })
    }
}

fn default_tls() -> Tls {
    Tls::Implicit
}

fn default_folder() -> String {
    String::from("INBOX")
}

fn default_done_folder() -> String {
    String::from("Done")
}

fn folder<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let allowed = |octet: u8| octet == b' ' || octet.is_ascii_graphic();
    if (1..=100).contains(&name.len()) && name.bytes().all(allowed) && name.trim() == name {
        Ok(name)
    } else {
        Err(de::Error::custom("must be 1 to 100 characters of ASCII, as the server spells it"))
    }
}

fn maybe_folder<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    folder(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LEAST, parse};
    use super::*;

    const MAIL: &str = "[mail]\nfrom = \"notice@renkei.example.jp\"\nreceipts = \"receipts@renkei.example.jp\"\n\
        [mail.relay]\nhost = \"relay.example.jp\"\n\
        [mail.inbox]\nlogin = { mechanism = \"plain\", user = \"u\", password_file = \"/p\" }\n";

    fn inbox(more: &str) -> Result<Inbox, String> {
        let settings = parse(&format!("{LEAST}{MAIL}{more}\n"))?;
        Ok(settings.mail.ok_or_else(|| String::from("no mail"))?.inbox)
    }

    #[test]
    fn mailbox_without_more_is_the_inbox_over_tls_from_the_first_octet() {
        let inbox = inbox("host = \"mail.example.jp\"").expect("reads");
        assert_eq!((inbox.tls, inbox.port), (Tls::Implicit, 993));
        assert_eq!((inbox.folder.as_str(), inbox.done_folder.as_str()), ("INBOX", "Done"));
        assert_eq!(inbox.sent_folder, None);
    }

    #[test]
    fn port_follows_the_encryption_unless_it_is_given() {
        for (more, port) in [
            ("host = \"mail.example.jp\"\ntls = \"starttls\"", 143),
            ("host = \"mail.example.jp\"\nport = 10993", 10993),
            ("host = \"localhost\"\ntls = \"none\"", 143),
        ] {
            assert_eq!(inbox(more).expect("reads").port, port, "{more}");
        }
    }

    #[test]
    fn every_slip_in_the_inbox_is_named() {
        let here = "host = \"mail.example.jp\"\n";
        for (more, expected) in [
            ("tls = \"none\"", "16:1: tls = \"none\" is for a mailbox on this machine only"),
            ("done_folder = \"INBOX\"", "16:1: folder must be another one"),
            ("sent_folder = \"INBOX\"", "16:1: folder must be another one"),
            ("done_folder = \"inbox\"", "16:1: folder must be another one"),
            ("folder = \"Inbox\"\nsent_folder = \"INBOX\"", "16:1: folder must be another one"),
            ("folder = \"受信\"", "19:10: must be 1 to 100 characters of ASCII"),
            ("folder = \"a\\nb\"", "19:10: must be 1 to 100 characters of ASCII"),
            ("done = \"x\"", "19:1: unknown field `done`"),
        ] {
            let message = inbox(&format!("{here}{more}")).expect_err(more);
            assert!(
                message.starts_with(&format!("shirase.toml:{expected}")),
                "{more}\n  {message}"
            );
        }
    }

    #[test]
    fn mail_without_a_mailbox_for_its_bounces_is_refused() {
        let (mail, _inbox) = MAIL.split_once("[mail.inbox]").expect("both");
        let message = parse(&format!("{LEAST}{mail}")).expect_err("no mailbox");
        assert!(message.ends_with("missing field `inbox`"), "{message}");
    }
}
