//! Pages of credentials, set in the ways that are compared.
//!
//! In: a [`Setting`], a seed. Out: a page at either resolution with the cells of its lines, and the alphabet in the
//! same setting.
//! Not here: real sheets (`pictures.rs`); they are set as [`SHIPPED`].

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use sheet::{Drawn, Fineness, PelBox, Request, Sheet, Worker, WorkerSettings};
use shirase::render::Alphabet;

use crate::program::program;
use crate::random::Random;
use crate::templates::copy;

const FONTS: [&str; 2] =
    ["/usr/share/fonts/truetype/bizud-gothic", "/usr/share/fonts/truetype/dejavu"];

/// Letters and digits: what an exchange may choose credentials of.
pub const ALL: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// What it should choose them of: none is the like of another.
pub const CLEAR: &str = "23456789ABCDEFGHJKMNPQRSTVWXYZ";

const LINES: usize = 8;
pub const LINE_CHARACTERS: usize = 16;

/// One way of setting a credential.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub face: &'static str,
    pub weight: &'static str,
    pub size_pt: f32,
    /// A word below each character that could be taken for another.
    pub readings: bool,
    /// Cells of one width in groups of four, with a gap between.
    pub grouped: bool,
}

/// As `templates/fax/common.typ` sets credentials.
pub const SHIPPED: Setting =
    Setting { face: BIZ, weight: "bold", size_pt: 20.0, readings: true, grouped: true };

pub const BIZ: &str = "BIZ UDGothic";
impl Setting {
    pub fn name(&self) -> String {
        let face = if self.face == BIZ { "BIZ UDGothic" } else { self.face };
        let grouped = if self.grouped { "groups" } else { "" };
        let readings = if self.readings { "readings" } else { "" };
        format!("{face:<16} {:<7} {:>4} pt {grouped:<6} {readings:<8}", self.weight, self.size_pt)
    }
}

/// A line of a page, and where each of its characters stands.
pub struct Line {
    pub text: String,
    pub cells: Vec<PelBox>,
}

/// Sets pages with the worker of this build.
pub struct Typesetter {
    worker: Worker,
    _templates: tempfile::TempDir,
}

impl Typesetter {
    /// The shipped templates with `specimen.typ` among them.
    pub fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let templates = tempfile::tempdir().expect("a folder for templates");
        copy(&root.join("templates/fax"), templates.path());
        let specimen = root.join("tests/legibility/specimen.typ");
        std::fs::copy(specimen, templates.path().join("specimen.typ")).expect("specimen.typ");
        let worker = Worker::new(WorkerSettings {
            program: program("shirase-sheet"),
            templates: templates.path().to_path_buf(),
            fonts: FONTS.map(Into::into).to_vec(),
            deadline: Duration::from_secs(60),
            memory_limit: 1 << 30,
        });
        Self { worker, _templates: templates }
    }

    fn set(&mut self, setting: &Setting, lines: &[String]) -> Drawn {
        let fields = json!({
            "language": "ja", "site": {}, "words": {},
            "face": setting.face, "weight": setting.weight, "size": setting.size_pt,
            "readings": setting.readings, "grouped": setting.grouped, "lines": lines,
        });
        let request = Request { template: "specimen".to_owned(), fields };
        self.worker.draw(&request).unwrap_or_else(|error| panic!("{setting:?}: {error}"))
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
