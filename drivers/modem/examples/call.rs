//! Sends a TIFF-F file to a number over a modem and says what happens: `call DEVICE NUMBER FILE`.
//!
//! Options before the device: `--no-ecm`, `--fastest RATE` (2400 to 14400), `--tsi IDENTITY`.
//! For trying a modem by hand; nothing is stored, nothing is asked.

use modem::{Call, CallHost, CallReport, Ending, Go, Line, LineSettings, Progress};
use std::error::Error;
use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use t4::{BitOrder, Encoding, Page};
use t30::Modulation;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("call: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool, Box<dyn Error>> {
    let (mut ecm, mut fastest, mut tsi) = (true, Modulation::V17At14400, None);
    let mut words = std::env::args().skip(1).peekable();
    while let Some(option) = words.next_if(|word| word.starts_with("--")) {
        match option.as_str() {
            "--no-ecm" => ecm = false,
            "--fastest" => fastest = modulation(&words.next().ok_or("--fastest needs a rate")?)?,
            "--tsi" => tsi = words.next(),
            other => return Err(format!("unknown option {other}").into()),
        }
    }
    let (Some(device), Some(digits), Some(file), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err("usage: call [--no-ecm] [--fastest RATE] [--tsi ID] DEVICE NUMBER FILE".into());
    };
    let pages: Vec<Page> =
        t4::container::read(File::open(file)?)?.into_iter().map(|read| read.page).collect();

    let mut line = Line::open(LineSettings {
        name: "line".into(),
        device: PathBuf::from(device),
        baud: 115_200,
        dial_prefix: String::new(),
        country: Some(0x00),
        modem: None,
        class: None,
        answer_wait: Duration::from_secs(60),
        call_limit: Duration::from_secs(600),
    })?;
    let fine = pages.iter().all(|page| page.resolution() == t4::Resolution::Fine);
    let count = u16::try_from(pages.len())?;
    let longest_mm = pages.iter().map(Page::length_mm).max().unwrap_or(0);
    let call = Call {
        digits,
        tsi,
        pages: count,
        fine,
        ecm,
        fastest,
        longest_page_mm: u16::try_from(longest_mm)?,
        sub: None,
        pwd: None,
    };
    let report = line.call(&call, &mut Shown { pages });
    println!("{report:#?}");
    Ok(report.ending == Ending::Delivered)
}

fn modulation(rate: &str) -> Result<Modulation, String> {
    Ok(match rate {
        "2400" => Modulation::V27ter2400,
        "4800" => Modulation::V27ter4800,
        "7200" => Modulation::V29At7200,
        "9600" => Modulation::V29At9600,
        "12000" => Modulation::V17At12000,
        "14400" => Modulation::V17At14400,
        other => return Err(format!("no rate {other}")),
    })
}

/// Says yes to everything and prints it.
struct Shown {
    pages: Vec<Page>,
}

impl CallHost for Shown {
    fn dial_starts(&mut self) -> Go {
        Go::On
    }
    fn far_end(&mut self, _: &t30::FarEnd) -> Go {
        Go::On
    }
    fn page(&mut self, page: u16, contract: &t30::Contract) -> Vec<u8> {
        let Some(page) = self.pages.get(usize::from(page)) else { return Vec::new() };
        let coding = match contract.coding {
            t30::Coding::Mh => t4::Coding::Mh,
            t30::Coding::Mr => t4::Coding::Mr,
            t30::Coding::Mmr => t4::Coding::Mmr,
        };
        let row_ms = u32::try_from(contract.min_scan_line.as_millis()).unwrap_or(0);
        let row_bits = contract.modulation.rate_bps() / 100 * row_ms / 10;
        let encoding = Encoding::line(coding, BitOrder::LsbFirst, row_bits);
        match contract.resolution {
            t30::Resolution::Fine => t4::encode(page, &encoding),
            t30::Resolution::Standard => t4::encode(&page.to_standard(), &encoding),
        }
    }
    fn page_starts(&mut self, _: u16) -> Go {
        Go::On
    }
    fn page_confirmed(&mut self, _: modem::PageConfirmed) {}
    fn result_before_hang_up(&mut self, _: &CallReport) {}
    fn progress(&mut self, progress: Progress) {
        println!("{progress:?}");
    }
    fn cancelled(&self) -> bool {
        false
    }
}
