//! From an unknown modem to one that is ready to dial in Class 1.
//!
//! In: an open port, a [`Profile`], [`LineSettings`]. Out: [`Abilities`], or why it is of no use.
//! Source: ITU-T V.250 6 (set-up), T.31 (+FCLASS, +FTM=?), V.250 6.1 +GCI (country, codes of T.35).
//! Not here: opening devices (`port.rs`), dialling (`call.rs`).

use crate::at::{Reply, values};
use crate::class1::{carrier_code, leave_data};
use crate::port::{Dtr, Port};
use crate::profile::{Need, Profile};
use crate::talk::Talk;
use crate::trace::What;
use crate::{Fault, LineSettings};
use std::time::Duration;
use t30::{Millis, Modulation, Training};
use tracing::{debug, warn};

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

/// What this modem can do for us.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Abilities {
    pub fastest: Modulation,
}

/// Why a modem cannot be started.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum NotReady {
    Fault(Fault),
    /// What +FCLASS=? said.
    NotClass1(String),
}

impl From<Fault> for NotReady {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Gets an answer, sets everything up, and asks what the modem can do.
pub(crate) fn start<P: Port>(
    talk: &mut Talk<P>,
    profile: &Profile,
    settings: &LineSettings,
) -> Result<Abilities, NotReady> {
    talk.numeric = true;
    wake(talk, profile)?;
    for setup in &profile.setup {
        let answer = talk.command(&setup.command, SETUP)?;
        let (command, why) = (&setup.command, &setup.why);
        match (answer.result, setup.need) {
            (Reply::Ok, Need::Must | Need::May) => {}
            (_, Need::May) => debug!(command, why, "modem.setup.not_known"),
            (_, Need::Must) => return Err(talk.refused().into()),
        }
        if command == "ATZ" {
            // Back to the stored state: echo, number codes or silence may be on again, and some
            // modems lose the first command behind ATZ.
            knock(talk)?;
        }
    }
    // From ATV1 on a bare digit is the answer to a question.
    talk.numeric = false;
    class1(talk)?;
    if let Some(country) = settings.country {
        set_country(talk, country)?;
    }
    let answer_wait_s = settings.answer_wait.as_secs().clamp(1, 255);
    // 255 s is the register's end; a modem with less keeps its own, and our deadline counts.
    if talk.command(&format!("ATS7={answer_wait_s}"), SETUP)?.result != Reply::Ok {
        debug!(answer_wait_s, "modem.setup.s7_refused");
    }
    let fastest = fastest(talk)?;
    debug!(?fastest, "modem.ready");
    Ok(Abilities { fastest })
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

/// Selects Class 1; also asked before each call, since some modems leave it on hang-up.
pub(crate) fn select_class1<P: Port>(talk: &mut Talk<P>) -> Result<(), Fault> {
    match talk.command("AT+FCLASS=1", SETUP)?.result {
        Reply::Ok => Ok(()),
        _ => Err(talk.refused()),
    }
}

fn class1<P: Port>(talk: &mut Talk<P>) -> Result<(), NotReady> {
    let answer = talk.command("AT+FCLASS=?", SETUP)?;
    let says = answer.text.join(" ");
    if !answer.text.iter().any(|line| values(line).iter().any(|class| class == "1")) {
        return Err(NotReady::NotClass1(says));
    }
    Ok(select_class1(talk)?)
}

/// Country of installation, read back. Not every modem can: then it keeps the one it was built for.
fn set_country<P: Port>(talk: &mut Talk<P>, country: u8) -> Result<(), Fault> {
    let hex = format!("{country:02X}");
    let set = talk.command(&format!("AT+GCI={hex}"), SETUP)?.result == Reply::Ok;
    let answer = talk.command("AT+GCI?", SETUP)?;
    let is = answer.text.iter().flat_map(|line| values(line)).next();
    match is {
        Some(is) if set && is.eq_ignore_ascii_case(&hex) => {}
        is => warn!(wanted = hex, ?is, "modem.country.not_set"),
    }
    Ok(())
}

/// The fastest carrier of +FTM=?, or V.29 if the modem does not say anything that can be read.
fn fastest<P: Port>(talk: &mut Talk<P>) -> Result<Modulation, Fault> {
    let answer = talk.command("AT+FTM=?", SETUP)?;
    let codes: Vec<String> = answer.text.iter().flat_map(|line| values(line)).collect();
    let has = |modulation: &&Modulation| {
        let code = |training| carrier_code(**modulation, training).to_string();
        codes.contains(&code(Training::Long)) && codes.contains(&code(Training::Short))
    };
    Ok(LADDER.iter().rev().find(has).copied().unwrap_or(Modulation::V29At9600))
}

#[cfg(test)]
mod tests;
