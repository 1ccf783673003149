//! Two readers of a received sheet: tesseract, which nobody here wrote, and the one of the proof.
//!
//! In: the far paper, and where on it a line is. Out: how many characters were read right.
//! tesseract (Debian: tesseract-ocr) gets each line as a picture of its own, without a dictionary. It is told which
//! characters there can be, as somebody is who reads a key; it sees no readings. The second compares
//! each cell with the alphabet as it was drawn.

use std::path::Path;
use std::process::Command;

use image::{GrayImage, Luma};
use sheet::PelBox;
use shirase::render::{Alphabet, Cell};

use crate::damage::Received;
use crate::specimen::Line;

/// White around a line: tesseract reads nothing that touches an edge.
const BORDER: u32 = 24;
/// How far rounding may have moved a cell.
const REACH: i32 = 1;

/// How many rows higher than it was sent a line came out: where a hit spoils an EOL two rows become one. The
/// eye finds a line wherever it is.
pub fn moved_up(received: &Received, line: &Line, of: &str, alphabet: &Alphabet) -> usize {
    let unlike = |up: &usize| {
        let cells = line.cells.iter().filter_map(|mark| cell(received, *mark, *up));
        cells
            .filter_map(|cell| alphabet.nearest(&cell, of, 0))
            .map(|(_, unlike)| unlike)
            .sum::<u32>()
    };
    (0..=received.lost_rows).min_by_key(unlike).unwrap_or(0)
}

fn cell(received: &Received, mark: PelBox, up: usize) -> Option<Cell> {
    let area = Cell::area(mark);
    Cell::from_fn(area.right - area.left, area.bottom - area.top, |column, row| {
        received.shows(area.left + column, (area.top + row).saturating_sub(up))
    })
}

/// The picture of a line, cut out of the far paper.
pub fn picture(received: &Received, line: &Line, up: usize) -> GrayImage {
    let corners = line.cells.iter().flat_map(|cell| {
        [
            (cell.left, cell.top),
            (cell.right, cell.top),
            (cell.left, cell.bottom),
            (cell.right, cell.bottom),
        ]
    });
    let places: Vec<(f32, f32)> =
        corners.map(|(column, row)| received.place(column, row.saturating_sub(up))).collect();
    let least = |of: fn(&(f32, f32)) -> f32| places.iter().map(of).fold(f32::MAX, f32::min).floor();
    let most = |of: fn(&(f32, f32)) -> f32| places.iter().map(of).fold(0.0, f32::max);
    let (left, top) = (least(|place| place.0), least(|place| place.1));
    let (width, height) = (most(|place| place.0) - left, most(|place| place.1) - top);
    let line = received.picture(left, top, width as u32, height as u32);
    let mut bordered =
        GrayImage::from_pixel(line.width() + 2 * BORDER, line.height() + 2 * BORDER, Luma([255]));
    image::imageops::replace(&mut bordered, &line, BORDER.into(), BORDER.into());
    bordered
}

/// What tesseract reads on each picture, spaces left out.
pub fn tesseract(pictures: &[GrayImage], alphabet: &str, folder: &Path) -> Vec<String> {
    let names = pictures.iter().enumerate().map(|(index, picture)| {
        let file = folder.join(format!("{index}.png"));
        picture.save(&file).expect("a picture is written");
        format!("{}\n", file.display())
    });
    let list = folder.join("list.txt");
    std::fs::write(&list, names.collect::<String>()).expect("a list is written");
    let said = Command::new("tesseract")
        .arg(&list)
        .args(["stdout", "-l", "eng", "--psm", "7", "--dpi", "204"])
        .args(["-c", "load_system_dawg=0", "-c", "load_freq_dawg=0"])
        .args(["-c", &format!("tessedit_char_whitelist={alphabet}")])
        .env("OMP_THREAD_LIMIT", "1")
        .output()
        .expect("tesseract starts (Debian: tesseract-ocr)");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let text = String::from_utf8(said.stdout).expect("UTF-8");
    let mut read: Vec<String> = text
        .split('\u{c}')
        .map(|page| page.chars().filter(|character| !character.is_whitespace()).collect())
        .collect();
    read.truncate(pictures.len());
    assert_eq!(read.len(), pictures.len(), "tesseract left pictures out");
    read
}

/// What the reader of the proof makes of a line.
pub fn cells(received: &Received, line: &Line, up: usize, of: &str, alphabet: &Alphabet) -> String {
    let read = line.cells.iter().map(|mark| {
        let nearest = cell(received, *mark, up).and_then(|it| alphabet.nearest(&it, of, REACH));
        nearest.map_or('?', |(character, _)| character)
    });
    read.collect()
}

/// Characters of `text` that were read: all of it but one for each wrong, missing or further character.
pub fn right(text: &str, read: &str) -> usize {
    let (text, read): (Vec<char>, Vec<char>) = (text.chars().collect(), read.chars().collect());
    let mut above: Vec<usize> = (0..=read.len()).collect();
    for (row, character) in text.iter().enumerate() {
        let mut this = vec![row + 1];
        for (column, other) in read.iter().enumerate() {
            let change = above[column] + usize::from(character != other);
            this.push(change.min(above[column + 1] + 1).min(this[column] + 1));
        }
        above = this;
    }
    text.len().saturating_sub(above[read.len()])
}

/// Characters that a bare letter cannot tell apart, as one: on a sheet a reading below tells them apart.
pub fn folded(text: &str) -> String {
    let fold = |character: char| match character {
        'O' | 'o' | '0' => '0',
        'I' | 'l' | '1' | '|' => '1',
        'c' | 'k' | 'p' | 's' | 'u' | 'v' | 'w' | 'x' | 'z' => character.to_ascii_uppercase(),
        other => other,
    };
    text.chars().map(fold).collect()
}
