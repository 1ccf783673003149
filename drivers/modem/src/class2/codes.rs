//! Why a modem of Class 2, 2.0 or 2.1 says that it hung up.
//!
//! In: what stands behind `+FHNG:` or `+FHS:`. Out: a [`HungUp`]: the words of the modem, and the cause.
//! Source: three tables that share numbers but not meanings: SP-2388 of 1989; SP-2388-A (1990), decimal;
//! SP-2388-B, TIA-592 and T.32, hexadecimal. Makers' manuals print the second or the third.
//! Not here: what a code proves. Alone it proves nothing: `44` is a bad command in one table and an EOP
//! without a reply in another. Whether a page may have been printed is known from what we wrote.

use super::Dialect;
use crate::Class;

/// A hang-up by the modem, with its reason.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HungUp {
    said: String,
    cause: HangUpCause,
    meaning: &'static str,
}

/// What hang-up codes come to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum HangUpCause {
    /// Nothing was wrong.
    Normal,
    /// The telephone rang while we dialled.
    Ring,
    /// We stopped it.
    Aborted,
    /// The line is dead.
    NoLoopCurrent,
    /// It rang at the far end and nobody answered.
    NoAnswer,
    /// Nothing like a fax machine until T1.
    NoFaxMachine,
    /// Identifying and agreeing failed, without anything more exact.
    PhaseB,
    CannotReceive,
    NoReplyToDcs,
    CannotTrain,
    /// The page failed, without anything more exact.
    PhaseC,
    /// The modem ran out of data.
    Underrun,
    /// What follows the page failed, without anything more exact.
    PhaseD,
    NoReplyAfterPage,
    /// A person is asked for; there is none here.
    Operator,
    /// A code for calls in which the modem receives: it has lost its way.
    Receiving,
    /// A code of no table.
    Unknown,
}

impl HangUpCause {
    /// Stable, for machines; the same as elsewhere where the meaning is the same.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Normal | Self::Unknown | Self::Receiving => "modem-hung-up",
            Self::Ring => "glare",
            Self::Aborted => "modem-aborted",
            Self::NoLoopCurrent => "no-loop-current",
            Self::NoAnswer => "no-answer",
            Self::NoFaxMachine => "no-carrier",
            Self::PhaseB => "modem-phase-b",
            Self::CannotReceive => "cannot-receive",
            Self::NoReplyToDcs => "no-reply-to-dcs",
            Self::CannotTrain => "cannot-train",
            Self::PhaseC => "modem-phase-c",
            Self::Underrun => "modem-underrun",
            Self::PhaseD => "modem-phase-d",
            Self::NoReplyAfterPage => "no-reply-after-page",
            Self::Operator => "pin",
        }
    }

    /// Whether it speaks against a page status that was told before it and says that the page was taken.
    /// A line that goes dead, or a hang-up for reasons of the telephone network, does not: the far end's
    /// answer had been read by then. (A status behind such a hang-up proves nothing: `status.rs`.)
    pub(crate) const fn contradicts_a_confirmation(self) -> bool {
        match self {
            Self::Normal | Self::Aborted | Self::NoLoopCurrent | Self::Ring => false,
            Self::NoAnswer
            | Self::NoFaxMachine
            | Self::PhaseB
            | Self::CannotReceive
            | Self::NoReplyToDcs
            | Self::CannotTrain
            | Self::PhaseC
            | Self::Underrun
            | Self::PhaseD
            | Self::NoReplyAfterPage
            | Self::Operator
            | Self::Receiving
            | Self::Unknown => true,
        }
    }
}

impl HungUp {
    /// Reads a code as the modems of this edition mean it.
    pub(crate) fn read(text: &str, edition: Edition) -> Self {
        let said: String =
            text.trim().chars().filter(char::is_ascii_alphanumeric).take(LONGEST).collect();
        let code = said.trim_start_matches('0');
        let code = if code.is_empty() { "0" } else { code };
        let row = edition
            .columns()
            .into_iter()
            .find_map(|column| TABLE.iter().find(|row| column(row).eq_ignore_ascii_case(code)));
        let (cause, meaning) = match row {
            Some(row) => (row.3, row.4),
            None => (HangUpCause::Unknown, "a code of no table"),
        };
        // Without any digits nothing was said; that is not the same as `0`.
        if said.is_empty() {
            return Self { said, cause: HangUpCause::Unknown, meaning: "no code" };
        }
        Self { said, cause, meaning }
    }

    /// Reads a code as modems of this class mean it.
    #[must_use]
    pub fn of(class: Class, text: &str) -> Self {
        Self::read(text, Dialect::of(class).map_or(Edition::B, |dialect| dialect.edition))
    }

    #[must_use]
    pub fn cause(&self) -> HangUpCause {
        self.cause
    }

    /// The code as the modem said it, at most 4 characters.
    #[must_use]
    pub fn said(&self) -> &str {
        &self.said
    }
}

impl std::fmt::Display for HungUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the modem hung up with code {}: {}", self.said, self.meaning)
    }
}

/// Longest code that is kept; the tables have three characters.
const LONGEST: usize = 4;

/// Whose numbers a modem uses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Edition {
    /// Class 2: SP-2388-A, decimal. Some modems are older than it.
    A,
    /// Class 2.0 and 2.1: SP-2388-B and all after it, hexadecimal.
    B,
}

type Row = (&'static str, &'static str, &'static str, HangUpCause, &'static str);
type Column = fn(&Row) -> &'static str;

impl Edition {
    /// Its own column, then those in which a code that is not in it may be found.
    fn columns(self) -> [Column; 3] {
        let (of_1989, a, b): (Column, Column, Column) = (|row| row.0, |row| row.1, |row| row.2);
        match self {
            Self::A => [a, of_1989, b],
            Self::B => [b, a, of_1989],
        }
    }
}

/// Code of 1989, of SP-2388-A, of SP-2388-B and later; cause; for people. Empty: not in that table.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("0",  "0",  "0",  HangUpCause::Normal,           "a proper end"),
    ("1",  "1",  "1",  HangUpCause::Ring,             "ringing was heard, and no handshake came of it"),
    ("2",  "2",  "2",  HangUpCause::Aborted,          "stopped by +FK or CAN"),
    ("",   "3",  "3",  HangUpCause::NoLoopCurrent,    "no loop current: the line is dead or not plugged in"),
    ("",   "",   "4",  HangUpCause::NoAnswer,         "it rang at the far end and nobody answered"),
    ("",   "",   "5",  HangUpCause::NoAnswer,         "it rang at the far end and no fax tone came"),
    ("10", "10", "10", HangUpCause::NoFaxMachine,     "no connection to a fax machine"),
    ("11", "11", "11", HangUpCause::NoFaxMachine,     "nothing like a fax machine answered within T1"),
    ("20", "20", "20", HangUpCause::PhaseB,           "the machines did not agree"),
    ("21", "21", "21", HangUpCause::CannotReceive,    "the far end can neither send nor receive"),
    ("22", "22", "22", HangUpCause::PhaseB,           "no command could be read, or DCN came"),
    ("23", "23", "23", HangUpCause::PhaseB,           "a wrong command, or neither DIS nor DTC"),
    ("24", "24", "24", HangUpCause::PhaseB,           "no reply could be read, or DCN came"),
    ("25", "25", "25", HangUpCause::NoReplyToDcs,     "no reply to DCS after three tries"),
    ("26", "26", "26", HangUpCause::NoReplyToDcs,     "the far end began anew three times and did not take DCS"),
    ("27", "27", "27", HangUpCause::CannotTrain,      "no modulation trains on this line"),
    ("28", "28", "28", HangUpCause::PhaseB,           "a wrong reply while agreeing"),
    ("30", "40", "40", HangUpCause::PhaseC,           "the page failed"),
    ("",   "",   "41", HangUpCause::PhaseC,           "the page's format is wrong"),
    ("",   "",   "42", HangUpCause::PhaseC,           "the page could not be converted"),
    ("33", "43", "43", HangUpCause::Underrun,         "the modem ran out of page data"),
    ("",   "",   "44", HangUpCause::PhaseC,           "a pair of DLE in the page means nothing to the modem"),
    ("",   "",   "45", HangUpCause::PhaseC,           "a row of the page has the wrong length"),
    ("",   "",   "46", HangUpCause::PhaseC,           "the page has the wrong length"),
    ("",   "",   "47", HangUpCause::PhaseC,           "the page has the wrong coding"),
    ("40", "50", "50", HangUpCause::PhaseD,           "what follows the page failed"),
    ("41", "51", "51", HangUpCause::PhaseD,           "no reply after the page could be read, or DCN came"),
    ("42", "52", "52", HangUpCause::NoReplyAfterPage, "no reply to MPS after three tries"),
    ("43", "53", "53", HangUpCause::PhaseD,           "a wrong reply to MPS"),
    ("44", "54", "54", HangUpCause::NoReplyAfterPage, "no reply to EOP after three tries"),
    ("45", "55", "55", HangUpCause::PhaseD,           "a wrong reply to EOP"),
    ("46", "56", "56", HangUpCause::NoReplyAfterPage, "no reply to EOM after three tries"),
    ("47", "57", "57", HangUpCause::PhaseD,           "a wrong reply to EOM"),
    ("48", "58", "58", HangUpCause::Operator,         "the far end asked for a person"),
    ("50", "70", "70", HangUpCause::Receiving,        "receiving: the machines did not agree"),
    ("51", "71", "71", HangUpCause::Receiving,        "receiving: no reply could be read, or DCN came"),
    ("52", "72", "72", HangUpCause::Receiving,        "receiving: no command could be read"),
    ("53", "73", "73", HangUpCause::Receiving,        "receiving: no page within T2"),
    ("54", "74", "74", HangUpCause::Receiving,        "receiving: nothing after EOM within T1"),
    ("60", "90", "90", HangUpCause::Receiving,        "receiving: the page failed"),
    ("61", "91", "91", HangUpCause::Receiving,        "receiving: a row had no end for 5 s"),
    ("63", "93", "93", HangUpCause::Receiving,        "receiving: the computer did not take the page"),
    ("64", "94", "92", HangUpCause::Receiving,        "receiving: wrong frames"),
    ("70", "100", "A0", HangUpCause::Receiving,       "receiving: what follows the page failed"),
    ("71", "101", "A1", HangUpCause::Receiving,       "receiving: a wrong reply after the page"),
    ("72", "102", "A2", HangUpCause::Receiving,       "receiving: a wrong command after the page"),
    ("73", "103", "A3", HangUpCause::Receiving,       "receiving: a person was asked for"),
];

/// Every code of one column, for tests that walk them.
#[cfg(test)]
pub(crate) fn every_code(edition: Edition) -> impl Iterator<Item = (&'static str, HangUpCause)> {
    let [own, _, _] = edition.columns();
    TABLE.iter().map(move |row| (own(row), row.3)).filter(|(code, _)| !code.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(text: &str, edition: Edition) -> HangUpCause {
        HungUp::read(text, edition).cause()
    }

    #[test]
    fn same_number_means_what_its_table_says() {
        assert_eq!(cause("44", Edition::B), HangUpCause::PhaseC, "T.32: a bad pair of DLE");
        assert_eq!(
            cause("44", Edition::A),
            HangUpCause::NoReplyAfterPage,
            "only the table of 1989 has it"
        );
        assert_eq!(cause("40", Edition::A), HangUpCause::PhaseC);
        assert_eq!(cause("A1", Edition::B), HangUpCause::Receiving);
        assert_eq!(cause("101", Edition::A), HangUpCause::Receiving);
        assert_eq!(cause("5", Edition::B), HangUpCause::NoAnswer);
    }

    #[test]
    fn no_column_says_a_code_twice() {
        for edition in [Edition::A, Edition::B] {
            for column in edition.columns() {
                let mut seen: Vec<&str> =
                    TABLE.iter().map(column).filter(|code| !code.is_empty()).collect();
                let all = seen.len();
                seen.sort_unstable();
                seen.dedup();
                assert_eq!(seen.len(), all);
            }
        }
    }

    #[test]
    fn zeros_spaces_and_small_letters_do_not_matter_and_rubbish_is_unknown() {
        for (text, expected) in [
            (" 00", HangUpCause::Normal),
            ("0", HangUpCause::Normal),
            ("011", HangUpCause::NoFaxMachine),
            ("a0", HangUpCause::Receiving),
            ("", HangUpCause::Unknown),
            ("\u{7f}-", HangUpCause::Unknown),
            ("999999999", HangUpCause::Unknown),
        ] {
            assert_eq!(cause(text, Edition::B), expected, "{text:?}");
        }
        assert_eq!(HungUp::read("0398765432", Edition::A).said().len(), LONGEST);
    }

    #[test]
    fn no_code_of_phase_c_or_d_leaves_a_confirmation_standing() {
        for edition in [Edition::A, Edition::B] {
            for (code, cause) in every_code(edition) {
                let harmless = ["0", "1", "2", "3"].contains(&code);
                assert_eq!(cause.contradicts_a_confirmation(), !harmless, "{code}");
            }
        }
    }
}
