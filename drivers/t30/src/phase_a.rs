//! Phase A: somebody answered; is it a fax machine?
//!
//! In: frames until T1. Out: the question [`Question::FarEnd`], and the DIS for phase B.
//! Source: ITU-T T.30 (09/2005) 5.2, 5.3.6.1.1, T1 of 5.4.3.1.
//! Not here: dialling and CNG (`drivers/modem`).

use alloc::{string::String, vec::Vec};

use crate::{
    driving::{FarEnd, Input},
    error::{CallError, Phase},
    exchange::Ear,
    frame::{self, Follows, Heard, Reply},
    identity,
    phase_b::AwaitVerdict,
    session::{Context, Next, State},
    timers::{DIS_AGAIN, FRAME, Millis, T1},
};

/// The line is through; the called machine owes us a DIS, before it perhaps NSF and CSI.
pub(crate) struct AwaitDis {
    ear: Ear,
    csi: Option<String>,
    nsf: Option<Vec<u8>>,
    /// Frames that were no DIS, or could not be read.
    others: u8,
    /// When the last that could not be read came.
    garbled_at: Option<Millis>,
    /// A DIS in whose carrier the CSI may have been damaged; taken if it is not said again.
    spare: Option<Vec<u8>>,
}

impl AwaitDis {
    pub(crate) fn begin(now: Millis) -> Next {
        let ear = Ear::open(now, T1);
        Self { ear, csi: None, nsf: None, others: 0, garbled_at: None, spare: None }.receive()
    }

    pub(crate) fn step(mut self, now: Millis, input: Input, ctx: &mut Context) -> Next {
        match input {
            Input::Frame(octets) => match frame::read(&octets) {
                Some(Heard { reply, follows, .. }) => {
                    self.ear.heard(now, follows);
                    self.others = self.others.saturating_add(1);
                    self.reply(reply, now, ctx)
                }
                None => self.damaged(now, ctx),
            },
            Input::BadFrame => self.damaged(now, ctx),
            Input::Quiet => self.give_up(ctx),
            // Nobody has presented himself, so there is nobody to send a DCN to.
            Input::Abort => Next::Over(Err(CallError::Aborted { phase: Phase::A })),
            Input::Sent
            | Input::Judged(_)
            | Input::Lengths(_)
            | Input::Page(_)
            | Input::PageMayStart(_) => Next::out_of_turn("a frame", input.name()),
        }
    }

    fn reply(mut self, reply: Reply, now: Millis, ctx: &Context) -> Next {
        match reply {
            Reply::Dis { fif } if self.may_have_lost_a_csi(now) => {
                self.spare = Some(fif);
                self.ear.no_later_than(now.after(DIS_AGAIN));
                self.listen_on(now, ctx)
            }
            Reply::Dis { fif } => self.present(fif, ctx),
            Reply::Csi { fif } => {
                self.csi = identity::decode_csi(&fif);
                self.listen_on(now, ctx)
            }
            Reply::Nsf { fif } => {
                self.nsf = Some(identity::kept_of_nsf(fif));
                self.listen_on(now, ctx)
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
            | Reply::Other => self.listen_on(now, ctx),
        }
    }

    /// A machine whose CSI was damaged must not pass for one that has none: who is to refuse another
    /// number could not see it. One more DIS is waited for, not two.
    fn may_have_lost_a_csi(&self, now: Millis) -> bool {
        let in_this_carrier = self.garbled_at.is_some_and(|at| now.since(at) <= FRAME);
        self.csi.is_none() && in_this_carrier && self.spare.is_none()
    }

    fn present(self, fif: Vec<u8>, ctx: &Context) -> Next {
        AwaitVerdict::begin(FarEnd { csi: self.csi, dis: fif, nsf: self.nsf }, ctx)
    }

    fn damaged(mut self, now: Millis, ctx: &Context) -> Next {
        self.others = self.others.saturating_add(1);
        self.garbled_at = Some(now);
        self.ear.heard(now, Follows::Last);
        self.listen_on(now, ctx)
    }

    fn listen_on(self, now: Millis, ctx: &Context) -> Next {
        if self.ear.is_over(now) { self.give_up(ctx) } else { self.receive() }
    }

    fn receive(self) -> Next {
        let receive = self.ear.receive();
        Next::Line(State::AwaitDis(self), receive)
    }

    fn give_up(mut self, ctx: &Context) -> Next {
        if let Some(fif) = self.spare.take() {
            return self.present(fif, ctx);
        }
        Next::Over(Err(match self.others {
            0 => CallError::NoDis,
            frames => CallError::DisGarbled { frames },
        }))
    }
}
