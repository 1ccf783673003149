//! `shirase.toml`: what an operator may choose, where each choice ends, and why its default is what it is.
//!
//! In: the text of the file. Out: [`Settings`], or a [`SettingsError`] that names file, line and column.
//! Source: TOML 1.0. A key that is not written here is refused, so a slip of the pen never goes unseen.
//! Not here: secrets. They stay in files of their own, which the settings only name (`secrets.rs`).

use std::collections::{BTreeMap, HashSet};
use std::io::Read;
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::{Date, Time, Weekday, time};
use serde::Deserialize;
use serde::de::{self, Deserializer};
use toml::Spanned;

use super::secrets::SecretFile;
use crate::job::{FaxNumber, SheetText};
use crate::office::Policy;
use crate::office::identity::OnAbsent;
use crate::office::rate::Rate;
use crate::office::terms::LineLimits;
use crate::render::{SiteFace, SiteWords};
use crate::schedule::windows::{self, HoursError, Windows};

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
    pub lines: Vec<Line>,
}

/// `[http]`: where the hook listens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Address and port, port 1 to 65535. 127.0.0.1:8750: nobody but this machine until somebody
    /// decides otherwise, because the hook itself speaks no TLS.
    #[serde(default = "default_listen", deserialize_with = "listen")]
    pub listen: SocketAddr,
    /// File of hashed tokens, one a line, as `shirase token new` prints them. No default place but
    /// systemd's credentials, because a token file that lies around is a leak.
    #[serde(default = "default_tokens_file")]
    pub tokens_file: SecretFile,
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
}

impl Default for Store {
    fn default() -> Self {
        Self { path: default_store_path(), key_file: default_key_file() }
    }
}

/// `[site]`: what every sheet says of the exchange. All required, because a stranger reads it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// The one name of the site, 1 to 40 characters.
    #[serde(deserialize_with = "printable::<_, 40>")]
    pub name: String,
    /// Where to log in, 1 to 60 characters, `https://…`: printed large and as the QR code.
    #[serde(deserialize_with = "site_url")]
    pub url: String,
    /// Who helps, 1 to 40 characters.
    #[serde(deserialize_with = "printable::<_, 40>")]
    pub help_name: String,
    /// Their telephone, 1 to 20 characters, as a person would write it.
    #[serde(deserialize_with = "printable::<_, 20>")]
    pub help_phone: String,
    /// When they answer, 1 to 40 characters.
    #[serde(deserialize_with = "printable::<_, 40>")]
    pub help_hours: String,
    /// What sheets in English say instead; what is not given is as above.
    #[serde(default)]
    pub en: SiteInEnglish,
    /// Sentences in place of those in the templates' `words/*.toml`.
    #[serde(default)]
    pub words: Words,
}

/// `[site.en]`: the same limits as in `[site]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SiteInEnglish {
    #[serde(deserialize_with = "maybe_printable::<_, 40>")]
    pub name: Option<String>,
    #[serde(deserialize_with = "maybe_printable::<_, 40>")]
    pub help_name: Option<String>,
    #[serde(deserialize_with = "maybe_printable::<_, 40>")]
    pub help_hours: Option<String>,
}

/// `[site.words]`: a table for each language.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Words {
    pub ja: Sentences,
    pub en: Sentences,
}

/// Sentences by their name, 1 to 120 characters each: what is longer goes onto a second page anyway.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Sentences(BTreeMap<String, Sentence>);

#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
struct Sentence(#[serde(deserialize_with = "printable::<_, 120>")] String);

/// `[sheet]`: how the page is drawn.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sheet {
    /// The worker program. /usr/libexec/shirase/shirase-sheet: where `make install` puts it.
    #[serde(deserialize_with = "absolute")]
    pub program: PathBuf,
    /// Folder of the templates; a template can read nothing outside it.
    #[serde(deserialize_with = "absolute")]
    pub templates: PathBuf,
    /// Font files or folders, in the order in which glyphs are looked for. BIZ UDGothic, because
    /// its strokes stay apart at fax resolution.
    #[serde(deserialize_with = "absolute_list")]
    pub fonts: Vec<PathBuf>,
    /// Longest time for one sheet, 500 to 60 000 ms. 10 000: a cold start with fonts takes about 1 s,
    /// and a template that needs ten of them is broken.
    #[serde(deserialize_with = "within::<_, _, 500, 60_000>")]
    pub deadline_ms: u64,
    /// Address space of the worker, 256 to 8192 MiB. 1024: some twelve times what a sheet needs.
    #[serde(deserialize_with = "within::<_, _, 256, 8192>")]
    pub memory_mib: u64,
}

impl Default for Sheet {
    fn default() -> Self {
        Self {
            program: PathBuf::from("/usr/libexec/shirase/shirase-sheet"),
            templates: PathBuf::from("/usr/share/shirase/templates/fax"),
            fonts: vec![PathBuf::from("/usr/share/fonts/truetype/bizud-gothic")],
            deadline_ms: 10_000,
            memory_mib: 1024,
        }
    }
}

/// `[calling]`: when and whom lines may call.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Calling {
    /// Hours of weekdays and Saturdays in Japan, `"08:30-18:00"`, or `"always_open"` for a rehearsal
    /// on a software line. 08:30-18:00: when somebody stands at the far machine.
    pub hours: Hours,
    /// Days without calls besides Sundays, `"2026-12-31"`. Empty: the operator knows the calendar.
    #[serde(deserialize_with = "days")]
    pub holidays: Vec<Date>,
    /// Numbers must begin with one of these digits to be called. Empty allows the number plan's
    /// 0AB-J and 050.
    #[serde(deserialize_with = "prefixes")]
    pub allow_prefixes: Vec<String>,
    /// Numbers that begin with one of these are never called; stronger than `allow_prefixes`. Empty:
    /// the number plan already refuses mobile, toll-free, premium, international and emergency numbers.
    #[serde(deserialize_with = "prefixes")]
    pub deny_prefixes: Vec<String>,
    /// When each line tests itself once a day, in Japan, such as `"08:30"`, or `"never"`. 08:30: the time at
    /// which the first calls go out, so that a dead line is known before anybody waits for it.
    pub self_test: DailyTime,
    /// What to do when the called machine does not say who it is, or says a name that is no number.
    /// `"send"`: many machines in Japan never had their number entered.
    #[serde(deserialize_with = "on_absent")]
    pub on_absent_identity: OnAbsent,
}

impl Default for Calling {
    fn default() -> Self {
        Self {
            hours: Hours::Daily { opens: time(8, 30, 0, 0), closes: time(18, 0, 0, 0) },
            holidays: Vec::new(),
            allow_prefixes: Vec::new(),
            deny_prefixes: Vec::new(),
            self_test: DailyTime(Some(time(8, 30, 0, 0))),
            on_absent_identity: OnAbsent::Send,
        }
    }
}

/// `[calls]`: how long is remembered what passed on each call.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Calls {
    /// Days that a trace is kept, 1 to 366. 40: until the telephone bill of the month has come, since a
    /// trace still says who was called when. Fewer if all of them would need more than 64 MiB.
    #[serde(deserialize_with = "within::<_, _, 1, 366>")]
    pub keep_days: u16,
}

impl Default for Calls {
    fn default() -> Self {
        Self { keep_days: 40 }
    }
}

impl Calls {
    /// How long a trace is kept.
    pub fn keep(&self) -> Duration {
        Duration::from_secs(86_400 * u64::from(self.keep_days))
    }
}

/// A time of each day in Japan, or never.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "String")]
pub struct DailyTime(pub Option<Time>);

impl TryFrom<String> for DailyTime {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "never" {
            return Ok(Self(None));
        }
        clock_time(&text).map(|at| Self(Some(at))).ok_or("must be a time like 08:30, or never")
    }
}

/// When lines may be used.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "String")]
pub enum Hours {
    /// Times of the day in Japan; no call begins at `closes` or later.
    Daily { opens: Time, closes: Time },
    /// Day and night, Sundays and holidays: for a software line.
    AlwaysOpen,
}

impl Site {
    /// As sheets show it.
    pub fn face(&self) -> SiteFace {
        let or_japanese =
            |own: &Option<String>, japanese: &String| own.as_ref().unwrap_or(japanese).clone();
        SiteFace {
            url: self.url.clone(),
            help_phone: self.help_phone.clone(),
            ja: SiteWords {
                name: self.name.clone(),
                help_name: self.help_name.clone(),
                help_hours: self.help_hours.clone(),
                words: self.words.ja.by_name(),
            },
            en: SiteWords {
                name: or_japanese(&self.en.name, &self.name),
                help_name: or_japanese(&self.en.help_name, &self.help_name),
                help_hours: or_japanese(&self.en.help_hours, &self.help_hours),
                words: self.words.en.by_name(),
            },
        }
    }
}

impl Sentences {
    fn by_name(&self) -> BTreeMap<String, String> {
        self.0.iter().map(|(name, Sentence(text))| (name.clone(), text.clone())).collect()
    }
}

impl Sheet {
    /// As the sheet driver wants it.
    pub fn worker(&self) -> sheet::WorkerSettings {
        sheet::WorkerSettings {
            program: self.program.clone(),
            templates: self.templates.clone(),
            fonts: self.fonts.clone(),
            deadline: Duration::from_millis(self.deadline_ms),
            memory_limit: self.memory_mib << 20,
        }
    }
}

impl Calling {
    /// Whom to call.
    pub fn policy(&self) -> Policy {
        Policy {
            allow_prefixes: self.allow_prefixes.clone(),
            deny_prefixes: self.deny_prefixes.clone(),
            ..Policy::default()
        }
    }

    /// When to call.
    ///
    /// # Errors
    /// [`HoursError`] for hours that are never open; those that [`Settings::parse`] took are.
    pub fn windows(&self) -> Result<Windows, HoursError> {
        match self.hours {
            Hours::AlwaysOpen => Ok(Windows::Always),
            Hours::Daily { opens, closes } => {
                let holidays = self.holidays.iter().copied().collect();
                windows::Hours::new(opens, closes, vec![Weekday::Sunday], holidays)
                    .map(Windows::Hours)
            }
        }
    }
}

/// `[[line]]`: one telephone line and its modem.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// How people and receipts call it, 1 to 16 of `a-z 0-9 -`.
    #[serde(deserialize_with = "line_name")]
    pub name: String,
    /// The serial device; a stable name such as `/dev/serial/by-id/…`. It may be missing at start:
    /// the line then waits for it.
    #[serde(deserialize_with = "absolute")]
    pub device: PathBuf,
    /// Speed of the serial port, 19 200 to 921 600 bit/s. 115 200: Class 1 needs well above 14 400.
    #[serde(default = "default_baud", deserialize_with = "within::<_, _, 19_200, 921_600>")]
    pub baud: u32,
    /// Our number as the far machine shows it (TSI) and the tag line prints it, up to 20 of `0-9 + space`. None:
    /// neither has one.
    #[serde(default, deserialize_with = "tsi")]
    pub tsi: Option<String>,
    /// The number of this line itself, as a caller dials it: tests of other lines ring it, in calling hours only
    /// until it has rung this line. None: it is not rung.
    #[serde(default, deserialize_with = "own_number")]
    pub number: Option<FaxNumber>,
    /// A number at which a fax machine answers, for tests: it is called in calling hours, and a page is sent
    /// only if a person wants one there. None: no such call.
    #[serde(default, deserialize_with = "own_number")]
    pub test_number: Option<FaxNumber>,
    /// Dialled before every number, up to 8 of `0-9 ,`. None; `"0,"` behind a private exchange.
    #[serde(default, deserialize_with = "dial_prefix")]
    pub dial_prefix: String,
    /// T.35 country for `+GCI`, 0 to 254. 0 is Japan.
    #[serde(default, deserialize_with = "within::<_, _, 0, 254>")]
    pub country: u8,
    /// The model of the modem, one of those in `drivers/modem/profiles`, or `"auto"` to ask it. auto:
    /// most modems say who they are.
    #[serde(default, deserialize_with = "modem_model")]
    pub modem: Option<String>,
    /// Its fax class, `"1"`, `"1.0"`, `"2"`, `"2.0"`, `"2.1"`, or `"auto"`. auto: Class 1 where the modem
    /// has it, because there the far machine's own answer is read.
    #[serde(default, deserialize_with = "modem_class")]
    pub class: Option<modem::Class>,
    /// Error correction when the far machine has it. true: the only way to know that every pel came.
    #[serde(default = "yes")]
    pub ecm: bool,
    /// Fastest signalling rate: 2400, 4800, 7200, 9600, 12 000 or 14 400 bit/s. 14 400: more does
    /// not survive today's IP core.
    #[serde(default = "default_fastest", deserialize_with = "fastest")]
    pub fastest_bps: Rate,
    /// From the end of dialling to a fax tone, 30 to 120 s. 60: ringing plus T1. Japanese law has
    /// the line on-hook within 120 s of an unanswered call.
    #[serde(default = "default_answer_wait_s", deserialize_with = "within::<_, _, 30, 120>")]
    pub answer_wait_s: u16,
    /// No call lasts longer, 60 to 1800 s. 600: twenty times the usual sheet.
    #[serde(default = "default_call_limit_s", deserialize_with = "within::<_, _, 60, 1800>")]
    pub call_limit_s: u16,
}

impl Line {
    /// As the modem driver wants it.
    pub fn modem(&self) -> modem::LineSettings {
        modem::LineSettings {
            name: self.name.clone(),
            device: self.device.clone(),
            baud: self.baud,
            dial_prefix: self.dial_prefix.clone(),
            country: Some(self.country),
            modem: self.modem.clone(),
            class: self.class,
            answer_wait: Duration::from_secs(self.answer_wait_s.into()),
            call_limit: Duration::from_secs(self.call_limit_s.into()),
        }
    }

    /// The most that a call on it may use.
    pub fn limits(&self) -> LineLimits {
        LineLimits { line: self.name.clone(), fastest: self.fastest_bps, ecm: self.ecm }
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
        let file: File = toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            wrong(offset, error.message().replace('\n', " "))
        })?;
        check_lines(&file.line).map_err(|(offset, message)| wrong(offset, message))?;
        check_test_numbers(&file.line, &file.calling.policy())
            .map_err(|(offset, message)| wrong(offset, message))?;
        Ok(Self {
            http: file.http,
            store: file.store,
            site: file.site,
            sheet: file.sheet,
            self_test: file.calling.self_test.0,
            calling: file.calling,
            calls: file.calls,
            lines: file.line.into_iter().map(Spanned::into_inner).collect(),
        })
    }
}

/// The file as TOML has it; [`Settings`] is what remains once lines are checked against each other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    http: Http,
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
}

/// What one line cannot know of itself: its name and its modem belong to no other line.
fn check_lines(lines: &[Spanned<Line>]) -> Result<(), (usize, String)> {
    let mut names = HashSet::new();
    let mut devices = HashSet::new();
    for spanned in lines {
        let line = spanned.get_ref();
        let here = spanned.span().start;
        if !names.insert(line.name.as_str()) {
            return Err((here, format!("a second line is named `{}`", line.name)));
        }
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

/// The value that leaves a choice to the program.
const AUTO: &str = "auto";

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8750))
}

fn default_tokens_file() -> SecretFile {
    SecretFile::new("$CREDENTIALS_DIRECTORY/tokens")
}

fn default_store_path() -> PathBuf {
    PathBuf::from("/var/lib/shirase/queue.db")
}

fn default_key_file() -> SecretFile {
    SecretFile::new("$CREDENTIALS_DIRECTORY/master-key")
}

fn default_baud() -> u32 {
    115_200
}

fn default_fastest() -> Rate {
    Rate(t30::Modulation::V17At14400)
}

fn default_answer_wait_s() -> u16 {
    60
}

fn default_call_limit_s() -> u16 {
    600
}

fn yes() -> bool {
    true
}

/// A whole number from `LEAST` to `MOST`.
fn within<'de, D, T, const LEAST: i64, const MOST: i64>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<i64>,
{
    let number = i64::deserialize(deserializer)?;
    (LEAST..=MOST)
        .contains(&number)
        .then(|| T::try_from(number).ok())
        .flatten()
        .ok_or_else(|| de::Error::custom(format!("must be from {LEAST} to {MOST}, not {number}")))
}

fn listen<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse()
        .ok()
        .filter(|address: &SocketAddr| address.port() != 0)
        .ok_or_else(|| de::Error::custom("must be an address and a port, as in 127.0.0.1:8750"))
}

fn absolute<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    let path = PathBuf::deserialize(deserializer)?;
    if path.is_absolute() { Ok(path) } else { Err(de::Error::custom("must be an absolute path")) }
}

fn absolute_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
    let paths = Vec::<PathBuf>::deserialize(deserializer)?;
    if !paths.is_empty() && paths.iter().all(|path| path.is_absolute()) {
        Ok(paths)
    } else {
        Err(de::Error::custom("must be one or more absolute paths"))
    }
}

/// Text for people, as it stands on every sheet: 1 to `MOST` characters.
fn printable<'de, D, const MOST: usize>(deserializer: D) -> Result<String, D::Error>
where
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    let printed = SheetText::parse(&text, MOST).map_err(de::Error::custom)?;
    if text.trim() == text {
        Ok(printed.as_str().to_owned())
    } else {
        Err(de::Error::custom("must not begin or end with a space"))
    }
}

fn maybe_printable<'de, D, const MOST: usize>(deserializer: D) -> Result<Option<String>, D::Error>
where
    D: Deserializer<'de>,
{
    printable::<_, MOST>(deserializer).map(Some)
}

fn site_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let url = String::deserialize(deserializer)?;
    let has_host = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    if has_host && url.len() <= 60 && url.chars().all(|c| c.is_ascii_graphic()) {
        Ok(url)
    } else {
        Err(de::Error::custom("must be https://… of at most 60 ASCII characters"))
    }
}

fn days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Date>, D::Error> {
    Vec::<String>::deserialize(deserializer)?
        .iter()
        .map(|text| {
            text.parse()
                .map_err(|_| de::Error::custom(format!("`{text}` is no day like 2026-12-31")))
        })
        .collect()
}

fn prefixes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let prefixes = Vec::<String>::deserialize(deserializer)?;
    let is_prefix = |text: &String| {
        (1..=11).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_digit())
    };
    if prefixes.iter().all(is_prefix) {
        Ok(prefixes)
    } else {
        Err(de::Error::custom("each prefix must be 1 to 11 digits"))
    }
}

fn line_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let allowed = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-';
    if (1..=16).contains(&name.len()) && name.bytes().all(allowed) {
        Ok(name)
    } else {
        Err(de::Error::custom("must be 1 to 16 of a-z, 0-9 and -"))
    }
}

fn tsi<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let allowed = |octet: u8| octet.is_ascii_digit() || octet == b'+' || octet == b' ';
    if (1..=20).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(Some(text))
    } else {
        Err(de::Error::custom("must be 1 to 20 of 0-9, + and space"))
    }
}

fn own_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<FaxNumber>, D::Error> {
    let text = String::deserialize(deserializer)?;
    FaxNumber::parse(&text).map(Some).map_err(de::Error::custom)
}

fn dial_prefix<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.len() <= 8 && text.bytes().all(|octet| octet.is_ascii_digit() || octet == b',') {
        Ok(text)
    } else {
        Err(de::Error::custom("must be at most 8 of 0-9 and comma"))
    }
}

fn modem_model<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == AUTO {
        return Ok(None);
    }
    if modem::models().any(|name| name == text) {
        return Ok(Some(text));
    }
    let names: Vec<&str> = modem::models().collect();
    Err(de::Error::custom(format!("must be auto or one of {}", names.join(", "))))
}

fn modem_class<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<modem::Class>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == AUTO {
        return Ok(None);
    }
    modem::Class::named(&text)
        .map(Some)
        .ok_or_else(|| de::Error::custom("must be auto, 1, 1.0, 2, 2.0 or 2.1, in quotes"))
}

fn fastest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Rate, D::Error> {
    let rate_bps = i64::deserialize(deserializer)?;
    let rate = u16::try_from(rate_bps).ok().and_then(Rate::of_limit);
    rate.ok_or_else(|| de::Error::custom(Rate::LIMIT_WORDS))
}

impl TryFrom<String> for Hours {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "always_open" {
            return Ok(Self::AlwaysOpen);
        }
        text.split_once('-')
            .and_then(|(opens, closes)| Some((clock_time(opens)?, clock_time(closes)?)))
            .filter(|(opens, closes)| opens < closes)
            .map(|(opens, closes)| Self::Daily { opens, closes })
            .ok_or("must be hours like 08:30-18:00 within one day, or always_open")
    }
}

/// `08:30`, with both zeros.
fn clock_time(text: &str) -> Option<Time> {
    let (hours, minutes) = text.split_once(':')?;
    let two_digits = |part: &str| {
        let is_it = part.len() == 2 && part.bytes().all(|octet| octet.is_ascii_digit());
        is_it.then(|| part.parse::<i8>().ok()).flatten()
    };
    Time::new(two_digits(hours)?, two_digits(minutes)?, 0, 0).ok()
}

fn on_absent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OnAbsent, D::Error> {
    String::deserialize(deserializer)?
        .parse()
        .map_err(|_| de::Error::custom("must be \"send\" or \"refuse\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least that a file must say.
    const LEAST: &str = r#"
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

    fn parse(text: &str) -> Result<Settings, String> {
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
