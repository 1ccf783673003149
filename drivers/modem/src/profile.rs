//! What differs by modem model, read from `profiles/`.
//!
//! In: TOML that is part of the program. Out: [`Profile`]s, `generic` among them. A model's file holds what
//! it needs beyond `generic`, and says of each line how it is known. Source: named beside each line in
//! the files: `manual:`, `standard:`, `driver:` (what public programs do with such modems) or `guess:`.
//! Not here: what the commands are for (`init.rs`), which class is taken (there too).

use crate::{Class, Flow, LineError};

/// The built-in files. `generic` is the first, and the one that is taken when nothing is recognised.
const FILES: [(&str, &str); 8] = [
    ("generic", include_str!("../profiles/generic.toml")),
    ("usr-5637", include_str!("../profiles/usr-5637.toml")),
    ("usr-5686", include_str!("../profiles/usr-5686.toml")),
    ("multitech-mt9234zba", include_str!("../profiles/multitech-mt9234zba.toml")),
    ("multitech-mt5634", include_str!("../profiles/multitech-mt5634.toml")),
    ("conexant-cx93010", include_str!("../profiles/conexant-cx93010.toml")),
    ("zoom-3095", include_str!("../profiles/zoom-3095.toml")),
    ("omron-me5614", include_str!("../profiles/omron-me5614.toml")),
];

/// The names that `modem` in the settings may have.
pub fn models() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

/// One model of modem.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub name: &'static str,
    /// Dial command before the digits, `ATDT` for tones.
    pub dial: String,
    pub hang_up: String,
    pub flow: Flow,
    /// Octet that stops a reception.
    pub abort: u8,
    /// In this order after each start: those of `generic`, then the model's own.
    pub setup: Vec<Setup>,
    /// Each time after the class was selected.
    pub after_class: Vec<Setup>,
    /// The first of these that it has is used.
    pub prefer: Vec<Class>,
    /// Whether `+GCI` has to be obeyed.
    pub country: Need,
    /// Whether its T.6 coder may be used in Class 2 to 2.1.
    pub mmr: bool,
}

/// One command of the set-up.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Setup {
    pub command: String,
    pub need: Need,
    /// For whoever reads the trace.
    pub why: String,
    /// How this is known.
    #[cfg_attr(not(test), expect(dead_code, reason = "for people, and for a test that counts"))]
    source: String,
}

/// What an `ERROR` to a set-up command means.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Need {
    /// The line cannot be used.
    Must,
    /// This model does not have it.
    May,
}

/// One sign by which a model is known: the answer to `ask` holds `says`, whatever the case.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Sign {
    ask: String,
    says: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "for people, and for a test that counts"))]
    source: String,
}

/// A value and how it is known.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Known<T> {
    is: T,
    #[cfg_attr(not(test), expect(dead_code, reason = "for people, and for a test that counts"))]
    source: String,
}

/// A file of `profiles/`. Everything but `model` may be missing in a model's file.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// For people.
    #[expect(dead_code, reason = "for people")]
    model: String,
    dial: Option<Known<String>>,
    hang_up: Option<Known<String>>,
    flow: Option<Known<Flow>>,
    abort: Option<Known<u8>>,
    prefer: Option<Known<Vec<Class>>>,
    country: Option<Known<Need>>,
    mmr: Option<Known<bool>>,
    /// Classes that it is known to have: the modem itself is asked, this is for people and tests.
    #[cfg_attr(not(test), expect(dead_code, reason = "for people and tests"))]
    classes: Option<Known<Vec<Class>>>,
    #[serde(default)]
    sign: Vec<Sign>,
    #[serde(default)]
    setup: Vec<Setup>,
    #[serde(default)]
    after_class: Vec<Setup>,
    /// What is said of it and not worked around, or worked around elsewhere.
    #[serde(default)]
    #[cfg_attr(not(test), expect(dead_code, reason = "for people, and for a test that counts"))]
    bug: Vec<Known<String>>,
}

/// All built-in models.
#[derive(Clone, Debug)]
pub(crate) struct Profiles {
    generic: Profile,
    models: Vec<(Profile, Vec<Sign>)>,
}

impl Profiles {
    /// # Errors
    /// [`LineError::Profile`] if a built-in text does not parse, which a test rules out.
    pub(crate) fn built_in() -> Result<Self, LineError> {
        let mut files = FILES.into_iter();
        let Some((name, text)) = files.next() else {
            return Err(LineError::Profile { name: "generic", detail: "missing".into() });
        };
        let generic = generic(name, parse(name, text)?)?;
        let models = files
            .map(|(name, text)| {
                let file = parse(name, text)?;
                let signs = file.sign.clone();
                Ok((model(name, file, &generic), signs))
            })
            .collect::<Result<_, LineError>>()?;
        Ok(Self { generic, models })
    }

    pub(crate) fn generic(&self) -> &Profile {
        &self.generic
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Profile> {
        std::iter::once(&self.generic)
            .chain(self.models.iter().map(|(profile, _)| profile))
            .find(|profile| profile.name == name)
    }

    /// The questions whose answers tell models apart, each once.
    pub(crate) fn questions(&self) -> Vec<&str> {
        let mut questions: Vec<&str> = Vec::new();
        for sign in self.models.iter().flat_map(|(_, signs)| signs) {
            if !questions.contains(&sign.ask.as_str()) {
                questions.push(&sign.ask);
            }
        }
        questions
    }

    /// The model that answers so.
    pub(crate) fn known_by(&self, question: &str, answer: &str) -> Option<&Profile> {
        let answer = answer.to_ascii_lowercase();
        let fits =
            |sign: &Sign| sign.ask == question && answer.contains(&sign.says.to_ascii_lowercase());
        self.models.iter().find(|(_, signs)| signs.iter().any(fits)).map(|(profile, _)| profile)
    }
}

fn parse(name: &'static str, text: &str) -> Result<File, LineError> {
    toml::from_str(text).map_err(|error| LineError::Profile { name, detail: error.to_string() })
}

/// The file that must be complete.
fn generic(name: &'static str, file: File) -> Result<Profile, LineError> {
    let lacks = |what: &str| LineError::Profile { name, detail: format!("no {what}") };
    Ok(Profile {
        name,
        dial: file.dial.ok_or_else(|| lacks("dial"))?.is,
        hang_up: file.hang_up.ok_or_else(|| lacks("hang_up"))?.is,
        flow: file.flow.ok_or_else(|| lacks("flow"))?.is,
        abort: file.abort.ok_or_else(|| lacks("abort"))?.is,
        prefer: file.prefer.ok_or_else(|| lacks("prefer"))?.is,
        country: file.country.ok_or_else(|| lacks("country"))?.is,
        mmr: file.mmr.ok_or_else(|| lacks("mmr"))?.is,
        setup: file.setup,
        after_class: file.after_class,
    })
}

/// What the file says, and `generic` where it says nothing.
fn model(name: &'static str, file: File, generic: &Profile) -> Profile {
    fn or<T: Clone>(known: Option<Known<T>>, generic: &T) -> T {
        known.map_or_else(|| generic.clone(), |known| known.is)
    }
    Profile {
        name,
        dial: or(file.dial, &generic.dial),
        hang_up: or(file.hang_up, &generic.hang_up),
        flow: or(file.flow, &generic.flow),
        abort: or(file.abort, &generic.abort),
        prefer: or(file.prefer, &generic.prefer),
        country: or(file.country, &generic.country),
        mmr: or(file.mmr, &generic.mmr),
        setup: generic.setup.iter().cloned().chain(file.setup).collect(),
        after_class: generic.after_class.iter().cloned().chain(file.after_class).collect(),
    }
}

#[cfg(test)]
impl Profile {
    /// For tests that need some profile.
    pub(crate) fn for_tests() -> Self {
        Profiles::built_in().unwrap().generic
    }
}

#[cfg(test)]
mod tests;
