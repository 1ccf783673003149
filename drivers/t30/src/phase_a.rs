//! Phase A: somebody answered; is it a fax machine?
//!
//! In: frames until T1. Out: the question [`Question::FarEnd`], and the DIS for phase B.
//! Source: ITU-T T.30 (09/2005) 5.2, 5.3.6.1.1, T1 of 5.4.3.1.
//! Not here: dialling and CNG (`drivers/modem`).

use alloc::{string::String, vec::Vec};

use crate::{
    dis::Capabilities,
    driving::{FarEnd, Input, Question},
    error::{CallError, Phase},
    exchange::Ear,
    frame::{self, Follows, Heard, Reply},
    identity,
    phase_b::AwaitVerdict,
    session::{Context, Next, State},
    timers::{Millis, T1},
};

/// Octets of an NSF that are kept; what makers put there is told apart by the first few.
const NSF_KEPT_OCTETS: usize = 64;

/// The line is through; the called machine owes us a DIS, before it perhaps NSF and CSI.
pub(crate) struct AwaitDis {
    ear: Ear,
    csi: Option<String>,
    nsf: Option<Vec<u8>>,
    /// Frames that could not be read.
    garbled: u8,
}

impl AwaitDis {
    pub(crate) fn begin(now: Millis) -> Next {
        Self { ear: Ear::open(now, T1), csi: None, nsf: None, garbled: 0 }.receive()
    }

    pub(crate) fn step(mut self, now: Millis, input: Input, ctx: &mut Context) -> Next {
        match input {
            Input::Frame(octets) => match frame::read(&octets) {
                Some(Heard { reply, follows, .. }) => {
                    self.ear.heard(now, follows);
                    self.reply(reply, now, ctx)
                }
                None => self.damaged(now),
            },
            Input::BadFrame => self.damaged(now),
            Input::Quiet => self.give_up(),
            // Nobody has presented himself, so there is nobody to send a DCN to.
            Input::Abort => Next::Over(Err(CallError::Aborted { phase: Phase::A })),
            Input::Sent | Input::Judged(_) | Input::Page(_) | Input::PageMayStart(_) => {
                Next::out_of_turn("a frame", input.name())
            }
        }
    }

    fn reply(mut self, reply: Reply, now: Millis, ctx: &Context) -> Next {
        match reply {
            Reply::Dis { fif } => {
                let far = Capabilities::read(&fif);
                let question = Question::FarEnd(FarEnd { csi: self.csi, dis: fif, nsf: self.nsf });
                Next::Ask(State::AwaitVerdict(AwaitVerdict { far }), question)
            }
            Reply::Csi { fif } => {
                self.csi = identity::decode_csi(&fif);
                self.listen_on(now)
            }
            Reply::Nsf { mut fif } => {
                fif.truncate(NSF_KEPT_OCTETS);
                self.nsf = Some(fif);
                self.listen_on(now)
            }
            Reply::Dtc => ctx.disconnect(Err(CallError::Dtc)),
            Reply::Dcn => Next::Over(Err(CallError::DcnBeforePage { page: 0 })),
            // Not of this phase: another call's rest, or an echo. DIS is repeated until its T1.
            Reply::Cfr
            | Reply::Ftt
            | Reply::Ctr
            | Reply::Positive(_)
            | Reply::Rtn
            | Reply::Pin
            | Reply::Ppr(_)
            | Reply::Rnr
            | Reply::Err
            | Reply::Crp
            | Reply::Other => self.listen_on(now),
        }
    }

    fn damaged(mut self, now: Millis) -> Next {
        self.garbled = self.garbled.saturating_add(1);
        self.ear.heard(now, Follows::Last);
        self.listen_on(now)
    }

    fn listen_on(self, now: Millis) -> Next {
        if self.ear.is_over(now) { self.give_up() } else { self.receive() }
    }

    fn receive(self) -> Next {
        let receive = self.ear.receive();
        Next::Line(State::AwaitDis(self), receive)
    }

    fn give_up(self) -> Next {
        Next::Over(Err(match self.garbled {
            0 => CallError::NoDis,
            frames => CallError::DisGarbled { frames },
        }))
    }
}
