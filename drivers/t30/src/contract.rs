//! What both machines can do, and the best of it.
//!
//! In: [`Capabilities`] of theirs, [`SenderSettings`] of ours; how long the pages are in each coding that
//! both have. Out: a [`Contract`] or none.
//! Source: ITU-T T.30 (09/2005) 5.3.6.2 and table 2 with its notes.
//! Of the widths and resolutions of T.30 only R8 at 1728 pels, standard and fine, is agreed on: a caller with a page of
//! another kind scales it (`drivers/t4`).
//! Not here: how a contract is written on the line (`dcs`), coding of pels (`drivers/t4`).

use alloc::vec::Vec;
use core::time::Duration;

use crate::{dcs, dis::Capabilities, ecm, modulation::Modulation, session::SenderSettings};

/// Coding of the page data that was agreed on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Coding {
    /// Modified Huffman (T.4 4.1), which every machine has.
    Mh,
    /// Modified READ (T.4 4.2).
    Mr,
    /// T.6; only with ECM.
    Mmr,
    /// JBIG as T.85 has it, in its basic mode: stripes of 128 rows; only with ECM.
    T85,
}

/// Vertical resolution that was agreed on: 3.85 or 7.7 line/mm.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Resolution {
    Standard,
    Fine,
}

/// What DIS and DCS settled: how pages go over this line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Contract {
    pub modulation: Modulation,
    pub ecm: bool,
    pub coding: Coding,
    pub resolution: Resolution,
    /// Least time for one scan line, 0 with ECM (T.30 table 2, bits 21 to 23).
    pub min_scan_line: Duration,
}

/// All contracts that both ends can keep: they differ in their coding alone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Choice {
    /// In MH, which every machine has.
    pub(crate) plainest: Contract,
    /// From plain to dense.
    pub(crate) denser: Vec<Contract>,
}

/// What both can at `cap` or below on the ladder; `None` if no modulation is common.
///
/// Without ECM there is no MMR and no T.85 (table 2, notes on bits 31 and 78).
pub(crate) fn choice(far: &Capabilities, ours: &SenderSettings, cap: Modulation) -> Option<Choice> {
    let modulation = far.modulations.best_up_to(cap)?;
    let ecm = ours.ecm && far.ecm;
    let resolution = if ours.fine && far.fine { Resolution::Fine } else { Resolution::Standard };
    let min_scan_line = match (ecm, resolution) {
        (true, _) => Duration::ZERO, // a block is buffered before it is printed
        (false, Resolution::Standard) => far.scan_line_standard,
        (false, Resolution::Fine) => far.scan_line_fine,
    };
    let plainest = Contract { modulation, ecm, coding: Coding::Mh, resolution, min_scan_line };
    let denser = [
        (Coding::Mr, ours.mr && far.mr),
        (Coding::Mmr, ecm && ours.mmr && far.mmr),
        (Coding::T85, ecm && ours.t85 && far.t85),
    ];
    let denser = denser.into_iter().filter(|(_, both_have)| *both_have);
    let denser = denser.map(|(coding, _)| Contract { coding, ..plainest.clone() }).collect();
    Some(Choice { plainest, denser })
}

impl Choice {
    /// From plain to dense.
    pub(crate) fn contracts(&self) -> Vec<Contract> {
        core::iter::once(&self.plainest).chain(&self.denser).cloned().collect()
    }

    /// The contract under which DCS and pages hold the line for the shortest time; of equal ones the plainest,
    /// which has the fewest ways to go wrong. `octets` are those of the pages in the order of
    /// [`contracts`](Self::contracts); one that is missing is longer than any.
    pub(crate) fn quickest(self, octets: &[usize], ours: &SenderSettings) -> Contract {
        let mut octets = octets.iter();
        let mut time = |contract: &Contract| {
            let dcs = CONTROL_OCTET.saturating_mul(dcs::fif_octets(contract, ours));
            octets.next().map(|&octets| contract.line_time(octets).saturating_add(dcs))
        };
        let best = (time(&self.plainest), self.plainest);
        let (_, quickest) = self.denser.into_iter().fold(best, |(least, best), contract| {
            match (time(&contract), least) {
                (Some(time), Some(least)) if time < least => (Some(time), contract),
                (Some(time), None) => (Some(time), contract),
                (Some(_) | None, _) => (least, best),
            }
        });
        quickest
    }
}

/// An octet at 300 bit/s (T.30 5.3.1).
const CONTROL_OCTET: Duration = Duration::from_micros(26_667);

impl Contract {
    /// How long so many octets of coded pages, fill and RTC or EOFB among them, hold the line, from the first
    /// octet to the last; without training, and without repeats. The zeros that HDLC stuffs into frames are
    /// not counted: they depend on the bits, and are 1.6 % of any that look like chance.
    #[must_use]
    pub fn line_time(&self, octets: usize) -> Duration {
        let (line_octets, between_blocks) = match self.ecm {
            true => ecm::on_the_line(octets),
            false => (octets, Duration::ZERO),
        };
        let bits = u64::try_from(line_octets).unwrap_or(u64::MAX).saturating_mul(8);
        let micros = bits.saturating_mul(1_000_000) / u64::from(self.modulation.rate_bps());
        Duration::from_micros(micros).saturating_add(between_blocks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// T.85 and everything else.
    const ALL: [u8; 10] = [0x00, 0xEE, 0xF8, 0xC4, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20];

    fn choice_of(fif: &[u8], ours: &SenderSettings) -> Choice {
        choice(&Capabilities::read(fif), ours, ours.fastest).unwrap()
    }

    fn codings(fif: &[u8], ours: &SenderSettings) -> Vec<Coding> {
        choice_of(fif, ours).contracts().iter().map(|contract| contract.coding).collect()
    }

    #[test]
    fn choice_has_what_both_ends_have_and_mmr_and_jbig_only_with_ecm() {
        use Coding::{Mh, Mmr, Mr, T85};
        let ours = SenderSettings::new(1);
        assert_eq!(codings(&ALL, &ours), [Mh, Mr, Mmr, T85]);
        assert_eq!(codings(&[0x00, 0xEE, 0xF8, 0x44], &ours), [Mh, Mr, Mmr]);
        assert_eq!(codings(&[0x00, 0xEE, 0xF8, 0x40], &ours), [Mh, Mr], "T.6 without ECM");
        assert_eq!(codings(&[0x00, 0x6E, 0xF8, 0x44], &ours), [Mh, Mmr]);
        assert_eq!(codings(&ALL, &SenderSettings { ecm: false, ..ours.clone() }), [Mh, Mr]);
        assert_eq!(codings(&ALL, &SenderSettings { t85: false, ..ours.clone() }), [Mh, Mr, Mmr]);
        assert_eq!(codings(&ALL, &SenderSettings { mmr: false, ..ours.clone() }), [Mh, Mr, T85]);
        let mut no_ecm = ALL;
        no_ecm[3] = 0xC0;
        assert_eq!(codings(&no_ecm, &ours), [Mh, Mr], "T.85 without ECM");
    }

    #[test]
    fn least_line_time_wins_and_of_equals_the_plainest() {
        use Coding::{Mh, Mmr, Mr, T85};
        let blocks = 256 * 256;
        let cases: [(&[usize], Coding); 14] = [
            // MH, MR, MMR, T.85: a text page, a halftone, a chart.
            (&[60_000, 30_000, 16_000, 12_600], T85),
            (&[90_000, 150_000, 140_000, 30_000], T85),
            (&[90_000, 150_000, 140_000, 130_000], Mh),
            (&[60_000, 30_000, 16_000, 17_000], Mmr),
            (&[60_000, 30_000, 30_500, 31_000], Mr),
            // A frame goes whole, so what is shorter within it is not quicker.
            (&[5_120, 5_000, 4_990, 5_000], Mh),
            (&[5_120, 4_864, 4_864, 5_000], Mr),
            // DCS is six octets longer with T.85, which takes as long as a frame.
            (&[5_120, 5_000, 4_990, 4_864], Mh),
            (&[5_120, 5_000, 4_990, 4_608], T85),
            // One octet more than a block costs a word and an answer, not only a frame.
            (&[blocks + 1, blocks, blocks, blocks], Mr),
            // What the caller does not know it does not get.
            (&[60_000, 30_000], Mr),
            (&[60_000], Mh),
            (&[], Mh),
            (&[usize::MAX, usize::MAX, usize::MAX, 1], T85),
        ];
        for (octets, coding) in cases {
            let ours = SenderSettings::new(1);
            let choice = choice_of(&ALL, &ours);
            let expected = Contract { coding, ..choice.plainest.clone() };
            assert_eq!(choice.quickest(octets, &ours), expected, "{octets:?}");
        }
        // Without error correction every octet counts.
        let plain = SenderSettings { ecm: false, ..SenderSettings::new(1) };
        assert_eq!(choice_of(&ALL, &plain).quickest(&[5_001, 5_000], &plain).coding, Mr);
        assert_eq!(choice_of(&ALL, &plain).quickest(&[5_000, 5_000], &plain).coding, Mh);
        assert_eq!(choice_of(&ALL, &plain).quickest(&[5_000, 5_001], &plain).coding, Mh);
    }

    #[test]
    fn line_time_is_that_of_the_octets_and_of_the_frames_around_them() {
        let Choice { plainest, .. } = choice_of(&ALL, &SenderSettings::new(1));
        let plain = Contract { ecm: false, modulation: Modulation::V29At9600, ..plainest.clone() };
        assert_eq!(plain.line_time(12_000), Duration::from_secs(10));
        // 75 frames of 264 octets at 14 400 bit/s.
        let ms = |octets| plainest.line_time(octets).as_millis();
        assert_eq!((ms(19_200), ms(19_201)), (11_000, 11_146));
        // The second block waits for the word on the first.
        assert!(ms(65_537) - ms(65_536) > 2_000);
    }

    #[test]
    fn fine_page_to_a_standard_machine_becomes_standard_with_its_scan_line_time() {
        let got = choice_of(&[0x00, 0x0A, 0x30], &SenderSettings::new(1));
        assert_eq!((got.plainest.resolution, got.denser), (Resolution::Standard, vec![]));
        assert_eq!(got.plainest.min_scan_line, Duration::from_millis(20));
        let fine = choice_of(&[0x00, 0x4A, 0x30], &SenderSettings::new(1)).plainest;
        assert_eq!(fine.min_scan_line, Duration::from_millis(10));
    }

    #[test]
    fn ecm_has_no_scan_line_time() {
        let got = choice_of(&[0x00, 0x6E, 0x88, 0x04], &SenderSettings::new(1)).plainest;
        assert_eq!((got.ecm, got.min_scan_line), (true, Duration::ZERO));
    }
}
