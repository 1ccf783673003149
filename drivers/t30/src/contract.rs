//! What both machines can do, and the best of it.
//!
//! In: [`Capabilities`] of theirs, [`SenderSettings`] of ours. Out: a [`Contract`] or none.
//! Source: ITU-T T.30 (09/2005) 5.3.6.2 and table 2 with its notes.
//! Not here: how a contract is written on the line (`dcs`).

use core::time::Duration;

use crate::{dis::Capabilities, modulation::Modulation, session::SenderSettings};

/// Coding of the page data that was agreed on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Coding {
    Mh,
    Mr,
    Mmr,
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

/// The best contract at `cap` or below on the ladder; `None` if no modulation is common.
///
/// The densest coding wins: line time is what a page costs, and with ECM nothing speaks against
/// MMR. Without ECM there is no MMR (table 2, note on bit 31).
pub(crate) fn choose(
    far: &Capabilities,
    ours: &SenderSettings,
    cap: Modulation,
) -> Option<Contract> {
    let modulation = far.modulations.best_up_to(cap)?;
    let ecm = ours.ecm && far.ecm;
    let coding = if ecm && ours.mmr && far.mmr {
        Coding::Mmr
    } else if ours.mr && far.mr {
        Coding::Mr
    } else {
        Coding::Mh
    };
    let resolution = if ours.fine && far.fine { Resolution::Fine } else { Resolution::Standard };
    let min_scan_line = match (ecm, resolution) {
        (true, _) => Duration::ZERO, // a block is buffered before it is printed
        (false, Resolution::Standard) => far.scan_line_standard,
        (false, Resolution::Fine) => far.scan_line_fine,
    };
    Some(Contract { modulation, ecm, coding, resolution, min_scan_line })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(fif: &[u8], ours: &SenderSettings) -> Contract {
        choose(&Capabilities::read(fif), ours, ours.fastest).unwrap()
    }

    #[test]
    fn mmr_needs_ecm_on_both_sides() {
        let ours = SenderSettings::new(1);
        assert_eq!(best(&[0x00, 0xEE, 0xF8, 0x44], &ours).coding, Coding::Mmr);
        assert_eq!(best(&[0x00, 0xEE, 0xF8, 0x40], &ours).coding, Coding::Mr);
        let plain = SenderSettings { ecm: false, ..ours };
        assert_eq!(best(&[0x00, 0xEE, 0xF8, 0x44], &plain).coding, Coding::Mr);
    }

    #[test]
    fn fine_page_to_a_standard_machine_becomes_standard_with_its_scan_line_time() {
        let got = best(&[0x00, 0x0A, 0x30], &SenderSettings::new(1));
        assert_eq!((got.resolution, got.coding), (Resolution::Standard, Coding::Mh));
        assert_eq!(got.min_scan_line, Duration::from_millis(20));
        let fine = best(&[0x00, 0x4A, 0x30], &SenderSettings::new(1));
        assert_eq!(fine.min_scan_line, Duration::from_millis(10));
    }

    #[test]
    fn ecm_has_no_scan_line_time() {
        let got = best(&[0x00, 0x6E, 0x88, 0x04], &SenderSettings::new(1));
        assert_eq!((got.ecm, got.min_scan_line), (true, Duration::ZERO));
    }
}
