//! Trials: each sheet is drawn with its longest and with its fewest fields before anybody needs it, so that an error in a template
//! is found when it is made and not by a line at night.
//!
//! In: the worker's settings, what the site says of itself. Out: what the [`Gate`] knows: at start, when a template,
//! a face or the worker changes on disk, and when asked.
//! A round has a worker of its own, which ends with it.
//! Texts of mails are looked at in the same turn.
//! Not here: what follows for a caller (`gate.rs`), how mails are tried (`letter.rs`), when a round is asked for (`app/serve.rs`).

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

use super::gate::{self, Gate};
use super::{Issue, LETTER_KINDS, Letters, Look, Renderer, SiteFace, alphabet, fields};
use crate::job::fields::{
    MAX_COUNT, MAX_DOCUMENTS, MAX_OFFICE_NAME_CHARS, MAX_PHONE_CHARS, MAX_TITLE_CHARS,
};
use crate::job::{
    Content, Credentials, Document, FaxBecause, FaxNumber, IfUncertain, JobId, Keys, Kind,
    Language, MailHint, NewJob, Notice, Occasion, OfficeNumber, Party, Recipient, Secret,
    SheetText, UnixMillis, Urgency,
};

/// Between two looks at the files. Chosen: who edits a template sees in the journal what came of it.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// After a fault that may go by itself, such as a worker without memory, the trials are repeated at the 1st, 2nd,
/// 4th, … look and then once a minute: a template that never ends costs its deadline each time.
const MOST_LOOKS_BETWEEN: u32 = 12;

/// Draws every sheet and tells the gate.
pub struct Trials {
    gate: Arc<Gate>,
    site: SiteFace,
    worker: sheet::WorkerSettings,
    /// Tried with the sheets, if there are mails.
    letters: Option<Arc<Letters>>,
    /// The files as they were at the last round.
    seen: Option<Look>,
    repeat: Option<Repeat>,
}

/// When the trials are repeated although nothing changed.
#[derive(Clone, Copy)]
struct Repeat {
    looks_left: u32,
    looks_next: u32,
}

impl Trials {
    pub fn new(gate: Arc<Gate>, site: SiteFace, worker: sheet::WorkerSettings) -> Self {
        Self { gate, site, worker, letters: None, seen: None, repeat: None }
    }

    /// With the texts of mails, which then see an edit as sheets do.
    pub fn with_letters(self, letters: Arc<Letters>) -> Self {
        Self { letters: Some(letters), ..self }
    }

    /// Tries all sheets in a thread of its own, and again whenever a message comes or a file changes, until the
    /// sender is dropped.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(mut self) -> std::io::Result<Sender<()>> {
        let (ask, asked) = mpsc::channel();
        std::thread::Builder::new().name("trials".into()).spawn(move || {
            let mut is_asked = true;
            loop {
                if let Some(letters) = &self.letters {
                    letters.look(is_asked);
                }
                self.look(is_asked);
                is_asked = match asked.recv_timeout(LOOK_EVERY) {
                    Ok(()) => true,
                    Err(RecvTimeoutError::Timeout) => false,
                    Err(RecvTimeoutError::Disconnected) => return,
                };
            }
        })?;
        Ok(ask)
    }

    /// Looks at the files; has a round if one changed, if it is time to repeat one, or if asked to. Whether it had.
    fn look(&mut self, asked: bool) -> bool {
        let seen = from(&self.worker);
        let is_due = match &mut self.repeat {
            Some(repeat) => {
                repeat.looks_left = repeat.looks_left.saturating_sub(1);
                repeat.looks_left == 0
            }
            None => false,
        };
        if !asked && !is_due && self.seen.as_ref() == Some(&seen) {
            return false;
        }
        self.seen = Some(seen);
        let looks = self.repeat.filter(|_| is_due).map_or(1, |repeat| repeat.looks_next);
        self.repeat = self
            .round()
            .then(|| Repeat { looks_left: looks, looks_next: (looks * 2).min(MOST_LOOKS_BETWEEN) });
        true
    }

    /// Tries every sheet once and tells the gate; whether another try of the same files may end otherwise.
    pub fn round(&self) -> bool {
        let renderer = Renderer::new(self.site.clone(), self.worker.clone());
        let coverage = match renderer.coverage() {
            Ok(coverage) => coverage,
            Err(error) => {
                self.gate.learn(Err(error.to_string()));
                return error.may_pass();
            }
        };
        self.gate.learn(Ok(coverage.clone()));
        let (mut failed, mut may_pass) = (0_u32, false);
        let sheets =
            Kind::ALL.iter().flat_map(|kind| Language::ALL.iter().map(|lang| (*kind, *lang)));
        let mut draw = |(id, job): &(JobId, NewJob), issue| {
            let fields = fields::of(&self.site, *id, job, issue);
            if let Some(fault) = gate::unprintable("", &fields, &coverage).first() {
                return Err(format!("{}: {}", fault.pointer, fault.message));
            }
            renderer.draw_to_send(*id, job, issue).map(drop).map_err(|error| {
                may_pass |= error.may_pass();
                error.to_string()
            })
        };
        for (kind, language) in sheets {
            let outcome = longest(kind, language)
                .and_then(|longest| most_said(kind).try_for_each(|issue| draw(&longest, issue)))
                .and_then(|()| shortest(kind, language))
                .and_then(|shortest| draw(&shortest, Issue::FIRST));
            failed += u32::from(outcome.is_err());
            self.gate.tried(kind, language, outcome);
        }
        // Nobody's notification: it is told, and holds up none.
        for language in Language::ALL {
            let line = "w".repeat(LONGEST_LINE_NAME);
            if let Err(error) =
                renderer.draw_line_test(JobId::new(DAY, u128::MAX), &line, *language)
            {
                may_pass |= error.may_pass();
                failed += 1;
                tracing::error!(kind = fields::LINE_TEST, %language, reason = %error, "render.sheet.failed");
            }
        }
        tracing::info!(failed, "render.sheets.tried");
        may_pass
    }
}

/// The sheets of a kind that say most of how they come: a copy, of renewed credentials if it has any, for each reason
/// why it is no mail. Somebody can decide on more copies and versions than these, but not have more said.
fn most_said(kind: Kind) -> impl Iterator<Item = Issue> {
    let most = Issue { version: if kind.has_secret() { 99 } else { 1 }, copy: 99, because: None };
    let reasons = if LETTER_KINDS.contains(&kind) { FaxBecause::ALL } else { &[] };
    let without = reasons.is_empty().then_some(most);
    reasons.iter().map(move |because| Issue { because: Some(*because), ..most }).chain(without)
}

/// The sheet with every field at its limit, each character as wide as there are. Its three credentials have
/// between them every character that one can have: a template may treat any of them in its own way.
pub(super) fn longest(kind: Kind, language: Language) -> Result<(JobId, NewJob), String> {
    let secret = |number: usize| {
        let characters = alphabet::characters().chain(alphabet::characters());
        secret(characters.skip(number * Credentials::MAX_CHARS).take(Credentials::MAX_CHARS))
    };
    let documents = || -> Result<Vec<Document>, String> {
        let document = Document { title: text("国", MAX_TITLE_CHARS)?, count: MAX_COUNT };
        Ok(vec![document; MAX_DOCUMENTS])
    };
    let credentials = || -> Result<Credentials, String> {
        Ok(Credentials {
            login_id: secret(0)?,
            password: secret(1)?,
            first_time_key: secret(2)?,
            valid_until: Some(DAY),
        })
    };
    let keys = |occasion| {
        let (credentials, if_uncertain) = (credentials()?, IfUncertain::Ask);
        Ok::<_, String>(Content::Keys(Keys { credentials, occasion, if_uncertain }))
    };
    let content = match kind {
        Kind::FirstContact => keys(Occasion::FirstContact { documents: documents()? })?,
        Kind::CredentialsReissued => keys(Occasion::Reissued)?,
        Kind::Document => Content::Notice(Notice::Document { documents: documents()? }),
        Kind::Message => Content::Notice(Notice::Message),
        Kind::ChannelChanged => {
            let hint = MailHint::parse(&"＊".repeat(MailHint::MAX_CHARS));
            let mail_hint = Some(hint.map_err(|error| error.to_string())?);
            Content::Notice(Notice::ChannelChanged { mail_hint })
        }
        Kind::NumberProof => Content::Notice(Notice::NumberProof),
    };
    let office_name = text("国", MAX_OFFICE_NAME_CHARS)?;
    job(content, language, office_name, text("０", MAX_PHONE_CHARS)?)
}

/// The sheet without whatever it need not have: no end of validity, no hint, one document, and no character that
/// is read like another.
pub(super) fn shortest(kind: Kind, language: Language) -> Result<(JobId, NewJob), String> {
    let credentials = || -> Result<Credentials, String> {
        let secret = || secret(std::iter::repeat_n('2', Secret::MIN_CHARS));
        Ok(Credentials {
            login_id: secret()?,
            password: secret()?,
            first_time_key: secret()?,
            valid_until: None,
        })
    };
    let keys = |occasion| {
        let (credentials, if_uncertain) = (credentials()?, IfUncertain::Ask);
        Ok::<_, String>(Content::Keys(Keys { credentials, occasion, if_uncertain }))
    };
    let documents = || Ok::<_, String>(vec![Document { title: text("票", 1)?, count: 1 }]);
    let content = match kind {
        Kind::FirstContact => keys(Occasion::FirstContact { documents: documents()? })?,
        Kind::CredentialsReissued => keys(Occasion::Reissued)?,
        Kind::Document => Content::Notice(Notice::Document { documents: documents()? }),
        Kind::Message => Content::Notice(Notice::Message),
        Kind::ChannelChanged => Content::Notice(Notice::ChannelChanged { mail_hint: None }),
        Kind::NumberProof => Content::Notice(Notice::NumberProof),
    };
    job(content, language, text("国", 1)?, text("0", 1)?)
}

fn text(character: &str, count: usize) -> Result<SheetText, String> {
    SheetText::parse(&character.repeat(count), count).map_err(|error| error.to_string())
}

fn secret(characters: impl Iterator<Item = char>) -> Result<Secret, String> {
    Secret::parse(characters.collect(), Credentials::MAX_CHARS).map_err(|error| error.to_string())
}

/// Between two offices that have this name and number.
fn job(
    content: Content,
    language: Language,
    office_name: SheetText,
    phone: SheetText,
) -> Result<(JobId, NewJob), String> {
    let office_number = || OfficeNumber::parse("1179900012").map_err(|error| error.to_string());
    let job = NewJob {
        content,
        language,
        sender: Party { office_number: office_number()?, office_name: office_name.clone(), phone },
        recipient: Recipient {
            office_number: office_number()?,
            office_name,
            fax: FaxNumber::parse("0312345678").map_err(|error| error.to_string())?,
        },
        urgency: Urgency::Normal,
        not_before: None,
        not_after: DAY,
    };
    Ok((JobId::new(DAY, u128::MAX), job))
}

/// 2026-09-30 in Japan: no date is longer in either language, `30 September 2026`.
const DAY: UnixMillis = UnixMillis(1_790_726_400_000);
/// As long as a line's name may be in the settings.
const LONGEST_LINE_NAME: usize = 16;

/// What sheets are drawn from: the worker, the templates and the faces.
fn from(worker: &sheet::WorkerSettings) -> Look {
    let one = [worker.program.clone(), worker.templates.clone()];
    Look::at(one.into_iter().chain(worker.fonts.iter().cloned()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::hook::{SheetCheck as _, SheetFault};
    use crate::job::examples;

    fn worker(folder: &Path) -> sheet::WorkerSettings {
        sheet::WorkerSettings {
            program: folder.join("no-worker"),
            templates: folder.to_path_buf(),
            fonts: vec![folder.join("no-face")],
            deadline: Duration::from_secs(10),
            memory_limit: 1 << 30,
        }
    }

    fn trials(folder: &Path) -> Trials {
        let site = SiteFace::default();
        Trials::new(Arc::new(Gate::new(site.clone(), Duration::ZERO)), site, worker(folder))
    }

    #[test]
    fn worker_that_cannot_start_is_named_and_tried_again_ever_more_rarely() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut trials = trials(folder.path());
        assert!(trials.look(true));
        let refused = trials.gate.check(&examples::first_contact());
        let Err(SheetFault::OutOfOrder { message }) = refused else { panic!("{refused:?}") };
        assert!(message.contains("no-worker"), "{message}");

        let rounds: Vec<usize> = (1..=52).filter(|_| trials.look(false)).collect();
        assert_eq!(rounds, [1, 3, 7, 15, 27, 39, 51]);
        assert!(trials.look(true), "asked for, at any time");
    }

    #[test]
    fn trials_are_made_again_when_a_template_a_face_or_the_worker_is_saved() {
        let folder = tempfile::tempdir().expect("a folder");
        let look = || from(&worker(folder.path()));
        let mut before = look();
        for name in ["words/ja.toml", "no-face", "no-worker"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, "x").expect("written");
            assert_ne!(look(), before, "{name}");
            before = look();
        }
    }

    #[test]
    fn longest_sheet_of_every_kind_has_its_fields_at_their_limits() {
        for kind in Kind::ALL {
            let (_, job) = longest(*kind, Language::English).expect("the limits are kept");
            assert_eq!((job.kind(), job.language), (*kind, Language::English));
        }
    }
    #[test]
    fn credentials_of_the_longest_sheet_have_every_character_and_those_of_the_shortest_none_to_mistake()
     {
        let credentials = |of: Result<(JobId, NewJob), String>| {
            let (_, job) = of.expect("the limits are kept");
            let secret = job.content.credentials().expect("credentials").clone();
            let parts = [&secret.login_id, &secret.password, &secret.first_time_key];
            let typed: std::collections::BTreeSet<char> =
                parts.into_iter().flat_map(|part| part.expose().chars()).collect();
            (typed, secret.valid_until.is_some())
        };
        for kind in Kind::ALL.iter().filter(|kind| kind.has_secret()) {
            let (typed, ends) = credentials(longest(*kind, Language::English));
            assert!(typed.into_iter().eq('!'..='~') && ends);
            let (typed, ends) = credentials(shortest(*kind, Language::English));
            assert!(typed.into_iter().eq(['2']) && !ends);
        }
    }

    #[test]
    fn day_of_the_trials_is_the_longest_date_of_a_year() {
        let (id, job) = longest(Kind::Message, Language::English).expect("the limits are kept");
        let data = fields::of(&SiteFace::default(), id, &job, Issue::FIRST);
        assert_eq!(data["issued"], "30 September 2026");
    }
}
