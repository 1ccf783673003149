//! What a template sees of a job (`/data.json`); `templates/README.md` tells technicians the same.
//!
//! In: a job, its id, the site. Out: JSON with the secrets in it.
//! Not here: sentences of a sheet (`templates/`).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::check_digits::check_digits;
use super::{alphabet, reference};
use crate::job::{Credentials, JobId, Kind, Language, MailHint, NewJob, UnixMillis};

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

/// The fields of a job's sheet, of which `copy`, counted from 1, is drawn. Holds secrets: it goes to the worker's
/// pipe and nowhere else.
pub(super) fn of(site: &SiteFace, id: JobId, job: &NewJob, copy: u32) -> Value {
    let date = |at| date(at, job.language);
    json!({
        "kind": job.kind().as_str(),
        "language": job.language.as_str(),
        "site": of_site(site, job.language),
        "words": site.in_language(job.language).words,
        "sender": {
            "office_name": job.sender.office_name.as_str(),
            "phone": job.sender.phone.as_str(),
        },
        "recipient": { "office_name": job.recipient.office_name.as_str() },
        "credentials": job.content.credentials().map(|credentials| of_credentials(credentials, date)),
        "documents": job.content.documents().iter().map(|document| json!({
            "title": document.title.as_str(),
            "count": document.count,
        })).collect::<Vec<_>>(),
        "channel": (job.kind() == Kind::ChannelChanged).then(|| json!({
            "mail_hint": job.content.mail_hint().map(MailHint::as_str),
        })),
        "line": null,
        "reference": reference(id),
        "copy": (copy > 1).then_some(copy),
        "issued": date(accepted(id)),
    })
}

/// The same fields for the sheet that tries a line: most of them are nobody's.
pub(super) fn of_line_test(site: &SiteFace, id: JobId, line: &str, language: Language) -> Value {
    json!({
        "kind": LINE_TEST,
        "language": language.as_str(),
        "site": of_site(site, language),
        "words": site.in_language(language).words,
        "sender": null,
        "recipient": null,
        "credentials": null,
        "documents": [],
        "channel": null,
        "line": { "name": line },
        "reference": reference(id),
        "copy": null,
        "issued": date(accepted(id), language),
    })
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
        of(&site, JobId::new(TUESDAY_10_00, 1), job, 1)
    }

    /// A template may name any field, whatever the sheet: what a kind does not have is null or empty.
    #[test]
    fn sheet_of_every_kind_has_every_field() {
        let names = [
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
