//! Pages for tests: drawn here, and read back from what a machine received.
//!
//! In: a number of lines. Out: TIFF files, and lines of 1728 pels as 216 bytes, black as 1.
//! Source: TIFF 6.0, sections 2 and 10. Decoding is left to libtiff's `tiffcp`: nobody here wrote it.

use std::path::Path;
use std::process::Command;

pub(crate) type Row = Vec<u8>;

const ROW_BYTES: usize = 216;
// Tags of TIFF 6.0.
const IMAGE_LENGTH: u16 = 257;
const STRIP_OFFSETS: u16 = 273;

/// Stripes that grow from line to line; no two blocks of eight lines are alike.
pub(crate) fn rows(height: usize) -> Vec<Row> {
    let byte = |row: usize, at: usize| if at * (row / 8 + 1) % 29 < 3 { 0xE1 } else { 0 };
    (0..height).map(|row| (0..ROW_BYTES).map(|at| byte(row, at)).collect()).collect()
}

/// Writes a page of [`rows`], uncompressed, at 204 by 196 dots per inch.
pub(crate) fn write(path: &Path, height: usize) {
    let rows = rows(height).concat();
    let resolutions = 8 + rows.len() as u32;
    let directory = resolutions + 16;
    let entries: [(u16, u16, u32); 12] = [
        (256, 4, 1728),
        (IMAGE_LENGTH, 4, height as u32),
        (258, 3, 1), // one bit a sample
        (259, 3, 1), // uncompressed
        (262, 3, 0), // white is 0
        (STRIP_OFFSETS, 4, 8),
        (277, 3, 1), // one sample a pel
        (278, 4, height as u32),
        (279, 4, rows.len() as u32),
        (282, 5, resolutions),
        (283, 5, resolutions + 8),
        (296, 3, 2), // inches
    ];
    let mut file = b"II*\0".to_vec();
    file.extend(directory.to_le_bytes());
    file.extend(rows);
    for number in [204_u32, 1, 196, 1] {
        file.extend(number.to_le_bytes());
    }
    file.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, value) in entries {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(1_u32.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend([0; 4]);
    std::fs::write(path, file).expect("the page can be written");
}

/// The lines of the first page of a TIFF file.
pub(crate) fn read(path: &Path) -> Vec<Row> {
    let folder = tempfile::tempdir().expect("a folder for the decoded page");
    let plain = folder.path().join("plain.tif");
    tiffcp(&["-c", "none", "-f", "msb2lsb", "-r", "100000"], path, &plain);
    let file = std::fs::read(plain).expect("tiffcp has written");
    let at = number(&file, 4, 4);
    let entry = |tag: u16| {
        (0..number(&file, at, 2))
            .map(|index| at + 2 + 12 * index)
            .find(|entry| number(&file, *entry, 2) == usize::from(tag))
            .map(|entry| number(&file, entry + 8, 4))
            .expect("a TIFF file has this tag")
    };
    let start = entry(STRIP_OFFSETS);
    let strip = &file[start..start + ROW_BYTES * entry(IMAGE_LENGTH)];
    strip.chunks(ROW_BYTES).map(<[u8]>::to_vec).collect()
}

/// Copies a TIFF file, changing its coding.
pub(crate) fn tiffcp(options: &[&str], from: &Path, to: &Path) {
    let done = Command::new("tiffcp").args(options).args([from, to]).output().expect("tiffcp runs");
    assert!(done.status.success(), "tiffcp: {}", String::from_utf8_lossy(&done.stderr));
}

fn number(file: &[u8], at: usize, len: usize) -> usize {
    let bytes = file[at..at + len].iter().rev();
    bytes.fold(0, |value, byte| value << 8 | usize::from(*byte))
}
