//! `shirase letter`: writes the mail of a notice, as it would be written just now, again at every change of what it is
//! made from. It is handed to nobody.

use std::path::PathBuf;

use mail::{Address, AddressError, ReturnPath, TokenKey};

use super::clock::{Clock, SystemClock};
use super::exit::{Exit, Failure};
use super::settings::Settings;
use super::{preview, print};
use crate::job::{Content, JobId, Kind, Language};
use crate::render::{Folders, LETTER_KINDS, LetterOf, Letters, MailFace};

/// Whom the mail is for: nobody (RFC 2606 3).
const TO: &str = "office@example.com";

/// Show the mail of a notice: its subject and text, and with --out all of it, for a mail program to open. It is not sent.
#[derive(clap::Args)]
pub struct Letter {
    /// document or message: nothing else goes by mail.
    #[arg(value_name = "KIND")]
    kind: Kind,
    /// The body as JSON, as POST /v1/notifications takes it; - reads it from standard input. Without it an example
    /// that lies beside the templates.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// ja or en, whatever the data say.
    #[arg(long, value_name = "LANGUAGE")]
    language: Option<Language>,
    /// Where to, such as letter.eml.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write it again whenever texts, data or settings are saved, until Ctrl-C.
    #[arg(long)]
    watch: bool,
    /// The settings file.
    #[arg(
        long,
        env = "SHIRASE_CONFIG",
        default_value = "/etc/shirase/shirase.toml",
        value_name = "FILE"
    )]
    config: PathBuf,
}

impl Letter {
    /// # Errors
    /// [`Failure`]: the data are refused, the mail cannot be written, or the file not.
    pub fn run(self) -> Result<(), Failure> {
        if !LETTER_KINDS.contains(&self.kind) {
            let kinds = LETTER_KINDS.map(Kind::as_str).join(" and ");
            let why = format!("{} goes by FAX only; mails there are of {kinds}", self.kind);
            return Err(Failure::new(Exit::Usage, why));
        }
        if self.watch {
            return preview::again_at_every_change(
                &preview::Watch { config: &self.config, out: self.out.as_deref() },
                |settings| {
                    let Folders { mails, sheets } = folders(settings);
                    preview::MadeFrom {
                        folders: vec![mails, sheets],
                        data: self.data_path(settings),
                    }
                },
                |settings| self.write(settings),
            );
        }
        print::out(&self.write(&Settings::load(&self.config)?)?)
    }

    /// Writes the file; what of it a person reads.
    fn write(&self, settings: &Settings) -> Result<String, Failure> {
        let at = SystemClock.now();
        let job = preview::job(&self.data_path(settings), self.kind, self.language, at)?;
        let Content::Notice(notice) = &job.content else {
            return Err(Failure::new(Exit::Usage, "what has keys goes by FAX only"));
        };
        let internal = |error: AddressError| Failure::new(Exit::Internal, error.to_string());
        let face = match &settings.mail {
            Some(mail) => mail.face(),
            None => nobody().map_err(internal)?,
        };
        let letters = Letters::new(settings.site.face(), folders(settings), face);
        let letter = LetterOf {
            id: JobId::new(at, 0),
            notice,
            language: job.language,
            sender: &job.sender,
            office_name: &job.recipient.office_name,
            to: &Address::parse(TO).map_err(internal)?,
            token: [0; 16],
        };
        // A key that the gateway does not have: whatever comes back about it counts for nothing.
        let written = letters
            .compose(&letter, &TokenKey::new([0; 32]), at)
            .map_err(|error| Failure::new(Exit::Refused, error.to_string()))?;
        if let Some(path) = &self.out {
            std::fs::write(path, &written.octets).map_err(|error| {
                Failure::new(Exit::Internal, format!("{}: {error}", path.display()))
            })?;
        }
        Ok(format!("Subject: {}\n\n{}", written.subject, written.text))
    }

    fn data_path(&self, settings: &Settings) -> PathBuf {
        self.data.clone().unwrap_or_else(|| preview::sample(settings, self.kind.as_str()))
    }
}

/// Where the settings say that texts are, or else beside the sheets.
fn folders(settings: &Settings) -> Folders {
    let sheets = settings.sheet.templates.clone();
    let mails = match &settings.mail {
        Some(mail) => mail.templates.clone(),
        None => sheets.with_file_name("mail"),
    };
    Folders { mails, sheets }
}

/// Whom a mail is from as long as the settings do not say it.
fn nobody() -> Result<MailFace, AddressError> {
    Ok(MailFace {
        from: Address::parse("notice@example.com")?,
        receipts: ReturnPath::new(Address::parse("receipts@example.com")?)?,
        ask_displayed: false,
        charset: mail::message::Charset::Utf8,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// What the README of the templates shows, with settings that say nothing of mail.
    #[test]
    fn mail_of_every_example_is_shown_and_written_for_a_mail_program() {
        let folder = tempfile::tempdir().expect("a folder");
        let sheets = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/fax");
        let settings = format!(
            "[http]\n[site]\nname = \"連携便\"\nurl = \"https://renkei.example.jp/\"\nhelp_name = \"窓口\"\n\
             help_phone = \"03-5550-0100\"\nhelp_hours = \"平日\"\n[sheet]\ntemplates = \"{}\"\n",
            sheets.display()
        );
        let config = folder.path().join("shirase.toml");
        let settings = Settings::parse(&settings, &config).expect("settings");
        let out = folder.path().join("letter.eml");
        for kind in LETTER_KINDS {
            let letter = Letter {
                kind,
                data: None,
                language: Some(Language::English),
                out: Some(out.clone()),
                watch: false,
                config: config.clone(),
            };
            let shown = letter.write(&settings).map_err(|failure| failure.message).expect("a mail");
            assert!(shown.starts_with("Subject: [連携便] "), "{shown}");
            let octets = std::fs::read(&out).expect("a file");
            let written = String::from_utf8(octets).expect("ASCII");
            assert!(written.contains("To: office@example.com\r\n"), "{written}");
        }
    }

    #[test]
    fn kind_with_keys_has_no_mail_to_show() {
        let letter = Letter {
            kind: Kind::FirstContact,
            data: None,
            language: None,
            out: None,
            watch: false,
            config: PathBuf::from("/nowhere"),
        };
        let failure = letter.run().expect_err("nothing to show");
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.contains("by FAX only"), "{}", failure.message);
    }
}
