//! When and whom lines may call, and how long a call is remembered.
//!
//! In: `[calling]`, `[calls]`. Out: a [`Policy`], the [`Windows`], the time of the daily test.
//! Not here: what holds for one line (`line.rs`), the number plan (`job/number.rs`).

use std::time::Duration;

use jiff::civil::{Date, Time, Weekday, time};
use serde::Deserialize;
use serde::de::{self, Deserializer};

use super::values::within;
use crate::office::Policy;
use crate::office::identity::OnAbsent;
use crate::schedule::windows::{self, HoursError, Windows};

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
    /// A login ID, a password and a key go to a number only if a sheet was confirmed there within 180 days and nothing has
    /// changed since; before that a `number_proof` has to go. true: a slip of the pen in a number puts a test sheet into the
    /// wrong tray and no key.
    pub keys_only_to_proven: bool,
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
            keys_only_to_proven: true,
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

impl Calling {
    /// Whom to call.
    pub fn policy(&self) -> Policy {
        Policy {
            allow_prefixes: self.allow_prefixes.clone(),
            deny_prefixes: self.deny_prefixes.clone(),
            keys_only_to_proven: self.keys_only_to_proven,
            ..Policy::default()
        }
    }

    /// When to call.
    ///
    /// # Errors
    /// [`HoursError`] for hours that are never open; settings that were accepted have none.
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
