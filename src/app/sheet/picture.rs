//! A drawn page as a file for people, and beside one that a fax machine received.
//!
//! In: a page. Out: a PNG or a fax file; or where the two part.

use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use crate::app::exit::{Exit, Failure};
use crate::app::print;

const OWNER_ONLY: u32 = 0o600;

/// Writes a page to a file.
pub(super) type Writer = fn(&Path, &t4::Page) -> Result<(), String>;

/// The writer for a file of this name.
pub(super) fn writer(out: &Path) -> Result<Writer, Failure> {
    match out.extension().and_then(|extension| extension.to_str()) {
        Some("png") => Ok(png),
        Some("tif" | "tiff") => Ok(tiff),
        Some(_) | None => Err(Failure::new(Exit::Usage, "--out must end in .png, .tif or .tiff")),
    }
}

/// Compares a received file with what was drawn, pel by pel, and says where they part. The tag line is the call's:
/// the receipt's `sheet_mark` names the pels with it.
pub(super) fn compare(path: &Path, drawn: &t4::Page) -> Result<(), Failure> {
    let differs = |how: String| Failure::new(Exit::Differs, format!("{}: {how}", path.display()));
    let file = std::fs::File::open(path).map_err(|error| differs(error.to_string()))?;
    let pages = t4::container::read(std::io::BufReader::new(file))
        .map_err(|error| differs(error.to_string()))?;
    let [received] = pages.as_slice() else {
        return Err(differs(format!("{} pages, not one", pages.len())));
    };
    let (width, rows) = (received.page.width_pels(), received.page.rows());
    if (width, rows) != (drawn.width_pels(), drawn.rows()) {
        let (drawn_width, drawn_rows) = (drawn.width_pels(), drawn.rows());
        return Err(differs(format!("{width} × {rows} pels, {drawn_width} × {drawn_rows} drawn")));
    }
    match (tagline::rows(drawn.resolution())..rows)
        .find(|row| received.page.row(*row) != drawn.row(*row))
    {
        None => print::out(&format!(
            "{width} × {rows} pels received, every one below the tag line as drawn"
        )),
        Some(row) => Err(differs(format!("row {row} of {rows} is the first that differs"))),
    }
}

/// Rows or pels are doubled where they lie half as close as the others, so that the picture has the paper's shape.
fn png(path: &Path, page: &t4::Page) -> Result<(), String> {
    let (across, down) = match page.resolution() {
        t4::Resolution::Standard => (1, 2),
        t4::Resolution::Superfine => (2, 1),
        t4::Resolution::Fine
        | t4::Resolution::Inch300
        | t4::Resolution::R16
        | t4::Resolution::Inch400 => (1, 1),
    };
    let (width, height) = (u32::from(page.width_pels()) * across, page.rows() * down);
    let picture = image::GrayImage::from_fn(width, height, |x, y| {
        let (x, y) = (x / across, y / down);
        let octet = page.row(y).and_then(|row| row.get(x as usize / 8)).copied();
        let black = octet.unwrap_or(0) >> (7 - x % 8) & 1 == 1;
        image::Luma([if black { 0 } else { 255 }])
    });
    let file = create(path).map_err(|error| error.to_string())?;
    let mut file = BufWriter::new(file);
    picture.write_to(&mut file, image::ImageFormat::Png).map_err(|error| error.to_string())?;
    file.flush().map_err(|error| error.to_string())
}

/// A file for its owner alone, for the page may hold a password; also if it was there and others could read it.
fn create(path: &Path) -> io::Result<File> {
    let file =
        File::options().write(true).create(true).truncate(true).mode(OWNER_ONLY).open(path)?;
    file.set_permissions(Permissions::from_mode(OWNER_ONLY))?;
    Ok(file)
}

fn tiff(path: &Path, page: &t4::Page) -> Result<(), String> {
    let settings = t4::container::FileSettings {
        coding: t4::Coding::Mmr,
        order: t4::BitOrder::MsbFirst,
        software: concat!("shirase ", env!("CARGO_PKG_VERSION")),
        date_time: None,
    };
    let file = create(path).map_err(|error| error.to_string())?;
    t4::container::write(BufWriter::new(file), std::slice::from_ref(page), &settings)
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_is_its_owner_s_alone_whether_it_was_there_or_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut page = t4::Page::new(t4::WIDTH_A4_PELS, t4::Resolution::Fine);
        page.push_row(&[0; 216]).expect("a row");
        for name in ["sheet.png", "sheet.tiff"] {
            let path = folder.path().join(name);
            let write = writer(&path).unwrap_or_else(|_| panic!("{name} is a name"));
            let mode = || std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777;
            write(&path, &page).expect("writes");
            assert_eq!(mode(), 0o600, "{name}");
            std::fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("sets");
            write(&path, &page).expect("writes");
            assert_eq!(mode(), 0o600, "{name}");
        }
    }
}
