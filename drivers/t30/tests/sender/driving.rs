//! The driving contract: who speaks when, and what happens to those who do not keep to it.

use t30::{CallError, Input, LineAction, Millis, Modulation, Output, Sender, SenderSettings};

use crate::far_end::{DIS_V17_ECM_MMR, Story, frame};

#[test]
fn first_poll_listens_until_t1() {
    let mut sender = Sender::new(SenderSettings::new(1));
    let want = Output::Line(LineAction::Receive { until: Millis(1_000 + 35_000) });
    assert_eq!(sender.poll(Millis(1_000)), want);
}

#[test]
fn frame_that_says_more_follows_gives_the_next_one_its_time() {
    let mut sender = Sender::new(SenderSettings::new(1));
    let _listen = sender.poll(Millis(0));
    sender.handle(Millis(34_500), Input::Frame(frame("CSI", b"1")));
    let want = Output::Line(LineAction::Receive { until: Millis(34_500 + 3_450) });
    assert_eq!(sender.poll(Millis(34_500)), want);
}

#[test]
fn last_frame_of_a_carrier_leaves_the_deadline() {
    let mut sender = Sender::new(SenderSettings::new(1));
    let _listen = sender.poll(Millis(0));
    sender.handle(Millis(34_500), Input::Frame(frame("MCF", &[])));
    assert_eq!(
        sender.poll(Millis(34_500)),
        Output::Line(LineAction::Receive { until: Millis(35_000) })
    );
}

#[test]
fn poll_instead_of_an_answer_is_out_of_turn() {
    let mut sender = Sender::new(SenderSettings::new(1));
    let _listen = sender.poll(Millis(0));
    let want = CallError::OutOfTurn { waiting_for: "an answer", got: "poll" };
    assert_eq!(sender.poll(Millis(0)), Output::Ended(Err(want)));
}

#[test]
fn answer_before_the_first_poll_is_out_of_turn() {
    let mut sender = Sender::new(SenderSettings::new(1));
    sender.handle(Millis(0), Input::Quiet);
    let want = CallError::OutOfTurn { waiting_for: "poll", got: "Quiet" };
    assert_eq!(sender.poll(Millis(0)), Output::Ended(Err(want)));
}

#[test]
fn answer_to_another_question_is_out_of_turn_and_ended_stays() {
    let mut sender = Sender::new(SenderSettings::new(1));
    let _listen = sender.poll(Millis(0));
    sender.handle(Millis(0), Input::Page(vec![1]));
    for _ in 0..3 {
        match sender.poll(Millis(0)) {
            Output::Ended(Err(error)) => assert_eq!(error.code(), "out-of-turn"),
            other => panic!("{other:?}"),
        }
        sender.handle(Millis(0), Input::Sent);
    }
}

#[test]
fn call_without_pages_never_touches_the_line() {
    let mut sender = Sender::new(SenderSettings::new(0));
    assert_eq!(sender.poll(Millis(0)), Output::Ended(Err(CallError::NoPages)));
}

#[test]
fn abort_before_dis_ends_at_once_without_dcn() {
    let story = Story { abort_at: Some("> listen"), ..Story::new([]) };
    let call = story.play();
    assert_eq!(call.code(), "aborted");
    assert!(call.sent().is_empty());
}

#[test]
fn abort_anywhere_later_ends_with_one_dcn() {
    let places =
        ["? far end", "> DCS", "> tcf", "? page", "? start", "> page", "> PPS", "> CTC", "> RR"];
    for place in places {
        let script = [DIS_V17_ECM_MMR, "CFR", "RNR", "PPR 0", "PPR 0", "PPR 0", "PPR 0"];
        let call = Story { abort_at: Some(place), ..Story::new(script) }.play();
        assert_eq!(call.code(), "aborted", "at {place}");
        assert_eq!(call.sent().last(), Some(&"> DCN"), "at {place}");
        let at = call.lines.iter().position(|l| l.starts_with(place)).unwrap();
        let after = call.lines[at + 1..].iter().filter(|l| !l.starts_with('<'));
        let after: Vec<&str> = after.map(String::as_str).collect();
        assert_eq!(after, ["> DCN", "= aborted"], "at {place}");
        assert_eq!(call.page_started, matches!(place, "> page" | "> PPS" | "> CTC" | "> RR"));
    }
}

#[test]
fn abort_during_dcn_does_not_undo_a_delivery() {
    let script = [DIS_V17_ECM_MMR, "CFR", "MCF"];
    let call = Story { abort_at: Some("> DCN"), ..Story::new(script) }.play();
    assert_eq!((call.code(), call.pages_confirmed), ("ok", 1));
}

#[test]
fn abort_between_two_turns_still_sends_dcn() {
    let mut sender = Sender::new(SenderSettings::new(1));
    let _listen = sender.poll(Millis(0));
    let dis = frame("DIS", &[0x00, 0xEE, 0xF8, 0x44]);
    sender.handle(Millis(0), Input::Frame(dis));
    sender.handle(Millis(0), Input::Abort);
    sender.handle(Millis(0), Input::Abort);
    match sender.poll(Millis(0)) {
        Output::Line(LineAction::SendControl { frames, .. }) => {
            assert_eq!(frames, [[0xFF, 0x13, 0xFB]]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn page_started_is_set_when_the_carrier_is_given_out_and_not_before() {
    let refused = Story { refuse_start: Some(0), ..Story::new([DIS_V17_ECM_MMR, "CFR"]) }.play();
    assert_eq!((refused.code(), refused.page_started), ("page-not-allowed", false));
    let lost = Story::new([DIS_V17_ECM_MMR, "CFR"]).play();
    assert_eq!((lost.code(), lost.page_started), ("no-reply-after-page", true));
}

#[test]
fn every_modulation_has_its_rate() {
    let rates = [
        (Modulation::V27ter2400, 2_400),
        (Modulation::V27ter4800, 4_800),
        (Modulation::V29At7200, 7_200),
        (Modulation::V29At9600, 9_600),
        (Modulation::V17At7200, 7_200),
        (Modulation::V17At9600, 9_600),
        (Modulation::V17At12000, 12_000),
        (Modulation::V17At14400, 14_400),
    ];
    for (modulation, rate_bps) in rates {
        assert_eq!(modulation.rate_bps(), rate_bps);
    }
}
