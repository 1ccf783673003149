//! The caller of a test call: hands out one page, to the machine that was meant.

use std::path::Path;
use std::time::Duration;

use modem::{Call, CallHost, CallReport, Go, LineSettings, Progress};
use shirase::job::{FaxNumber, UnixMillis};
use shirase::office::identity::{self, OnAbsent};
use shirase::office::known::Known;
use shirase::send::coded::Coder;

/// Codes its page as agreed, and keeps what it was told. A machine that says another number than the
/// one it is told to expect gets nothing, by the rule of the product.
pub struct PageHost {
    page: t4::Page,
    coder: Coder,
    dialled: Option<FaxNumber>,
    /// Not the quickest coding, but this one, where the far end has it.
    coding: Option<t30::Coding>,
    pub agreed: Option<t30::Contract>,
}

impl PageHost {
    pub fn new(page: t4::Page) -> Self {
        Self { page, coder: Coder::default(), dialled: None, coding: None, agreed: None }
    }

    #[allow(dead_code, reason = "not every test program has a coding to try")]
    pub fn in_coding(self, coding: t30::Coding) -> Self {
        Self { coding: Some(coding), ..self }
    }

    /// The number that was dialled, as far as the machine's identity can be compared with it.
    #[allow(dead_code, reason = "not every test program looks at identities")]
    pub fn csi_ends_with(&mut self, number: &str) {
        self.dialled = Some(FaxNumber::parse(number).expect("a fax number"));
    }
}

impl CallHost for PageHost {
    fn dial_starts(&mut self) -> Go {
        Go::On
    }

    fn far_end(&mut self, far_end: &t30::FarEnd) -> Go {
        let Some(dialled) = &self.dialled else { return Go::On };
        let (csi, now) = (far_end.csi.as_deref(), UnixMillis(0));
        let verdict = identity::judge(csi, dialled, &Known::default(), OnAbsent::Refuse, now);
        if verdict.allowed { Go::On } else { Go::Stop }
    }

    fn lengths(&mut self, _page: u16, contracts: &[t30::Contract]) -> Vec<usize> {
        let length = |contract: &t30::Contract| match self.coding {
            Some(coding) if coding == contract.coding => 1,
            Some(_) => usize::MAX,
            None => self.coder.length(&self.page, contract),
        };
        contracts.iter().map(length).collect()
    }

    fn page(&mut self, _page: u16, contract: &t30::Contract) -> Vec<u8> {
        self.agreed = Some(contract.clone());
        self.coder.octets(&self.page, contract).map(<[u8]>::to_vec).unwrap_or_default()
    }

    fn page_starts(&mut self, _page: u16) -> Go {
        Go::On
    }

    fn page_confirmed(&mut self, _proof: modem::PageConfirmed) {}

    fn result_before_hang_up(&mut self, _report: &CallReport) {}

    fn progress(&mut self, _progress: Progress) {}

    fn cancelled(&self) -> bool {
        false
    }
}

pub fn call(digits: &str, fastest: t30::Modulation) -> Call {
    Call {
        digits: digits.to_owned(),
        tsi: Some("03 0000 0000".to_owned()),
        pages: 1,
        fine: true,
        ecm: true,
        t85: true,
        fastest,
        longest_page_mm: 297,
        sub: None,
        pwd: None,
    }
}

pub fn line_settings(name: &str, device: &Path) -> LineSettings {
    LineSettings {
        name: name.to_owned(),
        device: device.to_owned(),
        baud: 115_200,
        dial_prefix: String::new(),
        country: Some(0),
        modem: None,
        class: None,
        answer_wait: Duration::from_secs(60),
        call_limit: Duration::from_secs(300),
    }
}
