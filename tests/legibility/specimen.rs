//! Pages of credentials, set in the ways that are compared.
//!
//! In: a [`Setting`], a seed. Out: a page at either resolution with the cells of its lines, and the alphabet in the
//! same setting.
//! [`SHIPPED`] is `templates/fax/credentials.typ` itself, every other setting that file with edits.
//! Not here: whole sheets (`pictures.rs`).

use std::path::Path;

use serde_json::{Map, json};
use sheet::{Drawn, Fineness, PelBox, Request, Sheet, Worker, WorkerSettings};
use shirase::render::Alphabet;

use crate::random::Random;
use crate::templates::{copied, worker};

const FONTS: [&str; 2] =
    ["/usr/share/fonts/truetype/bizud-gothic", "/usr/share/fonts/truetype/dejavu"];

/// Where the shipped way of setting stands.
const CREDENTIALS: &str = "credentials.typ";

/// Letters and digits: what an exchange may choose credentials of.
pub const ALL: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// What it should choose them of: none is the like of another.
pub const CLEAR: &str = "23456789ABCDEFGHJKMNPQRSTVWXYZ";

const LINES: usize = 8;
pub const LINE_CHARACTERS: usize = 16;

/// What stands in `credentials.typ`, and what takes its place.
pub type Edit = (&'static str, &'static str);

/// One way of setting a credential: how `credentials.typ` differs.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub name: &'static str,
    pub edits: &'static [Edit],
}

/// As the sheets set it.
pub const SHIPPED: Setting = Setting { name: "as the sheets set it", edits: &[] };

/// A line of a page, and where each of its characters stands.
pub struct Line {
    pub text: String,
    pub cells: Vec<PelBox>,
}

/// Sets pages with the worker of this build.
pub struct Typesetter {
    worker: Worker,
    templates: tempfile::TempDir,
    credentials: String,
}

impl Typesetter {
    /// The shipped templates with `specimen.typ` among them.
    pub fn start() -> Self {
        let templates = copied();
        let specimen = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/legibility/specimen.typ");
        std::fs::copy(specimen, templates.path().join("specimen.typ")).expect("specimen.typ");
        let credentials =
            std::fs::read_to_string(templates.path().join(CREDENTIALS)).expect(CREDENTIALS);
        let worker = Worker::new(WorkerSettings {
            fonts: FONTS.map(Into::into).to_vec(),
            ..worker(templates.path())
        });
        Self { worker, templates, credentials }
    }

    fn set(&mut self, setting: &Setting, lines: &[String]) -> Drawn {
        let mut template = self.credentials.clone();
        for (from, to) in setting.edits {
            assert!(template.contains(from), "{}: {CREDENTIALS} has no {from:?}", setting.name);
            template = template.replacen(from, to, 1);
        }
        std::fs::write(self.templates.path().join(CREDENTIALS), template).expect(CREDENTIALS);
        let names = || ('a'..).map(String::from);
        let mut credentials: Map<_, _> =
            names().zip(lines).map(|(name, line)| (name, json!(line))).collect();
        let check: Map<_, _> = names().zip(lines).map(|(name, _)| (name, json!(""))).collect();
        credentials.insert("check".to_owned(), check.into());
        let fields =
            json!({ "language": "ja", "site": {}, "words": {}, "credentials": credentials });
        let request = Request { template: "specimen".to_owned(), fields };
        self.worker.draw(&request).unwrap_or_else(|error| panic!("{}: {error}", setting.name))
    }

    /// A page of random lines of an alphabet, at both resolutions.
    pub fn page(&mut self, setting: &Setting, alphabet: &str, seed: u64) -> Specimen {
        let mut random = Random::new(seed);
        let alphabet: Vec<char> = alphabet.chars().collect();
        let line =
            |_| (0..LINE_CHARACTERS).map(|_| alphabet[random.below(alphabet.len())]).collect();
        let texts: Vec<String> = (0..LINES).map(line).collect();
        Specimen { drawn: self.set(setting, &texts), texts }
    }

    /// What the second reader compares with.
    pub fn alphabet(&mut self, setting: &Setting, fineness: Fineness) -> Alphabet {
        let characters: Vec<char> = ALL.chars().collect();
        let lines: Vec<String> =
            characters.chunks(LINE_CHARACTERS).map(|line| line.iter().collect()).collect();
        let mut sheet = self.set(setting, &lines).into_one(fineness);
        for mark in &mut sheet.marks {
            let line = usize::from(mark.name.as_bytes()[0] - b'a');
            mark.index += (line * LINE_CHARACTERS) as u16;
            mark.name = "alphabet".to_owned();
        }
        Alphabet::of(&sheet, ALL.chars()).expect("an alphabet")
    }
}

/// A page and what is written on it.
pub struct Specimen {
    texts: Vec<String>,
    drawn: Drawn,
}

impl Specimen {
    pub fn sheet(&self, fineness: Fineness) -> &Sheet {
        self.drawn.at(fineness)
    }

    pub fn lines(&self, fineness: Fineness) -> Vec<Line> {
        let marks = &self.sheet(fineness).marks;
        let line = |(index, text): (usize, &String)| {
            let name = char::from(b'a' + index as u8).to_string();
            let of_line = marks.iter().filter(|mark| mark.name == name);
            Line { text: text.clone(), cells: of_line.map(|mark| mark.area).collect() }
        };
        self.texts.iter().enumerate().map(line).collect()
    }
}
