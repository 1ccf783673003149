//! Phase C: the page goes out.
//!
//! In: a trained line. Out: the page, or the part of it that the far end lacks, and the turn to
//! phase D.
//! Source: ITU-T T.30 (09/2005) 5.2, 5.1 (silences); T.4 (07/2003) 4 and Annex A.
//! Not here: coding of pels (`drivers/t4`), frames of a block (`ecm`).

use alloc::vec::Vec;

use crate::{
    contract::Contract,
    driving::{Fast, Input, LineAction, Question},
    ecm::Block,
    error::{CallError, Phase},
    phase_b::Deal,
    phase_d,
    session::{Context, Next, State},
    timers::GAP,
};

/// A page as the caller coded it, and for what. It goes with one page and never on to the next.
pub(crate) struct Coded {
    contract: Contract,
    octets: Vec<u8>,
}

impl Coded {
    /// The octets serve another contract if it asks for the same coding and needs the same fill:
    /// fill counts bits, so it depends on the rate.
    fn serves(&self, contract: &Contract) -> bool {
        let same_fill = contract.min_scan_line == self.contract.min_scan_line
            && (contract.min_scan_line.is_zero()
                || contract.modulation.rate_bps() == self.contract.modulation.rate_bps());
        contract.ecm == self.contract.ecm
            && contract.coding == self.contract.coding
            && contract.resolution == self.contract.resolution
            && same_fill
    }
}

/// A page ready for the line.
pub(crate) struct Sheet {
    pub(crate) deal: Deal,
    pub(crate) coded: Coded,
}

impl Sheet {
    pub(crate) fn octets(&self) -> &[u8] {
        &self.coded.octets
    }
}

/// What one phase C carrier holds.
pub(crate) enum Carrier {
    Whole,
    Block(Block),
}

/// The line is trained for `deal`: get the page, then leave to start it.
pub(crate) fn begin(deal: Deal, coded: Option<Coded>) -> Next {
    match coded {
        Some(coded) if coded.serves(&deal.contract) => ask_leave_for_page(Sheet { deal, coded }),
        Some(_) | None => {
            let question = Question::Page { page: deal.page, contract: deal.contract.clone() };
            Next::Ask(State::AwaitPage(AwaitPage { deal }), question)
        }
    }
}

fn ask_leave_for_page(sheet: Sheet) -> Next {
    let carrier = if sheet.deal.contract.ecm {
        Carrier::Block(Block::at(0, sheet.octets(), sheet.deal.contract.modulation))
    } else {
        Carrier::Whole
    };
    ask_leave(sheet, carrier)
}

/// Every carrier of phase C comes through here.
pub(crate) fn ask_leave(sheet: Sheet, carrier: Carrier) -> Next {
    let question = Question::PageStart { page: sheet.deal.page };
    Next::Ask(State::AwaitLeave(AwaitLeave { sheet, carrier }), question)
}

/// The called machine listens for the page; the caller owes us its octets.
pub(crate) struct AwaitPage {
    deal: Deal,
}

impl AwaitPage {
    pub(crate) fn step(self, input: Input, ctx: &mut Context) -> Next {
        let Deal { page, ref contract, .. } = self.deal;
        match input {
            Input::Page(octets) if octets.is_empty() => {
                ctx.disconnect(Err(CallError::PageEmpty { page }))
            }
            Input::Page(octets) => {
                let coded = Coded { contract: contract.clone(), octets };
                ask_leave_for_page(Sheet { deal: self.deal, coded })
            }
            Input::Abort => ctx.disconnect(Err(CallError::Aborted { phase: Phase::B })),
            Input::Sent
            | Input::Frame(_)
            | Input::BadFrame
            | Input::Quiet
            | Input::Judged(_)
            | Input::Lengths(_)
            | Input::PageMayStart(_) => Next::out_of_turn("Page", input.name()),
        }
    }
}

/// The page is ready; the caller owes us leave to start it.
pub(crate) struct AwaitLeave {
    sheet: Sheet,
    carrier: Carrier,
}

impl AwaitLeave {
    pub(crate) fn step(self, input: Input, ctx: &mut Context) -> Next {
        let page = self.sheet.deal.page;
        match input {
            Input::PageMayStart(true) => self.start(),
            Input::PageMayStart(false) => ctx.disconnect(Err(CallError::PageNotAllowed { page })),
            Input::Abort => ctx.disconnect(Err(CallError::Aborted { phase: Phase::C })),
            Input::Sent
            | Input::Frame(_)
            | Input::BadFrame
            | Input::Quiet
            | Input::Judged(_)
            | Input::Lengths(_)
            | Input::Page(_) => Next::out_of_turn("PageMayStart", input.name()),
        }
    }

    fn start(self) -> Next {
        let Self { sheet, carrier } = self;
        let modulation = sheet.deal.contract.modulation;
        let (training, octets) = match &carrier {
            Carrier::Whole => (modulation.page_training(), sheet.octets().to_vec()),
            Carrier::Block(block) => (block.training, block.carrier(sheet.octets(), modulation)),
        };
        let what = Fast::Page { page: sheet.deal.page };
        let action = LineAction::SendFast { silence: GAP, modulation, training, what, octets };
        Next::Line(State::AwaitPageSent(AwaitPageSent { sheet, carrier }), action)
    }
}

/// The carrier is on the line; the modem owes us its end.
pub(crate) struct AwaitPageSent {
    sheet: Sheet,
    carrier: Carrier,
}

impl AwaitPageSent {
    pub(crate) fn step(self, input: Input, ctx: &mut Context) -> Next {
        match input {
            Input::Sent => phase_d::begin(self.sheet, self.carrier, ctx),
            Input::Abort => ctx.disconnect(Err(CallError::Aborted { phase: Phase::C })),
            Input::Frame(_)
            | Input::BadFrame
            | Input::Quiet
            | Input::Judged(_)
            | Input::Lengths(_)
            | Input::Page(_)
            | Input::PageMayStart(_) => Next::out_of_turn("Sent", input.name()),
        }
    }
}
