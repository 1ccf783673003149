//! Marks: where a template says that something lies, told for either page.

use serde_json::json;
use sheet::{Mark, PelBox, SheetError};

use crate::{black_runs_down, draw_both};

/// A page with a mark of 8.2 mm, 27 mm from either edge, and a rule below.
fn marked(link: &str) -> String {
    format!(
        "#place(dx: 9mm, dy: 9mm, link({link:?}, box(width: 8.2mm, height: 8.2mm)))\n#v(20mm)#line(length: 100%)"
    )
}

fn message_of(text: &str) -> String {
    match draw_both(text, json!({})) {
        Err(SheetError::Layout { message, .. }) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn mark_is_told_in_pels_of_either_page_and_leaves_no_ink() {
    let drawn = draw_both(&marked("mark:login_id:12"), json!({})).unwrap();
    let mark = |top, bottom| {
        let area = PelBox { left: 217, top, right: 283, bottom };
        vec![Mark { name: String::from("login_id"), index: 12, area }]
    };
    assert_eq!(drawn.fine.marks, mark(208, 271));
    assert_eq!(drawn.standard.marks, mark(104, 135));
    // The rule below is all that is black.
    assert_eq!(black_runs_down(&drawn.fine.page, 249).len(), 1);
}

#[test]
fn marks_come_in_the_order_of_setting_through_groups_and_other_links_are_none() {
    let text = "#link(\"https://example.jp/\")[a] #box(inset: 3mm, for index in range(3) {
        link(\"mark:password:\" + str(index), box(width: 3mm, height: 3mm))
    })";
    let drawn = draw_both(text, json!({})).unwrap();
    let indices: Vec<u16> = drawn.fine.marks.iter().map(|mark| mark.index).collect();
    assert_eq!(indices, [0, 1, 2]);
    let lefts: Vec<usize> = drawn.standard.marks.iter().map(|mark| mark.area.left).collect();
    assert!(lefts.is_sorted_by(|one, next| one + 20 < *next), "{lefts:?}");
}

#[test]
fn mark_without_index_or_with_a_strange_name_is_a_layout_error_that_quotes_it() {
    for link in ["mark:login_id", "mark::1", "mark:A:1", "mark:a:70000", "mark:a:-1", "mark:a:1:2"]
    {
        let message = message_of(&marked(link));
        assert!(message.contains(link.strip_prefix("mark:").unwrap()), "{message}");
    }
}

#[test]
fn mark_below_the_last_ink_is_refused() {
    let text = "a #v(20mm) #link(\"mark:a:0\", box(width: 8mm, height: 8mm))";
    assert_eq!(message_of(text), "the mark a:0 is not on the page");
}
