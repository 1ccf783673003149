//! `make legibility-table`: what can still be read after a bad line, as a table that is reviewed as a diff.
//!
//! In: nothing. Out: `tests/golden/legibility.txt`, written anew.
//! Not here: that a part of the table is still true (`main.rs`).

mod damage;
mod measure;
#[path = "../support/program.rs"]
mod program;
mod random;
mod readers;
mod specimen;
mod templates;

use std::path::Path;

use damage::DAMAGES;
use sheet::Fineness;
use specimen::{BIZ, SHIPPED, Setting, Typesetter};

const PLAIN: Setting = Setting {
    face: "DejaVu Sans Mono",
    weight: "regular",
    size_pt: 10.5,
    readings: false,
    grouped: false,
};

/// From top to bottom as in the table. The last two are as plain sheets are set: typewriter face, size of the
/// text, no groups.
const SETTINGS: [Setting; 10] = [
    SHIPPED,
    Setting { readings: false, ..SHIPPED },
    Setting { grouped: false, readings: false, ..SHIPPED },
    Setting { weight: "regular", ..SHIPPED },
    Setting { size_pt: 24.0, ..SHIPPED },
    Setting { size_pt: 18.0, ..SHIPPED },
    Setting { size_pt: 16.0, ..SHIPPED },
    Setting { face: "DejaVu Sans Mono", ..SHIPPED },
    PLAIN,
    Setting { face: BIZ, ..PLAIN },
];

fn main() {
    let mut typesetter = Typesetter::start();
    let mut rows = Vec::new();
    let last = SETTINGS.len() - 2;
    let fine = [&SETTINGS[..1], &SETTINGS[last..]].concat(); // there nothing is hard for ours
    for (fineness, settings) in [(Fineness::Standard, &SETTINGS[..]), (Fineness::Fine, &fine)] {
        for setting in settings {
            let row = measure::row(&mut typesetter, *setting, fineness, &DAMAGES);
            println!("{}", measure::table(&DAMAGES, std::slice::from_ref(&row))); // it takes its time
            rows.push(row);
        }
    }
    let table = measure::table(&DAMAGES, &rows);
    print!("{table}");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/legibility.txt");
    std::fs::write(file, format!("{HEAD}{table}")).expect("the table is written");
}

const HEAD: &str = "\
# Characters of credentials read right, in percent of 256, after what a line and a cheap machine do to a page.
# From top to bottom: ways of setting them; the first is that of the sheets, the last two are how a plain sheet
# has them (typewriter face, text size, no groups). From left to right:
#   MH, MR    wrong bits in the coded page, without error correction, until so many of its rows cannot be read;
#             the machine prints the row above instead (white rows have few bits: nearly all are rows of text)
#   hits      the same in crowds of 96 bits, 10 ms at 9600 bit/s: neighbouring rows
#   lost      so many rows left out;  skew  degrees;  97%  the size of the print
#   all       MR 1%, skewed by half a degree, printed at 97%
# tesseract sees a line as a picture, without the readings below it, and knows the characters that there can be.
# It misreads some on a clean page too: the second reader tells what is still on the paper.
# At 204 x 196 only the first and the last two are measured: there nothing is hard for the first.
# `make legibility-table` writes it anew; bits, rows and credentials are the same each time.
";
