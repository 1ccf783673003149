//! What a line can be asked without calling anybody: its country, and whether the exchange is there.
//!
//! In: a ready modem. Out: [`Country`], [`DialTone`]; on-hook again in any case.
//! Source: ITU-T V.250 6.3.1 (D with `;`: back to commands after the digits, and there are none), 6.2.7 (X4: wait
//! for dial tone), 6.1 (+GCI). In class 0, since T.31 gives D a second meaning in Class 1.
//! Not here: calls (`call.rs`), when and why a line is tested (policy).

use crate::Fault;
use crate::at::{Reply, values};
use crate::call::stop_dialling;
use crate::hang_up::{Dialogue, hang_up};
use crate::port::Port;
use crate::profile::Profile;
use crate::talk::Talk;
use std::time::Duration;

const ANSWER: Duration = Duration::from_secs(3);
/// Modems give up on a dial tone after 2 s to 10 s (S6, S7 or their own); an exchange gives it within 3 s.
const DIAL_TONE: Duration = Duration::from_secs(15);

/// The country that the modem says it is set to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Country {
    /// T.35 code, 0x00 is Japan.
    Is(u8),
    /// It does not know the question: it keeps the country it was built for.
    Unknown,
}

/// What the line sounds like off-hook.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DialTone {
    Heard,
    /// The line is dead, or another device holds it.
    None,
    /// Somebody calls just now; nothing was done, since going off-hook would answer.
    Ringing,
    /// The modem cannot listen for it; what it said.
    Unknown(&'static str),
}

pub(crate) fn country<P: Port>(talk: &mut Talk<P>) -> Result<Country, Fault> {
    let answer = talk.command("AT+GCI?", ANSWER)?;
    let code = answer.text.iter().flat_map(|line| values(line)).next();
    let code = code.and_then(|code| u8::from_str_radix(&code, 16).ok());
    Ok(code.filter(|_| answer.result == Reply::Ok).map_or(Country::Unknown, Country::Is))
}

/// Goes off-hook, listens, and hangs up; the second value is whether the line may be taken for on-hook: it
/// was seen so, or it never left it.
pub(crate) fn dial_tone<P: Port>(
    talk: &mut Talk<P>,
    profile: &Profile,
) -> (Result<DialTone, Fault>, bool) {
    match may_listen(talk) {
        Ok(true) => {}
        Ok(false) => return (Ok(DialTone::Ringing), true),
        Err(fault) => return (Err(fault), true),
    }
    let heard = listen(talk, profile);
    let stood = if heard.is_ok() { Dialogue::Clean } else { Dialogue::Broken };
    let on_hook = hang_up(talk, profile, stood);
    (heard, on_hook)
}

/// A ringing line would be answered by going off-hook; any other is put into class 0.
fn may_listen<P: Port>(talk: &mut Talk<P>) -> Result<bool, Fault> {
    talk.discard()?;
    if talk.is_ringing() {
        return Ok(false);
    }
    match talk.command("AT+FCLASS=0", ANSWER)?.result {
        Reply::Ok => Ok(true),
        _ => Err(talk.refused()),
    }
}

fn listen<P: Port>(talk: &mut Talk<P>, profile: &Profile) -> Result<DialTone, Fault> {
    talk.start(&format!("{};", profile.dial), "ATD;")?;
    let until = talk.after(DIAL_TONE);
    loop {
        return Ok(match talk.reply(until)? {
            Some(Reply::Ok) => DialTone::Heard,
            Some(Reply::NoDialTone) => DialTone::None,
            Some(Reply::Text(_)) => continue,
            // It was answered by going off-hook at the same moment: all that can be done is to hang up.
            Some(Reply::Ring) => DialTone::Ringing,
            Some(
                other @ (Reply::Error
                | Reply::Connect
                | Reply::NoCarrier
                | Reply::Busy
                | Reply::NoAnswer
                | Reply::DialRefused(_)
                | Reply::Voice
                | Reply::FcError),
            ) => DialTone::Unknown(other.name()),
            None => {
                stop_dialling(talk, profile)?;
                DialTone::Unknown("nothing")
            }
        });
    }
}

#[cfg(test)]
mod tests;
