//! A fax number: digits only, of a line that a fax notice may ring, shown with all but the last four
//! masked.
//!
//! In: a number as people write it. Out: [`FaxNumber`].
//! Source: Japan's numbering plan (電気通信番号計画, 2019): 0AB-J 10 digits, 050 11 digits.
//! Not here: prefixes that an appliance allows or denies besides (`office`).

use std::fmt;

/// Digits of a Japanese number, 10 (0AB-J) or 11 (050) of them, normalised. `Display` and `Debug`
/// mask it.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct FaxNumber(String);

impl FaxNumber {
    /// Longest text looked at: a number with country code and every separator is shorter. Chosen.
    const MAX_CHARS: usize = 32;

    /// Reads a number as written: full-width or ASCII digits, hyphens, spaces, parentheses, `+81`.
    ///
    /// # Errors
    /// [`NumberError`]; it never holds the number.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        if text.chars().count() > Self::MAX_CHARS {
            return Err(NumberError::Long { limit: Self::MAX_CHARS });
        }
        let mut digits = String::with_capacity(Self::MAX_CHARS);
        let mut international = false;
        for (at, c) in trimmed(text).chars().enumerate() {
            match c {
                '0'..='9' => digits.push(c),
                '０'..='９' => digits.extend(full_width_digit(c)),
                '+' | '＋' if at == 0 => international = true,
                ' ' | '\u{3000}' | '(' | ')' | '（' | '）' => {}
                // Hyphens, dashes, minus and the long vowel mark that keyboards give for them.
                '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | 'ー' | 'ｰ' | '－' => {}
                _other => return Err(NumberError::Character { at }),
            }
        }
        if digits.is_empty() {
            return Err(NumberError::Empty);
        }
        if international {
            let Some(rest) = digits.strip_prefix("81") else {
                return Err(NumberError::Denied(Denied::International));
            };
            // "+81 (0)3 …" is written, too.
            digits = format!("0{}", rest.strip_prefix('0').unwrap_or(rest));
        }
        match plan(&digits)? {
            expected if digits.len() == expected => Ok(Self(digits)),
            expected => Err(NumberError::Length { digits: digits.len(), expected }),
        }
    }

    /// All digits, for the dial string, the store and the redial rule.
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// The same with the country code, for whoever dials it from anywhere: `81312345678`.
    pub fn international(&self) -> String {
        format!("81{}", self.0.strip_prefix('0').unwrap_or(&self.0))
    }
}

/// Without the spaces around it that come with a copied cell. Line ends and other blanks are no slip of a hand.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\u{3000}'])
}

/// ASCII for a full-width digit.
fn full_width_digit(c: char) -> Option<char> {
    u32::from(c).checked_sub(u32::from('０')).and_then(|value| char::from_digit(value, 10))
}

/// How many digits a number with this beginning has, if it may be dialled at all.
fn plan(digits: &str) -> Result<usize, NumberError> {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| digits.starts_with(prefix));
    let denied = if starts(&["184", "186"]) {
        Denied::CallerIdPrefix
    } else if starts(&["1"]) {
        Denied::ServiceCode
    } else if starts(&["010"]) {
        Denied::International
    } else if starts(&["00"]) {
        Denied::CarrierCode
    } else if starts(&["0120", "0800", "0170", "0180", "0570", "0910", "0990"]) {
        Denied::SpecialRate
    } else if starts(&["050"]) {
        return Ok(11);
    } else if starts(&["020", "030", "040", "060", "070", "080", "090"]) {
        Denied::Mobile
    } else if starts(&["0"]) {
        return Ok(10);
    } else {
        return Err(NumberError::NoAreaCode);
    };
    Err(NumberError::Denied(denied))
}

impl fmt::Display for FaxNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask(&self.0))
    }
}

impl fmt::Debug for FaxNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaxNumber({self})")
    }
}

/// All but the last four characters as `*`: how a number or an identity is shown to anybody.
pub fn mask(text: &str) -> String {
    let hidden = text.chars().count().saturating_sub(4);
    text.chars().enumerate().map(|(at, c)| if at < hidden { '*' } else { c }).collect()
}

/// Why a text is no number to send to. The caller's fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NumberError {
    #[error("the number is empty")]
    Empty,
    #[error("the number has more than {limit} characters")]
    Long { limit: usize },
    #[error("character {at} (from 0) cannot stand in a number")]
    Character { at: usize },
    #[error("the number has no area code")]
    NoAreaCode,
    #[error("the number has {digits} digits, {expected} are needed")]
    Length { digits: usize, expected: usize },
    /// A well-known range that is never dialled, whatever the settings say.
    #[error("{0}")]
    Denied(Denied),
}

impl NumberError {
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty
            | Self::Long { .. }
            | Self::Character { .. }
            | Self::NoAreaCode
            | Self::Length { .. } => "invalid-number",
            Self::Denied(_) => "destination-denied",
        }
    }
}

/// Ranges that no notice is sent to: they cost extra, ring a person's pocket or an emergency desk.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Denied {
    /// 184, 186: would hide or show our own number.
    #[error("the number must not begin with 184 or 186")]
    CallerIdPrefix,
    /// 1XY: 110, 119, 117 …
    #[error("emergency and service codes are not dialled")]
    ServiceCode,
    /// 010, or `+` with another country than Japan.
    #[error("numbers abroad are not dialled")]
    International,
    /// 00XY: a choice of carrier.
    #[error("carrier codes are not dialled")]
    CarrierCode,
    /// 0120, 0800, 0170, 0180, 0570, 0910, 0990.
    #[error("free-call, navigation and premium numbers are not dialled")]
    SpecialRate,
    /// 0A0 but for 050: telephones in pockets, pagers, machines.
    #[error("mobile numbers are not dialled")]
    Mobile,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_as_people_write_them_become_the_same_digits() {
        let written = [
            "0312345678",
            "03-1234-5678",
            "(03)1234-5678",
            " 03 1234 5678 ",
            "０３－１２３４－５６７８",
            "０３（１２３４）５６７８",
            "03ー1234−5678",
            "+81-3-1234-5678",
            "+81 (0)3 1234 5678",
            "＋８１３１２３４５６７８",
        ];
        for text in written {
            let number = FaxNumber::parse(text).map(|n| n.digits().to_owned());
            assert_eq!(number, Ok("0312345678".into()), "{text}");
        }
        for text in ["050-1234-5678", "0460-85-1234", "0126-22-1234"] {
            assert!(FaxNumber::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn dial_string_injection_is_an_invalid_number() {
        let bad = [
            "0312345678\rATZ",
            "0312345678;",
            "0312345678!",
            "0312345678,,,1",
            "W0312345678",
            "0312345678@",
            "03123456O8",
            "٠٣١٢٣٤٥٦٧٨",
            "03+12345678",
            "0312345678\0",
            "tel:0312345678",
        ];
        for text in bad {
            let code = FaxNumber::parse(text).map_err(NumberError::code);
            assert_eq!(code, Err("invalid-number"), "{text:?}");
        }
    }

    #[test]
    fn wrong_lengths_say_how_many_digits_are_needed() {
        let cases = [
            ("", NumberError::Empty),
            ("+", NumberError::Empty),
            ("7", NumberError::NoAreaCode),
            ("12345678901", NumberError::Denied(Denied::ServiceCode)),
            ("31234567", NumberError::NoAreaCode),
            ("031234567", NumberError::Length { digits: 9, expected: 10 }),
            ("03123456789", NumberError::Length { digits: 11, expected: 10 }),
            ("0501234567", NumberError::Length { digits: 10, expected: 11 }),
            (&"3".repeat(40), NumberError::Long { limit: 32 }),
        ];
        for (text, error) in cases {
            assert_eq!(FaxNumber::parse(text).err(), Some(error), "{text:?}");
        }
    }

    #[test]
    fn ranges_that_are_never_dialled_are_denied() {
        let cases = [
            ("110", Denied::ServiceCode),
            ("119", Denied::ServiceCode),
            ("184-03-1234-5678", Denied::CallerIdPrefix),
            ("1860312345678", Denied::CallerIdPrefix),
            ("010-1-212-555-0100", Denied::International),
            ("+1 212 555 0100", Denied::International),
            ("0033-03-1234-5678", Denied::CarrierCode),
            ("0120-123-456", Denied::SpecialRate),
            ("0800-123-4567", Denied::SpecialRate),
            ("0570-012-345", Denied::SpecialRate),
            ("0990-512345", Denied::SpecialRate),
            ("090-1234-5678", Denied::Mobile),
            ("+81 90 1234 5678", Denied::Mobile),
            ("080-1234-5678", Denied::Mobile),
            ("070-1234-5678", Denied::Mobile),
            ("060-1234-5678", Denied::Mobile),
            ("020-1234-5678", Denied::Mobile),
        ];
        for (text, denied) in cases {
            let error = FaxNumber::parse(text).expect_err(text);
            assert_eq!(error, NumberError::Denied(denied), "{text}");
            assert_eq!(error.code(), "destination-denied");
        }
    }

    #[test]
    fn display_and_debug_show_four_digits_only() {
        let number = FaxNumber::parse("03-1234-5678").expect("parses");
        assert_eq!(format!("{number} {number:?}"), "******5678 FaxNumber(******5678)");
    }

    proptest! {
        #[test]
        fn whatever_parses_is_10_or_11_digits_and_parses_again(text in "\\PC{0,40}|[0-9０-９ +()-]{0,20}") {
            if let Ok(number) = FaxNumber::parse(&text) {
                prop_assert!(number.digits().bytes().all(|b| b.is_ascii_digit()));
                prop_assert!(matches!(number.digits().len(), 10 | 11));
                prop_assert_eq!(FaxNumber::parse(number.digits()), Ok(number));
            }
        }
    }
}
