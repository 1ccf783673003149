//! A line is asked, and is on-hook afterwards whatever it said.

use super::*;
use crate::fake::{Answer, FakeModem};

type Heard = (Result<DialTone, Fault>, bool);

fn heard(modem: FakeModem) -> (Heard, Vec<String>) {
    let mut talk = Talk::new(modem);
    talk.numeric = false;
    let heard = dial_tone(&mut talk, &Profile::for_tests());
    let commands = talk.port().commands().iter().map(ToString::to_string).collect();
    (heard, commands)
}

#[test]
fn dial_tone_is_heard_without_a_digit_and_hung_up() {
    let (tone, commands) = heard(FakeModem::new().on("ATDT;", [Answer::says("OK")]));
    assert_eq!(tone, (Ok(DialTone::Heard), true));
    assert_eq!(commands, ["AT+FCLASS=0", "ATDT;", "ATH0", "ATH0"]);
}

#[test]
fn each_word_for_a_dial_tone_that_is_not_there_is_told_apart() {
    for (word, expected) in [
        ("NO DIALTONE", DialTone::None),
        ("NO DIAL TONE", DialTone::None),
        ("ERROR", DialTone::Unknown("ERROR")),
        ("NO CARRIER", DialTone::Unknown("NO CARRIER")),
        ("BUSY", DialTone::Unknown("BUSY")),
    ] {
        let (tone, commands) = heard(FakeModem::new().on("ATDT;", [Answer::says(word)]));
        assert_eq!(tone, (Ok(expected), true), "{word}");
        assert_eq!(commands.last().map(String::as_str), Some("ATH0"), "{word}");
    }
}

#[test]
fn modem_that_listens_for_ever_is_stopped_after_15_s() {
    let mut talk = Talk::new(FakeModem::new().on("ATDT;", [Answer::nothing()]));
    let from = talk.now();
    let tone = dial_tone(&mut talk, &Profile::for_tests());
    assert_eq!(tone, (Ok(DialTone::Unknown("nothing")), true));
    assert!(talk.now().0 - from.0 < 18_000);
}

#[test]
fn ringing_line_is_not_answered_by_the_test() {
    let mut modem = FakeModem::new();
    modem.unasked(b"\r\nRING\r\n", Duration::ZERO);
    let (tone, commands) = heard(modem);
    assert_eq!(tone, (Ok(DialTone::Ringing), true));
    assert!(commands.is_empty());
}

#[test]
fn dead_modem_is_silent_and_not_without_dial_tone() {
    let ((tone, on_hook), _) = heard(FakeModem::new().on("ATDT;", [Answer::dead()]));
    assert_eq!((tone.unwrap_err().code(), on_hook), ("modem-silent", true));
}

#[test]
fn modem_that_is_lost_off_hook_is_not_taken_for_on_hook() {
    let mut modem = FakeModem::new().on("ATDT;", [Answer::unplugged()]);
    modem.comes_back = false;
    let ((tone, on_hook), _) = heard(modem);
    assert_eq!((tone.unwrap_err().code(), on_hook), ("modem-gone", false));
}

#[test]
fn country_is_read_back_in_hex_or_unknown() {
    for (says, expected) in [
        ("+GCI:00\nOK", Country::Is(0)),
        ("+GCI: B5\nOK", Country::Is(0xB5)),
        ("ERROR", Country::Unknown),
        ("+GCI: JAPAN\nOK", Country::Unknown),
        ("OK", Country::Unknown),
    ] {
        let mut talk = Talk::new(FakeModem::new().on("AT+GCI?", [Answer::says(says)]));
        assert_eq!(country(&mut talk), Ok(expected), "{says}");
    }
}
