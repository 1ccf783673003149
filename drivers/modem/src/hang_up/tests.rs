//! Hanging up modems that obey, that need force, and that are beyond it.

use super::*;
use crate::fake::{Answer, Done, FakeModem};

fn hung_up(modem: FakeModem, stood: Dialogue) -> (bool, Vec<Done>) {
    let mut talk = Talk::new(modem);
    talk.numeric = false;
    let verified = hang_up(&mut talk, &Profile::for_tests(), stood);
    (verified, std::mem::take(&mut talk.port().log))
}

fn command(command: &str) -> Done {
    Done::Command(command.into())
}

#[test]
fn clean_modem_that_obeys_is_verified_by_two_answers() {
    let (verified, log) = hung_up(FakeModem::new(), Dialogue::Clean);
    assert!(verified);
    assert_eq!(log, [command("ATH0"), command("ATH0")]);
}

#[test]
fn modem_that_refuses_loses_dtr() {
    let refuses = || Answer::says("ERROR");
    let modem = FakeModem::new().on("ATH0", [refuses(), refuses(), Answer::says("OK")]);
    let (verified, log) = hung_up(modem, Dialogue::Clean);
    assert!(verified);
    let word = || command("ATH0");
    assert_eq!(log, [word(), word(), Done::DtrOff, word(), word()]);
}

#[test]
fn modem_that_dropped_the_line_in_the_page_finds_page_octets_before_the_word() {
    let mut talk = Talk::new(FakeModem::new().on("ATH0", [Answer::says("OK")]));
    talk.numeric = false;
    // On their way when it said NO CARRIER: now they begin a command line.
    let modem = std::mem::take(talk.port()).on("AT\u{fffd}", [Answer::says("ERROR")]);
    *talk.port() = modem;
    talk.send(b"AT\xff", ON_HOOK).unwrap();
    assert!(hang_up(&mut talk, &Profile::for_tests(), Dialogue::Clean));
    assert!(!talk.port().log.contains(&Done::DtrOff));
}

#[test]
fn word_that_page_octets_took_along_is_said_again_within_2_s() {
    let mut talk = Talk::new(FakeModem::new().on("ATH0", [Answer::raw(b""), Answer::says("OK")]));
    talk.numeric = false;
    let from = talk.now();
    assert!(hang_up(&mut talk, &Profile::for_tests(), Dialogue::Clean));
    assert!(talk.now().0 - from.0 < 2000, "{} ms", talk.now().0 - from.0);
    let ath0 = || command("ATH0");
    assert_eq!(talk.port().log, [ath0(), ath0(), ath0()]);
}

#[test]
fn modem_that_waits_for_a_page_loses_dtr_before_it_is_spoken_to() {
    for (has_dtr, means) in [(true, Done::DtrOff), (false, Done::Reopened)] {
        let takes_page = Answer::says("CONNECT").then_takes_page();
        let mut modem = FakeModem::new().on("AT+FDT", [takes_page]);
        modem.has_dtr = has_dtr;
        let mut talk = Talk::new(modem);
        talk.command("AT+FDT", ON_HOOK).unwrap();
        assert!(hang_up(&mut talk, &Profile::for_tests(), Dialogue::AtPage));
        let log = &talk.port().log;
        assert_eq!(log[1..], [means, command("ATH0"), command("ATH0")]);
        assert_eq!(talk.port().page_octets, 0);
    }
}

#[test]
fn late_ok_of_something_else_is_not_taken_for_on_hook() {
    let modem = FakeModem::new().on("ATH0", [Answer::says("OK"), Answer::dead()]);
    assert!(!hung_up(modem, Dialogue::Clean).0);
}

#[test]
fn silent_modem_without_dtr_is_reopened() {
    let mut modem = FakeModem::new().on("ATH0", [Answer::dead(), Answer::says("OK")]);
    modem.has_dtr = false;
    let (verified, log) = hung_up(modem, Dialogue::Clean);
    assert!(verified);
    assert!(log.contains(&Done::Reopened));
}

#[test]
fn modem_in_data_is_taken_out_of_it_before_the_word() {
    let mut talk = Talk::new(FakeModem::new());
    talk.command("AT+FTM=146", ON_HOOK).unwrap();
    talk.send(&[1, 2, 3], ON_HOOK).unwrap();
    assert!(hang_up(&mut talk, &Profile::for_tests(), Dialogue::Broken));
    let log = &talk.port().log;
    assert_eq!(log[1], Done::Data(vec![1, 2, 3]));
    assert_eq!(log[log.len() - 2..], [command("ATH0"), command("ATH0")]);
}

#[test]
fn modem_that_still_receives_is_not_verified_before_it_heard_the_word() {
    for at in ["AT+FRH=3", "ATD1"] {
        let mut talk = Talk::new(FakeModem::new());
        talk.start(at, at).unwrap();
        talk.reply(talk.after(ON_HOOK)).unwrap();
        assert!(hang_up(&mut talk, &Profile::for_tests(), Dialogue::Clean));
        assert_eq!(talk.port().log, [command(at), Done::Abort, command("ATH0")]);
    }
}

#[test]
fn modem_still_deaf_to_the_octet_that_stops_it_is_given_its_time() {
    let mut talk = Talk::new(FakeModem::new());
    talk.start("AT+FRH=3", "AT+FRH=3").unwrap();
    assert!(hang_up(&mut talk, &Profile::for_tests(), Dialogue::Broken));
    let ath0 = || command("ATH0");
    assert_eq!(talk.port().log, [command("AT+FRH=3"), Done::Abort, ath0(), ath0()]);
}

#[test]
fn unplugged_modem_is_reported_as_not_verified() {
    let mut modem = FakeModem::new().on("ATH0", [Answer::unplugged()]);
    modem.comes_back = false;
    assert!(!hung_up(modem, Dialogue::Clean).0);
}
