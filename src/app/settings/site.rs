//! What every sheet says of the exchange, and how it is drawn.
//!
//! In: `[site]` with its tables, `[sheet]`. Out: a [`SiteFace`] and the sheet driver's settings.
//! Not here: what the sentences are called (`templates/fax/words`).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{self, Deserializer};

use super::values::{absolute, absolute_list, maybe_printable, printable, within};
use crate::render::{SiteFace, SiteWords};

/// `[site]`: what every sheet says of the exchange. All required, because a stranger reads it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// The one name of the site, 1 to 40 characters.
    #[serde(deserialize_with = "printable::<_, 40>")]
    pub name: String,
    /// Where to log in, 1 to 60 characters, `https://…`: printed large and as the QR code.
    #[serde(deserialize_with = "site_url")]
    pub url: String,
    /// Who helps, 1 to 40 characters.
    #[serde(deserialize_with = "printable::<_, 40>")]
    pub help_name: String,
    /// Their telephone, 1 to 20 characters, as a person would write it.
    #[serde(deserialize_with = "printable::<_, 20>")]
    pub help_phone: String,
    /// When they answer, 1 to 40 characters.
    #[serde(deserialize_with = "printable::<_, 40>")]
    pub help_hours: String,
    /// What sheets in English say instead; what is not given is as above.
    #[serde(default)]
    pub en: SiteInEnglish,
    /// Sentences in place of those in the templates' `words/*.toml`, of sheets and of mails.
    #[serde(default)]
    pub words: Words,
}

/// `[site.en]`: the same limits as in `[site]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SiteInEnglish {
    #[serde(deserialize_with = "maybe_printable::<_, 40>")]
    pub name: Option<String>,
    #[serde(deserialize_with = "maybe_printable::<_, 40>")]
    pub help_name: Option<String>,
    #[serde(deserialize_with = "maybe_printable::<_, 40>")]
    pub help_hours: Option<String>,
}

/// `[site.words]`: a table for each language.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Words {
    pub ja: Sentences,
    pub en: Sentences,
}

/// Sentences by their name, 1 to 120 characters each: what is longer goes onto a second page anyway.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Sentences(BTreeMap<String, Sentence>);

#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
struct Sentence(#[serde(deserialize_with = "printable::<_, 120>")] String);

/// `[sheet]`: how the page is drawn.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sheet {
    /// The worker program. /usr/libexec/shirase/shirase-sheet: where `make install` puts it.
    #[serde(deserialize_with = "absolute")]
    pub program: PathBuf,
    /// Folder of the templates; a template can read nothing outside it.
    #[serde(deserialize_with = "absolute")]
    pub templates: PathBuf,
    /// Font files or folders, in the order in which glyphs are looked for. BIZ UDGothic, because
    /// its strokes stay apart at fax resolution.
    #[serde(deserialize_with = "absolute_list")]
    pub fonts: Vec<PathBuf>,
    /// Longest time for one sheet, 500 to 60 000 ms. 10 000: a cold start with fonts takes about 1 s,
    /// and a template that needs ten of them is broken.
    #[serde(deserialize_with = "within::<_, _, 500, 60_000>")]
    pub deadline_ms: u64,
    /// Address space of the worker, 256 to 8192 MiB. 1024: some twelve times what a sheet needs.
    #[serde(deserialize_with = "within::<_, _, 256, 8192>")]
    pub memory_mib: u64,
}

impl Default for Sheet {
    fn default() -> Self {
        Self {
            program: PathBuf::from("/usr/libexec/shirase/shirase-sheet"),
            templates: PathBuf::from("/usr/share/shirase/templates/fax"),
            fonts: vec![PathBuf::from("/usr/share/fonts/truetype/bizud-gothic")],
            deadline_ms: 10_000,
            memory_mib: 1024,
        }
    }
}

impl Site {
    /// As sheets show it.
    pub fn face(&self) -> SiteFace {
        let or_japanese =
            |own: &Option<String>, japanese: &String| own.as_ref().unwrap_or(japanese).clone();
        SiteFace {
            url: self.url.clone(),
            help_phone: self.help_phone.clone(),
            ja: SiteWords {
                name: self.name.clone(),
                help_name: self.help_name.clone(),
                help_hours: self.help_hours.clone(),
                words: self.words.ja.by_name(),
            },
            en: SiteWords {
                name: or_japanese(&self.en.name, &self.name),
                help_name: or_japanese(&self.en.help_name, &self.help_name),
                help_hours: or_japanese(&self.en.help_hours, &self.help_hours),
                words: self.words.en.by_name(),
            },
        }
    }
}

impl Sentences {
    fn by_name(&self) -> BTreeMap<String, String> {
        self.0.iter().map(|(name, Sentence(text))| (name.clone(), text.clone())).collect()
    }
}

impl Sheet {
    /// As the sheet driver wants it.
    pub fn worker(&self) -> sheet::WorkerSettings {
        sheet::WorkerSettings {
            program: self.program.clone(),
            templates: self.templates.clone(),
            fonts: self.fonts.clone(),
            deadline: Duration::from_millis(self.deadline_ms),
            memory_limit: self.memory_mib << 20,
        }
    }
}

fn site_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let url = String::deserialize(deserializer)?;
    let has_host = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    if has_host && url.len() <= 60 && url.chars().all(|c| c.is_ascii_graphic()) {
        Ok(url)
    } else {
        Err(de::Error::custom("must be https://… of at most 60 ASCII characters"))
    }
}
