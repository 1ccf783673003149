//! Phase C: what goes out, how often the caller is asked, and what each page is trained with.

use crate::far_end::{DIS_V17, DIS_V17_20MS, DIS_V17_ECM_MMR, Story, page};

fn filled_up(mut page: Vec<u8>) -> Vec<u8> {
    page.resize(page.len().next_multiple_of(256), 0);
    page
}

#[test]
fn ecm_page_arrives_as_it_was() {
    for octets in [1, 255, 256, 257, 22_131] {
        let call = Story::new([DIS_V17_ECM_MMR, "CFR", "MCF"]).pages(vec![page(octets)]).play();
        assert_eq!(call.from_blocks[&0], filled_up(page(octets)), "{octets} octets");
        assert_eq!(call.code(), "ok");
    }
}

#[test]
fn page_of_three_blocks_is_confirmed_with_the_last_alone() {
    let sheet = page(2 * 65_536 + 300);
    let script = [DIS_V17_ECM_MMR, "CFR", "MCF", "MCF", "MCF"];
    let call = Story::new(script).pages(vec![sheet.clone()]).play();
    assert_eq!(
        call.sent()[2..],
        [
            "> page 0 V17At14400 Short frames 0..255",
            "> PPS 00 00 00 FF",
            "> page 0 V17At14400 Short frames 0..255",
            "> PPS 00 00 01 FF",
            "> page 0 V17At14400 Short frames 0 1",
            "> PPS 2F 00 02 01",
            "> DCN",
        ]
    );
    assert_eq!(call.questions().iter().filter(|q| **q == "? start 0").count(), 3);
    assert_eq!(call.events().iter().filter(|e| e.starts_with("! confirmed")).count(), 1);
    assert_eq!(call.from_blocks[&0], filled_up(sheet));
}

#[test]
fn block_confirmed_and_then_silence_is_no_page() {
    let script = [DIS_V17_ECM_MMR, "CFR", "MCF"];
    let call = Story::new(script).pages(vec![page(65_537)]).play();
    assert_eq!((call.code(), call.pages_confirmed), ("no-reply-after-page", 0));
}

#[test]
fn pages_of_a_call_follow_without_training() {
    let script = [DIS_V17_ECM_MMR, "CFR", "MCF", "MCF"];
    let call = Story::new(script).pages(vec![page(10), page(600)]).play();
    assert_eq!(
        call.sent(),
        [
            "> DCS 00 62 F8 44",
            "> tcf V17At14400 Long",
            "> page 0 V17At14400 Short frames 0",
            "> PPS 4F 00 00 00",
            "> page 1 V17At14400 Short frames 0 1 2",
            "> PPS 2F 01 00 02",
            "> DCN",
        ]
    );
    assert_eq!((call.code(), call.pages_confirmed), ("ok", 2));
    assert_eq!(call.from_blocks[&1], filled_up(page(600)));
}

#[test]
fn pages_without_ecm_end_with_mps_and_eop() {
    let call = Story::new([DIS_V17, "CFR", "MCF", "MCF"]).pages(vec![page(10), page(20)]).play();
    assert_eq!(
        call.sent()[2..],
        [
            "> page 0 V17At14400 Short 10 octets",
            "> MPS",
            "> page 1 V17At14400 Short 20 octets",
            "> EOP",
            "> DCN",
        ]
    );
    assert_eq!(call.events()[3..], ["! confirmed 0", "! confirmed 1"]);
}

#[test]
fn refusal_to_start_the_second_page_keeps_the_first() {
    let story = Story::new([DIS_V17, "CFR", "MCF"]).pages(vec![page(10), page(20)]);
    let call = Story { refuse_start: Some(1), ..story }.play();
    assert_eq!((call.code(), call.pages_confirmed), ("page-not-allowed", 1));
    assert_eq!(call.sent().last(), Some(&"> DCN"));
}

#[test]
fn empty_page_is_refused_before_anything_goes_out() {
    let call = Story::new([DIS_V17, "CFR"]).pages(vec![vec![]]).play();
    assert_eq!((call.code(), call.page_started), ("page-empty", false));
}

#[test]
fn resend_at_another_rate_asks_for_the_page_again_only_if_fill_depends_on_it() {
    let script = |dis| [dis, "CFR", "RTN", "CFR", "MCF"];
    let asked = |call: crate::far_end::Call| {
        call.questions().iter().filter(|q| q.starts_with("? page")).count()
    };
    assert_eq!(asked(Story::new(script(DIS_V17)).play()), 1);
    assert_eq!(asked(Story::new(script(DIS_V17_20MS)).play()), 2);
}
