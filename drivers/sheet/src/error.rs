//! Why there is no sheet, and the code of each reason.
//!
//! In: nothing. Out: [`SheetError`], which also travels from the worker process to its keeper.
//! Not here: who must act on it (`src/settle`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Why there is no sheet. Never holds a field's value.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum SheetError {
    /// The template has an error; `line` counts from 1.
    #[error("{file}:{line}: {message}")]
    Template { file: String, line: usize, message: String },
    /// No font has a glyph for a character.
    #[error("no glyph for U+{:04X}", *character as u32)]
    MissingGlyph { character: char },
    /// The sheet did not come out as one page.
    #[error("the sheet has {pages} pages, not one")]
    Pages { pages: usize },
    /// The page is drawn, but cannot go on paper as it is: wrong width, ink in the margin, a QR code
    /// that does not fit its place.
    #[error("{template}: {message}")]
    Layout { template: String, message: String },
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

impl SheetError {
    /// A name for the reason that never changes its meaning.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Template { .. } => "sheet-template",
            Self::MissingGlyph { .. } => "sheet-missing-glyph",
            Self::Pages { .. } => "sheet-pages",
            Self::Layout { .. } => "sheet-layout",
            Self::Font { .. } => "sheet-font",
            Self::Deadline { .. } => "sheet-deadline",
            Self::Worker { .. } => "sheet-worker",
        }
    }
}
