//! What a modem of Class 2, 2.0 or 2.1 says beside V.250's result words.
//!
//! In: a line of text. Out: a [`Word`]. The words of the classes do not collide, so a modem that mixes
//! them (`+FCON` in Class 2.0) is understood. Source: SP-2388-A, TIA-592, T.32, their responses.
//! Not here: what follows from a word (`session.rs`).

use super::codes::{Edition, HungUp};
use super::terms;

/// Longest identity (T.30 5.3.6.2.4) and most octets of NSF that are kept.
const IDENTITY_CHARACTERS: usize = 20;
const NSF_OCTETS: usize = 64;

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Word {
    /// `+FCON`: a fax machine answered.
    Connected,
    /// `+FCSI:`: who it is; `None` if it says nothing that can be printed.
    Csi(Option<String>),
    /// `+FDIS:`: what it can do, as text.
    Dis(String),
    /// `+FDCS:`: what was agreed, as text.
    Dcs(String),
    Nsf(Option<Vec<u8>>),
    /// `+FPTS:`: what it says to the page.
    PageStatus(Option<u8>),
    HungUp(HungUp),
    /// `+FVOICE`: a person answered.
    Voice,
    /// Something else: a word we have no use for, an answer to a question, noise.
    Other,
}

impl Word {
    pub(crate) fn parse(line: &str, edition: Edition) -> Self {
        let (name, rest) = match line.split_once(':') {
            Some((name, rest)) => (name.trim(), rest.trim()),
            None => (line.trim(), ""),
        };
        match name {
            "+FCON" | "+FCO" => Self::Connected,
            "+FCSI" | "+FCI" => Self::Csi(identity(rest)),
            "+FDIS" | "+FIS" => Self::Dis(rest.to_owned()),
            "+FDCS" | "+FCS" => Self::Dcs(rest.to_owned()),
            "+FNSF" | "+FNF" => Self::Nsf(octets(rest)),
            "+FPTS" | "+FPS" => Self::PageStatus(page_status(rest)),
            "+FHNG" | "+FHS" => Self::HungUp(HungUp::read(rest, edition)),
            "+FVOICE" | "+FVO" => Self::Voice,
            _ => Self::Other,
        }
    }
}

/// A line of a modem that has the session itself, as the signal of T.30 that it stands for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Said {
    ByUs(String),
    ByFarEnd(String),
}

/// Says which signal a line stands for; `None` for the modem's own words.
#[must_use]
pub fn explain(line: &str) -> Option<Said> {
    // Only hang-up codes differ between the editions, and they are no signals.
    Some(match Word::parse(line, Edition::B) {
        Word::Connected => Said::ByFarEnd("a fax machine answers".into()),
        Word::Csi(csi) => {
            Said::ByFarEnd(format!("CSI  {}", csi.unwrap_or_else(|| "no identity".into())))
        }
        Word::Dis(dis) => Said::ByFarEnd(format!("DIS  up to {}", terms::contract(&dis)?)),
        Word::Dcs(dcs) => Said::ByUs(format!("DCS  {}", terms::contract(&dcs)?)),
        Word::Nsf(_) => Said::ByFarEnd("NSF  maker's own".into()),
        Word::PageStatus(status) => Said::ByFarEnd(
            match status? {
                1 => "MCF  received",
                2 => "RTN  received badly, rejected",
                3 => "RTP  received, train again",
                4 => "PIN  rejected, asks for an operator",
                5 => "PIP  received, asks for an operator",
                _ => return None,
            }
            .into(),
        ),
        Word::Voice => Said::ByFarEnd("a person answers".into()),
        Word::HungUp(_) | Word::Other => return None,
    })
}

/// The first number of a page status: `1`, or `1,1200,0,0` with rows counted.
fn page_status(text: &str) -> Option<u8> {
    text.split(',').next().unwrap_or_default().trim().parse().ok()
}

/// A page status without its name, as some modems answer a question; nothing else has only numbers.
pub(crate) fn bare_page_status(line: &str) -> Option<u8> {
    let is_bare = line.bytes().all(|octet| octet.is_ascii_digit() || matches!(octet, b',' | b' '));
    is_bare.then(|| page_status(line)).flatten()
}

/// `"   03 1234 5678"`, in quotes or not.
fn identity(text: &str) -> Option<String> {
    let text: String = text.trim_matches('"').chars().take(IDENTITY_CHARACTERS).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// `"00 00 0E"`, in quotes or not, with spaces or not.
fn octets(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|c| !matches!(c, '"' | ' '))
        .take(2 * NSF_OCTETS)
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let pairs = digits?;
    let octets: Vec<u8> = pairs
        .chunks_exact(2)
        .filter_map(|pair| if let [high, low] = pair { Some(high << 4 | low) } else { None })
        .collect();
    (!octets.is_empty()).then_some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(line: &str) -> Word {
        Word::parse(line, Edition::B)
    }

    #[test]
    fn lines_stand_for_the_signals_that_a_technician_knows() {
        let far_end = |words: &str| Some(Said::ByFarEnd(words.into()));
        let dis = "DIS  up to V.17 14400 bit/s, fine, MR, no ECM";
        assert_eq!(explain("+FDIS: 1,5,0,2,1,0,0,3"), far_end(dis));
        let dcs = "DCS  V.29 9600 bit/s, standard, MH, no ECM";
        assert_eq!(explain("+FCS:0,3,0,2,0,0,0,0"), Some(Said::ByUs(dcs.into())));
        assert_eq!(explain("+FCSI: \"  ** **** 5432\""), far_end("CSI  ** **** 5432"));
        assert_eq!(explain("+FPTS: 2,17"), far_end("RTN  received badly, rejected"));
        for own in ["OK", "+FHNG: 0", "+FPTS: 9", "+FPTS: x", "+FDIS: x", ""] {
            assert_eq!(explain(own), None, "{own}");
        }
    }

    #[test]
    fn words_of_both_dialects_mean_the_same() {
        for (line, expected) in [
            ("+FCON", Word::Connected),
            ("+FCO", Word::Connected),
            ("+FCSI: \"       03 1234 5678\"", Word::Csi(Some("03 1234 5678".into()))),
            ("+FCI:03 1234 5678", Word::Csi(Some("03 1234 5678".into()))),
            ("+FCSI: \"                    \"", Word::Csi(None)),
            ("+FDIS: 1,5,0,2,1,0,0,3", Word::Dis("1,5,0,2,1,0,0,3".into())),
            ("+FCS:1,3,0,0,0,0,0,5", Word::Dcs("1,3,0,0,0,0,0,5".into())),
            ("+FNSF: \"00 00 0E\"", Word::Nsf(Some(vec![0, 0, 14]))),
            ("+FNF:00000E", Word::Nsf(Some(vec![0, 0, 14]))),
            ("+FPTS: 1", Word::PageStatus(Some(1))),
            ("+FPS:2,1143,12,3", Word::PageStatus(Some(2))),
            ("+FVOICE", Word::Voice),
            ("+FTI:\"x\"", Word::Other),
            ("CONNECTED", Word::Other),
        ] {
            assert_eq!(word(line), expected, "{line}");
        }
    }

    #[test]
    fn rubbish_is_kept_short_and_claims_nothing() {
        assert_eq!(word("+FPTS: x"), Word::PageStatus(None));
        assert_eq!(word("+FPTS: 999"), Word::PageStatus(None));
        assert_eq!(word("+FPTS"), Word::PageStatus(None));
        assert_eq!(word("+FNSF: zz"), Word::Nsf(None));
        let long = format!("+FCSI: {}", "9".repeat(300));
        assert_eq!(word(&long), Word::Csi(Some("9".repeat(IDENTITY_CHARACTERS))));
        let long = format!("+FNSF: {}", "AB".repeat(300));
        assert!(matches!(word(&long), Word::Nsf(Some(octets)) if octets.len() == NSF_OCTETS));
    }
}
