//! The number of an office in the long-term care insurance (介護保険事業所番号).
//!
//! In: ten characters. Out: [`OfficeNumber`], whose check digit is right.
//! Source: MHLW, 介護予防・日常生活支援総合事業における事業所番号の考え方: two digits prefecture, one
//! class, two district, four running, one check digit by modulus 10, weights 2 and 1, extended to letters.
//! Not here: whether that office exists and whose fax number is registered for it (`office`).

use std::fmt;

use super::number::trimmed;

/// Ten characters, prefecture and check digit right, e.g. `1379900028`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct OfficeNumber {
    text: String,
    class: OfficeClass,
}

/// What the third character says about the office.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum OfficeClass {
    /// 0: 地域包括支援センター
    SupportCentre,
    /// 1: 医科
    Medical,
    /// 3: 歯科
    Dental,
    /// 4: 薬局
    Pharmacy,
    /// 5: 介護老人保健施設
    HealthFacility,
    /// 6: 訪問看護ステーション
    VisitingNurse,
    /// 7: 指定事業所
    Designated,
    /// 8: 基準該当事業所
    Qualified,
    /// 9: 地域密着型サービス事業所
    Community,
    /// A to Z without I, O and Q: 総合事業
    Municipal,
}

impl OfficeNumber {
    /// Reads ten ASCII characters, outer spaces aside. Full-width ones are refused: the exchange
    /// keeps these numbers in one form, and a different form is a sign of retyping.
    ///
    /// # Errors
    /// [`OfficeNumberError`], with what is wrong.
    pub fn parse(text: &str) -> Result<Self, OfficeNumberError> {
        let text = trimmed(text);
        let found = text.chars().count();
        if found != 10 {
            return Err(OfficeNumberError::Length { found });
        }
        let mut class = OfficeClass::SupportCentre;
        let mut sum = 0;
        let mut check = 0;
        for (at, c) in text.chars().enumerate() {
            let value = match at {
                2 => {
                    class = class_of(c).ok_or(OfficeNumberError::Character { at })?;
                    value_of(c)
                }
                _digit => c.to_digit(10),
            }
            .ok_or(OfficeNumberError::Character { at })?;
            match at {
                9 => check = value,
                _payload => sum += digit_sum(value * if at % 2 == 0 { 2 } else { 1 }),
            }
        }
        match text.get(..2).and_then(|code| code.parse::<u8>().ok()) {
            Some(1..=47) => {}
            _none => return Err(OfficeNumberError::Prefecture),
        }
        if (sum + check) % 10 != 0 {
            return Err(OfficeNumberError::CheckDigit);
        }
        Ok(Self { text: text.to_owned(), class })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn class(&self) -> OfficeClass {
        self.class
    }
}

impl fmt::Display for OfficeNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn class_of(c: char) -> Option<OfficeClass> {
    match c {
        '0' => Some(OfficeClass::SupportCentre),
        '1' => Some(OfficeClass::Medical),
        '3' => Some(OfficeClass::Dental),
        '4' => Some(OfficeClass::Pharmacy),
        '5' => Some(OfficeClass::HealthFacility),
        '6' => Some(OfficeClass::VisitingNurse),
        '7' => Some(OfficeClass::Designated),
        '8' => Some(OfficeClass::Qualified),
        '9' => Some(OfficeClass::Community),
        'I' | 'O' | 'Q' => None,
        'A'..='Z' => Some(OfficeClass::Municipal),
        _other => None,
    }
}

/// What the check digit counts a character as: letters go on after 9, those not in use left out, so
/// that A is 10 and Z is 32.
fn value_of(c: char) -> Option<u32> {
    const LETTERS: &str = "ABCDEFGHJKLMNPRSTUVWXYZ";
    match c {
        '0'..='9' => c.to_digit(10),
        _letter => {
            LETTERS.chars().zip(10..).find(|(letter, _)| *letter == c).map(|(_, value)| value)
        }
    }
}

fn digit_sum(value: u32) -> u32 {
    value / 10 + value % 10
}

/// Why ten characters are no office number. The caller's fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OfficeNumberError {
    #[error("an office number has 10 characters, this one has {found}")]
    Length { found: usize },
    #[error("character {at} (from 0) cannot stand there in an office number")]
    Character { at: usize },
    #[error("the first two digits are no prefecture (01 to 47)")]
    Prefecture,
    #[error("the check digit is wrong")]
    CheckDigit,
}

impl OfficeNumberError {
    pub fn code(self) -> &'static str {
        "invalid-office-number"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_numbers_parse_with_their_class() {
        let cases = [
            ("1179900012", OfficeClass::Designated),
            ("1379900028", OfficeClass::Designated),
            ("2779900030", OfficeClass::Designated),
            ("4079900041", OfficeClass::Designated),
            ("1169900014", OfficeClass::VisitingNurse),
            // By hand: 1×2 1 A=10×2→2 2×1 2×2 3 2×2 6 0×2 = 2+1+2+2+4+3+4+6+0 = 24, check 6.
            ("11A2232606", OfficeClass::Municipal),
        ];
        for (text, class) in cases {
            let number = OfficeNumber::parse(text).map(|n| (n.to_string(), n.class()));
            assert_eq!(number, Ok((text.to_owned(), class)));
        }
    }

    #[test]
    fn any_single_wrong_digit_is_refused() {
        for at in 0..10 {
            for wrong in '0'..='9' {
                let mut chars: Vec<char> = "1379900028".chars().collect();
                if chars[at] == wrong {
                    continue;
                }
                chars[at] = wrong;
                let text: String = chars.into_iter().collect();
                assert!(OfficeNumber::parse(&text).is_err(), "{text}");
            }
        }
    }

    #[test]
    fn malformed_numbers_say_what_is_wrong() {
        let cases = [
            ("137990002", OfficeNumberError::Length { found: 9 }),
            ("13799000281", OfficeNumberError::Length { found: 11 }),
            ("1329900028", OfficeNumberError::Character { at: 2 }),
            ("13I9900028", OfficeNumberError::Character { at: 2 }),
            ("13a9900028", OfficeNumberError::Character { at: 2 }),
            ("1379A00028", OfficeNumberError::Character { at: 4 }),
            ("１379900028", OfficeNumberError::Character { at: 0 }),
            ("0079900028", OfficeNumberError::Prefecture),
            ("4879900028", OfficeNumberError::Prefecture),
            ("1379900029", OfficeNumberError::CheckDigit),
        ];
        for (text, error) in cases {
            assert_eq!(OfficeNumber::parse(text), Err(error), "{text}");
        }
    }
}
