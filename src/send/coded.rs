//! A sheet as the octets of a contract.
//!
//! In: a page of pels, a contract. Out: octets as phase C carries them, each coded once in a call, and none that
//! do not decode to the page.
//! Source: ITU-T T.4 (07/2003) 4.1.3 (fill); T.85 (08/1995), basic mode; T.31 (07/1995) 8.3 (bit 0 first).
//! Not here: which coding is taken (`drivers/t30`, by their lengths), the codings (`drivers/t4`).

use t4::jbig::{self, JbigSettings};
use t4::{BitOrder, Encoding, Page};
use t30::{Coding, Contract, Resolution};
use zeroize::Zeroizing;

/// What was coded for a call. It is the page, password and all: nothing shows it, and it is wiped.
#[derive(Default)]
#[cfg_attr(test, derive(Clone))]
pub struct Coder {
    done: Vec<(Form, Zeroizing<Vec<u8>>)>,
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

    fn octets(self, page: &Page) -> Zeroizing<Vec<u8>> {
        let order = BitOrder::LsbFirst;
        let runs = |coding| t4::encode(page, &Encoding::line(coding, order, self.min_row_bits));
        Zeroizing::new(match self.coding {
            Coding::Mh => runs(t4::Coding::Mh),
            Coding::Mr => runs(t4::Coding::Mr),
            Coding::Mmr => runs(t4::Coding::Mmr),
            // Its octets go with bit 0 first like those of any frame, and are not turned round for that.
            Coding::T85 => jbig::encode(page, &JbigSettings::basic()),
        })
    }
}

/// The page as the far machine will have it if no bit is lost; `None` if the octets are no whole page.
pub(super) fn decoded(octets: &[u8], like: &Page, coding: Coding) -> Option<Page> {
    let runs = |coding| {
        let line = Encoding::line(coding, BitOrder::LsbFirst, 0);
        let read = t4::decode(octets, like.width_pels(), like.resolution(), &line).ok()?;
        (read.ended && read.bad_rows.is_empty()).then_some(read.page)
    };
    match coding {
        Coding::Mh => runs(t4::Coding::Mh),
        Coding::Mr => runs(t4::Coding::Mr),
        Coding::Mmr => runs(t4::Coding::Mmr),
        Coding::T85 => jbig::decode(octets, like.resolution()).ok(),
    }
}

/// Octets that do not decode to the page that they are coded from. A fault of ours: it comes again each time.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("its octets in {coding} do not decode to the page that was drawn")]
pub struct WrongOctets {
    pub coding: Coding,
}

impl WrongOctets {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        "sheet-octets-wrong"
    }
}

impl Coder {
    /// Codes a page in all that a machine with error correction may ask for, which no rate changes: while it
    /// waits for our DCS the telephone bill runs. Each of them is decoded again.
    ///
    /// # Errors
    /// [`WrongOctets`]: the page must not go.
    pub fn prepare(&mut self, page: &Page, resolution: Resolution) -> Result<(), WrongOctets> {
        for coding in [Coding::Mh, Coding::Mr, Coding::Mmr, Coding::T85] {
            self.proven(page, Form { coding, resolution, min_row_bits: 0 })?;
        }
        Ok(())
    }

    /// How many octets a page has.
    pub fn length(&mut self, page: &Page, contract: &Contract) -> usize {
        self.form(page, Form::of(contract)).len()
    }

    /// The octets of a page, which for one resolution is always the same. Their decoding takes some ms.
    ///
    /// # Errors
    /// [`WrongOctets`]: they must not go.
    pub fn octets(&mut self, page: &Page, contract: &Contract) -> Result<&[u8], WrongOctets> {
        self.proven(page, Form::of(contract))
    }

    fn proven(&mut self, page: &Page, form: Form) -> Result<&[u8], WrongOctets> {
        let octets = self.form(page, form);
        match decoded(octets, page, form.coding) {
            Some(read) if read == *page => Ok(octets),
            Some(_) | None => Err(WrongOctets { coding: form.coding }),
        }
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
            let octets = coder.octets(&page, &contract(coding, 0)).expect("they decode").to_vec();
            let line = Encoding::line(t4, BitOrder::LsbFirst, 0);
            let read = t4::decode(&octets, page.width_pels(), page.resolution(), &line);
            assert_eq!(read.expect("it reads").page, page, "{coding}");
        }
        let octets = coder.octets(&page, &contract(Coding::T85, 0)).expect("they decode");
        assert_eq!(jbig::decode(octets, page.resolution()).as_ref(), Ok(&page));
    }

    #[test]
    fn octets_that_were_cut_or_changed_since_they_were_coded_are_not_given_out() {
        let (page, mut coder) = (page(t4::Resolution::Fine), Coder::default());
        for (coding, ms) in [(Coding::Mh, 10), (Coding::Mr, 0), (Coding::Mmr, 0), (Coding::T85, 0)]
        {
            let contract = contract(coding, ms);
            let whole = coder.octets(&page, &contract).expect("they decode").to_vec();
            let wrong = Err(WrongOctets { coding });
            let middle = whole.len() / 2;
            coder.done.last_mut().expect("coded").1[middle] ^= 0x10;
            assert_eq!(coder.octets(&page, &contract), wrong, "{coding}");
            coder.done.last_mut().expect("coded").1.truncate(middle);
            assert_eq!(coder.octets(&page, &contract), wrong, "{coding}");
            coder.done.pop();
            assert_eq!(coder.octets(&page, &contract), Ok(&*whole), "{coding}");
        }
    }

    #[test]
    fn page_of_which_one_coding_is_wrong_is_not_prepared() {
        let (page, mut coder) = (page(t4::Resolution::Fine), Coder::default());
        let mut other = page.clone();
        other.push_row(&[0x55; 216]).expect("a row");
        coder.length(&other, &contract(Coding::Mmr, 0));
        let wrong = WrongOctets { coding: Coding::Mmr };
        assert_eq!(coder.prepare(&page, Resolution::Fine), Err(wrong));
        let mut coder = Coder::default();
        assert_eq!(coder.prepare(&page, Resolution::Fine), Ok(()));
    }

    #[test]
    fn row_that_must_last_is_filled_up_and_the_octets_of_each_form_are_kept_apart() {
        let (page, mut coder) = (page(t4::Resolution::Fine), Coder::default());
        let mut length = |coding, ms| coder.length(&page, &contract(coding, ms));
        let (bare, filled) = (length(Coding::Mr, 0), length(Coding::Mr, 10));
        // 144 bits a row at least, of 300 rows.
        assert!(bare < filled && filled >= 300 * 18, "{bare} {filled}");
        assert_eq!((length(Coding::Mr, 0), length(Coding::Mr, 10)), (bare, filled));
        assert!(length(Coding::Mmr, 0) < bare);
        assert_eq!(coder.done.len(), 3, "none was coded twice");
        coder.prepare(&page, Resolution::Fine).expect("they decode");
        assert_eq!(coder.done.len(), 5, "what is missing is prepared");
    }
}
