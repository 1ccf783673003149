//! The driving contract: who speaks when, and what happens to those who do not keep to it.

use t30::{CallError, Input, LineAction, Millis, Modulation, Output, Sender, SenderSettings};

use crate::frames::frame;

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
    sender.handle(Millis(34_500), Input::Frame(frame("CSI 1", true).unwrap()));
    let want = Output::Line(LineAction::Receive { until: Millis(34_500 + 3_450) });
    assert_eq!(sender.poll(Millis(34_500)), want);
}

#[test]
fn last_frame_of_a_carrier_leaves_the_deadline() {
    let mut sender = Sender::new(SenderSettings::new(1));
    let _listen = sender.poll(Millis(0));
    sender.handle(Millis(34_500), Input::Frame(frame("MCF", false).unwrap()));
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
fn abort_between_two_turns_still_sends_dcn() {
    let mut sender = Sender::new(SenderSettings::new(1));
    let _listen = sender.poll(Millis(0));
    let dis = frame("DIS v17 ecm", false).unwrap();
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
fn debug_of_an_action_shows_no_password() {
    let pwd = t30::Password::parse("4711").unwrap();
    let settings = SenderSettings { pwd: Some(pwd), ..SenderSettings::new(1) };
    assert!(!format!("{settings:?}").contains("4711"));
    let mut sender = Sender::new(settings);
    let _listen = sender.poll(Millis(0));
    sender.handle(Millis(0), Input::Frame(frame("DIS v17 pwd", false).unwrap()));
    assert!(matches!(sender.poll(Millis(0)), Output::Ask(_)));
    sender.handle(Millis(0), Input::Judged(true));
    let action = std::iter::repeat_with(|| sender.poll(Millis(0)))
        .find(|output| matches!(output, Output::Line(_)));
    let shown = format!("{:?}", action.unwrap());
    assert!(shown.contains("FF, 03, A3, 2A, 2A"), "{shown}"); // SID with stars for digits
    assert!(!shown.contains("34, 37") && !shown.contains("31, 31, 37"), "{shown}");
}

#[test]
fn debug_of_an_input_shows_how_long_a_page_is_and_nothing_of_it() {
    assert_eq!(format!("{:?}", Input::Page(vec![0xA5; 70_000])), "Page(70000 octets)");
    let csi = Input::Frame(frame("CSI 03 1234 5678", false).unwrap());
    let shown = format!("{csi:?}");
    assert!(shown.ends_with("38, 37, 36, 35, 20, 2A, 2A, 2A, 2A, 20, 2A, 2A])"), "{shown}");
    assert_eq!(format!("{:?} {:?}", Input::Quiet, Input::Judged(true)), "Quiet Judged(true)");
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
