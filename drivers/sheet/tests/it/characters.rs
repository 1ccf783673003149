//! The characters that sheets can hold.

use std::fs;
use std::os::unix::fs::symlink;
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

#[test]
fn stray_file_among_the_templates_changes_nothing() {
    let folder = folder(&[FACE]);
    symlink("who@where.1234:5678", folder.path().join(".#face.typ")).unwrap();
    symlink("/nowhere", folder.path().join("gone.typ")).unwrap();
    fs::create_dir(folder.path().join("folder.typ")).unwrap();
    fs::write(folder.path().join("._face.typ"), [0, 5, 22, 7, 0xFF]).unwrap();
    fs::write(folder.path().join("old.typ"), b"\x83\x74\x83\x40\x83\x62\x83\x4E\x83\x58").unwrap();
    let coverage = Worker::new(settings(folder.path())).coverage().unwrap();
    assert!(coverage.has('鬱'));
}

/// Otherwise every character of a caller's would count as one that no face has.
#[test]
fn unreadable_file_is_named_where_no_other_names_a_face() {
    let folder = folder(&[("other.typ", "")]);
    fs::write(folder.path().join("face.typ"), b"#let faces = \"BIZ UDGothic\" // \x83").unwrap();
    match Worker::new(settings(folder.path())).coverage() {
        Err(SheetError::Template { file, .. }) => assert!(file.ends_with("/face.typ"), "{file}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn stray_file_among_the_fonts_changes_nothing() {
    let (templates, fonts) =
        (folder(&[FACE]), folder(&[("._face.ttf", "Mac OS X"), (".#f.otf", "")]));
    let mut settings = settings(templates.path());
    settings.fonts.push(fonts.path().to_path_buf());
    assert!(Worker::new(settings).coverage().unwrap().has('鬱'));
}
