//! The check at acceptance: can this sheet be printed? Answered from what is known, without drawing.
//!
//! In: a job; beside it what the trials learn of faces and templates. Out: yes, or every field from the
//! caller with a character that no face has, or what a technician must mend.
//! That a sheet is one page is not asked here: the trial of its template had the longest fields there are.
//! Not here: what a text may hold at all (`job/text.rs`), the trials (`trial.rs`).

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use sheet::Coverage;

use super::fields::{self, Issue, SiteFace};
use crate::hook::{FieldFault, SheetCheck, SheetFault};
use crate::job::{JobId, Kind, Language, NewJob};

/// The parts of `/data.json` that come from the caller, at the pointers at which they came.
const FROM_CALLER: [&str; 5] = ["sender", "recipient", "credentials", "documents", "channel"];
/// The part of which no character is repeated.
const SECRET: &str = "/credentials";
/// Most characters that one refusal names. Chosen.
const MOST_NAMED: usize = 8;

/// Lets in what can be printed.
pub struct Gate {
    site: SiteFace,
    known: Mutex<Known>,
    news: Condvar,
    patience: Duration,
}

/// What the trials have found so far.
#[derive(Default)]
struct Known {
    /// Nothing until the worker was asked.
    letters: Option<Letters>,
    sheets: Vec<Tried>,
}

type Letters = Result<Arc<Coverage>, String>;
type Outcome = Result<(), String>;

struct Tried {
    kind: Kind,
    language: Language,
    outcome: Outcome,
}

impl Tried {
    fn found(&self) -> (String, Outcome) {
        (format!("{} ({})", self.kind, self.language), self.outcome.clone())
    }
}

impl Known {
    fn sheet(&self, kind: Kind, language: Language) -> Option<&Tried> {
        self.sheets.iter().find(|tried| tried.kind == kind && tried.language == language)
    }

    /// Whether it is known if such a sheet can be drawn.
    fn decides(&self, kind: Kind, language: Language) -> bool {
        match &self.letters {
            None => false,
            Some(Err(_)) => true,
            Some(Ok(_)) => self.sheet(kind, language).is_some(),
        }
    }
}

impl Gate {
    /// Knows nothing yet. `patience` is how long a caller waits for the first trial of its sheet.
    pub fn new(site: SiteFace, patience: Duration) -> Self {
        Self { site, known: Mutex::default(), news: Condvar::new(), patience }
    }

    /// Takes the characters that the faces have, or why nobody can say.
    pub(super) fn learn(&self, letters: Result<Coverage, String>) {
        if let Err(reason) = &letters {
            tracing::error!(reason, "render.sheets.out_of_order");
        }
        self.known().letters = Some(letters.map(Arc::new));
        self.news.notify_all();
    }

    /// Takes the outcome of a trial: from now on it is the answer for sheets of this kind. A failure is logged
    /// when it is new.
    pub(super) fn tried(&self, kind: Kind, language: Language, outcome: Outcome) {
        let mut known = self.known();
        let before = known.sheet(kind, language).map(|tried| &tried.outcome);
        if let Err(reason) = &outcome
            && before != Some(&outcome)
        {
            tracing::error!(%kind, %language, reason, "render.sheet.failed");
        }
        known.sheets.retain(|tried| (tried.kind, tried.language) != (kind, language));
        known.sheets.push(Tried { kind, language, outcome });
        drop(known);
        self.news.notify_all();
    }

    /// What the last trial of each sheet found.
    ///
    /// # Errors
    /// Why no sheet at all can be drawn.
    pub fn found(&self) -> Result<Vec<(String, Outcome)>, String> {
        let known = self.known();
        match &known.letters {
            Some(Err(why)) => Err(why.clone()),
            Some(Ok(_)) | None => Ok(known.sheets.iter().map(Tried::found).collect()),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // What a panic leaves is at worst a sheet that counts as untried.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of the faces and of this sheet. Waits until both are, or the faces cannot be used, once and
    /// no longer than the patience.
    fn answer(&self, kind: Kind, language: Language) -> (Option<Letters>, Option<Outcome>) {
        let waits = |known: &mut Known| !known.decides(kind, language);
        let waited = self.news.wait_timeout_while(self.known(), self.patience, waits);
        let (known, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let sheet = known.sheet(kind, language).map(|tried| tried.outcome.clone());
        (known.letters.clone(), sheet)
    }
}

impl SheetCheck for Gate {
    fn check(&self, job: &NewJob) -> Result<(), SheetFault> {
        let (letters, sheet) = self.answer(job.kind(), job.language);
        let out_of_order = |message| SheetFault::OutOfOrder { message };
        let untried = || String::from("the sheets have not been tried yet");
        let coverage = letters.ok_or_else(untried).flatten().map_err(out_of_order)?;
        // The id on the sheet is not known yet, but every id has the same letters.
        let fields = fields::of(&self.site, JobId(ulid::Ulid::nil()), job, Issue::FIRST);
        let faults: Vec<FieldFault> = FROM_CALLER
            .iter()
            .filter_map(|name| Some((name, fields.get(name)?)))
            .flat_map(|(name, part)| unprintable(&format!("/{name}"), part, &coverage))
            .collect();
        if !faults.is_empty() {
            return Err(SheetFault::Unrenderable { faults });
        }
        sheet.ok_or_else(untried).flatten().map_err(out_of_order)
    }

    fn is_tried(&self, kind: Kind, language: Language) -> bool {
        self.known().decides(kind, language)
    }

    fn is_ready(&self) -> bool {
        let known = self.known();
        let passed =
            |kind, language| known.sheet(kind, language).is_some_and(|tried| tried.outcome.is_ok());
        matches!(known.letters, Some(Ok(_)))
            && Kind::ALL.iter().all(|kind| Language::ALL.iter().all(|lang| passed(*kind, *lang)))
    }
}

/// Every text in `value` that has characters which no face has, by its pointer.
pub(super) fn unprintable(pointer: &str, value: &Value, coverage: &Coverage) -> Vec<FieldFault> {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
        Value::String(text) => missing(pointer, text, coverage).into_iter().collect(),
        Value::Array(values) => values
            .iter()
            .enumerate()
            .flat_map(|(index, value)| unprintable(&format!("{pointer}/{index}"), value, coverage))
            .collect(),
        Value::Object(values) => values
            .iter()
            .flat_map(|(name, value)| unprintable(&format!("{pointer}/{name}"), value, coverage))
            .collect(),
    }
}

fn missing(pointer: &str, text: &str, coverage: &Coverage) -> Option<FieldFault> {
    let has = |character| coverage.has(character) || is_selector(character);
    let at = text.chars().position(|character| !has(character))?;
    let what = if pointer.starts_with(SECRET) {
        format!("character {at} (from 0)")
    } else {
        let mut named: Vec<char> = Vec::new();
        for character in text.chars().filter(|character| !has(*character)) {
            if named.len() < MOST_NAMED && !named.contains(&character) {
                named.push(character);
            }
        }
        let shown = |character: &char| format!("U+{:04X} {character}", u32::from(*character));
        named.iter().map(shown).collect::<Vec<_>>().join(", ")
    };
    let message = format!("no face of the sheet has {what}");
    Some(FieldFault { pointer: pointer.to_owned(), message })
}

/// Chooses the shape of the kanji before it. A face without that shape prints the usual one, and no face has the
/// selector itself.
fn is_selector(character: char) -> bool {
    matches!(character, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::examples::{self, CANARIES};
    use crate::job::{Content, Document, Keys, Occasion, SheetText};

    const LONG: Duration = Duration::from_secs(60);

    fn gate(patience: Duration) -> Gate {
        Gate::new(SiteFace::default(), patience)
    }

    /// All that Japanese sheets need, from a face without emoji.
    fn letters() -> Coverage {
        Coverage::of((' '..='~').chain('\u{3000}'..='鿿').chain('！'..='～'))
    }

    /// A gate behind which every sheet passed its trial.
    fn open() -> Gate {
        let gate = gate(Duration::ZERO);
        gate.learn(Ok(letters()));
        for kind in Kind::ALL {
            for language in Language::ALL {
                gate.tried(*kind, *language, Ok(()));
            }
        }
        gate
    }

    fn text(text: &str) -> SheetText {
        SheetText::parse(text, 60).expect("a text")
    }

    #[test]
    fn every_example_passes_and_a_selector_of_a_kanji_needs_no_glyph() {
        let gate = open();
        assert!(gate.is_ready());
        for kind in Kind::ALL {
            assert_eq!(gate.check(&examples::of(*kind)), Ok(()), "{kind}");
        }
        let mut job = examples::first_contact();
        job.recipient.office_name = text("葛\u{E0100}城会");
        assert_eq!(gate.check(&job), Ok(()));
    }

    #[test]
    fn every_field_with_characters_that_no_face_has_is_named_with_them_at_once() {
        let mut job = examples::first_contact();
        job.sender.office_name = text("ひま😀わり😀☃");
        job.sender.phone = text("☎ 03");
        job.recipient.office_name = text("한글");
        let Content::Keys(Keys { occasion: Occasion::FirstContact { documents }, .. }) =
            &mut job.content
        else {
            panic!("a first contact");
        };
        documents.push(Document { title: text("ไทย"), count: 1 });
        let Err(SheetFault::Unrenderable { faults }) = open().check(&job) else {
            panic!("let through");
        };
        let told: Vec<(&str, &str)> =
            faults.iter().map(|fault| (&*fault.pointer, &*fault.message)).collect();
        let expected = [
            ("/sender/office_name", "no face of the sheet has U+1F600 😀, U+2603 ☃"),
            ("/sender/phone", "no face of the sheet has U+260E ☎"),
            ("/recipient/office_name", "no face of the sheet has U+D55C 한, U+AE00 글"),
            ("/documents/1/title", "no face of the sheet has U+0E44 ไ, U+0E17 ท, U+0E22 ย"),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn character_of_a_secret_is_named_by_its_place_only() {
        let gate = open();
        gate.learn(Ok(Coverage::of((' '..='~').filter(|c| *c != '7').chain('\u{3000}'..='鿿'))));
        let job = examples::of(Kind::CredentialsReissued);
        let Err(SheetFault::Unrenderable { faults }) = gate.check(&job) else {
            panic!("let through");
        };
        let place = CANARIES[0].chars().position(|character| character == '7').expect("a 7");
        let fault = faults.iter().find(|fault| fault.pointer == "/credentials/login_id");
        let message = &fault.expect("the login ID").message;
        assert_eq!(*message, format!("no face of the sheet has character {place} (from 0)"));
        let secret = faults.iter().filter(|fault| fault.pointer.starts_with("/credentials"));
        assert!(secret.into_iter().all(|fault| !fault.message.contains("U+")));
    }

    #[test]
    fn refusal_of_ten_thousand_strange_characters_stays_short() {
        let mut job = examples::first_contact();
        let strange: String = ('가'..'힣').take(10_000).collect();
        job.recipient.office_name = SheetText::parse(&strange, 10_000).expect("a text");
        let Err(SheetFault::Unrenderable { faults }) = open().check(&job) else {
            panic!("let through");
        };
        assert!(faults[0].message.len() < 200, "{}", faults[0].message);
    }

    #[test]
    fn failed_trial_refuses_its_kind_and_language_until_one_passes() {
        let gate = open();
        let reason = || String::from("message.typ:3: unknown variable: sie");
        gate.tried(Kind::Message, Language::English, Err(reason()));
        assert!(!gate.is_ready());
        let mut job = examples::of(Kind::Message);
        assert_eq!(gate.check(&job), Ok(()));
        job.language = Language::English;
        assert_eq!(gate.check(&job), Err(SheetFault::OutOfOrder { message: reason() }));
        gate.tried(Kind::Message, Language::English, Ok(()));
        assert_eq!(gate.check(&job), Ok(()));
        assert!(gate.is_ready());
    }

    #[test]
    fn faces_that_cannot_be_read_refuse_every_sheet() {
        let gate = open();
        gate.learn(Err("font /nowhere: not there".into()));
        assert!(!gate.is_ready());
        let refused = SheetFault::OutOfOrder { message: "font /nowhere: not there".into() };
        assert_eq!(gate.check(&examples::first_contact()), Err(refused));
    }

    #[test]
    fn caller_before_the_first_trial_waits_for_it_and_no_longer_than_the_patience() {
        let impatient = gate(Duration::ZERO);
        let refused = impatient.check(&examples::first_contact());
        assert!(matches!(refused, Err(SheetFault::OutOfOrder { .. })), "{refused:?}");

        let gate = gate(LONG);
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| gate.check(&examples::first_contact()));
            gate.learn(Ok(letters()));
            assert!(!gate.is_ready());
            gate.tried(Kind::FirstContact, Language::Japanese, Ok(()));
            assert_eq!(waits.join().expect("no panic"), Ok(()));
        });
    }
    /// The letters come late, the trial of the sheet never.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "how long it takes is what is tested")]
    fn caller_waits_once_for_letters_and_sheet_together() {
        const PATIENCE: Duration = Duration::from_secs(1);
        let gate = gate(PATIENCE);
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| {
                let began = std::time::Instant::now();
                let refused = gate.check(&examples::first_contact());
                assert!(matches!(refused, Err(SheetFault::OutOfOrder { .. })), "{refused:?}");
                began.elapsed()
            });
            std::thread::sleep(PATIENCE.mul_f32(0.9));
            gate.learn(Ok(letters()));
            let waited = waits.join().expect("no panic");
            assert!(waited < PATIENCE.mul_f32(1.8), "{waited:?}");
        });
    }
}
