//! From an unknown modem to one that is ready to dial in the best of its fax classes.
//!
//! In: an open port, all [`Profiles`], [`LineSettings`]. Out: [`Ready`], or why it is of no use.
//! Source: ITU-T V.250 6 (set-up), T.31 and T.32 (+FCLASS, +FTM=?, +FCC=?), V.250 6.1 +GCI (country, codes
//! of T.35).
//! Not here: opening devices (`port.rs`), dialling (`call.rs`).

use crate::at::{Reply, values};
use crate::class1::{carrier_code, leave_data};
use crate::class2::{Dialect, Means};
use crate::port::{Dtr, Port};
use crate::profile::{Need, Profile, Profiles, Setup};
use crate::talk::Talk;
use crate::trace::What;
use crate::{Class, Fault, LineSettings};
use std::time::Duration;
use t30::{Millis, Modulation, Modulations, Training};
use tracing::{debug, info, warn};

/// A modem that works answers within 0.3 s; 1 s, so that an absent one is found in little time.
const KNOCK: Duration = Duration::from_secs(1);
/// Set-up commands, some of which write to flash or (ATZ) restart the modem.
const SETUP: Duration = Duration::from_secs(5);
/// Attempts to get an answer before stronger means: the first may die in a modem that restarts.
const KNOCKS: u8 = 3;
/// DTR must be off for longer than S25, 0.05 s by default; makers advise half a second.
pub(crate) const DTR_OFF: Duration = Duration::from_millis(500);
/// Rates, slowest first.
pub(crate) const LADDER: [Modulation; 8] = [
    Modulation::V27ter2400,
    Modulation::V27ter4800,
    Modulation::V29At7200,
    Modulation::V29At9600,
    Modulation::V17At7200,
    Modulation::V17At9600,
    Modulation::V17At12000,
    Modulation::V17At14400,
];

/// A modem that is set up.
#[derive(Debug)]
pub(crate) struct Ready {
    pub profile: Profile,
    pub abilities: Abilities,
}

/// What this modem can do for us.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Abilities {
    pub class: Class,
    pub skill: Skill,
}

/// What it takes from us.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Skill {
    /// Frames: we speak T.30 (Class 1, 1.0).
    Frames { carriers: Modulations },
    /// Pages: it speaks T.30 (Class 2, 2.0, 2.1).
    Pages { dialect: &'static Dialect, means: Means },
}

/// Why a modem cannot be started.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum NotReady {
    Fault(Fault),
    /// What +FCLASS=? said.
    NotFax(String),
    ClassMissing {
        class: Class,
        says: String,
    },
    Country {
        wanted: String,
        is: String,
    },
}

impl From<Fault> for NotReady {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Gets an answer, sets everything up, and asks what the modem is and can do.
pub(crate) fn start<P: Port>(
    talk: &mut Talk<P>,
    profiles: &Profiles,
    settings: &LineSettings,
) -> Result<Ready, NotReady> {
    talk.numeric = true;
    let generic = profiles.generic();
    wake(talk, generic)?;
    set_up(talk, &generic.setup)?;
    // From ATV1 on a bare digit is the answer to a question.
    talk.numeric = false;
    let profile = match &settings.modem {
        Some(name) => profiles.named(name).unwrap_or(generic),
        None => recognised(talk, profiles)?,
    };
    // A model's set-up begins with that of any modem, which is done.
    set_up(talk, profile.setup.get(generic.setup.len()..).unwrap_or_default())?;
    let class = chosen_class(talk, profile, settings.class)?;
    select(talk, profile, class)?;
    if let Some(country) = settings.country {
        set_country(talk, profile, country)?;
    }
    let answer_wait_s = settings.answer_wait.as_secs().clamp(1, 255);
    // 255 s is the register's end; a modem with less keeps its own, and our deadline counts.
    if talk.command(&format!("ATS7={answer_wait_s}"), SETUP)?.result != Reply::Ok {
        debug!(answer_wait_s, "modem.setup.s7_refused");
    }
    let skill = match Dialect::of(class) {
        None => Skill::Frames { carriers: carriers(talk)? },
        Some(dialect) => Skill::Pages { dialect, means: means(talk, profile, dialect)? },
    };
    // Once each time a modem is set up: which one stands there is what a technician asks first.
    info!(line = settings.name, model = profile.name, %class, "modem.ready");
    Ok(Ready { profile: profile.clone(), abilities: Abilities { class, skill } })
}

fn set_up<P: Port>(talk: &mut Talk<P>, setup: &[Setup]) -> Result<(), Fault> {
    for Setup { command, need, why, .. } in setup {
        let answer = talk.command(command, SETUP)?;
        match (answer.result, need) {
            (Reply::Ok, Need::Must | Need::May) => {}
            (_, Need::May) => debug!(command, why, "modem.setup.not_known"),
            (_, Need::Must) => return Err(talk.refused()),
        }
        if command == "ATZ" {
            // Back to the stored state: echo, number codes or silence may be on again, and some
            // modems lose the first command behind ATZ.
            knock(talk)?;
        }
    }
    Ok(())
}

/// Asks the modem who it is until a model is known by an answer. Few modems have an answer to each.
fn recognised<'a, P: Port>(
    talk: &mut Talk<P>,
    profiles: &'a Profiles,
) -> Result<&'a Profile, Fault> {
    for question in profiles.questions() {
        match talk.command(question, KNOCK) {
            Ok(answer) => {
                if let Some(profile) = profiles.known_by(question, &answer.text.join(" ")) {
                    return Ok(profile);
                }
            }
            // A question that it never heard of may leave it speechless; if it is dead, this tells.
            Err(Fault::Silent { .. }) => knock(talk)?,
            Err(other) => return Err(other),
        }
    }
    Ok(profiles.generic())
}

/// An answer from a modem in whatever state: in data, quiet, off-hook, or asleep.
fn wake<P: Port>(talk: &mut Talk<P>, profile: &Profile) -> Result<(), Fault> {
    if knock(talk).is_ok() {
        return Ok(());
    }
    leave_data(talk, profile.abort)?;
    if knock(talk).is_ok() {
        return Ok(());
    }
    drop_dtr(talk)?;
    if knock(talk).is_ok() {
        return Ok(());
    }
    talk.reopen()?;
    knock(talk)
}

/// Answers on (`Q0`), in words, no echo: until this is answered nothing else would be.
fn knock<P: Port>(talk: &mut Talk<P>) -> Result<(), Fault> {
    let mut last = talk.command("ATE0Q0V1", KNOCK);
    for _ in 1..KNOCKS {
        match last {
            Ok(answer) if answer.result == Reply::Ok => return Ok(()),
            Err(Fault::Port(error)) => return Err(Fault::Port(error)),
            Ok(_) | Err(_) => last = talk.command("ATE0Q0V1", KNOCK),
        }
    }
    match last?.result {
        Reply::Ok => Ok(()),
        other => Err(talk.nonsense(&other)),
    }
}

/// DTR off and on again, if the port has the wire; whether it has.
pub(crate) fn drop_dtr<P: Port>(talk: &mut Talk<P>) -> Result<Dtr, Fault> {
    if talk.port().set_dtr(false)? == Dtr::Unknown {
        return Ok(Dtr::Unknown);
    }
    talk.note(What::DtrDropped);
    let until = talk.after(DTR_OFF);
    let rested = rest(talk, until);
    let dtr = talk.port().set_dtr(true)?;
    rested.map(|()| dtr)
}

fn rest<P: Port>(talk: &mut Talk<P>, until: Millis) -> Result<(), Fault> {
    while talk.now() < until {
        talk.reply(until)?; // NO CARRIER, OK or nothing: the modem's choice
    }
    Ok(())
}

/// Selects a fax class; also asked before each call, since some modems leave it on hang-up.
pub(crate) fn select<P: Port>(
    talk: &mut Talk<P>,
    profile: &Profile,
    class: Class,
) -> Result<(), Fault> {
    match talk.command(&format!("AT+FCLASS={class}"), SETUP)?.result {
        Reply::Ok => set_up(talk, &profile.after_class),
        _ => Err(talk.refused()),
    }
}

/// The class that the settings name, or the first that the model is good for; it must be the modem's.
fn chosen_class<P: Port>(
    talk: &mut Talk<P>,
    profile: &Profile,
    set: Option<Class>,
) -> Result<Class, NotReady> {
    let answer = talk.command("AT+FCLASS=?", SETUP)?;
    let says = answer.text.join(" ");
    let names: Vec<String> = answer.text.iter().flat_map(|line| values(line)).collect();
    let has = |class: &Class| names.iter().any(|name| name == class.name());
    match set {
        Some(class) if has(&class) => Ok(class),
        Some(class) => Err(NotReady::ClassMissing { class, says }),
        None => {
            let order = profile.prefer.iter().chain(&Class::ALL);
            order.copied().find(has).ok_or(NotReady::NotFax(says))
        }
    }
}

/// Country of installation, read back. A modem that cannot keeps the one it was built for; where its
/// profile says that it can, it must.
fn set_country<P: Port>(
    talk: &mut Talk<P>,
    profile: &Profile,
    country: u8,
) -> Result<(), NotReady> {
    let wanted = format!("{country:02X}");
    let set = talk.command(&format!("AT+GCI={wanted}"), SETUP)?.result == Reply::Ok;
    let answer = talk.command("AT+GCI?", SETUP)?;
    let is = answer.text.iter().flat_map(|line| values(line)).next();
    match (is, profile.country) {
        (Some(is), Need::Must | Need::May) if set && is.eq_ignore_ascii_case(&wanted) => {}
        (is, Need::May) => warn!(wanted, ?is, code = "modem-country", "modem.country.not_set"),
        (is, Need::Must) => {
            let is = is.unwrap_or_else(|| "none that it tells".into());
            return Err(NotReady::Country { wanted, is });
        }
    }
    Ok(())
}

/// What a modem that speaks T.30 offers.
fn means<P: Port>(
    talk: &mut Talk<P>,
    profile: &Profile,
    dialect: &Dialect,
) -> Result<Means, Fault> {
    let answer = talk.command(dialect.what_can_you_do, SETUP)?;
    let means = Means::read(&answer.text.join(""));
    Ok(Means { mmr: means.mmr && profile.mmr, ..means })
}

/// The carriers of +FTM=?, or those up to V.29 if the modem does not say anything that can be read. Some
/// models have gaps: USRobotics lists no V.17 at 7200.
fn carriers<P: Port>(talk: &mut Talk<P>) -> Result<Modulations, Fault> {
    let answer = talk.command("AT+FTM=?", SETUP)?;
    let codes: Vec<String> = answer.text.iter().flat_map(|line| values(line)).collect();
    let has = |modulation: Modulation| {
        let code = |training| carrier_code(modulation, training).to_string();
        codes.contains(&code(Training::Long)) && codes.contains(&code(Training::Short))
    };
    let without = |unlisted: &dyn Fn(Modulation) -> bool| {
        let gaps = LADDER.into_iter().filter(|&modulation| unlisted(modulation));
        gaps.fold(Modulations::ALL, Modulations::without)
    };
    if LADDER.into_iter().any(has) {
        Ok(without(&|modulation| !has(modulation)))
    } else {
        Ok(without(&|modulation| modulation > Modulation::V29At9600))
    }
}

#[cfg(test)]
mod tests;
