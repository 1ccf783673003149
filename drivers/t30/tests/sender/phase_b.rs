//! Phase B: DCS, TCF, CFR and the way down.

use t30::{Identity, Modulation};

use crate::far_end::{
    DIS_V17, DIS_V17_20MS, DIS_V17_ECM_MMR, DIS_V27TER_2400_ECM_MMR, DIS_V29_NO_SCAN_LIMIT, Story,
};

#[test]
fn best_call_line_by_line() {
    let mut story = Story::new(["CSI 03 1", DIS_V17_ECM_MMR, "CFR", "MCF"]);
    story.settings.tsi = Some(Identity::parse("+81 3 9999 0000").unwrap());
    assert_eq!(
        story.play().lines,
        [
            "> listen",
            "< CSI 03 1",
            "> listen",
            "< DIS 00 EE F8 44",
            "? far end 03 1",
            "! agreed V17At14400 ecm Mmr Fine 0 ms",
            "! training V17At14400 try 1",
            "> TSI, DCS 00 62 F8 44",
            "> tcf V17At14400 Long",
            "> listen",
            "< CFR",
            "! trained V17At14400",
            "? page 0 V17At14400 Mmr Fine",
            "? start 0",
            "> page 0 V17At14400 Short frames 0 1 2 3",
            "> PPS 2F 00 00 03",
            "> listen",
            "< MCF",
            "! confirmed 0",
            "> DCN",
            "= ok",
        ]
    );
}

#[test]
fn ftt_walks_down_to_2400_and_is_cannot_train() {
    let mut script = vec![DIS_V17_ECM_MMR];
    script.extend(["FTT"; 7]);
    let call = Story::new(script).play();
    let tcfs: Vec<&str> = call.sent().into_iter().filter(|l| l.starts_with("> tcf")).collect();
    assert_eq!(
        tcfs,
        [
            "> tcf V17At14400 Long",
            "> tcf V17At12000 Long",
            "> tcf V17At9600 Long",
            "> tcf V17At7200 Long",
            "> tcf V29At7200 Long",
            "> tcf V27ter4800 Long",
            "> tcf V27ter2400 Long",
        ]
    );
    assert_eq!((call.code(), call.page_started), ("cannot-train", false));
    assert_eq!(call.sent().last(), Some(&"> DCN"));
}

#[test]
fn each_rung_is_told_in_its_dcs() {
    let mut script = vec![DIS_V17_ECM_MMR];
    script.extend(["FTT"; 6]);
    script.extend(["CFR", "MCF"]);
    let call = Story::new(script).play();
    let dcs: Vec<&str> = call.sent().into_iter().filter(|l| l.starts_with("> DCS")).collect();
    let octets = ["62", "6A", "66", "6E", "4E", "4A", "42"];
    assert_eq!(dcs, octets.map(|o| format!("> DCS 00 {o} F8 44")));
    assert_eq!(call.code(), "ok");
}

#[test]
fn fastest_of_the_settings_caps_the_ladder() {
    let mut story = Story::new([DIS_V17_ECM_MMR, "CFR", "MCF"]);
    story.settings.fastest = Modulation::V29At9600;
    let call = story.play();
    assert!(call.sent().contains(&"> tcf V29At9600 Long"));
    assert!(call.sent().contains(&"> page 0 V29At9600 Long frames 0 1 2 3"));
}

#[test]
fn silence_after_dcs_is_no_reply_after_three_tries() {
    let call = Story::new([DIS_V17_ECM_MMR]).play();
    let dcs = call.sent().iter().filter(|l| l.starts_with("> DCS")).count();
    assert_eq!((call.code(), dcs, call.sent().len()), ("no-reply-to-dcs", 3, 7));
    assert_eq!(call.events().last(), Some(&"! training V17At14400 try 3"));
}

#[test]
fn damaged_reply_to_dcs_is_waited_out_and_asked_again() {
    let call = Story::new([DIS_V17_ECM_MMR, "noise", "quiet", "CFR", "MCF"]).play();
    let dcs = call.sent().iter().filter(|l| l.starts_with("> DCS")).count();
    assert_eq!((call.code(), dcs), ("ok", 2));
}

#[test]
fn t4_runs_three_seconds_from_the_end_of_tcf() {
    let answered = Story::new([DIS_V17_ECM_MMR, "later 0 CFR", "MCF"]).play();
    let late = Story::new([DIS_V17_ECM_MMR, "quiet", "later 0 CFR", "MCF"]).play();
    // Once more: silence, preamble and DCS of 10 octets; silence, training and TCF.
    let dcs_and_tcf_ms = (60 + 1_000 + 266) + (60 + 300 + 1_400);
    assert_eq!(late.end_ms - answered.end_ms, 3_000 + dcs_and_tcf_ms);
}

#[test]
fn dis_again_repeats_dcs_and_after_three_is_no_reply() {
    let dis = DIS_V17_ECM_MMR;
    let once = Story::new([dis, "CSI 1", dis, "CFR", "MCF"]).play();
    assert_eq!(once.code(), "ok");
    let call = Story::new([dis, dis, dis, dis, "CFR", "MCF"]).play();
    let dcs = call.sent().iter().filter(|l| l.starts_with("> DCS")).count();
    assert_eq!((call.code(), dcs), ("no-reply-to-dcs", 3));
}

#[test]
fn dis_again_with_less_in_it_is_a_new_contract() {
    let call = Story::new([DIS_V17_ECM_MMR, DIS_V29_NO_SCAN_LIMIT, "CFR", "MCF"]).play();
    assert_eq!(
        call.events(),
        [
            "! agreed V17At14400 ecm Mmr Fine 0 ms",
            "! training V17At14400 try 1",
            "! agreed V29At9600 Mr Fine 0 ms",
            "! training V29At9600 try 2",
            "! trained V29At9600",
            "! confirmed 0",
        ]
    );
}

#[test]
fn crp_repeats_dcs_with_tsi_and_tcf_at_once() {
    let mut story = Story::new([DIS_V17_ECM_MMR, "CRP", "CFR", "MCF"]);
    story.settings.tsi = Some(Identity::parse("1").unwrap());
    let call = story.play();
    let train = ["> TSI, DCS 00 62 F8 44", "> tcf V17At14400 Long"];
    assert_eq!(call.sent()[..4], [train, train].concat());
}

#[test]
fn crp_for_ever_ends() {
    let mut script = vec![DIS_V17_ECM_MMR];
    script.extend(["CRP"; 10]);
    assert_eq!(Story::new(script).play().code(), "no-reply-to-dcs");
}

#[test]
fn dcn_instead_of_cfr_is_dcn_before_page() {
    let call = Story::new([DIS_V17_ECM_MMR, "DCN"]).play();
    assert_eq!((call.code(), call.page_started), ("dcn-before-page", false));
    assert_ne!(call.sent().last(), Some(&"> DCN"), "a DCN is not answered");
}

#[test]
fn mcf_instead_of_cfr_confirms_nothing() {
    let call = Story::new([DIS_V17_ECM_MMR, "MCF", "MCF", "MCF", "MCF", "MCF"]).play();
    assert_eq!((call.code(), call.pages_confirmed), ("unexpected", 0));
}

#[test]
fn our_own_dcs_heard_back_is_passed_over() {
    // X = 1: it is ours, an echo of a satellite or a bad hybrid.
    let echo = "raw FF 13 83 00 62 F8 44";
    let call = Story::new([DIS_V17_ECM_MMR, echo, "CFR", "MCF"]).play();
    assert_eq!((call.code(), call.sent().len()), ("ok", 5));
}

#[test]
fn settings_without_ecm_make_a_dcs_of_three_octets() {
    let mut story = Story::new([DIS_V17_ECM_MMR, "CFR", "MCF"]);
    story.settings.ecm = false;
    let call = story.play();
    assert_eq!(
        call.sent(),
        [
            "> DCS 00 E2 78",
            "> tcf V17At14400 Long",
            "> page 0 V17At14400 Short 1000 octets",
            "> EOP",
            "> DCN",
        ]
    );
}

#[test]
fn settings_without_two_dimensions_make_mh() {
    let mut story = Story::new([DIS_V17_ECM_MMR, "CFR", "MCF"]);
    (story.settings.mr, story.settings.mmr) = (false, false);
    assert!(story.play().events().contains(&"! agreed V17At14400 ecm Mh Fine 0 ms"));
}

#[test]
fn standard_pages_stay_standard() {
    let mut story = Story::new([DIS_V17, "CFR", "MCF"]);
    story.settings.fine = false;
    assert!(story.play().questions().contains(&"? page 0 V17At14400 Mr Standard"));
}

#[test]
fn fall_back_with_fill_tells_the_scan_line_time() {
    let call = Story::new([DIS_V17_20MS, "FTT", "CFR", "MCF"]).play();
    assert_eq!(call.questions()[1], "? page 0 V17At12000 Mh Fine");
    assert!(call.events().contains(&"! agreed V17At12000 Mh Fine 20 ms"));
    assert!(call.sent().contains(&"> DCS 00 6A 08"));
}

#[test]
fn slowest_machine_with_ecm_gets_its_page() {
    let call = Story::new([DIS_V27TER_2400_ECM_MMR, "CFR", "MCF"]).play();
    assert!(call.sent().contains(&"> page 0 V27ter2400 Long frames 0 1 2 3"));
    assert_eq!(call.code(), "ok");
}
