//! `make noise-table`: what noise on the line does to pages, as a table that is reviewed as a diff.
//!
//! In: nothing. Out: `tests/golden/noise.txt`, written anew; exit code 1 if calls at the speed of a
//! telephone line came to something else than the same calls at the speed of the table, or if a page was
//! confirmed under error correction that is not the page that was sent.
//! Not here: that a part of the table is still true (`tests/line`).

mod cells;
#[path = "../line/host.rs"]
mod host;
#[path = "../line/pages.rs"]
mod pages;
#[path = "../support/softline.rs"]
mod softline;

use std::path::Path;
use std::process::ExitCode;

use cells::{Cell, MODULATIONS};
use t30::Modulation;

/// Signal over noise. Above 25 dB nothing is lost, below 10 dB nothing trains.
const LEVELS_DB: [u8; 6] = [25, 22, 19, 16, 13, 10];
const CALLS: u8 = 20;
const LINES: usize = 16;
const SPEED: u32 = 10;

/// Compared at the speed of a telephone line, so many of each: cells in which noise does something.
const AT_1X: [Cell; 2] = [
    Cell { fastest: Modulation::V17At14400, snr_db: 22, ecm: false },
    Cell { fastest: Modulation::V29At9600, snr_db: 16, ecm: true },
];
const CALLS_AT_1X: u8 = 8;

const HEAD: &str = "\
# Pages confirmed of 20, over a line with noise in both directions: signal over noise from left to right,
# the fastest modulation of the call and error correction from top to bottom. Each entry:
#   pages confirmed, wrong or missing rows of the confirmed pages (500 rows each), confirmed at a lower rate
# With error correction no confirmed page has a wrong row, or this file is not written.
# `make noise-table` writes it anew, with softline at ten times the speed of a telephone line. Noise is
# seeded and begins anew with each signal; 16 of the calls are repeated at the speed of a telephone line and
# came to the same, row by row.
";

fn main() -> ExitCode {
    let cells: Vec<Cell> = [true, false]
        .into_iter()
        .flat_map(|ecm| MODULATIONS.map(|fastest| (fastest, ecm)))
        .flat_map(|(fastest, ecm)| LEVELS_DB.map(|snr_db| Cell { fastest, snr_db, ecm }))
        .collect();
    println!("{} calls at {SPEED}x", cells.len() * usize::from(CALLS));
    let outcomes = cells::run(&cells, CALLS, LINES, SPEED);
    println!("{} calls at 1x", AT_1X.len() * usize::from(CALLS_AT_1X));
    let at_1x = cells::run(&AT_1X, CALLS_AT_1X, LINES, 1);
    let mut same = true;
    for cell in AT_1X {
        let (fast, slow) = (&outcomes[&cell], &at_1x[&cell]);
        if !fast.starts_with(slow) {
            println!("{cell:?} at {SPEED}x: {fast:?}\nand at 1x: {slow:?}");
            same = false;
        }
    }
    let table = cells::table(&LEVELS_DB, |cell| cell.sum(&outcomes[&cell]));
    print!("{table}");
    if !same {
        return ExitCode::FAILURE;
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/noise.txt");
    std::fs::write(file, format!("{HEAD}{table}")).expect("the table is written");
    ExitCode::SUCCESS
}
