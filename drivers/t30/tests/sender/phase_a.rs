//! Phase A: who is there?

use crate::far_end::{DIS_V17_ECM_MMR, Story};

#[test]
fn silence_is_no_dis_after_t1_without_dcn() {
    let call = Story::new([]).play();
    assert_eq!((call.code(), call.end_ms), ("no-dis", 35_000));
    assert!(call.sent().is_empty());
}

#[test]
fn damaged_frames_until_t1_are_dis_garbled() {
    let call = Story::new(["noise", "noise", "raw FF", "raw 00 11 22 33"]).play();
    assert_eq!((call.code(), call.end_ms), ("dis-garbled", 35_000));
}

#[test]
fn dis_after_noise_and_late_is_taken() {
    let script = ["noise", "later 31000 DIS 00 EE F8 44", "CFR", "MCF"];
    assert_eq!(Story::new(script).play().code(), "ok");
}

#[test]
fn csi_just_before_t1_gives_its_dis_the_time_to_come() {
    let script = ["later 34500 CSI 03 1234 5678", "later 900 DIS 00 EE F8 44", "CFR", "MCF"];
    let call = Story::new(script).play();
    assert_eq!(call.code(), "ok");
    assert_eq!(call.questions().first(), Some(&"? far end 03 1234 5678"));
}

#[test]
fn nsf_and_csi_before_dis_are_handed_to_the_caller() {
    let script = ["NSF 00 00 0E 01", "CSI +81 3 1234 5678", DIS_V17_ECM_MMR, "CFR", "MCF"];
    let call = Story::new(script).play();
    let want =
        ["? far end +81 3 1234 5678 nsf of 4 octets", "? page 0 V17At14400 Mmr Fine", "? start 0"];
    assert_eq!(call.questions(), want);
}

#[test]
fn damaged_frame_right_before_dis_is_waited_for_once_more() {
    let script = ["noise", DIS_V17_ECM_MMR, "later 3000 CSI 03 1234 5678", DIS_V17_ECM_MMR];
    let call = Story::new(script).play();
    assert_eq!(call.questions().first(), Some(&"? far end 03 1234 5678"));

    // Once is enough, and silence behind the first DIS leaves what it said.
    let script = ["noise", DIS_V17_ECM_MMR, "noise", DIS_V17_ECM_MMR, "CFR", "MCF"];
    let call = Story::new(script).play();
    assert_eq!((call.code(), call.questions().first()), ("ok", Some(&"? far end -")));
    let call = Story::new(["noise", DIS_V17_ECM_MMR, "quiet", "CFR", "MCF"]).play();
    assert_eq!((call.code(), call.questions().first()), ("ok", Some(&"? far end -")));
    assert_eq!(Story::new(["noise", DIS_V17_ECM_MMR, "DCN"]).play().code(), "dcn-before-page");
}

#[test]
fn damaged_frame_of_an_earlier_carrier_delays_nothing() {
    let script = ["noise", "later 3500 DIS 00 EE F8 44", "CFR", "MCF"];
    let call = Story::new(script).play();
    assert_eq!((call.code(), call.questions().first()), ("ok", Some(&"? far end -")));
    let script = ["noise", "CSI 03 1", DIS_V17_ECM_MMR, "CFR", "MCF"];
    assert_eq!(Story::new(script).play().questions().first(), Some(&"? far end 03 1"));
}

#[test]
fn nsf_of_200_octets_is_cut_to_64() {
    let nsf = format!("NSF {}", "AA ".repeat(200));
    let call = Story::new([nsf.as_str(), DIS_V17_ECM_MMR]).play();
    assert_eq!(call.questions().first(), Some(&"? far end - nsf of 64 octets"));
}

#[test]
fn dtc_is_refused_with_dcn() {
    let call = Story::new(["DTC 00 EE 78"]).play();
    assert_eq!((call.code(), call.sent()), ("dtc", vec!["> DCN"]));
}

#[test]
fn dcn_instead_of_dis_is_not_answered() {
    let call = Story::new(["DCN"]).play();
    assert_eq!((call.code(), call.sent().len()), ("dcn-before-page", 0));
}

#[test]
fn frames_of_other_phases_are_passed_over() {
    let script = ["MCF", "CFR", "PPR 0", "EOP", DIS_V17_ECM_MMR, "CFR", "MCF"];
    let call = Story::new(script).play();
    assert_eq!((call.code(), call.pages_confirmed), ("ok", 1));
}

#[test]
fn far_end_that_never_stops_is_left_after_64_frames() {
    let call = Story::new(vec!["later 1 CSI 1"; 1_000]).play();
    let heard = call.on_line().iter().filter(|l| l.starts_with("< CSI")).count();
    assert_eq!((call.code(), heard), ("no-dis", 64));
}

#[test]
fn refused_far_end_hears_dcn_and_no_dcs() {
    let call = Story { judged: false, ..Story::new([DIS_V17_ECM_MMR]) }.play();
    assert_eq!((call.code(), call.sent()), ("refused-far-end", vec!["> DCN"]));
    assert!(!call.page_started);
}

#[test]
fn dis_without_a_receiver_is_cannot_receive() {
    for dis in ["DIS", "DIS 00", "DIS FF", "DIS 00 EC F8 44"] {
        let call = Story::new([dis]).play();
        assert_eq!((call.code(), call.sent()), ("cannot-receive", vec!["> DCN"]), "{dis}");
    }
}

#[test]
fn no_common_modulation_is_incompatible() {
    let mut story = Story::new(["DIS 00 46 78"]); // V.29 only
    story.settings.fastest = t30::Modulation::V27ter4800;
    assert_eq!(story.play().code(), "incompatible");
}

#[test]
fn dis_of_all_ones_is_survived() {
    let dis = format!("DIS {}", "FF ".repeat(40));
    let call = Story::new([dis.as_str(), "CFR", "MCF"]).play();
    // 1111 of bits 11 to 14 is reserved; the rest is offered, so taken.
    assert_eq!(call.events().first(), Some(&"! agreed V27ter2400 ecm Mmr Fine 0 ms"));
    assert_eq!(call.code(), "ok");
}
