//! Legibility, and the proof of it: a part of `make legibility-table` again, and sheets that must not go.
//!
//! Needs `shirase-sheet` of this build, BIZ UDGothic and tesseract (Debian: tesseract-ocr).

mod damage;
mod measure;
mod proof;
mod random;
mod readers;
mod specimen;
#[path = "../support/templates.rs"]
mod templates;

use sheet::Fineness;

use damage::DAMAGES;
use specimen::{SHIPPED, Typesetter};

/// tesseract computes with what its processor has: another one may round a letter over the edge.
const TOLERANCE_PERCENT: f64 = 0.6;

/// The setting of the sheets, at the resolution where it matters.
#[test]
fn credentials_are_as_legible_at_98_dpi_as_the_table_says() {
    let golden = include_str!("../golden/legibility.txt");
    let row = measure::row(&mut Typesetter::start(), SHIPPED, Fineness::Standard, &DAMAGES);
    let now = measure::table(&DAMAGES, &[row]);
    let mut part = "";
    let mut compared = 0;
    for line in now.lines() {
        if line.starts_with("204") {
            part = line;
        }
        let Some(now) = line.strip_prefix(SHIPPED.name) else { continue };
        let (_, rest) = golden.split_once(part).expect("the part is in the table");
        let before =
            rest.lines().find_map(|line| line.strip_prefix(SHIPPED.name)).expect("the setting too");
        let numbers =
            |line: &str| line.split_whitespace().map(|it| it.parse().expect("a number")).collect();
        let (now, before): (Vec<f64>, Vec<f64>) = (numbers(now), numbers(before));
        for ((damage, now), before) in DAMAGES.iter().zip(now).zip(before) {
            let same = (now - before).abs() <= TOLERANCE_PERCENT;
            assert!(
                same,
                "{part}, {}: {now}, {before} in the table; make legibility-table?",
                damage.name
            );
            compared += 1;
        }
    }
    assert_eq!(compared, DAMAGES.len() * measure::READINGS.len());
}
