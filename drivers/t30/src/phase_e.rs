//! Phase E: say DCN and be gone.
//!
//! In: the end of our last signal. Out: the end of the session; hang up then, nothing answers a DCN.
//! Source: ITU-T T.30 (09/2005) 5.3.6.1.8.
//! Not here: on-hook (`drivers/modem`).

use crate::{
    driving::Input,
    error::CallError,
    exchange,
    frame::{self, Follows},
    session::{Next, State},
    signal::Signal,
};

/// DCN is on the line; the modem owes us its end.
pub(crate) struct AwaitDcnSent {
    result: Result<(), CallError>,
}

impl AwaitDcnSent {
    pub(crate) fn begin(result: Result<(), CallError>) -> Next {
        let dcn = exchange::control([frame::command(Signal::DCN, &[], Follows::Last)]);
        Next::Line(State::AwaitDcnSent(Self { result }), dcn)
    }

    /// Whatever came instead of `Sent`, the result stands: no later mishap undoes a confirmation.
    pub(crate) fn step(self, input: Input) -> Next {
        match input {
            Input::Sent
            | Input::Frame(_)
            | Input::BadFrame
            | Input::Quiet
            | Input::Judged(_)
            | Input::Lengths(_)
            | Input::Page(_)
            | Input::PageMayStart(_)
            | Input::Abort => Next::Over(self.result),
        }
    }
}
