//! Values that more than one table has, read and checked once.
//!
//! In: what serde hands over. Out: the value, or a sentence about what it must be; the place is added by `mod.rs`.

use std::path::PathBuf;

use mail::Address;
use serde::Deserialize;
use serde::de::{self, Deserializer};

use crate::job::SheetText;

pub(super) fn yes() -> bool {
    true
}

/// A whole number from `LEAST` to `MOST`.
pub(super) fn within<'de, D, T, const LEAST: i64, const MOST: i64>(
    deserializer: D,
) -> Result<T, D::Error>
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

pub(super) fn absolute<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    let path = PathBuf::deserialize(deserializer)?;
    if path.is_absolute() { Ok(path) } else { Err(de::Error::custom("must be an absolute path")) }
}

pub(super) fn maybe_absolute<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PathBuf>, D::Error> {
    absolute(deserializer).map(Some)
}

/// A mail address.
pub(super) fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
    Address::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

/// A name in the DNS, or an address.
pub(super) fn host<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let allowed = |octet: u8| octet.is_ascii_alphanumeric() || b".-:".contains(&octet);
    if (1..=253).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(text)
    } else {
        Err(de::Error::custom("must be a host name or an address"))
    }
}

pub(super) fn maybe_host<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    host(deserializer).map(Some)
}

pub(super) fn absolute_list<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<PathBuf>, D::Error> {
    let paths = Vec::<PathBuf>::deserialize(deserializer)?;
    if !paths.is_empty() && paths.iter().all(|path| path.is_absolute()) {
        Ok(paths)
    } else {
        Err(de::Error::custom("must be one or more absolute paths"))
    }
}

/// Text for people, as it stands on every sheet: 1 to `MOST` characters.
pub(super) fn printable<'de, D, const MOST: usize>(deserializer: D) -> Result<String, D::Error>
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

pub(super) fn maybe_printable<'de, D, const MOST: usize>(
    deserializer: D,
) -> Result<Option<String>, D::Error>
where
    D: Deserializer<'de>,
{
    printable::<_, MOST>(deserializer).map(Some)
}
