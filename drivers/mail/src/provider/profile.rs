//! What one mail-to-fax service wants and answers: a file of `profiles/`, or one that a technician wrote.
//!
//! In: TOML. Out: a [`Profile`], or a [`ProfileError`] that names file, line and column.
//! Every value says how it is known: `manual:` the provider's own pages, `standard:`, `driver:` what public programs
//! do, or `guess:`. A test counts the guesses.
//! Not here: how a mail is made of it (`letter.rs`), how an answer is read by it (`answer.rs`).

use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::answer::Said;
use super::pattern::Pattern;
use super::template::{Field, Template, Values};
use crate::Address;

/// The built-in files.
const FILES: [(&str, &str); 5] = [
    ("rfc3192", include_str!("../../profiles/rfc3192.toml")),
    ("number-at-domain", include_str!("../../profiles/number-at-domain.toml")),
    ("hylafax", include_str!("../../profiles/hylafax.toml")),
    ("interfax", include_str!("../../profiles/interfax.toml")),
    ("faximo-silver", include_str!("../../profiles/faximo-silver.toml")),
];

/// A profile longer than this is a mistake; ours have about 3 KiB with all their comments.
const FILE_LIMIT_OCTETS: u64 = 64 << 10;
/// How long an answer may be waited for. The most is five days: a relay's queue gives up then (RFC 5321 4.5.4.1).
const ANSWER_HOURS: std::ops::RangeInclusive<u16> = 1..=120;

/// The names of the built-in profiles.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

/// What one service wants and answers.
#[derive(Clone, Debug)]
pub struct Profile {
    name: String,
    pub(super) to: Template,
    pub(super) subject: Template,
    pub(super) text: Template,
    pub(super) attachment: Attachment,
    pub(super) file_name: String,
    pub(super) from: Sender,
    pub(super) return_path: Sender,
    secrets: bool,
    answer_hours: u16,
    pub(super) answers: Option<Answers>,
}

/// The form in which the page goes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Attachment {
    /// A TIFF file of profile S (RFC 3949 3), which every reader of fax files has.
    Tiff,
    /// A PDF file of one page at its true size.
    Pdf,
}

impl Attachment {
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Tiff => "image/tiff",
            Self::Pdf => "application/pdf",
        }
    }
}

/// Who sends.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Sender {
    /// The one by which the service knows the account.
    Registered,
    /// The address of the attempt: what is answered to it names the attempt.
    Attempt,
}

/// How answers are told from other mail, and from each other.
#[derive(Clone, Debug)]
pub(super) struct Answers {
    /// Of the sender; those below them included.
    pub domains: Vec<Domain>,
    pub token: TokenPlace,
    pub rules: Vec<Rule>,
}

/// From where a service answers.
#[derive(Clone, Debug)]
pub(super) enum Domain {
    /// In small letters.
    Named(String),
    /// `{gateway}`: the one of the settings.
    Gateway,
}

/// Where an answer names the attempt.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(super) enum TokenPlace {
    /// It is sent to an address of the attempt, or in reply to its mail.
    Address,
    /// It repeats our subject in its own.
    Subject,
    /// It repeats our subject or text in its text.
    Text,
}

/// One kind of answer.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub means: Said,
    pub subject: Option<Pattern>,
    /// Each must fit some line of the text.
    pub text: Vec<Pattern>,
}

/// Why a profile cannot be used; always one line, always with the place.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProfileError {
    /// It cannot be read.
    #[error("{path}: {detail}")]
    Unreadable { path: String, detail: String },
    /// Something in it is not allowed; line and column count from 1.
    #[error("{path}:{line}:{column}: {message}")]
    Wrong { path: String, line: usize, column: usize, message: String },
    /// Neither a path nor one of ours.
    #[error("no profile `{name}`: it must be an absolute path or one of {}", names().collect::<Vec<_>>().join(", "))]
    Unknown { name: String },
}

impl Profile {
    /// The built-in profile of that name, or the one in the file if `name` is an absolute path.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub fn named(name: &str) -> Result<Self, ProfileError> {
        if Path::new(name).is_absolute() {
            return Self::load(name);
        }
        let (name, text) = FILES
            .into_iter()
            .find(|(known, _)| *known == name)
            .ok_or_else(|| ProfileError::Unknown { name: name.to_owned() })?;
        Self::parse(text, name)
    }

    fn load(path: &str) -> Result<Self, ProfileError> {
        let unreadable =
            |detail: String| ProfileError::Unreadable { path: path.to_owned(), detail };
        let file = std::fs::File::open(path).map_err(|error| unreadable(error.to_string()))?;
        let mut text = String::new();
        file.take(FILE_LIMIT_OCTETS + 1)
            .read_to_string(&mut text)
            .map_err(|error| unreadable(error.to_string()))?;
        if text.len() as u64 > FILE_LIMIT_OCTETS {
            return Err(unreadable(String::from("longer than 64 KiB: this is no profile")));
        }
        Self::parse(&text, path)
    }

    /// Checks a text; `path` names it, and stands in errors.
    ///
    /// # Errors
    /// [`ProfileError::Wrong`].
    pub fn parse(text: &str, path: &str) -> Result<Self, ProfileError> {
        let wrong = |(offset, message): (usize, String)| {
            let (line, column) = line_and_column(text, offset);
            ProfileError::Wrong { path: path.to_owned(), line, column, message }
        };
        let file: File = toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            wrong((offset, error.message().replace('\n', " ")))
        })?;
        checked(path, file).map_err(wrong)
    }

    /// Its name, or the path of its file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether login ID, password and key may go this way. False unless the profile says otherwise.
    #[must_use]
    pub fn may_carry_secrets(&self) -> bool {
        self.secrets
    }

    /// How long the service takes at most until it has said what became of a fax.
    #[must_use]
    pub fn answer_hours(&self) -> u16 {
        self.answer_hours
    }

    /// Whether anything is known of how it answers; otherwise somebody must look each time.
    #[must_use]
    pub fn answers(&self) -> bool {
        self.answers.is_some()
    }

    /// In which form the page goes.
    #[must_use]
    pub fn attachment(&self) -> Attachment {
        self.attachment
    }

    /// Whether the mail or its answers have such a field, so that the settings must give it.
    #[must_use]
    pub fn needs(&self, field: Field) -> bool {
        let answers = self.answers.iter().flat_map(|answers| &answers.domains);
        let is_of_answers = field == Field::Gateway
            && answers.into_iter().any(|domain| matches!(domain, Domain::Gateway));
        is_of_answers
            || [&self.to, &self.subject, &self.text].into_iter().any(|template| template.has(field))
    }
}

/// A value and how it is known.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known<T> {
    is: Spanned<T>,
    #[cfg_attr(not(test), expect(dead_code, reason = "for people, and for a test that counts"))]
    source: String,
}

/// A file of `profiles/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// For people.
    #[expect(dead_code, reason = "for people")]
    service: String,
    to: Known<String>,
    subject: Option<Known<String>>,
    text: Option<Known<String>>,
    attachment: Known<Attachment>,
    file_name: Known<String>,
    from: Known<Sender>,
    return_path: Option<Known<Sender>>,
    secrets: Option<Known<bool>>,
    answer_hours: Known<u16>,
    answers: Option<AnswersFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswersFile {
    from: Known<Vec<String>>,
    token: Known<TokenPlace>,
    rule: Spanned<Vec<RuleFile>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    means: Spanned<Said>,
    subject: Option<Spanned<String>>,
    #[serde(default)]
    text: Vec<Spanned<String>>,
    #[cfg_attr(not(test), expect(dead_code, reason = "for people, and for a test that counts"))]
    source: String,
}

/// What is wrong, and at which octet.
type Wrong = (usize, String);

fn checked(name: &str, file: File) -> Result<Profile, Wrong> {
    let to = template(&file.to.is, false)?;
    let or_empty = |known: &Option<Known<String>>, lines| match known {
        Some(known) => template(&known.is, lines),
        None => Ok(Template::default()),
    };
    let subject = or_empty(&file.subject, false)?;
    let text = or_empty(&file.text, true)?;
    let at_to = file.to.is.span().start;
    if !to.has(Field::International) && !to.has(Field::National) {
        return Err((at_to, String::from("must have {international} or {national}")));
    }
    // With values as long as they usually are, so that nobody finds out with the first fax.
    let values = Values {
        international: "81312345678",
        national: "0312345678",
        gateway: "fax.example.jp",
        account: "1234567890",
        code: "1234567890",
        token: "a234567a234567a234567a234567a234567a234567a234567a23",
    };
    if let Err(error) = Address::parse(&to.fill(&values)) {
        return Err((at_to, format!("gives no address: {error}")));
    }
    let hours = *file.answer_hours.is.get_ref();
    if !ANSWER_HOURS.contains(&hours) {
        let message =
            format!("must be from {} to {}, not {hours}", ANSWER_HOURS.start(), ANSWER_HOURS.end());
        return Err((file.answer_hours.is.span().start, message));
    }
    let file_name = file.file_name.is.get_ref();
    if !crate::message::is_file_name(file_name) {
        let message = crate::message::LetterError::FileName.to_string();
        return Err((file.file_name.is.span().start, message));
    }
    let answers = file.answers.map(|file| answers(file, &subject, &text)).transpose()?;
    Ok(Profile {
        name: name.to_owned(),
        to,
        subject,
        text,
        attachment: *file.attachment.is.get_ref(),
        file_name: file_name.clone(),
        from: *file.from.is.get_ref(),
        return_path: file.return_path.map_or(Sender::Attempt, |known| *known.is.get_ref()),
        secrets: file.secrets.is_some_and(|known| *known.is.get_ref()),
        answer_hours: hours,
        answers,
    })
}

fn answers(file: AnswersFile, subject: &Template, text: &Template) -> Result<Answers, Wrong> {
    let at = file.from.is.span().start;
    let domains = file.from.is.into_inner().into_iter().map(|domain| {
        if domain == "{gateway}" {
            return Ok(Domain::Gateway);
        }
        let address = Address::parse(&format!("a@{domain}"));
        let address = address.map_err(|error| (at, format!("`{domain}`: {error}")))?;
        Ok(Domain::Named(address.domain().to_owned()))
    });
    let domains = domains.collect::<Result<Vec<_>, Wrong>>()?;
    if domains.is_empty() {
        return Err((at, String::from("must name the domain from which the service answers")));
    }
    let token = *file.token.is.get_ref();
    let at = file.token.is.span().start;
    let has_token = |templates: &[&Template]| templates.iter().any(|one| one.has(Field::Token));
    match token {
        TokenPlace::Address => {}
        TokenPlace::Subject if has_token(&[subject]) => {}
        TokenPlace::Text if has_token(&[subject, text]) => {}
        TokenPlace::Subject | TokenPlace::Text => {
            return Err((at, String::from("needs {token} in what the service repeats")));
        }
    }
    let at = file.rule.span().start;
    let rules = file.rule.into_inner();
    if rules.is_empty() {
        return Err((at, String::from("must have a rule; without any, leave [answers] out")));
    }
    let rules = rules.into_iter().map(rule).collect::<Result<_, Wrong>>()?;
    Ok(Answers { domains, token, rules })
}

fn rule(file: RuleFile) -> Result<Rule, Wrong> {
    let pattern = |text: &Spanned<String>| {
        Pattern::parse(text.get_ref()).map_err(|message| (text.span().start, message))
    };
    if file.subject.is_none() && file.text.is_empty() {
        return Err((file.means.span().start, String::from("needs a subject or a text")));
    }
    Ok(Rule {
        means: *file.means.get_ref(),
        subject: file.subject.as_ref().map(pattern).transpose()?,
        text: file.text.iter().map(pattern).collect::<Result<_, Wrong>>()?,
    })
}

fn template(text: &Spanned<String>, lines: bool) -> Result<Template, Wrong> {
    Template::parse(text.get_ref(), lines).map_err(|message| (text.span().start, message))
}

/// Line and column of an octet, from 1; columns count characters.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = r#"service = "a service"
to = { is = "{national}@{gateway}", source = "guess: x" }
attachment = { is = "tiff", source = "guess: x" }
file_name = { is = "page.tif", source = "guess: x" }
from = { is = "registered", source = "guess: x" }
answer_hours = { is = 4, source = "guess: x" }
"#;

    const ANSWERS: &str = r#"[answers]
from = { is = ["example.jp"], source = "guess: x" }
token = { is = "address", source = "guess: x" }
[[answers.rule]]
means = "sent"
subject = "sent"
source = "guess: x"
"#;

    #[test]
    fn least_profile_carries_no_secret_and_knows_no_answer() {
        let profile = Profile::parse(LEAST, "x").unwrap();
        assert!(!profile.may_carry_secrets() && !profile.answers());
        assert!(profile.needs(Field::Gateway) && !profile.needs(Field::Code));
        assert!(Profile::parse(&format!("{LEAST}{ANSWERS}"), "x").unwrap().answers());
    }

    #[test]
    fn every_slip_of_the_pen_is_named_with_its_place() {
        let whole = format!("{LEAST}{ANSWERS}");
        for (right, wrong, expected) in [
            ("{national}@", "{number}@", "p.toml:2:13: {number} is none of"),
            ("{national}@", "fax@", "p.toml:2:13: must have {international} or {national}"),
            ("@{gateway}", "", "p.toml:2:13: gives no address: a mail address has an @"),
            ("\"tiff\"", "\"png\"", "p.toml:3:21: unknown variant `png`"),
            ("page.tif", "頁.tif", "p.toml:4:20: an attachment's name has ASCII letters"),
            ("is = 4", "is = 0", "p.toml:6:23: must be from 1 to 120, not 0"),
            ("[\"example.jp\"]", "[]", "p.toml:8:15: must name the domain"),
            (
                "[\"example.jp\"]",
                "[\"x y\"]",
                "p.toml:8:15: `x y`: what follows the @ is no domain",
            ),
            (
                "\"address\"",
                "\"subject\"",
                "p.toml:9:16: needs {token} in what the service repeats",
            ),
            ("means = \"sent\"", "means = \"ok\"", "p.toml:11:9: unknown variant `ok`"),
            ("subject = \"sent\"\n", "", "p.toml:11:9: needs a subject or a text"),
            ("subject = \"sent\"", "subject = \"{any}\"", "p.toml:12:11: says nothing"),
            ("subject = \"sent\"", "subjct = \"sent\"", "p.toml:12:1: unknown field `subjct`"),
            (", source = \"guess: x\" }", " }", "p.toml:2:6: missing field `source`"),
        ] {
            let text = whole.replacen(right, wrong, 1);
            assert_ne!(text, whole, "{right}");
            let message = Profile::parse(&text, "p.toml").unwrap_err().to_string();
            assert!(message.starts_with(expected), "\n{message}\n{expected}");
            assert!(!message.contains('\n'), "{message}");
        }
    }

    #[test]
    fn profile_of_a_technician_is_read_from_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.toml");
        std::fs::write(&path, LEAST).unwrap();
        let name = path.to_str().unwrap();
        assert_eq!(Profile::named(name).unwrap().name(), name);
        std::fs::write(&path, LEAST.replace("tiff", "png")).unwrap();
        let message = Profile::named(name).unwrap_err().to_string();
        assert!(message.starts_with(&format!("{name}:3:21: unknown variant")), "{message}");
        std::fs::write(&path, "#".repeat(FILE_LIMIT_OCTETS as usize + 1)).unwrap();
        let message = Profile::named(name).unwrap_err().to_string();
        assert!(message.ends_with("longer than 64 KiB: this is no profile"), "{message}");
    }

    #[test]
    fn unknown_name_lists_those_that_there_are() {
        let message = Profile::named("intrefax").unwrap_err().to_string();
        assert!(message.starts_with("no profile `intrefax`: ") && message.contains("interfax"));
    }

    /// What nobody has looked up or seen. Each that is verified makes the number smaller; a new profile may raise it
    /// only on purpose.
    #[test]
    fn every_value_says_how_it_is_known_and_guesses_are_counted() {
        let mut guesses = Vec::new();
        for (name, text) in FILES {
            Profile::parse(text, name).unwrap();
            let file: File = toml::from_str(text).unwrap();
            let mut sources = vec![
                file.to.source,
                file.attachment.source,
                file.file_name.source,
                file.from.source,
                file.answer_hours.source,
            ];
            sources.extend([file.subject, file.text].into_iter().flatten().map(|it| it.source));
            sources.extend(file.secrets.map(|known| known.source));
            sources.extend(file.return_path.map(|known| known.source));
            if let Some(answers) = file.answers {
                sources.extend([answers.from.source, answers.token.source]);
                sources.extend(answers.rule.into_inner().into_iter().map(|rule| rule.source));
            }
            for source in sources {
                let kinds = ["manual: ", "standard: ", "driver: ", "guess: "];
                assert!(kinds.iter().any(|kind| source.starts_with(kind)), "{name}: {source}");
                if source.starts_with("guess: ") {
                    guesses.push(format!("{name}: {source}"));
                }
            }
        }
        assert_eq!(guesses.len(), 10, "{guesses:#?}");
    }

    /// A secret goes to a stranger only if somebody has decided so: none of ours does.
    #[test]
    fn no_built_in_profile_carries_secrets() {
        for name in names() {
            assert!(!Profile::named(name).unwrap().may_carry_secrets(), "{name}");
        }
    }
}
