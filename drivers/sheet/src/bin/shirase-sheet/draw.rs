//! From a request to its answer; a sheet is set once, proven, then painted twice, stamped, cut.
//!
//! In: an [`Ask`]. Out: an [`Answer`], or why there is none; the same request gives the same bits.
//! Not here: each of the steps (the files beside this one).

use std::path::PathBuf;

use sheet::wire::{Answer, Ask};
use sheet::{Drawn, Fineness, Sheet, SheetError};
use t4::{Page, WIDTH_A4_PELS};
use typst::diag::SourceDiagnostic;
use typst::syntax::{DiagSpan, FileId};
use typst::utils::LazyHash;
use typst::{Library, World, WorldExt};
use typst_layout::PagedDocument;

use crate::bitmap::Bitmap;
use crate::ink::Painter;
use crate::letters::Letters;
use crate::world::{Fonts, SheetWorld, library};
use crate::{glyphs, links, qr, raster};

/// What is the same for every sheet.
pub struct Desk {
    templates: PathBuf,
    fonts: Fonts,
    library: LazyHash<Library>,
    letters: Letters,
}

impl Desk {
    pub fn new(templates: PathBuf, fonts: Fonts) -> Self {
        Self { templates, fonts, library: library(), letters: Letters::default() }
    }

    pub fn answer(&mut self, ask: &Ask) -> Result<Answer, SheetError> {
        match ask {
            Ask::Draw { template, fields } => {
                let drawn = self.draw(template, fields);
                // The typesetter keeps every intermediate result until told to forget: some 2 MB a
                // sheet, and with them the fields. After an error as well.
                typst::comemo::evict(0);
                drawn.map(Answer::Drawn)
            }
            Ask::Coverage => self.fonts.coverage(&self.templates).map(Answer::Coverage),
        }
    }

    /// The sheet, or an error that tells nothing of what callers sent.
    fn draw(&mut self, template: &str, fields: &serde_json::Value) -> Result<Drawn, SheetError> {
        self.attempt(template, fields).map_err(|error| match error {
            // Template and typesetter may quote a field, whole, cut or changed. What they say all the
            // same when every character in the fields is another one, they have not from there.
            SheetError::Template { .. } | SheetError::Layout { .. } => {
                match self.attempt(template, &disguised(fields)) {
                    Err(again) if again == error => error,
                    Ok(_) | Err(_) => withheld(error),
                }
            }
            SheetError::MissingGlyph { .. }
            | SheetError::Pages { .. }
            | SheetError::Font { .. }
            | SheetError::Deadline { .. }
            | SheetError::Worker { .. } => error,
        })
    }

    fn attempt(&mut self, template: &str, fields: &serde_json::Value) -> Result<Drawn, SheetError> {
        let world = SheetWorld::new(&self.library, &self.fonts, &self.templates, template, fields)?;
        let document = typst::compile::<PagedDocument>(&world)
            .output
            .map_err(|errors| template_error(&world, &errors))?;
        let [set] = document.pages() else {
            return Err(SheetError::Pages { pages: document.pages().len() });
        };
        if let Some(character) = glyphs::first_missing(&set.frame) {
            return Err(SheetError::MissingGlyph { character });
        }
        let mut paint = |fineness| {
            paint(set, &mut self.letters, fineness).map_err(|error| match error {
                PaintError::Layout(message) => {
                    SheetError::Layout { template: template.to_owned(), message }
                }
                PaintError::Codec(error) => SheetError::Worker { detail: error.to_string() },
            })
        };
        Ok(Drawn { fine: paint(Fineness::Fine)?, standard: paint(Fineness::Standard)? })
    }
}

fn paint(
    set: &typst_layout::Page,
    letters: &mut Letters,
    fineness: Fineness,
) -> Result<Sheet, PaintError> {
    let scale = raster::Scale::of(set, fineness)?;
    let mut bitmap = Bitmap::white(scale.rows);
    let rest = Painter { bitmap: &mut bitmap, letters, scale }.paint(&set.frame);
    if let Some(rest) = rest {
        bitmap.add(&raster::rasterise(set, rest, scale)?);
    }
    let links = links::of(&set.frame, scale);
    for link in &links {
        if let Some(text) = qr::text(link) {
            qr::stamp(&mut bitmap, text, link.area, fineness)?;
        }
    }
    bitmap.check_margins(fineness)?;
    let page = cut(Page::from_bits(WIDTH_A4_PELS, fineness.into(), bitmap.into_bits())?, fineness)?;
    let marks = links::marks(&links, page.width_pels().into(), page.rows() as usize)?;
    Ok(Sheet { page, marks })
}

/// Cuts the white at the foot, but for a little.
fn cut(mut page: Page, fineness: Fineness) -> Result<Page, PaintError> {
    let full_rows = page.rows();
    page.trim_trailing_white();
    let white = vec![0; page.row_octets()];
    for _ in page.rows()..full_rows.min(page.rows() + foot_rows(fineness)) {
        page.push_row(&white)?;
    }
    Ok(page)
}

/// White kept below the last ink, 4 mm: printers cut their paper there, and many lose the last 2 mm.
fn foot_rows(fineness: Fineness) -> u32 {
    match fineness {
        Fineness::Standard => 16,
        Fineness::Fine => 32,
    }
}

/// Why a set page cannot be painted.
#[derive(Debug)]
pub enum PaintError {
    /// What the template must change.
    Layout(String),
    Codec(t4::CodecError),
}

impl From<String> for PaintError {
    fn from(message: String) -> Self {
        Self::Layout(message)
    }
}

impl From<t4::CodecError> for PaintError {
    fn from(error: t4::CodecError) -> Self {
        Self::Codec(error)
    }
}

/// The first error, with the line it stands in: the one of the failing call if the error itself has none.
fn template_error(world: &SheetWorld<'_>, errors: &[SourceDiagnostic]) -> SheetError {
    let template = world.main().vpath().get_without_slash().to_owned();
    let Some(error) = errors.first() else {
        return SheetError::Template { file: template, line: 1, message: String::from("no page") };
    };
    let calls = error.trace.iter().map(|call| DiagSpan::from(call.span));
    let place = std::iter::once(error.span).chain(calls).find_map(|span| line_of(world, span));
    let (file, line) = place.unwrap_or((template, 1));
    let mut message = error.message.to_string();
    for hint in &error.hints {
        message.push_str("; ");
        message.push_str(&hint.v);
    }
    SheetError::Template { file, line, message }
}

fn line_of(world: &SheetWorld<'_>, span: DiagSpan) -> Option<(String, usize)> {
    let id: FileId = span.id()?;
    let start = world.range(span)?.start;
    let line = world.source(id).ok()?.lines().byte_to_line(start)?;
    Some((id.vpath().get_without_slash().to_owned(), line + 1))
}

/// The parts of `/data.json` that come from callers.
const FROM_CALLERS: [&str; 5] = ["sender", "recipient", "credentials", "documents", "channel"];

/// The same fields with every character that a caller sent replaced by another one.
fn disguised(fields: &serde_json::Value) -> serde_json::Value {
    let mut fields = fields.clone();
    for name in FROM_CALLERS {
        if let Some(part) = fields.get_mut(name) {
            disguise(part);
        }
    }
    fields
}

fn disguise(value: &mut serde_json::Value) {
    use serde_json::Value;
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => *text = text.chars().map(another).collect(),
        Value::Array(values) => values.iter_mut().for_each(disguise),
        Value::Object(values) => values.values_mut().for_each(disguise),
    }
}

/// A character that is not this one, nor this one in another case.
fn another(character: char) -> char {
    match character {
        '!'..='}' => char::from_u32(u32::from(character) + 1).unwrap_or('!'),
        '~' => '!',
        '一' => '二',
        _ => '一',
    }
}

/// The error with its place, and without its words.
fn withheld(error: SheetError) -> SheetError {
    let message = String::from(
        "fails with some fields only, and what it says may quote them; `shirase sheet` shows it with made-up ones",
    );
    match error {
        SheetError::Template { file, line, .. } => SheetError::Template { file, line, message },
        SheetError::Layout { template, .. } => SheetError::Layout { template, message },
        other => other,
    }
}
