//! The high-speed modulations and the way down from one to the next.
//!
//! In: bits of a DIS, a failed training. Out: a [`Modulation`], its rate, its DCS bits.
//! Source: ITU-T T.30 (09/2005) table 2, bits 11 to 14, and its notes on DIS and DCS.
//! Not here: what a modem is told to use one (`drivers/modem`).

/// A modulation at one signalling rate (T.30 table 2, bits 11 to 14).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Modulation {
    V27ter2400,
    V27ter4800,
    V29At7200,
    V29At9600,
    V17At7200,
    V17At9600,
    V17At12000,
    V17At14400,
}

/// Training before a high-speed signal: long before TCF, short (V.17 only) before a page.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Training {
    Long,
    Short,
}

impl Modulation {
    /// Signalling rate in bit/s.
    #[must_use]
    pub const fn rate_bps(self) -> u32 {
        match self {
            Self::V27ter2400 => 2_400,
            Self::V27ter4800 => 4_800,
            Self::V29At7200 | Self::V17At7200 => 7_200,
            Self::V29At9600 | Self::V17At9600 => 9_600,
            Self::V17At12000 => 12_000,
            Self::V17At14400 => 14_400,
        }
    }

    /// Training before a page for which this modulation was trained with a TCF: V.17 then has the
    /// short form, the others know only one.
    pub(crate) const fn page_training(self) -> Training {
        match self {
            Self::V17At7200 | Self::V17At9600 | Self::V17At12000 | Self::V17At14400 => {
                Training::Short
            }
            Self::V27ter2400 | Self::V27ter4800 | Self::V29At7200 | Self::V29At9600 => {
                Training::Long
            }
        }
    }

    /// DCS bits 11 to 14, bit 11 in the least place.
    pub(crate) const fn dcs_code(self) -> u32 {
        match self {
            Self::V27ter2400 => 0b0000,
            Self::V27ter4800 => 0b0010,
            Self::V29At9600 => 0b0001,
            Self::V29At7200 => 0b0011,
            Self::V17At14400 => 0b1000,
            Self::V17At12000 => 0b1010,
            Self::V17At9600 => 0b1001,
            Self::V17At7200 => 0b1011,
        }
    }

    /// Octets of whole bits that last `millis` at this rate.
    pub(crate) fn octets_in(self, millis: u32) -> usize {
        usize::try_from(u64::from(self.rate_bps()) * u64::from(millis) / 8_000).unwrap_or(0)
    }
}

/// The modulations that a machine or a modem has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Modulations(u8); // one bit each, by its place on the ladder

/// Fastest first, and at equal rate V.17 first: its trellis code stands more noise. V.29 at 7200
/// still follows V.17 at 7200, because another training sequence and another receiver may succeed.
pub(crate) const LADDER: [Modulation; 8] = [
    Modulation::V17At14400,
    Modulation::V17At12000,
    Modulation::V17At9600,
    Modulation::V17At7200,
    Modulation::V29At9600,
    Modulation::V29At7200,
    Modulation::V27ter4800,
    Modulation::V27ter2400,
];

impl Modulations {
    /// All that there are.
    pub const ALL: Self = Self(0b1111_1111);
    const V29_V27TER: Self = Self(0b1111_0000);
    const V29: Self = Self(0b0011_0000);
    const V27TER: Self = Self(0b1100_0000);
    const V27TER_FALL_BACK: Self = Self(0b1000_0000);

    /// All of these but one.
    #[must_use]
    pub fn without(self, modulation: Modulation) -> Self {
        Self(self.0 & !bit(modulation))
    }

    #[must_use]
    pub fn has(self, modulation: Modulation) -> bool {
        self.0 & bit(modulation) != 0
    }

    /// Those that both have.
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// In the order in which we try them.
    fn ladder(self) -> impl Iterator<Item = Modulation> {
        LADDER.into_iter().filter(move |&modulation| self.has(modulation))
    }

    /// Reads DIS bits 11 to 14, bit 11 in the least place.
    ///
    /// Codes that the table reserves read as V.27ter at 2400, which every machine of theirs had to
    /// have when the table was written.
    pub(crate) fn from_dis_code(code: u8) -> Self {
        match code & 0b1111 {
            0b1011 => Self::ALL,
            // 0b0111 was V.33 beside these two; V.33 itself is gone from the table.
            0b0011 | 0b0111 => Self::V29_V27TER,
            0b0001 => Self::V29,
            0b0010 => Self::V27TER,
            _ => Self::V27TER_FALL_BACK,
        }
    }

    /// The first to try that is not above `cap` on the ladder.
    pub(crate) fn best_up_to(self, cap: Modulation) -> Option<Modulation> {
        self.ladder().find(|&m| place(m) >= place(cap))
    }

    /// The next to try once `failed` did: further down, and never faster.
    pub(crate) fn below(self, failed: Modulation) -> Option<Modulation> {
        self.ladder().find(|&m| place(m) > place(failed) && m.rate_bps() <= failed.rate_bps())
    }
}

fn bit(modulation: Modulation) -> u8 {
    u32::try_from(place(modulation)).ok().and_then(|place| 1_u8.checked_shl(place)).unwrap_or(0)
}

fn place(modulation: Modulation) -> usize {
    LADDER.iter().position(|&m| m == modulation).unwrap_or(LADDER.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn walk(have: Modulations, from: Modulation) -> Vec<Modulation> {
        core::iter::successors(have.best_up_to(from), |&m| have.below(m)).collect()
    }

    #[test]
    fn ladder_of_a_v17_machine_ends_at_2400_and_never_speeds_up() {
        use Modulation::*;
        assert_eq!(
            walk(Modulations::from_dis_code(0b1011), V17At14400),
            [V17At14400, V17At12000, V17At9600, V17At7200, V29At7200, V27ter4800, V27ter2400]
        );
    }

    #[test]
    fn ladder_starts_no_higher_than_the_cap() {
        use Modulation::*;
        let all = Modulations::from_dis_code(0b1011);
        assert_eq!(
            walk(all, V29At9600),
            [V29At9600, V29At7200, V27ter4800, V27ter2400],
            "a cap of V.29 leaves V.17 out"
        );
        assert_eq!(Modulations::from_dis_code(0b0001).best_up_to(V27ter4800), None);
    }

    #[test]
    fn ladder_passes_over_what_our_modem_lacks() {
        use Modulation::*;
        let ours = Modulations::ALL.without(V17At7200).without(V29At7200);
        let both = Modulations::from_dis_code(0b1011).and(ours);
        assert_eq!(
            walk(both, V17At14400),
            [V17At14400, V17At12000, V17At9600, V29At9600, V27ter4800, V27ter2400]
        );
        assert!(LADDER.iter().all(|&m| ours.has(m) != [V17At7200, V29At7200].contains(&m)));
    }

    #[test]
    fn reserved_dis_codes_read_as_2400() {
        for code in [0b0000, 0b0100, 0b1000, 0b1001, 0b1010, 0b1100, 0b1111] {
            let have = Modulations::from_dis_code(code);
            assert_eq!(walk(have, Modulation::V17At14400), [Modulation::V27ter2400], "{code:04b}");
        }
    }
}
