//! Is the machine that answered the one that was dialled?
//!
//! In: the identity it sent (CSI, at most 20 of digits, `+` and space by T.30; anything in practice), the number
//! dialled, and what is remembered of it. Out: a [`Judgement`]: who that is, and whether a sheet with a secret
//! may go to it.
//! It prevents accidents. It is no authentication: anybody can set any CSI.
//! Not here: how an identity is learnt and how long it is believed (`known.rs`).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::known::Known;
use crate::job::names::stable_names;
use crate::job::number::mask;
use crate::job::{FaxNumber, UnixMillis};

/// What the identity says about the number dialled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Identity {
    /// It ends like the number dialled.
    Exact,
    /// It is not the number dialled, and it is who took earlier sheets there or whom a technician named.
    Learnt,
    /// None was sent, or it says nothing: no digits, one digit over and over, or too few.
    Absent,
    /// It is another number, or another name than before.
    Conflict,
}

stable_names!(Identity {
    Exact => "exact",
    Learnt => "learnt",
    Absent => "absent",
    Conflict => "conflict",
});

/// What to do with a key when a machine does not say who it is, as many do not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OnAbsent {
    Send,
    Refuse,
}

stable_names!(OnAbsent { Send => "send", Refuse => "refuse" });

impl OnAbsent {
    /// What holds for one sheet: the setting is about keys, and a notice to a machine that keeps silent does
    /// less harm than one that never comes.
    pub fn for_sheet(self, has_secret: bool) -> Self {
        if has_secret { self } else { Self::Send }
    }
}

/// Who answered, and whether a sheet with a secret may go there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Judgement {
    pub identity: Identity,
    pub allowed: bool,
}

/// Fewer digits than this say nothing: a local number without its area code has at least five, and
/// with six a chance match is one in a million. Chosen.
const MIN_TELLING_DIGITS: usize = 6;

/// So many confirmed deliveries make a name that is no number a known one. Chosen: the second could have met
/// the same wrong machine by the same slip, and the first slip is found within days.
pub const LEARNT_AFTER: u32 = 3;

/// An identity in the one form in which two of them are compared: a number as dialled inside Japan, or words
/// in capitals. `Display` and `Debug` mask it as they do a number.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
pub struct Said(String);

impl Said {
    /// Of an identity (T.30 5.3.6.2.4); what is longer is cut.
    pub const LONGEST_CHARS: usize = 20;

    /// Reads what a machine sent or a technician typed; `None` if it says nothing: empty, no letter and no
    /// digit, or one character over and over. A number with a hole stays as it was said.
    pub fn read(text: &str) -> Option<Self> {
        if let Some(number) = telling_number(text).filter(|_| !has_a_hole(text)) {
            return Some(Self(number));
        }
        let words: Vec<String> = text.split_whitespace().map(str::to_uppercase).collect();
        let words: String = words.join(" ").chars().take(Self::LONGEST_CHARS).collect();
        let mut telling = words.chars().filter(|character| character.is_alphanumeric());
        let first = telling.next()?;
        telling.any(|character| character != first).then_some(Self(words))
    }

    /// It is this number, with or without its area code, as machines are set up.
    pub fn is_of(&self, number: &FaxNumber) -> bool {
        self.number().is_some_and(|said| number.digits().ends_with(said))
    }

    /// The number that it is, if it is one.
    fn number(&self) -> Option<&str> {
        self.0
            .bytes()
            .all(|octet| octet.is_ascii_digit())
            .then_some(self.0.as_str())
            .filter(|digits| digits.len() >= MIN_TELLING_DIGITS)
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask(&self.0))
    }
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Said({self})")
    }
}

/// Judges who answered.
///
/// | it says | and | verdict | a secret goes |
/// |---|---|---|---|
/// | the number dialled | | exact | yes |
/// | something else | a technician named it | learnt | yes |
/// | something else | a technician named another | conflict | never, whatever it took here |
/// | nothing | a technician named one | absent | never |
/// | another number | it took [`LEARNT_AFTER`] sheets or more here | learnt | no: a number names somebody |
/// | another number, or one with a damaged character in it | | conflict | never |
/// | a name | it took [`LEARNT_AFTER`] sheets or more here | learnt | as without a name |
/// | a name | another name or number took a sheet here | conflict | never |
/// | a name | nothing is known | absent | by the settings |
/// | nothing | | absent | by the settings |
pub fn judge(
    csi: Option<&str>,
    dialled: &FaxNumber,
    known: &Known,
    on_absent: OnAbsent,
    now: UnixMillis,
) -> Judgement {
    judge_said(csi.and_then(Said::read).as_ref(), dialled, known, on_absent, now)
}

/// As [`judge`], of what was read before.
pub fn judge_said(
    said: Option<&Said>,
    dialled: &FaxNumber,
    known: &Known,
    on_absent: OnAbsent,
    now: UnixMillis,
) -> Judgement {
    let absent = match on_absent {
        OnAbsent::Send => true,
        OnAbsent::Refuse => false,
    };
    let judgement = |identity, allowed| Judgement { identity, allowed };
    let named = known.lock.as_ref().and_then(|lock| lock.identity.as_ref());
    let Some(said) = said else {
        // Whom a technician has named, everybody else could be who keeps silent.
        return judgement(Identity::Absent, absent && named.is_none());
    };
    if said.is_of(dialled) {
        return judgement(Identity::Exact, true);
    }
    match named {
        Some(named) if named == said => return judgement(Identity::Learnt, true),
        Some(_another) => return judgement(Identity::Conflict, false),
        None => {}
    }
    let seen = known.identity(now);
    let deliveries = seen.filter(|seen| seen.said == *said).map_or(0, |seen| seen.confirmed);
    let is_number = said.number().is_some() || has_a_hole(&said.0);
    match deliveries {
        LEARNT_AFTER.. => judgement(Identity::Learnt, absent && !is_number),
        1.. if !is_number => judgement(Identity::Absent, absent),
        0 if !is_number && seen.is_none() => judgement(Identity::Absent, absent),
        0.. => judgement(Identity::Conflict, false),
    }
}

/// A number that says something, as dialled inside Japan.
fn telling_number(text: &str) -> Option<String> {
    let said: String = text.chars().filter(char::is_ascii_digit).collect();
    let said = national(&said);
    let one_digit_only = said.bytes().all(|octet| Some(&octet) == said.as_bytes().first());
    (said.len() >= MIN_TELLING_DIGITS && !one_digit_only).then_some(said)
}

/// Digits on both sides of a `?`, as which a damaged character shows: nobody can say which number it was.
fn has_a_hole(text: &str) -> bool {
    let is_digit = |c: char| c.is_ascii_digit();
    let number = text.find(is_digit).zip(text.rfind(is_digit));
    number.and_then(|(first, last)| text.get(first..last)).is_some_and(|all| all.contains('?'))
}

/// The number as dialled inside Japan: `81…`, also after `00` or `010`, becomes `0…`.
fn national(digits: &str) -> String {
    let abroad = ["01081", "0081", "81"].iter().find_map(|prefix| digits.strip_prefix(prefix));
    match abroad.map(|rest| rest.strip_prefix('0').unwrap_or(rest)) {
        // Nine digits after the zero of 0AB-J, ten after that of 050.
        Some(rest) if matches!(rest.len(), 9 | 10) => format!("0{rest}"),
        Some(_) | None => digits.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::job::examples::TUESDAY_10_00 as NOW;
    use crate::office::known::{Lock, SeenIdentity};

    #[test]
    fn identities_as_machines_send_them() {
        let dialled = FaxNumber::parse("03-1234-5678").expect("parses");
        let cases = [
            (Some("03 1234 5678"), Identity::Exact),
            (Some("+81 3 1234 5678"), Identity::Exact),
            (Some("81312345678"), Identity::Exact),
            (Some("+81 (0)3-1234-5678"), Identity::Exact),
            (Some("0081312345678"), Identity::Exact),
            (Some("010 81 3 1234 5678"), Identity::Exact),
            (Some("1234-5678"), Identity::Exact),
            (Some("FAX 0312345678"), Identity::Exact),
            (None, Identity::Absent),
            (Some(""), Identity::Absent),
            (Some("CARE CENTER"), Identity::Absent),
            (Some("88888888888888888888"), Identity::Absent),
            (Some("0000000000"), Identity::Absent),
            (Some("5678"), Identity::Absent),
            (Some("12"), Identity::Absent),
            (Some("0312345679"), Identity::Conflict),
            (Some("06 1234 5678"), Identity::Conflict),
            (Some("+1 3 1234 5678"), Identity::Conflict),
            (Some("0312?345678"), Identity::Conflict),
            (Some("03 ? 1234 5678"), Identity::Conflict),
            (Some("??? 0312345678"), Identity::Exact),
            (Some("9999 0312345678"), Identity::Conflict),
        ];
        for (csi, identity) in cases {
            assert_eq!(of_a_stranger(csi, &dialled), identity, "{csi:?}");
        }
        // Area code 0812 is not the country code 81.
        let dialled = FaxNumber::parse("0812-34-5678").expect("parses");
        assert_eq!(of_a_stranger(Some("812345678"), &dialled), Identity::Exact);
    }

    /// Every row of the table at [`judge`], under both settings.
    #[test]
    fn verdict_and_leave_for_what_is_said_and_what_is_known() {
        use Identity::{Absent, Conflict, Exact, Learnt};
        let (by_setting, yes, never) = ((true, false), (true, true), (false, false));
        let nothing = || Known::default();
        let took = |csi, times| took(nothing(), csi, times);
        let cases = [
            ("03 1234 5678", nothing(), Exact, yes),
            ("03 1234 5678", took("CARE CENTER", 9), Exact, yes),
            ("03 1234 5678", named("CARE CENTER"), Exact, yes),
            ("CARE CENTER", named("care center"), Learnt, yes),
            ("06 9999 9999", named("+81 6 9999 9999"), Learnt, yes),
            ("06 9999 9999", took("0699999999", LEARNT_AFTER), Learnt, never),
            ("06 9999 9999", took("0699999999", LEARNT_AFTER - 1), Conflict, never),
            ("06 9999 9999", nothing(), Conflict, never),
            ("03 1234 5679", took("0312345678", 9), Conflict, never),
            ("CARE CENTER", took("CARE CENTER", LEARNT_AFTER), Learnt, by_setting),
            ("CARE CENTER", took("CARE CENTER", LEARNT_AFTER - 1), Absent, by_setting),
            ("OTHER CENTER", took("CARE CENTER", 1), Conflict, never),
            ("CARE CENTER", took("0312345678", 1), Conflict, never),
            ("OTHER CENTER", named("CARE CENTER"), Conflict, never),
            ("06 9999 9999", named("CARE CENTER"), Conflict, never),
            ("CARE CENTER", nothing(), Absent, by_setting),
            ("0312?345678", took("0312?345678", LEARNT_AFTER), Learnt, never),
            ("0312?345678", took("0312345678", 9), Conflict, never),
            ("", took("0312345678", 9), Absent, by_setting),
            ("88888888", nothing(), Absent, by_setting),
            // Whom a technician named: not overruled by who took sheets before, nor by silence.
            ("OTHER CENTER", took_though_named("OTHER CENTER", "CARE CENTER"), Conflict, never),
            ("06 9999 9999", took_though_named("0699999999", "CARE CENTER"), Conflict, never),
            ("CARE CENTER", took_though_named("OTHER CENTER", "CARE CENTER"), Learnt, yes),
            ("03 1234 5678", took_though_named("OTHER CENTER", "CARE CENTER"), Exact, yes),
            ("", named("CARE CENTER"), Absent, never),
            ("88888888", named("CARE CENTER"), Absent, never),
        ];
        let dialled = FaxNumber::parse("03-1234-5678").expect("parses");
        for (csi, known, identity, (if_send, if_refuse)) in cases {
            for (on_absent, allowed) in [(OnAbsent::Send, if_send), (OnAbsent::Refuse, if_refuse)] {
                let got = judge(Some(csi), &dialled, &known, on_absent, NOW);
                assert_eq!(got, Judgement { identity, allowed }, "{csi:?} {on_absent} {known:?}");
            }
        }
    }

    proptest! {
        /// However often it took pages here, and whatever a technician has said of other machines.
        #[test]
        fn another_number_never_gets_a_page_unless_a_technician_named_it(
            said in "[0-9]{6,20}",
            before in "[0-9]{6,12}|[A-Z]{2,12}",
            named_one in "[0-9]{6,12}|[A-Z]{2,12}",
            times in 0..20_u32,
            lock: bool,
        ) {
            let dialled = FaxNumber::parse("03-1234-5678").expect("parses");
            let read = Said::read(&said);
            prop_assume!(read.as_ref().is_some_and(|said| said.number().is_some()));
            prop_assume!(read.as_ref().is_some_and(|said| !said.is_of(&dialled)));
            prop_assume!(!lock || read != Said::read(&named_one));
            let known = if lock { named(&named_one) } else { Known::default() };
            for earlier in [before.as_str(), said.as_str()] {
                let known = match Said::read(earlier) {
                    Some(_) => took(known.clone(), earlier, times),
                    None => known.clone(),
                };
                for on_absent in [OnAbsent::Send, OnAbsent::Refuse] {
                    prop_assert!(!judge(Some(&said), &dialled, &known, on_absent, NOW).allowed);
                }
            }
        }
    }

    proptest! {
        /// Whatever took pages here before, and whatever the settings say of silence.
        #[test]
        fn where_a_technician_named_one_nobody_else_gets_a_page(
            said in "[0-9]{0,20}|[A-Z]{0,12}",
            before in "[0-9]{6,12}|[A-Z]{2,12}",
            named_one in "[0-9]{6,12}|[A-Z]{2,12}",
            times in 0..20_u32,
        ) {
            let dialled = FaxNumber::parse("03-1234-5678").expect("parses");
            prop_assume!(Said::read(&named_one).is_some());
            let (one, read) = (Said::read(&named_one), Said::read(&said));
            let is_right = read == one && read.is_some()
                || read.as_ref().is_some_and(|said| said.is_of(&dialled));
            for earlier in [before.as_str(), said.as_str()] {
                let known = match Said::read(earlier) {
                    Some(_) => took(named(&named_one), earlier, times),
                    None => named(&named_one),
                };
                for on_absent in [OnAbsent::Send, OnAbsent::Refuse] {
                    let got = judge(Some(&said), &dialled, &known, on_absent, NOW);
                    prop_assert_eq!(got.allowed, is_right, "{:?}", got);
                }
            }
        }
    }

    #[test]
    fn name_of_half_a_year_ago_is_forgotten() {
        let dialled = FaxNumber::parse("03-1234-5678").expect("parses");
        let known = took(Known::default(), "CARE CENTER", 9);
        let later = NOW.after(crate::office::known::IDENTITY);
        let got = judge(Some("OTHER CENTER"), &dialled, &known, OnAbsent::Send, later);
        assert_eq!(got.identity, Identity::Absent);
    }

    #[test]
    fn shown_identity_is_masked_but_for_four_characters() {
        let said = Said::read("03 1234 5678").expect("says something");
        assert_eq!(format!("{said} {said:?}"), "******5678 Said(******5678)");
    }

    fn of_a_stranger(csi: Option<&str>, dialled: &FaxNumber) -> Identity {
        judge(csi, dialled, &Known::default(), OnAbsent::Send, NOW).identity
    }

    fn took(known: Known, csi: &str, times: u32) -> Known {
        let said = Said::read(csi).expect("says something");
        let seen = SeenIdentity { said, first: NOW, last: NOW, confirmed: times };
        Known { identity: Some(seen), ..known }
    }

    fn took_though_named(csi: &str, one: &str) -> Known {
        took(named(one), csi, LEARNT_AFTER)
    }

    fn named(csi: &str) -> Known {
        let lock = Lock {
            fastest: None,
            no_ecm: false,
            no_t85: false,
            identity: Said::read(csi),
            at: NOW,
        };
        Known { lock: Some(lock), ..Known::default() }
    }
}
