//! `make legibility-table`: what can still be read after a bad line, as a table that is reviewed as a diff.
//!
//! In: nothing. Out: `tests/golden/legibility.txt`, written anew.
//! Not here: that a part of the table is still true (`main.rs`).

mod damage;
mod measure;
mod random;
mod readers;
mod specimen;
#[path = "../support/templates.rs"]
mod templates;

use std::path::Path;

use damage::DAMAGES;
use sheet::Fineness;
use specimen::{Edit, SHIPPED, Setting, Typesetter};

const NO_READINGS: Edit = ("if reading != none", "if false");
const NO_GROUPS: Edit = (
    "cells.chunks(4).map(group => box(group.join())).join(h(0.5em, weak: true))",
    "box(cells.join())",
);
const OWN_WIDTHS: Edit = ("width: 0.8em", "width: auto");
const REGULAR: Edit = ("weight: \"bold\"", "weight: \"regular\"");
const TYPEWRITER: Edit = ("font: even-face", "font: \"DejaVu Sans Mono\"");
const TEXT_SIZE: Edit = ("size: 20pt", "size: 10.5pt");

/// From top to bottom as in the table. The last two are as plain sheets are set: size of the text, no groups.
const SETTINGS: [Setting; 10] = [
    SHIPPED,
    Setting { name: "no readings", edits: &[NO_READINGS] },
    Setting { name: "no readings, no groups", edits: &[NO_READINGS, NO_GROUPS, OWN_WIDTHS] },
    Setting { name: "regular", edits: &[REGULAR] },
    Setting { name: "24 pt", edits: &[("size: 20pt", "size: 24pt")] },
    Setting { name: "18 pt", edits: &[("size: 20pt", "size: 18pt")] },
    Setting { name: "16 pt", edits: &[("size: 20pt", "size: 16pt")] },
    Setting { name: "no readings, DejaVu Sans Mono", edits: &[NO_READINGS, TYPEWRITER] },
    Setting {
        name: "plain, DejaVu Sans Mono",
        edits: &[NO_READINGS, NO_GROUPS, OWN_WIDTHS, REGULAR, TEXT_SIZE, TYPEWRITER],
    },
    Setting { name: "plain", edits: &[NO_READINGS, NO_GROUPS, OWN_WIDTHS, REGULAR, TEXT_SIZE] },
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
# From top to bottom: ways of setting them; the first is that of the sheets (BIZ UDGothic, bold, 20 pt, groups, readings),
# the others differ from it by what they are named for; plain is regular, 10.5 pt, no groups, no readings.
# From left to right:
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
