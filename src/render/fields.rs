//! What a template sees of a job: `/data.json` of a sheet, and the fields of a mail, which have the same names;
//! `templates/README.md` tells technicians the same.
//!
//! In: a job, its id, the site. Out: JSON, with the secrets in it if it is for a sheet.
//! Not here: sentences (`templates/`).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::check_digits::check_digits;
use super::{LetterOf, alphabet, reference};
use crate::job::{
    Credentials, Document, FaxBecause, JobId, Kind, Language, MailHint, NewJob, Party, UnixMillis,
};

/// What the site says of itself on every sheet.
#[derive(Clone, Debug, Default)]
pub struct SiteFace {
    pub url: String,
    pub help_phone: String,
    pub ja: SiteWords,
    pub en: SiteWords,
}

/// What it says in one language.
#[derive(Clone, Debug, Default)]
pub struct SiteWords {
    pub name: String,
    pub help_name: String,
    pub help_hours: String,
    /// Sentences in place of the templates' own, by name.
    pub words: BTreeMap<String, String>,
}

impl SiteFace {
    /// What it says in this language.
    pub fn in_language(&self, language: Language) -> &SiteWords {
        match language {
            Language::Japanese => &self.ja,
            Language::English => &self.en,
        }
    }
}

/// The name of the template that is no kind of notification.
pub(super) const LINE_TEST: &str = "line_test";
/// Its template is no sheet that anybody gets.
pub(super) const ALPHABET: &str = "alphabet";
/// How the names of sentences begin that mails alone say.
pub(super) const LETTER_WORDS: &str = "letter_";

/// Which sheet of a job it is.
#[derive(Clone, Copy, Debug)]
pub struct Issue {
    /// Of its credentials, counted from 1.
    pub version: u32,
    /// Of this version, counted from 1.
    pub copy: u32,
    /// Why it comes by FAX, if a mail was to tell the same.
    pub because: Option<FaxBecause>,
}

impl Issue {
    /// Of which nobody expects another.
    pub const FIRST: Self = Self { version: 1, copy: 1, because: None };
}

/// The fields of a job's sheet. Holds secrets: it goes to the worker's pipe and nowhere else.
pub(super) fn of(site: &SiteFace, id: JobId, job: &NewJob, issue: Issue) -> Value {
    let date = |at| date(at, job.language);
    json!({
        "kind": job.kind().as_str(),
        "language": job.language.as_str(),
        "site": of_site(site, job.language),
        "words": words(site, job.language),
        "sender": of_sender(&job.sender),
        "recipient": { "office_name": job.recipient.office_name.as_str() },
        "credentials": job.content.credentials().map(|credentials| of_credentials(credentials, date)),
        "documents": of_documents(job.content.documents()),
        "channel": (job.kind() == Kind::ChannelChanged).then(|| json!({
            "mail_hint": job.content.mail_hint().map(MailHint::as_str),
        })),
        "line": null,
        "reference": reference(id),
        "version": (issue.version > 1).then_some(issue.version),
        "copy": (issue.copy > 1).then_some(issue.copy),
        "because": issue.because.map(FaxBecause::as_str),
        "issued": date(accepted(id)),
    })
}

/// The fields of a notice's mail; `None` for one that has none.
pub(super) fn of_letter(site: &SiteFace, letter: &LetterOf<'_>) -> Option<Value> {
    Some(json!({
        "kind": letter.notice.kind().as_str(),
        "language": letter.language.as_str(),
        "site": of_site(site, letter.language),
        "sender": of_sender(letter.sender),
        "recipient": { "office_name": letter.office_name.as_str() },
        "documents": of_documents(letter.documents()?),
        "reference": reference(letter.id),
        "issued": date(accepted(letter.id), letter.language),
    }))
}

/// The same fields for the sheet that tries a line: most of them are nobody's.
pub(super) fn of_line_test(site: &SiteFace, id: JobId, line: &str, language: Language) -> Value {
    json!({
        "kind": LINE_TEST,
        "language": language.as_str(),
        "site": of_site(site, language),
        "words": words(site, language),
        "sender": null,
        "recipient": null,
        "credentials": null,
        "documents": [],
        "channel": null,
        "line": { "name": line },
        "reference": reference(id),
        "version": null,
        "copy": null,
        "because": null,
        "issued": date(accepted(id), language),
    })
}

/// Sentences of the settings, but for those that only mails say.
fn words(site: &SiteFace, language: Language) -> BTreeMap<&str, &str> {
    let words = &site.in_language(language).words;
    let of_sheets = words.iter().filter(|(name, _)| !name.starts_with(LETTER_WORDS));
    of_sheets.map(|(name, sentence)| (name.as_str(), sentence.as_str())).collect()
}

fn of_sender(sender: &Party) -> Value {
    json!({ "office_name": sender.office_name.as_str(), "phone": sender.phone.as_str() })
}

fn of_documents(documents: &[Document]) -> Vec<Value> {
    let document =
        |Document { title, count }: &Document| json!({ "title": title.as_str(), "count": count });
    documents.iter().map(document).collect()
}

fn of_site(site: &SiteFace, language: Language) -> Value {
    let said = site.in_language(language);
    json!({
        "name": said.name,
        "url": site.url,
        "help_name": said.help_name,
        "help_phone": site.help_phone,
        "help_hours": said.help_hours,
    })
}

fn accepted(id: JobId) -> UnixMillis {
    UnixMillis(i64::try_from(id.0.timestamp_ms()).unwrap_or(0))
}

/// The fields of `alphabet.typ`, which has no job: all characters as one credential.
pub(super) fn of_alphabet() -> Value {
    let characters: String = alphabet::characters().collect();
    json!({
        "language": Language::Japanese.as_str(),
        "site": {},
        "words": {},
        "credentials": { "alphabet": characters, "check": { "alphabet": "" } },
    })
}

fn of_credentials(credentials: &Credentials, date: impl Fn(UnixMillis) -> String) -> Value {
    json!({
        "login_id": credentials.login_id.expose(),
        "password": credentials.password.expose(),
        "first_time_key": credentials.first_time_key.expose(),
        "valid_until": credentials.valid_until.map(date),
        "check": {
            "login_id": check_digits(credentials.login_id.expose()),
            "password": check_digits(credentials.password.expose()),
            "first_time_key": check_digits(credentials.first_time_key.expose()),
        },
    })
}

/// `2026年11月23日` or `23 November 2026`, in Japan.
fn date(at: UnixMillis, language: Language) -> String {
    let Some(date) = at.in_japan().map(|at| at.date()) else { return String::new() };
    match language {
        Language::Japanese => format!("{}年{}月{}日", date.year(), date.month(), date.day()),
        Language::English => date.strftime("%-d %B %Y").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::examples::{self, TUESDAY_10_00};

    fn data(job: &NewJob) -> Value {
        let site = SiteFace {
            ja: SiteWords { name: "連携便".into(), ..SiteWords::default() },
            en: SiteWords {
                name: "Renkei Post".into(),
                words: BTreeMap::from([("help".into(), "Ask us".into())]),
                ..SiteWords::default()
            },
            ..SiteFace::default()
        };
        of(&site, JobId::new(TUESDAY_10_00, 1), job, Issue::FIRST)
    }

    /// A template may name any field, whatever the sheet: what a kind does not have is null or empty.
    #[test]
    fn sheet_of_every_kind_has_every_field() {
        let names = [
            "because",
            "channel",
            "copy",
            "credentials",
            "documents",
            "issued",
            "kind",
            "language",
            "line",
            "recipient",
            "reference",
            "sender",
            "site",
            "version",
            "words",
        ];
        for kind in Kind::ALL {
            let data = data(&examples::of(*kind));
            let fields = data.as_object().expect("an object");
            assert_eq!(fields.keys().map(String::as_str).collect::<Vec<_>>(), names, "{kind}");
            assert_eq!(data["kind"], kind.as_str());
            assert_eq!(data["credentials"].is_object(), kind.has_secret(), "{kind}");
            let has_documents = matches!(kind, Kind::FirstContact | Kind::Document);
            assert_eq!(data["documents"][0]["count"].is_u64(), has_documents, "{kind}");
            let hint = &data["channel"]["mail_hint"];
            assert_eq!(hint.is_string(), *kind == Kind::ChannelChanged, "{kind}");
        }
        let site = SiteFace::default();
        let line_test =
            of_line_test(&site, JobId::new(TUESDAY_10_00, 1), "line1", Language::English);
        let fields = line_test.as_object().expect("an object");
        assert_eq!(fields.keys().map(String::as_str).collect::<Vec<_>>(), names);
        assert_eq!(line_test["line"]["name"], "line1");
    }

    #[test]
    fn english_sheet_has_the_site_the_sentences_and_the_dates_in_english() {
        let mut job = examples::of(Kind::Message);
        let japanese = data(&job);
        job.language = Language::English;
        let english = data(&job);
        let parts = |data: &Value| {
            [&data["language"], &data["site"]["name"], &data["issued"]].map(Value::to_string)
        };
        assert_eq!(parts(&japanese), ["\"ja\"", "\"連携便\"", "\"2026年11月24日\""]);
        assert_eq!(parts(&english), ["\"en\"", "\"Renkei Post\"", "\"24 November 2026\""]);
        assert_eq!(japanese["words"], json!({}));
        assert_eq!(english["words"], json!({ "help": "Ask us" }));
    }

    #[test]
    fn date_at_utc_evening_is_the_next_day_in_japan() {
        // 2026-11-22T15:30:00Z
        let evening = UnixMillis(1_795_361_400_000);
        assert_eq!(date(evening, Language::Japanese), "2026年11月23日");
        assert_eq!(date(evening, Language::English), "23 November 2026");
    }
}
