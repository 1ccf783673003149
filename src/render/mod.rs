//! A job becomes its sheet: fields in, one page of pels out.
//!
//! In: a job, its id, what the site says of itself. Out: its pages for either resolution, in memory only.
//! The same job and id give the same bits: nothing here reads a clock, dates come from the id.
//! Not here: how a sheet is set (`templates/`), how it is drawn (`drivers/sheet`), how it is coded (`send`).

mod check_digits;
mod fields;
mod reference;

use std::sync::{Mutex, PoisonError};

pub use fields::{SiteFace, SiteWords};
pub use reference::reference;

use crate::hook::{SheetCheck, SheetFault};
use crate::job::{JobId, NewJob};

/// Draws sheets with one worker process, one sheet at a time.
pub struct Renderer {
    site: SiteFace,
    worker: Mutex<sheet::Worker>,
}

impl Renderer {
    /// Keeps what every sheet says of the site; the worker process starts with the first sheet.
    pub fn new(site: SiteFace, worker: sheet::WorkerSettings) -> Self {
        Self { site, worker: Mutex::new(sheet::Worker::new(worker)) }
    }

    /// What every sheet says of the site.
    pub fn site(&self) -> &SiteFace {
        &self.site
    }

    /// Draws the sheet of a job at both resolutions; blocks for at most the worker's deadline.
    ///
    /// # Errors
    /// [`RenderError`] names file and line of a template, or the character that no font has. It
    /// never holds the value of a field.
    pub fn draw(&self, id: JobId, job: &NewJob) -> Result<sheet::Drawn, RenderError> {
        let request = sheet::Request {
            template: job.kind().as_str().to_owned(),
            fields: fields::of(&self.site, id, job),
        };
        // A panic while drawing leaves a worker that is replaced at its next use.
        let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(worker.draw(&request)?)
    }
}

impl SheetCheck for Renderer {
    /// What it draws is thrown away. The id on the sheet is not known yet, but every id has the same letters.
    fn check(&self, job: &NewJob) -> Result<(), SheetFault> {
        let id = JobId(ulid::Ulid::nil());
        let error = match self.draw(id, job) {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        let message = error.to_string();
        Err(if error.is_callers() {
            SheetFault::Unrenderable { message }
        } else {
            SheetFault::OutOfOrder { message }
        })
    }
}

/// Why a job has no sheet.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RenderError {
    /// The worker said why.
    #[error(transparent)]
    Sheet(#[from] sheet::SheetError),
}

impl RenderError {
    /// Stable code of the reason.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Sheet(error) => error.code(),
        }
    }

    /// Whether other field values could help: the caller's matter, not the technician's.
    pub fn is_callers(&self) -> bool {
        match self {
            Self::Sheet(
                sheet::SheetError::MissingGlyph { .. } | sheet::SheetError::Pages { .. },
            ) => true,
            Self::Sheet(
                sheet::SheetError::Template { .. }
                | sheet::SheetError::Layout { .. }
                | sheet::SheetError::Font { .. }
                | sheet::SheetError::Deadline { .. }
                | sheet::SheetError::Worker { .. },
            ) => false,
        }
    }
}
