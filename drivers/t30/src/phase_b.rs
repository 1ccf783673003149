//! Phase B: agree with the called machine, then prove that the line carries the agreement.
//!
//! In: its DIS and the caller's verdict. Out: a [`Deal`] for phase C.
//! Source: ITU-T T.30 (09/2005) 5.2, figures 5-2a and 5-2b; DCS, TCF, CFR and FTT of 5.3.6.1.
//! Not here: what the best contract is (`contract`).

use alloc::vec;

use crate::{
    contract::{self, Contract},
    dcs,
    dis::Capabilities,
    driving::{Event, Fast, Input, LineAction},
    error::{CallError, Phase},
    exchange::{Exchange, Turn, control},
    frame::{self, Follows, Reply},
    modulation::{Modulation, Training},
    phase_c::{self, Coded},
    session::{Context, Next, State},
    signal::Signal,
    timers::{GAP, Millis, TCF, TRIES},
};

/// What is agreed for the page that is next, and what the far end could do besides.
pub(crate) struct Deal {
    pub(crate) far: Capabilities,
    pub(crate) contract: Contract,
    /// Counted from 0.
    pub(crate) page: u16,
    /// RTNs that this page has had.
    pub(crate) rtns: u8,
}

/// A DIS was read; the caller owes us a verdict on who sent it.
pub(crate) struct AwaitVerdict {
    pub(crate) far: Capabilities,
}

impl AwaitVerdict {
    pub(crate) fn step(self, input: Input, ctx: &mut Context) -> Next {
        match input {
            Input::Judged(true) => match agree(&self.far, ctx.settings.fastest, ctx) {
                Ok(contract) => {
                    train(Deal { far: self.far, contract, page: 0, rtns: 0 }, None, 1, ctx)
                }
                Err(error) => ctx.disconnect(Err(error)),
            },
            Input::Judged(false) => ctx.disconnect(Err(CallError::RefusedFarEnd)),
            Input::Abort => ctx.disconnect(Err(CallError::Aborted { phase: Phase::B })),
            Input::Sent
            | Input::Frame(_)
            | Input::BadFrame
            | Input::Quiet
            | Input::Page(_)
            | Input::PageMayStart(_) => Next::out_of_turn("Judged", input.name()),
        }
    }
}

fn agree(far: &Capabilities, cap: Modulation, ctx: &Context) -> Result<Contract, CallError> {
    if !far.receives {
        return Err(CallError::CannotReceive);
    }
    contract::choose(far, &ctx.settings, cap).ok_or(CallError::Incompatible)
}

/// Puts DCS and TCF on the line; `tries` counts those for this contract so far and this one.
///
/// `coded` is the page as it was coded last, if it was.
pub(crate) fn train(deal: Deal, coded: Option<Coded>, tries: u8, ctx: &mut Context) -> Next {
    let modulation = deal.contract.modulation;
    ctx.agreed(&deal.contract);
    ctx.tell(Event::Training { modulation, tries });

    let dcs_fif = dcs::fif(&deal.contract, &deal.far);
    let dcs = frame::command(Signal::DCS, &dcs_fif, Follows::Last);
    let tsi = ctx.settings.tsi.as_ref();
    let tsi = tsi.map(|tsi| frame::command(Signal::TSI, tsi.fif(), Follows::More));
    let tcf_ms = u32::try_from(TCF.as_millis()).unwrap_or(u32::MAX);
    let tcf = LineAction::SendFast {
        silence: GAP,
        modulation,
        training: Training::Long,
        what: Fast::Tcf,
        octets: vec![0; modulation.octets_in(tcf_ms)],
    };
    let (exchange, first) = Exchange::begin(control(tsi.into_iter().chain([dcs])), [tcf], tries);
    Next::Line(State::AwaitCfr(AwaitCfr { deal, coded, exchange }), first)
}

/// DCS and TCF are on the line; the called machine owes us CFR or FTT.
pub(crate) struct AwaitCfr {
    deal: Deal,
    coded: Option<Coded>,
    exchange: Exchange,
}

impl AwaitCfr {
    pub(crate) fn step(mut self, now: Millis, input: Input, ctx: &mut Context) -> Next {
        let turn = self.exchange.step(now, input);
        self.take(turn, now, ctx)
    }

    fn take(self, turn: Turn, now: Millis, ctx: &mut Context) -> Next {
        match turn {
            Turn::Line(action) => Next::Line(State::AwaitCfr(self), action),
            Turn::Again(action, tries) => {
                ctx.tell(Event::Training { modulation: self.deal.contract.modulation, tries });
                Next::Line(State::AwaitCfr(self), action)
            }
            Turn::Reply(reply, signal) => self.reply(reply, signal, now, ctx),
            Turn::Silence => {
                let no_reply = CallError::NoReplyToDcs { tries: self.exchange.tries() };
                ctx.disconnect(Err(self.exchange.silence("CFR or FTT", Phase::B, no_reply)))
            }
            Turn::Aborted => ctx.disconnect(Err(CallError::Aborted { phase: Phase::B })),
            Turn::Misplaced(got) => Next::out_of_turn("CFR or FTT", got),
        }
    }

    fn reply(mut self, reply: Reply, signal: Signal, now: Millis, ctx: &mut Context) -> Next {
        match reply {
            Reply::Cfr => {
                ctx.tell(Event::Trained { modulation: self.deal.contract.modulation });
                phase_c::begin(self.deal, self.coded)
            }
            Reply::Ftt => self.slower(ctx),
            Reply::Dis { fif } => self.presented_again(&fif, ctx),
            Reply::Crp => {
                let turn = self.exchange.again();
                self.take(turn, now, ctx)
            }
            Reply::Dcn => Next::Over(Err(CallError::DcnBeforePage { page: self.deal.page })),
            Reply::Csi { .. } | Reply::Nsf { .. } => {
                let turn = self.exchange.listen_on(now); // a DIS follows
                self.take(turn, now, ctx)
            }
            Reply::Dtc
            | Reply::Ctr
            | Reply::Positive(_)
            | Reply::Rtn
            | Reply::Pin
            | Reply::Ppr(_)
            | Reply::Rnr
            | Reply::Err
            | Reply::Other => {
                let turn = self.exchange.ignore(now, signal);
                self.take(turn, now, ctx)
            }
        }
    }

    /// FTT: the next modulation down, with three tries of its own.
    fn slower(mut self, ctx: &mut Context) -> Next {
        let last = self.deal.contract.modulation;
        match self.deal.far.modulations.below(last) {
            Some(modulation) => {
                self.deal.contract.modulation = modulation;
                train(self.deal, self.coded, 1, ctx)
            }
            None => ctx.disconnect(Err(CallError::CannotTrain { last })),
        }
    }

    /// DIS again: it did not hear our DCS, or did not like it. It may offer less this time.
    fn presented_again(mut self, fif: &[u8], ctx: &mut Context) -> Next {
        let tries = self.exchange.tries();
        if tries >= TRIES {
            return ctx.disconnect(Err(CallError::NoReplyToDcs { tries }));
        }
        self.deal.far = Capabilities::read(fif);
        match agree(&self.deal.far, self.deal.contract.modulation, ctx) {
            Ok(contract) => {
                self.deal.contract = contract;
                train(self.deal, self.coded, tries + 1, ctx)
            }
            Err(error) => ctx.disconnect(Err(error)),
        }
    }
}
