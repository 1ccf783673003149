//! The worker as its keeper sees it, and the sheets of `templates/` as a far machine gets them.
//!
//! Needs the `shirase-sheet` of this build, BIZ UDGothic (Debian: fonts-morisawa-bizud-gothic), `zbarimg`
//! (Debian: zbar-tools) as a reader of QR codes that is not ours, and `tiffcp` and `pbmtojbg85` (Debian:
//! libtiff-tools, jbigkit-bin) as encoders that are not.
#![expect(clippy::unwrap_used, reason = "what fails in a test shall end it")]

mod bytes;
mod characters;
mod ink;
mod keeper;
mod marks;

mod samples;
mod sheets;
mod templates;

use std::path::{Path, PathBuf};
use std::time::Duration;

use sheet::{Drawn, Request, SheetError, Worker, WorkerSettings};
use t4::Page;
use tempfile::TempDir;

const FONTS: &str = "/usr/share/fonts/truetype/bizud-gothic";

/// A worker that draws from `templates`; generous, for a loaded machine.
fn settings(templates: &Path) -> WorkerSettings {
    WorkerSettings {
        program: PathBuf::from(env!("CARGO_BIN_EXE_shirase-sheet")),
        templates: templates.to_path_buf(),
        fonts: vec![PathBuf::from(FONTS)],
        deadline: Duration::from_secs(60),
        memory_limit: 1 << 30,
    }
}

/// A folder with these files, `a/b` meaning a file in a folder.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn request(template: &str, fields: serde_json::Value) -> Request {
    Request { template: template.to_owned(), fields }
}

/// Draws `t.typ`, which is `text` after a line that sets page and face; the fine page.
fn draw_text(text: &str, fields: serde_json::Value) -> Result<Page, SheetError> {
    Ok(draw_both(text, fields)?.fine.page)
}

fn draw_both(text: &str, fields: serde_json::Value) -> Result<Drawn, SheetError> {
    let head =
        "#set page(width: 215mm, height: 99mm, margin: 18mm); #set text(font: \"BIZ UDGothic\")";
    let folder = folder(&[("t.typ", &format!("{head}\n{text}"))]);
    Worker::new(settings(folder.path())).draw(&request("t", fields))
}

/// Lengths of the runs of black in one column, from top to foot.
fn black_runs_down(page: &Page, column: usize) -> Vec<usize> {
    let rows = page.bits().chunks_exact(page.row_octets());
    let black: Vec<bool> = rows.map(|row| row[column / 8] << (column % 8) & 0x80 != 0).collect();
    black.chunk_by(|a, b| a == b).filter(|run| run[0]).map(<[bool]>::len).collect()
}

/// Lengths of the runs of black in one row, from left to right.
fn black_runs_across(page: &Page, row: u32) -> Vec<usize> {
    let octets = page.row(row).unwrap();
    let black: Vec<bool> =
        (0..octets.len() * 8).map(|pel| octets[pel / 8] << (pel % 8) & 0x80 != 0).collect();
    black.chunk_by(|a, b| a == b).filter(|run| run[0]).map(<[bool]>::len).collect()
}
