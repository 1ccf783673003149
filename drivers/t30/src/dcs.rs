//! DCS: the contract as the called machine is told it.
//!
//! In: a [`Contract`], and what else of our settings the line is told. Out: the FIF of DCS, and the
//! short one of CTC.
//! Source: ITU-T T.30 (09/2005) 5.3.6.2.1, table 2 (DCS column), A.4.2.
//! Not here: the choice (`contract`).

use alloc::vec::Vec;

use crate::{
    contract::{Coding, Contract, Resolution},
    dis::{A4_MM, Capabilities, Longest},
    modulation::Modulation,
    session::SenderSettings,
};

/// FIF of DCS. Width is 1728 pels on 215 mm, the page as long as it likes where the far end can, else the
/// shortest paper it fits on; frames of a block have 256 octets, which every machine with ECM takes.
pub(crate) fn fif(contract: &Contract, far: &Capabilities, ours: &SenderSettings) -> Vec<u8> {
    let octets = fif_octets(contract, ours);
    let mut dcs = Bits::default();
    dcs.set(10, true); // the called machine is to receive
    dcs.code(11, contract.modulation.dcs_code().into());
    dcs.set(15, contract.resolution == Resolution::Fine);
    dcs.set(16, contract.coding == Coding::Mr);
    dcs.set(19, far.longest == Longest::B4 && ours.longest_page_mm > A4_MM);
    dcs.set(20, far.longest == Longest::Any);
    dcs.code(21, scan_line_code(contract));
    for extend in (24..80).step_by(8) {
        dcs.set(extend, extend / 8 < octets as usize); // another octet follows
    }
    dcs.set(27, contract.ecm);
    dcs.set(31, contract.coding == Coding::Mmr);
    dcs.set(49, ours.sub.is_some());
    dcs.set(50, ours.pwd.is_some());
    dcs.set(78, contract.coding == Coding::T85);
    dcs.octets().take(octets as usize).collect()
}

/// Octets of that FIF: no more than what is asked for needs.
pub(crate) fn fif_octets(contract: &Contract, ours: &SenderSettings) -> u32 {
    let boxed = ours.sub.is_some() || ours.pwd.is_some();
    match (contract.coding == Coding::T85, boxed, contract.ecm) {
        (true, _, _) => 10,
        (false, true, _) => 7,
        (false, false, true) => 4,
        (false, false, false) => 3,
    }
}

/// FIF of CTC: bits 1 to 16 of a DCS, of which the rate counts (A.4.2).
pub(crate) fn ctc_fif(modulation: Modulation) -> Vec<u8> {
    let mut ctc = Bits::default();
    ctc.code(11, modulation.dcs_code().into());
    ctc.octets().take(2).collect()
}

/// Bits 21 to 23, bit 21 in the least place; a time between two of the table takes the longer.
fn scan_line_code(contract: &Contract) -> u128 {
    match contract.min_scan_line.as_millis() {
        0 => 0b111,
        1..=5 => 0b001,
        6..=10 => 0b010,
        11..=20 => 0b000,
        _ => 0b100, // 40 ms, the longest there is
    }
}

/// Bits by their number in table 2: bit 1 is first on the line, so the lowest.
#[derive(Default)]
struct Bits(u128);

impl Bits {
    fn set(&mut self, number: usize, on: bool) {
        self.code(number, u128::from(on));
    }

    fn code(&mut self, first: usize, code: u128) {
        self.0 |= code << (first - 1);
    }

    fn octets(self) -> impl Iterator<Item = u8> {
        self.0.to_le_bytes().into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Password, Subaddress};
    use core::time::Duration;

    const BEST: Contract = Contract {
        modulation: Modulation::V17At14400,
        ecm: true,
        coding: Coding::Mmr,
        resolution: Resolution::Fine,
        min_scan_line: Duration::ZERO,
    };

    fn dcs(contract: &Contract, dis: &[u8]) -> Vec<u8> {
        fif(contract, &Capabilities::read(dis), &SenderSettings::new(1))
    }

    #[test]
    fn best_contract_has_four_octets() {
        // receive | V.17 14400 | fine; unlimited | 0 ms | extend; ECM | T.6
        assert_eq!(dcs(&BEST, &[0, 0, 0x08]), [0x00, 0x62, 0xF8, 0x44]);
    }

    #[test]
    fn plain_contract_has_three_octets_and_says_a4() {
        let plain = Contract {
            modulation: Modulation::V29At9600,
            ecm: false,
            coding: Coding::Mh,
            resolution: Resolution::Standard,
            min_scan_line: Duration::from_millis(20),
        };
        assert_eq!(dcs(&plain, &[]), [0x00, 0x06, 0x00]);
        let mr = Contract { coding: Coding::Mr, resolution: Resolution::Fine, ..plain };
        assert_eq!(dcs(&mr, &[]), [0x00, 0xC6, 0x00]);
    }

    #[test]
    fn every_scan_line_time_has_its_code() {
        // Octet 3, bits 21 to 23 as DCS prints them: 000, 100, 010, 001, 111.
        for (ms, octet) in [(20, 0x00), (5, 0x10), (10, 0x20), (40, 0x40), (0, 0x70)] {
            let contract = Contract {
                ecm: false,
                coding: Coding::Mh,
                min_scan_line: Duration::from_millis(ms),
                ..BEST
            };
            assert_eq!(dcs(&contract, &[]).get(2), Some(&octet), "{ms} ms");
        }
    }

    #[test]
    fn long_page_asks_for_b4_where_there_is_no_roll() {
        let third = |dis_octet, longest_page_mm| {
            let ours = SenderSettings { longest_page_mm, ..SenderSettings::new(1) };
            let plain = Contract { ecm: false, coding: Coding::Mh, ..BEST };
            fif(&plain, &Capabilities::read(&[0, 0, dis_octet]), &ours).get(2).copied()
        };
        // B4 offered; paper of any length offered.
        assert_eq!([third(0x04, 297), third(0x04, 298)], [Some(0x70), Some(0x74)]);
        assert_eq!([third(0x08, 297), third(0x08, 400)], [Some(0x78), Some(0x78)]);
    }

    #[test]
    fn subaddress_and_password_make_seven_octets() {
        let ours = SenderSettings {
            sub: Subaddress::parse("1").ok(),
            pwd: Password::parse("2").ok(),
            ..SenderSettings::new(1)
        };
        let far = Capabilities::read(&[0, 0, 0x08]);
        assert_eq!(fif(&BEST, &far, &ours), [0x00, 0x62, 0xF8, 0xC4, 0x80, 0x80, 0x03]);
        let no_password = SenderSettings { pwd: None, ..ours };
        let plain = Contract { ecm: false, coding: Coding::Mh, ..BEST };
        let got = fif(&plain, &far, &no_password);
        assert_eq!(got, [0x00, 0x62, 0xF8, 0x80, 0x80, 0x80, 0x01]);
    }

    #[test]
    fn jbig_makes_ten_octets_and_is_the_only_coding() {
        let contract = Contract { coding: Coding::T85, ..BEST };
        let fine_ecm = [0x00, 0x62, 0xF8, 0x84, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20];
        assert_eq!(dcs(&contract, &[0, 0, 0x08]), fine_ecm);
        let ours = SenderSettings { sub: Subaddress::parse("1").ok(), ..SenderSettings::new(1) };
        let boxed = fif(&contract, &Capabilities::read(&[0, 0, 0x08]), &ours);
        assert_eq!(boxed, [0x00, 0x62, 0xF8, 0x84, 0x80, 0x80, 0x81, 0x80, 0x80, 0x20]);
    }

    #[test]
    fn ctc_has_the_rate_alone() {
        assert_eq!(ctc_fif(Modulation::V17At12000), [0x00, 0x28]);
        assert_eq!(ctc_fif(Modulation::V27ter2400), [0x00, 0x00]);
    }
}
