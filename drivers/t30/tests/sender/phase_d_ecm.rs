//! Phase D with error correction: PPR, RNR, CTC, EOR.

use crate::far_end::{DIS_V17_ECM_MMR, DIS_V27TER_2400_ECM_MMR, Story, page};

/// A page of ten frames.
fn after_block<'a>(replies: impl IntoIterator<Item = &'a str>) -> crate::far_end::Call {
    let script = [DIS_V17_ECM_MMR, "CFR"].into_iter().chain(replies);
    Story::new(script).pages(vec![page(2_560)]).play()
}

#[test]
fn ppr_sends_the_asked_frames_and_no_other() {
    let call = after_block(["PPR 0 3 9", "PPR 3", "MCF"]);
    assert_eq!(
        call.sent()[2..],
        [
            "> page 0 V17At14400 Short frames 0..9",
            "> PPS 2F 00 00 09",
            "> page 0 V17At14400 Short frames 0 3 9",
            "> PPS 2F 00 00 09",
            "> page 0 V17At14400 Short frames 3",
            "> PPS 2F 00 00 09",
            "> DCN",
        ]
    );
    assert_eq!(call.events()[3..], ["! repeat 0 3", "! repeat 0 1", "! confirmed 0"]);
    assert_eq!(call.questions().iter().filter(|q| **q == "? start 0").count(), 3);
    assert_eq!(call.questions().iter().filter(|q| q.starts_with("? page")).count(), 1);
    assert_eq!(call.from_blocks[&0], page(2_560));
}

#[test]
fn ppr_of_frames_that_the_block_does_not_have_asks_for_the_others_only() {
    let call = after_block(["PPR 9 10 200 255", "MCF"]);
    assert_eq!(call.sent()[4], "> page 0 V17At14400 Short frames 9");
}

#[test]
fn ppr_that_names_no_frame_confirms_nothing() {
    let call = after_block(["PPR", "PPR 77", "PPR", "MCF"]);
    assert_eq!(call.code(), "ok");
    assert_eq!(call.sent().iter().filter(|l| l.starts_with("> page")).count(), 1);
    let call = after_block(["PPR", "PPR", "PPR", "PPR", "ERR"]);
    assert_eq!((call.code(), call.pages_confirmed), ("ppr-exhausted", 0));
}

#[test]
fn fourth_ppr_goes_on_slower_with_long_training_and_then_short() {
    let call = after_block(["PPR 1", "PPR 1", "PPR 1", "PPR 1 2", "CTR", "PPR 2", "MCF"]);
    assert_eq!(
        call.sent()[9..],
        [
            "> PPS 2F 00 00 09",
            "> CTC 00 28",
            "> page 0 V17At12000 Long frames 1 2",
            "> PPS 2F 00 00 09",
            "> page 0 V17At12000 Short frames 2",
            "> PPS 2F 00 00 09",
            "> DCN",
        ]
    );
    assert!(call.events().contains(&"! agreed V17At12000 ecm Mmr Fine 0 ms"));
    assert_eq!((call.code(), call.from_blocks[&0].clone()), ("ok", page(2_560)));
}

#[test]
fn fourth_ppr_at_the_slowest_rate_ends_with_eor() {
    let script = [DIS_V27TER_2400_ECM_MMR, "CFR", "PPR 1", "PPR 1", "PPR 1", "PPR 1 2", "ERR"];
    let call = Story::new(script).play();
    assert_eq!(call.sent()[10..], ["> EOR 2F", "> DCN"]);
    assert_eq!(call.result, Err(t30::CallError::PprExhausted { page: 0, frames: 2 }));
}

#[test]
fn ppr_for_ever_walks_down_the_ladder_and_ends() {
    let mut replies = Vec::new();
    for _ in 0..20 {
        replies.extend(["PPR 0", "PPR 0", "PPR 0", "PPR 0", "CTR"]);
    }
    let call = after_block(replies);
    let ctcs = call.sent().iter().filter(|l| l.starts_with("> CTC")).count();
    assert_eq!((call.code(), ctcs), ("ppr-exhausted", 6));
}

#[test]
fn silence_after_ctc_or_eor_ends() {
    let call = after_block(["PPR 0", "PPR 0", "PPR 0", "PPR 0"]);
    assert_eq!(call.code(), "no-reply-to-ctc");
    let script = [DIS_V27TER_2400_ECM_MMR, "CFR", "PPR 0", "PPR 0", "PPR 0", "PPR 0"];
    let call = Story::new(script).play();
    assert_eq!(call.sent().iter().filter(|l| **l == "> EOR 2F").count(), 3);
    assert_eq!(call.code(), "ppr-exhausted");
}

#[test]
fn mcf_to_ctc_or_eor_confirms_nothing() {
    let call = after_block(["PPR 0", "PPR 0", "PPR 0", "PPR 0", "MCF"]);
    assert_eq!((call.code(), call.pages_confirmed), ("unexpected", 0));
    let script = [DIS_V27TER_2400_ECM_MMR, "CFR", "PPR 0", "PPR 0", "PPR 0", "PPR 0", "MCF"];
    let call = Story::new(script).play();
    assert_eq!((call.code(), call.pages_confirmed), ("ppr-exhausted", 0));
}

#[test]
fn rnr_is_asked_with_rr_until_the_receiver_is_ready() {
    let call = after_block(["RNR", "RNR", "MCF"]);
    assert_eq!(call.sent()[3..], ["> PPS 2F 00 00 09", "> RR", "> RR", "> DCN"]);
    assert_eq!((call.code(), call.pages_confirmed), ("ok", 1));
}

#[test]
fn rnr_then_ppr_sends_frames() {
    let call = after_block(["RNR", "PPR 4", "MCF"]);
    assert_eq!(call.sent()[5], "> page 0 V17At14400 Short frames 4");
    assert_eq!(call.code(), "ok");
}

#[test]
fn rnr_until_t5_is_rnr_timeout() {
    let replies = vec!["RNR"; 100];
    let call = after_block(replies);
    assert_eq!((call.code(), call.page_started), ("rnr-timeout", true));
    // A round is RR (1.22 s) and RNR (1.25 s): the last one begins before 60 s and ends after.
    let rounds = call.sent().iter().filter(|l| **l == "> RR").count();
    assert_eq!(rounds, 25);
    assert_eq!(call.sent().last(), Some(&"> DCN"));
}

#[test]
fn t5_begins_anew_after_progress() {
    let busy = vec!["RNR"; 20];
    let replies = [busy.clone(), vec!["PPR 1"], busy, vec!["MCF"]].concat();
    assert_eq!(after_block(replies).code(), "ok");
}

#[test]
fn silence_after_rr_is_no_reply() {
    let call = after_block(["RNR"]);
    assert_eq!(call.sent().iter().filter(|l| **l == "> RR").count(), 3);
    let to = t30::Signal::RR;
    let want = t30::CallError::NoReplyAfterPage { page: 0, to, tries: 3 };
    assert_eq!(call.result, Err(want));
}

#[test]
fn silence_after_pps_is_no_reply_after_three_tries() {
    let call = after_block([]);
    assert_eq!(call.sent().iter().filter(|l| l.starts_with("> PPS")).count(), 3);
    assert_eq!(call.code(), "no-reply-after-page");
}

#[test]
fn crp_repeats_pps() {
    assert_eq!(after_block(["CRP", "MCF"]).code(), "ok");
}

#[test]
fn dcn_pin_and_rtn_after_a_block() {
    assert_eq!(after_block(["DCN"]).code(), "dcn-after-page");
    assert_eq!(after_block(["PIN"]).code(), "pin");
    let call = after_block(["RTN", "CFR", "MCF"]);
    assert_eq!(call.sent()[6], "> page 0 V17At12000 Short frames 0..9");
    assert_eq!(call.code(), "ok");
}

#[test]
fn dcn_instead_of_ctr_or_err_is_not_answered() {
    let call = after_block(["PPR 0", "PPR 0", "PPR 0", "PPR 0", "DCN"]);
    assert_eq!((call.code(), call.sent().last()), ("dcn-after-page", Some(&"> CTC 00 28")));
    let script = [DIS_V27TER_2400_ECM_MMR, "CFR", "PPR 0", "PPR 0", "PPR 0", "PPR 0", "DCN"];
    let call = Story::new(script).play();
    assert_eq!((call.code(), call.sent().last()), ("ppr-exhausted", Some(&"> EOR 2F")));
}

#[test]
fn rtp_and_pip_confirm_a_page_of_blocks() {
    for reply in ["RTP", "PIP"] {
        let call = after_block([reply]);
        assert_eq!((call.code(), call.pages_confirmed), ("ok", 1), "{reply}");
    }
}

#[test]
fn other_frames_after_a_block_confirm_nothing() {
    for reply in ["DIS 00 EE F8 44", "CFR", "FTT", "CTR", "ERR", "FDM", "DTC 00", "PPS 2F 00 00 09"]
    {
        let call = after_block([reply]);
        assert_eq!((call.code(), call.pages_confirmed), ("unexpected", 0), "{reply}");
    }
}
