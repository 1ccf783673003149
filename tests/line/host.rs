//! The caller of a test call: hands out one page and says yes to everything.

use std::path::Path;
use std::time::Duration;

use modem::{Call, CallHost, CallReport, Go, LineSettings, Progress};

/// Says yes, codes its page as agreed, and keeps what it was told.
pub struct PageHost {
    page: t4::Page,
    pub agreed: Option<t30::Contract>,
}

impl PageHost {
    pub fn new(page: t4::Page) -> Self {
        Self { page, agreed: None }
    }
}

impl CallHost for PageHost {
    fn dial_starts(&mut self) -> Go {
        Go::On
    }

    fn far_end(&mut self, _far_end: &t30::FarEnd) -> Go {
        Go::On
    }

    fn page(&mut self, _page: u16, contract: &t30::Contract) -> Vec<u8> {
        self.agreed = Some(contract.clone());
        t4::encode(&self.page, &shirase::send::fax::line_encoding(contract))
    }

    fn page_starts(&mut self, _page: u16) -> Go {
        Go::On
    }

    fn page_confirmed(&mut self, _proof: t30::PageConfirmed) {}

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
        fastest,
    }
}

pub fn line_settings(name: &str, device: &Path) -> LineSettings {
    LineSettings {
        name: name.to_owned(),
        device: device.to_owned(),
        baud: 115_200,
        dial_prefix: String::new(),
        country: Some(0),
        answer_wait: Duration::from_secs(60),
        call_limit: Duration::from_secs(300),
    }
}
