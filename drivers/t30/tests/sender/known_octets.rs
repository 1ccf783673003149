//! One whole call in raw octets, against what others put on the line.
//!
//! Origin: the DIS, CSI and TSI stand in a public trace of two spandsp terminals (gofaxip issue 34,
//! 2018); single frames as spandsp's and HylaFAX's own traces print them; the rest by hand from
//! T.30 table 2. All in line order, as on a Class 1 modem.

use t30::{Identity, Input, LineAction, Millis, Output, Question, Sender, SenderSettings};

/// Everything up to the next thing on the line, answered with yes.
fn next_action(sender: &mut Sender) -> LineAction {
    loop {
        match sender.poll(Millis(0)) {
            Output::Line(action) => return action,
            Output::Ask(Question::FarEnd(_)) => sender.handle(Millis(0), Input::Judged(true)),
            Output::Ask(Question::Lengths { contracts, .. }) => {
                let lengths = (0..contracts.len()).map(|place| 4_000 - 1_000 * place).collect();
                sender.handle(Millis(0), Input::Lengths(lengths));
            }
            Output::Ask(Question::Page { .. }) => sender.handle(Millis(0), Input::Page(vec![0x5A])),
            Output::Ask(Question::PageStart { .. }) => {
                sender.handle(Millis(0), Input::PageMayStart(true));
            }
            Output::Event(_) => {}
            Output::Ended(result) => panic!("{result:?}"),
        }
    }
}

fn expect_frames(sender: &mut Sender, want: &[&[u8]]) {
    match next_action(sender) {
        LineAction::SendControl { frames, .. } => assert_eq!(frames, want),
        other => panic!("{other:?}"),
    }
    sender.handle(Millis(0), Input::Sent);
}

fn expect_fast(sender: &mut Sender) -> Vec<u8> {
    let octets = match next_action(sender) {
        LineAction::SendFast { octets, .. } => octets,
        other => panic!("{other:?}"),
    };
    sender.handle(Millis(0), Input::Sent);
    octets
}

fn hears(sender: &mut Sender, frame: &[u8]) {
    assert!(matches!(next_action(sender), LineAction::Receive { .. }));
    sender.handle(Millis(0), Input::Frame(frame.to_vec()));
}

#[test]
fn call_without_ecm_in_octets() {
    let settings = SenderSettings {
        tsi: Some(Identity::parse("020 7063 8601").unwrap()),
        ..SenderSettings::new(1)
    };
    let mut sender = Sender::new(settings);
    let mut csi = vec![0xFF, 0x03, 0x40];
    csi.extend([0x20; 20]);
    hears(&mut sender, &csi);
    hears(&mut sender, &[0xFF, 0x13, 0x80, 0x00, 0x6E, 0xB8, 0x00]);
    let tsi = [
        0xFF, 0x03, 0x43, 0x31, 0x30, 0x36, 0x38, 0x20, 0x33, 0x36, 0x30, 0x37, 0x20, 0x30, 0x32,
        0x30, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
    ];
    // V.17 14 400, fine, any length, 10 ms: the scan line time of that trace.
    expect_frames(&mut sender, &[&tsi, &[0xFF, 0x13, 0x83, 0x00, 0x62, 0x28]]);
    // 1.36 s of zeros at 14 400 bit/s.
    assert_eq!(expect_fast(&mut sender), vec![0; 2_448]);
    hears(&mut sender, &[0xFF, 0x13, 0x84]);
    assert_eq!(expect_fast(&mut sender), [0x5A]);
    expect_frames(&mut sender, &[&[0xFF, 0x13, 0x2F]]);
    hears(&mut sender, &[0xFF, 0x13, 0x8C]);
    expect_frames(&mut sender, &[&[0xFF, 0x13, 0xFB]]);
    assert_eq!(sender.poll(Millis(0)), Output::Ended(Ok(())));
    assert_eq!(sender.pages_confirmed(), 1);
}

#[test]
fn call_with_ecm_in_octets() {
    let mut sender = Sender::new(SenderSettings::new(1));
    hears(&mut sender, &[0xFF, 0x13, 0x80, 0x00, 0xEE, 0xF8, 0x44]);
    expect_frames(&mut sender, &[&[0xFF, 0x13, 0x83, 0x00, 0x62, 0xF8, 0x44]]);
    expect_fast(&mut sender);
    hears(&mut sender, &[0xFF, 0x13, 0x84]);
    let block = expect_fast(&mut sender);
    // 200 ms of flags at 14 400 bit/s, then address, and control with five ones stuffed over.
    assert_eq!(block[..360], [0x7E; 360]);
    assert_eq!(block[360..362], [0b1101_1111, 0b0000_0111]);
    expect_frames(&mut sender, &[&[0xFF, 0x13, 0xBF, 0x2F, 0x00, 0x00, 0x00]]);
    hears(&mut sender, &[0xFF, 0x13, 0x8C]);
    expect_frames(&mut sender, &[&[0xFF, 0x13, 0xFB]]);
}

#[test]
fn shortest_call_costs_no_wait_of_ours() {
    let mut sender = Sender::new(SenderSettings::new(1));
    hears(&mut sender, &[0xFF, 0x13, 0x80, 0x00, 0xEE, 0xF8, 0x44]);
    for _ in 0..2 {
        match next_action(&mut sender) {
            LineAction::SendControl { silence, .. } | LineAction::SendFast { silence, .. } => {
                assert_eq!(silence.as_millis(), 55);
            }
            other => panic!("{other:?}"),
        }
        sender.handle(Millis(0), Input::Sent);
    }
}
