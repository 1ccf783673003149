//! Phase D without error correction.

use crate::far_end::{DIS_V17, Story, page};

fn after_page<'a>(replies: impl IntoIterator<Item = &'a str>) -> crate::far_end::Call {
    Story::new([DIS_V17, "CFR"].into_iter().chain(replies)).play()
}

#[test]
fn mcf_rtp_and_pip_each_confirm() {
    for reply in ["MCF", "RTP", "PIP"] {
        let call = after_page([reply]);
        assert_eq!((call.code(), call.pages_confirmed), ("ok", 1), "{reply}");
        assert_eq!(call.sent().last(), Some(&"> DCN"));
    }
}

#[test]
fn confirmation_with_x_set_is_read_as_one() {
    assert_eq!(after_page(["raw FF 13 8D"]).code(), "ok");
}

#[test]
fn silence_after_eop_is_no_reply_after_three_tries() {
    let call = after_page([]);
    let eops = call.sent().iter().filter(|l| **l == "> EOP").count();
    assert_eq!((call.code(), eops), ("no-reply-after-page", 3));
    assert_eq!(call.sent().last(), Some(&"> DCN"));
    assert!(call.page_started);
}

#[test]
fn mcf_to_the_third_eop_confirms() {
    assert_eq!(after_page(["quiet", "noise", "quiet", "MCF"]).code(), "ok");
}

#[test]
fn mcf_that_comes_late_in_t4_is_taken() {
    let call = after_page(["later 2990 MCF"]);
    assert_eq!(call.code(), "ok");
    assert_eq!(call.sent().iter().filter(|l| **l == "> EOP").count(), 1);
}

#[test]
fn dcn_after_page_is_uncertain_and_not_answered() {
    let call = after_page(["DCN"]);
    assert_eq!((call.code(), call.page_started), ("dcn-after-page", true));
    assert_eq!(call.sent().last(), Some(&"> EOP"));
}

#[test]
fn rtn_sends_the_page_again_at_lower_rates_twice() {
    let call = after_page(["RTN", "CFR", "RTN", "CFR", "RTN"]);
    let pages: Vec<&str> = call.sent().into_iter().filter(|l| l.starts_with("> page")).collect();
    assert_eq!(
        pages,
        [
            "> page 0 V17At14400 Short 1000 octets",
            "> page 0 V17At12000 Short 1000 octets",
            "> page 0 V17At9600 Short 1000 octets",
        ]
    );
    assert_eq!((call.code(), call.pages_confirmed), ("rtn", 0));
    assert_eq!(call.sent().last(), Some(&"> DCN"));
    assert_eq!(call.events().iter().filter(|e| **e == "! repeat 0 0").count(), 2);
}

#[test]
fn rtn_at_the_slowest_rate_sends_again_at_the_same() {
    let call = Story::new(["DIS 00 C2 78", "CFR", "RTN", "CFR", "MCF"]).play();
    let tcfs = call.sent().iter().filter(|l| **l == "> tcf V27ter2400 Long").count();
    assert_eq!((call.code(), tcfs), ("ok", 2));
    // The contract is the same, so it is not told again.
    assert_eq!(call.events().iter().filter(|e| e.starts_with("! agreed")).count(), 1);
}

#[test]
fn rtns_are_counted_for_each_page() {
    let script =
        [DIS_V17, "CFR", "RTN", "CFR", "RTN", "CFR", "MCF", "RTN", "CFR", "RTN", "CFR", "MCF"];
    let call = Story::new(script).pages(vec![page(9), page(9)]).play();
    assert_eq!((call.code(), call.pages_confirmed), ("ok", 2));
}

#[test]
fn rtp_trains_before_the_next_page() {
    let call =
        Story::new([DIS_V17, "CFR", "RTP", "CFR", "MCF"]).pages(vec![page(9), page(9)]).play();
    assert_eq!(call.sent()[3..6], ["> MPS", "> DCS 00 E2 78", "> tcf V17At14400 Long"]);
    assert_eq!((call.code(), call.pages_confirmed), ("ok", 2));
}

#[test]
fn dcn_while_training_for_the_second_page_keeps_the_first() {
    let call = Story::new([DIS_V17, "CFR", "RTP", "DCN"]).pages(vec![page(9), page(9)]).play();
    assert_eq!((call.code(), call.pages_confirmed), ("dcn-before-page", 1));
    assert_eq!(call.result, Err(t30::CallError::DcnBeforePage { page: 1 }));
}

#[test]
fn pin_is_a_rejection_with_dcn() {
    let call = after_page(["PIN"]);
    assert_eq!((call.code(), call.pages_confirmed), ("pin", 0));
    assert_eq!(call.sent().last(), Some(&"> DCN"));
}

#[test]
fn crp_repeats_eop_and_for_ever_ends() {
    assert_eq!(after_page(["CRP", "MCF"]).code(), "ok");
    assert_eq!(after_page(["CRP"; 10]).code(), "no-reply-after-page");
}

#[test]
fn dis_or_cfr_after_a_page_confirms_nothing() {
    for reply in ["DIS 00 EE 78", "CFR", "PPR 0", "RNR", "ERR", "CTR", "FTT", "FDM", "EOP"] {
        let call = after_page([reply]);
        assert_eq!((call.code(), call.pages_confirmed), ("unexpected", 0), "{reply}");
        assert_eq!(after_page([reply, "MCF"]).code(), "ok", "{reply}");
    }
}

#[test]
fn sixty_four_frames_in_one_wait_are_enough() {
    let replies = vec!["later 1 FDM"; 1_000];
    let call = after_page(replies);
    let heard = call.on_line().iter().filter(|l| **l == "< later 1 FDM" || **l == "< FDM").count();
    assert_eq!((call.code(), heard), ("unexpected", 3 * 64));
}
