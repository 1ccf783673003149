//! Sheets: a template, fields as JSON and a resolution in; 1-bit fax pages out.
//!
//! In: a [`Request`]. Out: pages of 1728 pels, or a [`SheetError`] that names file, line or field.
//! The drawing is done by a worker process (`shirase-sheet`) with a deadline and a memory limit;
//! [`Worker`] starts it, asks it, ends it and starts it anew.
//! Source: T.4 2.2 for the raster.
//! Not here: what the fields mean (`src/render`), coding (`drivers/t4`).

use std::path::PathBuf;
use std::time::Duration;

/// What to draw. `Debug` shows the template only: fields may be secret.
pub struct Request {
    /// File name in the template folder without `.typ`, e.g. `first_contact`.
    pub template: String,
    /// Seen by the template as `/data.json`.
    pub fields: serde_json::Value,
    pub resolution: t4::Resolution,
}

/// How the worker process is run.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// The `shirase-sheet` program.
    pub program: PathBuf,
    /// Folder of `*.typ`; nothing outside it can be read by a template.
    pub templates: PathBuf,
    /// Font files or folders.
    pub fonts: Vec<PathBuf>,
    /// Longest time for one sheet.
    pub deadline: Duration,
    /// Address space of the worker, in octets.
    pub memory_limit: u64,
}

/// Keeper of one worker process; a worker that dies or overruns is ended and started anew.
pub struct Worker {
    settings: WorkerSettings,
}

impl Worker {
    /// Keeps settings; the process starts with the first sheet.
    pub fn new(settings: WorkerSettings) -> Self {
        Self { settings }
    }

    /// Draws a sheet; blocks for at most the deadline.
    pub fn draw(&mut self, request: &Request) -> Result<Vec<t4::Page>, SheetError> {
        let _ = (request, &self.settings);
        Err(SheetError::Worker { detail: String::from("not yet") })
    }
}

/// Why there is no sheet. Never holds a field's value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SheetError {
    /// The template has an error.
    #[error("{file}:{line}: {message}")]
    Template { file: String, line: usize, message: String },
    /// No font has a glyph for a character.
    #[error("no glyph for U+{:04X}", *character as u32)]
    MissingGlyph { character: char },
    /// The sheet did not come out as one page.
    #[error("the sheet has {pages} pages, not one")]
    Pages { pages: usize },
    /// A font file cannot be used.
    #[error("font {file}: {message}")]
    Font { file: String, message: String },
    /// The worker took longer than its deadline.
    #[error("the sheet took longer than {} ms", deadline.as_millis())]
    Deadline { deadline: Duration },
    /// The worker process could not be started, or died.
    #[error("sheet worker: {detail}")]
    Worker { detail: String },
}
