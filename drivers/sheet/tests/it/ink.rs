//! Ink: letters in whole pels, and what only the renderer can draw.

use serde_json::json;
use sheet::{Fineness, Worker};
use t4::Page;

use crate::{black_runs_across, black_runs_down, draw_both, draw_text, folder, request, settings};

fn inked(page: &Page) -> usize {
    page.bits().iter().map(|octet| octet.count_ones() as usize).sum()
}

fn ink_of(text: &str) -> usize {
    inked(&draw_text(text, json!({})).unwrap())
}

#[test]
fn same_letter_has_the_same_pels_wherever_it_stands() {
    // Each letter stands half a pel further than a whole one: drawn as they fall, their stems would
    // be now four, now five pels thick.
    let text: String = (0..24)
        .map(|number| {
            format!("#place(dx: {}mm, dy: 20mm, text(size: 20pt)[H])", number as f64 * 6.03)
        })
        .collect();
    let drawn = draw_both(&text, json!({})).unwrap();
    for (fineness, row) in [(Fineness::Fine, 302), (Fineness::Standard, 151)] {
        let runs = black_runs_across(&drawn.at(fineness).page, row);
        assert_eq!(runs.len(), 48, "{fineness:?}: a row through the stems of every H");
        assert!(runs.chunks(2).all(|stems| stems == &runs[..2]), "{fineness:?}: {runs:?}");
    }
}

#[test]
fn text_takes_the_place_that_the_typesetter_gave_it() {
    // Full-width blocks of 20 pt in a row of ten: 70.6 mm are 567 pels.
    let page = draw_text("#text(size: 20pt)[■■■■■■■■■■]", json!({})).unwrap();
    let row = (0..page.rows()).max_by_key(|row| black_runs_across(&page, *row).len()).unwrap();
    let octets = page.row(row).unwrap();
    let black = |pel: &usize| octets[pel / 8] << (pel % 8) & 0x80 != 0;
    let (first, last) = ((0..1728).find(black).unwrap(), (0..1728).rfind(black).unwrap());
    assert!((145..152).contains(&first), "the margin of 18 mm ends at pel 145: {first}");
    assert!((145 + 567 - 7..145 + 567).contains(&last), "{last}");
}

#[test]
fn letters_scaled_by_the_template_are_as_large_as_larger_letters() {
    let scaled = ink_of("#scale(200%, reflow: true)[鬱]");
    assert_eq!(scaled, ink_of("#text(size: 22pt)[鬱]"));
}

#[test]
fn turned_text_and_text_in_a_frame_that_clips_are_drawn_too() {
    let plain = ink_of("HHHHHHHH");
    for text in ["#rotate(90deg, reflow: true)[HHHHHHHH]", "#box(clip: true)[HHHHHHHH]"] {
        let ink = ink_of(text);
        assert!(ink.abs_diff(plain) < plain / 5, "{text}: {ink} pels, {plain} upright");
    }
}

#[test]
fn white_text_on_black_stays_white() {
    let black = ink_of("#box(fill: black, width: 20mm, height: 10mm)");
    let lettered = ink_of("#box(fill: black, width: 20mm, height: 10mm, text(fill: white)[HHHH])");
    assert!(lettered < black - 100, "{lettered} of {black} pels are black");
}

#[test]
fn curve_and_slanted_line_are_drawn_beside_text() {
    let text = "a #place(dx: 30mm, dy: 10mm, circle(radius: 8mm)) \
                #place(dx: 60mm, dy: 10mm, line(end: (20mm, 10mm)))";
    let page = draw_text(text, json!({})).unwrap();
    assert_eq!(black_runs_down(&page, 450).len(), 2, "top and foot of the circle");
    assert_eq!(black_runs_down(&page, 700).len(), 1, "the line");
    assert!(black_runs_down(&page, 149).iter().sum::<usize>() > 0, "the letter");
}

#[test]
fn sheet_is_the_same_after_more_letters_than_the_worker_keeps() {
    // 1 440 letters of 1 to 9 KB, all in one place.
    let many = "#for size in range(40, 100) {
                    for letter in \"永書類情報業所変更届通知\" { place(text(size: size * 1pt, letter)) }
                }
                #v(50mm)#line()";
    let head =
        "#set page(width: 215mm, height: 99mm, margin: 18mm); #set text(font: \"BIZ UDGothic\")";
    let folder = folder(&[
        ("many.typ", &format!("{head}\n{many}")),
        ("few.typ", &format!("{head}\n書類が届いています")),
    ]);
    let mut worker = Worker::new(settings(folder.path()));
    let first = worker.draw(&request("few", json!({}))).unwrap();
    let large = worker.draw(&request("many", json!({}))).unwrap();
    for _ in 0..2 {
        assert!(worker.draw(&request("few", json!({}))).unwrap() == first);
        assert!(worker.draw(&request("many", json!({}))).unwrap() == large);
    }
}
