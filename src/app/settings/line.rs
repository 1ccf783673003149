//! One telephone line and its modem.
//!
//! In: `[[line]]`. Out: the modem driver's settings, the most that a call may use.
//! Not here: what one line cannot know of itself, such as a second line on its modem (`mod.rs`).

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{self, Deserializer};

use super::values::{absolute, within, yes};
use crate::job::FaxNumber;
use crate::office::rate::Rate;
use crate::office::terms::LineLimits;

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

/// The value that leaves a choice to the program.
const AUTO: &str = "auto";

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

pub(super) fn line_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
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
