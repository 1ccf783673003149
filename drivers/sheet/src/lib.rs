//! Sheets: a template, fields as JSON and a resolution in; 1-bit fax pages out.
//!
//! In: a [`Request`]. Out: pages of 1728 pels, or a [`SheetError`] that names file, line or character.
//! The drawing is done by a worker process (`shirase-sheet`) with a deadline and a memory limit;
//! [`Worker`] starts it, asks it, ends it and starts it anew. A template is a program, so it may
//! loop, eat memory or break the typesetter: that then costs one process, never the daemon.
//! Source: T.4 2.2 for the raster.
//! Not here: what the fields mean (`src/render`), coding (`drivers/t4`).

mod error;
pub mod wire;
mod worker;

pub use error::SheetError;
pub use worker::{Worker, WorkerSettings};

use std::fmt;

/// What to draw. `Debug` shows the template only: fields may be secret.
pub struct Request {
    /// File name in the template folder without `.typ`, e.g. `first_contact`.
    pub template: String,
    /// Seen by the template as `/data.json`.
    pub fields: serde_json::Value,
    /// How close the scan lines of the page lie.
    pub resolution: t4::Resolution,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("template", &self.template)
            .field("resolution", &self.resolution)
            .finish_non_exhaustive()
    }
}
