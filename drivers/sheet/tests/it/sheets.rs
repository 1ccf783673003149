//! The sheets of `templates/`: one page whatever the fields hold, readable by a machine, the same every time.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use image::{GrayImage, Luma};
use serde_json::{Value, json};
use sheet::{Fineness, Mark, PelBox, SheetError, Worker};
use t4::{Page, Resolution};

use crate::request;
use crate::samples::{FILLINGS, KINDS, LANGUAGES, REASONS, URL, templates, usual, widest, worker};

fn draw(worker: &mut Worker, fields: &Value, fineness: Fineness) -> Page {
    let kind = fields["kind"].as_str().unwrap();
    worker.draw(&request(kind, fields.clone())).unwrap().into_one(fineness).page
}

fn error_of(fields: Value) -> String {
    let error = worker().draw(&request("document", fields)).unwrap_err();
    assert!(matches!(error, SheetError::Template { .. }), "{error}");
    error.to_string()
}

/// Writes what paper would show: rows as high as they are at the far end.
fn picture(page: &Page, name: &str) -> PathBuf {
    let stretch = if page.resolution() == Resolution::Standard { 2 } else { 1 };
    let picture = GrayImage::from_fn(1728, page.rows() * stretch, |x, y| {
        let octet = page.row(y / stretch).unwrap()[x as usize / 8];
        Luma([if octet << (x % 8) & 0x80 == 0 { 255 } else { 0 }])
    });
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    picture.save(&path).unwrap();
    path
}

/// The check at acceptance relies on this: what keeps the limits of the fields can be drawn.
fn every_sheet_with_fields_at_their_limits_is_drawn(language: &str) {
    let mut worker = worker();
    for kind in KINDS {
        for (characters, filling) in FILLINGS {
            let mut fields = widest(kind, language, filling);
            let reasons = REASONS.iter().filter(|_| matches!(kind, "document" | "message"));
            for because in reasons.map(|reason| json!(reason)).chain([Value::Null]) {
                fields["because"] = because.clone();
                if let Err(error) = worker.draw(&request(kind, fields.clone())) {
                    panic!("{kind}, {characters}, {because}: {error}");
                }
            }
        }
    }
}

#[test]
fn every_japanese_sheet_with_fields_at_their_limits_is_one_page_within_the_margins() {
    every_sheet_with_fields_at_their_limits_is_drawn("ja");
}

#[test]
fn every_english_sheet_with_fields_at_their_limits_is_one_page_within_the_margins() {
    every_sheet_with_fields_at_their_limits_is_drawn("en");
}

#[test]
fn qr_code_reads_as_the_address_and_no_more_at_both_resolutions() {
    let mut worker = worker();
    for kind in KINDS.iter().filter(|kind| !matches!(**kind, "number_proof" | "line_test")) {
        let drawn = worker.draw(&request(kind, usual(kind, "ja"))).unwrap();
        for (fineness, name) in [(Fineness::Fine, "fine"), (Fineness::Standard, "standard")] {
            let path = picture(&drawn.at(fineness).page, &format!("{kind}-{name}.png"));
            let read =
                Command::new("zbarimg").args(["--quiet", "--raw"]).arg(&path).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&read.stdout).trim(), URL, "{}", path.display());
        }
    }
}

fn words(language: &str) -> String {
    std::fs::read_to_string(templates().join(format!("words/{language}.toml"))).unwrap()
}

#[test]
fn both_languages_have_the_same_sentences_with_the_same_places_to_fill() {
    let names = |language| -> Vec<(String, BTreeSet<String>)> {
        let words = words(language);
        let lines = words.lines().filter(|line| !line.starts_with('#'));
        let sentences = lines.filter_map(|line| line.split_once(" = "));
        let places = |sentence: &str| {
            let places = sentence.split('{').skip(1);
            places.map(|place| place.split('}').next().unwrap().to_owned()).collect()
        };
        sentences.map(|(name, sentence)| (name.to_owned(), places(sentence))).collect()
    };
    let (japanese, english) = (names("ja"), names("en"));
    assert!(japanese.len() > 40);
    assert_eq!(japanese, english);
}

/// What no sheet says any more would be translated and measured for nothing.
#[test]
fn every_sentence_is_said_by_a_sheet_or_by_another_sentence() {
    let mut texts = words("ja");
    for entry in std::fs::read_dir(templates()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            texts += &std::fs::read_to_string(path).unwrap();
        }
    }
    for name in words("ja").lines().take_while(|line| *line != "[readings]").filter_map(|line| {
        let (name, _) = line.split_once(" = ")?;
        let named_by_data = name.starts_with("title_") || name.starts_with("because_");
        (!name.starts_with(['#', ' ']) && !named_by_data).then_some(name)
    }) {
        let said = [format!("\"{name}\""), format!("{{{name}}}")];
        assert!(said.iter().any(|said| texts.contains(said.as_str())), "nobody says {name}");
    }
}

#[test]
fn sentence_of_the_settings_stands_in_place_of_the_file_s() {
    let mut worker = worker();
    let mut fields = usual("document", "ja");
    fields["words"] = json!({ "answer": "返事は{menu_messages}から（FAXは不可）" });
    let as_in_the_file = draw(&mut worker, &fields, Fineness::Standard);
    assert!(as_in_the_file == draw(&mut worker, &usual("document", "ja"), Fineness::Standard));
    fields["words"] = json!({ "answer": "{menu_messages}" });
    assert!(as_in_the_file != draw(&mut worker, &fields, Fineness::Standard));
}

#[test]
fn sentence_of_an_unknown_name_or_with_an_unknown_place_is_named() {
    let mut fields = usual("document", "ja");
    fields["words"] = json!({ "anser": "返事は不要です" });
    let error = error_of(fields.clone());
    assert!(error.contains("words.anser: no sentence has this name"), "{error}");
    fields["words"] = json!({ "answer": "返事は{menu_mesages}から" });
    let error = error_of(fields);
    assert!(error.contains("words.answer: nothing is called {menu_mesages} here"), "{error}");
}

fn marks(fields: &Value, name: &str) -> Vec<Mark> {
    let kind = fields["kind"].as_str().unwrap();
    let mut marks = worker().draw(&request(kind, fields.clone())).unwrap().fine.marks;
    marks.retain(|mark| mark.name == name);
    marks
}

/// Columns of ink below the cell of each character, from the left edge of the cell, and the cell's width.
fn reading_below(page: &Page, mark: &Mark) -> Option<(i64, i64)> {
    let PelBox { left, top, right, bottom } = mark.area;
    let (height, reach) = (bottom - top, (right - left) / 2);
    let rows = bottom + height / 20..bottom + height * 6 / 10;
    let is_black = |column: usize| {
        rows.clone()
            .any(|row| page.row(row as u32).unwrap()[column / 8] << (column % 8) & 0x80 != 0)
    };
    let mut inked = (left - reach..right + reach).filter(|column| is_black(*column));
    let first = inked.next()?;
    let last = inked.next_back().unwrap_or(first);
    Some((first as i64 - left as i64, right as i64 - 1 - last as i64))
}

/// Read in one go they are nonsense: 1 mm at least.
#[test]
fn readings_of_any_two_neighbours_have_white_between_them() {
    for language in LANGUAGES {
        let words = words(language);
        let (_, readings) = words.split_once("[readings]").unwrap();
        let read: Vec<char> =
            readings.lines().filter_map(|line| line.trim_matches('"').chars().next()).collect();
        assert!(read.len() > 14 && read.contains(&'|'), "{read:?}");
        let mut fields = usual("first_contact", language);
        let apart: String = read.iter().flat_map(|character| ['A', *character]).collect();
        fields["credentials"]["first_time_key"] = json!(apart + "A");
        let sheet = worker().draw(&request("first_contact", fields)).unwrap().fine;
        let marks = sheet.marks.iter().filter(|mark| mark.name == "first_time_key");
        let beside: Vec<(i64, i64)> =
            marks.skip(1).step_by(2).filter_map(|mark| reading_below(&sheet.page, mark)).collect();
        assert_eq!(beside.len(), read.len(), "{language}");
        let left = beside.iter().map(|(left, _)| left).min().unwrap();
        let right = beside.iter().map(|(_, right)| right).min().unwrap();
        assert!(left + right >= 8, "{language}: {left} + {right} pels, of {beside:?}");
    }
}

/// 様式21件 may be one of 様式2 or twenty-one of 様式.
#[test]
fn number_at_the_end_of_a_title_is_not_taken_for_the_count() {
    let mut worker = worker();
    for language in LANGUAGES {
        let mut with = |title: &str, count: u16| {
            let mut fields = usual("document", language);
            fields["documents"] = json!([{ "title": title, "count": count }]);
            draw(&mut worker, &fields, Fineness::Standard)
        };
        assert!(with("様式2", 1) != with("様式", 21), "{language}");
    }
}

#[test]
fn every_sheet_of_a_notification_names_the_site() {
    let mut worker = worker();
    for kind in KINDS.iter().filter(|kind| **kind != "line_test") {
        let mut fields = usual(kind, "ja");
        let one = draw(&mut worker, &fields, Fineness::Standard);
        fields["site"]["name"] = json!("介護文書センター");
        assert!(one != draw(&mut worker, &fields, Fineness::Standard), "{kind}");
    }
}

/// It stands where the eye goes after the title, and whoever has no mail is not told to ask for it.
#[test]
fn sheet_in_place_of_a_mail_says_why_and_each_reason_otherwise() {
    let mut worker = worker();
    for kind in ["document", "message"] {
        for language in LANGUAGES {
            let mut fields = usual(kind, language);
            let plain = draw(&mut worker, &fields, Fineness::Standard);
            let sheets = REASONS.map(|reason| {
                fields["because"] = json!(reason);
                draw(&mut worker, &fields, Fineness::Standard)
            });
            assert!(sheets.iter().all(|sheet| *sheet != plain), "{kind}, {language}");
            for (index, sheet) in sheets.iter().enumerate() {
                let others = &sheets[index + 1..];
                assert!(!others.contains(sheet), "{kind}, {language}: {}", REASONS[index]);
            }
        }
    }
    let mut fields = usual("message", "ja");
    fields["because"] = json!("mail-eaten");
    let error = worker.draw(&request("message", fields)).unwrap_err().to_string();
    assert!(error.contains("because_mail_eaten"), "{error}");
}

#[test]
fn each_character_of_a_credential_has_a_mark_of_its_own_in_its_order() {
    for kind in ["first_contact", "credentials_reissued"] {
        let fields = usual(kind, "ja");
        for name in ["login_id", "password", "first_time_key"] {
            let marks = marks(&fields, name);
            let length = fields["credentials"][name].as_str().unwrap().len();
            let indices: Vec<u16> = marks.iter().map(|mark| mark.index).collect();
            assert_eq!(indices, (0..length as u16).collect::<Vec<_>>(), "{kind}, {name}");
            let apart = |one: &Mark, next: &Mark| one.area.right <= next.area.left;
            assert!(marks.is_sorted_by(apart), "{kind}, {name}: {marks:?}");
        }
    }
}

/// A group torn in two is typed wrong: the characters of a group stand in one line, whole groups follow below.
#[test]
fn credential_longer_than_a_line_is_broken_between_its_groups() {
    let mut fields = usual("first_contact", "ja");
    fields["credentials"]["password"] = json!("ACDE".repeat(8));
    let tops: Vec<usize> = marks(&fields, "password").iter().map(|mark| mark.area.top).collect();
    let groups: Vec<&[usize]> = tops.chunks(4).collect();
    assert_eq!(groups.len(), 8);
    assert!(groups.iter().all(|group| group.iter().all(|top| *top == group[0])), "{tops:?}");
    assert!(groups[7][0] > groups[0][0] + 40, "{tops:?}");
}

/// On a sheet with credentials the list keeps to its lines; on one without it shows everything.
#[test]
fn documents_that_find_no_room_beside_credentials_are_counted() {
    let mut worker = worker();
    let with = |count: usize, last: u32, kind: &str| {
        let mut fields = usual(kind, "ja");
        let mut documents =
            vec![json!({ "title": "居宅サービス計画書", "count": 1 }); count];
        documents.push(json!({ "title": "提供票", "count": last }));
        fields["documents"] = json!(documents);
        fields
    };
    let mut rows = |fields: &Value| draw(&mut worker, fields, Fineness::Standard).rows();
    assert_eq!(rows(&with(6, 1, "first_contact")), rows(&with(11, 1, "first_contact")));
    assert!(rows(&with(6, 1, "document")) < rows(&with(11, 1, "document")));
    let mut page = |last| draw(&mut worker, &with(11, last, "first_contact"), Fineness::Standard);
    assert!(page(1) != page(2), "what is not listed is not counted either");
}

/// With two sheets in hand a reader must see that they are one notice, whichever came first.
#[test]
fn second_sheet_and_second_version_say_so_in_both_languages_and_the_third_ones_that_they_are_the_third()
 {
    let mut worker = worker();
    for kind in KINDS.iter().filter(|kind| **kind != "line_test") {
        for language in LANGUAGES {
            let has_key = matches!(*kind, "first_contact" | "credentials_reissued");
            for field in if has_key { &["copy", "version"][..] } else { &["copy"] } {
                let mut drawn = |number: Value| {
                    let mut fields = usual(kind, language);
                    fields[*field] = number;
                    draw(&mut worker, &fields, Fineness::Standard)
                };
                let pages = [drawn(Value::Null), drawn(json!(2)), drawn(json!(3))];
                assert!(
                    pages[0] != pages[1] && pages[1] != pages[2],
                    "{kind}, {language}, {field}"
                );
            }
        }
    }
}

#[test]
fn sheet_without_an_end_of_validity_or_a_mail_hint_is_drawn() {
    let mut worker = worker();
    for (kind, part, field) in [
        ("first_contact", "credentials", "valid_until"),
        ("channel_changed", "channel", "mail_hint"),
    ] {
        let mut fields = usual(kind, "ja");
        let with = draw(&mut worker, &fields, Fineness::Standard);
        fields[part][field] = Value::Null;
        assert!(draw(&mut worker, &fields, Fineness::Standard).rows() < with.rows(), "{kind}");
    }
}

#[test]
fn same_request_gives_the_same_bits_in_another_process_and_after_other_sheets() {
    let mut one = worker();
    let fields = usual("first_contact", "ja");
    let first = draw(&mut one, &fields, Fineness::Fine);
    draw(&mut one, &widest("first_contact", "en", "鬱"), Fineness::Standard);
    assert!(draw(&mut one, &fields, Fineness::Fine) == first, "differs after another sheet");
    assert!(draw(&mut worker(), &fields, Fineness::Fine) == first, "differs in a new process");
}

#[test]
fn one_character_of_a_secret_changes_the_bits() {
    let mut worker = worker();
    let mut fields = usual("first_contact", "ja");
    let zero = draw(&mut worker, &fields, Fineness::Standard);
    fields["credentials"]["password"] = json!("k7Qx2mOOlI1p");
    assert!(zero != draw(&mut worker, &fields, Fineness::Standard));
}
