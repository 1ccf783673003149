//! Sends a TIFF-F file to a number over a modem and says what happens: `call DEVICE NUMBER FILE`.
//!
//! Options before the device: `--no-ecm`, `--no-t85`, `--fastest RATE` (2400 to 14400), `--tsi IDENTITY`.
//! For trying a modem by hand; nothing is stored, nothing is asked.

#[path = "../tests/coded/mod.rs"]
mod coded;

use modem::{Call, CallHost, CallReport, Ending, Go, Line, LineSettings, Progress};
use std::error::Error;
use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use t4::Page;
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
    let (mut ecm, mut t85, mut fastest, mut tsi) = (true, true, Modulation::V17At14400, None);
    let mut words = std::env::args().skip(1).peekable();
    while let Some(option) = words.next_if(|word| word.starts_with("--")) {
        match option.as_str() {
            "--no-ecm" => ecm = false,
            "--no-t85" => t85 = false,
            "--fastest" => fastest = modulation(&words.next().ok_or("--fastest needs a rate")?)?,
            "--tsi" => tsi = words.next(),
            other => return Err(format!("unknown option {other}").into()),
        }
    }
    let (Some(device), Some(digits), Some(file), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(
            "usage: call [--no-ecm] [--no-t85] [--fastest RATE] [--tsi ID] DEVICE NUMBER FILE"
                .into(),
        );
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
    let fine = pages.iter().all(|page| page.resolution() != t4::Resolution::Standard);
    let count = u16::try_from(pages.len())?;
    let longest_mm = pages.iter().map(Page::length_mm).max().unwrap_or(0);
    let call = Call {
        digits,
        tsi,
        pages: count,
        fine,
        ecm,
        t85,
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
    fn lengths(&mut self, page: u16, contracts: &[t30::Contract]) -> Vec<usize> {
        coded::lengths(self.pages.get(usize::from(page)..).unwrap_or_default(), contracts)
    }
    fn page(&mut self, page: u16, contract: &t30::Contract) -> Vec<u8> {
        let Some(page) = self.pages.get(usize::from(page)) else { return Vec::new() };
        coded::octets(page, contract)
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
