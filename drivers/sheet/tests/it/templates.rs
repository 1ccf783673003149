//! Templates: what one may do, and how its errors are told.

use std::os::unix::fs::symlink;

use serde_json::json;
use sheet::{Fineness, SheetError, Worker};

use crate::{black_runs_down, draw_text, folder, request, settings};

fn error_of(files: &[(&str, &str)]) -> SheetError {
    let folder = folder(files);
    Worker::new(settings(folder.path())).draw(&request("t", json!({}))).unwrap_err()
}

fn message_of(error: SheetError) -> String {
    match error {
        SheetError::Template { message, .. } => message,
        other => panic!("not a template's error: {other}"),
    }
}

#[test]
fn unknown_word_is_told_with_file_and_line() {
    let error = error_of(&[("t.typ", "one\n\n#two\n")]);
    assert_eq!(error.to_string(), "t.typ:3: unknown variable: two");
}

#[test]
fn error_in_an_imported_file_names_that_file() {
    let error =
        error_of(&[("t.typ", "#import \"parts/a.typ\": a\n#a"), ("parts/a.typ", "\n#let a = b")]);
    assert_eq!(error.to_string(), "parts/a.typ:2: unknown variable: b");
}

#[test]
fn missing_field_names_the_line_that_wanted_it() {
    let error = draw_text("#let data = json(\"/data.json\")\n#data.sender", json!({})).unwrap_err();
    assert!(error.to_string().starts_with("t.typ:3: "), "{error}");
    assert!(error.to_string().contains("sender"), "{error}");
}

/// A value, parts of it, and what a template makes of it; the check digits stand in the password.
#[test]
fn error_that_quotes_a_field_tells_its_place_and_none_of_its_words() {
    let fields = json!({
        "credentials": {
            "login_id": "or",
            "password": "Pass47wor\"53d",
            "check": { "login_id": "47", "password": "53" },
        },
        "sender": { "phone": "03-5550-0123" },
    });
    for quote in [
        "#panic(\"bad \" + secret.password)",
        "#panic(\"bad \" + repr(secret.password))",
        "#panic(\"bad \" + secret.password.slice(0, 5))",
        "#panic(\"bad \" + upper(secret.password))",
        "#panic(\"bad \" + secret.password.rev())",
        "#panic(\"bad \" + data.sender.phone.slice(3))",
        "#secret.at(secret.password)",
        "#link(\"mark:\" + secret.password + \":0\", box(width: 5mm, height: 5mm))",
    ] {
        let text =
            format!("#let data = json(\"/data.json\")\n#let secret = data.credentials\n{quote}");
        let error = draw_text(&text, fields.clone()).unwrap_err();
        let (SheetError::Template { message, .. } | SheetError::Layout { message, .. }) = &error
        else {
            panic!("{quote}: {error}");
        };
        assert!(message.starts_with("fails with some fields only"), "{quote}: {error}");
        let is_placed = error.to_string().starts_with("t.typ:4: ");
        assert!(is_placed || matches!(error, SheetError::Layout { .. }), "{quote}: {error}");
    }
}

#[test]
fn error_that_is_the_same_whatever_the_fields_hold_is_told_in_full_beside_a_secret() {
    let fields = json!({ "credentials": { "password": "correct-horse" } });
    let error = draw_text("#json(\"/data.json\").credentials.password\n#sie", fields).unwrap_err();
    assert_eq!(error.to_string(), "t.typ:3: unknown variable: sie");
}

#[test]
fn missing_template_and_bad_names_are_template_errors() {
    let folder = folder(&[("t.typ", "")]);
    let mut worker = Worker::new(settings(folder.path()));
    for name in ["absent", "../t", "", "t.typ", "a/b"] {
        let error = worker.draw(&request(name, json!({}))).unwrap_err();
        assert!(matches!(error, SheetError::Template { .. }), "{name}: {error}");
    }
}

#[test]
fn file_outside_the_folder_is_refused_by_every_path() {
    for text in [
        "#include \"../../../../../../etc/passwd\"",
        "#include \"/etc/passwd\"",
        "#read(\"../../../../../../etc/hostname\")",
        "#import \"@preview/tablex:0.0.8\": *",
    ] {
        message_of(error_of(&[("t.typ", text)]));
    }
}

#[test]
fn symbolic_link_out_of_the_folder_is_refused() {
    let folder = folder(&[("t.typ", "#read(\"link\")")]);
    symlink("/etc/passwd", folder.path().join("link")).unwrap();
    let error = Worker::new(settings(folder.path())).draw(&request("t", json!({}))).unwrap_err();
    assert!(message_of(error).contains("access denied"));
}

#[test]
fn clock_is_not_there() {
    message_of(draw_text("#datetime.today().display()", json!({})).unwrap_err());
}

#[test]
fn character_without_glyph_is_named() {
    let error = draw_text("#json(\"/data.json\").name", json!({ "name": "𠮷野家" })).unwrap_err();
    assert_eq!(error, SheetError::MissingGlyph { character: '𠮷' });
    assert_eq!(error.to_string(), "no glyph for U+20BB7");
}

#[test]
fn second_page_is_refused() {
    let error = draw_text("a #pagebreak() b", json!({})).unwrap_err();
    assert_eq!(error, SheetError::Pages { pages: 2 });
}

#[test]
fn page_of_another_width_is_refused() {
    let error = error_of(&[("t.typ", "#set page(width: 210mm, height: 99mm)\n#line()")]);
    assert!(matches!(error, SheetError::Layout { .. }), "{error}");
}

#[test]
fn text_that_runs_into_the_margin_is_refused() {
    let error = draw_text("#box(width: 10cm)[#(\"W\" * 120)]", json!({})).unwrap_err();
    assert!(error.to_string().contains("a field is too long there"), "{error}");
}

#[test]
fn ink_where_the_tag_line_goes_is_refused() {
    let error = draw_text("#place(dy: -15mm)[a]", json!({})).unwrap_err();
    assert!(error.to_string().contains("tag line"), "{error}");
}

#[test]
fn qr_code_too_large_for_its_place_is_refused() {
    let text = "#link(\"stamp:qr:https://example.jp/\", box(width: 9mm, height: 9mm))";
    let error = draw_text(text, json!({})).unwrap_err();
    assert!(error.to_string().contains("place for the QR code"), "{error}");
}

#[test]
fn field_with_markup_prints_as_it_is() {
    let text = r##"{#panic("evil")} $x$ #import "x" <b> *強調* // = a"##;
    let field = draw_text("#json(\"/data.json\").a", json!({ "a": text })).unwrap();
    let literal = draw_text(&format!("#{text:?}"), json!({})).unwrap();
    assert!(field == literal, "a field was read as markup");
}

#[test]
fn rules_are_equally_thick_wherever_they_fall() {
    let mut text = String::new();
    for number in 0..30 {
        text +=
            &format!("#place(dy: {}mm, line(length: 100%, stroke: 0.3mm))\n", number as f64 * 2.03);
    }
    let folder = folder(&[(
        "t.typ",
        &format!("#set page(width: 215mm, height: 99mm, margin: 18mm)\n{text}"),
    )]);
    let mut worker = Worker::new(settings(folder.path()));
    let drawn = worker.draw(&request("t", json!({}))).unwrap();
    for (fineness, rows) in [(Fineness::Fine, 2), (Fineness::Standard, 1)] {
        let page = &drawn.at(fineness).page;
        assert_eq!(black_runs_down(page, 864), vec![rows; 30], "{fineness:?}");
    }
}

#[test]
fn frame_closes_at_its_corners() {
    let page = draw_text("#rect(width: 50mm, height: 20mm, stroke: 0.5mm)", json!({})).unwrap();
    // 18 mm are 145 pels from the left; the frame's left edge is one solid run, the inside two rules.
    assert_eq!(black_runs_down(&page, 145).len(), 1);
    assert_eq!(black_runs_down(&page, 300), vec![4, 4]);
}

#[test]
fn white_at_the_foot_is_cut_off_but_for_4_mm() {
    let page = draw_text("a", json!({})).unwrap();
    let inked = |row: u32| page.row(row).unwrap().iter().any(|octet| *octet != 0);
    let last_ink = (0..page.rows()).rfind(|row| inked(*row));
    assert_eq!(last_ink, Some(page.rows() - 33));
    assert!(page.rows() < 300);
}
