//! A sheet as the octets of a contract.
//!
//! In: a page of pels, a contract. Out: octets as phase C carries them, each coded once in a call.
//! Source: ITU-T T.4 (07/2003) 4.1.3 (fill); T.85 (08/1995), basic mode; T.31 (07/1995) 8.3 (bit 0 first).
//! Not here: which coding is taken (`drivers/t30`, by their lengths), the codings (`drivers/t4`).

use t4::jbig::{self, JbigSettings};
use t4::{BitOrder, Encoding, Page};
use t30::{Coding, Contract, Resolution};

/// What was coded for a call.
#[derive(Debug, Default)]
pub struct Coder {
    done: Vec<(Form, Vec<u8>)>,
}

/// What of a contract octets depend on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Form {
    coding: Coding,
    resolution: Resolution,
    min_row_bits: u32,
}

impl Form {
    fn of(contract: &Contract) -> Self {
        let bits_a_second = u128::from(contract.modulation.rate_bps());
        let min_row_bits = (bits_a_second * contract.min_scan_line.as_millis()).div_ceil(1000);
        Self {
            coding: contract.coding,
            resolution: contract.resolution,
            min_row_bits: u32::try_from(min_row_bits).unwrap_or(u32::MAX),
        }
    }

    fn octets(self, page: &Page) -> Vec<u8> {
        let order = BitOrder::LsbFirst;
        let runs = |coding| t4::encode(page, &Encoding::line(coding, order, self.min_row_bits));
        match self.coding {
            Coding::Mh => runs(t4::Coding::Mh),
            Coding::Mr => runs(t4::Coding::Mr),
            Coding::Mmr => runs(t4::Coding::Mmr),
            // Its octets go with bit 0 first like those of any frame, and are not turned round for that.
            Coding::T85 => jbig::encode(page, &JbigSettings::basic()),
        }
    }
}

/// The page as the far machine will have it if no bit is lost; `None` if the octets are no whole page.
pub fn decoded(octets: &[u8], like: &Page, contract: &Contract) -> Option<Page> {
    let runs = |coding| {
        let line = Encoding::line(coding, BitOrder::LsbFirst, 0);
        let read = t4::decode(octets, like.width_pels(), like.resolution(), &line).ok()?;
        (read.ended && read.bad_rows.is_empty()).then_some(read.page)
    };
    match contract.coding {
        Coding::Mh => runs(t4::Coding::Mh),
        Coding::Mr => runs(t4::Coding::Mr),
        Coding::Mmr => runs(t4::Coding::Mmr),
        Coding::T85 => jbig::decode(octets, like.resolution()).ok(),
    }
}

impl Coder {
    /// Codes a page in all that a machine with error correction may ask for, which no rate changes: while it
    /// waits for our DCS the telephone bill runs.
    pub fn prepare(&mut self, page: &Page, resolution: Resolution) {
        for coding in [Coding::Mh, Coding::Mr, Coding::Mmr, Coding::T85] {
            self.form(page, Form { coding, resolution, min_row_bits: 0 });
        }
    }

    /// The octets of a page, which for one resolution is always the same.
    pub fn octets(&mut self, page: &Page, contract: &Contract) -> &[u8] {
        self.form(page, Form::of(contract))
    }

    fn form(&mut self, page: &Page, form: Form) -> &[u8] {
        let place = self.done.iter().position(|(done, _)| *done == form).unwrap_or_else(|| {
            self.done.push((form, form.octets(page)));
            self.done.len() - 1
        });
        self.done.get(place).map_or(&[], |(_, octets)| octets)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use t30::Modulation;

    use super::*;

    fn contract(coding: Coding, min_scan_line_ms: u64) -> Contract {
        Contract {
            modulation: Modulation::V17At14400,
            ecm: min_scan_line_ms == 0,
            coding,
            resolution: Resolution::Fine,
            min_scan_line: Duration::from_millis(min_scan_line_ms),
        }
    }

    /// Of 1728 pels, in which every coding has something to say.
    fn page(resolution: t4::Resolution) -> Page {
        let mut page = Page::new(t4::WIDTH_A4_PELS, resolution);
        for row in 0..300_usize {
            let octets: Vec<u8> = (0..page.row_octets())
                .map(|at| if (at / 3 + row / 9) % 5 == 0 { 0x3C } else { 0 })
                .collect();
            page.push_row(&octets).expect("a row");
        }
        page
    }

    #[test]
    fn octets_of_each_coding_are_those_of_the_page() {
        let (page, mut coder) = (page(t4::Resolution::Fine), Coder::default());
        for (coding, t4) in [
            (Coding::Mh, t4::Coding::Mh),
            (Coding::Mr, t4::Coding::Mr),
            (Coding::Mmr, t4::Coding::Mmr),
        ] {
            let octets = coder.octets(&page, &contract(coding, 0)).to_vec();
            let line = Encoding::line(t4, BitOrder::LsbFirst, 0);
            let read = t4::decode(&octets, page.width_pels(), page.resolution(), &line);
            assert_eq!(read.expect("it reads").page, page, "{coding}");
        }
        let octets = coder.octets(&page, &contract(Coding::T85, 0));
        assert_eq!(jbig::decode(octets, page.resolution()).as_ref(), Ok(&page));
    }

    #[test]
    fn octets_are_read_back_as_the_page_and_cut_or_wrong_ones_are_not() {
        let (page, mut coder) = (page(t4::Resolution::Fine), Coder::default());
        for (coding, ms) in [(Coding::Mh, 10), (Coding::Mr, 0), (Coding::Mmr, 0), (Coding::T85, 0)]
        {
            let contract = contract(coding, ms);
            let mut octets = coder.octets(&page, &contract).to_vec();
            assert_eq!(decoded(&octets, &page, &contract).as_ref(), Some(&page), "{coding}");
            let cut = octets.len() / 2;
            assert_ne!(decoded(&octets[..cut], &page, &contract).as_ref(), Some(&page), "{coding}");
            octets[cut] ^= 0x10;
            assert_ne!(decoded(&octets, &page, &contract).as_ref(), Some(&page), "{coding}");
        }
    }

    #[test]
    fn row_that_must_last_is_filled_up_and_the_octets_of_each_form_are_kept_apart() {
        let (page, mut coder) = (page(t4::Resolution::Fine), Coder::default());
        let mut length = |coding, ms| coder.octets(&page, &contract(coding, ms)).len();
        let (bare, filled) = (length(Coding::Mr, 0), length(Coding::Mr, 10));
        // 144 bits a row at least, of 300 rows.
        assert!(bare < filled && filled >= 300 * 18, "{bare} {filled}");
        assert_eq!((length(Coding::Mr, 0), length(Coding::Mr, 10)), (bare, filled));
        assert!(length(Coding::Mmr, 0) < bare);
        assert_eq!(coder.done.len(), 3, "none was coded twice");
        coder.prepare(&page, Resolution::Fine);
        assert_eq!(coder.done.len(), 5, "what is missing is prepared");
    }
}
