//! The texts of mails as they stood on disk at one moment.
//!
//! In: the folder of texts, and that of the sheets, whose sentences mails say too; fields. Out: subject, text and HTML.
//! A template sees its fields and its own folder; what it may take is measured, so that none runs for ever or fills the memory.
//! Not here: which edition a mail is written from (`letter.rs`), the fields (`fields.rs`), how it becomes octets (`drivers/mail`).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value,
};

use super::fold::fold;
use crate::job::Language;
use crate::render::SiteFace;
use crate::render::fields::LETTER_WORDS;

/// Octets of a file; ours have less than two thousand. Chosen.
const FILE_LIMIT_OCTETS: u64 = 64 << 10;
/// Templates in the folder. Chosen.
const MOST_FILES: usize = 64;
/// Steps of one rendering, each of at most 64 octets; the longest of ours takes four hundred. Chosen.
const FUEL: u64 = 50_000;
/// Octets of a text: a mail of more is not what somebody reads. Chosen; the longest of ours has 3500.
const TEXT_LIMIT_OCTETS: usize = 64 << 10;

/// Where texts are read from.
#[derive(Clone, Debug)]
pub struct Folders {
    /// Templates and sentences of mails.
    pub mails: PathBuf,
    /// Those of sheets; of them the sentences only.
    pub sheets: PathBuf,
}

impl Folders {
    /// The files of which an edition is made.
    pub(super) fn read_from(&self) -> [PathBuf; 2] {
        [self.mails.clone(), self.sheets.join("words")]
    }
}

/// All templates, with the sentences of one language.
pub(super) struct Edition {
    templates: Environment<'static>,
    sentences: Arc<Sentences>,
}

/// What a mail says.
pub(super) struct Texts {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// What is wrong with the files, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Fault {
    /// File and line.
    pub place: String,
    /// In words. Of a trial only: with the fields of a job it may repeat one of them.
    pub what: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

impl Fault {
    fn at(path: &Path, what: impl ToString) -> Self {
        Self { place: path.display().to_string(), what: what.to_string() }
    }

    /// The innermost one: an outer one only says that something below it failed.
    fn of(error: &Error, file: &str) -> Self {
        let mut innermost = error;
        while let Some(inner) =
            std::error::Error::source(innermost).and_then(|source| source.downcast_ref::<Error>())
        {
            innermost = inner;
        }
        let file = innermost.name().unwrap_or(file);
        let place = match innermost.line() {
            Some(line) => format!("{file}:{line}"),
            None => file.to_owned(),
        };
        let what = match innermost.detail() {
            Some(detail) => format!("{}: {detail}", innermost.kind()),
            None => innermost.kind().to_string(),
        };
        Self { place, what: what.replace('\n', " ") }
    }
}

impl Edition {
    /// Reads the files.
    pub(super) fn read(
        folders: &Folders,
        site: &SiteFace,
        language: Language,
    ) -> Result<Self, Fault> {
        let sentences = Arc::new(Sentences::read(folders, site, language)?);
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.set_fuel(Some(FUEL));
        templates.set_debug(false); // a copy of the template with each error
        templates.set_formatter(escaped);
        let whole_lines = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        templates.set_syntax(whole_lines.map_err(|error| Fault::of(&error, "syntax"))?);
        let said = Arc::clone(&sentences);
        templates.add_function("word", move |name: &str, values: Kwargs| {
            let mut given = BTreeMap::new();
            for place in values.args() {
                let value: Value = values.get(place)?;
                if value.is_undefined() {
                    let what = format!("word(\"{name}\", {place}=…): there is no such field");
                    return Err(Error::new(ErrorKind::UndefinedError, what));
                }
                given.insert(place, value.to_string());
            }
            said.say(name, |place| given.get(place).map(String::as_str))
                .map_err(|what| Error::new(ErrorKind::InvalidOperation, what))
        });
        for path in templates_in(&folders.mails)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let source = read_text(&path)?;
            templates
                .add_template_owned(name.clone(), source)
                .map_err(|error| Fault::of(&error, &name))?;
        }
        Ok(Self { templates, sentences })
    }

    /// The texts of the kind that the fields name, in which values are escaped where they stand in HTML.
    pub(super) fn texts(&self, kind: &str, fields: &serde_json::Value) -> Result<Texts, Fault> {
        let field = |pointer: &str| fields.pointer(pointer).and_then(|value| value.as_str());
        let title = self.sentence(&format!("title_{kind}"), &[])?;
        let subject = [
            ("site", field("/site/name").unwrap_or_default()),
            ("title", &title),
            ("reference", field("/reference").unwrap_or_default()),
        ];
        Ok(Texts {
            subject: self.sentence("letter_subject", &subject)?,
            text: fold(&self.rendered(&format!("{kind}.txt"), fields)?),
            html: self.rendered(&format!("{kind}.html"), fields)?,
        })
    }

    fn sentence(&self, name: &str, values: &[(&str, &str)]) -> Result<String, Fault> {
        let value =
            |place: &str| values.iter().find(|(name, _)| *name == place).map(|(_, value)| *value);
        let place = || self.sentences.file.clone();
        self.sentences.say(name, value).map_err(|what| Fault { place: place(), what })
    }

    fn rendered(&self, file: &str, fields: &serde_json::Value) -> Result<String, Fault> {
        let fault = |error: &Error| Fault::of(error, file);
        let template = self.templates.get_template(file).map_err(|error| fault(&error))?;
        let text = template.render(Serde(fields)).map_err(|error| fault(&error))?;
        if text.len() > TEXT_LIMIT_OCTETS {
            let what = format!("more than {TEXT_LIMIT_OCTETS} octets");
            return Err(Fault { place: file.to_owned(), what });
        }
        Ok(text)
    }
}

/// Values in HTML, with what would end them escaped, and no more: a slash written as a number makes filters suspicious
/// of the address that it stands in.
fn escaped(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    match (state.auto_escape(), value.as_str()) {
        (AutoEscape::Html, Some(text)) if !value.is_safe() => {
            for character in text.chars() {
                match character {
                    '&' => out.write_str("&amp;")?,
                    '<' => out.write_str("&lt;")?,
                    '>' => out.write_str("&gt;")?,
                    '"' => out.write_str("&quot;")?,
                    '\'' => out.write_str("&#39;")?,
                    other => out.write_char(other)?,
                }
            }
            Ok(())
        }
        _no_text => minijinja::escape_formatter(out, state, value),
    }
}

/// The sentences of one language, those of the settings in place of the files'.
struct Sentences {
    by_name: BTreeMap<String, String>,
    /// Where mails' own stand.
    file: String,
}

impl Sentences {
    fn read(folders: &Folders, site: &SiteFace, language: Language) -> Result<Self, Fault> {
        let file = format!("words/{language}.toml");
        let own = folders.mails.join(&file);
        let mut by_name = sentences_in(&folders.sheets.join(&file))?;
        for (name, sentence) in sentences_in(&own)? {
            if !name.starts_with(LETTER_WORDS) {
                let what = format!("{name}: a sentence of mails begins with {LETTER_WORDS}");
                return Err(Fault::at(&own, what));
            }
            by_name.insert(name, sentence);
        }
        for (name, sentence) in &site.in_language(language).words {
            let known = by_name.get_mut(name).ok_or_else(|| Fault {
                place: format!("[site.words.{language}]"),
                what: format!("{name}: no sentence has this name, see the folders words"),
            })?;
            known.clone_from(sentence);
        }
        Ok(Self { by_name, file: own.display().to_string() })
    }

    /// The sentence; in the place of `{…}` the value of that name, or the sentence of that name.
    fn say<'a>(
        &'a self,
        name: &str,
        value: impl Fn(&str) -> Option<&'a str>,
    ) -> Result<String, String> {
        let sentence = |name: &str| self.by_name.get(name).map(String::as_str);
        let mut rest = sentence(name).ok_or_else(|| {
            format!("words.{name}: no sentence has this name, see the folders words")
        })?;
        let mut said = String::with_capacity(rest.len());
        while let Some((before, behind)) = rest.split_once('{') {
            said += before;
            match behind.split_once('}').filter(|(place, _)| is_name(place)) {
                Some((place, behind)) => {
                    said += value(place).or_else(|| sentence(place)).ok_or_else(|| {
                        format!("words.{name}: nothing is called {{{place}}} here")
                    })?;
                    rest = behind;
                }
                None => {
                    said.push('{');
                    rest = behind;
                }
            }
        }
        Ok(said + rest)
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'_')
}

fn sentences_in(path: &Path) -> Result<BTreeMap<String, String>, Fault> {
    let text = read_text(path)?;
    let table: toml::Table = toml::from_str(&text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let place = format!("{}:{line}", path.display());
        Fault { place, what: error.message().replace('\n', " ") }
    })?;
    // A table among them belongs to the sheets: readings of characters that are typed.
    let sentence = |(name, value)| match value {
        toml::Value::String(text) => Some((name, text)),
        _table => None,
    };
    Ok(table.into_iter().filter_map(sentence).collect())
}

/// What an editor keeps beside its file is none.
fn templates_in(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let fault = |error: std::io::Error| Fault::at(folder, error);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        let is_template = path.extension().is_some_and(|end| end == "txt" || end == "html");
        if is_template && !sheet::is_aside(&path) {
            found.push(path);
        }
        if found.len() > MOST_FILES {
            return Err(Fault::at(folder, format!("more than {MOST_FILES} templates")));
        }
    }
    Ok(found)
}

fn read_text(path: &Path) -> Result<String, Fault> {
    let fault = |error: std::io::Error| Fault::at(path, error);
    let mut text = String::new();
    let file = fs::File::open(path).map_err(fault)?;
    file.take(FILE_LIMIT_OCTETS + 1).read_to_string(&mut text).map_err(fault)?;
    if text.len() as u64 > FILE_LIMIT_OCTETS {
        return Err(Fault::at(path, format!("more than {FILE_LIMIT_OCTETS} octets")));
    }
    Ok(text)
}
