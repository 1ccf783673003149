//! The characters that sheets can hold, and single ones as pels.

use std::path::Path;

use sheet::{Glyph, GlyphRequest, SheetError, Worker};

use crate::{folder, settings};

const FACE: (&str, &str) = ("face.typ", "#let faces = (\"BIZ UDGothic\",)");

fn worker() -> Worker {
    Worker::new(settings(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../templates/fax")))
}

fn glyphs(characters: &str, em_pels: u16, em_rows: u16) -> Result<Vec<Glyph>, SheetError> {
    worker().glyphs(&GlyphRequest { characters: characters.to_owned(), em_pels, em_rows })
}

/// A glyph as `#` and `.`, rows apart by line ends.
fn picture(glyph: &Glyph) -> String {
    let width = usize::from(glyph.width_pels);
    let row = |row: &[u8]| -> String {
        let black = |pel: usize| row[pel / 8] << (pel % 8) & 0x80 != 0;
        (0..width).map(|pel| if black(pel) { '#' } else { '.' }).collect()
    };
    glyph.bits.chunks(width.div_ceil(8)).map(row).collect::<Vec<_>>().join("\n")
}

#[test]
fn coverage_has_what_the_named_face_has_and_nothing_else() {
    let coverage = worker().coverage().unwrap();
    assert!("aZ0ｱア亜鬱髙﨑〜－①".chars().all(|character| coverage.has(character)));
    // Emoji, a rare kanji beyond the first plane, Arabic, Thai, a combining mark of Vietnamese.
    assert!(!"😀𠮷عก\u{0309}".chars().any(|character| coverage.has(character)));
}

#[test]
fn fonts_that_no_template_names_do_not_count() {
    let folder = folder(&[("t.typ", "#text(font: \"Some Other Face\")[BIZ UDGothic]")]);
    let mut worker = Worker::new(settings(folder.path()));
    assert_eq!(worker.coverage().unwrap().ranges(), []);
    let request = GlyphRequest { characters: String::from("a"), em_pels: 24, em_rows: 24 };
    let error = worker.glyphs(&request).unwrap_err();
    assert_eq!(error, SheetError::MissingGlyph { character: 'a' });
}

#[test]
fn face_named_in_any_case_counts() {
    let folder = folder(&[("t.typ", "#set text(font: \"biz udgothic\")")]);
    let mut worker = Worker::new(settings(folder.path()));
    assert!(worker.coverage().unwrap().has('鬱'));
}

#[test]
fn missing_folder_of_templates_is_a_template_error() {
    let mut worker = Worker::new(settings(Path::new("/nowhere")));
    assert!(matches!(worker.coverage(), Err(SheetError::Template { .. })));
}

#[test]
fn glyphs_come_in_the_order_asked_with_cells_of_half_and_full_width() {
    let glyphs = glyphs("A1一 ", 24, 23).unwrap();
    let cells: Vec<(char, u16, u16)> =
        glyphs.iter().map(|glyph| (glyph.character, glyph.width_pels, glyph.rows)).collect();
    assert_eq!(cells, [('A', 12, 23), ('1', 12, 23), ('一', 24, 23), (' ', 12, 23)]);
    assert!(glyphs[3].bits.iter().all(|octet| *octet == 0), "a space has ink");
}

#[test]
fn glyph_is_the_letter_in_the_shape_of_the_pels_asked_for() {
    // A capital I: a stem between two serifs; half as many rows at standard.
    for (rows, em_rows) in [(19, 23), (10, 12)] {
        let glyph = glyphs("I", 24, em_rows).unwrap().remove(0);
        let picture = picture(&glyph);
        let inked: Vec<&str> = picture.lines().filter(|row| row.contains('#')).collect();
        assert!(inked.len().abs_diff(rows) <= 1, "{picture}");
        let shapes = inked.chunk_by(|one, next| one == next).count();
        assert_eq!(shapes, 3, "serif, stem, serif\n{picture}");
    }
}

#[test]
fn character_without_glyph_is_named() {
    assert_eq!(glyphs("a𠮷", 24, 24), Err(SheetError::MissingGlyph { character: '𠮷' }));
}

#[test]
fn size_or_number_out_of_range_is_refused() {
    for (characters, em_pels, em_rows) in
        [("a", 3, 24), ("a", 24, 257), (&*"a".repeat(1001), 24, 24)]
    {
        let error = glyphs(characters, em_pels, em_rows).unwrap_err();
        assert!(matches!(error, SheetError::Layout { .. }), "{error}");
    }
}

#[test]
fn template_that_cannot_be_parsed_still_names_its_face() {
    let folder = folder(&[FACE, ("broken.typ", "#let a = (")]);
    assert!(Worker::new(settings(folder.path())).coverage().unwrap().has('a'));
}
