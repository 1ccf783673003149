//! The page that test calls send, and pages as far ends received them.

use std::io::Cursor;
use std::path::Path;

/// 500 rows with runs of every length that a text page has, and some that it has not.
pub fn test_page() -> t4::Page {
    let mut page = t4::Page::new(t4::WIDTH_A4_PELS, t4::Resolution::Fine);
    for y in 0..500_usize {
        let mut row = vec![0_u8; page.row_octets()];
        for x in (0..1728).filter(|x| black(*x, y)) {
            row[x / 8] |= 0x80 >> (x % 8);
        }
        page.push_row(&row).expect("a whole row");
    }
    page
}

/// Strokes, slants and dots in the middle, a white margin, one black row, some white ones.
fn black(x: usize, y: usize) -> bool {
    match y / 50 {
        0 | 5 => false,
        1 | 6 => y % 50 == 25,
        2 | 7 => (200..1500).contains(&x) && (x + y) % 61 < 4,
        3 | 8 => (100..900).contains(&x) && x * y % 97 < 9,
        _ => (300..1400).contains(&x) && x / 24 % 3 == 1 && y % 24 < 3,
    }
}

/// The one page of a received file, exactly as it came: a guessed row fails.
#[allow(dead_code, reason = "not every test program fails at once")]
pub fn received(file: &Path) -> t4::Page {
    received_as_it_came(file).unwrap_or_else(|why| panic!("{}: {why}", file.display()))
}

/// The same, for a caller that tells what is wrong and goes on.
pub fn received_as_it_came(file: &Path) -> Result<t4::Page, String> {
    let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
    let mut pages = t4::container::read(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    match (pages.pop(), pages.len()) {
        (Some(page), 0) if page.bad_rows.is_empty() => Ok(page.page),
        (Some(page), 0) => Err(format!("{} rows arrived damaged", page.bad_rows.len())),
        (_, others) => Err(format!("one page was sent, and these are {others} more")),
    }
}
