//! A job becomes its sheet: fields in, the same page at two resolutions out; a notice becomes its mail.
//!
//! In: a job, its id, what the site says of itself. Out: its pages for either resolution, in memory only, and the
//! proof that its credentials can be read on them. Before that: whether a job has a sheet at all.
//! The same job, id and issue give the same bits: nothing here reads a clock, dates come from the id.
//! Not here: how a sheet is set and what a mail says (`templates/`), how a sheet is drawn (`drivers/sheet`) and a mail
//! written (`drivers/mail`), how a page is coded (`send`).

mod alphabet;
mod check_digits;
mod fields;
mod gate;
mod letter;
mod look;
mod proof;
mod reference;
mod trial;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use alphabet::{Alphabet, Cell};
pub use fields::{Issue, SiteFace, SiteWords};
pub use gate::Gate;
pub use letter::{Folders, LETTER_KINDS, LetterError, LetterOf, Letters, MailFace, Written};
pub use look::Look;
pub use proof::{Proof, ProofError};
pub use reference::reference;
pub use trial::Trials;

use alphabet::Alphabets;

use crate::job::{JobId, Language, NewJob};

/// Draws sheets with one worker process, one sheet at a time.
pub struct Renderer {
    site: SiteFace,
    worker: Mutex<sheet::Worker>,
    /// What the proof compares with, once a sheet has needed it.
    alphabets: Mutex<Option<Arc<Alphabets>>>,
}

impl Renderer {
    /// Keeps what every sheet says of the site; the worker process starts with the first sheet.
    pub fn new(site: SiteFace, worker: sheet::WorkerSettings) -> Self {
        let worker = Mutex::new(sheet::Worker::new(worker));
        Self { site, worker, alphabets: Mutex::new(None) }
    }

    /// What every sheet says of the site.
    pub fn site(&self) -> &SiteFace {
        &self.site
    }

    /// The characters that sheets can hold; blocks for at most the worker's deadline.
    ///
    /// # Errors
    /// [`RenderError`]: the worker or a face cannot be used.
    pub fn coverage(&self) -> Result<sheet::Coverage, RenderError> {
        Ok(self.worker().coverage()?)
    }

    /// Draws the first sheet of a job at both resolutions, and reads its credentials on it; blocks for at most
    /// twice the worker's deadline.
    ///
    /// # Errors
    /// [`RenderError`] names file and line of a template, the character that no font has, or what of a
    /// credential does not read as it should. It never holds the value of a field.
    pub fn draw(&self, id: JobId, job: &NewJob) -> Result<sheet::Drawn, RenderError> {
        self.draw_to_send(id, job, Issue::FIRST).map(|(drawn, _)| drawn)
    }

    /// [`Self::draw`] of the sheet that says which copy of its notification it is, from the second on, and why it
    /// comes by FAX, with what it takes to read the credentials again out of the octets of a call.
    ///
    /// # Errors
    /// As [`Self::draw`].
    pub fn draw_to_send(
        &self,
        id: JobId,
        job: &NewJob,
        issue: Issue,
    ) -> Result<(sheet::Drawn, Proof), RenderError> {
        let fields = fields::of(&self.site, id, job, issue);
        let drawn = self.draw_fields(job.kind().as_str(), fields)?;
        let Some(credentials) = job.content.credentials() else {
            return Ok((drawn, Proof::of_nothing()));
        };
        let known = self.alphabets.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(proof) = known.map(|known| Proof::new(&drawn, known, credentials))
            && proof.holds(&drawn).is_ok()
        {
            return Ok((drawn, proof));
        }
        // The first sheet, or an edited template sets characters in another way now.
        let proof = Proof::new(&drawn, self.new_alphabets()?, credentials);
        proof.holds(&drawn)?;
        Ok((drawn, proof))
    }

    fn new_alphabets(&self) -> Result<Arc<Alphabets>, RenderError> {
        let alphabets = self.draw_fields(fields::ALPHABET, fields::of_alphabet())?;
        let alphabets = Arc::new(Alphabets::of(&alphabets)?);
        *self.alphabets.lock().unwrap_or_else(PoisonError::into_inner) = Some(alphabets.clone());
        Ok(alphabets)
    }

    /// Draws the sheet by which a technician judges a line; it is nobody's notification.
    ///
    /// # Errors
    /// As [`Renderer::draw`].
    pub fn draw_line_test(
        &self,
        id: JobId,
        line: &str,
        language: Language,
    ) -> Result<sheet::Drawn, RenderError> {
        let fields = fields::of_line_test(&self.site, id, line, language);
        self.draw_fields(fields::LINE_TEST, fields)
    }

    fn draw_fields(
        &self,
        template: &str,
        fields: serde_json::Value,
    ) -> Result<sheet::Drawn, RenderError> {
        let request = sheet::Request { template: template.to_owned(), fields };
        Ok(self.worker().draw(&request)?)
    }

    fn worker(&self) -> MutexGuard<'_, sheet::Worker> {
        // A panic while drawing leaves a worker that is replaced at its next use.
        self.worker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a job has no sheet.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RenderError {
    /// The worker said why.
    #[error(transparent)]
    Sheet(#[from] sheet::SheetError),
    /// What was drawn does not read as it should.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl RenderError {
    /// Stable code of the reason.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Sheet(error) => error.code(),
            Self::Proof(error) => error.code(),
        }
    }

    /// Whether the same sheet of the same files may be drawn another time.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Sheet(sheet::SheetError::Deadline { .. } | sheet::SheetError::Worker { .. }) => {
                true
            }
            Self::Sheet(
                sheet::SheetError::MissingGlyph { .. }
                | sheet::SheetError::Pages { .. }
                | sheet::SheetError::Template { .. }
                | sheet::SheetError::Layout { .. }
                | sheet::SheetError::Font { .. },
            )
            | Self::Proof(_) => false,
        }
    }
}
