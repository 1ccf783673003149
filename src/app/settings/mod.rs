//! `shirase.toml`: what an operator may choose, where each choice ends, and why its default is what it is.
//!
//! In: the text of the file. Out: [`Settings`], or a [`SettingsError`] that names file, line and column.
//! A file for each group of tables; what holds between tables is checked here.
//! Source: TOML 1.0. A key that is not written here is refused, so a slip of the pen never goes unseen.
//! Not here: secrets. They stay in files of their own, which the settings only name (`secrets.rs`).

mod calling;
mod http;
mod inbox;
mod line;
mod mail;
mod provider_line;
mod site;
mod values;
mod webhook;

pub use self::mail::{FaxAfter, Login, Mail, Relay};
pub use calling::{Calling, Calls, DailyTime, Hours};
pub use http::{CertifiedClient, Http, Tls};
pub use inbox::Inbox;
pub use line::Line;
pub use provider_line::ProviderLine;
pub use site::{Sentences, Sheet, Site, SiteInEnglish, Words};
pub use webhook::Webhook;

use std::collections::HashSet;
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::Time;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use toml::Spanned;
use toml::de::DeTable;

use self::values::{absolute, within};
use super::secrets::SecretFile;
use crate::office::Policy;
use crate::send::mail_to_fax;

/// A settings file longer than this is a mistake; ours has about 4 KiB with all its comments.
const FILE_LIMIT_OCTETS: u64 = 1 << 20;

/// Everything that is set. See `systemd/shirase.toml` for the commented file.
#[derive(Clone, Debug)]
pub struct Settings {
    pub http: Http,
    pub store: Store,
    pub site: Site,
    pub sheet: Sheet,
    pub calling: Calling,
    pub calls: Calls,
    /// When each line is tested, in Japan.
    pub self_test: Option<Time>,
    /// Those with a modem.
    pub lines: Vec<Line>,
    /// Those that are a service reached by mail.
    pub provider_lines: Vec<ProviderLine>,
    /// `None`: no notification goes by mail.
    pub mail: Option<Mail>,
    /// Endpoints that are told what happens.
    pub webhooks: Vec<Webhook>,
}

/// `[store]`: where accepted notifications live.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// The database file. /var/lib/shirase/queue.db: systemd's `StateDirectory`.
    #[serde(default = "default_store_path", deserialize_with = "absolute")]
    pub path: PathBuf,
    /// File with the 32 octets that seal secrets at rest, from `shirase key new`.
    #[serde(default = "default_key_file")]
    pub key_file: SecretFile,
    /// Days that a notification is remembered once it is over, with its events, receipts and Idempotency-Key, 90 to 3650.
    /// 400: a year, and a month to look back at it. Four busy lines write 11 MB a day, so 4.4 GB.
    #[serde(default = "default_keep_days", deserialize_with = "within::<_, _, 90, 3650>")]
    pub keep_days: u16,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            path: default_store_path(),
            key_file: default_key_file(),
            keep_days: default_keep_days(),
        }
    }
}

impl Store {
    /// How long what is over is remembered.
    pub fn keep(&self) -> Duration {
        Duration::from_secs(86_400 * u64::from(self.keep_days))
    }
}

/// Why settings cannot be used; always one line, always with the place.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("{}: {detail}", path.display())]
    Unreadable { path: PathBuf, detail: String },
    /// Something in it is not allowed; line and column count from 1.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Wrong { path: PathBuf, line: usize, column: usize, message: String },
}

impl Settings {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`SettingsError`]: the file cannot be read, is longer than 1 MiB, or something in it is wrong.
    pub fn load(path: &Path) -> Result<Self, SettingsError> {
        let unreadable =
            |detail: String| SettingsError::Unreadable { path: path.to_owned(), detail };
        let file = std::fs::File::open(path).map_err(|error| unreadable(error.to_string()))?;
        let mut text = String::new();
        file.take(FILE_LIMIT_OCTETS + 1)
            .read_to_string(&mut text)
            .map_err(|error| unreadable(error.to_string()))?;
        if text.len() as u64 > FILE_LIMIT_OCTETS {
            return Err(unreadable(String::from("longer than 1 MiB: this is no settings file")));
        }
        Self::parse(&text, path)
    }

    /// Checks a text; `path` is for error messages only.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, SettingsError> {
        let wrong = |offset: usize, message: String| {
            let (line, column) = line_and_column(text, offset);
            SettingsError::Wrong { path: path.to_owned(), line, column, message }
        };
        let of_toml = |before: &str, error: &toml::de::Error| {
            let offset = error.span().map_or(0, |span| span.start);
            wrong(offset, format!("{before}{}", error.message().replace('\n', " ")))
        };
        let mut table = DeTable::parse(text).map_err(|error| of_toml("", &error))?;
        let by_mail = provider_line::taken_out(table.get_mut())
            .map_err(|(offset, message)| wrong(offset, message))?;
        let file = File::deserialize(toml::Deserializer::from(table))
            .map_err(|error| of_toml("", &error))?;
        let provider_lines: Vec<Spanned<ProviderLine>> = by_mail
            .into_iter()
            .map(|table| Spanned::deserialize(table.into_deserializer()))
            .collect::<Result<_, toml::de::Error>>()
            .map_err(|error| of_toml("a line of kind mail-to-fax: ", &error))?;
        let http = &file.http;
        http.get_ref().check().map_err(|message| wrong(http.span().start, message))?;
        check_names(&file.line, &provider_lines)
            .and_then(|()| check_devices(&file.line))
            .and_then(|()| check_provider_lines(&provider_lines, file.mail.as_ref()))
            .and_then(|()| check_endpoints(&file.webhook))
            .map_err(|(offset, message)| wrong(offset, message))?;
        check_test_numbers(&file.line, &file.calling.policy())
            .map_err(|(offset, message)| wrong(offset, message))?;
        Ok(Self {
            http: file.http.into_inner(),
            store: file.store,
            site: file.site,
            sheet: file.sheet,
            self_test: file.calling.self_test.0,
            calling: file.calling,
            calls: file.calls,
            lines: file.line.into_iter().map(Spanned::into_inner).collect(),
            provider_lines: provider_lines.into_iter().map(Spanned::into_inner).collect(),
            mail: file.mail,
            webhooks: file.webhook.into_iter().map(Spanned::into_inner).collect(),
        })
    }
}

impl Settings {
    /// What may be sent where.
    pub fn policy(&self) -> Policy {
        Policy { mail: self.mail.is_some(), keys: self.may_send_keys(), ..self.calling.policy() }
    }

    /// A modem carries a key. A service does if its profile says so and nobody asks which machine answers there. Without
    /// any line nobody can say yet.
    fn may_send_keys(&self) -> bool {
        let on_absent = self.calling.on_absent_identity;
        let mut services = self.provider_lines.iter();
        !self.lines.is_empty()
            || self.provider_lines.is_empty()
            || services.any(|line| mail_to_fax::sends_keys(&line.provider, on_absent))
    }
}

/// The file as TOML has it; [`Settings`] is what remains once lines are checked against each other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    http: Spanned<Http>,
    #[serde(default)]
    store: Store,
    site: Site,
    #[serde(default)]
    sheet: Sheet,
    #[serde(default)]
    calling: Calling,
    #[serde(default)]
    calls: Calls,
    #[serde(default)]
    line: Vec<Spanned<Line>>,
    mail: Option<Mail>,
    #[serde(default)]
    webhook: Vec<Spanned<Webhook>>,
}

/// What one line cannot know of itself: its name belongs to no other line.
fn check_names(
    lines: &[Spanned<Line>],
    provider_lines: &[Spanned<ProviderLine>],
) -> Result<(), (usize, String)> {
    let mut names = HashSet::new();
    let with_modem = lines.iter().map(|line| (line.get_ref().name.as_str(), line.span().start));
    let by_mail =
        provider_lines.iter().map(|line| (line.get_ref().name.as_str(), line.span().start));
    for (name, here) in with_modem.chain(by_mail) {
        if !names.insert(name) {
            return Err((here, format!("a second line is named `{name}`")));
        }
    }
    Ok(())
}

/// The name of an endpoint is its place in the store.
fn check_endpoints(endpoints: &[Spanned<Webhook>]) -> Result<(), (usize, String)> {
    let mut names = HashSet::new();
    for endpoint in endpoints {
        let name = endpoint.get_ref().name.as_str();
        if !names.insert(name) {
            let message = format!("a second endpoint is named `{name}`");
            return Err((endpoint.span().start, message));
        }
    }
    Ok(())
}

/// A service is reached by the relay, and needs what its profile says.
fn check_provider_lines(
    lines: &[Spanned<ProviderLine>],
    mail: Option<&Mail>,
) -> Result<(), (usize, String)> {
    for spanned in lines {
        let line = spanned.get_ref();
        let no_relay = || String::from("goes over the relay of [mail], and there is no such table");
        let checked = mail.ok_or_else(no_relay).and_then(|mail| line.check(mail));
        checked.map_err(|message| {
            (spanned.span().start, format!("line `{}`: {message}", line.name))
        })?;
    }
    Ok(())
}

/// A modem belongs to one line.
fn check_devices(lines: &[Spanned<Line>]) -> Result<(), (usize, String)> {
    let mut devices = HashSet::new();
    for spanned in lines {
        let line = spanned.get_ref();
        let here = spanned.span().start;
        // Two names of one device are one device.
        let device = line.device.canonicalize().unwrap_or_else(|_| line.device.clone());
        if !devices.insert(device) {
            return Err((
                here,
                format!("line `{}`: {} belongs to another line", line.name, line.device.display()),
            ));
        }
        if let Ok(found) = std::fs::metadata(&line.device)
            && !found.file_type().is_char_device()
        {
            return Err((
                here,
                format!("line `{}`: {} is no serial device", line.name, line.device.display()),
            ));
        }
    }
    Ok(())
}

/// Numbers for tests are numbers as any other: what may not be called is not called for a test either.
fn check_test_numbers(lines: &[Spanned<Line>], policy: &Policy) -> Result<(), (usize, String)> {
    for spanned in lines {
        let line = spanned.get_ref();
        for (name, number) in [("number", &line.number), ("test_number", &line.test_number)] {
            if number.as_ref().is_some_and(|number| !policy.allows(number)) {
                let message = format!("line `{}`: [calling] does not allow its {name}", line.name);
                return Err((spanned.span().start, message));
            }
        }
    }
    Ok(())
}

/// Line and column of an octet, from 1; columns count characters.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}

fn default_store_path() -> PathBuf {
    PathBuf::from("/var/lib/shirase/queue.db")
}

fn default_key_file() -> SecretFile {
    SecretFile::new("$CREDENTIALS_DIRECTORY/master-key")
}

fn default_keep_days() -> u16 {
    400
}

#[cfg(test)]
pub(super) mod tests {
    use jiff::civil::time;

    use super::*;
    use crate::office::rate::Rate;

    /// The least that a file must say.
    pub(in crate::app) const LEAST: &str = r#"
[http]
tokens_file = "/run/tokens"

[site]
name = "居宅サービス連携便"
url = "https://renkei.example.jp"
help_name = "連携便サポート"
help_phone = "03-5550-0100"
help_hours = "平日 9:00–17:00"
"#;

    const LINE: &str = "[[line]]\nname = \"line-1\"\ndevice = \"/dev/shirase/nowhere\"\n";

    pub(in crate::app) fn parse(text: &str) -> Result<Settings, String> {
        Settings::parse(text, Path::new("shirase.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn least_file_takes_every_default() {
        let settings = parse(LEAST).expect("the least file is enough");
        assert_eq!(settings.http.listen.to_string(), "127.0.0.1:8750");
        assert_eq!(settings.sheet.deadline_ms, 10_000);
        assert_eq!(
            settings.calling.hours,
            Hours::Daily { opens: time(8, 30, 0, 0), closes: time(18, 0, 0, 0) }
        );
        assert!(settings.lines.is_empty());
    }

    #[test]
    fn line_without_more_is_a_14400_line_in_japan() {
        let settings = parse(&format!("{LEAST}{LINE}")).expect("a line");
        let modem = settings.lines[0].modem();
        assert_eq!((modem.baud, modem.country), (115_200, Some(0)));
        assert_eq!(settings.lines[0].fastest_bps, Rate(t30::Modulation::V17At14400));
    }

    #[test]
    fn crlf_and_bom_are_read_as_toml_allows() {
        let text = format!("\u{feff}{}", LEAST.replace('\n', "\r\n"));
        assert_eq!(parse(&text).map(|settings| settings.lines.len()), Ok(0));
    }

    /// What is wrong, where, and how the one line begins that says so.
    #[test]
    fn every_slip_of_the_pen_is_named_with_its_place() {
        let cases: &[(&str, &str)] = &[
            ("[calls]\nkeep_days = 0\n", "shirase.toml:12:13: must be from 1 to 366"),
            ("[store]\nkeep_days = 89\n", "shirase.toml:12:13: must be from 90 to 3650"),
            ("[calling]\nhour = \"08:30-18:00\"\n", "shirase.toml:12:1: unknown field `hour`"),
            ("[site.en]\nurl = \"x\"\n", "shirase.toml:12:1: unknown field `url`"),
            ("[site.words.fr]\n", "shirase.toml:11:13: unknown field `fr`"),
            ("[site.words.ja]\nhelp = \"\"\n", "shirase.toml:12:8: must not be empty"),
            ("[caling]\n", "shirase.toml:11:2: unknown field `caling`"),
            ("[calling]\nhours = \"18:00-08:30\"\n", "shirase.toml:12:9: must be hours like"),
            ("[calling]\nhours = \"8:30-18:00\"\n", "shirase.toml:12:9: must be hours like"),
            (
                "[calling]\nholidays = [\"2026-02-30\"]\n",
                "shirase.toml:12:12: `2026-02-30` is no day",
            ),
            ("[calling]\ndeny_prefixes = [\"03x\"]\n", "shirase.toml:12:17: each prefix must be"),
            (
                "[calling]\non_absent_identity = \"maybe\"\n",
                "shirase.toml:12:22: must be \"send\" or \"refuse\"",
            ),
            (
                "[sheet]\ndeadline_ms = -5\n",
                "shirase.toml:12:15: must be from 500 to 60000, not -5",
            ),
            (
                "[sheet]\ntemplates = \"templates/fax\"\n",
                "shirase.toml:12:13: must be an absolute path",
            ),
            ("[http]\nlisten = \"127.0.0.1:9\"\n", "shirase.toml:11:2: duplicate key"),
            ("[[line]]\nname = \"a\"\n", "shirase.toml:11:1: missing field `device`"),
            (
                "[[line]]\nname = \"a\"\ndevice = \"ttyS0\"\n",
                "shirase.toml:13:10: must be an absolute path",
            ),
            (
                "[[line]]\nname = \"a\"\ndevice = \"/etc/passwd\"\n",
                "shirase.toml:11:1: line `a`: /etc/passwd is no serial device",
            ),
            (
                "[[line]]\nname = \"A b\"\ndevice = \"/dev/ttyS0\"\n",
                "shirase.toml:12:8: must be 1 to 16 of a-z",
            ),
            (
                "[[line]]\nname = \"a\"\ndevice = \"/dev/x\"\nfastest_bps = 33600\n",
                "shirase.toml:14:15: must be 2400",
            ),
            (
                "[[line]]\nname = \"a\"\ndevice = \"/dev/x\"\nanswer_wait_s = 0\n",
                "shirase.toml:14:17: must be from 30 to 120, not 0",
            ),
            (
                "[[line]]\nname = \"a\"\ndevice = \"/dev/x\"\ntsi = \"ABC\"\n",
                "shirase.toml:14:7: must be 1 to 20",
            ),
            (
                "[[line]]\nname = \"a\"\ndevice = \"/dev/x\"\ndial_prefix = \"0;\"\n",
                "shirase.toml:14:15: must be at most 8",
            ),
            (
                "[[line]]\nname = \"a\"\ndevice = \"/dev/x\"\ncountry = 255\n",
                "shirase.toml:14:11: must be from 0 to 254, not 255",
            ),
            (
                "[[line]]\nname = \"a\"\ndevice = \"/dev/x\"\nmodem = \"usr\"\n",
                "shirase.toml:14:9: must be auto or one of generic, usr-5637, ",
            ),
            (
                "[[line]]\nname = \"a\"\ndevice = \"/dev/x\"\nclass = \"3\"\n",
                "shirase.toml:14:9: must be auto, 1, 1.0, 2, 2.0 or 2.1",
            ),
        ];
        for (tail, expected) in cases {
            let message = parse(&format!("{LEAST}{tail}")).expect_err(tail);
            assert!(
                message.starts_with(expected),
                "{tail}\n  gave   {message}\n  wanted {expected}"
            );
            assert!(!message.contains('\n'), "more than one line: {message}");
        }
    }

    #[test]
    fn site_in_english_says_what_it_says_in_japanese_where_nothing_else_is_given() {
        let text = format!(
            "{LEAST}[site.en]\nname = \"Renkei Post\"\n[site.words.en]\nhelp = \"Ask us\"\n"
        );
        let face = parse(&text).expect("reads").site.face();
        assert_eq!(
            (face.ja.name.as_str(), face.en.name.as_str()),
            ("居宅サービス連携便", "Renkei Post")
        );
        assert_eq!(face.en.help_name, "連携便サポート");
        assert_eq!(face.en.words.get("help").map(String::as_str), Some("Ask us"));
        assert!(face.ja.words.is_empty());
    }

    #[test]
    fn port_of_99999_and_of_0_are_no_address() {
        for port in ["99999", "0"] {
            let text = LEAST.replace("[http]", &format!("[http]\nlisten = \"127.0.0.1:{port}\""));
            let message = parse(&text).expect_err("no such port");
            assert!(message.starts_with("shirase.toml:3:10: must be an address"), "{message}");
        }
    }

    #[test]
    fn second_line_on_the_same_device_is_refused_at_its_table() {
        let second = LINE.replace("line-1", "line-2");
        let message = parse(&format!("{LEAST}{LINE}{second}")).expect_err("one device, two lines");
        assert_eq!(
            message,
            "shirase.toml:14:1: line `line-2`: /dev/shirase/nowhere belongs to another line"
        );
    }

    #[test]
    fn second_line_of_the_same_name_is_refused_at_its_table() {
        let second = LINE.replace("nowhere", "elsewhere");
        let message = parse(&format!("{LEAST}{LINE}{second}")).expect_err("one name, two lines");
        assert_eq!(message, "shirase.toml:14:1: a second line is named `line-1`");
    }

    #[test]
    fn number_that_may_not_be_called_is_not_called_for_a_test_either() {
        for name in ["number", "test_number"] {
            let denied = "[calling]\ndeny_prefixes = [\"0355\"]\n";
            let message = parse(&format!("{LEAST}{denied}{LINE}{name} = \"03-5550-0001\"\n"))
                .expect_err("it is denied");
            let expected = format!("line `line-1`: [calling] does not allow its {name}");
            assert!(message.ends_with(&expected), "{message}");
        }
    }

    #[test]
    fn file_of_more_than_a_mebibyte_is_refused_unread() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("shirase.toml");
        std::fs::write(&path, "#".repeat(FILE_LIMIT_OCTETS as usize + 1)).expect("a file");
        let message = Settings::load(&path).expect_err("too long").to_string();
        assert!(message.ends_with("longer than 1 MiB: this is no settings file"), "{message}");
    }
}
