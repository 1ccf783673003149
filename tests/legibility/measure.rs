//! Characters read right, by setting, damage and reader, as a table.
//!
//! In: what is to be compared, and how many pages for each. Out: percentages, the same every time.

use std::fmt::Write as _;

use sheet::Fineness;
use shirase::render::Alphabet;

use crate::damage::{Damage, receive};
use crate::readers::{cells, folded, moved_up, picture, right, tesseract};
use crate::specimen::{ALL, CLEAR, Line, Setting, Typesetter};

/// Who reads what.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Reading {
    /// tesseract, credentials of letters and digits that are not alike.
    Clear,
    /// tesseract, credentials of all letters and digits.
    All,
    /// The same, where what a reading tells apart counts as one.
    Folded,
    /// The reader of the proof, credentials of all letters and digits.
    Cells,
}

pub const READINGS: [Reading; 4] = [Reading::Clear, Reading::All, Reading::Folded, Reading::Cells];

impl Reading {
    fn title(self) -> &'static str {
        match self {
            Self::Clear => "tesseract, credentials of 23456789ABCDEFGHJKMNPQRSTVWXYZ",
            Self::All => "tesseract, credentials of all digits and letters",
            Self::Folded => {
                "tesseract, the same, what a reading tells apart (0 O o, 1 I l, C c ...) taken as one"
            }
            Self::Cells => {
                "the reader of the proof, told where the cells are, credentials of all digits and letters"
            }
        }
    }
}

/// One entry of the table: characters read right on each page, of so many.
#[derive(Clone, Debug, Default)]
pub struct Score {
    right: Vec<usize>,
    of: usize,
}

impl Score {
    fn add(&mut self, page: usize, text: &str, read: &str) {
        self.right.resize(self.right.len().max(page + 1), 0);
        self.right[page] += right(text, read);
        self.of += text.chars().count();
    }

    pub fn percent(&self) -> f64 {
        100.0 * self.right.iter().sum::<usize>() as f64 / self.of.max(1) as f64
    }
}

/// A row of the table: one setting at one resolution.
pub struct Row {
    pub setting: Setting,
    pub fineness: Fineness,
    /// By damage, then by [`READINGS`].
    pub scores: Vec<[Score; 4]>,
}

/// Of the first column.
const NAME_WIDTH: usize = 31;

/// Of each alphabet: 256 characters.
const PAGES: usize = 2;

/// Sends pages of each alphabet through each damage and has them read.
pub fn row(
    typesetter: &mut Typesetter,
    setting: Setting,
    fineness: Fineness,
    damages: &[Damage],
) -> Row {
    let alphabet = typesetter.alphabet(&setting, fineness);
    let mut scores = vec![<[Score; 4]>::default(); damages.len()];
    for of in [CLEAR, ALL] {
        let read = read_pages(typesetter, setting, fineness, damages, of, &alphabet);
        for Read { damage, page, line, tesseract, cells } in read {
            let [clear, all, shapes, by_cells] = &mut scores[damage];
            let text = &line.text;
            if of == CLEAR {
                clear.add(page, text, &tesseract);
            } else {
                all.add(page, text, &tesseract);
                shapes.add(page, &folded(text), &folded(&tesseract));
                by_cells.add(page, text, &cells);
            }
        }
    }
    Row { setting, fineness, scores }
}

/// A line, and what two readers made of it.
struct Read {
    damage: usize,
    page: usize,
    line: Line,
    tesseract: String,
    cells: String,
}

fn read_pages(
    typesetter: &mut Typesetter,
    setting: Setting,
    fineness: Fineness,
    damages: &[Damage],
    of: &str,
    alphabet: &Alphabet,
) -> Vec<Read> {
    let mut pictures = Vec::new();
    let mut lines = Vec::new();
    for page in 0..PAGES {
        let specimen = typesetter.page(&setting, of, page as u64);
        for (index, damage) in damages.iter().enumerate() {
            let drawn = &specimen.sheet(fineness).page;
            let received = receive(drawn, damage, (page * 100 + index) as u64);
            for line in specimen.lines(fineness) {
                let up = moved_up(&received, &line, of, alphabet);
                pictures.push(picture(&received, &line, up));
                let cells = cells(&received, &line, up, of, alphabet);
                let tesseract = String::new();
                lines.push(Read { damage: index, page, line, tesseract, cells });
            }
        }
    }
    let folder = tempfile::tempdir().expect("a folder for pictures");
    let read = tesseract(&pictures, of, folder.path());
    for (line, read) in lines.iter_mut().zip(read) {
        line.tesseract = read;
    }
    lines
}

/// The rows as people read them: a part for each resolution and reader.
pub fn table(damages: &[Damage], rows: &[Row]) -> String {
    let mut table = String::new();
    for fineness in [Fineness::Standard, Fineness::Fine] {
        let rows: Vec<&Row> = rows.iter().filter(|row| row.fineness == fineness).collect();
        if rows.is_empty() {
            continue;
        }
        let dpi = match fineness {
            Fineness::Fine => "204 x 196",
            Fineness::Standard => "204 x 98",
        };
        for (index, reading) in READINGS.into_iter().enumerate() {
            let _ = write!(table, "\n{dpi}: {}\n{:<NAME_WIDTH$}", reading.title(), "");
            for damage in damages {
                let _ = write!(table, "{:>9}", damage.name);
            }
            table.push('\n');
            for row in &rows {
                let _ = write!(table, "{:<NAME_WIDTH$}", row.setting.name);
                for score in &row.scores {
                    let _ = write!(table, "{:>9}", format!("{:.1}", score[index].percent()));
                }
                table.push('\n');
            }
        }
    }
    table
}
