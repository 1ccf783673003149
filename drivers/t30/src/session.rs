//! The session: takes turns with its caller, and hands each input to the state that waits for it.
//!
//! In: [`Input`]s and the time. Out: [`Output`]s.
//! Source: the turn-taking is ours; the states are the phases of ITU-T T.30 (09/2005) 3.
//! Not here: what a state does with an input (`phase_a` to `phase_e`).

use alloc::collections::VecDeque;

use crate::{
    confirmed::PageConfirmed,
    contract::Contract,
    dis::A4_MM,
    driving::{Event, Fast, Input, LineAction, Output, Question},
    error::{CallError, Phase},
    identity::Identity,
    modulation::{Modulation, Modulations},
    phase_a::AwaitDis,
    phase_b::{AwaitCfr, AwaitLengths, AwaitVerdict},
    phase_c::{AwaitLeave, AwaitPage, AwaitPageSent},
    phase_d::{AwaitBlockReply, AwaitCtr, AwaitErr, AwaitPageReply},
    phase_e::AwaitDcnSent,
    subaddress::{Password, Subaddress},
    t85::T85,
    timers::Millis,
};

/// What we have to send and how we are willing to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SenderSettings {
    /// Our identity; `None` sends no TSI and saves 0.7 s of line time.
    pub tsi: Option<Identity>,
    /// Pages of the call, at least 1.
    pub pages: u16,
    /// The pages are fine (7.7 line/mm); a machine without it is asked for standard ones.
    pub fine: bool,
    /// Error correction where the far end has it.
    pub ecm: bool,
    /// Two-dimensional coding where the far end has it.
    pub mr: bool,
    /// T.6 coding where the far end has it; needs ECM.
    pub mmr: bool,
    /// T.85 coding where the far end has it; needs ECM.
    pub t85: bool,
    /// Nothing above this on the ladder V.17, V.29, V.27ter is tried.
    pub fastest: Modulation,
    /// What our modem can send; nothing else is tried.
    pub modulations: Modulations,
    /// Length of the longest page in mm: a machine with shorter paper gets none of them.
    pub longest_page_mm: u16,
    /// The box that the pages are for: a machine without boxes gets none of them.
    pub sub: Option<Subaddress>,
    /// What opens the box: a machine that takes no password gets none of the pages.
    pub pwd: Option<Password>,
}

impl SenderSettings {
    /// Everything that this crate can, for so many pages of A4; no TSI, no box.
    #[must_use]
    pub const fn new(pages: u16) -> Self {
        Self {
            tsi: None,
            pages,
            fine: true,
            ecm: true,
            mr: true,
            mmr: true,
            t85: true,
            fastest: Modulation::V17At14400,
            modulations: Modulations::ALL,
            longest_page_mm: A4_MM,
            sub: None,
            pwd: None,
        }
    }
}

/// The sending side of one call, from the answer to the last DCN.
///
/// # Driving it
///
/// 1. [`poll`](Self::poll) gives exactly one [`Output`].
/// 2. After [`Output::Line`] carry the action out wholly; after [`Output::Ask`] find the answer. Hand
///    exactly one answering [`Input`] to [`handle`](Self::handle), then go to 1.
/// 3. After [`Output::Event`] go to 1 without an input.
/// 4. After [`Output::Ended`] hang up. It stays that way: every further `poll` says the same, every
///    further input is dropped.
///
/// [`Input::Abort`] is taken at any time, in place of an answer or between two turns; the session
/// then ends within one DCN. Anything else out of turn ends it with [`CallError::OutOfTurn`] and
/// nothing more on the line. `now` never goes back. Nothing here panics, whatever comes.
///
/// How long it lasts is bounded by T1, by three tries of each command, by the way down the ladder,
/// and by T5 for each busy receiver.
pub struct Sender {
    ctx: Context,
    state: State,
    turn: Turn,
    page_started: bool,
}

/// Who is next to speak.
enum Turn {
    /// We are; nothing was said yet.
    Begin,
    /// We are, and this is what we say.
    Ours(Output),
    /// The caller owes an answer.
    Theirs,
}

impl Sender {
    #[must_use]
    pub fn new(settings: SenderSettings) -> Self {
        let ctx = Context {
            settings,
            events: VecDeque::new(),
            contract: None,
            t85: T85::default(),
            pages_confirmed: 0,
        };
        Self { ctx, state: State::NotBegun, turn: Turn::Begin, page_started: false }
    }

    /// What to do next. The first call starts T1.
    pub fn poll(&mut self, now: Millis) -> Output {
        if let Some(event) = self.ctx.events.pop_front() {
            return Output::Event(event);
        }
        if let State::Over(result) = &self.state {
            return Output::Ended(result.clone());
        }
        match core::mem::replace(&mut self.turn, Turn::Theirs) {
            Turn::Begin if self.ctx.settings.pages == 0 => {
                self.go(Next::Over(Err(CallError::NoPages)));
                self.poll(now)
            }
            Turn::Begin => {
                self.go(AwaitDis::begin(now));
                self.poll(now)
            }
            Turn::Ours(output) => {
                if starts_page(&output) {
                    self.page_started = true;
                    self.ctx.t85 = self.ctx.t85.page_begins();
                }
                output
            }
            Turn::Theirs => {
                self.go(Next::out_of_turn("an answer", "poll"));
                self.poll(now)
            }
        }
    }

    /// Takes the answer to the last output, which came at `now`.
    pub fn handle(&mut self, now: Millis, input: Input) {
        if matches!(self.state, State::Over(_)) {
            return;
        }
        let next = match (&self.turn, &input) {
            // DCN is about to go out; there is nothing left to stop.
            (Turn::Ours(_), Input::Abort) if matches!(self.state, State::AwaitDcnSent(_)) => return,
            (Turn::Theirs, _) | (Turn::Begin | Turn::Ours(_), Input::Abort) => {
                let state = core::mem::replace(&mut self.state, State::NotBegun);
                state.step(now, input, &mut self.ctx)
            }
            (
                Turn::Begin | Turn::Ours(_),
                Input::Sent
                | Input::Frame(_)
                | Input::BadFrame
                | Input::Quiet
                | Input::Judged(_)
                | Input::Lengths(_)
                | Input::Page(_)
                | Input::PageMayStart(_),
            ) => Next::out_of_turn("poll", input.name()),
        };
        self.go(next);
    }

    /// A phase C carrier was given out: from then on nobody can say that nothing was printed.
    #[must_use]
    pub fn page_started(&self) -> bool {
        self.page_started
    }

    /// Pages that the far end confirmed.
    #[must_use]
    pub fn pages_confirmed(&self) -> u16 {
        self.ctx.pages_confirmed
    }

    /// The contract that stands, once one does.
    #[must_use]
    pub fn contract(&self) -> Option<&Contract> {
        self.ctx.contract.as_ref()
    }

    /// How far the far end has gone along with T.85.
    #[must_use]
    pub fn t85(&self) -> T85 {
        self.ctx.t85
    }

    fn go(&mut self, next: Next) {
        let (state, turn) = match next {
            Next::Line(state, action) => (state, Turn::Ours(Output::Line(action))),
            Next::Ask(state, question) => (state, Turn::Ours(Output::Ask(question))),
            Next::Over(result) => (State::Over(result), Turn::Theirs),
        };
        (self.state, self.turn) = (state, turn);
    }
}

fn starts_page(output: &Output) -> bool {
    match output {
        Output::Line(LineAction::SendFast { what: Fast::Page { .. }, .. }) => true,
        Output::Line(
            LineAction::SendFast { what: Fast::Tcf, .. }
            | LineAction::SendControl { .. }
            | LineAction::Receive { .. },
        )
        | Output::Ask(_)
        | Output::Event(_)
        | Output::Ended(_) => false,
    }
}

/// What outlives each state.
pub(crate) struct Context {
    pub(crate) settings: SenderSettings,
    events: VecDeque<Event>,
    contract: Option<Contract>,
    pub(crate) t85: T85,
    pages_confirmed: u16,
}

impl Context {
    pub(crate) fn tell(&mut self, event: Event) {
        self.events.push_back(event);
    }

    /// Tells of a contract if it is new.
    pub(crate) fn agreed(&mut self, contract: &Contract) {
        if self.contract.as_ref() != Some(contract) {
            self.contract = Some(contract.clone());
            self.t85 = self.t85.agreed(contract.coding);
            self.tell(Event::Agreed(contract.clone()));
        }
    }

    pub(crate) fn confirm(&mut self, proof: PageConfirmed) {
        self.pages_confirmed = self.pages_confirmed.saturating_add(1);
        self.t85 = self.t85.confirmed();
        self.tell(Event::Confirmed(proof));
    }

    pub(crate) fn is_last(&self, page: u16) -> bool {
        page.saturating_add(1) >= self.settings.pages
    }

    /// DCN, then the end.
    pub(crate) fn disconnect(&self, result: Result<(), CallError>) -> Next {
        AwaitDcnSent::begin(result)
    }
}

/// What a step leads to.
pub(crate) enum Next {
    Line(State, LineAction),
    Ask(State, Question),
    /// The end, with nothing more on the line.
    Over(Result<(), CallError>),
}

impl Next {
    pub(crate) fn out_of_turn(waiting_for: &'static str, got: &'static str) -> Self {
        Self::Over(Err(CallError::OutOfTurn { waiting_for, got }))
    }
}

/// Whose answer the session waits for, in the order of a call.
pub(crate) enum State {
    NotBegun,
    AwaitDis(AwaitDis),
    AwaitVerdict(AwaitVerdict),
    AwaitLengths(AwaitLengths),
    AwaitCfr(AwaitCfr),
    AwaitPage(AwaitPage),
    AwaitLeave(AwaitLeave),
    AwaitPageSent(AwaitPageSent),
    AwaitPageReply(AwaitPageReply),
    AwaitBlockReply(AwaitBlockReply),
    AwaitCtr(AwaitCtr),
    AwaitErr(AwaitErr),
    AwaitDcnSent(AwaitDcnSent),
    Over(Result<(), CallError>),
}

impl State {
    fn step(self, now: Millis, input: Input, ctx: &mut Context) -> Next {
        match self {
            Self::NotBegun => Next::Over(Err(CallError::Aborted { phase: Phase::A })),
            Self::AwaitDis(state) => state.step(now, input, ctx),
            Self::AwaitVerdict(state) => state.step(input, ctx),
            Self::AwaitLengths(state) => state.step(input, ctx),
            Self::AwaitCfr(state) => state.step(now, input, ctx),
            Self::AwaitPage(state) => state.step(input, ctx),
            Self::AwaitLeave(state) => state.step(input, ctx),
            Self::AwaitPageSent(state) => state.step(input, ctx),
            Self::AwaitPageReply(state) => state.step(now, input, ctx),
            Self::AwaitBlockReply(state) => state.step(now, input, ctx),
            Self::AwaitCtr(state) => state.step(now, input, ctx),
            Self::AwaitErr(state) => state.step(now, input, ctx),
            Self::AwaitDcnSent(state) => state.step(input),
            Self::Over(result) => Next::Over(result),
        }
    }
}
