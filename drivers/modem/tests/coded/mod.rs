//! A page as the octets of a contract, for hosts that have nothing else to decide.
//!
//! Not here: how the gateway does it (`src/send/coded.rs`).

use t4::jbig::{self, JbigSettings};
use t4::{BitOrder, Encoding, Page};
use t30::{Coding, Contract, Resolution};

/// With fill and RTC or EOFB; a fine page as a standard one, if that was agreed on.
pub fn octets(page: &Page, contract: &Contract) -> Vec<u8> {
    let halved;
    let page = match contract.resolution {
        Resolution::Fine => page,
        Resolution::Standard => {
            halved = page.to_standard();
            &halved
        }
    };
    let coding = match contract.coding {
        Coding::Mh => t4::Coding::Mh,
        Coding::Mr => t4::Coding::Mr,
        Coding::Mmr => t4::Coding::Mmr,
        Coding::T85 => return jbig::encode(page, &JbigSettings::basic()),
    };
    let row_us = u64::try_from(contract.min_scan_line.as_micros()).unwrap_or(0);
    let row_bits = (u64::from(contract.modulation.rate_bps()) * row_us).div_ceil(1_000_000);
    let row_bits = u32::try_from(row_bits).unwrap_or(0);
    t4::encode(page, &Encoding::line(coding, BitOrder::LsbFirst, row_bits))
}

/// Of the pages together, for each contract.
#[allow(dead_code, reason = "not every host takes the quickest coding")]
pub fn lengths(pages: &[Page], contracts: &[Contract]) -> Vec<usize> {
    let length = |contract| pages.iter().map(|page| octets(page, contract).len()).sum();
    contracts.iter().map(length).collect()
}
