//! Class 1 against the scripted modem: what goes over the wire, and every way it can go wrong.

use super::*;
use crate::fake::{Answer, Done, FakeModem};

const CAN: u8 = 0x18;
const DIS: [u8; 6] = [0xFF, 0x13, 0x80, 0x00, 0x6E, 0x70];
const NSF: [u8; 5] = [0xFF, 0x03, 0x20, 0x10, 0x10]; // DLE octets in it
const SILENCE: Duration = Duration::from_millis(75);

fn connected(modem: FakeModem) -> Talk<FakeModem> {
    let mut talk = Talk::new(modem);
    talk.numeric = false;
    assert_eq!(talk.command("ATD", ANSWER).unwrap().result, Reply::Connect);
    talk
}

fn class1(talk: &mut Talk<FakeModem>) -> Class1<'_, FakeModem> {
    Class1::connected(talk, Flow::RtsCts, CAN)
}

/// Past the DIS that came with CONNECT.
fn after_dis(talk: &mut Talk<FakeModem>) -> Class1<'_, FakeModem> {
    let mut line = class1(talk);
    assert_eq!(receive(&mut line, 5000), Heard::Input(Input::Frame(DIS.to_vec())));
    line
}

fn receive(line: &mut Class1<'_, FakeModem>, wait_ms: u64) -> Heard {
    let until = Millis(line.now().0 + wait_ms);
    line.receive(until, &|| false).unwrap()
}

fn answered() -> FakeModem {
    FakeModem::new().on("ATD", [Answer::frame(&DIS, "OK")])
}

fn fast(line: &mut Class1<'_, FakeModem>, octets: &[u8]) -> (Result<Input, Fault>, Vec<Sending>) {
    let mut seen = Vec::new();
    let mut watch = |sending, _| seen.push(sending);
    let sent =
        line.send_fast(Duration::ZERO, Modulation::V17At14400, Training::Short, octets, &mut watch);
    (sent, seen)
}

#[test]
fn receive_first_frame_needs_no_command_and_the_next_asks_for_it() {
    let modem = FakeModem::new()
        .on("ATD", [Answer::frame(&NSF, "OK")])
        .on("AT+FRH=3", [Answer::frame(&DIS, "OK"), Answer::nothing()]);
    let mut talk = connected(modem);
    let mut line = class1(&mut talk);
    assert_eq!(receive(&mut line, 5000), Heard::Input(Input::Frame(NSF.to_vec())));
    assert_eq!(line.talk.port().commands(), ["ATD"]);
    assert_eq!(receive(&mut line, 5000), Heard::Input(Input::Frame(DIS.to_vec())));
    assert_eq!(receive(&mut line, 1000), Heard::Input(Input::Quiet));
    assert_eq!(line.talk.port().log.last(), Some(&Done::Abort));
    assert_eq!(line.talk.port().commands(), ["ATD", "AT+FRH=3", "AT+FRH=3"]);
}

#[test]
fn receive_wrong_fcs_cut_off_and_overlong_frames_are_bad() {
    let long = [0xFF; FRAME_MAX + 1];
    let modem = answered().on(
        "AT+FRH=3",
        [
            Answer::frame(&DIS, "ERROR"),
            Answer::frame(&DIS[..2], "NO CARRIER"),
            Answer::frame(&long, "OK"),
            Answer::frame(&[], "OK"),
            Answer::raw(b"\r\nCONNECT\r\n\xff\x13\x10".as_slice()).unfinished(),
            Answer::frame(&long[1..], "OK"),
        ],
    );
    let mut talk = connected(modem);
    let mut line = after_dis(&mut talk);
    for case in ["wrong FCS", "cut off", "257 octets", "no octet"] {
        assert_eq!(receive(&mut line, 5000), Heard::Input(Input::BadFrame), "{case}");
    }
    assert_eq!(receive(&mut line, 5000), Heard::Input(Input::BadFrame), "endless");
    assert_eq!(line.talk.port().log.last(), Some(&Done::Abort));
    assert_eq!(receive(&mut line, 5000), Heard::Input(Input::Frame(vec![0xFF; FRAME_MAX])));
}

#[test]
fn receive_no_carrier_listens_again_and_keeps_the_deadline() {
    let modem = answered().on("AT+FRH=3", [Answer::says("NO CARRIER")]);
    let mut talk = connected(modem);
    let mut line = after_dis(&mut talk);
    let begin = line.now();
    assert_eq!(receive(&mut line, 3000), Heard::Input(Input::Quiet));
    assert_eq!(since(begin, line.now()), Duration::from_secs(3));
    let asked = line.talk.port().commands().len() - 1;
    assert_eq!(asked, 30, "every 100 ms, not as fast as it can");
}

#[test]
fn receive_ok_before_any_carrier_listens_again() {
    let modem = answered().on("AT+FRH=3", [Answer::says("OK"), Answer::frame(&DIS, "OK")]);
    let mut talk = connected(modem);
    let mut line = after_dis(&mut talk);
    assert_eq!(receive(&mut line, 3000), Heard::Input(Input::Frame(DIS.to_vec())));
}

#[test]
fn receive_abort_without_an_answer_costs_a_second_and_no_call() {
    let lost = Answer::raw(b"".as_slice());
    let modem = answered().on("AT+FRH=3", [lost, Answer::frame(&DIS, "OK")]);
    let mut talk = connected(modem);
    let mut line = after_dis(&mut talk);
    let begin = line.now();
    assert_eq!(receive(&mut line, 3000), Heard::Input(Input::Quiet));
    assert_eq!(since(begin, line.now()), Duration::from_secs(4));
    assert_eq!(receive(&mut line, 3000), Heard::Input(Input::Frame(DIS.to_vec())));
}

#[test]
fn receive_stop_is_seen_at_once_and_ends_the_reception() {
    let mut talk = connected(answered());
    let mut line = after_dis(&mut talk);
    let until = Millis(line.now().0 + 35_000);
    assert_eq!(line.receive(until, &|| true).unwrap(), Heard::Interrupted);
    assert_eq!(line.talk.port().log.last(), Some(&Done::Abort));
}

#[test]
fn send_control_waits_for_connect_between_frames() {
    let mut talk = connected(answered());
    let mut line = after_dis(&mut talk);
    let (tsi, dcs) = (vec![0xFF, 0x03, 0x43, 0x10], vec![0xFF, 0x13, 0x83, 0x00]);
    let sent = line.send_control(SILENCE, &[tsi.clone(), dcs.clone()]).unwrap();
    assert_eq!(sent, Input::Sent);
    let log = &line.talk.port().log;
    assert_eq!(
        log[log.len() - 4..],
        [
            Done::Command("AT+FRS=7".into()), // heard silence, since a frame came before
            Done::Command("AT+FTH=3".into()),
            Done::Data(tsi),
            Done::Data(dcs),
        ]
    );
}

#[test]
fn send_control_second_connect_at_the_end_of_the_preamble_is_no_request() {
    let mut talk = connected(answered().on("DATA", [Answer::says("CONNECT\nOK")]));
    let mut line = after_dis(&mut talk);
    assert_eq!(line.send_control(SILENCE, &[vec![0xFF, 0x13, 0xFA]]), Ok(Input::Sent));
}

#[test]
fn send_control_second_connect_before_the_frame_does_not_call_for_the_next() {
    let twice = Answer::raw(b"\r\nCONNECT\r\n\r\nCONNECT\r\n".as_slice()).then_takes_data();
    let mut talk = connected(answered().on("AT+FTH", [twice]));
    let mut line = after_dis(&mut talk);
    let (tsi, dcs) = (vec![0xFF, 0x03, 0x43], vec![0xFF, 0x13, 0x83]);
    assert_eq!(line.send_control(SILENCE, &[tsi.clone(), dcs.clone()]), Ok(Input::Sent));
    let log = &line.talk.port().log;
    assert_eq!(log[log.len() - 2..], [Done::Data(tsi), Done::Data(dcs)], "each after its CONNECT");
}

#[test]
fn send_control_modem_without_an_answer_is_silent_with_its_place() {
    let mut talk = connected(answered().on("DATA", [Answer::nothing()]));
    let mut line = after_dis(&mut talk);
    let fault = line.send_control(SILENCE, &[vec![0xFF, 0x13, 0xFA]]).unwrap_err();
    assert!(matches!(&fault, Fault::Silent { after, .. } if after == "a frame"), "{fault}");
}

#[test]
fn silence_between_own_signals_is_counted_by_the_modem() {
    let mut talk = connected(answered());
    let mut line = after_dis(&mut talk);
    line.send_control(SILENCE, &[vec![0xFF, 0x13, 0xFA]]).unwrap();
    line.send_control(SILENCE, &[vec![0xFF, 0x13, 0xFA]]).unwrap();
    let silences: Vec<_> = line.talk.port().commands().into_iter().skip(1).step_by(2).collect();
    assert_eq!(silences, ["AT+FRS=7", "AT+FTS=7"]);
}

#[test]
fn silence_that_never_comes_is_stopped_and_our_turn_is_taken() {
    let mut talk = connected(answered().on("AT+FRS", [Answer::nothing()]));
    let mut line = after_dis(&mut talk);
    assert_eq!(line.send_control(SILENCE, &[vec![0xFF, 0x13, 0xFA]]), Ok(Input::Sent));
    assert!(line.talk.port().log.contains(&Done::Abort));
}

#[test]
fn send_fast_every_octet_arrives_and_progress_follows_the_line() {
    let octets: Vec<u8> = (0..=255).cycle().take(18_000).collect(); // 10 s at 14 400 bit/s
    let mut modem = answered().on("DATA", [Answer::says("OK").after(Duration::from_secs(1))]);
    modem.octets_per_s = Some(2000);
    let mut talk = connected(modem);
    let mut line = after_dis(&mut talk);
    let (sent, seen) = fast(&mut line, &octets);
    assert_eq!(sent, Ok(Input::Sent));
    assert_eq!(line.talk.port().log.last(), Some(&Done::Data(octets)));
    assert!(line.talk.port().commands().contains(&"AT+FTM=146"));
    assert_eq!(seen.first(), Some(&Sending::Starts));
    assert_eq!(seen.last(), Some(&Sending::Taken(18_000)));
    let middle = seen[seen.len() / 2];
    assert!(
        matches!(middle, Sending::Taken(taken) if (6_000..12_000).contains(&taken)),
        "{middle:?}"
    );
}

#[test]
fn send_fast_modem_ends_early_is_an_underrun() {
    let mut modem = answered();
    modem.octets_per_s = Some(1000);
    let mut talk = connected(modem);
    let mut line = after_dis(&mut talk);
    line.talk.port().unasked(b"\r\nOK\r\n", Duration::from_secs(2));
    let (sent, seen) = fast(&mut line, &[0; 8000]);
    assert!(matches!(sent, Err(Fault::Underrun { taken, of: 8002 }) if taken < 3000), "{sent:?}");
    assert_eq!(seen.first(), Some(&Sending::Starts), "data had left");
}

#[test]
fn send_fast_no_carrier_is_a_lost_line_and_no_taking_is_stuck() {
    let mut talk = connected(answered().on("DATA", [Answer::says("NO CARRIER")]));
    let mut line = after_dis(&mut talk);
    let (sent, _) = fast(&mut line, &[0; 100]);
    assert_eq!(sent.unwrap_err().code(), "line-dropped");

    let mut talk = connected(answered().on("AT+FTM", [Answer::stuck()]));
    let mut line = after_dis(&mut talk);
    let (sent, seen) = fast(&mut line, &[0; 100]);
    assert_eq!(sent.unwrap_err().code(), "modem-stuck");
    assert_eq!(seen.first(), Some(&Sending::Starts));
}

#[test]
fn send_fast_xon_xoff_only_during_the_signal() {
    let mut talk = connected(answered());
    let mut line = Class1::connected(&mut talk, Flow::XonXoff, CAN);
    receive(&mut line, 5000);
    fast(&mut line, &[1, 2, 3]).0.unwrap();
    let log = &line.talk.port().log;
    assert_eq!(
        log[log.len() - 4..],
        [
            Done::Command("AT+FTM=146".into()),
            Done::XonXoff(true),
            Done::Data(vec![1, 2, 3]),
            Done::XonXoff(false),
        ]
    );
}

#[test]
fn send_control_while_the_first_frame_is_awaited_stops_the_reception() {
    let mut talk = connected(FakeModem::new().on("ATD", [Answer::says("CONNECT").unfinished()]));
    let mut line = class1(&mut talk);
    assert_eq!(line.send_control(SILENCE, &[vec![0xFF, 0x13, 0xFA]]), Ok(Input::Sent));
    assert_eq!(line.talk.port().log[1..3], [Done::Abort, Done::Command("AT+FRS=7".into())]);
}

#[test]
fn call_limit_ends_every_wait() {
    let mut talk = connected(answered());
    let limit = Duration::from_secs(2);
    talk.limit(limit, Fault::CallLimit { limit });
    let mut line = after_dis(&mut talk);
    let until = Millis(line.now().0 + 35_000);
    let fault = line.receive(until, &|| false).unwrap_err();
    assert_eq!(fault, Fault::CallLimit { limit });
    assert!(line.now() <= Millis(2100));
}
