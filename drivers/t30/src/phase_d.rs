//! Phase D: the page is out; what does the far end say to it?
//!
//! In: frames after EOP, MPS, PPS, RR, CTC and EOR. Out: a confirmation, more of the page, the next
//! page, or the end.
//! Source: ITU-T T.30 (09/2005) 5.3.6.1.6 and 5.3.6.1.7, figure 5-2b; Annex A, A.4 and A.5.4.
//! Not here: what an ending is worth (`src/settle`).

use crate::{
    confirmed::PageConfirmed,
    contract::Coding,
    dcs,
    driving::{Event, Input},
    ecm::Block,
    error::{CallError, Phase},
    exchange::{Exchange, Turn},
    frame::{Asked, Positive, Reply, Then},
    modulation::{Modulation, Training},
    phase_b::{self, Deal},
    phase_c::{self, Carrier, Sheet},
    session::{Context, Next, State},
    signal::Signal,
    timers::{Millis, PPR_LIMIT, RTN_RESENDS, T5},
};

/// The carrier has ended: say what it was the end of.
pub(crate) fn begin(sheet: Sheet, carrier: Carrier, ctx: &Context) -> Next {
    match carrier {
        Carrier::Whole => {
            let command = end_of_page(&sheet, ctx);
            let (exchange, action) = Exchange::command(command, &[]);
            let state = AwaitPageReply { sheet, command, exchange };
            Next::Line(State::AwaitPageReply(state), action)
        }
        Carrier::Block(block) => AwaitBlockReply::ask(sheet, block, ctx),
    }
}

/// EOP after the last page, else MPS: all pages are of one kind, so phase B need not be begun anew.
fn end_of_page(sheet: &Sheet, ctx: &Context) -> Signal {
    if ctx.is_last(sheet.deal.page) { Signal::EOP } else { Signal::MPS }
}

/// What the block is the end of, as the FCF2 of PPS and EOR says it.
fn end_of_block(sheet: &Sheet, block: &Block, ctx: &Context) -> Option<Signal> {
    block.is_last().then(|| end_of_page(sheet, ctx))
}

/// The only way to a confirmed page.
fn confirmed(deal: Deal, positive: Positive, ctx: &mut Context) -> Next {
    let then = positive.then();
    ctx.confirm(PageConfirmed::new(deal.page, positive));
    if ctx.is_last(deal.page) {
        return ctx.disconnect(Ok(()));
    }
    let next = Deal { page: deal.page.saturating_add(1), rtns: 0, ..deal };
    match then {
        Then::GoOn => phase_c::begin(next, None),
        Then::Retrain => phase_b::train(next, None, 1, ctx),
    }
}

/// RTN: the same page again, slower if that is possible, with training. The receiver may have
/// printed the first one, so this is done [`RTN_RESENDS`] times and not more. In T.85 no lower rate mends it, for
/// with error correction the octets were right: another coding may.
fn rejected(sheet: Sheet, ctx: &mut Context) -> Next {
    let Sheet { mut deal, coded } = sheet;
    deal.rtns = deal.rtns.saturating_add(1);
    if deal.rtns > RTN_RESENDS {
        return ctx.disconnect(Err(CallError::Rtn { page: deal.page, times: deal.rtns }));
    }
    ctx.tell(Event::Repeat { page: deal.page, frames: 0 });
    match deal.contract.coding {
        Coding::T85 => phase_b::without_t85(deal, coded, ctx),
        Coding::Mh | Coding::Mr | Coding::Mmr => {
            if let Some(modulation) = deal.far.modulations.below(deal.contract.modulation) {
                deal.contract.modulation = modulation;
            }
            phase_b::train(deal, Some(coded), 1, ctx)
        }
    }
}

/// A page without ECM is out; the called machine owes us MCF, RTP, RTN, PIP or PIN.
pub(crate) struct AwaitPageReply {
    sheet: Sheet,
    command: Signal,
    exchange: Exchange,
}

impl AwaitPageReply {
    const WAITING_FOR: &str = "MCF, RTP or RTN";

    pub(crate) fn step(mut self, now: Millis, input: Input, ctx: &mut Context) -> Next {
        let turn = self.exchange.step(now, input);
        self.take(turn, now, ctx)
    }

    fn take(self, turn: Turn, now: Millis, ctx: &mut Context) -> Next {
        match turn {
            Turn::Line(action) | Turn::Again(action, _) => {
                Next::Line(State::AwaitPageReply(self), action)
            }
            Turn::Reply(reply, signal) => self.reply(reply, signal, now, ctx),
            Turn::Silence => {
                let (page, to) = (self.sheet.deal.page, self.command);
                let no_reply =
                    CallError::NoReplyAfterPage { page, to, tries: self.exchange.tries() };
                ctx.disconnect(Err(self.exchange.silence(Self::WAITING_FOR, Phase::D, no_reply)))
            }
            Turn::Aborted => ctx.disconnect(Err(CallError::Aborted { phase: Phase::D })),
            Turn::Misplaced(got) => Next::out_of_turn(Self::WAITING_FOR, got),
        }
    }

    fn reply(mut self, reply: Reply, signal: Signal, now: Millis, ctx: &mut Context) -> Next {
        let page = self.sheet.deal.page;
        match reply {
            Reply::Positive(positive) => confirmed(self.sheet.deal, positive, ctx),
            Reply::Rtn => rejected(self.sheet, ctx),
            Reply::Pin => ctx.disconnect(Err(CallError::Pin { page })),
            Reply::Dcn => Next::Over(Err(CallError::DcnAfterPage { page })),
            Reply::Crp => {
                let turn = self.exchange.again();
                self.take(turn, now, ctx)
            }
            Reply::Dis { .. }
            | Reply::Csi { .. }
            | Reply::Nsf { .. }
            | Reply::Dtc
            | Reply::Cfr
            | Reply::Ftt
            | Reply::Ctr
            | Reply::Ppr(_)
            | Reply::Rnr
            | Reply::Err
            | Reply::Other => {
                let turn = self.exchange.ignore(now, signal);
                self.take(turn, now, ctx)
            }
        }
    }
}

/// A block is out; the called machine owes us MCF, PPR or RNR.
pub(crate) struct AwaitBlockReply {
    sheet: Sheet,
    block: Block,
    /// PPS, or RR once the receiver was busy.
    command: Signal,
    /// When it first said that it is busy (T5 runs from there).
    busy_since: Option<Millis>,
    exchange: Exchange,
}

impl AwaitBlockReply {
    const WAITING_FOR: &str = "MCF, PPR or RNR";

    /// Says PPS for this block.
    fn ask(sheet: Sheet, block: Block, ctx: &Context) -> Next {
        let fif = block.pps_fif(sheet.deal.page, end_of_block(&sheet, &block, ctx));
        let (exchange, action) = Exchange::command(Signal::PPS, &fif);
        let state = Self { sheet, block, command: Signal::PPS, busy_since: None, exchange };
        Next::Line(State::AwaitBlockReply(state), action)
    }

    pub(crate) fn step(mut self, now: Millis, input: Input, ctx: &mut Context) -> Next {
        let turn = self.exchange.step(now, input);
        self.take(turn, now, ctx)
    }

    fn take(self, turn: Turn, now: Millis, ctx: &mut Context) -> Next {
        match turn {
            Turn::Line(action) | Turn::Again(action, _) => {
                Next::Line(State::AwaitBlockReply(self), action)
            }
            Turn::Reply(reply, signal) => self.reply(reply, signal, now, ctx),
            Turn::Silence => {
                let (page, to) = (self.sheet.deal.page, self.command);
                let no_reply =
                    CallError::NoReplyAfterPage { page, to, tries: self.exchange.tries() };
                ctx.disconnect(Err(self.exchange.silence(Self::WAITING_FOR, Phase::D, no_reply)))
            }
            Turn::Aborted => ctx.disconnect(Err(CallError::Aborted { phase: Phase::D })),
            Turn::Misplaced(got) => Next::out_of_turn(Self::WAITING_FOR, got),
        }
    }

    fn reply(mut self, reply: Reply, signal: Signal, now: Millis, ctx: &mut Context) -> Next {
        let page = self.sheet.deal.page;
        match reply {
            Reply::Positive(positive) if self.block.is_last() => {
                confirmed(self.sheet.deal, positive, ctx)
            }
            // A part is no page: nothing is confirmed yet.
            Reply::Positive(_) => {
                let modulation = self.sheet.deal.contract.modulation;
                let next = self.block.after(self.sheet.octets(), modulation);
                phase_c::ask_leave(self.sheet, Carrier::Block(next))
            }
            Reply::Ppr(asked) => self.again(asked, ctx),
            Reply::Rnr => self.busy(now, ctx),
            Reply::Rtn => rejected(self.sheet, ctx),
            Reply::Pin => ctx.disconnect(Err(CallError::Pin { page })),
            Reply::Dcn => Next::Over(Err(CallError::DcnAfterPage { page })),
            Reply::Crp => {
                let turn = self.exchange.again();
                self.take(turn, now, ctx)
            }
            Reply::Dis { .. }
            | Reply::Csi { .. }
            | Reply::Nsf { .. }
            | Reply::Dtc
            | Reply::Cfr
            | Reply::Ftt
            | Reply::Ctr
            | Reply::Err
            | Reply::Other => {
                let turn = self.exchange.ignore(now, signal);
                self.take(turn, now, ctx)
            }
        }
    }

    /// PPR: the frames it names, at this rate three times, then slower (A.4.1).
    ///
    /// Some receivers send a PPR that names no frame. That is not a confirmation, and there is
    /// nothing to send: ask again with PPS, and count it.
    fn again(self, asked: Asked, ctx: &mut Context) -> Next {
        let Self { sheet, mut block, .. } = self;
        block.ask(asked);
        block.pprs = block.pprs.saturating_add(1);
        block.training = sheet.deal.contract.modulation.page_training();
        let frames = block.to_go();
        ctx.tell(Event::Repeat { page: sheet.deal.page, frames });
        match (block.pprs < PPR_LIMIT, frames) {
            (true, 0) => Self::ask(sheet, block, ctx),
            (true, _) => phase_c::ask_leave(sheet, Carrier::Block(block)),
            (false, 0) => AwaitErr::ask(sheet, block, ctx),
            (false, _) => match sheet.deal.far.modulations.below(sheet.deal.contract.modulation) {
                Some(modulation) => AwaitCtr::ask(sheet, block, modulation),
                None => AwaitErr::ask(sheet, block, ctx),
            },
        }
    }

    /// RNR: ask RR until it is ready, or T5 is over (A.5.4.1).
    fn busy(self, now: Millis, ctx: &Context) -> Next {
        let since = self.busy_since.unwrap_or(now);
        if now.since(since) >= T5 {
            return ctx.disconnect(Err(CallError::RnrTimeout { page: self.sheet.deal.page }));
        }
        let (exchange, action) = Exchange::command(Signal::RR, &[]);
        let state = Self { command: Signal::RR, busy_since: Some(since), exchange, ..self };
        Next::Line(State::AwaitBlockReply(state), action)
    }
}

/// CTC said that we go on correcting at a lower rate; the called machine owes us CTR.
pub(crate) struct AwaitCtr {
    sheet: Sheet,
    block: Block,
    slower: Modulation,
    exchange: Exchange,
}

impl AwaitCtr {
    fn ask(sheet: Sheet, block: Block, slower: Modulation) -> Next {
        let (exchange, action) = Exchange::command(Signal::CTC, &dcs::ctc_fif(slower));
        Next::Line(State::AwaitCtr(Self { sheet, block, slower, exchange }), action)
    }

    pub(crate) fn step(mut self, now: Millis, input: Input, ctx: &mut Context) -> Next {
        let turn = self.exchange.step(now, input);
        self.take(turn, now, ctx)
    }

    fn take(self, turn: Turn, now: Millis, ctx: &mut Context) -> Next {
        match turn {
            Turn::Line(action) | Turn::Again(action, _) => {
                Next::Line(State::AwaitCtr(self), action)
            }
            Turn::Reply(reply, signal) => self.reply(reply, signal, now, ctx),
            Turn::Silence => {
                let (page, tries) = (self.sheet.deal.page, self.exchange.tries());
                let no_reply = CallError::NoReplyToCtc { page, tries };
                ctx.disconnect(Err(self.exchange.silence("CTR", Phase::D, no_reply)))
            }
            Turn::Aborted => ctx.disconnect(Err(CallError::Aborted { phase: Phase::D })),
            Turn::Misplaced(got) => Next::out_of_turn("CTR", got),
        }
    }

    fn reply(mut self, reply: Reply, signal: Signal, now: Millis, ctx: &mut Context) -> Next {
        match reply {
            Reply::Ctr => {
                self.sheet.deal.contract.modulation = self.slower;
                ctx.agreed(&self.sheet.deal.contract);
                self.block.pprs = 0;
                // No TCF went before at this rate, so the first carrier trains long (A.4.2).
                self.block.training = Training::Long;
                phase_c::ask_leave(self.sheet, Carrier::Block(self.block))
            }
            Reply::Dcn => Next::Over(Err(CallError::DcnAfterPage { page: self.sheet.deal.page })),
            Reply::Crp => {
                let turn = self.exchange.again();
                self.take(turn, now, ctx)
            }
            Reply::Dis { .. }
            | Reply::Csi { .. }
            | Reply::Nsf { .. }
            | Reply::Dtc
            | Reply::Cfr
            | Reply::Ftt
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
}

/// EOR said that we stop correcting; the called machine owes us ERR. The page is lost whatever it
/// says: the wait only keeps our DCN from meeting its answer.
pub(crate) struct AwaitErr {
    error: CallError,
    exchange: Exchange,
}

impl AwaitErr {
    fn ask(sheet: Sheet, block: Block, ctx: &Context) -> Next {
        let fif = [Block::fcf2(end_of_block(&sheet, &block, ctx))];
        let (exchange, action) = Exchange::command(Signal::EOR, &fif);
        let error = CallError::PprExhausted { page: sheet.deal.page, frames: block.to_go() };
        Next::Line(State::AwaitErr(Self { error, exchange }), action)
    }

    pub(crate) fn step(mut self, now: Millis, input: Input, ctx: &mut Context) -> Next {
        let turn = self.exchange.step(now, input);
        self.take(turn, now, ctx)
    }

    fn take(mut self, turn: Turn, now: Millis, ctx: &mut Context) -> Next {
        match turn {
            Turn::Line(action) | Turn::Again(action, _) => {
                Next::Line(State::AwaitErr(self), action)
            }
            Turn::Silence | Turn::Aborted => ctx.disconnect(Err(self.error)),
            Turn::Misplaced(got) => Next::out_of_turn("ERR", got),
            Turn::Reply(reply, signal) => match reply {
                Reply::Err | Reply::Rnr => ctx.disconnect(Err(self.error)),
                Reply::Dcn => Next::Over(Err(self.error)),
                Reply::Crp => {
                    let turn = self.exchange.again();
                    self.take(turn, now, ctx)
                }
                Reply::Dis { .. }
                | Reply::Csi { .. }
                | Reply::Nsf { .. }
                | Reply::Dtc
                | Reply::Cfr
                | Reply::Ftt
                | Reply::Ctr
                | Reply::Positive(_)
                | Reply::Rtn
                | Reply::Pin
                | Reply::Ppr(_)
                | Reply::Other => {
                    let turn = self.exchange.ignore(now, signal);
                    self.take(turn, now, ctx)
                }
            },
        }
    }
}
