//! The built-in files: complete, honest about their sources, and none hides another.

use super::*;

fn files() -> Vec<(&'static str, File)> {
    FILES.into_iter().map(|(name, text)| (name, parse(name, text).unwrap())).collect()
}

/// Everything in a file that claims something, with how it is known.
fn claims(file: &File) -> Vec<(String, &str)> {
    let commands = file.setup.iter().chain(&file.after_class);
    let mut claims: Vec<(String, &str)> =
        commands.map(|setup| (setup.command.clone(), setup.source.as_str())).collect();
    claims.extend(file.sign.iter().map(|sign| (format!("sign {}", sign.says), &*sign.source)));
    claims.extend(file.bug.iter().map(|bug| (bug.is.clone(), &*bug.source)));
    let values = [
        ("dial", file.dial.as_ref().map(|known| &known.source)),
        ("hang_up", file.hang_up.as_ref().map(|known| &known.source)),
        ("flow", file.flow.as_ref().map(|known| &known.source)),
        ("abort", file.abort.as_ref().map(|known| &known.source)),
        ("prefer", file.prefer.as_ref().map(|known| &known.source)),
        ("country", file.country.as_ref().map(|known| &known.source)),
        ("mmr", file.mmr.as_ref().map(|known| &known.source)),
        ("classes", file.classes.as_ref().map(|known| &known.source)),
    ];
    claims.extend(
        values
            .iter()
            .filter_map(|(name, source)| Some(((*name).to_owned(), source.as_ref()?.as_str()))),
    );
    claims
}

#[test]
fn every_line_says_how_it_is_known_and_guesses_are_counted() {
    let mut counted = Vec::new();
    for (name, file) in files() {
        let mut guesses = 0;
        for (claim, source) in claims(&file) {
            let (kind, what) = source.split_once(": ").unwrap_or((source, ""));
            assert!(
                ["manual", "standard", "driver", "guess"].contains(&kind) && !what.is_empty(),
                "{name}: {claim}: {source:?}"
            );
            guesses += usize::from(kind == "guess");
        }
        counted.push((name, guesses, claims(&file).len()));
    }
    // A change here is a change of what we know: say so in the commit.
    assert_eq!(
        counted,
        [
            ("generic", 1, 16),
            ("usr-5637", 2, 4),
            ("usr-5686", 2, 7),
            ("multitech-mt9234zba", 4, 6),
            ("multitech-mt5634", 1, 8),
            ("conexant-cx93010", 1, 7),
            ("zoom-3095", 1, 4),
            ("omron-me5614", 4, 4),
        ]
    );
}

#[test]
fn every_model_begins_with_a_reset_and_never_answers() {
    let profiles = Profiles::built_in().unwrap();
    for name in models() {
        let profile = profiles.named(name).unwrap();
        assert_eq!(profile.setup[0].command, "ATZ", "{name}");
        let never = |setup: &Setup| setup.command == "ATS0=0" && setup.need == Need::Must;
        assert!(profile.setup.iter().any(never), "{name}");
        for setup in profile.setup.iter().chain(&profile.after_class) {
            assert!(!setup.why.is_empty(), "{name}: {}", setup.command);
            let command = setup.command.to_ascii_uppercase();
            let body = command.strip_prefix("AT").unwrap();
            assert!(body.chars().all(|c| c.is_ascii_graphic()), "{name}: {command}");
            assert!(!["D", "A"].iter().any(|dials| body.starts_with(dials)), "{name}: {command}");
            assert!(!body.contains("S0=") || body == "S0=0", "{name}: {command}");
        }
    }
}

#[test]
fn no_model_hides_another() {
    let profiles = Profiles::built_in().unwrap();
    for (profile, signs) in &profiles.models {
        for sign in signs {
            let found = profiles.known_by(&sign.ask, &sign.says).unwrap();
            assert_eq!(found.name, profile.name, "{}", sign.says);
            let others = profiles.models.iter().filter(|(other, signs)| {
                let fits = |other: &Sign| {
                    other.ask == sign.ask
                        && sign.says.to_ascii_lowercase().contains(&other.says.to_ascii_lowercase())
                };
                other.name != profile.name && signs.iter().any(fits)
            });
            assert_eq!(others.count(), 0, "{}", sign.says);
        }
    }
}

#[test]
fn answers_that_modems_were_seen_to_give_are_recognised() {
    let profiles = Profiles::built_in().unwrap();
    for (question, answer, name) in [
        ("ATI3", "U.S. Robotics 56K FAX USB V1.2.23", Some("usr-5637")),
        ("ATI3", "CX93001-EIS_V0.2013-V92", Some("conexant-cx93010")),
        // A Zoom 3095 says the same as every other modem with its chip.
        ("ATI3", "CX93001-EIS_V0.2002-V92", Some("conexant-cx93010")),
        ("ATI0", "LT V.92 1.0 MT5634ZBA-USB-V92 Data/Fax Modem", Some("multitech-mt5634")),
        ("AT+FMM?", "\"MT5634ZBA\"", Some("multitech-mt5634")),
        ("ATI3", "LT V.92 1.0", None),
        ("ATI3", "", None),
    ] {
        let found = profiles.known_by(question, answer).map(|profile| profile.name);
        assert_eq!(found, name, "{question} {answer}");
    }
}
