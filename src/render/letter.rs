//! A notice becomes its mail: the same fields and the same sentences as on its sheet, as text and as HTML.
//!
//! In: a [`Notice`] and whom it is for. A [`Content`](crate::job::Content) is not taken, so a key cannot come into a mail. Out: the
//! mail with its envelope; the same notice, token and time give the same octets.
//! The texts are read once and tried with the longest and the fewest fields, at start and after each edit. An edit that
//! fails is told with file and line, and mails are written from the texts before it as long as the gateway runs. If
//! there were none, no mail of that kind and language is written until they are mended; FAX goes on.
//! Not here: the texts (`templates/mail`), octets (`drivers/mail`), whether a notice goes by mail (`office`).

mod edition;
mod fold;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use mail::message::{Charset, Letter, compose};
use mail::smtp::{LooseLineEnd, Outgoing};
use mail::{Address, ReturnPath, Subject, TokenKey};

pub use edition::Folders;
use edition::{Edition, Fault, Texts};

use super::trial::{longest, shortest};
use super::{Look, SiteFace, fields};
use crate::job::{Content, Document, JobId, Kind, Language, Notice, Party, SheetText, UnixMillis};

/// The kinds that have a mail.
pub const LETTER_KINDS: [Kind; 2] = [Kind::Document, Kind::Message];

/// What every mail says of us beside what sheets say.
#[derive(Clone, Debug)]
pub struct MailFace {
    /// Whom mails come from; the name beside it is the site's.
    pub from: Address,
    /// Where reports go.
    pub receipts: ReturnPath,
    /// Ask the reader's program to say when a mail was shown.
    pub ask_displayed: bool,
    pub charset: Charset,
}

/// What one mail is about.
///
/// A notice has no key in it:
/// ```
/// # use shirase::job::{JobId, Language, Notice, Party, SheetText};
/// # use shirase::render::LetterOf;
/// fn mail<'a>(notice: &'a Notice, sender: &'a Party, office_name: &'a SheetText, to: &'a mail::Address) {
///     let language = Language::Japanese;
///     let id = JobId(ulid::Ulid::nil());
///     let _ = LetterOf { id, notice, language, sender, office_name, to, token: [0; 16] };
/// }
/// ```
/// and whatever may have one is no notice. The same with keys does not compile:
/// ```compile_fail,E0308
/// # use shirase::job::{JobId, Keys, Language, Party, SheetText};
/// # use shirase::render::LetterOf;
/// fn mail<'a>(notice: &'a Keys, sender: &'a Party, office_name: &'a SheetText, to: &'a mail::Address) {
///     let language = Language::Japanese;
///     let id = JobId(ulid::Ulid::nil());
///     let _ = LetterOf { id, notice, language, sender, office_name, to, token: [0; 16] };
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LetterOf<'a> {
    pub id: JobId,
    pub notice: &'a Notice,
    pub language: Language,
    pub sender: &'a Party,
    /// Of the office that is told.
    pub office_name: &'a SheetText,
    pub to: &'a Address,
    /// Names the attempt.
    pub token: Subject,
}

impl LetterOf<'_> {
    /// What waits on the site; `None` for a notice that has no mail.
    pub(super) fn documents(&self) -> Option<&[Document]> {
        match self.notice {
            Notice::Document { documents } => Some(documents),
            Notice::Message => Some(&[]),
            Notice::ChannelChanged { .. } | Notice::NumberProof => None,
        }
    }
}

/// A mail, and what of it a person reads.
pub struct Written {
    pub subject: String,
    pub text: String,
    pub octets: Vec<u8>,
}

/// Writes mails.
pub struct Letters {
    site: SiteFace,
    folders: Folders,
    face: MailFace,
    shelf: Mutex<Shelf>,
}

/// What was read and tried last.
#[derive(Default)]
struct Shelf {
    /// The files as they were then.
    seen: Option<Look>,
    letters: Vec<Kept>,
}

struct Kept {
    kind: Kind,
    language: Language,
    /// The last one that passed its trial, or why none did.
    edition: Result<Arc<Edition>, LetterError>,
    /// Of the last trial.
    fault: Option<LetterError>,
}

impl Letters {
    /// Reads the texts and tries them; what is wrong with them is logged.
    pub fn new(site: SiteFace, folders: Folders, face: MailFace) -> Self {
        let letters = Self { site, folders, face, shelf: Mutex::default() };
        letters.look(true);
        letters
    }

    /// Writes a mail at this time, with its envelope.
    ///
    /// # Errors
    /// [`LetterError`]; it never holds the value of a field.
    pub fn write(
        &self,
        letter: &LetterOf<'_>,
        key: &TokenKey,
        at: UnixMillis,
    ) -> Result<Outgoing, LetterError> {
        let octets = self.compose(letter, key, at)?.octets;
        let token = key.mint(letter.token);
        let from = self.face.receipts.of(&token);
        Ok(Outgoing::new(from, letter.to.clone(), &token, octets)?)
    }

    /// [`Self::write`] without envelope, for whoever wants to look at it.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn compose(
        &self,
        letter: &LetterOf<'_>,
        key: &TokenKey,
        at: UnixMillis,
    ) -> Result<Written, LetterError> {
        let kind = letter.notice.kind();
        let edition = self.edition(kind, letter.language)?;
        // Of an edition that passed its trial, so this does not happen; if it does, the words may repeat a field.
        self.composed(&edition, letter, key, at).map_err(|error| match error {
            LetterError::Template { place, .. } => {
                LetterError::Template { place, what: String::from("it cannot be rendered") }
            }
            other @ (LetterError::NoMail { .. }
            | LetterError::Message(_)
            | LetterError::LineEnd(_)) => other,
        })
    }

    fn composed(
        &self,
        edition: &Edition,
        letter: &LetterOf<'_>,
        key: &TokenKey,
        at: UnixMillis,
    ) -> Result<Written, LetterError> {
        let kind = letter.notice.kind();
        let fields = fields::of_letter(&self.site, letter).ok_or(LetterError::NoMail { kind })?;
        let Texts { subject, text, html } = edition.texts(kind.as_str(), &fields)?;
        let MailFace { from, receipts, ask_displayed, charset } = &self.face;
        let octets = compose(&Letter {
            from_name: &self.site.in_language(letter.language).name,
            from,
            to: letter.to,
            reply_to: None,
            subject: &subject,
            text: &text,
            html: Some(&html),
            attachment: None,
            token: &key.mint(letter.token),
            date: SystemTime::UNIX_EPOCH + Duration::from_millis(at.0.try_into().unwrap_or(0)),
            ask_displayed: ask_displayed.then(|| receipts.clone()),
            charset: *charset,
        })?;
        Ok(Written { subject, text, octets })
    }

    fn edition(&self, kind: Kind, language: Language) -> Result<Arc<Edition>, LetterError> {
        let shelf = self.shelf();
        let kept = shelf.letters.iter().find(|kept| (kept.kind, kept.language) == (kind, language));
        kept.map_or(Err(LetterError::NoMail { kind }), |kept| kept.edition.clone())
    }

    /// What the last trial of each text found.
    pub fn found(&self) -> Vec<(String, Result<(), String>)> {
        let name = |kept: &Kept| format!("{} ({})", kept.kind, kept.language);
        let outcome = |kept: &Kept| kept.fault.as_ref().map_or(Ok(()), |why| Err(why.to_string()));
        self.shelf().letters.iter().map(|kept| (name(kept), outcome(kept))).collect()
    }

    /// Looks at the files; reads and tries them if one changed, or if asked to.
    pub fn look(&self, asked: bool) {
        let seen = Look::at(self.folders.read_from());
        if !asked && self.shelf().seen.as_ref() == Some(&seen) {
            return;
        }
        self.shelf().seen = Some(seen);
        let mut failed = 0_u32;
        for language in Language::ALL {
            let edition = Edition::read(&self.folders, &self.site, *language).map(Arc::new);
            for kind in LETTER_KINDS {
                let outcome = edition.clone().map_err(LetterError::from).and_then(|edition| {
                    self.tried(&edition, kind, *language)?;
                    Ok(edition)
                });
                failed += u32::from(outcome.is_err());
                self.keep(kind, *language, outcome);
            }
        }
        tracing::info!(failed, "render.letters.tried");
    }

    /// Writes a mail of this kind with the longest and with the fewest fields.
    fn tried(&self, edition: &Edition, kind: Kind, language: Language) -> Result<(), LetterError> {
        for of in [longest, shortest] {
            let (id, job) =
                of(kind, language).map_err(|what| Fault { place: kind.to_string(), what })?;
            let Content::Notice(notice) = &job.content else {
                return Err(LetterError::NoMail { kind });
            };
            let letter = LetterOf {
                id,
                notice,
                language,
                sender: &job.sender,
                office_name: &job.recipient.office_name,
                to: &self.face.from,
                token: [0; 16],
            };
            self.composed(edition, &letter, &TokenKey::new([0; 32]), job.not_after)?;
        }
        Ok(())
    }

    /// A failure is logged when it is new.
    fn keep(&self, kind: Kind, language: Language, outcome: Result<Arc<Edition>, LetterError>) {
        let mut shelf = self.shelf();
        let at =
            shelf.letters.iter().position(|kept| (kept.kind, kept.language) == (kind, language));
        let before = at.map(|at| shelf.letters.swap_remove(at));
        let (edition, fault) = match outcome {
            Ok(edition) => (Ok(edition), None),
            Err(error) => {
                let (edition, told) = before.map_or_else(
                    || (Err(error.clone()), None),
                    |before| (before.edition.map_err(|_| error.clone()), before.fault),
                );
                if told.as_ref() != Some(&error) {
                    let last_good = edition.is_ok();
                    tracing::error!(%kind, %language, reason = %error, last_good, "render.letter.failed");
                }
                (edition, Some(error))
            }
        };
        shelf.letters.push(Kept { kind, language, edition, fault });
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        // What a panic leaves is at worst a letter that counts as untried.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why there is no mail.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LetterError {
    /// A technician has to mend it.
    #[error("{place}: {what}")]
    Template { place: String, what: String },
    /// Notices of this kind go by FAX only.
    #[error("{kind} has no mail")]
    NoMail { kind: Kind },
    #[error(transparent)]
    Message(#[from] mail::message::LetterError),
    #[error(transparent)]
    LineEnd(#[from] LooseLineEnd),
}

impl From<Fault> for LetterError {
    fn from(Fault { place, what }: Fault) -> Self {
        Self::Template { place, what }
    }
}

impl LetterError {
    /// Stable code of the reason.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Template { .. } => "letter-template",
            Self::NoMail { .. } => "letter-no-mail",
            Self::Message(error) => error.code(),
            Self::LineEnd(_) => "letter-line-end",
        }
    }
}

#[cfg(test)]
mod tests;
