//! The eight numbers in which these modems speak of a call: resolution, rate, width, length, coding,
//! error correction, file transfer, scan line time.
//!
//! In: `+FDCC=?`, `+FDIS:`, `+FDCS:`. Out: [`Means`] (what the modem has), [`Terms`] (what we ask for), a
//! [`Contract`]. Source: SP-2388-A and T.32, table of subparameters; both editions number alike but for
//! error correction, where 2 of SP-2388-A and 1 of T.32 ask for frames of 256 octets.
//! Not here: who says what when (`session.rs`).

use std::time::Duration;
use t30::{Coding, Contract, Modulation, Resolution};

/// The eight in their order.
const VR: usize = 0;
const BR: usize = 1;
const WD: usize = 2;
const LN: usize = 3;
const DF: usize = 4;
const EC: usize = 5;
const ST: usize = 7;

/// What a modem can do: the most of each, of what we use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Means {
    pub fine: bool,
    /// Rate code, 0 (2400) to 5 (14 400).
    pub rate: u8,
    pub mr: bool,
    pub mmr: bool,
    pub ecm: bool,
}

impl Means {
    /// What every modem of these classes has.
    const LEAST: Self = Self { fine: true, rate: RATE_9600, mr: false, mmr: false, ecm: false };

    /// Reads the answer to `+FDCC=?`: `(0,1),(0-5),(0-2),(0-2),(0,1),(0-2),(0),(0-7)`, numbers perhaps
    /// in hexadecimal. What cannot be read is taken for [`Means::LEAST`].
    pub(crate) fn read(text: &str) -> Self {
        let list = text.rsplit(':').next().unwrap_or_default();
        let groups = groups(list);
        let Some([vr, br, _, _, df, ec]) = groups.first_chunk::<6>() else { return Self::LEAST };
        Self {
            // A bit set in T.32, a list in SP-2388-A: 1 is in either.
            fine: vr.iter().any(|(low, high)| *high & 1 == 1 || high > low),
            rate: u8::try_from(most(br)).unwrap_or(RATE_TOP).min(RATE_TOP),
            mr: has(df, DF_MR.into()),
            mmr: has(df, DF_MMR.into()),
            ecm: most(ec) > 0,
        }
    }
}

const DF_MH: u8 = 0;
const DF_MR: u8 = 1;
const DF_MMR: u8 = 3;
const RATE_9600: u8 = 3;
/// 14 400 bit/s: V.34 is not asked for.
const RATE_TOP: u8 = 5;

/// What we ask for: the most that both the modem and the call allow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Terms {
    fine: bool,
    rate: u8,
    df: u8,
    ecm: bool,
}

impl Terms {
    pub(crate) fn of(call: &crate::Call, means: Means) -> Self {
        let ecm = call.ecm && means.ecm;
        // JBIG (4, 8) is not asked for: few of these modems have it, and we could try it with none.
        let df = match (means.mmr && ecm, means.mr) {
            (true, _) => DF_MMR,
            (false, true) => DF_MR,
            (false, false) => DF_MH,
        };
        let rate = rate_code(call.fastest).min(means.rate);
        Self { fine: call.fine && means.fine, rate, df, ecm }
    }

    /// One rate below; `None` at the lowest.
    pub(crate) fn slower(self) -> Option<Self> {
        Some(Self { rate: self.rate.checked_sub(1)?, ..self })
    }

    /// No faster than this.
    pub(crate) fn at_most(self, modulation: Modulation) -> Self {
        Self { rate: self.rate.min(rate_code(modulation)), ..self }
    }

    /// As it stands behind `+FDCC=` and `+FDIS=`: A4 width, any length, no file transfer, and no rest
    /// between scan lines but what the far end asks for.
    pub(crate) fn text(self, ecm_code: u8) -> String {
        let ec = if self.ecm { ecm_code } else { 0 };
        format!("{},{},0,2,{},{ec},0,0", u8::from(self.fine), self.rate, self.df)
    }
}

/// Reads `+FDCS:`; `None` if it is no contract for a one-bit A4 page at a rate of T.30 without V.34.
pub(crate) fn contract(text: &str) -> Option<Contract> {
    let numbers: Vec<u16> =
        text.split(',').map(|part| number(part.trim())).collect::<Option<_>>()?;
    let at = |place: usize| numbers.get(place).copied();
    let ecm = at(EC)? > 0;
    let coding = match u8::try_from(at(DF)?).ok()? {
        DF_MH => Coding::Mh,
        DF_MR => Coding::Mr,
        DF_MMR if ecm => Coding::Mmr, // T.30 table 2, note on bit 31
        _ => return None,             // an open set: uncompressed, JBIG, and whatever comes
    };
    let resolution = match at(VR)? {
        0 => Resolution::Standard,
        1 => Resolution::Fine,
        _ => return None,
    };
    if at(WD)? != 0 {
        return None;
    }
    let min_scan_line = if ecm { Duration::ZERO } else { scan_line(at(ST)?, resolution)? };
    Some(Contract { modulation: modulation(at(BR)?)?, ecm, coding, resolution, min_scan_line })
}

/// What is read of `+FDIS:`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Dis {
    /// The longest page that the far end takes, in mm; `None` is any.
    pub limit_mm: Option<u16>,
}

/// Reads `+FDIS:`; `None` if it is no list of capabilities: six numbers at least, some modems leave the
/// rest out.
pub(crate) fn dis(text: &str) -> Option<Dis> {
    let numbers: Vec<u16> = text.split(',').map_while(|part| number(part.trim())).collect();
    let limit_mm = match numbers.get(LN)? {
        1 => Some(B4_MM),
        2 => None,
        _ => Some(A4_MM), // 0, and whatever else: every machine takes that
    };
    (numbers.len() > EC).then_some(Dis { limit_mm })
}

const A4_MM: u16 = 297;
const B4_MM: u16 = 364;

/// A rate does not say which modulation carries it where two can; the older one is named then.
fn modulation(rate: u16) -> Option<Modulation> {
    Some(match rate {
        0 => Modulation::V27ter2400,
        1 => Modulation::V27ter4800,
        2 => Modulation::V29At7200,
        3 => Modulation::V29At9600,
        4 => Modulation::V17At12000,
        5 => Modulation::V17At14400,
        _ => return None,
    })
}

fn rate_code(modulation: Modulation) -> u8 {
    match modulation {
        Modulation::V27ter2400 => 0,
        Modulation::V27ter4800 => 1,
        Modulation::V29At7200 | Modulation::V17At7200 => 2,
        Modulation::V29At9600 | Modulation::V17At9600 => RATE_9600,
        Modulation::V17At12000 => 4,
        Modulation::V17At14400 => RATE_TOP,
    }
}

fn scan_line(code: u16, resolution: Resolution) -> Option<Duration> {
    let (standard_ms, fine_ms) = match code {
        0 => (0, 0),
        1 => (5, 5),
        2 => (10, 5),
        3 => (10, 10),
        4 => (20, 10),
        5 => (20, 20),
        6 => (40, 20),
        7 => (40, 40),
        _ => return None,
    };
    Some(Duration::from_millis(match resolution {
        Resolution::Standard => standard_ms,
        Resolution::Fine => fine_ms,
    }))
}

/// A number in decimal or hexadecimal: those that we use read alike in both.
fn number(text: &str) -> Option<u16> {
    u16::from_str_radix(text, 16).ok()
}

/// Ranges of one subparameter.
type Group = Vec<(u16, u16)>;

/// The groups of `(0,1),(0-5),0,(0)`; a bare number is a group of its own.
fn groups(list: &str) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut open: Option<Group> = None;
    for part in list.split_inclusive([',', '(', ')']) {
        let (text, mark) = match part.char_indices().next_back() {
            Some((at, mark @ (',' | '(' | ')'))) => (part.get(..at).unwrap_or_default(), mark),
            Some(_) | None => (part, ','),
        };
        let range = match text.trim().split_once('-') {
            Some((low, high)) => number(low.trim()).zip(number(high.trim())),
            None => number(text.trim()).map(|one| (one, one)),
        };
        match (&mut open, range) {
            (Some(group), Some(range)) => group.push(range),
            (None, Some(range)) => groups.push(vec![range]),
            (Some(_) | None, None) => {}
        }
        match mark {
            '(' => open = Some(Group::new()),
            ')' => groups.extend(open.take()),
            _ => {}
        }
    }
    groups
}

fn most(group: &Group) -> u16 {
    group.iter().map(|(_, high)| *high).max().unwrap_or(0)
}

fn has(group: &Group, value: u16) -> bool {
    group.iter().any(|(low, high)| (*low..=*high).contains(&value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Call;

    const CALL: Call = Call {
        digits: String::new(),
        tsi: None,
        pages: 1,
        fine: true,
        ecm: true,
        t85: true,
        fastest: Modulation::V17At14400,
        longest_page_mm: 297,
        sub: None,
        pwd: None,
    };

    fn asked(means: &str, call: &Call) -> String {
        Terms::of(call, Means::read(means)).text(2)
    }

    #[test]
    fn means_of_old_and_new_modems_are_read() {
        for (says, terms) in [
            ("(0,1),(0-3),(0-2),(0-2),(0),(0),(0),(0-7)", "1,3,0,2,0,0,0,0"),
            ("+FDCC: (0,1),(0-5),(0-2),(0-2),(0,1),(0-2),(0),(0-7)", "1,5,0,2,1,2,0,0"),
            // T.32 of a V.34 modem, in hexadecimal.
            ("(00-7F),(00-0D),(00-02),(00-02),(00-03),(00-01),(00),(00-07)", "1,5,0,2,3,2,0,0"),
            ("(0),(0-5),0,2,(0,1),0,0,(0)", "0,5,0,2,1,0,0,0"),
            // One that has JBIG (T.32 amendment 1) is asked for MMR.
            ("(0,1),(0-5),(0-2),(0-2),(0-4),(0-2),(0),(0-7)", "1,5,0,2,3,2,0,0"),
        ] {
            assert_eq!(asked(says, &CALL), terms, "{says}");
        }
    }

    #[test]
    fn means_that_cannot_be_read_are_the_least() {
        for says in ["", "ERROR", "(", "(0,1", "(0-,1),)(", "9999999", "(0),(1),(2)"] {
            assert_eq!(Means::read(says), Means::LEAST, "{says}");
        }
    }

    #[test]
    fn call_asks_for_no_more_than_it_wants() {
        let best = "(0,1),(0-5),(0-2),(0-2),(0-3),(0-2),(0),(0-7)";
        let plain = Call { fine: false, ecm: false, fastest: Modulation::V29At7200, ..CALL };
        assert_eq!(asked(best, &plain), "0,2,0,2,1,0,0,0", "no MMR without error correction");
        let slow = Terms::of(&Call { fastest: Modulation::V27ter2400, ..CALL }, Means::read(best));
        assert_eq!(slow.slower(), None);
    }

    #[test]
    fn contract_of_each_number() {
        let got = contract("1,5,0,2,1,0,0,3").unwrap();
        assert_eq!((got.modulation, got.coding), (Modulation::V17At14400, Coding::Mr));
        assert_eq!((got.resolution, got.ecm), (Resolution::Fine, false));
        assert_eq!(got.min_scan_line, Duration::from_millis(10));
        let got = contract("0, 3, 0, 0, 0, 0, 0, 4").unwrap();
        assert_eq!(got.min_scan_line, Duration::from_millis(20));
        let got = contract("01,05,00,02,03,01,00,07").unwrap();
        assert_eq!((got.coding, got.ecm, got.min_scan_line), (Coding::Mmr, true, Duration::ZERO));
    }

    #[test]
    fn dis_says_how_long_a_page_may_be() {
        for (text, limit_mm) in [
            ("1,5,0,0,1,0,0,3", Some(297)),
            ("1,5,0,1,1,0,0,3", Some(364)),
            ("01,05,00,02,03,01", None),
            ("1,5,0,9,1,0", Some(297)),
        ] {
            assert_eq!(dis(text), Some(Dis { limit_mm }), "{text}");
        }
        for text in ["", "1,5,0,2", "x,5,0,2,1,0,0,3", "1,5,0,2,1,"] {
            assert_eq!(dis(text), None, "{text}");
        }
    }

    #[test]
    fn contract_that_we_cannot_keep_is_none() {
        for text in [
            "",
            "1,5,0,2",
            "1,5,0,2,2,0,0,0", // uncompressed
            "1,5,0,2,4,2,0,0", // JBIG
            "1,5,0,2,3,0,0,0", // MMR without error correction
            "1,5,1,2,0,0,0,0", // B4
            "2,5,0,2,0,0,0,0", // 15.4 line/mm
            "1,D,0,2,0,1,0,0", // V.34
            "1,5,0,2,0,0,0,8",
            "1,5,0,2,0,0,0,x",
            "-1,5,0,2,0,0,0,0",
        ] {
            assert_eq!(contract(text), None, "{text}");
        }
    }
}
