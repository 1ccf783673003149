//! A page as the octets of a contract, for hosts that have nothing else to decide.
//!
//! Not here: how the gateway does it (`src/send/coded.rs`).

use t4::jbig::{self, JbigSettings};
use t4::{BitOrder, Encoding, Page, WIDTH_A4_PELS};
use t30::{Coding, Contract, Resolution};

/// With fill and RTC or EOFB; a page of another width or resolution than was agreed on is scaled.
pub fn octets(page: &Page, contract: &Contract) -> Vec<u8> {
    let resolution = match contract.resolution {
        Resolution::Fine => t4::Resolution::Fine,
        Resolution::Standard => t4::Resolution::Standard,
    };
    let scaled;
    let page = if (page.width_pels(), page.resolution()) == (WIDTH_A4_PELS, resolution) {
        page
    } else {
        scaled = page.scaled_to(WIDTH_A4_PELS, resolution).expect("a page no longer than paper");
        &scaled
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
