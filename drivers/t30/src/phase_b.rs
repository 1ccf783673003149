//! Phase B: agree with the called machine, then prove that the line carries the agreement.
//!
//! In: its DIS, the caller's verdict, and how long the pages are in each coding. Out: a [`Deal`] for phase C.
//! Source: ITU-T T.30 (09/2005) 5.2, figures 5-2a and 5-2b; DCS, TCF, CFR and FTT of 5.3.6.1.
//! Not here: what the best contract is (`contract`).

use alloc::{string::String, vec, vec::Vec};

use crate::{
    contract::{self, Choice, Contract},
    dcs,
    dis::Capabilities,
    driving::{Event, FarEnd, Fast, Input, LineAction, Question},
    error::{CallError, Phase},
    exchange::{Exchange, Turn, control},
    frame::{self, Follows, Reply},
    identity,
    modulation::{Modulation, Training},
    phase_c::{self, Coded},
    session::{Context, Next, State},
    signal::Signal,
    t85::T85,
    timers::{GAP, Millis, TCF, TRIES},
};

/// What is agreed for the page that is next, and what the far end could do besides.
pub(crate) struct Deal {
    pub(crate) far: Capabilities,
    /// CSI of the machine that the caller allowed.
    pub(crate) csi: Option<String>,
    pub(crate) contract: Contract,
    /// Counted from 0.
    pub(crate) page: u16,
    /// RTNs that this page has had.
    pub(crate) rtns: u8,
}

/// A DIS was read; the caller owes us a verdict on who sent it.
pub(crate) struct AwaitVerdict {
    met: Met,
    /// Nothing above this is tried.
    cap: Modulation,
}

/// A machine that presented itself, and where the call stands.
struct Met {
    far: Capabilities,
    csi: Option<String>,
    /// Of the DCS that comes next.
    tries: u8,
    page: u16,
    rtns: u8,
    coded: Option<Coded>,
}

impl AwaitVerdict {
    /// The first DIS of the call.
    pub(crate) fn begin(far_end: FarEnd, ctx: &Context) -> Next {
        let met = Met {
            far: far_capabilities(&far_end.dis, ctx),
            csi: far_end.csi.clone(),
            tries: 1,
            page: 0,
            rtns: 0,
            coded: None,
        };
        let state = Self { met, cap: ctx.settings.fastest };
        Next::Ask(State::AwaitVerdict(state), Question::FarEnd(far_end))
    }

    pub(crate) fn step(self, input: Input, ctx: &mut Context) -> Next {
        match input {
            Input::Judged(true) => self.allowed(ctx),
            Input::Judged(false) => ctx.disconnect(Err(CallError::RefusedFarEnd)),
            Input::Abort => ctx.disconnect(Err(CallError::Aborted { phase: Phase::B })),
            Input::Sent
            | Input::Frame(_)
            | Input::BadFrame
            | Input::Quiet
            | Input::Lengths(_)
            | Input::Page(_)
            | Input::PageMayStart(_) => Next::out_of_turn("Judged", input.name()),
        }
    }

    fn allowed(self, ctx: &mut Context) -> Next {
        let Self { met, cap } = self;
        match agree(&met.far, cap, ctx) {
            Ok(Choice { plainest, denser }) if denser.is_empty() => met.train(plainest, ctx),
            Ok(choice) => {
                let question = Question::Lengths { page: met.page, contracts: choice.contracts() };
                Next::Ask(State::AwaitLengths(AwaitLengths { met, choice }), question)
            }
            Err(error) => ctx.disconnect(Err(error)),
        }
    }
}

impl Met {
    fn train(self, contract: Contract, ctx: &mut Context) -> Next {
        let Self { far, csi, tries, page, rtns, coded } = self;
        train(Deal { far, csi, contract, page, rtns }, coded, tries, ctx)
    }
}

/// There is more than one coding to choose from; the caller owes us how long the pages are in each.
pub(crate) struct AwaitLengths {
    met: Met,
    choice: Choice,
}

impl AwaitLengths {
    pub(crate) fn step(self, input: Input, ctx: &mut Context) -> Next {
        match input {
            Input::Lengths(octets) => {
                self.met.train(self.choice.quickest(&octets, &ctx.settings), ctx)
            }
            Input::Abort => ctx.disconnect(Err(CallError::Aborted { phase: Phase::B })),
            Input::Sent
            | Input::Frame(_)
            | Input::BadFrame
            | Input::Quiet
            | Input::Judged(_)
            | Input::Page(_)
            | Input::PageMayStart(_) => Next::out_of_turn("Lengths", input.name()),
        }
    }
}

/// What the far end can, of modulations only those that our modem can send.
fn far_capabilities(fif: &[u8], ctx: &Context) -> Capabilities {
    let far = Capabilities::read(fif);
    Capabilities { modulations: far.modulations.and(ctx.settings.modulations), ..far }
}

/// The page was rejected in T.85, which its machine had offered: they agree anew, and for the rest of the call
/// on a coding that more machines have been tried with.
pub(crate) fn without_t85(deal: Deal, coded: Coded, ctx: &mut Context) -> Next {
    (ctx.settings.t85, ctx.t85) = (false, T85::Refused);
    let Deal { far, csi, contract, page, rtns } = deal;
    let met = Met { far, csi, tries: 1, page, rtns, coded: Some(coded) };
    AwaitVerdict { met, cap: contract.modulation }.allowed(ctx)
}

/// What there is to choose from, if the pages may go to a machine like this at all.
fn agree(far: &Capabilities, cap: Modulation, ctx: &Context) -> Result<Choice, CallError> {
    let ours = &ctx.settings;
    if !far.receives {
        return Err(CallError::CannotReceive);
    }
    if ours.sub.is_some() && !far.subaddress {
        return Err(CallError::NoSubaddress);
    }
    if ours.pwd.is_some() && !far.password {
        return Err(CallError::NoPassword);
    }
    let page_mm = ours.longest_page_mm;
    if let Some(limit_mm) = far.longest.limit_mm().filter(|&limit_mm| page_mm > limit_mm) {
        return Err(CallError::PageTooLong { page_mm, limit_mm });
    }
    contract::choice(far, ours, cap).ok_or(CallError::Incompatible)
}

/// Puts DCS and TCF on the line; `tries` counts those for this contract so far and this one.
///
/// `coded` is the page as it was coded last, if it was.
pub(crate) fn train(deal: Deal, coded: Option<Coded>, tries: u8, ctx: &mut Context) -> Next {
    let modulation = deal.contract.modulation;
    ctx.agreed(&deal.contract);
    ctx.tell(Event::Training { modulation, tries });

    let ours = &ctx.settings;
    let dcs_fif = dcs::fif(&deal.contract, &deal.far, ours);
    let frames = [
        ours.tsi.as_ref().map(|tsi| frame::command(Signal::TSI, tsi.fif(), Follows::More)),
        ours.sub.as_ref().map(|sub| frame::command(Signal::SUB, sub.fif(), Follows::More)),
        ours.pwd.as_ref().map(|pwd| frame::command(Signal::SID, pwd.fif(), Follows::More)),
        Some(frame::command(Signal::DCS, &dcs_fif, Follows::Last)),
    ];
    let tcf_ms = u32::try_from(TCF.as_millis()).unwrap_or(u32::MAX);
    let tcf = LineAction::SendFast {
        silence: GAP,
        modulation,
        training: Training::Long,
        what: Fast::Tcf,
        octets: vec![0; modulation.octets_in(tcf_ms)],
    };
    let (exchange, first) = Exchange::begin(control(frames.into_iter().flatten()), [tcf], tries);
    let state = AwaitCfr { deal, coded, exchange, csi: None, nsf: None };
    Next::Line(State::AwaitCfr(state), first)
}

/// DCS and TCF are on the line; the called machine owes us CFR or FTT.
pub(crate) struct AwaitCfr {
    deal: Deal,
    coded: Option<Coded>,
    exchange: Exchange,
    /// Heard before another DIS.
    csi: Option<String>,
    nsf: Option<Vec<u8>>,
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
                ctx.t85 = ctx.t85.understood();
                ctx.tell(Event::Trained { modulation: self.deal.contract.modulation });
                phase_c::begin(self.deal, self.coded)
            }
            Reply::Ftt => self.slower(ctx),
            Reply::Dis { fif } => self.presented_again(fif, ctx),
            Reply::Crp => {
                let turn = self.exchange.again();
                self.take(turn, now, ctx)
            }
            // After RTN phase C of this page has been on the line.
            Reply::Dcn if self.deal.rtns > 0 => {
                Next::Over(Err(CallError::DcnAfterPage { page: self.deal.page }))
            }
            Reply::Dcn => Next::Over(Err(CallError::DcnBeforePage { page: self.deal.page })),
            Reply::Csi { fif } => {
                self.csi = identity::decode_csi(&fif);
                let turn = self.exchange.listen_on(now); // a DIS follows
                self.take(turn, now, ctx)
            }
            Reply::Nsf { fif } => {
                self.nsf = Some(identity::kept_of_nsf(fif));
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
        ctx.t85 = ctx.t85.understood();
        let last = self.deal.contract.modulation;
        match self.deal.far.modulations.below(last) {
            Some(modulation) => {
                self.deal.contract.modulation = modulation;
                train(self.deal, self.coded, 1, ctx)
            }
            None => ctx.disconnect(Err(CallError::CannotTrain { last })),
        }
    }

    /// DIS again: it did not hear our DCS, or did not like it. It may offer less this time, and if it
    /// calls itself by another name than the one that was allowed, it is judged once more.
    ///
    /// T.85 is given up for the call unless an answer has shown before that it can read a DCS with it: the
    /// DCS of another coding is another one, with tries of its own.
    fn presented_again(self, fif: Vec<u8>, ctx: &mut Context) -> Next {
        let Self { deal, coded, exchange, csi, nsf } = self;
        let far = far_capabilities(&fif, ctx);
        let renamed = csi.is_some() && csi != deal.csi;
        let tries = if ctx.t85 == T85::Asked {
            ctx.settings.t85 = false;
            // Another machine, or one that offers it no longer, has refused nothing.
            if !renamed && far.ecm && far.t85 {
                ctx.t85 = T85::Refused;
            }
            1
        } else {
            exchange.tries().saturating_add(1)
        };
        if tries > TRIES {
            return ctx.disconnect(Err(CallError::NoReplyToDcs { tries: exchange.tries() }));
        }
        let met = Met {
            far,
            csi: if renamed { csi } else { deal.csi },
            tries,
            page: deal.page,
            rtns: deal.rtns,
            coded,
        };
        let state = AwaitVerdict { met, cap: deal.contract.modulation };
        if renamed {
            let far_end = FarEnd { csi: state.met.csi.clone(), dis: fif, nsf };
            return Next::Ask(State::AwaitVerdict(state), Question::FarEnd(far_end));
        }
        state.allowed(ctx)
    }
}
