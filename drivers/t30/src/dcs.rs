//! DCS: the contract as the called machine is told it.
//!
//! In: a [`Contract`]. Out: the FIF of DCS, and the short one of CTC.
//! Source: ITU-T T.30 (09/2005) 5.3.6.2.1, table 2 (DCS column), A.4.2.
//! Not here: the choice (`contract`).

use alloc::vec::Vec;

use crate::{
    contract::{Coding, Contract, Resolution},
    dis::Capabilities,
    modulation::Modulation,
};

/// FIF of DCS: three octets, four with ECM. Width is 1728 pels on 215 mm, the page as long as it
/// likes where the far end can, else A4; frames of a block have 256 octets, which every machine
/// with ECM takes.
pub(crate) fn fif(contract: &Contract, far: &Capabilities) -> Vec<u8> {
    let mut dcs = Bits::default();
    dcs.set(10, true); // the called machine is to receive
    dcs.code(11, contract.modulation.dcs_code());
    dcs.set(15, contract.resolution == Resolution::Fine);
    dcs.set(16, contract.coding == Coding::Mr);
    dcs.set(20, far.unlimited);
    dcs.code(21, scan_line_code(contract));
    dcs.set(24, contract.ecm); // a fourth octet follows
    dcs.set(27, contract.ecm);
    dcs.set(31, contract.coding == Coding::Mmr);
    dcs.octets().take(if contract.ecm { 4 } else { 3 }).collect()
}

/// FIF of CTC: bits 1 to 16 of a DCS, of which the rate counts (A.4.2).
pub(crate) fn ctc_fif(modulation: Modulation) -> Vec<u8> {
    let mut ctc = Bits::default();
    ctc.code(11, modulation.dcs_code());
    ctc.octets().take(2).collect()
}

/// Bits 21 to 23, bit 21 in the least place; a time between two of the table takes the longer.
fn scan_line_code(contract: &Contract) -> u32 {
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
struct Bits(u32);

impl Bits {
    fn set(&mut self, number: u32, on: bool) {
        self.code(number, u32::from(on));
    }

    fn code(&mut self, first: u32, code: u32) {
        self.0 |= code << (first - 1);
    }

    fn octets(self) -> impl Iterator<Item = u8> {
        self.0.to_le_bytes().into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    const BEST: Contract = Contract {
        modulation: Modulation::V17At14400,
        ecm: true,
        coding: Coding::Mmr,
        resolution: Resolution::Fine,
        min_scan_line: Duration::ZERO,
    };

    fn far(fif: &[u8]) -> Capabilities {
        Capabilities::read(fif)
    }

    #[test]
    fn best_contract_has_four_octets() {
        // receive | V.17 14400 | fine; unlimited | 0 ms | extend; ECM | T.6
        assert_eq!(fif(&BEST, &far(&[0, 0, 0x08])), [0x00, 0x62, 0xF8, 0x44]);
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
        assert_eq!(fif(&plain, &far(&[])), [0x00, 0x06, 0x00]);
        let mr = Contract { coding: Coding::Mr, resolution: Resolution::Fine, ..plain };
        assert_eq!(fif(&mr, &far(&[])), [0x00, 0xC6, 0x00]);
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
            assert_eq!(fif(&contract, &far(&[])).get(2), Some(&octet), "{ms} ms");
        }
    }

    #[test]
    fn ctc_has_the_rate_alone() {
        assert_eq!(ctc_fif(Modulation::V17At12000), [0x00, 0x28]);
        assert_eq!(ctc_fif(Modulation::V27ter2400), [0x00, 0x00]);
    }
}
