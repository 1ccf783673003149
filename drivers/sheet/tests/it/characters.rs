//! The characters that sheets can hold.

use std::path::Path;

use sheet::{Coverage, SheetError, Worker};

use crate::{folder, settings};

const FACE: (&str, &str) = ("face.typ", "#let faces = (\"BIZ UDGothic\",)");

fn worker() -> Worker {
    Worker::new(settings(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../templates/fax")))
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
    assert_eq!(worker.coverage().unwrap(), Coverage::default());
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
fn template_that_cannot_be_parsed_still_names_its_face() {
    let folder = folder(&[FACE, ("broken.typ", "#let a = (")]);
    assert!(Worker::new(settings(folder.path())).coverage().unwrap().has('a'));
}
