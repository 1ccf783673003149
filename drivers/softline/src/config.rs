//! What the line is made of: its ends, the far ends that can be dialled, and its faults.
//!
//! In: `--line`, `--far`, `--fault` and a TOML file. Out: [`Plan`], every value checked.
//! Both spellings go through the same `set` functions, so they know the same keys.
//! Not here: the other options of the command line (`main`).
//!
//! ```toml
//! [[line]]
//! name = "line1"
//! link = "/run/softline/line1"      # a symlink to the terminal; may be left out
//!
//! [[far]]
//! number = "0312345678"             # "*" stands for every number that no other entry has
//! kind = "fax"
//! csi = "+81 3 1234 5678"
//! mod = "v17+v29+v27ter"
//! fault = { snr = 24 }              # instead of the general [fault]
//!
//! [fault]
//! delay = 50
//! ```

use crate::faults::{Burst, Codec, FaultSettings};
use crate::ffi::TerminalOptions;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Lines, far ends and faults, ready to run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub lines: Vec<LinePlan>,
    pub fars: Vec<FarPlan>,
    pub faults: FaultSettings,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct LinePlan {
    pub name: String,
    pub link: Option<PathBuf>,
}

/// One entry of the number plan.
#[derive(Clone, Debug)]
pub(crate) struct FarPlan {
    /// Digits, `*` and `#` as dialled; `*` alone is the entry for all other numbers.
    pub number: String,
    pub kind: FarKind,
    /// Seconds of ringing before an answer. 0 to 600; 2.0, a machine that answers at once.
    pub ring_s: f64,
    pub fax: FaxPlan,
    pub voice: VoicePlan,
    /// Line that rings, for [`FarKind::Line`].
    pub to: Option<String>,
    pub faults: Option<FaultSettings>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum FarKind {
    /// A fax machine that receives.
    Fax,
    /// The subscriber is on the phone.
    Busy,
    /// It rings and nobody comes.
    NoAnswer,
    /// The line gives no dial tone for this number.
    NoDialTone,
    /// A person answers.
    Voice,
    /// A fax machine whose line goes away some time after it answered.
    HangUp,
    /// Another line of ours rings.
    Line,
    /// No such number: the network says so in words, nothing answers.
    Unallocated,
}

/// What a fax machine is like.
#[derive(Clone, Debug)]
pub(crate) struct FaxPlan {
    pub terminal: TerminalOptions,
    /// Seconds from the answer to CED. 0.2 to 10; 1.8, the least that T.30 4.1 lets it be.
    pub pre_s: f64,
    /// Seconds from the answer until it hangs up, for [`FarKind::HangUp`]. 0 to 3600; 20.
    pub after_s: f64,
    /// The caller's modem is told when the far end has gone. Off: it hears a busy tone, as on an
    /// analogue line in Japan, and has to draw its own conclusion.
    pub notice: bool,
}

/// What a person who answers is like.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct VoicePlan {
    /// Says nothing at all.
    pub silent: bool,
}

/// Why a plan cannot be used; the text names the entry and what it may be instead.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{}: {}", path.display(), source.message())]
    Toml { path: PathBuf, source: toml::de::Error },
    #[error("{place}: unknown key `{key}`; it may be one of {known}")]
    UnknownKey { place: String, key: String, known: &'static str },
    #[error("{place}: `{key}` cannot be `{value}`; {allowed}")]
    Value { place: String, key: &'static str, value: String, allowed: &'static str },
    #[error("{place}: `{key}` is missing")]
    Missing { place: String, key: &'static str },
    #[error("{place}: {what} is given twice")]
    Twice { place: &'static str, what: String },
    #[error("{place}: there is no line `{line}`")]
    NoSuchLine { place: String, line: String },
    #[error("`{text}`: expected {expected}")]
    Syntax { text: String, expected: &'static str },
}

const LINE_KEYS: &str = "name, link";
const FAR_KEYS: &str = "number, kind, ring, csi, ecm, mod, coding, scan, res, rnr, boxes, pre, after, \
                        notice, silent, to, fault";
const FAULT_KEYS: &str = "snr, noise, burst, attenuation, delay, loss, codec, seed";
const ON_OFF: &str = "it is `on` or `off`";

impl Plan {
    /// The line that is there when nothing is configured: one end, and a far end of each kind.
    pub(crate) fn built_in(link: Option<PathBuf>) -> Self {
        let far = |number: &str, kind: FarKind| FarPlan::new(number.to_owned(), kind);
        let mut old_fax = far("0355500002", FarKind::Fax);
        old_fax.fax.terminal.ecm = false;
        old_fax.fax.terminal.modems = TerminalOptions::V27TER;
        old_fax.fax.terminal.compressions = TerminalOptions::MH;
        old_fax.fax.terminal.ident = "0355500002".to_owned();
        let mut fax = far("0355500001", FarKind::Fax);
        fax.fax.terminal.ident = "0355500001".to_owned();
        Self {
            lines: vec![LinePlan { name: "line1".to_owned(), link }],
            fars: vec![
                fax,
                old_fax,
                far("0355500003", FarKind::Busy),
                far("0355500004", FarKind::NoAnswer),
                far("0355500005", FarKind::NoDialTone),
                far("0355500006", FarKind::Voice),
                far("0355500007", FarKind::HangUp),
            ],
            faults: FaultSettings::default(),
        }
    }

    /// Puts together a file and the command line, which is heard last. Without any line there is
    /// one called `line1`; without any far end, those of [`Self::built_in`].
    ///
    /// # Errors
    /// Every [`ConfigError`]; nothing is half applied.
    pub(crate) fn load(
        file: Option<&Path>,
        lines: &[String],
        fars: &[String],
        fault: Option<&str>,
    ) -> Result<Self, ConfigError> {
        let mut plan =
            Self { lines: Vec::new(), fars: Vec::new(), faults: FaultSettings::default() };
        if let Some(path) = file {
            plan.read_file(path)?;
        }
        for text in lines {
            let (name, link) = match text.split_once('=') {
                Some((name, link)) => (name, Some(PathBuf::from(link))),
                None => (text.as_str(), None),
            };
            plan.lines.push(LinePlan { name: name.to_owned(), link });
        }
        for text in fars {
            let far = FarPlan::from_argument(text)?;
            plan.fars.retain(|known| known.number != far.number);
            plan.fars.push(far);
        }
        if let Some(text) = fault {
            for (key, value) in pairs(text)? {
                plan.faults.set("--fault", key, value)?;
            }
        }
        let built_in = Self::built_in(None);
        if plan.lines.is_empty() {
            plan.lines = built_in.lines;
        }
        if plan.fars.is_empty() {
            plan.fars = built_in.fars;
        }
        plan.check()?;
        Ok(plan)
    }

    /// The entry for a dialled number.
    pub(crate) fn far(&self, dialled: &str) -> FarPlan {
        let entry = |number: &str| self.fars.iter().find(|far| far.number == number);
        entry(dialled)
            .or_else(|| entry("*"))
            .cloned()
            .unwrap_or_else(|| FarPlan::new(dialled.to_owned(), FarKind::Unallocated))
    }

    fn read_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let table: toml::Table = toml::from_str(&text)
            .map_err(|source| ConfigError::Toml { path: path.to_owned(), source })?;
        let place = path.display().to_string();
        for (section, value) in &table {
            match section.as_str() {
                "line" => {
                    for entry in tables(&place, "line", value)? {
                        self.lines.push(LinePlan::from_table(entry)?);
                    }
                }
                "far" => {
                    for entry in tables(&place, "far", value)? {
                        self.fars.push(FarPlan::from_table(entry)?);
                    }
                }
                "fault" => self.faults = FaultSettings::from_value("[fault]", value)?,
                _unknown => {
                    return Err(ConfigError::UnknownKey {
                        place,
                        key: section.clone(),
                        known: "line, far, fault",
                    });
                }
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), ConfigError> {
        let mut names = HashSet::new();
        for line in &self.lines {
            if !names.insert(line.name.as_str()) {
                return Err(ConfigError::Twice { place: "lines", what: line.name.clone() });
            }
        }
        let mut numbers = HashSet::new();
        for far in &self.fars {
            if !numbers.insert(far.number.as_str()) {
                return Err(ConfigError::Twice { place: "far ends", what: far.number.clone() });
            }
            match (&far.to, far.kind) {
                (None, FarKind::Line) => {
                    return Err(ConfigError::Missing { place: far.place(), key: "to" });
                }
                (Some(line), FarKind::Line) if !names.contains(line.as_str()) => {
                    return Err(ConfigError::NoSuchLine { place: far.place(), line: line.clone() });
                }
                _fits => {}
            }
        }
        Ok(())
    }
}

impl LinePlan {
    fn from_table(table: &toml::Table) -> Result<Self, ConfigError> {
        let mut name = None;
        let mut link = None;
        for (key, value) in table {
            let text = scalar("[[line]]", key, value)?;
            match key.as_str() {
                "name" => name = Some(text),
                "link" => link = Some(PathBuf::from(text)),
                _unknown => {
                    return Err(ConfigError::UnknownKey {
                        place: "[[line]]".to_owned(),
                        key: key.clone(),
                        known: LINE_KEYS,
                    });
                }
            }
        }
        let missing = || ConfigError::Missing { place: "[[line]]".to_owned(), key: "name" };
        Ok(Self { name: name.ok_or_else(missing)?, link })
    }
}

impl FarPlan {
    pub(crate) fn new(number: String, kind: FarKind) -> Self {
        let all_modems = TerminalOptions::V17 | TerminalOptions::V29 | TerminalOptions::V27TER;
        let all_codings = TerminalOptions::MH | TerminalOptions::MR | TerminalOptions::MMR;
        Self {
            number,
            kind,
            ring_s: 2.0,
            fax: FaxPlan {
                terminal: TerminalOptions {
                    ident: String::new(),
                    ecm: true,
                    modems: all_modems,
                    compressions: all_codings,
                    fine: true,
                    min_scan_line_ms: 0,
                    not_ready: 0,
                    boxes: false,
                },
                pre_s: 1.8,
                after_s: 20.0,
                notice: false,
            },
            voice: VoicePlan::default(),
            to: None,
            faults: None,
        }
    }

    fn place(&self) -> String {
        format!("far end {}", self.number)
    }

    /// `NUMBER=KIND,key=value,…`
    fn from_argument(text: &str) -> Result<Self, ConfigError> {
        let syntax = || ConfigError::Syntax {
            text: text.to_owned(),
            expected: "NUMBER=KIND or NUMBER=KIND,key=value,…",
        };
        let (number, rest) = text.split_once('=').ok_or_else(syntax)?;
        let (kind, options) = rest.split_once(',').unwrap_or((rest, ""));
        let mut far = Self::new(checked_number("--far", number)?, checked_kind("--far", kind)?);
        for (key, value) in pairs(options)? {
            // Faults of one far end are written flat here: `…=fax,snr=24`.
            if is_fault_key(key) {
                let place = far.place();
                far.faults.get_or_insert_default().set(&place, key, value)?;
            } else {
                far.set(key, value)?;
            }
        }
        Ok(far)
    }

    fn from_table(table: &toml::Table) -> Result<Self, ConfigError> {
        let required = |key: &'static str| match table.get(key) {
            Some(value) => scalar("[[far]]", key, value),
            None => Err(ConfigError::Missing { place: "[[far]]".to_owned(), key }),
        };
        let number = checked_number("[[far]]", &required("number")?)?;
        let mut far = Self::new(number, checked_kind("[[far]]", &required("kind")?)?);
        for (key, value) in table {
            match key.as_str() {
                "number" | "kind" => {}
                "fault" => far.faults = Some(FaultSettings::from_value(&far.place(), value)?),
                other => far.set(other, &scalar(&far.place(), other, value)?)?,
            }
        }
        Ok(far)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        let place = self.place();
        let place = place.as_str();
        let terminal = &mut self.fax.terminal;
        match key {
            "ring" => self.ring_s = seconds(place, "ring", value, 0.0..=600.0)?,
            "csi" => terminal.ident = checked_ident(place, value)?,
            "ecm" => terminal.ecm = on_off(place, "ecm", value)?,
            "mod" => {
                terminal.modems =
                    mask(place, "mod", value, "v17, v29, v27ter, joined by `+`", |m| match m {
                        "v17" => Some(TerminalOptions::V17),
                        "v29" => Some(TerminalOptions::V29),
                        "v27ter" => Some(TerminalOptions::V27TER),
                        _unknown => None,
                    })?;
            }
            "coding" => {
                terminal.compressions =
                    mask(place, "coding", value, "mh, mr, mmr, joined by `+`", |c| match c {
                        "mh" => Some(TerminalOptions::MH),
                        "mr" => Some(TerminalOptions::MR),
                        "mmr" => Some(TerminalOptions::MMR),
                        _unknown => None,
                    })?;
            }
            "scan" => {
                terminal.min_scan_line_ms = match value {
                    "0" | "5" | "10" | "20" | "40" => number(place, "scan", value, "")?,
                    _unknown => return bad(place, "scan", value, "it is 0, 5, 10, 20 or 40 ms"),
                }
            }
            "res" => {
                terminal.fine = match value {
                    "fine" => true,
                    "standard" => false,
                    _unknown => return bad(place, "res", value, "it is `fine` or `standard`"),
                }
            }
            "rnr" => {
                let allowed = "it is a count from 0 to 100";
                terminal.not_ready = number::<u8>(place, "rnr", value, allowed)?.min(100).into();
            }
            "boxes" => terminal.boxes = on_off(place, "boxes", value)?,
            "pre" => self.fax.pre_s = seconds(place, "pre", value, 0.2..=10.0)?,
            "after" => self.fax.after_s = seconds(place, "after", value, 0.0..=3600.0)?,
            "notice" => self.fax.notice = on_off(place, "notice", value)?,
            "silent" => self.voice.silent = on_off(place, "silent", value)?,
            "to" => self.to = Some(value.to_owned()),
            _unknown => {
                return Err(ConfigError::UnknownKey {
                    place: place.to_owned(),
                    key: key.to_owned(),
                    known: FAR_KEYS,
                });
            }
        }
        Ok(())
    }
}

fn is_fault_key(key: &str) -> bool {
    FAULT_KEYS.split(", ").any(|known| known == key)
}

impl FaultSettings {
    fn from_value(place: &str, value: &toml::Value) -> Result<Self, ConfigError> {
        let Some(table) = value.as_table() else {
            return Err(ConfigError::Syntax { text: place.to_owned(), expected: "a table" });
        };
        let mut faults = Self::default();
        for (key, value) in table {
            faults.set(place, key, &scalar(place, key, value)?)?;
        }
        Ok(faults)
    }

    fn set(&mut self, place: &str, key: &str, value: &str) -> Result<(), ConfigError> {
        match key {
            "snr" => {
                self.snr_db = Some(ranged(place, "snr", value, 0.0..=90.0, "it is 0 to 90 dB")?)
            }
            "noise" => {
                let allowed = "it is -90 to 0 dBm0";
                self.noise_dbm0 = Some(ranged(place, "noise", value, -90.0..=0.0, allowed)?);
            }
            "burst" => self.burst = Some(burst(place, value)?),
            "attenuation" => {
                let allowed = "it is 0 to 60 dB";
                self.attenuation_db = ranged(place, "attenuation", value, 0.0..=60.0, allowed)?;
            }
            "delay" => {
                let ms = ranged(place, "delay", value, 0.0..=2000.0, "it is 0 to 2000 ms")?;
                self.delay_ms = ms.round() as u32;
            }
            "loss" => {
                let allowed = "it is 0 to 100 % of the 20 ms frames";
                self.loss_percent = ranged(place, "loss", value, 0.0..=100.0, allowed)?;
            }
            "codec" => {
                self.codec = match value {
                    "linear" => Codec::Linear,
                    "alaw" => Codec::ALaw,
                    "ulaw" => Codec::MuLaw,
                    _unknown => {
                        return bad(place, "codec", value, "it is `linear`, `alaw` or `ulaw`");
                    }
                }
            }
            "seed" => self.seed = number(place, "seed", value, "it is a whole number")?,
            _unknown => {
                return Err(ConfigError::UnknownKey {
                    place: place.to_owned(),
                    key: key.to_owned(),
                    known: FAULT_KEYS,
                });
            }
        }
        Ok(())
    }
}

/// `key=value,key=value`; empty text is no pairs.
fn pairs(text: &str) -> Result<Vec<(&str, &str)>, ConfigError> {
    let mut found: Vec<(&str, &str)> = Vec::new();
    for pair in text.split(',').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(both) => found.push(both),
            None => {
                return Err(ConfigError::Syntax { text: pair.to_owned(), expected: "key=value" });
            }
        }
    }
    Ok(found)
}

fn tables<'a>(
    place: &str,
    section: &'static str,
    value: &'a toml::Value,
) -> Result<Vec<&'a toml::Table>, ConfigError> {
    let entries: Option<Vec<_>> =
        value.as_array().and_then(|list| list.iter().map(toml::Value::as_table).collect());
    entries.ok_or_else(|| ConfigError::Syntax {
        text: format!("{place}: {section}"),
        expected: "[[line]] and [[far]] with double brackets",
    })
}

/// One TOML value as the text that the command line would have.
fn scalar(place: &str, key: &str, value: &toml::Value) -> Result<String, ConfigError> {
    match value {
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Boolean(true) => Ok("on".to_owned()),
        toml::Value::Boolean(false) => Ok("off".to_owned()),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Float(number) => Ok(number.to_string()),
        toml::Value::Array(parts) => {
            let parts: Result<Vec<_>, _> =
                parts.iter().map(|part| scalar(place, key, part)).collect();
            Ok(parts?.join("+"))
        }
        toml::Value::Datetime(_) | toml::Value::Table(_) => Err(ConfigError::Syntax {
            text: format!("{place}: {key}"),
            expected: "a text, a number, a truth value or a list of texts",
        }),
    }
}

fn bad<T>(
    place: &str,
    key: &'static str,
    value: &str,
    allowed: &'static str,
) -> Result<T, ConfigError> {
    Err(ConfigError::Value { place: place.to_owned(), key, value: value.to_owned(), allowed })
}

fn number<T: std::str::FromStr>(
    place: &str,
    key: &'static str,
    value: &str,
    allowed: &'static str,
) -> Result<T, ConfigError> {
    value.parse().or_else(|_| bad(place, key, value, allowed))
}

fn ranged(
    place: &str,
    key: &'static str,
    value: &str,
    range: std::ops::RangeInclusive<f64>,
    allowed: &'static str,
) -> Result<f64, ConfigError> {
    let parsed: f64 = number(place, key, value, allowed)?;
    if range.contains(&parsed) { Ok(parsed) } else { bad(place, key, value, allowed) }
}

fn seconds(
    place: &str,
    key: &'static str,
    value: &str,
    range: std::ops::RangeInclusive<f64>,
) -> Result<f64, ConfigError> {
    let allowed = match key {
        "pre" => "it is 0.2 to 10 seconds",
        "ring" => "it is 0 to 600 seconds",
        _after => "it is 0 to 3600 seconds",
    };
    ranged(place, key, value, range, allowed)
}

fn on_off(place: &str, key: &'static str, value: &str) -> Result<bool, ConfigError> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _unknown => bad(place, key, value, ON_OFF),
    }
}

fn mask(
    place: &str,
    key: &'static str,
    value: &str,
    allowed: &'static str,
    one: impl Fn(&str) -> Option<i32>,
) -> Result<i32, ConfigError> {
    let bits: Option<Vec<i32>> = value.split('+').map(one).collect();
    match bits {
        Some(bits) => Ok(bits.into_iter().fold(0, |all, bit| all | bit)),
        None => bad(place, key, value, allowed),
    }
}

fn burst(place: &str, value: &str) -> Result<Burst, ConfigError> {
    const ALLOWED: &str = "it is EVERY_MS/LENGTH_MS/LEVEL_DBM0, such as 2000/20/-15";
    let parts: Vec<&str> = value.split('/').collect();
    let [every, length, level] = parts[..] else {
        return bad(place, "burst", value, ALLOWED);
    };
    let every_ms: u32 = number(place, "burst", every, ALLOWED)?;
    let length_ms: u32 = number(place, "burst", length, ALLOWED)?;
    let level_dbm0: f64 = number(place, "burst", level, ALLOWED)?;
    if length_ms == 0 || length_ms >= every_ms || !(-90.0..=0.0).contains(&level_dbm0) {
        return bad(place, "burst", value, ALLOWED);
    }
    Ok(Burst { every_ms, length_ms, level_dbm0 })
}

fn checked_number(place: &str, text: &str) -> Result<String, ConfigError> {
    let dialable = |c: char| c.is_ascii_digit() || c == '*' || c == '#';
    if text.is_empty() || text.len() > 64 || !text.chars().all(dialable) {
        return bad(
            place,
            "number",
            text,
            "it is 1 to 64 of 0-9, * and #, or * alone for the rest",
        );
    }
    Ok(text.to_owned())
}

fn checked_kind(place: &str, text: &str) -> Result<FarKind, ConfigError> {
    match text {
        "fax" => Ok(FarKind::Fax),
        "busy" => Ok(FarKind::Busy),
        "noanswer" => Ok(FarKind::NoAnswer),
        "nodialtone" => Ok(FarKind::NoDialTone),
        "voice" => Ok(FarKind::Voice),
        "hangup" => Ok(FarKind::HangUp),
        "line" => Ok(FarKind::Line),
        "none" => Ok(FarKind::Unallocated),
        _unknown => bad(
            place,
            "kind",
            text,
            "it is fax, busy, noanswer, nodialtone, voice, hangup, line or none",
        ),
    }
}

/// T.30 5.3.6.2.4: twenty characters, digits, plus and space.
fn checked_ident(place: &str, text: &str) -> Result<String, ConfigError> {
    let fits = |c: char| c.is_ascii_digit() || c == '+' || c == ' ';
    if text.len() > 20 || !text.chars().all(fits) {
        return bad(place, "csi", text, "it is at most 20 of 0-9, + and space");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_file(text: &str) -> Result<Plan, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("line.toml");
        std::fs::write(&path, text).unwrap();
        Plan::load(Some(&path), &[], &[], None)
    }

    fn from_far(text: &str) -> Result<FarPlan, ConfigError> {
        let plan = Plan::load(None, &[], &[text.to_owned()], None)?;
        Ok(plan.fars[0].clone())
    }

    #[test]
    fn file_and_argument_say_the_same() {
        let file = from_file(
            r#"
            [[line]]
            name = "a"
            link = "/tmp/a"
            [[far]]
            number = "0312345678"
            kind = "fax"
            csi = "+81 3 1234"
            ecm = false
            mod = ["v29", "v27ter"]
            coding = "mr+mh"
            scan = 20
            boxes = true
            res = "standard"
            pre = 0.2
            ring = 4
            fault = { snr = 24.5, delay = 50 }
            "#,
        )
        .unwrap();
        let argument = from_far(
            "0312345678=fax,csi=+81 3 1234,ecm=off,mod=v29+v27ter,coding=mr+mh,scan=20,\
             boxes=on,res=standard,pre=0.2,ring=4,snr=24.5,delay=50",
        )
        .unwrap();
        assert_eq!(format!("{:?}", file.fars[0]), format!("{argument:?}"));
        assert_eq!(argument.fax.terminal.modems, TerminalOptions::V29 | TerminalOptions::V27TER);
        assert_eq!(argument.faults.unwrap().delay_ms, 50);
        assert_eq!(file.lines[0].link.as_deref(), Some(Path::new("/tmp/a")));
    }

    #[test]
    fn nothing_given_is_the_built_in_line() {
        let plan = Plan::load(None, &[], &[], None).unwrap();
        assert_eq!(plan.lines.len(), 1);
        assert_eq!(plan.far("0355500001").kind, FarKind::Fax);
        assert_eq!(plan.far("0399999999").kind, FarKind::Unallocated);
    }

    #[test]
    fn star_is_every_other_number() {
        let fars = ["1=busy".to_owned(), "*=noanswer".to_owned()];
        let plan = Plan::load(None, &[], &fars, None).unwrap();
        assert_eq!(plan.far("1").kind, FarKind::Busy);
        assert_eq!(plan.far("2").kind, FarKind::NoAnswer);
    }

    #[test]
    fn argument_replaces_the_entry_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("line.toml");
        std::fs::write(&path, "[[far]]\nnumber = \"1\"\nkind = \"busy\"\n").unwrap();
        let plan = Plan::load(Some(&path), &[], &["1=fax".to_owned()], None).unwrap();
        assert_eq!(plan.far("1").kind, FarKind::Fax);
    }

    #[test]
    fn every_mistake_is_told_with_what_would_be_right() {
        let far = |text| from_far(text).unwrap_err().to_string();
        let told = [
            (far("1=fax,colour=red"), "far end 1: unknown key `colour`; it may be one of number"),
            (far("1=telex"), "`kind` cannot be `telex`; it is fax, busy"),
            (far("1=fax,ecm=maybe"), "`ecm` cannot be `maybe`; it is `on` or `off`"),
            (far("1=fax,scan=7"), "`scan` cannot be `7`; it is 0, 5, 10"),
            (far("1=fax,pre=0.1"), "`pre` cannot be `0.1`; it is 0.2 to 10 seconds"),
            (far("1=fax,mod=v34"), "`mod` cannot be `v34`; v17, v29"),
            (far("1=fax,csi=Kojima"), "`csi` cannot be `Kojima`; it is at most 20"),
            (far("1=fax,burst=20"), "`burst` cannot be `20`; it is EVERY_MS/"),
            (far("12a=fax"), "`number` cannot be `12a`; it is 1 to 64"),
            (far("1"), "expected NUMBER=KIND"),
            (far("1=line"), "far end 1: `to` is missing"),
            (far("1=line,to=b"), "far end 1: there is no line `b`"),
            (from_file("[fault]\nhum = 1").unwrap_err().to_string(), "[fault]: unknown key `hum`"),
            (from_file("[lines]").unwrap_err().to_string(), "unknown key `lines`"),
            (from_file("[[far]]\nkind=\"fax\"").unwrap_err().to_string(), "`number` is missing"),
            (from_file("[line]\nname=\"a\"").unwrap_err().to_string(), "double brackets"),
            (from_file("line = =").unwrap_err().to_string(), "line.toml: "),
            (
                from_file("[[line]]\nname=\"a\"\n[[line]]\nname=\"a\"").unwrap_err().to_string(),
                "a is given twice",
            ),
        ];
        for (message, wanted) in told {
            assert!(message.contains(wanted), "{message:?} does not say {wanted:?}");
        }
    }
}
