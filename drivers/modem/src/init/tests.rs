//! Setting up modems that are asleep, quiet, chatty, in data, or no fax modems.

use super::*;
use crate::fake::{Answer, Done, FakeModem};
use std::path::PathBuf;
use t30::Millis;

fn settings() -> LineSettings {
    LineSettings {
        name: "l1".into(),
        device: PathBuf::from("/dev/fake"),
        baud: 115_200,
        dial_prefix: String::new(),
        country: Some(0x00),
        modem: None,
        class: None,
        answer_wait: Duration::from_secs(60),
        call_limit: Duration::from_secs(600),
    }
}

/// A modem that sends all carriers up to this one.
fn class_1(fastest: Modulation) -> Abilities {
    let faster = LADDER.into_iter().filter(|&modulation| modulation > fastest);
    let carriers = faster.fold(Modulations::ALL, Modulations::without);
    Abilities { class: Class::One, skill: Skill::Frames { carriers } }
}

fn started(modem: FakeModem) -> (Result<Abilities, NotReady>, Talk<FakeModem>) {
    let mut talk = Talk::new(modem);
    let ready = start(&mut talk, &Profiles::built_in().unwrap(), &settings());
    (ready.map(|ready| ready.abilities), talk)
}

#[test]
fn start_good_modem_is_reset_first_never_answers_and_is_class_1() {
    let (abilities, mut talk) = started(FakeModem::new());
    assert_eq!(abilities, Ok(class_1(Modulation::V17At14400)));
    assert_eq!(
        talk.port().commands(),
        [
            "ATE0Q0V1",
            "ATZ",
            "ATE0Q0V1",
            "ATE0V1Q0",
            "ATX4",
            "ATM0",
            "ATS0=0",
            "ATS2=255",
            "AT&D2",
            "AT&K3",
            "AT+IFC=2,2",
            "ATI3",
            "ATI0",
            "AT+FMM?",
            "AT+GMM",
            "AT+FCLASS=?",
            "AT+FCLASS=1",
            "AT+GCI=00",
            "AT+GCI?",
            "ATS7=60",
            "AT+FTM=?",
        ]
    );
}

#[test]
fn start_optional_commands_refused_goes_on_but_answering_must_be_off() {
    let refuses = || [Answer::says("ERROR")];
    let modem = FakeModem::new()
        .on("ATX4", refuses())
        .on("ATS2", refuses())
        .on("AT&K3", refuses())
        .on("AT+GCI", refuses())
        .on("ATS7", refuses())
        .on("AT+FTM=?", refuses());
    assert_eq!(started(modem).0, Ok(class_1(Modulation::V29At9600)));

    let (failed, _) = started(FakeModem::new().on("ATS0=0", refuses()));
    assert_eq!(failed, Err(NotReady::Fault(Fault::Refused { command: "ATS0=0".into() })));
}

#[test]
fn start_data_modem_is_refused_with_its_own_words() {
    let (failed, _) = started(FakeModem::new().on("AT+FCLASS=?", [Answer::says("0,8\nOK")]));
    assert_eq!(failed, Err(NotReady::NotFax("0,8".into())));
}

#[test]
fn start_v29_modem_is_not_asked_for_v17() {
    let modem = FakeModem::new().on("AT+FTM=?", [Answer::says("(24,48,72,96)\nOK")]);
    assert_eq!(started(modem).0, Ok(class_1(Modulation::V29At9600)));
}

#[test]
fn start_modem_with_gaps_is_not_asked_for_them() {
    let modem =
        FakeModem::new().on("AT+FTM=?", [Answer::says("3,24,48,72,96,97,98,121,122,145,146\nOK")]);
    let Skill::Frames { carriers } = started(modem).0.unwrap().skill else { panic!("no frames") };
    let gaps: Vec<Modulation> = LADDER.into_iter().filter(|&it| !carriers.has(it)).collect();
    assert_eq!(gaps, [Modulation::V17At7200]);
}

#[test]
fn start_number_codes_echo_and_old_answers_do_not_confuse() {
    let mut modem = FakeModem::new()
        .on("ATE0Q0V1", [Answer::raw(b"ATE0Q0V1\r0\r".as_slice()), Answer::says("OK")])
        .on("ATZ", [Answer::raw(b"ATZ\r\r\nRING\r\n\r\nOK\r\n\r\nOK\r\n".as_slice())]);
    modem.unasked(b"\r\nOK\r\n\x11\x00NO CARRIER\r\n", Duration::ZERO);
    assert!(started(modem).0.is_ok());
}

#[test]
fn wake_modem_left_in_data_is_taken_out_of_it() {
    // The first commands are data to it; DLE ETX ends that, the octet behind it does no harm.
    let modem = FakeModem::new().on("ATE0Q0V1", [Answer::takes_data(), Answer::says("OK")]);
    let (abilities, mut talk) = started(modem);
    assert!(abilities.is_ok(), "{abilities:?}");
    assert!(matches!(talk.port().log[1], Done::Data(_)));
}

#[test]
fn wake_without_an_answer_tries_dtr_then_the_device_then_says_what_to_check() {
    let (failed, mut talk) = started(FakeModem::new().on("AT", [Answer::dead()]));
    let Err(NotReady::Fault(fault)) = failed else { panic!("{failed:?}") };
    assert_eq!(fault.code(), "modem-silent");
    assert!(fault.to_string().contains("baud"));
    let means: Vec<_> = talk
        .port()
        .log
        .iter()
        .filter(|done| matches!(done, Done::DtrOff | Done::Reopened))
        .collect();
    assert_eq!(means, [&Done::DtrOff, &Done::Reopened]);
    assert!(talk.now() < Millis(30_000), "found out within half a minute");
}

#[test]
fn start_babble_without_a_line_end_is_a_fault_not_a_memory() {
    let (failed, _) = started(FakeModem::new().on("ATZ", [Answer::raw(vec![b'x'; 1 << 20])]));
    let Err(NotReady::Fault(fault)) = failed else { panic!("{failed:?}") };
    assert_eq!(fault.code(), "modem-babble");
}

#[test]
fn start_unplugged_is_gone_at_once() {
    let (failed, talk) = started(FakeModem::new().on("ATX4", [Answer::unplugged()]));
    let Err(NotReady::Fault(fault)) = failed else { panic!("{failed:?}") };
    assert_eq!(fault.code(), "modem-gone");
    assert!(talk.now() < Millis(1000));
}

/// A modem that tells of itself what it is known to tell.
fn telling(answers: &[(&str, &str)], classes: &str) -> FakeModem {
    let modem = FakeModem::new().on("AT+FCLASS=?", [Answer::says(&format!("{classes}\nOK"))]);
    answers.iter().fold(modem, |modem, (question, says)| {
        modem.on(question, [Answer::says(&format!("{says}\nOK"))])
    })
}

#[test]
fn recognised_models_get_their_own_class_and_commands() {
    let usr = &["AT&H1&I0&R2"][..];
    for (answers, classes, name, class, after_class) in [
        (&[("ATI3", "U.S. Robotics 56K FAX USB V1.2.23")][..], "0,1,8", "usr-5637", "1", usr),
        (&[("ATI3", "U.S. Robotics 56K FAX EXT V4.11.2")], "0,1,2.0", "usr-5686", "1", usr),
        (&[("ATI0", "MT9234ZBA")], "0,1,1.0,2,2.1", "multitech-mt9234zba", "1", &[]),
        (&[("AT+FMM?", "\"MT5634ZBA\"")], "0,1.0,2,2.0,2.1", "multitech-mt5634", "1.0", &[]),
        (&[("ATI3", "CX93001-EIS_V0.2013-V92")], "0,1,1.0,2,8", "conexant-cx93010", "1", &[]),
        (&[("AT+GMM", "ME5614U2")], "0,1,2", "omron-me5614", "1", &[]),
        (&[("ATI3", "an unknown modem")], "0,2,2.0", "generic", "2.0", &[]),
        (&[], "0,2", "generic", "2", &[]),
    ] {
        let mut talk = Talk::new(telling(answers, classes));
        let ready = start(&mut talk, &Profiles::built_in().unwrap(), &settings()).unwrap();
        assert_eq!((ready.profile.name, ready.abilities.class.name()), (name, class));
        let commands = talk.port().commands();
        let select = format!("AT+FCLASS={class}");
        let at = commands.iter().position(|command| *command == select).unwrap();
        assert_eq!(&commands[at + 1..=at + after_class.len()], after_class, "{name}");
        assert!(commands.contains(&"ATS0=0"), "{name}");
        assert_eq!(commands.iter().filter(|command| **command == "ATZ").count(), 1, "{name}");
    }
}

#[test]
fn model_and_class_of_the_settings_are_taken_unasked() {
    let named =
        LineSettings { modem: Some("zoom-3095".into()), class: Some(Class::Two), ..settings() };
    let means = "(0,1),(0-5),(0-2),(0-2),(0),(0),(0),(0-7)\nOK";
    let modem = telling(&[("AT+FDCC=?", means)], "0,1,1.0,2");
    let mut talk = Talk::new(modem);
    let ready = start(&mut talk, &Profiles::built_in().unwrap(), &named).unwrap();
    assert_eq!((ready.profile.name, ready.abilities.class), ("zoom-3095", Class::Two));
    assert!(!talk.port().commands().iter().any(|command| command.starts_with("ATI")));
    let Skill::Pages { means, .. } = ready.abilities.skill else { panic!("no pages") };
    assert!(!means.ecm && !means.mr);
}

#[test]
fn mmr_of_a_firmware_that_breaks_it_is_not_used() {
    let means = "(00-7F),(00-0D),(00-02),(00-02),(00-03),(00-01),(00),(00-07)";
    for (says, mmr) in [("MT5634ZBA", false), ("something else", true)] {
        let modem = telling(&[("ATI0", says), ("AT+FCC=?", means)], "0,2.1");
        let Skill::Pages { means, .. } = started(modem).0.unwrap().skill else {
            panic!("no pages")
        };
        assert_eq!((means.mmr, means.ecm), (mmr, true), "{says}");
    }
}

#[test]
fn country_that_is_not_taken_is_a_fault_only_where_the_model_can() {
    let other = || [Answer::says("+GCI: B5\nOK")];
    let conexant = || telling(&[("ATI3", "CX93001-EIS_V0.2013-V92")], "0,1,2");
    assert!(started(FakeModem::new().on("AT+GCI?", other())).0.is_ok());
    assert!(started(conexant()).0.is_ok());
    let (failed, _) = started(conexant().on("AT+GCI?", other()));
    assert_eq!(failed, Err(NotReady::Country { wanted: "00".into(), is: "B5".into() }));
    let refused = conexant().on("AT+GCI=", [Answer::says("ERROR")]).on("AT+GCI?", other());
    assert!(matches!(started(refused).0, Err(NotReady::Country { .. })));
}

#[test]
fn question_that_leaves_a_modem_speechless_does_not_stop_the_set_up() {
    let modem = FakeModem::new().on("AT+FMM?", [Answer::nothing()]);
    assert_eq!(started(modem).0, Ok(class_1(Modulation::V17At14400)));
}
