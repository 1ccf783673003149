//! The end of every call: on-hook, and seen to be so.
//!
//! In: a modem in any state. Out: whether it answered from on-hook. Source: ITU-T V.250 6.3.6 (ATH);
//! the order of means is our own: word, DTR, closing the device.
//! Not here: DCN (`drivers/t30`), what the call came to (`call.rs`).

use crate::Fault;
use crate::at::Reply;
use crate::class1::leave_data;
use crate::init::drop_dtr;
use crate::port::{Dtr, Port};
use crate::profile::Profile;
use crate::talk::Talk;
use crate::trace::What;
use std::time::Duration;
use tracing::{debug, warn};

/// The relay falls at once; 3 s, because some modems first end a carrier.
const ON_HOOK: Duration = Duration::from_secs(3);
/// What a modem may still have to send out of its buffers after DLE ETX: 4 KiB at 14 400 bit/s
/// are 2.3 s.
const BUFFERED: Duration = Duration::from_secs(4);

/// The first ATH may not have been heard at all; a modem that did answers well within it.
const SOON: Duration = Duration::from_millis(1000);
/// Page octets taken for commands: a buffer of 4 KiB has passed a port of 115,200 bit/s in 0.4 s.
const REFUSALS: Duration = Duration::from_millis(1000);
/// A modem that refuses goes on with the next line at once.
const QUIET: Duration = Duration::from_millis(150);

/// How the call's dialogue stood when it ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Dialogue {
    /// The modem waits for a command.
    Clean,
    /// It may be in data, or not answer at all.
    Broken,
    /// It may wait for a page (Class 2 to 2.1), of which no octet may come: not even those of ATH.
    AtPage,
}

impl Dialogue {
    /// How it stands when this fault came on top.
    pub(crate) fn or_after(self, fault: &Fault) -> Self {
        match self {
            Self::Broken | Self::AtPage => self,
            Self::Clean => Self::after(fault),
        }
    }

    /// A modem that gave a final result waits for a command: nothing is left to be taken out of it, and a
    /// line that the far end has let go is on-hook without a wait.
    pub(crate) fn after(fault: &Fault) -> Self {
        match fault {
            Fault::Dropped { .. }
            | Fault::Refused { .. }
            | Fault::Underrun { .. }
            | Fault::NoPageStatus { .. }
            | Fault::NoContract
            | Fault::NotDigits
            | Fault::Identity(_)
            | Fault::BoxNeedsClass1 => Self::Clean,
            Fault::Port(_)
            | Fault::Silent { .. }
            | Fault::Stuck { .. }
            | Fault::Nonsense { .. }
            | Fault::Babble { .. }
            | Fault::Shared { .. }
            | Fault::OffHook
            | Fault::Slow { .. }
            | Fault::CallLimit { .. } => Self::Broken,
        }
    }
}

/// Hangs up by the mildest means that works; `true` if the modem answered from on-hook.
pub(crate) fn hang_up<P: Port>(talk: &mut Talk<P>, profile: &Profile, stood: Dialogue) -> bool {
    type Means<P> = (&'static str, fn(&mut Talk<P>, &Profile, Dialogue) -> Result<bool, Fault>);
    let word: Means<P> = ("word", by_word);
    let dtr: Means<P> = ("dtr", by_dtr);
    let reopen: Means<P> = ("reopen", by_reopen);
    talk.lift_limit();
    for (means, prepare) in match stood {
        Dialogue::Clean | Dialogue::Broken => [word, dtr, reopen],
        Dialogue::AtPage => [dtr, reopen, word],
    } {
        let hung_up = prepare(talk, profile, stood);
        let verified = hung_up == Ok(true);
        talk.note(What::HangUp { means: means.into(), verified });
        match hung_up {
            Ok(true) => {
                debug!(means, "modem.hang_up.verified");
                return true;
            }
            Ok(false) => debug!(means, "modem.hang_up.refused"),
            Err(fault) => warn!(means, code = fault.code(), %fault, "modem.hang_up.failed"),
        }
    }
    false
}

fn by_word<P: Port>(talk: &mut Talk<P>, profile: &Profile, stood: Dialogue) -> Result<bool, Fault> {
    if stood != Dialogue::Clean {
        leave_data(talk, profile.abort)?;
        let until = talk.after(BUFFERED);
        while !matches!(
            talk.reply(until)?,
            None | Some(Reply::Ok | Reply::NoCarrier | Reply::Error)
        ) {}
    }
    on_hook(talk, profile)
}

fn by_dtr<P: Port>(talk: &mut Talk<P>, profile: &Profile, _: Dialogue) -> Result<bool, Fault> {
    match drop_dtr(talk)? {
        Dtr::Set => on_hook(talk, profile),
        Dtr::Unknown => Ok(false),
    }
}

fn by_reopen<P: Port>(talk: &mut Talk<P>, profile: &Profile, _: Dialogue) -> Result<bool, Fault> {
    talk.reopen()?;
    on_hook(talk, profile)
}

/// Said and answered twice: a late OK of something else may stand for the first answer, and a modem
/// that still receives or dials takes the first octet as its end, says OK to that, and throws the rest
/// of the line away. Refused or passed over once, it is said once more when the modem is quiet: page octets
/// that were on their way when it gave up the line are commands to it. Each that begins with AT is refused,
/// and one that does not takes the ATH behind it along, without a word.
fn on_hook<P: Port>(talk: &mut Talk<P>, profile: &Profile) -> Result<bool, Fault> {
    let say = |talk: &mut Talk<P>, wait| {
        Ok::<_, Fault>(talk.command(&profile.hang_up, wait)?.result == Reply::Ok)
    };
    let heard = match say(talk, SOON) {
        Err(Fault::Silent { .. }) => false,
        other => other?,
    };
    if !heard {
        let until = talk.after(REFUSALS);
        while talk.reply(talk.after(QUIET).min(until))?.is_some() {}
        if !say(talk, ON_HOOK)? {
            return Ok(false);
        }
    }
    say(talk, ON_HOOK)
}

#[cfg(test)]
mod tests;
